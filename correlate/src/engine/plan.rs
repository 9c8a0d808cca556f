//! [`Compiled`]: a rule's SQL, planned once and executed for each tick.
//!
//! The plan is made against tables that hold nothing and have no statistics; when it runs, each scan takes its rows
//! from the [`Window`] of that tick. State that operators keep between runs (the built side of a join) is reset before
//! each. Dynamic filters are off: they would carry values of one tick into the next.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::stream;

use super::tables;
use crate::rule::{Rule, RuleError};

/// The columns that every result has.
const MUST: [&str; 3] = ["anchor_id", "outcome", "why"];

/// The rows that a rule sees in one tick, by table.
#[derive(Debug, Default)]
pub(crate) struct Window(pub(crate) BTreeMap<&'static str, RecordBatch>);

/// A table of a plan: empty until a window is there.
#[derive(Debug)]
struct Slot {
    name: &'static str,
    schema: SchemaRef,
}

impl PartitionStream for Slot {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let window = context.session_config().get_extension::<Window>();
        let rows = window.and_then(|window| window.0.get(self.name).cloned());
        let rows = stream::iter(rows.map(Ok));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows))
    }
}

/// A rule, ready to judge.
pub(crate) struct Compiled {
    pub(crate) rule: Rule,
    plan: Arc<dyn ExecutionPlan>,
    runtime: Arc<RuntimeEnv>,
    config: SessionConfig,
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled").field("rule", &self.rule.header.id).finish_non_exhaustive()
    }
}

impl Compiled {
    /// Plans a rule.
    ///
    /// # Errors
    /// [`RuleError`] when the SQL is wrong, or returns something else than judgements.
    pub(crate) async fn new(rule: Rule) -> Result<Self, RuleError> {
        let id = rule.header.id.to_string();
        let failed = |source| RuleError::Plan { rule: id.clone(), source: Box::new(source) };
        let mut config = SessionConfig::new().with_target_partitions(1).with_information_schema(false);
        let optimizer = &mut config.options_mut().optimizer;
        optimizer.enable_dynamic_filter_pushdown = false;
        let state = SessionStateBuilder::new().with_default_features().with_config(config.clone()).build();
        let context = SessionContext::new_with_state(state);
        let tables = ["anchor", "params"].into_iter().chain(rule.header.reads.iter().map(String::as_str));
        for table in tables {
            let Some((name, schema)) = tables::schema(table, &rule.header) else { continue };
            let slot = Arc::new(Slot { name, schema: Arc::clone(&schema) });
            let table = StreamingTable::try_new(schema, vec![slot]).map_err(failed)?;
            context.register_table(name, Arc::new(table)).map_err(failed)?;
        }
        let logical = context.state().create_logical_plan(&rule.sql).await.map_err(failed)?;
        check(&rule, &logical)?;
        let plan = context.state().create_physical_plan(&logical).await.map_err(failed)?;
        Ok(Self { rule, plan, runtime: context.runtime_env(), config })
    }

    /// What the rule says about the anchors of a window.
    ///
    /// # Errors
    /// [`RuleError::Run`].
    pub(crate) async fn run(&self, window: Window) -> Result<Vec<RecordBatch>, RuleError> {
        let failed = |source| RuleError::Run { rule: self.rule.header.id.to_string(), source: Box::new(source) };
        let plan = reset_plan_states(Arc::clone(&self.plan)).map_err(failed)?;
        let config = self.config.clone().with_extension(Arc::new(window));
        let task = TaskContext::default().with_session_config(config).with_runtime(Arc::clone(&self.runtime));
        collect(plan, Arc::new(task)).await.map_err(failed)
    }
}

/// Whether a rule's SQL can be planned and returns what a rule must.
///
/// # Errors
/// [`RuleError`].
pub async fn plans(rule: Rule) -> Result<(), RuleError> {
    Compiled::new(rule).await.map(drop)
}

/// Refuses what cannot come to the same result whatever the ticks are.
fn check(rule: &Rule, plan: &LogicalPlan) -> Result<(), RuleError> {
    let columns = plan.schema();
    for column in MUST {
        if columns.field_with_unqualified_name(column).is_err() {
            return Err(rule.header.wrong(format!("its SQL must return the columns {}", MUST.join(", "))));
        }
    }
    let mut problem = None;
    plan.apply(|node| {
        problem = match node {
            LogicalPlan::Limit(_) => {
                Some("LIMIT depends on which anchors are judged together: rank per anchor instead")
            }
            LogicalPlan::RecursiveQuery(_) => Some("a recursive query has no bound in time"),
            LogicalPlan::Dml(_) | LogicalPlan::Ddl(_) | LogicalPlan::Copy(_) | LogicalPlan::Statement(_) => {
                Some("a rule reads, and does nothing else")
            }
            _ => return Ok(TreeNodeRecursion::Continue),
        };
        Ok(TreeNodeRecursion::Stop)
    })
    .map_err(|source| RuleError::Plan { rule: rule.header.id.to_string(), source: Box::new(source) })?;
    problem.map_or(Ok(()), |problem| Err(rule.header.wrong(problem.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn with(sql: &str) -> Result<Compiled, RuleError> {
        let rule = Rule::library().unwrap().into_iter().find(|rule| rule.header.id.as_str() == "post_void").unwrap();
        Compiled::new(Rule { sql: sql.to_owned(), ..rule }).await
    }

    #[tokio::test]
    async fn every_rule_of_the_library_can_be_planned() {
        for rule in Rule::shelf().unwrap() {
            Compiled::new(rule).await.unwrap();
        }
    }

    #[tokio::test]
    async fn texts_that_cannot_be_a_rule_are_refused_with_a_reason() {
        let error = with("SELECT event_id AS anchor_id FROM anchor").await.unwrap_err();
        assert!(error.to_string().contains("anchor_id, outcome, why"), "{error}");
        let limited = "SELECT event_id AS anchor_id, 'fired' AS outcome, '' AS why FROM anchor LIMIT 1";
        assert!(with(limited).await.unwrap_err().to_string().contains("LIMIT"));
        assert!(with("SELEC").await.is_err());
    }
}
