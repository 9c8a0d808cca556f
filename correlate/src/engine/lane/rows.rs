//! The tables that rules read, from rows of the lake: the same columns under the same names, instants as microseconds,
//! days as text.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{Field, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;

use super::known::column;

/// Rows of the lake as rows of a table of rules.
///
/// # Errors
/// [`ArrowError`] when the lake lacks a column.
pub(super) fn of(schema: &SchemaRef, lake: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns = schema.fields().iter().map(|field| value(field, lake));
    RecordBatch::try_new(Arc::clone(schema), columns.collect::<Result<_, _>>()?)
}

/// The columns of the lake that a table of rules is made of.
pub(super) fn sources(schema: &SchemaRef) -> impl Iterator<Item = &str> {
    let of = |field: &'_ Arc<Field>| match field.name().as_str() {
        "event_us" => "event_time",
        "begin_us" => "begin_time",
        "price_override" => "has_price_override",
        _ => "",
    };
    schema.fields().iter().map(move |field| match of(field) {
        "" => field.name().as_str(),
        source => source,
    })
}

fn value(field: &Field, lake: &RecordBatch) -> Result<ArrayRef, ArrowError> {
    let instants = |name: &str| Ok::<_, ArrowError>(column(lake, name)?.as_primitive::<TimestampMicrosecondType>());
    Ok(match field.name().as_str() {
        "event_us" => Arc::new(Int64Array::new(instants("event_time")?.values().clone(), None)),
        "begin_us" => {
            let (begins, events) = (instants("begin_time")?, instants("event_time")?);
            let begins = begins.iter().zip(events.values());
            Arc::new(
                begins
                    .map(|(begin, event)| Some(begin.map_or(*event, |begin| begin.min(*event))))
                    .collect::<Int64Array>(),
            )
        }
        "price_override" => ArrayRef::clone(column(lake, "has_price_override")?),
        name => cast(column(lake, name)?, field.data_type())?,
    })
}
