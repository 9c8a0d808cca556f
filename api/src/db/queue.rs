//! The queue: items in the order in which they are worth looking at, and who was given them.
//!
//! What an alert is expected to come to is its amount times the chance that it is confirmed: the share of confirmed among
//! the decided alerts of its rule, to which ten are added that were decided as its severity lets expect. So a new rule
//! starts with its severity, and after some dozens of decisions its own record counts. SQL and [`Odds`] compute it alike,
//! in whole minor units; amounts of different currencies are compared as numbers.
//!
//! What the store asks to look at comes first among the newest, as long as nobody has decided. Unless they are asked for,
//! alerts that were held back are not there ([`QueueView`]). For those from whom alerts are left out, decisions do not count
//! as odds, and none is held back because of others: that would tell of alerts that they do not see.

use chrono::{DateTime, Utc};
use sqlx::{AnyConnection, Row};
use tillsight_schemas::alert::Severity;
use tillsight_schemas::codes;
use tillsight_schemas::id::{OperatorId, StoreId, TenantId};
use uuid::Uuid;

use super::alerts::{columns, row, tables};
use super::epochs::count;
use super::judgements::listed;
use super::without::concerns_nobody;
use super::{AlertRow, AlertState, Db, DbError, Without, failed};
use crate::sending::precision::wilson;
use crate::sending::worth;

codes! {
    /// In which order items come.
    pub enum QueueOrder {
        /// What the store asks to look at, then the newest first.
        Time = "time",
        /// By what they are expected to come to.
        Value = "value",
    }
}

codes! {
    /// Which alerts are shown of those that were sent and held back.
    pub enum QueueView {
        /// What was sent or picked at random, and what somebody was given or a store asks to look at.
        Sent = "sent",
        /// What was held back.
        Held = "held",
        /// Both.
        All = "all",
        /// What rules on trial found, which is in none of the others.
        Shadow = "shadow",
    }
}

/// Whose items are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Everybody's.
    Any,
    /// Those that nobody was given.
    Nobodys,
    /// Those of a person.
    Of(String),
}

/// What the queue shows.
#[derive(Debug, Clone)]
pub struct QueueFilter {
    /// The retailer.
    pub tenant: TenantId,
    /// The stores; all of the retailer when empty.
    pub stores: Vec<StoreId>,
    /// Whose alerts are left out.
    pub without: Without,
    /// Open, closed or all.
    pub state: AlertState,
    /// What was sent, or held back.
    pub view: QueueView,
    /// Only what the store asks to look at.
    pub asked: bool,
    /// One rule only.
    pub rule: Option<String>,
    /// One operator only.
    pub operator: Option<OperatorId>,
    /// Who was given them.
    pub whose: Whose,
    /// In which order.
    pub order: QueueOrder,
    /// After this item: the last one of the page before.
    pub after: Option<QueuePlace>,
    /// At most so many items.
    pub limit: u32,
}

/// Where an item stands in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuePlace {
    /// What it is sorted by.
    pub worth: i64,
    /// Its newest alert, in microseconds.
    pub newest: i64,
    /// Its id.
    pub item: Uuid,
}

/// Alerts that are worked together.
#[derive(Debug, Clone)]
pub struct QueueItem {
    /// Where it stands.
    pub place: QueuePlace,
    /// Its alerts that fit the filter, newest first; never empty.
    pub alerts: Vec<AlertRow>,
}

/// How the alerts of a rule were decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Odds {
    /// Confirmed.
    pub confirmed: i64,
    /// Decided in any way.
    pub decided: i64,
}

/// Who was given an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: String,
    /// To whom; nobody has it any more when there is none.
    pub assignee: Option<String>,
}

/// How likely an alert of a severity is confirmed, in percent, before anything was decided.
pub(super) fn prior(severity: Severity) -> i64 {
    match severity {
        Severity::Info => 5,
        Severity::Low => 10,
        Severity::Medium => 20,
        Severity::High => 35,
        Severity::Critical => 50,
    }
}

impl Odds {
    /// The share of confirmed alerts, and between what it lies in 95 of 100 cases (Wilson's score interval, 1927); `None` while
    /// nothing was decided.
    #[expect(clippy::cast_precision_loss, reason = "counts of decisions are small")]
    pub fn precision(self) -> Option<(f64, f64, f64)> {
        if self.decided <= 0 {
            return None;
        }
        let (n, share) = (self.decided as f64, self.confirmed as f64 / self.decided as f64);
        let (low, high) = wilson(share, n);
        Some((share, low, high))
    }

    /// Numerator and denominator of the chance.
    fn parts(self, severity: Severity) -> (i64, i64) {
        (10 * self.confirmed + prior(severity), 10 * self.decided + 100)
    }

