//! `tillsight search QUERY` and `tillsight search rebuild`.
//!
//! A rebuild is done by the process that owns the index, which is asked through a file; when none runs, by this one.

use std::error::Error;
use std::io::IsTerminal;
use std::time::Duration;

use clap::{Args, Subcommand};
use tillsight_schemas::id::TenantId;
use tillsight_schemas::money::Currency;
use tillsight_schemas::port::{PortError, Positions};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::say;
use crate::config::Config;
use crate::db::Db;
use crate::run::{clock, database, search_log};
use crate::search::{
    Answer, Follower, Hit, Order, Owner, Request, Scope, Search, SearchError, ask_for_rebuild, rebuild_is_asked_for,
};

/// How often progress is looked at, and printed.
const LOOK: Duration = Duration::from_millis(250);

/// What is searched for.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct SearchArguments {
    #[command(subcommand)]
    command: Option<SearchCommand>,
    /// The query, e.g. `type:refund amount:>50 last:7d`; everything when absent. After `--` words may begin with a minus.
    query: Vec<String>,
    /// The retailer, where several are set up.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// At most so many hits.
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// Best first instead of newest first.
    #[arg(long)]
    best: bool,
    /// The answer as JSON, as over HTTP.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum SearchCommand {
    /// Empty the index and fill it again from the log and the database.
    Rebuild,
}

/// Does what the arguments say.
pub(super) fn search(config: &Config, arguments: &SearchArguments) -> Result<(), Box<dyn Error>> {
    match arguments.command {
        Some(SearchCommand::Rebuild) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(rebuild(config))
        }
        None => query(config, arguments),
    }
}

fn query(config: &Config, arguments: &SearchArguments) -> Result<(), Box<dyn Error>> {
    let tenant = match (&arguments.tenant, config.stores.first()) {
        (Some(tenant), _) => tenant.clone(),
        (None, Some(first)) if config.stores.iter().all(|store| store.tenant == first.tenant) => first.tenant.clone(),
        (None, Some(_)) => return Err("several retailers are set up: say which with --tenant".into()),
        (None, None) => return Err("no store is set up".into()),
    };
    let search = Search::open(&config.data.dir, config.stores.clone(), clock())?;
    let answer = search.find(&Request {
        text: arguments.query.join(" "),
        from: None,
        to: None,
        scope: Scope::whole(tenant, Vec::new()),
        order: if arguments.best { Order::Score } else { Order::Time },
        limit: arguments.limit,
        cursor: None,
    })?;
    if arguments.json {
        say(&serde_json::to_string_pretty(&answer)?);
    } else {
        table(config, &answer);
    }
    Ok(())
}

fn table(config: &Config, answer: &Answer) {
    for problem in &answer.problems {
        say(&format!("! {problem}"));
    }
    for hit in &answer.items {
        say(&row(config, hit));
    }
    say(&format!("{} of {} in {} ms", answer.items.len(), answer.total, answer.took_ms));
}

fn row(config: &Config, hit: &Hit) -> String {
    let store = config.stores.iter().find(|store| store.id == hit.store_id);
    let time = store.map_or_else(
        || hit.event_time.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        |store| store.local(hit.event_time).format("%Y-%m-%d %H:%M:%S %Z").to_string(),
    );
    let currency = hit.currency.as_deref().and_then(|code| Currency::new(code).ok());
    let amount = match (hit.amount_minor, currency) {
        (Some(minor), Some(currency)) => currency.format(minor),
        (Some(minor), None) => format!("{minor} (minor units)"),
        (None, _) => String::new(),
    };
    let operator = hit.operator_id.as_ref().map_or("", |operator| operator.as_str());
    let place = format!("{}/{}", hit.store_id, hit.register_id);
    format!("{time:<25} {:<7} {place:<10} {operator:<8} {amount:>14}  {}", hit.kind, hit.title)
}

async fn rebuild(config: &Config) -> Result<(), Box<dyn Error>> {
    let db = database(config).await?;
    let data = &config.data.dir;
    // Where it has to get to; said by the sources, not by the index.
    let plain = |error: PortError| -> Box<dyn Error> { error };
    let mut log = search_log(config)().map_err(plain)?;
    let bounds = log.bounds().await.map_err(plain)?;
    let ends: Positions = bounds.into_iter().map(|(at, bounds)| (at, bounds.end)).collect();
    match Owner::open(data, config.stores.clone(), clock()) {
        Ok(owner) => {
            ask_for_rebuild(data)?;
            let search = owner.search.clone();
            let stop = CancellationToken::new();
            let mut work = JoinSet::new();
            work.spawn(Follower::new(owner, db.clone(), search_log(config)).run(stop.clone()));
            let watched = watch(config, &db, &search, &ends).await;
            stop.cancel();
            work.join_all().await;
            watched
        }
        Err(SearchError::Busy(_)) => {
            ask_for_rebuild(data)?;
            let search = Search::open(data, config.stores.clone(), clock())?;
            watch(config, &db, &search, &ends).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Prints how far the index is until it holds everything.
async fn watch(config: &Config, db: &Db, search: &Search, ends: &Positions) -> Result<(), Box<dyn Error>> {
    let began = tokio::time::Instant::now();
    let steps = if std::io::stdout().is_terminal() { 4 } else { 20 };
    let mut waiting = 0_u32;
    loop {
        let asked = rebuild_is_asked_for(&config.data.dir)?;
        let progress = search.progress()?;
        let positions = progress.positions();
        let next = |at| positions.get(at).copied().unwrap_or_default();
        let done: i64 = ends.iter().map(|(at, end)| next(at).min(*end)).sum();
        let all: i64 = ends.values().sum();
        let alerts = db.last_change().await?;
        if !asked && done == all && progress.change >= alerts {
            search.reload()?;
            let (receipts, alerts) = search.counts()?;
            let seconds = began.elapsed().as_secs_f64();
            say(&format!("done: {receipts} receipts and {alerts} alerts in {seconds:.1} s"));
            return Ok(());
        }
        if waiting.is_multiple_of(steps) {
            let done = if asked { 0 } else { done };
            say(&format!("{done} of {all} records"));
        }
        waiting += 1;
        tokio::time::sleep(LOOK).await;
    }
}
