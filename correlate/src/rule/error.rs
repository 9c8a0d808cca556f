//! What can be wrong with a rule, in words for its author.

use std::path::PathBuf;

use datafusion::error::DataFusionError;
use tillsight_schemas::error::{ErrorKind, HasKind};

/// What is wrong with a rule.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// A file of the rule cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The header is not TOML or has a key that does not exist.
    #[error("a rule's header is wrong: {problem}")]
    Parse {
        /// What is wrong, with line and column.
        problem: String,
    },
    /// A value of the header or the form of the result is wrong.
    #[error("rule {rule}: {problem}")]
    Wrong {
        /// The rule.
        rule: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The SQL cannot be planned.
    #[error("rule {rule}: its SQL cannot be planned")]
    Plan {
        /// The rule.
        rule: String,
        /// Why.
        source: Box<DataFusionError>,
    },
    /// The SQL failed when it ran.
    #[error("rule {rule}: its SQL failed")]
    Run {
        /// The rule.
        rule: String,
        /// Why.
        source: Box<DataFusionError>,
    },
}

impl HasKind for RuleError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Read { .. } => ErrorKind::Unavailable,
            Self::Parse { .. } | Self::Wrong { .. } | Self::Plan { .. } => ErrorKind::Invalid,
            Self::Run { .. } => ErrorKind::Internal,
        }
    }
}
