//! The tables of the lake, derived from the record descriptions of `schemas`: column names, types and comments have
//! one source.
//!
//! A transaction becomes one row of `pos_transactions`, one row of `pos_lines` per item and one of `pos_tenders` per
//! payment. Records within records are flattened (`source.adapter` is `source_adapter`); where such a record may be
//! absent, `has_<name>` says whether it was there.
//!
//! Tables are partitioned by `event_date`, the UTC date of `event_time`, and by `store_bucket`. The event time is the
//! one date that is always present and never changes (a business day may be missing or corrected), and it is what every
//! stream of the lake has in common.

use std::sync::{Arc, OnceLock};

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Int32Array, RecordBatch, StringArray, StructArray, UInt32Array,
};
use arrow::compute::{SortColumn, is_not_null, lexsort_to_indices, take, take_record_batch};
use arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use tillsight_schemas::pos::{Line, PostedTransaction, Tender};
use tillsight_schemas::wire::{Field, FieldType, Record, columns};

/// Into how many buckets the stores are put. Part of the format: never changed.
pub const STORE_BUCKETS: u64 = 8;

/// The columns that partition every table.
pub const PARTITION_COLUMNS: [&str; 2] = ["event_date", "store_bucket"];

/// What every line and every tender repeats of its transaction.
const OF_TRANSACTION: &[&str] = &[
    "tenant_id",
    "store_id",
    "register_id",
    "business_day",
    "event_id",
    "revision",
    "event_time",
    "tz",
    "kind",
    "currency",
    "training",
    "test",
];

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// A table of the lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// One row per accepted transaction and revision.
    Transactions,
    /// One row per item.
    Lines,
    /// One row per payment.
    Tenders,
}

/// Where the values of a column come from.
#[derive(Debug)]
enum Origin {
    /// A column of the transaction; the name of the record within it, if it lies in one.
    Transaction(Option<&'static str>),
    /// The same of the item (line, tender).
    Item(Option<&'static str>),
    /// Whether the transaction holds the record of this name.
    TransactionHas(&'static str),
    /// Whether the item holds the record of this name.
    ItemHas(&'static str),
    /// The UTC date of the event.
    EventDate,
    /// The bucket of the store.
    StoreBucket,
}

#[derive(Debug)]
struct Column {
    field: ArrowField,
    /// The name of the value in the record it comes from.
    source: &'static str,
    origin: Origin,
}

#[derive(Debug)]
struct Layout {
    columns: Vec<Column>,
    schema: SchemaRef,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 3] = [Self::Transactions, Self::Lines, Self::Tenders];

    /// Its name: the folder, the metric label and the name in schema `lake`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Transactions => "pos_transactions",
            Self::Lines => "pos_lines",
            Self::Tenders => "pos_tenders",
        }
    }

    /// What one row is.
    pub fn doc(self) -> String {
        match self {
            Self::Transactions => format!(
                "Every accepted POS transaction in every revision. {} Raw table; `pos.transactions` shows the latest revision.",
                <tillsight_schemas::pos::Transaction as Record>::record_type().doc
            ),
            Self::Lines => "The items of every transaction in every revision. Raw table; see `pos.lines`.".to_owned(),
            Self::Tenders => {
                "The payments of every transaction in every revision. Raw table; see `pos.tenders`.".to_owned()
            }
        }
    }

    /// Its columns, with comments in the metadata under [`columns::COMMENT`].
    pub fn schema(self) -> SchemaRef {
        SchemaRef::clone(&self.layout().schema)
    }

    fn layout(self) -> &'static Layout {
        static LAYOUTS: [OnceLock<Layout>; 3] = [const { OnceLock::new() }; 3];
        let [transactions, lines, tenders] = &LAYOUTS;
        let (cell, table) = match self {
            Self::Transactions => (transactions, self),
            Self::Lines => (lines, self),
            Self::Tenders => (tenders, self),
        };
        cell.get_or_init(|| table.describe())
    }

