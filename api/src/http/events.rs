//! `GET /api/v1/events`: what changes, as server-sent events (HTML Living Standard §9.2).
//!
//! One task a process asks the database for changes and tells everybody: `alert` and `review` (data: the alert as a list
//! shows it; `sent` says whether people are told of it), `case` (data: the case as a list shows it; to those who see it),
//! `camera` (data: the camera). A case has no place in `Last-Event-ID`: who comes back asks for cases anew. The id of an event
//! is its change number, so a browser that comes back with `Last-Event-ID` misses nothing. Each client has a bounded queue: one that is too slow, or was away for too long, gets
//! `reload` and must ask anew. A stream ends two seconds after what its reader may see has changed, or their session or token
//! has ended, and after a quarter of an hour: the browser returns and is asked again who it is.
//!
//! Who does not see every alert of their stores gets no ids, whose gaps would count the others, and when they come back
//! `reload`.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts as _, State};
use axum::http::{HeaderMap, Request};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::stream::{Stream, unfold};
use serde_json::json;
use tillsight_schemas::error::chain;
use tillsight_schemas::id::{StoreId, TenantId};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::alerts::shown;
use super::auth::{Caller, Person, Right};
use super::case_views::CaseSummary;
use super::live::Live;
use super::problem::Problem;
use super::views::summary;
use crate::db::{AlertRow, Case};

/// How often the database is asked.
const EVERY: Duration = Duration::from_millis(150);
/// How often cameras are looked at, while somebody listens.
const CAMERAS_EVERY: Duration = Duration::from_secs(2);
/// Changes that are asked for at once, and that somebody who returns may have missed.
const AT_ONCE: u32 = 500;
/// Events that may wait for a client.
const DEPTH: usize = 256;
/// How long a stream lasts.
const LASTS: Duration = Duration::from_secs(15 * 60);
/// How often it is asked whether the reader may still see what they saw.
const CHECKED_EVERY: Duration = Duration::from_secs(2);
/// A sign of life at least so often.
const PING: Duration = Duration::from_secs(15);

/// Something that changed.
#[derive(Debug)]
struct Told {
    about: About,
    kind: &'static str,
    change: Option<i64>,
    data: String,
    /// The same for those who are not told how alerts were decided.
    plain: Option<String>,
}

/// What a change is about: who is told.
#[derive(Debug)]
enum About {
    Store(TenantId, StoreId),
    Alert(Box<AlertRow>),
    Case(Box<Case>),
}

/// Tells everybody who listens.
#[derive(Debug)]
pub(crate) struct Hub {
    sender: broadcast::Sender<Arc<Told>>,
    stop: CancellationToken,
}

