//! People: their role and the stores they may see.
//!
//! The name of somebody who was disabled is free for another: password, sessions and tokens of before end with that.

use std::str::FromStr;

use sqlx::{AnyConnection, Row};
use tillsight_schemas::codes;
use tillsight_schemas::id::{StoreId, TenantId};

use super::sessions::END_ALL;
use super::tokens::REVOKE_OF;
use super::{Db, DbError, failed};

codes! {
    /// What a person does here.
    pub enum Role {
        /// Reviews alerts, searches, builds cases.
        Analyst = "analyst",
        /// Reads the report of their stores.
        Manager = "manager",
        /// Asks questions in SQL.
        HeadOffice = "head_office",
        /// Sets up stores, cameras, users.
        Admin = "admin",
    }
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The log-in name.
    pub name: String,
    /// The retailer.
    pub tenant: TenantId,
    /// What they do.
    pub role: Role,
    /// The stores they see; all of the tenant when empty.
    pub stores: Vec<StoreId>,
}

/// Who was an operator stays one until a page says otherwise: nobody comes back to read about themselves.
const ADD: &str = "INSERT INTO users (name, tenant, role, stores, created_at) VALUES ($1, $2, $3, $4, $5) \
                   ON CONFLICT (name) DO UPDATE SET tenant = excluded.tenant, role = excluded.role, \
                   stores = excluded.stores, created_at = excluded.created_at, disabled_at = NULL, email = NULL, \
                   operator_id = CASE WHEN users.tenant = excluded.tenant THEN users.operator_id END, \
                   last_seen_at = NULL WHERE users.disabled_at IS NOT NULL";
pub(super) const FIND: &str = "SELECT name, tenant, role, stores FROM users WHERE name = $1 AND disabled_at IS NULL";
const LIST: &str = "SELECT name, tenant, role, stores FROM users WHERE disabled_at IS NULL ORDER BY name";
const DISABLED: &str = "SELECT name, tenant, role, stores FROM users WHERE disabled_at IS NOT NULL ORDER BY name";
const FORGET_PASSWORD: &str = "DELETE FROM passwords WHERE name = $1";
const DISABLE: &str = "UPDATE users SET disabled_at = $2 WHERE name = $1 AND disabled_at IS NULL";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] = &[ADD, FIND, LIST, DISABLED, FORGET_PASSWORD, DISABLE];

impl Db {
    /// Adds a person.
    ///
    /// # Errors
    /// [`DbError::Exists`] when somebody who may log in has the name.
    pub async fn add_user(&self, user: &User) -> Result<(), DbError> {
        let stores: Vec<&str> = user.stores.iter().map(|store| store.as_str()).collect();
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        let added = sqlx::query(ADD)
            .bind(&user.name)
            .bind(user.tenant.as_str())
            .bind(user.role.as_str())
            .bind(stores.join(","))
            .bind(self.now_micros())
            .execute(&mut *transaction)
            .await
            .map_err(failed("add a user"))?;
        if added.rows_affected() == 0 {
            return Err(DbError::Exists(format!("user {}", user.name)));
        }
        begin_anew(&mut transaction, &user.name, self.now_micros()).await?;
        transaction.commit().await.map_err(failed("commit a user"))
    }

    /// Finds a person who may log in.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub async fn user(&self, name: &str) -> Result<Option<User>, DbError> {
        let row = sqlx::query(FIND).bind(name).fetch_optional(&self.pool).await.map_err(failed("find a user"))?;
        row.map(|row| read(&row)).transpose()
    }

    /// Everybody who may log in.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub async fn users(&self) -> Result<Vec<User>, DbError> {
        let rows = sqlx::query(LIST).fetch_all(&self.pool).await.map_err(failed("list the users"))?;
        rows.iter().map(read).collect()
    }

    /// Everybody who may not log in any more.
    ///
    /// # Errors
    /// As [`Db::users`].
    pub async fn disabled_users(&self) -> Result<Vec<User>, DbError> {
        let rows = sqlx::query(DISABLED).fetch_all(&self.pool).await.map_err(failed("list the users"))?;
        rows.iter().map(read).collect()
    }

    /// Ends a person's access.
    ///
    /// # Errors
    /// [`DbError::Missing`] when there is no such person.
    pub async fn disable_user(&self, name: &str) -> Result<(), DbError> {
        let result = sqlx::query(DISABLE).bind(name).bind(self.now_micros()).execute(&self.pool).await;
        match result.map_err(failed("disable a user"))?.rows_affected() {
            0 => Err(DbError::Missing(format!("user {name}"))),
            _ => Ok(()),
        }
    }
}

/// Ends what somebody of this name could log in with before.
pub(super) async fn begin_anew(connection: &mut AnyConnection, name: &str, now: i64) -> Result<(), DbError> {
    for statement in [FORGET_PASSWORD, END_ALL] {
        sqlx::query(statement).bind(name).execute(&mut *connection).await.map_err(failed("begin anew"))?;
    }
    sqlx::query(REVOKE_OF).bind(name).bind(now).execute(connection).await.map_err(failed("begin anew"))?;
    Ok(())
}

fn read(row: &sqlx::any::AnyRow) -> Result<User, DbError> {
    let text = |column: usize| row.try_get::<String, _>(column).map_err(failed("read a user"));
    let damaged = || DbError::Damaged("users");
    Ok(User {
        name: text(0)?,
        tenant: text(1)?.parse().map_err(|_| damaged())?,
        role: Role::from_str(&text(2)?).map_err(|_| damaged())?,
        stores: text(3)?
            .split(',')
            .filter(|store| !store.is_empty())
            .map(|store| store.parse().map_err(|_| damaged()))
            .collect::<Result<_, _>>()?,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tillsight_schemas::ReplayClock;

    use super::super::TokenKind;
    use super::*;

    #[tokio::test]
    async fn the_name_of_somebody_who_was_disabled_is_free_and_opens_nothing_of_before() {
        let dir = tempfile::tempdir().unwrap();
        let clock = ReplayClock::at("2026-11-22T12:00:00Z".parse().unwrap());
        let db = Db::in_dir(dir.path(), Arc::new(clock)).await.unwrap();
        let mut anna = User {
            name: "anna".into(),
            tenant: "acme".parse().unwrap(),
            role: Role::HeadOffice,
            stores: vec!["17".parse().unwrap()],
        };
        db.add_user(&anna).await.unwrap();
        assert!(matches!(db.add_user(&anna).await, Err(DbError::Exists(_))));
        db.set_password("anna", "phc").await.unwrap();
        let session = db.begin_session("anna").await.unwrap();
        let token = db.add_token(TokenKind::Sql, "anna", "anna.bi").await.unwrap();
        db.disable_user("anna").await.unwrap();
        assert_eq!(db.disabled_users().await.unwrap(), std::slice::from_ref(&anna));

        anna.role = Role::Analyst;
        db.add_user(&anna).await.unwrap();
        assert_eq!(db.user("anna").await.unwrap().as_ref(), Some(&anna));
        assert_eq!(db.password("anna").await.unwrap(), None);
        assert!(db.session(&session).await.unwrap().is_none());
        assert_eq!(db.token_owner(&token.secret).await.unwrap(), None);
        assert!(db.disabled_users().await.unwrap().is_empty());
    }
}
