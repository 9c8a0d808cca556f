//! Reading segments back: boxes, headers and fragments, as far as a file is whole.
//!
//! A segment may end anywhere (it is being written, or a crash cut it); everything before the last whole fragment is
//! good. Lengths in a file are never trusted beyond its end.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use uuid::Uuid;

use super::boxes::{AUDIO_TRACK, CHAIN_BOX, HEADER_BOX, VIDEO_TRACK, utc_us_from_ntp};
use super::chain::Hash;
use super::clock_entry::{ClockEntry, ENTRY_BYTES};
use super::document::Header;
use super::error::{Error, Result, disk};
use super::fragment::BEGINS_WITH_KEY;

/// Boxes other than `mdat` are read into memory up to this size.
const MAX_BOX: u64 = 4 << 20;
/// One read usually holds everything before the data of a fragment.
const READ_AHEAD: usize = 8 << 10;

/// One sample of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Decoding time, in ticks of the track.
    pub dts: i64,
    /// Presentation time, in ticks of the track.
    pub pts: i64,
    /// Length, in ticks of the track.
    pub duration: u32,
    /// Bytes.
    pub size: u32,
    /// Where its bytes begin in the file.
    pub offset: u64,
    /// Whether it is a key frame.
    pub key: bool,
}

/// One fragment of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FragmentIndex {
    /// Where its `prft` begins.
    pub offset: u64,
    /// Where its `moof` begins.
    pub moof: u64,
    /// The first byte after its `mdat`.
    pub end: u64,
    /// Its number within the run.
    pub number: u64,
    /// The run.
    pub run: i64,
    /// The chain head after it, as written.
    pub head: Hash,
    /// RTP packets lost before its samples.
    pub lost: u32,
    /// Whether it begins with a key frame.
    pub key: bool,
    /// UTC of its first picture as estimated when it was written, in microseconds since 1970.
    pub prft_utc_us: i64,
    /// What it says about clocks.
    pub clocks: Vec<ClockEntry>,
    /// Its pictures.
    pub video: Vec<Sample>,
    /// Its frames of sound.
    pub audio: Vec<Sample>,
}

impl FragmentIndex {
    /// Decoding time of the first picture.
    pub fn start(&self) -> i64 {
        self.video.first().map_or(0, |sample| sample.dts)
    }

    /// Decoding time after the last picture.
    pub fn video_end(&self) -> i64 {
        self.video.last().map_or(0, |sample| sample.dts + i64::from(sample.duration))
    }
}

/// A track as its `moov` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Ticks in a second.
    pub timescale: u32,
    /// The sample entry box, whole.
    pub sample_entry: Bytes,
}

/// A segment file that has been opened.
#[derive(Debug)]
pub struct SegmentFile {
    /// Where it lies.
    pub path: PathBuf,
    /// The file.
    pub file: File,
    /// What it says about itself.
    pub header: Header,
    /// `ftyp` and `moov`, as they stand.
    pub init: Bytes,
    /// The video track.
    pub video: Track,
    /// The sound track, if there is one.
    pub audio: Option<Track>,
    /// Where the first fragment begins.
    pub media_start: u64,
}

