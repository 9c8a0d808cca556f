//! From text to statements.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, ObjectName, Query, Statement, Value, Visit, Visitor, visit_expressions_mut,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use datafusion_postgres::arrow_pg::datatypes::into_pg_type;
use datafusion_postgres::datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use datafusion_postgres::datafusion_pg_catalog::sql::rules::{
    AliasDuplicatedProjectionRewrite, CurrentUserVariableToSessionUserFunctionCall, FixArrayLiteral,
    ResolveUnqualifiedIdentifier, RewriteArrayAnyAllOperation, RewritePgCatalogOperator, SqlStatementRewriteRule,
    StripCallableQualifier, StripCollate,
};
use pgwire::api::Type;

use super::failure::Failure;
use super::gate::{Act, is_table_function, refused_text};
use super::names::label;
use super::rewrite;

/// The longest text that is parsed.
const MAX_TEXT: usize = 1 << 20;

/// The most operators in a row. The parser bounds how deep brackets are nested, but not chains such as `1 + 1 + 1`,
/// which make a tree as deep as they are long; everything that walks it takes stack for every level.
const MAX_CHAIN: usize = 300;

/// The most commas. Everything between two of them becomes a node of the tree, and every step of the planner copies it:
/// `IN` with 200,000 numbers took 200 MiB before the first row was read, and none of it is counted by anybody.
const MAX_COMMAS: usize = 20_000;

/// A statement that passed the first gate.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    /// As the client wrote it, for the audit.
    pub(super) text: Arc<str>,
    /// What it asks for.
    pub(super) act: Act,
    /// The types of its parameters: as the planner inferred them, and as they travel.
    pub(super) parameters: Vec<(Option<DataType>, Type)>,
    /// The columns of its rows, if it has any.
    pub(super) columns: Option<SchemaRef>,
}

/// Parses texts.
#[derive(Debug)]
pub(super) struct Texts {
    compatible: PostgresCompatibilityParser,
    for_data: Vec<Box<dyn SqlStatementRewriteRule>>,
    for_catalogue: Vec<Box<dyn SqlStatementRewriteRule>>,
}

impl Texts {
    /// Makes a parser.
    pub(super) fn new() -> Self {
        Self {
            compatible: PostgresCompatibilityParser::new(),
            for_data: vec![
                Box::new(RewriteArrayAnyAllOperation),
                Box::new(StripCallableQualifier),
                Box::new(FixArrayLiteral),
                Box::new(CurrentUserVariableToSessionUserFunctionCall),
                Box::new(StripCollate),
            ],
            for_catalogue: vec![
                Box::new(AliasDuplicatedProjectionRewrite),
                Box::new(ResolveUnqualifiedIdentifier),
                Box::new(RewriteArrayAnyAllOperation),
                Box::new(StripCallableQualifier),
                Box::new(FixArrayLiteral),
                Box::new(CurrentUserVariableToSessionUserFunctionCall),
                Box::new(StripCollate),
                Box::new(RewritePgCatalogOperator),
            ],
        }
    }

    /// Parses a text into its statements; `types` are those that the client declares for its parameters.
    ///
    /// What PostgreSQL says in other words than the engine is said in the engine's ([`rewrite`]). Some of that, and of
    /// the rules of `datafusion-pg-catalog`, is made for the questions that clients put to the catalogue and would
    /// change others: it is kept to texts that read nothing else; questions about the data are taken as they were asked.
    ///
    /// # Errors
    /// [`Failure`] when it cannot be parsed.
    pub(super) fn parse(&self, text: &str, types: &[Option<Type>]) -> Result<Vec<Statement>, Failure> {
        if text.len() > MAX_TEXT {
            return Err(Failure::new("54001", "the statement is longer than 1 MiB"));
        }
        if text.bytes().filter(|byte| *byte == b',').count() > MAX_COMMAS {
            let message = format!(
                "the statement has more than {MAX_COMMAS} commas: ask in several statements, or by what the values have in common"
            );
            return Err(Failure::new("54001", message));
        }
        if longest_chain(text) > MAX_CHAIN {
            let message =
                format!("an expression has more than {MAX_CHAIN} operators in a row: use IN (...), or join VALUES");
            return Err(Failure::new("54001", message));
        }
        let mut statements = match Parser::parse_sql(&PostgreSqlDialect {}, text) {
            Ok(statements) => statements,
            // The library knows some words that the parser does not.
            Err(_) => self.compatible.parse(text).map_err(|error| match refused_text(text) {
                Some(refusal) => refusal.into(),
                None => Failure::new("42601", error.to_string()),
            })?,
        };
        let catalogue = !statements.iter().any(asks_for_data);
        for statement in &mut statements {
            label(statement);
            with_typed_arrays(statement, types);
            if catalogue {
                rewrite::of_catalogue(statement);
            }
            rewrite::plainly(statement);
        }
        let rules = if catalogue { &self.for_catalogue } else { &self.for_data };
        let rewritten = |statement| rules.iter().fold(statement, |statement, rule| rule.rewrite(statement));
        Ok(statements.into_iter().map(rewritten).collect())
    }
}

