//! What a rule's SQL may not do, found before it judges anything, with what to write instead.
//!
//! The same records in any ticks must come to the same judgements. That holds when what the SQL says about an anchor
//! depends only on the anchor's store, between [`Header::lookback_seconds`] before and [`Header::lookahead_seconds`] after it: the
//! rest of a tick's rows are there by chance. So every table that a rule reads must be tied to the anchor: `pos` by
//! tenant, store and time, `lines` and `tenders` by the event that they belong to, `presence` by tenant, store and both
//! ends, `params` by tenant and store. Rows of several anchors may not be counted together, and whatever orders rows must
//! end in an id. A sequence is looked for among the rows of one anchor; or among those of a store, where what begins at a row
//! depends on nothing but the rows that follow it within its bound in time, which then counts on top of the times that tie
//! it to the anchor ([`sequence`]).
//!
//! Bounds are worked out from the optimised logical plan, with the least and greatest value of each parameter
//! ([`fact`], [`bounds`]). What is tied in a way that this does not understand is refused; [`crate::engine`]'s tests of ticks are the
//! proof for what it lets through.
//!
//! Limit: of `presence` it is asked that both ends are bounded by times of the anchor, not how far away they are.

mod bounds;
mod fact;
mod plan;
mod sequence;
#[cfg(test)]
mod tests;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};

use self::plan::Reader;
use crate::ops::navigates;
use crate::rule::{Header, Rule, RuleError};

/// Refuses what cannot come to the same result whatever the ticks are. `plan` is optimised.
///
/// # Errors
/// [`RuleError::Wrong`] that names the table and what to add.
pub(super) fn lint(rule: &Rule, plan: &LogicalPlan) -> Result<(), RuleError> {
    let mut reader = Reader::new(&rule.header);
    let read = reader.read(plan).and_then(|_| reader.verdict());
    read.map_err(|problem| rule.header.wrong(problem))
}

/// Refuses functions whose answer is not of the data alone. `plan` is as it was written: the optimiser makes a constant of
/// `now()`, and a plan that is run again would stand still.
///
/// # Errors
/// [`RuleError::Wrong`] that names the function.
pub(super) fn steady(rule: &Rule, plan: &LogicalPlan) -> Result<(), RuleError> {
    let mut changing = None;
    let moves = |expr: &Expr| match expr {
        Expr::ScalarFunction(call)
            if call.func.signature().volatility != Volatility::Immutable && navigates(call).is_none() =>
        {
            Some(call.func.name().to_owned())
        }
        _ => None,
    };
    let walked = plan.apply_with_subqueries(|node| {
        for expr in node.expressions() {
            expr.apply(|expr| {
                changing = moves(expr).or(changing.take());
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(TreeNodeRecursion::Continue)
    });
    if let Err(error) = walked {
        return Err(RuleError::plan(&rule.header, &error));
    }
    changing.map_or(Ok(()), |name| {
        let problem =
            format!("{name}() answers otherwise whenever it is asked: use the times of the anchor (a.event_us)");
        Err(rule.header.wrong(problem))
    })
}

/// A span of time in words: `90 s`.
fn seconds(us: i64) -> String {
    format!("{} s", us.unsigned_abs().div_ceil(1_000_000))
}

/// How far a rule may look, in microseconds before and after an anchor.
fn reach(header: &Header) -> (i64, i64) {
    (-header.lookback_seconds * 1_000_000, header.lookahead_seconds * 1_000_000)
}
