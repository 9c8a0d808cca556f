//! What a lane states depends on its events alone: not on their order within lateness, nor on which stream comes first,
//! nor on the pieces that they come in, nor on whether it was written down between. And a small part of what
//! `make bench AREA=align` measures, on other seeds: nothing locks elsewhere, intervals hold, and dead cases are refused.

use super::incoming::{Incoming, arrival, order};
use super::lane::Lane;
use super::number::seconds;
use super::simulate::{Dice, Recording, Scenario, Shopping, Sight, USUAL, lane};
use super::{Cue, CueKind, Method, Refusal, SECOND_US, STEP_US, Statement, TillEvent, TillKind};

fn take(lane: &mut Lane, incoming: Incoming) {
    match incoming {
        Incoming::Till(event) => lane.till(event),
        Incoming::Cue(cue) => lane.cue(cue),
    }
}

fn stated(events: impl IntoIterator<Item = Incoming>) -> Vec<Statement> {
    let mut held = Lane::default();
    let mut stated = Vec::new();
    for incoming in events {
        take(&mut held, incoming);
        stated.extend(held.judge());
    }
    stated
}

fn till(recording: &Recording) -> Vec<Incoming> {
    recording.till.iter().copied().map(Incoming::Till).collect()
}

fn cues(recording: &Recording) -> Vec<Incoming> {
    recording.cues.iter().copied().map(Incoming::Cue).collect()
}

/// Both streams in order, in pieces of up to `most` events of one and then of the other.
fn pieces(recording: &Recording, seed: u64, most: f64) -> Vec<Incoming> {
    let mut dice = Dice::new(seed);
    let (mut till, mut cues) = (till(recording).into_iter().peekable(), cues(recording).into_iter().peekable());
    let mut all = Vec::new();
    while till.peek().is_some() || cues.peek().is_some() {
        let mut piece = |from: &mut dyn Iterator<Item = Incoming>| {
            let many = (0..usize::MAX).take_while(|_| dice.happens(1.0 - 1.0 / most)).count();
            all.extend(from.take(many + 1));
        };
        piece(&mut till);
        piece(&mut cues);
    }
    all
}

#[test]
fn pieces_and_order_do_not_matter() {
    let kinds = [
        USUAL,
        Scenario { shopping: Shopping::Queue, drawer: true, ..USUAL },
        Scenario { sight: Sight::Runs, ..USUAL },
        Scenario { related: false, ..USUAL },
    ];
    for scenario in kinds {
        for seed in 1..=2 {
            let recording = lane(&scenario, seed);
            let expected = stated(till(&recording).into_iter().chain(cues(&recording)));
            assert!(!expected.is_empty());
            assert_eq!(stated(cues(&recording).into_iter().chain(till(&recording))), expected);
            for most in [1.0, 7.0, 300.0] {
                assert_eq!(stated(pieces(&recording, seed, most)), expected, "{} {seed} {most}", scenario.name);
            }
            let late = stated(arrival(&recording, seed));
            assert_eq!(late.first(), expected.first());
            assert!(late.len().abs_diff(expected.len()) <= 1, "{} {seed}", scenario.name);
            assert!(late.iter().zip(&expected).all(|(late, expected)| late == expected), "{} {seed}", scenario.name);
            let twice = arrival(&recording, seed + 9).into_iter().flat_map(|incoming| [incoming, incoming]);
            assert!(stated(twice).iter().zip(&expected).all(|(twice, expected)| twice == expected));
        }
    }
}

#[test]
fn there_is_at_most_one_statement_for_ten_minutes() {
    let recording = lane(&Scenario { set_s: Some((37.0, 37.0)), ..USUAL }, 3);
    let all = stated(arrival(&recording, 1));
    assert!(all.iter().zip(all.iter().skip(1)).all(|(one, next)| next.at_us - one.at_us >= STEP_US), "{all:#?}");
    assert!(all.iter().all(|statement| statement.valid_from_us <= statement.at_us));
}

