//! The matrix of rights: every route, asked by everybody there is, about a store of theirs and about another's.
//!
//! What each may do is written down here once more, on purpose: a route that is added or opened wider fails until
//! somebody has said who may use it.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::route::Access;
use super::routes::table;
use super::tests::{House, read};
use crate::db::{Role, TokenKind};

/// People of store 17 by role, and the role's name here.
const PEOPLE: [(&str, Role); 4] =
    [("analyst", Role::Analyst), ("manager", Role::Manager), ("head_office", Role::HeadOffice), ("admin", Role::Admin)];
const EVERYBODY: &str = "analyst manager head_office admin";
const SEES_VIDEO: &str = "analyst manager admin";
const DECIDES: &str = "analyst admin";
const WORKS_ON_CASES: &str = "analyst admin";
const SETS_UP: &str = "admin";

/// Who may use a route; programs are named by the kind of their token.
pub(super) fn allowed(method: &str, path: &str) -> Option<&'static str> {
    let of_setup = path.strip_prefix("/api/v1/setup/");
    Some(match (method, path) {
        (_, "/livez" | "/readyz" | "/r/{token}") | ("post", "/api/v1/session") => "everybody",
        ("get", "/metrics") => "metrics",
        ("post", "/api/v1/pos/transactions") => "integrator",
        ("get", "/api/v1/feeds" | "/api/v1/feeds/rejects" | "/api/v1/feeds/{store_id}/completeness") => {
            "admin integrator"
        }
        ("get", "/openapi.json" | "/api/v1/session" | "/api/v1/stores" | "/api/v1/cameras" | "/api/v1/rules")
        | ("get", "/api/v1/rules/{rule_id}") => EVERYBODY,
        // Who has no session ends none.
        ("delete", "/api/v1/session") => "analyst manager head_office admin integrator metrics",
        // They belong to the whole retailer, and these people to one store.
        ("post", "/api/v1/setup/stores") | ("put", "/api/v1/setup/operators/{operator_id}") => "",
        (
            "get",
            "/api/v1/queue" | "/api/v1/alerts" | "/api/v1/alerts/{id}" | "/api/v1/blindspots" | "/api/v1/presence",
        )
        | ("get", "/api/v1/transactions/{event_id}" | "/api/v1/transactions/{event_id}/journal")
        | ("get", "/api/v1/search" | "/api/v1/coverage" | "/api/v1/matrix" | "/api/v1/events" | "/api/v1/demo")
        | ("get", "/api/v1/reports" | "/api/v1/reports/file" | "/api/v1/reports/mails") => EVERYBODY,
        (_, "/api/v1/searches" | "/api/v1/searches/{search_id}" | "/api/v1/searches/{search_id}/seen") => EVERYBODY,
        ("get", "/api/v1/clips/{file}" | "/api/v1/stills/{file}")
        | ("get", "/api/v1/alerts/{id}/evidence" | "/api/v1/transactions/{event_id}/evidence") => SEES_VIDEO,
        ("post", "/api/v1/alerts/{id}/said") | ("get", "/api/v1/scores") => SEES_VIDEO,
        ("post", "/api/v1/alerts/{id}/review" | "/api/v1/alerts/review" | "/api/v1/demo/{what}")
        | ("put", "/api/v1/alerts/assignee")
        | ("get", "/api/v1/people") => DECIDES,
        _ if path.starts_with("/api/v1/cases") => WORKS_ON_CASES,
        _ if path.starts_with("/api/v1/backtests") => SETS_UP,
        _ if of_setup.is_some() => SETS_UP,
        _ => return None,
    })
}

/// Routes that cannot answer here even those who may use them: there is no broker, nothing was ever recorded, no lake was
/// made and no process writes metrics. Every other one answers without a failure of ours.
const WITHOUT_WHAT_LIES_BEHIND: [(&str, &str); 7] = [
    ("post", "/api/v1/pos/transactions"),
    ("get", "/api/v1/feeds/rejects"),
    ("get", "/api/v1/clips/{file}"),
    ("get", "/api/v1/stills/{file}"),
    ("get", "/api/v1/reports"),
    ("get", "/api/v1/reports/file"),
    ("get", "/metrics"),
];

