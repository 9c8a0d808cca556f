//! Reads `MATCH_RECOGNIZE` into a [`SequenceMatch`].

use std::sync::Arc;

use datafusion::common::{DFSchema, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning};
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, SortExpr};
use datafusion::sql::sqlparser::ast::{
    AfterMatchSkip, Expr as SqlExpr, Ident, OrderByExpr, RowsPerMatch, SymbolDefinition, TableFactor,
};

use super::node::{Asked, SequenceMatch};
use super::planner::Sequences;
use super::shape;
use super::words::{self, Place};

/// What stands among the definitions and says how long a match may take.
const WITHIN: &str = "within";

impl RelationPlanner for Sequences {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let TableFactor::MatchRecognize {
            table,
            partition_by,
            order_by,
            measures,
            rows_per_match,
            after_match_skip,
            pattern,
            symbols,
            alias,
        } = relation
        else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        if let Some(RowsPerMatch::AllRows(_)) = rows_per_match {
            return plan_err!("there is no ALL ROWS PER MATCH here: join what MEASURES tell with the rows again");
        }
        let overlapping = match after_match_skip {
            None | Some(AfterMatchSkip::PastLastRow) => false,
            Some(AfterMatchSkip::ToNextRow) => true,
            Some(other) => return plan_err!("there is no {other} here: skip PAST LAST ROW or TO NEXT ROW"),
        };
        let input = context.plan(*table)?;
        let rows = Arc::clone(input.schema());
        let (pattern, names) = shape::read(&pattern, &|ident| context.normalize_ident(ident))?;
        let (within, conditions) = definitions(symbols, &names, &|ident| context.normalize_ident(ident))?;
        let mut variables = Vec::new();
        for (number, (name, condition)) in names.iter().zip(conditions).enumerate() {
            let place = Place::Define(number);
            let condition = condition.map(|written| words::plan(written, place, &names, &rows, context)).transpose()?;
            variables.push((name.clone(), condition));
        }
        let mut told = Vec::new();
        for measure in measures {
            let name = context.normalize_ident(measure.alias);
            told.push((words::plan(measure.expr, Place::Measures, &names, &rows, context)?, name));
        }
        let asked = Asked {
            partition: partition(partition_by, &rows, context)?,
            order: order(order_by, &rows, context)?,
            within: context.sql_to_expr(within, &rows)?,
            variables,
            measures: told,
            pattern,
            overlapping,
        };
        let node = Arc::new(SequenceMatch::new(Arc::new(input), asked)?);
        let plan = LogicalPlan::Extension(Extension { node });
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
    }
}

/// How long a match may take, and what is true of each variable.
fn definitions(
    symbols: Vec<SymbolDefinition>,
    names: &[String],
    normal: &dyn Fn(Ident) -> String,
) -> Result<(SqlExpr, Vec<Option<SqlExpr>>)> {
    let mut within = None;
    let mut conditions = vec![None; names.len()];
    for SymbolDefinition { symbol, definition } in symbols {
        let name = normal(symbol);
        let place = match names.iter().position(|known| *known == name) {
            Some(number) => conditions.get_mut(number),
            None if name == WITHIN => Some(&mut within),
            None => return plan_err!("DEFINE says something of {name}, which is not in the PATTERN"),
        };
        if place.and_then(|place| place.replace(definition)).is_some() {
            return plan_err!("DEFINE says {name} twice");
        }
    }
    match within {
        Some(within) => Ok((within, conditions)),
        None => plan_err!(
            "MATCH_RECOGNIZE must say how long a match may take, or its rows would be kept for ever: add to DEFINE \
             `{WITHIN} AS INTERVAL '60' SECOND`, or a number of microseconds, `{WITHIN} AS within_seconds * 1000000`"
        ),
    }
}

fn partition(written: Vec<SqlExpr>, rows: &DFSchema, context: &mut dyn RelationPlannerContext) -> Result<Vec<Expr>> {
    let mut partition = Vec::new();
    for expr in written {
        let planned = context.sql_to_expr(expr.clone(), rows)?;
        if !matches!(planned, Expr::Column(_)) {
            return plan_err!(
                "MATCH_RECOGNIZE has PARTITION BY {expr}: give it a name in a subquery, and name that here"
            );
        }
        partition.push(planned);
    }
    Ok(partition)
}

fn order(
    written: Vec<OrderByExpr>,
    rows: &DFSchema,
    context: &mut dyn RelationPlannerContext,
) -> Result<Vec<SortExpr>> {
    let mut order = Vec::new();
    for OrderByExpr { expr, options, .. } in written {
        let ascending = options.asc.unwrap_or(true);
        if order.is_empty() && !ascending {
            return plan_err!("MATCH_RECOGNIZE goes forwards in time: the first of ORDER BY cannot be DESC");
        }
        let nulls_first = options.nulls_first.unwrap_or(!ascending);
        order.push(SortExpr::new(context.sql_to_expr(expr, rows)?, ascending, nulls_first));
    }
    Ok(order)
}
