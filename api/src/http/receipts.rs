//! [`Receipts`]: where a transaction is found that belongs to no alert.

use async_trait::async_trait;
use tillsight_schemas::port::PortError;
use tillsight_schemas::pos::PostedTransaction;
use uuid::Uuid;

use crate::search::{Scope, Search};

/// Finds transactions by their id.
#[async_trait]
pub(crate) trait Receipts: Send + Sync + std::fmt::Debug {
    /// The transaction of that id, if it is known.
    async fn get(&self, event_id: Uuid) -> Result<Option<PostedTransaction>, PortError>;

    /// The transaction of a scope that replaces another one, if one does.
    async fn replaced_by(&self, event_id: Uuid, scope: Scope) -> Result<Option<Uuid>, PortError>;
}

#[async_trait]
impl Receipts for Search {
    async fn get(&self, event_id: Uuid) -> Result<Option<PostedTransaction>, PortError> {
        let search = self.clone();
        Ok(tokio::task::spawn_blocking(move || search.receipt(event_id)).await??)
    }

    async fn replaced_by(&self, event_id: Uuid, scope: Scope) -> Result<Option<Uuid>, PortError> {
        let search = self.clone();
        let replacing = tokio::task::spawn_blocking(move || search.replacing(&[event_id], &scope)).await??;
        Ok(replacing.get(&event_id).copied())
    }
}
