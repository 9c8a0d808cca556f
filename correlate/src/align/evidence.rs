//! What ten minutes of a till say for and against each offset.
//!
//! For a trial offset, an event of the till either made a cue (one time in five is supposed, one in twenty where
//! transactions abut) or did not. Its likelihood ratio against chance is `4/5 + 1/5 * sum over cues of k(distance -
//! offset) / rate`, where `k` is the density of the distance and `rate` that of cues of the kind in the ten minutes
//! before the cue. The logarithm to the base 2 is the evidence in bits, and events add up. Each event is one term: a
//! burst of cues has a high rate and counts for little, and several cues of one event count like one.
//!
//! Where no cue of the kind lies within [`SILENCE_S`] of where one is expected, the camera may have seen nothing at
//! all: that speaks neither for an offset nor against it.
//!
//! The density is broad (a mixture of biweights of 4 and 10 s), as leads vary. All of it is integers: sums do not
//! depend on their order, and no platform's logarithm is asked.

use std::sync::LazyLock;

use super::anchors::Anchor;
use super::{REACH_S, SECOND_US};

/// How many offsets are looked at: whole seconds from `-REACH_S` to `REACH_S`.
pub const PLACES: usize = 1_441;
/// Parts of a bit in which evidence is counted.
pub const PARTS: i32 = 64;
/// Distances beyond this are not meant by an offset, in seconds.
pub const KERNEL_S: i64 = 10;
/// The time over which the rate of cues is counted, in microseconds.
pub const RATE_US: i64 = 600 * SECOND_US;
/// Steps of the density's table in a second.
const FINE: i64 = 4;
/// Parts of a bit within the sum of a block.
const FINE_PARTS: i32 = 1_024;
/// The least number of cues supposed in [`RATE_US`]: a rate from fewer is not believed.
const LEAST_CUES: u64 = 6;
/// One, in the units in which densities times seconds are counted (16 bits of density and 4 of time).
const ONE: u64 = 1 << 20;

/// One in so many events is supposed to make a cue.
const FREE: u64 = 5;
/// One in so many where transactions abut.
const ABUTTING: u64 = 20;

/// Without a cue for so long before and after, nobody looked, in seconds.
pub const SILENCE_S: i64 = 150;

/// Evidence of each offset in 1/[`PARTS`] bit; empty where the till said nothing.
pub type Curve = Vec<i16>;

/// The density of distances in 1/65536 a second, by quarters of a second.
static DENSITY: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let biweight = |quarters: u64, half: u64| (half * half).saturating_sub(quarters * quarters).pow(2);
    (0..=40).map(|quarters| 15 * biweight(quarters, 16) / 128 + 3 * biweight(quarters, 40) / 2_500).collect()
});

/// The logarithm to the base 2 of `1 + n/256`, in 1/[`FINE_PARTS`], by repeated squaring.
static LOGARITHM: LazyLock<Vec<i32>> = LazyLock::new(|| {
    (0..256_u64)
        .map(|n| {
            let mut power = (256 + n) << 23;
            (0..10).fold(0, |bits, _| {
                power = (power * power) >> 31;
                let carry = power >> 32;
                power >>= carry;
                bits * 2 + i32::from(carry == 1)
            })
        })
        .collect()
});

/// The logarithm to the base 2, in 1/[`FINE_PARTS`].
fn logarithm(value: u64, table: &[i32]) -> i32 {
    let zeros = value.leading_zeros();
    let whole = i32::try_from(63_u32.saturating_sub(zeros)).unwrap_or(0);
    let digits = (value.checked_shl(zeros).unwrap_or(0) >> 55) & 255;
    let rest = usize::try_from(digits).ok().and_then(|digits| table.get(digits)).copied().unwrap_or(0);
    whole * FINE_PARTS + rest
}

/// The place of an offset in whole seconds.
#[must_use]
pub fn place(offset_s: i64) -> Option<usize> {
    usize::try_from(offset_s.checked_add(REACH_S)?).ok().filter(|place| *place < PLACES)
}

/// The offset of a place, in seconds.
#[must_use]
pub fn offset_s(place: usize) -> i64 {
    i64::try_from(place).unwrap_or(0) - REACH_S
}

