//! One connection: log-in, then a session until the client leaves.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use futures::{Sink, SinkExt};
use pgwire::api::auth::{
    DefaultServerParameterProvider, StartupHandler, finish_authentication, protocol_negotiation,
    save_startup_parameters_to_metadata,
};
use pgwire::api::{ClientInfo, METADATA_USER, PgWireConnectionState, Type};
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use pgwire::messages::startup::{Authentication, SecretKey};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage, ProtocolVersion};
use tillsight_correlate::sql::Session;
use tillsight_schemas::error::chain;
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::gate::{Act, classify};
use super::handlers::Handlers;
use super::names::shown;
use super::run::{Cursor, Running};
use super::scram::{Exchange, Verifier};
use super::settings::Settings;
use super::statement::{Prepared, parameters};
use super::{Login, REVOKED, Shared, catalog};
use crate::tls;

/// The one mechanism that is offered.
const MECHANISM: &str = "SCRAM-SHA-256";
/// How long a login that was revoked may go on.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// Cursors that a connection may hold open.
pub(super) const MAX_CURSORS: usize = 16;

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) shared: Arc<Shared>,
    /// Whether it may log in without TLS.
    plain: bool,
    stage: tokio::sync::Mutex<Stage>,
    bound: OnceLock<Bound>,
    /// Cancelled when the login does not hold any more, and all that it runs with it.
    pub(super) revoked: CancellationToken,
    settings: Arc<Mutex<Settings>>,
    /// The names of the statements that are prepared.
    prepared: Mutex<BTreeSet<String>>,
    /// Cursors that are open; one that is being read is taken out.
    cursors: Mutex<HashMap<String, Cursor>>,
}

/// How far a log-in is.
#[derive(Debug)]
enum Stage {
    /// Nothing was said.
    Silent,
    /// The client knows that it must prove itself.
    Asked,
    /// The client was challenged; the login is there if the name exists.
    Challenged(Box<(Exchange, Option<Login>)>),
    /// It is over.
    Over,
}

/// A connection that is logged in.
#[derive(Debug)]
pub(super) struct Bound {
    /// The name that logged in.
    role_name: String,
    /// Who that is.
    login: Login,
    /// Their way to the lake.
    pub(super) session: Arc<Session>,
    pid: i32,
    key: SecretKey,
}

impl Connection {
    /// Takes a connection; `plain` ones may log in without TLS.
    pub(super) fn accept(shared: Arc<Shared>, plain: bool) -> Handlers {
        let settings = Arc::new(Mutex::new(Settings::new(shared.options.statement_timeout)));
        Handlers(Arc::new(Self {
            shared,
            plain,
            stage: tokio::sync::Mutex::new(Stage::Silent),
            bound: OnceLock::new(),
            revoked: CancellationToken::new(),
            settings,
            prepared: Mutex::default(),
            cursors: Mutex::default(),
        }))
    }

    /// The login and its session.
    ///
    /// # Errors
    /// [`Failure`] before the log-in, and when it was revoked.
    pub(super) fn bound(&self) -> Result<&Bound, Failure> {
        if self.revoked.is_cancelled() {
            return Err(Failure::new("28000", REVOKED));
        }
        self.bound.get().ok_or_else(|| Failure::new("28000", "log in first"))
    }

