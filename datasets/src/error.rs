//! What can go wrong with data sets, in words for the person who set them up.

use std::path::PathBuf;

use chrono::NaiveDate;
use tillsight_schemas::id::{BadName, RegisterId, StoreId};
use tillsight_schemas::pos::NoNaturalKey;
use tillsight_schemas::{ErrorKind, HasKind};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why data could not be loaded or made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder lacks a file.
    #[error("{} is not there: run deploy/setup.sh, which fetches the data set", path.display())]
    MissingFile {
        /// The file that was looked for.
        path: PathBuf,
    },
    /// A file could not be opened.
    #[error("{} cannot be opened", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not what its name says.
    #[error("{} cannot be read as Parquet: remove it and run deploy/setup.sh again", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file lacks a column.
    #[error("{} has no column {column:?}: remove it and run deploy/setup.sh again", path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column that was looked for.
        column: &'static str,
    },
    /// A value that the model cannot hold.
    #[error("{} row {row}: {column} {problem}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The row, from 0.
        row: usize,
        /// The column.
        column: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The panel holds no basket.
    #[error("the panel holds no basket that fits ({wanted})")]
    NoBasket {
        /// What was looked for.
        wanted: &'static str,
    },
    /// A day that the store's calendar does not have.
    #[error("store {store} has no business day {day}")]
    NoSuchDay {
        /// The store.
        store: StoreId,
        /// The day.
        day: NaiveDate,
    },
    /// A register that the store does not have.
    #[error("store {store} has no register {register}")]
    NoSuchRegister {
        /// The store.
        store: StoreId,
        /// The register.
        register: RegisterId,
    },
    /// A store plan that cannot work.
    #[error("store {store}: {problem}")]
    Plan {
        /// The store.
        store: StoreId,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A name that keys and paths do not carry.
    #[error(transparent)]
    Name(#[from] BadName),
    /// A record without identity.
    #[error("a simulated record has no identity")]
    Identity(#[from] NoNaturalKey),
    /// The truth could not be written.
    #[error("{} cannot be written", path.display())]
    WriteTruth {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The truth could not be read.
    #[error("{} is not a truth file", path.display())]
    ReadTruth {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        source: serde_json::Error,
    },
    /// An edit list that makes no film.
    #[error("the edit list of the film: {problem}")]
    EditList {
        /// What is wrong with it.
        problem: String,
    },
    /// Footage that an edit list does not fit.
    #[error("{} is not the footage that the edit list names: remove it and run deploy/setup.sh again", path.display())]
    OtherFootage {
        /// The file.
        path: PathBuf,
    },
    /// Somebody's own video for the demo, or what belongs to it.
    #[error("{}: {problem}", path.display())]
    OwnFilm {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The demo's cameras.
    #[error("the demo's cameras: {problem}")]
    Cameras {
        /// What happened.
        problem: String,
    },
    /// `ffmpeg` did not do what it was asked to.
    #[error("ffmpeg: {problem}")]
    Ffmpeg {
        /// What happened.
        problem: String,
    },
}

impl HasKind for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::MissingFile { .. } | Self::NoSuchDay { .. } | Self::NoSuchRegister { .. } => ErrorKind::NotFound,
            Self::Open { .. } | Self::WriteTruth { .. } => ErrorKind::Unavailable,
            Self::Read { .. } | Self::MissingColumn { .. } | Self::Value { .. } | Self::OtherFootage { .. } => {
                ErrorKind::DataLoss
            }
            Self::Ffmpeg { .. } | Self::Cameras { .. } => ErrorKind::Unavailable,
            Self::Identity(_) => ErrorKind::Internal,
            Self::NoBasket { .. }
            | Self::Plan { .. }
            | Self::Name(_)
            | Self::ReadTruth { .. }
            | Self::EditList { .. }
            | Self::OwnFilm { .. } => ErrorKind::Invalid,
        }
    }
}
