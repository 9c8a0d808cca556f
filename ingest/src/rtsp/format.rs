//! From parameter sets to a [`VideoFormat`]: size, codec name, sample entry (ISO/IEC 14496-15 §5.3.3 and §8.3.3).

use bytes::Bytes;

use super::bits::{Bits, rbsp};
use super::unit::{VideoCodec, VideoFormat};
use crate::record::boxes::{boxed, len32};

/// The parameter sets of a stream, as they were last received.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParameterSets {
    /// Video parameter set (H.265 only).
    pub vps: Vec<u8>,
    /// Sequence parameter set.
    pub sps: Vec<u8>,
    /// Picture parameter set.
    pub pps: Vec<u8>,
}

impl ParameterSets {
    /// The format they describe; `None` while one is missing or cannot be read.
    pub fn format(&self, codec: VideoCodec) -> Option<VideoFormat> {
        match codec {
            VideoCodec::H264 => h264(&self.sps, &self.pps),
            VideoCodec::H265 => h265(self),
        }
    }
}

struct Sps {
    width: u32,
    height: u32,
    chroma_format: u8,
    depth_luma: u8,
    depth_chroma: u8,
}

fn h264(sps: &[u8], pps: &[u8]) -> Option<VideoFormat> {
    if pps.is_empty() {
        return None;
    }
    let [_, profile, compatibility, level, ..] = *sps else { return None };
    let parsed = h264_sps(sps)?;
    let record = |out: &mut Vec<u8>| {
        out.extend_from_slice(&[1, profile, compatibility, level, 0xff, 0xe1]);
        put_set(out, sps);
        out.push(1);
        put_set(out, pps);
        if !matches!(profile, 66 | 77 | 88) {
            out.extend_from_slice(&[
                0xfc | parsed.chroma_format,
                0xf8 | parsed.depth_luma,
                0xf8 | parsed.depth_chroma,
                0,
            ]);
        }
    };
    Some(VideoFormat {
        codec: VideoCodec::H264,
        rfc6381: format!("avc1.{profile:02X}{compatibility:02X}{level:02X}"),
        width: parsed.width,
        height: parsed.height,
        sample_entry: sample_entry(b"avc1", b"avcC", &parsed, record),
        parameter_sets: prefixed([sps, pps]),
    })
}

