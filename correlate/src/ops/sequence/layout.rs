//! [`Layout`]: the rows of a sequence by key, each key's in order, without moving them.
//!
//! Keys are told apart as `GROUP BY` does it (two nulls are the same key). Rows mostly come in the order of time: whether
//! they do is looked at first, and sorted is only what is not.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, UInt64Array};
use arrow::compute::{LexicographicalComparator, SortColumn};
use arrow::datatypes::{Field, Schema};
use datafusion::error::Result;
use datafusion::physical_plan::aggregates::group_values::new_group_values;
use datafusion::physical_plan::aggregates::order::GroupOrdering;

/// Rows in order. A *place* is where a row stands in it.
#[derive(Debug)]
pub(super) struct Layout {
    /// The row at each place.
    rows: Vec<usize>,
    keys: Vec<Range<usize>>,
}

impl Layout {
    /// Orders rows by key and, within one, by columns of which the first says `times`.
    ///
    /// # Errors
    /// When values of a type cannot be compared.
    pub(super) fn new(keys: &[ArrayRef], order: &[SortColumn], times: &Int64Array) -> Result<Self> {
        let mut layout = Self::by_key(keys, times.len())?;
        let comparator = LexicographicalComparator::try_new(order)?;
        let compare = |one: &usize, other: &usize| {
            // Most rows differ by their time.
            let known = times.is_valid(*one) && times.is_valid(*other);
            let by_time = if known { times.value(*one).cmp(&times.value(*other)) } else { Ordering::Equal };
            by_time.then_with(|| comparator.compare(*one, *other))
        };
        for key in &layout.keys {
            let rows = layout.rows.get_mut(key.clone()).unwrap_or_default();
            if !rows.is_sorted_by(|one, other| compare(one, other).is_le()) {
                rows.sort_by(compare);
            }
        }
        Ok(layout)
    }

    fn by_key(keys: &[ArrayRef], count: usize) -> Result<Self> {
        if keys.is_empty() || count == 0 {
            return Ok(Self { rows: (0..count).collect(), keys: std::iter::once(0..count).collect() });
        }
        let field = |(number, key): (usize, &ArrayRef)| Field::new(number.to_string(), key.data_type().clone(), true);
        let schema = Schema::new(keys.iter().enumerate().map(field).collect::<Vec<_>>());
        let mut groups = new_group_values(Arc::new(schema), &GroupOrdering::None)?;
        let mut of = Vec::with_capacity(count);
        groups.intern(keys, &mut of)?;
        let mut counts = vec![0_usize; groups.len()];
        for group in &of {
            if let Some(count) = counts.get_mut(*group) {
                *count += 1;
            }
        }
        let mut begin = 0;
        let keys: Vec<Range<usize>> = counts
            .iter()
            .map(|count| {
                begin += count;
                begin - count..begin
            })
            .collect();
        let mut next: Vec<usize> = keys.iter().map(|key| key.start).collect();
        let mut rows = vec![0; count];
        for (row, group) in of.iter().enumerate() {
            let Some(place) = next.get_mut(*group) else { continue };
            if let Some(at) = rows.get_mut(*place) {
                *at = row;
            }
            *place += 1;
        }
        Ok(Self { rows, keys })
    }

    /// The places of each key.
    pub(super) fn keys(&self) -> &[Range<usize>] {
        &self.keys
    }

    /// The row at each place.
    pub(super) fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// The row at a place, as a number to take it by.
    pub(super) fn row(&self, place: usize) -> Option<u64> {
        self.rows.get(place).map(|row| *row as u64)
    }

    /// For each row the one that stands so many places before it among those of its key.
    pub(super) fn before(&self, places: usize) -> UInt64Array {
        let mut before = vec![None; self.rows.len()];
        for key in &self.keys {
            let rows = self.rows.get(key.clone()).unwrap_or_default();
            for (row, earlier) in rows.iter().skip(places).zip(rows) {
                if let Some(before) = before.get_mut(*row) {
                    *before = Some(*earlier as u64);
                }
            }
        }
        UInt64Array::from(before)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;

    use super::*;

    #[test]
    fn rows_stand_by_key_and_time_and_know_the_one_before() {
        let keys: ArrayRef = Arc::new(StringArray::from(vec![Some("b"), Some("a"), Some("b"), None, Some("b"), None]));
        let times = Int64Array::from(vec![30, 5, 10, 2, 10, 1]);
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![0, 1, 9, 3, 4, 5]));
        let order =
            [SortColumn { values: Arc::new(times.clone()), options: None }, SortColumn { values: ids, options: None }];
        let layout = Layout::new(&[keys], &order, &times).unwrap();
        let standing: Vec<&[usize]> = layout.keys().iter().map(|key| &layout.rows()[key.clone()]).collect();
        assert_eq!(standing, [&[4, 2, 0][..], &[1], &[5, 3]]);
        let before = layout.before(1);
        assert_eq!(before.iter().collect::<Vec<_>>(), [Some(2), None, Some(4), Some(5), None, None]);
        assert_eq!(layout.before(2).iter().flatten().collect::<Vec<_>>(), [4]);
        let one = Layout::new(&[], &order[..1], &times).unwrap();
        assert_eq!((one.keys().first(), one.rows()), (Some(&(0..6)), &[5, 3, 1, 2, 4, 0][..]));
        let none = Int64Array::from(Vec::<i64>::new());
        let order = [SortColumn { values: Arc::new(none.clone()), options: None }];
        assert!(Layout::new(&[Arc::new(none.clone())], &order, &none).unwrap().rows().is_empty());
    }
}
