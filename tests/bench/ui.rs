//! Area `ui`: a shop with a recorded camera, a hundred thousand receipts and some alerts, in the hands of a scripted
//! analyst in Debian's Chromium (`tests/browser/measure.mjs`).

use std::process::Command;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tillsight_datasets::demo;
use tillsight_tests::Shop;
use tillsight_tests::camera::{Camera, PLAIN, source};
use tillsight_tests::outside::{DEADLINE, cache, eventually, run};

use crate::raise::{raise, time};
use crate::sheet::{Bar, Row, Sheet, median, quantile};
use crate::{machine, shop};

const PASSWORD: &str = "correct horse battery";
/// Receipts in the list.
const RECEIPTS: usize = 100_000;
/// Receipts that go to the broker at once.
const AT_ONCE: usize = 20_000;
/// Times that something is done.
const TIMES: u32 = 30;
/// Alerts, one a second; their videos are of the twenty seconds around them.
const ALERTS: u32 = 2 * TIMES;
/// How long the rules and the archive may take for what was rung and is found already.
const PATIENCE: Duration = Duration::from_secs(240);

pub(crate) fn measure(sheet: &mut Sheet) {
    let film = source("bench-shop", &[&["-vf", "scale=1280:720"], PLAIN].concat());
    let camera = Camera::start(&["--file", film.to_str().unwrap()]);
    let shop = Shop::with(&format!(
        "[[camera]]\nid = \"till-1\"\ntenant = \"demo\"\nstore = \"17\"\nname = \"Till 1\"\nurl = \"{}\"\n",
        camera.url
    ));
    shop.tillsight_with(&["user", "add", "lena", "--role", "analyst", "--password-stdin"], &format!("{PASSWORD}\n"));
    let (_, lena) = shop.token(&["--http", "lena"]);
    ring(&shop, &lena);
    let alerts = stage(&shop, &lena);
    rest(&shop);
    let script = shop.data().join("measure.mjs");
    std::fs::write(&script, include_str!("../browser/measure.mjs")).unwrap();
    let mut browser = Command::new("timeout");
    browser.args(["--kill-after=5", "600", "node"]).arg(&script);
    browser.args([&shop.url("/"), "lena", PASSWORD, &alerts.join(","), &TIMES.to_string()]);
    let said = run(browser.env("BROWSER_HOME", cache().join("browser")), b"");
    let steps: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    report(sheet, &steps);
    drop(camera);
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|each| each.as_f64().unwrap()).collect()
}

fn report(sheet: &mut Sheet, steps: &[Value]) {
    let step = |name: &str| steps.iter().find(|step| step["step"] == name).unwrap();
    for (name, of, most, what) in [
        ("click_to_picture", "click", 700.0, "from a click in the list to the first right picture of the video"),
        ("next_to_picture", "next", 150.0, "the same by key to the next, decoded ahead (its second drawing counts)"),
        ("seek", "seek", 300.0, "from a click on the timeline to the picture of that instant"),
    ] {
        let (samples, parts) = (numbers(&step(of)["ms"]), &step(of)["parts"]);
        let (size, moves) = (numbers(&step(of)["size"]), numbers(&step(of)["moves"]));
        // Where the time went, in the median.
        let parts: Vec<String> = [("video", "in the page"), ("loadedmetadata", "described"), ("seeked", "decoded")]
            .iter()
            .filter_map(|(part, word)| parts[part].as_i64().map(|ms| format!("{word} after {ms} ms")))
            .collect();
        sheet.row(&Row {
            name,
            what: format!("{what}, 95 of 100"),
            value: quantile(&samples, 950),
            note: format!(
                "median {:.0} ms of {}; H.264 {}x{}, 15 pictures a second, decoded without a GPU beside the server; \
                 video {}; it moves after {:.0} ms",
                median(&samples),
                samples.len(),
                size[0],
                size[1],
                parts.join(", "),
                median(&moves)
            ),
            samples,
            unit: "ms",
            bar: Some(Bar::AtMost(most)),
        });
    }
    let marks = numbers(&step("line")["ms"]);
    assert_eq!(step("line")["missing"], 0, "every line of a receipt is marked when its time comes");
    sheet.row(&Row {
        name: "line_mark",
        what: "between a line's time and that of the picture with its mark, 95 of 100".to_owned(),
        value: quantile(&marks, 950),
        note: format!("median {:.0} ms of {} lines; the video plays at its own speed", median(&marks), marks.len()),
        samples: marks,
        unit: "ms",
        bar: Some(Bar::AtMost(250.0)),
    });
    keyboard(sheet, step("keyboard"));
    scroll(sheet, step("scroll"));
    let (first, chunks) = (numbers(&step("weight")["first"]), numbers(&step("weight")["chunks"]));
    sheet.row(&Row {
        name: "first_load",
        what: format!("of the web app until the list stands, as it came over the network, {} files", first.len()),
        value: first.iter().sum(),
        samples: first,
        unit: "KiB",
        bar: Some(Bar::AtMost(220.0)),
        note: "brotli; answers of the API are not in it".to_owned(),
    });
    sheet.row(&Row {
        name: "largest_chunk",
        what: format!("of the {} files that other pages load", chunks.len()),
        value: quantile(&chunks, 1_000),
        samples: chunks,
        unit: "KiB",
        bar: Some(Bar::AtMost(60.0)),
        note: "brotli; the build refuses a larger one, also of the pages that were not opened here".to_owned(),
    });
}

