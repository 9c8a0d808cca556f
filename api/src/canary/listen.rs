//! Listens on `lp.alert.v1` for what became of canaries. Nothing else is looked at.

use std::time::Duration;

use chrono::TimeDelta;
use tillsight_ingest::bus::{Connection, TopicReader};
use tillsight_schemas::alert::Alert;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::port::{EventSource as _, LogRecord, PortError};
use tillsight_schemas::wire::{avro, columns};
use tillsight_schemas::{canary, topic};
use tokio_util::sync::CancellationToken;

use super::pause;
use crate::http::Shared;

/// How far back it listens when it begins, and to how many records at most.
const BACK: TimeDelta = TimeDelta::days(1);
const MOST: i64 = 100_000;
/// Records of one step.
const BATCH: usize = 500;
/// How long it waits before it connects again.
const AGAIN: Duration = Duration::from_secs(2);

/// Listens until `stop`; after a failure it begins anew.
pub(super) async fn listen(now: &(impl Fn() -> Shared + Sync), connection: &Connection, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = read(now, connection, stop).await {
            tracing::debug!(%error, "canaries cannot be listened for; trying again");
            pause(AGAIN, stop).await;
        }
    }
}

async fn read(
    now: &(impl Fn() -> Shared + Sync),
    connection: &Connection,
    stop: &CancellationToken,
) -> Result<(), PortError> {
    let mut reader = TopicReader::new(connection, "tillsight-canary", vec![topic::ALERT.to_owned()])?.with_canaries();
    let from = now().clock.now() - BACK;
    let positions = reader.since(from, MOST).await?;
    if positions.is_empty() {
        return Err("the topic is not there yet".into());
    }
    reader.seek(&positions).await?;
    let decoder = avro::Decoder::<Alert>::new();
    while !stop.is_cancelled() {
        let records = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            records = reader.poll(BATCH, Duration::from_millis(500)) => records?,
        };
        for record in &records {
            let Some((store, value)) = song(record) else { continue };
            let decoded = decoder.decode(&[value])?;
            for alert in columns::from_batch::<Alert>(&decoded.batch)? {
                if let Some(day) = alert.business_day {
                    now().db.canary_came(&store, day, record.logged_at).await?;
                }
            }
        }
    }
    Ok(())
}

/// Whose canary a record is of, and its value.
fn song(record: &LogRecord) -> Option<(StoreKey, &[u8])> {
    let key = std::str::from_utf8(record.key.as_deref()?).ok()?;
    Some((canary::store_of(key)?, record.value.as_deref()?))
}
