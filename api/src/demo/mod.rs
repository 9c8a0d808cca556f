//! `tillsight demo`: two stores (or more, [`DemoArguments::draws`]) on real baskets, from nothing to a running system in a minute.
//!
//! It writes a configuration on free ports, starts `tillsight run` on it, lets a till of its own process ring four
//! weeks of history and then goes on live, and says where to look. A second run goes on with the data of the first.

mod film;
mod live;
mod panel;
mod readings;
mod summary;
mod till;
mod verdict;
mod visitor;

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use tillsight_datasets::cameras::Order;
use tillsight_datasets::demo;
use tillsight_datasets::film::Own;
use tillsight_datasets::plan::StorePlan;
use tillsight_datasets::truth::Truth;
use tillsight_schemas::{Clock, SystemClock};
use tokio::io::AsyncBufReadExt as _;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::config::Config;
use crate::db::{Db, DbError, Role, TokenKind, User, hash_password, random_secret};
use film::Filmed;
use panel::Panel;
use summary::Visit;
use visitor::Visitor;

pub(crate) use till::{TillArguments, ring};

/// Whatever goes wrong in a demo is told to whoever typed it.
type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// How long the parts have to become ready.
const PATIENCE: Duration = Duration::from_secs(90);

/// A live turn: a little more than the film needs for every kind of case.
const TURN: u64 = 390;

/// Who signs in to the pages.
const ANALYST: &str = "analyst";
/// Who sets up.
const ADMIN: &str = "admin";

/// What one may say to the demo.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DemoArguments {
    /// Where its data lies; a second run goes on with it.
    #[arg(long)]
    dir: PathBuf,
    /// Which days to draw.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many draws at once: a twin of the window with the seed that follows, for each further one.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(demo::MOST_DRAWS)))]
    draws: u32,
    /// Your own video in the place of the demo's film: any file that ffmpeg reads.
    #[arg(long, requires = "zones")]
    video: Option<PathBuf>,
    /// Where customers stand in it, as fractions of its picture: {"customer": [[x, y], ...]}.
    #[arg(long, requires = "video")]
    zones: Option<PathBuf>,
    /// What is to be seen there, in seconds: {"spans": [{"from": 0, "to": 30, "state": "empty"}, ...]}; states are empty
    /// and occupied. Without it nothing is staged before that camera.
    #[arg(long, requires = "video")]
    truth: Option<PathBuf>,
    /// Another detector of people: its description, a TOML file beside the ONNX file.
    #[arg(long)]
    model: Option<PathBuf>,
    /// Days of history.
    #[arg(long, default_value_t = 28)]
    days: u32,
    /// Ring live for so many seconds, write the summary, and end.
    #[arg(long)]
    headless_seconds: Option<u64>,
    /// Where the summary goes.
    #[arg(long, default_value = "summary.json")]
    summary: PathBuf,
}

impl DemoArguments {
    fn own(&self) -> Option<Own> {
        let (video, zones) = (self.video.clone()?, self.zones.clone()?);
        Some(Own { video, zones, truth: self.truth.clone() })
    }
}

/// Runs the demo until Ctrl-C, or until its summary is written.
pub(crate) fn run(arguments: &DemoArguments, say: fn(&str)) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut parts = Parts::default();
        let result = tokio::select! {
            result = demonstrate(arguments, &mut parts, say) => result,
            asked = asked_to_stop() => asked,
        };
        say("stopping ...");
        parts.stop().await;
        result
    })
}

/// Waits for Ctrl-C, for the end of the terminal, or for a request to end.
async fn asked_to_stop() -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = hangup.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// The processes of the demo.
#[derive(Default)]
struct Parts {
    system: Option<Child>,
    till: Option<Child>,
}

impl Parts {
    async fn stop(&mut self) {
        for child in [self.till.take(), self.system.take()].into_iter().flatten() {
            let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
            let mut child = child;
            if let Some(pid) = pid
                && rustix::process::kill_process(pid, rustix::process::Signal::TERM).is_ok()
                && tokio::time::timeout(Duration::from_secs(60), child.wait()).await.is_ok()
            {
                continue;
            }
            if let Err(error) = child.kill().await {
                tracing::debug!(%error, "ended already");
            }
        }
    }
}

