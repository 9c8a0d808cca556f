//! `information_schema`: the catalogue as the SQL standard has it.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::catalog::MemTable;
use datafusion::error::Result;
use tillsight_correlate::sql::CATALOG;

use super::Names;
use super::sheet::Sheet;
use super::types::Column;

/// Its tables.
pub(super) const NAMES: &[&str] = &[
    "character_sets",
    "columns",
    "key_column_usage",
    "referential_constraints",
    "schemata",
    "table_constraints",
    "tables",
    "views",
];

/// Makes its tables: `columns` are those of every relation, in the order of `names`.
///
/// # Errors
/// [`datafusion::error::DataFusionError`] when the columns of a table do not fit together, which is a defect.
pub(super) fn tables(names: &Names, columns: &[Vec<(Field, Column)>]) -> Result<HashMap<&'static str, Arc<MemTable>>> {
    let nothing = |names: &[&'static str]| Sheet::new(0).null(names, &DataType::Utf8).table();
    Ok(HashMap::from([
        ("schemata", schemata(names)?),
        ("tables", of_tables(names)?),
        ("columns", of_columns(names, columns)?),
        ("views", nothing(&["table_catalog", "table_schema", "table_name", "view_definition", "is_updatable"])?),
        ("character_sets", Sheet::new(1).same(&["character_set_name"], "UTF8").table()?),
        (
            "table_constraints",
            nothing(&[
                "constraint_catalog",
                "constraint_schema",
                "constraint_name",
                "table_catalog",
                "table_schema",
                "table_name",
                "constraint_type",
            ])?,
        ),
        (
            "key_column_usage",
            Sheet::new(0)
                .null(
                    &[
                        "constraint_catalog",
                        "constraint_schema",
                        "constraint_name",
                        "table_catalog",
                        "table_schema",
                        "table_name",
                        "column_name",
                    ],
                    &DataType::Utf8,
                )
                .null(&["ordinal_position", "position_in_unique_constraint"], &DataType::Int32)
                .table()?,
        ),
        (
            "referential_constraints",
            nothing(&[
                "constraint_catalog",
                "constraint_schema",
                "constraint_name",
                "unique_constraint_catalog",
                "unique_constraint_schema",
                "unique_constraint_name",
                "match_option",
                "update_rule",
                "delete_rule",
            ])?,
        ),
    ]))
}

fn schemata(names: &Names) -> Result<Arc<MemTable>> {
    let schemas = names.schemas();
    Sheet::new(schemas.len())
        .same(&["catalog_name"], CATALOG)
        .texts("schema_name", schemas.iter().map(|(name, _)| Some(name)))
        .null(&["schema_owner", "default_character_set_name", "sql_path"], &DataType::Utf8)
        .table()
}

fn of_tables(names: &Names) -> Result<Arc<MemTable>> {
    let relations = names.relations();
    Sheet::new(relations.len())
        .same(&["table_catalog"], CATALOG)
        .texts("table_schema", relations.iter().map(|relation| Some(&relation.schema)))
        .texts("table_name", relations.iter().map(|relation| Some(&relation.name)))
        .texts("table_type", relations.iter().map(|r| Some(if r.is_view { "VIEW" } else { "BASE TABLE" })))
        .same(&["is_insertable_into", "is_typed"], "NO")
        .null(&["self_referencing_column_name", "commit_action"], &DataType::Utf8)
        .table()
}

fn of_columns(names: &Names, columns: &[Vec<(Field, Column)>]) -> Result<Arc<MemTable>> {
    let all: Vec<_> = names
        .relations()
        .iter()
        .zip(columns)
        .flat_map(|(relation, columns)| {
            columns.iter().enumerate().map(move |(place, (field, column))| (relation, place, field, column))
        })
        .collect();
    Sheet::new(all.len())
        .same(&["table_catalog"], CATALOG)
        .texts("table_schema", all.iter().map(|(relation, ..)| Some(&relation.schema)))
        .texts("table_name", all.iter().map(|(relation, ..)| Some(&relation.name)))
        .texts("column_name", all.iter().map(|(_, _, field, _)| Some(field.name())))
        .numbers("ordinal_position", all.iter().map(|(_, place, ..)| i32::try_from(place + 1).ok()))
        .null(&["column_default"], &DataType::Utf8)
        .texts("is_nullable", all.iter().map(|(_, _, f, _)| Some(if f.is_nullable() { "YES" } else { "NO" })))
        .texts("data_type", all.iter().map(|(.., column)| Some(&column.name)))
        .null(&["character_maximum_length", "character_octet_length"], &DataType::Int32)
        .numbers("numeric_precision", all.iter().map(|(.., column)| column.precision))
        .numbers("numeric_precision_radix", all.iter().map(|(.., column)| column.precision.map(|_| radix(column))))
        .numbers("numeric_scale", all.iter().map(|(.., column)| column.scale))
        .numbers("datetime_precision", all.iter().map(|(.., column)| column.time_precision))
        .null(&["interval_type", "character_set_name", "collation_name", "domain_name"], &DataType::Utf8)
        .same(&["udt_catalog"], CATALOG)
        .same(&["udt_schema"], "pg_catalog")
        .texts("udt_name", all.iter().map(|(.., column)| Some(&column.udt)))
        .texts("dtd_identifier", all.iter().map(|(_, place, ..)| Some((place + 1).to_string())))
        .same(&["is_identity", "is_updatable"], "NO")
        .same(&["is_generated"], "NEVER")
        .null(&["identity_generation", "generation_expression"], &DataType::Utf8)
        .table()
}

/// Whether the digits of a number are decimal or binary.
fn radix(column: &Column) -> i32 {
    if column.udt == "numeric" { 10 } else { 2 }
}
