//! [`IntervalIndex`]: the left rows of an interval join by key, and within a key by where their stretch begins.
//!
//! Beside each row stands how far any row up to it reaches. Rows that overlap `[from, to]` lie between the first whose
//! reach comes up to `from` and the last that begins by `to`; both are found by halving.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, UInt64Array};
use arrow::buffer::NullBuffer;
use arrow::compute::{partition, take};
use arrow::datatypes::{DataType, Schema};
use arrow::row::{RowConverter, SortField};
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::joins::utils::JoinOnRef;

use super::band::Band;

/// A row of the left side in the index.
#[derive(Debug, Clone, Copy)]
struct Entry {
    from: i64,
    to: i64,
    /// The greatest `to` of the key's rows up to here.
    reach: i64,
    row: u64,
}

/// The left side of an interval join.
#[derive(Debug)]
pub(super) struct IntervalIndex {
    pub(super) rows: RecordBatch,
    converter: RowConverter,
    groups: HashMap<Box<[u8]>, Range<usize>>,
    entries: Vec<Entry>,
}

/// The rows of one key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group<'a>(&'a [Entry]);

impl IntervalIndex {
    /// Orders the left rows. `keys` are over the left side's columns.
    pub(super) fn new(rows: RecordBatch, keys: &[Arc<dyn PhysicalExpr>], band: &Band) -> Result<Self> {
        let columns = values(keys, &rows)?;
        let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
        let converter = RowConverter::new(fields)?;
        let stretches = band.of_left(&rows)?;
        let unknown = without_key(&columns);
        let encoded = converter.convert_columns(&columns)?;
        let mut by_key: HashMap<Box<[u8]>, Vec<Entry>> = HashMap::new();
        for (row, ((from, to), key)) in stretches.from.iter().zip(&stretches.to).zip(encoded.iter()).enumerate() {
            let (Some(from), Some(to)) = (from, to) else { continue };
            if unknown.as_ref().is_some_and(|unknown| unknown.is_null(row)) {
                continue;
            }
            let entry = Entry { from, to, reach: to, row: row as u64 };
            match by_key.get_mut(key.as_ref()) {
                Some(entries) => entries.push(entry),
                None => {
                    by_key.insert(key.as_ref().into(), vec![entry]);
                }
            }
        }
        let mut entries = Vec::with_capacity(by_key.values().map(Vec::len).sum());
        let mut groups = HashMap::with_capacity(by_key.len());
        for (key, mut of_key) in by_key {
            of_key.sort_unstable_by_key(|entry| (entry.from, entry.row));
            let mut reach = i64::MIN;
            for entry in &mut of_key {
                reach = reach.max(entry.to);
                entry.reach = reach;
            }
            groups.insert(key, entries.len()..entries.len() + of_key.len());
            entries.extend(of_key);
        }
        Ok(Self { rows, converter, groups, entries })
    }

    /// Bytes held, beside the rows themselves.
    pub(super) fn size(&self) -> usize {
        let keys: usize = self.groups.keys().map(|key| key.len() + 48).sum();
        keys + self.entries.capacity() * size_of::<Entry>() + self.converter.size()
    }

    /// Whether no right row can find a partner.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The runs of right rows with equal keys, and the left rows of each; runs without any are left out. `keys` are over
    /// the right side's columns.
    pub(super) fn runs(
        &self,
        rows: &RecordBatch,
        keys: &[Arc<dyn PhysicalExpr>],
    ) -> Result<Vec<(Range<usize>, Range<usize>)>> {
        if rows.num_rows() == 0 || self.is_empty() {
            return Ok(Vec::new());
        }
        let columns = values(keys, rows)?;
        let runs = partition(&columns)?.ranges();
        let heads: UInt64Array = runs.iter().map(|run| Some(run.start as u64)).collect();
        let heads = columns.iter().map(|column| take(column, &heads, None)).collect::<Result<Vec<ArrayRef>, _>>()?;
        let unknown = without_key(&heads);
        let encoded = self.converter.convert_columns(&heads)?;
        let known = |number: usize| unknown.as_ref().is_none_or(|unknown| unknown.is_valid(number));
        let found = runs.into_iter().zip(encoded.iter()).enumerate().filter(|(number, _)| known(*number));
        Ok(found.filter_map(|(_, (run, key))| Some((run, self.groups.get(key.as_ref())?.clone()))).collect())
    }

    /// The rows of a key.
    pub(super) fn group(&self, range: &Range<usize>) -> Group<'_> {
        Group(self.entries.get(range.clone()).unwrap_or_default())
    }

    /// Whether the keys of both sides are of the same kinds, and of kinds whose equality is that of their bytes.
    pub(super) fn can_hold(on: JoinOnRef<'_>, left: &Schema, right: &Schema) -> bool {
        on.iter().all(|(one, other)| match (one.data_type(left), other.data_type(right)) {
            (Ok(one), Ok(other)) => one == other && !one.is_floating() && !one.is_nested() && one != DataType::Null,
            _ => false,
        })
    }
}

impl Group<'_> {
    /// The left rows whose stretch overlaps one.
    pub(super) fn overlapping(&self, from: i64, to: i64) -> impl Iterator<Item = u64> + '_ {
        let until = self.0.partition_point(|entry| entry.from <= to);
        let begun = self.0.get(..until).unwrap_or_default();
        let first = begun.partition_point(|entry| entry.reach < from);
        let near = begun.get(first..).unwrap_or_default();
        near.iter().filter(move |entry| entry.to >= from).map(|entry| entry.row)
    }

    /// Where the key's rows begin at the earliest, and reach at the latest.
    pub(super) fn extent(&self) -> (i64, i64) {
        let first = self.0.first().map_or(i64::MAX, |entry| entry.from);
        (first, self.0.last().map_or(i64::MIN, |entry| entry.reach))
    }
}

/// The rows that have no key: a null equals nothing.
fn without_key(columns: &[ArrayRef]) -> Option<NullBuffer> {
    let nulls = columns.iter().map(Array::logical_nulls);
    nulls.fold(None, |all, nulls| NullBuffer::union(all.as_ref(), nulls.as_ref()))
}

fn values(exprs: &[Arc<dyn PhysicalExpr>], rows: &RecordBatch) -> Result<Vec<ArrayRef>> {
    exprs.iter().map(|expr| expr.evaluate(rows)?.into_array(rows.num_rows())).collect()
}
