//! Reads the expressions of `MEASURES` and `DEFINE`, in which `t.event_us`, `PREV(kind)` or `COUNT(x.*)` are about other rows.
//!
//! Such a part is taken out of the text and planned by itself; what stands around it is planned by DataFusion as if the
//! part were a column.

use std::collections::HashMap;
use std::ops::ControlFlow;

use arrow::datatypes::Field;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, plan_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::planner::RelationPlannerContext;
use datafusion::logical_expr::{Expr, ExprSchemable};
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, ObjectNamePart,
    Value, ValueWithSpan, VisitMut, VisitorMut,
};

use super::navigation::Walk;

/// Where an expression stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the condition of a variable.
    Define(usize),
    /// Among what is told of a match.
    Measures,
}

/// Plans an expression over the rows of an input. `names` are those of the variables.
///
/// # Errors
/// When it is wrong, or asks for what is not there, with what to write instead.
pub(super) fn plan(
    mut written: SqlExpr,
    place: Place,
    names: &[String],
    rows: &DFSchema,
    context: &mut dyn RelationPlannerContext,
) -> Result<Expr> {
    let normal = |ident: Ident| context.normalize_ident(ident);
    let mut reading = Reading { names, place, normal: &normal, parts: Vec::new() };
    if let ControlFlow::Break(error) = VisitMut::visit(&mut written, &mut reading) {
        return Err(error);
    }
    let (mut calls, mut fields) = (Vec::new(), Vec::new());
    for (walk, argument) in reading.parts {
        let argument = argument.map(|argument| context.sql_to_expr(argument, rows)).transpose()?;
        let call = walk.of(argument);
        fields.push(Field::new(stand_in(calls.len()), call.get_type(rows)?, true));
        calls.push(call);
    }
    let with_parts = rows.join(&DFSchema::from_unqualified_fields(fields.into(), HashMap::new())?)?;
    let planned = context.sql_to_expr(written, &with_parts)?;
    let refused = planned.exists(|expr| {
        Ok(matches!(
            expr,
            Expr::AggregateFunction(_)
                | Expr::WindowFunction(_)
                | Expr::ScalarSubquery(_)
                | Expr::Exists(_)
                | Expr::InSubquery(_)
        ))
    })?;
    if refused {
        return plan_err!(
            "MATCH_RECOGNIZE knows FIRST, LAST and COUNT(v.*) of a match's rows, no other aggregates, and no questions \
             within an expression: join what you need before, or group what was found"
        );
    }
    let planned = planned.transform_up(|expr| {
        let call = match &expr {
            Expr::Column(column) if column.relation.is_none() => {
                (0..calls.len()).find(|number| column.name == stand_in(*number)).and_then(|number| calls.get(number))
            }
            _ => None,
        };
        Ok(match call {
            Some(call) => Transformed::yes(call.clone()),
            None => Transformed::no(expr),
        })
    })?;
    Ok(planned.data)
}

/// The column that stands for a part that was taken out.
fn stand_in(number: usize) -> String {
    format!("navigation {number}")
}

/// Takes the parts about other rows out of an expression.
struct Reading<'a> {
    names: &'a [String],
    place: Place,
    normal: &'a dyn Fn(Ident) -> String,
    parts: Vec<(Walk, Option<SqlExpr>)>,
}

impl VisitorMut for Reading<'_> {
    type Break = DataFusionError;

    fn pre_visit_expr(&mut self, expr: &mut SqlExpr) -> ControlFlow<DataFusionError> {
        let instead = match expr {
            SqlExpr::CompoundIdentifier(_) => self.qualified(expr),
            SqlExpr::Function(call) => self.call(call),
            _ => Ok(None),
        };
        match instead {
            Ok(Some(instead)) => *expr = instead,
            Ok(None) => {}
            Err(error) => return ControlFlow::Break(error),
        }
        ControlFlow::Continue(())
    }
}

