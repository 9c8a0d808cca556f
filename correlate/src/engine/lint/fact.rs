//! [`Fact`]: what is known about a column or an expression of a rule's plan, without any data.

use std::collections::BTreeMap;

use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::{Expr, Operator};

use crate::ops::{length_of, navigates};

/// The number of a scan of a table in a plan: a table that is read twice has two.
pub(super) type Scan = usize;

/// Whole numbers from .. to, both included; the ends of `i64` stand for "without bound".
pub(super) type Span = (i64, i64);

/// Anything.
pub(super) const ANY: Span = (i64::MIN, i64::MAX);

/// What is known about a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    /// Nothing.
    Unknown,
    /// A whole number within a span: a literal, a parameter.
    Number(Span),
    /// An instant: so many microseconds after the event time of the row of a scan.
    Instant(Scan, Span),
    /// An instant of the recorder's clock about the anchor, or one that was made with such a one.
    Seen,
    /// An end of a span of presence.
    Edge(Scan),
    /// The id of the event that a row is, or belongs to.
    Id(Scan),
    /// Which line or tender of its event a row is.
    Place(Scan),
    /// The tenant of a row.
    Tenant(Scan),
    /// The store of a row.
    Store(Scan),
}

/// `a + b`, where the ends of `i64` stay what they are.
pub(super) fn plus(one: i64, other: i64) -> i64 {
    match (one, other) {
        (i64::MIN | i64::MAX, _) => one,
        (_, i64::MIN | i64::MAX) => other,
        _ => one.saturating_add(other),
    }
}

fn minus(one: Span) -> Span {
    let turned = |at: i64| {
        if at == i64::MIN {
            i64::MAX
        } else if at == i64::MAX {
            i64::MIN
        } else {
            -at
        }
    };
    (turned(one.1), turned(one.0))
}

fn sum(one: Span, other: Span) -> Span {
    (plus(one.0, other.0), plus(one.1, other.1))
}

fn product(one: Span, other: Span) -> Span {
    if one == ANY || other == ANY {
        return ANY;
    }
    let all =
        [(one.0, other.0), (one.0, other.1), (one.1, other.0), (one.1, other.1)].map(|(a, b)| a.saturating_mul(b));
    (all.into_iter().min().unwrap_or(i64::MIN), all.into_iter().max().unwrap_or(i64::MAX))
}

/// Either of two values.
fn hull(one: Span, other: Span) -> Span {
    (one.0.min(other.0), one.1.max(other.1))
}

/// How the instants of a scan lie about the anchor, as far as it is known.
pub(super) type Known = BTreeMap<Scan, Span>;

/// What is known about the columns of a node, and about the scans below it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) schema: &'a DFSchema,
    pub(super) facts: &'a [Fact],
    /// Instants of these scans, relative to the anchor's event time.
    pub(super) known: &'a Known,
}