impl SegmentFile {
    /// Opens a segment and reads what stands before its first fragment.
    ///
    /// # Errors
    /// [`Error::Disk`] when it cannot be read, [`Error::Damaged`] when it is not (or not yet) a segment.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(disk("open", path))?;
        let damaged = |offset, what| Error::Damaged { path: path.to_owned(), offset, what };
        let length = file.metadata().map_err(disk("read the size of", path))?.len();
        let mut at = 0;
        let mut init = None;
        loop {
            let (kind, end) =
                box_at(&file, at, length, path)?.ok_or_else(|| damaged(at, "it ends before its header"))?;
            match &kind {
                b"moov" => init = Some(Bytes::from(read(&file, 0, end, path)?)),
                b"uuid" => {
                    let init = init.ok_or_else(|| damaged(at, "its header stands before its movie box"))?;
                    let body = read(&file, at, end, path)?;
                    let (id, json) = uuid_body(&body).ok_or_else(|| damaged(at, "a uuid box is too short"))?;
                    if id != HEADER_BOX {
                        return Err(damaged(at, "its first uuid box is not a segment header"));
                    }
                    let header = serde_json::from_slice(json).map_err(|source| Error::Document {
                        what: "header",
                        path: path.to_owned(),
                        source,
                    })?;
                    let (video, audio) = tracks(&init).ok_or_else(|| damaged(0, "its movie box has no video track"))?;
                    return Ok(Self { path: path.to_owned(), file, header, init, video, audio, media_start: end });
                }
                b"ftyp" => {}
                _ => return Err(damaged(at, "an unexpected box stands before its header")),
            }
            at = end;
        }
    }

    /// How many bytes the file has now.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub fn length(&self) -> Result<u64> {
        Ok(self.file.metadata().map_err(disk("read the size of", &self.path))?.len())
    }

    /// The whole fragments from `offset` on, the first byte after the last of them, and whether the closing table
    /// follows it.
    ///
    /// # Errors
    /// [`Error::Disk`]. Damage is not an error: it is where the fragments end.
    pub fn fragments(&self, offset: u64) -> Result<(Vec<FragmentIndex>, u64, bool)> {
        let length = self.length()?;
        let mut at = offset;
        let mut found = Vec::new();
        loop {
            match self.fragment(at, length)? {
                Some(fragment) => {
                    at = fragment.end;
                    found.push(fragment);
                }
                None => {
                    let closed =
                        matches!(box_at(&self.file, at, length, &self.path)?, Some((kind, _)) if &kind == b"mfra");
                    return Ok((found, at, closed));
                }
            }
        }
    }

    /// The fragment that begins at `offset`, if a whole one does.
    fn fragment(&self, offset: u64, length: u64) -> Result<Option<FragmentIndex>> {
        let mut head = Window::at(&self.file, offset, length, &self.path)?;
        let (mut prft, mut chain) = (None, None);
        let mut at = offset;
        loop {
            let Some((kind, size)) = head.header(at) else { return Ok(None) };
            let Some(end) = at.checked_add(size).filter(|end| size >= 8 && *end <= length) else { return Ok(None) };
            match &kind {
                b"prft" => prft = head.body(at, end)?.as_deref().and_then(parse_prft),
                b"uuid" => chain = head.body(at, end)?.as_deref().and_then(parse_chain),
                b"moof" => {
                    let Some(body) = head.body(at, end)? else { return Ok(None) };
                    let Some((data_kind, data_size)) = head.header(end) else { return Ok(None) };
                    let Some(data_end) = end.checked_add(data_size).filter(|last| *last <= length) else {
                        return Ok(None);
                    };
                    let (Some(utc_us), Some(chain), b"mdat") = (prft, chain, &data_kind) else { return Ok(None) };
                    let Some((video, audio)) = parse_moof(&body, at, end + 8..data_end) else { return Ok(None) };
                    return Ok(Some(FragmentIndex {
                        offset,
                        moof: at,
                        end: data_end,
                        number: chain.number,
                        run: chain.run,
                        head: chain.head,
                        lost: chain.lost,
                        key: chain.flags & BEGINS_WITH_KEY != 0,
                        prft_utc_us: utc_us,
                        clocks: chain.clocks,
                        video,
                        audio,
                    }));
                }
                _ => return Ok(None),
            }
            at = end;
        }
    }

    /// Reads bytes of the file.
    ///
    /// # Errors
    /// [`Error::Disk`], also when the file ends before.
    pub fn read(&self, from: u64, to: u64) -> Result<Vec<u8>> {
        read(&self.file, from, to, &self.path)
    }
}

fn read(file: &File, from: u64, to: u64, path: &Path) -> Result<Vec<u8>> {
    let size = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
    let mut bytes = vec![0; size];
    file.read_exact_at(&mut bytes, from).map_err(disk("read", path))?;
    Ok(bytes)
}

/// The kind of the box at `at` and the first byte after it, if it is whole and small enough to be read.
fn box_at(file: &File, at: u64, length: u64, path: &Path) -> Result<Option<([u8; 4], u64)>> {
    if at.saturating_add(8) > length {
        return Ok(None);
    }
    let head = read(file, at, at + 8, path)?;
    let Some((kind, size)) = box_header(&head) else { return Ok(None) };
    let end = at.saturating_add(size);
    Ok(((8..=MAX_BOX).contains(&size) && end <= length).then_some((kind, end)))
}

fn box_header(bytes: &[u8]) -> Option<([u8; 4], u64)> {
    let (size, rest) = bytes.split_first_chunk::<4>()?;
    Some((*rest.first_chunk::<4>()?, u64::from(u32::from_be_bytes(*size))))
}

/// Bytes of a file from an offset on, read ahead.
struct Window<'a> {
    file: &'a File,
    path: &'a Path,
    start: u64,
    bytes: Vec<u8>,
    length: u64,
}

impl<'a> Window<'a> {
    fn at(file: &'a File, start: u64, length: u64, path: &'a Path) -> Result<Self> {
        let end = start.saturating_add(u64::try_from(READ_AHEAD).unwrap_or(0)).min(length);
        Ok(Self { file, path, start, bytes: read(file, start, end.max(start), path)?, length })
    }

