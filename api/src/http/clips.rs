//! `GET /api/v1/clips/{camera}.mp4?from&to[&store]`: the pictures of a span as an MP4 file, exact to the picture, with
//! byte ranges (RFC 9110 §14). Works on the segment that is being written.
//!
//! Before the first byte leaves, the audit file has the entry. What the clip shows (first and last frame, clocks with
//! their uncertainty, gaps) is in the header `tillsight-clip`, as JSON.

use std::ops::Range;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use futures::stream;
use serde::Deserialize;
use tillsight_ingest::record::{Clip, Slices};
use tillsight_schemas::id::StoreId;
use tillsight_schemas::{ErrorKind, HasKind, TimeSpan};

use super::Shared;
use super::auth::{Caller, Right};
use super::extract::{Path, Query};
use super::problem::Problem;

/// Bytes that are read at once.
const PIECE: u64 = 1 << 20;

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    store: Option<StoreId>,
}

/// Serves a clip.
pub(super) async fn clip(
    State(shared): State<Shared>,
    caller: Caller,
    Path(file): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let person = caller.person(Right::Video)?;
    let name = file
        .strip_suffix(".mp4")
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "not found", "a clip's address ends in .mp4".to_owned()))?;
    let key = shared.cameras.find(name, asked.store.as_ref(), &person.scope)?;
    let span = TimeSpan::new(asked.from, asked.to)
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "bad span", error.to_string()))?;
    let reader = shared.cameras.reader().await.map_err(|error| problem(&error))?;
    let clip = reader.clip(&key, span).await.map_err(|error| problem(&error))?;
    let detail = format!("{key} {} .. {}", asked.from.to_rfc3339(), asked.to.to_rfc3339());
    shared
        .audit
        .note(&person.name, "video", detail)
        .await
        .map_err(|error| Problem::unavailable("the audit file cannot be written, so no video is shown", &error))?;
    answer(clip, &headers)
}

fn answer(clip: Clip, headers: &HeaderMap) -> Result<Response, Problem> {
    let length = clip.bytes.len();
    let etag = format!("\"{}\"", clip.bytes.etag());
    let unchanged = headers.get(header::IF_RANGE).is_none_or(|known| known.as_bytes() == etag.as_bytes());
    let wanted = headers.get(header::RANGE).and_then(|value| value.to_str().ok()).filter(|_| unchanged);
    let (status, range) = match wanted.map(|text| byte_range(text, length)) {
        None | Some(Wanted::Ignored) => (StatusCode::OK, 0..length),
        Some(Wanted::Range(range)) => (StatusCode::PARTIAL_CONTENT, range),
        Some(Wanted::Unsatisfiable) => {
            let problem = Problem::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "no such range",
                format!("the clip has {length} bytes"),
            );
            return Ok(([(header::CONTENT_RANGE, format!("bytes */{length}"))], problem).into_response());
        }
    };
    let statement = serde_json::to_string(&clip.statement).unwrap_or_default();
    let mut response = Response::new(body(clip.bytes, range.clone()));
    *response.status_mut() = status;
    let mut set = |name: HeaderName, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, "video/mp4".to_owned());
    set(header::ACCEPT_RANGES, "bytes".to_owned());
    set(header::ETAG, etag);
    set(header::CACHE_CONTROL, "private, no-store".to_owned());
    set(header::CONTENT_LENGTH, (range.end - range.start).to_string());
    set(HeaderName::from_static("tillsight-clip"), statement);
    if status == StatusCode::PARTIAL_CONTENT {
        set(header::CONTENT_RANGE, format!("bytes {}-{}/{length}", range.start, range.end - 1));
    }
    Ok(response)
}

fn body(bytes: Slices, range: Range<u64>) -> Body {
    let pieces = stream::unfold((bytes, range), |(bytes, range)| async move {
        if range.is_empty() {
            return None;
        }
        let end = range.end.min(range.start + PIECE);
        let piece: std::io::Result<Bytes> = bytes.read(range.start..end).await.map_err(std::io::Error::other);
        let rest = if piece.is_ok() { end..range.end } else { range.end..range.end };
        Some((piece, (bytes, rest)))
    });
    Body::from_stream(pieces)
}

/// What a `Range` header asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Range(Range<u64>),
    Unsatisfiable,
    /// Several ranges, another unit, or nonsense: the whole file is a correct answer.
    Ignored,
}

fn byte_range(text: &str, length: u64) -> Wanted {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-')) else {
        return Wanted::Ignored;
    };
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(length),
        (Ok(first), Err(_)) if last.is_empty() => first..length,
        (Err(_), Ok(last)) if first.is_empty() => length.saturating_sub(last)..length,
        _ => return Wanted::Ignored,
    };
    if range.start < range.end { Wanted::Range(range) } else { Wanted::Unsatisfiable }
}

pub(super) fn problem(error: &tillsight_ingest::record::Error) -> Problem {
    let status = match error.kind() {
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        _ => return Problem::unavailable("the recordings cannot be read", error),
    };
    Problem::new(status, "no video", error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_says() {
        assert_eq!(byte_range("bytes=0-9", 100), Wanted::Range(0..10));
        assert_eq!(byte_range("bytes=90-", 100), Wanted::Range(90..100));
        assert_eq!(byte_range("bytes=-5", 100), Wanted::Range(95..100));
        assert_eq!(byte_range("bytes=0-999", 100), Wanted::Range(0..100));
        assert_eq!(byte_range("bytes=100-", 100), Wanted::Unsatisfiable);
        for ignored in ["bytes=1-2,4-5", "items=0-1", "bytes=9-2", "bytes=-"] {
            assert_eq!(byte_range(ignored, 100), Wanted::Ignored, "{ignored}");
        }
    }
}
