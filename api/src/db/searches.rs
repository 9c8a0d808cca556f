//! Searches that people keep: their own, and those that others of the retailer share. How many hits one has is not kept
//! here but counted when it is asked for, within what the asker may see.

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::any::AnyRow;
use tillsight_schemas::id::TenantId;
use uuid::Uuid;

use super::{Db, DbError, failed};

const KEEP: &str = "INSERT INTO searches (search_id, tenant, owner, name, q, shared, created_at, updated_at) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $7)";
const EDIT: &str = "UPDATE searches SET name = $2, q = $3, shared = $4, updated_at = $5 WHERE search_id = $1";
const DROP: &str = "DELETE FROM searches WHERE search_id = $1";
const DROP_LOOKS: &str = "DELETE FROM search_looks WHERE search_id = $1";
const LOOK: &str = "INSERT INTO search_looks (search_id, person, at) VALUES ($1, $2, $3) \
                    ON CONFLICT (search_id, person) DO UPDATE SET at = excluded.at";
const OF: &str = "SELECT s.search_id, s.tenant, s.owner, s.name, s.q, s.shared, s.created_at, s.updated_at, l.at \
                  FROM searches s LEFT JOIN search_looks l ON l.search_id = s.search_id AND l.person = $2 \
                  WHERE s.tenant = $1 AND (s.owner = $2 OR s.shared = 1) ORDER BY lower(s.name), s.search_id";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] = &[KEEP, EDIT, DROP, DROP_LOOKS, LOOK, OF];

/// A search that somebody keeps, as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedSearch {
    /// Its id.
    pub id: Uuid,
    /// The retailer.
    pub tenant: TenantId,
    /// Whose it is.
    pub owner: String,
    /// What it is called.
    pub name: String,
    /// The query.
    pub q: String,
    /// Whether everybody of the retailer has it.
    pub shared: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was edited.
    pub updated_at: DateTime<Utc>,
    /// When the person looked at its hits last.
    pub looked_at: Option<DateTime<Utc>>,
}

fn search(row: &AnyRow) -> Result<SavedSearch, Box<dyn std::error::Error + Send + Sync>> {
    let instant = |micros: i64| DateTime::from_timestamp_micros(micros).ok_or("no instant");
    Ok(SavedSearch {
        id: row.try_get::<String, _>(0)?.parse()?,
        tenant: row.try_get::<String, _>(1)?.parse()?,
        owner: row.try_get(2)?,
        name: row.try_get(3)?,
        q: row.try_get(4)?,
        shared: row.try_get::<i64, _>(5)? != 0,
        created_at: instant(row.try_get(6)?)?,
        updated_at: instant(row.try_get(7)?)?,
        looked_at: row.try_get::<Option<i64>, _>(8)?.map(instant).transpose()?,
    })
}

/// A second one of that name is no failure of the database.
fn kept(result: Result<sqlx::any::AnyQueryResult, sqlx::Error>, name: &str) -> Result<(), DbError> {
    match result {
        Ok(_) => Ok(()),
        Err(error) if error.as_database_error().is_some_and(|error| error.is_unique_violation()) => {
            Err(DbError::Exists(format!("a search {name:?} of yours")))
        }
        Err(error) => Err(failed("keep a search")(error)),
    }
}

impl Db {
    /// The searches of a person and those that others share, by name.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn searches(&self, tenant: &TenantId, person: &str) -> Result<Vec<SavedSearch>, DbError> {
        let rows = sqlx::query(OF).bind(tenant.as_str()).bind(person).fetch_all(&self.pool).await;
        let rows = rows.map_err(failed("list searches"))?;
        rows.iter().map(|row| search(row).map_err(|_| DbError::Damaged("search"))).collect()
    }

    /// Keeps a search; its id.
    ///
    /// # Errors
    /// [`DbError::Exists`] when the person has one of that name.
    pub async fn keep_search(
        &self,
        tenant: &TenantId,
        owner: &str,
        (name, q, shared): (&str, &str, bool),
    ) -> Result<Uuid, DbError> {
        let id = Uuid::new_v4();
        let result = sqlx::query(KEEP)
            .bind(id.to_string())
            .bind(tenant.as_str())
            .bind(owner)
            .bind(name)
            .bind(q)
            .bind(i64::from(shared))
            .bind(self.now_micros())
            .execute(&self.pool)
            .await;
        kept(result, name).map(|()| id)
    }

    /// Edits a search.
    ///
    /// # Errors
    /// [`DbError::Exists`] when its owner has another one of that name.
    pub async fn edit_search(&self, id: Uuid, (name, q, shared): (&str, &str, bool)) -> Result<(), DbError> {
        let result = sqlx::query(EDIT)
            .bind(id.to_string())
            .bind(name)
            .bind(q)
            .bind(i64::from(shared))
            .bind(self.now_micros())
            .execute(&self.pool)
            .await;
        kept(result, name)
    }

    /// Forgets a search.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn drop_search(&self, id: Uuid) -> Result<(), DbError> {
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        for statement in [DROP, DROP_LOOKS] {
            let dropped = sqlx::query(statement).bind(id.to_string()).execute(&mut *transaction).await;
            dropped.map_err(failed("forget a search"))?;
        }
        transaction.commit().await.map_err(failed("forget a search"))
    }

    /// Notes that a person looks at the hits of a search just now.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn look_at_search(&self, id: Uuid, person: &str) -> Result<(), DbError> {
        let looked = sqlx::query(LOOK).bind(id.to_string()).bind(person).bind(self.now_micros()).execute(&self.pool);
        looked.await.map_err(failed("note a look at a search"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tillsight_schemas::ReplayClock;

    use super::*;

    #[tokio::test]
    async fn a_shared_search_is_everybodys_to_use_and_each_has_their_own_last_look() {
        let dir = tempfile::tempdir().unwrap();
        let clock = ReplayClock::at("2026-11-22T16:00:00Z".parse().unwrap());
        let db = Db::in_dir(dir.path(), Arc::new(clock.clone())).await.unwrap();
        let tenant: TenantId = "acme".parse().unwrap();
        let shared = db.keep_search(&tenant, "lena", ("refunds", "type:refund", true)).await.unwrap();
        db.keep_search(&tenant, "lena", ("mine", "op:7", false)).await.unwrap();
        let again = db.keep_search(&tenant, "lena", ("mine", "op:8", false)).await;
        assert!(matches!(again, Err(DbError::Exists(_))), "{again:?}");
        db.look_at_search(shared, "lena").await.unwrap();
        let names = async |person: &str| -> Vec<(String, bool)> {
            let found = db.searches(&tenant, person).await.unwrap();
            found.into_iter().map(|search| (search.name, search.looked_at.is_some())).collect()
        };
        assert_eq!(names("lena").await, [("mine".to_owned(), false), ("refunds".to_owned(), true)]);
        assert_eq!(names("otto").await, [("refunds".to_owned(), false)]);
        assert_eq!(db.searches(&"other".parse().unwrap(), "otto").await.unwrap(), []);
        db.drop_search(shared).await.unwrap();
        assert_eq!(names("otto").await, []);
    }
}
