//! The supervisor: order of start and stop, restarts, and the lock that keeps a data directory to one process tree.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use futures::future::select_all;
use tillsight_ingest::bus::{Producer, ensure_topics};
use tillsight_schemas::topic;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::process::Process;
use super::{Role, RunError};
use crate::config::{Config, KafkaMode, Surface};
use crate::telemetry;

/// How long the broker may take to answer.
const BROKER_PATIENCE: Duration = Duration::from_secs(60);

/// How often it is looked whether the pages can be asked for.
const LOOK: Duration = Duration::from_millis(100);

/// How long the port of the broker may still be taken by one that is ending.
const PORT_PATIENCE: Duration = Duration::from_secs(20);

/// Runs the roles until a signal; the second signal stops without grace.
///
/// # Errors
/// [`RunError`] when the data directory is taken or a process cannot be started at all.
pub async fn supervise(config: &Config, path: &Path, roles: &[Role]) -> Result<(), RunError> {
    let _lock = lock(&config.data.dir)?;
    telemetry::forget(&config.data.dir).map_err(RunError::part("the folder of the metrics"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::part("signal handling"))?;
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::part("signal handling"))?;
    for warning in config.surfaces().iter().filter_map(Surface::warning) {
        tracing::warn!("{warning}");
    }
    let mut processes = Vec::new();
    let stop = CancellationToken::new();
    let mut writing = JoinSet::new();
    if let Some(metrics) = telemetry::Metrics::install(&config.data.dir, "supervisor") {
        writing.spawn(metrics.write_until(stop.clone()));
    }
    let work = async {
        start(config, path, roles, &mut processes).await?;
        tokio::select! {
            ended = watch(path, &mut processes) => ended,
            ended = say_when_ready(config, roles) => ended,
        }
    };
    let result = tokio::select! {
        result = work => result,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    };
    tracing::info!("stopping; once more to stop at once");
    let ordered = async {
        for process in processes.iter_mut().rev() {
            process.stop().await;
            tracing::info!(process = %process.role, "stopped");
        }
    };
    tokio::select! {
        () = ordered => {}
        _ = interrupt.recv() => tracing::warn!("stopped at once"),
        _ = terminate.recv() => tracing::warn!("stopped at once"),
    }
    stop.cancel();
    writing.join_all().await;
    result
}

/// Says that the pages can be asked for, once they can. Never returns.
async fn say_when_ready(config: &Config, roles: &[Role]) -> Result<(), RunError> {
    while roles.contains(&Role::Api) && tokio::net::TcpStream::connect(config.http.listen).await.is_err() {
        tokio::time::sleep(LOOK).await;
    }
    let [http, sql, flight] = config.surfaces().map(|surface| surface.listen);
    tracing::info!(%http, %sql, %flight, "ready");
    std::future::pending().await
}

/// One process tree per data directory: SQLite and the recordings have one owner.
fn lock(dir: &Path) -> Result<File, RunError> {
    let unusable = |problem: String| RunError::Data { dir: dir.to_owned(), problem };
    std::fs::create_dir_all(dir).map_err(|error| unusable(error.to_string()))?;
    let file = File::create(dir.join("running.lock")).map_err(|error| unusable(error.to_string()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(unusable(
            "another tillsight runs on it. Stop that one, or use another data.dir; several workers need a PostgreSQL \
             database (database.url)"
                .to_owned(),
        )),
        Err(std::fs::TryLockError::Error(error)) => Err(unusable(error.to_string())),
    }
}

async fn start(config: &Config, path: &Path, roles: &[Role], processes: &mut Vec<Process>) -> Result<(), RunError> {
    let managed = config.kafka.mode == KafkaMode::Managed;
    for &role in Role::ALL.iter().filter(|role| roles.contains(role)) {
        // Cameras and zones may be set up at any time, so who works with them is there from the start.
        if role == Role::Broker && !managed {
            continue;
        }
        if role == Role::Broker {
            port_is_free(config).await?;
        }
        processes.push(Process::start(role, path)?);
        tracing::info!(process = %role, "started");
        if role == Role::Broker {
            broker_ready(config, processes).await?;
        }
    }
    Ok(())
}

/// Waits until nobody answers at the broker's port: whoever does is not ours, and two installations would write into one
/// log. The broker of a supervisor that was killed needs a moment to end.
async fn port_is_free(config: &Config) -> Result<(), RunError> {
    let port = config.kafka.port;
    let deadline = tokio::time::Instant::now() + PORT_PATIENCE;
    while tokio::net::TcpStream::connect((std::net::Ipv4Addr::LOCALHOST, port)).await.is_ok() {
        if tokio::time::Instant::now() > deadline {
            let problem = format!("another program listens on 127.0.0.1:{port}; set kafka.port to a free one");
            return Err(RunError::Broker { problem, source: None });
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// Waits for the broker and makes the topics that are missing.
async fn broker_ready(config: &Config, processes: &mut [Process]) -> Result<(), RunError> {
    let connection = config.connection();
    let producer = Producer::new(&connection, "tillsight-supervisor").map_err(RunError::part("the Kafka client"))?;
    let silent = || RunError::NoBroker {
        bootstrap: connection.bootstrap.clone(),
        seconds: BROKER_PATIENCE.as_secs(),
        hint: "its messages stand above",
    };
    let deadline = tokio::time::Instant::now() + BROKER_PATIENCE;
    while !producer.reachable(Duration::from_millis(500)).await {
        let Some(broker) = processes.first_mut() else { return Err(silent()) };
        if let Some(status) = broker.ended() {
            return Err(RunError::Broker {
                problem: format!("the broker ended while starting ({status})"),
                source: None,
            });
        }
        if tokio::time::Instant::now() > deadline {
            return Err(silent());
        }
    }
    let topics = topic::all(&config.senders());
    let created = ensure_topics(&connection, &topics).await.map_err(RunError::part("topic set-up"))?;
    if !created.is_empty() {
        tracing::info!(topics = created.len(), "created the Kafka topics");
    }
    Ok(())
}

/// Keeps all processes alive. Returns only with an error.
async fn watch(path: &Path, processes: &mut [Process]) -> Result<(), RunError> {
    let (error, _, _) = select_all(processes.iter_mut().map(|process| Box::pin(process.keep_alive(path)))).await;
    Err(error)
}
