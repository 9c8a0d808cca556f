//! Area `align`: clocks of tills and cameras compared over simulated lanes whose offset is known, many of each kind, on
//! seeds on which nothing was tuned.
//!
//! Every judgement counts: after each ten minutes of till time the statement that then holds is compared with the truth at
//! that instant. Between a clock's being set and the notice of it a statement cannot hold, and is not counted; how long that
//! takes is a row of its own.

use std::time::{Duration, Instant};

use tillsight_correlate::align::incoming::{Incoming, order};
use tillsight_correlate::align::lane::Lane;
use tillsight_correlate::align::number::{count, seconds};
use tillsight_correlate::align::simulate::{Scenario, Shopping, Sight, USUAL, lane};
use tillsight_correlate::align::{SECOND_US, Statement};

use crate::sheet::{Bar, Row, Sheet};

/// The seeds of each scenario.
const SEEDS: std::ops::RangeInclusive<u64> = 20_001..=20_200;
/// An offset that is stated and this far from the truth is a wrong lock, in seconds.
const WRONG_S: f64 = 5.0;

/// What is to come of a scenario.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hope {
    /// An offset from customers.
    Presence,
    /// An offset from the drawer.
    Drawer,
    /// Nothing: the data cannot tell.
    Refusal,
    /// Either, as the lane's own leads have it.
    Any,
}

fn scenarios() -> Vec<(Scenario, Hope)> {
    use Hope::{Any, Drawer, Presence, Refusal};
    let minute = 60 * SECOND_US;
    let leads = |least, most| Scenario { before_s: (least, most), after_s: (least, most), ..USUAL };
    vec![
        (USUAL, Presence),
        (Scenario { name: "rhythm_1_ms", resolution_us: 1_000, ..USUAL }, Presence),
        (Scenario { name: "clockwork_6_s", shopping: Shopping::Clockwork(6.0), ..USUAL }, Presence),
        (Scenario { name: "clockwork_2_s", shopping: Shopping::Clockwork(2.0), ..USUAL }, Presence),
        (Scenario { name: "queue", shopping: Shopping::Queue, ..USUAL }, Presence),
        (Scenario { name: "poisson", shopping: Shopping::Poisson(75.0), ..USUAL }, Presence),
        (Scenario { name: "drift_36_h", hours: 36, ..USUAL }, Presence),
        (Scenario { name: "set", set_s: Some((10.0, 300.0)), ..USUAL }, Presence),
        (Scenario { name: "set_by_37_s", set_s: Some((37.0, 37.0)), ..USUAL }, Presence),
        (Scenario { name: "runs_and_outages", sight: Sight::Runs, ..USUAL }, Presence),
        (Scenario { name: "6_false_a_minute", false_a_minute: 3.0, ..USUAL }, Presence),
        (Scenario { name: "bursts", bursts: true, ..USUAL }, Presence),
        (Scenario { name: "no_leads", ..leads(0.0, 0.0) }, Presence),
        (Scenario { name: "equal_leads", ..leads(2.0, 2.0) }, Presence),
        (Scenario { name: "uneven_leads", before_s: (0.2, 0.6), after_s: (4.0, 6.0), ..USUAL }, Any),
        (Scenario { name: "leads_1_10_s", ..leads(1.0, 10.0) }, Any),
        (Scenario { name: "leads_8_20_s", ..leads(8.0, 20.0) }, Any),
        (Scenario { name: "drawer", drawer: true, ..USUAL }, Drawer),
        (Scenario { name: "drawer_queue", drawer: true, shopping: Shopping::Queue, ..USUAL }, Drawer),
        (Scenario { name: "drawer_set", drawer: true, set_s: Some((10.0, 300.0)), ..USUAL }, Drawer),
        (Scenario { name: "minutes", resolution_us: minute, ..USUAL }, Refusal),
        (Scenario { name: "minutes_drawer", resolution_us: minute, drawer: true, ..USUAL }, Refusal),
        (Scenario { name: "unrelated", related: false, ..USUAL }, Refusal),
        (
            Scenario { name: "unrelated_clockwork", related: false, shopping: Shopping::Clockwork(6.0), ..USUAL },
            Refusal,
        ),
        (Scenario { name: "unrelated_queue", related: false, shopping: Shopping::Queue, ..USUAL }, Refusal),
        (Scenario { name: "unrelated_drawer", related: false, drawer: true, ..USUAL }, Refusal),
        (Scenario { name: "unrelated_bursts", related: false, bursts: true, ..USUAL }, Refusal),
    ]
}

