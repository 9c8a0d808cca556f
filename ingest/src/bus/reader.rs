//! [`TopicReader`]: reads topics from the positions its caller remembers. It never joins a consumer group: who reads
//! what is decided by the fence in the database, and where to start by what was committed there.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::DateTime;
use futures::FutureExt;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use tillsight_schemas::port::{EventSource, LogRecord, Partition, PortError, Positions};

use super::Connection;
use crate::{Error, Result};

/// How long the broker has to answer a question about a partition.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads some topics.
pub struct TopicReader {
    consumer: Arc<StreamConsumer>,
    connection: Connection,
    topics: Vec<String>,
}

impl std::fmt::Debug for TopicReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TopicReader").field("topics", &self.topics).finish_non_exhaustive()
    }
}

impl TopicReader {
    /// Makes a reader of `topics` that calls itself `name`; it reads nothing before [`EventSource::seek`].
    ///
    /// # Errors
    /// [`Error::Client`] or [`Error::Secret`] when the settings are wrong.
    pub fn new(connection: &Connection, name: &str, topics: Vec<String>) -> Result<Self> {
        let consumer = connection
            .client(name)?
            .set("group.id", name)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // A position that no longer exists must be noticed, not skipped.
            .set("auto.offset.reset", "error")
            .set("fetch.wait.max.ms", "100")
            .set("queued.max.messages.kbytes", "16384")
            .create()
            .map_err(|source| Error::Client { client: name.to_owned(), source })?;
        Ok(Self { consumer: Arc::new(consumer), connection: connection.clone(), topics })
    }

    fn bounds_blocking(
        consumer: &StreamConsumer,
        connection: &Connection,
        topics: &[String],
    ) -> Result<BTreeMap<Partition, Range<i64>>> {
        let mut bounds = BTreeMap::new();
        for topic in topics {
            let metadata = consumer
                .fetch_metadata(Some(topic), PATIENCE)
                .map_err(connection.failed(format!("describe {topic}")))?;
            for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
                let (first, next) = consumer
                    .fetch_watermarks(topic, partition.id(), PATIENCE)
                    .map_err(connection.failed(format!("find the ends of {topic}/{}", partition.id())))?;
                bounds.insert(Partition::new(topic.clone(), partition.id()), first..next);
            }
        }
        Ok(bounds)
    }
}

/// Whether the client goes on by itself after this error.
fn passing(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::BrokerTransportFailure
                | Code::AllBrokersDown
                | Code::OperationTimedOut
                | Code::Resolve
                | Code::LeaderNotAvailable
                | Code::NotLeaderForPartition
                | Code::CoordinatorNotAvailable
                | Code::CoordinatorLoadInProgress
        )
    )
}

fn owned(message: &BorrowedMessage<'_>) -> LogRecord {
    LogRecord {
        partition: Partition::new(message.topic(), message.partition()),
        offset: message.offset(),
        logged_at: message
            .timestamp()
            .to_millis()
            .and_then(DateTime::from_timestamp_millis)
            .unwrap_or(DateTime::UNIX_EPOCH),
        key: message.key().map(Bytes::copy_from_slice),
        value: message.payload().map(Bytes::copy_from_slice),
    }
}

#[async_trait]
impl EventSource for TopicReader {
    async fn bounds(&mut self) -> Result<BTreeMap<Partition, Range<i64>>, PortError> {
        let (consumer, connection, topics) = (self.consumer.clone(), self.connection.clone(), self.topics.clone());
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let (consumer, connection, topics) = (consumer.clone(), connection.clone(), topics.clone());
            let asked = move || Self::bounds_blocking(&consumer, &connection, &topics);
            match tokio::task::spawn_blocking(asked).await? {
                // A topic that was just made, or a broker that just started, has no leaders for a moment.
                Err(Error::Broker { source, .. }) if passing(&source) && tokio::time::Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                bounds => return Ok(bounds?),
            }
        }
    }

    async fn seek(&mut self, positions: &Positions) -> Result<(), PortError> {
        let mut assignment = TopicPartitionList::with_capacity(positions.len());
        for (partition, next) in positions {
            assignment.add_partition_offset(&partition.topic, partition.number, Offset::Offset(*next))?;
        }
        self.consumer.assign(&assignment).map_err(self.connection.failed("assign partitions"))?;
        Ok(())
    }

    async fn poll(&mut self, limit: usize, wait: Duration) -> Result<Vec<LogRecord>, PortError> {
        let mut records = Vec::new();
        let Ok(first) = tokio::time::timeout(wait, self.consumer.recv()).await else { return Ok(records) };
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Ok(message) => records.push(owned(&message)),
                Err(error) if passing(&error) => {
                    tracing::debug!(%error, "the broker is away; the client reconnects by itself");
                }
                Err(error) => return Err(self.connection.failed("read")(error).into()),
            }
            next = if records.len() < limit { self.consumer.recv().now_or_never() } else { None };
        }
        Ok(records)
    }
}
