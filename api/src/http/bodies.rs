//! What requests carry, as JSON Schema for the `OpenAPI` document. What is read of them stands beside each handler.

use serde_json::{Value, json};
use tillsight_schemas::review::Disposition;

use crate::db::{CaseItemKind, CasePersonKind, CaseRole, CaseStatus};

fn uuid() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

fn nullable(kind: &str) -> Value {
    json!({ "type": [kind, "null"] })
}

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
            "note": { "type": ["string", "null"] },
            "revision": { "type": "integer", "description": "The revision that was looked at; 409 when it is not the current one." },
        },
    })
}

/// POS records.
pub(super) fn records() -> Value {
    json!({ "description": "A record as in schemas/json/transaction.schema.json, an array of them, or one a line." })
}

/// The same decision about many alerts.
pub(super) fn decisions() -> Value {
    let looked_at = json!({
        "type": "object",
        "required": ["alert_id", "revision"],
        "properties": { "alert_id": uuid(), "revision": { "type": "integer" } },
    });
    json!({
        "type": "object",
        "required": ["decisions", "disposition"],
        "properties": {
            "decisions": { "type": "array", "minItems": 1, "maxItems": 200, "items": looked_at },
            "disposition": { "type": "string", "enum": decisive() },
            "note": nullable("string"),
        },
    })
}

/// Who is to look at alerts.
pub(super) fn giving() -> Value {
    json!({
        "type": "object",
        "required": ["alert_ids"],
        "properties": {
            "alert_ids": { "type": "array", "minItems": 1, "maxItems": 200, "items": uuid() },
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
            "name": { "type": "string", "minLength": 1, "maxLength": 120 },
            "q": { "type": "string", "minLength": 1, "maxLength": 1000 },
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
            "title": { "type": "string", "minLength": 1, "maxLength": 200 },
            "alerts": { "type": "array", "items": uuid() },
            "receipts": { "type": "array", "items": uuid(), "description": "Transactions." },
            "note": nullable("string"),
        },
    })
}

/// An edit of a case.
pub(super) fn edit() -> Value {
    json!({
        "type": "object",
        "required": ["revision"],
        "additionalProperties": false,
        "description": "What is left out stays; null clears.",
        "properties": {
            "revision": { "type": "integer", "description": "The revision that was looked at; 409 when it is not the current one." },
            "title": { "type": "string", "minLength": 1, "maxLength": 200 },
            "status": { "type": "string", "enum": CaseStatus::CODES, "description": "resolved needs loss_minor." },
            "summary_text": { "type": "string", "maxLength": 20000 },
            "owner": { "type": ["string", "null"], "description": "An analyst or admin who sees every store of the case." },
            "loss_minor": { "type": ["integer", "null"], "minimum": 0 },
            "recovered_minor": { "type": ["integer", "null"], "minimum": 0 },
            "currency": { "type": ["string", "null"], "description": "ISO 4217; that of the stores when left out." },
        },
    })
}

/// Something to add to a case.
pub(super) fn adding() -> Value {
    let instant = json!({ "type": "string", "format": "date-time" });
    json!({
        "type": "object",
        "required": ["kind"],
        "description": "With kind alert: alert_id; receipt: event_id; clip: camera_id, from_at, to_at and store_id where several have that camera; note: text.",
        "properties": {
            "kind": { "type": "string", "enum": CaseItemKind::CODES },
            "alert_id": uuid(),
            "event_id": uuid(),
            "store_id": { "type": "string" },
            "camera_id": { "type": "string" },
            "from_at": instant,
            "to_at": instant,
            "text": { "type": "string", "maxLength": 20000 },
        },
    })
}

/// A person to add to a case.
pub(super) fn adding_person() -> Value {
    json!({
        "type": "object",
        "required": ["role", "kind"],
        "description": "At least one of operator_id, name and note says who it is.",
        "properties": {
            "role": { "type": "string", "enum": CaseRole::CODES },
            "kind": { "type": "string", "enum": CasePersonKind::CODES },
            "operator_id": nullable("string"),
            "name": nullable("string"),
            "note": nullable("string"),
        },
    })
}
