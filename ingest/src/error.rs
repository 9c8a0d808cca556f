//! The error of this crate: what was attempted, on what, and why it failed.

use tillsight_schemas::port::PortError;
use tillsight_schemas::{ErrorKind, HasKind};

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A Kafka client could not be made from its settings.
    #[error("cannot set up the Kafka client {client}")]
    Client {
        /// Which client.
        client: String,
        /// Why.
        source: rdkafka::error::KafkaError,
    },
    /// The broker does not answer as it should.
    #[error("Kafka at {bootstrap}: cannot {attempt}")]
    Broker {
        /// Where.
        bootstrap: String,
        /// What was tried.
        attempt: String,
        /// Why it failed.
        source: rdkafka::error::KafkaError,
    },
    /// A topic is not as it must be, and cannot be changed by us.
    #[error("topic {topic}: {problem}")]
    Topic {
        /// The topic.
        topic: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A password or certificate cannot be read.
    #[error("cannot read {path}")]
    Secret {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A record could not be put into its wire form: a defect.
    #[error("cannot encode a {record}")]
    Encode {
        /// Which record type.
        record: &'static str,
        /// Why.
        source: arrow::error::ArrowError,
    },
    /// What lies behind a port failed.
    #[error("cannot {attempt}")]
    Port {
        /// What was tried.
        attempt: &'static str,
        /// Why it failed.
        source: PortError,
    },
}

impl HasKind for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Client { .. } | Self::Topic { .. } | Self::Secret { .. } => ErrorKind::Invalid,
            Self::Broker { .. } | Self::Port { .. } => ErrorKind::Unavailable,
            Self::Encode { .. } => ErrorKind::Internal,
        }
    }
}
