//! [`Tally`]: counts what a back-test comes to, a piece at a time. It keeps numbers and the first alerts of each kind, never
//! the judgements, so that it stays small whatever the span is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use tillsight_correlate::backtest::{Difference, Piece};
use tillsight_schemas::id::{RuleId, StoreKey};
use tillsight_schemas::judgement::{Judgement, Outcome};
use tillsight_schemas::review::Disposition;
use tillsight_schemas::store::Store;
use uuid::Uuid;

use super::result::{
    BacktestAlert, BacktestAlerts, BacktestDay, BacktestPrecision, BacktestReason, BacktestResult, BacktestRule,
    BacktestSaid, BacktestSummary,
};
use crate::db::{Odds, Standing, weight};

/// A piece, and what it is compared with.
#[derive(Debug)]
pub(crate) struct Seen {
    piece: Piece,
    differs: Vec<Difference>,
    /// Why alerts fired that another version of a rule raises, by id.
    words: BTreeMap<Uuid, String>,
    /// The rules of which it is known what was said before.
    compared: BTreeSet<RuleId>,
}

impl Seen {
    /// A piece beside what was judged live.
    pub(crate) fn beside_live(piece: Piece) -> Self {
        Self::new(piece, BTreeMap::new(), BTreeSet::new())
    }

    /// A piece beside the same one by other rules or numbers.
    pub(crate) fn beside(mut piece: Piece, other: Piece) -> Self {
        let alerts = other.judged.iter().filter_map(|one| Some((one.judgement.judgement_id, one.alert.as_ref()?)));
        let words = alerts.map(|(id, alert)| (id, alert.reason.clone())).collect();
        let compared = other.cost.into_keys().collect();
        piece.live = other.judged.into_iter().map(|one| one.judgement).collect();
        Self::new(piece, words, compared)
    }

    fn new(piece: Piece, words: BTreeMap<Uuid, String>, mut compared: BTreeSet<RuleId>) -> Self {
        compared.extend(piece.live.iter().map(|judgement| judgement.rule_id.clone()));
        Self { differs: piece.differs(), piece, words, compared }
    }

    /// Which part of the back-test is done with it.
    pub(crate) fn done(&self) -> f64 {
        self.piece.done
    }

