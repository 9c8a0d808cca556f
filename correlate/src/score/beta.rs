//! The beta distribution: what is believed of a rate.
//!
//! A [`Beta`] is both how the honest rates of a peer group spread and, after an operator's own counts, where that
//! operator's rate lies. Everything is computed with `libm`, whose answers are the same bits on every machine; `f64::ln` and
//! its kind promise that of no two platforms. Shapes lie between 10⁻⁹ and 10⁹; numbers are good to about ten digits.
//!
//! Sources: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions vol. 2 (1995), ch. 25; NIST Digital
//! Library of Mathematical Functions 5.11 (digamma, trigamma) and 8.17 (incomplete beta function).

/// The smallest shape and, as its inverse, the largest.
const SHAPE_MIN: f64 = 1e-9;

/// Where the asymptotic series of digamma and trigamma are good to twelve digits.
const SERIES_FROM: f64 = 8.0;

/// The continued fraction ends here at the latest; it takes about the root of the larger shape.
const FRACTION_STEPS: u32 = 100_000;

/// A search for a quantile ends here at the latest; Newton's steps take four to eight.
const QUANTILE_STEPS: u32 = 200;

/// A beta distribution over rates between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beta {
    alpha: f64,
    beta: f64,
}

impl Beta {
    /// Takes the two shapes: events and non-events that the belief is worth, one each being a uniform belief. Shapes
    /// beyond 10⁻⁹ or 10⁹, and what is no number, are brought to the nearest that is allowed.
    pub fn new(alpha: f64, beta: f64) -> Self {
        let within = |shape: f64| if shape.is_nan() { SHAPE_MIN } else { shape.clamp(SHAPE_MIN, 1.0 / SHAPE_MIN) };
        Self { alpha: within(alpha), beta: within(beta) }
    }

    /// Takes the mean rate (0 to 1) and the precision: how many exposures the belief is worth.
    pub fn of_mean(mean: f64, precision: f64) -> Self {
        Self::new(mean * precision, (1.0 - mean) * precision)
    }

    /// The first shape: events.
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// The second shape: non-events.
    pub fn beta(&self) -> f64 {
        self.beta
    }

    /// The mean rate.
    pub fn mean(&self) -> f64 {
        self.alpha / self.precision()
    }

    /// The precision `alpha + beta`, in exposures: the larger, the more alike the rates are.
    pub fn precision(&self) -> f64 {
        self.alpha + self.beta
    }

    /// The standard deviation of the rate.
    pub fn deviation(&self) -> f64 {
        let mean = self.mean();
        libm::sqrt(mean * (1.0 - mean) / (self.precision() + 1.0))
    }

    /// What is believed after `events` of `exposures` were seen (conjugacy). Events beyond the exposures count as exposures.
    pub fn after(&self, events: u32, exposures: u32) -> Self {
        let others = exposures.saturating_sub(events);
        Self::new(self.alpha + f64::from(events), self.beta + f64::from(others))
    }

    /// The probability that the rate is at most `rate`.
    pub fn below(&self, rate: f64) -> f64 {
        self.halves(rate, ln_beta(self.alpha, self.beta)).0
    }

    /// The probability that the rate exceeds `rate`; as exact where it is tiny as elsewhere.
    pub fn above(&self, rate: f64) -> f64 {
        self.halves(rate, ln_beta(self.alpha, self.beta)).1
    }

