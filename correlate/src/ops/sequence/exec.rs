//! [`SequenceMatchExec`]: looks for a sequence among the rows of its input.
//!
//! The input is read whole: in rules it is a window of a tick or a piece of a back-test, which are bounded. The cost is
//! that of laying the rows out, of one pass for what each row says by itself, and from each row that may begin a match as
//! far as [`within`](super::node::SequenceMatch::within) goes.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use datafusion::common::internal_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, ExecutionPlanProperties,
    InputDistributionRequirements, Partitioning, PlanProperties, ReplaceChildrenOptions, apply_expression_roots,
};
use futures::{TryStreamExt, stream};

use super::program::Program;

/// Finds sequences. It keeps nothing from one run to the next.
#[derive(Debug)]
pub(super) struct SequenceMatchExec {
    input: Arc<dyn ExecutionPlan>,
    program: Arc<Program>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl SequenceMatchExec {
    /// Looks for a program's sequence among the rows of a plan.
    pub(super) fn new(input: Arc<dyn ExecutionPlan>, program: Arc<Program>, schema: SchemaRef) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            EmissionType::Final,
            input.boundedness(),
        );
        Self { input, program, schema, properties: Arc::new(properties), metrics: ExecutionPlanMetricsSet::new() }
    }
}

impl DisplayAs for SequenceMatchExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SequenceMatchExec: variables=[{}]", self.program.names.join(", "))
    }
}

impl ExecutionPlan for SequenceMatchExec {
    fn name(&self) -> &'static str {
        "SequenceMatchExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        let keys = self.program.partition.clone();
        let together = if keys.is_empty() { Distribution::SinglePartition } else { Distribution::KeyPartitioned(keys) };
        InputDistributionRequirements::new(vec![together])
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_expression_roots(self.program.over_input(), f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match <[Arc<dyn ExecutionPlan>; 1]>::try_from(children) {
            Ok([input]) => Ok(Arc::new(Self::new(input, Arc::clone(&self.program), Arc::clone(&self.schema)))),
            Err(children) => internal_err!("a sequence has one input, not {}", children.len()),
        }
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let memory = MemoryConsumer::new(format!("SequenceMatchExec[{partition}]")).register(context.memory_pool());
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let most = context.session_config().batch_size().max(1);
        let input = self.input.execute(partition, context)?;
        let (program, schema) = (Arc::clone(&self.program), Arc::clone(&self.schema));
        let found = async move {
            let rows = whole(input, &memory).await?;
            let found = program.find(&rows, &schema)?;
            metrics.record_output(found.num_rows());
            let parts = (0..found.num_rows()).step_by(most);
            let parts: Vec<Result<RecordBatch>> =
                parts.map(|at| Ok(found.slice(at, most.min(found.num_rows() - at)))).collect();
            Ok::<_, DataFusionError>(stream::iter(parts))
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), stream::once(found).try_flatten())))
    }
}

/// All rows of an input.
async fn whole(mut input: SendableRecordBatchStream, memory: &MemoryReservation) -> Result<RecordBatch> {
    let mut batches = Vec::new();
    while let Some(batch) = input.try_next().await? {
        memory.try_grow(batch.get_array_memory_size())?;
        batches.push(batch);
    }
    Ok(concat_batches(&input.schema(), &batches)?)
}
