//! A camera that sees by itself: its ONVIF metadata alone, without our detector, satisfies a rule about absence.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tillsight_datasets::cameras::{Cameras, FrameLog, Setup};
use tillsight_datasets::film::State;
use tillsight_datasets::session::Outlook;
use tillsight_schemas::{Clock as _, SystemClock, TimeSpan};
use tillsight_tests::Shop;
use tillsight_tests::outside::{becomes, eventually};

use crate::film;

/// A record of register 1 that completes now.
fn record(kind: &str, number: i64) -> Value {
    let now = SystemClock.now().format("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string();
    json!({
        "store_id": "17", "register_id": "1", "kind": kind, "sequence_no": number, "operator_id": "1042",
        "event_time_raw": now, "currency": "USD", "source": { "adapter": "json" },
    })
}

#[test]
fn a_drawer_opened_with_nobody_there_is_found_by_what_the_camera_says_alone() {
    let folder = tempfile::tempdir().unwrap();
    let films = film::short(folder.path());
    let kiosk = film::setup("kiosk", &films.kiosk, film::SIZE, folder.path());
    let kiosk = Setup { labels: Some(films.kiosk_labels.clone()), ..kiosk };
    let log = kiosk.frame_log.clone();
    let cameras = Cameras::start(&[kiosk], folder.path()).unwrap();
    let shop = Shop::with(&format!(
        "[[camera]]\nid = \"kiosk\"\ntenant = \"demo\"\nstore = \"17\"\nurl = \"{}\"\npresence = \"camera\"\n\
         [[zone]]\nid = \"kiosk-customer\"\ntenant = \"demo\"\nstore = \"17\"\ncamera = \"kiosk\"\nkind = \"customer\"\n\
         register = \"1\"\npolygon = {}\n",
        cameras.address("kiosk").unwrap().url,
        serde_json::to_string(&films.labels.zone).unwrap()
    ));
    let login = shop.head_office("anna", "");
    let (_, till) = shop.token(&["--integrator", "kiosk"]);
    let ring = |kind: &str, number| {
        let (status, said) = shop.post("/api/v1/pos/transactions", Some(&till), &record(kind, number));
        assert_eq!(status, 202, "{said}");
    };
    becomes("the camera is believed, both ways", &"absent,present".to_owned(), || {
        shop.query(
            &login,
            "select string_agg(state, ',' order by state) from (select distinct state from cam.presence \
             where source = 'camera' and state <> 'unknown') as s",
        )
    });
    for number in 1..=4 {
        ring("SALE", number);
    }

    // The next time that the zone is empty for long enough, and the next time that somebody stands there.
    let began = FrameLog::read(&log).unwrap().began(films.labels.fps).unwrap();
    let outlook = Outlook { labels: &films.labels, began };
    let until = |wanted: State, clear: TimeDelta| {
        let now = SystemClock.now();
        let at = |us: i64| DateTime::<Utc>::from_timestamp_micros(us).unwrap();
        let ahead = TimeSpan::new(now, now + TimeDelta::minutes(2)).unwrap();
        let stretch = outlook
            .stretches(ahead)
            .into_iter()
            .find(|stretch| {
                stretch.state == wanted && at(stretch.from) > now && at(stretch.to) - at(stretch.from) > clear * 2
            })
            .unwrap();
        let middle = at(stretch.from) + (at(stretch.to) - at(stretch.from)) / 2;
        eventually("the film is there", || {
            let now = SystemClock.now();
            if now >= middle { Ok(()) } else { Err(format!("{now}, waiting for {middle}")) }
        });
    };
    until(State::Occupied, TimeDelta::seconds(1));
    ring("NO_SALE", 5);
    until(State::Empty, TimeDelta::seconds(5));
    ring("NO_SALE", 6);
    becomes("one alert, one silence", &"5|silent\n6|fired".to_owned(), || {
        shop.query(
            &login,
            "select t.sequence_no, j.outcome from lp.judgements j join pos.transactions t \
             on t.event_id = j.anchor_event_id where j.rule_id = 'no_sale_no_customer' order by 1",
        )
    });
    let seen = shop.query(&login, "select seen from lp.alerts where rule_id = 'no_sale_no_customer'");
    assert!(seen.contains("\"source\":\"camera\"") && !seen.contains("\"source\":\"detector\""), "{seen}");
    let gone: Value = serde_json::from_str(&seen).unwrap();
    assert!(gone.as_array().unwrap().iter().all(|span| span["state"] == "absent"), "{seen}");
}
