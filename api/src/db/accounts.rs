//! People as an administrator sees them: with e-mail address, operator and whether they may log in; and how that is
//! changed. Every change is also a version of the set-up ([`super::setup`]), so it has a history. A retailer always keeps
//! one administrator.

use std::str::FromStr as _;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use tillsight_schemas::id::{OperatorId, StoreId, TenantId};

use super::concerned::set_apart;
use super::epochs::count;
use super::sessions::{END_ALL, begun_after, seen_after};
use super::setup::{self, Change, ChangeError, Expected, Key, What};
use super::users::begin_anew;
use super::{Db, DbError, Role, User, failed};

const LIST: &str = "SELECT u.name, u.tenant, u.role, u.stores, u.email, u.operator_id, u.disabled_at, u.last_seen_at, \
                    (SELECT COUNT(*) FROM sessions s WHERE s.name = u.name AND s.seen_at > $2 AND s.created_at > $3) \
                    FROM users u WHERE u.tenant = $1 ORDER BY u.name";
const ADD: &str = "INSERT INTO users (name, tenant, role, stores, created_at, email, operator_id, disabled_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                   ON CONFLICT (name) DO UPDATE SET tenant = excluded.tenant, role = excluded.role, \
                   stores = excluded.stores, created_at = excluded.created_at, email = excluded.email, \
                   operator_id = excluded.operator_id, disabled_at = excluded.disabled_at, last_seen_at = NULL \
                   WHERE users.disabled_at IS NOT NULL";
const SET: &str = "UPDATE users SET role = $3, stores = $4, email = $5, operator_id = $6, disabled_at = $7 \
                   WHERE name = $1 AND tenant = $2";
const ADMINS: &str = "SELECT COUNT(*), COUNT(CASE WHEN stores = '' THEN 1 END) FROM users \
                      WHERE tenant = $1 AND role = 'admin' AND disabled_at IS NULL";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] = &[LIST, ADD, SET, ADMINS];

/// A person who may log in, or might once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Who, what they do and where.
    pub user: User,
    /// Where their reports go.
    pub email: Option<String>,
    /// Which operator they are at the tills.
    pub operator: Option<OperatorId>,
    /// Whether they may not log in any more.
    pub disabled: bool,
    /// When they were last there.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// Sessions that hold.
    pub sessions: i64,
}

/// What an account is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountChange {
    /// Who, what they do and where.
    pub user: User,
    /// Where their reports go.
    pub email: Option<String>,
    /// Which operator they are at the tills.
    pub operator: Option<OperatorId>,
    /// Whether they may not log in.
    pub disabled: bool,
}

/// Why an account was not changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Nobody could set anything up any more.
    #[error("{0} is the last administrator: make somebody else one first")]
    LastAdmin(String),
    /// The change cannot be made, or the database failed.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<DbError> for AccountError {
    fn from(error: DbError) -> Self {
        Self::Change(error.into())
    }
}

