//! Whether a lane is synchronised, judged every ten minutes of till time.
//!
//! A lane is locked when hours of evidence have one decisive place ([`peak`]), both halves of them agree, nothing
//! speaks for a change within ([`change`]), and the distances of the parts lie on one line ([`line`]). Four hours are
//! asked first, then twelve (few cues), then two (the clock was set not long ago). A locked lane stays so while the
//! evidence does not contradict: quiet hours are no reason to doubt, they only let the interval grow. When it
//! contradicts, the lane is unsynchronised from the time of the change on, and only what came after is asked again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::anchors::{Anchor, COARSEST_US, anchors, cues, resolution_us};
use super::change::{Change, change};
use super::evidence::{Curve, PARTS, RATE_US, SILENCE_S, curve, offset_s, place};
use super::interval::{Estimate, estimate};
use super::line::{Line, Sample, aside, fit};
use super::memory::Memory;
use super::number::{count, real, seconds, whole};
use super::peak::{Sums, search};
use super::{CueKind, HOUR_US, Meeting, Method, REACH_S, Refusal, SECOND_US, STEP_US, Statement, TillKind};

/// The windows that are asked, in hours.
const WINDOWS_H: [i64; 3] = [4, 12, 2];
/// Over how many hours the till's resolution is looked for.
const RESOLUTION_H: i64 = 12;
/// Over how many hours distances are fitted, and an offset is held without being confirmed.
pub const FIT_H: i64 = 24;
/// Over how many hours a change is looked for. Evidence is kept for as long; older evidence is made again where few cues
/// make it necessary.
const CHANGE_H: i64 = 6;
/// How far the camera must be complete beyond the till's time, in microseconds.
pub const AHEAD_US: i64 = (REACH_S + SILENCE_S + 1) * SECOND_US;
/// A sample may be this far from the place of the peak, in seconds.
const NEAR_S: i64 = 14;
/// A peak this far from the one that is held is another, in seconds.
const ANOTHER_S: f64 = 5.0;
/// How far a part of the time may lie from the line, in seconds, and in standard errors in addition.
const ASIDE_S: f64 = 0.6;
const ASIDE_ERRORS: f64 = 3.5;
/// From so many events that abut no other on, those that do are left out of the fit.
const ENOUGH_FREE: usize = 40;
/// By how many bits a place must lead in each half of a window.
const HALF_BITS: i32 = 2;
/// A statement is repeated if its offset moves by this much, in microseconds, or by a part of its uncertainty.
const MATERIAL_US: i64 = 150_000;
/// A statement that goes on is repeated after so long: who reads it knows that it is still confirmed.
const REPEAT_US: i64 = 6 * HOUR_US;

/// The evidence of ten minutes of till time.
#[derive(Debug, Clone, Default)]
struct Block {
    curves: Meeting<Curve>,
    events: Meeting<u32>,
}

/// An offset that is held.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Lock {
    /// The distances of the kinds at the last judgement, in seconds.
    distances: Meeting<Option<f64>>,
    /// When the evidence was last decisive, in microseconds of the till's clock.
    confirmed_us: i64,
}

/// What the judge found in a window.
struct Found {
    from_us: i64,
    distances: Meeting<Option<f64>>,
}

/// The judge of one lane.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Judge {
    /// Made again of the events where it is missing.
    #[serde(skip)]
    blocks: BTreeMap<i64, Block>,
    lock: Option<Lock>,
    /// Nothing before this is asked, in microseconds of the till's clock: the clock was set then.
    epoch_us: Option<i64>,
    last: Option<Statement>,
}

impl Judge {
    /// The last statement.
    #[must_use]
    pub fn last(&self) -> Option<&Statement> {
        self.last.as_ref()
    }

    /// Takes in that the till's clock was set, at an instant in microseconds; what was before counts no more.
    pub fn clock_set(&mut self, at_us: i64) -> Option<Statement> {
        self.lock = None;
        self.epoch_us = Some(self.epoch_us.map_or(at_us, |known| known.max(at_us)));
        self.refuse(at_us, at_us, Refusal::ClockSet)
    }

