//! A stretch of time in a store while it is being filled: shifts, reserved seconds, events so far.
//!
//! It is filled in a fixed order: signing and breaks, scenarios, customers, chores. A *quiet* stretch around a scenario
//! keeps everything but plain sales away from its register, so that no rule sees the scenario and the background as
//! one.

use chrono::NaiveDate;
use tillsight_schemas::TimeSpan;
use tillsight_schemas::pos::Kind;

pub(crate) use super::calendar::Post;
use super::calendar::{Calendar, SIGNING};
use super::ring::Ringer;
use super::till::{Draft, Key, Rung, Tills};
use crate::dice::Dice;
use crate::journey::Panel;
use crate::plan::{Role, StorePlan};
use crate::scenario::{Anchor, Placed};
use crate::truth::Item;
use crate::{Error, Result};

/// What a register has been through.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    pub(crate) taken: Calendar,
    /// Stretches in which only plain sales may happen.
    pub(crate) quiet: Vec<(i64, i64)>,
    /// Those of them in which cash stays in the till, too: shifts that belong to a case.
    pub(crate) owned: Vec<(i64, i64)>,
    /// When something was voided or cancelled.
    pub(crate) voids: Vec<i64>,
    /// When something was cancelled.
    pub(crate) cancels: Vec<i64>,
}

impl Lane {
    /// Whether anything but a plain sale may happen from `start` to `end`.
    pub(crate) fn is_quiet(&self, start: i64, end: i64) -> bool {
        self.quiet.iter().any(|(from, to)| *from < end && start < *to)
    }

    /// Whether a second lies in a shift that belongs to a case.
    pub(crate) fn is_owned(&self, second: i64) -> bool {
        self.owned.iter().any(|(from, to)| (*from..*to).contains(&second))
    }
}

/// A store day, or a live session, in the making.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    pub(crate) ringer: Ringer<'a>,
    pub(crate) plan: &'a StorePlan,
    pub(crate) span: TimeSpan,
    pub(crate) posts: Vec<Post>,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) drafts: Vec<Draft>,
    pub(crate) placed: Vec<Placed>,
    seed: u64,
    business_day: NaiveDate,
}

impl<'a> Session<'a> {
    pub(crate) fn new(
        (panel, plan): (&'a Panel, &'a StorePlan),
        (seed, business_day): (u64, NaiveDate),
        span: TimeSpan,
        posts: Vec<Post>,
    ) -> Self {
        let dice = dice(seed, plan, business_day, "ring");
        let lanes = plan.registers.iter().map(|_| Lane::default()).collect();
        let ringer = Ringer::new(panel, plan, dice);
        Self { ringer, plan, span, posts, lanes, drafts: Vec::new(), placed: Vec::new(), seed, business_day }
    }

    /// The stream of chance for a purpose of this day.
    pub(crate) fn dice(&self, purpose: &str) -> Dice {
        dice(self.seed, self.plan, self.business_day, purpose)
    }

    /// Puts an event at a second of a register and reserves what it takes. The shift says who rings it.
    pub(crate) fn put(&mut self, mut draft: Draft, register: usize, at: i64) {
        draft.shift(at);
        let operator = self.post_at(register, draft.begin).map(|post| post.operator.clone());
        draft.assign(self.plan, register, operator.as_ref());
        let (from, to) = draft.occupies();
        if let Some(lane) = self.lanes.get_mut(register) {
            lane.taken.take(from, to);
            let voided = draft.body.lines.iter().any(|line| line.voids_line_no.is_some());
            if voided || matches!(draft.body.kind, Kind::Cancel | Kind::PostVoid) {
                lane.voids.push(draft.end);
            }
            if draft.body.kind == Kind::Cancel {
                lane.cancels.push(draft.end);
            }
        }
        self.drafts.push(draft);
    }

    /// The shift at a register at a second.
    pub(crate) fn post_at(&self, register: usize, second: i64) -> Option<&Post> {
        self.posts.iter().find(|post| post.register == register && post.start <= second && second < post.end)
    }

    /// The first start at or after `from` at which a draft of second 0 fits a register without leaving the shift.
    pub(crate) fn fit(&self, draft: &Draft, register: usize, from: i64) -> Option<i64> {
        let (before, after) = draft.occupies();
        let lane = self.lanes.get(register)?;
        self.posts.iter().filter(|post| post.register == register && post.end > from).find_map(|post| {
            let start = lane.taken.gap((from + before).max(post.start), after - before);
            (start + after - before <= post.end).then_some(start - before)
        })
    }

