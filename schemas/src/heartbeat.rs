//! [`Heartbeat`]: a source says that it is alive and how far it is, even when nothing happens (topic
//! `lp.heartbeat.v1`).

use chrono::{DateTime, Utc};

use crate::id::{StoreId, TenantId};
use crate::{codes, record};

codes! {
    /// What kind of source speaks.
    pub enum SourceKind {
        /// A till or lane.
        Register = "register",
        /// A zone of a camera.
        Zone = "zone",
        /// A camera.
        Camera = "camera",
        /// The rules: what they are complete to is the store's *evaluation floor*, the oldest instant that one of them
        /// may still ask about.
        Rules = "rules",
    }

    /// How a source is.
    pub enum SourceState {
        /// It delivers.
        Active = "active",
        /// It lives, but its event time is behind.
        Lagging = "lagging",
        /// Neither data nor heartbeat for a while.
        Idle = "idle",
        /// It has closed: nothing more will come.
        Finished = "finished",
        /// Its clock is beyond what can be true; it stalls nobody.
        Quarantined = "quarantined",
    }
}

record! {
    /// A sign of life.
    pub struct Heartbeat {
        /// The retailer.
        tenant_id: TenantId,
        /// The shop.
        store_id: StoreId,
        /// What kind of source.
        source_kind: SourceKind,
        /// Its id within the shop.
        source_id: String,
        /// How it is.
        state: SourceState,
        /// Everything of the source before this instant has been delivered, by the source's own clock.
        complete_to: DateTime<Utc>,
        /// When it was said, by our clock.
        sent_at: DateTime<Utc>,
    }
}