impl Context<'_> {
    /// What is known about an expression.
    pub(super) fn of(&self, expr: &Expr) -> Fact {
        match expr {
            Expr::Column(column) => self.column(column),
            Expr::Alias(alias) => self.of(&alias.expr),
            Expr::Cast(cast) => self.of(&cast.expr),
            Expr::TryCast(cast) => self.of(&cast.expr),
            Expr::Negative(inner) => match self.of(inner) {
                Fact::Number(span) => Fact::Number(minus(span)),
                _ => Fact::Unknown,
            },
            Expr::BinaryExpr(binary) => self.arithmetic(binary.op, self.of(&binary.left), self.of(&binary.right)),
            Expr::Literal(length, _) => {
                length_of(length).map_or(Fact::Unknown, |length| Fact::Number((length, length)))
            }
            Expr::ScalarFunction(call) => {
                // A value of some row of a sequence.
                if let Some(column) = navigates(call) {
                    return column.map_or(Fact::Unknown, |column| self.of(column));
                }
                let facts: Vec<Fact> = call.args.iter().map(|argument| self.of(argument)).collect();
                match call.func.name() {
                    "greatest" => self.folded(&facts, |one, other| (one.0.max(other.0), one.1.max(other.1))),
                    "least" => self.folded(&facts, |one, other| (one.0.min(other.0), one.1.min(other.1))),
                    "coalesce" | "nvl" => self.folded(&facts, hull),
                    _ => Fact::Unknown,
                }
            }
            Expr::Case(case) => {
                let branches = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
                let facts: Vec<Fact> = branches.map(|branch| self.of(branch)).collect();
                self.folded(&facts, hull)
            }
            // A value of some row of a group.
            Expr::AggregateFunction(call)
                if matches!(call.func.name(), "max" | "min" | "first_value" | "last_value") =>
            {
                call.params.args.first().map_or(Fact::Unknown, |argument| self.of(argument))
            }
            Expr::WindowFunction(call)
                if matches!(call.fun.name(), "max" | "min" | "lag" | "lead" | "first_value" | "last_value") =>
            {
                call.params.args.first().map_or(Fact::Unknown, |argument| self.of(argument))
            }
            _ => Fact::Unknown,
        }
    }

    /// An instant relative to the anchor, where it is known.
    pub(super) fn about_anchor(&self, fact: Fact) -> Option<Span> {
        match fact {
            Fact::Instant(scan, span) => self.known.get(&scan).map(|known| sum(*known, span)),
            _ => None,
        }
    }

    fn column(&self, column: &Column) -> Fact {
        let index = self.schema.maybe_index_of_column(column);
        index.and_then(|index| self.facts.get(index).copied()).unwrap_or(Fact::Unknown)
    }

    fn arithmetic(&self, operator: Operator, one: Fact, other: Fact) -> Fact {
        match (operator, one, other) {
            (Operator::Plus, Fact::Number(one), Fact::Number(other)) => Fact::Number(sum(one, other)),
            (Operator::Minus, Fact::Number(one), Fact::Number(other)) => Fact::Number(sum(one, minus(other))),
            (Operator::Multiply, Fact::Number(one), Fact::Number(other)) => Fact::Number(product(one, other)),
            (Operator::Plus, Fact::Instant(scan, at), Fact::Number(by))
            | (Operator::Plus, Fact::Number(by), Fact::Instant(scan, at)) => Fact::Instant(scan, sum(at, by)),
            (Operator::Minus, Fact::Instant(scan, at), Fact::Number(by)) => Fact::Instant(scan, sum(at, minus(by))),
            (Operator::Plus | Operator::Minus, Fact::Seen, _) | (Operator::Plus, _, Fact::Seen) => Fact::Seen,
            _ => Fact::Unknown,
        }
    }

    /// Facts of one kind as one: numbers as numbers, instants as instants about the anchor where all are known.
    fn folded(&self, facts: &[Fact], fold: impl Fn(Span, Span) -> Span) -> Fact {
        let Some((first, rest)) = facts.split_first() else { return Fact::Unknown };
        if rest.iter().all(|fact| fact == first) {
            return *first;
        }
        if facts.contains(&Fact::Seen) {
            return Fact::Seen;
        }
        let numbers = facts.iter().map(|fact| if let Fact::Number(span) = fact { Some(*span) } else { None });
        if let Some(numbers) = numbers.collect::<Option<Vec<Span>>>() {
            return numbers.into_iter().reduce(fold).map_or(Fact::Unknown, Fact::Number);
        }
        let instants = facts.iter().map(|fact| match fact {
            Fact::Instant(..) => Some(self.about_anchor(*fact).unwrap_or(ANY)),
            _ => None,
        });
        let anchor = self.known.iter().find(|(_, span)| **span == (0, 0)).map(|(scan, _)| *scan);
        match (instants.collect::<Option<Vec<Span>>>(), anchor) {
            (Some(instants), Some(anchor)) => {
                instants.into_iter().reduce(fold).map_or(Fact::Unknown, |span| Fact::Instant(anchor, span))
            }
            _ => Fact::Unknown,
        }
    }
}
