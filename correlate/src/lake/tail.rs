//! The hot tail: what the log holds beyond the newest commit of the lake, in memory, and the views that join both.
//!
//! The process that answers SQL reads the log itself, from the marks of the Delta tables on. A [`View`] is one version
//! of each table and the rows of the records strictly beyond that version's marks, so no row is doubled or missing where
//! they meet, however late the archiver is. A statement works on one view from beginning to end.
//!
//! Memory is bounded: at the bound the tail stops reading, asks for newer versions, and statements are refused until
//! the archiver has caught up; rows are never dropped.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::array::RecordBatch;
use chrono::{DateTime, TimeDelta, Utc};
use datafusion::catalog::{Session, TableProvider};
use tillsight_schemas::Clock;
use tillsight_schemas::error::chain;
use tillsight_schemas::port::{EventSource, Positions};
use tokio_util::sync::CancellationToken;

use super::archive::earliest;
use super::intake::{self, Chunk};
use super::progress::Progress;
use super::store::Store;
use super::table::Table;
use crate::error::{Error, Result};

const POLL_RECORDS: usize = 2_000;

/// How the hot tail works.
#[derive(Debug, Clone)]
pub struct TailConfig {
    /// The folder of the lake.
    pub root: PathBuf,
    /// How many bytes of rows may be held beyond the lake.
    pub max_bytes: usize,
    /// How often it looks for newer versions of the tables.
    pub refresh_every: Duration,
}

impl TailConfig {
    /// The defaults for a folder: 512 MiB, a look each second.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), max_bytes: 512 << 20, refresh_every: Duration::from_secs(1) }
    }
}

/// One version of each table, and what lies beyond it.
#[derive(Debug)]
pub struct View {
    tables: BTreeMap<Table, Part>,
}

/// One version of a table, and what lies beyond it.
#[derive(Debug, Clone)]
pub struct Part {
    /// The version.
    pub version: u64,
    /// Its rows.
    pub kept: Arc<dyn TableProvider>,
    /// The rows beyond it.
    pub beyond: Vec<RecordBatch>,
}

impl View {
    pub(super) fn new(parts: impl IntoIterator<Item = (Table, Part)>) -> Self {
        Self { tables: parts.into_iter().collect() }
    }

    /// The part of a table.
    pub fn part(&self, table: Table) -> Option<&Part> {
        self.tables.get(&table)
    }
}

/// Hands out the newest view; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Views(Arc<Mutex<Newest>>);

#[derive(Debug, Default)]
enum Newest {
    #[default]
    Starting,
    Ready(Arc<View>),
    Full {
        bytes: usize,
        limit: usize,
    },
    Stopped {
        reason: String,
    },
}

impl Views {
    /// One view, for ever.
    pub(super) fn fixed(view: View) -> Self {
        Self(Arc::new(Mutex::new(Newest::Ready(Arc::new(view)))))
    }

    /// The newest view.
    ///
    /// # Errors
    /// [`Error::TailStale`] before the tail has caught up with the log and after it stopped; [`Error::TailFull`] while
    /// it holds as much as it may.
    pub fn newest(&self) -> Result<Arc<View>> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Newest::Ready(view) => Ok(Arc::clone(view)),
            Newest::Full { bytes, limit } => Err(Error::TailFull { bytes: *bytes, limit: *limit }),
            Newest::Starting => Err(Error::TailStale { reason: "they are being read, try again in a moment".into() }),
            Newest::Stopped { reason } => Err(Error::TailStale { reason: reason.clone() }),
        }
    }

    fn set(&self, newest: Newest) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = newest;
    }
}

/// Follows the log and the lake, and keeps [`Views`] up to date.
pub struct HotTail {
    config: TailConfig,
    source: Box<dyn EventSource>,
    clock: Arc<dyn Clock>,
    lanes: Vec<Lane>,
    /// Where the log ended when the tail was opened: views are handed out from there on.
    catch_up: Positions,
    refreshed_at: DateTime<Utc>,
    views: Views,
}

struct Lane {
    store: Store,
    kept: Arc<dyn TableProvider>,
    /// What was read.
    progress: Progress,
    /// Up to where the open version of the table holds the log.
    held: Positions,
    chunks: Vec<Arc<Chunk>>,
}

impl std::fmt::Debug for HotTail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HotTail").field("config", &self.config).finish_non_exhaustive()
    }
}

impl HotTail {
    /// Opens the lake and goes to where its tables end.
    ///
    /// # Errors
    /// [`Error`] when folder, tables or log cannot be used, or when the log has lost records that the lake lacks.
    pub async fn open(config: TailConfig, mut source: Box<dyn EventSource>, clock: Arc<dyn Clock>) -> Result<Self> {
        let bounds = source.bounds().await.map_err(|source| Error::ReadLog { source })?;
        let mut lanes = Vec::new();
        for table in Table::ALL {
            let store = Store::open(&config.root, table).await?;
            let progress = store.resume(&bounds).await?;
            let (kept, held) = (store.rows()?, progress.next().clone());
            lanes.push(Lane { store, kept, progress, held, chunks: Vec::new() });
        }
        let start = earliest(lanes.iter().map(|lane| &lane.progress));
        source.seek(&start).await.map_err(|source| Error::ReadLog { source })?;
        let catch_up = bounds.into_iter().map(|(partition, bounds)| (partition, bounds.end)).collect();
        let refreshed_at = clock.now();
        let mut tail = Self { config, source, clock, lanes, catch_up, refreshed_at, views: Views::default() };
        tail.publish();
        Ok(tail)
    }

