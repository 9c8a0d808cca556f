//! Alerts as people work with them: lists, one with its transactions and reviews.

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::any::AnyRow;
use tillsight_schemas::alert::Alert;
use tillsight_schemas::codes;
use tillsight_schemas::id::{OperatorId, StoreId, TenantId};
use tillsight_schemas::judgement::Judgement;
use tillsight_schemas::pos::PostedTransaction;
use tillsight_schemas::review::{Disposition, Review};
use uuid::Uuid;

use super::judgements::listed;
use super::queue::Odds;
use super::without::concerns_nobody;
use super::{Db, DbError, Without, failed};
use crate::sending::Told;

codes! {
    /// Which alerts a list shows.
    pub enum AlertState {
        /// Standing, and nobody has decided.
        Open = "open",
        /// Decided, or retracted.
        Closed = "closed",
        /// All.
        All = "all",
    }
}

/// What a list shows.
#[derive(Debug, Clone)]
pub struct AlertFilter {
    /// The retailer.
    pub tenant: TenantId,
    /// The stores; all of the retailer when empty.
    pub stores: Vec<StoreId>,
    /// Whose alerts are left out.
    pub without: Without,
    /// Open, closed or all.
    pub state: AlertState,
    /// One rule only.
    pub rule: Option<String>,
    /// Older than this event (microseconds, alert id): the last one of the page before.
    pub before: Option<(i64, String)>,
    /// At most so many.
    pub limit: u32,
}

/// An alert with its last decision.
#[derive(Debug, Clone)]
pub struct AlertRow {
    /// Rises with each change of the row.
    pub change: i64,
    /// The alert as it stands.
    pub alert: Alert,
    /// The last decision; none while it is open (again).
    pub disposition: Option<Disposition>,
    /// Who decided.
    pub reviewed_by: Option<String>,
    /// When.
    pub reviewed_at: Option<DateTime<Utc>>,
    /// The item of the queue that it belongs to.
    pub item: Uuid,
    /// Who was given it.
    pub assignee: Option<String>,
    /// How the alerts of its rule were decided.
    pub odds: Odds,
    /// The operators and approvers that it concerns.
    pub people: Vec<OperatorId>,
    /// When the store last asked, from its report, to look at it, and under which address.
    pub asked: Option<(DateTime<Utc>, String)>,
    /// Whether people are told of it, and why.
    pub told: Told,
    /// What it was worth when that was decided; only compared.
    pub worth: i64,
}

impl AlertRow {
    /// The same as it is told to those who do not see every alert: nothing of it depends on what was found of others, or
    /// decided about them.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.odds = Odds::default();
        self.told = self.told.alone();
        self.worth = self.odds.worth(self.alert.severity, self.alert.amount_minor);
        self
    }
}

/// What [`row`] reads of the alerts `a` with the odds `o` of their rules.
macro_rules! columns {
    () => {
        "a.change, a.document, a.disposition, a.reviewed_by, a.reviewed_at, a.item, a.assignee, \
         coalesce(o.confirmed, 0), coalesce(o.decided, 0), coalesce(a.people, ''), a.asked_at, coalesce(a.asked_by, ''), \
         a.sending, a.picked, a.worth"
    };
}
/// Where [`columns`] come from.
macro_rules! tables {
    () => {
        "alerts a LEFT JOIN odds o ON o.tenant = a.tenant AND o.rule = a.rule"
    };
}
pub(super) use {columns, tables};

/// Selects alerts by a condition.
macro_rules! select {
    ($($condition:tt)*) => {
        concat!("SELECT ", columns!(), " FROM ", tables!(), " WHERE ", $($condition)*)
    };
}

