//! Area `correlate`: the rule engine beside what else there is (DuckDB, Polars, Flink, bytewax), and what it does where they give up:
//! outages, disorder, crashes, a chain through Kafka. The rows are those of the table of bars; one that cannot be measured
//! is there all the same and does not hold.
//!
//! Everybody gets the same events ([`feed`]) and answers before anybody is timed; processor time counts, the others run from
//! their packages (`deploy/setup.sh bench`, `tests/bench/peers`).

mod absence;
mod beside;
mod feed;
mod kept;
mod part;
mod questions;
mod recovery;
mod rules;
mod scale;

use crate::sheet::Sheet;

/// Our side of a comparison.
pub(crate) fn part(arguments: &[String]) {
    part::work(arguments);
}

pub(crate) fn measure(sheet: &mut Sheet) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    questions::decode(sheet);
    questions::refund(sheet, &runtime);
    questions::sequence(sheet, &runtime);
    questions::sliding(sheet, &runtime);
    absence::absence(sheet, &runtime);
    recovery::recovery(sheet, &runtime);
    scale::scale(sheet);
}
