//! Who works which register when, and which seconds of a register are taken.
//!
//! A register serves one person at a time: everything that happens at it reserves its seconds, and what comes later
//! takes the first gap that is long enough and lies within one shift.

use chrono::NaiveDate;
use tillsight_schemas::TimeSpan;
use tillsight_schemas::id::OperatorId;

use crate::dice::Dice;
use crate::plan::{Role, StorePlan};
use crate::{Error, Result};

/// Seconds that signing on and off take at either end of a shift.
pub(crate) const SIGNING: i64 = 75;

/// One operator's shift at one register, in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Post {
    pub(crate) register: usize,
    pub(crate) operator: OperatorId,
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// Whether the register opens with it.
    pub(crate) first: bool,
    /// Whether the register closes with it.
    pub(crate) last: bool,
}

/// The seconds of a register that are taken, in order, none overlapping.
#[derive(Debug, Clone, Default)]
pub(crate) struct Calendar(Vec<(i64, i64)>);

impl Calendar {
    /// Whether `start .. end` is free.
    pub(crate) fn is_free(&self, start: i64, end: i64) -> bool {
        let next = self.0.partition_point(|(_, taken_until)| *taken_until <= start);
        self.0.get(next).is_none_or(|(taken_from, _)| *taken_from >= end)
    }

    /// Takes `start .. end`; what overlaps is joined.
    pub(crate) fn take(&mut self, start: i64, end: i64) {
        let from = self.0.partition_point(|(_, taken_until)| *taken_until < start);
        let to = self.0.partition_point(|(taken_from, _)| *taken_from <= end).max(from);
        let joined = self.0.get(from..to).unwrap_or_default();
        let first = joined.first().map_or(start, |(taken_from, _)| start.min(*taken_from));
        let last = joined.last().map_or(end, |(_, taken_until)| end.max(*taken_until));
        self.0.splice(from..to, [(first, last)]);
    }

    /// The first second from `from` on with `length` free seconds after it.
    pub(crate) fn gap(&self, from: i64, length: i64) -> i64 {
        let mut start = from;
        let next = self.0.partition_point(|(_, taken_until)| *taken_until <= from);
        for (taken_from, taken_until) in self.0.iter().skip(next) {
            if *taken_from >= start + length {
                break;
            }
            start = start.max(*taken_until);
        }
        start
    }
}

/// The shifts of a day: every register's hours in equal parts of at most eight hours, nobody twice.
pub(crate) fn roster(plan: &StorePlan, day: NaiveDate, dice: &mut Dice) -> Result<Vec<Post>> {
    let open = plan.hours.on(&plan.store, day)?;
    let mut free: Vec<_> = plan.with_role(Role::Cashier).cloned().collect();
    dice.shuffle(&mut free);
    let mut posts = Vec::new();
    for (register, till) in plan.registers.iter().enumerate() {
        let Some(span) = till.staffed.on(&plan.store, day)?.overlap(&open) else { continue };
        let shifts = (span.duration().num_seconds() + 28_799) / 28_800;
        for shift in 0..shifts {
            let edge = |n: i64| span.start().timestamp() + span.duration().num_seconds() * n / shifts;
            let operator = free.pop().ok_or_else(|| Error::Plan {
                store: plan.store.id.clone(),
                problem: "it has fewer cashiers than shifts of eight hours",
            })?;
            let (first, last) = (shift == 0, shift + 1 == shifts);
            posts.push(Post { register, operator, start: edge(shift), end: edge(shift + 1), first, last });
        }
    }
    Ok(posts)
}

/// One shift at each register but some, over a span: the roster of a live session.
pub(crate) fn everybody(plan: &StorePlan, span: TimeSpan, but: &[usize], dice: &mut Dice) -> Result<Vec<Post>> {
    let mut free: Vec<_> = plan.with_role(Role::Cashier).cloned().collect();
    dice.shuffle(&mut free);
    let registers = (0..plan.registers.len()).filter(|register| !but.contains(register));
    registers
        .map(|register| {
            let operator = free.pop().ok_or_else(|| Error::Plan {
                store: plan.store.id.clone(),
                problem: "it has fewer cashiers than registers",
            })?;
            let (start, end) = (span.start().timestamp(), span.end().timestamp());
            Ok(Post { register, operator, start, end, first: true, last: true })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;

    #[test]
    fn the_first_gap_that_is_long_enough_is_found() {
        let mut calendar = Calendar::default();
        calendar.take(100, 200);
        calendar.take(220, 300);
        assert_eq!(calendar.gap(0, 50), 0);
        assert_eq!(calendar.gap(90, 20), 200);
        assert_eq!(calendar.gap(90, 21), 300);
        assert_eq!(calendar.gap(150, 1), 200);
        calendar.take(110, 120);
        assert_eq!(calendar.gap(115, 10), 200, "what lies within reserved seconds changes nothing");
        assert!(calendar.is_free(200, 220) && !calendar.is_free(199, 220) && !calendar.is_free(210, 221));
    }

    #[test]
    fn nobody_works_two_registers_and_no_register_is_left_alone_in_its_hours() {
        for plan in demo::stores().unwrap() {
            let day = "2026-11-01".parse().unwrap();
            let posts = roster(&plan, day, &mut Dice::new(1, "roster", &[])).unwrap();
            let mut people: Vec<_> = posts.iter().map(|post| post.operator.clone()).collect();
            people.sort();
            people.dedup();
            assert_eq!(people.len(), posts.len());
            for (register, till) in plan.registers.iter().enumerate() {
                let worked: i64 =
                    posts.iter().filter(|post| post.register == register).map(|post| post.end - post.start).sum();
                assert_eq!(worked, till.staffed.on(&plan.store, day).unwrap().duration().num_seconds());
            }
        }
    }
}
