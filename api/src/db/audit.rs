//! The audit file: who asked what, and who saw what. A SQLite file of its own.
//!
//! SQL statements go through a bounded queue to one writer that commits them in batches; when the queue is full an
//! entry goes to the log instead: it is never lost, and whoever asks never waits for the disk. Video is noted one by one
//! and durably, before the first byte leaves ([`DirectAudit`]).

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use sqlx::{AnyPool, Executor};
use tillsight_schemas::clock::SharedClock;
use tokio::sync::mpsc;

use super::{DbError, Location, failed};
use crate::sql::{StatementLog, StatementRecord};

/// Entries that may wait.
const DEPTH: usize = 4096;
/// Entries of one commit at most.
const BATCH: usize = 256;
/// How long an entry waits for others.
const PAUSE: Duration = Duration::from_millis(100);

const TABLE: &str = "CREATE TABLE IF NOT EXISTS audit (at BIGINT NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL, \
                     detail TEXT NOT NULL, outcome TEXT NOT NULL, result_rows BIGINT NOT NULL, took_micros BIGINT NOT NULL)";
const ADD: &str = "INSERT INTO audit (at, who, action, detail, outcome, result_rows, took_micros) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";

/// One entry.
#[derive(Debug, Clone)]
struct Entry {
    at_micros: i64,
    who: String,
    action: &'static str,
    detail: String,
    outcome: &'static str,
    rows: u64,
    took: Duration,
}

/// The end into which entries are put.
#[derive(Debug)]
pub struct Audit {
    queue: mpsc::Sender<Entry>,
    clock: SharedClock,
}

/// The end that writes them down.
#[derive(Debug)]
pub struct AuditWriter {
    pool: AnyPool,
    queue: mpsc::Receiver<Entry>,
}

/// Writes single entries and waits until each is on disk.
#[derive(Debug, Clone)]
pub struct DirectAudit {
    pool: AnyPool,
    clock: SharedClock,
}

impl DirectAudit {
    /// Notes that somebody is about to see something; returns when the note is durable.
    ///
    /// # Errors
    /// [`DbError::Statement`]: then it must not be shown.
    pub async fn note(&self, who: &str, action: &'static str, detail: String) -> Result<(), DbError> {
        let entry = Entry {
            at_micros: self.clock.now().timestamp_micros(),
            who: who.to_owned(),
            action,
            detail,
            outcome: "ok",
            rows: 0,
            took: Duration::ZERO,
        };
        write(&self.pool, &[entry]).await
    }

    /// Closes the file: from now on nothing can be noted.
    #[cfg(test)]
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

impl Audit {
    /// Opens the audit file for single entries.
    ///
    /// # Errors
    /// [`DbError::Open`] or [`DbError::Statement`].
    pub async fn direct(dir: &Path, clock: SharedClock) -> Result<DirectAudit, DbError> {
        Ok(DirectAudit { pool: open(dir).await?, clock })
    }

    /// Opens the audit file in a data directory.
    ///
    /// # Errors
    /// [`DbError::Open`] or [`DbError::Statement`].
    pub async fn open(dir: &Path, clock: SharedClock) -> Result<(Self, AuditWriter), DbError> {
        let pool = open(dir).await?;
        let (sender, receiver) = mpsc::channel(DEPTH);
        Ok((Self { queue: sender, clock }, AuditWriter { pool, queue: receiver }))
    }

    fn put(&self, entry: Entry) {
        if let Err(error) = self.queue.try_send(entry) {
            tracing::warn!(entry = ?error.into_inner(), "audit entry that found no room in the queue");
        }
    }
}

impl StatementLog for Audit {
    fn statement(&self, record: StatementRecord) {
        self.put(Entry {
            at_micros: self.clock.now().timestamp_micros(),
            who: record.user,
            action: "sql",
            detail: record.text.to_string(),
            outcome: record.outcome.as_str(),
            rows: record.rows,
            took: record.duration,
        });
    }

    fn login(&self, role_name: &str, from: SocketAddr, accepted: bool) {
        self.put(Entry {
            at_micros: self.clock.now().timestamp_micros(),
            who: role_name.to_owned(),
            action: "sql login",
            detail: from.ip().to_string(),
            outcome: if accepted { "ok" } else { "refused" },
            rows: 0,
            took: Duration::ZERO,
        });
    }
}

impl AuditWriter {
    /// Writes until every [`Audit`] is gone.
    pub async fn run(mut self) {
        let mut entries = Vec::with_capacity(BATCH);
        while self.queue.recv_many(&mut entries, BATCH).await > 0 {
            while let Err(error) = write(&self.pool, &entries).await {
                tracing::error!(%error, entries = entries.len(), "the audit file cannot be written; trying again");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            entries.clear();
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn open(dir: &Path) -> Result<AnyPool, DbError> {
    let pool = Location::File(dir.join("audit.sqlite")).connect(1).await?;
    pool.execute(TABLE).await.map_err(failed("make the audit table"))?;
    Ok(pool)
}

async fn write(pool: &AnyPool, entries: &[Entry]) -> Result<(), DbError> {
    let mut transaction = pool.begin().await.map_err(failed("begin"))?;
    for entry in entries {
        sqlx::query(ADD)
            .bind(entry.at_micros)
            .bind(&entry.who)
            .bind(entry.action)
            .bind(&entry.detail)
            .bind(entry.outcome)
            .bind(i64::try_from(entry.rows).unwrap_or(i64::MAX))
            .bind(i64::try_from(entry.took.as_micros()).unwrap_or(i64::MAX))
            .execute(&mut *transaction)
            .await
            .map_err(failed("write the audit"))?;
    }
    transaction.commit().await.map_err(failed("commit the audit"))
}
