//! Tills in real time: a schedule of what happens from now on, and a counter at which somebody rings on demand.
//!
//! A [`Schedule`] is as busy as the panel's busiest hour whatever the clock says, so that a demo at four in the morning
//! shows a shop. A [`Counter`] is one register in the hands of the caller: each call says when it begins and gets back
//! when it is due.
//!
//! Both number from [`FIRST_SEQUENCE`] plus the seconds of the business day: above what a backfilled part of the same
//! day uses, and above what a session earlier on the same day has used, because nothing is rung twice in a second.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tillsight_schemas::TimeSpan;
use tillsight_schemas::id::{OperatorId, RegisterId};
use tillsight_schemas::pos::TenderType;

use crate::dice::Dice;
use crate::journey::{Panel, WEEK};
use crate::plan::{Role, StorePlan};
use crate::scenario::{Anchor, Case, Placed};
use crate::store_day::ring::{Ringer, attended};
use crate::store_day::session::Session;
use crate::store_day::till::{Draft, Tills};
use crate::store_day::{Rhythm, Rung, everybody};
use crate::truth::Item;
use crate::{Error, Result};

/// The first sequence number of a till that goes live when the business day begins.
pub const FIRST_SEQUENCE: i64 = 5_001;
/// What is rung on demand while a plan is under way numbers from so far above it: more than a day has seconds.
const ON_DEMAND: i64 = 100_000;

/// What happens at the registers of a store from an instant on, in order; each [`Rung`] is due at its true time.
#[derive(Debug)]
pub struct Schedule {
    rung: std::vec::IntoIter<Rung>,
    /// What was staged, with a true time after the start.
    pub truth: Vec<Item>,
}

impl Schedule {
    /// Plans `span` at every register but those in `reserved`, which somebody else rings (see [`Counter`]). Each
    /// register opens at the start and closes at the end.
    ///
    /// # Errors
    /// The plan cannot work, or has no such register.
    pub fn new(panel: &Panel, plan: &StorePlan, span: TimeSpan, seed: u64, reserved: &[RegisterId]) -> Result<Self> {
        Self::with_cases(panel, plan, span, seed, reserved, &[])
    }

    /// The same with staged cases, as far as there is room for them.
    ///
    /// # Errors
    /// The plan cannot work, or has no such register.
    pub fn with_cases(
        panel: &Panel,
        plan: &StorePlan,
        span: TimeSpan,
        seed: u64,
        reserved: &[RegisterId],
        cases: &[&'static Case],
    ) -> Result<Self> {
        plan.check()?;
        if span.duration() < TimeDelta::minutes(5) {
            return Err(Error::Plan {
                store: plan.store.id.clone(),
                problem: "a live session lasts at least five minutes",
            });
        }
        let but = reserved.iter().map(|id| plan.register(id)).collect::<Result<Vec<_>>>()?;
        let busiest = (0..WEEK).max_by_key(|hour| panel.hour(*hour).len()).unwrap_or(0);
        let business_day = plan.store.business_day(span.start());
        let mut session = Session::new((panel, plan), (seed, business_day), span, Vec::new());
        session.posts = everybody(plan, span, &but, &mut session.dice("live"))?;
        session.sign()?;
        session.stage(cases, true)?;
        session.serve(&Rhythm::AlwaysHour(busiest))?;
        session.chores()?;
        let (rung, truth) = session.finish(first_sequence(plan, span.start()))?;
        Ok(Self { rung: rung.into_iter(), truth })
    }
}

impl Iterator for Schedule {
    type Item = Rung;

    fn next(&mut self) -> Option<Rung> {
        self.rung.next()
    }
}

/// What somebody rings on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ring {
    /// A real basket is sold.
    Sale,
    /// Items are taken back for cash.
    Refund,
    /// The drawer is opened without a sale.
    NoSale,
    /// A sale is given up.
    Cancel,
}

/// One register in the caller's hands.
#[derive(Debug, Clone)]
pub struct Counter<'a> {
    panel: &'a Panel,
    plan: StorePlan,
    register: usize,
    operator: OperatorId,
    tills: Tills,
    dice: Dice,
}

impl<'a> Counter<'a> {
    /// Takes a register over at an instant; its records are booked on the business day of that instant.
    ///
    /// # Errors
    /// The plan cannot work, or has no such register.
    pub fn new(
        panel: &'a Panel,
        plan: &StorePlan,
        register: &RegisterId,
        from: DateTime<Utc>,
        seed: u64,
    ) -> Result<Self> {
        plan.check()?;
        let place = plan.register(register)?;
        let start = from.to_rfc3339();
        let scope = [plan.store.tenant.as_str(), plan.store.id.as_str(), register.as_str(), start.as_str()];
        let mut dice = Dice::new(seed, "counter", &scope);
        let cashiers: Vec<_> = plan.with_role(Role::Cashier).collect();
        let nobody = || Error::Plan { store: plan.store.id.clone(), problem: "it has no cashier" };
        let operator = dice.pick(&cashiers).map(|id| (*id).clone()).ok_or_else(nobody)?;
        let tills = Tills::new(plan, plan.store.business_day(from), first_sequence(plan, from));
        Ok(Self { panel, plan: plan.clone(), register: place, operator, tills, dice })
    }

