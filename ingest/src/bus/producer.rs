//! An idempotent producer. A record counts as sent when the broker has acknowledged it, never before.

use std::time::Duration;

use bytes::Bytes;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer as _};
use rdkafka::types::RDKafkaErrorCode;
use tillsight_schemas::port::Partition;

use super::Connection;
use crate::{Error, Result};

/// A record to send.
#[derive(Debug, Clone, Default)]
pub struct Outgoing {
    /// The topic.
    pub topic: String,
    /// The key.
    pub key: Option<Bytes>,
    /// The value.
    pub value: Option<Bytes>,
    /// The headers, in order.
    pub headers: Vec<(&'static str, String)>,
}

/// Sends records, each exactly once per call as far as the broker is concerned.
#[derive(Clone)]
pub struct Producer {
    inner: FutureProducer,
    connection: Connection,
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer").field("bootstrap", &self.connection.bootstrap).finish_non_exhaustive()
    }
}

impl Producer {
    /// Makes a producer that calls itself `name`; it connects when it first sends.
    ///
    /// # Errors
    /// [`Error::Client`] or [`Error::Secret`] when the settings are wrong.
    pub fn new(connection: &Connection, name: &str) -> Result<Self> {
        let inner = connection
            .client(name)?
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // Java's partitioner: all producers of a store must agree.
            .set("partitioner", "murmur2_random")
            .set("compression.type", "zstd")
            .set("linger.ms", "5")
            .set("delivery.timeout.ms", "30000")
            .create()
            .map_err(|source| Error::Client { client: name.to_owned(), source })?;
        Ok(Self { inner, connection: connection.clone() })
    }

    /// Sends records and waits until the broker has them all; returns where each one went, in the same order.
    ///
    /// # Errors
    /// [`Error::Broker`] when one was not acknowledged within 30 seconds; some of the others may have been.
    pub async fn send(&self, records: Vec<Outgoing>) -> Result<Vec<(Partition, i64)>> {
        let mut pending = Vec::with_capacity(records.len());
        for record in &records {
            pending.push(self.enqueue(record).await?);
        }
        let mut places = Vec::with_capacity(records.len());
        for (delivery, record) in pending.into_iter().zip(&records) {
            let failed = || self.connection.failed(format!("write to {}", record.topic));
            let delivery = delivery.await.map_err(|_| failed()(KafkaError::Canceled))?;
            let delivery = delivery.map_err(|(error, _)| failed()(error))?;
            places.push((Partition::new(record.topic.clone(), delivery.partition), delivery.offset));
        }
        Ok(places)
    }

    /// Puts a record into the client's bounded queue, waiting while it is full.
    async fn enqueue(&self, record: &Outgoing) -> Result<DeliveryFuture> {
        loop {
            let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
            for (key, value) in &record.headers {
                headers = headers.insert(Header { key, value: Some(value.as_bytes()) });
            }
            let mut outgoing = FutureRecord::<[u8], [u8]>::to(&record.topic).headers(headers);
            if let Some(key) = &record.key {
                outgoing = outgoing.key(key);
            }
            if let Some(value) = &record.value {
                outgoing = outgoing.payload(value);
            }
            match self.inner.send_result(outgoing) {
                Ok(delivery) => return Ok(delivery),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err((error, _)) => return Err(self.connection.failed(format!("write to {}", record.topic))(error)),
            }
        }
    }

    /// Whether the cluster answers within `patience`.
    pub async fn reachable(&self, patience: Duration) -> bool {
        let inner = self.inner.clone();
        tokio::task::spawn_blocking(move || inner.client().fetch_metadata(None, patience).is_ok())
            .await
            .unwrap_or(false)
    }
}
