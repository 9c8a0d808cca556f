//! `tillsight report daily`: the exception report of a store's business day as a file; `tillsight report send`: by mail, now.

use std::error::Error;
use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use tillsight_schemas::id::{StoreId, TenantId};
use tillsight_schemas::store::Store;

use super::{print, say};
use crate::config::Config;
use crate::report::{Asked, Format, Mailer, Reader, Reporter, send_now};
use crate::run::{clock, database};

/// What reports there are.
#[derive(Debug, Subcommand)]
pub(super) enum ReportCommand {
    /// What to look at, what is unusual, and whether the system could see, of one store and day.
    Daily(Daily),
    /// Send the report of a store and day now, or try whether mail works.
    Send(Send),
}

/// Which report, and to whom.
#[derive(Debug, Args)]
pub(super) struct Send {
    /// The store; every store whose report somebody gets when absent.
    #[arg(long)]
    store: Option<StoreId>,
    /// The retailer, where several have a store of that id.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// The business day, e.g. 2026-11-22; yesterday by the store's clock when absent.
    #[arg(long)]
    day: Option<NaiveDate>,
    /// One of the store's recipients; all of them when absent.
    #[arg(long)]
    to: Option<String>,
    /// Send a short message to this address instead, and say what the mail server answers.
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["store", "day", "to"])]
    test: Option<String>,
}

/// Which day, and where to.
#[derive(Debug, Args)]
pub(super) struct Daily {
    /// The store.
    #[arg(long)]
    store: StoreId,
    /// The retailer, where several have a store of that id.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// The business day, e.g. 2026-11-22; yesterday by the store's clock when absent.
    #[arg(long)]
    day: Option<NaiveDate>,
    /// A page for reading, a table for spreadsheets, everything for programs, or pages to keep.
    #[arg(long, value_enum, default_value_t = Format::Html)]
    format: Format,
    /// The file to write; `-` is standard output.
    #[arg(long, short)]
    output: PathBuf,
}

/// Does what was asked.
pub(super) fn report(config: &Config, command: &ReportCommand) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            ReportCommand::Daily(daily) => write(config, daily).await,
            ReportCommand::Send(asked) => send(config, asked).await,
        }
    })
}

/// The store of that id.
fn find<'a>(config: &'a Config, id: &StoreId, tenant: Option<&TenantId>) -> Result<&'a Store, Box<dyn Error>> {
    let of_name = |store: &&Store| store.id == *id && tenant.is_none_or(|tenant| *tenant == store.tenant);
    let mut found = config.stores.iter().filter(of_name);
    match (found.next(), found.next()) {
        (Some(store), None) => Ok(store),
        (Some(_), Some(_)) => Err("several retailers have that store: say which with --tenant".into()),
        (None, _) => {
            let known: Vec<&str> = config.stores.iter().map(|store| store.id.as_str()).collect();
            Err(format!("there is no store {id}; there are: {}", known.join(", ")).into())
        }
    }
}

/// The day that was asked for, or yesterday.
fn day_of(store: &Store, day: Option<NaiveDate>) -> NaiveDate {
    let today = store.business_day(clock().now());
    day.or_else(|| today.pred_opt()).unwrap_or(today)
}

async fn send(config: &Config, asked: &Send) -> Result<(), Box<dyn Error>> {
    if let Some(address) = &asked.test {
        let mail =
            config.mail.as_ref().ok_or("the configuration has no [mail]: docs/reports.md says what belongs there")?;
        let mailer = Mailer::new(mail)?;
        let said = mailer.send(mailer.trial(address, clock().now())?).await?;
        say(&format!("{} took it: {said}", mail.host));
        return Ok(());
    }
    let stores = match &asked.store {
        Some(id) => vec![find(config, id, asked.tenant.as_ref())?],
        None => {
            config.stores.iter().filter(|store| config.report.recipients.iter().any(|one| one.gets(store))).collect()
        }
    };
    if stores.is_empty() {
        return Err("nobody gets a report: add a [[report.recipient]]".into());
    }
    let sent = send_now(config, &stores, asked.day, asked.to.as_deref()).await;
    for (what, recipient, outcome) in sent.map_err(|error| error as Box<dyn Error>)? {
        say(&format!("{what} to {recipient}: {outcome}"));
    }
    Ok(())
}

async fn write(config: &Config, daily: &Daily) -> Result<(), Box<dyn Error>> {
    let store = find(config, &daily.store, daily.tenant.as_ref())?;
    let day = day_of(store, daily.day);
    let reader = Reader::everything(matches!(daily.format, Format::Html | Format::Pdf));
    let asked = Asked { store, day, until: None, reader: &reader };
    let made = Reporter::of(config, database(config).await?).illustrated(asked).await?;
    let bytes = made.file(daily.format)?;
    if daily.output.as_os_str() == "-" {
        print(&bytes);
        return Ok(());
    }
    std::fs::write(&daily.output, &bytes)
        .map_err(|error| format!("cannot write {}: {error}", daily.output.display()))?;
    let verdict = &made.report.verdict;
    say(&format!("{} {day}: {}", store.name, verdict.text));
    say(&format!("{}: {} KiB", daily.output.display(), bytes.len().div_ceil(1024)));
    Ok(())
}
