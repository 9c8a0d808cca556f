//! Which rows a login may see, enforced where tables are read.
//!
//! [`Scoped`] is the only table that sessions get to see of the lake. Its `scan` filters by the scope and puts the
//! result behind a [`Fence`]: a leaf of the plan, into which no optimizer rule moves an expression. Only expressions
//! that can neither fail nor tell values apart by failing are evaluated before the scope filter, so that not even an
//! error message (`cannot cast 'X' to integer`), a row count or `EXPLAIN ANALYZE` says anything about other stores.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::common::Statistics;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::{TableType, provider_as_source};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{
    BinaryExpr, Expr, LogicalPlanBuilder, Operator, TableProviderFilterPushDown, ident, lit,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use tillsight_schemas::id::{StoreId, TenantId};
use tillsight_schemas::store::Store;

use crate::lake::table::store_bucket;
use crate::lake::tail::Part;

/// The stores whose rows a login may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The retailer.
    pub tenant: TenantId,
    /// The stores of the retailer.
    pub stores: Stores,
}

/// Some or all stores of a retailer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stores {
    /// Every store.
    All,
    /// These and no others.
    Only(BTreeSet<StoreId>),
}

impl Scope {
    /// Whether a store lies within the scope.
    pub fn covers(&self, store: &Store) -> bool {
        store.tenant == self.tenant
            && match &self.stores {
                Stores::All => true,
                Stores::Only(stores) => stores.contains(&store.id),
            }
    }

    /// The rows of the scope, as a condition on the columns of the lake.
    fn condition(&self) -> Expr {
        let tenant = ident("tenant_id").eq(lit(self.tenant.as_str()));
        match &self.stores {
            Stores::All => tenant,
            Stores::Only(stores) if stores.is_empty() => lit(false),
            Stores::Only(stores) => {
                let buckets: BTreeSet<i32> =
                    stores.iter().map(|store| store_bucket(self.tenant.as_str(), store.as_str())).collect();
                tenant
                    .and(ident("store_id").in_list(stores.iter().map(|store| lit(store.as_str())).collect(), false))
                    // Says nothing new, but is a partition column: files of other buckets are not opened.
                    .and(ident("store_bucket").in_list(buckets.into_iter().map(lit).collect(), false))
            }
        }
    }
}

/// The rows of a table of the lake that lie within a scope.
#[derive(Debug)]
pub(super) struct Scoped {
    schema: SchemaRef,
    part: Part,
    scope: Arc<Scope>,
}

impl Scoped {
    /// Puts a part of a view behind a scope.
    pub(super) fn new(schema: SchemaRef, part: Part, scope: Arc<Scope>) -> Self {
        Self { schema, part, scope }
    }
}

#[async_trait]
impl TableProvider for Scoped {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters
            .iter()
            .map(|filter| match is_silent(filter) {
                true => TableProviderFilterPushDown::Exact,
                false => TableProviderFilterPushDown::Unsupported,
            })
            .collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut rows = LogicalPlanBuilder::scan("kept", provider_as_source(Arc::clone(&self.part.kept)), None)?;
        if !self.part.beyond.is_empty() {
            let beyond = MemTable::try_new(SchemaRef::clone(&self.schema), vec![self.part.beyond.clone()])?;
            let beyond = LogicalPlanBuilder::scan("beyond", provider_as_source(Arc::new(beyond)), None)?;
            rows = rows.union(beyond.build()?)?;
        }
        let condition = filters.iter().cloned().fold(self.scope.condition(), Expr::and);
        rows = rows.filter(condition)?;
        let names = |index: &usize| self.schema.fields().get(*index).map(|field| ident(field.name()));
        if let Some(columns) = projection {
            rows = rows.project(columns.iter().filter_map(names).collect::<Vec<_>>())?;
        }
        let rows = rows.limit(0, limit)?.build()?;
        let tells_size = self.scope.stores == Stores::All;
        Ok(Arc::new(Fence { rows: state.create_physical_plan(&rows).await?, tells_size }))
    }
}

/// Whether an expression is a comparison of columns with literals, or made of such: it cannot fail on any row. A null among
/// them stays above the table: a Delta table takes a condition without a column of its own for one about partitions, and
/// keeps the files for which it is unknown.
fn is_silent(expr: &Expr) -> bool {
    let plain = |expr: &Expr| match expr {
        Expr::Column(_) => true,
        Expr::Literal(value, _) => !value.is_null(),
        _ => false,
    };
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And | Operator::Or, right }) => {
            is_silent(left) && is_silent(right)
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
            matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
                && plain(left)
                && plain(right)
        }
        Expr::Not(inner) => is_silent(inner),
        Expr::IsNull(inner) | Expr::IsNotNull(inner) => plain(inner),
        Expr::Between(between) => plain(&between.expr) && plain(&between.low) && plain(&between.high),
        Expr::InList(list) => plain(&list.expr) && list.list.iter().all(plain),
        Expr::Column(_) => true,
        _ => false,
    }
}

/// A leaf of a plan that holds a plan of its own and shows nothing of it.
#[derive(Debug)]
struct Fence {
    rows: Arc<dyn ExecutionPlan>,
    tells_size: bool,
}

impl DisplayAs for Fence {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lake")
    }
}

impl ExecutionPlan for Fence {
    fn name(&self) -> &'static str {
        "Lake"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.rows.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        match children.is_empty() {
            true => Ok(self),
            false => Err(DataFusionError::Internal("a lake table has no children".to_owned())),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.rows.execute(partition, context)
    }

    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        let mut known = Statistics::new_unknown(&self.schema());
        if self.tells_size {
            let rows = StatisticsContext::new().compute(self.rows.as_ref(), args)?.num_rows;
            known.num_rows = rows.get_value().map_or(Precision::Absent, |rows| Precision::Inexact(*rows));
        }
        Ok(Arc::new(known))
    }
}
