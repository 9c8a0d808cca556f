//! From records of the log to rows of the tables.
//!
//! A record that cannot be decoded is named in the log and left out; the raw form of a transaction stays on
//! `lp.pos.raw.v1`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{FieldRef, Int32Type, Int64Type, Schema};
use arrow::error::ArrowError;
use tillsight_schemas::port::{LogRecord, Partition, Positions};
use tillsight_schemas::wire::columns;

use super::progress::{Landing, Progress};
use super::stream::Stream;
use super::table::{Table, place_in_log};
use crate::error::{Error, Result};

/// What one poll brought of one stream, decoded.
#[derive(Debug)]
pub struct Arrived {
    /// The stream.
    pub stream: Stream,
    batch: RecordBatch,
    rows: Vec<Row>,
    ends: Positions,
}

#[derive(Debug)]
struct Row {
    partition: Partition,
    offset: i64,
    landed: Option<(Landing, i64)>,
}

/// Rows of one table from one partition of the log, in the order of the log.
#[derive(Debug)]
pub struct Chunk {
    /// Where they come from.
    pub partition: Partition,
    /// The offset of the record of each row; never falls.
    pub offsets: Vec<i64>,
    /// The rows.
    pub rows: RecordBatch,
}

impl Chunk {
    /// The rows of records at or beyond `next`.
    pub fn beyond(&self, next: i64) -> Option<RecordBatch> {
        let first = self.offsets.partition_point(|offset| *offset < next);
        (first < self.offsets.len()).then(|| self.rows.slice(first, self.offsets.len() - first))
    }

    /// How much memory it takes.
    pub fn bytes(&self) -> usize {
        self.rows.get_array_memory_size() + self.offsets.len() * size_of::<i64>()
    }
}

/// Decodes records, stream by stream. Records of a topic that is no stream of the lake are named in the log.
///
/// # Errors
/// [`Error::Columns`] when a decoder cannot be built, which is a defect.
pub fn decode(records: &[LogRecord]) -> Result<Vec<Arrived>> {
    let mut streams: BTreeMap<&str, Vec<&LogRecord>> = BTreeMap::new();
    for record in records {
        streams.entry(&record.partition.topic).or_default().push(record);
    }
    let mut arrived = Vec::with_capacity(streams.len());
    for (topic, records) in streams {
        match Stream::of(topic) {
            Some(stream) => arrived.push(decode_stream(stream, &records)?),
            None => tracing::error!(topic, records = records.len(), "no stream of the lake; left out"),
        }
    }
    Ok(arrived)
}

fn decode_stream(stream: Stream, records: &[&LogRecord]) -> Result<Arrived> {
    let mut ends = Positions::new();
    for record in records {
        let end = ends.entry(record.partition.clone()).or_default();
        *end = (*end).max(record.offset + 1);
    }
    let present: Vec<(&LogRecord, &[u8])> =
        records.iter().filter_map(|record| Some((*record, &record.value.as_ref()?[..]))).collect();
    let values: Vec<&[u8]> = present.iter().map(|(_, value)| *value).collect();
    let decoded = stream.decode(&values).map_err(Error::columns)?;
    for (index, reason) in &decoded.failed {
        if let Some((record, _)) = present.get(*index) {
            tracing::error!(partition = %record.partition, offset = record.offset, reason, "record left out of the lake");
        }
    }
    let origins: Vec<&LogRecord> =
        decoded.value_of_row.iter().filter_map(|index| present.get(*index)).map(|(record, _)| *record).collect();
    let (batch, rows) = if stream.has_landing() {
        let rows = landed(&decoded.batch, &origins).map_err(Error::columns)?;
        (decoded.batch, rows)
    } else {
        let rows = origins
            .iter()
            .map(|record| Row { partition: record.partition.clone(), offset: record.offset, landed: None })
            .collect();
        (placed(&decoded.batch, &origins).map_err(Error::columns)?, rows)
    };
    Ok(Arrived { stream, batch, rows, ends })
}

