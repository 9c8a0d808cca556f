//! Cases as they are read: lists, one with its items, people and history. What a case is stands in [`super::case`], how it
//! changes in [`super::casework`].

use chrono::{DateTime, Utc};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use tillsight_schemas::id::{StoreId, TenantId};
use uuid::Uuid;

use super::case::{Case, CaseEntry, CaseItem, CasePerson, CaseStatus};
use super::judgements::listed;
use super::{Db, DbError, Without, failed};

/// Which cases a list shows.
#[derive(Debug, Clone)]
pub struct CaseFilter {
    /// The retailer.
    pub tenant: TenantId,
    /// The stores that the person sees; all of the retailer when empty.
    pub stores: Vec<StoreId>,
    /// Whose cases are left out.
    pub without: Without,
    /// The person: cases about no store yet are seen by those who opened or own them, and by those who see all stores.
    pub person: String,
    /// One status only.
    pub status: Option<CaseStatus>,
    /// One owner only.
    pub owner: Option<String>,
    /// A part of title, summary, owner or a person's name or operator id; or the number.
    pub text: String,
    /// Changed before this one (microseconds, case id): the last one of the page before.
    pub before: Option<(i64, String)>,
    /// At most so many.
    pub limit: u32,
}

macro_rules! columns {
    () => {
        "c.case_id, c.tenant, c.number, c.title, c.status, c.owner, c.summary_text, c.loss_minor, c.recovered_minor, \
         c.currency, c.created_by, c.created_at, c.updated_at, c.revision, c.change, \
         (SELECT count(*) FROM case_items i WHERE i.case_id = c.case_id AND i.kind = 'alert'), \
         (SELECT count(*) FROM case_items i WHERE i.case_id = c.case_id AND i.kind = 'receipt'), \
         (SELECT count(*) FROM case_items i WHERE i.case_id = c.case_id AND i.kind = 'clip'), \
         (SELECT count(*) FROM case_items i WHERE i.case_id = c.case_id AND i.kind = 'note') FROM cases c "
    };
}
macro_rules! fits {
    () => {
        "WHERE c.tenant = $1 AND ($2 = '' \
         OR (EXISTS (SELECT 1 FROM case_stores s WHERE s.case_id = c.case_id) AND NOT EXISTS (SELECT 1 FROM case_stores s \
         WHERE s.case_id = c.case_id AND replace($2, ',' || s.store || ',', '') = $2)) \
         OR (NOT EXISTS (SELECT 1 FROM case_stores s WHERE s.case_id = c.case_id) AND (c.created_by = $3 OR c.owner = $3))) \
         AND ($4 = '' OR c.status = $4) AND ($5 = '' OR c.owner = $5) AND ($6 = '' OR CAST(c.number AS TEXT) = $6 \
         OR replace(lower(c.title || ' ' || c.summary_text || ' ' || coalesce(c.owner, '')), $6, '') \
         <> lower(c.title || ' ' || c.summary_text || ' ' || coalesce(c.owner, '')) \
         OR EXISTS (SELECT 1 FROM case_people p WHERE p.case_id = c.case_id AND replace(lower(coalesce(p.name, '') || ' ' \
         || coalesce(p.operator, '')), $6, '') <> lower(coalesce(p.name, '') || ' ' || coalesce(p.operator, '')))) \
         AND ($7 = '' OR NOT EXISTS (SELECT 1 FROM case_concerned w WHERE w.case_id = c.case_id \
         AND replace($7, ';' || w.operator || ';', '') <> $7))"
    };
}

const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    fits!(),
    " AND (c.updated_at < $8 OR (c.updated_at = $8 AND c.case_id < $9)) ORDER BY c.updated_at DESC, c.case_id DESC \
     LIMIT $10"
);
const TOTAL: &str = concat!("SELECT count(*) FROM cases c ", fits!());
const ONE: &str = concat!("SELECT ", columns!(), "WHERE c.case_id = $1");
const SINCE: &str = concat!("SELECT ", columns!(), "WHERE c.change > $1 ORDER BY c.change LIMIT $2");
const LAST_CHANGE: &str = "SELECT coalesce(max(change), 0) FROM cases";
const STORES: &str = "SELECT store FROM case_stores WHERE case_id = $1 ORDER BY store";
const CONCERNED: &str = "SELECT operator FROM case_concerned WHERE case_id = $1 ORDER BY operator";
const ITEMS: &str = "SELECT document FROM case_items WHERE case_id = $1 ORDER BY seq";
const PEOPLE: &str = "SELECT person_id, role, kind, operator, name, note FROM case_people WHERE case_id = $1 \
                      ORDER BY added_at, person_id";
