//! The harness: a shop with everything in it, started as its owner would start it, and the outside programs that talk
//! to it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a harness fails loudly"
)]

pub mod camera;
pub mod certificates;
pub mod day;
pub mod mail;
pub mod onnx;
pub mod onvif;
pub mod outside;
pub mod postgres;
pub mod shop;
pub mod truth;
pub mod week;

pub use shop::Shop;
