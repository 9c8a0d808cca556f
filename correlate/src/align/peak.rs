//! The best pair of distances in the evidence of some hours, and whether it is decisive.
//!
//! Arrivals peak at a distance up to some seconds below the offset, departures at one above it. Both are looked for
//! together: every pair in which departures lie at most [`WIDEST_S`] above arrivals is compared, with the drawer's
//! contact in between. Customers who come in rhythm give rivals at whole multiples of it; what tells them apart is the
//! irregular part, summed over hours. A pair is accepted if it leads every pair elsewhere by [`DECISIVE_BITS`] and each
//! of its sides leads its own neighbourhood, so that neither is a chance companion of the other.

use super::evidence::{PARTS, PLACES};
use super::{Meeting, Refusal};

/// The largest distance between arrivals and departures that is looked for, in seconds.
pub const WIDEST_S: usize = 40;
/// Places further apart than this are different, in seconds.
pub const APART_S: usize = 5;
/// By how many bits a pair must lead all others.
pub const DECISIVE_BITS: i32 = 24;
/// The same where there is a drawer: its few cues weigh much each, by chance too.
pub const DECISIVE_DRAWER_BITS: i32 = 34;
/// By how many bits each side must lead its neighbourhood.
pub const SIDE_BITS: i32 = 6;
/// How many bits each side must gain over the usual place.
pub const SUPPORT_BITS: i32 = 9;
/// The neighbourhood of a side, in seconds.
const NEIGHBOURHOOD_S: usize = 40;
/// Within this, evidence belongs to the same side, in seconds: leads vary.
const SAME_SIDE_S: usize = 9;
/// The fewest events of a kind of which evidence is looked at.
const FEWEST: u32 = 20;

/// The evidence of some hours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums {
    /// Evidence of each offset, in 1/[`PARTS`] bit.
    pub bits: Meeting<Vec<i32>>,
    /// From how many events of the till.
    pub events: Meeting<u32>,
}

impl Sums {
    /// Adds the evidence of a block.
    pub fn add(&mut self, curves: &Meeting<&[i16]>, events: Meeting<u32>) {
        let sums = [&mut self.bits.begin, &mut self.bits.end, &mut self.bits.drawer];
        for (sum, curve) in sums.into_iter().zip(curves.list()).filter(|(_, curve)| !curve.is_empty()) {
            sum.resize(PLACES, 0);
            for (sum, bits) in sum.iter_mut().zip(curve) {
                *sum += i32::from(*bits);
            }
        }
        self.events = self.events.zip(events).map(|(all, more)| all + more);
    }

    /// What is left without a part of it.
    #[must_use]
    pub fn without(&self, part: &Self) -> Self {
        let bits = self.bits.each().zip(part.bits.each()).map(|(all, part)| {
            let less = part.iter().copied().chain(std::iter::repeat(0));
            all.iter().zip(less).map(|(all, less)| all - less).collect()
        });
        Self { bits, events: self.events.zip(part.events).map(|(all, part)| all - part) }
    }

    /// The evidence at given places, and the most at places moved together by more than [`APART_S`].
    #[must_use]
    pub fn around(&self, at: Meeting<Option<usize>>) -> (i32, i32) {
        let Some(middle) = at.list().into_iter().flatten().next() else { return (0, 0) };
        let mut moved = vec![0; PLACES];
        for (curve, place) in self.bits.each().zip(at).list() {
            let Some(place) = place else { continue };
            let (mine, theirs) = (middle.saturating_sub(place), place.saturating_sub(middle));
            for (sum, bits) in moved.iter_mut().skip(mine).zip(curve.iter().skip(theirs)) {
                *sum += bits;
            }
        }
        let near = moved.iter().skip(middle.saturating_sub(2)).take(5).copied().max().unwrap_or(0);
        let far = moved.iter().enumerate().filter(|(place, _)| place.abs_diff(middle) > APART_S).map(|(_, bits)| *bits);
        (near, far.max().unwrap_or(0))
    }

