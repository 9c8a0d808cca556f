//! What there is to ask for, as Flight SQL clients ask for it: catalogues, schemas, tables, types, abilities.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use arrow_flight::error::{FlightError, Result};
use arrow_flight::sql::metadata::{SqlInfoDataBuilder, XdbcTypeInfo, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{
    CommandGetCatalogs, CommandGetDbSchemas, CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables,
    CommandGetXdbcTypeInfo, Nullable, Searchable, SqlInfo, SqlSupportedCaseSensitivity, SqlSupportedTransaction,
    XdbcDataType,
};
use tillsight_correlate::sql::{CATALOG, Engine, Session};

/// What every table is called, so that clients which look for tables find them.
const TABLE: &str = "TABLE";
/// Where Flight SQL clients look for the comment of a column.
const REMARKS: &str = "ARROW:FLIGHT:SQL:REMARKS";

/// The one catalogue.
pub(super) fn catalogs(asked: CommandGetCatalogs) -> Result<RecordBatch> {
    let mut builder = asked.into_builder();
    builder.append(CATALOG);
    builder.build()
}

/// The schemas of the data.
pub(super) fn schemas(asked: CommandGetDbSchemas, session: &Session) -> Result<RecordBatch> {
    let mut builder = asked.into_builder();
    for schema in names(session) {
        builder.append(CATALOG, schema);
    }
    builder.build()
}

/// The tables of the data, on demand with their columns and what is said about those.
pub(super) async fn tables(asked: CommandGetTables, session: &Session) -> Result<RecordBatch> {
    let mut builder = asked.into_builder();
    let mut comments: HashMap<(String, String), HashMap<i32, String>> = HashMap::new();
    if builder.include_schema() {
        for comment in Engine::comments() {
            let of_table = comments.entry((comment.schema.to_owned(), comment.table)).or_default();
            of_table.insert(comment.column, comment.text);
        }
    }
    let catalog = session.context().catalog(CATALOG);
    for name in names(session) {
        let Some(schema) = catalog.as_ref().and_then(|catalog| catalog.schema(&name)) else { continue };
        let mut tables = schema.table_names();
        tables.sort();
        for table in tables {
            let columns = match builder.include_schema() {
                true => schema.table(&table).await.map_err(|error| FlightError::ExternalError(error.into()))?,
                false => None,
            };
            let columns = columns.map_or_else(Schema::empty, |columns| {
                described(&columns.schema(), comments.get(&(name.clone(), table.clone())))
            });
            builder.append(CATALOG, &name, &table, TABLE, &columns)?;
        }
    }
    builder.build()
}

/// The schemas of the data; PostgreSQL's own catalogue is for PostgreSQL's clients.
fn names(session: &Session) -> Vec<String> {
    let mut names = session.context().catalog(CATALOG).map(|catalog| catalog.schema_names()).unwrap_or_default();
    names.retain(|name| name != "pg_catalog" && name != "information_schema");
    names.sort();
    names
}

fn described(schema: &Schema, comments: Option<&HashMap<i32, String>>) -> Schema {
    let fields = (1..).zip(schema.fields()).map(|(number, field)| {
        let comment = comments.and_then(|comments| comments.get(&number));
        let about = comment.map(|comment| (REMARKS.to_owned(), comment.clone())).into_iter().collect();
        Field::clone(field).with_metadata(about)
    });
    Schema::new(fields.collect::<Fields>())
}

/// The one kind of table.
pub(super) fn table_types(asked: CommandGetTableTypes) -> Result<RecordBatch> {
    let mut builder = asked.into_builder();
    builder.append(TABLE);
    builder.build()
}

/// What this server can do.
pub(super) fn abilities(asked: CommandGetSqlInfo, timeout_seconds: i32) -> Result<RecordBatch> {
    let mut known = SqlInfoDataBuilder::new();
    known.append(SqlInfo::FlightSqlServerName, "Tillsight");
    known.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    known.append(SqlInfo::FlightSqlServerArrowVersion, "1.3");
    known.append(SqlInfo::FlightSqlServerReadOnly, true);
    known.append(SqlInfo::FlightSqlServerSql, true);
    known.append(SqlInfo::FlightSqlServerSubstrait, false);
    known.append(SqlInfo::FlightSqlServerTransaction, SqlSupportedTransaction::None as i32);
    known.append(SqlInfo::FlightSqlServerCancel, true);
    known.append(SqlInfo::FlightSqlServerBulkIngestion, false);
    known.append(SqlInfo::FlightSqlServerStatementTimeout, timeout_seconds.saturating_mul(1000));
    for ddl in [SqlInfo::SqlDdlCatalog, SqlInfo::SqlDdlSchema, SqlInfo::SqlDdlTable] {
        known.append(ddl, false);
    }
    known.append(SqlInfo::SqlIdentifierCase, SqlSupportedCaseSensitivity::SqlCaseSensitivityLowercase as i32);
    known.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    known.append(
        SqlInfo::SqlQuotedIdentifierCase,
        SqlSupportedCaseSensitivity::SqlCaseSensitivityCaseInsensitive as i32,
    );
    known.build()?.record_batch(asked.info)
}

/// The types of columns.
pub(super) fn types(asked: CommandGetXdbcTypeInfo) -> Result<RecordBatch> {
    let mut builder = XdbcTypeInfoDataBuilder::new();
    // Name, type, size, radix, what stands before and after a literal.
    type Known = (&'static str, XdbcDataType, Option<i32>, Option<i32>, Option<&'static str>);
    let known: [Known; 9] = [
        ("bigint", XdbcDataType::XdbcBigint, Some(64), Some(2), None),
        ("boolean", XdbcDataType::XdbcBit, Some(1), None, None),
        ("bytea", XdbcDataType::XdbcVarbinary, None, None, Some("'")),
        ("date", XdbcDataType::XdbcDate, Some(10), None, Some("'")),
        ("double precision", XdbcDataType::XdbcDouble, Some(53), Some(2), None),
        ("integer", XdbcDataType::XdbcInteger, Some(32), Some(2), None),
        ("numeric", XdbcDataType::XdbcNumeric, Some(38), Some(10), None),
        ("text", XdbcDataType::XdbcVarchar, None, None, Some("'")),
        ("timestamp", XdbcDataType::XdbcTimestamp, Some(32), None, Some("'")),
    ];
    for (name, data_type, column_size, num_prec_radix, literal) in known {
        builder.append(XdbcTypeInfo {
            type_name: name.to_owned(),
            data_type,
            column_size,
            literal_prefix: literal.map(str::to_owned),
            literal_suffix: literal.map(str::to_owned),
            create_params: None,
            nullable: Nullable::NullabilityNullable,
            case_sensitive: data_type == XdbcDataType::XdbcVarchar,
            searchable: Searchable::Full,
            unsigned_attribute: num_prec_radix.map(|_| false),
            fixed_prec_scale: false,
            auto_increment: Some(false),
            local_type_name: Some(name.to_owned()),
            minimum_scale: None,
            maximum_scale: None,
            sql_data_type: data_type,
            datetime_subcode: None,
            num_prec_radix,
            interval_precision: None,
        });
    }
    builder.build()?.record_batch(asked.data_type)
}

/// The keys of tables, of which none are declared.
pub(super) fn primary_keys() -> RecordBatch {
    let text = |name, nullable| Field::new(name, DataType::Utf8, nullable);
    none(vec![
        text("catalog_name", true),
        text("db_schema_name", true),
        text("table_name", false),
        text("column_name", false),
        text("key_name", true),
        Field::new("key_sequence", DataType::Int32, false),
    ])
}

/// The keys that name rows of other tables, of which none are declared.
pub(super) fn foreign_keys() -> RecordBatch {
    let text = |name, nullable| Field::new(name, DataType::Utf8, nullable);
    none(vec![
        text("pk_catalog_name", true),
        text("pk_db_schema_name", true),
        text("pk_table_name", false),
        text("pk_column_name", false),
        text("fk_catalog_name", true),
        text("fk_db_schema_name", true),
        text("fk_table_name", false),
        text("fk_column_name", false),
        Field::new("key_sequence", DataType::Int32, false),
        text("fk_key_name", true),
        text("pk_key_name", true),
        Field::new("update_rule", DataType::UInt8, false),
        Field::new("delete_rule", DataType::UInt8, false),
    ])
}

fn none(fields: Vec<Field>) -> RecordBatch {
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    RecordBatch::new_empty(schema)
}
