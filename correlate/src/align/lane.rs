//! The clock of one lane as events come in.
//!
//! Events of till and camera may come in any order, each stream up to [`LATENESS_US`](super::memory::LATENESS_US)
//! behind its own latest event. A judgement is made for every whole ten minutes of the till's time, once the till is
//! complete until then and the camera [`AHEAD_US`] beyond (the clocks may be that far apart). So statements are
//! functions of the events, not of the pieces or the order in which they came, and there is at most one for ten
//! minutes. That a clock was set is judged in its turn, too: not when it is said, but before the ten minutes in which it
//! happened.
//!
//! Memory is that of [`FIT_H`] hours of events and six of evidence, some 0.3 MB. None of it is written down: a lane that
//! is read back knows what it has stated and nothing of what it has seen, and is given the events again
//! ([`Lane::till_again`]).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::anchors::ABUTTING_US;
use super::judge::{AHEAD_US, FIT_H, Judge};
use super::memory::Memory;
use super::{Cue, CueKind, HOUR_US, STEP_US, Statement, TillEvent, TillKind};

/// How long before the fitted hours events are kept, in microseconds: for rates and open transactions.
const SPARE_US: i64 = HOUR_US;
/// So many events in a row that are this far behind show that the till's clock was put back further than it may be
/// late.
const PUT_BACK: u32 = 20;

/// The clock of one lane.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Lane {
    #[serde(skip)]
    till: Memory<TillKind>,
    #[serde(skip)]
    seen: Memory<CueKind>,
    /// Events of the till in a row that came too late.
    #[serde(skip)]
    behind: u32,
    judge: Judge,
    /// Up to when it was judged, in microseconds of the till's clock.
    judged_us: Option<i64>,
    /// When the till's clock was set, as far as that is not judged yet.
    sets: BTreeSet<i64>,
    /// What was stated and not asked for yet.
    stated: Vec<Statement>,
}

impl Lane {
    /// Takes in an event of the till.
    pub fn till(&mut self, event: TillEvent) {
        if self.hold(event) {
            self.judged_us = None;
            self.judge = Judge::default();
            self.sets.clear();
            self.stated.extend(self.judge.clock_set(event.at_us));
        }
    }

    /// Takes in an event of the till that was taken in before the lane was written down.
    pub fn till_again(&mut self, event: TillEvent) {
        self.hold(event);
    }

    /// Keeps an event of the till; says whether it shows that the clock was put back.
    fn hold(&mut self, event: TillEvent) -> bool {
        if self.till.take(event.at_us, event.kind) {
            self.behind = 0;
            self.forget_judged();
            return false;
        }
        self.behind += 1;
        if self.behind < PUT_BACK {
            return false;
        }
        self.till = Memory::default();
        self.behind = 0;
        self.till.take(event.at_us, event.kind);
        true
    }

    /// Takes in a cue.
    pub fn cue(&mut self, cue: Cue) {
        self.seen.take(cue.at_us, cue.kind);
        self.forget_judged();
    }

    /// Takes in that the till has nothing more before an instant of its clock, in microseconds.
    pub fn till_complete(&mut self, until_us: i64) {
        self.till.complete_until(until_us);
    }

    /// Takes in that the camera has nothing more before an instant of its clock, in microseconds.
    pub fn seen_complete(&mut self, until_us: i64) {
        self.seen.complete_until(until_us);
    }

    /// Takes in that the till's clock was set at an instant of it, in microseconds, if that is known from elsewhere.
    pub fn clock_set(&mut self, at_us: i64) {
        self.sets.insert(at_us);
    }

    /// The last statement.
    #[must_use]
    pub fn last(&self) -> Option<&Statement> {
        self.judge.last()
    }

    /// Up to when it was judged, in microseconds of the till's clock.
    #[must_use]
    pub fn judged_us(&self) -> Option<i64> {
        self.judged_us
    }

    /// How many events are kept of the till and of the camera.
    #[must_use]
    pub fn kept(&self) -> (usize, usize) {
        (self.till.len(), self.seen.len())
    }

    /// How many events of the till and of the camera came too late to count.
    #[must_use]
    pub fn late(&self) -> (u64, u64) {
        (self.till.late(), self.seen.late())
    }

    /// Forgets events before an instant, in microseconds, judged or not: where one stream stays away, the other is not
    /// kept for ever.
    pub fn forget(&mut self, before_us: i64) {
        self.till.forget_before(before_us);
        self.seen.forget_before(before_us);
    }

    /// Whether there is something to judge or to state.
    #[must_use]
    pub fn is_due(&self) -> bool {
        let set = self.sets.first().is_some_and(|set| self.judged_us.is_some_and(|judged| *set < judged));
        set || !self.stated.is_empty() || self.due_us().is_some()
    }

    /// Judges every step that has become complete; returns what is stated then, in the order in which it was.
    pub fn judge(&mut self) -> Vec<Statement> {
        loop {
            let next = self.due_us();
            let known = next.or(self.judged_us);
            while let Some(set) = self.sets.first().copied().filter(|set| known.is_some_and(|known| *set < known)) {
                self.sets.remove(&set);
                self.stated.extend(self.judge.clock_set(set));
            }
            let Some(next_us) = next else { break };
            self.judged_us = Some(next_us);
            self.stated.extend(self.judge.judge(&self.till, &self.seen, next_us));
            self.forget_judged();
        }
        std::mem::take(&mut self.stated)
    }

    /// The next instant to judge, if both streams are complete until then.
    fn due_us(&self) -> Option<i64> {
        let (till_us, seen_us) = (self.till.complete_us()?, self.seen.complete_us()?);
        let complete_us = till_us.saturating_sub(ABUTTING_US).min(seen_us.saturating_sub(AHEAD_US));
        self.next().filter(|next| *next <= complete_us)
    }

    /// Forgets what no judgement asks for any more.
    fn forget_judged(&mut self) {
        if let Some(judged_us) = self.judged_us {
            self.forget(judged_us - FIT_H * HOUR_US - SPARE_US);
        }
    }

    /// The next instant to judge: after the last one, and not before the till has said something.
    fn next(&self) -> Option<i64> {
        let judged = self.judged_us.map(|judged| judged + STEP_US);
        if judged.is_some() && (self.judge.last().is_some_and(Statement::synchronised) || self.till.is_empty()) {
            return judged;
        }
        let first = (self.till.first_us()?.div_euclid(STEP_US) + 1) * STEP_US;
        Some(judged.map_or(first, |judged| judged.max(first)))
    }
}
