//! Store days, looked at from outside.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::pos::{Action, Direction, natural_id};
use tillsight_schemas::store::Local;
use tillsight_schemas::wire::json::check;

use super::*;
use crate::demo;
use crate::journey::tests::any;
use crate::plan::TimeStyle;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn setup(seed: u64) -> Setup {
    Setup { seed, ..Setup::default() }
}

fn simulated(plan: &StorePlan, date: &str, seed: u64) -> StoreDay {
    simulate(&Panel::made_up().unwrap(), plan, day(date), &setup(seed)).unwrap()
}

fn count(day: &StoreDay, kind: Kind) -> usize {
    day.rung.iter().filter(|rung| rung.transaction.kind == kind && !rung.transaction.training).count()
}

#[test]
fn the_same_seed_is_the_same_day_and_another_seed_another_day() {
    let plan = demo::kiosk().unwrap();
    let one = simulated(&plan, "2026-11-21", 7);
    assert_eq!(one, simulated(&plan, "2026-11-21", 7));
    assert_ne!(one.rung, simulated(&plan, "2026-11-21", 8).rung);
    assert_ne!(one.rung, simulated(&plan, "2026-11-14", 7).rung);
}

#[test]
fn things_happen_about_as_often_as_the_table_of_rates_says() {
    let panel = any();
    for plan in demo::stores().unwrap() {
        let days = day("2026-10-26").iter_days().take(28);
        let days: Vec<_> = days.map(|day| simulate_cases(panel, &plan, day, &setup(3), &[]).unwrap()).collect();
        let total = |kind| days.iter().map(|day| count(day, kind)).sum::<usize>();
        let sales = total(Kind::Sale);
        let near = |what: &str, found: usize, wanted: f64, tolerance: f64| {
            let found = f64::from(u32::try_from(found).unwrap());
            assert!((found / wanted - 1.0).abs() < tolerance, "{what}: {found} instead of {wanted}");
        };
        // Store 42 is open on 1 November, a day of 25 hours; a few customers give up or come too late.
        near("sales", sales, 900.0 * 28.0, 0.03);
        let sales = f64::from(u32::try_from(sales).unwrap());
        near("cancels", total(Kind::Cancel), sales * 0.006, 0.35);
        near("refunds", total(Kind::Return), sales * 0.015, 0.35);
        near("suspends", total(Kind::Suspend), sales * 0.003, 0.45);
        assert_eq!(total(Kind::Suspend), total(Kind::Retrieve));
        near("reprints", total(Kind::Reprint), sales * 0.003, 0.45);
        near("no-sales", total(Kind::NoSale), 28.0 * 8.0 * 2.0, 0.35);
        let cash = |rung: &&Rung| rung.transaction.tenders.iter().any(|tender| tender.tender_type == TenderType::Cash);
        let sold = days.iter().flat_map(|day| &day.rung).filter(|rung| rung.transaction.kind == Kind::Sale);
        near("cash sales", sold.filter(cash).count(), sales * 16.0 / 79.0, 0.05);
    }
}

#[test]
fn every_event_lies_within_its_business_day_even_when_the_clocks_change() {
    let plan = demo::corner().unwrap();
    for (date, hours) in [("2026-03-08", 23), ("2026-11-01", 25), ("2026-11-02", 24)] {
        let simulated = simulated(&plan, date, 1);
        assert_eq!(simulated.span.duration(), TimeDelta::hours(hours));
        for rung in &simulated.rung {
            assert!(simulated.span.contains(rung.true_time) && simulated.span.contains(rung.true_begin));
            assert_eq!(rung.transaction.business_day, Some(plan.store.business_day(rung.true_time)));
        }
        let first = simulated.rung.first().unwrap().true_time;
        let last = simulated.rung.last().unwrap().true_time;
        assert!(first < simulated.span.start() + TimeDelta::minutes(5));
        assert!(last > simulated.span.end() - TimeDelta::minutes(5));
    }
}

#[test]
fn the_hour_that_occurs_twice_is_busy_twice() {
    let panel = Panel::made_up().unwrap();
    let plan = demo::corner().unwrap();
    let at_one = |date: &str| {
        let days = (1..=6).map(|seed| simulate_cases(&panel, &plan, day(date), &setup(seed), &[]).unwrap());
        let at_one = |rung: &&Rung| plan.store.local(rung.true_time).format("%H").to_string() == "01";
        days.map(|day| day.rung.iter().filter(at_one).count()).sum::<usize>()
    };
    let (twice, once) = (at_one("2026-11-01"), at_one("2026-11-08"));
    assert!(twice * 2 > once * 3, "{twice} {once}");
}

