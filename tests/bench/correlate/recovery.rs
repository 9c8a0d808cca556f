//! Row `b5_recovery`: records in disorder, a store that was offline, repetitions, and an engine that is dropped again and again
//! between two steps, come to the same judgements as everything in order and at once. And how long an engine that was dropped
//! takes until it goes on.
//!
//! It is dropped in this process: what a killed process loses, everything but what was committed, is what is lost here. Processes are
//! killed in `tests/it/recovery.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use tillsight_correlate::engine::{Engine, MemoryStore, ScriptedLog, Settings};
use tillsight_correlate::rule::Rule;
use tillsight_schemas::clock::ReplayClock;
use tillsight_schemas::judgement::Outcome;
use tillsight_schemas::port::{Judged, LogRecord};
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::feed::{Dice, Feed, in_order};
use super::part;
use crate::sheet::{Bar, Row, Sheet, median};

/// Of the disorder.
const FEED: Feed = Feed { stores: 2, minutes: 300, tile: 5 };
/// From when until when the first store is offline, from the opening on.
const OFFLINE: (TimeDelta, TimeDelta) = (TimeDelta::minutes(20), TimeDelta::minutes(260));
/// How often it is dropped: each time it reads all of its memory again.
const DROPS: i64 = 20;
/// Records a tick.
const TICK: usize = 500;

/// Of what an engine remembers when it is dropped.
const CHAIN: Feed = Feed { stores: 100, minutes: 10, tile: 5 };
/// What the engine remembers: two days, of stores that are open for half of them.
const REMEMBERED_MINUTES: u32 = 24 * 60;
const RUNS: usize = 3;

/// What is compared: of each judgement the outcome, why, and the content of its alert with what it rests on: the bound of its
/// register's clock, in microseconds.
type Words = BTreeMap<Uuid, (Outcome, String, Option<(String, i64)>)>;

pub(crate) fn recovery(sheet: &mut Sheet, runtime: &Runtime) {
    runtime.block_on(disorder(sheet));
    runtime.block_on(restart(sheet));
}

async fn disorder(sheet: &mut Sheet) {
    let rules = Rule::library().unwrap();
    let wanted = part::through_all(rules.clone(), Settings::new(FEED.zones()), FEED.records(), 2_000).await;
    let wanted = words(&wanted);
    let shuffled = shuffled();
    let (all, drops) = (shuffled.len(), usize::try_from(DROPS).unwrap());
    let found = words(&dropped(rules, shuffled, drops).await);
    let lost = wanted.keys().filter(|id| !found.contains_key(id)).count();
    let extra = found.keys().filter(|id| !wanted.contains_key(id)).count();
    let pairs = || wanted.iter().filter_map(|(id, words)| Some((words, found.get(id)?)));
    let other = pairs().filter(|(wanted, found)| wanted != found).count();
    let bound = |(_, _, alert): &(Outcome, String, Option<(String, i64)>)| alert.as_ref().map(|(_, bound)| *bound);
    let by_clock = pairs().filter(|(wanted, found)| bound(wanted) != bound(found)).count();
    let alerts = wanted.values().filter(|(outcome, ..)| *outcome == Outcome::Fired).count();
    let value = f64::from(u32::try_from(lost + extra + other).unwrap());
    sheet.row(&Row {
        name: "b5_recovery",
        what: format!(
            "judgements that differ: 20 % of {all} records up to 60 s late, a store offline for 4 h, 2 % repeated, the engine \
             dropped {drops} times"
        ),
        samples: vec![value],
        value,
        unit: "judgements",
        bar: Some(Bar::AtMost(0.0)),
        note: format!(
            "{lost} lost, {extra} too many, {other} otherwise ({by_clock} of them by another bound of the till's clock, which depends on the \
             order in which its first records come), of {} judgements with {alerts} alerts; the engine starts anew in this \
             process, about every {} min of the day (the bar says 30 s; each start reads all that is remembered again)",
            wanted.len(),
            i64::from(FEED.minutes) / DROPS
        ),
    });
}

