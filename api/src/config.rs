//! The configuration: one TOML file, read once, with all its problems listed at once.
//!
//! Loading does no I/O beyond the file itself, so `tillsight check` can run anywhere. Stores and integrators named
//! here are what the installation starts with.

mod alerts;
mod cameras;
mod canary;
mod mail;
mod parse;
mod surfaces;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tillsight_ingest::bus::{Connection, Security};
use tillsight_ingest::pos::{Permits, Stores};
use tillsight_schemas::id::{IntegratorId, StoreId, TenantId};
use tillsight_schemas::presence::TILE_SECONDS;
use tillsight_schemas::store::Store;

pub use alerts::Alerts;
pub use cameras::{Camera, PlacedZone, PresenceBy};
pub use canary::Canary;
pub use mail::{Mail, MailTls, Recipient, RecipientRole, Reports};
pub use surfaces::{Flight, Surface, Tls};

use crate::db::Location;

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where data lies.
    #[serde(default)]
    pub data: Data,
    /// The metadata database.
    #[serde(default)]
    pub database: Database,
    /// The broker.
    #[serde(default)]
    pub kafka: Kafka,
    /// The certificate of every surface that has none of its own.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// The web server.
    #[serde(default)]
    pub http: Http,
    /// The SQL endpoint.
    #[serde(default)]
    pub sql: Sql,
    /// Arrow Flight SQL.
    #[serde(default)]
    pub flight: Flight,
    /// The history.
    #[serde(default)]
    pub lake: Lake,
    /// The recordings.
    #[serde(default)]
    pub recording: Recording,
    /// How cameras are looked at.
    #[serde(default)]
    pub analytics: Analytics,
    /// The rules.
    #[serde(default)]
    pub rules: Rules,
    /// Which alerts people are told of.
    #[serde(default)]
    pub alerts: Alerts,
    /// Synthetic transactions that prove the whole path.
    #[serde(default)]
    pub canary: Canary,
    /// How mail leaves; it does not when absent.
    #[serde(default)]
    pub mail: Option<Mail>,
    /// Who gets daily reports.
    #[serde(default)]
    pub report: Reports,
    /// The stores.
    #[serde(default, rename = "store")]
    pub stores: Vec<Store>,
    /// The cameras.
    #[serde(default, rename = "camera")]
    pub cameras: Vec<Camera>,
    /// The zones of their pictures.
    #[serde(default, rename = "zone")]
    pub zones: Vec<PlacedZone>,
    /// Who sends POS records.
    #[serde(default, rename = "integrator")]
    pub integrators: Vec<Integrator>,
}

/// `[data]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    /// The directory of everything that is kept; relative to the configuration file.
    pub dir: PathBuf,
}

/// `[database]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// A PostgreSQL URL; a SQLite file in the data directory when absent.
    pub url: Option<String>,
}

/// `[kafka]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kafka {
    /// `managed`: a broker of our own on this machine; `external`: the cluster at `bootstrap`.
    pub mode: KafkaMode,
    /// The cluster (`external`): `host:port`, several separated by commas.
    pub bootstrap: Option<String>,
    /// The port of the managed broker on 127.0.0.1.
    pub port: u16,
    /// The most heap of the managed broker, in MiB.
    pub heap_mib: u32,
    /// The folder of the managed broker's jars; where `deploy/setup.sh` puts them when absent.
    pub lib: Option<PathBuf>,
    /// Partitions of every correlated topic.
    pub partitions: i32,
    /// Copies of every record.
    pub replication: i32,
    /// TLS and login of an external cluster.
    pub security: Option<Security>,
}

/// Whose broker it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KafkaMode {
    /// Started, watched and stopped by us.
    Managed,
    /// Somebody else's.
    External,
}

/// `[http]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The address that links carry.
    pub public_url: Option<String>,
    /// Its own certificate.
    pub tls: Option<Tls>,
    /// Without TLS, wherever it listens.
    pub insecure: bool,
}

/// `[sql]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sql {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The most memory of all statements together, in MiB.
    pub memory_mib: u32,
    /// The most disk for what does not fit into it, of all statements together, in GiB; none at all when 0.
    pub spill_gib: u32,
    /// How long a statement may take.
    pub timeout_seconds: u32,
    /// How many connections there may be at once.
    pub connections: u32,
    /// Its own certificate.
    pub tls: Option<Tls>,
    /// Without TLS, wherever it listens.
    pub insecure: bool,
}

/// `[lake]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lake {
    /// A commit at the latest after so many seconds.
    pub commit_seconds: u32,
    /// A commit at the latest after so many MiB.
    pub commit_mib: u32,
}

