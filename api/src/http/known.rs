//! [`Known`]: what the log says of the present, kept by following it: the clock offsets of registers, and when each zone
//! was last looked at.
//!
//! The follower reads the clock topic from its beginning (a few records a register and day) and presence from its end.
//! While the broker is away, what is known stays, and the follower tries again.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_ingest::bus::{Connection, TopicReader};
use tillsight_schemas::clock_offset::ClockOffset;
use tillsight_schemas::id::{CameraId, RegisterId, StoreKey, ZoneId};
use tillsight_schemas::port::{EventSource as _, Partition, PortError, Positions};
use tillsight_schemas::presence::{Blind, PresenceState, PresenceTile};
use tillsight_schemas::topic;
use tillsight_schemas::wire::avro;
use tokio_util::sync::CancellationToken;

use super::sight::decoded;

/// Versions that are kept of a register's clock.
const VERSIONS: usize = 1_000;
/// A camera is analysed when one of its zones had a statement so recently.
const FRESH: TimeDelta = TimeDelta::seconds(30);
/// How long the follower waits before it connects again.
const AGAIN: Duration = Duration::from_secs(2);

/// The end of the last tile of a camera's zones, and what it says.
type Looked = (DateTime<Utc>, PresenceState);

/// What the log says of the present.
#[derive(Debug, Default)]
pub(crate) struct Known {
    clocks: RwLock<BTreeMap<(StoreKey, RegisterId), Vec<ClockOffset>>>,
    looked: RwLock<BTreeMap<(StoreKey, CameraId), Looked>>,
    zones: RwLock<BTreeMap<(StoreKey, ZoneId), ZoneNow>>,
}

/// What was last said about a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ZoneNow {
    /// The camera that looked.
    pub(crate) camera: CameraId,
    /// Whether somebody is there.
    pub(crate) state: PresenceState,
    /// Why it cannot be told.
    pub(crate) blind: Option<Blind>,
    /// Since when it is so.
    pub(crate) since: DateTime<Utc>,
    /// Since when it cannot be told, for whatever reasons.
    pub(crate) unknown_since: Option<DateTime<Utc>>,
    /// The end of the last look.
    pub(crate) seen_at: DateTime<Utc>,
}

impl Known {
    /// The last statement about a register's clock.
    pub(super) fn clock(&self, store: &StoreKey, register: &RegisterId) -> Option<ClockOffset> {
        let clocks = self.clocks.read().unwrap_or_else(PoisonError::into_inner);
        clocks.get(&(store.clone(), register.clone()))?.last().cloned()
    }

    /// The statement about a register's clock that holds for an event.
    pub(super) fn clock_at(&self, store: &StoreKey, register: &RegisterId, at: DateTime<Utc>) -> Option<ClockOffset> {
        let clocks = self.clocks.read().unwrap_or_else(PoisonError::into_inner);
        clocks.get(&(store.clone(), register.clone()))?.iter().rfind(|clock| clock.valid_from <= at).cloned()
    }

    /// The registers of a store whose clocks were spoken of.
    pub(super) fn registers(&self, store: &StoreKey) -> Vec<RegisterId> {
        let clocks = self.clocks.read().unwrap_or_else(PoisonError::into_inner);
        clocks.keys().filter(|(of, _)| of == store).map(|(_, register)| register.clone()).collect()
    }

    /// Whether the pictures of a camera are looked at.
    pub(super) fn analysed(&self, store: &StoreKey, camera: &CameraId, now: DateTime<Utc>) -> bool {
        let looked = self.looked.read().unwrap_or_else(PoisonError::into_inner);
        looked.get(&(store.clone(), camera.clone())).is_some_and(|(at, _)| now - *at < FRESH)
    }

    /// What the newest statement about a zone of a camera is; none that is old.
    pub(super) fn zone_now(&self, store: &StoreKey, camera: &CameraId, now: DateTime<Utc>) -> Option<PresenceState> {
        let looked = self.looked.read().unwrap_or_else(PoisonError::into_inner);
        looked.get(&(store.clone(), camera.clone())).filter(|(at, _)| now - *at < FRESH).map(|(_, state)| *state)
    }

