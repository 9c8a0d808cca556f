//! [`PresenceTile`]: whether somebody is in a zone, in three values (topic `lp.cam.presence.v1`).
//!
//! Tiles are immutable, at most [`TILE_SECONDS`] long, and follow each other without a hole for each zone: they are cut
//! at every change of state and at whole multiples of five seconds of event time. The watermark of a zone is the end of
//! its last tile. `absent` is positive evidence; whoever cannot tell says `unknown`.

use chrono::{DateTime, Utc};

use crate::id::{CameraId, RegisterId, StoreId, TenantId, ZoneId};
use crate::zone::ZoneKind;
use crate::{codes, record};

/// The longest a tile may be, in seconds.
pub const TILE_SECONDS: i64 = 5;

codes! {
    /// Whether somebody is there.
    pub enum PresenceState {
        /// Somebody was seen.
        Present = "present",
        /// It was seen that nobody is there.
        Absent = "absent",
        /// It cannot be told.
        Unknown = "unknown",
    }

    /// Who says so.
    pub enum PresenceSource {
        /// Our detector.
        Detector = "detector",
        /// The camera's own analytics.
        Camera = "camera",
        /// Both, fused.
        Fused = "fused",
    }

    /// Why it cannot be told.
    pub enum Blind {
        /// The analysis has just begun.
        Starting = "starting",
        /// No frames come.
        NoSignal = "no_signal",
        /// The picture does not change although frames come.
        Frozen = "frozen",
        /// The picture is black, white or covered.
        Covered = "covered",
        /// Too few frames could be analysed.
        Shed = "shed",
        /// Somebody was followed into the zone and lost there.
        Lost = "lost",
        /// Something moves that is no recognised person.
        Motion = "motion",
        /// Frames cannot be decoded.
        Undecodable = "undecodable",
    }
}

record! {
    /// A zone over a few seconds: somebody there, nobody there, or it cannot be told.
    pub struct PresenceTile {
        /// The retailer.
        tenant_id: TenantId,
        /// The shop.
        store_id: StoreId,
        /// The camera that looked.
        camera_id: CameraId,
        /// The zone.
        zone_id: ZoneId,
        /// Which drawing of the zone.
        zone_version: i32,
        /// What the zone is for.
        zone_kind: ZoneKind,
        /// The register that the zone belongs to.
        register_id: Option<RegisterId>,
        /// When the tile begins, by the camera's time map.
        start_at: DateTime<Utc>,
        /// When it ends.
        end_at: DateTime<Utc>,
        /// Whether somebody was there.
        state: PresenceState,
        /// Why it cannot be told (`unknown` only).
        blind: Option<Blind>,
        /// Who says so.
        source: PresenceSource,
        /// The most people seen at once.
        people: i32,
        /// How many frames were looked at.
        looks: i32,
        /// The run of the stream that was looked at; absent when there was none.
        run: Option<i64>,
        /// Media time of the first frame looked at, in 1/90000 s since the run began.
        first_pts: Option<i64>,
        /// Bound of the error of the times, in microseconds.
        time_uncertainty_us: i64,
        /// The detector: file name of its model.
        model: Option<String>,
        /// When the tile was published, by our clock.
        published_at: DateTime<Utc>,
    }
}
