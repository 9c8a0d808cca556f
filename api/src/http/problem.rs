//! Errors as RFC 9457 problems: `application/problem+json` with a title for programs and a detail for people. The
//! text of an inner error never leaves the machine; the log has it.

use axum::Json;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use tillsight_schemas::error::chain;

/// An error response.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Problem {
    /// What kind of problem as a URI: no more than the status says (RFC 9457 §4.2.1).
    #[serde(rename = "type")]
    kind: &'static str,
    /// The HTTP status.
    status: u16,
    /// What kind of problem, the same for every occurrence.
    title: &'static str,
    /// What happened this time, and what to do.
    detail: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        Self { kind: "about:blank", status: status.as_u16(), title, detail: detail.into() }
    }

    /// What happened this time.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// Something behind us does not work; the caller may try again.
    pub(super) fn unavailable(what: &'static str, error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = %chain(error), "{what}");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", format!("{what}; try again in a few seconds"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, [(header::CONTENT_TYPE, "application/problem+json")], Json(self)).into_response()
    }
}

/// Answers requests for addresses that do not exist.
pub(super) async fn no_such_page(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not found", format!("there is nothing at {}", uri.path()))
}
