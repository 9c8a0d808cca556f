//! `tillsight check`: is what the configuration names there and usable? A line for each thing, with the cure where it is not.
//!
//! It changes nothing but for a probe file in the data and recording folders, which it removes again.

mod afford;
mod cameras;
mod canary;
mod clock;
mod line;
mod mail;

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tillsight_correlate::engine::plans;
use tillsight_correlate::rule::{Origin, Rule};
use tillsight_schemas::error::chain;
use tillsight_schemas::{Clock as _, SystemClock};
use tokio::runtime::Runtime;

use line::{Line, Mark};

use super::say;
use crate::config::{Camera, Config, KafkaMode, PlacedZone, PresenceBy};
use crate::db::{CameraPassword, Db, DbError, SetUp};
use crate::run::broker_problem;
use crate::tls;

/// How long an address has to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What was found about one thing: what it is now, or what is wrong and how to cure it.
type Finding = Result<String, (String, String)>;

/// What is asked of the command.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct CheckArguments {
    /// Leave the cameras alone: their logins are not tried.
    #[arg(long)]
    no_cameras: bool,
    /// As JSON: whether all is good, and each thing with its mark (ok, warn, bad), what is said of it, and its cure.
    #[arg(long)]
    json: bool,
}

/// Looks at everything and says so; whether all of it is good.
pub(super) fn check(config: &Config, path: &Path, arguments: CheckArguments) -> bool {
    let lines = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => lines(&runtime, config, path, !arguments.no_cameras),
        Err(error) => {
            let said = format!("nothing can be looked at ({error})");
            vec![Line::bad("check", said, "free some memory or threads")]
        }
    };
    if arguments.json {
        say(&line::json(&lines));
    } else {
        let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        say(&line::text(&lines, colours));
    }
    line::bad(&lines) == 0
}

/// A line for each thing, in the order in which one installs them.
fn lines(runtime: &Runtime, config: &Config, path: &Path, look: bool) -> Vec<Line> {
    let running = running(config);
    // It makes the folder, in which the database lies.
    let data = writable(&config.data.dir);
    let (database, opened) = database(runtime, config);
    let (db, set_up) = opened.unzip();
    let set_up = with_configured(config, set_up);
    let mut lines = vec![
        Line::ok("configuration", path.display().to_string()),
        line("data folder", data),
        line("recordings", writable(&config.volume())),
        afford::storage(config, set_up.cameras.len()),
        line("database", database),
    ];
    for (surface, what) in config.surfaces().iter().zip(["HTTP", "SQL", "Flight SQL"]) {
        lines.push(line(what, port(surface.listen, running)));
        lines.extend(surface.warning().map(|said| Line::ok(what, said).marked(Mark::Warn)));
    }
    lines.extend(certificates(config));
    lines.push(line("broker", broker(config, running)));
    lines.push(clock::clock());
    lines.push(line("rules", rules(runtime, config)));
    lines.push(Line::ok("alerts", config.alerts.to_string()));
    let looked_at = set_up
        .cameras
        .iter()
        .filter(|camera| camera.presence != PresenceBy::Camera && set_up.zones.iter().any(|zone| zone.is_on(camera)));
    match looked_at.count() {
        // One that is named is there for cameras to come.
        0 if config.analytics.model.is_none() => {}
        cameras => lines.push(afford::detector(config, cameras)),
    }
    lines.extend(runtime.block_on(mail::mail(config, &set_up.stores)));
    for store in &set_up.stores {
        lines.push(Line::ok("store", format!("{} {} ({}, {})", store.key(), store.name, store.tz, store.currency)));
    }
    if set_up.stores.is_empty() {
        let said = "there is none yet: every record is refused";
        lines.push(Line::warn("store", said, "add one on the page Stores, or as [[store]]"));
    }
    lines.extend(canary::canaries(runtime, config, db.as_ref()));
    for integrator in &config.integrators {
        let stores: Vec<&str> = integrator.stores.iter().map(|store| store.as_str()).collect();
        let stores = if stores.is_empty() { "all stores".to_owned() } else { stores.join(", ") };
        lines.push(Line::ok("integrator", format!("{} of {}: {stores}", integrator.id, integrator.tenant)));
    }
    if look {
        let found = async { cameras::cameras(logins(db.as_ref(), &set_up).await).await };
        lines.extend(runtime.block_on(found));
    } else if !set_up.cameras.is_empty() {
        let said = format!("{} were not looked at", set_up.cameras.len());
        lines.push(Line::warn("cameras", said, "leave out --no-cameras"));
    }
    for placed in &set_up.zones {
        if let Some(register) = &placed.register {
            let said = format!("before register {register} of store {}", placed.store);
            lines.push(Line::ok(format!("zone {}", placed.id), said));
        }
    }
    lines
}

