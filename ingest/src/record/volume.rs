//! [`Volume`]: a folder on a disk where recordings lie, and the thread that alone writes to it.
//!
//! Every stream's items come through one bounded queue; the thread cuts them into fragments, writes them, and makes
//! them durable for all streams together (group commit): sync the files, then one transaction of the index. When the
//! disk is slow the queue fills and the readers wait: nothing is dropped here.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tillsight_schemas::metric;
use tillsight_schemas::segment::GapReason;
use tokio::sync::{mpsc, oneshot};

use super::error::{Error, Result, disk};
use super::index::Index;
use super::rows::Change;
use super::stream::StreamWriter;
use crate::rtsp::Item;

/// The file that marks a folder as a volume and holds its id, so that an unmounted disk is not written to.
pub const MARK: &str = "tillsight-volume";
const LOCK: &str = "recorder.lock";

/// What the thread is told.
#[derive(Debug)]
pub(crate) enum Message {
    /// An item of a stream.
    Item(i64, Item),
    /// A stream is recorded from now on.
    Add(i64, Box<StreamWriter>),
    /// A stream is no longer recorded, for this reason.
    Remove(i64, GapReason, oneshot::Sender<()>),
    /// Time has passed.
    Tick,
    /// Make everything durable now.
    Sync(oneshot::Sender<()>),
    /// Close everything and end.
    Stop(oneshot::Sender<()>),
}

/// A folder that this process alone writes to.
#[derive(Debug)]
pub struct Volume {
    /// Where it is.
    pub path: PathBuf,
    /// Its id.
    pub id: uuid::Uuid,
    _lock: File,
}

impl Volume {
    /// Takes a folder as a volume; marks it if it is empty.
    ///
    /// # Errors
    /// [`Error::Volume`] when another process records to it, or when it holds recordings but no mark (the folder
    /// of a disk that is not mounted looks empty; recordings without a mark are not ours). [`Error::Disk`].
    pub fn open(path: &Path) -> Result<Self> {
        std::fs::create_dir_all(path).map_err(disk("create", path))?;
        let lock_path = path.join(LOCK);
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock_path)
            .map_err(disk("open", &lock_path))?;
        if lock.try_lock().is_err() {
            return Err(Error::Volume { path: path.to_owned(), what: "is in use by another recorder" });
        }
        let mark = path.join(MARK);
        let id = if mark.try_exists().map_err(disk("look for", &mark))? {
            let mut text = String::new();
            File::open(&mark).and_then(|mut file| file.read_to_string(&mut text)).map_err(disk("read", &mark))?;
            text.trim()
                .parse()
                .map_err(|_| Error::Volume { path: path.to_owned(), what: "has a mark that cannot be read" })?
        } else {
            if path.join(super::index::FILE).try_exists().map_err(disk("look into", path))? {
                return Err(Error::Volume { path: path.to_owned(), what: "holds an index but no mark" });
            }
            let id = uuid::Uuid::new_v4();
            let mut file = File::create(&mark).map_err(disk("create", &mark))?;
            file.write_all(format!("{id}\n").as_bytes()).map_err(disk("write", &mark))?;
            file.sync_all().map_err(disk("sync", &mark))?;
            super::segment::sync_folder(path)?;
            id
        };
        Ok(Self { path: path.to_owned(), id, _lock: lock })
    }
}

/// Changes of the index, each with the number of its stream.
type Changes = Vec<(i64, Change)>;

/// A group commit on its way to the index.
#[derive(Debug)]
pub(crate) struct Commit {
    changes: Changes,
    done: oneshot::Sender<(Changes, Result<()>)>,
}

/// Writes group commits to the index, one after the other, until the thread ends.
pub(crate) async fn write_index(index: Index, mut commits: mpsc::Receiver<Commit>) {
    while let Some(Commit { changes, done }) = commits.recv().await {
        let outcome = index.commit(&changes).await;
        if done.send((changes, outcome)).is_err() {
            tracing::debug!("nobody waits for the index any more");
        }
    }
}

/// The state of the thread.
pub(crate) struct Worker {
    /// The task that writes the index.
    pub(crate) commits: mpsc::Sender<Commit>,
    pub(crate) sync_every: Duration,
    pub(crate) name: String,
    pub(crate) streams: BTreeMap<i64, StreamWriter>,
    /// What the index has still to learn; it stays here when the index refuses.
    pub(crate) changes: Changes,
}

