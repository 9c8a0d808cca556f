//! Setting up on the pages' side of a running shop: a camera is tried, added, recorded and looked at without a restart,
//! and removed; curl is the browser, and the cameras are real servers.

use std::process::Command;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tillsight_schemas::{Clock as _, SystemClock, TimeSpan};
use tillsight_tests::Shop;
use tillsight_tests::camera::{Camera, PLAIN, source};
use tillsight_tests::onvif::OnvifDevice;
use tillsight_tests::outside::{cache, eventually, output, python, run};
use tillsight_tests::shop::binary;

use crate::http::Browser;

const PASSWORD: &str = "correct horse battery";
const SECRET: &str = "correct-horse-battery";

/// An administrator who has signed in.
fn admin(shop: &Shop) -> Browser<'_> {
    let add = ["user", "add", "ida", "--tenant", "demo", "--role", "admin", "--password-stdin"];
    shop.tillsight_with(&add, &format!("{PASSWORD}\n"));
    let ida = Browser::new(shop, "ida");
    assert_eq!(ida.sign_in("ida", PASSWORD), 200);
    ida
}

fn camera_of<'a>(page: &'a Value, id: &str) -> &'a Value {
    page["items"].as_array().unwrap().iter().find(|camera| camera["camera_id"] == id).unwrap_or(&Value::Null)
}

/// Waits until a camera is being recorded and returns how it is.
fn recorded(browser: &Browser<'_>, id: &str, what: &str) -> Value {
    eventually(what, || {
        let (_, page) = browser.get("/api/v1/setup/cameras?store=17");
        let camera = camera_of(&page, id);
        if camera["status"]["connected"] == true { Ok(camera.clone()) } else { Err(page.to_string()) }
    })
}

