//! The surface as a whole, without a network: who may ask, signing in, alerts and decisions, live events.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use futures::StreamExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tillsight_ingest::bus::Connection;
use tillsight_schemas::alert::Alert;
use tillsight_schemas::port::{Epoch, EpochStore as _, Judged, Partition};
use tillsight_schemas::pos::PostedTransaction;
use tillsight_schemas::{Clock as _, ReplayClock};
use tower::ServiceExt as _;

use super::*;
use crate::backtest::Program;
use crate::db::{Audit, Role, TokenKind, User, hash_password};
use crate::search::Owner;

pub(super) const PASSWORD: &str = "correct horse battery";

/// A server with Lena (analyst of store 17), Hanna (head office), Ida (administrator), Tom (administrator of store 17) and
/// nothing listening behind it.
pub(super) struct House {
    pub(super) dir: TempDir,
    pub(super) shared: Shared,
    pub(super) live: Live,
    pub(super) clock: ReplayClock,
    stop: CancellationToken,
}

impl House {
    pub(super) async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ReplayClock::at("2026-11-22T16:00:00Z".parse().unwrap());
        let shared_clock: SharedClock = Arc::new(clock.clone());
        let config: crate::config::Config = toml::from_str(
            r#"
            [[store]]
            tenant = "acme"
            id = "17"
            name = "Kiosk"
            tz = "America/Chicago"
            currency = "USD"
            [[store]]
            tenant = "acme"
            id = "42"
            name = "Corner"
            tz = "America/New_York"
            currency = "USD"
            [[camera]]
            id = "kiosk"
            tenant = "acme"
            store = "17"
            url = "rtsp://192.0.2.1/x"
            [[camera]]
            id = "corner"
            tenant = "acme"
            store = "42"
            url = "rtsp://192.0.2.2/x"
            [[zone]]
            id = "kiosk-customer"
            tenant = "acme"
            store = "17"
            camera = "kiosk"
            kind = "customer"
            register = "1"
            polygon = [[0, 0], [1, 0], [1, 1]]
            [[integrator]]
            id = "kiosk"
            tenant = "acme"
            stores = ["17"]
            "#,
        )
        .unwrap();
        assert!(config.problems().is_empty(), "{:?}", config.problems());
        let db = Db::in_dir(dir.path(), shared_clock.clone()).await.unwrap();
        let user = |name: &str, role, stores: &[&str]| User {
            name: name.into(),
            tenant: "acme".parse().unwrap(),
            role,
            stores: stores.iter().map(|store| store.parse().unwrap()).collect(),
        };
        for user in [
            user("lena", Role::Analyst, &["17"]),
            user("hanna", Role::HeadOffice, &[]),
            user("mara", Role::Manager, &[]),
            user("ida", Role::Admin, &[]),
            user("tom", Role::Admin, &["17"]),
        ] {
            db.add_user(&user).await.unwrap();
            db.set_password(&user.name, &hash_password(PASSWORD).unwrap()).await.unwrap();
        }
        let stop = CancellationToken::new();
        let nowhere = Connection::local(1);
        let owner = Owner::open(dir.path(), config.stores.clone(), shared_clock.clone()).unwrap();
        let cameras = Arc::new(Cameras::new(dir.path().join("recordings"), &config.cameras, &config.zones));
        let shops = Arc::new(config.stores.clone());
        let windows = WindowReader::new(&nowhere);
        let reporter = Reporter {
            db: db.clone(),
            cameras: Arc::clone(&cameras),
            shops: Arc::clone(&shops),
            permits: Arc::default(),
            windows: windows.clone(),
            clock: shared_clock.clone(),
            lake: dir.path().join("lake"),
            address: config.http.address(),
            recipients: Arc::new(config.report.recipients.clone()),
            titles: Arc::default(),
        };
        let headers = Rule::shelf().unwrap().into_iter().map(|rule| rule.header).collect();
        let program = Program::new("/nowhere".into(), dir.path());
        let backtests = Backtests::open(dir.path(), program, headers, shared_clock.clone()).await.unwrap();
        let shared = Shared {
            db,
            producer: Producer::new(&nowhere, "test").unwrap(),
            stores: config.stores(),
            shops,
            permits: Arc::new(config.permits()),
            clock: shared_clock.clone(),
            data: dir.path().to_owned(),
            audit: Audit::direct(dir.path(), shared_clock).await.unwrap(),
            cameras,
            windows,
            known: Arc::default(),
            hub: Arc::new(Hub::new(stop.clone())),
            rules: Arc::new(Rule::library().unwrap()),
            left_out: Arc::default(),
            scorer: Scorer::new(reporter.db.clone(), reporter.clock.clone(), reporter.lake.clone()),
            backtests: Arc::new(backtests),
            feeds: Arc::new(Feeds::new(Arc::default(), config.stores())),
            matrix: Arc::default(),
            canary: config.canary,
            receipts: Arc::new(owner.search.clone()),
            search: owner.search.clone(),
            reporter,
            demo: None,
            parts: Arc::default(),
            throttle: Arc::default(),
            taken: Arc::default(),
            tried: Arc::default(),
            hashing: Arc::new(Semaphore::new(AT_ONCE)),
            decoding: Arc::new(Semaphore::new(AT_ONCE)),
            secure: false,
            encrypted: false,
        };
        // As at a start: what the configuration says is data from now on.
        shared.db.take_over(&config).await.unwrap();
        let live = Live::new(shared.clone());
        Self { dir, shared, live, clock, stop }
    }

    pub(super) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Response {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        router(self.live.clone()).oneshot(request.body(body).unwrap()).await.unwrap()
    }

    /// Adds a person.
    pub(super) async fn employ(&self, name: &str, role: Role, stores: &[&str]) {
        let stores = stores.iter().map(|store| store.parse().unwrap()).collect();
        let user = User { name: name.into(), tenant: "acme".parse().unwrap(), role, stores };
        self.shared.db.add_user(&user).await.unwrap();
    }

    /// Makes a token and returns its secret.
    pub(super) async fn token(&self, kind: TokenKind, owner: &str) -> String {
        let login = format!("{owner}.{}", kind.as_str());
        self.shared.db.add_token(kind, owner, &login).await.unwrap().secret
    }

    /// Signs in and returns the cookie.
    pub(super) async fn sign_in(&self, name: &str) -> String {
        let asked = json!({ "name": name, "password": PASSWORD });
        let answer = self.ask("POST", "/api/v1/session", &[("x-tillsight", "1")], Some(asked)).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && cookie.contains("Path=/"),
            "{cookie}"
        );
        cookie.split(';').next().unwrap().to_owned()
    }

    pub(super) async fn get(&self, path: &str, cookie: &str) -> (StatusCode, Value) {
        read(self.ask("GET", path, &[("cookie", cookie)], None).await).await
    }

    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        cookie: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        read(self.ask(method, path, &[("cookie", cookie), ("x-tillsight", "1")], body).await).await
    }

    async fn decide(&self, alert: &str, cookie: &str, disposition: &str, revision: i32) -> (StatusCode, Value) {
        let decision = json!({ "disposition": disposition, "note": " as agreed ", "revision": revision });
        let path = format!("/api/v1/alerts/{alert}/review");
        read(self.ask("POST", &path, &[("cookie", cookie), ("x-tillsight", "1")], Some(decision)).await).await
    }

    /// Raises the sample alert in a store, as the engine would.
    pub(super) async fn raise(&self, store: &str, number: u32, revision: i32) -> String {
        self.raise_as(store, number, |alert, _| alert.revision = revision).await
    }

    /// The same, changed as wanted.
    pub(super) async fn raise_as(
        &self,
        store: &str,
        number: u32,
        change: impl FnOnce(&mut Alert, &mut Vec<PostedTransaction>),
    ) -> String {
        let mut alert: Alert = serde_json::from_str(include_str!("../../../schemas/samples/v1/alert.json")).unwrap();
        let mut judgement: tillsight_schemas::judgement::Judgement =
            serde_json::from_str(include_str!("../../../schemas/samples/v1/judgement.json")).unwrap();
        let mut posted: PostedTransaction =
            serde_json::from_str(include_str!("../../../schemas/samples/v1/posted_transaction.json")).unwrap();
        let id = uuid::Uuid::from_u128(u128::from(number));
        let anchor = uuid::Uuid::from_u128(u128::from(number) + 1_000_000);
        (alert.alert_id, alert.store_id) = (id, store.parse().unwrap());
        (alert.anchor_event_id, alert.event_ids, alert.raised_at) = (anchor, vec![anchor], self.clock.now());
        alert.event_time += chrono::TimeDelta::seconds(number.into());
        judgement.store_id = alert.store_id.clone();
        judgement.outcome = tillsight_schemas::judgement::Outcome::Fired;
        (judgement.anchor_event_id, judgement.event_time) = (anchor, alert.event_time);
        posted.header.event_id = anchor;
        posted.header.event_time = alert.event_time;
        posted.header.tenant_id = alert.tenant_id.clone();
        posted.transaction.store_id = alert.store_id.clone();
        let mut events = vec![posted];
        change(&mut alert, &mut events);
        judgement.judgement_id = alert.alert_id;
        let partition = Partition::new("engine", 0);
        let fence = self.shared.db.take(&partition).await.unwrap().fence;
        let document = |posted: &PostedTransaction| (posted.header.event_id, serde_json::to_string(posted).unwrap());
        let events = events.iter().map(document).collect();
        let judged = vec![Judged { judgement, alert: Some(alert), events, shadow: false }];
        let epoch = Epoch { partition, fence, checkpoint: String::new(), judged, outgoing: Vec::new() };
        self.shared.db.commit_epoch(&epoch).await.unwrap();
        id.to_string()
    }
}

