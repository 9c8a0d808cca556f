//! [`Session`]: the plan of a live session at a register that a camera watches: what the till rings when, when the camera is
//! blinded, and what the rules must make of it.
//!
//! The plan follows the film's labels and the cameras' frame log, never what a camera reported. The rest of the store
//! rings by [`crate::live::Schedule`]; one more register is rung by this plan, for the cases that need no camera.
//! Whatever is rung at the watched register and could be seen either way is not rung at all: see [`slots`].

mod demand;
mod outlook;
mod slots;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::TimeSpan;
use tillsight_schemas::id::RegisterId;
use uuid::Uuid;

pub use demand::OnDemand;
pub use outlook::{Change, Outlook, Stretch};

use crate::cameras::Order;
use crate::dice::Dice;
use crate::film::State;
use crate::journey::Panel;
use crate::live::{Counter, Ring};
use crate::plan::{Role, StorePlan};
use crate::scenario::{self, Case};
use crate::store_day::Rung;
use crate::truth::{Item, Seen, Zone};
use crate::{Error, Result};
pub use slots::Blind;
use slots::{Slot, Slots};

/// Sessions that follow each other begin at least so many seconds apart.
const SESSION: i64 = 360;

/// How a camera is blinded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blindness {
    /// It does not answer.
    Unplugged,
    /// It sends one picture over and over.
    Frozen,
}

/// What a judged refund or no-sale is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// Somebody stands there.
    Occupied,
    /// Nobody stands there.
    Empty,
    /// The camera cannot tell.
    Blind(Blindness),
    /// Somebody comes or goes within 2 s.
    Changing,
}

impl About {
    /// Its name in a case's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Occupied => "occupied",
            Self::Empty => "empty",
            Self::Blind(Blindness::Unplugged) => "unplugged",
            Self::Blind(Blindness::Frozen) => "frozen",
            Self::Changing => "changing",
        }
    }

    fn why(self) -> &'static str {
        match self {
            Self::Occupied => "Somebody stands in the zone meanwhile.",
            Self::Empty => "The zone is empty from at least 6 s before to at least 6 s after.",
            Self::Blind(Blindness::Unplugged) => {
                "The camera is unplugged: presence is unknown, and unknown never fires."
            }
            Self::Blind(Blindness::Frozen) => "The picture is frozen: presence is unknown, and unknown never fires.",
            Self::Changing => "Somebody comes into the zone or leaves it within 2 s: that is not nobody.",
        }
    }
}

/// What somebody does at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The till sends a record.
    Ring(Box<Rung>),
    /// The camera is told something; what the till's display says is burnt into its picture.
    Camera(Order),
}

/// A step of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub action: Action,
}

/// The plan of a live session.
#[derive(Debug)]
pub struct Session {
    /// In order of time.
    pub steps: Vec<Step>,
    /// What the rules must make of it, in order of time.
    pub truth: Vec<Item>,
    /// What each judged refund and no-sale at the watched register is about.
    pub anchors: BTreeMap<Uuid, About>,
    /// When the camera is blinded, and how.
    pub blind: Vec<Blind>,
}

/// Which registers a session rings itself; a [`crate::live::Schedule`] must leave them alone.
#[derive(Debug, Clone)]
pub struct Registers {
    /// The one that the camera watches.
    pub watched: RegisterId,
    /// One for the cases that need no camera.
    pub other: RegisterId,
}