#[test]
fn a_camera_is_tried_added_recorded_and_removed_without_a_restart() {
    let film = source("setup", PLAIN);
    let file = film.to_str().unwrap();
    let (first, second) = (Camera::start(&["--file", file]), Camera::start(&["--file", file]));
    let shop = Shop::with(&format!(
        "[[camera]]\nid = \"till-1\"\ntenant = \"demo\"\nstore = \"17\"\nurl = \"{}\"\n",
        first.url
    ));
    let ida = admin(&shop);
    // What the file bootstrapped is there, by its name.
    let before = recorded(&ida, "till-1", "the camera of the file is recorded");
    assert_eq!((&before["changed_by"], &before["version"]), (&json!("configuration"), &json!(1)));

    // The test says what the stream is, and shows it.
    let (status, test) = ida.post("/api/v1/setup/cameras/test", &json!({ "url": second.url }));
    assert_eq!((status, &test["reachable"]), (200, &json!(true)), "{test}");
    let main = &test["streams"][0];
    assert_eq!((&main["codec"], &main["width"], &main["height"]), (&json!("H.264"), &json!(320), &json!(180)));
    assert!((main["fps"].as_f64().unwrap() - 15.0).abs() < 1.0, "{main}");
    assert!((main["gop_seconds"].as_f64().unwrap() - 2.0).abs() < 0.3, "{main}");
    assert!(test["snapshot"].as_str().unwrap().starts_with("data:image/jpeg;base64,"));
    let (_, nobody) = ida.post("/api/v1/setup/cameras/test", &json!({ "url": "rtsp://127.0.0.1:9/none" }));
    assert_eq!(nobody["reachable"], false);
    assert!(nobody["steps"][0]["cure"].as_str().unwrap().contains("port"), "{nobody}");

    // Added: it is recorded within seconds, and the other one has not lost a picture.
    let began = SystemClock.now();
    let camera = json!({ "store_id": "17", "camera_id": "till-2", "url": second.url, "name": "Till 2" });
    let (status, added) = ida.post("/api/v1/setup/cameras", &camera);
    assert_eq!((status, &added["version"], &added["changed_by"]), (201, &json!(1), &json!("ida")), "{added}");
    assert_eq!(ida.post("/api/v1/setup/cameras", &camera).0, 409);
    let asked = Instant::now();
    recorded(&ida, "till-2", "the new camera is recorded");
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());

    // A zone is drawn: it makes presence, and interrupts no recording.
    let zone = json!({
        "camera_id": "till-2", "kind": "customer", "register_id": "2", "version": null,
        "polygon": [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]
    });
    let (status, drawn) = ida.put("/api/v1/setup/zones/17/till-2-customer", &zone);
    assert_eq!((status, &drawn["version"]), (200, &json!(1)), "{drawn}");
    let bow = json!({ "camera_id": "till-2", "kind": "customer", "polygon": [[0, 0], [1, 1], [1, 0], [0, 1]] });
    let (status, problem) = ida.put("/api/v1/setup/zones/17/bow", &bow);
    assert_eq!(status, 422);
    assert!(problem["detail"].as_str().unwrap().contains("crosses"), "{problem}");
    eventually("the zone is spoken of", || {
        let (_, page) = ida.get("/api/v1/presence?store=17");
        if page["items"][0]["seen_at"].is_string() { Ok(()) } else { Err(page.to_string()) }
    });
    // Redrawn from an old version: refused, and nothing is lost.
    let mut again = zone.clone();
    again["version"] = json!(7);
    assert_eq!(ida.put("/api/v1/setup/zones/17/till-2-customer", &again).0, 409);
    again["version"] = json!(1);
    assert_eq!(ida.put("/api/v1/setup/zones/17/till-2-customer", &again).1["version"], 2);

    let reader = |at: DateTime<Utc>| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let span = TimeSpan::new(began, at).unwrap();
        let volume = shop.data().join("recordings");
        runtime.block_on(async {
            let reader = tillsight_ingest::record::Reader::open(&volume).await.unwrap();
            reader.coverage(&"demo/17/till-1/main".parse().unwrap(), span, SystemClock.now()).await.unwrap()
        })
    };
    let kept = eventually("some seconds since it began", || {
        let until = SystemClock.now() - TimeDelta::seconds(5);
        if until > began { Ok(reader(until)) } else { Err(until.to_string()) }
    });
    assert_eq!(kept.gaps, [], "the first camera was not interrupted: {kept:?}");

    // What was set up on the pages is checked like what stands in the file.
    let check = output(Command::new(binary()).arg("--config").arg(shop.config()).arg("check"), b"");
    let check = String::from_utf8_lossy(&check.stdout).into_owned();
    for said in [
        "ok   camera till-1 ",
        "ok   camera till-2 ",
        "ok   zone till-2-customer",
        "2 x 43.2 GB a day, 15.8 TB a year",
        "ok   broker",
    ] {
        assert!(check.contains(said), "{said}: {check}");
    }
    // Whether this machine's clock is kept right is not ours to say; that it is told, is.
    assert!(check.lines().any(|line| line.get(5..).is_some_and(|about| about.starts_with("clock"))), "{check}");
    let looked_at = check.lines().any(|line| line.starts_with("ok   camera till-2 ") && line.contains(" H.264 "));
    assert!(looked_at && check.contains("no [mail]"), "{check}");
    assert!(check.contains("looks a second; 1 cameras x 4 = 4 wanted"), "{check}");

    // Removed: the stream ends as declared, what was recorded stays, its zone is gone, and the file does not bring it back.
    assert_eq!(ida.delete("/api/v1/setup/cameras/17/till-2").0, 204);
    eventually("the recorder has let go of it", || {
        let log = shop.log();
        if log.contains("not recorded any more") { Ok(()) } else { Err(log) }
    });
    assert_eq!(ida.get("/api/v1/setup/zones?store=17").1["items"], json!([]));
    assert_eq!(camera_of(&ida.get("/api/v1/setup/cameras").1, "till-2"), &Value::Null);
    let (_, history) = ida.get("/api/v1/setup/history?what=camera&store=17&id=till-2");
    let words: Vec<&str> =
        history["items"].as_array().unwrap().iter().map(|change| change["words"].as_str().unwrap()).collect();
    assert_eq!(words, ["removed", "set up"]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let gone = runtime.block_on(async {
        let reader = tillsight_ingest::record::Reader::open(&shop.data().join("recordings")).await.unwrap();
        let now = SystemClock.now();
        let span = TimeSpan::new(began, now).unwrap();
        reader.coverage(&"demo/17/till-2/main".parse().unwrap(), span, now).await.unwrap()
    });
    assert!(gone.recorded_us > 1_000_000, "{gone:?}");
    assert_eq!(gone.recorded_us + gone.gap_us, gone.scheduled_us, "{gone:?}");

    // Every change stands in the audit file.
    const CHANGES: &str = "import sqlite3, sys; print(*[row[0] for row in sqlite3.connect(sys.argv[1]).execute(\
                           \"select detail from audit where who = 'ida' and action = 'set up'\")], sep='\\n')";
    let audit = python(CHANGES, &[shop.data().join("audit.sqlite").to_str().unwrap()]);
    for change in ["camera demo/17/till-2: added", "zone demo/17/till-2-customer: drawn", "till-2: removed"] {
        assert!(audit.contains(change), "{audit}");
    }
}

