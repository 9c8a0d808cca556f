//! Area `ui`: a shop with a recorded camera, a hundred thousand receipts and some alerts, in the hands of a scripted analyst
//! in Debian's Chromium (`tests/browser/measure.mjs`).

use std::process::Command;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tillsight_datasets::demo;
use tillsight_tests::Shop;
use tillsight_tests::camera::{Camera, PLAIN, source};
use tillsight_tests::outside::{cache, eventually, run};

use crate::raise::{raise, time};
use crate::sheet::{Bar, Row, Sheet, median, quantile};
use crate::shop;

const PASSWORD: &str = "correct horse battery";
/// Receipts in the list.
const RECEIPTS: usize = 100_000;
/// Alerts that are opened, of each kind.
const OPENED: u32 = 20;
/// Alerts, a second and a half apart.
const ALERTS: u32 = 72;

pub(crate) fn measure(sheet: &mut Sheet) {
    let film = source("bench-shop", &[&["-vf", "scale=1280:720"], PLAIN].concat());
    let camera = Camera::start(&["--file", film.to_str().unwrap()]);
    let shop = Shop::with(&format!(
        "[[camera]]\nid = \"till-1\"\ntenant = \"demo\"\nstore = \"17\"\nurl = \"{}\"\n",
        camera.url
    ));
    shop.tillsight_with(&["user", "add", "lena", "--role", "analyst", "--password-stdin"], &format!("{PASSWORD}\n"));
    let (_, lena) = shop.token(&["--http", "lena"]);
    let receipts = ring(&shop, &lena);
    stage(&shop, &lena);
    let script = shop.data().join("measure.mjs");
    std::fs::write(&script, include_str!("../browser/measure.mjs")).unwrap();
    let mut browser = Command::new("timeout");
    browser.args(["--kill-after=5", "900", "node"]).arg(&script);
    browser.args([&shop.url("/"), "lena", PASSWORD, &OPENED.to_string()]);
    let said = run(browser.env("BROWSER_HOME", cache().join("browser")), b"");
    let steps: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let step = |name: &str| steps.iter().find(|step| step["step"] == name).unwrap();
    let numbers = |value: &Value| -> Vec<f64> { value.as_array().unwrap().iter().filter_map(Value::as_f64).collect() };
    for (name, of, most, what) in [
        ("click_to_picture", "click", 700.0, "from a click in the list to the first right picture, 95 of 100"),
        ("next_to_picture", "next", 150.0, "the same by key to the next alert, which was loaded ahead, 95 of 100"),
        ("seek", "seek", 300.0, "from a seek within a clip to its picture, 95 of 100"),
        ("line_mark", "line", 250.0, "between a line's time and its mark on the receipt, 95 of 100"),
    ] {
        let samples = numbers(&step(of)["ms"]);
        sheet.row(&Row {
            name,
            what: what.to_owned(),
            value: quantile(&samples, 950),
            note: format!("median {:.0} ms of {}; 1280x720 at 15 pictures a second", median(&samples), samples.len()),
            samples,
            unit: "ms",
            bar: Some(Bar::AtMost(most)),
        });
    }
    let keyboard = step("keyboard");
    let hands = &keyboard["hands"];
    sheet.row(&Row {
        name: "thirty_by_keyboard",
        what: format!("{} alerts looked at and decided by keys alone", keyboard["decided"]),
        samples: vec![keyboard["seconds"].as_f64().unwrap()],
        value: keyboard["seconds"].as_f64().unwrap(),
        unit: "s",
        bar: Some(Bar::AtMost(300.0)),
        note: format!("{} keys; as fast as the pages allow, nobody reads", hands["keys"]),
    });
    sheet.row(&Row {
        name: "mouse_events",
        what: "of the mouse while they were decided".to_owned(),
        samples: vec![hands["mouse"].as_f64().unwrap()],
        value: hands["mouse"].as_f64().unwrap(),
        unit: "events",
        bar: Some(Bar::AtMost(0.0)),
        note: String::new(),
    });
    let scroll = step("scroll");
    let rates: Vec<f64> = numbers(&scroll["gaps"]).iter().skip(1).map(|gap| 1_000.0 / gap.max(1.0)).collect();
    let mean = 1_000.0 * f64::from(u32::try_from(rates.len()).unwrap()) / numbers(&scroll["gaps"]).iter().sum::<f64>();
    sheet.row(&Row {
        name: "scroll",
        what: format!("pictures a second while a list of {} is scrolled", scroll["total"]),
        samples: rates,
        value: mean,
        unit: "fps",
        bar: Some(Bar::AtLeast(50.0)),
        note: format!("{receipts} receipts indexed; the middle of the list was empty in {} pictures", scroll["empty"]),
    });
    let kib = step("first_load")["kib"].as_f64().unwrap();
    sheet.row(&Row {
        name: "first_load",
        what: "of the web app before somebody has signed in, brotli".to_owned(),
        samples: vec![kib],
        value: kib,
        unit: "KiB",
        bar: Some(Bar::AtMost(220.0)),
        note: "the build refuses more, and more than 60 KiB for the part of a page".to_owned(),
    });
}

