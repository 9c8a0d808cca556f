//! The histogram of a result: a few dozen buckets of a width that people think in, days by the store's calendar.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Days, NaiveDate, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::tally::FINEST;

/// The most buckets there are.
const MOST: i64 = 60;
const MINUTE: i64 = 60 * 1_000_000;
const DAY: i64 = 1440 * MINUTE;
/// Widths below a day; each a multiple of the finest stretch.
const WIDTHS: [i64; 6] = [FINEST, 15 * MINUTE, 30 * MINUTE, 60 * MINUTE, 180 * MINUTE, 360 * MINUTE];
/// Widths in days.
const DAYS: [i64; 6] = [1, 2, 7, 14, 28, 91];

/// A stretch of time, and what happened in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// From when.
    #[serde(serialize_with = "super::find::instant")]
    pub start_at: DateTime<Utc>,
    /// Until when.
    #[serde(serialize_with = "super::find::instant")]
    pub end_at: DateTime<Utc>,
    /// How many alerts.
    pub alerts: u64,
    /// How many receipts.
    pub receipts: u64,
}

/// Puts the finest stretches into buckets without holes.
pub(super) fn buckets(times: &HashMap<i64, (u64, u64)>, zone: Tz) -> Vec<Bucket> {
    let (Some(first), Some(last)) = (times.keys().min(), times.keys().max()) else { return Vec::new() };
    let span = (last + 1 - first).saturating_mul(FINEST);
    let edges = match WIDTHS.iter().find(|width| span / **width < MOST) {
        Some(width) => even(*first, *last, *width, zone),
        None => days(*first, *last, span, zone),
    };
    let mut counts: BTreeMap<i64, (u64, u64)> = edges.iter().map(|edge| (*edge, (0, 0))).collect();
    for (stretch, (alerts, receipts)) in times {
        if let Some((_, sum)) = counts.range_mut(..=stretch * FINEST).next_back() {
            *sum = (sum.0 + alerts, sum.1 + receipts);
        }
    }
    let ends = edges.iter().skip(1);
    let pairs = edges.iter().zip(ends).filter_map(|(start, end)| {
        let (alerts, receipts) = counts.get(start).copied()?;
        let at = DateTime::from_timestamp_micros;
        Some(Bucket { start_at: at(*start)?, end_at: at(*end)?, alerts, receipts })
    });
    pairs.collect()
}

/// Edges of one width, on whole hours of the zone, from before the first to after the last stretch.
fn even(first: i64, last: i64, width: i64, zone: Tz) -> Vec<i64> {
    let offset = DateTime::from_timestamp_micros(first * FINEST)
        .map_or(0, |at| i64::from(zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()) * 1_000_000);
    let start = (first * FINEST + offset).div_euclid(width) * width - offset;
    let count = (last * FINEST - start).div_euclid(width) + 1;
    (0..=count).map(|index| start + index * width).collect()
}

/// Edges at local midnights.
fn days(first: i64, last: i64, span: i64, zone: Tz) -> Vec<i64> {
    let step = DAYS.iter().copied().find(|days| span / (days * DAY) < MOST).unwrap_or(364);
    let local =
        |stretch: i64| DateTime::from_timestamp_micros(stretch * FINEST).map(|at| at.with_timezone(&zone).date_naive());
    let (Some(mut day), Some(end)) = (local(first), local(last)) else { return Vec::new() };
    let step = Days::new(u64::try_from(step).unwrap_or(1));
    let mut edges: Vec<i64> = midnight(day, zone).into_iter().collect();
    while day <= end {
        let Some(next) = day.checked_add_days(step) else { break };
        day = next;
        edges.extend(midnight(day, zone));
    }
    edges
}

/// The first instant of a local day; an hour later where midnight does not exist.
fn midnight(day: NaiveDate, zone: Tz) -> Option<i64> {
    let at = day.and_hms_opt(0, 0, 0)?;
    let first = zone.from_local_datetime(&at).earliest();
    let first = first.or_else(|| zone.from_local_datetime(&(at + TimeDelta::hours(1))).earliest())?;
    Some(first.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretches(instants: &[&str]) -> HashMap<i64, (u64, u64)> {
        let mut times = HashMap::new();
        for text in instants {
            let at: DateTime<Utc> = text.parse().unwrap();
            times.entry(at.timestamp_micros().div_euclid(FINEST)).or_insert((0, 0)).1 += 1;
        }
        times
    }

    #[test]
    fn a_month_has_days_of_the_store_and_the_day_of_the_clock_change_is_longer() {
        let times = stretches(&["2026-10-20T13:00:00Z", "2026-11-02T05:59:00Z", "2026-11-15T13:00:00Z"]);
        let buckets = buckets(&times, chrono_tz::America::Chicago);
        assert_eq!(buckets.len(), 27);
        let change = buckets.iter().find(|bucket| bucket.end_at - bucket.start_at == TimeDelta::hours(25)).unwrap();
        assert_eq!((change.start_at.to_rfc3339(), change.receipts), ("2026-11-01T05:00:00+00:00".into(), 1));
        assert_eq!(buckets.iter().map(|bucket| bucket.receipts).sum::<u64>(), 3);
        assert!(buckets.windows(2).all(|pair| pair[0].end_at == pair[1].start_at));
    }

    #[test]
    fn every_span_has_a_few_dozen_buckets_that_hold_everything() {
        for (end, most) in [
            ("2026-01-01T00:01:00Z", 1),
            ("2026-01-01T03:00:00Z", 60),
            ("2026-01-09T03:00:00Z", 60),
            ("2026-03-09T03:00:00Z", 61),
            ("2031-03-09T03:00:00Z", 61),
        ] {
            let buckets = buckets(&stretches(&["2026-01-01T00:00:30Z", end]), chrono_tz::Europe::Berlin);
            assert!(buckets.len() <= most, "{end}: {}", buckets.len());
            assert_eq!(buckets.iter().map(|bucket| bucket.receipts).sum::<u64>(), 2, "{end}");
        }
        assert!(buckets(&HashMap::new(), Tz::UTC).is_empty());
    }
}
