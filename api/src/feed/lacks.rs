//! [`Lack`]: that the records of a register lack what a rule needs of them, from now on or now and then.
//!
//! A field is gone when the last three records that a rule looks at lack it. Such records may be rare, so a field that every
//! record of a register had, of whatever kind, is gone as soon as five in a row lack it: an update of the till's software
//! is told within minutes, not with the next post-void.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::id::{IntegratorId, RegisterId, RuleId, StoreId};

use super::Feeds;
use super::lane::{Answers, Lane};

/// Records in a row without the field, of those that the rule looks at, after which it is gone.
const GONE: usize = 3;
/// The same of records of any kind, and how many in a row must have had it before.
const GONE_FROM_ALL: u32 = 5;
const HAD: u32 = 10;
/// Of so many records, and so lately, one without the field is one now and then.
const LOOKED_AT: usize = 20;
const LATELY: TimeDelta = TimeDelta::hours(1);

/// That records of a register lack what a rule needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lack {
    /// Whether all of the last ones do.
    pub(crate) gone: bool,
    /// When the first one was received that did.
    pub(crate) since: DateTime<Utc>,
}

/// Whether the records of a register have a field, one after the other.
#[derive(Debug, Clone, Default)]
pub(super) struct Carried {
    had: u32,
    missed: u32,
    since: Option<DateTime<Utc>>,
}

impl Carried {
    pub(super) fn note(&mut self, at: DateTime<Utc>, has: bool) {
        match (has, self.missed) {
            (true, 0) => self.had = self.had.saturating_add(1),
            (true, _) => *self = Self { had: 1, ..Self::default() },
            (false, 0) => (self.missed, self.since) = (1, Some(at)),
            (false, _) => self.missed = self.missed.saturating_add(1),
        }
    }

    fn gone_since(&self) -> Option<DateTime<Utc>> {
        self.since.filter(|_| self.had >= HAD && self.missed >= GONE_FROM_ALL)
    }
}

/// What a register lacks, by the answers to a need (oldest first) and by the records of any kind.
fn lack(answers: Option<&Answers>, carried: Option<&Carried>, now: DateTime<Utc>) -> Option<Lack> {
    let newest = || answers.into_iter().flatten().rev();
    let run: Vec<DateTime<Utc>> = newest().take_while(|(_, missing)| *missing).map(|(at, _)| *at).collect();
    if let Some(since) = run.last().filter(|_| run.len() >= GONE || run.len() == newest().count()) {
        return Some(Lack { gone: true, since: *since });
    }
    if let Some(since) = carried.and_then(Carried::gone_since)
        && newest().next().is_none_or(|(at, _)| *at < since)
    {
        return Some(Lack { gone: true, since });
    }
    let late = newest().take(LOOKED_AT).filter(|(at, missing)| *missing && now - *at <= LATELY);
    late.last().map(|(since, _)| Lack { gone: false, since: *since })
}

/// A register as it was heard of late.
#[derive(Debug, Clone)]
pub(crate) struct Hearing {
    /// The shop.
    pub(crate) store: StoreId,
    /// The register.
    pub(crate) register: RegisterId,
    /// When its last record was accepted.
    pub(crate) heard_at: DateTime<Utc>,
    /// What its records lack, by rule and field.
    pub(crate) lacks: BTreeMap<(RuleId, String), Lack>,
}

impl Feeds {
    /// The registers that an integrator has sent accepted records of in the last week.
    pub(crate) fn hearings(&self, integrator: &IntegratorId, now: DateTime<Utc>) -> Vec<Hearing> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let of = state.lanes.iter().filter(|((of, _, _), _)| of == integrator);
        of.filter_map(|((_, store, register), lane)| {
            let (heard_at, _) = *lane.lags.back()?;
            Some(Hearing { store: store.clone(), register: register.clone(), heard_at, lacks: self.lacks(lane, now) })
        })
        .collect()
    }

    fn lacks(&self, lane: &Lane, now: DateTime<Utc>) -> BTreeMap<(RuleId, String), Lack> {
        let needs = self.rules().iter().flat_map(|rule| rule.needed.iter().map(|need| (rule.id.clone(), need)));
        needs
            .filter_map(|(rule, need)| {
                let key = (rule, need.field.clone());
                let lack = lack(lane.blind.get(&key), lane.carried.get(&need.field), now)?;
                Some((key, lack))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap()
    }

    /// Records of one minute each, with the field (`+`) or without (`-`).
    fn answers(of: &str) -> Answers {
        (0..).zip(of.chars()).map(|(minute, sign)| (at(minute), sign == '-')).collect()
    }

    fn said(of: &str, now: i64) -> Option<(bool, DateTime<Utc>)> {
        lack(Some(&answers(of)), None, at(now)).map(|lack| (lack.gone, lack.since))
    }

    #[test]
    fn a_void_without_its_sale_is_one_now_and_then_and_three_in_a_row_are_a_field_that_is_gone() {
        assert_eq!(said("++++", 4), None);
        assert_eq!(said("+++-", 4), Some((false, at(3))));
        assert_eq!(said("+++--", 5), Some((false, at(3))));
        assert_eq!(said("+++---", 6), Some((true, at(3))));
        assert_eq!(said("-", 1), Some((true, at(0))), "it never came");
        assert_eq!(said("+++---+", 7), Some((false, at(3))), "it is back");
        assert_eq!(said("+++---+", 70), None, "for an hour");
    }

    #[test]
    fn operators_that_vanish_from_every_sale_blind_a_rule_about_voids_before_the_next_void() {
        let mut carried = Carried::default();
        let voids = answers("+");
        for minute in 1..=12 {
            carried.note(at(minute), true);
        }
        for minute in 13..=16 {
            carried.note(at(minute), false);
        }
        assert_eq!(lack(Some(&voids), Some(&carried), at(17)), None, "four may be chance");
        carried.note(at(17), false);
        let gone = Some(Lack { gone: true, since: at(13) });
        assert_eq!((lack(Some(&voids), Some(&carried), at(17)), lack(None, Some(&carried), at(17))), (gone, gone));
        let mut later = voids;
        later.push_back((at(18), false));
        assert_eq!(lack(Some(&later), Some(&carried), at(18)), None, "a void has it still");
        carried.note(at(19), true);
        assert_eq!(lack(None, Some(&carried), at(19)), None, "it is back");
    }

    #[test]
    fn a_field_that_many_records_never_had_does_not_vanish() {
        let mut carried = Carried::default();
        for minute in 0..200 {
            carried.note(at(minute), minute % 4 == 0);
        }
        assert_eq!(lack(None, Some(&carried), at(200)), None);
    }
}
