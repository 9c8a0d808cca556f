//! [`Shelf`]: back-tests as files, one each, in the folder `backtests` of the data directory: who asked for it, what, how it
//! stands, and what came out. Each is written whole and then put in its place.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tillsight_schemas::codes;
use uuid::Uuid;

use super::asked::Asked;
use super::result::{BacktestResult, BacktestSummary};

codes! {
    /// How a back-test stands.
    pub enum State {
        /// It waits for those before it.
        Queued = "queued",
        /// It is under way.
        Running = "running",
        /// It came to its end.
        Done = "done",
        /// It did not, and says why.
        Failed = "failed",
        /// Somebody did not want it any more.
        Cancelled = "cancelled",
    }
}

impl State {
    /// Whether nothing comes any more.
    pub(crate) fn is_over(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// A back-test as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Its id.
    pub(crate) id: Uuid,
    /// Who asked for it.
    pub(crate) owner: String,
    /// What was asked.
    pub(crate) asked: Asked,
    /// When.
    pub(crate) asked_at: DateTime<Utc>,
    /// How it stands.
    pub(crate) state: State,
    /// When it began.
    #[serde(default)]
    pub(crate) began_at: Option<DateTime<Utc>>,
    /// When it was over.
    #[serde(default)]
    pub(crate) ended_at: Option<DateTime<Utc>>,
    /// Why it did not come to its end, for people.
    #[serde(default)]
    pub(crate) problem: Option<String>,
    /// What came out, in five numbers.
    #[serde(default)]
    pub(crate) summary: Option<BacktestSummary>,
    /// What came out. It stays in the file: lists go without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<BacktestResult>,
}

/// The folder.
#[derive(Debug)]
pub(super) struct Shelf(PathBuf);

impl Shelf {
    /// That of a data directory.
    pub(super) fn in_dir(data: &Path) -> Self {
        Self(data.join("backtests"))
    }

    fn file(&self, id: Uuid) -> PathBuf {
        self.0.join(format!("{id}.json"))
    }

    /// All that there are, the oldest first. One that cannot be read stays where it is and is told of in the log.
    pub(super) async fn all(&self) -> std::io::Result<Vec<Kept>> {
        let mut folder = match tokio::fs::read_dir(&self.0).await {
            Ok(folder) => folder,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut all = Vec::new();
        while let Some(entry) = folder.next_entry().await? {
            let path = entry.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            match read(&path).await {
                Ok(kept) => all.push(kept),
                Err(error) => {
                    tracing::warn!(file = %path.display(), %error, "a back-test cannot be read and is left out");
                }
            }
        }
        all.sort_by_key(|kept| (kept.asked_at, kept.id));
        Ok(all)
    }

    /// One of them, if it is there.
    pub(super) async fn one(&self, id: Uuid) -> std::io::Result<Option<Kept>> {
        match read(&self.file(id)).await {
            Ok(kept) => Ok(Some(kept)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes one, in the place of what was known of it.
    pub(super) async fn put(&self, kept: &Kept) -> std::io::Result<()> {
        tokio::fs::create_dir_all(&self.0).await?;
        let file = self.file(kept.id);
        let half = file.with_extension("half");
        tokio::fs::write(&half, serde_json::to_vec(kept)?).await?;
        tokio::fs::rename(&half, &file).await
    }

    /// Forgets one.
    pub(super) async fn take_away(&self, id: Uuid) -> std::io::Result<()> {
        match tokio::fs::remove_file(self.file(id)).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

async fn read(path: &Path) -> std::io::Result<Kept> {
    Ok(serde_json::from_slice(&tokio::fs::read(path).await?)?)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::asked::tests::asked;
    use super::*;

    /// One that somebody asked for at a second of the day.
    pub(crate) fn kept(number: u32, state: State) -> Kept {
        let midnight: DateTime<Utc> = "2026-11-22T00:00:00Z".parse().unwrap();
        Kept {
            id: Uuid::from_u128(number.into()),
            owner: "ida".into(),
            asked: asked(),
            asked_at: midnight + chrono::TimeDelta::seconds(number.into()),
            state,
            began_at: None,
            ended_at: None,
            problem: None,
            summary: None,
            result: None,
        }
    }

    #[tokio::test]
    async fn what_was_kept_is_read_again_and_what_cannot_be_read_costs_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::in_dir(dir.path());
        assert!(shelf.all().await.unwrap().is_empty());
        let (one, other) = (kept(2, State::Done), kept(1, State::Queued));
        shelf.put(&one).await.unwrap();
        shelf.put(&other).await.unwrap();
        std::fs::write(dir.path().join("backtests/broken.json"), "{").unwrap();
        assert_eq!(shelf.all().await.unwrap(), [other.clone(), one.clone()]);
        assert_eq!(shelf.one(one.id).await.unwrap(), Some(one.clone()));
        shelf.take_away(one.id).await.unwrap();
        shelf.take_away(one.id).await.unwrap();
        assert_eq!(shelf.one(one.id).await.unwrap(), None);
        assert_eq!(shelf.all().await.unwrap(), [other]);
    }
}
