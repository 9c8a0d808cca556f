//! [`Pipeline`]: moves one integrator's records from its landing topic to the canonical, raw and dead-letter topics.
//!
//! Order of a step: read, judge, write everything and wait for the broker, commit identities and positions in one
//! database transaction. Nothing is acknowledged before it is safe; a step that fails leaves the position where it was.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use tillsight_schemas::clock::SharedClock;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::port::{Accepted, Claim, EventSource, Fenced, LogRecord, Partition, PosLedger, Positions};
use tillsight_schemas::pos::{PostedTransaction, Reject};
use tillsight_schemas::wire::avro;
use tillsight_schemas::{canary, metric, topic};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::decode::decode;
use super::judge::{Landed, Permits, Stores, collision, judge, warning};
use super::mask::mask_card_numbers;
use crate::bus::{Outgoing, Producer};
use crate::{Error, Result};

/// Records of one step.
const BATCH: usize = 1000;
/// How long a step waits for records.
const WAIT: Duration = Duration::from_millis(250);
/// How long to wait after a failure before trying again.
const RETRY: Duration = Duration::from_secs(1);

/// What became of the records of a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// New transactions and corrections.
    pub accepted: usize,
    /// Repetitions, ignored.
    pub duplicates: usize,
    /// Sent to the dead-letter topic.
    pub rejected: usize,
}

/// Accepts the records of one integrator.
pub struct Pipeline {
    source: Box<dyn EventSource>,
    producer: Producer,
    ledger: Arc<dyn PosLedger>,
    stores: Stores,
    permits: Permits,
    clock: SharedClock,
    claims: BTreeMap<Partition, Claim>,
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline").field("permits", &self.permits).finish_non_exhaustive()
    }
}

/// What was decided about one record.
enum Verdict {
    /// With what is odd about it, in a sentence.
    Accept(Box<PostedTransaction>, Option<String>),
    Duplicate(Uuid),
    Reject(Reject),
}

impl Pipeline {
    /// Puts a pipeline together; `source` reads the landing topic of `permits.integrator`.
    pub fn new(
        source: Box<dyn EventSource>,
        producer: Producer,
        ledger: Arc<dyn PosLedger>,
        stores: Stores,
        permits: Permits,
        clock: SharedClock,
    ) -> Self {
        Self { source, producer, ledger, stores, permits, clock, claims: BTreeMap::new() }
    }

