//! [`Probe`]: a batch of the right side on its way through an interval join.
//!
//! Pairs are found by row, in the order of the batch, and handed out in portions: a right row that overlaps everything
//! must not make a million pairs at once.

use std::ops::Range;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array, UInt64Array};
use arrow::compute::{filter, take};
use arrow::datatypes::UInt32Type;
use arrow::datatypes::UInt64Type;
use datafusion::common::JoinSide;
use datafusion::common::cast::as_boolean_array;
use datafusion::error::Result;
use datafusion::physical_plan::joins::utils::JoinFilter;

use super::band::Stretches;
use super::interval_index::IntervalIndex;

/// Left and right rows that belong together, in the order of the right ones.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    pub(super) left: Vec<u64>,
    pub(super) right: Vec<u32>,
}

/// A batch of the right side, and how far it was probed.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) rows: RecordBatch,
    stretches: Stretches,
    runs: std::vec::IntoIter<(Range<usize>, Range<usize>)>,
    run: Option<(Range<usize>, Range<usize>)>,
    next: usize,
}

impl Probe {
    /// Begins with a batch and its runs of equal keys.
    pub(super) fn new(rows: RecordBatch, stretches: Stretches, runs: Vec<(Range<usize>, Range<usize>)>) -> Self {
        Self { rows, stretches, runs: runs.into_iter(), run: None, next: 0 }
    }

    /// The next pairs, about `most` of them, and the right rows that were looked at for them; `None` when the batch is
    /// through.
    pub(super) fn pairs(&mut self, index: &IntervalIndex, most: usize) -> Option<(Pairs, Range<usize>)> {
        let first = self.next;
        if first >= self.rows.num_rows() {
            return None;
        }
        let mut pairs = Pairs::default();
        while pairs.left.len() < most {
            let Some((run, group)) = self.run.take().or_else(|| self.runs.next()) else {
                self.next = self.rows.num_rows();
                break;
            };
            let rest = self.probe(index, run, &group, most, &mut pairs);
            self.next = rest.start;
            self.run = (!rest.is_empty()).then_some((rest, group));
        }
        Some((pairs, first..self.next))
    }

    /// Pairs the rows of a run; what is left of it when there are enough.
    fn probe(
        &self,
        index: &IntervalIndex,
        run: Range<usize>,
        group: &Range<usize>,
        most: usize,
        pairs: &mut Pairs,
    ) -> Range<usize> {
        let group = index.group(group);
        let (begins, ends) = group.extent();
        let (from, to) = (self.stretches.from.values(), self.stretches.to.values());
        let (from, to) = (from.get(run.clone()).unwrap_or_default(), to.get(run.clone()).unwrap_or_default());
        let known = |row| self.stretches.from.is_valid(row) && self.stretches.to.is_valid(row);
        for (row, (from, to)) in run.clone().zip(from.iter().zip(to)) {
            // Most rows of a long history have no anchor near.
            if *to < begins || *from > ends || !known(row) {
                continue;
            }
            let before = pairs.left.len();
            pairs.left.extend(group.overlapping(*from, *to));
            let number = u32::try_from(row).unwrap_or(u32::MAX);
            pairs.right.resize(pairs.right.len() + pairs.left.len() - before, number);
            if pairs.left.len() >= most {
                return row + 1..run.end;
            }
        }
        run.end..run.end
    }
}

impl Pairs {
    /// Keeps the pairs that a join's condition is true of.
    pub(super) fn keep(self, condition: &JoinFilter, left: &RecordBatch, right: &RecordBatch) -> Result<Self> {
        let (of_left, of_right) = (UInt64Array::from(self.left), UInt32Array::from(self.right));
        let columns = condition.column_indices().iter().map(|index| match index.side {
            JoinSide::Left => take(left.column(index.index), &of_left, None),
            _ => take(right.column(index.index), &of_right, None),
        });
        let options = RecordBatchOptions::new().with_row_count(Some(of_left.len()));
        let schema = std::sync::Arc::clone(condition.schema());
        let rows = RecordBatch::try_new_with_options(schema, columns.collect::<Result<_, _>>()?, &options)?;
        let holds = condition.expression().evaluate(&rows)?.into_array(rows.num_rows())?;
        let holds: &BooleanArray = as_boolean_array(&holds)?;
        let left = filter(&of_left, holds)?.as_primitive::<UInt64Type>().values().to_vec();
        let right = filter(&of_right, holds)?.as_primitive::<UInt32Type>().values().to_vec();
        Ok(Self { left, right })
    }
}