    /// How likely the next alert of the rule is confirmed.
    #[expect(clippy::cast_precision_loss, reason = "counts of decisions are small")]
    pub fn chance(self, severity: Severity) -> f64 {
        let (part, whole) = self.parts(severity);
        part as f64 / whole as f64
    }

    /// What an alert is worth among those that may be sent.
    pub fn worth(self, severity: Severity, amount: Option<i64>) -> i64 {
        worth(amount, severity == Severity::Critical, |amount| self.expected(severity, amount))
    }

    /// What is expected of an amount.
    pub fn expected(self, severity: Severity, amount: i64) -> i64 {
        let (part, whole) = self.parts(severity);
        amount.saturating_mul(part) / whole
    }
}

impl AlertRow {
    /// What the alert is expected to come to, in minor units.
    pub fn expected(&self) -> Option<i64> {
        self.alert.amount_minor.map(|amount| self.odds.expected(self.alert.severity, amount))
    }
}

/// The alerts `a` that people are told of, as far as who asks may know.
macro_rules! told_of {
    () => {
        "(a.sending IN ('sent', 'threshold', 'critical') OR a.picked > 0 OR a.assignee IS NOT NULL \
         OR a.asked_at IS NOT NULL OR ($9 <> '' AND a.sending IN ('budget', 'demoted')))"
    };
}

/// The alerts `a` that fit the filter.
macro_rules! fits {
    () => {
        concat!(
            "a.tenant = $1 AND ($2 = '' OR replace($2, ',' || a.store || ',', '') <> $2) AND ($3 = '' OR a.rule = $3) \
         AND ($4 = '' OR a.operator = $4) \
         AND ($5 = 'any' OR ($5 = 'none' AND a.assignee IS NULL) OR ($5 = 'one' AND a.assignee = $6)) \
         AND ($7 = 'all' OR ($7 = 'open') = (a.disposition IS NULL AND a.state <> 'retracted')) \
         AND ($8 = '' OR a.asked_at IS NOT NULL) \
         AND (($10 = 'shadow' AND a.sending = 'shadow') OR ($10 = 'sent' AND ",
            told_of!(),
            ") OR (a.sending <> 'shadow' AND ($10 = 'all' OR ($10 = 'held' AND NOT ",
            told_of!(),
            "))))"
        )
    };
}

/// Those among them that concern nobody who is left out.
macro_rules! seen {
    () => {
        concat!(fits!(), " AND ", concerns_nobody!("a.alert_id", "a.store", "$9"))
    };
}

/// Alerts `a` with the odds `o` of their rules, for those who may know them.
macro_rules! told {
    () => {
        "alerts a LEFT JOIN odds o ON o.tenant = a.tenant AND o.rule = a.rule AND $9 = ''"
    };
}

/// More than any instant in microseconds: what is asked for comes before all that is not.
macro_rules! asked_first {
    () => {
        "2305843009213693952"
    };
}

const PAGE: &str = concat!(
    "SELECT ",
    columns!(),
    ", p.worth AS place, p.newest FROM ",
    told!(),
    " JOIN (SELECT item, worth, newest FROM (SELECT a.item AS item, max(a.event_time) AS newest, \
     CASE WHEN $11 = 'value' THEN max(coalesce(a.amount * (10 * coalesce(o.confirmed, 0) + a.prior) \
     / (10 * coalesce(o.decided, 0) + 100), -1)) ELSE max(a.event_time) + max(CASE WHEN a.asked_at IS NOT NULL \
     AND a.disposition IS NULL AND a.state <> 'retracted' THEN ",
    asked_first!(),
    " ELSE 0 END) END AS worth FROM ",
    told!(),
    " WHERE ",
    seen!(),
    " GROUP BY a.item) AS items WHERE worth < $12 OR (worth = $12 AND (newest < $13 OR (newest = $13 AND item < $14))) \
     ORDER BY worth DESC, newest DESC, item DESC LIMIT $15) AS p ON p.item = a.item WHERE ",
    seen!(),
    " ORDER BY p.worth DESC, p.newest DESC, p.item DESC, a.event_time DESC, a.alert_id DESC"
);
const TOTAL: &str = concat!("SELECT count(DISTINCT a.item) FROM alerts a WHERE ", seen!());
const ITEM: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM ",
    tables!(),
    " WHERE a.item = $1 ORDER BY a.event_time DESC, a.alert_id DESC"
);
const ASSIGN: &str = "UPDATE alerts SET assignee = $2, change = $3 WHERE alert_id = $1 \
                      AND coalesce(assignee, '') <> $4";
pub(super) const ASSIGNED: &str =
    "INSERT INTO assignments (seq, alert_id, at, assigned_by, assignee) VALUES ($1, $2, $3, $4, $5)";
const ASSIGNMENTS: &str = "SELECT at, assigned_by, assignee FROM assignments WHERE alert_id = $1 ORDER BY seq DESC";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] = &[PAGE, TOTAL, ITEM, ASSIGN, ASSIGNMENTS];

