//! [`WindowReader`]: what a topic says about a span of time, for somebody who looks at one event.
//!
//! It reads from the first record that was logged in the span to the first one logged beyond it, at most so many and for
//! at most so long, and says when that was not all. [`WindowReader::before`] pages through a topic from its end. Clients
//! are kept and used again: a new one takes longer to connect than a minute of records to read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use tillsight_schemas::port::LogRecord;

use super::Connection;
use super::reader::owned;
use crate::{Error, Result};

/// Clients that are kept.
const KEPT: usize = 4;

/// What to read.
#[derive(Debug, Clone)]
pub struct WindowQuery {
    /// The topic.
    pub topic: String,
    /// Only the partition that holds this key, and only records with this key; all when absent.
    pub key: Option<String>,
    /// Records that were logged at this instant or later.
    pub from: DateTime<Utc>,
    /// Records that were logged before this instant; to the end of the log when absent.
    pub to: Option<DateTime<Utc>>,
    /// At most so many.
    pub rows: usize,
    /// For at most so long.
    pub patience: Duration,
}

/// What was read.
#[derive(Debug, Clone, Default)]
pub struct Window {
    /// The records, in the order of each partition.
    pub records: Vec<LogRecord>,
    /// Whether these are all of them.
    pub whole: bool,
}

/// Reads spans of topics.
#[derive(Clone)]
pub struct WindowReader {
    connection: Connection,
    idle: Arc<Mutex<Vec<BaseConsumer>>>,
}

impl std::fmt::Debug for WindowReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WindowReader").field("bootstrap", &self.connection.bootstrap).finish_non_exhaustive()
    }
}

impl WindowReader {
    /// Reads from a cluster; connects when it is first asked.
    pub fn new(connection: &Connection) -> Self {
        Self { connection: connection.clone(), idle: Arc::default() }
    }

    /// What a topic says about a span.
    ///
    /// # Errors
    /// [`Error::Broker`] when the cluster does not answer within the patience of the query.
    pub async fn read(&self, query: WindowQuery) -> Result<Window> {
        let attempt = format!("read {}", query.topic);
        let deadline = Instant::now() + query.patience;
        self.ask(attempt, move |reader, consumer| reader.window(consumer, &query, deadline)).await
    }

    /// The last records of a topic with one partition that stand before an offset (its end when absent), at most `rows` of
    /// them, oldest first. It is whole when nothing stands before them.
    ///
    /// # Errors
    /// [`Error::Broker`] when the cluster does not answer within `patience`.
    pub async fn before(&self, topic: String, offset: Option<i64>, rows: i64, patience: Duration) -> Result<Window> {
        let attempt = format!("read the end of {topic}");
        let deadline = Instant::now() + patience;
        self.ask(attempt, move |reader, consumer| reader.last(consumer, &topic, offset, rows, deadline)).await
    }

    async fn ask(
        &self,
        attempt: String,
        question: impl FnOnce(&Self, &BaseConsumer) -> Result<Window> + Send + 'static,
    ) -> Result<Window> {
        let reader = self.clone();
        let asked = move || {
            let kept = reader.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let consumer = match kept {
                Some(consumer) => consumer,
                None => reader.client()?,
            };
            let window = question(&reader, &consumer)?;
            // Only a client that worked is kept.
            if consumer.unassign().is_ok() {
                let mut idle = reader.idle.lock().unwrap_or_else(PoisonError::into_inner);
                if idle.len() < KEPT {
                    idle.push(consumer);
                }
            }
            Ok(window)
        };
        match tokio::task::spawn_blocking(asked).await {
            Ok(window) => window,
            Err(_) => Err(self.connection.failed(attempt)(KafkaError::Canceled)),
        }
    }

    fn last(
        &self,
        consumer: &BaseConsumer,
        topic: &str,
        before: Option<i64>,
        rows: i64,
        deadline: Instant,
    ) -> Result<Window> {
        let failed = || self.connection.failed(format!("read the end of {topic}"));
        let left = || deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let (first, end) = consumer.fetch_watermarks(topic, 0, left()).map_err(failed())?;
        let end = before.map_or(end, |before| before.min(end));
        let start = (end - rows).max(first);
        let mut records = Vec::new();
        if start >= end {
            return Ok(Window { records, whole: true });
        }
        let mut assigned = TopicPartitionList::new();
        assigned.add_partition_offset(topic, 0, Offset::Offset(start)).map_err(failed())?;
        consumer.assign(&assigned).map_err(failed())?;
        loop {
            if Instant::now() >= deadline {
                // A page with a hole would hide records for good.
                return Err(failed()(KafkaError::Canceled));
            }
            match consumer.poll(Duration::from_millis(50)) {
                Some(Ok(message)) if message.offset() < end => {
                    records.push(owned(&message));
                    if message.offset() + 1 >= end {
                        break;
                    }
                }
                Some(Ok(_) | Err(KafkaError::PartitionEOF(_))) => break,
                Some(Err(error)) if !passing(&error) => return Err(failed()(error)),
                _ => {}
            }
        }
        Ok(Window { records, whole: start == first })
    }

