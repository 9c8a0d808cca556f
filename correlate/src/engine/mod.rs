//! The rule engine: judges every anchor once it is complete, and again when later data touches it.
//!
//! ```text
//! lp.pos.transaction.v1 ─┐              ┌─ complete? ─► rules (SQL) ─► judgements ─► one transaction: judgements,
//! lp.cam.presence.v1 ────┴► memory ─────┤                                            alerts, outbox, checkpoint
//!                           clocks      └─ touched by late data: judged again, as a revision
//! ```
//!
//! An anchor is complete when every zone that the rule requires has a watermark beyond what the rule looks at. Where a
//! zone stays behind for [`Settings::max_wait`], the anchor is judged without it, provisionally, and again when its
//! tiles arrive. Evaluation is a function of the data: the same records in any ticks come to the same judgements.

mod account;
mod agenda;
mod around;
mod ask;
mod canary;
mod checkpoint;
mod clock;
mod counterfactual;
mod error;
mod events;
mod failures;
mod floor;
mod history;
mod judge;
mod lane;
mod lint;
mod memory;
mod pairs;
mod plan;
#[cfg(test)]
mod plan_tests;
mod restate;
mod scripted;
mod segment;
mod tables;
mod turn;
mod verdict;
mod weeks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::clock::SharedClock;
use tillsight_schemas::clock_offset::ClockOffset;
use tillsight_schemas::id::{CameraId, RegisterId, StoreKey, ZoneId};
use tillsight_schemas::port::{EpochStore, EventSource, LogRecord, Outgoing, Partition};
use tillsight_schemas::pos::PostedTransaction;
use tillsight_schemas::presence::PresenceTile;
use tillsight_schemas::topic;
use tillsight_schemas::wire::avro::{Avro, Decoder};
use tillsight_schemas::wire::columns;
use tillsight_schemas::zone::{Zone, ZoneKind};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use account::{Account, Fate};
use agenda::Agenda;
use around::Memories;
pub(crate) use ask::Asked;
use checkpoint::{Bookmarks, Checkpoint};
use clock::Clocks;
pub use error::EngineError;
use events::Event;
use failures::Failures;
pub use floor::LATE_ALLOWED;
pub(crate) use history::RARE_KINDS;
pub(crate) use judge::NO_MATCH;
pub(crate) use lane::{Known, Lane};
use pairs::Pairs;
#[cfg(test)]
pub(crate) use plan::Window;
pub use plan::plans;
use plan::{Compiled, Room};
pub use scripted::{MemoryStore, ScriptedLog};
pub(crate) use turn::Turn;
use weeks::memory;

use crate::rule::{Adjustments, Rule};

/// The topics that the engine reads.
pub const TOPICS: [&str; 2] = [topic::POS_TRANSACTION, topic::CAM_PRESENCE];
/// How many records are taken from the log at once.
const POLL_RECORDS: usize = 2_000;
/// How often a checkpoint is written when nothing was judged.
const CHECKPOINT_EVERY: TimeDelta = TimeDelta::seconds(1);

/// A zone, and when it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedZone {
    /// The shop.
    pub store: StoreKey,
    /// The zone.
    pub zone: Zone,
    /// From when on; since ever when absent.
    pub from: Option<DateTime<Utc>>,
    /// Until when; for ever when absent.
    pub to: Option<DateTime<Utc>>,
}

impl PlacedZone {
    /// Whether it looks at a register at an instant.
    fn looks_at(&self, register: &str, at: DateTime<Utc>) -> bool {
        self.zone.register.as_ref().is_some_and(|of| of.as_str() == register)
            && self.from.is_none_or(|from| from <= at)
            && self.to.is_none_or(|to| at < to)
    }
}

