//! The HTTP surface: POS records in; clips, health and metrics out.
//!
//! Nothing but health answers without a token; who may do what is decided in [`auth`] and nowhere else. Errors are
//! RFC 9457 problems ([`problem`]).

mod auth;
mod clips;
mod health;
mod pos;
mod problem;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use tillsight_ingest::bus::Producer;
use tillsight_ingest::pos::{Permits, Stores};
use tillsight_schemas::clock::SharedClock;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::db::{Db, DirectAudit};

pub(crate) use clips::Cameras;

/// The largest request body, in bytes.
const LARGEST_BODY: usize = 16 << 20;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) db: Db,
    pub(crate) producer: Producer,
    pub(crate) stores: Stores,
    pub(crate) permits: Arc<Vec<Permits>>,
    pub(crate) clock: SharedClock,
    pub(crate) data: PathBuf,
    pub(crate) audit: DirectAudit,
    pub(crate) cameras: Arc<Cameras>,
}

/// Answers requests until `stop`, then finishes those that are under way.
pub(crate) async fn serve(listener: TcpListener, shared: Shared, stop: CancellationToken) -> std::io::Result<()> {
    axum::serve(listener, routes(shared)).with_graceful_shutdown(stop.cancelled_owned()).await
}

fn routes(shared: Shared) -> Router {
    Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/api/v1/pos/transactions", post(pos::receive))
        .route("/api/v1/clips/{file}", get(clips::clip))
        .fallback(problem::no_such_page)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(shared)
}
