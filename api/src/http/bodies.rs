//! What requests carry, as JSON Schema for the `OpenAPI` document. What is read of them stands beside each handler.

use serde_json::{Value, json};
use tillsight_schemas::pos::Transaction;
use tillsight_schemas::review::Disposition;
use tillsight_schemas::wire::{Wire as _, json as wire_json};

use crate::db::{CaseItemKind, CasePersonKind, CaseRole, CaseStatus, TokenKind};

fn uuid() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

/// A name as `schemas::id` takes it.
pub(super) fn name() -> Value {
    json!({ "type": "string", "maxLength": 64, "pattern": "^\\.*[A-Za-z0-9_:-][A-Za-z0-9._:-]*$" })
}

/// A number of 32 bits.
pub(super) fn int(about: &str) -> Value {
    json!({ "type": "integer", "minimum": i32::MIN, "maximum": i32::MAX, "description": about })
}

/// A text that says something.
fn words(longest: u32) -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": longest, "pattern": "\\S" })
}

fn maybe_words(longest: u32) -> Value {
    json!({ "type": ["string", "null"], "maxLength": longest })
}

const LOOKED_AT: &str = "The revision that was looked at; 409 when it is not the current one.";

/// Name and password.
pub(super) fn sign_in() -> Value {
    let text = json!({ "type": "string" });
    json!({ "type": "object", "required": ["name", "password"], "properties": { "name": text, "password": text } })
}

/// What decides: what a store says from its report does not.
fn decisive() -> Vec<&'static str> {
    let decides = |code: &&str| code.parse::<Disposition>().is_ok_and(Disposition::decides);
    Disposition::CODES.iter().copied().filter(decides).collect()
}

/// A decision about an alert.
pub(super) fn decision() -> Value {
    json!({
        "type": "object",
        "required": ["disposition", "revision"],
        "properties": {
            "disposition": { "type": "string", "enum": decisive() },
            "note": maybe_words(4_000),
            "revision": int(LOOKED_AT),
        },
    })
}

/// What a store says of an alert.
pub(super) fn said() -> Value {
    let codes: Vec<&str> = Disposition::CODES.iter().copied().filter(|code| !decisive().contains(code)).collect();
    json!({
        "type": "object",
        "required": ["disposition"],
        "properties": { "disposition": { "type": "string", "enum": codes }, "note": maybe_words(4_000) },
    })
}

/// What a till sends, for the components.
pub(super) fn transaction() -> Value {
    wire_json::type_schema(&Transaction::field_type())
}

/// POS records.
pub(super) fn records() -> Value {
    let record = json!({ "$ref": "#/components/schemas/Transaction" });
    json!({
        "description": "A record as in schemas/json/transaction.schema.json, an array of them, or (ndjson) one a line.",
        "oneOf": [record, { "type": "array", "minItems": 1, "items": record }],
    })
}

/// The same decision about many alerts.
pub(super) fn decisions() -> Value {
    let looked_at = json!({
        "type": "object",
        "required": ["alert_id", "revision"],
        "properties": { "alert_id": uuid(), "revision": int("The revision that was looked at.") },
    });
    json!({
        "type": "object",
        "required": ["decisions", "disposition"],
        "properties": {
            "decisions": { "type": "array", "minItems": 1, "maxItems": 200, "items": looked_at },
            "disposition": { "type": "string", "enum": decisive() },
            "note": maybe_words(4_000),
        },
    })
}

/// Who is to look at alerts.
pub(super) fn giving() -> Value {
    json!({
        "type": "object",
        "required": ["alert_ids"],
        "properties": {
            "alert_ids": { "type": "array", "minItems": 1, "maxItems": 200, "uniqueItems": true, "items": uuid() },
            "assignee": { "type": ["string", "null"], "description": "A name of /api/v1/people; null: nobody." },
        },
    })
}

/// A search to keep.
pub(super) fn keeping() -> Value {
    json!({
        "type": "object",
        "required": ["name", "q"],
        "properties": {
            "name": words(120),
            "q": words(1_000),
            "shared": { "type": "boolean", "description": "Whether everybody of the retailer has it; false when left out." },
        },
    })
}

