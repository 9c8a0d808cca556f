//! The body of `POST /api/v1/pos/transactions`: one record, an array of them, or one a line. What cannot be read of it is
//! said of that record alone, wherever the others can be told from it.

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::problem::Problem;

/// Bytes of a record: a message of Kafka has a million with all that belongs to it.
pub(super) const LARGEST: usize = 900_000;

/// What a record may be declared as: JSON, and what programs say that declare nothing.
const READ: [&str; 4] = ["application/json", "application/x-ndjson", "application/x-www-form-urlencoded", "text/plain"];

/// A record as it is to land.
#[derive(Debug)]
pub(super) struct Document {
    /// Its bytes.
    pub(super) text: Bytes,
    /// The store that it names.
    pub(super) store: Option<String>,
}

impl Document {
    /// Whether it fits into a message of the landing topic.
    pub(super) fn fits(&self) -> bool {
        self.text.len() <= LARGEST
    }
}

impl From<&Value> for Document {
    fn from(document: &Value) -> Self {
        let store = document.get("store_id").and_then(Value::as_str).map(str::to_owned);
        Self { text: Bytes::from(document.to_string()), store }
    }
}

/// The records of a body.
///
/// # Errors
/// [`Problem`] 415 when it is no JSON by its own words, 400 when it is none by its bytes or holds no record.
pub(super) fn documents(headers: &HeaderMap, body: &Bytes) -> Result<Vec<Document>, Problem> {
    let said = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_lowercase();
    let (media, encoding) = (said(header::CONTENT_TYPE), said(header::CONTENT_ENCODING));
    if !matches!(encoding.as_str(), "" | "identity") {
        return Err(unread(format!("a body in {encoding} is not read: send it as it is")));
    }
    if !media.is_empty() && !READ.iter().any(|read| media.starts_with(read)) {
        return Err(unread(format!("{media} is not read: HTTP takes JSON; Avro goes to the landing topic of Kafka")));
    }
    let documents = if media.starts_with("application/x-ndjson") { lines(body) } else { whole(body)? };
    if documents.is_empty() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "no records", "the body holds no record"));
    }
    Ok(documents)
}

fn unread(detail: String) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not JSON", detail)
}

fn whole(body: &[u8]) -> Result<Vec<Document>, Problem> {
    let document = serde_json::from_slice(body)
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "not JSON", format!("the body is not JSON: {error}")))?;
    Ok(match &document {
        Value::Array(documents) => documents.iter().map(Document::from).collect(),
        document => vec![Document::from(document)],
    })
}

/// A line that is no JSON lands as it is, and is set aside by what is wrong with it.
fn lines(body: &Bytes) -> Vec<Document> {
    let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let document = |line: &[u8]| match serde_json::from_slice::<Value>(line) {
        Ok(document) => Document::from(&document),
        Err(_) => Document { text: body.slice_ref(line), store: None },
    };
    lines.map(document).collect()
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;

    use super::*;

    fn read(media: &'static str, body: &'static str) -> Result<Vec<String>, u16> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, media.parse().unwrap());
        let found = documents(&headers, &Bytes::from_static(body.as_bytes()));
        let text = |document: &Document| String::from_utf8(document.text.to_vec()).unwrap();
        found.map(|found| found.iter().map(text).collect()).map_err(|problem| problem.into_response().status().as_u16())
    }

    #[test]
    fn a_broken_line_is_a_record_of_its_own() {
        let found = read("application/x-ndjson", "{\"a\": 1}\n{\"store_id\":\n\n null \n");
        assert_eq!(found.unwrap(), ["{\"a\":1}", "{\"store_id\":", "null"]);
    }

    #[test]
    fn what_is_no_json_by_its_own_words_is_refused_as_such() {
        for media in ["application/xml", "text/xml", "avro/binary"] {
            assert_eq!(read(media, "{}"), Err(415), "{media}");
        }
        assert_eq!(read("application/x-www-form-urlencoded", "[{}, 1]").unwrap(), ["{}", "1"], "as curl -d says");
        assert_eq!(read("application/json; charset=utf-8", "[{}").unwrap_err(), 400);
        assert_eq!(read("application/json", "[]").unwrap_err(), 400);
    }
}