pub(super) async fn read(answer: Response) -> (StatusCode, Value) {
    let status = answer.status();
    let body = to_bytes(answer.into_body(), 1 << 24).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn nothing_but_health_and_signing_in_answers_a_stranger() {
    let house = House::open().await;
    let mut open = Vec::new();
    for route in routes::table() {
        let path = route
            .path
            .replace("{id}", &uuid::Uuid::nil().to_string())
            .replace("{event_id}", "x")
            .replace("{case_id}", "x")
            .replace("{item_id}", "x")
            .replace("{person_id}", "x")
            .replace("{search_id}", "x")
            .replace("{backtest_id}", "x")
            .replace("{file}", "x.mp4")
            .replace("{login}", "kiosk.till")
            .replace("{what}", "ring")
            .replace("{token}", "guessed")
            .replace(['{', '}'], "");
        for headers in [&[][..], &[("cookie", "tillsight_session=guessed")], &[("authorization", "Bearer ts_guessed")]]
        {
            let answer = house.ask(&route.method.to_uppercase(), &path, headers, None).await;
            if route.access == route::Access::Open {
                open.push(format!("{} {}", route.method, route.path));
                assert_ne!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
            } else {
                assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{} {path} {headers:?}", route.method);
                assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/problem+json");
            }
        }
    }
    open.dedup();
    assert_eq!(open, ["get /livez", "get /readyz", "post /api/v1/session", "get /r/{token}", "post /r/{token}"]);
}

#[tokio::test]
async fn a_wrong_password_and_a_wrong_name_look_the_same_and_guessing_is_slowed_down() {
    let house = House::open().await;
    let attempt = async |name: &str, password: &str| {
        let asked = json!({ "name": name, "password": password });
        read(house.ask("POST", "/api/v1/session", &[("x-tillsight", "1")], Some(asked)).await).await
    };
    let wrong = attempt("lena", "wrong password").await;
    assert_eq!(wrong, attempt("nobody", "wrong password").await);
    assert_eq!(wrong.0, StatusCode::UNAUTHORIZED);
    for _ in 0..4 {
        attempt("lena", "wrong password").await;
    }
    assert_eq!(attempt("lena", PASSWORD).await.0, StatusCode::TOO_MANY_REQUESTS);
    house.clock.advance(chrono::TimeDelta::minutes(1));
    assert_eq!(attempt("lena", PASSWORD).await.0, StatusCode::OK);
    let foreign =
        house.ask("POST", "/api/v1/session", &[], Some(json!({ "name": "lena", "password": PASSWORD }))).await;
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN, "another site has no X-Tillsight");
}

