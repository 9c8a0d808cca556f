//! [`Fragment`]: up to a second of pictures and sound as the bytes that are appended to a segment.
//!
//! A fragment is `prft`, chain box, `moof`, `mdat`; it never spans a key frame. RTP says when a picture is shown, not
//! when it is decoded: where a camera reorders pictures, decoding times are the presentation times in ascending order,
//! and the difference goes into signed composition offsets (ISO/IEC 14496-12 §8.8.8, version 1).

use tillsight_schemas::time_map::TimeMap;

use super::boxes::{self, AUDIO_TRACK, TrackRun, TrunSample, VIDEO_TRACK, put16, put32, put64};
use super::chain::{Chain, Hash, sha256};
use super::clock_entry::ClockEntry;
use crate::rtsp::{AccessUnit, AudioFrame};

/// Chain box flag: the fragment begins with a key frame.
pub const BEGINS_WITH_KEY: u8 = 1;
/// Chain box flag: the length of the last picture is a guess, since no picture follows it.
pub const LAST_IS_GUESSED: u8 = 2;

/// Where the tracks of a run stand: what the next fragment has to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// The earliest decoding time of the next picture, in 1/90000 s.
    pub video: i64,
    /// The earliest decoding time of the next frame of sound, in ticks of its clock.
    pub audio: i64,
    /// The usual length of a picture, in 1/90000 s; 0 while unknown.
    pub usual: u32,
}

/// A fragment, ready to be appended.
#[derive(Debug, Clone)]
pub struct Fragment {
    /// All of its boxes.
    pub bytes: Vec<u8>,
    /// Its number within the run.
    pub number: u64,
    /// The chain head after it.
    pub head: Hash,
    /// Decoding time of its first picture.
    pub start: i64,
    /// Decoding time after its last picture.
    pub end: i64,
    /// Whether it begins with a key frame.
    pub key: bool,
    /// Where its `moof` begins within `bytes`.
    pub moof_at: u64,
    /// The hashes of its samples, in the order of `mdat`.
    pub units: Vec<Hash>,
    /// Pictures.
    pub frames: u64,
    /// RTP packets lost before its pictures.
    pub lost: u32,
}

/// What goes into a fragment beside its samples.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// The number of the fragment within its file, from 1.
    pub sequence: u32,
    /// Presentation time of the picture that follows, if one follows without a gap.
    pub next_pts: Option<i64>,
    /// The run's time map.
    pub map: &'a TimeMap,
    /// What is new about clocks.
    pub clocks: &'a [ClockEntry],
}

/// Makes the next fragment of a run and moves chain and position on; `units` must not be empty.
pub fn build(
    chain: &mut Chain,
    position: &mut Position,
    run: i64,
    units: &[AccessUnit],
    audio: &[AudioFrame],
    around: &Surroundings<'_>,
) -> Fragment {
    let video = video_run(position, units, around.next_pts);
    let start = i64::try_from(video.decode_time).unwrap_or(0);
    let mut runs = vec![video];
    if !audio.is_empty() {
        runs.push(audio_run(position, audio));
    }
    let samples = || units.iter().map(|unit| &unit.data).chain(audio.iter().map(|frame| &frame.data));
    let hashes: Vec<Hash> = samples().map(|data| sha256(data)).collect();
    let (number, head) = chain.advance(start, &hashes);

    let key = units.first().is_some_and(|unit| unit.key);
    let lost =
        units.iter().map(|unit| unit.lost).chain(audio.iter().map(|frame| frame.lost)).fold(0, u32::saturating_add);
    let mut flags = if key { BEGINS_WITH_KEY } else { 0 };
    if around.next_pts.is_none() {
        flags |= LAST_IS_GUESSED;
    }
    let payload: usize = samples().map(|data| data.len()).sum();
    let mut bytes = Vec::with_capacity(payload + 512 + 20 * hashes.len());
    let first_pts = units.first().map_or(start, |unit| unit.pts);
    let utc_us = around.map.utc_us(first_pts).unwrap_or_default();
    boxes::prft(&mut bytes, u64::try_from(first_pts).unwrap_or(0), utc_us);
    boxes::extended(&mut bytes, boxes::CHAIN_BOX, |out| {
        out.extend_from_slice(&[1, flags]);
        put16(out, u16::try_from(around.clocks.len()).unwrap_or(u16::MAX));
        put32(out, lost);
        put64(out, run.cast_unsigned());
        put64(out, number);
        out.extend_from_slice(&head);
        for entry in around.clocks.iter().take(usize::from(u16::MAX)) {
            entry.write(out);
        }
    });
    let moof_at = u64::try_from(bytes.len()).unwrap_or(0);
    boxes::moof(&mut bytes, around.sequence, &runs);
    boxes::boxed(&mut bytes, b"mdat", |out| {
        for data in samples() {
            out.extend_from_slice(data);
        }
    });
    let frames = u64::try_from(units.len()).unwrap_or(0);
    Fragment { bytes, number, head, start, end: position.video, key, moof_at, units: hashes, frames, lost }
}

