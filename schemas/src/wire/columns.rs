//! Arrow: schemas from the record descriptions, and the way between structs and record batches.
//!
//! The comment of a field travels in its metadata under [`COMMENT`], so that SQL can show it.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field as ArrowField, Fields, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::json::{LineDelimitedWriter, ReaderBuilder};

use super::{Field, FieldType, Record};

/// The metadata key of a field's comment.
pub const COMMENT: &str = "comment";

/// The Arrow type of an instant: microseconds, UTC.
pub fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The Arrow schema of a record, one column a field, comments in the metadata.
pub fn arrow_schema<T: Record>() -> SchemaRef {
    Arc::new(Schema::new(T::record_type().fields.iter().map(arrow_field).collect::<Fields>()))
}

/// The Arrow field of a field.
pub fn arrow_field(field: &Field) -> ArrowField {
    let (data_type, nullable) = arrow_type(&field.field_type);
    ArrowField::new(field.name, data_type, nullable)
        .with_metadata(HashMap::from([(COMMENT.to_owned(), field.comment())]))
}

fn arrow_type(field_type: &FieldType) -> (DataType, bool) {
    let data_type = match field_type {
        FieldType::Text | FieldType::Uuid | FieldType::Code(_) => DataType::Utf8,
        FieldType::Int => DataType::Int32,
        FieldType::Long => DataType::Int64,
        FieldType::Bool => DataType::Boolean,
        FieldType::Instant => instant(),
        FieldType::Date => DataType::Date32,
        FieldType::List(item) => {
            let (data_type, nullable) = arrow_type(item);
            DataType::List(Arc::new(ArrowField::new("item", data_type, nullable)))
        }
        FieldType::Record(record) => DataType::Struct(record.fields.iter().map(arrow_field).collect()),
        FieldType::Optional(inner) => return (arrow_type(inner).0, true),
    };
    (data_type, false)
}

/// Puts records into columns.
///
/// # Errors
/// [`ArrowError`] when a record does not fit its own schema, which is a defect.
pub fn to_batch<T: Record>(records: &[T]) -> Result<RecordBatch, ArrowError> {
    let schema = arrow_schema::<T>();
    let mut decoder = ReaderBuilder::new(schema.clone()).with_batch_size(records.len().max(1)).build_decoder()?;
    decoder.serialize(records)?;
    Ok(decoder.flush()?.unwrap_or_else(|| RecordBatch::new_empty(schema)))
}

/// Takes records out of columns.
///
/// # Errors
/// [`ArrowError`] when a row is not a record of this type.
pub fn from_batch<T: Record>(batch: &RecordBatch) -> Result<Vec<T>, ArrowError> {
    let mut lines = Vec::with_capacity(batch.num_rows() * 512);
    let mut writer = LineDelimitedWriter::new(&mut lines);
    writer.write(batch)?;
    writer.finish()?;
    serde_json::Deserializer::from_slice(&lines)
        .into_iter::<T>()
        .collect::<Result<_, _>>()
        .map_err(|error| ArrowError::JsonError(error.to_string()))
}

