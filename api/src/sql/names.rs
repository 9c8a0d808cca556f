//! What columns are called: PostgreSQL's names for what a statement computes without naming it.
//!
//! `SELECT count(*), 1` has the columns `count` and `?column?` there, and may have several of one name, which the
//! planner does not allow. So every unnamed expression is given its name, a repeated one with a mark behind it that is
//! taken off before the client sees it ([`shown`]).

use std::collections::HashSet;
use std::ops::ControlFlow;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::sql::sqlparser::ast::{
    AccessExpr, DataType, Expr, FunctionArguments, Ident, ObjectName, Select, SelectItem, SetExpr, Statement, VisitMut,
    VisitorMut,
};

/// Stands between a name and its number where a name is repeated.
const MARK: char = '\u{1f}';
/// What the compatibility rules put before a column that a wildcard repeats.
const REPEATED: &str = "__alias_";

/// Names every unnamed column of a statement and of its subqueries.
pub(super) fn label(statement: &mut Statement) {
    struct Labels;

    impl VisitorMut for Labels {
        type Break = ();

        fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
            label_select(select);
            ControlFlow::Continue(())
        }
    }

    // It never breaks off.
    if statement.visit(&mut Labels).is_break() {
        tracing::debug!("a visit of a statement broke off");
    }
}

fn label_select(select: &mut Select) {
    let mut taken: HashSet<String> = HashSet::new();
    for item in &select.projection {
        if let SelectItem::ExprWithAlias { alias, .. } = item {
            taken.insert(folded(alias));
        }
    }
    for (place, item) in select.projection.iter_mut().enumerate() {
        let repeated = match item {
            // A name that was given twice: the second is the planner's trouble, not the client's.
            SelectItem::ExprWithAlias { alias, .. } => {
                let name = folded(alias);
                if taken.insert(format!("{name}{MARK}given")) {
                    continue;
                }
                *alias = quoted(&format!("{name}{MARK}{place}"));
                continue;
            }
            SelectItem::UnnamedExpr(expr) => {
                let name = name_of(expr);
                let column = matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
                let fresh = taken.insert(name.clone());
                if column && fresh {
                    continue;
                }
                if fresh { name } else { format!("{name}{MARK}{place}") }
            }
            _ => continue,
        };
        if let SelectItem::UnnamedExpr(expr) = item {
            let expr = std::mem::replace(expr, Expr::Identifier(Ident::new("")));
            *item = SelectItem::ExprWithAlias { expr, alias: quoted(&repeated) };
        }
    }
}

/// The columns as the client sees them.
pub(super) fn shown(schema: &SchemaRef) -> SchemaRef {
    let plain = |name: &str| -> Option<String> {
        let unmarked = name.split(MARK).next().unwrap_or(name);
        let unmarked = unmarked.strip_prefix(REPEATED).unwrap_or(unmarked);
        (unmarked != name).then(|| unmarked.to_owned())
    };
    if schema.fields().iter().all(|field| plain(field.name()).is_none()) {
        return SchemaRef::clone(schema);
    }
    let field = |field: &Field| match plain(field.name()) {
        Some(name) => field.clone().with_name(name),
        None => field.clone(),
    };
    SchemaRef::new(Schema::new(schema.fields().iter().map(|f| field(f)).collect::<Vec<_>>()))
}

fn quoted(name: &str) -> Ident {
    Ident::with_quote('"', name)
}

/// An identifier as PostgreSQL reads it: in small letters unless it is quoted.
fn folded(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

fn last(name: &ObjectName) -> Option<String> {
    name.0.last().and_then(|part| part.as_ident()).map(folded)
}

/// What PostgreSQL calls the column of this expression.
fn name_of(expr: &Expr) -> String {
    own_name(expr).or_else(|| weak_name(expr)).unwrap_or_else(|| "?column?".to_owned())
}

/// The name that an expression brings with it: of a column, or of a function.
fn own_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(ident) => Some(folded(ident)),
        Expr::CompoundIdentifier(parts) => parts.last().map(folded),
        Expr::Function(function) => last(&function.name),
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => own_name(inner),
        Expr::Cast { expr: inner, .. } => own_name(inner),
        Expr::CompoundFieldAccess { root, access_chain } => {
            let field = access_chain.iter().rev().find_map(|access| match access {
                AccessExpr::Dot(Expr::Identifier(ident)) => Some(folded(ident)),
                _ => None,
            });
            field.or_else(|| own_name(root))
        }
        Expr::Subquery(query) => match query.body.as_ref() {
            SetExpr::Select(select) => match select.projection.first() {
                Some(SelectItem::ExprWithAlias { alias, .. }) => Some(folded(alias)),
                Some(SelectItem::UnnamedExpr(expr)) => Some(name_of(expr)),
                _ => None,
            },
            _ => None,
        },
        Expr::Exists { .. } => Some("exists".to_owned()),
        Expr::Extract { .. } => Some("extract".to_owned()),
        Expr::Substring { .. } => Some("substring".to_owned()),
        Expr::Position { .. } => Some("position".to_owned()),
        Expr::Overlay { .. } => Some("overlay".to_owned()),
        Expr::Trim { .. } => Some("btrim".to_owned()),
        Expr::Ceil { .. } => Some("ceil".to_owned()),
        Expr::Floor { .. } => Some("floor".to_owned()),
        Expr::AtTimeZone { .. } => Some("timezone".to_owned()),
        Expr::Array(_) => Some("array".to_owned()),
        _ => None,
    }
}

