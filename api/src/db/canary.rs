//! Canaries: when the one of a store and day was sent, and when what became of it came out ([`crate::canary`]).

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::Row as _;
use sqlx::any::AnyRow;
use tillsight_schemas::id::StoreKey;

use super::{Db, DbError, failed};

/// The first process that writes the row sends it.
const SEND: &str = "INSERT INTO canaries (tenant, store, day, sent_at, came_at) VALUES ($1, $2, $3, $4, NULL) \
                    ON CONFLICT (tenant, store, day) DO NOTHING";
const CAME: &str = "UPDATE canaries SET came_at = $4 WHERE tenant = $1 AND store = $2 AND day = $3 AND came_at IS NULL";
const LAST: &str = "SELECT c.tenant, c.store, c.day, c.sent_at, c.came_at, \
                    (SELECT max(b.came_at) FROM canaries b WHERE b.tenant = c.tenant AND b.store = c.store), \
                    (SELECT min(b.sent_at) FROM canaries b WHERE b.tenant = c.tenant AND b.store = c.store) \
                    FROM canaries c WHERE c.day = (SELECT max(o.day) FROM canaries o \
                    WHERE o.tenant = c.tenant AND o.store = c.store) ORDER BY c.tenant, c.store";
const FORGET: &str = "DELETE FROM canaries WHERE sent_at < $1";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] = &[SEND, CAME, LAST, FORGET];

/// The last canary of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sung {
    /// The shop.
    pub(crate) store: StoreKey,
    /// The day of the store's clock.
    pub(crate) day: NaiveDate,
    /// When it was sent.
    pub(crate) sent_at: DateTime<Utc>,
    /// When it came out.
    pub(crate) came_at: Option<DateTime<Utc>>,
    /// When any of the store's came out last; when the first was sent, while none has.
    pub(crate) silent_since: DateTime<Utc>,
}

fn sung(row: &AnyRow) -> Result<Sung, Box<dyn std::error::Error + Send + Sync>> {
    let maybe = |column: usize| -> Result<Option<DateTime<Utc>>, sqlx::Error> {
        Ok(row.try_get::<Option<i64>, _>(column)?.and_then(DateTime::from_timestamp_micros))
    };
    let sent_at = maybe(3)?.ok_or("no instant")?;
    Ok(Sung {
        store: StoreKey::new(row.try_get::<String, _>(0)?.parse()?, row.try_get::<String, _>(1)?.parse()?),
        day: row.try_get::<String, _>(2)?.parse()?,
        sent_at,
        came_at: maybe(4)?,
        silent_since: maybe(5)?.or(maybe(6)?).unwrap_or(sent_at),
    })
}

impl Db {
    /// Writes down that the canary of a store and day is sent now; whether it was not before. What is a quarter of a year old
    /// is forgotten.
    ///
    /// # Errors
    /// [`DbError::Statement`].
    pub(crate) async fn send_canary(&self, store: &StoreKey, day: NaiveDate) -> Result<bool, DbError> {
        let now = self.now_micros();
        let sent = sqlx::query(SEND)
            .bind(store.tenant.as_str())
            .bind(store.store.as_str())
            .bind(day.to_string())
            .bind(now)
            .execute(&self.pool)
            .await
            .map_err(failed("note a canary"))?;
        let before = now - 90 * 86_400_000_000;
        sqlx::query(FORGET).bind(before).execute(&self.pool).await.map_err(failed("forget canaries"))?;
        Ok(sent.rows_affected() > 0)
    }

    /// Writes down that the canary of a store and day has come out.
    ///
    /// # Errors
    /// [`DbError::Statement`].
    pub(crate) async fn canary_came(&self, store: &StoreKey, day: NaiveDate, at: DateTime<Utc>) -> Result<(), DbError> {
        sqlx::query(CAME)
            .bind(store.tenant.as_str())
            .bind(store.store.as_str())
            .bind(day.to_string())
            .bind(at.timestamp_micros())
            .execute(&self.pool)
            .await
            .map_err(failed("note that a canary came out"))?;
        Ok(())
    }

    /// The last canary of each store that ever had one.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub(crate) async fn canaries(&self) -> Result<Vec<Sung>, DbError> {
        let rows = sqlx::query(LAST).fetch_all(&self.pool).await.map_err(failed("list canaries"))?;
        let all: Result<Vec<Sung>, _> = rows.iter().map(sung).collect();
        all.map_err(|_| DbError::Damaged("canary"))
    }
}
