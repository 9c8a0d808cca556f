//! How far a till's clock is from a camera's, from what both saw of the same customers.
//!
//! # What is known and what is not
//!
//! A till says when transactions begin and end and when it opens its drawer; a camera says when somebody came into the
//! customer's zone and left it, and a contact when the drawer opened. Cues are poor: most are missed and many are
//! false. What ties the streams together is that one offset brings many of them to the same distance.
//!
//! A customer comes an unknown time before the transaction begins and leaves an unknown time after it ends. These leads
//! cannot be told from an offset by arrivals alone or by departures alone. Both together bound it: the stay contains
//! the transaction, so the usual distance of an arrival from a beginning is at most the offset, and that of a departure
//! from an end is at least the offset (containment; the same argument as the two one-way delays of a clock
//! protocol, Mills, RFC 5905). The estimate is the middle of the two, and the stated uncertainty covers 95 % of what
//! lies between them, since where in between the offset lies is not in the data, and the statistical error in
//! addition. A drawer's contact has no lead: where contacts agree, the offset is theirs and the bound is narrow.
//!
//! # How it is found
//!
//! - [`evidence`]: for ten minutes of till time, how many bits each offset from -12 to +12 minutes gains over chance,
//!   one term an event, so that a burst of cues counts once (likelihood of a coincidence between point processes;
//!   Perkel, Gerstein and Moore 1967 for the histogram of distances that it weighs).
//! - [`peak`]: the best pair of distances in hours of evidence, and how far the next best is behind.
//! - [`change`]: whether the clock was set within those hours.
//! - [`line`]: distances and drift to a fraction of a second near the peak.
//! - [`interval`]: the offset with its uncertainty from those distances.
//! - [`judge`]: whether a lane is synchronised, by all of these; [`lane`]: the same as events come in.
//! - [`simulate`] and [`incoming`]: lanes with a known offset, for tests and for `make bench AREA=align`.
//!
//! Everything but [`line`] and [`interval`] is computed in integers, and those use basic arithmetic only, in the order
//! of event time: the same events give the same statements wherever and in whatever pieces they are taken in.
//!
//! # What it assumes
//!
//! The error of a cue is as often early as late. Leads are of the same kind over hours, and their two sums are
//! below [`LONGEST_LEADS_S`]. A till's time is cut off (not rounded) to its resolution. The drift is within
//! some 60 ppm. A till is set rarely: at most once in a few hours.

pub mod anchors;
pub mod change;
pub mod evidence;
pub mod incoming;
pub mod interval;
pub mod judge;
pub mod lane;
pub mod line;
pub mod memory;
pub mod number;
pub mod peak;
pub mod simulate;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
pub use tillsight_schemas::clock_offset::ClockRefusal as Refusal;

/// A second, in microseconds.
pub const SECOND_US: i64 = 1_000_000;
/// A minute, in microseconds.
pub const MINUTE_US: i64 = 60 * SECOND_US;
/// An hour, in microseconds.
pub const HOUR_US: i64 = 60 * MINUTE_US;
/// The grid on which statements are made, in microseconds of the till's time.
pub const STEP_US: i64 = 10 * MINUTE_US;
/// The largest distance between the clocks that is looked for, in seconds.
pub const REACH_S: i64 = 12 * 60;
/// The largest sum of the two leads (arrival to beginning, end to departure) with which an offset is stated, in
/// seconds.
pub const LONGEST_LEADS_S: i64 = 10;

/// What a till says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TillKind {
    /// A transaction was begun.
    TransactionStart,
    /// A line was entered.
    Line,
    /// The drawer was opened.
    Drawer,
    /// A transaction was completed or given up.
    TransactionEnd,
}

/// Something that a till says, at an instant of its own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TillEvent {
    /// When, by the till's clock, in microseconds since 1970.
    pub at_us: i64,
    /// What.
    pub kind: TillKind,
}

/// What is seen beside the till.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CueKind {
    /// The customer's zone was empty and somebody came into it.
    Arrived,
    /// Somebody was in the customer's zone and it became empty.
    Left,
    /// The contact of the drawer opened.
    Drawer,
}

/// Something that is seen beside the till, at an instant of the camera's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cue {
    /// When, by the camera's clock, in microseconds since 1970.
    pub at_us: i64,
    /// What.
    pub kind: CueKind,
}

/// One value for each way in which the streams meet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meeting<T> {
    /// Beginnings of transactions and arrivals.
    pub begin: T,
    /// Ends of transactions and departures.
    pub end: T,
    /// Drawers opened by the till and contacts.
    pub drawer: T,
}

impl<T> Meeting<T> {
    /// Each value made into another.
    pub fn map<U>(self, mut to: impl FnMut(T) -> U) -> Meeting<U> {
        Meeting { begin: to(self.begin), end: to(self.end), drawer: to(self.drawer) }
    }

    /// Each value together with that of another.
    pub fn zip<U>(self, other: Meeting<U>) -> Meeting<(T, U)> {
        Meeting { begin: (self.begin, other.begin), end: (self.end, other.end), drawer: (self.drawer, other.drawer) }
    }

    /// The values by reference.
    pub fn each(&self) -> Meeting<&T> {
        Meeting { begin: &self.begin, end: &self.end, drawer: &self.drawer }
    }

    /// The values one after the other.
    pub fn list(self) -> [T; 3] {
        [self.begin, self.end, self.drawer]
    }
}

/// How an offset was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// Not found.
    Unsynchronised(Refusal),
    /// From arrivals and departures.
    Presence,
    /// From the drawer's contact.
    Drawer,
}

/// What is known of a till's clock from an instant on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// Holds for events with this time of the till's clock or a later one, in microseconds. A later statement about an
    /// earlier time takes back those in between.
    pub valid_from_us: i64,
    /// The instant of the till's clock for which the offset is given, in microseconds.
    pub at_us: i64,
    /// What to add to the till's time to get the camera's, in microseconds.
    pub offset_us: i64,
    /// Half the width of the 95 % interval around it, in microseconds.
    pub uncertainty_us: i64,
    /// How the offset changes, in microseconds a second: positive where the till's clock is slow.
    pub drift_ppm: f64,
    /// From about how many matched events.
    pub samples: u32,
    /// How it was found.
    pub method: Method,
}

impl Statement {
    /// Whether an offset is stated.
    #[must_use]
    pub fn synchronised(&self) -> bool {
        !matches!(self.method, Method::Unsynchronised(_))
    }

    /// What to add to a time of the till to get the camera's, with the drift since then, in microseconds.
    #[must_use]
    pub fn offset_at(&self, till_us: i64) -> i64 {
        let seconds = number::seconds(till_us.saturating_sub(self.at_us));
        self.offset_us.saturating_add(number::whole(seconds * self.drift_ppm))
    }
}
