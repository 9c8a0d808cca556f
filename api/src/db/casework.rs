//! How cases are opened and edited. Every change is one transaction with its entry in the history.
//!
//! What is said about a case (title, status, owner, summary, amounts) is edited by revision: who edits an old one is
//! refused. Adding and taking out ([`super::case_contents`]) need no revision, because two people who do it do not
//! overwrite each other.

use sqlx::AnyConnection;
use tillsight_schemas::id::TenantId;
use tillsight_schemas::money::Currency;
use uuid::Uuid;

use super::case::{Case, CaseAct, CaseStatus};
use super::case_contents::{MOST_ITEMS, NewItem};
use super::cases::read_case;
use super::epochs::count;
use super::{Db, DbError, failed};

const OPEN: &str = "INSERT INTO cases (case_id, tenant, number, title, status, summary_text, created_by, created_at, \
                    updated_at, revision, change) VALUES ($1, $2, $3, $4, $5, '', $6, $7, $7, 0, $8)";
const TOUCH: &str = "UPDATE cases SET updated_at = $2, change = $3 WHERE case_id = $1";
const EDIT: &str = "UPDATE cases SET title = $2, status = $3, owner = $4, summary_text = $5, loss_minor = $6, \
                    recovered_minor = $7, currency = $8, revision = revision + 1 WHERE case_id = $1";
const ENTER: &str = "INSERT INTO case_history (seq, case_id, at, who, what, detail) VALUES ($1, $2, $3, $4, $5, $6)";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] = &[OPEN, TOUCH, EDIT, ENTER];

/// Why a case was not changed.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// Somebody else has edited it meanwhile.
    #[error("the case was edited since you looked at it: it is at revision {current} now; look at it again")]
    Changed {
        /// Its revision.
        current: i64,
    },
    /// There is no such case, or nothing of that id in it.
    #[error("there is no {0}")]
    Missing(String),
    /// The case holds it already.
    #[error("the case holds {0} already")]
    Twice(String),
    /// It would hold too much.
    #[error("a case holds {MOST_ITEMS} items and {MOST_ITEMS} people at most: open another one")]
    Full,
    /// It is said to be over, but not what was lost.
    #[error("say what was lost before the case is resolved: set loss_minor, 0 when nothing was")]
    NoLoss,
    /// An amount without a currency.
    #[error("say in which currency: set currency to an ISO 4217 code such as USD")]
    NoCurrency,
    /// The database does not work.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// An edit of what is said about a case; what is `None` stays, an inner `None` clears.
#[derive(Debug, Clone, Default)]
pub struct CaseChange {
    /// What people call it.
    pub title: Option<String>,
    /// How far it is.
    pub status: Option<CaseStatus>,
    /// Who works on it.
    pub owner: Option<Option<String>>,
    /// What is to be said about it.
    pub summary: Option<String>,
    /// What was lost.
    pub loss_minor: Option<Option<i64>>,
    /// What was got back.
    pub recovered_minor: Option<Option<i64>>,
    /// The currency of both.
    pub currency: Option<Option<String>>,
}

/// A change under way: its connection, the case as it is, and who changes it when.
pub(super) struct Work<'a> {
    pub(super) connection: &'a mut AnyConnection,
    pub(super) case: Case,
    pub(super) by: &'a str,
    /// In microseconds.
    pub(super) now: i64,
}

fn amount(minor: Option<i64>, currency: Option<&str>) -> String {
    let currency = currency.and_then(|code| Currency::new(code).ok());
    match (minor, currency) {
        (Some(minor), Some(currency)) => currency.format(minor),
        (Some(minor), None) => minor.to_string(),
        (None, _) => "unknown".to_owned(),
    }
}

impl Work<'_> {
    /// Writes into the history.
    pub(super) async fn enter(&mut self, what: CaseAct, detail: &str) -> Result<(), DbError> {
        let seq = count(self.connection, "case history").await?;
        sqlx::query(ENTER)
            .bind(seq)
            .bind(self.case.id.to_string())
            .bind(self.now)
            .bind(self.by)
            .bind(what.as_str())
            .bind(detail)
            .execute(&mut *self.connection)
            .await
            .map_err(failed("write the history of a case"))?;
        Ok(())
    }
}

impl Db {
    /// Opens a case; its id.
    ///
    /// # Errors
    /// [`CaseError::Twice`], [`CaseError::Full`], [`CaseError::Db`].
    pub async fn open_case(
        &self,
        tenant: &TenantId,
        title: &str,
        items: &[NewItem],
        by: &str,
    ) -> Result<Uuid, CaseError> {
        if items.len() > MOST_ITEMS {
            return Err(CaseError::Full);
        }
        let (id, now) = (Uuid::new_v4(), self.clock.now());
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        let change = count(&mut transaction, "case change").await?;
        let number = count(&mut transaction, &format!("case {tenant}")).await?;
        sqlx::query(OPEN)
            .bind(id.to_string())
            .bind(tenant.as_str())
            .bind(number)
            .bind(title)
            .bind(CaseStatus::New.as_str())
            .bind(by)
            .bind(now.timestamp_micros())
            .bind(change)
            .execute(&mut *transaction)
            .await
            .map_err(failed("open a case"))?;
        let case = read_case(&mut transaction, id).await?.ok_or(DbError::Damaged("case"))?;
        let mut work = Work { connection: &mut transaction, case, by, now: now.timestamp_micros() };
        work.enter(CaseAct::Opened, title).await?;
        for item in items {
            work.add(item, now).await?;
        }
        transaction.commit().await.map_err(failed("commit a case"))?;
        Ok(id)
    }

