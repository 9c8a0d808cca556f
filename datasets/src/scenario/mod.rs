//! Staged frauds and the near misses that look like them, one file for each rule.
//!
//! A [`Case`] says what happens and what a rule must make of it. It is staged at a random place of a store day at which
//! its register is free, under a *quiet* stretch that keeps the background away, or on demand at a till
//! ([`crate::live::Counter`]). The rules, as far as the cases rely on them:
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

mod cancel_burst;
mod no_sale_no_customer;
mod post_void;
mod price_override_deep;
mod refund_no_customer;
mod void_followed_by_no_sale;

use chrono::{Datelike, NaiveDate};
use tillsight_schemas::pos::TenderType;

use crate::dice::Dice;
use crate::plan::{StorePlan, TimeStyle};
use crate::store_day::Setup;
use crate::store_day::ring::Ringer;
use crate::store_day::session::Session;
use crate::store_day::till::{Draft, Key, Rung};
use crate::truth::{Item, Zone};
use crate::{Error, Result};

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
    /// Seconds before and after it in which its register does nothing but plain sales.
    pub(crate) quiet_seconds: i64,
    /// Rings its events, beginning at second 0.
    pub(crate) stage: fn(&mut Ringer<'_>) -> Result<Staged>,
}

/// The events of a case, and the one that a rule would fire on.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) events: Vec<Draft>,
    pub(crate) anchor: Key,
}

impl Staged {
    /// Events of which the last is the anchor.
    pub(crate) fn ending(events: Vec<Draft>) -> Result<Self> {
        let anchor = events.last().map(|draft| draft.key).ok_or(Error::NoBasket { wanted: "an event" })?;
        Ok(Self { events, anchor })
    }
}

/// A case that has its place.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) case: &'static Case,
    pub(crate) anchor: Key,
    pub(crate) events: Vec<Key>,
    /// Whether a camera watches its register.
    pub(crate) seen: bool,
}

impl Placed {
    /// What the truth says about it, once its events are written down.
    pub(crate) fn item(&self, plan: &StorePlan, anchor: &Rung, events: &[&Rung]) -> Result<Item> {
        let case = self.case;
        let decidable = self.seen || !case.about_presence;
        let nobody = || Error::Plan { store: plan.store.id.clone(), problem: "a case has no operator" };
        Ok(Item {
            scenario: case.scenario.to_owned(),
            case: case.name.to_owned(),
            expected_rule: (case.fires && decidable).then(|| case.scenario.to_owned()),
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
            presence: if case.about_presence { anchor.presence.clone() } else { Vec::new() },
        })
    }
}

/// Every case, in a fixed order.
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

/// The case of a name.
pub fn case(name: &str) -> Option<&'static Case> {
    cases().find(|case| case.name == name)
}

/// The cases whose turn it is on a day: they go round, so that every one comes as often as any other.
pub(crate) fn turn(plan: &StorePlan, day: NaiveDate, setup: &Setup) -> Vec<&'static Case> {
    let mut round: Vec<_> = cases().collect();
    Dice::new(setup.seed, "turn", &[plan.store.tenant.as_str(), plan.store.id.as_str()]).shuffle(&mut round);
    let per_day = usize::try_from(setup.cases_per_day).unwrap_or(0);
    let from = usize::try_from(day.num_days_from_ce()).unwrap_or(0) * per_day;
    (from..from + per_day).filter_map(|n| round.get(n % round.len()).copied()).collect()
}

impl Session<'_> {
    /// Finds a place for each case; returns those for which there is none.
    pub(crate) fn stage(&mut self, cases: &[&'static Case], video: bool) -> Result<Vec<&'static str>> {
        let mut dice = self.dice("scenarios");
        let mut unplaced = Vec::new();
        for case in cases {
            let staged = (case.stage)(&mut self.ringer)?;
            if !self.place(case, staged, video, &mut dice) {
                unplaced.push(case.name);
            }
        }
        Ok(unplaced)
    }

    fn place(&mut self, case: &'static Case, staged: Staged, video: bool, dice: &mut Dice) -> bool {
        let extent = staged.events.iter().map(Draft::occupies);
        let (from, to) = extent.fold((0, 0), |(from, to), (begin, end)| (from.min(begin), to.max(end)));
        let watched = |register: usize| video && self.plan.registers.get(register).is_some_and(|till| till.watched);
        let by_second = |register: usize| {
            self.plan.registers.get(register).is_some_and(|till| till.clock.style != TimeStyle::LocalMinutes)
        };
        // Where only minutes are written, seconds decide nothing; where cameras watch, presence cases go there.
        let choosy = case.about_presence && (0..self.lanes.len()).any(watched);
        let fits = |register: usize| by_second(register) && (watched(register) || !choosy);
        let posts: Vec<_> = self.posts.iter().filter(|post| fits(post.register)).cloned().collect();
        for _ in 0..400 {
            let Some(post) = dice.pick(&posts) else { return false };
            let at = dice.between(post.start - from, post.end - to);
            let Some(lane) = self.lanes.get(post.register) else { continue };
            let stretch = (at + from - case.quiet_seconds, at + to + case.quiet_seconds);
            let free = staged.events.iter().all(|draft| {
                let (begin, end) = draft.occupies();
                lane.taken.is_free(at + begin, at + end)
            });
            if at + from < post.start || at + to > post.end || !free || lane.is_quiet(stretch.0, stretch.1) {
                continue;
            }
            let (register, anchor) = (post.register, staged.anchor);
            let events = staged.events.iter().map(|draft| draft.key).collect();
            let seen = watched(register);
            self.placed.push(Placed { case, anchor, events, seen });
            for draft in staged.events {
                self.put(draft, register, at);
            }
            if let Some(lane) = self.lanes.get_mut(register) {
                lane.quiet.push(stretch);
            }
            return true;
        }
        false
    }
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

#[cfg(test)]
mod tests;
