//! Which new alerts are sent, decided in the transaction that writes them: what [`crate::sending`] is asked with, and what
//! an older version wrote.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::{Days, NaiveDate, NaiveTime};
use sqlx::{AnyConnection, Row as _};
use tillsight_schemas::alert::{Alert, AlertState};
use tillsight_schemas::id::{StoreId, TenantId};
use tillsight_schemas::port::Judged;
use uuid::Uuid;

use super::epochs::count;
use super::queue::{Odds, prior};
use super::standings::is_demoted;
use super::{Db, DbError, failed};
use crate::config::Alerts;
use crate::sending::budget::{Day, Rival};
use crate::sending::{Candidate, Told, decide};

/// From how many days before is known what a day brings.
const DAYS: u64 = 28;
/// Alerts of an older version that are weighed in one transaction.
const BATCH: i64 = 200;

const BEFORE: &str = "SELECT sending, picked FROM alerts WHERE alert_id = $1";
const ODDS: &str = "SELECT confirmed, decided FROM odds WHERE tenant = $1 AND rule = $2";
const RIVALS: &str = "SELECT event_time, business_day, worth, sending, state FROM alerts WHERE tenant = $1 AND store = $2 \
                      AND business_day >= $3 AND business_day <= $4 AND prior >= $5 \
                      AND sending <> 'demoted' AND sending <> 'shadow'";
const UNWEIGHED: &str = "SELECT document FROM alerts WHERE version = '' ORDER BY alert_id LIMIT $1";
const WEIGH: &str = "UPDATE alerts SET version = $2, worth = $3 WHERE alert_id = $1";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] = &[BEFORE, ODDS, RIVALS, UNWEIGHED, WEIGH];

/// What is written with an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Weighed {
    /// What was decided about it.
    pub(super) told: Told,
    /// What it is worth.
    pub(super) worth: i64,
    /// Whether it was decided just now.
    pub(super) is_new: bool,
}

/// The business day of an alert.
pub(super) fn day_of(alert: &Alert) -> NaiveDate {
    alert.business_day.unwrap_or_else(|| alert.event_time.date_naive())
}

/// A microsecond, counted from the midnight (UTC) at which the date of its business day begins: the same moment of each day
/// of a store, but for the nights in which clocks are set.
fn into_day(micros: i64, day: NaiveDate) -> i64 {
    micros - day.and_time(NaiveTime::MIN).and_utc().timestamp_micros()
}

/// Decides about the alerts of an epoch, in the order of events. Those that are there already stay as they were decided.
pub(super) async fn weigh(
    connection: &mut AnyConnection,
    alerts: &Alerts,
    judged: &[Judged],
) -> Result<BTreeMap<Uuid, Weighed>, DbError> {
    let mut raised: Vec<(&Alert, bool)> =
        judged.iter().filter_map(|one| Some((one.alert.as_ref()?, one.shadow))).collect();
    raised.sort_by_key(|(alert, _)| (alert.event_time, alert.alert_id));
    let mut days: BTreeMap<(&TenantId, &StoreId, NaiveDate), Day> = BTreeMap::new();
    let mut weighed = BTreeMap::new();
    for (alert, shadow) in raised {
        let worth = odds(connection, alert).await?.worth(alert.severity, alert.amount_minor);
        let before = before(connection, alert.alert_id).await?;
        let is_new = before.is_none();
        let told = match before {
            Some(told) if alert.state == AlertState::Retracted => told,
            Some(told) => told.amended(alert.severity),
            None => {
                let date = day_of(alert);
                let key = (&alert.tenant_id, &alert.store_id, date);
                let day = match days.entry(key) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(place) => place.insert(read_day(connection, alerts, key).await?),
                };
                let rival = Rival { into_day: into_day(alert.event_time.timestamp_micros(), date), worth };
                let demoted = is_demoted(connection, alert).await?;
                let (id, severity) = (alert.alert_id, alert.severity);
                decide(&Candidate { id, severity, shadow, demoted, rival }, alerts.from_severity, day)
            }
        };
        weighed.insert(alert.alert_id, Weighed { told, worth, is_new });
    }
    Ok(weighed)
}

