//! [`Slices`]: a file that exists only as a list of byte ranges of other files, with some bytes before them.
//!
//! The files are held open, so retention may delete them while a clip is read.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use sha2::{Digest as _, Sha256};

use super::chain::hex;
use super::error::{Error, Result};
use super::parse::SegmentFile;

/// A byte range of a segment.
#[derive(Debug, Clone)]
pub struct Slice {
    /// The segment.
    pub file: Arc<SegmentFile>,
    /// The bytes of it.
    pub range: Range<u64>,
}

/// Bytes that stand in memory, then slices of segments.
#[derive(Debug, Clone)]
pub struct Slices {
    prefix: Bytes,
    slices: Arc<[Slice]>,
    /// Where each slice ends.
    ends: Arc<[u64]>,
    etag: String,
}

impl Slices {
    /// Joins a prefix and slices.
    pub fn new(prefix: Bytes, slices: Vec<Slice>) -> Self {
        let mut sha = Sha256::new();
        sha.update(&prefix);
        let mut end = u64::try_from(prefix.len()).unwrap_or(0);
        let mut ends = Vec::with_capacity(slices.len());
        for slice in &slices {
            end += slice.range.end - slice.range.start;
            ends.push(end);
            sha.update(slice.file.path.as_os_str().as_encoded_bytes());
            sha.update(slice.range.start.to_be_bytes());
            sha.update(slice.range.end.to_be_bytes());
        }
        let etag = hex(sha.finalize().get(..16).unwrap_or_default());
        Self { prefix, slices: slices.into(), ends: ends.into(), etag }
    }

    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        self.ends.last().copied().unwrap_or_else(|| u64::try_from(self.prefix.len()).unwrap_or(0))
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Names the content: the same text for the same bytes (a strong validator, RFC 9110 §8.8.3, without the quotes).
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// Reads a range; blocks on the disk.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::Disk`].
    pub fn read_at(&self, range: Range<u64>) -> Result<Bytes> {
        let out_of_range = Error::OutOfRange { start: range.start, end: range.end, length: self.len() };
        if range.start > range.end || range.end > self.len() {
            return Err(out_of_range);
        }
        let mut out = BytesMut::with_capacity(usize::try_from(range.end - range.start).unwrap_or(0));
        let prefix = u64::try_from(self.prefix.len()).unwrap_or(0);
        if range.start < prefix {
            let (from, to) = (usize::try_from(range.start), usize::try_from(range.end.min(prefix)));
            if let (Ok(from), Ok(to)) = (from, to) {
                out.extend_from_slice(self.prefix.get(from..to).unwrap_or_default());
            }
        }
        let mut at = range.start.max(prefix);
        let first = self.ends.partition_point(|end| *end <= at);
        for (slice, end) in self.slices.iter().zip(self.ends.iter()).skip(first) {
            if at >= range.end {
                break;
            }
            let start = end - (slice.range.end - slice.range.start);
            let to = range.end.min(*end);
            out.extend_from_slice(
                &slice.file.read(slice.range.start + (at - start), slice.range.start + (to - start))?,
            );
            at = to;
        }
        Ok(out.freeze())
    }

    /// Reads a range on a thread that may block. To serve a long range, read it in parts of a megabyte or so.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::Disk`], [`Error::Stopped`] when the runtime shuts down.
    pub async fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || this.read_at(range)).await.map_err(|_| Error::Stopped)?
    }
}
