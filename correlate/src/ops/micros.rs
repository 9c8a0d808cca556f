//! Instants and lengths of time as whole microseconds, whatever a statement writes them as.
//!
//! Rules have instants as numbers (`event_us`), the views of head office as timestamps; a length is a number of
//! microseconds or an `INTERVAL`. Months have no length.

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Int64Type, IntervalDayTimeType, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
};
use datafusion::common::{ScalarValue, exec_err};
use datafusion::error::Result;

const DAY: i64 = 86_400_000_000;

/// Whether values of a type are instants.
pub(super) fn are_instants(kind: &DataType) -> bool {
    matches!(kind, DataType::Int64 | DataType::Timestamp(_, _))
}

/// Whether values of a type are lengths of time.
pub(super) fn are_lengths(kind: &DataType) -> bool {
    match kind {
        DataType::Int64 | DataType::Int32 | DataType::Duration(_) => true,
        DataType::Interval(unit) => *unit != IntervalUnit::YearMonth,
        _ => false,
    }
}

/// Instants as microseconds since 1970.
///
/// # Errors
/// When they are of another type than [`are_instants`] says.
pub(super) fn instants(values: &ArrayRef) -> Result<Int64Array> {
    match values.data_type() {
        DataType::Timestamp(_, zone) => {
            let micros = cast(values, &DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))?;
            Ok(cast(&micros, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
        }
        DataType::Int64 => Ok(values.as_primitive::<Int64Type>().clone()),
        other => exec_err!("an instant is a timestamp or a number of microseconds, not {other}"),
    }
}

/// Lengths of time in microseconds.
///
/// # Errors
/// When they are of another type than [`are_lengths`] says, or have months.
pub(super) fn lengths(values: &ArrayRef) -> Result<Int64Array> {
    match values.data_type() {
        DataType::Int64 | DataType::Int32 => Ok(cast(values, &DataType::Int64)?.as_primitive::<Int64Type>().clone()),
        DataType::Duration(_) => {
            let micros = cast(values, &DataType::Duration(TimeUnit::Microsecond))?;
            Ok(cast(&micros, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            values.as_primitive::<IntervalMonthDayNanoType>().try_unary(|length| match of_interval(length) {
                Some(micros) => Ok(micros),
                None => exec_err!("a month has no length in microseconds: write days or less"),
            })
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            Ok(values.as_primitive::<IntervalDayTimeType>().unary_opt(|length| {
                i64::from(length.days).checked_mul(DAY)?.checked_add(i64::from(length.milliseconds) * 1_000)
            }))
        }
        other => exec_err!("a length of time is an INTERVAL or a number of microseconds, not {other}"),
    }
}

/// The length that a literal says.
pub(crate) fn of_literal(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::Int64(length) => *length,
        ScalarValue::Int32(length) => length.map(i64::from),
        ScalarValue::IntervalMonthDayNano(length) => of_interval((*length)?),
        _ => None,
    }
}

fn of_interval(length: IntervalMonthDayNano) -> Option<i64> {
    let days = i64::from(length.days).checked_mul(DAY)?;
    days.checked_add(length.nanoseconds / 1_000).filter(|_| length.months == 0)
}
