//! The tables of the lake, derived from the record descriptions of `schemas`: column names, types and comments have
//! one source. A table is a stream, which of its parts is a row, a time column, and the key by which repetitions are
//! told; [`Table::about`] is the whole list.
//!
//! A transaction becomes one row of `pos_transactions`, one row of `pos_lines` per item and one of `pos_tenders` per
//! payment. Of every other stream each record is one row; its lists are JSON text ([`super::layout`]).
//!
//! Tables are partitioned by `event_month`, the UTC month of the time column, and by `store_bucket`. That time is always
//! present and never changes (a business day may be missing or corrected), and it is what every stream of the lake has
//! in common. Within a month the statistics of files and pages tell which of them hold a day ([`Table::statistics`]). Files of a
//! day each were tried before: a year of a few stores was 2,920 of them a table, and opening them was most of the work.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{SortColumn, lexsort_to_indices, take_record_batch};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use tillsight_schemas::pos::{Line, Tender};
use tillsight_schemas::wire::{Field, FieldType, Record};

use super::layout::Layout;
use super::stream::Stream;

/// Into how many buckets the stores are put. Part of the format: never changed.
pub const STORE_BUCKETS: u64 = 8;

/// The columns that partition every table. A table keeps those with which it was made: one of an earlier version has
/// `event_date` in the place of `event_month`.
pub const PARTITION_COLUMNS: [&str; 2] = ["event_month", "store_bucket"];

/// The column that says when a record was logged.
pub const LOGGED_AT: &str = "logged_at";
/// The column that says at which offset a record was logged.
pub const LOG_OFFSET: &str = "log_offset";

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

/// A table of the lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// One row per accepted transaction and revision.
    Transactions,
    /// One row per item.
    Lines,
    /// One row per payment.
    Tenders,
    /// One row per presence tile.
    Presence,
    /// One row per statement of a camera.
    CameraEvents,
    /// One row per alert and revision.
    Alerts,
    /// One row per judgement and revision.
    Judgements,
    /// One row per decision of a person.
    Reviews,
    /// One row per state of a recorded segment or gap.
    Segments,
    /// One row per version of the clock offset of a register.
    Clocks,
}

