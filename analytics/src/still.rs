//! A still: the last of some coded pictures as a JPEG file.
//!
//! What comes in is what the recorder gives for an instant: H.264 access units with start codes (ISO/IEC 14496-10
//! Annex B), from a key frame on, parameter sets first. Blocks the thread; a picture of two megapixels takes some
//! ten milliseconds, and so does each one before it back to its key frame.

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use openh264::decoder::{DecodedYUV, Decoder};
use openh264::formats::YUVSource as _;

/// Why there is no still.
#[derive(Debug, thiserror::Error)]
pub enum StillError {
    /// The codec is not one that is decoded here.
    #[error("{0} is not decoded here; a camera that sends H.264 gives stills")]
    Codec(String),
    /// The decoder refused the pictures.
    #[error("the picture cannot be decoded")]
    Decode(#[source] openh264::Error),
    /// The decoder took the pictures and showed none.
    #[error("the decoder shows no picture")]
    Nothing,
    /// The picture cannot be written as JPEG.
    #[error("the picture cannot be written as JPEG")]
    Encode(#[source] image::ImageError),
}

/// The last picture of these access units as a JPEG file of this quality (1 to 100).
///
/// # Errors
/// [`StillError`].
pub fn jpeg(codec: &str, units: &[impl AsRef<[u8]>], quality: u8) -> Result<Vec<u8>, StillError> {
    if !codec.starts_with("avc1") && !codec.starts_with("avc3") {
        return Err(StillError::Codec(codec.to_owned()));
    }
    let mut decoder = Decoder::new().map_err(StillError::Decode)?;
    let mut last = None;
    for unit in units {
        if let Some(picture) = decoder.decode(unit.as_ref()).map_err(StillError::Decode)? {
            last = Some(rgb(&picture));
        }
    }
    // Pictures that wait because others are shown before them.
    if let Some(picture) = decoder.flush_remaining().map_err(StillError::Decode)?.last() {
        last = Some(rgb(picture));
    }
    let (width, height, pixels) = last.ok_or(StillError::Nothing)?;
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, quality.clamp(1, 100))
        .encode(&pixels, width, height, ExtendedColorType::Rgb8)
        .map_err(StillError::Encode)?;
    Ok(file)
}

fn rgb(picture: &DecodedYUV<'_>) -> (u32, u32, Vec<u8>) {
    let (width, height) = picture.dimensions();
    let mut pixels = vec![0; width * height * 3];
    picture.write_rgb8(&mut pixels);
    (u32::try_from(width).unwrap_or(0), u32::try_from(height).unwrap_or(0), pixels)
}

#[cfg(test)]
mod tests {
    use openh264::encoder::Encoder;
    use openh264::formats::YUVBuffer;

    use super::*;

    #[test]
    fn the_last_picture_becomes_a_jpeg_of_its_size_and_brightness() {
        let mut encoder = Encoder::new().unwrap();
        let grey = |luma: u8| {
            let mut planes = vec![luma; 64 * 48];
            planes.extend([128; 64 * 48 / 2]);
            YUVBuffer::from_vec(planes, 64, 48)
        };
        let units: Vec<Vec<u8>> = [40, 200].iter().map(|luma| encoder.encode(&grey(*luma)).unwrap().to_vec()).collect();
        let file = jpeg("avc1.42C01E", &units, 90).unwrap();
        let picture = image::load_from_memory(&file).unwrap().to_luma8();
        assert_eq!((picture.width(), picture.height()), (64, 48));
        assert!(picture.pixels().all(|pixel| pixel.0[0] > 180), "the first picture is dark, the last bright");
    }

    #[test]
    fn what_cannot_be_decoded_is_said() {
        assert!(matches!(jpeg("hvc1.1.6.L93.B0", &[[0_u8; 4]], 80), Err(StillError::Codec(_))));
        assert!(matches!(jpeg("avc1.42C01E", &Vec::<Vec<u8>>::new(), 80), Err(StillError::Nothing)));
    }
}
