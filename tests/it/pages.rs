//! Every page of the web app in a real browser, as each of its people sees it: at a desk and on a phone, in light and dark,
//! with what a shop holds after a day, and empty. None has a barrier (axe), an error, a refused request, text that is cut
//! in a button, or is wider than a phone. `TILLSIGHT_SCREENSHOTS=folder` keeps the pictures, for people to look at.

use std::process::Command;

use chrono::{DateTime, NaiveDate, TimeDelta, TimeZone as _, Utc};
use chrono_tz::America::Chicago;
use serde_json::{Value, json};
use tillsight_datasets::cameras::Cameras;
use tillsight_schemas::review::Disposition;
use tillsight_schemas::{Clock as _, SystemClock};
use tillsight_tests::Shop;
use tillsight_tests::outside::{cache, eventually, run};

use crate::film;
use crate::http::{Browser, PASSWORD};
use crate::raise::{link, raise};

/// A record of a till.
fn record(register: &str, number: i64, kind: &str, at: DateTime<Utc>, more: &Value) -> Value {
    let time = at.format("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string();
    let mut record = json!({
        "store_id": "17", "register_id": register, "kind": kind, "sequence_no": number, "event_time_raw": time,
        "operator_id": if number % 3 == 0 { "1077" } else { "1042" }, "currency": "USD",
        "receipt_no": format!("17-{register}-{number:04}"), "source": { "adapter": "json" },
    });
    for (field, value) in more.as_object().unwrap() {
        record[field] = value.clone();
    }
    record
}

/// What a sale is of.
fn sold(what: &str, price: i64, regular: i64) -> Value {
    json!({
        "total_minor": price,
        "lines": [{
            "line_no": 1, "action": "SALE", "entry": "SCANNED", "description": what, "qty_milli": 1000, "uom": "EA",
            "unit_price_minor": price, "regular_price_minor": regular, "extended_minor": price,
            "price_override": (price < regular).then(|| json!({ "reason": "PRICE MATCH" })),
        }],
        "tenders": [{ "tender_no": 1, "tender_type": "CASH", "amount_minor": price, "direction": "IN" }],
    })
}

/// What tills sent: a day of sales yesterday, some now, one that fires, one that nobody could see, one that is refused.
fn ring(shop: &Shop, day: NaiveDate) {
    let (_, till) = shop.token(&["--integrator", "kiosk"]);
    let now = SystemClock.now();
    let goods = ["WHISKY SINGLE MALT 12 YEARS 0.7 L", "BREAD", "2% MILK 1 GAL", "HEADPHONES"];
    let mut records: Vec<Value> = (0..40)
        .map(|n| {
            let minute = u32::try_from(9 * 60 + n * 17).unwrap();
            let local = Chicago.from_local_datetime(&day.and_hms_opt(minute / 60, minute % 60, 0).unwrap());
            let at = local.earliest().unwrap().with_timezone(&Utc);
            let price = 499 + 100 * (n % 7);
            let what = goods[usize::try_from(n).unwrap() % goods.len()];
            record(if n % 4 == 3 { "2" } else { "1" }, n + 1, "SALE", at, &sold(what, price, price))
        })
        .collect();
    records.extend((51..54).map(|n| record("1", n, "SALE", now, &sold("BREAD", 400, 400))));
    records.push(record("2", 61, "SALE", now, &sold("BREAD", 400, 400)));
    records.push(record("1", 55, "SALE", now, &sold("WHISKY SINGLE MALT 12 YEARS 0.7 L", 2000, 4000)));
    records.push(record("2", 62, "NO_SALE", now, &json!({})));
    for each in records {
        let (status, said) = shop.post("/api/v1/pos/transactions", Some(&till), &each);
        assert_eq!(status, 202, "{said}");
    }
    let wrong = record("1", 90, "SALE", now, &json!({ "currency": "dollars", "lines": "none" }));
    assert_eq!(shop.post("/api/v1/pos/transactions", Some(&till), &wrong).0, 422);
}

/// Alerts as the rules would have raised them, and what an analyst has made of some; what the browser is told of it.
fn work(shop: &Shop, lena: &Browser<'_>, seen: DateTime<Utc>, day: NaiveDate) -> Value {
    let yesterday = [("business_day", json!(day.to_string()))];
    let noon = Chicago.from_local_datetime(&day.and_hms_opt(12, 0, 0).unwrap()).earliest().unwrap().with_timezone(&Utc);
    let alert = raise(shop, 1, "17", "kiosk", seen, [&[], &[]]);
    let other = [("operator_id", json!("1077")), ("severity", json!("low"))];
    let member = raise(shop, 2, "17", "kiosk", seen + TimeDelta::seconds(9), [&other, &other[..1]]);
    let long = [
        &other[..1],
        &[
            ("rule_id", json!("price_override_deep")),
            ("title", json!("Price set by hand to half of what is on the shelf, twice within ten minutes")),
            ("severity", json!("medium")),
            ("amount_minor", json!(1_234_567)),
        ],
    ]
    .concat();
    raise(shop, 3, "17", "kiosk", seen + TimeDelta::seconds(10), [&long, &other[..1]]);
    let unseen = raise(shop, 4, "42", "none", seen, [&[("evidence", json!([])), ("seen", json!([]))], &[]]);
    for n in 0..6_u8 {
        let at = noon + TimeDelta::minutes(47 * i64::from(n));
        raise(shop, 10 + u128::from(n), "17", "kiosk", at, [&yesterday, &[]]);
    }
    let decided = raise(shop, 20, "17", "kiosk", noon - TimeDelta::minutes(55), [&yesterday, &[]]);
    let decision = json!({
        "decisions": [{ "alert_id": decided, "revision": 0 }], "disposition": "confirmed",
        "note": "The customer had left a minute before; the drawer was opened twice.",
    });
    assert_eq!(lena.post("/api/v1/alerts/review", &decision).0, 200);
    let give = json!({ "alert_ids": [unseen], "assignee": "lena" });
    assert_eq!(lena.send("PUT", "/api/v1/alerts/assignee", &give).0, 200);
    let (_, detail) = lena.get(&format!("/api/v1/alerts/{alert}"));
    let receipt = &detail["transaction"]["event_id"];
    let opening = json!({
        "title": "Refunds at the kiosk while nobody stands there, three evenings in a row", "alerts": [alert],
        "receipts": [receipt], "note": "He was alone. The second refund has the same receipt number.",
    });
    let (status, case) = lena.post("/api/v1/cases", &opening);
    assert_eq!(status, 201, "{case}");
    let folder = &case["case_id"];
    let edit = json!({ "revision": 0, "status": "confirmed", "loss_minor": 2599 });
    assert_eq!(lena.send("PATCH", &format!("/api/v1/cases/{}", folder.as_str().unwrap()), &edit).0, 200);
    assert_eq!(lena.post("/api/v1/cases", &json!({ "title": "Whisky" })).0, 201);
    let search = json!({ "name": "Alerts of 1042", "q": "is:alert op:1042", "shared": true });
    assert_eq!(lena.post("/api/v1/searches", &search).0, 201);
    let unrecorded = eventually("a sale of yesterday is found", || {
        let (_, page) = lena.get("/api/v1/search?q=whisky");
        let hit = page["items"].as_array().and_then(|hits| hits.iter().find(|hit| hit["kind"] == "receipt"));
        hit.map(|hit| hit["event_id"].clone()).ok_or_else(|| page.to_string())
    });
    json!({
        "alert": alert, "member": member, "unseen": unseen, "receipt": receipt, "unrecorded": unrecorded,
        "folder": folder, "day": day.to_string(), "at": seen, "links": links(shop, &alert),
    })
}

/// The one-time links of a mail: what each will do, two whose button is pressed by the browser, one that was used.
fn links(shop: &Shop, alert: &str) -> Value {
    let of = |action| link(shop, "maria@example.com", alert, action);
    let used = of(Disposition::LookAtIt);
    let pressed = run(Command::new("curl").args(["-s", "--data", "note="]).arg(shop.url(&format!("/r/{used}"))), b"");
    assert!(pressed.contains("Noted"), "{pressed}");
    json!({
        "explained": of(Disposition::Explained), "look_at_it": of(Disposition::LookAtIt), "used": used,
        "desk": of(Disposition::Explained), "phone": of(Disposition::LookAtIt),
    })
}

/// The addresses of the web app's pages, as its router has them.
fn routes() -> Vec<String> {
    let router = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../ui/src/router.tsx")).unwrap();
    let paths = router.split("path: \"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(path, _)| path);
    // What is under another page says only what comes after it.
    paths.map(|path| if path.starts_with('/') { path.to_owned() } else { format!("/alerts/{path}") }).collect()
}

fn is_at(path: &str, route: &str) -> bool {
    let parts = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
    let (path, route) = (parts(path), parts(route));
    path.len() == route.len() && path.iter().zip(&route).all(|(part, of)| of.starts_with('$') || part == of)
}

#[test]
fn every_page_is_whole_for_each_of_its_people_on_a_desk_and_a_phone_in_light_and_dark() {
    let folder = tempfile::tempdir().unwrap();
    let films = film::short(folder.path());
    let cameras =
        Cameras::start(&[film::setup("kiosk", &films.kiosk, film::SIZE, folder.path())], folder.path()).unwrap();
    let zone = serde_json::to_string(&films.labels.zone).unwrap();
    let shop = Shop::with(&format!(
        "[[camera]]\nid = \"kiosk\"\ntenant = \"demo\"\nstore = \"17\"\nname = \"Kiosk 1\"\nurl = \"{}\"\n\
         [[camera]]\nid = \"door\"\ntenant = \"demo\"\nstore = \"17\"\nname = \"Entrance and car park, left side\"\n\
         url = \"rtsp://127.0.0.1:9/none\"\n\
         [[zone]]\nid = \"kiosk-customer\"\ntenant = \"demo\"\nstore = \"17\"\ncamera = \"kiosk\"\nkind = \"customer\"\n\
         register = \"1\"\npolygon = {zone}\n",
        cameras.address("kiosk").unwrap().url
    ));
    for [name, role, stores] in
        [["lena", "analyst", ""], ["maria", "manager", "17"], ["ida", "admin", ""], ["hana", "head_office", ""]]
    {
        let mut add = vec!["user", "add", name, "--tenant", "demo", "--role", role, "--password-stdin"];
        if !stores.is_empty() {
            add.extend(["--stores", stores]);
        }
        shop.tillsight_with(&add, &format!("{PASSWORD}\n"));
    }
    let lena = Browser::new(&shop, "lena");
    assert_eq!(lena.sign_in("lena", PASSWORD), 200);
    let day = SystemClock.now().with_timezone(&Chicago).date_naive().pred_opt().unwrap();
    ring(&shop, day);
    let seen = eventually("the kiosk's camera has recorded a while", || {
        let (_, page) = lena.get("/api/v1/cameras");
        let items = page["items"].as_array().cloned().unwrap_or_default();
        let kiosk = items.iter().find(|camera| camera["id"] == "kiosk").unwrap_or(&Value::Null).clone();
        let at = |field: &str| kiosk[field].as_str().and_then(|at| at.parse::<DateTime<Utc>>().ok());
        match at("recorded_from").zip(at("recorded_to")) {
            Some((from, to)) if to - from > TimeDelta::seconds(20) => Ok(from + TimeDelta::seconds(6)),
            _ => Err(page.to_string()),
        }
    });
    let there = work(&shop, &lena, seen, day);
    eventually("the day is in the report, and what nobody could see among the blind spots", || {
        let (_, report) = lena.get(&format!("/api/v1/reports?store=17&day={day}"));
        let (_, blind) = lena.get("/api/v1/blindspots");
        let ready = report["totals"]["sales"] == 40 && blind["items"].as_array().is_some_and(|items| !items.is_empty());
        if ready { Ok(()) } else { Err(format!("{} {blind}", report["totals"])) }
    });
    // Reasons are counted, each blind spot under its own.
    let (_, blind) = lena.get("/api/v1/blindspots?limit=200");
    assert_eq!(blind["next_cursor"], Value::Null);
    let key = |one: &Value| ["store_id", "rule_id", "why"].map(|name| one[name].as_str().unwrap().to_owned());
    let mut counted = std::collections::BTreeMap::new();
    for spot in blind["items"].as_array().unwrap() {
        *counted.entry(key(spot)).or_insert(0) += 1;
    }
    let reasons = blind["reasons"].as_array().unwrap().iter().map(|one| (key(one), one["count"].as_i64().unwrap()));
    assert_eq!(reasons.collect::<std::collections::BTreeMap<_, _>>(), counted);

    let script = folder.path().join("pages.mjs");
    std::fs::write(&script, include_str!("../browser/pages.mjs")).unwrap();
    let mut browser = Command::new("timeout");
    browser.args(["--kill-after=5", "600", "node"]).arg(&script);
    browser.args([&shop.url("/"), PASSWORD, &there.to_string()]);
    let said = run(browser.env("BROWSER_HOME", cache().join("browser")), b"");
    let looks: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (done, looks) = looks.split_last().unwrap();
    assert_eq!(done["done"], json!(looks.len()), "{said}");
    let wrong: Vec<&Value> = looks.iter().filter(|look| look["wrong"] != json!([])).collect();
    assert!(wrong.is_empty(), "{}", serde_json::to_string_pretty(&wrong).unwrap());
    // A page that is new is looked at too. Those that only lead to another one have no address of their own.
    let leads = ["/", "/queue", "/setup"];
    for route in routes().iter().filter(|route| !leads.contains(&route.as_str())) {
        let looked = looks.iter().filter_map(|look| look["path"].as_str()).any(|path| is_at(path, route));
        assert!(looked, "{route} of ui/src/router.tsx is in no line of tests/browser/pages.mjs");
    }
    drop(cameras);
}
