//! The POS model, after ARTS/OMG POSLog and the Operational Data Model 7.3.
//!
//! [`Transaction`] is what a till says, in the form integrators send it ([landing](crate::topic::landing)); it holds
//! nothing that we made up. [`PostedTransaction`] is the same with what ingest found out ([`Header`]): the identity,
//! the event time in UTC with its uncertainty, and where the record came from. Corrections are new records with a
//! higher `revision`; nothing is ever changed in place.

mod header;
mod identity;
mod line;
mod reject;
mod tender;
mod transaction;

pub use header::Header;
pub use identity::{NoNaturalKey, natural_id, payload_sha256};
pub use line::{Action, Entry, Line, PriceOverride};
pub use reject::{Reject, RejectCode};
pub use tender::{Direction, Tender, TenderType};
pub use transaction::{Kind, PostedTransaction, Source, Transaction, TransactionRef};
