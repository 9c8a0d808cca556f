//! [`Known`]: what must be known of a whole span before its first chunk is judged: the clocks of all registers, and which
//! transactions were corrected.

use std::collections::{HashMap, HashSet};

use arrow::array::{Array as _, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::{SortColumn, filter_record_batch, lexsort_to_indices};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::TimeDelta;
use tillsight_schemas::TimeSpan;
use tillsight_schemas::clock_offset::ClockMethod;
use tillsight_schemas::id::StoreKey;

use super::super::clock::{Arrival, Clocks, RegisterClock, Version};
use super::super::memory::RETENTION;
use crate::error::Error;
use crate::lake::{History, Picked, Table};

/// How much around a span is read: what a register's clock grew from, and corrections that came after.
pub(super) const AROUND: TimeDelta = TimeDelta::microseconds(RETENTION);
const COLUMNS: &[&str] = &[
    "tenant_id",
    "store_id",
    "register_id",
    "event_id",
    "revision",
    "replaces",
    "event_time",
    "event_time_uncertainty_ms",
    "received_at",
    "landing_offset",
];

/// What was told of clocks live: of that, what customers stated. What arrivals state is computed anew.
const TOLD: &[&str] = &[
    "tenant_id",
    "store_id",
    "register_id",
    "version",
    "valid_from",
    "offset_us",
    "uncertainty_us",
    "method",
    "samples",
    "drift_ppb",
    "measured_at",
    "refusal",
];

/// Clocks and corrections of a span.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Every version that the clock of a register had.
    pub(crate) clocks: Clocks,
    /// The transactions that another one replaces.
    replaced: HashSet<String>,
    /// The highest revision of those that have more than one.
    revised: HashMap<String, i32>,
    /// The event times of all transactions, every revision, in order.
    times: Vec<i64>,
}

impl Known {
    /// Reads it for some stores.
    ///
    /// # Errors
    /// As [`History::scan`].
    pub(crate) async fn read(history: &History, stores: &[StoreKey], span: TimeSpan) -> Result<Self, Error> {
        let around = TimeSpan::new(span.start() - AROUND, span.end() + AROUND).unwrap_or(span);
        let picked = Picked { stores: Some(stores), span: around, columns: COLUMNS, kinds: &[], corrections: false };
        let rows = history.pick(Table::Transactions, picked).await?;
        let told = history.pick(Table::Clocks, Picked { columns: TOLD, ..picked }).await?;
        let mut known = Self::of(&rows).map_err(Error::columns)?;
        known.told(&told).map_err(Error::columns)?;
        Ok(known)
    }

    fn of(rows: &RecordBatch) -> Result<Self, ArrowError> {
        let column = |name: &str| column(rows, name);
        let mut times = column("event_time")?.as_primitive::<TimestampMicrosecondType>().values().to_vec();
        times.sort_unstable();
        let mut known = Self { times, ..Self::default() };
        let (ids, replaces) = (column("event_id")?.as_string::<i32>(), column("replaces")?.as_string::<i32>());
        let revisions = column("revision")?.as_primitive::<Int32Type>().values();
        for ((id, revision), replaces) in ids.iter().zip(revisions).zip(replaces) {
            let Some(id) = id else { continue };
            if let Some(old) = replaces.filter(|old| *old != id) {
                known.replaced.insert(old.to_owned());
            }
            if *revision > 0 {
                let highest = known.revised.entry(id.to_owned()).or_default();
                *highest = (*highest).max(*revision);
            }
        }
        known.hear(rows)?;
        Ok(known)
    }

    /// Sets the clocks by the records in the order of their arrival.
    fn hear(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        let column = |name: &str| column(rows, name);
        let by = |name: &str| Ok::<_, ArrowError>(SortColumn { values: ArrayRef::clone(column(name)?), options: None });
        let order = lexsort_to_indices(&[by("received_at")?, by("landing_offset")?], None)?;
        let text = |name: &str| Ok::<_, ArrowError>(column(name)?.as_string::<i32>());
        let (tenants, stores, registers) = (text("tenant_id")?, text("store_id")?, text("register_id")?);
        let instants = |name: &str| Ok::<_, ArrowError>(column(name)?.as_primitive::<TimestampMicrosecondType>());
        let (events, received) = (instants("event_time")?, instants("received_at")?);
        let uncertain = column("event_time_uncertainty_ms")?.as_primitive::<Int64Type>();
        let mut clocks: HashMap<(&str, &str, &str), RegisterClock> = HashMap::new();
        for row in order.values() {
            let row = usize::try_from(*row).unwrap_or_default();
            let clock = clocks.entry((tenants.value(row), stores.value(row), registers.value(row))).or_default();
            clock.hear(Arrival::new(events.value(row), received.value(row), uncertain.value(row)));
        }
        let named = clocks
            .into_iter()
            .map(|((tenant, store, register), clock)| (format!("{tenant}/{store}/{register}"), clock));
        self.clocks.extend(named);
        Ok(())
    }

