//! A kiosk with two tills, and what keeps its rules from judging.

use tillsight_correlate::rule::Rule;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    format!("2026-11-22T{text}Z").parse().unwrap()
}

fn header(id: &str) -> Header {
    Rule::library().unwrap().into_iter().find(|rule| rule.header.id.as_str() == id).unwrap().header
}

fn watched(camera: &str, dark: Option<Blind>) -> Watched {
    let dark = dark.map(|why| Dark { why: Some(why), since: Some(at("14:00:00")) });
    Watched { kind: ZoneKind::Customer, camera: camera.to_owned(), dark }
}

/// Registers 1 and 2, each with a camera on its customers.
fn shop() -> Shop {
    let till = |camera: &str| Till { lacks: BTreeMap::new(), zones: vec![watched(camera, None)] };
    let tills = [("1", till("Kiosk")), ("2", till("Door"))];
    Shop {
        cameras: true,
        heard_at: Some(at("15:00:00")),
        tills: tills.map(|(register, till)| (register.parse().unwrap(), till)).into(),
    }
}

fn change(shop: &mut Shop, register: &str, change: impl FnOnce(&mut Till)) {
    change(shop.tills.get_mut(&register.parse::<RegisterId>().unwrap()).unwrap());
}

/// How a rule sees, and why not.
fn seen(rule: &str, shop: &Shop) -> (SightState, Vec<String>) {
    let cell = judge(&header(rule), shop, false);
    assert!(cell.reasons.iter().all(|reason| !reason.cure.is_empty()), "{:?}", cell.reasons);
    (cell.state, cell.reasons.into_iter().map(|reason| reason.words).collect())
}

fn because(words: &str) -> Vec<String> {
    vec![words.to_owned()]
}

#[test]
fn a_kiosk_whose_tills_speak_and_whose_cameras_see_is_live() {
    assert_eq!(seen("refund_no_customer", &shop()), (SightState::Live, vec![]));
    assert_eq!(seen("cancel_burst", &shop()), (SightState::Live, vec![]));
}

#[test]
fn a_camera_that_goes_dark_blinds_the_rules_that_ask_who_was_there_and_no_others() {
    let mut shop = shop();
    change(&mut shop, "1", |till| till.zones = vec![watched("Kiosk", Some(Blind::NoSignal))]);
    let words = "Register 1: no picture comes from Kiosk.";
    assert_eq!(seen("refund_no_customer", &shop), (SightState::Degraded, because(words)));
    let cell = judge(&header("refund_no_customer"), &shop, false);
    assert_eq!((cell.reasons[0].code.as_str(), cell.reasons[0].since), ("camera_no_signal", Some(at("14:00:00"))));
    assert_eq!(seen("cancel_burst", &shop).0, SightState::Live);
    change(&mut shop, "2", |till| till.zones = vec![watched("Kiosk", Some(Blind::NoSignal)), watched("Door", None)]);
    let words = "Registers 1 and 2: no picture comes from Kiosk.";
    assert_eq!(seen("refund_no_customer", &shop), (SightState::Blind, because(words)), "the door alone proves nothing");
}

#[test]
fn a_lane_that_no_zone_looks_at_is_named() {
    let mut shop = shop();
    change(&mut shop, "2", |till| till.zones.clear());
    let words = "Register 2: no customer zone looks there.";
    assert_eq!(seen("refund_no_customer", &shop), (SightState::Degraded, because(words)));
    change(&mut shop, "1", |till| till.zones[0].kind = ZoneKind::Cashier);
    let words = "Registers 1 and 2: no customer zone looks there.";
    assert_eq!(seen("refund_no_customer", &shop), (SightState::Blind, because(words)));
    shop.cameras = false;
    assert_eq!(seen("refund_no_customer", &shop), (SightState::Blind, because("The store has no camera.")));
}

#[test]
fn a_till_that_no_longer_names_the_operator_blinds_the_rules_about_operators() {
    let mut shop = shop();
    let key = ("cancel_burst".parse::<RuleId>().unwrap(), "operator_id".to_owned());
    let lack = |gone| Lack { gone, since: at("14:30:00") };
    change(&mut shop, "1", |till| _ = till.lacks.insert(key.clone(), lack(false)));
    let words = "Register 1: `operator_id` is missing in some records.";
    assert_eq!(seen("cancel_burst", &shop), (SightState::Degraded, because(words)));
    for register in ["1", "2"] {
        change(&mut shop, register, |till| _ = till.lacks.insert(key.clone(), lack(true)));
    }
    let words = "Registers 1 and 2: `operator_id` is missing.";
    assert_eq!(seen("cancel_burst", &shop), (SightState::Blind, because(words)));
    assert_eq!(seen("refund_no_customer", &shop).0, SightState::Live);
}

#[test]
fn two_tills_that_are_blind_for_two_reasons_leave_nothing_to_judge() {
    let mut shop = shop();
    change(&mut shop, "1", |till| till.zones.clear());
    change(&mut shop, "2", |till| till.zones = vec![watched("Door", Some(Blind::Frozen))]);
    let (state, words) = seen("refund_no_customer", &shop);
    assert_eq!((state, words.len()), (SightState::Blind, 2), "{words:?}");
}

#[test]
fn a_store_whose_tills_are_silent_is_blind_and_a_rule_that_somebody_switched_off_is_off() {
    let silent = Shop { tills: BTreeMap::new(), ..shop() };
    let cell = judge(&header("cancel_burst"), &silent, false);
    assert_eq!((cell.state, cell.reasons[0].code.as_str()), (SightState::Blind, "tills_silent"));
    assert_eq!(cell.reasons[0].since, Some(at("15:00:00")));
    let cell = judge(&header("cancel_burst"), &silent, true);
    assert_eq!((cell.state, cell.reasons[0].code.as_str()), (SightState::Off, "switched_off"));
}

#[test]
fn many_registers_are_counted() {
    let registers: Vec<RegisterId> = (1..=12).map(|number| number.to_string().parse().unwrap()).collect();
    assert_eq!(named(&registers[..1]), "Register 1");
    assert_eq!(named(&registers[..5]), "Registers 1, 2, 3, 4 and 5");
    assert_eq!(named(&registers), "Registers 1, 2, 3, 4 and 8 more");
}