    /// Judges what is known up to an instant of the till's clock, a whole [`STEP_US`], in microseconds. The till must
    /// be complete until then, the camera [`AHEAD_US`] beyond.
    pub fn judge(&mut self, till: &Memory<TillKind>, seen: &Memory<CueKind>, at_us: i64) -> Option<Statement> {
        self.learn(till, seen, at_us, CHANGE_H);
        let statement = self.judged(till, seen, at_us);
        self.blocks = self.blocks.split_off(&(at_us - CHANGE_H * HOUR_US));
        statement
    }

    fn judged(&mut self, till: &Memory<TillKind>, seen: &Memory<CueKind>, at_us: i64) -> Option<Statement> {
        let recent = anchors(till, self.begin(at_us, RESOLUTION_H), at_us);
        let resolution = recent.each().map(|times| resolution_us(times));
        let fine = resolution.map(|resolution| resolution <= COARSEST_US);
        let found = self.acquire(till, seen, at_us, fine).map_err(|refusal| {
            let coarse = fine.list().contains(&false);
            if coarse && matches!(refusal, Refusal::TooFew | Refusal::OneSided) {
                Refusal::CoarseTimes
            } else {
                refusal
            }
        });
        let Some(lock) = self.lock else {
            return match found {
                Ok(found) => match self.settle(till, seen, at_us, &found, resolution) {
                    Ok(estimate) => self.state(found.from_us, at_us, &estimate),
                    Err(refusal) => self.refuse(at_us, at_us, refusal),
                },
                Err(refusal) => self.refuse(at_us, at_us, refusal),
            };
        };
        if let Some((refusal, from_us)) = self.contradiction(at_us, fine, &lock, found.as_ref().ok()) {
            self.lock = None;
            self.epoch_us = Some(from_us);
            return self.refuse(from_us, at_us, refusal);
        }
        if found.as_ref().err() == Some(&Refusal::CoarseTimes) {
            self.lock = None;
            return self.refuse(at_us, at_us, Refusal::CoarseTimes);
        }
        let confirmed_us = if found.is_ok() { at_us } else { lock.confirmed_us };
        if at_us - confirmed_us > FIT_H * HOUR_US {
            self.lock = None;
            return self.refuse(at_us, at_us, Refusal::TooFew);
        }
        self.lock = Some(Lock { confirmed_us, ..lock });
        let mut again = found.unwrap_or(Found { from_us: self.begin(at_us, FIT_H), distances: lock.distances });
        again.distances = again.distances.zip(lock.distances).map(|(found, held)| found.or(held));
        match self.settle(till, seen, at_us, &again, resolution) {
            Ok(estimate) => self.state(at_us, at_us, &estimate),
            Err(refusal) if confirmed_us == at_us && matches!(refusal, Refusal::Inconsistent | Refusal::LongLeads) => {
                self.lock = None;
                self.refuse(again.from_us.max(at_us - HOUR_US), at_us, refusal)
            }
            Err(_) => None,
        }
    }

    /// The begin of a window of some hours.
    fn begin(&self, at_us: i64, hours: i64) -> i64 {
        (at_us - hours * HOUR_US).max(self.epoch_us.unwrap_or(i64::MIN))
    }

    /// Computes the evidence of some hours, as far as it is missing.
    fn learn(&mut self, till: &Memory<TillKind>, seen: &Memory<CueKind>, at_us: i64, hours: i64) {
        let mut begin = at_us - hours * HOUR_US;
        while begin < at_us {
            let end = begin + STEP_US;
            self.blocks.entry(begin).or_insert_with(|| {
                let at = anchors(till, begin, end);
                let cues = if at.each().list().iter().all(|times| times.is_empty()) {
                    Meeting::default()
                } else {
                    cues(seen, begin - AHEAD_US - RATE_US, end + AHEAD_US)
                };
                Block {
                    events: at.each().map(|times| count(times.len())),
                    curves: at.each().zip(cues.each()).map(|(at, cues)| curve(at, cues)),
                }
            });
            begin = end;
        }
    }

    /// The blocks that begin at an instant or later, the latest first, of the kinds that are told finely enough.
    fn latest(&self, from_us: i64, fine: Meeting<bool>) -> impl Iterator<Item = (Meeting<&[i16]>, Meeting<u32>)> {
        self.blocks.range(from_us..).rev().map(move |(_, block)| {
            let curves = block.curves.each().zip(fine).map(|(curve, fine)| if fine { curve.as_slice() } else { &[] });
            (curves, block.events.zip(fine).map(|(events, fine)| if fine { events } else { 0 }))
        })
    }

