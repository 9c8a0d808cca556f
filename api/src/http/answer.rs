//! What answers look like: [`answer!`] declares a struct of an answer once, with its JSON and its place in the `OpenAPI`
//! document. Records of `schemas` describe themselves.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value, json};
use tillsight_schemas::wire::{Wire, json as wire_json};
use tillsight_schemas::{alert, clip, clock_offset, detection, id, judgement, presence, review, segment, zone};
use uuid::Uuid;

use crate::{backtest, db};

/// A type that stands in answers.
pub(crate) trait Shown {
    /// Its JSON Schema; structs put themselves among the components and return a reference.
    fn schema(components: &mut Map<String, Value>) -> Value;
}

macro_rules! wired {
    ($($t:ty),* $(,)?) => {$(
        impl Shown for $t {
            fn schema(_: &mut Map<String, Value>) -> Value {
                wire_json::type_schema(&<$t as Wire>::field_type())
            }
        }
    )*};
}

wired! {
    String, i32, i64, bool, DateTime<Utc>, NaiveDate, Uuid, id::TenantId, id::StoreId, id::RegisterId, id::OperatorId,
    id::CameraId, id::ZoneId, id::RuleId, alert::AlertState, alert::Severity, review::Disposition,
    presence::PresenceState, presence::Blind, segment::GapReason, zone::ZoneKind, clip::ClipGap,
    tillsight_schemas::money::Currency, db::CaseStatus, db::CaseItemKind, db::CaseRole, db::CasePersonKind, db::CaseAct,
    crate::sending::Sending,
    judgement::Outcome, backtest::Against, backtest::State, crate::matrix::SightState,
    crate::canary::CanaryState,
}

impl Shown for f64 {
    fn schema(_: &mut Map<String, Value>) -> Value {
        json!({ "type": "number" })
    }
}

impl Shown for BTreeMap<String, i64> {
    fn schema(_: &mut Map<String, Value>) -> Value {
        json!({ "type": "object", "additionalProperties": { "type": "integer" } })
    }
}

impl Shown for [f64; 2] {
    fn schema(_: &mut Map<String, Value>) -> Value {
        json!({ "type": "array", "items": { "type": "number" }, "minItems": 2, "maxItems": 2 })
    }
}

macro_rules! records {
    ($($t:ty),* $(,)?) => {$(
        impl Shown for $t {
            fn schema(components: &mut Map<String, Value>) -> Value {
                let name = <$t as tillsight_schemas::wire::Record>::record_type().name;
                component(components, name, |_| wire_json::type_schema(&<$t as Wire>::field_type()))
            }
        }
    )*};
}

records! {
    alert::Alert, alert::SeenSpan, judgement::Judgement, review::Review, clock_offset::ClockOffset,
    detection::DetectionBox,
}

impl Shown for zone::Zone {
    fn schema(components: &mut Map<String, Value>) -> Value {
        component(components, "Zone", |components| {
            let corner = json!({ "type": "array", "items": { "type": "number" }, "minItems": 2, "maxItems": 2 });
            json!({
                "type": "object",
                "description": "A part of a camera's picture; corners are fractions of the picture from the upper left.",
                "properties": {
                    "id": id::ZoneId::schema(components),
                    "camera": id::CameraId::schema(components),
                    "kind": zone::ZoneKind::schema(components),
                    "register": Option::<id::RegisterId>::schema(components),
                    "polygon": { "type": "array", "items": corner },
                    "version": { "type": "integer" },
                },
                "required": ["id", "camera", "kind", "register", "polygon", "version"],
            })
        })
    }
}

impl<T: Shown> Shown for Vec<T> {
    fn schema(components: &mut Map<String, Value>) -> Value {
        json!({ "type": "array", "items": T::schema(components) })
    }
}

impl<T: Shown> Shown for Option<T> {
    fn schema(components: &mut Map<String, Value>) -> Value {
        json!({ "anyOf": [T::schema(components), { "type": "null" }] })
    }
}

/// Puts a schema among the components, unless it is there, and refers to it.
pub(crate) fn component(
    components: &mut Map<String, Value>,
    name: &str,
    schema: impl FnOnce(&mut Map<String, Value>) -> Value,
) -> Value {
    if !components.contains_key(name) {
        // Its own name first: a struct may stand in itself.
        components.insert(name.to_owned(), Value::Null);
        let schema = schema(components);
        components.insert(name.to_owned(), schema);
    }
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// Declares structs of answers. A field marked `@flatten` is a struct whose fields stand in place of it. What is derived
/// beside what every answer has is named between its text and its name.
macro_rules! answer {
    ($(
        $(#[doc = $doc:literal])+
        $(#[derive($($derive:tt)+)])?
        struct $name:ident { $( $(#[doc = $fdoc:literal])+ $(@$mode:ident)? $field:ident : $ty:ty, )* }
    )*) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, serde::Serialize)]
        $(#[derive($($derive)+)])?
        pub(crate) struct $name { $( $(#[doc = $fdoc])+ $(#[serde($mode)])? pub(crate) $field: $ty, )* }

        impl $crate::http::answer::Shown for $name {
            fn schema(components: &mut serde_json::Map<String, serde_json::Value>) -> serde_json::Value {
                $crate::http::answer::component(components, stringify!($name), |components| {
                    let mut properties = serde_json::Map::new();
                    let mut whole = Vec::new();
                    $( $crate::http::answer::property(
                        &mut properties,
                        &mut whole,
                        stringify!($field),
                        concat!($($fdoc),+),
                        <$ty as $crate::http::answer::Shown>::schema(components),
                        [$(stringify!($mode))?].first().copied(),
                    ); )*
                    $crate::http::answer::object(concat!($($doc),+), properties, whole)
                })
            }
        }
    )*};
}
pub(crate) use answer;

/// Adds a field of an answer; called by [`answer!`] only.
pub(crate) fn property(
    properties: &mut Map<String, Value>,
    whole: &mut Vec<Value>,
    name: &str,
    doc: &str,
    schema: Value,
    mode: Option<&str>,
) {
    if mode == Some("flatten") {
        whole.push(schema);
    } else {
        // A reference keeps its own text; siblings of `$ref` are allowed since OpenAPI 3.1.
        let mut schema = schema;
        if let Value::Object(entries) = &mut schema {
            entries.insert("description".to_owned(), json!(doc.trim()));
        }
        properties.insert(name.to_owned(), schema);
    }
}

/// The schema of an answer; called by [`answer!`] only. Every field is there in every answer.
pub(crate) fn object(doc: &str, properties: Map<String, Value>, mut whole: Vec<Value>) -> Value {
    let required: Vec<&String> = properties.keys().collect();
    let own = json!({ "type": "object", "required": required, "properties": properties });
    if whole.is_empty() {
        let mut own = own;
        if let Value::Object(entries) = &mut own {
            entries.insert("description".to_owned(), json!(doc.trim()));
        }
        return own;
    }
    whole.push(own);
    json!({ "description": doc.trim(), "allOf": whole })
}
