//! What a recorder does with the files it finds: after a crash, and when the index is made again.
//!
//! A file that was closed says everything in its manifest. Any other is read fragment by fragment as far as its hash
//! chain holds, cut there, closed and sealed as `recovered`; a file without one whole fragment is deleted. Afterwards
//! the time after the last picture is a declared gap.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tillsight_schemas::segment::{GapReason, SegmentState, StreamKey};
use tillsight_schemas::time_map::{TimeMap, TimeMapPiece};

use super::boxes;
use super::chain::{Chain, GENESIS, Hash, sha256, unhex};
use super::clock_entry::ClockEntry;
use super::document::{Header, Manifest};
use super::error::{Error, Result, disk};
use super::index::Index;
use super::parse::{FragmentIndex, SegmentFile};
use super::rows::{Change, GapRow, SegmentRow, instant};
use super::segment::{GopTree, manifest_path, seal, sync_folder};

/// What was found in a file.
#[derive(Debug, Clone)]
pub struct Recovered {
    /// What the file says about itself.
    pub header: Header,
    /// Its row.
    pub row: SegmentRow,
    /// The pieces of the run's time map that it knows.
    pub pieces: Vec<TimeMapPiece>,
    /// Bytes that were cut off.
    pub cut: u64,
}

/// What was done to a stream when it was taken up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Segments that were open and are closed now.
    pub recovered: u64,
    /// Closed segments that the index did not know.
    pub adopted: u64,
    /// Files without a whole fragment, which were deleted.
    pub empty: u64,
    /// Rows without a file, which were removed.
    pub missing: u64,
    /// Bytes that were cut off.
    pub cut_bytes: u64,
}

/// Brings files and index of a stream into agreement: `all` looks at every file, otherwise only at those that a crash
/// can have left. To be called before the stream is written to.
///
/// # Errors
/// [`Error::Disk`], [`Error::Index`].
pub async fn recover_stream(
    index: &Index,
    volume: &Path,
    key: &StreamKey,
    stream: i64,
    all: bool,
    now_us: i64,
) -> Result<Recovery> {
    let mut report = Recovery::default();
    let mut point = index.resume_point(stream).await?;
    let open = index.open_segments(stream).await?;
    let since = open.first().map(|row| row.start_us).or(point.end_us).filter(|_| !all);
    let known: BTreeSet<PathBuf> = known_paths(index, stream).await?;
    let open_paths: BTreeSet<PathBuf> = open.iter().map(|row| row.path.clone()).collect();
    let mut found = BTreeMap::new();
    let mut changes = Vec::new();
    for path in segment_files(volume, key, since)? {
        if known.contains(&path) && !open_paths.contains(&path) {
            continue;
        }
        let map = match run_of(&path) {
            Some(run) => index.time_map(stream, run).await?,
            None => TimeMap::default(),
        };
        let was_open = open_paths.contains(&path);
        let (volume, name) = (volume.to_owned(), path.clone());
        let work = tokio::task::spawn_blocking(move || recover_file(&volume, &name, &map));
        match work.await.map_err(|_| Error::Stopped)?? {
            Some(file) => {
                if file.row.state == SegmentState::Recovered {
                    report.recovered += 1;
                } else {
                    report.adopted += 1;
                }
                report.cut_bytes += file.cut;
                found.insert((file.row.run, file.row.seq), (file, was_open));
            }
            None => report.empty += 1,
        }
    }
    for row in open {
        if !found.contains_key(&(row.run, row.seq)) {
            report.missing += 1;
            index.forget(stream, row.run, row.seq).await?;
        }
    }
    if report.missing > 0 {
        point = index.resume_point(stream).await?;
    }
    let mut covered_until = point.end_us.max(index.last_gap_end(stream).await?);
    for ((run, _), (file, was_open)) in found {
        for piece in file.pieces {
            changes.push((stream, Change::Piece(run, piece)));
        }
        if let Some(gap) = point.gap.take() {
            // The row of the gap's end did not make it to the index.
            if file.row.start_us > gap.start_us {
                changes.push((stream, Change::Gap(GapRow { end_us: Some(file.row.start_us), ..gap })));
            } else {
                changes.push((stream, Change::NoGap(gap.run, gap.seq)));
            }
        } else if let (Some(reason), Some(end), false) = (file.header.gap, file.header.prev_end_us, was_open)
            && end < file.row.start_us
        {
            let row =
                GapRow { run: point.run, seq: point.gaps, start_us: end, end_us: Some(file.row.start_us), reason };
            changes.push((stream, Change::Gap(row)));
            point.gaps += 1;
        }
        if point.run != run {
            point.gaps = 0;
        }
        point.run = run;
        covered_until =
            Some(if was_open { file.row.end_us } else { covered_until.unwrap_or(i64::MIN).max(file.row.end_us) });
        changes.push((stream, Change::Segment(Box::new(file.row))));
    }
    if point.gap.is_none()
        && let Some(start_us) = covered_until
    {
        let reason = if all { GapReason::Unknown } else { GapReason::Crash };
        let gap = GapRow { run: point.run, seq: point.gaps, start_us: start_us.min(now_us), end_us: None, reason };
        changes.push((stream, Change::Gap(gap)));
    }
    index.commit(&changes).await?;
    if report != Recovery::default() {
        tracing::info!(stream = %key, ?report, "recovered a stream");
    }
    Ok(report)
}

