//! [`OnDemand`]: somebody rings at the watched register while a session goes on, and the film says what must come of it.

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::TimeSpan;

use super::outlook::Outlook;
use super::{Registers, item};
use crate::Result;
use crate::film::State;
use crate::journey::Panel;
use crate::live::{Counter, Ring};
use crate::plan::StorePlan;
use crate::store_day::Rung;
use crate::truth::{Item, Seen, Zone};

/// From an event to the edge of an empty stretch, beyond which it is beyond doubt what must come of it.
const CLEAR: TimeDelta = TimeDelta::seconds(6);

/// What was rung, and what a rule must make of it; `None` where somebody comes or goes so near that either is right.
#[derive(Debug)]
pub struct OnDemand {
    /// The record, due at its true time.
    pub rung: Rung,
    /// The expectation.
    pub item: Option<Item>,
}

impl OnDemand {
    /// Rings something that begins at an instant.
    ///
    /// # Errors
    /// The plan has no such register, or the panel no basket that fits.
    pub fn ring(
        panel: &Panel,
        plan: &StorePlan,
        registers: &Registers,
        outlook: &Outlook<'_>,
        what: Ring,
        begin: DateTime<Utc>,
        seed: u64,
    ) -> Result<Self> {
        let mut counter = Counter::on_demand(panel, plan, &registers.watched, begin, seed)?;
        let rung = match what {
            Ring::NoSale => counter.ring(what, begin)?,
            Ring::Sale | Ring::Cancel => counter.ring_for(what, begin, TimeDelta::seconds(5))?,
            Ring::Refund => counter.ring_for(what, begin, TimeDelta::seconds(3))?,
        };
        let rule = match what {
            Ring::Refund => "refund_no_customer",
            Ring::NoSale => "no_sale_no_customer",
            Ring::Sale | Ring::Cancel => return Ok(Self { rung, item: None }),
        };
        let around = TimeSpan::new(rung.true_begin - CLEAR, rung.true_time + CLEAR).ok();
        let stretches = around.map(|span| outlook.stretches(span)).unwrap_or_default();
        let at = |us: i64| DateTime::from_timestamp_micros(us).unwrap_or_default();
        let all = |state: State| stretches.iter().all(|stretch| stretch.state == state);
        let meets = |stretch: &super::Stretch| at(stretch.from) <= rung.true_time && at(stretch.to) >= rung.true_begin;
        let (zone, why) = if all(State::Empty) {
            (Zone::Empty, "You rang it while nobody was there.")
        } else if stretches.iter().any(|stretch| stretch.state == State::Occupied && meets(stretch)) {
            (Zone::Occupied, "You rang it while somebody was there.")
        } else {
            return Ok(Self { rung, item: None });
        };
        let mut item = item(plan, rule, "panel", why, &rung)?;
        item.expected_rule = (zone == Zone::Empty).then(|| rule.to_owned());
        item.presence = around.map(|span| Seen { span, zone }).into_iter().collect();
        Ok(Self { rung, item: Some(item) })
    }
}
