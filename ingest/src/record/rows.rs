//! What the index holds, as values: rows of segments and gaps, and the changes that one group commit writes.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use tillsight_schemas::segment::{ClockSource, GapReason, Segment, SegmentState, SpanKind, StreamKey};
use tillsight_schemas::time_map::{TimeMap, TimeMapPiece};

use super::chain::{Hash, hex};

/// The row of a segment. Times are microseconds since 1970, media times 1/90000 s since the start of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentRow {
    /// The run.
    pub run: i64,
    /// Its number within the run, from 0.
    pub seq: i64,
    /// The file, relative to the volume.
    pub path: PathBuf,
    /// The state of the file.
    pub state: SegmentState,
    /// When it begins.
    pub start_us: i64,
    /// When it ends.
    pub end_us: i64,
    /// Media time at which it begins.
    pub start_pts: i64,
    /// Media time at which it ends.
    pub end_pts: i64,
    /// Bytes on disk.
    pub bytes: i64,
    /// Pictures.
    pub frames: i64,
    /// Fragments.
    pub fragments: i64,
    /// Lost RTP packets.
    pub lost: i64,
    /// Codec, RFC 6381.
    pub codec: String,
    /// Width in pixels.
    pub width: i32,
    /// Height in pixels.
    pub height: i32,
    /// Whether there is sound.
    pub has_audio: bool,
    /// The number of the next fragment of the run after it.
    pub next_fragment: i64,
    /// The chain head after its last fragment.
    pub head: Hash,
    /// The tree root over its groups of pictures, once it is closed.
    pub gop_root: Option<Hash>,
    /// SHA-256 of its manifest, once it is closed.
    pub manifest: Option<Hash>,
    /// Version of the time map by which start and end are stated.
    pub map_version: i32,
    /// The clock which that version follows.
    pub source: ClockSource,
    /// The bound of its error in microseconds.
    pub uncertainty_us: i64,
}

impl SegmentRow {
    /// States start and end by a time map.
    pub fn place(&mut self, map: &TimeMap) {
        if let (Some(start), Some(end)) = (map.utc_us(self.start_pts), map.utc_us(self.end_pts)) {
            self.start_us = start;
            self.end_us = end;
            self.map_version = map.version();
        }
        if let Some(piece) = map.piece(self.start_pts) {
            self.source = piece.source;
            self.uncertainty_us = piece.uncertainty_us;
        }
    }

    /// The same for the topic.
    pub fn to_record(&self, key: &StreamKey) -> Segment {
        let open = self.state == SegmentState::Open;
        Segment {
            tenant: key.tenant.clone(),
            store: key.store.clone(),
            camera: key.camera.clone(),
            stream: key.kind,
            kind: SpanKind::Recorded,
            run: self.run,
            seq: self.seq,
            start_at: instant(self.start_us),
            end_at: (!open).then(|| instant(self.end_us)),
            gap_reason: None,
            state: Some(self.state),
            start_pts: Some(self.start_pts),
            end_pts: (!open).then_some(self.end_pts),
            bytes: (!open).then_some(self.bytes),
            frames: (!open).then_some(self.frames),
            lost_packets: (!open).then_some(self.lost),
            codec: Some(self.codec.clone()),
            width: Some(self.width),
            height: Some(self.height),
            has_audio: Some(self.has_audio),
            map_version: Some(self.map_version),
            clock_source: Some(self.source),
            clock_uncertainty_us: Some(self.uncertainty_us),
            chain_head: (!open).then(|| hex(&self.head)),
            gop_root: self.gop_root.map(|root| hex(&root)),
            manifest_sha256: self.manifest.map(|hash| hex(&hash)),
        }
    }
}

/// The row of a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GapRow {
    /// The run that ended before it; 0 when there was none.
    pub run: i64,
    /// The number of the gap of that run, from 0.
    pub seq: i64,
    /// When it begins, in microseconds since 1970.
    pub start_us: i64,
    /// When it ends; `None` while it goes on.
    pub end_us: Option<i64>,
    /// Why there is no video.
    pub reason: GapReason,
}

impl GapRow {
    /// The same for the topic.
    pub fn to_record(&self, key: &StreamKey) -> Segment {
        Segment {
            tenant: key.tenant.clone(),
            store: key.store.clone(),
            camera: key.camera.clone(),
            stream: key.kind,
            kind: SpanKind::Gap,
            run: self.run,
            seq: self.seq,
            start_at: instant(self.start_us),
            end_at: self.end_us.map(instant),
            gap_reason: Some(self.reason),
            state: None,
            start_pts: None,
            end_pts: None,
            bytes: None,
            frames: None,
            lost_packets: None,
            codec: None,
            width: None,
            height: None,
            has_audio: None,
            map_version: None,
            clock_source: None,
            clock_uncertainty_us: None,
            chain_head: None,
            gop_root: None,
            manifest_sha256: None,
        }
    }
}

/// One change of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A segment was opened, grew, or was closed.
    Segment(Box<SegmentRow>),
    /// A gap began or ended.
    Gap(GapRow),
    /// A gap turned out to have no length: run, number.
    NoGap(i64, i64),
    /// A time map has a new version: run, piece.
    Piece(i64, TimeMapPiece),
}

/// Microseconds since 1970 as an instant.
pub fn instant(us: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(us).unwrap_or(if us < 0 {
        DateTime::<Utc>::MIN_UTC
    } else {
        DateTime::<Utc>::MAX_UTC
    })
}
