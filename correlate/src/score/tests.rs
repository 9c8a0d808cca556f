//! The scores as a whole, on small chains that can be checked by eye.

use super::*;

/// A chain of stores with cashiers (voids about 2 %) and a service desk (about 12 %), all of them as usual as can be.
fn chain() -> Period {
    let mut tallies = Vec::new();
    for index in 0..120_u32 {
        let exposures = 60 + 37 * (index % 13);
        let usual = |share: f64| Count { events: rounded(f64::from(exposures) * share), exposures };
        let wave = 0.5 + f64::from(index * 7 % 11) / 10.0;
        let desk = index % 3 == 2;
        let rate = if desk { 0.12 } else { 0.02 } * wave;
        tallies.push(Tally {
            operator: format!("op-{index:03}"),
            store: format!("store-{}", index % 6),
            role: if desk { "service desk" } else { "cashier" }.to_owned(),
            counts: vec![usual(rate), usual(0.03 * (2.0 - wave))],
        });
    }
    let measures = vec![Measure::new("voids", 3.0), Measure::new("no-sales", 1.0)];
    Period { measures, tallies, ..Period::default() }
}

fn rounded(of: f64) -> u32 {
    (0..10_000).find(|whole| f64::from(*whole) + 0.5 > of).unwrap()
}

/// The chain with voids of one operator changed.
fn with(operator: &str, events: u32, exposures: u32) -> Period {
    let mut period = chain();
    let tally = period.tallies.iter_mut().find(|tally| tally.operator == operator).unwrap();
    tally.counts[0] = Count { events, exposures };
    period
}

fn standing<'a>(scores: &'a Scores<'_>, operator: &str, measure: &str) -> &'a Standing<'a> {
    scores.standings.iter().find(|one| one.operator == operator && one.measure == measure).unwrap()
}

fn risk<'a>(risks: &'a [Risk<'_>], name: &str) -> &'a Risk<'a> {
    risks.iter().find(|risk| risk.name == name).unwrap()
}

#[test]
fn a_usual_chain_sends_nobody_and_an_unusual_operator_is_sent() {
    let usual = chain();
    let scores = score(&usual, &Policy::default()).unwrap();
    assert_eq!((scores.sent().count(), scores.tests), (0, 240));
    let period = with("op-000", 60, 400);
    let scores = score(&period, &Policy::default()).unwrap();
    let sent: Vec<_> = scores.sent().map(|one| (one.operator, one.measure, one.rank)).collect();
    assert_eq!(sent, [("op-000", "voids", 1)]);
    let one = scores.sent().next().unwrap();
    let Verdict::Tested { p, q, not_with, .. } = one.verdict else { panic!() };
    assert!(p < 0.001 && q <= 0.1 && not_with.is_some_and(|fewer| fewer > 10 && fewer < 60), "{one:?}");
    assert!((one.peers_median - 0.02).abs() < 0.002, "{one:?}");
    assert_eq!(scores.operators[0].name, "op-000");
}

#[test]
fn with_the_fewer_events_that_it_names_it_is_not_sent_and_with_one_more_it_is() {
    let period = with("op-000", 60, 400);
    let scores = score(&period, &Policy::default()).unwrap();
    let Verdict::Tested { not_with: Some(fewer), .. } = standing(&scores, "op-000", "voids").verdict else { panic!() };
    for (events, sent) in [(fewer, false), (fewer + 1, true)] {
        let period = with("op-000", events, 400);
        let scores = score(&period, &Policy::default()).unwrap();
        assert_eq!(standing(&scores, "op-000", "voids").sent(), sent, "{events}");
    }
}

#[test]
fn the_service_desk_is_compared_with_itself() {
    // A tenth of what a service desk voids would be five times what a cashier does.
    let scores_of = |operator| {
        let period = with(operator, 50, 500);
        let scores = score(&period, &Policy::default()).unwrap();
        (standing(&scores, operator, "voids").sent(), standing(&scores, operator, "voids").peers_mean)
    };
    let (desk, cashier) = (scores_of("op-002"), scores_of("op-000"));
    assert!(!desk.0 && cashier.0);
    assert!(desk.1 > 0.08 && cashier.1 < 0.03);
}

#[test]
fn few_events_of_few_exposures_are_no_reason() {
    // Two voids in twenty transactions: five times the peers' rate, and nothing.
    let period = with("op-000", 2, 20);
    let scores = score(&period, &Policy::default()).unwrap();
    let one = standing(&scores, "op-000", "voids");
    assert_eq!(one.verdict, Verdict::Untested(Withheld::Exposures));
    assert!(one.rate < 0.05 && one.interval.0 < one.rate && one.rate < one.interval.1);
    let nothing = with("op-000", 0, 0);
    let scores = score(&nothing, &Policy::default()).unwrap();
    let one = standing(&scores, "op-000", "voids");
    assert!((one.rate - one.peers_mean).abs() < 1e-9 && one.excess.abs() < 1e-6);
}