/// What the engine is told about the installation.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The zones of each store, with those that held earlier.
    pub zones: BTreeMap<StoreKey, Vec<PlacedZone>>,
    /// What stores say otherwise than the rules.
    pub adjusted: Adjustments,
    /// How long an anchor waits for a zone that is behind.
    pub max_wait: TimeDelta,
    /// How long an alert's video is held.
    pub hold_for: TimeDelta,
    /// How much memory the operators of all rules may hold at a time.
    pub memory_bytes: usize,
    /// How many events of the history are remembered at most, of all stores together: 1.9 KB each, with their rows (measured).
    pub history_events: usize,
    /// Whether a rule that fails is passed over, so that the others judge on; else it stops the engine.
    pub passes_over: bool,
    /// Whether each alert says what would have kept it away: some tens of judgements of its events, with other numbers.
    pub explains: bool,
}

impl Settings {
    /// The defaults for zones that hold always: anchors wait for 120 s, video is held for 30 days, the history is 760 MB at most.
    pub fn new(zones: Vec<(StoreKey, Zone)>) -> Self {
        let always = |(store, zone)| PlacedZone { store, zone, from: None, to: None };
        Self::placed(zones.into_iter().map(always).collect())
    }

    /// The same for zones that hold for a time.
    pub fn placed(zones: Vec<PlacedZone>) -> Self {
        Self {
            zones: by_store(zones),
            adjusted: Adjustments::default(),
            max_wait: TimeDelta::seconds(120),
            hold_for: TimeDelta::days(30),
            memory_bytes: 1 << 30,
            history_events: 400_000,
            passes_over: false,
            explains: false,
        }
    }

    /// The zones that look at a register at an instant: an anchor is judged by those that held when it happened.
    fn of_register(&self, store: &StoreKey, register: &RegisterId, at: DateTime<Utc>) -> impl Iterator<Item = &Zone> {
        let ours = move |placed: &&PlacedZone| placed.looks_at(register.as_str(), at);
        self.zones.get(store).into_iter().flatten().filter(ours).map(|placed| &placed.zone)
    }

    /// The zones of these kinds that look at the register of a transaction.
    fn zones_of(&self, store: &StoreKey, posted: &PostedTransaction, kinds: &[ZoneKind]) -> Vec<ZoneId> {
        self.of_register(store, &posted.transaction.register_id, posted.header.event_time)
            .filter(|zone| kinds.contains(&zone.kind))
            .map(|zone| zone.id.clone())
            .collect()
    }

    /// The zone by which the clock of a register is compared with a camera's.
    fn eye(&self, store: &StoreKey, register: &RegisterId, at: DateTime<Utc>) -> Option<&ZoneId> {
        let customers = self.of_register(store, register, at).filter(|zone| zone.kind == ZoneKind::Customer);
        customers.min_by(|one, other| (&one.camera, &one.id).cmp(&(&other.camera, &other.id))).map(|zone| &zone.id)
    }

    /// How many zones of customers and of cashiers look at a register at an instant.
    fn zones_at(&self, store: &StoreKey, register: &str, at: DateTime<Utc>) -> (i64, i64) {
        let (mut customer, mut cashier) = (0, 0);
        for placed in self.zones.get(store).into_iter().flatten().filter(|placed| placed.looks_at(register, at)) {
            match placed.zone.kind {
                ZoneKind::Customer => customer += 1,
                ZoneKind::Cashier => cashier += 1,
                _ => {}
            }
        }
        (customer, cashier)
    }

    /// The cameras that look at the register of a transaction.
    fn cameras_of(&self, store: &StoreKey, posted: &PostedTransaction) -> Vec<CameraId> {
        let zones = self.of_register(store, &posted.transaction.register_id, posted.header.event_time);
        let cameras: BTreeSet<_> = zones.map(|zone| zone.camera.clone()).collect();
        cameras.into_iter().collect()
    }
}

fn by_store(zones: Vec<PlacedZone>) -> BTreeMap<StoreKey, Vec<PlacedZone>> {
    let mut by_store: BTreeMap<StoreKey, Vec<PlacedZone>> = BTreeMap::new();
    for placed in zones {
        by_store.entry(placed.store.clone()).or_default().push(placed);
    }
    by_store
}

