//! Reads the time that a till wrote: `2026-11-22T14:03:22`, with or without offset, fraction or seconds.
//!
//! Without an offset it is the store's wall time. An hour that occurs twice (end of summer time) is read as its first
//! occurrence with an uncertainty of one hour, never silently; one that does not occur is refused. The text itself is
//! always kept beside the result.

use chrono::{DateTime, NaiveDateTime, Utc};
use tillsight_schemas::store::{Local, Store};

/// A time as read, and how far it may be off because of how it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadTime {
    /// The instant.
    pub at: DateTime<Utc>,
    /// Milliseconds by which it may be off: the precision of the text, one hour more where the hour occurs twice.
    pub uncertainty_ms: i64,
    /// The hour occurs twice and this is the first or second of the two, when the text says which.
    pub fold: Option<i32>,
}

/// A text that is no time in the store's zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTime {
    /// Not a form that is read.
    #[error("{0:?} is not a time such as 2026-11-22T14:03:22 or 2026-11-22T14:03:22+01:00")]
    Form(String),
    /// The clocks jumped over it.
    #[error("{0:?} does not exist in {1}: the clocks were put forward over it")]
    Skipped(String, String),
}

/// Reads a time of a till in a store.
///
/// # Errors
/// [`BadTime`] when the text has another form, or names an hour that did not exist.
pub fn read_time(text: &str, store: &Store) -> Result<ReadTime, BadTime> {
    let text = text.trim();
    let bad = || BadTime::Form(text.chars().take(40).collect());
    let precision = precision_ms(text).ok_or_else(bad)?;
    if let Some(at) = with_offset(text) {
        let local = store.local(at).naive_local();
        let fold = match store.instants(local) {
            Local::Twice { first, .. } => Some(i32::from(at != first)),
            _ => None,
        };
        return Ok(ReadTime { at, uncertainty_ms: precision, fold });
    }
    let local = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .ok_or_else(bad)?;
    match store.instants(local) {
        Local::Once(at) => Ok(ReadTime { at, uncertainty_ms: precision, fold: None }),
        Local::Twice { first, second } => {
            let hour = (second - first).num_milliseconds();
            Ok(ReadTime { at: first, uncertainty_ms: precision + hour, fold: None })
        }
        Local::Never => Err(BadTime::Skipped(text.to_owned(), store.tz.to_string())),
    }
}

fn with_offset(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M%:z"))
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
        .ok()
        .map(|at| at.with_timezone(&Utc))
}

/// One unit of the last place that the text shows, in milliseconds.
fn precision_ms(text: &str) -> Option<i64> {
    // The clock part begins after the date (10 characters and a separator) and ends where an offset begins.
    let clock = text.get(11..)?;
    let clock = clock.split(['Z', 'z', '+', '-']).next()?;
    let mut parts = clock.split(':');
    let _hours = parts.next()?;
    let _minutes = parts.next()?;
    let Some(seconds) = parts.next() else { return Some(60_000) };
    match seconds.split_once('.').map(|(_, fraction)| fraction.len()) {
        None | Some(0) => Some(1_000),
        Some(1) => Some(100),
        Some(2) => Some(10),
        Some(_) => Some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chicago() -> Store {
        serde_json::from_value(serde_json::json!({
            "tenant": "demo", "id": "17", "name": "Kiosk", "tz": "America/Chicago", "currency": "USD"
        }))
        .unwrap()
    }

    fn read(text: &str) -> Result<(String, i64, Option<i32>), BadTime> {
        read_time(text, &chicago()).map(|time| (time.at.to_rfc3339(), time.uncertainty_ms, time.fold))
    }

    #[test]
    fn local_times_are_read_in_the_zone_of_the_store() {
        let at = "2026-11-22T20:03:22+00:00".to_owned();
        assert_eq!(read("2026-11-22T14:03:22"), Ok((at.clone(), 1_000, None)));
        assert_eq!(read("2026-11-22 14:03:22.5"), Ok(("2026-11-22T20:03:22.500+00:00".into(), 100, None)));
        assert_eq!(read("2026-11-22T21:03:22+01:00"), Ok((at, 1_000, None)));
        assert_eq!(read("2026-11-22T14:03"), Ok(("2026-11-22T20:03:00+00:00".into(), 60_000, None)));
    }

    #[test]
    fn the_hour_that_occurs_twice_says_so_and_an_offset_settles_it() {
        assert_eq!(read("2026-11-01T01:30:00"), Ok(("2026-11-01T06:30:00+00:00".into(), 3_601_000, None)));
        assert_eq!(read("2026-11-01T01:30:00-06:00"), Ok(("2026-11-01T07:30:00+00:00".into(), 1_000, Some(1))));
    }

    #[test]
    fn the_hour_that_does_not_occur_is_refused() {
        assert!(matches!(read("2026-03-08T02:30:00"), Err(BadTime::Skipped(..))));
        for text in ["", "yesterday", "22.11.2026 14:03", "2026-11-22", "2026-11-22T25:00:00", "2026-11-22Té4:00"] {
            assert!(matches!(read(text), Err(BadTime::Form(_))), "{text}");
        }
    }
}
