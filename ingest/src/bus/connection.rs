//! Where the broker is and how to log in there; the client settings that every producer and consumer shares.

use std::path::PathBuf;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use serde::Deserialize;

use crate::{Error, Result};

/// A Kafka cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// `host:port`, several separated by commas.
    pub bootstrap: String,
    /// Partitions of every correlated topic; must not change once data is there.
    #[serde(default = "default_partitions")]
    pub partitions: i32,
    /// Copies of every record; 1 on one machine.
    #[serde(default = "default_replication")]
    pub replication: i32,
    /// TLS and login; plain text without one.
    #[serde(default)]
    pub security: Option<Security>,
}

/// TLS and SASL settings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Security {
    /// The certificates that are trusted (PEM); the system's when absent.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// `SCRAM-SHA-512`, `SCRAM-SHA-256` or `PLAIN`; no login when absent.
    #[serde(default)]
    pub sasl_mechanism: Option<String>,
    /// The user name.
    #[serde(default)]
    pub username: Option<String>,
    /// A file that holds the password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
}

fn default_partitions() -> i32 {
    4
}

fn default_replication() -> i32 {
    1
}

impl Connection {
    /// A broker on this machine without login.
    pub fn local(port: u16) -> Self {
        Self {
            bootstrap: format!("127.0.0.1:{port}"),
            partitions: default_partitions(),
            replication: default_replication(),
            security: None,
        }
    }

    /// The settings of a client that calls itself `name`.
    ///
    /// # Errors
    /// [`Error::Secret`] when the password file cannot be read.
    pub(crate) fn client(&self, name: &str) -> Result<ClientConfig> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("client.id", name)
            // Loopback brokers restart in seconds: do not sit out the default ten-second back-off.
            .set("reconnect.backoff.max.ms", "1000")
            .set("socket.keepalive.enable", "true")
            .set_log_level(RDKafkaLogLevel::Warning);
        if let Some(security) = &self.security {
            let sasl = security.sasl_mechanism.is_some();
            config.set("security.protocol", if sasl { "sasl_ssl" } else { "ssl" });
            if let Some(ca) = &security.ca_file {
                config.set("ssl.ca.location", ca.to_string_lossy());
            }
            if let Some(mechanism) = &security.sasl_mechanism {
                config.set("sasl.mechanism", mechanism);
            }
            if let Some(username) = &security.username {
                config.set("sasl.username", username);
            }
            if let Some(path) = &security.password_file {
                let password =
                    std::fs::read_to_string(path).map_err(|source| Error::Secret { path: path.clone(), source })?;
                config.set("sasl.password", password.trim_end());
            }
        }
        Ok(config)
    }

    /// Names the cluster in an error.
    pub(crate) fn failed(&self, attempt: impl Into<String>) -> impl FnOnce(rdkafka::error::KafkaError) -> Error {
        let (bootstrap, attempt) = (self.bootstrap.clone(), attempt.into());
        move |source| Error::Broker { bootstrap, attempt, source }
    }
}
