//! What is set up: stores, cameras, zones, registers, operators and adjustments of rules as data that pages change,
//! versioned in time.
//!
//! Every change is a new version ([`Version`]) with its time and author; nothing is overwritten, and a removal is a
//! version without a document. All versions of a change are written in one transaction, which also raises a counter:
//! processes that follow it ([`Db::set_up_change`]) know within a second. The configuration file only bootstraps
//! ([`Db::take_over`]). Passwords of cameras lie in a table of their own and are in no document ([`passwords`]).

mod adjusted;
mod bootstrap;
mod passwords;
mod snapshot;

use std::str::FromStr as _;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use tillsight_schemas::codes;
use tillsight_schemas::id::TenantId;

use super::epochs::count;
use super::{Db, DbError, failed};

pub use adjusted::KeptAdjustment;
pub(crate) use bootstrap::{camera as camera_document, store as store_document, zone as zone_document};
pub(super) use passwords::STATEMENTS as PASSWORD_STATEMENTS;
pub use passwords::{CameraPassword, Password};
pub use snapshot::{Drawn, SetUp};

codes! {
    /// What a version is of.
    pub enum What {
        /// A camera.
        Camera = "camera",
        /// A zone.
        Zone = "zone",
        /// A store.
        Store = "store",
        /// A register.
        Register = "register",
        /// An operator.
        Operator = "operator",
        /// Somebody who logs in.
        User = "user",
        /// Something that a store says otherwise than a rule.
        Adjustment = "adjustment",
    }
}

/// Who is named as author of what the configuration file says.
pub const BY_CONFIGURATION: &str = "configuration";
/// The counter that rises with every change.
const COUNTER: &str = "setup";

/// What has versions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// What it is.
    pub what: What,
    /// The retailer.
    pub tenant: TenantId,
    /// The store it belongs to; empty for what belongs to the whole retailer.
    pub store: String,
    /// Its id.
    pub id: String,
}

/// What was said about something from one instant on.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// About what.
    pub key: Key,
    /// Its number; the first is 1.
    pub version: i32,
    /// From when on it holds.
    pub valid_from: DateTime<Utc>,
    /// When the next one replaced it.
    pub ended_at: Option<DateTime<Utc>>,
    /// Who said it.
    pub by: String,
    /// What was said; nothing when it was removed.
    pub document: Option<Value>,
}

/// Which version is to be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// None: it is new, or was removed.
    New,
    /// This one.
    Version(i32),
    /// Whichever holds.
    Any,
}

/// A change of one thing.
#[derive(Debug, Clone)]
pub struct Change {
    /// Of what.
    pub key: Key,
    /// Which version it replaces.
    pub expected: Expected,
    /// What holds from now on; nothing to remove it.
    pub document: Option<Value>,
    /// What becomes of a camera's password.
    pub password: Password,
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It was changed in between.
    #[error("{what} {id} is at version {version} by now, and you looked at another one: look again")]
    Changed {
        /// What.
        what: What,
        /// Which.
        id: String,
        /// The version that holds.
        version: i32,
    },
    /// There is one already.
    #[error("{0} {1} exists already")]
    Exists(What, String),
    /// There is none.
    #[error("there is no {0} {1}")]
    Missing(What, String),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

const LAST: &str = "SELECT version, valid_from, document FROM setup_versions \
                    WHERE what = $1 AND tenant = $2 AND store = $3 AND id = $4 AND ended_at IS NULL";
const END: &str = "UPDATE setup_versions SET ended_at = $6 WHERE what = $1 AND tenant = $2 AND store = $3 AND id = $4 \
                   AND version = $5 AND ended_at IS NULL";
const ADD: &str = "INSERT INTO setup_versions (what, tenant, store, id, version, valid_from, changed_by, document) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const HELD: &str = "SELECT what, tenant, store, id, version, valid_from, ended_at, changed_by, document \
                    FROM setup_versions WHERE ended_at IS NULL ORDER BY what, tenant, store, id";
const OF_TENANT: &str = "SELECT what, tenant, store, id, version, valid_from, ended_at, changed_by, document \
                         FROM setup_versions WHERE what = $1 AND tenant = $2 AND ended_at IS NULL ORDER BY store, id";
const ONE: &str = "SELECT what, tenant, store, id, version, valid_from, ended_at, changed_by, document \
                   FROM setup_versions WHERE what = $1 AND tenant = $2 AND store = $3 AND id = $4 AND ended_at IS NULL";
const HISTORY: &str = "SELECT what, tenant, store, id, version, valid_from, ended_at, changed_by, document \
                       FROM setup_versions WHERE what = $1 AND tenant = $2 AND (store = $3 OR $3 = '*') \
                       AND (id = $4 OR $4 = '*') ORDER BY valid_from DESC, id, version DESC LIMIT $5";
const EVER: &str = "SELECT what, tenant, store, id, version, valid_from, ended_at, changed_by, document \
                    FROM setup_versions WHERE what = $1 ORDER BY tenant, store, id, version";
const VALUE: &str = "SELECT value FROM counters WHERE name = $1";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] = &[LAST, END, ADD, HELD, OF_TENANT, ONE, HISTORY, EVER, VALUE];

