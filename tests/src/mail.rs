//! [`MailServer`]: aiosmtpd, whose messages lie in a folder.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::certificates::Certificates;
use crate::outside::cache;

/// A mail server on a port of its own.
pub struct MailServer {
    process: Child,
    /// Where it listens on this machine.
    pub port: u16,
    folder: tempfile::TempDir,
}

impl MailServer {
    /// One that takes mail as it comes, and offers no TLS.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// One that takes nothing before STARTTLS.
    pub fn over_tls(certificates: &Certificates) -> Self {
        Self::with(&[certificates.cert(), certificates.key()])
    }

    fn with(certificate: &[PathBuf]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut process = Command::new(cache().join("python/bin/python"))
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/servers/mail.py"))
            .arg(port.to_string())
            .arg(folder.path())
            .args(certificate)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n", "run deploy/setup.sh test");
        Self { process, port, folder }
    }

    /// The messages, each with its recipient, in order of arrival.
    pub fn mails(&self) -> Vec<(String, PathBuf)> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "eml"))
            .collect();
        files.sort();
        let to = |path: &Path| std::fs::read_to_string(path.with_extension("to")).unwrap();
        files.into_iter().map(|path| (to(&path), path)).collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
