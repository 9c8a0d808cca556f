//! A store: its time zone and currency. Local times and business days come from here and from nowhere else.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::id::{StoreId, StoreKey, TenantId};
use crate::money::Currency;
use crate::span::TimeSpan;

/// A shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// The retailer it belongs to.
    pub tenant: TenantId,
    /// Its id.
    pub id: StoreId,
    /// What people call it.
    pub name: String,
    /// Its IANA time zone.
    pub tz: Tz,
    /// The currency of its tills.
    pub currency: Currency,
    /// The local time at which its business day ends; midnight when absent.
    #[serde(default)]
    pub day_ends: Option<NaiveTime>,
    /// The local time at which it closes; with its business day when absent.
    #[serde(default)]
    pub closes: Option<NaiveTime>,
}

/// How a local time maps to UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Local {
    /// It occurs once.
    Once(DateTime<Utc>),
    /// It occurs twice (end of summer time).
    Twice {
        /// With summer time still on.
        first: DateTime<Utc>,
        /// An hour later.
        second: DateTime<Utc>,
    },
    /// It does not occur (start of summer time).
    Never,
}

impl Store {
    /// The Kafka key of the store.
    pub fn key(&self) -> StoreKey {
        StoreKey::new(self.tenant.clone(), self.id.clone())
    }

    /// The store's wall time at an instant.
    pub fn local(&self, instant: DateTime<Utc>) -> DateTime<Tz> {
        instant.with_timezone(&self.tz)
    }

    /// The instants at which the store's clocks show `local`.
    pub fn instants(&self, local: NaiveDateTime) -> Local {
        match self.tz.from_local_datetime(&local) {
            chrono::LocalResult::Single(at) => Local::Once(at.with_timezone(&Utc)),
            chrono::LocalResult::Ambiguous(first, second) => {
                Local::Twice { first: first.with_timezone(&Utc), second: second.with_timezone(&Utc) }
            }
            chrono::LocalResult::None => Local::Never,
        }
    }

    /// The business day that an instant belongs to: the local date, or the day before while the night is still on.
    pub fn business_day(&self, instant: DateTime<Utc>) -> NaiveDate {
        let local = self.local(instant).naive_local();
        match self.day_ends {
            Some(end) if local.time() < end => local.date().checked_sub_days(Days::new(1)).unwrap_or(local.date()),
            _ => local.date(),
        }
    }

    /// All instants of a business day: 23, 24 or 25 hours long.
    pub fn day(&self, day: NaiveDate) -> Option<TimeSpan> {
        let ends = self.day_ends.unwrap_or(NaiveTime::MIN);
        let start = self.first_instant(day.and_time(ends))?;
        let end = self.first_instant(day.checked_add_days(Days::new(1))?.and_time(ends))?;
        TimeSpan::new(start, end).ok()
    }

    /// The instant at which it closes on a business day. A closing time that the clock shows twice is the later one, and
    /// one that it does not show is the first instant after: it is never told to be closed while it may be open.
    pub fn closing(&self, day: NaiveDate) -> Option<DateTime<Utc>> {
        let day_ends = self.day_ends.unwrap_or(NaiveTime::MIN);
        let Some(closes) = self.closes else { return Some(self.day(day)?.end()) };
        // At night it still is the business day that began the day before.
        let date = if closes <= day_ends { day.checked_add_days(Days::new(1))? } else { day };
        match self.instants(date.and_time(closes)) {
            Local::Once(at) | Local::Twice { second: at, .. } => Some(at),
            Local::Never => self.first_instant(date.and_time(closes)),
        }
    }

    /// The first instant at or after a local time (which may not exist).
    fn first_instant(&self, local: NaiveDateTime) -> Option<DateTime<Utc>> {
        match self.instants(local) {
            Local::Once(at) | Local::Twice { first: at, .. } => Some(at),
            Local::Never => {
                // The gap is at most a few hours: take the offset that held before it.
                let before = self.tz.from_local_datetime(&(local - TimeDelta::hours(4))).earliest()?;
                let offset = before.offset().fix();
                Some((local - TimeDelta::seconds(i64::from(offset.local_minus_utc()))).and_utc())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chicago() -> Store {
        Store {
            tenant: "acme".parse().unwrap(),
            id: "17".parse().unwrap(),
            name: "Kiosk".into(),
            tz: chrono_tz::America::Chicago,
            currency: Currency::new("USD").unwrap(),
            day_ends: None,
            closes: None,
        }
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn days_of_the_clock_changes_have_23_and_25_hours() {
        let store = chicago();
        assert_eq!(store.day(day("2026-03-08")).unwrap().duration(), TimeDelta::hours(23));
        assert_eq!(store.day(day("2026-11-01")).unwrap().duration(), TimeDelta::hours(25));
        assert_eq!(store.day(day("2026-11-02")).unwrap().duration(), TimeDelta::hours(24));
    }

    #[test]
    fn a_local_time_may_occur_twice_or_never() {
        let store = chicago();
        let at = |text: &str| store.instants(text.parse().unwrap());
        assert_eq!(at("2026-03-08T02:30:00"), Local::Never);
        assert!(matches!(at("2026-11-01T01:30:00"), Local::Twice { .. }));
    }

    #[test]
    fn a_bar_that_closes_at_three_books_the_night_on_the_day_before() {
        let bar = Store { day_ends: NaiveTime::from_hms_opt(5, 0, 0), ..chicago() };
        let two_at_night = "2026-07-05T07:00:00Z".parse().unwrap();
        assert_eq!(bar.business_day(two_at_night), day("2026-07-04"));
        assert!(bar.day(day("2026-07-04")).unwrap().contains(two_at_night));
    }
    #[test]
    fn a_shop_closes_on_the_day_itself_or_in_the_night_after() {
        let closing = |store: &Store, on: &str| store.closing(day(on)).unwrap().to_rfc3339();
        let at = |closes| Store { closes: NaiveTime::from_hms_opt(closes, 0, 0), ..chicago() };
        assert_eq!(closing(&chicago(), "2026-07-04"), "2026-07-05T05:00:00+00:00");
        assert_eq!(closing(&at(21), "2026-07-04"), "2026-07-05T02:00:00+00:00");
        let bar = Store { day_ends: NaiveTime::from_hms_opt(5, 0, 0), ..at(1) };
        assert_eq!(closing(&bar, "2026-07-04"), "2026-07-05T06:00:00+00:00");
        assert_eq!(closing(&bar, "2026-10-31"), "2026-11-01T07:00:00+00:00", "one o'clock comes twice");
        let bar = Store { closes: NaiveTime::from_hms_opt(2, 30, 0), ..bar };
        assert_eq!(closing(&bar, "2026-03-07"), "2026-03-08T08:30:00+00:00", "half past two does not come");
    }
}