impl Hub {
    /// A hub whose streams end with `stop`.
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self { sender: broadcast::channel(DEPTH).0, stop }
    }

    /// Asks and tells until the hub stops.
    pub(super) async fn run(&self, live: &Live) {
        let (mut last, mut last_case) = (None, None);
        let mut cameras = BTreeMap::new();
        let mut cameras_at = Instant::now();
        while !self.stop.is_cancelled() {
            let shared = &live.now();
            if let Err(error) = self.tell(shared, &mut last).await {
                tracing::warn!(error = %chain(&error), "changes of alerts cannot be read");
            }
            if let Err(error) = self.tell_cases(shared, &mut last_case).await {
                tracing::warn!(error = %chain(&error), "changes of cases cannot be read");
            }
            if self.sender.receiver_count() > 0 && Instant::now() >= cameras_at {
                cameras_at = Instant::now() + CAMERAS_EVERY;
                self.tell_cameras(shared, &mut cameras).await;
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    async fn tell(&self, shared: &Shared, last: &mut Option<i64>) -> Result<(), crate::db::DbError> {
        let Some(since) = *last else {
            *last = Some(shared.db.last_change().await?);
            return Ok(());
        };
        for told in changes(shared, since).await? {
            *last = told.change.or(*last);
            // Nobody listens: nobody misses it.
            drop(self.sender.send(Arc::new(told)));
        }
        Ok(())
    }

    async fn tell_cases(&self, shared: &Shared, last: &mut Option<i64>) -> Result<(), crate::db::DbError> {
        let Some(since) = *last else {
            *last = Some(shared.db.last_case_change().await?);
            return Ok(());
        };
        for case in shared.db.cases_since(since, AT_ONCE).await? {
            *last = Some(case.change);
            let data = json!(CaseSummary::of(&case)).to_string();
            let told = Told { about: About::Case(Box::new(case)), kind: "case", change: None, data, plain: None };
            drop(self.sender.send(Arc::new(told)));
        }
        Ok(())
    }

    async fn tell_cameras(&self, shared: &Shared, known: &mut BTreeMap<String, (String, bool)>) {
        let now = shared.clock.now();
        for camera in shared.cameras.all() {
            let analysed = shared.known.analysed(&camera.store, &camera.id, now);
            let shown = shared.cameras.shown(camera, analysed, now).await;
            let state = (shown.state.clone(), shown.analysed);
            let before = known.insert(format!("{}/{}", camera.store, camera.id), state.clone());
            if before.is_some_and(|before| before != state) {
                drop(self.sender.send(Arc::new(Told {
                    about: About::Store(camera.store.tenant.clone(), camera.store.store.clone()),
                    kind: "camera",
                    change: None,
                    data: json!(shown).to_string(),
                    plain: None,
                })));
            }
        }
    }
}

/// What changed after a change number.
async fn changes(shared: &Shared, since: i64) -> Result<Vec<Told>, crate::db::DbError> {
    let mut told = Vec::new();
    for row in shared.db.alerts_since(since, AT_ONCE).await? {
        // A decision is the last thing that happened to the alert, unless it was raised anew since.
        let reviewed = row.reviewed_at.is_some_and(|at| at >= row.alert.raised_at);
        let whole = shown(shared, &row).await;
        let plain = json!(summary(&row.clone().alone(), whole.has_video)).to_string();
        let data = json!(whole).to_string();
        told.push(Told {
            kind: if reviewed { "review" } else { "alert" },
            change: Some(row.change),
            data,
            plain: Some(plain),
            about: About::Alert(Box::new(row)),
        });
    }
    Ok(told)
}

/// One client's stream.
struct Client {
    shared: Shared,
    /// What the request came with: session or token.
    headers: HeaderMap,
    person: Person,
    check_at: Instant,
    waiting: VecDeque<Event>,
    live: Option<broadcast::Receiver<Arc<Told>>>,
    sent: i64,
    until: Instant,
    stop: CancellationToken,
}

/// Whether a person is told of a change.
fn concerns(told: &Told, person: &Person) -> bool {
    match &told.about {
        About::Store(tenant, store) => person.scope.sees(tenant, store),
        About::Alert(row) => person.scope.sees_alert(row),
        About::Case(case) => person.sees_case(case),
    }
}

impl Client {
    fn event(told: &Told, person: &Person) -> Event {
        let event = Event::default().event(told.kind);
        if !person.scope.without.is_empty() {
            return event.data(told.plain.as_ref().unwrap_or(&told.data));
        }
        let event = event.data(&told.data);
        told.change.map_or_else(|| event.clone(), |change| event.clone().id(change.to_string()))
    }

    fn reload() -> Event {
        Event::default().event("reload").data("{}")
    }

    /// Whether the reader is who they were, and sees what they saw.
    async fn is_the_same(&self) -> bool {
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.headers.clone_from(&self.headers);
        let caller = Caller::from_request_parts(&mut parts, &self.shared).await;
        caller.and_then(|caller| caller.person(Right::Look)).is_ok_and(|person| person == self.person)
    }

    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some((Ok(event), self));
            }
            if Instant::now() >= self.check_at {
                if !self.is_the_same().await {
                    return None;
                }
                self.check_at = Instant::now() + CHECKED_EVERY;
            }
            let live = self.live.as_mut()?;
            let received = tokio::select! {
                () = self.stop.cancelled() => return None,
                () = tokio::time::sleep_until(self.until) => return None,
                () = tokio::time::sleep_until(self.check_at) => continue,
                received = live.recv() => received,
            };
            match received {
                Ok(told) => {
                    // What was sent from the database already comes once more from the hub.
                    let new = told.change.is_none_or(|change| change > self.sent);
                    if new && concerns(&told, &self.person) {
                        self.waiting.push_back(Self::event(&told, &self.person));
                    }
                }
                Err(RecvError::Lagged(events)) => {
                    tracing::info!(events, "a client was too slow for live events and must reload");
                    self.live = None;
                    self.waiting.push_back(Self::reload());
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

/// Opens a stream.
pub(super) async fn listen(
    State(shared): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let person = caller.person(Right::Look)?;
    let unread = |error: &crate::db::DbError| Problem::unavailable("the changes cannot be read", error);
    // First listen, then ask what was missed: so nothing falls between.
    let live = shared.hub.sender.subscribe();
    let mut sent = shared.db.last_change().await.map_err(|error| unread(&error))?;
    let hello = Event::default().event("hello").data(json!({ "now": shared.clock.now() }).to_string());
    let counted = person.scope.without.is_empty();
    let mut waiting = VecDeque::from([if counted { hello.id(sent.to_string()) } else { hello }]);
    if !counted && headers.contains_key("last-event-id") {
        waiting.push_back(Client::reload());
    }
    let returns = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse::<i64>().ok());
    if let Some(since) = returns.filter(|since| counted && *since < sent) {
        let missed = changes(&shared, since).await.map_err(|error| unread(&error))?;
        if missed.len() >= usize::try_from(AT_ONCE).unwrap_or(usize::MAX) {
            waiting.push_back(Client::reload());
        } else {
            sent = missed.iter().filter_map(|told| told.change).max().unwrap_or(sent).max(sent);
            let own = missed.iter().filter(|told| concerns(told, &person));
            waiting.extend(own.map(|told| Client::event(told, &person)));
        }
    }
    let now = Instant::now();
    let client = Client {
        stop: shared.hub.stop.clone(),
        shared,
        headers,
        person,
        check_at: now + CHECKED_EVERY,
        waiting,
        live: Some(live),
        sent,
        until: now + LASTS,
    };
    Ok(Sse::new(unfold(client, Client::next)).keep_alive(KeepAlive::new().interval(PING).text("ping")))
}
