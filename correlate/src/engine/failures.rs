//! [`Failures`]: rules that fail on events. Each is counted; the log has the first at once and then a line a minute, so that
//! a rule which fails on every receipt does not fill it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::metric;

/// How long a rule is quiet after a line.
const BETWEEN: TimeDelta = TimeDelta::minutes(1);

/// The failures of one rule.
#[derive(Debug, Default)]
struct Failed {
    told_at: Option<DateTime<Utc>>,
    /// Events since it was told last.
    events: u64,
    /// Why it failed on one of them.
    why: String,
}

/// The rules that failed, by id.
#[derive(Debug, Default)]
pub(super) struct Failures(BTreeMap<String, Failed>);

impl Failures {
    /// Counts events that a rule failed on.
    pub(super) fn note(&mut self, rule: &str, events: u64, why: String) {
        metrics::counter!(metric::RULE_FAILURES, "rule" => rule.to_owned()).increment(events);
        let failed = self.0.entry(rule.to_owned()).or_default();
        failed.events += events;
        failed.why = why;
    }

    /// Tells the log what is due.
    pub(super) fn tell(&mut self, now: DateTime<Utc>) {
        for (rule, events, error) in self.due(now) {
            tracing::error!(rule, events, error, "a rule failed on events, which it cannot judge");
        }
    }

    /// The rules that are to be told of now, each with the events since it was told last.
    fn due(&mut self, now: DateTime<Utc>) -> Vec<(&str, u64, &str)> {
        let mut due = Vec::new();
        for (rule, failed) in &mut self.0 {
            // A clock that was set back keeps nobody quiet.
            let quiet = failed.told_at.is_some_and(|told_at| (now - told_at).abs() < BETWEEN);
            if failed.events > 0 && !quiet {
                failed.told_at = Some(now);
                due.push((rule.as_str(), std::mem::take(&mut failed.events), failed.why.as_str()));
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_is_told_at_once_and_then_a_line_a_minute() {
        let at = |second: i64| DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap();
        let mut failures = Failures::default();
        assert_eq!(failures.due(at(0)), []);
        failures.note("mine", 3, "no such column".to_owned());
        assert_eq!(failures.due(at(0)), [("mine", 3, "no such column")]);
        failures.note("mine", 5, "no such column".to_owned());
        failures.note("mine", 2, "divided by zero".to_owned());
        failures.note("other", 1, "too large".to_owned());
        assert_eq!(failures.due(at(30)), [("other", 1, "too large")], "each rule has its own minute");
        assert_eq!(failures.due(at(60)), [("mine", 7, "divided by zero")]);
        assert_eq!(failures.due(at(3_600)), [], "nothing new");
        failures.note("mine", 1, "no such column".to_owned());
        assert_eq!(failures.due(at(-3_600)), [("mine", 1, "no such column")], "the clock was set back");
    }
}
