//! [`Clip`]: any span of a recording as an MP4 file, exact to the picture, without re-encoding and without a copy.
//!
//! The file is virtual: `ftyp`, `moov`, and an `mdat` whose bytes are ranges of the segments. An edit list
//! (ISO/IEC 14496-12 §8.6.6) hides the leading pictures. Time 0 of the clip is the first picture shown, and its time
//! line is wall time: over a gap the last picture stands still, so that a time in the clip is always the same distance
//! from its start as on the wall.

use std::sync::Arc;

use bytes::Bytes;
use tillsight_schemas::TimeSpan;
use tillsight_schemas::clip::{ClipClock, ClipGap, ClipStatement};
use tillsight_schemas::segment::{GapReason, StreamKey};
use tillsight_schemas::time_map::TICKS_PER_SECOND;

use super::boxes::{self, AUDIO_TRACK, VIDEO_TRACK};
use super::error::{Error, Result};
use super::moov::{Chunk, MovieTrack, TableSample, movie};
use super::parse::{Sample, SegmentFile, Track};
use super::rows::instant;
use super::select::{Part, Selection, rescale, ticks_from_us};
use super::slices::{Slice, Slices};
use super::text::{self, Cue};

/// A clip, ready to be served.
#[derive(Debug, Clone)]
pub struct Clip {
    /// What it shows.
    pub statement: ClipStatement,
    /// Its bytes (`video/mp4`).
    pub bytes: Slices,
}

/// Where a run lies on the clip's time line.
#[derive(Debug, Clone, Copy)]
struct Placement {
    run: i64,
    /// Clip time minus media time, in 1/90000 s; clip time 0 is the first picture of the file, shown or not.
    shift: i64,
}

struct Layout {
    video: MovieTrack,
    audio: Option<MovieTrack>,
    text: Option<MovieTrack>,
    slices: Vec<Slice>,
}

impl Clip {
    /// Lays a selection out as an MP4 file, with a track of words if there are any.
    ///
    /// # Errors
    /// [`Error::NoVideo`] when the selection is empty.
    pub fn new(selection: &Selection, cues: &[Cue]) -> Result<Self> {
        let nothing = || Error::NoVideo {
            stream: selection.key.to_string(),
            from: selection.span.start(),
            to: selection.span.end(),
        };
        let first = selection.parts.first().ok_or_else(nothing)?;
        let (from, to) = (selection.span.start().timestamp_micros(), selection.span.end().timestamp_micros());
        let placements = place(selection);
        let clip_time = |part: &Part, pts: i64| {
            pts + placements.iter().find(|place| place.run == part.run()).map_or(0, |place| place.shift)
        };
        let mut shown = Vec::new();
        let mut presented: Vec<(i64, i64)> = Vec::new();
        for part in &selection.parts {
            for sample in part.needed() {
                let utc_us = part.utc_us(sample.pts);
                if from <= utc_us && utc_us < to {
                    shown.push((clip_time(part, sample.pts), utc_us));
                    presented.push((clip_time(part, sample.pts), i64::from(sample.duration)));
                }
            }
        }
        shown.sort_unstable();
        let (begin, first_us) = *shown.first().ok_or_else(nothing)?;
        let (_, last_us) = *shown.last().ok_or_else(nothing)?;
        let end = presented.iter().map(|(at, duration)| at + duration).max().unwrap_or(begin);
        let (text, words) = match text::track(cues, (begin, first_us), end) {
            Some((track, words)) => (Some(track), words),
            None => (None, Vec::new()),
        };
        let mut layout = lay_out(selection, &placements, (begin, end), u64::try_from(words.len()).unwrap_or(0));
        layout.text = text;

        let leading: usize = selection.parts.iter().map(|part| part.needed.len()).sum::<usize>() - shown.len();
        let statement = ClipStatement {
            tenant: selection.key.tenant.clone(),
            store: selection.key.store.clone(),
            camera: selection.key.camera.clone(),
            stream: selection.key.kind,
            from_at: selection.span.start(),
            to_at: selection.span.end(),
            first_frame_at: instant(first_us),
            last_frame_at: instant(last_us),
            frames: i64::try_from(shown.len()).unwrap_or(i64::MAX),
            leading_frames: i64::try_from(leading).unwrap_or(i64::MAX),
            duration_us: rescale(end - begin, TICKS_PER_SECOND, 1_000_000),
            lost_packets: lost(selection),
            codec: first.file.header.codec.clone(),
            width: i32::try_from(first.file.header.width).unwrap_or(i32::MAX),
            height: i32::try_from(first.file.header.height).unwrap_or(i32::MAX),
            has_audio: layout.audio.is_some(),
            clocks: clocks(selection, from, to),
            gaps: gaps(selection),
        };
        let bytes = file(first_us, &first.file, layout, &words, begin, end);
        Ok(Self { statement, bytes })
    }

