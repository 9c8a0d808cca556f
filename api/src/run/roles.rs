//! What each role does: the composition root. Here the Kafka reader of `ingest` becomes the event source of
//! `correlate`, and the database becomes the ledger of `ingest`.

use std::sync::Arc;
use std::time::Duration;

use tillsight_correlate::lake::{ArchiveConfig, Archiver, HotTail, TailConfig};
use tillsight_correlate::sql::{Engine, Limits};
use tillsight_ingest::bus::{Producer, TopicReader};
use tillsight_ingest::pos::Pipeline;
use tillsight_schemas::clock::SharedClock;
use tillsight_schemas::error::chain;
use tillsight_schemas::{SystemClock, topic};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::broker::become_broker;
use super::{Role, RunError};
use crate::config::Config;
use crate::db::{Audit, Db};
use crate::http::{self, Shared};
use crate::sql::{self, Options};
use crate::telemetry::Metrics;

/// How long the archive waits before it opens the lake again after a failure.
const REOPEN: Duration = Duration::from_secs(2);

/// Does the work of one role until a signal.
///
/// # Errors
/// [`RunError`] when it cannot go on.
pub(crate) fn run_role(role: Role, config: &Config) -> Result<(), RunError> {
    // Whoever supervises us may be killed: then we go too, in our own order.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))
        .map_err(|error| RunError::part("process set-up")(std::io::Error::from(error)))?;
    if role == Role::Broker {
        return Err(become_broker(config));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name(role.as_str())
        .build()
        .map_err(RunError::part("the runtime"))?;
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(until_signal(stop.clone()));
        if let Some(metrics) = Metrics::install(&config.data.dir, role.as_str()) {
            tasks.spawn(metrics.write_until(stop.clone()));
        }
        let result = match role {
            Role::Correlate => correlate(config, &stop).await,
            Role::Api => api(config, &stop).await,
            Role::Sql => head_office(config, &stop).await,
            Role::Broker => Ok(()),
        };
        stop.cancel();
        tasks.join_all().await;
        result
    })
}

async fn until_signal(stop: CancellationToken) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = stop.cancelled() => {}
    }
    stop.cancel();
}

fn clock() -> SharedClock {
    Arc::new(SystemClock)
}

async fn database(config: &Config) -> Result<Db, RunError> {
    Db::open(&config.database(), clock()).await.map_err(RunError::part("the database"))
}

/// POS intake, one pipeline an integrator, and the archive.
async fn correlate(config: &Config, stop: &CancellationToken) -> Result<(), RunError> {
    let ledger = Arc::new(database(config).await?);
    let connection = config.connection();
    let mut work: JoinSet<Result<(), RunError>> = JoinSet::new();
    for permits in config.permits() {
        let name = format!("tillsight-intake-{}", permits.integrator);
        let source = TopicReader::new(&connection, &name, vec![topic::landing(&permits.integrator)])
            .map_err(RunError::part("the landing reader"))?;
        let producer = Producer::new(&connection, &name).map_err(RunError::part("the Kafka producer"))?;
        let pipeline = Pipeline::new(Box::new(source), producer, ledger.clone(), config.stores(), permits, clock());
        let stop = stop.clone();
        work.spawn(async move { pipeline.run(stop).await.map_err(RunError::part("POS intake")) });
    }
    let (config, stop_archive) = (config.clone(), stop.clone());
    work.spawn(async move { archive(&config, &stop_archive).await });
    while let Some(ended) = work.join_next().await {
        // One part that fails stops the others: the supervisor starts the whole role again.
        if let Err(error) = ended.map_err(RunError::part("a task")).flatten() {
            stop.cancel();
            work.join_all().await;
            return Err(error);
        }
    }
    Ok(())
}

async fn archive(config: &Config, stop: &CancellationToken) -> Result<(), RunError> {
    let archive = ArchiveConfig {
        commit_every: Duration::from_secs(config.lake.commit_seconds.into()),
        commit_bytes: usize::try_from(config.lake.commit_mib).unwrap_or(usize::MAX).saturating_mul(1 << 20),
        ..ArchiveConfig::new(config.data.dir.join("lake"))
    };
    let connection = config.connection();
    while !stop.is_cancelled() {
        let work = async {
            let source = TopicReader::new(&connection, "tillsight-archive", vec![topic::POS_TRANSACTION.to_owned()])
                .map_err(RunError::part("the archive's reader"))?;
            let mut archiver = Archiver::open(archive.clone(), Box::new(source), clock())
                .await
                .map_err(RunError::part("the archive"))?;
            archiver.run(stop.clone()).await.map_err(RunError::part("the archive"))
        };
        if let Err(error) = work.await {
            tracing::error!(error = %chain(&error), "the archive opens the lake again");
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(REOPEN) => {}
            }
        }
    }
    Ok(())
}

/// The SQL endpoint: follows lake and log by itself, so that a statement which takes all memory takes only this process.
async fn head_office(config: &Config, stop: &CancellationToken) -> Result<(), RunError> {
    let address = config.sql.listen;
    let listener =
        TcpListener::bind(address).await.map_err(|source| RunError::Listen { what: "SQL", address, source })?;
    let db = database(config).await?;
    let (audit, writer) = Audit::open(&config.data.dir, clock()).await.map_err(RunError::part("the audit file"))?;
    let source = TopicReader::new(&config.connection(), "tillsight-sql", vec![topic::POS_TRANSACTION.to_owned()])
        .map_err(RunError::part("the reader of the log"))?;
    let mut tail = HotTail::open(TailConfig::new(config.data.dir.join("lake")), Box::new(source), clock())
        .await
        .map_err(RunError::part("the lake"))?;
    let limits = Limits {
        memory_bytes: usize::try_from(config.sql.memory_mib).unwrap_or(usize::MAX).saturating_mul(1 << 20),
        ..Limits::default()
    };
    let engine = Engine::new(&tail, config.stores.clone(), limits).map_err(RunError::part("the SQL engine"))?;
    let options = Options {
        max_connections: usize::try_from(config.sql.connections).unwrap_or(usize::MAX),
        statement_timeout: Duration::from_secs(config.sql.timeout_seconds.into()),
        ..Options::new(db.secret("sql.decoy").await.map_err(RunError::part("the database"))?)
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(writer.run());
    let endpoint = sql::serve(listener, options, Arc::new(engine), Arc::new(db), Arc::new(audit), stop.clone());
    let result = tokio::select! {
        ended = endpoint => ended.map_err(RunError::part("SQL")),
        ended = tail.run(stop.clone()) => ended.map_err(RunError::part("following the log")),
    };
    // The endpoint is gone, and with it the last sender: the writer ends when it has written everything.
    tasks.join_all().await;
    result
}

/// The HTTP server.
async fn api(config: &Config, stop: &CancellationToken) -> Result<(), RunError> {
    let address = config.http.listen;
    let listener =
        TcpListener::bind(address).await.map_err(|source| RunError::Listen { what: "HTTP", address, source })?;
    let shared = Shared {
        db: database(config).await?,
        producer: Producer::new(&config.connection(), "tillsight-http")
            .map_err(RunError::part("the Kafka producer"))?,
        stores: config.stores(),
        permits: Arc::new(config.permits()),
        clock: clock(),
        data: config.data.dir.clone(),
    };
    http::serve(listener, shared, stop.clone()).await.map_err(RunError::part("HTTP"))
}
