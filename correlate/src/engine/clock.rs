//! How far a register's clock is from the recorder's: a first estimator, from when records arrive.
//!
//! A record cannot arrive before it was made, and on a till that is connected most records arrive within a second. The
//! smallest of the last differences between arrival and event time is therefore close to how far the till is behind
//! (negative: ahead). What arrives far off is a till that was offline, or history: it says nothing about the clock.
//! A record that arrives before its own time shows a clock that was put forward: the estimate begins anew. One that
//! disagrees is judged with a bound that covers the disagreement.

use std::collections::BTreeMap;

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use tillsight_schemas::alert::ClockStatement;
use tillsight_schemas::clock_offset::{ClockMethod, ClockOffset};
use tillsight_schemas::pos::PostedTransaction;

use super::tables::begin_us;

/// Differences beyond this say nothing about a clock, in microseconds.
const FAR: i64 = 15 * 60 * 1_000_000;
/// How many differences are remembered.
const REMEMBERED: usize = 30;
/// From how many differences an offset is stated.
const ENOUGH: usize = 3;
/// The usual delay between completing a transaction and its arrival, in microseconds.
const USUAL_DELAY: i64 = 250_000;
/// A record that arrives this much earlier than the estimate allows shows that the clock was put forward.
const FORWARD: i64 = 3_000_000;
/// Records that arrive this much later, one after the other, show that it was put back.
const BACK: i64 = 20_000_000;
/// The bound where nothing is known, in microseconds.
pub(crate) const UNSYNCHRONISED: i64 = 30_000_000;
/// The bound of the recorder's own time map, in microseconds.
const CAMERA: i64 = 250_000;
/// How many versions are remembered per register.
const VERSIONS: usize = 50;

/// The clock of one register.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RegisterClock {
    /// Arrival minus event time of the last records, in microseconds.
    lags: Vec<i64>,
    /// The last ones that were too late for the estimate.
    late: Vec<i64>,
    /// What was stated, in the order of the times from which on it holds: a later statement about an earlier time takes back
    /// those in between.
    versions: Vec<Version>,
    /// The number of the last statement.
    last: i64,
}

/// A statement about a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Version {
    version: i64,
    valid_from_us: i64,
    offset_us: i64,
    uncertainty_us: i64,
    method: ClockMethod,
    samples: i32,
}

/// A transaction on the recorder's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Aligned {
    pub(crate) begin_us: i64,
    pub(crate) end_us: i64,
    pub(crate) bound_us: i64,
    pub(crate) statement: ClockStatement,
}

/// A transaction on the recorder's clock, in microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    pub(crate) begin_us: i64,
    pub(crate) end_us: i64,
    pub(crate) bound_us: i64,
}

/// What a record says of the clock of its register.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) event_us: i64,
    pub(crate) received_us: i64,
    /// How far the text of a till's time may be off, in microseconds.
    pub(crate) resolution_us: i64,
}

impl Arrival {
    fn of(posted: &PostedTransaction) -> Self {
        Self {
            event_us: posted.header.event_time.timestamp_micros(),
            received_us: posted.header.received_at.timestamp_micros(),
            resolution_us: posted.header.event_time_uncertainty_ms.saturating_mul(1_000),
        }
    }

    fn lag(&self) -> i64 {
        self.received_us - self.event_us
    }
}

impl RegisterClock {
    /// Takes in a record; returns a new statement if there is something new to say.
    pub(crate) fn see(&mut self, posted: &PostedTransaction) -> Option<ClockOffset> {
        let version = self.hear(Arrival::of(posted))?;
        if self.versions.len() > VERSIONS {
            self.versions.remove(0);
        }
        Some(ClockOffset {
            tenant_id: posted.header.tenant_id.clone(),
            store_id: posted.transaction.store_id.clone(),
            register_id: posted.transaction.register_id.clone(),
            version: version.version,
            valid_from: DateTime::from_timestamp_micros(version.valid_from_us)?,
            offset_us: version.offset_us,
            uncertainty_us: version.uncertainty_us,
            method: version.method,
            samples: version.samples,
        })
    }