/// A case to open.
pub(super) fn opening() -> Value {
    json!({
        "type": "object",
        "required": ["title"],
        "properties": {
            "title": words(200),
            "alerts": { "type": "array", "items": uuid() },
            "receipts": { "type": "array", "items": uuid(), "description": "Transactions." },
            "note": maybe_words(20_000),
        },
    })
}

/// An edit of a case.
pub(super) fn edit() -> Value {
    let statuses: Vec<Value> = CaseStatus::CODES.iter().map(|code| json!(code)).chain([Value::Null]).collect();
    let minor = json!({ "type": ["integer", "null"], "minimum": 0, "maximum": i64::MAX });
    json!({
        "type": "object",
        "required": ["revision"],
        "additionalProperties": false,
        "description": "What is left out stays; null clears.",
        "properties": {
            "revision": { "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX, "description": LOOKED_AT },
            "title": { "anyOf": [words(200), { "type": "null" }] },
            "status": { "enum": statuses, "description": "resolved needs loss_minor." },
            "summary_text": maybe_words(20_000),
            "owner": { "type": ["string", "null"], "description": "An analyst or admin who sees every store of the case." },
            "loss_minor": minor,
            "recovered_minor": minor,
            "currency": { "type": ["string", "null"], "pattern": "^[A-Z]{3}$", "description": "ISO 4217; that of the stores when left out." },
        },
    })
}

/// Puts an entry into the object at a place of a schema.
pub(in crate::http) fn with_entry(schema: &mut Value, place: &str, name: &str, entry: Value) {
    if let Some(Value::Object(entries)) = schema.pointer_mut(place) {
        entries.insert(name.to_owned(), entry);
    }
}

/// Something to add to a case.
pub(super) fn adding() -> Value {
    let instant = json!({ "type": "string", "format": "date-time" });
    let one = |kind: CaseItemKind, required: &[&str], properties: Value| {
        let mut schema = json!({ "type": "object", "required": required, "properties": properties });
        with_entry(&mut schema, "/properties", "kind", json!({ "const": kind.as_str() }));
        schema
    };
    let clip = json!({
        "store_id": { "anyOf": [name(), { "type": "null" }], "description": "Where several have that camera." },
        "camera_id": name(),
        "from_at": instant,
        "to_at": instant,
    });
    json!({
        "oneOf": [
            one(CaseItemKind::Alert, &["kind", "alert_id"], json!({ "alert_id": uuid() })),
            one(CaseItemKind::Receipt, &["kind", "event_id"], json!({ "event_id": uuid() })),
            one(CaseItemKind::Clip, &["kind", "camera_id", "from_at", "to_at"], clip),
            one(CaseItemKind::Note, &["kind", "text"], json!({ "text": words(20_000) })),
        ],
    })
}

/// A person to add to a case.
pub(super) fn adding_person() -> Value {
    let says = |field: &str, what: Value| json!({ "required": [field], "properties": { field: what } });
    json!({
        "type": "object",
        "required": ["role", "kind"],
        "description": "At least one of operator_id, name and note says who it is.",
        "properties": {
            "role": { "type": "string", "enum": CaseRole::CODES },
            "kind": { "type": "string", "enum": CasePersonKind::CODES },
            "operator_id": { "anyOf": [name(), { "type": "null" }] },
            "name": maybe_words(200),
            "note": maybe_words(4_000),
        },
        "anyOf": [says("operator_id", name()), says("name", words(200)), says("note", words(4_000))],
    })
}

/// A token to make.
pub(super) fn token() -> Value {
    json!({
        "type": "object",
        "required": ["kind", "name"],
        "additionalProperties": false,
        "properties": {
            "kind": { "type": "string", "enum": TokenKind::CODES },
            "owner": { "type": ["string", "null"], "description": "The integrator or person; none for metrics." },
            "name": { "type": "string", "pattern": "^[a-z0-9_-]{1,40}$", "description": "What it is for." },
            "stores": {
                "type": "array",
                "items": name(),
                "description": "The stores that an integrator's token is for; all that it may write when left out.",
            },
        },
    })
}
