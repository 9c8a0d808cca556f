//! [`IntervalJoinExec`]: joins rows of the same key whose stretches of time overlap.
//!
//! The left side (in rules: the anchors, which are few) is read whole into an [`IntervalIndex`]; the right side passes by it.
//! Cost: O(n log n + m log n + pairs), whatever the length of a history; a hash join tests n × m pairs of each key.
//! Everything else (schema, properties, order, names) is that of the hash join that it stands for.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array, UInt64Array, new_null_array};
use arrow::compute::{concat_batches, take};
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{JoinSide, JoinType, NullEquality, internal_err};
use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::joins::utils::{ColumnIndex, JoinFilter};
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    InputDistributionRequirements, PlanProperties, ReplaceChildrenOptions,
};
use futures::{StreamExt, TryStreamExt, stream};

use super::band::Band;
use super::interval_index::IntervalIndex;
use super::interval_probe::{Pairs, Probe};

/// A join of stretches of time.
#[derive(Debug)]
pub struct IntervalJoinExec {
    /// The hash join that it stands for.
    hash: Arc<HashJoinExec>,
    filter: JoinFilter,
    band: Band,
    metrics: ExecutionPlanMetricsSet,
}

impl IntervalJoinExec {
    /// The same join by intervals, where that is possible: equal keys, a condition with a band, rows of one partition
    /// against rows of one partition.
    ///
    /// # Errors
    /// When the hash join cannot be built again.
    pub fn instead_of(hash: &HashJoinExec) -> Result<Option<Self>> {
        let (left, right) = (hash.left().schema(), hash.right().schema());
        let mode = match hash.partition_mode() {
            PartitionMode::Partitioned => true,
            PartitionMode::CollectLeft => hash.right().output_partitioning().partition_count() == 1,
            PartitionMode::Auto => false,
        };
        let marks = matches!(hash.join_type(), JoinType::LeftMark | JoinType::RightMark);
        let plain =
            hash.null_equality() == NullEquality::NullEqualsNothing && !hash.null_aware && hash.fetch().is_none();
        let Some(filter) = hash.filter().filter(|_| mode && plain && !marks) else { return Ok(None) };
        let Some(band) = Band::find(filter, &left, &right) else { return Ok(None) };
        if hash.on().is_empty() || !IntervalIndex::can_hold(hash.on(), &left, &right) {
            return Ok(None);
        }
        let hash = Arc::new(hash.builder().build()?);
        Ok(Some(Self { filter: filter.clone(), band, hash, metrics: ExecutionPlanMetricsSet::new() }))
    }

    fn around(&self, hash: &Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(hash) = hash.downcast_ref::<HashJoinExec>() else {
            return internal_err!("a hash join became another plan");
        };
        let hash = Arc::new(hash.builder().build()?);
        let (filter, band) = (self.filter.clone(), self.band.clone());
        Ok(Arc::new(Self { hash, filter, band, metrics: ExecutionPlanMetricsSet::new() }))
    }

    /// The columns of the result, by side.
    fn columns(&self) -> Vec<ColumnIndex> {
        let of = |side, schema: SchemaRef| (0..schema.fields().len()).map(move |index| ColumnIndex { index, side });
        let (left, right) =
            (of(JoinSide::Left, self.hash.left().schema()), of(JoinSide::Right, self.hash.right().schema()));
        let all: Vec<ColumnIndex> = match self.hash.join_type() {
            JoinType::LeftSemi | JoinType::LeftAnti => left.collect(),
            JoinType::RightSemi | JoinType::RightAnti => right.collect(),
            _ => left.chain(right).collect(),
        };
        match &self.hash.projection {
            Some(kept) => kept.iter().filter_map(|index| all.get(*index).cloned()).collect(),
            None => all,
        }
    }
}

impl DisplayAs for IntervalJoinExec {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IntervalJoinExec: instead of ")?;
        self.hash.fmt_as(kind, f)
    }
}

