//! The instants of a till that meet cues of a camera, and how finely the till tells time.
//!
//! A transaction begins with its start, or with its first line where the till says no starts; it ends with its end. The
//! first line comes after the start and the start after the arrival, so containment holds for both.
//!
//! Where one transaction follows another within [`ABUTTING_US`], the next customer is there before the last one has
//! left, and presence shows neither: such instants are marked, as cues of them are rare.

use super::memory::Memory;
use super::{CueKind, MINUTE_US, Meeting, SECOND_US, TillKind};

/// How far back is looked for the start of a transaction of which a line is seen, in microseconds.
const LONGEST_TRANSACTION_US: i64 = 30 * MINUTE_US;
/// Spans of time to which tills cut their times off, in seconds, the longest first.
const USUAL_RESOLUTIONS_S: [i64; 9] = [3_600, 900, 300, 60, 30, 15, 10, 5, 1];
/// The coarsest resolution that an offset is stated with, in microseconds.
pub const COARSEST_US: i64 = 2 * SECOND_US;

/// A beginning this soon after an end, and that end, make few cues, in microseconds.
pub const ABUTTING_US: i64 = 12 * SECOND_US;

/// An instant of a till that may have made a cue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// When, in microseconds of the till's clock.
    pub at_us: i64,
    /// Whether another transaction is so near that a cue is unlikely.
    pub abutting: bool,
}

/// The instants that meet cues, in the order of time.
pub type Anchors = Meeting<Vec<Anchor>>;

/// The instants of a till from one instant to before another, in microseconds; events must be known [`ABUTTING_US`]
/// beyond.
#[must_use]
pub fn anchors(till: &Memory<TillKind>, from_us: i64, to_us: i64) -> Anchors {
    let mut found = Anchors::default();
    let (mut open, mut last_end) = (false, None::<i64>);
    for (at_us, kind) in till.between(from_us - LONGEST_TRANSACTION_US, to_us + ABUTTING_US) {
        let begins = kind == TillKind::TransactionStart || (kind == TillKind::Line && !open);
        let inside = (from_us..to_us).contains(&at_us);
        if begins {
            open = true;
            let abutting = last_end.is_some_and(|end| at_us - end < ABUTTING_US);
            if let Some(end) = found.end.last_mut().filter(|_| abutting) {
                end.abutting = true;
            }
            if inside {
                found.begin.push(Anchor { at_us, abutting });
            }
        } else if kind == TillKind::TransactionEnd {
            open = false;
            last_end = Some(at_us);
            if inside {
                found.end.push(Anchor { at_us, abutting: false });
            }
        } else if kind == TillKind::Drawer && inside {
            found.drawer.push(Anchor { at_us, abutting: false });
        }
    }
    found
}

/// The cues from one instant to before another by the instants that they meet, in microseconds of the camera's clock.
#[must_use]
pub fn cues(seen: &Memory<CueKind>, from_us: i64, to_us: i64) -> Meeting<Vec<i64>> {
    let mut found = Meeting::<Vec<i64>>::default();
    for (at_us, kind) in seen.between(from_us, to_us) {
        match kind {
            CueKind::Arrived => found.begin.push(at_us),
            CueKind::Left => found.end.push(at_us),
            CueKind::Drawer => found.drawer.push(at_us),
        }
    }
    found
}

/// From so few times no resolution above a second is concluded.
const FEW: usize = 10;

/// How finely times are told, in microseconds: the longest usual span of which nine in ten times are whole multiples,
/// plus one and the same rest; 0 if there is none.
#[must_use]
pub fn resolution_us(times: &[Anchor]) -> i64 {
    let spans = USUAL_RESOLUTIONS_S.iter().map(|span| span * SECOND_US);
    let longest = spans.filter(|span| *span <= SECOND_US || times.len() >= FEW).find(|span| {
        let mut rests: Vec<i64> = times.iter().map(|anchor| anchor.at_us.rem_euclid(*span)).collect();
        rests.sort_unstable();
        let most = rests.chunk_by(|a, b| a == b).map(<[i64]>::len).max().unwrap_or(0);
        most > 1 && most * 10 >= times.len() * 9
    });
    longest.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_begins_a_transaction_only_where_nothing_else_did() {
        let mut till = Memory::default();
        for (second, kind) in [
            (10, TillKind::TransactionStart),
            (12, TillKind::Line),
            (20, TillKind::TransactionEnd),
            (80, TillKind::Line),
            (85, TillKind::Line),
            (90, TillKind::TransactionEnd),
        ] {
            till.take(second * SECOND_US, kind);
        }
        till.take(99 * SECOND_US, TillKind::TransactionStart);
        let found = anchors(&till, 0, 99 * SECOND_US);
        let anchor = |second: i64, abutting| Anchor { at_us: second * SECOND_US, abutting };
        assert_eq!(found.begin, [anchor(10, false), anchor(80, false)]);
        assert_eq!(found.end, [anchor(20, false), anchor(90, true)]);
        assert!(anchors(&till, 11 * SECOND_US, 20 * SECOND_US).begin.is_empty());
    }

    fn times(many: i64, at: impl Fn(i64) -> i64) -> Vec<Anchor> {
        (0..many).map(|n| Anchor { at_us: at(n), abutting: false }).collect()
    }

    #[test]
    fn the_resolution_is_the_longest_span_that_fits_nearly_all() {
        let with = |span: i64, rest: i64| times(40, |n| n * 7_919 % 523 * span * SECOND_US + rest);
        assert_eq!(resolution_us(&with(1, 0)), SECOND_US);
        assert_eq!(resolution_us(&with(60, 17_000_000)), 60 * SECOND_US);
        assert_eq!(resolution_us(&times(40, |n| n * 71_003_000)), 0);
        assert_eq!(resolution_us(&[]), 0);
    }
}
