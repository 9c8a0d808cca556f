//! The ISO BMFF boxes that segments are made of (ISO/IEC 14496-12; CMAF, ISO/IEC 23000-19 §7).
//!
//! Boxes are appended to a byte vector; nothing that was written to a file is ever changed. Track 1 is video with a
//! clock of 90 kHz, track 2 is sound with the clock of its codec.

use uuid::Uuid;

use crate::rtsp::{AudioFormat, VideoFormat};

/// Extended type of the box that opens a segment: canonical JSON that says which segment this is.
pub const HEADER_BOX: Uuid = Uuid::from_u128(0x6f0e_8a37_90c1_4d2b_a5be_71b3_5f04_c9d2);
/// Extended type of the box before each `moof`: chain head, clock readings and time map pieces.
pub const CHAIN_BOX: Uuid = Uuid::from_u128(0x2c9b_41f8_e7d3_4c66_8f15_0ad9_b862_731e);

/// Track number of the video.
pub const VIDEO_TRACK: u32 = 1;
/// Track number of the sound.
pub const AUDIO_TRACK: u32 = 2;
/// Track number of the words that a clip may have.
pub const TEXT_TRACK: u32 = 3;

/// What a track holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// Pictures.
    Video,
    /// Sound.
    Sound,
    /// Timed text.
    Text,
}

/// Sample flags of a key frame (ISO/IEC 14496-12 §8.8.3.1): depends on no other.
pub const KEY_SAMPLE: u32 = 0x0200_0000;
/// Sample flags of any other frame: depends on others, is not a sync sample.
pub const DELTA_SAMPLE: u32 = 0x0101_0000;

/// Seconds between 1900 (NTP, RFC 5905 §6) and 1970.
const NTP_UNIX_SECONDS: i64 = 2_208_988_800;
/// Seconds between 1904 (the epoch of ISO BMFF headers) and 1970.
const MP4_UNIX_SECONDS: i64 = 2_082_844_800;

/// Appends a box of this kind, whose body `body` writes.
pub fn boxed(out: &mut Vec<u8>, kind: &[u8; 4], body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(kind);
    body(out);
    let size = len32(out.len() - start);
    if let Some(field) = out.get_mut(start..start + 4) {
        field.copy_from_slice(&size.to_be_bytes());
    }
}

/// Appends a full box (with version and flags).
pub fn full(out: &mut Vec<u8>, kind: &[u8; 4], version: u8, flags: u32, body: impl FnOnce(&mut Vec<u8>)) {
    boxed(out, kind, |out| {
        put32(out, (u32::from(version) << 24) | (flags & 0x00ff_ffff));
        body(out);
    });
}

/// Appends a `uuid` box.
pub fn extended(out: &mut Vec<u8>, kind: Uuid, body: impl FnOnce(&mut Vec<u8>)) {
    boxed(out, b"uuid", |out| {
        out.extend_from_slice(kind.as_bytes());
        body(out);
    });
}

/// A length as the 32 bits of a box field; fragments are bounded far below that.
pub fn len32(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

pub(crate) fn put16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

pub(crate) fn put32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}

pub(crate) fn put64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Microseconds since 1970 as an NTP time stamp (RFC 5905 §6, 32.32 fixed point).
pub fn ntp_from_utc_us(utc_us: i64) -> u64 {
    let seconds = utc_us.div_euclid(1_000_000).saturating_add(NTP_UNIX_SECONDS);
    let micros = u64::try_from(utc_us.rem_euclid(1_000_000)).unwrap_or(0);
    (u64::try_from(seconds).unwrap_or(0) << 32) | ((micros << 32) / 1_000_000)
}

/// An NTP time stamp as microseconds since 1970, rounded to the nearest.
pub fn utc_us_from_ntp(ntp: u64) -> i64 {
    let seconds = i64::try_from(ntp >> 32).unwrap_or(0) - NTP_UNIX_SECONDS;
    let micros = ((ntp & 0xffff_ffff) * 1_000_000 + 0x8000_0000) >> 32;
    seconds * 1_000_000 + i64::try_from(micros).unwrap_or(0)
}

/// Microseconds since 1970 as seconds since 1904.
pub fn mp4_seconds(utc_us: i64) -> u64 {
    u64::try_from(utc_us.div_euclid(1_000_000).saturating_add(MP4_UNIX_SECONDS)).unwrap_or(0)
}

const MATRIX: [u32; 9] = [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000];

fn matrix(out: &mut Vec<u8>) {
    for value in MATRIX {
        put32(out, value);
    }
}

/// Movie header; durations in its own timescale.
pub fn mvhd(out: &mut Vec<u8>, created_us: i64, timescale: u32, duration: u64) {
    full(out, b"mvhd", 1, 0, |out| {
        put64(out, mp4_seconds(created_us));
        put64(out, mp4_seconds(created_us));
        put32(out, timescale);
        put64(out, duration);
        put32(out, 0x0001_0000);
        put16(out, 0x0100);
        out.extend_from_slice(&[0; 10]);
        matrix(out);
        out.extend_from_slice(&[0; 24]);
        put32(out, TEXT_TRACK + 1);
    });
}