fn line(what: &str, finding: Finding) -> Line {
    match finding {
        Ok(said) => Line::ok(what, said),
        Err((said, cure)) => Line::bad(what, said, cure),
    }
}

/// What was set up by pages and commands, and what the configuration names beyond it.
fn with_configured(config: &Config, set_up: Option<SetUp>) -> SetUp {
    let mut all = set_up.unwrap_or_default();
    let mut stores: BTreeMap<_, _> = config.stores.iter().map(|store| (store.key(), store.clone())).collect();
    stores.extend(std::mem::take(&mut all.stores).into_iter().map(|store| (store.key(), store)));
    let of = |camera: &Camera| (camera.tenant.clone(), camera.store.clone(), camera.id.clone());
    let mut cameras: BTreeMap<_, _> = config.cameras.iter().map(|camera| (of(camera), camera.clone())).collect();
    cameras.extend(std::mem::take(&mut all.cameras).into_iter().map(|camera| (of(&camera), camera)));
    let of = |zone: &PlacedZone| (zone.store.clone(), zone.id.clone());
    let mut zones: BTreeMap<_, _> = config.zones.iter().map(|zone| (of(zone), zone.clone())).collect();
    zones.extend(std::mem::take(&mut all.zones).into_iter().map(|zone| (of(&zone), zone)));
    all.stores = stores.into_values().collect();
    all.cameras = cameras.into_values().collect();
    all.zones = zones.into_values().collect();
    all
}

/// A line for each certificate, whoever uses it; and what works and should be otherwise.
fn certificates(config: &Config) -> Vec<Line> {
    let surfaces = config.surfaces();
    let host = config.http.public_url.as_deref().and_then(|url| url::Url::parse(url).ok());
    let host = host.as_ref().and_then(url::Url::host_str);
    let mut lines = Vec::new();
    let mut seen = Vec::new();
    for files in surfaces.iter().filter_map(|surface| surface.tls) {
        if seen.contains(&files) {
            continue;
        }
        seen.push(files);
        let users: Vec<&str> = surfaces.iter().filter(|user| user.tls == Some(files)).map(|user| user.name).collect();
        let what = format!("TLS of {}", users.join(", "));
        let examined = tls::examine(files, host.filter(|_| users.contains(&"http")), SystemClock.now());
        lines.push(match examined.finding {
            Ok(said) => Line::ok(&what, said),
            Err(said) => Line::ok(&what, said).marked(Mark::Bad),
        });
        lines.extend(examined.warning.map(|said| Line::ok(&what, said).marked(Mark::Warn)));
    }
    lines
}

/// Whether `tillsight run` works on this data folder just now.
fn running(config: &Config) -> bool {
    let lock = std::fs::File::open(config.data.dir.join("running.lock"));
    lock.is_ok_and(|file| matches!(file.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock)))
}

fn writable(folder: &Path) -> Finding {
    let probe = folder.join(".tillsight-check");
    let tried = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&probe, b"probe"));
    tried.and_then(|()| std::fs::remove_file(&probe)).map_err(|error| {
        let said = format!("{} cannot be written ({error})", folder.display());
        (said, "make it, and give it to the user that runs tillsight".to_owned())
    })?;
    Ok(folder.display().to_string())
}

/// The cameras with the passwords that were typed for them.
async fn logins(db: Option<&Db>, set_up: &SetUp) -> Vec<(Camera, Option<CameraPassword>)> {
    let mut logins = Vec::new();
    for camera in &set_up.cameras {
        let typed = match db {
            Some(db) => db.camera_password(camera).await.ok().flatten(),
            None => None,
        };
        logins.push((camera.clone(), typed));
    }
    logins
}

