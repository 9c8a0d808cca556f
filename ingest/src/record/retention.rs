//! [`Retention`]: what may be deleted, and in which order: the oldest first, held video never, nothing that a rule may
//! still have to look at.
//!
//! A file is deleted in three steps, each of which may be the last before a crash: its row becomes `deleted` and its
//! path garbage, in one transaction; the file is unlinked and its folder synced; the garbage row goes. The chain head
//! and the roots stay in the row for ever.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::Row as _;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::metric;
use tillsight_schemas::segment::StreamKey;

use super::error::{Error, Result, disk, index};
use super::hold::{COVERS, STANDS};
use super::index::Index;
use super::segment::{manifest_path, sync_folder};

/// How many segments one pass deletes at most.
const BATCH: usize = 256;

/// What is to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RetentionPolicy {
    /// How old video may become; `None`: as old as there is room.
    pub max_age: Option<TimeDelta>,
    /// The same for streams that differ.
    pub stream_max_age: BTreeMap<StreamKey, TimeDelta>,
    /// How many bytes of video the volume may hold.
    pub max_bytes: Option<u64>,
    /// How many bytes must stay free on the disk.
    pub min_free_bytes: Option<u64>,
}

/// What a pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetentionReport {
    /// Segments deleted because of their age.
    pub by_age: u64,
    /// Segments deleted to make room.
    pub by_bytes: u64,
    /// Bytes that were freed.
    pub freed: u64,
    /// Bytes that should have been freed and could not, since what is left is held, too new, or being written.
    pub over: u64,
}

/// Deletes what has been kept long enough.
#[derive(Debug, Clone)]
pub struct Retention {
    volume: PathBuf,
    index: Index,
    policy: RetentionPolicy,
}

struct Candidate {
    id: i64,
    path: PathBuf,
    bytes: u64,
    by_age: bool,
}

impl Retention {
    /// Applies a policy to a volume.
    pub fn new(volume: &Path, index: Index, policy: RetentionPolicy) -> Self {
        Self { volume: volume.to_owned(), index, policy }
    }

    /// One pass: deletes what is too old, and the oldest of the rest while there is too much. Nothing that ends after
    /// its store's evaluation floor (`floor`: the oldest instant a rule may still ask about) is touched.
    ///
    /// # Errors
    /// [`Error::Index`], [`Error::Disk`].
    pub async fn pass(
        &self,
        now: DateTime<Utc>,
        floor: impl Fn(&StoreKey) -> DateTime<Utc>,
    ) -> Result<RetentionReport> {
        self.sweep().await?;
        let mut report = RetentionReport::default();
        let mut over = self.over().await?;
        let candidates = self.candidates(now, &floor, over).await?;
        for candidate in &candidates {
            over = over.saturating_sub(candidate.bytes);
            report.freed += candidate.bytes;
            let (count, reason) =
                if candidate.by_age { (&mut report.by_age, "age") } else { (&mut report.by_bytes, "bytes") };
            *count += 1;
            metrics::counter!(metric::RETENTION_DELETED, "reason" => reason).increment(1);
        }
        self.discard(&candidates, now).await?;
        self.sweep().await?;
        report.over = over;
        #[expect(clippy::cast_precision_loss, reason = "a metric")]
        metrics::gauge!(metric::RETENTION_OVER_BYTES, "volume" => self.volume.display().to_string()).set(over as f64);
        if over > 0 && candidates.len() < BATCH {
            tracing::error!(volume = %self.volume.display(), over, "the volume is too full, and nothing may be deleted");
        }
        Ok(report)
    }

    /// How many bytes are too many.
    async fn over(&self) -> Result<u64> {
        let used: i64 = sqlx::query_scalar("SELECT coalesce(sum(bytes), 0) FROM segment WHERE state <> 'deleted'")
            .fetch_one(self.index.pool())
            .await
            .map_err(index("sum what is recorded"))?;
        let used = u64::try_from(used).unwrap_or(0);
        let by_bytes = self.policy.max_bytes.map_or(0, |most| used.saturating_sub(most));
        let Some(least) = self.policy.min_free_bytes else { return Ok(by_bytes) };
        let stat = rustix::fs::statvfs(&self.volume)
            .map_err(|error| disk("ask for the free space of", &self.volume)(error.into()))?;
        Ok(by_bytes.max(least.saturating_sub(stat.f_bavail.saturating_mul(stat.f_frsize))))
    }

