//! A rule that fails costs nobody else.

use std::time::Duration;

use tillsight_schemas::ReplayClock;
use tillsight_schemas::pos::Kind;

use super::super::{MemoryStore, ScriptedLog, Settings};
use super::*;
use crate::lake::sample::{sale, value};
use crate::rule::Rule;

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
