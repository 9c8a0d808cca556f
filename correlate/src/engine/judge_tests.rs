//! A rule that fails costs nobody else; stores have numbers of their own.

use std::time::Duration;

use tillsight_schemas::ReplayClock;
use tillsight_schemas::id::RuleId;
use tillsight_schemas::pos::Kind;
use tillsight_schemas::zone::Zone;

use super::super::{MemoryStore, ScriptedLog, Settings};
use super::*;
use crate::lake::sample::{sale, value};
use crate::rule::{Adjustment, Adjustments, Rule, Says};

/// Fails on an event without an amount.
const DIVIDES: &str = "SELECT event_id AS anchor_id, CASE WHEN 100 / total_minor > 0 THEN 'silent' ELSE 'silent' END AS \
                       outcome, 'looked_at' AS why FROM anchor";

fn rule(id: &str, sql: &str) -> Rule {
    let mut rule =
        Rule::library().unwrap().into_iter().find(|rule| rule.header.id.as_str() == "cash_refund_high").unwrap();
    rule.header.id = id.parse().unwrap();
    sql.clone_into(&mut rule.sql);
    rule
}

/// What three refunds come to, the second of which comes to nothing.
async fn judged(passes_over: bool, at_once: usize) -> Result<Vec<(String, String)>, EngineError> {
    let at = "2026-11-21T18:00:00Z";
    let refund = |(n, total): (i64, i64)| {
        let mut posted = sale("17", n, at);
        posted.transaction.kind = Kind::Return;
        posted.transaction.total_minor = Some(total);
        ScriptedLog::record(topic::POS_TRANSACTION, n, at.parse().unwrap(), value(&posted))
    };
    let clock = ReplayClock::at(at.parse().unwrap());
    let log = ScriptedLog::new([(0, 500), (1, 0), (2, 700)].map(refund).to_vec(), at_once, clock.clone());
    let store = MemoryStore::default();
    let settings = Settings { passes_over, ..Settings::new(Vec::new()) };
    let rules = vec![rule("unplanned", "SELECT nothing FROM anchor"), rule("divides", DIVIDES)];
    let rules = rules.into_iter().filter(|rule| passes_over || rule.header.id.as_str() == "divides").collect();
    let kept = Arc::new(store.clone());
    let mut engine = Engine::open(settings, rules, Box::new(log.clone()), kept, Arc::new(clock.clone())).await?;
    while !log.is_finished() {
        engine.step(Duration::ZERO).await?;
    }
    clock.advance(TimeDelta::minutes(5));
    engine.step(Duration::ZERO).await?;
    let said = store.judged().into_iter().map(|one| (one.judgement.rule_id.to_string(), one.judgement.why));
    Ok(said.collect())
}

#[tokio::test]
async fn an_event_on_which_a_rule_fails_is_indeterminate_and_the_others_are_judged() {
    for at_once in [1, 10] {
        let mut said = judged(true, at_once).await.unwrap();
        said.sort();
        let divides = |why: &str| ("divides".to_owned(), why.to_owned());
        assert_eq!(said, [divides("looked_at"), divides("looked_at"), divides("rule_failed")]);
    }
    let error = judged(false, 10).await.unwrap_err();
    assert!(matches!(error, EngineError::Rule(_)), "tests of rules and back-tests say why: {error}");
}

/// Fires on what is at least as large as the store says.
const LARGE: &str = "SELECT a.event_id AS anchor_id, CASE WHEN a.total_minor >= p.smallest_minor THEN 'fired' ELSE \
                     'silent' END AS outcome, 'looked_at' AS why FROM anchor a \
                     JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id";

#[tokio::test]
async fn a_number_of_a_store_holds_for_its_events_from_then_on_and_who_is_left_out_is_not_judged() {
    let at = |minute: u32| -> DateTime<Utc> { format!("2026-11-21T18:{minute:02}:00Z").parse().unwrap() };
    let rule_id: RuleId = "large".parse().unwrap();
    let said = |store: Option<&str>, from: u32, to: Option<u32>, says: Says| Adjustment {
        tenant: "acme".parse().unwrap(),
        store: store.map(|store| store.parse().unwrap()),
        rule: Some(rule_id.clone()),
        says,
        from: at(from),
        to: to.map(at),
    };
    let smaller = Says::Numbers([("smallest_minor".to_owned(), 400)].into());
    let register = Some(sale("17", 0, "2026-11-21T18:00:00Z").transaction.register_id);
    let trained = Says::LeaveOut { register, operator: None };
    let adjusted = Adjustments::new(vec![
        said(Some("17"), 10, None, smaller),
        said(Some("17"), 30, Some(40), trained),
        said(None, 50, None, Says::Off),
    ]);
    for at_once in [1, 3, 100] {
        let refund = |(n, (store, minute)): (i64, (&str, u32))| {
            let mut posted = sale(store, n, &format!("2026-11-21T18:{minute:02}:00Z"));
            posted.transaction.kind = Kind::Return;
            posted.transaction.total_minor = Some(500);
            ScriptedLog::record(topic::POS_TRANSACTION, n, at(minute), value(&posted))
        };
        let told = [("17", 5), ("18", 5), ("17", 15), ("18", 15), ("17", 35), ("17", 45), ("17", 55), ("18", 55)];
        let log_clock = ReplayClock::at(at(0));
        let log = ScriptedLog::new((0..).zip(told).map(refund).collect(), at_once, log_clock.clone());
        let store = MemoryStore::default();
        let settings = Settings { adjusted: adjusted.clone(), ..Settings::new(Vec::new()) };
        let kept = Arc::new(store.clone());
        let rules = vec![rule("large", LARGE)];
        let mut engine =
            Engine::open(settings, rules, Box::new(log.clone()), kept, Arc::new(log_clock.clone())).await.unwrap();
        while !log.is_finished() {
            engine.step(Duration::ZERO).await.unwrap();
        }
        log_clock.advance(TimeDelta::minutes(5));
        engine.step(Duration::ZERO).await.unwrap();
        let mut judged: Vec<_> = store
            .judged()
            .into_iter()
            .map(|Judged { judgement: one, .. }| {
                let minute = (one.event_time - at(0)).num_minutes();
                (one.store_id.to_string(), minute, one.outcome.as_str().to_owned(), one.why)
            })
            .collect();
        judged.sort();
        let line = |store: &str, minute: i64, outcome: &str, why: &str| {
            (store.to_owned(), minute, outcome.to_owned(), why.to_owned())
        };
        let expected = [
            line("17", 5, "silent", "looked_at"),
            line("17", 15, "fired", "looked_at"),
            line("17", 35, "silent", "left_out"),
            line("17", 45, "fired", "looked_at"),
            line("17", 55, "silent", "switched_off"),
            line("18", 5, "silent", "looked_at"),
            line("18", 15, "silent", "looked_at"),
            line("18", 55, "silent", "switched_off"),
        ];
        assert_eq!(judged, expected, "in ticks of {at_once}");
    }
}

