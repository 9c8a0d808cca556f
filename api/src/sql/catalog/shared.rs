//! Tables of `pg_catalog` that are the same for everybody: types, functions, operators.
//!
//! They come from `datafusion-pg-catalog`, with lists as lists; tables of which there is nothing here ([`EMPTY`]) have
//! their columns and no rows. Each is made once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::array::{
    ArrayBuilder, ArrayRef, AsArray, Int16Builder, Int32Builder, ListBuilder, RecordBatch, StringBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{CatalogProviderList, MemTable, MemoryCatalogProviderList};
use datafusion::error::Result;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::{
    ArrowTable, PG_CATALOG_TABLES, PgCatalogSchemaProvider, PgCatalogStaticTables, PgCatalogTable,
};

use super::super::rewrite::EMPTY;

/// Lists that the library has as texts. Columns whose names end in `acl` or `options` are lists of texts as well.
const LISTS: &[(&str, &str, DataType)] = &[
    ("pg_index", "indkey", DataType::Int16),
    ("pg_index", "indoption", DataType::Int16),
    ("pg_index", "indcollation", DataType::Int32),
    ("pg_index", "indclass", DataType::Int32),
    ("pg_constraint", "conkey", DataType::Int16),
    ("pg_constraint", "confkey", DataType::Int16),
    ("pg_constraint", "confdelsetcols", DataType::Int16),
    ("pg_constraint", "conpfeqop", DataType::Int32),
    ("pg_constraint", "conppeqop", DataType::Int32),
    ("pg_constraint", "conffeqop", DataType::Int32),
    ("pg_constraint", "conexclop", DataType::Int32),
    ("pg_proc", "proargtypes", DataType::Int32),
    ("pg_proc", "proallargtypes", DataType::Int32),
    ("pg_proc", "protrftypes", DataType::Int32),
    ("pg_proc", "proargmodes", DataType::Utf8),
    ("pg_proc", "proargnames", DataType::Utf8),
    ("pg_proc", "proconfig", DataType::Utf8),
    ("pg_publication_rel", "prattrs", DataType::Int16),
    ("pg_statistic_ext", "stxkeys", DataType::Int16),
    ("pg_statistic_ext", "stxkind", DataType::Utf8),
    ("pg_trigger", "tgattr", DataType::Int16),
];

/// Views of PostgreSQL that the library does not have; all their columns are texts, and none of them has rows.
const VIEWS: &[(&str, &[&str])] = &[
    ("pg_indexes", &["schemaname", "tablename", "indexname", "tablespace", "indexdef"]),
    ("pg_rules", &["schemaname", "tablename", "rulename", "definition"]),
    ("pg_policies", &["schemaname", "tablename", "policyname", "permissive", "roles", "cmd", "qual", "with_check"]),
    ("pg_sequences", &["schemaname", "sequencename", "sequenceowner", "data_type"]),
    ("pg_locks", &["locktype", "mode"]),
    ("pg_cursors", &["name", "statement"]),
    ("pg_prepared_statements", &["name", "statement"]),
];

/// The names of the tables of `pg_catalog`.
pub(super) fn table_names() -> Vec<String> {
    let mut names: Vec<&str> = PG_CATALOG_TABLES.to_vec();
    names.extend(VIEWS.iter().map(|(name, _)| *name));
    names.push("pg_user");
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(str::to_owned).collect()
}

/// Whether this is a table of `pg_catalog`.
pub(in super::super) fn is_system_table(name: &str) -> bool {
    name == "pg_user" || PG_CATALOG_TABLES.contains(&name) || VIEWS.iter().any(|(view, _)| *view == name)
}

/// The library's tables; they are the same for everybody.
struct Library {
    tables: PgCatalogSchemaProvider<Arc<dyn CatalogProviderList>, EmptyContextProvider>,
    keywords: Arc<ArrowTable>,
}

fn library() -> Option<&'static Library> {
    static LIBRARY: OnceLock<Option<Library>> = OnceLock::new();
    let open = || -> Result<Library> {
        let nothing: Arc<dyn CatalogProviderList> = Arc::new(MemoryCatalogProviderList::new());
        let tables = Arc::new(PgCatalogStaticTables::try_new()?);
        let keywords = Arc::clone(&tables.pg_get_keywords);
        Ok(Library { tables: PgCatalogSchemaProvider::try_new(nothing, tables, EmptyContextProvider)?, keywords })
    };
    LIBRARY
        .get_or_init(|| {
            open().inspect_err(|error| tracing::error!(%error, "PostgreSQL's catalogue cannot be read")).ok()
        })
        .as_ref()
}

