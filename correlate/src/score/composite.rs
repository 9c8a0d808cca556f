//! The composite risk of operators and stores: a weighted sum whose parts are shown. It ranks and never alerts.
//!
//! A part is how far a shrunk rate exceeds what peers have, in standard deviations of the peers: none gives 0 points,
//! [`FULL`] or more give 100, what lies below gives none, so that few refunds do not excuse many voids. The score is the
//! mean of the parts by weight, 0 to 100. Rates are shrunk, so somebody with five transactions stays near 0.
//!
//! The one published formula (`StorePulse`) gives 100 points at two to three standard deviations. On ten simulated measures
//! with a thief each among two hundred that mixes thieves with the upper hundredth of the honest: of the first 25 operators a
//! third are dishonest, and three quarters with a scale to eight. Where thieves do a little of many things, it finds a few more
//! (two points above an honest rate in each of ten measures: 148 of the first 250 of ten fleets; 122 with a scale to eight).
//!
//! A store is compared with what its operators' roles let expect, so that a large service desk is no risk. The ratio of
//! both is shrunk towards that of the other stores by how much more they differ than chance makes them (a gamma
//! distribution around their mean, fitted by moments to the others, with [`STORES`] stores' worth of belief in [`SPREAD`]).
//!
//! Sources: Clayton and Kaldor, Empirical Bayes estimates of age-standardized relative risks (1987); Marshall (1991), for
//! the moments.

use std::collections::BTreeMap;

use super::standing::{Group, Standing};
use super::{Measure, Period};

/// So many standard deviations beyond the peers' mean make 100 points.
pub const FULL: f64 = 8.0;

/// The standard deviation of stores' ratios that is believed in before anything is known: a fifth.
const SPREAD: f64 = 0.2;

/// How many stores that belief is worth.
const STORES: f64 = 5.0;

/// The bounds of the variance of stores' ratios.
const VARIANCE_BOUNDS: (f64, f64) = (1e-4, 4.0);

/// The composite risk of an operator or a store.
#[derive(Debug, Clone, PartialEq)]
pub struct Risk<'a> {
    /// Whose.
    pub name: &'a str,
    /// The score, 0 to 100: the sum of the contributions.
    pub score: f64,
    /// The place among its like, from 1.
    pub rank: usize,
    /// What it is made of, in the order of the measures; a measure that is excluded is missing and contributes nothing.
    pub parts: Vec<Part<'a>>,
}

/// One measure's part in a risk.
#[derive(Debug, Clone, PartialEq)]
pub struct Part<'a> {
    /// The measure.
    pub measure: &'a str,
    /// How often it happened.
    pub events: u64,
    /// How often it could have.
    pub exposures: u64,
    /// How often honest peers with the same exposures in the same roles would have had it.
    pub expected: f64,
    /// The shrunk rate, 0 to 1.
    pub rate: f64,
    /// The median rate of honest peers; for a store, of the stores.
    pub peers_median: f64,
    /// The weight of the measure, as a share of all weights.
    pub weight: f64,
    /// 0 to 100.
    pub points: f64,
    /// What it adds to the score: weight × points.
    pub contribution: f64,
}

/// The risks of operators, the highest first.
pub(super) fn of_operators<'a>(period: &'a Period, standings: &[Standing<'a>]) -> Vec<Risk<'a>> {
    let shares = Shares::of(&period.measures);
    let mut operators: BTreeMap<&str, Vec<Part<'a>>> = BTreeMap::new();
    for standing in standings {
        let points = points(standing.excess);
        let weight = shares.share(standing.measure);
        operators.entry(standing.operator).or_default().push(Part {
            measure: standing.measure,
            events: u64::from(standing.events),
            exposures: u64::from(standing.exposures),
            expected: f64::from(standing.exposures) * standing.peers_mean,
            rate: standing.rate,
            peers_median: standing.peers_median,
            weight,
            points,
            contribution: weight * points,
        });
    }
    ranked(operators)
}

/// The risks of stores, the highest first.
pub(super) fn of_stores<'a>(period: &'a Period, groups: &[Group<'a>], standings: &[Standing<'a>]) -> Vec<Risk<'a>> {
    let shares = Shares::of(&period.measures);
    let means: BTreeMap<(&str, &str), f64> =
        groups.iter().map(|group| ((group.measure, group.role), group.honest.mean())).collect();
    let mut totals: BTreeMap<&str, BTreeMap<&str, Total>> = BTreeMap::new();
    for standing in standings {
        let total = totals.entry(standing.measure).or_default().entry(standing.store).or_default();
        total.events += u64::from(standing.events);
        total.exposures += u64::from(standing.exposures);
        total.seen += f64::from(standing.events);
        let mean = means.get(&(standing.measure, standing.role)).copied().unwrap_or(standing.peers_mean);
        total.expected += mean * f64::from(standing.exposures);
    }
    let mut stores: BTreeMap<&str, Vec<Part<'a>>> = BTreeMap::new();
    for Measure { name, .. } in &period.measures {
        let Some(totals) = totals.get(name.as_str()) else { continue };
        let sums: Sums = totals.values().map(Sums::of).fold(Sums::default(), Sums::and);
        let shrunk = |total: &Total| sums.without(Sums::of(total)).shrink(total);
        let median = median(totals.values().map(|total| shrunk(total).0).collect());
        for (store, total) in totals {
            let (rate, excess) = shrunk(total);
            let (weight, points) = (shares.share(name), points(excess));
            stores.entry(store).or_default().push(Part {
                measure: name,
                events: total.events,
                exposures: total.exposures,
                expected: total.expected,
                rate,
                peers_median: median,
                weight,
                points,
                contribution: weight * points,
            });
        }
    }
    ranked(stores)
}

