//! [`OpenSegment`]: the file that a stream is being written to. Bytes are appended, never changed.
//!
//! Order of closing: closing table, `fdatasync` of the file, manifest with its own `fdatasync`, `fsync` of the folder;
//! the row in the index comes after all of them.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tillsight_schemas::segment::SegmentState;
use tillsight_schemas::time_map::TimeMap;

use super::boxes::{self, HEADER_BOX};
use super::chain::{Hash, hex, merkle_root, sha256};
use super::clock_entry::ClockEntry;
use super::document::{Gop, Header, MANIFEST_VERSION, Manifest, Reading, canonical};
use super::error::{Error, Result, disk};
use super::fragment::Fragment;
use super::rows::{SegmentRow, instant};
use crate::rtsp::{AudioFormat, VideoFormat};

/// The suffix that a manifest has in place of `.mp4`.
pub const MANIFEST_SUFFIX: &str = "manifest.json";

/// A segment that is being written.
#[derive(Debug)]
pub struct OpenSegment {
    volume: PathBuf,
    file: File,
    header: Header,
    sha: Sha256,
    row: SegmentRow,
    gops: GopTree,
    keys: Vec<(u64, u64)>,
    clocks: Vec<ClockEntry>,
    dirty: bool,
    fresh: bool,
}

