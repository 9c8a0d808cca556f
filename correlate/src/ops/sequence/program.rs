//! [`Program`]: all that is known of a sequence before there are rows, and how it is found among them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow::compute::{SortColumn, SortOptions, take};
use arrow::datatypes::SchemaRef;
use datafusion::common::cast::as_boolean_array;
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;

use super::automaton::Automaton;
use super::formula::{Formula, Numbered, Value};
use super::layout::Layout;
use super::matcher::{Matcher, Rows, Trail};
use crate::ops::micros;

/// What is true of the rows of a variable.
#[derive(Debug, Default)]
pub(super) struct Variable {
    /// What each row says by itself.
    pub(super) row: Option<Formula>,
    /// What depends on the rows that the match has taken before.
    pub(super) looking_back: Option<Formula>,
}

/// A sequence, ready to be looked for.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) automaton: Automaton,
    pub(super) partition: Vec<Arc<dyn PhysicalExpr>>,
    pub(super) order: Vec<(Arc<dyn PhysicalExpr>, SortOptions)>,
    pub(super) within: Arc<dyn PhysicalExpr>,
    pub(super) values: Vec<Value>,
    pub(super) variables: Vec<Variable>,
    pub(super) names: Vec<String>,
    pub(super) measures: Vec<Formula>,
    pub(super) overlapping: bool,
}

/// Rows that are laid out.
struct Laid {
    layout: Layout,
    keys: Vec<ArrayRef>,
    values: Vec<ArrayRef>,
    /// By place: the variables that the row may be of.
    may: Vec<u64>,
    /// By place: when the row was, and when a match that begins with it must have ended.
    times: Vec<i64>,
    until: Vec<Option<i64>>,
}

impl Program {
    /// The expressions over the rows of the input.
    pub(super) fn over_input(&self) -> impl Iterator<Item = &Arc<dyn PhysicalExpr>> {
        let order = self.order.iter().map(|(expr, _)| expr);
        let values = self.values.iter().map(|value| &value.expr);
        self.partition.iter().chain(order).chain([&self.within]).chain(values)
    }

    /// A row for each match among some rows, key by key.
    ///
    /// # Errors
    /// When too many partial matches are open, and those of the expressions.
    pub(super) fn find(&self, rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
        let laid = self.lay(rows)?;
        let matches = self.matches(&laid)?;
        let first = |(taken, _): &Numbered| laid.layout.row(taken.rows.0);
        let first: UInt64Array = matches.iter().map(first).collect();
        let mut columns = Vec::with_capacity(schema.fields().len());
        for key in &laid.keys {
            columns.push(take(key, &first, None)?);
        }
        for measure in &self.measures {
            columns.push(measure.over_matches(&laid.values, &laid.layout, &matches, &self.names)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(matches.len()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
    }

    fn lay(&self, rows: &RecordBatch) -> Result<Laid> {
        let count = rows.num_rows();
        let of = |expr: &Arc<dyn PhysicalExpr>| -> Result<ArrayRef> { expr.evaluate(rows)?.into_array(count) };
        let keys = self.partition.iter().map(of).collect::<Result<Vec<_>>>()?;
        let order = self.order.iter().map(|(expr, options)| -> Result<SortColumn> {
            Ok(SortColumn { values: of(expr)?, options: Some(*options) })
        });
        let order = order.collect::<Result<Vec<_>>>()?;
        let times = match order.first() {
            Some(first) => micros::instants(&first.values)?,
            None => Int64Array::new_null(count),
        };
        let within = micros::lengths(&of(&self.within)?)?;
        let layout = Layout::new(&keys, &order, &times)?;
        let values = self.values.iter().map(|value| value.of(rows, &layout)).collect::<Result<Vec<_>>>()?;

        let mut may = vec![0_u64; count];
        for (number, variable) in self.variables.iter().enumerate() {
            let holds = variable.row.as_ref().map(|formula| formula.over_rows(&values, count)).transpose()?;
            let holds = holds.as_ref().map(|holds| as_boolean_array(holds)).transpose()?;
            for (may, row) in may.iter_mut().zip(layout.rows()) {
                // A row without a time is of no variable.
                let holds = holds.is_none_or(|holds| holds.is_valid(*row) && holds.value(*row));
                *may |= u64::from(holds && times.is_valid(*row)) << (number & 63);
            }
        }
        let known = |values: &Int64Array, row: usize| values.is_valid(row).then(|| values.value(row));
        let ends = |row: &usize| known(&times, *row)?.checked_add(known(&within, *row)?);
        let until = layout.rows().iter().map(ends).collect();
        let times = layout.rows().iter().map(|row| known(&times, *row).unwrap_or(i64::MIN)).collect();
        Ok(Laid { layout, keys, values, may, times, until })
    }

    fn matches(&self, laid: &Laid) -> Result<Vec<Numbered>> {
        let count = self.variables.len();
        let looks_back = self.variables.iter().any(|variable| variable.looking_back.is_some());
        let mut matcher = Matcher::new(&self.automaton, count, looks_back);
        let mut judge = |variable: usize, row: usize, trail: &Trail, from: Option<usize>| -> Result<bool> {
            let Some(formula) = self.variables.get(variable).and_then(|variable| variable.looking_back.as_ref()) else {
                return Ok(true);
            };
            let tested = [(trail.with(from, variable, row, count), 0)];
            let said = formula.over_matches(&laid.values, &laid.layout, &tested, &self.names)?;
            let said = as_boolean_array(&said)?;
            Ok(said.is_valid(0) && said.value(0))
        };
        let rows = Rows { variables: &laid.may, times: &laid.times };
        let first = self.automaton.first();
        let mut matches: Vec<Numbered> = Vec::new();
        for key in laid.layout.keys() {
            let (mut begin, mut number) = (key.start, 1);
            while begin < key.end {
                let may_begin = laid.may.get(begin).is_some_and(|may| may & first != 0);
                let until = laid.until.get(begin).copied().flatten().filter(|_| may_begin);
                let found = match until {
                    Some(until) => matcher.find(rows, begin..key.end, until, &mut judge)?,
                    None => None,
                };
                begin += 1;
                if let Some(taken) = found {
                    if !self.overlapping {
                        begin = taken.rows.1 + 1;
                    }
                    matches.push((taken, number));
                    number += 1;
                }
            }
        }
        Ok(matches)
    }
}
