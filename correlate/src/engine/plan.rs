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
use datafusion::execution::runtime_env::RuntimeEnv;
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
    /// Plans a rule.
    ///
    /// # Errors
    /// [`RuleError`] when the SQL is wrong, or returns something else than judgements.
    pub(crate) async fn new(rule: Rule) -> Result<Self, RuleError> {
        let failed = |error: DataFusionError| RuleError::plan(&rule.header, &error);
        let mut config = SessionConfig::new().with_target_partitions(1).with_information_schema(false);
        config.options_mut().optimizer.enable_dynamic_filter_pushdown = false;
        // Mistakes are told with their place.
        config.options_mut().sql_parser.collect_spans = true;
        let state = SessionStateBuilder::new()
            .with_default_features()
            .with_config(config.clone())
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
        Ok(Self { rule, columns, plan, runtime: context.runtime_env(), config })
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
    let compiled = Compiled::new(rule).await?;
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
    use arrow::array::{AsArray, new_null_array};
    use arrow::datatypes::{DataType, Int64Type};
    use tillsight_schemas::id::StoreKey;
    use tillsight_schemas::pos::PostedTransaction;
    use uuid::Uuid;

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
        let told = async |sql: &str| with(sql).await.unwrap_err().to_string();
        let parsed = told("SELECT (event_id\n  FROM anchor").await;
        assert!(parsed.contains("Line: 2"), "{parsed}");
        let unknown = told("SELECT event_id AS anchor_id, 'fired' AS outcome,\n  a.whyy AS why FROM anchor a").await;
        assert!(unknown.contains("its SQL cannot be planned: line 2, column 3: "), "{unknown}");
        assert_eq!(unknown.matches("No field named").count(), 1, "{unknown}");
    }

    /// What a register rings, a second apart; cancelled sales are anchors.
    fn window(rule: &Rule, kinds: &str) -> Window {
        let sample = include_str!("../../../schemas/samples/v1/posted_transaction.json");
        let sample: serde_json::Value = serde_json::from_str(sample).unwrap();
        let ring = |(kind, number): (&str, u128)| -> PostedTransaction {
            let mut rung = sample.clone();
            rung["kind"] = kind.into();
            rung["event_id"] = Uuid::from_u128(number).to_string().into();
            rung["event_time"] = format!("2026-11-21T20:03:{number:02}Z").into();
            serde_json::from_value(rung).unwrap()
        };
        let rung: Vec<(&str, PostedTransaction)> =
            kinds.split(' ').zip(1_u128..).map(|(kind, number)| (kind, ring((kind, number)))).collect();
        let pos: Vec<&PostedTransaction> = rung.iter().map(|(_, rung)| rung).collect();
        let cancels: Vec<&PostedTransaction> =
            rung.iter().filter(|(kind, _)| *kind == "CANCEL").map(|(_, rung)| rung).collect();
        let mut anchors = tables::pos(&cancels).unwrap().columns().to_vec();
        let schema = tables::anchor_schema();
        anchors.resize(schema.fields().len(), new_null_array(&DataType::Int64, cancels.len()));
        let store = StoreKey::new(pos[0].header.tenant_id.clone(), pos[0].transaction.store_id.clone());
        let mut window = Window::default();
        window.0.insert("anchor", vec![RecordBatch::try_new(schema, anchors).unwrap()]);
        window.0.insert("params", vec![tables::params(&rule.header, &[(&store, None)]).unwrap()]);
        window.0.insert("pos", vec![tables::pos(&pos).unwrap()]);
        window
    }

    #[tokio::test]
    async fn a_sequence_finds_in_each_tick_what_is_in_that_tick() {
        let sql = "WITH near AS (SELECT a.event_id AS anchor_id, c.event_id, c.event_us, c.kind, p.within_seconds \
                   FROM anchor a JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id \
                   JOIN pos c ON c.tenant_id = a.tenant_id AND c.store_id = a.store_id AND c.register_id = a.register_id \
                   AND c.event_us BETWEEN a.event_us - p.within_seconds * 1000000 AND a.event_us) \
                   SELECT anchor_id, 'fired' AS outcome, 'x' AS why, sales FROM near MATCH_RECOGNIZE ( \
                   PARTITION BY anchor_id ORDER BY event_us, event_id MEASURES COUNT(s.*) AS sales PATTERN (s+ c) \
                   DEFINE s AS kind = 'SALE', c AS event_id = anchor_id, within AS within_seconds * 1000000) AS m";
        let rule = Rule::library().unwrap().into_iter().find(|rule| rule.header.id.as_str() == "cancel_burst").unwrap();
        let rule = Compiled::new(Rule { sql: sql.to_owned(), ..rule }).await.unwrap();
        for (kinds, sales) in [
            ("SALE SALE CANCEL", vec![2]),
            ("SALE CANCEL NO_SALE SALE SALE SALE CANCEL", vec![1, 3]),
            ("CANCEL", vec![]),
            ("NO_SALE SALE", vec![]),
            ("SALE SALE CANCEL", vec![2]),
        ] {
            let said = rule.run(window(&rule.rule, kinds)).await.unwrap();
            let mut found: Vec<i64> =
                said.iter().flat_map(|rows| rows["sales"].as_primitive::<Int64Type>().values().to_vec()).collect();
            found.sort_unstable();
            assert_eq!(found, sales, "{kinds}");
        }
    }
}
