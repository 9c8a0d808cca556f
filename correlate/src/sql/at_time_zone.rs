//! `when AT TIME ZONE zone`, as PostgreSQL has it: an instant becomes what the clocks of the zone show, and what clocks
//! show becomes the instant.
//!
//! Of an hour that there is twice the later one is meant; in an hour that there is not, the clock of before goes on.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, LocalResult, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;
use datafusion::common::{exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

/// The function that stands for the words.
pub(super) fn at_time_zone() -> ScalarUDF {
    ScalarUDF::from(AtTimeZone { signature: Signature::any(2, Volatility::Immutable) })
}

const MICROS: TimeUnit = TimeUnit::Microsecond;

#[derive(Debug, PartialEq, Eq, Hash)]
struct AtTimeZone {
    signature: Signature,
}

impl ScalarUDFImpl for AtTimeZone {
    fn name(&self) -> &'static str {
        "at_time_zone"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types.first() {
            Some(DataType::Timestamp(_, None)) => Ok(DataType::Timestamp(MICROS, Some("UTC".into()))),
            Some(
                DataType::Timestamp(_, Some(_))
                | DataType::Date32
                | DataType::Utf8
                | DataType::Utf8View
                | DataType::Null,
            ) => Ok(DataType::Timestamp(MICROS, None)),
            _ => plan_err!("AT TIME ZONE takes a date or a time"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [when, zones] = &ColumnarValue::values_to_arrays(&args.args)?[..] else {
            return exec_err!("AT TIME ZONE takes a date or a time, and the name of a zone");
        };
        let zones = cast(zones, &DataType::Utf8)?;
        let local = matches!(when.data_type(), DataType::Timestamp(_, None));
        let from = DataType::Timestamp(MICROS, (!local).then(|| "UTC".into()));
        let when = cast(when, &from)?;
        // Neighbouring rows have the same zone: it is looked up when it changes.
        let mut last: Option<(&str, Tz)> = None;
        let mut made = TimestampMicrosecondArray::builder(when.len());
        for (at, name) in when.as_primitive::<TimestampMicrosecondType>().iter().zip(zones.as_string::<i32>()) {
            let (Some(at), Some(name)) = (at, name) else {
                made.append_null();
                continue;
            };
            let tz = match last {
                Some((known, tz)) if known == name => tz,
                _ => last.insert((name, zone(name)?)).1,
            };
            made.append_option(if local { instant(tz, at) } else { shown(tz, at) });
        }
        let made = made.finish();
        let made: ArrayRef = if local { Arc::new(made.with_timezone("UTC")) } else { Arc::new(made) };
        Ok(ColumnarValue::Array(made))
    }
}

fn zone(name: &str) -> Result<Tz> {
    name.parse().or_else(|_| exec_err!("time zone \"{name}\" is not known: name it like Europe/Berlin"))
}

/// What the clocks of a zone show at an instant.
fn shown(tz: Tz, micros: i64) -> Option<i64> {
    let utc = DateTime::from_timestamp_micros(micros)?;
    Some(utc.with_timezone(&tz).naive_local().and_utc().timestamp_micros())
}

/// When the clocks of a zone show something.
fn instant(tz: Tz, micros: i64) -> Option<i64> {
    let local = DateTime::from_timestamp_micros(micros)?.naive_utc();
    match tz.from_local_datetime(&local) {
        LocalResult::Single(at) | LocalResult::Ambiguous(_, at) => Some(at.timestamp_micros()),
        LocalResult::None => {
            let before = tz.offset_from_utc_datetime(&local.checked_sub_signed(TimeDelta::days(1))?).fix();
            micros.checked_sub(i64::from(before.local_minus_utc()) * 1_000_000)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_and_instants_are_told_apart_in_both_nights() {
        let tz: Tz = "Europe/Berlin".parse().unwrap();
        let micros = |text: &str| text.parse::<DateTime<chrono::Utc>>().unwrap().timestamp_micros();
        let cases = [
            ("2026-11-26T13:00:00Z", "2026-11-26T14:00:00Z"),
            ("2026-07-01T12:00:00Z", "2026-07-01T14:00:00Z"),
            // 25 October 2026, 02:30 is there twice: the later one, in winter time.
            ("2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"),
        ];
        for (utc, local) in cases {
            assert_eq!(shown(tz, micros(utc)), Some(micros(local)));
            assert_eq!(instant(tz, micros(local)), Some(micros(utc)), "{local}");
        }
        assert_eq!(shown(tz, micros("2026-10-25T00:30:00Z")), Some(micros("2026-10-25T02:30:00Z")));
        // 29 March 2026, 02:30 is not there: winter time goes on.
        assert_eq!(instant(tz, micros("2026-03-29T02:30:00Z")), Some(micros("2026-03-29T01:30:00Z")));
    }
}
