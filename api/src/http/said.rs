//! `POST /api/v1/alerts/{id}/said`: what a store says of an alert from its pages: that it is explained, or that loss prevention
//! shall look at it. The same as the buttons of a report's mail ([`super::links`]): it decides nothing.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use tillsight_schemas::review::Disposition;
use uuid::Uuid;

use super::Shared;
use super::alerts::{find, noted, reviewed, shown};
use super::auth::{Caller, Right};
use super::extract::{Body, Path};
use super::problem::Problem;
use super::views::AlertSummary;

/// What is said.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    disposition: Disposition,
    #[serde(default)]
    note: Option<String>,
}

/// Writes it into the history of the alert.
pub(super) async fn say(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(said): Body<Said>,
) -> Result<Json<AlertSummary>, Problem> {
    let person = caller.person(Right::Say)?;
    let row = find(&shared, &person, id).await?;
    if said.disposition.decides() {
        let detail = format!("{} is a decision; a store says `explained` or `look_at_it`", said.disposition);
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "a decision", detail));
    }
    let review = reviewed(&shared, &person, &row, (row.alert.revision, said.disposition, noted(said.note)?));
    let kept = shared.db.say(&review).await;
    kept.map_err(|error| Problem::unavailable("it cannot be noted", &error))?;
    tracing::info!(alert = %id, by = person.name, action = %said.disposition, "a store said something");
    let row = find(&shared, &person, id).await?;
    Ok(Json(shown(&shared, &row).await))
}
