//! [`Certificates`]: an authority of the test's own and what it issues, made by the `openssl` program.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::outside::run;

/// An authority; and the files of a server, which it may replace.
pub struct Certificates {
    dir: TempDir,
    issued: std::cell::Cell<u32>,
}

impl Certificates {
    /// An authority, and a certificate for `localhost` and 127.0.0.1.
    pub fn new() -> Self {
        let made = Self { dir: tempfile::tempdir().unwrap(), issued: std::cell::Cell::default() };
        let mut authority = made.request();
        authority.args(["-x509", "-days", "30", "-subj", "/CN=Authority of a test"]);
        run(authority.arg("-keyout").arg(made.at("ca.key")).arg("-out").arg(made.authority()), b"");
        made.renew();
        made
    }

    /// What clients trust.
    pub fn authority(&self) -> PathBuf {
        self.at("ca.pem")
    }

    /// The server's certificate.
    pub fn cert(&self) -> PathBuf {
        self.at("cert.pem")
    }

    /// The server's key.
    pub fn key(&self) -> PathBuf {
        self.at("key.pem")
    }

    /// Issues the server's certificate anew, with a new key; its serial number as `openssl` prints it.
    pub fn renew(&self) -> String {
        let serial = self.issue();
        for (from, to) in [("new-cert.pem", self.cert()), ("new-key.pem", self.key())] {
            std::fs::rename(self.at(from), to).unwrap();
        }
        serial
    }

    /// Puts a new certificate in place, but not its key.
    pub fn renew_by_half(&self) {
        self.issue();
        std::fs::rename(self.at("new-cert.pem"), self.cert()).unwrap();
    }

    fn issue(&self) -> String {
        self.issued.set(self.issued.get() + 1);
        let serial = format!("{:04X}", 0x1000 + self.issued.get());
        let mut request = self.request();
        request.args(["-subj", "/CN=Shop"]).arg("-keyout").arg(self.at("new-key.pem"));
        run(request.arg("-out").arg(self.at("request.pem")), b"");
        std::fs::write(self.at("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n").unwrap();
        let mut sign = Command::new("openssl");
        sign.args(["x509", "-req", "-days", "30", "-set_serial", &format!("0x{serial}"), "-CAkey"]);
        sign.arg(self.at("ca.key")).arg("-CA").arg(self.authority()).arg("-extfile").arg(self.at("names"));
        run(sign.arg("-in").arg(self.at("request.pem")).arg("-out").arg(self.at("new-cert.pem")), b"");
        serial
    }

    fn request(&self) -> Command {
        let mut request = Command::new("openssl");
        request.args(["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
        request
    }

    fn at(&self, name: &str) -> PathBuf {
        Path::new(self.dir.path()).join(name)
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self::new()
    }
}