/// What there is to know about a table.
struct About {
    name: &'static str,
    stream: Stream,
    /// The column with the time of its rows.
    time: &'static str,
    /// The columns that name what a record is about: later records of the same key replace earlier ones. Empty where
    /// repetitions are told before they are stored.
    key: &'static [&'static str],
    doc: &'static str,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 10] = [
        Self::Transactions,
        Self::Lines,
        Self::Tenders,
        Self::Presence,
        Self::CameraEvents,
        Self::Alerts,
        Self::Judgements,
        Self::Reviews,
        Self::Segments,
        Self::Clocks,
    ];

    fn about(self) -> About {
        let about = |name, stream, time, key, doc| About { name, stream, time, key, doc };
        match self {
            Self::Transactions => about(
                "pos_transactions",
                Stream::Transactions,
                "event_time",
                &[],
                "Every accepted POS transaction in every revision. Raw table; `pos.transactions` shows the latest revision.",
            ),
            Self::Lines => about(
                "pos_lines",
                Stream::Transactions,
                "event_time",
                &[],
                "The items of every transaction in every revision. Raw table; see `pos.lines`.",
            ),
            Self::Tenders => about(
                "pos_tenders",
                Stream::Transactions,
                "event_time",
                &[],
                "The payments of every transaction in every revision. Raw table; see `pos.tenders`.",
            ),
            Self::Presence => about(
                "cam_presence",
                Stream::Presence,
                "start_at",
                // With the time in the key, a condition on time opens only the files of that time.
                &["tenant_id", "store_id", "camera_id", "zone_id", "start_at", "event_date"],
                "Presence tiles of zones as they were published, repetitions included. Raw table; see `cam.presence`.",
            ),
            Self::CameraEvents => about(
                "cam_events",
                Stream::CameraEvents,
                "event_time",
                &["tenant_id", "store_id", "event_id", "event_time", "event_date"],
                "Statements of cameras as they were received, repetitions included. Raw table; see `cam.events`.",
            ),
            Self::Alerts => about(
                "lp_alerts",
                Stream::Alerts,
                "event_time",
                &["tenant_id", "store_id", "alert_id"],
                "Alerts in every revision, repetitions included. Raw table; `lp.alerts` shows the latest revision.",
            ),
            Self::Judgements => about(
                "lp_judgements",
                Stream::Judgements,
                "event_time",
                &["tenant_id", "store_id", "judgement_id"],
                "What rules made of their anchors, in every revision, repetitions included. Raw table; see `lp.judgements`.",
            ),
            Self::Reviews => about(
                "lp_reviews",
                Stream::Reviews,
                "reviewed_at",
                &["tenant_id", "store_id", "review_id"],
                "Decisions of people about alerts, repetitions included. Raw table; see `lp.reviews`.",
            ),
            Self::Segments => about(
                "rec_segments",
                Stream::Segments,
                "start_at",
                &["tenant_id", "store_id", "camera_id", "stream", "kind", "run", "seq"],
                "Recorded segments and gaps, in every state they were in. Raw table; see `rec.segments` and `rec.gaps`.",
            ),
            Self::Clocks => about(
                "ref_clock",
                Stream::Clocks,
                "valid_from",
                &["tenant_id", "store_id", "register_id", "version"],
                "Versions of the clock offsets of registers, repetitions included. Raw table; see `ref.clock`.",
            ),
        }
    }

    /// Its name: the folder, the metric label and the name in schema `lake`.
    pub fn name(self) -> &'static str {
        self.about().name
    }

    /// What one row is.
    pub fn doc(self) -> String {
        match self {
            Self::Lines | Self::Tenders => self.about().doc.to_owned(),
            _ => format!("{} {}", self.about().doc, self.stream().record().doc),
        }
    }

    /// The stream it is filled from.
    pub fn stream(self) -> Stream {
        self.about().stream
    }

    /// The column with the time of its rows.
    pub fn time(self) -> &'static str {
        self.about().time
    }

    /// The columns that name what a row is about: of rows with the same key the one with the highest revision, and of
    /// those the one logged last, holds. Empty where no record is stored twice.
    pub fn key(self) -> &'static [&'static str] {
        self.about().key
    }

    /// The columns of whose values the log of the table knows the least and the greatest in each file.
    pub fn statistics(self) -> Vec<&'static str> {
        let known = ["tenant_id", "store_id", "register_id", "camera_id", "event_date", "kind", "revision", "replaces"];
        let schema = self.schema();
        let there = known.into_iter().filter(|name| schema.index_of(name).is_ok());
        there.chain([self.time()]).collect()
    }

    /// A query for the rows of `from` (this table, under whatever name) that hold; see [`Table::key`].
    pub fn latest(self, from: &str) -> String {
        let key = self.key();
        if key.is_empty() {
            return format!("SELECT * FROM {from}");
        }
        let revision = if self.schema().index_of("revision").is_ok() { "revision DESC, " } else { "" };
        format!(
            "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY {} ORDER BY {revision}{LOGGED_AT} DESC, \
             {LOG_OFFSET} DESC) AS place FROM {from}) AS every WHERE place = 1",
            key.join(", ")
        )
    }

    /// Its columns, with comments in the metadata under [`COMMENT`](tillsight_schemas::wire::columns::COMMENT).
    pub fn schema(self) -> SchemaRef {
        SchemaRef::clone(&self.layout().schema)
    }

    fn layout(self) -> Arc<Layout> {
        static LAYOUTS: LazyLock<BTreeMap<Table, Arc<Layout>>> =
            LazyLock::new(|| Table::ALL.iter().map(|table| (*table, Arc::new(table.describe()))).collect());
        LAYOUTS.get(&self).map_or_else(|| Arc::new(self.describe()), Arc::clone)
    }

    fn describe(self) -> Layout {
        let mut fields = self.stream().record().fields;
        let time = self.time();
        match self {
            Self::Transactions => Layout::without_lists(&fields, time),
            Self::Lines | Self::Tenders => {
                fields.retain(|field| OF_TRANSACTION.contains(&field.name));
                let (list, item) = match self {
                    Self::Lines => ("lines", Line::record_type()),
                    _ => ("tenders", Tender::record_type()),
                };
                Layout::of_items(&fields, list, &item.fields, time)
            }
            _ => {
                fields.extend(place_in_log());
                Layout::of_records(&fields, time)
            }
        }
    }

    /// The rows of this table in a batch of records, and for each row the index of its record.
    ///
    /// # Errors
    /// [`ArrowError`] when the batch is not one of records of its stream.
    pub fn rows(self, records: &RecordBatch) -> Result<(RecordBatch, UInt32Array), ArrowError> {
        self.layout().rows(records)
    }
}