    /// Takes a register over while a plan for it is under way, for one ring a second at most.
    ///
    /// # Errors
    /// As [`Counter::new`].
    pub fn on_demand(
        panel: &'a Panel,
        plan: &StorePlan,
        register: &RegisterId,
        from: DateTime<Utc>,
        seed: u64,
    ) -> Result<Self> {
        let mut counter = Self::new(panel, plan, register, from, seed)?;
        counter.tills = Tills::new(plan, plan.store.business_day(from), first_sequence(plan, from) + ON_DEMAND);
        Ok(counter)
    }

    /// Puts somebody else at the register.
    pub fn sign_on(&mut self, operator: OperatorId) {
        self.operator = operator;
    }

    /// Sets how far the register's clock runs ahead, in seconds.
    pub fn set_clock_ahead(&mut self, seconds: i64) {
        if let Some(register) = self.plan.registers.get_mut(self.register) {
            register.clock.ahead_seconds = seconds;
        }
    }

    /// Rings something that begins at an instant; with a customer there, as far as this till knows. It is due when it
    /// completes ([`Rung::true_time`]).
    ///
    /// # Errors
    /// The panel has no basket that fits.
    pub fn ring(&mut self, what: Ring, begin: DateTime<Utc>) -> Result<Rung> {
        let draft = self.draft(what)?;
        self.write(draft, begin)
    }

    /// The same, taking `lasting` from its begin to its receipt: for a till that follows a film.
    ///
    /// # Errors
    /// The panel has no basket that fits.
    pub fn ring_for(&mut self, what: Ring, begin: DateTime<Utc>, lasting: TimeDelta) -> Result<Rung> {
        let mut draft = self.draft(what)?;
        let (was, will) = (draft.end.max(1), lasting.num_seconds().max(0));
        draft.end = will;
        draft.line_at.iter_mut().for_each(|at| *at = *at * will / was);
        self.write(attended(draft), begin)
    }

    /// Stages a case whose first event begins at an instant, and says what a rule must make of it. Its records are due
    /// at their true times.
    ///
    /// # Errors
    /// The panel has no basket that fits.
    pub fn stage(&mut self, case: &'static Case, begin: DateTime<Utc>) -> Result<(Vec<Rung>, Item)> {
        let staged = self.with_ringer(|ringer| (case.stage)(ringer))?;
        let first = staged.events.iter().map(|draft| draft.begin).min().unwrap_or(0);
        let store = self.plan.store.id.clone();
        let lost = || Error::Plan { store: store.clone(), problem: "a case lost its anchor" };
        let Anchor::Event(anchor) = staged.anchor else { return Err(lost()) };
        let mut events = staged.events;
        events.iter_mut().for_each(|draft| draft.shift(-first));
        events.sort_by_key(|draft| (draft.end, draft.key));
        let keys: Vec<_> = events.iter().map(|draft| draft.key).collect();
        let rung = events.into_iter().map(|draft| self.write(draft, begin)).collect::<Result<Vec<_>>>()?;
        let place = keys.iter().position(|key| *key == anchor).ok_or_else(lost)?;
        let seen = self.plan.registers.get(self.register).is_some_and(|register| register.watched);
        let placed = Placed { case, anchor: Anchor::Event(anchor), events: keys, seen };
        let items = placed.items(&self.plan, rung.get(place).ok_or_else(lost)?, &rung.iter().collect::<Vec<_>>())?;
        let item = items.into_iter().next().ok_or_else(lost)?;
        Ok((rung, item))
    }

    fn draft(&mut self, what: Ring) -> Result<Draft> {
        self.with_ringer(|ringer| {
            let basket = ringer.find("a small basket of pieces", |lines| {
                (2..=8).contains(&lines.len())
                    && lines.iter().all(|line| line.qty_milli == 1_000 && line.extended_minor >= 50)
            })?;
            match what {
                Ring::Sale => ringer.sale(&basket, None),
                Ring::Refund => ringer.refund(&basket, None, TenderType::Cash),
                Ring::NoSale => ringer.no_sale(),
                Ring::Cancel => ringer.cancel(&basket),
            }
        })
    }

    /// Lends a ringer that goes on where the last one stopped drawing.
    fn with_ringer<T>(&mut self, ring: impl FnOnce(&mut Ringer<'_>) -> Result<T>) -> Result<T> {
        let mut ringer = Ringer::new(self.panel, &self.plan, self.dice.clone());
        let made = ring(&mut ringer);
        self.dice = ringer.dice;
        made
    }

    fn write(&mut self, mut draft: Draft, begin: DateTime<Utc>) -> Result<Rung> {
        draft.shift(begin.timestamp());
        draft.assign(&self.plan, self.register, Some(&self.operator));
        self.tills.write(&self.plan, draft)
    }
}

/// The first sequence number of a till that goes live at an instant.
fn first_sequence(plan: &StorePlan, from: DateTime<Utc>) -> i64 {
    let day = plan.store.day(plan.store.business_day(from));
    FIRST_SEQUENCE + day.map_or(0, |day| (from - day.start()).num_seconds())
}

#[cfg(test)]
mod tests;
