//! [`Shop`]: `tillsight run` on free ports and a fresh data directory, as a real tree of processes.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::certificates::Certificates;
use crate::outside::{eventually, output, run};

/// A running installation with the stores 17 (Chicago) and 42 (New York) of tenant `demo`, the integrator `kiosk`
/// that may write both and the integrator `corner` that may write 42 only.
pub struct Shop {
    dir: TempDir,
    supervisor: Option<Child>,
    pub kafka: u16,
    pub http: u16,
    pub sql: u16,
    pub flight: u16,
    /// What its certificate is checked by, where it has one.
    authority: Option<PathBuf>,
}

const CONFIG: &str = r#"
[kafka]
port = @KAFKA@
[http]
listen = "127.0.0.1:@HTTP@"
[sql]
listen = "127.0.0.1:@SQL@"
timeout_seconds = 10
memory_mib = 512
[flight]
listen = "127.0.0.1:@FLIGHT@"
[lake]
commit_seconds = 3
[[store]]
tenant = "demo"
id = "17"
name = "Kiosk 1"
tz = "America/Chicago"
currency = "USD"
[[store]]
tenant = "demo"
id = "42"
name = "Corner shop"
tz = "America/New_York"
currency = "USD"
[[integrator]]
id = "kiosk"
tenant = "demo"
[[integrator]]
id = "corner"
tenant = "demo"
stores = ["42"]
"#;

impl Shop {
    /// Opens a shop and waits until it is ready.
    pub fn open() -> Self {
        Self::with("")
    }

    /// Opens a shop with more in its configuration.
    pub fn with(more: &str) -> Self {
        Self::with_config(None, |config| config + more)
    }

    /// Opens a shop that can be reached from other machines, over TLS.
    pub fn over_tls(certificates: &Certificates) -> Self {
        let (cert, key) = (certificates.cert(), certificates.key());
        let tls = format!("[tls]\ncert = \"{}\"\nkey = \"{}\"\n", cert.display(), key.display());
        Self::with_config(Some(certificates.authority()), |config| {
            let everywhere = config.replace("listen = \"127.0.0.1:", "listen = \"0.0.0.0:");
            everywhere.replace("[sql]", "public_url = \"https://localhost\"\n[sql]") + &tls
        })
    }

    fn with_config(authority: Option<PathBuf>, change: impl FnOnce(String) -> String) -> Self {
        let [kafka, http, sql, flight] = free_ports();
        let dir = tempfile::tempdir().unwrap();
        let mut shop = Self { dir, supervisor: None, kafka, http, sql, flight, authority };
        let config = CONFIG
            .replace("@KAFKA@", &kafka.to_string())
            .replace("@HTTP@", &http.to_string())
            .replace("@SQL@", &sql.to_string())
            .replace("@FLIGHT@", &flight.to_string());
        std::fs::write(shop.config(), change(config)).unwrap();
        shop.start();
        shop
    }