/// The name of what has none of its own.
fn weak_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Cast { data_type, .. } => Some(type_name(data_type)),
        Expr::TypedString(typed) => Some(type_name(&typed.data_type)),
        Expr::Interval(_) => Some("interval".to_owned()),
        Expr::Nested(inner) => weak_name(inner),
        Expr::Case { else_result, .. } => {
            Some(else_result.as_deref().and_then(own_name).unwrap_or_else(|| "case".to_owned()))
        }
        _ => None,
    }
}

fn type_name(data_type: &DataType) -> String {
    let written = data_type.to_string().to_lowercase();
    let written = written.trim_start_matches("pg_catalog.");
    let plain = written.split(['(', '[']).next().unwrap_or(written).trim();
    match plain {
        "int" | "integer" => "int4",
        "bigint" => "int8",
        "smallint" => "int2",
        "boolean" => "bool",
        "real" => "float4",
        "double precision" | "double" => "float8",
        "character varying" => "varchar",
        "decimal" => "numeric",
        "timestamp with time zone" => "timestamptz",
        "timestamp without time zone" => "timestamp",
        other => other,
    }
    .to_owned()
}

/// Whether a function is written `ARRAY(SELECT ...)`.
pub(super) fn is_array_of_query(function: &datafusion::sql::sqlparser::ast::Function) -> bool {
    matches!(function.args, FunctionArguments::Subquery(_)) && last(&function.name).as_deref() == Some("array")
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn labelled(sql: &str) -> String {
        let mut statement = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap().remove(0);
        label(&mut statement);
        statement.to_string().replace(MARK, "#")
    }

    #[test]
    fn what_has_no_name_is_called_what_postgresql_calls_it() {
        for (sql, expected) in [
            ("SELECT 1, 1", r##"SELECT 1 AS "?column?", 1 AS "?column?#1""##),
            ("SELECT count(*), Count(*) FROM t", r##"SELECT count(*) AS "count", Count(*) AS "count#1" FROM t"##),
            ("SELECT a.x, b.x FROM a, b", r##"SELECT a.x, b.x AS "x#1" FROM a, b"##),
            ("SELECT total::text FROM t", r#"SELECT total::TEXT AS "total" FROM t"#),
            ("SELECT '1'::int", r#"SELECT '1'::INT AS "int4""#),
            ("SELECT (SELECT max(x) FROM t)", r#"SELECT (SELECT max(x) AS "max" FROM t) AS "max""#),
            ("SELECT EXISTS (SELECT x FROM t)", r#"SELECT EXISTS (SELECT x FROM t) AS "exists""#),
            ("SELECT CASE WHEN a THEN 1 END FROM t", r#"SELECT CASE WHEN a THEN 1 END AS "case" FROM t"#),
            ("SELECT x AS a, y AS a FROM t", r##"SELECT x AS a, y AS "a#1" FROM t"##),
        ] {
            assert_eq!(labelled(sql), expected);
        }
    }

    #[test]
    fn the_client_sees_names_without_marks() {
        let field = |name: String| Field::new(name, arrow::datatypes::DataType::Int64, true);
        let schema = SchemaRef::new(Schema::new(vec![
            field("count".to_owned()),
            field(format!("count{MARK}1")),
            field(format!("{REPEATED}oid")),
        ]));
        let shown = shown(&schema);
        let names: Vec<&str> = shown.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["count", "count", "oid"]);
    }
}
