//! Extractors whose refusals are problems (RFC 9457) like every other answer.

use std::fmt;
use std::marker::PhantomData;

use axum::body::Bytes;
use axum::extract::rejection::{
    BytesRejection, FormRejection, JsonRejection, PathRejection, QueryRejection, StringRejection,
};
use axum::extract::{FromRequest, FromRequestParts, Request};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tillsight_schemas::wire::json::whole;

use super::problem::Problem;

/// Whether a request is only tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(super) enum DryRun {
    /// It is meant.
    #[default]
    #[serde(rename = "0", alias = "false")]
    No,
    /// Everything is answered and nothing is written.
    #[serde(rename = "1", alias = "true")]
    Yes,
}

impl DryRun {
    /// What it can be in a query.
    pub(super) const CODES: &'static [&'static str] = &["0", "1", "false", "true"];
}

/// The query string.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub(super) struct Query<T>(pub(super) T);

/// The parts of the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub(super) struct Path<T>(pub(super) T);

/// A JSON document: an object. serde would take an array for a struct, field by field.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let axum::Json(Object(document)) = axum::Json::from_request(request, state).await?;
        Ok(Self(document))
    }
}

/// What is read from a JSON object and nothing else.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(Fields(PhantomData)).map(Self)
    }
}

/// A form.
#[derive(FromRequest)]
#[from_request(via(axum::Form), rejection(Problem))]
pub(super) struct Form<T>(pub(super) T);

/// A body that is taken as it is.
pub(super) struct Whole<T>(pub(super) T);

impl<S: Send + Sync> FromRequest<S> for Whole<String> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Ok(Self(String::from_request(request, state).await?))
    }
}

impl<S: Send + Sync> FromRequest<S> for Whole<Bytes> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Ok(Self(Bytes::from_request(request, state).await?))
    }
}

/// A whole number. `3.0` is one: JSON does not tell it from `3`.
pub(super) fn integer<'de, T: TryFrom<i64>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let found = whole(&number).and_then(|found| T::try_from(found).ok());
    found.ok_or_else(|| D::Error::custom(format!("{number} is not a whole number that fits here")))
}

/// The same, or null.
pub(super) fn maybe_integer<'de, T: TryFrom<i64>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(Option::<Integer<T>>::deserialize(deserializer)?.map(|Integer(found)| found))
}

/// The same, told from what was left out.
pub(super) fn said_integer<'de, T: TryFrom<i64>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    maybe_integer(deserializer).map(Some)
}

struct Integer<T>(T);

impl<'de, T: TryFrom<i64>> Deserialize<'de> for Integer<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        integer(deserializer).map(Self)
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(rejection.status(), "bad query", rejection.body_text())
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), "bad address", rejection.body_text())
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), "bad document", rejection.body_text())
    }
}

impl From<FormRejection> for Problem {
    fn from(rejection: FormRejection) -> Self {
        Self::new(rejection.status(), "bad form", rejection.body_text())
    }
}

impl From<StringRejection> for Problem {
    fn from(rejection: StringRejection) -> Self {
        Self::new(rejection.status(), "bad text", rejection.body_text())
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        Self::new(rejection.status(), "bad body", rejection.body_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_is_written_in_two_ways() {
        #[derive(Deserialize)]
        struct Seen {
            #[serde(deserialize_with = "integer")]
            revision: i32,
            #[serde(default, deserialize_with = "maybe_integer")]
            version: Option<u32>,
        }
        let read = |text: &str| serde_json::from_str::<Seen>(text).map(|seen| (seen.revision, seen.version));
        assert_eq!(read(r#"{"revision":3}"#).unwrap(), (3, None));
        assert_eq!(read(r#"{"revision":-3.0,"version":7e0}"#).unwrap(), (-3, Some(7)));
        assert_eq!(read(r#"{"revision":0,"version":null}"#).unwrap(), (0, None));
        for wrong in ["3.5", "1e300", "2147483648", "\"3\"", "null"] {
            assert!(read(&format!(r#"{{"revision":{wrong}}}"#)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_document_is_an_object() {
        #[derive(Debug, Deserialize)]
        struct Draft {
            #[serde(default)]
            name: Option<String>,
        }
        let read = serde_json::from_str::<Object<Draft>>(r#"{"name":"x"}"#).unwrap();
        assert_eq!(read.0.name.as_deref(), Some("x"));
        for other in ["[]", r#"["x"]"#, "null", "1"] {
            let refused = serde_json::from_str::<Object<Draft>>(other).err().unwrap();
            assert!(refused.to_string().contains("expected an object"), "{refused}");
        }
    }
}
