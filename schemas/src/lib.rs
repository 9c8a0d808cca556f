//! The vocabulary of Tillsight: what every other crate may say to another.
//!
//! It holds identities, time, money, the POS model and the schemas under which records travel (Avro, JSON, Arrow),
//! the Kafka topics and metric names, and the ports (traits) through which the middle crates meet in `api`.
//! It does no I/O and knows no broker, database or camera.

pub mod alert;
pub mod camera_event;
pub mod canary;
pub mod clip;
pub mod clock;
pub mod clock_offset;
pub mod detection;
pub mod error;
pub mod heartbeat;
pub mod hold;
pub mod id;
pub mod judgement;
pub mod metric;
pub mod money;
pub mod port;
pub mod pos;
pub mod presence;
pub mod review;
pub mod segment;
pub mod span;
pub mod store;
pub mod time_map;
pub mod topic;
pub mod wire;
pub mod zone;

pub use clock::{Clock, ReplayClock, SystemClock};
pub use error::{ErrorKind, HasKind};
pub use span::TimeSpan;