impl Db {
    /// The accounts of a retailer, by name.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub async fn accounts(&self, tenant: &TenantId) -> Result<Vec<Account>, DbError> {
        let now = self.now_micros();
        let rows = sqlx::query(LIST)
            .bind(tenant.as_str())
            .bind(seen_after(now))
            .bind(begun_after(now))
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list the accounts"))?;
        rows.iter().map(read).collect()
    }

    /// Makes an account; the name of a disabled one is free.
    ///
    /// # Errors
    /// [`AccountError`]: the name is taken, or the database failed.
    pub async fn add_account(&self, by: &str, account: &AccountChange) -> Result<(), AccountError> {
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        count(&mut transaction, "setup").await?;
        let user = &account.user;
        let now = self.now_micros();
        let added = sqlx::query(ADD)
            .bind(&user.name)
            .bind(user.tenant.as_str())
            .bind(user.role.as_str())
            .bind(stores(user))
            .bind(now)
            .bind(&account.email)
            .bind(account.operator.as_ref().map(OperatorId::as_str))
            .bind(account.disabled.then_some(now))
            .execute(&mut *transaction)
            .await
            .map_err(failed("add an account"))?;
        if added.rows_affected() == 0 {
            return Err(ChangeError::Exists(What::User, user.name.clone()).into());
        }
        begin_anew(&mut transaction, &user.name, now).await?;
        if let Some(operator) = &account.operator {
            set_apart(&mut transaction, &user.tenant, operator).await?;
        }
        setup::put(&mut transaction, by, &version(account), now).await?;
        transaction.commit().await.map_err(failed("commit an account"))?;
        Ok(())
    }

    /// Changes an account; who is disabled is signed out.
    ///
    /// # Errors
    /// [`AccountError`]: there is none, it is the last administrator's, or the database failed.
    pub async fn set_account(&self, by: &str, account: &AccountChange) -> Result<(), AccountError> {
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        count(&mut transaction, "setup").await?;
        let user = &account.user;
        let now = self.now_micros();
        let before = admins(&mut transaction, &user.tenant).await?;
        let set = sqlx::query(SET)
            .bind(&user.name)
            .bind(user.tenant.as_str())
            .bind(user.role.as_str())
            .bind(stores(user))
            .bind(&account.email)
            .bind(account.operator.as_ref().map(OperatorId::as_str))
            .bind(account.disabled.then_some(now))
            .execute(&mut *transaction)
            .await
            .map_err(failed("change an account"))?;
        if set.rows_affected() == 0 {
            return Err(ChangeError::Missing(What::User, user.name.clone()).into());
        }
        let after = admins(&mut transaction, &user.tenant).await?;
        // Of those who may set up everything, and of those who may set up something, one stays.
        if (before.0 > 0 && after.0 == 0) || (before.1 > 0 && after.1 == 0) {
            return Err(AccountError::LastAdmin(user.name.clone()));
        }
        if account.disabled {
            sqlx::query(END_ALL).bind(&user.name).execute(&mut *transaction).await.map_err(failed("end sessions"))?;
        }
        if let Some(operator) = &account.operator {
            set_apart(&mut transaction, &user.tenant, operator).await?;
        }
        setup::put(&mut transaction, by, &version(account), now).await?;
        transaction.commit().await.map_err(failed("commit an account"))?;
        Ok(())
    }
}

/// How many may set up something, and how many everything.
async fn admins(connection: &mut AnyConnection, tenant: &TenantId) -> Result<(i64, i64), DbError> {
    let row = sqlx::query(ADMINS)
        .bind(tenant.as_str())
        .fetch_one(connection)
        .await
        .map_err(failed("count the administrators"))?;
    let number = |column: usize| row.try_get::<i64, _>(column).map_err(failed("count the administrators"));
    Ok((number(0)?, number(1)?))
}

fn version(account: &AccountChange) -> Change {
    let user = &account.user;
    let document = json!({
        "role": user.role.as_str(),
        "stores": user.stores,
        "email": account.email,
        "operator_id": account.operator,
        "disabled": account.disabled,
    });
    Change::new(Key::new(What::User, &user.tenant, "", user.name.as_str()), Expected::Any, Some(document))
}

fn stores(user: &User) -> String {
    let stores: Vec<&str> = user.stores.iter().map(|store| store.as_str()).collect();
    stores.join(",")
}

