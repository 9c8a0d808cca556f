//! Plans of the kiosk's film, from many instants and seeds.

use super::*;
use crate::demo;
use crate::film::{EditList, KIOSK, Labels};

fn labels() -> Labels {
    EditList::parse(KIOSK).unwrap().labels("kiosk")
}

fn registers() -> Registers {
    Registers { watched: "1".parse().unwrap(), other: "4".parse().unwrap() }
}

fn began() -> DateTime<Utc> {
    "2026-11-22T20:03:22.350Z".parse().unwrap()
}

/// A session that starts so many seconds into the film.
fn session(labels: &Labels, into: i64, seed: u64) -> (Session, TimeSpan) {
    let panel = Panel::made_up().unwrap();
    let plan = demo::kiosk().unwrap();
    let start = began() + TimeDelta::seconds(into);
    let span = TimeSpan::new(start, start + TimeDelta::seconds(345)).unwrap();
    let outlook = Outlook { labels, began: began() };
    (Session::plan(&panel, &plan, &registers(), &outlook, span, seed, None).unwrap(), span)
}

fn rings(session: &Session) -> Vec<&Rung> {
    session
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Ring(rung) => Some(rung.as_ref()),
            Action::Camera(_) => None,
        })
        .collect()
}

#[test]
fn whenever_it_begins_there_is_enough_to_judge() {
    let labels = labels();
    for into in (0..390).step_by(13) {
        let (session, _) = session(&labels, into, 7);
        let counts = [
            session.anchors.len(),
            session.count(|about| about == About::Occupied),
            session.count(|about| about == About::Empty),
            session.count(|about| about == About::Blind(Blindness::Unplugged)),
            session.count(|about| about == About::Blind(Blindness::Frozen)),
            session.count(|about| about == About::Changing),
        ];
        let enough = counts.iter().zip([30, 8, 8, 2, 2, 4]).all(|(count, bar)| *count >= bar);
        assert!(enough, "{into} s into the film: {counts:?}");
    }
}

/// What the film shows at an instant, read off its labels anew.
fn state(labels: &Labels, at: DateTime<Utc>) -> State {
    let picture = ((at - began()).num_milliseconds() / 100).rem_euclid(i64::try_from(labels.pictures).unwrap());
    labels.state(usize::try_from(picture).unwrap()).unwrap()
}

#[test]
fn what_must_fire_is_alone_for_six_seconds_on_either_side_and_what_must_not_never_is() {
    let labels = labels();
    for (into, seed) in [(0, 1), (77, 2), (200, 3), (333, 4)] {
        let (session, _) = session(&labels, into, seed);
        let blind: Vec<_> = blindness(&session);
        for item in session.truth.iter().filter(|item| session.anchors.contains_key(&item.anchor_event_id)) {
            let rung = *rings(&session).iter().find(|rung| rung.event_id == item.anchor_event_id).unwrap();
            let states = |margin: i64| {
                let tenths = |from: DateTime<Utc>, to: DateTime<Utc>| (to - from).num_milliseconds() / 100;
                let from = rung.true_begin - TimeDelta::milliseconds(margin);
                (0..=tenths(from, rung.true_time + TimeDelta::milliseconds(margin)))
                    .map(|tenth| state(&labels, from + TimeDelta::milliseconds(tenth * 100)))
                    .collect::<Vec<_>>()
            };
            let meets_blind = |margin: i64| {
                let margin = TimeDelta::seconds(margin);
                blind.iter().any(|(from, to)| rung.true_begin - margin < *to && *from < rung.true_time + margin)
            };
            match session.anchors[&item.anchor_event_id] {
                About::Empty => {
                    assert!(item.expected_rule.is_some());
                    assert!(states(5_900).iter().all(|state| *state == State::Empty), "{item:?}");
                    assert!(!meets_blind(6));
                }
                About::Occupied => assert!(states(0).iter().all(|state| *state == State::Occupied), "{item:?}"),
                About::Changing => {
                    assert!(states(2_000).contains(&State::Occupied), "{item:?}");
                }
                About::Blind(_) => assert!(meets_blind(0)),
            }
            assert!(item.expected_rule.is_none() || session.anchors[&item.anchor_event_id] == About::Empty);
        }
    }
}

fn blindness(session: &Session) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let orders = |first: &[Order]| {
        let found = session.steps.iter().filter(|step| match &step.action {
            Action::Camera(order) => first.contains(order),
            Action::Ring(_) => false,
        });
        found.map(|step| step.at).collect::<Vec<_>>()
    };
    orders(&[Order::Unplug, Order::Freeze]).into_iter().zip(orders(&[Order::Plug, Order::Thaw])).collect()
}

