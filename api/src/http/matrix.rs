//! The matrix of rights: every route, asked by everybody there is, about a store of theirs and about another's.
//!
//! What each may do is written down here once more, on purpose: a route that is added or opened wider fails until
//! somebody has said who may use it.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::routes::{Access, table};
use super::tests::{House, read};
use crate::db::{Role, TokenKind};

/// People of store 17 by role, and the role's name here.
const PEOPLE: [(&str, Role); 4] =
    [("analyst", Role::Analyst), ("manager", Role::Manager), ("head_office", Role::HeadOffice), ("admin", Role::Admin)];
const EVERYBODY: &str = "analyst manager head_office admin";
const SEES_VIDEO: &str = "analyst manager admin";

/// Who may use a route; programs are named by the kind of their token.
fn allowed(method: &str, path: &str) -> Option<&'static str> {
    Some(match (method, path) {
        ("get", "/openapi.json" | "/api/v1/session" | "/api/v1/stores" | "/api/v1/cameras" | "/api/v1/rules") => {
            EVERYBODY
        }
        ("delete", "/api/v1/session") => EVERYBODY,
        ("get", "/api/v1/alerts" | "/api/v1/alerts/{id}" | "/api/v1/blindspots") => EVERYBODY,
        ("get", "/api/v1/transactions/{event_id}" | "/api/v1/transactions/{event_id}/journal") => EVERYBODY,
        ("get", "/api/v1/search" | "/api/v1/coverage" | "/api/v1/events") => EVERYBODY,
        ("get", "/api/v1/reports" | "/api/v1/reports/file") => EVERYBODY,
        ("get", "/api/v1/clips/{file}" | "/api/v1/stills/{file}") => SEES_VIDEO,
        ("get", "/api/v1/alerts/{id}/evidence" | "/api/v1/transactions/{event_id}/evidence") => SEES_VIDEO,
        ("post", "/api/v1/alerts/{id}/review") => SEES_VIDEO,
        ("get", "/api/v1/demo") | ("post", "/api/v1/demo/{what}") => EVERYBODY,
        ("post", "/api/v1/pos/transactions") => "integrator",
        ("get", "/metrics") => "metrics",
        ("get", "/livez" | "/readyz") | ("post", "/api/v1/session") => "everybody",
        _ => return None,
    })
}

/// The address of a route with a store's things in it, and what is sent.
fn request(path: &str, store: &str, of: &BTreeMap<&str, [String; 2]>) -> (String, Option<Value>) {
    let [alert, event] = &of[store];
    let camera = if store == "17" { "kiosk" } else { "corner" };
    let span = "from=2026-11-22T15:00:00Z&to=2026-11-22T15:00:05Z";
    let address = path
        .replace("{id}", alert)
        .replace("{event_id}", event)
        .replace("{what}", "ring")
        .replace("/clips/{file}", &format!("/clips/{camera}.mp4?{span}&store={store}"))
        .replace("/stills/{file}", &format!("/stills/{camera}.jpg?at=2026-11-22T15:00:00Z&store={store}"));
    let asks = match path {
        "/api/v1/alerts" | "/api/v1/blindspots" => format!("?state=all&store={store}"),
        "/api/v1/search" => format!("?q=store:{store}"),
        "/api/v1/coverage" => format!("?store={store}&{span}"),
        "/api/v1/reports" | "/api/v1/reports/file" => format!("?store={store}&day=2026-11-22"),
        _ => String::new(),
    };
    let body = match path {
        "/api/v1/alerts/{id}/review" => Some(json!({ "disposition": "no_issue", "revision": 0 })),
        "/api/v1/demo/{what}" => Some(json!({})),
        _ => None,
    };
    (address + &asks, body)
}

#[tokio::test]
async fn everybody_may_what_their_role_says_about_their_stores_and_nothing_else() {
    let house = House::open().await;
    let mut of = BTreeMap::new();
    for (store, number) in [("17", 1), ("42", 2)] {
        let alert = house.raise(store, number, 0).await;
        let event = uuid::Uuid::from_u128(u128::from(number) + 1_000_000).to_string();
        of.insert(store, [alert, event]);
    }
    let mut keys: Vec<(&str, Option<String>)> = vec![("stranger", None)];
    for (name, role) in PEOPLE {
        house.employ(name, role, &["17"]).await;
        keys.push((name, Some(house.token(TokenKind::Person, name).await)));
    }
    keys.push(("integrator", Some(house.token(TokenKind::Integrator, "kiosk").await)));
    keys.push(("metrics", Some(house.token(TokenKind::Metrics, "metrics").await)));
    keys.push(("sql", Some(house.token(TokenKind::Sql, "analyst").await)));
    let mut asked = 0;
    for route in table() {
        let who = allowed(route.method, route.path);
        let who = who.unwrap_or_else(|| panic!("say who may {} {}", route.method, route.path));
        for (name, secret) in &keys {
            for store in ["17", "42"] {
                let (path, body) = request(route.path, store, &of);
                // It answers for ever; what it sends is proved by its own test.
                if route.path == "/api/v1/events" && who.contains(name) {
                    continue;
                }
                let bearer = secret.as_ref().map(|secret| format!("Bearer {secret}"));
                let headers: Vec<(&str, &str)> =
                    bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
                let answer = house.ask(&route.method.to_uppercase(), &path, &headers, body).await;
                let case = format!("{name}: {} {path}", route.method);
                let (status, said) = read(answer).await;
                asked += 1;
                if who == "everybody" {
                    assert_ne!(status, StatusCode::FORBIDDEN, "{case}");
                } else if secret.is_none() {
                    assert_eq!(status, StatusCode::UNAUTHORIZED, "{case}");
                } else if !who.split(' ').any(|each| each == *name) {
                    assert_eq!(status, StatusCode::FORBIDDEN, "{case}: {said}");
                } else {
                    let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
                    assert!(!refused || store == "42", "{case}: {status} {said}");
                    if store == "42" {
                        for theirs in [&of["42"][0], &of["42"][1], &"Corner".to_owned()] {
                            assert!(
                                !said.to_string().contains(theirs.as_str()) || status.is_client_error(),
                                "{case}: {said}"
                            );
                        }
                    }
                }
            }
        }
        assert!(route.access == Access::Open || who != "everybody", "{}", route.path);
    }
    assert!(asked > 400, "{asked}");
}
