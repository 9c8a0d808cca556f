//! [`Feed`]: what the tills and the cameras of some stores say, the same for everybody who is measured.
//!
//! Made of numbers alone: no clock, no file, and each register by itself, so a part of it is the same as in the whole.
//! Twenty registers a store ring a transaction every 44 s, eight lines each, and a camera at every register says who is there,
//! with tiles of a second about 25 events a second and store (a transaction, a line, a payment and a tile are an event each).
//! Of a hundred transactions four are refunds, three void the sale before, three open the drawer. Records arrive 250 ms after
//! they were made.

use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_correlate::engine::ScriptedLog;
use tillsight_schemas::id::{StoreKey, derive};
use tillsight_schemas::port::LogRecord;
use tillsight_schemas::pos::{Kind, PostedTransaction, TenderType};
use tillsight_schemas::presence::{Blind, PresenceState, PresenceTile};
use tillsight_schemas::topic;
use tillsight_schemas::wire::avro::{self, Avro};
use tillsight_schemas::zone::{Zone, ZoneKind};

/// The registers of a store.
pub(crate) const REGISTERS: u32 = 20;
/// Changes whenever a feed would come out differently.
pub(crate) const VERSION: u32 = 1;
/// From which transaction of a register on there is anything but sales: what is known of its clock comes from the first ones.
const SALES_FIRST: i64 = 3;
/// How long after the last transaction the cameras go on, in milliseconds.
const AFTER: i64 = 15_000;

/// Which feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Feed {
    /// How many stores there are.
    pub(crate) stores: u32,
    /// How long they are open, in minutes.
    pub(crate) minutes: u32,
    /// How long a tile of the cameras is at most, in seconds; no cameras when it is 0.
    pub(crate) tile: u32,
}

/// Numbers that look like chance (splitmix64, Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let among = u64::try_from(high - low + 1).unwrap();
        low + i64::try_from(self.next() % among).unwrap()
    }

    /// True so often in a thousand.
    pub(crate) fn chance(&mut self, permille: i64) -> bool {
        self.between(0, 999) < permille
    }
}

/// What a register rang, and the state of its customer zone in each second.
struct Till {
    posted: Vec<PostedTransaction>,
    states: Vec<PresenceState>,
}

impl Feed {
    /// When the stores open.
    pub(crate) fn opens() -> DateTime<Utc> {
        "2026-11-16T14:00:00Z".parse().unwrap()
    }

    /// When they have closed.
    pub(crate) fn closes(self) -> DateTime<Utc> {
        Self::opens() + TimeDelta::minutes(self.minutes.into())
    }

    /// A name for its files.
    pub(crate) fn name(self) -> String {
        let Self { stores, minutes, tile } = self;
        format!("rules-v{VERSION}-{stores}x{minutes}-{tile}")
    }

    /// The stores.
    pub(crate) fn keys(self) -> Vec<StoreKey> {
        (0..self.stores).map(|store| format!("demo/{}", 1_000 + store).parse().unwrap()).collect()
    }

    /// The zones of all registers.
    pub(crate) fn zones(self) -> Vec<(StoreKey, Zone)> {
        let registers = 1..=if self.tile > 0 { REGISTERS } else { 0 };
        let of =
            |key: StoreKey| registers.clone().map(move |register| (key.clone(), zone(register, ZoneKind::Customer)));
        self.keys().into_iter().flat_map(of).collect()
    }

    /// What the tills of a store rang, in order; landed one after the other.
    pub(crate) fn posted(self, store: u32) -> Vec<PostedTransaction> {
        let mut posted: Vec<_> = (1..=REGISTERS).flat_map(|register| self.till(store, register).posted).collect();
        posted.sort_by_key(|posted| (posted.header.event_time, posted.header.event_id));
        for (posted, offset) in posted.iter_mut().zip(0..) {
            posted.header.landing_partition = i32::try_from(store).unwrap();
            posted.header.landing_offset = offset;
        }
        posted
    }

