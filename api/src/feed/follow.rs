//! Follows the log for [`Feeds`].

use std::collections::BTreeMap;
use std::time::Duration;

use tillsight_ingest::bus::{Connection, TopicReader};
use tillsight_ingest::pos::{Permits, glance};
use tillsight_schemas::clock::SharedClock;
use tillsight_schemas::id::{IntegratorId, TenantId};
use tillsight_schemas::port::{EventSource as _, LogRecord, Partition, PortError, Positions};
use tillsight_schemas::pos::PostedTransaction;
use tillsight_schemas::topic;
use tillsight_schemas::wire::{avro, columns};
use tokio_util::sync::CancellationToken;

use super::lane::{Entry, Outcome, Place};
use super::{BACK, Feeds, Rejected};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// Records that are read at the start at most.
const MOST: i64 = 1_000_000;
/// Records of one step.
const BATCH: usize = 1_000;
/// How long the follower waits before it connects again.
const AGAIN: Duration = Duration::from_secs(2);

impl Feeds {
    /// Follows the log until `stop`; after a failure it goes on where it was.
    pub(crate) async fn follow(
        &self,
        connection: &Connection,
        permits: &[Permits],
        clock: &SharedClock,
        stop: &CancellationToken,
    ) {
        let mut next = Positions::new();
        while !stop.is_cancelled() && !permits.is_empty() {
            if let Err(error) = self.read(connection, permits, clock, stop, &mut next).await {
                tracing::debug!(%error, "the feeds cannot be followed; trying again");
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(AGAIN) => {}
                }
            }
        }
    }

    async fn read(
        &self,
        connection: &Connection,
        permits: &[Permits],
        clock: &SharedClock,
        stop: &CancellationToken,
        next: &mut Positions,
    ) -> Result<(), PortError> {
        let landing = |permits: &Permits| topic::landing(&permits.integrator);
        let mut topics = vec![topic::POS_TRANSACTION.to_owned(), topic::POS_RAW.to_owned()];
        topics.extend(permits.iter().map(|permits| topic::dlq(&landing(permits))));
        let mut reader = TopicReader::new(connection, "tillsight-feeds", topics)?;
        let ends = reader.bounds().await?;
        if ends.is_empty() {
            return Err("the topics are not there yet".into());
        }
        let from = clock.now() - BACK;
        for (partition, first) in reader.since(from, MOST).await? {
            let end = ends.get(&partition).map_or(first, |range| range.end);
            // A log that is shorter than what was read of it is another one.
            let known = next.get(&partition).copied().filter(|known| *known <= end);
            next.insert(partition, known.unwrap_or(first));
        }
        reader.seek(next).await?;
        let mut waiting: BTreeMap<Partition, i64> = ends
            .into_iter()
            .filter(|(partition, range)| next.get(partition).is_some_and(|next| *next < range.end))
            .map(|(partition, range)| (partition, range.end))
            .collect();
        let decoder = avro::Decoder::<PostedTransaction>::new();
        let of_topic: BTreeMap<String, (&TenantId, &IntegratorId)> =
            permits.iter().map(|permits| (landing(permits), (&permits.tenant, &permits.integrator))).collect();
        while !stop.is_cancelled() {
            self.complete.store(waiting.is_empty(), Ordering::Relaxed);
            let records = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                records = reader.poll(BATCH, Duration::from_millis(500)) => records?,
            };
            self.begins(&records);
            let (accepted, others): (Vec<_>, Vec<_>) =
                records.into_iter().partition(|record| record.partition.topic == topic::POS_TRANSACTION);
            let present: Vec<(&LogRecord, &[u8])> =
                accepted.iter().filter_map(|record| Some((record, record.value.as_deref()?))).collect();
            if !present.is_empty() {
                let values: Vec<&[u8]> = present.iter().map(|(_, value)| *value).collect();
                let decoded = decoder.decode(&values)?;
                let posted = columns::from_batch::<PostedTransaction>(&decoded.batch)?;
                for (posted, value) in posted.iter().zip(&decoded.value_of_row) {
                    let warning = present.get(*value).and_then(|(record, _)| record.header(topic::HEADER_WARNING));
                    self.note_accepted(posted, warning);
                }
            }
            for record in &others {
                self.note_other(record, &of_topic);
            }
            for record in accepted.iter().chain(&others) {
                next.insert(record.partition.clone(), record.offset + 1);
                if waiting.get(&record.partition).is_some_and(|end| record.offset + 1 >= *end) {
                    waiting.remove(&record.partition);
                }
            }
        }
        Ok(())
    }

    fn begins(&self, records: &[LogRecord]) {
        if let Some(first) = records.iter().map(|record| record.logged_at).min() {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            state.since = Some(state.since.map_or(first, |since| since.min(first)));
        }
    }

    /// Notes a dead letter, or a repetition of the raw topic.
    fn note_other(&self, record: &LogRecord, of_topic: &BTreeMap<String, (&TenantId, &IntegratorId)>) {
        if let Some(landing) = record.partition.topic.strip_suffix(topic::DLQ_SUFFIX) {
            if let Some(of) = of_topic.get(landing) {
                self.note_rejected(*of, Rejected::read(record));
            }
        } else if record.header(topic::HEADER_DUPLICATE).is_some()
            && let Some(of) = record.header(topic::HEADER_ORIGIN_TOPIC).and_then(|landing| of_topic.get(landing))
        {
            let seen = glance(record);
            let entry = Entry {
                received_at: record.logged_at,
                event_time: None,
                outcome: Outcome::Duplicate,
                kind: seen.kind,
                receipt_no: seen.receipt_no,
                event_id: None,
                code: None,
                detail: None,
                warning: None,
            };
            self.note_duplicate(*of, entry, &Place { store: seen.store_id, register: seen.register_id });
        }
    }
}
