//! Access tokens: for the SQL tools of a person, for an integrator's HTTP requests, for the metrics collector.
//!
//! A token is 32 random bytes, so its SHA-256 is as hard to guess as the token itself; it is shown once and never
//! kept. A SQL token also has a verifier for SCRAM-SHA-256, with which nobody can log in. An integrator's token may be
//! limited to some of its stores. A token that is revoked is refused from the next question on, and its name is free for
//! another one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use rand::RngExt as _;
use sha2::{Digest, Sha256};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::str::FromStr;
use tillsight_schemas::codes;
use tillsight_schemas::id::{StoreId, TenantId};

use super::{Db, DbError, failed};
use crate::sql::Verifier;

codes! {
    /// What a token opens.
    pub enum TokenKind {
        /// HTTP, as a person.
        Person = "person",
        /// SQL, as a person.
        Sql = "sql",
        /// `POST /api/v1/pos/transactions`, as an integrator.
        Integrator = "integrator",
        /// `/metrics`.
        Metrics = "metrics",
    }
}

impl TokenKind {
    /// The name under which a token logs in, of its owner's name and its own.
    pub fn login(self, owner: &str, name: &str) -> String {
        match self {
            Self::Person => format!("{owner}.http.{name}"),
            Self::Sql | Self::Integrator | Self::Metrics => format!("{owner}.{name}"),
        }
    }

    /// The name of a token, of the name under which it logs in.
    pub fn name(self, owner: &str, login: &str) -> String {
        let prefix = self.login(owner, "");
        login.strip_prefix(prefix.as_str()).unwrap_or(login).to_owned()
    }
}

/// A token that was just made. Its secret is not kept anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// The name under which it logs in.
    pub login: String,
    /// The secret.
    pub secret: String,
}

/// A token to be made.
#[derive(Debug, Clone, Copy)]
pub struct TokenOrder<'a> {
    /// What it opens.
    pub kind: TokenKind,
    /// The person or integrator.
    pub owner: &'a str,
    /// The name it will be known by (for SQL: the role name).
    pub login: &'a str,
    /// The stores it is limited to; whatever its owner may when empty.
    pub stores: &'a [StoreId],
    /// Who makes it, where that is a person.
    pub by: Option<&'a str>,
}

/// Whose token it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenOwner {
    /// The name under which it logs in.
    pub login: String,
    /// What it opens.
    pub kind: TokenKind,
    /// The person or integrator.
    pub owner: String,
    /// The stores it is limited to; whatever its owner may when empty.
    pub stores: Vec<StoreId>,
}

/// A token as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Whose it is, and what for.
    pub owner: TokenOwner,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who made it, where that was a person on the pages.
    pub created_by: Option<String>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// For the token of a person: their retailer and the stores they see.
    pub person: Option<(TenantId, Vec<StoreId>)>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// How often the use of a token is written down, in microseconds.
const USE_MICROS: i64 = 60_000_000;

const ADD: &str = "INSERT INTO tokens (login, kind, owner, sha256, scram_verifier, created_at, stores, created_by) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const BY_SECRET: &str =
    "SELECT login, kind, owner, stores, last_used_at FROM tokens WHERE sha256 = $1 AND revoked_at IS NULL";
const SQL_LOGIN: &str = "SELECT login FROM tokens WHERE sha256 = $1 AND kind = 'sql' AND revoked_at IS NULL";
const SCRAM: &str = "SELECT owner, scram_verifier FROM tokens WHERE login = $1 AND kind = 'sql' \
                     AND revoked_at IS NULL";
const LIST: &str = "SELECT t.login, t.kind, t.owner, t.stores, t.last_used_at, t.created_at, t.created_by, u.tenant, \
                    u.stores, t.revoked_at FROM tokens t \
                    LEFT JOIN users u ON u.name = t.owner AND t.kind IN ('sql', 'person') ORDER BY t.login, t.created_at";
const USED: &str = "UPDATE tokens SET last_used_at = $2 WHERE login = $1 AND revoked_at IS NULL \
                    AND (last_used_at IS NULL OR last_used_at <= $3)";