    /// The evidence of a kind if there are enough events and something was ever seen.
    fn usable(bits: &[i32], events: u32) -> bool {
        events >= FEWEST && bits.iter().any(|here| Some(here) != bits.first())
    }
}

/// Where the streams meet: places in the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peak {
    /// The places of those kinds that have a decisive one.
    pub places: Meeting<Option<usize>>,
    /// By how many 1/[`PARTS`] bits it leads.
    pub lead: i32,
}

/// A pair of places with the best place of a drawer between them.
#[derive(Debug, Clone, Copy)]
struct Pair {
    bits: i32,
    begin: usize,
    end: usize,
    drawer: Option<usize>,
}

/// The decisive places of some hours.
///
/// # Errors
///
/// Why there are none.
pub fn search(sums: &Sums) -> Result<Peak, Refusal> {
    let usable = sums.bits.each().zip(sums.events).map(|(bits, events)| Sums::usable(bits, events));
    let none = Vec::new();
    let drawer = if usable.drawer { &sums.bits.drawer } else { &none };
    match (usable.begin, usable.end) {
        (true, true) => pairs(&sums.bits.begin, &sums.bits.end, drawer),
        _ if usable.drawer => alone(drawer),
        (false, false) => Err(Refusal::TooFew),
        _ => Err(Refusal::OneSided),
    }
}

fn pairs(begins: &[i32], ends: &[i32], drawers: &[i32]) -> Result<Peak, Refusal> {
    let found = best_pairs(begins, ends, drawers);
    let best = found.iter().max_by_key(|pair| pair.bits).copied().ok_or(Refusal::TooFew)?;
    let rival = rival(begins, ends, drawers, &best);
    let lead = best.bits - rival;
    let side = |curve: &[i32], at: usize| curve.get(at).copied().unwrap_or(0) - neighbour(curve, at, SAME_SIDE_S);
    let support = |curve: &[i32], at: usize| curve.get(at).copied().unwrap_or(0) - middle(curve);
    let drawer = best.drawer.filter(|at| {
        side_of_drawer(drawers, *at) >= SIDE_BITS * PARTS && support(drawers, *at) >= SUPPORT_BITS * PARTS
    });
    let decisive = if drawers.is_empty() { DECISIVE_BITS } else { DECISIVE_DRAWER_BITS };
    if lead < decisive * PARTS {
        return Err(Refusal::Ambiguous);
    }
    let holds =
        |curve: &[i32], at: usize| side(curve, at) >= SIDE_BITS * PARTS && support(curve, at) >= SUPPORT_BITS * PARTS;
    let (begin, end) = (holds(begins, best.begin), holds(ends, best.end));
    if !(begin && end) {
        return if drawers.is_empty() { Err(Refusal::OneSided) } else { alone(drawers) };
    }
    Ok(Peak { places: Meeting { begin: begin.then_some(best.begin), end: end.then_some(best.end), drawer }, lead })
}

/// The best pair for each place of arrivals.
fn best_pairs(begins: &[i32], ends: &[i32], drawers: &[i32]) -> Vec<Pair> {
    let mut found = Vec::with_capacity(begins.len());
    for (begin, bits) in begins.iter().enumerate() {
        let lowest = begin.saturating_sub(2);
        let mut drawer: Option<(usize, i32)> = None;
        let mut best: Option<Pair> = None;
        let mut between = drawers.iter().copied().enumerate().skip(lowest).peekable();
        for (end, more) in ends.iter().enumerate().skip(lowest).take(WIDEST_S + 3) {
            while let Some((at, there)) = between.next_if(|(at, _)| *at <= end + 2) {
                if drawer.is_none_or(|(_, known)| there > known) {
                    drawer = Some((at, there));
                }
            }
            let leads = i32::try_from(end.saturating_sub(begin)).unwrap_or(0) * PARTS / 16;
            let sum = bits + more + drawer.map_or(0, |(_, there)| there) - leads;
            if best.is_none_or(|known| sum > known.bits) {
                best = Some(Pair { bits: sum, begin, end, drawer: drawer.map(|(at, _)| at) });
            }
        }
        found.extend(best);
    }
    found
}

