//! The rules of the library, read a second time: DuckDB runs the same texts over the same tables, and weeks of
//! simulated stores raise what was staged and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};
use tillsight_correlate::backtest::Backtest;
use tillsight_correlate::engine::{Engine, MemoryStore, ScriptedLog};
use tillsight_correlate::lake::{ArchiveConfig, Archiver, History as Lake, MemoryLog};
use tillsight_correlate::rule::{Rule, fixture};
use tillsight_datasets::history::History;
use tillsight_datasets::plan::StorePlan;
use tillsight_datasets::store_day::{Rung, Setup};
use tillsight_datasets::{demo, truth::Truth};
use tillsight_schemas::clock::ReplayClock;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::judgement::Outcome;
use tillsight_schemas::port::Judged;
use tillsight_schemas::pos::PostedTransaction;
use tillsight_schemas::presence::PresenceTile;
use tillsight_schemas::wire::avro;
use tillsight_schemas::{TimeSpan, topic};
use tillsight_tests::day::panel;
use tillsight_tests::outside::python;
use tillsight_tests::truth::weigh;
use tillsight_tests::week::{Said, arrivals, badly_sent, key, posted, said, same, settings, tiles};

/// Runs each text over its tables; prints what it said, in order.
const ORACLE: &str = r#"
import sys, json, pathlib, duckdb
folder = pathlib.Path(sys.argv[1])
said = []
for number, task in enumerate(json.load(open(folder / "tasks.json"))):
    db = duckdb.connect()
    for table in task["tables"]:
        db.execute(f"CREATE TABLE {table} AS FROM read_parquet('{folder / str(number) / table}.parquet')")
    try:
        rows = db.execute(f"SELECT anchor_id, outcome, why FROM ({task['sql']}) ORDER BY ALL").fetchall()
    except duckdb.Error as error:
        rows = [("", "refused", str(error))]
    said.append(rows)
print(json.dumps(said))
"#;

#[test]
fn duckdb_says_the_same_about_every_case_of_every_rule() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (mut tasks, mut ours) = (Vec::new(), Vec::new());
    for rule in Rule::shelf().unwrap() {
        for sight in runtime.block_on(fixture::sights(&rule)).unwrap() {
            let folder = dir.path().join(tasks.len().to_string());
            std::fs::create_dir(&folder).unwrap();
            for (table, rows) in &sight.tables {
                std::fs::write(folder.join(format!("{table}.parquet")), rows).unwrap();
            }
            let mut said: Vec<[String; 3]> = sight
                .said
                .iter()
                .map(|(anchor, outcome, why)| [anchor.to_string(), outcome.as_str().to_owned(), why.clone()])
                .collect();
            said.sort();
            // What DuckDB does not know is said in plain SQL once more.
            let sql = rule.oracle.as_ref().unwrap_or(&rule.sql);
            tasks.push(json!({ "sql": sql, "tables": sight.tables.keys().collect::<Vec<_>>() }));
            ours.push((format!("{} / {}", rule.header.id, sight.name), said));
        }
    }
    std::fs::write(dir.path().join("tasks.json"), Value::from(tasks).to_string()).unwrap();
    let theirs = python(ORACLE, &[&dir.path().display().to_string()]);
    let theirs: Vec<Vec<[String; 3]>> = serde_json::from_str(&theirs).unwrap();
    assert_eq!(theirs.len(), ours.len());
    let differs: Vec<String> = ours
        .iter()
        .zip(&theirs)
        .filter(|((_, ours), theirs)| ours != *theirs)
        .map(|((name, ours), theirs)| format!("{name}\n    here   {ours:?}\n    DuckDB {theirs:?}"))
        .collect();
    assert!(differs.is_empty(), "{}", differs.join("\n"));
    let of = |rule: &Rule, outcome: Outcome| {
        let name = format!("{} / ", rule.header.id);
        let cases = ours.iter().filter(|(case, _)| case.starts_with(&name));
        cases.flat_map(|(_, said)| said).any(|[_, said, _]| said == outcome.as_str())
    };
    for rule in Rule::shelf().unwrap() {
        assert!(of(&rule, Outcome::Fired), "{} fires in none of its cases", rule.header.id);
        let blind = rule.header.watched.is_empty() || of(&rule, Outcome::Indeterminate);
        assert!(blind, "{} has no case in which the camera cannot tell", rule.header.id);
    }
}

/// Days of both demo stores that are judged, and how many cases are staged on each.
const DAYS: (&str, &str) = ("2026-11-09", "2026-11-22");
const CASES: u32 = 3;
/// What a rule that has to be asked for may come to in an honest store, in alerts a hundred store days.
const ASKED_FOR: &[(&str, usize)] = &[("training_sale_customer", 10)];

