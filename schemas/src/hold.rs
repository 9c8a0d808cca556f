//! [`Hold`]: video that retention must not delete (topic `lp.hold.v1`, compacted, key = the hold's id).

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::id::{CameraId, StoreId, TenantId};
use crate::{codes, record};

codes! {
    /// On whose behalf video is held.
    pub enum HoldOwner {
        /// An alert: placed automatically, ends by itself unless confirmed.
        Alert = "alert",
        /// A case: until it is released.
        Case = "case",
        /// A person: until it is released.
        Person = "person",
    }
}

record! {
    /// A hold on the video of a camera.
    pub struct Hold {
        /// Its identity.
        hold_id: Uuid,
        /// The retailer.
        tenant: TenantId,
        /// The shop.
        store: StoreId,
        /// The camera, all of whose streams are held; absent: every camera of the shop.
        camera: Option<CameraId>,
        /// On whose behalf.
        owner: HoldOwner,
        /// Which alert, case or person.
        owner_id: String,
        /// Why, in words.
        reason: String,
        /// The first instant that is held.
        start_at: DateTime<Utc>,
        /// The first instant after.
        end_at: DateTime<Utc>,
        /// When it was placed.
        placed_at: DateTime<Utc>,
        /// When it ends by itself; absent: when it is released.
        expires_at: Option<DateTime<Utc>>,
        /// When it was released; absent: it stands.
        released_at: Option<DateTime<Utc>>,
    }
}

impl Hold {
    /// Whether it keeps video at an instant.
    pub fn stands(&self, now: DateTime<Utc>) -> bool {
        self.released_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether it was placed by a rule and so draws on the quota of automatic holds.
    pub fn is_automatic(&self) -> bool {
        self.owner == HoldOwner::Alert && self.expires_at.is_some()
    }
}
