//! [`Recorder`]: takes streams in and keeps them on one volume.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tillsight_schemas::Clock;
use tillsight_schemas::segment::{GapReason, StreamKey};
use tillsight_schemas::time_map::TICKS_PER_SECOND;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::error::{Error, Result};
use super::index::Index;
use super::recover::{Recovery, recover_stream};
use super::stream::{Cut, StreamWriter};
use super::volume::{Message, Volume, Worker, write_index};
use crate::rtsp::Item;

/// How a recorder works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecorderConfig {
    /// The folder to record to; everything in it belongs to the recorder.
    pub volume: PathBuf,
    /// The usual length of a segment; it is closed on the first key frame after it.
    pub segment: Duration,
    /// The longest fragment; a fragment also ends before each key frame.
    pub fragment: Duration,
    /// How often everything that was written is made durable: what a power cut can cost, beside one fragment.
    pub sync_every: Duration,
    /// How many items may wait for the disk before the readers of cameras have to wait.
    pub queue: usize,
}

impl RecorderConfig {
    /// The default settings for a folder: segments of 60 s, fragments of 1 s, durable every 2 s.
    pub fn new(volume: impl Into<PathBuf>) -> Self {
        Self {
            volume: volume.into(),
            segment: Duration::from_secs(60),
            fragment: Duration::from_secs(1),
            sync_every: Duration::from_secs(2),
            queue: 1_024,
        }
    }
}

/// Records streams on one volume.
#[derive(Debug)]
pub struct Recorder {
    config: RecorderConfig,
    volume: Volume,
    index: Index,
    clock: Arc<dyn Clock>,
    queue: mpsc::Sender<Message>,
    streams: Mutex<BTreeSet<StreamKey>>,
    thread: Option<std::thread::JoinHandle<()>>,
    ticker: tokio::task::AbortHandle,
    tasks: JoinSet<()>,
}

/// Where the items of one stream go.
#[derive(Debug, Clone)]
pub struct StreamSink {
    stream: i64,
    run_floor: i64,
    queue: mpsc::Sender<Message>,
}

impl StreamSink {
    /// Hands over an item; waits while the queue is full. Nothing is dropped.
    ///
    /// # Errors
    /// [`Error::Stopped`] when the recorder has been closed.
    pub async fn send(&self, item: Item) -> Result<()> {
        self.queue.send(Message::Item(self.stream, item)).await.map_err(|_| Error::Stopped)
    }

    /// The number of the stream's next run must be at least this.
    pub fn run_floor(&self) -> i64 {
        self.run_floor
    }
}

