//! [`Selection`]: the samples that a span of time needs, found in the files themselves.
//!
//! The index says which files; the fragments in them say which samples, so a segment that is being written is as good
//! as a closed one. A picture belongs to a span when the time of its presentation does. Decoding has to begin at a key
//! frame, so the pictures from the last key frame on come along as *leading* ones.

use std::path::Path;
use std::sync::Arc;

use tillsight_schemas::TimeSpan;
use tillsight_schemas::segment::StreamKey;
use tillsight_schemas::time_map::{TICKS_PER_SECOND, TimeMap};

use super::error::{Error, Result};
use super::index::{Index, unknown};
use super::parse::{FragmentIndex, Sample, SegmentFile};
use super::rows::GapRow;

/// The longest span one clip may have.
pub const MAX_CLIP_HOURS: i64 = 6;

/// A segment and what is needed of it.
#[derive(Debug, Clone)]
pub struct Part {
    /// The file.
    pub file: Arc<SegmentFile>,
    /// The time map of its run.
    pub map: Arc<TimeMap>,
    /// All of its fragments, in order.
    pub fragments: Vec<FragmentIndex>,
    /// The decode order numbers (within the segment) of the pictures that are needed.
    pub needed: std::ops::Range<usize>,
}

impl Part {
    /// All pictures of the segment, in decoding order.
    pub fn pictures(&self) -> impl Iterator<Item = &Sample> {
        self.fragments.iter().flat_map(|fragment| &fragment.video)
    }

    /// Its pictures that are needed, in decoding order.
    pub fn needed(&self) -> impl Iterator<Item = &Sample> {
        self.pictures().skip(self.needed.start).take(self.needed.len())
    }

    /// UTC of a media time, in microseconds since 1970.
    pub fn utc_us(&self, pts: i64) -> i64 {
        self.map.utc_us(pts).unwrap_or_default()
    }

    /// The run.
    pub fn run(&self) -> i64 {
        self.file.header.run
    }
}

/// What a span of time needs.
#[derive(Debug, Clone)]
pub struct Selection {
    /// The stream.
    pub key: StreamKey,
    /// What was asked for.
    pub span: TimeSpan,
    /// The segments, in order; only the first holds leading pictures.
    pub parts: Vec<Part>,
    /// Gaps that overlap the span.
    pub gaps: Vec<GapRow>,
}

/// Finds what a span needs.
///
/// # Errors
/// [`Error::UnknownStream`], [`Error::NoVideo`], [`Error::TooLong`], [`Error::Index`], [`Error::Disk`].
pub async fn select(index: &Index, volume: &Path, key: &StreamKey, span: TimeSpan) -> Result<Selection> {
    if span.duration() > chrono::TimeDelta::hours(MAX_CLIP_HOURS) {
        return Err(Error::TooLong { limit_hours: MAX_CLIP_HOURS });
    }
    let stream = index.stream_id(key, false).await?.ok_or_else(|| unknown(key))?;
    // Rows are stated to the microsecond, but sound may lie in the segment before or after.
    let around = span.padded(chrono::TimeDelta::seconds(1), chrono::TimeDelta::seconds(1));
    let rows = index.segments(stream, around).await?;
    let gaps = index.gaps(stream, span).await?;
    let mut maps: Vec<(i64, Arc<TimeMap>)> = Vec::new();
    for row in &rows {
        if maps.last().is_none_or(|(run, _)| *run != row.run) {
            maps.push((row.run, Arc::new(index.time_map(stream, row.run).await?)));
        }
    }
    let volume = volume.to_owned();
    let load = tokio::task::spawn_blocking(move || {
        let mut parts = Vec::new();
        for row in rows {
            let Some((_, map)) = maps.iter().find(|(run, _)| *run == row.run) else { continue };
            match load(&volume.join(&row.path), map, span) {
                Ok(part) => parts.extend(part),
                // Retention may have deleted it since the index was asked.
                Err(Error::Disk { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(parts)
    });
    let mut parts: Vec<Part> = load.await.map_err(|_| Error::Stopped)??;
    parts.sort_by_key(|part| (part.run(), part.file.header.segment));
    let Some(first) = parts.iter().position(|part| !part.needed.is_empty()) else {
        return Err(Error::NoVideo { stream: key.to_string(), from: span.start(), to: span.end() });
    };
    // Neighbours without a needed picture are there for their sound only, and only those of the same run serve.
    let run = parts.get(first).map(Part::run);
    parts.retain({
        let mut at = 0;
        move |part| {
            at += 1;
            !part.needed.is_empty() || (at > first && Some(part.run()) == run)
        }
    });
    Ok(Selection { key: key.clone(), span, parts, gaps })
}

fn load(path: &Path, map: &Arc<TimeMap>, span: TimeSpan) -> Result<Option<Part>> {
    let file = SegmentFile::open(path)?;
    let (fragments, _, _) = file.fragments(file.media_start)?;
    let (from, to) = (span.start().timestamp_micros(), span.end().timestamp_micros());
    let shown = |sample: &Sample| map.utc_us(sample.pts).is_some_and(|utc_us| from <= utc_us && utc_us < to);
    let pictures = || fragments.iter().flat_map(|fragment| &fragment.video);
    let first = pictures().position(shown);
    let last = pictures().enumerate().filter(|(_, sample)| shown(sample)).map(|(at, _)| at).last();
    let needed = match (first, last) {
        (Some(first), Some(last)) => {
            // Pictures that are shown before the key frame they follow in the file need the key frame before.
            let earliest = pictures().filter(|sample| shown(sample)).map(|sample| sample.pts).min().unwrap_or(i64::MIN);
            let begin = pictures()
                .take(first + 1)
                .enumerate()
                .filter(|(_, sample)| sample.key && sample.pts <= earliest)
                .map(|(at, _)| at)
                .last();
            begin.unwrap_or(0)..last + 1
        }
        _ => 0..0,
    };
    if fragments.is_empty() {
        return Ok(None);
    }
    Ok(Some(Part { file: Arc::new(file), map: Arc::clone(map), fragments, needed }))
}

/// Ticks of one clock as ticks of another, rounded down.
pub(crate) fn rescale(ticks: i64, from: i64, to: i64) -> i64 {
    let scaled = i128::from(ticks) * i128::from(to);
    i64::try_from(scaled.div_euclid(i128::from(from.max(1)))).unwrap_or(i64::MAX)
}

/// Microseconds as ticks of 1/90000 s, rounded to the nearest.
pub(crate) fn ticks_from_us(us: i64) -> i64 {
    rescale(us.saturating_mul(2).saturating_add(11), 2_000_000, TICKS_PER_SECOND)
}
