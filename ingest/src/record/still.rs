//! [`Still`]: what a decoder needs to show the picture at an instant.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::error::Result;
use super::rows::instant;
use super::select::Selection;
use crate::rtsp::unit::nal_units;

/// The last picture of a selection and all that it depends on.
#[derive(Debug, Clone)]
pub struct Still {
    /// When it was taken.
    pub at: DateTime<Utc>,
    /// Codec, RFC 6381.
    pub codec: String,
    /// Access units with start codes (ISO/IEC 14496-10 Annex B), from the key frame on, parameter sets first; the last
    /// is the picture.
    pub units: Vec<Bytes>,
}

impl Still {
    /// Reads the pictures from the key frame to the last picture of a selection; blocks on the disk.
    ///
    /// # Errors
    /// [`super::Error::Disk`], [`super::Error::NoVideo`].
    pub fn read(selection: &Selection) -> Result<Self> {
        let none = || super::Error::NoVideo {
            stream: selection.key.to_string(),
            from: selection.span.start(),
            to: selection.span.end(),
        };
        let part = selection.parts.iter().rfind(|part| !part.needed.is_empty()).ok_or_else(none)?;
        let samples: Vec<_> = part.needed().collect();
        let key = samples.iter().rposition(|sample| sample.key).unwrap_or(0);
        let last = samples.last().ok_or_else(none)?;
        let mut units = Vec::new();
        for (at, sample) in samples.iter().enumerate().skip(key) {
            let data = part.file.read(sample.offset, sample.offset + u64::from(sample.size))?;
            let mut unit = Vec::with_capacity(data.len() + 64);
            if at == key {
                for set in parameter_sets(&part.file.video.sample_entry) {
                    unit.extend_from_slice(&[0, 0, 0, 1]);
                    unit.extend_from_slice(set);
                }
            }
            for nal in nal_units(&data) {
                unit.extend_from_slice(&[0, 0, 0, 1]);
                unit.extend_from_slice(nal);
            }
            units.push(unit.into());
        }
        let codec = part.file.header.codec.clone();
        Ok(Self { at: instant(part.utc_us(last.pts)), codec, units })
    }
}

/// The parameter sets in an `avc1` sample entry (ISO/IEC 14496-15 §5.3.3.1); none for other codecs.
fn parameter_sets(entry: &[u8]) -> Vec<&[u8]> {
    fn sets<'a>(mut rest: &'a [u8], found: &mut Vec<&'a [u8]>, count: u8) -> Option<&'a [u8]> {
        for _ in 0..count {
            let (length, tail) = rest.split_first_chunk::<2>()?;
            let length = usize::from(u16::from_be_bytes(*length));
            found.push(tail.get(..length)?);
            rest = tail.get(length..)?;
        }
        Some(rest)
    }
    let mut found = Vec::new();
    // Box header 8, visual sample entry 78, box header 8, version, profile, compatibility, level, length size.
    if entry.get(4..8) != Some(b"avc1") || entry.get(90..94) != Some(b"avcC") {
        return found;
    }
    if let Some((count, rest)) = entry.get(99..).and_then(<[u8]>::split_first)
        && let Some(rest) = sets(rest, &mut found, count & 31)
        && let Some((count, rest)) = rest.split_first()
        && sets(rest, &mut found, *count).is_none()
    {
        found.clear();
    }
    found
}
