//! Avro: schemas from the record descriptions, and values in Confluent framing (`0x00`, four bytes of schema id in
//! network order, the body).
//!
//! Schema ids are ours and fixed ([`Avro::SCHEMA_ID`]): an integrator without a registry can hard-code them, and the
//! `.avsc` files under `schemas/avro/` carry them. Decoding goes straight to Arrow record batches (`arrow-avro`). A record
//! that has gained fields has a new id; values with an id of before ([`Avro::EARLIER`]) are read by the schema of then,
//! and the new fields are absent.

use std::marker::PhantomData;

use arrow::array::{RecordBatch, UInt64Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::error::ArrowError;
use arrow_avro::reader::ReaderBuilder;
use arrow_avro::schema::{
    AvroSchema, Fingerprint, FingerprintAlgorithm, FingerprintStrategy, SCHEMA_METADATA_KEY, SchemaStore,
};
use arrow_avro::writer::{WriterBuilder, format::AvroSoeFormat};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{Field, FieldType, Record, RecordType, columns};

/// The name space of every Avro record of ours.
pub const NAMESPACE: &str = "tillsight.v1";

/// A record that travels as a Kafka value.
pub trait Avro: Record {
    /// The id in the Confluent frame. Never reused for another schema.
    const SCHEMA_ID: u32;
    /// Ids that the record had before, each with its schema of then: their values are read for ever.
    const EARLIER: &'static [(u32, &'static str)] = &[];
}

macro_rules! ids {
    ($($id:literal => $record:ty $(, earlier $($old:literal: $file:literal),+)?;)*) => {$(
        impl Avro for $record {
            const SCHEMA_ID: u32 = $id;
            $(const EARLIER: &'static [(u32, &'static str)] =
                &[$(($old, include_str!(concat!("../../avro/earlier/", $file)))),+];)?
        }
    )*};
}

ids! {
    1 => crate::pos::Transaction;
    2 => crate::pos::PostedTransaction;
    3 => crate::presence::PresenceTile;
    4 => crate::camera_event::CameraEvent;
    5 => crate::detection::DetectionFrame;
    6 => crate::heartbeat::Heartbeat;
    14 => crate::clock_offset::ClockOffset, earlier 7: "clock_offset_7.avsc";
    15 => crate::alert::Alert, earlier 8: "alert_8.avsc";
    9 => crate::judgement::Judgement;
    10 => crate::review::Review;
    11 => crate::segment::Segment;
    12 => crate::hold::Hold;
    13 => crate::clip::ClipStatement;
}

/// The Avro schema of a record as JSON.
pub fn schema<T: Record>() -> Value {
    let mut named = Vec::new();
    record_schema(&T::record_type(), &mut named)
}

fn record_schema(record: &RecordType, named: &mut Vec<&'static str>) -> Value {
    if named.contains(&record.name) {
        return Value::String(format!("{NAMESPACE}.{}", record.name));
    }
    named.push(record.name);
    let fields: Vec<Value> = record.fields.iter().map(|field| field_schema(field, named)).collect();
    json!({ "type": "record", "name": record.name, "namespace": NAMESPACE, "doc": record.doc, "fields": fields })
}

fn field_schema(field: &Field, named: &mut Vec<&'static str>) -> Value {
    let mut schema = json!({ "name": field.name, "type": type_schema(&field.field_type, named) });
    if let Value::Object(entries) = &mut schema {
        entries.insert("doc".to_owned(), Value::String(field.comment()));
        let default = match (&field.field_type, field.defaulted) {
            (FieldType::Optional(_), _) => Some(Value::Null),
            (FieldType::Bool, true) => Some(Value::Bool(false)),
            (FieldType::Int | FieldType::Long, true) => Some(json!(0)),
            (FieldType::List(_), true) => Some(json!([])),
            _ => None,
        };
        if let Some(default) = default {
            entries.insert("default".to_owned(), default);
        }
    }
    schema
}

fn type_schema(field_type: &FieldType, named: &mut Vec<&'static str>) -> Value {
    match field_type {
        FieldType::Text | FieldType::Code(_) | FieldType::Uuid => json!("string"),
        FieldType::Int => json!("int"),
        FieldType::Long => json!("long"),
        FieldType::Bool => json!("boolean"),
        FieldType::Instant => json!({ "type": "long", "logicalType": "timestamp-micros" }),
        FieldType::Date => json!({ "type": "int", "logicalType": "date" }),
        FieldType::List(item) => json!({ "type": "array", "items": type_schema(item, named) }),
        FieldType::Record(record) => record_schema(record, named),
        FieldType::Optional(inner) => json!(["null", type_schema(inner, named)]),
    }
}

