//! The routes of setting up, for the table of all of them.

use axum::routing::{delete, get, post, put};
use serde_json::{Value, json};

use super::super::answer::Shown as _;
use super::super::bodies::{int, name, with_entry};
use super::super::route::{Access, Answer, Parameter, Route};
use super::{
    adjustments, cameras, discover, history, import, operators, presence, registers, stores, trial, tried, users, zones,
};

const STORE: &[Parameter] = &[("store", "One store only.", false)];
const ZONES: &[Parameter] = &[("store", "One store only.", false), ("camera", "One camera only.", false)];
const IMPORT: &[Parameter] = &[("dry_run", "1: everything is tried, and nothing is added.", false)];
const HISTORY: &[Parameter] = &[
    ("what", "camera, zone, store, register, operator, user or adjustment.", true),
    ("store", "One store only.", false),
    ("id", "One of them only.", false),
];

fn text() -> Value {
    json!({ "type": "string" })
}

fn maybe(value: Value) -> Value {
    json!({ "anyOf": [value, { "type": "null" }] })
}

fn object(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties })
}

fn camera() -> Value {
    object(
        &["store_id", "camera_id", "url"],
        json!({
            "store_id": name(), "camera_id": name(), "name": maybe(text()), "url": text(), "sub_url": maybe(text()),
            "onvif": maybe(text()), "username": maybe(text()), "password": maybe(text()), "presence": presence(),
        }),
    )
}

fn changed_camera() -> Value {
    object(
        &["url", "version"],
        json!({
            "name": maybe(text()), "url": text(), "sub_url": maybe(text()), "onvif": maybe(text()),
            "username": maybe(text()),
            "password": { "type": ["string", "null"], "description": "Left out: it stays. Null: there is none any more." },
            "presence": presence(), "version": int("The version that was looked at."),
        }),
    )
}

fn presence() -> Value {
    json!({ "enum": ["own", "camera", "both", "none", null], "description": "own when left out." })
}

fn new_or(version: &str) -> Value {
    maybe(int(version))
}

fn test() -> Value {
    object(
        &[],
        json!({
            "url": maybe(text()), "address": maybe(text()), "username": maybe(text()), "password": maybe(text()),
            "store_id": maybe(text()),
            "camera_id": { "type": ["string", "null"], "description": "Takes its stored login, on its own host only." },
        }),
    )
}

fn table_of_cameras() -> Value {
    json!({ "type": "string", "description": "text/csv: store,camera,address_or_url,username,password,name; one a line." })
}

fn discovery() -> Value {
    object(
        &[],
        json!({ "seconds": { "type": ["integer", "null"], "minimum": 1, "maximum": 10 }, "address": maybe(text()) }),
    )
}

fn zone() -> Value {
    let corner = json!({ "type": "array", "items": { "type": "number", "minimum": 0, "maximum": 1 }, "minItems": 2, "maxItems": 2 });
    object(
        &["camera_id", "kind", "polygon"],
        json!({
            "camera_id": name(), "kind": { "enum": tillsight_schemas::zone::ZoneKind::CODES },
            "register_id": maybe(text()),
            "polygon": { "type": "array", "items": corner, "minItems": 3, "maxItems": 64 },
            "version": new_or("The version that was looked at; null for a new zone."),
        }),
    )
}

fn store() -> Value {
    let about = json!({
        "store_id": name(), "name": text(), "tz": { "type": "string", "description": "An IANA time zone." },
        "currency": { "type": "string", "description": "ISO 4217." }, "day_ends": maybe(text()), "closes": maybe(text()),
    });
    object(&["store_id", "name", "tz", "currency"], about)
}

fn changed_store() -> Value {
    let mut changed = store();
    with_entry(&mut changed, "", "required", json!(["name", "tz", "currency", "version"]));
    with_entry(&mut changed, "/properties", "version", int("The version that was looked at."));
    with_entry(&mut changed, "/properties", "store_id", text());
    changed
}

fn register() -> Value {
    let kind =
        json!({ "anyOf": [{ "enum": registers::KINDS }, { "enum": ["", null], "description": "It is not known." }] });
    let version = new_or("The version that was looked at; null when nobody named it.");
    object(&[], json!({ "name": maybe(text()), "kind": kind, "version": version }))
}

fn operator() -> Value {
    let version = new_or("The version that was looked at; null when nobody named them.");
    object(
        &[],
        json!({ "alias": maybe(text()), "user": maybe(text()), "active": { "type": "boolean" }, "version": version }),
    )
}

fn user() -> Value {
    let mut user = changed_user();
    with_entry(&mut user, "", "required", json!(["name", "role"]));
    user
}

fn changed_user() -> Value {
    object(
        &["role"],
        json!({
            "name": text(), "role": { "enum": crate::db::Role::CODES }, "stores": { "type": "array", "items": text() },
            "email": maybe(text()), "operator_id": maybe(text()), "disabled": { "type": "boolean" },
        }),
    )
}

fn password() -> Value {
    let about = "Null: one is made, and is in the answer this once.";
    object(&[], json!({ "password": { "type": ["string", "null"], "description": about } }))
}