/// What came of some lanes.
#[derive(Debug, Default)]
struct Tally {
    judgements: usize,
    /// Errors of what was stated, in seconds.
    errors: Vec<f64>,
    covered: usize,
    /// Half widths of the intervals, in seconds.
    widths: Vec<f64>,
    wrong_lanes: usize,
    /// From the first event to the first offset, in hours.
    locked_h: Vec<f64>,
    /// Clocks that were set, and after how many minutes that was noticed.
    set: usize,
    noticed_min: Vec<f64>,
    spent: Duration,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.judgements += other.judgements;
        self.errors.extend(other.errors);
        self.covered += other.covered;
        self.widths.extend(other.widths);
        self.wrong_lanes += other.wrong_lanes;
        self.locked_h.extend(other.locked_h);
        self.set += other.set;
        self.noticed_min.extend(other.noticed_min);
        self.spent += other.spent;
    }

    fn within(&self, most_s: f64) -> f64 {
        share(self.errors.iter().filter(|error| **error <= most_s).count(), self.errors.len())
    }

    fn refused(&self) -> f64 {
        share(self.judgements - self.errors.len(), self.judgements)
    }
}

/// One lane from its first event to its last.
fn judged(scenario: &Scenario, seed: u64) -> Tally {
    let recording = lane(scenario, seed);
    let begin = recording.till.first().map_or(0, |event| event.at_us);
    let set = recording.truth.set_till_us();
    let mut tally = Tally { set: usize::from(set.is_some()), ..Tally::default() };
    let (mut held, mut last, mut wrong) = (Lane::default(), None, false);
    for incoming in order(&recording) {
        match incoming {
            Incoming::Till(event) => held.till(event),
            Incoming::Cue(cue) => held.cue(cue),
        }
        let started = Instant::now();
        held.judge();
        if held.judged_us() == last {
            continue;
        }
        tally.spent += started.elapsed();
        last = held.judged_us();
        let (Some(at), Some(statement)) = (last, held.last()) else { continue };
        let unnoticed = set.is_some_and(|set| at > set) && tally.noticed_min.is_empty();
        if let (true, false, Some(set)) = (unnoticed, statement.synchronised(), set) {
            tally.noticed_min.push(seconds(at - set) / 60.0);
        } else if unnoticed {
            continue;
        }
        tally.judgements += 1;
        if statement.synchronised() {
            let error = seconds((statement.offset_at(at) - recording.truth.offset_at_till_us(at)).abs());
            wrong |= error > WRONG_S;
            said(&mut tally, statement, error, seconds(at - begin) / 3_600.0);
        }
    }
    tally.wrong_lanes = usize::from(wrong);
    tally
}

fn said(tally: &mut Tally, statement: &Statement, error: f64, hour: f64) {
    let bound = seconds(statement.uncertainty_us);
    tally.errors.push(error);
    tally.widths.push(bound);
    tally.covered += usize::from(error <= bound);
    if tally.locked_h.is_empty() {
        tally.locked_h.push(hour);
    }
}

/// All lanes of a scenario, on all cores.
fn all(scenario: &Scenario) -> Tally {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let seeds: Vec<u64> = SEEDS.collect();
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let parts: Vec<_> = (0..cores)
            .map(|core| {
                let ours: Vec<u64> = seeds.iter().skip(core).step_by(cores).copied().collect();
                scope.spawn(move || {
                    ours.into_iter().fold(Tally::default(), |mut all, seed| {
                        all.add(judged(scenario, seed));
                        all
                    })
                })
            })
            .collect();
        for part in parts {
            tally.add(part.join().unwrap());
        }
    });
    tally
}