impl OpenSegment {
    /// Creates the file of a segment, with its initialisation part and header.
    ///
    /// # Errors
    /// [`Error::Disk`], [`Error::Document`].
    pub fn create(volume: &Path, header: Header, video: &VideoFormat, audio: Option<&AudioFormat>) -> Result<Self> {
        let relative = file_name(&header);
        let path = volume.join(&relative);
        create_folders(volume, path.parent().unwrap_or(volume))?;
        let mut bytes = boxes::init(header.start_us, video, audio);
        let json =
            canonical(&header).map_err(|source| Error::Document { what: "header", path: path.clone(), source })?;
        boxes::extended(&mut bytes, HEADER_BOX, |out| out.extend_from_slice(json.as_bytes()));
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(disk("create", &path))?;
        if let Err(source) = file.write_all(&bytes) {
            // Nothing was recorded in it yet, so the name may be used again.
            if let Err(error) = std::fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "cannot remove an empty segment");
            }
            return Err(disk("write", &path)(source));
        }
        let mut sha = Sha256::new();
        sha.update(&bytes);
        let row = SegmentRow {
            run: header.run,
            seq: header.segment,
            path: relative,
            state: SegmentState::Open,
            start_us: header.start_us,
            end_us: header.start_us,
            start_pts: header.first_pts,
            end_pts: header.first_pts,
            bytes: signed(bytes.len()),
            frames: 0,
            fragments: 0,
            lost: 0,
            codec: header.codec.clone(),
            width: i32::try_from(header.width).unwrap_or(i32::MAX),
            height: i32::try_from(header.height).unwrap_or(i32::MAX),
            has_audio: audio.is_some(),
            next_fragment: i64::try_from(header.first_fragment).unwrap_or(i64::MAX),
            head: super::chain::unhex(&header.prev_head).unwrap_or(super::chain::GENESIS),
            gop_root: None,
            manifest: None,
            map_version: header.map.version,
            source: header.map.source,
            uncertainty_us: header.map.uncertainty_us,
        };
        let volume = volume.to_owned();
        let gops = GopTree::default();
        let (keys, clocks) = (Vec::new(), Vec::new());
        Ok(Self { volume, file, header, sha, row, gops, keys, clocks, dirty: true, fresh: true })
    }

    /// Appends a fragment, whole or not at all as far as the index is concerned.
    ///
    /// # Errors
    /// [`Error::Disk`]: the file may hold a part of the fragment; call [`Self::abandon`].
    pub fn append(&mut self, fragment: &Fragment, clocks: Vec<ClockEntry>, map: &TimeMap) -> Result<()> {
        let path = self.path();
        self.file.write_all(&fragment.bytes).map_err(disk("write", &path))?;
        self.dirty = true;
        self.sha.update(&fragment.bytes);
        let offset = u64::try_from(self.row.bytes).unwrap_or(0);
        if fragment.key {
            self.keys.push((fragment.start.max(0).cast_unsigned(), offset + fragment.moof_at));
        }
        self.gops.add(fragment.key, fragment.start, &fragment.units);
        self.clocks.extend(clocks);
        self.row.bytes += signed(fragment.bytes.len());
        self.row.frames += i64::try_from(fragment.frames).unwrap_or(0);
        self.row.fragments += 1;
        self.row.lost += i64::from(fragment.lost);
        self.row.end_pts = fragment.end;
        self.row.next_fragment = i64::try_from(fragment.number).unwrap_or(i64::MAX - 1) + 1;
        self.row.head = fragment.head;
        self.row.place(map);
        Ok(())
    }

    /// The number that the next fragment has within the file, from 1.
    pub fn next_sequence(&self) -> u32 {
        u32::try_from(self.row.fragments + 1).unwrap_or(u32::MAX)
    }

    /// Its row as it is now.
    pub fn row(&self) -> &SegmentRow {
        &self.row
    }

    /// States its start and end anew by a time map.
    pub fn place(&mut self, map: &TimeMap) {
        self.row.place(map);
    }

    /// Where the file lies.
    pub fn path(&self) -> PathBuf {
        self.volume.join(&self.row.path)
    }

    /// Whether it was created since the last [`Self::sync`].
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Puts on disk what was written; returns whether there was anything.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub fn sync(&mut self) -> Result<bool> {
        if !self.dirty {
            return Ok(false);
        }
        let path = self.path();
        self.file.sync_data().map_err(disk("sync", &path))?;
        if self.fresh {
            sync_folder(path.parent().unwrap_or(&self.volume))?;
        }
        (self.dirty, self.fresh) = (false, false);
        Ok(true)
    }

    /// Closes the segment: closing table, sync, manifest, folder. Returns the row to be written to the index.
    ///
    /// # Errors
    /// [`Error::Disk`], [`Error::Document`].
    pub fn close(mut self, map: &TimeMap) -> Result<SegmentRow> {
        let mut table = Vec::new();
        boxes::mfra(&mut table, &self.keys);
        let path = self.path();
        self.file.write_all(&table).map_err(disk("write", &path))?;
        self.sha.update(&table);
        self.row.bytes += signed(table.len());
        self.file.sync_data().map_err(disk("sync", &path))?;
        self.row.place(map);
        self.row.state = SegmentState::Closed;
        let hash = self.sha.clone().finalize().into();
        let mut row = self.row;
        seal(&self.volume, &self.header, &mut row, hash, self.gops, map, &self.clocks)?;
        Ok(row)
    }

    /// Gives the file up after a failed write: cuts it back to its last whole fragment, as far as the disk lets us, and
    /// leaves the rest to the next start. Returns the row of what is good.
    pub fn abandon(self) -> SegmentRow {
        let length = u64::try_from(self.row.bytes).unwrap_or(0);
        if let Err(error) = self.file.set_len(length).and_then(|()| self.file.sync_data()) {
            tracing::warn!(path = %self.path().display(), %error, "cannot cut a segment to its last whole fragment");
        }
        self.row
    }
}

/// Groups of pictures as they come, fragment by fragment.
#[derive(Debug, Default)]
pub struct GopTree {
    done: Vec<Gop>,
    roots: Vec<Hash>,
    current: Option<(i64, Vec<Hash>)>,
}

impl GopTree {
    /// Takes in the samples of a fragment.
    pub fn add(&mut self, key: bool, start: i64, units: &[Hash]) {
        if key || self.current.is_none() {
            self.finish();
            self.current = Some((start, units.to_vec()));
        } else if let Some((_, leaves)) = &mut self.current {
            leaves.extend_from_slice(units);
        }
    }

    fn finish(&mut self) {
        if let Some((pts, leaves)) = self.current.take() {
            let root = merkle_root(&leaves);
            self.roots.push(root);
            self.done.push(Gop { pts, units: u64::try_from(leaves.len()).unwrap_or(0), root: hex(&root) });
        }
    }

