//! What a recorder says about its work: recorded segments and the gaps between them (topic `lp.rec.segment.v1`).
//!
//! The records of one stream tile its schedule: recorded plus gaps is the scheduled time, always.

use std::fmt;
use std::str::FromStr;

use crate::id::{BadName, CameraId, StoreId, StoreKey, TenantId};
use crate::{codes, record};

codes! {
    /// Which of a camera's streams.
    pub enum StreamKind {
        /// The full picture: the one that is evidence.
        Main = "main",
        /// The small picture: the one that is analysed.
        Sub = "sub",
    }

    /// Whether a span of a schedule was recorded.
    pub enum SpanKind {
        /// There is video.
        Recorded = "RECORDED",
        /// There is none, and the record says why.
        Gap = "GAP",
    }

    /// Why there is no video.
    pub enum GapReason {
        /// The stream was never connected since its schedule began.
        NotStarted = "not_started",
        /// The camera did not answer, or had nothing to record.
        Unreachable = "unreachable",
        /// The camera refused the user or the password.
        Refused = "refused",
        /// The connection broke.
        Disconnected = "disconnected",
        /// The connection stood, but no frame came.
        NoFrames = "no_frames",
        /// The clocks jumped by more than a second, so a new run was begun.
        ClockStep = "clock_step",
        /// The recorder process ended without closing its files.
        Crash = "crash",
        /// The recorder was stopped in order.
        Stopped = "stopped",
        /// The disk refused to write.
        Disk = "disk",
        /// Recording was not wanted (the stream was taken out of the schedule).
        Unscheduled = "unscheduled",
        /// The index was rebuilt from the files, which do not say why.
        Unknown = "unknown",
        /// The video was deleted by retention.
        Expired = "expired",
    }

    /// In which state a segment is.
    pub enum SegmentState {
        /// It is being written.
        Open = "open",
        /// It was closed in order; its manifest is final.
        Closed = "closed",
        /// It was cut to its last whole fragment after a crash and closed then.
        Recovered = "recovered",
        /// Retention has deleted its file; its chain head stays.
        Deleted = "deleted",
    }

    /// Which clock a time map follows.
    pub enum ClockSource {
        /// The recorder's clock at the arrival of the least delayed frames.
        Arrival = "arrival",
        /// The camera's clock by RTCP sender reports (RFC 3550 §6.4.1).
        SenderReport = "sender_report",
        /// The camera's clock by ONVIF `GetSystemDateAndTime`.
        Onvif = "onvif",
    }
}

/// One stream of one camera; as text `tenant/store/camera/kind`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamKey {
    /// The retailer.
    pub tenant: TenantId,
    /// The shop.
    pub store: StoreId,
    /// The camera.
    pub camera: CameraId,
    /// Which of its streams.
    pub kind: StreamKind,
}

impl StreamKey {
    /// Names a stream of a camera of a store.
    pub fn new(store: &StoreKey, camera: CameraId, kind: StreamKind) -> Self {
        Self { tenant: store.tenant.clone(), store: store.store.clone(), camera, kind }
    }

    /// The store it belongs to, which is the Kafka key of its records.
    pub fn store_key(&self) -> StoreKey {
        StoreKey::new(self.tenant.clone(), self.store.clone())
    }
}

impl fmt::Display for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.tenant, self.store, self.camera, self.kind)
    }
}

/// A text that does not name a stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadStreamKey {
    /// It does not have four parts, or the last is no kind of stream.
    #[error("{0:?} is not `tenant/store/camera/main` or `tenant/store/camera/sub`")]
    Shape(String),
    /// One part is no name.
    #[error("a part of the stream's name is wrong")]
    Name(#[from] BadName),
}

impl FromStr for StreamKey {
    type Err = BadStreamKey;

    fn from_str(text: &str) -> Result<Self, BadStreamKey> {
        let shape = || BadStreamKey::Shape(text.chars().take(300).collect());
        let mut parts = text.split('/');
        let (Some(tenant), Some(store), Some(camera), Some(kind), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(shape());
        };
        let kind = kind.parse().map_err(|_| shape())?;
        Ok(Self { tenant: tenant.parse()?, store: store.parse()?, camera: camera.parse()?, kind })
    }
}

record! {
    /// A span of a stream's schedule: a recorded segment (one file of about a minute) or a gap. A later record with
    /// the same tenant, store, camera, stream, kind, run and seq replaces an earlier one.
    pub struct Segment {
        /// The retailer.
        tenant: TenantId,
        /// The shop.
        store: StoreId,
        /// The camera.
        camera: CameraId,
        /// Which of its streams.
        stream: StreamKind,
        /// Recorded, or a gap.
        kind: SpanKind,
        /// The run: an uninterrupted connection; its number is the microsecond (UTC) in which it began. For a gap, the
        /// run that ended before it (0 when there was none).
        run: i64,
        /// The number of the segment within its run, from 0; for a gap, the number of the gap of that run.
        seq: i64,
        /// When it begins, by the time map of the run in `map_version`.
        start_at: chrono::DateTime<chrono::Utc>,
        /// When it ends; absent while it goes on.
        end_at: Option<chrono::DateTime<chrono::Utc>>,
        /// Why there is no video (gaps only).
        gap_reason: Option<GapReason>,
        /// State of the file (segments only).
        state: Option<SegmentState>,
        /// Media time of the first frame, in 1/90000 s since the first frame of the run.
        start_pts: Option<i64>,
        /// Media time after the last frame, in 1/90000 s since the first frame of the run.
        end_pts: Option<i64>,
        /// Bytes of the file.
        bytes: Option<i64>,
        /// Frames of video.
        frames: Option<i64>,
        /// RTP packets that were lost on the way.
        lost_packets: Option<i64>,
        /// Codec of the video as in RFC 6381, e.g. `avc1.4D401E`.
        codec: Option<String>,
        /// Width in pixels.
        width: Option<i32>,
        /// Height in pixels.
        height: Option<i32>,
        /// Whether there is sound.
        has_audio: Option<bool>,
        /// Version of the run's time map by which start and end are stated.
        map_version: Option<i32>,
        /// Which clock that version follows.
        clock_source: Option<ClockSource>,
        /// Bound of the error of that clock, in microseconds.
        clock_uncertainty_us: Option<i64>,
        /// Head of the hash chain after the last fragment, lower-case hexadecimal SHA-256.
        chain_head: Option<String>,
        /// RFC 6962 root over the roots of its groups of pictures, lower-case hexadecimal SHA-256.
        gop_root: Option<String>,
        /// SHA-256 of its manifest, lower-case hexadecimal.
        manifest_sha256: Option<String>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_reads_back_as_it_was_written() {
        let key: StreamKey = "acme/17/till-1/main".parse().unwrap();
        assert_eq!(key.to_string(), "acme/17/till-1/main");
        assert_eq!(key.store_key().to_string(), "acme/17");
        for bad in ["acme/17/till-1", "acme/17/till-1/third", "acme/../x/main", "a/b/c/main/d"] {
            assert!(bad.parse::<StreamKey>().is_err(), "{bad}");
        }
    }
}
