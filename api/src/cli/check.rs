//! `tillsight check`: is what the configuration names there and usable? A line for each thing, with the cure where it is not.
//!
//! It changes nothing but for a probe file in the data and recording folders, which it removes again.

mod afford;
mod clock;

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tillsight_correlate::engine::plans;
use tillsight_correlate::rule::Rule;
use tillsight_schemas::error::chain;
use tillsight_schemas::{Clock as _, SystemClock};

use super::say;
use crate::config::{Camera, Config, KafkaMode, PlacedZone, PresenceBy, Surface};
use crate::db::{Db, SetUp};
use crate::run::broker_problem;
use crate::tls;

/// How long an address has to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What was found about one thing: what it is now, or what is wrong and how to cure it.
type Finding = Result<String, String>;

/// Looks at everything and says so; whether all of it is good.
pub(super) fn check(config: &Config, path: &Path) -> bool {
    let mut findings: Vec<(String, Finding)> = vec![("configuration".to_owned(), Ok(path.display().to_string()))];
    let mut add = |what: &str, finding: Finding| findings.push((what.to_owned(), finding));
    let running = running(config);
    add("data folder", writable(&config.data.dir));
    let (database, set_up) = database(config);
    let set_up = with_configured(config, set_up);
    let volume = writable(&config.volume());
    add("recordings", volume.map(|said| format!("{said}; {}", afford::storage(config, set_up.cameras.len()))));
    add("database", database);
    for (surface, what) in config.surfaces().iter().zip(["HTTP", "SQL", "Flight SQL"]) {
        add(what, port(surface.listen, running));
    }
    let (certificates, mut warnings) = certificates(config);
    for (what, finding) in certificates {
        add(&what, finding);
    }
    add("broker", broker(config, running));
    match clock::clock() {
        Ok(finding) => add("clock", finding),
        Err(warning) => warnings.push(warning),
    }
    add("rules", rules(config));
    let looked_at = set_up
        .cameras
        .iter()
        .filter(|camera| camera.presence != PresenceBy::Camera && set_up.zones.iter().any(|zone| zone.is_on(camera)));
    match looked_at.count() {
        0 => {}
        cameras => add("detector", afford::detector(config, cameras)),
    }
    for camera in &set_up.cameras {
        add(&format!("camera {}", camera.id), camera_answers(camera));
    }
    for placed in &set_up.zones {
        if let Some(register) = &placed.register {
            add(&format!("zone {}", placed.id), Ok(format!("before register {register} of store {}", placed.store)));
        }
    }
    for store in &set_up.stores {
        add("store", Ok(format!("{} {} ({}, {})", store.key(), store.name, store.tz, store.currency)));
    }
    if set_up.stores.is_empty() {
        warnings.push(
            "no store yet: add one on the page Stores, or as [[store]]; until then every record is refused".into(),
        );
    }
    for integrator in &config.integrators {
        let stores: Vec<&str> = integrator.stores.iter().map(|store| store.as_str()).collect();
        let stores = if stores.is_empty() { "all stores".to_owned() } else { stores.join(", ") };
        add("integrator", Ok(format!("{} of {}: {stores}", integrator.id, integrator.tenant)));
    }
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    for (what, finding) in &findings {
        let (colour, mark, text) = match finding {
            Ok(text) => ("32", "ok  ", text),
            Err(text) => ("31", "BAD ", text),
        };
        say(&format!("{} {what:<16} {text}", coloured(colours, colour, mark)));
    }
    for warning in &warnings {
        say(&format!("{} {warning}", coloured(colours, "33", "WARN")));
    }
    let bad = findings.iter().filter(|(_, finding)| finding.is_err()).count();
    say(&match bad {
        0 => "Everything is good.".to_owned(),
        1 => "One thing is not good.".to_owned(),
        bad => format!("{bad} things are not good."),
    });
    bad == 0
}

