//! What each role does: the composition root. Here the Kafka reader of `ingest` becomes the event source of
//! `correlate`, and the database becomes the ledger of `ingest`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tillsight_correlate::engine::plans;
use tillsight_correlate::lake::{ArchiveConfig, Archiver, HotTail, Stream, TailConfig};
use tillsight_correlate::rule::{Header, Origin, Rule};
use tillsight_correlate::sql::{Engine, Limits};
use tillsight_ingest::bus::{Producer, TopicReader, WindowReader, ensure_topics};
use tillsight_ingest::pos::{Pipeline, Stores};
use tillsight_schemas::clock::SharedClock;
use tillsight_schemas::error::chain;
use tillsight_schemas::store::Store;
use tillsight_schemas::{SystemClock, topic};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::analytics::analyse;
use super::broker::become_broker;
use super::following::Following;
use super::parts::Working;
use super::recorder::record;
use super::{Role, RunError, rules};
use crate::backtest::{Backtests, Program};
use crate::canary;
use crate::config::{Config, KafkaMode, Surface};
use crate::db::{Audit, Db, UsedTokens};
use crate::feed::Feeds;
use crate::http::{self, Cameras, Hub, Live, Shared};
use crate::matrix;
use crate::report::{Reporter, send_reports, titles};
use crate::scores::Scorer;
use crate::search::{Follower, OpenLog, Owner, SearchError};
use crate::sql::{self, Endpoint, Options};
use crate::telemetry::Metrics;
use crate::tls::{Identity, Listener, TlsError};

/// How long the archive waits before it opens the lake again after a failure.
const REOPEN: Duration = Duration::from_secs(2);
/// How often, and after which pauses, the search index is tried that another process still holds.
const SEARCH_TRIES: u32 = 50;
const SEARCH_PAUSE: Duration = Duration::from_millis(200);
/// Browsers and programs that may be connected at once.
const HTTP_CONNECTIONS: usize = 4096;

/// Does the work of one role until a signal; `path` is the file of its configuration, for processes that it starts.
///
/// # Errors
/// [`RunError`] when it cannot go on.
pub(crate) fn run_role(role: Role, config: &Config, path: &Path) -> Result<(), RunError> {
    // Whoever supervises us may be killed: then we go too, in our own order.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))
        .map_err(|error| RunError::part("process set-up")(std::io::Error::from(error)))?;
    if role == Role::Broker {
        return Err(become_broker(config));
    }
    // Statements are planned where they are read.
    let stack = if role == Role::Sql { sql::STACK } else { 2 << 20 };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(stack)
        .thread_name(role.as_str())
        .build()
        .map_err(RunError::part("the runtime"))?;
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(until_signal(stop.clone()));
        if let Some(metrics) = Metrics::install(&config.data.dir, role.as_str()) {
            tasks.spawn(metrics.write_until(stop.clone()));
        }
        let result = match role {
            Role::Recorder => record(config, &stop).await,
            Role::Analytics => analyse(config, &stop).await,
            Role::Correlate => correlate(config, &stop).await,
            Role::Api => api(config, path, &stop).await,
            Role::Sql => head_office(config, &stop).await,
            Role::Broker => Ok(()),
        };
        stop.cancel();
        tasks.join_all().await;
        result
    })
}

async fn until_signal(stop: CancellationToken) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = stop.cancelled() => {}
    }
    stop.cancel();
}

pub(crate) fn clock() -> SharedClock {
    Arc::new(SystemClock)
}

pub(crate) async fn database(config: &Config) -> Result<Db, RunError> {
    let db = Db::open(&config.database(), clock()).await.map_err(RunError::part("the database"))?;
    Ok(db.sending(config.alerts.clone()))
}

