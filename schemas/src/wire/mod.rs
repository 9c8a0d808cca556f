//! One source for every form of a record.
//!
//! A record is written down once, with [`record!`](crate::record): its Rust struct, the documentation of its fields,
//! and a [`RecordType`] that describes it. From that description come the Avro schema ([`avro`]), the JSON Schema and
//! the checker that names every problem of a document ([`json`]), the Arrow schema and the conversions ([`columns`]),
//! and the comments that SQL shows for tables and columns.
//!
//! Codes (enumerations) travel as Avro strings, not Avro enums: a sender that is newer than we are must not make a
//! whole batch undecodable. [`json::check`] refuses unknown codes, one record at a time.

pub mod avro;
pub mod columns;
pub mod json;

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use crate::id;

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldType {
    /// UTF-8 text.
    Text,
    /// A signed 32-bit number.
    Int,
    /// A signed 64-bit number.
    Long,
    /// Yes or no.
    Bool,
    /// An instant in UTC, to the microsecond.
    Instant,
    /// A day of the calendar.
    Date,
    /// A UUID as text.
    Uuid,
    /// One of a closed list of codes.
    Code(&'static [&'static str]),
    /// Any number of the same.
    List(Box<Self>),
    /// A record within a record.
    Record(RecordType),
    /// May be absent.
    Optional(Box<Self>),
}

/// One field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name, the same in JSON, Avro, Arrow and SQL.
    pub name: &'static str,
    /// What it means, with unit and source.
    pub doc: String,
    /// What it holds.
    pub field_type: FieldType,
    /// Whether a sender may leave it out although it is never null here.
    pub defaulted: bool,
}

impl Field {
    /// What it means; of a code also which there are.
    pub fn comment(&self) -> String {
        let plain = match &self.field_type {
            FieldType::Optional(inner) => inner.as_ref(),
            other => other,
        };
        match plain {
            FieldType::Code(codes) => format!("{} One of {}.", self.doc, codes.join(", ")),
            _ => self.doc.clone(),
        }
    }
}

/// A record: its name and its fields, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordType {
    /// The name of the Rust struct, the Avro record and the JSON Schema title.
    pub name: &'static str,
    /// What one record is.
    pub doc: String,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// A type that can be a field.
pub trait Wire {
    /// Describes what the field holds.
    fn field_type() -> FieldType;
}

/// A struct declared with [`record!`](crate::record).
pub trait Record: Wire + serde::Serialize + serde::de::DeserializeOwned {
    /// Describes the record.
    fn record_type() -> RecordType;
}

macro_rules! wire {
    ($($t:ty => $f:expr;)*) => {$(
        impl Wire for $t {
            fn field_type() -> FieldType {
                $f
            }
        }
    )*};
}

wire! {
    String => FieldType::Text;
    i32 => FieldType::Int;
    i64 => FieldType::Long;
    bool => FieldType::Bool;
    DateTime<Utc> => FieldType::Instant;
    NaiveDate => FieldType::Date;
    Uuid => FieldType::Uuid;
    id::TenantId => FieldType::Text;
    id::StoreId => FieldType::Text;
    id::RegisterId => FieldType::Text;
    id::OperatorId => FieldType::Text;
    id::CameraId => FieldType::Text;
    id::IntegratorId => FieldType::Text;
    id::ZoneId => FieldType::Text;
    id::RuleId => FieldType::Text;
    crate::money::Currency => FieldType::Text;
}

impl<T: Wire> Wire for Vec<T> {
    fn field_type() -> FieldType {
        FieldType::List(Box::new(T::field_type()))
    }
}

impl<T: Wire> Wire for Option<T> {
    fn field_type() -> FieldType {
        FieldType::Optional(Box::new(T::field_type()))
    }
}

/// Adds a field to a description; called by [`record!`](crate::record) only.
#[doc(hidden)]
pub fn describe(fields: &mut Vec<Field>, name: &'static str, docs: &[&str], field_type: FieldType, mode: Option<&str>) {
    match (mode, field_type) {
        (Some("flatten"), FieldType::Record(inner)) => fields.extend(inner.fields),
        (mode, field_type) => {
            fields.push(Field { name, doc: sentence(docs), field_type, defaulted: mode == Some("default") });
        }
    }
}