const LIST: &str = select!(
    concerns_nobody!("a.alert_id", "a.store", "$8"),
    " AND a.tenant = $1 AND ($2 = '' OR replace($2, ',' || a.store || ',', '') <> $2) AND ($3 = '' OR a.rule = $3) \
     AND ($4 = 'all' OR ($4 = 'open') = (a.disposition IS NULL AND a.state <> 'retracted')) \
     AND (a.event_time < $5 OR (a.event_time = $5 AND a.alert_id < $6)) \
     ORDER BY a.event_time DESC, a.alert_id DESC LIMIT $7"
);
const ONE: &str = select!("a.alert_id = $1");
const SINCE: &str = select!("a.change > $1 ORDER BY a.change LIMIT $2");
const LAST_CHANGE: &str = "SELECT coalesce(max(change), 0) FROM alerts";
const OF_DAY: &str =
    select!("a.tenant = $1 AND a.store = $2 AND a.business_day = $3 ORDER BY a.event_time, a.alert_id");
const EVENTS: &str = "SELECT document FROM alert_events WHERE alert_id = $1";
const OF_EVENT: &str = "SELECT alert_id FROM alert_events WHERE event_id = $1 ORDER BY alert_id";
const JUDGED: &str = "SELECT document FROM judgements WHERE anchor_event_id = $1 ORDER BY rule";
const OUTCOMES: &str = concat!(
    "SELECT rule, outcome, why, count(*) FROM judgements j WHERE tenant = $1 AND store = $2 AND event_time >= $3 \
     AND event_time < $4 AND ",
    concerns_nobody!("j.judgement_id", "j.store", "$5"),
    " GROUP BY rule, outcome, why ORDER BY rule, outcome, why"
);
const REVIEWS: &str = "SELECT document FROM reviews WHERE alert_id = $1 ORDER BY reviewed_at DESC";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] =
    &[LIST, ONE, SINCE, LAST_CHANGE, OF_DAY, EVENTS, OF_EVENT, JUDGED, OUTCOMES, REVIEWS];

/// Reads [`columns`].
pub(super) fn row(row: &AnyRow) -> Result<AlertRow, DbError> {
    let read = || -> Result<AlertRow, Box<dyn std::error::Error + Send + Sync>> {
        let disposition: Option<String> = row.try_get(2)?;
        let reviewed_at: Option<i64> = row.try_get(4)?;
        let (people, asked_at): (String, Option<i64>) = (row.try_get(9)?, row.try_get(10)?);
        Ok(AlertRow {
            change: row.try_get(0)?,
            alert: serde_json::from_str(&row.try_get::<String, _>(1)?)?,
            disposition: disposition.map(|code| code.parse()).transpose()?,
            reviewed_by: row.try_get(3)?,
            reviewed_at: reviewed_at.and_then(DateTime::from_timestamp_micros),
            item: row.try_get::<String, _>(5)?.parse()?,
            assignee: row.try_get(6)?,
            odds: Odds { confirmed: row.try_get(7)?, decided: row.try_get(8)? },
            people: people.split(';').filter(|id| !id.is_empty()).map(str::parse).collect::<Result<_, _>>()?,
            asked: asked_at.and_then(DateTime::from_timestamp_micros).zip(Some(row.try_get(11)?)),
            told: Told { why: row.try_get::<String, _>(12)?.parse()?, picked_permille: row.try_get(13)? },
            worth: row.try_get(14)?,
        })
    };
    read().map_err(|_| DbError::Damaged("alert"))
}

pub(super) fn documents<T: serde::de::DeserializeOwned>(
    rows: &[AnyRow],
    what: &'static str,
) -> Result<Vec<T>, DbError> {
    rows.iter()
        .map(|row| {
            let text: String = row.try_get(0).map_err(failed("read a document"))?;
            serde_json::from_str(&text).map_err(|_| DbError::Damaged(what))
        })
        .collect()
}

