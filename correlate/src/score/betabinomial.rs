//! The beta-binomial distribution: what an honest operator's count may be.
//!
//! Rates of honest operators spread as a [`Beta`], and the count of an operator with `exposures` is binomial at a rate
//! drawn from it. So twenty transactions with two voids are not what they would be if every honest operator had the same
//! rate. Tails are exact sums, not approximations: a p-value can be recomputed by anyone with a calculator.
//!
//! The p-value is the plain tail P(K ≥ k), not the mid-p value that counts P(K = k) half. Only the plain tail is below
//! u with probability at most u for honest operators, which is what the bound on false discoveries rests on.
//!
//! Sources: Skellam, A probability distribution derived from the binomial (1948); Lancaster, Significance tests in
//! discrete distributions (1961), for mid-p.

use super::beta::{Beta, ln_beta};

/// A term this small beside the sum of those before it ends a tail whose terms fall.
const NEGLIGIBLE: f64 = 1e-17;

impl Beta {
    /// The logarithm of the probability of exactly `events` of `exposures`; minus infinity for more events than exposures.
    pub fn ln_mass(&self, events: u32, exposures: u32) -> f64 {
        let Some(others) = exposures.checked_sub(events) else { return f64::NEG_INFINITY };
        let (k, rest, n) = (f64::from(events), f64::from(others), f64::from(exposures));
        let ways = -libm::log1p(n) - ln_beta(k + 1.0, rest + 1.0);
        ways + ln_beta(self.alpha() + k, self.beta() + rest) - ln_beta(self.alpha(), self.beta())
    }

    /// The probability of `events` or more of `exposures`: the one-sided p-value of an operator against these peers.
    /// 1 for no events, 0 for more events than exposures. Takes at most as many steps as there are exposures.
    pub fn tail(&self, events: u32, exposures: u32) -> f64 {
        if events == 0 {
            return 1.0;
        }
        if events > exposures {
            return 0.0;
        }
        if f64::from(events) > f64::from(exposures) * self.mean() {
            self.upwards(events, exposures)
        } else {
            1.0 - self.downwards(events - 1, exposures)
        }
    }

    /// The sum of the probabilities of `first` and more, for a count above the mean.
    fn upwards(&self, first: u32, exposures: u32) -> f64 {
        // With a second shape below 1 the terms rise again at the end: all of them are summed.
        let falls = self.beta() >= 1.0;
        let n = f64::from(exposures);
        let (mut sum, mut term) = (1.0, 1.0);
        for count in first..exposures {
            let k = f64::from(count);
            let ratio = (n - k) * (self.alpha() + k) / ((k + 1.0) * (self.beta() + n - k - 1.0));
            term *= ratio;
            sum += term;
            if falls && ratio < 1.0 && term < NEGLIGIBLE * sum * (1.0 - ratio) {
                break;
            }
        }
        libm::exp(self.ln_mass(first, exposures) + libm::log(sum)).min(1.0)
    }

    /// The sum of the probabilities of `last` and fewer, for a count below the mean.
    fn downwards(&self, last: u32, exposures: u32) -> f64 {
        let falls = self.alpha() >= 1.0;
        let n = f64::from(exposures);
        let (mut sum, mut term) = (1.0, 1.0);
        for count in (1..=last).rev() {
            let k = f64::from(count);
            let ratio = k * (self.beta() + n - k) / ((n - k + 1.0) * (self.alpha() + k - 1.0));
            term *= ratio;
            sum += term;
            if falls && ratio < 1.0 && term < NEGLIGIBLE * sum * (1.0 - ratio) {
                break;
            }
        }
        libm::exp(self.ln_mass(last, exposures) + libm::log(sum)).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, want: f64, digits: f64) {
        assert!((got - want).abs() <= digits * want.abs(), "{got} is not {want}");
    }

