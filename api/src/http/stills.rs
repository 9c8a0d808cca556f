//! `GET /api/v1/stills/{camera}.jpg?at[&store]`: the picture at an instant, as JPEG.
//!
//! Before the first byte leaves, the audit file has the entry, as for clips. Few are decoded at once; the others wait.

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use tillsight_analytics::still::{StillError, jpeg};
use tillsight_schemas::id::StoreId;
use tillsight_schemas::segment::StreamKey;

use super::Shared;
use super::auth::{Caller, Right};
use super::clips::problem;
use super::extract::{Path, Query};
use super::problem::Problem;

/// The quality of the JPEG file: no difference is seen, and it is a fifth of the best one's size.
const QUALITY: u8 = 85;

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    at: DateTime<Utc>,
    store: Option<StoreId>,
}

/// Serves a still.
pub(super) async fn still(
    State(shared): State<Shared>,
    caller: Caller,
    Path(file): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let person = caller.person(Right::Video)?;
    let name = file
        .strip_suffix(".jpg")
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "not found", "a still's address ends in .jpg"))?;
    let key = shared.cameras.find(name, asked.store.as_ref(), &person.scope)?;
    let (taken_at, picture) = picture(&shared, &key, asked.at).await?;
    shared
        .audit
        .note(&person.name, "still", format!("{key} {}", asked.at.to_rfc3339()))
        .await
        .map_err(|error| Problem::unavailable("the audit file cannot be written, so no picture is shown", &error))?;
    let headers = [
        (header::CONTENT_TYPE, "image/jpeg".to_owned()),
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
        (HeaderName::from_static("tillsight-taken-at"), taken_at.to_rfc3339_opts(SecondsFormat::Micros, true)),
    ];
    Ok((headers, picture).into_response())
}

/// The last picture of a stream at or before an instant: when it was taken, and itself as JPEG.
pub(super) async fn picture(
    shared: &Shared,
    key: &StreamKey,
    at: DateTime<Utc>,
) -> Result<(DateTime<Utc>, Vec<u8>), Problem> {
    let stopping = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the server is stopping");
    let _turn = shared.decoding.acquire().await.map_err(|_| stopping())?;
    let reader = shared.cameras.reader().await.map_err(|error| problem(&error))?;
    let still = reader.still(key, at).await.map_err(|error| problem(&error))?;
    let taken_at = still.at;
    let picture = tokio::task::spawn_blocking(move || jpeg(&still.codec, &still.units, QUALITY))
        .await
        .map_err(|_| stopping())?
        .map_err(|error| match error {
            StillError::Codec(_) => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no still", error.to_string()),
            error => Problem::unavailable("the picture cannot be shown", &error),
        })?;
    Ok((taken_at, picture))
}
