//! However time is cut, a week of a store comes to the same alerts: one record at a time, a second, an hour, all of it at
//! once, out of order, with cameras that lag, killed on the way, on one thread and on two.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta};
use tillsight_correlate::engine::{Engine, MemoryStore, ScriptedLog, Settings};
use tillsight_correlate::rule::{Adjustment, Adjustments, Rule, Says};
use tillsight_datasets::demo;
use tillsight_datasets::history::History;
use tillsight_datasets::plan::StorePlan;
use tillsight_datasets::store_day::{Rung, Setup};
use tillsight_schemas::clock::ReplayClock;
use tillsight_schemas::judgement::Outcome;
use tillsight_schemas::port::LogRecord;
use tillsight_schemas::pos::{Action, Direction, Kind, PostedTransaction};
use tillsight_tests::day::panel;
use tillsight_tests::week::{Said, arrivals, badly_sent, posted, said, same, settings, tiles};

/// How a week is given to the engine.
struct Cut {
    name: &'static str,
    at_once: usize,
    within: Option<TimeDelta>,
    /// By how much cameras lag.
    lag: TimeDelta,
    /// By how much every third record is late, out of its order.
    late: TimeDelta,
    /// After how many ticks the engine is killed, again and again.
    kills: Option<usize>,
    threads: usize,
}

const WHOLE: Cut = Cut {
    name: "all at once",
    at_once: usize::MAX,
    within: None,
    lag: TimeDelta::zero(),
    late: TimeDelta::zero(),
    kills: None,
    threads: 1,
};

/// A week that the engine is given in hours.
#[test]
fn a_week_of_a_store_comes_to_the_same_however_time_is_cut() {
    let hour = |name| Cut { name, within: Some(TimeDelta::hours(1)), ..WHOLE };
    let cuts = [
        hour("an hour"),
        Cut { threads: 2, ..hour("an hour, two threads") },
        Cut { kills: Some(40), ..hour("an hour, killed again and again") },
    ];
    let fired = compare(7, &cuts);
    assert!(fired >= 1_000, "{fired} alerts are too few to prove anything");
}

/// A day and a bit of it in the smallest ticks, with cameras that lag and records out of their order.
#[test]
fn a_day_of_a_store_comes_to_the_same_in_the_smallest_ticks_and_out_of_order() {
    let minute = |name| Cut { name, within: Some(TimeDelta::minutes(1)), ..WHOLE };
    let cuts = [
        Cut { name: "one record at a time", at_once: 1, ..WHOLE },
        Cut { name: "a second", within: Some(TimeDelta::seconds(1)), ..WHOLE },
        Cut { lag: TimeDelta::seconds(5), ..minute("a minute, cameras 5 s behind") },
        Cut { lag: TimeDelta::seconds(60), ..minute("a minute, cameras a minute behind") },
        Cut { lag: TimeDelta::seconds(600), ..minute("a minute, cameras ten minutes behind") },
        Cut { late: TimeDelta::seconds(60), ..minute("a minute, out of order") },
    ];
    let fired = compare(1, &cuts);
    assert!(fired >= 100, "{fired} alerts are too few to prove anything");
}

/// Sees that days come to the same in each cut as at once; how many alerts they come to.
fn compare(days: i64, cuts: &[Cut]) -> usize {
    let plan = demo::kiosk().unwrap();
    let plans = std::slice::from_ref(&plan);
    let first: NaiveDate = "2026-11-09".parse().unwrap();
    let setup = Setup { seed: 5, cases_per_day: 12, video: true };
    let mut history = History::new(panel(), plans, (first, first + TimeDelta::days(days - 1)), setup).unwrap();
    let rung: Vec<Rung> = history.by_ref().map(Result::unwrap).collect();
    let tiles = tiles(plans, &rung);
    let posted = badly_sent(wild(rung.iter().map(|rung| posted(plans, rung)).collect()));
    let records = arrivals(&posted, &tiles);
    let keen = Settings { adjusted: keen(&plan), ..settings(plans) };

    let whole = judged(&keen, &records, &WHOLE);
    let fired = whole.values().filter(|(_, outcome, ..)| *outcome == Outcome::Fired).count();
    for cut in cuts {
        let found = judged(&keen, &arranged(&records, cut), cut);
        same(cut.name, &whole, &found);
    }
    fired
}

