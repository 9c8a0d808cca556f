//! `GET /api/v1/search?q=&from=&to=&sort=&cursor=&limit=`: receipts and alerts that a person may see.
//!
//! The person's stores are a filter beside the query. What of the query was not understood comes back in `problems`;
//! only a wrong parameter is an error.

use std::num::NonZeroU32;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::Shared;
use super::auth::{Caller, Right};
use super::extract::Query;
use super::problem::Problem;
use crate::search::{Answer, Order, Request, SearchError};

/// Hits of a page when nothing is said.
const PAGE: usize = 50;

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    sort: Option<Order>,
    cursor: Option<String>,
    limit: Option<NonZeroU32>,
}

/// Searches.
pub(super) async fn search(
    State(shared): State<Shared>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Json<Answer>, Problem> {
    let person = caller.person(Right::Look)?;
    let request = Request {
        text: asked.q,
        from: asked.from,
        to: asked.to,
        scope: person.scope.of_search(),
        order: asked.sort.unwrap_or(Order::Time),
        limit: asked.limit.map_or(PAGE, |limit| usize::try_from(limit.get()).unwrap_or(usize::MAX)),
        cursor: asked.cursor,
    };
    let search = shared.search.clone();
    let answer = tokio::task::spawn_blocking(move || search.find(&request))
        .await
        .map_err(|error| Problem::unavailable("the search was broken off", &error))?;
    answer.map(Json).map_err(|error| match error {
        SearchError::Cursor => Problem::new(StatusCode::BAD_REQUEST, "bad cursor", error.to_string()),
        error => Problem::unavailable("the search index cannot be read", &error),
    })
}
