//! What concerns its reader: two shops, with and without alerts about the manager who asks, answer every question of hers
//! alike, to the byte. And what a store asks to look at.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::to_bytes;
use axum::http::StatusCode;
use futures::future::join_all;
use serde_json::{Value, json};
use tillsight_correlate::lake::MemoryLog;
use tillsight_schemas::Clock as _;
use tillsight_schemas::alert::Alert;
use tillsight_schemas::judgement::{Judgement, Outcome};
use tillsight_schemas::port::{Epoch, EpochStore as _, Judged, Partition};
use tillsight_schemas::pos::{PostedTransaction, PriceOverride};
use tillsight_schemas::review::{Disposition, Review};
use tillsight_schemas::topic;
use tillsight_schemas::wire::avro;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::matrix::{Things, allowed, request};
use super::routes::table;
use super::tests::{House, until};
use super::work_tests::Worker;
use crate::db::{AccountChange, Role, TokenKind, User};
use crate::search::{Follower, OpenLog, Owner};
use crate::sql::LoginSource as _;

/// Maria's own id at the tills; another manager's; a cashier's.
const MARIA: &str = "1042";
const OTTO: &str = "1050";
const CASHIER: &str = "7";
/// Alerts that Maria sees.
const VISIBLE: [u32; 3] = [1, 2, 3];
/// Alerts about her or Otto: as operator, as approver, by a price set by hand, by another of its transactions, as another
/// manager, and once more as approver.
const HIDDEN: [u32; 6] = [11, 12, 13, 14, 15, 16];

fn event(number: u32) -> Uuid {
    Uuid::from_u128(u128::from(number) + 1_000_000)
}

/// What alert and receipt of a number are; the same in both shops.
fn of(number: u32, alert: &mut Alert, events: &mut Vec<PostedTransaction>) {
    let posted = &mut events[0];
    let operator = |id: &str| Some(id.parse().unwrap());
    (alert.operator_id, posted.transaction.operator_id) = (operator(CASHIER), operator(CASHIER));
    posted.transaction.receipt_no = Some(format!("17-1-{number:04}"));
    match number {
        11 => (alert.operator_id, posted.transaction.operator_id) = (operator(MARIA), operator(MARIA)),
        12 | 16 => posted.transaction.supervisor_id = operator(MARIA),
        13 => {
            let approved = PriceOverride { reason: Some("MATCH".into()), approver_id: operator(MARIA) };
            posted.transaction.lines[0].price_override = Some(approved);
        }
        // The transaction itself is a cashier's; another one that belongs to it is Maria's.
        14 => {
            alert.event_ids.push(event(11));
            events.push(receipt(11));
        }
        15 => (alert.operator_id, posted.transaction.operator_id) = (operator(OTTO), operator(OTTO)),
        _ => {}
    }
    // One camera, one operator, seconds that overlap: all could be one item, and the smallest id is a hidden one's.
    if number == 16 {
        alert.alert_id = Uuid::from_u128(0);
        alert.event_ids.push(event(1));
    }
}

fn receipt(number: u32) -> PostedTransaction {
    let mut alert: Alert = serde_json::from_str(include_str!("../../../schemas/samples/v1/alert.json")).unwrap();
    let mut posted: PostedTransaction =
        serde_json::from_str(include_str!("../../../schemas/samples/v1/posted_transaction.json")).unwrap();
    posted.header.event_id = event(number);
    posted.header.event_time = alert.event_time + chrono::TimeDelta::seconds(number.into());
    posted.header.tenant_id = alert.tenant_id.clone();
    posted.transaction.store_id = alert.store_id.clone();
    let mut events = vec![posted];
    of(number, &mut alert, &mut events);
    events.swap_remove(0)
}

impl House {
    async fn account(&self, name: &str, role: Role, stores: &[&str], operator: &str) {
        let stores = stores.iter().map(|store| store.parse().unwrap()).collect();
        let user = User { name: name.into(), tenant: "acme".parse().unwrap(), role, stores };
        let account = AccountChange { user, email: None, operator: operator.parse().ok(), disabled: false };
        self.shared.db.add_account("ida", &account).await.unwrap();
    }

