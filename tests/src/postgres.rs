//! [`Postgres`]: Debian's PostgreSQL as a server of the test's own, on a free port and in a folder of its own.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::outside::{eventually, output, run};

/// A server that ends with the test. It trusts whoever comes from this machine.
pub struct Postgres {
    server: Child,
    port: u16,
    _dir: TempDir,
}

impl Postgres {
    /// Makes a cluster and starts it. PostgreSQL does not run as root: then it runs as Debian's `postgres`.
    pub fn start() -> Self {
        let bin = newest();
        let dir = tempfile::tempdir().unwrap();
        let root = run(Command::new("id").arg("-u"), b"").trim() == "0";
        if root {
            run(Command::new("chown").arg("postgres").arg(dir.path()), b"");
        }
        let as_somebody = |program: &str| {
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "KILL"]);
            if root {
                command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]);
            }
            command.arg(bin.join(program)).current_dir(dir.path());
            command
        };
        let data = dir.path().join("data");
        run(
            as_somebody("initdb").args(["-U", "tillsight", "-A", "trust", "-E", "UTF8", "--no-sync", "-D"]).arg(&data),
            b"",
        );
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = as_somebody("postgres");
        server.arg("-D").arg(&data).args([
            "-p",
            &port.to_string(),
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "fsync=off",
        ]);
        server.arg("-k").arg(dir.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = server.spawn().unwrap();
        let postgres = Self { server, port, _dir: dir };
        eventually("PostgreSQL answers", || {
            let said = output(postgres.psql("postgres").args(["-c", "select 1"]), b"");
            if said.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&said.stderr).into_owned()) }
        });
        run(postgres.psql("postgres").args(["-c", "create database shop"]), b"");
        postgres
    }

    /// The address of its database, for `database.url`.
    pub fn url(&self) -> String {
        format!("postgres://tillsight@127.0.0.1:{}/shop", self.port)
    }

    /// `psql` in its database, ended by the first error.
    pub fn shop(&self) -> Command {
        self.psql("shop")
    }

    fn psql(&self, database: &str) -> Command {
        let mut psql = Command::new("psql");
        psql.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "tillsight", "-d", database]);
        psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1"]);
        psql
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

/// Where Debian puts the newest server.
fn newest() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").map(|entries| {
        let versions = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        versions.filter(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin/initdb")).is_file()).max()
    });
    let version = versions.ok().flatten().expect("deploy/setup.sh test installs postgresql");
    PathBuf::from(format!("/usr/lib/postgresql/{version}/bin"))
}
