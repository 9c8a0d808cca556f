//! What can go wrong while video is written, found or read.

use std::path::{Path, PathBuf};

use tillsight_schemas::{ErrorKind, HasKind};

/// A failure of the recorder or of one of its readers.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be written, read, synced or deleted.
    #[error("cannot {action} {}", path.display())]
    Disk {
        /// What was attempted.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The index did not take or give rows.
    #[error("cannot {action} in the index of the volume")]
    Index {
        /// What was attempted.
        action: &'static str,
        /// Why not.
        source: sqlx::Error,
    },
    /// A file is not one of our segments, or is damaged.
    #[error("{} is damaged at byte {offset}: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// A document of ours (header, manifest) could not be read.
    #[error("cannot read the {what} of {}", path.display())]
    Document {
        /// Which document.
        what: &'static str,
        /// Of which file.
        path: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// The volume belongs to another installation, or is in use by another process.
    #[error("volume {} {what}", path.display())]
    Volume {
        /// The volume.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// There is no such stream.
    #[error("no stream {0} is recorded here")]
    UnknownStream(String),
    /// The stream is being recorded already.
    #[error("{0} is being recorded already")]
    StreamTaken(String),
    /// There is no frame in the span that was asked for.
    #[error("there is no video of {stream} between {from} and {to}")]
    NoVideo {
        /// The stream.
        stream: String,
        /// The first instant that was asked for.
        from: chrono::DateTime<chrono::Utc>,
        /// The first instant after.
        to: chrono::DateTime<chrono::Utc>,
    },
    /// The span is longer than one clip may be.
    #[error("a clip may last {limit_hours} hours at most")]
    TooLong {
        /// The limit.
        limit_hours: i64,
    },
    /// A byte range outside the clip.
    #[error("bytes {start}..{end} lie outside the {length} bytes of the clip")]
    OutOfRange {
        /// First byte asked for.
        start: u64,
        /// First byte after.
        end: u64,
        /// How long the clip is.
        length: u64,
    },
    /// The quota of automatic holds is used up.
    #[error("automatic holds would keep {needed} bytes, which is more than their quota of {quota} bytes")]
    HoldQuota {
        /// What all automatic holds together would keep.
        needed: u64,
        /// Their share of the volume.
        quota: u64,
    },
    /// The recorder has been stopped.
    #[error("the recorder has been stopped")]
    Stopped,
}

/// The result of an attempt of the recorder.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl HasKind for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Disk { source, .. } => match source.kind() {
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorKind::Exhausted,
                std::io::ErrorKind::NotFound => ErrorKind::NotFound,
                _ => ErrorKind::Unavailable,
            },
            Self::Index { .. } | Self::Stopped => ErrorKind::Unavailable,
            Self::Damaged { .. } | Self::Document { .. } => ErrorKind::DataLoss,
            Self::Volume { .. } | Self::StreamTaken(_) => ErrorKind::Conflict,
            Self::UnknownStream(_) | Self::NoVideo { .. } => ErrorKind::NotFound,
            Self::TooLong { .. } | Self::OutOfRange { .. } => ErrorKind::Invalid,
            Self::HoldQuota { .. } => ErrorKind::Exhausted,
        }
    }
}

pub(crate) fn disk<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> Error + 'a {
    move |source| Error::Disk { action, path: path.to_owned(), source }
}

pub(crate) fn index(action: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |source| Error::Index { action, source }
}
