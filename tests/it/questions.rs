//! The questions of `docs/questions-*.md`: a store day with staged cases, corrections, decisions and video, and every question
//! answered the same by psql, a Python driver, and DuckDB over the Delta tables. And what the SQL clients of other people
//! make of the endpoint.

use std::process::Command;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_datasets::store_day::{Rung, StoreDay};
use tillsight_schemas::alert::Alert;
use tillsight_schemas::clock_offset::ClockOffset;
use tillsight_schemas::pos::{Kind, Transaction};
use tillsight_schemas::review::{Disposition, Review};
use tillsight_schemas::segment::{GapReason, Segment, SegmentState, SpanKind};
use tillsight_schemas::{Clock as _, SystemClock, topic};
use tillsight_tests::Shop;
use tillsight_tests::day;
use tillsight_tests::outside::{becomes, cache, run};

use crate::lake::{send, tiles};

/// The samples are another retailer's.
const TENANT: &str = "demo";

#[test]
fn every_question_of_the_book_has_the_same_answer_in_every_tool() {
    let shop = Shop::open();
    let login = shop.head_office("anna", "");
    // A day that is over in every zone and lies within the weeks that the questions look at.
    let now = SystemClock.now();
    let day = day::day_of_cases(&(now - TimeDelta::days(2)).date_naive().to_string());
    let mut lines = day::lines(&day);
    lines.extend(corrections(&day));
    shop.kcat_produce("lp.pos.in.kiosk", &lines);
    let counts = "select count(*), count(*) filter (where revision = 1 or replaces is not null) from pos.transactions";
    becomes("the day in SQL", &format!("{}|2", day.rung.len() + 1), || shop.query(&login, counts));
    let staged = day.truth.iter().filter(|item| item.expected_rule.is_some()).count();
    assert!(staged >= 4, "{staged} cases");
    becomes("every staged alert", &staged.to_string(), || shop.query(&login, "select count(*) from lp.alerts"));

    decisions(&shop, &shop.query(&login, "select min(alert_id) from lp.alerts"), now);
    video(&shop, now - TimeDelta::days(1));
    let told = "select (select count(*) from lp.alerts where disposition = 'confirmed') as decided, \
                (select count(*) from rec.segments) as segments, (select count(*) from rec.gaps) as gaps, \
                (select count(*) from cam.presence) as tiles, \
                (select count(*) from ref.clock where offset_us = -37000000) as clocks";
    becomes("decisions and video in SQL", &"1|1|1|20|1".to_owned(), || shop.query(&login, told));

    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/questions.py");
    let mut questions = Command::new(cache().join("python/bin/python"));
    questions.arg(script).arg(shop.dsn(&login)).arg(shop.data().join("lake"));
    println!("{}", run(&mut questions, b""));
}

#[test]
fn the_clients_of_other_people_do_what_is_known_of_them() {
    let shop = Shop::shared();
    let login = shop.head_office("clients", "");
    let home = cache().join("clients");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/matrix.py");
    let mut matrix = Command::new(home.join("bin/python"));
    matrix.arg(script).arg(shop.dsn(&login)).arg("--node-modules").arg(home.join("node_modules"));
    println!("{}", run(&mut matrix, b""));
}

/// One sale gets another total, one another number: two records that hold, two that hold no more. And one operator is at
/// two registers at once.
fn corrections(day: &StoreDay) -> Vec<String> {
    let staged = |rung: &Rung| day.truth.iter().any(|item| item.event_ids.contains(&rung.event_id));
    let mut sales = day
        .rung
        .iter()
        .filter(|rung| rung.transaction.kind == Kind::Sale && !rung.transaction.training && !staged(rung));
    let mut corrected = sales.next().unwrap().transaction.clone();
    corrected.revision = 1;
    corrected.total_minor = Some(12_345);
    let former = sales.next().unwrap();
    let mut moved = former.transaction.clone();
    moved.sequence_no = Some(99_999);
    moved.replaces = Some(former.event_id);
    let line = |transaction: &Transaction| format!("{TENANT}/17|{}", serde_json::to_string(transaction).unwrap());
    let mut lent =
        sales.find(|rung| rung.true_time - rung.true_begin > TimeDelta::minutes(2)).unwrap().transaction.clone();
    lent.register_id = "8".parse().unwrap();
    vec![line(&corrected), line(&moved), line(&lent)]
}

/// Two decisions about one alert, the second of which holds; each sent twice.
fn decisions(shop: &Shop, alert_id: &str, now: DateTime<Utc>) {
    let mut review: Review = serde_json::from_str(include_str!("../../schemas/samples/v1/review.json")).unwrap();
    review.tenant_id = TENANT.parse().unwrap();
    review.alert_id = alert_id.parse().unwrap();
    review.reviewed_at = now - TimeDelta::minutes(10);
    let mut last = review.clone();
    last.review_id = "00000000-0000-5000-8000-000000000013".parse().unwrap();
    last.reviewed_at = now - TimeDelta::minutes(5);
    last.disposition = Disposition::Confirmed;
    let key = || format!("{TENANT}/17");
    for _ in 0..2 {
        send(shop, topic::REVIEW, &[(key(), review.clone()), (key(), last.clone())]);
    }
}

/// A minute of video that was open before it was closed, a gap after it, an alert within it, presence and a clock.
fn video(shop: &Shop, start: DateTime<Utc>) {
    let key = format!("{TENANT}/17");
    let mut closed: Segment = serde_json::from_str(include_str!("../../schemas/samples/v1/segment.json")).unwrap();
    closed.tenant = TENANT.parse().unwrap();
    closed.start_at = start;
    closed.end_at = Some(start + TimeDelta::seconds(59));
    let mut open = closed.clone();
    open.end_at = None;
    open.state = Some(SegmentState::Open);
    let mut gap = closed.clone();
    gap.kind = SpanKind::Gap;
    gap.gap_reason = Some(GapReason::Unreachable);
    gap.state = None;
    gap.start_at = start + TimeDelta::seconds(59);
    gap.end_at = Some(start + TimeDelta::seconds(90));
    send(shop, topic::REC_SEGMENT, &[open, closed, gap].map(|span| (key.clone(), span)));

    let mut alert: Alert = serde_json::from_str(include_str!("../../schemas/samples/v1/alert.json")).unwrap();
    alert.tenant_id = TENANT.parse().unwrap();
    alert.event_time = start + TimeDelta::seconds(30);
    let mut amended = alert.clone();
    amended.revision = 1;
    amended.amount_minor = Some(2_600);
    let of_alert = alert.alert_id.to_string();
    send(shop, topic::ALERT, &[alert.clone(), amended, alert].map(|alert| (of_alert.clone(), alert)));

    let mut clock: ClockOffset =
        serde_json::from_str(include_str!("../../schemas/samples/v1/clock_offset.json")).unwrap();
    clock.tenant_id = TENANT.parse().unwrap();
    clock.register_id = "9".parse().unwrap();
    send(shop, topic::CLOCK, &[(key.clone(), clock.clone()), (key, clock)]);
    for _ in 0..2 {
        send(shop, topic::CAM_PRESENCE, &tiles("17", 20));
    }
}