/// Gives a batch exactly this schema: same columns, types and metadata.
///
/// # Errors
/// [`ArrowError`] when a column is missing or cannot be cast.
pub fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = schema
        .fields()
        .iter()
        .map(|field| {
            let column = batch
                .column_by_name(field.name())
                .ok_or_else(|| ArrowError::SchemaError(format!("no column {}", field.name())))?;
            if column.data_type() == field.data_type() {
                Ok(ArrayRef::clone(column))
            } else {
                cast(column, field.data_type())
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(schema.clone(), columns)
}

/// Decodes single JSON documents into one-row batches.
#[derive(Debug)]
pub struct JsonDecoder {
    schema: SchemaRef,
}

impl JsonDecoder {
    /// Makes a decoder for a schema.
    pub fn new(schema: SchemaRef) -> Self {
        Self { schema }
    }

    /// Decodes one document.
    ///
    /// # Errors
    /// [`ArrowError`] when it is not one document of the schema.
    pub fn decode(&self, document: &[u8]) -> Result<RecordBatch, ArrowError> {
        let mut decoder = ReaderBuilder::new(self.schema.clone()).with_batch_size(2).build_decoder()?;
        let read = decoder.decode(document)?;
        if read != document.len() {
            return Err(ArrowError::JsonError(format!("{} bytes after the document", document.len() - read)));
        }
        match decoder.flush()? {
            Some(batch) if batch.num_rows() == 1 => Ok(batch),
            _ => Err(ArrowError::JsonError("not one document".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::avro;
    use super::*;
    use crate::pos::{PostedTransaction, Transaction};
    use crate::wire::json;
    use proptest::prelude::*;

    fn sample() -> Transaction {
        serde_json::from_str(include_str!("../../samples/v1/transaction.json")).unwrap()
    }

    #[test]
    fn a_transaction_survives_columns_and_avro() {
        let sale = vec![sample(), Transaction { sequence_no: Some(8), lines: vec![], ..sample() }];
        assert_eq!(from_batch::<Transaction>(&to_batch(&sale).unwrap()).unwrap(), sale);
        let values = avro::encode(&sale).unwrap();
        assert_eq!(values[0].first(), Some(&0));
        assert_eq!(values[0][1..5], <Transaction as avro::Avro>::SCHEMA_ID.to_be_bytes());
        let refs: Vec<&[u8]> = values.iter().map(|value| &value[..]).collect();
        let decoded = avro::Decoder::<Transaction>::new().decode(&refs).unwrap();
        assert!(decoded.failed.is_empty(), "{:?}", decoded.failed);
        assert_eq!(from_batch::<Transaction>(&decoded.batch).unwrap(), sale);
    }

    #[test]
    fn one_damaged_value_does_not_spoil_its_neighbours() {
        let sales: Vec<_> = (0..9).map(|n| Transaction { sequence_no: Some(n), ..sample() }).collect();
        let mut values: Vec<Vec<u8>> = avro::encode(&sales).unwrap().iter().map(|v| v.to_vec()).collect();
        values[4].truncate(20);
        values[6][4] = 99;
        values[7] = serde_json::to_vec(&sales[7]).unwrap();
        let refs: Vec<&[u8]> = values.iter().map(|value| &value[..]).collect();
        let decoded = avro::Decoder::<Transaction>::new().decode(&refs).unwrap();
        assert_eq!(decoded.failed.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [4, 6]);
        assert_eq!(decoded.value_of_row, [0, 1, 2, 3, 5, 7, 8]);
        let sequence: Vec<_> =
            from_batch::<Transaction>(&decoded.batch).unwrap().iter().map(|t| t.sequence_no.unwrap()).collect();
        assert_eq!(sequence, [0, 1, 2, 3, 5, 7, 8]);
    }

    #[test]
    fn stored_samples_of_every_version_are_still_read() {
        let posted: PostedTransaction =
            serde_json::from_str(include_str!("../../samples/v1/posted_transaction.json")).unwrap();
        assert_eq!(posted.transaction, Transaction { business_day: posted.transaction.business_day, ..sample() });
        let framed = include_bytes!("../../samples/v1/posted_transaction.avro");
        let decoded = avro::Decoder::<PostedTransaction>::new().decode(&[framed]).unwrap();
        assert_eq!(from_batch::<PostedTransaction>(&decoded.batch).unwrap(), [posted]);
    }

    proptest! {
        #[test]
        fn any_transaction_survives_avro_and_json(
            sequence_no in proptest::option::of(any::<i64>()),
            qty_milli in any::<i64>(),
            text in "\\PC{0,40}",
            lines in 0usize..4,
            training in any::<bool>(),
        ) {
            let mut sale = Transaction { sequence_no, training, receipt_text: Some(text.clone()), ..sample() };
            sale.lines.truncate(1);
            sale.lines = (0..lines).flat_map(|_| sale.lines.clone()).collect();
            for line in &mut sale.lines {
                line.qty_milli = qty_milli;
                line.description = Some(text.clone());
            }
            let sales = vec![sale];
            let values = avro::encode(&sales).unwrap();
            let decoded = avro::Decoder::<Transaction>::new().decode(&[&values[0]]).unwrap();
            prop_assert_eq!(&from_batch::<Transaction>(&decoded.batch).unwrap(), &sales);
            let json = serde_json::to_value(&sales[0]).unwrap();
            prop_assert!(json::check::<Transaction>(&json).is_empty());
        }
    }
}
