//! One stream of a lane: what came, by event time, and how far it is complete.
//!
//! Events may come in any order within [`LATENESS_US`] of the latest one. Older ones are counted and dropped, by the
//! order of this stream alone, so what is kept does not depend on the other stream. A repetition is kept once. Memory
//! is bounded: events before the given horizon are forgotten, and ten minutes with more than [`FLOOD`] events are kept
//! empty.

use std::collections::{BTreeMap, BTreeSet};

use super::{MINUTE_US, STEP_US};

/// How far behind the latest event another may come, in microseconds.
pub const LATENESS_US: i64 = 5 * MINUTE_US;
/// Times outside of this are no times of a shop, in microseconds since 1970 (up to the year 2191).
const POSSIBLE_US: std::ops::RangeInclusive<i64> = 0..=7_000_000_000_000_000;
/// The most events in ten minutes of event time; more say nothing.
pub const FLOOD: usize = 3_000;

/// Events of one stream by time and kind.
#[derive(Debug, Clone)]
pub struct Memory<K: Ord> {
    blocks: BTreeMap<i64, BTreeSet<(i64, K)>>,
    flooded: BTreeSet<i64>,
    complete_us: Option<i64>,
    late: u64,
}

impl<K: Ord + Copy> Default for Memory<K> {
    fn default() -> Self {
        Self { blocks: BTreeMap::new(), flooded: BTreeSet::new(), complete_us: None, late: 0 }
    }
}

impl<K: Ord + Copy> Memory<K> {
    /// Takes in an event at an instant of the stream's clock in microseconds; `false` if it came too late.
    pub fn take(&mut self, at_us: i64, kind: K) -> bool {
        if !POSSIBLE_US.contains(&at_us) || self.complete_us.is_some_and(|complete| at_us < complete) {
            self.late = self.late.saturating_add(1);
            return false;
        }
        let block = at_us.div_euclid(STEP_US);
        if !self.flooded.contains(&block) {
            let events = self.blocks.entry(block).or_default();
            events.insert((at_us, kind));
            if events.len() > FLOOD {
                events.clear();
                self.flooded.insert(block);
            }
        }
        self.complete_until(at_us.saturating_sub(LATENESS_US));
        true
    }

    /// Says that nothing before an instant will come any more, in microseconds.
    pub fn complete_until(&mut self, at_us: i64) {
        let at_us = at_us.min(*POSSIBLE_US.end());
        self.complete_us = Some(self.complete_us.map_or(at_us, |known| known.max(at_us)));
    }

    /// Up to when nothing is missing, in microseconds; events from there on may still come.
    #[must_use]
    pub fn complete_us(&self) -> Option<i64> {
        self.complete_us
    }

    /// The earliest event, in microseconds.
    #[must_use]
    pub fn first_us(&self) -> Option<i64> {
        self.blocks.values().find_map(|block| block.first()).map(|(at, _)| *at)
    }

    /// How many events came too late.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.late
    }

    /// How many events are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.blocks.values().map(BTreeSet::len).sum()
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The events from one instant to before another, in the order of time, in microseconds.
    pub fn between(&self, from_us: i64, to_us: i64) -> impl Iterator<Item = (i64, K)> + '_ {
        let blocks = from_us.div_euclid(STEP_US)..=to_us.max(from_us).div_euclid(STEP_US);
        self.blocks
            .range(blocks)
            .flat_map(|(_, block)| block.iter().copied())
            .filter(move |(at, _)| (from_us..to_us).contains(at))
    }

    /// Forgets what lies in blocks of ten minutes that are over at an instant, in microseconds.
    pub fn forget_before(&mut self, at_us: i64) {
        let block = at_us.div_euclid(STEP_US);
        if self.blocks.first_key_value().is_some_and(|(first, _)| *first < block) {
            self.blocks = self.blocks.split_off(&block);
        }
        if self.flooded.first().is_some_and(|first| *first < block) {
            self.flooded = self.flooded.split_off(&block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::SECOND_US;
    use super::*;

    fn second(second: i64) -> i64 {
        1_000_000 * SECOND_US + second * SECOND_US
    }

    #[test]
    fn events_within_lateness_are_kept_in_the_order_of_time_and_once() {
        let mut memory = Memory::default();
        for at in [0, 250, 20, 20, 260] {
            assert!(memory.take(second(at), 'a'));
        }
        let kept: Vec<i64> = memory.between(0, i64::MAX / 2).map(|(at, _)| at).collect();
        assert_eq!(kept, [second(0), second(20), second(250), second(260)]);
    }

    #[test]
    fn what_comes_too_late_or_at_no_possible_time_is_counted() {
        let mut memory = Memory::default();
        memory.take(second(1_000), 'a');
        assert!(!memory.take(second(699), 'a'));
        assert!(memory.take(second(700), 'a'));
        assert!(!memory.take(i64::MIN, 'a'));
        assert!(!memory.take(i64::MAX, 'a'));
        assert_eq!(memory.late(), 3);
    }

    #[test]
    fn a_flood_is_kept_empty_whatever_the_order() {
        let mut memory = Memory::default();
        for n in 0..4_000 {
            memory.take(second(0) + n, 'a');
        }
        assert!(memory.is_empty());
        memory.take(second(700), 'a');
        assert_eq!(memory.len(), 1);
        memory.forget_before(second(2_000));
        assert!(memory.is_empty());
    }
}
