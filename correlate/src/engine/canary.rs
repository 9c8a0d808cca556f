//! The canary's rule: it hears every canary, by SQL as every other rule, and its alert goes out with the epoch as any other.
//!
//! A canary ([`tillsight_schemas::canary`]) belongs to no store's memory: no other rule sees it, it moves no clock and no
//! floor, and what is made of it is neither a judgement nor an alert of the database.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::{canary, topic};

use super::around::{Memories, Ready, window};
use super::clock::Clocks;
use super::judge::{self, failed, record};
use super::memory::{Event, Memory};
use super::plan::{Compiled, Room};
use super::verdict::{self, Circumstances};
use super::{Engine, EngineError};
use crate::rule::{Rule, RuleError};

const HEADER: &str = r#"
id = "canary"
version = "1.0"
name = "Canary"
description = "A synthetic transaction of each store and day: its alert proves that the whole path works."
severity = "info"
scope = "register"
anchor = ["OTHER"]
lookback_seconds = 0
lookahead_seconds = 0
longest_seconds = 3600
reads = []
title = "Canary"
explanation = "It came through at register {register}."
clip = { before_seconds = 0, after_seconds = 0 }
"#;
const SQL: &str = "SELECT event_id AS anchor_id, 'fired' AS outcome, 'heard' AS why FROM anchor";

/// The rule, ready to judge.
async fn rule() -> Result<Compiled, RuleError> {
    Compiled::new(Rule::new(HEADER, SQL, Vec::new())?, &Room::default()).await
}

impl Engine {
    /// Hears the canaries that have come, and has their alerts told with the next epoch. One on which the rule fails is not
    /// told: whoever sent it misses it.
    pub(super) async fn hear(&mut self, now: DateTime<Utc>) -> Result<(), EngineError> {
        if self.canaries.is_empty() {
            return Ok(());
        }
        // It is planned when the first one comes.
        let hears = match self.canary.take() {
            Some(planned) => planned,
            None => rule().await?,
        };
        let header = &hears.rule.header;
        for event in std::mem::take(&mut self.canaries) {
            let posted = &event.posted;
            let store = StoreKey::new(posted.header.tenant_id.clone(), posted.transaction.store_id.clone());
            let ready = Ready {
                item: (0, posted.header.event_id),
                anchor: judge::anchor(&self.settings, &Clocks::default(), posted, &store),
                store: store.clone(),
                provisional: false,
                logged_at: event.logged_at,
                left_out: None,
            };
            let mut alone: Memories = BTreeMap::from([(store.clone(), Memory::default())]);
            let seen = window(&mut alone, header, &[&ready])?;
            let rows = match hears.run(seen).await.and_then(|batches| verdict::rows(&hears, &batches)) {
                Ok(rows) => rows,
                Err(error) => {
                    failed(canary::RULE, &error, "the canary was not heard");
                    continue;
                }
            };
            let (Some(row), Some(near)) = (rows.get(&ready.item.1), alone.get(&store)) else { continue };
            let around = Circumstances {
                header,
                anchor: &ready.anchor,
                near,
                cameras: Vec::new(),
                provisional: false,
                logged_at: ready.logged_at,
                now,
            };
            self.heard.extend(record(topic::ALERT, canary::key(&store), &around.alert(row, 0))?);
        }
        self.canary = Some(hears);
        Ok(())
    }

    /// Whether a transaction is a canary: then it is kept to be heard, and is none of the store's.
    pub(super) fn takes_canary(&mut self, event: &Event, replayed: bool) -> bool {
        let is_one = canary::is_sender(&event.posted.header.integrator_id);
        if is_one && !replayed {
            self.canaries.push(event.clone());
        }
        is_one
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tillsight_schemas::ReplayClock;
    use tillsight_schemas::pos::{Kind, PostedTransaction};

    use super::super::{MemoryStore, ScriptedLog, Settings};
    use super::*;
    use crate::lake::sample::{sale, value};

    const AT: &str = "2026-11-21T18:00:00Z";

    fn rung(number: i64, kind: Kind, integrator: &str) -> PostedTransaction {
        let mut posted = sale("17", number, AT);
        posted.transaction.kind = kind;
        posted.header.integrator_id = integrator.parse().unwrap();
        posted
    }

    /// What is judged, and on which topics something is told, when this is rung.
    async fn came_of(rung: &[PostedTransaction]) -> (usize, bool) {
        let log = |(offset, posted): (i64, &PostedTransaction)| {
            ScriptedLog::record(topic::POS_TRANSACTION, offset, AT.parse().unwrap(), value(posted))
        };
        let clock = ReplayClock::at(AT.parse().unwrap());
        let log = ScriptedLog::new((0..).zip(rung).map(log).collect(), 10, clock.clone());
        let (store, settings) = (MemoryStore::default(), Settings::new(Vec::new()));
        let kept = Arc::new(store.clone());
        let rules = Rule::library().unwrap();
        let mut engine =
            Engine::open(settings, rules, Box::new(log.clone()), kept, Arc::new(clock.clone())).await.unwrap();
        while !log.is_finished() {
            engine.step(Duration::ZERO).await.unwrap();
        }
        clock.advance(chrono::TimeDelta::minutes(5));
        engine.step(Duration::ZERO).await.unwrap();
        (store.judged().len(), store.told().contains(topic::ALERT))
    }

    #[tokio::test]
    async fn a_canary_comes_out_and_counts_nowhere() {
        assert_eq!(came_of(&[rung(1, Kind::Other, "tillsight-canary.acme")]).await, (0, true));
        assert_eq!(came_of(&[rung(1, Kind::Other, "till")]).await, (0, false), "a till's other record is none");
    }

    #[tokio::test]
    async fn no_rule_sees_a_canary_whatever_it_is() {
        let till = came_of(&[rung(1, Kind::Return, "till")]).await;
        let both = came_of(&[rung(1, Kind::Return, "till"), rung(2, Kind::Return, "tillsight-canary.acme")]).await;
        assert_eq!(till.0, both.0);
        assert!(till.0 > 0, "rules do judge a return");
    }
}
