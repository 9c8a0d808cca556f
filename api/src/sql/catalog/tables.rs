//! The tables of `pg_catalog` and `information_schema`.
//!
//! What does not depend on the session (types, functions, operators) comes from `datafusion-pg-catalog`, with lists as
//! lists; tables of which there is nothing here ([`EMPTY`]) have their columns and no rows. What says something of the
//! tables of this session is made from them once, when it is first asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::array::{
    ArrayBuilder, ArrayRef, AsArray, BooleanArray, Int16Builder, Int32Array, Int32Builder, ListBuilder, RecordBatch,
    StringArray, StringBuilder, new_null_array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{CatalogProviderList, MemTable, MemoryCatalogProviderList, SchemaProvider, TableProvider};
use datafusion::error::Result;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::{
    ArrowTable, PG_CATALOG_TABLES, PgCatalogSchemaProvider, PgCatalogStaticTables, PgCatalogTable,
};
use tokio::sync::OnceCell;

use super::super::rewrite::EMPTY;
use super::super::settings::Settings;
use super::information;
use super::types::Column;
use super::{Names, OWNER, Source};

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

/// Tables that are made from those of the session.
const OF_SESSION: &[&str] = &[
    "pg_attribute",
    "pg_class",
    "pg_database",
    "pg_description",
    "pg_namespace",
    "pg_roles",
    "pg_settings",
    "pg_tables",
    "pg_user",
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
fn shared_table(name: &str) -> Result<Option<Arc<MemTable>>> {
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

/// The columns of a table, each with its rows.
#[derive(Debug)]
pub(super) struct Sheet {
    rows: usize,
    columns: Vec<(&'static str, ArrayRef)>,
}

impl Sheet {
    /// A sheet of so many rows.
    pub(super) fn new(rows: usize) -> Self {
        Self { rows, columns: Vec::new() }
    }

    /// Adds a column of texts.
    pub(super) fn texts<T: AsRef<str>>(
        mut self,
        name: &'static str,
        values: impl IntoIterator<Item = Option<T>>,
    ) -> Self {
        self.columns.push((name, Arc::new(values.into_iter().collect::<StringArray>())));
        self
    }

    /// Adds a column of numbers.
    pub(super) fn numbers(mut self, name: &'static str, values: impl IntoIterator<Item = Option<i32>>) -> Self {
        self.columns.push((name, Arc::new(values.into_iter().collect::<Int32Array>())));
        self
    }

    /// Adds a column of small numbers.
    fn small(mut self, name: &'static str, values: impl IntoIterator<Item = Option<i16>>) -> Self {
        self.columns.push((name, Arc::new(values.into_iter().collect::<arrow::array::Int16Array>())));
        self
    }

    /// Adds a column of truths.
    fn truths(mut self, name: &'static str, values: impl IntoIterator<Item = Option<bool>>) -> Self {
        self.columns.push((name, Arc::new(values.into_iter().collect::<BooleanArray>())));
        self
    }

    /// Adds columns that say the same text in every row.
    pub(super) fn same(mut self, names: &[&'static str], value: &str) -> Self {
        for name in names {
            let values: StringArray = (0..self.rows).map(|_| Some(value)).collect();
            self.columns.push((name, Arc::new(values)));
        }
        self
    }

    /// Adds columns that say the same number in every row.
    fn all(mut self, names: &[&'static str], value: i32) -> Self {
        for name in names {
            self.columns.push((name, Arc::new(Int32Array::from(vec![value; self.rows]))));
        }
        self
    }

    /// Adds columns that say yes or no in every row.
    fn every(mut self, names: &[&'static str], value: bool) -> Self {
        for name in names {
            self.columns.push((name, Arc::new(BooleanArray::from(vec![value; self.rows]))));
        }
        self
    }

    /// Adds columns that are null in every row.
    pub(super) fn null(mut self, names: &[&'static str], data_type: &DataType) -> Self {
        for name in names {
            self.columns.push((name, new_null_array(data_type, self.rows)));
        }
        self
    }

    /// The table.
    pub(super) fn table(self) -> Result<Arc<MemTable>> {
        let fields: Vec<Field> =
            self.columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
        let schema = SchemaRef::new(Schema::new(fields));
        let columns = self.columns.into_iter().map(|(_, column)| column).collect();
        let rows = RecordBatch::try_new(SchemaRef::clone(&schema), columns)?;
        Ok(Arc::new(MemTable::try_new(schema, vec![vec![rows]])?))
    }
}

/// The tables of a session, as its catalogue tells of them.
#[derive(Debug)]
pub(super) struct Tables {
    /// The schemas that hold data.
    pub(super) source: Source,
    /// The ids of everything that has a name.
    pub(super) names: Arc<Names>,
    /// The only role.
    pub(super) user: String,
    /// The settings of the connection.
    pub(super) settings: Arc<Mutex<Settings>>,
    /// What was made already.
    pub(super) made: OnceCell<HashMap<&'static str, Arc<MemTable>>>,
}

impl Tables {
    /// A table that tells of this session.
    pub(super) async fn of_session(&self, name: &str) -> Result<Option<Arc<MemTable>>> {
        if name == "pg_settings" {
            return self.settings().map(Some);
        }
        Ok(self.made.get_or_try_init(|| self.make()).await?.get(name).cloned())
    }

    async fn make(&self) -> Result<HashMap<&'static str, Arc<MemTable>>> {
        let mut columns: Vec<Vec<(Field, Column)>> = Vec::new();
        for relation in self.names.relations() {
            let schema = match relation.schema.as_str() {
                "pg_catalog" if OF_SESSION.contains(&relation.name.as_str()) => None,
                "pg_catalog" => shared_table(&relation.name)?.map(|table| table.schema()),
                schema => self.source.table(schema, &relation.name).await?.map(|table| table.schema()),
            };
            let fields = schema.iter().flat_map(|schema| schema.fields().iter());
            columns.push(fields.map(|f| (f.as_ref().clone(), Column::of(f.data_type()))).collect());
        }
        let mut made = information::tables(&self.names, &columns)?;
        made.insert("pg_class", self.classes(&columns)?);
        made.insert("pg_attribute", self.attributes(&columns)?);
        made.insert("pg_namespace", self.namespaces()?);
        made.insert("pg_tables", self.tables()?);
        made.insert("pg_description", self.names.descriptions()?);
        made.insert("pg_database", database()?);
        made.insert("pg_roles", self.roles()?);
        made.insert(
            "pg_user",
            Sheet::new(1).texts("usename", [Some(&self.user)]).numbers("usesysid", [Some(OWNER)]).table()?,
        );
        Ok(made)
    }

    fn classes(&self, columns: &[Vec<(Field, Column)>]) -> Result<Arc<MemTable>> {
        let relations = self.names.relations();
        let count = relations.len();
        Sheet::new(count)
            .numbers("oid", relations.iter().map(|r| Some(r.id)))
            .texts("relname", relations.iter().map(|r| Some(&r.name)))
            .numbers("relnamespace", relations.iter().map(|r| Some(r.schema_id)))
            .all(&["reltype", "reloftype", "relam", "relfilenode", "reltablespace", "relpages"], 0)
            .all(&["relowner"], OWNER)
            .null(&["reltuples"], &DataType::Float32)
            .all(&["relallvisible", "reltoastrelid", "relrewrite", "relfrozenxid", "relminmxid"], 0)
            .every(&["relhasindex", "relisshared", "relhasrules", "relhastriggers", "relhassubclass"], false)
            .every(&["relrowsecurity", "relforcerowsecurity", "relispartition"], false)
            .every(&["relispopulated"], true)
            .same(&["relpersistence"], "p")
            .texts("relkind", relations.iter().map(|r| Some(if r.is_view { "v" } else { "r" })))
            .small("relnatts", columns.iter().map(|columns| i16::try_from(columns.len()).ok()))
            .small("relchecks", (0..count).map(|_| Some(0)))
            .same(&["relreplident"], "n")
            .null(&["relacl", "reloptions"], &list_of(DataType::Utf8))
            .null(&["relpartbound"], &DataType::Utf8)
            .table()
    }

    fn attributes(&self, columns: &[Vec<(Field, Column)>]) -> Result<Arc<MemTable>> {
        let relations = self.names.relations().iter().zip(columns);
        let all: Vec<(i32, usize, &Field, &Column)> = relations
            .flat_map(|(relation, columns)| {
                columns.iter().enumerate().map(|(place, (field, column))| (relation.id, place + 1, field, column))
            })
            .collect();
        let facts = |column: &Column| super::types::facts(column.id);
        Sheet::new(all.len())
            .numbers("attrelid", all.iter().map(|(id, ..)| Some(*id)))
            .texts("attname", all.iter().map(|(_, _, field, _)| Some(field.name())))
            .numbers("atttypid", all.iter().map(|(.., column)| Some(column.id)))
            .all(&["attstattarget"], -1)
            .small("attlen", all.iter().map(|(.., column)| Some(facts(column).map_or(-1, |facts| facts.length))))
            .small("attnum", all.iter().map(|(_, place, ..)| i16::try_from(*place).ok()))
            .numbers("attndims", all.iter().map(|(.., column)| Some(column.dimensions)))
            .all(&["attcacheoff"], -1)
            .numbers("atttypmod", all.iter().map(|(.., column)| Some(column.modifier)))
            .truths("attbyval", all.iter().map(|(.., column)| Some(facts(column).is_some_and(|facts| facts.by_value))))
            .texts(
                "attalign",
                all.iter().map(|(.., column)| Some(facts(column).map_or("i", |facts| facts.align.as_str()))),
            )
            .texts(
                "attstorage",
                all.iter().map(|(.., column)| Some(facts(column).map_or("x", |facts| facts.storage.as_str()))),
            )
            .same(&["attcompression", "attidentity", "attgenerated"], "")
            .truths("attnotnull", all.iter().map(|(_, _, field, _)| Some(!field.is_nullable())))
            .every(&["atthasdef", "atthasmissing", "attisdropped"], false)
            .every(&["attislocal"], true)
            .all(&["attinhcount", "attcollation"], 0)
            .null(&["attacl", "attoptions", "attfdwoptions"], &list_of(DataType::Utf8))
            .null(&["attmissingval"], &DataType::Utf8)
            .table()
    }

    fn namespaces(&self) -> Result<Arc<MemTable>> {
        let schemas = self.names.schemas();
        Sheet::new(schemas.len())
            .numbers("oid", schemas.iter().map(|(_, id)| Some(*id)))
            .texts("nspname", schemas.iter().map(|(name, _)| Some(name)))
            .all(&["nspowner"], OWNER)
            .null(&["nspacl"], &list_of(DataType::Utf8))
            .table()
    }

    fn tables(&self) -> Result<Arc<MemTable>> {
        let tables: Vec<_> = self.names.relations().iter().filter(|relation| !relation.is_view).collect();
        Sheet::new(tables.len())
            .texts("schemaname", tables.iter().map(|r| Some(&r.schema)))
            .texts("tablename", tables.iter().map(|r| Some(&r.name)))
            .same(&["tableowner"], &self.user)
            .null(&["tablespace"], &DataType::Utf8)
            .every(&["hasindexes", "hasrules", "hastriggers", "rowsecurity"], false)
            .table()
    }

    fn roles(&self) -> Result<Arc<MemTable>> {
        Sheet::new(1)
            .texts("rolname", [Some(&self.user)])
            .every(&["rolsuper", "rolcreaterole", "rolcreatedb", "rolreplication", "rolbypassrls"], false)
            .every(&["rolinherit", "rolcanlogin"], true)
            .all(&["rolconnlimit"], -1)
            .null(&["rolpassword", "rolvaliduntil"], &DataType::Utf8)
            .null(&["rolconfig"], &list_of(DataType::Utf8))
            .all(&["oid"], OWNER)
            .table()
    }

    fn settings(&self) -> Result<Arc<MemTable>> {
        let all = self.settings.lock().unwrap_or_else(PoisonError::into_inner).all();
        Sheet::new(all.len())
            .texts("name", all.iter().map(|(name, _)| Some(name)))
            .texts("setting", all.iter().map(|(_, value)| Some(value)))
            .null(&["unit", "extra_desc", "min_val", "max_val", "boot_val", "sourcefile"], &DataType::Utf8)
            .null(&["enumvals"], &list_of(DataType::Utf8))
            .same(&["category"], "Tillsight")
            .same(&["short_desc"], "")
            .same(&["context"], "user")
            .same(&["vartype"], "string")
            .same(&["source"], "default")
            .texts("reset_val", all.iter().map(|(_, value)| Some(value)))
            .null(&["sourceline"], &DataType::Int32)
            .every(&["pending_restart"], false)
            .table()
    }
}

fn database() -> Result<Arc<MemTable>> {
    Sheet::new(1)
        .numbers("oid", [Some(super::DATABASE)])
        .same(&["datname"], tillsight_correlate::sql::CATALOG)
        .all(&["datdba"], OWNER)
        .all(&["encoding"], 6)
        .same(&["datlocprovider"], "c")
        .same(&["datcollate", "datctype"], "C.UTF-8")
        .every(&["datistemplate"], false)
        .every(&["datallowconn"], true)
        .all(&["datconnlimit"], -1)
        .all(&["datlastsysoid", "datfrozenxid", "datminmxid", "dattablespace"], 0)
        .null(&["daticulocale", "daticurules", "datcollversion"], &DataType::Utf8)
        .null(&["datacl"], &list_of(DataType::Utf8))
        .table()
}

/// `pg_catalog`.
#[derive(Debug)]
pub(super) struct PgCatalog(pub(super) Arc<Tables>);

#[async_trait]
impl SchemaProvider for PgCatalog {
    fn table_names(&self) -> Vec<String> {
        table_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let table = match OF_SESSION.contains(&name) {
            true => self.0.of_session(name).await?,
            false => shared_table(name)?,
        };
        Ok(table.map(|table| table as Arc<dyn TableProvider>))
    }

    fn table_exist(&self, name: &str) -> bool {
        is_system_table(name)
    }
}

/// `information_schema`.
#[derive(Debug)]
pub(super) struct InformationSchema(pub(super) Arc<Tables>);

#[async_trait]
impl SchemaProvider for InformationSchema {
    fn table_names(&self) -> Vec<String> {
        information::NAMES.iter().map(|name| (*name).to_owned()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if !information::NAMES.contains(&name) {
            return Ok(None);
        }
        Ok(self.0.of_session(name).await?.map(|table| table as Arc<dyn TableProvider>))
    }

    fn table_exist(&self, name: &str) -> bool {
        information::NAMES.contains(&name)
    }
}