/// The most bits of a pair neither side of which is the best one's.
fn rival(begins: &[i32], ends: &[i32], drawers: &[i32], best: &Pair) -> i32 {
    let without = |curve: &[i32], at: usize| {
        let mut rest = curve.to_vec();
        for bits in rest.iter_mut().skip(at.saturating_sub(APART_S)).take(2 * APART_S + 1) {
            *bits = i32::MIN / 4;
        }
        rest
    };
    let drawers = best.drawer.map_or_else(|| drawers.to_vec(), |at| without(drawers, at));
    let rest = best_pairs(&without(begins, best.begin), &without(ends, best.end), &drawers);
    rest.iter().map(|pair| pair.bits).max().unwrap_or(0)
}

/// The decisive place of a drawer where nothing else is known.
fn alone(drawers: &[i32]) -> Result<Peak, Refusal> {
    let (at, best) = drawers.iter().copied().enumerate().max_by_key(|(_, bits)| *bits).ok_or(Refusal::TooFew)?;
    let rival =
        drawers.iter().enumerate().filter(|(other, _)| other.abs_diff(at) > APART_S).map(|(_, bits)| *bits).max();
    let lead = best - rival.unwrap_or(0);
    if lead < DECISIVE_DRAWER_BITS * PARTS {
        return Err(Refusal::Ambiguous);
    }
    Ok(Peak { places: Meeting { begin: None, end: None, drawer: Some(at) }, lead })
}

fn side_of_drawer(curve: &[i32], at: usize) -> i32 {
    curve.get(at).copied().unwrap_or(0) - neighbour(curve, at, APART_S)
}

/// The most bits in the neighbourhood of a place, beyond what belongs to it.
fn neighbour(curve: &[i32], at: usize, same: usize) -> i32 {
    curve
        .iter()
        .enumerate()
        .skip(at.saturating_sub(NEIGHBOURHOOD_S))
        .take(2 * NEIGHBOURHOOD_S + 1)
        .filter(|(other, _)| other.abs_diff(at) > same)
        .map(|(_, bits)| *bits)
        .max()
        .unwrap_or(0)
}

/// The bits of the usual place.
fn middle(curve: &[i32]) -> i32 {
    let mut sorted = curve.to_vec();
    let half = sorted.len() / 2;
    if sorted.is_empty() { 0 } else { *sorted.select_nth_unstable(half).1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hill(at: usize, height: i32) -> Vec<i32> {
        (0..PLACES)
            .map(|place| {
                let away = i32::try_from(place.abs_diff(at)).unwrap();
                (height - away * height / 6).max(0) * PARTS
            })
            .collect()
    }

    fn sums(begin: Vec<i32>, end: Vec<i32>) -> Sums {
        Sums { bits: Meeting { begin, end, drawer: Vec::new() }, events: Meeting { begin: 99, end: 99, drawer: 0 } }
    }

    #[test]
    fn a_pair_is_found_with_its_leads() {
        let found = search(&sums(hill(700, 20), hill(708, 20))).unwrap();
        assert_eq!(found.places, Meeting { begin: Some(700), end: Some(708), drawer: None });
    }

    #[test]
    fn two_peaks_of_about_one_height_are_ambiguous() {
        let both: Vec<i32> = hill(700, 40).iter().zip(hill(775, 35)).map(|(a, b)| a + b).collect();
        assert_eq!(search(&sums(both.clone(), both)), Err(Refusal::Ambiguous));
    }

    #[test]
    fn one_side_alone_is_refused() {
        let found = search(&sums(hill(700, 40), vec![0; PLACES]));
        assert_eq!(found, Err(Refusal::OneSided));
        let flat: Vec<i32> = hill(10, 1);
        assert_eq!(search(&sums(hill(700, 40), flat)), Err(Refusal::OneSided));
    }
}