    /// Where sessions get their views.
    pub fn views(&self) -> Views {
        self.views.clone()
    }

    /// Lets a DataFusion session read the files of the tables.
    ///
    /// # Errors
    /// [`Error::Delta`] when the storage cannot be registered.
    pub fn register(&self, session: &dyn Session) -> Result<()> {
        self.lanes.iter().try_for_each(|lane| lane.store.register(session))
    }

    /// Follows until `stop` is cancelled. While the log cannot be read it tries again; statements go on with what is
    /// there.
    ///
    /// # Errors
    /// [`Error`] when the lake cannot be read; statements are refused from then on.
    pub async fn run(&mut self, stop: CancellationToken) -> Result<()> {
        while !stop.is_cancelled() {
            match self.step(Duration::from_millis(250)).await {
                Ok(_) => {}
                Err(error @ Error::ReadLog { .. }) => {
                    tracing::warn!(error = chain(&error), "new records cannot be read, trying again");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Err(error) => {
                    self.views.set(Newest::Stopped { reason: chain(&error) });
                    return Err(error);
                }
            }
        }
        self.views.set(Newest::Stopped { reason: "the server is shutting down".into() });
        Ok(())
    }

    /// Takes what the log has, waiting at most `wait` for it, and looks for newer versions if it is time to.
    ///
    /// # Errors
    /// [`Error`] when log or lake cannot be read.
    pub async fn step(&mut self, wait: Duration) -> Result<usize> {
        let full = self.bytes() >= self.config.max_bytes;
        let mut read = 0;
        if full {
            tokio::time::sleep(wait).await;
        } else {
            let records = self.source.poll(POLL_RECORDS, wait).await.map_err(|source| Error::ReadLog { source })?;
            read = records.len();
            if read > 0 {
                for arrived in intake::decode(&records)? {
                    for lane in self.lanes.iter_mut().filter(|lane| lane.store.table().stream() == arrived.stream) {
                        let strangers = arrived.strangers(&lane.progress);
                        lane.store.introduce(strangers, &mut lane.progress).await?;
                        let chunks = arrived.admit(lane.store.table(), &mut lane.progress)?;
                        lane.chunks.extend(chunks.into_iter().map(Arc::new));
                    }
                }
            }
        }
        let every = TimeDelta::from_std(self.config.refresh_every).unwrap_or(TimeDelta::MAX);
        let due = self.clock.now() - self.refreshed_at >= every || self.bytes() >= self.config.max_bytes;
        let moved = if due { self.refresh().await? } else { false };
        if read > 0 || moved || full || self.views.newest().is_err() {
            self.publish();
        }
        Ok(read)
    }

    /// Goes to the newest versions and drops what they hold; says whether there were newer ones.
    ///
    /// # Errors
    /// [`Error::Delta`] when a table cannot be read.
    pub async fn refresh(&mut self) -> Result<bool> {
        self.refreshed_at = self.clock.now();
        let mut moved = false;
        for lane in &mut self.lanes {
            if lane.store.refresh().await? {
                let partitions = lane.progress.next().keys();
                let held = lane.store.next(partitions).await?;
                lane.kept = lane.store.rows()?;
                lane.chunks.retain(|chunk| {
                    let next = held.get(&chunk.partition).copied().unwrap_or_default();
                    chunk.offsets.last().is_some_and(|last| *last >= next)
                });
                lane.held = held;
                moved = true;
            }
        }
        Ok(moved)
    }

    fn bytes(&self) -> usize {
        self.lanes.iter().flat_map(|lane| &lane.chunks).map(|chunk| chunk.bytes()).sum()
    }

    fn caught_up(&self) -> bool {
        self.lanes.iter().all(|lane| {
            let topic = lane.store.table().stream().topic();
            let mut ends = self.catch_up.iter().filter(|(partition, _)| partition.topic == topic);
            ends.all(|(partition, end)| lane.progress.next().get(partition).is_some_and(|next| next >= end))
        })
    }

    fn publish(&mut self) {
        let bytes = self.bytes();
        let newest = if bytes >= self.config.max_bytes {
            Newest::Full { bytes, limit: self.config.max_bytes }
        } else if self.caught_up() {
            Newest::Ready(Arc::new(self.view()))
        } else {
            Newest::Starting
        };
        self.views.set(newest);
    }

    fn view(&self) -> View {
        let part = |lane: &Lane| Part {
            version: lane.store.version(),
            kept: Arc::clone(&lane.kept),
            beyond: lane
                .chunks
                .iter()
                .filter_map(|chunk| chunk.beyond(lane.held.get(&chunk.partition).copied().unwrap_or_default()))
                .collect(),
        };
        View::new(self.lanes.iter().map(|lane| (lane.store.table(), part(lane))))
    }
}
