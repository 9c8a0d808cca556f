//! The way back from rows of the lake to records: for whoever judges history by the code that judges what is live.
//!
//! [`super::layout`] says how records became rows; here each step is undone.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, ListArray, RecordBatch, RecordBatchOptions, StructArray, UInt32Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{concat_batches, take};
use arrow::datatypes::{DataType, Field as ArrowField, Fields, Int32Type, Schema};
use arrow::error::ArrowError;
use chrono::{DateTime, TimeDelta, Utc};
use datafusion::prelude::{ident, lit};
use tillsight_schemas::TimeSpan;
use tillsight_schemas::id::{RuleId, StoreKey};
use tillsight_schemas::judgement::Judgement;
use tillsight_schemas::pos::{Kind, Line, PostedTransaction, Tender};
use tillsight_schemas::presence::PresenceTile;
use tillsight_schemas::wire::{Field, FieldType, Record, columns};

use super::history::{History, Picked, instant};
use super::layout::column_name;
use super::table::Table;
use crate::error::{Error, Result};

/// How far a correction moves an event in time at most, for what is read of judgements about it.
const MOVED: TimeDelta = TimeDelta::days(7);

impl History {
    /// The transactions of some stores whose event time lies in a span, every revision, with lines and tenders.
    ///
    /// # Errors
    /// As [`History::scan`].
    pub async fn transactions(&self, span: TimeSpan, stores: &[StoreKey]) -> Result<Vec<PostedTransaction>> {
        let rows = self.whole(Table::Transactions, span, stores).await?;
        let lines = self.whole(Table::Lines, span, stores).await?;
        let tenders = self.whole(Table::Tenders, span, stores).await?;
        transactions_of(&rows, &lines, &tenders).map_err(Error::columns)
    }

    /// The transactions of these kinds, and corrections of any kind, of some stores or of all: every revision, with tenders and
    /// without lines.
    ///
    /// # Errors
    /// As [`History::scan`].
    pub(crate) async fn rare(
        &self,
        kinds: &[Kind],
        span: TimeSpan,
        stores: Option<&[StoreKey]>,
    ) -> Result<Vec<PostedTransaction>> {
        let picked = Picked { stores, span, columns: &[], kinds, corrections: false };
        let rows = self.pick(Table::Transactions, Picked { corrections: true, ..picked }).await?;
        let tenders = self.pick(Table::Tenders, picked).await?;
        transactions_of(&rows, &RecordBatch::new_empty(Table::Lines.schema()), &tenders).map_err(Error::columns)
    }

    /// The presence tiles of some stores that begin in a span, each with when it was logged in microseconds.
    ///
    /// # Errors
    /// As [`History::scan`].
    pub async fn tiles(&self, span: TimeSpan, stores: &[StoreKey]) -> Result<Vec<(i64, PresenceTile)>> {
        let rows = self.whole(Table::Presence, span, stores).await?;
        let logged = column(&rows, super::table::LOGGED_AT).map_err(Error::columns)?;
        let logged = logged.as_primitive::<arrow::datatypes::TimestampMicrosecondType>().values().to_vec();
        Ok(logged.into_iter().zip(records(&rows, &[]).map_err(Error::columns)?).collect())
    }

    /// What some rules made of the anchors of some stores in a span, the last word about each.
    ///
    /// # Errors
    /// As [`History::scan`].
    pub async fn judgements(&self, span: TimeSpan, stores: &[StoreKey], rules: &[RuleId]) -> Result<Vec<Judgement>> {
        let table = Table::Judgements;
        let of = ident("rule_id").in_list(rules.iter().map(|rule| lit(rule.as_str())).collect(), false);
        // A correction may move an event in time, and the judgement about it.
        let near = |at: DateTime<Utc>, by: TimeDelta| instant(at.checked_add_signed(by).unwrap_or(at));
        let time = || ident(table.time());
        let of = of.and(time().gt_eq(near(span.start(), -MOVED))).and(time().lt(near(span.end(), MOVED)));
        let rows = self.latest(table, span, stores, of).await?;
        let rows = concat_batches(&table.schema(), &rows).map_err(Error::columns)?;
        records(&rows, &[]).map_err(Error::columns)
    }

    async fn whole(&self, table: Table, span: TimeSpan, stores: &[StoreKey]) -> Result<RecordBatch> {
        concat_batches(&table.schema(), &self.scan(table, span, stores).await?).map_err(Error::columns)
    }
}

