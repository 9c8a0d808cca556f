//! [`DetectionFrame`]: the boxes of one look at a picture, for the player's overlay (topic `lp.cam.detection.v1`).

use chrono::{DateTime, Utc};

use crate::id::{CameraId, StoreId, TenantId};
use crate::record;

record! {
    /// A box around something recognised. Edges are ten-thousandths of width and height, from the upper left.
    pub struct DetectionBox {
        /// The person or thing that is followed, unique within the run; absent for a box that is not followed.
        track_id: Option<i64>,
        /// What it is, e.g. `person`.
        label: String,
        /// How sure the detector is, in thousandths.
        score_milli: i32,
        /// Left edge.
        left: i32,
        /// Upper edge.
        top: i32,
        /// Right edge.
        right: i32,
        /// Lower edge.
        bottom: i32,
    }

    /// What was recognised in one frame.
    pub struct DetectionFrame {
        /// The retailer.
        tenant_id: TenantId,
        /// The shop.
        store_id: StoreId,
        /// The camera.
        camera_id: CameraId,
        /// When the frame was taken, by the camera's time map.
        at: DateTime<Utc>,
        /// The run of the stream.
        run: i64,
        /// Media time of the frame, in 1/90000 s since the run began.
        pts: i64,
        /// The detector: file name of its model.
        model: String,
        /// The boxes; none when nobody was seen.
        @default boxes: Vec<DetectionBox>,
    }
}