/// Joins the lines of a doc comment.
#[doc(hidden)]
pub fn sentence(docs: &[&str]) -> String {
    docs.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

/// Declares a record: the struct, its serde form and its description.
///
/// A field marked `@default` may be left out by a sender; one marked `@flatten` is a record whose fields stand in
/// place of it.
#[macro_export]
macro_rules! record {
    ($(
        $(#[doc = $doc:literal])+
        pub struct $name:ident {
            $( $(#[doc = $fdoc:literal])* $(@$mode:ident)? $field:ident : $ty:ty, )*
        }
    )*) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub struct $name {
            $( $(#[doc = $fdoc])* $(#[serde($mode)])? pub $field: $ty, )*
        }

        impl $crate::wire::Wire for $name {
            fn field_type() -> $crate::wire::FieldType {
                $crate::wire::FieldType::Record(<$name as $crate::wire::Record>::record_type())
            }
        }

        impl $crate::wire::Record for $name {
            fn record_type() -> $crate::wire::RecordType {
                let mut fields = Vec::new();
                $( $crate::wire::describe(
                    &mut fields,
                    stringify!($field),
                    &[$($fdoc),*],
                    <$ty as $crate::wire::Wire>::field_type(),
                    [$(stringify!($mode))?].first().copied(),
                ); )*
                $crate::wire::RecordType {
                    name: stringify!($name),
                    doc: $crate::wire::sentence(&[$($doc),+]),
                    fields,
                }
            }
        }
    )*};
}

/// Declares a closed list of codes as an enum that travels as its code.
#[macro_export]
macro_rules! codes {
    ($(
        $(#[doc = $doc:literal])+
        pub enum $name:ident { $( $(#[doc = $cdoc:literal])+ $variant:ident = $code:literal, )* }
    )*) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $( $(#[doc = $cdoc])+ #[serde(rename = $code)] $variant, )* }

        impl $name {
            /// Every code, in order of declaration.
            pub const CODES: &'static [&'static str] = &[$($code),*];

            /// Every value, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code under which it travels.
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $code, )* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(code: &str) -> Result<Self, String> {
                match code {
                    $( $code => Ok(Self::$variant), )*
                    other => Err(format!("{other:?} is none of {}", Self::CODES.join(", "))),
                }
            }
        }

        impl $crate::wire::Wire for $name {
            fn field_type() -> $crate::wire::FieldType {
                $crate::wire::FieldType::Code(Self::CODES)
            }
        }
    )*};
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use serde_json::Value;

    use super::{avro, columns, json};
    use crate::alert::Alert;
    use crate::camera_event::CameraEvent;
    use crate::clip::ClipStatement;
    use crate::clock_offset::ClockOffset;
    use crate::detection::DetectionFrame;
    use crate::heartbeat::Heartbeat;
    use crate::hold::Hold;
    use crate::judgement::Judgement;
    use crate::pos::{PostedTransaction, Transaction};
    use crate::presence::PresenceTile;
    use crate::review::Review;
    use crate::segment::Segment;

    fn publishing() -> bool {
        std::env::var_os("TILLSIGHT_PUBLISH").is_some()
    }

    fn place(path: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
    }

    /// Compares a published schema with the declaration; `TILLSIGHT_PUBLISH=1` writes it anew.
    fn published(path: &str, current: &Value) {
        let path = place(path);
        let current = format!("{current:#}\n");
        if publishing() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &current).unwrap();
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(stored == current, "{} is out of date: run with TILLSIGHT_PUBLISH=1", path.display());
    }

    /// Schemas are those of the declaration, and the samples of version 1 are still read: the JSON document fits the
    /// schema, and the framed Avro value, once written, decodes to the same record for ever.
    fn both<T: avro::Avro + PartialEq + std::fmt::Debug>(file: &str) {
        published(&format!("avro/{file}.avsc"), &avro::schema::<T>());
        published(&format!("json/{file}.schema.json"), &json::schema::<T>());

        let text = std::fs::read(place(&format!("samples/v1/{file}.json"))).unwrap();
        let document: Value = serde_json::from_slice(&text).unwrap();
        assert!(json::check::<T>(&document).is_empty(), "{file}: {:?}", json::check::<T>(&document));
        let record: T = serde_json::from_value(document).unwrap();
        let framed = place(&format!("samples/v1/{file}.avro"));
        if publishing() && !framed.try_exists().unwrap() {
            std::fs::write(&framed, &avro::encode(std::slice::from_ref(&record)).unwrap()[0]).unwrap();
        }
        let decoded = avro::Decoder::<T>::new().decode(&[&std::fs::read(framed).unwrap()]).unwrap();
        assert!(decoded.failed.is_empty(), "{file}: {:?}", decoded.failed);
        assert_eq!(columns::from_batch::<T>(&decoded.batch).unwrap(), [record]);
    }

    #[test]
    fn published_schemas_are_those_of_the_declarations_and_old_samples_are_read() {
        both::<Transaction>("transaction");
        both::<PostedTransaction>("posted_transaction");
        both::<PresenceTile>("presence_tile");
        both::<CameraEvent>("camera_event");
        both::<DetectionFrame>("detection_frame");
        both::<Heartbeat>("heartbeat");
        both::<ClockOffset>("clock_offset");
        both::<Alert>("alert");
        both::<Judgement>("judgement");
        both::<Review>("review");
        both::<Segment>("segment");
        both::<Hold>("hold");
        both::<ClipStatement>("clip_statement");
    }
}
