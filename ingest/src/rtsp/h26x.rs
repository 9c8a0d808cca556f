//! From RTP packets to access units: H.264 (RFC 6184) and H.265 (RFC 7798), without touching a byte of a NAL unit.
//!
//! The depacketiser of the RTSP library drops parameter sets that stand among the pictures and puts its own copy in
//! their place; evidence needs what the camera sent, so this one keeps all of it.

use std::sync::Arc;

use bytes::Bytes;

use super::format::ParameterSets;
use super::unit::{VideoCodec, VideoFormat};
use crate::record::boxes::len32;

/// An access unit larger than this is given up.
const MAX_UNIT: usize = 16 << 20;

/// What of an RTP packet matters here.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// The time stamp, unwrapped.
    pub timestamp: i64,
    /// The marker bit: the last packet of an access unit.
    pub mark: bool,
    /// Packets lost before it.
    pub lost: u32,
    /// The payload.
    pub payload: &'a [u8],
}

/// An access unit that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assembled {
    /// Its RTP time stamp, unwrapped.
    pub timestamp: i64,
    /// Whether decoding can begin here.
    pub key: bool,
    /// Packets lost since the one before.
    pub lost: u32,
    /// Its NAL units, each with its length in four bytes before it.
    pub data: Bytes,
}

/// Puts access units together.
#[derive(Debug)]
pub struct Assembler {
    codec: VideoCodec,
    sets: ParameterSets,
    format: Option<Arc<VideoFormat>>,
    current: Option<Current>,
    /// The time stamp of an access unit that is damaged and is passed over.
    skipped: Option<i64>,
    lost: u32,
}

#[derive(Debug)]
struct Current {
    timestamp: i64,
    data: Vec<u8>,
    /// Where the length of the NAL unit in fragments begins, while there is one.
    fragmented: Option<usize>,
    has_picture: bool,
    key: bool,
}

enum Kind {
    Picture { key: bool },
    Vps,
    Sps,
    Pps,
    Other,
}

impl Assembler {
    /// Begins with the parameter sets of the session description, as far as it has them.
    pub fn new(codec: VideoCodec, sets: ParameterSets) -> Self {
        let format = sets.format(codec).map(Arc::new);
        Self { codec, sets, format, current: None, skipped: None, lost: 0 }
    }

    /// The format in force; `None` until parameter sets were seen.
    pub fn format(&self) -> Option<&Arc<VideoFormat>> {
        self.format.as_ref()
    }

    /// Takes in a packet, in order; returns the access units that it completes (mostly none or one).
    pub fn push(&mut self, packet: Packet<'_>) -> Vec<Assembled> {
        let mut done = Vec::new();
        if packet.lost > 0 {
            self.lost = self.lost.saturating_add(packet.lost);
            // What was begun may lack a part; so may what this packet belongs to, unless it begins a NAL unit.
            if let Some(current) = self.current.take() {
                self.skipped = Some(current.timestamp);
            }
        }
        if self.skipped == Some(packet.timestamp) {
            if packet.mark {
                self.skipped = None;
            }
            return done;
        }
        self.skipped = None;
        match &mut self.current {
            Some(current) if current.timestamp != packet.timestamp => {
                if current.has_picture {
                    // The marker of the access unit before was missing.
                    done.extend(self.finish());
                } else {
                    // Parameter sets alone, with a time stamp of their own: they belong to what follows.
                    current.timestamp = packet.timestamp;
                }
            }
            _ => {}
        }
        if self.unpack(packet).is_none() {
            self.current = None;
            self.skipped = (!packet.mark).then_some(packet.timestamp);
            self.lost = self.lost.saturating_add(1);
            return done;
        }
        if packet.mark
            && self.current.as_ref().is_some_and(|current| current.has_picture && current.fragmented.is_none())
        {
            done.extend(self.finish());
        }
        done
    }

    /// The NAL units of a packet; `None` when it makes no sense.
    fn unpack(&mut self, packet: Packet<'_>) -> Option<()> {
        let payload = packet.payload;
        let first = *payload.first()?;
        match self.codec {
            VideoCodec::H264 => match first & 31 {
                1..=23 => self.whole(packet.timestamp, payload),
                24 => self.aggregated(packet.timestamp, payload.get(1..)?),
                28 => {
                    let fu = *payload.get(1)?;
                    let header = [first & 0xe0 | fu & 31];
                    self.fragment(packet.timestamp, fu, &header, payload.get(2..)?)
                }
                _ => None,
            },
            VideoCodec::H265 => match first >> 1 & 63 {
                0..=47 => self.whole(packet.timestamp, payload),
                48 => self.aggregated(packet.timestamp, payload.get(2..)?),
                49 => {
                    let fu = *payload.get(2)?;
                    let header = [first & 0x81 | (fu & 63) << 1, *payload.get(1)?];
                    self.fragment(packet.timestamp, fu, &header, payload.get(3..)?)
                }
                _ => None,
            },
        }
    }

