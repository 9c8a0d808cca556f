//! [`Holds`]: video that retention must leave alone.
//!
//! Holds arrive on `lp.hold.v1`, any number of times. They stand in the index and once more, appended, in
//! `holds.jsonl`, so that a lost index does not cost held video. Holds that rules place draw on a quota of the volume
//! and are refused beyond it, loudly; holds of cases and people are not.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use tillsight_schemas::hold::{Hold, HoldOwner};
use tillsight_schemas::metric;

use super::error::{Error, Result, disk, index};
use super::index::Index;

/// The name of the journal in its volume.
pub const JOURNAL: &str = "holds.jsonl";

/// The condition that a hold `h` stands at `?1`.
pub(crate) const STANDS: &str =
    "h.refused = 0 AND h.released_us IS NULL AND (h.expires_us IS NULL OR h.expires_us > ?1)";
/// The condition that a hold `h` covers a segment `g` of the stream `s`.
pub(crate) const COVERS: &str =
    "h.tenant = s.tenant AND h.store = s.store AND (h.camera IS NULL OR h.camera = s.camera)
    AND g.start_us < h.end_us AND (g.end_us > h.start_us OR g.state = 'open')";

/// The holds of a volume.
#[derive(Debug, Clone)]
pub struct Holds {
    volume: PathBuf,
    index: Index,
    quota_bytes: u64,
}

/// What became of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldOutcome {
    /// It stands; all automatic holds together keep so many bytes.
    Stands {
        /// Bytes that automatic holds keep.
        automatic_bytes: u64,
    },
    /// It stands no longer.
    Ended,
    /// It would exceed the quota of automatic holds; its video is not kept.
    Refused {
        /// Bytes that automatic holds would keep with it.
        needed: u64,
        /// What they may keep.
        quota: u64,
    },
}

impl Holds {
    /// The holds of a volume, of which automatic ones may keep `quota_bytes`.
    pub fn new(volume: &Path, index: Index, quota_bytes: u64) -> Self {
        Self { volume: volume.to_owned(), index, quota_bytes }
    }

    /// Takes in a hold as it is now: new, changed, or released. Doing so twice changes nothing.
    ///
    /// # Errors
    /// [`Error::Index`], [`Error::Disk`]. A refusal is an outcome, and is counted and logged.
    pub async fn apply(&self, hold: &Hold, now: DateTime<Utc>) -> Result<HoldOutcome> {
        let action = "write a hold";
        let document = serde_json::to_string(hold).map_err(|source| Error::Document {
            what: "hold",
            path: self.volume.clone(),
            source,
        })?;
        let same: Option<(String, bool)> = sqlx::query_as("SELECT document, refused FROM hold WHERE id = ?")
            .bind(hold.hold_id.to_string())
            .fetch_optional(self.index.pool())
            .await
            .map_err(index(action))?;
        let known = same.as_ref().is_some_and(|(known, _)| *known == document);
        if !known {
            self.journal(document.clone()).await?;
            self.write(hold, &document, false).await?;
        }
        if !hold.stands(now) {
            return Ok(HoldOutcome::Ended);
        }
        let refused_before = known && same.is_some_and(|(_, refused)| refused);
        if refused_before {
            self.write(hold, &document, false).await?;
        }
        let automatic_bytes = self.automatic_bytes(now).await?;
        if hold.is_automatic() && automatic_bytes > self.quota_bytes {
            self.write(hold, &document, true).await?;
            metrics::counter!(metric::HOLDS_REFUSED, "volume" => self.volume.display().to_string()).increment(1);
            tracing::error!(
                hold = %hold.hold_id, owner = %hold.owner_id, needed = automatic_bytes, quota = self.quota_bytes,
                "hold refused: the quota of automatic holds is used up"
            );
            return Ok(HoldOutcome::Refused { needed: automatic_bytes, quota: self.quota_bytes });
        }
        Ok(HoldOutcome::Stands { automatic_bytes })
    }