    fn slice(&self, from: u64, to: u64) -> Option<&[u8]> {
        let from = usize::try_from(from.checked_sub(self.start)?).ok()?;
        let to = usize::try_from(to.checked_sub(self.start)?).ok()?;
        self.bytes.get(from..to)
    }

    fn header(&mut self, at: u64) -> Option<([u8; 4], u64)> {
        let end = at.checked_add(8).filter(|end| *end <= self.length)?;
        if self.slice(at, end).is_none() {
            *self = Self::at(self.file, at, self.length, self.path).ok()?;
        }
        self.slice(at, end).and_then(box_header)
    }

    fn body(&self, at: u64, end: u64) -> Result<Option<Vec<u8>>> {
        if end - at > MAX_BOX {
            return Ok(None);
        }
        match self.slice(at, end) {
            Some(bytes) => Ok(Some(bytes.to_vec())),
            None => read(self.file, at, end, self.path).map(Some),
        }
    }
}

/// The extended type of a `uuid` box and what follows it.
fn uuid_body(bytes: &[u8]) -> Option<(Uuid, &[u8])> {
    let (id, rest) = bytes.get(8..)?.split_first_chunk::<16>()?;
    Some((Uuid::from_bytes(*id), rest))
}

fn parse_prft(bytes: &[u8]) -> Option<i64> {
    let mut cursor = Cursor(bytes.get(8..)?);
    cursor.u32()?;
    cursor.u32()?;
    cursor.u64().map(utc_us_from_ntp)
}

struct ChainFields {
    flags: u8,
    lost: u32,
    run: i64,
    number: u64,
    head: Hash,
    clocks: Vec<ClockEntry>,
}

fn parse_chain(bytes: &[u8]) -> Option<ChainFields> {
    let (id, body) = uuid_body(bytes)?;
    if id != CHAIN_BOX {
        return None;
    }
    let mut cursor = Cursor(body);
    let [version, flags] = *cursor.take::<2>()?;
    if version != 1 {
        return None;
    }
    let entries = u16::from_be_bytes(*cursor.take::<2>()?);
    let lost = cursor.u32()?;
    let run = cursor.u64()?.cast_signed();
    let number = cursor.u64()?;
    let head = *cursor.take::<32>()?;
    let mut clocks = Vec::new();
    for _ in 0..entries {
        clocks.extend(ClockEntry::read(cursor.take::<ENTRY_BYTES>()?));
    }
    Some(ChainFields { flags, lost, run, number, head, clocks })
}

/// The samples of a `moof` at file offset `at`, which must lie within `data` and fill it.
fn parse_moof(bytes: &[u8], at: u64, data: std::ops::Range<u64>) -> Option<(Vec<Sample>, Vec<Sample>)> {
    let (mut video, mut audio) = (Vec::new(), Vec::new());
    let mut filled = 0;
    for (kind, traf) in children(bytes.get(8..)?) {
        if &kind != b"traf" {
            continue;
        }
        let track = children(traf).find(|(kind, _)| kind == b"tfhd").and_then(|(_, body)| {
            let mut cursor = Cursor(body);
            cursor.u32()?;
            cursor.u32()
        })?;
        let mut dts = children(traf).find(|(kind, _)| kind == b"tfdt").and_then(|(_, body)| {
            let mut cursor = Cursor(body);
            cursor.u32()?;
            i64::try_from(cursor.u64()?).ok()
        })?;
        let samples = match track {
            VIDEO_TRACK => &mut video,
            AUDIO_TRACK => &mut audio,
            _ => return None,
        };
        let (_, trun) = children(traf).find(|(kind, _)| kind == b"trun")?;
        let mut cursor = Cursor(trun);
        let flags = cursor.u32()? & 0x00ff_ffff;
        let count = cursor.u32()?;
        let mut offset = at.checked_add(u64::from(cursor.u32()?))?;
        for _ in 0..count {
            let duration = cursor.u32()?;
            let size = cursor.u32()?;
            let key = if flags & 0x400 == 0 { true } else { cursor.u32()? & 0x0001_0000 == 0 };
            let composition = if flags & 0x800 == 0 { 0 } else { i64::from(cursor.u32()?.cast_signed()) };
            let end = offset.checked_add(u64::from(size))?;
            if offset < data.start || end > data.end {
                return None;
            }
            samples.push(Sample { dts, pts: dts.checked_add(composition)?, duration, size, offset, key });
            dts = dts.checked_add(i64::from(duration))?;
            offset = end;
            filled += u64::from(size);
        }
    }
    (filled == data.end - data.start && !video.is_empty()).then_some((video, audio))
}

