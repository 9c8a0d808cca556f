//! How ways of finding dishonest cashiers fare on simulated fleets: what each sends, and whom each puts first.
//!
//! Beside the scores stand the two z-scores that are in use, and the tail of the beta-binomial for somebody who knows how
//! honest rates spread: what is left to gain by learning it better.

use std::collections::{BTreeMap, BTreeSet};

use tillsight_correlate::score::beta::Beta;
use tillsight_correlate::score::{Count, Measure, Period, Policy, Standing, Tally, discovery, score};
use tillsight_datasets::cashiers::{Cashier, Chance, Fleet};

/// A z-score beyond this is a flag.
const Z: f64 = 2.5;

/// How often seeds are drawn anew for an interval.
const RESAMPLES: u32 = 2_000;

/// What one way made of one fleet.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Outcome {
    /// How many were flagged.
    pub(crate) flags: u32,
    /// How many of them are dishonest.
    pub(crate) hits: u32,
    /// How many dishonest there are.
    pub(crate) dishonest: u32,
    /// How many of the first 25 are dishonest.
    pub(crate) first_25: u32,
    /// How many of the first 100 are dishonest.
    pub(crate) first_100: u32,
    /// Whether nothing could be sent, because honest rates spread otherwise than is assumed.
    pub(crate) withheld: bool,
}

/// The ways, in the order of [`run`]'s outcomes.
pub(crate) const WAYS: [&str; 4] =
    ["z of raw rates > 2.5", "binomial z > 2.5", "beta-binomial, q = 0.1", "the same, spread known"];

/// A fleet as a period with one measure, fifty cashiers to a store.
fn period(fleet: &Fleet) -> Period {
    let tally = |(index, cashier): (usize, &Cashier)| Tally {
        operator: cashier.name.clone(),
        store: format!("store-{}", index / 50),
        role: "cashier".to_owned(),
        counts: vec![Count { events: cashier.events, exposures: cashier.exposures }],
    };
    let tallies = fleet.0.iter().enumerate().map(tally).collect();
    Period { measures: vec![Measure::new("voids", 1.0)], tallies, ..Period::default() }
}

/// Several fleets of the same size as one period, a measure each, and who is dishonest in which measure. The fleets are
/// turned against each other by 25, so that those who are dishonest in one measure are other people than in the next.
pub(crate) fn together(fleets: &[Fleet]) -> (Period, BTreeSet<(String, String)>) {
    let mut all = period(&fleets[0]);
    all.measures = (0..fleets.len()).map(|index| Measure::new(format!("measure {index}"), 1.0)).collect();
    let mut dishonest = BTreeSet::new();
    let size = all.tallies.len();
    for (index, tally) in all.tallies.iter_mut().enumerate() {
        tally.counts.clear();
        for ((turn, fleet), measure) in fleets.iter().enumerate().zip(&all.measures) {
            let cashier = &fleet.0[(index + size - (25 * turn) % size) % size];
            tally.counts.push(Count { events: cashier.events, exposures: cashier.exposures });
            if cashier.dishonest {
                dishonest.insert((tally.operator.clone(), measure.name.clone()));
            }
        }
    }
    (all, dishonest)
}

