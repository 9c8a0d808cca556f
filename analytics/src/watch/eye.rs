//! [`Eye`]: the thread of one camera that decodes, and decides which pictures are worth a look.
//!
//! Every frame is decoded (or key frames only); a look is due at the rate of the configuration. A picture that cannot be
//! believed is said to be so at once and costs no detector.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::metric;
use tillsight_schemas::presence::Blind;
use tokio::sync::mpsc;

use super::{CameraPlan, Frame, Job, Seen, Signs, WatchConfig, labels};
use crate::budget::Budget;
use crate::decode::PictureDecoder;
use crate::health::{Health, HealthConfig};
use crate::motion::Motion;

pub(super) struct Eye {
    camera: usize,
    labels: [(&'static str, String); 2],
    interval: TimeDelta,
    key_frames_only: bool,
    seen: mpsc::Sender<Seen>,
    budget: Arc<Budget<Job>>,
    signs: Arc<Signs>,
    decoder: PictureDecoder,
    health: Health,
    motion: Motion,
    run: i64,
    next: DateTime<Utc>,
}

impl Eye {
    pub(super) fn new(
        camera: usize,
        plan: &CameraPlan,
        config: &WatchConfig,
        seen: mpsc::Sender<Seen>,
        budget: Arc<Budget<Job>>,
        signs: Arc<Signs>,
    ) -> Self {
        Self {
            camera,
            labels: labels(plan),
            interval: config.interval(),
            key_frames_only: config.key_frames_only,
            seen,
            budget,
            signs,
            decoder: PictureDecoder::new(),
            health: Health::new(HealthConfig::default()),
            motion: Motion::default(),
            run: 0,
            next: DateTime::<Utc>::MIN_UTC,
        }
    }

    /// Looks until there are no more frames.
    pub(super) fn run(mut self, mut frames: mpsc::Receiver<Frame>) {
        while let Some(frame) = frames.blocking_recv() {
            self.frame(&frame);
        }
    }

    fn frame(&mut self, frame: &Frame) {
        if frame.run != self.run {
            self.run = frame.run;
            self.decoder.reset();
            self.motion.reset();
            self.next = frame.at;
        }
        if self.key_frames_only && !frame.key {
            return;
        }
        // A clock that went back does not stop the looks.
        let due = frame.at >= self.next || self.next - frame.at > self.interval;
        let picture = match self.decoder.decode(&frame.data, frame.key, due) {
            Ok(picture) => picture,
            Err(error) => {
                if !self.signs.undecodable.swap(true, Ordering::Relaxed) {
                    tracing::warn!(camera = ?self.labels, error = %error, "a picture cannot be decoded");
                }
                return;
            }
        };
        let Some(picture) = picture else { return };
        self.signs.undecodable.store(false, Ordering::Relaxed);
        // In step with the interval, unless that is far behind.
        self.next = (self.next + self.interval).max(frame.at + self.interval / 2);
        let moved = self.motion.examine(&picture);
        if let Some(why) = self.health.examine(&picture, frame.at) {
            self.say(Seen::Blind { at: frame.at, why });
            return;
        }
        let job = Job { picture, at: frame.at, run: frame.run, pts: frame.pts, moved };
        if self.budget.offer(self.camera, job).is_some() {
            self.shed();
        }
    }

    fn say(&self, seen: Seen) {
        if self.seen.try_send(seen).is_err() {
            self.shed();
        }
    }

    fn shed(&self) {
        metrics::counter!(metric::VISION_SHED, &self.labels).increment(1);
    }
}

impl std::fmt::Debug for Eye {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Eye").field("camera", &self.labels).field("why", &None::<Blind>).finish_non_exhaustive()
    }
}
