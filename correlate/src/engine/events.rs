//! [`Events`]: the transactions of a store over some time, in their highest revision, as records and as rows.
//!
//! What is taken in in any order comes to the same: a revision stands in the place of what it revises, and what another
//! transaction replaces is nobody's neighbour, whichever of the two comes first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use tillsight_schemas::pos::PostedTransaction;
use uuid::Uuid;

use super::segment::Segment;

/// A transaction in memory.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) posted: Arc<PostedTransaction>,
    /// When the broker logged it.
    pub(crate) logged_at: DateTime<Utc>,
}

/// Transactions of a store.
#[derive(Debug)]
pub(crate) struct Events {
    events: BTreeMap<(i64, Uuid), Event>,
    by_id: HashMap<Uuid, i64>,
    /// Transactions that another one replaces, known or yet to come, and the event time of the latter.
    replaced: HashMap<Uuid, i64>,
    /// The same transactions as rows.
    segments: BTreeMap<i64, Segment>,
    /// The length of a segment in microseconds of event time.
    length: i64,
}

impl Events {
    /// None yet; their rows will lie in segments of so many microseconds.
    pub(crate) fn new(length: i64) -> Self {
        Self {
            events: BTreeMap::new(),
            by_id: HashMap::new(),
            replaced: HashMap::new(),
            segments: BTreeMap::new(),
            length,
        }
    }

    fn number(&self, at_us: i64) -> i64 {
        at_us.div_euclid(self.length)
    }

    /// Takes in a transaction. Returns the event times that are touched: its own, and that of the revision or of the other
    /// transaction that it replaces; nothing for a repetition.
    pub(crate) fn add(&mut self, event: Event) -> Vec<i64> {
        let at = event.posted.header.event_time.timestamp_micros();
        let id = event.posted.header.event_id;
        let mut touched = vec![at];
        if let Some(before) = self.by_id.insert(id, at)
            && let Some(known) = self.events.get(&(before, id))
        {
            if known.posted.transaction.revision >= event.posted.transaction.revision {
                self.by_id.insert(id, before);
                return Vec::new();
            }
            self.events.remove(&(before, id));
            self.take_out(before, id);
            touched.push(before);
        }
        if let Some(old) = event.posted.transaction.replaces.filter(|old| *old != id) {
            self.replaced.insert(old, at);
            if let Some(before) = self.by_id.get(&old).copied() {
                touched.push(before);
                self.take_out(before, old);
            }
        }
        if !self.replaced.contains_key(&id) {
            self.segments.entry(self.number(at)).or_default().add(Arc::clone(&event.posted));
        }
        self.events.insert((at, id), event);
        touched
    }

    /// Takes the rows of a transaction out.
    fn take_out(&mut self, at_us: i64, id: Uuid) {
        let number = self.number(at_us);
        if let Some(segment) = self.segments.get_mut(&number) {
            segment.remove(id);
        }
    }

    /// Whether another transaction replaces one.
    pub(crate) fn is_replaced(&self, id: Uuid) -> bool {
        self.replaced.contains_key(&id)
    }

    /// One transaction.
    pub(crate) fn get(&self, id: Uuid) -> Option<&Event> {
        self.events.get(&(*self.by_id.get(&id)?, id))
    }

    /// The transactions of a span of event time, both ends included.
    pub(crate) fn between(&self, from_us: i64, to_us: i64) -> impl Iterator<Item = &Event> {
        self.events.range((from_us, Uuid::nil())..=(to_us, Uuid::max())).map(|(_, event)| event)
    }

    /// The rows of a table in a span of event time, and somewhat around it.
    ///
    /// # Errors
    /// Never, if the columns are what they are said to be.
    pub(crate) fn rows(&mut self, table: &str, from_us: i64, to_us: i64) -> Result<Vec<RecordBatch>, ArrowError> {
        let numbers = self.number(from_us)..=self.number(to_us);
        let mut rows = Vec::new();
        for segment in self.segments.range_mut(numbers).map(|(_, one)| one) {
            rows.extend_from_slice(segment.rows(table)?);
        }
        Ok(rows)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// The event time of the first.
    pub(crate) fn first(&self) -> Option<i64> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    /// Forgets what lies before an instant.
    pub(crate) fn forget(&mut self, before_us: i64) {
        let keep = self.events.split_off(&(before_us, Uuid::nil()));
        for ((_, id), _) in std::mem::replace(&mut self.events, keep) {
            self.by_id.remove(&id);
        }
        self.replaced.retain(|_, at| *at >= before_us);
        self.segments = self.segments.split_off(&self.number(before_us));
    }
}
