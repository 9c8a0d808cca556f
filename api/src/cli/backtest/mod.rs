//! `tillsight rule backtest`: what rules make of the archived days, and what of it is otherwise than it was before: live, or
//! with other numbers, or by another version of the rule. People read it as text, programs as lines of JSON.

mod progress;
mod text;

use std::error::Error;
use std::path::{Path, PathBuf};

use chrono::{Days, NaiveDate};
use clap::Args;
use tillsight_correlate::backtest::{Backtest, Piece};
use tillsight_correlate::engine::Settings;
use tillsight_correlate::lake::History;
use tillsight_correlate::rule::Rule;
use tillsight_schemas::TimeSpan;
use tillsight_schemas::error::chain;
use tillsight_schemas::id::{StoreId, TenantId};
use tillsight_schemas::store::Store;

use super::rules::chosen;
use super::say;
use crate::backtest::{Line, Seen, Tally};
use crate::config::Config;
use crate::run::{adjusted, clock, database, zones};
use progress::Progress;

/// Alerts of each kind that are listed of a rule, unless all are asked for.
const LISTED: usize = 500;
/// How far behind everything else one runs that was started in the background.
const NICE: i32 = 10;
/// How much rather than others it is ended when memory runs out (`proc_pid_oom_score_adj(5)`).
const FIRST_TO_GO: &str = "500";

/// Which rules, over which days.
#[derive(Debug, Args)]
pub(super) struct BacktestArguments {
    /// The rules; all when none is named.
    rules: Vec<String>,
    /// A folder with rules of your own.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// One retailer's stores only.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// This store only; several, when it is said several times.
    #[arg(long = "store", value_name = "STORE")]
    stores: Vec<StoreId>,
    /// The first business day; the first of a week that ends with the last when absent.
    #[arg(long)]
    from: Option<NaiveDate>,
    /// The last business day; the store's today when absent.
    #[arg(long)]
    to: Option<NaiveDate>,
    /// A number to try in the place of the rule's own and of what stores have said, as `name=value`. What comes out is
    /// compared with the rule as it stands.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = number)]
    params: Vec<(String, i64)>,
    /// What to compare with in the place of what was judged live: `library` (the rules as they come), or a folder with
    /// another version of the rules.
    #[arg(long, value_name = "FOLDER")]
    against: Option<PathBuf>,
    /// Show every alert and every difference.
    #[arg(long)]
    long: bool,
    /// Tell a program: a line of JSON for each piece that is done, and at the end one with all numbers and the first alerts
    /// of each kind.
    #[arg(long)]
    json: bool,
    /// Give way to everything else, and end with whoever started it.
    #[arg(long, hide = true)]
    background: bool,
}

fn number(text: &str) -> Result<(String, i64), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is not NAME=VALUE"))?;
    let value = value.trim().parse().map_err(|_| format!("{value:?} is no whole number"))?;
    Ok((name.trim().to_owned(), value))
}

/// Back-tests.
pub(super) fn run(config: &Config, arguments: &BacktestArguments) -> Result<(), Box<dyn Error>> {
    if arguments.background {
        give_way()?;
    }
    let ran = backtest(config, arguments);
    if let (true, Err(error)) = (arguments.json, &ran) {
        say_line(&Line::Problem(chain(error.as_ref())))?;
    }
    ran
}

fn backtest(config: &Config, arguments: &BacktestArguments) -> Result<(), Box<dyn Error>> {
    let folder = arguments.folder.as_deref().or(config.rules.folder.as_deref());
    let as_they_stand = chosen(&arguments.rules, folder)?;
    let (rules, other) = (with(&as_they_stand, &arguments.params)?, others(&as_they_stand, arguments)?);
    let stores = stores(config, arguments)?;
    let mut spans = Vec::with_capacity(stores.len());
    for store in stores {
        let last = arguments.to.unwrap_or_else(|| store.business_day(clock().now()));
        let first = arguments.from.or_else(|| last.checked_sub_days(Days::new(6))).unwrap_or(last);
        spans.push((store, first, last));
    }
    runtime(arguments.background)?.block_on(async {
        // The zones and numbers that held at the time, not those of today.
        let db = database(config).await?;
        let adjusted = adjusted(&db).await?;
        let settings = Settings { adjusted: adjusted.clone(), ..Settings::placed(zones(&db).await?) };
        let tried = arguments.params.iter().fold(adjusted, |adjusted, (name, _)| adjusted.without(name));
        let tried = Settings { adjusted: tried, ..settings.clone() };
        let history = History::open(&config.data.dir.join("lake")).await?;
        let of = || spans.iter().map(|(store, first, last)| Ok((store.key(), span(store, *first, *last)?)));
        let mut now = Backtest::begin(&history, rules, tried, of().collect::<Result<_, Box<dyn Error>>>()?).await?;
        let mut before = match &other {
            Some((_, rules)) => {
                let stores = of().collect::<Result<_, Box<dyn Error>>>()?;
                Some(Backtest::begin(&history, rules.clone(), settings, stores).await?)
            }
            None => None,
        };
        let words = other.as_ref().map_or("what was judged live", |(words, _)| words.as_str());
        let mut tally = Tally::new(&spans, words, if arguments.long { usize::MAX } else { LISTED });
        let mut progress = Progress::new(tally.store_days(), arguments.json);
        progress.tell(0.0)?;
        while let Some(piece) = now.next().await? {
            let seen = match &mut before {
                // Both are cut alike.
                Some(before) => Seen::beside(piece, before.next().await?.unwrap_or_else(Piece::default)),
                None => Seen::beside_live(piece),
            };
            progress.tell(seen.done())?;
            tally.add(&seen, &db.standing(&seen.alerts()).await?);
        }
        progress.over();
        let result = tally.result(arguments.long);
        if arguments.json {
            return say_line(&Line::Result(Box::new(result)));
        }
        let shown = if arguments.long { usize::MAX } else { text::SHOWN };
        text::lines(&result, shown).iter().for_each(|line| say(line));
        Ok(())
    })
}

