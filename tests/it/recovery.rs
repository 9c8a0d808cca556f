//! Crashes in the middle of the day: each process is killed while records arrive and alerts arise; no record, no alert and
//! no picture is lost, none is doubled.

use std::ops::RangeInclusive;

use chrono::TimeDelta;
use tillsight_datasets::film::State;
use tillsight_tests::Shop;
use tillsight_tests::camera::{Camera, PLAIN, source};
use tillsight_tests::day;
use tillsight_tests::outside::{becomes, eventually};

use crate::kiosk::{Kiosk, SAID};

const COUNTS: &str = "select count(*) as transactions, count(distinct event_id) as events, \
                      (select count(*) from pos.lines) as lines, (select count(*) from pos.tenders) as tenders \
                      from pos.transactions";

#[test]
fn a_day_survives_the_death_of_every_process() {
    let film = source("recovery", PLAIN);
    let camera = Camera::start(&["--file", film.to_str().unwrap()]);
    let shop = Shop::with(&format!(
        "[[camera]]\nid = \"till-1\"\ntenant = \"demo\"\nstore = \"17\"\nurl = \"{}\"\n",
        camera.url
    ));
    let login = shop.head_office("anna", "");
    let day = day::day_of_cases("2026-11-16");
    let lines = day::lines(&day);
    let of_receipts: usize = day.rung.iter().map(|rung| rung.transaction.lines.len()).sum();
    let tenders: usize = day.rung.iter().map(|rung| rung.transaction.tenders.len()).sum();

    // A tenth of the day at a time; between two of them somebody dies.
    let victims = ["correlate", "sql", "correlate", "api", "broker", "correlate", "correlate", "broker", "sql"];
    let mut parts = lines.chunks(lines.len().div_ceil(victims.len() + 1));
    for victim in victims {
        shop.kcat_produce("lp.pos.in.kiosk", parts.next().unwrap());
        kill(&shop, victim);
        if victim == "broker" {
            eventually("the broker answers", || match shop.get("/readyz", None) {
                (200, _) => Ok(()),
                (status, body) => Err(format!("{status} {body}")),
            });
        }
    }
    for rest in parts {
        shop.kcat_produce("lp.pos.in.kiosk", rest);
    }
    let expected = format!("{0}|{0}|{of_receipts}|{tenders}", day.rung.len());
    becomes("the whole day, once", &expected, || shop.query(&login, COUNTS));

    // The alerts that were staged and need no camera, each once, and no other.
    let mut expected: Vec<String> = day
        .truth
        .iter()
        .filter_map(|item| Some(format!("{}|{}", item.expected_rule.as_ref()?, item.anchor_event_id)))
        .collect();
    expected.sort();
    assert!(expected.len() >= 4, "{expected:?}");
    becomes("every alert, once", &expected.join("\n"), || {
        shop.query(&login, "select rule_id, anchor_event_id from lp.alerts where state <> 'retracted' order by 1, 2")
    });

    // The recorder was nobody's victim: from its first picture on there is no gap.
    becomes("segments are told", &"t".to_owned(), || {
        shop.query(&login, "select count(*) > 0 from rec.segments where camera_id = 'till-1'")
    });
    let gaps = "select count(*) from rec.gaps where start_at > (select min(start_at) from rec.segments)";
    assert_eq!(shop.query(&login, gaps), "0");
    assert!(!shop.log().contains("panicked"), "{}", shop.log());
}

/// Kills a process and waits until another does its work.
fn kill(shop: &Shop, victim: &str) {
    let killed = shop.kill_role(victim);
    eventually(&format!("{victim} is back"), || match shop.pid_of(victim) {
        Some(pid) if pid != killed => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

#[test]
fn a_camera_process_that_dies_costs_no_alert_and_makes_none() {
    let kiosk = Kiosk::open("detector");
    let shop = &kiosk.shop;
    let login = shop.head_office("anna", "");
    let sees = |what: &str| {
        becomes(what, &"absent,present".to_owned(), || {
            shop.query(
                &login,
                "select string_agg(state, ',' order by state) from (select distinct state from cam.presence where \
                 state <> 'unknown' and end_at > now() - interval '20 seconds') as s",
            )
        });
    };
    sees("the detector sees somebody come and go");
    for number in 1..=4 {
        kiosk.ring("SALE", number);
    }
    let said = |number: i64| {
        eventually("it is judged", || {
            let all = shop.query(&login, SAID);
            let row = all.lines().find_map(|row| row.strip_prefix(&format!("{number}|")));
            // The alert comes to the lake a moment after the judgement.
            row.filter(|row| *row != "fired|0").map(ToOwned::to_owned).ok_or(all)
        })
    };
    // The drawer opens before nobody. A machine with much else to do looks too seldom at times: then nobody can tell, and it
    // is tried again.
    let alert = |numbers: RangeInclusive<i64>, victim: Option<&str>| {
        let last = *numbers.end();
        for number in numbers {
            kiosk.until(State::Empty, TimeDelta::seconds(5));
            kiosk.ring("NO_SALE", number);
            if let Some(victim) = victim {
                kill(shop, victim);
            }
            match said(number).as_str() {
                "fired|1" => return,
                other => assert!(other == "indeterminate|0" && number < last, "{number}: {other}"),
            }
        }
    };
    // The recorder dies: the alert comes all the same.
    alert(5..=8, Some("recorder"));
    // The drawer opens while nobody looks: nobody can tell, and nobody is accused.
    kiosk.until(State::Empty, TimeDelta::seconds(5));
    kill(shop, "analytics");
    kiosk.ring("NO_SALE", 9);
    assert_eq!(said(9), "indeterminate|0", "a blind spot");
    sees("the detector sees again");
    alert(10..=13, None);
    // What the dead recorder did not see is a declared gap, and retention hears how far the rules are.
    becomes("a declared gap", &"t".to_owned(), || {
        shop.query(&login, "select count(*) >= 1 from rec.gaps where cause <> 'not_started'")
    });
    eventually("the evaluation floor is told", || match shop.kcat_consume("lp.heartbeat.v1", "%k\n").first() {
        Some(key) if key == "demo/17" => Ok(()),
        other => Err(format!("{other:?}")),
    });
}