    fn client(&self) -> Result<BaseConsumer> {
        const NAME: &str = "tillsight-window";
        self.connection
            .client(NAME)?
            .set("group.id", NAME)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            .set("fetch.wait.max.ms", "20")
            .set("queued.max.messages.kbytes", "16384")
            .create()
            .map_err(|source| Error::Client { client: NAME.to_owned(), source })
    }

    fn window(&self, consumer: &BaseConsumer, query: &WindowQuery, deadline: Instant) -> Result<Window> {
        let failed = || self.connection.failed(format!("read {}", query.topic));
        let left = || deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let metadata = consumer.fetch_metadata(Some(&query.topic), left()).map_err(failed())?;
        let partitions: Vec<i32> =
            metadata.topics().iter().flat_map(|topic| topic.partitions()).map(|partition| partition.id()).collect();
        let chosen = query.key.as_ref().and_then(|key| partition_of(key.as_bytes(), partitions.len()));
        let mut times = TopicPartitionList::new();
        for partition in partitions.iter().filter(|partition| chosen.is_none_or(|chosen| chosen == **partition)) {
            let at = Offset::Offset(query.from.timestamp_millis());
            times.add_partition_offset(&query.topic, *partition, at).map_err(failed())?;
        }
        let found = consumer.offsets_for_times(times, left()).map_err(failed())?;
        let mut ends = BTreeMap::new();
        let mut starts = TopicPartitionList::new();
        for start in found.elements() {
            // Without a record at or after the instant there is no offset.
            let Offset::Offset(first) = start.offset() else { continue };
            let (_, end) = consumer.fetch_watermarks(&query.topic, start.partition(), left()).map_err(failed())?;
            if first < end {
                starts.add_partition_offset(&query.topic, start.partition(), start.offset()).map_err(failed())?;
                ends.insert(start.partition(), end);
            }
        }
        if ends.is_empty() {
            return Ok(Window { records: Vec::new(), whole: true });
        }
        consumer.assign(&starts).map_err(failed())?;
        let mut records = Vec::new();
        while !ends.is_empty() {
            if records.len() >= query.rows || Instant::now() >= deadline {
                return Ok(Window { records, whole: false });
            }
            match consumer.poll(Duration::from_millis(50)) {
                None => {}
                Some(Ok(message)) => {
                    let Some(end) = ends.get(&message.partition()).copied() else { continue };
                    let record = owned(&message);
                    let beyond = query.to.is_some_and(|to| record.logged_at >= to);
                    if beyond || message.offset() + 1 >= end {
                        ends.remove(&message.partition());
                    }
                    let asked = query.key.as_ref().is_none_or(|key| message.key() == Some(key.as_bytes()));
                    if !beyond && asked {
                        records.push(record);
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    ends.remove(&partition);
                }
                Some(Err(error)) if passing(&error) => {}
                Some(Err(error)) => return Err(failed()(error)),
            }
        }
        Ok(Window { records, whole: true })
    }
}

/// Whether the client goes on by itself after this error; the deadline ends it.
fn passing(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::BrokerTransportFailure | Code::AllBrokersDown | Code::OperationTimedOut | Code::NotLeaderForPartition
        )
    )
}

/// The partition on which every producer of the house puts a key (`murmur2_random`, the partitioner of Kafka's Java
/// client); none when there are no partitions.
fn partition_of(key: &[u8], partitions: usize) -> Option<i32> {
    let positive = murmur2(key) & 0x7fff_ffff;
    let partitions = u32::try_from(partitions).ok()?;
    i32::try_from(positive.checked_rem(partitions)?).ok()
}

/// `MurmurHash2` (Austin Appleby, public domain) in 32 bits with Kafka's seed.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut hash = 0x9747_b28c ^ length;
    let (words, rest) = data.as_chunks::<4>();
    for word in words {
        let mut word = u32::from_le_bytes(*word).wrapping_mul(M);
        word ^= word >> 24;
        hash = hash.wrapping_mul(M) ^ word.wrapping_mul(M);
    }
    for (index, byte) in rest.iter().enumerate() {
        hash ^= u32::from(*byte) << (8 * index);
    }
    if !rest.is_empty() {
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_hash_as_in_kafkas_java_client() {
        let signed = |key: &str| murmur2(key.as_bytes()).cast_signed();
        assert_eq!(signed("21"), -973_932_308);
        assert_eq!(signed("foobar"), -790_332_482);
        assert_eq!(signed("abc"), 479_470_107);
        assert_eq!(signed("a-little-bit-long-string"), -985_981_536);
        assert_eq!(partition_of(b"demo/17", 0), None);
    }

    #[tokio::test]
    async fn a_broker_that_is_away_is_an_error_within_the_patience() {
        let reader = WindowReader::new(&Connection::local(1));
        let query = WindowQuery {
            topic: "lp.cam.presence.v1".into(),
            key: None,
            from: DateTime::UNIX_EPOCH,
            to: None,
            rows: 10,
            patience: Duration::from_millis(300),
        };
        assert!(matches!(reader.read(query).await, Err(Error::Broker { .. })));
    }
}
