//! How far a register's clock is from the recorder's, and where a transaction lies on the recorder's clock.
//!
//! Two look at it. [`arrival`] asks when records arrive: it needs no camera and states an offset after three records, but
//! supposes that the till is connected. [`crate::align`] asks what a camera saw of the customers ([`super::pairs`]): it
//! needs hours, supposes nothing of the network, and says when the data cannot tell.
//!
//! # Which of them holds
//!
//! A statement holds for the events of the register from its `valid_from` on until the next one of the same kind; a later
//! statement about an earlier time takes back those in between. The customers' is trusted for an event if it states an
//! offset, was made at most a day before, and the till's clock was not seen to be set since. Where both state an offset
//! and their intervals meet, the narrower holds. Where they contradict each other, the customers' holds: a record that is
//! always late looks like a clock that is behind, a customer does not. A record that would have arrived before it was made
//! is placed by arrivals.
//!
//! # Why ticks do not show
//!
//! All of that is a function of the event and of what was stated, and statements are functions of the records
//! ([`crate::align::lane`]). But they come a quarter of an hour after the time that they are about, when its anchors are
//! judged. So an anchor that a new statement places otherwise is judged again ([`super::restate`]): at the end each was
//! judged by all statements, in whatever ticks they came. Only the number under which a statement was told depends on what
//! was told before; it is no part of what an alert says ([`super::verdict`]).

mod arrival;
mod words;

use std::collections::BTreeMap;

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use tillsight_schemas::alert::ClockStatement;
use tillsight_schemas::clock_offset::{ClockMethod, ClockOffset, ClockRefusal, drifted};
use tillsight_schemas::id::{RegisterId, StoreKey};
use tillsight_schemas::pos::PostedTransaction;

use super::memory::RETENTION;
use super::tables::begin_us;
use crate::align::number::whole;
use crate::align::{Method, Statement};
pub(crate) use arrival::Arrival;
use arrival::{BACK, FAR, FORWARD, USUAL_DELAY};

/// The bound where nothing is known, in microseconds.
pub(crate) const UNSYNCHRONISED: i64 = 30_000_000;
/// The bound of the recorder's own time map, in microseconds.
const CAMERA: i64 = 250_000;
/// How many statements of a kind are remembered per register, at most: of those that hold for what is remembered.
const VERSIONS: usize = 1_000;
/// For how long customers' statements are trusted that are not made again, in microseconds: four times as long as they are
/// made again at the latest.
const HELD: i64 = 24 * 3_600_000_000;

/// Nothing is known.
const UNKNOWN: Version = Version {
    version: 0,
    valid_from_us: 0,
    offset_us: 0,
    uncertainty_us: UNSYNCHRONISED,
    method: ClockMethod::Unsynchronised,
    samples: 0,
    drift_ppb: 0,
    at_us: 0,
    refusal: None,
};

/// The clock of one register.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RegisterClock {
    /// Arrival minus event time of the last records, in microseconds.
    lags: Vec<i64>,
    /// The last ones that were too late for the estimate.
    late: Vec<i64>,
    /// What arrivals stated, in the order of the times from which on it holds.
    versions: Vec<Version>,
    /// What customers stated, or why they did not, in the same order.
    #[serde(default)]
    seen: Vec<Version>,
    /// From which events on the till's clock was set, by arrivals.
    #[serde(default)]
    sets: Vec<i64>,
    /// The number of the last statement.
    last: i64,
}

/// A statement about a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) version: i64,
    pub(crate) valid_from_us: i64,
    pub(crate) offset_us: i64,
    pub(crate) uncertainty_us: i64,
    pub(crate) method: ClockMethod,
    pub(crate) samples: i32,
    #[serde(default)]
    pub(crate) drift_ppb: i64,
    /// When the offset was measured, where there is a drift.
    #[serde(default)]
    pub(crate) at_us: i64,
    #[serde(default)]
    pub(crate) refusal: Option<ClockRefusal>,
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

/// What a record has brought.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// What is to be told of the clock, if there is something new.
    pub(crate) told: Vec<ClockOffset>,
    /// The record shows that the clock was set.
    pub(crate) set: bool,
    /// The clock as it was, where a statement about an earlier time has taken back later ones.
    pub(crate) before: Option<RegisterClock>,
}

impl Aligned {
    /// Whether another says the same, under whatever number.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let numbered = ClockStatement { version: self.statement.version, ..other.statement.clone() };
        (self.begin_us, self.end_us, self.bound_us) == (other.begin_us, other.end_us, other.bound_us)
            && self.statement == numbered
    }
}

