//! Who alerts, blind spots and cases are about, as the database keeps it: written with what they are about, filtered by in
//! every list (`concerns_nobody`).
//!
//! Alerts about an operator who reads here ([`apart`]) are never in one item of the queue with alerts that are not: what
//! somebody does not see must not bind, name or count what they do see.

use std::collections::BTreeSet;

use sqlx::{AnyConnection, Row as _};
use tillsight_schemas::alert::Alert;
use tillsight_schemas::id::{OperatorId, TenantId};
use tillsight_schemas::judgement::Judgement;
use tillsight_schemas::pos::PostedTransaction;

use super::alerts::documents;
use super::case::{CaseItem, Content};
use super::epochs::count;
use super::items::{Moved, place};
use super::without::{people_of, people_of_transaction};
use super::{Db, DbError, failed};
use crate::config::Recipient;

/// Rows that are described in one transaction.
const BATCH: i64 = 200;
/// The counter that says that the rows of an earlier version were described.
const DESCRIBED: &str = "described";

const CONCERN: &str = "INSERT INTO concerned (id, operator) VALUES ($1, $2) ON CONFLICT (id, operator) DO NOTHING";
const OF: &str = "SELECT operator FROM concerned WHERE id = $1 ORDER BY operator";
const PEOPLE: &str = "UPDATE alerts SET people = $2 WHERE alert_id = $1";
const EVENTS: &str = "SELECT document FROM alert_events WHERE alert_id = $1";
const HOLDING: &str = "INSERT INTO case_concerned (case_id, operator) SELECT i.case_id, w.operator FROM case_items i \
                       JOIN concerned w ON w.id = i.subject WHERE i.kind = 'alert' AND i.subject = $1 \
                       ON CONFLICT (case_id, operator) DO NOTHING";
const CASE: &str = "INSERT INTO case_concerned (case_id, operator) VALUES ($1, $2) \
                    ON CONFLICT (case_id, operator) DO NOTHING";
const APART: &str = "SELECT operator FROM apart WHERE tenant = $1";
const SET_APART: &str =
    "INSERT INTO apart (tenant, operator) VALUES ($1, $2) ON CONFLICT (tenant, operator) DO NOTHING";
const ABOUT: &str = "SELECT a.document FROM concerned w JOIN alerts a ON a.alert_id = w.id \
                     WHERE w.operator = $2 AND a.tenant = $1 ORDER BY a.alert_id";
const UNDESCRIBED: &str = "SELECT document FROM alerts WHERE people IS NULL ORDER BY alert_id LIMIT $1";
const IS_DESCRIBED: &str = "SELECT count(*) FROM counters WHERE name = $1";
const BLIND: &str = "SELECT document FROM judgements WHERE outcome = 'indeterminate' AND judgement_id > $1 \
                     ORDER BY judgement_id LIMIT $2";
const CASE_ITEMS: &str = "SELECT document, case_id FROM case_items WHERE kind IN ('alert', 'receipt')";
const SUBJECTS: &str = "SELECT case_id, operator FROM case_people WHERE role = 'subject' AND operator IS NOT NULL";
const RECIPIENTS: &str = "SELECT tenant, recipient, operator, role, stores, person FROM report_operators \
                          ORDER BY tenant, recipient, operator";
const FORGET_RECIPIENTS: &str = "DELETE FROM report_operators";
const RECIPIENT: &str = "INSERT INTO report_operators (tenant, recipient, operator, role, stores, person) \
                         VALUES ($1, $2, $3, $4, $5, $6)";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] = &[
    CONCERN,
    OF,
    PEOPLE,
    EVENTS,
    HOLDING,
    CASE,
    APART,
    SET_APART,
    ABOUT,
    UNDESCRIBED,
    IS_DESCRIBED,
    BLIND,
    CASE_ITEMS,
    SUBJECTS,
    RECIPIENTS,
    FORGET_RECIPIENTS,
    RECIPIENT,
];

/// Writes who a judgement or an alert is about.
pub(super) async fn concern<'a>(
    connection: &mut AnyConnection,
    id: &str,
    people: impl IntoIterator<Item = &'a OperatorId>,
) -> Result<(), DbError> {
    for operator in people {
        sqlx::query(CONCERN)
            .bind(id)
            .bind(operator.as_str())
            .execute(&mut *connection)
            .await
            .map_err(failed("write whom it concerns"))?;
    }
    Ok(())
}

