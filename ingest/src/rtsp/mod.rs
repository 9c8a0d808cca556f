//! Cameras over RTSP.

pub mod unit;

pub use unit::{
    AccessUnit, AudioFormat, AudioFrame, ClockReading, Item, Metadata, RunStart, VideoCodec, VideoFormat,
};