    /// Edits what is said about the revision of a case that was looked at. An edit that changes nothing leaves no trace.
    ///
    /// # Errors
    /// [`CaseError`].
    pub async fn edit_case(&self, id: Uuid, revision: i64, edit: &CaseChange, by: &str) -> Result<(), CaseError> {
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        let mut work = self.touch(&mut transaction, id, by).await?;
        let old = work.case.clone();
        if old.revision != revision {
            return Err(CaseError::Changed { current: old.revision });
        }
        let edit = edit.clone();
        let new = Case {
            title: edit.title.unwrap_or_else(|| old.title.clone()),
            status: edit.status.unwrap_or(old.status),
            owner: edit.owner.unwrap_or_else(|| old.owner.clone()),
            summary: edit.summary.unwrap_or_else(|| old.summary.clone()),
            loss_minor: edit.loss_minor.unwrap_or(old.loss_minor),
            recovered_minor: edit.recovered_minor.unwrap_or(old.recovered_minor),
            currency: edit.currency.unwrap_or_else(|| old.currency.clone()),
            ..old.clone()
        };
        if new == old {
            return Ok(());
        }
        if new.status == CaseStatus::Resolved && new.loss_minor.is_none() {
            return Err(CaseError::NoLoss);
        }
        if new.currency.is_none() && (new.loss_minor.is_some() || new.recovered_minor.is_some()) {
            return Err(CaseError::NoCurrency);
        }
        sqlx::query(EDIT)
            .bind(id.to_string())
            .bind(&new.title)
            .bind(new.status.as_str())
            .bind(&new.owner)
            .bind(&new.summary)
            .bind(new.loss_minor)
            .bind(new.recovered_minor)
            .bind(&new.currency)
            .execute(&mut *work.connection)
            .await
            .map_err(failed("edit a case"))?;
        if new.title != old.title {
            work.enter(CaseAct::Renamed, &new.title).await?;
        }
        if new.summary != old.summary {
            work.enter(CaseAct::Text, &new.summary).await?;
        }
        if new.owner != old.owner {
            let named = |owner: &Option<String>| owner.clone().unwrap_or_else(|| "nobody".to_owned());
            work.enter(CaseAct::Owner, &format!("{} → {}", named(&old.owner), named(&new.owner))).await?;
        }
        let money = |case: &Case| {
            let currency = case.currency.as_deref();
            let (lost, back) = (amount(case.loss_minor, currency), amount(case.recovered_minor, currency));
            format!("lost {lost}, recovered {back}")
        };
        if money(&new) != money(&old) {
            work.enter(CaseAct::Loss, &money(&new)).await?;
        }
        if new.status != old.status {
            let spelt = |status: CaseStatus| status.as_str().replace('_', " ");
            work.enter(CaseAct::Status, &format!("{} → {}", spelt(old.status), spelt(new.status))).await?;
        }
        transaction.commit().await.map_err(failed("commit a case"))?;
        Ok(())
    }

    /// Notes that the evidence of a case was saved.
    ///
    /// # Errors
    /// [`CaseError`].
    pub async fn case_was_saved(&self, id: Uuid, by: &str, detail: &str) -> Result<(), CaseError> {
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        self.touch(&mut transaction, id, by).await?.enter(CaseAct::Saved, detail).await?;
        transaction.commit().await.map_err(failed("commit a case"))?;
        Ok(())
    }

    /// Begins a change: whoever changes the case at the same time waits until it is committed.
    pub(super) async fn touch<'a>(
        &self,
        connection: &'a mut AnyConnection,
        id: Uuid,
        by: &'a str,
    ) -> Result<Work<'a>, CaseError> {
        let change = count(connection, "case change").await?;
        let now = self.now_micros();
        let touched = sqlx::query(TOUCH)
            .bind(id.to_string())
            .bind(now)
            .bind(change)
            .execute(&mut *connection)
            .await
            .map_err(failed("change a case"))?;
        let missing = || CaseError::Missing(format!("case {id}"));
        if touched.rows_affected() == 0 {
            return Err(missing());
        }
        let case = read_case(connection, id).await?.ok_or_else(missing)?;
        Ok(Work { connection, case, by, now })
    }
}

#[cfg(test)]
#[path = "casework_tests.rs"]
mod tests;