impl Recorder {
    /// Opens a volume: locks it, opens or makes its index, starts the thread that writes.
    ///
    /// # Errors
    /// [`Error::Volume`], [`Error::Disk`], [`Error::Index`].
    pub async fn open(config: RecorderConfig, clock: Arc<dyn Clock>) -> Result<Self> {
        let volume = Volume::open(&config.volume)?;
        let index = Index::open(&config.volume).await?;
        let (queue, receiver) = mpsc::channel(config.queue.max(16));
        let (commits, to_write) = mpsc::channel(1);
        let worker = Worker {
            commits,
            sync_every: config.sync_every,
            name: config.volume.display().to_string(),
            streams: std::collections::BTreeMap::new(),
            changes: Vec::new(),
        };
        let thread = std::thread::Builder::new()
            .name("record-disk".to_owned())
            .spawn(move || worker.run(receiver))
            .map_err(|source| Error::Disk { action: "start the thread of", path: config.volume.clone(), source })?;
        let mut tasks = JoinSet::new();
        let clockwork = queue.downgrade();
        let beat = (config.sync_every / 8).clamp(Duration::from_millis(20), Duration::from_millis(250));
        tasks.spawn(write_index(index.clone(), to_write));
        let ticker = tasks.spawn(async move {
            let mut interval = tokio::time::interval(beat);
            interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                interval.tick().await;
                let Some(queue) = clockwork.upgrade() else { return };
                if queue.send(Message::Tick).await.is_err() {
                    return;
                }
            }
        });
        Ok(Self { config, volume, index, clock, queue, streams: Mutex::default(), thread: Some(thread), ticker, tasks })
    }

    /// Takes up a stream: recovers what a crash left of it, schedules it from now on if it is new, and returns where
    /// its items go.
    ///
    /// # Errors
    /// [`Error::StreamTaken`], [`Error::Disk`], [`Error::Index`], [`Error::Stopped`].
    pub async fn stream(&self, key: StreamKey) -> Result<(StreamSink, Recovery)> {
        if !self.streams.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone()) {
            return Err(Error::StreamTaken(key.to_string()));
        }
        let now_us = self.clock.now().timestamp_micros();
        let stream = self.index.schedule(&key, now_us).await?;
        let recovery = recover_stream(&self.index, &self.volume.path, &key, stream, false, now_us).await?;
        let end = self.index.resume_point(stream).await?;
        let writer = StreamWriter::new(key, self.volume.path.clone(), self.cut(), Arc::clone(&self.clock), end);
        let run_floor = writer.run_floor();
        self.queue.send(Message::Add(stream, Box::new(writer))).await.map_err(|_| Error::Stopped)?;
        Ok((StreamSink { stream, run_floor, queue: self.queue.clone() }, recovery))
    }

    /// Ends the schedule of a stream.
    ///
    /// # Errors
    /// [`Error::UnknownStream`], [`Error::Index`], [`Error::Stopped`].
    pub async fn remove(&self, key: &StreamKey) -> Result<()> {
        let stream = self.index.stream_id(key, false).await?.ok_or_else(|| super::index::unknown(key))?;
        let (done, wait) = oneshot::channel();
        self.queue.send(Message::Remove(stream, GapReason::Unscheduled, done)).await.map_err(|_| Error::Stopped)?;
        wait.await.map_err(|_| Error::Stopped)?;
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        self.index.unschedule(stream, self.clock.now().timestamp_micros()).await
    }

    /// The streams that are to be recorded at this moment, whether they were taken up or not.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn scheduled(&self) -> Result<Vec<StreamKey>> {
        let mut scheduled = Vec::new();
        for stream in self.index.streams().await? {
            if self.index.schedules(stream.id).await?.iter().any(|(_, to)| to.is_none()) {
                scheduled.push(stream.key);
            }
        }
        Ok(scheduled)
    }

    /// Waits until everything that was handed over before is cut as far as it can be, and durable.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub async fn sync(&self) -> Result<()> {
        let (done, wait) = oneshot::channel();
        self.queue.send(Message::Sync(done)).await.map_err(|_| Error::Stopped)?;
        wait.await.map_err(|_| Error::Stopped)
    }

    /// The index, for queries and retention.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The holds of the volume, of which automatic ones may keep `quota_bytes`.
    pub fn holds(&self, quota_bytes: u64) -> super::Holds {
        super::Holds::new(&self.volume.path, self.index.clone(), quota_bytes)
    }

    /// Retention on the volume.
    pub fn retention(&self, policy: super::RetentionPolicy) -> super::Retention {
        super::Retention::new(&self.volume.path, self.index.clone(), policy)
    }

    /// A reader of the volume.
    pub fn reader(&self) -> super::Reader {
        super::Reader::new(&self.volume.path, self.index.clone())
    }

    /// The folder.
    pub fn volume(&self) -> &Path {
        &self.volume.path
    }

    /// The id of the volume.
    pub fn volume_id(&self) -> uuid::Uuid {
        self.volume.id
    }

    /// Closes every segment in order, notes the gap that begins, and ends the thread.
    ///
    /// # Errors
    /// [`Error::Stopped`] when the thread is gone already.
    pub async fn close(mut self) -> Result<()> {
        self.ticker.abort();
        let (done, wait) = oneshot::channel();
        self.queue.send(Message::Stop(done)).await.map_err(|_| Error::Stopped)?;
        let closed = wait.await.map_err(|_| Error::Stopped);
        // The thread has answered, so it is at its end; joining it takes no time worth a thread of its own.
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            return Err(Error::Stopped);
        }
        while self.tasks.join_next().await.is_some() {}
        self.index.close().await;
        closed
    }

    fn cut(&self) -> Cut {
        let ticks = |length: Duration| {
            i64::try_from(length.as_millis()).unwrap_or(i64::MAX / TICKS_PER_SECOND).saturating_mul(TICKS_PER_SECOND)
                / 1_000
        };
        Cut { segment: ticks(self.config.segment), fragment: ticks(self.config.fragment) }
    }
}