/// Every route of setting up, and what is seen at this moment.
pub(in crate::http) fn table() -> Vec<Route> {
    use Access::Person;
    use Answer::{Json, Nothing};
    const CAMERA: &str = "/api/v1/setup/cameras/{store_id}/{camera_id}";
    const ZONE: &str = "/api/v1/setup/zones/{store_id}/{zone_id}";
    let cameras = || Json(cameras::SetCamera::schema);
    let gone = |path, about, handler| Route {
        method: "delete",
        ..Route::get(path, Person, about, Nothing, handler).status(204)
    };
    vec![
        Route::get(
            "/api/v1/presence",
            Person,
            "What is seen in each zone at this moment.",
            Json(presence::PresencePage::schema),
            get(presence::now),
        )
        .query(STORE),
        Route::get(
            "/api/v1/setup/cameras",
            Person,
            "The cameras as they are set up.",
            Json(cameras::SetCameraPage::schema),
            get(cameras::list),
        )
        .query(STORE),
        Route::get("/api/v1/setup/cameras", Person, "Adds a camera.", cameras(), post(cameras::add))
            .post(camera)
            .status(201)
            .refuses(&[404, 409]),
        Route::get(CAMERA, Person, "Changes a camera.", cameras(), put(cameras::change))
            .put(changed_camera)
            .refuses(&[409]),
        gone(
            CAMERA,
            "Removes a camera with the zones of its picture; what is recorded stays.",
            delete(cameras::remove),
        ),
        Route::get(
            "/api/v1/setup/cameras/test",
            Person,
            "Tries a camera, step by step.",
            Json(trial::CameraTest::schema),
            post(tried::test),
        )
        .post(test)
        .refuses(&[404, 409]),
        Route::get(
            "/api/v1/setup/cameras/import",
            Person,
            "Adds cameras by a table, each tried once.",
            Json(import::Imported::schema),
            post(import::import),
        )
        .post(table_of_cameras)
        .media(&["text/csv"])
        .query(IMPORT),
        Route::get(
            "/api/v1/setup/discover",
            Person,
            "The ONVIF devices that answer in this network.",
            Json(discover::Discovery::schema),
            post(discover::ask),
        )
        .post(discovery),
        Route::get(
            "/api/v1/setup/zones",
            Person,
            "The zones as they are drawn.",
            Json(zones::SetZonePage::schema),
            get(zones::list),
        )
        .query(ZONES),
        Route::get(ZONE, Person, "Draws a zone, or its next version.", Json(zones::SetZone::schema), put(zones::put))
            .put(zone)
            .refuses(&[409]),
        gone(ZONE, "Removes a zone.", delete(zones::remove)),
        Route::get(
            "/api/v1/setup/history",
            Person,
            "Who changed what and when, newest first.",
            Json(history::SetUpHistory::schema),
            get(history::history),
        )
        .query(HISTORY),
        Route::get(
            "/api/v1/setup/stores",
            Person,
            "The stores as they are set up.",
            Json(stores::SetStorePage::schema),
            get(stores::list),
        ),
        Route::get("/api/v1/setup/stores", Person, "Adds a store.", Json(stores::SetStore::schema), post(stores::add))
            .post(store)
            .status(201)
            .refuses(&[409]),
        Route::get(
            "/api/v1/setup/stores/{store_id}",
            Person,
            "Changes a store.",
            Json(stores::SetStore::schema),
            put(stores::change),
        )
        .put(changed_store)
        .refuses(&[409]),
        Route::get(
            "/api/v1/setup/registers",
            Person,
            "The registers that have sent records, belong to a zone, or were named.",
            Json(registers::SetRegisterPage::schema),
            get(registers::list),
        )
        .query(STORE),
        Route::get(
            "/api/v1/setup/registers/{store_id}/{register_id}",
            Person,
            "Names a register.",
            Json(registers::SetRegister::schema),
            put(registers::put),
        )
        .put(register)
        .refuses(&[409]),
        Route::get(
            "/api/v1/setup/operators",
            Person,
            "The operators that have records or were named.",
            Json(operators::SetOperatorPage::schema),
            get(operators::list),
        )
        .query(STORE),
        Route::get(
            "/api/v1/setup/operators/{operator_id}",
            Person,
            "Names an operator and their login.",
            Json(operators::SetOperator::schema),
            put(operators::put),
        )
        .put(operator)
        .refuses(&[409]),
        Route::get(
            "/api/v1/setup/adjustments",
            Person,
            "What stores say otherwise than the rules.",
            Json(adjustments::SetAdjustmentPage::schema),
            get(adjustments::list),
        )
        .query(STORE),
        Route::get(
            "/api/v1/setup/adjustments",
            Person,
            "Says something otherwise than the rules, for a time.",
            Json(adjustments::SetAdjustment::schema),
            post(adjustments::add),
        )
        .post(adjustments::body)
        .status(201)
        .refuses(&[404, 409]),
        gone("/api/v1/setup/adjustments/{adjustment_id}", "Ends an adjustment.", delete(adjustments::remove)),
        Route::get("/api/v1/setup/users", Person, "Who logs in.", Json(users::SetUserPage::schema), get(users::list)),
        Route::get("/api/v1/setup/users", Person, "Adds a person.", Json(users::SetUser::schema), post(users::add))
            .post(user)
            .status(201)
            .refuses(&[409]),
        Route::get(
            "/api/v1/setup/users/{name}",
            Person,
            "Changes a person.",
            Json(users::SetUser::schema),
            put(users::change),
        )
        .put(changed_user)
        .refuses(&[409]),
        Route::get(
            "/api/v1/setup/users/{name}/password",
            Person,
            "Sets a person's password, or makes one.",
            Json(users::NewPassword::schema),
            post(users::password),
        )
        .post(password)
        .refuses(&[409]),
    ]
}
