//! The archiver: reads the log, and owns all writes and the compaction of the lake.
//!
//! It may be killed at any line. Rows and marks are one Delta commit per table, and each table resumes from its own
//! marks: a table that was committed before the kill skips what the others still need.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::Clock;
use tillsight_schemas::error::chain;
use tillsight_schemas::port::{EventSource, Positions};
use tokio_util::sync::CancellationToken;

use super::intake;
use super::progress::Progress;
use super::store::Store;
use super::table::Table;
use crate::error::{Error, Result};

/// How many records are taken from the log at once.
const POLL_RECORDS: usize = 2_000;

/// How the archiver works.
#[derive(Debug, Clone)]
pub struct ArchiveConfig {
    /// The folder of the lake.
    pub root: PathBuf,
    /// How long rows wait for a commit at most.
    pub commit_every: Duration,
    /// How many bytes of rows wait for a commit at most.
    pub commit_bytes: usize,
    /// How often small files are merged.
    pub compact_every: Duration,
    /// Up to which size files are merged each time: the file of a month is not written again every hour.
    pub hour_bytes: NonZeroU64,
    /// Up to which size files are merged once a day.
    pub file_bytes: NonZeroU64,
    /// How long files that were merged away are kept for readers; longer than any statement may take.
    pub keep_merged: Duration,
}

impl ArchiveConfig {
    /// The defaults for a folder: a commit a minute or each 128 MiB, compaction every hour to 8 MiB and once a day to 128,
    /// merged files kept a day.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            commit_every: Duration::from_secs(60),
            commit_bytes: 128 << 20,
            compact_every: Duration::from_secs(3600),
            hour_bytes: NonZeroU64::new(8 << 20).unwrap_or(NonZeroU64::MAX),
            file_bytes: NonZeroU64::new(128 << 20).unwrap_or(NonZeroU64::MAX),
            keep_merged: Duration::from_secs(24 * 3600),
        }
    }
}

/// Fills the tables of the lake from the log.
pub struct Archiver {
    config: ArchiveConfig,
    source: Box<dyn EventSource>,
    clock: Arc<dyn Clock>,
    lanes: Vec<Lane>,
    /// When the oldest row that is not committed was read.
    waiting_since: Option<DateTime<Utc>>,
    compacted_at: DateTime<Utc>,
}

/// One table and what waits for its next commit.
struct Lane {
    store: Store,
    progress: Progress,
    waiting: Vec<RecordBatch>,
    bytes: usize,
}