impl Session {
    /// Plans a span. Five and a half minutes give at least thirty judged refunds and no-sales whenever they begin.
    /// Where the camera belongs to another session already, `blind` says when that one blinds it; this one then tells
    /// it nothing.
    ///
    /// # Errors
    /// The span is too short for the film, the plan has no such registers, or the panel no basket that fits.
    pub fn plan(
        panel: &Panel,
        plan: &StorePlan,
        registers: &Registers,
        outlook: &Outlook<'_>,
        span: TimeSpan,
        seed: u64,
        blind: Option<&[Blind]>,
    ) -> Result<Self> {
        let start = span.start().to_rfc3339();
        let mut dice =
            Dice::new(seed, "session", &[plan.store.id.as_str(), registers.watched.as_str(), start.as_str()]);
        let slots = Slots::fill(outlook, span, blind, &mut dice);
        let mut session =
            Self { steps: Vec::new(), truth: Vec::new(), anchors: BTreeMap::new(), blind: slots.blind.clone() };
        let stretches = outlook.stretches(span.padded(TimeDelta::minutes(1), TimeDelta::minutes(1)));
        let mut counter = Counter::new(panel, plan, &registers.watched, span.start(), seed)?;
        for slot in &slots.taken {
            session.ring(plan, &mut counter, slot, &slots, &stretches)?;
        }
        for blind in &slots.blind {
            let (begin, end) = match blind.how {
                Blindness::Unplugged => (Order::Unplug, Order::Plug),
                Blindness::Frozen => (Order::Freeze, Order::Thaw),
            };
            session.step(instant(blind.from), Action::Camera(begin));
            session.step(instant(blind.to), Action::Camera(end));
        }
        if blind.is_some() {
            session.steps.retain(|step| matches!(step.action, Action::Ring(_)));
        }
        session.without_camera(panel, plan, &registers.other, span, seed)?;
        session.steps.sort_by_key(|step| step.at);
        session.truth.sort_by_key(|item| item.true_time);
        Ok(session)
    }

    /// The cases that a [`crate::live::Schedule`] should stage at the other registers meanwhile.
    pub fn cases() -> Vec<&'static Case> {
        ["post_void"].into_iter().filter_map(scenario::case).collect()
    }

    /// How many judged refunds and no-sales are about something.
    pub fn count(&self, about: impl Fn(About) -> bool) -> usize {
        self.anchors.values().filter(|anchor| about(**anchor)).count()
    }

    fn step(&mut self, at: DateTime<Utc>, action: Action) {
        self.steps.push(Step { at, action });
    }

    fn show(&mut self, at: DateTime<Utc>, text: String) {
        self.step(at, Action::Camera(Order::Show { text }));
    }

    fn ring(
        &mut self,
        plan: &StorePlan,
        counter: &mut Counter<'_>,
        slot: &Slot,
        slots: &Slots,
        stretches: &[Stretch],
    ) -> Result<()> {
        let begin = instant(slot.begin * 1_000_000);
        let rung = match slot.what {
            Ring::NoSale => counter.ring(slot.what, begin)?,
            _ => counter.ring_for(slot.what, begin, TimeDelta::seconds(slot.end - slot.begin))?,
        };
        self.display(slot, &rung);
        if let Some(about) = slot.about {
            let rule = match slot.what {
                Ring::Refund => "refund_no_customer",
                _ => "no_sale_no_customer",
            };
            let mut item = item(plan, rule, &format!("live_{}", about.name()), about.why(), &rung)?;
            item.expected_rule = (about == About::Empty).then(|| rule.to_owned());
            item.presence = presence(&rung, slots, stretches);
            self.anchors.insert(rung.event_id, about);
            self.truth.push(item);
        }
        self.step(rung.true_time, Action::Ring(Box::new(rung)));
        Ok(())
    }

    /// What the customer's side of the till shows: the lines as they are rung, then the total.
    fn display(&mut self, slot: &Slot, rung: &Rung) {
        let money = |minor: i64| format!("{}.{:02}", minor / 100, minor % 100);
        let record = &rung.transaction;
        let name = match slot.what {
            Ring::Sale => "SALE",
            Ring::Refund => "REFUND",
            Ring::NoSale => "NO SALE",
            Ring::Cancel => "CANCEL",
        };
        let lines = i32::try_from(record.lines.len().max(1)).unwrap_or(1);
        let whole = rung.true_time - rung.true_begin;
        for (line, n) in record.lines.iter().zip(0..) {
            let what: String = line.description.as_deref().unwrap_or("ITEM").chars().take(24).collect();
            self.show(rung.true_begin + whole * n / lines, format!("{name} {what} {}", money(line.extended_minor)));
        }
        let number = record.receipt_no.as_deref().unwrap_or_default();
        let total = record.total_minor.map(money).unwrap_or_default();
        self.show(rung.true_time, format!("{name} TOTAL {total} {number}"));
    }

    /// A void and then a no-sale, two prices set by hand, and six sales given up, rung by a supervisor so that no
    /// cashier's day counts in, and by another one in each session, so that no burst is the last one going on.
    fn without_camera(
        &mut self,
        panel: &Panel,
        plan: &StorePlan,
        register: &RegisterId,
        span: TimeSpan,
        seed: u64,
    ) -> Result<()> {
        const CANCELS: i32 = 6;
        let every = TimeDelta::seconds(18);
        let burst = every * CANCELS;
        let mut counter = Counter::new(panel, plan, register, span.start(), seed)?;
        let nobody = || Error::Plan { store: plan.store.id.clone(), problem: "it has no supervisor" };
        let turn = usize::try_from(span.start().timestamp() / SESSION).unwrap_or(0);
        let supervisors: Vec<_> = plan.with_role(Role::Supervisor).collect();
        let supervisor = turn.checked_rem(supervisors.len()).and_then(|turn| supervisors.get(turn));
        counter.sign_on(supervisor.copied().ok_or_else(nobody)?.clone());
        let mut free = span.start() + TimeDelta::seconds(5);
        for case in ["line_void_then_no_sale", "price_override_deep", "price_override_29_percent"] {
            let Some(case) = scenario::case(case) else { continue };
            let mut tried = counter.clone();
            let (rung, item) = tried.stage(case, free)?;
            let last = rung.iter().map(|rung| rung.true_time).max().unwrap_or(free);
            if last + burst + TimeDelta::seconds(10) > span.end() {
                continue;
            }
            counter = tried;
            free = last + TimeDelta::seconds(4);
            self.truth.push(item);
            for rung in rung {
                self.step(rung.true_time, Action::Ring(Box::new(rung)));
            }
        }
        let mut cancels = Vec::new();
        for n in 0..CANCELS {
            cancels.push(counter.ring_for(Ring::Cancel, free + every * n, every - TimeDelta::seconds(4))?);
        }
        if let Some(last) = cancels.last() {
            let why = "Six sales are cancelled by one operator within two minutes; it takes six within 30.";
            let mut item = item(plan, "cancel_burst", "live_cancel_burst", why, last)?;
            item.event_ids = cancels.iter().map(|rung| rung.event_id).collect();
            self.truth.push(item);
        }
        for rung in cancels {
            self.step(rung.true_time, Action::Ring(Box::new(rung)));
        }
        Ok(())
    }
}

