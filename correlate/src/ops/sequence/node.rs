//! [`SequenceMatch`]: `MATCH_RECOGNIZE` in a logical plan.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{DFSchema, DFSchemaRef, internal_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, SortExpr, UserDefinedLogicalNodeCore};

use super::navigation::{Navigation, Walk};
use super::pattern::Pattern;
use crate::ops::micros;

/// Sequences of rows that look like a pattern: one row for each match.
///
/// Its columns are those that its rows are partitioned by, and the measures.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SequenceMatch {
    input: Arc<LogicalPlan>,
    asked: Asked,
    schema: DFSchemaRef,
}

/// What is asked of the rows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    /// Columns whose values tell the keys apart. Rows of different keys are never in one match.
    pub(super) partition: Vec<Expr>,
    /// What puts the rows of a key in order; the first is the time.
    pub(super) order: Vec<SortExpr>,
    /// How long a match may take at most, by its first row.
    pub(super) within: Expr,
    /// The row variables: name, and what is true of its rows. Every row is one of a variable without a condition.
    pub(super) variables: Vec<(String, Option<Expr>)>,
    /// What is told of a match: value and name.
    pub(super) measures: Vec<(Expr, String)>,
    /// What a match looks like.
    pub(super) pattern: Pattern,
    /// Whether the next match may begin at the second row of this one, and not only behind its last.
    pub(super) overlapping: bool,
}

impl SequenceMatch {
    /// Asks something of the rows of a plan.
    ///
    /// # Errors
    /// When a column is not there, or times are none.
    pub(super) fn new(input: Arc<LogicalPlan>, asked: Asked) -> Result<Self> {
        let rows = input.schema();
        let Some(time) = asked.order.first() else {
            return plan_err!("MATCH_RECOGNIZE without ORDER BY: add ORDER BY event_us, event_id");
        };
        let (time, within) = (time.expr.get_type(rows)?, asked.within.get_type(rows)?);
        if !micros::are_instants(&time) {
            return plan_err!(
                "MATCH_RECOGNIZE orders by {time} first: begin ORDER BY with the time, a timestamp or microseconds (event_us)"
            );
        }
        if !micros::are_lengths(&within) {
            return plan_err!("`within` is {within}: write an INTERVAL, or a number of microseconds");
        }
        for (name, condition) in &asked.variables {
            if let Some(condition) = condition
                && condition.get_type(rows)? != DataType::Boolean
            {
                return plan_err!("DEFINE {name} is true or false of a row: compare something");
            }
        }
        let mut fields: Vec<FieldRef> = Vec::new();
        for expr in &asked.partition {
            let (_, field) = expr.to_field(rows)?;
            fields.push(Arc::new(Field::new(field.name(), field.data_type().clone(), true)));
        }
        for (expr, name) in &asked.measures {
            fields.push(Arc::new(Field::new(name, expr.get_type(rows)?, true)));
        }
        let schema = Arc::new(DFSchema::from_unqualified_fields(fields.into(), HashMap::new())?);
        Ok(Self { input, asked, schema })
    }

    pub(super) fn asked(&self) -> &Asked {
        &self.asked
    }

    /// The rows among which it looks.
    pub(crate) fn input(&self) -> &LogicalPlan {
        &self.input
    }

    /// What its rows are partitioned by: its first columns.
    pub(crate) fn partition(&self) -> &[Expr] {
        &self.asked.partition
    }

    /// What it tells of each match: its other columns.
    pub(crate) fn measures(&self) -> impl Iterator<Item = &Expr> {
        self.asked.measures.iter().map(|(expr, _)| expr)
    }

    /// What the rows of a key are ordered by.
    pub(crate) fn order(&self) -> impl Iterator<Item = &Expr> {
        self.asked.order.iter().map(|sort| &sort.expr)
    }

    /// How long a match may take.
    pub(crate) fn within(&self) -> &Expr {
        &self.asked.within
    }

    /// Whether what begins at a row is found by the rows from there on, up to [`Self::within`], and by nothing else.
    pub(crate) fn looks_ahead_only(&self) -> bool {
        let conditions = self.asked.variables.iter().filter_map(|(_, condition)| condition.as_ref());
        let looks_elsewhere = |expr: &Expr| {
            matches!(expr, Expr::ScalarFunction(call)
                if matches!(Navigation::in_call(call), Some((Walk::Before(_) | Walk::Number, _))))
        };
        let mut all = conditions.chain(self.measures());
        self.asked.overlapping && !all.any(|expr| any(expr, looks_elsewhere))
    }
}

/// Whether something is true of an expression or a part of it.
fn any(expr: &Expr, is: impl Fn(&Expr) -> bool) -> bool {
    use datafusion::common::tree_node::TreeNode;
    expr.exists(|expr| Ok(is(expr))).unwrap_or(true)
}

/// Plans are compared for equality only.
impl PartialOrd for SequenceMatch {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for SequenceMatch {
    fn name(&self) -> &'static str {
        "SequenceMatch"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        let Asked { partition, order, within, variables, measures, .. } = &self.asked;
        let mut all = partition.clone();
        all.extend(order.iter().map(|sort| sort.expr.clone()));
        all.push(within.clone());
        all.extend(variables.iter().filter_map(|(_, condition)| condition.clone()));
        all.extend(measures.iter().map(|(expr, _)| expr.clone()));
        all
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Asked { partition, order, within, pattern, .. } = &self.asked;
        write!(f, "SequenceMatch: pattern=[{pattern}], within=[{within}], partition=[")?;
        for (number, expr) in partition.iter().enumerate() {
            write!(f, "{}{expr}", if number > 0 { ", " } else { "" })?;
        }
        write!(f, "], order=[")?;
        for (number, sort) in order.iter().enumerate() {
            write!(f, "{}{sort}", if number > 0 { ", " } else { "" })?;
        }
        write!(f, "]")
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let mut asked = self.asked.clone();
        let places = asked
            .partition
            .iter_mut()
            .chain(asked.order.iter_mut().map(|sort| &mut sort.expr))
            .chain([&mut asked.within])
            .chain(asked.variables.iter_mut().filter_map(|(_, condition)| condition.as_mut()))
            .chain(asked.measures.iter_mut().map(|(expr, _)| expr));
        let mut exprs = exprs.into_iter();
        for place in places {
            let Some(expr) = exprs.next() else { return internal_err!("a sequence lost an expression") };
            *place = expr;
        }
        match <[LogicalPlan; 1]>::try_from(inputs) {
            Ok([input]) => Self::new(Arc::new(input), asked),
            Err(inputs) => internal_err!("a sequence has one input, not {}", inputs.len()),
        }
    }

    /// Whatever is read of its columns, it needs what its expressions name.
    fn necessary_children_exprs(&self, _: &[usize]) -> Option<Vec<Vec<usize>>> {
        Some(vec![Vec::new()])
    }
}
