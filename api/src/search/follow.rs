//! [`Follower`]: keeps the index up with the log of receipts and the alerts of the database.
//!
//! Two tasks: one reads the log into a short queue (it waits when the queue is full), the other writes. The database is
//! asked for changed alerts every 150 ms. A commit follows at once when an alert is waiting, else after a second. When
//! anything fails the writer is opened again at the last commit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tillsight_schemas::error::chain;
use tillsight_schemas::metric;
use tillsight_schemas::port::{EventSource, LogRecord, PortError, Positions};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::document::WholeAlert;
use super::index::{Owner, rebuild_is_asked_for};
use super::writer::Writer;
use super::{SearchError, index::Progress};
use crate::db::Db;

/// How often the database is asked for changed alerts.
const LOOK: Duration = Duration::from_millis(150);
/// The longest a receipt waits for a commit.
const COMMIT: Duration = Duration::from_millis(800);
/// Records that are read, and written, at once.
const BATCH: usize = 1000;
/// Batches that wait for the writer; the reader of the log waits when there are as many.
const QUEUE: usize = 2;
/// Alerts that are read at once.
const ALERTS: u32 = 200;
/// How long it waits for records, and before it tries again.
const WAIT: Duration = Duration::from_millis(250);
const AGAIN: Duration = Duration::from_secs(2);

/// Opens a reader of `lp.pos.transaction.v1`.
pub type OpenLog = Arc<dyn Fn() -> Result<Box<dyn EventSource>, PortError> + Send + Sync>;

/// Keeps the index up.
pub struct Follower {
    owner: Owner,
    db: Db,
    open: OpenLog,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("owner", &self.owner).finish_non_exhaustive()
    }
}

/// What the reader of the log tells the writer.
enum News {
    /// The log is open; it ends here.
    Ends(Positions),
    /// Records, in order.
    Records(Vec<LogRecord>),
}

/// Why the writer stopped.
#[derive(Debug, PartialEq, Eq)]
enum Stopped {
    Asked,
    Rebuild,
}

/// What the tasks and the writer of one stretch of work have in common.
struct Work {
    writer: Writer,
    ends: Option<Positions>,
    alerts_done: bool,
}

impl Follower {
    /// Follows this log and database.
    pub fn new(owner: Owner, db: Db, open: OpenLog) -> Self {
        Self { owner, db, open }
    }

