//! A camera that sees by itself: its ONVIF metadata alone, without our detector, satisfies a rule about absence.

use chrono::TimeDelta;
use serde_json::Value;
use tillsight_datasets::film::State;
use tillsight_tests::outside::becomes;

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
}
