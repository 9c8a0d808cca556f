//! [`ClockEntry`]: clock readings and time map pieces as they stand in the chain box of a fragment, 48 bytes each.
//!
//! Layout, big-endian: kind (`u8`: 1 piece of the time map, 2 reading of a clock), source (`u8`: 1 arrival, 2 sender
//! report, 3 ONVIF), two bytes 0, version (`u32`, pieces), media time (`i64`), UTC (`i64` µs), made or heard at (`i64`
//! µs), rate (`i32` ppb, pieces), four bytes 0, uncertainty (`i64` µs, pieces).

use tillsight_schemas::segment::ClockSource;
use tillsight_schemas::time_map::TimeMapPiece;

use super::boxes::{put32, put64};
use crate::rtsp::ClockReading;

/// Bytes of an entry.
pub const ENTRY_BYTES: usize = 48;

/// What a fragment says about clocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClockEntry {
    /// A new version of the run's time map.
    Piece(TimeMapPiece),
    /// A clock was read.
    Reading(ClockReading),
}

impl ClockEntry {
    /// Appends the 48 bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        let (kind, source, version, pts, utc_us, at_us, rate, uncertainty) = match self {
            Self::Piece(p) => {
                (1, p.source, p.version, p.from_pts, p.utc_us, p.made_at_us, p.rate_ppb, p.uncertainty_us)
            }
            Self::Reading(r) => (2, r.source, 0, r.pts, r.utc_us, r.heard_us, 0, 0),
        };
        let source = match source {
            ClockSource::Arrival => 1,
            ClockSource::SenderReport => 2,
            ClockSource::Onvif => 3,
        };
        out.extend_from_slice(&[kind, source, 0, 0]);
        out.extend_from_slice(&version.to_be_bytes());
        for value in [pts, utc_us, at_us] {
            put64(out, value.cast_unsigned());
        }
        out.extend_from_slice(&rate.to_be_bytes());
        put32(out, 0);
        put64(out, uncertainty.cast_unsigned());
    }

    /// Reads the 48 bytes; `None` when they are of a kind that this version does not know.
    pub fn read(bytes: &[u8; ENTRY_BYTES]) -> Option<Self> {
        let word = |at: usize| {
            bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map(i64::from_be_bytes).unwrap_or_default()
        };
        let half = |at: usize| {
            bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(i32::from_be_bytes).unwrap_or_default()
        };
        let [kind, source, ..] = *bytes;
        let source = match source {
            1 => ClockSource::Arrival,
            2 => ClockSource::SenderReport,
            3 => ClockSource::Onvif,
            _ => return None,
        };
        match kind {
            1 => Some(Self::Piece(TimeMapPiece {
                version: half(4),
                from_pts: word(8),
                utc_us: word(16),
                rate_ppb: half(32),
                source,
                uncertainty_us: word(40),
                made_at_us: word(24),
            })),
            2 => Some(Self::Reading(ClockReading { source, pts: word(8), utc_us: word(16), heard_us: word(24) })),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_read_back_as_they_were_written() {
        let entries = [
            ClockEntry::Piece(TimeMapPiece {
                version: 3,
                from_pts: 900_000,
                utc_us: 1_795_440_000_000_000,
                rate_ppb: -12_345,
                source: ClockSource::Arrival,
                uncertainty_us: 120_000,
                made_at_us: 1_795_440_001_000_000,
            }),
            ClockEntry::Reading(ClockReading {
                source: ClockSource::SenderReport,
                pts: -5,
                utc_us: 1,
                heard_us: i64::MAX,
            }),
        ];
        for entry in entries {
            let mut out = Vec::new();
            entry.write(&mut out);
            let bytes: [u8; ENTRY_BYTES] = out.try_into().unwrap();
            assert_eq!(ClockEntry::read(&bytes), Some(entry));
        }
    }
}
