//! The demo's tills: a process of its own that speaks only Kafka, as an integrator's would.

use std::path::PathBuf;

use bytes::Bytes;
use chrono::Days;
use tillsight_datasets::history::History;
use tillsight_datasets::journey::{self, Panel};
use tillsight_datasets::store_day::Setup;
use tillsight_datasets::{demo, plan::StorePlan};
use tillsight_ingest::bus::{Connection, Outgoing, Producer};
use tillsight_schemas::id::IntegratorId;
use tillsight_schemas::pos::Transaction;
use tillsight_schemas::{Clock, SystemClock, topic};

use super::{Result, live};

/// The integrator as whom it writes.
pub(super) const INTEGRATOR: &str = "demo";

/// Records that are sent at once.
const BATCH: usize = 2000;

/// What the till does.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct TillArguments {
    /// The broker.
    #[arg(long)]
    bootstrap: String,
    /// Which days to draw.
    #[arg(long)]
    pub(super) seed: u64,
    /// How many draws are rung at once.
    #[arg(long, default_value_t = 1)]
    pub(super) draws: u32,
    /// Ring so many days up to now, as fast as they are taken.
    #[arg(long)]
    history: Option<u32>,
    /// Ring live for so long, and grant the wishes of the panel, a line each on standard input.
    #[arg(long)]
    live_seconds: Option<u64>,
    /// The film at register 1, as JSON: rung by its labels. What its camera is to be told is printed, an order a line.
    #[arg(long)]
    pub(super) showing: Option<String>,
    /// Where to write what was staged.
    #[arg(long)]
    pub(super) truth: Option<PathBuf>,
}

/// Rings, and returns how many records were sent.
pub(crate) fn ring(arguments: &TillArguments) -> Result<u64> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?;
    let folder = crate::cache_dir().join(journey::FOLDER);
    let panel = journey::load(&folder)?;
    let plans = demo::stores_of(arguments.draws)?;
    let mut connection = Connection::local(0);
    connection.bootstrap.clone_from(&arguments.bootstrap);
    let producer = Producer::new(&connection, "demo-till")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sent = runtime.block_on(async {
        let mut sent = 0;
        if let Some(days) = arguments.history {
            sent += history(&panel, &plans, &producer, arguments.seed, days).await?;
        }
        if let Some(seconds) = arguments.live_seconds {
            sent += live::ring(&panel, &plans, &producer, arguments, seconds).await?;
        }
        Ok(sent)
    });
    // A read of standard input may be under way, and never ends.
    runtime.shutdown_background();
    sent
}

async fn history(panel: &Panel, plans: &[StorePlan], producer: &Producer, seed: u64, days: u32) -> Result<u64> {
    let now = SystemClock.now();
    let today = now.date_naive();
    let first = today.checked_sub_days(Days::new(days.into())).ok_or("too many days")?;
    let setup = Setup { seed, ..Setup::default() };
    let history = History::new(panel, plans, (first, today), setup)?.until(now);
    let mut sent = 0;
    let mut batch = Vec::with_capacity(BATCH);
    for transaction in history.transactions() {
        let (_, transaction) = transaction?;
        batch.push(outgoing(&transaction)?);
        if batch.len() == BATCH {
            sent += BATCH as u64;
            producer.send(std::mem::take(&mut batch)).await?;
        }
    }
    sent += batch.len() as u64;
    producer.send(batch).await?;
    Ok(sent)
}

pub(super) fn outgoing(transaction: &Transaction) -> Result<Outgoing> {
    let integrator: IntegratorId = INTEGRATOR.parse()?;
    Ok(Outgoing {
        topic: topic::landing(&integrator),
        key: Some(Bytes::from(format!("{}/{}", demo::TENANT, transaction.store_id))),
        value: Some(Bytes::from(serde_json::to_vec(transaction)?)),
        headers: vec![("content-type", "application/json".to_owned())],
    })
}
