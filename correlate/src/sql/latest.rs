//! `latest(value, place ...)`: of the rows of a group the value of the one whose place is the highest, nulls included. A place
//! is two or three numbers or instants, compared one after the other.
//!
//! It is what the views are made of that show the last record of each key: sorting the whole table by key and place for
//! `row_number() = 1` takes five times as long. It works with GROUP BY only, and the views are all who use it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, UInt32Array, new_empty_array, new_null_array};
use arrow::compute::{cast, interleave, nullif, take};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::{exec_err, not_impl_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, TypeSignature, Volatility,
};

/// The numbers of a place; those that are missing are 0.
const NUMBERS: usize = 3;
/// Values that are kept beyond those that hold, before they are thrown away.
const SLACK: usize = 100_000;
/// The batch of a group that has no row.
const NONE: u32 = u32::MAX;

type Place = [i64; NUMBERS];

/// The function.
pub(super) fn latest() -> AggregateUDF {
    let arguments = (3..=NUMBERS + 1).map(TypeSignature::Any).collect();
    AggregateUDF::from(Latest { signature: Signature::one_of(arguments, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Latest {
    signature: Signature,
}

impl AggregateUDFImpl for Latest {
    fn name(&self) -> &'static str {
        "latest"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types.first() {
            Some(value) => Ok(value.clone()),
            None => exec_err!("latest takes a value and its place"),
        }
    }

    /// A value that is never null stays so: every group has a row.
    fn return_field(&self, arguments: &[FieldRef]) -> Result<FieldRef> {
        match arguments.first() {
            Some(value) => Ok(Arc::new(Field::new(self.name(), value.data_type().clone(), value.is_nullable()))),
            None => exec_err!("latest takes a value and its place"),
        }
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        not_impl_err!("latest without GROUP BY")
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let number = |n| Arc::new(Field::new(format!("{}[place {n}]", args.name), DataType::Int64, true));
        let value = Field::new(format!("{}[value]", args.name), args.return_field.data_type().clone(), true);
        Ok(std::iter::once(Arc::new(value)).chain((0..NUMBERS).map(number)).collect())
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Groups {
            value: args.return_field.data_type().clone(),
            best: Vec::new(),
            batches: Vec::new(),
            kept: 0,
            bytes: 0,
        }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// The row of a group that holds: its place, and where its value is kept.
#[derive(Debug, Clone, Copy)]
struct Best {
    place: Place,
    batch: u32,
    row: u32,
}

/// What holds of each group, and the values of it.
#[derive(Debug)]
struct Groups {
    value: DataType,
    best: Vec<Best>,
    batches: Vec<ArrayRef>,
    /// Values in the batches, those included that hold no more.
    kept: usize,
    bytes: usize,
}

impl Groups {
    /// Rows that may hold; those without a place are none.
    fn update(&mut self, values: &ArrayRef, places: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        let [first, second, third] = places else { return exec_err!("a place has {NUMBERS} numbers") };
        let (first, second, third) = (numbers(first)?, numbers(second)?, numbers(third)?);
        self.best.resize(total, Best { place: [i64::MIN; NUMBERS], batch: NONE, row: 0 });
        let batch = index(self.batches.len())?;
        for (row, group) in groups.iter().enumerate() {
            let Some(best) = self.best.get_mut(*group).filter(|_| first.is_valid(row)) else { continue };
            let place = [first.value(row), second.value(row), third.value(row)];
            if best.batch == NONE || place > best.place {
                *best = Best { place, batch, row: index(row)? };
            }
        }
        // Only what holds is kept.
        let mut holding = Vec::new();
        for (row, group) in groups.iter().enumerate() {
            let row = index(row)?;
            if let Some(best) = self.best.get_mut(*group).filter(|best| best.batch == batch && best.row == row) {
                best.row = index(holding.len())?;
                holding.push(row);
            }
        }
        if !holding.is_empty() {
            self.keep(take(values, &UInt32Array::from(holding), None)?);
        }
        if self.kept > 2 * self.best.len() + SLACK {
            let values = self.values(&self.best)?;
            (self.batches, self.kept, self.bytes) = (Vec::new(), 0, 0);
            for (row, best) in self.best.iter_mut().enumerate().filter(|(_, best)| best.batch != NONE) {
                (best.batch, best.row) = (0, index(row)?);
            }
            self.keep(values);
        }
        Ok(())
    }

    fn keep(&mut self, values: ArrayRef) {
        self.kept += values.len();
        self.bytes += values.get_array_memory_size();
        self.batches.push(values);
    }

    /// The values of these rows, null where a group has none.
    fn values(&self, rows: &[Best]) -> Result<ArrayRef> {
        if rows.is_empty() {
            return Ok(new_empty_array(&self.value));
        }
        let none = new_null_array(&self.value, 1);
        let arrays: Vec<&dyn Array> = self.batches.iter().chain([&none]).map(AsRef::as_ref).collect();
        let last = self.batches.len();
        let place = |best: &Best| match best.batch {
            NONE => Ok((last, 0)),
            batch => Ok((widen(batch)?, widen(best.row)?)),
        };
        let places = rows.iter().map(place).collect::<Result<Vec<_>>>()?;
        Ok(interleave(&arrays, &places)?)
    }

    fn emit(&mut self, emit_to: EmitTo) -> Result<(ArrayRef, Vec<Best>)> {
        let rows = emit_to.take_needed(&mut self.best);
        let values = self.values(&rows)?;
        if self.best.is_empty() {
            (self.batches, self.kept, self.bytes) = (Vec::new(), 0, 0);
        }
        Ok((values, rows))
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        let state = self.convert_to_state(values, filter)?;
        self.merge_batch(&state, groups, total)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(self.emit(emit_to)?.0)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (values, rows) = self.emit(emit_to)?;
        let number = |n: usize| -> ArrayRef {
            let of = |best: &Best| best.place.get(n).copied().filter(|_| best.batch != NONE);
            Arc::new(rows.iter().map(of).collect::<Int64Array>())
        };
        Ok(std::iter::once(values).chain((0..NUMBERS).map(number)).collect())
    }

    fn merge_batch(&mut self, state: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        match state.split_first() {
            Some((values, places)) => self.update(values, places, groups, total),
            None => exec_err!("latest has no state"),
        }
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let Some((value, places)) = values.split_first() else {
            return exec_err!("latest takes a value and its place");
        };
        let mut state = vec![ArrayRef::clone(value)];
        for place in places {
            state.push(cast(place, &DataType::Int64)?);
        }
        state.resize(NUMBERS + 1, Arc::new(Int64Array::from(vec![0; value.len()])));
        // A row without a place does not count; nor does one that a filter leaves out.
        if let (Some(filter), Some(first)) = (filter, state.get_mut(1)) {
            let out: BooleanArray = filter.iter().map(|counts| Some(counts != Some(true))).collect();
            *first = nullif(first, &out)?;
        }
        Ok(state)
    }

    fn size(&self) -> usize {
        self.bytes + self.best.capacity() * size_of::<Best>() + self.batches.capacity() * size_of::<ArrayRef>()
    }
}

fn numbers(array: &ArrayRef) -> Result<&Int64Array> {
    array.as_primitive_opt::<Int64Type>().ok_or_else(|| DataFusionError::Internal("a place is of numbers".to_owned()))
}

fn index(n: usize) -> Result<u32> {
    u32::try_from(n).map_err(|error| DataFusionError::External(Box::new(error)))
}

fn widen(n: u32) -> Result<usize> {
    usize::try_from(n).map_err(|error| DataFusionError::External(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;

    use super::*;

    fn groups() -> Groups {
        Groups { value: DataType::Utf8, best: Vec::new(), batches: Vec::new(), kept: 0, bytes: 0 }
    }

    fn rows(texts: &[Option<&str>], places: &[(i64, i64)]) -> Vec<ArrayRef> {
        let number = |of: fn(&(i64, i64)) -> i64| Arc::new(places.iter().map(of).collect::<Int64Array>()) as ArrayRef;
        vec![Arc::new(StringArray::from(texts.to_vec())), number(|place| place.0), number(|place| place.1)]
    }

    fn texts(array: &ArrayRef) -> Vec<Option<String>> {
        array.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
    }

    #[test]
    fn the_highest_place_holds_whatever_the_order_and_however_it_is_split() {
        let all = [(0, "a", (1, 5)), (1, "b", (9, 1)), (0, "c", (2, 0)), (1, "d", (8, 9)), (0, "e", (2, -1))];
        let mut parts = Vec::new();
        for part in all.chunks(2) {
            let texts: Vec<_> = part.iter().map(|row| Some(row.1)).collect();
            let places: Vec<_> = part.iter().map(|row| row.2).collect();
            let of: Vec<usize> = part.iter().map(|row| row.0).collect();
            let mut groups = groups();
            groups.update_batch(&rows(&texts, &places), &of, None, 2).unwrap();
            parts.push(groups.state(EmitTo::All).unwrap());
        }
        for order in [[0, 1, 2], [2, 1, 0]] {
            let mut whole = groups();
            for part in order {
                whole.merge_batch(&parts[part], &[0, 1], 2).unwrap();
            }
            assert_eq!(texts(&whole.evaluate(EmitTo::All).unwrap()), [Some("c".to_owned()), Some("b".to_owned())]);
        }
    }

    #[test]
    fn nulls_hold_too_and_filtered_rows_do_not() {
        let mut groups = groups();
        let filter = BooleanArray::from(vec![Some(true), Some(true), Some(false), None]);
        let batch = rows(&[Some("a"), None, Some("c"), Some("d")], &[(1, 0), (2, 0), (3, 0), (4, 0)]);
        groups.update_batch(&batch, &[0, 0, 0, 1], Some(&filter), 3).unwrap();
        assert_eq!(texts(&groups.evaluate(EmitTo::First(1)).unwrap()), [None]);
        groups.update_batch(&rows(&[Some("x")], &[(0, 0)]), &[1], None, 2).unwrap();
        assert_eq!(texts(&groups.evaluate(EmitTo::All).unwrap()), [None, Some("x".to_owned())]);
        assert!(groups.batches.is_empty() && groups.bytes == 0);
    }

    #[test]
    fn what_holds_no_more_is_thrown_away() {
        let mut groups = groups();
        let many = i64::try_from(SLACK).unwrap();
        for n in 0..many + 10 {
            groups.update_batch(&rows(&[Some("long enough to be seen")], &[(n, n)]), &[0], None, 1).unwrap();
        }
        assert!(groups.kept < SLACK && groups.batches.len() < SLACK, "{}", groups.kept);
        assert_eq!(texts(&groups.evaluate(EmitTo::All).unwrap()), [Some("long enough to be seen".to_owned())]);
    }
}
