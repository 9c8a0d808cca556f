//! `tillsight rule backtest`: what rules make of the archived days, and what of it is otherwise than it was live.

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use chrono::{Days, NaiveDate};
use clap::Args;
use tillsight_correlate::backtest::{Backtest, Difference};
use tillsight_correlate::engine::Settings;
use tillsight_correlate::lake::History;
use tillsight_schemas::TimeSpan;
use tillsight_schemas::id::StoreId;
use tillsight_schemas::judgement::{Judgement, Outcome};
use tillsight_schemas::store::Store;

use super::rules::chosen;
use super::say;
use crate::config::Config;
use crate::run::{clock, database, zones};

/// Which rules, over which days.
#[derive(Debug, Args)]
pub(super) struct BacktestArguments {
    /// The rules; all when none is named.
    rules: Vec<String>,
    /// A folder with rules of your own.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// One store only.
    #[arg(long)]
    store: Option<StoreId>,
    /// The first business day; a week before the last when absent.
    #[arg(long)]
    from: Option<NaiveDate>,
    /// The last business day; the store's today when absent.
    #[arg(long)]
    to: Option<NaiveDate>,
    /// Show every alert, and every difference.
    #[arg(long)]
    long: bool,
}

/// Differences that are shown unless all are asked for.
const SHOWN: usize = 10;

/// Back-tests.
pub(super) fn run(config: &Config, arguments: &BacktestArguments) -> Result<(), Box<dyn Error>> {
    let folder = arguments.folder.as_deref().or(config.rules.folder.as_deref());
    let rules = chosen(&arguments.rules, folder)?;
    let stores: Vec<&Store> =
        config.stores.iter().filter(|store| arguments.store.as_ref().is_none_or(|id| *id == store.id)).collect();
    if stores.is_empty() {
        let known: Vec<&str> = config.stores.iter().map(|store| store.id.as_str()).collect();
        return Err(format!("there is no such store; there are: {}", known.join(", ")).into());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        // The zones that held at the time, not those of today.
        let settings = Settings::placed(zones(&database(config).await?).await?);
        let history = History::open(&config.data.dir.join("lake")).await?;
        for store in stores {
            let last = arguments.to.unwrap_or_else(|| store.business_day(clock().now()));
            let first = arguments.from.or_else(|| last.checked_sub_days(Days::new(7))).unwrap_or(last);
            let span = span(store, first, last)?;
            let began = Instant::now();
            let result = Backtest::run(&history, rules.clone(), settings.clone(), &store.key(), span).await?;
            say(&format!(
                "{} ({}), {first} to {last}: {} transactions and {} tiles in {:.1} s",
                store.name,
                store.id,
                result.transactions,
                result.tiles,
                began.elapsed().as_secs_f64()
            ));
            show(store, &result, arguments.long);
        }
        Ok(())
    })
}

fn span(store: &Store, first: NaiveDate, last: NaiveDate) -> Result<TimeSpan, Box<dyn Error>> {
    let days = store.day(first).zip(store.day(last)).filter(|_| first <= last);
    let (first, last) = days.ok_or_else(|| format!("from {first} to {last} is no span of days"))?;
    Ok(TimeSpan::new(first.start(), last.end())?)
}

fn show(store: &Store, result: &Backtest, long: bool) {
    let counts = result.counts();
    let rules: std::collections::BTreeSet<&str> = counts.keys().map(|(rule, _)| rule.as_str()).collect();
    say(&format!("    {:28} {:>6} {:>6} {:>14}", "rule", "fired", "silent", "indeterminate"));
    for rule in rules {
        let of = |outcome| counts.get(&(rule.to_owned(), outcome)).copied().unwrap_or_default();
        say(&format!(
            "    {rule:28} {:>6} {:>6} {:>14}",
            of(Outcome::Fired),
            of(Outcome::Silent),
            of(Outcome::Indeterminate)
        ));
    }
    if counts.is_empty() {
        say("    no anchor in these days");
    }
    if long {
        for alert in result.judged.iter().filter(|one| one.judgement.outcome == Outcome::Fired) {
            let reason = alert.alert.as_ref().map_or("", |alert| alert.reason.as_str());
            say(&format!("    {}  {}", line(store, &alert.judgement), reason));
        }
    }
    let differs = result.differs();
    say(&format!("    {} judgements as live, {} otherwise", result.judged.len() - changed(&differs), differs.len()));
    for each in differs.iter().take(if long { usize::MAX } else { SHOWN }) {
        let word = |judgement: &Option<Judgement>| {
            judgement.as_ref().map_or("not judged".to_owned(), |one| format!("{} ({})", one.outcome, one.why))
        };
        if let Some(one) = each.now.as_ref().or(each.live.as_ref()) {
            say(&format!("    {}: live {}, now {}", line(store, one), word(&each.live), word(&each.now)));
        }
    }
    if !long && differs.len() > SHOWN {
        say(&format!("    and {} more; --long shows all", differs.len() - SHOWN));
    }
}

fn changed(differs: &[Difference]) -> usize {
    differs.iter().filter(|each| each.now.is_some()).count()
}

fn line(store: &Store, judgement: &Judgement) -> String {
    let at = store.local(judgement.event_time).format("%Y-%m-%d %H:%M:%S %Z");
    format!("{at} register {} {}", judgement.register_id, judgement.rule_id)
}