async fn known_paths(index: &Index, stream: i64) -> Result<BTreeSet<PathBuf>> {
    let rows: Vec<(String,)> = sqlx::query_as("SELECT path FROM segment WHERE stream = ?")
        .bind(stream)
        .fetch_all(index.pool())
        .await
        .map_err(super::error::index("list the files"))?;
    Ok(rows.into_iter().map(|(path,)| PathBuf::from(path)).collect())
}

fn run_of(path: &Path) -> Option<i64> {
    path.file_stem()?.to_str()?.split('-').nth(1)?.parse().ok()
}

/// The segment files of a stream, relative to the volume, in order of their names; from the day before `since` on.
///
/// # Errors
/// [`Error::Disk`].
pub fn segment_files(volume: &Path, key: &StreamKey, since: Option<i64>) -> Result<Vec<PathBuf>> {
    let folder = PathBuf::from(key.to_string());
    let root = volume.join(&folder);
    if !root.try_exists().map_err(disk("look for", &root))? {
        return Ok(Vec::new());
    }
    let first = since.map(|us| (instant(us) - chrono::TimeDelta::days(1)).format("%Y-%m-%d").to_string());
    let mut files = Vec::new();
    for day in names(&root)? {
        if first.as_ref().is_some_and(|first| day < *first) {
            continue;
        }
        files.extend(
            names(&root.join(&day))?
                .into_iter()
                .filter(|name| Path::new(name).extension().is_some_and(|suffix| suffix == "mp4"))
                .map(|name| folder.join(&day).join(name)),
        );
    }
    Ok(files)
}

/// The names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(disk("list", folder))? {
        let entry = entry.map_err(disk("list", folder))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort_unstable();
    Ok(names)
}

