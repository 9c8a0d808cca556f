//! PostgreSQL's types: their names, and how a column of the engine looks as one of them.

use std::collections::HashMap;
use std::sync::OnceLock;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int16Type, Int32Type};
use datafusion_postgres::arrow_pg::datatypes::into_pg_type;
use pgwire::api::Type;

use super::shared;

/// What `pg_type` says of a type that a column may have.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// Its name in `pg_type`.
    pub(super) name: String,
    /// Bytes of a value; -1 if that differs.
    pub(super) length: i16,
    /// Whether values are passed by value.
    pub(super) by_value: bool,
    /// How values are aligned.
    pub(super) align: String,
    /// How values are stored.
    pub(super) storage: String,
}

#[derive(Debug, Default)]
struct Types {
    ids: HashMap<String, i32>,
    facts: HashMap<i32, Facts>,
}

fn types() -> &'static Types {
    static TYPES: OnceLock<Types> = OnceLock::new();
    TYPES.get_or_init(|| {
        let mut types = Types::default();
        for batch in shared::library_rows("pg_type") {
            read(&batch, &mut types);
        }
        types
    })
}

fn read(batch: &RecordBatch, types: &mut Types) {
    let text = |name: &str| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
    let ids = batch.column_by_name("oid").and_then(|column| column.as_primitive_opt::<Int32Type>());
    let lengths = batch.column_by_name("typlen").and_then(|column| column.as_primitive_opt::<Int16Type>());
    let by_value = batch.column_by_name("typbyval").and_then(|column| column.as_boolean_opt());
    let (Some(ids), Some(names), Some(lengths), Some(by_value), Some(aligns), Some(storages)) =
        (ids, text("typname"), lengths, by_value, text("typalign"), text("typstorage"))
    else {
        return;
    };
    for row in 0..batch.num_rows() {
        let id = ids.value(row);
        let name = names.value(row).to_owned();
        types.ids.entry(name.clone()).or_insert(id);
        types.facts.insert(
            id,
            Facts {
                name,
                length: lengths.value(row),
                by_value: by_value.value(row),
                align: aligns.value(row).to_owned(),
                storage: storages.value(row).to_owned(),
            },
        );
    }
}

/// The id of a type by its name, in `pg_type` or in SQL.
pub(super) fn id(name: &str) -> Option<i32> {
    let name = name.trim().to_lowercase();
    let name = name.trim_start_matches("pg_catalog.").replace('"', "");
    let plain = match name.as_str() {
        "boolean" => "bool",
        "smallint" => "int2",
        "integer" | "int" => "int4",
        "bigint" => "int8",
        "real" => "float4",
        "double precision" => "float8",
        "character varying" => "varchar",
        "decimal" => "numeric",
        "timestamp without time zone" => "timestamp",
        "timestamp with time zone" => "timestamptz",
        "time without time zone" => "time",
        "time with time zone" => "timetz",
        other => other,
    };
    match plain.strip_suffix("[]") {
        Some(item) => types().ids.get(&format!("_{}", types().facts.get(&id(item)?)?.name)).copied(),
        None => types().ids.get(plain).copied(),
    }
}

/// What SQL calls the type of this id; its number, if there is none.
pub(super) fn name(id: i32) -> String {
    types().facts.get(&id).map_or_else(|| id.to_string(), |facts| sql_name(&facts.name))
}

/// What is known of the type of this id.
pub(super) fn facts(id: i32) -> Option<&'static Facts> {
    types().facts.get(&id)
}

/// What SQL calls a type of `pg_type`.
fn sql_name(name: &str) -> String {
    let plain = match name {
        "bool" => "boolean",
        "int2" => "smallint",
        "int4" => "integer",
        "int8" => "bigint",
        "float4" => "real",
        "float8" => "double precision",
        "varchar" => "character varying",
        "bpchar" => "character",
        "timestamp" => "timestamp without time zone",
        "timestamptz" => "timestamp with time zone",
        "time" => "time without time zone",
        "timetz" => "time with time zone",
        "char" => "\"char\"",
        other => match other.strip_prefix('_') {
            Some(item) => return format!("{}[]", sql_name(item)),
            None => other,
        },
    };
    plain.to_owned()
}

/// A column of the engine as one of PostgreSQL's.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// Its type.
    pub(super) id: i32,
    /// The type's name in `pg_type`.
    pub(super) udt: String,
    /// What `information_schema` calls the type.
    pub(super) name: String,
    /// Digits and decimals in one number, as `pg_attribute` has them; -1 without.
    pub(super) modifier: i32,
    /// Digits of a number.
    pub(super) precision: Option<i32>,
    /// Decimals of a number.
    pub(super) scale: Option<i32>,
    /// Decimals of the seconds of a time.
    pub(super) time_precision: Option<i32>,
    /// How many dimensions a list has.
    pub(super) dimensions: i32,
}

impl Column {
    /// The type of a column of the engine; what has no counterpart travels as text.
    pub(super) fn of(data_type: &DataType) -> Self {
        let wire = into_pg_type(data_type).unwrap_or(Type::TEXT);
        let id = i32::try_from(wire.oid()).unwrap_or(25);
        let udt = facts(id).map_or_else(|| wire.name().to_owned(), |facts| facts.name.clone());
        let list = matches!(data_type, DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..));
        let (precision, scale) = match (data_type, wire) {
            (DataType::Decimal128(precision, scale), _) => (Some(i32::from(*precision)), Some(i32::from(*scale))),
            (_, Type::INT2) => (Some(16), Some(0)),
            (_, Type::INT4) => (Some(32), Some(0)),
            (_, Type::INT8) => (Some(64), Some(0)),
            (_, Type::FLOAT4) => (Some(24), None),
            (_, Type::FLOAT8) => (Some(53), None),
            _ => (None, None),
        };
        let modifier = match data_type {
            DataType::Decimal128(precision, scale) => ((i32::from(*precision) << 16) | i32::from(*scale)) + 4,
            _ => -1,
        };
        let time_precision = match data_type {
            DataType::Timestamp(..) | DataType::Time32(_) | DataType::Time64(_) => Some(6),
            DataType::Date32 | DataType::Date64 => Some(0),
            _ => None,
        };
        let name = if list { "ARRAY".to_owned() } else { sql_name(&udt) };
        Self { id, udt, name, modifier, precision, scale, time_precision, dimensions: i32::from(list) }
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{Field, TimeUnit};

    use super::*;

    #[test]
    fn columns_have_the_types_of_postgresql() {
        let of = |data_type: &DataType| {
            let column = Column::of(data_type);
            (column.name, column.udt, column.modifier)
        };
        assert_eq!(of(&DataType::Utf8), ("text".into(), "text".into(), -1));
        assert_eq!(of(&DataType::Decimal128(18, 2)), ("numeric".into(), "numeric".into(), ((18 << 16) | 2) + 4));
        let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        assert_eq!(of(&instant), ("timestamp with time zone".into(), "timestamptz".into(), -1));
        let list = DataType::List(std::sync::Arc::new(Field::new_list_field(DataType::Utf8, true)));
        assert_eq!(of(&list), ("ARRAY".into(), "_text".into(), -1));
    }

    #[test]
    fn types_are_found_by_either_name() {
        for (name, expected) in [("int4", Some(23)), ("integer", Some(23)), ("text[]", Some(1009)), ("hstore", None)] {
            assert_eq!(id(name), expected, "{name}");
        }
        assert_eq!((name(1184), name(1009)), ("timestamp with time zone".to_owned(), "text[]".to_owned()));
    }
}