    /// What was last said about a zone, however old it is.
    pub(crate) fn zone(&self, store: &StoreKey, zone: &ZoneId) -> Option<ZoneNow> {
        let zones = self.zones.read().unwrap_or_else(PoisonError::into_inner);
        zones.get(&(store.clone(), zone.clone())).cloned()
    }

    /// Since when a register's clock is spoken of.
    pub(super) fn first_clock(&self, store: &StoreKey, register: &RegisterId) -> Option<DateTime<Utc>> {
        let clocks = self.clocks.read().unwrap_or_else(PoisonError::into_inner);
        Some(clocks.get(&(store.clone(), register.clone()))?.first()?.valid_from)
    }

    fn note_zone(&self, store: StoreKey, tile: &PresenceTile) {
        let mut zones = self.zones.write().unwrap_or_else(PoisonError::into_inner);
        let said = ZoneNow {
            camera: tile.camera_id.clone(),
            state: tile.state,
            blind: tile.blind,
            since: tile.start_at,
            unknown_since: (tile.state == PresenceState::Unknown).then_some(tile.start_at),
            seen_at: tile.end_at,
        };
        let known = zones.entry((store, tile.zone_id.clone())).or_insert_with(|| said.clone());
        if tile.end_at >= known.seen_at {
            // The same without a hole between is one stretch.
            let goes_on = (known.state, known.blind) == (said.state, said.blind) && tile.start_at <= known.seen_at;
            let since = if goes_on { known.since } else { said.since };
            let unknown_since = said.unknown_since.map(|at| known.unknown_since.unwrap_or(at));
            *known = ZoneNow { since, unknown_since, ..said };
        }
    }

    fn note_clock(&self, clock: ClockOffset) {
        let store = StoreKey::new(clock.tenant_id.clone(), clock.store_id.clone());
        let mut clocks = self.clocks.write().unwrap_or_else(PoisonError::into_inner);
        let versions = clocks.entry((store, clock.register_id.clone())).or_default();
        versions.retain(|known| known.version != clock.version);
        versions.push(clock);
        versions.sort_by_key(|clock| clock.version);
        let surplus = versions.len().saturating_sub(VERSIONS);
        versions.drain(..surplus);
    }

    pub(super) fn note_looked(&self, tile: &PresenceTile) {
        let store = StoreKey::new(tile.tenant_id.clone(), tile.store_id.clone());
        self.note_zone(store.clone(), tile);
        let mut looked = self.looked.write().unwrap_or_else(PoisonError::into_inner);
        let last = looked.entry((store, tile.camera_id.clone())).or_insert((tile.end_at, tile.state));
        if tile.end_at >= last.0 {
            *last = (tile.end_at, tile.state);
        }
    }