/// Whether it can be opened, and what is set up in it.
fn database(runtime: &Runtime, config: &Config) -> (Finding, Option<(Db, SetUp)>) {
    let location = config.database();
    let opened = runtime.block_on(async {
        let open = async {
            let db = Db::open(&location, Arc::new(SystemClock)).await?;
            let set_up = db.set_up().await?;
            Ok::<_, DbError>((db, set_up))
        };
        tokio::time::timeout(PATIENCE * 3, open).await
    });
    match opened {
        Ok(Ok(opened)) => {
            (Ok(config.database.url.as_ref().map_or("SQLite", |_| "PostgreSQL").to_owned()), Some(opened))
        }
        Ok(Err(error)) => (Err((chain(&error), "look at database.url".to_owned())), None),
        Err(_) => {
            let cure = "look at database.url and whether the server runs";
            (Err(("it does not answer".to_owned(), cure.to_owned())), None)
        }
    }
}

fn port(address: SocketAddr, running: bool) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => Ok(format!("{address} is free")),
        Err(_) if running => Ok(format!("{address}, in use by the tillsight that runs")),
        Err(error) => {
            let cure = "stop who does, or choose another port";
            Err((format!("{address} cannot be listened on ({error})"), cure.to_owned()))
        }
    }
}

fn broker(config: &Config, running: bool) -> Finding {
    if config.kafka.mode == KafkaMode::Managed {
        if let Some(problem) = broker_problem(config) {
            let parts = problem.split_once("; ").or_else(|| problem.split_once(": "));
            let (said, cure) = parts.unwrap_or((problem.as_str(), "run deploy/setup.sh"));
            return Err((said.to_owned(), cure.to_owned()));
        }
        let address = SocketAddr::from(([127, 0, 0, 1], config.kafka.port));
        return port(address, running).map(|said| format!("managed; {said}"));
    }
    let bootstrap = config.connection().bootstrap;
    let answers = bootstrap.split(',').any(|server| answers(server.trim()).is_ok());
    let wrong = || (format!("none of {bootstrap} answers"), "look at kafka.bootstrap and the network".to_owned());
    answers.then(|| format!("external, {bootstrap}")).ok_or_else(wrong)
}

fn answers(address: &str) -> Result<(), String> {
    let found = address.to_socket_addrs().map_err(|error| format!("{address}: {error}"))?;
    let mut last = format!("{address} has no address");
    for socket in found {
        match std::net::TcpStream::connect_timeout(&socket, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) => last = format!("{address}: {error}"),
        }
    }
    Err(last)
}

fn rules(runtime: &Runtime, config: &Config) -> Finding {
    let (rules, unreadable) = Rule::readable(config.rules.folder.as_deref());
    let installed = rules.len();
    let in_place = rules.iter().filter(|rule| rule.origin == Origin::InPlace);
    let in_place: Vec<String> = in_place.map(|rule| rule.header.id.to_string()).collect();
    let wrong = |rule| runtime.block_on(plans(rule)).err().map(|error| chain(&error));
    let unplanned = rules.into_iter().filter_map(wrong);
    let wrong: Vec<String> = unreadable.iter().map(|error| chain(error)).chain(unplanned).collect();
    match wrong.as_slice() {
        [] if in_place.is_empty() => Ok(format!("{installed} are installed")),
        [] => Ok(format!("{installed} are installed; your own in the place of the library's: {}", in_place.join(", "))),
        wrong => {
            let cure = "`tillsight rule test` says more; until it is put right the others judge without it";
            Err((wrong.join("; "), cure.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_that_does_not_answer_is_said_with_its_cure() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let text = format!("[kafka]\nmode = \"external\"\nbootstrap = \"{address}\"\n");
        let config: Config = toml::from_str(&text).unwrap();
        let open = line("broker", broker(&config, false));
        assert_eq!((open.mark, open.said), (Mark::Ok, format!("external, {address}")));
        drop(listener);
        let closed = line("broker", broker(&config, false));
        assert_eq!((closed.mark, closed.said), (Mark::Bad, format!("none of {address} answers")));
        assert_eq!(closed.cure.as_deref(), Some("look at kafka.bootstrap and the network"));
    }
}
