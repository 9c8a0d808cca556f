//! Area `history`: the rules over what was archived, as `tillsight rule backtest` runs them: a year of a chain's tills through
//! the library.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Days, NaiveDate, Utc};
use tillsight_correlate::backtest::Backtest;
use tillsight_correlate::engine::Settings;
use tillsight_correlate::lake::{History, Table};
use tillsight_correlate::rule::Rule;
use tillsight_schemas::TimeSpan;
use tillsight_schemas::id::StoreKey;
use tokio::runtime::Runtime;

use crate::chain::Chain;
use crate::sheet::{Bar, Row, Sheet, median};
use crate::{machine, shop};

/// A run takes minutes.
const RUNS: usize = 1;
const YEAR: Chain = Chain { stores: 8, days: 365, video: true };

pub(crate) fn measure(sheet: &mut Sheet) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    year(sheet, &runtime);
}

/// The rules that read tills only.
fn of_tills() -> Vec<Rule> {
    let mut rules = Rule::shelf().unwrap();
    rules.retain(|rule| rule.header.watched.is_empty());
    rules
}

fn year(sheet: &mut Sheet, runtime: &Runtime) {
    let lake = runtime.block_on(YEAR.lake());
    let (mut rates, mut walls, mut off, mut cost) = (Vec::new(), Vec::new(), Vec::new(), BTreeMap::new());
    let mut note = String::new();
    for _ in 0..RUNS {
        let run = runtime.block_on(async {
            let history = History::open(&lake).await.unwrap();
            let mut events = 0;
            for table in [Table::Transactions, Table::Lines, Table::Tenders] {
                events += history.count(table).await.unwrap();
            }
            through(
                &history,
                of_tills(),
                YEAR.plans()
                    .iter()
                    .map(|plan| StoreKey::new(plan.store.tenant.clone(), plan.store.id.clone()))
                    .collect(),
                YEAR.days,
                events,
            )
            .await
        });
        rates.push(run.events / run.processor);
        walls.push(run.events / run.wall);
        off.push(run.off);
        note = format!(
            "{} transactions, lines and tenders; {} rules; {} judgements, {} of them alerts; peak {:.0} MiB",
            run.events,
            of_tills().len(),
            run.judged,
            run.fired,
            machine::peak_mib()
        );
        cost = run.cost;
    }
    let mut dearest: Vec<(String, Duration)> = cost.into_iter().collect();
    dearest.sort_by_key(|(_, took)| std::cmp::Reverse(*took));
    for (rule, took) in dearest.iter().take(12) {
        println!("    {rule:28} {:.2} s", took.as_secs_f64());
    }
    let what = "a year of 8 stores through every rule that reads tills only, from the lake".to_owned();
    let row = |name, value: &[f64], unit, bar, what: &str, note: &str| Row {
        name,
        what: what.to_owned(),
        value: median(value),
        samples: value.to_vec(),
        unit,
        bar,
        note: note.to_owned(),
    };
    sheet.row(&row("b7_history", &walls, "events/s", Some(Bar::AtLeast(5e6)), &what, &note));
    sheet.row(&row("b7_history_core", &rates, "events/s/core", None, &what, "of processor time"));
    let what = "how far the time that was foretold after a tenth was off, in parts of the whole";
    sheet.row(&row("b7_foretold", &off, "", Some(Bar::AtMost(0.2)), what, ""));
}

/// What a run came to.
struct Run {
    events: f64,
    processor: f64,
    wall: f64,
    off: f64,
    judged: usize,
    fired: usize,
    cost: BTreeMap<String, Duration>,
}

async fn through(history: &History, rules: Vec<Rule>, stores: Vec<StoreKey>, days: u64, events: usize) -> Run {
    let end: DateTime<Utc> = shop::TODAY.parse::<NaiveDate>().unwrap().and_hms_opt(12, 0, 0).unwrap().and_utc();
    let span = TimeSpan::new(end - Days::new(days + 2), end).unwrap();
    let (began, before) = (Instant::now(), machine::processor_seconds());
    let stores = stores.into_iter().map(|store| (store, span)).collect();
    let mut run = Backtest::begin(history, rules, Settings::new(Vec::new()), stores).await.unwrap();
    let (mut judged, mut fired, mut cost, mut foretold) = (0, 0, BTreeMap::<String, Duration>::new(), None);
    while let Some(piece) = run.next().await.unwrap() {
        judged += piece.judged.len();
        fired += piece.judged.iter().filter(|one| one.alert.is_some()).count();
        for (rule, took) in piece.cost {
            *cost.entry(rule.to_string()).or_default() += took;
        }
        if piece.done >= 0.1 && foretold.is_none() {
            foretold = Some(began.elapsed().as_secs_f64() / piece.done);
        }
    }
    let wall = began.elapsed().as_secs_f64();
    Run {
        events: f64::from(u32::try_from(events).unwrap()),
        processor: machine::processor_seconds() - before,
        wall,
        off: (foretold.unwrap() / wall - 1.0).abs(),
        judged,
        fired,
        cost,
    }
}