/// Makes the topics that a cluster of others lacks; the supervisor does it for the managed broker. A cluster that does
/// not let us may have them already: those that are missing are not read.
async fn topics(config: &Config) {
    if config.kafka.mode == KafkaMode::Managed {
        return;
    }
    let topics = topic::all(&config.senders());
    if let Err(error) = ensure_topics(&config.connection(), &topics).await {
        tracing::warn!(error = %chain(&error), "the Kafka topics could not be checked; those that are missing are not read");
    }
}

/// POS intake, one pipeline an integrator, the rules and the archive.
async fn correlate(config: &Config, stop: &CancellationToken) -> Result<(), RunError> {
    topics(config).await;
    let ledger = Arc::new(database(config).await?);
    let mut work: JoinSet<Result<(), RunError>> = JoinSet::new();
    let (config, stop_work) = (Arc::new(config.clone()), stop.clone());
    work.spawn({
        let (config, db, stop) = (Arc::clone(&config), Arc::clone(&ledger), stop_work.clone());
        async move { intake(&config, &db, &stop).await }
    });
    work.spawn({
        let (config, stop) = (Arc::clone(&config), stop_work.clone());
        async move { archive(&config, &stop).await }
    });
    work.spawn({
        let (config, db, stop) = (Arc::clone(&config), Arc::clone(&ledger), stop_work.clone());
        async move { rules::judge(&config, db, &stop).await }
    });
    work.spawn(async move { rules::tell(&config, ledger, &stop_work).await });
    while let Some(ended) = work.join_next().await {
        // One part that fails stops the others: the supervisor starts the whole role again.
        if let Err(error) = ended.map_err(RunError::part("a task")).flatten() {
            stop.cancel();
            work.join_all().await;
            return Err(error);
        }
    }
    Ok(())
}

/// POS intake, one pipeline an integrator. When stores change, the pipelines begin anew where they were: positions lie in
/// the database, so nothing is read twice or left out.
async fn intake(config: &Config, db: &Arc<Db>, stop: &CancellationToken) -> Result<(), RunError> {
    let (mut following, mut set_up) = Following::with((**db).clone(), config).await?;
    let connection = config.connection();
    while !stop.is_cancelled() {
        let round = stop.child_token();
        let stores = Stores::new(set_up.stores.iter().cloned());
        let mut work: JoinSet<Result<(), RunError>> = JoinSet::new();
        for permits in config.permits().into_iter().chain(config.canary_permits()) {
            let name = format!("tillsight-intake-{}", permits.integrator);
            let source = TopicReader::new(&connection, &name, vec![topic::landing(&permits.integrator)])
                .map_err(RunError::part("the landing reader"))?;
            let producer = Producer::new(&connection, &name).map_err(RunError::part("the Kafka producer"))?;
            let pipeline = Pipeline::new(Box::new(source), producer, db.clone(), stores.clone(), permits, clock());
            let stop = round.clone();
            work.spawn(async move { pipeline.run(stop).await.map_err(RunError::part("POS intake")) });
        }
        let _working = Working::begin("intake");
        let before = set_up.stores.clone();
        while set_up.stores == before && !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                changed = following.next() => set_up = changed,
                Some(ended) = work.join_next() => ended.map_err(RunError::part("a task")).flatten()?,
            }
        }
        round.cancel();
        while let Some(ended) = work.join_next().await {
            ended.map_err(RunError::part("a task")).flatten()?;
        }
    }
    Ok(())
}

async fn archive(config: &Config, stop: &CancellationToken) -> Result<(), RunError> {
    let archive = ArchiveConfig {
        commit_every: Duration::from_secs(config.lake.commit_seconds.into()),
        commit_bytes: usize::try_from(config.lake.commit_mib).unwrap_or(usize::MAX).saturating_mul(1 << 20),
        ..ArchiveConfig::new(config.data.dir.join("lake"))
    };
    let connection = config.connection();
    while !stop.is_cancelled() {
        let work = async {
            let source = TopicReader::new(&connection, "tillsight-archive", Stream::topics())
                .map_err(RunError::part("the archive's reader"))?;
            let mut archiver = Archiver::open(archive.clone(), Box::new(source), clock())
                .await
                .map_err(RunError::part("the archive"))?;
            let _working = Working::begin("archive");
            archiver.run(stop.clone()).await.map_err(RunError::part("the archive"))
        };
        if let Err(error) = work.await {
            tracing::error!(error = %chain(&error), "the archive opens the lake again");
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(REOPEN) => {}
            }
        }
    }
    Ok(())
}