type Found = BTreeSet<(String, String)>;

#[test]
fn two_weeks_of_two_stores_raise_what_was_staged_and_nothing_else() {
    let plans = demo::stores().unwrap();
    let span = (DAYS.0.parse().unwrap(), DAYS.1.parse().unwrap());
    let setup = Setup { seed: 7, cases_per_day: CASES, video: true };
    let mut history = History::new(panel(), &plans, span, setup).unwrap();
    let rung: Vec<Rung> = history.by_ref().map(Result::unwrap).collect();
    let truth = history.truth();
    let fired = fired(&plans, &rung);
    let unasked: BTreeSet<String> =
        Rule::library().unwrap().into_iter().map(|rule| rule.header.id.to_string()).collect();
    let (found, asked_for): (Found, Found) = fired.into_iter().partition(|(rule, _)| unasked.contains(rule));
    let wanted = expected(&truth);
    let of = |ids: &Found| -> Vec<String> {
        let about = |id: &str| rung.iter().find(|rung| rung.event_id.to_string() == id).unwrap();
        let line = |rule: &str, rung: &Rung| {
            let record = serde_json::to_string(&rung.transaction).unwrap();
            format!("{rule} at {}: {record}", rung.true_time)
        };
        ids.iter().map(|(rule, id)| line(rule, about(id))).collect()
    };
    let extra = of(&found.difference(&wanted).cloned().collect());
    let missed = of(&wanted.difference(&found).cloned().collect());
    assert!(extra.is_empty() && missed.is_empty(), "too many: {extra:#?}\nmissed: {missed:#?}");
    assert!(wanted.len() > 20, "{}", wanted.len());

    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (rule, _) in &asked_for {
        *counts.entry(rule).or_default() += 1;
    }
    let days = usize::try_from((span.1 - span.0).num_days() + 1).unwrap() * plans.len();
    for (rule, count) in counts {
        let most = ASKED_FOR.iter().find(|(known, _)| *known == rule).map_or(0, |(_, most)| *most);
        assert!(count * 100 <= most * days, "{rule}: {count} alerts in {days} store days, more than {most} in 100");
    }
}

/// The short form of `make bench AREA=truth`: every family, and rules that have to be asked for as well.
#[test]
fn a_week_with_every_family_of_cases_raises_what_was_staged() {
    let first: NaiveDate = DAYS.0.parse().unwrap();
    let setup = Setup { seed: 2, cases_per_day: 6, video: true };
    let weighed = weigh(demo::stores().unwrap(), (first, first + TimeDelta::days(6)), setup);
    let (mut injected, mut found, mut too_many) = (0, 0, 0);
    for tally in weighed.rules.values() {
        injected += tally.injected;
        found += tally.found;
        too_many += tally.too_many;
    }
    assert!(injected > 20 && found == injected && too_many * 20 <= injected, "{:#?}", weighed.wrong);
}

