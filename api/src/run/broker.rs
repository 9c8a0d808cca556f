//! The managed broker: Apache Kafka in KRaft mode, one node, loopback only.
//!
//! `tillsight role broker` prepares the data directory (format once, properties anew at each start) and then becomes
//! the JVM, so that a signal to the process is a signal to Kafka. Kafka stops cleanly on `SIGTERM`.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use uuid::Uuid;

use super::RunError;
use crate::config::Config;

const PROPERTIES: &str = include_str!("../../../deploy/kafka/server.properties.template");
const LOGGING: &str = include_str!("../../../deploy/kafka/log4j2.properties");
const POM: &str = include_str!("../../../deploy/kafka/pom.xml");

/// Prepares the data directory and becomes the JVM; returns only when that failed.
///
/// # Errors
/// [`RunError::Broker`] with what to do about it.
pub(super) fn become_broker(config: &Config) -> RunError {
    match prepare(config) {
        Ok(mut command) => {
            let source = command.exec();
            RunError::Broker {
                problem: "cannot start java (install a Java runtime, 17 or newer, or run deploy/setup.sh)".to_owned(),
                source: Some(source),
            }
        }
        Err(error) => error,
    }
}

/// Why the managed broker could not be started on this machine; nothing when it could.
pub(crate) fn broker_problem(config: &Config) -> Option<String> {
    let lib = config.kafka.lib.clone().unwrap_or_else(installed);
    if !lib.is_dir() {
        return Some(no_jars(&lib));
    }
    let java = Command::new("java").arg("-version").output();
    let runs = java.is_ok_and(|said| said.status.success());
    (!runs).then(|| "cannot start java: install a Java runtime, 17 or newer, or run deploy/setup.sh".to_owned())
}

fn no_jars(lib: &Path) -> String {
    format!("there is no Kafka in {}; run deploy/setup.sh, or set kafka.lib", lib.display())
}

fn prepare(config: &Config) -> Result<Command, RunError> {
    let lib = config.kafka.lib.clone().unwrap_or_else(installed);
    if !lib.is_dir() {
        return Err(RunError::Broker { problem: no_jars(&lib), source: None });
    }
    let dir = config.data.dir.join("kafka");
    let write = |name: &str, text: &str| {
        let path = dir.join(name);
        std::fs::write(&path, text).map_err(|source| RunError::Broker {
            problem: format!("cannot write {}", path.display()),
            source: Some(source),
        })?;
        Ok::<PathBuf, RunError>(path)
    };
    std::fs::create_dir_all(&dir).map_err(|source| RunError::Broker {
        problem: format!("cannot make {}", dir.display()),
        source: Some(source),
    })?;
    let logs = dir.join("logs");
    let properties = PROPERTIES
        .replace("@PORT@", &config.kafka.port.to_string())
        .replace("@CONTROLLER_PORT@", &free_port()?.to_string())
        .replace("@LOG_DIR@", &logs.display().to_string());
    let properties = write("server.properties", &properties)?;
    let logging = write("log4j2.properties", LOGGING)?;
    let java = |class: &str| {
        let mut command = Command::new("java");
        command
            .args(["-Xms32m", &format!("-Xmx{}m", config.kafka.heap_mib)])
            .args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError"])
            .arg("-Xlog:disable");
        let archive = lib.with_file_name("broker.jsa");
        if archive.is_file() {
            command.arg(format!("-XX:SharedArchiveFile={}", archive.display()));
        }
        command.arg(format!("-Dlog4j2.configurationFile={}", logging.display())).args([
            "-cp",
            &format!("{}/*", lib.display()),
            class,
        ]);
        command
    };
    if !logs.join("meta.properties").is_file() {
        format(java("kafka.tools.StorageTool"), &properties)?;
    }
    let mut broker = java("kafka.Kafka");
    broker.arg(properties);
    Ok(broker)
}

/// Writes the cluster id into an empty data directory.
fn format(mut tool: Command, properties: &Path) -> Result<(), RunError> {
    let cluster = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Uuid::new_v4().as_bytes());
    // Kafka reads an id that begins with a dash as an option.
    let cluster = cluster.replace('-', "A");
    let output = tool
        .args(["format", "--cluster-id", &cluster, "--feature", "share.version=0", "--config"])
        .arg(properties)
        .output()
        .map_err(|source| RunError::Broker {
            problem: "cannot start java (install a Java runtime, 17 or newer, or run deploy/setup.sh)".to_owned(),
            source: Some(source),
        })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Err(RunError::Broker {
        problem: format!("cannot format the broker's data directory: {}", said.trim()),
        source: None,
    })
}

/// Where `deploy/setup.sh` puts the jars of the pinned version.
fn installed() -> PathBuf {
    let version = POM.split("<kafka.version>").nth(1).and_then(|rest| rest.split('<').next()).unwrap_or("unknown");
    crate::cache_dir().join("kafka").join(version).join("lib")
}

fn free_port() -> Result<u16, RunError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|source| RunError::Broker { problem: "no free port".to_owned(), source: Some(source) })
}