impl Worker {
    /// Runs until it is stopped or every sender is gone.
    pub(crate) fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut synced = Instant::now();
        let mut stopped = None;
        while let Some(message) = queue.blocking_recv() {
            match message {
                Message::Item(stream, item) => {
                    if let Some(writer) = self.streams.get_mut(&stream) {
                        writer.handle(item);
                    }
                }
                Message::Add(stream, writer) => {
                    self.streams.insert(stream, *writer);
                }
                Message::Remove(stream, reason, done) => {
                    if let Some(mut writer) = self.streams.remove(&stream) {
                        writer.finish(reason);
                        self.changes.extend(writer.sync().into_iter().map(|change| (stream, change)));
                    }
                    self.sync();
                    answer(done);
                }
                Message::Tick => {
                    #[expect(clippy::cast_precision_loss, reason = "a metric")]
                    metrics::gauge!(metric::RECORD_QUEUE, "volume" => self.name.clone()).set(queue.len() as f64);
                    for writer in self.streams.values_mut() {
                        writer.tick();
                    }
                    // A new file is made known at once, so that other processes can read it.
                    if synced.elapsed() >= self.sync_every || self.streams.values().any(StreamWriter::has_fresh_segment)
                    {
                        self.sync();
                        synced = Instant::now();
                    }
                }
                Message::Sync(done) => {
                    self.sync();
                    synced = Instant::now();
                    answer(done);
                }
                Message::Stop(done) => {
                    stopped = Some(done);
                    break;
                }
            }
        }
        for writer in self.streams.values_mut() {
            writer.finish(GapReason::Stopped);
        }
        self.sync();
        if let Some(done) = stopped {
            answer(done);
        }
    }

    /// The group commit: files first, then the index.
    fn sync(&mut self) {
        let begun = Instant::now();
        for (stream, writer) in &mut self.streams {
            let stream = *stream;
            self.changes.extend(writer.sync().into_iter().map(|change| (stream, change)));
        }
        if self.changes.is_empty() {
            return;
        }
        match self.commit() {
            Ok(()) => self.changes.clear(),
            Err(error) => {
                metrics::counter!(metric::RECORD_DISK_ERRORS, "volume" => self.name.clone()).increment(1);
                let waiting = self.changes.len();
                let error = tillsight_schemas::error::chain(&error);
                tracing::error!(volume = %self.name, %error, waiting, "the index refused a group commit");
                self.fold();
            }
        }
        metrics::histogram!(metric::RECORD_SYNC_SECONDS).record(begun.elapsed().as_secs_f64());
    }

    /// Hands the changes to the task of the index and waits; they come back when it fails.
    fn commit(&mut self) -> Result<()> {
        let (done, wait) = oneshot::channel();
        let commit = Commit { changes: std::mem::take(&mut self.changes), done };
        if let Err(mpsc::error::SendError(commit)) = self.commits.blocking_send(commit) {
            self.changes = commit.changes;
            return Err(Error::Stopped);
        }
        let (changes, outcome) = wait.blocking_recv().map_err(|_| Error::Stopped)?;
        if outcome.is_err() {
            self.changes = changes;
        }
        outcome
    }

    /// Keeps only the last change of each row, so that a dead index costs bounded memory.
    fn fold(&mut self) {
        let mut last = BTreeMap::new();
        for (at, (stream, change)) in self.changes.iter().enumerate() {
            let key = match change {
                Change::Segment(row) => (*stream, 0, row.run, row.seq),
                Change::Gap(row) => (*stream, 1, row.run, row.seq),
                Change::NoGap(run, seq) => (*stream, 1, *run, *seq),
                Change::Piece(run, piece) => (*stream, 2, *run, i64::from(piece.version)),
            };
            last.insert(key, at);
        }
        let keep: std::collections::BTreeSet<usize> = last.into_values().collect();
        let mut at = 0;
        self.changes.retain(|_| {
            at += 1;
            keep.contains(&(at - 1))
        });
    }
}

fn answer(done: oneshot::Sender<()>) {
    if done.send(()).is_err() {
        tracing::debug!("nobody waits for the disk any more");
    }
}