    /// The alerts whose decisions matter.
    pub(crate) fn alerts(&self) -> Vec<Uuid> {
        let now = self.piece.judged.iter().map(|one| &one.judgement);
        let fired = now.chain(&self.piece.live).filter(|one| one.outcome == Outcome::Fired);
        let changed = self.differs.iter().filter_map(Difference::judgement);
        fired.chain(changed).map(|one| one.judgement_id).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// What came out so far.
#[derive(Debug)]
pub(crate) struct Tally<'a> {
    stores: BTreeMap<StoreKey, &'a Store>,
    span: (NaiveDate, NaiveDate),
    against: String,
    /// How many alerts of each kind are listed of a rule.
    most: usize,
    began: Instant,
    transactions: usize,
    tiles: usize,
    rules: BTreeMap<RuleId, OfRule>,
    days: BTreeMap<NaiveDate, OfDay>,
}

/// What a rule came to.
#[derive(Debug, Default)]
struct OfRule {
    /// How often each outcome.
    counts: BTreeMap<Outcome, i64>,
    fired_before: i64,
    /// Whether it is known what was said before.
    compared: bool,
    odds: Odds,
    odds_before: Odds,
    cost: Duration,
    /// Differences, and those of them that are judged now.
    differs: i64,
    changed: i64,
    alerts: Listed,
    gained: Listed,
    lost: Listed,
    otherwise: Listed,
    blind: BTreeMap<String, i64>,
}

/// Stores of a day, and alerts now and before by rule.
#[derive(Debug, Default)]
struct OfDay {
    stores: i64,
    fired: i64,
    before: BTreeMap<RuleId, i64>,
}

/// Alerts that are alike: all counted, the first of them kept.
#[derive(Debug, Default)]
struct Listed {
    count: i64,
    odds: Odds,
    confirmed: Vec<BacktestAlert>,
    others: Vec<BacktestAlert>,
}

impl<'a> Tally<'a> {
    /// Nothing yet, of some stores with their days; `against` says what it is compared with, `most` how many alerts of each
    /// kind are listed of a rule.
    pub(crate) fn new(spans: &[(&'a Store, NaiveDate, NaiveDate)], against: &str, most: usize) -> Self {
        let first = spans.iter().map(|(_, first, _)| *first).min().unwrap_or_default();
        let last = spans.iter().map(|(_, _, last)| *last).max().unwrap_or_default();
        let mut days: BTreeMap<NaiveDate, OfDay> = BTreeMap::new();
        for (_, first, last) in spans {
            for day in first.iter_days().take_while(|day| day <= last) {
                days.entry(day).or_default().stores += 1;
            }
        }
        Self {
            stores: spans.iter().map(|(store, ..)| (store.key(), *store)).collect(),
            span: (first, last),
            against: against.to_owned(),
            most,
            began: Instant::now(),
            transactions: 0,
            tiles: 0,
            rules: BTreeMap::new(),
            days,
        }
    }

    /// Days of stores.
    pub(crate) fn store_days(&self) -> i64 {
        self.days.values().map(|day| day.stores).sum()
    }

    /// Counts in a piece, with how it stands with its alerts.
    pub(crate) fn add(&mut self, seen: &Seen, standing: &BTreeMap<Uuid, Standing>) {
        let piece = &seen.piece;
        self.transactions += piece.transactions;
        self.tiles += piece.tiles;
        for rule in &seen.compared {
            self.rules.entry(rule.clone()).or_default().compared = true;
        }
        for (rule, took) in &piece.cost {
            self.rules.entry(rule.clone()).or_default().cost += *took;
        }
        let decided = |id: &Uuid| odds(standing.get(id).and_then(|standing| standing.decided));
        for one in &piece.judged {
            let judgement = &one.judgement;
            let of = self.rules.entry(judgement.rule_id.clone()).or_default();
            *of.counts.entry(judgement.outcome).or_default() += 1;
            match judgement.outcome {
                Outcome::Fired => {
                    of.odds = sum(of.odds, decided(&judgement.judgement_id));
                    let reason = one.alert.as_ref().map_or("", |alert| alert.reason.as_str());
                    let alert = alert(&self.stores, judgement, reason, standing);
                    of.alerts.put(BacktestAlert { now: Some(said(judgement)), ..alert }, self.most);
                    if let Some(day) = day_of(&self.stores, &mut self.days, judgement) {
                        day.fired += 1;
                    }
                }
                Outcome::Indeterminate => *of.blind.entry(judgement.why.clone()).or_default() += 1,
                Outcome::Silent => {}
            }
        }
        for judgement in piece.live.iter().filter(|judgement| judgement.outcome == Outcome::Fired) {
            let of = self.rules.entry(judgement.rule_id.clone()).or_default();
            of.fired_before += 1;
            of.odds_before = sum(of.odds_before, decided(&judgement.judgement_id));
            if let Some(day) = day_of(&self.stores, &mut self.days, judgement) {
                *day.before.entry(judgement.rule_id.clone()).or_default() += 1;
            }
        }
        let reasons: BTreeMap<Uuid, &str> = piece
            .judged
            .iter()
            .filter_map(|one| Some((one.judgement.judgement_id, one.alert.as_ref()?.reason.as_str())))
            .collect();
        for each in &seen.differs {
            let Some(judgement) = each.judgement() else { continue };
            let id = judgement.judgement_id;
            let known = || standing.get(&id).map(|standing| standing.reason.as_str());
            let words = if each.is_gained() {
                reasons.get(&id).copied()
            } else if each.is_lost() {
                seen.words.get(&id).map(String::as_str).or_else(known)
            } else {
                None
            };
            let alert = alert(&self.stores, judgement, words.unwrap_or_default(), standing);
            let (before, now) = (each.before.as_ref().map(said), each.now.as_ref().map(said));
            let of = self.rules.entry(judgement.rule_id.clone()).or_default();
            of.differs += 1;
            of.changed += i64::from(now.is_some());
            let list = if each.is_gained() {
                &mut of.gained
            } else if each.is_lost() {
                &mut of.lost
            } else {
                &mut of.otherwise
            };
            list.put(BacktestAlert { before, now, ..alert }, self.most);
        }
    }

    /// What came out. `all`: alerts of every rule are listed, not only of those that have nothing to be compared with.
    pub(crate) fn result(&self, all: bool) -> BacktestResult {
        let store_days = self.store_days();
        // A rule that judged nothing, now or before, has nothing to say.
        let told = |of: &OfRule| of.differs > 0 || of.counts.values().any(|count| *count > 0);
        let rules: Vec<(&RuleId, &OfRule)> = self.rules.iter().filter(|(_, of)| told(of)).collect();
        let compared = || self.rules.values().filter(|of| of.compared);
        let uncompared: Vec<RuleId> =
            rules.iter().filter(|(_, of)| !of.compared).map(|(rule, _)| (*rule).clone()).collect();
        let listed = |of: fn(&OfRule) -> &Listed| gathered(compared().map(of), self.most);
        let (gained, lost) = (listed(|of| &of.gained), listed(|of| &of.lost));
        let alerts = gathered(self.rules.values().filter(|of| all || !of.compared).map(|of| &of.alerts), self.most);
        let fired: i64 = rules.iter().map(|(_, of)| of.fired()).sum();
        let fired_before: i64 = compared().map(|of| of.fired_before).sum();
        let summary = BacktestSummary {
            rate: rate(fired, store_days),
            rate_before: uncompared.is_empty().then(|| rate(fired_before, store_days)),
            gained: gained.count,
            lost: lost.count,
            lost_confirmed: lost.confirmed,
        };
        let mut blind: Vec<BacktestReason> = rules
            .iter()
            .flat_map(|(rule, of)| of.blind.iter().map(move |(why, count)| ((*rule).clone(), why.clone(), *count)))
            .map(|(rule_id, why, count)| BacktestReason { rule_id, why, count })
            .collect();
        blind.sort_by_key(|reason| std::cmp::Reverse(reason.count));
        let known = |rule: &RuleId| self.rules.get(rule).is_some_and(|of| of.compared);
        let days = self.days.iter().map(|(day, of)| BacktestDay {
            day: *day,
            stores: of.stores,
            fired: of.fired,
            fired_before: of.before.iter().filter(|(rule, _)| known(rule)).map(|(_, count)| count).sum(),
        });
        BacktestResult {
            from: self.span.0,
            to: self.span.1,
            store_ids: self.stores.keys().map(|key| key.store.clone()).collect(),
            store_days,
            transactions: count(self.transactions),
            tiles: count(self.tiles),
            seconds: self.began.elapsed().as_secs_f64(),
            against: self.against.clone(),
            summary,
            rules: rules.iter().map(|(rule, of)| of.told(rule, store_days)).collect(),
            blind,
            days: days.collect(),
            same: compared().map(|of| of.counts.values().sum::<i64>() - of.changed).sum(),
            differs: compared().map(|of| of.differs).sum(),
            otherwise: listed(|of| &of.otherwise),
            uncompared,
            gained,
            lost,
            alerts,
        }
    }
}

impl OfRule {
    fn fired(&self) -> i64 {
        self.counts.get(&Outcome::Fired).copied().unwrap_or_default()
    }

    fn told(&self, rule: &RuleId, store_days: i64) -> BacktestRule {
        let of = |outcome| self.counts.get(&outcome).copied().unwrap_or_default();
        let before = self.compared.then_some(self.fired_before);
        BacktestRule {
            rule_id: rule.clone(),
            fired: self.fired(),
            silent: of(Outcome::Silent),
            indeterminate: of(Outcome::Indeterminate),
            rate: rate(self.fired(), store_days),
            fired_before: before,
            rate_before: before.map(|before| rate(before, store_days)),
            seconds: self.cost.as_secs_f64(),
            precision: BacktestPrecision::of(self.odds),
            precision_before: BacktestPrecision::of(self.odds_before),
        }
    }
}

impl Listed {
    /// Counts one, and lists it while there is room.
    fn put(&mut self, alert: BacktestAlert, most: usize) {
        let one = odds(alert.decided);
        self.count += 1;
        self.odds = sum(self.odds, one);
        let list = if one.confirmed > 0 { &mut self.confirmed } else { &mut self.others };
        if list.len() < most {
            list.push(alert);
        }
    }
}

/// The lists of all rules as one.
fn gathered<'a>(lists: impl Iterator<Item = &'a Listed>, most: usize) -> BacktestAlerts {
    let mut all = BacktestAlerts::default();
    let (mut confirmed, mut others): (Vec<&BacktestAlert>, Vec<&BacktestAlert>) = (Vec::new(), Vec::new());
    for list in lists {
        all.count += list.count;
        all.decided += list.odds.decided;
        all.confirmed += list.odds.confirmed;
        confirmed.extend(&list.confirmed);
        others.extend(&list.others);
    }
    let by_time = |alert: &&BacktestAlert| (alert.event_time, alert.alert_id);
    confirmed.sort_by_key(by_time);
    others.sort_by_key(by_time);
    // What was confirmed is the last to be left out.
    all.items = confirmed.into_iter().chain(others).take(most).cloned().collect();
    all.items.sort_by_key(|alert| (alert.event_time, alert.alert_id));
    all
}

/// An alert, before it is known what was said and what is.
fn alert(
    stores: &BTreeMap<StoreKey, &Store>,
    judgement: &Judgement,
    words: &str,
    standing: &BTreeMap<Uuid, Standing>,
) -> BacktestAlert {
    let format = "%Y-%m-%d %H:%M:%S %Z";
    let known = standing.get(&judgement.judgement_id);
    BacktestAlert {
        alert_id: judgement.judgement_id,
        rule_id: judgement.rule_id.clone(),
        store_id: judgement.store_id.clone(),
        register_id: judgement.register_id.clone(),
        event_time: judgement.event_time,
        local_time: match stores.get(&key(judgement)) {
            Some(store) => store.local(judgement.event_time).format(format).to_string(),
            None => judgement.event_time.format(format).to_string(),
        },
        words: words.to_owned(),
        before: None,
        now: None,
        decided: known.and_then(|standing| standing.decided),
        known: known.is_some(),
    }
}

fn key(judgement: &Judgement) -> StoreKey {
    StoreKey::new(judgement.tenant_id.clone(), judgement.store_id.clone())
}

fn said(judgement: &Judgement) -> BacktestSaid {
    BacktestSaid { outcome: judgement.outcome, why: judgement.why.clone() }
}

/// The business day that a judgement belongs to.
fn day_of<'d>(
    stores: &BTreeMap<StoreKey, &Store>,
    days: &'d mut BTreeMap<NaiveDate, OfDay>,
    judgement: &Judgement,
) -> Option<&'d mut OfDay> {
    days.get_mut(&stores.get(&key(judgement))?.business_day(judgement.event_time))
}

fn odds(decided: Option<Disposition>) -> Odds {
    let (decided, confirmed) = weight(decided);
    Odds { confirmed, decided }
}

fn sum(one: Odds, other: Odds) -> Odds {
    Odds { confirmed: one.confirmed + other.confirmed, decided: one.decided + other.decided }
}

fn count(all: usize) -> i64 {
    i64::try_from(all).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "numbers for people")]
fn rate(alerts: i64, store_days: i64) -> f64 {
    alerts as f64 / store_days.max(1) as f64
}
