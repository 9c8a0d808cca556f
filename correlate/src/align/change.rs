//! Whether a till's clock was set within some hours, and when.
//!
//! Blocks of evidence are compared from the latest backwards: if from some block on another offset gains clearly more
//! than the one that is held, the clock was set there (generalised likelihood ratio for a jump of unknown size at an
//! unknown time; Willsky and Jones 1976). If from some block on chance explains more than the held offset, the streams
//! have stopped to fit (cumulative sums; Page 1954).

use super::Meeting;
use super::evidence::{PARTS, PLACES};

/// Bits by which another offset must lead to be a jump: about 13 make up for the choice among all offsets and times.
const JUMP_BITS: i32 = 22;
/// Bits by which chance must lead.
const LOST_BITS: i32 = 22;
/// Times of a change that are less likely by so many bits still count, so that it is rather dated early.
const DATING_BITS: i32 = 5;
/// A jump by less than this is not told from a vague peak, in seconds.
const SMALLEST_S: usize = 5;

/// What became of an offset that was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The clock was set before this many of the latest blocks.
    Jump(usize),
    /// The streams have stopped to fit before this many of the latest blocks.
    Lost(usize),
}

/// Looks for a change within blocks of evidence, the latest first, given where the offset is held.
pub fn change<'a>(blocks: impl Iterator<Item = Meeting<&'a [i16]>>, held: Meeting<Option<usize>>) -> Option<Change> {
    let mut sum = vec![0_i32; PLACES];
    let (mut jumps, mut losses) = (Vec::new(), Vec::new());
    let middle = held.list().into_iter().flatten().next()?;
    for block in blocks {
        for (curve, place) in block.zip(held).list() {
            let Some(place) = place.filter(|_| !curve.is_empty()) else { continue };
            let (mine, theirs) = (middle.saturating_sub(place), place.saturating_sub(middle));
            for (sum, bits) in sum.iter_mut().skip(mine).zip(curve.iter().skip(theirs)) {
                *sum += i32::from(*bits);
            }
        }
        let near = sum.iter().skip(middle.saturating_sub(2)).take(5).copied().max().unwrap_or(0);
        let before = sum.iter().take(middle.saturating_sub(SMALLEST_S)).max();
        let after = sum.iter().skip(middle + SMALLEST_S + 1).max();
        jumps.push(before.max(after).copied().unwrap_or(0) - near);
        losses.push(-near);
    }
    earliest(&jumps, JUMP_BITS).map(Change::Jump).or_else(|| earliest(&losses, LOST_BITS).map(Change::Lost))
}

/// The earliest time of a change that is about as likely as the likeliest, as the number of the latest blocks since.
fn earliest(leads: &[i32], decisive: i32) -> Option<usize> {
    let most = leads.iter().copied().max().filter(|most| *most >= decisive * PARTS)?;
    leads.iter().rposition(|lead| *lead >= most - DATING_BITS * PARTS).map(|latest| latest + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(at: usize) -> Vec<i16> {
        let parts = i16::try_from(PARTS).unwrap();
        (0..PLACES).map(|place| if place.abs_diff(at) < 3 { 8 * parts } else { -parts }).collect()
    }

    fn judged(places: &[usize]) -> Option<Change> {
        let blocks: Vec<Vec<i16>> = places.iter().map(|at| block(*at)).collect();
        let held = Meeting { begin: Some(700), end: None, drawer: None };
        change(blocks.iter().map(|curve| Meeting { begin: curve.as_slice(), end: &[], drawer: &[] }), held)
    }

    #[test]
    fn a_jump_is_found_with_its_time() {
        assert_eq!(judged(&[700; 12]), None);
        assert_eq!(judged(&[737, 737, 737, 737, 700, 700, 700]), Some(Change::Jump(4)));
        assert_eq!(judged(&[737, 700, 700, 700]), None);
    }

    #[test]
    fn cues_that_stop_to_fit_are_noticed() {
        let parts = i16::try_from(PARTS).unwrap();
        let lost = vec![-3 * parts; PLACES];
        let mut blocks = vec![lost; 8];
        blocks.extend(vec![block(700); 6]);
        let held = Meeting { begin: Some(700), end: None, drawer: None };
        let found = change(blocks.iter().map(|curve| Meeting { begin: curve.as_slice(), end: &[], drawer: &[] }), held);
        assert_eq!(found, Some(Change::Lost(8)));
    }
}
