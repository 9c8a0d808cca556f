//! [`TopicReader`]: reads topics from the positions its caller remembers. It never joins a consumer group: who reads
//! what is decided by the fence in the database, and where to start by what was committed there.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::FutureExt;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Headers as _, Message};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use tillsight_schemas::port::{EventSource, LogRecord, Partition, PortError, Positions};
use tillsight_schemas::topic;

use super::Connection;
use crate::{Error, Result};

/// How long the broker has to answer a question about a partition.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads some topics.
pub struct TopicReader {
    consumer: Arc<StreamConsumer>,
    connection: Connection,
    topics: Vec<String>,
    canaries: bool,
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
        Ok(Self { consumer: Arc::new(consumer), connection: connection.clone(), topics, canaries: false })
    }

    /// The same that reads canaries, which are empty records to others ([`tillsight_schemas::canary`]).
    #[must_use]
    pub fn with_canaries(self) -> Self {
        Self { canaries: true, ..self }
    }

    /// Where to begin in order to read what was logged from an instant on, and at most so many records: one position for
    /// each partition that exists, at its end where nothing was logged since.
    ///
    /// # Errors
    /// [`Error::Broker`] when the cluster does not answer.
    pub async fn since(&mut self, at: DateTime<Utc>, most: i64) -> Result<Positions, PortError> {
        let bounds = self.bounds().await?;
        let each = most / i64::try_from(bounds.len()).unwrap_or(i64::MAX).max(1);
        let (consumer, connection) = (self.consumer.clone(), self.connection.clone());
        let asked = move || {
            let failed = || connection.failed("find the records since an instant".to_owned());
            let mut times = TopicPartitionList::new();
            for partition in bounds.keys() {
                let at = Offset::Offset(at.timestamp_millis());
                times.add_partition_offset(&partition.topic, partition.number, at).map_err(failed())?;
            }
            let found = consumer.offsets_for_times(times, PATIENCE).map_err(failed())?;
            let mut positions = Positions::new();
            for (partition, range) in bounds {
                let first = found.find_partition(&partition.topic, partition.number).map(|found| found.offset());
                // Without a record since the instant there is no offset.
                let first = if let Some(Offset::Offset(first)) = first { first } else { range.end };
                positions.insert(partition, first.max(range.end - each).clamp(range.start, range.end));
            }
            Ok::<_, Error>(positions)
        };
        Ok(tokio::task::spawn_blocking(asked).await??)
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

/// A message as a record that is our own; a canary is an empty one.
pub(super) fn owned(message: &BorrowedMessage<'_>) -> LogRecord {
    hidden(whole(message))
}

/// A record, or an empty one where it is a canary: whoever reads moves on past it and counts nothing.
fn hidden(record: LogRecord) -> LogRecord {
    if record.header(topic::HEADER_CANARY).is_some() { LogRecord { value: None, ..record } } else { record }
}

fn whole(message: &BorrowedMessage<'_>) -> LogRecord {
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
        headers: message.headers().map(read_headers).unwrap_or_default(),
    }
}

/// The headers that readers of ours act on: most topics have none of them.
fn read_headers(headers: &BorrowedHeaders) -> Vec<(&'static str, Bytes)> {
    let known = |header: rdkafka::message::Header<'_, &[u8]>| {
        let name = topic::READ_HEADERS.iter().find(|name| **name == header.key)?;
        Some((*name, Bytes::copy_from_slice(header.value?)))
    };
    headers.iter().filter_map(known).collect()
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
                Ok(message) if self.canaries => records.push(whole(&message)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_an_empty_record_that_readers_move_past() {
        let record = |headers: Vec<(&'static str, Bytes)>| LogRecord {
            partition: Partition::new(topic::POS_TRANSACTION, 0),
            offset: 7,
            logged_at: DateTime::UNIX_EPOCH,
            key: Some(Bytes::from_static(b"acme/17")),
            value: Some(Bytes::from_static(b"rung")),
            headers,
        };
        let canary = hidden(record(vec![(topic::HEADER_CANARY, Bytes::from_static(b"true"))]));
        assert_eq!((canary.value, canary.offset), (None, 7));
        assert!(hidden(record(vec![(topic::HEADER_WARNING, Bytes::from_static(b"odd"))])).value.is_some());
    }
}
