//! `/openapi.json`: the `OpenAPI` 3.1 document of the HTTP surface, made of the table of routes and the declarations of the
//! answers. It is checked in as `api/openapi.json`; a test keeps it current.

use axum::Json;
use serde_json::{Map, Value, json};

use super::auth::{CSRF_HEADER, Caller, Right};
use super::bodies::{name as name_of_ours, transaction};
use super::extract::DryRun;
use super::problem::Problem;
use super::route::{Access, Answer, Route};
use super::routes::table;

/// Serves the document.
pub(super) async fn document(caller: Caller) -> Result<Json<Value>, Problem> {
    caller.person(Right::Look)?;
    Ok(Json(make()))
}

/// The document.
fn make() -> Value {
    let mut components = Map::new();
    components.insert(
        "Problem".to_owned(),
        json!({
            "type": "object",
            "description": "What went wrong (RFC 9457).",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": { "type": "string" },
                "title": { "type": "string" },
                "status": { "type": "integer" },
                "detail": { "type": "string" },
            },
        }),
    );
    components.insert("Transaction".to_owned(), transaction());
    let problems: Map<String, Value> = PROBLEMS
        .iter()
        .map(|status| {
            let content = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
            let content = json!({ "application/problem+json": content });
            (status.to_string(), json!({ "description": meaning(*status), "content": content }))
        })
        .collect();
    let mut paths: Map<String, Value> = Map::new();
    for route in table() {
        let operation = operation(&route, &mut components);
        let path = paths.entry(route.path.to_owned()).or_insert_with(|| json!({}));
        if let Value::Object(methods) = path {
            methods.insert(route.method.to_owned(), operation);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tillsight",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Instants are RFC 3339 in UTC, money is minor units with a currency. Requests with a cookie \
                            that change something carry the header `X-Tillsight: 1`. Answers are limited to the stores \
                            of the person.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": problems,
            "securitySchemes": {
                "session": { "type": "apiKey", "in": "cookie", "name": super::auth::COOKIE },
                "token": { "type": "http", "scheme": "bearer" },
            },
        },
    })
}

const UUID: &str = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";

fn operation(route: &Route, components: &mut Map<String, Value>) -> Value {
    let in_path = route
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": parameter(name, route.path) }));
    let in_query = route.query.iter().map(|(name, about, required)| {
        let schema = parameter(name, route.path);
        json!({ "name": name, "in": "query", "required": required, "description": about, "schema": schema })
    });
    let ours = json!({
        "name": CSRF_HEADER, "in": "header", "required": true, "description": "No other site can send it.",
        "schema": { "type": "string", "enum": ["1"] },
    });
    let in_header = (route.path == "/api/v1/session" && route.method == "post").then_some(ours);
    let parameters: Vec<Value> = in_path.chain(in_query).chain(in_header).collect();
    let security = match route.access {
        Access::Open => json!([]),
        Access::Person | Access::Feed => json!([{ "session": [] }, { "token": [] }]),
        Access::Integrator | Access::Metrics => json!([{ "token": [] }]),
    };
    let mut operation = json!({
        "summary": route.about,
        "security": security,
        "parameters": parameters,
        "responses": responses(route, components),
    });
    if let (Some(body), Value::Object(entries)) = (route.body, &mut operation) {
        let content: Map<String, Value> =
            route.media.iter().map(|media| ((*media).to_owned(), json!({ "schema": body() }))).collect();
        entries.insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
    }
    operation
}

/// Every status that there is, with what is answered.
fn responses(route: &Route, components: &mut Map<String, Value>) -> Map<String, Value> {
    let good = match route.answer {
        Answer::Json(schema) => json!({ "application/json": { "schema": schema(components) } }),
        Answer::File(media) => media.iter().map(|media| ((*media).to_owned(), json!({}))).collect(),
        Answer::Nothing => Value::Null,
    };
    let mut responses = Map::new();
    for status in [&[route.status], route.same].concat() {
        let mut answer = json!({ "description": if status == route.status { route.about } else { meaning(status) } });
        if let (Value::Object(entries), false) = (&mut answer, good.is_null()) {
            entries.insert("content".to_owned(), good.clone());
        }
        responses.insert(status.to_string(), answer);
    }
    for status in refusals(route) {
        let problem = || json!({ "$ref": format!("#/components/responses/{status}") });
        responses.entry(status.to_string()).or_insert_with(problem);
    }
    responses
}

/// The statuses that are problems.
const PROBLEMS: &[u16] = &[400, 401, 403, 404, 409, 413, 415, 416, 422, 429, 503];