    /// The shop that tests share which only add to it.
    pub fn shared() -> &'static Self {
        static SHOP: OnceLock<Shop> = OnceLock::new();
        SHOP.get_or_init(Self::open)
    }

    /// Starts `tillsight run` and waits until every surface answers.
    pub fn start(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.log_path()).unwrap();
        // It ends when the thread that started it ends: this one lives as long as the test process.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM"]).arg(binary()).arg("--config").arg(self.config()).arg("run");
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            sender.send(command.spawn().unwrap()).unwrap();
            loop {
                std::thread::park();
            }
        });
        self.supervisor = Some(receiver.recv().unwrap());
        eventually("the shop opens", || {
            if let Some(status) = self.supervisor.as_mut().unwrap().try_wait().unwrap() {
                panic!("tillsight run ended with {status}\n{}", self.log());
            }
            let (status, body) = self.get("/readyz", None);
            if status != 200 {
                return Err(format!("{status} {body}\n{}", self.log()));
            }
            let answers = |port| std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(|e| e.to_string());
            answers(self.sql).and(answers(self.flight)).map(|_| ())
        });
    }

    /// Asks `tillsight run` to stop and returns its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        let mut child = self.supervisor.take()?;
        run(Command::new("kill").args(["-TERM", &child.id().to_string()]), b"");
        child.wait().unwrap().code()
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The configuration.
    pub fn config(&self) -> PathBuf {
        self.dir.path().join("tillsight.toml")
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// What the processes wrote.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The address of the broker.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.kafka)
    }

    /// A `tillsight` command that must succeed; what it printed.
    pub fn tillsight(&self, arguments: &[&str]) -> String {
        self.tillsight_with(arguments, "")
    }

    /// The same with this on its standard input.
    pub fn tillsight_with(&self, arguments: &[&str], input: &str) -> String {
        run(Command::new(binary()).arg("--config").arg(self.config()).args(arguments), input.as_bytes())
    }

    /// Makes a token and returns its login and secret.
    pub fn token(&self, arguments: &[&str]) -> (String, String) {
        let said = self.tillsight(&[&["token", "create"], arguments].concat());
        let field = |name: &str| said.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        (field("login:"), field("secret:"))
    }

    /// A GET; status and body. Status 0 when nobody answers.
    pub fn get(&self, path: &str, token: Option<&str>) -> (u16, String) {
        self.curl(path, token, &[])
    }

    /// A POST of JSON; status and body.
    pub fn post(&self, path: &str, token: Option<&str>, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let (status, text) = self.curl(path, token, &["-H", "content-type: application/json", "-d", &body]);
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}{path}", self.http)
    }

    fn curl(&self, path: &str, token: Option<&str>, more: &[&str]) -> (u16, String) {
        let mut command = Command::new("curl");
        command.args(["-s", "--max-time", "20", "-w", "\n%{http_code}"]).args(more);
        if let Some(authority) = &self.authority {
            command.arg("--cacert").arg(authority);
        }
        if let Some(token) = token {
            command.args(["-H", &format!("Authorization: Bearer {token}")]);
        }
        let output = output(command.arg(self.url(path)), b"");
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), body.to_owned())
    }

    /// Writes records with kcat, one a line, each `key|value`.
    pub fn kcat_produce(&self, topic: &str, lines: &[String]) {
        let mut kcat = Command::new("kcat");
        kcat.args(["-P", "-b", &self.bootstrap(), "-t", topic, "-K", "|", "-X", "partitioner=murmur2_random"]);
        run(&mut kcat, (lines.join("\n") + "\n").as_bytes());
    }

    /// Reads a topic to its end with kcat, in this format.
    pub fn kcat_consume(&self, topic: &str, format: &str) -> Vec<String> {
        let mut kcat = Command::new("kcat");
        kcat.args(["-C", "-b", &self.bootstrap(), "-t", topic, "-o", "beginning", "-e", "-q", "-f", format]);
        run(&mut kcat, b"").lines().map(str::to_owned).collect()
    }

    /// Adds a person with these stores and returns the login and secret of their SQL token.
    pub fn head_office(&self, name: &str, stores: &str) -> (String, String) {
        let mut add = vec!["user", "add", name, "--role", "head_office"];
        if !stores.is_empty() {
            add.extend(["--stores", stores]);
        }
        self.tillsight(&add);
        self.token(&["--user", name])
    }

    /// `psql` as a login; its output, whatever it says.
    pub fn psql(&self, (login, secret): &(String, String), statements: &[&str]) -> Output {
        let mut psql = Command::new("psql");
        psql.env("PGPASSWORD", secret).env("PGCONNECT_TIMEOUT", "20");
        psql.args(["-h", "127.0.0.1", "-p", &self.sql.to_string(), "-U", login, "-d", "tillsight", "-XAt"]);
        for statement in statements {
            psql.args(["-c", statement]);
        }
        output(&mut psql, b"")
    }

    /// `psql` as a login with the statements of a file; its output, whatever it says.
    pub fn psql_file(&self, (login, secret): &(String, String), file: &Path) -> Output {
        let mut psql = Command::new("psql");
        psql.env("PGPASSWORD", secret).env("PGCONNECT_TIMEOUT", "20");
        psql.args([
            "-h",
            "127.0.0.1",
            "-p",
            &self.sql.to_string(),
            "-U",
            login,
            "-d",
            "tillsight",
            "-XAt",
            "-o",
            "/dev/null",
        ]);
        output(psql.arg("-f").arg(file), b"")
    }

    /// What `psql` prints for a query that must succeed; the error as text when it does not.
    pub fn query(&self, login: &(String, String), statement: &str) -> String {
        let output = self.psql(login, &[statement]);
        let text = if output.status.success() { output.stdout } else { output.stderr };
        String::from_utf8_lossy(&text).trim_end().to_owned()
    }

    /// The connection string of a login, for PostgreSQL drivers.
    pub fn dsn(&self, (login, secret): &(String, String)) -> String {
        format!("host=127.0.0.1 port={} user={login} password={secret} dbname=tillsight", self.sql)
    }

    /// Kills the process of a role as a crash would, and returns its process id.
    pub fn kill_role(&self, role: &str) -> u32 {
        let pid = self.pid_of(role).unwrap_or_else(|| panic!("no process of role {role}"));
        run(Command::new("kill").args(["-KILL", &pid.to_string()]), b"");
        pid
    }

    /// The process of a role, a child of the supervisor.
    pub fn pid_of(&self, role: &str) -> Option<u32> {
        let supervisor = self.supervisor.as_ref()?.id();
        let children = output(Command::new("pgrep").args(["-P", &supervisor.to_string(), "-a"]), b"");
        let children = String::from_utf8(children.stdout).unwrap();
        let mark = if role == "broker" { "kafka.Kafka".to_owned() } else { format!("role {role} ") };
        let line = children.lines().find(|line| line.contains(&mark))?;
        line.split_whitespace().next()?.parse().ok()
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            println!("---- what the shop said\n{}", self.log());
        }
    }
}

/// The binary under test, which `cargo build` put beside the test binary.
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let binary = test.parent().and_then(Path::parent).unwrap().join("tillsight");
    assert!(binary.is_file(), "{} is missing: run `cargo build --workspace` first", binary.display());
    binary
}

fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: Vec<TcpListener> = (0..N).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
    std::array::from_fn(|index| listeners[index].local_addr().unwrap().port())
}