const REVOKE: &str = "UPDATE tokens SET revoked_at = $2 WHERE login = $1 AND revoked_at IS NULL";
pub(super) const REVOKE_OF: &str = "UPDATE tokens SET revoked_at = $2 WHERE owner = $1 AND kind IN ('sql', 'person') \
                                    AND revoked_at IS NULL";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] = &[ADD, BY_SECRET, SQL_LOGIN, SCRAM, LIST, USED, REVOKE, REVOKE_OF];

impl Db {
    /// Makes a token that may what its owner may.
    ///
    /// # Errors
    /// As [`Db::make_token`].
    pub async fn add_token(&self, kind: TokenKind, owner: &str, login: &str) -> Result<NewToken, DbError> {
        self.make_token(TokenOrder { kind, owner, login, stores: &[], by: None }).await
    }

    /// Makes a token.
    ///
    /// # Errors
    /// [`DbError::Exists`] when there is a token of that name that holds.
    pub async fn make_token(&self, order: TokenOrder<'_>) -> Result<NewToken, DbError> {
        let secret = format!("ts_{}", URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 32]>()));
        let sql = order.kind == TokenKind::Sql;
        let verifier = sql.then(|| Verifier::new(&secret, rand::rng().random()).to_string());
        let stores: Vec<&str> = order.stores.iter().map(|store| store.as_str()).collect();
        let result = sqlx::query(ADD)
            .bind(order.login)
            .bind(order.kind.as_str())
            .bind(order.owner)
            .bind(digest(&secret))
            .bind(verifier)
            .bind(self.now_micros())
            .bind(stores.join(","))
            .bind(order.by)
            .execute(&self.pool)
            .await;
        match result {
            Ok(_) => Ok(NewToken { login: order.login.to_owned(), secret }),
            Err(error) if error.as_database_error().is_some_and(|error| error.is_unique_violation()) => {
                Err(DbError::Exists(format!("token {}", order.login)))
            }
            Err(error) => Err(failed("add a token")(error)),
        }
    }

    /// Whose token this is, if it is one that still holds; that it was used is written down once a minute.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub async fn token_owner(&self, secret: &str) -> Result<Option<TokenOwner>, DbError> {
        let row = sqlx::query(BY_SECRET)
            .bind(digest(secret))
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("find a token"))?;
        let Some(row) = row else { return Ok(None) };
        let owner = owner(&row)?;
        let used: Option<i64> = row.try_get(4).map_err(failed("read a token"))?;
        if used.is_none_or(|used| used <= self.now_micros() - USE_MICROS) {
            self.token_used(&owner.login).await;
        }
        Ok(Some(owner))
    }

    /// Writes down that a token was used, unless that was done within the minute. A database that is busy is not worth
    /// refusing somebody for.
    pub async fn token_used(&self, login: &str) {
        let now = self.now_micros();
        let noted = sqlx::query(USED).bind(login).bind(now).bind(now - USE_MICROS).execute(&self.pool).await;
        if let Err(error) = noted {
            tracing::warn!(%error, login, "the use of a token could not be written down");
        }
    }

    /// The SQL log-in whose secret this is.
    ///
    /// # Errors
    /// [`DbError::Statement`].
    pub async fn sql_login(&self, secret: &str) -> Result<Option<String>, DbError> {
        let found = sqlx::query_scalar(SQL_LOGIN).bind(digest(secret)).fetch_optional(&self.pool).await;
        found.map_err(failed("find a login"))
    }

    /// Whose SQL log-in this is, and what its password is proven against.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub async fn scram(&self, login: &str) -> Result<Option<(String, Verifier)>, DbError> {
        let row = sqlx::query(SCRAM).bind(login).fetch_optional(&self.pool).await.map_err(failed("find a login"))?;
        row.map(|row| {
            let text = |column: usize| row.try_get::<String, _>(column).map_err(|_| DbError::Damaged("tokens"));
            Ok((text(0)?, text(1)?.parse().map_err(|_| DbError::Damaged("tokens"))?))
        })
        .transpose()
    }

    /// All tokens that hold.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub async fn tokens(&self) -> Result<Vec<TokenRow>, DbError> {
        let mut tokens = self.all_tokens().await?;
        tokens.retain(|token| token.revoked_at.is_none());
        Ok(tokens)
    }

    /// All tokens, those that were revoked among them.
    ///
    /// # Errors
    /// As [`Db::tokens`].
    pub async fn all_tokens(&self) -> Result<Vec<TokenRow>, DbError> {
        let rows = sqlx::query(LIST).fetch_all(&self.pool).await.map_err(failed("list the tokens"))?;
        rows.iter().map(listed).collect()
    }

    /// Ends a token.
    ///
    /// # Errors
    /// [`DbError::Missing`] when there is none of that name.
    pub async fn revoke_token(&self, login: &str) -> Result<(), DbError> {
        let result = sqlx::query(REVOKE).bind(login).bind(self.now_micros()).execute(&self.pool).await;
        match result.map_err(failed("revoke a token"))?.rows_affected() {
            0 => Err(DbError::Missing(format!("token {login}"))),
            _ => Ok(()),
        }
    }
}

