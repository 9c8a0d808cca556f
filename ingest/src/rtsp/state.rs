//! [`StreamState`]: whether a stream delivers pictures, since when, and if not why.

use chrono::{DateTime, Utc};
use tillsight_schemas::segment::GapReason;

/// What a reader is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// It is connecting, or waits for the first key frame.
    Connecting,
    /// Pictures come.
    Connected {
        /// The number of the run.
        run: i64,
    },
    /// It will try again.
    Waiting {
        /// Why there are no pictures.
        gap: GapReason,
        /// The same in words.
        reason: String,
    },
    /// It has been stopped.
    Stopped,
}

/// The state of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamState {
    /// What its reader is doing.
    pub phase: Phase,
    /// Since when.
    pub since: DateTime<Utc>,
    /// How many runs there were.
    pub runs: u64,
    /// How many attempts to connect failed since the last picture.
    pub failures: u32,
}
