//! What a condition says about the time of scans, and about which rows belong together.

use std::collections::BTreeMap;

use datafusion::logical_expr::expr::Between;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use super::fact::{ANY, Context, Fact, Scan, Span, plus};

/// Which column of two scans is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tie {
    /// The event.
    Event,
    /// The tenant.
    Tenant,
    /// The store.
    Store,
}

/// What a condition says.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The event times of scans, relative to the anchor's.
    pub(super) times: BTreeMap<Scan, Span>,
    /// The ends of presence that are bounded: from below, from above.
    pub(super) edges: BTreeMap<Scan, (bool, bool)>,
    /// Columns that are equal.
    pub(super) ties: Vec<(Tie, Scan, Scan)>,
}

impl Said {
    /// What a condition says where all of it is true.
    pub(super) fn by(condition: &Expr, context: Context<'_>) -> Self {
        let mut all = Self::default();
        for conjunct in split_conjunction(condition) {
            let said = match conjunct {
                Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
                    Self::either(Self::by(left, context), &Self::by(right, context))
                }
                Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                    Self::compared(*op, context.of(left), context.of(right), context)
                }
                Expr::Between(Between { expr, negated: false, low, high }) => {
                    let (at, low, high) = (context.of(expr), context.of(low), context.of(high));
                    let from = Self::compared(Operator::GtEq, at, low, context);
                    from.both(Self::compared(Operator::LtEq, at, high, context))
                }
                _ => Self::default(),
            };
            all = all.both(said);
        }
        all
    }

    /// Two values that are the same.
    pub(super) fn equal(one: Fact, other: Fact, context: Context<'_>) -> Self {
        Self::compared(Operator::Eq, one, other, context)
    }

    fn compared(operator: Operator, one: Fact, other: Fact, context: Context<'_>) -> Self {
        let mut said = Self::default();
        if operator == Operator::Eq {
            let tie = match (one, other) {
                (Fact::Id(one), Fact::Id(other)) => Some((Tie::Event, one, other)),
                (Fact::Tenant(one), Fact::Tenant(other)) => Some((Tie::Tenant, one, other)),
                (Fact::Store(one), Fact::Store(other)) => Some((Tie::Store, one, other)),
                _ => None,
            };
            said.ties.extend(tie);
        }
        said.at(operator, one, other, context);
        if let Some(turned) = operator.swap() {
            said.at(turned, other, one, context);
        }
        said
    }

    /// `one OP other`, as far as it bounds `one`.
    fn at(&mut self, operator: Operator, one: Fact, other: Fact, context: Context<'_>) {
        let (from_below, from_above) = match operator {
            Operator::Eq => (true, true),
            Operator::Gt | Operator::GtEq => (true, false),
            Operator::Lt | Operator::LtEq => (false, true),
            _ => return,
        };
        match (one, other) {
            (Fact::Edge(scan), Fact::Seen | Fact::Instant(..)) => {
                let edge = self.edges.entry(scan).or_default();
                *edge = (edge.0 || from_below, edge.1 || from_above);
            }
            (Fact::Instant(scan, offset), Fact::Instant(of, _)) if scan != of => {
                let Some((low, high)) = context.about_anchor(other) else { return };
                let span = self.times.entry(scan).or_insert(ANY);
                // scan + offset ≥ low, whatever the offset is within its bounds.
                if from_below && offset.1 != i64::MAX && low != i64::MIN {
                    span.0 = span.0.max(plus(low, -offset.1));
                }
                if from_above && offset.0 != i64::MIN && high != i64::MAX {
                    span.1 = span.1.min(plus(high, -offset.0));
                }
            }
            _ => {}
        }
    }

    /// What holds when both hold.
    pub(super) fn both(mut self, other: Self) -> Self {
        for (scan, (low, high)) in other.times {
            let span = self.times.entry(scan).or_insert(ANY);
            *span = (span.0.max(low), span.1.min(high));
        }
        for (scan, (below, above)) in other.edges {
            let edge = self.edges.entry(scan).or_default();
            *edge = (edge.0 || below, edge.1 || above);
        }
        self.ties.extend(other.ties);
        self
    }

    /// What holds whichever of two holds.
    fn either(one: Self, other: &Self) -> Self {
        let times = one.times.into_iter().filter_map(|(scan, span)| {
            let beside = other.times.get(&scan)?;
            Some((scan, (span.0.min(beside.0), span.1.max(beside.1))))
        });
        let edges = one.edges.into_iter().filter_map(|(scan, edge)| {
            let beside = other.edges.get(&scan)?;
            Some((scan, (edge.0 && beside.0, edge.1 && beside.1)))
        });
        let ties = one.ties.iter().copied().filter(|tie| other.ties.contains(tie));
        Self { times: times.collect(), edges: edges.collect(), ties: ties.collect() }
    }
}
