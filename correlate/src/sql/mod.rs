//! Read-only SQL sessions over the lake, one per connection, each limited to the rows of its login.
//!
//! Three things keep a session harmless, each on its own: the tables of its catalogue are filtered where they are read
//! ([`scope`]); its catalogue cannot be changed and holds no files; and only plans that read pass the [`gate`].
//! A protocol in front of it ([`Session::plan`]) never gets a plan that was not checked.

pub mod gate;
pub mod scope;

mod at_time_zone;
mod bounded;
mod functions;
mod latest;
mod minutes;
#[cfg(test)]
mod tests;
mod to_char;
mod view;
mod yielding;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arrow::array::{Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{
    CatalogProvider, MemTable, MemoryCatalogProvider, SchemaProvider, Session as CatalogSession, TableProvider,
};
use datafusion::error::{DataFusionError, Result as PlanResult};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::Statement;
use tillsight_schemas::store::Store;
use tillsight_schemas::wire::columns::COMMENT;

pub use gate::Refusal;
pub use scope::{Scope, Stores};
pub use view::{CAM_SCHEMA, LP_SCHEMA, REC_SCHEMA, REF_SCHEMA, SCHEMA as DEFAULT_SCHEMA};

use crate::error::{Error, Result};
use crate::lake::{History, HotTail, Table, View, Views};
use crate::ops::{IntervalJoins, session_id};
use scope::Scoped;
use view::Planned;

/// The name of the catalogue, which clients see as the database.
pub const CATALOG: &str = "tillsight";
/// The schema of the raw tables.
pub const LAKE_SCHEMA: &str = "lake";

/// What all sessions together may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Memory of sorts, joins and aggregations; beyond it they spill to disk.
    pub memory_bytes: usize,
    /// Disk for spilling, of all statements together; one that needs more fails.
    pub spill_bytes: u64,
    /// Where to spill; the system's folder for temporary files when absent.
    pub spill_folder: Option<PathBuf>,
    /// Threads that one statement uses.
    pub threads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        Self { memory_bytes: 1 << 30, spill_bytes: 4 << 30, spill_folder: None, threads }
    }
}

/// Makes sessions.
#[derive(Debug)]
pub struct Engine {
    runtime: Arc<RuntimeEnv>,
    limits: Limits,
    views: Views,
    stores: RwLock<Arc<[Store]>>,
}

/// What a table or column is, for `pg_description`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// The schema.
    pub schema: &'static str,
    /// The table.
    pub table: String,
    /// 0 for the table, the number of the column from 1 on otherwise.
    pub column: i32,
    /// The text.
    pub text: String,
}

impl Engine {
    /// Makes an engine over what a tail follows.
    ///
    /// # Errors
    /// [`Error::Plan`] when memory or disk cannot be set up; [`Error::Delta`] when the tables cannot be read.
    pub fn new(tail: &HotTail, stores: Vec<Store>, limits: Limits) -> Result<Self> {
        Self::with(tail.views(), |session| tail.register(session), stores, limits)
    }

