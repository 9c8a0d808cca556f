//! Tiles of the lake as the spans that rules read: neighbours of a zone in the same state are one span, as in
//! [`super::super::memory`]. Where tiles overlap, what was said first holds.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::{cast, sort_to_indices, take, take_record_batch};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::error::ArrowError;
use tillsight_schemas::id::StoreKey;

use super::super::tables;
use super::known::column;

/// The columns of the lake that are read.
pub(super) const COLUMNS: &[&str] =
    &["tenant_id", "store_id", "register_id", "zone_id", "zone_kind", "start_at", "end_at", "state", "blind", "source"];

/// The spans of some zones.
#[derive(Debug)]
pub(super) struct Spans {
    /// Rows of `presence`, by store, register, zone and time.
    pub(super) rows: RecordBatch,
    /// The rows of each store.
    pub(super) of_store: BTreeMap<StoreKey, Range<usize>>,
    /// Up to when each zone has spoken, by store and zone.
    pub(super) ends: HashMap<(StoreKey, String), i64>,
}

/// A span that is being made: the row of its first tile, and its time.
#[derive(Debug, Clone, Copy)]
struct Open {
    row: u32,
    start_us: i64,
    end_us: i64,
}

impl Spans {
    /// Joins tiles.
    ///
    /// # Errors
    /// [`ArrowError`] when the lake lacks a column.
    pub(super) fn of(tiles: &RecordBatch) -> Result<Self, ArrowError> {
        let tiles = by_time(tiles)?;
        let text = |name: &str| Ok::<_, ArrowError>(column(&tiles, name)?.as_string::<i32>());
        let (tenants, stores, zones) = (text("tenant_id")?, text("store_id")?, text("zone_id")?);
        let registers = text("register_id")?;
        let (states, blinds, sources) = (text("state")?, text("blind")?, text("source")?);
        let instants =
            |name: &str| Ok::<_, ArrowError>(column(&tiles, name)?.as_primitive::<TimestampMicrosecondType>());
        let (starts, ends) = (instants("start_at")?, instants("end_at")?);
        let mut lanes: HashMap<(&str, &str, &str), Vec<Open>> = HashMap::new();
        let same = |one: usize, other: usize| {
            states.value(one) == states.value(other)
                && sources.value(one) == sources.value(other)
                && blinds.is_null(one) == blinds.is_null(other)
                && (blinds.is_null(one) || blinds.value(one) == blinds.value(other))
        };
        for (row, number) in (0..tiles.num_rows()).zip(0_u32..) {
            let lane = lanes.entry((tenants.value(row), stores.value(row), zones.value(row))).or_default();
            let (mut start_us, end_us) = (starts.value(row), ends.value(row));
            if let Some(last) = lane.last_mut() {
                start_us = start_us.max(last.end_us);
                if start_us < end_us
                    && last.end_us == start_us
                    && same(usize::try_from(last.row).unwrap_or_default(), row)
                {
                    last.end_us = end_us;
                    continue;
                }
            }
            if start_us < end_us {
                lane.push(Open { row: number, start_us, end_us });
            }
        }
        let mut lanes: Vec<_> = lanes.into_iter().filter(|(_, lane)| !lane.is_empty()).collect();
        let register = |lane: &[Open]| {
            let first = lane.first().and_then(|open| usize::try_from(open.row).ok()).unwrap_or_default();
            registers.is_valid(first).then(|| registers.value(first))
        };
        lanes.sort_by_key(|((tenant, store, zone), lane)| (*tenant, *store, register(lane), *zone));
        let mut of_store: BTreeMap<StoreKey, Range<usize>> = BTreeMap::new();
        let mut spoken = HashMap::new();
        let mut at = 0;
        for ((tenant, store, zone), lane) in &lanes {
            let Ok(key) = format!("{tenant}/{store}").parse::<StoreKey>() else { continue };
            let end = lane.last().map_or(i64::MIN, |open| open.end_us);
            spoken.insert((key.clone(), (*zone).to_owned()), end);
            of_store.entry(key).or_insert(at..at).end = at + lane.len();
            at += lane.len();
        }
        let open = || lanes.iter().flat_map(|(_, lane)| lane);
        let order: UInt32Array = open().map(|open| Some(open.row)).collect();
        let schema = tables::presence_schema();
        let columns = schema.fields().iter().map(|field| -> Result<ArrayRef, ArrowError> {
            Ok(match field.name().as_str() {
                "start_us" => Arc::new(Int64Array::from_iter_values(open().map(|open| open.start_us))),
                "end_us" => Arc::new(Int64Array::from_iter_values(open().map(|open| open.end_us))),
                name => take(&cast(column(&tiles, name)?, field.data_type())?, &order, None)?,
            })
        });
        let rows = RecordBatch::try_new(Arc::clone(&schema), columns.collect::<Result<_, _>>()?)?;
        Ok(Self { rows, of_store, ends: spoken })
    }

    /// The places of a store's spans that overlap a stretch of time.
    pub(super) fn overlapping(&self, store: &StoreKey, of: &Range<i64>) -> Vec<usize> {
        let long = |name: &str| {
            self.rows.column_by_name(name).map(|column| column.as_primitive::<arrow::datatypes::Int64Type>().values())
        };
        let (Some(starts), Some(ends)) = (long("start_us"), long("end_us")) else { return Vec::new() };
        let ours = self.of_store.get(store).cloned().unwrap_or_default();
        let overlaps = |place: &usize| {
            starts.get(*place).is_some_and(|start| *start < of.end)
                && ends.get(*place).is_some_and(|end| *end > of.start)
        };
        ours.filter(overlaps).collect()
    }

    /// A text of a span.
    pub(super) fn text(&self, name: &str, place: usize) -> Option<&str> {
        let texts = self.rows.column_by_name(name)?.as_string_view_opt()?;
        texts.is_valid(place).then(|| texts.value(place))
    }

    /// A number of a span.
    pub(super) fn long(&self, name: &str, place: usize) -> i64 {
        let column =
            self.rows.column_by_name(name).and_then(|column| column.as_primitive_opt::<arrow::datatypes::Int64Type>());
        column.map_or(0, |numbers| numbers.value(place))
    }
}

/// Tiles in the order of their beginnings.
fn by_time(tiles: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let starts = column(tiles, "start_at")?;
    let sorted = starts.as_primitive::<TimestampMicrosecondType>().values().is_sorted();
    if sorted { Ok(tiles.clone()) } else { take_record_batch(tiles, &sort_to_indices(starts, None, None)?) }
}
