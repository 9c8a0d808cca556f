//! Questions to the catalogue: what only they contain, and what is known of ours.
//!
//! Many of its tables have no rows ([`EMPTY`]): there are no indexes, constraints, policies or triggers here. A subquery
//! that reads one of them is what it gives, nothing, however it is written. All others are taken to give one row.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, JoinOperator,
    ObjectName, Query, Select, SelectItem, SetExpr, Statement, TableFactor, Value, VisitMut, VisitorMut,
    visit_expressions_mut,
};

use super::super::names::is_array_of_query;
use super::{boolean, broken_off, call, cast, is_plain, last, null, text, text_array, unnested};

/// Tables of `pg_catalog` that have no rows here: there is nothing of the kind.
pub(in super::super) const EMPTY: &[&str] = &[
    "pg_attrdef",
    "pg_auth_members",
    "pg_collation",
    "pg_constraint",
    "pg_cursors",
    "pg_enum",
    "pg_event_trigger",
    "pg_foreign_data_wrapper",
    "pg_foreign_server",
    "pg_foreign_table",
    "pg_index",
    "pg_indexes",
    "pg_inherits",
    "pg_locks",
    "pg_matviews",
    "pg_partitioned_table",
    "pg_policies",
    "pg_policy",
    "pg_prepared_statements",
    "pg_publication",
    "pg_publication_namespace",
    "pg_publication_rel",
    "pg_rewrite",
    "pg_rules",
    "pg_seclabel",
    "pg_sequence",
    "pg_sequences",
    "pg_shseclabel",
    "pg_statistic",
    "pg_statistic_ext",
    "pg_statistic_ext_data",
    "pg_subscription",
    "pg_subscription_rel",
    "pg_trigger",
    "pg_user_mapping",
    "pg_views",
];

/// Columns of the catalogue that are null in every row.
const ALWAYS_NULL: &[&str] = &["reloptions"];

/// Columns that name a function: `regproc` is its name here, as it is shown.
const FUNCTION_COLUMNS: &[&str] = &[
    "prosupport",
    "typsubscript",
    "typinput",
    "typoutput",
    "typreceive",
    "typsend",
    "typmodin",
    "typmodout",
    "typanalyze",
];

/// Columns of truth values that clients compare with `'t'` and `'f'`; some others of the catalogue hold these letters.
const FLAGS: &[&str] = &[
    "attisdropped",
    "attnotnull",
    "indisclustered",
    "indisprimary",
    "indisunique",
    "indisvalid",
    "relhasindex",
    "relispartition",
];

/// Rewrites what only questions to the catalogue contain.
pub(in super::super) fn of_catalogue(statement: &mut Statement) {
    struct Empty;

    impl VisitorMut for Empty {
        type Break = ();

        fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
            if reads_nothing(select) {
                for item in &mut select.projection {
                    if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                        broken_off(visit_expressions_mut(expr, |expr| {
                            forget_subquery(expr, true);
                            ControlFlow::Continue(())
                        }));
                    }
                }
            }
            ControlFlow::Continue(())
        }

        fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            forget_subquery(expr, false);
            ControlFlow::Continue(())
        }
    }
    broken_off(statement.visit(&mut Empty));

    struct Forms;

    impl VisitorMut for Forms {
        type Break = ();

        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            one_row(expr);
            unfold(expr);
            compare_function(expr);
            compare_flag(expr);
            ControlFlow::Continue(())
        }
    }
    broken_off(statement.visit(&mut Forms));
}

/// Whether a select has no rows because it joins a table that has none.
fn reads_nothing(select: &Select) -> bool {
    select.from.iter().any(|table| {
        is_empty(&table.relation) && !table.joins.iter().any(|join| keeps_right(&join.join_operator))
            || table.joins.iter().any(|join| is_empty(&join.relation) && is_inner(&join.join_operator))
    })
}

fn is_inner(operator: &JoinOperator) -> bool {
    matches!(operator, JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_))
}

fn keeps_right(operator: &JoinOperator) -> bool {
    !(is_inner(operator) || matches!(operator, JoinOperator::Left(_) | JoinOperator::LeftOuter(_)))
}

fn is_empty(factor: &TableFactor) -> bool {
    let null_column = |expr: &Expr| match unnested(expr) {
        Expr::CompoundIdentifier(parts) => {
            parts.last().is_some_and(|ident| ALWAYS_NULL.contains(&ident.value.to_lowercase().as_str()))
        }
        _ => false,
    };
    match factor {
        TableFactor::Table { name, args: None, .. } => {
            let ours = name.0.len() == 1
                || name
                    .0
                    .first()
                    .and_then(|p| p.as_ident())
                    .is_some_and(|i| i.value.eq_ignore_ascii_case("pg_catalog"));
            ours && last(name).is_some_and(|name| EMPTY.contains(&name.as_str()))
        }
        TableFactor::Table { name, args: Some(args), .. } => {
            last(name).as_deref() == Some("unnest")
                && args.args.iter().any(|arg| argument(arg).is_some_and(null_column))
        }
        TableFactor::UNNEST { array_exprs, .. } => array_exprs.iter().any(null_column),
        TableFactor::Function { name, args, .. } => {
            last(name).as_deref() == Some("unnest") && args.iter().any(|arg| argument(arg).is_some_and(null_column))
        }
        _ => false,
    }
}

fn argument(arg: &FunctionArg) -> Option<&Expr> {
    match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    }
}

