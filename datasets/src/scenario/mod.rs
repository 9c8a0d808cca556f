//! Staged frauds and the near misses that look like them, one file for each rule.
//!
//! A [`Case`] says what happens and what a rule must make of it. It is staged at a random place of a store day at which
//! its register is free, under a *quiet* stretch that keeps the background away ([`place`]), or on demand at a till
//! ([`crate::live::Counter`]). The demo stages six families ([`cases`]); the measurement of what rules find and miss stages one
//! for every rule ([`library`]), whose files say what they rely on. The rules of the six, as far as their cases rely on them:
//!
//! | rule | fires when |
//! | --- | --- |
//! | `refund_no_customer` | a refund, and the customer zone is empty over all of it ± 2 s |
//! | `no_sale_no_customer` | the drawer opened by a no-sale, and the customer zone is empty ± 2 s |
//! | `post_void` | a completed cash sale of at least 10.00 is voided within 24 h |
//! | `void_followed_by_no_sale` | a line void, cancel or post-void, then a no-sale at the same register by the same operator within 120 s; the anchor is the no-sale |
//! | `cancel_burst` | more than 5 cancels by one operator within 30 min; the anchor is the sixth |
//! | `price_override_deep` | a price set by hand at least 30 % and at least 10.00 below the shelf price of the line |
//!
//! Nothing fires in training mode, and `unknown` presence never fires a rule about absence.

mod approvals;
mod cancel_burst;
mod drawer;
mod hours;
mod no_sale_no_customer;
mod place;
mod post_void;
mod presence;
mod price_override_deep;
mod refund_counts;
mod refund_no_customer;
mod refunds;
mod shifts;
mod sign_on;
mod void_followed_by_no_sale;

use chrono::{Datelike, NaiveDate};
use tillsight_schemas::id::OperatorId;
use tillsight_schemas::pos::{Entry, Kind, TenderType};

use crate::dice::Dice;
use crate::journey::Basket;
use crate::plan::{Role, StorePlan};
use crate::store_day::Setup;
use crate::store_day::ring::{Ringer, attended, returnable};
use crate::store_day::till::{Draft, Key, Rung};
use crate::truth::{Item, Zone};
use crate::{Error, Result};

pub(crate) use place::Place;

/// A staged fraud or near miss.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The rule that it is about.
    pub scenario: &'static str,
    /// Its name, unique among all cases.
    pub name: &'static str,
    /// Whether the rule must fire.
    pub fires: bool,
    /// Why, in words.
    pub why: &'static str,
    /// Whether what a camera sees decides it.
    pub about_presence: bool,
    /// Other rules that must fire on the same anchor, whatever becomes of its own.
    pub also: &'static [&'static str],
    /// Where in a shift it has its place.
    pub(crate) place: Place,
    /// Seconds before and after it in which its register does nothing but plain sales.
    pub(crate) quiet_seconds: i64,
    /// Rings its events, beginning at second 0.
    pub(crate) stage: Stage,
}

/// Rings the events of a case.
type Stage = fn(&mut Ringer<'_>) -> Result<Staged>;

impl Case {
    /// A case in the middle of a shift of its own, in which the rule must fire.
    const fn fires(scenario: &'static str, name: &'static str, why: &'static str, stage: Stage) -> Self {
        let (about_presence, also, place, quiet_seconds) = (false, &[], Place::Shift, 0);
        Self { scenario, name, fires: true, why, about_presence, also, place, quiet_seconds, stage }
    }

    /// The same with what only looks like it.
    const fn near(scenario: &'static str, name: &'static str, why: &'static str, stage: Stage) -> Self {
        let mut case = Self::fires(scenario, name, why, stage);
        case.fires = false;
        case
    }

    const fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// Decided by what a camera sees.
    const fn seen(mut self) -> Self {
        self.about_presence = true;
        self
    }

    const fn also(mut self, rules: &'static [&'static str]) -> Self {
        self.also = rules;
        self
    }
}

/// What a case stands on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Anchor {
    /// One of its own events.
    Event(Key),
    /// What ends the shift that it lies in: the operator signs off, the register closes.
    End(Kind),
    /// The so-manieth of a kind of what its operator rings on the day, customers' business included.
    Nth(usize, fn(&Draft) -> bool),
}

/// The events of a case, and the one that a rule would fire on.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) events: Vec<Draft>,
    pub(crate) anchor: Anchor,
}

