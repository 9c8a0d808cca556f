//! Stores of five zones in the two nights in which their clocks are set, seen by somebody in a sixth zone: list, timeline,
//! export, report and SQL say the same second.

use std::collections::BTreeMap;
use std::process::Command;

use chrono::{DateTime, Datelike as _, NaiveDate, Offset as _, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};
use tillsight_schemas::alert::Alert;
use tillsight_schemas::{Clock as _, SystemClock, topic};
use tillsight_tests::Shop;
use tillsight_tests::camera::{Camera, PLAIN, source};
use tillsight_tests::outside::{becomes, cache, eventually, output, run};

use crate::http::{Browser, PASSWORD};
use crate::lake::send;
use crate::raise::raise;

/// A store in each; clocks of Lord Howe are set by half an hour.
const ZONES: [(&str, Tz); 5] = [
    ("chicago", Tz::America__Chicago),
    ("berlin", Tz::Europe__Berlin),
    ("howe", Tz::Australia__Lord_Howe),
    ("santiago", Tz::America__Santiago),
    ("jerusalem", Tz::Asia__Jerusalem),
];

/// One alert of the test.
struct Staged {
    id: String,
    store: &'static str,
    at: DateTime<Utc>,
    day: NaiveDate,
    /// Date and second as the clocks of the store show them.
    date: String,
    second: String,
}

/// The instants at which the clocks of a zone are set in a year.
fn changes(tz: Tz, year: i32) -> Vec<DateTime<Utc>> {
    let offset = |at: DateTime<Utc>| tz.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc();
    let start = Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).unwrap();
    let quarters = (0..365 * 96).map(|n| start + TimeDelta::minutes(15 * n));
    quarters.filter(|&at| offset(at) != offset(at - TimeDelta::minutes(15))).collect()
}

/// Alerts just before and after each change, and in the middle of the hour that comes twice, both times.
fn stage(shop: &Shop, year: i32) -> Vec<Staged> {
    let mut staged = Vec::new();
    for (store, tz) in ZONES {
        let changes = changes(tz, year);
        assert_eq!(changes.len(), 2, "{tz} in {year}: {changes:?}");
        for change in changes {
            for seconds in [-91, 13, -1_207, 607] {
                let at = change + TimeDelta::seconds(seconds);
                let local = at.with_timezone(&tz);
                let day = local.date_naive();
                let more = [("business_day", json!(day.to_string()))];
                let camera = format!("{store}-1");
                let id = raise(shop, staged.len() as u128 + 1, store, &camera, at, [&more, &[]]);
                let (date, second) = (day.to_string(), local.format("%H:%M:%S").to_string());
                staged.push(Staged { id, store, at, day, date, second });
            }
        }
    }
    staged
}

fn configuration(camera: &str) -> String {
    ZONES.iter().fold(String::new(), |text, (store, tz)| {
        text + &format!(
            "[[store]]\ntenant = \"demo\"\nid = \"{store}\"\nname = \"{store}\"\ntz = \"{tz}\"\ncurrency = \"USD\"\n\
             day_ends = \"00:00:00\"\n[[camera]]\ntenant = \"demo\"\nstore = \"{store}\"\nid = \"{store}-1\"\n\
             url = \"{camera}\"\n"
        )
    })
}

#[test]
fn nights_in_which_clocks_are_set_are_told_alike_everywhere_to_a_viewer_in_another_zone() {
    let film = source("shop", PLAIN);
    let camera = Camera::start(&["--file", film.to_str().unwrap()]);
    let shop = Shop::with(&configuration(&camera.url));
    shop.tillsight_with(&["user", "add", "lena", "--role", "analyst", "--password-stdin"], &format!("{PASSWORD}\n"));
    let staged = stage(&shop, SystemClock.now().year() - 1);
    let lena = Browser::new(&shop, "lena");
    assert_eq!(lena.sign_in("lena", PASSWORD), 200);
    eventually("every camera records", || {
        let (_, page) = lena.get("/api/v1/cameras");
        let recorded = page["items"].as_array().unwrap().iter().all(|camera| camera["recorded_from"].is_string());
        if recorded { Ok(()) } else { Err(page.to_string()) }
    });

    // The list and the timeline, in a browser in Kathmandu.
    let wanted: Vec<Value> = staged
        .iter()
        .map(|each| json!({ "id": each.id, "store": each.store, "camera": format!("{}-1", each.store), "at": each.at }))
        .collect();
    let script = shop.data().join("zones.mjs");
    std::fs::write(&script, include_str!("../browser/zones.mjs")).unwrap();
    let mut browser = Command::new("timeout");
    browser.args(["--kill-after=5", "240", "node"]).arg(&script);
    browser.args([&shop.url("/"), "lena", PASSWORD, &Value::Array(wanted).to_string()]);
    let said = run(browser.env("BROWSER_HOME", cache().join("browser")), b"");
    let shown: BTreeMap<(String, String), String> = said
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| [&line["step"], &line["id"], &line["text"]].map(|text| text.as_str().unwrap().to_owned()))
        .map(|[step, id, text]| ((step, id), text))
        .collect();

    // SQL, from the log.
    let alerts: Vec<(String, Alert)> = staged
        .iter()
        .map(|each| {
            let (_, detail) = lena.get(&format!("/api/v1/alerts/{}", each.id));
            (each.id.clone(), serde_json::from_value(detail["alert"].clone()).unwrap())
        })
        .collect();
    send(&shop, topic::ALERT, &alerts);
    let anna = shop.head_office("anna", "");
    let counted = staged.len().to_string();
    becomes("every alert in SQL", &counted, || shop.query(&anna, "select count(*) from lp.alerts"));
    let sql = shop.query(&anna, "select alert_id, event_time_local from lp.alerts");
    let sql: BTreeMap<&str, &str> = sql.lines().filter_map(|line| line.split_once('|')).collect();

    let mut reports: BTreeMap<(&str, NaiveDate), [String; 2]> = BTreeMap::new();
    for each in &staged {
        let report = reports.entry((each.store, each.day)).or_insert_with(|| {
            ["csv", "html"].map(|format| {
                let path = format!("/api/v1/reports/file?store={}&day={}&format={format}", each.store, each.day);
                String::from_utf8(output(&mut lena.curl(&path), b"").stdout).unwrap()
            })
        });
        let file = shop.data().join("evidence.zip");
        run(lena.curl(&format!("/api/v1/alerts/{}/evidence", each.id)).arg("-o").arg(&file), b"");
        let receipt = run(Command::new("unzip").arg("-p").arg(&file).arg("receipt-1.txt"), b"");
        let whole = format!("{} {}", each.date, each.second);
        let page = |step: &str| &shown[&(step.to_owned(), each.id.clone())];
        let [csv, html] = report;
        for (what, text, second) in [
            ("list", page("list").as_str(), &each.second),
            ("timeline", page("timeline"), &whole),
            ("export", &receipt, &whole),
            ("report as a table", csv, &whole),
            ("report as a page", html, &each.second),
            ("SQL", sql[each.id.as_str()], &whole),
        ] {
            assert!(text.contains(second.as_str()), "{what} of {} at {}: no {second} in {text}", each.store, each.at);
        }
    }
}
