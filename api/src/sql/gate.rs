//! Which statements there are. Those listed here are understood; every other one is refused, with a sentence.
//!
//! The second gate stands behind the planner (`correlate::sql::gate`) and looks at what a query would do.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    CloseCursor, CopySource, CopyTarget, Declare, DeclareType, DiscardObject, Expr, FetchDirection, Function,
    ObjectName, Query, Reset, Select, Set, SetExpr, Statement, TableFactor, TransactionAccessMode, TransactionMode,
    Value, Visit, Visitor,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use tillsight_correlate::sql::Refusal;

use super::copy::CopyFormat;

/// The functions that may stand where a table stands.
const TABLE_FUNCTIONS: &[&str] = &["generate_series", "range", "unnest", "pg_get_keywords"];

/// The most columns of a select list, as in PostgreSQL.
const MAX_COLUMNS: usize = 1664;

/// Whether a function may stand where a table stands.
pub(super) fn is_table_function(name: &str) -> bool {
    TABLE_FUNCTIONS.contains(&name)
}

/// What a statement asks for.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Rows.
    Query(Box<Statement>),
    /// A setting to change.
    Set(Box<Set>),
    /// Settings as they were.
    Reset(Reset),
    /// A setting to show.
    Show(String),
    /// A transaction to begin.
    Begin,
    /// A transaction to end: with `COMMIT` or `ROLLBACK`.
    End(&'static str),
    /// Nothing; answered with this tag.
    Nothing(&'static str),
    /// A transaction to go on with from a place before it failed: it has changed nothing anyway.
    RollBackTo,
    /// Things that the session remembers to be forgotten.
    Discard(DiscardObject),
    /// Rows to send as a file.
    Copy {
        /// How they are written.
        options: CopyFormat,
        /// The rows.
        query: Box<Statement>,
    },
    /// A cursor to open.
    Declare {
        /// Its name.
        name: String,
        /// Its rows.
        query: Box<Statement>,
    },
    /// Rows of a cursor; `None` for all that are left.
    Fetch {
        /// Its name.
        name: String,
        /// How many.
        rows: Option<usize>,
    },
    /// A cursor to close; `None` for all.
    Close(Option<String>),
    /// A prepared statement to forget; `None` for all.
    Deallocate(Option<String>),
}

/// Says what a statement asks for.
///
/// # Errors
/// [`Refusal`] when it is none of those that are understood.
pub(super) fn classify(statement: Statement) -> Result<Act, Refusal> {
    Ok(match statement {
        Statement::Query(_) | Statement::ShowTables { .. } | Statement::ShowColumns { .. } => {
            reads(&statement)?;
            Act::Query(Box::new(statement))
        }
        Statement::ExplainTable { .. } => {
            reads(&statement)?;
            Act::Query(Box::new(statement))
        }
        Statement::Explain { statement: ref explained, .. } => match explained.as_ref() {
            Statement::Query(_) => {
                reads(&statement)?;
                Act::Query(Box::new(statement))
            }
            other => return Err(refusal(other)),
        },
        Statement::Set(set) => Act::Set(Box::new(set)),
        Statement::Reset(reset) => Act::Reset(reset.reset),
        Statement::ShowVariable { variable } => {
            Act::Show(variable.iter().map(|part| part.value.to_lowercase()).collect::<Vec<_>>().join("_"))
        }
        Statement::StartTransaction { modes, statements, exception: None, .. } if statements.is_empty() => {
            read_only(&modes)?;
            Act::Begin
        }
        Statement::Commit { .. } => Act::End("COMMIT"),
        Statement::Rollback { savepoint: None, .. } => Act::End("ROLLBACK"),
        Statement::Rollback { .. } => Act::RollBackTo,
        Statement::Savepoint { .. } => Act::Nothing("SAVEPOINT"),
        Statement::ReleaseSavepoint { .. } => Act::Nothing("RELEASE"),
        Statement::UNLISTEN { .. } => Act::Nothing("UNLISTEN"),
        Statement::Discard { object_type } => Act::Discard(object_type),
        Statement::Copy { source, to: true, target: CopyTarget::Stdout, options, legacy_options, .. } => {
            let options = CopyFormat::read(&options, &legacy_options)?;
            let query = Statement::Query(copied(source)?);
            reads(&query)?;
            Act::Copy { options, query: Box::new(query) }
        }
        Statement::Declare { stmts } => declare(stmts)?,
        Statement::Fetch { name, direction, into: None, .. } => {
            Act::Fetch { name: name.value, rows: fetched(&direction)? }
        }
        Statement::Close { cursor: CloseCursor::All } => Act::Close(None),
        Statement::Close { cursor: CloseCursor::Specific { name } } => Act::Close(Some(name.value)),
        Statement::Deallocate { name, .. } => {
            Act::Deallocate((!name.value.eq_ignore_ascii_case("all")).then_some(name.value))
        }
        other => return Err(refusal(&other)),
    })
}

/// Refuses modes under which something could be written.
pub(super) fn read_only(modes: &[TransactionMode]) -> Result<(), Refusal> {
    match modes.iter().any(|mode| matches!(mode, TransactionMode::AccessMode(TransactionAccessMode::ReadWrite))) {
        true => Err(Refusal::denied("this connection is read-only: a transaction cannot be READ WRITE")),
        false => Ok(()),
    }
}

/// The rows of `COPY table (columns) TO STDOUT` or `COPY (query) TO STDOUT`.
fn copied(source: CopySource) -> Result<Box<Query>, Refusal> {
    let (table, columns) = match source {
        CopySource::Query(query) => return Ok(query),
        CopySource::Table { table_name, columns } => (table_name, columns),
    };
    let columns = match columns.is_empty() {
        true => "*".to_owned(),
        false => columns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    let parsed = Parser::parse_sql(&PostgreSqlDialect {}, &format!("SELECT {columns} FROM {table}"));
    match parsed.ok().and_then(|mut statements| statements.pop()) {
        Some(Statement::Query(query)) => Ok(query),
        _ => Err(Refusal::unsupported(format!("{table} cannot be copied: use COPY (SELECT ...) TO STDOUT"))),
    }
}

fn declare(declared: Vec<Declare>) -> Result<Act, Refusal> {
    let [declare] =
        <[Declare; 1]>::try_from(declared).map_err(|_| Refusal::unsupported("DECLARE takes one cursor at a time"))?;
    match (declare.names.first(), declare.for_query, declare.declare_type) {
        (Some(name), Some(query), Some(DeclareType::Cursor)) => {
            let query = Statement::Query(query);
            reads(&query)?;
            Ok(Act::Declare { name: name.value.clone(), query: Box::new(query) })
        }
        _ => Err(Refusal::unsupported("only DECLARE name CURSOR FOR SELECT ... is available")),
    }
}

fn fetched(direction: &FetchDirection) -> Result<Option<usize>, Refusal> {
    let count = |limit: &Value| match limit {
        Value::Number(text, _) => text.to_string().parse().ok(),
        _ => None,
    };
    match direction {
        FetchDirection::Next | FetchDirection::Forward { limit: None } => Ok(Some(1)),
        FetchDirection::Forward { limit: Some(limit) } | FetchDirection::Count { limit } => {
            count(&limit.value).map(Some).ok_or_else(|| Refusal::unsupported("FETCH takes a number of rows, or ALL"))
        }
        FetchDirection::ForwardAll | FetchDirection::All => Ok(None),
        _ => Err(Refusal::unsupported("cursors go forward only")),
    }
}

/// Refuses queries that do more than read tables of the catalogue.
fn reads(statement: &Statement) -> Result<(), Refusal> {
    match statement.visit(&mut Reader) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(refusal) => Err(refusal),
    }
}

struct Reader;

impl Visitor for Reader {
    type Break = Refusal;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Refusal> {
        let writes = match query.body.as_ref() {
            SetExpr::Select(select) => select.into.is_some(),
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => true,
            _ => false,
        };
        if writes {
            return ControlFlow::Break(Refusal::denied("this connection is read-only: a query cannot write rows"));
        }
        if !query.locks.is_empty() {
            return ControlFlow::Break(Refusal::denied("this connection is read-only: rows cannot be locked"));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Refusal> {
        match select.projection.len() > MAX_COLUMNS {
            true => ControlFlow::Break(Refusal {
                sqlstate: "54011",
                message: format!("a select list can have {MAX_COLUMNS} columns at most"),
            }),
            false => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<Refusal> {
        let file = name.0.iter().filter_map(|part| part.as_ident()).any(|part| {
            let text = part.value.to_lowercase();
            text.contains('/')
                || text.contains('\\')
                || [".csv", ".parquet", ".json", ".arrow", ".avro", ".txt"].iter().any(|end| text.ends_with(end))
        });
        match file {
            true => ControlFlow::Break(Refusal::denied(format!(
                "{name} is not a table: files of the server cannot be read through SQL"
            ))),
            false => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Refusal> {
        match factor {
            TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } => table_function(name),
            TableFactor::TableFunction { expr: Expr::Function(Function { name, .. }), .. } => table_function(name),
            TableFactor::TableFunction { .. } => {
                ControlFlow::Break(Refusal::unsupported("TABLE(...) is not available here"))
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

fn table_function(name: &ObjectName) -> ControlFlow<Refusal> {
    let last = name.0.last().and_then(|part| part.as_ident()).map(|part| part.value.to_lowercase());
    match last.is_some_and(|last| is_table_function(&last)) {
        true => ControlFlow::Continue(()),
        false => ControlFlow::Break(Refusal::unsupported(format!(
            "there is no table function {name}; available are {}",
            TABLE_FUNCTIONS.join(", ")
        ))),
    }
}

/// Why a statement that is not understood is refused.
fn refusal(statement: &Statement) -> Refusal {
    let text = statement.to_string();
    let verb = verb(&text);
    known(&verb).unwrap_or_else(|| {
        Refusal::unsupported(format!("{verb} is not available here: this connection answers SELECT"))
    })
}

/// Why a text is refused that is not even understood, if one of its statements begins like one that is refused.
pub(super) fn refused_text(text: &str) -> Option<Refusal> {
    text.split(';').find_map(|statement| known(&verb(statement)))
}

fn verb(statement: &str) -> String {
    statement.split_whitespace().next().unwrap_or_default().to_uppercase()
}

/// The sentence for a statement that begins with this word, if such are refused.
fn known(verb: &str) -> Option<Refusal> {
    Some(match verb {
        "COPY" | "UNLOAD" => Refusal::denied(format!(
            "{verb} is refused: this connection is read-only and touches no files of the server; use SELECT, or \
             COPY (SELECT ...) TO STDOUT, and let the client write the file",
        )),
        "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "TRUNCATE" | "LOAD" | "REPLACE" => Refusal::denied(format!(
            "{verb} is refused: this connection is read-only; rows are written by the tills and by nobody else"
        )),
        "CREATE" | "ALTER" | "DROP" | "COMMENT" | "GRANT" | "REVOKE" | "RENAME" | "ATTACH" | "DETACH" | "INSTALL" => {
            Refusal::denied(format!(
                "{verb} is refused: this connection is read-only; tables, roles and rights are managed by the product"
            ))
        }
        "PREPARE" | "EXECUTE" => Refusal::unsupported(format!(
            "{verb} is refused: use the prepared statements of your driver (parse, bind, execute)"
        )),
        "VACUUM" | "ANALYZE" | "LOCK" | "REINDEX" | "OPTIMIZE" | "KILL" | "CALL" | "NOTIFY" | "LISTEN" | "DO"
        | "CLUSTER" | "CHECKPOINT" | "REFRESH" | "REASSIGN" | "SECURITY" | "IMPORT" | "EXPORT" | "PRAGMA" | "MSCK" => {
            Refusal::denied(format!("{verb} is refused: this connection is read-only"))
        }
        _ => return None,
    })
}