impl ExecutionPlan for IntervalJoinExec {
    fn name(&self) -> &'static str {
        "IntervalJoinExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.hash.properties()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.hash.input_distribution_requirements()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        ExecutionPlan::maintains_input_order(&*self.hash)
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.hash.children()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.hash.apply_expressions(f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.around(&Arc::clone(&self.hash).replace_children(children, options)?)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        self.around(&Arc::clone(&self.hash).reset_state()?)
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let of_left = if *self.hash.partition_mode() == PartitionMode::CollectLeft { 0 } else { partition };
        let (left_keys, right_keys) = self.hash.on().iter().cloned().unzip();
        let join = Join {
            kind: *self.hash.join_type(),
            filter: (!self.band.whole).then(|| self.filter.clone()),
            band: self.band.clone(),
            left_keys,
            right_keys,
            columns: self.columns(),
            schema: self.schema(),
            batch_size: context.session_config().batch_size(),
            left_schema: self.hash.left().schema(),
            right_schema: self.hash.right().schema(),
            metrics: BaselineMetrics::new(&self.metrics, partition),
        };
        let memory = MemoryConsumer::new(format!("IntervalJoinExec[{partition}]")).register(context.memory_pool());
        let left = self.hash.left().execute(of_left, Arc::clone(&context))?;
        let right = self.hash.right().execute(partition, context)?;
        let schema = self.schema();
        let joined = stream::once(join.begin(left, right, memory)).map_ok(Running::rows).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, joined)))
    }
}

/// What a run of a join needs to know.
struct Join {
    kind: JoinType,
    /// What is asked beyond the band.
    filter: Option<JoinFilter>,
    band: Band,
    left_keys: Vec<Arc<dyn PhysicalExpr>>,
    right_keys: Vec<Arc<dyn PhysicalExpr>>,
    columns: Vec<ColumnIndex>,
    schema: SchemaRef,
    batch_size: usize,
    left_schema: SchemaRef,
    right_schema: SchemaRef,
    metrics: BaselineMetrics,
}

/// A join that has read its left side.
struct Running {
    join: Join,
    index: IntervalIndex,
    right: SendableRecordBatchStream,
    /// The left rows that found a partner.
    found: Vec<bool>,
    probe: Option<Probe>,
    over: bool,
    _memory: MemoryReservation,
}

impl Join {
    async fn begin(
        self,
        mut left: SendableRecordBatchStream,
        right: SendableRecordBatchStream,
        memory: MemoryReservation,
    ) -> Result<Running> {
        let mut batches = Vec::new();
        while let Some(batch) = left.try_next().await? {
            memory.try_grow(batch.get_array_memory_size())?;
            batches.push(batch);
        }
        let rows = concat_batches(&self.left_schema, &batches)?;
        drop(batches);
        let index = IntervalIndex::new(rows, &self.left_keys, &self.band)?;
        memory.try_resize(index.rows.get_array_memory_size() + index.size())?;
        let found = vec![false; index.rows.num_rows()];
        Ok(Running { join: self, index, right, found, probe: None, over: false, _memory: memory })
    }

    /// Whether left rows are told apart by whether they found a partner.
    fn tells_left(&self) -> bool {
        matches!(self.kind, JoinType::Left | JoinType::Full | JoinType::LeftSemi | JoinType::LeftAnti)
    }

    /// Whether right rows without a partner are part of the result.
    fn keeps_right(&self) -> bool {
        matches!(self.kind, JoinType::Right | JoinType::Full | JoinType::RightAnti)
    }

    /// Whether pairs are part of the result.
    fn pairs(&self) -> bool {
        matches!(self.kind, JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full)
    }

    /// The result's columns for some rows of both sides.
    fn rows(
        &self,
        left: &RecordBatch,
        of_left: &UInt64Array,
        right: &RecordBatch,
        of_right: &UInt32Array,
    ) -> Result<RecordBatch> {
        let columns = self.columns.iter().map(|column| -> Result<ArrayRef> {
            Ok(match column.side {
                JoinSide::Left if left.num_rows() == 0 => null(&self.left_schema, column.index, of_left.len()),
                JoinSide::Left => take(left.column(column.index), of_left, None)?,
                _ if right.num_rows() == 0 => null(&self.right_schema, column.index, of_right.len()),
                _ => take(right.column(column.index), of_right, None)?,
            })
        });
        let options = RecordBatchOptions::new().with_row_count(Some(of_left.len().max(of_right.len())));
        let columns = columns.collect::<Result<Vec<ArrayRef>>>()?;
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        self.metrics.record_output(rows.num_rows());
        Ok(rows)
    }
}

