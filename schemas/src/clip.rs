//! [`ClipStatement`]: what a clip says about itself beside its pictures.

use chrono::{DateTime, Utc};

use crate::id::{CameraId, StoreId, TenantId};
use crate::record;
use crate::segment::{ClockSource, GapReason, StreamKind};

record! {
    /// A span within a clip for which there is no video.
    pub struct ClipGap {
        /// The first instant without video.
        start_at: DateTime<Utc>,
        /// The first instant with video again, or the end of what was asked.
        end_at: DateTime<Utc>,
        /// Why, as far as it is known.
        reason: GapReason,
    }

    /// The clock of one run within a clip.
    pub struct ClipClock {
        /// The run.
        run: i64,
        /// Media time of the run's first frame in the clip, in 1/90000 s.
        first_pts: i64,
        /// When that frame is, by this clock.
        first_at: DateTime<Utc>,
        /// Version of the time map that was used.
        map_version: i32,
        /// Which clock it follows.
        source: ClockSource,
        /// Bound of its error, in microseconds.
        uncertainty_us: i64,
    }

    /// What a clip shows, exactly.
    pub struct ClipStatement {
        /// The retailer.
        tenant: TenantId,
        /// The shop.
        store: StoreId,
        /// The camera.
        camera: CameraId,
        /// Which of its streams.
        stream: StreamKind,
        /// The first instant that was asked for.
        from_at: DateTime<Utc>,
        /// The first instant after what was asked for.
        to_at: DateTime<Utc>,
        /// When the first frame that is shown was taken: time 0 of the clip.
        first_frame_at: DateTime<Utc>,
        /// When the last frame that is shown was taken.
        last_frame_at: DateTime<Utc>,
        /// How many frames are shown.
        frames: i64,
        /// How many frames before the first one the file holds because it must begin with a key frame; players that
        /// ignore edit lists show them.
        leading_frames: i64,
        /// How long it plays, in microseconds.
        duration_us: i64,
        /// RTP packets that were lost within it.
        lost_packets: i64,
        /// Codec of the video as in RFC 6381.
        codec: String,
        /// Width in pixels.
        width: i32,
        /// Height in pixels.
        height: i32,
        /// Whether there is sound.
        has_audio: bool,
        /// The clock of each run within it.
        clocks: Vec<ClipClock>,
        /// Spans without video; the last picture before each stands still for its length.
        gaps: Vec<ClipGap>,
    }
}