#[tokio::test]
async fn a_session_says_who_it_is_and_ends_when_asked() {
    let house = House::open().await;
    let lena = house.sign_in("lena").await;
    let (_, me) = house.get("/api/v1/session", &lena).await;
    assert_eq!(me, json!({ "name": "lena", "role": "analyst", "tenant": "acme", "stores": ["17"] }));
    let forged = house.ask("DELETE", "/api/v1/session", &[("cookie", &lena)], None).await;
    assert_eq!(forged.status(), StatusCode::FORBIDDEN);
    let out = house.ask("DELETE", "/api/v1/session", &[("cookie", &lena), ("x-tillsight", "1")], None).await;
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    assert_eq!(house.get("/api/v1/session", &lena).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_person_sees_alerts_of_their_stores_only() {
    let house = House::open().await;
    let (own, foreign) = (house.raise("17", 1, 0).await, house.raise("42", 2, 0).await);
    let lena = house.sign_in("lena").await;
    let (_, page) = house.get("/api/v1/alerts", &lena).await;
    let ids: Vec<&str> =
        page["items"].as_array().unwrap().iter().map(|item| item["alert_id"].as_str().unwrap()).collect();
    assert_eq!(ids, [own.as_str()]);
    assert_eq!(house.get(&format!("/api/v1/alerts/{foreign}"), &lena).await.0, StatusCode::NOT_FOUND);
    assert_eq!(house.decide(&foreign, &lena, "no_issue", 0).await.0, StatusCode::NOT_FOUND);
    let (_, page) = house.get("/api/v1/alerts?store=42", &lena).await;
    assert_eq!(page["items"], json!([]));
    let of_foreign = format!("/api/v1/transactions/{}", uuid::Uuid::from_u128(1_000_002));
    assert_eq!(house.get(&of_foreign, &lena).await.0, StatusCode::NOT_FOUND);
    let hanna = house.sign_in("hanna").await;
    assert_eq!(house.get("/api/v1/alerts", &hanna).await.1["items"].as_array().unwrap().len(), 2);
    assert_eq!(house.decide(&own, &hanna, "no_issue", 0).await.0, StatusCode::FORBIDDEN);
    let clip = "/api/v1/clips/kiosk.mp4?from=2026-11-22T15:00:00Z&to=2026-11-22T15:00:05Z";
    assert_eq!(house.get(clip, &hanna).await.0, StatusCode::FORBIDDEN);
    assert_eq!(house.get("/api/v1/stills/kiosk.jpg?at=2026-11-22T15:00:00Z", &hanna).await.0, StatusCode::FORBIDDEN);
    let mara = house.sign_in("mara").await;
    assert_eq!(house.get("/api/v1/alerts", &mara).await.0, StatusCode::FORBIDDEN, "a manager without a store");
}

#[tokio::test]
async fn pages_follow_each_other_without_loss_or_repetition() {
    let house = House::open().await;
    for number in 1..=5 {
        house.raise("17", number, 0).await;
    }
    let lena = house.sign_in("lena").await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let (_, page) = house.get(&format!("/api/v1/alerts?limit=2{cursor}"), &lena).await;
        seen.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["event_time"].as_str().unwrap().to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 5);
    assert!(seen.is_sorted_by(|newer, older| newer > older), "{seen:?}");
    assert_eq!(house.get("/api/v1/alerts?cursor=x", &lena).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(house.get("/api/v1/alerts?limit=x", &lena).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn one_alert_carries_its_receipt_and_says_what_is_missing() {
    let house = House::open().await;
    let id = house.raise("17", 1, 0).await;
    let lena = house.sign_in("lena").await;
    let (status, detail) = house.get(&format!("/api/v1/alerts/{id}"), &lena).await;
    assert_eq!(status, StatusCode::OK, "{detail}");
    assert_eq!(detail["alert_id"], id.as_str());
    assert_eq!(detail["transaction"]["event_id"], detail["alert"]["anchor_event_id"]);
    assert!(!detail["transaction"]["lines"].as_array().unwrap().is_empty());
    assert_eq!(detail["verdicts"].as_array().unwrap().len(), 1);
    assert_eq!(detail["zones"][0]["id"], "kiosk-customer");
    assert_eq!(detail["presence"], json!([]));
    assert_eq!(detail["problems"].as_array().unwrap().len(), 2, "nobody answers for presence and boxes: {detail}");
    assert_eq!(detail["video"][0]["clip_url"], Value::Null);
    assert!(detail["video"][0]["note"].as_str().unwrap().contains("kiosk"), "{detail}");
    let event = detail["alert"]["anchor_event_id"].as_str().unwrap();
    let (_, receipt) = house.get(&format!("/api/v1/transactions/{event}"), &lena).await;
    assert_eq!(receipt["alerts"][0]["alert_id"], id.as_str());
    let (status, problem) = house.get(&format!("/api/v1/transactions/{}", uuid::Uuid::nil()), &lena).await;
    assert_eq!((status, &problem["title"]), (StatusCode::NOT_FOUND, &json!("not found")));
}

#[tokio::test]
async fn a_decision_about_a_revision_that_has_changed_is_refused() {
    let house = House::open().await;
    let id = house.raise("17", 1, 0).await;
    let lena = house.sign_in("lena").await;
    house.raise("17", 1, 1).await;
    let (status, problem) = house.decide(&id, &lena, "confirmed", 0).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(problem["detail"].as_str().unwrap().contains("revision 1"), "{problem}");
    let (status, summary) = house.decide(&id, &lena, "confirmed", 1).await;
    assert_eq!(
        (status, &summary["disposition"], &summary["reviewed_by"]),
        (StatusCode::OK, &json!("confirmed"), &json!("lena"))
    );
    assert_eq!(house.get("/api/v1/alerts", &lena).await.1["items"], json!([]), "it has left the queue");
    let (_, detail) = house.get(&format!("/api/v1/alerts/{id}"), &lena).await;
    assert_eq!(detail["reviews"][0]["note"], "as agreed");
    house.decide(&id, &lena, "reopened", 1).await;
    assert_eq!(house.get("/api/v1/alerts", &lena).await.1["items"].as_array().unwrap().len(), 1);
    assert_eq!(house.decide(&id, &lena, "guilty", 1).await.0, StatusCode::UNPROCESSABLE_ENTITY);
}

/// Reads a stream of events until `wanted` stands in it.
pub(super) async fn until(stream: &mut axum::body::BodyDataStream, wanted: &str) -> String {
    let mut text = String::new();
    let reading = async {
        while !text.contains(wanted) {
            text.push_str(std::str::from_utf8(&stream.next().await.unwrap().unwrap()).unwrap());
        }
    };
    tokio::time::timeout(Duration::from_secs(30), reading).await.unwrap_or_else(|_| panic!("no {wanted}"));
    text
}

#[tokio::test]
async fn live_events_reach_those_who_see_the_store_and_are_resumed() {
    let house = House::open().await;
    let lena = house.sign_in("lena").await;
    let (telling, hub) = (house.live.clone(), Arc::clone(&house.shared.hub));
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { hub.run(&telling).await });
    let mut live = house.ask("GET", "/api/v1/events", &[("cookie", &lena)], None).await.into_body().into_data_stream();
    assert!(until(&mut live, "\n\n").await.contains("event: hello"));
    house.raise("42", 1, 0).await;
    let own = house.raise("17", 2, 0).await;
    let said = until(&mut live, &own).await;
    assert!(said.contains("event: alert") && !said.contains(&uuid::Uuid::from_u128(1).to_string()), "{said}");
    house.clock.advance(chrono::TimeDelta::seconds(5));
    house.decide(&own, &lena, "policy", 0).await;
    assert!(until(&mut live, "\"policy\"").await.contains("event: review"));

    let missed = house.ask("GET", "/api/v1/events", &[("cookie", &lena), ("last-event-id", "1")], None).await;
    let mut missed = missed.into_body().into_data_stream();
    assert!(until(&mut missed, &own).await.contains("id: 3"));
    house.ask("DELETE", "/api/v1/session", &[("cookie", &lena), ("x-tillsight", "1")], None).await;
    let rest = tokio::time::timeout(Duration::from_secs(30), live.collect::<Vec<_>>()).await;
    assert!(rest.is_ok(), "who signs out hears no more");
    let lena = house.sign_in("lena").await;
    let mut missed =
        house.ask("GET", "/api/v1/events", &[("cookie", &lena)], None).await.into_body().into_data_stream();
    assert!(until(&mut missed, "\n\n").await.contains("event: hello"));
    house.stop.cancel();
    assert!(missed.next().await.is_none(), "streams end with the server");
    tasks.join_all().await;
}

#[tokio::test]
async fn pages_are_served_with_headers_that_keep_strangers_out() {
    let house = House::open().await;
    for path in ["/", "/alerts/x", "/assets/missing.js", "/api/v1/nothing", "/livez"] {
        let answer = house.ask("GET", path, &[], None).await;
        for (name, value) in pages::SECURITY_HEADERS {
            assert_eq!(answer.headers()[*name], *value, "{path}");
        }
        let expected = if path.contains("missing") || path.contains("nothing") { 404 } else { 200 };
        assert_eq!(answer.status(), expected, "{path}");
    }
    assert!(house.dir.path().join("tillsight.sqlite").is_file());
}

#[tokio::test]
async fn coverage_says_what_could_not_be_found_out() {
    let house = House::open().await;
    house.raise("17", 1, 0).await;
    let lena = house.sign_in("lena").await;
    let day = "from=2026-11-22T06:00:00Z&to=2026-11-23T06:00:00Z";
    assert_eq!(house.get(&format!("/api/v1/coverage?store=42&{day}"), &lena).await.0, StatusCode::NOT_FOUND);
    let long = "/api/v1/coverage?store=17&from=2026-11-01T00:00:00Z&to=2026-11-23T06:00:00Z";
    assert_eq!(house.get(long, &lena).await.0, StatusCode::BAD_REQUEST);
    let (_, stores) = house.get("/api/v1/stores", &lena).await;
    assert_eq!(stores["items"][0]["registers"][0]["cameras"], json!(["kiosk"]));
    let (_, cameras) = house.get("/api/v1/cameras", &lena).await;
    assert_eq!((&cameras["items"][0]["state"], &cameras["items"][0]["analysed"]), (&json!("unknown"), &json!(false)));
}

/// A page of a one-time link; with a note it is sent back.
async fn one_time(house: &House, token: &str, note: Option<&str>) -> (StatusCode, String) {
    let request = Request::builder().uri(format!("/r/{token}"));
    let request = match note {
        Some(note) => request
            .method("POST")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(format!("note={note}"))),
        None => request.body(Body::empty()),
    };
    let answer = router(house.live.clone()).oneshot(request.unwrap()).await.unwrap();
    let status = answer.status();
    let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_link_of_a_report_does_nothing_until_its_button_is_pressed_and_then_once() {
    use tillsight_schemas::review::Disposition;
    let house = House::open().await;
    let id = house.raise("17", 1, 0).await;
    let alert: uuid::Uuid = id.parse().unwrap();
    let db = &house.shared.db;
    let token = db.make_link("maria@example.com", alert, Disposition::Explained).await.unwrap();
    for _ in 0..3 {
        let (status, page) = one_time(&house, &token, None).await;
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains("Say that it is explained") && page.contains("<form method=\"post\""), "{page}");
    }
    assert!(db.reviews(alert).await.unwrap().is_empty(), "scanners of mail open links");

    let (status, page) = one_time(&house, &token, Some("A+customer+came+back")).await;
    assert!(status == StatusCode::OK && page.contains("Noted"), "{status} {page}");
    let said = db.reviews(alert).await.unwrap();
    assert_eq!((said.len(), said[0].reviewer.as_str()), (1, "maria@example.com"));
    assert_eq!((said[0].disposition, said[0].note.as_deref()), (Disposition::Explained, Some("A customer came back")));
    assert_eq!(one_time(&house, &token, Some("again")).await.0, StatusCode::GONE);
    assert_eq!(one_time(&house, &token, None).await.0, StatusCode::GONE);

    // It stays with loss prevention, who see what was said, and may not say it in the store's place.
    let lena = house.sign_in("lena").await;
    let (_, page) = house.get("/api/v1/alerts", &lena).await;
    assert_eq!(page["items"][0]["alert_id"], id.as_str());
    let (_, detail) = house.get(&format!("/api/v1/alerts/{id}"), &lena).await;
    assert_eq!(detail["reviews"][0]["disposition"], "explained");
    assert_eq!(house.decide(&id, &lena, "explained", 0).await.0, StatusCode::UNPROCESSABLE_ENTITY);

    let old = db.make_link("maria@example.com", alert, Disposition::LookAtIt).await.unwrap();
    house.clock.advance(crate::db::LINK_HOLDS);
    assert_eq!(one_time(&house, &old, Some("")).await.0, StatusCode::GONE);
    let fresh = db.make_link("maria@example.com", alert, Disposition::LookAtIt).await.unwrap();
    for _ in 0..5 {
        assert_eq!(one_time(&house, "guessed", None).await.0, StatusCode::NOT_FOUND);
    }
    assert_eq!(one_time(&house, "guessed", None).await.0, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(one_time(&house, &fresh, Some("")).await.0, StatusCode::OK, "a right one always works");
}
