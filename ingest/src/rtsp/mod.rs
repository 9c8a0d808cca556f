//! Cameras over RTSP (RFC 2326): one task a stream, which never gives up.
//!
//! [`StreamReader`] connects, puts access units together ([`h26x`], [`aac`]: without touching a byte of them), says when
//! each was taken ([`timeline`]) and hands everything to its [`Outlets`]: to the recorder whatever it takes, to those who
//! look as far as they keep up. A connection without pictures for a while is given up and made again.

pub mod aac;
pub mod bits;
mod config;
mod fanout;
pub mod format;
pub mod h26x;
mod probe;
mod reader;
mod session;
mod state;
pub mod timeline;
pub mod unit;

pub use config::{StreamConfig, Transport};
pub use fanout::{Outlets, Tap};
pub use probe::{ProbeError, Probed, probe};
pub use reader::StreamReader;
pub use state::{Phase, StreamState};
pub use unit::{AccessUnit, AudioFormat, AudioFrame, ClockReading, Item, Metadata, RunStart, VideoCodec, VideoFormat};

fn labels(key: &tillsight_schemas::segment::StreamKey) -> [(&'static str, String); 3] {
    [
        ("store", key.store.as_str().to_owned()),
        ("camera", key.camera.as_str().to_owned()),
        ("stream", key.kind.as_str().to_owned()),
    ]
}
