//! [`Turn`]: looks for the number nearest to what holds with which an outcome changes, asking about as few others as it can.
//!
//! It knows nothing of rules: whoever asks judges again with each number that it wants to know of, and tells it what came out.
//! Both sides of what it finds were asked about.
//!
//! Assumes that between what holds and the limit the outcome changes once: where it would change twice, and come back,
//! nothing is found.

/// A search on one side of what holds.
#[derive(Debug)]
pub(crate) struct Turn {
    /// The furthest number with which the outcome is known to be the same.
    same: i64,
    /// The nearest with which it is known to be another.
    turned: Option<i64>,
    limit: i64,
    over: bool,
    /// Where it may well be: what the rule found is often what its numbers are compared with.
    hints: Vec<i64>,
}

impl Turn {
    /// Searches from what holds to a limit, which is asked about first. `found` are values that the rule found.
    pub(crate) fn new(holds: i64, limit: i64, found: &[i64]) -> Self {
        let beside = |value: &i64| [value.saturating_sub(1), *value, value.saturating_add(1)];
        Self { same: holds, turned: None, limit, over: limit == holds, hints: found.iter().flat_map(beside).collect() }
    }

    /// The number to judge with next; `None` when the search is over.
    pub(crate) fn asks(&self) -> Option<i64> {
        let Some(turned) = self.turned else { return (!self.over).then_some(self.limit) };
        if self.same.abs_diff(turned) <= 1 {
            return None;
        }
        let between = |hint: &&i64| (self.same.min(turned) < **hint) && (**hint < self.same.max(turned));
        let hint = self.hints.iter().filter(between).min_by_key(|hint| hint.abs_diff(self.same));
        Some(hint.copied().unwrap_or_else(|| self.same.midpoint(turned)))
    }

    /// Takes what came out with the number that it asked about: whether it is another outcome than with what holds.
    pub(crate) fn hears(&mut self, value: i64, turns: bool) {
        match (turns, self.turned) {
            (true, _) => self.turned = Some(value),
            (false, None) => self.over = true,
            (false, Some(_)) => self.same = value,
        }
    }

    /// The number nearest to what holds with which the outcome is another.
    pub(crate) fn found(&self) -> Option<i64> {
        self.turned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found, and after how many questions.
    fn search(holds: i64, limit: i64, found: &[i64], turns: impl Fn(i64) -> bool) -> (Option<i64>, usize) {
        let mut turn = Turn::new(holds, limit, found);
        let mut asked = 0;
        while let Some(value) = turn.asks() {
            assert!((holds.min(limit)..=holds.max(limit)).contains(&value), "{value}");
            turn.hears(value, turns(value));
            asked += 1;
        }
        (turn.found(), asked)
    }

    #[test]
    fn the_nearest_number_that_changes_the_outcome_is_found() {
        for edge in [1, 2, 7, 99, 100] {
            assert_eq!(search(0, 100, &[], |value| value >= edge).0, Some(edge));
            assert_eq!(search(0, -100, &[], |value| value <= -edge).0, Some(-edge));
        }
        assert_eq!(search(5, 100, &[], |_| false), (None, 1), "the limit says that none does");
        assert_eq!(search(5, 5, &[], |_| true), (None, 0), "there is no other number");
        assert_eq!(search(i64::MIN, i64::MAX, &[], |value| value > 3).0, Some(4));
    }

    #[test]
    fn what_the_rule_found_spares_questions() {
        let large = |value| value > 2_599;
        let (found, blindly) = search(1_000, 100_000_000, &[], large);
        assert_eq!((found, blindly > 20), (Some(2_600), true));
        assert_eq!(search(1_000, 100_000_000, &[6, 2_599], large), (Some(2_600), 4));
        assert_eq!(search(5, 100, &[6], |value| value >= 6), (Some(6), 2));
    }
}
