//! Who may log in to SQL: the name of a token, the rows of its owner. Nobody from whom alerts are left out: `lp.alerts` has
//! all of them.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use async_trait::async_trait;
use rand::RngExt as _;
use tillsight_correlate::sql::{Scope, Stores};
use tillsight_schemas::port::PortError;

use super::{Audit, Db, DbError, Role, User, failed};
use crate::sql::{Login, LoginSource, StatementLog, StatementRecord};

const MAKE_SECRET: &str = "INSERT INTO secrets (name, hex) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
const SECRET: &str = "SELECT hex FROM secrets WHERE name = $1";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] = &[MAKE_SECRET, SECRET];

impl Db {
    /// A secret of the installation; made at random when it is first asked for, the same ever after.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub async fn secret(&self, name: &str) -> Result<[u8; 32], DbError> {
        let fresh: [u8; 32] = rand::rng().random();
        let fresh: String = fresh.iter().map(|byte| format!("{byte:02x}")).collect();
        sqlx::query(MAKE_SECRET).bind(name).bind(fresh).execute(&self.pool).await.map_err(failed("make a secret"))?;
        let hex: String =
            sqlx::query_scalar(SECRET).bind(name).fetch_one(&self.pool).await.map_err(failed("read a secret"))?;
        let damaged = || DbError::Damaged("secrets");
        let mut secret = [0; 32];
        for (index, byte) in secret.iter_mut().enumerate() {
            let digits = hex.get(2 * index..2 * index + 2).ok_or_else(damaged)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| damaged())?;
        }
        Ok(secret)
    }
}

impl Db {
    /// Why somebody gets no SQL: they would see there what the pages leave out for them. `None` when they may have it.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn keeps_from_sql(&self, user: &User) -> Result<Option<String>, DbError> {
        if user.role == Role::Manager {
            return Ok(Some(format!("{} is a manager: SQL shows alerts about managers, too", user.name)));
        }
        let without = self.without(user).await?;
        Ok((!without.is_empty()).then(|| {
            format!("{} works at tills: SQL would show what concerns them; give it to somebody else", user.name)
        }))
    }
}

#[async_trait]
impl LoginSource for Db {
    async fn login(&self, role_name: &str) -> Result<Option<Login>, PortError> {
        let Some((owner, verifier)) = self.scram(role_name).await? else { return Ok(None) };
        let Some(user) = self.user(&owner).await? else { return Ok(None) };
        if let Some(why) = self.keeps_from_sql(&user).await? {
            tracing::warn!(login = role_name, why, "a log-in to SQL is refused");
            return Ok(None);
        }
        let stores = if user.stores.is_empty() { Stores::All } else { Stores::Only(BTreeSet::from_iter(user.stores)) };
        Ok(Some(Login { user: user.name, scope: Scope { tenant: user.tenant, stores }, verifier }))
    }

    async fn role_of(&self, password: &str) -> Result<Option<String>, PortError> {
        Ok(self.sql_login(password).await?)
    }
}

/// The audit of SQL, which also writes down that tokens are used.
#[derive(Debug)]
pub struct UsedTokens {
    audit: Audit,
    db: Db,
}

impl UsedTokens {
    /// Notes in both.
    pub fn new(audit: Audit, db: Db) -> Self {
        Self { audit, db }
    }
}

impl StatementLog for UsedTokens {
    fn statement(&self, record: StatementRecord) {
        self.audit.statement(record);
    }

    fn login(&self, role_name: &str, from: SocketAddr, accepted: bool) {
        self.audit.login(role_name, from, accepted);
        if let (true, Ok(runtime)) = (accepted, tokio::runtime::Handle::try_current()) {
            let (db, login) = (self.db.clone(), role_name.to_owned());
            runtime.spawn(async move { db.token_used(&login).await });
        }
    }
}