    /// What the camera at a register saw: cut where the state changes and at whole multiples of the length of a tile.
    pub(crate) fn tiles(self, store: u32, register: u32) -> Vec<PresenceTile> {
        let mut tiles: Vec<PresenceTile> = Vec::new();
        let Ok(length @ 1..) = usize::try_from(self.tile) else { return tiles };
        let (key, zone) = (self.keys().swap_remove(store as usize), zone(register, ZoneKind::Customer));
        for (second, state) in self.till(store, register).states.into_iter().enumerate() {
            let end = Self::opens() + TimeDelta::seconds(i64::try_from(second).unwrap() + 1);
            match tiles.last_mut().filter(|last| last.state == state && !second.is_multiple_of(length)) {
                Some(last) => (last.end_at, last.published_at) = (end, end),
                None => tiles.push(tile(&key, &zone, end - TimeDelta::seconds(1), end, state)),
            }
        }
        tiles
    }

    /// The state of a register's customer zone in each second.
    pub(crate) fn truth(self, store: u32, register: u32) -> Vec<PresenceState> {
        self.till(store, register).states
    }

    /// How many stretches in one state the cameras saw.
    pub(crate) fn stretches(self) -> usize {
        let registers = (0..self.stores).flat_map(|store| (1..=REGISTERS).map(move |register| (store, register)));
        let of =
            |(store, register)| 1 + self.till(store, register).states.windows(2).filter(|two| two[0] != two[1]).count();
        if self.tile > 0 { registers.map(of).sum() } else { 0 }
    }

    /// All of it as records of the log, in the order of their arrival.
    pub(crate) fn records(self) -> Vec<LogRecord> {
        in_order((0..self.stores).flat_map(|store| self.arriving(store)).collect())
    }

    /// What arrives from a store.
    pub(crate) fn arriving(self, store: u32) -> Vec<LogRecord> {
        let mut records = arriving(topic::POS_TRANSACTION, &self.posted(store), |one| one.header.received_at);
        for register in 1..=REGISTERS {
            records.extend(arriving(topic::CAM_PRESENCE, &self.tiles(store, register), |tile| tile.end_at));
        }
        records
    }

    /// What happened at a register.
    fn till(self, store: u32, register: u32) -> Till {
        let sample: PostedTransaction =
            serde_json::from_str(include_str!("../../../schemas/samples/v1/posted_transaction.json")).unwrap();
        let key = self.keys().swap_remove(store as usize);
        let mut dice = Dice::new(u64::from(store) * 1_000 + u64::from(register));
        let closes = i64::from(self.minutes) * 60_000;
        let mut states = vec![PresenceState::Absent; self.minutes as usize * 60];
        let (mut posted, mut before): (Vec<PostedTransaction>, _) = (Vec::new(), dice.between(0, 40_000));
        // Some void far more than others do.
        let voids = if register.is_multiple_of(7) { 150 } else { 30 };
        for number in 1.. {
            let begin = before + dice.between(5_000, 55_000);
            let end = begin + dice.between(4_000, 24_000);
            if end + AFTER > closes {
                break;
            }
            let after_sale = posted.last().is_some_and(|last| last.transaction.kind == Kind::Sale);
            let kind = match dice.between(0, 999) {
                _ if number <= SALES_FIRST => Kind::Sale,
                0..40 => Kind::Return,
                40..70 => Kind::NoSale,
                70..90 => Kind::Cancel,
                said if said < 90 + voids && after_sale => Kind::PostVoid,
                _ => Kind::Sale,
            };
            let nobody = dice.chance(match kind {
                Kind::Return => 250,
                Kind::PostVoid => 400,
                Kind::NoSale => 600,
                _ => 0,
            });
            if !nobody {
                let (came, went) = (dice.between(2_000, 10_000), dice.between(1_000, 6_000));
                mark(&mut states, begin - came, end + went, PresenceState::Present);
            }
            if dice.chance(if kind == Kind::Return { 80 } else { 0 }) {
                mark(&mut states, begin - 10_000, end + 10_000, PresenceState::Unknown);
            }
            let mut one = sample.clone();
            let name = [key.store.as_str(), &register.to_string(), &number.to_string()].map(ToOwned::to_owned);
            one.header.event_id = derive("bench", name.iter().map(|part| Some(part.as_str())));
            one.header.tenant_id = key.tenant.clone();
            one.header.event_time = at(end);
            one.header.event_time_uncertainty_ms = 0;
            one.header.begin_time = Some(at(begin));
            one.header.received_at = at(end + 250);
            one.transaction.store_id = key.store.clone();
            one.transaction.register_id = register.to_string().parse().unwrap();
            one.transaction.operator_id = Some(format!("{}{register:02}", key.store).parse().unwrap());
            one.transaction.kind = kind;
            one.transaction.sequence_no = Some(number);
            one.transaction.event_time_raw = at(end).to_rfc3339();
            one.transaction.begin_time_raw = Some(at(begin).to_rfc3339());
            one.transaction.receipt_no = Some(name.join("-"));
            ring(&mut one, &mut dice);
            posted.push(one);
            before = end;
        }
        Till { posted, states }
    }
}

