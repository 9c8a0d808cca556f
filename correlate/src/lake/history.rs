//! [`History`]: what was archived, for back-tests and reports, without scope and without the hot tail.
//!
//! It sees what the archiver has committed: the newest minute may be missing. For that, take the [`super::Views`] of a
//! [`super::HotTail`].

use std::path::Path;
use std::sync::Arc;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Schema};
use chrono::{DateTime, Utc};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, ident, lit};
use datafusion::prelude::SessionContext;
use tillsight_schemas::TimeSpan;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::pos::Kind;
use uuid::Uuid;

use super::store::Store;
use super::table::{Table, store_bucket};
use super::tail::{Part, View, Views};
use crate::error::{Error, Result};

/// Which rows of a table are picked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Picked<'a> {
    /// Of these stores.
    pub(crate) stores: &'a [StoreKey],
    /// Whose time lies in this span.
    pub(crate) span: TimeSpan,
    /// These columns; all when none is named.
    pub(crate) columns: &'a [&'a str],
    /// Of these kinds of transaction; of all when none is named.
    pub(crate) kinds: &'a [Kind],
}

/// The tables of a lake, each at one version.
#[derive(Debug)]
pub struct History {
    stores: Vec<Store>,
}

impl History {
    /// Opens a lake, and makes the tables that it lacks.
    ///
    /// # Errors
    /// [`Error::Folder`] or [`Error::Delta`] when folder or tables cannot be used.
    pub async fn open(root: &Path) -> Result<Self> {
        let mut stores = Vec::with_capacity(Table::ALL.len());
        for table in Table::ALL {
            stores.push(Store::open(root, table).await?);
        }
        Ok(Self { stores })
    }

    /// Goes to the newest versions.
    ///
    /// # Errors
    /// [`Error::Delta`] when the log of a table cannot be read.
    pub async fn refresh(&mut self) -> Result<()> {
        for store in &mut self.stores {
            store.refresh().await?;
        }
        Ok(())
    }

    /// The version of a table that is open.
    ///
    /// # Errors
    /// [`Error::Delta`] when the table is not there, which is a defect.
    pub fn version(&self, table: Table) -> Result<u64> {
        Ok(self.store(table)?.version())
    }

    /// Adds every table to a session, under its name, as it lies on disk: all revisions, repetitions included.
    /// [`Table::latest`] is the text of a query for the rows that hold.
    ///
    /// # Errors
    /// [`Error::Delta`] when a table cannot be read; [`Error::Rows`] when the session has a table of its name.
    pub fn register(&self, session: &SessionContext) -> Result<()> {
        for store in &self.stores {
            store.register(&session.state())?;
            session.register_table(store.table().name(), store.rows()?).map_err(failed(store.table()))?;
        }
        Ok(())
    }

    /// The rows of a table as they lie on disk. The session that reads them must know the storage:
    /// [`History::register`].
    ///
    /// # Errors
    /// [`Error::Delta`] when the table cannot be read.
    pub fn table(&self, table: Table) -> Result<Arc<dyn TableProvider>> {
        self.store(table)?.rows()
    }

    /// The versions that are open, for [`crate::sql::Engine`].
    ///
    /// # Errors
    /// [`Error::Delta`] when a table cannot be read.
    pub(crate) fn views(&self) -> Result<Views> {
        let part = |store: &Store| {
            Ok((store.table(), Part { version: store.version(), kept: store.rows()?, beyond: Vec::new() }))
        };
        Ok(Views::fixed(View::new(self.stores.iter().map(part).collect::<Result<Vec<_>>>()?)))
    }

    /// Lets a session read the files of the tables.
    ///
    /// # Errors
    /// [`Error::Delta`] when the storage cannot be registered.
    pub(crate) fn storage(&self, session: &dyn Session) -> Result<()> {
        self.stores.iter().try_for_each(|store| store.register(session))
    }

    /// The rows of some stores whose time ([`Table::time`]) lies in a span, by store and time. Of repeated and revised
    /// records only the one that holds is there; of POS tables every revision.
    ///
    /// # Errors
    /// [`Error::Delta`] or [`Error::Rows`] when the table cannot be read.
    pub async fn scan(&self, table: Table, span: TimeSpan, stores: &[StoreKey]) -> Result<Vec<RecordBatch>> {
        self.latest(table, span, stores, lit(true)).await
    }

    /// [`History::scan`] of those rows whose key, the stores included, fulfils a condition: before it is seen which of the
    /// rows of a key holds, all others are gone.
    pub(super) async fn latest(
        &self,
        table: Table,
        span: TimeSpan,
        stores: &[StoreKey],
        of: Expr,
    ) -> Result<Vec<RecordBatch>> {
        let store = self.store(table)?;
        let session = SessionContext::new();
        store.register(&session.state())?;
        let rows = store.rows()?;
        let read = async {
            let rows = session.read_table(rows)?.filter(any_of(stores))?.filter(of)?;
            session.register_table(table.name(), rows.into_view())?;
            let time = || ident(table.time());
            session
                .sql(&table.latest(table.name()))
                .await?
                .filter(time().gt_eq(instant(span.start())))?
                .filter(time().lt(instant(span.end())))?
                .sort(["tenant_id", "store_id", table.time()].map(|name| ident(name).sort(true, false)).to_vec())?
                .select(table.schema().fields().iter().map(|field| ident(field.name())).collect::<Vec<_>>())?
                .collect()
                .await
        };
        read.await.map_err(failed(table))
    }