    /// The decisive place of the first window that has one.
    fn acquire(
        &mut self,
        till: &Memory<TillKind>,
        seen: &Memory<CueKind>,
        at_us: i64,
        fine: Meeting<bool>,
    ) -> Result<Found, Refusal> {
        let mut first = None;
        for hours in WINDOWS_H {
            self.learn(till, seen, at_us, hours);
            match self.look(self.begin(at_us, hours), fine) {
                Ok(found) => return Ok(found),
                Err(refusal) => first = first.or(Some(refusal)),
            }
        }
        Err(first.unwrap_or(Refusal::TooFew))
    }

    /// The decisive place of one window.
    fn look(&self, from_us: i64, fine: Meeting<bool>) -> Result<Found, Refusal> {
        let mut sums = Sums::default();
        for (curves, events) in self.latest(from_us, fine) {
            sums.add(&curves, events);
        }
        let peak = search(&sums)?;
        if change(self.latest(from_us, fine).map(|(curves, _)| curves), peak.places).is_some() {
            return Err(Refusal::Inconsistent);
        }
        self.halves(from_us, fine, &sums, peak.places)?;
        Ok(Found { from_us, distances: peak.places.map(|place| place.map(|place| real(offset_s(place)))) })
    }

    /// Whether both halves of a window, by events, say the same.
    fn halves(&self, from_us: i64, fine: Meeting<bool>, all: &Sums, at: Meeting<Option<usize>>) -> Result<(), Refusal> {
        let events = |events: Meeting<u32>| events.list().iter().sum::<u32>();
        let mut late = Sums::default();
        for (curves, more) in self.latest(from_us, fine) {
            if events(late.events) * 2 < events(all.events) {
                late.add(&curves, more);
            }
        }
        let early = all.without(&late);
        let (whole, _) = all.around(at);
        for half in [early, late] {
            let (near, far) = half.around(at);
            if near * 6 < whole || near - far < HALF_BITS * PARTS {
                return Err(Refusal::Inconsistent);
            }
        }
        Ok(())
    }

    /// Whether the evidence contradicts the offset that is held, and from when on, in microseconds.
    fn contradiction(
        &self,
        at_us: i64,
        fine: Meeting<bool>,
        lock: &Lock,
        found: Option<&Found>,
    ) -> Option<(Refusal, i64)> {
        let places = lock.distances.map(|distance| place(whole(distance?)));
        let blocks = self.latest(self.begin(at_us, CHANGE_H), fine).map(|(curves, _)| curves);
        let before = |many: usize| at_us - i64::from(count(many)) * STEP_US;
        match change(blocks, places) {
            Some(Change::Jump(many)) => return Some((Refusal::ClockSet, before(many))),
            Some(Change::Lost(many)) => return Some((Refusal::LostFit, before(many))),
            None => {}
        }
        let found = found?;
        let another = lock
            .distances
            .zip(found.distances)
            .list()
            .into_iter()
            .any(|(held, found)| held.zip(found).is_some_and(|(held, found)| (held - found).abs() > ANOTHER_S));
        another.then_some((Refusal::ClockSet, found.from_us))
    }

    /// The offset near a place, from as much of the past as lies on one line with it.
    fn settle(
        &mut self,
        till: &Memory<TillKind>,
        seen: &Memory<CueKind>,
        at_us: i64,
        found: &Found,
        resolution_us: Meeting<i64>,
    ) -> Result<Estimate, Refusal> {
        let long = self.begin(at_us, FIT_H);
        let fitted = fitted(till, seen, long, at_us, found.distances)
            .or_else(|_| fitted(till, seen, found.from_us, at_us, found.distances));
        let line = fitted?;
        let estimate = estimate(&line, 0.0, resolution_us)?;
        let confirmed_us = self.lock.map_or(at_us, |lock| lock.confirmed_us);
        let distances = line.spots.map(|spot| spot.map(|spot| line.distance(&spot, 0.0)));
        self.lock = Some(Lock { distances, confirmed_us });
        Ok(estimate)
    }

