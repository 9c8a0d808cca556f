//! A day of a store: real baskets, and everything around them simulated at the documented [rates](crate::rates).
//!
//! The day is a function of panel, plan, date and seed. It is filled in a fixed order (shifts, scenarios, customers,
//! chores) into the seconds of each register; then it is written down in the order in which things completed. All
//! events lie within the business day of the store, which has 23, 24 or 25 hours.

mod calendar;
mod chores;
mod customers;
mod pay;
pub(crate) mod ring;
pub(crate) mod session;
pub(crate) mod till;

use chrono::NaiveDate;
use tillsight_schemas::TimeSpan;
use tillsight_schemas::pos::{Kind, TenderType, Transaction};

pub(crate) use calendar::everybody;
pub(crate) use customers::Rhythm;
pub use till::Rung;

use crate::journey::Panel;
use crate::plan::StorePlan;
use crate::scenario::{self, Case};
use crate::truth::Item;
use crate::{Error, Result};

use session::Session;

/// What may differ between two simulations of the same day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setup {
    /// Where chance begins.
    pub seed: u64,
    /// How many staged cases each store day gets; they take turns, so that all come.
    pub cases_per_day: u32,
    /// Whether cameras watch: without video nothing about presence is known, and no rule about it may fire.
    pub video: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self { seed: 1, cases_per_day: 2, video: false }
    }
}

/// One business day of one store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreDay {
    /// The business day.
    pub day: NaiveDate,
    /// Its instants.
    pub span: TimeSpan,
    /// What the tills sent, in true time.
    pub rung: Vec<Rung>,
    /// What was staged.
    pub truth: Vec<Item>,
    /// Cases for which the day had no room.
    pub unplaced: Vec<&'static str>,
}

/// Simulates a day with the cases whose turn it is.
///
/// # Errors
/// The plan cannot work, or the calendar does not have the day.
pub fn simulate(panel: &Panel, plan: &StorePlan, day: NaiveDate, setup: &Setup) -> Result<StoreDay> {
    let cases: Vec<_> = scenario::cases().collect();
    simulate_cases(panel, plan, day, setup, &scenario::turn(&cases, plan, day, setup))
}

/// Simulates a day with given cases.
///
/// # Errors
/// The plan cannot work, or the calendar does not have the day.
pub fn simulate_cases(
    panel: &Panel,
    plan: &StorePlan,
    day: NaiveDate,
    setup: &Setup,
    cases: &[&'static Case],
) -> Result<StoreDay> {
    plan.check()?;
    let span = plan.store.day(day).ok_or_else(|| Error::NoSuchDay { store: plan.store.id.clone(), day })?;
    let mut session = Session::new((panel, plan), (setup.seed, day), span, Vec::new());
    session.posts = calendar::roster(plan, day, &mut session.dice("roster"))?;
    session.sign()?;
    let unplaced = session.stage(cases, setup.video)?;
    session.serve(&Rhythm::OfThePanel(plan.hours))?;
    session.chores()?;
    let (rung, truth) = session.finish(1)?;
    Ok(StoreDay { day, span, rung, truth, unplaced })
}

/// Whether the cash drawer opens for a transaction: cash changes hands, or the till exists to open it. (The POS model
/// has no record of the drawer itself; what a drawer sensor says travels on a topic of its own.)
pub fn opens_drawer(transaction: &Transaction) -> bool {
    let cash = transaction.tenders.iter().any(|tender| tender.tender_type == TenderType::Cash);
    transaction.kind == Kind::NoSale || (cash && !transaction.training)
}

#[cfg(test)]
mod tests;
