//! [`Adjustments`]: what a shop says otherwise than its rules: other numbers, a rule that is switched off or on trial, and
//! registers or operators that are left out for a time.
//!
//! An adjustment holds for the events of its time, by their event time: what happened before stays judged as it was, and
//! an event that comes late is judged by what held when it happened. So live and over history come to the same.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tillsight_schemas::id::{OperatorId, RegisterId, RuleId, StoreId, StoreKey, TenantId};
use tillsight_schemas::pos::PostedTransaction;

use super::{Header, Param};

/// The numbers of a rule, in the order of [`Header::params`].
pub(crate) type Params = Arc<[i64]>;

/// Something that is said otherwise than in a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjustment {
    /// The retailer.
    pub tenant: TenantId,
    /// The store; every store of the retailer when absent.
    pub store: Option<StoreId>,
    /// The rule; every rule when absent.
    pub rule: Option<RuleId>,
    /// What is said.
    pub says: Says,
    /// From when on, in event time.
    pub from: DateTime<Utc>,
    /// Until when, in event time; for ever when absent.
    pub to: Option<DateTime<Utc>>,
}

/// What an adjustment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// These numbers hold in the place of the defaults.
    Numbers(BTreeMap<String, i64>),
    /// The rule judges nothing.
    Off,
    /// The rule is on trial: it judges, and what it finds is kept, but sends nothing and holds no video.
    Shadow,
    /// Events of this register and this operator are left out: of both, where both are named.
    LeaveOut {
        /// The register; any when absent.
        register: Option<RegisterId>,
        /// The operator; any when absent.
        operator: Option<OperatorId>,
    },
}

/// Everything that is said otherwise.
#[derive(Debug, Clone, Default)]
pub struct Adjustments {
    /// What holds for a whole retailer before what one of its stores says.
    all: Vec<Adjustment>,
}

impl Adjustments {
    /// Takes them all. A number of a store goes before that of its retailer, and a later one before an earlier one.
    pub fn new(mut all: Vec<Adjustment>) -> Self {
        all.sort_by_key(|each| (each.store.is_some(), each.from));
        Self { all }
    }