impl Key {
    /// The key of something in a store.
    pub fn new(what: What, tenant: &TenantId, store: impl Into<String>, id: impl Into<String>) -> Self {
        Self { what, tenant: tenant.clone(), store: store.into(), id: id.into() }
    }
}

impl Change {
    /// A change that leaves passwords alone.
    pub fn new(key: Key, expected: Expected, document: Option<Value>) -> Self {
        Self { key, expected, document, password: Password::Keep }
    }
}

impl Db {
    /// Makes some changes: all of them or none.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn change(&self, by: &str, changes: &[Change]) -> Result<(), ChangeError> {
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        let now = self.now_micros();
        // First of all: it takes SQLite's lock for writing, so nobody changes what is read next.
        count(&mut transaction, COUNTER).await?;
        for change in changes {
            put(&mut transaction, by, change, now).await?;
        }
        transaction.commit().await.map_err(failed("commit a change of the set-up"))?;
        Ok(())
    }

    /// What holds of one kind for a retailer, by store and id; what was removed is not there.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub async fn held(&self, what: What, tenant: &TenantId) -> Result<Vec<Version>, DbError> {
        let rows = sqlx::query(OF_TENANT).bind(what.as_str()).bind(tenant.as_str()).fetch_all(&self.pool).await;
        let all: Vec<Version> = rows.map_err(failed("list the set-up"))?.iter().map(read).collect::<Result<_, _>>()?;
        Ok(all.into_iter().filter(|version| version.document.is_some()).collect())
    }

    /// What holds of one thing, unless it was removed.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub async fn holds(&self, key: &Key) -> Result<Option<Version>, DbError> {
        let row = sqlx::query(ONE)
            .bind(key.what.as_str())
            .bind(key.tenant.as_str())
            .bind(&key.store)
            .bind(&key.id)
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("find in the set-up"))?;
        Ok(row.as_ref().map(read).transpose()?.filter(|version| version.document.is_some()))
    }

    /// The versions of one thing, newest first; of all things of a store or of a kind where `store` or `id` is left out.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub async fn versions(
        &self,
        what: What,
        tenant: &TenantId,
        store: Option<&str>,
        id: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Version>, DbError> {
        let rows = sqlx::query(HISTORY)
            .bind(what.as_str())
            .bind(tenant.as_str())
            .bind(store.unwrap_or("*"))
            .bind(id.unwrap_or("*"))
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(failed("read the history of the set-up"))?;
        rows.iter().map(read).collect()
    }

    /// A number that rises with every change of the set-up.
    ///
    /// # Errors
    /// [`DbError::Statement`].
    pub async fn set_up_change(&self) -> Result<i64, DbError> {
        let value: Option<i64> = sqlx::query_scalar(VALUE)
            .bind(COUNTER)
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("ask for changes of the set-up"))?;
        Ok(value.unwrap_or_default())
    }
}