/// Reads a sequence parameter set (ISO/IEC 14496-10 §7.3.2.1.1) as far as the cropping.
fn h264_sps(sps: &[u8]) -> Option<Sps> {
    let bytes = rbsp(sps, 1);
    let mut bits = Bits::new(&bytes);
    let profile = bits.u(8)?;
    bits.skip(16)?;
    bits.ue()?;
    let (mut chroma, mut separate, mut depth_luma, mut depth_chroma) = (1, false, 0, 0);
    if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135) {
        chroma = bits.ue()?;
        separate = chroma == 3 && bits.flag()?;
        depth_luma = bits.ue()?;
        depth_chroma = bits.ue()?;
        bits.flag()?;
        if bits.flag()? {
            for list in 0..if chroma == 3 { 12 } else { 8 } {
                if bits.flag()? {
                    scaling_list(&mut bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    bits.ue()?;
    match bits.ue()? {
        0 => {
            bits.ue()?;
        }
        1 => {
            bits.flag()?;
            bits.se()?;
            bits.se()?;
            for _ in 0..bits.ue()?.min(255) {
                bits.se()?;
            }
        }
        _ => {}
    }
    bits.ue()?;
    bits.flag()?;
    let width_mbs = bits.ue()?.checked_add(1)?;
    let height_units = bits.ue()?.checked_add(1)?;
    let frames_only = bits.flag()?;
    if !frames_only {
        bits.flag()?;
    }
    bits.flag()?;
    let field_factor = if frames_only { 1 } else { 2 };
    let (mut crop_x, mut crop_y) = (0, 0);
    if bits.flag()? {
        let (left, right, top, bottom) = (bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?);
        let chroma = if separate { 0 } else { chroma };
        let unit_x = if matches!(chroma, 1 | 2) { 2 } else { 1 };
        let unit_y = field_factor * if chroma == 1 { 2 } else { 1 };
        crop_x = left.checked_add(right)?.checked_mul(unit_x)?;
        crop_y = top.checked_add(bottom)?.checked_mul(unit_y)?;
    }
    Some(Sps {
        width: width_mbs.checked_mul(16)?.checked_sub(crop_x)?,
        height: height_units.checked_mul(16)?.checked_mul(field_factor)?.checked_sub(crop_y)?,
        chroma_format: u8::try_from(chroma & 3).ok()?,
        depth_luma: u8::try_from(depth_luma & 7).ok()?,
        depth_chroma: u8::try_from(depth_chroma & 7).ok()?,
    })
}

fn scaling_list(bits: &mut Bits<'_>, size: usize) -> Option<()> {
    let (mut last, mut next) = (8, 8);
    for _ in 0..size {
        if next != 0 {
            next = (last + bits.se()? + 256) % 256;
        }
        last = if next == 0 { last } else { next };
    }
    Some(())
}

fn h265(sets: &ParameterSets) -> Option<VideoFormat> {
    if sets.vps.is_empty() || sets.pps.is_empty() {
        return None;
    }
    let bytes = rbsp(&sets.sps, 2);
    // Profile, tier, level: twelve whole bytes after the first (ISO/IEC 23008-2 §7.3.3).
    let general: [u8; 12] = bytes.get(1..13)?.try_into().ok()?;
    let mut bits = Bits::new(&bytes);
    bits.skip(4)?;
    let sub_layers = bits.u(3)?;
    let nested = bits.flag()?;
    bits.skip(96)?;
    let present: Vec<(bool, bool)> =
        (0..sub_layers).map(|_| Some((bits.flag()?, bits.flag()?))).collect::<Option<_>>()?;
    if sub_layers > 0 {
        bits.skip(2 * (8 - usize::try_from(sub_layers).ok()?))?;
    }
    for (profile, level) in present {
        bits.skip(if profile { 88 } else { 0 } + if level { 8 } else { 0 })?;
    }
    bits.ue()?;
    let chroma = bits.ue()?;
    if chroma == 3 {
        bits.flag()?;
    }
    let (mut width, mut height) = (bits.ue()?, bits.ue()?);
    if bits.flag()? {
        let (left, right, top, bottom) = (bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?);
        let unit_x = if matches!(chroma, 1 | 2) { 2 } else { 1 };
        let unit_y = if chroma == 1 { 2 } else { 1 };
        width = width.checked_sub(left.checked_add(right)?.checked_mul(unit_x)?)?;
        height = height.checked_sub(top.checked_add(bottom)?.checked_mul(unit_y)?)?;
    }
    let parsed = Sps {
        width,
        height,
        chroma_format: u8::try_from(chroma & 3).ok()?,
        depth_luma: u8::try_from(bits.ue()? & 7).ok()?,
        depth_chroma: u8::try_from(bits.ue()? & 7).ok()?,
    };
    let layers = u8::try_from(sub_layers + 1).ok()?;
    let record = |out: &mut Vec<u8>| {
        out.push(1);
        out.extend_from_slice(&general);
        out.extend_from_slice(&[0xf0, 0, 0xfc, 0xfc | parsed.chroma_format]);
        out.extend_from_slice(&[0xf8 | parsed.depth_luma, 0xf8 | parsed.depth_chroma, 0, 0]);
        // Constant frame rate unknown, number of sub-layers, nesting, lengths of four bytes; three arrays follow.
        out.extend_from_slice(&[layers << 3 | u8::from(nested) << 2 | 3, 3]);
        for (kind, set) in [(32, &sets.vps), (33, &sets.sps), (34, &sets.pps)] {
            // Not "complete": the same sets may stand in the samples too.
            out.extend_from_slice(&[kind, 0, 1]);
            put_set(out, set);
        }
    };
    Some(VideoFormat {
        codec: VideoCodec::H265,
        rfc6381: h265_name(&general),
        width: parsed.width,
        height: parsed.height,
        // `hev1`: parameter sets may stand in the samples, as they do when they are kept.
        sample_entry: sample_entry(b"hev1", b"hvcC", &parsed, record),
        parameter_sets: prefixed([&sets.vps[..], &sets.sps[..], &sets.pps[..]]),
    })
}

/// The codec name of ISO/IEC 14496-15 §E.3: profile, compatibility (bits reversed), tier and level, constraints.
fn h265_name(general: &[u8; 12]) -> String {
    let [first, c0, c1, c2, c3, constraints @ .., level] = general;
    let space = match first >> 6 {
        0 => "",
        1 => "A",
        2 => "B",
        _ => "C",
    };
    let tier = if first >> 5 & 1 == 1 { 'H' } else { 'L' };
    let compatibility = u32::from_be_bytes([*c0, *c1, *c2, *c3]).reverse_bits();
    let used = constraints.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let rest: String = constraints.iter().take(used).map(|byte| format!(".{byte:X}")).collect();
    format!("hev1.{space}{}.{compatibility:X}.{tier}{level}{rest}", first & 31)
}

fn sample_entry(kind: &[u8; 4], record_kind: &[u8; 4], sps: &Sps, record: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let side = |pixels: u32| u16::try_from(pixels).unwrap_or(u16::MAX).to_be_bytes();
    let mut out = Vec::with_capacity(192);
    boxed(&mut out, kind, |out| {
        // SampleEntry and VisualSampleEntry (ISO/IEC 14496-12 §8.5.2.2, §12.1.3.2).
        out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1]);
        out.extend_from_slice(&[0; 16]);
        out.extend_from_slice(&side(sps.width));
        out.extend_from_slice(&side(sps.height));
        out.extend_from_slice(&[0, 0x48, 0, 0, 0, 0x48, 0, 0, 0, 0, 0, 0, 0, 1]);
        out.extend_from_slice(&[0; 32]);
        out.extend_from_slice(&[0, 0x18, 0xff, 0xff]);
        boxed(out, record_kind, record);
    });
    out.into()
}

fn put_set(out: &mut Vec<u8>, set: &[u8]) {
    out.extend_from_slice(&u16::try_from(set.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(set);
}

fn prefixed<'a>(sets: impl IntoIterator<Item = &'a [u8]>) -> Bytes {
    let mut out = Vec::new();
    for set in sets {
        out.extend_from_slice(&len32(set.len()).to_be_bytes());
        out.extend_from_slice(set);
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    // x264, 640x360, constrained baseline, and x265, 320x180, main (made with ffmpeg's encoders).
    #[test]
    fn a_baseline_stream_of_640_by_360_is_read() {
        let sps = [
            0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00,
            0x03, 0x00, 0x1e, 0x0f, 0x16, 0x2e, 0x48,
        ];
        let sets = ParameterSets { vps: Vec::new(), sps: sps.to_vec(), pps: vec![0x68, 0xcb, 0x83, 0xcb, 0x20] };
        let format = sets.format(VideoCodec::H264).unwrap();
        assert_eq!((format.width, format.height), (640, 360));
        assert_eq!(format.rfc6381, "avc1.42C01E");
        use mp4_atom::Decode as _;
        let entry = mp4_atom::Avc1::decode(&mut &format.sample_entry[..]).unwrap();
        assert_eq!(entry.avcc.sequence_parameter_sets, [sps.to_vec()]);
    }

    #[test]
    fn sets_that_end_early_are_no_format() {
        for length in 0..20 {
            let sps = vec![0x67, 0x64, 0x00, 0x28].into_iter().chain(vec![0xff; length]).collect();
            let sets = ParameterSets { vps: vec![1], sps, pps: vec![0x68] };
            sets.format(VideoCodec::H264);
            sets.format(VideoCodec::H265);
        }
    }
}
