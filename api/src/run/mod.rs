//! `tillsight run`: one process per role, started in order, watched, and stopped in the opposite order.
//!
//! A crash or a memory limit in one role costs the others nothing. A role that ends is started again with growing
//! pauses; the broker comes first and goes last.

mod analytics;
mod announce;
mod broker;
mod camera_looks;
mod floors;
mod following;
mod holds;
mod last_known;
mod parts;
mod process;
mod recorder;
mod roles;
mod rules;
mod supervisor;

pub(crate) use analytics::{installed_model, installed_runtime};
pub(crate) use broker::broker_problem;

use std::path::PathBuf;

pub(crate) use following::Following;
pub(crate) use parts::{Condition, Parts};
pub(crate) use roles::{clock, database, run_role, search_log};
pub(crate) use rules::{adjusted, zones};
pub use supervisor::supervise;
use tillsight_schemas::{ErrorKind, HasKind, codes};

codes! {
    /// What one process of the tree does.
    pub enum Role {
        /// The managed broker.
        Broker = "broker",
        /// Cameras to disk.
        Recorder = "recorder",
        /// Cameras to presence.
        Analytics = "analytics",
        /// POS intake and the archive.
        Correlate = "correlate",
        /// SQL for head office.
        Sql = "sql",
        /// HTTP.
        Api = "api",
    }
}

/// Why a process could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The managed broker cannot be started.
    #[error("{problem}")]
    Broker {
        /// What is wrong and what to do.
        problem: String,
        /// Why.
        source: Option<std::io::Error>,
    },
    /// The data directory cannot be used.
    #[error("cannot use the data directory {dir}: {problem}")]
    Data {
        /// The directory.
        dir: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A process cannot be started.
    #[error("cannot start the process {role}")]
    Spawn {
        /// Which.
        role: Role,
        /// Why.
        source: std::io::Error,
    },
    /// The broker does not answer.
    #[error("Kafka at {bootstrap} does not answer within {seconds} s; {hint}")]
    NoBroker {
        /// Where.
        bootstrap: String,
        /// How long it was waited for.
        seconds: u64,
        /// Where to look.
        hint: &'static str,
    },
    /// A port cannot be opened.
    #[error("cannot listen on {address} for {what}; is another one running there?")]
    Listen {
        /// Which surface.
        what: &'static str,
        /// Where.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The certificate of a surface cannot be used.
    #[error("{what} has no TLS: {problem}")]
    Certificate {
        /// Which surface.
        what: &'static str,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The password of a camera cannot be read.
    #[error("cannot read the password of camera {camera} from {}", file.display())]
    Password {
        /// Which camera.
        camera: String,
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A part of the work failed.
    #[error("{what} failed")]
    Part {
        /// Which.
        what: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl HasKind for RunError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Broker { .. } | Self::NoBroker { .. } => ErrorKind::Unavailable,
            Self::Data { .. } | Self::Listen { .. } | Self::Certificate { .. } | Self::Password { .. } => {
                ErrorKind::Invalid
            }
            Self::Spawn { .. } | Self::Part { .. } => ErrorKind::Internal,
        }
    }
}

impl RunError {
    /// Says which part of the work failed.
    pub(crate) fn part<E>(what: &'static str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Self::Part { what, source: source.into() }
    }
}
