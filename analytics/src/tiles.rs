//! [`Tiler`]: stretches of presence become tiles that are never changed again.
//!
//! A tile is cut where the state, its reason or its source changes, and at whole multiples of the tile length of event
//! time. The length divides [`TILE_SECONDS`], so whole five seconds are always among the cuts; a shorter one moves the
//! watermark of the zone sooner.

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::id::{CameraId, StoreKey};
use tillsight_schemas::presence::{PresenceSource, PresenceTile, TILE_SECONDS};
use tillsight_schemas::zone::Zone;

use crate::presence::Stretch;

/// What all tiles of a zone have in common.
#[derive(Debug, Clone)]
pub struct TileHead {
    /// The shop.
    pub store: StoreKey,
    /// The camera.
    pub camera: CameraId,
    /// The zone.
    pub zone: Zone,
    /// The detector.
    pub model: Option<String>,
    /// Bound of the error of the times, in microseconds.
    pub time_uncertainty_us: i64,
}

/// Cuts the presence of one zone into tiles.
#[derive(Debug)]
pub struct Tiler {
    head: TileHead,
    length_us: i64,
    open: Option<(Stretch, PresenceSource)>,
}

impl Tiler {
    /// Tiles of at most so many seconds: 1 or 5 (what divides [`TILE_SECONDS`]); anything else is taken as 5.
    pub fn new(head: TileHead, seconds: i64) -> Self {
        let divides = (1..=TILE_SECONDS).contains(&seconds) && TILE_SECONDS % seconds == 0;
        Self { head, length_us: if divides { seconds } else { TILE_SECONDS } * 1_000_000, open: None }
    }

    /// Takes the next stretch, which begins where the last one ended, and returns the tiles that are complete.
    pub fn push(&mut self, stretch: Stretch, source: PresenceSource, now: DateTime<Utc>) -> Vec<PresenceTile> {
        let mut done = Vec::new();
        let mut rest = Some(stretch);
        while let Some(next) = rest.take() {
            let boundary = self.boundary_after(next.from);
            let next = if next.to > boundary {
                rest = Some(Stretch { from: boundary, ..next.clone() });
                // The look lies at the end of the stretch.
                Stretch { to: boundary, looks: 0, run: None, pts: None, ..next }
            } else {
                next
            };
            match &mut self.open {
                Some((open, by)) if (open.state, open.blind, *by) == (next.state, next.blind, source) => {
                    open.to = next.to;
                    open.people = open.people.max(next.people);
                    open.looks += next.looks;
                    open.run = open.run.or(next.run);
                    open.pts = open.pts.or(next.pts);
                }
                open => {
                    if let Some((before, by)) = open.replace((next, source)) {
                        done.push(self.tile(before, by, now));
                    }
                }
            }
            if let Some((complete, by)) = self.open.take_if(|(open, _)| open.to >= boundary) {
                done.push(self.tile(complete, by, now));
            }
        }
        done
    }

    fn boundary_after(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let past = at.timestamp_micros().rem_euclid(self.length_us);
        at + TimeDelta::microseconds(self.length_us - past)
    }

    fn tile(&self, stretch: Stretch, source: PresenceSource, now: DateTime<Utc>) -> PresenceTile {
        let head = &self.head;
        PresenceTile {
            tenant_id: head.store.tenant.clone(),
            store_id: head.store.store.clone(),
            camera_id: head.camera.clone(),
            zone_id: head.zone.id.clone(),
            zone_version: head.zone.version,
            zone_kind: head.zone.kind,
            register_id: head.zone.register.clone(),
            start_at: stretch.from,
            end_at: stretch.to,
            state: stretch.state,
            blind: stretch.blind,
            source,
            people: stretch.people,
            looks: stretch.looks,
            run: stretch.run,
            first_pts: stretch.pts,
            time_uncertainty_us: head.time_uncertainty_us,
            model: head.model.clone(),
            published_at: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tillsight_schemas::presence::{Blind, PresenceState};

    use super::*;

    fn tiler(seconds: i64) -> Tiler {
        let zone = serde_json::json!({
            "id": "z", "camera": "c", "kind": "customer", "polygon": [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]
        });
        let head = TileHead {
            store: "acme/17".parse().unwrap(),
            camera: "c".parse().unwrap(),
            zone: serde_json::from_value(zone).unwrap(),
            model: None,
            time_uncertainty_us: 0,
        };
        Tiler::new(head, seconds)
    }

    fn at(us: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(1_700_000_001_234_567 + us).unwrap()
    }

    fn stretch(from: i64, to: i64, state: usize) -> Stretch {
        let state = PresenceState::ALL[state % 3];
        let blind = (state == PresenceState::Unknown).then_some(Blind::Frozen);
        Stretch { from: at(from), to: at(to), state, blind, people: 0, looks: 1, run: None, pts: None }
    }

    proptest! {
        #[test]
        fn tiles_follow_each_other_without_holes_and_are_cut_where_they_must_be(
            steps in proptest::collection::vec((1_i64..7_000_000, 0_usize..3), 1..80),
            length in prop_oneof![Just(1_i64), Just(5)],
        ) {
            let mut tiler = tiler(length);
            let (mut now, mut tiles, mut looks) = (0, Vec::new(), 0);
            for (step, state) in &steps {
                tiles.extend(tiler.push(stretch(now, now + step, *state), PresenceSource::Detector, at(now)));
                now += step;
                looks += 1;
            }
            if let Some(first) = tiles.first() {
                prop_assert_eq!(first.start_at, at(0));
            }
            for pair in tiles.windows(2) {
                prop_assert_eq!(pair[0].end_at, pair[1].start_at);
                let whole = pair[0].end_at.timestamp_micros() % (length * 1_000_000) == 0;
                prop_assert!(whole || pair[0].state != pair[1].state, "a cut without a reason");
            }
            for tile in &tiles {
                prop_assert!(tile.start_at < tile.end_at);
                let (start, end) = (tile.start_at.timestamp_micros(), tile.end_at.timestamp_micros());
                prop_assert_eq!(start.div_euclid(length * 1_000_000), (end - 1).div_euclid(length * 1_000_000));
                // Every instant has the state of its stretch.
                let mut from = 0;
                for (step, state) in &steps {
                    let middle = at(from + step / 2);
                    if tile.start_at <= middle && middle < tile.end_at {
                        prop_assert_eq!(tile.state, PresenceState::ALL[state % 3]);
                    }
                    from += step;
                }
            }
            prop_assert!(tiles.iter().map(|tile| tile.looks).sum::<i32>() <= looks);
            // What is still open is shorter than a tile.
            let end = tiles.last().map_or(at(0), |tile| tile.end_at);
            prop_assert!(at(now) - end < TimeDelta::seconds(length));
        }
    }

    #[test]
    fn a_change_of_the_reason_cuts_too() {
        let mut tiler = tiler(5);
        assert!(tiler.push(stretch(0, 1_000, 2), PresenceSource::Detector, at(0)).is_empty());
        let other = Stretch { blind: Some(Blind::NoSignal), ..stretch(1_000, 2_000, 2) };
        let tiles = tiler.push(other, PresenceSource::Detector, at(0));
        assert_eq!((tiles.len(), tiles[0].blind), (1, Some(Blind::Frozen)));
    }
}
