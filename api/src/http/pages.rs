//! The web app: the files of `ui/dist`, built into the binary. Addresses without an extension that are nothing else are
//! pages of the app, which finds its way by itself.
//!
//! Files under `/assets` have their hash in their name and may be kept for ever; `index.html` is asked for each time.

use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::RustEmbed;

use super::problem::{Problem, no_such_page};

/// What a page of ours may load and who may frame it: itself, and nobody.
pub(super) const SECURITY_HEADERS: &[(&str, &str)] = &[
    (
        "content-security-policy",
        "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; \
         frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
];

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Tillsight</title>\
    <h1>Tillsight runs; its web app was not built</h1>\
    <p>Build it with <code>npm ci &amp;&amp; npm run build</code> in <code>ui/</code>, then build the program again. \
    The API is described at <a href=\"/openapi.json\">/openapi.json</a>.</p></html>";

#[derive(RustEmbed)]
#[folder = "../ui/dist"]
#[allow_missing = true]
struct App;

/// Serves a file or a page of the web app.
pub(super) async fn page(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path.starts_with("api/") {
        return no_such_page(uri).await.into_response();
    }
    if let Some(found) = App::get(path) {
        return file(path, found);
    }
    // A name with an extension is a file, and it is not there.
    if path.rsplit('/').next().is_some_and(|name| name.contains('.')) {
        return no_such_page(uri).await.into_response();
    }
    match App::get("index.html") {
        Some(index) => file("index.html", index),
        None => Html(NOT_BUILT).into_response(),
    }
}

fn file(path: &str, found: rust_embed::EmbeddedFile) -> Response {
    let kept = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [(header::CONTENT_TYPE, content_type(path)), (header::CACHE_CONTROL, kept)];
    (headers, found.data.into_owned()).into_response()
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("json" | "map" | "webmanifest") => "application/json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// For a year the browser comes back over TLS only, whatever is typed.
const TRANSPORT_SECURITY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Puts the security headers on an answer.
pub(super) async fn secured(mut response: Response, encrypted: bool) -> Response {
    if encrypted {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, TRANSPORT_SECURITY);
    }
    for (name, value) in SECURITY_HEADERS {
        response.headers_mut().insert(*name, HeaderValue::from_static(value));
    }
    response
}

/// Answers requests with a wrong method.
pub(super) async fn wrong_method(uri: Uri) -> Problem {
    let detail = format!("{} does not take this method", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "wrong method", detail)
}