/// A column without values.
fn null(schema: &SchemaRef, index: usize, rows: usize) -> ArrayRef {
    let kind = schema.fields().get(index).map_or(&arrow::datatypes::DataType::Null, |field| field.data_type());
    new_null_array(kind, rows)
}

impl Running {
    /// The rows of the result.
    fn rows(self) -> impl futures::Stream<Item = Result<RecordBatch>> {
        let rows = stream::try_unfold(self, |mut running| async move {
            let next = running.next().await?;
            Ok(next.map(|rows| (rows, running)))
        });
        rows.try_filter(|rows| futures::future::ready(rows.num_rows() > 0)).boxed()
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(rows) = self.probed()? {
                return Ok(Some(rows));
            }
            if self.over {
                return Ok(None);
            }
            if let Some(batch) = self.right.try_next().await? {
                let stretches = self.join.band.of_right(&batch)?;
                let runs = self.index.runs(&batch, &self.join.right_keys)?;
                self.probe = Some(Probe::new(batch, stretches, runs));
            } else {
                self.over = true;
                return self.left_over().map(Some);
            }
        }
    }

    /// The next rows of the batch that is being probed.
    fn probed(&mut self) -> Result<Option<RecordBatch>> {
        let Some(probe) = &mut self.probe else { return Ok(None) };
        let Some((mut pairs, looked)) = probe.pairs(&self.index, self.join.batch_size) else {
            self.probe = None;
            return Ok(None);
        };
        if let Some(filter) = self.join.filter.as_ref().filter(|_| !pairs.left.is_empty()) {
            pairs = pairs.keep(filter, &self.index.rows, &probe.rows)?;
        }
        if self.join.tells_left() {
            for row in &pairs.left {
                if let Some(found) = usize::try_from(*row).ok().and_then(|row| self.found.get_mut(row)) {
                    *found = true;
                }
            }
        }
        let (of_left, of_right) = match self.join.kind {
            JoinType::LeftSemi | JoinType::LeftAnti => {
                return Ok(Some(RecordBatch::new_empty(Arc::clone(&self.join.schema))));
            }
            JoinType::RightSemi => {
                pairs.right.dedup();
                (UInt64Array::new_null(pairs.right.len()), UInt32Array::from(pairs.right))
            }
            _ if self.join.keeps_right() => with_lonely(&pairs, looked, self.join.pairs()),
            _ => (UInt64Array::from(pairs.left), UInt32Array::from(pairs.right)),
        };
        self.join.rows(&self.index.rows, &of_left, &probe.rows, &of_right).map(Some)
    }

    /// The left rows that are told at the end.
    fn left_over(&self) -> Result<RecordBatch> {
        let wanted = match self.join.kind {
            JoinType::LeftSemi => true,
            JoinType::Left | JoinType::Full | JoinType::LeftAnti => false,
            _ => return Ok(RecordBatch::new_empty(Arc::clone(&self.join.schema))),
        };
        let rows = self.found.iter().zip(0_u64..).filter(|(found, _)| **found == wanted).map(|(_, row)| row);
        let of_left = UInt64Array::from_iter_values(rows);
        let nobody = RecordBatch::new_empty(Arc::clone(&self.join.right_schema));
        self.join.rows(&self.index.rows, &of_left, &nobody, &UInt32Array::new_null(of_left.len()))
    }
}

/// The right rows of a span in their order: their pairs (where they are asked for), or alone where they have none.
fn with_lonely(pairs: &Pairs, looked: Range<usize>, paired: bool) -> (UInt64Array, UInt32Array) {
    let (mut of_left, mut of_right) = (Vec::new(), Vec::new());
    let mut rest = pairs.right.iter().zip(&pairs.left).peekable();
    for row in looked.filter_map(|row| u32::try_from(row).ok()) {
        let mut lonely = true;
        while let Some((_, left)) = rest.next_if(|(right, _)| **right == row) {
            lonely = false;
            if paired {
                of_left.push(Some(*left));
                of_right.push(row);
            }
        }
        if lonely {
            of_left.push(None);
            of_right.push(row);
        }
    }
    (UInt64Array::from(of_left), UInt32Array::from(of_right))
}
