//! The movie box of a clip: sample tables and edit lists (ISO/IEC 14496-12 §8.5-8.7).
//!
//! The movie's own timescale is 90 kHz, so that edits are exact to the tick.

use bytes::Bytes;

use super::boxes::{Media, boxed, full, len32, mdia, mvhd, put16, put32, put64, stsd, tkhd};

/// A sample in the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableSample {
    /// Decoding time on the clip's time line, in ticks of the track.
    pub dts: i64,
    /// Presentation minus decoding time.
    pub composition: i64,
    /// Its own length; in the table it lasts until the next begins.
    pub duration: u32,
    /// Bytes.
    pub size: u32,
    /// Whether it is a key frame.
    pub key: bool,
}

/// Samples whose bytes follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Where they begin, from the start of the data.
    pub offset: u64,
    /// How many.
    pub samples: u32,
    /// Which sample description they have, from 1.
    pub description: u32,
}

/// One entry of an edit list: length in 1/90000 s, and the media time it shows (`None`: nothing).
type Edit = (u64, Option<u64>);

/// A track of a clip.
#[derive(Debug, Clone)]
pub struct MovieTrack {
    /// Its number.
    pub track: u32,
    /// Ticks in a second.
    pub timescale: u32,
    /// What it holds.
    pub media: Media,
    /// Width and height of what it shows.
    pub size: (u32, u32),
    /// Its samples, in decoding order.
    pub samples: Vec<TableSample>,
    /// Its chunks.
    pub chunks: Vec<Chunk>,
    descriptions: Vec<Bytes>,
    edits: Vec<Edit>,
}

impl MovieTrack {
    /// Makes a track of pictures without samples.
    pub fn video(track: u32, timescale: u32) -> Self {
        Self::new(track, timescale, Media::Video)
    }

    /// Makes a track of sound without samples.
    pub fn sound(track: u32, timescale: u32) -> Self {
        Self::new(track, timescale, Media::Sound)
    }

    /// Makes a track of words without samples.
    pub fn text(track: u32, timescale: u32) -> Self {
        Self::new(track, timescale, Media::Text)
    }

    fn new(track: u32, timescale: u32, media: Media) -> Self {
        Self {
            track,
            timescale,
            media,
            size: (0, 0),
            samples: Vec::new(),
            chunks: Vec::new(),
            descriptions: Vec::new(),
            edits: Vec::new(),
        }
    }

    /// The number of a sample description, which is added if it is new.
    pub fn description(&mut self, entry: &Bytes) -> u32 {
        let known = self.descriptions.iter().position(|known| known == entry);
        let at = known.unwrap_or_else(|| {
            self.descriptions.push(entry.clone());
            self.descriptions.len() - 1
        });
        len32(at + 1)
    }

    /// Shows the part from `begin` to `end` (clip time, in ticks of the track), which is `length` long in 1/90000 s and
    /// starts at `begin_90k` in 1/90000 s.
    pub fn edit(&mut self, begin: i64, end: i64, begin_90k: i64, length: i64) {
        let Some(first) = self.samples.first().map(|sample| sample.dts) else { return };
        let length = length.max(0).cast_unsigned();
        if first > begin {
            // The track starts later than the clip: nothing, then the whole of it.
            let wait = super::select::rescale(first, i64::from(self.timescale), 90_000) - begin_90k;
            let wait = wait.max(0).cast_unsigned().min(length);
            self.edits = vec![(wait, None), (length - wait, Some(0))];
        } else {
            self.edits = vec![(length, Some((begin - first).max(0).cast_unsigned()))];
        }
        debug_assert!(begin <= end);
    }