/// Rings until there are so many receipts, and waits until they are found.
fn ring(shop: &Shop, lena: &str) -> usize {
    let panel = shop::panel();
    let mut rung = 0;
    'ringing: for ago in 1.. {
        for plan in &demo::stores().unwrap() {
            let day = shop::days_ago(&panel, plan, ago);
            let lines: Vec<String> = day
                .iter()
                .map(|posted| format!("demo/{}|{}", plan.store.id, serde_json::to_string(&posted.transaction).unwrap()))
                .collect();
            shop.kcat_produce("lp.pos.in.kiosk", &lines);
            rung += lines.len();
            if rung >= RECEIPTS {
                break 'ringing;
            }
        }
    }
    let mut last = 0;
    loop {
        let (_, said) = shop.get("/api/v1/search?q=&limit=1", Some(lena));
        let found: Value = serde_json::from_str(&said).unwrap_or_default();
        let total = found["total"].as_u64().unwrap_or_default();
        if usize::try_from(total).unwrap() >= RECEIPTS {
            return rung;
        }
        // It goes on, or it is a defect.
        last = eventually("more is found", || {
            let (_, said) = shop.get("/api/v1/search?q=&limit=1", Some(lena));
            let found: Value = serde_json::from_str(&said).unwrap_or_default();
            let total = found["total"].as_u64().unwrap_or_default();
            if total > last { Ok(total) } else { Err(format!("{total} of {rung}")) }
        });
    }
}

/// Alerts over what the camera has recorded, each with a receipt of five lines.
fn stage(shop: &Shop, lena: &str) {
    let needed = TimeDelta::milliseconds(1_500 * i64::from(ALERTS)) + TimeDelta::seconds(30);
    let span = |shop: &Shop| -> Option<[DateTime<Utc>; 2]> {
        let (_, page) = shop.get("/api/v1/cameras", Some(lena));
        let page: Value = serde_json::from_str(&page).ok()?;
        let camera = &page["items"][0];
        let at = |name: &str| camera[name].as_str()?.parse().ok();
        Some([at("recorded_from")?, at("recorded_to")?])
    };
    let mut known = TimeDelta::zero();
    let from = loop {
        let [from, to] = eventually("the recording grows", || match span(shop) {
            Some([from, to]) if to - from > known => Ok([from, to]),
            other => Err(format!("{other:?}")),
        });
        known = to - from;
        if known >= needed {
            break from;
        }
    };
    for number in 0..ALERTS {
        let at = from + TimeDelta::seconds(12) + TimeDelta::milliseconds(1_500 * i64::from(number));
        let line = |n: i64| {
            json!({
                "line_no": n, "action": "SALE", "entry": "SCANNED", "description": format!("ITEM {n}"), "qty_milli": 1000,
                "uom": "EA", "unit_price_minor": 100 * n, "extended_minor": 100 * n,
                "line_time_raw": time(at - TimeDelta::milliseconds(1_100 * (6 - n))),
            })
        };
        let lines = Value::Array((1..=5).map(line).collect());
        let operator = json!(format!("{}", 2_000 + number));
        let evidence = json!([{
            "camera_id": "till-1", "from_at": time(at - TimeDelta::seconds(10)), "event_at": time(at),
            "to_at": time(at + TimeDelta::seconds(10)), "note": null,
        }]);
        let of_alert = [("operator_id", operator.clone()), ("evidence", evidence)];
        let id = u128::from(number) + 1;
        raise(shop, id, "17", "till-1", at, [&of_alert, &[("lines", lines), ("operator_id", operator)]]);
    }
}
