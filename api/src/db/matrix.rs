//! How rules see in stores, as it was last found ([`crate::matrix`] says how), and registers that nobody knows, each time
//! that people were to be told of one.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::Row as _;
use sqlx::any::AnyRow;
use tillsight_schemas::TimeSpan;
use tillsight_schemas::id::{RegisterId, RuleId, StoreKey};

use super::{Db, DbError, failed};
use crate::matrix::{Kept, Sights, Unknown, UnknownChange};

const SIGHTS: &str = "SELECT tenant, store, rule, state, since, trial, reasons FROM rule_sights";
const KEEP: &str = "INSERT INTO rule_sights (tenant, store, rule, state, since, trial, reasons) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, store, rule) DO UPDATE SET \
                    state = excluded.state, since = excluded.since, trial = excluded.trial, reasons = excluded.reasons";
const DROP: &str = "DELETE FROM rule_sights WHERE tenant = $1 AND store = $2 AND rule = $3";
const BLIND: &str = "SELECT tenant, store, rule, why, min(event_time) FROM judgements \
                     WHERE outcome = 'indeterminate' AND event_time >= $1 GROUP BY tenant, store, rule, why";
const UNKNOWN: &str = "SELECT tenant, store, register, raised_at, told_at FROM unknown_registers \
                       WHERE ended_at IS NULL ORDER BY tenant, store, register";
const UNKNOWN_IN: &str = "SELECT DISTINCT register FROM unknown_registers WHERE tenant = $1 AND store = $2 \
                          AND raised_at < $4 AND (ended_at IS NULL OR ended_at > $3) ORDER BY register";
const RAISE: &str = "INSERT INTO unknown_registers (tenant, store, register, raised_at, ended_at, told_at) \
                     VALUES ($1, $2, $3, $4, NULL, NULL) ON CONFLICT (tenant, store, register, raised_at) DO NOTHING";
const END: &str = "UPDATE unknown_registers SET ended_at = $4 \
                   WHERE tenant = $1 AND store = $2 AND register = $3 AND ended_at IS NULL";
const REOPEN: &str = "UPDATE unknown_registers SET ended_at = NULL \
                      WHERE tenant = $1 AND store = $2 AND register = $3 AND raised_at = $4";
const TOLD: &str = "UPDATE unknown_registers SET told_at = $4 \
                    WHERE tenant = $1 AND store = $2 AND register = $3 AND told_at IS NULL";
const LAST: &str = "SELECT max(raised_at) FROM unknown_registers WHERE tenant = $1 AND store = $2 AND register = $3";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] =
    &[SIGHTS, KEEP, DROP, BLIND, UNKNOWN, UNKNOWN_IN, RAISE, END, REOPEN, TOLD, LAST];

/// What a rule could not judge in a store, and since when.
pub(crate) type BlindLately = (StoreKey, RuleId, String, DateTime<Utc>);

type Read<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn key(row: &AnyRow) -> Read<StoreKey> {
    Ok(StoreKey::new(row.try_get::<String, _>(0)?.parse()?, row.try_get::<String, _>(1)?.parse()?))
}

fn instant(micros: i64) -> Read<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| "no instant".into())
}

fn sight(row: &AnyRow) -> Read<((StoreKey, RuleId), Kept)> {
    let kept = Kept {
        state: row.try_get::<String, _>(3)?.parse()?,
        since: instant(row.try_get(4)?)?,
        trial: row.try_get::<i64, _>(5)? != 0,
        reasons: serde_json::from_str(&row.try_get::<String, _>(6)?)?,
    };
    Ok(((key(row)?, row.try_get::<String, _>(2)?.parse()?), kept))
}

fn blind(row: &AnyRow) -> Read<BlindLately> {
    Ok((key(row)?, row.try_get::<String, _>(2)?.parse()?, row.try_get(3)?, instant(row.try_get(4)?)?))
}

fn unknown(row: &AnyRow) -> Read<Unknown> {
    Ok(Unknown {
        store: key(row)?,
        register: row.try_get::<String, _>(2)?.parse()?,
        raised_at: instant(row.try_get(3)?)?,
        told: row.try_get::<Option<i64>, _>(4)?.is_some(),
    })
}

