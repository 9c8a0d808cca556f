//! The queue, cases and saved searches over HTTP, without a network: who may do what, and what becomes of it.

use axum::body::to_bytes;
use axum::http::StatusCode;
use serde_json::{Value, json};
use tillsight_schemas::id::StoreId;
use tokio::task::JoinSet;

use super::tests::{House, read, until};
use crate::db::{Role, TokenKind, User};

/// Somebody with a token.
pub(super) struct Worker<'a> {
    pub(super) house: &'a House,
    pub(super) bearer: String,
}

impl<'a> Worker<'a> {
    pub(super) async fn join(house: &'a House, name: &str, role: Role, stores: &[&str]) -> Self {
        let stores: Vec<StoreId> = stores.iter().map(|store| store.parse().unwrap()).collect();
        let user = User { name: name.into(), tenant: "acme".parse().unwrap(), role, stores };
        // Lena, Hanna and Mara are there already.
        house.shared.db.add_user(&user).await.ok();
        let token = house.shared.db.add_token(TokenKind::Person, name, &format!("{name}.test")).await.unwrap();
        Self { house, bearer: format!("Bearer {}", token.secret) }
    }

    pub(super) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let headers = [("authorization", self.bearer.as_str())];
        read(self.house.ask(method, &format!("/api/v1/{path}"), &headers, body).await).await
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.call("GET", path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    pub(super) async fn good(&self, method: &str, path: &str, body: Value, status: u16) -> Value {
        let (got, answer) = self.call(method, path, Some(body)).await;
        assert_eq!(got.as_u16(), status, "{method} {path}: {answer}");
        answer
    }

    pub(super) async fn bad(&self, method: &str, path: &str, body: Value, status: u16) -> String {
        let (got, answer) = self.call(method, path, Some(body)).await;
        assert_eq!(got.as_u16(), status, "{method} {path}: {answer}");
        answer["detail"].as_str().unwrap_or_default().to_owned()
    }
}

fn of<'a>(answer: &'a Value, field: &str) -> Vec<&'a Value> {
    answer["items"].as_array().unwrap().iter().map(|item| &item[field]).collect()
}

#[tokio::test]
async fn many_are_decided_at_once_and_those_that_changed_meanwhile_are_left() {
    let house = House::open().await;
    let lena = Worker::join(&house, "lena", Role::Analyst, &["17"]).await;
    let mut decisions = Vec::new();
    for number in 1..=4 {
        let id = house.raise(if number == 4 { "42" } else { "17" }, number, 0).await;
        decisions.push(json!({ "alert_id": id, "revision": 0 }));
    }
    house.raise("17", 2, 1).await;
    let body = json!({ "decisions": decisions, "disposition": "no_issue", "note": " a training till " });
    let answer = lena.good("POST", "alerts/review", body, 200).await;
    assert_eq!(of(&answer, "outcome"), ["decided", "changed", "decided", "unknown"]);
    assert!(answer["items"][1]["detail"].as_str().unwrap().contains("revision 1"), "{answer}");
    assert_eq!(answer["items"][0]["alert"]["disposition"], "no_issue");
    assert_eq!((&answer["items"][1]["alert"]["revision"], &answer["items"][3]["alert"]), (&json!(1), &Value::Null));
    let queue = lena.get("queue").await;
    assert_eq!((&queue["total"], queue["items"][0]["members"].as_array().unwrap().len()), (&json!(1), 1));
    let detail = lena.get(&format!("alerts/{}", decisions[0]["alert_id"].as_str().unwrap())).await;
    assert_eq!(detail["reviews"][0]["note"], "a training till");
    assert_eq!(detail["item"]["members"].as_array().unwrap().len(), 3, "the item has all of them: {detail}");
    assert_eq!((&detail["expected"]["decided"], &detail["expected"]["confirmed"]), (&json!(2), &json!(0)));
    // Taken back: those that were decided are open again, and the history says that they were decided.
    let undo = json!({ "decisions": [decisions[0], decisions[2]], "disposition": "reopened" });
    let undone = lena.good("POST", "alerts/review", undo, 200).await;
    assert_eq!(of(&undone, "outcome"), ["decided", "decided"]);
    assert_eq!(undone["items"][0]["alert"]["disposition"], Value::Null, "{undone}");
    let queue = lena.get("queue").await;
    assert_eq!(queue["items"][0]["members"].as_array().unwrap().len(), 3, "{queue}");
    let detail = lena.get(&format!("alerts/{}", decisions[0]["alert_id"].as_str().unwrap())).await;
    let said = detail["reviews"].as_array().unwrap().iter().map(|review| review["disposition"].as_str().unwrap());
    assert_eq!(said.collect::<Vec<_>>(), ["reopened", "no_issue"], "the last first");
    assert_eq!(detail["expected"]["decided"], 0);
    for bad in [json!([]), json!([decisions[0], decisions[0]]), json!(vec![decisions[0].clone(); 201])] {
        lena.bad("POST", "alerts/review", json!({ "decisions": bad, "disposition": "policy" }), 422).await;
    }
    let hanna = Worker::join(&house, "hanna", Role::HeadOffice, &[]).await;
    hanna.bad("POST", "alerts/review", json!({ "decisions": [decisions[0]], "disposition": "policy" }), 403).await;
    assert_eq!(hanna.get("queue?state=all").await["total"], 2, "head office may look");
}

