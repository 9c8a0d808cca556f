//! The product database: users, sessions, tokens, accepted identities, alerts, read positions. SQLite by default, PostgreSQL by URL.
//!
//! Every statement is a constant that both understand, and a test prepares each of them. SQLite runs in WAL mode with
//! `synchronous = FULL`: what was committed survives a power cut. SQLite means one machine; writers of several
//! processes wait for each other (`busy_timeout`), so transactions are short.

mod accounts;
mod alerts;
mod audit;
mod canary;
mod case;
mod case_contents;
mod cases;
mod casework;
mod concerned;
mod decisions;
mod epochs;
mod items;
mod judgements;
mod ledger;
mod links;
mod logins;
mod matrix;
mod queue;
mod reports;
mod searches;
mod sendings;
mod sessions;
mod setup;
mod standings;
mod tokens;
mod users;
mod without;

use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyPool, Executor};
use tillsight_schemas::clock::SharedClock;
use tillsight_schemas::{ErrorKind, HasKind};

pub use accounts::{Account, AccountChange, AccountError};
pub use alerts::{AlertFilter, AlertRow, AlertState};
pub use audit::{Audit, AuditWriter, DirectAudit};
pub(crate) use canary::Sung;
pub use case::{
    Case, CaseAct, CaseEntry, CaseItem, CaseItemKind, CasePerson, CasePersonKind, CaseRole, CaseStatus, Content,
};
pub use case_contents::{MOST_ITEMS, NewItem};
pub use cases::CaseFilter;
pub use casework::{CaseChange, CaseError};
pub(crate) use decisions::weight;
pub use decisions::{Decided, Standing};
pub use judgements::{BlindFilter, BlindReason};
pub use links::{LINK_HOLDS, Link};
pub use logins::UsedTokens;
pub use queue::{Assignment, Odds, QueueFilter, QueueItem, QueueOrder, QueuePlace, QueueView, Whose};
pub use reports::{Ended, MailKey, MailState, ReportMail};
pub use searches::SavedSearch;
pub use sessions::{BadPassword, hash_password, password_fits, random_secret};
pub use setup::{
    BY_CONFIGURATION, CameraPassword, Change, ChangeError, Drawn, Expected, KeptAdjustment, Key, Password, SetUp,
    Version, What,
};
pub(crate) use setup::{camera_document, store_document, zone_document};
pub use standings::RuleStanding;
pub use tokens::{NewToken, TokenKind, TokenOrder, TokenOwner, TokenRow};
pub use users::{Role, User};
pub use without::{Insiders, Without, people_of, people_of_transaction};

use crate::config::Alerts;

/// What failed.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The database cannot be opened.
    #[error("cannot open the database {url}")]
    Open {
        /// Where it is (without a password).
        url: String,
        /// Why.
        source: sqlx::Error,
    },
    /// Its tables cannot be brought to this version.
    #[error("cannot bring the tables of {url} to this version")]
    Migrate {
        /// Where it is.
        url: String,
        /// Why.
        source: sqlx::migrate::MigrateError,
    },
    /// A statement failed.
    #[error("cannot {attempt}")]
    Statement {
        /// What was tried.
        attempt: &'static str,
        /// Why it failed.
        source: sqlx::Error,
    },
    /// There already is one of that name.
    #[error("{0} exists already")]
    Exists(String),
    /// There is none of that name.
    #[error("there is no {0}")]
    Missing(String),
    /// A row holds what this version does not understand.
    #[error("the {0} in the database cannot be read")]
    Damaged(&'static str),
}

impl HasKind for DbError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Open { .. } | Self::Statement { .. } => ErrorKind::Unavailable,
            Self::Migrate { .. } => ErrorKind::Internal,
            Self::Exists(_) => ErrorKind::Conflict,
            Self::Missing(_) => ErrorKind::NotFound,
            Self::Damaged(_) => ErrorKind::DataLoss,
        }
    }
}

/// The product database.
#[derive(Debug, Clone)]
pub struct Db {
    pool: AnyPool,
    clock: SharedClock,
    /// What people are told of.
    alerts: Arc<Alerts>,
}

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A SQLite file, made when it is missing.
    File(PathBuf),
    /// A PostgreSQL URL.
    Url(String),
}

impl Location {
    fn url(&self) -> String {
        match self {
            Self::File(path) => format!("sqlite://{}?mode=rwc", path.display()),
            Self::Url(url) => url.clone(),
        }
    }

    /// Connects, at most so often at once.
    async fn connect(&self, connections: u32) -> Result<AnyPool, DbError> {
        sqlx::any::install_default_drivers();
        let failed = |source| DbError::Open { url: self.shown(), source };
        let options: AnyConnectOptions = self.url().parse().map_err(failed)?;
        let sqlite = matches!(self, Self::File(_));
        AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(30))
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if sqlite {
                        connection.execute(PRAGMAS).await?;
                    }
                    Ok(())
                })
            })
            .connect_with(options)
            .await
            .map_err(failed)
    }

    /// The address without a password, for messages.
    fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Url(url) => match (url.find("://"), url.rfind('@')) {
                (Some(scheme), Some(at)) if scheme < at => {
                    format!("{}://{}", url.get(..scheme).unwrap_or_default(), url.get(at + 1..).unwrap_or_default())
                }
                _ => url.clone(),
            },
        }
    }
}

