//! The tables that rules read, from rows of the lake: the same columns under the same names, instants as microseconds,
//! days as text.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{Field, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;

use super::known::column;

/// Rows of the lake as rows of a table of rules. Columns that no rule reads are empty.
///
/// # Errors
/// [`ArrowError`] when the lake lacks a column.
pub(super) fn of(schema: &SchemaRef, read: &BTreeSet<String>, lake: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns = schema.fields().iter().map(|field| match read.contains(field.name()) {
        true => value(field, lake),
        false => Ok(new_null_array(field.data_type(), lake.num_rows())),
    });
    let options = RecordBatchOptions::new().with_row_count(Some(lake.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns.collect::<Result<_, _>>()?, &options)
}

/// The columns of the lake that these columns of a table of rules are made of.
pub(super) fn sources<'a>(read: impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    read.flat_map(|name| match name {
        "event_us" => ["event_time", "event_time"],
        "begin_us" => ["begin_time", "event_time"],
        "price_override" => ["has_price_override", "has_price_override"],
        name => [name, name],
    })
}

fn value(field: &Field, lake: &RecordBatch) -> Result<ArrayRef, ArrowError> {
    let instants = |name: &str| Ok::<_, ArrowError>(column(lake, name)?.as_primitive::<TimestampMicrosecondType>());
    Ok(match field.name().as_str() {
        "event_us" => Arc::new(Int64Array::new(instants("event_time")?.values().clone(), None)),
        "begin_us" => Arc::new(begins(lake)?),
        "price_override" => ArrayRef::clone(column(lake, "has_price_override")?),
        name => cast(column(lake, name)?, field.data_type())?,
    })
}

/// When transactions began, in microseconds: those that do not say it, and those that ended before, with their end.
///
/// # Errors
/// [`ArrowError`] when the lake lacks a column.
pub(super) fn begins(lake: &RecordBatch) -> Result<Int64Array, ArrowError> {
    let instants = |name: &str| Ok::<_, ArrowError>(column(lake, name)?.as_primitive::<TimestampMicrosecondType>());
    let (begins, events) = (instants("begin_time")?, instants("event_time")?);
    let begins = begins.iter().zip(events.values());
    Ok(begins.map(|(begin, event)| Some(begin.map_or(*event, |begin| begin.min(*event)))).collect())
}
