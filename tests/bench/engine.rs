//! Area `engine`: the whole rule library over a week of a store with a camera at every register, and over two hours of a
//! hundred such stores, through the same engine as live, in small ticks and in large ones: both must come to the same.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_correlate::engine::{Engine, MemoryStore, ScriptedLog, Settings};
use tillsight_correlate::rule::Rule;
use tillsight_datasets::demo;
use tillsight_datasets::plan::StorePlan;
use tillsight_schemas::clock::ReplayClock;
use tillsight_schemas::id::{StoreKey, derive};
use tillsight_schemas::port::LogRecord;
use tillsight_schemas::pos::PostedTransaction;
use tillsight_schemas::presence::{PresenceState, PresenceTile};
use tillsight_schemas::topic;
use tillsight_schemas::wire::avro;
use tillsight_schemas::zone::{Zone, ZoneKind};
use tokio::runtime::Runtime;

use crate::sheet::{Row, Sheet, median};
use crate::{machine, shop};

const DAYS: u64 = 7;
const RUNS: usize = 3;
/// The stores of a chain, and how long they are open.
const STORES: u32 = 100;
const HOURS: TimeDelta = TimeDelta::hours(2);
/// How long a tile is; every fifth has somebody in it.
const TILE: TimeDelta = TimeDelta::seconds(5);

pub(crate) fn measure(sheet: &mut Sheet) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let panel = shop::panel();
    let plan = demo::kiosk().unwrap();
    let week = shop::days(&panel, &plan, DAYS).concat();
    let first = week.iter().map(|posted| posted.header.event_time).min().unwrap();
    let last = week.iter().map(|posted| posted.header.event_time).max().unwrap();
    let tiles = tiles(&plan, TILE, first - TimeDelta::minutes(1), last + TimeDelta::minutes(1));
    let what = format!("{} transactions and {} tiles of a store through all rules", week.len(), tiles.len());
    let records = arrivals(&week, &tiles);
    through(sheet, &runtime, std::slice::from_ref(&plan), &records, &what, [("week_at_once", 2_000), ("week_live", 4)]);

    let (plans, posted, tiles) = chain(&plan, &week);
    let what = format!("{} transactions and {} tiles of {STORES} stores through all rules", posted.len(), tiles.len());
    let records = arrivals(&posted, &tiles);
    let second = tiles.len() / usize::try_from(HOURS.num_seconds()).unwrap();
    through(sheet, &runtime, &plans, &records, &what, [("stores_at_once", 2_000), ("stores_live", second)]);
}

/// Two hours of the afternoon of the last day, in many stores that ring the same, with tiles of one second.
fn chain(plan: &StorePlan, week: &[PostedTransaction]) -> (Vec<StorePlan>, Vec<PostedTransaction>, Vec<PresenceTile>) {
    let last = week.iter().map(|posted| posted.header.event_time).max().unwrap();
    let (from, to) = (last - TimeDelta::hours(6), last - TimeDelta::hours(6) + HOURS);
    let (mut plans, mut all, mut seen) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..STORES {
        let mut plan = plan.clone();
        plan.store.id = format!("{}", 1_000 + number).parse().unwrap();
        let named = |id: String| derive("bench", [Some(plan.store.id.as_str()), Some(id.as_str())]);
        let rung = week.iter().filter(|posted| (from..to).contains(&posted.header.event_time));
        all.extend(rung.cloned().map(|mut posted| {
            posted.header.event_id = named(posted.header.event_id.to_string());
            posted.transaction.store_id = plan.store.id.clone();
            if let Some(id) = posted.transaction.reference.as_mut().and_then(|reference| reference.event_id.as_mut()) {
                *id = named(id.to_string());
            }
            posted
        }));
        seen.extend(tiles(&plan, TimeDelta::seconds(1), from, to));
        plans.push(plan);
    }
    (plans, all, seen)
}

