//! `/openapi.json`: the `OpenAPI` 3.1 document of the HTTP surface, made of the table of routes and the declarations of the
//! answers. It is checked in as `api/openapi.json`; a test keeps it current.

use axum::Json;
use serde_json::{Map, Value, json};

use super::auth::{Caller, Right};
use super::problem::Problem;
use super::routes::{Access, Answer, Route, table};

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
            "securitySchemes": {
                "session": { "type": "apiKey", "in": "cookie", "name": super::auth::COOKIE },
                "token": { "type": "http", "scheme": "bearer" },
            },
        },
    })
}

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
    let parameters: Vec<Value> = in_path.chain(in_query).collect();
    let good = match route.answer {
        Answer::Json(schema) => {
            json!({ "description": route.about, "content": { "application/json": { "schema": schema(components) } } })
        }
        Answer::File(media) => json!({ "description": route.about, "content": { media: {} } }),
        Answer::Nothing => json!({ "description": route.about }),
    };
    let problem = json!({
        "description": "What went wrong.",
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    });
    let security = match route.access {
        Access::Open => json!([]),
        Access::Person | Access::Feed => json!([{ "session": [] }, { "token": [] }]),
        Access::Integrator | Access::Metrics => json!([{ "token": [] }]),
    };
    let mut operation = json!({
        "summary": route.about,
        "security": security,
        "parameters": parameters,
        "responses": { route.status.to_string(): good, "default": problem },
    });
    if let (Some(body), Value::Object(entries)) = (route.body, &mut operation) {
        let content = json!({ "application/json": { "schema": body() } });
        entries.insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
    }
    operation
}

/// What a parameter of an address may be. A name means the same on every route; `route` tells the endings of files apart.
fn parameter(name: &str, route: &str) -> Value {
    let one_of = |words: &[&str]| json!({ "type": "string", "enum": words });
    let name_of_ours = || json!({ "type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$" });
    let file = |ending: &str| json!({ "type": "string", "pattern": format!("^[A-Za-z0-9_:-]{{1,60}}\\.{ending}$") });
    match name {
        "from" | "to" | "at" => json!({ "type": "string", "format": "date-time" }),
        "day" => json!({ "type": "string", "format": "date" }),
        "id" if route.contains("/setup/") => name_of_ours(),
        "id" | "event_id" | "case_id" | "item_id" | "person_id" | "search_id" => {
            json!({ "type": "string", "format": "uuid" })
        }
        "store" | "camera" | "operator" | "integrator" | "store_id" | "camera_id" | "zone_id" | "register_id"
        | "operator_id" => name_of_ours(),
        "limit" => json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX }),
        "minutes" => json!({ "type": "integer", "minimum": 1, "maximum": 240 }),
        "dry_run" => one_of(&["0", "1"]),
        "format" => one_of(&["html", "csv", "json", "pdf"]),
        "state" => one_of(&["open", "closed", "all"]),
        "status" => one_of(crate::db::CaseStatus::CODES),
        "what" if route.contains("/setup/") => one_of(crate::db::What::CODES),
        "what" => one_of(&["ring", "camera", "clock"]),
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
