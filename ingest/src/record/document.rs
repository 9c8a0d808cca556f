//! The documents of a segment: its header (first `uuid` box of the file) and its manifest (beside the file, made when
//! it is closed). Both are canonical JSON (RFC 8785) of integers and texts only, so that a stranger can hash them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tillsight_schemas::segment::GapReason;
use tillsight_schemas::time_map::TimeMapPiece;

/// Version of the header.
pub const HEADER_VERSION: &str = "tillsight.segment-header.1";
/// Version of the manifest.
pub const MANIFEST_VERSION: &str = "tillsight.segment.1";

/// What a segment says about itself in its first bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`HEADER_VERSION`].
    pub v: String,
    /// The stream, `tenant/store/camera/kind`.
    pub stream: String,
    /// The run.
    pub run: i64,
    /// The number of the segment within its run, from 0.
    pub segment: i64,
    /// The number of its first fragment within the run.
    pub first_fragment: u64,
    /// The media time at which it begins, in 1/90000 s.
    pub first_pts: i64,
    /// When it begins as estimated when it was opened, in microseconds since 1970.
    pub start_us: i64,
    /// The chain head before its first fragment, hexadecimal.
    pub prev_head: String,
    /// SHA-256 of the manifest of the stream's segment before, hexadecimal; absent for the first.
    pub prev_manifest: Option<String>,
    /// Where the recording before ended, in microseconds since 1970; absent for the first of a stream.
    pub prev_end_us: Option<i64>,
    /// Why there is a gap before it; absent when it goes on where the segment before ended.
    pub gap: Option<GapReason>,
    /// The piece of the time map in force when it was opened.
    pub map: TimeMapPiece,
    /// Codec of the video, RFC 6381.
    pub codec: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Codec of the sound, RFC 6381; absent without sound.
    pub audio_codec: Option<String>,
}

/// A group of pictures in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gop {
    /// Decoding time of its key frame, in 1/90000 s.
    pub pts: i64,
    /// Its samples (video and sound), the leaves of its tree.
    pub units: u64,
    /// Its root, hexadecimal.
    pub root: String,
}

/// What a closed segment says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_VERSION`].
    pub v: String,
    /// The header, whole.
    pub header: Header,
    /// `closed` in order, or `recovered` after a crash.
    pub state: String,
    /// Name of the file.
    pub file: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// SHA-256 of the file, hexadecimal.
    pub file_sha256: String,
    /// Number of fragments.
    pub fragments: u64,
    /// Video samples.
    pub frames: u64,
    /// The media time after the last frame, in 1/90000 s.
    pub end_pts: i64,
    /// When it begins, by the time map below, in microseconds since 1970.
    pub start_us: i64,
    /// When it ends, by the time map below, in microseconds since 1970.
    pub end_us: i64,
    /// The chain head after its last fragment, hexadecimal.
    pub head: String,
    /// Its groups of pictures.
    pub gops: Vec<Gop>,
    /// The tree root over their roots, hexadecimal.
    pub gop_root: String,
    /// RTP packets lost within it.
    pub lost_packets: u64,
    /// The pieces of the run's time map known when it was closed that matter to it.
    pub map: Vec<TimeMapPiece>,
    /// What the clocks said while it was written.
    pub clocks: Vec<Reading>,
    /// Where the video came from: `live`.
    pub origin: String,
}

/// A clock reading in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// `arrival`, `sender_report` or `onvif`.
    pub source: String,
    /// The media time it speaks of, in 1/90000 s.
    pub pts: i64,
    /// What it said, in microseconds since 1970.
    pub utc_us: i64,
    /// When it was heard, in microseconds since 1970.
    pub heard_us: i64,
}

/// A document as canonical JSON: keys sorted, no white space (RFC 8785; our keys are ASCII and our numbers integers, so
/// its rules for other keys and numbers do not arise).
///
/// # Errors
/// When the document cannot be expressed as JSON, which no document of ours provokes.
pub fn canonical<T: Serialize>(document: &T) -> serde_json::Result<String> {
    let mut out = String::with_capacity(1_024);
    write(&serde_json::to_value(document)?, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut String) -> serde_json::Result<()> {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (at, (key, value)) in fields.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&serde_json::to_string(key)?);
                out.push(':');
                write(value, out)?;
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out)?;
            }
            out.push(']');
        }
        other => out.push_str(&serde_json::to_string(other)?),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value = serde_json::json!({"b": [{"z": 1, "a": "x\n\u{7f}ü"}], "a": null, "c": -5});
        assert_eq!(canonical(&value).unwrap(), "{\"a\":null,\"b\":[{\"a\":\"x\\n\u{7f}ü\",\"z\":1}],\"c\":-5}");
    }
}
