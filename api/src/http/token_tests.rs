//! Tokens of integrators: made and revoked on a page, limited to stores, and what they open.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Value, json};
use tillsight_correlate::rule::Rule;
use tillsight_ingest::pos::Permits;
use tillsight_schemas::id::StoreId;

use super::live::Live;
use super::tests::{House, PASSWORD, read};
use crate::db::{Role, User, hash_password};
use crate::feed::Feeds;

/// A house with the administrators Ada (all stores) and Anton (store 17), and the integrators `kiosk` (all stores of acme)
/// and `other` (of another retailer).
async fn house() -> House {
    let mut house = House::open().await;
    for (name, stores) in [("ada", &[][..]), ("anton", &["17"][..])] {
        let stores = stores.iter().map(|store: &&str| store.parse().unwrap()).collect();
        let user = User { name: name.into(), tenant: "acme".parse().unwrap(), role: Role::Admin, stores };
        house.shared.db.add_user(&user).await.unwrap();
        house.shared.db.set_password(name, &hash_password(PASSWORD).unwrap()).await.unwrap();
    }
    let permits = |integrator: &str, tenant: &str| Permits {
        integrator: integrator.parse().unwrap(),
        tenant: tenant.parse().unwrap(),
        stores: Vec::<StoreId>::new(),
    };
    house.shared.permits = Arc::new(vec![permits("kiosk", "acme"), permits("other", "elsewhere")]);
    let rules = Rule::library().unwrap().into_iter().map(|rule| rule.header).collect();
    house.shared.feeds = Arc::new(Feeds::new(Arc::new(rules), house.shared.stores.clone()));
    house.live = Live::new(house.shared.clone());
    house
}

async fn order(house: &House, cookie: &str, order: Value) -> (StatusCode, Value) {
    let headers = [("cookie", cookie), ("x-tillsight", "1")];
    read(house.ask("POST", "/api/v1/setup/tokens", &headers, Some(order)).await).await
}

async fn revoke(house: &House, cookie: &str, login: &str) -> StatusCode {
    let path = format!("/api/v1/setup/tokens/{login}");
    house.ask("DELETE", &path, &[("cookie", cookie), ("x-tillsight", "1")], None).await.status()
}

/// Sends a cancelled sale without its operator, to see what would become of it.
async fn send(house: &House, secret: &str, store: &str) -> (StatusCode, Value) {
    let mut sale: Value = serde_json::from_str(include_str!("../../../schemas/samples/v1/transaction.json")).unwrap();
    (sale["store_id"], sale["kind"]) = (json!(store), json!("CANCEL"));
    sale.as_object_mut().unwrap().remove("operator_id");
    let bearer = format!("Bearer {secret}");
    let path = "/api/v1/pos/transactions?dry_run=1";
    read(house.ask("POST", path, &[("authorization", &bearer)], Some(sale)).await).await
}