    fn describe(self) -> Layout {
        let posted = PostedTransaction::record_type().fields;
        let mut columns = Vec::new();
        match self {
            Self::Transactions => flatten(&posted, Origin::Transaction, Origin::TransactionHas, &mut columns),
            Self::Lines | Self::Tenders => {
                let head: Vec<Field> =
                    posted.into_iter().filter(|field| OF_TRANSACTION.contains(&field.name)).collect();
                flatten(&head, Origin::Transaction, Origin::TransactionHas, &mut columns);
                let item = if self == Self::Lines { Line::record_type() } else { Tender::record_type() };
                flatten(&item.fields, Origin::Item, Origin::ItemHas, &mut columns);
            }
        }
        let partition = |name: &'static str, data_type, doc: &str, origin| Column {
            field: commented(ArrowField::new(name, data_type, false), doc),
            source: name,
            origin,
        };
        columns.push(partition("event_date", DataType::Date32, "The UTC date of `event_time`.", Origin::EventDate));
        columns.push(partition(
            "store_bucket",
            DataType::Int32,
            "The bucket of the store (FNV-1a of `tenant/store` modulo 8).",
            Origin::StoreBucket,
        ));
        let schema = Arc::new(Schema::new(columns.iter().map(|column| column.field.clone()).collect::<Vec<_>>()));
        Layout { columns, schema }
    }

    /// The rows of this table in a batch of posted transactions, and for each row the index of its transaction.
    ///
    /// # Errors
    /// [`ArrowError`] when the batch is not one of posted transactions.
    pub fn rows(self, posted: &RecordBatch) -> Result<(RecordBatch, UInt32Array), ArrowError> {
        let count = u32::try_from(posted.num_rows()).map_err(|e| ArrowError::ComputeError(e.to_string()))?;
        let (parents, items) = match self {
            Self::Transactions => (UInt32Array::from_iter_values(0..count), None),
            Self::Lines => items(posted, "lines")?,
            Self::Tenders => items(posted, "tenders")?,
        };
        let layout = self.layout();
        let arrays = layout
            .columns
            .iter()
            .map(|column| column.values(posted, &parents, items.as_ref()))
            .collect::<Result<Vec<_>, _>>()?;
        Ok((RecordBatch::try_new(SchemaRef::clone(&layout.schema), arrays)?, parents))
    }
}

impl Column {
    fn values(
        &self,
        posted: &RecordBatch,
        parents: &UInt32Array,
        items: Option<&StructArray>,
    ) -> Result<ArrayRef, ArrowError> {
        let of_posted = |name: &str| {
            posted.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("no column {name}")))
        };
        let of_item = |name: &str| {
            items
                .and_then(|items| items.column_by_name(name))
                .ok_or_else(|| ArrowError::SchemaError(format!("no item column {name}")))
        };
        let of_transaction = |values: &dyn Array| take(values, parents, None);
        match self.origin {
            Origin::Transaction(None) => of_transaction(of_posted(self.source)?),
            Origin::Transaction(Some(record)) => of_transaction(&within(of_posted(record)?, self.source)?),
            Origin::TransactionHas(record) => of_transaction(&is_not_null(of_posted(record)?)?),
            Origin::Item(None) => Ok(ArrayRef::clone(of_item(self.source)?)),
            Origin::Item(Some(record)) => within(of_item(record)?, self.source),
            Origin::ItemHas(record) => Ok(Arc::new(is_not_null(of_item(record)?)?)),
            Origin::EventDate => of_transaction(&dates(of_posted("event_time")?)),
            Origin::StoreBucket => of_transaction(&buckets(of_posted("tenant_id")?, of_posted("store_id")?)),
        }
    }
}

