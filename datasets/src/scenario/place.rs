//! Where cases have their place on a day: beside others in a shift, or in a shift of their own.
//!
//! A case is staged before the customers come. Its register does nothing but plain sales in the *quiet* stretch around it;
//! for a case with a shift of its own that is the whole shift, so that what is counted by operator and day is the case alone.

use super::{Anchor, Case, Placed, Staged};
use crate::Result;
use crate::dice::Dice;
use crate::plan::TimeStyle;
use crate::store_day::session::{Post, Session};
use crate::store_day::till::{At, Draft};

/// How far from the ends of a shift what is staged in the middle of it stays, in seconds: beyond the quarter of an hour after
/// opening, and beyond the hour before signing off, which other rules are about.
const MIDDLE: (i64, i64) = (1_200, 4_500);
/// Quiet seconds at another register around what is rung there.
const AWAY: i64 = 700;

/// Where in a shift a case has its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Anywhere, beside other cases.
    Anywhere,
    /// In the middle of a shift of its own, with others at work meanwhile.
    Shift,
    /// The same in the last shift of a register.
    LastShift,
    /// In a shift of its own; second 0 is when the register opens.
    Opening,
    /// In a shift of its own; second 0 is when it ends.
    Leaving,
    /// In a shift of its own; second 0 is when the register closes.
    Closing,
}

impl Place {
    fn suits(self, post: &Post, all: &[Post]) -> bool {
        match self {
            Self::Anywhere | Self::Leaving => true,
            Self::Shift => has_peers(post, all),
            Self::LastShift => post.last && has_peers(post, all),
            Self::Opening => post.first,
            Self::Closing => post.last,
        }
    }

    /// The instant of second 0 of a case that takes `from .. to`.
    fn zero(self, post: &Post, (from, to): (i64, i64), dice: &mut Dice) -> i64 {
        match self {
            Self::Anywhere => dice.between(post.start - from, post.end - to),
            Self::Shift | Self::LastShift => dice.between(post.start + MIDDLE.0 - from, post.end - MIDDLE.1 - to),
            Self::Opening => post.start,
            Self::Leaving | Self::Closing => post.end,
        }
    }

    /// Whether what takes `from .. to` lies where it belongs.
    fn holds(self, post: &Post, (from, to): (i64, i64)) -> bool {
        match self {
            Self::Anywhere | Self::Opening | Self::Leaving => post.start <= from && to <= post.end,
            Self::Shift | Self::LastShift => post.start + MIDDLE.0 <= from && to <= post.end - MIDDLE.1,
            Self::Closing => post.start <= from,
        }
    }

    /// The stretch in which nothing else but plain sales may happen at the register.
    fn quiet(self, post: &Post, (from, to): (i64, i64), around: i64) -> (i64, i64) {
        match self {
            Self::Anywhere => (from - around, to + around),
            _ => (post.start.min(from), post.end.max(to)),
        }
    }
}

/// Whether others are at work for as long as this shift lasts, so that there is somebody to compare with.
fn has_peers(post: &Post, all: &[Post]) -> bool {
    let beside = all.iter().filter(|other| other.register != post.register);
    let together: i64 = beside.map(|other| (other.end.min(post.end) - other.start.max(post.start)).max(0)).sum();
    together >= post.end - post.start
}

