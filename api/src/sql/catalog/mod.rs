//! What PostgreSQL clients expect beside the data: `pg_catalog`, `information_schema`, and the functions that go with
//! them.
//!
//! The tables of a login do not change while it is logged in, so object ids are handed out when it logs in ([`Names`]),
//! and what tells of its tables is made once, when it is first asked for ([`tables`]). Nothing here plans a statement.

mod functions;
mod information;
mod lists;
mod shared;
mod sheet;
mod tables;
mod types;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use datafusion::catalog::{MemTable, SchemaProvider, TableProvider};
use datafusion::error::Result;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::array_bounds_udf::{
    create_array_lower_udf, create_array_upper_udf,
};
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::format_type::create_format_type_udf;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::generate_series_arg_coercion::CoerceIntArgsToBigInt;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::oid_type_planner::PgOidTypePlanner;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::quote_ident_udf::{
    create_parse_ident_udf, create_quote_ident_udf,
};
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::{
    create_current_database_udf, create_pg_backend_pid_udf, create_pg_encoding_to_char_udf,
};
use tillsight_correlate::sql::{CATALOG, DEFAULT_SCHEMA, Engine, Session};
use tokio::sync::OnceCell;

use super::settings::Settings;
pub(super) use shared::is_system_table;
use sheet::Sheet;
use tables::{InformationSchema, PgCatalog, Tables};

/// The version of PostgreSQL whose dialect and catalogue clients may expect, as a number.
pub(super) const VERSION_NUM: &str = "160010";

/// The version that clients are told when they connect.
pub(super) fn server_version() -> String {
    format!("16.10 (Tillsight {})", env!("CARGO_PKG_VERSION"))
}

/// The id of the login, which owns everything.
const OWNER: i32 = 10;
/// The id of the database.
const DATABASE: i32 = 5;
/// The id of `pg_catalog`, to which the rows of types and functions refer.
const PG_CATALOG: i32 = 11;
/// The id of `information_schema`.
const INFORMATION_SCHEMA: i32 = 13283;
/// The first id of PostgreSQL's own tables but for those that clients know by heart.
const FIRST_OF_SYSTEM: i32 = 12000;
/// The first id of what is not PostgreSQL's own.
const FIRST_OF_DATA: i32 = 16384;
/// `pg_class`, whose rows have comments.
const PG_CLASS: i32 = 1259;

/// Tables whose ids clients know by heart.
const WELL_KNOWN: &[(&str, i32)] = &[
    ("pg_attrdef", 2604),
    ("pg_attribute", 1249),
    ("pg_class", PG_CLASS),
    ("pg_constraint", 2606),
    ("pg_database", 1262),
    ("pg_description", 2609),
    ("pg_index", 2610),
    ("pg_namespace", 2615),
    ("pg_proc", 1255),
    ("pg_type", 1247),
];

/// Views of PostgreSQL among its tables.
const VIEWS: &[&str] = &[
    "pg_cursors",
    "pg_indexes",
    "pg_locks",
    "pg_matviews",
    "pg_policies",
    "pg_prepared_statements",
    "pg_replication_slots",
    "pg_roles",
    "pg_rules",
    "pg_sequences",
    "pg_settings",
    "pg_stat_gssapi",
    "pg_stat_user_tables",
    "pg_tables",
    "pg_user",
    "pg_views",
];

/// Adds the catalogue to a session.
///
/// # Errors
/// [`datafusion::error::DataFusionError`] when the catalogue cannot be built.
pub(super) fn install(session: &Session, user: &str, settings: &Arc<Mutex<Settings>>) -> Result<()> {
    let context = session.context();
    let Some(catalog) = context.catalog(CATALOG) else {
        return datafusion::common::internal_err!("a session has no catalogue");
    };
    let schemas = catalog.schema_names().into_iter().filter_map(|name| {
        let schema = catalog.schema(&name)?;
        Some((name, schema))
    });
    let source = Source(schemas.collect());
    let names = Arc::new(Names::new(&source));
    let tables = Arc::new(Tables {
        source,
        names: Arc::clone(&names),
        user: user.to_owned(),
        settings: Arc::clone(settings),
        made: OnceCell::new(),
    });
    catalog.register_schema("pg_catalog", Arc::new(PgCatalog(Arc::clone(&tables))))?;
    catalog.register_schema("information_schema", Arc::new(InformationSchema(tables)))?;
    for function in [
        create_current_database_udf(CATALOG),
        create_format_type_udf(),
        create_pg_encoding_to_char_udf(),
        create_pg_backend_pid_udf(),
        create_quote_ident_udf(),
        create_parse_ident_udf(),
        create_array_upper_udf(),
        create_array_lower_udf(),
    ] {
        context.register_udf(function);
    }
    functions::register(context, user, &names, settings);
    if let Some(keywords) = shared::keywords() {
        context.register_udtf("pg_get_keywords", keywords);
    }
    let state = context.state_ref();
    let mut state = state.write();
    let mut ours =
        SessionStateBuilder::new_from_existing(state.clone()).with_type_planner(Arc::new(PgOidTypePlanner)).build();
    // The engine's own `information_schema` would come before ours.
    ours.config_mut().options_mut().catalog.information_schema = false;
    *state = ours;
    drop(state);
    CoerceIntArgsToBigInt::widen(context);
    Ok(())
}

/// The schemas that hold data.
#[derive(Debug)]
struct Source(BTreeMap<String, Arc<dyn SchemaProvider>>);

impl Source {
    async fn table(&self, schema: &str, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match self.0.get(schema) {
            Some(schema) => schema.table(name).await,
            None => Ok(None),
        }
    }
}

