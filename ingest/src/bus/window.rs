//! [`WindowReader`]: what a topic says about a span of time, for somebody who looks at one event.
//!
//! It reads from the first record that was logged in the span to the first one logged beyond it, at most so many and for
//! at most so long, and says when that was not all. Clients are kept and used again: a new one takes longer to connect
//! than a minute of records to read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use tillsight_schemas::port::{LogRecord, Partition};

use super::Connection;
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
        let reader = self.clone();
        let attempt = format!("read {}", query.topic);
        match tokio::task::spawn_blocking(move || reader.read_blocking(&query)).await {
            Ok(window) => window,
            Err(_) => Err(self.connection.failed(attempt)(KafkaError::Canceled)),
        }
    }

    fn read_blocking(&self, query: &WindowQuery) -> Result<Window> {
        let deadline = Instant::now() + query.patience;
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let consumer = match kept {
            Some(consumer) => consumer,
            None => self.client()?,
        };
        let window = self.window(&consumer, query, deadline)?;
        // Only a client that worked is kept.
        if consumer.unassign().is_ok() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < KEPT {
                idle.push(consumer);
            }
        }
        Ok(window)
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
                    let millis = message.timestamp().to_millis();
                    let logged_at = millis.and_then(DateTime::from_timestamp_millis).unwrap_or(DateTime::UNIX_EPOCH);
                    let beyond = query.to.is_some_and(|to| logged_at >= to);
                    if beyond || message.offset() + 1 >= end {
                        ends.remove(&message.partition());
                    }
                    let asked = query.key.as_ref().is_none_or(|key| message.key() == Some(key.as_bytes()));
                    if !beyond && asked {
                        records.push(LogRecord {
                            partition: Partition::new(message.topic(), message.partition()),
                            offset: message.offset(),
                            logged_at,
                            key: message.key().map(Bytes::copy_from_slice),
                            value: message.payload().map(Bytes::copy_from_slice),
                        });
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
