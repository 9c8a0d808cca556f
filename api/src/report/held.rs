//! Which of a day's alerts its report lists, when the day is over and all of them are known: the best by what they are
//! worth, as many as a store's day has tokens, and all that are critical. The others can be browsed; why each is not listed
//! is counted.
//!
//! What was sent while the day went on had to guess what was still to come ([`crate::sending::budget`]); this does not.

use std::collections::{BTreeMap, BTreeSet};

use tillsight_schemas::alert::Severity;

use super::model::ReportHeld;
use crate::db::AlertRow;
use crate::sending::Sending;
use crate::sending::budget::{Rival, best};

/// Where an alert of the day belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// In the list.
    Listed,
    /// Others are worth more.
    Beyond,
    /// It is not severe enough.
    Mild,
    /// Its rule is held back because it was wrong too often.
    Demoted,
}

/// Where each alert belongs, of a day with so many tokens.
pub(super) fn places(rows: &[&AlertRow], tokens: usize, from: Severity) -> Vec<Place> {
    let mut places: Vec<Place> = rows
        .iter()
        .map(|row| match row.alert.severity {
            Severity::Critical => Place::Beyond,
            severity if severity < from => Place::Mild,
            _ if row.told.why == Sending::Demoted => Place::Demoted,
            _ => Place::Beyond,
        })
        .collect();
    let (mut numbers, mut rivals) = (Vec::new(), Vec::new());
    for (number, row) in rows.iter().enumerate().filter(|(number, _)| places.get(*number) == Some(&Place::Beyond)) {
        numbers.push(number);
        rivals.push(Rival { into_day: row.alert.event_time.timestamp_micros(), worth: row.worth });
    }
    let critical = rows.iter().filter(|row| row.alert.severity == Severity::Critical).count();
    for place in best(&rivals, tokens.max(critical)) {
        let listed = numbers.get(place).and_then(|number| places.get_mut(*number));
        if let Some(listed) = listed {
            *listed = Place::Listed;
        }
    }
    places
}

/// How many are not listed, and why.
pub(super) fn held(
    rows: &[&AlertRow],
    places: &[Place],
    (tokens, from): (usize, Severity),
    titles: &BTreeMap<String, String>,
) -> Vec<ReportHeld> {
    let mut of: BTreeMap<Place, (i64, BTreeSet<&str>)> = BTreeMap::new();
    for (row, place) in rows.iter().zip(places).filter(|(_, place)| **place != Place::Listed) {
        let rule = row.alert.rule_id.as_str();
        let (count, rules) = of.entry(*place).or_default();
        *count += 1;
        rules.insert(titles.get(rule).map_or(rule, String::as_str));
    }
    let said = |(place, (count, rules)): (Place, (i64, BTreeSet<&str>))| {
        let (why, words) = match place {
            Place::Mild => (Sending::Severity, format!("{count} below {from}")),
            Place::Demoted => {
                let rules: Vec<&str> = rules.into_iter().collect();
                (Sending::Demoted, format!("{count} of rules that were wrong too often ({})", rules.join(", ")))
            }
            Place::Listed | Place::Beyond => (Sending::Budget, format!("{count} beyond the {tokens} of a day")),
        };
        ReportHeld { why: why.as_str().to_owned(), count, words }
    };
    of.into_iter().map(said).collect()
}

/// How many more there are than those listed, in words; empty when there are none.
pub(super) fn more(more: i64, held: &[ReportHeld]) -> String {
    if more <= 0 {
        return String::new();
    }
    let why: Vec<&str> = held.iter().map(|each| each.words.as_str()).collect();
    let colon = if why.is_empty() { "" } else { ": " };
    format!("and {more} more to browse in the review queue{colon}{}", why.join(", "))
}

#[cfg(test)]
mod tests {
    use tillsight_schemas::alert::Alert;
    use uuid::Uuid;

    use super::*;
    use crate::db::Odds;
    use crate::sending::Told;

    fn row(number: u128, severity: Severity, amount: i64, why: Sending) -> AlertRow {
        let mut alert: Alert = serde_json::from_str(include_str!("../../../schemas/samples/v1/alert.json")).unwrap();
        (alert.alert_id, alert.severity, alert.amount_minor) = (Uuid::from_u128(number), severity, Some(amount));
        let odds = Odds::default();
        AlertRow {
            change: 0,
            worth: odds.worth(severity, Some(amount)),
            alert,
            disposition: None,
            reviewed_by: None,
            reviewed_at: None,
            item: Uuid::nil(),
            assignee: None,
            odds,
            people: Vec::new(),
            asked: None,
            told: Told { why, picked_permille: 0 },
        }
    }

    #[test]
    fn the_list_is_the_best_of_the_day_whatever_was_sent_and_says_what_is_not_on_it() {
        let rows = [
            row(1, Severity::High, 1_000, Sending::Threshold),
            row(2, Severity::High, 9_000, Sending::Budget),
            row(3, Severity::Low, 90_000, Sending::Severity),
            row(4, Severity::High, 5_000, Sending::Threshold),
            row(5, Severity::High, 90_000, Sending::Demoted),
            row(6, Severity::Critical, 1, Sending::Critical),
        ];
        let rows: Vec<&AlertRow> = rows.iter().collect();
        let places = places(&rows, 3, Severity::Medium);
        let listed: Vec<usize> = (1..=6).filter(|number| places[number - 1] == Place::Listed).collect();
        assert_eq!(listed, [2, 4, 6], "the first was sent, and better ones came");
        let titles = [("refund_no_customer".to_owned(), "Refund with nobody".to_owned())].into();
        let held = held(&rows, &places, (3, Severity::Medium), &titles);
        assert_eq!(
            more(3, &held),
            "and 3 more to browse in the review queue: 1 beyond the 3 of a day, 1 below medium, 1 of rules that were wrong \
             too often (Refund with nobody)"
        );
        assert_eq!(more(0, &[]), "");
        let critical: Vec<AlertRow> = (1..=4).map(|n| row(n, Severity::Critical, 1, Sending::Critical)).collect();
        let critical: Vec<&AlertRow> = critical.iter().collect();
        assert!(super::places(&critical, 2, Severity::Medium).iter().all(|place| *place == Place::Listed));
    }
}