fn owner(row: &AnyRow) -> Result<TokenOwner, DbError> {
    let text = |column: usize| row.try_get::<String, _>(column).map_err(failed("read a token"));
    let kind = TokenKind::from_str(&text(1)?).map_err(|_| DbError::Damaged("tokens"))?;
    Ok(TokenOwner { login: text(0)?, kind, owner: text(2)?, stores: stores(&text(3)?)? })
}

fn stores(text: &str) -> Result<Vec<StoreId>, DbError> {
    let ids = text.split(',').filter(|store| !store.is_empty());
    ids.map(|store| store.parse().map_err(|_| DbError::Damaged("tokens"))).collect()
}

fn listed(row: &AnyRow) -> Result<TokenRow, DbError> {
    let text = |column: usize| row.try_get::<Option<String>, _>(column).map_err(failed("read a token"));
    let instant = |micros: i64| DateTime::from_timestamp_micros(micros).ok_or(DbError::Damaged("tokens"));
    let maybe = |column: usize| row.try_get::<Option<i64>, _>(column).map_err(failed("read a token"));
    let person = match (text(7)?, text(8)?) {
        (Some(tenant), Some(of)) => Some((tenant.parse().map_err(|_| DbError::Damaged("users"))?, stores(&of)?)),
        _ => None,
    };
    Ok(TokenRow {
        owner: owner(row)?,
        last_used_at: maybe(4)?.map(instant).transpose()?,
        created_at: instant(row.try_get(5).map_err(failed("read a token"))?)?,
        created_by: text(6)?,
        person,
        revoked_at: maybe(9)?.map(instant).transpose()?,
    })
}

/// SHA-256 of a secret, hexadecimal: what is kept of it.
pub(super) fn digest(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tillsight_schemas::ReplayClock;

    use super::*;

    #[tokio::test]
    async fn the_name_of_a_revoked_token_is_free_and_the_old_secret_stays_refused() {
        let dir = tempfile::tempdir().unwrap();
        let clock = ReplayClock::at("2026-11-22T12:00:00Z".parse().unwrap());
        let db = Db::in_dir(dir.path(), Arc::new(clock)).await.unwrap();
        let first = db.add_token(TokenKind::Sql, "anna", "anna.bi").await.unwrap();
        let twice = db.add_token(TokenKind::Sql, "anna", "anna.bi").await;
        assert!(matches!(twice, Err(DbError::Exists(_))), "{twice:?}");
        for _ in 0..2 {
            db.revoke_token("anna.bi").await.unwrap();
            let next = db.add_token(TokenKind::Sql, "anna", "anna.bi").await.unwrap();
            assert_eq!(db.token_owner(&first.secret).await.unwrap(), None);
            assert_eq!(db.token_owner(&next.secret).await.unwrap().unwrap().login, "anna.bi");
        }
        let revoked: Vec<bool> =
            db.all_tokens().await.unwrap().iter().map(|token| token.revoked_at.is_some()).collect();
        assert_eq!(revoked.iter().filter(|revoked| **revoked).count(), 2, "{revoked:?}");
        assert_eq!(db.tokens().await.unwrap().len(), 1);
    }
}