    /// Works until `stop`, trying again after failures of broker and database.
    ///
    /// # Errors
    /// When another worker has taken over one of its partitions: this one must not go on.
    pub async fn run(mut self, stop: CancellationToken) -> Result<()> {
        let mut claimed = false;
        loop {
            let step = async {
                if !claimed {
                    self.claim().await?;
                }
                self.step().await
            };
            let result = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                result = step => result,
            };
            match result {
                Ok(_) => claimed = true,
                Err(Error::Port { source, .. }) if source.is::<Fenced>() => {
                    return Err(Error::Port { attempt: "go on as reader of the landing topic", source });
                }
                Err(error) => {
                    tracing::warn!(error = %tillsight_schemas::error::chain(&error), "POS intake waits and tries again");
                    claimed = false;
                    tokio::select! {
                        () = stop.cancelled() => return Ok(()),
                        () = tokio::time::sleep(RETRY) => {}
                    }
                }
            }
        }
    }

    /// Takes over all partitions and goes to the first record that was not accepted yet.
    async fn claim(&mut self) -> Result<()> {
        let bounds = self.source.bounds().await.map_err(port("find the ends of the landing topic"))?;
        let mut positions = Positions::new();
        self.claims.clear();
        for (partition, range) in bounds {
            let claim = self.ledger.claim(&partition).await.map_err(port("claim a landing partition"))?;
            let next = match claim.next_offset {
                None => range.start,
                Some(next) if next < range.start => {
                    // The landing topic keeps records for an hour only; a longer stop of ours loses them here.
                    tracing::error!(%partition, lost = range.start - next, "records expired before they were read");
                    range.start
                }
                Some(next) if next > range.end => {
                    tracing::error!(%partition, next, end = range.end, "the log is shorter than what was read of it: reading it again");
                    range.start
                }
                Some(next) => next,
            };
            positions.insert(partition.clone(), next);
            self.claims.insert(partition, Claim { next_offset: Some(next), ..claim });
        }
        self.source.seek(&positions).await.map_err(port("go to the committed position"))
    }

    /// Reads, judges, writes and commits one batch.
    async fn step(&mut self) -> Result<Outcomes> {
        let mut records = self.source.poll(BATCH, WAIT).await.map_err(port("read the landing topic"))?;
        if records.is_empty() {
            return Ok(Outcomes::default());
        }
        let masked: usize = records.iter_mut().map(mask).sum();
        let verdicts = self.judge_all(&records).await?;
        let (outgoing, accepted) = self.outgoing(&records, &verdicts)?;
        self.producer.send(outgoing).await?;
        for record in &records {
            if let Some(claim) = self.claims.get_mut(&record.partition) {
                claim.next_offset = Some(record.offset + 1);
            }
        }
        let next: Vec<(Partition, Claim)> =
            self.claims.iter().map(|(partition, claim)| (partition.clone(), *claim)).collect();
        self.ledger.commit(&accepted, &next).await.map_err(port("commit accepted records"))?;
        Ok(self.count(&verdicts, masked))
    }

    async fn judge_all(&self, records: &[LogRecord]) -> Result<Vec<Verdict>> {
        let values: Vec<Option<&[u8]>> = records.iter().map(|record| record.value.as_deref()).collect();
        let received_at = self.clock.now();
        let judged: Vec<Result<PostedTransaction, Reject>> = decode(&values)?
            .into_iter()
            .zip(records)
            .map(|(decoded, record)| {
                let landed = Landed {
                    topic: record.partition.topic.clone(),
                    partition: record.partition.number,
                    offset: record.offset,
                    received_at: received_at.max(record.logged_at),
                    key: record.key.as_ref().map(|key| String::from_utf8_lossy(key).into_owned()),
                };
                let decoded = decoded?;
                match record.header(topic::HEADER_STORES) {
                    None => judge(decoded, &landed, &self.permits, &self.stores),
                    Some(stores) => judge(decoded, &landed, &self.permits.limited(stores)?, &self.stores),
                }
            })
            .collect();
        let ids = judged.iter().flatten();
        let ids: Vec<Uuid> =
            ids.flat_map(|posted| [posted.header.event_id].into_iter().chain(posted.transaction.replaces)).collect();
        let mut known = self.ledger.known(&ids).await.map_err(port("look up identities"))?;
        Ok(judged.into_iter().map(|judged| verdict(judged, &mut known)).collect())
    }

    fn outgoing(&self, records: &[LogRecord], verdicts: &[Verdict]) -> Result<(Vec<Outgoing>, Vec<Accepted>)> {
        let posted: Vec<PostedTransaction> = verdicts
            .iter()
            .filter_map(|verdict| match verdict {
                Verdict::Accept(posted, _) => Some((**posted).clone()),
                _ => None,
            })
            .collect();
        let values = avro::encode(&posted).map_err(|source| Error::Encode { record: "PostedTransaction", source })?;
        let mut encoded = values.into_iter();
        let mut outgoing = Vec::with_capacity(records.len() * 2);
        for (record, verdict) in records.iter().zip(verdicts) {
            outgoing.push(raw(record, verdict));
            match verdict {
                Verdict::Accept(posted, warning) => {
                    outgoing.extend(encoded.next().map(|value| canonical(posted, value, warning.as_deref())));
                }
                Verdict::Reject(reject) => outgoing.push(dead_letter(record, reject)),
                Verdict::Duplicate(_) => {}
            }
        }
        if canary::is_sender(&self.permits.integrator) {
            outgoing.iter_mut().for_each(|each| each.headers.push((topic::HEADER_CANARY, "true".to_owned())));
        }
        let accepted = posted
            .into_iter()
            .map(|posted| Accepted {
                event_id: posted.header.event_id,
                revision: posted.transaction.revision,
                payload_sha256: posted.header.payload_sha256,
            })
            .collect();
        Ok((outgoing, accepted))
    }

    fn count(&self, verdicts: &[Verdict], masked: usize) -> Outcomes {
        let integrator = self.permits.integrator.as_str().to_owned();
        let mut outcomes = Outcomes::default();
        let now = self.clock.now();
        for verdict in verdicts {
            match verdict {
                Verdict::Accept(posted, _) => {
                    outcomes.accepted += 1;
                    if canary::is_sender(&self.permits.integrator) {
                        continue;
                    }
                    let lag = (now - posted.header.event_time).max(TimeDelta::zero());
                    let store = posted.transaction.store_id.as_str().to_owned();
                    metrics::histogram!(metric::POS_LAG, "store" => store).record(lag.as_seconds_f64());
                }
                Verdict::Duplicate(_) => outcomes.duplicates += 1,
                Verdict::Reject(reject) => {
                    outcomes.rejected += 1;
                    let labels = [("integrator", integrator.clone()), ("code", reject.code.to_string())];
                    metrics::counter!(metric::POS_REJECTED, &labels).increment(1);
                }
            }
        }
        for (outcome, count) in
            [("accepted", outcomes.accepted), ("duplicate", outcomes.duplicates), ("rejected", outcomes.rejected)]
        {
            let labels = [("integrator", integrator.clone()), ("outcome", outcome.to_owned())];
            metrics::counter!(metric::POS_RECORDS, &labels).increment(count as u64);
        }
        metrics::counter!(metric::POS_PAN_MASKED, "integrator" => integrator).increment(masked as u64);
        tracing::debug!(?outcomes, "POS records");
        outcomes
    }
}

