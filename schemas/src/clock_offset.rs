//! [`ClockOffset`]: how far a register's clock is from the recorder's, as a stream of versions (topic
//! `lp.ref.clock.v1`; all versions are kept, because a back-test needs the one that held then).

use chrono::{DateTime, Utc};

use crate::id::{RegisterId, StoreId, TenantId};
use crate::{codes, record};

codes! {
    /// How an offset was found.
    pub enum ClockMethod {
        /// Not found: the bound is wide.
        Unsynchronised = "unsynchronised",
        /// From when records arrive: a record cannot arrive before it was made, and few wait for long.
        Arrival = "arrival",
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
    }
}
