//! A till whose records all arrive 40 s late, and a camera that sees its customers: by arrivals the clock is wrong and sure of
//! it, by customers it is right. Whatever the ticks and the order of the two streams, every alert says the same at the end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::ReplayClock;
use tillsight_schemas::alert::{Alert, AlertState};
use tillsight_schemas::clock_offset::ClockMethod;
use tillsight_schemas::port::LogRecord;
use tillsight_schemas::pos::{Kind, PostedTransaction};
use tillsight_schemas::presence::{PresenceState, PresenceTile};
use tillsight_schemas::topic;
use tillsight_schemas::zone::Zone;
use uuid::Uuid;

use super::super::{MemoryStore, ScriptedLog, Settings};
use super::Engine;
use crate::align::simulate::{Recording, USUAL, lane};
use crate::align::{CueKind, SECOND_US, TillKind};
use crate::lake::sample::{sale, tile, value};
use crate::rule::Rule;

/// How late every record of the till arrives.
const LATE: TimeDelta = TimeDelta::seconds(40);

fn instant(us: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(us).unwrap()
}

/// The transactions of a lane; every third is a refund.
fn rung(recording: &Recording) -> Vec<PostedTransaction> {
    let mut begun = None;
    let mut rung = Vec::new();
    for event in &recording.till {
        match event.kind {
            TillKind::TransactionStart => begun = Some(instant(event.at_us)),
            TillKind::TransactionEnd => {
                let n = i64::try_from(rung.len()).unwrap();
                let mut posted = sale("17", n, &instant(event.at_us).to_rfc3339());
                let seen_us = event.at_us + recording.truth.offset_at_till_us(event.at_us);
                posted.header.begin_time = begun.take();
                posted.header.received_at = instant(seen_us) + LATE;
                posted.transaction.kind = if n % 3 == 0 { Kind::Return } else { Kind::Sale };
                rung.push(posted);
            }
            TillKind::Line | TillKind::Drawer => {}
        }
    }
    rung
}

/// What lies between the cues of a lane, as tiles.
fn tiles(recording: &Recording) -> Vec<PresenceTile> {
    let mut from_us = recording.cues[0].at_us - SECOND_US;
    let tiles = recording.cues.iter().map(|cue| {
        let mut tile = tile("17", 0);
        (tile.start_at, tile.end_at) = (instant(from_us), instant(cue.at_us));
        tile.state = if cue.kind == CueKind::Arrived { PresenceState::Absent } else { PresenceState::Present };
        tile.blind = None;
        from_us = cue.at_us;
        tile
    });
    tiles.collect()
}

/// Every refund is an alert.
fn rule() -> Rule {
    let mut rule =
        Rule::library().unwrap().into_iter().find(|rule| rule.header.id.as_str() == "cash_refund_high").unwrap();
    rule.header.lookback_seconds = 0;
    "SELECT event_id AS anchor_id, 'fired' AS outcome, 'rung' AS why FROM anchor".clone_into(&mut rule.sql);
    rule
}

/// The alerts that stand at the end.
async fn alerts(records: &[LogRecord], at_once: usize, killed_after: Option<usize>) -> BTreeMap<Uuid, Alert> {
    let zone: Zone = serde_json::from_value(serde_json::json!({
        "id": "kiosk-customer", "camera": "kiosk", "kind": "customer", "register": "1", "version": 1,
        "polygon": [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]
    }))
    .unwrap();
    let clock = ReplayClock::at(records[0].logged_at);
    let log = ScriptedLog::new(records.to_vec(), at_once, clock.clone());
    let store = MemoryStore::default();
    let open = async || {
        let settings = Settings::new(vec![("acme/17".parse().unwrap(), zone.clone())]);
        let (kept, clock) = (Arc::new(store.clone()), Arc::new(clock.clone()));
        Engine::open(settings, vec![rule()], Box::new(log.clone()), kept, clock).await.unwrap()
    };
    let mut engine = open().await;
    let mut ticks = 0;
    while !log.is_finished() {
        engine.step(Duration::ZERO).await.unwrap();
        ticks += 1;
        if killed_after == Some(ticks) {
            engine = open().await;
        }
    }
    clock.advance(TimeDelta::minutes(5));
    engine.step(Duration::ZERO).await.unwrap();
    assert!(store.told().contains(topic::CLOCK), "{:?}", store.told());
    let judged = store.judged().into_iter();
    judged.filter_map(|one| Some((one.judgement.anchor_event_id, one.alert?))).collect()
}

#[tokio::test]
async fn what_customers_tell_of_a_clock_is_the_same_in_any_ticks_in_any_order_and_after_a_kill() {
    let recording = lane(&USUAL, 41);
    let (posted, tiles) = (rung(&recording), tiles(&recording));
    let of_till = (0..).zip(&posted).map(|(n, posted)| {
        let at = posted.header.received_at;
        (at, ScriptedLog::record(topic::POS_TRANSACTION, n, at, value(posted)))
    });
    let of_camera = (0..)
        .zip(&tiles)
        .map(|(n, tile)| (tile.end_at, ScriptedLog::record(topic::CAM_PRESENCE, n, tile.end_at, value(tile))));
    let (of_till, of_camera): (Vec<_>, Vec<_>) = (of_till.collect(), of_camera.collect());
    let records = |parts: &[&[(DateTime<Utc>, LogRecord)]]| -> Vec<LogRecord> {
        parts.concat().into_iter().map(|(_, record)| record).collect()
    };
    let mut by_time = [&of_till[..], &of_camera[..]].concat();
    by_time.sort_by_key(|(at, _)| *at);
    let by_time = records(&[&by_time]);

    let live = alerts(&by_time, 5, None).await;
    assert_eq!(live.len(), posted.iter().filter(|posted| posted.transaction.kind == Kind::Return).count());
    let by_customers: Vec<&Alert> = live.values().filter(|alert| alert.clock.method == ClockMethod::Presence).collect();
    assert!(by_customers.len() * 3 > live.len() * 2, "{} of {}", by_customers.len(), live.len());
    for alert in by_customers {
        let truth_us = recording.truth.offset_at_till_us(alert.event_time.timestamp_micros());
        assert!((alert.clock.offset_us - truth_us).abs() <= alert.clock.uncertainty_us, "{:?}", alert.clock);
        assert!((alert.clock.offset_us - truth_us).abs() < 5 * SECOND_US, "{:?}", alert.clock);
    }
    assert!(live.values().any(|alert| alert.state == AlertState::Amended), "some were raised before it was known");

    let said = |alerts: &BTreeMap<Uuid, Alert>| -> BTreeMap<Uuid, String> {
        alerts.iter().map(|(event, alert)| (*event, alert.content_sha256.clone())).collect()
    };
    let (camera_first, till_first) = (records(&[&of_camera, &of_till]), records(&[&of_till, &of_camera]));
    for (name, records, at_once, killed_after) in [
        ("in ticks of 300", &by_time, 300, None),
        ("at once", &by_time, usize::MAX, None),
        ("killed before it was known", &by_time, 20, Some(15)),
        ("killed when it was known", &by_time, 20, Some(90)),
        ("the camera first", &camera_first, 300, None),
        ("the till first", &till_first, 300, None),
    ] {
        let other = alerts(records, at_once, killed_after).await;
        assert_eq!(said(&other), said(&live), "{name}");
    }
}
