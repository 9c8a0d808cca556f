//! Decisions about alerts: each is a review in the alert's history, and counts among the odds of its rule.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use sqlx::{AnyConnection, Row};
use tillsight_schemas::port::Outgoing;
use tillsight_schemas::review::{Disposition, Review};
use tillsight_schemas::topic;
use tillsight_schemas::wire::avro;
use uuid::Uuid;

use super::epochs::{count, tell};
use super::standings::{self, RuleVersion};
use super::{Db, DbError, failed};

const REVIEW: &str = "INSERT INTO reviews (review_id, alert_id, reviewed_at, document) VALUES ($1, $2, $3, $4)";
const DECIDE: &str = "UPDATE alerts SET disposition = $2, reviewed_by = $3, reviewed_at = $4, change = $5 \
                      WHERE alert_id = $1 AND revision = $6";
const BEFORE: &str = "SELECT rule, disposition, revision, version FROM alerts WHERE alert_id = $1";
const COUNT_IN: &str = "INSERT INTO odds (tenant, rule, decided, confirmed) VALUES ($1, $2, $3, $4) \
                        ON CONFLICT (tenant, rule) DO UPDATE SET decided = odds.decided + excluded.decided, \
                        confirmed = odds.confirmed + excluded.confirmed";

const STANDING: &str = "SELECT disposition, document FROM alerts WHERE alert_id = $1";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] = &[REVIEW, DECIDE, BEFORE, COUNT_IN, STANDING];

/// How it stands with an alert that there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The last decision; none while it is open (again).
    pub decided: Option<Disposition>,
    /// Why it fired, in words.
    pub reason: String,
}

/// What is read of an alert here.
#[derive(Deserialize)]
struct Reason {
    reason: String,
}

/// What became of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// It holds.
    Taken,
    /// The alert was amended meanwhile: look again.
    Changed {
        /// Its revision.
        current: i32,
    },
    /// There is no such alert.
    Unknown,
}

impl Db {
    /// Takes decisions about the revisions of alerts that were looked at, each with a review of its own, and tells the
    /// log. Says of each whether it was taken; those that were not cost the others nothing.
    ///
    /// # Errors
    /// [`DbError`]; then none was taken.
    pub async fn decide(&self, reviews: &[Review]) -> Result<Vec<Decided>, DbError> {
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        let mut outcomes = Vec::with_capacity(reviews.len());
        let mut touched = BTreeSet::new();
        for review in reviews {
            outcomes.push(write_decision(&mut transaction, review, &mut touched).await?);
        }
        let floor = self.alerts.precision_floor;
        let turned = standings::turn(&mut transaction, &touched, floor, self.now_micros()).await?;
        transaction.commit().await.map_err(failed("commit decisions"))?;
        standings::tell(&turned);
        Ok(outcomes)
    }
}

impl Db {
    /// How it stands with some alerts; those that are not there are left out.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn standing(&self, alerts: &[Uuid]) -> Result<BTreeMap<Uuid, Standing>, DbError> {
        let mut all = BTreeMap::new();
        for alert in alerts {
            let row = sqlx::query(STANDING)
                .bind(alert.to_string())
                .fetch_optional(&self.pool)
                .await
                .map_err(failed("read a decision"))?;
            let Some(row) = row else { continue };
            let code: Option<String> = row.try_get(0).map_err(failed("read a decision"))?;
            let document: String = row.try_get(1).map_err(failed("read a decision"))?;
            let decided = code.map(|code| code.parse()).transpose().map_err(|_| DbError::Damaged("alert"))?;
            let Reason { reason } = serde_json::from_str(&document).map_err(|_| DbError::Damaged("alert"))?;
            all.insert(*alert, Standing { decided, reason });
        }
        Ok(all)
    }
}

/// Writes one decision, and notes the version of the rule that it counts for.
async fn write_decision(
    connection: &mut AnyConnection,
    review: &Review,
    touched: &mut BTreeSet<RuleVersion>,
) -> Result<Decided, DbError> {
    // Counting first takes SQLite's write lock, and makes those who decide at once wait for each other on PostgreSQL.
    let change = count(connection, "change").await?;
    let id = review.alert_id.to_string();
    let before =
        sqlx::query(BEFORE).bind(&id).fetch_optional(&mut *connection).await.map_err(failed("read an alert"))?;
    let Some(before) = before else { return Ok(Decided::Unknown) };
    let disposition = (review.disposition != Disposition::Reopened).then_some(review.disposition);
    let decided = sqlx::query(DECIDE)
        .bind(&id)
        .bind(disposition.map(Disposition::as_str))
        .bind(&review.reviewer)
        .bind(review.reviewed_at.timestamp_micros())
        .bind(change)
        .bind(i64::from(review.alert_revision))
        .execute(&mut *connection)
        .await
        .map_err(failed("decide about an alert"))?;
    if decided.rows_affected() == 0 {
        let current: i64 = before.try_get(2).map_err(failed("read an alert"))?;
        return Ok(Decided::Changed { current: i32::try_from(current).map_err(|_| DbError::Damaged("alert"))? });
    }
    let earlier: Option<String> = before.try_get(1).map_err(failed("read an alert"))?;
    let earlier = earlier.map(|code| code.parse::<Disposition>()).transpose();
    let (was, is) = (weight(earlier.map_err(|_| DbError::Damaged("alert"))?), weight(disposition));
    if was != is {
        let rule: String = before.try_get(0).map_err(failed("read an alert"))?;
        let version = before.try_get(3).map_err(failed("read an alert"))?;
        touched.insert([review.tenant_id.to_string(), rule.clone(), version]);
        sqlx::query(COUNT_IN)
            .bind(review.tenant_id.as_str())
            .bind(rule)
            .bind(is.0 - was.0)
            .bind(is.1 - was.1)
            .execute(&mut *connection)
            .await
            .map_err(failed("count a decision"))?;
    }
    let document = serde_json::to_string(review).map_err(|_| DbError::Damaged("review"))?;
    sqlx::query(REVIEW)
        .bind(review.review_id.to_string())
        .bind(&id)
        .bind(review.reviewed_at.timestamp_micros())
        .bind(document)
        .execute(&mut *connection)
        .await
        .map_err(failed("write a review"))?;
    let values = avro::encode(std::slice::from_ref(review)).map_err(|_| DbError::Damaged("review"))?;
    for value in values {
        let key = format!("{}/{}", review.tenant_id, review.store_id);
        tell(connection, &Outgoing { topic: topic::REVIEW.to_owned(), key, value }).await?;
    }
    Ok(Decided::Taken)
}

/// How much a decision counts among the decided and the confirmed of its rule.
pub(crate) fn weight(disposition: Option<Disposition>) -> (i64, i64) {
    match disposition {
        Some(Disposition::Confirmed) => (1, 1),
        Some(disposition) if disposition.weighs() => (1, 0),
        _ => (0, 0),
    }
}