/// Writes whom an alert concerns, which is written with its transactions, and the cases that hold it.
pub(super) async fn concern_alert(connection: &mut AnyConnection, alert: &Alert) -> Result<(), DbError> {
    let id = alert.alert_id.to_string();
    let events = sqlx::query(EVENTS).bind(&id).fetch_all(&mut *connection).await;
    let events: Vec<PostedTransaction> =
        documents(&events.map_err(failed("read the events of an alert"))?, "transaction")?;
    concern(connection, &id, &people_of(alert, &events)).await?;
    let failed_to = || failed("write whom it concerns");
    let all: Vec<String> = sqlx::query_scalar(OF).bind(&id).fetch_all(&mut *connection).await.map_err(failed_to())?;
    sqlx::query(PEOPLE).bind(&id).bind(all.join(";")).execute(&mut *connection).await.map_err(failed_to())?;
    sqlx::query(HOLDING).bind(&id).execute(connection).await.map_err(failed_to())?;
    Ok(())
}

/// Writes that a case is about somebody.
pub(super) async fn concern_case<'a>(
    connection: &mut AnyConnection,
    case: &str,
    people: impl IntoIterator<Item = &'a OperatorId>,
) -> Result<(), DbError> {
    for operator in people {
        sqlx::query(CASE)
            .bind(case)
            .bind(operator.as_str())
            .execute(&mut *connection)
            .await
            .map_err(failed("write whom a case concerns"))?;
    }
    Ok(())
}

/// Writes whom what was put into a case concerns.
pub(super) async fn concern_by(connection: &mut AnyConnection, case: &str, content: &Content) -> Result<(), DbError> {
    match content {
        Content::Alert(id) => {
            let held = sqlx::query(HOLDING).bind(id.to_string()).execute(connection).await;
            held.map(drop).map_err(failed("write whom a case concerns"))
        }
        Content::Receipt(posted) => concern_case(connection, case, &people_of_transaction(posted)).await,
        Content::Clip { .. } | Content::Note(_) => Ok(()),
    }
}

/// The operators about whom alerts are worked apart.
pub(super) async fn apart(connection: &mut AnyConnection, tenant: &TenantId) -> Result<BTreeSet<String>, DbError> {
    let apart: Vec<String> = sqlx::query_scalar(APART)
        .bind(tenant.as_str())
        .fetch_all(connection)
        .await
        .map_err(failed("list who works at tills"))?;
    Ok(apart.into_iter().collect())
}

/// From now on alerts about this operator are worked apart; those that are there are placed anew.
pub(super) async fn set_apart(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    operator: &OperatorId,
) -> Result<(), DbError> {
    let set = sqlx::query(SET_APART)
        .bind(tenant.as_str())
        .bind(operator.as_str())
        .execute(&mut *connection)
        .await
        .map_err(failed("set an operator apart"))?;
    if set.rows_affected() == 0 {
        return Ok(());
    }
    let about = sqlx::query(ABOUT).bind(tenant.as_str()).bind(operator.as_str()).fetch_all(&mut *connection).await;
    for alert in documents::<Alert>(&about.map_err(failed("list alerts"))?, "alert")? {
        place(connection, &alert, Moved::Counted).await?;
    }
    Ok(())
}

/// A recipient as a row: retailer, address, operator, role, stores, log-in name.
type Row = [String; 6];

fn rows_of(recipient: &Recipient) -> Vec<Row> {
    let stores: Vec<&str> = recipient.stores.iter().map(|store| store.as_str()).collect();
    let row = |operator: &str| {
        let person = recipient.user.as_deref().unwrap_or_default();
        let texts =
            [recipient.tenant.as_str(), &recipient.email, operator, recipient.role.as_str(), &stores.join(","), person];
        texts.map(str::to_owned)
    };
    match recipient.operators.as_slice() {
        [] => vec![row("")],
        operators => operators.iter().map(|operator| row(operator.as_str())).collect(),
    }
}