impl Db {
    /// How each rule sees in each store, as it was last found.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub(crate) async fn sights(&self) -> Result<Sights, DbError> {
        let rows = sqlx::query(SIGHTS).fetch_all(&self.pool).await.map_err(failed("read how rules see"))?;
        let all: Read<BTreeMap<_, _>> = rows.iter().map(sight).collect();
        all.map_err(|_| DbError::Damaged("coverage matrix"))
    }

    /// Keeps what was found otherwise than before; what is gone is let go of.
    ///
    /// # Errors
    /// [`DbError::Statement`].
    pub(crate) async fn keep_sights(&self, changed: &Sights, gone: &[(StoreKey, RuleId)]) -> Result<(), DbError> {
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        for ((key, rule), kept) in changed {
            let reasons = serde_json::to_string(&kept.reasons).map_err(|_| DbError::Damaged("coverage matrix"))?;
            sqlx::query(KEEP)
                .bind(key.tenant.as_str())
                .bind(key.store.as_str())
                .bind(rule.as_str())
                .bind(kept.state.as_str())
                .bind(kept.since.timestamp_micros())
                .bind(i64::from(kept.trial))
                .bind(reasons)
                .execute(&mut *transaction)
                .await
                .map_err(failed("keep how rules see"))?;
        }
        for (key, rule) in gone {
            sqlx::query(DROP)
                .bind(key.tenant.as_str())
                .bind(key.store.as_str())
                .bind(rule.as_str())
                .execute(&mut *transaction)
                .await
                .map_err(failed("keep how rules see"))?;
        }
        transaction.commit().await.map_err(failed("keep how rules see"))
    }

    /// What rules could not judge of events of this instant or later, with the first time of each reason.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub(crate) async fn blind_lately(&self, from: DateTime<Utc>) -> Result<Vec<BlindLately>, DbError> {
        let rows = sqlx::query(BLIND).bind(from.timestamp_micros()).fetch_all(&self.pool).await;
        let rows = rows.map_err(failed("count what was not judged"))?;
        let all: Read<Vec<_>> = rows.iter().map(blind).collect();
        all.map_err(|_| DbError::Damaged("judgement"))
    }

    /// The registers that nobody knows at present.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub(crate) async fn unknown_registers(&self) -> Result<Vec<Unknown>, DbError> {
        let rows = sqlx::query(UNKNOWN).fetch_all(&self.pool).await.map_err(failed("list unknown registers"))?;
        let all: Read<Vec<_>> = rows.iter().map(unknown).collect();
        all.map_err(|_| DbError::Damaged("unknown register"))
    }

    /// The registers of a store that nobody knew at some time of a span.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub(crate) async fn unknown_registers_in(
        &self,
        store: &StoreKey,
        span: TimeSpan,
    ) -> Result<Vec<RegisterId>, DbError> {
        let registers: Vec<String> = sqlx::query_scalar(UNKNOWN_IN)
            .bind(store.tenant.as_str())
            .bind(store.store.as_str())
            .bind(span.start().timestamp_micros())
            .bind(span.end().timestamp_micros())
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list unknown registers"))?;
        let all: Result<Vec<RegisterId>, _> = registers.into_iter().map(RegisterId::new).collect();
        all.map_err(|_| DbError::Damaged("unknown register"))
    }

    /// Writes down what became of registers that nobody knows. One that comes back within `quiet` of when it was raised is the
    /// same as before, and no news. Returns what is news.
    ///
    /// # Errors
    /// [`DbError::Statement`].
    pub(crate) async fn note_unknown(
        &self,
        changes: &[UnknownChange],
        now: DateTime<Utc>,
        quiet: TimeDelta,
    ) -> Result<Vec<Unknown>, DbError> {
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        let mut news = Vec::new();
        for change in changes {
            let (UnknownChange::Appears(store, register) | UnknownChange::Ends(store, register)) = change;
            let bound = |statement: &'static str, at: i64| {
                sqlx::query(statement)
                    .bind(store.tenant.as_str())
                    .bind(store.store.as_str())
                    .bind(register.as_str())
                    .bind(at)
            };
            let micros = now.timestamp_micros();
            let attempt = "note an unknown register";
            if matches!(change, UnknownChange::Ends(..)) {
                bound(END, micros).execute(&mut *transaction).await.map_err(failed(attempt))?;
                continue;
            }
            let last: Option<i64> = sqlx::query_scalar(LAST)
                .bind(store.tenant.as_str())
                .bind(store.store.as_str())
                .bind(register.as_str())
                .fetch_one(&mut *transaction)
                .await
                .map_err(failed(attempt))?;
            if let Some(last) = last.filter(|last| micros - last < quiet.num_microseconds().unwrap_or(i64::MAX)) {
                bound(REOPEN, last).execute(&mut *transaction).await.map_err(failed(attempt))?;
                continue;
            }
            for statement in [END, RAISE] {
                bound(statement, micros).execute(&mut *transaction).await.map_err(failed(attempt))?;
            }
            news.push(Unknown { store: store.clone(), register: register.clone(), raised_at: now, told: false });
        }
        transaction.commit().await.map_err(failed("note unknown registers"))?;
        Ok(news)
    }

    /// Writes down that people were told of these registers, or that there is nobody to be told.
    ///
    /// # Errors
    /// [`DbError::Statement`].
    pub(crate) async fn told_of_unknown(&self, of: &[&Unknown]) -> Result<(), DbError> {
        for unknown in of {
            sqlx::query(TOLD)
                .bind(unknown.store.tenant.as_str())
                .bind(unknown.store.store.as_str())
                .bind(unknown.register.as_str())
                .bind(self.now_micros())
                .execute(&self.pool)
                .await
                .map_err(failed("note who was told of an unknown register"))?;
        }
        Ok(())
    }
}
