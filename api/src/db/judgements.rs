//! Judgements that could not see: the blind spots, newest first, and how often each reason.

use sqlx::Row;
use tillsight_schemas::id::{StoreId, TenantId};
use tillsight_schemas::judgement::Judgement;

use super::without::concerns_nobody;
use super::{Db, DbError, Without, failed};

const BLIND: &str = concat!(
    "SELECT document FROM judgements j WHERE tenant = $1 AND ($2 = '' OR replace($2, ',' || store || ',', '') <> $2) \
     AND ($3 = '' OR rule = $3) AND outcome = 'indeterminate' AND event_time >= $4 \
     AND (event_time < $5 OR (event_time = $5 AND judgement_id < $6)) AND ",
    concerns_nobody!("j.judgement_id", "j.store", "$8"),
    " ORDER BY event_time DESC, judgement_id DESC LIMIT $7"
);
const REASONS: &str = concat!(
    "SELECT store, rule, why, count(*) FROM judgements j WHERE tenant = $1 \
     AND ($2 = '' OR replace($2, ',' || store || ',', '') <> $2) AND ($3 = '' OR rule = $3) \
     AND outcome = 'indeterminate' AND event_time >= $4 AND ",
    concerns_nobody!("j.judgement_id", "j.store", "$5"),
    " GROUP BY store, rule, why ORDER BY count(*) DESC, store, rule, why"
);

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] = &[BLIND, REASONS];

/// Which blind spots are asked for.
#[derive(Debug, Clone)]
pub struct BlindFilter {
    /// The retailer.
    pub tenant: TenantId,
    /// The stores; all of the retailer when empty.
    pub stores: Vec<StoreId>,
    /// Whose blind spots are left out.
    pub without: Without,
    /// One rule only.
    pub rule: Option<String>,
    /// Events of this instant or later, in microseconds.
    pub from: i64,
    /// Older than this event (microseconds, judgement id): the last one of the page before.
    pub before: Option<(i64, String)>,
    /// At most so many.
    pub limit: u32,
}

/// How often a rule could not see in a store, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlindReason {
    /// The shop.
    pub store: String,
    /// The rule.
    pub rule: String,
    /// The condition that decided.
    pub why: String,
    /// How often.
    pub count: i64,
}

/// Store ids as the statements compare them: `,17,42,`; empty for all.
pub(super) fn listed(stores: &[StoreId]) -> String {
    match stores {
        [] => String::new(),
        stores => format!(",{},", stores.iter().map(StoreId::as_str).collect::<Vec<_>>().join(",")),
    }
}

impl Db {
    /// Judgements that could not see, newest first.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn blind_spots(&self, filter: &BlindFilter) -> Result<Vec<Judgement>, DbError> {
        let (before, id) = filter.before.clone().unwrap_or((i64::MAX, String::new()));
        let rows = sqlx::query(BLIND)
            .bind(filter.tenant.as_str())
            .bind(listed(&filter.stores))
            .bind(filter.rule.clone().unwrap_or_default())
            .bind(filter.from)
            .bind(before)
            .bind(id)
            .bind(i64::from(filter.limit))
            .bind(filter.without.listed())
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list blind spots"))?;
        super::alerts::documents(&rows, "judgement")
    }

    /// How often each reason, the most frequent first; page and limit of the filter do not matter.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn blind_reasons(&self, filter: &BlindFilter) -> Result<Vec<BlindReason>, DbError> {
        let rows = sqlx::query(REASONS)
            .bind(filter.tenant.as_str())
            .bind(listed(&filter.stores))
            .bind(filter.rule.clone().unwrap_or_default())
            .bind(filter.from)
            .bind(filter.without.listed())
            .fetch_all(&self.pool)
            .await
            .map_err(failed("count blind spots"))?;
        let read = |row: &sqlx::any::AnyRow| -> sqlx::Result<BlindReason> {
            Ok(BlindReason {
                store: row.try_get(0)?,
                rule: row.try_get(1)?,
                why: row.try_get(2)?,
                count: row.try_get(3)?,
            })
        };
        rows.iter().map(|row| read(row).map_err(failed("count blind spots"))).collect()
    }
}