fn keyboard(sheet: &mut Sheet, step: &Value) {
    assert_eq!(step["decided"], 30, "{step}");
    let seconds = step["seconds"].as_f64().unwrap();
    let samples = numbers(&step["ms"]);
    sheet.row(&Row {
        name: "thirty_by_keyboard",
        what: "thirty alerts looked at twice, some with a note, one taken back, decided by keys alone".to_owned(),
        samples: vec![seconds],
        value: seconds,
        unit: "s",
        bar: Some(Bar::AtMost(300.0)),
        note: format!("{} keys; each picture is waited for, but nobody thinks", step["hands"]["keys"]),
    });
    let mouse = step["hands"]["mouse"].as_f64().unwrap();
    sheet.row(&Row {
        name: "mouse_events",
        what: "of mouse, wheel and touch meanwhile".to_owned(),
        samples: vec![mouse],
        value: mouse,
        unit: "events",
        bar: Some(Bar::AtMost(0.0)),
        note: String::new(),
    });
    sheet.row(&Row {
        name: "decision_to_picture",
        what: "from the key of a decision to the first right picture of the next alert, 95 of 100".to_owned(),
        value: quantile(&samples, 950),
        note: format!(
            "median {:.0} ms; the decision is kept in between, and nobody waited for the next to be loaded ahead",
            median(&samples)
        ),
        samples,
        unit: "ms",
        bar: None,
    });
}

fn scroll(sheet: &mut Sheet, step: &Value) {
    let (gaps, rates) = (numbers(&step["gaps"]), numbers(&step["rates"]));
    let total = step["total"].as_u64().unwrap();
    assert!(usize::try_from(total).unwrap() >= RECEIPTS, "the list has {total} rows");
    let pictures = f64::from(u32::try_from(gaps.len()).unwrap());
    sheet.row(&Row {
        name: "scroll",
        what: format!("drawings a second while a list of {total} is scrolled, also to places far off"),
        samples: rates,
        value: pictures * 1_000.0 / gaps.iter().sum::<f64>(),
        unit: "fps",
        bar: Some(Bar::AtLeast(50.0)),
        note: format!(
            "drawn in software; 95 of 100 within {:.0} ms of the one before; in {:.0} % of them the row in the middle \
             was not fetched yet",
            quantile(&gaps, 950),
            step["cold"].as_f64().unwrap() * 100.0 / pictures
        ),
    });
}

