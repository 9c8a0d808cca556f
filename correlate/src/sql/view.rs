//! The tables that people ask: the latest revision of every event and the latest record of each key, amounts as decimal numbers beside the minor units,
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
use tillsight_schemas::review::Disposition;
use tillsight_schemas::segment::GapReason;
use tillsight_schemas::wire::columns::COMMENT;

use crate::lake::Table;
use crate::lake::table::{LOG_OFFSET, LOGGED_AT};

/// The schema of the POS views, which statements mean when they name none.
pub const SCHEMA: &str = "pos";
/// The schema of what cameras saw and said.
pub const CAM_SCHEMA: &str = "cam";
/// The schema of what loss prevention made of it.
pub const LP_SCHEMA: &str = "lp";
/// The schema of recordings.
pub const REC_SCHEMA: &str = "rec";
/// The schema of reference data.
pub const REF_SCHEMA: &str = "ref";

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
    /// Presence of zones.
    Presence,
    /// What cameras say.
    CameraEvents,
    /// Alerts with their last disposition.
    Alerts,
    /// Decisions of people.
    Reviews,
    /// What rules made of their anchors.
    Judgements,
    /// Recorded video.
    Segments,
    /// Spans without video.
    Gaps,
    /// Clock offsets.
    Clocks,
}

impl View {
    /// Every view.
    pub(super) const ALL: [Self; 12] = [
        Self::Transactions,
        Self::Revisions,
        Self::Lines,
        Self::Tenders,
        Self::Presence,
        Self::CameraEvents,
        Self::Alerts,
        Self::Reviews,
        Self::Judgements,
        Self::Segments,
        Self::Gaps,
        Self::Clocks,
    ];

    /// The schemas that hold nothing but views.
    pub(super) const SCHEMAS: [&str; 4] = [SCHEMA, CAM_SCHEMA, LP_SCHEMA, REC_SCHEMA];

    /// Schema, name and source.
    fn about(self) -> (&'static str, &'static str, Table) {
        match self {
            Self::Transactions => (SCHEMA, "transactions", Table::Transactions),
            Self::Revisions => (SCHEMA, "transaction_revisions", Table::Transactions),
            Self::Lines => (SCHEMA, "lines", Table::Lines),
            Self::Tenders => (SCHEMA, "tenders", Table::Tenders),
            Self::Presence => (CAM_SCHEMA, "presence", Table::Presence),
            Self::CameraEvents => (CAM_SCHEMA, "events", Table::CameraEvents),
            Self::Alerts => (LP_SCHEMA, "alerts", Table::Alerts),
            Self::Reviews => (LP_SCHEMA, "reviews", Table::Reviews),
            Self::Judgements => (LP_SCHEMA, "judgements", Table::Judgements),
            Self::Segments => (REC_SCHEMA, "segments", Table::Segments),
            Self::Gaps => (REC_SCHEMA, "gaps", Table::Segments),
            Self::Clocks => (REF_SCHEMA, "clock", Table::Clocks),
        }
    }