    /// The probability of exactly `k`, from whole numbers: C(n, k) a⁽ᵏ⁾ b⁽ⁿ⁻ᵏ⁾ / (a + b)⁽ⁿ⁾ with rising factorials.
    fn rational(k: u32, n: u32, a: u32, b: u32) -> f64 {
        let rising = |from: u32, steps: u32| (0..steps).map(|j| u128::from(from + j)).product::<u128>();
        let ways = (0..k).fold(1_u128, |ways, j| ways * u128::from(n - j) / u128::from(j + 1));
        let (above, below) = (ways * rising(a, k) * rising(b, n - k), rising(a + b, n));
        // Both are below 2^127, so their quotient is exact to the last digits of a double.
        let real = |of: u128| of.to_string().parse::<f64>().unwrap();
        real(above) / real(below)
    }

    #[test]
    fn masses_and_tails_are_those_of_exact_fractions() {
        for (a, b, n) in [(1, 1, 12), (2, 7, 15), (3, 20, 16), (5, 2, 14)] {
            let peers = Beta::new(f64::from(a), f64::from(b));
            let exact: Vec<f64> = (0..=n).map(|k| rational(k, n, a, b)).collect();
            for k in 0..=n {
                let from = usize::try_from(k).unwrap();
                close(peers.ln_mass(k, n).exp(), exact[from], 1e-12);
                close(peers.tail(k, n), exact[from..].iter().sum(), 1e-12);
            }
        }
    }

    #[test]
    fn a_uniform_belief_makes_every_count_as_likely() {
        close(Beta::new(1.0, 1.0).tail(30, 99), 0.7, 1e-12);
        close(Beta::new(1.0, 1.0).tail(99, 99), 0.01, 1e-12);
    }

    #[test]
    fn tails_are_slow_sums_also_far_out_and_for_odd_shapes() {
        for (alpha, beta, n) in
            [(1.6, 78.4, 600), (0.3, 0.4, 200), (0.01, 5.0, 300), (40.0, 0.7, 150), (1.6, 78.4, 20_000)]
        {
            let peers = Beta::new(alpha, beta);
            let masses: Vec<f64> = (0..=n).map(|k| peers.ln_mass(k, n).exp()).collect();
            for k in [1, 2, 5, n / 50, n / 10, n / 3, n - 1, n] {
                // From the smallest up, where the terms fall.
                let slow: f64 = masses[usize::try_from(k).unwrap()..].iter().rev().sum();
                close(peers.tail(k, n), slow, 1e-7);
            }
        }
    }

    #[test]
    fn with_the_same_rate_for_all_it_is_the_binomial() {
        // The chance of 2 or more of 20 at 2 %: 1 - 0.98²⁰ - 20 · 0.02 · 0.98¹⁹.
        let binomial = 1.0 - 0.98_f64.powi(20) - 0.4 * 0.98_f64.powi(19);
        close(Beta::of_mean(0.02, 1e8).tail(2, 20), binomial, 1e-5);
        // As rates differ it is more, not less.
        assert!(Beta::of_mean(0.02, 80.0).tail(2, 20) > binomial);
    }

    #[test]
    fn more_events_are_never_more_likely() {
        for (alpha, beta, n) in
            [(1.6, 78.4, 500), (0.2, 0.2, 60), (30.0, 3.0, 60), (1e-6, 50.0, 100), (1e5, 1e6, 1_000)]
        {
            let peers = Beta::new(alpha, beta);
            let tails: Vec<f64> = (0..=n + 1).map(|k| peers.tail(k, n)).collect();
            assert!(tails.windows(2).all(|pair| pair[1] <= pair[0] + 1e-12), "{alpha} {beta} {n}");
            assert!(tails.iter().all(|p| (0.0..=1.0).contains(p)));
        }
    }

    #[test]
    fn edges_are_certain() {
        let peers = Beta::new(1.6, 78.4);
        assert_eq!((peers.tail(0, 0), peers.tail(0, 50), peers.tail(51, 50)), (1.0, 1.0, 0.0));
        assert!(peers.ln_mass(3, 2) == f64::NEG_INFINITY);
        close(peers.ln_mass(0, 0).exp(), 1.0, 1e-12);
        assert!(peers.tail(1_000_000, 1_000_000) >= 0.0);
    }
}
