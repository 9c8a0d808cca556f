//! The `tillsight` binary: the only place where the parts meet.
//!
//! `cli` reads the command line, [`config`] the file, `run` supervises one process per role and joins the middle crates
//! through the ports of `tillsight_schemas`; [`db`] is the metadata database, [`search`] the index,
//! [`sending`] what people are told of, `feed` what integrators sent of late, `matrix` how each rule sees in each store,
//! `canary` whether the whole path works, `backtest` what rules make of days that are over, `scores` people at tills beside
//! their peers; `http`, [`sql`], [`report`] and `evidence` (a folder for strangers) are the surfaces.

mod backtest;
mod canary;
pub mod cli;
pub mod config;
pub mod db;
#[cfg(feature = "demo")]
mod demo;
mod evidence;
mod feed;
mod http;
mod matrix;
pub mod report;
pub mod run;
mod scores;
pub mod search;
pub mod sending;
pub mod sql;
mod telemetry;
mod tls;

use std::path::PathBuf;

/// Where the set-up script puts what it fetched: `${XDG_CACHE_HOME:-~/.cache}/tillsight`.
pub fn cache_dir() -> PathBuf {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home).unwrap_or_default().join("tillsight")
}
