//! [`Formula`]: an expression of `MATCH_RECOGNIZE`, ready to be computed.
//!
//! Each column and each [`Walk`] of the expression becomes a cell: a value of the input, and which row it is of. What
//! asks only about the row itself is computed over all rows at once; the rest over matches, a row each.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, StringArray, UInt64Array};
use arrow::compute::take;
use arrow::datatypes::{Field, FieldRef, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, internal_err};
use datafusion::error::Result;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, ExprSchemable};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_planner::PhysicalPlanner;

use super::layout::Layout;
use super::matcher::Taken;
use super::navigation::{Navigation, Walk};

/// A value of the input: an expression over its columns, of the row or of one some places before it.
#[derive(Debug)]
pub(super) struct Value {
    logical: Expr,
    pub(super) expr: Arc<dyn PhysicalExpr>,
    before: usize,
}

/// A value, and the row that it is of.
#[derive(Debug, PartialEq, Eq)]
struct Cell {
    walk: Walk,
    /// The number of the value; none for what is no value of a row.
    value: Option<usize>,
}

/// An expression over cells.
#[derive(Debug)]
pub(super) struct Formula {
    expr: Arc<dyn PhysicalExpr>,
    cells: Vec<Cell>,
    schema: SchemaRef,
}

/// A match and its number among those of its key.
pub(super) type Numbered = (Taken, i64);

/// Makes formulas over the same input, which share their values.
pub(super) struct Maker<'a> {
    pub(super) planner: &'a dyn PhysicalPlanner,
    pub(super) session: &'a dyn Session,
    pub(super) planning: &'a PhysicalPlanningContext,
    /// The columns of the input.
    pub(super) rows: &'a DFSchema,
    pub(super) values: Vec<Value>,
}

impl Maker<'_> {
    /// An expression over the input's columns.
    ///
    /// # Errors
    /// When DataFusion cannot plan it.
    pub(super) fn over_rows(&self, expr: &Expr) -> Result<Arc<dyn PhysicalExpr>> {
        self.planner.create_physical_expr(expr, self.rows, self.session, self.planning)
    }

    /// A formula; columns that stand for themselves are of the row that a walk leads to.
    ///
    /// # Errors
    /// When DataFusion cannot plan it.
    pub(super) fn formula(&mut self, expr: Expr, column: Walk) -> Result<Formula> {
        let (mut cells, mut fields): (Vec<Cell>, Vec<FieldRef>) = Default::default();
        let rows = self.rows;
        let expr = expr.transform_down(|expr| {
            let found = match &expr {
                Expr::Column(_) => Some((column, Some(expr.clone()))),
                Expr::ScalarFunction(call) => Navigation::in_call(call).map(|(walk, value)| (walk, value.cloned())),
                _ => None,
            };
            let Some((walk, value)) = found else { return Ok(Transformed::no(expr)) };
            let (walk, before) = if let Walk::Before(places) = walk { (Walk::Here, places) } else { (walk, 0) };
            let value = value.map(|value| self.value(value, before)).transpose()?;
            let cell = Cell { walk, value };
            let number = match cells.iter().position(|known| *known == cell) {
                Some(number) => number,
                None => {
                    fields.push(Arc::new(Field::new(format!("cell {}", cells.len()), expr.get_type(rows)?, true)));
                    cells.push(cell);
                    cells.len() - 1
                }
            };
            Ok(Transformed::yes(Expr::Column(Column::new_unqualified(format!("cell {number}")))))
        })?;
        let schema = DFSchema::from_unqualified_fields(fields.into(), HashMap::new())?;
        let expr = self.planner.create_physical_expr(&expr.data, &schema, self.session, self.planning)?;
        Ok(Formula { expr, cells, schema: Arc::clone(schema.inner()) })
    }

    fn value(&mut self, logical: Expr, before: usize) -> Result<usize> {
        if let Some(known) = self.values.iter().position(|value| value.logical == logical && value.before == before) {
            return Ok(known);
        }
        let expr = self.over_rows(&logical)?;
        self.values.push(Value { logical, expr, before });
        Ok(self.values.len() - 1)
    }
}

impl Value {
    /// The value of each row.
    pub(super) fn of(&self, rows: &RecordBatch, layout: &Layout) -> Result<ArrayRef> {
        let values = self.expr.evaluate(rows)?.into_array(rows.num_rows())?;
        Ok(if self.before == 0 { values } else { take(&values, &layout.before(self.before), None)? })
    }
}

impl Formula {
    /// Whether it asks about nothing but the row that is tested.
    pub(super) fn of_the_row(&self) -> bool {
        self.cells.iter().all(|cell| cell.walk == Walk::Here)
    }

    /// What it comes to for each row; for formulas [`Self::of_the_row`].
    ///
    /// # Errors
    /// Those of the computation: a division by zero.
    pub(super) fn over_rows(&self, values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let columns = self.cells.iter().map(|cell| value(cell, values).cloned());
        self.compute(columns.collect::<Result<_>>()?, rows)
    }

    /// What it comes to for each match. `variables` are their names.
    ///
    /// # Errors
    /// Those of the computation.
    pub(super) fn over_matches(
        &self,
        values: &[ArrayRef],
        layout: &Layout,
        matches: &[Numbered],
        variables: &[String],
    ) -> Result<ArrayRef> {
        let columns = self.cells.iter().map(|cell| -> Result<ArrayRef> {
            Ok(match cell.walk {
                Walk::Count(variable) => {
                    let count = |(taken, _): &Numbered| taken.count(variable);
                    Arc::new(matches.iter().map(|one| Some(count(one))).collect::<Int64Array>())
                }
                Walk::Number => Arc::new(matches.iter().map(|(_, number)| Some(*number)).collect::<Int64Array>()),
                Walk::Classifier => {
                    let name = |(taken, _): &Numbered| variables.get(taken.by).map(String::as_str);
                    Arc::new(matches.iter().map(name).collect::<StringArray>())
                }
                walk => {
                    let row = |(taken, _): &Numbered| taken.place(walk).and_then(|place| layout.row(place));
                    take(value(cell, values)?, &matches.iter().map(row).collect::<UInt64Array>(), None)?
                }
            })
        });
        self.compute(columns.collect::<Result<_>>()?, matches.len())
    }

    fn compute(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<ArrayRef> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let cells = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        self.expr.evaluate(&cells)?.into_array(rows)
    }
}

impl Taken {
    /// The place of the row that a walk leads to.
    fn place(&self, walk: Walk) -> Option<usize> {
        let of = |variable: usize| self.of.get(variable).copied().flatten();
        match walk {
            Walk::First(None) => Some(self.rows.0),
            Walk::First(Some(variable)) => of(variable).map(|(first, _)| first),
            Walk::Last(Some(variable)) => of(variable).map(|(_, last)| last),
            Walk::Here | Walk::Last(None) => Some(self.rows.1),
            Walk::Before(_) | Walk::Count(_) | Walk::Number | Walk::Classifier => None,
        }
    }

    fn count(&self, variable: Option<usize>) -> i64 {
        match variable {
            Some(variable) => self.counts.get(variable).copied().unwrap_or(0),
            None => self.counts.iter().sum(),
        }
    }
}

fn value<'a>(cell: &Cell, values: &'a [ArrayRef]) -> Result<&'a ArrayRef> {
    match cell.value.and_then(|number| values.get(number)) {
        Some(value) => Ok(value),
        None => internal_err!("a cell of MATCH_RECOGNIZE has no value"),
    }
}
