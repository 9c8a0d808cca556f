//! The truth against a second reading of the rules: a naive judge looks at every record of weeks of two stores and must find what the
//! truth says, no less and no more.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::TimeDelta;
use tillsight_schemas::pos::{Kind, Transaction};
use uuid::Uuid;

use super::*;
use crate::demo;
use crate::history::History;
use crate::journey::Panel;
use crate::journey::tests::any;
use crate::store_day::simulate_cases;
use crate::truth::Truth;

type Found = BTreeSet<(String, Uuid)>;

/// What the rules find, read off the definitions in the module's table; presence is taken from the simulator itself.
fn judge(rung: &[Rung], watched: &HashSet<(String, String)>) -> Found {
    let mut found = Found::new();
    let real: Vec<&Rung> = rung.iter().filter(|rung| !rung.transaction.training).collect();
    let till = |t: &Transaction| (t.store_id.clone(), t.register_id.clone(), t.operator_id.clone());
    let receipts: HashMap<_, _> =
        real.iter().filter_map(|rung| Some((rung.transaction.receipt_no.clone()?, *rung))).collect();
    for (place, event) in real.iter().enumerate() {
        let transaction = &event.transaction;
        let before = |within: TimeDelta| {
            let earlier = real[..place].iter().rev();
            earlier.take_while(move |other| event.true_time - other.true_time <= within)
        };
        let mut fire = |rule: &str| found.insert((rule.to_owned(), event.event_id));
        match transaction.kind {
            Kind::PostVoid => {
                let sale = transaction.reference.as_ref().and_then(|r| receipts.get(r.receipt_no.as_ref()?)).unwrap();
                let cash = sale.transaction.tenders.iter().any(|tender| tender.tender_type == TenderType::Cash);
                if cash && transaction.total_minor >= Some(1_000) {
                    fire("post_void");
                }
            }
            Kind::NoSale => {
                let void = |other: &&&Rung| {
                    let lines = &other.transaction.lines;
                    till(&other.transaction) == till(transaction)
                        && (matches!(other.transaction.kind, Kind::Cancel | Kind::PostVoid)
                            || lines.iter().any(|line| line.voids_line_no.is_some()))
                };
                if before(TimeDelta::seconds(120)).any(|other| void(&other)) {
                    fire("void_followed_by_no_sale");
                }
            }
            Kind::Cancel => {
                let cancels = before(TimeDelta::minutes(30)).filter(|other| {
                    other.transaction.kind == Kind::Cancel && other.transaction.operator_id == transaction.operator_id
                });
                if cancels.count() == 5 {
                    fire("cancel_burst");
                }
            }
            Kind::Sale => {
                let deep = transaction.lines.iter().any(|line| {
                    let (Some(shelf), Some(price)) = (line.regular_price_minor, line.unit_price_minor) else {
                        return false;
                    };
                    let off = shelf - price;
                    line.price_override.is_some() && off * 100 >= shelf * 30 && off >= 1_000
                });
                if deep {
                    fire("price_override_deep");
                }
            }
            _ => {}
        }
        let rule = match transaction.kind {
            Kind::Return => "refund_no_customer",
            Kind::NoSale => "no_sale_no_customer",
            _ => continue,
        };
        let till = (transaction.store_id.to_string(), transaction.register_id.to_string());
        let (from, to) = (event.true_begin - TimeDelta::seconds(2), event.true_time + TimeDelta::seconds(2));
        let empty =
            |seen: &&crate::truth::Seen| seen.zone == Zone::Empty && seen.span.start() <= from && to <= seen.span.end();
        if watched.contains(&till) && event.presence.iter().any(|seen| empty(&seen)) {
            fire(rule);
        }
    }
    found
}

fn expected(truth: &Truth) -> Found {
    truth.expected().map(|item| (item.expected_rule.clone().unwrap(), item.anchor_event_id)).collect()
}

fn weeks(panel: &Panel, seed: u64, video: bool) -> (Vec<Rung>, Truth) {
    let plans = demo::stores().unwrap();
    let span = ("2026-10-25".parse().unwrap(), "2026-11-21".parse().unwrap());
    let mut history = History::new(panel, &plans, span, Setup { seed, cases_per_day: 3, video }).unwrap();
    let rung: Vec<_> = history.by_ref().map(Result::unwrap).collect();
    assert!(history.unplaced() <= 4, "{} cases found no place", history.unplaced());
    (rung, history.truth())
}

#[test]
fn the_rules_find_what_the_truth_says_and_nothing_else() {
    let made_up = Panel::made_up().unwrap();
    let watched: HashSet<_> =
        [("17", "1"), ("17", "2")].map(|(store, till)| (store.to_owned(), till.to_owned())).into();
    let blind = HashSet::new();
    for (panel, seed, video) in [(&made_up, 1, false), (&made_up, 2, true), (any(), 3, true)] {
        let (rung, truth) = weeks(panel, seed, video);
        let found = judge(&rung, if video { &watched } else { &blind });
        let wanted = expected(&truth);
        let extra: Vec<_> = found.difference(&wanted).collect();
        let missed: Vec<_> = wanted.difference(&found).collect();
        assert!(extra.is_empty() && missed.is_empty(), "seed {seed}: extra {extra:?}, missed {missed:?}");
        assert!(wanted.len() > 40, "{}", wanted.len());
    }
}