/// Puts in the place of a subquery what it gives when it reads nothing; of any subquery, if it is never computed.
fn forget_subquery(expr: &mut Expr, never: bool) {
    let nothing = |query: &Query| {
        never
            || matches!(query.body.as_ref(), SetExpr::Select(select) if reads_nothing(select)
                && select.projection.iter().all(|item| !counts(item)))
    };
    let value = match expr {
        Expr::Subquery(query) if nothing(query) => cast(null(), DataType::Text),
        Expr::Exists { subquery, negated } if nothing(subquery) => boolean(*negated),
        Expr::Function(function) => match &function.args {
            FunctionArguments::Subquery(query) if is_array_of_query(function) && nothing(query) => {
                cast(null(), text_array())
            }
            FunctionArguments::List(list)
                if last(&function.name).as_deref() == Some("unnest")
                    && matches!(list.args.as_slice(), [arg] if argument(arg).is_some_and(|arg| forgotten(arg, &nothing))) =>
            {
                cast(null(), DataType::Text)
            }
            _ => return,
        },
        _ => return,
    };
    *expr = value;
}

fn forgotten(expr: &Expr, nothing: &impl Fn(&Query) -> bool) -> bool {
    match unnested(expr) {
        Expr::Subquery(query) => nothing(query),
        Expr::Cast { expr, .. } => matches!(expr.as_ref(), Expr::Value(value) if value.value == Value::Null),
        _ => false,
    }
}

fn counts(item: &SelectItem) -> bool {
    let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else { return false };
    matches!(unnested(expr), Expr::Function(function) if last(&function.name).as_deref() == Some("count"))
}

/// A scalar subquery gives one row, `ARRAY(SELECT ...)` one list: both are aggregates, which can be correlated.
fn one_row(expr: &mut Expr) {
    match expr {
        Expr::Subquery(query) => aggregate(query, "max"),
        Expr::Function(function) if is_array_of_query(function) => {
            if let FunctionArguments::Subquery(query) = &function.args {
                let mut query = query.clone();
                aggregate(&mut query, "array_agg");
                *expr = Expr::Nested(Box::new(Expr::Subquery(query)));
            }
        }
        _ => {}
    }
}

fn aggregate(query: &mut Query, name: &str) {
    if query.limit_clause.is_some() || query.fetch.is_some() || query.with.is_some() {
        return;
    }
    if let SetExpr::Select(select) = query.body.as_mut()
        && is_plain(select)
        && !select.from.is_empty()
        && let [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] =
            select.projection.as_mut_slice()
    {
        let inner = std::mem::replace(expr, null());
        *expr = call(name, vec![inner]);
        query.order_by = None;
    }
}

/// Functions that give several rows, as the engine unfolds lists; and fields of what they give.
fn unfold(expr: &mut Expr) {
    match expr {
        Expr::Function(function) => {
            let list = match last(&function.name).as_deref() {
                Some("generate_subscripts") => "subscripts",
                Some("_pg_expandarray") => "numbered",
                Some("regexp_split_to_table") => "regexp_split_to_array",
                _ => return,
            };
            function.name = ObjectName::from(vec![Ident::new(list)]);
            let list = std::mem::replace(expr, null());
            *expr = call("unnest", vec![list]);
        }
        Expr::CompoundFieldAccess { root, access_chain } => {
            if let [AccessExpr::Dot(Expr::Identifier(field))] = access_chain.as_slice()
                && matches!(root.as_ref(), Expr::Nested(_))
            {
                let field = text(&field.value.to_lowercase());
                let root = std::mem::replace(root.as_mut(), null());
                *expr = call("get_field", vec![root, field]);
            }
        }
        _ => {}
    }
}

/// `typreceive <> 0`: no function is `-` where functions are names. `pg_proc.oid = typreceive` compares names, too.
fn compare_function(expr: &mut Expr) {
    let Expr::BinaryOp { left, op, right } = expr else { return };
    if !matches!(op, BinaryOperator::Eq | BinaryOperator::NotEq) {
        return;
    }
    let is_function = |expr: &Expr| is_column(expr, FUNCTION_COLUMNS);
    let is_zero = |expr: &Expr| matches!(unnested(expr), Expr::Value(value) if value.value.to_string() == "0");
    let other = match (is_function(left), is_function(right)) {
        (true, _) => right,
        (_, true) => left,
        _ => return,
    };
    if is_zero(other) {
        **other = text("-");
    } else if is_column(other, &["oid"]) {
        by_name(other);
    }
}

/// Puts the name of a function in the place of its id.
fn by_name(column: &mut Expr) {
    let last = match column {
        Expr::Identifier(ident) => Some(ident),
        Expr::CompoundIdentifier(parts) => parts.last_mut(),
        Expr::Nested(inner) => return by_name(inner),
        _ => None,
    };
    if let Some(ident) = last {
        *ident = Ident::new("proname");
    }
}

/// `indisprimary = 'f'`: PostgreSQL reads the letter as what it is compared with.
fn compare_flag(expr: &mut Expr) {
    let Expr::BinaryOp { left, op: BinaryOperator::Eq | BinaryOperator::NotEq, right } = expr else { return };
    let flag = |expr: &Expr| match unnested(expr) {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(letter) if letter == "t" => Some(true),
            Value::SingleQuotedString(letter) if letter == "f" => Some(false),
            _ => None,
        },
        _ => None,
    };
    if let (true, Some(value)) = (is_column(left, FLAGS), flag(right)) {
        **right = boolean(value);
    }
}

fn is_column(expr: &Expr, names: &[&str]) -> bool {
    let name = match unnested(expr) {
        Expr::Identifier(ident) => Some(ident),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _ => None,
    };
    name.is_some_and(|ident| names.contains(&ident.value.to_lowercase().as_str()))
}
