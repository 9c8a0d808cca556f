//! `POST /api/v1/pos/transactions`: POS records over HTTP, into the same landing topic as over Kafka.
//!
//! The body is one record, an array of them, or one a line (`application/x-ndjson`). All are checked before any is
//! written: 422 lists every problem of every record and nothing was taken; 202 says where each one landed.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use tillsight_ingest::bus::Outgoing;
use tillsight_ingest::pos::{Checker, Permits};
use tillsight_schemas::topic;

use super::Shared;
use super::auth::Caller;
use super::problem::{Problem, RecordProblem};

/// What was taken.
#[derive(Debug, Serialize)]
pub(super) struct Received {
    /// One entry a record, in the order of the request.
    received: Vec<Place>,
}

/// Where a record landed: it keeps this name through all topics and tables.
#[derive(Debug, Serialize)]
struct Place {
    topic: String,
    partition: i32,
    offset: i64,
}

/// Takes records.
pub(super) async fn receive(
    State(shared): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Received>), Problem> {
    let permits = caller.permits(&shared)?;
    let documents = documents(&headers, &body)?;
    if documents.is_empty() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "no records", "the body holds no record"));
    }
    check(&shared, permits, &documents)?;
    let outgoing = documents
        .iter()
        .map(|document| Outgoing {
            topic: topic::landing(&permits.integrator),
            key: document
                .get("store_id")
                .and_then(Value::as_str)
                .map(|store| Bytes::from(format!("{}/{store}", permits.tenant))),
            value: Some(Bytes::from(document.to_string())),
            headers: vec![("content-type", "application/json".to_owned())],
        })
        .collect();
    let places = shared
        .producer
        .send(outgoing)
        .await
        .map_err(|error| Problem::unavailable("the broker did not take the records", &error))?;
    let received = places
        .into_iter()
        .map(|(partition, offset)| Place { topic: partition.topic, partition: partition.number, offset })
        .collect();
    Ok((StatusCode::ACCEPTED, Json(Received { received })))
}

fn check(shared: &Shared, permits: &Permits, documents: &[Value]) -> Result<(), Problem> {
    let checker = Checker::new(permits.clone(), shared.stores.clone(), shared.clock.now());
    let wrong: Vec<RecordProblem> = documents
        .iter()
        .enumerate()
        .filter_map(|(index, document)| {
            let reject = checker.check(document).err()?;
            Some(RecordProblem { index, code: reject.code.as_str(), detail: reject.detail })
        })
        .collect();
    if wrong.is_empty() {
        return Ok(());
    }
    let detail = format!("{} of {} records are wrong; none was taken", wrong.len(), documents.len());
    Err(Problem::records(detail, wrong))
}

fn documents(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Value>, Problem> {
    let bad = |error: serde_json::Error| {
        Problem::new(StatusCode::BAD_REQUEST, "not JSON", format!("the body is not JSON: {error}"))
    };
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type.starts_with("application/x-ndjson") {
        return serde_json::Deserializer::from_slice(body).into_iter::<Value>().collect::<Result<_, _>>().map_err(bad);
    }
    match serde_json::from_slice(body).map_err(bad)? {
        Value::Array(documents) => Ok(documents),
        document => Ok(vec![document]),
    }
}