/// `[recording]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recording {
    /// The folder of the recordings; everything in it belongs to the recorder. `recordings` in the data directory when
    /// absent.
    pub volume: Option<PathBuf>,
    /// After how many days recordings are deleted; never when 0. Held ones stay.
    pub retain_days: u32,
    /// How much may be recorded, in GiB; as much as fits when 0.
    pub max_gib: u64,
    /// How much of the disk stays free, in GiB.
    pub min_free_gib: u64,
    /// How much the holds of alerts may keep together, in GiB; beyond it new ones are refused.
    pub alert_holds_gib: u64,
}

/// `[rules]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// A folder with rules of your own, one folder each; they join the library, and one of the same name replaces it.
    pub folder: Option<PathBuf>,
}

/// `[analytics]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Analytics {
    /// The shared library of ONNX Runtime; where `deploy/setup.sh` puts it when absent.
    pub runtime: Option<PathBuf>,
    /// The description of the detector; the one of `deploy/setup.sh` when absent.
    pub model: Option<PathBuf>,
    /// Looks a second at each camera.
    pub looks_per_second: f32,
    /// Detectors at work at once, one thread each.
    pub threads: usize,
    /// Whether only key frames are decoded: cheaper, and blind with cameras whose key frames are more than 2 s apart.
    pub key_frames_only: bool,
    /// The longest presence tile: 1 or 5 seconds. What is known about a zone is published that late.
    pub tile_seconds: i64,
}

/// `[[integrator]]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Integrator {
    /// Its id; it writes to `lp.pos.in.<id>`.
    pub id: IntegratorId,
    /// The retailer it writes for.
    pub tenant: TenantId,
    /// The stores it may write; all of the tenant when empty.
    #[serde(default)]
    pub stores: Vec<StoreId>,
}

impl Default for Data {
    fn default() -> Self {
        Self { dir: "data".into() }
    }
}

impl Default for Kafka {
    fn default() -> Self {
        Self {
            mode: KafkaMode::Managed,
            bootstrap: None,
            port: 9092,
            heap_mib: 256,
            lib: None,
            partitions: 4,
            replication: 1,
            security: None,
        }
    }
}

impl Http {
    /// The address that people reach it at, without a slash at the end.
    pub fn address(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let own = || format!("{scheme}://{}", self.listen);
        self.public_url.as_deref().map_or_else(own, |url| url.trim_end_matches('/').to_owned())
    }
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)), public_url: None, tls: None, insecure: false }
    }
}

impl Default for Sql {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 5433)),
            memory_mib: 1024,
            spill_gib: 4,
            timeout_seconds: 60,
            connections: 32,
            tls: None,
            insecure: false,
        }
    }
}

impl Default for Recording {
    fn default() -> Self {
        Self { volume: None, retain_days: 30, max_gib: 0, min_free_gib: 5, alert_holds_gib: 50 }
    }
}

impl Default for Analytics {
    fn default() -> Self {
        Self { runtime: None, model: None, looks_per_second: 4.0, threads: 1, key_frames_only: false, tile_seconds: 1 }
    }
}

impl Default for Lake {
    fn default() -> Self {
        Self { commit_seconds: 60, commit_mib: 128 }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(
        "cannot read the configuration {path}: copy deploy/tillsight.example.toml there (docs/install.md), or name another \
         with --config"
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML, or has a key that does not exist.
    #[error("{path}: {}", .problems.join("\n\n"))]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        problems: Vec<String>,
    },
    /// The settings contradict each other or break a rule.
    #[error("{path} has {} problem(s):\n  - {}", .problems.len(), .problems.join("\n  - "))]
    Problems {
        /// The file.
        path: PathBuf,
        /// All of them.
        problems: Vec<String>,
    },
}

impl Config {
    /// Reads a file; relative paths in it are taken from the file's folder.
    ///
    /// # Errors
    /// [`ConfigError`], with every problem of the file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let parsed = parse::parse(&text);
        let mut config = parsed.map_err(|problems| ConfigError::Parse { path: path.to_owned(), problems })?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder =
            std::path::absolute(folder).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        config.share_tls(&folder);
        config.data.dir = folder.join(&config.data.dir);
        config.recording.volume = config.recording.volume.map(|volume| folder.join(volume));
        config.rules.folder = config.rules.folder.map(|rules| folder.join(rules));
        config.analytics.runtime = config.analytics.runtime.map(|library| folder.join(library));
        config.analytics.model = config.analytics.model.map(|model| folder.join(model));
        config.kafka.lib = config.kafka.lib.map(|lib| folder.join(lib));
        for camera in &mut config.cameras {
            camera.password_file = camera.password_file.take().map(|file| folder.join(file));
        }
        if let Some(mail) = &mut config.mail {
            mail.password_file = mail.password_file.take().map(|file| folder.join(file));
        }
        if let Some(security) = &mut config.kafka.security {
            security.ca_file = security.ca_file.take().map(|file| folder.join(file));
            security.password_file = security.password_file.take().map(|file| folder.join(file));
        }
        let problems = config.problems();
        if problems.is_empty() { Ok(config) } else { Err(ConfigError::Problems { path: path.to_owned(), problems }) }
    }

