//! [`Compiled`]: a rule's SQL, planned once and executed for each tick.
//!
//! The plan is made against tables that hold nothing and have no statistics; when it runs, each scan takes its rows
//! from the [`Window`] of that tick. State that operators keep between runs (the built side of a join) is reset before
//! each. Dynamic filters are off: they would carry values of one tick into the next. Joins of stretches of time are
//! [`IntervalJoins`]; sequences and sessions are operators of ours too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::stream;

use super::{lint, tables};
use crate::ops::{IntervalJoins, session_id, with_sequences};
use crate::rule::{Rule, RuleError};

/// The columns that every result has.
const MUST: [&str; 3] = ["anchor_id", "outcome", "why"];

/// The rows that a rule sees in one tick, by table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Window(pub(crate) BTreeMap<&'static str, Vec<RecordBatch>>);

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
        let rows = window.and_then(|window| window.0.get(self.name).cloned()).unwrap_or_default();
        let rows = stream::iter(rows.into_iter().map(Ok));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows))
    }
}

/// Where rules run: what their operators hold at a time is counted for all of them together, and one that would take more
/// fails alone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Room(Arc<RuntimeEnv>);

impl Room {
    /// A room of so many bytes.
    pub(crate) fn of(bytes: usize) -> Self {
        let pool = Arc::new(GreedyMemoryPool::new(bytes));
        let room = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc();
        room.map_or_else(|_| Self::default(), Self)
    }
}

/// A rule, ready to judge.
pub(crate) struct Compiled {
    pub(crate) rule: Rule,
    /// The columns that its SQL reads, by table.
    pub(crate) columns: BTreeMap<String, BTreeSet<String>>,
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
    /// Plans a rule that runs in a room.
    ///
    /// # Errors
    /// [`RuleError`] when the SQL is wrong, or returns something else than judgements.
    pub(crate) async fn new(rule: Rule, room: &Room) -> Result<Self, RuleError> {
        let failed = |error: DataFusionError| RuleError::plan(&rule.header, &error);
        let mut config = SessionConfig::new().with_target_partitions(1).with_information_schema(false);
        config.options_mut().optimizer.enable_dynamic_filter_pushdown = false;
        // Mistakes are told with their place.
        config.options_mut().sql_parser.collect_spans = true;
        let state = SessionStateBuilder::new()
            .with_default_features()
            .with_config(config.clone())
            .with_runtime_env(Arc::clone(&room.0))
            .with_physical_optimizer_rule(Arc::new(IntervalJoins));
        let context = SessionContext::new_with_state(with_sequences(state).build());
        context.register_udwf(session_id());
        let tables = ["anchor", "params"].into_iter().chain(rule.header.reads.iter().map(String::as_str));
        for table in tables {
            let Some((name, schema)) = tables::schema(table, &rule.header) else { continue };
            let slot = Arc::new(Slot { name, schema: Arc::clone(&schema) });
            let table = StreamingTable::try_new(schema, vec![slot]).map_err(failed)?;
            context.register_table(name, Arc::new(table)).map_err(failed)?;
        }
        let logical = context.state().create_logical_plan(&rule.sql).await.map_err(failed)?;
        let optimised = context.state().optimize(&logical).map_err(failed)?;
        check(&rule, &logical, &optimised)?;
        let columns = columns(&optimised).map_err(failed)?;
        let plan = context.state().query_planner().create_physical_plan(&optimised, &context.state()).await;
        let plan = plan.map_err(failed)?;
        Ok(Self { rule, columns, plan, runtime: Arc::clone(&room.0), config })
    }

    /// What the rule says about the anchors of a window.
    ///
    /// # Errors
    /// [`RuleError::Run`].
    pub(crate) async fn run(&self, window: Window) -> Result<Vec<RecordBatch>, RuleError> {
        let failed = |error: DataFusionError| RuleError::run(&self.rule.header, &error);
        let plan = reset_plan_states(Arc::clone(&self.plan)).map_err(failed)?;
        let config = self.config.clone().with_extension(Arc::new(window));
        let task = TaskContext::default().with_session_config(config).with_runtime(Arc::clone(&self.runtime));
        collect(plan, Arc::new(task)).await.map_err(failed)
    }
}

/// The columns that a plan reads, by table.
fn columns(plan: &LogicalPlan) -> Result<BTreeMap<String, BTreeSet<String>>, DataFusionError> {
    let mut columns: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let read = columns.entry(scan.table_name.table().to_owned()).or_default();
            read.extend(scan.projected_schema.fields().iter().map(|field| field.name().clone()));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(columns)
}

/// The columns that a rule's SQL returns, where it can be planned and returns what a rule must.
///
/// # Errors
/// [`RuleError`].
pub async fn plans(rule: Rule) -> Result<Vec<String>, RuleError> {
    let compiled = Compiled::new(rule, &Room::default()).await?;
    Ok(compiled.plan.schema().fields().iter().map(|field| field.name().clone()).collect())
}

/// Whether a rule's SQL returns what a rule must, and comes to the same whatever the ticks are.
fn check(rule: &Rule, written: &LogicalPlan, optimised: &LogicalPlan) -> Result<(), RuleError> {
    let columns = written.schema();
    for column in MUST {
        if columns.field_with_unqualified_name(column).is_err() {
            return Err(rule.header.wrong(format!("its SQL must return the columns {}", MUST.join(", "))));
        }
    }
    lint::steady(rule, written)?;
    lint::lint(rule, optimised)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn with(sql: &str) -> Result<Compiled, RuleError> {
        let rule = Rule::library().unwrap().into_iter().find(|rule| rule.header.id.as_str() == "post_void").unwrap();
        Compiled::new(Rule { sql: sql.to_owned(), ..rule }, &Room::default()).await
    }

    #[tokio::test]
    async fn every_rule_of_the_library_can_be_planned() {
        for rule in Rule::shelf().unwrap() {
            Compiled::new(rule, &Room::default()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn texts_that_cannot_be_a_rule_are_refused_with_a_reason() {
        let error = with("SELECT event_id AS anchor_id FROM anchor").await.unwrap_err();
        assert!(error.to_string().contains("anchor_id, outcome, why"), "{error}");
        let limited = "SELECT event_id AS anchor_id, 'fired' AS outcome, '' AS why FROM anchor LIMIT 1";
        assert!(with(limited).await.unwrap_err().to_string().contains("LIMIT"));
        let told = async |sql: &str| with(sql).await.unwrap_err().to_string();
        let parsed = told("SELECT (event_id\n  FROM anchor").await;
        assert!(parsed.contains("Line: 2"), "{parsed}");
        let unknown = told("SELECT event_id AS anchor_id, 'fired' AS outcome,\n  a.whyy AS why FROM anchor a").await;
        assert!(unknown.contains("its SQL cannot be planned: line 2, column 3: "), "{unknown}");
        assert_eq!(unknown.matches("No field named").count(), 1, "{unknown}");
    }
}
