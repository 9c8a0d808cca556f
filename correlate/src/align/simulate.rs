//! Lanes with a known offset: customers, a till with its own clock, and a camera that sees little and imagines much.
//!
//! A lane is a function of its scenario and seed. True time is the camera's. A customer comes into the zone, is served
//! (the transaction), and leaves; leads before and after are gamma distributed with means that are drawn once a lane,
//! each by itself. Each arrival and departure that the zone's presence would show becomes a cue with the probability
//! `recall`, some time off; false cues come by chance. It is meant for proofs, not for production.

use super::number::{micros, real, seconds, whole};
use super::{Cue, CueKind, SECOND_US, TillEvent, TillKind};

/// When customers come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shopping {
    /// Gaps between transactions, evenly between 60 and 90 s.
    Rhythm,
    /// One period a lane between 60 and 90 s, kept to within some seconds (standard deviation), one in ten left out.
    Clockwork(f64),
    /// By chance, one in so many seconds.
    Poisson(f64),
    /// By chance, faster than they are served for a while: the next is in the zone before the last one left.
    Queue,
}

/// How cues come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Each arrival and departure by itself.
    Cues,
    /// Runs of presence with outages: visits that are seen whole, in part or not at all, and false runs of some
    /// seconds.
    Runs,
}

/// A kind of lane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// How long it lasts, in hours.
    pub hours: i64,
    /// When customers come.
    pub shopping: Shopping,
    /// To what the till cuts its times off, in microseconds.
    pub resolution_us: i64,
    /// The probability that an arrival or departure makes a cue.
    pub recall: f64,
    /// False arrivals a minute, and as many false departures.
    pub false_a_minute: f64,
    /// The least and the largest mean lead of arrivals, in seconds.
    pub before_s: (f64, f64),
    /// The least and the largest mean lead of departures, in seconds.
    pub after_s: (f64, f64),
    /// Whether somebody busy in the zone makes a burst of cues every quarter of an hour.
    pub bursts: bool,
    /// Whether there is a drawer with a contact.
    pub drawer: bool,
    /// By at least and at most how many seconds the clock is set once, forward or back, in about the middle of the
    /// time.
    pub set_s: Option<(f64, f64)>,
    /// Whether the camera looks at this till at all (else at another one like it).
    pub related: bool,
    /// How cues come about.
    pub sight: Sight,
}

/// The scenario that others vary.
pub const USUAL: Scenario = Scenario {
    name: "rhythm",
    hours: 12,
    shopping: Shopping::Rhythm,
    resolution_us: SECOND_US,
    recall: 0.3,
    false_a_minute: 1.5,
    before_s: (1.0, 4.0),
    after_s: (1.0, 4.0),
    bursts: false,
    drawer: false,
    set_s: None,
    related: true,
    sight: Sight::Cues,
};

/// What a lane's clocks really did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Truth {
    begin_us: i64,
    offset_s: f64,
    drift_ppm: f64,
    /// When the clock was set, by the camera's clock, and by how much the offset grew.
    set: Option<(i64, f64)>,
    /// The mean leads of the lane, in seconds.
    pub leads_s: (f64, f64),
}

impl Truth {
    /// The offset at an instant of the camera's clock, in microseconds.
    #[must_use]
    pub fn offset_us(&self, camera_us: i64) -> i64 {
        let set = self.set.filter(|(at, _)| camera_us >= *at).map_or(0.0, |(_, by)| by);
        micros(self.offset_s + set) + whole(seconds(camera_us - self.begin_us) * self.drift_ppm)
    }

    /// The instant of the till's clock from which on it may have been set already, in microseconds.
    #[must_use]
    pub fn set_till_us(&self) -> Option<i64> {
        self.set.map(|(at, by)| at - self.offset_us(at - 1) - micros(by.max(0.0)))
    }

    /// The offset at an instant of the till's clock, in microseconds; after the clock was set if that may be.
    #[must_use]
    pub fn offset_at_till_us(&self, till_us: i64) -> i64 {
        let set = self.set_till_us().is_some_and(|set| till_us >= set);
        let jump = self.set.filter(|_| set).map_or(0.0, |(_, by)| by);
        let near = till_us + micros(self.offset_s + jump);
        micros(self.offset_s + jump) + whole(seconds(near - self.begin_us) * self.drift_ppm)
    }

    /// The drift, in microseconds a second.
    #[must_use]
    pub fn drift_ppm(&self) -> f64 {
        self.drift_ppm
    }
}

/// What a lane said.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// The till's events by its own clock, in the order in which they happened.
    pub till: Vec<TillEvent>,
    /// The cues, in the order in which they happened.
    pub cues: Vec<Cue>,
    /// The truth.
    pub truth: Truth,
}