impl Staged {
    /// Events of which the last is the anchor.
    pub(crate) fn ending(events: Vec<Draft>) -> Result<Self> {
        let anchor = events.last().map(|draft| draft.key).ok_or(Error::NoBasket { wanted: "an event" })?;
        Ok(Self { events, anchor: Anchor::Event(anchor) })
    }

    /// Events that a rule counts with all that their operator rings.
    fn counting(events: Vec<Draft>, counts: fn(&Draft) -> bool) -> Result<Self> {
        let anchor = Anchor::Nth(events.len(), counts);
        Ok(Self { events, anchor })
    }

    /// Events that a rule judges when the shift ends.
    fn until(kind: Kind, events: Vec<Draft>) -> Result<Self> {
        Ok(Self { events, anchor: Anchor::End(kind) })
    }
}

/// A case that has its place.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) case: &'static Case,
    pub(crate) anchor: Anchor,
    pub(crate) events: Vec<Key>,
    /// Whether a camera watches its register.
    pub(crate) seen: bool,
}

impl Placed {
    /// What the truth says about it, once its events are written down: an item for each rule that must fire, or one that says
    /// that none may.
    pub(crate) fn items(&self, plan: &StorePlan, anchor: &Rung, events: &[&Rung]) -> Result<Vec<Item>> {
        let case = self.case;
        let decidable = self.seen || !case.about_presence;
        let own = (case.fires && decidable).then_some(case.scenario);
        let mut rules: Vec<_> = own.into_iter().chain(case.also.iter().copied()).map(Some).collect();
        if rules.is_empty() {
            rules.push(None);
        }
        let nobody = || Error::Plan { store: plan.store.id.clone(), problem: "a case has no operator" };
        let item = Item {
            scenario: case.scenario.to_owned(),
            case: case.name.to_owned(),
            expected_rule: None,
            why: match decidable {
                true => case.why.to_owned(),
                false => format!(
                    "No camera watches this register: presence is unknown, and unknown never fires. ({})",
                    case.why
                ),
            },
            anchor_event_id: anchor.event_id,
            event_ids: events.iter().map(|rung| rung.event_id).collect(),
            tenant_id: plan.store.tenant.clone(),
            store_id: plan.store.id.clone(),
            register_id: anchor.transaction.register_id.clone(),
            operator_id: anchor.transaction.operator_id.clone().ok_or_else(nobody)?,
            business_day: anchor.transaction.business_day.unwrap_or_default(),
            true_time: anchor.true_time,
            event_time_raw: anchor.transaction.event_time_raw.clone(),
            presence: match (case.about_presence, anchor.cashier.is_empty()) {
                (false, _) => Vec::new(),
                (true, true) => anchor.presence.clone(),
                (true, false) => anchor.cashier.clone(),
            },
        };
        let expecting = |rule: Option<&str>| Item { expected_rule: rule.map(str::to_owned), ..item.clone() };
        Ok(rules.into_iter().map(expecting).collect())
    }
}

/// Every case of the demo, in a fixed order.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    [
        refund_no_customer::CASES,
        no_sale_no_customer::CASES,
        post_void::CASES,
        void_followed_by_no_sale::CASES,
        cancel_burst::CASES,
        price_override_deep::CASES,
    ]
    .into_iter()
    .flatten()
}

/// Every case of every rule: those of the demo and one family or more for each rule that it leaves out.
pub fn library() -> impl Iterator<Item = &'static Case> {
    let others = [
        approvals::CASES,
        drawer::CASES,
        hours::CASES,
        presence::CASES,
        refund_counts::CASES,
        refunds::CASES,
        shifts::CASES,
        sign_on::CASES,
    ];
    cases().chain(others.into_iter().flatten())
}

/// The case of a name.
pub fn case(name: &str) -> Option<&'static Case> {
    library().find(|case| case.name == name)
}

