//! An alert says what would have kept it away.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::pos::{Kind, PostedTransaction};
use tillsight_schemas::{ReplayClock, topic};

use super::super::{MemoryStore, ScriptedLog, Settings};
use super::*;
use crate::lake::sample::{sale, value};
use crate::rule::Rule;

fn at(minute: u32) -> DateTime<Utc> {
    format!("2026-11-21T18:{minute:02}:00Z").parse().unwrap()
}

/// A record of a minute.
fn rung(n: i64, kind: Kind, minute: u32, total: i64) -> PostedTransaction {
    let mut posted = sale("17", n, &at(minute).to_rfc3339());
    posted.transaction.kind = kind;
    posted.transaction.total_minor = Some(total);
    for tender in &mut posted.transaction.tenders {
        tender.amount_minor = total;
    }
    posted
}

/// The alerts of a rule of the library about some records.
async fn alerts(rule: &str, rung: &[PostedTransaction], explains: bool) -> Vec<Alert> {
    let rules = Rule::shelf().unwrap().into_iter().filter(|known| known.header.id.as_str() == rule).collect();
    let record = |(n, posted): (i64, &PostedTransaction)| {
        ScriptedLog::record(topic::POS_TRANSACTION, n, posted.header.event_time, value(posted))
    };
    let clock = ReplayClock::at(at(0));
    let log = ScriptedLog::new((0..).zip(rung).map(record).collect(), 10, clock.clone());
    let store = MemoryStore::default();
    let settings = Settings { explains, ..Settings::new(Vec::new()) };
    let kept = Arc::new(store.clone());
    let mut engine = Engine::open(settings, rules, Box::new(log.clone()), kept, Arc::new(clock.clone())).await.unwrap();
    while !log.is_finished() {
        engine.step(Duration::ZERO).await.unwrap();
    }
    clock.advance(TimeDelta::minutes(5));
    engine.step(Duration::ZERO).await.unwrap();
    store.judged().into_iter().filter_map(|one| one.alert).collect()
}

#[tokio::test]
async fn six_cancels_would_be_none_too_many_if_six_were_usual() {
    let cancels: Vec<_> = (0..6).map(|n| rung(i64::from(n), Kind::Cancel, n, 1_000)).collect();
    let alerts = alerts("cancel_burst", &cancels, true).await;
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    let numbers = alerts[0].numbers.iter().map(|number| {
        let AlertNumber { name, value, at_most, at_least, .. } = number;
        (name.as_str(), *value, *at_most, *at_least)
    });
    // With four the alert would stand on the fifth cancel: that is no way around it. The first is five minutes back.
    let expected = [("more_than", 5, None, Some(6)), ("within_seconds", 1_800, Some(300), None)];
    assert_eq!(numbers.collect::<Vec<_>>(), expected);
    assert_eq!(
        alerts[0].counterfactual,
        [
            "Would not fire if cancels ≤ 5, or with “more than” at 6 cancels or more.",
            "Would not fire with “within” at 300 s or less (1800 s holds).",
        ]
    );
    let records: Vec<_> = alerts[0].records.iter().map(|record| (record.event_id, record.offset)).collect();
    assert_eq!(
        records,
        cancels.iter().map(|each| (each.header.event_id, each.header.landing_offset)).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn who_does_not_ask_is_told_the_numbers_and_pays_for_nothing_more() {
    let cancels: Vec<_> = (0..6).map(|n| rung(i64::from(n), Kind::Cancel, n, 1_000)).collect();
    let (with, without) = (alerts("cancel_burst", &cancels, true).await, alerts("cancel_burst", &cancels, false).await);
    assert_eq!(without[0].counterfactual, Vec::<String>::new());
    assert_eq!(without[0].numbers.iter().map(|number| number.value).collect::<Vec<_>>(), [5, 1_800]);
    assert_eq!(with[0].content_sha256, without[0].content_sha256);
}

#[test]
fn what_is_compared_is_named_only_where_it_is_beyond_doubt() {
    let mut alert: Alert = serde_json::from_str(include_str!("../../../schemas/samples/v1/alert.json")).unwrap();
    let number = |name: &str, unit: &str, value, at_most, at_least| AlertNumber {
        name: name.to_owned(),
        unit: unit.to_owned(),
        value,
        at_most,
        at_least,
    };
    let fact =
        |name: &str, value: &str| tillsight_schemas::alert::Fact { name: name.to_owned(), value: value.to_owned() };
    alert.facts = vec![fact("voids", "5"), fact("seconds_since_void", "40")];
    alert.numbers = vec![
        number("more_than", "voids", 4, None, Some(5)),
        number("smallest_minor", MINOR, 1_000, None, Some(2_600)),
        number("within_seconds", "s", 120, Some(39), None),
    ];
    assert_eq!(
        sentences(&alert),
        [
            "Would not fire if voids ≤ 4, or with “more than” at 5 voids or more.",
            "Would not fire if the amount < 10.00 USD, or with “smallest” at 26.00 USD or more.",
            "Would not fire if seconds since void > 120, or with “within” at 39 s or less.",
        ]
    );
    alert.facts.push(fact("sales", "5"));
    assert_eq!(sentences(&alert)[0], "Would not fire with “more than” at 5 voids or more (4 voids holds).");
}
