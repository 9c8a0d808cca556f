//! What stops the engine.

use tillsight_schemas::error::{ErrorKind, HasKind};
use tillsight_schemas::port::PortError;

use crate::rule::RuleError;

/// What stopped the engine. Whoever runs it opens a new one, which goes on from the last checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A rule is wrong.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// The log cannot be read.
    #[error("the engine cannot read the log")]
    Log(#[source] PortError),
    /// The store does not work, or another worker has taken over.
    #[error("the engine cannot commit")]
    Store(#[source] PortError),
    /// The log ends before the checkpoint: it has lost records that were read.
    #[error("{partition} ends at offset {end}, but {next} was read before: the log has lost records")]
    Shorter {
        /// The partition.
        partition: String,
        /// Where the log ends.
        end: i64,
        /// What was to be read next.
        next: i64,
    },
    /// Records do not fit their tables: a defect.
    #[error("the engine cannot put records into columns")]
    Columns(#[from] arrow::error::ArrowError),
}

impl HasKind for EngineError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Rule(error) => error.kind(),
            Self::Log(_) | Self::Store(_) => ErrorKind::Unavailable,
            Self::Shorter { .. } => ErrorKind::DataLoss,
            Self::Columns(_) => ErrorKind::Internal,
        }
    }
}
