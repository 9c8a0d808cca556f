//! What a client is told when a statement fails: a code of the SQL standard or of PostgreSQL, and a sentence.
//!
//! The engine's errors name its own types and layers (`Arrow error: Cast error: ...`). Here they are said as PostgreSQL says
//! them.

use arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use pgwire::error::{ErrorInfo, PgWireError};
use tillsight_correlate::Error;
use tillsight_correlate::sql::{Refusal, Unplanned};
use tillsight_schemas::error::chain;
use uuid::Uuid;

/// What the engine puts before its sentences, however deep they are nested.
const PREFIXES: &[&str] = &[
    "Error during planning: ",
    "Execution error: ",
    "Internal error: ",
    "Schema error: ",
    "External error: ",
    "Arrow error: ",
    "Compute error: ",
];

/// What a client is told when a statement fails.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    /// The code of the SQL standard or of PostgreSQL.
    pub(super) sqlstate: &'static str,
    /// The sentence.
    pub(super) message: String,
}

impl Failure {
    /// Makes a failure.
    pub(super) fn new(sqlstate: &'static str, message: impl Into<String>) -> Self {
        Self { sqlstate, message: message.into() }
    }

    /// Whether the statement was refused, rather than wrong.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self.sqlstate, "42501" | "0A000")
    }

    /// A failure of ours: the client gets a number, the log the causes. Nothing about files reaches the client.
    pub(super) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        let incident = Uuid::new_v4();
        tracing::error!(%incident, error = chain(error), "a statement failed");
        Self::new("XX000", format!("internal error; the log names its causes under {incident}"))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self { sqlstate: refusal.sqlstate, message: refusal.message }
    }
}

