//! [`Health`]: whether a picture can be believed: not black, not white, not covered, not standing still.
//!
//! A frozen camera sends packets like any other. What it cannot do is change: sensors have noise, light flickers, a
//! clock that is burnt in goes on. So a picture in which (almost) nothing differs from one some seconds ago is not
//! believed. A camera that suppresses all noise of a still, dark scene looks the same and is called frozen too: that errs
//! on the side of not knowing.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::presence::Blind;

use crate::picture::{Picture, float};

/// Side of the squares that are compared, in pixels.
const TILE: usize = 16;

/// From when on a picture is not believed.
#[derive(Debug, Clone)]
pub struct HealthConfig {
    /// A picture whose brightness varies by less than this (standard deviation, of 255) shows nothing.
    pub min_contrast: f32,
    /// A square differs when its pixels differ by more than this on average (of 255).
    pub min_change: f32,
    /// A picture stands still when fewer than this part of its squares differs. More than none, so that a clock that
    /// is burnt in behind a frozen sensor does not hide it.
    pub min_changed: f32,
    /// How long it must stand still.
    pub frozen_after: TimeDelta,
    /// Which part of the looks of that time must find nothing changed since the look before. Less than all, because a
    /// camera codes even a frozen picture a little differently at each key frame.
    pub still_looks: f32,
}

/// Measured between looks a quarter of a second apart: of live pictures (coded by x264, at 1 Mbit/s and at `crf` 23) 11 %
/// of the squares or more differ by more than 1.5, of frozen ones none, not even at a key frame, where half of them differ
/// by more than 0.6.
impl Default for HealthConfig {
    fn default() -> Self {
        Self {
            min_contrast: 6.0,
            min_change: 1.5,
            min_changed: 0.01,
            frozen_after: TimeDelta::seconds(3),
            still_looks: 0.7,
        }
    }
}

/// Watches the pictures of one camera.
#[derive(Debug)]
pub struct Health {
    config: HealthConfig,
    /// The last picture: its width and luma.
    last: Option<(usize, Vec<u8>)>,
    /// The last looks, and whether each was the same as the one before; the first of a run counts as changed.
    looks: VecDeque<(DateTime<Utc>, bool)>,
}

impl Health {
    /// Begins to watch.
    pub fn new(config: HealthConfig) -> Self {
        Self { config, last: None, looks: VecDeque::new() }
    }

    /// Forgets what was seen: another run begins.
    pub fn reset(&mut self) {
        self.last = None;
        self.looks.clear();
    }

    /// Looks at a picture; says why it cannot be believed, if so.
    pub fn examine(&mut self, picture: &Picture, at: DateTime<Utc>) -> Option<Blind> {
        if contrast(picture.luma()) < self.config.min_contrast {
            self.reset();
            return Some(Blind::Covered);
        }
        let same = self.last.as_ref().is_some_and(|(width, luma)| {
            *width == picture.width() && luma.len() == picture.luma().len() && self.stands_still(luma, picture)
        });
        self.last = Some((picture.width(), picture.luma().to_vec()));
        self.looks.push_back((at, same));
        // The look at which the time begins stays: the next ones are compared with it.
        while self.looks.get(1).is_some_and(|(second, _)| at - *second >= self.config.frozen_after) {
            self.looks.pop_front();
        }
        let (first, _) = self.looks.front()?;
        let still = self.looks.iter().skip(1).filter(|(_, same)| *same).count();
        let stands = float(still) >= self.config.still_looks * float(self.looks.len() - 1);
        (at - *first >= self.config.frozen_after && stands).then_some(Blind::Frozen)
    }

    fn stands_still(&self, before: &[u8], picture: &Picture) -> bool {
        if before == picture.luma() {
            return true;
        }
        let (columns, rows) = (picture.width() / TILE, picture.height() / TILE);
        let mut sums = vec![0_u32; columns * rows];
        let lines = before.chunks_exact(picture.width()).zip(picture.luma().chunks_exact(picture.width()));
        for (y, (old, new)) in lines.take(rows * TILE).enumerate() {
            let begin = (y / TILE) * columns;
            let tiles = old.chunks_exact(TILE).zip(new.chunks_exact(TILE));
            for (sum, (old, new)) in sums.iter_mut().skip(begin).take(columns).zip(tiles) {
                *sum += old.iter().zip(new).map(|(old, new)| u32::from(old.abs_diff(*new))).sum::<u32>();
            }
        }
        let limit = self.config.min_change * float(TILE * TILE);
        let changed = sums.iter().filter(|sum| f32::from(u16::try_from(**sum).unwrap_or(u16::MAX)) > limit).count();
        float(changed) < (self.config.min_changed * float(sums.len())).max(1.0)
    }
}

/// The standard deviation of the brightness, from every fourth pixel.
fn contrast(luma: &[u8]) -> f32 {
    let (mut count, mut sum, mut squares) = (0_u64, 0_u64, 0_u64);
    for &pixel in luma.iter().step_by(4) {
        count += 1;
        sum += u64::from(pixel);
        squares += u64::from(pixel) * u64::from(pixel);
    }
    let count = count.max(1);
    #[expect(clippy::cast_precision_loss, reason = "a measure, not a count")]
    let variance = (squares * count).saturating_sub(sum * sum) as f64 / (count as f64 * count as f64);
    #[expect(clippy::cast_possible_truncation, reason = "at most 127.5")]
    let deviation = variance.sqrt() as f32;
    deviation
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(pixel: impl Fn(u32) -> u32) -> Picture {
        let luma = (0..64 * 64).map(|at| u8::try_from(pixel(at).min(255)).unwrap()).collect();
        Picture::new(64, 64, luma, vec![128; 1024], vec![128; 1024]).unwrap()
    }

    /// Examines a picture every half second for six seconds.
    fn verdict(pixel: impl Fn(u32, u32) -> u32) -> Option<Blind> {
        let mut health = Health::new(HealthConfig::default());
        let mut last = None;
        for turn in 0..12 {
            let at = DateTime::UNIX_EPOCH + TimeDelta::milliseconds(500 * i64::from(turn));
            last = health.examine(&picture(|p| pixel(turn, p)), at);
        }
        last
    }

    #[test]
    fn black_white_and_covered_pictures_show_nothing() {
        for level in [16, 90, 235] {
            assert_eq!(verdict(|turn, p| level + (p * 7 + turn * 13) % 3), Some(Blind::Covered), "{level}");
        }
    }

    #[test]
    fn a_still_scene_with_noise_is_believed_and_a_frozen_one_is_not() {
        assert_eq!(
            verdict(|turn, p| p / 32
                + (p.wrapping_add(turn).wrapping_mul(2_654_435_761_u32.wrapping_mul(2 * turn + 1)) >> 15) % 5),
            None
        );
        assert_eq!(verdict(|_, p| p / 32), Some(Blind::Frozen));
    }

    #[test]
    fn a_scene_that_moves_again_is_believed_again() {
        let mut health = Health::new(HealthConfig::default());
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        assert_eq!(health.examine(&picture(|p| p / 32), at(0)), None);
        assert_eq!(health.examine(&picture(|p| p / 32), at(2)), None);
        assert_eq!(health.examine(&picture(|p| p / 32), at(3)), Some(Blind::Frozen));
        assert_eq!(health.examine(&picture(|p| 200 - p / 32), at(4)), None);
    }
}
