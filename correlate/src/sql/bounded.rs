//! Functions that make much out of little, with a bound.
//!
//! Operators count the memory that they hold and spill; a function does not. `repeat('x', 2000000000)` or
//! `generate_series(1, 100000000000)` in a select list would take the memory of the whole process, and everybody's
//! statements with it. So each of these functions is asked first how much it is about to make of a batch of rows.

use std::hash::{Hash, Hasher};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, FieldRef, Int64Type, IntervalUnit, TimeUnit};
use arrow::datatypes::{IntervalMonthDayNano, IntervalMonthDayNanoType};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use datafusion::prelude::SessionContext;

/// What a function may make of one batch of rows.
const MOST_BYTES: i128 = 64 << 20;

/// The functions, by the way in which they grow.
const GROWING: &[(&str, Growth)] = &[
    ("repeat", Growth::Texts),
    ("lpad", Growth::Characters),
    ("rpad", Growth::Characters),
    ("range", Growth::Steps),
    ("generate_series", Growth::Steps),
    ("array_repeat", Growth::Items),
    ("array_resize", Growth::Places),
];

/// How the result of a function grows with its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Growth {
    /// The first argument as often as the second says.
    Texts,
    /// As many characters as the second argument says.
    Characters,
    /// From the first argument to the second in steps of the third.
    Steps,
    /// The first argument in a list as often as the second says.
    Items,
    /// A list of as many places as the second argument says.
    Places,
}

/// Puts the bounded functions in the place of the engine's.
pub(super) fn register(context: &SessionContext) {
    for (name, growth) in GROWING {
        let known = context.state().scalar_functions().get(*name).map(|function| ScalarUDF::clone(function));
        if let Some(inner) = known {
            context.register_udf(ScalarUDF::from(Bounded { inner, growth: *growth }));
        }
    }
}

#[derive(Debug)]
struct Bounded {
    inner: ScalarUDF,
    growth: Growth,
}