/// A shop gone wild: of a hundred sales, twelve are paid back, six made void and three cancelled.
fn wild(mut posted: Vec<PostedTransaction>) -> Vec<PostedTransaction> {
    let sales = posted.iter_mut().map(|posted| &mut posted.transaction).filter(|one| one.kind == Kind::Sale);
    for (n, sale) in sales.enumerate() {
        let (kind, action) = match n % 100 {
            3 | 7 | 17 | 29 | 37 | 43 | 53 | 61 | 73 | 79 | 83 | 97 => (Kind::Return, Action::Return),
            11 | 31 | 41 | 59 | 67 | 89 => (Kind::PostVoid, Action::Sale),
            23 | 47 | 71 => (Kind::Cancel, Action::Sale),
            _ => continue,
        };
        sale.kind = kind;
        sale.lines.iter_mut().for_each(|line| line.action = action);
        if kind == Kind::Return {
            sale.tenders.iter_mut().for_each(|tender| tender.direction = Direction::Out);
        }
    }
    posted
}

/// Numbers by which most rules fire far too often.
fn keen(plan: &StorePlan) -> Adjustments {
    let store = &plan.store;
    let numbers =
        |rule: &Rule| -> BTreeMap<String, i64> {
            let keen =
                rule.header.params.iter().filter(|(name, _)| *name != "margin_ms").map(|(name, param)| {
                    (name.clone(), if name.ends_with("_seconds") { param.max } else { param.min })
                });
            keen.collect()
        };
    let adjustment = |rule: Rule| Adjustment {
        tenant: store.tenant.clone(),
        store: Some(store.id.clone()),
        says: Says::Numbers(numbers(&rule)),
        rule: Some(rule.header.id),
        from: DateTime::UNIX_EPOCH,
        to: None,
    };
    Adjustments::new(Rule::shelf().unwrap().into_iter().map(adjustment).collect())
}

/// The same records as a cut lets them arrive.
fn arranged(records: &[LogRecord], cut: &Cut) -> Vec<LogRecord> {
    let mut records = records.to_vec();
    for (n, record) in records.iter_mut().enumerate() {
        if record.partition.topic.contains("presence") {
            record.logged_at += cut.lag;
        } else if n % 3 == 0 {
            record.logged_at += cut.late;
        }
    }
    records.sort_by_key(|record| record.logged_at);
    let mut offsets: BTreeMap<String, i64> = BTreeMap::new();
    for record in &mut records {
        let next = offsets.entry(record.partition.topic.clone()).or_default();
        record.offset = *next;
        *next += 1;
    }
    records
}

/// What stands at the end.
fn judged(settings: &Settings, records: &[LogRecord], cut: &Cut) -> Said {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(cut.threads).enable_all().build().unwrap();
    runtime.block_on(async {
        let clock = ReplayClock::at(records[0].logged_at);
        let log = ScriptedLog::new(records.to_vec(), cut.at_once, clock.clone());
        let log = cut.within.map_or(log.clone(), |within| log.within(within));
        let store = MemoryStore::default();
        let open = async || {
            let (kept, time) = (Arc::new(store.clone()), Arc::new(clock.clone()));
            let rules = Rule::shelf().unwrap();
            Engine::open(settings.clone(), rules, Box::new(log.clone()), kept, time).await.unwrap()
        };
        let mut engine = open().await;
        let (mut ticks, mut killed) = (0, BTreeSet::new());
        while !log.is_finished() {
            engine.step(Duration::ZERO).await.unwrap();
            ticks += 1;
            // After a kill the engine reads two days again: at twice the distance, so that it gets ahead.
            if cut.kills.is_some_and(|kills| ticks % kills == 0) && killed.len() < 6 && killed.insert(ticks) {
                engine = open().await;
            }
        }
        clock.advance(TimeDelta::minutes(30));
        engine.step(Duration::ZERO).await.unwrap();
        said(&store.judged())
    })
}