impl Db {
    /// Takes over whom the configuration sends reports, and who they are at the tills.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn name_recipients(&self, recipients: &[Recipient]) -> Result<(), DbError> {
        let mut wanted: Vec<Row> = recipients.iter().flat_map(rows_of).collect();
        wanted.sort();
        wanted.dedup_by(|one, other| one.iter().zip(other.iter()).take(3).all(|(one, other)| one == other));
        let known = |rows: &[sqlx::any::AnyRow]| -> Result<Vec<Row>, DbError> {
            let text = |row: &sqlx::any::AnyRow, column: usize| row.try_get::<String, _>(column);
            let row = |row: &sqlx::any::AnyRow| -> sqlx::Result<Row> {
                Ok([text(row, 0)?, text(row, 1)?, text(row, 2)?, text(row, 3)?, text(row, 4)?, text(row, 5)?])
            };
            let mut known = rows.iter().map(row).collect::<Result<Vec<_>, _>>().map_err(failed("list recipients"))?;
            known.sort();
            Ok(known)
        };
        let rows = sqlx::query(RECIPIENTS).fetch_all(&self.pool).await.map_err(failed("list recipients"))?;
        if known(&rows)? == wanted {
            return Ok(());
        }
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        // Counting first takes the lock: processes start together.
        count(&mut transaction, "recipients").await?;
        sqlx::query(FORGET_RECIPIENTS).execute(&mut *transaction).await.map_err(failed("write recipients"))?;
        for row in &wanted {
            let query = row.iter().fold(sqlx::query(RECIPIENT), |query, text| query.bind(text));
            query.execute(&mut *transaction).await.map_err(failed("write recipients"))?;
        }
        for recipient in recipients {
            for operator in &recipient.operators {
                set_apart(&mut transaction, &recipient.tenant, operator).await?;
            }
        }
        transaction.commit().await.map_err(failed("commit recipients"))
    }

    /// Finds out whom alerts, blind spots and cases of an earlier version concern. Of its blind spots only the operator is
    /// known.
    pub(super) async fn describe(&self) -> Result<(), DbError> {
        let fetch = failed("find alerts that concern somebody");
        let some = sqlx::query(UNDESCRIBED).bind(1_i64).fetch_optional(&self.pool).await.map_err(fetch)?;
        let known: i64 = sqlx::query_scalar(IS_DESCRIBED)
            .bind(DESCRIBED)
            .fetch_one(&self.pool)
            .await
            .map_err(failed("see what is described"))?;
        if some.is_none() && known > 0 {
            return Ok(());
        }
        while self.describe_alerts().await? {}
        if known == 0 {
            self.describe_the_rest().await?;
        }
        Ok(())
    }

    /// A batch of alerts; whether there may be more.
    async fn describe_alerts(&self) -> Result<bool, DbError> {
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        // Counting first takes the lock: processes start together.
        count(&mut transaction, "describing").await?;
        let rows = sqlx::query(UNDESCRIBED).bind(BATCH).fetch_all(&mut *transaction).await;
        let alerts: Vec<Alert> = documents(&rows.map_err(failed("find alerts that concern somebody"))?, "alert")?;
        for alert in &alerts {
            concern_alert(&mut transaction, alert).await?;
        }
        for alert in &alerts {
            if !apart(&mut transaction, &alert.tenant_id).await?.is_empty() {
                place(&mut transaction, alert, Moved::Counted).await?;
            }
        }
        transaction.commit().await.map_err(failed("commit whom alerts concern"))?;
        Ok(!alerts.is_empty())
    }

    async fn describe_the_rest(&self) -> Result<(), DbError> {
        let mut last = String::new();
        loop {
            let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
            count(&mut transaction, "describing").await?;
            let rows = sqlx::query(BLIND).bind(&last).bind(BATCH).fetch_all(&mut *transaction).await;
            let blind: Vec<Judgement> = documents(&rows.map_err(failed("list blind spots"))?, "judgement")?;
            for judgement in &blind {
                concern(&mut transaction, &judgement.judgement_id.to_string(), &judgement.operator_id).await?;
            }
            transaction.commit().await.map_err(failed("commit whom blind spots concern"))?;
            match blind.last() {
                Some(judgement) => last = judgement.judgement_id.to_string(),
                None => break,
            }
        }
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        count(&mut transaction, DESCRIBED).await?;
        let read = || failed("read a case");
        let rows = sqlx::query(CASE_ITEMS).fetch_all(&mut *transaction).await.map_err(read())?;
        let items: Vec<CaseItem> = documents(&rows, "item of a case")?;
        for (row, item) in rows.iter().zip(&items) {
            let case: String = row.try_get(1).map_err(read())?;
            concern_by(&mut transaction, &case, &item.content).await?;
        }
        for row in sqlx::query(SUBJECTS).fetch_all(&mut *transaction).await.map_err(read())? {
            let case: String = row.try_get(0).map_err(read())?;
            let operator: String = row.try_get(1).map_err(read())?;
            let operator: OperatorId = operator.parse().map_err(|_| DbError::Damaged("person of a case"))?;
            concern_case(&mut transaction, &case, [&operator]).await?;
        }
        transaction.commit().await.map_err(failed("commit whom cases concern"))
    }
}
