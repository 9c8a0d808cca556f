//! [`Reader`]: recordings for those who look at them, in this process or another.

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::TimeSpan;
use tillsight_schemas::segment::StreamKey;

use super::clip::Clip;
use super::coverage::{Coverage, coverage};
use super::error::{Error, Result};
use super::index::Index;
use super::playback::Playback;
use super::select::select;
use super::still::Still;
use super::text::Cue;

/// Reads the recordings of a volume.
#[derive(Debug, Clone)]
pub struct Reader {
    volume: PathBuf,
    index: Index,
}

impl Reader {
    /// Reads beside the process that records; changes nothing.
    ///
    /// # Errors
    /// [`Error::Index`] when nothing was ever recorded there.
    pub async fn open(volume: &Path) -> Result<Self> {
        Ok(Self { volume: volume.to_owned(), index: Index::open_read_only(volume).await? })
    }

    /// Reads through an index that is open already.
    pub fn new(volume: &Path, index: Index) -> Self {
        Self { volume: volume.to_owned(), index }
    }

    /// The index.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The pictures from `span.start()` (included) to `span.end()` (excluded) as an MP4 file.
    ///
    /// # Errors
    /// [`Error::UnknownStream`], [`Error::NoVideo`], [`Error::TooLong`], [`Error::Index`], [`Error::Disk`].
    pub async fn clip(&self, key: &StreamKey, span: TimeSpan) -> Result<Clip> {
        self.clip_with(key, span, &[]).await
    }

    /// The same with words beside the pictures.
    ///
    /// # Errors
    /// As [`Self::clip`].
    pub async fn clip_with(&self, key: &StreamKey, span: TimeSpan, cues: &[Cue]) -> Result<Clip> {
        Clip::new(&select(&self.index, &self.volume, key, span).await?, cues)
    }

    /// The same for a browser's Media Source Extensions.
    ///
    /// # Errors
    /// As [`Self::clip`].
    pub async fn playback(&self, key: &StreamKey, span: TimeSpan) -> Result<Playback> {
        Playback::new(&select(&self.index, &self.volume, key, span).await?)
    }

    /// The last picture at or before an instant, at most five seconds before it, for a decoder.
    ///
    /// # Errors
    /// As [`Self::clip`].
    pub async fn still(&self, key: &StreamKey, at: DateTime<Utc>) -> Result<Still> {
        let end = at + TimeDelta::microseconds(1);
        let nothing = || Error::NoVideo { stream: key.to_string(), from: at, to: end };
        let span = TimeSpan::new(end - TimeDelta::seconds(5), end).map_err(|_| nothing())?;
        let selection = select(&self.index, &self.volume, key, span).await?;
        tokio::task::spawn_blocking(move || Still::read(&selection)).await.map_err(|_| Error::Stopped)?
    }

    /// How a stream covers a span.
    ///
    /// # Errors
    /// [`Error::UnknownStream`], [`Error::Index`].
    pub async fn coverage(&self, key: &StreamKey, span: TimeSpan, now: DateTime<Utc>) -> Result<Coverage> {
        coverage(&self.index, key, span, now).await
    }
}