#[tokio::test]
async fn a_history_that_grows_beyond_its_bound_loses_its_oldest_days() {
    let first: DateTime<Utc> = "2026-11-01T10:00:00Z".parse().unwrap();
    // Three refunds a day.
    let refund = |n: i64| {
        let at = first + TimeDelta::hours(8 * n);
        let mut posted = sale("17", n, &at.to_rfc3339());
        posted.transaction.kind = Kind::Return;
        ScriptedLog::record(topic::POS_TRANSACTION, n, at, value(&posted))
    };
    let mut remembered = Vec::new();
    for bound in [10, 1_000] {
        let clock = ReplayClock::at(first);
        let log = ScriptedLog::new((0..40).map(refund).collect(), 1, clock.clone());
        let mut rules = Rule::shelf().unwrap();
        rules.retain(|rule| rule.header.id.as_str() == "refund_same_card");
        let settings = Settings { history_events: bound, ..Settings::new(Vec::new()) };
        let kept = Arc::new(MemoryStore::default());
        let mut engine = Engine::open(settings, rules, Box::new(log.clone()), kept, Arc::new(clock)).await.unwrap();
        while !log.is_finished() {
            engine.step(Duration::ZERO).await.unwrap();
        }
        remembered.extend(engine.memories.values().map(Memory::past));
    }
    let newest = (first + TimeDelta::hours(8 * 39)).timestamp_micros();
    let (count, oldest) = remembered[0];
    assert!((8..=10).contains(&count), "{remembered:?}");
    assert!(oldest.is_some_and(|oldest| newest - oldest < 4 * 86_400_000_000), "the newest stay: {remembered:?}");
    assert_eq!(remembered[1], (40, Some(first.timestamp_micros())));
}

#[tokio::test]
async fn a_rule_on_trial_judges_and_raises_and_holds_no_video() {
    let at = "2026-11-21T18:00:00Z";
    let mut posted = sale("17", 1, at);
    posted.transaction.kind = Kind::Return;
    posted.transaction.total_minor = Some(50_000);
    let zone: Zone = serde_json::from_value(serde_json::json!({
        "id": "counter", "camera": "till", "kind": "drawer", "register": posted.transaction.register_id, "version": 1,
        "polygon": [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]
    }))
    .unwrap();
    for shadow in [false, true] {
        let trial = Adjustment {
            tenant: "acme".parse().unwrap(),
            store: None,
            rule: "large".parse().ok(),
            says: Says::Shadow,
            from: at.parse().unwrap(),
            to: None,
        };
        let clock = ReplayClock::at(at.parse().unwrap());
        let record = ScriptedLog::record(topic::POS_TRANSACTION, 0, at.parse().unwrap(), value(&posted));
        let log = ScriptedLog::new(vec![record], 10, clock.clone());
        let store = MemoryStore::default();
        let settings = Settings {
            adjusted: Adjustments::new(if shadow { vec![trial] } else { Vec::new() }),
            ..Settings::new(vec![("acme/17".parse().unwrap(), zone.clone())])
        };
        let (kept, rules) = (Arc::new(store.clone()), vec![rule("large", LARGE)]);
        let mut engine =
            Engine::open(settings, rules, Box::new(log.clone()), kept, Arc::new(clock.clone())).await.unwrap();
        while !log.is_finished() {
            engine.step(Duration::ZERO).await.unwrap();
        }
        clock.advance(TimeDelta::minutes(5));
        engine.step(Duration::ZERO).await.unwrap();
        let judged = store.judged();
        assert_eq!(judged.len(), 1, "{judged:?}");
        assert!(judged[0].alert.is_some() && judged[0].shadow == shadow, "{judged:?}");
        assert_eq!(store.told().contains(topic::HOLD), !shadow, "{:?}", store.told());
    }
}