impl std::fmt::Debug for Archiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archiver").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Archiver {
    /// Opens the lake, makes the tables that are missing, and goes to where its tables end. Tables whose topic the
    /// source does not know stay as they are.
    ///
    /// # Errors
    /// [`Error`] when folder, tables or log cannot be used, or when the log has lost records that the lake lacks.
    pub async fn open(config: ArchiveConfig, mut source: Box<dyn EventSource>, clock: Arc<dyn Clock>) -> Result<Self> {
        let bounds = source.bounds().await.map_err(|source| Error::ReadLog { source })?;
        let mut lanes = Vec::new();
        for table in Table::ALL {
            let store = Store::open(&config.root, table).await?;
            let progress = store.resume(&bounds).await?;
            lanes.push(Lane { store, progress, waiting: Vec::new(), bytes: 0 });
        }
        let start = earliest(lanes.iter().map(|lane| &lane.progress));
        tracing::debug!(?start, "the archiver reads on");
        source.seek(&start).await.map_err(|source| Error::ReadLog { source })?;
        let compacted_at = clock.now();
        Ok(Self { config, source, clock, lanes, waiting_since: None, compacted_at })
    }

    /// Works until `stop` is cancelled, and commits what waits then.
    ///
    /// # Errors
    /// [`Error`] when reading or committing fails; whoever runs it opens a new one, which resumes from the tables.
    pub async fn run(&mut self, stop: CancellationToken) -> Result<()> {
        // A step is never dropped half-way: between a commit and the note of it rows would be doubled.
        while !stop.is_cancelled() {
            self.step(Duration::from_millis(500)).await?;
        }
        self.commit().await
    }

    /// Takes what the log has, waiting at most `wait` for it, and commits or compacts if it is time to.
    ///
    /// # Errors
    /// [`Error`] when reading or committing fails.
    pub async fn step(&mut self, wait: Duration) -> Result<usize> {
        let records = self.source.poll(POLL_RECORDS, wait).await.map_err(|source| Error::ReadLog { source })?;
        if !records.is_empty() {
            for arrived in intake::decode(&records)? {
                for lane in self.lanes.iter_mut().filter(|lane| lane.store.table().stream() == arrived.stream) {
                    let strangers = arrived.strangers(&lane.progress);
                    lane.store.introduce(strangers, &mut lane.progress).await?;
                    for chunk in arrived.admit(lane.store.table(), &mut lane.progress)? {
                        lane.bytes += chunk.bytes();
                        lane.waiting.push(chunk.rows);
                    }
                }
            }
            self.waiting_since.get_or_insert(self.clock.now());
        }
        let full = self.lanes.iter().map(|lane| lane.bytes).sum::<usize>() >= self.config.commit_bytes;
        if full || self.waited(self.waiting_since, self.config.commit_every) {
            self.commit().await?;
        }
        if self.waited(Some(self.compacted_at), self.config.compact_every) {
            let today = self.clock.now().date_naive() == self.compacted_at.date_naive();
            self.merge(if today { self.config.hour_bytes } else { self.config.file_bytes }).await;
        }
        Ok(records.len())
    }

    fn waited(&self, since: Option<DateTime<Utc>>, at_most: Duration) -> bool {
        since.is_some_and(|since| (self.clock.now() - since).to_std().is_ok_and(|waited| waited >= at_most))
    }

    /// Commits what waits, table by table. After an error the archiver must be dropped and opened again.
    ///
    /// # Errors
    /// [`Error::Delta`] when a commit fails.
    pub async fn commit(&mut self) -> Result<()> {
        for lane in &mut self.lanes {
            lane.commit().await?;
        }
        self.waiting_since = None;
        Ok(())
    }

    /// Commits the first table only, as a kill between two commits leaves it.
    #[cfg(test)]
    pub(crate) async fn commit_one(&mut self) -> Result<()> {
        match self.lanes.first_mut() {
            Some(lane) => lane.commit().await,
            None => Ok(()),
        }
    }

    /// Merges files as far as they are ever merged, and deletes those merged away long ago.
    pub async fn tidy(&mut self) {
        self.merge(self.config.file_bytes).await;
    }

    /// Merges files up to a size. A failure is logged: the next hour tries again.
    async fn merge(&mut self, up_to: NonZeroU64) {
        self.compacted_at = self.clock.now();
        let keep = TimeDelta::from_std(self.config.keep_merged).unwrap_or(TimeDelta::MAX);
        for lane in &mut self.lanes {
            let table = lane.store.table().name();
            match lane.store.compact(up_to).await {
                Ok(merged) => tracing::info!(table, merged, "compacted"),
                Err(error) => tracing::warn!(table, error = chain(&error), "not compacted"),
            }
            if let Err(error) = lane.store.vacuum(keep).await {
                tracing::warn!(table, error = chain(&error), "merged files not deleted");
            }
        }
    }
}

impl Lane {
    async fn commit(&mut self) -> Result<()> {
        // Without rows the marks may wait: reading the same records again finds no rows again.
        if !self.waiting.is_empty() {
            self.store.append(&self.waiting, self.progress.marks()).await?;
            self.progress.stored();
            self.waiting.clear();
            self.bytes = 0;
        }
        Ok(())
    }
}

/// The positions from which every one of these can go on.
pub(super) fn earliest<'a>(progress: impl Iterator<Item = &'a Progress>) -> Positions {
    let mut start = Positions::new();
    for progress in progress {
        for (partition, next) in progress.next() {
            let earliest = start.entry(partition.clone()).or_insert(*next);
            *earliest = (*earliest).min(*next);
        }
    }
    start
}