    /// The rate below which the given share (0 to 1) of the belief lies, to ten digits.
    pub fn quantile(&self, share: f64) -> f64 {
        if share.is_nan() || share <= 0.0 {
            return 0.0;
        }
        if share >= 1.0 {
            return 1.0;
        }
        // Newton's steps over the log-odds of the rate, where the distribution is nearly normal; a step that leaves what is
        // known to enclose the answer is replaced by halving it.
        let scale = ln_beta(self.alpha, self.beta);
        let spread = libm::sqrt(trigamma(self.alpha) + trigamma(self.beta));
        let centre = digamma(self.alpha) - digamma(self.beta);
        let (mut low, mut high) = (centre - 60.0 * spread - 60.0, centre + 60.0 * spread + 60.0);
        let normal = normal_quantile(share);
        // Cornish and Fisher's first correction, with what the third derivatives of ln Γ come to for shapes that are not small.
        let third = |shape: f64| -(1.0 + 1.0 / shape) / (shape * shape);
        let skewness = (third(self.alpha) - third(self.beta)) / (spread * spread * spread);
        let mut odds = centre + spread * (normal + skewness.clamp(-2.0, 2.0) * (normal * normal - 1.0) / 6.0);
        for _ in 0..QUANTILE_STEPS {
            let rate = rate_of(odds);
            let (below, above) = self.halves(rate, scale);
            // The smaller half carries the digits.
            let excess = if share < 0.5 { below - share } else { (1.0 - share) - above };
            if excess > 0.0 {
                high = odds;
            } else {
                low = odds;
            }
            let slope = libm::exp(self.alpha * ln_rate(odds) + self.beta * ln_rate(-odds) - scale);
            let step = excess / slope;
            let next = odds - step;
            let next = if next > low && next < high { next } else { 0.5 * (low + high) };
            // Near the answer a step squares the error: what is left after this one is far below ten digits.
            if (next - odds).abs() <= 1e-5 * spread {
                return rate_of(next);
            }
            odds = next;
        }
        rate_of(odds)
    }

    /// The probabilities at most `rate` and above it; `scale` is the logarithm of the beta function of the shapes.
    fn halves(&self, rate: f64, scale: f64) -> (f64, f64) {
        if rate.is_nan() || rate <= 0.0 {
            return (0.0, 1.0);
        }
        if rate >= 1.0 {
            return (1.0, 0.0);
        }
        let front = libm::exp(self.alpha * libm::log(rate) + self.beta * libm::log1p(-rate) - scale);
        if rate < (self.alpha + 1.0) / (self.precision() + 2.0) {
            let below = (front * fraction(self.alpha, self.beta, rate) / self.alpha).clamp(0.0, 1.0);
            (below, 1.0 - below)
        } else {
            let above = (front * fraction(self.beta, self.alpha, 1.0 - rate) / self.beta).clamp(0.0, 1.0);
            (1.0 - above, above)
        }
    }
}

/// The logarithm of the beta function.
pub(super) fn ln_beta(a: f64, b: f64) -> f64 {
    libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b)
}

/// The derivative of ln Γ, for positive numbers (DLMF 5.11.2, after recurrence 5.5.2).
pub(super) fn digamma(x: f64) -> f64 {
    let (mut x, mut below) = (x, 0.0);
    while x < SERIES_FROM {
        below -= 1.0 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series =
        1.0 / 12.0 - square * (1.0 / 120.0 - square * (1.0 / 252.0 - square * (1.0 / 240.0 - square * (1.0 / 132.0))));
    below + libm::log(x) - 0.5 / x - square * series
}

/// The second derivative of ln Γ, for positive numbers (the derivative of DLMF 5.11.2).
pub(super) fn trigamma(x: f64) -> f64 {
    let (mut x, mut below) = (x, 0.0);
    while x < SERIES_FROM {
        below += 1.0 / (x * x);
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series =
        1.0 / 6.0 - square * (1.0 / 30.0 - square * (1.0 / 42.0 - square * (1.0 / 30.0 - square * (5.0 / 66.0))));
    below + 1.0 / x + 0.5 * square + square * series / x
}

/// The continued fraction of the incomplete beta function (DLMF 8.17.22) by Lentz's method.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut numerator = 1.0;
    let mut denominator = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut value = denominator;
    for step in 1..=FRACTION_STEPS {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            denominator = 1.0 / away(1.0 + term * denominator);
            numerator = away(1.0 + term / numerator);
            change = denominator * numerator;
            value *= change;
        }
        if (change - 1.0).abs() < 1e-13 {
            break;
        }
    }
    value
}

/// The rate with these log-odds.
fn rate_of(odds: f64) -> f64 {
    if odds > 0.0 { 1.0 / (1.0 + libm::exp(-odds)) } else { libm::exp(odds) / (1.0 + libm::exp(odds)) }
}

/// The logarithm of the rate with these log-odds.
fn ln_rate(odds: f64) -> f64 {
    if odds > 0.0 { -libm::log1p(libm::exp(-odds)) } else { odds - libm::log1p(libm::exp(odds)) }
}