#[test]
fn a_till_without_starts_is_aligned_by_its_lines() {
    let recording = lane(&Scenario { drawer: false, ..USUAL }, 11);
    let lines = till(&recording)
        .into_iter()
        .filter(|incoming| !matches!(incoming, Incoming::Till(TillEvent { kind: TillKind::TransactionStart, .. })));
    let all = stated(lines.chain(cues(&recording)));
    let last = all.last().copied();
    assert!(
        last.is_some_and(|last| {
            let truth_us = recording.truth.offset_at_till_us(last.at_us);
            last.synchronised() && (last.offset_us - truth_us).abs() <= last.uncertainty_us
        }),
        "{all:#?}"
    );
}

#[test]
fn a_clock_that_is_said_to_be_set_is_not_trusted_until_it_is_found_again() {
    let recording = lane(&USUAL, 2);
    let mut held = Lane::default();
    for incoming in till(&recording).into_iter().chain(cues(&recording)) {
        take(&mut held, incoming);
    }
    held.judge();
    assert!(held.last().is_some_and(Statement::synchronised));
    let set = held.judged_us().unwrap_or_default() - 1;
    held.clock_set(set);
    let said: Vec<_> = held.judge().iter().map(|statement| (statement.valid_from_us, statement.method)).collect();
    assert_eq!(said, [(set, Method::Unsynchronised(Refusal::ClockSet))]);
}

#[test]
fn memory_is_that_of_a_day() {
    let (mut held, mut most) = (Lane::default(), 0);
    for minute in 0..(4 * 24 * 60) {
        let at_us = 1_790_000_000 * SECOND_US + minute * 60 * SECOND_US;
        held.till(TillEvent { at_us, kind: TillKind::TransactionEnd });
        held.cue(Cue { at_us, kind: CueKind::Left });
        held.judge();
        most = most.max(held.kept().0.max(held.kept().1));
    }
    assert!((24 * 60..27 * 60).contains(&most), "{most}");
}

#[test]
fn a_clock_that_is_put_back_far_is_noticed_after_some_events() {
    let (recording, back_us) = (lane(&USUAL, 4), 20 * 60 * SECOND_US);
    let last_us = recording.till.last().map_or(0, |event| event.at_us);
    let mut held = Lane::default();
    for incoming in order(&recording) {
        take(&mut held, incoming);
    }
    held.judge();
    for n in 0..25 {
        held.till(TillEvent { at_us: last_us - back_us + n * SECOND_US, kind: TillKind::Line });
    }
    let said = held.judge();
    assert_eq!(said.first().map(|statement| statement.method), Some(Method::Unsynchronised(Refusal::ClockSet)));
    assert_eq!(said.first().map(|statement| statement.valid_from_us), Some(last_us - back_us + 19 * SECOND_US));
    assert_eq!(held.late().0, 0);
}

#[test]
fn a_lane_that_is_written_down_and_given_its_events_again_goes_on_as_if_nothing_had_happened() {
    for scenario in [USUAL, Scenario { set_s: Some((37.0, 37.0)), ..USUAL }] {
        let all = arrival(&lane(&scenario, 6), 6);
        let expected = stated(all.iter().copied());
        for part in 1..8 {
            let until = all.len() * part / 8;
            let mut held = Lane::default();
            let mut said = Vec::new();
            for incoming in &all[..until] {
                take(&mut held, *incoming);
                said.extend(held.judge());
            }
            let written = serde_json::to_string(&held).unwrap();
            assert!(written.len() < 1_000, "{written}");
            let mut held: Lane = serde_json::from_str(&written).unwrap();
            for incoming in &all[..until] {
                match *incoming {
                    Incoming::Till(event) => held.till_again(event),
                    Incoming::Cue(cue) => held.cue(cue),
                }
            }
            assert_eq!(held.judge(), [], "what was judged is not judged again");
            for incoming in &all[until..] {
                take(&mut held, *incoming);
                said.extend(held.judge());
            }
            assert_eq!(said, expected, "written down after {until} events");
        }
    }
}

