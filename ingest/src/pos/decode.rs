//! From the value of a landing record to a [`Transaction`]: JSON (first byte `{`) or Avro in Confluent framing.

use arrow::json::LineDelimitedWriter;
use serde_json::Value;
use tillsight_schemas::pos::{Reject, RejectCode, Transaction};
use tillsight_schemas::wire::{avro, json};

use crate::{Error, Result};

/// The largest value that is read, in bytes.
pub(super) const LARGEST: usize = 1 << 20;

/// Decodes values; the result has one entry a value, in the same order.
///
/// # Errors
/// [`Error::Encode`] when the decoder itself is broken; what is wrong with a value is in its entry.
pub(super) fn decode(values: &[Option<&[u8]>]) -> Result<Vec<Result<Transaction, Reject>>> {
    let mut results: Vec<Result<Transaction, Reject>> = Vec::with_capacity(values.len());
    let mut framed = Vec::new();
    for (index, value) in values.iter().enumerate() {
        results.push(match value {
            None | Some([]) => Err(Reject::new(RejectCode::Framing, "the record has no value")),
            Some(value) if value.len() > LARGEST => {
                let detail = format!("{} bytes; a record may have {LARGEST}", value.len());
                Err(Reject::new(RejectCode::TooLarge, detail))
            }
            Some([0, ..]) => {
                framed.push(index);
                Err(Reject::new(RejectCode::Framing, "the Avro value was not decoded"))
            }
            Some(value) => from_json(value),
        });
    }
    for (index, result) in framed.iter().zip(from_avro(values, &framed)?) {
        if let Some(place) = results.get_mut(*index) {
            *place = result;
        }
    }
    Ok(results)
}

/// Reads the JSON of one record.
pub(super) fn from_json(value: &[u8]) -> Result<Transaction, Reject> {
    let text = std::str::from_utf8(value).map_err(|error| Reject::new(RejectCode::Charset, error.to_string()))?;
    if !text.trim_start().starts_with('{') {
        let detail = "the value begins neither with `{` (JSON) nor with a zero byte (Avro in Confluent framing)";
        return Err(Reject::new(RejectCode::Framing, detail));
    }
    let document: Value = serde_json::from_str(text)
        .map_err(|error| Reject::new(RejectCode::Schema, format!("not a JSON document: {error}")))?;
    from_document(document)
}

/// Checks and reads one JSON document.
fn from_document(mut document: Value) -> Result<Transaction, Reject> {
    json::settle(&mut document);
    let problems = json::check::<Transaction>(&document);
    if !problems.is_empty() {
        return Err(Reject::schema(problems));
    }
    serde_json::from_value(document).map_err(|error| Reject::new(RejectCode::Schema, error.to_string()))
}

fn from_avro(values: &[Option<&[u8]>], framed: &[usize]) -> Result<Vec<Result<Transaction, Reject>>> {
    if framed.is_empty() {
        return Ok(Vec::new());
    }
    let broken = |source| Error::Encode { record: "Transaction", source };
    let bytes: Vec<&[u8]> = framed.iter().filter_map(|&index| values.get(index).copied().flatten()).collect();
    let decoded = avro::Decoder::<Transaction>::new().decode(&bytes).map_err(broken)?;
    let mut results: Vec<Result<Transaction, Reject>> =
        bytes.iter().map(|_| Err(Reject::new(RejectCode::Framing, "no record in the value"))).collect();
    for (index, reason) in decoded.failed {
        let code = if reason.contains("unknown schema id") { RejectCode::Framing } else { RejectCode::Schema };
        if let Some(place) = results.get_mut(index) {
            *place = Err(Reject::new(code, reason));
        }
    }
    let mut lines = Vec::new();
    let mut writer = LineDelimitedWriter::new(&mut lines);
    writer.write(&decoded.batch).and_then(|()| writer.finish()).map_err(broken)?;
    let documents = serde_json::Deserializer::from_slice(&lines).into_iter::<Value>();
    for (index, document) in decoded.value_of_row.iter().zip(documents) {
        if let Some(place) = results.get_mut(*index) {
            *place = match document {
                Ok(document) => from_document(document),
                Err(error) => Err(Reject::new(RejectCode::Schema, error.to_string())),
            };
        }
    }
    Ok(results)
}