fn read(row: &AnyRow) -> Result<Account, DbError> {
    let damaged = || DbError::Damaged("users");
    let text = |column: usize| row.try_get::<String, _>(column).map_err(failed("read an account"));
    let maybe = |column: usize| row.try_get::<Option<String>, _>(column).map_err(failed("read an account"));
    let instant = |column: usize| row.try_get::<Option<i64>, _>(column).map_err(failed("read an account"));
    let stores = text(3)?;
    let stores = stores.split(',').filter(|store| !store.is_empty()).map(str::parse::<StoreId>);
    Ok(Account {
        user: User {
            name: text(0)?,
            tenant: text(1)?.parse().map_err(|_| damaged())?,
            role: Role::from_str(&text(2)?).map_err(|_| damaged())?,
            stores: stores.collect::<Result<_, _>>().map_err(|_| damaged())?,
        },
        email: maybe(4)?,
        operator: maybe(5)?.map(|id| id.parse().map_err(|_| damaged())).transpose()?,
        disabled: instant(6)?.is_some(),
        last_seen_at: instant(7)?.and_then(DateTime::from_timestamp_micros),
        sessions: row.try_get(8).map_err(failed("read an account"))?,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tillsight_schemas::ReplayClock;

    use super::*;

    fn account(name: &str, role: Role, stores: &[&str], disabled: bool) -> AccountChange {
        AccountChange {
            user: User {
                name: name.into(),
                tenant: "acme".parse().unwrap(),
                role,
                stores: stores.iter().map(|store| store.parse().unwrap()).collect(),
            },
            email: Some(format!("{name}@example.com")),
            operator: Some("1042".parse().unwrap()),
            disabled,
        }
    }

    #[tokio::test]
    async fn the_last_administrator_can_neither_be_disabled_nor_demoted() {
        let dir = tempfile::tempdir().unwrap();
        let clock = ReplayClock::at("2026-11-22T12:00:00Z".parse().unwrap());
        let db = Db::in_dir(dir.path(), Arc::new(clock.clone())).await.unwrap();
        db.add_account("command line", &account("ida", Role::Admin, &[], false)).await.unwrap();
        let last = |result: Result<(), AccountError>| matches!(result, Err(AccountError::LastAdmin(_)));
        assert!(last(db.set_account("ida", &account("ida", Role::Admin, &[], true)).await));
        assert!(last(db.set_account("ida", &account("ida", Role::Analyst, &[], false)).await));
        assert!(last(db.set_account("ida", &account("ida", Role::Admin, &["17"], false)).await), "nobody for the rest");
        db.add_account("ida", &account("otto", Role::Admin, &[], false)).await.unwrap();
        let secret = db.begin_session("ida").await.unwrap();
        db.set_account("otto", &account("ida", Role::Admin, &[], true)).await.unwrap();
        assert!(db.session(&secret).await.unwrap().is_none() && db.user("ida").await.unwrap().is_none());
        assert!(last(db.set_account("otto", &account("otto", Role::Manager, &["17"], false)).await));

        let accounts = db.accounts(&"acme".parse().unwrap()).await.unwrap();
        let seen: Vec<_> = accounts.iter().map(|one| (one.user.name.as_str(), one.disabled, one.sessions)).collect();
        assert_eq!(seen, [("ida", true, 0), ("otto", false, 0)]);
        assert_eq!(accounts[0].last_seen_at, Some("2026-11-22T12:00:00Z".parse().unwrap()));
        assert_eq!(accounts[0].operator, Some("1042".parse().unwrap()));
        let history = db.versions(What::User, &"acme".parse().unwrap(), None, Some("ida"), 10).await.unwrap();
        let by: Vec<&str> = history.iter().map(|version| version.by.as_str()).collect();
        assert_eq!(by, ["otto", "command line"], "what was refused left no version");
    }

    #[tokio::test]
    async fn a_name_belongs_to_one_person() {
        let dir = tempfile::tempdir().unwrap();
        let clock = ReplayClock::at("2026-11-22T12:00:00Z".parse().unwrap());
        let db = Db::in_dir(dir.path(), Arc::new(clock)).await.unwrap();
        let lena = account("lena", Role::Analyst, &[], false);
        db.add_account("ida", &lena).await.unwrap();
        let twice = db.add_account("ida", &lena).await;
        assert!(matches!(twice, Err(AccountError::Change(ChangeError::Exists(What::User, _)))), "{twice:?}");
        let nobody = db.set_account("ida", &account("nobody", Role::Analyst, &[], false)).await;
        assert!(matches!(nobody, Err(AccountError::Change(ChangeError::Missing(What::User, _)))), "{nobody:?}");
    }
}