/// Random numbers (`SplitMix64`, Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Evenly from 0 to before 1.
    pub fn even(&mut self) -> f64 {
        let bits = i64::try_from(self.next() >> 12).unwrap_or(0);
        real(bits) / real(1 << 52)
    }

    /// Evenly between two numbers.
    pub fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.even()
    }

    /// Exponential with a mean.
    pub fn wait(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.even()).ln()
    }

    /// Gamma of shape 3 with a mean.
    pub fn lead(&mut self, mean: f64) -> f64 {
        (0..3).map(|_| self.wait(mean / 3.0)).sum()
    }

    /// Normal with a standard deviation.
    pub fn error(&mut self, deviation: f64) -> f64 {
        let angle = self.even() * std::f64::consts::TAU;
        self.wait(2.0).sqrt() * angle.cos() * deviation
    }

    /// Whether something of a probability happens.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.even() < probability
    }
}

/// A customer at the till, in seconds since the lane began.
#[derive(Debug, Clone, Copy)]
struct Visit {
    arrived: f64,
    begin: f64,
    end: f64,
    left: f64,
    drawer: Option<f64>,
}

/// The lane of a scenario with a seed.
#[must_use]
pub fn lane(scenario: &Scenario, seed: u64) -> Recording {
    let mut dice = Dice::new(seed);
    let length = real(scenario.hours) * 3_600.0;
    let begin_us = 1_790_000_000 * SECOND_US + micros(dice.between(0.0, 86_400.0));
    let leads =
        (dice.between(scenario.before_s.0, scenario.before_s.1), dice.between(scenario.after_s.0, scenario.after_s.1));
    let (least, most) = scenario.set_s.unwrap_or_default();
    let by = dice.between(least, most) * if dice.happens(0.5) { 1.0 } else { -1.0 };
    let set_at = begin_us + micros(length * dice.between(0.45, 0.55));
    let truth = Truth {
        begin_us,
        offset_s: if scenario.set_s.is_some() { dice.between(-300.0, 300.0) } else { dice.between(-600.0, 600.0) },
        drift_ppm: dice.between(-50.0, 50.0),
        set: scenario.set_s.map(|_| (set_at, by)),
        leads_s: leads,
    };
    let visits = visits(&mut dice, scenario, leads, length);
    let till = till(&mut dice, scenario, &truth, &visits);
    let seen = if scenario.related { visits } else { self::visits(&mut dice, scenario, leads, length) };
    let mut cues = match scenario.sight {
        Sight::Cues => edges(&mut dice, scenario, &seen, length),
        Sight::Runs => runs(&mut dice, scenario, &seen, length),
    };
    if scenario.bursts {
        let mut at = dice.wait(900.0);
        while at < length {
            for _ in 0..20 {
                let kind = if dice.happens(0.5) { CueKind::Arrived } else { CueKind::Left };
                cues.push((at + dice.between(0.0, 20.0), kind));
            }
            at += dice.wait(900.0);
        }
    }
    if scenario.drawer {
        for at in seen.iter().filter_map(|visit| visit.drawer) {
            if dice.happens(0.9) {
                cues.push((at + dice.between(0.1, 0.5), CueKind::Drawer));
            }
        }
        scatter(&mut dice, 0.1, length, CueKind::Drawer, &mut cues);
    }
    cues.sort_by(|a, b| a.0.total_cmp(&b.0));
    let cues = cues.into_iter().map(|(at, kind)| Cue { at_us: begin_us + micros(at), kind }).collect();
    Recording { till, cues, truth }
}

fn visits(dice: &mut Dice, scenario: &Scenario, leads: (f64, f64), length: f64) -> Vec<Visit> {
    let mut visits: Vec<Visit> = Vec::new();
    let (period, phase) = (dice.between(60.0, 90.0), dice.between(0.0, 60.0));
    let (mut next, mut round, mut busy) = (phase, 0_i32, 0.0);
    while next < length {
        let service = match scenario.shopping {
            Shopping::Queue => dice.between(20.0, 70.0),
            _ => dice.between(12.0, 40.0),
        };
        let before = visits.last().copied();
        let (mut arrived, mut begin) = (next - dice.lead(leads.0), next);
        if let Some(before) = before {
            let free = before.end + dice.between(2.0, 6.0);
            if begin < free {
                begin = free;
            }
            if scenario.shopping != Shopping::Queue {
                arrived = arrived.max(before.left + 0.5).min(begin);
            }
        }
        let end = begin + service;
        let left = end + dice.lead(leads.1);
        let drawer = dice.happens(0.4).then(|| end - dice.between(1.0, 8.0));
        let skipped = matches!(scenario.shopping, Shopping::Clockwork(_)) && dice.happens(0.1);
        if !skipped {
            visits.push(Visit { arrived, begin, end, left, drawer });
        }
        round += 1;
        next = match scenario.shopping {
            Shopping::Rhythm => begin + dice.between(60.0, 90.0),
            Shopping::Clockwork(error) => phase + f64::from(round) * period + dice.error(error),
            Shopping::Poisson(mean) => next + dice.wait(mean),
            Shopping::Queue => {
                busy -= 1.0;
                if busy < 0.0 {
                    busy = dice.between(1.0, 7.0);
                    left.max(next) + dice.wait(120.0)
                } else {
                    next + dice.between(20.0, 55.0)
                }
            }
        };
    }
    visits
}