/// Transactions from their rows, each with those of the lines and tenders that are its own.
///
/// # Errors
/// [`ArrowError`] when a table lacks a column.
pub(crate) fn transactions_of(
    rows: &RecordBatch,
    lines: &RecordBatch,
    tenders: &RecordBatch,
) -> Result<Vec<PostedTransaction>, ArrowError> {
    let lists = [
        ("lines", lists(rows, lines, &Line::record_type().fields, "line_no")?),
        ("tenders", lists(rows, tenders, &Tender::record_type().fields, "tender_no")?),
    ];
    records(rows, &lists)
}

fn records<T: Record>(rows: &RecordBatch, lists: &[(&str, ArrayRef)]) -> Result<Vec<T>, ArrowError> {
    let (fields, arrays) = values(&T::record_type().fields, rows, lists)?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)?;
    columns::from_batch(&batch)
}

fn column(rows: &RecordBatch, name: &str) -> Result<ArrayRef, ArrowError> {
    rows.column_by_name(name).cloned().ok_or_else(|| ArrowError::SchemaError(format!("no column {name}")))
}

/// The values of a record's fields in rows that hold them flattened.
fn values(
    fields: &[Field],
    rows: &RecordBatch,
    lists: &[(&str, ArrayRef)],
) -> Result<(Fields, Vec<ArrayRef>), ArrowError> {
    let mut arrays = Vec::with_capacity(fields.len());
    for field in fields {
        let (inner, optional) = match &field.field_type {
            FieldType::Optional(inner) => (inner.as_ref(), true),
            other => (other, false),
        };
        arrays.push(match inner {
            FieldType::List(_) => {
                let list = lists.iter().find(|(name, _)| *name == field.name).map(|(_, list)| ArrayRef::clone(list));
                list.ok_or_else(|| ArrowError::SchemaError(format!("no list {}", field.name)))?
            }
            FieldType::Record(record) => {
                let parts = record.fields.iter().map(|part| column(rows, &format!("{}_{}", field.name, part.name)));
                let nulls = match optional {
                    true => Some(NullBuffer::new(
                        column(rows, &format!("has_{}", field.name))?.as_boolean().values().clone(),
                    )),
                    false => None,
                };
                let of = record.fields.iter().map(columns::arrow_field).collect();
                Arc::new(StructArray::try_new(of, parts.collect::<Result<_, _>>()?, nulls)?)
            }
            _ => column(rows, column_name(field.name))?,
        });
    }
    Ok((fields.iter().map(columns::arrow_field).collect(), arrays))
}

/// For each transaction the list of its items, in the order of their numbers.
fn lists(rows: &RecordBatch, items: &RecordBatch, fields: &[Field], number: &str) -> Result<ArrayRef, ArrowError> {
    let numbers = column(items, number)?;
    let numbers = numbers.as_primitive::<Int32Type>();
    let mut own: Vec<Vec<u32>> = vec![Vec::new(); rows.num_rows()];
    let (ids, revisions) = (column(rows, "event_id")?, column(rows, "revision")?);
    let owners = ids.as_string::<i32>().iter().zip(revisions.as_primitive::<Int32Type>().values()).zip(0_usize..);
    let owners: HashMap<(Option<&str>, i32), usize> =
        owners.map(|((id, revision), owner)| ((id, *revision), owner)).collect();
    let (ids, revisions) = (column(items, "event_id")?, column(items, "revision")?);
    let of = ids.as_string::<i32>().iter().zip(revisions.as_primitive::<Int32Type>().values());
    // The items of a transaction stand together.
    let mut last = None;
    for ((id, revision), item) in of.zip(0_u32..) {
        let owner = match last {
            Some((known, owner)) if known == (id, *revision) => owner,
            _ => owners.get(&(id, *revision)).copied(),
        };
        last = Some(((id, *revision), owner));
        if let Some(own) = owner.and_then(|owner| own.get_mut(owner)) {
            own.push(item);
        }
    }
    let (mut places, mut lengths) = (Vec::new(), Vec::with_capacity(own.len()));
    for mut own in own {
        own.sort_by_key(|item| usize::try_from(*item).map_or(0, |item| numbers.value(item)));
        lengths.push(own.len());
        places.extend(own);
    }
    let (of, arrays) = values(fields, items, &[])?;
    let places = UInt32Array::from(places);
    let arrays: Vec<ArrayRef> = arrays.iter().map(|array| take(array, &places, None)).collect::<Result<_, _>>()?;
    let whole: ArrayRef = Arc::new(StructArray::try_new_with_length(of.clone(), arrays, None, places.len())?);
    let item = Arc::new(ArrowField::new("item", DataType::Struct(of), false));
    Ok(Arc::new(ListArray::try_new(item, OffsetBuffer::from_lengths(lengths), whole, None)?))
}