fn coloured(colours: bool, colour: &str, mark: &str) -> String {
    if colours { format!("\x1b[{colour}m{mark}\x1b[0m") } else { mark.to_owned() }
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
fn certificates(config: &Config) -> (Vec<(String, Finding)>, Vec<String>) {
    let surfaces = config.surfaces();
    let mut warnings: Vec<String> = surfaces.iter().filter_map(Surface::warning).collect();
    let host = config.http.public_url.as_deref().and_then(|url| url::Url::parse(url).ok());
    let host = host.as_ref().and_then(url::Url::host_str);
    let mut findings: Vec<(String, Finding)> = Vec::new();
    let mut seen = Vec::new();
    for files in surfaces.iter().filter_map(|surface| surface.tls) {
        if seen.contains(&files) {
            continue;
        }
        seen.push(files);
        let users: Vec<&str> = surfaces.iter().filter(|user| user.tls == Some(files)).map(|user| user.name).collect();
        let examined = tls::examine(files, host.filter(|_| users.contains(&"http")), SystemClock.now());
        warnings.extend(examined.warning);
        findings.push((format!("TLS of {}", users.join(", ")), examined.finding));
    }
    (findings, warnings)
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
        format!(
            "{} cannot be written ({error}): make it, and give it to the user that runs tillsight",
            folder.display()
        )
    })?;
    Ok(folder.display().to_string())
}

/// Whether it can be opened, and what is set up in it.
fn database(config: &Config) -> (Finding, Option<SetUp>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return (Err(error.to_string()), None),
    };
    let location = config.database();
    let opened = runtime.block_on(async {
        let open = async { Db::open(&location, Arc::new(SystemClock)).await?.set_up().await };
        tokio::time::timeout(PATIENCE * 3, open).await
    });
    match opened {
        Ok(Ok(set_up)) => {
            (Ok(config.database.url.as_ref().map_or("SQLite", |_| "PostgreSQL").to_owned()), Some(set_up))
        }
        Ok(Err(error)) => (Err(format!("{}; look at database.url", chain(&error))), None),
        Err(_) => (Err("does not answer; look at database.url and whether the server runs".to_owned()), None),
    }
}

fn port(address: SocketAddr, running: bool) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => Ok(format!("{address} is free")),
        Err(_) if running => Ok(format!("{address}, in use by the tillsight that runs")),
        Err(error) => Err(format!("{address} cannot be listened on ({error}): stop who does, or choose another port")),
    }
}

fn broker(config: &Config, running: bool) -> Finding {
    if config.kafka.mode == KafkaMode::Managed {
        if let Some(problem) = broker_problem(config) {
            return Err(problem);
        }
        let address = SocketAddr::from(([127, 0, 0, 1], config.kafka.port));
        return port(address, running).map(|said| format!("managed; {said}"));
    }
    let bootstrap = config.connection().bootstrap;
    let answers = bootstrap.split(',').any(|server| answers(server.trim()).is_ok());
    let cure = format!("none of {bootstrap} answers: look at kafka.bootstrap and the network");
    answers.then(|| format!("external, {bootstrap}")).ok_or(cure)
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

fn rules(config: &Config) -> Finding {
    let rules = Rule::all(config.rules.folder.as_deref()).map_err(|error| chain(&error))?;
    let installed = rules.len();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("they cannot be planned: {error}"))?;
    let wrong = |rule| runtime.block_on(plans(rule)).err().map(|error| chain(&error));
    let wrong: Vec<String> = rules.into_iter().filter_map(wrong).collect();
    match wrong.as_slice() {
        [] => Ok(format!("{installed} are installed")),
        wrong => Err(format!("{}: until that is repaired the others judge without it", wrong.join("; "))),
    }
}

/// Whether its address answers and its password is there; what it sends shows when it runs.
fn camera_answers(camera: &Camera) -> Finding {
    if let Some(file) = &camera.password_file {
        std::fs::read_to_string(file).map_err(|error| {
            format!("its password cannot be read from {} ({error}): put it there, one line", file.display())
        })?;
    }
    let url = url::Url::parse(&camera.url).map_err(|error| format!("{}: {error}", camera.url))?;
    let host = url.host_str().ok_or_else(|| format!("{url} names no host"))?;
    let address = format!("{host}:{}", url.port().unwrap_or(554));
    match answers(&address) {
        Ok(()) => Ok(format!("{address} answers")),
        Err(error) => Err(format!("does not answer ({error}): look at power, cable and url")),
    }
}