impl Db {
    /// Opens the database and brings its tables to this version.
    ///
    /// # Errors
    /// [`DbError::Open`] or [`DbError::Migrate`].
    pub async fn open(location: &Location, clock: SharedClock) -> Result<Self, DbError> {
        let url = location.shown();
        let failed = |source| DbError::Open { url: url.clone(), source };
        if let Location::File(path) = location {
            private(path).map_err(|error| failed(sqlx::Error::Io(error)))?;
        }
        let pool = location.connect(4).await?;
        // Processes start together, and SQLite has no lock for migrations.
        let _alone = match location {
            Location::File(path) => Some(lock_beside(path).map_err(|error| failed(sqlx::Error::Io(error)))?),
            Location::Url(_) => None,
        };
        sqlx::migrate!("src/db/migrations")
            .run(&pool)
            .await
            .map_err(|source| DbError::Migrate { url: url.clone(), source })?;
        let db = Self { pool, clock, alerts: Arc::default() };
        db.place_alerts().await?;
        db.weigh_alerts().await?;
        db.describe().await?;
        Ok(db)
    }

    /// Opens the SQLite file in a data directory.
    ///
    /// # Errors
    /// As [`Db::open`].
    pub async fn in_dir(dir: &Path, clock: SharedClock) -> Result<Self, DbError> {
        Self::open(&Location::File(database_file(dir)), clock).await
    }

    /// The same that sends alerts as a configuration says; without it, as one that says nothing.
    #[must_use]
    pub fn sending(self, alerts: Alerts) -> Self {
        Self { alerts: Arc::new(alerts), ..self }
    }

    /// What people are told of.
    pub fn sends(&self) -> &Alerts {
        &self.alerts
    }

    /// Whether the database answers.
    pub async fn answers(&self) -> bool {
        sqlx::query_scalar::<_, i64>("SELECT 1").fetch_one(&self.pool).await.is_ok()
    }

    fn now_micros(&self) -> i64 {
        self.clock.now().timestamp_micros()
    }
}

/// The product database of a data directory that has its own.
pub fn database_file(data: &Path) -> PathBuf {
    data.join("tillsight.sqlite")
}

/// What SQLite finds wrong in a file; nothing when it is whole.
///
/// # Errors
/// [`DbError::Open`] when it cannot be read at all.
pub async fn file_is_whole(file: &Path) -> Result<Vec<String>, DbError> {
    let pool = Location::File(file.to_owned()).connect(1).await?;
    let said: Vec<String> =
        sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&pool).await.map_err(failed("check a database"))?;
    pool.close().await;
    Ok(said.into_iter().filter(|line| line != "ok").collect())
}

/// Makes a file its owner's alone: passwords of cameras lie in it. SQLite gives the files beside it the same mode.
fn private(path: &Path) -> std::io::Result<()> {
    std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

/// Waits until nobody else holds the lock beside a file; it is let go when the result is dropped.
fn lock_beside(path: &Path) -> std::io::Result<std::fs::File> {
    let file = std::fs::File::create(path.with_extension("lock"))?;
    file.lock()?;
    Ok(file)
}

const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 20000; \
                       PRAGMA foreign_keys = ON;";

fn failed(attempt: &'static str) -> impl FnOnce(sqlx::Error) -> DbError {
    move |source| DbError::Statement { attempt, source }
}

/// Every statement, for the tests that prepare them all, on SQLite here and on a PostgreSQL server in `tests`.
pub fn statements() -> Vec<&'static str> {
    [
        accounts::STATEMENTS,
        alerts::STATEMENTS,
        canary::STATEMENTS,
        case_contents::STATEMENTS,
        cases::STATEMENTS,
        casework::STATEMENTS,
        concerned::STATEMENTS,
        decisions::STATEMENTS,
        epochs::STATEMENTS,
        items::STATEMENTS,
        judgements::STATEMENTS,
        ledger::STATEMENTS,
        links::STATEMENTS,
        logins::STATEMENTS,
        matrix::STATEMENTS,
        queue::STATEMENTS,
        searches::STATEMENTS,
        sendings::STATEMENTS,
        standings::STATEMENTS,
        reports::STATEMENTS,
        sessions::STATEMENTS,
        setup::STATEMENTS,
        setup::PASSWORD_STATEMENTS,
        tokens::STATEMENTS,
        users::STATEMENTS,
        without::STATEMENTS,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use tillsight_schemas::SystemClock;

    use super::*;

    #[tokio::test]
    async fn every_statement_is_understood() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::in_dir(dir.path(), Arc::new(SystemClock)).await.unwrap();
        for statement in statements() {
            db.pool
                .prepare(sqlx::SqlStr::from_static(statement))
                .await
                .unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
    }

    #[test]
    fn messages_do_not_show_passwords() {
        let location = Location::Url("postgres://lp:secret@db.example/tillsight".into());
        assert_eq!(location.shown(), "postgres://db.example/tillsight");
    }
}