/// Judges the anchors of a log.
pub struct Engine {
    settings: Settings,
    rules: Vec<Compiled>,
    source: Box<dyn EventSource>,
    store: Arc<dyn EpochStore>,
    clock: SharedClock,
    partition: Partition,
    fence: i64,
    memories: Memories,
    /// How far back rules read the history.
    reads_back: TimeDelta,
    clocks: Clocks,
    pairs: Pairs,
    stated: Vec<ClockOffset>,
    agenda: Agenda,
    bookmarks: Bookmarks,
    committed_at: DateTime<Utc>,
    floors: floor::Floors,
    failures: Failures,
    account: Account,
    /// What hears canaries, once one has come.
    canary: Option<Compiled>,
    /// Canaries that have come and were not heard yet.
    canaries: Vec<Event>,
    /// What is to be told of those that were.
    heard: Vec<Outgoing>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl Engine {
    /// Plans the rules, takes over from the last holder and goes to where it stopped.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn open(
        settings: Settings,
        rules: Vec<Rule>,
        mut source: Box<dyn EventSource>,
        store: Arc<dyn EpochStore>,
        clock: SharedClock,
    ) -> Result<Self, EngineError> {
        let room = Room::of(settings.memory_bytes);
        let mut compiled = Vec::new();
        for rule in rules {
            let id = rule.header.id.to_string();
            match Compiled::new(rule, &room).await {
                Ok(rule) => compiled.push(rule),
                Err(error) if settings.passes_over => {
                    judge::failed(&id, &error, "a rule cannot be planned and is left out");
                }
                Err(error) => return Err(error.into()),
            }
        }
        // One worker holds all partitions; the fence keeps a second one out.
        let partition = Partition::new("engine", 0);
        let tenure = store.take(&partition).await.map_err(EngineError::Store)?;
        let bounds = source.bounds().await.map_err(EngineError::Log)?;
        let left = Checkpoint::read(tenure.checkpoint.as_deref());
        let (bookmarks, start) = Bookmarks::resume(&left, &bounds)?;
        source.seek(&start).await.map_err(EngineError::Log)?;
        tracing::debug!(rules = compiled.len(), fence = tenure.fence, "the rule engine reads on");
        let agenda = Agenda::resume(left.pending(&compiled));
        let committed_at = clock.now();
        let reads_back = compiled.iter().map(|rule| rule.rule.header.history()).max().unwrap_or_default();
        Ok(Self {
            settings,
            rules: compiled,
            source,
            store,
            clock,
            partition,
            fence: tenure.fence,
            memories: BTreeMap::new(),
            clocks: left.clocks.into_owned(),
            pairs: left.pairs.into_owned(),
            reads_back,
            stated: Vec::new(),
            agenda,
            bookmarks,
            committed_at,
            floors: floor::Floors::default(),
            failures: Failures::default(),
            account: Account::default(),
            canary: None,
            canaries: Vec::new(),
            heard: Vec::new(),
        })
    }

    /// What became of what was read.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Goes on with other zones and adjustments. What was judged stays as it is.
    pub fn set_up(&mut self, zones: Vec<PlacedZone>, adjusted: Adjustments) {
        self.settings.zones = by_store(zones);
        self.settings.adjusted = adjusted;
    }

