//! Everything that speaks DataFusion and Delta: the lake (history on disk and the hot tail beyond it) and the scoped,
//! read-only SQL sessions over it.
//!
//! It knows no broker, socket or user database: records come through [`tillsight_schemas::port::EventSource`], and
//! `api` puts the PostgreSQL wire protocol in front of [`sql::Engine`].

pub mod error;
pub mod lake;
pub mod sql;

pub use error::{Error, Result};
