//! [`Sequences`]: makes a physical plan of [`SequenceMatch`].

use std::sync::Arc;

use arrow::compute::SortOptions;
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

use super::automaton::{Automaton, MOST_PLACES};
use super::exec::SequenceMatchExec;
use super::formula::{Formula, Maker};
use super::navigation::Walk;
use super::node::{Asked, SequenceMatch};
use super::program::{Program, Variable};

/// Plans `MATCH_RECOGNIZE`: the relation of a statement, and its operator.
#[derive(Debug)]
pub(super) struct Sequences;

#[async_trait]
impl QueryPlanner for Sequences {
    async fn create_physical_plan(&self, plan: &LogicalPlan, session: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(Self)]);
        planner.create_physical_plan(plan, session).await
    }
}

#[async_trait]
impl ExtensionPlanner for Sequences {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        planning: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let (Some(sequence), [input]) = (node.as_any().downcast_ref::<SequenceMatch>(), inputs) else {
            return Ok(None);
        };
        let maker = Maker { planner, session, planning, rows: sequence.input().schema(), values: Vec::new() };
        let program = Arc::new(program(sequence.asked(), maker)?);
        let schema = Arc::clone(node.schema().inner());
        Ok(Some(Arc::new(SequenceMatchExec::new(Arc::clone(input), program, schema))))
    }
}

fn program(asked: &Asked, mut maker: Maker<'_>) -> Result<Program> {
    let Some(automaton) = Automaton::new(&asked.pattern) else {
        return plan_err!("the PATTERN has more than {MOST_PLACES} rows when it is written out: repeat less often");
    };
    let partition = asked.partition.iter().map(|expr| maker.over_rows(expr)).collect::<Result<_>>()?;
    let order = asked.order.iter().map(|sort| -> Result<(Arc<dyn PhysicalExpr>, SortOptions)> {
        let options = SortOptions { descending: !sort.asc, nulls_first: sort.nulls_first };
        Ok((maker.over_rows(&sort.expr)?, options))
    });
    let order = order.collect::<Result<_>>()?;
    let within = maker.over_rows(&asked.within)?;
    let mut variables = Vec::new();
    for (_, condition) in &asked.variables {
        variables.push(match condition {
            Some(condition) => variable(condition.clone(), &mut maker)?,
            None => Variable::default(),
        });
    }
    let mut measures = Vec::new();
    for (expr, _) in &asked.measures {
        measures.push(maker.formula(expr.clone(), Walk::Last(None))?);
    }
    let names = asked.variables.iter().map(|(name, _)| name.clone()).collect();
    let (overlapping, values) = (asked.overlapping, maker.values);
    Ok(Program { automaton, partition, order, within, values, variables, names, measures, overlapping })
}

/// Divides a condition into what a row says by itself, and what depends on the rows before it.
fn variable(condition: Expr, maker: &mut Maker<'_>) -> Result<Variable> {
    let (mut row, mut looking_back) = (Vec::new(), Vec::new());
    for part in split_conjunction_owned(condition) {
        let of_the_row = maker.formula(part.clone(), Walk::Here)?.of_the_row();
        let parts = if of_the_row { &mut row } else { &mut looking_back };
        parts.push(part);
    }
    let mut made = |parts: Vec<Expr>| -> Result<Option<Formula>> {
        conjunction(parts).map(|whole| maker.formula(whole, Walk::Here)).transpose()
    };
    Ok(Variable { row: made(row)?, looking_back: made(looking_back)? })
}