    /// Works until `stop`, and commits what is judged then. May be called again.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn run(&mut self, stop: CancellationToken) -> Result<(), EngineError> {
        while !stop.is_cancelled() {
            self.step(Duration::from_millis(50)).await?;
        }
        Ok(())
    }

    /// Takes what the log has, waiting at most `wait` for it, judges what is complete and commits. Returns how many
    /// records were read.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn step(&mut self, wait: Duration) -> Result<usize, EngineError> {
        let records = self.source.poll(POLL_RECORDS, wait).await.map_err(EngineError::Log)?;
        self.take_in(&records)?;
        self.compare_clocks(records.is_empty());
        let now = self.clock.now();
        let judged = self.judge(now).await?;
        self.hear(now).await?;
        self.forget();
        let has_news = !judged.is_empty() || !self.stated.is_empty() || !self.heard.is_empty();
        if has_news || now - self.committed_at >= CHECKPOINT_EVERY {
            self.commit(judged, now).await?;
        }
        Ok(records.len())
    }

    fn take_in(&mut self, records: &[LogRecord]) -> Result<(), EngineError> {
        let of = |topic: &str| records.iter().filter(|record| record.partition.topic == topic).collect::<Vec<_>>();
        for (record, tile) in decode::<PresenceTile>(topic::CAM_PRESENCE, &of(topic::CAM_PRESENCE), &mut self.account)?
        {
            let store = StoreKey::new(tile.tenant_id.clone(), tile.store_id.clone());
            self.bookmarks.read(record, &store, tile.end_at.timestamp_micros());
            let new = memory(&mut self.memories, self.reads_back, &store).see(&tile);
            let fate = match (self.bookmarks.is_replay(record), new) {
                (true, _) => Fate::Replayed,
                (false, true) => Fate::Used,
                (false, false) => Fate::Repeated,
            };
            self.account.note(topic::CAM_PRESENCE, fate, 1);
            if new {
                self.agenda.seen(&store, tile.start_at.timestamp_micros()..tile.end_at.timestamp_micros());
            }
            if tile.zone_kind == ZoneKind::Customer
                && let Some(register) = &tile.register_id
                && self.settings.eye(&store, register, tile.start_at) == Some(&tile.zone_id)
            {
                self.pairs.see(&store, register, &tile);
            }
        }
        let posted = of(topic::POS_TRANSACTION);
        for (record, posted) in decode::<PostedTransaction>(topic::POS_TRANSACTION, &posted, &mut self.account)? {
            self.posted(record, posted);
        }
        for record in records {
            self.bookmarks.passed(record);
        }
        Ok(())
    }

    /// Lets go of what no rule looks back to any more.
    fn forget(&mut self) {
        for (store, memory) in &mut self.memories {
            let horizon = memory.horizon();
            if horizon <= memory.floor() {
                continue;
            }
            memory.forget(horizon);
            self.agenda.forget(store, horizon);
            self.pairs.forget(store, horizon);
            self.bookmarks.forget(store, horizon);
        }
        self.make_room();
    }

    fn posted(&mut self, record: &LogRecord, posted: PostedTransaction) {
        let event = Event { posted: Arc::new(posted), logged_at: record.logged_at };
        // Below the checkpoint a record was judged before; it is read again as the neighbourhood of others.
        let replayed = self.bookmarks.is_replay(record);
        if self.takes_canary(&event, replayed) {
            let fate = if replayed { Fate::Replayed } else { Fate::Used };
            return self.account.note(topic::POS_TRANSACTION, fate, 1);
        }
        let posted = &event.posted;
        let store = StoreKey::new(posted.header.tenant_id.clone(), posted.transaction.store_id.clone());
        let at = posted.header.event_time.timestamp_micros();
        self.bookmarks.read(record, &store, at);
        let memory = memory(&mut self.memories, self.reads_back, &store);
        let id = posted.header.event_id;
        let mut restated = None;
        if !replayed {
            let heard = self.clocks.entry(clock::name(posted)).or_default().see(posted);
            self.stated.extend(heard.told);
            if heard.set {
                self.pairs.clock_set(&store, posted);
            }
            restated = heard.before;
        }
        let late = at < memory.horizon();
        if late && !replayed {
            // Its neighbourhood is in the lake only.
            tracing::debug!(%store, event = %id, "an event came more than a day late: rules that look back judge it with what is remembered");
        }
        let posted = Arc::clone(posted);
        let touched = memory.add(event);
        if !touched.at.is_empty()
            && self.settings.eye(&store, &posted.transaction.register_id, posted.header.event_time).is_some()
        {
            self.pairs.ring(&store, &posted, replayed);
        }
        let fate = match touched.at.len() {
            _ if replayed => Fate::Replayed,
            0 => Fate::Repeated,
            _ if late => Fate::Late,
            1 => Fate::Used,
            _ => Fate::Corrected,
        };
        self.account.note(topic::POS_TRANSACTION, fate, 1);
        for at in touched.at {
            for (number, rule) in self.rules.iter().enumerate() {
                let header = &rule.rule.header;
                let seen = if touched.rare { header.history().num_seconds() } else { 0 };
                let until = at + header.lookback_seconds.max(seen) * 1_000_000;
                let from = at - header.lookahead_seconds * 1_000_000;
                for event in memory.events(from, until) {
                    let anchor = &event.posted;
                    if !header.anchor.contains(&anchor.transaction.kind) {
                        continue;
                    }
                    let item = (number, anchor.header.event_id);
                    if anchor.header.event_id == id {
                        self.agenda.arrived(item, &store, replayed);
                    } else if !replayed && memory.remembers(anchor, header.lookback_seconds) {
                        self.agenda.touched(item, &store);
                    }
                }
            }
        }
        if replayed {
            self.recall(&store, id);
        }
        if let Some(before) = restated {
            self.place_anew(&store, &posted.transaction.register_id, at, &before);
        }
    }

    /// Notes by which presence an anchor was judged before the checkpoint, so that late tiles bring it back.
    fn recall(&mut self, store: &StoreKey, id: Uuid) {
        let Some(posted) = self.memories.get(store).and_then(|memory| memory.event(id)).map(|event| &event.posted)
        else {
            return;
        };
        let anchor = self.anchor(posted, store);
        for (number, rule) in self.rules.iter().enumerate() {
            let header = &rule.rule.header;
            let anchor = self.for_rule(header, anchor.clone(), store);
            if !header.watched.is_empty() && header.anchor.contains(&anchor.posted.transaction.kind) {
                self.agenda.looked((number, id), store, verdict::looked(header, &anchor));
            }
        }
    }
}

