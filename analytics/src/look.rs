//! [`Look`]: what one look at a picture (ours or the camera's own) found.

use chrono::{DateTime, Utc};
use tillsight_schemas::id::ZoneId;
use tillsight_schemas::presence::PresenceSource;

/// Something that was recognised.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The person or thing that is followed, unique within the run.
    pub track: Option<i64>,
    /// What it is, e.g. `person`.
    pub label: String,
    /// How sure, 0 to 1.
    pub score: f32,
    /// Left edge; all edges are fractions of the picture, from the upper left.
    pub left: f32,
    /// Upper edge.
    pub top: f32,
    /// Right edge.
    pub right: f32,
    /// Lower edge.
    pub bottom: f32,
}

/// One look at a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// When the picture was taken.
    pub at: DateTime<Utc>,
    /// The run of the stream.
    pub run: Option<i64>,
    /// Media time in the run, in 1/90000 s.
    pub pts: Option<i64>,
    /// What was recognised.
    pub found: Vec<Found>,
    /// Zones in which something moved since the last look; `None`: it was not examined.
    pub moving: Option<Vec<ZoneId>>,
    /// Who looked.
    pub source: PresenceSource,
}
