//! Passwords and sessions of people who use the pages.
//!
//! A session is 32 random bytes in a cookie; only their SHA-256 is kept. It ends after twelve hours without a request,
//! after seven days in any case, when the password changes, and when the person loses access.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use rand::RngExt as _;
use sqlx::Row as _;

use super::tokens::digest;
use super::{Db, DbError, User, failed};

/// A session ends when nothing was asked for so long.
const IDLE: TimeDelta = TimeDelta::hours(12);
/// A session ends after so long in any case.
const LONGEST: TimeDelta = TimeDelta::days(7);
/// How exactly it is kept when somebody was last there: a row is not written at each request.
const GRAIN: TimeDelta = TimeDelta::minutes(1);
/// The fewest characters of a password.
const SHORTEST_PASSWORD: usize = 10;
/// The most bytes of a password: nobody types more, and hashing them is work.
const LONGEST_PASSWORD: usize = 1024;

const SET: &str = "INSERT INTO passwords (name, phc, changed_at) VALUES ($1, $2, $3) \
                   ON CONFLICT (name) DO UPDATE SET phc = excluded.phc, changed_at = excluded.changed_at";
const PHC: &str = "SELECT phc FROM passwords WHERE name = $1";
const BEGIN: &str = "INSERT INTO sessions (sha256, name, created_at, seen_at) VALUES ($1, $2, $3, $3)";
const FIND: &str = "SELECT name, created_at, seen_at FROM sessions WHERE sha256 = $1";
const SEEN: &str = "UPDATE sessions SET seen_at = $2 WHERE sha256 = $1";
const SEEN_PERSON: &str = "UPDATE users SET last_seen_at = $2 WHERE name = $1";
const END: &str = "DELETE FROM sessions WHERE sha256 = $1";
pub(super) const END_ALL: &str = "DELETE FROM sessions WHERE name = $1";
const FORGET: &str = "DELETE FROM sessions WHERE seen_at <= $1 OR created_at <= $2";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] = &[SET, PHC, BEGIN, FIND, SEEN, SEEN_PERSON, END, END_ALL, FORGET];

/// A password that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPassword {
    /// Too short or too long.
    #[error("a password has {SHORTEST_PASSWORD} characters at least and {LONGEST_PASSWORD} bytes at most")]
    Length,
    /// It cannot be hashed.
    #[error("the password cannot be hashed")]
    Hash,
}

/// Hashes a password (argon2id with the parameters that its authors recommend); takes tens of milliseconds.
///
/// # Errors
/// [`BadPassword`].
pub fn hash_password(password: &str) -> Result<String, BadPassword> {
    if password.chars().count() < SHORTEST_PASSWORD || password.len() > LONGEST_PASSWORD {
        return Err(BadPassword::Length);
    }
    let hash: PasswordHash = Argon2::default().hash_password(password.as_bytes()).map_err(|_| BadPassword::Hash)?;
    Ok(hash.to_string())
}

/// Whether a password is the one that was hashed; takes as long as hashing it, whatever comes out.
pub fn password_fits(password: &str, phc: &str) -> bool {
    let Ok(hash) = PasswordHash::new(phc) else { return false };
    password.len() <= LONGEST_PASSWORD && Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

/// A text that nobody can guess.
pub fn random_secret() -> String {
    URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 32]>())
}

impl Db {
    /// Sets a person's password (its hash) and ends their sessions.
    ///
    /// # Errors
    /// [`DbError::Missing`] when there is no such person.
    pub async fn set_password(&self, name: &str, phc: &str) -> Result<(), DbError> {
        if self.user(name).await?.is_none() {
            return Err(DbError::Missing(format!("user {name}")));
        }
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        sqlx::query(SET)
            .bind(name)
            .bind(phc)
            .bind(self.now_micros())
            .execute(&mut *transaction)
            .await
            .map_err(failed("set a password"))?;
        sqlx::query(END_ALL).bind(name).execute(&mut *transaction).await.map_err(failed("end sessions"))?;
        transaction.commit().await.map_err(failed("commit a password"))
    }

    /// The hash of a person's password, if they have one.
    ///
    /// # Errors
    /// [`DbError::Statement`].
    pub async fn password(&self, name: &str) -> Result<Option<String>, DbError> {
        sqlx::query_scalar(PHC).bind(name).fetch_optional(&self.pool).await.map_err(failed("find a password"))
    }

