//! One Delta table on disk: opening, appending with marks, compacting, reading.
//!
//! Marks are Delta application transactions: they are committed together with the rows, so the table itself is the
//! checkpoint of whoever fills it. A commit whose marks another writer has moved meanwhile is refused by Delta, which
//! fences a second archiver.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use chrono::TimeDelta;
use datafusion::catalog::{Session, TableProvider};
use deltalake_core::delta_datafusion::{DeltaScanConfig, DeltaScanNext};
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::transaction::CommitProperties;
use deltalake_core::kernel::{StructField, StructType, Transaction};
use deltalake_core::protocol::SaveMode;
use deltalake_core::{DeltaTable, DeltaTableBuilder, DeltaTableError, TableProperty, ensure_table_uri};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use tillsight_schemas::metric;
use tillsight_schemas::port::{Partition, Positions};

use super::progress::{Landing, Progress, next_mark, resume};
use super::table::{PARTITION_COLUMNS, Table, sorted};
use crate::error::{Error, Result};

/// How many commits there are between two checkpoints of a table's log.
const CHECKPOINT_INTERVAL: &str = "20";

/// A Delta table at one version.
#[derive(Debug)]
pub struct Store {
    table: Table,
    delta: DeltaTable,
}

impl Store {
    /// Opens a table in the folder `root`, creates it if it is not there, and gives it the columns that an earlier version
    /// did not know: they are null in what was written before.
    ///
    /// # Errors
    /// [`Error::Folder`] or [`Error::Delta`] when the folder or the table cannot be used.
    pub async fn open(root: &Path, table: Table) -> Result<Self> {
        let path = root.join(table.name());
        let folder = |source| Error::Folder { path: path.clone(), source };
        tokio::fs::create_dir_all(&path).await.map_err(folder)?;
        let path = tokio::fs::canonicalize(&path).await.map_err(folder)?;
        let mut delta = ensure_table_uri(path.to_string_lossy())
            .and_then(DeltaTableBuilder::from_url)
            .and_then(DeltaTableBuilder::build)
            .map_err(Error::delta("open", table.name()))?;
        if !delta.verify_deltatable_existence().await.map_err(Error::delta("open", table.name()))? {
            create(&delta, table).await.map_err(Error::delta("create", table.name()))?;
        }
        delta.load().await.map_err(Error::delta("open", table.name()))?;
        let delta = grow(delta, table).await.map_err(Error::delta("add columns to", table.name()))?;
        Ok(Self { table, delta })
    }

    /// The table.
    pub fn table(&self) -> Table {
        self.table
    }

    /// The version that is open.
    pub fn version(&self) -> u64 {
        self.delta.version().unwrap_or_default()
    }

    /// Goes to the newest version; says whether there was a newer one.
    ///
    /// # Errors
    /// [`Error::Delta`] when the log of the table cannot be read.
    pub async fn refresh(&mut self) -> Result<bool> {
        let before = self.delta.version();
        self.delta.update_state().await.map_err(Error::delta("refresh", self.table.name()))?;
        Ok(self.delta.version() != before)
    }

    /// The stored mark of this name.
    async fn mark(&self, name: &str) -> Result<Option<i64>> {
        let read = async {
            let log = self.delta.log_store();
            self.delta.snapshot()?.transaction_version(log.as_ref(), name).await
        };
        read.await.map_err(Error::delta("read the marks of", self.table.name()))
    }

    /// Where to go on in a log with these bounds, by what this version stores.
    ///
    /// # Errors
    /// [`Error::Gap`] when the log no longer holds what the table lacks; [`Error::Delta`] when marks cannot be read.
    pub async fn resume(&self, bounds: &BTreeMap<Partition, Range<i64>>) -> Result<Progress> {
        let mut next = Positions::new();
        for (partition, bounds) in bounds.iter().filter(|(partition, _)| partition.topic == self.table.stream().topic())
        {
            let stored = self.mark(&next_mark(partition)).await?;
            next.insert(partition.clone(), resume(partition, bounds, stored)?);
        }
        Ok(Progress::from(next))
    }