/// Track header; the duration in the movie's timescale.
pub fn tkhd(out: &mut Vec<u8>, created_us: i64, track: u32, duration: u64, media: Media, size: (u32, u32)) {
    // Enabled and in the movie.
    full(out, b"tkhd", 1, 3, |out| {
        put64(out, mp4_seconds(created_us));
        put64(out, mp4_seconds(created_us));
        put32(out, track);
        put32(out, 0);
        put64(out, duration);
        out.extend_from_slice(&[0; 8]);
        put16(out, 0);
        put16(out, 0);
        put16(out, if media == Media::Sound { 0x0100 } else { 0 });
        put16(out, 0);
        matrix(out);
        let (width, height) = size;
        put32(out, width << 16);
        put32(out, height << 16);
    });
}

/// Media box: header, handler and `minf`, whose sample table `stbl` writes.
pub fn mdia(
    out: &mut Vec<u8>,
    created_us: i64,
    timescale: u32,
    duration: u64,
    media: Media,
    stbl: impl FnOnce(&mut Vec<u8>),
) {
    boxed(out, b"mdia", |out| {
        full(out, b"mdhd", 1, 0, |out| {
            put64(out, mp4_seconds(created_us));
            put64(out, mp4_seconds(created_us));
            put32(out, timescale);
            put64(out, duration);
            // "und" (ISO 639-2/T), five bits a letter.
            put16(out, 0x55c4);
            put16(out, 0);
        });
        full(out, b"hdlr", 0, 0, |out| {
            put32(out, 0);
            let (handler, name): (&[u8; 4], &[u8]) = match media {
                Media::Video => (b"vide", b"video\0"),
                Media::Sound => (b"soun", b"sound\0"),
                Media::Text => (b"sbtl", b"receipt\0"),
            };
            out.extend_from_slice(handler);
            out.extend_from_slice(&[0; 12]);
            out.extend_from_slice(name);
        });
        boxed(out, b"minf", |out| {
            match media {
                Media::Video => full(out, b"vmhd", 0, 1, |out| out.extend_from_slice(&[0; 8])),
                Media::Sound => full(out, b"smhd", 0, 0, |out| out.extend_from_slice(&[0; 4])),
                Media::Text => full(out, b"nmhd", 0, 0, |_| {}),
            }
            boxed(out, b"dinf", |out| {
                full(out, b"dref", 0, 0, |out| {
                    put32(out, 1);
                    full(out, b"url ", 0, 1, |_| {});
                });
            });
            boxed(out, b"stbl", stbl);
        });
    });
}

/// Sample descriptions.
pub fn stsd<'a>(out: &mut Vec<u8>, entries: impl ExactSizeIterator<Item = &'a [u8]>) {
    full(out, b"stsd", 0, 0, |out| {
        put32(out, len32(entries.len()));
        for entry in entries {
            out.extend_from_slice(entry);
        }
    });
}

/// The initialisation part of a segment: `ftyp` and `moov`.
pub fn init(created_us: i64, video: &VideoFormat, audio: Option<&AudioFormat>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1_024);
    boxed(&mut out, b"ftyp", |out| {
        out.extend_from_slice(b"iso6\0\0\0\0iso6mp41");
        // A CMAF file holds one track (ISO/IEC 23000-19 §7.3.1).
        if audio.is_none() {
            out.extend_from_slice(b"cmfc");
        }
    });
    let empty_tables = |out: &mut Vec<u8>, entry: &[u8]| {
        stsd(out, std::iter::once(entry));
        full(out, b"stts", 0, 0, |out| put32(out, 0));
        full(out, b"stsc", 0, 0, |out| put32(out, 0));
        full(out, b"stsz", 0, 0, |out| out.extend_from_slice(&[0; 8]));
        full(out, b"stco", 0, 0, |out| put32(out, 0));
    };
    boxed(&mut out, b"moov", |out| {
        mvhd(out, created_us, 90_000, 0);
        boxed(out, b"trak", |out| {
            tkhd(out, created_us, VIDEO_TRACK, 0, Media::Video, (video.width, video.height));
            mdia(out, created_us, 90_000, 0, Media::Video, |out| empty_tables(out, &video.sample_entry));
        });
        if let Some(audio) = audio {
            boxed(out, b"trak", |out| {
                tkhd(out, created_us, AUDIO_TRACK, 0, Media::Sound, (0, 0));
                mdia(out, created_us, audio.clock_rate, 0, Media::Sound, |out| empty_tables(out, &audio.sample_entry));
            });
        }
        boxed(out, b"mvex", |out| {
            for (track, flags) in [(VIDEO_TRACK, DELTA_SAMPLE), (AUDIO_TRACK, KEY_SAMPLE)]
                .into_iter()
                .take(1 + usize::from(audio.is_some()))
            {
                full(out, b"trex", 0, 0, |out| {
                    put32(out, track);
                    put32(out, 1);
                    put32(out, 0);
                    put32(out, 0);
                    put32(out, flags);
                });
            }
        });
    });
    out
}

