//! The numbers of a day, asked as the report asks them.

use std::sync::Arc;
use std::time::Duration;

use tillsight_schemas::ReplayClock;
use tillsight_schemas::judgement::{Judgement, Outcome};
use tillsight_schemas::pos::{Kind, PostedTransaction};
use tillsight_schemas::presence::PresenceState;
use tillsight_schemas::segment::{GapReason, Segment, SegmentState, SpanKind};
use tillsight_schemas::store::Store;
use tillsight_schemas::topic::{CAM_PRESENCE, JUDGEMENT, POS_TRANSACTION, REC_SEGMENT};

use super::*;
use crate::lake::sample::{sale, tile, value};
use crate::lake::{ArchiveConfig, Archiver, History, MemoryLog};
use crate::sql::{Engine, Limits, Scope, Stores};

const DAY: &str = "2026-11-21";

fn kiosk() -> Store {
    serde_json::from_value(serde_json::json!({
        "tenant": "acme", "id": "17", "name": "Kiosk", "tz": "America/Chicago", "currency": "USD"
    }))
    .unwrap()
}

/// So many sales and returns of a day of November.
fn business(day: u32, sales: i64, returns: i64) -> impl Iterator<Item = PostedTransaction> {
    (0..sales + returns).map(move |n| {
        let mut posted = sale("17", i64::from(day) * 1_000 + n, &format!("2026-11-{day:02}T18:00:00Z"));
        posted.transaction.kind = if n < sales { Kind::Sale } else { Kind::Return };
        posted.transaction.business_day = Some(format!("2026-11-{day:02}").parse().unwrap());
        posted.transaction.total_minor = Some(1_000);
        posted.header.received_at = posted.header.event_time + chrono::TimeDelta::milliseconds(10 * n);
        posted
    })
}

/// What is asked over the transactions of a shop.
pub(crate) async fn session(records: impl IntoIterator<Item = PostedTransaction>) -> (tempfile::TempDir, Session) {
    let log = MemoryLog::new(POS_TRANSACTION, 1);
    for record in records {
        log.append(0, value(&record));
    }
    over(&log).await
}

/// What is asked over all that a log has.
async fn over(log: &MemoryLog) -> (tempfile::TempDir, Session) {
    let root = tempfile::tempdir().unwrap();
    let clock = Arc::new(ReplayClock::at("2026-11-22T03:00:00Z".parse().unwrap()));
    let mut archiver = Archiver::open(ArchiveConfig::new(root.path()), Box::new(log.reader()), clock).await.unwrap();
    while archiver.step(Duration::from_millis(1)).await.unwrap() > 0 {}
    archiver.commit().await.unwrap();
    let history = History::open(root.path()).await.unwrap();
    let engine = Engine::over(&history, vec![kiosk()], Limits::default()).unwrap();
    (root, engine.session(Scope { tenant: "acme".parse().unwrap(), stores: Stores::All }).unwrap())
}

/// A day with everything: business, a zone of which a third could be told, what a rule made of four events, and a camera
/// that recorded 110 of 165 seconds, some of its files over the ends of the day.
fn whole_day() -> MemoryLog {
    let topics = [CAM_PRESENCE, JUDGEMENT, REC_SEGMENT];
    let log = topics.iter().fold(MemoryLog::new(POS_TRANSACTION, 1), |log, topic| log.and(topic, 1));
    for record in business(20, 40, 3).chain(business(21, 90, 10)) {
        log.append_to(POS_TRANSACTION, value(&record));
    }
    for n in 0..3 {
        let mut tile = tile("17", n);
        if n == 0 {
            (tile.state, tile.blind) = (PresenceState::Absent, None);
        }
        log.append_to(CAM_PRESENCE, value(&tile));
    }
    let of_events = [
        (Outcome::Fired, "nobody_there"),
        (Outcome::Silent, "customer_present"),
        (Outcome::Indeterminate, "no_camera"),
        (Outcome::Indeterminate, "no_camera"),
    ];
    for (n, (outcome, why)) in (1..).zip(of_events) {
        let mut judgement: Judgement =
            serde_json::from_str(include_str!("../../../schemas/samples/v1/judgement.json")).unwrap();
        (judgement.judgement_id, judgement.anchor_event_id) = (uuid::Uuid::from_u128(n), uuid::Uuid::from_u128(n));
        judgement.event_time = "2026-11-21T20:00:00Z".parse().unwrap();
        (judgement.outcome, judgement.why) = (outcome, why.to_owned());
        log.append_to(JUDGEMENT, value(&judgement));
    }
    let span = |seq: i64, from: &str, to: Option<&str>, change: fn(&mut Segment)| {
        let mut span: Segment = serde_json::from_str(include_str!("../../../schemas/samples/v1/segment.json")).unwrap();
        span.seq = seq;
        span.start_at = from.parse().unwrap();
        span.end_at = to.map(|to| to.parse().unwrap());
        change(&mut span);
        log.append_to(REC_SEGMENT, value(&span));
    };
    span(0, "2026-11-21T05:59:30Z", Some("2026-11-21T06:00:30Z"), |_| {});
    span(1, "2026-11-21T18:00:00Z", Some("2026-11-21T18:01:00Z"), |_| {});
    span(0, "2026-11-21T18:01:00Z", Some("2026-11-21T18:01:55Z"), |gap| {
        (gap.kind, gap.state, gap.gap_reason) = (SpanKind::Gap, None, Some(GapReason::Disconnected));
    });
    span(2, "2026-11-22T05:59:40Z", None, |open| open.state = Some(SegmentState::Open));
    log
}

