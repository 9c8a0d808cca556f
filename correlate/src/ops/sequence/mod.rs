//! Sequences of rows: a subset of `MATCH_RECOGNIZE` (ISO/IEC 9075-2:2016, R010; explained in ISO/IEC 19075-5).
//!
//! ```sql
//! FROM near MATCH_RECOGNIZE (
//!   PARTITION BY anchor_id                                      -- columns
//!   ORDER BY event_us, event_id                                 -- the time first, an id last
//!   MEASURES FIRST(t.event_id) AS sale_id, COUNT(x.*) AS others
//!   ONE ROW PER MATCH                                           -- which is all there is
//!   AFTER MATCH SKIP PAST LAST ROW                              -- or TO NEXT ROW
//!   PATTERN (t x* v)
//!   DEFINE t AS kind = 'SALE', v AS kind = 'POST_VOID' AND reference_event_id = t.event_id,
//!          within AS INTERVAL '60' SECOND
//! ) AS m
//! ```
//!
//! The match that counts is the one that begins first, and of those the preferred one: of `|` the left, of a quantifier the
//! most rows (with `?` behind it the fewest).
//!
//! `within` is ours. The standard has no bound in time, without which a sequence could go on for ever; other engines write
//! `WITHIN …` behind the pattern, where the parser knows nothing. So it stands among the definitions, and must stand
//! there: the last row of a match is at most so much later than its first. It is an expression of the first row, so that it
//! can be a number of the rule.
//!
//! ```text
//! text ──► relation (shape, words) ──► node ──► planner (formula, automaton) ──► exec (program: layout, matcher)
//! ```
//!
//! Conditions that are about a row by itself, or about rows before it ([`Walk::Before`](navigation::Walk)), are computed for
//! all rows at once and become bits; only what depends on the rows that a match has taken (`t.event_id`) is asked row by row.

mod automaton;
mod exec;
mod formula;
mod layout;
mod matcher;
mod navigation;
mod node;
mod pattern;
mod planner;
mod program;
mod relation;
mod shape;
#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;

use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::ScalarFunction;

pub(crate) use node::SequenceMatch;
use planner::Sequences;

/// Lets sessions understand `MATCH_RECOGNIZE`.
pub(crate) fn with_sequences(state: SessionStateBuilder) -> SessionStateBuilder {
    state.with_relation_planners(vec![Arc::new(Sequences)]).with_query_planner(Arc::new(Sequences))
}

/// Whether a call of a plan stands for another row of a sequence; if so, the column that it is about.
pub(crate) fn navigates(call: &ScalarFunction) -> Option<Option<&Expr>> {
    navigation::Navigation::in_call(call).map(|(_, column)| column)
}