async fn before(connection: &mut AnyConnection, alert: Uuid) -> Result<Option<Told>, DbError> {
    let row = sqlx::query(BEFORE)
        .bind(alert.to_string())
        .fetch_optional(connection)
        .await
        .map_err(failed("read how an alert was sent"))?;
    let Some(row) = row else { return Ok(None) };
    let why: String = row.try_get(0).map_err(failed("read how an alert was sent"))?;
    let picked_permille = row.try_get(1).map_err(failed("read how an alert was sent"))?;
    Ok(Some(Told { why: why.parse().map_err(|_| DbError::Damaged("alert"))?, picked_permille }))
}

/// How the alerts of an alert's rule were decided.
async fn odds(connection: &mut AnyConnection, alert: &Alert) -> Result<Odds, DbError> {
    let row = sqlx::query(ODDS)
        .bind(alert.tenant_id.as_str())
        .bind(alert.rule_id.as_str())
        .fetch_optional(connection)
        .await
        .map_err(failed("read the odds of a rule"))?;
    let Some(row) = row else { return Ok(Odds::default()) };
    Ok(Odds {
        confirmed: row.try_get(0).map_err(failed("read the odds of a rule"))?,
        decided: row.try_get(1).map_err(failed("read the odds of a rule"))?,
    })
}

/// What is known of a store's day, and of those before it.
async fn read_day(
    connection: &mut AnyConnection,
    alerts: &Alerts,
    (tenant, store, day): (&TenantId, &StoreId, NaiveDate),
) -> Result<Day, DbError> {
    let failed = || failed("read the alerts of a day");
    let rows = sqlx::query(RIVALS)
        .bind(tenant.as_str())
        .bind(store.as_str())
        .bind(day.checked_sub_days(Days::new(DAYS)).unwrap_or(day).to_string())
        .bind(day.to_string())
        .bind(prior(alerts.from_severity))
        .fetch_all(connection)
        .await
        .map_err(failed())?;
    let tokens = usize::try_from(alerts.of_day(tenant, store)).unwrap_or(usize::MAX);
    let mut known = Day { tokens, ..Day::default() };
    let mut first = day;
    for row in &rows {
        let date: String = row.try_get(1).map_err(failed())?;
        let date: NaiveDate = date.parse().map_err(|_| DbError::Damaged("alert"))?;
        let micros: i64 = row.try_get(0).map_err(failed())?;
        let rival = Rival { into_day: into_day(micros, date), worth: row.try_get(2).map_err(failed())? };
        let (sending, state): (String, String) = (row.try_get(3).map_err(failed())?, row.try_get(4).map_err(failed())?);
        // People were told of it, also if it was taken back since.
        let spent = date == day && ["threshold", "critical"].contains(&sending.as_str());
        known.spent += usize::from(spent);
        if state != AlertState::Retracted.as_str() {
            let side = if date == day { &mut known.today } else { &mut known.past };
            side.push(rival);
        }
        first = first.min(date);
    }
    known.days = u32::try_from((day - first).num_days()).unwrap_or_default();
    Ok(known)
}

impl Db {
    /// Weighs the alerts that an older version wrote, and notes by which version of its rule each was raised.
    pub(super) async fn weigh_alerts(&self) -> Result<(), DbError> {
        loop {
            let some = sqlx::query(UNWEIGHED).bind(1_i64).fetch_optional(&self.pool).await;
            if some.map_err(failed("find alerts that were not weighed"))?.is_none() {
                return Ok(());
            }
            let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
            // Counting first takes the lock: processes start together.
            count(&mut transaction, "weighing").await?;
            let rows = sqlx::query(UNWEIGHED).bind(BATCH).fetch_all(&mut *transaction).await;
            let rows = rows.map_err(failed("find alerts that were not weighed"))?;
            for alert in super::alerts::documents::<Alert>(&rows, "alert")? {
                let worth = odds(&mut transaction, &alert).await?.worth(alert.severity, alert.amount_minor);
                let version = if alert.rule_version.is_empty() { "0.0" } else { alert.rule_version.as_str() };
                sqlx::query(WEIGH)
                    .bind(alert.alert_id.to_string())
                    .bind(version)
                    .bind(worth)
                    .execute(&mut *transaction)
                    .await
                    .map_err(failed("weigh an alert"))?;
            }
            transaction.commit().await.map_err(failed("commit the weights of alerts"))?;
        }
    }
}

#[cfg(test)]
#[path = "sendings_tests.rs"]
mod tests;