    fn whole(&mut self, timestamp: i64, nal: &[u8]) -> Option<()> {
        if self.current(timestamp).fragmented.is_some() {
            return None;
        }
        // Some cameras put several NAL units with start codes into one; a start code cannot occur inside of one.
        let mut rest = nal;
        while let Some(at) =
            rest.get(..rest.len().min(256)).and_then(|head| head.windows(3).position(|w| w == [0, 0, 1]))
        {
            let before = rest.get(..at)?;
            let end = before.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            if end > 0 {
                self.add(timestamp, before.get(..end)?)?;
            }
            rest = rest.get(at + 3..)?;
        }
        self.add(timestamp, rest)
    }

    fn add(&mut self, timestamp: i64, nal: &[u8]) -> Option<()> {
        let current = self.current(timestamp);
        if current.data.len() + nal.len() > MAX_UNIT {
            return None;
        }
        current.data.extend_from_slice(&len32(nal.len()).to_be_bytes());
        current.data.extend_from_slice(nal);
        self.note(nal);
        Some(())
    }

    fn aggregated(&mut self, timestamp: i64, mut rest: &[u8]) -> Option<()> {
        while let Some((length, tail)) = rest.split_first_chunk::<2>() {
            let length = usize::from(u16::from_be_bytes(*length));
            let nal = tail.get(..length).filter(|nal| !nal.is_empty())?;
            self.whole(timestamp, nal)?;
            rest = tail.get(length..)?;
        }
        rest.is_empty().then_some(())
    }

    /// A part of a NAL unit; `fu` holds the start bit (0x80) and the end bit (0x40).
    fn fragment(&mut self, timestamp: i64, fu: u8, header: &[u8], part: &[u8]) -> Option<()> {
        let current = self.current(timestamp);
        if fu & 0x80 != 0 {
            if current.fragmented.is_some() {
                return None;
            }
            current.fragmented = Some(current.data.len());
            current.data.extend_from_slice(&[0; 4]);
            current.data.extend_from_slice(header);
        }
        let start = current.fragmented?;
        if current.data.len() + part.len() > MAX_UNIT {
            return None;
        }
        current.data.extend_from_slice(part);
        if fu & 0x40 != 0 {
            current.fragmented = None;
            let length = len32(current.data.len() - start - 4);
            current.data.get_mut(start..start + 4)?.copy_from_slice(&length.to_be_bytes());
            let nal = current.data.get(start + 4..)?;
            // Parameter sets are small; only they are looked at as a whole.
            let nal = nal.get(..nal.len().min(4_096)).unwrap_or_default().to_vec();
            self.note(&nal);
        }
        Some(())
    }

    fn current(&mut self, timestamp: i64) -> &mut Current {
        self.current.get_or_insert_with(|| Current {
            timestamp,
            data: Vec::with_capacity(16 << 10),
            fragmented: None,
            has_picture: false,
            key: false,
        })
    }

    fn note(&mut self, nal: &[u8]) {
        let set = match kind(self.codec, nal) {
            Kind::Picture { key } => {
                if let Some(current) = &mut self.current {
                    current.has_picture = true;
                    current.key |= key;
                }
                return;
            }
            Kind::Vps => &mut self.sets.vps,
            Kind::Sps => &mut self.sets.sps,
            Kind::Pps => &mut self.sets.pps,
            Kind::Other => return,
        };
        if set != nal {
            *set = nal.to_vec();
            // The sets of a change come one by one; the format counts when the picture does.
            if let Some(format) = self.sets.format(self.codec)
                && self.format.as_deref() != Some(&format)
            {
                self.format = Some(Arc::new(format));
            }
        }
    }

    fn finish(&mut self) -> Option<Assembled> {
        let current = self.current.take()?;
        if current.fragmented.is_some() {
            self.lost = self.lost.saturating_add(1);
            return None;
        }
        let lost = std::mem::take(&mut self.lost);
        Some(Assembled { timestamp: current.timestamp, key: current.key, lost, data: current.data.into() })
    }
}