/// A quantile of the normal distribution, to three digits: a start for Newton's steps (Abramowitz and Stegun 26.2.23).
fn normal_quantile(share: f64) -> f64 {
    let tail = share.min(1.0 - share);
    let t = libm::sqrt(-2.0 * libm::log(tail));
    let size =
        t - (2.515_517 + t * (0.802_853 + t * 0.010_328)) / (1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308)));
    if share < 0.5 { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, want: f64, digits: f64) {
        assert!((got - want).abs() <= digits * want.abs().max(1e-300), "{got} is not {want}");
    }

    #[test]
    fn closed_forms_are_met() {
        close(Beta::new(1.0, 1.0).below(0.3), 0.3, 1e-13);
        close(Beta::new(2.0, 1.0).below(0.3), 0.09, 1e-13);
        close(Beta::new(1.0, 5.0).above(0.3), 0.7f64.powi(5), 1e-13);
        // Beta(3, 2) has the polynomial 4 x³ - 3 x⁴.
        close(Beta::new(3.0, 2.0).below(0.4), 4.0 * 0.064 - 3.0 * 0.0256, 1e-13);
        // The arcsine law: 2/π arcsin √x.
        close(Beta::new(0.5, 0.5).below(0.25), 1.0 / 3.0, 1e-12);
    }

    #[test]
    fn whole_shapes_are_binomial_sums() {
        // I_x(a, b) is the chance of at least a successes of a + b - 1, here 12 of 500 at 2 %.
        let (a, n, x) = (12_u32, 500_u32, 0.02_f64);
        let mut term = (1.0 - x).powi(500);
        let mut fewer = 0.0;
        for j in 0..a {
            fewer += term;
            term *= f64::from(n - j) / f64::from(j + 1) * x / (1.0 - x);
        }
        close(Beta::new(12.0, 489.0).below(x), 1.0 - fewer, 1e-11);
    }

    #[test]
    fn a_quantile_is_the_inverse() {
        for (alpha, beta) in [(1.6, 78.4), (0.01, 3.0), (25.0, 4_000.0), (0.5, 0.5), (3.0, 0.2), (5e4, 3e6)] {
            let belief = Beta::new(alpha, beta);
            for share in [1e-6, 0.025, 0.5, 0.95, 0.975, 0.999_9] {
                let rate = belief.quantile(share);
                // Nearer to 0 or 1 there is no number for it.
                if rate > 1e-290 && rate < 1.0 - 1e-9 {
                    close(belief.below(rate), share, 1e-8);
                }
            }
        }
    }

    #[test]
    fn derivatives_of_the_gamma_function_are_known() {
        close(digamma(1.0), -0.577_215_664_901_532_9, 1e-12);
        close(digamma(0.5), -1.963_510_026_021_423_5, 1e-12);
        close(trigamma(1.0), core::f64::consts::PI.powi(2) / 6.0, 1e-12);
        close(trigamma(0.5), core::f64::consts::PI.powi(2) / 2.0, 1e-12);
        close(digamma(101.5) - digamma(100.5), 1.0 / 100.5, 1e-11);
    }

    #[test]
    fn what_is_no_shape_or_share_is_brought_to_the_nearest() {
        let belief = Beta::new(f64::NAN, f64::INFINITY);
        assert!((belief.alpha() - 1e-9).abs() < 1e-20 && belief.beta() <= 1.000_1e9);
        assert_eq!((belief.quantile(f64::NAN), belief.quantile(2.0)), (0.0, 1.0));
        assert_eq!((belief.below(-1.0), belief.above(2.0)), (0.0, 0.0));
    }

    #[test]
    fn counts_move_the_belief_towards_them() {
        let peers = Beta::of_mean(0.02, 80.0);
        close(peers.mean(), 0.02, 1e-14);
        close(peers.deviation(), (0.02_f64 * 0.98 / 81.0).sqrt(), 1e-13);
        assert_eq!(peers.after(0, 0), peers);
        let after = peers.after(20, 100);
        close(after.mean(), (1.6 + 20.0) / 180.0, 1e-13);
        assert!(after.mean() > peers.mean() && after.mean() < 0.2);
    }
}
