//! What PostgreSQL clients expect beside the data: `pg_catalog`, `version()`, comments.
//!
//! `datafusion-pg-catalog` has the tables and most functions; its `pg_description` is PostgreSQL's own, so ours is put
//! in its place. Object ids are handed out per session.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use async_trait::async_trait;
use datafusion::catalog::{MemTable, SchemaProvider, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use datafusion::scalar::ScalarValue;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::context::{PgCatalogContextProvider, Role};
use datafusion_postgres::datafusion_pg_catalog::setup_pg_catalog;
use tillsight_correlate::sql::{CATALOG, Engine, Session};

/// The version of PostgreSQL whose dialect and catalogue clients may expect, as a number.
pub(super) const VERSION_NUM: &str = "160010";

/// The version that clients are told when they connect.
pub(super) fn server_version() -> String {
    format!("16.10 (Tillsight {})", env!("CARGO_PKG_VERSION"))
}

/// `pg_class`, whose rows have comments.
const PG_CLASS_OID: i32 = 1259;

/// Adds the catalogue to a session.
///
/// # Errors
/// [`datafusion::error::DataFusionError`] when the catalogue cannot be built.
pub(super) async fn install(session: &Session, user: &str) -> Result<()> {
    let context = session.context();
    setup_pg_catalog(context, CATALOG, OneRole(user.to_owned())).map_err(|error| *error)?;
    let comments = Arc::new(comments(session).await?);
    if let Some(catalog) = context.catalog(CATALOG)
        && let Some(inner) = catalog.schema("pg_catalog")
    {
        let descriptions = descriptions(&comments)?;
        catalog.register_schema("pg_catalog", Arc::new(Commented { inner, descriptions }))?;
    }
    let version = format!("PostgreSQL {} on {}", server_version(), std::env::consts::ARCH);
    context.register_udf(constant("version", ScalarValue::from(version)));
    for name in ["current_user", "session_user", "user", "current_role"] {
        context.register_udf(constant(name, ScalarValue::from(user)));
    }
    for name in ["pg_advisory_unlock_all", "pg_size_pretty"] {
        context.register_udf(constant(name, ScalarValue::Utf8(None)));
    }
    context.register_udf(constant("pg_table_size", ScalarValue::Int64(None)));
    context.register_udf(constant("pg_is_in_recovery", ScalarValue::Boolean(Some(false))));
    for name in ["obj_description", "col_description", "shobj_description"] {
        context.register_udf(ScalarUDF::from(Described::new(name, Arc::clone(&comments))));
    }
    Ok(())
}

/// The comments by object id and number of the column.
type Comments = HashMap<(i32, i32), String>;

async fn comments(session: &Session) -> Result<Comments> {
    let tables = session
        .context()
        .sql(
            "SELECT n.nspname, c.relname, c.oid FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace",
        )
        .await?
        .collect()
        .await?;
    let mut ids = HashMap::new();
    for batch in &tables {
        if let [schemas, names, oids] = batch.columns()
            && let (Some(schemas), Some(names), Some(oids)) =
                (schemas.as_string_opt::<i32>(), names.as_string_opt::<i32>(), oids.as_primitive_opt::<Int32Type>())
        {
            ids.extend(
                schemas
                    .iter()
                    .zip(names.iter())
                    .zip(oids.iter())
                    .filter_map(|((schema, name), oid)| Some(((schema?.to_owned(), name?.to_owned()), oid?))),
            );
        }
    }
    let comment = |comment: tillsight_correlate::sql::Comment| {
        let oid = *ids.get(&(comment.schema.to_owned(), comment.table))?;
        Some(((oid, comment.column), comment.text))
    };
    Ok(Engine::comments().into_iter().filter_map(comment).collect())
}

/// The table `pg_description`.
fn descriptions(comments: &Comments) -> Result<Arc<MemTable>> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("objoid", DataType::Int32, false),
        Field::new("classoid", DataType::Int32, false),
        Field::new("objsubid", DataType::Int32, false),
        Field::new("description", DataType::Utf8, false),
    ]));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(comments.keys().map(|(oid, _)| Some(*oid)).collect::<Int32Array>()),
        Arc::new(comments.keys().map(|_| Some(PG_CLASS_OID)).collect::<Int32Array>()),
        Arc::new(comments.keys().map(|(_, column)| Some(*column)).collect::<Int32Array>()),
        Arc::new(comments.values().map(Some).collect::<StringArray>()),
    ];
    let rows = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![rows]])?))
}

/// `pg_catalog` with our comments.
#[derive(Debug)]
struct Commented {
    inner: Arc<dyn SchemaProvider>,
    descriptions: Arc<MemTable>,
}

#[async_trait]
impl SchemaProvider for Commented {
    fn table_names(&self) -> Vec<String> {
        self.inner.table_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match name {
            "pg_description" => Ok(Some(Arc::clone(&self.descriptions) as Arc<dyn TableProvider>)),
            _ => self.inner.table(name).await,
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.inner.table_exist(name)
    }
}

/// The login is the only role that it sees.
#[derive(Debug, Clone)]
struct OneRole(String);

#[async_trait]
impl PgCatalogContextProvider for OneRole {
    async fn roles(&self) -> Vec<String> {
        vec![self.0.clone()]
    }

    async fn role(&self, name: &str) -> Option<Role> {
        (name == self.0).then(|| Role {
            name: self.0.clone(),
            is_superuser: false,
            can_login: true,
            can_create_db: false,
            can_create_role: false,
            can_create_user: false,
            can_replication: false,
            grants: Vec::new(),
            inherited_roles: Vec::new(),
        })
    }
}

/// A function that always says the same, whatever it is asked.
fn constant(name: &'static str, value: ScalarValue) -> ScalarUDF {
    ScalarUDF::from(Constant {
        name,
        value,
        signature: Signature::one_of(vec![TypeSignature::Nullary, TypeSignature::VariadicAny], Volatility::Stable),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Constant {
    name: &'static str,
    value: ScalarValue,
    signature: Signature,
}

impl ScalarUDFImpl for Constant {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.value.data_type())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.value.clone()))
    }
}

/// `obj_description(oid [, catalog])` and `col_description(oid, column)`.
#[derive(Debug)]
struct Described {
    name: &'static str,
    comments: Arc<Comments>,
    signature: Signature,
}

impl Described {
    fn new(name: &'static str, comments: Arc<Comments>) -> Self {
        Self { name, comments, signature: Signature::variadic_any(Volatility::Stable) }
    }
}

impl PartialEq for Described {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Described {}

impl std::hash::Hash for Described {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Described {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let numbers = |index: usize| -> Result<Option<Int32Array>> {
            match args.args.get(index) {
                Some(value) => {
                    let values = arrow::compute::cast(&value.to_array(args.number_rows)?, &DataType::Int32)?;
                    Ok(values.as_primitive_opt::<Int32Type>().cloned())
                }
                None => Ok(None),
            }
        };
        let described = match (self.name, numbers(0)?) {
            ("col_description", Some(oids)) => {
                let columns = numbers(1)?.unwrap_or_else(|| Int32Array::new_null(oids.len()));
                oids.iter().zip(columns.iter()).map(|pair| self.comments.get(&(pair.0?, pair.1?))).collect()
            }
            ("obj_description", Some(oids)) => oids.iter().map(|oid| self.comments.get(&(oid?, 0))).collect(),
            _ => StringArray::new_null(args.number_rows),
        };
        Ok(ColumnarValue::Array(Arc::new(described)))
    }
}
