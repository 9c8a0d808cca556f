//! [`Tally`]: what a back-test came to, and how it differs, for people.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use chrono::NaiveDate;
use tillsight_correlate::backtest::{Difference, Piece};
use tillsight_schemas::id::{RuleId, StoreKey};
use tillsight_schemas::judgement::{Judgement, Outcome};
use tillsight_schemas::review::Disposition;
use tillsight_schemas::store::Store;
use uuid::Uuid;

use crate::db::{Odds, weight};

/// Alerts and differences that are shown unless all are asked for.
const SHOWN: usize = 10;

/// What came out so far.
#[derive(Debug)]
pub(super) struct Tally<'a> {
    stores: BTreeMap<StoreKey, &'a Store>,
    days: (NaiveDate, NaiveDate),
    store_days: i64,
    against: &'a str,
    began: Instant,
    transactions: usize,
    tiles: usize,
    counts: BTreeMap<(RuleId, Outcome), usize>,
    /// What fires, and why.
    fired: Vec<(Judgement, String)>,
    /// The rules of which something was said before.
    compared: BTreeSet<RuleId>,
    differs: Vec<Difference>,
    judged: usize,
    cost: BTreeMap<RuleId, std::time::Duration>,
}

impl<'a> Tally<'a> {
    pub(super) fn new(spans: &[(&'a Store, NaiveDate, NaiveDate)], against: &'a str) -> Self {
        let first = spans.iter().map(|(_, first, _)| *first).min().unwrap_or_default();
        let last = spans.iter().map(|(_, _, last)| *last).max().unwrap_or_default();
        Self {
            stores: spans.iter().map(|(store, ..)| (store.key(), *store)).collect(),
            days: (first, last),
            store_days: spans.iter().map(|(_, first, last)| (*last - *first).num_days() + 1).sum(),
            against,
            began: Instant::now(),
            transactions: 0,
            tiles: 0,
            counts: BTreeMap::new(),
            fired: Vec::new(),
            compared: BTreeSet::new(),
            differs: Vec::new(),
            judged: 0,
            cost: BTreeMap::new(),
        }
    }

    /// Counts in a piece; `all`: of every rule it is known what was said before.
    pub(super) fn add(&mut self, piece: &Piece, all: bool) {
        self.transactions += piece.transactions;
        self.tiles += piece.tiles;
        self.judged += piece.judged.len();
        for (key, count) in piece.counts() {
            *self.counts.entry(key).or_default() += count;
        }
        for (rule, took) in &piece.cost {
            *self.cost.entry(rule.clone()).or_default() += *took;
            if all {
                self.compared.insert(rule.clone());
            }
        }
        for one in piece.judged.iter().filter(|one| one.judgement.outcome == Outcome::Fired) {
            let reason = one.alert.as_ref().map_or_else(String::new, |alert| alert.reason.clone());
            self.fired.push((one.judgement.clone(), reason));
        }
        self.compared.extend(piece.live.iter().map(|judgement| judgement.rule_id.clone()));
        self.differs.extend(piece.differs());
    }

    /// The alerts whose decisions matter.
    pub(super) fn alerts(&self) -> Vec<Uuid> {
        let fired = self.fired.iter().map(|(judgement, _)| judgement.judgement_id);
        let changed = self.differs.iter().filter_map(|each| Some(each.judgement()?.judgement_id));
        fired.chain(changed).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// What came out, line by line.
    pub(super) fn told(&self, decided: &BTreeMap<Uuid, Disposition>, long: bool) -> Vec<String> {
        let mut lines = vec![self.head(), String::new()];
        lines.extend(self.table(decided));
        let shown = if long { usize::MAX } else { SHOWN };
        // What a rule says for the first time has nothing to be compared with: it is shown.
        let is_new = |judgement: &Judgement| !self.compared.contains(&judgement.rule_id);
        let fired: Vec<_> = self.fired.iter().filter(|(judgement, _)| long || is_new(judgement)).collect();
        if !fired.is_empty() {
            lines.push(String::new());
        }
        lines.extend(fired.iter().take(shown).map(|(judgement, reason)| format!("{}  {reason}", self.line(judgement))));
        lines.extend(more("alerts", fired.len(), shown));
        lines.extend(self.compared(decided, shown));
        lines
    }

    fn head(&self) -> String {
        let (first, last) = self.days;
        format!(
            "{}, {first} to {last}, {}: {} and {}, in {:.1} s",
            plural(self.stores.len(), "store"),
            plural(usize::try_from(self.store_days).unwrap_or_default(), "store day"),
            plural(self.transactions, "transaction"),
            plural(self.tiles, "tile"),
            self.began.elapsed().as_secs_f64()
        )
    }

    /// A line for each rule: outcomes, alerts a day, and how those were decided that fired live, too.
    #[expect(clippy::cast_precision_loss, reason = "numbers for people")]
    fn table(&self, decided: &BTreeMap<Uuid, Disposition>) -> Vec<String> {
        let rules: BTreeSet<&RuleId> = self.counts.keys().map(|(rule, _)| rule).collect();
        if rules.is_empty() {
            return vec!["no anchor in these days".to_owned()];
        }
        let mut lines = vec![format!(
            "{:28} {:>6} {:>7} {:>13} {:>11} {:>7}  {}",
            "rule", "fired", "silent", "indeterminate", "a store day", "seconds", "confirmed of decided"
        )];
        for rule in rules {
            let of = |outcome| self.counts.get(&(rule.clone(), outcome)).copied().unwrap_or_default();
            let fired = of(Outcome::Fired);
            let rate = fired as f64 / self.store_days.max(1) as f64;
            let took = self.cost.get(rule).copied().unwrap_or_default().as_secs_f64();
            let ids = self.fired.iter().filter(|(judgement, _)| judgement.rule_id == *rule);
            let odds = odds(ids.map(|(judgement, _)| judgement.judgement_id), decided);
            let (silent, blind) = (of(Outcome::Silent), of(Outcome::Indeterminate));
            let line = format!(
                "{:28} {fired:>6} {silent:>7} {blind:>13} {rate:>11.3} {took:>7.2}  {}",
                rule.as_str(),
                precision(odds)
            );
            lines.push(line.trim_end().to_owned());
        }
        lines
    }

    /// What is otherwise than before.
    fn compared(&self, decided: &BTreeMap<Uuid, Disposition>, shown: usize) -> Vec<String> {
        let mut lines = vec![String::new()];
        let rules: BTreeSet<&RuleId> = self.counts.keys().map(|(rule, _)| rule).collect();
        let new: Vec<&str> =
            rules.iter().filter(|rule| !self.compared.contains(**rule)).map(|rule| rule.as_str()).collect();
        if !new.is_empty() {
            lines.push(format!("nothing to compare with: {} judged nothing live in these days", new.join(", ")));
        }
        let mut differs: Vec<&Difference> = self.differs.iter().collect();
        differs.retain(|each| each.judgement().is_some_and(|one| self.compared.contains(&one.rule_id)));
        // What raises an alert, or no longer, comes first.
        differs.sort_by_key(|each| (!(each.is_gained() || each.is_lost()), each.judgement().map(|one| one.event_time)));
        let compared = self.counts.iter().filter(|((rule, _), _)| self.compared.contains(rule)).map(|(_, count)| count);
        let (compared, changed) = (compared.sum::<usize>(), differs.iter().filter(|each| each.now.is_some()).count());
        if compared + differs.len() == 0 {
            return lines;
        }
        let count = |is: fn(&Difference) -> bool| {
            let ids = differs.iter().filter(|each| is(each)).filter_map(|each| Some(each.judgement()?.judgement_id));
            let ids: Vec<Uuid> = ids.collect();
            let odds = odds(ids.iter().copied(), decided);
            let said = match odds.decided {
                0 => String::new(),
                all => format!(" ({} of {all} decided ones confirmed)", odds.confirmed),
            };
            format!("{}{said}", plural(ids.len(), "alert"))
        };
        lines.push(format!("beside {}: {} the same, {} otherwise", self.against, compared - changed, differs.len()));
        lines.push(format!("    gained {}", count(Difference::is_gained)));
        lines.push(format!("    lost   {}", count(Difference::is_lost)));
        for each in differs.iter().take(shown) {
            let word = |judgement: &Option<Judgement>| {
                judgement.as_ref().map_or("not judged".to_owned(), |one| format!("{} ({})", one.outcome, one.why))
            };
            if let Some(one) = each.judgement() {
                let decision = decided.get(&one.judgement_id);
                let decision = decision.map_or_else(String::new, |one| format!("; decided: {one}"));
                lines.push(format!(
                    "{}: before {}, now {}{decision}",
                    self.line(one),
                    word(&each.before),
                    word(&each.now)
                ));
            }
        }
        lines.extend(more("differences", differs.len(), shown));
        lines
    }

    fn line(&self, judgement: &Judgement) -> String {
        let key = StoreKey::new(judgement.tenant_id.clone(), judgement.store_id.clone());
        let format = "%Y-%m-%d %H:%M:%S %Z";
        let at = match self.stores.get(&key) {
            Some(store) => store.local(judgement.event_time).format(format).to_string(),
            None => judgement.event_time.format(format).to_string(),
        };
        format!("    {at} store {} register {} {}", judgement.store_id, judgement.register_id, judgement.rule_id)
    }
}

/// How some alerts were decided.
fn odds(alerts: impl Iterator<Item = Uuid>, decided: &BTreeMap<Uuid, Disposition>) -> Odds {
    alerts.fold(Odds::default(), |odds, alert| {
        let (one, confirmed) = weight(decided.get(&alert).copied());
        Odds { confirmed: odds.confirmed + confirmed, decided: odds.decided + one }
    })
}

fn precision(odds: Odds) -> String {
    odds.precision().map_or_else(String::new, |(share, low, high)| {
        let percent = |share: f64| share * 100.0;
        format!(
            "{} of {}: {:.0} % ({:.0} to {:.0})",
            odds.confirmed,
            odds.decided,
            percent(share),
            percent(low),
            percent(high)
        )
    })
}

fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Says how many are not shown.
fn more(what: &str, all: usize, shown: usize) -> Option<String> {
    (all > shown).then(|| format!("    and {} more {what}; --long shows all", all - shown))
}

#[cfg(test)]
mod tests {
    use tillsight_schemas::port::Judged;

    use super::*;

    fn judged(number: u128, rule: &str, outcome: Outcome, reason: Option<&str>) -> Judged {
        let mut judgement: Judgement =
            serde_json::from_str(include_str!("../../../../schemas/samples/v1/judgement.json")).unwrap();
        judgement.judgement_id = Uuid::from_u128(number);
        judgement.rule_id = rule.parse().unwrap();
        judgement.outcome = outcome;
        let alert = reason.map(|reason| {
            let mut alert: tillsight_schemas::alert::Alert =
                serde_json::from_str(include_str!("../../../../schemas/samples/v1/alert.json")).unwrap();
            reason.clone_into(&mut alert.reason);
            alert
        });
        Judged { judgement, alert, events: Vec::new(), shadow: false }
    }

    fn store() -> Store {
        serde_json::from_value(serde_json::json!({
            "tenant": "acme", "id": "17", "name": "Store 17", "tz": "UTC", "currency": "USD",
        }))
        .unwrap()
    }

    fn told(piece: &Piece, all: bool, decided: &[(u128, Disposition)]) -> String {
        let store = store();
        let day: NaiveDate = "2026-11-21".parse().unwrap();
        let mut tally = Tally::new(&[(&store, day, day)], "what was judged live");
        tally.add(piece, all);
        let decided = decided.iter().map(|(id, decision)| (Uuid::from_u128(*id), *decision)).collect();
        tally.told(&decided, false).join("\n")
    }

    #[test]
    fn a_rule_that_never_judged_live_is_shown_and_not_compared() {
        let old = judged(1, "post_void", Outcome::Silent, None);
        let mut piece = Piece { live: vec![old.judgement.clone()], ..Piece::default() };
        piece.judged =
            vec![old, judged(2, "mine", Outcome::Fired, Some("Opened.")), judged(3, "mine", Outcome::Silent, None)];
        let lines = told(&piece, false, &[]);
        assert!(lines.contains("register 1 mine  Opened."), "{lines}");
        assert!(lines.contains("nothing to compare with: mine judged"), "{lines}");
        assert!(lines.contains("1 the same, 0 otherwise") && !lines.contains("now "), "{lines}");
        piece.live.clear();
        assert!(!told(&piece, false, &[]).contains("otherwise"), "nothing was live");
    }

    #[test]
    fn what_is_gained_and_lost_is_told_with_how_it_was_decided() {
        let before = [judged(1, "mine", Outcome::Fired, None), judged(2, "mine", Outcome::Fired, None)];
        let live = before.iter().map(|one| one.judgement.clone()).collect();
        let now = vec![
            judged(1, "mine", Outcome::Silent, None),
            judged(2, "mine", Outcome::Fired, Some("Opened.")),
            judged(3, "mine", Outcome::Fired, Some("Opened.")),
        ];
        let piece = Piece { live, judged: now, ..Piece::default() };
        let lines = told(&piece, true, &[(1, Disposition::Confirmed), (2, Disposition::NoIssue)]);
        assert!(lines.contains("1 the same, 2 otherwise"), "{lines}");
        assert!(lines.contains("gained 1 alert\n"), "{lines}");
        assert!(lines.contains("lost   1 alert (1 of 1 decided ones confirmed)"), "{lines}");
        assert!(
            lines.contains("before fired (customer_present), now silent (customer_present); decided: confirmed"),
            "{lines}"
        );
        assert!(lines.contains("0 of 1: 0 % (0 to 79)"), "{lines}");
        assert!(lines.contains("2.000"), "alerts a day: {lines}");
    }
}