/// What the ways make of a fleet. `known` is how honest rates really spread; without one the fourth is as the third.
pub(crate) fn run(fleet: &Fleet, policy: &Policy, known: Option<Beta>) -> [Outcome; 4] {
    let cashiers = &fleet.0;
    let count = f64::from(u32::try_from(cashiers.len()).unwrap_or(u32::MAX));
    let real = |of: u32| f64::from(of);
    let rate = |cashier: &Cashier| real(cashier.events) / real(cashier.exposures).max(1.0);
    let mean = cashiers.iter().map(rate).sum::<f64>() / count;
    let squares: f64 = cashiers.iter().map(|cashier| (rate(cashier) - mean) * (rate(cashier) - mean)).sum();
    let deviation = (squares / (count - 1.0)).sqrt();
    let raw: Vec<f64> = cashiers.iter().map(|cashier| (rate(cashier) - mean) / deviation).collect();

    let events: f64 = cashiers.iter().map(|cashier| real(cashier.events)).sum();
    let pooled = events / cashiers.iter().map(|cashier| real(cashier.exposures)).sum::<f64>();
    let binomial = |cashier: &Cashier| {
        let n = real(cashier.exposures);
        (real(cashier.events) - n * pooled) / (n * pooled * (1.0 - pooled)).sqrt()
    };
    let binomial: Vec<f64> = cashiers.iter().map(binomial).collect();

    let period = period(fleet);
    let scores = score(&period, policy).unwrap();
    let by_name: BTreeMap<&str, (bool, f64)> = scores
        .standings
        .iter()
        .map(|standing| (standing.operator, (standing.sent(), -f64::from(u32::try_from(standing.rank).unwrap_or(0)))))
        .collect();
    let ours = |cashier: &Cashier| by_name.get(cashier.name.as_str()).copied().unwrap_or((false, -1e9));
    let (sent, ranks): (Vec<bool>, Vec<f64>) = cashiers.iter().map(ours).unzip();

    let beyond = |scores: &[f64]| -> Vec<bool> { scores.iter().map(|z| *z > Z).collect() };
    let withheld = scores.groups.iter().any(|group| !group.fits());
    let third = Outcome { withheld, ..outcome(fleet, &sent, &ranks) };
    let fourth = known.map_or(third, |known| {
        let enough = |cashier: &&Cashier| cashier.exposures >= policy.exposures_enough;
        let tail = |cashier: &Cashier| known.tail(cashier.events, cashier.exposures);
        let family: Vec<f64> = cashiers.iter().filter(enough).map(tail).collect();
        let adjusted = discovery::adjusted(&family);
        let many = adjusted.iter().filter(|q| **q <= policy.q).count();
        let bound = discovery::bound(policy.q, many, family.len());
        let tails: Vec<f64> = cashiers.iter().map(tail).collect();
        let sent: Vec<bool> = cashiers.iter().zip(&tails).map(|(cashier, p)| enough(&cashier) && *p <= bound).collect();
        outcome(fleet, &sent, &tails.iter().map(|p| -p).collect::<Vec<_>>())
    });
    [outcome(fleet, &beyond(&raw), &raw), outcome(fleet, &beyond(&binomial), &binomial), third, fourth]
}

/// What the scores make of several fleets in one family of tests, a measure each: what is sent, and whom the composite risk
/// of operators puts first.
pub(crate) fn run_together(fleets: &[Fleet], policy: &Policy) -> Outcome {
    let (period, dishonest) = together(fleets);
    let scores = score(&period, policy).unwrap();
    let number = |of: usize| u32::try_from(of).unwrap_or(u32::MAX);
    let guilty =
        |standing: &&Standing<'_>| dishonest.contains(&(standing.operator.to_owned(), standing.measure.to_owned()));
    let people: BTreeSet<&str> = dishonest.iter().map(|(operator, _)| operator.as_str()).collect();
    let first = |many: usize| scores.operators.iter().take(many).filter(|risk| people.contains(risk.name)).count();
    Outcome {
        flags: number(scores.sent().count()),
        hits: number(scores.sent().filter(guilty).count()),
        dishonest: number(dishonest.len()),
        first_25: number(first(25)),
        first_100: number(first(100)),
        withheld: scores.groups.iter().any(|group| !group.fits()),
    }
}

fn outcome(fleet: &Fleet, flags: &[bool], scores: &[f64]) -> Outcome {
    let mut made = Outcome::default();
    let mut order: Vec<(f64, bool)> = Vec::with_capacity(scores.len());
    for ((cashier, flag), score) in fleet.0.iter().zip(flags).zip(scores) {
        made.dishonest += u32::from(cashier.dishonest);
        made.flags += u32::from(*flag);
        made.hits += u32::from(*flag && cashier.dishonest);
        order.push((*score, cashier.dishonest));
    }
    // Of equal scores the honest come first.
    order.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
    let first = |many: usize| order.iter().take(many).map(|(_, dishonest)| u32::from(*dishonest)).sum();
    made.first_25 = first(25);
    made.first_100 = first(100);
    made
}