    /// Opens and closes registers, signs people on and off and sends them to their breaks.
    pub(crate) fn sign(&mut self) -> Result<()> {
        let mut dice = self.dice("breaks");
        let rates = self.plan.rates;
        for post in self.posts.clone() {
            let register = post.register;
            if let Some(lane) = self.lanes.get_mut(register) {
                lane.taken.take(post.start, post.start + SIGNING);
                lane.taken.take(post.end - SIGNING, post.end);
            }
            if post.first {
                self.control(Kind::Open, None, register, post.start + 5)?;
                let float = self.ringer.cash(Kind::Loan, i64::from(rates.float_minor), Role::Supervisor)?;
                self.put(float, register, post.start + 20);
            }
            self.control(Kind::SignOn, None, register, post.start + 40)?;
            let hours = (post.end - post.start) / 3_600;
            let rest = [(hours > 4, rates.break_minutes, 3), (hours > 6, rates.meal_minutes, 2)];
            for (due, minutes, part) in rest {
                if due {
                    let about = post.start + (post.end - post.start) / part + dice.between(-1_200, 1_200);
                    let length = i64::from(minutes) * 60;
                    let Some(lane) = self.lanes.get_mut(register) else { continue };
                    let start = lane.taken.gap(about, length);
                    lane.taken.take(start, start + length);
                    self.control(Kind::Break, Some("BREAK_BEGIN"), register, start + 10)?;
                    self.control(Kind::Break, Some("BREAK_END"), register, start + length - 10)?;
                }
            }
            self.control(Kind::SignOff, None, register, post.end - 60)?;
            if post.last {
                self.control(Kind::Close, None, register, post.end - 20)?;
            }
        }
        Ok(())
    }

    /// An event of an instant within seconds that are reserved already.
    pub(crate) fn control(&mut self, kind: Kind, raw: Option<&str>, register: usize, at: i64) -> Result<()> {
        let mut draft = self.ringer.control(kind)?;
        draft.body.kind_raw = raw.map(str::to_owned);
        self.put(draft, register, at);
        Ok(())
    }

    /// The event that a case stands on, in a day in which everything has happened, in order.
    fn stands_on(&self, placed: &Placed) -> Option<Key> {
        let (nth, counts) = match placed.anchor {
            Anchor::Event(key) => return Some(key),
            Anchor::End(_) => return None,
            Anchor::Nth(nth, counts) => (nth, counts),
        };
        let own = self.drafts.iter().find(|draft| placed.events.contains(&draft.key))?;
        let all = self.drafts.iter().filter(|draft| draft.body.operator_id == own.body.operator_id && counts(draft));
        all.map(|draft| draft.key).nth(nth.checked_sub(1)?)
    }

    /// Writes everything down in the order in which it completed.
    pub(crate) fn finish(mut self, first_sequence: i64) -> Result<(Vec<Rung>, Vec<Item>)> {
        self.drafts.sort_by_key(|draft| (draft.end, draft.begin, draft.register, draft.key));
        let anchors: Vec<Option<Key>> = self.placed.iter().map(|placed| self.stands_on(placed)).collect();
        let mut tills = Tills::new(self.plan, self.business_day, first_sequence);
        let mut places = std::collections::HashMap::<Key, usize>::new();
        let mut rung = Vec::with_capacity(self.drafts.len());
        for draft in self.drafts {
            places.insert(draft.key, rung.len());
            rung.push(tills.write(self.plan, draft)?);
        }
        let find = |key: &Key| places.get(key).and_then(|place| rung.get(*place));
        let lost = || Error::Plan { store: self.plan.store.id.clone(), problem: "a scenario lost an event" };
        let mut items: Vec<Item> = Vec::new();
        for (placed, anchor) in self.placed.iter().zip(anchors) {
            let anchor = anchor.ok_or_else(lost)?;
            let others = placed.events.iter().filter(|key| **key != anchor);
            let mut events = others.map(|key| find(key).ok_or_else(lost)).collect::<Result<Vec<&Rung>>>()?;
            let anchor = find(&anchor).ok_or_else(lost)?;
            events.push(anchor);
            events.sort_by_key(|rung| rung.true_time);
            items.extend(placed.items(self.plan, anchor, &events)?);
        }
        items.sort_by(|a, b| (a.true_time, &a.case).cmp(&(b.true_time, &b.case)));
        Ok((rung, items))
    }
}

fn dice(seed: u64, plan: &StorePlan, day: NaiveDate, purpose: &str) -> Dice {
    Dice::new(seed, purpose, &[plan.store.tenant.as_str(), plan.store.id.as_str(), &day.to_string()])
}