    /// Brings statements into order that a checkpoint of an earlier version has as they were made.
    pub(crate) fn order(&mut self) {
        for version in std::mem::take(&mut self.versions) {
            let stands = self.versions.partition_point(|known| known.valid_from_us < version.valid_from_us);
            self.versions.truncate(stands);
            self.versions.push(version);
        }
    }

    /// Takes in a record, as [`RegisterClock::see`], and keeps every version: over history all of them are asked for.
    pub(crate) fn hear(&mut self, arrival: Arrival) -> Option<Version> {
        let lag = arrival.lag();
        if lag.abs() > FAR {
            return None;
        }
        if let Some(known) = self.known() {
            if lag < -known.offset_us_of_till() - FORWARD {
                self.lags = Vec::new();
                self.late = Vec::new();
            } else if lag > -known.offset_us_of_till() + BACK + arrival.resolution_us {
                self.late.push(lag);
                if self.late.len() < ENOUGH {
                    return None;
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
        self.state(arrival.event_us)
    }

    fn known(&self) -> Option<Version> {
        self.versions.last().copied().filter(|version| version.method == ClockMethod::Arrival)
    }

    fn state(&mut self, valid_from_us: i64) -> Option<Version> {
        let samples = self.lags.len();
        let count = i64::try_from(samples).unwrap_or(1).max(1);
        let least = self.lags.iter().copied().min()?;
        let (method, offset_us, uncertainty_us) = if samples < ENOUGH {
            (ClockMethod::Unsynchronised, 0, UNSYNCHRONISED)
        } else {
            (ClockMethod::Arrival, least - USUAL_DELAY, 1_000_000 + 3_000_000 / count)
        };
        let same = self.versions.last().is_some_and(|last| {
            last.method == method
                && (last.offset_us - offset_us).abs() < 100_000
                && uncertainty_us * 5 > last.uncertainty_us * 4
        });
        if same {
            return None;
        }
        self.last += 1;
        let version = Version {
            version: self.last,
            valid_from_us,
            offset_us,
            uncertainty_us,
            method,
            samples: i32::try_from(samples).unwrap_or(i32::MAX),
        };
        let stands = self.versions.partition_point(|known| known.valid_from_us < valid_from_us);
        self.versions.truncate(stands);
        self.versions.push(version);
        Some(version)
    }

    /// Puts a transaction on the recorder's clock.
    pub(crate) fn align(&self, posted: &PostedTransaction) -> Aligned {
        let arrival = Arrival::of(posted);
        let (version, disagrees) = self.judged(&arrival);
        let placed = self.place(&arrival, begin_us(posted));
        let statement = ClockStatement {
            offset_us: version.offset_us,
            uncertainty_us: placed.bound_us,
            method: version.method,
            samples: version.samples,
            version: version.version,
            words: words(&version, placed.bound_us, disagrees),
        };
        Aligned { begin_us: placed.begin_us, end_us: placed.end_us, bound_us: placed.bound_us, statement }
    }

    /// Where a transaction that began at an instant of the till's clock lies on the recorder's.
    pub(crate) fn place(&self, arrival: &Arrival, begin_us: i64) -> Placed {
        let (version, disagrees) = self.judged(arrival);
        let off = arrival.lag() - version.offset_us - USUAL_DELAY;
        let bound_us = version.uncertainty_us + CAMERA + arrival.resolution_us + if disagrees { off.abs() } else { 0 };
        Placed { begin_us: begin_us + version.offset_us, end_us: arrival.event_us + version.offset_us, bound_us }
    }

    /// The version that holds for a record, and whether the record's own arrival speaks against it.
    fn judged(&self, arrival: &Arrival) -> (Version, bool) {
        let stated = self.versions.partition_point(|version| version.valid_from_us <= arrival.event_us);
        let version = stated.checked_sub(1).and_then(|last| self.versions.get(last)).copied().unwrap_or(Version {
            version: 0,
            valid_from_us: 0,
            offset_us: 0,
            uncertainty_us: UNSYNCHRONISED,
            method: ClockMethod::Unsynchronised,
            samples: 0,
        });
        let off = arrival.lag() - version.offset_us - USUAL_DELAY;
        let disagrees = version.method == ClockMethod::Arrival
            && off.abs() <= FAR
            && (off < -FORWARD || off > BACK + arrival.resolution_us);
        (version, disagrees)
    }
}

impl Version {
    /// How far the till's clock is ahead of what an immediate arrival would show.
    fn offset_us_of_till(&self) -> i64 {
        -(self.offset_us + USUAL_DELAY)
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds for people")]
fn words(version: &Version, bound_us: i64, disagrees: bool) -> String {
    let seconds = |us: i64| us as f64 / 1_000_000.0;
    let within = seconds(bound_us);
    if version.method == ClockMethod::Unsynchronised {
        return format!("The clocks of till and camera are not compared yet: times may differ by up to {within:.0} s.");
    }
    let doubt = if disagrees { " This record arrived at an odd time, so the bound is wide." } else { "" };
    let off = version.offset_us;
    if off.abs() <= version.uncertainty_us {
        format!("Till and camera agree within {within:.1} s.{doubt}")
    } else if off < 0 {
        format!(
            "The till runs {:.1} s ahead of the camera; corrected, they agree within {within:.1} s.{doubt}",
            seconds(-off)
        )
    } else {
        format!(
            "The till runs {:.1} s behind the camera; corrected, they agree within {within:.1} s.{doubt}",
            seconds(off)
        )
    }
}

/// The clocks of all registers, by `tenant/store/register`.
pub(crate) type Clocks = BTreeMap<String, RegisterClock>;

/// The name of a register among all.
pub(crate) fn name(posted: &PostedTransaction) -> String {
    format!("{}/{}/{}", posted.header.tenant_id, posted.transaction.store_id, posted.transaction.register_id)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::lake::sample;

    fn record(second: i64, lag_ms: i64) -> PostedTransaction {
        let mut posted = sample::sale("17", second, "2026-11-21T12:00:00Z");
        posted.header.event_time += TimeDelta::seconds(second);
        posted.header.received_at = posted.header.event_time + TimeDelta::milliseconds(lag_ms);
        posted.header.event_time_uncertainty_ms = 0;
        posted
    }

    fn after(lags: &[i64]) -> RegisterClock {
        let mut clock = RegisterClock::default();
        for (n, lag) in (0..).zip(lags) {
            clock.see(&record(n * 10, *lag));
        }
        clock
    }

    #[test]
    fn a_till_37_s_ahead_is_found_after_three_records() {
        let clock = after(&[-36_400, -36_750, -36_700]);
        let aligned = clock.align(&record(100, -36_700));
        assert_eq!(aligned.statement.method, ClockMethod::Arrival);
        assert!((aligned.statement.offset_us + 37_000_000).abs() < 100_000, "{aligned:?}");
        assert!(aligned.statement.words.contains("37.0 s ahead"), "{}", aligned.statement.words);
        assert!(aligned.bound_us < 2_500_000);
    }

    #[test]
    fn before_three_records_the_bound_is_wide_and_said() {
        let aligned = after(&[300, 400]).align(&record(100, 300));
        assert!(aligned.bound_us >= UNSYNCHRONISED);
        assert!(aligned.statement.words.contains("not compared yet"));
    }

    #[test]
    fn history_and_tills_that_were_offline_say_nothing_about_the_clock() {
        let clock = after(&[300, 300, 300, 86_400_000, 3_600_000]);
        assert!(clock.align(&record(100, 86_400_000)).bound_us < 2_500_000);
        assert_eq!(after(&[86_400_000; 5]).align(&record(100, 86_400_000)).statement.version, 0);
    }

    #[test]
    fn a_clock_that_is_put_forward_or_back_is_never_trusted_at_once() {
        let mut clock = after(&[300, 350, 400, 300]);
        let forward = record(100, -39_700);
        clock.see(&forward);
        assert!(clock.align(&forward).bound_us >= UNSYNCHRONISED);
        for n in 11..14 {
            clock.see(&record(n * 10, -39_700));
        }
        assert!((clock.align(&record(200, -39_700)).statement.offset_us + 39_950_000).abs() < 100_000);
        let back = record(300, 300);
        clock.see(&back);
        let aligned = clock.align(&back);
        assert!(aligned.bound_us >= 39_000_000, "{aligned:?}");
        clock.see(&record(310, 310));
        clock.see(&record(320, 320));
        assert!(clock.align(&record(330, 300)).statement.offset_us.abs() < 500_000);
    }
}