#[test]
fn sequence_numbers_count_up_from_one_on_every_register_and_day() {
    let plan = demo::kiosk().unwrap();
    for date in ["2026-11-20", "2026-11-21"] {
        let mut next = HashMap::new();
        for rung in simulated(&plan, date, 1).rung {
            let expected = next.entry(rung.transaction.register_id.clone()).or_insert(1);
            assert_eq!(rung.transaction.sequence_no, Some(*expected));
            *expected += 1;
        }
        assert_eq!(next.len(), plan.registers.len());
    }
}

#[test]
fn basket_contents_equal_the_panels() {
    let panel = any();
    let plan = demo::kiosk().unwrap();
    let simulated = simulate(panel, &plan, day("2026-11-21"), &setup(1)).unwrap();
    let by_id: HashMap<i64, _> = panel.baskets().iter().map(|basket| (basket.id, basket)).collect();
    let mut checked = 0;
    for rung in simulated.rung.iter().filter(|rung| rung.transaction.kind == Kind::Sale) {
        let Some(id) = rung.basket else { continue };
        let position = rung.transaction.source.as_ref().unwrap().position.as_deref();
        assert_eq!(position, Some(format!("completejourney:basket/{id}").as_str()));
        let lines = &rung.transaction.lines;
        let voided: HashSet<_> = lines.iter().filter_map(|line| line.voids_line_no).collect();
        let rung_lines: Vec<_> = lines
            .iter()
            .filter(|line| line.action == Action::Sale && !voided.contains(&line.line_no))
            .map(|line| {
                // A discount that was given by hand is still the panel's discount.
                let by_hand =
                    line.price_override.as_ref().map_or(0, |_| line.regular_price_minor.unwrap() - line.extended_minor);
                (line.plu.clone().unwrap(), line.qty_milli, line.extended_minor, line.discount_minor + by_hand)
            })
            .collect();
        let panel_lines: Vec<_> = panel
            .contents(by_id[&id])
            .iter()
            .map(|line| {
                let product = &panel.products()[usize::try_from(line.product).unwrap()];
                let discount = i64::from(line.retail_discount_minor) + i64::from(line.coupon_match_minor);
                (product.id.to_string(), i64::from(line.quantity) * 1_000, i64::from(line.sales_minor), discount)
            })
            .collect();
        assert_eq!(rung_lines, panel_lines);
        checked += 1;
    }
    assert!(checked > 600, "{checked}");
}

#[test]
fn a_register_does_one_thing_at_a_time_and_somebody_is_signed_on() {
    let plan = demo::kiosk().unwrap();
    for register in &plan.registers {
        let day = simulated(&plan, "2026-11-21", 2);
        let here = day.rung.iter().filter(|rung| rung.transaction.register_id == register.id);
        let mut free_from = DateTime::<Utc>::MIN_UTC;
        let mut signed_on = None;
        for rung in here {
            let transaction = &rung.transaction;
            assert!(rung.true_begin >= free_from, "{} {}", transaction.kind, transaction.event_time_raw);
            free_from = rung.true_time;
            match transaction.kind {
                Kind::SignOn => signed_on = transaction.operator_id.clone(),
                Kind::SignOff => assert_eq!(signed_on.take(), transaction.operator_id),
                Kind::Open | Kind::Loan | Kind::Close => {}
                _ => assert_eq!(signed_on, transaction.operator_id, "{}", transaction.kind),
            }
        }
        assert_eq!(signed_on, None);
    }
}

