//! Everything that speaks DataFusion and Delta: the lake (history on disk and the hot tail beyond it), the scoped,
//! read-only SQL sessions over it, the numbers of reports, scores of people at
//! tills beside their peers, and the rules with the engine that judges by them.
//!
//! It knows no broker, socket or user database: records come through [`tillsight_schemas::port::EventSource`], and
//! `api` puts the PostgreSQL wire protocol in front of [`sql::Engine`].

pub mod align;
pub mod backtest;
pub mod engine;
pub mod error;
pub mod lake;
pub mod ops;
pub mod report;
pub mod rule;
pub mod score;
pub mod sql;
pub mod tally;
pub mod why;

pub use error::{Error, Result};