const REFUSALS: [StatusCode; 4] =
    [StatusCode::FORBIDDEN, StatusCode::NOT_FOUND, StatusCode::CONFLICT, StatusCode::UNPROCESSABLE_ENTITY];

/// Whether a write about another's store was refused, by somebody who may write the same about their own.
fn kept_out(method: &str, path: &str, status: StatusCode, said: &Value) -> bool {
    let first = &said["items"][0];
    match (method, path) {
        // Whoever asks is all that they are about.
        ("delete", "/api/v1/session") => status == StatusCode::NO_CONTENT,
        ("post", "/api/v1/searches") => [StatusCode::CREATED, StatusCode::CONFLICT].contains(&status),
        // The person that is named belongs to store 17, whichever store is asked for.
        ("post", "/api/v1/setup/users/{name}/password") => status == StatusCode::OK,
        // They answer item by item: another's alert is unknown and nobody's to give; the line names no store that there is.
        ("post", "/api/v1/alerts/review") => first["outcome"] == "unknown" && first["alert"].is_null(),
        ("put", "/api/v1/alerts/assignee") => said["items"] == json!([]),
        ("post", "/api/v1/setup/cameras/import") => first["outcome"] == "refused",
        // The record names no store, and there is no broker; other stores' records are refused in `token_tests`.
        ("post", "/api/v1/pos/transactions") => !status.is_success(),
        _ => REFUSALS.contains(&status),
    }
}

/// What there is of a store: an alert, its receipt, a case of it with its item and person, a search.
pub(super) struct Things {
    pub(super) store: &'static str,
    pub(super) camera: &'static str,
    pub(super) alert: String,
    pub(super) event: String,
    pub(super) case: [String; 3],
}