/// What is stored of every record that does not say where it was received.
pub(super) fn place_in_log() -> [Field; 2] {
    let field = |name, doc: &str, field_type| Field { name, doc: doc.to_owned(), field_type, defaulted: false };
    [
        field(LOGGED_AT, "When the record was logged, by the clock of the broker or the sender.", FieldType::Instant),
        field(LOG_OFFSET, "At which offset of its partition of the log the record stands.", FieldType::Long),
    ]
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
pub fn sorted(table: Table, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let keys = ["tenant_id", "store_id", table.time()]
        .into_iter()
        .filter_map(|name| rows.column_by_name(name))
        .map(|values| SortColumn { values: ArrayRef::clone(values), options: None })
        .collect::<Vec<_>>();
    let order = lexsort_to_indices(&keys, None)?;
    take_record_batch(rows, &order)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use arrow::array::{Array as _, AsArray as _, Int64Array, TimestampMicrosecondArray};
    use arrow::datatypes::{Date32Type, Field as ArrowField, Int32Type, Schema};
    use tillsight_schemas::segment::Segment;
    use tillsight_schemas::wire::columns;

    /// A batch as [`super::super::intake`] makes it of records that do not say where they were received.
    fn logged<T: Record>(records: &[T]) -> RecordBatch {
        let batch = columns::to_batch(records).unwrap();
        let mut fields: Vec<Arc<ArrowField>> = batch.schema().fields().iter().cloned().collect();
        let mut arrays = batch.columns().to_vec();
        fields.extend(place_in_log().iter().map(|field| Arc::new(columns::arrow_field(field))));
        arrays.push(Arc::new(TimestampMicrosecondArray::from(vec![7; records.len()]).with_timezone("UTC")));
        arrays.push(Arc::new(Int64Array::from(vec![8; records.len()])));
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
    }

    #[test]
    fn lists_become_json_and_records_within_records_columns() {
        let mut alert = sample::alert("17", 1, 0);
        let (rows, _) = Table::Alerts.rows(&logged(&[alert.clone()])).unwrap();
        let text = |name: &str| rows.column_by_name(name).unwrap().as_string::<i32>().value(0).to_owned();
        assert_eq!(text("facts"), r#"[{"name":"absent_seconds","value":"14.0"}]"#);
        assert_eq!(text("event_ids"), format!(r#"["{}"]"#, alert.anchor_event_id));
        assert!(text("evidence").contains(r#""note":null"#), "{}", text("evidence"));
        assert_eq!(text("clock_method"), "arrival");
        alert.facts.clear();
        let (rows, _) = Table::Alerts.rows(&logged(&[alert])).unwrap();
        assert_eq!(rows.column_by_name("facts").unwrap().as_string::<i32>().value(0), "[]");
    }

    #[test]
    fn stores_and_cameras_have_the_same_names_in_every_table() {
        let segment: Segment = serde_json::from_str(include_str!("../../../schemas/samples/v1/segment.json")).unwrap();
        let (rows, _) = Table::Segments.rows(&logged(&[segment])).unwrap();
        assert_eq!(rows.column_by_name("camera_id").unwrap().as_string::<i32>().value(0), "kiosk");
        for table in Table::ALL {
            let schema = table.schema();
            for name in ["tenant_id", "store_id", "event_date", "store_bucket", table.time()].iter().chain(table.key())
            {
                assert!(schema.field_with_name(name).is_ok(), "{} has no {name}", table.name());
            }
            let unhandy = ["store", "camera", "left", "right"];
            assert!(schema.fields().iter().all(|field| !unhandy.contains(&field.name().as_str())), "{}", table.name());
        }
    }

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
        let of =
            |rows: &RecordBatch, name: &str| rows.column_by_name(name).unwrap().as_primitive::<Date32Type>().clone();
        let (dates, months) = (of(&rows, "event_date"), of(&rows, "event_month"));
        assert_eq!(dates.value(1) - dates.value(0), 1);
        assert_eq!(months.value_as_date(0).unwrap().to_string(), "2026-11-01");
        let old = columns::to_batch(&[sample::sale("17", 1, "1969-12-31T23:00:00Z")]).unwrap();
        let (rows, _) = Table::Transactions.rows(&old).unwrap();
        assert_eq!((of(&rows, "event_date").value(0), of(&rows, "event_month").value(0)), (-1, -31));
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
