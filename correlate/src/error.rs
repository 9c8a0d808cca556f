//! The errors of this crate, by what was attempted.

use datafusion::error::DataFusionError;
use deltalake_core::DeltaTableError;
use tillsight_schemas::error::{ErrorKind, HasKind};
use tillsight_schemas::port::{Partition, PortError};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What failed, and on which table or partition.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder for the lake cannot be used.
    #[error("cannot use {path} as a folder for the lake")]
    Folder {
        /// The folder.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An operation on a Delta table failed.
    #[error("cannot {attempt} lake table {table}")]
    Delta {
        /// What was attempted, as a verb.
        attempt: &'static str,
        /// The table.
        table: &'static str,
        /// Why.
        source: Box<DeltaTableError>,
    },
    /// The log cannot be read.
    #[error("cannot read the log")]
    ReadLog {
        /// Why.
        source: PortError,
    },
    /// Rows do not fit their table: a defect.
    #[error("cannot put records into columns")]
    Columns {
        /// Why.
        source: arrow::error::ArrowError,
    },
    /// The log has dropped records that the lake does not hold.
    #[error("{partition} begins at offset {first}, but the lake needs it from {needed} on: these records are lost")]
    Gap {
        /// Where.
        partition: Partition,
        /// The offset that was to be read next.
        needed: i64,
        /// The first offset that still exists.
        first: i64,
    },
    /// More records wait for the archiver than memory may hold.
    #[error(
        "{bytes} bytes of records wait for the archiver, more than the {limit} allowed: \
         see that the archive process runs, then try again"
    )]
    TailFull {
        /// What is held.
        bytes: usize,
        /// What may be held.
        limit: usize,
    },
    /// The view of the newest records is not ready or too old.
    #[error("the newest records cannot be read: {reason}")]
    TailStale {
        /// What happened.
        reason: String,
    },
    /// Rows of a table cannot be read.
    #[error("cannot read rows of lake table {table}")]
    Rows {
        /// The table.
        table: &'static str,
        /// Why.
        source: Box<DataFusionError>,
    },
    /// A session cannot be set up or a statement cannot be planned.
    #[error("cannot plan the statement")]
    Plan {
        /// Why.
        source: Box<DataFusionError>,
    },
}

impl HasKind for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Delta { source, .. } => match source.as_ref() {
                DeltaTableError::ObjectStore { .. } | DeltaTableError::Io { .. } => ErrorKind::Unavailable,
                DeltaTableError::Transaction { .. } | DeltaTableError::VersionAlreadyExists(_) => ErrorKind::Conflict,
                _ => ErrorKind::Internal,
            },
            Self::Folder { .. } | Self::ReadLog { .. } | Self::TailStale { .. } => ErrorKind::Unavailable,
            Self::Gap { .. } => ErrorKind::DataLoss,
            Self::TailFull { .. } => ErrorKind::Exhausted,
            Self::Columns { .. } | Self::Rows { .. } => ErrorKind::Internal,
            Self::Plan { .. } => ErrorKind::Invalid,
        }
    }
}

impl Error {
    /// Wraps a failure of Delta.
    pub(crate) fn delta(attempt: &'static str, table: &'static str) -> impl FnOnce(DeltaTableError) -> Self {
        move |source| Self::Delta { attempt, table, source: Box::new(source) }
    }

    /// Wraps a failure of columns.
    pub(crate) fn columns(source: arrow::error::ArrowError) -> Self {
        Self::Columns { source }
    }

    /// Wraps a failure of planning.
    pub(crate) fn plan(source: DataFusionError) -> Self {
        Self::Plan { source: Box::new(source) }
    }
}
