//! The lake: the history of the streams as Delta tables on disk, and the newest rows in memory beyond them.
//!
//! ```text
//! log ──► Archiver ──► Delta tables (rows + marks in one commit) ──► any engine that reads Delta
//!  │                         │ newest version and its marks
//!  └────► HotTail ◄──────────┘ ──► Views ──► sql::Engine
//! ```
//!
//! The log is several topics, each one [`Stream`] with its [`Table`]s; [`History`] reads what was archived.
//!
//! One [`Archiver`] owns all writes of a folder. Any number of [`HotTail`]s read beside it; they share nothing with it
//! but the folder and the log.

pub mod archive;
pub mod history;
pub mod intake;
mod layout;
pub mod memory;
pub mod progress;
mod records;
#[cfg(test)]
pub(crate) mod sample;
pub mod store;
pub mod stream;
pub mod table;
pub mod tail;
#[cfg(test)]
mod tests;

pub use archive::{ArchiveConfig, Archiver};
pub use history::History;
pub(crate) use history::Picked;
pub use memory::MemoryLog;
pub(crate) use records::transactions_of;
pub use store::Store;
pub use stream::Stream;
pub use table::Table;
pub use tail::{HotTail, TailConfig, View, Views};