fn port(attempt: &'static str) -> impl FnOnce(tillsight_schemas::port::PortError) -> Error {
    move |source| Error::Port { attempt, source }
}

/// Masks the card numbers of a record; returns how many.
fn mask(record: &mut LogRecord) -> usize {
    let Some(value) = &record.value else { return 0 };
    let mut bytes = value.to_vec();
    let count = mask_card_numbers(&mut bytes);
    if count > 0 {
        record.value = Some(Bytes::from(bytes));
    }
    count
}

/// Compares an identity with those accepted before, and remembers it for the rest of the batch.
fn verdict(judged: Result<PostedTransaction, Reject>, known: &mut BTreeMap<(Uuid, i32), String>) -> Verdict {
    let posted = match judged {
        Ok(posted) => posted,
        Err(reject) => return Verdict::Reject(reject),
    };
    let (id, revision) = (posted.header.event_id, posted.transaction.revision);
    match known.get(&(id, revision)) {
        None => {
            let warning = warning(&posted, |id, below| known.range((id, i32::MIN)..(id, below)).next().is_some());
            known.insert((id, revision), posted.header.payload_sha256.clone());
            Verdict::Accept(Box::new(posted), warning)
        }
        Some(hash) if *hash == posted.header.payload_sha256 => Verdict::Duplicate(id),
        Some(_) => Verdict::Reject(collision(id, revision)),
    }
}

fn origin(record: &LogRecord) -> Vec<(&'static str, String)> {
    vec![
        (topic::HEADER_ORIGIN_TOPIC, record.partition.topic.clone()),
        (topic::HEADER_ORIGIN_PARTITION, record.partition.number.to_string()),
        (topic::HEADER_ORIGIN_OFFSET, record.offset.to_string()),
    ]
}

fn raw(record: &LogRecord, verdict: &Verdict) -> Outgoing {
    let mut headers = origin(record);
    match verdict {
        Verdict::Accept(posted, _) => headers.push(("lp.event.id", posted.header.event_id.to_string())),
        Verdict::Duplicate(id) => {
            headers.extend([("lp.event.id", id.to_string()), (topic::HEADER_DUPLICATE, "true".to_owned())]);
        }
        Verdict::Reject(reject) => headers.push((topic::HEADER_ERROR_CODE, reject.code.to_string())),
    }
    Outgoing { topic: topic::POS_RAW.to_owned(), key: record.key.clone(), value: record.value.clone(), headers }
}

fn dead_letter(record: &LogRecord, reject: &Reject) -> Outgoing {
    let mut headers = origin(record);
    headers.extend(record.header(topic::HEADER_SENDER).map(|sender| (topic::HEADER_SENDER, sender.to_owned())));
    headers.push((topic::HEADER_ERROR_CODE, reject.code.to_string()));
    headers.push((topic::HEADER_ERROR_DETAIL, reject.detail.clone()));
    headers.push((topic::HEADER_ERROR_PROBLEMS, problems(reject)));
    headers.push(("__connect.errors.exception.message", reject.to_string()));
    headers.push(("__connect.errors.stage", "VALUE_CONVERTER".to_owned()));
    Outgoing {
        topic: topic::dlq(&record.partition.topic),
        key: record.key.clone(),
        value: record.value.clone(),
        headers,
    }
}

/// Where a record is wrong, for programs.
fn problems(reject: &Reject) -> String {
    let problems = reject.problems.iter();
    let problems: Vec<_> =
        problems.map(|problem| serde_json::json!({ "at": problem.at, "what": problem.what })).collect();
    serde_json::Value::from(problems).to_string()
}

/// The accepted record with `CloudEvents` 1.0 headers (Kafka protocol binding, binary mode), and what is odd about it.
fn canonical(posted: &PostedTransaction, value: Bytes, warning: Option<&str>) -> Outgoing {
    let header = &posted.header;
    let key = StoreKey::new(header.tenant_id.clone(), posted.transaction.store_id.clone()).to_string();
    let mut headers = vec![
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", format!("{}:{}", header.event_id, posted.transaction.revision)),
        ("ce_type", "tillsight.pos.transaction.v1".to_owned()),
        ("ce_source", format!("/integrator/{}", header.integrator_id)),
        ("ce_subject", key.clone()),
        ("ce_time", header.event_time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)),
        ("content-type", "application/avro".to_owned()),
    ];
    headers.extend(warning.map(|warning| (topic::HEADER_WARNING, warning.to_owned())));
    Outgoing { topic: topic::POS_TRANSACTION.to_owned(), value: Some(value), headers, key: Some(Bytes::from(key)) }
}
