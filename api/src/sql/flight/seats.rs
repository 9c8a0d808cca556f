//! Who is logged in: a [`Seat`] for each key that a client shows with its calls.
//!
//! A key is what the handshake gave for name and password, or the secret of a token itself. Every call looks the login up
//! again, so a token that is revoked, or a person whose stores change, is out at once. Seats are few, and the one that was
//! idle for longest makes room for the next.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arrow::datatypes::{DataType, SchemaRef};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use datafusion::sql::sqlparser::ast::Statement;
use sha2::{Digest, Sha256};
use tillsight_correlate::sql::Session;
use tillsight_schemas::error::chain;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataMap;

use crate::sql::failure::Failure;
use crate::sql::scram::Verifier;
use crate::sql::settings::Settings;
use crate::sql::{Login, REVOKED, Shared};

/// A seat that is not used for so long is given up: a day of work.
const IDLE: Duration = Duration::from_secs(10 * 3600);
/// Prepared statements of a seat; beyond it the oldest goes.
const MAX_PREPARED: usize = 128;
/// How long a wrong password waits for its answer, whoever's it is.
const PENALTY: Duration = Duration::from_millis(300);
/// Passwords that are hashed at once.
const HASHED_AT_ONCE: usize = 2;

/// What a key is known by: nobody can use it who reads our memory.
type Digested = [u8; 32];

/// All seats.
#[derive(Debug)]
pub(super) struct Seats {
    taken: Mutex<HashMap<Digested, Arc<Seat>>>,
    most: usize,
    hashing: Semaphore,
}

/// A login that is logged in.
#[derive(Debug)]
pub(super) struct Seat {
    /// The name that it logged in by.
    pub(super) role_name: String,
    /// The name that statements are written down under.
    pub(super) user: String,
    /// Its way to the lake.
    pub(super) session: Arc<Session>,
    login: Login,
    used: Mutex<Instant>,
    prepared: Mutex<Vec<(Vec<u8>, Arc<Prepared>)>>,
    running: Mutex<Vec<(Vec<u8>, CancellationToken)>>,
    /// Cancelled when the login does not hold any more.
    pub(super) revoked: CancellationToken,
}

/// A prepared statement.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) text: Arc<str>,
    pub(super) statement: Box<Statement>,
    /// What its rows look like.
    pub(super) columns: SchemaRef,
    /// The types of its parameters, where the planner knows them.
    pub(super) parameters: Vec<Option<DataType>>,
    /// Their values, once they were bound.
    pub(super) bound: Option<Vec<datafusion::scalar::ScalarValue>>,
}

impl Seats {
    /// So many at once.
    pub(super) fn new(most: usize) -> Self {
        Self { taken: Mutex::default(), most: most.max(1), hashing: Semaphore::new(HASHED_AT_ONCE) }
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<Digested, Arc<Seat>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs in with name and password; the key to show from now on.
    ///
    /// # Errors
    /// [`Failure`] when they are wrong, after a while.
    pub(super) async fn log_in(
        &self,
        shared: &Shared,
        headers: &MetadataMap,
        from: SocketAddr,
    ) -> Result<String, Failure> {
        let credentials = authorization(headers, "Basic").ok_or_else(|| {
            Failure::new("28000", "log in with the name of a SQL token and its secret (username and password)")
        })?;
        // Clients differ about the padding.
        let decoded = STANDARD_NO_PAD
            .decode(credentials.trim_end_matches('='))
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let decoded = decoded.ok_or_else(|| Failure::new("28000", "the credentials are not in base64"))?;
        let (name, password) = decoded.split_once(':').unwrap_or((&decoded, ""));
        let login = lookup(shared, name).await?;
        // A name that does not exist takes as long as one that does.
        let decoy = Verifier::decoy(name, &shared.options.decoy_secret);
        let verifier = login.as_ref().map_or(decoy, |login| login.verifier.clone());
        let password = password.to_owned();
        let _turn = self.hashing.acquire().await.map_err(|_| stopping())?;
        let fits = tokio::task::spawn_blocking(move || verifier.accepts(&password)).await.map_err(|_| stopping())?;
        let Some(login) = login.filter(|_| fits) else {
            shared.log.login(name, from, false);
            tokio::time::sleep(PENALTY).await;
            return Err(Failure::new("28P01", format!("password authentication failed for user \"{name}\"")));
        };
        shared.log.login(name, from, true);
        let key = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        self.take(shared, &key, name, login).await?;
        Ok(key)
    }

    /// The seat of whoever calls.
    ///
    /// # Errors
    /// [`Failure`] when the call shows no key that holds.
    pub(super) async fn of(
        &self,
        shared: &Shared,
        headers: &MetadataMap,
        from: SocketAddr,
    ) -> Result<Arc<Seat>, Failure> {
        let key = authorization(headers, "Bearer")
            .ok_or_else(|| Failure::new("28000", "log in first: by the handshake, or with a SQL token as bearer"))?;
        let known = self.taken().get(&digest(key)).cloned();
        if let Some(seat) = known {
            let login = lookup(shared, &seat.role_name).await?;
            if login.is_some_and(|login| seat.login == login) {
                *seat.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
                return Ok(seat);
            }
            self.leave(key);
            return Err(Failure::new("28000", REVOKED));
        }
        let unavailable = |error: tillsight_schemas::port::PortError| unavailable(&error);
        if let Some(name) = shared.logins.role_of(key).await.map_err(unavailable)?
            && let Some(login) = lookup(shared, &name).await?
        {
            shared.log.login(&name, from, true);
            return self.take(shared, key, &name, login).await;
        }
        tokio::time::sleep(PENALTY).await;
        Err(Failure::new("28000", "nobody is logged in with this key (any more): log in again"))
    }

    /// Gives a seat up.
    fn leave(&self, key: &str) {
        let left = self.taken().remove(&digest(key));
        if let Some(seat) = left {
            seat.revoked.cancel();
            seat.running().iter().for_each(|(_, running)| running.cancel());
        }
    }

    async fn take(&self, shared: &Shared, key: &str, name: &str, login: Login) -> Result<Arc<Seat>, Failure> {
        let settings = Arc::new(Mutex::new(Settings::new(shared.options.statement_timeout)));
        let session = shared.session(&login, &settings)?;
        let seat = Arc::new(Seat {
            role_name: name.to_owned(),
            user: login.user.clone(),
            session,
            login,
            used: Mutex::new(Instant::now()),
            prepared: Mutex::default(),
            running: Mutex::default(),
            revoked: CancellationToken::new(),
        });
        let mut taken = self.taken();
        taken.retain(|_, seat| !seat.is_idle() || seat.used().elapsed() < IDLE);
        if taken.len() >= self.most {
            let oldest = taken.iter().filter(|(_, seat)| seat.is_idle()).min_by_key(|(_, seat)| seat.used());
            let oldest = oldest.map(|(key, _)| *key);
            let full = || Failure::new("53300", "too many logins have statements that run: try again");
            taken.remove(&oldest.ok_or_else(full)?);
        }
        taken.insert(digest(key), Arc::clone(&seat));
        Ok(seat)
    }
}

impl Seat {
    fn is_idle(&self) -> bool {
        self.running().is_empty()
    }