    /// Makes an engine over what was archived, as it is at this moment.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn over(history: &History, stores: Vec<Store>, limits: Limits) -> Result<Self> {
        Self::with(history.views()?, |session| history.storage(session), stores, limits)
    }

    fn with(
        views: Views,
        storage: impl FnOnce(&dyn CatalogSession) -> Result<()>,
        stores: Vec<Store>,
        limits: Limits,
    ) -> Result<Self> {
        let mut runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(limits.memory_bytes)))
            .with_max_temp_directory_size(limits.spill_bytes);
        if let Some(folder) = &limits.spill_folder {
            runtime = runtime.with_temp_file_path(folder);
        }
        let runtime = runtime.build_arc().map_err(Error::plan)?;
        let engine = Self { runtime, limits, views, stores: RwLock::new(stores.into()) };
        storage(&SessionContext::new_with_config_rt(engine.config(), Arc::clone(&engine.runtime)).state())?;
        Ok(engine)
    }

    /// Replaces the stores; sessions that are open keep theirs.
    pub fn set_stores(&self, stores: Vec<Store>) {
        *self.stores.write().unwrap_or_else(PoisonError::into_inner) = stores.into();
    }

    fn config(&self) -> SessionConfig {
        let mut config = SessionConfig::new()
            .with_default_catalog_and_schema(CATALOG, DEFAULT_SCHEMA)
            .with_create_default_catalog_and_schema(false)
            .with_information_schema(true)
            .with_target_partitions(self.limits.threads.max(1));
        config.options_mut().sql_parser.dialect = datafusion::config::Dialect::PostgreSQL;
        config.options_mut().execution.time_zone = Some("UTC".to_owned());
        config
    }

    /// Opens a session for a scope.
    ///
    /// # Errors
    /// [`Error::Plan`] when its catalogue cannot be built, which is a defect.
    pub fn session(&self, scope: Scope) -> Result<Session> {
        let stores = Arc::clone(&self.stores.read().unwrap_or_else(PoisonError::into_inner));
        let scale = functions::scale(stores.iter().map(|store| &store.currency));
        let pinned = Arc::new(Pinned { view: Mutex::default(), views: self.views.clone() });
        let state = SessionStateBuilder::new()
            .with_config(self.config())
            .with_runtime_env(Arc::clone(&self.runtime))
            .with_default_features()
            .with_analyzer_rule(Arc::new(minutes::WholeMinutes))
            .with_physical_optimizer_rule(Arc::new(IntervalJoins))
            .with_physical_optimizer_rule(Arc::new(yielding::YieldAfterJoins))
            .build();
        let context = SessionContext::new_with_state(state);
        let inner =
            SessionContext::new_with_config_rt(self.config().with_information_schema(false), Arc::clone(&self.runtime));
        bounded::register(&context);
        context.register_udwf(session_id());
        inner.register_udaf(latest::latest());
        for context in [&context, &inner] {
            context.register_udf(functions::money(scale));
            context.register_udf(functions::local_time());
            context.register_udf(to_char::to_char());
            context.register_udf(at_time_zone::at_time_zone());
            context.register_udf(functions::thousandths());
            context.register_udf(functions::millionths());
            context.register_udf(functions::store_zone(stores.iter().filter(|store| scope.covers(store))));
        }
        let lake = Arc::new(LakeSchema { pinned: Arc::clone(&pinned), scope: Arc::new(scope.clone()) });
        let stores = stores_table(stores.iter().filter(|store| scope.covers(store)))?;
        let catalog = MemoryCatalogProvider::new();
        let within = MemoryCatalogProvider::new();
        let built = || -> PlanResult<()> {
            within.register_schema(LAKE_SCHEMA, Arc::clone(&lake) as Arc<dyn SchemaProvider>)?;
            inner.register_catalog(CATALOG, Arc::new(within));
            for schema in view::View::SCHEMAS {
                catalog.register_schema(schema, Arc::new(ViewSchema { schema, inner: inner.state(), stores: None }))?;
            }
            let reference = ViewSchema { schema: REF_SCHEMA, inner: inner.state(), stores: Some(stores) };
            catalog.register_schema(REF_SCHEMA, Arc::new(reference))?;
            catalog.register_schema(LAKE_SCHEMA, lake)?;
            context.register_catalog(CATALOG, Arc::new(catalog));
            Ok(())
        };
        built().map_err(Error::plan)?;
        Ok(Session { context, pinned, views: self.views.clone(), planning: tokio::sync::Mutex::default() })
    }

    /// The comments of all tables and columns.
    pub fn comments() -> Vec<Comment> {
        let mut comments = Vec::new();
        let mut add = |schema: &'static str, table: &str, doc: &str, columns: &mut dyn Iterator<Item = String>| {
            let texts = std::iter::once(doc.to_owned()).chain(columns);
            comments.extend((0..).zip(texts).filter(|(_, text)| !text.is_empty()).map(|(column, text)| Comment {
                schema,
                table: table.to_owned(),
                column,
                text,
            }));
        };
        for view in view::View::ALL {
            add(view.schema(), view.name(), view.doc(), &mut view.comments().into_iter().map(|(_, text)| text));
        }
        let of_fields = |schema: SchemaRef| {
            let texts: Vec<String> =
                schema.fields().iter().map(|f| f.metadata().get(COMMENT).cloned().unwrap_or_default()).collect();
            texts.into_iter()
        };
        for table in Table::ALL {
            add(LAKE_SCHEMA, table.name(), &table.doc(), &mut of_fields(table.schema()));
        }
        add(REF_SCHEMA, STORES, STORES_DOC, &mut of_fields(stores_schema()));
        comments
    }
}

