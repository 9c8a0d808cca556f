//! The cross-crate tests, one binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

mod architecture;
mod backtest;
mod browser;
mod budget;
mod canary;
mod cases;
mod clips;
mod contributing;
mod deploy;
mod film;
mod flight;
mod fuzz;
mod http;
mod intake;
mod invariance;
mod kiosk;
mod lake;
mod mutants;
mod onvif;
mod own_eyes;
mod pages;
mod postgres;
mod presence;
mod questions;
mod raise;
mod recorder;
mod recovery;
mod report;
mod rules;
mod scores;
mod search;
mod setup;
mod sql;
mod superset;
mod tls;
#[allow(dead_code, reason = "the bench wants more of it")]
#[path = "../bench/trial.rs"]
mod trial;
mod upgrade;
mod zones;