    fn write(&self, out: &mut Vec<u8>, created_us: i64, data: u64) {
        boxed(out, b"trak", |out| {
            let shown: u64 = self.edits.iter().map(|(length, _)| length).sum();
            tkhd(out, created_us, self.track, shown, self.media, self.size);
            boxed(out, b"edts", |out| {
                full(out, b"elst", 1, 0, |out| {
                    put32(out, len32(self.edits.len()));
                    for (length, media) in &self.edits {
                        put64(out, *length);
                        put64(out, media.unwrap_or(u64::MAX));
                        put16(out, 1);
                        put16(out, 0);
                    }
                });
            });
            let duration: u64 = self.durations().map(u64::from).sum();
            mdia(out, created_us, self.timescale, duration, self.media, |out| self.tables(out, data));
        });
    }

    /// How long each sample lasts: until the next begins.
    fn durations(&self) -> impl Iterator<Item = u32> {
        let next = self.samples.iter().skip(1).map(Some).chain(std::iter::once(None));
        self.samples.iter().zip(next).map(|(sample, next)| match next {
            Some(next) => u32::try_from((next.dts - sample.dts).max(1)).unwrap_or(u32::MAX),
            None => sample.duration,
        })
    }

    fn tables(&self, out: &mut Vec<u8>, data: u64) {
        stsd(out, self.descriptions.iter().map(|entry| &**entry));
        full(out, b"stts", 0, 0, |out| {
            table(out, runs(self.durations()), |out, (count, duration)| {
                put32(out, count);
                put32(out, duration);
            });
        });
        if self.samples.iter().any(|sample| sample.composition != 0) {
            full(out, b"ctts", 1, 0, |out| {
                let offsets = self.samples.iter().map(|sample| i32::try_from(sample.composition).unwrap_or(0));
                table(out, runs(offsets), |out, (count, offset)| {
                    put32(out, count);
                    out.extend_from_slice(&offset.to_be_bytes());
                });
            });
        }
        if self.media == Media::Video {
            full(out, b"stss", 0, 0, |out| {
                let keys: Vec<u32> =
                    self.samples.iter().zip(1..).filter(|(sample, _)| sample.key).map(|(_, number)| number).collect();
                table(out, keys, put32);
            });
        }
        full(out, b"stsc", 0, 0, |out| {
            let mut entries: Vec<(u32, u32, u32)> = Vec::new();
            for (chunk, number) in self.chunks.iter().zip(1..) {
                let same = |last: &(u32, u32, u32)| (last.1, last.2) == (chunk.samples, chunk.description);
                if !entries.last().is_some_and(same) {
                    entries.push((number, chunk.samples, chunk.description));
                }
            }
            table(out, entries, |out, (first, samples, description)| {
                put32(out, first);
                put32(out, samples);
                put32(out, description);
            });
        });
        full(out, b"stsz", 0, 0, |out| {
            put32(out, 0);
            table(out, self.samples.iter().map(|sample| sample.size).collect(), put32);
        });
        full(out, b"co64", 0, 0, |out| {
            table(out, self.chunks.iter().map(|chunk| chunk.offset + data).collect(), put64);
        });
    }
}

/// The movie box of some tracks whose data begin at byte `data` of the file; the duration in 1/90000 s.
pub fn movie(created_us: i64, duration: u64, tracks: &[&MovieTrack], data: u64) -> Vec<u8> {
    let mut out = Vec::new();
    boxed(&mut out, b"moov", |out| {
        mvhd(out, created_us, 90_000, duration);
        for track in tracks {
            track.write(out, created_us, data);
        }
    });
    out
}

fn table<T>(out: &mut Vec<u8>, entries: Vec<T>, mut write: impl FnMut(&mut Vec<u8>, T)) {
    put32(out, len32(entries.len()));
    for entry in entries {
        write(out, entry);
    }
}

/// Equal neighbours, counted.
fn runs<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<(u32, T)> {
    let mut counted: Vec<(u32, T)> = Vec::new();
    for value in values {
        match counted.last_mut() {
            Some((count, last)) if *last == value => *count += 1,
            _ => counted.push((1, value)),
        }
    }
    counted
}