/// Turns the fields of a record into columns; lists get tables of their own.
fn flatten(
    fields: &[Field],
    value: fn(Option<&'static str>) -> Origin,
    has: fn(&'static str) -> Origin,
    columns: &mut Vec<Column>,
) {
    for field in fields {
        let (inner, optional) = match &field.field_type {
            FieldType::Optional(inner) => (inner.as_ref(), true),
            other => (other, false),
        };
        match inner {
            FieldType::List(_) => {}
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
            _ => columns.push(Column { field: columns::arrow_field(field), source: field.name, origin: value(None) }),
        }
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

fn dates(event_times: &ArrayRef) -> ArrayRef {
    let times = event_times.as_primitive_opt::<TimestampMicrosecondType>();
    let dates: Date32Array = times
        .into_iter()
        .flat_map(|times| times.iter())
        .map(|micros| micros.and_then(|micros| i32::try_from(micros.div_euclid(MICROS_PER_DAY)).ok()))
        .collect();
    Arc::new(dates)
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

/// The bucket of a store: FNV-1a of `tenant/store`, modulo [`STORE_BUCKETS`].
pub fn store_bucket(tenant: &str, store: &str) -> i32 {
    let bytes = tenant.bytes().chain(std::iter::once(b'/')).chain(store.bytes());
    let hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    i32::try_from(hash % STORE_BUCKETS).unwrap_or_default()
}

/// The rows in the order in which files hold them: by store, then by time.
///
/// # Errors
/// [`ArrowError`] when the batch lacks the columns.
pub fn sorted(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let keys = ["tenant_id", "store_id", "event_time"]
        .into_iter()
        .filter_map(|name| rows.column_by_name(name))
        .map(|values| SortColumn { values: ArrayRef::clone(values), options: None })
        .collect::<Vec<_>>();
    let order = lexsort_to_indices(&keys, None)?;
    take_record_batch(rows, &order)
}

fn commented(field: ArrowField, doc: &str) -> ArrowField {
    field.with_metadata([(columns::COMMENT.to_owned(), doc.to_owned())].into())
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use arrow::datatypes::Int32Type;

    fn posted() -> RecordBatch {
        let mut two =
            vec![sample::sale("17", 1, "2026-11-21T23:30:00Z"), sample::sale("17", 2, "2026-11-22T00:30:00Z")];
        let line = two[0].transaction.lines[0].clone();
        two[0].transaction.lines.push(line);
        two[1].transaction.reference = None;
        columns::to_batch(&two).unwrap()
    }

    #[test]
    fn every_item_is_one_row_that_knows_its_transaction() {
        let (lines, parents) = Table::Lines.rows(&posted()).unwrap();
        assert_eq!(parents.values(), &[0, 0, 1]);
        assert_eq!(lines.num_rows(), 3);
        let ids = lines.column_by_name("event_id").unwrap().as_string::<i32>().clone();
        assert_eq!(ids.value(0), ids.value(1));
        assert_ne!(ids.value(0), ids.value(2));
    }

    #[test]
    fn a_slice_of_a_batch_has_the_items_of_the_slice() {
        let (lines, _) = Table::Lines.rows(&posted().slice(1, 1)).unwrap();
        assert_eq!(lines.num_rows(), 1);
    }

    #[test]
    fn records_within_records_are_flattened_and_their_absence_is_kept() {
        let (rows, _) = Table::Transactions.rows(&posted()).unwrap();
        let has = rows.column_by_name("has_reference").unwrap().as_boolean().clone();
        assert!(has.value(0) && !has.value(1));
        let receipts = rows.column_by_name("reference_receipt_no").unwrap();
        assert!(receipts.is_valid(0) && receipts.is_null(1));
        assert!(rows.column_by_name("source_adapter").is_some());
        assert!(rows.column_by_name("lines").is_none());
    }

    #[test]
    fn days_begin_at_midnight_utc_also_before_1970() {
        let (rows, _) = Table::Transactions.rows(&posted()).unwrap();
        let dates = rows.column_by_name("event_date").unwrap().as_primitive::<arrow::datatypes::Date32Type>().clone();
        assert_eq!(dates.value(1) - dates.value(0), 1);
        let old = columns::to_batch(&[sample::sale("17", 1, "1969-12-31T23:00:00Z")]).unwrap();
        let (rows, _) = Table::Transactions.rows(&old).unwrap();
        assert_eq!(
            rows.column_by_name("event_date").unwrap().as_primitive::<arrow::datatypes::Date32Type>().value(0),
            -1
        );
    }

    #[test]
    fn buckets_are_what_they_always_were() {
        // The format depends on it: if this test fails, the hash was changed, and it must not be.
        assert_eq!([store_bucket("acme", "17"), store_bucket("acme", "18"), store_bucket("b", "17")], BUCKETS);
        let (rows, _) = Table::Transactions.rows(&posted()).unwrap();
        assert_eq!(rows.column_by_name("store_bucket").unwrap().as_primitive::<Int32Type>().value(0), BUCKETS[0]);
    }

    const BUCKETS: [i32; 3] = [4, 1, 6];

    #[test]
    fn every_column_has_a_comment() {
        for table in Table::ALL {
            for field in table.schema().fields() {
                assert!(field.metadata().get(columns::COMMENT).is_some_and(|doc| !doc.is_empty()), "{}", field.name());
            }
        }
    }
}
