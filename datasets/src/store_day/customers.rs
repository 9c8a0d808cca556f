//! Customers come at the panel's rhythm, bring a real basket of that hour of the week, and take the lane with the shortest wait.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::session::Session;
use super::till::Draft;
use crate::Result;
use crate::dice::Dice;
use crate::journey::{Basket, WEEK, hour_of_week};
use crate::plan::Hours;
use tillsight_schemas::pos::Kind;

/// Seconds between two customers at a lane.
const CHANGE_OVER: i64 = 3;

/// How many customers come in each hour of the week.
#[derive(Debug, Clone)]
pub(crate) enum Rhythm {
    /// As many as in the panel, in the hours in which the store is open.
    OfThePanel(Hours),
    /// As if it were always this hour of the week.
    AlwaysHour(usize),
}

impl Session<'_> {
    /// Fills the lanes with customers and what goes with sales.
    pub(crate) fn serve(&mut self, rhythm: &Rhythm) -> Result<()> {
        let mut which = self.dice("customers");
        for (second, basket) in self.arrivals(rhythm) {
            let gives_up = which.chance(self.plan.rates.cancel);
            let draft = if gives_up { self.ringer.cancel(&basket)? } else { self.ringer.sale(&basket, None)? };
            let Some((register, start)) = self.shortest_wait(&draft, second, &mut which) else { continue };
            let end = start + draft.end;
            let quiet = self.lanes.get(register).is_none_or(|lane| lane.is_quiet(start, end));
            let cancelled = self
                .lanes
                .get(register)
                .map_or(0, |lane| lane.cancels.iter().filter(|at| (start - **at).abs() < 3_600 + draft.end).count());
            match draft.body.kind {
                Kind::Cancel if quiet || cancelled >= 2 => {
                    // Stays, and buys everything.
                    let sale = self.ringer.sale(&basket, None)?;
                    if let Some(start) = self.fit(&sale, register, second) {
                        self.put(sale, register, start);
                    }
                }
                Kind::Cancel => self.put(draft, register, start),
                _ if quiet => self.put(draft, register, start),
                _ => self.sell(draft, register, start, &mut which)?,
            }
        }
        Ok(())
    }

    /// A sale outside quiet stretches, with whatever happens to it.
    fn sell(&mut self, mut sale: Draft, register: usize, start: i64, which: &mut Dice) -> Result<()> {
        let rates = self.plan.rates;
        if which.chance(rates.line_void) {
            self.ringer.void_a_line(&mut sale);
        }
        if which.chance(rates.price_override) {
            self.ringer.override_a_price(&mut sale);
        }
        if which.chance(rates.suspend) {
            let parked = self.ringer.suspend(&sale)?;
            let back = start + parked.end + which.between(120, 480);
            let same_shift = |at| self.post_at(register, at) == self.post_at(register, start);
            if let Some(again) = self.fit(&sale, register, back).filter(|again| same_shift(*again)) {
                let quiet = self.lanes.get(register).is_none_or(|lane| lane.is_quiet(again, again + sale.end));
                if !quiet {
                    let mut taken_up = self.ringer.control(Kind::Retrieve)?;
                    taken_up.refers = Some(parked.key);
                    sale.refers = Some(parked.key);
                    self.put(parked, register, start);
                    self.put(taken_up, register, again);
                    self.put(sale, register, again);
                    return Ok(());
                }
            }
        }
        self.put(sale, register, start);
        Ok(())
    }

    /// The lane where a customer is served first; among lanes as good as that, any.
    pub(crate) fn shortest_wait(&self, draft: &Draft, second: i64, which: &mut Dice) -> Option<(usize, i64)> {
        let starts: Vec<_> = (0..self.lanes.len())
            .filter_map(|register| Some((register, self.fit(draft, register, second + CHANGE_OVER)?)))
            .collect();
        let first = starts.iter().map(|(_, start)| *start).min()?;
        let good: Vec<_> = starts.into_iter().filter(|(_, start)| *start <= first + 20).collect();
        which.pick(&good).copied()
    }

    /// When customers come, and with which basket.
    fn arrivals(&self, rhythm: &Rhythm) -> Vec<(i64, Basket)> {
        let panel = self.ringer.panel;
        let count = |hour: usize| u64::try_from(panel.hour(hour).len()).unwrap_or(0);
        let per_week = u64::from(self.plan.rates.arrivals_per_day) * 7;
        let all: u64 = match rhythm {
            Rhythm::OfThePanel(hours) => (0..WEEK).filter(|hour| is_open(hours, *hour)).map(count).sum(),
            Rhythm::AlwaysHour(_) => (0..WEEK).map(count).sum(),
        };
        let (mut coming, mut choosing) = (self.dice("arrivals"), self.dice("baskets"));
        let mut arrivals = Vec::new();
        let mut at = self.span.start();
        while at < self.span.end() {
            // Offsets of zones are whole quarters of an hour, so an hour of the week never changes within one.
            let until = (at + TimeDelta::seconds(900 - at.timestamp().rem_euclid(900))).min(self.span.end());
            let hour = self.hour(rhythm, at);
            let baskets = hour.map_or(&[][..], |hour| panel.hour(hour));
            let here = hour.map_or(0, count);
            for second in at.timestamp()..until.timestamp() {
                if here > 0 && coming.ratio(per_week * here, all * 3_600) {
                    let basket = choosing.pick(baskets).and_then(|index| panel.basket(*index));
                    arrivals.extend(basket.map(|basket| (second, *basket)));
                }
            }
            at = until;
        }
        arrivals
    }

    /// The hour of the week at an instant, if customers come then.
    fn hour(&self, rhythm: &Rhythm, at: DateTime<Utc>) -> Option<usize> {
        match rhythm {
            Rhythm::AlwaysHour(hour) => Some(*hour),
            Rhythm::OfThePanel(hours) => {
                let local: DateTime<Tz> = self.plan.store.local(at);
                Some(hour_of_week(local)).filter(|hour| is_open(hours, *hour))
            }
        }
    }
}

/// Whether a store is open in the middle of an hour of the week.
fn is_open(hours: &Hours, hour_of_week: usize) -> bool {
    let hour = u32::try_from(hour_of_week % 24).unwrap_or(0);
    let middle = NaiveTime::from_hms_opt(hour, 30, 0).unwrap_or(NaiveTime::MIN);
    let Hours { opens, closes } = *hours;
    if opens < closes { opens <= middle && middle < closes } else { middle >= opens || middle < closes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_over_midnight_and_round_the_clock_are_understood() {
        let open = |hours: Hours| (0..24).filter(|hour| is_open(&hours, *hour)).count();
        assert_eq!(open(Hours::ALWAYS), 24);
        assert_eq!(open(Hours::new(6, 23)), 17);
        assert_eq!(open(Hours::new(8, 24)), 16);
        assert_eq!(open(Hours::new(18, 4)), 10);
    }
}
