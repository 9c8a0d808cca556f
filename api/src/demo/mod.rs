//! `tillsight demo`: two stores on real baskets, from nothing to a running system in a minute.
//!
//! It writes a configuration on free ports, starts `tillsight run` on it, lets a till of its own process ring four
//! weeks of history and then goes on live, and says where to look. A second run goes on with the data of the first.

mod readings;
mod summary;
mod till;

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tillsight_datasets::demo;
use tillsight_schemas::{Clock, SystemClock};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::config::Config;
use crate::db::{Db, DbError, Role, TokenKind, User};
pub(crate) use till::{TillArguments, ring};

/// Whatever goes wrong in a demo is told to whoever typed it.
type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// How long the parts have to become ready.
const PATIENCE: Duration = Duration::from_secs(90);

/// What one may say to the demo.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DemoArguments {
    /// Where its data lies; a second run goes on with it.
    #[arg(long)]
    dir: PathBuf,
    /// Which days to draw.
    #[arg(long, default_value_t = 1)]
    seed: u64,
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

/// Runs the demo until Ctrl-C, or until its summary is written.
pub(crate) fn run(arguments: &DemoArguments, say: fn(&str)) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut parts = Parts::default();
        let result = tokio::select! {
            result = demonstrate(arguments, &mut parts, say) => result,
            _ = tokio::signal::ctrl_c() => Ok(()),
        };
        say("stopping ...");
        parts.stop().await;
        result
    })
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
    if !file.is_file() || !ports_are_free(&Config::load(&file)?) {
        std::fs::write(&file, configuration()?)?;
    }
    let config = Config::load(&file)?;
    let elapsed = || format!("{:5.1} s", began.elapsed().as_secs_f64());

    let log = std::fs::File::create(dir.join("log"))?;
    parts.system = Some(
        itself(&file)?.arg("run").stdout(log.try_clone()?).stderr(log).process_group(0).kill_on_drop(true).spawn()?,
    );
    say(&format!("{}  starting Kafka, intake, archive, SQL and HTTP (log: {})", elapsed(), dir.join("log").display()));
    ready(&config, parts, &dir).await?;
    let (login, secret) = head_office(&config, &dir).await?;
    say(&format!("{}  ready; ringing {} days of two stores", elapsed(), arguments.days));

    let before = readings::Readings::of(&config).await.unwrap_or_default();
    let history = run_till(&file, arguments, &["--history", &arguments.days.to_string()], parts).await?;
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
    say("  SQL, as head office:");
    say(&format!("    PGPASSWORD={secret} psql -h 127.0.0.1 -p {} -U {login} tillsight", config.sql.listen.port()));
    say("    select kind, count(*), sum(total) from pos.transactions group by kind order by 2 desc;");
    say(&format!("  Kafka: kcat -C -b {} -t lp.pos.in.{} -o end", config.connection().bootstrap, till::INTEGRATOR));
    say(&format!("  Delta tables: {}", config.data.dir.join("lake").display()));
    say("");
    match arguments.headless_seconds {
        Some(seconds) => {
            run_till(&file, arguments, &["--live-seconds", &seconds.to_string()], parts).await?;
            summary::write(&config, parts.system.as_ref().and_then(Child::id), &arguments.summary).await?;
            say(&format!("{}  wrote {}", elapsed(), arguments.summary.display()));
            Ok(())
        }
        None => {
            say("  the tills go on ringing; Ctrl-C ends the demo, its data stays");
            run_till(&file, arguments, &["--live-seconds", "86400"], parts).await?;
            Ok(())
        }
    }
}

/// Runs the till's process to its end; returns how many records it sent.
async fn run_till(file: &Path, arguments: &DemoArguments, more: &[&str], parts: &mut Parts) -> Result<u64> {
    let config = Config::load(file)?;
    let mut command = itself(file)?;
    command
        .args(["till", "--bootstrap", &config.connection().bootstrap, "--seed", &arguments.seed.to_string()])
        .args(more)
        .stdout(std::process::Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command.spawn()?;
    let said = child.stdout.take();
    parts.till = Some(child);
    let mut text = String::new();
    if let Some(mut said) = said {
        tokio::io::AsyncReadExt::read_to_string(&mut said, &mut text).await?;
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

/// Writes a file that nobody else may read.
fn keep_secret(path: &Path, secret: &str) -> Result<()> {
    let mut file = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(secret.as_bytes())?;
    Ok(())
}

/// Whether nobody else listens where this configuration would.
fn ports_are_free(config: &Config) -> bool {
    [config.kafka.port, config.http.listen.port(), config.sql.listen.port()]
        .iter()
        .all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
}

/// A configuration of the demo's stores: the usual ports where they are free, others where not.
fn configuration() -> Result<String> {
    let port = |usual: u16| -> Result<u16> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, usual)).or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        Ok(listener.local_addr()?.port())
    };
    let mut text = format!(
        "# The demo's configuration, written at {}.\n[kafka]\nport = {}\n\n[http]\nlisten = \"127.0.0.1:{}\"\n\n\
         [sql]\nlisten = \"127.0.0.1:{}\"\n\n[lake]\ncommit_seconds = 10\n",
        SystemClock.now().format("%Y-%m-%d %H:%M"),
        port(9092)?,
        port(8080)?,
        port(5433)?
    );
    for plan in demo::stores()? {
        let store = plan.store;
        text.push_str(&format!(
            "\n[[store]]\ntenant = \"{}\"\nid = \"{}\"\nname = \"{}\"\ntz = \"{}\"\ncurrency = \"{}\"\n",
            store.tenant, store.id, store.name, store.tz, store.currency
        ));
    }
    text.push_str(&format!("\n[[integrator]]\nid = \"{}\"\ntenant = \"{}\"\n", till::INTEGRATOR, demo::TENANT));
    Ok(text)
}