/// Seconds to the next cue of the kind at the rate around each cue, in 1/16 s.
fn weights(cues_us: &[i64]) -> Vec<u64> {
    let window = u64::try_from(RATE_US / SECOND_US).unwrap_or(0) * 16;
    let mut before = cues_us.iter();
    let mut many = 0_u64;
    cues_us
        .iter()
        .map(|at| {
            many += 1;
            while before.as_slice().first().is_some_and(|first| *first <= at - RATE_US) {
                before.next();
                many -= 1;
            }
            window / many.max(LEAST_CUES)
        })
        .collect()
}

/// The terms of the offsets from one to another, in seconds.
fn range(terms: &mut [u64], from_s: i64, to_s: i64) -> impl Iterator<Item = (i64, &mut u64)> {
    let (from_s, to_s) = (from_s.max(-REACH_S), to_s.min(REACH_S));
    let first = place(from_s).unwrap_or(PLACES);
    let many = usize::try_from(to_s - from_s + 1).unwrap_or(0);
    (from_s..).zip(terms.iter_mut().skip(first).take(many))
}

/// The evidence that instants of a till give by cues, both in the order of time and in microseconds.
///
/// The cues must cover everything from [`REACH_S`] and [`SILENCE_S`] around the instants, and [`RATE_US`] before that.
#[must_use]
pub fn curve(anchors: &[Anchor], cues_us: &[i64]) -> Curve {
    if anchors.is_empty() {
        return Curve::new();
    }
    let (density, table) = (&*DENSITY, &*LOGARITHM);
    let weights = weights(cues_us);
    let mut total = vec![0_i32; PLACES];
    let mut terms = vec![0_u64; PLACES];
    let reach_us = (REACH_S + SILENCE_S) * SECOND_US;
    for Anchor { at_us, abutting } in anchors {
        let rarely = if *abutting { ABUTTING } else { FREE };
        let nothing = logarithm(rarely * ONE, table);
        terms.fill(rarely * ONE);
        let first = cues_us.partition_point(|cue| *cue < at_us - reach_us);
        let mut heard_s = -REACH_S;
        for (cue, weight) in cues_us.iter().zip(&weights).skip(first) {
            let distance = cue - at_us;
            if distance > reach_us {
                break;
            }
            let expected_s = distance / SECOND_US;
            for (_, term) in range(&mut terms, heard_s.max(expected_s - SILENCE_S), expected_s + SILENCE_S) {
                *term = (rarely - 1) * ONE;
            }
            heard_s = heard_s.max(expected_s + SILENCE_S + 1);
            for (offset, term) in range(&mut terms, expected_s - KERNEL_S, expected_s + KERNEL_S + 1) {
                let away = (distance - offset * SECOND_US).abs() * FINE / SECOND_US;
                let near = usize::try_from(away).ok().and_then(|away| density.get(away)).copied().unwrap_or(0);
                *term += near * weight;
            }
        }
        for (sum, term) in total.iter_mut().zip(&terms) {
            *sum += logarithm(*term, table) - nothing;
        }
    }
    let most = i32::from(i16::MAX);
    total.into_iter().map(|bits| i16::try_from((bits / (FINE_PARTS / PARTS)).clamp(-most, most)).unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_and_densities_are_right() {
        for (value, bits) in [(1, 0.0), (2, 1.0), (3, 1.585), (1_000_000, 19.931)] {
            let found = f64::from(logarithm(value, &LOGARITHM)) / f64::from(FINE_PARTS);
            assert!((found - bits).abs() < 0.01, "{value}: {found}");
        }
        let sum: u64 = DENSITY.iter().skip(1).sum::<u64>() * 2 + DENSITY[0];
        assert!((sum / 4).abs_diff(65_536) < 700, "{sum}");
    }

    #[test]
    fn cues_at_one_distance_speak_for_it_and_a_burst_does_not() {
        let anchors: Vec<Anchor> = (0..8).map(|n| Anchor { at_us: n * 71 * SECOND_US, abutting: false }).collect();
        let cues: Vec<i64> = anchors.iter().map(|anchor| anchor.at_us + 100 * SECOND_US).collect();
        let found = curve(&anchors, &cues);
        let best = (0..PLACES).max_by_key(|place| found[*place]).map(offset_s);
        assert_eq!(best, Some(100));
        let burst: Vec<i64> = (0..40).map(|n| (300 * SECOND_US) + n * SECOND_US / 10).collect();
        let most = curve(&anchors, &burst).into_iter().max();
        assert!(most < Some(i16::try_from(6 * PARTS).unwrap()), "{most:?}");
    }
}
