//! [`Picture`]: a decoded picture, and the parts of it that detectors and comparisons take.
//!
//! Pictures stay in the planes of the decoder (4:2:0, BT.601 video range, as cameras send them); only what a detector
//! looks at becomes red, green and blue.

/// A decoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    luma: Vec<u8>,
    blue: Vec<u8>,
    red: Vec<u8>,
}

/// A part of a picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Region {
    /// Left edge.
    pub left: f32,
    /// Upper edge.
    pub top: f32,
    /// Width; more than 0.
    pub width: f32,
    /// Height; more than 0.
    pub height: f32,
}

impl Picture {
    /// A picture of these planes, without padding; the colours have half the width and height.
    ///
    /// `None` when the sizes do not fit each other.
    pub fn new(width: usize, height: usize, luma: Vec<u8>, blue: Vec<u8>, red: Vec<u8>) -> Option<Self> {
        let colour = (width / 2) * (height / 2);
        let fits = width >= 2 && height >= 2 && luma.len() == width * height && blue.len() == colour;
        (fits && red.len() == colour).then_some(Self { width, height, luma, blue, red })
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Its brightness, row by row.
    pub fn luma(&self) -> &[u8] {
        &self.luma
    }

    /// The whole of it.
    pub fn whole(&self) -> Region {
        Region { left: 0.0, top: 0.0, width: float(self.width), height: float(self.height) }
    }

    /// The colour at a point (pixels; outside is the edge), red, green, blue from 0 to 255.
    fn colour(&self, x: f32, y: f32) -> [f32; 3] {
        let luma = bilinear(&self.luma, self.width, self.height, x, y);
        let (half_x, half_y) = (x / 2.0, y / 2.0);
        let blue = bilinear(&self.blue, self.width / 2, self.height / 2, half_x, half_y) - 128.0;
        let red = bilinear(&self.red, self.width / 2, self.height / 2, half_x, half_y) - 128.0;
        let luma = 1.164 * (luma - 16.0);
        [luma + 1.596 * red, luma - 0.392 * blue - 0.813 * red, luma + 2.017 * blue].map(|part| part.clamp(0.0, 255.0))
    }

    /// A part of it at another size, red, green, blue from 0 to 255, row by row. When it gets smaller, each new pixel
    /// is the mean of what it covers (of at most nine points).
    pub fn scaled(&self, region: Region, width: usize, height: usize) -> Vec<[f32; 3]> {
        let (step_x, step_y) = (region.width / float(width), region.height / float(height));
        let (across, down) = (samples(step_x), samples(step_y));
        let share = 1.0 / (float(across) * float(down));
        let mut pixels = Vec::with_capacity(width * height);
        for row in 0..height {
            for column in 0..width {
                let mut sum = [0.0_f32; 3];
                for sub_row in 0..down {
                    let y = region.top + (float(row) + (float(sub_row) + 0.5) / float(down)) * step_y;
                    for sub_column in 0..across {
                        let x = region.left + (float(column) + (float(sub_column) + 0.5) / float(across)) * step_x;
                        let colour = self.colour(x, y);
                        sum.iter_mut().zip(colour).for_each(|(sum, part)| *sum += part);
                    }
                }
                pixels.push(sum.map(|part| part * share));
            }
        }
        pixels
    }

    /// The mean brightness of squares of so many pixels; what is left over at the right and below is dropped.
    pub fn cells(&self, side: usize) -> Cells {
        let side = side.max(1);
        let (columns, rows) = (self.width / side, self.height / side);
        let mut sums = vec![0_u32; columns * rows];
        for (y, line) in self.luma.chunks_exact(self.width).take(rows * side).enumerate() {
            let begin = (y / side) * columns;
            for (cell, pixels) in sums.iter_mut().skip(begin).take(columns).zip(line.chunks_exact(side)) {
                *cell += pixels.iter().map(|&pixel| u32::from(pixel)).sum::<u32>();
            }
        }
        let area = float(side * side);
        let means = sums.into_iter().map(|sum| f32::from(u16::try_from(sum / 4).unwrap_or(u16::MAX)) * 4.0 / area);
        Cells { columns, rows, means: means.collect() }
    }
}

/// A picture in coarse squares.
#[derive(Debug, Clone, PartialEq)]
pub struct Cells {
    /// Squares side by side.
    pub columns: usize,
    /// Squares one below the other.
    pub rows: usize,
    /// Mean brightness, row by row.
    pub means: Vec<f32>,
}

/// Small whole numbers as floats: pictures have fewer than 2^24 pixels a side.
#[expect(clippy::cast_precision_loss, reason = "sizes of pictures are far below 2^24")]
pub(crate) fn float(number: usize) -> f32 {
    number as f32
}

fn samples(step: f32) -> usize {
    if step <= 1.25 {
        1
    } else if step <= 2.5 {
        2
    } else {
        3
    }
}

fn bilinear(plane: &[u8], width: usize, height: usize, x: f32, y: f32) -> f32 {
    // Pixel centres lie at halves.
    let (x, y) = ((x - 0.5).clamp(0.0, float(width) - 1.0), (y - 0.5).clamp(0.0, float(height) - 1.0));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the picture just above")]
    let (left, top) = (x as usize, y as usize);
    let (part_x, part_y) = (x - float(left), y - float(top));
    let (right, below) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
    let at = |column: usize, row: usize| f32::from(plane.get(row * width + column).copied().unwrap_or_default());
    let upper = at(left, top) * (1.0 - part_x) + at(right, top) * part_x;
    let lower = at(left, below) * (1.0 - part_x) + at(right, below) * part_x;
    upper * (1.0 - part_y) + lower * part_y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_that_do_not_fit_make_no_picture() {
        assert!(Picture::new(4, 4, vec![0; 16], vec![128; 4], vec![128; 4]).is_some());
        assert!(Picture::new(4, 4, vec![0; 15], vec![128; 4], vec![128; 4]).is_none());
        assert!(Picture::new(0, 0, vec![], vec![], vec![]).is_none());
    }

    #[test]
    fn video_range_becomes_full_range() {
        let picture = |luma| Picture::new(4, 4, vec![luma; 16], vec![128; 4], vec![128; 4]).unwrap();
        let colour = |luma| picture(luma).scaled(picture(luma).whole(), 1, 1)[0];
        assert!(colour(16).iter().all(|part| *part < 1.0));
        assert!(colour(235).iter().all(|part| *part > 254.0));
    }

    #[test]
    fn a_part_is_cut_where_it_was_asked_for() {
        let luma: Vec<u8> = (0..64).map(|at| if at % 8 < 4 { 16 } else { 235 }).collect();
        let picture = Picture::new(8, 8, luma, vec![128; 16], vec![128; 16]).unwrap();
        let right = Region { left: 5.0, top: 0.0, width: 3.0, height: 8.0 };
        assert!(picture.scaled(right, 2, 2).iter().all(|pixel| pixel[0] > 250.0));
        assert_eq!(picture.cells(4).means, [16.0, 235.0, 16.0, 235.0]);
    }
}