#[test]
fn two_of_what_others_hardly_do_are_no_reason_and_twenty_are() {
    let sent = |events: u32| {
        let mut period = chain();
        for (index, tally) in (0..).zip(&mut period.tallies) {
            tally.counts[0] = Count { events: u32::from(index % 2 == 0), exposures: 5_000 };
        }
        period.tallies[0].counts[0].events = events;
        let scores = score(&period, &Policy::default()).unwrap();
        let Verdict::Tested { p, not_with, .. } = standing(&scores, "op-000", "voids").verdict else { panic!() };
        (scores.sent().count(), p < 1.0, not_with)
    };
    assert_eq!((sent(1), sent(2)), ((0, false, None), (0, false, None)));
    let (count, unlikely, not_with) = sent(20);
    assert!(count == 1 && unlikely && not_with.is_some_and(|fewer| fewer >= 2), "{count} {unlikely} {not_with:?}");
}

#[test]
fn a_role_of_few_is_ranked_beside_all_and_never_sent() {
    let mut period = with("op-000", 200, 400);
    period.tallies.iter_mut().filter(|tally| tally.operator.as_str() <= "op-012").for_each(|tally| {
        "manager".clone_into(&mut tally.role);
    });
    let scores = score(&period, &Policy::default()).unwrap();
    let one = standing(&scores, "op-000", "voids");
    assert_eq!((one.verdict, one.rank), (Verdict::Untested(Withheld::Peers), 1));
    let group = scores.groups.iter().find(|group| group.role == "manager" && group.measure == "voids").unwrap();
    assert!(group.pooled && group.peers == 13);
}

#[test]
fn one_person_alone_and_no_person_are_scored_too() {
    let mut period = chain();
    period.tallies.truncate(1);
    let scores = score(&period, &Policy::default()).unwrap();
    assert_eq!((scores.standings.len(), scores.tests, scores.operators.len(), scores.stores.len()), (2, 0, 1, 1));
    assert!(scores.standings.iter().all(|one| one.rate.is_finite() && one.usual.is_finite()));
    let empty = Period::default();
    let scores = score(&empty, &Policy::default()).unwrap();
    assert!(scores.standings.is_empty() && scores.operators.is_empty() && scores.stores.is_empty());
}

#[test]
fn nothing_but_zeros_sends_nobody() {
    let mut period = chain();
    period.tallies.iter_mut().for_each(|tally| tally.counts.iter_mut().for_each(|count| count.events = 0));
    let scores = score(&period, &Policy::default()).unwrap();
    assert_eq!(scores.sent().count(), 0);
    assert!(scores.standings.iter().all(|one| one.p() == Some(1.0) && one.rate < 0.01));
    assert!(scores.operators.iter().chain(&scores.stores).all(|risk| risk.score < 1.0));
}

#[test]
fn more_events_never_lower_a_score() {
    for operator in ["op-000", "op-002", "op-117"] {
        let mut before: Option<(f64, f64, f64, f64, f64)> = None;
        for events in [0, 1, 2, 3, 5, 8, 13, 40, 41, 150, 299, 300] {
            let period = with(operator, events, 300);
            let scores = score(&period, &Policy::default()).unwrap();
            let one = standing(&scores, operator, "voids");
            let store = risk(&scores.stores, one.store).score;
            let p = one.p().unwrap();
            let now = (one.rate, -p, -one.usual, risk(&scores.operators, operator).score, store);
            if let Some(then) = before {
                assert!(now.0 > then.0 && now.1 >= then.1 && now.2 >= then.2, "{operator} {events}: {now:?} {then:?}");
                assert!(now.3 >= then.3 - 1e-6 && now.4 >= then.4 - 1e-6, "{operator} {events}: {now:?} {then:?}");
            }
            before = Some(now);
        }
    }
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let period = with("op-000", 60, 400);
    let mut turned = period.clone();
    turned.tallies.reverse();
    let (one, other) = (score(&period, &Policy::default()).unwrap(), score(&turned, &Policy::default()).unwrap());
    assert_eq!(one, other);
}