    /// Works until `stop`, then commits what is waiting.
    pub async fn run(self, stop: CancellationToken) {
        let mut rebuild = false;
        while !stop.is_cancelled() {
            match self.follow(&mut rebuild, &stop).await {
                Ok(Stopped::Asked) => return,
                Ok(Stopped::Rebuild) => rebuild = true,
                Err(error) => {
                    tracing::error!(error = %chain(&error), "the search index is opened again");
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(AGAIN) => {}
                    }
                }
            }
        }
    }

    async fn follow(&self, rebuild: &mut bool, stop: &CancellationToken) -> Result<Stopped, SearchError> {
        let search = self.owner.search.clone();
        let mut writer = blocking(move || Writer::open(&search)).await?;
        if *rebuild {
            tracing::warn!("the search index is built anew, as was asked for");
            metrics::counter!(metric::SEARCH_REBUILDS, "why" => "asked").increment(1);
            writer = blocking(move || writer.clear().map(|()| writer)).await?;
            self.owner.request_is_done()?;
            *rebuild = false;
        }
        self.owner.search.complete.store(false, Ordering::Release);
        let last = self.db.last_change().await.map_err(|error| SearchError::Source(error.into()))?;
        if writer.progress().change > last {
            tracing::warn!("the database is older than the search index: all alerts are read again");
            writer.rewind_alerts(0);
        }
        let (sender, mut news) = mpsc::channel(QUEUE);
        let mut tasks = JoinSet::new();
        tasks.spawn(read_log(Arc::clone(&self.open), writer.progress().positions(), sender));
        let mut work = Work { writer, ends: None, alerts_done: false };
        let mut committed = Instant::now();
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => {
                    blocking(move || if work.writer.is_dirty() { work.writer.commit() } else { Ok(()) }).await?;
                    tasks.shutdown().await;
                    return Ok(Stopped::Asked);
                }
                _ = look.tick() => {
                    if rebuild_is_asked_for(&self.owner.data)? {
                        tasks.shutdown().await;
                        return Ok(Stopped::Rebuild);
                    }
                    let alerts = self.alerts(work.writer.progress().change).await?;
                    work.alerts_done = alerts.len() < usize::try_from(ALERTS).unwrap_or(usize::MAX);
                    let due = !alerts.is_empty() || (work.writer.is_dirty() && committed.elapsed() >= COMMIT);
                    if due {
                        work = blocking(move || {
                            work.writer.alerts(&alerts)?;
                            work.writer.commit().map(|()| work)
                        })
                        .await?;
                        committed = Instant::now();
                    }
                    self.judge_completeness(&work);
                }
                told = news.recv() => match told {
                    Some(News::Ends(ends)) => work.ends = Some(ends),
                    Some(News::Records(records)) => {
                        work = blocking(move || work.writer.receipts(&records).map(|()| work)).await?;
                    }
                    // The reader never ends before us, except by a panic.
                    None => return Err(SearchError::Source("the reader of the log has ended".into())),
                },
            }
        }
    }

    /// Alerts that changed after a change, with all that is said about them.
    async fn alerts(&self, change: i64) -> Result<Vec<WholeAlert>, SearchError> {
        let read = async {
            let mut alerts = Vec::new();
            for row in self.db.alerts_since(change, ALERTS).await? {
                let events = self.db.alert_events(row.alert.alert_id).await?;
                let reviews = match row.reviewed_by {
                    Some(_) => self.db.reviews(row.alert.alert_id).await?,
                    None => Vec::new(),
                };
                let notes = reviews.into_iter().filter_map(|review| review.note).collect();
                alerts.push(WholeAlert { row, events, notes });
            }
            Ok::<_, crate::db::DbError>(alerts)
        };
        read.await.map_err(|error| SearchError::Source(error.into()))
    }

    /// Complete is: everything that was there when the log was opened lies in a commit, and no alert is waiting.
    fn judge_completeness(&self, work: &Work) {
        let complete = &self.owner.search.complete;
        if complete.load(Ordering::Acquire) || work.writer.is_dirty() || !work.alerts_done {
            return;
        }
        let Some(ends) = &work.ends else { return };
        if reached(work.writer.progress(), ends) {
            complete.store(true, Ordering::Release);
            tracing::info!(documents = self.owner.search.documents(), "search is up with log and database");
        }
    }
}

fn reached(progress: &Progress, ends: &Positions) -> bool {
    let positions = progress.positions();
    ends.iter().all(|(partition, end)| *end == 0 || positions.get(partition).is_some_and(|next| next >= end))
}

/// Does work that waits for the disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SearchError> + Send + 'static,
) -> Result<T, SearchError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| SearchError::Source(error.into()))?
}

/// Reads the log on and on; returns only when nobody listens any more.
async fn read_log(open: OpenLog, mut positions: Positions, news: mpsc::Sender<News>) {
    loop {
        match read_from(&open, &mut positions, &news).await {
            Ok(()) => return,
            Err(error) => tracing::warn!(error = %chain(&*error), "search reads the log again in two seconds"),
        }
        tokio::select! {
            () = news.closed() => return,
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

async fn read_from(open: &OpenLog, positions: &mut Positions, news: &mpsc::Sender<News>) -> Result<(), PortError> {
    let mut source = open()?;
    let mut ends = BTreeMap::new();
    let mut start = Positions::new();
    for (partition, bounds) in source.bounds().await? {
        let wanted = positions.get(&partition).copied();
        let from = match wanted {
            Some(next) if bounds.start <= next && next <= bounds.end => next,
            Some(next) if next > bounds.end => {
                tracing::warn!(%partition, next, end = bounds.end, "the log is shorter than the search index: it is read again");
                bounds.start
            }
            Some(next) => {
                tracing::error!(%partition, next, start = bounds.start, "receipts have left the log before search read them");
                bounds.start
            }
            None => bounds.start,
        };
        // What lies before the start of the log cannot be waited for.
        let end = if from == bounds.end { 0 } else { bounds.end };
        ends.insert(partition.clone(), end);
        start.insert(partition, from);
    }
    source.seek(&start).await?;
    *positions = start;
    if news.send(News::Ends(ends)).await.is_err() {
        return Ok(());
    }
    loop {
        let records = tokio::select! {
            () = news.closed() => return Ok(()),
            records = source.poll(BATCH, WAIT) => records?,
        };
        if records.is_empty() {
            continue;
        }
        for record in &records {
            positions.insert(record.partition.clone(), record.offset + 1);
        }
        if news.send(News::Records(records)).await.is_err() {
            return Ok(());
        }
    }
}