impl Session<'_> {
    /// Finds a place for each case; returns those for which there is none.
    pub(crate) fn stage(&mut self, cases: &[&'static Case], video: bool) -> Result<Vec<&'static str>> {
        let mut dice = self.dice("scenarios");
        let mut unplaced = Vec::new();
        for case in cases {
            let staged = (case.stage)(&mut self.ringer)?;
            if !self.place(case, staged, video, &mut dice) {
                unplaced.push(case.name);
            }
        }
        Ok(unplaced)
    }

    fn place(&mut self, case: &'static Case, staged: Staged, video: bool, dice: &mut Dice) -> bool {
        let extent = staged.events.iter().map(Draft::occupies);
        let extent = extent.fold((0, 0), |(from, to), (begin, end)| (from.min(begin), to.max(end)));
        let watched = |register: usize| video && self.plan.registers.get(register).is_some_and(|till| till.watched);
        // Where cameras watch, presence cases go there.
        let choosy = case.about_presence && (0..self.lanes.len()).any(watched);
        let fits = |post: &&Post| {
            self.by_second(post.register) && (watched(post.register) || !choosy) && case.place.suits(post, &self.posts)
        };
        let posts: Vec<_> = self.posts.iter().filter(fits).cloned().collect();
        for _ in 0..400 {
            let Some(post) = dice.pick(&posts) else { return false };
            let at = case.place.zero(post, extent, dice);
            let taken = (at + extent.0, at + extent.1);
            let stretch = case.place.quiet(post, taken, case.quiet_seconds);
            if !case.place.holds(post, taken) || taken.1 > self.span.end().timestamp() {
                continue;
            }
            let here = staged.events.iter().filter(|draft| draft.at == At::Own);
            if !self.is_free(post.register, here, at, stretch) {
                continue;
            }
            let Some(anchor) = self.anchor(&staged, post) else { continue };
            let elsewhere =
                staged.events.iter().any(|draft| draft.at != At::Own).then(|| self.elsewhere(&staged, post, at));
            if elsewhere == Some(None) {
                continue;
            }
            let events = staged.events.iter().map(|draft| draft.key).collect();
            let seen = watched(post.register);
            self.placed.push(Placed { case, anchor, events, seen });
            for mut draft in staged.events {
                let other = elsewhere.flatten().filter(|_| draft.at != At::Own);
                if draft.at == At::OtherAsOwn {
                    draft.body.operator_id = Some(post.operator.clone());
                }
                if let Some(other) = other {
                    self.keep_quiet(other, (at + draft.begin - AWAY, at + draft.end + AWAY), false);
                }
                let register = other.unwrap_or(post.register);
                self.put(draft, register, at);
            }
            self.keep_quiet(post.register, stretch, case.place != Place::Anywhere);
            return true;
        }
        false
    }

    /// Whether a register writes seconds: where only minutes are written, seconds decide nothing.
    fn by_second(&self, register: usize) -> bool {
        self.plan.registers.get(register).is_some_and(|till| till.clock.style != TimeStyle::LocalMinutes)
    }

    /// Whether a register is free for events of a case, and nobody else wants it quiet.
    fn is_free<'d>(
        &self,
        register: usize,
        mut events: impl Iterator<Item = &'d Draft>,
        at: i64,
        stretch: (i64, i64),
    ) -> bool {
        self.lanes.get(register).is_some_and(|lane| {
            let free = events.all(|draft| {
                let (begin, end) = draft.occupies();
                lane.taken.is_free(at + begin, at + end)
            });
            free && !lane.is_quiet(stretch.0, stretch.1)
        })
    }

    /// What a case stands on, once it has a shift: what ends a shift is there already.
    fn anchor(&self, staged: &Staged, post: &Post) -> Option<Anchor> {
        let Anchor::End(kind) = staged.anchor else { return Some(staged.anchor) };
        let ends = |draft: &&Draft| {
            draft.register == post.register && draft.body.kind == kind && (post.start..post.end).contains(&draft.begin)
        };
        self.drafts.iter().find(ends).map(|draft| Anchor::Event(draft.key))
    }

    /// Another register with somebody at it, at which what is rung away from a case's own has room.
    fn elsewhere(&self, staged: &Staged, post: &Post, at: i64) -> Option<usize> {
        let away = || staged.events.iter().filter(|draft| draft.at != At::Own);
        let begin = at + away().map(|draft| draft.begin).min()? - AWAY;
        let end = at + away().map(|draft| draft.end).max()? + AWAY;
        (0..self.lanes.len()).find(|register| {
            *register != post.register
                && self.by_second(*register)
                && self.post_at(*register, begin).is_some_and(|other| other.end > end)
                && self.is_free(*register, away(), at, (begin, end))
        })
    }

    fn keep_quiet(&mut self, register: usize, stretch: (i64, i64), owned: bool) {
        if let Some(lane) = self.lanes.get_mut(register) {
            lane.quiet.push(stretch);
            if owned {
                lane.owned.push(stretch);
            }
        }
    }
}