const HISTORY: &str = "SELECT at, who, what, detail FROM case_history WHERE case_id = $1 ORDER BY seq DESC";
const HOLDING: &str = concat!(
    "SELECT ",
    columns!(),
    "WHERE c.case_id IN (SELECT case_id FROM case_items WHERE kind = $1 AND subject = $2) ORDER BY c.number DESC"
);

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] =
    &[LIST, TOTAL, ONE, SINCE, LAST_CHANGE, STORES, CONCERNED, ITEMS, PEOPLE, HISTORY, HOLDING];

type Read<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn instant(row: &AnyRow, column: usize) -> Read<DateTime<Utc>> {
    Ok(DateTime::from_timestamp_micros(row.try_get(column)?).ok_or("no instant")?)
}

fn whole(row: &AnyRow) -> Read<Case> {
    Ok(Case {
        id: row.try_get::<String, _>(0)?.parse()?,
        tenant: row.try_get::<String, _>(1)?.parse()?,
        number: row.try_get(2)?,
        title: row.try_get(3)?,
        status: row.try_get::<String, _>(4)?.parse()?,
        owner: row.try_get(5)?,
        summary: row.try_get(6)?,
        loss_minor: row.try_get(7)?,
        recovered_minor: row.try_get(8)?,
        currency: row.try_get(9)?,
        created_by: row.try_get(10)?,
        created_at: instant(row, 11)?,
        updated_at: instant(row, 12)?,
        revision: row.try_get(13)?,
        change: row.try_get(14)?,
        alerts: row.try_get(15)?,
        receipts: row.try_get(16)?,
        clips: row.try_get(17)?,
        notes: row.try_get(18)?,
        stores: Vec::new(),
        concerned: Vec::new(),
    })
}

fn person(row: &AnyRow) -> Read<CasePerson> {
    Ok(CasePerson {
        id: row.try_get::<String, _>(0)?.parse()?,
        role: row.try_get::<String, _>(1)?.parse()?,
        kind: row.try_get::<String, _>(2)?.parse()?,
        operator: row.try_get::<Option<String>, _>(3)?.map(|id| id.parse()).transpose()?,
        name: row.try_get(4)?,
        note: row.try_get(5)?,
    })
}

fn entry(row: &AnyRow) -> Read<CaseEntry> {
    Ok(CaseEntry {
        at: instant(row, 0)?,
        by: row.try_get(1)?,
        what: row.try_get::<String, _>(2)?.parse()?,
        detail: row.try_get(3)?,
    })
}

fn all<T>(rows: &[AnyRow], read: impl Fn(&AnyRow) -> Read<T>) -> Result<Vec<T>, DbError> {
    rows.iter().map(|row| read(row).map_err(|_| DbError::Damaged("case"))).collect()
}

/// One case, read with what is under way on this connection.
pub(super) async fn read_case(connection: &mut AnyConnection, id: Uuid) -> Result<Option<Case>, DbError> {
    let found = sqlx::query(ONE).bind(id.to_string()).fetch_optional(&mut *connection).await;
    let Some(row) = found.map_err(failed("read a case"))? else { return Ok(None) };
    let read = whole(&row).map_err(|_| DbError::Damaged("case"))?;
    Ok(Some(with_stores(connection, read).await?))
}

/// What a case holds.
pub(super) async fn read_items(connection: &mut AnyConnection, id: Uuid) -> Result<Vec<CaseItem>, DbError> {
    let rows = sqlx::query(ITEMS).bind(id.to_string()).fetch_all(connection).await;
    super::alerts::documents(&rows.map_err(failed("read a case"))?, "item of a case")
}

/// The people of a case.
pub(super) async fn read_people(connection: &mut AnyConnection, id: Uuid) -> Result<Vec<CasePerson>, DbError> {
    let rows = sqlx::query(PEOPLE).bind(id.to_string()).fetch_all(connection).await;
    all(&rows.map_err(failed("read a case"))?, person)
}