fn day() -> ReportDay {
    let (store, day) = (kiosk(), DAY.parse().unwrap());
    ReportDay { store: store.key(), day, span: store.day(day).unwrap(), without: Vec::new() }
}

#[tokio::test]
async fn a_day_is_compared_with_what_is_usual_for_the_store() {
    let mut records: Vec<PostedTransaction> =
        (11..21).flat_map(|day| business(day, 98, i64::from(day - 10) / 5)).collect();
    records.extend(business(21, 90, 10));
    let mut training = business(22, 0, 1).next().unwrap();
    training.transaction.business_day = Some(DAY.parse().unwrap());
    training.transaction.training = true;
    records.push(training);
    let (_root, session) = session(records).await;
    let numbers = numbers(&session, &day()).await.unwrap();

    let totals = &numbers.totals;
    assert_eq!((totals.transactions, totals.sales, totals.refunds), (100, 90, 10));
    assert_eq!((totals.sales_minor, totals.refunds_minor), (90_000, 10_000));
    assert!((totals.behind_us.unwrap() - 940_500).abs() <= 1, "{:?}", totals.behind_us);
    let refunds = &numbers.rates[0];
    assert_eq!((refunds.name, refunds.events, refunds.of, refunds.value), ("Refunds", 10, 100, Some(10.0)));
    let usual = refunds.usual.unwrap();
    assert_eq!(usual.days, 10);
    assert!(usual.low < 0.5 && usual.high < 2.5 && (0.5..1.0).contains(&usual.mean), "{usual:?}");
    // The number is what its question says.
    let again = rows(&session, &refunds.sql).await.unwrap();
    assert_eq!((again.len(), again[10].number(1), again[10].number(2)), (11, 10, 100));
    // So is the band: a tenth of the days before lie below it, a tenth above.
    let mut before: Vec<f64> = again[..10].iter().map(|row| percent(row.number(1), row.number(2)).unwrap()).collect();
    before.sort_by(f64::total_cmp);
    let all = again[..10].iter().fold((0, 0), |(events, of), row| (events + row.number(1), of + row.number(2)));
    assert_eq!(usual, Usual { low: before[1], mean: percent(all.0, all.1).unwrap(), high: before[8], days: 10 });
    assert_eq!(numbers.hours, [(12, 100)], "six in the evening in London is noon in Chicago");
    // No clock was ever measured there.
    assert_eq!(numbers.unsynchronised.iter().map(|(_, n)| n).sum::<i64>(), 100);
}

#[tokio::test]
async fn a_store_without_records_has_an_empty_day_and_no_usual_range() {
    let (_root, session) = session([]).await;
    let numbers = numbers(&session, &day()).await.unwrap();
    assert_eq!(numbers.totals, Totals::default());
    assert!(numbers.rates.iter().all(|rate| rate.value.is_none() && rate.usual.is_none()));
    assert!(numbers.cameras.is_empty() && numbers.zones.is_empty() && numbers.outcomes.is_empty());
}

#[test]
fn a_camera_that_missed_one_hour_of_four_was_there_for_three_quarters() {
    let span = TimeSpan::new("2026-11-21T18:00:00Z".parse().unwrap(), "2026-11-21T19:00:00Z".parse().unwrap()).unwrap();
    let camera = CameraDay {
        camera: "kiosk".parse().unwrap(),
        recorded_us: 3 * 3_600_000_000,
        gaps: vec![(span, "unreachable".to_owned())],
    };
    assert_eq!(camera.uptime_permille(), 750);
}