    /// The settings.
    pub(super) fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cursors.
    pub(super) fn cursors(&self) -> MutexGuard<'_, HashMap<String, Cursor>> {
        self.cursors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The names of the statements that are prepared.
    pub(super) fn prepared(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the clock of a statement, which the client may cancel from now on.
    pub(super) fn begin(&self, text: &Arc<str>) -> Result<Running, Failure> {
        let bound = self.bound()?;
        let timeout = self.settings().timeout();
        Ok(Running::begin(&self.shared, &bound.login.user, text, timeout, (self.cancellation(bound), &self.revoked)))
    }

    /// Gives a cursor that is asked on new time.
    pub(super) fn renew(&self, running: &mut Running) -> Result<(), Failure> {
        let cancelled = self.cancellation(self.bound()?);
        running.renew(self.settings().timeout(), cancelled);
        Ok(())
    }

    fn cancellation(&self, bound: &Bound) -> CancellationToken {
        let token = self.revoked.child_token();
        self.shared.cancels.set(bound.pid, bound.key.clone(), token.clone());
        token
    }

    /// Parses a text, and lets each of its statements through the first gate. All are looked at before one is run.
    ///
    /// # Errors
    /// [`Failure`] when one of them is wrong or refused; it is written down.
    pub(super) fn acts(&self, text: &Arc<str>, types: &[Option<Type>]) -> Result<Vec<Act>, Failure> {
        let acts = self.shared.texts.parse(text, types).and_then(|statements| {
            let acts: Vec<Act> = statements.into_iter().map(classify).collect::<Result<_, _>>()?;
            if acts.len() > 1 && acts.iter().any(|act| matches!(act, Act::Copy { .. })) {
                return Err(Failure::new("0A000", "COPY stands alone in its text: send it by itself"));
            }
            // Settings are tried on a copy: a text whose last statement is refused does nothing at all.
            let mut settings = self.settings().clone();
            for act in &acts {
                match act {
                    Act::Set(set) => drop(settings.change(set)?),
                    Act::Show(name) => drop(settings.show(name)?),
                    _ => {}
                }
            }
            Ok(acts)
        });
        if acts.is_err() {
            return self.begin(text)?.note(acts);
        }
        acts
    }

    /// Whether a text is one `ROLLBACK TO savepoint`.
    pub(super) fn rolls_back_to(&self, text: &str) -> bool {
        let statements = self.shared.texts.parse(text, &[]).unwrap_or_default();
        matches!(<[_; 1]>::try_from(statements).map(|[statement]| classify(statement)), Ok(Ok(Act::RollBackTo)))
    }

    /// Prepares one statement: what it asks for, what it takes, what it gives.
    ///
    /// # Errors
    /// [`Failure`] when it is wrong or refused; it is written down.
    pub(super) async fn prepare(&self, text: &str, types: &[Option<Type>]) -> Result<Option<Prepared>, Failure> {
        let text: Arc<str> = text.into();
        let mut acts = self.acts(&text, types)?;
        let act = match (acts.pop(), acts.is_empty()) {
            (None, _) => return Ok(None),
            (Some(act), true) => act,
            _ => return Err(Failure::new("42601", "cannot insert multiple commands into a prepared statement")),
        };
        let mut prepared = Prepared { text: Arc::clone(&text), act, parameters: Vec::new(), columns: None };
        match &prepared.act {
            Act::Query(statement) | Act::Declare { query: statement, .. } | Act::Copy { query: statement, .. } => {
                let session = &self.bound()?.session;
                let plan = match session.plan(statement).await.map_err(Failure::from) {
                    Ok(plan) => plan,
                    Err(failure) => return self.begin(&text)?.note(Err(failure)),
                };
                prepared.parameters = parameters(&plan, types)?;
                if matches!(prepared.act, Act::Query(_)) {
                    prepared.columns = Some(shown(plan.schema().inner()));
                }
            }
            _ => {}
        }
        Ok(Some(prepared))
    }

    async fn challenge(&self, name: &str, message: &[u8]) -> PgWireResult<(Exchange, Option<Login>)> {
        let login = self.shared.logins.login(name).await.map_err(|error| {
            tracing::error!(error = chain(error.as_ref()), "log-ins cannot be looked up");
            fatal("57P03", "log-ins cannot be checked at the moment: try again")
        })?;
        let decoy = Verifier::decoy(name, &self.shared.options.decoy_secret);
        let verifier = login.as_ref().map_or(decoy, |login| login.verifier.clone());
        let nonce = STANDARD_NO_PAD.encode(rand::random::<[u8; 18]>());
        let exchange =
            Exchange::begin(message, verifier, &nonce).map_err(|error| fatal("08P01", &error.to_string()))?;
        Ok((exchange, login))
    }

    /// Opens the session of a login.
    pub(super) async fn open(&self, role_name: &str, login: Login, pid: i32, key: SecretKey) -> PgWireResult<()> {
        let session = self.shared.session(&login, &self.settings);
        let session = session.map_err(|failure| fatal(failure.sqlstate, &failure.message))?;
        // A connection logs in once: the stages see to that.
        let bound = Bound { role_name: role_name.to_owned(), login, session, pid, key };
        self.bound.set(bound).map_err(|_| fatal("08P01", "logged in already"))
    }

    /// Waits until the login does not hold any more, stops what it runs, and leaves the client a moment to hear why.
    pub(super) async fn until_revoked(&self) {
        loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            let Some(bound) = self.bound.get() else { continue };
            match self.shared.logins.login(&bound.role_name).await {
                Ok(Some(login)) if login == bound.login => {}
                Ok(_) => break self.revoked.cancel(),
                Err(error) => tracing::warn!(error = chain(error.as_ref()), "a log-in cannot be looked up again"),
            }
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

impl Shared {
    /// Opens the session of a login, whose catalogue answers for these settings.
    ///
    /// # Errors
    /// [`Failure`] when there is no view of the data at the moment.
    pub(super) fn session(&self, login: &Login, settings: &Arc<Mutex<Settings>>) -> Result<Arc<Session>, Failure> {
        let session = self.engine.session(login.scope.clone())?;
        let installed = catalog::install(&session, &login.user, settings);
        installed.map_err(|error| Failure::new("57P03", Failure::from(error).message))?;
        Ok(Arc::new(session))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(bound) = self.bound.get() {
            self.shared.cancels.forget(bound.pid);
        }
    }
}

/// An error after which the connection is closed.
fn fatal(sqlstate: &str, message: &str) -> PgWireError {
    PgWireError::UserError(Box::new(ErrorInfo::new("FATAL".to_owned(), sqlstate.to_owned(), message.to_owned())))
}

#[async_trait]
impl StartupHandler for Connection {
    async fn on_startup<C>(&self, client: &mut C, message: PgWireFrontendMessage) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let mut stage = self.stage.lock().await;
        match (std::mem::replace(&mut *stage, Stage::Over), message) {
            (Stage::Silent, PgWireFrontendMessage::Startup(startup)) => {
                if client.is_secure() {
                    tls::count("sql", "ok");
                } else if !self.plain {
                    tls::count("sql", "plain");
                    return Err(fatal("28000", "connections to this address must be encrypted: use sslmode=require"));
                }
                protocol_negotiation(client, &startup).await?;
                save_startup_parameters_to_metadata(client, &startup);
                for (name, value) in &startup.parameters {
                    let name = name.to_lowercase();
                    if !matches!(name.as_str(), "user" | "database" | "options" | "replication")
                        && let Err(refusal) = self.settings().assign(&name, value)
                    {
                        tracing::debug!(name, value, %refusal, "start-up setting ignored");
                    }
                }
                client.set_state(PgWireConnectionState::AuthenticationInProgress);
                let offer = Authentication::SASL(vec![MECHANISM.to_owned()]);
                client.send(PgWireBackendMessage::Authentication(offer)).await?;
                *stage = Stage::Asked;
                Ok(())
            }
            (Stage::Asked, PgWireFrontendMessage::PasswordMessageFamily(message)) => {
                let first = message.into_sasl_initial_response()?;
                if first.auth_method != MECHANISM {
                    return Err(fatal("28000", "only SCRAM-SHA-256 is offered"));
                }
                let name = client.metadata().get(METADATA_USER).cloned().unwrap_or_default();
                let challenged = self.challenge(&name, first.data.as_deref().unwrap_or_default()).await?;
                let challenge = Authentication::SASLContinue(challenged.0.challenge().to_owned().into());
                client.send(PgWireBackendMessage::Authentication(challenge)).await?;
                *stage = Stage::Challenged(Box::new(challenged));
                Ok(())
            }
            (Stage::Challenged(challenged), PgWireFrontendMessage::PasswordMessageFamily(message)) => {
                let last = message.into_sasl_response()?;
                let name = client.metadata().get(METADATA_USER).cloned().unwrap_or_default();
                let (exchange, login) = *challenged;
                let (login, proof) = match (login, exchange.finish(&last.data)) {
                    (Some(login), Ok(proof)) => (login, proof),
                    _ => {
                        self.shared.log.login(&name, client.socket_addr(), false);
                        // Slow enough to make guessing pointless, and the same for every name.
                        tokio::time::sleep(Duration::from_millis(300)).await;
                        return Err(fatal("28P01", &format!("password authentication failed for user \"{name}\"")));
                    }
                };
                self.shared.log.login(&name, client.socket_addr(), true);
                let (pid, key) = cancel_key(client.protocol_version());
                self.open(&name, login, pid, key.clone()).await?;
                client.set_pid_and_secret_key(pid, key);
                let proof = Authentication::SASLFinal(proof.into());
                client.feed(PgWireBackendMessage::Authentication(proof)).await?;
                finish_authentication(client, &server_parameters()).await
            }
            _ => Err(fatal("08P01", "unexpected message during the log-in")),
        }
    }
}

/// The number of a connection, and the secret with which its client may cancel statements.
fn cancel_key(version: ProtocolVersion) -> (i32, SecretKey) {
    static NEXT: AtomicI32 = AtomicI32::new(1);
    let key = match version {
        ProtocolVersion::PROTOCOL3_0 => SecretKey::I32(rand::random()),
        _ => SecretKey::Bytes(rand::random::<[u8; 32]>().to_vec().into()),
    };
    (NEXT.fetch_add(1, Ordering::Relaxed), key)
}

fn server_parameters() -> DefaultServerParameterProvider {
    let mut parameters = DefaultServerParameterProvider::default();
    parameters.server_version = catalog::server_version();
    parameters.is_superuser = false;
    parameters.default_transaction_read_only = true;
    parameters.time_zone = "UTC".to_owned();
    parameters.search_path = tillsight_correlate::sql::DEFAULT_SCHEMA.to_owned();
    parameters
}