/// How many operators follow each other in a text at most, without a comma, a bracket or a clause between them.
fn longest_chain(text: &str) -> usize {
    // A shorter text has no room for too many.
    if text.len() <= 2 * MAX_CHAIN {
        return 0;
    }
    let Ok(tokens) = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize() else { return 0 };
    // One chain for every bracket that is open.
    let mut open = vec![0_usize];
    let mut longest = 0;
    for token in tokens {
        match token {
            Token::Whitespace(_) | Token::Period | Token::Number(..) | Token::SingleQuotedString(_) => {}
            Token::LParen | Token::LBracket => open.push(0),
            Token::RParen | Token::RBracket => {
                open.pop();
            }
            Token::Comma | Token::SemiColon => {
                if let Some(chain) = open.last_mut() {
                    *chain = 0;
                }
            }
            Token::Word(word) => match word.keyword {
                Keyword::AND
                | Keyword::OR
                | Keyword::NOT
                | Keyword::IS
                | Keyword::LIKE
                | Keyword::UNION
                | Keyword::EXCEPT
                | Keyword::INTERSECT
                | Keyword::JOIN
                | Keyword::COLLATE => longer(&mut open, &mut longest),
                Keyword::WHERE | Keyword::HAVING | Keyword::WHEN | Keyword::THEN | Keyword::ELSE | Keyword::ON => {
                    if let Some(chain) = open.last_mut() {
                        *chain = 0;
                    }
                }
                _ => {}
            },
            _ => longer(&mut open, &mut longest),
        }
    }
    longest
}

fn longer(open: &mut [usize], longest: &mut usize) {
    if let Some(chain) = open.last_mut() {
        *chain += 1;
        *longest = (*longest).max(*chain);
    }
}

/// Whether a statement names a table that is not PostgreSQL's own.
fn asks_for_data(statement: &Statement) -> bool {
    #[derive(Default)]
    struct Names {
        /// Names that the statement itself gives (`WITH name AS ...`).
        given: HashSet<String>,
    }

    impl Visitor for Names {
        type Break = ();

        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            let with = query.with.iter().flat_map(|with| &with.cte_tables);
            self.given.extend(with.map(|table| table.alias.name.value.to_lowercase()));
            ControlFlow::Continue(())
        }

        fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<()> {
            let first = name.0.first().and_then(|part| part.as_ident()).map(|part| part.value.to_lowercase());
            let own = first.is_some_and(|first| {
                first == "information_schema"
                    || first.starts_with("pg_")
                    || is_table_function(&first)
                    || self.given.contains(&first)
            });
            if own { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        }
    }

    statement.visit(&mut Names::default()).is_break()
}

/// Says of parameters in `= ANY($1)` that they are arrays, which the planner cannot guess.
fn with_typed_arrays(statement: &mut Statement, types: &[Option<Type>]) {
    let typed = |expr: &mut SqlExpr| {
        if let SqlExpr::AnyOp { right, .. } | SqlExpr::AllOp { right, .. } = expr
            && let SqlExpr::Value(value) = right.as_ref()
            && let Value::Placeholder(name) = &value.value
        {
            let index = name.trim_start_matches('$').parse::<usize>().unwrap_or(0).wrapping_sub(1);
            let item = match types.get(index).and_then(Option::as_ref) {
                Some(&Type::INT2_ARRAY | &Type::INT4_ARRAY) => "int",
                Some(&Type::INT8_ARRAY) => "bigint",
                Some(&Type::FLOAT4_ARRAY | &Type::FLOAT8_ARRAY) => "double precision",
                _ => "text",
            };
            let cast = format!("CAST({name} AS {item}[])");
            let cast = Parser::new(&PostgreSqlDialect {}).try_with_sql(&cast).and_then(|mut p| p.parse_expr());
            if let Ok(cast) = cast {
                **right = cast;
            }
        }
        ControlFlow::<()>::Continue(())
    };
    if visit_expressions_mut(statement, typed).is_break() {
        tracing::debug!("a visit of a statement broke off");
    }
}

/// The parameters of a plan in order: type as inferred, type as it travels; what the planner cannot say the client
/// may have declared (`declared`).
///
/// # Errors
/// [`Failure`] when a type cannot travel.
pub(super) fn parameters(
    plan: &LogicalPlan,
    declared: &[Option<Type>],
) -> Result<Vec<(Option<DataType>, Type)>, Failure> {
    let mut types: HashMap<String, Option<DataType>> = plan.get_parameter_types().map_err(Failure::from)?;
    // `$1::date`: the cast says what the planner does not.
    plan.apply_with_subqueries(|node| {
        for expr in node.expressions() {
            expr.apply(|expr| {
                if let Expr::Cast(cast) = expr
                    && let Expr::Placeholder(placeholder) = cast.expr.as_ref()
                {
                    let known = types.entry(placeholder.id.clone()).or_default();
                    known.get_or_insert_with(|| cast.field.data_type().clone());
                }
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .map_err(Failure::from)?;
    let count = types.keys().filter_map(|id| id.trim_start_matches('$').parse::<usize>().ok()).max().unwrap_or(0);
    (1..=count)
        .map(|n| {
            let inferred = types.get(&format!("${n}")).cloned().flatten();
            let wire = match &inferred {
                Some(data_type) => into_pg_type(data_type).map_err(|error| Failure::new("0A000", error.to_string()))?,
                None => match declared.get(n - 1).and_then(Option::as_ref) {
                    Some(declared) if *declared != Type::UNKNOWN => declared.clone(),
                    _ => Type::TEXT,
                },
            };
            Ok((inferred, wire))
        })
        .collect()
}
