//! Search: a Tantivy index of receipts and alerts in `<data>/search/`.
//!
//! The index is a projection: receipts come from `lp.pos.transaction.v1`, alerts with their decisions from the database,
//! and how far both were read lies in the commit that holds the documents. So a killed process neither loses nor doubles
//! one, and an index that is damaged or of another version is moved aside and built anew. One process writes
//! ([`Owner`], [`Follower`]), any may read ([`Search`]). Who may see what is a filter beside the query ([`Scope`]),
//! never part of its text.

mod arrivals;
mod count;
mod document;
mod fields;
mod find;
mod follow;
mod histogram;
mod index;
mod language;
mod last;
mod lex;
mod lookup;
mod neighbours;
mod replaced;
mod tally;
#[cfg(test)]
mod tests;
mod values;
mod writer;

use std::path::PathBuf;

use tillsight_schemas::id::{StoreId, TenantId};
use tillsight_schemas::{ErrorKind, HasKind};

use crate::db::Without;

pub(crate) use arrivals::Arrival;
pub use find::{Answer, Bucket, FacetValue, Facets, Hit, HitKind, Order, Request};
pub use follow::{Follower, OpenLog};
pub use index::{Owner, Progress, Search, ask_for_rebuild, rebuild_is_asked_for};
pub(crate) use last::Of;
pub use neighbours::MOST_NEIGHBOURS;

/// What a person may find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The retailer.
    pub tenant: TenantId,
    /// The stores; all of the retailer when empty.
    pub stores: Vec<StoreId>,
    /// Whose alerts are not found.
    pub without: Without,
}

impl Scope {
    /// Everything of these stores; of all of the retailer when empty.
    pub fn whole(tenant: TenantId, stores: Vec<StoreId>) -> Self {
        Self { tenant, stores, without: Without::default() }
    }
}

/// What failed.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// Another process writes the index.
    #[error("another process writes the index in {0}")]
    Busy(PathBuf),
    /// There is no index.
    #[error("there is no index in {0} yet: `tillsight run` makes it")]
    Missing(PathBuf),
    /// A file or folder cannot be used.
    #[error("cannot {attempt} {path}")]
    File {
        /// What was tried.
        attempt: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The index refuses.
    #[error("cannot {attempt} the index")]
    Index {
        /// What was tried.
        attempt: &'static str,
        /// Why it failed.
        source: tantivy::TantivyError,
    },
    /// A stored document cannot be read.
    #[error("a document of the index cannot be read")]
    Damaged(#[source] serde_json::Error),
    /// A cursor that we did not make.
    #[error("the cursor is not one that a page of this search ended with")]
    Cursor,
    /// What is to be indexed cannot be read.
    #[error("cannot read what is to be indexed")]
    Source(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl HasKind for SearchError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Busy(_) | Self::Source(_) | Self::File { .. } => ErrorKind::Unavailable,
            Self::Missing(_) => ErrorKind::NotFound,
            Self::Index { .. } => ErrorKind::Internal,
            Self::Damaged(_) => ErrorKind::DataLoss,
            Self::Cursor => ErrorKind::Invalid,
        }
    }
}

fn failed(attempt: &'static str) -> impl FnOnce(tantivy::TantivyError) -> SearchError {
    move |source| SearchError::Index { attempt, source }
}
