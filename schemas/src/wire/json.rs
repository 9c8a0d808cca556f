//! JSON: the published JSON Schema, and a checker that names *every* problem of a document at once, by JSON Pointer
//! (RFC 6901), so that an integrator repairs a record in one round.
//!
//! JSON has one kind of number: `2051.0` is the whole number 2051 ([`whole`]). What comes from outside is [`settle`]d before it
//! is checked and read.

use chrono::{DateTime, NaiveDate};
use serde_json::{Map, Number, Value, json};
use uuid::Uuid;

use super::{Field, FieldType, Record, RecordType};

/// The JSON Schema (draft 2020-12) of a record.
pub fn schema<T: Record>() -> Value {
    let record = T::record_type();
    let mut schema = record_schema(&record);
    if let Value::Object(entries) = &mut schema {
        entries.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        entries.insert("title".to_owned(), json!(record.name));
    }
    schema
}

fn record_schema(record: &RecordType) -> Value {
    let properties: Map<String, Value> = record
        .fields
        .iter()
        .map(|field| {
            let mut schema = type_schema(&field.field_type);
            if let Value::Object(entries) = &mut schema {
                entries.insert("description".to_owned(), json!(field.doc));
                if has_no_sign(field.name) {
                    entries.insert("minimum".to_owned(), json!(0));
                }
            }
            (field.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<&str> = record.fields.iter().filter(|field| required(field)).map(|field| field.name).collect();
    json!({
        "type": "object",
        "description": record.doc,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// Amounts and quantities have no sign: what they do is said by kind, action or direction.
fn has_no_sign(name: &str) -> bool {
    name.ends_with("_minor") || name == "qty_milli"
}

fn required(field: &Field) -> bool {
    !field.defaulted && !matches!(field.field_type, FieldType::Optional(_))
}

/// The JSON Schema of what a field holds.
pub fn type_schema(field_type: &FieldType) -> Value {
    match field_type {
        FieldType::Text => json!({ "type": "string" }),
        FieldType::Int => json!({ "type": "integer", "minimum": i32::MIN, "maximum": i32::MAX }),
        FieldType::Long => json!({ "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX }),
        FieldType::Bool => json!({ "type": "boolean" }),
        FieldType::Instant => json!({ "type": "string", "format": "date-time" }),
        FieldType::Date => json!({ "type": "string", "format": "date" }),
        FieldType::Uuid => json!({ "type": "string", "format": "uuid" }),
        FieldType::Code(codes) => json!({ "type": "string", "enum": codes }),
        FieldType::List(item) => json!({ "type": "array", "items": type_schema(item) }),
        FieldType::Record(record) => record_schema(record),
        FieldType::Optional(inner) => match (&**inner, type_schema(inner)) {
            (FieldType::Code(codes), _) => {
                let codes: Vec<Value> = codes.iter().map(|code| json!(code)).chain([Value::Null]).collect();
                json!({ "type": ["string", "null"], "enum": codes })
            }
            (_, Value::Object(mut schema)) => {
                if let Some(kind) = schema.get("type").cloned() {
                    schema.insert("type".to_owned(), json!([kind, "null"]));
                }
                Value::Object(schema)
            }
            (_, schema) => schema,
        },
    }
}

/// Floats below it are exact when they are whole.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A number as a whole one, if it is. `3.0` is one: JSON does not tell it from `3`.
pub fn whole(number: &Number) -> Option<i64> {
    let exact = |float: &f64| float.fract() == 0.0 && float.abs() < EXACT;
    let written = || format!("{:.0}", number.as_f64().filter(exact)?).parse().ok();
    number.as_i64().or_else(written)
}

/// Writes every whole number of a document as one. No field of a record holds anything but whole numbers.
pub fn settle(document: &mut Value) {
    match document {
        Value::Number(number) => {
            if let Some(whole) = whole(number) {
                *number = whole.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(settle),
        Value::Object(entries) => entries.values_mut().for_each(settle),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where: a JSON Pointer, empty for the whole document.
    pub at: String,
    /// What, and what would be right.
    pub what: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = if self.at.is_empty() { "/" } else { &self.at };
        write!(f, "{at}: {}", self.what)
    }
}

/// How many problems of one document are listed.
const MOST_PROBLEMS: usize = 20;

/// Lists what is wrong with a [`settle`]d document, at most 20 problems; an empty list means that it can be read.
pub fn check<T: Record>(document: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    check_record(&T::record_type(), document, "", &mut problems);
    problems.truncate(MOST_PROBLEMS);
    problems
}

fn check_record(record: &RecordType, value: &Value, at: &str, problems: &mut Vec<Problem>) {
    let Value::Object(entries) = value else {
        problems.push(mismatch(at, "an object", value));
        return;
    };
    for field in &record.fields {
        let at = format!("{at}/{}", field.name);
        match entries.get(field.name) {
            Some(value) => check_value(&field.field_type, value, &at, problems),
            None if required(field) => problems.push(Problem { at, what: "is missing".to_owned() }),
            None => {}
        }
    }
    for name in entries.keys() {
        if !record.fields.iter().any(|field| field.name == name) {
            let what = match nearest(record, name) {
                Some(near) => format!("is not a field; did you mean `{near}`?"),
                None => "is not a field".to_owned(),
            };
            problems.push(Problem { at: format!("{at}/{}", name.chars().take(64).collect::<String>()), what });
        }
    }
}

fn check_value(field_type: &FieldType, value: &Value, at: &str, problems: &mut Vec<Problem>) {
    let expected = match (field_type, value) {
        (FieldType::Optional(_), Value::Null) => None,
        (FieldType::Optional(inner), value) => {
            check_value(inner, value, at, problems);
            None
        }
        (FieldType::Record(record), value) => {
            check_record(record, value, at, problems);
            None
        }
        (FieldType::List(item), Value::Array(values)) => {
            for (index, value) in values.iter().enumerate() {
                check_value(item, value, &format!("{at}/{index}"), problems);
            }
            None
        }
        (FieldType::Code(codes), Value::String(code)) if !codes.contains(&code.as_str()) => {
            Some(format!("one of {}", codes.join(", ")))
        }
        (FieldType::Text | FieldType::Code(_), Value::String(_)) | (FieldType::Bool, Value::Bool(_)) => None,
        (FieldType::Int, value) => {
            let fits = value.as_i64().is_some_and(|n| i32::try_from(n).is_ok());
            (!fits).then(|| "a whole number of 32 bits".to_owned())
        }
        (FieldType::Long, value) => value.as_i64().is_none().then(|| "a whole number of 64 bits".to_owned()),
        (FieldType::Instant, Value::String(text)) => {
            DateTime::parse_from_rfc3339(text).is_err().then(|| "an RFC 3339 instant".to_owned())
        }
        (FieldType::Date, Value::String(text)) => {
            text.parse::<NaiveDate>().is_err().then(|| "a date such as 2026-11-22".to_owned())
        }
        (FieldType::Uuid, Value::String(text)) => text.parse::<Uuid>().is_err().then(|| "a UUID".to_owned()),
        (FieldType::List(_), _) => Some("an array".to_owned()),
        (FieldType::Bool, _) => Some("true or false".to_owned()),
        _ => Some("a text".to_owned()),
    };
    if let Some(expected) = expected {
        problems.push(mismatch(at, &expected, value));
    }
}

fn mismatch(at: &str, expected: &str, value: &Value) -> Problem {
    let mut found: String = value.to_string().chars().take(40).collect();
    if found.chars().count() == 40 {
        found.push('…');
    }
    Problem { at: at.to_owned(), what: format!("must be {expected}, is {found}") }
}

/// The field whose name differs by the fewest letters, if by at most two.
fn nearest(record: &RecordType, name: &str) -> Option<&'static str> {
    let distance = |a: &str, b: &str| {
        let b: Vec<char> = b.chars().collect();
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for (i, x) in a.chars().enumerate() {
            let mut last = i;
            let mut next = vec![i + 1];
            for (j, y) in b.iter().enumerate() {
                let above = row.get(j + 1).copied().unwrap_or(usize::MAX);
                let left = next.last().copied().unwrap_or(usize::MAX);
                next.push((last + usize::from(x != *y)).min(above + 1).min(left + 1));
                last = above;
            }
            row = next;
        }
        row.last().copied().unwrap_or(usize::MAX)
    };
    record
        .fields
        .iter()
        .map(|field| (distance(name, field.name), field.name))
        .min()
        .filter(|(d, _)| *d <= 2)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pos::Transaction;

    #[test]
    fn every_problem_of_a_record_is_named_at_once() {
        let mut sale: Value = serde_json::from_str(include_str!("../../samples/v1/transaction.json")).unwrap();
        sale["kind"] = json!("SELL");
        sale["operater_id"] = json!("1042");
        sale["lines"][0]["qty_milli"] = json!(1.5);
        sale.as_object_mut().unwrap().remove("register_id");
        let problems: Vec<String> = check::<Transaction>(&sale).iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), 4, "{problems:#?}");
        assert!(problems.contains(&"/register_id: is missing".to_owned()));
        assert!(problems.contains(&"/operater_id: is not a field; did you mean `operator_id`?".to_owned()));
        assert!(problems.contains(&"/lines/0/qty_milli: must be a whole number of 64 bits, is 1.5".to_owned()));
    }

    #[test]
    fn what_is_published_is_what_is_checked() {
        let schema = schema::<Transaction>();
        assert_eq!(schema["properties"]["kind"]["enum"][0], json!("SALE"));
        assert_eq!(
            schema["properties"]["tenders"]["items"]["properties"]["direction"]["enum"],
            json!(["IN", "OUT", "NONE"])
        );
        assert!(!schema["required"].as_array().unwrap().contains(&json!("lines")));
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_fraction_of_zero() {
        let mut sale: Value = serde_json::from_str(include_str!("../../samples/v1/transaction.json")).unwrap();
        let plain: Transaction = serde_json::from_value(sale.clone()).unwrap();
        sale["revision"] = json!(-0.0);
        sale["total_minor"] = json!(2051.0);
        sale["lines"][0]["qty_milli"] = json!(1000.0);
        settle(&mut sale);
        assert_eq!(check::<Transaction>(&sale), []);
        assert_eq!(serde_json::from_value::<Transaction>(sale).unwrap(), plain);
        for (text, expected) in [
            ("1e3", Some(1_000)),
            ("-2.0", Some(-2)),
            ("1.5", None),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("9007199254740993.0", None),
        ] {
            assert_eq!(whole(&serde_json::from_str(text).unwrap()), expected, "{text}");
        }
    }
}
