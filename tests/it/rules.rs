//! The rules of the library, read a second time: DuckDB runs the same texts over the same tables, and weeks of
//! simulated stores raise what was staged and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};
use tillsight_correlate::backtest::Backtest;
use tillsight_correlate::engine::{Engine, MemoryStore, ScriptedLog, Settings};
use tillsight_correlate::lake::{ArchiveConfig, Archiver, History as Lake, MemoryLog};
use tillsight_correlate::rule::{Rule, fixture};
use tillsight_datasets::history::History;
use tillsight_datasets::plan::{StorePlan, TimeStyle};
use tillsight_datasets::store_day::{Rung, Setup};
use tillsight_datasets::truth::Zone as Seen;
use tillsight_datasets::{demo, truth::Truth};
use tillsight_schemas::clock::ReplayClock;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::judgement::{Judgement, Outcome};
use tillsight_schemas::port::{Judged, LogRecord};
use tillsight_schemas::pos::PostedTransaction;
use tillsight_schemas::presence::{Blind, PresenceState, PresenceTile};
use tillsight_schemas::wire::avro;
use tillsight_schemas::zone::{Zone, ZoneKind};
use tillsight_schemas::{TimeSpan, topic};
use tillsight_tests::day::panel;
use tillsight_tests::outside::python;
use uuid::Uuid;

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
            tasks.push(json!({ "sql": rule.sql, "tables": sight.tables.keys().collect::<Vec<_>>() }));
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

/// The last word about every anchor.
type Said = BTreeMap<Uuid, (String, Outcome, String, bool, Option<String>)>;

fn said(judged: &[Judged]) -> Said {
    // Who said something once and has nothing to say any more, says the same as who never did.
    let nothing = |judgement: &Judgement| judgement.outcome == Outcome::Silent && judgement.why == "no_match";
    let said = judged.iter().filter(|one| !nothing(&one.judgement)).map(|one| {
        let (judgement, alert) = (&one.judgement, one.alert.as_ref());
        let about = format!("{} {} {}", judgement.store_id, judgement.rule_id, judgement.anchor_event_id);
        let alert = alert.map(|alert| alert.content_sha256.clone());
        (judgement.judgement_id, (about, judgement.outcome, judgement.why.clone(), judgement.provisional, alert))
    });
    said.collect()
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
                same(&live, &found);
            }
            whole.extend(if number == 0 { Said::new() } else { found });
        }
        same(&live, &whole);
        let late = vec![(key(&plans[0]), span(noon, to))];
        let mut run = Backtest::begin(&lake, Rule::shelf().unwrap(), settings(&plans), late).await.unwrap();
        let piece = run.next().await.unwrap().unwrap();
        assert!((piece.done - 1.0).abs() < 1e-9 && run.next().await.unwrap().is_none());
        assert!(piece.judged.iter().all(|one| one.judgement.event_time >= noon));
    });
}

/// Both say the same about the same.
fn same(live: &Said, history: &Said) {
    let show = |one: Option<&(String, Outcome, String, bool, Option<String>)>| format!("{one:?}");
    let ids: BTreeSet<_> = live.keys().chain(history.keys()).collect();
    let other = ids.into_iter().filter(|id| live.get(id) != history.get(id));
    let other: Vec<String> =
        other.map(|id| format!("live {}\n      history {}", show(live.get(id)), show(history.get(id)))).collect();
    assert!(other.is_empty(), "{} of {} differ: {:#?}", other.len(), live.len(), &other[..other.len().min(8)]);
}

/// What happens on the way: some records come hours late, some are corrected by a revision, some by another record.
fn badly_sent(posted: Vec<PostedTransaction>) -> Vec<PostedTransaction> {
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
    let mut arrivals: Vec<(DateTime<Utc>, LogRecord)> = Vec::new();
    for (offset, (posted, value)) in (0..).zip(posted.iter().zip(avro::encode(posted).unwrap())) {
        let at = posted.header.received_at;
        arrivals.push((at, ScriptedLog::record(topic::POS_TRANSACTION, offset, at, value)));
    }
    for (offset, (tile, value)) in (0..).zip(tiles.iter().zip(avro::encode(tiles).unwrap())) {
        arrivals.push((tile.end_at, ScriptedLog::record(topic::CAM_PRESENCE, offset, tile.end_at, value)));
    }
    arrivals.sort_by_key(|(at, record)| (*at, record.offset));
    let records: Vec<LogRecord> = arrivals.into_iter().map(|(_, record)| record).collect();
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

/// A zone at every register that a camera watches.
fn settings(plans: &[StorePlan]) -> Settings {
    let zones = watched(plans).map(|(plan, register)| {
        let zone = json!({
            "id": format!("zone-{register}"), "camera": format!("camera-{register}"), "kind": "customer",
            "register": register, "polygon": [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8]],
        });
        (key(plan), serde_json::from_value::<Zone>(zone).unwrap())
    });
    Settings::new(zones.collect())
}

fn key(plan: &StorePlan) -> StoreKey {
    StoreKey::new(plan.store.tenant.clone(), plan.store.id.clone())
}

/// The registers that a camera watches.
fn watched(plans: &[StorePlan]) -> impl Iterator<Item = (&StorePlan, String)> {
    plans.iter().flat_map(|plan| {
        let seen = plan.registers.iter().filter(|register| register.watched);
        seen.map(move |register| (plan, register.id.to_string()))
    })
}

/// What ingest makes of a record that arrives a quarter of a second after the till wrote it, by the till's own clock.
fn posted(plans: &[StorePlan], rung: &Rung) -> PostedTransaction {
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
fn tiles(plans: &[StorePlan], rung: &[Rung]) -> Vec<PresenceTile> {
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
                state,
                blind,
                ..sample.clone()
            });
        }
    }
    tiles.sort_by_key(|tile| tile.end_at);
    tiles
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