    /// Everything that is wrong with the settings.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        self.surface_problems(&mut problems);
        let managed = (self.kafka.mode == KafkaMode::Managed).then_some(("kafka", self.kafka.port));
        let surfaces = self.surfaces().map(|surface| (surface.name, surface.listen.port()));
        let ports: Vec<(&str, u16)> = surfaces.into_iter().chain(managed).collect();
        for (n, (name, port)) in ports.iter().enumerate() {
            if let Some((other, _)) = ports.iter().take(n).find(|(_, taken)| taken == port && *port != 0) {
                problems.push(format!("{other} and {name} both listen on port {port}: give each its own"));
            }
        }
        if self.kafka.mode == KafkaMode::External && self.kafka.bootstrap.is_none() {
            problems.push("kafka.mode is external: kafka.bootstrap must name the cluster".to_owned());
        }
        if self.kafka.mode == KafkaMode::Managed && self.kafka.bootstrap.is_some() {
            problems.push("kafka.bootstrap is given, but kafka.mode is managed: set mode = \"external\"".to_owned());
        }
        if !(1..=512).contains(&self.kafka.partitions) {
            problems.push(format!("kafka.partitions is {}; it must be 1 to 512", self.kafka.partitions));
        }
        if !(64..=384).contains(&self.kafka.heap_mib) && self.kafka.mode == KafkaMode::Managed {
            problems.push(format!("kafka.heap_mib is {}; it must be 64 to 384", self.kafka.heap_mib));
        }
        if self.sql.timeout_seconds == 0 || self.sql.connections == 0 || self.sql.memory_mib < 64 {
            problems.push("sql.timeout_seconds and sql.connections must be at least 1, sql.memory_mib 64".to_owned());
        }
        if self.lake.commit_seconds == 0 || self.lake.commit_mib == 0 {
            problems.push("lake.commit_seconds and lake.commit_mib must be at least 1".to_owned());
        }
        let mut seen = BTreeSet::new();
        for store in &self.stores {
            if !seen.insert(store.key()) {
                problems.push(format!("store {} is there twice", store.key()));
            }
        }
        let mut integrators = BTreeSet::new();
        for integrator in &self.integrators {
            if !integrators.insert(&integrator.id) {
                problems.push(format!("integrator {} is there twice", integrator.id));
            }
            for store in &integrator.stores {
                if !self.stores.iter().any(|known| known.tenant == integrator.tenant && known.id == *store) {
                    problems.push(format!("integrator {} names store {store}, which is not set up", integrator.id));
                }
            }
        }
        let mut cameras = BTreeSet::new();
        for camera in &self.cameras {
            let name = format!("camera {} of store {}", camera.id, camera.store);
            if !cameras.insert((&camera.tenant, &camera.store, &camera.id)) {
                problems.push(format!("{name} is there twice"));
            }
            if !self.stores.iter().any(|store| store.tenant == camera.tenant && store.id == camera.store) {
                problems.push(format!("{name}: the store is not set up"));
            }
            problems.extend(camera.problems().into_iter().map(|problem| format!("{name}: {problem}")));
            if camera.username.is_some() != camera.password_file.is_some() {
                problems.push(format!("{name}: username and password_file belong together"));
            }
        }
        self.vision_problems(&mut problems);
        self.alerts.problems(&mut problems);
        Canary::problems(self, &mut problems);
        self.mail_problems(&mut problems);
        problems
    }

    fn vision_problems(&self, problems: &mut Vec<String>) {
        let settings = &self.analytics;
        if !(0.5..=30.0).contains(&settings.looks_per_second) || !(1..=64).contains(&settings.threads) {
            problems.push("analytics.looks_per_second must be 0.5 to 30, analytics.threads 1 to 64".to_owned());
        }
        if ![1, TILE_SECONDS].contains(&settings.tile_seconds) {
            problems.push(format!("analytics.tile_seconds is {}; it must be 1 or 5", settings.tile_seconds));
        }
        let mut zones = BTreeSet::new();
        for placed in &self.zones {
            let name = format!("zone {} of store {}", placed.id, placed.store);
            if !zones.insert((&placed.tenant, &placed.store, &placed.id)) {
                problems.push(format!("{name} is there twice"));
            }
            if !self.cameras.iter().any(|camera| placed.is_on(camera)) {
                problems.push(format!("{name}: camera {} is not set up in that store", placed.camera));
            }
            problems.extend(placed.zone().problem());
        }
    }

    /// The folder of the recordings.
    pub fn volume(&self) -> PathBuf {
        self.recording.volume.clone().unwrap_or_else(|| self.data.dir.join("recordings"))
    }

    /// Where the metadata database is.
    pub fn database(&self) -> Location {
        match &self.database.url {
            Some(url) => Location::Url(url.clone()),
            None => Location::File(self.data.dir.join("tillsight.sqlite")),
        }
    }

    /// How to reach the broker.
    pub fn connection(&self) -> Connection {
        Connection {
            bootstrap: self.kafka.bootstrap.clone().unwrap_or_else(|| format!("127.0.0.1:{}", self.kafka.port)),
            partitions: self.kafka.partitions,
            replication: if self.kafka.mode == KafkaMode::Managed { 1 } else { self.kafka.replication },
            security: self.kafka.security.clone(),
        }
    }

    /// What each integrator may write.
    pub fn permits(&self) -> Vec<Permits> {
        self.integrators
            .iter()
            .map(|integrator| Permits {
                integrator: integrator.id.clone(),
                tenant: integrator.tenant.clone(),
                stores: integrator.stores.clone(),
            })
            .collect()
    }

    /// The stores.
    pub fn stores(&self) -> Stores {
        Stores::new(self.stores.iter().cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn an_empty_file_is_a_whole_configuration() {
        assert!(config("").problems().is_empty());
    }

    #[test]
    fn the_example_is_a_good_configuration_as_it_stands_and_with_its_examples() {
        let example = include_str!("../../deploy/tillsight.example.toml");
        let with = |text: &str| {
            let taken = |line: &str| match line.strip_prefix('#') {
                Some(example) if !example.starts_with(' ') => example.to_owned(),
                _ => line.to_owned(),
            };
            text.lines().map(taken).collect::<Vec<_>>().join("\n")
        };
        let plain = config(example);
        assert!(plain.problems().is_empty(), "{:#?}", plain.problems());
        assert!(plain.mail.is_none() && plain.stores.is_empty() && plain.cameras.is_empty(), "nobody's mail is sent");
        let (defaults, shop) = example.split_once("#[mail]").unwrap();
        let shop = config(&format!("{defaults}{}", with(&format!("#[mail]{shop}"))));
        assert!(shop.problems().is_empty(), "{:#?}", shop.problems());
        assert_eq!((shop.stores.len(), shop.cameras.len(), shop.zones.len(), shop.mail.is_some()), (1, 1, 1, true));
        config(&with(example));
    }

    #[test]
    fn all_problems_are_listed_at_once() {
        let problems = config(
            r#"
            [http]
            listen = "0.0.0.0:8080"
            [kafka]
            mode = "external"
            partitions = 0
            [[integrator]]
            id = "kiosk"
            tenant = "demo"
            stores = ["17"]
            [analytics]
            tile_seconds = 7
            [[zone]]
            tenant = "demo"
            store = "17"
            id = "counter"
            camera = "nowhere"
            kind = "customer"
            polygon = [[0.1, 0.1], [0.9, 1.9]]
            "#,
        )
        .problems();
        assert_eq!(problems.len(), 7, "{problems:#?}");
    }

    #[test]
    fn the_address_of_a_camera_s_events_carries_no_password() {
        let camera = |onvif: &str| {
            let store =
                "[[store]]\ntenant = \"demo\"\nid = \"17\"\nname = \"Kiosk\"\ntz = \"UTC\"\ncurrency = \"USD\"\n";
            let camera = "[[camera]]\nid = \"c\"\ntenant = \"demo\"\nstore = \"17\"\nurl = \"rtsp://192.0.2.1/x\"\n";
            config(&format!("{store}{camera}onvif = \"{onvif}\"")).problems()
        };
        assert!(camera("http://192.0.2.1/onvif/device_service").is_empty());
        assert!(camera("http://viewer:secret@192.0.2.1/onvif/device_service")[0].contains("password_file"));
        assert!(camera("ftp://192.0.2.1/")[0].contains("device_service"));
        assert!(camera("camera one")[0].contains("onvif"));
    }

    #[test]
    fn a_misspelt_key_is_an_error_that_names_it() {
        let error = toml::from_str::<Config>("[sql]\ntimeout_secs = 3").unwrap_err().to_string();
        assert!(error.contains("timeout_secs") && error.contains("timeout_seconds"), "{error}");
    }
}
