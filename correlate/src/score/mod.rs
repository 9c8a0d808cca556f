//! Scores that hold at small samples: who does something more often than those with the same work, and how sure that is.
//!
//! For a closed period (28 days, say) and each measure, an operator has a whole number of events among a whole number of
//! exposures: voids among transactions. A rate of two in twenty says little, forty in four hundred a lot, and rates of
//! honest operators differ as well. So:
//!
//! - the spread of honest rates is learnt from peers of the same role ([`prior`]), and rates are shrunk towards it;
//! - a p-value is a tail of the beta-binomial distribution, averaged over what the peers leave open ([`spread`]);
//! - what is **sent** is bounded by the share of false discoveries ([`discovery`]): few, and most of them right;
//! - what is **browsed** is a ranking by the probability that the rate is beyond what 99 of 100 peers have ([`standing`]);
//! - the risk of operators and stores is a weighted sum whose parts are shown ([`composite`]); it ranks and never alerts.
//!
//! Too little exposure, a role with few peers, a group whose rates spread otherwise than is assumed, or an exclusion with a
//! note and an end keep an operator from being sent.
//!
//! Everything is a function of the period and the policy: no clock, no chance, no order of rows, and the same bits on
//! every machine. What is assumed: events are a part of their exposures; exposures do not depend on honesty; operators with
//! one role do the same work. A p-value says how unusual a count is, never why. See the functions for their sources.

pub mod beta;
pub mod betabinomial;
pub mod composite;
pub mod discovery;
mod likelihood;
pub mod prior;
pub mod spread;
pub mod standing;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub use composite::{Part, Risk};
pub use prior::Suspicion;
pub use standing::{Group, Standing, Verdict, Withheld};

/// The most exposures that one operator can have in a period: a p-value may take as many steps.
pub const EXPOSURES_MAX: u32 = 10_000_000;

/// Something that is counted of each operator.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// What people call it, e.g. `voids`.
    pub name: String,
    /// Its share in the composite risk, not negative; only ratios of weights matter.
    pub weight: f64,
}

impl Measure {
    /// A measure with its weight.
    pub fn new(name: impl Into<String>, weight: f64) -> Self {
        Self { name: name.into(), weight }
    }
}

/// Events among exposures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// How often it happened; not more often than it could.
    pub events: u32,
    /// How often it could have happened, e.g. transactions; for no-sales the transactions and the no-sales.
    pub exposures: u32,
}

/// What one operator did in the period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Who; unique in the period.
    pub operator: String,
    /// Where; for somebody who worked in several stores the one that answers for them.
    pub store: String,
    /// The work, e.g. `cashier`; those with the same text are peers.
    pub role: String,
    /// One count for each measure, in the order of the measures.
    pub counts: Vec<Count>,
}

/// Somebody whom no score should be made of, e.g. a login for training.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    /// Whom.
    pub operator: String,
    /// Of which measure; of all without one.
    pub measure: Option<String>,
    /// Why; not empty.
    pub note: String,
    /// Until when, in microseconds since 1970 UTC; periods that end later are not concerned.
    pub until_us: i64,
}

/// All that is scored together. What is sent of it is one decision: one family of tests.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Period {
    /// What is counted.
    pub measures: Vec<Measure>,
    /// The operators, in any order.
    pub tallies: Vec<Tally>,
    /// Who is left away; names that are not in the period do not matter.
    pub exclusions: Vec<Exclusion>,
    /// When the period ended, in microseconds since 1970 UTC.
    pub ends_us: i64,
}

/// How it is scored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// The share of false discoveries among those sent that is accepted in the long run, between 0 and 1.
    pub q: f64,
    /// With fewer exposures nobody is sent.
    pub exposures_enough: u32,
    /// With fewer events nobody is sent, however rare they are among peers.
    pub events_enough: u32,
    /// A role with fewer peers is compared with all roles together, and nobody of it is sent.
    pub peers_enough: usize,
    /// The share of peers whose rates are usual: beyond it a rate is unusual.
    pub usual: f64,
    /// The probability that the interval around a rate covers it.
    pub credible: f64,
    /// What is assumed of dishonest peers when honest rates are learnt.
    pub suspicion: Suspicion,
}

impl Default for Policy {
    fn default() -> Self {
        let suspicion = Suspicion::default();
        Self {
            q: 0.1,
            exposures_enough: 50,
            events_enough: 3,
            peers_enough: 30,
            usual: 0.99,
            credible: 0.95,
            suspicion,
        }
    }
}

