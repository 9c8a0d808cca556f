//! [`Why`]: why a rule judged an archived event as it did, and which of its numbers would have turned it.
//!
//! Each number is moved by itself, the others as they held, and the event is judged again among all that was around it.
//! Told is the number nearest to what holds at which firing and not firing change places ([`Turn`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use tillsight_schemas::TimeSpan;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::judgement::Outcome;
use tillsight_schemas::pos::PostedTransaction;
use uuid::Uuid;

use crate::backtest::{BacktestError, Past};
use crate::engine::{Asked, Settings, Turn};
use crate::lake::History;
use crate::rule::Rule;

/// Why a rule judged an event as it did.
#[derive(Debug, Clone)]
pub struct Why {
    /// The event.
    pub anchor: Arc<PostedTransaction>,
    /// What the rule says.
    pub outcome: Outcome,
    /// Its reason; `not_an_anchor` where the rule does not judge events of this kind.
    pub why: String,
    /// What it found, by name.
    pub facts: BTreeMap<String, String>,
    /// Its numbers.
    pub numbers: Vec<Number>,
}

/// A number of the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// What held for the event.
    pub holds: i64,
    /// Between which numbers it may be.
    pub limits: (i64, i64),
    /// The greatest number below what holds with which it turns.
    pub at_most: Option<i64>,
    /// The least number above.
    pub at_least: Option<i64>,
}

impl Why {
    /// Asks a rule about an event of a store. `None` when the lake has no such event at this time.
    ///
    /// # Errors
    /// [`BacktestError`].
    pub async fn ask(
        history: &History,
        rule: &Rule,
        settings: Settings,
        store: &StoreKey,
        (event, span): (Uuid, TimeSpan),
    ) -> Result<Option<Self>, BacktestError> {
        let past = Past::read(history, store, span).await?;
        let mut engine = past.remembered(vec![rule.clone()], settings).await?;
        let Some(Asked { anchor, numbers: held, row }) = engine.ask(store, event, None).await? else {
            return Ok(None);
        };
        let hints = row.numbers();
        let mut why = Self { anchor, outcome: row.outcome, why: row.why, facts: row.facts, numbers: Vec::new() };
        let fires = why.outcome == Outcome::Fired;
        for (place, (name, param)) in rule.header.params.iter().enumerate() {
            let holds = held.get(place).copied().unwrap_or(param.default);
            let mut number = Number {
                name: name.clone(),
                unit: param.unit.clone(),
                holds,
                limits: (param.min, param.max),
                at_most: None,
                at_least: None,
            };
            // What is not judged at all, no number turns.
            if !matches!(why.why.as_str(), "not_an_anchor" | "left_out" | "switched_off" | "replaced" | "too_long") {
                for (limit, found) in [(param.min, &mut number.at_most), (param.max, &mut number.at_least)] {
                    let mut turn = Turn::new(holds, limit, &hints);
                    let mut with = held.clone();
                    while let Some(value) = turn.asks() {
                        if let Some(number) = with.get_mut(place) {
                            *number = value;
                        }
                        let asked = engine.ask(store, event, Some(with.as_slice().into())).await?;
                        turn.hears(value, asked.is_some_and(|asked| (asked.row.outcome == Outcome::Fired) != fires));
                    }
                    *found = turn.found();
                }
            }
            why.numbers.push(number);
        }
        Ok(Some(why))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::{DateTime, TimeDelta, Utc};
    use tillsight_schemas::pos::Kind;
    use tillsight_schemas::{ReplayClock, topic};

    use super::*;
    use crate::lake::sample::{sale, value};
    use crate::lake::{ArchiveConfig, Archiver, MemoryLog};
    use crate::rule::{Adjustment, Adjustments, Says};

    const AT: &str = "2026-11-21T18:00:00Z";

    /// A lake with a refund of 10.00 at noon of Chicago, and a rule that fires from 4.00 on, after what a store said.
    async fn asked(said: Option<i64>, kind: Kind) -> Why {
        let at: DateTime<Utc> = AT.parse().unwrap();
        let mut posted = sale("17", 1, AT);
        posted.transaction.kind = kind;
        posted.transaction.total_minor = Some(1_000);
        let event = posted.header.event_id;
        let log = MemoryLog::default().and(topic::POS_TRANSACTION, 1);
        log.append_to(topic::POS_TRANSACTION, value(&posted));
        let lake = tempfile::tempdir().unwrap();
        let clock = Arc::new(ReplayClock::at(at));
        let config = ArchiveConfig::new(lake.path());
        let mut archiver = Archiver::open(config, Box::new(log.reader()), clock).await.unwrap();
        while archiver.step(Duration::from_millis(1)).await.unwrap() > 0 {}
        archiver.commit().await.unwrap();
        let history = History::open(lake.path()).await.unwrap();
        let store: StoreKey = "acme/17".parse().unwrap();
        assert_eq!(history.find(event).await.unwrap(), Some((store.clone(), at)));
        assert_eq!(history.find(Uuid::nil()).await.unwrap(), None);

        let library = Rule::library().unwrap().into_iter();
        let mut rule = library.clone().find(|rule| rule.header.id.as_str() == "cash_refund_high").unwrap();
        rule.header.reads.clear();
        rule.sql =
            "SELECT a.event_id AS anchor_id, CASE WHEN a.total_minor >= p.smallest_minor THEN 'fired' ELSE 'silent' \
                    END AS outcome, 'looked_at' AS why, a.total_minor FROM anchor a \
                    JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id"
                .to_owned();
        let numbers = said.map(|smallest| Adjustment {
            tenant: store.tenant.clone(),
            store: None,
            rule: None,
            says: Says::Numbers([("smallest_minor".to_owned(), smallest)].into()),
            from: at - TimeDelta::days(1),
            to: None,
        });
        let adjusted = Adjustments::new(numbers.into_iter().collect());
        let settings = Settings { adjusted, ..Settings::new(Vec::new()) };
        let span = TimeSpan::new(at, at + TimeDelta::microseconds(1)).unwrap();
        Why::ask(&history, &rule, settings, &store, (event, span)).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn what_would_have_turned_it_is_told_to_the_unit() {
        let why = asked(None, Kind::Return).await;
        assert_eq!((why.outcome, why.facts["total_minor"].as_str()), (Outcome::Silent, "1000"));
        let number = &why.numbers[0];
        assert_eq!((number.holds, number.at_most, number.at_least), (10_000, Some(1_000), None));
        let why = asked(Some(400), Kind::Return).await;
        let number = &why.numbers[0];
        assert_eq!((why.outcome, number.holds), (Outcome::Fired, 400), "by what the store says");
        assert_eq!((number.at_most, number.at_least), (None, Some(1_001)));
        let why = asked(None, Kind::Sale).await;
        assert_eq!((why.why.as_str(), why.numbers[0].at_most), ("not_an_anchor", None));
    }
}