/// Encodes records, each as one framed value.
///
/// # Errors
/// [`ArrowError`] when a record does not fit its own schema, which is a defect.
pub fn encode<T: Avro>(records: &[T]) -> Result<Vec<Bytes>, ArrowError> {
    let batch = columns::to_batch(records)?;
    let mut metadata = batch.schema().metadata().clone();
    metadata.insert(SCHEMA_METADATA_KEY.to_owned(), schema::<T>().to_string());
    let with_schema = batch.schema().as_ref().clone().with_metadata(metadata);
    let batch = batch.with_schema(std::sync::Arc::new(with_schema.clone()))?;
    let mut encoder = WriterBuilder::new(with_schema)
        .with_fingerprint_strategy(FingerprintStrategy::Id(T::SCHEMA_ID))
        .build_encoder::<AvroSoeFormat>()?;
    encoder.encode(&batch)?;
    Ok(encoder.flush().iter().collect())
}

/// Turns values of one record type into record batches; remembers the compiled schema between calls.
#[derive(Debug)]
pub struct Decoder<T> {
    json: columns::JsonDecoder,
    record: PhantomData<fn() -> T>,
}

/// What became of some values.
#[derive(Debug)]
pub struct Decoded {
    /// The rows, in the order of the values.
    pub batch: RecordBatch,
    /// For each row the index of its value.
    pub value_of_row: Vec<usize>,
    /// Values that could not be decoded: index and reason.
    pub failed: Vec<(usize, String)>,
}

impl<T: Avro> Default for Decoder<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Avro> Decoder<T> {
    /// Makes a decoder.
    pub fn new() -> Self {
        Self { json: columns::JsonDecoder::new(columns::arrow_schema::<T>()), record: PhantomData }
    }

    /// Decodes values in Confluent framing, or in JSON where the first byte is `{`.
    ///
    /// A value that cannot be decoded is reported and does not spoil its neighbours.
    ///
    /// # Errors
    /// [`ArrowError`] when the decoder itself cannot be built, which is a defect.
    pub fn decode(&self, values: &[&[u8]]) -> Result<Decoded, ArrowError> {
        let (framed, other): (Vec<usize>, Vec<usize>) =
            (0..values.len()).partition(|&i| values.get(i).is_some_and(|value| value.first() == Some(&0)));
        let mut batches = Vec::new();
        let mut rows = Vec::with_capacity(values.len());
        let mut failed = Vec::new();
        self.decode_framed(values, &framed, &mut batches, &mut rows, &mut failed)?;
        for index in other {
            let value = values.get(index).copied().unwrap_or_default();
            match self.json.decode(value) {
                Ok(batch) => {
                    rows.push(index);
                    batches.push(batch);
                }
                Err(error) => failed.push((index, error.to_string())),
            }
        }
        let schema = columns::arrow_schema::<T>();
        let batch = concat_batches(&schema, &batches)?;
        // Back into the order of the values: JSON and Avro may be mixed in one log.
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|&row| rows.get(row).copied());
        let sorted = rows.is_sorted();
        let value_of_row = order.iter().filter_map(|&row| rows.get(row).copied()).collect();
        let batch = if sorted {
            batch
        } else {
            take_record_batch(&batch, &UInt64Array::from_iter_values(order.iter().map(|&row| row as u64)))?
        };
        failed.sort();
        Ok(Decoded { batch, value_of_row, failed })
    }

    fn decode_framed(
        &self,
        values: &[&[u8]],
        framed: &[usize],
        batches: &mut Vec<RecordBatch>,
        rows: &mut Vec<usize>,
        failed: &mut Vec<(usize, String)>,
    ) -> Result<(), ArrowError> {
        if framed.is_empty() {
            return Ok(());
        }
        if let Ok(batch) = Self::decode_all(values, framed) {
            rows.extend(framed);
            batches.push(batch);
            return Ok(());
        }
        // One of them is damaged: find out which, half by half.
        match framed {
            &[index] => {
                let reason = match Self::decode_all(values, framed) {
                    Ok(_) => "value decodes to another number of records than one".to_owned(),
                    Err(error) => error.to_string(),
                };
                failed.push((index, reason));
            }
            _ => {
                let (left, right) = framed.split_at(framed.len() / 2);
                self.decode_framed(values, left, batches, rows, failed)?;
                self.decode_framed(values, right, batches, rows, failed)?;
            }
        }
        Ok(())
    }

    fn decode_all(values: &[&[u8]], framed: &[usize]) -> Result<RecordBatch, ArrowError> {
        let schema = columns::arrow_schema::<T>();
        let mut store = SchemaStore::new_with_type(FingerprintAlgorithm::Id);
        let avro = AvroSchema::new(schema_text::<T>());
        store.set(Fingerprint::Id(T::SCHEMA_ID), avro.clone())?;
        for (id, schema) in T::EARLIER {
            store.set(Fingerprint::Id(*id), AvroSchema::new((*schema).to_owned()))?;
        }
        // All of one run have the id of its first: a log in which the schema changes is halved until they do.
        let first = framed.first().and_then(|&index| values.get(index)).map_or(T::SCHEMA_ID, |value| id_of(value));
        let known = first == T::SCHEMA_ID || T::EARLIER.iter().any(|(id, _)| *id == first);
        let written = if known { first } else { T::SCHEMA_ID };
        let mut decoder = ReaderBuilder::new()
            .with_writer_schema_store(store)
            .with_active_fingerprint(Fingerprint::Id(written))
            .with_reader_schema(avro)
            .with_batch_size(framed.len())
            .build_decoder()?;
        for &index in framed {
            let value = values.get(index).copied().unwrap_or_default();
            let id = id_of(value);
            if id != written {
                return Err(ArrowError::AvroError(format!(
                    "unknown schema id {id}; {} has id {}",
                    T::record_type().name,
                    T::SCHEMA_ID
                )));
            }
            let read = decoder.decode(value)?;
            if read != value.len() {
                return Err(ArrowError::AvroError(format!("{} bytes after the record", value.len() - read)));
            }
        }
        let batch = decoder.flush()?.ok_or_else(|| ArrowError::AvroError("no record".to_owned()))?;
        if batch.num_rows() != framed.len() {
            return Err(ArrowError::AvroError(format!("{} records in {} values", batch.num_rows(), framed.len())));
        }
        columns::conform(&batch, &schema)
    }
}