fn item(plan: &StorePlan, scenario: &str, case: &str, why: &str, anchor: &Rung) -> Result<Item> {
    let nobody = || Error::Plan { store: plan.store.id.clone(), problem: "a case has no operator" };
    let record = &anchor.transaction;
    Ok(Item {
        scenario: scenario.to_owned(),
        case: case.to_owned(),
        expected_rule: Some(scenario.to_owned()),
        why: why.to_owned(),
        anchor_event_id: anchor.event_id,
        event_ids: vec![anchor.event_id],
        tenant_id: plan.store.tenant.clone(),
        store_id: plan.store.id.clone(),
        register_id: record.register_id.clone(),
        operator_id: record.operator_id.clone().ok_or_else(nobody)?,
        business_day: record.business_day.unwrap_or_default(),
        true_time: anchor.true_time,
        event_time_raw: record.event_time_raw.clone(),
        presence: Vec::new(),
    })
}

/// What a camera can show from 6 s before an event to 6 s after it, by the film and by how it is blinded.
fn presence(rung: &Rung, slots: &Slots, stretches: &[Stretch]) -> Vec<Seen> {
    let from = (rung.true_begin - TimeDelta::seconds(6)).timestamp_micros();
    let to = (rung.true_time + TimeDelta::seconds(6)).timestamp_micros();
    let seen = |begin: i64, end: i64, zone: Zone| {
        let span = TimeSpan::new(instant(begin.max(from)), instant(end.min(to))).ok()?;
        Some(Seen { span, zone })
    };
    let blind: Vec<_> = slots.blind.iter().filter_map(|blind| seen(blind.from, blind.to, Zone::Blind)).collect();
    if !blind.is_empty() {
        return blind;
    }
    let zones = stretches.iter().filter_map(|stretch| match stretch.state {
        State::Occupied => seen(stretch.from, stretch.to, Zone::Occupied),
        State::Empty => seen(stretch.from, stretch.to, Zone::Empty),
        State::Changing => None,
    });
    zones.collect()
}

fn instant(us: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(us).unwrap_or_default()
}

#[cfg(test)]
mod tests;