#[test]
fn who_is_excluded_is_no_score_and_no_peer_until_it_ends() {
    let mut period = with("op-000", 400, 400);
    let exclusion = |measure: Option<&str>, until_us| Exclusion {
        operator: "op-000".to_owned(),
        measure: measure.map(ToOwned::to_owned),
        note: "login for training".to_owned(),
        until_us,
    };
    period.ends_us = 1_000;
    for (measure, until_us, left) in [(None, 1_000, 0), (Some("voids"), 5_000, 1), (None, 999, 2)] {
        period.exclusions = vec![exclusion(measure, until_us)];
        let scores = score(&period, &Policy::default()).unwrap();
        assert_eq!(scores.standings.iter().filter(|one| one.operator == "op-000").count(), left);
    }
    period.exclusions = vec![Exclusion { note: " ".to_owned(), ..exclusion(None, 5_000) }];
    assert_eq!(score(&period, &Policy::default()), Err(ScoreError::NoNote("op-000".to_owned())));
}

#[test]
fn a_risk_is_the_sum_of_the_parts_that_it_shows() {
    let period = with("op-000", 60, 400);
    let scores = score(&period, &Policy::default()).unwrap();
    for risk in scores.operators.iter().chain(&scores.stores) {
        let sum: f64 = risk.parts.iter().map(|part| part.contribution).sum();
        assert!((risk.score - sum).abs() < 1e-12 && (0.0..=100.0).contains(&risk.score));
        assert_eq!(risk.parts.iter().map(|part| part.measure).collect::<Vec<_>>(), ["voids", "no-sales"]);
        assert!(risk.parts.iter().all(|part| (part.contribution - part.weight * part.points).abs() < 1e-12));
    }
    let part = &risk(&scores.operators, "op-000").parts[0];
    assert_eq!((part.events, part.exposures), (60, 400));
    assert!((part.weight - 0.75).abs() < 1e-12 && part.points > 30.0 && part.rate > 1.5 * part.peers_median);
}

#[test]
fn a_store_with_a_large_service_desk_is_no_risk_and_one_that_voids_more_is() {
    let mut period = chain();
    // Stores 2 and 5 are all service desk.
    let scores = score(&period, &Policy::default()).unwrap();
    assert!(scores.stores.iter().all(|risk| risk.score < 20.0), "{:?}", scores.stores);
    for tally in period.tallies.iter_mut().filter(|tally| tally.store == "store-1") {
        tally.counts[0].events = (tally.counts[0].events * 5 / 2).min(tally.counts[0].exposures);
    }
    let scores = score(&period, &Policy::default()).unwrap();
    assert_eq!(scores.stores[0].name, "store-1");
    assert!(scores.stores[0].score > 20.0 && scores.stores[0].score > 2.0 * scores.stores[1].score);
}

#[test]
fn a_group_that_spreads_otherwise_sends_nobody() {
    let mut period = chain();
    // A quarter of the cashiers does nothing but void.
    for tally in period.tallies.iter_mut().filter(|tally| tally.role == "cashier").step_by(4) {
        tally.counts[0].events = tally.counts[0].exposures;
    }
    let scores = score(&period, &Policy::default()).unwrap();
    let group = scores.groups.iter().find(|group| group.role == "cashier" && group.measure == "voids").unwrap();
    let withheld = scores.standings.iter().filter(|one| one.verdict == Verdict::Untested(Withheld::Misfit)).count();
    assert!(group.fits() == (withheld == 0));
    let unlikely = |compared, unlikely| Group { compared, unlikely, ..group.clone() }.fits();
    assert!(unlikely(4_600, 60) && !unlikely(4_600, 120) && unlikely(50, 3) && !unlikely(50, 5) && unlikely(0, 0));
}

#[test]
fn what_cannot_be_scored_is_refused_by_name() {
    let refused = |change: fn(&mut Period)| {
        let mut period = chain();
        change(&mut period);
        score(&period, &Policy::default()).map(|_| ()).unwrap_err()
    };
    let count = refused(|period| period.tallies[3].counts[0] = Count { events: 5, exposures: 4 });
    assert_eq!(count.to_string(), "operator \"op-003\" has 5 voids among 4");
    let much = refused(|period| period.tallies[3].counts[0] = Count { events: 5, exposures: u32::MAX });
    assert!(matches!(much, ScoreError::Count { .. }));
    let twice = refused(|period| period.tallies[3].operator = "op-004".to_owned());
    assert_eq!(twice, ScoreError::Twice("op-004".to_owned()));
    let counts = refused(|period| period.tallies[3].counts.clear());
    assert_eq!(counts, ScoreError::Counts { operator: "op-003".to_owned(), got: 0, want: 2 });
    assert!(matches!(refused(|period| period.measures[0].weight = f64::NAN), ScoreError::Weight(_)));
    let policy = Policy { q: 1.0, ..Policy::default() };
    assert_eq!(score(&chain(), &policy), Err(ScoreError::Policy("q")));
}
