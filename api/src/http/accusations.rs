//! [`FalseAccusations`]: how many receipts in a thousand get somebody innocent accused by a rule, as its newest back-test has it.
//!
//! A back-test says how often the rule fires over days of a store, and how those of its alerts were decided that there are. What
//! was decided and not confirmed stands for the rest: alerts × share of innocent ÷ receipts. Where nobody has decided, all of
//! them may be innocent, and none.

use chrono::NaiveDate;
use tillsight_correlate::rule::Header;
use tillsight_schemas::error::chain;
use tillsight_schemas::id::RuleId;

use super::Shared;
use super::answer::answer;
use super::auth::Person;
use crate::backtest::{BacktestResult, Kept, State};

answer! {
    /// How often a rule accuses somebody innocent, by the newest back-test of it with its own numbers.
    #[derive(PartialEq)]
    struct FalseAccusations {
        /// The first business day of the back-test.
        from: NaiveDate,
        /// The last.
        to: NaiveDate,
        /// Days of stores.
        store_days: i64,
        /// Records of tills that it read.
        transactions: i64,
        /// Alerts that the rule came to.
        fired: i64,
        /// Those about which somebody decided.
        decided: i64,
        /// Those of them that were not confirmed.
        innocent: i64,
        /// Alerts about somebody innocent in a thousand records; null while nobody has decided.
        per_thousand: Option<f64>,
        /// Where it lies at least, in 95 of 100 cases.
        low: f64,
        /// Where it lies at most.
        high: f64,
    }
}

impl FalseAccusations {
    /// What is known of a rule. Nothing for who does not see all of its alerts, or has no store of a back-test to see.
    pub(super) async fn read(shared: &Shared, person: &Person, header: &Header) -> Option<Self> {
        if !person.scope.without.is_empty() {
            return None;
        }
        let theirs = |Kept { asked, state, .. }: &Kept| {
            *state == State::Done
                && asked.params.is_empty()
                && asked.rules.contains(&header.id)
                && asked.stores.iter().all(|store| person.scope.sees(&asked.tenant, store))
        };
        let newest = shared.backtests.all().into_iter().find(|ticket| theirs(&ticket.kept))?;
        match shared.backtests.result(newest.kept.id).await {
            Ok(result) => Self::of(&result?, &header.id),
            Err(error) => {
                tracing::warn!(backtest = %newest.kept.id, error = %chain(&error), "what a back-test came to cannot be read");
                None
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers for people")]
    fn of(result: &BacktestResult, rule: &RuleId) -> Option<Self> {
        let came_to = result.rules.iter().find(|each| each.rule_id == *rule)?;
        if result.transactions <= 0 {
            return None;
        }
        let thousand = came_to.fired as f64 * 1_000.0 / result.transactions as f64;
        let decided = came_to.precision.as_ref();
        let innocent = |confirmed: f64| thousand * (1.0 - confirmed);
        Some(Self {
            from: result.from,
            to: result.to,
            store_days: result.store_days,
            transactions: result.transactions,
            fired: came_to.fired,
            decided: decided.map_or(0, |each| each.decided),
            innocent: decided.map_or(0, |each| each.decided - each.confirmed),
            per_thousand: decided.map(|each| innocent(each.share)),
            low: innocent(decided.map_or(1.0, |each| each.high)),
            high: innocent(decided.map_or(0.0, |each| each.low)),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A back-test in which a rule fired twenty times in 10,000 records.
    fn result(precision: &serde_json::Value) -> BacktestResult {
        let none = json!({ "count": 0, "decided": 0, "confirmed": 0, "items": [] });
        serde_json::from_value(json!({
            "from": "2026-11-01", "to": "2026-11-14", "store_ids": ["17"], "store_days": 14, "transactions": 10_000,
            "tiles": 0, "seconds": 1.0, "against": "what was judged live",
            "summary": { "rate": 1.4, "rate_before": null, "gained": 0, "lost": 0, "lost_confirmed": 0 },
            "rules": [{
                "rule_id": "post_void", "fired": 20, "silent": 3, "indeterminate": 0, "rate": 1.4, "fired_before": null,
                "rate_before": null, "seconds": 0.1, "precision": precision, "precision_before": null
            }],
            "blind": [], "days": [], "uncompared": [], "same": 0, "differs": 0,
            "gained": none, "lost": none, "otherwise": none, "alerts": none
        }))
        .unwrap()
    }

    #[test]
    fn of_twenty_alerts_a_quarter_were_innocent_which_is_half_a_receipt_in_a_thousand() {
        let decided = json!({ "confirmed": 6, "decided": 8, "share": 0.75, "low": 0.4, "high": 0.9 });
        let found = FalseAccusations::of(&result(&decided), &"post_void".parse().unwrap()).unwrap();
        assert_eq!((found.fired, found.decided, found.innocent, found.per_thousand), (20, 8, 2, Some(0.5)));
        assert!((found.low - 0.2).abs() < 1e-9 && (found.high - 1.2).abs() < 1e-9, "{found:?}");
        assert_eq!(FalseAccusations::of(&result(&decided), &"cancel_burst".parse().unwrap()), None);
    }

    #[test]
    fn while_nobody_has_decided_all_of_them_may_be_innocent_and_none() {
        let found = FalseAccusations::of(&result(&json!(null)), &"post_void".parse().unwrap()).unwrap();
        assert_eq!((found.decided, found.per_thousand), (0, None));
        assert!(found.low.abs() < 1e-9 && (found.high - 2.0).abs() < 1e-9, "{found:?}");
    }
}
