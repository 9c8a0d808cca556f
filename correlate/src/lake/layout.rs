//! The columns of a table and how their values come from a batch of decoded records.
//!
//! Records within records are flattened (`source.adapter` is `source_adapter`); where such a record may be absent,
//! `has_<name>` says whether it was there. A list of records either has a table of its own or is kept as JSON text.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Int32Array, RecordBatch, StringArray, StructArray, UInt32Array,
};
use arrow::compute::{is_not_null, take};
use arrow::datatypes::{DataType, Date32Type, Field as ArrowField, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::json::WriterBuilder;
use arrow::json::writer::LineDelimited;
use chrono::Datelike as _;
use tillsight_schemas::wire::{Field, FieldType, columns};

use super::table::store_bucket;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Where the values of a column come from.
#[derive(Debug)]
enum Origin {
    /// A column of the record; the name of the record within it, if it lies in one.
    Record(Option<&'static str>),
    /// The same of the item (line, tender).
    Item(Option<&'static str>),
    /// Whether the record holds the record of this name.
    RecordHas(&'static str),
    /// Whether the item holds the record of this name.
    ItemHas(&'static str),
    /// A list of the record, as JSON text.
    Json,
    /// The UTC date of the time in this column of the record.
    EventDate,
    /// The first day of the UTC month of it.
    EventMonth,
    /// The bucket of the store, whose tenant and id are in the columns `source` and this one.
    StoreBucket(&'static str),
}

#[derive(Debug)]
struct Column {
    field: ArrowField,
    /// The name of the value in the record it comes from.
    source: &'static str,
    origin: Origin,
}

/// The columns of a table.
#[derive(Debug)]
pub(super) struct Layout {
    columns: Vec<Column>,
    /// The list of which each item is a row; `None`: each record is a row.
    items: Option<&'static str>,
    pub(super) schema: SchemaRef,
}

/// Under which name a field becomes a column: stores and cameras are called the same everywhere, and no column has a
/// name that SQL reserves.
pub(super) fn column_name(field: &str) -> &str {
    match field {
        "tenant" => "tenant_id",
        "store" => "store_id",
        "camera" => "camera_id",
        "left" => "box_left",
        "top" => "box_top",
        "right" => "box_right",
        "bottom" => "box_bottom",
        other => other,
    }
}

impl Layout {
    /// One row per record; its lists become JSON text.
    pub(super) fn of_records(fields: &[Field], time: &'static str) -> Self {
        let mut columns = Vec::new();
        flatten(fields, Origin::Record, Origin::RecordHas, true, &mut columns);
        Self::new(columns, fields, None, time)
    }

    /// One row per record; its lists have tables of their own.
    pub(super) fn without_lists(fields: &[Field], time: &'static str) -> Self {
        let mut columns = Vec::new();
        flatten(fields, Origin::Record, Origin::RecordHas, false, &mut columns);
        Self::new(columns, fields, None, time)
    }

    /// One row per item of the list `items`, each with these fields of its record.
    pub(super) fn of_items(fields: &[Field], items: &'static str, item: &[Field], time: &'static str) -> Self {
        let mut columns = Vec::new();
        flatten(fields, Origin::Record, Origin::RecordHas, false, &mut columns);
        flatten(item, Origin::Item, Origin::ItemHas, false, &mut columns);
        Self::new(columns, fields, Some(items), time)
    }

    fn new(mut columns: Vec<Column>, fields: &[Field], items: Option<&'static str>, time: &'static str) -> Self {
        let named = |column: &str, otherwise: &'static str| {
            fields.iter().map(|field| field.name).find(|name| column_name(name) == column).unwrap_or(otherwise)
        };
        columns.push(Column {
            field: commented(
                ArrowField::new("event_date", DataType::Date32, false),
                &format!("The UTC date of `{time}`."),
            ),
            source: time,
            origin: Origin::EventDate,
        });
        columns.push(Column {
            field: commented(
                // Null in tables that were made when each day had files of its own.
                ArrowField::new("event_month", DataType::Date32, true),
                &format!("The first day of the UTC month of `{time}`."),
            ),
            source: time,
            origin: Origin::EventMonth,
        });
        columns.push(Column {
            field: commented(
                ArrowField::new("store_bucket", DataType::Int32, false),
                "The bucket of the store (FNV-1a of `tenant/store` modulo 8).",
            ),
            source: named("tenant_id", "tenant_id"),
            origin: Origin::StoreBucket(named("store_id", "store_id")),
        });
        let schema = Arc::new(Schema::new(columns.iter().map(|column| column.field.clone()).collect::<Vec<_>>()));
        Self { columns, items, schema }
    }

    /// The rows in a batch of records, and for each row the index of its record.
    pub(super) fn rows(&self, records: &RecordBatch) -> Result<(RecordBatch, UInt32Array), ArrowError> {
        let count = u32::try_from(records.num_rows()).map_err(|e| ArrowError::ComputeError(e.to_string()))?;
        let (parents, items) = match self.items {
            None => (UInt32Array::from_iter_values(0..count), None),
            Some(list) => items(records, list)?,
        };
        let arrays = self
            .columns
            .iter()
            .map(|column| column.values(records, &parents, items.as_ref()))
            .collect::<Result<Vec<_>, _>>()?;
        Ok((RecordBatch::try_new(SchemaRef::clone(&self.schema), arrays)?, parents))
    }
}

impl Column {
    fn values(
        &self,
        records: &RecordBatch,
        parents: &UInt32Array,
        items: Option<&StructArray>,
    ) -> Result<ArrayRef, ArrowError> {
        let of_records = |name: &str| {
            records.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("no column {name}")))
        };
        let of_item = |name: &str| {
            items
                .and_then(|items| items.column_by_name(name))
                .ok_or_else(|| ArrowError::SchemaError(format!("no item column {name}")))
        };
        let of_record = |values: &dyn Array| take(values, parents, None);
        match self.origin {
            Origin::Record(None) => of_record(of_records(self.source)?),
            Origin::Record(Some(record)) => of_record(&within(of_records(record)?, self.source)?),
            Origin::RecordHas(record) => of_record(&is_not_null(of_records(record)?)?),
            Origin::Item(None) => Ok(ArrayRef::clone(of_item(self.source)?)),
            Origin::Item(Some(record)) => within(of_item(record)?, self.source),
            Origin::ItemHas(record) => Ok(Arc::new(is_not_null(of_item(record)?)?)),
            Origin::Json => of_record(&json(of_records(self.source)?)?),
            Origin::EventDate => of_record(&dates(of_records(self.source)?, Some)),
            Origin::EventMonth => of_record(&dates(of_records(self.source)?, first_of_month)),
            Origin::StoreBucket(store) => of_record(&buckets(of_records(self.source)?, of_records(store)?)),
        }
    }
}

/// Turns the fields of a record into columns.
fn flatten(
    fields: &[Field],
    value: fn(Option<&'static str>) -> Origin,
    has: fn(&'static str) -> Origin,
    keep_lists: bool,
    columns: &mut Vec<Column>,
) {
    for field in fields {
        let (inner, optional) = match &field.field_type {
            FieldType::Optional(inner) => (inner.as_ref(), true),
            other => (other, false),
        };
        match inner {
            FieldType::List(item) => {
                if keep_lists {
                    // What was written before the list was there lacks it.
                    let nullable = optional || field.defaulted;
                    columns.push(Column {
                        field: commented(
                            ArrowField::new(column_name(field.name), DataType::Utf8, nullable),
                            &format!("{} As JSON: {}.", field.doc, listed(item)),
                        ),
                        source: field.name,
                        origin: Origin::Json,
                    });
                }
            }
            FieldType::Record(record) => {
                if optional {
                    let present = ArrowField::new(format!("has_{}", field.name), DataType::Boolean, false);
                    let doc = format!("Whether it is given: {}", field.doc);
                    columns.push(Column {
                        field: commented(present, &doc),
                        source: field.name,
                        origin: has(field.name),
                    });
                }
                for part in &record.fields {
                    let arrow = columns::arrow_field(part);
                    let nullable = arrow.is_nullable() || optional;
                    columns.push(Column {
                        field: arrow.with_name(format!("{}_{}", field.name, part.name)).with_nullable(nullable),
                        source: part.name,
                        origin: value(Some(field.name)),
                    });
                }
            }
            _ => columns.push(Column {
                field: columns::arrow_field(field).with_name(column_name(field.name)),
                source: field.name,
                origin: value(None),
            }),
        }
    }
}

/// What a list holds, in words.
fn listed(item: &FieldType) -> String {
    match item {
        FieldType::Record(record) => {
            let names: Vec<&str> = record.fields.iter().map(|field| field.name).collect();
            format!("a list of objects with {}", names.join(", "))
        }
        _ => "a list of texts or numbers".to_owned(),
    }
}

/// Each list as JSON text; nulls are spelt out.
fn json(lists: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let wrong = || ArrowError::JsonError("a list does not become one line of JSON".to_owned());
    let batch = RecordBatch::try_from_iter([("v", ArrayRef::clone(lists))])?;
    let mut text = Vec::new();
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(&mut text);
    writer.write(&batch)?;
    writer.finish()?;
    drop(writer);
    let text = String::from_utf8(text).map_err(|_| wrong())?;
    let lines: StringArray = text
        .split_terminator('\n')
        .map(|line| line.strip_prefix("{\"v\":").and_then(|line| line.strip_suffix('}')).filter(|line| *line != "null"))
        .collect();
    if lines.len() == lists.len() && lines.null_count() == lists.null_count() {
        Ok(Arc::new(lines))
    } else {
        Err(wrong())
    }
}

/// The values of `name` in a column of records; null where the record is.
fn within(records: &ArrayRef, name: &str) -> Result<ArrayRef, ArrowError> {
    let records = records.as_struct_opt().ok_or_else(|| ArrowError::SchemaError(format!("{name}: no records")))?;
    let values = records.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("no column {name}")))?;
    match records.nulls() {
        None => Ok(ArrayRef::clone(values)),
        Some(nulls) => {
            let absent = BooleanArray::new(!nulls.inner(), None);
            arrow::compute::nullif(values, &absent)
        }
    }
}

/// The items of a list column, all in one, and for each the index of its transaction.
fn items(posted: &RecordBatch, name: &str) -> Result<(UInt32Array, Option<StructArray>), ArrowError> {
    let wrong = || ArrowError::SchemaError(format!("{name} is not a list of records"));
    let lists = posted.column_by_name(name).and_then(|column| column.as_list_opt::<i32>()).ok_or_else(wrong)?;
    let offsets = lists.value_offsets();
    let first = offsets.first().copied().unwrap_or_default();
    let last = offsets.last().copied().unwrap_or_default();
    let as_index = |n: i32| usize::try_from(n).map_err(|_| wrong());
    let values = lists.values().slice(as_index(first)?, as_index(last - first)?);
    let mut parents = Vec::with_capacity(values.len());
    for (parent, bounds) in (0u32..).zip(offsets.windows(2)) {
        if let &[from, to] = bounds {
            parents.extend(std::iter::repeat_n(parent, as_index(to - from)?));
        }
    }
    Ok((UInt32Array::from(parents), Some(values.as_struct_opt().ok_or_else(wrong)?.clone())))
}

/// A day that is told by the UTC day of each time, both in days since 1970.
fn dates(event_times: &ArrayRef, told: fn(i32) -> Option<i32>) -> ArrayRef {
    let times = event_times.as_primitive_opt::<TimestampMicrosecondType>();
    let dates: Date32Array = times
        .into_iter()
        .flat_map(|times| times.iter())
        .map(|micros| micros.and_then(|micros| i32::try_from(micros.div_euclid(MICROS_PER_DAY)).ok()).and_then(told))
        .collect();
    Arc::new(dates)
}

fn first_of_month(day: i32) -> Option<i32> {
    let date = Date32Type::to_naive_date_opt(day)?.with_day(1)?;
    Some(Date32Type::from_naive_date(date))
}

fn buckets(tenants: &ArrayRef, stores: &ArrayRef) -> ArrayRef {
    let texts = |column: &ArrayRef| column.as_string_opt::<i32>().cloned().unwrap_or_else(|| StringArray::new_null(0));
    let (tenants, stores) = (texts(tenants), texts(stores));
    let buckets: Int32Array = tenants
        .iter()
        .zip(stores.iter())
        .map(|(tenant, store)| Some(store_bucket(tenant.unwrap_or_default(), store.unwrap_or_default())))
        .collect();
    Arc::new(buckets)
}

fn commented(field: ArrowField, doc: &str) -> ArrowField {
    field.with_metadata([(columns::COMMENT.to_owned(), doc.to_owned())].into())
}
