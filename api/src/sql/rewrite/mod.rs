//! From PostgreSQL's ways of asking to those that the engine can plan.
//!
//! [`plainly`] changes words and not what they mean; it is for every statement. [`of_catalogue`] is for statements that
//! read nothing but PostgreSQL's catalogue: it uses what is known of ours, that many of its tables have no rows
//! ([`EMPTY`]), and takes a scalar subquery to give one row. Both work on the parsed statement, never on its text.

mod catalogue;

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, CastKind, DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident,
    ObjectName, ObjectNamePart, Query, Select, SelectItem, SetExpr, Statement, TableFactor, TableWithJoins, Value,
    ValueWithSpan, VisitMut, VisitorMut, visit_expressions_mut,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::catalog::is_system_table;

pub(super) use catalogue::{EMPTY, of_catalogue};

/// Says the same in words that the engine knows: tables of `pg_catalog` without its name, `SHOW TABLES`,
/// `LIKE ... ESCAPE`, casts to names of the catalogue, `AT TIME ZONE`, `EXISTS` in the select list.
pub(super) fn plainly(statement: &mut Statement) {
    if let Some(select) = shown_tables(statement) {
        *statement = select;
    }
    struct Plainly;

    impl VisitorMut for Plainly {
        type Break = ();

        fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
            for item in &mut select.projection {
                if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                    // An object id of a kind with names is shown by its name.
                    if let Some(name) = named(expr) {
                        *expr = name;
                    }
                    count_existing(expr);
                }
            }
            ControlFlow::Continue(())
        }

        fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
            if let TableFactor::Table { name, args: None, .. } = factor
                && let [ObjectNamePart::Identifier(table)] = name.0.as_slice()
                && is_system_table(&table.value.to_lowercase())
            {
                *name = ObjectName::from(vec![Ident::new("pg_catalog"), table.clone()]);
            }
            ControlFlow::Continue(())
        }

        // Before what is inside: a cast of a cast is one thing.
        fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            escape(expr);
            name_casts(expr);
            at_time_zone(expr);
            ControlFlow::Continue(())
        }
    }
    broken_off(statement.visit(&mut Plainly));
}

/// Visitors here never break off.
fn broken_off(flow: ControlFlow<()>) {
    if flow.is_break() {
        tracing::debug!("a visit of a statement broke off");
    }
}

/// `SHOW TABLES` and `SHOW COLUMNS FROM table` as the questions that they are.
fn shown_tables(statement: &Statement) -> Option<Statement> {
    let text = match statement {
        Statement::ShowTables { .. } => {
            "SELECT table_catalog, table_schema, table_name, table_type FROM information_schema.tables".to_owned()
        }
        Statement::ShowColumns { show_options, .. } => {
            let shown = show_options.show_in.as_ref()?.parent_name.as_ref()?;
            let parts: Vec<String> = shown.0.iter().filter_map(|p| p.as_ident()).map(|i| i.value.clone()).collect();
            let quoted = |text: &str| Value::SingleQuotedString(text.to_owned()).to_string();
            let schema = match parts.as_slice() {
                [.., schema, _] => format!("table_schema = {} AND ", quoted(schema)),
                _ => String::new(),
            };
            format!(
                "SELECT table_catalog, table_schema, table_name, column_name, data_type, is_nullable \
                 FROM information_schema.columns WHERE {schema}table_name = {} ORDER BY ordinal_position",
                quoted(parts.last()?)
            )
        }
        _ => return None,
    };
    Parser::parse_sql(&PostgreSqlDialect {}, &text).ok()?.pop()
}

/// `x LIKE p ESCAPE c`: the engine escapes by a backslash only.
fn escape(expr: &mut Expr) {
    if let Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } = expr
        && let Some(ValueWithSpan { value: Value::SingleQuotedString(character), .. }) = escape_char.as_ref()
        && character != "\\"
    {
        let character = text(character);
        let plain = std::mem::replace(pattern.as_mut(), null());
        **pattern = call("like_pattern", vec![plain, character]);
        *escape_char = None;
    }
}