/// What arrives, in the order of its arrival.
fn arrivals(posted: &[PostedTransaction], tiles: &[PresenceTile]) -> Vec<LogRecord> {
    let mut posted: Vec<_> =
        posted.iter().map(|posted| posted.header.event_time).zip(avro::encode(posted).unwrap()).collect();
    posted.sort_by_key(|(at, _)| *at);
    let mut seen: Vec<_> = tiles.iter().map(|tile| tile.end_at).zip(avro::encode(tiles).unwrap()).collect();
    seen.sort_by_key(|(at, _)| *at);
    let mut records = Vec::new();
    for (topic, of_topic) in [(topic::POS_TRANSACTION, posted), (topic::CAM_PRESENCE, seen)] {
        records.extend((0..).zip(of_topic).map(|(offset, (at, value))| ScriptedLog::record(topic, offset, at, value)));
    }
    records.sort_by_key(|record| (record.logged_at, record.offset));
    records
}

/// The same records in large ticks and in small ones.
fn through(
    sheet: &mut Sheet,
    runtime: &Runtime,
    plans: &[StorePlan],
    records: &[LogRecord],
    what: &str,
    ticks: [(&'static str, usize); 2],
) {
    let events = f64::from(u32::try_from(records.len()).unwrap());
    let mut outcomes = Vec::new();
    for (name, at_once) in ticks {
        let runs: Vec<(f64, usize)> =
            (0..RUNS).map(|_| runtime.block_on(run(plans, records.to_vec(), at_once))).collect();
        let rates: Vec<f64> = runs.iter().map(|(seconds, _)| events / seconds).collect();
        outcomes.push(runs[0].1);
        sheet.row(&Row {
            name,
            what: format!("{what}, {at_once} records a tick"),
            value: median(&rates),
            samples: rates,
            unit: "events/s/core",
            bar: None,
            note: format!("decoding included; {} judgements; peak {:.0} MiB", runs[0].1, machine::peak_mib()),
        });
    }
    assert!(outcomes.windows(2).all(|pair| pair[0] == pair[1]), "ticks change nothing: {outcomes:?}");
}

/// Processor seconds, and how many judgements there are.
async fn run(plans: &[StorePlan], records: Vec<LogRecord>, at_once: usize) -> (f64, usize) {
    let tills = plans.iter().flat_map(|plan| plan.registers.iter().map(move |register| (plan, register)));
    let zones = tills.map(|(plan, register)| {
        let zone = Zone {
            id: format!("zone-{}", register.id).parse().unwrap(),
            camera: format!("camera-{}", register.id).parse().unwrap(),
            kind: ZoneKind::Customer,
            register: Some(register.id.clone()),
            polygon: vec![[0.2, 0.2], [0.8, 0.2], [0.8, 0.8]],
            version: 1,
        };
        (StoreKey::new(plan.store.tenant.clone(), plan.store.id.clone()), zone)
    });
    let settings = Settings::new(zones.collect());
    let clock = ReplayClock::at(records[0].logged_at);
    let log = ScriptedLog::new(records, at_once, clock.clone());
    let store = MemoryStore::default();
    let before = machine::processor_seconds();
    let source = Box::new(log.clone());
    let rules = Rule::all(None).unwrap();
    let mut engine =
        Engine::open(settings, rules, source, Arc::new(store.clone()), Arc::new(clock.clone())).await.unwrap();
    while !log.is_finished() {
        engine.step(Duration::ZERO).await.unwrap();
    }
    clock.advance(TimeDelta::minutes(5));
    engine.step(Duration::ZERO).await.unwrap();
    (machine::processor_seconds() - before, store.judged().len())
}

/// What the cameras of all registers say.
fn tiles(plan: &StorePlan, long: TimeDelta, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<PresenceTile> {
    let sample = include_str!("../../schemas/samples/v1/presence_tile.json");
    let sample: PresenceTile = serde_json::from_str(sample).unwrap();
    let mut tiles = Vec::new();
    let (mut start, mut n) = (from, 0);
    while start < to {
        for register in &plan.registers {
            tiles.push(PresenceTile {
                tenant_id: plan.store.tenant.clone(),
                store_id: plan.store.id.clone(),
                camera_id: format!("camera-{}", register.id).parse().unwrap(),
                zone_id: format!("zone-{}", register.id).parse().unwrap(),
                zone_kind: ZoneKind::Customer,
                register_id: Some(register.id.clone()),
                start_at: start,
                end_at: start + long,
                state: if n % 5 == 0 { PresenceState::Present } else { PresenceState::Absent },
                blind: None,
                ..sample.clone()
            });
        }
        (start, n) = (start + long, n + 1);
    }
    tiles
}
