//! [`Slots`]: where in the film a register rings, so that what a rule must make of it is beyond doubt.
//!
//! A rule about absence looks from 2 s before an event to 2 s after it, and further by the uncertainty of the clocks, here
//! up to 2 s. So what must fire lies 6 s inside an empty stretch; what must stay silent clearly overlaps a stay, or
//! somebody comes or goes within 1.3 s of it, or the camera has been blind for long enough that it must have been noticed.

use tillsight_schemas::TimeSpan;

use super::outlook::{Outlook, Stretch};
use super::{About, Blindness};
use crate::dice::Dice;
use crate::film::State;
use crate::live::Ring;

const SECOND: i64 = 1_000_000;
/// From the edge of an empty stretch to an event that must fire.
const CLEAR: i64 = 6 * SECOND;
/// From the end of a blindness to an event that must fire: cameras are found again within half a minute.
const RECOVERY: i64 = 40 * SECOND;
/// An empty stretch in which a camera can be blinded, at least.
const BLINDABLE: i64 = 28 * SECOND;
/// The register is free so long between two events, in seconds.
const GAP: i64 = 2;
/// Events that must fire and that must not, in one stretch.
const MOST: usize = 5;

/// One thing to ring: whole seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) begin: i64,
    pub(super) end: i64,
    pub(super) what: Ring,
    /// `None` for what no rule looks at.
    pub(super) about: Option<About>,
}

/// A camera that is blinded: microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blind {
    /// From when.
    pub from: i64,
    /// To when.
    pub to: i64,
    /// How.
    pub how: Blindness,
}

/// The places that are taken.
#[derive(Debug, Default)]
pub(super) struct Slots {
    pub(super) taken: Vec<Slot>,
    pub(super) blind: Vec<Blind>,
}

impl Slots {
    /// Fills a span of the film. When the camera is blinded is given, or chosen.
    pub(super) fn fill(outlook: &Outlook<'_>, span: TimeSpan, blind: Option<&[Blind]>, dice: &mut Dice) -> Self {
        let mut slots = Self::default();
        let (start, end) = (span.start().timestamp_micros(), span.end().timestamp_micros());
        // Sales first: an estimate of the till's clock wants three records.
        let first = up(start) + 2;
        for n in 0..4 {
            let begin = first + n * 8;
            slots.take(begin, begin + dice.between(4, 6), Ring::Sale, None);
        }
        let ready = (first + 4 * 8) * SECOND;
        let stretches = outlook.stretches(span);
        let clipped =
            |stretch: &Stretch| Stretch { from: stretch.from.max(ready), to: stretch.to.min(end), ..*stretch };
        let empty: Vec<_> = stretches.iter().filter(|stretch| stretch.state == State::Empty).map(clipped).collect();
        match blind {
            Some(given) => slots.blind = given.to_vec(),
            None => slots.blind(&empty, dice),
        }
        for change in outlook.changes(span) {
            slots.near(change.at, change.enters, ready, end);
        }
        for blind in slots.blind.clone() {
            slots.while_blind(blind, dice);
        }
        for stretch in &empty {
            let blinded = slots.blind.iter().any(|blind| stretch.from < blind.to && blind.from < stretch.to);
            if !blinded {
                let recovered =
                    slots.blind.iter().filter(|blind| blind.to <= stretch.from).map(|blind| blind.to + RECOVERY);
                let from = recovered.fold(stretch.from + CLEAR, i64::max);
                // The last events are judged before the session is over.
                slots.row(from, stretch.to - CLEAR, About::Empty, dice);
            }
        }
        for stay in stretches.iter().filter(|stretch| stretch.state == State::Occupied).map(clipped) {
            slots.row(stay.from + SECOND, stay.to - SECOND, About::Occupied, dice);
            slots.sale(stay, dice);
        }
        slots.taken.sort_by_key(|slot| slot.begin);
        slots
    }

    /// Unplugs in one empty stretch and freezes in another: the shortest that are long enough, because what must fire
    /// needs the others.
    fn blind(&mut self, empty: &[Stretch], dice: &mut Dice) {
        let mut fit: Vec<_> = empty.iter().filter(|stretch| stretch.to - stretch.from >= BLINDABLE).collect();
        fit.sort_by_key(|stretch| stretch.to - stretch.from);
        let mut hows = [Blindness::Unplugged, Blindness::Frozen];
        dice.shuffle(&mut hows);
        for (stretch, how) in fit.into_iter().zip(hows) {
            let from = stretch.from + 2 * SECOND;
            self.blind.push(Blind { from, to: (from + 30 * SECOND).min(stretch.to - 2 * SECOND), how });
        }
        self.blind.sort_by_key(|blind| blind.from);
    }

    /// A frozen picture is noticed within 10 s, a missing one sooner.
    fn while_blind(&mut self, blind: Blind, dice: &mut Dice) {
        let noticed = match blind.how {
            Blindness::Unplugged => 8 * SECOND,
            Blindness::Frozen => 12 * SECOND,
        };
        self.row(blind.from + noticed, blind.to - SECOND, About::Blind(blind.how), dice);
    }

    /// The drawer opens just before somebody comes in, or just after somebody has left.
    fn near(&mut self, at: i64, enters: bool, ready: i64, end: i64) {
        let second = if enters { (at - SECOND / 4).div_euclid(SECOND) } else { up(at + SECOND / 4) };
        if second * SECOND >= ready && second * SECOND < end - 4 * SECOND {
            self.take(second, second, Ring::NoSale, Some(About::Changing));
        }
    }

    /// Refunds and no-sales in turn, from one instant to another.
    fn row(&mut self, from: i64, to: i64, about: About, dice: &mut Dice) {
        let (mut begin, last) = (up(from), to.div_euclid(SECOND));
        let mut refund = dice.chance(crate::dice::WHOLE / 2);
        let mut count = 0;
        while count < MOST {
            let (what, end) = match refund {
                true => (Ring::Refund, begin + dice.between(2, 3)),
                false => (Ring::NoSale, begin),
            };
            if end > last {
                break;
            }
            if self.take(begin, end, what, Some(about)) {
                count += 1;
                refund = !refund;
            }
            begin = end + GAP + dice.between(0, 1);
        }
    }

    /// Whoever stands there buys something, if there is time.
    fn sale(&mut self, stay: Stretch, dice: &mut Dice) {
        let lasting = dice.between(4, 6);
        let fits = |slots: &Self, begin: &i64| slots.is_free(*begin, begin + lasting);
        let begin = (up(stay.from)..stay.to / SECOND - lasting).find(|begin| fits(self, begin));
        if let Some(begin) = begin {
            self.take(begin, begin + lasting, Ring::Sale, None);
        }
    }

    fn is_free(&self, begin: i64, end: i64) -> bool {
        self.taken.iter().all(|slot| end + GAP <= slot.begin || slot.end + GAP <= begin)
    }

    fn take(&mut self, begin: i64, end: i64, what: Ring, about: Option<About>) -> bool {
        let free = self.is_free(begin, end);
        if free {
            self.taken.push(Slot { begin, end, what, about });
        }
        free
    }
}

/// The first whole second at or after an instant.
fn up(us: i64) -> i64 {
    us.div_euclid(SECOND) + i64::from(us.rem_euclid(SECOND) > 0)
}