    /// States an offset if it is new.
    fn state(&mut self, valid_from_us: i64, at_us: i64, estimate: &Estimate) -> Option<Statement> {
        let statement = Statement {
            valid_from_us,
            at_us,
            offset_us: estimate.offset_us,
            uncertainty_us: estimate.uncertainty_us,
            drift_ppm: estimate.drift_ppm,
            samples: estimate.matched,
            method: estimate.method,
        };
        let same = self.last.is_some_and(|last| {
            let moved = (last.offset_at(at_us) - statement.offset_us).abs();
            last.method == statement.method
                && at_us - last.at_us < REPEAT_US
                && moved < MATERIAL_US.max(statement.uncertainty_us / 8)
                && statement.uncertainty_us * 5 > last.uncertainty_us * 4
                && statement.uncertainty_us * 4 < last.uncertainty_us * 5
        });
        (!same).then(|| *self.last.insert(statement))
    }

    /// States that there is no offset if it is new.
    fn refuse(&mut self, valid_from_us: i64, at_us: i64, refusal: Refusal) -> Option<Statement> {
        let method = Method::Unsynchronised(refusal);
        let same = self
            .last
            .is_some_and(|last| !last.synchronised() && (last.method == method || at_us - last.at_us < HOUR_US));
        let statement =
            Statement { valid_from_us, at_us, offset_us: 0, uncertainty_us: 0, drift_ppm: 0.0, samples: 0, method };
        (!same).then(|| *self.last.insert(statement))
    }
}

/// A line through all samples near a place that all parts of the time agree with.
fn fitted(
    till: &Memory<TillKind>,
    seen: &Memory<CueKind>,
    from_us: i64,
    at_us: i64,
    distances: Meeting<Option<f64>>,
) -> Result<Line, Refusal> {
    let at = anchors(till, from_us, at_us);
    let cues = cues(seen, from_us - AHEAD_US, at_us + AHEAD_US);
    let samples = at.each().zip(cues.each()).zip(distances).map(|((at, cues), distance)| {
        distance.map(|distance| samples(at, cues, whole(distance), at_us)).unwrap_or_default()
    });
    let line = fit(&samples, distances).ok_or(Refusal::TooFew)?;
    let half = seconds(from_us - at_us) / 7_200.0;
    let parts: [&dyn Fn(f64) -> bool; 3] = [&|hour| hour < half, &|hour| hour >= half, &|hour| hour >= -2.0];
    for part in parts {
        let Some((away, error)) = aside(&samples, &line, part) else { continue };
        if away.abs() > ASIDE_S + ASIDE_ERRORS * error {
            return Err(Refusal::Inconsistent);
        }
    }
    Ok(line)
}

/// The cues that lie at about a distance from events, in seconds.
fn samples(at: &[Anchor], cues: &[i64], distance_s: i64, now_us: i64) -> Vec<Sample> {
    let mut found = Vec::new();
    let free = at.iter().filter(|anchor| !anchor.abutting).count() >= ENOUGH_FREE;
    for Anchor { at_us: event, .. } in at.iter().filter(|anchor| !(free && anchor.abutting)) {
        let from = event + (distance_s - NEAR_S) * SECOND_US;
        let to = event + (distance_s + NEAR_S) * SECOND_US;
        let first = cues.partition_point(|cue| *cue < from);
        found.extend(
            cues.iter()
                .skip(first)
                .take_while(|cue| **cue <= to)
                .map(|cue| Sample { hour: seconds(event - now_us) / 3_600.0, distance: seconds(cue - event) }),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::simulate::{USUAL, lane};
    use super::*;

    #[test]
    fn evidence_that_was_forgotten_is_made_again() {
        let recording = lane(&USUAL, 5);
        let (mut till, mut seen) = (Memory::default(), Memory::default());
        for event in &recording.till {
            till.take(event.at_us, event.kind);
        }
        for cue in &recording.cues {
            seen.take(cue.at_us, cue.kind);
        }
        let (mut keeps, mut forgets) = (Judge::default(), Judge::default());
        let first = till.first_us().unwrap().div_euclid(STEP_US) * STEP_US;
        for step in 1..60 {
            let kept = keeps.judge(&till, &seen, first + step * STEP_US);
            forgets.blocks.clear();
            assert_eq!(forgets.judge(&till, &seen, first + step * STEP_US), kept);
        }
        assert!(keeps.last().is_some_and(Statement::synchronised));
    }
}