    /// The stream it shows.
    pub fn key(&self) -> StreamKey {
        StreamKey {
            tenant: self.statement.tenant.clone(),
            store: self.statement.store.clone(),
            camera: self.statement.camera.clone(),
            kind: self.statement.stream,
        }
    }
}

/// Puts the runs of a selection on one time line: the first by its media time, each later one where UTC says.
fn place(selection: &Selection) -> Vec<Placement> {
    let mut placements: Vec<Placement> = Vec::new();
    let mut base = None;
    let mut end = 0;
    for part in selection.parts.iter().filter(|part| !part.needed.is_empty()) {
        let Some(first) = part.needed().next() else { continue };
        let run = part.run();
        if placements.last().is_none_or(|place| place.run != run) {
            let utc_us = part.utc_us(first.dts);
            let (base_us, at) = match base {
                None => (utc_us, 0),
                Some(base_us) => (base_us, ticks_from_us(utc_us - base_us).max(end)),
            };
            base = Some(base_us);
            placements.push(Placement { run, shift: at - first.dts });
        }
        let shift = placements.last().map_or(0, |place| place.shift);
        end = part.needed().last().map_or(end, |sample| sample.dts + i64::from(sample.duration) + shift);
    }
    placements
}

/// The tables of pictures and sound and the bytes they speak of, fragment by fragment, after `offset` bytes of something
/// else; `shown` in clip time.
fn lay_out(selection: &Selection, placements: &[Placement], shown: (i64, i64), mut offset: u64) -> Layout {
    let mut video = MovieTrack::video(VIDEO_TRACK, 90_000);
    let sound = selection.parts.first().and_then(|part| part.file.audio.clone());
    let mut audio = sound.as_ref().map(|track| MovieTrack::sound(AUDIO_TRACK, track.timescale));
    let mut slices = Vec::new();
    for part in &selection.parts {
        let Some(shift) = placements.iter().find(|place| place.run == part.run()).map(|place| place.shift) else {
            continue;
        };
        let mut at = 0;
        for fragment in &part.fragments {
            let range = part.needed.start.max(at)..part.needed.end.min(at + fragment.video.len());
            let pictures = fragment.video.iter().skip(range.start.saturating_sub(at)).take(range.len());
            at += fragment.video.len();
            let samples: Vec<Sample> = pictures.copied().collect();
            add_chunk(&mut video, &part.file.video, &part.file, &samples, shift, &mut offset, &mut slices);
            let (Some(track), Some(own)) = (&mut audio, &part.file.audio) else { continue };
            if sound.as_ref() != Some(own) {
                continue;
            }
            let rate = i64::from(own.timescale);
            let heard = |sample: &&Sample| {
                let start = rescale(sample.dts, rate, TICKS_PER_SECOND) + shift;
                let length = rescale(i64::from(sample.duration), rate, TICKS_PER_SECOND);
                // One frame more at the front: a decoder needs it for the first (ISO/IEC 14496-3, overlapping windows).
                start + 2 * length > shown.0 && start < shown.1
            };
            let samples: Vec<Sample> = fragment.audio.iter().filter(heard).copied().collect();
            let shift = rescale(shift, TICKS_PER_SECOND, rate);
            add_chunk(track, own, &part.file, &samples, shift, &mut offset, &mut slices);
        }
    }
    let audio = audio.filter(|track| !track.samples.is_empty());
    Layout { video, audio, text: None, slices }
}

fn add_chunk(
    track: &mut MovieTrack,
    described: &Track,
    file: &Arc<SegmentFile>,
    samples: &[Sample],
    shift: i64,
    offset: &mut u64,
    slices: &mut Vec<Slice>,
) {
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return };
    let description = track.description(&described.sample_entry);
    let end = last.offset + u64::from(last.size);
    track.chunks.push(Chunk { offset: *offset, samples: boxes::len32(samples.len()), description });
    track.samples.extend(samples.iter().map(|sample| TableSample {
        dts: sample.dts + shift,
        composition: sample.pts - sample.dts,
        duration: sample.duration,
        size: sample.size,
        key: sample.key,
    }));
    *offset += end - first.offset;
    slices.push(Slice { file: Arc::clone(file), range: first.offset..end });
}