/// Writes one version and ends the one before; returns its number.
pub(super) async fn put(
    connection: &mut AnyConnection,
    by: &str,
    change: &Change,
    now: i64,
) -> Result<i32, ChangeError> {
    let Key { what, tenant, store, id } = &change.key;
    let last = sqlx::query(LAST)
        .bind(what.as_str())
        .bind(tenant.as_str())
        .bind(store)
        .bind(id)
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed("find in the set-up"))?;
    let mut number = 0_i64;
    let mut from = now;
    let mut stands = false;
    if let Some(row) = &last {
        number = row.try_get(0).map_err(failed("read the set-up"))?;
        let since: i64 = row.try_get(1).map_err(failed("read the set-up"))?;
        let document: Option<String> = row.try_get(2).map_err(failed("read the set-up"))?;
        stands = document.is_some();
        // Two changes within a microsecond, or a clock that went back: versions follow each other all the same.
        from = now.max(since + 1);
    }
    let current = i32::try_from(number).map_err(|_| DbError::Damaged("set-up"))?;
    match change.expected {
        Expected::New if stands => return Err(ChangeError::Exists(*what, id.clone())),
        Expected::Version(_) if !stands => return Err(ChangeError::Missing(*what, id.clone())),
        Expected::Version(looked_at) if looked_at != current => {
            return Err(ChangeError::Changed { what: *what, id: id.clone(), version: current });
        }
        _ if !stands && change.document.is_none() => return Err(ChangeError::Missing(*what, id.clone())),
        _ => {}
    }
    if last.is_some() {
        let ended = sqlx::query(END)
            .bind(what.as_str())
            .bind(tenant.as_str())
            .bind(store)
            .bind(id)
            .bind(number)
            .bind(from)
            .execute(&mut *connection)
            .await
            .map_err(failed("end a version of the set-up"))?;
        if ended.rows_affected() == 0 {
            return Err(ChangeError::Changed { what: *what, id: id.clone(), version: current });
        }
    }
    let next = current.saturating_add(1).max(bootstrap::first_version(change));
    let added = sqlx::query(ADD)
        .bind(what.as_str())
        .bind(tenant.as_str())
        .bind(store)
        .bind(id)
        .bind(i64::from(next))
        .bind(from)
        .bind(by)
        .bind(change.document.as_ref().map(Value::to_string))
        .execute(&mut *connection)
        .await;
    match added {
        Ok(_) => {}
        // On PostgreSQL somebody else wrote the same version meanwhile.
        Err(error) if error.as_database_error().is_some_and(|error| error.is_unique_violation()) => {
            return Err(ChangeError::Changed { what: *what, id: id.clone(), version: next });
        }
        Err(error) => return Err(failed("write a version of the set-up")(error).into()),
    }
    passwords::put(connection, change).await?;
    Ok(next)
}

fn read(row: &AnyRow) -> Result<Version, DbError> {
    let damaged = || DbError::Damaged("set-up");
    let text = |column: usize| row.try_get::<String, _>(column).map_err(failed("read the set-up"));
    let instant = |micros: i64| DateTime::from_timestamp_micros(micros).ok_or_else(damaged);
    let number: i64 = row.try_get(4).map_err(failed("read the set-up"))?;
    let from: i64 = row.try_get(5).map_err(failed("read the set-up"))?;
    let ended: Option<i64> = row.try_get(6).map_err(failed("read the set-up"))?;
    let document: Option<String> = row.try_get(8).map_err(failed("read the set-up"))?;
    Ok(Version {
        key: Key {
            what: What::from_str(&text(0)?).map_err(|_| damaged())?,
            tenant: text(1)?.parse().map_err(|_| damaged())?,
            store: text(2)?,
            id: text(3)?,
        },
        version: i32::try_from(number).map_err(|_| damaged())?,
        valid_from: instant(from)?,
        ended_at: ended.map(instant).transpose()?,
        by: text(7)?,
        document: document.map(|text| serde_json::from_str(&text).map_err(|_| damaged())).transpose()?,
    })
}

#[cfg(test)]
mod tests;
