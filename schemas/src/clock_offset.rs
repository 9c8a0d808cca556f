//! [`ClockOffset`]: how far a register's clock is from the recorder's, as a stream of versions (topic
//! `lp.ref.clock.v1`; all versions are kept, because a back-test needs the one that held then).

use chrono::{DateTime, TimeDelta, Utc};

use crate::id::{RegisterId, StoreId, TenantId};
use crate::{codes, record};

codes! {
    /// How an offset was found.
    pub enum ClockMethod {
        /// Not found: the bound is wide.
        Unsynchronised = "unsynchronised",
        /// From when records arrive: a record cannot arrive before it was made, and few wait for long.
        Arrival = "arrival",
        /// From customers: they come before their transaction begins and leave after it ends.
        Presence = "presence",
        /// From a contact of the drawer, which opens when the till says so.
        Drawer = "drawer",
    }

    /// Why customers and drawers do not tell an offset.
    pub enum ClockRefusal {
        /// Too few events of the till, or nobody was seen.
        TooFew = "too_few",
        /// The till's times are cut off to more than a few seconds.
        CoarseTimes = "coarse_times",
        /// Several offsets fit about as well.
        Ambiguous = "ambiguous",
        /// Only arrivals or only departures fit: the offset is bounded from one side.
        OneSided = "one_sided",
        /// Customers stand in the zone for so long before or after that the bounds are far apart.
        LongLeads = "long_leads",
        /// One part of the time says something else than another.
        Inconsistent = "inconsistent",
        /// The till's clock was set.
        ClockSet = "clock_set",
        /// What was seen has stopped to fit.
        LostFit = "lost_fit",
    }
}

record! {
    /// The offset of a register's clock from an instant on.
    pub struct ClockOffset {
        /// The retailer.
        tenant_id: TenantId,
        /// The shop.
        store_id: StoreId,
        /// The register.
        register_id: RegisterId,
        /// Rises with each statement about the register.
        version: i64,
        /// Holds for events with this event time or a later one.
        valid_from: DateTime<Utc>,
        /// What to add to the till's time to get the recorder's, in microseconds.
        offset_us: i64,
        /// Bound of its error, in microseconds.
        uncertainty_us: i64,
        /// How it was found.
        method: ClockMethod,
        /// From how many events.
        samples: i32,
        /// By how much the offset grows from `measured_at` on, in billionths of the time that passes; absent when it is not known.
        drift_ppb: Option<i64>,
        /// The instant of the till's clock for which the offset is given; absent when no drift is known.
        measured_at: Option<DateTime<Utc>>,
        /// Why customers in front of a camera do not tell the offset; absent when they do, or when no zone belongs to the register.
        refusal: Option<ClockRefusal>,
    }
}

impl ClockOffset {
    /// What to add to an instant of the till's clock to get the recorder's, with the drift until then; `None` when nothing is
    /// known.
    pub fn offset_at(&self, at: DateTime<Utc>) -> Option<TimeDelta> {
        let measured_at = self.measured_at.unwrap_or(self.valid_from);
        let passed_us = at.timestamp_micros().saturating_sub(measured_at.timestamp_micros());
        let offset_us = drifted(self.offset_us, self.drift_ppb.unwrap_or_default(), passed_us);
        (self.method != ClockMethod::Unsynchronised).then(|| TimeDelta::microseconds(offset_us))
    }
}

/// An offset after some time, all in microseconds, that grows by so many billionths of it.
#[must_use]
pub fn drifted(offset_us: i64, drift_ppb: i64, passed_us: i64) -> i64 {
    offset_us.saturating_add(passed_us.saturating_mul(drift_ppb) / 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_till_that_is_slow_by_50_millionths_is_4_s_further_behind_a_day_later() {
        let mut clock: ClockOffset = serde_json::from_str(include_str!("../samples/v1/clock_offset.json")).unwrap();
        let later = clock.valid_from + TimeDelta::days(1);
        assert_eq!(clock.offset_at(later), Some(TimeDelta::seconds(-37)));
        (clock.drift_ppb, clock.measured_at) = (Some(50_000), Some(clock.valid_from));
        assert_eq!(clock.offset_at(later), Some(TimeDelta::milliseconds(-37_000 + 4_320)));
        clock.method = ClockMethod::Unsynchronised;
        assert_eq!(clock.offset_at(later), None);
    }
}