/// `when AT TIME ZONE zone`: the engine would only change the zone that an instant is shown in.
fn at_time_zone(expr: &mut Expr) {
    if let Expr::AtTimeZone { timestamp, time_zone } = expr {
        let (when, zone) = (timestamp.as_ref().clone(), time_zone.as_ref().clone());
        *expr = call("at_time_zone", vec![when, zone]);
    }
}

/// The name of a type, without `pg_catalog.`, in small letters.
fn plain_name(data_type: &DataType) -> String {
    let lower = data_type.to_string().to_lowercase();
    lower.strip_prefix("pg_catalog.").unwrap_or(&lower).to_owned()
}

fn is_text(data_type: &DataType) -> bool {
    matches!(plain_name(data_type).as_str(), "text" | "varchar" | "character varying" | "name")
}

/// The expression with the name that an object id stands for, where a cast asks for it.
fn named(inner: &Expr) -> Option<Expr> {
    let Expr::Cast { expr, data_type, .. } = unnested(inner) else { return None };
    let id = || expr.as_ref().clone();
    Some(match plain_name(data_type).as_str() {
        "regclass" => call("regclass_name", vec![object_id(id(), "regclass")]),
        "regnamespace" => call("regnamespace_name", vec![object_id(id(), "regnamespace")]),
        "regtype" => call("regtype_name", vec![object_id(id(), "regtype")]),
        "regproc" => function_name(id()),
        "regrole" => call("pg_get_userbyid", vec![id()]),
        _ => return None,
    })
}

fn unnested(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) => unnested(inner),
        other => other,
    }
}

/// What is cast is a name: a text, or a parameter.
fn is_name(expr: &Expr) -> bool {
    let Expr::Value(value) = unnested(expr) else { return false };
    matches!(value.value, Value::SingleQuotedString(_) | Value::Placeholder(_))
}

/// The object of this name; an object id is what it is.
fn object_id(expr: Expr, kind: &str) -> Expr {
    if is_name(&expr) { call(kind, vec![expr]) } else { expr }
}

/// A function's name without its schema.
fn function_name(expr: Expr) -> Expr {
    match unnested(&expr) {
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(name), .. }) => {
            text(name.rsplit('.').next().unwrap_or(name))
        }
        _ => expr,
    }
}

/// Casts to and from the names of the catalogue (`'pos.lines'::regclass`, `atttypid::regtype::text`).
fn name_casts(expr: &mut Expr) {
    let Expr::Cast { expr: inner, data_type, .. } = expr else { return };
    if is_text(data_type) {
        if let Some(name) = named(inner) {
            *expr = name;
        }
        return;
    }
    if let DataType::Array(ArrayElemTypeDef::SquareBracket(item, _)) = data_type
        && is_text(item)
        && let Some(ids) = without_type_casts(inner)
    {
        *expr = call("regtype_names", vec![ids]);
        return;
    }
    match plain_name(data_type).as_str() {
        kind @ ("regclass" | "regnamespace" | "regtype") if is_name(inner) => {
            *expr = call(kind, vec![inner.as_ref().clone()]);
        }
        "regproc" => *expr = function_name(inner.as_ref().clone()),
        "xid" | "tid" | "cid" => {
            let inner = inner.as_ref().clone();
            *expr = cast(inner, DataType::Text);
        }
        _ => {}
    }
}

/// The lists of types in an expression as lists of their ids, if there are any.
fn without_type_casts(expr: &Expr) -> Option<Expr> {
    let mut expr = expr.clone();
    let mut found = false;
    broken_off(visit_expressions_mut(&mut expr, |expr| {
        if let Expr::Cast { expr: inner, data_type: DataType::Array(ArrayElemTypeDef::SquareBracket(item, _)), .. } =
            expr
            && plain_name(item) == "regtype"
        {
            found = true;
            *expr = inner.as_ref().clone();
        }
        ControlFlow::Continue(())
    }));
    found.then_some(expr)
}

