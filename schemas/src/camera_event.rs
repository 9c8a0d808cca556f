//! [`CameraEvent`]: what a camera says by itself, through ONVIF events or its metadata stream (topic
//! `lp.cam.event.v1`).

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::id::{CameraId, StoreId, TenantId};
use crate::{codes, record};

codes! {
    /// What kind of statement it is.
    pub enum CameraEventKind {
        /// An object is in the picture (`tt:Object` of a metadata frame).
        Object = "object",
        /// An object has left (`tt:ObjectTree/tt:Delete`, or a frame without it).
        ObjectGone = "object_gone",
        /// A metadata frame without any object: positive evidence that the camera sees none.
        Scene = "scene",
        /// Motion began or ended.
        Motion = "motion",
        /// Something entered or left a field or crossed a line drawn in the camera.
        Field = "field",
        /// A count of the camera's.
        Count = "count",
        /// The picture is covered, moved, too dark, too bright or out of focus.
        Tamper = "tamper",
        /// The video signal was lost or came back.
        Signal = "signal",
        /// A digital input (drawer contact, push button).
        Input = "input",
        /// Anything else; `topic` and `raw` keep it.
        Other = "other",
    }

    /// How it reached us.
    pub enum CameraEventVia {
        /// The metadata track of the RTSP session.
        Metadata = "metadata",
        /// An ONVIF `PullPoint` subscription.
        PullPoint = "pull_point",
    }
}

record! {
    /// A statement of a camera.
    pub struct CameraEvent {
        /// Its identity: the same statement has the same id however often it is delivered.
        event_id: Uuid,
        /// The retailer.
        tenant_id: TenantId,
        /// The shop.
        store_id: StoreId,
        /// The camera.
        camera_id: CameraId,
        /// When it was so, by the camera's time map (metadata) or the camera's clock corrected by its offset (events).
        event_time: DateTime<Utc>,
        /// The time exactly as the camera wrote it (`UtcTime`).
        event_time_raw: String,
        /// When it reached us, by our clock.
        received_at: DateTime<Utc>,
        /// Bound of the error of `event_time`, in microseconds.
        time_uncertainty_us: i64,
        /// What kind of statement.
        kind: CameraEventKind,
        /// How it reached us.
        via: CameraEventVia,
        /// The ONVIF topic, e.g. `tns1:RuleEngine/CellMotionDetector/Motion`; absent for objects.
        topic: Option<String>,
        /// What it is about, as the camera names it (rule, field, input, video source).
        subject: Option<String>,
        /// On or off, where the statement is a property that changes.
        state: Option<bool>,
        /// The count, where it is one.
        count: Option<i64>,
        /// `tt:Object/@ObjectId`.
        object_id: Option<i64>,
        /// The class of the object as the camera names it, e.g. `Human`.
        object_class: Option<String>,
        /// Its likelihood, in thousandths.
        likelihood_milli: Option<i32>,
        /// Left edge of the box in ten-thousandths of the width.
        left: Option<i32>,
        /// Upper edge in ten-thousandths of the height.
        top: Option<i32>,
        /// Right edge in ten-thousandths of the width.
        right: Option<i32>,
        /// Lower edge in ten-thousandths of the height.
        bottom: Option<i32>,
        /// The statement as received (XML), cut at 16 KiB.
        raw: Option<String>,
    }
}
