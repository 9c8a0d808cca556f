//! The web app: the files of `ui/dist`, built into the binary. Addresses without an extension that are nothing else are
//! pages of the app, which finds its way by itself.
//!
//! Files under `/assets` have their hash in their name and may be kept for ever; `index.html` is asked for each time. The
//! build puts what is text beside itself in brotli (`ui/scripts/budget.mjs`): browsers that take it get that.

use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

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
pub(super) async fn page(uri: Uri, headers: HeaderMap) -> Response {
    let packed = takes_brotli(&headers);
    let path = uri.path().trim_start_matches('/');
    if path.starts_with("api/") {
        return no_such_page(uri).await.into_response();
    }
    if let Some(found) = App::get(path) {
        return file(path, found, packed);
    }
    // A name with an extension is a file, and it is not there.
    if path.rsplit('/').next().is_some_and(|name| name.contains('.')) {
        return no_such_page(uri).await.into_response();
    }
    match App::get("index.html") {
        Some(index) => file("index.html", index, packed),
        None => Html(NOT_BUILT).into_response(),
    }
}

fn file(path: &str, found: EmbeddedFile, packed: bool) -> Response {
    let kept = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers =
        [(header::CONTENT_TYPE, content_type(path)), (header::CACHE_CONTROL, kept), (header::VARY, "accept-encoding")];
    match App::get(&format!("{path}.br")).filter(|_| packed) {
        Some(small) => (headers, [(header::CONTENT_ENCODING, "br")], small.data.into_owned()).into_response(),
        None => (headers, found.data.into_owned()).into_response(),
    }
}

/// Whether a browser takes brotli (RFC 9110 §12.5.3); over plain HTTP most do from this machine only.
fn takes_brotli(headers: &HeaderMap) -> bool {
    let named = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    named.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.trim_matches(['0', '.']).is_empty());
        name.trim().eq_ignore_ascii_case("br") && !refused
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brotli_is_for_those_who_say_that_they_take_it() {
        let said = |text: &'static str| {
            takes_brotli(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(text))]))
        };
        for yes in ["br", "gzip, deflate, br, zstd", "gzip;q=0.5, BR;q=0.8"] {
            assert!(said(yes), "{yes}");
        }
        for no in ["", "gzip", "br;q=0", "gzip, br; q=0.000", "brx"] {
            assert!(!said(no), "{no}");
        }
        assert!(!takes_brotli(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn the_same_page_comes_small_and_as_it_is() {
        let small = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static("br"))]);
        let Some(index) = App::get("index.html") else { return };
        let packed = page(Uri::from_static("/alerts"), small).await;
        assert_eq!(packed.headers()[header::CONTENT_ENCODING], "br");
        let plain = page(Uri::from_static("/alerts"), HeaderMap::new()).await;
        assert_eq!(plain.headers().get(header::CONTENT_ENCODING), None);
        let body = axum::body::to_bytes(plain.into_body(), 1 << 20).await.unwrap();
        assert_eq!(body, index.data.into_owned());
    }
}
