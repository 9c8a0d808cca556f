//! `tillsight rule backtest`: what rules make of the archived days, and what of it is otherwise than it was live.

use std::collections::BTreeSet;
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
use crate::run::{adjusted, clock, database, zones};

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
    /// Show every alert and every difference.
    #[arg(long)]
    long: bool,
}

/// Alerts and differences that are shown unless all are asked for.
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
        // The zones and numbers that held at the time, not those of today.
        let db = database(config).await?;
        let adjusted = adjusted(&db).await?;
        let settings = Settings { adjusted, ..Settings::placed(zones(&db).await?) };
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
            told(store, &result, arguments.long).iter().for_each(|line| say(line));
        }
        Ok(())
    })
}

fn span(store: &Store, first: NaiveDate, last: NaiveDate) -> Result<TimeSpan, Box<dyn Error>> {
    let days = store.day(first).zip(store.day(last)).filter(|_| first <= last);
    let (first, last) = days.ok_or_else(|| format!("from {first} to {last} is no span of days"))?;
    Ok(TimeSpan::new(first.start(), last.end())?)
}

/// What came out, line by line.
fn told(store: &Store, result: &Backtest, long: bool) -> Vec<String> {
    let counts = result.counts();
    let shown = if long { usize::MAX } else { SHOWN };
    let rules: BTreeSet<&str> = counts.keys().map(|(rule, _)| rule.as_str()).collect();
    let mut lines = vec![format!("    {:28} {:>6} {:>6} {:>14}", "rule", "fired", "silent", "indeterminate")];
    for rule in &rules {
        let of = |outcome| counts.get(&((*rule).to_owned(), outcome)).copied().unwrap_or_default();
        let (fired, silent, blind) = (of(Outcome::Fired), of(Outcome::Silent), of(Outcome::Indeterminate));
        lines.push(format!("    {rule:28} {fired:>6} {silent:>6} {blind:>14}"));
    }
    if counts.is_empty() {
        lines.push("    no anchor in these days".to_owned());
    }
    // What a rule says for the first time has nothing to be compared with: it is shown.
    let judged_live: BTreeSet<&str> = result.live.iter().map(|one| one.rule_id.as_str()).collect();
    let new: BTreeSet<&str> = rules.difference(&judged_live).copied().collect();
    let is_new = |judgement: &Judgement| new.contains(judgement.rule_id.as_str());
    let fired = result.judged.iter().filter(|one| one.judgement.outcome == Outcome::Fired);
    let fired: Vec<_> = fired.filter(|one| long || is_new(&one.judgement)).collect();
    lines.extend(fired.iter().take(shown).map(|one| {
        let reason = one.alert.as_ref().map_or("", |alert| alert.reason.as_str());
        format!("    {}  {reason}", line(store, &one.judgement))
    }));
    lines.extend(more("alerts", fired.len(), shown));
    let incomparable = "judged nothing live in these days: there is nothing to compare it with";
    lines.extend(new.iter().map(|rule| format!("    {rule} {incomparable}")));
    let mut differs = result.differs();
    differs.retain(|each| each.live.is_some() || !each.now.as_ref().is_some_and(is_new));
    let compared = result.judged.iter().filter(|one| !is_new(&one.judgement)).count();
    if compared + differs.len() > 0 {
        lines.push(format!("    {} judgements as live, {} otherwise", compared - changed(&differs), differs.len()));
    }
    for each in differs.iter().take(shown) {
        let word = |judgement: &Option<Judgement>| {
            judgement.as_ref().map_or("not judged".to_owned(), |one| format!("{} ({})", one.outcome, one.why))
        };
        if let Some(one) = each.now.as_ref().or(each.live.as_ref()) {
            lines.push(format!("    {}: live {}, now {}", line(store, one), word(&each.live), word(&each.now)));
        }
    }
    lines.extend(more("differences", differs.len(), shown));
    lines
}

/// Says how many are not shown.
fn more(what: &str, all: usize, shown: usize) -> Option<String> {
    (all > shown).then(|| format!("    and {} more {what}; --long shows all", all - shown))
}

fn changed(differs: &[Difference]) -> usize {
    differs.iter().filter(|each| each.now.is_some()).count()
}

fn line(store: &Store, judgement: &Judgement) -> String {
    let at = store.local(judgement.event_time).format("%Y-%m-%d %H:%M:%S %Z");
    format!("{at} register {} {}", judgement.register_id, judgement.rule_id)
}

#[cfg(test)]
mod tests {
    use tillsight_schemas::port::Judged;

    use super::*;

    fn judged(number: u128, rule: &str, outcome: Outcome, reason: Option<&str>) -> Judged {
        let mut judgement: Judgement =
            serde_json::from_str(include_str!("../../../schemas/samples/v1/judgement.json")).unwrap();
        judgement.judgement_id = uuid::Uuid::from_u128(number);
        judgement.rule_id = rule.parse().unwrap();
        judgement.outcome = outcome;
        let alert = reason.map(|reason| {
            let mut alert: tillsight_schemas::alert::Alert =
                serde_json::from_str(include_str!("../../../schemas/samples/v1/alert.json")).unwrap();
            reason.clone_into(&mut alert.reason);
            alert
        });
        Judged { judgement, alert, events: Vec::new() }
    }

    #[test]
    fn a_rule_that_never_judged_live_is_shown_and_not_compared() {
        let store: Store = serde_json::from_value(serde_json::json!({
            "tenant": "acme", "id": "17", "name": "Store 17", "tz": "UTC", "currency": "USD",
        }))
        .unwrap();
        let old = judged(1, "post_void", Outcome::Silent, None);
        let mut result = Backtest { live: vec![old.judgement.clone()], ..Backtest::default() };
        result.judged =
            vec![old, judged(2, "mine", Outcome::Fired, Some("Opened.")), judged(3, "mine", Outcome::Silent, None)];
        let lines = told(&store, &result, false).join("\n");
        assert!(lines.contains("register 1 mine  Opened."), "{lines}");
        assert!(lines.contains("mine judged nothing live in these days"), "{lines}");
        assert!(lines.contains("1 judgements as live, 0 otherwise") && !lines.contains("now "), "{lines}");
        result.live.clear();
        assert!(!told(&store, &result, false).join("\n").contains("otherwise"), "nothing was live");
    }
}
