//! What the rules made of what was staged: expected against found.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_correlate::rule::Rule;
use tillsight_datasets::truth::{Item, Truth};
use tillsight_schemas::alert::AlertState as Standing;
use tillsight_schemas::id::StoreId;
use tillsight_schemas::judgement::{Judgement, Outcome};
use uuid::Uuid;

use super::Result;
use crate::db::Db;

/// How long the last anchors may take: a zone that is behind holds one up for two minutes.
const PATIENCE: Duration = Duration::from_secs(150);

/// What came out.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Staged cases.
    pub(super) cases: usize,
    /// Cases that must raise an alert.
    pub(super) expected: usize,
    /// Those that did.
    pub(super) found: usize,
    /// Alerts on staged events that nobody expected.
    pub(super) wrong: usize,
    /// Judgements of staged anchors by the rule they are about, by case.
    pub(super) judged: BTreeMap<String, usize>,
    /// Those that ended in a blind spot.
    pub(super) blind: usize,
    /// What differs, in words.
    pub(super) problems: Vec<String>,
    /// The alerts that stand on staged events.
    pub(super) raised: Vec<Raised>,
}

/// An alert that was raised.
#[derive(Debug)]
pub(super) struct Raised {
    /// Its id.
    pub(super) alert: Uuid,
    /// When its anchor was logged by the broker.
    pub(super) logged_at: DateTime<Utc>,
    /// When it was raised.
    pub(super) raised_at: DateTime<Utc>,
    /// How far after its anchor the rule had to look: its look-ahead, and where it looks at a camera the clock bound.
    pub(super) lookahead: TimeDelta,
}

impl Verdict {
    /// The share of alerts on staged events that were expected.
    pub(super) fn precision(&self) -> f64 {
        share(self.found, self.found + self.wrong)
    }

    /// The share of expected alerts that were raised.
    pub(super) fn recall(&self) -> f64 {
        share(self.found, self.expected)
    }

    /// Whether everything came out as staged.
    pub(super) fn passed(&self) -> bool {
        self.problems.is_empty() && self.expected > 0
    }

    /// How many judgements there are of cases whose name begins so.
    pub(super) fn judged(&self, case: &str) -> usize {
        self.judged.iter().filter(|(name, _)| name.starts_with(case)).map(|(_, count)| count).sum()
    }

    /// In a sentence.
    pub(super) fn sentence(&self) -> String {
        let mut text = format!(
            "{} cases staged: {} of {} expected alerts raised, {} too many, {} blind spots",
            self.cases, self.found, self.expected, self.wrong, self.blind
        );
        for problem in &self.problems {
            text.push_str("\n           ");
            text.push_str(problem);
        }
        text
    }
}

fn share(part: usize, whole: usize) -> f64 {
    let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    if whole == 0 { 1.0 } else { count(part) / count(whole) }
}

/// Waits until every staged anchor is judged for good, and compares.
pub(super) async fn judge(db: &Db, truth: &Truth) -> Result<Verdict> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut all = BTreeMap::new();
        for item in &truth.items {
            all.insert(item.anchor_event_id, db.judgements_of(item.anchor_event_id).await?);
        }
        let waits = |item: &&Item| {
            let judged = all.get(&item.anchor_event_id);
            let about = |judgement: &&Judgement| judgement.rule_id.as_str() == item.scenario && !judgement.provisional;
            // POS-only rules say nothing about an anchor that does not match.
            (item.expected_rule.is_some() || !item.presence.is_empty())
                && !judged.is_some_and(|judged| judged.iter().any(|judgement| about(&judgement)))
        };
        if truth.items.iter().filter(waits).count() == 0 || Instant::now() > deadline {
            return compare(db, truth, &all).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Compares what was staged in one store with what is known of it now.
pub(super) async fn of_store(db: &Db, truth: &Truth, store: &StoreId) -> Result<Verdict> {
    let items: Vec<Item> = truth.items.iter().filter(|item| item.store_id == *store).cloned().collect();
    let mut all = BTreeMap::new();
    for item in &items {
        all.insert(item.anchor_event_id, db.judgements_of(item.anchor_event_id).await?);
    }
    compare(db, &Truth { seed: truth.seed, items }, &all).await
}

async fn compare(db: &Db, truth: &Truth, all: &BTreeMap<Uuid, Vec<Judgement>>) -> Result<Verdict> {
    let rules = Rule::all(None)?;
    let mut verdict = Verdict { cases: truth.items.len(), ..Verdict::default() };
    let staged: BTreeSet<_> =
        truth.items.iter().filter_map(|item| Some((item.anchor_event_id, item.expected_rule.clone()?))).collect();
    for item in &truth.items {
        let judged = all.get(&item.anchor_event_id).map(Vec::as_slice).unwrap_or_default();
        let own = judged.iter().find(|judgement| judgement.rule_id.as_str() == item.scenario);
        if own.is_some() {
            *verdict.judged.entry(item.case.clone()).or_default() += 1;
        }
        verdict.blind += usize::from(own.is_some_and(|own| own.outcome == Outcome::Indeterminate));
        if let Some(rule) = &item.expected_rule {
            verdict.expected += 1;
            let fired = judged.iter().any(|one| one.rule_id.as_str() == rule && one.outcome == Outcome::Fired);
            verdict.found += usize::from(fired);
            if !fired {
                let said = own.map_or("not judged".to_owned(), |own| format!("{} ({})", own.outcome, own.why));
                verdict.problems.push(format!("missed: {} at {}: {said}; {}", item.case, item.true_time, item.why));
            }
        }
        for fired in judged.iter().filter(|judgement| judgement.outcome == Outcome::Fired) {
            if !staged.contains(&(item.anchor_event_id, fired.rule_id.to_string())) {
                verdict.wrong += 1;
                let rule = &fired.rule_id;
                verdict.problems.push(format!("too many: {rule} on {} at {}: {}", item.case, item.true_time, item.why));
            }
            if let Some(row) = db.alert(fired.judgement_id).await?
                && row.alert.state == Standing::Standing
            {
                let rule = rules.iter().find(|rule| rule.header.id == row.alert.rule_id);
                let seconds = rule.map_or(0, |rule| rule.header.lookahead_seconds);
                let looks = rule.is_some_and(|rule| !rule.header.requires.is_empty());
                let bound = if looks { row.alert.clock.uncertainty_us } else { 0 };
                verdict.raised.push(Raised {
                    alert: row.alert.alert_id,
                    logged_at: row.alert.anchor_logged_at,
                    raised_at: row.alert.raised_at,
                    lookahead: TimeDelta::seconds(seconds) + TimeDelta::microseconds(bound),
                });
            }
        }
    }
    Ok(verdict)
}