async fn demonstrate(arguments: &DemoArguments, parts: &mut Parts, say: fn(&str)) -> Result<()> {
    std::fs::create_dir_all(&arguments.dir)?;
    let dir = std::path::absolute(&arguments.dir)?;
    let began = Instant::now();
    let file = dir.join("tillsight.toml");
    let known = file.is_file().then(|| Config::load(&file)).transpose()?;
    say("making the demo's films (a minute or two the first time) and starting its cameras");
    let filmed = tokio::task::spawn_blocking({
        let (dir, known, own) = (dir.clone(), known.clone(), arguments.own());
        move || Filmed::start(&dir, known.as_ref(), own.as_ref()).map_err(|error| error.to_string())
    })
    .await??;
    let stores = demo::stores_of(arguments.draws)?;
    let filming = filmed.configuration(arguments.draws)?;
    let model = arguments.model.as_deref().map(std::path::absolute).transpose()?;
    let same = |known: &Config| known.stores.len() == stores.len() && known.analytics.model == model;
    let stands = known.is_some_and(|known| ports_are_free(&known) && same(&known))
        && std::fs::read_to_string(&file)?.ends_with(&filming);
    if !stands {
        std::fs::write(&file, configuration(&stores, model.as_deref())? + &filming)?;
    }
    let config = Config::load(&file)?;
    let elapsed = || format!("{:5.1} s", began.elapsed().as_secs_f64());

    let log = std::fs::File::create(dir.join("log"))?;
    let (socket, truth) = (dir.join("panel.sock"), dir.join("truth.json"));
    let mut system = itself(&file)?;
    system.arg("run").env(panel::SOCKET, &socket).stdout(log.try_clone()?).stderr(log).process_group(0);
    parts.system = Some(system.kill_on_drop(true).spawn()?);
    say(&format!("{}  starting Kafka, intake, archive, SQL and HTTP (log: {})", elapsed(), dir.join("log").display()));
    ready(&config, parts, &dir).await?;
    let (login, secret) = head_office(&config, &dir).await?;
    let password = person(&config, &dir, ANALYST, Role::Analyst).await?;
    let admin = person(&config, &dir, ADMIN, Role::Admin).await?;
    say(&format!("{}  ready; ringing {} days of {} stores", elapsed(), arguments.days, stores.len()));

    let before = readings::Readings::of(&config).await.unwrap_or_default();
    let days = arguments.days.to_string();
    let history = run_till(&file, arguments, &["--history", &days], &filmed, None, parts).await?;
    let expected = before.records() + history;
    let mut shown = Instant::now();
    loop {
        let now = readings::Readings::of(&config).await.unwrap_or_default();
        if now.records() >= expected {
            say(&format!(
                "{}  {} records: {} new, {} known from an earlier run, {} rejected",
                elapsed(),
                history,
                now.accepted - before.accepted,
                now.duplicates - before.duplicates,
                now.rejected - before.rejected
            ));
            break;
        }
        if shown.elapsed() > Duration::from_secs(5) {
            shown = Instant::now();
            say(&format!("{}  {} of {history} records are in", elapsed(), now.records() - before.records()));
        }
        if began.elapsed() > PATIENCE * 10 {
            return Err(format!("the records did not all arrive; see {}", dir.join("log").display()).into());
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    say("");
    say(&format!("  Open http://{}", config.http.listen));
    say(&format!("    name: {ANALYST}   password: {password}"));
    say(&format!("    name: {ADMIN}     password: {admin}   (sets up cameras, zones, people and tokens)"));
    say("");
    say("  SQL, as head office:");
    say(&format!("    PGPASSWORD={secret} psql -h 127.0.0.1 -p {} -U {login} tillsight", config.sql.listen.port()));
    say("    select kind, count(*), sum(total) from pos.transactions group by kind order by 2 desc;");
    say(&format!("  Kafka: kcat -C -b {} -t lp.pos.in.{} -o end", config.connection().bootstrap, till::INTEGRATOR));
    say(&format!("  Delta tables: {}", config.data.dir.join("lake").display()));
    let program = std::env::current_exe().unwrap_or_else(|_| "tillsight".into());
    say(&format!("  Commands of the documents: export TILLSIGHT_CONFIG={}", file.display()));
    say(&format!("    alias tillsight={}", program.display()));
    say("");
    let db = Db::open(&config.database(), Arc::new(SystemClock)).await?;
    let visitor = Visitor::sign_in(config.http.address(), ANALYST, &password).await?;
    let panel = Panel::new(db.clone(), filmed.clone(), &truth);
    let mut tasks = JoinSet::new();
    tasks.spawn(visitor.clone().listen());
    tasks.spawn(panel.clone().answer(socket).map(|ended| {
        if let Err(error) = ended {
            tracing::error!(%error, "the panel ended");
        }
    }));
    let seconds = arguments.headless_seconds.unwrap_or(TURN);
    loop {
        say(&format!("{}  ringing live for {seconds} s; what is staged stands in {}", elapsed(), truth.display()));
        let showing = serde_json::to_string(&filmed.showing()?)?;
        let (live, truth_path) = (seconds.to_string(), truth.to_string_lossy());
        let live = ["--live-seconds", &live, "--showing", &showing, "--truth", &truth_path];
        run_till(&file, arguments, &live, &filmed, Some(&panel), parts).await?;
        let staged = Truth::read(&truth)?;
        if arguments.headless_seconds.is_none() {
            // The next turn begins at once; what is still to be judged of this one is told when it is.
            let (db, began) = (db.clone(), began);
            tasks.spawn(async move {
                let said = match verdict::judge(&db, &staged).await {
                    Ok(judged) => judged.sentence(),
                    Err(error) => format!("what became of the last turn cannot be told: {error}"),
                };
                say(&format!("{:5.1} s  {said}", began.elapsed().as_secs_f64()));
            });
            continue;
        }
        let judged = verdict::judge(&db, &staged).await?;
        say(&format!("{}  {}", elapsed(), judged.sentence()));
        let mut draws = Vec::new();
        for (store, seed) in stores.iter().zip(arguments.seed..).take(usize::try_from(arguments.draws)?) {
            draws.push((seed, verdict::of_store(&db, &staged, &store.store.id).await?));
        }
        let visit = Visit::pay(&visitor, &judged, &dir).await?;
        let supervisor = parts.system.as_ref().and_then(Child::id);
        summary::write(&config, supervisor, &judged, &draws, &visit, &arguments.summary).await?;
        say(&format!("{}  wrote {}", elapsed(), arguments.summary.display()));
        let problems = visit.problems(&judged);
        for problem in &problems {
            say(problem);
        }
        let passed = judged.passed() && problems.is_empty();
        return passed.then_some(()).ok_or_else(|| "something is missing, too much or wrong: see the summary".into());
    }
}

/// Runs the till's process to its end; returns how many records it sent.
async fn run_till(
    file: &Path,
    arguments: &DemoArguments,
    more: &[&str],
    filmed: &Filmed,
    panel: Option<&Panel>,
    parts: &mut Parts,
) -> Result<u64> {
    let config = Config::load(file)?;
    let mut command = itself(file)?;
    command
        .args(["till", "--bootstrap", &config.connection().bootstrap, "--seed", &arguments.seed.to_string()])
        .args(["--draws", &arguments.draws.to_string()])
        .args(more)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command.spawn()?;
    let said = child.stdout.take();
    if let Some(panel) = panel {
        panel.take(child.stdin.take()).await;
    }
    parts.till = Some(child);
    let mut text = String::new();
    if let Some(said) = said {
        let mut lines = tokio::io::BufReader::new(said).lines();
        while let Some(line) = lines.next_line().await? {
            // The till does not speak to cameras itself: it prints what they are to be told.
            match serde_json::from_str::<Order>(&line) {
                Ok(order) => filmed.tell(film::KIOSK, order).await?,
                Err(_) => text = line,
            }
        }
    }
    if let Some(panel) = panel {
        panel.take(None).await;
    }
    let status = match parts.till.as_mut() {
        Some(child) => child.wait().await?,
        None => return Err("the till was stopped".into()),
    };
    parts.till = None;
    if !status.success() {
        return Err(format!("the till ended with {status}").into());
    }
    Ok(text.trim().parse()?)
}

fn itself(config: &Path) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--config").arg(config);
    Ok(command)
}

async fn ready(config: &Config, parts: &mut Parts, dir: &Path) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answers = async |address| tokio::net::TcpStream::connect(address).await.is_ok();
        if answers(config.http.listen).await && answers(config.sql.listen).await {
            return Ok(());
        }
        if let Some(status) = parts.system.as_mut().and_then(|system| system.try_wait().ok().flatten()) {
            let log = std::fs::read_to_string(dir.join("log")).unwrap_or_default();
            return Err(format!("tillsight run ended with {status}:\n{log}").into());
        }
        if Instant::now() > deadline {
            return Err(format!("not ready within {} s; see {}", PATIENCE.as_secs(), dir.join("log").display()).into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The demo's head-office login; its secret is kept in the demo's folder for the next run.
async fn head_office(config: &Config, dir: &Path) -> Result<(String, String)> {
    let db = Db::open(&config.database(), Arc::new(SystemClock)).await?;
    let user =
        User { name: "office".to_owned(), tenant: demo::TENANT.parse()?, role: Role::HeadOffice, stores: Vec::new() };
    match db.add_user(&user).await {
        Ok(()) | Err(DbError::Exists(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let kept = dir.join("office.secret");
    match db.add_token(TokenKind::Sql, "office", "office.demo").await {
        Ok(token) => {
            keep_secret(&kept, &token.secret)?;
            Ok((token.login, token.secret))
        }
        Err(DbError::Exists(_)) => Ok(("office.demo".to_owned(), std::fs::read_to_string(kept)?)),
        Err(error) => Err(error.into()),
    }
}

/// Somebody who signs in to the demo's pages; the password is kept in the demo's folder for the next run.
async fn person(config: &Config, dir: &Path, name: &str, role: Role) -> Result<String> {
    let db = Db::open(&config.database(), Arc::new(SystemClock)).await?;
    let user = User { name: name.to_owned(), tenant: demo::TENANT.parse()?, role, stores: Vec::new() };
    let kept = dir.join(format!("{name}.password"));
    match db.add_user(&user).await {
        Ok(()) => {}
        Err(DbError::Exists(_)) if kept.is_file() => return Ok(std::fs::read_to_string(kept)?),
        Err(DbError::Exists(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let password = random_secret();
    db.set_password(name, &hash_password(&password)?).await?;
    keep_secret(&kept, &password)?;
    Ok(password)
}

/// Writes a file that nobody else may read.
fn keep_secret(path: &Path, secret: &str) -> Result<()> {
    let mut file = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(secret.as_bytes())?;
    Ok(())
}

/// Whether nobody else listens where this configuration would.
fn ports_are_free(config: &Config) -> bool {
    [config.kafka.port, config.http.listen.port(), config.sql.listen.port(), config.flight.listen.port()]
        .iter()
        .all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
}

/// A configuration of the demo's stores: the usual ports where they are free, others where not.
fn configuration(stores: &[StorePlan], model: Option<&Path>) -> Result<String> {
    let port = |usual: u16| -> Result<u16> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, usual)).or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        Ok(listener.local_addr()?.port())
    };
    let mut text = format!(
        "# The demo's configuration, written at {}.\n[kafka]\nport = {}\n\n[http]\nlisten = \"127.0.0.1:{}\"\n\n\
         [sql]\nlisten = \"127.0.0.1:{}\"\n\n[flight]\nlisten = \"127.0.0.1:{}\"\n\n[lake]\ncommit_seconds = 10\n\n\
         # Minutes of the demo have the alerts of weeks, and whoever looks wants to see all of them.\n\
         [alerts]\nper_store_and_day = 50\nfrom_severity = \"info\"\n",
        SystemClock.now().format("%Y-%m-%d %H:%M"),
        port(9092)?,
        port(8080)?,
        port(5433)?,
        port(5434)?
    );
    if let Some(model) = model {
        text.push_str(&format!("\n[analytics]\nmodel = {}\n", serde_json::to_string(model)?));
    }
    for StorePlan { store, .. } in stores {
        text.push_str(&format!(
            "\n[[store]]\ntenant = \"{}\"\nid = \"{}\"\nname = \"{}\"\ntz = \"{}\"\ncurrency = \"{}\"\n",
            store.tenant, store.id, store.name, store.tz, store.currency
        ));
    }
    text.push_str(&format!("\n[[integrator]]\nid = \"{}\"\ntenant = \"{}\"\n", till::INTEGRATOR, demo::TENANT));
    Ok(text)
}
