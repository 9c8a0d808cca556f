//! [`Lane`]: what was heard of one register of late.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, NaiveDate, Utc};
use tillsight_schemas::id::{RegisterId, RuleId, StoreId};
use tillsight_schemas::pos::PostedTransaction;
use uuid::Uuid;

use super::Rejected;
use super::lacks::Carried;

/// A rule, a field that it needs of a record, and whether the record lacks it.
type Need = (RuleId, String, bool);

/// Records that are kept of a register.
const RECORDS: usize = 20;
/// Latencies, and answers to each need of a rule, that are kept of a register.
const SAMPLES: usize = 100;
/// Days that are counted.
const DAYS: usize = 8;

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is new.
    Accepted,
    /// It was known; it changed nothing.
    Duplicate,
    /// It is among the dead letters.
    Rejected,
}

impl Outcome {
    /// Its name in answers.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Rejected => "rejected",
        }
    }
}

/// How many records of a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) accepted: i64,
    pub(crate) duplicates: i64,
    pub(crate) rejected: i64,
    /// Those of the accepted ones that are odd.
    pub(crate) warned: i64,
}

impl Heard {
    pub(super) fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.duplicates += other.duplicates;
        self.rejected += other.rejected;
        self.warned += other.warned;
    }
}

/// Records by day.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts(BTreeMap<NaiveDate, Heard>);

impl Counts {
    pub(super) fn count(&mut self, outcome: Outcome, day: NaiveDate) {
        let heard = self.0.entry(day).or_default();
        match outcome {
            Outcome::Accepted => heard.accepted += 1,
            Outcome::Duplicate => heard.duplicates += 1,
            Outcome::Rejected => heard.rejected += 1,
        }
        while self.0.len() > DAYS {
            self.0.pop_first();
        }
    }

    fn warn(&mut self, day: NaiveDate) {
        self.0.entry(day).or_default().warned += 1;
    }

    /// What was counted on a day.
    pub(crate) fn on(&self, day: NaiveDate) -> Heard {
        self.0.get(&day).copied().unwrap_or_default()
    }
}

/// Where a record says it comes from.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    pub(super) store: Option<StoreId>,
    pub(super) register: Option<RegisterId>,
}

/// One record that was heard.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) received_at: DateTime<Utc>,
    pub(crate) event_time: Option<DateTime<Utc>>,
    pub(crate) outcome: Outcome,
    pub(crate) kind: Option<String>,
    pub(crate) receipt_no: Option<String>,
    pub(crate) event_id: Option<Uuid>,
    pub(crate) code: Option<String>,
    pub(crate) detail: Option<String>,
    /// What is odd about it although it was accepted, in a sentence.
    pub(crate) warning: Option<String>,
}

impl Entry {
    pub(super) fn rejected(rejected: &Rejected) -> Self {
        Self {
            received_at: rejected.at,
            event_time: None,
            outcome: Outcome::Rejected,
            kind: rejected.kind.clone(),
            receipt_no: rejected.receipt_no.clone(),
            event_id: None,
            code: Some(rejected.code.clone()),
            detail: Some(rejected.detail.clone()),
            warning: None,
        }
    }

    /// From the completion at the till, by its clock, to the receipt here.
    pub(crate) fn lag_ms(&self) -> Option<i64> {
        self.event_time.map(|at| (self.received_at - at).num_milliseconds())
    }
}

/// Whether a record lacked what a rule needs of it: when it was received, and whether.
pub(super) type Answers = VecDeque<(DateTime<Utc>, bool)>;

/// What was heard of one register of late.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    pub(crate) last_received_at: DateTime<Utc>,
    pub(crate) last_event_time: Option<DateTime<Utc>>,
    /// By business day.
    pub(crate) counts: Counts,
    /// When a record was received, and its lag in milliseconds; oldest first.
    pub(crate) lags: VecDeque<(DateTime<Utc>, i64)>,
    /// Newest first.
    pub(crate) records: VecDeque<Entry>,
    /// By rule and field.
    pub(crate) blind: BTreeMap<(RuleId, String), Answers>,
    /// By field: whether its records have it, of whatever kind they are.
    pub(super) carried: BTreeMap<String, Carried>,
    /// The last landing offset that was seen of each landing partition.
    landed: BTreeMap<i32, i64>,
}

fn push<T>(queue: &mut VecDeque<T>, value: T) {
    if queue.len() >= SAMPLES {
        queue.pop_front();
    }
    queue.push_back(value);
}

impl Lane {
    pub(super) fn new(at: DateTime<Utc>) -> Self {
        Self {
            last_received_at: at,
            last_event_time: None,
            counts: Counts::default(),
            lags: VecDeque::new(),
            records: VecDeque::new(),
            blind: BTreeMap::new(),
            carried: BTreeMap::new(),
            landed: BTreeMap::new(),
        }
    }

    /// Takes in an accepted record, unless it is the repetition of one: which rules are blind to it for want of which field,
    /// and which fields it has.
    pub(super) fn accepted(
        &mut self,
        posted: &PostedTransaction,
        warning: Option<&str>,
        (blind, carried): (Vec<Need>, Vec<(&str, bool)>),
        day: NaiveDate,
    ) {
        let (header, till) = (&posted.header, &posted.transaction);
        let landed = self.landed.entry(header.landing_partition).or_insert(-1);
        if header.landing_offset <= *landed {
            return;
        }
        *landed = header.landing_offset;
        let entry = Entry {
            received_at: header.received_at,
            event_time: Some(header.event_time),
            outcome: Outcome::Accepted,
            kind: Some(till.kind.as_str().to_owned()),
            receipt_no: till.receipt_no.clone(),
            event_id: Some(header.event_id),
            code: None,
            detail: None,
            warning: warning.map(str::to_owned),
        };
        if let Some(lag) = entry.lag_ms() {
            push(&mut self.lags, (header.received_at, lag));
        }
        for (rule, field, missing) in blind {
            push(self.blind.entry((rule, field)).or_default(), (header.received_at, missing));
        }
        for (field, has) in carried {
            self.carried.entry(field.to_owned()).or_default().note(header.received_at, has);
        }
        self.last_event_time = self.last_event_time.max(Some(header.event_time));
        self.heard(entry, day);
    }

    /// Notes a record.
    pub(super) fn heard(&mut self, entry: Entry, day: NaiveDate) {
        self.last_received_at = self.last_received_at.max(entry.received_at);
        self.counts.count(entry.outcome, day);
        if entry.warning.is_some() {
            self.counts.warn(day);
        }
        // Topics are read side by side: what comes late goes to its place.
        let place = self.records.partition_point(|other| other.received_at > entry.received_at);
        self.records.insert(place, entry);
        self.records.truncate(RECORDS);
    }
}

/// The value that this share of the sorted values does not exceed.
pub(crate) fn quantile(sorted: &[i64], percent: usize) -> Option<i64> {
    sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied()
}
