//! Days of simulated stores as the rule engine reads them: transactions, what the cameras of their registers saw, and what
//! stands at the end.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tillsight_correlate::engine::{ScriptedLog, Settings};
use tillsight_datasets::plan::{StorePlan, TimeStyle};
use tillsight_datasets::store_day::Rung;
use tillsight_datasets::truth::Zone as Seen;
use tillsight_schemas::alert::AlertState;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::judgement::{Judgement, Outcome};
use tillsight_schemas::port::{Judged, LogRecord};
use tillsight_schemas::pos::PostedTransaction;
use tillsight_schemas::presence::{Blind, PresenceState, PresenceTile};
use tillsight_schemas::topic;
use tillsight_schemas::wire::avro;
use tillsight_schemas::zone::{Zone, ZoneKind};
use uuid::Uuid;

/// The last word about every anchor.
pub type Said = BTreeMap<Uuid, (String, Outcome, String, bool, Option<String>)>;

pub fn said(judged: &[Judged]) -> Said {
    // Who said something once and has nothing to say any more, says the same as who never did.
    let nothing = |judgement: &Judgement| judgement.outcome == Outcome::Silent && judgement.why == "no_match";
    let said = judged.iter().filter(|one| !nothing(&one.judgement)).map(|one| {
        // An alert that was taken back and one that never was raised are the same at the end.
        let standing = one.alert.as_ref().filter(|alert| alert.state != AlertState::Retracted);
        let (judgement, alert) = (&one.judgement, standing);
        let about = format!("{} {} {}", judgement.store_id, judgement.rule_id, judgement.anchor_event_id);
        let alert = alert.map(|alert| alert.content_sha256.clone());
        (judgement.judgement_id, (about, judgement.outcome, judgement.why.clone(), judgement.provisional, alert))
    });
    said.collect()
}

/// Both say the same about the same, however it was asked.
pub fn same(how: &str, live: &Said, history: &Said) {
    let show = |one: Option<&(String, Outcome, String, bool, Option<String>)>| format!("{one:?}");
    let ids: BTreeSet<_> = live.keys().chain(history.keys()).collect();
    let other = ids.into_iter().filter(|id| live.get(id) != history.get(id));
    let other: Vec<String> =
        other.map(|id| format!("live {}\n      history {}", show(live.get(id)), show(history.get(id)))).collect();
    assert!(other.is_empty(), "{how}: {} of {} differ: {:#?}", other.len(), live.len(), &other[..other.len().min(8)]);
}

/// What happens on the way: some records come hours late, some are corrected by a revision, some by another record.
pub fn badly_sent(posted: Vec<PostedTransaction>) -> Vec<PostedTransaction> {
    let mut sent: Vec<PostedTransaction> = Vec::new();
    for (n, mut posted) in posted.into_iter().enumerate() {
        if n % 41 == 7 {
            posted.header.received_at += TimeDelta::hours(3);
        }
        if n % 53 == 11 {
            let mut revised = posted.clone();
            revised.transaction.revision = 1;
            revised.transaction.total_minor = revised.transaction.total_minor.map(|total| total + 100);
            revised.header.received_at += TimeDelta::minutes(40);
            sent.push(revised);
        }
        if n % 67 == 13 {
            let mut other = posted.clone();
            other.header.event_id = Uuid::new_v5(&posted.header.event_id, b"corrected");
            other.transaction.replaces = Some(posted.header.event_id);
            other.header.received_at += TimeDelta::minutes(5);
            sent.push(other);
        }
        sent.push(posted);
    }
    sent.sort_by_key(|posted| posted.header.received_at);
    for (offset, posted) in (0..).zip(&mut sent) {
        posted.header.landing_offset = offset;
    }
    sent
}

/// What arrives, in the order of its arrival.
pub fn arrivals(posted: &[PostedTransaction], tiles: &[PresenceTile]) -> Vec<LogRecord> {
    let mut arrivals: Vec<(DateTime<Utc>, LogRecord)> = Vec::new();
    for (offset, (posted, value)) in (0..).zip(posted.iter().zip(avro::encode(posted).unwrap())) {
        let at = posted.header.received_at;
        arrivals.push((at, ScriptedLog::record(topic::POS_TRANSACTION, offset, at, value)));
    }
    for (offset, (tile, value)) in (0..).zip(tiles.iter().zip(avro::encode(tiles).unwrap())) {
        arrivals.push((tile.published_at, ScriptedLog::record(topic::CAM_PRESENCE, offset, tile.published_at, value)));
    }
    arrivals.sort_by_key(|(at, record)| (*at, record.offset));
    arrivals.into_iter().map(|(_, record)| record).collect()
}

