//! What a back-test says. The same structs are the lines of `tillsight rule backtest --json`, behind the text of that
//! command, the files of those that were asked for on a page, and the answers of `/api/v1/backtests`.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use tillsight_schemas::id::{RegisterId, RuleId, StoreId};
use tillsight_schemas::judgement::Outcome;
use tillsight_schemas::review::Disposition;
use uuid::Uuid;

use crate::db::Odds;
use crate::http::answer::answer;

/// A line that is told to a program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    /// How far it is.
    Progress(BacktestProgress),
    /// What came out; the last line.
    Result(Box<BacktestResult>),
    /// Why nothing came out; the last line.
    Problem(String),
}

answer! {
    /// How far a back-test is.
    #[derive(Deserialize, PartialEq, Eq)]
    struct BacktestProgress {
        /// Days of stores that were judged.
        done: i64,
        /// How many there are.
        of: i64,
        /// How many seconds it takes still, by what it has taken; null before anything was judged.
        seconds_left: Option<i64>,
    }

    /// How the alerts were decided that a rule came to.
    #[derive(Deserialize, PartialEq)]
    struct BacktestPrecision {
        /// Those that were confirmed.
        confirmed: i64,
        /// Those about which somebody decided.
        decided: i64,
        /// The share of confirmed.
        share: f64,
        /// Where it lies at least, in 95 of 100 cases (Wilson, 1927).
        low: f64,
        /// Where it lies at most.
        high: f64,
    }

    /// What a rule said of an event.
    #[derive(Deserialize, PartialEq, Eq)]
    struct BacktestSaid {
        /// What came out.
        outcome: Outcome,
        /// Which condition decided.
        why: String,
    }

    /// An event of which something else is said than before.
    #[derive(Deserialize, PartialEq, Eq)]
    struct BacktestAlert {
        /// The id that its alert has or would have.
        alert_id: Uuid,
        /// The rule.
        rule_id: RuleId,
        /// The shop.
        store_id: StoreId,
        /// The register.
        register_id: RegisterId,
        /// When it happened.
        event_time: DateTime<Utc>,
        /// The same by the store's clock.
        local_time: String,
        /// Why it fires, or fired, in words; empty where it does neither.
        words: String,
        /// What was said before; null: it was not judged.
        before: Option<BacktestSaid>,
        /// What is said now; null: it is not judged.
        now: Option<BacktestSaid>,
        /// The last decision about its alert.
        decided: Option<Disposition>,
        /// Whether there is such an alert.
        known: bool,
    }

    /// Alerts that are alike, all counted and the first of them listed.
    #[derive(Deserialize, Default, PartialEq, Eq)]
    struct BacktestAlerts {
        /// How many there are.
        count: i64,
        /// Those of them about which somebody decided.
        decided: i64,
        /// Those of them that were confirmed.
        confirmed: i64,
        /// The first of them, by time; of those that are lost the confirmed ones before the others are left out.
        items: Vec<BacktestAlert>,
    }

    /// What a rule came to.
    #[derive(Deserialize, PartialEq)]
    struct BacktestRule {
        /// The rule.
        rule_id: RuleId,
        /// How often it fired.
        fired: i64,
        /// How often it was silent.
        silent: i64,
        /// How often it could not see.
        indeterminate: i64,
        /// Alerts a day of a store.
        rate: f64,
        /// How often it fired before; null where it judged nothing before.
        fired_before: Option<i64>,
        /// Alerts a day of a store before.
        rate_before: Option<f64>,
        /// How many seconds it computed.
        seconds: f64,
        /// How those of its alerts were decided that there are; null while nobody has.
        precision: Option<BacktestPrecision>,
        /// The same of the alerts before.
        precision_before: Option<BacktestPrecision>,
    }

    /// Why a rule could not see.
    #[derive(Deserialize, PartialEq, Eq)]
    struct BacktestReason {
        /// The rule.
        rule_id: RuleId,
        /// Which condition decided.
        why: String,
        /// How often.
        count: i64,
    }

    /// A business day of all stores together.
    #[derive(Deserialize, PartialEq, Eq)]
    struct BacktestDay {
        /// The day.
        day: NaiveDate,
        /// How many stores are looked at.
        stores: i64,
        /// Alerts.
        fired: i64,
        /// Alerts before, of the rules that judged then.
        fired_before: i64,
    }

    /// A back-test in five numbers.
    #[derive(Deserialize, PartialEq)]
    struct BacktestSummary {
        /// Alerts a day of a store.
        rate: f64,
        /// The same before; null where one of the rules judged nothing before.
        rate_before: Option<f64>,
        /// Alerts that there are now only.
        gained: i64,
        /// Alerts that there were before only.
        lost: i64,
        /// Those of them that were confirmed.
        lost_confirmed: i64,
    }

    /// What a back-test came to.
    #[derive(Deserialize, PartialEq)]
    struct BacktestResult {
        /// The first business day.
        from: NaiveDate,
        /// The last.
        to: NaiveDate,
        /// The stores.
        store_ids: Vec<StoreId>,
        /// Days of stores.
        store_days: i64,
        /// Transactions that were read.
        transactions: i64,
        /// Tiles of presence that were read.
        tiles: i64,
        /// How many seconds it took.
        seconds: f64,
        /// What it is compared with, in words.
        against: String,
        /// In five numbers.
        summary: BacktestSummary,
        /// What each rule came to.
        rules: Vec<BacktestRule>,
        /// Why rules could not see, the most frequent reason first.
        blind: Vec<BacktestReason>,
        /// Each day.
        days: Vec<BacktestDay>,
        /// Rules that said nothing before, so that nothing can be compared.
        uncompared: Vec<RuleId>,
        /// Judgements that are the same.
        same: i64,
        /// Judgements that are otherwise.
        differs: i64,
        /// Alerts that there are now only.
        gained: BacktestAlerts,
        /// Alerts that there were before only.
        lost: BacktestAlerts,
        /// What is otherwise without an alert more or less.
        otherwise: BacktestAlerts,
        /// The alerts of rules that said nothing before.
        alerts: BacktestAlerts,
    }
}

