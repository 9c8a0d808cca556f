//! api

pub mod sql;