    /// Rows as they lie on disk, in no order: every revision, repetitions included.
    ///
    /// # Errors
    /// [`Error::Delta`] or [`Error::Rows`] when the table cannot be read.
    pub(crate) async fn pick(&self, table: Table, picked: Picked<'_>) -> Result<RecordBatch> {
        let store = self.store(table)?;
        let session = SessionContext::new();
        store.register(&session.state())?;
        let rows = store.rows()?;
        let schema = table.schema();
        let columns: Vec<&str> = match picked.columns {
            [] => schema.fields().iter().map(|field| field.name().as_str()).collect(),
            columns => columns.to_vec(),
        };
        let read = async {
            let time = || ident(table.time());
            let mut rows = session
                .read_table(rows)?
                .filter(any_of(picked.stores))?
                .filter(time().gt_eq(instant(picked.span.start())))?
                .filter(time().lt(instant(picked.span.end())))?;
            if !picked.kinds.is_empty() {
                rows = rows.filter(
                    ident("kind").in_list(picked.kinds.iter().map(|kind| lit(kind.as_str())).collect(), false),
                )?;
            }
            rows.select(columns.iter().map(|name| ident(*name)).collect::<Vec<_>>())?.collect().await
        };
        let batches = read.await.map_err(failed(table))?;
        let fields = columns.iter().map(|name| schema.field_with_name(name).cloned());
        let schema = Schema::new(fields.collect::<std::result::Result<Vec<_>, _>>().map_err(Error::columns)?);
        let schema = batches.first().map_or_else(|| Arc::new(schema), RecordBatch::schema);
        concat_batches(&schema, &batches).map_err(Error::columns)
    }

    /// The store and the time of an archived transaction. Reads the ids of all of them: seconds a year of a chain.
    ///
    /// # Errors
    /// [`Error::Delta`] or [`Error::Rows`] when the table cannot be read.
    pub async fn find(&self, event: Uuid) -> Result<Option<(StoreKey, DateTime<Utc>)>> {
        let table = Table::Transactions;
        let session = SessionContext::new();
        self.store(table)?.register(&session.state())?;
        let rows = self.table(table)?;
        let read = async {
            session.register_table(table.name(), rows)?;
            let statement = format!(
                "SELECT tenant_id, store_id, CAST(event_time AS BIGINT) AS at FROM {} WHERE event_id = '{event}' LIMIT 1",
                table.name()
            );
            session.sql(&statement).await?.collect().await
        };
        let found = read.await.map_err(failed(table))?;
        let Some(row) = found.iter().find(|batch| batch.num_rows() > 0) else { return Ok(None) };
        let text = |name: &str| row.column_by_name(name).and_then(|column| cast(column, &DataType::Utf8).ok());
        let first = |name: &str| text(name).and_then(|text| Some(text.as_string_opt::<i32>()?.value(0).to_owned()));
        let key = first("tenant_id")
            .zip(first("store_id"))
            .and_then(|(tenant, store)| format!("{tenant}/{store}").parse().ok());
        let at = first("at").and_then(|at| DateTime::from_timestamp_micros(at.parse().ok()?));
        Ok(key.zip(at))
    }

    /// When the newest archived transaction happened; `None` while there is none.
    ///
    /// # Errors
    /// [`Error::Delta`] or [`Error::Rows`] when the table cannot be read.
    pub async fn newest(&self) -> Result<Option<DateTime<Utc>>> {
        let table = Table::Transactions;
        let session = SessionContext::new();
        self.store(table)?.register(&session.state())?;
        let rows = self.table(table)?;
        let read = async {
            session.register_table(table.name(), rows)?;
            let statement = format!("SELECT CAST(max(event_time) AS BIGINT) AS at FROM {}", table.name());
            session.sql(&statement).await?.collect().await
        };
        let found = read.await.map_err(failed(table))?;
        let at = found.first().and_then(|row| row.column_by_name("at"));
        let at = at.and_then(|column| cast(column, &DataType::Utf8).ok());
        let at = at.and_then(|text| Some(text.as_string_opt::<i32>()?.iter().next()??.to_owned()));
        Ok(at.and_then(|at| DateTime::from_timestamp_micros(at.parse().ok()?)))
    }

    /// How many rows a table has, read from its files.
    ///
    /// # Errors
    /// [`Error::Delta`] or [`Error::Rows`] when the table cannot be read.
    pub async fn count(&self, table: Table) -> Result<usize> {
        let store = self.store(table)?;
        let session = SessionContext::new();
        store.register(&session.state())?;
        let rows = store.rows()?;
        // A column is read so that the files are opened; their number alone stands in the log of the table.
        let read = async {
            session.register_table(table.name(), rows)?;
            session.sql(&format!("SELECT tenant_id FROM {}", table.name())).await?.count().await
        };
        read.await.map_err(failed(table))
    }

    fn store(&self, table: Table) -> Result<&Store> {
        let missing = || DataFusionError::Internal("the table was not opened".to_owned());
        self.stores.iter().find(|store| store.table() == table).ok_or_else(|| failed(table)(missing()))
    }
}

pub(super) fn instant(at: DateTime<Utc>) -> Expr {
    lit(ScalarValue::TimestampMicrosecond(Some(at.timestamp_micros()), Some(Arc::from("UTC"))))
}

/// The rows of these stores. The bucket says nothing new, but is a partition column: files of others are not opened.
fn any_of(stores: &[StoreKey]) -> Expr {
    stores.iter().fold(lit(false), |any, key| {
        let (tenant, store) = (key.tenant.as_str(), key.store.as_str());
        any.or(ident("tenant_id")
            .eq(lit(tenant))
            .and(ident("store_id").eq(lit(store)))
            .and(ident("store_bucket").eq(lit(store_bucket(tenant, store)))))
    })
}

fn failed(table: Table) -> impl FnOnce(DataFusionError) -> Error {
    move |source| Error::Rows { table: table.name(), source: Box::new(source) }
}
