//! Kafka: connection settings, topics, an idempotent producer and a reader that starts where its caller says.
//!
//! Offsets of truth never live in Kafka's consumer groups: they are committed together with what was made of the
//! records. A broker that is away is normal; every call here either waits or says what it could not do.

mod admin;
mod connection;
mod producer;
mod reader;
mod window;

pub use admin::ensure_topics;
pub use connection::{Connection, Security};
pub use producer::{Outgoing, Producer};
pub use reader::TopicReader;
pub use window::{Window, WindowQuery, WindowReader};
