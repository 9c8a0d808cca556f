//! A camera that sees by itself: its ONVIF metadata alone, without our detector, satisfies a rule about absence.

use std::path::Path;
use std::process::Command;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tillsight_datasets::film::State;
use tillsight_tests::outside::{becomes, eventually, python, run};

use crate::kiosk::{Kiosk, SAID};

#[test]
fn a_drawer_opened_with_nobody_there_is_found_by_what_the_camera_says_alone() {
    let kiosk = Kiosk::open("camera");
    let login = kiosk.shop.head_office("anna", "");
    becomes("the camera is believed, both ways", &"absent,present".to_owned(), || {
        kiosk.shop.query(
            &login,
            "select string_agg(state, ',' order by state) from (select distinct state from cam.presence \
             where source = 'camera' and state <> 'unknown') as s",
        )
    });
    for number in 1..=4 {
        kiosk.ring("SALE", number);
    }
    kiosk.until(State::Occupied, TimeDelta::seconds(1));
    kiosk.ring("NO_SALE", 5);
    kiosk.until(State::Empty, TimeDelta::seconds(5));
    kiosk.ring("NO_SALE", 6);
    becomes("one alert, one silence", &"5|silent|0\n6|fired|1".to_owned(), || kiosk.shop.query(&login, SAID));
    let seen = kiosk.shop.query(&login, "select seen from lp.alerts where rule_id = 'no_sale_no_customer'");
    assert!(seen.contains("\"source\":\"camera\"") && !seen.contains("\"source\":\"detector\""), "{seen}");
    let gone: Value = serde_json::from_str(&seen).unwrap();
    assert!(gone.as_array().unwrap().iter().all(|span| span["state"] == "absent"), "{seen}");

    // Around it: what each rule said, silence and its reason included.
    kiosk.shop.tillsight(&["user", "add", "lena", "--role", "analyst", "--stores", "17"]);
    let (_, lena) = kiosk.shop.token(&["--http", "lena"]);
    let get = |path: &str| {
        let (status, text) = kiosk.shop.get(path, Some(&lena));
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let alert = get("/api/v1/alerts")["items"][0].clone();
    let detail = get(&format!("/api/v1/alerts/{}", alert["alert_id"].as_str().unwrap()));
    let anchor = detail["transaction"]["event_id"].clone();
    // It carries what made it, and what would have kept it away.
    let unless = json!(["Would not fire if somebody had been seen in the customer zone meanwhile."]);
    assert_eq!(detail["alert"]["counterfactual"], unless);
    let record = &detail["alert"]["records"][0];
    assert!(record["event_id"] == anchor && record["topic"].as_str().unwrap().starts_with("lp.pos.in."), "{record}");
    assert_eq!(detail["alert"]["numbers"][0]["value"], 2_000);
    assert!(detail["rule"]["innocent"][0].is_string(), "{}", detail["rule"]);
    let journal = eventually("the journal has the whole day", || {
        let journal = get(&format!("/api/v1/transactions/{}/journal", anchor.as_str().unwrap()));
        let entries = journal["entries"].as_array().unwrap().len();
        if entries == 6 { Ok(journal) } else { Err(format!("{entries} of 6")) }
    });
    let said = |n: usize| journal["entries"][n]["verdicts"][0]["why"].clone();
    assert_eq!((said(4), said(5)), (json!("customer_present"), json!("nobody_there")));
    assert_eq!(journal["entries"][5]["asked"], true);
    assert_eq!(get("/api/v1/blindspots")["items"], json!([]), "every rule could see");

    evidence(&kiosk, &lena, alert["alert_id"].as_str().unwrap());
}

/// The alert as a folder that a stranger checks with what everybody has.
fn evidence(kiosk: &Kiosk, token: &str, alert: &str) {
    let folder = tempfile::tempdir().unwrap();
    let zip = folder.path().join("evidence.zip");
    eventually("ten seconds after it are recorded", || {
        let mut curl = Command::new("curl");
        curl.args(["-s", "--fail", "-H", &format!("Authorization: Bearer {token}"), "-o"]).arg(&zip);
        run(curl.arg(kiosk.shop.url(&format!("/api/v1/alerts/{alert}/evidence"))), b"");
        run(Command::new("unzip").args(["-q", "-o"]).arg(&zip).arg("-d").arg(folder.path()), b"");
        let readme = std::fs::read_to_string(folder.path().join("README.txt")).unwrap();
        if readme.contains("NOT RECORDED") { Err(readme) } else { Ok(()) }
    });
    run(Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(folder.path()), b"");
    let readme = std::fs::read_to_string(folder.path().join("README.txt")).unwrap();
    let said =
        ["Unless:   Would not fire if somebody had been seen", "May be:   The cashier makes change for the till"];
    assert!(said.iter().all(|words| readme.contains(words)), "{readme}");
    noted(kiosk, folder.path(), alert);
    let clip = folder.path().join("camera-kiosk.mp4");
    let mut probe = Command::new("ffprobe");
    probe.args(["-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0"]).arg(&clip);
    let streams = run(&mut probe, b"");
    assert_eq!(streams.split_whitespace().collect::<Vec<_>>(), ["h264", "mov_text"]);
    let mut words = Command::new("ffmpeg");
    words.args(["-v", "error", "-i"]).arg(&clip).args(["-map", "0:s", "-f", "srt", "pipe:1"]);
    let words = run(&mut words, b"");
    // The drawer opened at least ten seconds into the clip, and its words stand for six.
    let line = words.lines().find(|line| line.contains("-->")).unwrap_or_else(|| panic!("{words:?}"));
    assert!(words.contains("NO SALE") && line >= "00:00:10", "{words}");
    let still = std::fs::read(folder.path().join("camera-kiosk.jpg")).unwrap();
    assert!(still.starts_with(&[0xff, 0xd8]), "a JPEG file");
    assert!(folder.path().join("receipt-1.txt").is_file() && folder.path().join("alert.json").is_file());
}

/// The audit has the entry of each time it was saved, the last with the hash of the list that lies in the folder: who
/// writes the list anew is found out by it.
fn noted(kiosk: &Kiosk, folder: &Path, alert: &str) {
    const SAVED: &str = "import sqlite3, sys; print(*(row[0] for row in sqlite3.connect(sys.argv[1]).execute(\
                         \"select detail from audit where who = 'lena' and action = 'evidence' and outcome = 'ok' \
                         order by at\")), sep='\\n')";
    let saved = python(SAVED, &[kiosk.shop.data().join("audit.sqlite").to_str().unwrap()]);
    let list = run(Command::new("sha256sum").arg("SHA256SUMS").current_dir(folder), b"");
    let hash = list.split_whitespace().next().unwrap();
    assert_eq!(saved.lines().last(), Some(format!("17 {alert} SHA256SUMS {hash}").as_str()), "{saved}");
    assert!(saved.lines().all(|line| line.starts_with(&format!("17 {alert} SHA256SUMS "))), "{saved}");
}
