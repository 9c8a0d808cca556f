//! POS records: from the landing topics to `lp.pos.transaction.v1`, or to the dead-letter topic with a reason.
//!
//! The way of a record: card numbers are masked in its bytes ([`mask`]); it is decoded (JSON or Avro) and every problem
//! is named ([`decode`]); its times are read in the store's zone ([`time`]); its identity is compared with what was
//! accepted before ([`judge`]); then it is written to the raw topic and to the canonical or the dead-letter topic, and
//! only when the broker has all of these are the identities and the read position committed ([`pipeline`]).
//!
//! A crash between the last two steps sends the same records again. Consumers drop them by their landing coordinates,
//! which rise within each landing partition.

mod decode;
mod glance;
mod judge;
mod mask;
mod pipeline;
mod time;

pub use glance::{Glance, glance};
pub use judge::{Checker, Permits, Stores, collision, warning};
pub use mask::mask_card_numbers;
pub use pipeline::{Outcomes, Pipeline};
pub use time::{BadTime, ReadTime, read_time};