/// What `pg_get_keywords()` gives.
pub(super) fn keywords() -> Option<Arc<ArrowTable>> {
    library().map(|library| Arc::clone(&library.keywords))
}

/// The rows of a table of the library.
pub(super) fn library_rows(name: &str) -> Vec<RecordBatch> {
    match library().map(|library| library.tables.build_table_by_name(name)) {
        Some(Ok(Some(PgCatalogTable::Static(table)))) => table.data().to_vec(),
        _ => Vec::new(),
    }
}

/// A table that is the same for everybody.
pub(super) fn shared_table(name: &str) -> Result<Option<Arc<MemTable>>> {
    static TABLES: Mutex<Option<HashMap<String, Arc<MemTable>>>> = Mutex::new(None);
    let mut tables = TABLES.lock().unwrap_or_else(PoisonError::into_inner);
    let tables = tables.get_or_insert_default();
    if let Some(table) = tables.get(name) {
        return Ok(Some(Arc::clone(table)));
    }
    let made = match VIEWS.iter().find(|(view, _)| *view == name) {
        Some((_, columns)) => empty(columns)?,
        None => match library().map(|library| library.tables.build_table_by_name(name)).transpose()?.flatten() {
            Some(table) => listed(name, &table)?,
            None => return Ok(None),
        },
    };
    tables.insert(name.to_owned(), Arc::clone(&made));
    Ok(Some(made))
}

fn listed(name: &str, table: &PgCatalogTable) -> Result<Arc<MemTable>> {
    let given = table.schema();
    let batches = match table {
        PgCatalogTable::Static(table) if !EMPTY.contains(&name) => table.data().to_vec(),
        _ => Vec::new(),
    };
    let item = |column: &str| {
        let known = LISTS.iter().find(|(table, list, _)| *table == name && *list == column);
        let texts = column.ends_with("acl") || column.ends_with("options");
        known.map(|(.., item)| item.clone()).or_else(|| texts.then_some(DataType::Utf8))
    };
    let fields = given.fields().iter().map(|field| match item(field.name()) {
        Some(item) if field.data_type() == &DataType::Utf8 => Field::new(field.name(), list_of(item), true),
        _ => Field::new(field.name(), field.data_type().clone(), true),
    });
    let schema = SchemaRef::new(Schema::new(fields.collect::<Vec<_>>()));
    let retyped = |batch: &RecordBatch| -> Result<RecordBatch> {
        let columns = schema.fields().iter().zip(batch.columns()).map(|(field, column)| match field.data_type() {
            DataType::List(item) if column.data_type() == &DataType::Utf8 => split(column, item.data_type()),
            _ => ArrayRef::clone(column),
        });
        Ok(RecordBatch::try_new(SchemaRef::clone(&schema), columns.collect())?)
    };
    let batches = batches.iter().map(retyped).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(MemTable::try_new(schema, vec![batches])?))
}

/// A list of items of this type.
pub(super) fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}

/// Lists from the ways in which the library writes them: `1 2`, `[1, 2]`, `['a', 'b']`.
fn split(column: &ArrayRef, item: &DataType) -> ArrayRef {
    fn lists<B: ArrayBuilder>(column: &ArrayRef, items: B, append: impl Fn(&mut B, &str)) -> ArrayRef {
        let mut lists = ListBuilder::new(items);
        for text in column.as_string::<i32>().iter() {
            let plain = text.unwrap_or_default().trim_matches(['[', ']', '{', '}']);
            for item in plain.split([',', ' ']).map(|item| item.trim_matches('\'')).filter(|item| !item.is_empty()) {
                append(lists.values(), item);
            }
            lists.append(text.is_some());
        }
        Arc::new(lists.finish())
    }
    match item {
        DataType::Int16 => lists(column, Int16Builder::new(), |items, text| items.append_option(text.parse().ok())),
        DataType::Int32 => lists(column, Int32Builder::new(), |items, text| items.append_option(text.parse().ok())),
        _ => lists(column, StringBuilder::new(), |items, text| items.append_value(text)),
    }
}

fn empty(columns: &[&str]) -> Result<Arc<MemTable>> {
    let fields: Vec<Field> = columns.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
    Ok(Arc::new(MemTable::try_new(SchemaRef::new(Schema::new(fields)), vec![vec![]])?))
}
