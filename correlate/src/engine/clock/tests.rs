//! Arrivals alone, customers and arrivals together, and what is told of both.

use chrono::TimeDelta;
use tillsight_schemas::clock_offset::ClockRefusal;

use super::*;
use crate::align::Refusal;
use crate::lake::sample;

const SECOND: i64 = 1_000_000;

fn record(second: i64, lag_ms: i64) -> PostedTransaction {
    let mut posted = sample::sale("17", second, "2026-11-21T12:00:00Z");
    posted.header.event_time += TimeDelta::seconds(second);
    posted.header.received_at = posted.header.event_time + TimeDelta::milliseconds(lag_ms);
    posted.header.event_time_uncertainty_ms = 0;
    posted
}

fn after(lags: &[i64]) -> RegisterClock {
    let mut clock = RegisterClock::default();
    for (n, lag) in (0..).zip(lags) {
        clock.see(&record(n * 10, *lag));
    }
    clock
}

/// The instant of a record, in microseconds.
fn at(second: i64) -> i64 {
    record(second, 0).header.event_time.timestamp_micros()
}

/// What customers state from a second on: so many seconds are added to the till's time, give or take some.
fn customers(from: i64, offset_s: i64, uncertainty_s: i64) -> Statement {
    Statement {
        valid_from_us: at(from),
        at_us: at(from),
        offset_us: offset_s * SECOND,
        uncertainty_us: uncertainty_s * SECOND,
        drift_ppm: 0.0,
        samples: 48,
        method: Method::Presence,
    }
}

fn refused(from: i64, refusal: Refusal) -> Statement {
    Statement { method: Method::Unsynchronised(refusal), ..customers(from, 0, 0) }
}

#[test]
fn a_till_37_s_ahead_is_found_after_three_records() {
    let clock = after(&[-36_400, -36_750, -36_700]);
    let aligned = clock.align(&record(100, -36_700));
    assert_eq!(aligned.statement.method, ClockMethod::Arrival);
    assert!((aligned.statement.offset_us + 37_000_000).abs() < 100_000, "{aligned:?}");
    assert!(aligned.statement.words.contains("37.0 s ahead"), "{}", aligned.statement.words);
    assert!(aligned.bound_us < 2_500_000);
}

#[test]
fn before_three_records_the_bound_is_wide_and_said() {
    let aligned = after(&[300, 400]).align(&record(100, 300));
    assert!(aligned.bound_us >= UNSYNCHRONISED);
    assert!(aligned.statement.words.contains("not compared yet"));
}

#[test]
fn history_and_tills_that_were_offline_say_nothing_about_the_clock() {
    let clock = after(&[300, 300, 300, 86_400_000, 3_600_000]);
    assert!(clock.align(&record(100, 86_400_000)).bound_us < 2_500_000);
    assert_eq!(after(&[86_400_000; 5]).align(&record(100, 86_400_000)).statement.version, 0);
}

#[test]
fn a_clock_that_is_put_forward_or_back_is_never_trusted_at_once() {
    let mut clock = after(&[300, 350, 400, 300]);
    let forward = record(100, -39_700);
    clock.see(&forward);
    assert!(clock.align(&forward).bound_us >= UNSYNCHRONISED);
    for n in 11..14 {
        clock.see(&record(n * 10, -39_700));
    }
    assert!((clock.align(&record(200, -39_700)).statement.offset_us + 39_950_000).abs() < 100_000);
    let back = record(300, 300);
    clock.see(&back);
    let aligned = clock.align(&back);
    assert!(aligned.bound_us >= 39_000_000, "{aligned:?}");
    clock.see(&record(310, 310));
    clock.see(&record(320, 320));
    assert!(clock.align(&record(330, 300)).statement.offset_us.abs() < 500_000);
}

#[test]
fn only_a_till_that_rings_steadily_before_and_after_shows_that_its_clock_was_set() {
    assert_eq!(after(&[300, 350, 400, 300, -39_700]).sets, [at(40)], "put forward");
    assert_eq!(after(&[300, 350, 400, 300, 40_300, 40_310, 40_300]).sets, [at(60)], "put back");
    // The network was away, and what had waited came at once; then a till that delivers in bundles.
    let away = [300, 350, 400, 300, 600_000, 540_000, 480_000, 420_000, 300, 310, 300];
    assert_eq!(after(&away).sets, [0; 0]);
    let bundles: Vec<i64> = (0..90).map(|n| 300_000 - n % 30 * 10_000).collect();
    assert_eq!(after(&bundles).sets, [0; 0]);
}