/// Rings until there are so many receipts, and waits until they are found.
fn ring(shop: &Shop, lena: &str) {
    let panel = shop::panel();
    let plans = demo::stores().unwrap();
    let (mut rung, mut ago, mut waiting) = (0, 0, Vec::new());
    while rung < RECEIPTS {
        ago += 1;
        for plan in &plans {
            waiting.extend(shop::days_ago(&panel, plan, ago).iter().map(|posted| {
                format!("demo/{}|{}", plan.store.id, serde_json::to_string(&posted.transaction).unwrap())
            }));
        }
        if waiting.len() >= AT_ONCE || rung + waiting.len() >= RECEIPTS {
            shop.kcat_produce("lp.pos.in.kiosk", &waiting);
            rung += waiting.len();
            waiting.clear();
        }
    }
    let (mut last, mut grew) = (0, Instant::now());
    loop {
        let (status, said) = shop.get("/api/v1/search?q=&limit=1", Some(lena));
        let found: Value = serde_json::from_str(&said).unwrap_or_default();
        let total = usize::try_from(found["total"].as_u64().unwrap_or_default()).unwrap();
        if total >= RECEIPTS {
            return;
        }
        if total > last {
            (last, grew) = (total, Instant::now());
        }
        assert!(grew.elapsed() < DEADLINE, "{total} of {rung} receipts are found ({status}), and no more come");
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Alerts over what the camera has recorded, each with a receipt of five lines; their ids, newest first.
fn stage(shop: &Shop, lena: &str) -> Vec<String> {
    let needed = TimeDelta::seconds(i64::from(ALERTS) + 30);
    let span = || -> Option<[DateTime<Utc>; 2]> {
        let (_, page) = shop.get("/api/v1/cameras", Some(lena));
        let page: Value = serde_json::from_str(&page).ok()?;
        let at = |name: &str| page["items"][0][name].as_str()?.parse().ok();
        Some([at("recorded_from")?, at("recorded_to")?])
    };
    let mut known = TimeDelta::zero();
    let from = loop {
        let [from, to] = eventually("the recording grows", || match span() {
            Some([from, to]) if to - from > known => Ok([from, to]),
            other => Err(format!("{other:?}")),
        });
        known = to - from;
        if known >= needed {
            break from;
        }
    };
    let mut ids: Vec<String> = (0..ALERTS)
        .map(|number| {
            let at = from + TimeDelta::seconds(12 + i64::from(number));
            let line = |n: i64| {
                json!({
                    "line_no": n, "action": "SALE", "entry": "SCANNED", "description": format!("ITEM {n}"),
                    "qty_milli": 1000, "uom": "EA", "unit_price_minor": 100 * n, "extended_minor": 100 * n,
                    "line_time_raw": time(at - TimeDelta::milliseconds(1_100 * (6 - n))),
                })
            };
            let operator = json!(format!("{}", 2_000 + number));
            let evidence = json!([{
                "camera_id": "till-1", "from_at": time(at - TimeDelta::seconds(10)), "event_at": time(at),
                "to_at": time(at + TimeDelta::seconds(10)), "note": null,
            }]);
            let of_alert = [("operator_id", operator.clone()), ("evidence", evidence)];
            let of_receipt = [("lines", Value::Array((1..=5).map(line).collect())), ("operator_id", operator)];
            raise(shop, u128::from(number) + 1, "17", "till-1", at, [&of_alert, &of_receipt])
        })
        .collect();
    ids.reverse();
    ids
}

/// Waits until the shop has worked off what was rung: rules, archive and index rest, and only the camera is left.
fn rest(shop: &Shop) {
    let used = || -> f64 {
        let roles = ["broker", "recorder", "analytics", "correlate", "sql", "api"];
        roles.iter().filter_map(|role| shop.pid_of(role)).map(machine::processor_seconds_of).sum()
    };
    let (mut before, deadline) = (used(), Instant::now() + PATIENCE);
    loop {
        std::thread::sleep(Duration::from_secs(2));
        let now = used();
        if now - before < 0.6 {
            return;
        }
        let took = now - before;
        assert!(Instant::now() < deadline, "the shop still takes {took:.1} s of processor in two after {PATIENCE:?}");
        before = now;
    }
}
