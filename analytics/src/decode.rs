//! [`PictureDecoder`]: H.264 (ISO/IEC 14496-10 Annex B) to pictures, through openh264.
//!
//! A decoder belongs to one run of one stream. After an error, or after a picture was left out, it goes on at the next
//! key frame: between, it would show grey smears that are no evidence of anything.

use openh264::decoder::Decoder;
use openh264::formats::YUVSource as _;

use crate::error::{Error, Result};
use crate::picture::Picture;

/// Decodes the access units of a run in order.
pub struct PictureDecoder {
    decoder: Option<Decoder>,
}

impl std::fmt::Debug for PictureDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PictureDecoder").field("running", &self.decoder.is_some()).finish()
    }
}

impl Default for PictureDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl PictureDecoder {
    /// A decoder that waits for a key frame.
    pub fn new() -> Self {
        Self { decoder: None }
    }

    /// Forgets everything: pictures were left out, or another run begins.
    pub fn reset(&mut self) {
        self.decoder = None;
    }

    /// Whether it waits for a key frame.
    pub fn waits(&self) -> bool {
        self.decoder.is_none()
    }

    /// Takes an access unit with start codes, parameter sets before a key frame. The picture is copied out only when
    /// it is `wanted`: most pictures are decoded for those that come after them.
    ///
    /// # Errors
    /// [`Error::Decode`]; the next key frame is waited for.
    pub fn decode(&mut self, unit: &[u8], key: bool, wanted: bool) -> Result<Option<Picture>> {
        if !key && self.decoder.is_none() {
            return Ok(None);
        }
        let mut decoder = match self.decoder.take() {
            Some(decoder) => decoder,
            None => Decoder::new().map_err(Error::Decode)?,
        };
        let picture = match decoder.decode(unit).map_err(Error::Decode)? {
            Some(decoded) if wanted => {
                let (width, height) = decoded.dimensions();
                let (luma_stride, blue_stride, red_stride) = decoded.strides();
                let plane = |bytes: &[u8], stride: usize, width: usize, height: usize| {
                    let rows = bytes.chunks(stride.max(1)).take(height);
                    rows.flat_map(|row| row.iter().take(width)).copied().collect::<Vec<u8>>()
                };
                Picture::new(
                    width,
                    height,
                    plane(decoded.y(), luma_stride, width, height),
                    plane(decoded.u(), blue_stride, width / 2, height / 2),
                    plane(decoded.v(), red_stride, width / 2, height / 2),
                )
            }
            _ => None,
        };
        self.decoder = Some(decoder);
        Ok(picture)
    }
}

#[cfg(test)]
mod tests {
    use openh264::encoder::Encoder;
    use openh264::formats::YUVBuffer;

    use super::*;

    #[test]
    fn what_was_encoded_comes_back() {
        let mut planes = vec![90_u8; 64 * 64];
        planes.extend([128; 64 * 64 / 2]);
        let coded = Encoder::new().unwrap().encode(&YUVBuffer::from_vec(planes, 64, 64)).unwrap().to_vec();
        let mut decoder = PictureDecoder::new();
        assert!(decoder.decode(&coded, false, true).unwrap().is_none(), "it waits for a key frame");
        let picture = decoder.decode(&coded, true, true).unwrap().unwrap();
        assert_eq!((picture.width(), picture.height()), (64, 64));
        assert!(picture.luma().iter().all(|&luma| luma.abs_diff(90) < 4));
    }

    #[test]
    fn rubbish_is_an_error_or_nothing_and_never_a_picture() {
        let mut decoder = PictureDecoder::new();
        let rubbish: Vec<u8> = (0..4_000_u32).map(|n| u8::try_from(n * 7 % 251).unwrap()).collect();
        assert!(!matches!(decoder.decode(&rubbish, true, true), Ok(Some(_))));
    }
}