#[test]
fn over_history_the_rules_say_what_they_said_live_whatever_a_piece_is() {
    let plans = demo::stores().unwrap();
    let first: NaiveDate = DAYS.0.parse().unwrap();
    let setup = Setup { seed: 11, cases_per_day: CASES, video: true };
    let mut history = History::new(panel(), &plans, (first, first + TimeDelta::days(4)), setup).unwrap();
    let rung: Vec<Rung> = history.by_ref().map(Result::unwrap).collect();
    let tiles = tiles(&plans, &rung);
    let posted: Vec<PostedTransaction> = rung.iter().map(|rung| posted(&plans, rung)).collect();
    let posted = badly_sent(posted);
    let (live, store) = judged(&plans, &posted, &tiles);
    let live = said(&live);
    assert!(live.len() > 500, "{}", live.len());
    assert!(live.values().any(|(_, _, why, ..)| why == "replaced"), "corrections are judged");

    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let log = MemoryLog::default().and(topic::POS_TRANSACTION, 1).and(topic::CAM_PRESENCE, 1).and(topic::CLOCK, 1);
        for value in store.clocks() {
            log.append_to(topic::CLOCK, value);
        }
        for value in avro::encode(&posted).unwrap() {
            log.append_to(topic::POS_TRANSACTION, value);
        }
        for value in avro::encode(&tiles).unwrap() {
            log.append_to(topic::CAM_PRESENCE, value);
        }
        let clock = Arc::new(ReplayClock::at(posted[0].header.received_at));
        let mut archiver = Archiver::open(ArchiveConfig::new(dir.path()), Box::new(log.reader()), clock).await.unwrap();
        while archiver.step(Duration::from_millis(1)).await.unwrap() > 0 {}
        archiver.commit().await.unwrap();
        let lake = Lake::open(dir.path()).await.unwrap();
        let times = || posted.iter().map(|posted| posted.header.event_time);
        let (from, to) = (times().min().unwrap(), times().max().unwrap() + TimeDelta::microseconds(1));
        // All at once, the stores by themselves, a day at a time, and a part that begins in the middle.
        let noon = from + (to - from) / 2;
        let mut cuts: Vec<Vec<(StoreKey, TimeSpan)>> = Vec::new();
        let span = |from, to| TimeSpan::new(from, to).unwrap();
        cuts.push(plans.iter().map(|plan| (key(plan), span(from, to))).collect());
        let hours: Vec<DateTime<Utc>> =
            (0..).map(|n| from + TimeDelta::hours(31 * n)).take_while(|at| *at < to).chain([to]).collect();
        for plan in &plans {
            cuts.extend(hours.windows(2).map(|pair| vec![(key(plan), span(pair[0], pair[1]))]));
        }
        let mut whole = Said::new();
        for (number, stores) in cuts.into_iter().enumerate() {
            let mut run = Backtest::begin(&lake, Rule::shelf().unwrap(), settings(&plans), stores).await.unwrap();
            let mut found = Said::new();
            while let Some(piece) = run.next().await.unwrap() {
                found.extend(said(&piece.judged));
            }
            if number == 0 {
                same("all at once", &live, &found);
            }
            whole.extend(if number == 0 { Said::new() } else { found });
        }
        same("in pieces", &live, &whole);
        let late = vec![(key(&plans[0]), span(noon, to))];
        let mut run = Backtest::begin(&lake, Rule::shelf().unwrap(), settings(&plans), late).await.unwrap();
        let piece = run.next().await.unwrap().unwrap();
        assert!((piece.done - 1.0).abs() < 1e-9 && run.next().await.unwrap().is_none());
        assert!(piece.judged.iter().all(|one| one.judgement.event_time >= noon));
    });
}

fn expected(truth: &Truth) -> Found {
    truth.expected().map(|item| (item.expected_rule.clone().unwrap(), item.anchor_event_id.to_string())).collect()
}

/// What all rules of the library fire on, by the engine.
fn fired(plans: &[StorePlan], rung: &[Rung]) -> Found {
    let posted: Vec<PostedTransaction> = rung.iter().map(|rung| posted(plans, rung)).collect();
    let (judged, _) = judged(plans, &posted, &tiles(plans, rung));
    let fired = judged.iter().map(|one| &one.judgement).filter(|one| one.outcome == Outcome::Fired);
    fired.map(|one| (one.rule_id.to_string(), one.anchor_event_id.to_string())).collect()
}

/// The last word of all rules of the library about what arrives, by the engine, and where it told of clocks.
fn judged(plans: &[StorePlan], posted: &[PostedTransaction], tiles: &[PresenceTile]) -> (Vec<Judged>, MemoryStore) {
    let records = arrivals(posted, tiles);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let clock = ReplayClock::at(records[0].logged_at);
        let log = ScriptedLog::new(records, 2_000, clock.clone());
        let store = MemoryStore::default();
        let (kept, time) = (Arc::new(store.clone()), Arc::new(clock.clone()));
        let rules = Rule::shelf().unwrap();
        let mut engine = Engine::open(settings(plans), rules, Box::new(log.clone()), kept, time).await.unwrap();
        while !log.is_finished() {
            engine.step(Duration::ZERO).await.unwrap();
        }
        clock.advance(TimeDelta::minutes(5));
        engine.step(Duration::ZERO).await.unwrap();
        (store.judged(), store)
    })
}

/// The table of `docs/rules.md` names every rule with its severity and whether it judges unasked.
#[test]
fn the_documented_rules_are_those_of_the_library() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rules.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| {
            let mut cells = line.split('|').map(str::trim);
            let id = cells.next()?.trim_end_matches('`').to_owned();
            let tier = cells.next().filter(|tier| ["T0", "T1"].contains(tier))?;
            Some(format!("{id} {tier} {}", cells.next()?))
        })
        .collect();
    let rules: BTreeSet<String> = Rule::shelf()
        .unwrap()
        .iter()
        .map(|rule| {
            let tier = if rule.header.watched.is_empty() { "T0" } else { "T1" };
            format!("{} {tier} {}", rule.header.id, rule.header.severity)
        })
        .collect();
    assert_eq!(rows, rules);
    for rule in Rule::shelf().unwrap() {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{}`", rule.header.id))).unwrap();
        assert_eq!(row.contains("| off |"), !rule.header.by_default, "{row}");
    }
}
