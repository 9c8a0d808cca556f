//! An analyst's work beyond one alert: alerts that belong together, many decided at once, a case that keeps its video and is
//! saved for strangers, a search that shows what is new.

use std::process::Command;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tillsight_schemas::{Clock as _, SystemClock};
use tillsight_tests::Shop;
use tillsight_tests::camera::{Camera, PLAIN, source};
use tillsight_tests::outside::{eventually, python, run};

use crate::http::Browser;
use crate::raise::raise;

const PASSWORD: &str = "correct horse battery";

/// The holds of cases that the recorder has taken in, each as it was last said.
fn held(shop: &Shop) -> Vec<Value> {
    let journal = std::fs::read_to_string(shop.data().join("recordings/holds.jsonl")).unwrap_or_default();
    let mut holds: Vec<Value> = Vec::new();
    for line in journal.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        holds.retain(|hold| hold["hold_id"] != line["hold_id"]);
        holds.push(line);
    }
    holds.retain(|hold| hold["owner"] == "case");
    holds
}

#[test]
fn an_analyst_groups_decides_builds_a_case_and_keeps_a_search() {
    let film = source("shop", PLAIN);
    let camera = Camera::start(&["--file", film.to_str().unwrap()]);
    let shop = Shop::with(&format!(
        "[[camera]]\nid = \"till-1\"\ntenant = \"demo\"\nstore = \"17\"\nurl = \"{}\"\n\
         [[zone]]\nid = \"till-1-customer\"\ntenant = \"demo\"\nstore = \"17\"\ncamera = \"till-1\"\nkind = \"customer\"\n\
         register = \"1\"\npolygon = [[0, 0], [1, 0], [1, 1]]\n",
        camera.url
    ));
    let person = |name: &str, stores: &str| {
        let add = ["user", "add", name, "--role", "analyst", "--stores", stores, "--password-stdin"];
        shop.tillsight_with(&add, &format!("{PASSWORD}\n"));
        let browser = Browser::new(&shop, name);
        assert_eq!(browser.sign_in(name, PASSWORD), 200);
        browser
    };
    let (lena, otto) = (person("lena", "17"), person("otto", "42"));
    let from: DateTime<Utc> = eventually("half a minute of the film is recorded", || {
        let (_, page) = lena.get("/api/v1/cameras");
        let at = |field: &str| page["items"][0][field].as_str().and_then(|at| at.parse::<DateTime<Utc>>().ok());
        match at("recorded_from").zip(at("recorded_to")) {
            Some((from, to)) if to - from > TimeDelta::seconds(10) => Ok(from),
            _ => Err(page.to_string()),
        }
    });

    // Two alerts of one operator over the same seconds are one item; what is older by minutes is not.
    let at = from + TimeDelta::seconds(4);
    let first = raise(&shop, 1, "17", "till-1", at, [&[], &[]]);
    let second = raise(&shop, 2, "17", "till-1", at + TimeDelta::seconds(2), [&[], &[]]);
    let mut many: Vec<String> = (0..30_u8)
        .map(|n| {
            raise(&shop, 100 + u128::from(n), "17", "till-1", at - TimeDelta::minutes(10 + i64::from(n)), [&[], &[]])
        })
        .collect();
    let (_, queue) = lena.get("/api/v1/queue");
    assert_eq!(queue["total"], 31, "{queue}");
    let members: Vec<&Value> =
        queue["items"][0]["members"].as_array().unwrap().iter().map(|m| &m["alert_id"]).collect();
    assert_eq!(members, [&json!(second), &json!(first)]);

    // Thirty decided in one request; the one that was amended meanwhile is left, and named.
    raise(&shop, 107, "17", "till-1", at - TimeDelta::minutes(17), [&[("revision", json!(1))], &[]]);
    let decisions: Vec<Value> = many.iter().map(|id| json!({ "alert_id": id, "revision": 0 })).collect();
    let body = json!({ "decisions": decisions, "disposition": "no_issue", "note": "training" });
    let (status, decided) = lena.post("/api/v1/alerts/review", &body);
    assert_eq!(status, 200, "{decided}");
    let left: Vec<&Value> =
        decided["items"].as_array().unwrap().iter().filter(|item| item["outcome"] != "decided").collect();
    assert_eq!((left.len(), &left[0]["alert_id"], &left[0]["outcome"]), (1, &json!(many.remove(7)), &json!("changed")));
    assert_eq!(lena.get("/api/v1/queue").1["total"], 2);
    let (_, detail) = lena.get(&format!("/api/v1/alerts/{first}"));
    assert_eq!((&detail["expected"]["decided"], &detail["expected"]["confirmed"]), (&json!(29), &json!(0)), "{detail}");

    // Given to herself, the alert is in her own list.
    let give = json!({ "alert_ids": [first, second], "assignee": "lena" });
    assert_eq!(lena.send("PUT", "/api/v1/alerts/assignee", &give).0, 200);
    assert_eq!(lena.get("/api/v1/queue?assignee=me&sort=value").1["total"], 1);

    // A case with an alert, a receipt and a note; its video is held by the recorder.
    let event = detail["transaction"]["event_id"].as_str().unwrap();
    let opening =
        json!({ "title": "Refunds at till 1", "alerts": [first], "receipts": [event], "note": "He was alone." });
    let (status, case) = lena.post("/api/v1/cases", &opening);
    assert_eq!(status, 201, "{case}");
    let path = format!("/api/v1/cases/{}", case["case_id"].as_str().unwrap());
    let (_, page) = lena.get(&format!("/api/v1/transactions/{event}"));
    assert_eq!(page["cases"][0]["case_id"], case["case_id"], "the page of the receipt names the case: {page}");
    let holds = eventually("the recorder holds the video of both", || {
        let holds = held(&shop);
        if holds.len() == 2 { Ok(holds) } else { Err(format!("{holds:?}")) }
    });
    assert!(holds.iter().all(|hold| hold["owner_id"] == "case:1" && hold["expires_at"].is_null()), "{holds:?}");
    assert_eq!(otto.get(&path).0, 404, "a colleague of another store does not see it");
    assert_eq!(otto.get("/api/v1/cases").1["total"], 0);

    // Saved, it can be checked by whoever has sha256sum, and its film plays.
    let folder = shop.data().join("saved");
    let zip = shop.data().join("case.zip");
    let mut curl = lena.curl(&format!("{path}/evidence"));
    assert_eq!(run(curl.args(["-w", "%{http_code}", "-o"]).arg(&zip), b"").trim(), "200");
    python(
        "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])",
        &[zip.to_str().unwrap(), folder.to_str().unwrap()],
    );
    let checked = run(Command::new("sha256sum").args(["--check", "SHA256SUMS"]).current_dir(&folder), b"");
    assert!(checked.lines().count() >= 12 && checked.lines().all(|line| line.ends_with(": OK")), "{checked}");
    for part in ["01-alert", "02-receipt"] {
        let clip = folder.join(part).join("camera-till-1.mp4");
        let mut probe = Command::new("ffprobe");
        probe.args(["-v", "error", "-select_streams", "v:0", "-show_entries", "stream=codec_name", "-of", "csv=p=0"]);
        assert_eq!(run(probe.arg(&clip), b"").trim(), "h264", "{part}");
    }
    let text = std::fs::read_to_string(folder.join("case.txt")).unwrap();
    assert!(text.contains("Case 1: Refunds at till 1") && text.contains("He was alone."), "{text}");

    // Who writes second must look again; what is taken out is not held any more.
    let edit = json!({ "revision": 0, "status": "confirmed", "loss_minor": 2599 });
    let (status, case) = lena.send("PATCH", &path, &edit);
    assert_eq!((status, &case["currency"]), (200, &json!("USD")), "{case}");
    assert_eq!(lena.send("PATCH", &path, &edit).0, 409);
    let item = case["items"][0]["item_id"].as_str().unwrap();
    assert_eq!(lena.send("DELETE", &format!("{path}/items/{item}"), &Value::Null).0, 200);
    eventually("the video of what was taken out is let go", || {
        let released = held(&shop).iter().filter(|hold| !hold["released_at"].is_null()).count();
        if released == 1 { Ok(()) } else { Err(format!("{released} released")) }
    });
    let (_, case) = lena.get(&path);
    let told: Vec<&str> =
        case["history"].as_array().unwrap().iter().filter_map(|entry| entry["what"].as_str()).collect();
    assert_eq!(told, ["removed", "status", "loss", "saved", "added", "added", "added", "opened"]);

    // A search that is kept shows what came after the last look.
    let kept = json!({ "name": "Alerts of 1042", "q": "is:alert op:1042", "shared": true });
    let (status, search) = lena.post("/api/v1/searches", &kept);
    assert_eq!(status, 201, "{search}");
    let hits = |count: u32, new: u32| {
        eventually("the search has its hits", || {
            let found = lena.get("/api/v1/searches").1["items"][0].clone();
            if (&found["count"], &found["new_count"]) == (&json!(count), &json!(new)) {
                Ok(())
            } else {
                Err(found.to_string())
            }
        });
    };
    hits(32, 32);
    let path = format!("/api/v1/searches/{}/seen", search["search_id"].as_str().unwrap());
    assert_eq!(lena.post(&path, &Value::Null).0, 204);
    hits(32, 0);
    raise(
        &shop,
        50,
        "17",
        "till-1",
        SystemClock.now() + TimeDelta::from_std(Duration::from_millis(1)).unwrap(),
        [&[], &[]],
    );
    hits(33, 1);
    let (_, ottos) = otto.get("/api/v1/searches");
    assert_eq!((&ottos["items"][0]["name"], &ottos["items"][0]["count"]), (&json!("Alerts of 1042"), &json!(0)));
    assert!(!shop.log().contains("panicked"), "{}", shop.log());
}
