//! People: their role and the stores they may see.

use std::str::FromStr;

use sqlx::Row;
use tillsight_schemas::codes;
use tillsight_schemas::id::{StoreId, TenantId};

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

const ADD: &str = "INSERT INTO users (name, tenant, role, stores, created_at) VALUES ($1, $2, $3, $4, $5)";
pub(super) const FIND: &str = "SELECT name, tenant, role, stores FROM users WHERE name = $1 AND disabled_at IS NULL";
const LIST: &str = "SELECT name, tenant, role, stores FROM users WHERE disabled_at IS NULL ORDER BY name";
const DISABLE: &str = "UPDATE users SET disabled_at = $2 WHERE name = $1 AND disabled_at IS NULL";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] = &[ADD, FIND, LIST, DISABLE];

impl Db {
    /// Adds a person.
    ///
    /// # Errors
    /// [`DbError::Exists`] when the name is taken.
    pub async fn add_user(&self, user: &User) -> Result<(), DbError> {
        let stores: Vec<&str> = user.stores.iter().map(|store| store.as_str()).collect();
        let result = sqlx::query(ADD)
            .bind(&user.name)
            .bind(user.tenant.as_str())
            .bind(user.role.as_str())
            .bind(stores.join(","))
            .bind(self.now_micros())
            .execute(&self.pool)
            .await;
        match result {
            Ok(_) => Ok(()),
            Err(error) if error.as_database_error().is_some_and(|error| error.is_unique_violation()) => {
                Err(DbError::Exists(format!("user {}", user.name)))
            }
            Err(error) => Err(failed("add a user")(error)),
        }
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