/// A tile of a zone.
pub(crate) fn tile(
    key: &StoreKey,
    zone: &Zone,
    start_at: DateTime<Utc>,
    end_at: DateTime<Utc>,
    state: PresenceState,
) -> PresenceTile {
    static SAMPLE: LazyLock<PresenceTile> =
        LazyLock::new(|| serde_json::from_str(include_str!("../../../schemas/samples/v1/presence_tile.json")).unwrap());
    PresenceTile {
        tenant_id: key.tenant.clone(),
        store_id: key.store.clone(),
        camera_id: zone.camera.clone(),
        zone_id: zone.id.clone(),
        zone_kind: zone.kind,
        register_id: zone.register.clone(),
        start_at,
        end_at,
        published_at: end_at,
        state,
        blind: (state == PresenceState::Unknown).then_some(Blind::Frozen),
        ..SAMPLE.clone()
    }
}

/// Records of a topic, each with the time of its arrival, without their places.
pub(crate) fn arriving<T: Avro>(topic: &str, said: &[T], at: impl Fn(&T) -> DateTime<Utc>) -> Vec<LogRecord> {
    let values = avro::encode(said).unwrap();
    said.iter().zip(values).map(|(one, value)| ScriptedLog::record(topic, 0, at(one), value)).collect()
}

/// Gives records their places in the log by the time of their arrival.
pub(crate) fn in_order(mut records: Vec<LogRecord>) -> Vec<LogRecord> {
    records.sort_by_key(|record| record.logged_at);
    let (mut tills, mut cameras) = (0, 0);
    for record in &mut records {
        let next = if record.partition.topic == topic::POS_TRANSACTION { &mut tills } else { &mut cameras };
        record.offset = *next;
        *next += 1;
    }
    records
}

/// An instant, in milliseconds from the opening.
fn at(ms: i64) -> DateTime<Utc> {
    Feed::opens() + TimeDelta::milliseconds(ms)
}

/// The zone of a kind at a register.
pub(crate) fn zone(register: u32, kind: ZoneKind) -> Zone {
    Zone {
        id: format!("{}-{register}", kind.as_str()).parse().unwrap(),
        camera: format!("camera-{register}").parse().unwrap(),
        kind,
        register: Some(register.to_string().parse().unwrap()),
        polygon: vec![[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]],
        version: 1,
    }
}

/// Sets the seconds of a stretch, in milliseconds from the opening.
fn mark(states: &mut [PresenceState], from: i64, to: i64, state: PresenceState) {
    let second = |ms: i64| usize::try_from(ms.max(0) / 1_000).unwrap().min(states.len());
    let (from, to) = (second(from), second(to + 999));
    states[from..to].fill(state);
}

/// Puts items and payments on a receipt: nothing on one that only opened the drawer.
fn ring(one: &mut PostedTransaction, dice: &mut Dice) {
    let (mut line, mut tender) = (one.transaction.lines[0].clone(), one.transaction.tenders[0].clone());
    one.transaction.lines.clear();
    one.transaction.tenders.clear();
    if one.transaction.kind == Kind::NoSale {
        one.transaction.total_minor = None;
        return;
    }
    let mut total = 0;
    for number in 1..=i32::try_from(dice.between(1, 15)).unwrap() {
        line.line_no = number;
        line.unit_price_minor = Some(dice.between(99, 4_999));
        line.extended_minor = line.unit_price_minor.unwrap_or_default();
        total += line.extended_minor;
        one.transaction.lines.push(line.clone());
    }
    one.transaction.item_count = i32::try_from(one.transaction.lines.len()).ok();
    one.transaction.net_minor = Some(total);
    one.transaction.total_minor = Some(total);
    let first = if dice.chance(300) { total / 2 } else { total };
    for (number, amount) in (1..).zip([first, total - first].into_iter().filter(|amount| *amount > 0)) {
        tender.tender_no = number;
        tender.amount_minor = amount;
        tender.tender_type = if dice.chance(500) { TenderType::Cash } else { TenderType::Credit };
        one.transaction.tenders.push(tender.clone());
    }
}
