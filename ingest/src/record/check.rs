//! Whether files, index and chains agree ([`check`]), and how to make the index again from the files ([`rebuild`]).

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use tillsight_schemas::TimeSpan;
use tillsight_schemas::segment::{SegmentState, StreamKey};

use super::chain::{hex, sha256};
use super::coverage::coverage;
use super::document::Manifest;
use super::error::{Error, Result, disk};
use super::hold::Holds;
use super::index::{FILE, Index};
use super::parse::SegmentFile;
use super::recover::{Recovery, hash_file, names, recover_stream, segment_files, verify};
use super::rows::{SegmentRow, instant};
use super::segment::manifest_path;
use super::volume::Volume;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckReport {
    /// Streams.
    pub streams: u64,
    /// Segments that have a file.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is wrong, with the file or stream it is wrong with.
    pub problems: Vec<(String, String)>,
}

/// Compares a volume with its index: each row with its file and manifest, each manifest and chain head with those
/// before, recorded time and gaps with the schedule. A `deep` check also reads every byte and hashes it again.
///
/// # Errors
/// [`Error::Index`], [`Error::Disk`] when the volume cannot be read at all; what is wrong in it is in the report.
pub async fn check(volume: &Path, index: &Index, deep: bool, now: DateTime<Utc>) -> Result<CheckReport> {
    let mut report = CheckReport::default();
    let always = TimeSpan::new(instant(0), now.max(instant(1))).map_err(|_| Error::Stopped)?;
    for stream in index.streams().await? {
        report.streams += 1;
        let rows = index.all_segments(stream.id).await?;
        let files = segment_files(volume, &stream.key, None)?;
        for path in &files {
            if !rows.iter().any(|row| row.path == *path && row.state != SegmentState::Deleted) {
                report.problems.push((path.display().to_string(), "the index does not know this file".to_owned()));
            }
        }
        let mut before: Option<SegmentRow> = None;
        for row in rows {
            if row.state != SegmentState::Deleted {
                report.segments += 1;
                report.bytes += u64::try_from(row.bytes).unwrap_or(0);
                let (volume, own, before) = (volume.to_owned(), row.clone(), before.clone());
                let work = move || check_segment(&volume, &own, before.as_ref(), deep);
                let found = tokio::task::spawn_blocking(work).await.map_err(|_| Error::Stopped)?;
                let name = row.path.display().to_string();
                match found {
                    Ok(found) => report.problems.extend(found.into_iter().map(|what| (name.clone(), what))),
                    Err(error) => report.problems.push((name, tillsight_schemas::error::chain(&error))),
                }
            }
            before = Some(row);
        }
        let covered = coverage(index, &stream.key, always, now).await?;
        if covered.unexplained_us != 0 {
            let what = format!("{} µs are neither recorded nor declared as gaps", covered.unexplained_us);
            report.problems.push((stream.key.to_string(), what));
        }
    }
    Ok(report)
}

fn check_segment(volume: &Path, row: &SegmentRow, before: Option<&SegmentRow>, deep: bool) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let path = volume.join(&row.path);
    let segment = SegmentFile::open(&path)?;
    let (fragments, end, closed) = segment.fragments(segment.media_start)?;
    let mut say = |holds: bool, what: &str| {
        if !holds {
            wrong.push(what.to_owned());
        }
    };
    if let Some(before) = before {
        say(segment.header.prev_head == hex(&before.head), "it does not commit to the chain head before it");
        if let Some(manifest) = before.manifest {
            say(segment.header.prev_manifest == Some(hex(&manifest)), "it does not name the manifest before it");
        }
    }
    if row.state == SegmentState::Open {
        return Ok(wrong);
    }
    let length = segment.length()?;
    say(i64::try_from(length).ok() == Some(row.bytes), "its length differs from its row");
    say(closed, "its closing table is missing");
    say(i64::try_from(fragments.len()).ok() == Some(row.fragments), "a fragment is damaged");
    say(end <= length, "it ends within a fragment");
    say(fragments.last().is_some_and(|last| last.head == row.head), "its last chain head differs from its row");
    let text = std::fs::read(manifest_path(&path)).map_err(disk("read the manifest of", &path))?;
    say(row.manifest == Some(sha256(&text)), "its manifest differs from its row");
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|source| Error::Document {
        what: "manifest",
        path: path.clone(),
        source,
    })?;
    say(manifest.head == hex(&row.head), "its manifest names another chain head");
    if deep {
        let (_, hash) = hash_file(&path)?;
        say(manifest.file_sha256 == hex(&hash), "its bytes differ from its manifest");
        let good = verify(&segment, &fragments)?.len();
        say(good == fragments.len(), "its hash chain does not hold");
    }
    Ok(wrong)
}

/// What a rebuild did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RebuildReport {
    /// Streams found.
    pub streams: u64,
    /// Segments found.
    pub segments: u64,
    /// Holds taken from the journal.
    pub holds: usize,
    /// Where the index before was put, if there was one.
    pub put_aside: Option<PathBuf>,
}

/// Makes the index of a volume again from its files; nobody may record meanwhile. Gaps are those that the files
/// declare. The index that was there is put aside.
///
/// # Errors
/// [`Error::Volume`] when a recorder runs, [`Error::Index`], [`Error::Disk`].
pub async fn rebuild(volume: &Path, now: DateTime<Utc>) -> Result<RebuildReport> {
    let mut report = RebuildReport::default();
    let old = volume.join(FILE);
    let _locked = if old.try_exists().map_err(disk("look for", &old))? {
        let locked = Volume::open(volume)?;
        let aside = volume.join(format!("{FILE}.{}", now.format("%Y%m%dT%H%M%SZ")));
        for suffix in ["", "-wal", "-shm"] {
            let from = PathBuf::from(format!("{}{suffix}", old.display()));
            let to = PathBuf::from(format!("{}{suffix}", aside.display()));
            match std::fs::rename(&from, &to) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(disk("put aside", &from)(error)),
            }
        }
        report.put_aside = Some(aside);
        locked
    } else {
        Volume::open(volume)?
    };
    let index = Index::open(volume).await?;
    for key in streams_on_disk(volume)? {
        let files = segment_files(volume, &key, None)?;
        let Some(first) = files.first() else { continue };
        report.streams += 1;
        report.segments += u64::try_from(files.len()).unwrap_or(0);
        let start_us = match SegmentFile::open(&volume.join(first)) {
            Ok(segment) => segment.header.start_us,
            Err(_) => now.timestamp_micros(),
        };
        let stream = index.schedule(&key, start_us).await?;
        let Recovery { .. } = recover_stream(&index, volume, &key, stream, true, now.timestamp_micros()).await?;
        // The time map may place the first picture elsewhere than was thought when its file was opened.
        index.begin_schedule_with_first_segment(stream).await?;
    }
    report.holds = Holds::new(volume, index.clone(), 0).replay().await?;
    index.close().await;
    Ok(report)
}

fn streams_on_disk(volume: &Path) -> Result<Vec<StreamKey>> {
    fn folders(parent: &Path) -> Result<Vec<String>> {
        Ok(names(parent)?.into_iter().filter(|name| parent.join(name).is_dir()).collect())
    }
    let mut keys = Vec::new();
    for tenant in folders(volume)? {
        for store in folders(&volume.join(&tenant))? {
            for camera in folders(&volume.join(&tenant).join(&store))? {
                for kind in folders(&volume.join(&tenant).join(&store).join(&camera))? {
                    keys.extend(format!("{tenant}/{store}/{camera}/{kind}").parse::<StreamKey>());
                }
            }
        }
    }
    Ok(keys)
}