impl BacktestProgress {
    /// What is told of a part that is done.
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "numbers for people")]
    pub(crate) fn of(done: f64, of: i64, took: Duration) -> Self {
        let done = done.clamp(0.0, 1.0);
        let left = (done > 0.0).then(|| took.as_secs_f64() * (1.0 - done) / done);
        Self { done: (done * of as f64).round() as i64, of, seconds_left: left.map(|left| left.round() as i64) }
    }
}

impl BacktestPrecision {
    /// What is shown of how alerts were decided; nothing while nobody has.
    pub(crate) fn of(odds: Odds) -> Option<Self> {
        let (share, low, high) = odds.precision()?;
        Some(Self { confirmed: odds.confirmed, decided: odds.decided, share, low, high })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_from_what_was_done_and_a_line_reads_as_it_was_written() {
        let progress = BacktestProgress::of(0.25, 56, Duration::from_secs(3));
        assert_eq!(progress, BacktestProgress { done: 14, of: 56, seconds_left: Some(9) });
        assert_eq!(BacktestProgress::of(0.0, 56, Duration::from_secs(3)).seconds_left, None);
        let line = serde_json::to_string(&Line::Progress(progress.clone())).unwrap();
        assert_eq!(line, r#"{"progress":{"done":14,"of":56,"seconds_left":9}}"#);
        assert_eq!(serde_json::from_str::<Line>(&line).unwrap(), Line::Progress(progress));
        let problem = serde_json::to_string(&Line::Problem("no such rule".into())).unwrap();
        assert_eq!(problem, r#"{"problem":"no such rule"}"#);
    }
}
