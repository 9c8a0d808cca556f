//! [`TimeMap`]: media time to UTC, the one function that clips, presence and SQL use.
//!
//! A map belongs to a run. It is a list of linear pieces that only grows: version *n* is the first *n* pieces, and in
//! any version the latest piece that begins at or before a media time decides. So a statement that names its version
//! can always be repeated, and a piece that begins at 0 (made when better clocks became known) corrects the past in
//! later versions only.

use chrono::{DateTime, Utc};

use crate::record;
use crate::segment::ClockSource;

/// Ticks of media time in a second (the RTP clock of every video codec: RFC 6184 §8.2.1, RFC 7798 §7.1).
pub const TICKS_PER_SECOND: i64 = 90_000;

record! {
    /// A linear piece of a time map.
    pub struct TimeMapPiece {
        /// The version that this piece makes, from 1.
        version: i32,
        /// The media time from which it holds, in 1/90000 s since the first frame of the run.
        from_pts: i64,
        /// UTC at `from_pts`, in microseconds since 1970.
        utc_us: i64,
        /// How much faster UTC runs than media time, in parts per thousand million.
        rate_ppb: i32,
        /// Which clock it follows.
        source: ClockSource,
        /// Bound of the error, in microseconds, as far as the recorder can see it (a camera's own delay before it
        /// stamps a frame is not visible to it).
        uncertainty_us: i64,
        /// When the recorder made it, in microseconds since 1970.
        made_at_us: i64,
    }
}

impl TimeMapPiece {
    /// UTC at a media time, in microseconds since 1970, by this piece alone.
    pub fn utc_us(&self, pts: i64) -> i64 {
        let ticks = i128::from(pts) - i128::from(self.from_pts);
        let scaled = ticks * (1_000_000_000 + i128::from(self.rate_ppb));
        // 1e6 µs per 90000 ticks, at a scale of 1e9; rounded to the nearest.
        let denominator = 90_000_000_000_000_i128 / 1_000_000;
        let micros = (scaled * 2 + denominator).div_euclid(denominator * 2);
        self.utc_us.saturating_add(i64::try_from(micros).unwrap_or(if micros > 0 { i64::MAX } else { i64::MIN }))
    }
}

/// The time map of one run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TimeMap {
    pieces: Vec<TimeMapPiece>,
}

impl TimeMap {
    /// Makes a map of its pieces; they are put in order of their version.
    pub fn new(mut pieces: Vec<TimeMapPiece>) -> Self {
        pieces.sort_by_key(|piece| piece.version);
        pieces.dedup_by_key(|piece| piece.version);
        Self { pieces }
    }

    /// Adds a piece unless its version is known, and says whether it was added.
    pub fn push(&mut self, piece: TimeMapPiece) -> bool {
        if piece.version <= self.version() {
            return false;
        }
        self.pieces.push(piece);
        true
    }

    /// The latest version; 0 when there is no piece.
    pub fn version(&self) -> i32 {
        self.pieces.last().map_or(0, |piece| piece.version)
    }

    /// All pieces, oldest first.
    pub fn pieces(&self) -> &[TimeMapPiece] {
        &self.pieces
    }

    /// The map as it was in a version.
    #[must_use]
    pub fn at_version(&self, version: i32) -> Self {
        Self { pieces: self.pieces.iter().filter(|piece| piece.version <= version).cloned().collect() }
    }

    /// The piece that decides about a media time: the latest that begins at or before it, else the first of all.
    pub fn piece(&self, pts: i64) -> Option<&TimeMapPiece> {
        self.pieces.iter().rev().find(|piece| piece.from_pts <= pts).or_else(|| self.pieces.first())
    }

    /// UTC at a media time, in microseconds since 1970; `None` while nothing is known.
    pub fn utc_us(&self, pts: i64) -> Option<i64> {
        self.piece(pts).map(|piece| piece.utc_us(pts))
    }

    /// UTC at a media time.
    pub fn utc(&self, pts: i64) -> Option<DateTime<Utc>> {
        self.utc_us(pts).and_then(DateTime::from_timestamp_micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(version: i32, from_pts: i64, utc_us: i64, rate_ppb: i32) -> TimeMapPiece {
        let source = ClockSource::Arrival;
        TimeMapPiece { version, from_pts, utc_us, rate_ppb, source, uncertainty_us: 100_000, made_at_us: utc_us }
    }

    #[test]
    fn later_pieces_decide_from_their_start_on_and_old_versions_stay_what_they_were() {
        let mut map = TimeMap::new(vec![piece(1, 0, 1_000_000, 0)]);
        assert_eq!(map.utc_us(90_000), Some(2_000_000));
        assert!(map.push(piece(2, 0, 900_000, 0)));
        assert!(map.push(piece(3, 900_000, 10_900_000, 100_000)));
        assert!(!map.push(piece(3, 0, 0, 0)));
        assert_eq!(map.utc_us(90_000), Some(1_900_000));
        assert_eq!(map.at_version(1).utc_us(90_000), Some(2_000_000));
        // 100 ppm fast: 10 s of media are 10.001 s.
        assert_eq!(map.utc_us(1_800_000), Some(20_901_000));
    }

    #[test]
    fn ticks_round_to_the_nearest_microsecond() {
        let one = piece(1, 0, 0, 0);
        assert_eq!(one.utc_us(1), 11);
        assert_eq!(one.utc_us(3_000), 33_333);
        assert_eq!(one.utc_us(-9), -100);
    }
}
