//! Operators of our own behind standard SQL.
//!
//! Rules and statements are written in SQL that every engine has. Where DataFusion would compute an answer in quadratic
//! time, an optimizer rule puts an operator of ours into the plan; the answer is the same, row by row, and the plan
//! without it is the oracle of its tests.
//!
//! ```text
//! FROM anchor a JOIN presence s                        HashJoinExec tests every pair of the same key
//!   ON s.register_id = a.register_id            ──►    IntervalJoinExec looks the neighbours up: O((n + m) log n + out)
//!  AND s.start_us < a.to_us AND s.end_us > a.from_us
//! ```
//!
//! What DataFusion cannot say at all is said in the words of the standard: sequences of rows ([`sequence`],
//! `MATCH_RECOGNIZE`), for rules; and sessions ([`session`], `session_id`), for rules and head office. Their oracle is the
//! plain SQL that comes to the same.

mod band;
#[cfg(test)]
pub(crate) mod chance;
mod interval_index;
mod interval_join;
mod interval_probe;
mod interval_rule;
mod micros;
mod sequence;
mod session;
#[cfg(test)]
pub(crate) mod tests;

pub use interval_join::IntervalJoinExec;
pub use interval_rule::IntervalJoins;
pub(crate) use micros::of_literal as length_of;
pub(crate) use sequence::{SequenceMatch, navigates, with_sequences};
pub(crate) use session::session_id;
