//! [`Live`]: what the handlers share, as it is set up now.
//!
//! A request gets the state of the moment ([`Shared`], a few pointers) and keeps it to its end; when stores, cameras or
//! zones change, the next request gets another one. So no handler waits for a change, and none sees half of one.

use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::FromRef;
use tillsight_ingest::pos::Stores;
use tillsight_schemas::error::chain;
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::db::SetUp;
use crate::run::Following;

/// The state of the router.
#[derive(Clone)]
pub(crate) struct Live(Arc<RwLock<Shared>>);

impl Live {
    /// Begins with a state.
    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(RwLock::new(shared)))
    }

    /// The state of this moment.
    pub(crate) fn now(&self) -> Shared {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on this is set up.
    pub(super) fn become_(&self, set_up: SetUp) {
        let mut shared = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let cameras = Arc::new(shared.cameras.with(&set_up.cameras, &set_up.zones));
        let shops = Arc::new(set_up.stores);
        let search = shared.search.with_stores(&shops);
        shared.stores = Stores::new(shops.iter().cloned());
        shared.feeds.set_stores(shared.stores.clone());
        shared.reporter.cameras = Arc::clone(&cameras);
        shared.reporter.shops = Arc::clone(&shops);
        shared.search = search;
        (shared.cameras, shared.shops) = (cameras, shops);
    }

    /// Takes up what has just been changed; what fails here is followed a second later.
    pub(super) async fn refresh(&self) {
        match self.now().db.set_up().await {
            Ok(set_up) => self.become_(set_up),
            Err(error) => tracing::warn!(error = %chain(&error), "a change is shown a second late"),
        }
    }

    /// Follows what is set up until `stop`.
    pub(crate) async fn follow(&self, mut following: Following, stop: &CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                set_up = following.next() => self.become_(set_up),
            }
        }
    }
}

impl FromRef<Live> for Shared {
    fn from_ref(live: &Live) -> Self {
        live.now()
    }
}
