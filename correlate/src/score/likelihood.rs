//! The most likely spread of honest rates, for peers that count more or less.
//!
//! The likelihood is maximised by Newton's method over the logarithms of both shapes. It depends on the counts only through
//! how many peers have more than j events, more than j non-events and more than j exposures (Smith 1983), so a step costs
//! as many terms as there are different counts, however many peers there are.
//!
//! A weak belief keeps it finite where the peers say little, also where nobody has any event: half an event and half a
//! non-event (Jeffreys) for the mean, and a precision of a hundred exposures within a factor of e² either way.
//!
//! Sources: Griffiths, Maximum likelihood estimation for the beta-binomial distribution (1973); Smith, Algorithm AS 189
//! (1983).

use super::beta::{Beta, digamma, trigamma};
use super::spread::{Curvature, Spread};

/// The precision that is believed in before anything is known, in exposures.
pub(super) const PRECISION: f64 = 100.0;

/// How unsure that is: the standard deviation of its logarithm.
const UNSURE: f64 = 2.0;

/// The bounds of a fitted precision, in exposures.
const PRECISION_BOUNDS: (f64, f64) = (2.0, 1e6);

/// Steps at most; five to eight are usual.
const STEPS: u32 = 50;

/// A step shorter than this, in the logarithms of both shapes, is the last.
const NEAR: f64 = 1e-8;

/// The longest step in the logarithm of a shape.
const FAR: f64 = 2.0;

/// Up to so many terms are added one by one; for more, differences of digamma and trigamma are quicker.
const SHORT: u32 = 12;

/// The counts of peers as the likelihood needs them.
#[derive(Debug, Clone)]
pub(super) struct Likelihood {
    events: Ladder,
    others: Ladder,
    exposures: Ladder,
}

/// The weight of all peers beyond each count: of events, non-events, exposures.
struct Beyond([Vec<f64>; 3]);

impl Likelihood {
    /// Takes pairs of events and exposures, one for each peer.
    pub(super) fn new(counts: &[(u32, u32)]) -> Self {
        let ladder = |of: fn(&(u32, u32)) -> u32| Ladder::new(counts.iter().map(of).collect());
        Self {
            events: ladder(|(events, _)| *events),
            others: ladder(|(events, exposures)| exposures.saturating_sub(*events)),
            exposures: ladder(|(_, exposures)| *exposures),
        }
    }

    /// The most likely spread when each peer counts by its weight (0 to 1, in the order of the counts).
    pub(super) fn climb(&self, weights: &[f64], start: Beta) -> Beta {
        let beyond = self.beyond(weights);
        let mut at = (libm::log(start.alpha()), libm::log(start.beta()));
        for _ in 0..STEPS {
            let (slope, curvature) = self.surface(&beyond, at);
            let step = uphill(slope, curvature);
            at = within((at.0 + step.0, at.1 + step.1));
            if step.0.abs() + step.1.abs() < NEAR {
                break;
            }
        }
        Beta::new(libm::exp(at.0), libm::exp(at.1))
    }

    /// The spread that was found with these weights, and how sure it is.
    pub(super) fn sureness(&self, weights: &[f64], best: Beta) -> Spread {
        let at = (libm::log(best.alpha()), libm::log(best.beta()));
        Spread::fitted(best, self.surface(&self.beyond(weights), at).1)
    }

    /// For each peer the logarithm of how much more likely its counts are with one spread than with another.
    pub(super) fn ratios(&self, one: Beta, other: Beta) -> Vec<f64> {
        let events = self.events.ratios(one.alpha(), other.alpha());
        let others = self.others.ratios(one.beta(), other.beta());
        let exposures = self.exposures.ratios(one.precision(), other.precision());
        events.zip(others).zip(exposures).map(|((events, others), exposures)| events + others - exposures).collect()
    }

    fn beyond(&self, weights: &[f64]) -> Beyond {
        Beyond([&self.events, &self.others, &self.exposures].map(|ladder| ladder.beyond(weights)))
    }