#[tokio::test]
async fn every_printed_question_gives_the_number_it_stands_beside() {
    let (_root, session) = over(&whole_day()).await;
    for without in [Vec::new(), vec!["1042".parse().unwrap(), "7".parse().unwrap()]] {
        let day = ReportDay { without, ..day() };
        let numbers = numbers(&session, &day).await.unwrap();
        for rate in &numbers.rates {
            let answer = rows(&session, &rate.sql).await.unwrap();
            let of_day = answer.iter().find(|row| row.text(0) == DAY).map(|row| (row.number(1), row.number(2)));
            assert_eq!(of_day.unwrap_or_default(), (rate.events, rate.of), "{}", rate.sql);
        }
        for (name, sql) in &numbers.questions {
            let answer = rows(&session, sql).await.unwrap_or_else(|error| panic!("{name}: {error:?}\n{sql}"));
            follows(name, &answer, &numbers);
        }
        // What it was made of.
        assert_eq!(numbers.hours, [(12, 100)]);
        let zone = ZoneDay { zone: "kiosk-customer".parse().unwrap(), seconds: 15.0, unknown_seconds: 10.0 };
        assert_eq!(numbers.zones, [zone]);
        let gap = ["2026-11-21T18:01:00Z", "2026-11-21T18:01:55Z"].map(|at| at.parse().unwrap());
        let gaps = vec![(TimeSpan::new(gap[0], gap[1]).unwrap(), "disconnected".to_owned())];
        let camera = CameraDay { camera: "kiosk".parse().unwrap(), recorded_us: 110_000_000, gaps };
        assert_eq!(camera.uptime_permille(), 666);
        assert_eq!(numbers.cameras, [camera]);
        // They are all about the operator who is left out.
        let blind = numbers.outcomes.iter().find(|each| each.outcome == "indeterminate").map(|each| each.times);
        assert_eq!(blind, day.without.is_empty().then_some(2));
    }
}

/// Holds the rows of a question against the number that it stands beside.
fn follows(name: &str, answer: &[Row], numbers: &Numbers) {
    match name {
        "Business of the day" => assert_eq!(Totals::from(&answer[0]), numbers.totals),
        "Hours of the day" => {
            let hours: Vec<(u8, i64)> = answer.iter().map(|row| (row.value(0).unwrap(), row.number(1))).collect();
            assert_eq!(hours, numbers.hours);
        }
        "Clocks not synchronised" => {
            let registers: Vec<(RegisterId, i64)> =
                answer.iter().map(|row| (row.value(0).unwrap(), row.number(1))).collect();
            assert_eq!(registers, numbers.unsynchronised);
        }
        "Zones" => {
            let zone = |row: &Row| ZoneDay {
                zone: row.value(0).unwrap(),
                seconds: row.value(1).unwrap(),
                unknown_seconds: row.value(2).unwrap(),
            };
            assert_eq!(answer.iter().map(zone).collect::<Vec<_>>(), numbers.zones);
        }
        "What rules came to" => {
            let outcome = |row: &Row| OutcomeCount {
                rule: row.text(0),
                outcome: row.text(1),
                why: row.text(2),
                times: row.number(3),
            };
            assert_eq!(answer.iter().map(outcome).collect::<Vec<_>>(), numbers.outcomes);
        }
        "Recorded" => {
            let recorded: Vec<(CameraId, i64)> =
                answer.iter().map(|row| (row.value(0).unwrap(), row.number(1))).collect();
            let cameras = numbers.cameras.iter().map(|day| (day.camera.clone(), day.recorded_us));
            assert_eq!(recorded, cameras.collect::<Vec<_>>());
        }
        "Gaps" => {
            let span = |row: &Row| TimeSpan::new(row.value(1).unwrap(), row.value(2).unwrap()).unwrap();
            let gaps: Vec<(TimeSpan, String)> = answer.iter().map(|row| (span(row), row.text(3))).collect();
            assert_eq!(gaps, numbers.cameras.iter().flat_map(|day| day.gaps.clone()).collect::<Vec<_>>());
        }
        // Alerts are those of the database; there is none in this lake.
        "Exceptions" => assert!(answer.is_empty(), "{name}"),
        other => panic!("{other}: which number does it stand beside?"),
    }
}
