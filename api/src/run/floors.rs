//! The evaluation floors of stores on their way from the engine (`lp.heartbeat.v1`) to the recorder's retention.
//!
//! A store of which nothing was heard, or nothing for long, keeps a day: as long as a till may be late and still find its video.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tillsight_correlate::engine::LATE_ALLOWED;
use tillsight_ingest::bus::{Connection, TopicReader};
use tillsight_schemas::error::chain;
use tillsight_schemas::heartbeat::{Heartbeat, SourceKind};
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::port::{EventSource as _, PortError};
use tillsight_schemas::topic;
use tillsight_schemas::wire::avro::Decoder;
use tillsight_schemas::wire::columns;
use tokio_util::sync::CancellationToken;

/// How long it rests after a failure.
const AGAIN: Duration = Duration::from_secs(2);
/// How many records are read at once.
const BATCH: usize = 500;
/// How far back it reads at its start, per partition: the last word of each store is told every quarter of a minute.
const BACK: i64 = 5_000;

/// The floors that were heard of; clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Floors(Arc<Mutex<BTreeMap<StoreKey, DateTime<Utc>>>>);

impl Floors {
    /// Before this instant nobody will ask about the video of a store.
    pub(super) fn of(&self, store: &StoreKey, now: DateTime<Utc>) -> DateTime<Utc> {
        let oldest = now - LATE_ALLOWED;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(store).map_or(oldest, |floor| oldest.max(*floor))
    }

    fn heard(&self, heartbeat: Heartbeat) {
        if heartbeat.source_kind == SourceKind::Rules {
            let store = StoreKey::new(heartbeat.tenant_id, heartbeat.store_id);
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(store, heartbeat.complete_to);
        }
    }

    /// Listens until `stop`.
    pub(super) async fn follow(self, connection: Connection, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.read(&connection, &stop).await {
                tracing::warn!(error = %chain(&*error), "how far the rules are is not heard: retention keeps a day");
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(AGAIN) => {}
                }
            }
        }
    }

    async fn read(&self, connection: &Connection, stop: &CancellationToken) -> Result<(), PortError> {
        let mut source = TopicReader::new(connection, "tillsight-floors", vec![topic::HEARTBEAT.to_owned()])?;
        let bounds = source.bounds().await?;
        if bounds.is_empty() {
            return Err("the topic is not there yet".into());
        }
        let start = bounds.into_iter().map(|(partition, range)| (partition, range.start.max(range.end - BACK)));
        source.seek(&start.collect()).await?;
        let decoder = Decoder::<Heartbeat>::new();
        while !stop.is_cancelled() {
            let records = source.poll(BATCH, Duration::from_millis(500)).await?;
            let values: Vec<&[u8]> = records.iter().filter_map(|record| Some(&record.value.as_ref()?[..])).collect();
            if values.is_empty() {
                continue;
            }
            let decoded = decoder.decode(&values)?;
            for (_, reason) in &decoded.failed {
                tracing::error!(reason, "a heartbeat cannot be read and is left out");
            }
            columns::from_batch::<Heartbeat>(&decoded.batch)?.into_iter().for_each(|heartbeat| self.heard(heartbeat));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use tillsight_schemas::heartbeat::SourceState;

    use super::*;

    #[test]
    fn a_store_keeps_what_its_rules_may_ask_about_and_a_day_at_most() {
        let now: DateTime<Utc> = "2026-11-22T12:00:00Z".parse().unwrap();
        let store = StoreKey::new("demo".parse().unwrap(), "17".parse().unwrap());
        let floors = Floors::default();
        assert_eq!(floors.of(&store, now), now - TimeDelta::days(1), "nothing heard");
        let said = |kind, hours| Heartbeat {
            tenant_id: store.tenant.clone(),
            store_id: store.store.clone(),
            source_kind: kind,
            source_id: "rules".to_owned(),
            state: SourceState::Active,
            complete_to: now - TimeDelta::hours(hours),
            sent_at: now,
        };
        floors.heard(said(SourceKind::Rules, 3));
        floors.heard(said(SourceKind::Register, 1));
        assert_eq!(floors.of(&store, now), now - TimeDelta::hours(3));
        floors.heard(said(SourceKind::Rules, 99));
        assert_eq!(floors.of(&store, now), now - TimeDelta::days(1), "the engine stands still");
    }
}