/// `EXISTS (...)` of this select list, not of its subqueries, as a comparison of a count.
fn count_existing(expr: &mut Expr) {
    struct Existing(usize);

    impl VisitorMut for Existing {
        type Break = ();

        fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
            self.0 += 1;
            ControlFlow::Continue(())
        }

        fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
            self.0 = self.0.saturating_sub(1);
            ControlFlow::Continue(())
        }

        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            if self.0 == 0
                && let Expr::Exists { subquery, negated } = expr
                && let Some(counted) = counted(subquery, *negated)
            {
                *expr = counted;
            }
            ControlFlow::Continue(())
        }
    }
    broken_off(expr.visit(&mut Existing(0)));
}

fn counted(query: &Query, negated: bool) -> Option<Expr> {
    let test = if negated { "count(*) = 0" } else { "count(*) > 0" };
    let test = Parser::new(&PostgreSqlDialect {}).try_with_sql(test).and_then(|mut p| p.parse_expr()).ok()?;
    let alias = Ident::with_quote('"', "exists");
    let test = SelectItem::ExprWithAlias { expr: test, alias };
    let mut query = query.clone();
    let plain = query.with.is_none() && query.limit_clause.is_none() && query.fetch.is_none();
    match query.body.as_mut() {
        SetExpr::Select(select) if plain && is_plain(select) => {
            select.projection = vec![test];
            query.order_by = None;
        }
        _ => {
            let mut around = parsed_query("SELECT 1 FROM (SELECT 1) AS found")?;
            let SetExpr::Select(select) = around.body.as_mut() else { return None };
            select.projection = vec![test];
            if let Some(TableWithJoins { relation: TableFactor::Derived { subquery, .. }, .. }) =
                select.from.first_mut()
            {
                **subquery = query;
            }
            query = around;
        }
    }
    Some(Expr::Nested(Box::new(Expr::Subquery(Box::new(query)))))
}

fn parsed_query(sql: &str) -> Option<Query> {
    match Parser::parse_sql(&PostgreSqlDialect {}, sql).ok()?.pop()? {
        Statement::Query(query) => Some(*query),
        _ => None,
    }
}

/// Neither groups, nor distinct rows: as many rows as its tables have.
fn is_plain(select: &Select) -> bool {
    let ungrouped = matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
    ungrouped && select.having.is_none() && select.distinct.is_none() && !select.projection.iter().any(aggregates)
}

fn aggregates(item: &SelectItem) -> bool {
    const AGGREGATES: &[&str] =
        &["count", "sum", "min", "max", "avg", "array_agg", "string_agg", "bool_and", "bool_or", "every"];
    let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else { return false };
    let mut expr = expr.clone();
    let mut found = false;
    broken_off(visit_expressions_mut(&mut expr, |expr| {
        if let Expr::Function(function) = expr {
            found |= last(&function.name).is_some_and(|name| AGGREGATES.contains(&name.as_str()));
        }
        ControlFlow::Continue(())
    }));
    found
}

fn last(name: &ObjectName) -> Option<String> {
    name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.to_lowercase())
}

fn call(name: &str, args: Vec<Expr>) -> Expr {
    use datafusion::sql::sqlparser::ast::{Function, FunctionArgumentList};
    let args = args.into_iter().map(|expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

fn cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(expr), data_type, array: false, format: None }
}

fn text_array() -> DataType {
    DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(DataType::Text), None))
}

fn null() -> Expr {
    Expr::Value(Value::Null.into())
}

fn boolean(value: bool) -> Expr {
    Expr::Value(Value::Boolean(value).into())
}

fn text(value: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(value.to_owned()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_asks_for_the_time_there() {
        let sql = "SELECT event_time AT TIME ZONE 'Europe/Berlin' FROM pos.transactions";
        let mut statement = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap().remove(0);
        plainly(&mut statement);
        assert_eq!(statement.to_string(), "SELECT at_time_zone(event_time, 'Europe/Berlin') FROM pos.transactions");
    }
}