/// The batch with the place of each record in the log.
fn placed(batch: &RecordBatch, origins: &[&LogRecord]) -> Result<RecordBatch, ArrowError> {
    let mut fields: Vec<FieldRef> = batch.schema().fields().iter().cloned().collect();
    let mut arrays = batch.columns().to_vec();
    fields.extend(place_in_log().iter().map(|field| Arc::new(columns::arrow_field(field))));
    let logged_at: TimestampMicrosecondArray =
        origins.iter().map(|record| Some(record.logged_at.timestamp_micros())).collect();
    arrays.push(Arc::new(logged_at.with_timezone("UTC")));
    arrays.push(Arc::new(Int64Array::from_iter_values(origins.iter().map(|record| record.offset))));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

fn landed(batch: &RecordBatch, origins: &[&LogRecord]) -> Result<Vec<Row>, ArrowError> {
    let missing = |name: &str| ArrowError::SchemaError(format!("no column {name}"));
    let topics = batch
        .column_by_name("landing_topic")
        .and_then(|column| column.as_string_opt::<i32>())
        .ok_or_else(|| missing("landing_topic"))?;
    let numbers = batch
        .column_by_name("landing_partition")
        .and_then(|column| column.as_primitive_opt::<Int32Type>())
        .ok_or_else(|| missing("landing_partition"))?;
    let offsets = batch
        .column_by_name("landing_offset")
        .and_then(|column| column.as_primitive_opt::<Int64Type>())
        .ok_or_else(|| missing("landing_offset"))?;
    let landings = topics.iter().zip(numbers.iter()).zip(offsets.iter());
    Ok(origins
        .iter()
        .zip(landings)
        .map(|(record, ((topic, number), landed_at))| {
            let landing = Landing {
                at: record.partition.number,
                topic: topic.unwrap_or_default().to_owned(),
                number: number.unwrap_or_default(),
            };
            Row {
                partition: record.partition.clone(),
                offset: record.offset,
                landed: Some((landing, landed_at.unwrap_or_default())),
            }
        })
        .collect())
}

impl Arrived {
    /// Landing partitions whose mark `progress` does not know yet.
    pub fn strangers(&self, progress: &Progress) -> Vec<Landing> {
        let landings = self.rows.iter().filter_map(|row| row.landed.as_ref()).map(|(landing, _)| landing);
        let mut unknown: Vec<Landing> = landings.filter(|landing| !progress.knows(landing)).cloned().collect();
        unknown.sort();
        unknown.dedup();
        unknown
    }

    /// The rows that are new to a table; `progress` moves on past everything that was read.
    ///
    /// # Errors
    /// [`Error::Columns`] when the batch does not fit the table, which is a defect.
    pub fn admit(&self, table: Table, progress: &mut Progress) -> Result<Vec<Chunk>> {
        let mask: Vec<bool> = self
            .rows
            .iter()
            .map(|row| {
                let landed = row.landed.as_ref().map(|(landing, at)| (landing, *at));
                progress.admit(&row.partition, row.offset, landed)
            })
            .collect();
        progress.advance(&self.ends);
        if !mask.contains(&true) {
            return Ok(Vec::new());
        }
        let new = BooleanArray::from(mask.clone());
        let records = filter_record_batch(&self.batch, &new).map_err(Error::columns)?;
        let origins: Vec<&Row> = self.rows.iter().zip(mask).filter_map(|(row, new)| new.then_some(row)).collect();
        let (rows, parents) = table.rows(&records).map_err(Error::columns)?;
        let of_rows: Vec<&Row> =
            parents.values().iter().filter_map(|parent| origins.get(usize::try_from(*parent).ok()?).copied()).collect();
        let mut partitions: Vec<&Partition> = of_rows.iter().map(|row| &row.partition).collect();
        partitions.sort();
        partitions.dedup();
        partitions
            .into_iter()
            .map(|partition| {
                let here: BooleanArray = of_rows.iter().map(|row| Some(row.partition == *partition)).collect();
                Ok(Chunk {
                    partition: partition.clone(),
                    offsets: of_rows.iter().filter(|r| r.partition == *partition).map(|row| row.offset).collect(),
                    rows: filter_record_batch(&rows, &here).map_err(Error::columns)?,
                })
            })
            .collect()
    }
}
