//! [`Outlets`]: where the pictures of a stream go.
//!
//! The recorder gets all of them through a queue that makes the reader wait; those who look at live pictures
//! (analytics, a browser) get them through a ring in which each reader that is too slow loses the oldest, counted. So
//! nobody who looks can cost the recorder a picture.

use tillsight_schemas::metric;
use tokio::sync::broadcast;

use super::unit::{AccessUnit, Item, Metadata};
use crate::record::{Error, StreamSink};

/// Pictures that a slow reader may lag behind before it loses some: about four seconds at 30 a second.
pub(crate) const LIVE_DEPTH: usize = 128;
/// Metadata documents that a slow reader may lag behind.
pub(crate) const METADATA_DEPTH: usize = 256;

/// Where the items of one stream go.
#[derive(Debug, Clone)]
pub struct Outlets {
    recorder: Option<StreamSink>,
    live: broadcast::Sender<AccessUnit>,
    metadata: broadcast::Sender<Metadata>,
}

impl Outlets {
    /// Outlets with a recorder, or for looking only.
    pub fn new(recorder: Option<StreamSink>) -> Self {
        Self { recorder, live: broadcast::Sender::new(LIVE_DEPTH), metadata: broadcast::Sender::new(METADATA_DEPTH) }
    }

    /// The pictures from now on, for a reader of this name (in the metric of what it loses).
    pub fn live(&self, reader: &'static str) -> Tap<AccessUnit> {
        Tap { receiver: self.live.subscribe(), reader, dropped: 0 }
    }

    /// The ONVIF metadata documents from now on.
    pub fn metadata(&self, reader: &'static str) -> Tap<Metadata> {
        Tap { receiver: self.metadata.subscribe(), reader, dropped: 0 }
    }

    /// The lowest number that the next run may have.
    pub(crate) fn run_floor(&self) -> i64 {
        self.recorder.as_ref().map_or(1, StreamSink::run_floor)
    }

    /// Hands an item to those it concerns; waits for the recorder only.
    pub(crate) async fn send(&self, item: Item) -> Result<(), Error> {
        if let Item::Video(unit) = &item
            && self.live.receiver_count() > 0
        {
            // It fails when the last reader has just left, which is no loss.
            self.live.send(unit.clone()).ok();
        }
        match &self.recorder {
            Some(sink) => sink.send(item).await,
            None => Ok(()),
        }
    }

    pub(crate) fn send_metadata(&self, message: Metadata) {
        if self.metadata.receiver_count() > 0 {
            self.metadata.send(message).ok();
        }
    }
}

/// A reader's end of a ring.
#[derive(Debug)]
pub struct Tap<T> {
    receiver: broadcast::Receiver<T>,
    reader: &'static str,
    dropped: u64,
}

impl<T: Clone> Tap<T> {
    /// The next one; `None` when the stream is read no more.
    pub async fn next(&mut self) -> Option<T> {
        loop {
            match self.receiver.recv().await {
                Ok(item) => return Some(item),
                Err(broadcast::error::RecvError::Lagged(lost)) => {
                    self.dropped += lost;
                    metrics::counter!(metric::FANOUT_DROPPED, "reader" => self.reader).increment(lost);
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// How many this reader has lost so far.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}