    /// Begins a session and returns its secret; forgets the sessions that have ended.
    ///
    /// # Errors
    /// [`DbError::Statement`].
    pub async fn begin_session(&self, name: &str) -> Result<String, DbError> {
        let now = self.now_micros();
        sqlx::query(FORGET)
            .bind(seen_after(now))
            .bind(begun_after(now))
            .execute(&self.pool)
            .await
            .map_err(failed("forget sessions"))?;
        let secret = random_secret();
        sqlx::query(BEGIN)
            .bind(digest(&secret))
            .bind(name)
            .bind(now)
            .execute(&self.pool)
            .await
            .map_err(failed("begin a session"))?;
        self.seen(name, now).await?;
        Ok(secret)
    }

    /// Whose session this is, if it holds.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub async fn session(&self, secret: &str) -> Result<Option<User>, DbError> {
        let sha256 = digest(secret);
        let found =
            sqlx::query(FIND).bind(&sha256).fetch_optional(&self.pool).await.map_err(failed("find a session"))?;
        let Some(row) = found else { return Ok(None) };
        let name: String = row.try_get(0).map_err(failed("read a session"))?;
        let created: i64 = row.try_get(1).map_err(failed("read a session"))?;
        let seen: i64 = row.try_get(2).map_err(failed("read a session"))?;
        let now = self.now_micros();
        if now - created >= micros(LONGEST) || now - seen >= micros(IDLE) {
            return Ok(None);
        }
        if now - seen >= micros(GRAIN) {
            sqlx::query(SEEN).bind(&sha256).bind(now).execute(&self.pool).await.map_err(failed("keep a session"))?;
            self.seen(&name, now).await?;
        }
        self.user(&name).await
    }

    async fn seen(&self, name: &str, now: i64) -> Result<(), DbError> {
        let noted = sqlx::query(SEEN_PERSON).bind(name).bind(now).execute(&self.pool).await;
        noted.map(drop).map_err(failed("note who was there"))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`DbError::Statement`].
    pub async fn end_session(&self, secret: &str) -> Result<(), DbError> {
        sqlx::query(END).bind(digest(secret)).execute(&self.pool).await.map_err(failed("end a session"))?;
        Ok(())
    }
}

/// Sessions that nobody used since then have ended.
pub(super) fn seen_after(now: i64) -> i64 {
    now - micros(IDLE)
}

/// Sessions that began before have ended.
pub(super) fn begun_after(now: i64) -> i64 {
    now - micros(LONGEST)
}

fn micros(length: TimeDelta) -> i64 {
    length.num_microseconds().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tillsight_schemas::ReplayClock;

    use super::*;
    use crate::db::Role;

    #[test]
    fn a_password_fits_itself_only() {
        let phc = hash_password("correct horse").unwrap();
        assert!(phc.starts_with("$argon2id$"));
        assert!(password_fits("correct horse", &phc));
        assert!(!password_fits("correct horsf", &phc) && !password_fits("correct horse", "rubbish"));
        assert_eq!(hash_password("short"), Err(BadPassword::Length));
    }

    #[tokio::test]
    async fn a_session_ends_when_nobody_is_there_or_after_a_week_or_with_the_password() {
        let dir = tempfile::tempdir().unwrap();
        let clock = ReplayClock::at("2026-11-22T12:00:00Z".parse().unwrap());
        let db = Db::in_dir(dir.path(), Arc::new(clock.clone())).await.unwrap();
        let lena =
            User { name: "lena".into(), tenant: "demo".parse().unwrap(), role: Role::Analyst, stores: Vec::new() };
        db.add_user(&lena).await.unwrap();

        let idle = db.begin_session("lena").await.unwrap();
        clock.advance(IDLE - TimeDelta::seconds(1));
        assert_eq!(db.session(&idle).await.unwrap().as_ref(), Some(&lena));
        clock.advance(IDLE);
        assert!(db.session(&idle).await.unwrap().is_none());

        let busy = db.begin_session("lena").await.unwrap();
        for _ in 0..16 {
            clock.advance(TimeDelta::hours(10));
            assert!(db.session(&busy).await.unwrap().is_some());
        }
        clock.advance(TimeDelta::hours(9));
        assert!(db.session(&busy).await.unwrap().is_none(), "a week is over");

        let other = db.begin_session("lena").await.unwrap();
        db.set_password("lena", "$argon2id$").await.unwrap();
        assert!(db.session(&other).await.unwrap().is_none(), "the password has changed");

        let last = db.begin_session("lena").await.unwrap();
        db.disable_user("lena").await.unwrap();
        assert!(db.session(&last).await.unwrap().is_none(), "no access any more");
    }
}
