//! Back-tests as data: what one comes to ([`BacktestResult`]), how that is counted ([`Tally`]), and the desk at which pages
//! ask for them ([`Backtests`]): one at a time, each in a process of its own, so that none can cost the pages anything.

mod asked;
mod desk;
mod kept;
mod program;
mod result;
mod tally;
#[cfg(test)]
pub(crate) mod tally_tests;

pub(crate) use asked::{Against, Asked};
pub(crate) use desk::{Backtests, Refusal, Ticket};
pub(crate) use kept::{Kept, State};
pub(crate) use program::Program;
pub(crate) use result::{
    BacktestAlert, BacktestAlerts, BacktestPrecision, BacktestProgress, BacktestResult, BacktestSaid, BacktestSummary,
    Line,
};
pub(crate) use tally::{Seen, Tally};