fn video_run(position: &mut Position, units: &[AccessUnit], next_pts: Option<i64>) -> TrackRun {
    let mut decode: Vec<i64> = units.iter().map(|unit| unit.pts).collect();
    decode.sort_unstable();
    let mut floor = position.video;
    for time in &mut decode {
        *time = (*time).max(floor);
        floor = *time + 1;
    }
    let last = decode.last().copied().unwrap_or(floor);
    let usual = if position.usual == 0 { 3_000 } else { position.usual };
    let end = next_pts.unwrap_or(last + i64::from(usual)).max(last + 1);
    let ends = decode.iter().copied().skip(1).chain(std::iter::once(end));
    let samples: Vec<TrunSample> = units
        .iter()
        .zip(decode.iter().zip(ends))
        .map(|(unit, (dts, next))| TrunSample {
            duration: u32::try_from(next - dts).unwrap_or(u32::MAX),
            size: boxes::len32(unit.data.len()),
            composition: i32::try_from(unit.pts - dts).unwrap_or(0),
            key: unit.key,
        })
        .collect();
    let mut lengths: Vec<u32> = samples.iter().map(|sample| sample.duration).collect();
    if next_pts.is_none() {
        lengths.pop();
    }
    lengths.sort_unstable();
    if let Some(median) = lengths.get(lengths.len() / 2) {
        position.usual = *median;
    }
    position.video = end;
    TrackRun { track: VIDEO_TRACK, decode_time: decode.first().copied().unwrap_or(0).max(0).cast_unsigned(), samples }
}

fn audio_run(position: &mut Position, frames: &[AudioFrame]) -> TrackRun {
    let first = frames.first().map_or(0, |frame| frame.pts).max(position.audio).max(0);
    let mut at = first;
    let mut samples = Vec::with_capacity(frames.len());
    for (frame, next) in frames.iter().zip(frames.iter().skip(1).map(Some).chain(std::iter::once(None))) {
        let end = next.map_or(at + i64::from(frame.duration), |next| next.pts).max(at + 1);
        samples.push(TrunSample {
            duration: u32::try_from(end - at).unwrap_or(u32::MAX),
            size: boxes::len32(frame.data.len()),
            composition: 0,
            key: true,
        });
        at = end;
    }
    position.audio = at;
    TrackRun { track: AUDIO_TRACK, decode_time: first.cast_unsigned(), samples }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::testing;

    fn times(run: &TrackRun) -> Vec<(i64, i64)> {
        let mut at = run.decode_time.cast_signed();
        run.samples
            .iter()
            .map(|sample| {
                let times = (at, at + i64::from(sample.composition));
                at += i64::from(sample.duration);
                times
            })
            .collect()
    }

    #[test]
    fn reordered_pictures_are_decoded_in_order_and_shown_when_they_should() {
        let units: Vec<_> = [0, 9_000, 3_000, 6_000, 12_000].map(|pts| testing::unit(1, pts, pts == 0)).to_vec();
        let mut position = Position::default();
        let run = video_run(&mut position, &units, Some(15_000));
        assert_eq!(times(&run), [(0, 0), (3_000, 9_000), (6_000, 3_000), (9_000, 6_000), (12_000, 12_000)]);
        assert_eq!((position.video, position.usual), (15_000, 3_000));
        // The next group begins with a key frame that is shown after pictures that follow it.
        let units: Vec<_> = [21_000, 15_000, 18_000].map(|pts| testing::unit(1, pts, pts == 21_000)).to_vec();
        let run = video_run(&mut position, &units, None);
        assert_eq!(times(&run), [(15_000, 21_000), (18_000, 15_000), (21_000, 18_000)]);
        assert_eq!(position.video, 24_000);
    }

    #[test]
    fn a_missing_picture_makes_the_one_before_longer() {
        let units: Vec<_> = [0, 3_000, 9_000].map(|pts| testing::unit(1, pts, pts == 0)).to_vec();
        let run = video_run(&mut Position::default(), &units, Some(12_000));
        assert_eq!(run.samples.iter().map(|s| s.duration).collect::<Vec<_>>(), [3_000, 6_000, 3_000]);
    }
}