impl PartialEq for Bounded {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl Eq for Bounded {}

impl Hash for Bounded {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.inner().return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.inner().return_field_from_args(args)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.inner().coerce_types(types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.args.iter().map(|value| value.to_array(args.number_rows)).collect::<Result<Vec<_>>>()?;
        let bytes = self.growth.bytes(&rows)?;
        if bytes > MOST_BYTES {
            return exec_err!(
                "{} would make {} MiB at once, and {} MiB are allowed: ask for less, or for rows with generate_series \
                 after FROM",
                self.name(),
                bytes >> 20,
                MOST_BYTES >> 20
            );
        }
        self.inner.inner().invoke_with_args(args)
    }
}

impl Growth {
    /// About how many bytes a function makes of these arguments.
    fn bytes(self, args: &[ArrayRef]) -> Result<i128> {
        let [first, rest @ ..] = args else { return Ok(0) };
        let Some(second) = rest.first() else {
            // `range(n)` begins at zero.
            let to = if self == Self::Steps { numbers(first)? } else { Vec::new() };
            return Ok(to.into_iter().map(|to| to.unwrap_or(0).max(0).saturating_mul(8)).sum());
        };
        let times = |size: &dyn Fn(usize) -> i128| -> Result<i128> {
            let counts = numbers(second)?.into_iter().enumerate();
            Ok(counts.map(|(row, count)| count.unwrap_or(0).max(0).saturating_mul(size(row))).sum())
        };
        match self {
            Self::Texts => {
                let lengths = numbers(&arrow::compute::kernels::length::length(first)?)?;
                times(&|row| lengths.get(row).copied().flatten().unwrap_or(0).max(1))
            }
            Self::Characters => times(&|_| 4),
            Self::Places => times(&|_| 8),
            Self::Items => {
                let each = i128::try_from(first.get_array_memory_size() / first.len().max(1)).unwrap_or(MOST_BYTES);
                times(&|_| each.clamp(8, 1 << 20))
            }
            Self::Steps => {
                let (from, to) = (numbers(first)?, numbers(second)?);
                let steps = rest.get(1).map(numbers).transpose()?;
                let rows = from.into_iter().zip(to).enumerate().map(|(row, (from, to))| {
                    let step = steps.as_ref().map_or(Some(1), |steps| steps.get(row).copied().flatten());
                    let (Some(from), Some(to), Some(step)) = (from, to, step) else { return 0 };
                    let span = to.saturating_sub(from);
                    // What goes the wrong way is empty.
                    if step == 0 || span.signum() * step.signum() < 0 { 0 } else { (span / step + 1).saturating_mul(8) }
                });
                Ok(rows.sum())
            }
        }
    }
}

/// Numbers as they are, dates and instants and spans of time as nanoseconds; null where there is no telling.
fn numbers(array: &ArrayRef) -> Result<Vec<Option<i128>>> {
    const DAY: i128 = 86_400_000_000_000;
    let (array, unit) = match array.data_type() {
        DataType::Date32 | DataType::Date64 => (arrow::compute::cast(array, &DataType::Date32)?, DAY),
        DataType::Timestamp(unit, _) => {
            let nanoseconds = match unit {
                TimeUnit::Second => 1_000_000_000,
                TimeUnit::Millisecond => 1_000_000,
                TimeUnit::Microsecond => 1_000,
                TimeUnit::Nanosecond => 1,
            };
            (ArrayRef::clone(array), nanoseconds)
        }
        DataType::Interval(_) => {
            let spans = arrow::compute::cast(array, &DataType::Interval(IntervalUnit::MonthDayNano))?;
            let length = |span: IntervalMonthDayNano| {
                (i128::from(span.months) * 30 + i128::from(span.days)) * DAY + i128::from(span.nanoseconds)
            };
            let spans = spans.as_primitive::<IntervalMonthDayNanoType>();
            return Ok(spans.iter().map(|span| span.map(length)).collect());
        }
        _ => (ArrayRef::clone(array), 1),
    };
    let array = match array.data_type() {
        DataType::Date32 => arrow::compute::cast(&array, &DataType::Int32)?,
        _ => array,
    };
    let whole = arrow::compute::cast(&array, &DataType::Int64)?;
    Ok(whole.as_primitive::<Int64Type>().iter().map(|n| n.map(|n| i128::from(n) * unit)).collect())
}

#[cfg(test)]
mod tests {
    use arrow::util::pretty::pretty_format_batches;

    use super::*;

    async fn said(sql: &str) -> std::result::Result<String, String> {
        let context = SessionContext::new();
        register(&context);
        let rows = async { context.sql(sql).await?.collect().await }.await;
        let rows = rows.map_err(|error| error.to_string())?;
        Ok(pretty_format_batches(&rows).unwrap().to_string())
    }

    #[tokio::test]
    async fn a_function_that_makes_much_out_of_little_is_bounded() {
        for sql in [
            "SELECT length(repeat('x', 2000000000))",
            "SELECT length(repeat(repeat('x', 10000000), 100))",
            "SELECT length(lpad('x', 2000000000))",
            "SELECT array_length(generate_series(1, 100000000000))",
            "SELECT array_length(range(100000000000))",
            "SELECT array_length(range(DATE '0001-01-01', DATE '9999-01-01', INTERVAL '1 second'))",
            "SELECT array_length(array_repeat(1, 1000000000))",
            "SELECT sum(length(repeat(CAST(value AS text), 1000000))) FROM generate_series(1, 100000)",
        ] {
            let said = said(sql).await.unwrap_err();
            assert!(said.contains("MiB are allowed"), "{sql}: {said}");
        }
    }

    #[tokio::test]
    async fn what_is_small_is_as_it_was() {
        for (sql, expected) in [
            ("SELECT repeat('ab', 3)", "ababab"),
            ("SELECT lpad('7', 3, '0')", "007"),
            ("SELECT array_length(generate_series(1, 1000))", "1000"),
            ("SELECT coalesce(array_length(range(5, 1)), 0)", "0"),
            ("SELECT count(*) FROM generate_series(1, 1000000)", "1000000"),
        ] {
            let said = said(sql).await.unwrap();
            assert!(said.contains(expected), "{sql}: {said}");
        }
    }
}
