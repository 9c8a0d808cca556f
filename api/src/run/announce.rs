//! Tells `lp.rec.segment.v1` what the recorder did: segments and gaps, as the index of its volume has them.
//!
//! The index is the queue. A row waits there until the broker has acknowledged its record, so nothing is lost while
//! Kafka is away or when this process dies, and recording never waits for it. A record may be sent twice; the last one
//! of its key holds.

use std::time::Duration;

use bytes::Bytes;
use tillsight_ingest::bus::{Outgoing, Producer};
use tillsight_ingest::record::Index;
use tillsight_schemas::error::chain;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::wire::avro;
use tillsight_schemas::{metric, topic};
use tokio_util::sync::CancellationToken;

use super::RunError;

/// How many records are sent at once.
const BATCH: i64 = 500;
/// How often the index is asked for news.
const EVERY: Duration = Duration::from_secs(1);

/// Sends what the topic has not seen, until `stop`. While the broker does not answer it tries again.
pub(super) async fn announce(index: Index, producer: Producer, stop: CancellationToken) {
    let mut failing = false;
    while !stop.is_cancelled() {
        let sent = tokio::select! {
            () = stop.cancelled() => return,
            sent = pass(&index, &producer) => sent,
        };
        match &sent {
            Ok(records) => {
                metrics::counter!(metric::RECORDS_ANNOUNCED).increment(*records as u64);
                if failing && *records > 0 {
                    failing = false;
                    tracing::info!(records, "segments and gaps are told to Kafka again");
                }
            }
            Err(error) => {
                metrics::counter!(metric::ANNOUNCE_FAILURES).increment(1);
                if !failing {
                    failing = true;
                    let error = chain(error);
                    tracing::warn!(error, "segments and gaps cannot be told to Kafka; recording goes on, trying again");
                }
            }
        }
        if !sent.is_ok_and(|records| records >= usize::try_from(BATCH).unwrap_or(usize::MAX)) {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }
}

/// Sends one batch; says how many records it had.
async fn pass(index: &Index, producer: &Producer) -> Result<usize, RunError> {
    let unsent = index.unsent(BATCH).await.map_err(RunError::part("reading the recorder's index"))?;
    if unsent.is_empty() {
        return Ok(0);
    }
    let records: Vec<_> = unsent.iter().map(|unsent| unsent.record.clone()).collect();
    let values = avro::encode(&records).map_err(RunError::part("the encoding of segments"))?;
    let outgoing = records
        .iter()
        .zip(values)
        .map(|(record, value)| {
            let key = StoreKey::new(record.tenant.clone(), record.store.clone());
            Outgoing {
                topic: topic::REC_SEGMENT.to_owned(),
                key: Some(Bytes::from(key.to_string())),
                value: Some(value),
                headers: Vec::new(),
            }
        })
        .collect();
    producer.send(outgoing).await.map_err(RunError::part("telling Kafka of segments"))?;
    index.sent(&unsent).await.map_err(RunError::part("the recorder's index"))?;
    Ok(unsent.len())
}