    /// The slope and the curvature of what is maximised, at the logarithms of both shapes.
    fn surface(&self, Beyond([events, others, exposures]): &Beyond, at: (f64, f64)) -> ((f64, f64), Curvature) {
        let (alpha, beta) = (libm::exp(at.0), libm::exp(at.1));
        let (first, second) = (self.events.slopes(events, alpha), self.others.slopes(others, beta));
        let both = self.exposures.slopes(exposures, alpha + beta);
        // By the chain rule for the logarithms.
        let slope = (alpha * (first.0 - both.0), beta * (second.0 - both.0));
        let (believed, curved) = believed(alpha, beta);
        let curvature = Curvature {
            first: alpha * alpha * (first.1 - both.1) + slope.0 + curved.first,
            both: -alpha * beta * both.1 + curved.both,
            second: beta * beta * (second.1 - both.1) + slope.1 + curved.second,
        };
        ((slope.0 + believed.0, slope.1 + believed.1), curvature)
    }
}

/// The slope and the curvature of what is believed before anything is known:
/// ½ ln mean + ½ ln (1 - mean) - ½ ((ln precision - ln [`PRECISION`]) / [`UNSURE`])².
fn believed(alpha: f64, beta: f64) -> ((f64, f64), Curvature) {
    let mean = alpha / (alpha + beta);
    let rest = 1.0 - mean;
    let sure = 1.0 / (UNSURE * UNSURE);
    let off = sure * libm::log((alpha + beta) / PRECISION);
    let bend = (1.0 + off) * mean * rest;
    let curvature = Curvature {
        first: -bend - sure * mean * mean,
        both: bend - sure * mean * rest,
        second: -bend - sure * rest * rest,
    };
    ((0.5 - mean - off * mean, 0.5 - rest - off * rest), curvature)
}

/// A step uphill: Newton's on a hilltop, elsewhere along the slope.
fn uphill(slope: (f64, f64), curvature: Curvature) -> (f64, f64) {
    let Curvature { first, both, second } = curvature;
    let step = match curvature.hilltop() {
        Some(volume) => ((both * slope.1 - second * slope.0) / volume, (both * slope.0 - first * slope.1) / volume),
        None => {
            let steep = first.abs() + second.abs() + both.abs() + 1e-9;
            (slope.0 / steep, slope.1 / steep)
        }
    };
    let longest = step.0.abs().max(step.1.abs());
    if !longest.is_finite() {
        return (0.0, 0.0);
    }
    let shorter = if longest > FAR { FAR / longest } else { 1.0 };
    (step.0 * shorter, step.1 * shorter)
}

/// Brings the precision within its bounds and keeps the mean.
fn within(at: (f64, f64)) -> (f64, f64) {
    let precision = libm::exp(at.0) + libm::exp(at.1);
    let shift = libm::log(precision.clamp(PRECISION_BOUNDS.0, PRECISION_BOUNDS.1) / precision);
    if shift.is_finite() { (at.0 + shift, at.1 + shift) } else { at }
}

/// Whole numbers of the peers, by the different values that they take.
#[derive(Debug, Clone)]
struct Ladder {
    /// The different values, from the smallest up.
    levels: Vec<u32>,
    /// For each peer the index of its value.
    places: Vec<usize>,
}

impl Ladder {
    fn new(values: Vec<u32>) -> Self {
        let mut levels = values.clone();
        levels.sort_unstable();
        levels.dedup();
        let places = values.iter().map(|value| levels.binary_search(value).unwrap_or(0)).collect();
        Self { levels, places }
    }

    /// For each level the weight of all peers on it or above.
    fn beyond(&self, weights: &[f64]) -> Vec<f64> {
        let mut beyond = vec![0.0; self.levels.len()];
        for (place, weight) in self.places.iter().zip(weights) {
            if let Some(sum) = beyond.get_mut(*place) {
                *sum += weight;
            }
        }
        let mut sum = 0.0;
        for level in beyond.iter_mut().rev() {
            sum += *level;
            *level = sum;
        }
        beyond
    }

    /// The first and second derivative by `shape` of the weighted sum of ln shape + … + ln (shape + value - 1).
    fn slopes(&self, beyond: &[f64], shape: f64) -> (f64, f64) {
        let (mut first, mut second) = (0.0, 0.0);
        let mut from = 0;
        for (level, weight) in self.levels.iter().zip(beyond) {
            let (one, two) = if level - from > SHORT {
                let (low, high) = (shape + f64::from(from), shape + f64::from(*level));
                (digamma(high) - digamma(low), trigamma(low) - trigamma(high))
            } else {
                let terms = (from..*level).map(|j| 1.0 / (shape + f64::from(j)));
                terms.fold((0.0, 0.0), |(one, two), term| (one + term, two + term * term))
            };
            first += weight * one;
            second -= weight * two;
            from = *level;
        }
        (first, second)
    }