#[test]
fn customers_tell_what_a_till_that_delivers_late_does_not() {
    // Every record arrives 40 s late: by arrivals the till is behind by as much, and they are sure of it.
    let mut clock = after(&[40_000; 40]);
    assert_eq!(clock.align(&record(500, 40_000)).statement.method, ClockMethod::Arrival);
    clock.state_seen(&customers(0, 0, 3));
    let aligned = clock.align(&record(500, 40_000));
    assert_eq!((aligned.statement.method, aligned.statement.offset_us), (ClockMethod::Presence, 0));
    assert_eq!(
        aligned.statement.words,
        "Till and camera agree within 3.2 s, from 48 arrivals and departures of customers."
    );
    // Where the two agree, the narrower holds.
    let mut clock = after(&[300; 40]);
    clock.state_seen(&customers(0, 0, 3));
    assert_eq!(clock.align(&record(500, 300)).statement.method, ClockMethod::Arrival);
    clock.state_seen(&Statement { uncertainty_us: 600_000, method: Method::Drawer, ..customers(450, 0, 0) });
    assert_eq!(clock.align(&record(500, 300)).statement.method, ClockMethod::Drawer);
    assert_eq!(clock.align(&record(440, 300)).statement.method, ClockMethod::Arrival, "it holds from then on");
    // Records of days that are over say nothing of the clock; customers do.
    let mut clock = after(&[86_400_000; 5]);
    clock.state_seen(&customers(0, 37, 3));
    assert!((clock.align(&record(100, 86_400_000)).statement.offset_us - 37 * SECOND).abs() < SECOND);
}

#[test]
fn a_drift_is_followed_and_an_old_statement_is_not_trusted() {
    let mut clock = RegisterClock::default();
    clock.state_seen(&Statement { drift_ppm: 50.0, ..customers(0, 10, 3) });
    let offset = |hours: i64| {
        let aligned = clock.align(&record(hours * 3_600, 86_400_000));
        (aligned.statement.method, aligned.statement.offset_us)
    };
    assert_eq!(offset(10), (ClockMethod::Presence, 11_800_000));
    assert_eq!(offset(25), (ClockMethod::Unsynchronised, 0));
}

#[test]
fn customers_are_not_believed_once_the_clock_was_set_nor_where_a_record_came_before_it_was_made() {
    let mut clock = after(&[300; 40]);
    clock.state_seen(&Statement { uncertainty_us: 500_000, ..customers(0, 0, 0) });
    assert_eq!(clock.align(&record(410, 300)).statement.method, ClockMethod::Presence);
    // It was put forward by 40 s: this record would have come 40 s before it was made.
    let forward = record(420, -39_700);
    assert_ne!(clock.align(&forward).statement.method, ClockMethod::Presence);
    clock.see(&forward);
    for n in 43..46 {
        clock.see(&record(n * 10, -39_700));
    }
    let aligned = clock.align(&record(500, -39_700));
    assert_eq!(aligned.statement.method, ClockMethod::Arrival);
    assert!((aligned.statement.offset_us + 39_950_000).abs() < 100_000, "{aligned:?}");
    clock.state_seen(&Statement { uncertainty_us: 500_000, ..customers(460, -40, 0) });
    assert_eq!(clock.align(&record(500, -39_700)).statement.method, ClockMethod::Presence, "found again since");
}

#[test]
fn why_nothing_can_be_told_is_said() {
    let mut clock = RegisterClock::default();
    clock.state_seen(&refused(0, Refusal::TooFew));
    let words = |clock: &RegisterClock| clock.align(&record(10, 86_400_000)).statement.words;
    assert_eq!(words(&clock), "The clocks of till and camera are not compared yet: times may differ by up to 30 s.");
    clock.state_seen(&refused(0, Refusal::CoarseTimes));
    assert_eq!(
        words(&clock),
        "How far till and camera are apart cannot be told from this data: the till's times are cut off to more than two \
         seconds. Times may differ by up to 30 s."
    );
}

/// What somebody knows of a clock who was told: the last version that holds, if it states something.
fn reader(told: &[Version], event_us: i64) -> Option<(ClockMethod, i64)> {
    let mut told = told.to_vec();
    told.sort_by_key(|version| version.version);
    let held = told.iter().rfind(|version| version.valid_from_us <= event_us)?.at(event_us);
    (held.method != ClockMethod::Unsynchronised).then_some((held.method, held.offset_us))
}