async fn with_stores(connection: &mut AnyConnection, mut case: Case) -> Result<Case, DbError> {
    let stores: Vec<String> = sqlx::query_scalar(STORES)
        .bind(case.id.to_string())
        .fetch_all(&mut *connection)
        .await
        .map_err(failed("read the stores of a case"))?;
    let stores: Result<_, _> = stores.into_iter().map(|store| store.parse()).collect();
    case.stores = stores.map_err(|_| DbError::Damaged("case"))?;
    let concerned: Vec<String> = sqlx::query_scalar(CONCERNED)
        .bind(case.id.to_string())
        .fetch_all(connection)
        .await
        .map_err(failed("read whom a case concerns"))?;
    let concerned: Result<_, _> = concerned.into_iter().map(|operator| operator.parse()).collect();
    case.concerned = concerned.map_err(|_| DbError::Damaged("case"))?;
    Ok(case)
}

impl Db {
    async fn whole_cases(&self, rows: &[AnyRow]) -> Result<Vec<Case>, DbError> {
        let mut connection = self.pool.acquire().await.map_err(failed("read cases"))?;
        let mut cases = Vec::with_capacity(rows.len());
        for case in all(rows, whole)? {
            cases.push(with_stores(&mut connection, case).await?);
        }
        Ok(cases)
    }

    /// Cases that a person sees, the last changed first, and how many there are on all pages.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn cases(&self, filter: &CaseFilter) -> Result<(Vec<Case>, i64), DbError> {
        let (before, id) = filter.before.clone().unwrap_or((i64::MAX, String::new()));
        let stores = listed(&filter.stores);
        let status = filter.status.map_or("", CaseStatus::as_str);
        let owner = filter.owner.as_deref().unwrap_or_default();
        let (text, without) = (filter.text.to_lowercase(), filter.without.operators());
        let rows = sqlx::query(LIST)
            .bind(filter.tenant.as_str())
            .bind(&stores)
            .bind(&filter.person)
            .bind(status)
            .bind(owner)
            .bind(&text)
            .bind(&without)
            .bind(before)
            .bind(id)
            .bind(i64::from(filter.limit))
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list cases"))?;
        let total = sqlx::query_scalar(TOTAL)
            .bind(filter.tenant.as_str())
            .bind(&stores)
            .bind(&filter.person)
            .bind(status)
            .bind(owner)
            .bind(&text)
            .bind(&without)
            .fetch_one(&self.pool)
            .await
            .map_err(failed("count cases"))?;
        Ok((self.whole_cases(&rows).await?, total))
    }

    /// One case.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn case(&self, id: Uuid) -> Result<Option<Case>, DbError> {
        read_case(&mut *self.pool.acquire().await.map_err(failed("read a case"))?, id).await
    }

    /// What a case holds, in the order in which it was added.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn case_items(&self, id: Uuid) -> Result<Vec<CaseItem>, DbError> {
        read_items(&mut *self.pool.acquire().await.map_err(failed("read a case"))?, id).await
    }

    /// The people of a case, in the order in which they were added.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn case_people(&self, id: Uuid) -> Result<Vec<CasePerson>, DbError> {
        read_people(&mut *self.pool.acquire().await.map_err(failed("read a case"))?, id).await
    }

    /// What was done to a case, newest first.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn case_history(&self, id: Uuid) -> Result<Vec<CaseEntry>, DbError> {
        let rows = sqlx::query(HISTORY).bind(id.to_string()).fetch_all(&self.pool).await;
        all(&rows.map_err(failed("read the history of a case"))?, entry)
    }

    /// The cases that hold an alert, newest first.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn cases_of_alert(&self, alert: Uuid) -> Result<Vec<Case>, DbError> {
        self.cases_holding("alert", alert).await
    }

    /// The cases that hold a receipt, newest first.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn cases_of_receipt(&self, event: Uuid) -> Result<Vec<Case>, DbError> {
        self.cases_holding("receipt", event).await
    }

    async fn cases_holding(&self, kind: &str, subject: Uuid) -> Result<Vec<Case>, DbError> {
        let rows = sqlx::query(HOLDING).bind(kind).bind(subject.to_string()).fetch_all(&self.pool).await;
        self.whole_cases(&rows.map_err(failed("find the cases that hold something"))?).await
    }

    /// Cases that changed after a change number, in order of change.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn cases_since(&self, change: i64, limit: u32) -> Result<Vec<Case>, DbError> {
        let rows = sqlx::query(SINCE).bind(change).bind(i64::from(limit)).fetch_all(&self.pool).await;
        self.whole_cases(&rows.map_err(failed("list cases"))?).await
    }

    /// The number of the last change of any case; 0 when there is none.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn last_case_change(&self) -> Result<i64, DbError> {
        sqlx::query_scalar(LAST_CHANGE).fetch_one(&self.pool).await.map_err(failed("read the last change"))
    }
}