#[tokio::test]
async fn an_alert_is_given_only_to_who_decides_about_it_and_everybody_hears_of_it() {
    let house = House::open().await;
    let lena = Worker::join(&house, "lena", Role::Analyst, &["17"]).await;
    let otto = Worker::join(&house, "otto", Role::Analyst, &["42"]).await;
    Worker::join(&house, "anna", Role::Admin, &[]).await;
    let alert = house.raise("17", 1, 0).await;
    let people = lena.get("people").await;
    assert_eq!(
        of(&people, "name"),
        ["anna", "ida", "lena", "tom"],
        "head office, managers without a store and store 42 are not there"
    );
    let give = |name: Value| json!({ "alert_ids": [alert], "assignee": name });
    for (name, why) in [("hanna", "head_office"), ("otto", "store 17"), ("nobody", "people")] {
        let detail = lena.bad("PUT", "alerts/assignee", give(json!(name)), 422).await;
        assert!(detail.contains(why), "{detail}");
    }
    let telling = house.live.clone();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { telling.now().hub.run(&telling).await });
    let headers = [("authorization", lena.bearer.as_str())];
    let mut live = house.ask("GET", "/api/v1/events", &headers, None).await.into_body().into_data_stream();
    until(&mut live, "hello").await;
    let given = lena.good("PUT", "alerts/assignee", give(json!("anna")), 200).await;
    assert_eq!(given["items"][0]["assignee"], "anna");
    assert!(until(&mut live, "\"assignee\":\"anna\"").await.contains(&alert));
    assert_eq!(lena.get("queue?assignee=me").await["total"], 0);
    assert_eq!(lena.get("queue?assignee=anna").await["items"][0]["assignee"], "anna");
    assert_eq!(
        otto.good("PUT", "alerts/assignee", json!({ "alert_ids": [alert], "assignee": null }), 200).await["items"],
        json!([])
    );
    lena.good("PUT", "alerts/assignee", give(Value::Null), 200).await;
    let detail = lena.get(&format!("alerts/{alert}")).await;
    let given: Vec<&Value> = detail["assignments"].as_array().unwrap().iter().map(|given| &given["assignee"]).collect();
    assert_eq!(given, [&Value::Null, &json!("anna")]);
    lena.bad("GET", "queue?cursor=x", Value::Null, 400).await;

    // A case is told as well, but only to those who see it.
    let headers = [("authorization", otto.bearer.as_str())];
    let mut ottos = house.ask("GET", "/api/v1/events", &headers, None).await.into_body().into_data_stream();
    until(&mut ottos, "hello").await;
    lena.good("POST", "cases", json!({ "title": "Till 1", "alerts": [alert] }), 201).await;
    until(&mut live, "event: case").await;
    house.raise("42", 2, 0).await;
    assert!(!until(&mut ottos, "event: alert").await.contains("event: case"));
    tasks.shutdown().await;
}