    /// The holds that stand, oldest span first.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn standing(&self, now: DateTime<Utc>) -> Result<Vec<Hold>> {
        let rows: Vec<(String,)> = sqlx::query_as(
            "SELECT h.document FROM hold h WHERE h.refused = 0 AND h.released_us IS NULL
             AND (h.expires_us IS NULL OR h.expires_us > ?1) ORDER BY h.start_us",
        )
        .bind(now.timestamp_micros())
        .fetch_all(self.index.pool())
        .await
        .map_err(index("list the holds"))?;
        Ok(rows.into_iter().filter_map(|(document,)| serde_json::from_str(&document).ok()).collect())
    }

    /// Bytes that automatic holds keep.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn automatic_bytes(&self, now: DateTime<Utc>) -> Result<u64> {
        let bytes: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
            "SELECT coalesce(sum(g.bytes), 0) FROM segment g JOIN stream s ON s.id = g.stream WHERE g.state <> 'deleted'
             AND EXISTS (SELECT 1 FROM hold h WHERE h.automatic = 1 AND {STANDS} AND {COVERS})"
        )))
        .bind(now.timestamp_micros())
        .fetch_one(self.index.pool())
        .await
        .map_err(index("sum what is held"))?;
        Ok(u64::try_from(bytes).unwrap_or(0))
    }

    /// Records how many bytes are held on whose behalf. What several hold counts for each of them.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn measure(&self, now: DateTime<Utc>) -> Result<()> {
        for owner in HoldOwner::CODES {
            let bytes: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
                "SELECT coalesce(sum(g.bytes), 0) FROM segment g JOIN stream s ON s.id = g.stream
                 WHERE g.state <> 'deleted' AND EXISTS (SELECT 1 FROM hold h
                 WHERE json_extract(h.document, '$.owner') = ?2 AND {STANDS} AND {COVERS})"
            )))
            .bind(now.timestamp_micros())
            .bind(*owner)
            .fetch_one(self.index.pool())
            .await
            .map_err(index("sum what is held"))?;
            let labels = [("volume", self.volume.display().to_string()), ("owner", (*owner).to_owned())];
            #[expect(clippy::cast_precision_loss, reason = "a metric")]
            metrics::gauge!(metric::HELD_BYTES, &labels).set(bytes as f64);
        }
        Ok(())
    }

    /// Takes in again what the journal knows: the last line of each hold counts. To be called after the index was made
    /// anew. Returns how many holds there are.
    ///
    /// # Errors
    /// [`Error::Index`], [`Error::Disk`].
    pub async fn replay(&self) -> Result<usize> {
        let path = self.volume.join(JOURNAL);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(disk("read", &path)(error)),
        };
        let mut holds = std::collections::BTreeMap::new();
        // A line that a crash cut short is no hold yet: it is sent again.
        for (line, hold) in text.lines().filter_map(|line| Some((line, serde_json::from_str::<Hold>(line).ok()?))) {
            holds.insert(hold.hold_id, (hold, line));
        }
        for (hold, line) in holds.values() {
            self.write(hold, line, false).await?;
        }
        Ok(holds.len())
    }

    async fn write(&self, hold: &Hold, document: &str, refused: bool) -> Result<()> {
        sqlx::query("INSERT OR REPLACE INTO hold VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
            .bind(hold.hold_id.to_string())
            .bind(hold.tenant.as_str())
            .bind(hold.store.as_str())
            .bind(hold.camera.as_ref().map(tillsight_schemas::id::CameraId::as_str))
            .bind(hold.start_at.timestamp_micros())
            .bind(hold.end_at.timestamp_micros())
            .bind(hold.expires_at.map(|at| at.timestamp_micros()))
            .bind(hold.released_at.map(|at| at.timestamp_micros()))
            .bind(hold.is_automatic())
            .bind(refused)
            .bind(document)
            .execute(self.index.pool())
            .await
            .map_err(index("write a hold"))?;
        Ok(())
    }

    async fn journal(&self, document: String) -> Result<()> {
        let path = self.volume.join(JOURNAL);
        let append = move || {
            let mut file =
                std::fs::OpenOptions::new().append(true).create(true).open(&path).map_err(disk("open", &path))?;
            // The line before may have been cut short by a crash.
            file.write_all(format!("\n{document}\n").as_bytes()).map_err(disk("write", &path))?;
            file.sync_all().map_err(disk("sync", &path))
        };
        tokio::task::spawn_blocking(append).await.map_err(|_| Error::Stopped)?
    }
}