    /// A judgement without an alert.
    async fn judged(&self, number: u32, outcome: Outcome) {
        let mut judgement: Judgement =
            serde_json::from_str(include_str!("../../../schemas/samples/v1/judgement.json")).unwrap();
        let posted = receipt(number);
        judgement.judgement_id =
            Uuid::from_u128(u128::from(number) + if outcome == Outcome::Silent { 500 } else { 900 });
        (judgement.store_id, judgement.anchor_event_id) = (posted.transaction.store_id.clone(), event(number));
        (judgement.operator_id, judgement.outcome) = (posted.transaction.operator_id.clone(), outcome);
        (judgement.event_time, judgement.why) = (posted.header.event_time, "camera_blind".into());
        let events = vec![(event(number), serde_json::to_string(&posted).unwrap())];
        let partition = Partition::new("engine", 0);
        let fence = self.shared.db.take(&partition).await.unwrap().fence;
        let judged = vec![Judged { judgement, alert: None, events, shadow: false }];
        let epoch = Epoch { partition, fence, checkpoint: String::new(), judged, outgoing: Vec::new() };
        self.shared.db.commit_epoch(&epoch).await.unwrap();
    }

    /// Puts all receipts and the alerts that there are into the index.
    async fn index(&self, alerts: u64) {
        let owner = Owner::open(self.dir.path(), self.shared.shops.to_vec(), Arc::new(self.clock.clone())).unwrap();
        let (search, stop, mut tasks) = (owner.search.clone(), CancellationToken::new(), JoinSet::new());
        let log = MemoryLog::new(topic::POS_TRANSACTION, 1);
        let receipts: Vec<PostedTransaction> = VISIBLE.iter().chain(&HIDDEN).map(|number| receipt(*number)).collect();
        for value in avro::encode(&receipts).unwrap() {
            log.append(0, value);
        }
        let open: OpenLog = Arc::new(move || Ok(Box::new(log.reader())));
        tasks.spawn(Follower::new(owner, self.shared.db.clone(), open).run(stop.clone()));
        let all = u64::try_from(receipts.len()).unwrap();
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
        while search.counts().unwrap() != (all, alerts) {
            assert!(tokio::time::Instant::now() < deadline, "{:?}", search.counts());
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        stop.cancel();
        tasks.join_all().await;
        self.shared.search.reload().unwrap();
    }
}

/// A shop, with or without the alerts that Maria does not see: worked on, decided, asked about, in a case.
async fn shop(with: bool) -> House {
    let house = House::open().await;
    house.account("maria", Role::Manager, &["17"], MARIA).await;
    house.account("otto", Role::Manager, &["17"], OTTO).await;
    for number in VISIBLE {
        house.raise_as("17", number, |alert, events| of(number, alert, events)).await;
        house.judged(number, Outcome::Silent).await;
        house.judged(number, Outcome::Indeterminate).await;
    }
    house.judged(12, Outcome::Indeterminate).await;
    if with {
        for number in HIDDEN {
            house.raise_as("17", number, |alert, events| of(number, alert, events)).await;
        }
        let db = &house.shared.db;
        let id = |number: u32| Uuid::from_u128(number.into());
        let review = |number, disposition| Review {
            review_id: Uuid::new_v4(),
            alert_id: id(number),
            alert_revision: 0,
            tenant_id: "acme".parse().unwrap(),
            store_id: "17".parse().unwrap(),
            disposition,
            note: Some("a secret".into()),
            reviewer: "lena".into(),
            reviewed_at: house.clock.now(),
        };
        db.decide(&[review(11, Disposition::Confirmed), review(15, Disposition::NoIssue)]).await.unwrap();
        db.assign(&[id(12)], Some(&"lena".to_owned()), "lena").await.unwrap();
        let link = db.make_link("x@example.com", id(13), Disposition::LookAtIt).await.unwrap();
        assert!(db.use_link(&link, &review(13, Disposition::LookAtIt)).await.unwrap());
        let lena = Worker::join(&house, "lena", Role::Analyst, &["17"]).await;
        lena.good("POST", "cases", json!({ "title": "Till 1", "alerts": [id(11)] }), 201).await;
    } else {
        Worker::join(&house, "lena", Role::Analyst, &["17"]).await;
    }
    house.index(if with { 9 } else { 3 }).await;
    house
}

/// What is asked beside the routes themselves.
fn more() -> Vec<String> {
    let mut paths: Vec<String> = ["open", "closed", "all"]
        .iter()
        .flat_map(|state| {
            ["", "&sort=value", "&limit=1", "&operator=7", "&operator=1042", "&assignee=lena", "&asked=true", "&rule=x"]
                .map(|and| format!("queue?state={state}{and}"))
        })
        .collect();
    paths.extend(["open", "closed", "all"].map(|state| format!("alerts?state={state}&limit=2")));
    paths.extend(
        ["", "has:alert", "-has:alert", "type:refund", "is:alert", "op:1042", "secret", "headphones&sort=score"]
            .map(|q| format!("search?q={q}")),
    );
    paths.push("search?q=refund headphones&sort=score&limit=1".replace(' ', "%20"));
    paths.push("coverage?store=17&from=2026-11-22T10:00:00Z&to=2026-11-22T16:00:00Z".into());
    paths.push("blindspots?from=2026-11-01T00:00:00Z".into());
    paths.push("reports?store=17&day=2026-11-22".into());
    for number in VISIBLE.iter().chain(&HIDDEN) {
        paths.push(format!("transactions/{}/journal?minutes=60", event(*number)));
    }
    paths
}

/// The answer to a question, without how long it took.
async fn asked(house: &House, bearer: &str, (method, path, body): &(String, String, Option<Value>)) -> String {
    let answer = house.ask(method, path, &[("authorization", bearer)], body.clone()).await;
    let status = answer.status();
    let kind = answer.headers().get("content-type").map(|kind| format!("{kind:?}")).unwrap_or_default();
    let bytes = to_bytes(answer.into_body(), 1 << 24).await.unwrap();
    let text = match serde_json::from_slice::<Value>(&bytes) {
        Ok(mut said) => {
            said.as_object_mut().and_then(|said| said.remove("took_ms"));
            said.to_string()
        }
        Err(_) => format!("{bytes:?}"),
    };
    format!("{status} {kind} {text}")
}

#[tokio::test]
async fn a_manager_cannot_tell_whether_there_are_alerts_about_her() {
    let (with, without) = (shop(true).await, shop(false).await);
    let mut questions: Vec<(String, String, Option<Value>)> = Vec::new();
    for number in VISIBLE.iter().chain(&HIDDEN) {
        let nobody = Uuid::from_u128(77).to_string();
        let id = if *number == 16 { 0 } else { u128::from(*number) };
        let things = Things {
            store: "17",
            camera: "kiosk",
            alert: Uuid::from_u128(id).to_string(),
            event: event(*number).to_string(),
            case: [nobody.clone(), nobody.clone(), nobody.clone()],
        };
        for route in table() {
            let may = allowed(route.method, route.path).is_some_and(|who| who.split(' ').any(|who| who == "manager"));
            // Visible alerts are not changed; what is made gets an id by chance; the stream has a test of its own.
            let changes = route.method != "get" && (VISIBLE.contains(number) || route.path.contains("searches"));
            if !may || changes || route.path == "/api/v1/session" || route.path == "/api/v1/events" {
                continue;
            }
            let (path, body) = request(route.method, route.path, &things, &nobody);
            questions.push((route.method.to_uppercase(), path, body));
        }
    }
    questions.extend(more().into_iter().map(|path| ("GET".into(), format!("/api/v1/{path}"), None)));
    let mut bearers = BTreeMap::new();
    for (name, house) in [("with", &with), ("without", &without)] {
        bearers.insert(name, format!("Bearer {}", house.token(TokenKind::Person, "maria").await));
    }
    let (one, other) = (&bearers["with"], &bearers["without"]);
    let mut good = 0;
    // Many at once: some wait seconds for a broker that is not there.
    for some in questions.chunks(60) {
        let ones = join_all(some.iter().map(|question| asked(&with, one, question)));
        let others = join_all(some.iter().map(|question| asked(&without, other, question)));
        let (ones, others) = futures::future::join(ones, others).await;
        for ((question, one), other) in some.iter().zip(&ones).zip(&others) {
            assert_eq!(one, other, "{question:?}");
            good += usize::from(one.starts_with("200"));
        }
    }
    assert!(questions.len() > 150 && good > 60, "{good} of {}", questions.len());

    // The shops do differ, for those who may know; and Maria has not lost what is hers to see.
    let maria = Worker { house: &with, bearer: one.clone() };
    assert_eq!(maria.get("queue").await["total"], 1, "one operator, one camera, overlapping seconds");
    assert_eq!(maria.get("alerts").await["items"].as_array().unwrap().len(), 3);
    let detail = maria.get(&format!("alerts/{}", Uuid::from_u128(1))).await;
    assert_eq!(detail["item_id"], Uuid::from_u128(1).to_string());
    assert_eq!(detail["expected"]["decided"], 0);
    let outcomes: Vec<&Value> =
        detail["verdicts"].as_array().unwrap().iter().map(|verdict| &verdict["outcome"]).collect();
    assert_eq!(outcomes, ["fired", "indeterminate"], "which rules were silent would tell which one is missing");
    let own = maria.get(&format!("transactions/{}", event(11))).await;
    assert_eq!((&own["alerts"], &own["verdicts"]), (&json!([]), &json!([])), "her receipt is an ordinary receipt");
    let ida = format!("Bearer {}", with.token(TokenKind::Person, "ida").await);
    let ida = Worker { house: &with, bearer: ida };
    assert_eq!(ida.get("alerts").await["items"].as_array().unwrap().len(), 7);
    assert_eq!(ida.get("search").await["total"], 18, "nine receipts and nine alerts");
    let all = ida.get("queue?state=all").await;
    assert_eq!(all["items"][0]["asked"]["by"], "lena", "what the store asks to look at comes first: {all}");
}

/// A stream of events that has begun.
async fn stream(house: &House, bearer: &str, since: Option<&str>) -> (axum::body::BodyDataStream, String) {
    let mut headers = vec![("authorization", bearer)];
    headers.extend(since.map(|since| ("last-event-id", since)));
    let mut events = house.ask("GET", "/api/v1/events", &headers, None).await.into_body().into_data_stream();
    let hello = until(&mut events, "\n\n").await;
    (events, hello)
}

#[tokio::test]
async fn live_events_do_not_tell_a_manager_of_alerts_about_her() {
    let mut told = Vec::new();
    for with in [true, false] {
        let house = House::open().await;
        house.account("maria", Role::Manager, &["17"], MARIA).await;
        house.account("otto", Role::Manager, &["17"], OTTO).await;
        let maria = format!("Bearer {}", house.token(TokenKind::Person, "maria").await);
        let ida = format!("Bearer {}", house.token(TokenKind::Person, "ida").await);
        let (telling, mut tasks) = (house.live.clone(), JoinSet::new());
        tasks.spawn(async move { telling.now().hub.run(&telling).await });
        let (mut hers, hello) = stream(&house, &maria, None).await;
        let (mut all, first) = stream(&house, &ida, None).await;
        assert!(!hello.contains("id: ") && first.contains("id: "), "{hello}");
        if with {
            for number in HIDDEN {
                house.raise_as("17", number, |alert, events| of(number, alert, events)).await;
            }
            until(&mut all, &Uuid::from_u128(15).to_string()).await;
        }
        house.raise_as("17", 1, |alert, events| of(1, alert, events)).await;
        let said = until(&mut hers, &format!("\"alert_id\":\"{}\"", Uuid::from_u128(1))).await;
        let (_, again) = stream(&house, &maria, Some("1")).await;
        told.push((hello, said, again));
        tasks.shutdown().await;
    }
    assert_eq!(told[0], told[1]);
    assert!(told[0].1.contains("event: alert"), "{told:?}");
}

#[tokio::test]
async fn a_case_is_not_seen_by_the_one_it_is_about() {
    let house = House::open().await;
    house.account("nina", Role::Analyst, &[], MARIA).await;
    let nina = Worker::join(&house, "nina", Role::Analyst, &[]).await;
    let anna = Worker::join(&house, "anna", Role::Admin, &[]).await;
    let (own, other) = (house.raise("17", 11, 0).await, Uuid::from_u128(1).to_string());
    house.raise_as("17", 1, |alert, events| of(1, alert, events)).await;
    assert_eq!(nina.call("GET", &format!("alerts/{own}"), None).await.0, StatusCode::NOT_FOUND);
    nina.bad("POST", "cases", json!({ "title": "x", "alerts": [own] }), 404).await;
    let detail = nina.bad("POST", "cases", json!({ "title": "x", "receipts": [event(11)] }), 404).await;
    assert!(detail.contains("transaction"), "it is in no index, and the alert that has it is not hers: {detail}");
    let give = json!({ "alert_ids": [own], "assignee": "nina" });
    assert!(anna.bad("PUT", "alerts/assignee", give, 422).await.contains("about nina"));

    let opened = nina.good("POST", "cases", json!({ "title": "Till 1", "alerts": [other] }), 201).await;
    let path = format!("cases/{}", opened["case_id"].as_str().unwrap());
    let person = json!({ "role": "subject", "kind": "operator", "operator_id": MARIA });
    nina.bad("POST", &format!("{path}/people"), person.clone(), 422).await;
    let witness = json!({ "role": "witness", "kind": "operator", "operator_id": MARIA });
    nina.good("POST", &format!("{path}/people"), witness, 201).await;
    assert_eq!(nina.get("cases").await["total"], 1);
    let case = anna.good("POST", &format!("{path}/people"), person, 201).await;
    assert_eq!(nina.call("GET", &path, None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(nina.get("cases").await, json!({ "items": [], "next_cursor": null, "total": 0 }));
    assert_eq!(nina.get(&format!("alerts/{other}")).await["cases"], json!([]));
    let edit = json!({ "revision": case["revision"], "owner": "nina" });
    assert!(anna.bad("PATCH", &path, edit, 422).await.contains("about nina"));

    // An alert that is amended so that it concerns her takes the case with it; one that was taken out stays hers.
    let second = nina.good("POST", "cases", json!({ "title": "Till 2", "alerts": [other] }), 201).await;
    let path = format!("cases/{}", second["case_id"].as_str().unwrap());
    let amend = |alert: &mut Alert, events: &mut Vec<PostedTransaction>| {
        of(1, alert, events);
        (alert.revision, events[0].transaction.supervisor_id) = (1, MARIA.parse().ok());
    };
    house.raise_as("17", 1, amend).await;
    assert_eq!(nina.call("GET", &path, None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(anna.get("cases").await["total"], 2);
}

#[tokio::test]
async fn who_does_not_see_every_alert_gets_no_sql() {
    let house = House::open().await;
    house.account("maria", Role::Manager, &["17"], "").await;
    house.account("hanno", Role::HeadOffice, &[], OTTO).await;
    let ida = Worker::join(&house, "ida", Role::Admin, &[]).await;
    for (name, why) in [("maria", "manager"), ("hanno", "works at tills")] {
        let order = json!({ "kind": "sql", "owner": name, "name": "bi" });
        let detail = ida.bad("POST", "setup/tokens", order, 422).await;
        assert!(detail.contains(why), "{detail}");
        house.shared.db.add_token(TokenKind::Sql, name, &format!("{name}.old")).await.unwrap();
        assert!(house.shared.db.login(&format!("{name}.old")).await.unwrap().is_none(), "{name}");
    }
    house.shared.db.add_token(TokenKind::Sql, "hanna", "hanna.bi").await.unwrap();
    assert!(house.shared.db.login("hanna.bi").await.unwrap().is_some());
}

#[tokio::test]
async fn what_a_store_asks_to_look_at_comes_first_until_it_is_decided() {
    let house = House::open().await;
    let lena = Worker::join(&house, "lena", Role::Analyst, &["17"]).await;
    let db = &house.shared.db;
    for number in 1..=3 {
        let alone = |alert: &mut Alert, _: &mut Vec<PostedTransaction>| alert.operator_id = None;
        house.raise_as("17", number, alone).await;
    }
    let first = Uuid::from_u128(1);
    let say = async |action: Disposition, note: &str| {
        let token = db.make_link("maria@example.com", first, action).await.unwrap();
        let request = axum::http::Request::post(format!("/r/{token}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(axum::body::Body::from(format!("note={note}")));
        let answer = tower::ServiceExt::oneshot(super::router(house.live.clone()), request.unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    };
    say(Disposition::Explained, "a+training").await;
    assert_eq!(lena.get("queue?asked=true").await["total"], 0, "an explanation asks for nothing");
    say(Disposition::LookAtIt, "again").await;
    let queue = lena.get("queue").await;
    let order: Vec<&Value> = queue["items"].as_array().unwrap().iter().map(|item| &item["item_id"]).collect();
    assert_eq!(order, [1, 3, 2].map(|number: u128| json!(Uuid::from_u128(number))).each_ref());
    let asked = &queue["items"][0]["asked"];
    assert_eq!((&asked["by"], &asked["report_day"]), (&json!("maria@example.com"), &json!("2026-11-22")));
    assert_eq!(queue["items"][1]["asked"], Value::Null);
    assert_eq!(lena.get("queue?asked=true").await["total"], 1);
    let page = lena.get("queue?limit=1").await;
    let next = lena.get(&format!("queue?limit=1&cursor={}", page["next_cursor"].as_str().unwrap())).await;
    assert_eq!((&page["items"][0]["item_id"], &next["items"][0]["item_id"]), (order[0], order[1]));
    let history = &lena.get(&format!("alerts/{first}")).await["reviews"];
    let said: Vec<(&Value, &Value)> =
        history.as_array().unwrap().iter().map(|review| (&review["disposition"], &review["note"])).collect();
    assert!(said.contains(&(&json!("look_at_it"), &json!("again"))), "{history}");
    assert!(said.contains(&(&json!("explained"), &json!("a training"))), "{history}");

    let decision = json!({ "disposition": "no_issue", "revision": 0 });
    lena.good("POST", &format!("alerts/{first}/review"), decision, 200).await;
    let all = lena.get("queue?state=all").await;
    assert_eq!(all["items"][2]["item_id"], first.to_string(), "what is decided stands where it happened");
    assert_eq!(lena.get("queue?state=closed&asked=true").await["total"], 1);
}