    /// The groups, and the root over their roots.
    pub fn close(mut self) -> (Vec<Gop>, Hash) {
        self.finish();
        let root = merkle_root(&self.roots);
        (self.done, root)
    }
}

/// Writes the manifest of a closed or recovered segment beside it, syncs both into their folder, and completes the row.
///
/// # Errors
/// [`Error::Disk`], [`Error::Document`].
pub fn seal(
    volume: &Path,
    header: &Header,
    row: &mut SegmentRow,
    file_sha256: Hash,
    gops: GopTree,
    map: &TimeMap,
    clocks: &[ClockEntry],
) -> Result<()> {
    let path = volume.join(&row.path);
    let (gops, gop_root) = gops.close();
    // Older pieces that a later one hides for the whole segment do not matter to it.
    let in_force = map.piece(row.start_pts).map_or(0, |piece| piece.version);
    let unsigned = |value: i64| u64::try_from(value).unwrap_or(0);
    let manifest = Manifest {
        v: MANIFEST_VERSION.to_owned(),
        header: header.clone(),
        state: row.state.as_str().to_owned(),
        file: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        bytes: unsigned(row.bytes),
        file_sha256: hex(&file_sha256),
        fragments: unsigned(row.fragments),
        frames: unsigned(row.frames),
        end_pts: row.end_pts,
        start_us: row.start_us,
        end_us: row.end_us,
        head: hex(&row.head),
        gops,
        gop_root: hex(&gop_root),
        lost_packets: unsigned(row.lost),
        map: map.pieces().iter().filter(|piece| piece.version >= in_force).cloned().collect(),
        clocks: clocks
            .iter()
            .filter_map(|entry| match entry {
                ClockEntry::Reading(r) => Some(Reading {
                    source: r.source.as_str().to_owned(),
                    pts: r.pts,
                    utc_us: r.utc_us,
                    heard_us: r.heard_us,
                }),
                ClockEntry::Piece(_) => None,
            })
            .collect(),
        origin: "live".to_owned(),
    };
    let beside = manifest_path(&path);
    let json =
        canonical(&manifest).map_err(|source| Error::Document { what: "manifest", path: path.clone(), source })?;
    // A manifest without its row is left over from a crash between the two; it is made again from the same bytes.
    let mut file = File::create(&beside).map_err(disk("create", &beside))?;
    file.write_all(json.as_bytes()).map_err(disk("write", &beside))?;
    file.sync_data().map_err(disk("sync", &beside))?;
    sync_folder(path.parent().unwrap_or(volume))?;
    row.gop_root = Some(gop_root);
    row.manifest = Some(sha256(json.as_bytes()));
    Ok(())
}

/// Where the manifest of a segment lies.
pub fn manifest_path(segment: &Path) -> PathBuf {
    segment.with_extension(MANIFEST_SUFFIX)
}

/// `tenant/store/camera/kind/YYYY-MM-DD/HHMMSSZ-<run>-<segment>.mp4`, days and times in UTC.
fn file_name(header: &Header) -> PathBuf {
    let start = instant(header.start_us);
    PathBuf::from(&header.stream).join(start.format("%Y-%m-%d").to_string()).join(format!(
        "{}-{}-{:06}.mp4",
        start.format("%H%M%SZ"),
        header.run,
        header.segment
    ))
}

/// Creates the folders down to `folder` and makes each new one durable in its parent.
fn create_folders(volume: &Path, folder: &Path) -> Result<()> {
    let mut missing = Vec::new();
    let mut at = folder;
    while at != volume && !at.try_exists().map_err(disk("look for", at))? {
        missing.push(at);
        at = at.parent().unwrap_or(volume);
    }
    for folder in missing.into_iter().rev() {
        std::fs::create_dir(folder).map_err(disk("create", folder))?;
        sync_folder(folder.parent().unwrap_or(volume))?;
    }
    Ok(())
}

/// Makes the names in a folder durable.
pub fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(disk("sync the folder", folder))
}

fn signed(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