    fn used(&self) -> Instant {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> MutexGuard<'_, Vec<(Vec<u8>, CancellationToken)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn prepared(&self) -> MutexGuard<'_, Vec<(Vec<u8>, Arc<Prepared>)>> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a statement runs, so that it can be cancelled by the ticket that it was started with.
    pub(super) fn start(self: &Arc<Self>, ticket: &[u8], stop: &CancellationToken) -> Run {
        let cancelled = stop.child_token();
        self.running().push((ticket.to_owned(), cancelled.clone()));
        Run { seat: Arc::clone(self), ticket: ticket.to_owned(), cancelled }
    }

    /// Cancels what runs with this ticket; whether there was anything.
    pub(super) fn cancel(&self, ticket: &[u8]) -> bool {
        let running = self.running();
        let found = running.iter().filter(|(known, _)| known == ticket);
        found.map(|(_, cancelled)| cancelled.cancel()).count() > 0
    }

    /// Keeps a prepared statement; its handle.
    pub(super) fn keep(&self, prepared: Prepared) -> Vec<u8> {
        let handle = rand::random::<[u8; 16]>().to_vec();
        let mut kept = self.prepared();
        if kept.len() >= MAX_PREPARED {
            kept.remove(0);
        }
        kept.push((handle.clone(), Arc::new(prepared)));
        handle
    }

    /// The prepared statement of a handle.
    ///
    /// # Errors
    /// [`Failure`] when there is none.
    pub(super) fn find(&self, handle: &[u8]) -> Result<Arc<Prepared>, Failure> {
        let kept = self.prepared();
        let found = kept.iter().find(|(known, _)| known == handle).map(|(_, prepared)| Arc::clone(prepared));
        found.ok_or_else(|| Failure::new("26000", "there is no such prepared statement (any more): prepare it again"))
    }

    /// Binds the parameters of a prepared statement.
    pub(super) fn bind(&self, handle: &[u8], values: Vec<datafusion::scalar::ScalarValue>) {
        if let Some((_, prepared)) = self.prepared().iter_mut().find(|(known, _)| known == handle) {
            Arc::make_mut(prepared).bound = Some(values);
        }
    }

    /// Forgets a prepared statement.
    pub(super) fn forget(&self, handle: &[u8]) {
        self.prepared().retain(|(known, _)| known != handle);
    }
}

/// A statement that runs on a seat; dropped, it does not any more.
#[derive(Debug)]
pub(super) struct Run {
    seat: Arc<Seat>,
    ticket: Vec<u8>,
    /// Cancelled by the client, or because the server stops.
    pub(super) cancelled: CancellationToken,
}

impl Drop for Run {
    fn drop(&mut self) {
        let mut running = self.seat.running();
        // Of several with one ticket one leaves: they are cancelled together.
        if let Some(index) = running.iter().position(|(ticket, _)| *ticket == self.ticket) {
            running.swap_remove(index);
        }
    }
}

fn digest(key: &str) -> Digested {
    Sha256::digest(key.as_bytes()).into()
}

/// What follows the scheme in the header `authorization`.
fn authorization<'a>(headers: &'a MetadataMap, scheme: &str) -> Option<&'a str> {
    let (said, rest) = headers.get("authorization")?.to_str().ok()?.split_once(' ')?;
    said.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

async fn lookup(shared: &Shared, name: &str) -> Result<Option<Login>, Failure> {
    shared.logins.login(name).await.map_err(|error| unavailable(&error))
}

fn unavailable(error: &tillsight_schemas::port::PortError) -> Failure {
    tracing::error!(error = chain(error.as_ref()), "log-ins cannot be looked up");
    Failure::new("57P03", "log-ins cannot be checked at the moment: try again")
}

fn stopping() -> Failure {
    Failure::new("57P01", "the server is shutting down")
}
