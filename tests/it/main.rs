//! The cross-crate tests, one binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

mod architecture;
mod clips;
mod intake;
mod recorder;
mod recovery;
mod sql;
