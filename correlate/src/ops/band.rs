//! [`Band`]: the two comparisons in a join's condition that say that two stretches of time overlap.
//!
//! Any two stretches overlap when each begins before the other ends: `r.start < l.to AND r.end > l.from`. An instant
//! within a stretch (`r.at BETWEEN l.from AND l.to`) is the same with `r.start = r.end = r.at`. Where a condition bounds the
//! same number of the right row more than once, the narrowest bound counts.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use arrow::compute::{binary, cast};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use datafusion::common::JoinSide;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::{PhysicalExpr, split_conjunction};
use datafusion::physical_plan::joins::utils::JoinFilter;

/// One comparison between a number of a left row and a number of a right row.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    left: Arc<dyn PhysicalExpr>,
    right: Arc<dyn PhysicalExpr>,
    /// Whether equal numbers fail.
    strict: bool,
}

/// When a right row overlaps a left one.
#[derive(Debug, Clone)]
pub(super) struct Band {
    /// The right row begins before (or when) the left one ends: one bound or more of the same number of the right row.
    begins: Vec<Bound>,
    /// The right row ends after (or when) the left one begins.
    ends: Vec<Bound>,
    /// Whether the join asks for nothing else.
    pub(super) whole: bool,
}

/// The stretches of some rows, in whole numbers with both ends included; without a value where nothing can overlap.
#[derive(Debug)]
pub(super) struct Stretches {
    pub(super) from: Int64Array,
    pub(super) to: Int64Array,
}

impl Band {
    /// The band in a join's condition, where there is one over whole numbers or instants.
    pub(super) fn find(filter: &JoinFilter, left: &SchemaRef, right: &SchemaRef) -> Option<Self> {
        let conjuncts = split_conjunction(filter.expression());
        let (mut begins, mut ends): (Vec<Bound>, Vec<Bound>) = (Vec::new(), Vec::new());
        let mut others = 0;
        for conjunct in conjuncts {
            let bound = comparison(conjunct, filter, left, right);
            let bounds = match bound {
                Some((Operator::Lt | Operator::LtEq, _)) => &mut begins,
                _ => &mut ends,
            };
            match bound {
                Some((_, bound)) if bounds.first().is_none_or(|first| *first.right == *bound.right) => {
                    bounds.push(bound);
                }
                _ => others += 1,
            }
        }
        (!begins.is_empty() && !ends.is_empty()).then_some(Self { begins, ends, whole: others == 0 })
    }

    /// The stretches of left rows: `to` is the last instant at which a right row may begin.
    pub(super) fn of_left(&self, rows: &RecordBatch) -> Result<Stretches> {
        let to = narrowest(&self.begins, rows, -1, i64::min)?;
        let from = narrowest(&self.ends, rows, 1, i64::max)?;
        Ok(Stretches { from, to })
    }

    /// The stretches of right rows.
    pub(super) fn of_right(&self, rows: &RecordBatch) -> Result<Stretches> {
        let of = |bounds: &[Bound]| match bounds.first() {
            Some(bound) => whole(&bound.right, rows),
            None => Ok(Int64Array::new_null(rows.num_rows())),
        };
        Ok(Stretches { from: of(&self.begins)?, to: of(&self.ends)? })
    }
}

/// The bound that counts, row by row: `inwards` is the next number that a strict one allows.
fn narrowest(bounds: &[Bound], rows: &RecordBatch, inwards: i64, of: fn(i64, i64) -> i64) -> Result<Int64Array> {
    let mut narrowest: Option<Int64Array> = None;
    for bound in bounds {
        let mut values = whole(&bound.left, rows)?;
        if bound.strict {
            values = values.unary_opt(|at: i64| at.checked_add(inwards));
        }
        narrowest = Some(match narrowest {
            Some(known) => binary(&known, &values, of)?,
            None => values,
        });
    }
    Ok(narrowest.unwrap_or_else(|| Int64Array::new_null(rows.num_rows())))
}

/// The values of an expression as whole numbers.
fn whole(expr: &Arc<dyn PhysicalExpr>, rows: &RecordBatch) -> Result<Int64Array> {
    let values = expr.evaluate(rows)?.into_array(rows.num_rows())?;
    Ok(match values.data_type() {
        DataType::Int64 => values.as_primitive::<Int64Type>().clone(),
        _ => cast(&values, &DataType::Int64)?.as_primitive::<Int64Type>().clone(),
    })
}

/// A conjunct as `right OP left`, where it compares the two sides.
fn comparison(
    conjunct: &Arc<dyn PhysicalExpr>,
    filter: &JoinFilter,
    left: &SchemaRef,
    right: &SchemaRef,
) -> Option<(Operator, Bound)> {
    let binary = conjunct.downcast_ref::<BinaryExpr>()?;
    let (one, other) = (binary.left(), binary.right());
    let (operator, of_right, of_left) = match (side(one, filter)?, side(other, filter)?) {
        (JoinSide::Right, JoinSide::Left) => (*binary.op(), one, other),
        (JoinSide::Left, JoinSide::Right) => (binary.op().swap()?, other, one),
        _ => return None,
    };
    let strict = match operator {
        Operator::Lt | Operator::Gt => true,
        Operator::LtEq | Operator::GtEq => false,
        _ => return None,
    };
    let bound = Bound { left: onto(of_left, filter, left)?, right: onto(of_right, filter, right)?, strict };
    let kind = bound.left.data_type(left).ok()?;
    let counts = matches!(kind, DataType::Int64 | DataType::Int32 | DataType::Timestamp(_, _) | DataType::Date32);
    (counts && bound.right.data_type(right).ok()? == kind).then_some((operator, bound))
}

/// The side that all columns of an expression are of.
fn side(expr: &Arc<dyn PhysicalExpr>, filter: &JoinFilter) -> Option<JoinSide> {
    let columns = collect_columns(expr);
    let mut sides = columns.iter().map(|column| filter.column_indices().get(column.index()).map(|index| index.side));
    let first = sides.next()??;
    sides.all(|side| side == Some(first)).then_some(first)
}

/// An expression over the condition's columns as one over the columns of a side.
fn onto(expr: &Arc<dyn PhysicalExpr>, filter: &JoinFilter, side: &SchemaRef) -> Option<Arc<dyn PhysicalExpr>> {
    let moved = Arc::clone(expr).transform(|expr| {
        let Some(column) = expr.downcast_ref::<Column>() else { return Ok(Transformed::no(expr)) };
        let index = filter.column_indices().get(column.index()).map_or(usize::MAX, |index| index.index);
        let name = side.fields().get(index).map_or("", |field| field.name().as_str());
        Ok(Transformed::yes(Arc::new(Column::new(name, index)) as Arc<dyn PhysicalExpr>))
    });
    moved.ok().map(|moved| moved.data)
}
