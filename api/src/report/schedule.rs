//! When a report is due: half an hour after the store closes, by the store's own clock. Pure functions of store and day.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use tillsight_schemas::store::Store;

/// From the closing of a store to its report.
const AFTER_CLOSING: TimeDelta = TimeDelta::minutes(30);
/// Days that are caught up after a stop; older ones are not sent any more.
pub(super) const CATCH_UP: u64 = 7;
/// After how many days a report that was sent is looked at again for late data.
const LOOKS: [i64; 3] = [1, 2, 3];

/// The instant at which the report of a business day is due; `None` for days beyond the calendar.
pub(super) fn due(store: &Store, day: NaiveDate) -> Option<DateTime<Utc>> {
    Some(store.closing(day)? + AFTER_CLOSING)
}

/// The days whose reports are due within the last week, oldest first.
pub(super) fn due_days(store: &Store, now: DateTime<Utc>) -> impl Iterator<Item = (NaiveDate, DateTime<Utc>)> + '_ {
    let today = store.local(now).date_naive();
    (0..=CATCH_UP + 1)
        .rev()
        .filter_map(move |ago| today.checked_sub_days(Days::new(ago)))
        .filter_map(move |day| Some((day, due(store, day)?)))
        .filter(move |(_, at)| *at <= now && now - *at < TimeDelta::days(i64::try_from(CATCH_UP).unwrap_or(i64::MAX)))
}

/// When a report is looked at again; `None` when it stands for good.
pub(super) fn next_look(due: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    LOOKS.iter().map(|days| due + TimeDelta::days(*days)).find(|at| *at > now)
}

#[cfg(test)]
mod tests {
    use chrono::NaiveTime;
    use tillsight_schemas::money::Currency;

    use super::*;

    fn store(tz: chrono_tz::Tz, closes: Option<NaiveTime>, day_ends: Option<NaiveTime>) -> Store {
        let (tenant, id) = ("acme".parse().unwrap(), "17".parse().unwrap());
        Store { tenant, id, name: "Kiosk".into(), tz, currency: Currency::new("USD").unwrap(), day_ends, closes }
    }

    #[test]
    fn in_every_zone_each_day_of_a_year_has_one_report_in_order_and_when_it_closed() {
        let time = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 0);
        // A shop, a bar that closes while clocks change, and one that never says when it closes.
        for (closes, day_ends) in
            [(time(21, 0), None), (time(1, 30), time(5, 0)), (time(2, 30), time(5, 0)), (None, None)]
        {
            for tz in chrono_tz::TZ_VARIANTS {
                let store = store(tz, closes, day_ends);
                let mut last: Option<DateTime<Utc>> = None;
                for day in NaiveDate::from_ymd_opt(2026, 1, 1).unwrap().iter_days().take(366) {
                    let at = due(&store, day).unwrap();
                    if let Some(last) = last {
                        let step = at - last;
                        assert!(step > TimeDelta::hours(20) && step < TimeDelta::hours(28), "{tz} {day}: {step}");
                    }
                    let plain = last.is_some_and(|last| at - last == TimeDelta::hours(24));
                    last = Some(at);
                    if plain && !day.to_string().ends_with("-15") {
                        continue;
                    }
                    // A minute past it, it is the newest due day; a minute before, it is not due.
                    let newest = |now| due_days(&store, now).map(|(day, _)| day).last();
                    assert_eq!(newest(at + TimeDelta::minutes(1)), Some(day), "{tz}");
                    assert_ne!(newest(at - TimeDelta::minutes(1)), Some(day), "{tz}");
                    if let (Some(closes), None) = (closes, day_ends) {
                        assert_eq!(store.local(at - AFTER_CLOSING).time(), closes, "{tz} {day}");
                    }
                }
            }
        }
    }

    #[test]
    fn days_that_were_missed_are_caught_up_for_a_week_the_newest_last() {
        let store = store(chrono_tz::America::Chicago, NaiveTime::from_hms_opt(21, 0, 0), None);
        let days: Vec<String> =
            due_days(&store, "2026-11-22T16:00:00Z".parse().unwrap()).map(|(day, _)| day.to_string()).collect();
        assert_eq!((days.first().unwrap().as_str(), days.last().unwrap().as_str()), ("2026-11-15", "2026-11-21"));
        assert_eq!(days.len(), 7);
    }
}