/// A store's counts in one measure.
#[derive(Debug, Clone, Copy, Default)]
struct Total {
    events: u64,
    exposures: u64,
    /// The events, as a real number.
    seen: f64,
    /// What the roles let expect.
    expected: f64,
}

/// Sums over stores, of which one store can be taken away again.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    stores: f64,
    seen: f64,
    seen_squared: f64,
    expected: f64,
    expected_squared: f64,
    product: f64,
}

impl Sums {
    fn of(total: &Total) -> Self {
        let Total { seen, expected, .. } = *total;
        let (seen_squared, expected_squared) = (seen * seen, expected * expected);
        Self { stores: 1.0, seen, seen_squared, expected, expected_squared, product: seen * expected }
    }

    fn and(self, other: Self) -> Self {
        self.plus(other, 1.0)
    }

    fn without(self, other: Self) -> Self {
        self.plus(other, -1.0)
    }

    fn plus(self, other: Self, times: f64) -> Self {
        Self {
            stores: self.stores + times * other.stores,
            seen: self.seen + times * other.seen,
            seen_squared: self.seen_squared + times * other.seen_squared,
            expected: self.expected + times * other.expected,
            expected_squared: self.expected_squared + times * other.expected_squared,
            product: self.product + times * other.product,
        }
    }

    /// The shrunk rate of a store beside these others, and by how many of their standard deviations it exceeds them.
    fn shrink(&self, total: &Total) -> (f64, f64) {
        // The others as they are, not as their roles let expect: a chain may have more of something than its roles say.
        let level = (self.seen + 0.5) / (self.expected + 0.5);
        // Σ (seen - level · expected)² is chance (Σ level · expected) and the variance of the ratios (× Σ (level · expected)²).
        let squares = self.seen_squared - 2.0 * level * self.product + level * level * self.expected_squared;
        let beyond_chance = squares - level * self.expected;
        let size = level * level * self.expected_squared;
        let believed = STORES * size / self.stores.max(1.0);
        let variance = (beyond_chance + believed * SPREAD * SPREAD) / (size + believed);
        let usable = if variance.is_finite() { variance } else { SPREAD * SPREAD };
        let variance = usable.clamp(VARIANCE_BOUNDS.0, VARIANCE_BOUNDS.1);
        let expected = level * total.expected;
        let ratio = (total.seen + 1.0 / variance) / (expected + 1.0 / variance);
        let exposures = total.seen_share();
        let rate = if exposures > 0.0 { ratio * expected / exposures } else { 0.0 };
        (rate.min(1.0), (ratio - 1.0) / libm::sqrt(variance))
    }
}

impl Total {
    /// The exposures as a real number, exact up to 2⁵³.
    fn seen_share(&self) -> f64 {
        let high = u32::try_from(self.exposures >> 32).unwrap_or(u32::MAX);
        let low = u32::try_from(self.exposures & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        f64::from(high) * 4_294_967_296.0 + f64::from(low)
    }
}

/// The points for an excess in standard deviations.
fn points(excess: f64) -> f64 {
    if excess.is_nan() { 0.0 } else { 100.0 * (excess / FULL).clamp(0.0, 1.0) }
}

/// The middle of some numbers, the higher of two; 0 of none.
fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(0.0)
}

/// The weights of measures as shares of all.
struct Shares<'a>(BTreeMap<&'a str, f64>);

impl<'a> Shares<'a> {
    fn of(measures: &'a [Measure]) -> Self {
        let all: f64 = measures.iter().map(|measure| measure.weight).sum();
        let share = |weight: f64| if all > 0.0 { weight / all } else { 0.0 };
        Self(measures.iter().map(|measure| (measure.name.as_str(), share(measure.weight))).collect())
    }

    fn share(&self, measure: &str) -> f64 {
        self.0.get(measure).copied().unwrap_or(0.0)
    }
}

/// Sums the parts up and puts the highest first.
fn ranked<'a>(parts: BTreeMap<&'a str, Vec<Part<'a>>>) -> Vec<Risk<'a>> {
    let score = |parts: &[Part<'a>]| parts.iter().map(|part| part.contribution).sum();
    let risk = |(name, parts): (&'a str, Vec<Part<'a>>)| Risk { name, score: score(&parts), rank: 0, parts };
    let mut risks: Vec<Risk<'a>> = parts.into_iter().map(risk).collect();
    risks.sort_by(|one, other| other.score.total_cmp(&one.score).then_with(|| one.name.cmp(other.name)));
    for (index, risk) in risks.iter_mut().enumerate() {
        risk.rank = index + 1;
    }
    risks
}
