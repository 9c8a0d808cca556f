//! The tables that people ask: the latest revision of every event, amounts as decimal numbers beside the minor units,
//! times in the store's zone beside UTC, a comment on everything.
//!
//! They are generated from the tables of the lake: a column that is added there appears here.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::{TableType, ViewTable};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use tillsight_schemas::wire::columns::COMMENT;

use crate::lake::Table;

/// The schema of the views.
pub const SCHEMA: &str = "pos";

/// A table that people ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// The latest revision of every transaction.
    Transactions,
    /// Every revision.
    Revisions,
    /// The items of the latest revisions.
    Lines,
    /// The payments of the latest revisions.
    Tenders,
}

impl View {
    /// Every view.
    pub(super) const ALL: [Self; 4] = [Self::Transactions, Self::Revisions, Self::Lines, Self::Tenders];

    /// Its name in schema `pos`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Transactions => "transactions",
            Self::Revisions => "transaction_revisions",
            Self::Lines => "lines",
            Self::Tenders => "tenders",
        }
    }

    /// What one row is.
    pub(super) fn doc(self) -> &'static str {
        match self {
            Self::Transactions => {
                "POS transactions: one row per event, as last corrected. Amounts are non-negative; `kind` says what \
                 they do. Training and test transactions are included and marked."
            }
            Self::Revisions => {
                "Every revision of every POS transaction; `superseded` marks those that a later one or another event \
                 replaces."
            }
            Self::Lines => "The items of POS transactions, as last corrected: one row per item.",
            Self::Tenders => "The payments of POS transactions, as last corrected: one row per payment.",
        }
    }

    fn table(self) -> Table {
        match self {
            Self::Transactions | Self::Revisions => Table::Transactions,
            Self::Lines => Table::Lines,
            Self::Tenders => Table::Tenders,
        }
    }

    /// The text of the view, over the tables of schema `lake`.
    pub(super) fn sql(self) -> String {
        let columns: Vec<String> =
            columns(self.table()).iter().map(|column| format!("{} AS {}", column.text, column.name)).collect();
        let columns = columns.join(", ");
        let table = self.table().name();
        // The corrected events are few: they are the side that joins keep in memory.
        let newer = "(SELECT tenant_id, event_id, max(revision) AS revision FROM lake.pos_transactions \
                     WHERE revision > 0 GROUP BY tenant_id, event_id) AS newer";
        let moved =
            "(SELECT DISTINCT tenant_id, replaces FROM lake.pos_transactions WHERE replaces IS NOT NULL) AS moved";
        let is_newer = "newer.tenant_id = t.tenant_id AND newer.event_id = t.event_id AND newer.revision > t.revision";
        let is_moved = "moved.tenant_id = t.tenant_id AND moved.replaces = t.event_id";
        match self {
            Self::Revisions => format!(
                "SELECT {columns}, newer.revision IS NOT NULL OR moved.replaces IS NOT NULL AS superseded \
                 FROM {moved} RIGHT JOIN ({newer} RIGHT JOIN lake.{table} AS t ON {is_newer}) ON {is_moved}"
            ),
            _ => format!(
                "SELECT {columns} FROM {moved} RIGHT ANTI JOIN \
                 (SELECT t.* FROM {newer} RIGHT ANTI JOIN lake.{table} AS t ON {is_newer}) AS t ON {is_moved}"
            ),
        }
    }

    /// The comments of its columns, in order.
    pub(super) fn comments(self) -> Vec<(String, String)> {
        let mut comments: Vec<_> =
            columns(self.table()).into_iter().map(|column| (column.name, column.comment)).collect();
        if self == Self::Revisions {
            comments.push((
                "superseded".to_owned(),
                "Whether a later revision or another event replaces this one.".to_owned(),
            ));
        }
        comments
    }
}

struct Column {
    name: String,
    text: String,
    comment: String,
}

/// The columns of a table as people see them.
fn columns(table: Table) -> Vec<Column> {
    let mut columns = Vec::new();
    for field in table.schema().fields().iter().filter(|field| field.name() != "store_bucket") {
        let name = field.name();
        let comment = field.metadata().get(COMMENT).cloned().unwrap_or_default();
        columns.push(Column { name: name.clone(), text: format!("t.{name}"), comment: comment.clone() });
        let derived = match (field.data_type(), name.strip_suffix("_minor"), name.strip_suffix("_milli")) {
            (DataType::Int64, Some(amount), _) => Some((
                amount.to_owned(),
                format!("money(t.{name}, t.currency)"),
                format!("{} As a decimal number of `currency`.", comment.replace(", in minor units", "")),
            )),
            (DataType::Int64, _, Some(quantity)) => Some((
                quantity.to_owned(),
                format!("thousandths(t.{name})"),
                "Quantity in `uom`, as a decimal number.".to_owned(),
            )),
            (DataType::Timestamp(..), ..) => Some((
                format!("{name}_local"),
                format!("local_time(t.{name}, t.tz)"),
                format!("`{name}` as the clocks of the store show it (zone: `tz`)."),
            )),
            _ => None,
        };
        columns.extend(derived.map(|(name, text, comment)| Column { name, text, comment }));
    }
    columns
}

/// A planned view: a table to its users, its plan to the planner.
#[derive(Debug)]
pub(super) struct Planned {
    view: ViewTable,
    schema: SchemaRef,
}

impl Planned {
    /// Gives the columns of a plan their comments.
    pub(super) fn new(plan: LogicalPlan, comments: &[(String, String)]) -> Self {
        let view = ViewTable::new(plan, None);
        let comment = |field: &Field| {
            let text = comments.iter().find(|(name, _)| name == field.name()).map(|(_, text)| text.clone());
            field.clone().with_metadata(text.map(|text| (COMMENT.to_owned(), text)).into_iter().collect())
        };
        let schema = Schema::new(view.schema().fields().iter().map(|field| comment(field)).collect::<Vec<_>>());
        Self { view, schema: Arc::new(schema) }
    }
}

#[async_trait]
impl TableProvider for Planned {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    /// A table, not a view: `\dt` lists it, and the text of the view concerns nobody.
    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn get_logical_plan(&self) -> Option<Cow<'_, LogicalPlan>> {
        self.view.get_logical_plan()
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        self.view.supports_filters_pushdown(filters)
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.view.scan(state, projection, filters, limit).await
    }
}