    fn of<'a>(
        &'a self,
        rule: &'a RuleId,
        store: &'a StoreKey,
        at: DateTime<Utc>,
    ) -> impl Iterator<Item = &'a Adjustment> {
        self.all.iter().filter(move |each| {
            each.tenant == store.tenant
                && each.store.as_ref().is_none_or(|of| *of == store.store)
                && each.rule.as_ref().is_none_or(|of| of == rule)
                && each.from <= at
                && each.to.is_none_or(|to| at < to)
        })
    }

    /// A number that holds in the place of a rule's own for events of an instant. One outside `limits` (of the rule, which
    /// may be of another version by now) does not count.
    pub fn number(
        &self,
        rule: &RuleId,
        store: &StoreKey,
        at: DateTime<Utc>,
        name: &str,
        limits: RangeInclusive<i64>,
    ) -> Option<i64> {
        let said = self.of(rule, store, at).filter_map(|each| match &each.says {
            Says::Numbers(numbers) => numbers.get(name).copied().filter(|number| limits.contains(number)),
            _ => None,
        });
        said.last()
    }

    /// Whether nothing is said otherwise.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// What is said otherwise, but for the numbers of this name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        for each in &mut self.all {
            if let Says::Numbers(numbers) = &mut each.says {
                numbers.remove(name);
            }
        }
        self
    }

    /// The numbers of a rule for an event; `None` where its own hold.
    pub(crate) fn numbers(&self, header: &Header, store: &StoreKey, at: DateTime<Utc>) -> Option<Params> {
        if self.all.is_empty() {
            return None;
        }
        let said = |(name, param): (&String, &Param)| self.number(&header.id, store, at, name, param.min..=param.max);
        let said: Vec<Option<i64>> = header.params.iter().map(said).collect();
        let own = header.params.values().map(|param| param.default);
        said.iter().any(Option::is_some).then(|| said.iter().zip(own).map(|(said, own)| said.unwrap_or(own)).collect())
    }

    /// Why an event is not judged by a rule; `None` where it is.
    pub(crate) fn left_out(
        &self,
        header: &Header,
        store: &StoreKey,
        posted: &PostedTransaction,
    ) -> Option<&'static str> {
        let operator = posted.transaction.operator_id.as_ref().map(OperatorId::as_str);
        self.leaves_out(header, store, posted.header.event_time, (posted.transaction.register_id.as_str(), operator))
    }

    /// The same of an event at a register by an operator.
    pub(crate) fn leaves_out(
        &self,
        header: &Header,
        store: &StoreKey,
        at: DateTime<Utc>,
        (by_register, by_operator): (&str, Option<&str>),
    ) -> Option<&'static str> {
        self.of(&header.id, store, at).find_map(|each| match &each.says {
            Says::Off => Some("switched_off"),
            Says::LeaveOut { register, operator } => {
                let same = register.as_ref().is_none_or(|register| register.as_str() == by_register)
                    && operator.as_ref().is_none_or(|operator| by_operator == Some(operator.as_str()));
                same.then_some("left_out")
            }
            Says::Numbers(_) | Says::Shadow => None,
        })
    }

    /// Whether a rule is switched off for events of an instant.
    pub fn is_off(&self, header: &Header, store: &StoreKey, at: DateTime<Utc>) -> bool {
        self.of(&header.id, store, at).any(|each| each.says == Says::Off)
    }

    /// Whether a rule is on trial for events of an instant.
    pub fn is_shadow(&self, header: &Header, store: &StoreKey, at: DateTime<Utc>) -> bool {
        self.of(&header.id, store, at).any(|each| each.says == Says::Shadow)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rule;
    use super::*;
    use crate::lake::sample::sale;

    fn adjustment(store: Option<&str>, from: &str, to: Option<&str>, says: Says) -> Adjustment {
        Adjustment {
            tenant: "acme".parse().unwrap(),
            store: store.map(|store| store.parse().unwrap()),
            rule: Some("cancel_burst".parse().unwrap()),
            says,
            from: from.parse().unwrap(),
            to: to.map(|to| to.parse().unwrap()),
        }
    }

    fn numbers(name: &str, number: i64) -> Says {
        Says::Numbers([(name.to_owned(), number)].into())
    }

    #[test]
    fn a_store_goes_before_its_retailer_a_later_number_before_an_earlier_and_each_for_its_time() {
        let library = Rule::library().unwrap();
        let header = &library.iter().find(|rule| rule.header.id.as_str() == "cancel_burst").unwrap().header;
        let (place, param) = header.params.iter().enumerate().find(|(_, (name, _))| *name == "within_seconds").unwrap();
        let (default, smallest) = (param.1.default, param.1.min);
        let all = Adjustments::new(vec![
            adjustment(
                Some("17"),
                "2026-11-10T00:00:00Z",
                Some("2026-11-20T00:00:00Z"),
                numbers("within_seconds", smallest),
            ),
            adjustment(None, "2026-11-15T00:00:00Z", None, numbers("within_seconds", smallest + 1)),
            adjustment(None, "2026-11-15T00:00:00Z", None, numbers("within_seconds", smallest - 1)),
            adjustment(None, "2026-11-15T00:00:00Z", None, numbers("unheard_of", 1)),
        ]);
        let of = |store: &str, at: &str| {
            let numbers = all.numbers(header, &store.parse().unwrap(), at.parse().unwrap());
            numbers.map_or(default, |numbers| numbers[place])
        };
        assert_eq!(of("acme/17", "2026-11-09T23:59:59Z"), default, "not before it was said");
        assert_eq!(of("acme/17", "2026-11-16T00:00:00Z"), smallest, "its own word");
        assert_eq!(
            of("acme/17", "2026-11-20T00:00:00Z"),
            smallest + 1,
            "then that of all, and nothing beyond the limits"
        );
        assert_eq!(of("acme/18", "2026-11-16T00:00:00Z"), smallest + 1);
        assert_eq!(of("beta/17", "2026-11-16T00:00:00Z"), default, "nobody else's");
    }

    #[test]
    fn who_is_left_out_is_left_out_for_that_time_and_no_longer() {
        let library = Rule::library().unwrap();
        let header = |id: &str| &library.iter().find(|rule| rule.header.id.as_str() == id).unwrap().header;
        let posted = sale("17", 1, "2026-11-21T20:03:22Z");
        let operator = posted.transaction.operator_id.clone();
        let why = |says: Says, to: &str, rule: &str| {
            let all = Adjustments::new(vec![adjustment(Some("17"), "2026-11-01T00:00:00Z", Some(to), says)]);
            all.left_out(header(rule), &"acme/17".parse().unwrap(), &posted)
        };
        let who = |register: Option<&str>| Says::LeaveOut {
            register: register.map(|register| register.parse().unwrap()),
            operator: operator.clone(),
        };
        assert_eq!(why(who(None), "2026-12-01T00:00:00Z", "cancel_burst"), Some("left_out"));
        assert_eq!(why(who(Some("99")), "2026-12-01T00:00:00Z", "cancel_burst"), None, "not at this register");
        assert_eq!(why(who(None), "2026-11-21T20:03:22Z", "cancel_burst"), None, "it has ended");
        assert_eq!(why(who(None), "2026-12-01T00:00:00Z", "cash_refund_high"), None, "another rule");
        assert_eq!(why(Says::Off, "2026-12-01T00:00:00Z", "cancel_burst"), Some("switched_off"));
        assert_eq!(why(Says::Shadow, "2026-12-01T00:00:00Z", "cancel_burst"), None, "who is on trial judges");
    }

    #[test]
    fn a_rule_is_on_trial_for_the_time_that_was_said_in_the_stores_that_were_named() {
        let library = Rule::library().unwrap();
        let header = |id: &str| &library.iter().find(|rule| rule.header.id.as_str() == id).unwrap().header;
        let (from, to) = ("2026-11-10T00:00:00Z", "2026-11-20T00:00:00Z");
        let all = Adjustments::new(vec![adjustment(Some("17"), from, Some(to), Says::Shadow)]);
        let on_trial = |rule: &str, store: &str, at: &str| {
            all.is_shadow(header(rule), &store.parse().unwrap(), at.parse().unwrap())
        };
        assert!(on_trial("cancel_burst", "acme/17", from));
        assert!(!on_trial("cancel_burst", "acme/17", to) && !on_trial("cancel_burst", "acme/18", from));
        let off = Adjustments::new(vec![adjustment(Some("17"), from, Some(to), Says::Off)]);
        let is_off = |all: &Adjustments, at: &str| {
            all.is_off(header("cancel_burst"), &"acme/17".parse().unwrap(), at.parse().unwrap())
        };
        assert!(is_off(&off, from) && !is_off(&off, to) && !is_off(&all, from), "who is on trial is not off");
        assert!(!on_trial("cash_refund_high", "acme/17", from));
    }
}
