//! [`Playback`]: a span of a recording for a browser's Media Source Extensions.
//!
//! A browser appends fragments as they lie in the segments and ignores edit lists, so it gets what it needs to cut
//! for itself: for each part an initialisation segment, the byte ranges of whole fragments, the offset to add to media
//! time (`SourceBuffer.timestampOffset`), and the window outside which pictures are not shown
//! (`appendWindowStart`, `appendWindowEnd`). Time 0 is the first picture shown, as in the [`Clip`](super::Clip).

use std::sync::Arc;

use bytes::Bytes;

use super::error::Result;
use super::select::{Selection, rescale};
use super::slices::{Slice, Slices};
use crate::record::clip::Clip;

/// One part of a playback: fragments of one run and one format.
#[derive(Debug, Clone)]
pub struct PlaybackPart {
    /// The MIME type, e.g. `video/mp4; codecs="avc1.4D401E, mp4a.40.2"`.
    pub mime: String,
    /// `ftyp` and `moov`, to be appended before the media.
    pub init: Bytes,
    /// The fragments, whole; the first begins with a key frame or lies behind one in the same part.
    pub media: Slices,
    /// To be added to media time, in microseconds.
    pub timestamp_offset_us: i64,
    /// The first instant to show, in microseconds of playback time.
    pub window_start_us: i64,
    /// The first instant not to show, in microseconds of playback time.
    pub window_end_us: i64,
}

/// A span of a recording, for Media Source Extensions.
#[derive(Debug, Clone)]
pub struct Playback {
    /// What it shows.
    pub statement: tillsight_schemas::clip::ClipStatement,
    /// Its parts, in order of time.
    pub parts: Vec<PlaybackPart>,
}

impl Playback {
    /// Lays a selection out for a browser.
    ///
    /// # Errors
    /// [`super::Error::NoVideo`] when the selection is empty.
    pub fn new(selection: &Selection) -> Result<Self> {
        let statement = Clip::new(selection, &[])?.statement;
        let start_us = statement.first_frame_at.timestamp_micros();
        let mut parts: Vec<(i64, PlaybackPart, Vec<Slice>)> = Vec::new();
        for part in selection.parts.iter().filter(|part| !part.needed.is_empty()) {
            let mut at = 0;
            let mut ranges = Vec::new();
            let (mut from, mut to) = (i64::MAX, i64::MIN);
            let mut leading_key = None;
            for fragment in &part.fragments {
                let range = at..at + fragment.video.len();
                at = range.end;
                if range.start < part.needed.end && part.needed.start < range.end {
                    ranges.push(Slice { file: Arc::clone(&part.file), range: fragment.offset..fragment.end });
                    leading_key = leading_key.or(Some(part.utc_us(fragment.start())));
                    from = from.min(part.utc_us(fragment.start()));
                    to = to.max(part.utc_us(fragment.video_end()));
                }
            }
            let offset = part.utc_us(0) - start_us;
            let window_end = to.min(selection.span.end().timestamp_micros()) - start_us;
            match parts.last_mut() {
                Some((run, last, slices)) if *run == part.run() && last.init == part.file.init => {
                    slices.extend(ranges);
                    last.window_end_us = window_end;
                }
                _ => {
                    let header = &part.file.header;
                    let audio = header.audio_codec.iter().map(|codec| format!(", {codec}")).collect::<String>();
                    let entry = PlaybackPart {
                        mime: format!("video/mp4; codecs=\"{}{audio}\"", header.codec),
                        init: part.file.init.clone(),
                        media: Slices::new(Bytes::new(), Vec::new()),
                        timestamp_offset_us: part_offset(part, offset, start_us),
                        window_start_us: (from - start_us).max(0),
                        window_end_us: window_end,
                    };
                    parts.push((part.run(), entry, ranges));
                }
            }
        }
        let parts = parts
            .into_iter()
            .map(|(_, part, slices)| PlaybackPart { media: Slices::new(Bytes::new(), slices), ..part })
            .collect();
        Ok(Self { statement, parts })
    }
}

/// The offset that puts the first needed picture of a part on its own time: within a part the rate of the time map is
/// below the length of a picture even over hours.
fn part_offset(part: &super::select::Part, fallback: i64, start_us: i64) -> i64 {
    let first = part.needed().next();
    first.map_or(fallback, |sample| part.utc_us(sample.pts) - start_us - rescale(sample.pts, 90_000, 1_000_000))
}