    /// The view of this name.
    pub(super) fn find(schema: &str, name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.schema() == schema && view.name() == name)
    }

    /// Its schema.
    pub(super) fn schema(self) -> &'static str {
        self.about().0
    }

    /// Its name in its schema.
    pub(super) fn name(self) -> &'static str {
        self.about().1
    }

    fn table(self) -> Table {
        self.about().2
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
            Self::Presence => {
                "Whether somebody was in a zone: one row per tile of at most five seconds. `absent` is positive \
                 evidence; `unknown` says that it cannot be told, and `blind` why."
            }
            Self::CameraEvents => "What cameras said by themselves (ONVIF events and metadata): one row per statement.",
            Self::Alerts => {
                "Alerts: one row per alert in its latest revision, retracted ones included (`state`), with the last \
                 decision of a person about it."
            }
            Self::Reviews => {
                "What people decided about alerts: one row per decision; the last one of an alert holds. `explained` and \
                 `look_at_it` are what a store said from its report, and decide nothing."
            }
            Self::Judgements => {
                "What rules made of their anchors: one row per rule and event, as last judged; `indeterminate` is a \
                 blind spot."
            }
            Self::Segments => {
                "Recorded video: one row per file of about a minute. Without those that retention has deleted: these \
                 are gaps with the cause `expired`."
            }
            Self::Gaps => {
                "Spans of the schedule without video: one row per gap, with its cause. Segments and gaps together are \
                 the scheduled time."
            }
            Self::Clocks => "How far the clocks of registers are off: one row per version; all versions are kept.",
        }
    }

    /// The text of the view, over the tables of schema `lake`.
    pub(super) fn sql(self) -> String {
        let table = self.table();
        let columns: Vec<String> =
            self.columns().iter().map(|column| format!("{} AS {}", column.text, column.name)).collect();
        let columns = columns.join(", ");
        let from = format!("lake.{}", table.name());
        let latest = latest(table);
        // The corrected events are few: they are the side that joins keep in memory.
        let newer = "(SELECT tenant_id, event_id, max(revision) AS revision FROM lake.pos_transactions \
                     WHERE revision > 0 GROUP BY tenant_id, event_id) AS newer";
        let moved =
            "(SELECT DISTINCT tenant_id, replaces FROM lake.pos_transactions WHERE replaces IS NOT NULL) AS moved";
        let is_newer = "newer.tenant_id = t.tenant_id AND newer.event_id = t.event_id AND newer.revision > t.revision";
        let is_moved = "moved.tenant_id = t.tenant_id AND moved.replaces = t.event_id";
        match self {
            Self::Revisions => format!(
                "SELECT {columns} FROM {moved} RIGHT JOIN ({newer} RIGHT JOIN {from} AS t ON {is_newer}) ON {is_moved}"
            ),
            Self::Transactions | Self::Lines | Self::Tenders => format!(
                "SELECT {columns} FROM {moved} RIGHT ANTI JOIN \
                 (SELECT t.* FROM {newer} RIGHT ANTI JOIN {from} AS t ON {is_newer}) AS t ON {is_moved}"
            ),
            Self::Alerts => format!(
                "SELECT {columns} FROM ({latest}) AS t LEFT JOIN (SELECT tenant_id, store_id, alert_id, {last} \
                 FROM lake.{reviews} WHERE disposition NOT IN ('explained', 'look_at_it') \
                 GROUP BY tenant_id, store_id, alert_id) AS r \
                 ON r.tenant_id = t.tenant_id AND r.store_id = t.store_id AND r.alert_id = t.alert_id",
                last = ["disposition", "note", "reviewer", "reviewed_at"]
                    .map(|name| format!("latest({name}, reviewed_at, {LOGGED_AT}, {LOG_OFFSET}) AS {name}"))
                    .join(", "),
                reviews = Table::Reviews.name()
            ),
            Self::Segments => {
                format!("SELECT {columns} FROM ({latest}) AS t WHERE t.kind = 'RECORDED' AND t.state <> 'deleted'")
            }
            // A gap that turned out to have no length is taken back by ending where it began.
            Self::Gaps => format!(
                "SELECT {columns} FROM ({latest}) AS t WHERE t.state = 'deleted' \
                 OR (t.kind = 'GAP' AND (t.end_at IS NULL OR t.end_at > t.start_at))"
            ),
            _ => format!("SELECT {columns} FROM ({latest}) AS t"),
        }
    }

    /// The comments of its columns, in order.
    pub(super) fn comments(self) -> Vec<(String, String)> {
        self.columns().into_iter().map(|column| (column.name, column.comment)).collect()
    }

    fn columns(self) -> Vec<Column> {
        let mut columns = columns(self.table());
        let mut add = |name: &str, text: &str, comment: &str| {
            columns.push(Column { name: name.to_owned(), text: text.to_owned(), comment: comment.to_owned() });
        };
        const SECONDS: &str = "millionths(CAST(t.end_at AS BIGINT) - CAST(t.start_at AS BIGINT))";
        match self {
            Self::Revisions => add(
                "superseded",
                "newer.revision IS NOT NULL OR moved.replaces IS NOT NULL",
                "Whether a later revision or another event replaces this one.",
            ),
            Self::Presence => add("seconds", SECONDS, "How long the tile is."),
            Self::Alerts => {
                let decisions = Disposition::ALL.iter().filter(|said| said.decides()).map(|said| said.as_str());
                let comment = format!(
                    "What was decided last about it; null while nobody has decided. One of {}.",
                    decisions.collect::<Vec<_>>().join(", ")
                );
                add("disposition", "r.disposition", &comment);
                add("review_note", "r.note", "The reviewer's words.");
                add("reviewer", "r.reviewer", "Who decided last.");
                add("reviewed_at", "r.reviewed_at", "When that was.");
            }
            Self::Segments => {
                add("seconds", SECONDS, "How long it is; null while it is being written.");
                columns.retain(|column| !["kind", "gap_reason"].contains(&column.name.as_str()));
            }
            Self::Gaps => {
                add("seconds", SECONDS, "How long it is; null while it goes on.");
                add(
                    "cause",
                    "CASE WHEN t.state = 'deleted' THEN 'expired' ELSE t.gap_reason END",
                    &format!(
                        "Why there is no video; `expired`: retention has deleted it. One of {}, expired.",
                        GapReason::CODES.join(", ")
                    ),
                );
                const SHOWN: &[&str] = &[
                    "tenant_id",
                    "store_id",
                    "camera_id",
                    "stream",
                    "run",
                    "seq",
                    "start_at",
                    "start_at_local",
                    "end_at",
                    "end_at_local",
                    "logged_at",
                    "event_date",
                    "seconds",
                    "cause",
                ];
                columns.retain(|column| SHOWN.contains(&column.name.as_str()));
            }
            _ => {}
        }
        columns
    }
}