fn share(part: usize, whole: usize) -> f64 {
    100.0 * f64::from(count(part)) / f64::from(count(whole.max(1)))
}

fn part(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = f64::from(count(sorted.len().saturating_sub(1)));
    sorted.iter().zip(0_u32..).take_while(|(_, n)| f64::from(*n) <= last * part).last().map_or(0.0, |(value, _)| *value)
}

pub(crate) fn measure(sheet: &mut Sheet) {
    let lanes = SEEDS.count();
    let (mut presence, mut drawer, mut every, mut noticed, mut set) =
        (Tally::default(), Tally::default(), Tally::default(), Vec::new(), 0);
    for (scenario, hope) in scenarios() {
        let tally = all(&scenario);
        set += tally.set;
        noticed.extend(tally.noticed_min.iter().copied());
        let what = format!(
            "{lanes} lanes: {} locked, after {:.1} h; {:.0} % of judgements state an offset; |error| {:.2} s median, {:.2} s 95 %, {:.1} % \
             within 1 s; ± {:.1} s",
            tally.locked_h.len(),
            part(&tally.locked_h, 0.5),
            100.0 - tally.refused(),
            part(&tally.errors, 0.5),
            part(&tally.errors, 0.95),
            tally.within(1.0),
            part(&tally.widths, 0.5),
        );
        // Where nothing is stated nothing is missed.
        let covered = if tally.errors.is_empty() { 100.0 } else { share(tally.covered, tally.errors.len()) };
        let (value, unit, bar) = match hope {
            Hope::Refusal => (tally.refused(), "% refused", Bar::AtLeast(100.0)),
            _ => (covered, "% covered", Bar::AtLeast(90.0)),
        };
        row(sheet, scenario.name, what, (value, unit), bar, "");
        match hope {
            Hope::Presence => presence.add(tally),
            Hope::Drawer => drawer.add(tally),
            Hope::Refusal | Hope::Any => every.add(tally),
        }
    }
    let what = |what: &str| format!("{what}, over all such scenarios");
    let leads = "where a customer stands before and after is not in the data: the interval says so";
    row(
        sheet,
        "presence_median_s",
        what("|error| from customers"),
        (part(&presence.errors, 0.5), "s"),
        Bar::AtMost(1.0),
        "",
    );
    row(
        sheet,
        "presence_within_1_s",
        what("|error| <= 1 s from customers alone"),
        (presence.within(1.0), "%"),
        Bar::AtLeast(80.0),
        leads,
    );
    row(sheet, "drawer_95_s", what("|error| with a contact"), (part(&drawer.errors, 0.95), "s"), Bar::AtMost(1.0), "");
    row(sheet, "drawer_within_1_s", what("|error| <= 1 s"), (drawer.within(1.0), "%"), Bar::AtLeast(99.0), "");
    row(sheet, "set_noticed", format!("of {set} clocks set"), (share(noticed.len(), set), "%"), Bar::AtLeast(99.0), "");
    row(sheet, "set_noticed_min", what("95 % were noticed"), (part(&noticed, 0.95), "min"), Bar::AtMost(120.0), "");
    every.add(presence);
    every.add(drawer);
    let wrong = f64::from(count(every.wrong_lanes));
    row(
        sheet,
        "wrong_locks",
        "lanes more than 5 s off while synchronised".to_owned(),
        (wrong, "lanes"),
        Bar::AtMost(0.0),
        "",
    );
    let each = every.spent.as_secs_f64() * 1_000.0 / f64::from(count(every.judgements.max(1)));
    row(sheet, "judgement_ms", "ten minutes of a lane".to_owned(), (each, "ms"), Bar::AtMost(20.0), "");
}

fn row(sheet: &mut Sheet, name: &'static str, what: String, (value, unit): (f64, &'static str), bar: Bar, note: &str) {
    sheet.row(&Row { name, what, samples: Vec::new(), value, unit, bar: Some(bar), note: note.to_owned() });
}