/// The cases whose turn it is on a day: they go round, so that every one comes as often as any other.
pub(crate) fn turn(cases: &[&'static Case], plan: &StorePlan, day: NaiveDate, setup: &Setup) -> Vec<&'static Case> {
    let mut round = cases.to_vec();
    Dice::new(setup.seed, "turn", &[plan.store.tenant.as_str(), plan.store.id.as_str()]).shuffle(&mut round);
    let per_day = usize::try_from(setup.cases_per_day).unwrap_or(0);
    let from = usize::try_from(day.num_days_from_ce()).unwrap_or(0) * per_day;
    (from..from + per_day).filter_map(|n| round.get(n % round.len()).copied()).collect()
}

/// A stretch with nobody around `begin .. end`.
pub(crate) fn nobody(begin: i64, end: i64) -> Vec<(i64, i64, Zone)> {
    vec![((begin - 12) * 1_000, (end + 12) * 1_000, Zone::Empty)]
}

/// The same with somebody there from one millisecond to another.
pub(crate) fn visit((begin, end): (i64, i64), from: i64, to: i64) -> Vec<(i64, i64, Zone)> {
    let (first, last) = ((begin - 12) * 1_000, (end + 12) * 1_000);
    let parts = [(first, from, Zone::Empty), (from, to, Zone::Occupied), (to, last, Zone::Empty)];
    parts.into_iter().filter(|(from, to, _)| from < to).collect()
}

/// A cash sale between two amounts, in cents.
pub(crate) fn cash_sale(ringer: &mut Ringer<'_>, low: i64, high: i64) -> Result<Draft> {
    sale_of(ringer, TenderType::Cash, low, high)
}

/// A sale between two amounts, paid in a given way.
pub(crate) fn sale_of(ringer: &mut Ringer<'_>, how: TenderType, low: i64, high: i64) -> Result<Draft> {
    let short = |lines: usize| (1..=12).contains(&lines);
    let basket = ringer.find("a small basket of a certain total", |lines| {
        short(lines.len()) && (low..=high).contains(&crate::journey::basket_total(lines))
    })?;
    ringer.sale(&basket, Some(how))
}

/// A sale of one item at a price that the case needs, and the real basket that the item is from. Its records name no basket.
fn one_item(ringer: &mut Ringer<'_>, minor: i64, how: TenderType) -> Result<(Basket, Draft)> {
    let one = |lines: &[_]| matches!(lines, [line] if returnable(line) && line.qty_milli == 1_000);
    let basket = ringer.find("a basket of one item", one)?;
    let mut sale = ringer.sale(&basket, Some(how))?;
    for line in &mut sale.body.lines {
        line.unit_price_minor = Some(minor);
        line.regular_price_minor = Some(minor);
        line.extended_minor = minor;
        line.discount_minor = 0;
        line.entry = Some(Entry::Scanned);
    }
    sale.basket = None;
    ringer.settle(&mut sale, &basket, Some(how));
    Ok((basket, sale))
}

/// The item of such a sale brought back and approved; the receipt names the sale.
fn brought_back(ringer: &mut Ringer<'_>, (basket, sale): &(Basket, Draft), how: TenderType) -> Result<Draft> {
    let mut refund = ringer.refund(basket, Some(sale), how)?;
    refund.body.lines.iter_mut().for_each(|line| line.entry = Some(Entry::Scanned));
    Ok(refund)
}

/// A refund of one item that names no sale: approved, with a customer there.
fn refund_of(ringer: &mut Ringer<'_>, minor: i64, how: TenderType) -> Result<Draft> {
    let sold = one_item(ringer, minor, how)?;
    let mut refund = brought_back(ringer, &sold, how)?;
    refund.refers = None;
    Ok(refund)
}

/// Moves an event so that it completes at a second.
fn done_at(mut draft: Draft, second: i64) -> Draft {
    draft.shift(second - draft.end);
    draft
}

/// Makes an event with a customer there take so many seconds.
fn lasting(mut draft: Draft, seconds: i64) -> Draft {
    let (begin, was) = (draft.begin, (draft.end - draft.begin).max(1));
    draft.line_at.iter_mut().for_each(|at| *at = begin + (*at - begin) * seconds / was);
    draft.end = begin + seconds;
    attended(draft)
}

/// Somebody who may approve, and another one.
fn two_supervisors(ringer: &mut Ringer<'_>) -> Result<[OperatorId; 2]> {
    let mut all: Vec<_> = ringer.plan.with_role(Role::Supervisor).cloned().collect();
    ringer.dice.shuffle(&mut all);
    let few = || Error::Plan { store: ringer.plan.store.id.clone(), problem: "it has fewer than two supervisors" };
    let (last, before) = all.pop().zip(all.pop()).ok_or_else(few)?;
    Ok([last, before])
}

#[cfg(test)]
mod tests;
