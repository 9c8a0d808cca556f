//! Days of stores strung together, in the order in which they happened: what a chain's tills sent over weeks.
//!
//! One day per store is held at a time, so memory does not grow with the number of days. The truth of the days that
//! were drawn so far is kept.

use std::collections::VecDeque;

use chrono::{DateTime, NaiveDate, Utc};
use tillsight_schemas::pos::Transaction;

use crate::journey::Panel;
use crate::plan::StorePlan;
use crate::scenario::{self, Case};
use crate::store_day::{Rung, Setup, simulate_cases};
use crate::truth::{Item, Truth};
use crate::{Error, Result};

/// Days of several stores, as an iterator over what their tills sent, in true time.
#[derive(Debug)]
pub struct History<'a> {
    panel: &'a Panel,
    setup: Setup,
    cases: Vec<&'static Case>,
    until: Option<DateTime<Utc>>,
    last: NaiveDate,
    stores: Vec<Shop<'a>>,
    items: Vec<Item>,
    unplaced: usize,
}

#[derive(Debug)]
struct Shop<'a> {
    plan: &'a StorePlan,
    next_day: Option<NaiveDate>,
    waiting: VecDeque<Rung>,
}

impl<'a> History<'a> {
    /// The business days `first ..= last` of all stores.
    ///
    /// # Errors
    /// A plan cannot work, or the calendar ends.
    pub fn new(
        panel: &'a Panel,
        plans: &'a [StorePlan],
        (first, last): (NaiveDate, NaiveDate),
        setup: Setup,
    ) -> Result<Self> {
        let shop = |plan: &'a StorePlan| {
            plan.check()?;
            let missing = || Error::NoSuchDay { store: plan.store.id.clone(), day: last };
            plan.store.day(last).ok_or_else(missing)?;
            Ok(Shop { plan, next_day: Some(first).filter(|first| *first <= last), waiting: VecDeque::new() })
        };
        let stores = plans.iter().map(shop).collect::<Result<_>>()?;
        let cases = scenario::cases().collect();
        Ok(Self { panel, setup, cases, until: None, last, stores, items: Vec::new(), unplaced: 0 })
    }

    /// Stages other cases than those of the demo; they take turns.
    #[must_use]
    pub fn staging(mut self, cases: impl IntoIterator<Item = &'static Case>) -> Self {
        self.cases = cases.into_iter().collect();
        self
    }

    /// Ends before an instant: what happens later on the last day stays out, and so does a case that is not over.
    #[must_use]
    pub fn until(mut self, instant: DateTime<Utc>) -> Self {
        self.until = Some(instant);
        self
    }

    /// The truth about the days that were drawn so far: all of it once the iterator has ended.
    pub fn truth(&self) -> Truth {
        let over = |item: &&Item| self.until.is_none_or(|until| item.true_time < until);
        let mut items: Vec<_> = self.items.iter().filter(over).cloned().collect();
        items.sort_by(|a, b| (a.true_time, &a.case).cmp(&(b.true_time, &b.case)));
        Truth { seed: self.setup.seed, items }
    }

    /// How many cases found no place.
    pub fn unplaced(&self) -> usize {
        self.unplaced
    }

    /// The same as true times and transactions only.
    pub fn transactions(self) -> impl Iterator<Item = Result<(DateTime<Utc>, Transaction)>> {
        self.map(|rung| rung.map(|rung| (rung.true_time, rung.transaction)))
    }

    /// Draws days until every store has something to send or none left.
    fn refill(&mut self) -> Result<()> {
        for shop in &mut self.stores {
            while let (true, Some(day)) = (shop.waiting.is_empty(), shop.next_day) {
                shop.next_day = day.succ_opt().filter(|next| *next <= self.last);
                let turn = scenario::turn(&self.cases, shop.plan, day, &self.setup);
                let drawn = simulate_cases(self.panel, shop.plan, day, &self.setup, &turn)?;
                self.unplaced += drawn.unplaced.len();
                self.items.extend(drawn.truth);
                shop.waiting = drawn.rung.into();
            }
        }
        Ok(())
    }
}

impl Iterator for History<'_> {
    type Item = Result<Rung>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Err(error) = self.refill() {
            self.stores.clear();
            return Some(Err(error));
        }
        let earliest = self.stores.iter_mut().filter(|shop| !shop.waiting.is_empty());
        let shop = earliest.min_by_key(|shop| shop.waiting.front().map(|rung| rung.true_time))?;
        let rung = shop.waiting.pop_front()?;
        if self.until.is_some_and(|until| rung.true_time >= until) {
            self.stores.clear();
            return None;
        }
        Some(Ok(rung))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;

    fn days(first: &str, last: &str) -> (NaiveDate, NaiveDate) {
        (first.parse().unwrap(), last.parse().unwrap())
    }

    #[test]
    fn stores_in_two_zones_come_in_one_order() {
        let (panel, plans) = (Panel::made_up().unwrap(), demo::stores().unwrap());
        let history = History::new(&panel, &plans, days("2026-11-01", "2026-11-03"), Setup::default()).unwrap();
        let all: Vec<_> = history.transactions().map(Result::unwrap).collect();
        assert!(all.is_sorted_by_key(|(true_time, _)| *true_time));
        let store = |id: &str| all.iter().filter(|(_, transaction)| transaction.store_id.as_str() == id).count();
        assert!(store("17") > 2_000 && store("42") > 2_000);
    }

    #[test]
    fn a_history_can_end_in_the_middle_of_a_day() {
        let (panel, plans) = (Panel::made_up().unwrap(), demo::stores().unwrap());
        let noon: DateTime<Utc> = "2026-11-02T18:00:00Z".parse().unwrap();
        let setup = Setup { cases_per_day: 8, ..Setup::default() };
        let whole = History::new(&panel, &plans, days("2026-11-01", "2026-11-02"), setup).unwrap();
        let wanted: Vec<_> = whole.map(Result::unwrap).filter(|rung| rung.true_time < noon).collect();
        let mut part = History::new(&panel, &plans, days("2026-11-01", "2026-11-02"), setup).unwrap().until(noon);
        let got: Vec<_> = part.by_ref().map(Result::unwrap).collect();
        assert_eq!(got, wanted);
        assert!(part.truth().items.iter().all(|item| item.true_time < noon));
    }

    #[test]
    fn no_day_is_an_empty_history() {
        let (panel, plans) = (Panel::made_up().unwrap(), demo::stores().unwrap());
        let mut history = History::new(&panel, &plans, days("2026-11-03", "2026-11-02"), Setup::default()).unwrap();
        assert!(history.next().is_none());
    }
}