/// The address of a route with a store's things in it, and what is sent.
pub(super) fn request(method: &str, path: &str, of: &Things, search: &str) -> (String, Option<Value>) {
    let Things { store, camera, alert, event, case: [case, item, person] } = of;
    let span = "from=2026-11-22T15:00:00Z&to=2026-11-22T15:00:05Z";
    let mut address = path
        .replace("/clips/{file}", &format!("/clips/{camera}.mp4?{span}&store={store}"))
        .replace("/stills/{file}", &format!("/stills/{camera}.jpg?at=2026-11-22T15:00:00Z&store={store}"));
    for (name, value) in [
        ("id", alert.as_str()),
        ("event_id", event),
        ("case_id", case),
        ("item_id", item),
        ("person_id", person),
        ("search_id", search),
        ("store_id", store),
        ("camera_id", camera),
        ("zone_id", "new"),
        ("register_id", "1"),
        ("operator_id", "1042"),
        ("adjustment_id", "nobody"),
        ("backtest_id", "00000000-0000-0000-0000-000000000000"),
        ("rule_id", "cancel_burst"),
        ("name", "analyst"),
        ("login", "nobody.token"),
        ("what", "ring"),
        ("token", "guessed"),
    ] {
        address = address.replace(&format!("{{{name}}}"), value);
    }
    let asks = match (method, path) {
        ("get", "/api/v1/alerts" | "/api/v1/blindspots" | "/api/v1/queue") => format!("?state=all&store={store}"),
        ("get", "/api/v1/search") => format!("?q=store:{store}"),
        ("get", "/api/v1/coverage") => format!("?store={store}&{span}"),
        ("get", "/api/v1/reports" | "/api/v1/reports/file" | "/api/v1/reports/mails") => {
            format!("?store={store}&day=2026-11-22")
        }
        ("get", "/api/v1/presence" | "/api/v1/feeds" | "/api/v1/matrix" | "/api/v1/scores") => {
            format!("?store={store}")
        }
        ("get", "/api/v1/feeds/rejects") => format!("?integrator=kiosk&store={store}"),
        ("get", "/api/v1/setup/history") => format!("?what=camera&store={store}"),
        ("get", "/api/v1/cases") => String::new(),
        ("get", setup) if setup.starts_with("/api/v1/setup/") => format!("?store={store}"),
        _ => String::new(),
    };
    let body = match (method, path) {
        ("get" | "delete", _) => None,
        (_, "/api/v1/alerts/{id}/review") => Some(json!({ "disposition": "no_issue", "revision": 0 })),
        (_, "/api/v1/alerts/{id}/said") => {
            Some(json!({ "disposition": "explained", "note": "a return without a receipt" }))
        }
        (_, "/api/v1/alerts/review") => {
            Some(json!({ "decisions": [{ "alert_id": alert, "revision": 0 }], "disposition": "no_issue" }))
        }
        (_, "/api/v1/alerts/assignee") => Some(json!({ "alert_ids": [alert], "assignee": null })),
        (_, "/api/v1/searches" | "/api/v1/searches/{search_id}") => {
            Some(json!({ "name": "x", "q": "milk", "shared": false }))
        }
        (_, "/api/v1/cases") => Some(json!({ "title": "x", "alerts": [alert] })),
        (_, "/api/v1/cases/{case_id}") => Some(json!({ "revision": 999 })),
        (_, "/api/v1/cases/{case_id}/items") => Some(json!({ "kind": "note", "text": "x" })),
        (_, "/api/v1/cases/{case_id}/people") => Some(json!({ "role": "witness", "kind": "other", "name": "x" })),
        (_, "/api/v1/backtests") => {
            let days = ("2026-11-20", "2026-11-22");
            Some(json!({ "rules": ["cancel_burst"], "from": days.0, "to": days.1, "stores": [store] }))
        }
        (_, "/api/v1/setup/cameras" | "/api/v1/setup/cameras/{store_id}/{camera_id}") => {
            Some(json!({ "store_id": store, "camera_id": camera, "url": "rtsp://192.0.2.1/x" }))
        }
        // No device is asked: an address that cannot be one is refused.
        (_, "/api/v1/setup/cameras/test") => Some(json!({ "url": "ftp://x", "store_id": store })),
        (_, "/api/v1/setup/discover") => Some(json!({ "seconds": 1, "address": "not an address" })),
        (_, "/api/v1/setup/zones/{store_id}/{zone_id}") => {
            let polygon = json!([[0, 0], [1, 0], [1, 1]]);
            Some(
                json!({ "camera_id": camera, "kind": "exit", "register_id": null, "polygon": polygon, "version": null }),
            )
        }
        (_, "/api/v1/setup/adjustments") => {
            Some(json!({ "store_id": store, "operator_id": "7", "note": "x", "until": "2026-12-01T00:00:00Z" }))
        }
        (_, "/api/v1/setup/tokens") => Some(json!({ "kind": "person", "owner": "nobody", "name": "x" })),
        _ => Some(json!({})),
    };
    (address + &asks, body)
}

/// A case about an alert of a store, with a person in it: its id, its item's, its person's.
async fn case_of(house: &House, secret: &str, alert: &str) -> [String; 3] {
    let bearer = format!("Bearer {secret}");
    let headers = [("authorization", bearer.as_str())];
    let asked = json!({ "title": "Secret of a store", "alerts": [alert] });
    let (status, case) = read(house.ask("POST", "/api/v1/cases", &headers, Some(asked)).await).await;
    assert_eq!(status, StatusCode::CREATED, "{case}");
    let id = case["case_id"].as_str().unwrap().to_owned();
    let asked = json!({ "role": "witness", "kind": "other", "name": "Secret of a person" });
    let path = format!("/api/v1/cases/{id}/people");
    let (status, case) = read(house.ask("POST", &path, &headers, Some(asked)).await).await;
    assert_eq!(status, StatusCode::CREATED, "{case}");
    let of = |list: &str, field: &str| case[list][0][field].as_str().unwrap().to_owned();
    [id, of("items", "item_id"), of("people", "person_id")]
}

