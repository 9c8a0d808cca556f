//! Holds on their way from the log to the recorder: `lp.hold.v1` is compacted and read from its beginning at each start,
//! and a hold that is taken in twice changes nothing.

use std::time::Duration;

use tillsight_ingest::bus::{Connection, TopicReader};
use tillsight_ingest::record::{HoldOutcome, Holds};
use tillsight_schemas::error::chain;
use tillsight_schemas::hold::Hold;
use tillsight_schemas::port::{EventSource, PortError};
use tillsight_schemas::topic;
use tillsight_schemas::wire::avro::Decoder;
use tillsight_schemas::wire::columns;
use tokio_util::sync::CancellationToken;

use super::roles::clock;

/// How long it rests after a failure.
const AGAIN: Duration = Duration::from_secs(2);
/// How many records are read at once.
const BATCH: usize = 500;

/// Takes in holds until `stop`. Without Kafka the holds that are known go on to stand.
pub(super) async fn follow(connection: Connection, holds: Holds, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = read(&connection, &holds, &stop).await {
            tracing::warn!(error = %chain(&*error), "holds are not read for now; those that are known stand");
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }
}

async fn read(connection: &Connection, holds: &Holds, stop: &CancellationToken) -> Result<(), PortError> {
    let mut source = TopicReader::new(connection, "tillsight-holds", vec![topic::HOLD.to_owned()])?;
    let start = source.bounds().await?.into_iter().map(|(partition, range)| (partition, range.start)).collect();
    source.seek(&start).await?;
    while !stop.is_cancelled() {
        let records = source.poll(BATCH, Duration::from_millis(500)).await?;
        let values: Vec<&[u8]> = records.iter().filter_map(|record| Some(&record.value.as_ref()?[..])).collect();
        if values.is_empty() {
            continue;
        }
        let decoded = Decoder::<Hold>::new().decode(&values)?;
        for (_, reason) in &decoded.failed {
            tracing::error!(reason, "a hold cannot be read and is left out");
        }
        for hold in columns::from_batch::<Hold>(&decoded.batch)? {
            let outcome = holds.apply(&hold, clock().now()).await?;
            if let HoldOutcome::Refused { needed, quota } = outcome {
                tracing::error!(hold = %hold.hold_id, needed, quota, "a hold is refused: the quota is used up");
            }
        }
    }
    Ok(())
}