/// Says a line to a program.
fn say_line(line: &Line) -> Result<(), Box<dyn Error>> {
    say(&serde_json::to_string(line)?);
    Ok(())
}

/// Everything else goes before this process, which ends with the one that started it.
fn give_way() -> Result<(), Box<dyn Error>> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    // A service manager may not let a process say either; half of the cores are left to the others all the same.
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::debug!(%error, "this process cannot put itself behind the others");
    }
    if let Err(error) = std::fs::write("/proc/self/oom_score_adj", FIRST_TO_GO) {
        tracing::debug!(%error, "this process cannot be marked as the first to go");
    }
    Ok(())
}

/// All cores, or in the background half of them.
fn runtime(background: bool) -> std::io::Result<tokio::runtime::Runtime> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if background {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        runtime.worker_threads((cores / 2).max(1));
    }
    runtime.enable_all().build()
}

/// The stores that are meant, all when none is named.
fn stores<'a>(config: &'a Config, arguments: &BacktestArguments) -> Result<Vec<&'a Store>, Box<dyn Error>> {
    let ours = |store: &&Store| arguments.tenant.as_ref().is_none_or(|tenant| *tenant == store.tenant);
    let all: Vec<&Store> = config.stores.iter().filter(ours).collect();
    let named = |store: &&Store| arguments.stores.is_empty() || arguments.stores.contains(&store.id);
    let chosen: Vec<&Store> = all.iter().copied().filter(named).collect();
    let missing = arguments.stores.iter().any(|id| !chosen.iter().any(|store| store.id == *id));
    if chosen.is_empty() || missing {
        let known: Vec<&str> = all.iter().map(|store| store.id.as_str()).collect();
        return Err(format!("there is no such store; there are: {}", known.join(", ")).into());
    }
    Ok(chosen)
}

/// Rules with other numbers.
fn with(rules: &[Rule], params: &[(String, i64)]) -> Result<Vec<Rule>, Box<dyn Error>> {
    let mut rules = rules.to_vec();
    for (name, value) in params {
        let mut known = false;
        for rule in &mut rules {
            known |= rule.header.set(name, *value)?;
        }
        if !known {
            let all = rules.iter().flat_map(|rule| rule.header.params.keys().map(String::as_str));
            let all: Vec<&str> = all.collect::<std::collections::BTreeSet<_>>().into_iter().collect();
            return Err(format!("none of these rules has a number {name}; there are: {}", all.join(", ")).into());
        }
    }
    Ok(rules)
}

/// What is compared with: its name, and the rules.
type Others = (String, Vec<Rule>);

/// What is compared with; `None`: what was judged live.
fn others(rules: &[Rule], arguments: &BacktestArguments) -> Result<Option<Others>, Box<dyn Error>> {
    let Some(against) = &arguments.against else {
        let tried = !arguments.params.is_empty();
        return Ok(tried.then(|| ("the rules as they stand".to_owned(), rules.to_vec())));
    };
    let (mut others, _) =
        if against == Path::new("library") { (Rule::shelf()?, Vec::new()) } else { Rule::known(Some(against)) };
    others.retain(|other| rules.iter().any(|rule| rule.header.id == other.header.id));
    if others.is_empty() {
        return Err(format!("{} has none of these rules", against.display()).into());
    }
    Ok(Some((format!("the rules of {}", against.display()), others)))
}

fn span(store: &Store, first: NaiveDate, last: NaiveDate) -> Result<TimeSpan, Box<dyn Error>> {
    let days = store.day(first).zip(store.day(last)).filter(|_| first <= last);
    let (first, last) = days.ok_or_else(|| format!("from {first} to {last} is no span of days"))?;
    Ok(TimeSpan::new(first.start(), last.end())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_tried_within_their_limits_and_by_their_names() {
        assert_eq!(number("more_than = 8"), Ok(("more_than".to_owned(), 8)));
        assert!(number("more_than").unwrap_err().contains("NAME=VALUE"));
        assert!(number("more_than=x").unwrap_err().contains("no whole number"));
        let rules = Rule::shelf().unwrap();
        let tried = with(&rules, &[("margin_ms".to_owned(), 500)]).unwrap();
        let of = |rules: &[Rule]| {
            rules.iter().filter_map(|rule| rule.header.params.get("margin_ms")).next().unwrap().default
        };
        assert_ne!(of(&rules), 500);
        assert_eq!(of(&tried), 500);
        assert!(with(&rules, &[("margin_ms".to_owned(), -1)]).unwrap_err().to_string().contains("outside"));
        let unknown = with(&rules, &[("marjin".to_owned(), 1)]).unwrap_err().to_string();
        assert!(unknown.contains("margin_ms"), "{unknown}");
    }
}
