//! Live tills.

use super::*;
use crate::demo;
use crate::scenario::case;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn ten_minutes() -> TimeSpan {
    // Four at night in Chicago.
    TimeSpan::new(at("2026-11-22T10:00:00Z"), at("2026-11-22T10:10:00Z")).unwrap()
}

#[test]
fn a_shop_is_busy_even_at_four_at_night_and_leaves_the_reserved_register_alone() {
    let panel = Panel::made_up().unwrap();
    let plan = demo::kiosk().unwrap();
    let kiosk: RegisterId = "1".parse().unwrap();
    let schedule = Schedule::new(&panel, &plan, ten_minutes(), 1, std::slice::from_ref(&kiosk)).unwrap();
    let rung: Vec<_> = schedule.collect();
    let sales = rung.iter().filter(|rung| rung.transaction.kind.as_str() == "SALE").count();
    assert!(sales >= 3, "{sales}");
    assert!(rung.iter().all(|rung| rung.transaction.register_id != kiosk));
    assert!(rung.iter().all(|rung| ten_minutes().contains(rung.true_time)));
    assert!(rung.iter().all(|rung| rung.transaction.sequence_no >= Some(FIRST_SEQUENCE)));
    assert!(rung.is_sorted_by_key(|rung| rung.true_time));
}

#[test]
fn a_counter_rings_what_it_is_told_when_it_is_told() {
    let panel = Panel::made_up().unwrap();
    let plan = demo::kiosk().unwrap();
    let begin = at("2026-11-22T20:03:22Z");
    let mut counter = Counter::new(&panel, &plan, &"1".parse().unwrap(), begin, 1).unwrap();
    let sale = counter.ring(Ring::Sale, begin).unwrap();
    assert_eq!(sale.true_begin, begin);
    assert!(sale.true_time > begin && !sale.transaction.tenders.is_empty());
    let refund = counter.ring_for(Ring::Refund, begin, TimeDelta::seconds(4)).unwrap();
    assert_eq!(refund.true_time, begin + TimeDelta::seconds(4));
    assert_eq!(refund.transaction.sequence_no, sale.transaction.sequence_no.map(|n| n + 1));
    counter.set_clock_ahead(-40);
    let no_sale = counter.ring(Ring::NoSale, begin).unwrap();
    assert_eq!(no_sale.transaction.event_time_raw, "2026-11-22T14:02:42-06:00");
    assert_eq!(no_sale.true_time, begin);
}

#[test]
fn a_case_staged_at_a_counter_comes_with_its_truth() {
    let panel = Panel::made_up().unwrap();
    let plan = demo::kiosk().unwrap();
    let begin = at("2026-11-22T20:03:22Z");
    let mut counter = Counter::new(&panel, &plan, &"1".parse().unwrap(), begin, 1).unwrap();
    let (rung, item) = counter.stage(case("post_void").unwrap(), begin).unwrap();
    assert_eq!(rung.len(), 2);
    assert_eq!(rung[0].true_begin, begin);
    assert_eq!((item.expected_rule.as_deref(), item.anchor_event_id), (Some("post_void"), rung[1].event_id));
    let reference = rung[1].transaction.reference.as_ref().unwrap();
    assert_eq!(reference.receipt_no, rung[0].transaction.receipt_no);
}

#[test]
fn a_session_later_on_the_same_day_numbers_on() {
    let panel = Panel::made_up().unwrap();
    let plan = demo::kiosk().unwrap();
    let highest = |span: TimeSpan| {
        let schedule = Schedule::new(&panel, &plan, span, 1, &[]).unwrap();
        let numbers: Vec<_> = schedule.filter_map(|rung| rung.transaction.sequence_no).collect();
        (numbers.iter().min().copied().unwrap(), numbers.iter().max().copied().unwrap())
    };
    let next = TimeSpan::new(ten_minutes().end(), ten_minutes().end() + TimeDelta::minutes(10)).unwrap();
    assert!(highest(ten_minutes()).1 < highest(next).0);
}

#[test]
fn a_session_of_a_minute_is_refused() {
    let span = TimeSpan::new(ten_minutes().start(), ten_minutes().start() + TimeDelta::minutes(1)).unwrap();
    let panel = Panel::made_up().unwrap();
    assert!(Schedule::new(&panel, &demo::kiosk().unwrap(), span, 1, &[]).is_err());
}
