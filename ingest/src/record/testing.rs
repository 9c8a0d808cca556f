//! Synthetic pictures for the tests of this module.

use std::sync::Arc;

use bytes::Bytes;
use tillsight_schemas::segment::{ClockSource, StreamKey};
use tillsight_schemas::time_map::TimeMapPiece;

use crate::rtsp::{AccessUnit, RunStart, VideoCodec, VideoFormat};

pub(crate) fn key() -> StreamKey {
    "acme/17/till-1/main".parse().unwrap()
}

pub(crate) fn format() -> Arc<VideoFormat> {
    let mut entry = Vec::new();
    super::boxes::boxed(&mut entry, b"avc1", |out| out.extend_from_slice(&[0; 78]));
    Arc::new(VideoFormat {
        codec: VideoCodec::H264,
        rfc6381: "avc1.42C01E".to_owned(),
        width: 640,
        height: 360,
        sample_entry: entry.into(),
        parameter_sets: Bytes::new(),
    })
}

pub(crate) fn unit(run: i64, pts: i64, is_key: bool) -> AccessUnit {
    let mut data = vec![0, 0, 0, 12, if is_key { 0x65 } else { 0x41 }, 0, 0];
    data.extend_from_slice(&pts.to_be_bytes());
    data.push(0x80);
    let utc_us = run + pts * 100 / 9;
    AccessUnit {
        stream: Arc::new(key()),
        run,
        pts,
        key: is_key,
        lost: 0,
        arrived_us: utc_us,
        utc_us,
        format: format(),
        data: data.into(),
    }
}

/// A run that begins at the microsecond of its number.
pub(crate) fn start(run: i64) -> RunStart {
    let piece = TimeMapPiece {
        version: 1,
        from_pts: 0,
        utc_us: run,
        rate_ppb: 0,
        source: ClockSource::Arrival,
        uncertainty_us: 100_000,
        made_at_us: run,
    };
    RunStart { run, audio: None, piece }
}
