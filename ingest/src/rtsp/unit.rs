//! What a camera stream is made of once it has left RTP: access units, audio frames, metadata, clock readings.
//!
//! Video samples keep every NAL unit as it was received (parameter sets, SEI, delimiters), each with its length in
//! four bytes before it (ISO/IEC 14496-15 §5.3.2): the bytes that are hashed are the bytes that are stored. All media
//! times are relative to the first access unit of the run.

use std::sync::Arc;

use bytes::Bytes;
use tillsight_schemas::segment::{ClockSource, GapReason, StreamKey};
use tillsight_schemas::time_map::TimeMapPiece;

/// A video codec that can be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VideoCodec {
    /// H.264, ISO/IEC 14496-10: recorded and analysed.
    H264,
    /// H.265, ISO/IEC 23008-2: recorded whole, analysed through an H.264 sub-stream.
    H265,
}

/// How the video of a run is coded; changes within a run begin a new segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoFormat {
    /// The codec.
    pub codec: VideoCodec,
    /// The codec as in RFC 6381, e.g. `avc1.4D401E`.
    pub rfc6381: String,
    /// Width in pixels, after cropping.
    pub width: u32,
    /// Height in pixels, after cropping.
    pub height: u32,
    /// The sample entry box (`avc1` or `hvc1`), whole.
    pub sample_entry: Bytes,
    /// The parameter sets, each with its length in four bytes before it: what a decoder needs before the first key
    /// frame when the camera sends them only in the session description.
    pub parameter_sets: Bytes,
}

/// How the sound of a run is coded (AAC; it never changes within a run).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioFormat {
    /// The codec as in RFC 6381, e.g. `mp4a.40.2`.
    pub rfc6381: String,
    /// Ticks of its clock in a second.
    pub clock_rate: u32,
    /// Channels.
    pub channels: u16,
    /// The sample entry box (`mp4a`), whole.
    pub sample_entry: Bytes,
}

/// One picture.
#[derive(Debug, Clone)]
pub struct AccessUnit {
    /// Of which stream.
    pub stream: Arc<StreamKey>,
    /// Of which run.
    pub run: i64,
    /// Media time of its presentation, in 1/90000 s since the first access unit of the run.
    pub pts: i64,
    /// Whether decoding can begin here.
    pub key: bool,
    /// RTP packets lost since the access unit before.
    pub lost: u32,
    /// When its last packet arrived, by the recorder's clock, in microseconds since 1970.
    pub arrived_us: i64,
    /// When it was taken by the time map in force, in microseconds since 1970.
    pub utc_us: i64,
    /// How it is coded.
    pub format: Arc<VideoFormat>,
    /// Its NAL units, each with its length in four bytes before it.
    pub data: Bytes,
}

impl AccessUnit {
    /// Its bytes with start codes (ISO/IEC 14496-10 Annex B), parameter sets first when it is a key frame: what
    /// decoders of elementary streams take.
    pub fn to_annex_b(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.data.len() + self.format.parameter_sets.len());
        if self.key {
            append_annex_b(&self.format.parameter_sets, &mut out);
        }
        append_annex_b(&self.data, &mut out);
        out
    }
}

/// The NAL units of a sample; a length that runs over the end is the end.
pub fn nal_units(mut sample: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = sample.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let unit = rest.get(..length)?;
        sample = rest.get(length..)?;
        Some(unit)
    })
}

fn append_annex_b(sample: &[u8], out: &mut Vec<u8>) {
    for unit in nal_units(sample) {
        out.extend_from_slice(&[0, 0, 0, 1]);
        out.extend_from_slice(unit);
    }
}

/// One frame of sound.
#[derive(Debug, Clone)]
pub struct AudioFrame {
    /// Of which run.
    pub run: i64,
    /// Media time in ticks of the audio clock; 0 is the time of the run's first access unit.
    pub pts: i64,
    /// Its length in ticks of the audio clock.
    pub duration: u32,
    /// RTP packets lost before it.
    pub lost: u32,
    /// The raw frame, without ADTS.
    pub data: Bytes,
}

/// One message of an ONVIF metadata track (ONVIF Streaming Specification §5.2.1.1), undecoded.
#[derive(Debug, Clone)]
pub struct Metadata {
    /// Of which stream.
    pub stream: Arc<StreamKey>,
    /// Of which run.
    pub run: i64,
    /// Media time by the track's RTP clock, in 1/90000 s on the time line of the run's video.
    pub pts: i64,
    /// The same by the time map in force, in microseconds since 1970.
    pub utc_us: i64,
    /// When it arrived, in microseconds since 1970.
    pub arrived_us: i64,
    /// The document, as sent.
    pub xml: Bytes,
}

/// What another clock said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// Which clock.
    pub source: ClockSource,
    /// The media time it speaks of, in 1/90000 s since the first access unit of the run.
    pub pts: i64,
    /// What it said, in microseconds since 1970.
    pub utc_us: i64,
    /// When it was heard, by the recorder's clock, in microseconds since 1970.
    pub heard_us: i64,
}

/// The beginning of a run.
#[derive(Debug, Clone)]
pub struct RunStart {
    /// Its number: the microsecond (UTC) in which it began, always higher than the one before.
    pub run: i64,
    /// How its sound is coded, if there is sound.
    pub audio: Option<Arc<AudioFormat>>,
    /// The first piece of its time map.
    pub piece: TimeMapPiece,
}

/// What a reader hands to the recorder, in order.
#[derive(Debug, Clone)]
pub enum Item {
    /// A run begins; the next access unit is a key frame.
    Begin(RunStart),
    /// A picture of the run.
    Video(AccessUnit),
    /// A frame of sound of the run.
    Audio(AudioFrame),
    /// A clock was read.
    Clock(ClockReading),
    /// The time map of the run has a new version.
    Map(TimeMapPiece),
    /// The run is over, or the stream could not be reached: from here on there is a gap for this reason.
    End(GapReason),
}