#[test]
fn that_a_clock_was_set_counts_from_then_on_whenever_the_camera_delivers() {
    let recording = lane(&Scenario { set_s: Some((60.0, 60.0)), ..USUAL }, 8);
    let set_us = recording.truth.set_till_us().unwrap();
    let run = |events: Vec<Incoming>| {
        let mut held = Lane::default();
        let mut said = Vec::new();
        let mut told = false;
        for incoming in events {
            take(&mut held, incoming);
            if let Incoming::Till(event) = incoming
                && event.at_us >= set_us
                && !told
            {
                told = true;
                held.clock_set(event.at_us);
            }
            said.extend(held.judge());
        }
        said
    };
    let expected = run(till(&recording).into_iter().chain(cues(&recording)).collect());
    assert!(expected.iter().any(|one| one.method == Method::Unsynchronised(Refusal::ClockSet)), "{expected:#?}");
    assert_eq!(run(cues(&recording).into_iter().chain(till(&recording)).collect()), expected);
    assert_eq!(run(order(&recording)).first(), expected.first());
}

/// Of all judgements of some lanes: how many are synchronised and cover the truth, how many are synchronised, how many
/// there are; the largest error in seconds; the last reason for a refusal.
fn judged(scenario: &Scenario, seeds: std::ops::Range<u64>) -> (usize, usize, usize, f64, Option<Refusal>) {
    let (mut covered, mut stated, mut all, mut worst, mut reason) = (0, 0, 0, 0.0_f64, None);
    for seed in seeds {
        let recording = lane(scenario, seed);
        let (mut held, mut judged) = (Lane::default(), None);
        let mut till = recording.till.iter().peekable();
        for cue in &recording.cues {
            let until_us = cue.at_us - recording.truth.offset_us(cue.at_us);
            while let Some(event) = till.next_if(|event| event.at_us <= until_us) {
                held.till(*event);
            }
            held.cue(*cue);
            held.judge();
            if held.judged_us() == judged {
                continue;
            }
            judged = held.judged_us();
            let (Some(at), Some(statement)) = (judged, held.last()) else { continue };
            all += 1;
            if let Method::Unsynchronised(refusal) = statement.method {
                reason = Some(refusal);
                continue;
            }
            let error = seconds((statement.offset_at(at) - recording.truth.offset_at_till_us(at)).abs());
            stated += 1;
            covered += usize::from(error <= seconds(statement.uncertainty_us));
            worst = worst.max(error);
        }
    }
    (covered, stated, all, worst, reason)
}

#[test]
fn lanes_with_customers_are_synchronised_within_their_intervals() {
    let queue = Scenario { shopping: Shopping::Queue, ..USUAL };
    for (scenario, part) in [
        (USUAL, 60),
        (Scenario { shopping: Shopping::Clockwork(3.0), ..USUAL }, 50),
        (Scenario { shopping: Shopping::Poisson(75.0), ..USUAL }, 50),
        (Scenario { sight: Sight::Runs, ..USUAL }, 50),
        (queue, 5),
        (Scenario { drawer: true, ..queue }, 75),
    ] {
        let (covered, stated, all, worst, _) = judged(&scenario, 9_001..9_005);
        assert!(stated * 100 >= all * part, "{}: {stated} of {all}", scenario.name);
        assert!(covered * 10 >= stated * 9, "{}: {covered} of {stated}", scenario.name);
        assert!(worst < 5.0, "{}: {worst}", scenario.name);
    }
}

#[test]
fn a_drawer_brings_the_error_below_a_second() {
    let (covered, stated, _, worst, _) = judged(&Scenario { drawer: true, ..USUAL }, 9_001..9_009);
    assert!(worst <= 1.0 && covered * 10 >= stated * 9, "{worst}");
}

#[test]
fn dead_cases_are_refused_with_their_reason() {
    for (scenario, reason) in [
        (Scenario { resolution_us: 60 * SECOND_US, ..USUAL }, Refusal::CoarseTimes),
        (Scenario { related: false, ..USUAL }, Refusal::Ambiguous),
        (Scenario { related: false, shopping: Shopping::Clockwork(3.0), ..USUAL }, Refusal::Ambiguous),
        (Scenario { related: false, drawer: true, ..USUAL }, Refusal::Ambiguous),
        (Scenario { before_s: (8.0, 12.0), after_s: (8.0, 12.0), recall: 0.6, ..USUAL }, Refusal::LongLeads),
    ] {
        let (_, stated, all, _, why) = judged(&scenario, 9_001..9_005);
        assert!(all > 200 && stated == 0, "{}: {stated} of {all}", scenario.name);
        assert_eq!(why, Some(reason), "{}", scenario.name);
    }
}