impl RegisterClock {
    /// Takes in a record.
    pub(crate) fn see(&mut self, posted: &PostedTransaction) -> Heard {
        let arrival = Arrival::of(posted);
        let takes_back = self.versions.last().is_some_and(|last| last.valid_from_us > arrival.event_us);
        let sets = self.sets.len();
        let before = takes_back.then(|| self.clone());
        let news = self.hear(arrival);
        let told = if news { self.tell(arrival.event_us, takes_back) } else { Vec::new() };
        let set = self.sets.len() > sets;
        self.forget(arrival.event_us.min(arrival.received_us));
        let store = StoreKey::new(posted.header.tenant_id.clone(), posted.transaction.store_id.clone());
        let register = &posted.transaction.register_id;
        let told = told.iter().filter_map(|version| version.record(&store, register)).collect();
        Heard { told, set, before: before.filter(|_| news) }
    }

    /// Takes in what customers state; returns what is to be told of the clock.
    pub(crate) fn state_seen(&mut self, statement: &Statement) -> Vec<Version> {
        self.last += 1;
        let version = Version { version: self.last, ..Version::of(statement) };
        put(&mut self.seen, version);
        let told = self.tell(version.valid_from_us, true);
        self.forget(version.valid_from_us);
        told
    }

    /// Takes in what was told when it happened. Of that, arrivals are known by themselves: their statements say only that
    /// customers' did not hold then.
    pub(crate) fn told(&mut self, version: Version) {
        let refusal = Some(version.refusal.unwrap_or(ClockRefusal::TooFew));
        let otherwise = Version { refusal, valid_from_us: version.valid_from_us, ..UNKNOWN };
        put(&mut self.seen, if version.by_customers() { version } else { otherwise });
    }

    /// Brings statements into order that a checkpoint of an earlier version has as they were made.
    pub(crate) fn order(&mut self) {
        for version in std::mem::take(&mut self.versions) {
            put(&mut self.versions, version);
        }
    }

    /// What holds at the end.
    pub(crate) fn newest(&self) -> Version {
        let all = self.versions.iter().chain(&self.seen).map(|version| version.valid_from_us);
        all.max().map_or(UNKNOWN, |last| self.held(last))
    }

    /// Forgets what held before anything that is remembered; `now_us` is how far the till is.
    fn forget(&mut self, now_us: i64) {
        let kept = now_us - RETENTION;
        for versions in [&mut self.versions, &mut self.seen] {
            let over = versions.partition_point(|version| version.valid_from_us <= kept).saturating_sub(1);
            let surplus = versions.len().saturating_sub(VERSIONS);
            versions.drain(..over.max(surplus));
        }
        let surplus = self.sets.len().saturating_sub(VERSIONS);
        self.sets.drain(..surplus);
    }

    /// What is told anew from an instant on: what holds then, and wherever something else begins to hold later. What goes on
    /// as before is told only if something was taken back.
    fn tell(&mut self, from_us: i64, takes_back: bool) -> Vec<Version> {
        let all = self.versions.iter().chain(&self.seen).map(|version| version.valid_from_us);
        let mut instants: Vec<i64> = all.filter(|at| *at > from_us).chain([from_us]).collect();
        instants.sort_unstable();
        instants.dedup();
        let mut before = (!takes_back).then(|| self.held(from_us - 1));
        let mut told: Vec<Version> = Vec::new();
        for at_us in instants {
            let held = self.held(at_us);
            if before == Some(held) {
                continue;
            }
            let fresh = told.is_empty() && held.version == self.last;
            if !fresh {
                self.last += 1;
            }
            let known = self.versions.iter_mut().chain(&mut self.seen).find(|known| known.version == held.version);
            if let Some(known) = known {
                known.version = self.last;
            }
            told.push(Version { version: self.last, valid_from_us: at_us, ..held });
            before = Some(self.held(at_us));
        }
        told
    }

