//! What happens in a store: real baskets, a simulated store day around them, and injected fraud with its ground truth.
//!
//! [`journey`] loads a panel of real baskets. [`store_day`] turns them into the day of a store: lanes, operators,
//! tenders, voids and returns at the documented rates of [`rates`]. [`scenario`] injects named frauds and near misses
//! and says in a [`truth::Truth`] what a rule should find. [`history`] strings days and stores together, [`live`] rings in
//! real time, [`demo`] holds two stores to begin with. [`cashiers`] draws counts of a fleet, for scores. [`film`] makes what the demo's cameras
//! see, [`cameras`] shows it, [`session`] plans what is rung before it.
//!
//! Everything is a function of a seed: the same seed gives the same bytes on every machine, because chance is drawn
//! in whole numbers only ([`dice`]), and with `libm` for [`cashiers`]. What is real, edited, simulated and injected is said in `README.md` beside the
//! sources.

pub mod cameras;
pub mod cashiers;
pub mod demo;
pub mod dice;
mod error;
pub mod film;
pub mod history;
pub mod journey;
pub mod live;
pub mod plan;
pub mod rates;
pub mod scenario;
pub mod session;
pub mod store_day;
pub mod truth;

pub use error::{Error, Result};