/// A sample of a track run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrunSample {
    /// Its length in ticks.
    pub duration: u32,
    /// Its bytes.
    pub size: u32,
    /// Presentation minus decoding time, in ticks.
    pub composition: i32,
    /// Whether it is a key frame.
    pub key: bool,
}

/// A track's part of a fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackRun {
    /// The track.
    pub track: u32,
    /// Decoding time of the first sample, in ticks.
    pub decode_time: u64,
    /// The samples.
    pub samples: Vec<TrunSample>,
}

impl TrackRun {
    fn bytes(&self) -> u64 {
        self.samples.iter().map(|sample| u64::from(sample.size)).sum()
    }
}

/// Appends the `moof` of a fragment whose data follow it in one `mdat`, track after track.
pub fn moof(out: &mut Vec<u8>, sequence: u32, runs: &[TrackRun]) {
    let start = out.len();
    let mut offsets = Vec::with_capacity(runs.len());
    boxed(out, b"moof", |out| {
        full(out, b"mfhd", 0, 0, |out| put32(out, sequence));
        for run in runs {
            boxed(out, b"traf", |out| {
                // default-base-is-moof
                full(out, b"tfhd", 0, 0x02_0000, |out| put32(out, run.track));
                full(out, b"tfdt", 1, 0, |out| put64(out, run.decode_time));
                let video = run.track == VIDEO_TRACK;
                let reordered = run.samples.iter().any(|sample| sample.composition != 0);
                let flags = 0x301 | if video { 0x400 } else { 0 } | if reordered { 0x800 } else { 0 };
                full(out, b"trun", 1, flags, |out| {
                    put32(out, len32(run.samples.len()));
                    offsets.push(out.len());
                    put32(out, 0);
                    for sample in &run.samples {
                        put32(out, sample.duration);
                        put32(out, sample.size);
                        if video {
                            put32(out, if sample.key { KEY_SAMPLE } else { DELTA_SAMPLE });
                        }
                        if reordered {
                            out.extend_from_slice(&sample.composition.to_be_bytes());
                        }
                    }
                });
            });
        }
    });
    // Data offsets count from the start of the `moof`; eight bytes are the header of the `mdat`.
    let mut data = u64::try_from(out.len() - start).unwrap_or(0) + 8;
    for (offset, run) in offsets.into_iter().zip(runs) {
        if let Some(field) = out.get_mut(offset..offset + 4) {
            field.copy_from_slice(&u32::try_from(data).unwrap_or(u32::MAX).to_be_bytes());
        }
        data += run.bytes();
    }
}

/// Appends a producer reference time (§8.16.5): the wall time of a media time as it was estimated when written.
pub fn prft(out: &mut Vec<u8>, media_time: u64, utc_us: i64) {
    // Flags 24: UTC is the real time of what the media show, up to a small and constant offset.
    full(out, b"prft", 1, 24, |out| {
        put32(out, VIDEO_TRACK);
        put64(out, ntp_from_utc_us(utc_us));
        put64(out, media_time);
    });
}

/// Appends the table of key frames (`mfra`, §8.8.9) that closes a segment: decoding time and file offset of each
/// `moof` that begins with a key frame.
pub fn mfra(out: &mut Vec<u8>, keys: &[(u64, u64)]) {
    let start = out.len();
    boxed(out, b"mfra", |out| {
        full(out, b"tfra", 1, 0, |out| {
            put32(out, VIDEO_TRACK);
            put32(out, 0);
            put32(out, len32(keys.len()));
            for (time, offset) in keys {
                put64(out, *time);
                put64(out, *offset);
                out.extend_from_slice(&[1, 1, 1]);
            }
        });
        let size = len32(out.len() - start) + 16;
        full(out, b"mfro", 0, 0, |out| put32(out, size));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ntp_keeps_microseconds() {
        for utc_us in [0, 1, 999_999, 1_795_440_000_123_456] {
            assert_eq!(utc_us_from_ntp(ntp_from_utc_us(utc_us)), utc_us);
        }
        assert_eq!(ntp_from_utc_us(0) >> 32, 2_208_988_800);
    }

    #[test]
    fn data_offsets_point_behind_the_mdat_header() {
        let video = TrunSample { duration: 3_000, size: 10, composition: 0, key: true };
        let audio = TrunSample { duration: 1_024, size: 4, composition: 0, key: true };
        let runs = [
            TrackRun { track: VIDEO_TRACK, decode_time: 0, samples: vec![video, video] },
            TrackRun { track: AUDIO_TRACK, decode_time: 0, samples: vec![audio] },
        ];
        let mut out = Vec::new();
        moof(&mut out, 1, &runs);
        use mp4_atom::Decode as _;
        let parsed = mp4_atom::Moof::decode(&mut out.as_slice()).unwrap();
        let length = i32::try_from(out.len()).unwrap();
        assert_eq!(parsed.traf[0].trun[0].data_offset, Some(length + 8));
        assert_eq!(parsed.traf[1].trun[0].data_offset, Some(length + 28));
        assert_eq!(parsed.traf[0].trun[0].samples.get(0).and_then(|sample| sample.duration), Some(3_000));
    }
}
