//! What a tally comes to: numbers a day of a store, alerts gained and lost, how they were decided, and how many are listed.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use tillsight_correlate::backtest::Piece;
use tillsight_schemas::judgement::{Judgement, Outcome};
use tillsight_schemas::port::Judged;
use tillsight_schemas::review::Disposition;
use tillsight_schemas::store::Store;
use uuid::Uuid;

use super::{BacktestResult, Seen, Tally};
use crate::db::Standing;

/// A judgement of a rule at register 1 of store 17, with an alert where it has a reason.
pub(crate) fn judged(number: u128, rule: &str, outcome: Outcome, reason: Option<&str>) -> Judged {
    let mut judgement: Judgement =
        serde_json::from_str(include_str!("../../../schemas/samples/v1/judgement.json")).unwrap();
    judgement.judgement_id = Uuid::from_u128(number);
    judgement.rule_id = rule.parse().unwrap();
    judgement.outcome = outcome;
    let alert = reason.map(|reason| {
        let mut alert: tillsight_schemas::alert::Alert =
            serde_json::from_str(include_str!("../../../schemas/samples/v1/alert.json")).unwrap();
        reason.clone_into(&mut alert.reason);
        alert
    });
    Judged { judgement, alert, events: Vec::new(), shadow: false }
}

fn store() -> Store {
    serde_json::from_value(serde_json::json!({
        "tenant": "acme", "id": "17", "name": "Store 17", "tz": "UTC", "currency": "USD",
    }))
    .unwrap()
}

/// What a piece of one day comes to, where these decisions were taken about alerts.
pub(crate) fn result(seen: &Seen, decided: &[(u128, Disposition)], most: usize, all: bool) -> BacktestResult {
    let store = store();
    let day: NaiveDate = "2026-11-22".parse().unwrap();
    let mut tally = Tally::new(&[(&store, day, day)], "what was judged live", most);
    let standing = |(id, decided): &(u128, Disposition)| {
        (Uuid::from_u128(*id), Standing { decided: Some(*decided), reason: "It was.".into() })
    };
    let standing: BTreeMap<Uuid, Standing> = decided.iter().map(standing).collect();
    tally.add(seen, &standing);
    tally.result(all)
}

#[test]
fn alerts_are_counted_a_day_of_a_store_and_told_with_how_they_were_decided() {
    let before = [judged(1, "mine", Outcome::Fired, None), judged(2, "mine", Outcome::Fired, None)];
    let live = before.iter().map(|one| one.judgement.clone()).collect();
    let now = vec![
        judged(1, "mine", Outcome::Silent, None),
        judged(2, "mine", Outcome::Fired, Some("Opened.")),
        judged(3, "mine", Outcome::Fired, Some("Opened again.")),
        judged(4, "mine", Outcome::Indeterminate, None),
    ];
    let seen = Seen::beside_live(Piece { live, judged: now, transactions: 7, ..Piece::default() });
    assert_eq!(seen.alerts(), [1, 2, 3, 4].map(Uuid::from_u128));
    let said = result(&seen, &[(1, Disposition::Confirmed), (2, Disposition::NoIssue)], 9, false);
    assert_eq!((said.store_days, said.transactions, said.same, said.differs), (1, 7, 1, 3));
    let summary = &said.summary;
    assert!((summary.rate - 2.0).abs() < 1e-9 && summary.rate_before == Some(2.0), "{summary:?}");
    assert_eq!((summary.gained, summary.lost, summary.lost_confirmed), (1, 1, 1));
    let (gained, lost) = (&said.gained.items[0], &said.lost.items[0]);
    assert_eq!((gained.words.as_str(), gained.known), ("Opened again.", false));
    assert_eq!((lost.words.as_str(), lost.known, lost.decided), ("It was.", true, Some(Disposition::Confirmed)));
    assert_eq!(lost.now.as_ref().unwrap().outcome, Outcome::Silent);
    let rule = &said.rules[0];
    assert_eq!((rule.fired, rule.silent, rule.indeterminate, rule.fired_before), (2, 1, 1, Some(2)));
    assert_eq!(rule.precision.as_ref().map(|odds| (odds.confirmed, odds.decided)), Some((0, 1)));
    assert_eq!(rule.precision_before.as_ref().map(|odds| (odds.confirmed, odds.decided)), Some((1, 2)));
    assert_eq!((said.blind[0].count, said.otherwise.count, said.alerts.count), (1, 1, 0));
    let day = &said.days[0];
    assert_eq!((said.days.len(), day.stores, day.fired, day.fired_before), (1, 1, 2, 2));
}

#[test]
fn another_version_of_a_rule_says_why_it_fired_and_counts_as_before() {
    let now = Piece { judged: vec![judged(1, "mine", Outcome::Silent, None)], ..Piece::default() };
    let other = Piece {
        judged: vec![judged(1, "mine", Outcome::Fired, Some("By the other."))],
        cost: [("mine".parse().unwrap(), std::time::Duration::from_millis(3))].into(),
        ..Piece::default()
    };
    let said = result(&Seen::beside(now, other), &[], 9, false);
    assert_eq!((said.lost.items[0].words.as_str(), said.lost.items[0].known), ("By the other.", false));
    assert_eq!((said.rules[0].fired_before, said.uncompared.len()), (Some(1), 0));
}

#[test]
fn a_rule_that_would_fire_no_more_is_told_with_how_often_it_was_right() {
    let live = vec![judged(1, "mine", Outcome::Fired, None).judgement];
    let said = result(&Seen::beside_live(Piece { live, ..Piece::default() }), &[(1, Disposition::Confirmed)], 9, false);
    let rule = &said.rules[0];
    assert_eq!((rule.fired, rule.fired_before, &rule.precision), (0, Some(1), &None));
    assert_eq!(rule.precision_before.as_ref().map(|odds| (odds.confirmed, odds.decided)), Some((1, 1)));
}

#[test]
fn what_has_no_room_is_counted_and_what_was_confirmed_goes_last() {
    let live = (1..=5).map(|number| judged(number, "mine", Outcome::Fired, None).judgement).collect();
    let seen = Seen::beside_live(Piece { live, ..Piece::default() });
    let said = result(&seen, &[(5, Disposition::Confirmed)], 2, false);
    assert_eq!((said.lost.count, said.lost.confirmed), (5, 1));
    assert_eq!(said.lost.items.iter().map(|alert| alert.alert_id.as_u128()).collect::<Vec<_>>(), [1, 5]);
}

#[test]
fn a_rule_that_said_nothing_before_is_listed_and_not_compared() {
    let judged = vec![judged(1, "mine", Outcome::Fired, Some("Opened.")), judged(2, "mine", Outcome::Silent, None)];
    let seen = Seen::beside_live(Piece { judged, ..Piece::default() });
    let said = result(&seen, &[], 9, false);
    assert_eq!((said.uncompared.len(), said.alerts.count, said.gained.count), (1, 1, 0));
    assert_eq!((said.summary.rate_before, said.rules[0].fired_before), (None, None));
    assert_eq!(said.alerts.items[0].words, "Opened.");
}