/// The statuses of problems: those that follow from who may ask and what is sent, and the route's own.
fn refusals(route: &Route) -> Vec<u16> {
    let mut refusals = route.refuses.to_vec();
    let in_path = route.path.contains('{');
    if route.access != Access::Open {
        refusals.extend([401, 403]);
    }
    if in_path || !route.query.is_empty() {
        refusals.push(400);
    }
    if in_path {
        refusals.push(404);
    }
    if route.body.is_some() {
        refusals.extend([400, 413, 415, 422]);
    }
    if route.path != "/livez" {
        refusals.push(503);
    }
    refusals
}

/// What a status means wherever it is answered.
fn meaning(status: u16) -> &'static str {
    match status {
        200 => "The same, and nothing was written.",
        206 => "A part of it, as `Range` asks.",
        400 => "The address, the query or the document cannot be read.",
        401 => "Not signed in, or a token that does not hold.",
        403 => "Not for this role, token or page.",
        404 => "There is no such thing, or not for the asker.",
        409 => "Changed meanwhile, there already, or not at this moment.",
        410 => "It was there and is over.",
        413 => "Larger than is taken or given at once.",
        415 => "The body is of another media type.",
        416 => "There is no such part of it.",
        422 => "It can be read, but not be done so; the answer says why.",
        429 => "Too many at once, or too many attempts; `Retry-After` says for how long where that is known.",
        503 => "Something behind this server does not answer; the same may work in a few seconds.",
        _ => "What went wrong.",
    }
}

/// What a parameter of an address may be. A name means the same on every route; `route` tells the endings of files apart.
fn parameter(name: &str, route: &str) -> Value {
    let one_of = |words: &[&str]| json!({ "type": "string", "enum": words });
    let cursor = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    let file = |ending: &str| json!({ "type": "string", "pattern": format!("^[A-Za-z0-9_:-]{{1,60}}\\.{ending}$") });
    match name {
        "from" | "to" | "at" => json!({ "type": "string", "format": "date-time" }),
        "day" => json!({ "type": "string", "format": "date" }),
        "id" if route.contains("/setup/") => json!({ "type": "string" }),
        "id" | "event_id" | "case_id" | "item_id" | "person_id" | "search_id" | "backtest_id" => {
            json!({ "type": "string", "format": "uuid" })
        }
        "store" | "camera" | "operator" | "store_id" | "camera_id" | "zone_id" | "register_id" | "operator_id" => {
            name_of_ours()
        }
        "limit" => json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX }),
        "days" => json!({ "type": "integer", "minimum": 1, "maximum": crate::scores::MOST_DAYS }),
        "minutes" => json!({ "type": "integer", "minimum": 1, "maximum": 240 }),
        "asked" => json!({ "type": "boolean" }),
        "sent" => one_of(crate::db::QueueView::CODES),
        "dry_run" => one_of(DryRun::CODES),
        "format" => one_of(&["html", "csv", "json", "pdf"]),
        "state" => one_of(&["open", "closed", "all"]),
        "status" => one_of(crate::db::CaseStatus::CODES),
        "what" if route.contains("/setup/") => one_of(crate::db::What::CODES),
        "what" => one_of(&["ring", "camera", "clock"]),
        "cursor" if route.contains("/search") => cursor("^[0-9a-f]{1,8}\\.-?[0-9]{1,18}\\.[0-9a-f]{1,16}$"),
        "cursor" if route.contains("/rejects") => cursor("^[0-9]{1,18}$"),
        "cursor" if route.contains("/queue") => cursor(&format!("^-?[0-9]{{1,18}}\\.-?[0-9]{{1,18}}\\.{UUID}$")),
        "cursor" => cursor(&format!("^-?[0-9]{{1,18}}\\.{UUID}$")),
        "sort" if route.contains("/queue") => one_of(&["time", "value"]),
        "sort" => one_of(&["time", "score"]),
        "code" => one_of(tillsight_schemas::pos::RejectCode::CODES),
        "file" if route.contains("/clips/") => file("mp4"),
        "file" => file("jpg"),
        _ => json!({ "type": "string" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_openapi_is_that_of_the_routes() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
        let current = format!("{:#}\n", make());
        if std::env::var_os("TILLSIGHT_PUBLISH").is_some() {
            std::fs::write(&path, &current).unwrap();
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(stored == current, "api/openapi.json is out of date: run `make publish`");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = make();
        let mut found = 0;
        let mut open = vec![&document];
        while let Some(value) = open.pop() {
            if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
                assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
                found += 1;
            }
            match value {
                Value::Object(entries) => open.extend(entries.values()),
                Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
        assert!(found > 20, "{found}");
    }
}