/// Writes down who was given an alert.
pub(super) async fn write_assignment(
    connection: &mut AnyConnection,
    alert: &str,
    at: i64,
    by: &str,
    assignee: Option<&String>,
) -> Result<(), DbError> {
    let seq = count(connection, "assignment").await?;
    sqlx::query(ASSIGNED)
        .bind(seq)
        .bind(alert)
        .bind(at)
        .bind(by)
        .bind(assignee)
        .execute(connection)
        .await
        .map_err(failed("write an assignment"))?;
    Ok(())
}

impl Db {
    /// A page of the queue, and how many items there are on all pages.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn queue(&self, filter: &QueueFilter) -> Result<(Vec<QueueItem>, i64), DbError> {
        let (whose, name) = match &filter.whose {
            Whose::Any => ("any", ""),
            Whose::Nobodys => ("none", ""),
            Whose::Of(name) => ("one", name.as_str()),
        };
        let (stores, without) = (listed(&filter.stores), filter.without.listed());
        let asked = if filter.asked { "asked" } else { "" };
        let rule = filter.rule.as_deref().unwrap_or_default();
        let operator = filter.operator.as_ref().map_or("", OperatorId::as_str);
        let after = filter.after.clone();
        let after = after.unwrap_or(QueuePlace { worth: i64::MAX, newest: i64::MAX, item: Uuid::max() });
        let found = sqlx::query(PAGE)
            .bind(filter.tenant.as_str())
            .bind(&stores)
            .bind(rule)
            .bind(operator)
            .bind(whose)
            .bind(name)
            .bind(filter.state.as_str())
            .bind(asked)
            .bind(&without)
            .bind(filter.view.as_str())
            .bind(filter.order.as_str())
            .bind(after.worth)
            .bind(after.newest)
            .bind(after.item.to_string())
            .bind(i64::from(filter.limit))
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list the queue"))?;
        let total = sqlx::query_scalar(TOTAL)
            .bind(filter.tenant.as_str())
            .bind(&stores)
            .bind(rule)
            .bind(operator)
            .bind(whose)
            .bind(name)
            .bind(filter.state.as_str())
            .bind(asked)
            .bind(&without)
            .bind(filter.view.as_str())
            .fetch_one(&self.pool)
            .await
            .map_err(failed("count the queue"))?;
        let mut items: Vec<QueueItem> = Vec::new();
        for found in &found {
            let alert = row(found)?;
            match items.last_mut().filter(|last| last.place.item == alert.item) {
                Some(last) => last.alerts.push(alert),
                None => items.push(QueueItem {
                    place: QueuePlace {
                        worth: found.try_get("place").map_err(failed("list the queue"))?,
                        newest: found.try_get("newest").map_err(failed("list the queue"))?,
                        item: alert.item,
                    },
                    alerts: vec![alert],
                }),
            }
        }
        Ok((items, total))
    }

    /// All alerts of an item, newest first.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn item(&self, item: Uuid) -> Result<Vec<AlertRow>, DbError> {
        let rows = sqlx::query(ITEM).bind(item.to_string()).fetch_all(&self.pool).await;
        rows.map_err(failed("read an item"))?.iter().map(row).collect()
    }

    /// Gives alerts to a person, or to nobody. Those that the person has already stay as they are.
    ///
    /// # Errors
    /// [`DbError`]; then none is given.
    pub async fn assign(&self, alerts: &[Uuid], assignee: Option<&String>, by: &str) -> Result<(), DbError> {
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        for alert in alerts {
            let change = count(&mut transaction, "change").await?;
            let given = sqlx::query(ASSIGN)
                .bind(alert.to_string())
                .bind(assignee)
                .bind(change)
                .bind(assignee.map_or("", String::as_str))
                .execute(&mut *transaction)
                .await
                .map_err(failed("assign an alert"))?;
            if given.rows_affected() > 0 {
                write_assignment(&mut transaction, &alert.to_string(), self.now_micros(), by, assignee).await?;
            }
        }
        transaction.commit().await.map_err(failed("commit an assignment"))
    }

    /// Who was given an alert, newest first.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn assignments(&self, alert: Uuid) -> Result<Vec<Assignment>, DbError> {
        let rows = sqlx::query(ASSIGNMENTS).bind(alert.to_string()).fetch_all(&self.pool).await;
        let read = |row: &sqlx::any::AnyRow| -> Result<Assignment, DbError> {
            let at: i64 = row.try_get(0).map_err(failed("read assignments"))?;
            Ok(Assignment {
                at: DateTime::from_timestamp_micros(at).ok_or(DbError::Damaged("assignment"))?,
                by: row.try_get(1).map_err(failed("read assignments"))?,
                assignee: row.try_get(2).map_err(failed("read assignments"))?,
            })
        };
        rows.map_err(failed("read assignments"))?.iter().map(read).collect()
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
pub(super) mod tests;