    /// The statement that holds for an event, as it was made.
    fn held(&self, event_us: i64) -> Version {
        let arrivals = latest(&self.versions, event_us).unwrap_or(UNKNOWN);
        let Some(seen) = latest(&self.seen, event_us) else { return arrivals };
        let set = self.sets.iter().any(|set| *set > seen.valid_from_us && *set <= event_us);
        let old = event_us.saturating_sub(seen.at_us) > HELD;
        if seen.refusal.is_some() || set || old {
            return Version { refusal: seen.refusal, ..arrivals };
        }
        if arrivals.method != ClockMethod::Arrival {
            return seen;
        }
        // Compared where both hold first: between two statements nothing changes.
        let both_us = seen.valid_from_us.max(arrivals.valid_from_us);
        let apart_us = (seen.at(both_us).offset_us - arrivals.offset_us).abs();
        let contradict = apart_us > seen.uncertainty_us + arrivals.uncertainty_us;
        if contradict || seen.uncertainty_us < arrivals.uncertainty_us { seen } else { arrivals }
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
            words: words::of(&version, placed.bound_us, disagrees),
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

    /// The statement that holds for a record, with the offset of then, and whether the record's own arrival speaks against
    /// it.
    fn judged(&self, arrival: &Arrival) -> (Version, bool) {
        let held = self.held(arrival.event_us).at(arrival.event_us);
        let impossible = held.by_customers() && arrival.lag() < held.offset_us - held.uncertainty_us - FORWARD;
        let version = if impossible { latest(&self.versions, arrival.event_us).unwrap_or(UNKNOWN) } else { held };
        let off = arrival.lag() - version.offset_us - USUAL_DELAY;
        let disagrees = version.method == ClockMethod::Arrival
            && off.abs() <= FAR
            && (off < -FORWARD || off > BACK + arrival.resolution_us);
        (version, disagrees)
    }
}

impl Version {
    /// What customers state.
    fn of(statement: &Statement) -> Self {
        let (method, refusal) = match statement.method {
            Method::Presence => (ClockMethod::Presence, None),
            Method::Drawer => (ClockMethod::Drawer, None),
            Method::Unsynchronised(refusal) => (ClockMethod::Unsynchronised, Some(refusal)),
        };
        if refusal.is_some() {
            return Self { refusal, valid_from_us: statement.valid_from_us, ..UNKNOWN };
        }
        Self {
            version: 0,
            valid_from_us: statement.valid_from_us,
            offset_us: statement.offset_us,
            uncertainty_us: statement.uncertainty_us,
            method,
            samples: i32::try_from(statement.samples).unwrap_or(i32::MAX),
            drift_ppb: whole(statement.drift_ppm * 1_000.0),
            at_us: statement.at_us,
            refusal,
        }
    }

    fn by_customers(&self) -> bool {
        matches!(self.method, ClockMethod::Presence | ClockMethod::Drawer)
    }

    /// The same with the offset of an instant of the till's clock.
    fn at(self, event_us: i64) -> Self {
        let passed_us = event_us.saturating_sub(self.at_us);
        Self { offset_us: drifted(self.offset_us, self.drift_ppb, passed_us), ..self }
    }

    /// As it is told.
    pub(crate) fn record(&self, store: &StoreKey, register: &RegisterId) -> Option<ClockOffset> {
        Some(ClockOffset {
            tenant_id: store.tenant.clone(),
            store_id: store.store.clone(),
            register_id: register.clone(),
            version: self.version,
            valid_from: DateTime::from_timestamp_micros(self.valid_from_us)?,
            offset_us: self.offset_us,
            uncertainty_us: self.uncertainty_us,
            method: self.method,
            samples: self.samples,
            drift_ppb: self.by_customers().then_some(self.drift_ppb),
            measured_at: DateTime::from_timestamp_micros(self.at_us).filter(|_| self.by_customers()),
            refusal: self.refusal,
        })
    }
}

/// Adds a statement; those about later times are taken back.
fn put(versions: &mut Vec<Version>, version: Version) {
    let stands = versions.partition_point(|known| known.valid_from_us < version.valid_from_us);
    versions.truncate(stands);
    versions.push(version);
}

/// The statement that holds for an event.
fn latest(versions: &[Version], event_us: i64) -> Option<Version> {
    let stated = versions.partition_point(|version| version.valid_from_us <= event_us);
    versions.get(stated.checked_sub(1)?).copied()
}

/// The clocks of all registers, by `tenant/store/register`.
pub(crate) type Clocks = BTreeMap<String, RegisterClock>;

/// The name of a register among all.
pub(crate) fn name(posted: &PostedTransaction) -> String {
    format!("{}/{}/{}", posted.header.tenant_id, posted.transaction.store_id, posted.transaction.register_id)
}

/// The same of a register of a store.
pub(crate) fn named(store: &StoreKey, register: &RegisterId) -> String {
    format!("{store}/{register}")
}

#[cfg(test)]
mod tests;