/// Reads a file as far as it is good and closes it there; `None` when there is no whole fragment in it, and then the
/// file is gone.
///
/// # Errors
/// [`Error::Disk`], [`Error::Document`].
pub fn recover_file(volume: &Path, relative: &Path, known: &TimeMap) -> Result<Option<Recovered>> {
    let path = volume.join(relative);
    if let Some(closed) = from_manifest(&path, relative)? {
        return Ok(Some(closed));
    }
    let segment = match SegmentFile::open(&path) {
        Ok(segment) => segment,
        Err(Error::Damaged { .. } | Error::Document { .. }) => return remove(&path),
        Err(error) => return Err(error),
    };
    let (fragments, end, closed) = segment.fragments(segment.media_start)?;
    let length = segment.length()?;
    let verified = verify(&segment, &fragments)?;
    let good = fragments.get(..verified.len()).unwrap_or_default();
    let (Some(first), Some(last)) = (good.first(), good.last()) else { return remove(&path) };

    let whole = good.len() == fragments.len();
    if !whole {
        keep_aside(&segment, last.end, length)?;
    }
    let table_follows = whole && closed && end == last.end;
    let header = segment.header.clone();
    let mut pieces: Vec<TimeMapPiece> = vec![header.map.clone()];
    let mut clocks = Vec::new();
    for entry in good.iter().flat_map(|fragment| &fragment.clocks) {
        match entry {
            ClockEntry::Piece(piece) => pieces.push(piece.clone()),
            ClockEntry::Reading(_) => clocks.push(entry.clone()),
        }
    }
    let map = TimeMap::new(known.pieces().iter().cloned().chain(pieces.iter().cloned()).collect());
    let mut gops = GopTree::default();
    for (fragment, units) in good.iter().zip(&verified) {
        gops.add(fragment.key, fragment.start(), units);
    }
    drop(segment.file);

    let (bytes, hash) = if table_follows { hash_file(&path)? } else { close_file(&path, good)? };
    let count = |items: usize| i64::try_from(items).unwrap_or(i64::MAX);
    let mut row = SegmentRow {
        run: header.run,
        seq: header.segment,
        path: relative.to_owned(),
        state: if table_follows { SegmentState::Closed } else { SegmentState::Recovered },
        start_us: header.start_us,
        end_us: header.start_us,
        start_pts: header.first_pts.min(first.start()),
        end_pts: last.video_end(),
        bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
        frames: count(good.iter().map(|fragment| fragment.video.len()).sum()),
        fragments: count(good.len()),
        lost: good.iter().map(|fragment| i64::from(fragment.lost)).sum(),
        codec: header.codec.clone(),
        width: i32::try_from(header.width).unwrap_or(i32::MAX),
        height: i32::try_from(header.height).unwrap_or(i32::MAX),
        has_audio: segment.audio.is_some(),
        next_fragment: i64::try_from(last.number).unwrap_or(i64::MAX - 1) + 1,
        head: last.head,
        gop_root: None,
        manifest: None,
        map_version: 0,
        source: header.map.source,
        uncertainty_us: header.map.uncertainty_us,
    };
    row.place(&map);
    seal(volume, &header, &mut row, hash, gops, &map, &clocks)?;
    Ok(Some(Recovered { header, row, pieces, cut: length.saturating_sub(last.end) * u64::from(!table_follows) }))
}

/// The fragments whose chain holds, as the hashes of their samples.
///
/// # Errors
/// [`Error::Disk`].
pub fn verify(segment: &SegmentFile, fragments: &[FragmentIndex]) -> Result<Vec<Vec<Hash>>> {
    let header = &segment.header;
    let head = unhex(&header.prev_head).unwrap_or(GENESIS);
    let mut chain = Chain::resume(header.stream.clone(), header.run, header.first_fragment, head);
    let mut good = Vec::with_capacity(fragments.len());
    for fragment in fragments {
        let data = segment.read(fragment.offset, fragment.end)?;
        let units: Option<Vec<Hash>> = fragment
            .video
            .iter()
            .chain(&fragment.audio)
            .map(|sample| {
                let from = usize::try_from(sample.offset.checked_sub(fragment.offset)?).ok()?;
                data.get(from..from + usize::try_from(sample.size).ok()?).map(sha256)
            })
            .collect();
        let Some(units) = units else { break };
        if chain.advance(fragment.start(), &units) != (fragment.number, fragment.head) || fragment.run != header.run {
            break;
        }
        good.push(units);
    }
    Ok(good)
}