/// Why a period cannot be scored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScoreError {
    /// Counts and measures do not belong together.
    #[error("operator {operator:?} has {got} counts for {want} measures")]
    Counts {
        /// Whose counts.
        operator: String,
        /// How many there are.
        got: usize,
        /// How many there should be.
        want: usize,
    },
    /// Events are no part of their exposures, or exposures exceed [`EXPOSURES_MAX`].
    #[error("operator {operator:?} has {} {measure} among {}", count.events, count.exposures)]
    Count {
        /// Whose count.
        operator: String,
        /// Of which measure.
        measure: String,
        /// The count.
        count: Count,
    },
    /// An operator or a measure is there twice.
    #[error("{0:?} is there twice")]
    Twice(String),
    /// A weight is negative or no number.
    #[error("the weight of {0:?} is not 0 or more")]
    Weight(String),
    /// An exclusion does not say why.
    #[error("the exclusion of {0:?} has no note")]
    NoNote(String),
    /// A number of the policy is out of its range.
    #[error("{0} is out of its range")]
    Policy(&'static str),
}

/// What was made of a period.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores<'a> {
    /// The roles by measure, in the order of measures, then of names.
    pub groups: Vec<Group<'a>>,
    /// How many tests were made: the size of the family.
    pub tests: usize,
    /// The p-value up to which a test is sent.
    pub bound: f64,
    /// Each operator and measure that is not excluded, the most conspicuous first.
    pub standings: Vec<Standing<'a>>,
    /// The composite risk of operators, the highest first.
    pub operators: Vec<Risk<'a>>,
    /// The composite risk of stores, the highest first.
    pub stores: Vec<Risk<'a>>,
}

impl<'a> Scores<'a> {
    /// Those that are sent, the most conspicuous first.
    pub fn sent(&self) -> impl Iterator<Item = &Standing<'a>> {
        self.standings.iter().filter(|standing| standing.sent())
    }
}

/// Scores a period. Takes about 12 µs for each operator and measure.
///
/// # Errors
/// [`ScoreError`] when the period or the policy is not what it should be; nothing is scored then.
pub fn score<'a>(period: &'a Period, policy: &Policy) -> Result<Scores<'a>, ScoreError> {
    policy.check()?;
    period.check()?;
    let excluded = Excluded::new(period);
    let (groups, mut standings) = standing::compare(period, policy, &excluded);
    let tests = standing::judge(&mut standings, policy);
    let mut standings: Vec<Standing<'a>> = standings.into_iter().map(|(standing, _)| standing).collect();
    let stores = composite::of_stores(period, &groups, &standings);
    let operators = composite::of_operators(period, &standings);
    standing::rank(&mut standings);
    Ok(Scores { groups, tests: tests.family, bound: tests.bound, standings, operators, stores })
}

impl Policy {
    fn check(&self) -> Result<(), ScoreError> {
        let inside = |share: f64| share > 0.0 && share < 1.0;
        let Suspicion { share, times } = self.suspicion;
        let rules = [
            (inside(self.q), "q"),
            (inside(self.usual), "usual"),
            (inside(self.credible), "credible"),
            ((0.0..1.0).contains(&share), "suspicion.share"),
            (times > 1.0 && times.is_finite(), "suspicion.times"),
        ];
        rules.into_iter().find(|(fits, _)| !fits).map_or(Ok(()), |(_, name)| Err(ScoreError::Policy(name)))
    }
}

impl Period {
    fn check(&self) -> Result<(), ScoreError> {
        let (mut operators, mut measures) = (BTreeSet::new(), BTreeSet::new());
        for Measure { name, weight } in &self.measures {
            if !measures.insert(name) {
                return Err(ScoreError::Twice(name.clone()));
            }
            if !(*weight >= 0.0 && weight.is_finite()) {
                return Err(ScoreError::Weight(name.clone()));
            }
        }
        for Tally { operator, counts, .. } in &self.tallies {
            if !operators.insert(operator) {
                return Err(ScoreError::Twice(operator.clone()));
            }
            let (got, want) = (counts.len(), self.measures.len());
            if got != want {
                return Err(ScoreError::Counts { operator: operator.clone(), got, want });
            }
            for (count, measure) in counts.iter().zip(&self.measures) {
                if count.events > count.exposures || count.exposures > EXPOSURES_MAX {
                    let (operator, measure) = (operator.clone(), measure.name.clone());
                    return Err(ScoreError::Count { operator, measure, count: *count });
                }
            }
        }
        let silent = self.exclusions.iter().find(|exclusion| exclusion.note.trim().is_empty());
        silent.map_or(Ok(()), |exclusion| Err(ScoreError::NoNote(exclusion.operator.clone())))
    }
}

/// The exclusions that hold for a period.
struct Excluded<'a>(BTreeSet<(&'a str, Option<&'a str>)>);

impl<'a> Excluded<'a> {
    fn new(period: &'a Period) -> Self {
        let holds = |exclusion: &&Exclusion| exclusion.until_us >= period.ends_us;
        let key = |exclusion: &'a Exclusion| (exclusion.operator.as_str(), exclusion.measure.as_deref());
        Self(period.exclusions.iter().filter(holds).map(key).collect())
    }

    fn holds(&self, operator: &str, measure: &str) -> bool {
        self.0.contains(&(operator, None)) || self.0.contains(&(operator, Some(measure)))
    }
}