/// A zone at every register that a camera watches.
pub fn settings(plans: &[StorePlan]) -> Settings {
    let zones = watched(plans).map(|(plan, register)| {
        let zone = json!({
            "id": format!("zone-{register}"), "camera": format!("camera-{register}"), "kind": "customer",
            "register": register, "polygon": [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8]],
        });
        (key(plan), serde_json::from_value::<Zone>(zone).unwrap())
    });
    Settings::new(zones.collect())
}

pub fn key(plan: &StorePlan) -> StoreKey {
    StoreKey::new(plan.store.tenant.clone(), plan.store.id.clone())
}

/// The registers that a camera watches.
pub fn watched(plans: &[StorePlan]) -> impl Iterator<Item = (&StorePlan, String)> {
    plans.iter().flat_map(|plan| {
        let seen = plan.registers.iter().filter(|register| register.watched);
        seen.map(move |register| (plan, register.id.to_string()))
    })
}

/// What ingest makes of a record that arrives a quarter of a second after the till wrote it, by the till's own clock.
pub fn posted(plans: &[StorePlan], rung: &Rung) -> PostedTransaction {
    let sample = include_str!("../../schemas/samples/v1/posted_transaction.json");
    let mut posted: PostedTransaction = serde_json::from_str(sample).unwrap();
    let transaction = &rung.transaction;
    let plan = plans.iter().find(|plan| plan.store.id == transaction.store_id).unwrap();
    let register = plan.registers.iter().find(|register| register.id == transaction.register_id).unwrap();
    let shown = |at: DateTime<Utc>| {
        let shown = at + TimeDelta::seconds(register.clock.ahead_seconds);
        let whole = if register.clock.style == TimeStyle::LocalMinutes { 60 } else { 1 };
        DateTime::from_timestamp(shown.timestamp().div_euclid(whole) * whole, 0).unwrap()
    };
    posted.header.event_id = rung.event_id;
    posted.header.tenant_id = plan.store.tenant.clone();
    posted.header.event_time = shown(rung.true_time);
    posted.header.begin_time = transaction.begin_time_raw.as_ref().map(|_| shown(rung.true_begin));
    posted.header.received_at = rung.true_time + TimeDelta::milliseconds(250);
    posted.transaction = transaction.clone();
    posted
}

/// What the cameras of the watched registers say: nobody is there but for what the simulator shows.
pub fn tiles(plans: &[StorePlan], rung: &[Rung]) -> Vec<PresenceTile> {
    let sample = include_str!("../../schemas/samples/v1/presence_tile.json");
    let sample: PresenceTile = serde_json::from_str(sample).unwrap();
    let first = rung.iter().map(|rung| rung.true_begin).min().unwrap() - TimeDelta::minutes(5);
    let last = rung.iter().map(|rung| rung.true_time).max().unwrap() + TimeDelta::minutes(5);
    let mut tiles = Vec::new();
    for (plan, register) in watched(plans) {
        let here = |rung: &&Rung| {
            rung.transaction.store_id == plan.store.id && rung.transaction.register_id.as_str() == register
        };
        let seen: Vec<_> = rung.iter().filter(here).flat_map(|rung| &rung.presence).collect();
        // Where the state may change: at the edges of what is seen, and at every minute.
        let minutes =
            (first.timestamp() / 60..last.timestamp() / 60).filter_map(|n| DateTime::from_timestamp(n * 60, 0));
        let edges = seen.iter().flat_map(|seen| [seen.span.start(), seen.span.end()]);
        let cuts: Vec<DateTime<Utc>> = minutes.chain(edges).collect::<BTreeSet<_>>().into_iter().collect();
        let mut ordered: Vec<_> = seen.iter().map(|seen| (seen.span.start(), seen.span.end(), seen.zone)).collect();
        ordered.sort_by_key(|(start, ..)| *start);
        let (mut next, mut open): (usize, Vec<(DateTime<Utc>, Seen)>) = (0, Vec::new());
        for pair in cuts.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            while ordered.get(next).is_some_and(|(start, ..)| *start <= from) {
                open.push((ordered[next].1, ordered[next].2));
                next += 1;
            }
            open.retain(|(end, _)| *end > from);
            let shows = |zone: Seen| open.iter().any(|(_, open)| *open == zone);
            let (state, blind) = if shows(Seen::Blind) {
                (PresenceState::Unknown, Some(Blind::Frozen))
            } else if shows(Seen::Occupied) {
                (PresenceState::Present, None)
            } else {
                (PresenceState::Absent, None)
            };
            tiles.push(PresenceTile {
                tenant_id: plan.store.tenant.clone(),
                store_id: plan.store.id.clone(),
                camera_id: format!("camera-{register}").parse().unwrap(),
                zone_id: format!("zone-{register}").parse().unwrap(),
                zone_kind: ZoneKind::Customer,
                register_id: Some(register.parse().unwrap()),
                start_at: from,
                end_at: to,
                published_at: to,
                state,
                blind,
                ..sample.clone()
            });
        }
    }
    tiles.sort_by_key(|tile| tile.end_at);
    tiles
}
