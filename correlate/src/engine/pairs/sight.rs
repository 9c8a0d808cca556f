//! [`Sight`]: the tiles of a zone as arrivals and departures.
//!
//! Somebody has arrived where `present` follows `absent`, and left where `absent` follows `present`: after `unknown`, or a
//! hole, nobody knows when the state began. Who is not seen for less than a second has not left. Tiles count in the order of
//! the log; what a later one says of time that is over says nothing.

use tillsight_schemas::id::ZoneId;
use tillsight_schemas::presence::{PresenceState, PresenceTile};

use crate::align::lane::Lane;
use crate::align::{Cue, CueKind, SECOND_US};

/// For so long nobody must be seen to have left, in microseconds.
const GONE_US: i64 = SECOND_US;

/// What a zone was like at the end of its last tile.
#[derive(Debug, Clone, Default)]
pub(super) struct Sight {
    zone: Option<ZoneId>,
    /// The end of the last tile, in microseconds.
    until_us: Option<i64>,
    /// Whether somebody is there, as far as that is known.
    occupied: Option<bool>,
    /// Since when somebody who was there is not seen, while that may be a miss.
    gone_us: Option<i64>,
}

impl Sight {
    /// Takes in a tile, and tells the lane what it shows and up to when.
    pub(super) fn see(&mut self, tile: &PresenceTile, lane: &mut Lane) {
        if self.zone.as_ref() != Some(&tile.zone_id) {
            *self = Self { zone: Some(tile.zone_id.clone()), until_us: self.until_us, ..Self::default() };
        }
        let end_us = tile.end_at.timestamp_micros();
        let mut start_us = tile.start_at.timestamp_micros();
        if let Some(until_us) = self.until_us {
            if start_us > until_us {
                (self.occupied, self.gone_us) = (None, None);
            }
            start_us = start_us.max(until_us);
        }
        if start_us >= end_us {
            return;
        }
        self.until_us = Some(end_us);
        match tile.state {
            PresenceState::Unknown => (self.occupied, self.gone_us) = (None, None),
            PresenceState::Present => {
                if self.occupied == Some(false) {
                    lane.cue(Cue { at_us: start_us, kind: CueKind::Arrived });
                }
                (self.occupied, self.gone_us) = (Some(true), None);
            }
            PresenceState::Absent if self.occupied == Some(true) => {
                let gone_us = *self.gone_us.get_or_insert(start_us);
                if end_us - gone_us >= GONE_US {
                    lane.cue(Cue { at_us: gone_us, kind: CueKind::Left });
                    (self.occupied, self.gone_us) = (Some(false), None);
                }
            }
            PresenceState::Absent => self.occupied = Some(false),
        }
        lane.seen_complete(self.gone_us.unwrap_or(end_us));
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::align::TillKind;
    use crate::align::simulate::{USUAL, lane};
    use crate::lake::sample;

    /// Tiles of a zone from its first second on: how long each is, and what it says.
    fn seen(tiles: &[(i64, &str)]) -> Vec<(i64, usize)> {
        let (mut sight, mut lane, mut from_ms) = (Sight::default(), Lane::default(), 0);
        let mut kept = Vec::new();
        for (long_ms, state) in tiles {
            let mut tile = sample::tile("17", 0);
            tile.end_at = tile.start_at + TimeDelta::milliseconds(from_ms + long_ms);
            tile.start_at += TimeDelta::milliseconds(from_ms);
            tile.state = state.parse().unwrap();
            from_ms += long_ms;
            sight.see(&tile, &mut lane);
            kept.push((from_ms, lane.kept().1));
        }
        kept
    }

    fn many(tiles: &[(i64, &str)]) -> usize {
        seen(tiles).last().map_or(0, |(_, many)| *many)
    }

    #[test]
    fn somebody_comes_into_an_empty_zone_and_leaves_it_again() {
        let visit = [(5_000, "absent"), (5_000, "present"), (900, "present"), (5_000, "absent"), (5_000, "absent")];
        assert_eq!(seen(&visit).into_iter().map(|(_, many)| many).collect::<Vec<_>>(), [0, 1, 1, 2, 2]);
    }

    #[test]
    fn who_is_not_seen_for_less_than_a_second_has_not_left() {
        assert_eq!(many(&[(5_000, "present"), (900, "absent"), (4_000, "present")]), 0);
        assert_eq!(many(&[(5_000, "present"), (600, "absent"), (600, "absent"), (4_000, "present")]), 2);
    }

    #[test]
    fn after_what_nobody_saw_nothing_has_begun() {
        assert_eq!(many(&[(5_000, "unknown"), (5_000, "present"), (5_000, "unknown"), (5_000, "absent")]), 0);
        assert_eq!(many(&[(5_000, "present"), (500, "absent"), (500, "unknown"), (5_000, "absent")]), 0);
    }

    #[test]
    fn a_till_and_the_tiles_of_a_camera_come_into_step() {
        let recording = lane(&USUAL, 41);
        let (mut sight, mut held) = (Sight::default(), Lane::default());
        for event in recording.till.iter().filter(|event| event.kind != TillKind::Line) {
            held.till(*event);
        }
        // The runs between the cues of the camera, as tiles.
        let mut before = recording.cues.first().map_or(0, |cue| cue.at_us - SECOND_US);
        for cue in &recording.cues {
            let mut tile = sample::tile("17", 0);
            tile.state = if cue.kind == CueKind::Arrived { PresenceState::Absent } else { PresenceState::Present };
            tile.start_at = chrono::DateTime::from_timestamp_micros(before).unwrap();
            tile.end_at = chrono::DateTime::from_timestamp_micros(cue.at_us).unwrap();
            sight.see(&tile, &mut held);
            before = cue.at_us;
        }
        let last = held.judge().last().copied();
        assert!(
            last.is_some_and(|last| {
                let truth_us = recording.truth.offset_at_till_us(last.at_us);
                last.synchronised() && (last.offset_us - truth_us).abs() <= last.uncertainty_us
            }),
            "{last:?}"
        );
    }
}
