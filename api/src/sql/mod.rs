//! SQL for head office: the PostgreSQL wire protocol and Arrow Flight SQL ([`flight`]) in front of `correlate::sql`.
//!
//! It runs in a process of its own. Every connection logs in with an access token ([`scram`]) and gets a session limited to
//! the rows of its login. A statement passes two gates: what may be asked at all ([`gate`]), and what a plan may do
//! (`correlate::sql::gate`). All protocols (simple, extended, Flight) go through the same functions, every statement has a
//! deadline, and every statement ends as one [`StatementRecord`].

mod catalog;
mod connection;
mod copy;
mod crew;
mod extended;
mod failure;
mod flight;
mod gate;
mod handlers;
mod names;
mod rewrite;
mod run;
pub mod scram;
mod settings;
mod simple;
mod statement;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use pgwire::messages::startup::SecretKey;
use pgwire::tokio::{TlsAcceptor, process_socket};
use tillsight_correlate::sql::{Engine, Scope};
use tillsight_schemas::port::PortError;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) use crew::STACK;
pub use scram::Verifier;

use connection::Connection;
use crew::Crew;
use statement::Texts;

use crate::tls::{self, Listener};

/// How the endpoint behaves.
#[derive(Clone)]
pub struct Options {
    /// Connections at once; more are refused.
    pub max_connections: usize,
    /// Statements that run at once; more wait, within their time.
    pub max_running: usize,
    /// Threads that compute one statement.
    pub threads: usize,
    /// How long a statement may take; clients may shorten it for themselves.
    pub statement_timeout: Duration,
    /// A secret of the installation that never changes: names that do not exist are answered from it.
    pub decoy_secret: [u8; 32],
    /// TLS of the PostgreSQL protocol. Without it only this machine is listened to, but for `insecure`.
    pub tls: Option<TlsAcceptor>,
    /// TLS of Flight SQL.
    pub flight_tls: Option<TlsAcceptor>,
    /// Whether log-ins from other machines may come without TLS.
    pub insecure: bool,
    /// The same of Flight SQL.
    pub insecure_flight: bool,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("max_connections", &self.max_connections)
            .field("max_running", &self.max_running)
            .field("statement_timeout", &self.statement_timeout)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// The defaults: 64 connections, 8 statements at once, a minute each, no TLS.
    pub fn new(decoy_secret: [u8; 32]) -> Self {
        Self {
            max_connections: 64,
            max_running: 8,
            threads: std::thread::available_parallelism().map_or(2, usize::from),
            statement_timeout: Duration::from_secs(60),
            decoy_secret,
            tls: None,
            flight_tls: None,
            insecure: false,
            insecure_flight: false,
        }
    }
}

/// What a client hears when its login does not hold any more.
const REVOKED: &str = "this login was revoked or its rights have changed: log in again";

/// A user who may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The name under which statements are written down.
    pub user: String,
    /// The rows that the user may see.
    pub scope: Scope,
    /// What the password is proven against.
    pub verifier: Verifier,
}

/// Knows who may log in.
#[async_trait]
pub trait LoginSource: Send + Sync {
    /// The login of this role name, if there is one.
    async fn login(&self, role_name: &str) -> Result<Option<Login>, PortError>;

    /// The role name whose password this is, for clients that send nothing else.
    async fn role_of(&self, password: &str) -> Result<Option<String>, PortError>;
}

/// Where statements and log-ins are written down. Called from async code: it must not block.
pub trait StatementLog: Send + Sync {
    /// A statement ended.
    fn statement(&self, record: StatementRecord);

    /// Somebody tried to log in.
    fn login(&self, role_name: &str, from: SocketAddr, accepted: bool);
}

/// A statement that ended.
#[derive(Debug, Clone)]
pub struct StatementRecord {
    /// Who asked.
    pub user: String,
    /// What, as it was written; parameters are not part of it.
    pub text: Arc<str>,
    /// How it ended.
    pub outcome: Outcome,
    /// How many rows were made for the client.
    pub rows: u64,
    /// How long it took.
    pub duration: Duration,
}

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All rows were made.
    Ok,
    /// It was not allowed.
    Refused,
    /// It was wrong, or could not be done.
    Failed,
    /// Its time was over.
    Timeout,
    /// The client cancelled it, or its login was revoked.
    Cancelled,
    /// The client left, or took no more rows.
    Aborted,
}

impl Outcome {
    /// The outcome as a metric label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::Aborted => "aborted",
        }
    }
}

/// What all connections share.
struct Shared {
    options: Options,
    engine: Arc<Engine>,
    logins: Arc<dyn LoginSource>,
    log: Arc<dyn StatementLog>,
    texts: Texts,
    slots: Arc<Semaphore>,
    crew: Crew,
    cancels: Cancels,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("options", &self.options).finish_non_exhaustive()
    }
}

