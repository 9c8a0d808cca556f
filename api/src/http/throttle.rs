//! [`Throttle`]: who guesses passwords waits. Failures are counted by name, whether there is such a person or not, so
//! the answer tells nothing about names.
//!
//! The first failures cost nothing; from then on each doubles the wait. Names are forgotten when nothing happened for a
//! while, and the oldest when there are too many.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// Failures without a wait.
const FREE: u32 = 5;
/// The first wait; it doubles.
const FIRST_WAIT: TimeDelta = TimeDelta::seconds(10);
/// The longest wait, and how long failures are remembered.
const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(15);
/// Names that are remembered.
const NAMES: usize = 10_000;

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: DateTime<Utc>,
}

/// Counts failed log-ins by name.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<BTreeMap<String, Failures>>);

impl Throttle {
    /// How long this name has to wait yet before it may try again.
    pub(super) fn wait(&self, name: &str, now: DateTime<Utc>) -> Option<TimeDelta> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = names.get(name)?;
        let doublings = failures.count.checked_sub(FREE)?;
        let wait = (FIRST_WAIT * 2_i32.pow(doublings.min(10))).min(LONGEST_WAIT);
        let left = failures.last + wait - now;
        (left > TimeDelta::zero()).then_some(left)
    }

    /// Notes a failure.
    pub(super) fn failed(&self, name: &str, now: DateTime<Utc>) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !names.contains_key(name) && names.len() >= NAMES {
            names.retain(|_, failures| now - failures.last < LONGEST_WAIT);
            if names.len() >= NAMES
                && let Some(oldest) =
                    names.iter().min_by_key(|(_, failures)| failures.last).map(|(name, _)| name.clone())
            {
                names.remove(&oldest);
            }
        }
        let failures = names.entry(name.to_owned()).or_insert(Failures { count: 0, last: now });
        let quiet = now - failures.last >= LONGEST_WAIT;
        *failures = Failures { count: if quiet { 1 } else { failures.count.saturating_add(1) }, last: now };
    }

    /// Forgets the failures of somebody who got in.
    pub(super) fn succeeded(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_gets_slower_and_is_forgotten() {
        let throttle = Throttle::default();
        let mut now: DateTime<Utc> = "2026-11-22T12:00:00Z".parse().unwrap();
        for _ in 0..FREE {
            assert_eq!(throttle.wait("lena", now), None);
            throttle.failed("lena", now);
        }
        assert_eq!(throttle.wait("lena", now), Some(FIRST_WAIT));
        assert_eq!(throttle.wait("otto", now), None);
        now += FIRST_WAIT;
        assert_eq!(throttle.wait("lena", now), None);
        throttle.failed("lena", now);
        assert_eq!(throttle.wait("lena", now), Some(FIRST_WAIT * 2));
        now += LONGEST_WAIT;
        throttle.failed("lena", now);
        assert_eq!(throttle.wait("lena", now), None, "a quarter of an hour of peace");
    }

    #[test]
    fn many_names_do_not_fill_the_memory() {
        let throttle = Throttle::default();
        let now = DateTime::UNIX_EPOCH;
        for name in 0..NAMES + 50 {
            throttle.failed(&name.to_string(), now);
        }
        assert_eq!(throttle.0.lock().unwrap().len(), NAMES);
    }
}