    /// The next offsets that this version stores for these partitions; 0 where it stores none.
    ///
    /// # Errors
    /// [`Error::Delta`] when marks cannot be read.
    pub async fn next<'a>(&self, partitions: impl Iterator<Item = &'a Partition>) -> Result<Positions> {
        let mut next = Positions::new();
        for partition in partitions {
            next.insert(partition.clone(), self.mark(&next_mark(partition)).await?.unwrap_or_default());
        }
        Ok(next)
    }

    /// Tells `progress` the stored marks of landing partitions that it does not know.
    ///
    /// # Errors
    /// [`Error::Delta`] when marks cannot be read.
    pub async fn introduce(&self, strangers: Vec<Landing>, progress: &mut Progress) -> Result<()> {
        for landing in strangers {
            let mark = self.mark(&landing.mark()).await?.unwrap_or(-1);
            progress.learn(landing, mark);
        }
        Ok(())
    }

    /// Appends rows and stores marks, all or nothing.
    ///
    /// # Errors
    /// [`Error::Delta`] when the commit fails; nothing is stored then.
    pub async fn append(&mut self, rows: &[RecordBatch], marks: Vec<(String, i64)>) -> Result<()> {
        let batch = concat_batches(&self.table.schema(), rows)
            .and_then(|rows| sorted(self.table, &rows))
            .map_err(Error::columns)?;
        let count = batch.num_rows() as u64;
        let marks = marks.into_iter().map(|(name, number)| Transaction::new(name, number)).collect();
        let committed = self
            .delta
            .clone()
            .write([batch])
            .with_save_mode(SaveMode::Append)
            .with_writer_properties(parquet_properties())
            .with_commit_properties(
                CommitProperties::default().with_application_transactions(marks).with_max_retries(3),
            )
            .await
            .map_err(Error::delta("append to", self.table.name()))?;
        self.delta = committed;
        metrics::counter!(metric::LAKE_ROWS, "table" => self.table.name()).increment(count);
        metrics::counter!(metric::LAKE_COMMITS, "table" => self.table.name()).increment(1);
        Ok(())
    }

    /// Merges small files up to `target_bytes`; says how many files it took away.
    ///
    /// # Errors
    /// [`Error::Delta`] when it fails; the table is as it was.
    pub async fn compact(&mut self, target_bytes: NonZeroU64) -> Result<u64> {
        let (delta, metrics) = self
            .delta
            .clone()
            .optimize()
            .with_target_size(target_bytes)
            .with_writer_properties(parquet_properties())
            .with_max_concurrent_tasks(1)
            .await
            .map_err(Error::delta("compact", self.table.name()))?;
        self.delta = delta;
        Ok(metrics.num_files_removed)
    }

    /// Deletes files that no version younger than `keep` refers to; says how many.
    ///
    /// # Errors
    /// [`Error::Delta`] when it fails.
    pub async fn vacuum(&mut self, keep: TimeDelta) -> Result<usize> {
        let (delta, metrics) = self
            .delta
            .clone()
            .vacuum()
            .with_retention_period(keep)
            .with_enforce_retention_duration(false)
            .await
            .map_err(Error::delta("vacuum", self.table.name()))?;
        self.delta = delta;
        Ok(metrics.files_deleted.len())
    }

    /// Lets a DataFusion session read the files of the table.
    ///
    /// # Errors
    /// [`Error::Delta`] when the storage cannot be registered.
    pub fn register(&self, session: &dyn Session) -> Result<()> {
        self.delta.update_datafusion_session(session).map_err(Error::delta("register", self.table.name()))
    }

    /// The rows of this version.
    ///
    /// # Errors
    /// [`Error::Delta`] when this version needs a reader feature that we lack.
    pub fn rows(&self) -> Result<Arc<dyn TableProvider>> {
        let scan = || {
            let snapshot = self.delta.snapshot()?.snapshot().clone();
            let config = DeltaScanConfig::new().with_schema(self.table.schema()).with_wrap_partition_values(false);
            DeltaScanNext::new(snapshot, config).map_err(DeltaTableError::from)
        };
        Ok(Arc::new(scan().map_err(Error::delta("read", self.table.name()))?))
    }
}