impl From<Unplanned> for Failure {
    fn from(error: Unplanned) -> Self {
        match error {
            Unplanned::Refused(refusal) => refusal.into(),
            Unplanned::Wrong(error) => (*error).into(),
            Unplanned::Unready(error) => error.into(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::TailFull { .. } | Error::TailStale { .. } => Self::new("57P03", error.to_string()),
            other => Self::internal(&other),
        }
    }
}

impl From<DataFusionError> for Failure {
    fn from(error: DataFusionError) -> Self {
        let root = error.find_root();
        let sqlstate = match root {
            DataFusionError::ArrowError(error, _) => return Self::from(&**error),
            DataFusionError::Execution(text) => return of_values(&plain(text)),
            DataFusionError::ResourcesExhausted(text) => return exhausted(text),
            DataFusionError::IoError(error) if is_full(&error.to_string()) => return exhausted(&error.to_string()),
            DataFusionError::SQL(error, _) => return Self::new("42601", error.to_string()),
            DataFusionError::SchemaError(inner, _) => match inner.as_ref() {
                SchemaError::FieldNotFound { .. } => "42703",
                SchemaError::AmbiguousReference { .. } => "42702",
                _ => "42701",
            },
            DataFusionError::Plan(text) if text.contains("not found") && text.contains("table") => "42P01",
            DataFusionError::Plan(text) if text.contains("function") => "42883",
            DataFusionError::Plan(_) | DataFusionError::Configuration(_) => "42000",
            DataFusionError::NotImplemented(_) => "0A000",
            _ => return Self::internal(&error),
        };
        let message = root.message();
        Self::new(sqlstate, plain(message.split(DataFusionError::BACK_TRACE_SEP).next().unwrap_or_default()))
    }
}

impl From<&ArrowError> for Failure {
    fn from(error: &ArrowError) -> Self {
        match error {
            ArrowError::DivideByZero => Self::new("22012", "division by zero"),
            ArrowError::CastError(text)
            | ArrowError::ParseError(text)
            | ArrowError::ComputeError(text)
            | ArrowError::ArithmeticOverflow(text)
            | ArrowError::InvalidArgumentError(text) => of_values(&plain(text)),
            ArrowError::OffsetOverflowError(_) => {
                Self::new("54000", "a text or a list would become longer than 2 GiB: ask for less of it")
            }
            ArrowError::MemoryError(text) => exhausted(text),
            ArrowError::IoError(text, _) if is_full(text) => exhausted(text),
            ArrowError::NotYetImplemented(text) => Self::new("0A000", text.as_str()),
            other => Self::internal(other),
        }
    }
}

impl From<Failure> for PgWireError {
    fn from(failure: Failure) -> Self {
        Self::UserError(Box::new(ErrorInfo::new("ERROR".to_owned(), failure.sqlstate.to_owned(), failure.message)))
    }
}

/// A sentence without what the engine puts before it.
fn plain(text: &str) -> String {
    PREFIXES.iter().fold(text.to_owned(), |text, prefix| text.replace(prefix, ""))
}

/// What was to be made of values, and could not be.
fn of_values(text: &str) -> Failure {
    let cast = text.strip_prefix("Cannot cast").and_then(|cast| {
        let (value, data_type) = cast.split_once(" '")?.1.rsplit_once("' to value of ")?;
        Some(unreadable(value, &type_name(data_type.trim_end_matches(" type"))))
    });
    let time = || {
        let (value, _) = text.strip_prefix("Error parsing timestamp from '")?.rsplit_once("': ")?;
        Some(unreadable(value, "timestamp"))
    };
    if let Some(failure) = cast.or_else(time).or_else(|| too_large(text)) {
        return failure;
    }
    let lower = text.to_lowercase();
    match text.strip_prefix("Overflow happened on: ") {
        Some(sum) => Failure::new("22003", format!("out of range: {sum}")),
        None if lower.contains("overflow") => Failure::new("22003", text),
        None if lower.starts_with("invalid input syntax") => Failure::new("22007", text),
        None => Failure::new("22000", text),
    }
}

/// A value that is beyond what a type holds.
fn too_large(text: &str) -> Option<Failure> {
    if let Some(cast) = text.strip_prefix("Can't cast value ") {
        let (value, data_type) = cast.rsplit_once(" to type ")?;
        return Some(out_of_range(value, &type_name(data_type)));
    }
    if let Some(cast) = text.strip_prefix("Cannot cast to ") {
        let (data_type, value) = cast.split_once(". Overflowing on ")?;
        return Some(out_of_range(value, &type_name(data_type)));
    }
    let beyond = [" is too large to store", " is too small to store"];
    let (value, _) = beyond.iter().find_map(|words| text.split_once(words))?;
    Some(out_of_range(value, "numeric"))
}

/// A text that is no value of a type.
fn unreadable(value: &str, data_type: &str) -> Failure {
    let number = |value: &str| value.trim_start_matches(['-', '+']).bytes().all(|byte| byte.is_ascii_digit());
    let of_time = matches!(data_type, "date" | "time" | "timestamp");
    // With all the digits where they belong it is a time that there is not.
    let digits = value.bytes().take(4).filter(u8::is_ascii_digit).count();
    match data_type {
        "smallint" | "integer" | "bigint" if !value.is_empty() && number(value) => out_of_range(value, data_type),
        _ if of_time && digits >= 3 && value.contains(['-', ':']) => {
            Failure::new("22008", format!("date/time field value out of range: \"{value}\""))
        }
        _ => {
            let sqlstate = if of_time { "22007" } else { "22P02" };
            Failure::new(sqlstate, format!("invalid input syntax for type {data_type}: \"{value}\""))
        }
    }
}

fn out_of_range(value: &str, data_type: &str) -> Failure {
    Failure::new("22003", format!("value \"{value}\" is out of range for type {data_type}"))
}

/// What SQL calls a type of the engine.
fn type_name(engine: &str) -> String {
    let known = engine.split(['(', ' ']).next().unwrap_or(engine);
    match known {
        "Int8" | "Int16" => "smallint",
        "Int32" => "integer",
        "Int64" => "bigint",
        "Float16" | "Float32" => "real",
        "Float64" => "double precision",
        "Boolean" => "boolean",
        "Date32" | "Date64" => "date",
        "Time32" | "Time64" => "time",
        "Timestamp" => "timestamp",
        "Interval" => "interval",
        "Utf8" | "LargeUtf8" | "Utf8View" => "text",
        "Decimal32" | "Decimal64" | "Decimal128" | "Decimal256" => "numeric",
        _ => return engine.to_lowercase(),
    }
    .to_owned()
}

/// Whether the temporary files of all statements are as large as they may be.
fn is_full(text: &str) -> bool {
    text.contains("used disk space")
}

/// What there was not enough of.
fn exhausted(text: &str) -> Failure {
    if is_full(text) {
        return Failure::new(
            "53100",
            "the temporary files of all statements are as large as they may be (sql.spill_gib): ask for fewer rows or groups",
        );
    }
    if text.contains("allocate") {
        return Failure::new(
            "53200",
            "the statement needs more memory than there is for all of them (sql.memory_mib): ask for fewer rows or groups",
        );
    }
    Failure::new("53200", plain(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_says_of_values_is_said_in_words_of_sql() {
        let cases = [
            (ArrowError::DivideByZero, "22012", "division by zero"),
            (
                ArrowError::CastError("Cannot cast string 'it's' to value of Int32 type".into()),
                "22P02",
                "invalid input syntax for type integer: \"it's\"",
            ),
            (
                ArrowError::CastError("Cannot cast string '99999999999' to value of Int32 type".into()),
                "22003",
                "value \"99999999999\" is out of range for type integer",
            ),
            (
                ArrowError::CastError("Cannot cast value 'maybe' to value of Boolean type".into()),
                "22P02",
                "invalid input syntax for type boolean: \"maybe\"",
            ),
            (
                ArrowError::CastError("Cannot cast string '2026-13-01' to value of Date32 type".into()),
                "22008",
                "date/time field value out of range: \"2026-13-01\"",
            ),
            (
                ArrowError::ParseError("Error parsing timestamp from 'soon': error parsing date".into()),
                "22007",
                "invalid input syntax for type timestamp: \"soon\"",
            ),
            (
                ArrowError::CastError("Can't cast value 100000 to type Int16".into()),
                "22003",
                "value \"100000\" is out of range for type smallint",
            ),
            (
                ArrowError::CastError("Cannot cast to Decimal128(10, 2). Overflowing on 1e40".into()),
                "22003",
                "value \"1e40\" is out of range for type numeric",
            ),
            (ArrowError::ArithmeticOverflow("Overflow happened on: 9 * 9".into()), "22003", "out of range: 9 * 9"),
            (
                ArrowError::ComputeError("Execution error: cannot take square root of a negative number".into()),
                "22000",
                "cannot take square root of a negative number",
            ),
        ];
        for (error, sqlstate, message) in cases {
            let failure = Failure::from(DataFusionError::from(error));
            assert_eq!((failure.sqlstate, failure.message.as_str()), (sqlstate, message));
        }
    }

    #[test]
    fn what_is_planned_wrong_is_said_without_the_layers_of_the_engine() {
        let nested = "Function 'abs' failed: Error during planning: no such function".to_owned();
        let failure = Failure::from(DataFusionError::Plan(nested).context("type_coercion"));
        assert_eq!((failure.sqlstate, failure.message.as_str()), ("42883", "Function 'abs' failed: no such function"));
        let full = std::io::Error::other("The used disk space during the spilling process has exceeded the limit");
        assert_eq!(Failure::from(DataFusionError::IoError(full)).sqlstate, "53100");
    }
}
