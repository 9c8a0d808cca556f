//! One-time links: what a store says of an alert from its report, without signing in.
//!
//! A link is 32 random bytes, of which only the SHA-256 is kept, bound to a recipient, an alert and an action. Using it and
//! writing what was said is one transaction. What is said stands in the alert's history and goes to the log; it decides
//! nothing, so the alert stays open for loss prevention. Its row counts as changed, and says when the store asked to look at
//! it: that comes first in the queue.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{AnyConnection, Row};
use tillsight_schemas::port::Outgoing;
use tillsight_schemas::review::{Disposition, Review};
use tillsight_schemas::topic;
use tillsight_schemas::wire::avro;
use uuid::Uuid;

use super::epochs::{count, tell};
use super::tokens::digest;
use super::{Db, DbError, failed, random_secret};

/// How long a link holds.
pub const LINK_HOLDS: TimeDelta = TimeDelta::days(7);

const MAKE: &str =
    "INSERT INTO report_links (sha256, recipient, alert_id, action, expires_at) VALUES ($1, $2, $3, $4, $5)";
const FIND: &str = "SELECT recipient, alert_id, action, expires_at, used_at FROM report_links WHERE sha256 = $1";
const USE: &str = "UPDATE report_links SET used_at = $2 WHERE sha256 = $1 AND used_at IS NULL AND expires_at > $2";
const FORGET: &str = "DELETE FROM report_links WHERE expires_at <= $1";
const CHANGED: &str = "UPDATE alerts SET change = $2 WHERE alert_id = $1";
const ASKED: &str = "UPDATE alerts SET asked_at = $2, asked_by = $3 WHERE alert_id = $1";
/// What somebody explains he does not ask to look at any more; what others asked stays.
const EXPLAINED: &str =
    "UPDATE alerts SET asked_at = NULL, asked_by = NULL WHERE alert_id = $1 AND asked_by = $2 AND disposition IS NULL";
const SAY: &str = "INSERT INTO reviews (review_id, alert_id, reviewed_at, document) VALUES ($1, $2, $3, $4)";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] = &[MAKE, FIND, USE, FORGET, CHANGED, ASKED, EXPLAINED, SAY];

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Whose it is.
    pub recipient: String,
    /// About what.
    pub alert_id: Uuid,
    /// What it says.
    pub action: Disposition,
    /// Whether it can be used: not used yet, and not too old.
    pub holds: bool,
    /// Whether it was used.
    pub used: bool,
}

impl Db {
    /// Makes a link and returns its token, which is not kept.
    ///
    /// # Errors
    /// [`DbError::Statement`].
    pub async fn make_link(&self, recipient: &str, alert: Uuid, action: Disposition) -> Result<String, DbError> {
        let token = random_secret();
        sqlx::query(MAKE)
            .bind(digest(&token))
            .bind(recipient)
            .bind(alert.to_string())
            .bind(action.as_str())
            .bind((self.clock.now() + LINK_HOLDS).timestamp_micros())
            .execute(&self.pool)
            .await
            .map_err(failed("make a link"))?;
        Ok(token)
    }

    /// What a link is for; nothing when there is none of that token.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub async fn link(&self, token: &str) -> Result<Option<Link>, DbError> {
        let row =
            sqlx::query(FIND).bind(digest(token)).fetch_optional(&self.pool).await.map_err(failed("find a link"))?;
        let now = self.now_micros();
        row.map(|row| {
            let read = || -> Result<Link, Box<dyn std::error::Error + Send + Sync>> {
                let used = row.try_get::<Option<i64>, _>(4)?.is_some();
                Ok(Link {
                    recipient: row.try_get(0)?,
                    alert_id: row.try_get::<String, _>(1)?.parse()?,
                    action: row.try_get::<String, _>(2)?.parse()?,
                    holds: !used && row.try_get::<i64, _>(3)? > now,
                    used,
                })
            };
            read().map_err(|_| DbError::Damaged("link"))
        })
        .transpose()
    }

    /// Writes what a store says of an alert into its history.
    ///
    /// # Errors
    /// [`DbError::Statement`].
    pub async fn say(&self, said: &Review) -> Result<(), DbError> {
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        let change = count(&mut transaction, "change").await?;
        write(&mut transaction, change, said).await?;
        transaction.commit().await.map_err(failed("commit what was said"))
    }

    /// Uses a link: writes what it says into the history of its alert. `false` when it was used meanwhile or is too old.
    ///
    /// # Errors
    /// [`DbError::Statement`].
    pub async fn use_link(&self, token: &str, said: &Review) -> Result<bool, DbError> {
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        // Counting first takes SQLite's write lock.
        let change = count(&mut transaction, "change").await?;
        let used = sqlx::query(USE)
            .bind(digest(token))
            .bind(self.now_micros())
            .execute(&mut *transaction)
            .await
            .map_err(failed("use a link"))?;
        if used.rows_affected() == 0 {
            return Ok(false);
        }
        write(&mut transaction, change, said).await?;
        transaction.commit().await.map_err(failed("commit what was said"))?;
        Ok(true)
    }

    /// Forgets the links that ended before an instant.
    ///
    /// # Errors
    /// [`DbError::Statement`].
    pub async fn forget_links(&self, before: DateTime<Utc>) -> Result<(), DbError> {
        sqlx::query(FORGET)
            .bind(before.timestamp_micros())
            .execute(&self.pool)
            .await
            .map_err(failed("forget links"))?;
        Ok(())
    }
}

/// What a store says of an alert: an entry of its history, a change of its row, a record for the log.
async fn write(connection: &mut AnyConnection, change: i64, said: &Review) -> Result<(), DbError> {
    sqlx::query(CHANGED)
        .bind(said.alert_id.to_string())
        .bind(change)
        .execute(&mut *connection)
        .await
        .map_err(failed("mark an alert"))?;
    if said.disposition == Disposition::LookAtIt {
        sqlx::query(ASKED)
            .bind(said.alert_id.to_string())
            .bind(said.reviewed_at.timestamp_micros())
            .bind(&said.reviewer)
            .execute(&mut *connection)
            .await
            .map_err(failed("mark an alert"))?;
    } else {
        sqlx::query(EXPLAINED)
            .bind(said.alert_id.to_string())
            .bind(&said.reviewer)
            .execute(&mut *connection)
            .await
            .map_err(failed("mark an alert"))?;
    }
    sqlx::query(SAY)
        .bind(said.review_id.to_string())
        .bind(said.alert_id.to_string())
        .bind(said.reviewed_at.timestamp_micros())
        .bind(serde_json::to_string(said).map_err(|_| DbError::Damaged("review"))?)
        .execute(&mut *connection)
        .await
        .map_err(failed("write what was said"))?;
    let values = avro::encode(std::slice::from_ref(said)).map_err(|_| DbError::Damaged("review"))?;
    for value in values {
        let key = format!("{}/{}", said.tenant_id, said.store_id);
        tell(connection, &Outgoing { topic: topic::REVIEW.to_owned(), key, value }).await?;
    }
    Ok(())
}