/// What is said of each anchor.
fn words(judged: &[Judged]) -> Words {
    let words = |one: &Judged| {
        let alert = one.alert.as_ref().map(|alert| (alert.content_sha256.clone(), alert.clock.uncertainty_us));
        (one.judgement.judgement_id, (one.judgement.outcome, one.judgement.why.clone(), alert))
    };
    judged.iter().map(words).collect()
}

/// The same records in another order, some of them twice.
fn shuffled() -> Vec<LogRecord> {
    let mut dice = Dice::new(5);
    let offline = Feed::opens() + OFFLINE.0..Feed::opens() + OFFLINE.1;
    let mut arrived = Vec::new();
    for store in 0..FEED.stores {
        for mut record in FEED.arriving(store) {
            if store == 0 && offline.contains(&record.logged_at) {
                record.logged_at = offline.end;
            } else if dice.chance(200) {
                record.logged_at += TimeDelta::milliseconds(dice.between(1, 60_000));
            }
            if dice.chance(20) {
                let logged_at = record.logged_at + TimeDelta::milliseconds(dice.between(0, 120_000));
                arrived.push(LogRecord { logged_at, ..record.clone() });
            }
            arrived.push(record);
        }
    }
    in_order(arrived)
}

/// The last word of engines that are dropped one after the other, each after so many ticks of new records.
async fn dropped(rules: Vec<Rule>, records: Vec<LogRecord>, drops: usize) -> Vec<Judged> {
    let clock = ReplayClock::at(Feed::opens());
    let store = MemoryStore::default();
    let ticks = records.len() / TICK / (drops + 1);
    let log = ScriptedLog::new(records, TICK, clock.clone());
    let mut dice = Dice::new(6);
    for number in 0..=drops {
        let (source, kept) = (Box::new(log.clone()), Arc::new(store.clone()));
        let settings = Settings::new(FEED.zones());
        let mut engine = Engine::open(settings, rules.clone(), source, kept, Arc::new(clock.clone())).await.unwrap();
        let until = ticks * (number + 1) + usize::try_from(dice.between(0, 5)).unwrap();
        let mut done = 0;
        while !log.is_finished() && (number == drops || done < until) {
            engine.step(Duration::ZERO).await.unwrap();
            done += 1;
        }
        if number == drops {
            clock.advance(TimeDelta::minutes(5));
            engine.step(Duration::ZERO).await.unwrap();
        }
    }
    store.judged()
}

/// How long a chain's engine reads until it is where it was.
async fn restart(sheet: &mut Sheet) {
    let records = CHAIN.records();
    let all = records.len();
    let clock = ReplayClock::at(Feed::opens());
    let store = MemoryStore::default();
    let log = ScriptedLog::new(records, 2_000, clock.clone());
    let mut samples = Vec::new();
    for run in 0..=RUNS {
        let began = Instant::now();
        let (source, kept) = (Box::new(log.clone()), Arc::new(store.clone()));
        let (settings, rules) = (Settings::new(CHAIN.zones()), Rule::library().unwrap());
        let mut engine = Engine::open(settings, rules, source, kept, Arc::new(clock.clone())).await.unwrap();
        while !log.is_finished() {
            engine.step(Duration::ZERO).await.unwrap();
        }
        // The first one judges; the next ones find that all of it was judged.
        if run > 0 {
            samples.push(began.elapsed().as_secs_f64() * f64::from(REMEMBERED_MINUTES) / f64::from(CHAIN.minutes));
        }
        clock.advance(TimeDelta::minutes(5));
        engine.step(Duration::ZERO).await.unwrap();
    }
    sheet.row(&Row {
        name: "b5_recovery_seconds",
        what: format!("until an engine of {} stores goes on where it was dropped", CHAIN.stores),
        value: median(&samples),
        samples,
        unit: "s",
        bar: Some(Bar::AtMost(5.0)),
        note: format!(
            "two days of stores that are open twelve hours, at the pace at which {all} records of {} minutes were read again; by the \
             wall",
            CHAIN.minutes
        ),
    });
}
