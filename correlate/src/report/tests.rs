//! The numbers of a day, asked as the report asks them.

use std::sync::Arc;
use std::time::Duration;

use tillsight_schemas::ReplayClock;
use tillsight_schemas::pos::{Kind, PostedTransaction};
use tillsight_schemas::store::Store;
use tillsight_schemas::topic::POS_TRANSACTION;

use super::*;
use crate::lake::sample::{sale, value};
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

async fn session(records: impl IntoIterator<Item = PostedTransaction>) -> (tempfile::TempDir, Session) {
    let root = tempfile::tempdir().unwrap();
    let clock = Arc::new(ReplayClock::at("2026-11-22T03:00:00Z".parse().unwrap()));
    let log = MemoryLog::new(POS_TRANSACTION, 1);
    for record in records {
        log.append(0, value(&record));
    }
    let mut archiver = Archiver::open(ArchiveConfig::new(root.path()), Box::new(log.reader()), clock).await.unwrap();
    while archiver.step(Duration::from_millis(1)).await.unwrap() > 0 {}
    archiver.commit().await.unwrap();
    let history = History::open(root.path()).await.unwrap();
    let engine = Engine::over(&history, vec![kiosk()], Limits::default()).unwrap();
    (root, engine.session(Scope { tenant: "acme".parse().unwrap(), stores: Stores::All }).unwrap())
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
    let (_root, session) = session(business(20, 40, 3).chain(business(21, 90, 10))).await;
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
            match *name {
                "Business of the day" => assert_eq!(Totals::from(&answer[0]), numbers.totals),
                "Hours of the day" => assert_eq!(answer.iter().map(|row| row.number(1)).sum::<i64>(), 100),
                "Clocks not synchronised" => assert_eq!(answer.len(), numbers.unsynchronised.len()),
                "Zones" => assert_eq!(answer.len(), numbers.zones.len()),
                "What rules came to" => assert_eq!(answer.len(), numbers.outcomes.len()),
                "Recorded" | "Gaps" | "Exceptions" => assert!(answer.is_empty(), "{name}"),
                other => panic!("{other}: which number does it stand beside?"),
            }
        }
    }
}