/// Decodes records of one topic; one that cannot be decoded is named in the log and left out (the lake and the raw topic
/// have it).
fn decode<'a, T: Avro>(
    topic: &'static str,
    records: &[&'a LogRecord],
    account: &mut Account,
) -> Result<Vec<(&'a LogRecord, T)>, EngineError> {
    let present: Vec<(&LogRecord, &[u8])> =
        records.iter().filter_map(|record| Some((*record, &record.value.as_ref()?[..]))).collect();
    account.note(topic, Fate::Empty, records.len() - present.len());
    if present.is_empty() {
        return Ok(Vec::new());
    }
    let values: Vec<&[u8]> = present.iter().map(|(_, value)| *value).collect();
    let decoded = Decoder::<T>::new().decode(&values)?;
    account.note(topic, Fate::Unreadable, decoded.failed.len());
    for (index, reason) in &decoded.failed {
        if let Some((record, _)) = present.get(*index) {
            tracing::error!(partition = %record.partition, offset = record.offset, reason, "record left out by the rules");
        }
    }
    let origins = decoded.value_of_row.iter().filter_map(|index| present.get(*index)).map(|(record, _)| *record);
    Ok(origins.zip(columns::from_batch::<T>(&decoded.batch)?).collect())
}

#[cfg(test)]
mod pitfall_tests;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_is_judged_by_the_zones_that_held_when_it_happened() {
        let at = |text: &str| -> DateTime<Utc> { text.parse().unwrap() };
        let zone = |camera: &str, version: i32| -> Zone {
            serde_json::from_value(serde_json::json!({
                "id": "counter", "camera": camera, "kind": "customer", "register": "1", "version": version,
                "polygon": [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]
            }))
            .unwrap()
        };
        let store: StoreKey = "acme/17".parse().unwrap();
        let moved = at("2026-11-22T12:00:00Z");
        let gone = at("2026-11-23T12:00:00Z");
        let settings = Settings::placed(vec![
            PlacedZone { store: store.clone(), zone: zone("left", 1), from: None, to: Some(moved) },
            PlacedZone { store: store.clone(), zone: zone("right", 2), from: Some(moved), to: Some(gone) },
        ]);
        let register: RegisterId = "1".parse().unwrap();
        let seen = |text: &str| {
            let zones = settings.of_register(&store, &register, at(text));
            zones.map(|zone| zone.camera.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(seen("2020-01-01T00:00:00Z"), ["left"]);
        assert_eq!(seen("2026-11-22T12:00:00Z"), ["right"]);
        assert_eq!(seen("2026-11-23T12:00:00Z"), Vec::<String>::new());
    }
}