/// The SQL endpoint: follows lake and log by itself, so that a statement which takes all memory takes only this process.
async fn head_office(config: &Config, stop: &CancellationToken) -> Result<(), RunError> {
    let [_, sql, flight] = config.surfaces();
    let port = bind("SQL", sql).await?;
    let mut renewals = JoinSet::new();
    let tls = acceptor(sql, &["postgresql"], &mut renewals)?;
    let flight_port = bind("Flight SQL", flight).await?;
    let flight_tls = acceptor(flight, &["h2"], &mut renewals)?;
    let (mut following, set_up) = Following::begin(config).await?;
    let db = following.db().clone();
    let (audit, writer) = Audit::open(&config.data.dir, clock()).await.map_err(RunError::part("the audit file"))?;
    topics(config).await;
    let source = TopicReader::new(&config.connection(), "tillsight-sql", Stream::topics())
        .map_err(RunError::part("the reader of the log"))?;
    let mut tail = HotTail::open(TailConfig::new(config.data.dir.join("lake")), Box::new(source), clock())
        .await
        .map_err(RunError::part("the lake"))?;
    let limits = Limits {
        memory_bytes: usize::try_from(config.sql.memory_mib).unwrap_or(usize::MAX).saturating_mul(1 << 20),
        spill_bytes: u64::from(config.sql.spill_gib) << 30,
        ..Limits::default()
    };
    let engine = Arc::new(Engine::new(&tail, set_up.stores, limits).map_err(RunError::part("the SQL engine"))?);
    let options = Options {
        max_connections: usize::try_from(config.sql.connections).unwrap_or(usize::MAX),
        statement_timeout: Duration::from_secs(config.sql.timeout_seconds.into()),
        tls,
        flight_tls,
        insecure: sql.insecure,
        insecure_flight: flight.insecure,
        ..Options::new(db.secret("sql.decoy").await.map_err(RunError::part("the database"))?)
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(writer.run());
    let log = UsedTokens::new(audit, db.clone());
    let endpoint = Endpoint::new(options, Arc::clone(&engine), Arc::new(db), Arc::new(log));
    let endpoint = endpoint.map_err(RunError::part("SQL"))?;
    let stores = async {
        loop {
            engine.set_stores(following.next().await.stores);
        }
    };
    let working = [Working::begin("sql"), Working::begin("flight")];
    let result = tokio::select! {
        () = stores => Ok(()),
        ended = endpoint.serve(port, stop.clone()) => ended.map_err(RunError::part("SQL")),
        ended = endpoint.serve_flight(flight_port, stop.clone()) => ended.map_err(RunError::part("Flight SQL")),
        ended = tail.run(stop.clone()) => ended.map_err(RunError::part("following the log")),
    };
    drop(working);
    // With the endpoint the last sender goes: the writer ends when it has written everything.
    drop(endpoint);
    tasks.join_all().await;
    result
}

/// Opens the port of a surface.
async fn bind(what: &'static str, surface: Surface<'_>) -> Result<TcpListener, RunError> {
    let address = surface.listen;
    TcpListener::bind(address).await.map_err(|source| RunError::Listen { what, address, source })
}

/// TLS of a surface where it has a certificate, which `renewals` read again when it changes.
fn acceptor(
    surface: Surface<'_>,
    protocols: &[&str],
    renewals: &mut JoinSet<()>,
) -> Result<Option<TlsAcceptor>, RunError> {
    let Some(files) = surface.tls else { return Ok(None) };
    let opened = Identity::open(surface.name, files).and_then(|identity| Ok((identity.acceptor(protocols)?, identity)));
    let problem = |error: TlsError| RunError::Certificate { what: surface.name, problem: chain(&error) };
    let (acceptor, identity) = opened.map_err(problem)?;
    renewals.spawn(identity.follow());
    Ok(Some(acceptor))
}

/// A reader of accepted transactions for the search index.
pub(crate) fn search_log(config: &Config) -> OpenLog {
    let connection = config.connection();
    Arc::new(move || {
        let topics = vec![topic::POS_TRANSACTION.to_owned()];
        Ok(Box::new(TopicReader::new(&connection, "tillsight-search", topics)?))
    })
}

/// Opens the index for writing; a process that is still ending gets a moment to let go of it.
async fn search_index(config: &Config, stores: &[Store]) -> Result<Owner, RunError> {
    let mut tries = 0;
    loop {
        let (data, stores) = (config.data.dir.clone(), stores.to_vec());
        let opened = tokio::task::spawn_blocking(move || Owner::open(&data, stores, clock())).await;
        match opened.map_err(RunError::part("the search index"))? {
            Err(SearchError::Busy(_)) if tries < SEARCH_TRIES => tries += 1,
            opened => return opened.map_err(RunError::part("the search index")),
        }
        tokio::time::sleep(SEARCH_PAUSE).await;
    }
}

/// The HTTP server, and the search index that it answers from.
async fn api(config: &Config, path: &Path, stop: &CancellationToken) -> Result<(), RunError> {
    let [surface, ..] = config.surfaces();
    let port = bind("HTTP", surface).await?;
    let mut renewals = JoinSet::new();
    let tls = acceptor(surface, &["h2", "http/1.1"], &mut renewals)?;
    let encrypted = tls.is_some();
    let listener =
        Listener::new(surface.name, port, tls, HTTP_CONNECTIONS).map_err(RunError::part("the port of HTTP"))?;
    let connection = config.connection();
    let (following, set_up) = Following::begin(config).await?;
    let db = following.db().clone();
    db.tell_standings().await.map_err(RunError::part("the database"))?;
    let owner = search_index(config, &set_up.stores).await?;
    let cameras = Arc::new(Cameras::new(config.volume(), &set_up.cameras, &set_up.zones));
    let (shops, permits) = (Arc::new(set_up.stores.clone()), Arc::new(config.permits()));
    let (rules, left_out) = installed_rules(config).await;
    let headers: Vec<Header> = rules.iter().map(|rule| rule.header.clone()).collect();
    let windows = WindowReader::new(&connection);
    let reporter = Reporter {
        db: db.clone(),
        cameras: Arc::clone(&cameras),
        shops: Arc::clone(&shops),
        permits: Arc::clone(&permits),
        windows: windows.clone(),
        clock: clock(),
        lake: config.data.dir.join("lake"),
        address: config.http.address(),
        recipients: Arc::new(config.report.recipients.clone()),
        titles: Arc::new(titles(config)),
    };
    let audit = Audit::direct(&config.data.dir, clock()).await.map_err(RunError::part("the audit file"))?;
    let backtests = backtests(config, path).await.map_err(RunError::part("the folder of back-tests"))?;
    let ended = CancellationToken::new();
    let shared = Shared {
        db: db.clone(),
        producer: Producer::new(&connection, "tillsight-http").map_err(RunError::part("the Kafka producer"))?,
        stores: Stores::new(set_up.stores.clone()),
        shops,
        permits,
        clock: clock(),
        data: config.data.dir.clone(),
        audit: audit.clone(),
        cameras,
        windows,
        known: Arc::default(),
        hub: Arc::new(Hub::new(stop.clone())),
        left_out: Arc::new(left_out),
        scorer: Scorer::new(db.clone(), clock(), config.data.dir.join("lake")),
        backtests: Arc::new(backtests),
        feeds: Arc::new(Feeds::new(Arc::new(headers), Stores::new(set_up.stores))),
        rules: Arc::new(rules),
        matrix: Arc::default(),
        canary: config.canary,
        receipts: Arc::new(owner.search.clone()),
        search: owner.search.clone(),
        reporter,
        demo: std::env::var_os(http::DEMO_SOCKET).map(Into::into),
        parts: Arc::default(),
        throttle: Arc::default(),
        taken: Arc::default(),
        tried: Arc::default(),
        hashing: Arc::new(Semaphore::new(http::AT_ONCE)),
        decoding: Arc::new(Semaphore::new(http::AT_ONCE)),
        secure: config.http.address().starts_with("https:"),
        encrypted,
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(Follower::new(owner, db, search_log(config)).run(ended.clone()));
    let live = Live::new(shared);
    if let Some(mail) = &config.mail {
        let live = live.clone();
        tasks.spawn(send_reports(move || live.now().reporter, mail.clone(), audit, ended.clone()));
    }
    let sung_for = live.clone();
    tasks.spawn(canary::run(move || sung_for.now(), config.clone(), ended.clone()));
    let looked_at = live.clone();
    tasks.spawn(matrix::run(move || looked_at.now(), config.mail.clone(), ended.clone()));
    let (followed, until) = (live.clone(), ended.clone());
    tasks.spawn(async move { followed.follow(following, &until).await });
    let result = http::serve(listener, live, connection, stop.clone()).await.map_err(RunError::part("HTTP"));
    ended.cancel();
    tasks.join_all().await;
    result
}

/// The desk of back-tests: it asks this program, about all rules that there are.
async fn backtests(config: &Config, path: &Path) -> std::io::Result<Backtests> {
    let (rules, _) = Rule::known(config.rules.folder.as_deref());
    let headers = rules.into_iter().map(|rule| rule.header).collect();
    let program = Program::new(std::env::current_exe()?, path);
    Backtests::open(&config.data.dir, program, headers, clock()).await
}

/// The rules that judge, and of each that is left out what is wrong with it.
async fn installed_rules(config: &Config) -> (Vec<Rule>, Vec<String>) {
    let (rules, unreadable) = Rule::readable(config.rules.folder.as_deref());
    let mut left_out: Vec<String> = unreadable.iter().map(|error| chain(error)).collect();
    let mut installed = Vec::new();
    for rule in rules {
        // Those of the library can be planned: its tests say so.
        if matches!(rule.origin, Origin::Own | Origin::InPlace)
            && let Err(error) = plans(rule.clone()).await
        {
            left_out.push(chain(&error));
        } else {
            installed.push(rule);
        }
    }
    (installed, left_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_rule_that_cannot_be_read_or_planned_is_left_out_and_told() {
        let dir = tempfile::tempdir().unwrap();
        let config: Config = toml::from_str(&format!("[rules]\nfolder = {:?}", dir.path())).unwrap();
        let whole = installed_rules(&config).await.0.len();
        let library = Rule::library().unwrap();
        let rule = library.iter().find(|rule| rule.header.id.as_str() == "post_void").unwrap();
        for (name, header, sql) in [
            ("post_void", include_str!("../../../correlate/rules/post_void/rule.toml"), "SELECT nothing FROM anchor"),
            ("typing_error", "id = \"typing_error\"\nversion =\n", rule.sql.as_str()),
        ] {
            let folder = dir.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join("rule.toml"), header).unwrap();
            std::fs::write(folder.join("rule.sql"), sql).unwrap();
        }
        let (headers, mut told) = installed_rules(&config).await;
        told.sort();
        assert_eq!((headers.len(), told.len()), (whole - 1, 2), "{told:?}");
        assert!(told[0].contains("typing_error/rule.toml is wrong: line 2"), "{told:?}");
        assert!(told[1].contains("rule post_void: its SQL cannot be planned"), "{told:?}");
    }
}
