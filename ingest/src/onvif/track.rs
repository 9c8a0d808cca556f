//! [`MetadataTrack`]: reads the metadata documents of a camera's RTSP session into events.
//!
//! It listens at a lossy tap: however slow it is, the recorder of the same process never waits for it.

use std::time::Duration;

use chrono::TimeDelta;
use tillsight_schemas::camera_event::CameraEventVia;
use tillsight_schemas::metric;
use tokio_util::sync::CancellationToken;

use super::event::{Moment, Origin};
use super::metadata::{Document, Frame};
use super::outbox::{Outbox, dropped};
use super::scene::{INTERVAL, Scene};
use crate::rtsp::{Metadata, Tap};

/// How much of an undecodable document is shown, in bytes.
const EXCERPT: usize = 300;
/// Frames of one document are at most this far apart.
const MAX_SPREAD: TimeDelta = TimeDelta::seconds(60);

/// The metadata track of one camera.
#[derive(Debug)]
pub struct MetadataTrack {
    origin: Origin,
    outbox: Outbox,
    scene: Scene,
    undecodable: u64,
}

impl MetadataTrack {
    /// Prepares to read the documents of a camera.
    pub fn new(origin: Origin, outbox: Outbox) -> Self {
        Self { origin, outbox, scene: Scene::default(), undecodable: 0 }
    }

    /// Reads until the stream is read no more, or `stop` is cancelled.
    pub async fn run(mut self, mut tap: Tap<Metadata>, stop: CancellationToken) {
        let rest = INTERVAL.to_std().unwrap_or(Duration::from_millis(200));
        loop {
            let waiting = self.scene.is_waiting();
            tokio::select! {
                () = stop.cancelled() => break,
                document = tap.next() => match document {
                    Some(document) => self.document(&document),
                    None => break,
                },
                () = tokio::time::sleep(rest), if waiting => self.rest(),
            }
        }
        self.rest();
    }

    /// Takes a document.
    pub fn document(&mut self, message: &Metadata) {
        let document = match Document::read(&message.xml) {
            Ok(document) => document,
            Err(problem) => {
                self.undecodable += 1;
                metrics::counter!(metric::CAMERA_UNDECODABLE, &self.origin.labels()).increment(1);
                // A camera that sends nothing else would fill the log.
                if self.undecodable.is_power_of_two() {
                    let excerpt = message.xml.get(..EXCERPT).unwrap_or(&message.xml);
                    let (excerpt, number) = (String::from_utf8_lossy(excerpt), self.undecodable);
                    tracing::warn!(camera = %self.origin, %problem, number, ?excerpt, "undecodable metadata");
                }
                return;
            }
        };
        let moment = Moment::of_metadata(message.utc_us, message.arrived_us);
        for notification in &document.notifications {
            self.outbox.event(self.origin.notified(notification, CameraEventVia::Metadata, moment));
        }
        let newest = document.frames.iter().filter_map(|frame| frame.time).max();
        for frame in document.frames {
            let before = newest.zip(frame.time).map_or(TimeDelta::zero(), |(newest, time)| newest - time);
            let moment = moment.earlier(before.clamp(TimeDelta::zero(), MAX_SPREAD));
            let taken = self.scene.take(frame, moment);
            if taken.passed_over > 0 {
                dropped(&self.origin.labels(), "rate", taken.passed_over);
            }
            if let Some((frame, moment)) = taken.ready {
                self.send(&frame, moment);
            }
        }
    }

    /// Hands on the frames that wait: nothing newer has come.
    pub fn rest(&mut self) {
        for (frame, moment) in self.scene.rest() {
            self.send(&frame, moment);
        }
    }

    /// How many documents could not be read.
    pub fn undecodable(&self) -> u64 {
        self.undecodable
    }

    fn send(&self, frame: &Frame, moment: Moment) {
        for event in self.origin.seen(frame, moment) {
            self.outbox.event(event);
        }
    }
}
