//! One picture of a film: three planes (brightness whole, colour at half size), the plate, a person cut out, grain.
//!
//! Everything is whole numbers and a function of its inputs. A picture is the bytes of `ffmpeg`'s `yuv420p`.

use super::edit::{Box4, Cast, EditList, Shot};

/// Pixels of the source around a person that are kept, and then faded over as many again.
const MARGIN: f64 = 8.0;
const FEATHER: f64 = 8.0;

/// Width and height of a picture.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Size {
    /// Bytes of a picture.
    pub fn bytes(self) -> usize {
        self.width * self.height * 3 / 2
    }

    /// Length, row length and scale of each plane.
    fn planes(self) -> [(usize, usize, f64); 3] {
        let (all, quarter) = (self.width * self.height, self.width * self.height / 4);
        [(all, self.width, 1.0), (quarter, self.width / 2, 2.0), (quarter, self.width / 2, 2.0)]
    }
}

/// The median of each byte over every n-th picture.
pub fn median(footage: &[u8], size: Size, every: usize) -> Vec<u8> {
    let bytes = size.bytes().max(1);
    let pictures: Vec<&[u8]> = footage.chunks_exact(bytes).step_by(every.max(1)).collect();
    let mut of_one = Vec::with_capacity(pictures.len());
    let at = |place: usize| {
        of_one.clear();
        of_one.extend(pictures.iter().filter_map(|picture| picture.get(place)));
        let middle = of_one.len() / 2;
        if of_one.is_empty() { 0 } else { *of_one.select_nth_unstable(middle).1 }
    };
    (0..bytes).map(at).collect()
}

/// Puts picture `n` of the film together.
pub fn compose(list: &EditList, plate: &[u8], footage: &[u8], size: Size, n: usize, shot: Shot) -> Vec<u8> {
    let mut picture = plate.to_vec();
    if let Some((place, number)) = shot.of {
        let source = footage.chunks_exact(size.bytes().max(1)).nth(number);
        if let (Some(cast), Some(source)) = (list.cast.get(place), source) {
            paste(&mut picture, source, size, cast, cast.at(number), shot.strength);
        }
    }
    let seed = u64::try_from(n).unwrap_or(0);
    grain(picture.get_mut(..size.width * size.height).unwrap_or_default(), list.grain, seed);
    picture
}

fn paste(picture: &mut [u8], source: &[u8], size: Size, cast: &Cast, at: Option<Box4>, strength: f64) {
    let (mut picture, mut source) = (picture, source);
    for (length, row, scale) in size.planes() {
        let (plane, rest) = std::mem::take(&mut picture).split_at_mut(length);
        let (from, other) = source.split_at(length);
        (picture, source) = (rest, other);
        for (y, (rows, from)) in plane.chunks_exact_mut(row).zip(from.chunks_exact(row)).enumerate() {
            let y = f64::from(u32::try_from(y).unwrap_or(0)) * scale;
            for (x, (pixel, from)) in rows.iter_mut().zip(from).enumerate() {
                let x = f64::from(u32::try_from(x).unwrap_or(0)) * scale;
                let kept = match (cast.whole, at) {
                    (true, _) => 1.0,
                    (false, Some(at)) => inside(at, x, y),
                    (false, None) => 0.0,
                };
                *pixel = blend(*pixel, *from, kept * strength);
            }
        }
    }
}

/// 1 in a box and its margin, 0 outside the feather, and between them in between.
fn inside([left, top, right, bottom]: Box4, x: f64, y: f64) -> f64 {
    let away = [left - x, x - right, top - y, y - bottom].into_iter().fold(f64::MIN, f64::max);
    let part = ((MARGIN + FEATHER - away) / FEATHER).clamp(0.0, 1.0);
    part * part * (3.0 - 2.0 * part)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two bytes")]
fn blend(one: u8, other: u8, part: f64) -> u8 {
    (f64::from(one) + (f64::from(other) - f64::from(one)) * part).round().clamp(0.0, 255.0) as u8
}

/// Other grain for every picture: the sum of two throws, so that small is more frequent than large.
fn grain(plane: &mut [u8], reach: u8, seed: u64) {
    let sides = u64::from(reach) + 1;
    // xorshift64*, never 0.
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for pixel in plane {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let drawn = state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        let (up, down) = (((drawn & 0xffff) * sides) >> 16, ((drawn >> 16) * sides) >> 16);
        let level = u8::try_from(up).unwrap_or(0);
        *pixel = pixel.saturating_add(level).saturating_sub(u8::try_from(down).unwrap_or(0));
    }
}
