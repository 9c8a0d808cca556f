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

mod band;
mod interval_index;
mod interval_join;
mod interval_probe;
mod interval_rule;
#[cfg(test)]
mod tests;

pub use interval_join::IntervalJoinExec;
pub use interval_rule::IntervalJoins;
