//! The addresses that are listened on, which of them speak TLS, and what may leave this machine.
//!
//! A surface takes its own `tls`, else the shared `[tls]`. Without either it listens on loopback, unless `insecure = true`
//! says in so many words that everybody on the network may read along.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::Url;

use super::Config;

/// `[tls]`, or `tls = { ... }` of one surface: PEM files, read again when they change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate, followed by those between it and the authority.
    pub cert: PathBuf,
    /// Its private key, not encrypted.
    pub key: PathBuf,
}

/// `[flight]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Flight {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Its own certificate.
    pub tls: Option<Tls>,
    /// Without TLS, wherever it listens.
    pub insecure: bool,
}

impl Default for Flight {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 5434)), tls: None, insecure: false }
    }
}

/// Something that listens.
#[derive(Debug, Clone, Copy)]
pub struct Surface<'a> {
    /// Its section of the configuration.
    pub name: &'static str,
    /// Where.
    pub listen: SocketAddr,
    /// With which certificate.
    pub tls: Option<&'a Tls>,
    /// Whether it goes without one wherever it listens.
    pub insecure: bool,
}

impl Surface<'_> {
    /// What everybody on the network may read along, if they may: for the log of each start and for `tillsight check`.
    pub fn warning(&self) -> Option<String> {
        let Self { name, listen, .. } = self;
        (self.tls.is_none() && !listen.ip().is_loopback()).then(|| {
            format!(
                "{name}.insecure: {listen} can be reached from other machines without TLS, so whoever is on the network \
                 can read passwords, receipts and video: name a certificate in [tls]"
            )
        })
    }

    fn problem(&self) -> Option<String> {
        let Self { name, listen, .. } = self;
        if self.insecure && self.tls.is_some() {
            return Some(format!("{name}.insecure and {name}.tls contradict each other: take one of them out"));
        }
        (self.warning().is_some() && !self.insecure).then(|| {
            format!(
                "{name}.listen = {listen} leaves this machine without TLS: name a certificate and its key in [tls], or \
                 listen on 127.0.0.1 and put a TLS proxy in front (docs/install.md says how; insecure = true in [{name}] \
                 if everybody on the network may read along)"
            )
        })
    }
}

impl Config {
    /// Everything that listens, but for the broker.
    pub fn surfaces(&self) -> [Surface<'_>; 3] {
        let Self { http, sql, flight, .. } = self;
        [
            Surface { name: "http", listen: http.listen, tls: http.tls.as_ref(), insecure: http.insecure },
            Surface { name: "sql", listen: sql.listen, tls: sql.tls.as_ref(), insecure: sql.insecure },
            Surface { name: "flight", listen: flight.listen, tls: flight.tls.as_ref(), insecure: flight.insecure },
        ]
    }

    /// Gives the shared certificate to every surface that has none of its own and does not do without; relative paths are
    /// taken from `folder`.
    pub(super) fn share_tls(&mut self, folder: &Path) {
        let shared = self.tls.clone();
        for (tls, insecure) in [
            (&mut self.http.tls, self.http.insecure),
            (&mut self.sql.tls, self.sql.insecure),
            (&mut self.flight.tls, self.flight.insecure),
        ] {
            if tls.is_none() && !insecure {
                tls.clone_from(&shared);
            }
            if let Some(Tls { cert, key }) = tls {
                (*cert, *key) = (folder.join(&cert), folder.join(&key));
            }
        }
    }

    /// What is wrong with addresses and TLS.
    pub(super) fn surface_problems(&self, problems: &mut Vec<String>) {
        let before = problems.len();
        problems.extend(self.surfaces().iter().filter_map(Surface::problem));
        let http = &self.http;
        match http.public_url.as_deref().map(Url::parse) {
            None if http.listen.ip().is_unspecified() && problems.len() == before => problems.push(format!(
                "http.listen = {} is no address that people can type: set http.public_url to the one that they do",
                http.listen
            )),
            Some(Ok(url)) if !matches!(url.scheme(), "http" | "https") || !url.has_host() => {
                problems.push("http.public_url must be https://host[:port]".to_owned());
            }
            Some(Ok(url)) if url.scheme() == "http" && http.tls.is_some() => {
                problems.push("http.public_url begins with http:, but http has TLS: begin it with https:".to_owned());
            }
            Some(Err(error)) => problems.push(format!("http.public_url must be https://host[:port]: {error}")),
            None | Some(Ok(_)) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        let mut config: Config = toml::from_str(text).unwrap();
        config.share_tls(Path::new("/etc/tillsight"));
        config
    }

    const SHARED: &str = "[tls]\ncert = \"cert.pem\"\nkey = \"/run/key.pem\"\n";

    #[test]
    fn an_address_that_leaves_the_machine_needs_a_certificate_and_says_how_to_get_one() {
        for surface in ["http", "sql", "flight"] {
            let problems = config(&format!("[{surface}]\nlisten = \"192.0.2.7:9999\"")).problems();
            assert_eq!(problems.len(), 1, "{problems:#?}");
            assert!(problems[0].starts_with(&format!("{surface}.listen")) && problems[0].contains("docs/install.md"));
            let served = config(&format!("{SHARED}[{surface}]\nlisten = \"192.0.2.7:9999\""));
            assert!(served.problems().is_empty(), "{:#?}", served.problems());
            assert!(served.surfaces().iter().all(|surface| surface.warning().is_none()));
        }
    }

    #[test]
    fn who_says_insecure_is_let_and_warned() {
        let config = config("[sql]\nlisten = \"0.0.0.0:5433\"\ninsecure = true");
        assert!(config.problems().is_empty(), "{:#?}", config.problems());
        let warnings: Vec<String> = config.surfaces().iter().filter_map(Surface::warning).collect();
        assert!(warnings.len() == 1 && warnings[0].contains("0.0.0.0:5433"), "{warnings:?}");
    }

    #[test]
    fn a_surface_takes_its_own_certificate_before_the_shared_one_and_none_when_it_is_told_so() {
        let config = config(&format!(
            "{SHARED}[http]\ninsecure = true\n[sql]\ntls = {{ cert = \"sql.pem\", key = \"sql.key\" }}\n"
        ));
        assert!(config.problems().is_empty(), "{:#?}", config.problems());
        let [http, sql, flight] = config.surfaces();
        assert_eq!(http.tls, None);
        assert_eq!(sql.tls.unwrap().cert, Path::new("/etc/tillsight/sql.pem"));
        assert_eq!(flight.tls.unwrap().cert, Path::new("/etc/tillsight/cert.pem"));
        assert_eq!(flight.tls.unwrap().key, Path::new("/run/key.pem"));
        assert_eq!(config.http.address(), "http://127.0.0.1:8080");
    }

    #[test]
    fn links_are_those_that_people_type() {
        let problems = |text: &str| config(&format!("{SHARED}[http]\n{text}")).problems();
        assert!(problems("listen = \"0.0.0.0:8443\"")[0].contains("public_url"));
        assert!(problems("listen = \"0.0.0.0:8443\"\npublic_url = \"https://shop.example:8443/\"").is_empty());
        assert!(problems("public_url = \"http://shop.example\"")[0].contains("begin it with https:"));
        assert!(problems("public_url = \"shop.example\"")[0].contains("https://host"));
        assert!(problems("insecure = true\ntls = { cert = \"a\", key = \"b\" }")[0].contains("contradict"));
        assert_eq!(config(SHARED).http.address(), "https://127.0.0.1:8080");
    }
}
