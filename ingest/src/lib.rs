//! What comes in: POS records over Kafka, cameras over RTSP and ONVIF, and the recordings that are made of them.
//!
//! [`bus`] speaks to Kafka and to nothing else; [`pos`] accepts or rejects what tills send; [`rtsp`] reads cameras,
//! [`onvif`] what they say by themselves, [`record`] writes what they show and reads it back. Nothing here knows SQL over history, rules or people: those meet
//! this crate in `api`, through the ports of `tillsight_schemas`.

pub mod bus;
mod error;
pub mod onvif;
pub mod pos;
pub mod record;
pub mod rtsp;

pub use error::{Error, Result};