#[tokio::test]
async fn a_token_for_one_store_is_refused_in_another_record_by_record_and_ends_at_once() {
    let house = house().await;
    let ada = house.sign_in("ada").await;
    let wanted = json!({ "kind": "integrator", "owner": "kiosk", "name": "till-1", "stores": ["17"] });
    let (status, made) = order(&house, &ada, wanted.clone()).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(made["token"]["login"], "kiosk.till-1");
    assert_eq!(made["token"]["created_by"], "ada");
    assert_eq!(order(&house, &ada, wanted).await.0, StatusCode::CONFLICT);
    let secret = made["secret"].as_str().unwrap();

    let (status, answer) = send(&house, secret, "17").await;
    assert_eq!((status, &answer["accepted"]), (StatusCode::OK, &json!(1)), "{answer}");
    let record = &answer["records"][0];
    let blind: Vec<&str> =
        record["blind"].as_array().unwrap().iter().map(|blind| blind["rule_id"].as_str().unwrap()).collect();
    assert_eq!(blind, ["cancel_burst", "void_followed_by_no_sale"]);
    assert_eq!(
        record["detail"],
        "accepted; rules cancel_burst, void_followed_by_no_sale are blind because `operator_id` is missing"
    );
    let (status, answer) = send(&house, secret, "42").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer["records"][0]["code"], "FORBIDDEN_STORE");
    assert_eq!(answer["records"][0]["problems"][0]["pointer"], "/store_id");
    assert_eq!(answer["records"][0]["blind"], json!([]));

    assert_eq!(revoke(&house, &ada, "kiosk.till-1").await, StatusCode::NO_CONTENT);
    assert_eq!(send(&house, secret, "17").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(revoke(&house, &ada, "kiosk.till-1").await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_use_of_a_token_is_noted_once_a_minute() {
    let house = house().await;
    let ada = house.sign_in("ada").await;
    let (_, made) = order(&house, &ada, json!({ "kind": "integrator", "owner": "kiosk", "name": "a" })).await;
    assert_eq!(made["token"]["last_used_at"], Value::Null);
    let secret = made["secret"].as_str().unwrap();
    let used = async || {
        send(&house, secret, "17").await;
        house.get("/api/v1/setup/tokens", &ada).await.1["items"][0]["last_used_at"].as_str().unwrap().to_owned()
    };
    let first = used().await;
    house.clock.advance(chrono::TimeDelta::seconds(59));
    assert_eq!(used().await, first);
    house.clock.advance(chrono::TimeDelta::seconds(1));
    assert_ne!(used().await, first);
}

#[tokio::test]
async fn an_administrator_of_one_store_gives_and_ends_no_more_than_that() {
    let house = house().await;
    let (ada, anton) = (house.sign_in("ada").await, house.sign_in("anton").await);
    let of_kiosk =
        |name: &str, stores: Value| json!({ "kind": "integrator", "owner": "kiosk", "name": name, "stores": stores });
    assert_eq!(order(&house, &ada, of_kiosk("all", json!([]))).await.0, StatusCode::CREATED);
    assert_eq!(order(&house, &anton, of_kiosk("mine", json!(["17"]))).await.0, StatusCode::CREATED);
    for (name, stores) in [("all2", json!([])), ("theirs", json!(["42"])), ("nowhere", json!(["99"]))] {
        let (status, problem) = order(&house, &anton, of_kiosk(name, stores)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{name}: {problem}");
    }
    let (_, page) = house.get("/api/v1/setup/tokens", &anton).await;
    let logins: Vec<&str> =
        page["items"].as_array().unwrap().iter().map(|token| token["login"].as_str().unwrap()).collect();
    assert_eq!(logins, ["kiosk.mine"]);
    assert_eq!(revoke(&house, &anton, "kiosk.all").await, StatusCode::NOT_FOUND);
    assert_eq!(house.get("/api/v1/setup/tokens", &ada).await.1["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn everything_that_is_wrong_with_an_order_is_said_at_once() {
    let house = house().await;
    let ada = house.sign_in("ada").await;
    let wrong = json!({ "kind": "sql", "owner": "nobody", "name": "Power BI", "stores": ["17"] });
    let (status, problem) = order(&house, &ada, wrong).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    for part in ["name must", "stores can be given", "no person \"nobody\""] {
        assert!(problem["detail"].as_str().unwrap().contains(part), "{problem}");
    }
    let foreign = json!({ "kind": "integrator", "owner": "other", "name": "x" });
    assert_eq!(order(&house, &ada, foreign).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let metrics = order(&house, &ada, json!({ "kind": "metrics", "name": "prom" })).await;
    assert_eq!((metrics.0, &metrics.1["token"]["login"]), (StatusCode::CREATED, &json!("metrics.prom")));
    let lena = house.sign_in("lena").await;
    assert_eq!(order(&house, &lena, json!({ "kind": "metrics", "name": "p2" })).await.0, StatusCode::FORBIDDEN);
    assert_eq!(house.get("/api/v1/setup/tokens", &lena).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_integrator_sees_its_own_feed_and_nobody_else_s() {
    let house = house().await;
    let ada = house.sign_in("ada").await;
    let (_, made) = order(&house, &ada, json!({ "kind": "integrator", "owner": "kiosk", "name": "a" })).await;
    let bearer = format!("Bearer {}", made["secret"].as_str().unwrap());
    let own = async |path: &str| read(house.ask("GET", path, &[("authorization", &bearer)], None).await).await;
    let (status, page) = own("/api/v1/feeds").await;
    assert_eq!(status, StatusCode::OK, "{page}");
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    assert_eq!((&page["items"][0]["integrator_id"], &page["items"][0]["state"]), (&json!("kiosk"), &json!("never")));
    assert_eq!(page["complete"], false, "nobody answers for the log");
    assert_eq!(own("/api/v1/feeds?integrator=other").await.0, StatusCode::NOT_FOUND);
    assert_eq!(own("/api/v1/feeds/rejects?integrator=other").await.0, StatusCode::NOT_FOUND);
    assert_eq!(own("/api/v1/setup/tokens").await.0, StatusCode::FORBIDDEN);
    let (_, seen) = house.get("/api/v1/feeds", &ada).await;
    assert_eq!(seen["items"].as_array().unwrap().len(), 1, "another retailer's integrator is not there");
    assert_eq!(house.get("/api/v1/feeds?store=42", &house.sign_in("anton").await).await.0, StatusCode::NOT_FOUND);
    assert_eq!(house.get("/api/v1/feeds", &house.sign_in("lena").await).await.0, StatusCode::FORBIDDEN);
    let wrong = house.get("/api/v1/feeds/rejects?integrator=kiosk&code=ODD", &ada).await;
    assert_eq!(wrong.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn whether_everything_arrived_is_told_of_one_s_own_stores() {
    let house = house().await;
    let ada = house.sign_in("ada").await;
    let wanted = json!({ "kind": "integrator", "owner": "kiosk", "name": "a", "stores": ["17"] });
    let (_, made) = order(&house, &ada, wanted).await;
    let bearer = format!("Bearer {}", made["secret"].as_str().unwrap());
    let own = async |path: &str| read(house.ask("GET", path, &[("authorization", &bearer)], None).await).await;
    let (status, told) = own("/api/v1/feeds/17/completeness?day=2026-11-21").await;
    assert_eq!(status, StatusCode::OK, "{told}");
    assert_eq!((&told["day"], &told["registers"]), (&json!("2026-11-21"), &json!([])));
    assert_eq!((&told["whole"], &told["quarantined"]), (&json!(false), &Value::Null), "nobody answers for the log");
    assert_eq!(own("/api/v1/feeds/42/completeness").await.0, StatusCode::NOT_FOUND);
    assert_eq!(own("/api/v1/feeds/17/completeness?integrator=other").await.0, StatusCode::NOT_FOUND);
    assert_eq!(own("/api/v1/feeds/17/completeness?day=yesterday").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(house.get("/api/v1/feeds/42/completeness", &ada).await.0, StatusCode::OK);
    let anton = house.sign_in("anton").await;
    assert_eq!(house.get("/api/v1/feeds/42/completeness", &anton).await.0, StatusCode::NOT_FOUND);
    assert_eq!(house.get("/api/v1/feeds/17/completeness", &house.sign_in("lena").await).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_correction_of_what_has_not_come_is_accepted_with_a_warning_and_2051_0_is_2051() {
    let house = house().await;
    let ada = house.sign_in("ada").await;
    let (_, made) = order(&house, &ada, json!({ "kind": "integrator", "owner": "kiosk", "name": "a" })).await;
    let bearer = format!("Bearer {}", made["secret"].as_str().unwrap());
    let mut first: Value = serde_json::from_str(include_str!("../../../schemas/samples/v1/transaction.json")).unwrap();
    first["total_minor"] = json!(2051.0);
    let mut second = first.clone();
    second["revision"] = json!(1.0);
    let send = async |records: Value| {
        let path = "/api/v1/pos/transactions?dry_run=1";
        read(house.ask("POST", path, &[("authorization", &bearer)], Some(records)).await).await
    };
    let (status, answer) = send(json!([second])).await;
    assert_eq!((status, &answer["accepted"]), (StatusCode::OK, &json!(1)), "{answer}");
    let warning = answer["records"][0]["warning"].as_str().unwrap();
    assert!(warning.contains("no earlier one has come"), "{warning}");
    let (_, answer) = send(json!([first, second])).await;
    assert_eq!((&answer["accepted"], &answer["records"][1]["warning"]), (&json!(2), &Value::Null), "{answer}");
}