fn kind(codec: VideoCodec, nal: &[u8]) -> Kind {
    let Some(first) = nal.first() else { return Kind::Other };
    match codec {
        VideoCodec::H264 => match first & 31 {
            5 => Kind::Picture { key: true },
            1..=4 => Kind::Picture { key: false },
            7 => Kind::Sps,
            8 => Kind::Pps,
            _ => Kind::Other,
        },
        VideoCodec::H265 => match first >> 1 & 63 {
            // Intra random access points (ISO/IEC 23008-2 §7.4.2.2).
            16..=23 => Kind::Picture { key: true },
            0..=31 => Kind::Picture { key: false },
            32 => Kind::Vps,
            33 => Kind::Sps,
            34 => Kind::Pps,
            _ => Kind::Other,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(timestamp: i64, mark: bool, payload: &[u8]) -> Packet<'_> {
        Packet { timestamp, mark, lost: 0, payload }
    }

    fn h264() -> Assembler {
        Assembler::new(VideoCodec::H264, ParameterSets::default())
    }

    #[test]
    fn every_nal_unit_is_kept_as_it_was_sent() {
        let mut assembler = h264();
        // Delimiter; SPS and PPS together; SEI; a picture in three parts.
        assert!(assembler.push(packet(7, false, &[9, 0x10])).is_empty());
        assert!(assembler.push(packet(7, false, &[24, 0, 2, 0x67, 1, 0, 2, 0x68, 2])).is_empty());
        assert!(assembler.push(packet(7, false, &[6, 5, 4])).is_empty());
        assert!(assembler.push(packet(7, false, &[0x7c, 0x85, 1, 2])).is_empty());
        assert!(assembler.push(packet(7, false, &[0x7c, 0x05, 3])).is_empty());
        let done = assembler.push(packet(7, true, &[0x7c, 0x45, 4]));
        let expect = [
            0, 0, 0, 2, 9, 0x10, 0, 0, 0, 2, 0x67, 1, 0, 0, 0, 2, 0x68, 2, 0, 0, 0, 3, 6, 5, 4, 0, 0, 0, 5, 0x65, 1, 2,
            3, 4,
        ];
        assert_eq!(done, [Assembled { timestamp: 7, key: true, lost: 0, data: Bytes::copy_from_slice(&expect) }]);
    }

    #[test]
    fn a_lost_packet_costs_its_picture_and_is_counted() {
        let mut assembler = h264();
        assembler.push(packet(1, false, &[0x7c, 0x85, 1]));
        assert!(assembler.push(Packet { lost: 1, ..packet(1, false, &[0x7c, 0x05, 3]) }).is_empty());
        assert!(assembler.push(packet(1, true, &[0x7c, 0x45, 3])).is_empty());
        let done = assembler.push(packet(2, true, &[0x41, 9]));
        assert_eq!((done.len(), done[0].lost, done[0].timestamp), (1, 1, 2));
        // The beginning of a picture is lost: the rest of it cannot be used.
        assert!(assembler.push(Packet { lost: 2, ..packet(3, false, &[0x7c, 0x05, 3]) }).is_empty());
        assert!(assembler.push(packet(3, true, &[0x7c, 0x45, 3])).is_empty());
        let done = assembler.push(packet(4, true, &[0x41, 9]));
        assert_eq!((done[0].timestamp, done[0].lost), (4, 3));
    }

    #[test]
    fn a_missing_marker_ends_with_the_next_time_stamp() {
        let mut assembler = h264();
        assert!(assembler.push(packet(1, false, &[0x41, 1])).is_empty());
        assert!(assembler.push(packet(2, true, &[0x41, 2])).len() == 2);
        // A marker after parameter sets alone does not end an access unit.
        assert!(assembler.push(packet(3, true, &[0x67, 1])).is_empty());
        assert_eq!(assembler.push(packet(4, true, &[0x65, 1]))[0].data.len(), 12);
    }

    #[test]
    fn start_codes_inside_a_packet_are_resolved() {
        let mut assembler = h264();
        let done = assembler.push(packet(1, true, &[0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 3]));
        assert_eq!(done[0].data[..], [0, 0, 0, 2, 0x67, 1, 0, 0, 0, 2, 0x68, 2, 0, 0, 0, 2, 0x65, 3]);
    }

    #[test]
    fn h265_fragments_get_their_header_back() {
        let mut assembler = Assembler::new(VideoCodec::H265, ParameterSets::default());
        assert!(assembler.push(packet(1, false, &[49 << 1, 1, 0x80 | 19, 7])).is_empty());
        let done = assembler.push(packet(1, true, &[49 << 1, 1, 0x40 | 19, 8]));
        assert_eq!(done[0].data[..], [0, 0, 0, 4, 19 << 1, 1, 7, 8]);
        assert!(done[0].key);
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_a_camera_sends_is_more_than_a_lost_picture(
            h265: bool,
            packets in proptest::collection::vec(
                (0_i64..4, proptest::bool::ANY, 0_u32..2, proptest::collection::vec(proptest::num::u8::ANY, 0..24)),
                0..40,
            ),
        ) {
            let codec = if h265 { VideoCodec::H265 } else { VideoCodec::H264 };
            let mut assembler = Assembler::new(codec, ParameterSets::default());
            for (timestamp, mark, lost, payload) in &packets {
                for unit in assembler.push(Packet { timestamp: *timestamp, mark: *mark, lost: *lost, payload }) {
                    let whole: usize = crate::rtsp::unit::nal_units(&unit.data).map(|nal| nal.len() + 4).sum();
                    proptest::prop_assert_eq!(whole, unit.data.len());
                }
            }
        }
    }
}
