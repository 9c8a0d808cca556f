//! Who is compared with whom: units of one operator, one store and one kind of work, made of what was counted by register.
//!
//! - A register without a kind is taken as `staffed`; what is at `self_checkout` and `service` registers has peers there.
//! - What nobody of a store ever did in the period is taken as what its tills do not say: it counts for nobody there.
//! - Registers and operators that are left out of every rule are left out here, too.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use tillsight_schemas::codes;
use tillsight_schemas::id::{OperatorId, RegisterId, StoreId};

use super::{COUNTED, Counts, Worked};
use crate::score::{Count, Exclusion, Measure, Period, Tally};

codes! {
    /// How a register is worked, and so the work of who works there.
    pub enum Work {
        /// By a cashier.
        Staffed = "staffed",
        /// By customers.
        SelfCheckout = "self_checkout",
        /// At a service desk.
        Service = "service",
    }
}

/// An operator at one kind of work in one store: what is compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unit {
    /// The store.
    pub store: StoreId,
    /// Who.
    pub operator: OperatorId,
    /// The work.
    pub work: Work,
}

impl Unit {
    /// Its name among tallies; ids have no stroke.
    pub fn name(&self) -> String {
        format!("{}/{}/{}", self.store, self.operator, self.work)
    }
}

/// A register or an operator of whom no score is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The store; every store when absent.
    pub store: Option<StoreId>,
    /// The register; any when absent.
    pub register: Option<RegisterId>,
    /// The operator; any when absent.
    pub operator: Option<OperatorId>,
    /// Why; not empty.
    pub note: String,
    /// Until when.
    pub until: DateTime<Utc>,
}

impl LeftOut {
    fn is_at(&self, store: &StoreId) -> bool {
        self.store.as_ref().is_none_or(|at| at == store)
    }

    /// Whether it takes what somebody did at a register away.
    fn takes(&self, row: &Worked) -> bool {
        self.register.as_ref() == Some(&row.register)
            && self.is_at(&row.store)
            && self.operator.as_ref().is_none_or(|who| *who == row.operator)
    }
}

/// What is known of a retailer's tills beside what they send.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// How registers are worked.
    pub works: BTreeMap<(StoreId, RegisterId), Work>,
    /// Who is left out.
    pub left_out: Vec<LeftOut>,
    /// When the period ended.
    pub ends: DateTime<Utc>,
}

/// What is scored, and whom each tally is of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gathered {
    /// What is scored.
    pub period: Period,
    /// The units by name.
    pub units: BTreeMap<String, Unit>,
}

/// Makes units of what was counted. Operators of whom `sees` says no are not in it: neither with scores nor as peers.
pub fn gather(counts: &Counts, settings: &Settings, sees: impl Fn(&StoreId, &OperatorId) -> bool) -> Gathered {
    let holds = |left_out: &&LeftOut| left_out.until >= settings.ends;
    let mut units: BTreeMap<Unit, Vec<Count>> = BTreeMap::new();
    let mut done: BTreeSet<(StoreId, usize)> = BTreeSet::new();
    for row in counts.rows.iter().filter(|row| sees(&row.store, &row.operator)) {
        if settings.left_out.iter().filter(holds).any(|left_out| left_out.takes(row)) {
            continue;
        }
        let work = settings.works.get(&(row.store.clone(), row.register.clone())).copied().unwrap_or(Work::Staffed);
        let unit = Unit { store: row.store.clone(), operator: row.operator.clone(), work };
        let sums = units.entry(unit).or_insert_with(|| vec![Count::default(); COUNTED.len()]);
        for (index, (sum, count)) in sums.iter_mut().zip(&row.counts).enumerate() {
            sum.exposures = sum.exposures.saturating_add(count.exposures);
            sum.events = sum.events.saturating_add(count.events).min(sum.exposures);
            if count.events > 0 {
                done.insert((row.store.clone(), index));
            }
        }
    }
    let measure = |counted: &super::Counted| Measure::new(counted.key, counted.weight);
    let mut gathered = Gathered::default();
    gathered.period.measures = COUNTED.iter().map(measure).collect();
    gathered.period.ends_us = settings.ends.timestamp_micros();
    for (unit, mut counts) in units {
        for (index, count) in counts.iter_mut().enumerate() {
            if !done.contains(&(unit.store.clone(), index)) {
                *count = Count::default();
            }
        }
        let name = unit.name();
        let own = |left_out: &&LeftOut| {
            left_out.register.is_none()
                && left_out.operator.as_ref() == Some(&unit.operator)
                && left_out.is_at(&unit.store)
        };
        let exclusions = settings.left_out.iter().filter(own).map(|left_out| Exclusion {
            operator: name.clone(),
            measure: None,
            note: left_out.note.clone(),
            until_us: left_out.until.timestamp_micros(),
        });
        gathered.period.exclusions.extend(exclusions);
        let (store, role) = (unit.store.to_string(), unit.work.to_string());
        gathered.period.tallies.push(Tally { operator: name.clone(), store, role, counts });
        gathered.units.insert(name, unit);
    }
    gathered
}
