//! Health for machines: `/livez` (the process answers), `/readyz` (everything behind it answers), `/metrics`.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Shared;
use super::auth::Caller;
use super::problem::Problem;
use crate::run::Condition;
use crate::telemetry;

/// How long the broker has to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The process answers.
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// Database and broker answer, and every part of the processes works: 200, else 503; the body says which does not.
pub(super) async fn ready(State(shared): State<Shared>) -> Response {
    let (database, kafka, parts) =
        tokio::join!(shared.db.answers(), shared.producer.reachable(PATIENCE), shared.parts.look(&shared.data));
    let ready = database && kafka && parts.values().copied().all(Condition::is_ready);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({ "ready": ready, "database": database, "kafka": kafka, "parts": parts });
    (status, Json(body)).into_response()
}

/// The metrics of all processes.
pub(super) async fn metrics(State(shared): State<Shared>, caller: Caller) -> Result<Response, Problem> {
    caller.may_read_metrics()?;
    let text = telemetry::joined(&shared.data)
        .await
        .map_err(|error| Problem::unavailable("the metrics cannot be read", &error))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}
