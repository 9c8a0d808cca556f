//! Times as cameras write them, and [`CameraClock`]: how far a camera's clock is from ours.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};

use super::xml::Element;

/// `GetSystemDateAndTime` speaks in whole seconds: what it says was so for a second.
const RESOLUTION_US: i64 = 1_000_000;

/// Reads an `xs:dateTime`. Without a zone it is UTC, as ONVIF demands (Core Specification §5.5).
pub(super) fn parse(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.with_timezone(&Utc));
    }
    NaiveDateTime::parse_from_str(text.trim_end_matches('Z'), "%Y-%m-%dT%H:%M:%S%.f").ok().map(|time| time.and_utc())
}

/// The bound of the error that writing a time in whole seconds makes, in microseconds.
pub(super) fn resolution_us(text: &str) -> i64 {
    if text.contains('.') { 0 } else { RESOLUTION_US }
}

/// What to add to a camera's time to get ours, and the bound of its error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CameraClock {
    /// What to add, in microseconds.
    pub offset_us: i64,
    /// Half the round trip and half a second, in microseconds.
    pub uncertainty_us: i64,
}

impl CameraClock {
    /// From what the camera said between two instants of ours: it was so at any time between them, and for any part of
    /// the second it named.
    pub fn measured(camera: DateTime<Utc>, asked: DateTime<Utc>, answered: DateTime<Utc>) -> Self {
        let half_trip = (answered - asked).num_microseconds().unwrap_or(i64::MAX / 4).max(0) / 2;
        let ours = asked.timestamp_micros().saturating_add(half_trip);
        Self {
            offset_us: ours.saturating_sub(camera.timestamp_micros()).saturating_sub(RESOLUTION_US / 2),
            uncertainty_us: half_trip.saturating_add(RESOLUTION_US / 2),
        }
    }

    /// A time of the camera by our clock.
    pub fn ours(self, camera: DateTime<Utc>) -> DateTime<Utc> {
        camera.checked_add_signed(TimeDelta::microseconds(self.offset_us)).unwrap_or(camera)
    }

    /// A time of ours by the camera's clock.
    pub fn theirs(self, ours: DateTime<Utc>) -> DateTime<Utc> {
        ours.checked_sub_signed(TimeDelta::microseconds(self.offset_us)).unwrap_or(ours)
    }
}

/// What `GetSystemDateAndTimeResponse` says in `UTCDateTime`.
pub(super) fn system_time(response: &Element) -> Option<DateTime<Utc>> {
    let utc = response.find("UTCDateTime")?;
    let number = |path: [&str; 2]| utc.at(&path)?.text.parse::<u32>().ok();
    let year = utc.at(&["Date", "Year"])?.text.parse().ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(["Date", "Month"])?, number(["Date", "Day"])?)?;
    // A leap second is the second after it.
    let second = number(["Time", "Second"])?;
    let time = date.and_hms_opt(number(["Time", "Hour"])?, number(["Time", "Minute"])?, second.min(59))?;
    Some((time + TimeDelta::seconds(i64::from(second > 59))).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        parse(text).unwrap()
    }

    #[test]
    fn times_of_all_shapes_are_read() {
        assert_eq!(at("2026-10-07T18:41:46Z"), at("2026-10-07T18:41:46"));
        assert_eq!(at("2026-10-07T18:41:46.25Z").timestamp_subsec_millis(), 250);
        assert_eq!(at("2026-10-07T20:41:46+02:00"), at("2026-10-07T18:41:46Z"));
        assert_eq!(parse("yesterday"), None);
        assert_eq!((resolution_us("2026-10-07T18:41:46Z"), resolution_us("2026-10-07T18:41:46.1Z")), (1_000_000, 0));
    }

    #[test]
    fn the_true_offset_lies_within_the_bound() {
        // The camera is 40 s behind; it answers anywhere in the round trip and names whole seconds.
        for answered_after_ms in [0_i64, 30, 60] {
            for fraction_ms in [0, 400, 999] {
                let asked = at("2026-10-07T18:41:46Z") + TimeDelta::milliseconds(fraction_ms);
                let said = asked + TimeDelta::milliseconds(answered_after_ms) - TimeDelta::seconds(40);
                let said = DateTime::from_timestamp(said.timestamp(), 0).unwrap();
                let clock = CameraClock::measured(said, asked, asked + TimeDelta::milliseconds(60));
                assert_eq!(clock.uncertainty_us, 530_000);
                assert!((clock.offset_us - 40_000_000).abs() <= clock.uncertainty_us, "{clock:?}");
                assert_eq!(clock.ours(clock.theirs(asked)), asked);
            }
        }
    }

    #[test]
    fn the_system_time_is_read_and_nonsense_is_not() {
        let response = |hour: &str| {
            format!(
                "<R><UTCDateTime><Time><Hour>{hour}</Hour><Minute>41</Minute><Second>60</Second></Time>\
                 <Date><Year>2026</Year><Month>10</Month><Day>7</Day></Date></UTCDateTime></R>"
            )
        };
        let read = |hour| system_time(&Element::parse(response(hour).as_bytes()).unwrap());
        assert_eq!(read("18"), parse("2026-10-07T18:42:00Z"));
        assert_eq!(read("25"), None);
        assert_eq!(read(""), None);
    }
}