impl Reading<'_> {
    fn variable(&self, name: &Ident) -> Option<usize> {
        let name = (self.normal)(name.clone());
        self.names.iter().position(|known| *known == name)
    }

    /// A column, and the variable whose rows it is of, where one is named.
    fn column(&self, expr: &SqlExpr) -> Option<(Option<usize>, SqlExpr)> {
        match expr {
            SqlExpr::Identifier(_) => Some((None, expr.clone())),
            SqlExpr::CompoundIdentifier(parts) => match parts.as_slice() {
                [name, column] => Some(match self.variable(name) {
                    Some(variable) => (Some(variable), SqlExpr::Identifier(column.clone())),
                    None => (None, expr.clone()),
                }),
                _ => Some((None, expr.clone())),
            },
            _ => None,
        }
    }

    fn take(&mut self, walk: Walk, argument: Option<SqlExpr>) -> SqlExpr {
        self.parts.push((walk, argument));
        SqlExpr::Identifier(Ident::with_quote('"', stand_in(self.parts.len() - 1)))
    }

    /// `v.column`: of the last row of the variable so far.
    fn qualified(&mut self, expr: &SqlExpr) -> Result<Option<SqlExpr>> {
        match self.column(expr) {
            Some((Some(variable), column)) => Ok(Some(self.last(Some(variable), column))),
            _ => Ok(None),
        }
    }

    fn last(&mut self, variable: Option<usize>, column: SqlExpr) -> SqlExpr {
        // The row that is tested is the last one of its variable, and of all.
        match self.place {
            Place::Define(own) if variable.is_none_or(|variable| variable == own) => column,
            _ => self.take(Walk::Last(variable), Some(column)),
        }
    }

    fn call(&mut self, call: &Function) -> Result<Option<SqlExpr>> {
        let [ObjectNamePart::Identifier(name)] = call.name.0.as_slice() else { return Ok(None) };
        if call.over.is_some() || call.filter.is_some() {
            return Ok(None);
        }
        let name = name.value.to_uppercase();
        let arguments = arguments(call);
        match (name.as_str(), arguments.as_slice()) {
            ("FIRST" | "LAST", [FunctionArgExpr::Expr(column)]) => match self.column(column) {
                Some((variable, column)) if name == "FIRST" => Ok(Some(self.take(Walk::First(variable), Some(column)))),
                Some((variable, column)) => Ok(Some(self.last(variable, column))),
                None => plan_err!("{call}: {name} takes a column, {name}(v.event_us), without arithmetic inside"),
            },
            ("PREV", [FunctionArgExpr::Expr(column), rest @ ..]) => {
                let Place::Define(own) = self.place else {
                    return plan_err!("{call}: PREV is for DEFINE; MEASURES have FIRST and LAST");
                };
                let places = match rest {
                    [] => Some(1),
                    [
                        FunctionArgExpr::Expr(SqlExpr::Value(ValueWithSpan {
                            value: Value::Number(digits, _), ..
                        })),
                    ] => digits.parse().ok(),
                    _ => None,
                };
                match (self.column(column), places) {
                    (Some((variable, column)), Some(places)) if variable.is_none_or(|variable| variable == own) => {
                        Ok(Some(self.take(Walk::Before(places), Some(column))))
                    }
                    _ => plan_err!("{call}: PREV takes a column of the row that is tested, and how many rows before"),
                }
            }
            ("COUNT", [FunctionArgExpr::Wildcard]) => Ok(Some(self.take(Walk::Count(None), None))),
            ("COUNT", [FunctionArgExpr::QualifiedWildcard(ObjectName(parts))]) => {
                let variable = match parts.as_slice() {
                    [ObjectNamePart::Identifier(name)] => self.variable(name),
                    _ => None,
                };
                match variable {
                    Some(variable) => Ok(Some(self.take(Walk::Count(Some(variable)), None))),
                    None => plan_err!("{call}: the PATTERN has no such variable"),
                }
            }
            ("MATCH_NUMBER" | "CLASSIFIER", []) => match self.place {
                Place::Measures if name == "CLASSIFIER" => Ok(Some(self.take(Walk::Classifier, None))),
                Place::Measures => Ok(Some(self.take(Walk::Number, None))),
                Place::Define(_) => plan_err!("{call} is for MEASURES"),
            },
            ("NEXT", _) => plan_err!("{call}: there is no NEXT here: let the PATTERN name the row that follows"),
            _ => Ok(None),
        }
    }
}

/// The unnamed arguments of a call.
fn arguments(call: &Function) -> Vec<FunctionArgExpr> {
    let FunctionArguments::List(list) = &call.args else { return Vec::new() };
    let unnamed = list.args.iter().filter_map(|argument| match argument {
        FunctionArg::Unnamed(argument) => Some(argument.clone()),
        FunctionArg::Named { .. } | FunctionArg::ExprNamed { .. } => None,
    });
    unnamed.collect()
}