async fn create(delta: &DeltaTable, table: Table) -> Result<(), DeltaTableError> {
    let columns: StructType = table.schema().as_ref().try_into_kernel()?;
    let created = delta
        .clone()
        .create()
        .with_save_mode(SaveMode::Ignore)
        .with_table_name(table.name())
        .with_comment(table.doc())
        .with_columns(columns.fields().cloned())
        .with_partition_columns(PARTITION_COLUMNS)
        .with_configuration_property(TableProperty::CheckpointInterval, Some(CHECKPOINT_INTERVAL))
        .with_configuration_property(TableProperty::AppendOnly, Some("true"))
        .with_configuration_property(TableProperty::DataSkippingStatsColumns, Some(table.statistics().join(",")))
        .await;
    match created {
        // Another process created it in the same moment.
        Err(_) if delta.verify_deltatable_existence().await? => Ok(()),
        other => other.map(|_| ()),
    }
}

/// The table with every column that this version knows.
async fn grow(mut delta: DeltaTable, table: Table) -> Result<DeltaTable, DeltaTableError> {
    let wanted: StructType = table.schema().as_ref().try_into_kernel()?;
    let lacks = |delta: &DeltaTable| -> Result<Vec<StructField>, DeltaTableError> {
        let there = delta.snapshot()?.schema();
        Ok(wanted.fields().filter(|field| there.field(field.name()).is_none()).cloned().collect())
    };
    let missing = lacks(&delta)?;
    if missing.is_empty() {
        return Ok(delta);
    }
    if let Some(field) = missing.iter().find(|field| !field.is_nullable()) {
        let problem = format!("column {} is new and may not be null: what was written before lacks it", field.name());
        return Err(DeltaTableError::Generic(problem));
    }
    match delta.clone().add_columns().with_fields(missing).await {
        Ok(grown) => Ok(grown),
        Err(error) => {
            // Another process may have done it in the same moment.
            delta.update_state().await?;
            if lacks(&delta)?.is_empty() { Ok(delta) } else { Err(error) }
        }
    }
}

fn parquet_properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).unwrap_or_default()))
        .set_created_by("tillsight".to_owned())
        .build()
}

#[cfg(test)]
mod tests {
    use arrow::array::Array as _;
    use datafusion::prelude::SessionContext;
    use tillsight_schemas::wire::columns;

    use super::*;
    use crate::lake::sample::sale;

    #[tokio::test]
    async fn a_table_of_an_earlier_version_gains_the_columns_that_it_lacks() {
        const NEW: [&str; 2] = ["receipt_text", "event_month"];
        let root = tempfile::tempdir().unwrap();
        let table = Table::Transactions;
        let path = root.path().join(table.name());
        std::fs::create_dir_all(&path).unwrap();
        let url = ensure_table_uri(path.canonicalize().unwrap().to_string_lossy()).unwrap();
        let delta = DeltaTableBuilder::from_url(url).unwrap().build().unwrap();
        // As an earlier version made it, with one sale.
        let all: StructType = table.schema().as_ref().try_into_kernel().unwrap();
        let delta = delta
            .create()
            .with_columns(all.fields().filter(|field| !NEW.contains(&field.name().as_str())).cloned())
            .with_partition_columns(["event_date", "store_bucket"])
            .with_configuration_property(TableProperty::AppendOnly, Some("true"))
            .await
            .unwrap();
        let row = |n| {
            let mut posted = sale("17", n, "2026-11-21T20:03:22Z");
            posted.transaction.receipt_text = Some("THANK YOU".to_owned());
            table.rows(&columns::to_batch(&[posted]).unwrap()).unwrap().0
        };
        let old = row(1);
        let keep: Vec<usize> =
            (0..old.num_columns()).filter(|i| !NEW.contains(&old.schema().field(*i).name().as_str())).collect();
        delta.write([old.project(&keep).unwrap()]).with_save_mode(SaveMode::Append).await.unwrap();

        let mut store = Store::open(root.path(), table).await.unwrap();
        store.append(&[row(2)], Vec::new()).await.unwrap();
        let again = Store::open(root.path(), table).await.unwrap();
        assert_eq!(again.version(), store.version(), "nothing is added twice");
        let session = SessionContext::new();
        again.register(&session.state()).unwrap();
        let rows = session.read_table(again.rows().unwrap()).unwrap().collect().await.unwrap();
        let texts = rows.iter().map(|batch| {
            let text = batch.column_by_name(NEW[0]).unwrap();
            (batch.num_rows(), text.null_count())
        });
        let (rows, nulls) = texts.fold((0, 0), |(rows, nulls), (more, null)| (rows + more, nulls + null));
        assert_eq!((rows, nulls), (2, 1), "the old sale has none, the new one has");
    }
}
