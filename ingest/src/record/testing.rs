//! Synthetic pictures for the tests of this module.

use std::sync::Arc;

use tillsight_schemas::segment::{ClockSource, StreamKey};
use tillsight_schemas::time_map::TimeMapPiece;

use crate::rtsp::format::ParameterSets;
use crate::rtsp::{AccessUnit, AudioFormat, RunStart, VideoCodec, VideoFormat};

pub(crate) fn key() -> StreamKey {
    "acme/17/till-1/main".parse().unwrap()
}

/// 640 by 360 pictures, constrained baseline.
pub(crate) fn format() -> Arc<VideoFormat> {
    let sps = [
        0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00,
        0x03, 0x00, 0x1e, 0x0f, 0x16, 0x2e, 0x48,
    ];
    let sets = ParameterSets { vps: Vec::new(), sps: sps.to_vec(), pps: vec![0x68, 0xcb, 0x83, 0xcb, 0x20] };
    Arc::new(sets.format(VideoCodec::H264).unwrap())
}

/// AAC-LC, 8 kHz, one channel.
pub(crate) fn sound() -> Arc<AudioFormat> {
    let mut entry = Vec::new();
    super::boxes::boxed(&mut entry, b"mp4a", |out| {
        out.extend_from_slice(&[
            0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 16, 0, 0, 0, 0, 0x1f, 0x40, 0, 0,
        ]);
        super::boxes::full(out, b"esds", 0, 0, |out| {
            out.extend_from_slice(&[
                3, 0x19, 0, 1, 0, 4, 0x11, 0x40, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 2, 0x15, 0x88,
            ]);
            out.extend_from_slice(&[6, 1, 2]);
        });
    });
    Arc::new(AudioFormat {
        rfc6381: "mp4a.40.2".to_owned(),
        clock_rate: 8_000,
        channels: 1,
        sample_entry: entry.into(),
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