impl Db {
    /// Alerts, newest first.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn alerts(&self, filter: &AlertFilter) -> Result<Vec<AlertRow>, DbError> {
        let (before, id) = filter.before.clone().unwrap_or((i64::MAX, String::new()));
        let rows = sqlx::query(LIST)
            .bind(filter.tenant.as_str())
            .bind(listed(&filter.stores))
            .bind(filter.rule.clone().unwrap_or_default())
            .bind(filter.state.as_str())
            .bind(before)
            .bind(id)
            .bind(i64::from(filter.limit))
            .bind(filter.without.listed())
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list alerts"))?;
        rows.iter().map(row).collect()
    }

    /// The alerts of a store's business day, in event time, retracted ones included.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn alerts_of_day(
        &self,
        tenant: &TenantId,
        store: &StoreId,
        day: chrono::NaiveDate,
    ) -> Result<Vec<AlertRow>, DbError> {
        let rows = sqlx::query(OF_DAY)
            .bind(tenant.as_str())
            .bind(store.as_str())
            .bind(day.to_string())
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list alerts"))?;
        rows.iter().map(row).collect()
    }

    /// Alerts that changed after a change number, in order of change.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn alerts_since(&self, change: i64, limit: u32) -> Result<Vec<AlertRow>, DbError> {
        let rows = sqlx::query(SINCE)
            .bind(change)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list alerts"))?;
        rows.iter().map(row).collect()
    }

    /// The number of the last change of any alert; 0 when there is none.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn last_change(&self) -> Result<i64, DbError> {
        sqlx::query_scalar(LAST_CHANGE).fetch_one(&self.pool).await.map_err(failed("read the last change"))
    }

    /// One alert.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn alert(&self, id: Uuid) -> Result<Option<AlertRow>, DbError> {
        let found =
            sqlx::query(ONE).bind(id.to_string()).fetch_optional(&self.pool).await.map_err(failed("read an alert"))?;
        found.as_ref().map(row).transpose()
    }

    /// The transactions an alert is about.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn alert_events(&self, id: Uuid) -> Result<Vec<PostedTransaction>, DbError> {
        let rows = sqlx::query(EVENTS).bind(id.to_string()).fetch_all(&self.pool).await;
        documents(&rows.map_err(failed("read the events of an alert"))?, "transaction")
    }

    /// The alerts that a transaction belongs to.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn alerts_of_event(&self, event: Uuid) -> Result<Vec<Uuid>, DbError> {
        let ids: Vec<String> = sqlx::query_scalar(OF_EVENT)
            .bind(event.to_string())
            .fetch_all(&self.pool)
            .await
            .map_err(failed("find the alerts of an event"))?;
        ids.iter().map(|id| id.parse().map_err(|_| DbError::Damaged("alert"))).collect()
    }

    /// What every rule made of an event.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn judgements_of(&self, event: Uuid) -> Result<Vec<Judgement>, DbError> {
        let rows = sqlx::query(JUDGED).bind(event.to_string()).fetch_all(&self.pool).await;
        documents(&rows.map_err(failed("read judgements"))?, "judgement")
    }

    /// How often each rule came to which outcome and why, for events of a store in a span (microseconds). Alerts and blind
    /// spots of those who are left out do not count.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn outcomes(
        &self,
        tenant: &TenantId,
        store: &StoreId,
        span: std::ops::Range<i64>,
        without: &Without,
    ) -> Result<Vec<(String, String, String, i64)>, DbError> {
        let rows = sqlx::query(OUTCOMES)
            .bind(tenant.as_str())
            .bind(store.as_str())
            .bind(span.start)
            .bind(span.end)
            .bind(without.listed())
            .fetch_all(&self.pool)
            .await
            .map_err(failed("count judgements"))?;
        let read = |row: &AnyRow| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?));
        rows.iter().map(read).collect::<Result<_, sqlx::Error>>().map_err(failed("count judgements"))
    }

    /// The reviews of an alert, newest first.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn reviews(&self, id: Uuid) -> Result<Vec<Review>, DbError> {
        let rows = sqlx::query(REVIEWS).bind(id.to_string()).fetch_all(&self.pool).await;
        documents(&rows.map_err(failed("read reviews"))?, "review")
    }
}