    /// For each peer how much the logarithm of `shape (shape + 1) … (shape + value - 1)` grows from `other` to `one`.
    fn ratios(&self, one: f64, other: f64) -> impl Iterator<Item = f64> {
        let rise = |from: f64, steps: u32| libm::lgamma(from + f64::from(steps)) - libm::lgamma(from);
        let grown: Vec<f64> = self.levels.iter().map(|level| rise(one, *level) - rise(other, *level)).collect();
        self.places.iter().map(move |place| grown.get(*place).copied().unwrap_or(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTS: [(u32, u32); 7] = [(0, 40), (3, 100), (1, 10), (40, 900), (0, 0), (2, 2), (17, 600)];

    /// What is maximised, written down as it stands in the books.
    fn height(weights: &[f64], spread: Beta) -> f64 {
        let likely: f64 = COUNTS.iter().zip(weights).map(|((k, n), weight)| weight * spread.ln_mass(*k, *n)).sum();
        let off = (spread.precision() / PRECISION).ln() / UNSURE;
        likely + 0.5 * (spread.mean() * (1.0 - spread.mean())).ln() - 0.5 * off * off
    }

    #[test]
    fn slope_and_curvature_are_those_of_the_likelihood() {
        let weights = [1.0, 0.5, 1.0, 0.9, 1.0, 0.1, 1.0];
        let likelihood = Likelihood::new(&COUNTS);
        let beyond = likelihood.beyond(&weights);
        for (u, v) in [(0.5_f64, 4.0_f64), (-1.0, 2.0), (2.0, 7.0)] {
            let at = |u: f64, v: f64| height(&weights, Beta::new(u.exp(), v.exp()));
            let h = 2e-3;
            let (slope, curvature) = likelihood.surface(&beyond, (u, v));
            let near = |got: f64, want: f64| assert!((got - want).abs() < 1e-4 * (1.0 + want.abs()), "{got} {want}");
            near(slope.0, (at(u + h, v) - at(u - h, v)) / (2.0 * h));
            near(slope.1, (at(u, v + h) - at(u, v - h)) / (2.0 * h));
            near(curvature.first, (at(u + h, v) - 2.0 * at(u, v) + at(u - h, v)) / (h * h));
            near(curvature.second, (at(u, v + h) - 2.0 * at(u, v) + at(u, v - h)) / (h * h));
            let mixed = at(u + h, v + h) - at(u + h, v - h) - at(u - h, v + h) + at(u - h, v - h);
            near(curvature.both, mixed / (4.0 * h * h));
        }
    }

    #[test]
    fn the_top_is_reached_from_anywhere() {
        let weights = [1.0; 7];
        let likelihood = Likelihood::new(&COUNTS);
        let top = likelihood.climb(&weights, Beta::new(1.0, 30.0));
        for start in [Beta::new(1e-6, 1e-3), Beta::new(500.0, 1.0), Beta::of_mean(1e-5, 1e6)] {
            let found = likelihood.climb(&weights, start);
            assert!((found.alpha() / top.alpha() - 1.0).abs() < 1e-6, "{found:?} is not {top:?}");
        }
        for (by_alpha, by_beta) in [(1.02, 1.0), (0.98, 1.0), (1.0, 1.02), (1.0, 0.98)] {
            let beside = Beta::new(top.alpha() * by_alpha, top.beta() * by_beta);
            assert!(height(&weights, top) > height(&weights, beside));
        }
    }

    #[test]
    fn ratios_are_those_of_the_masses() {
        let (one, other) = (Beta::of_mean(0.08, 80.0), Beta::of_mean(0.02, 80.0));
        for (ratio, (k, n)) in Likelihood::new(&COUNTS).ratios(one, other).into_iter().zip(COUNTS) {
            assert!((ratio - (one.ln_mass(k, n) - other.ln_mass(k, n))).abs() < 1e-9);
        }
    }
}