/// What many fleets come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Summary {
    /// Flags of a fleet, on the average.
    pub(crate) flags: f64,
    /// The share of all flags that are right, with its interval by Wilson and by drawing seeds anew.
    pub(crate) precision: (f64, (f64, f64), (f64, f64)),
    /// The share of all dishonest that are flagged, with its interval by drawing seeds anew.
    pub(crate) recall: (f64, (f64, f64)),
    /// The mean share of wrong flags in a fleet, none counting as 0: what q bounds.
    pub(crate) false_share: f64,
    /// The share of fleets with any wrong flag.
    pub(crate) any_false: f64,
    /// The share of dishonest among the first 25, with its interval by drawing seeds anew.
    pub(crate) precision_25: (f64, (f64, f64)),
    /// The share of the dishonest that are among the first 100.
    pub(crate) recall_100: f64,
    /// The share of fleets of which nothing could be sent.
    pub(crate) withheld: f64,
}

/// Sums outcomes of many seeds up. All intervals are of 95 %, two-sided.
pub(crate) fn summary(outcomes: &[Outcome]) -> Summary {
    let total = |of: fn(&Outcome) -> u32| -> f64 { outcomes.iter().map(|outcome| f64::from(of(outcome))).sum() };
    let seeds = f64::from(u32::try_from(outcomes.len()).unwrap_or(u32::MAX));
    let wrong = |outcome: &Outcome| outcome.flags - outcome.hits;
    let share = |part: f64, of: f64| if of > 0.0 { part / of } else { 0.0 };
    let (flags, hits, dishonest) = (total(|o| o.flags), total(|o| o.hits), total(|o| o.dishonest));
    let false_shares = outcomes.iter().map(|o| share(f64::from(wrong(o)), f64::from(o.flags)));
    let any_false = outcomes.iter().filter(|o| wrong(o) > 0).count();
    let resampled = |part: fn(&Outcome) -> u32, of: fn(&Outcome) -> u32| resample(outcomes, part, of);
    Summary {
        flags: flags / seeds,
        precision: (share(hits, flags), wilson(hits, flags), resampled(|o| o.hits, |o| o.flags)),
        recall: (share(hits, dishonest), resampled(|o| o.hits, |o| o.dishonest)),
        false_share: false_shares.sum::<f64>() / seeds,
        any_false: share(f64::from(u32::try_from(any_false).unwrap_or(u32::MAX)), seeds),
        precision_25: (share(total(|o| o.first_25), 25.0 * seeds), resampled(|o| o.first_25, |_| 25)),
        recall_100: share(total(|o| o.first_100), dishonest),
        withheld: total(|o| u32::from(o.withheld)) / seeds,
    }
}

/// The interval of 95 %, two-sided, for the share of which `hits` of `of` were seen (Wilson 1927); from 0
/// to 1 where nothing was seen.
fn wilson(hits: f64, of: f64) -> (f64, f64) {
    const NORMAL: f64 = 1.959_963_984_540_054;
    if of <= 0.0 {
        return (0.0, 1.0);
    }
    let (share, square) = (hits / of, NORMAL * NORMAL);
    let centre = (share + square / (2.0 * of)) / (1.0 + square / of);
    let width = NORMAL * (share * (1.0 - share) / of + square / (4.0 * of * of)).sqrt() / (1.0 + square / of);
    ((centre - width).max(0.0), (centre + width).min(1.0))
}

/// The interval of 95 % of a ratio of sums, by drawing seeds with replacement (Efron 1979, percentiles).
fn resample(outcomes: &[Outcome], part: fn(&Outcome) -> u32, of: fn(&Outcome) -> u32) -> (f64, f64) {
    let mut chance = Chance::new(1);
    let size = u32::try_from(outcomes.len()).unwrap_or(u32::MAX);
    let mut ratios: Vec<f64> = Vec::new();
    for _ in 0..RESAMPLES {
        let (mut above, mut below) = (0, 0);
        for _ in 0..size {
            let drawn = &outcomes[usize::try_from(chance.below(size)).unwrap()];
            above += part(drawn);
            below += of(drawn);
        }
        ratios.push(f64::from(above) / f64::from(below).max(1.0));
    }
    ratios.sort_by(f64::total_cmp);
    (ratios[ratios.len() / 40], ratios[ratios.len() - 1 - ratios.len() / 40])
}
