//! [`Cue`]: words that a clip shows beside its pictures, as a track of timed text (3GPP TS 26.245, `tx3g`), which any
//! player knows as subtitles: the lines of a receipt while they are rung.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::boxes::{self, TEXT_TRACK};
use super::moov::{Chunk, MovieTrack, TableSample};
use super::select::ticks_from_us;

/// The longest text of a cue, in bytes; a text sample's length is a 16-bit field.
const LONGEST: usize = 4_000;

/// Words from an instant on, until the next cue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cue {
    /// From when.
    pub at: DateTime<Utc>,
    /// What; empty for nothing.
    pub text: String,
}

/// The track of some cues, and its samples' bytes; clip time `begin` (in 1/90000 s) is `begin_us`. Nothing when no cue says
/// anything before `end`.
pub(super) fn track(cues: &[Cue], (begin, begin_us): (i64, i64), end: i64) -> Option<(MovieTrack, Vec<u8>)> {
    let mut said: Vec<(i64, &str)> = vec![(begin, "")];
    let mut sorted: Vec<&Cue> = cues.iter().collect();
    sorted.sort_by_key(|cue| cue.at);
    for cue in sorted {
        let at = begin + ticks_from_us(cue.at.timestamp_micros() - begin_us);
        match said.last_mut() {
            _ if at >= end => break,
            // What began before the clip is shown from its beginning.
            Some(last) if at <= last.0 => last.1 = &cue.text,
            _ => said.push((at, &cue.text)),
        }
    }
    if said.iter().all(|(_, text)| text.is_empty()) {
        return None;
    }
    let mut track = MovieTrack::text(TEXT_TRACK, 90_000);
    let description = track.description(&Bytes::from(sample_entry()));
    let mut bytes = Vec::new();
    let ends = said.iter().skip(1).map(|(at, _)| *at).chain(std::iter::once(end));
    for ((at, text), until) in said.iter().zip(ends) {
        let text = text.get(..floor(text, LONGEST)).unwrap_or_default();
        let start = bytes.len();
        boxes::put16(&mut bytes, u16::try_from(text.len()).unwrap_or(0));
        bytes.extend_from_slice(text.as_bytes());
        track.samples.push(TableSample {
            dts: *at,
            composition: 0,
            duration: u32::try_from(until - at).unwrap_or(u32::MAX),
            size: boxes::len32(bytes.len() - start),
            key: true,
        });
    }
    track.chunks.push(Chunk { offset: 0, samples: boxes::len32(track.samples.len()), description });
    Some((track, bytes))
}

/// The longest beginning of a text within so many bytes that ends between two letters.
fn floor(text: &str, most: usize) -> usize {
    (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// White letters at the lower edge of the picture (3GPP TS 26.245 §5.16).
fn sample_entry() -> Vec<u8> {
    let mut out = Vec::new();
    boxes::boxed(&mut out, b"tx3g", |out| {
        out.extend_from_slice(&[0; 6]);
        boxes::put16(out, 1);
        boxes::put32(out, 0);
        // Centred, at the bottom; no background; the box is the whole track.
        out.extend_from_slice(&[1, 0xff, 0, 0, 0, 0]);
        out.extend_from_slice(&[0; 8]);
        // Style of all letters: font 1, plain, 18 points, white.
        out.extend_from_slice(&[0, 0, 0, 0, 0, 1, 0, 18, 0xff, 0xff, 0xff, 0xff]);
        boxes::boxed(out, b"ftab", |out| {
            boxes::put16(out, 1);
            boxes::put16(out, 1);
            out.push(10);
            out.extend_from_slice(b"Sans-Serif");
        });
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cue(us: i64, text: &str) -> Cue {
        Cue { at: DateTime::from_timestamp_micros(us).unwrap(), text: text.to_owned() }
    }

    #[test]
    fn cues_follow_each_other_without_holes_and_end_with_the_clip() {
        let cues =
            [cue(2_000_000, "MILK 2.50"), cue(500_000, "EARLY"), cue(1_500_000, "BREAD 1.20"), cue(9_000_000, "LATE")];
        let (track, bytes) = track(&cues, (90_000, 1_000_000), 90_000 * 5).unwrap();
        let times: Vec<(i64, u32)> = track.samples.iter().map(|sample| (sample.dts, sample.duration)).collect();
        assert_eq!(times, [(90_000, 45_000), (135_000, 45_000), (180_000, 270_000)]);
        assert_eq!(bytes, b"\0\x05EARLY\0\x0aBREAD 1.20\0\x09MILK 2.50");
    }

    #[test]
    fn without_a_word_there_is_no_track() {
        assert!(track(&[], (0, 0), 90_000).is_none());
        assert!(track(&[cue(5_000_000, "LATE")], (0, 0), 90_000).is_none());
    }

    #[test]
    fn long_text_is_cut_between_letters() {
        assert_eq!(floor("aä", 2), 1);
        assert_eq!(floor("abc", 9), 3);
    }
}