/// One login's way to the lake.
pub struct Session {
    context: SessionContext,
    pinned: Arc<Pinned>,
    views: Views,
    /// One statement is planned at a time: the view is pinned for it.
    planning: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Session {
    /// The DataFusion session, to add functions and catalogue tables to. Statements go through [`Session::plan`].
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    /// Plans a statement on the newest view, all of it on the same one, and refuses it if it does not only read.
    ///
    /// # Errors
    /// [`Unplanned`] with the refusal, with the planner's own error, or because there is no view at the moment.
    pub async fn plan(&self, statement: &Statement) -> Result<LogicalPlan, Unplanned> {
        let _planning = self.planning.lock().await;
        self.pinned.set(Some(self.views.newest()?));
        let statement = DfStatement::Statement(Box::new(statement.clone()));
        let plan = self.context.state().statement_to_plan(statement).await;
        self.pinned.set(None);
        let plan = plan.map_err(Box::new)?;
        gate::check(&plan)?;
        Ok(plan)
    }
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum Unplanned {
    /// The statement does not only read.
    #[error("{0}")]
    Refused(Refusal),
    /// The statement is wrong.
    #[error(transparent)]
    Wrong(#[from] Box<DataFusionError>),
    /// There is no view to plan it on.
    #[error(transparent)]
    Unready(#[from] Error),
}

impl From<Refusal> for Unplanned {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The view on which a session plans.
#[derive(Debug, Default)]
struct Pinned {
    view: Mutex<Option<Arc<View>>>,
    views: Views,
}

impl Pinned {
    fn set(&self, view: Option<Arc<View>>) {
        *self.view.lock().unwrap_or_else(PoisonError::into_inner) = view;
    }

    /// The pinned view; the newest when nothing is being planned, for tables of the catalogue that ask for columns while
    /// they are read.
    fn get(&self) -> Result<Arc<View>> {
        let pinned = self.view.lock().unwrap_or_else(PoisonError::into_inner).clone();
        pinned.map_or_else(|| self.views.newest(), Ok)
    }
}

/// The raw tables, within the scope.
#[derive(Debug)]
struct LakeSchema {
    pinned: Arc<Pinned>,
    scope: Arc<Scope>,
}

#[async_trait]
impl SchemaProvider for LakeSchema {
    fn table_names(&self) -> Vec<String> {
        Table::ALL.iter().map(|table| table.name().to_owned()).collect()
    }

    async fn table(&self, name: &str) -> PlanResult<Option<Arc<dyn TableProvider>>> {
        let Some(table) = Table::ALL.into_iter().find(|table| table.name() == name) else { return Ok(None) };
        let view = self.pinned.get().map_err(|error| DataFusionError::ResourcesExhausted(error.to_string()))?;
        let Some(part) = view.part(table) else { return Ok(None) };
        Ok(Some(Arc::new(Scoped::new(table.schema(), part.clone(), Arc::clone(&self.scope)))))
    }

    fn table_exist(&self, name: &str) -> bool {
        Table::ALL.iter().any(|table| table.name() == name)
    }
}

/// The views of one schema, and the stores where they belong to it.
#[derive(Debug)]
struct ViewSchema {
    schema: &'static str,
    /// A session that knows the raw tables of the same scope and nothing else.
    inner: SessionState,
    stores: Option<Arc<MemTable>>,
}

#[async_trait]
impl SchemaProvider for ViewSchema {
    fn table_names(&self) -> Vec<String> {
        let views = view::View::ALL.iter().filter(|view| view.schema() == self.schema).map(|view| view.name());
        views.chain(self.stores.is_some().then_some(STORES)).map(str::to_owned).collect()
    }

    async fn table(&self, name: &str) -> PlanResult<Option<Arc<dyn TableProvider>>> {
        if let Some(stores) = self.stores.as_ref().filter(|_| name == STORES) {
            return Ok(Some(Arc::clone(stores) as Arc<dyn TableProvider>));
        }
        let Some(view) = view::View::find(self.schema, name) else { return Ok(None) };
        let plan = self.inner.create_logical_plan(&view.sql()).await?;
        Ok(Some(Arc::new(Planned::new(plan, &view.comments()))))
    }

    fn table_exist(&self, name: &str) -> bool {
        view::View::find(self.schema, name).is_some() || (self.stores.is_some() && name == STORES)
    }
}

const STORES: &str = "stores";
const STORES_DOC: &str = "The stores.";

fn stores_schema() -> SchemaRef {
    let column = |name: &str, data_type, doc: &str| {
        Field::new(name, data_type, false).with_metadata([(COMMENT.to_owned(), doc.to_owned())].into())
    };
    Arc::new(Schema::new(vec![
        column("tenant_id", DataType::Utf8, "The retailer."),
        column("store_id", DataType::Utf8, "The store, as in `pos.transactions`."),
        column("name", DataType::Utf8, "What people call it."),
        column("tz", DataType::Utf8, "Its IANA time zone."),
        column("currency", DataType::Utf8, "The ISO 4217 code of its tills."),
        column("minor_digits", DataType::Int32, "Decimal places of the minor unit of its currency."),
    ]))
}

fn stores_table<'a>(stores: impl Iterator<Item = &'a Store>) -> Result<Arc<MemTable>> {
    let stores: Vec<&Store> = stores.collect();
    let text = |value: fn(&Store) -> String| Arc::new(stores.iter().map(|s| Some(value(s))).collect::<StringArray>());
    let digits: Int32Array = stores.iter().map(|store| i32::try_from(store.currency.exponent()).ok()).collect();
    let batch = RecordBatch::try_new(
        stores_schema(),
        vec![
            text(|store| store.tenant.to_string()),
            text(|store| store.id.to_string()),
            text(|store| store.name.clone()),
            text(|store| store.tz.name().to_owned()),
            text(|store| store.currency.to_string()),
            Arc::new(digits),
        ],
    )
    .map_err(Error::columns)?;
    Ok(Arc::new(MemTable::try_new(stores_schema(), vec![vec![batch]]).map_err(Error::plan)?))
}
