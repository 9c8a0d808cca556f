//! Our side of a comparison, in a process of its own (`bench --part WHAT …`): so it can be pinned to a core, and its memory is
//! its own. It says what it took in one line of JSON, as the programs in `tests/bench/peers` do:
//! `{"version", "events", "seconds", "wall", "peak_mib"}`, a number each run, and writes its answer to a file, a line each.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde_json::{Value, json};
use tillsight_correlate::backtest::Backtest;
use tillsight_correlate::engine::{Engine, MemoryStore, ScriptedLog, Settings};
use tillsight_correlate::lake::{History, Table};
use tillsight_correlate::rule::Rule;
use tillsight_schemas::TimeSpan;
use tillsight_schemas::clock::ReplayClock;
use tillsight_schemas::judgement::Outcome;
use tillsight_schemas::port::{Judged, LogRecord};
use tillsight_schemas::pos::{PostedTransaction, Transaction};
use tillsight_schemas::presence::PresenceTile;
use tillsight_schemas::topic;
use tillsight_schemas::wire::avro::{self, Avro, Decoder};
use tillsight_schemas::wire::columns;
use tokio::runtime::Runtime;

use super::feed::Feed;
use super::{kept, rules, scale};
use crate::machine;
use crate::sheet::median;

/// One that is not counted, and three that are.
const RUNS: usize = 4;
/// So many records the intake decodes at once.
const AT_ONCE: usize = 500;

/// Processor seconds and wall seconds of each run.
#[derive(Debug, Default)]
pub(crate) struct Took {
    seconds: Vec<f64>,
    wall: Vec<f64>,
}

impl Took {
    /// Works a run and notes what it took.
    fn run<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let (began, before) = (Instant::now(), machine::processor_seconds_exactly());
        let made = work();
        self.note(machine::processor_seconds_exactly() - before, began.elapsed().as_secs_f64());
        made
    }

    fn note(&mut self, seconds: f64, wall: f64) {
        self.seconds.push(seconds);
        self.wall.push(wall);
    }

    /// What is said of it; the first run warmed up.
    fn said(self, events: usize) -> Value {
        json!({
            "version": machine::commit().get(..9),
            "events": events,
            "seconds": self.seconds.get(1..),
            "wall": self.wall.get(1..),
            "peak_mib": machine::peak_mib(),
        })
    }
}

/// Works a part and prints what it took.
pub(crate) fn work(arguments: &[String]) {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let said = match arguments[..] {
        ["decode", form, minutes, answer] => decode(form, minutes.parse().unwrap(), Path::new(answer)),
        ["backtest", rule, counted, stores, minutes, tile, answer] => {
            backtest(rule, counted, feed(stores, minutes, tile), Path::new(answer))
        }
        ["live", rule, counted, stores, minutes, tile, answer] => {
            live(rule, counted, feed(stores, minutes, tile), Path::new(answer))
        }
        [what @ ("worker" | "producer"), port, dir] => scale::part(&runtime(), what, port, Path::new(dir)),
        // For whoever wants to ask the others by hand.
        ["lake", stores, minutes, tile] => {
            let lake = kept::lake(&runtime(), feed(stores, minutes, tile));
            json!({ "lake": lake.display().to_string() })
        }
        _ => panic!("there is no part {arguments:?}"),
    };
    println!("{said}");
}

fn feed(stores: &str, minutes: &str, tile: &str) -> Feed {
    let [stores, minutes, tile] = [stores, minutes, tile].map(|number| number.parse().unwrap());
    Feed { stores, minutes, tile }
}

fn runtime() -> Runtime {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    match cores {
        1 => tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
        _ => tokio::runtime::Builder::new_multi_thread().worker_threads(cores).enable_all().build().unwrap(),
    }
}

/// Writes an answer: what was found, a line each, in order.
pub(crate) fn write(answer: &Path, found: &BTreeSet<String>) {
    let lines: String = found.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(answer, lines).unwrap();
}

/// The anchors that fired.
pub(crate) fn fired<'a>(judged: impl IntoIterator<Item = &'a Judged>) -> BTreeSet<String> {
    let fired = judged.into_iter().filter(|one| one.judgement.outcome == Outcome::Fired);
    fired.map(|one| one.judgement.anchor_event_id.to_string()).collect()
}

/// Landing records of four stores, as Avro or JSON, into columns; an event is a line of a receipt.
fn decode(form: &str, minutes: u32, answer: &Path) -> Value {
    let landed = landed(minutes);
    let lines: usize = landed.iter().map(|one| one.lines.len()).sum();
    let values: Vec<Vec<u8>> = match form {
        "avro" => avro::encode(&landed).unwrap().into_iter().map(|value| value.to_vec()).collect(),
        _ => landed.iter().map(|one| serde_json::to_vec(one).unwrap()).collect(),
    };
    let decoder = Decoder::<Transaction>::new();
    let (mut took, mut rows) = (Took::default(), 0);
    for _ in 0..RUNS {
        rows = took.run(|| {
            let decode = |values: &[Vec<u8>]| {
                let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
                let decoded = decoder.decode(&values).unwrap();
                assert!(decoded.failed.is_empty(), "{:?}", decoded.failed);
                decoded.batch.num_rows()
            };
            values.chunks(AT_ONCE).map(decode).sum()
        });
    }
    write(answer, &BTreeSet::from([format!("{rows} transactions")]));
    took.said(lines)
}

/// What integrators of four stores send.
pub(crate) fn landed(minutes: u32) -> Vec<Transaction> {
    let feed = Feed { stores: 4, minutes, tile: 0 };
    (0..feed.stores).flat_map(|store| feed.posted(store)).map(|posted| posted.transaction).collect()
}

