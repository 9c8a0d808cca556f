//! A log and a store in memory: for the tests of rules and for back-tests, where nothing must be kept.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::port::{
    Epoch, EpochStore, EventSource, Fenced, Judged, KnownJudgement, LogRecord, Partition, PortError, Positions, Tenure,
};
use tillsight_schemas::{Clock as _, ReplayClock, topic};
use uuid::Uuid;

/// A log whose records are all known before. It moves the clock to the arrival of what it hands out.
#[derive(Debug, Clone)]
pub struct ScriptedLog {
    records: Arc<Vec<LogRecord>>,
    handed_out: Arc<Mutex<usize>>,
    at_once: usize,
    within: Option<TimeDelta>,
    clock: ReplayClock,
}

impl ScriptedLog {
    /// A log that hands out so many records at once.
    pub fn new(records: Vec<LogRecord>, at_once: usize, clock: ReplayClock) -> Self {
        Self { records: Arc::new(records), handed_out: Arc::default(), at_once, within: None, clock }
    }

    /// The same, but it hands out at once only what arrived within so long of each other.
    #[must_use]
    pub fn within(self, within: TimeDelta) -> Self {
        Self { within: Some(within), ..self }
    }

    /// A record of the one partition of a topic.
    pub fn record(topic: &str, offset: i64, logged_at: DateTime<Utc>, value: Bytes) -> LogRecord {
        LogRecord {
            partition: Partition::new(topic, 0),
            offset,
            logged_at,
            key: None,
            value: Some(value),
            headers: Vec::new(),
        }
    }

    /// Whether everything was handed out.
    pub fn is_finished(&self) -> bool {
        *self.handed_out.lock().unwrap_or_else(PoisonError::into_inner) >= self.records.len()
    }
}

#[async_trait]
impl EventSource for ScriptedLog {
    async fn bounds(&mut self) -> Result<BTreeMap<Partition, Range<i64>>, PortError> {
        let mut bounds = BTreeMap::new();
        for record in self.records.iter() {
            let range = bounds.entry(record.partition.clone()).or_insert(0..0);
            range.end = range.end.max(record.offset + 1);
        }
        Ok(bounds)
    }

    async fn seek(&mut self, positions: &Positions) -> Result<(), PortError> {
        let before = |record: &&LogRecord| positions.get(&record.partition).is_some_and(|next| record.offset < *next);
        *self.handed_out.lock().unwrap_or_else(PoisonError::into_inner) =
            self.records.iter().take_while(before).count();
        Ok(())
    }

    async fn poll(&mut self, limit: usize, _: Duration) -> Result<Vec<LogRecord>, PortError> {
        let mut handed_out = self.handed_out.lock().unwrap_or_else(PoisonError::into_inner);
        let left = self.records.iter().skip(*handed_out);
        let until = self.within.and_then(|within| Some(left.clone().next()?.logged_at + within));
        let together = left.take_while(|record| until.is_none_or(|until| record.logged_at < until));
        let records: Vec<_> = together.take(limit.min(self.at_once)).cloned().collect();
        *handed_out += records.len();
        if let Some(last) = records.last() {
            self.clock.set(last.logged_at.max(self.clock.now()));
        }
        Ok(records)
    }
}

/// A store that forgets when it is dropped.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    fence: i64,
    checkpoint: Option<String>,
    judged: BTreeMap<Uuid, Judged>,
    told: BTreeSet<String>,
    clocks: Vec<Bytes>,
}

impl MemoryStore {
    fn with<R>(&self, work: impl FnOnce(&mut Kept) -> R) -> R {
        work(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The last word about every anchor, with its alert where one was raised.
    pub fn judged(&self) -> Vec<Judged> {
        self.with(|kept| kept.judged.values().cloned().collect())
    }

    /// What was told of clocks, as values of the log.
    pub fn clocks(&self) -> Vec<Bytes> {
        self.with(|kept| kept.clocks.clone())
    }

    /// The topics that something was told on.
    pub fn told(&self) -> BTreeSet<String> {
        self.with(|kept| kept.told.clone())
    }
}

#[async_trait]
impl EpochStore for MemoryStore {
    async fn take(&self, _: &Partition) -> Result<Tenure, PortError> {
        Ok(self.with(|kept| {
            kept.fence += 1;
            Tenure { fence: kept.fence, checkpoint: kept.checkpoint.clone() }
        }))
    }

    async fn known(&self, ids: &[Uuid]) -> Result<BTreeMap<Uuid, KnownJudgement>, PortError> {
        Ok(self.with(|kept| {
            let known = |id: &Uuid| {
                let one = kept.judged.get(id)?;
                let judgement = &one.judgement;
                let known = KnownJudgement {
                    revision: judgement.revision,
                    outcome: judgement.outcome,
                    why: judgement.why.clone(),
                    provisional: judgement.provisional,
                    alert: one.alert.as_ref().map(|alert| (alert.revision, alert.content_sha256.clone())),
                };
                Some((*id, known))
            };
            ids.iter().filter_map(known).collect()
        }))
    }

    async fn commit_epoch(&self, epoch: &Epoch) -> Result<(), PortError> {
        self.with(|kept| {
            if kept.fence != epoch.fence {
                return Err(Fenced(epoch.partition.clone()).into());
            }
            kept.checkpoint = Some(epoch.checkpoint.clone());
            for one in &epoch.judged {
                let alert = kept.judged.remove(&one.judgement.judgement_id).and_then(|before| before.alert);
                let now = Judged { alert: one.alert.clone().or(alert), ..one.clone() };
                kept.judged.insert(one.judgement.judgement_id, now);
            }
            let of_clocks = epoch.outgoing.iter().filter(|record| record.topic == topic::CLOCK);
            kept.clocks.extend(of_clocks.map(|record| record.value.clone()));
            kept.told.extend(epoch.outgoing.iter().map(|record| record.topic.clone()));
            Ok(())
        })
    }
}
