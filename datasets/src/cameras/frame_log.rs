//! [`FrameLog`]: which picture of a film was shown when, as the cameras themselves wrote it down.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use crate::{Error, Result};

/// How a picture was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FrameState {
    /// As it is in the film.
    Shown,
    /// An older picture in its place.
    Frozen,
    /// Black.
    Black,
    /// To nobody.
    Unplugged,
}

/// A line of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Frame {
    /// Counted from the start.
    pub n: usize,
    /// The picture of the film.
    pub source: usize,
    /// When it was due, in microseconds since 1970.
    pub wall_us: i64,
    /// How it was shown.
    pub state: FrameState,
    /// How late it was, if by more than the length of a picture.
    #[serde(default)]
    pub late_us: i64,
}

/// What a camera wrote down.
#[derive(Debug, Clone, Default)]
pub struct FrameLog {
    /// Its lines, in order.
    pub frames: Vec<Frame>,
}

impl FrameLog {
    /// Reads a log that may still be written.
    ///
    /// # Errors
    /// [`Error::Open`], or [`Error::ReadTruth`] when a whole line is no frame.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Open { path: path.to_owned(), source })?;
        // The last line may be half written.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let frames = whole.lines().map(serde_json::from_str).collect::<Result<_, _>>();
        frames.map(|frames| Self { frames }).map_err(|source| Error::ReadTruth { path: path.to_owned(), source })
    }

    /// When the first picture of the film was due last.
    pub fn began(&self, fps: u32) -> Option<DateTime<Utc>> {
        let shown = self.frames.iter().rev().find(|frame| frame.state != FrameState::Frozen)?;
        let gone = i64::try_from(shown.source).ok()?.checked_mul(1_000_000)? / i64::from(fps.max(1));
        DateTime::from_timestamp_micros(shown.wall_us)?.checked_sub_signed(TimeDelta::microseconds(gone))
    }
}