#[tokio::test]
async fn a_case_is_worked_on_by_those_who_see_all_its_stores() {
    let house = House::open().await;
    let lena = Worker::join(&house, "lena", Role::Analyst, &["17"]).await;
    let otto = Worker::join(&house, "otto", Role::Analyst, &["42"]).await;
    let anna = Worker::join(&house, "anna", Role::Admin, &[]).await;
    let mike = Worker::join(&house, "mike", Role::Manager, &["17"]).await;
    let (own, foreign) = (house.raise("17", 1, 0).await, house.raise("42", 2, 0).await);
    let event = uuid::Uuid::from_u128(1_000_001);
    let opening = json!({ "title": " Refunds ", "alerts": [own], "receipts": [event], "note": "seen twice" });
    let case = lena.good("POST", "cases", opening, 201).await;
    let path = format!("cases/{}", case["case_id"].as_str().unwrap());
    assert_eq!((&case["title"], &case["number"], &case["stores"]), (&json!("Refunds"), &json!(1), &json!(["17"])));
    let kinds: Vec<&Value> = case["items"].as_array().unwrap().iter().map(|item| &item["kind"]).collect();
    assert_eq!(kinds, ["alert", "receipt", "note"]);
    assert_eq!(case["items"][1]["receipt"]["event_id"], event.to_string());
    assert_eq!(lena.get(&format!("alerts/{own}")).await["cases"][0]["number"], 1);

    assert_eq!(otto.call("GET", &path, None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(otto.call("GET", &format!("{path}/evidence"), None).await.0, StatusCode::NOT_FOUND);
    otto.bad("POST", &format!("{path}/items"), json!({ "kind": "note", "text": "hello" }), 404).await;
    assert_eq!(mike.call("GET", "cases", None).await.0, StatusCode::FORBIDDEN, "a case may be about the manager");
    assert_eq!(mike.get(&format!("alerts/{own}")).await["cases"], json!([]));
    assert_eq!(of(&otto.get("cases").await, "number"), [] as [i64; 0]);

    let items = format!("{path}/items");
    assert!(lena.bad("POST", &items, json!({ "kind": "alert", "alert_id": own }), 409).await.contains("already"));
    lena.bad("POST", &items, json!({ "kind": "alert", "alert_id": foreign }), 404).await;
    lena.bad("POST", &items, json!({ "kind": "alert" }), 422).await;
    lena.bad("POST", &items, json!({ "kind": "note", "text": "  " }), 422).await;
    let clip = |from: &str, to: &str| json!({ "kind": "clip", "camera_id": "kiosk", "from_at": from, "to_at": to });
    lena.bad("POST", &items, clip("2026-11-22T15:00:00Z", "2026-11-22T14:00:00Z"), 422).await;
    lena.bad("POST", &items, clip("2026-11-22T15:00:00Z", "2026-11-22T19:01:00Z"), 422).await;
    lena.bad("POST", &items, clip("2026-11-22T15:59:00Z", "2026-11-22T16:01:00Z"), 422).await;
    let case = lena.good("POST", &items, clip("2026-11-22T15:00:00Z", "2026-11-22T15:01:00Z"), 201).await;
    assert_eq!((&case["clips"], &case["items"][3]["clip"]["play_url"]), (&json!(1), &Value::Null));
    assert!(case["items"][3]["clip"]["note"].as_str().unwrap().contains("kiosk"), "{case}");

    // Anna adds an alert of store 42: Lena does not see the case any more, even when it is taken out again.
    let case = anna.good("POST", &items, json!({ "kind": "alert", "alert_id": foreign }), 201).await;
    let added = case["items"].as_array().unwrap().last().unwrap()["item_id"].as_str().unwrap();
    anna.good("DELETE", &format!("{items}/{added}"), Value::Null, 200).await;
    assert_eq!(lena.call("GET", &path, None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(lena.get(&format!("alerts/{own}")).await["cases"], json!([]));
    anna.bad("PATCH", &path, json!({ "revision": 0, "owner": "lena" }), 422).await;
    anna.bad("PATCH", &path, json!({ "revision": 0, "ownr": "anna" }), 422).await;
    let edit =
        json!({ "revision": 0, "owner": "anna", "status": "resolved", "loss_minor": 2599, "recovered_minor": 0 });
    let case = anna.good("PATCH", &path, edit.clone(), 200).await;
    assert_eq!((&case["revision"], &case["owner"], &case["currency"]), (&json!(1), &json!("anna"), &json!("USD")));
    assert!(anna.bad("PATCH", &path, edit, 409).await.contains("revision 1"));
    let person = json!({ "role": "subject", "kind": "operator", "operator_id": "1042" });
    let case = anna.good("POST", &format!("{path}/people"), person, 201).await;
    let person = case["people"][0]["person_id"].as_str().unwrap();
    anna.bad("POST", &format!("{path}/people"), json!({ "role": "witness", "kind": "other" }), 422).await;
    assert_eq!(of(&anna.get("cases?q=1042&owner=me&status=resolved").await, "number"), [1]);
    assert_eq!(anna.get("cases?status=new").await["total"], 0);
    anna.good("DELETE", &format!("{path}/people/{person}"), Value::Null, 200).await;
}

#[tokio::test]
async fn a_case_is_saved_with_a_folder_for_each_item_after_its_audit_record() {
    let house = House::open().await;
    let lena = Worker::join(&house, "lena", Role::Analyst, &["17"]).await;
    let own = house.raise("17", 1, 0).await;
    let event = uuid::Uuid::from_u128(1_000_001);
    let opening = json!({ "title": "Refunds", "alerts": [own], "receipts": [event], "note": "seen twice" });
    let case = lena.good("POST", "cases", opening, 201).await;
    let path = format!("/api/v1/cases/{}/evidence", case["case_id"].as_str().unwrap());
    let answer = house.ask("GET", &path, &[("authorization", lena.bearer.as_str())], None).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let bytes = to_bytes(answer.into_body(), 1 << 24).await.unwrap();
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let names: Vec<String> = (0..zip.len()).map(|n| zip.by_index(n).unwrap().name().unwrap().into_owned()).collect();
    for name in ["01-alert/alert.json", "02-receipt/receipt-1.txt", "03-note/note.txt", "case.txt", "SHA256SUMS"] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    let alert: Value = serde_json::from_reader(zip.by_name("01-alert/alert.json").unwrap()).unwrap();
    assert_eq!(alert["cases"], json!([]), "who reads the folder does not learn what else is looked into");
    let sums = std::io::read_to_string(zip.by_name("SHA256SUMS").unwrap()).unwrap();
    assert_eq!(sums.lines().count(), names.len() - 1, "every file but the list itself");
    let text = std::io::read_to_string(zip.by_name("case.txt").unwrap()).unwrap();
    assert!(text.contains("Case 1: Refunds") && text.contains("seen twice") && text.contains("lena  opened"), "{text}");
    let history = &lena.get(&format!("cases/{}", case["case_id"].as_str().unwrap())).await["history"];
    assert_eq!(history[0]["what"], "saved", "{history}");
}

#[tokio::test]
async fn a_store_says_what_it_knows_and_decides_nothing() {
    let house = House::open().await;
    let lena = Worker::join(&house, "lena", Role::Analyst, &["17"]).await;
    let mike = Worker::join(&house, "mike", Role::Manager, &["17"]).await;
    let own = house.raise("17", 1, 0).await;
    let (said, decided) = (format!("alerts/{own}/said"), format!("alerts/{own}/review"));
    let asks = json!({ "disposition": "look_at_it", "note": "I was not there" });
    let alert = mike.good("POST", &said, asks, 200).await;
    assert_eq!(alert["disposition"], Value::Null, "it stays open");
    mike.good("POST", &said, json!({ "disposition": "confirmed" }), 422).await;
    mike.good("POST", &decided, json!({ "disposition": "no_issue", "revision": 0 }), 403).await;
    lena.good("POST", &decided, json!({ "disposition": "explained", "revision": 0 }), 422).await;
    let review = &lena.get(&format!("alerts/{own}")).await["reviews"][0];
    assert_eq!((&review["disposition"], &review["reviewer"]), (&json!("look_at_it"), &json!("mike")), "{review}");
    assert_eq!(lena.get("queue?asked=true").await["items"].as_array().unwrap().len(), 1, "loss prevention is told");
    mike.good("POST", &said, json!({ "disposition": "explained", "note": "found the receipt" }), 200).await;
    assert_eq!(lena.get("queue?asked=true").await["total"], 0, "who explains it asks no more");
    assert_eq!(lena.get(&format!("alerts/{own}")).await["reviews"].as_array().unwrap().len(), 2, "both are kept");
}

#[tokio::test]
async fn a_search_is_kept_shared_and_not_anybodys_to_change() {
    let house = House::open().await;
    let lena = Worker::join(&house, "lena", Role::Analyst, &["17"]).await;
    let otto = Worker::join(&house, "otto", Role::Analyst, &["42"]).await;
    let anna = Worker::join(&house, "anna", Role::Admin, &[]).await;
    let keep = |name: &str, q: &str, shared: bool| json!({ "name": name, "q": q, "shared": shared });
    let detail = lena.bad("POST", "searches", keep("x", "tipe:refund", false), 422).await;
    assert!(detail.contains("did you mean `type:`"), "{detail}");
    lena.bad("POST", "searches", keep(" ", "type:refund", false), 422).await;
    let kept = lena.good("POST", "searches", keep("Refunds", "type:refund on:2026-11-22", true), 201).await;
    assert_eq!((&kept["mine"], &kept["count"], &kept["new_count"]), (&json!(true), &json!(0), &json!(0)));
    assert!(lena.bad("POST", "searches", keep("Refunds", "type:void", false), 409).await.contains("another name"));
    let path = format!("searches/{}", kept["search_id"].as_str().unwrap());
    let ottos = otto.get("searches").await;
    assert_eq!((&ottos["items"][0]["owner"], &ottos["items"][0]["mine"]), (&json!("lena"), &json!(false)));
    otto.bad("PUT", &path, keep("Mine", "type:void", false), 403).await;
    otto.bad("DELETE", &path, Value::Null, 403).await;
    otto.good("POST", &format!("{path}/seen"), Value::Null, 204).await;
    let edited = lena.good("PUT", &path, keep("Refunds", "type:refund", false), 200).await;
    assert_eq!((&edited["shared"], &edited["q"]), (&json!(false), &json!("type:refund")));
    assert_eq!(otto.get("searches").await["items"], json!([]));
    assert_eq!(otto.call("POST", &format!("{path}/seen"), None).await.0, StatusCode::NOT_FOUND);
    lena.good("PUT", &path, keep("Refunds", "type:refund", true), 200).await;
    anna.good("DELETE", &path, Value::Null, 204).await;
    assert_eq!(lena.get("searches").await["items"], json!([]));
}

#[tokio::test]
async fn ten_of_a_store_s_day_are_in_the_queue_with_what_is_critical_and_the_rest_can_be_browsed() {
    let house = House::open().await;
    let lena = Worker::join(&house, "lena", Role::Analyst, &["17"]).await;
    for number in 1..=13 {
        house.raise_as("17", number, |alert, _| alert.operator_id = None).await;
    }
    let critical = |alert: &mut tillsight_schemas::alert::Alert| {
        (alert.operator_id, alert.severity) = (None, tillsight_schemas::alert::Severity::Critical);
    };
    house.raise_as("17", 14, |alert, _| critical(alert)).await;
    let queue = lena.get("queue").await;
    assert_eq!(queue["total"], 11, "{queue}");
    let head = &queue["items"][0]["head"];
    assert_eq!((&head["sent"], &head["sending"], &head["picked"]), (&json!(true), &json!("critical"), &Value::Null));
    let held = lena.get("queue?sent=held").await;
    assert_eq!((&held["total"], &held["items"][0]["head"]["sending"]), (&json!(3), &json!("budget")), "{held}");
    assert_eq!(held["items"][0]["head"]["sent"], false);
    assert_eq!(lena.get("queue?sent=all").await["total"], 14);
    assert_eq!(lena.get("queue?sent=shadow").await["total"], 0);
    assert_eq!(lena.call("GET", "queue?sent=some", None).await.0, StatusCode::BAD_REQUEST);
    let rules = lena.get("rules").await;
    assert!(of(&rules, "held_back_since").iter().all(|since| since.is_null()), "{rules}");
}

#[tokio::test]
async fn a_rule_is_put_on_trial_as_anything_is_said_otherwise() {
    let house = House::open().await;
    let ida = Worker::join(&house, "ida", Role::Admin, &[]).await;
    let trial = json!({
        "rule_id": "post_void", "shadow": true, "note": "new here", "until": "2026-12-22T00:00:00Z",
    });
    let said = ida.good("POST", "setup/adjustments", trial.clone(), 201).await;
    assert_eq!((&said["shadow"], &said["off"]), (&json!(true), &json!(false)), "{said}");
    let adjusted = house.shared.db.adjusted().await.unwrap();
    assert_eq!(adjusted[0].says, tillsight_correlate::rule::Says::Shadow);
    let mut both = trial;
    both["off"] = json!(true);
    assert!(ida.bad("POST", "setup/adjustments", both, 422).await.contains("say one thing"));
}