/// How long a statement that was cancelled may go on before the process must end.
const OVERDUE: Duration = Duration::from_secs(60);

/// Answers SQL, by two protocols that share threads, memory and limits.
#[derive(Debug)]
pub struct Endpoint(Arc<Shared>);

impl Endpoint {
    /// Hires the threads.
    ///
    /// # Errors
    /// [`std::io::Error`] when the system has none left.
    pub fn new(
        options: Options,
        engine: Arc<Engine>,
        logins: Arc<dyn LoginSource>,
        log: Arc<dyn StatementLog>,
    ) -> std::io::Result<Self> {
        Ok(Self(Arc::new(Shared {
            slots: Arc::new(Semaphore::new(options.max_running)),
            crew: Crew::new(options.max_running, options.threads)?,
            options,
            engine,
            logins,
            log,
            texts: Texts::new(),
            cancels: Cancels::default(),
        })))
    }

    /// Answers PostgreSQL clients until `stop` is cancelled, then lets go of all connections.
    ///
    /// # Errors
    /// [`std::io::Error`] when the listener is not on loopback and there is no certificate, and when a cancelled statement
    /// does not end: the process must end then.
    pub async fn serve(&self, listener: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
        let Self(shared) = self;
        let address = listener.local_addr()?;
        let plain = address.ip().is_loopback() || shared.options.insecure;
        if !plain && shared.options.tls.is_none() {
            return Err(reachable(address));
        }
        let connections = Arc::new(Semaphore::new(shared.options.max_connections));
        tracing::info!(%address, tls = shared.options.tls.is_some(), "SQL is answered");
        let mut tasks = JoinSet::new();
        let mut watch = tokio::time::interval(Duration::from_secs(5));
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = watch.tick() => {
                    if shared.crew.overdue(OVERDUE) {
                        return Err(std::io::Error::other("a statement was cancelled and does not end"));
                    }
                }
                Some(_) = tasks.join_next() => {}
                accepted = listener.accept() => {
                    let (socket, peer) = match accepted {
                        Ok(accepted) => accepted,
                        Err(error) => {
                            tracing::warn!(%error, "a connection was not accepted");
                            tokio::time::sleep(Duration::from_millis(100)).await;
                            continue;
                        }
                    };
                    let Ok(permit) = Arc::clone(&connections).try_acquire_owned() else {
                        tracing::warn!(%peer, "too many SQL connections");
                        continue;
                    };
                    let connection = Connection::accept(Arc::clone(shared), plain);
                    let tls = shared.options.tls.clone();
                    tasks.spawn(async move {
                        let held = Arc::clone(&connection.0);
                        let served = tokio::select! {
                            served = process_socket(socket, tls, connection) => served,
                            () = held.until_revoked() => Err(std::io::Error::other(REVOKED)),
                        };
                        if let Err(error) = served {
                            if error.get_ref().is_some_and(|inner| inner.is::<tokio_rustls::rustls::Error>()) {
                                tls::count("sql", "failed");
                            }
                            tracing::debug!(%peer, %error, "SQL connection ended");
                        }
                        drop(permit);
                    });
                }
            }
        }
        tasks.shutdown().await;
        Ok(())
    }

    /// Answers Flight SQL clients until `stop` is cancelled, then lets go of all connections.
    ///
    /// # Errors
    /// [`std::io::Error`] when the listener is not on loopback and there is no certificate, or nothing can be served.
    pub async fn serve_flight(&self, listener: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
        let (address, options) = (listener.local_addr()?, &self.0.options);
        let tls = options.flight_tls.clone();
        if !address.ip().is_loopback() && tls.is_none() && !options.insecure_flight {
            return Err(reachable(address));
        }
        tracing::info!(%address, tls = tls.is_some(), "Flight SQL is answered");
        let listener = Listener::new("flight", listener, tls, options.max_connections)?;
        flight::serve(Arc::clone(&self.0), listener, stop).await
    }
}

fn reachable(address: SocketAddr) -> std::io::Error {
    std::io::Error::other(format!("{address} can be reached from other machines: SQL needs a certificate there"))
}

/// The statements that run, by the key with which their client may cancel them.
#[derive(Debug, Default)]
struct Cancels(Mutex<HashMap<i32, (SecretKey, CancellationToken)>>);

impl Cancels {
    /// Notes what `pid` is doing now.
    fn set(&self, pid: i32, key: SecretKey, running: CancellationToken) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(pid, (key, running));
    }

    /// Cancels what `pid` is doing, if the key is its.
    fn cancel(&self, pid: i32, key: &SecretKey) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((expected, running)) = known.get(&pid)
            && expected.eq_value(key)
        {
            running.cancel();
        }
    }

    /// Forgets a connection.
    fn forget(&self, pid: i32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&pid);
    }
}
