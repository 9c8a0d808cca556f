//! Access tokens: for the SQL tools of a person, for an integrator's HTTP requests, for the metrics collector.
//!
//! A token is 32 random bytes, so its SHA-256 is as hard to guess as the token itself; it is shown once and never
//! kept. A SQL token also has a verifier for SCRAM-SHA-256, with which nobody can log in.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngExt as _;
use sha2::{Digest, Sha256};
use sqlx::Row;
use std::str::FromStr;
use tillsight_schemas::codes;

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

/// A token that was just made. Its secret is not kept anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// The name under which it logs in.
    pub login: String,
    /// The secret.
    pub secret: String,
}

/// Whose token it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenOwner {
    /// What it opens.
    pub kind: TokenKind,
    /// The person or integrator.
    pub owner: String,
}

const ADD: &str = "INSERT INTO tokens (login, kind, owner, sha256, scram_verifier, created_at) \
                   VALUES ($1, $2, $3, $4, $5, $6)";
const BY_SECRET: &str = "SELECT kind, owner FROM tokens WHERE sha256 = $1 AND revoked_at IS NULL";
const SQL_LOGIN: &str = "SELECT login FROM tokens WHERE sha256 = $1 AND kind = 'sql' AND revoked_at IS NULL";
const SCRAM: &str = "SELECT owner, scram_verifier FROM tokens WHERE login = $1 AND kind = 'sql' \
                     AND revoked_at IS NULL";
const LIST: &str = "SELECT login, kind, owner FROM tokens WHERE revoked_at IS NULL ORDER BY login";
const REVOKE: &str = "UPDATE tokens SET revoked_at = $2 WHERE login = $1 AND revoked_at IS NULL";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] = &[ADD, BY_SECRET, SQL_LOGIN, SCRAM, LIST, REVOKE];

impl Db {
    /// Makes a token; `login` is the name it will be known by (for SQL: the role name).
    ///
    /// # Errors
    /// [`DbError::Exists`] when there is a token of that name.
    pub async fn add_token(&self, kind: TokenKind, owner: &str, login: &str) -> Result<NewToken, DbError> {
        let secret = format!("ts_{}", URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 32]>()));
        let verifier = (kind == TokenKind::Sql).then(|| Verifier::new(&secret, rand::rng().random()).to_string());
        let result = sqlx::query(ADD)
            .bind(login)
            .bind(kind.as_str())
            .bind(owner)
            .bind(digest(&secret))
            .bind(verifier)
            .bind(self.now_micros())
            .execute(&self.pool)
            .await;
        match result {
            Ok(_) => Ok(NewToken { login: login.to_owned(), secret }),
            Err(error) if error.as_database_error().is_some_and(|error| error.is_unique_violation()) => {
                Err(DbError::Exists(format!("token {login}")))
            }
            Err(error) => Err(failed("add a token")(error)),
        }
    }

    /// Whose token this is, if it is one that still holds.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub async fn token_owner(&self, secret: &str) -> Result<Option<TokenOwner>, DbError> {
        let row = sqlx::query(BY_SECRET)
            .bind(digest(secret))
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("find a token"))?;
        row.map(|row| {
            let kind: String = row.try_get(0).map_err(failed("read a token"))?;
            let owner = row.try_get(1).map_err(failed("read a token"))?;
            let kind = TokenKind::from_str(&kind).map_err(|_| DbError::Damaged("tokens"))?;
            Ok(TokenOwner { kind, owner })
        })
        .transpose()
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

    /// All tokens that hold: name, kind, owner.
    ///
    /// # Errors
    /// [`DbError::Statement`].
    pub async fn tokens(&self) -> Result<Vec<(String, String, String)>, DbError> {
        sqlx::query_as(LIST).fetch_all(&self.pool).await.map_err(failed("list the tokens"))
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

/// SHA-256 of a secret, hexadecimal: what is kept of it.
pub(super) fn digest(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