#[test]
fn a_device_is_asked_once_and_a_wrong_password_is_said_once() {
    let film = source("setup-device", PLAIN);
    let stream = Camera::start(&["--file", film.to_str().unwrap()]);
    let small = Camera::start(&["--width", "160", "--height", "90", "--kbps", "60", "--fps", "5", "--gop", "10"]);
    // It names an address behind a router for everything: the host that was asked is used.
    let [inner, inner_small] = [&stream, &small].map(|camera| camera.url.replace("127.0.0.1", "10.1.2.3"));
    let mut device = OnvifDevice::start(&[
        "--password",
        SECRET,
        "--clock-offset",
        "40",
        "--stream",
        &inner,
        "--sub",
        &inner_small,
        "--inner",
        "http://10.1.2.3",
    ]);
    let shop = Shop::open();
    let ida = admin(&shop);
    let address = device.url.trim_end_matches("/onvif/device_service").to_owned();

    let ask = |password: &str| {
        let asked = json!({ "address": address, "username": "viewer", "password": password });
        ida.post("/api/v1/setup/cameras/test", &asked).1
    };
    let refused = ask("wrong");
    assert_eq!((&refused["reachable"], refused["steps"].as_array().unwrap().len()), (&json!(false), 1), "{refused}");
    assert!(refused["steps"][0]["detail"].as_str().unwrap().contains("refuses the login"), "{refused}");
    assert_eq!(device.status()["refused"], 1, "cameras lock users out who try too often");

    let good = ask(SECRET);
    assert_eq!(good["onvif"]["manufacturer"], "Test", "{good}");
    assert!((good["clock_difference_us"].as_i64().unwrap() - 40_000_000).abs() < 2_000_000, "{good}");
    assert_eq!((&good["reachable"], &good["urls"]["main"]), (&json!(true), &json!(stream.url)), "{good}");
    // Two profiles: the large one is recorded, the small one looked at.
    assert_eq!(good["urls"]["sub"], json!(small.url), "{good}");
    let streams = good["streams"].as_array().unwrap();
    let seen: Vec<_> = streams.iter().map(|seen| (&seen["which"], &seen["width"], &seen["height"])).collect();
    let size = |which: &str, width: i32, height: i32| (json!(which), json!(width), json!(height));
    let (main, sub) = (size("main", 320, 180), size("sub", 160, 90));
    assert_eq!(seen, [(&main.0, &main.1, &main.2), (&sub.0, &sub.1, &sub.2)], "{good}");

    let outcomes = |answer: &Value| {
        let items = answer["items"].as_array().unwrap();
        items.iter().map(|item| item["outcome"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // Channels of one recorder with a wrong password: one of them tries it.
    let refused = device.status()["refused"].as_u64().unwrap();
    let channel = |id: &str, password: &str| format!("17,{id},{address},viewer,{password},\n");
    let wrong = format!("{}{}{}", channel("left", "wrong"), channel("right", "wrong"), channel("rear", "wrong-too"));
    let (_, answer) = ida.post_text("/api/v1/setup/cameras/import", &wrong);
    assert_eq!(outcomes(&answer), ["refused", "refused", "refused"], "{answer}");
    let detail = |at: usize| answer["items"][at]["detail"].as_str().unwrap();
    assert!(detail(0).contains("refuses the login"), "{answer}");
    for other in [detail(1), detail(2)] {
        assert!(other.starts_with("not tried: ") && other.contains("viewer for left"), "{answer}");
    }
    assert_eq!(device.status()["refused"], refused + 1, "cameras lock users out who try too often");

    // A table of addresses: dry, then real; the second line names nobody.
    let table = format!(
        "store,camera,address,username,password,name\n17,door,{address},viewer,{SECRET},Door\n17,none,127.0.0.1:9,,,\n"
    );
    let (_, dry) = ida.post_text("/api/v1/setup/cameras/import?dry_run=1", &table);
    assert_eq!(outcomes(&dry), ["would_add", "refused"], "{dry}");
    let (_, real) = ida.post_text("/api/v1/setup/cameras/import", &table);
    assert_eq!(outcomes(&real), ["added", "refused"], "{real}");
    let (_, again) = ida.post_text("/api/v1/setup/cameras/import", &table);
    assert_eq!(outcomes(&again), ["exists", "refused"], "{again}");
    let door = recorded(&ida, "door", "the camera of the table is recorded");
    assert_eq!((&door["has_password"], &door["name"]), (&json!(true), &json!("Door")));
    assert_eq!(door["sub_url"], json!(small.url), "{door}");
    assert!(!door.to_string().contains(SECRET) && !shop.log().contains(SECRET), "no password leaves");
}

/// What somebody draws on the picture is what is kept, whatever they draw with.
#[test]
fn zones_are_drawn_by_mouse_by_keyboard_and_by_finger() {
    let film = source("setup", PLAIN);
    let camera = Camera::start(&["--file", film.to_str().unwrap()]);
    let shop = Shop::with(&format!(
        "[[camera]]\nid = \"till-1\"\ntenant = \"demo\"\nstore = \"17\"\nurl = \"{}\"\n",
        camera.url
    ));
    let ida = admin(&shop);
    recorded(&ida, "till-1", "the camera is there to be drawn on");
    let script = shop.data().join("draw.mjs");
    std::fs::write(&script, include_str!("../browser/draw.mjs")).unwrap();
    let mut browser = Command::new("timeout");
    browser.args(["--kill-after=5", "240", "node"]).arg(&script);
    browser.args([&shop.url("/"), "ida", PASSWORD, "setup/cameras/17/till-1"]);
    let said = run(browser.env("BROWSER_HOME", cache().join("browser")), b"");
    let mut steps: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(steps.pop().unwrap()["errors"], json!([]), "{said}");
    let by: Vec<&Value> = steps.iter().map(|step| &step["by"]).collect();
    assert_eq!(by, ["mouse", "keyboard", "finger"], "{said}");

    let (_, page) = ida.get("/api/v1/setup/zones?store=17");
    let zones = page["items"].as_array().unwrap();
    let names: Vec<&Value> = zones.iter().map(|zone| &zone["zone_id"]).collect();
    assert_eq!(names, ["till-1-customer", "till-1-customer-2", "till-1-customer-3"], "{page}");
    for (step, zone) in steps.iter().zip(zones) {
        let corners = |polygon: &Value| -> Vec<f64> {
            polygon.as_array().unwrap().iter().flat_map(|at| [&at[0], &at[1]]).map(|x| x.as_f64().unwrap()).collect()
        };
        let (meant, kept) = (corners(&step["corners"]), corners(&zone["polygon"]));
        // A pixel of the phone's picture is a third of a hundredth.
        let near = meant.len() == kept.len() && meant.iter().zip(&kept).all(|(one, other)| (one - other).abs() < 0.005);
        assert!(near, "{step} became {zone}");
        assert_eq!((&zone["camera_id"], &zone["version"]), (&json!("till-1"), &json!(1)), "{zone}");
    }
}