/// A rule over a lake. Counted is what the rule computes on columns in memory (`memory`), or all of it, files and judgements
/// included (`files`); an event is a row of the tables that the rule reads.
fn backtest(rule: &str, counted: &str, feed: Feed, answer: &Path) -> Value {
    let runtime = runtime();
    let lake = &kept::lake(&runtime, feed);
    let span = TimeSpan::new(Feed::opens() - TimeDelta::hours(1), feed.closes() + TimeDelta::hours(1)).unwrap();
    let history = runtime.block_on(History::open(lake)).unwrap();
    let (mut took, mut found) = (Took::default(), BTreeSet::new());
    let rows = |table| runtime.block_on(history.count(table)).unwrap();
    let seen = if counted == "memory" { feed.stretches() } else { rows(Table::Presence) };
    let events = rows(Table::Transactions) + rows(Table::Tenders) + seen;
    for _ in 0..RUNS {
        let (began, before) = (Instant::now(), machine::processor_seconds_exactly());
        let (judged, cost) = runtime.block_on(async {
            let stores = feed.keys().into_iter().map(|store| (store, span)).collect();
            let settings = Settings::new(feed.zones());
            let mut run = Backtest::begin(&history, vec![rules::named(rule)], settings, stores).await.unwrap();
            let (mut judged, mut cost) = (Vec::new(), Duration::ZERO);
            while let Some(piece) = run.next().await.unwrap() {
                cost += piece.cost.values().sum::<Duration>();
                judged.extend(piece.judged);
            }
            (judged, cost)
        });
        match counted {
            "memory" => took.note(cost.as_secs_f64(), cost.as_secs_f64()),
            _ => took.note(machine::processor_seconds_exactly() - before, began.elapsed().as_secs_f64()),
        }
        found = fired(&judged);
    }
    write(answer, &found);
    took.said(events)
}

/// A rule live, about a second a tick (of a hundred stores with cameras a little less: the engine takes 2,000 records at once). Counted is what the engine takes beyond decoding its records (`engine`; all of it where decoding is more than nine tenths), or all
/// of it (`decoding`).
fn live(rule: &str, counted: &str, feed: Feed, answer: &Path) -> Value {
    let runtime = runtime();
    let records = feed.records();
    let events = events(&records);
    let tick = (records.len() / (feed.minutes as usize * 60)).max(1);
    let (mut took, mut found, mut decoding) = (Took::default(), BTreeSet::new(), Took::default());
    for _ in 0..RUNS {
        decoding.run(|| decode_only(&records, tick));
        let (rule, records) = (rules::named(rule), records.clone());
        let judged = took.run(|| runtime.block_on(through(rule, feed, records, tick)));
        found = fired(&judged);
    }
    let decoding = median(&decoding.seconds[1..]);
    // Where decoding is nearly all of it, the rest is noise: then all of it counts.
    if counted == "engine" && median(&took.seconds[1..]) * 0.9 > decoding {
        took.seconds.iter_mut().for_each(|seconds| *seconds = (*seconds - decoding).max(*seconds / 10.0));
    }
    write(answer, &found);
    took.said(events)
}

/// A transaction, each of its lines and payments, and a tile are an event each.
pub(crate) fn events(records: &[LogRecord]) -> usize {
    let posted = decoded::<PostedTransaction>(records, topic::POS_TRANSACTION);
    let of_tills = posted.iter().map(|one| 1 + one.transaction.lines.len() + one.transaction.tenders.len());
    let tiles = records.iter().filter(|record| record.partition.topic == topic::CAM_PRESENCE).count();
    of_tills.sum::<usize>() + tiles
}

/// Decodes all records as the engine does, a tick at a time, and nothing else.
fn decode_only(records: &[LogRecord], at_once: usize) {
    for tick in records.chunks(at_once) {
        decoded::<PresenceTile>(tick, topic::CAM_PRESENCE);
        decoded::<PostedTransaction>(tick, topic::POS_TRANSACTION);
    }
}

fn decoded<T: Avro>(records: &[LogRecord], topic: &str) -> Vec<T> {
    let ours = records.iter().filter(|record| record.partition.topic == topic);
    let values: Vec<&[u8]> = ours.filter_map(|record| record.value.as_deref()).collect();
    if values.is_empty() {
        return Vec::new();
    }
    columns::from_batch(&Decoder::<T>::new().decode(&values).unwrap().batch).unwrap()
}

/// The last word of the engine about all anchors of some records, by the zones of a feed.
async fn through(rule: Rule, feed: Feed, records: Vec<LogRecord>, at_once: usize) -> Vec<Judged> {
    through_all(vec![rule], Settings::new(feed.zones()), records, at_once).await
}

/// The same of several rules.
pub(crate) async fn through_all(
    rules: Vec<Rule>,
    settings: Settings,
    records: Vec<LogRecord>,
    at_once: usize,
) -> Vec<Judged> {
    let clock = ReplayClock::at(Feed::opens());
    let log = ScriptedLog::new(records, at_once, clock.clone());
    let store = MemoryStore::default();
    let (source, kept) = (Box::new(log.clone()), Arc::new(store.clone()));
    let mut engine = Engine::open(settings, rules, source, kept, Arc::new(clock.clone())).await.unwrap();
    while !log.is_finished() {
        engine.step(Duration::ZERO).await.unwrap();
    }
    clock.advance(TimeDelta::minutes(5));
    engine.step(Duration::ZERO).await.unwrap();
    store.judged()
}
