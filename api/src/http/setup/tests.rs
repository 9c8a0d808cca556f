//! Setting up, without a network: who may, what holds afterwards, and what is refused.

use std::net::Ipv4Addr;

use axum::http::StatusCode;
use serde_json::{Value, json};
use tillsight_ingest::onvif::DISCOVERY_PORT;
use tillsight_schemas::Clock as _;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use super::super::tests::{House, PASSWORD};
use super::table;

#[tokio::test]
async fn only_administrators_set_up_and_only_their_own_stores() {
    let house = House::open().await;
    let lena = house.sign_in("lena").await;
    for route in table().iter().filter(|route| route.path.contains("/setup/")) {
        let path = route.path.replace(['{', '}'], "") + "?what=camera";
        let body = route.body.is_some().then(|| json!({}));
        let (status, problem) = house.send(&route.method.to_uppercase(), &path, &lena, body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{} {path}: {problem}", route.method);
    }
    let tom = house.sign_in("tom").await;
    let ids = |page: &Value, field: &str| {
        let items = page["items"].as_array().unwrap();
        items.iter().map(|item| item[field].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&house.get("/api/v1/setup/stores", &tom).await.1, "store_id"), ["17"]);
    assert_eq!(ids(&house.get("/api/v1/setup/users", &tom).await.1, "name"), ["lena", "tom"]);
    let camera = json!({ "store_id": "42", "camera_id": "x", "url": "rtsp://192.0.2.9/x" });
    assert_eq!(house.send("POST", "/api/v1/setup/cameras", &tom, Some(camera)).await.0, StatusCode::NOT_FOUND);
    let store = json!({ "store_id": "43", "name": "New", "tz": "UTC", "currency": "USD" });
    assert_eq!(house.send("POST", "/api/v1/setup/stores", &tom, Some(store)).await.0, StatusCode::FORBIDDEN);
    let everywhere = json!({ "name": "eve", "role": "analyst", "stores": [] });
    let (status, problem) = house.send("POST", "/api/v1/setup/users", &tom, Some(everywhere)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    assert_eq!(house.send("PUT", "/api/v1/setup/users/ida", &tom, Some(json!({}))).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_set_up_holds_for_the_next_request() {
    let house = House::open().await;
    let ida = house.sign_in("ida").await;
    let store = json!({ "store_id": "43", "name": "New", "tz": "Europe/Berlin", "currency": "EUR", "closes": "20:30" });
    let (status, added) = house.send("POST", "/api/v1/setup/stores", &ida, Some(store.clone())).await;
    assert_eq!((status, &added["closes"], &added["day_ends"]), (StatusCode::CREATED, &json!("20:30"), &json!("00:00")));
    assert_eq!(house.send("POST", "/api/v1/setup/stores", &ida, Some(store)).await.0, StatusCode::CONFLICT);
    let camera = json!({
        "store_id": "43", "camera_id": "door", "url": "rtsp://192.0.2.9/x", "username": "viewer", "password": "hunter2-hunter2"
    });
    let (status, added) = house.send("POST", "/api/v1/setup/cameras", &ida, Some(camera)).await;
    assert_eq!((status, &added["has_password"]), (StatusCode::CREATED, &json!(true)), "{added}");
    let zone = json!({ "camera_id": "door", "kind": "exit", "polygon": [[0, 0], [1, 0], [1, 1]], "version": null });
    let (status, zone) = house.send("PUT", "/api/v1/setup/zones/43/out", &ida, Some(zone)).await;
    assert_eq!((status, &zone["version"]), (StatusCode::OK, &json!(1)), "{zone}");

    let (_, cameras) = house.get("/api/v1/cameras", &ida).await;
    let door = cameras["items"].as_array().unwrap().iter().find(|camera| camera["id"] == "door").unwrap();
    assert_eq!(door["zones"][0]["id"], "out");
    let (_, presence) = house.get("/api/v1/presence?store=43", &ida).await;
    assert_eq!((&presence["items"][0]["state"], &presence["items"][0]["why"]), (&json!("unknown"), &json!("silent")));
    let (_, stores) = house.get("/api/v1/stores", &ida).await;
    assert!(stores.to_string().contains("Europe/Berlin"), "{stores}");

    // A change from an old version is refused; one that leaves the password out keeps it.
    let change = |version: i32| json!({ "url": "rtsp://192.0.2.10/x", "username": "viewer", "version": version });
    let path = "/api/v1/setup/cameras/43/door";
    assert_eq!(house.send("PUT", path, &ida, Some(change(9))).await.0, StatusCode::CONFLICT);
    let (status, changed) = house.send("PUT", path, &ida, Some(change(1))).await;
    assert_eq!((status, &changed["version"], &changed["has_password"]), (StatusCode::OK, &json!(2), &json!(true)));
    let (_, history) = house.get("/api/v1/setup/history?what=camera&store=43&id=door", &ida).await;
    assert_eq!(history["items"][0]["words"], "url: rtsp://192.0.2.9/x → rtsp://192.0.2.10/x", "{history}");
    assert!(!history.to_string().contains("hunter2"));

    assert_eq!(house.send("DELETE", path, &ida, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(house.get("/api/v1/setup/zones?store=43", &ida).await.1["items"], json!([]), "its zone went with it");
    assert_eq!(house.send("DELETE", path, &ida, None).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn registers_operators_and_people_are_named() {
    let house = House::open().await;
    let ida = house.sign_in("ida").await;
    let (_, registers) = house.get("/api/v1/setup/registers?store=17", &ida).await;
    assert_eq!(registers["items"][0]["zones"], json!(["kiosk-customer"]), "a zone names it: {registers}");
    let named = json!({ "name": "Window", "kind": "staffed", "version": null });
    let (status, named) = house.send("PUT", "/api/v1/setup/registers/17/1", &ida, Some(named)).await;
    assert_eq!((status, &named["name"], &named["version"]), (StatusCode::OK, &json!("Window"), &json!(1)), "{named}");
    let (_, stores) = house.get("/api/v1/stores", &ida).await;
    assert_eq!(stores["items"][0]["registers"][0]["name"], "Window", "everybody reads it: {stores}");
    let odd = json!({ "kind": "robot", "version": 1 });
    assert_eq!(
        house.send("PUT", "/api/v1/setup/registers/17/1", &ida, Some(odd)).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );

    let user = json!({ "name": "otto", "role": "manager", "stores": ["17"], "email": "otto@example.com" });
    let (status, otto) = house.send("POST", "/api/v1/setup/users", &ida, Some(user)).await;
    assert_eq!((status, &otto["disabled"]), (StatusCode::CREATED, &json!(false)), "{otto}");
    let bad = json!({ "name": "a b", "role": "king", "stores": ["99"], "email": "nobody" });
    let (_, problem) = house.send("POST", "/api/v1/setup/users", &ida, Some(bad)).await;
    assert_eq!(problem["detail"].as_str().unwrap().split("; ").count(), 4, "{problem}");
    let path = "/api/v1/setup/users/otto/password";
    let (_, made) = house.send("POST", path, &ida, Some(json!({ "password": null }))).await;
    assert!(made["password"].as_str().unwrap().len() > 20);
    let (status, typed) = house.send("POST", path, &ida, Some(json!({ "password": PASSWORD }))).await;
    assert_eq!((status, &typed["password"]), (StatusCode::OK, &Value::Null), "what was typed is not told again");
    house.sign_in("otto").await;

    let operator = json!({ "alias": "Till team 4", "user": "otto", "active": true, "version": null });
    let (status, named) = house.send("PUT", "/api/v1/setup/operators/1042", &ida, Some(operator)).await;
    assert_eq!((status, &named["user"]), (StatusCode::OK, &json!("otto")), "{named}");
    let (_, users) = house.get("/api/v1/setup/users", &ida).await;
    let otto = users["items"].as_array().unwrap().iter().find(|user| user["name"] == "otto").unwrap();
    assert_eq!((&otto["operator_id"], &otto["email"]), (&json!("1042"), &json!("otto@example.com")));
    assert!(otto["last_seen_at"].is_string() && otto["sessions"] == 1, "{otto}");

    let demoted = json!({ "role": "analyst", "stores": [] });
    let (status, problem) = house.send("PUT", "/api/v1/setup/users/ida", &ida, Some(demoted)).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
}

#[tokio::test]
async fn a_stored_password_is_used_on_its_own_host_only() {
    let house = House::open().await;
    let ida = house.sign_in("ida").await;
    let camera = json!({
        "store_id": "17", "camera_id": "door", "url": "rtsp://192.0.2.9/x", "username": "viewer", "password": "hunter2-hunter2"
    });
    assert_eq!(house.send("POST", "/api/v1/setup/cameras", &ida, Some(camera)).await.0, StatusCode::CREATED);
    let elsewhere = json!({ "url": "rtsp://127.0.0.1:9/x", "store_id": "17", "camera_id": "door" });
    let (status, problem) = house.send("POST", "/api/v1/setup/cameras/test", &ida, Some(elsewhere)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(problem["detail"].as_str().unwrap().contains("another host"), "{problem}");
    let inside = json!({ "url": "rtsp://169.254.169.254/latest" });
    let (status, _) = house.send("POST", "/api/v1/setup/cameras/test", &ida, Some(inside)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_store_says_something_otherwise_than_the_rules_for_a_time_and_everybody_can_see_who_and_why() {
    let house = House::open().await;
    let (ida, tom) = (house.sign_in("ida").await, house.sign_in("tom").await);
    let all = "/api/v1/setup/adjustments";
    let until = (house.clock.now() + chrono::TimeDelta::days(30)).to_rfc3339();
    let trained = json!({ "store_id": "17", "operator_id": "1042", "note": "trains the new ones", "until": until });
    let (status, added) = house.send("POST", all, &tom, Some(trained)).await;
    assert_eq!(
        (status, &added["operator_id"], &added["over"]),
        (StatusCode::CREATED, &json!("1042"), &json!(false)),
        "{added}"
    );
    let everywhere = json!({ "operator_id": "1042", "note": "x", "until": until });
    assert_eq!(
        house.send("POST", all, &tom, Some(everywhere.clone())).await.0,
        StatusCode::FORBIDDEN,
        "not his to say"
    );
    assert_eq!(house.send("POST", all, &ida, Some(everywhere)).await.0, StatusCode::CREATED);
    assert_eq!(house.get(all, &tom).await.1["items"].as_array().unwrap().len(), 2, "what holds for his store, too");

    let adjusted = house.live.now().db.adjusted().await.unwrap();
    assert_eq!(adjusted.len(), 2);
    let own = adjusted.iter().find(|each| each.store.is_some()).unwrap();
    assert_eq!(own.to.unwrap().to_rfc3339(), until);

    let path = format!("{all}/{}", added["adjustment_id"].as_str().unwrap());
    assert_eq!(house.send("DELETE", &path, &tom, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(house.send("DELETE", &path, &tom, None).await.0, StatusCode::NOT_FOUND);
    let adjusted = house.live.now().db.adjusted().await.unwrap();
    let own = adjusted.iter().find(|each| each.store.is_some()).unwrap();
    assert!(own.to.unwrap() < until.parse::<chrono::DateTime<chrono::Utc>>().unwrap(), "it held until it was ended");
    let (_, history) = house.get("/api/v1/setup/history?what=adjustment&store=17", &ida).await;
    let words: Vec<_> = history["items"].as_array().unwrap().iter().map(|item| (&item["by"], &item["words"])).collect();
    assert_eq!(
        words,
        [
            (&json!("tom"), &json!("ended")),
            (&json!("tom"), &json!("operator 1042 left out of every rule: trains the new ones"))
        ]
    );

    for (wrong, problem) in [
        (json!({ "store_id": "17", "operator_id": "1", "until": until }), "say why"),
        (json!({ "store_id": "17", "operator_id": "1", "note": "x" }), "say when it ends"),
        (
            json!({ "store_id": "17", "operator_id": "1", "note": "x", "until": "2020-01-01T00:00:00Z" }),
            "within a year",
        ),
        (json!({ "store_id": "17", "off": true, "note": "x", "until": until }), "left out of every rule"),
        (json!({ "store_id": "17", "rule_id": "magic", "off": true, "note": "x", "until": until }), "no rule magic"),
        (json!({ "store_id": "17", "note": "x", "until": until }), "say one thing"),
    ] {
        let (status, answer) = house.send("POST", all, &tom, Some(wrong)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
        assert!(answer["detail"].as_str().unwrap().contains(problem), "{problem}: {answer}");
    }
}

/// Answers questions for devices as a camera at this address of the machine does.
async fn answer_discovery(device: UdpSocket, host: Ipv4Addr) {
    let mut buffer = vec![0; 4_096];
    loop {
        let (length, asker) = device.recv_from(&mut buffer).await.unwrap();
        let question = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let id = question.split("<a:MessageID>").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
        let said = format!(
            "<e:Envelope xmlns:e='x' xmlns:w='y' xmlns:d='z'><e:Header><w:RelatesTo>{id}</w:RelatesTo></e:Header>\
             <e:Body><d:ProbeMatches><d:ProbeMatch><d:Scopes>onvif://www.onvif.org/name/Door</d:Scopes>\
             <d:XAddrs>http://{host}:8000/onvif/device_service</d:XAddrs></d:ProbeMatch></d:ProbeMatches></e:Body>\
             </e:Envelope>"
        );
        device.send_to(said.as_bytes(), asker).await.unwrap();
    }
}

#[tokio::test]
async fn a_device_that_answers_is_told_of_and_whether_it_is_set_up() {
    let house = House::open().await;
    let ida = house.sign_in("ida").await;
    // An address of this machine that no other run of the tests has.
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let host = Ipv4Addr::new(127, 1, high, low);
    let mut devices = JoinSet::new();
    devices.spawn(answer_discovery(UdpSocket::bind((host, DISCOVERY_PORT)).await.unwrap(), host));
    let mut found = Vec::new();
    for _ in 0..2 {
        let asked = json!({ "seconds": 1, "address": host.to_string() });
        let (status, page) = house.send("POST", "/api/v1/setup/discover", &ida, Some(asked)).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        // Whoever else answers in this network is not ours.
        let ours = page["items"].as_array().unwrap().iter().find(|item| item["address"] == host.to_string());
        found.push(ours.unwrap_or_else(|| panic!("{page}")).clone());
        let url = format!("rtsp://{host}/x");
        let camera = json!({ "store_id": "17", "camera_id": "door", "url": url });
        house.send("POST", "/api/v1/setup/cameras", &ida, Some(camera)).await;
    }
    for (item, known) in found.iter().zip([false, true]) {
        assert_eq!((&item["known"], &item["name"]), (&json!(known), &json!("Door")), "{found:?}");
        assert_eq!(item["xaddr"], format!("http://{host}:8000/onvif/device_service"), "{found:?}");
    }
}