/// A search that its owner alone sees.
async fn search_of(house: &House, secret: &str) -> String {
    let bearer = format!("Bearer {secret}");
    let asked = json!({ "name": "Mine", "q": "milk", "shared": false });
    let answer = house.ask("POST", "/api/v1/searches", &[("authorization", bearer.as_str())], Some(asked)).await;
    let (status, search) = read(answer).await;
    assert_eq!(status, StatusCode::CREATED, "{search}");
    search["search_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn everybody_may_what_their_role_says_about_their_stores_and_nothing_else() {
    let house = House::open().await;
    house.employ("chief", Role::Admin, &[]).await;
    let chief = house.token(TokenKind::Person, "chief").await;
    let mut things = Vec::new();
    for (store, camera, number) in [("17", "kiosk", 1), ("42", "corner", 2)] {
        let alert = house.raise(store, number, 0).await;
        let event = uuid::Uuid::from_u128(u128::from(number) + 1_000_000).to_string();
        let case = case_of(&house, &chief, &alert).await;
        things.push(Things { store, camera, alert, event, case });
    }
    let foreign = search_of(&house, &chief).await;
    let mut keys: Vec<(&str, Option<String>, String)> = vec![("stranger", None, foreign.clone())];
    for (name, role) in PEOPLE {
        house.employ(name, role, &["17"]).await;
        let secret = house.token(TokenKind::Person, name).await;
        let search = search_of(&house, &secret).await;
        keys.push((name, Some(secret), search));
    }
    for (name, kind, owner) in [
        ("integrator", TokenKind::Integrator, "kiosk"),
        ("metrics", TokenKind::Metrics, "metrics"),
        ("sql", TokenKind::Sql, "analyst"),
    ] {
        keys.push((name, Some(house.token(kind, owner).await), foreign.clone()));
    }
    let mut routes = table();
    // Deletions last: what is asked for must be there.
    routes.sort_by_key(|route| route.method == "delete");
    let (mut asked, mut wrong) = (0, Vec::new());
    for route in routes {
        let who = allowed(route.method, route.path);
        let who = who.unwrap_or_else(|| panic!("say who may {} {}", route.method, route.path));
        assert_eq!(route.access == Access::Open, who == "everybody", "{}", route.path);
        // All at once: some wait seconds for a broker that is not there.
        let mut cases = Vec::new();
        for (name, secret, search) in &keys {
            for of in &things {
                let own = of.store == "17";
                let (path, body) = request(route.method, route.path, of, if own { search } else { &foreign });
                let may = who == "everybody" || who.split(' ').any(|each| each == *name);
                // The stream of events ends never; what it sends is proved by a test of its own.
                if route.path == "/api/v1/events" && may {
                    continue;
                }
                let (house, method) = (&house, route.method.to_uppercase());
                cases.push(async move {
                    let bearer = secret.as_ref().map(|secret| format!("Bearer {secret}"));
                    let headers: Vec<(&str, &str)> =
                        bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
                    let (status, said) = read(house.ask(&method, &path, &headers, body).await).await;
                    let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
                    // The answer names what was asked for; what it says of it must not be known.
                    let theirs = ["\"Corner\"", "\"store_id\":\"42\"", "\"stores\":[\"42\"]", "corner.mp4"];
                    let told = status.is_success() && theirs.iter().any(|theirs| said.to_string().contains(theirs));
                    let away = WITHOUT_WHAT_LIES_BEHIND.contains(&(route.method, route.path));
                    let writes = route.method != "get";
                    let right = match (may, own) {
                        (true, _) if who == "everybody" => true,
                        (true, true) => !refused && (away || !status.is_server_error()),
                        (true, false) if writes => !told && kept_out(route.method, route.path, status, &said),
                        (true, false) => !told,
                        (false, _) if secret.is_none() => status == StatusCode::UNAUTHORIZED,
                        (false, _) => status == StatusCode::FORBIDDEN,
                    };
                    (!right).then(|| format!("{name}: {method} {path}: {status} {said}"))
                });
            }
        }
        asked += cases.len();
        wrong.extend(futures::future::join_all(cases).await.into_iter().flatten());
    }
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(asked > 900, "{asked}");
}