struct Column {
    name: String,
    text: String,
    comment: String,
}

/// A query for the rows of a table that hold ([`Table::key`]), by the function [`super::latest`].
fn latest(table: Table) -> String {
    let (schema, key) = (table.schema(), table.key());
    let revision = if schema.index_of("revision").is_ok() { "revision, " } else { "" };
    let columns: Vec<String> = shown(&schema)
        .map(|field| match field.name() {
            name if key.contains(&name.as_str()) => name.clone(),
            name => format!("latest({name}, {revision}{LOGGED_AT}, {LOG_OFFSET}) AS {name}"),
        })
        .collect();
    format!("SELECT {} FROM lake.{} GROUP BY {}", columns.join(", "), table.name(), key.join(", "))
}

/// The columns of a table that people see.
fn shown(schema: &Schema) -> impl Iterator<Item = &Field> {
    schema
        .fields()
        .iter()
        .map(AsRef::as_ref)
        .filter(|field| !["event_month", "store_bucket", LOG_OFFSET].contains(&field.name().as_str()))
}

/// The columns of a table as people see them.
fn columns(table: Table) -> Vec<Column> {
    let schema = table.schema();
    let has_zone = schema.index_of("tz").is_ok();
    let (zone, says_zone) = match has_zone {
        true => ("t.tz", "zone: `tz`"),
        false => ("store_zone(t.tenant_id, t.store_id)", "zone: `tz` of `ref.stores`"),
    };
    let mut columns = Vec::new();
    for field in shown(&schema) {
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
            (DataType::Timestamp(..), ..) if name != LOGGED_AT => Some((
                format!("{name}_local"),
                format!("local_time(t.{name}, {zone})"),
                format!("`{name}` as the clocks of the store show it ({says_zone})."),
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