fn from_manifest(path: &Path, relative: &Path) -> Result<Option<Recovered>> {
    let beside = manifest_path(path);
    let text = match std::fs::read(&beside) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(disk("read", &beside)(error)),
    };
    let Ok(manifest) = serde_json::from_slice::<Manifest>(&text) else { return Ok(None) };
    let length = std::fs::metadata(path).map_err(disk("read the size of", path))?.len();
    if length != manifest.bytes {
        return Ok(None);
    }
    let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let header = manifest.header;
    let mut row = SegmentRow {
        run: header.run,
        seq: header.segment,
        path: relative.to_owned(),
        state: manifest.state.parse().unwrap_or(SegmentState::Recovered),
        start_us: manifest.start_us,
        end_us: manifest.end_us,
        start_pts: header.first_pts,
        end_pts: manifest.end_pts,
        bytes: signed(manifest.bytes),
        frames: signed(manifest.frames),
        fragments: signed(manifest.fragments),
        lost: signed(manifest.lost_packets),
        codec: header.codec.clone(),
        width: i32::try_from(header.width).unwrap_or(i32::MAX),
        height: i32::try_from(header.height).unwrap_or(i32::MAX),
        has_audio: header.audio_codec.is_some(),
        next_fragment: signed(header.first_fragment.saturating_add(manifest.fragments)),
        head: unhex(&manifest.head).unwrap_or(GENESIS),
        gop_root: unhex(&manifest.gop_root),
        manifest: Some(sha256(&text)),
        map_version: 0,
        source: header.map.source,
        uncertainty_us: header.map.uncertainty_us,
    };
    row.place(&TimeMap::new(manifest.map.clone()));
    let pieces = std::iter::once(header.map.clone()).chain(manifest.map).collect();
    Ok(Some(Recovered { header, row, pieces, cut: 0 }))
}

fn remove(path: &Path) -> Result<Option<Recovered>> {
    std::fs::remove_file(path).map_err(disk("delete", path))?;
    sync_folder(path.parent().unwrap_or(path))?;
    tracing::warn!(path = %path.display(), "deleted a segment without a whole fragment");
    Ok(None)
}

/// Bytes after the first fragment whose chain does not hold are kept beside the file: they may matter to somebody.
fn keep_aside(segment: &SegmentFile, from: u64, to: u64) -> Result<()> {
    let aside = segment.path.with_extension("cut");
    let bytes = segment.read(from, to)?;
    std::fs::write(&aside, bytes).map_err(disk("write", &aside))?;
    tracing::error!(path = %segment.path.display(), byte = from, "the hash chain of a segment does not hold");
    Ok(())
}

/// Cuts a file behind its last good fragment and appends the closing table.
fn close_file(path: &Path, fragments: &[FragmentIndex]) -> Result<(u64, Hash)> {
    let end = fragments.last().map_or(0, |fragment| fragment.end);
    let mut file = OpenOptions::new().append(true).open(path).map_err(disk("open", path))?;
    file.set_len(end).map_err(disk("cut", path))?;
    let keys: Vec<(u64, u64)> = fragments
        .iter()
        .filter(|fragment| fragment.key)
        .map(|fragment| (fragment.start().max(0).cast_unsigned(), fragment.moof))
        .collect();
    let mut table = Vec::new();
    boxes::mfra(&mut table, &keys);
    file.write_all(&table).map_err(disk("write", path))?;
    file.sync_all().map_err(disk("sync", path))?;
    hash_file(path)
}

/// Length and SHA-256 of a file.
///
/// # Errors
/// [`Error::Disk`].
pub fn hash_file(path: &Path) -> Result<(u64, Hash)> {
    let mut file = File::open(path).map_err(disk("open", path))?;
    let mut sha = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    let mut length = 0;
    loop {
        let read = file.read(&mut buffer).map_err(disk("read", path))?;
        if read == 0 {
            return Ok((length, sha.finalize().into()));
        }
        sha.update(buffer.get(..read).unwrap_or_default());
        length += u64::try_from(read).unwrap_or(0);
    }
}
