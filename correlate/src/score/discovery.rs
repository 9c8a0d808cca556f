//! False discoveries: how many of those who are sent may be honest.
//!
//! [`adjusted`] turns the p-values of one family of tests into q-values after Benjamini and Hochberg, Controlling the
//! false discovery rate (1995): of all tests with a q-value of at most 0.1, at most a tenth are expected to be honest. It
//! assumes p-values that are honest in themselves (below u with probability at most u) and that are independent, or
//! depend on each other positively as the measures of one operator do (Benjamini and Yekutieli 2001).
//!
//! The bound holds for one decision over one family. Deciding anew each day over the same 28 days is many decisions.

/// The q-values of a family of p-values, in the order of the p-values. What is no number counts as 1.
pub fn adjusted(family: &[f64]) -> Vec<f64> {
    let of = count(family.len());
    let mut order: Vec<(usize, f64)> =
        family.iter().map(|p| if p.is_nan() { 1.0 } else { p.clamp(0.0, 1.0) }).enumerate().collect();
    order.sort_by(|one, other| one.1.total_cmp(&other.1).then(one.0.cmp(&other.0)));
    let mut smallest = 1.0_f64;
    let mut adjusted = vec![1.0; family.len()];
    for (rank, (index, p)) in order.into_iter().enumerate().rev() {
        smallest = smallest.min(p * of / count(rank + 1));
        if let Some(q) = adjusted.get_mut(index) {
            *q = smallest;
        }
    }
    adjusted
}

/// The p-value up to which a test is sent when `sent` of a family of `tests` are, at a false discovery rate of `q`.
///
/// For each of those sent it is also the bound that it must exceed not to be sent while all others stay as they are: the
/// step-up procedure sends a test exactly if its p-value is at most `q · r / tests`, where r counts those sent if that
/// p-value were 0.
pub fn bound(q: f64, sent: usize, tests: usize) -> f64 {
    if tests == 0 { 0.0 } else { q * count(sent) / count(tests) }
}

/// A number of things as a real number; beyond 2³² it stays there.
pub(super) fn count(of: usize) -> f64 {
    f64::from(u32::try_from(of).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fifteen p-values of Benjamini and Hochberg (1995), section 3.2: four are sent at 0.05.
    const PAPER: [f64; 15] = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590,
        1.000,
    ];

    fn sent(family: &[f64], q: f64) -> usize {
        adjusted(family).into_iter().filter(|adjusted| *adjusted <= q).count()
    }

    #[test]
    fn the_example_of_the_paper_is_met() {
        assert_eq!(sent(&PAPER, 0.05), 4);
        let first = adjusted(&PAPER);
        assert!((first[0] - 0.0015).abs() < 1e-12 && (first[3] - 0.035_625).abs() < 1e-12);
    }

    #[test]
    fn a_family_by_hand() {
        // times 4 / rank: 0.04, 0.08, 0.0533, 0.5; from the last on, none exceeds the next.
        let adjusted = adjusted(&[0.04, 0.01, 0.5, 0.04]);
        for (got, want) in adjusted.iter().zip([0.16 / 3.0, 0.04, 0.5, 0.16 / 3.0]) {
            assert!((got - want).abs() < 1e-12, "{adjusted:?}");
        }
    }

    #[test]
    fn the_order_of_a_family_does_not_matter() {
        let turned: Vec<f64> = PAPER.iter().rev().copied().collect();
        let back: Vec<f64> = adjusted(&turned).into_iter().rev().collect();
        assert_eq!(adjusted(&PAPER).to_vec(), back);
    }

    #[test]
    fn what_is_no_p_value_is_never_sent() {
        let adjusted = adjusted(&[f64::NAN, -1.0, 7.0]);
        assert_eq!(adjusted, [1.0, 0.0, 1.0]);
        assert!(super::adjusted(&[]).is_empty());
        assert!(bound(0.1, 0, 0) <= 0.0);
    }

    #[test]
    fn beyond_the_bound_one_is_not_sent_while_the_others_stay() {
        for q in [0.05, 0.1, 0.2] {
            let bound = bound(q, sent(&PAPER, q), PAPER.len());
            for index in 0..sent(&PAPER, q) {
                for (p, stays) in [(bound * 0.999, true), (bound * 1.001, false)] {
                    let mut family = PAPER;
                    family[index] = p;
                    assert_eq!(adjusted(&family)[index] <= q, stays, "{q} {index} {p}");
                }
            }
        }
    }

    #[test]
    fn of_uniform_p_values_hardly_any_family_sends() {
        // A simple multiplicative generator will do: one family in ten at most has anything at q = 0.1.
        let mut state = 1_u64;
        let mut uniform = || {
            state = state * 48_271 % 2_147_483_647;
            f64::from(u32::try_from(state).unwrap()) / 2_147_483_647.0
        };
        let families = (0..2_000).filter(|_| sent(&(0..40).map(|_| uniform()).collect::<Vec<_>>(), 0.1) > 0).count();
        assert!((140..260).contains(&families), "{families}");
    }
}
