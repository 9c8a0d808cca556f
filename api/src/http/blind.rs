//! `GET /api/v1/blindspots`: what the rules could not decide, newest first, and how often each reason. A blind spot is no
//! accusation and no all-clear: somebody may still look at the receipt and its video.

use std::num::NonZeroU32;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use tillsight_schemas::id::StoreId;
use tillsight_schemas::judgement::Judgement;

use super::Shared;
use super::alerts::read_cursor;
use super::answer::answer;
use super::auth::{Caller, Right};
use super::extract::Query;
use super::problem::Problem;
use crate::db::BlindFilter;

/// Items of a page, unless the question says how many.
const PAGE: u32 = 50;
/// Items of a page at most.
const LARGEST_PAGE: u32 = 200;
/// How far back, unless the question says.
const BACK: TimeDelta = TimeDelta::days(7);

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    store: Option<StoreId>,
    rule: Option<String>,
    from: Option<DateTime<Utc>>,
    cursor: Option<String>,
    limit: Option<NonZeroU32>,
}

answer! {
    /// How often a rule could not see in a store, and why.
    struct BlindReasonShown {
        /// The shop.
        store_id: String,
        /// The rule.
        rule_id: String,
        /// Which condition decided.
        why: String,
        /// How often.
        count: i64,
    }

    /// A page of blind spots, newest first.
    struct BlindPage {
        /// From when.
        from: DateTime<Utc>,
        /// The judgements.
        items: Vec<Judgement>,
        /// How often each reason, over the whole time asked for.
        reasons: Vec<BlindReasonShown>,
        /// What to ask for the next page with; null on the last one.
        next_cursor: Option<String>,
    }
}

/// Lists blind spots.
pub(super) async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Json<BlindPage>, Problem> {
    let person = caller.person(Right::Look)?;
    let stores = match asked.store {
        Some(store) if !person.scope.sees(&person.scope.tenant, &store) => {
            let detail = format!("there is no store {store} for you");
            return Err(Problem::new(StatusCode::NOT_FOUND, "not found", detail));
        }
        Some(store) => vec![store],
        None => person.scope.stores.clone(),
    };
    let limit = asked.limit.map_or(PAGE, NonZeroU32::get).min(LARGEST_PAGE);
    let from = asked.from.unwrap_or_else(|| shared.clock.now() - BACK);
    let filter = BlindFilter {
        tenant: person.scope.tenant.clone(),
        stores,
        without: person.scope.without.clone(),
        rule: asked.rule,
        from: from.timestamp_micros(),
        before: asked.cursor.as_deref().map(read_cursor).transpose()?,
        limit: limit + 1,
    };
    let unread = |error: crate::db::DbError| Problem::unavailable("the judgements cannot be read", &error);
    let mut items = shared.db.blind_spots(&filter).await.map_err(unread)?;
    let reasons = shared.db.blind_reasons(&filter).await.map_err(unread)?;
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > page;
    items.truncate(page);
    let last = items.last().filter(|_| more);
    let next_cursor = last.map(|last| format!("{}.{}", last.event_time.timestamp_micros(), last.judgement_id));
    let reasons = reasons.into_iter().map(|reason| BlindReasonShown {
        store_id: reason.store,
        rule_id: reason.rule,
        why: reason.why,
        count: reason.count,
    });
    Ok(Json(BlindPage { from, items, reasons: reasons.collect(), next_cursor }))
}
