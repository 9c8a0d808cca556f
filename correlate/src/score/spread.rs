//! How the honest rates of a peer group spread, and how sure that is.
//!
//! A fit to twenty peers is a guess. A p-value that takes it for the truth is too small: measured with groups of ten to
//! thirty honest operators, a quarter of the groups had somebody below the bound that a tenth should have had. So a
//! [`Spread`] carries the fits that the peers leave possible beside the best one, and tails are averages over them. In a
//! group of thousands all of them are nearly the same.
//!
//! What is possible is taken as normal over the logarithms of both shapes, with the curvature of the likelihood (Laplace's
//! approximation), at the nine points of Gauss and Hermite's rule of three by three. Rates and intervals use the best fit.
//!
//! Sources: Carlin and Gelfand, Approaches for empirical Bayes confidence intervals (1990); Abramowitz and Stegun 25.4.46.

use super::beta::Beta;

/// The points of the rule, in standard deviations, with their weights.
const POINTS: [(f64, f64); 3] =
    [(-1.732_050_807_568_877_2, 1.0 / 6.0), (0.0, 2.0 / 3.0), (1.732_050_807_568_877_2, 1.0 / 6.0)];

/// The farthest that a possible fit lies from the best, in the logarithm of a shape.
const FARTHEST: f64 = 6.0;

/// The second derivatives of a log-likelihood by the logarithms of the first and the second shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curvature {
    /// By the first, twice.
    pub first: f64,
    /// By one and the other.
    pub both: f64,
    /// By the second, twice.
    pub second: f64,
}

impl Curvature {
    /// The determinant, where the surface is a hilltop.
    pub(super) fn hilltop(&self) -> Option<f64> {
        let volume = self.first * self.second - self.both * self.both;
        (self.first < 0.0 && volume > 0.0 && volume.is_finite()).then_some(volume)
    }
}

/// The spread of honest rates as the peers tell it.
#[derive(Debug, Clone, PartialEq)]
pub struct Spread {
    best: Beta,
    /// Possible fits and their weights, which sum to 1.
    possible: Vec<(Beta, f64)>,
}

impl Spread {
    /// A spread that is known, not fitted.
    pub fn known(spread: Beta) -> Self {
        Self { best: spread, possible: vec![(spread, 1.0)] }
    }

    /// A fitted spread: the best fit, and how fast the log-likelihood falls around it.
    pub fn fitted(best: Beta, curvature: Curvature) -> Self {
        let Some(volume) = curvature.hilltop() else { return Self::known(best) };
        // The covariance is the inverse of the negated curvature; its Cholesky factor turns independent deviations into theirs.
        let (var_first, var_second) = (-curvature.second / volume, -curvature.first / volume);
        let covariance = curvature.both / volume;
        let first = libm::sqrt(var_first);
        let shared = covariance / first;
        let own = libm::sqrt((var_second - shared * shared).max(0.0));
        let shape = |shape: f64, by: f64| shape * libm::exp(by.clamp(-FARTHEST, FARTHEST));
        let possible = POINTS.iter().flat_map(|one| POINTS.iter().map(move |other| (one, other)));
        let possible = possible.map(|((x, x_weight), (y, y_weight))| {
            let fit = Beta::new(shape(best.alpha(), first * x), shape(best.beta(), shared * x + own * y));
            (fit, x_weight * y_weight)
        });
        Self { best, possible: possible.collect() }
    }

    /// The best fit.
    pub fn best(&self) -> Beta {
        self.best
    }

    /// The probability that an honest operator has `events` or more of `exposures`: the p-value. It never rises with events.
    pub fn tail(&self, events: u32, exposures: u32) -> f64 {
        if events == 0 {
            return 1.0;
        }
        let sum: f64 = self.possible.iter().map(|(fit, weight)| weight * fit.tail(events, exposures)).sum();
        sum.min(1.0)
    }

    /// The largest number of events below `events` whose tail exceeds `bound`: with so many the operator would not be
    /// below it. Nothing where there are no events. `bound` is below 1, the tail of no events.
    pub fn fewer(&self, events: u32, exposures: u32, bound: f64) -> Option<u32> {
        let (mut exceeds, mut beyond) = (0, events);
        if events == 0 || bound >= 1.0 {
            return None;
        }
        while beyond - exceeds > 1 {
            let middle = exceeds + (beyond - exceeds) / 2;
            if self.tail(middle, exposures) > bound {
                exceeds = middle;
            } else {
                beyond = middle;
            }
        }
        Some(exceeds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SURE: Curvature = Curvature { first: -1e12, both: 0.0, second: -1e12 };
    const GUESS: Curvature = Curvature { first: -3.0, both: 1.0, second: -2.0 };

    fn peers() -> Beta {
        Beta::of_mean(0.02, 80.0)
    }

    #[test]
    fn a_sure_fit_is_a_known_one() {
        let (sure, known) = (Spread::fitted(peers(), SURE), Spread::known(peers()));
        for events in [0, 1, 5, 20] {
            assert!((sure.tail(events, 200) / known.tail(events, 200) - 1.0).abs() < 1e-4);
        }
    }

    #[test]
    fn a_guess_makes_no_small_p_values() {
        let (guess, known) = (Spread::fitted(peers(), GUESS), Spread::known(peers()));
        assert!(guess.tail(30, 200) > 10.0 * known.tail(30, 200));
        assert!((guess.tail(0, 200) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_points_have_the_covariance_that_was_given() {
        let guess = Spread::fitted(peers(), GUESS);
        let moment = |of: &dyn Fn(f64, f64) -> f64| -> f64 {
            let at = |fit: &Beta| ((fit.alpha() / peers().alpha()).ln(), (fit.beta() / peers().beta()).ln());
            guess.possible.iter().map(|(fit, weight)| weight * of(at(fit).0, at(fit).1)).sum()
        };
        // The inverse of ((3, -1), (-1, 2)) is ((2, 1), (1, 3)) / 5.
        assert!((moment(&|_, _| 1.0) - 1.0).abs() < 1e-12);
        assert!(moment(&|u, _| u).abs() < 1e-12 && moment(&|_, v| v).abs() < 1e-12);
        assert!((moment(&|u, _| u * u) - 0.4).abs() < 1e-12);
        assert!((moment(&|u, v| u * v) - 0.2).abs() < 1e-12);
        assert!((moment(&|_, v| v * v) - 0.6).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_hilltop_says_nothing_of_its_width() {
        for curvature in [
            Curvature { first: 1.0, both: 0.0, second: -1.0 },
            Curvature { first: -1.0, both: 2.0, second: -1.0 },
            Curvature { first: f64::NAN, both: 0.0, second: -1.0 },
        ] {
            assert_eq!(Spread::fitted(peers(), curvature), Spread::known(peers()));
        }
    }

    #[test]
    fn fewer_is_the_largest_count_beyond_the_bound() {
        let spread = Spread::fitted(peers(), GUESS);
        for bound in [1e-6, 1e-3, 0.05, 0.4] {
            let fewer = spread.fewer(60, 200, bound).unwrap();
            assert!(spread.tail(fewer, 200) > bound);
            assert!(fewer == 59 || spread.tail(fewer + 1, 200) <= bound);
        }
        assert_eq!((spread.fewer(0, 200, 0.01), spread.fewer(1, 200, 1e-300)), (None, Some(0)));
    }
}