#[test]
fn money_and_times_are_such_as_a_till_writes() {
    let plan = demo::kiosk().unwrap();
    let day = simulated(&plan, "2026-11-21", 4);
    let receipts: HashSet<_> = day.rung.iter().filter_map(|rung| rung.transaction.receipt_no.clone()).collect();
    for Rung { transaction, true_time, .. } in &day.rung {
        let paid = |direction| -> i64 {
            let tenders = transaction.tenders.iter().filter(|tender| tender.direction == direction);
            tenders.map(|tender| tender.amount_minor - tender.change_minor).sum()
        };
        let (due_in, due_out) = match transaction.kind {
            Kind::Sale | Kind::Loan => (transaction.total_minor.unwrap(), 0),
            Kind::Return | Kind::PostVoid | Kind::Pickup | Kind::PaidOut => (0, transaction.total_minor.unwrap()),
            _ => (0, 0),
        };
        assert_eq!((paid(Direction::In), paid(Direction::Out)), (due_in, due_out), "{}", transaction.kind);
        let place = plan.register(&transaction.register_id).unwrap();
        let clock = plan.registers[place].clock;
        assert_eq!(transaction.event_time_raw, clock.write(&plan.store, *true_time));
        let length = if clock.style == TimeStyle::LocalMinutes { 16 } else { 19 };
        assert!(transaction.event_time_raw.len() >= length);
        if let Some(reference) = &transaction.reference {
            assert!(reference.receipt_no.as_ref().is_none_or(|receipt| receipts.contains(receipt)));
            assert!(reference.sequence_no.is_some());
        }
        if matches!(transaction.kind, Kind::Return | Kind::PostVoid | Kind::PaidOut) {
            assert!(transaction.supervisor_id.is_some());
        }
        if transaction.kind == Kind::Sale {
            assert!(transaction.lines.iter().all(|line| line.line_time_raw.is_some()));
        }
    }
}

#[test]
fn every_event_has_an_id_of_its_own_and_it_is_the_one_that_ingest_derives() {
    let mut seen = HashSet::new();
    for plan in demo::stores().unwrap() {
        for date in ["2026-11-20", "2026-11-21"] {
            for rung in simulated(&plan, date, 1).rung {
                assert_eq!(rung.event_id, natural_id(&plan.store.tenant, &rung.transaction).unwrap());
                assert!(seen.insert(rung.event_id));
            }
        }
    }
}

#[test]
fn a_transaction_reads_back_from_json_as_it_was() {
    let day = simulated(&demo::kiosk().unwrap(), "2026-11-21", 1);
    for rung in day.rung.iter().step_by(7) {
        let text = serde_json::to_string(&rung.transaction).unwrap();
        assert_eq!(serde_json::from_str::<Transaction>(&text).unwrap(), rung.transaction);
    }
}

#[test]
fn what_a_till_sends_is_what_the_schema_describes_and_nothing_in_it_looks_like_a_card() {
    for plan in demo::stores().unwrap() {
        for rung in simulate(any(), &plan, day("2026-11-01"), &setup(1)).unwrap().rung {
            let document = serde_json::to_value(&rung.transaction).unwrap();
            assert_eq!(check::<Transaction>(&document), []);
            let mut digits = 0;
            for character in document.to_string().chars() {
                digits = match character {
                    '0'..='9' => digits + 1,
                    ' ' | '-' => digits,
                    _ => 0,
                };
                assert!(digits < 14, "{document}");
            }
        }
    }
}

#[test]
fn every_time_can_be_read_back_as_the_time_that_the_till_showed() {
    for plan in demo::stores().unwrap() {
        for date in ["2026-03-08", "2026-11-01"] {
            for rung in simulated(&plan, date, 1).rung {
                let raw = rung.transaction.event_time_raw.as_str();
                let place = plan.register(&rung.transaction.register_id).unwrap();
                let till = plan.registers[place].clock;
                let shown = rung.true_time + TimeDelta::seconds(till.ahead_seconds);
                let read = match till.style {
                    TimeStyle::OffsetSeconds | TimeStyle::UtcSeconds => raw.parse::<DateTime<Utc>>().unwrap(),
                    style => {
                        let seconds = if style == TimeStyle::LocalMinutes { ":00" } else { "" };
                        let local = format!("{raw}{seconds}").parse().unwrap();
                        let Local::Once(at) = plan.store.instants(local) else { panic!("{raw} is ambiguous") };
                        at
                    }
                };
                let within = if till.style == TimeStyle::LocalMinutes { 60 } else { 1 };
                assert!((0..within).contains(&(shown - read).num_seconds()), "{raw}");
            }
        }
    }
}

#[test]
fn the_drawer_opens_for_cash_and_for_no_sales() {
    let day = simulated(&demo::kiosk().unwrap(), "2026-11-21", 1);
    let opened: HashSet<_> =
        day.rung.iter().filter(|rung| opens_drawer(&rung.transaction)).map(|rung| rung.transaction.kind).collect();
    assert!(opened.contains(&Kind::NoSale) && opened.contains(&Kind::Sale) && !opened.contains(&Kind::SignOn));
}
