//! How far a register's clock is from ours, from when records arrive.
//!
//! A record cannot arrive before it was made, and on a till that is connected most records arrive within a second. The
//! smallest of the last differences between arrival and event time is therefore close to how far the till is behind
//! (negative: ahead). What arrives far off is a till that was offline, or history: it says nothing about the clock.
//! A record that arrives before its own time shows a clock that was put forward: the estimate begins anew. One that
//! disagrees is judged with a bound that covers the disagreement.
//!
//! Records that come in bundles, or after the network was away, change the estimate as well. Only where records came
//! steadily before and come steadily after does a change of it show that the clock was set.

use tillsight_schemas::clock_offset::ClockMethod;
use tillsight_schemas::pos::PostedTransaction;

use super::{RegisterClock, UNKNOWN, Version, put};

/// Differences beyond this say nothing about a clock, in microseconds.
pub(super) const FAR: i64 = 15 * 60 * 1_000_000;
/// How many differences are remembered.
const REMEMBERED: usize = 30;
/// From how many differences an offset is stated.
const ENOUGH: usize = 3;
/// The usual delay between completing a transaction and its arrival, in microseconds.
pub(super) const USUAL_DELAY: i64 = 250_000;
/// A record that arrives this much earlier than the estimate allows shows that the clock was put forward.
pub(super) const FORWARD: i64 = 3_000_000;
/// Records that arrive this much later, one after the other, show that it was put back.
pub(super) const BACK: i64 = 20_000_000;

/// What a record says of the clock of its register.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) event_us: i64,
    pub(crate) received_us: i64,
    /// How far the text of a till's time may be off, in microseconds.
    pub(crate) resolution_us: i64,
}

impl Arrival {
    /// An event, its arrival and by how many milliseconds the text of its time may be off: an hour at most, and not less than
    /// nothing, whatever a record says.
    pub(crate) fn new(event_us: i64, received_us: i64, uncertainty_ms: i64) -> Self {
        Self { event_us, received_us, resolution_us: uncertainty_ms.clamp(0, 3_600_000) * 1_000 }
    }

    pub(super) fn of(posted: &PostedTransaction) -> Self {
        let header = &posted.header;
        let (event, received) = (header.event_time.timestamp_micros(), header.received_at.timestamp_micros());
        Self::new(event, received, header.event_time_uncertainty_ms)
    }

    pub(super) fn lag(&self) -> i64 {
        self.received_us.saturating_sub(self.event_us)
    }
}

impl RegisterClock {
    /// Takes in a record; says whether arrivals state something new. Keeps every statement: over history all of them are
    /// asked for.
    pub(crate) fn hear(&mut self, arrival: Arrival) -> bool {
        let lag = arrival.lag();
        if lag.abs() > FAR {
            return false;
        }
        if let Some(known) = self.known() {
            if lag < -known.offset_us_of_till() - FORWARD {
                if steady(&self.lags) {
                    self.sets.push(arrival.event_us);
                }
                self.lags = Vec::new();
                self.late = Vec::new();
            } else if lag > -known.offset_us_of_till() + BACK + arrival.resolution_us {
                self.late.push(lag);
                if self.late.len() < ENOUGH {
                    return false;
                }
                if steady(&self.lags) && steady(&self.late) {
                    self.sets.push(arrival.event_us);
                }
                self.lags = std::mem::take(&mut self.late);
                self.lags.pop();
            } else {
                self.late.clear();
            }
        }
        self.lags.push(lag);
        if self.lags.len() > REMEMBERED {
            self.lags.remove(0);
        }
        self.state(&arrival)
    }

    fn known(&self) -> Option<Version> {
        self.versions.last().copied().filter(|version| version.method == ClockMethod::Arrival)
    }

    fn state(&mut self, arrival: &Arrival) -> bool {
        let samples = self.lags.len();
        let count = i64::try_from(samples).unwrap_or(1).max(1);
        let Some(least) = self.lags.iter().copied().min() else { return false };
        let found =
            Version { valid_from_us: arrival.event_us, samples: i32::try_from(samples).unwrap_or(i32::MAX), ..UNKNOWN };
        let found = if samples < ENOUGH {
            found
        } else {
            let (offset_us, uncertainty_us) = (least - USUAL_DELAY, 1_000_000 + 3_000_000 / count);
            Version { offset_us, uncertainty_us, method: ClockMethod::Arrival, ..found }
        };
        // A till that writes minutes would say something else with each record.
        let fine = (arrival.resolution_us / 10).max(100_000);
        let same = self.versions.last().is_some_and(|last| {
            last.method == found.method
                && (last.offset_us - found.offset_us).abs() < fine
                && found.uncertainty_us * 5 > last.uncertainty_us * 4
        });
        if same {
            return false;
        }
        self.last += 1;
        put(&mut self.versions, Version { version: self.last, ..found });
        true
    }
}

impl Version {
    /// How far the till's clock is ahead of what an immediate arrival would show.
    fn offset_us_of_till(&self) -> i64 {
        -(self.offset_us + USUAL_DELAY)
    }
}

/// Whether records arrive after about the same time each: four in five within [`FORWARD`] of the first.
fn steady(lags: &[i64]) -> bool {
    let least = lags.iter().copied().min().unwrap_or_default();
    let near = lags.iter().filter(|lag| **lag - least <= FORWARD).count();
    lags.len() >= ENOUGH && near * 5 >= lags.len() * 4
}
