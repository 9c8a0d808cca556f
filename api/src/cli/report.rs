//! `tillsight report daily`: the exception report of a store's business day as a file.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use tillsight_ingest::bus::WindowReader;
use tillsight_schemas::id::{StoreId, TenantId};

use super::say;
use crate::config::Config;
use crate::http::Cameras;
use crate::report::{Format, Reporter};
use crate::run::{clock, database};

/// What reports there are.
#[derive(Debug, Subcommand)]
pub(super) enum ReportCommand {
    /// What to look at, what is unusual, and whether the system could see, of one store and day.
    Daily(Daily),
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
    /// A page for reading, a table for spreadsheets, or everything for programs.
    #[arg(long, value_enum, default_value_t = Format::Html)]
    format: Format,
    /// The file to write; `-` is standard output.
    #[arg(long, short)]
    output: PathBuf,
}

/// Does what was asked.
pub(super) fn report(config: &Config, command: &ReportCommand) -> Result<(), Box<dyn Error>> {
    let ReportCommand::Daily(daily) = command;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(write(config, daily))
}

async fn write(config: &Config, daily: &Daily) -> Result<(), Box<dyn Error>> {
    let of_name = |store: &&tillsight_schemas::store::Store| {
        store.id == daily.store && daily.tenant.as_ref().is_none_or(|tenant| *tenant == store.tenant)
    };
    let mut found = config.stores.iter().filter(of_name);
    let store = match (found.next(), found.next()) {
        (Some(store), None) => store,
        (Some(_), Some(_)) => return Err("several retailers have that store: say which with --tenant".into()),
        (None, _) => {
            let known: Vec<&str> = config.stores.iter().map(|store| store.id.as_str()).collect();
            return Err(format!("there is no store {}; there are: {}", daily.store, known.join(", ")).into());
        }
    };
    let today = store.business_day(clock().now());
    let day = daily.day.or_else(|| today.pred_opt()).unwrap_or(today);
    let reporter = Reporter {
        db: database(config).await?,
        cameras: Arc::new(Cameras::new(config.volume(), &config.cameras, &config.zones)),
        shops: Arc::new(config.stores.clone()),
        permits: Arc::new(config.permits()),
        windows: WindowReader::new(&config.connection()),
        clock: clock(),
        lake: config.data.dir.join("lake"),
        address: config.http.address(),
    };
    let made = reporter.illustrated(store, day, daily.format == Format::Html).await?;
    let bytes = made.file(daily.format)?;
    if daily.output.as_os_str() == "-" {
        std::io::stdout().write_all(&bytes)?;
        return Ok(());
    }
    std::fs::write(&daily.output, &bytes)
        .map_err(|error| format!("cannot write {}: {error}", daily.output.display()))?;
    let verdict = &made.report.verdict;
    say(&format!("{} {day}: {}", store.name, verdict.text));
    say(&format!("{}: {} KiB", daily.output.display(), bytes.len().div_ceil(1024)));
    Ok(())
}