    async fn candidates(
        &self,
        now: DateTime<Utc>,
        floor: &impl Fn(&StoreKey) -> DateTime<Utc>,
        mut over: u64,
    ) -> Result<Vec<Candidate>> {
        let action = "look for old segments";
        // The last segment of a stream carries its chain on, so it stays.
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT g.id, g.path, g.bytes, g.end_us, s.name FROM segment g JOIN stream s ON s.id = g.stream
             WHERE g.state IN ('closed', 'recovered')
             AND NOT EXISTS (SELECT 1 FROM hold h WHERE {STANDS} AND {COVERS})
             AND EXISTS (SELECT 1 FROM segment n WHERE n.stream = g.stream AND (n.run, n.seq) > (g.run, g.seq))
             ORDER BY g.start_us LIMIT ?2"
        )))
        .bind(now.timestamp_micros())
        .bind(i64::try_from(BATCH * 4).unwrap_or(i64::MAX))
        .fetch_all(self.index.pool())
        .await
        .map_err(index(action))?;
        let mut found = Vec::new();
        for row in rows {
            let get = || -> sqlx::Result<(i64, String, i64, i64, String)> {
                Ok((
                    row.try_get("id")?,
                    row.try_get("path")?,
                    row.try_get("bytes")?,
                    row.try_get("end_us")?,
                    row.try_get("name")?,
                ))
            };
            let (id, path, bytes, end_us, name) = get().map_err(index(action))?;
            let Ok(key) = name.parse::<StreamKey>() else { continue };
            if end_us > floor(&key.store_key()).timestamp_micros() {
                continue;
            }
            let max_age = self.policy.stream_max_age.get(&key).copied().or(self.policy.max_age);
            let by_age = max_age.is_some_and(|age| end_us < (now - age).timestamp_micros());
            if !by_age && over == 0 {
                continue;
            }
            let bytes = u64::try_from(bytes).unwrap_or(0);
            over = over.saturating_sub(bytes);
            found.push(Candidate { id, path: PathBuf::from(path), bytes, by_age });
            if found.len() == BATCH {
                break;
            }
        }
        Ok(found)
    }

    async fn discard(&self, candidates: &[Candidate], now: DateTime<Utc>) -> Result<()> {
        let action = "give segments up";
        let mut tx = self.index.pool().begin().await.map_err(index(action))?;
        for candidate in candidates {
            sqlx::query("UPDATE segment SET state = 'deleted', unsent = 1 WHERE id = ?")
                .bind(candidate.id)
                .execute(&mut *tx)
                .await
                .map_err(index(action))?;
            sqlx::query("INSERT INTO garbage (path, since_us) VALUES (?, ?) ON CONFLICT DO NOTHING")
                .bind(candidate.path.to_string_lossy())
                .bind(now.timestamp_micros())
                .execute(&mut *tx)
                .await
                .map_err(index(action))?;
        }
        tx.commit().await.map_err(index(action))
    }

    /// Deletes the files of the garbage table. A pass does so before and after its work.
    ///
    /// # Errors
    /// [`Error::Index`], [`Error::Disk`].
    pub async fn sweep(&self) -> Result<()> {
        let action = "empty the garbage table";
        let rows: Vec<(String,)> =
            sqlx::query_as("SELECT path FROM garbage").fetch_all(self.index.pool()).await.map_err(index(action))?;
        if rows.is_empty() {
            return Ok(());
        }
        let volume = self.volume.clone();
        let paths: Vec<PathBuf> = rows.iter().map(|(path,)| PathBuf::from(path)).collect();
        tokio::task::spawn_blocking(move || unlink(&volume, &paths)).await.map_err(|_| Error::Stopped)??;
        let mut tx = self.index.pool().begin().await.map_err(index(action))?;
        for (path,) in rows {
            sqlx::query("DELETE FROM garbage WHERE path = ?")
                .bind(path)
                .execute(&mut *tx)
                .await
                .map_err(index(action))?;
        }
        tx.commit().await.map_err(index(action))
    }
}

fn unlink(volume: &Path, paths: &[PathBuf]) -> Result<()> {
    let mut folders = std::collections::BTreeSet::new();
    for path in paths {
        let path = volume.join(path);
        for file in [path.clone(), manifest_path(&path), path.with_extension("cut")] {
            match std::fs::remove_file(&file) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(disk("delete", &file)(error)),
            }
        }
        folders.extend(path.parent().map(Path::to_owned));
    }
    for folder in folders {
        match std::fs::remove_dir(&folder) {
            // The day is empty now; its name is gone with the next sync of the folder above.
            Ok(()) => sync_folder(folder.parent().unwrap_or(volume))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(_) => sync_folder(&folder)?,
        }
    }
    Ok(())
}