#[test]
fn every_truth_item_points_at_events_that_exist() {
    let (rung, truth) = weeks(&Panel::made_up().unwrap(), 4, true);
    let by_id: HashMap<_, _> = rung.iter().map(|rung| (rung.event_id, rung)).collect();
    assert!(truth.items.len() > 150);
    for item in &truth.items {
        let anchor = by_id[&item.anchor_event_id];
        assert!(item.event_ids.contains(&item.anchor_event_id));
        assert!(item.event_ids.iter().all(|id| by_id.contains_key(id)), "{}", item.case);
        assert_eq!((anchor.true_time, &anchor.transaction.register_id), (item.true_time, &item.register_id));
        assert_eq!(anchor.transaction.operator_id.as_ref(), Some(&item.operator_id));
        assert_eq!(item.event_time_raw, anchor.transaction.event_time_raw);
        assert!(!item.why.is_empty());
    }
}

#[test]
fn every_case_comes_in_a_history_of_four_weeks() {
    let (_, truth) = weeks(&Panel::made_up().unwrap(), 1, true);
    let came: BTreeSet<_> = truth.items.iter().map(|item| item.case.as_str()).collect();
    let all: BTreeSet<_> = cases().map(|case| case.name).collect();
    assert_eq!(came, all);
    assert_eq!(all.len(), cases().count(), "names are unique");
    for scenario in cases().map(|case| case.scenario) {
        let family = || cases().filter(|case| case.scenario == scenario);
        assert!(family().any(|case| case.fires) && family().any(|case| !case.fires), "{scenario} needs both kinds");
    }
}

/// A day for each handful of cases, so that every family has room; its truth names events that are there.
#[test]
fn every_case_of_the_library_has_room_on_a_day_and_its_truth_is_there() {
    let panel = Panel::made_up().unwrap();
    let mut plan = demo::kiosk().unwrap();
    plan.rates.safe_drop = crate::dice::WHOLE;
    let all: Vec<_> = library().collect();
    let setup = Setup { video: true, ..Setup::default() };
    for case in &all {
        let day = simulate_cases(&panel, &plan, "2026-11-19".parse().unwrap(), &setup, &[*case]).unwrap();
        assert!(day.unplaced.is_empty(), "{} finds no room", case.name);
        let ids: HashSet<_> = day.rung.iter().map(|rung| rung.event_id).collect();
        let rules: BTreeSet<_> = day.truth.iter().map(|item| item.expected_rule.as_deref()).collect();
        let mut wanted: BTreeSet<_> = case.also.iter().copied().map(Some).collect();
        wanted.extend(case.fires.then_some(Some(case.scenario)));
        if wanted.is_empty() {
            wanted.insert(None);
        }
        assert_eq!(rules, wanted, "{}", case.name);
        for item in &day.truth {
            assert!(item.event_ids.contains(&item.anchor_event_id), "{}", case.name);
            assert!(item.event_ids.iter().all(|id| ids.contains(id)), "{}", case.name);
        }
    }
    let names: BTreeSet<_> = all.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), all.len(), "names are unique");
    for scenario in all.iter().map(|case| case.scenario) {
        let family = || all.iter().filter(|case| case.scenario == scenario);
        assert!(family().any(|case| case.fires) && family().any(|case| !case.fires), "{scenario} needs both kinds");
    }
}

#[test]
fn without_cameras_nothing_about_presence_may_fire_and_the_truth_says_why() {
    let (_, truth) = weeks(&Panel::made_up().unwrap(), 1, false);
    let mut about_presence = truth.items.iter().filter(|item| case(&item.case).unwrap().about_presence).peekable();
    assert!(about_presence.peek().is_some());
    assert!(about_presence.all(|item| item.expected_rule.is_none() && item.why.contains("unknown")));
}

#[test]
fn injected_prices_are_not_passed_off_as_the_panels() {
    let panel = Panel::made_up().unwrap();
    let plan = demo::kiosk().unwrap();
    let case = case("price_override_deep").unwrap();
    let day = simulate_cases(&panel, &plan, "2026-11-21".parse().unwrap(), &Setup::default(), &[case]).unwrap();
    let anchor = day.rung.iter().find(|rung| rung.event_id == day.truth[0].anchor_event_id).unwrap();
    assert_eq!(anchor.basket, None);
    let line = anchor.transaction.lines.iter().find(|line| line.price_override.is_some()).unwrap();
    assert_eq!(line.unit_price_minor, Some(line.extended_minor));
    assert!(line.price_override.as_ref().unwrap().approver_id.is_some());
}

#[test]
fn the_truth_reads_back_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("truth.json");
    let (_, truth) = weeks(&Panel::made_up().unwrap(), 1, true);
    truth.write(&path).unwrap();
    assert_eq!(Truth::read(&path).unwrap(), truth);
    assert!(Truth::read(&folder.path().join("other.json")).is_err());
}
