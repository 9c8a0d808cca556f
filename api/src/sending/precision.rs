//! [`Precision`]: how often a rule is right, from those of its alerts that were decided, each counted for as many as it
//! stands for; and when a rule is no longer sent because of it.
//!
//! Of what is sent everything is looked at, of what is held back only what was picked at random. So a decided alert counts
//! with one over the chance it had to be shown (Horvitz and Thompson 1952, as a ratio: Hájek 1971), and the interval is that
//! of as many equal decisions as the weights are worth (Kish 1965). What somebody opened without being shown it has no such
//! chance, and does not count.

/// Decisions without which nothing is said of a rule.
pub(crate) const LEAST: i64 = 20;
/// The quantile of the normal distribution for intervals that hold the truth in 95 of 100 cases.
const Z: f64 = 1.96;

/// Decided alerts that had the same chance to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decisions {
    /// The chance, in thousandths; 1,000 for what was sent.
    pub permille: i64,
    /// How many were decided.
    pub decided: i64,
    /// How many of them were confirmed.
    pub confirmed: i64,
}

/// How often a rule is right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Precision {
    /// How many alerts were decided.
    pub decided: i64,
    /// How many of them were confirmed.
    pub confirmed: i64,
    /// How many of the decided ones were picked at random from what was held back.
    pub picked: i64,
    /// The share of confirmed among all alerts of the rule, as far as the decided ones tell.
    pub share: f64,
    /// Where it lies at least, in 95 of 100 cases.
    pub low: f64,
    /// Where it lies at most.
    pub high: f64,
}

/// Between what a share lies in 95 of 100 cases when it was found in `n` equal decisions (Wilson's score interval, 1927).
pub(crate) fn wilson(share: f64, n: f64) -> (f64, f64) {
    let middle = (share + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let wide = Z / (1.0 + Z * Z / n) * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((middle - wide).max(0.0), (middle + wide).min(1.0))
}

impl Precision {
    /// That of some decisions; nothing without any.
    pub fn of(decisions: &[Decisions]) -> Option<Self> {
        let (mut decided, mut confirmed, mut picked) = (0, 0, 0);
        let (mut all, mut right, mut squares) = (0.0, 0.0, 0.0);
        for each in decisions.iter().filter(|each| each.permille > 0 && each.decided > 0) {
            let weight = 1_000.0 / float(each.permille);
            decided += each.decided;
            confirmed += each.confirmed;
            picked += if each.permille < 1_000 { each.decided } else { 0 };
            all += weight * float(each.decided);
            right += weight * float(each.confirmed);
            squares += weight * weight * float(each.decided);
        }
        if decided <= 0 {
            return None;
        }
        let share = right / all;
        let (low, high) = wilson(share, all * all / squares);
        Some(Self { decided, confirmed, picked, share, low, high })
    }

    /// Whether a rule that is sent is to be held back: even at best it is right less often than the floor.
    pub(crate) fn falls(&self, floor: f64) -> bool {
        self.decided >= LEAST && self.high < floor
    }

    /// Whether a rule that is held back is to be sent again: it is right as often as the floor. It need not be proven: a
    /// rule that was put right is not held back until its interval has grown narrow.
    pub(crate) fn recovers(&self, floor: f64) -> bool {
        self.decided >= LEAST && self.share >= floor
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of decisions are small")]
fn float(count: i64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(groups: &[(i64, i64, i64)]) -> Precision {
        let group = |(permille, decided, confirmed): &(i64, i64, i64)| Decisions {
            permille: *permille,
            decided: *decided,
            confirmed: *confirmed,
        };
        Precision::of(&groups.iter().map(group).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn few_decisions_say_little() {
        let said = |confirmed, decided| {
            let Precision { share, low, high, .. } = of(&[(1_000, decided, confirmed)]);
            format!("{share:.3}: {low:.3} to {high:.3}")
        };
        // By the formula as Brown, Cai and DasGupta (2001) give it in (4).
        assert_eq!(said(0, 10), "0.000: 0.000 to 0.278");
        assert_eq!(said(5, 10), "0.500: 0.237 to 0.763");
        assert_eq!(said(90, 100), "0.900: 0.826 to 0.945");
        assert_eq!(Precision::of(&[]), None);
    }

    #[test]
    fn what_was_picked_at_random_stands_for_those_that_were_not() {
        // A thousand alerts: a hundred were sent, of which sixty were right; of the others 18 in 900, one in 50. Every 20th
        // of these was looked at. What was decided alone would say 61 of 145.
        let all = of(&[(1_000, 100, 60), (50, 45, 1)]);
        assert_eq!((all.decided, all.confirmed, all.picked), (145, 61, 45));
        assert!((all.share - 0.08).abs() < 1e-9, "60 and 20 of a thousand: {all:?}");
        assert!(all.low < 0.078 && all.high > 0.078 && all.high < 0.2, "the truth is 78 of a thousand: {all:?}");
        // Equal weights change nothing.
        let (one, other) = (of(&[(50, 40, 10)]), of(&[(1_000, 40, 10)]));
        assert!((one.share - other.share).abs() < 1e-9 && (one.high - other.high).abs() < 1e-9);
    }

    #[test]
    fn a_rule_falls_when_it_is_surely_bad_and_recovers_when_it_seems_good_enough() {
        let sent = |decided, confirmed| of(&[(1_000, decided, confirmed)]);
        assert!(!sent(19, 0).falls(0.5), "too few decisions to say so");
        assert!(!sent(20, 0).falls(0.1), "it may still be right in 16 of 100");
        assert!(sent(40, 0).falls(0.1) && !sent(40, 1).falls(0.1) && sent(200, 8).falls(0.1));
        let picked = |decided, confirmed| of(&[(50, decided, confirmed)]);
        assert!(!picked(19, 19).recovers(0.1) && !picked(20, 1).recovers(0.1));
        assert!(picked(20, 2).recovers(0.1));
        assert!(!picked(20, 2).falls(0.1), "who comes back does not fall at once");
        assert!(!sent(500, 0).falls(0.0), "a floor of nothing holds nobody back");
    }
}
