//! Chance that is the same on every machine.
//!
//! `ChaCha8` is a fixed stream of bits; what is made of it here is whole numbers only. Floating point (`ln`, `exp`) and
//! the distributions of `rand` are avoided: they may differ between platforms and releases. Every purpose has its own
//! stream, so that one more no-sale does not change the baskets of the day.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tillsight_schemas::id;

/// The whole, for shares: 1 500 of 100 000 are 1.5 %.
pub const WHOLE: u32 = 100_000;

/// A stream of chance.
#[derive(Debug, Clone)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// Opens the stream for a purpose; every part of `scope` makes it another stream.
    pub fn new(seed: u64, purpose: &str, scope: &[&str]) -> Self {
        let seed = seed.to_string();
        let half = |half: &str| {
            let parts = [half, seed.as_str(), purpose];
            id::derive("datasets.dice", parts.into_iter().chain(scope.iter().copied()).map(Some))
        };
        let mut key = [0; 32];
        let (low, high) = key.split_at_mut(16);
        low.copy_from_slice(half("low").as_bytes());
        high.copy_from_slice(half("high").as_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A whole number below `n`; 0 when `n` is 0.
    pub fn below(&mut self, n: u32) -> u32 {
        let product = u64::from(self.0.next_u32()) * u64::from(n);
        u32::try_from(product >> 32).unwrap_or(0)
    }

    /// A whole number from `low` to `high`, both included; `low` when they cross.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = u32::try_from((high - low).max(0) + 1).unwrap_or(u32::MAX);
        low + i64::from(self.below(width))
    }

    /// Yes, at a share of [`WHOLE`].
    pub fn chance(&mut self, share: u32) -> bool {
        self.below(WHOLE) < share
    }

    /// Yes, `numerator` times of `denominator`.
    pub fn ratio(&mut self, numerator: u64, denominator: u64) -> bool {
        (u128::from(self.0.next_u32()) * u128::from(denominator)) >> 32 < u128::from(numerator)
    }

    /// One of them, each as likely.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let index = self.below(u32::try_from(of.len()).unwrap_or(u32::MAX));
        of.get(usize::try_from(index).unwrap_or(0))
    }

    /// One of them, by weight.
    pub fn weighted<T: Copy>(&mut self, of: &[(T, u32)]) -> Option<T> {
        let mut left = self.below(of.iter().map(|(_, weight)| weight).sum());
        for (value, weight) in of {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return Some(*value),
            }
        }
        of.last().map(|(value, _)| *value)
    }

    /// Puts them in any order.
    pub fn shuffle<T>(&mut self, of: &mut [T]) {
        for last in (1..of.len()).rev() {
            let other = self.below(u32::try_from(last + 1).unwrap_or(u32::MAX));
            of.swap(last, usize::try_from(other).unwrap_or(last));
        }
    }

    /// Digits, as many as asked for.
    pub fn digits(&mut self, count: usize) -> String {
        (0..count).filter_map(|_| char::from_digit(self.below(10), 10)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_same_on_every_machine() {
        let mut dice = Dice::new(7, "test", &["17"]);
        let drawn: Vec<_> = (0..6).map(|_| dice.below(1000)).collect();
        assert_eq!(drawn, [847, 782, 426, 292, 949, 172], "the stream must never change: truth files refer to it");
    }

    #[test]
    fn another_seed_purpose_or_scope_is_another_stream() {
        let first = |mut dice: Dice| dice.digits(12);
        let one = first(Dice::new(7, "test", &["17"]));
        for other in [Dice::new(8, "test", &["17"]), Dice::new(7, "rest", &["17"]), Dice::new(7, "test", &["42"])] {
            assert_ne!(one, first(other));
        }
    }

    #[test]
    fn a_share_comes_about_as_often_as_it_says() {
        let mut dice = Dice::new(1, "share", &[]);
        let hits = (0..100_000).filter(|_| dice.chance(1_500)).count();
        assert!((1_350..1_650).contains(&hits), "{hits}");
        let hits = (0..100_000).filter(|_| dice.ratio(1, 40)).count();
        assert!((2_300..2_700).contains(&hits), "{hits}");
    }

    #[test]
    fn bounds_are_included_and_weights_of_zero_never_drawn() {
        let mut dice = Dice::new(1, "bounds", &[]);
        let drawn: Vec<_> = (0..1000).map(|_| dice.between(3, 5)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&3), Some(&5)));
        assert!((0..1000).all(|_| dice.weighted(&[('a', 0), ('b', 3)]) == Some('b')));
    }
}