fn file(created_us: i64, first: &SegmentFile, layout: Layout, words: &[u8], begin: i64, end: i64) -> Slices {
    let Layout { mut video, mut audio, mut text, slices } = layout;
    video.size = (first.header.width, first.header.height);
    video.edit(begin, end, begin, end - begin);
    if let Some(track) = &mut audio {
        let rate = i64::from(track.timescale);
        track.edit(rescale(begin, TICKS_PER_SECOND, rate), rescale(end, TICKS_PER_SECOND, rate), begin, end - begin);
    }
    if let Some(track) = &mut text {
        track.size = (first.header.width, first.header.height / 5);
        track.edit(begin, end, begin, end - begin);
    }
    let pictures: u64 = slices.iter().map(|slice| slice.range.end - slice.range.start).sum();
    let data = pictures + u64::try_from(words.len()).unwrap_or(0);
    let mut prefix = Vec::new();
    boxes::boxed(&mut prefix, b"ftyp", |out| out.extend_from_slice(b"isom\0\0\x02\0isomiso2mp41"));
    let tracks: Vec<&MovieTrack> = std::iter::once(&video).chain(&audio).chain(&text).collect();
    let duration = (end - begin).max(0).cast_unsigned();
    let head = u64::try_from(prefix.len()).unwrap_or(0);
    // The size of the movie box does not depend on the offsets in it.
    let size = u64::try_from(movie(created_us, duration, &tracks, 0).len()).unwrap_or(0);
    prefix.extend_from_slice(&movie(created_us, duration, &tracks, head + size + 16));
    // A `mdat` with a 64-bit size, whatever its size.
    boxes::put32(&mut prefix, 1);
    prefix.extend_from_slice(b"mdat");
    boxes::put64(&mut prefix, data + 16);
    prefix.extend_from_slice(words);
    Slices::new(Bytes::from(prefix), slices)
}

fn lost(selection: &Selection) -> i64 {
    let mut lost = 0;
    for part in &selection.parts {
        let mut at = 0;
        for fragment in &part.fragments {
            let range = at..at + fragment.video.len();
            at = range.end;
            if range.start < part.needed.end && part.needed.start < range.end {
                lost += i64::from(fragment.lost);
            }
        }
    }
    lost
}

fn clocks(selection: &Selection, from: i64, to: i64) -> Vec<ClipClock> {
    let mut clocks: Vec<ClipClock> = Vec::new();
    for part in &selection.parts {
        if clocks.last().is_some_and(|clock| clock.run == part.run()) {
            continue;
        }
        let in_span = |sample: &&Sample| (from..to).contains(&part.utc_us(sample.pts));
        let Some(first) = part.needed().filter(in_span).min_by_key(|sample| sample.pts) else { continue };
        let Some(piece) = part.map.piece(first.pts) else { continue };
        clocks.push(ClipClock {
            run: part.run(),
            first_pts: first.pts,
            first_at: instant(part.utc_us(first.pts)),
            map_version: part.map.version(),
            source: piece.source,
            uncertainty_us: piece.uncertainty_us,
        });
    }
    clocks
}

/// What of the asked span has no video: declared gaps, and what lies beyond the recording.
fn gaps(selection: &Selection) -> Vec<ClipGap> {
    let (from, to) = (selection.span.start().timestamp_micros(), selection.span.end().timestamp_micros());
    let mut spans: Vec<(i64, i64)> = Vec::new();
    for part in &selection.parts {
        let (Some(first), Some(last)) = (part.fragments.first(), part.fragments.last()) else { continue };
        spans.push((part.utc_us(first.start()), part.utc_us(last.video_end())));
    }
    spans.sort_unstable();
    let mut missing = Vec::new();
    let mut at = from;
    for (start, end) in spans.into_iter().chain(std::iter::once((to, to))) {
        // Neighbouring segments are stated to the microsecond; a tick is eleven.
        if start.min(to) - at > 1_000 {
            missing.push((at, start.min(to)));
        }
        at = at.max(end);
    }
    missing
        .into_iter()
        .filter_map(|(start, end)| TimeSpan::new(instant(start), instant(end)).ok())
        .map(|span| {
            let declared = selection.gaps.iter().find(|gap| {
                gap.start_us < span.end().timestamp_micros()
                    && gap.end_us.is_none_or(|end| end > span.start().timestamp_micros())
            });
            let reason = declared.map_or(GapReason::Unknown, |gap| gap.reason);
            ClipGap { start_at: span.start(), end_at: span.end(), reason }
        })
        .collect()
}