fn till(dice: &mut Dice, scenario: &Scenario, truth: &Truth, visits: &[Visit]) -> Vec<TillEvent> {
    let mut events = Vec::new();
    for visit in visits {
        let mut say = |at: f64, kind: TillKind| {
            let camera_us = truth.begin_us + micros(at);
            let at_us = camera_us - truth.offset_us(camera_us);
            let at_us = at_us - at_us.rem_euclid(scenario.resolution_us.max(1));
            events.push(TillEvent { at_us, kind });
        };
        say(visit.begin, TillKind::TransactionStart);
        let mut line = visit.begin + dice.between(0.5, 4.0);
        while line < visit.end - 4.0 {
            say(line, TillKind::Line);
            line += dice.between(2.0, 8.0);
        }
        if let Some(at) = visit.drawer.filter(|_| scenario.drawer) {
            say(at, TillKind::Drawer);
        }
        say(visit.end, TillKind::TransactionEnd);
    }
    events
}

/// When the zone is not empty, with the customers' stays that overlap made into one.
fn merged(visits: &[Visit]) -> Vec<(f64, f64)> {
    let mut merged: Vec<(f64, f64)> = Vec::new();
    for visit in visits {
        match merged.last_mut() {
            Some(last) if visit.arrived <= last.1 => last.1 = last.1.max(visit.left),
            _ => merged.push((visit.arrived, visit.left)),
        }
    }
    merged
}

fn scatter(dice: &mut Dice, a_minute: f64, length: f64, kind: CueKind, to: &mut Vec<(f64, CueKind)>) {
    if a_minute <= 0.0 {
        return;
    }
    let mut at = dice.wait(60.0 / a_minute) - 900.0;
    while at < length + 900.0 {
        to.push((at, kind));
        at += dice.wait(60.0 / a_minute);
    }
}

fn edges(dice: &mut Dice, scenario: &Scenario, visits: &[Visit], length: f64) -> Vec<(f64, CueKind)> {
    let mut cues = Vec::new();
    let jitter = dice.between(1.0, 1.5);
    for (arrived, left) in merged(visits) {
        for (at, kind) in [(arrived, CueKind::Arrived), (left, CueKind::Left)] {
            if dice.happens(scenario.recall) {
                cues.push((at + dice.error(jitter), kind));
            }
        }
    }
    scatter(dice, scenario.false_a_minute, length, CueKind::Arrived, &mut cues);
    scatter(dice, scenario.false_a_minute, length, CueKind::Left, &mut cues);
    cues
}

fn runs(dice: &mut Dice, scenario: &Scenario, visits: &[Visit], length: f64) -> Vec<(f64, CueKind)> {
    let jitter = dice.between(1.0, 1.5);
    let mut present: Vec<(f64, f64)> = Vec::new();
    let whole_edge = scenario.recall.sqrt();
    for (arrived, left) in merged(visits) {
        if !dice.happens(whole_edge) {
            continue;
        }
        let late = if dice.happens(whole_edge) { dice.error(jitter) } else { dice.between(0.0, left - arrived) };
        let early = if dice.happens(whole_edge) { dice.error(jitter) } else { -dice.between(0.0, left - arrived) };
        if left + early > arrived + late + 1.0 {
            present.push((arrived + late, left + early));
        }
    }
    let mut starts = Vec::new();
    scatter(dice, scenario.false_a_minute, length, CueKind::Arrived, &mut starts);
    present.extend(starts.into_iter().map(|(at, _)| (at, at + dice.between(1.0, 8.0))));
    present.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut together: Vec<(f64, f64)> = Vec::new();
    for (from, to) in present {
        match together.last_mut() {
            Some(last) if from <= last.1 + 1.0 => last.1 = last.1.max(to),
            _ => together.push((from, to)),
        }
    }
    let mut dark: Vec<(f64, f64)> = Vec::new();
    let mut at = dice.wait(1_800.0);
    while at < length {
        let until = at + dice.between(30.0, 600.0);
        dark.push((at, until));
        at = until + dice.wait(1_800.0);
    }
    let clear = |at: f64| !dark.iter().any(|(from, to)| (*from..*to).contains(&at));
    together
        .into_iter()
        .flat_map(|(from, to)| [(from, CueKind::Arrived), (to, CueKind::Left)])
        .filter(|(at, _)| clear(*at))
        .collect()
}