/// A table with its id.
#[derive(Debug)]
struct Relation {
    id: i32,
    schema: String,
    schema_id: i32,
    name: String,
    is_view: bool,
}

/// The ids of everything that has a name.
#[derive(Debug)]
struct Names {
    schemas: Vec<(String, i32)>,
    relations: Vec<Relation>,
    /// By object id and number of the column, 0 for the table itself.
    comments: HashMap<(i32, i32), String>,
}

impl Names {
    fn new(source: &Source) -> Self {
        let mut next = FIRST_OF_DATA;
        let mut give = || {
            next += 1;
            next - 1
        };
        let mut schemas =
            vec![("pg_catalog".to_owned(), PG_CATALOG), ("information_schema".to_owned(), INFORMATION_SCHEMA)];
        let mut relations: Vec<Relation> = (FIRST_OF_SYSTEM..)
            .zip(shared::table_names())
            .map(|(id, name)| Relation {
                id: WELL_KNOWN.iter().find(|(known, _)| *known == name).map_or(id, |(_, id)| *id),
                schema: "pg_catalog".to_owned(),
                schema_id: PG_CATALOG,
                is_view: VIEWS.contains(&name.as_str()),
                name,
            })
            .collect();
        for (schema, provider) in &source.0 {
            let schema_id = give();
            schemas.push((schema.clone(), schema_id));
            let mut names = provider.table_names();
            names.sort_unstable();
            relations.extend(names.into_iter().map(|name| Relation {
                id: give(),
                schema: schema.clone(),
                schema_id,
                name,
                is_view: false,
            }));
        }
        let mut names = Self { schemas, relations, comments: HashMap::new() };
        let comments = Engine::comments().into_iter().filter_map(|comment| {
            let relation = names.find(Some(comment.schema), &comment.table)?;
            Some(((relation.id, comment.column), comment.text))
        });
        names.comments = comments.collect();
        names
    }

    fn schemas(&self) -> &[(String, i32)] {
        &self.schemas
    }

    fn relations(&self) -> &[Relation] {
        &self.relations
    }

    /// A relation by name; without a schema where names are looked up.
    fn find(&self, schema: Option<&str>, name: &str) -> Option<&Relation> {
        let within = |schema: &str| self.relations.iter().find(|r| r.schema == schema && r.name == name);
        match schema {
            Some(schema) => within(schema),
            None => within("pg_catalog").or_else(|| within(DEFAULT_SCHEMA)),
        }
    }

    /// The id of a relation as `regclass` reads its name.
    fn relation(&self, text: &str) -> Option<i32> {
        match identifiers(text)?.as_slice() {
            [name] => self.find(None, name).map(|relation| relation.id),
            [.., schema, name] => self.find(Some(schema), name).map(|relation| relation.id),
            [] => None,
        }
    }

    /// The id of a schema as `regnamespace` reads its name.
    fn schema(&self, text: &str) -> Option<i32> {
        let name = identifiers(text)?.pop()?;
        self.schemas.iter().find(|(known, _)| *known == name).map(|(_, id)| *id)
    }

    /// The name of a relation as `regclass` shows it.
    fn relation_name(&self, id: i32) -> Option<String> {
        let relation = self.relations.iter().find(|relation| relation.id == id)?;
        Some(match relation.schema.as_str() {
            "pg_catalog" | DEFAULT_SCHEMA => relation.name.clone(),
            schema => format!("{schema}.{}", relation.name),
        })
    }

    fn schema_name(&self, id: i32) -> Option<String> {
        self.schemas.iter().find(|(_, known)| *known == id).map(|(name, _)| name.clone())
    }

    /// What is said of a column, or of a table with 0.
    fn comment(&self, id: i32, column: i32) -> Option<&str> {
        self.comments.get(&(id, column)).map(String::as_str)
    }

    /// The table `pg_description`.
    fn descriptions(&self) -> Result<Arc<MemTable>> {
        let mut comments: Vec<_> = self.comments.iter().collect();
        comments.sort_unstable();
        Sheet::new(comments.len())
            .numbers("objoid", comments.iter().map(|((id, _), _)| Some(*id)))
            .numbers("classoid", comments.iter().map(|_| Some(PG_CLASS)))
            .numbers("objsubid", comments.iter().map(|((_, column), _)| Some(*column)))
            .texts("description", comments.iter().map(|(_, text)| Some(text)))
            .table()
    }
}

/// The parts of a name with dots, as SQL reads them; nothing if quotes do not close.
fn identifiers(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut quoted = false;
    let mut chars = text.trim().chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => part.extend(chars.next()),
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(std::mem::take(&mut part)),
            c if quoted => part.push(c),
            c => part.extend(c.to_lowercase()),
        }
    }
    parts.push(part);
    (!quoted).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_sql_reads_them() {
        let read = |text: &str| identifiers(text).map(|parts| parts.join("|"));
        assert_eq!(read("Pos.Lines").unwrap(), "pos|lines");
        assert_eq!(read("\"A.b\".\"c\"\"d\"").unwrap(), "A.b|c\"d");
        assert_eq!(read("\"open"), None);
    }

    #[test]
    fn what_clients_know_by_heart_has_its_id() {
        let names = Names::new(&Source(BTreeMap::new()));
        assert_eq!(names.relation("pg_class"), Some(PG_CLASS));
        assert_eq!(names.relation("pg_catalog.pg_type"), Some(1247));
        assert_eq!(names.relation("nothing"), None);
        assert_eq!(
            (names.schema("pg_catalog"), names.schema_name(PG_CATALOG).as_deref()),
            (Some(11), Some("pg_catalog"))
        );
        let mut ids: Vec<i32> = names.relations().iter().map(|relation| relation.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), names.relations().len());
    }
}
