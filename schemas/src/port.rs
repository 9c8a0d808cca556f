//! The ports: traits through which the middle crates meet in `api` without importing each other.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::alert::Alert;
use crate::judgement::{Judgement, Outcome};

/// What goes wrong behind a port: a sentence, with its cause.
pub type PortError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// The topic.
    pub topic: String,
    /// Its number.
    pub number: i32,
}

impl Partition {
    /// Names a partition.
    pub fn new(topic: impl Into<String>, number: i32) -> Self {
        Self { topic: topic.into(), number }
    }
}

impl std::fmt::Display for Partition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.topic, self.number)
    }
}

/// One record of a log.
#[derive(Debug, Clone)]
pub struct LogRecord {
    /// Where it stands.
    pub partition: Partition,
    /// At which offset.
    pub offset: i64,
    /// When the broker or the producer stamped it.
    pub logged_at: DateTime<Utc>,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// The headers that a reader of ours acts on ([`crate::topic::READ_HEADERS`]); others are not read.
    pub headers: Vec<(&'static str, Bytes)>,
}

impl LogRecord {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(header, _)| *header == name)?;
        std::str::from_utf8(value).ok()
    }
}

/// A position per partition: the offset of the next record to read.
pub type Positions = BTreeMap<Partition, i64>;

/// Reads a log (Kafka, a file, memory) from given positions on.
#[async_trait]
pub trait EventSource: Send + Sync {
    /// The partitions of the topics it was opened for, each with the first offset that still exists and the offset
    /// after the last record.
    async fn bounds(&mut self) -> Result<BTreeMap<Partition, std::ops::Range<i64>>, PortError>;

    /// Goes to these positions; partitions that are not named are not read.
    async fn seek(&mut self, positions: &Positions) -> Result<(), PortError>;

    /// Waits at most `wait` for records and returns up to `limit` of them, in offset order per partition.
    async fn poll(&mut self, limit: usize, wait: std::time::Duration) -> Result<Vec<LogRecord>, PortError>;
}

/// Remembers which POS records were accepted, and how far each landing partition was read, in one transaction.
#[async_trait]
pub trait PosLedger: Send + Sync {
    /// Takes over a landing partition: raises its fence, so that an earlier holder can commit nothing more, and
    /// returns the fence and the offset of the next record to read (`None`: never read).
    async fn claim(&self, partition: &Partition) -> Result<Claim, PortError>;

    /// The payload hashes under which these identities were accepted, per (event id, revision).
    async fn known(&self, ids: &[Uuid]) -> Result<BTreeMap<(Uuid, i32), String>, PortError>;

    /// Records accepted identities and the next offsets; all or nothing.
    ///
    /// # Errors
    /// [`Fenced`] when another worker has claimed one of the partitions since.
    async fn commit(&self, accepted: &[Accepted], next: &[(Partition, Claim)]) -> Result<(), PortError>;
}

/// The right to read a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Rises with each claim.
    pub fence: i64,
    /// The offset of the next record to read.
    pub next_offset: Option<i64>,
}

/// An accepted POS record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its identity.
    pub event_id: Uuid,
    /// Its revision.
    pub revision: i32,
    /// The hash of its content.
    pub payload_sha256: String,
}

/// Another worker has taken over a partition; this one must stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("another worker has taken over {0}")]
pub struct Fenced(pub Partition);

/// Where the rule engine commits: what was judged, what is to be told and how far it has read, in one transaction.
#[async_trait]
pub trait EpochStore: Send + Sync {
    /// Takes over a partition of the engine: raises its fence, so that an earlier holder can commit nothing more.
    async fn take(&self, partition: &Partition) -> Result<Tenure, PortError>;

    /// What is known about these judgements.
    async fn known(&self, ids: &[Uuid]) -> Result<BTreeMap<Uuid, KnownJudgement>, PortError>;

    /// Commits an epoch; all or nothing.
    ///
    /// # Errors
    /// [`Fenced`] when another worker has taken over the partition since.
    async fn commit_epoch(&self, epoch: &Epoch) -> Result<(), PortError>;
}

/// The right to work on a partition of the engine, and what the last holder left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenure {
    /// Rises with each taking over.
    pub fence: i64,
    /// The last checkpoint, as the engine wrote it.
    pub checkpoint: Option<String>,
}

/// What the store knows about a judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownJudgement {
    /// Its last revision.
    pub revision: i32,
    /// What came out then.
    pub outcome: Outcome,
    /// Which condition decided.
    pub why: String,
    /// Whether it was provisional.
    pub provisional: bool,
    /// The last revision and content hash of its alert, if it ever fired.
    pub alert: Option<(i32, String)>,
}

/// What becomes true at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// The partition of the engine.
    pub partition: Partition,
    /// The fence under which it is held.
    pub fence: i64,
    /// The engine's own note of how far it is.
    pub checkpoint: String,
    /// New and changed judgements.
    pub judged: Vec<Judged>,
    /// What the world is to be told, in order.
    pub outgoing: Vec<Outgoing>,
}

/// A judgement, and its alert where there is or was one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The judgement.
    pub judgement: Judgement,
    /// Its alert: new, amended or retracted.
    pub alert: Option<Alert>,
    /// The transactions of the alert, or the anchor of a judgement that could not see: event id and the record as JSON.
    pub events: Vec<(Uuid, String)>,
    /// Whether the rule is on trial there: its alert is kept, sends nothing and holds no video.
    pub shadow: bool,
}

/// A record that must reach the log, later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The topic.
    pub topic: String,
    /// The key.
    pub key: String,
    /// The value.
    pub value: Bytes,
}

/// Records that were committed and must reach the log.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// The oldest ones, in order, each with its number.
    async fn waiting(&self, limit: u32) -> Result<Vec<(i64, Outgoing)>, PortError>;

    /// They have reached the log, all up to this number.
    async fn delivered(&self, up_to: i64) -> Result<(), PortError>;
}
