//! The tables of `pg_catalog` and `information_schema` that tell of the tables of a session. They are made from those
//! once, when one of them is first asked for; all others are [`shared`](super::shared).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::{DataType, Field};
use async_trait::async_trait;
use datafusion::catalog::{MemTable, SchemaProvider, TableProvider};
use datafusion::error::Result;
use tokio::sync::OnceCell;

use super::super::settings::Settings;
use super::information;
use super::shared::{is_system_table, list_of, shared_table, table_names};
use super::sheet::Sheet;
use super::types::{self, Column};
use super::{Names, OWNER, Source};

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
        let facts = |column: &Column| types::facts(column.id);
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
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let all = settings.all();
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
