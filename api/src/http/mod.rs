//! The HTTP surface: POS records in; alerts, receipts, search, coverage, video, live events, health and the web app out.
//!
//! [`routes`] is the table of all of it. Nothing but health, signing in and the files of the web app answers without a
//! session or token; who may do what is decided in [`auth`] and nowhere else. Errors are RFC 9457 problems
//! ([`problem`]).

mod accusations;
mod alerts;
pub(crate) mod answer;
mod auth;
mod backtests;
mod blind;
mod bodies;
mod cameras;
mod case_contents;
mod case_views;
mod cases;
mod clips;
mod completeness;
mod coverage;
mod coverage_matrix;
mod demo;
mod events;
mod evidence;
mod extract;
mod feeds;
mod health;
mod journal;
mod known;
mod links;
mod live;
#[cfg(test)]
mod matrix;
mod openapi;
mod pages;
mod people;
mod places;
mod pos;
mod pos_body;
mod pos_taken;
mod problem;
mod queries;
mod queue;
mod receipts;
mod reports;
mod route;
mod routes;
mod rules;
mod said;
mod scores;
mod search;
mod searches;
mod session;
mod setup;
mod sight;
mod stills;
#[cfg(test)]
mod tests;
mod throttle;
#[cfg(test)]
mod token_tests;
mod tokens;
mod transactions;
mod views;
#[cfg(test)]
mod without_tests;
#[cfg(test)]
mod work_tests;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::map_response;
use tillsight_correlate::rule::Rule;
use tillsight_ingest::bus::{Connection, Producer, WindowReader};
use tillsight_ingest::pos::{Permits, Stores};
use tillsight_schemas::clock::SharedClock;
use tillsight_schemas::store::Store;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::backtest::Backtests;
use crate::config::Canary;
use crate::db::{Db, DirectAudit};
use crate::feed::Feeds;
use crate::matrix::Board;
use crate::report::Reporter;
use crate::run::Parts;
use crate::scores::Scorer;
use crate::search::Search;
use crate::tls::Listener;

pub(crate) use cameras::Cameras;
pub(crate) use case_views::CaseDetail;
pub(crate) use demo::SOCKET as DEMO_SOCKET;
pub(crate) use events::Hub;
pub(crate) use known::Known;
pub(crate) use live::Live;
pub(crate) use pos_taken::Taken;
pub(crate) use receipts::Receipts;
pub(crate) use setup::Tried;
pub(crate) use throttle::Throttle;
pub(crate) use views::{LineShown, TransactionShown};

/// The largest request body, in bytes.
const LARGEST_BODY: usize = 16 << 20;
/// Passwords that are hashed at once, and pictures that are decoded at once.
pub(crate) const AT_ONCE: usize = 2;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) db: Db,
    pub(crate) producer: Producer,
    pub(crate) stores: Stores,
    pub(crate) shops: Arc<Vec<Store>>,
    pub(crate) permits: Arc<Vec<Permits>>,
    pub(crate) clock: SharedClock,
    pub(crate) data: PathBuf,
    pub(crate) audit: DirectAudit,
    pub(crate) cameras: Arc<Cameras>,
    pub(crate) windows: WindowReader,
    pub(crate) known: Arc<Known>,
    pub(crate) hub: Arc<Hub>,
    /// The rules that are installed.
    pub(crate) rules: Arc<Vec<Rule>>,
    /// What is wrong with each rule of the folder that does not judge.
    pub(crate) left_out: Arc<Vec<String>>,
    /// What makes scores of people at tills.
    pub(crate) scorer: Scorer,
    /// The back-tests that people asked for.
    pub(crate) backtests: Arc<Backtests>,
    /// What integrators sent of late.
    pub(crate) feeds: Arc<Feeds>,
    /// How each rule sees in each store.
    pub(crate) matrix: Arc<Board>,
    /// Which canaries are sent.
    pub(crate) canary: Canary,
    /// Where receipts are found that belong to no alert.
    pub(crate) receipts: Arc<dyn Receipts>,
    /// What was found out about cameras when they were last tested.
    pub(crate) tried: Arc<Tried>,
    /// Which parts of the other processes work.
    pub(crate) parts: Arc<Parts>,
    pub(crate) throttle: Arc<Throttle>,
    /// Records that were handed to the broker of late.
    pub(crate) taken: Arc<Taken>,
    pub(crate) hashing: Arc<Semaphore>,
    pub(crate) decoding: Arc<Semaphore>,
    /// Whether cookies travel over TLS only: links begin with `https`.
    pub(crate) secure: bool,
    /// Whether it is we who speak TLS, and not a proxy.
    pub(crate) encrypted: bool,
    pub(crate) search: Search,
    pub(crate) reporter: Reporter,
    /// The socket of the demo's panel, where this is a demo.
    pub(crate) demo: Option<PathBuf>,
}

/// Answers requests until `stop`, then finishes those that are under way.
pub(crate) async fn serve(
    listener: Listener,
    live: Live,
    connection: Connection,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let mut tasks = JoinSet::new();
    let shared = live.now();
    let (telling, hub, knowing) = (live.clone(), Arc::clone(&shared.hub), Arc::clone(&shared.known));
    tasks.spawn(async move { hub.run(&telling).await });
    let (parts, data, until) = (Arc::clone(&shared.parts), shared.data.clone(), stop.clone());
    tasks.spawn(async move { parts.follow(&data, &until).await });
    let (desk, until) = (Arc::clone(&shared.backtests), stop.clone());
    tasks.spawn(async move { desk.run(&until).await });
    let until = stop.clone();
    let feeding = (shared.clone(), connection.clone(), stop.clone());
    tasks.spawn(async move { knowing.follow(&connection, &until).await });
    tasks.spawn(async move {
        let (shared, connection, stop) = feeding;
        shared.feeds.follow(&connection, &shared.permits, &shared.clock, &stop).await;
    });
    let result = axum::serve(listener, router(live)).with_graceful_shutdown(stop.clone().cancelled_owned()).await;
    stop.cancel();
    tasks.join_all().await;
    result
}

fn router(live: Live) -> Router {
    let all = routes::table().into_iter();
    let encrypted = live.now().encrypted;
    all.fold(Router::new(), |router, route| router.route(route.path, route.handler))
        .fallback(pages::page)
        .method_not_allowed_fallback(pages::wrong_method)
        .layer(map_response(move |response| pages::secured(response, encrypted)))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(live)
}