/// The schema id in the frame of a value.
fn id_of(value: &[u8]) -> u32 {
    value.get(1..5).and_then(|id| id.try_into().ok()).map(u32::from_be_bytes).unwrap_or_default()
}

fn schema_text<T: Avro>() -> String {
    schema::<T>().to_string()
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "records are declared for everybody")]
mod tests {
    use super::*;
    use crate::record;
    use crate::wire::columns::from_batch;

    record! {
        /// A till as it was.
        pub struct Till {
            /// Its name.
            name: String,
        }
    }

    mod grown {
        use crate::record;

        record! {
            /// A till that says more.
            pub struct Till {
                /// Its name.
                name: String,
                /// Its floor.
                floor: Option<i32>,
                /// Its drawers.
                @default drawers: Vec<String>,
            }
        }
    }

    impl Avro for Till {
        const SCHEMA_ID: u32 = 900;
    }

    impl Avro for grown::Till {
        const SCHEMA_ID: u32 = 901;
        const EARLIER: &'static [(u32, &'static str)] = &[(
            900,
            r#"{"type":"record","name":"Till","namespace":"tillsight.v1","fields":[{"name":"name","type":"string"}]}"#,
        )];
    }

    #[test]
    fn a_log_in_which_a_record_gained_fields_is_read_through() {
        let before = |name: &str| encode(&[Till { name: name.to_owned() }]).unwrap().remove(0);
        let after = |name: &str, floor| grown::Till { name: name.to_owned(), floor, drawers: Vec::new() };
        let now = |name: &str| encode(&[after(name, Some(2))]).unwrap().remove(0);
        let log = [before("a"), before("b"), now("c"), before("d"), now("e")];
        let values: Vec<&[u8]> = log.iter().map(|value| &value[..]).collect();
        let decoded = Decoder::<grown::Till>::new().decode(&values).unwrap();
        assert_eq!(decoded.failed, []);
        let expected = [after("a", None), after("b", None), after("c", Some(2)), after("d", None), after("e", Some(2))];
        assert_eq!(from_batch::<grown::Till>(&decoded.batch).unwrap(), expected);
        let stranger = [&[0, 0, 0, 0, 77, 2, b'x'][..]];
        assert!(Decoder::<grown::Till>::new().decode(&stranger).unwrap().failed[0].1.contains("unknown schema id 77"));
    }
}