    /// Takes in what was told live of the clocks, in the order in which it was.
    fn told(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        let column = |name: &str| column(rows, name);
        let versions = ArrayRef::clone(column("version")?);
        let order = lexsort_to_indices(&[SortColumn { values: ArrayRef::clone(&versions), options: None }], None)?;
        let text = |name: &str| Ok::<_, ArrowError>(column(name)?.as_string::<i32>());
        let long = |name: &str| Ok::<_, ArrowError>(column(name)?.as_primitive::<Int64Type>());
        let (tenants, stores, registers) = (text("tenant_id")?, text("store_id")?, text("register_id")?);
        let (methods, refusals) = (text("method")?, text("refusal")?);
        let (offsets, uncertain, drifts) = (long("offset_us")?, long("uncertainty_us")?, long("drift_ppb")?);
        let instants = |name: &str| Ok::<_, ArrowError>(column(name)?.as_primitive::<TimestampMicrosecondType>());
        let (from, measured) = (instants("valid_from")?, instants("measured_at")?);
        let samples = column("samples")?.as_primitive::<Int32Type>();
        let versions = versions.as_primitive::<Int64Type>();
        for row in order.values() {
            let row = usize::try_from(*row).unwrap_or_default();
            let name = format!("{}/{}/{}", tenants.value(row), stores.value(row), registers.value(row));
            self.clocks.entry(name).or_default().told(Version {
                version: versions.value(row),
                valid_from_us: from.value(row),
                offset_us: offsets.value(row),
                uncertainty_us: uncertain.value(row),
                method: methods.value(row).parse().unwrap_or(ClockMethod::Unsynchronised),
                samples: samples.value(row),
                at_us: if measured.is_valid(row) { measured.value(row) } else { from.value(row) },
                drift_ppb: if drifts.is_valid(row) { drifts.value(row) } else { 0 },
                refusal: refusals.is_valid(row).then(|| refusals.value(row)).and_then(|code| code.parse().ok()),
            });
        }
        Ok(())
    }

    /// How many transactions a span has, every revision.
    pub(crate) fn transactions_in(&self, span: TimeSpan) -> usize {
        let before = |at: i64| self.times.partition_point(|time| *time < at);
        before(span.end().timestamp_micros()) - before(span.start().timestamp_micros())
    }

    /// Whether another transaction replaces one.
    pub(super) fn is_replaced(&self, id: &str) -> bool {
        !self.replaced.is_empty() && self.replaced.contains(id)
    }

    /// The rows of the highest revisions.
    pub(super) fn highest(&self, rows: RecordBatch) -> Result<RecordBatch, ArrowError> {
        if self.revised.is_empty() {
            return Ok(rows);
        }
        let (ids, revisions) = (column(&rows, "event_id")?, column(&rows, "revision")?);
        let revisions = revisions.as_primitive::<Int32Type>().values();
        let highest = by_id(ids.as_string(), |id| self.revised.get(id).copied());
        only(
            &rows,
            highest.zip(revisions).map(|(highest, revision)| highest.is_none_or(|highest| highest == *revision)),
        )
    }

    /// The rows that no other transaction replaces.
    pub(super) fn standing(&self, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        if self.replaced.is_empty() {
            return Ok(rows.clone());
        }
        let ids = column(rows, "event_id")?.as_string();
        only(rows, by_id(ids, |id| (!self.replaced.contains(id)).then_some(())).map(|stands| stands.is_some()))
    }
}

/// What is said of the id of each row. It is asked once where rows of one id stand together, as items do.
fn by_id<'a, T: Copy>(
    ids: &'a StringArray,
    mut of: impl FnMut(&'a str) -> Option<T>,
) -> impl Iterator<Item = Option<T>> {
    let mut last = ("", None);
    ids.iter().map(move |id| {
        let id = id.unwrap_or_default();
        if last.0 != id {
            last = (id, of(id));
        }
        last.1
    })
}

/// The rows that are kept.
fn only(rows: &RecordBatch, kept: impl Iterator<Item = bool>) -> Result<RecordBatch, ArrowError> {
    let kept: BooleanArray = kept.map(Some).collect();
    if kept.true_count() == rows.num_rows() { Ok(rows.clone()) } else { filter_record_batch(rows, &kept) }
}

/// A column of some rows.
pub(super) fn column<'a>(rows: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    rows.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("no column {name}")))
}
