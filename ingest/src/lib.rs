//! What comes in: POS records over Kafka, and later cameras and their recordings.
//!
//! [`bus`] speaks to Kafka and to nothing else; [`pos`] accepts or rejects what tills send. Nothing here knows SQL over
//! history, rules or people: those meet this crate in `api`, through the ports of `tillsight_schemas`.

pub mod bus;
mod error;
pub mod pos;

pub use error::{Error, Result};
