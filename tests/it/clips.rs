//! A camera in the shop: recorded by its own process whatever happens to the others, and its clips over HTTP.

use std::process::Command;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;
use tillsight_schemas::{Clock as _, SystemClock};
use tillsight_tests::Shop;
use tillsight_tests::camera::{Camera, PLAIN, source};
use tillsight_tests::outside::{becomes, eventually, output, run};

/// A clip as a person fetches it: status, headers' statement, and the file.
fn fetch(shop: &Shop, token: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> (u16, Option<Value>, std::path::PathBuf) {
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let file = shop.data().join("clip.mp4");
    let headers = shop.data().join("clip.headers");
    let url = shop.url(&format!("/api/v1/clips/till-1.mp4?from={}&to={}", time(from), time(to)));
    let mut curl = Command::new("curl");
    curl.args(["-s", "-w", "%{http_code}", "-H", &format!("Authorization: Bearer {token}"), "-o"]);
    curl.arg(&file).arg("-D").arg(&headers).arg(url);
    let status = run(&mut curl, b"").trim().parse().unwrap();
    let headers = std::fs::read_to_string(headers).unwrap();
    let statement = headers.lines().find_map(|line| line.strip_prefix("tillsight-clip: "));
    (status, statement.map(|text| serde_json::from_str(text).unwrap()), file)
}

#[test]
fn a_clip_is_exact_and_no_frame_is_lost_when_other_processes_die() {
    let film = source("shop", PLAIN);
    let camera = Camera::start(&["--file", film.to_str().unwrap()]);
    let shop = Shop::with(&format!(
        "[[camera]]\nid = \"till-1\"\ntenant = \"demo\"\nstore = \"17\"\nurl = \"{}\"\n",
        camera.url
    ));
    shop.tillsight(&["user", "add", "lena", "--role", "analyst", "--stores", "17"]);
    shop.tillsight(&["user", "add", "otto", "--role", "analyst", "--stores", "42"]);
    let (_, lena) = shop.token(&["--http", "lena"]);
    let (_, otto) = shop.token(&["--http", "otto"]);

    // Until pictures of two seconds are there, even from the segment that is being written.
    let began = eventually("the first pictures", || {
        let now = SystemClock.now();
        match fetch(&shop, &lena, now - TimeDelta::seconds(30), now) {
            (200, Some(said), _) if said["frames"].as_i64().unwrap() > 30 => {
                Ok(said["first_frame_at"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap())
            }
            (status, said, _) => Err(format!("{status} {said:?}")),
        }
    });
    for victim in ["correlate", "sql", "api", "broker"] {
        let killed = shop.kill_role(victim);
        eventually(&format!("{victim} is back"), || match shop.pid_of(victim) {
            Some(pid) if pid != killed => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }
    let to = began + TimeDelta::seconds(12);
    let said = eventually("twelve seconds without a gap", || match fetch(&shop, &lena, began, to) {
        (200, Some(said), _)
            if said["last_frame_at"].as_str().unwrap() > (to - TimeDelta::milliseconds(150)).to_rfc3339().as_str() =>
        {
            Ok(said)
        }
        (status, said, _) => Err(format!("{status} {said:?}")),
    });
    assert_eq!(said["gaps"], serde_json::json!([]));
    let frames = said["frames"].as_i64().unwrap();
    assert!((179..=181).contains(&frames), "15 a second for 12 seconds: {said}");

    // ffprobe counts what is there, and finds nothing to complain about.
    // The statement of the same answer: the time of a run's pictures is known better with every picture.
    let (_, said, file) = fetch(&shop, &lena, began, to);
    let said = said.unwrap();
    let frames = said["frames"].as_i64().unwrap();
    let mut probe = Command::new("ffprobe");
    probe.args(["-v", "error", "-count_frames", "-select_streams", "v:0", "-show_entries", "stream=nb_read_frames"]);
    let probed = output(probe.args(["-of", "csv=p=0"]).arg(&file), b"");
    assert_eq!(String::from_utf8_lossy(&probed.stderr), "");
    let shown: i64 = String::from_utf8_lossy(&probed.stdout).trim().parse().unwrap();
    assert_eq!(shown, frames + said["leading_frames"].as_i64().unwrap());

    // A range is a part of the same bytes.
    let whole = std::fs::read(&file).unwrap();
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let url = shop.url(&format!("/api/v1/clips/till-1.mp4?from={}&to={}", time(began), time(to)));
    let mut curl = Command::new("curl");
    curl.args(["-s", "-H", &format!("Authorization: Bearer {lena}"), "-r", "1000-1999", &url]);
    assert_eq!(output(&mut curl, b"").stdout, whole[1000..2000]);

    // Not everybody sees it, and who saw it stands in the audit file.
    assert_eq!(fetch(&shop, &otto, began, to).0, 404);
    assert_eq!(fetch(&shop, "ts_guess", began, to).0, 401);
    let audit = shop.data().join("audit.sqlite");
    const SEEN: &str = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute(\
                        \"select count(*) from audit where who = 'lena' and action = 'video'\").fetchone()[0])";
    let seen = tillsight_tests::outside::python(SEEN, &[audit.to_str().unwrap()]);
    assert!(seen.trim().parse::<u32>().unwrap() >= 3, "{seen}");
}

/// A camera that is set up wrong is a declared gap of its own, and costs the others nothing.
#[test]
fn a_camera_whose_password_is_missing_is_a_gap_and_the_others_are_recorded() {
    let film = source("shop", PLAIN);
    let camera = Camera::start(&["--file", film.to_str().unwrap()]);
    let one = |id: &str, more: &str| {
        format!("[[camera]]\nid = \"{id}\"\ntenant = \"demo\"\nstore = \"17\"\nurl = \"{}\"\n{more}", camera.url)
    };
    let wrong = one("wrong", "username = \"viewer\"\npassword_file = \"nowhere\"\n");
    let shop = Shop::with(&(wrong + &one("right", "")));
    let login = shop.head_office("anna", "");
    becomes("one is recorded", &"right".to_owned(), || {
        shop.query(&login, "select string_agg(distinct camera_id, ',') from rec.segments")
    });
    becomes("the other is a gap", &"wrong|not_started".to_owned(), || {
        shop.query(&login, "select camera_id, cause from rec.gaps where end_at is null")
    });
    assert!(shop.log().contains("cannot read the password of camera wrong"), "{}", shop.log());
}