/// A step in the life of a clock.
#[derive(Debug, Clone, Copy)]
enum Step {
    Rings(i64, i64),
    Says(Statement),
}

#[test]
fn statements_may_come_in_any_order_of_the_two_and_who_is_told_knows_what_holds() {
    let lags = [300, 320, 310, 300, 9_000, 300, -20_000, -20_100, -20_000, -20_050, -20_000, -20_000];
    let rings: Vec<Step> = (0..).zip(lags).map(|(n, lag)| Step::Rings(n * 30, lag)).collect();
    let says = [
        refused(0, Refusal::TooFew),
        Statement { drift_ppm: 20.0, ..customers(30, 0, 1) },
        Statement { drift_ppm: -20.0, uncertainty_us: 300_000, ..customers(90, 1, 1) },
        refused(180, Refusal::ClockSet),
        Statement { uncertainty_us: 200_000, ..customers(240, -20, 1) },
        customers(120, 30, 1),
        customers(210, -20, 2),
    ];
    let says: Vec<Step> = says.into_iter().map(Step::Says).collect();
    let run = |steps: &[Step]| {
        let (mut clock, mut told) = (RegisterClock::default(), Vec::new());
        for step in steps {
            match *step {
                Step::Rings(second, lag) => {
                    for one in clock.see(&record(second, lag)).told {
                        told.push(Version {
                            version: one.version,
                            valid_from_us: one.valid_from.timestamp_micros(),
                            offset_us: one.offset_us,
                            uncertainty_us: one.uncertainty_us,
                            method: one.method,
                            samples: one.samples,
                            drift_ppb: one.drift_ppb.unwrap_or_default(),
                            at_us: one.measured_at.unwrap_or(one.valid_from).timestamp_micros(),
                            refusal: one.refusal,
                        });
                    }
                }
                Step::Says(statement) => told.extend(clock.state_seen(&statement)),
            }
        }
        (clock, told)
    };
    let seconds = || (0..400).step_by(5);
    let whole = run(&[rings.clone(), says.clone()].concat()).0;
    let (mut interleaved, mut turn) = (Vec::new(), 7_u64);
    let mut orders = vec![[says.clone(), rings.clone()].concat(), [rings.clone(), says.clone()].concat()];
    for _ in 0..40 {
        let (mut rings, mut says) = (rings.iter().peekable(), says.iter().peekable());
        interleaved.clear();
        while rings.peek().is_some() || says.peek().is_some() {
            turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let next = if turn >> 63 == 0 {
                rings.next().or_else(|| says.next())
            } else {
                says.next().or_else(|| rings.next())
            };
            interleaved.extend(next.copied());
        }
        orders.push(interleaved.clone());
    }
    for order in &orders {
        let (clock, told) = run(order);
        let mut history = RegisterClock::default();
        for step in &rings {
            if let Step::Rings(second, lag) = *step {
                history.hear(Arrival::of(&record(second, lag)));
            }
        }
        let mut in_order = told.clone();
        in_order.sort_by_key(|version| version.version);
        in_order.into_iter().for_each(|version| history.told(version));
        for second in seconds() {
            for lag in [300, -20_000, 86_400_000] {
                let posted = record(second, lag);
                let (expected, found) = (whole.align(&posted), clock.align(&posted));
                assert!(expected.same(&found), "{second} {order:?}\n{expected:?}\n{found:?}");
                let past = history.align(&posted);
                assert!(expected.same(&past), "over history at {second} s\n{past:?}\n{found:?}");
            }
            let held = whole.held(at(second)).at(at(second));
            let held = (held.method != ClockMethod::Unsynchronised).then_some((held.method, held.offset_us));
            assert_eq!(reader(&told, at(second)), held, "{second} s: {order:?}\n{told:#?}");
        }
    }
}

#[test]
fn a_checkpoint_of_before_customers_were_asked_is_read() {
    let before = r#"{"lags":[300,300,300],"late":[],"last":1,"versions":[{"version":1,"valid_from_us":5,"offset_us":50000,
        "uncertainty_us":2000000,"method":"arrival","samples":3}]}"#;
    let mut clock: RegisterClock = serde_json::from_str(before).unwrap();
    assert_eq!(clock.align(&record(0, 300)).statement.version, 1);
    assert_eq!(clock.state_seen(&refused(0, Refusal::Ambiguous)).len(), 1);
    assert_eq!(clock.held(at(1)).refusal, Some(ClockRefusal::Ambiguous));
}