#[test]
fn sales_come_first_and_nothing_is_rung_while_something_else_is() {
    let labels = labels();
    let (session, span) = session(&labels, 40, 3);
    for register in ["1", "4"] {
        let mut rung: Vec<_> =
            rings(&session).into_iter().filter(|rung| rung.transaction.register_id.as_str() == register).collect();
        assert!(rung.iter().all(|rung| span.contains(rung.true_begin) && span.contains(rung.true_time)));
        assert!(rung.is_sorted_by_key(|rung| rung.transaction.sequence_no), "the till counts as it sends");
        rung.sort_by_key(|rung| rung.true_begin);
        assert!(rung.windows(2).all(|pair| pair[0].true_time <= pair[1].true_begin));
        if register == "1" {
            assert!(rung[..4].iter().all(|rung| rung.transaction.kind.as_str() == "SALE"));
        }
    }
    assert!(session.steps.is_sorted_by_key(|step| step.at));
    let first = session.truth.iter().find(|item| session.anchors.contains_key(&item.anchor_event_id)).unwrap();
    assert!(first.true_time > span.start() + TimeDelta::seconds(30));
}

#[test]
fn the_other_register_has_its_cases_and_their_truth() {
    let (session, _) = session(&labels(), 0, 1);
    let expected = |rule: &str| session.truth.iter().filter(|item| item.expected_rule.as_deref() == Some(rule)).count();
    assert_eq!(expected("cancel_burst"), 1);
    assert_eq!(expected("void_followed_by_no_sale"), 1);
    let burst = session.truth.iter().find(|item| item.scenario == "cancel_burst").unwrap();
    assert_eq!((burst.event_ids.len(), burst.event_ids[5]), (6, burst.anchor_event_id));
    assert!(!Session::cases().is_empty());
}

#[test]
fn the_till_shows_what_it_rings_and_another_seed_rings_otherwise() {
    let labels = labels();
    let (one, _) = session(&labels, 0, 1);
    let texts = one.steps.iter().filter_map(|step| match &step.action {
        Action::Camera(Order::Show { text }) => Some(text.clone()),
        _ => None,
    });
    assert!(
        texts.clone().any(|text| text.starts_with("REFUND")) && texts.clone().any(|text| text.starts_with("NO SALE"))
    );
    assert!(texts.clone().all(|text| text.len() <= 52), "it fits on the display");
    let times = |session: &Session| rings(session).iter().map(|rung| rung.true_time).collect::<Vec<_>>();
    assert_eq!(times(&one), times(&session(&labels, 0, 1).0));
    assert_ne!(times(&one), times(&session(&labels, 0, 2).0));
}

#[test]
fn what_somebody_rings_meanwhile_has_numbers_of_its_own_and_the_film_says_what_must_come_of_it() {
    let labels = labels();
    let (session, span) = session(&labels, 40, 3);
    let panel = Panel::made_up().unwrap();
    let plan = demo::kiosk().unwrap();
    let outlook = Outlook { labels: &labels, began: began() };
    let planned: Vec<_> = rings(&session).iter().map(|rung| rung.event_id).collect();
    let (mut fires, mut silent) = (0, 0);
    for second in 0..120 {
        let begin = DateTime::from_timestamp(span.start().timestamp() + second * 3, 0).unwrap();
        let on_demand = OnDemand::ring(&panel, &plan, &registers(), &outlook, Ring::NoSale, begin, 3).unwrap();
        assert!(!planned.contains(&on_demand.rung.event_id));
        match on_demand.item.map(|item| item.expected_rule) {
            Some(Some(rule)) => {
                assert_eq!((state(&labels, begin), rule.as_str()), (State::Empty, "no_sale_no_customer"));
                fires += 1;
            }
            Some(None) => {
                assert_eq!(state(&labels, begin), State::Occupied);
                silent += 1;
            }
            None => {}
        }
    }
    assert!(fires > 10 && silent > 10, "{fires} {silent}");
}

#[test]
fn a_second_draw_shares_the_camera_and_rings_otherwise() {
    let labels = labels();
    let (first, span) = session(&labels, 40, 3);
    let panel = Panel::made_up().unwrap();
    let plans = demo::stores_of(2).unwrap();
    let outlook = Outlook { labels: &labels, began: began() };
    let second = Session::plan(&panel, &plans[1], &registers(), &outlook, span, 4, Some(&first.blind)).unwrap();
    assert_eq!(second.blind, first.blind);
    assert!(second.steps.iter().all(|step| matches!(step.action, Action::Ring(_))), "it tells the camera nothing");
    assert!(second.count(|about| matches!(about, About::Blind(_))) >= 4);
    assert!(second.truth.iter().all(|item| item.store_id.as_str() == "18"));
    let times = |session: &Session| rings(session).iter().map(|rung| rung.true_time).collect::<Vec<_>>();
    assert_ne!(times(&first), times(&second));
}
