//! From RTP packets to frames of AAC (RFC 3640 §3.3.6, mode AAC-hbr: sizes of 13 bits, indices of 3).

use bytes::Bytes;

use super::h26x::Packet;

/// A frame larger than this is given up (ISO/IEC 14496-3: 6144 bits a channel, with room).
const MAX_FRAME: usize = 8_191;

/// Puts frames of sound together.
#[derive(Debug)]
pub struct AacAssembler {
    frame_length: u32,
    partial: Option<(i64, usize, Vec<u8>)>,
    lost: u32,
}

/// A frame that is whole: its RTP time stamp, the packets lost before it, its bytes.
pub type AacFrame = (i64, u32, Bytes);

impl AacAssembler {
    /// Frames of so many ticks each.
    pub fn new(frame_length: u32) -> Self {
        Self { frame_length, partial: None, lost: 0 }
    }

    /// Ticks in a frame.
    pub fn frame_length(&self) -> u32 {
        self.frame_length
    }

    /// Takes in a packet, in order, and returns the frames that it completes.
    pub fn push(&mut self, packet: Packet<'_>) -> Vec<AacFrame> {
        if packet.lost > 0 {
            self.partial = None;
            self.lost = self.lost.saturating_add(packet.lost);
        }
        let mut done = Vec::new();
        if self.unpack(packet, &mut done).is_none() {
            self.partial = None;
            self.lost = self.lost.saturating_add(1);
        }
        done
    }

    fn unpack(&mut self, packet: Packet<'_>, done: &mut Vec<AacFrame>) -> Option<()> {
        let (bits, rest) = packet.payload.split_first_chunk::<2>()?;
        let headers = usize::from(u16::from_be_bytes(*bits)).div_ceil(8);
        let sizes = rest.get(..headers)?;
        let mut data = rest.get(headers..)?;
        let mut timestamp = packet.timestamp;
        for header in sizes.chunks_exact(2) {
            let size = usize::from(u16::from_be_bytes(header.try_into().ok()?) >> 3);
            if size > data.len() {
                // A frame in several packets: each says the size of the whole.
                return (headers == 2).then(|| self.part(timestamp, size, data, done)).flatten();
            }
            if let Some((_, whole, _)) = &self.partial
                && *whole == size
                && headers == 2
            {
                return self.part(timestamp, size, data, done);
            }
            done.push((timestamp, std::mem::take(&mut self.lost), Bytes::copy_from_slice(data.get(..size)?)));
            data = data.get(size..)?;
            timestamp += i64::from(self.frame_length);
        }
        Some(())
    }

    fn part(&mut self, timestamp: i64, size: usize, data: &[u8], done: &mut Vec<AacFrame>) -> Option<()> {
        if size > MAX_FRAME {
            return None;
        }
        let (at, whole, mut bytes) = self.partial.take().unwrap_or((timestamp, size, Vec::new()));
        if at != timestamp || whole != size || bytes.len() + data.len() > size {
            return None;
        }
        bytes.extend_from_slice(data);
        if bytes.len() == size {
            done.push((timestamp, std::mem::take(&mut self.lost), bytes.into()));
        } else {
            self.partial = Some((at, whole, bytes));
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_frames_of_one_packet_and_one_of_two_packets_are_found() {
        let mut assembler = AacAssembler::new(1_024);
        let packet = |timestamp, payload| Packet { timestamp, mark: true, lost: 0, payload };
        let frames = assembler.push(packet(0, &[0, 32, 0, 2 << 3, 0, 3 << 3, 1, 2, 3, 4, 5]));
        let bytes = |data: &'static [u8]| Bytes::from_static(data);
        assert_eq!(frames, [(0, 0, bytes(&[1, 2])), (1_024, 0, bytes(&[3, 4, 5]))]);
        assert!(assembler.push(packet(2_048, &[0, 16, 0, 4 << 3, 1, 2, 3])).is_empty());
        assert_eq!(assembler.push(packet(2_048, &[0, 16, 0, 4 << 3, 4])), [(2_048, 0, bytes(&[1, 2, 3, 4]))]);
    }
}