/// The tracks of a `moov` that `init` ends with: the first video and the first sound track.
fn tracks(init: &[u8]) -> Option<(Track, Option<Track>)> {
    let moov = children(init).find(|(kind, _)| kind == b"moov")?.1;
    let (mut video, mut audio) = (None, None);
    for (kind, trak) in children(moov) {
        if &kind != b"trak" {
            continue;
        }
        let mdia = children(trak).find(|(kind, _)| kind == b"mdia")?.1;
        let part = |parent, name: &[u8; 4]| children(parent).find(|(kind, _)| kind == name).map(|(_, body)| body);
        let timescale = part(mdia, b"mdhd").and_then(|body| {
            let mut cursor = Cursor(body.get(20..)?);
            cursor.u32()
        })?;
        let stsd = part(part(part(mdia, b"minf")?, b"stbl")?, b"stsd")?;
        let entries = stsd.get(8..)?;
        let (_, size) = box_header(entries)?;
        let entry = entries.get(..usize::try_from(size).ok()?)?;
        let track = Track { timescale, sample_entry: Bytes::copy_from_slice(entry) };
        match part(mdia, b"hdlr").and_then(|body| body.get(8..12)) {
            Some(b"vide") => video = video.or(Some(track)),
            Some(b"soun") => audio = audio.or(Some(track)),
            _ => {}
        }
    }
    Some((video?, audio))
}

/// The boxes that follow each other in some bytes; it ends at the first that is not whole.
fn children(mut bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (kind, size) = box_header(bytes)?;
        let size = usize::try_from(size).ok().filter(|size| *size >= 8)?;
        let body = bytes.get(8..size)?;
        bytes = bytes.get(size..)?;
        Some((kind, body))
    })
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(|bytes| u32::from_be_bytes(*bytes))
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(|bytes| u64::from_be_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::super::chain::{Chain, GENESIS};
    use super::super::fragment::{Position, Surroundings, build};
    use super::super::testing;
    use super::*;
    use tillsight_schemas::time_map::TimeMap;

    /// A segment of three fragments, as bytes.
    fn segment() -> Vec<u8> {
        let start = testing::start(7);
        let header = Header {
            v: super::super::document::HEADER_VERSION.to_owned(),
            stream: testing::key().to_string(),
            run: 7,
            segment: 0,
            first_fragment: 0,
            first_pts: 0,
            start_us: 7,
            prev_head: super::super::chain::hex(&GENESIS),
            prev_manifest: None,
            prev_end_us: None,
            gap: None,
            map: start.piece.clone(),
            codec: "avc1.42C01E".to_owned(),
            width: 640,
            height: 360,
            audio_codec: None,
        };
        let mut bytes = super::super::boxes::init(7, &testing::format(), None);
        let json = super::super::document::canonical(&header).unwrap();
        super::super::boxes::extended(&mut bytes, HEADER_BOX, |out| out.extend_from_slice(json.as_bytes()));
        let mut chain = Chain::begin(testing::key().to_string(), 7, GENESIS);
        let mut position = Position::default();
        let map = TimeMap::new(vec![start.piece.clone()]);
        let clocks = [ClockEntry::Piece(start.piece)];
        for (sequence, first) in (1..).zip([0, 10, 20]) {
            let units: Vec<_> = (first..first + 10).map(|n| testing::unit(7, n * 9_000, n == 0)).collect();
            let around = Surroundings { sequence, next_pts: Some((first + 10) * 9_000), map: &map, clocks: &clocks };
            bytes.extend(build(&mut chain, &mut position, 7, &units, &[], &around).bytes);
        }
        bytes
    }

    fn read_all(bytes: &[u8]) -> Option<usize> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let segment = SegmentFile::open(file.path()).ok()?;
        Some(segment.fragments(segment.media_start).unwrap().0.len())
    }

    #[test]
    fn a_prefix_of_any_length_reads_as_its_whole_fragments() {
        let bytes = segment();
        let mut before = None;
        for length in (0..=bytes.len()).step_by(7).chain([bytes.len()]) {
            let read = read_all(&bytes[..length]);
            assert!(read >= before, "{length}");
            before = read;
        }
        assert_eq!(before, Some(3));
    }

    proptest::proptest! {
        #[test]
        fn damaged_bytes_are_never_more_than_damage(at in 0_usize..4_000, value: u8, length in 1_usize..9) {
            let mut bytes = segment();
            let at = at % bytes.len();
            for byte in bytes.iter_mut().skip(at).take(length) {
                *byte ^= value;
            }
            read_all(&bytes);
        }
    }
}
