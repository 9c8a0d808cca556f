//! Area `engine`: the whole rule library over a week of a store with a camera at every register, and through the same engine
//! as live, in ticks of one record and in large ones: both must come to the same.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_correlate::engine::{Engine, MemoryStore, ScriptedLog, Settings};
use tillsight_correlate::rule::Rule;
use tillsight_datasets::demo;
use tillsight_datasets::plan::StorePlan;
use tillsight_schemas::clock::ReplayClock;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::port::LogRecord;
use tillsight_schemas::presence::{PresenceState, PresenceTile};
use tillsight_schemas::topic;
use tillsight_schemas::wire::avro;
use tillsight_schemas::zone::{Zone, ZoneKind};

use crate::sheet::{Row, Sheet, median};
use crate::{machine, shop};

const DAYS: u64 = 7;
const RUNS: usize = 3;
/// How long a tile is; every fifth has somebody in it.
const TILE: TimeDelta = TimeDelta::seconds(5);

pub(crate) fn measure(sheet: &mut Sheet) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let panel = shop::panel();
    let plan = demo::kiosk().unwrap();
    let week = shop::days(&panel, &plan, DAYS).concat();
    let first = week.iter().map(|posted| posted.header.event_time).min().unwrap();
    let last = week.iter().map(|posted| posted.header.event_time).max().unwrap();
    let mut arrivals: Vec<(DateTime<Utc>, LogRecord)> = Vec::new();
    let values = avro::encode(&week).unwrap();
    let mut posted: Vec<_> = week.iter().map(|posted| posted.header.event_time).zip(values).collect();
    posted.sort_by_key(|(at, _)| *at);
    for (offset, (at, value)) in (0..).zip(posted) {
        arrivals.push((at, ScriptedLog::record(topic::POS_TRANSACTION, offset, at, value)));
    }
    let tiles = tiles(&plan, first - TimeDelta::minutes(1), last + TimeDelta::minutes(1));
    for (offset, (tile, value)) in (0..).zip(tiles.iter().zip(avro::encode(&tiles).unwrap())) {
        arrivals.push((tile.end_at, ScriptedLog::record(topic::CAM_PRESENCE, offset, tile.end_at, value)));
    }
    arrivals.sort_by_key(|(at, record)| (*at, record.offset));
    let records: Vec<LogRecord> = arrivals.into_iter().map(|(_, record)| record).collect();
    let events = f64::from(u32::try_from(records.len()).unwrap());

    let mut outcomes = Vec::new();
    for (name, at_once, what) in [
        ("week_at_once", 2_000, "as much at once as the log has"),
        ("week_live", 4, "four records a tick, as when they come one by one"),
    ] {
        let runs: Vec<(f64, usize)> =
            (0..RUNS).map(|_| runtime.block_on(run(&plan, records.clone(), at_once))).collect();
        let rates: Vec<f64> = runs.iter().map(|(seconds, _)| events / seconds).collect();
        outcomes.push(runs[0].1);
        sheet.row(&Row {
            name,
            what: format!("{} transactions and {} tiles through all rules, {what}", week.len(), tiles.len()),
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
async fn run(plan: &StorePlan, records: Vec<LogRecord>, at_once: usize) -> (f64, usize) {
    let zones = plan.registers.iter().map(|register| {
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
fn tiles(plan: &StorePlan, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<PresenceTile> {
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
                end_at: start + TILE,
                state: if n % 5 == 0 { PresenceState::Present } else { PresenceState::Absent },
                blind: None,
                ..sample.clone()
            });
        }
        (start, n) = (start + TILE, n + 1);
    }
    tiles
}