    /// Follows the log until `stop`.
    pub(super) async fn follow(&self, connection: &Connection, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.read(connection, stop).await {
                tracing::debug!(%error, "the log cannot be followed; trying again");
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(AGAIN) => {}
                }
            }
        }
    }

    async fn read(&self, connection: &Connection, stop: &CancellationToken) -> Result<(), PortError> {
        let topics = vec![topic::CLOCK.to_owned(), topic::CAM_PRESENCE.to_owned()];
        let mut reader = TopicReader::new(connection, "tillsight-http", topics)?;
        let bounds = reader.bounds().await?;
        let start = |(partition, range): (Partition, std::ops::Range<i64>)| {
            let from = if partition.topic == topic::CLOCK { range.start } else { range.end };
            (partition, from)
        };
        let positions: Positions = bounds.into_iter().map(start).collect();
        if positions.is_empty() {
            return Err("the topics are not there yet".into());
        }
        reader.seek(&positions).await?;
        let (clocks, tiles) = (avro::Decoder::<ClockOffset>::new(), avro::Decoder::<PresenceTile>::new());
        while !stop.is_cancelled() {
            let records = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                records = reader.poll(1_000, Duration::from_millis(500)) => records?,
            };
            let (of_clocks, of_presence): (Vec<_>, Vec<_>) =
                records.into_iter().partition(|record| record.partition.topic == topic::CLOCK);
            for clock in decoded(&clocks, &of_clocks)? {
                self.note_clock(clock);
            }
            for tile in decoded(&tiles, &of_presence)? {
                self.note_looked(&tile);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tillsight_schemas::clock_offset::ClockMethod;

    use super::*;

    #[test]
    fn a_zone_is_in_its_state_since_the_first_tile_of_it() {
        let known = Known::default();
        let mut tile: PresenceTile =
            serde_json::from_str(include_str!("../../../schemas/samples/v1/presence_tile.json")).unwrap();
        let store = StoreKey::new(tile.tenant_id.clone(), tile.store_id.clone());
        let zone = tile.zone_id.clone();
        let began: DateTime<Utc> = "2026-11-22T12:00:00Z".parse().unwrap();
        let mut say = |from: i64, to: i64, state: PresenceState| {
            (tile.start_at, tile.end_at) = (began + TimeDelta::seconds(from), began + TimeDelta::seconds(to));
            (tile.state, tile.blind) = (state, (state == PresenceState::Unknown).then_some(Blind::Starting));
            known.note_looked(&tile);
            let now = known.zone(&store, &tile.zone_id).unwrap();
            (now.state, (now.since - began).num_seconds(), (now.seen_at - began).num_seconds())
        };
        assert_eq!(say(0, 1, PresenceState::Absent), (PresenceState::Absent, 0, 1));
        assert_eq!(say(1, 2, PresenceState::Absent), (PresenceState::Absent, 0, 2));
        assert_eq!(say(0, 1, PresenceState::Present), (PresenceState::Absent, 0, 2), "an old one says nothing");
        assert_eq!(say(2, 3, PresenceState::Present), (PresenceState::Present, 2, 3));
        assert_eq!(say(5, 6, PresenceState::Present), (PresenceState::Present, 5, 6), "nobody looked in between");
        say(6, 7, PresenceState::Unknown);
        assert_eq!(say(9, 10, PresenceState::Unknown), (PresenceState::Unknown, 9, 10));
        let unknown_since = known.zone(&store, &zone).unwrap().unknown_since;
        assert_eq!(unknown_since, Some(began + TimeDelta::seconds(6)), "what nobody saw cannot be told either");
    }

    #[test]
    fn a_clock_holds_from_its_instant_on() {
        let known = Known::default();
        let at = |text: &str| -> DateTime<Utc> { text.parse().unwrap() };
        let clock = |version, from: &str, offset_us| ClockOffset {
            tenant_id: "demo".parse().unwrap(),
            store_id: "17".parse().unwrap(),
            register_id: "1".parse().unwrap(),
            version,
            valid_from: at(from),
            offset_us,
            uncertainty_us: 1,
            method: ClockMethod::Arrival,
            samples: 9,
            drift_ppb: None,
            measured_at: None,
            refusal: None,
        };
        known.note_clock(clock(2, "2026-11-22T12:00:00Z", 20));
        known.note_clock(clock(1, "2026-11-22T10:00:00Z", 10));
        let (store, register) = ("demo/17".parse().unwrap(), "1".parse().unwrap());
        let offset = |text: &str| known.clock_at(&store, &register, at(text)).map(|clock| clock.offset_us);
        assert_eq!(offset("2026-11-22T09:59:59Z"), None);
        assert_eq!(offset("2026-11-22T11:00:00Z"), Some(10));
        assert_eq!(offset("2026-11-22T12:00:00Z"), Some(20));
        assert_eq!(known.clock(&store, &register).map(|clock| clock.version), Some(2));
    }
}
