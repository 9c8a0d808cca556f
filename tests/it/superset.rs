//! Apache Superset as head office uses it: the list of tables, a query in SQL Lab, a bar chart of a table. A real Superset
//! with its own database, a real browser.
//!
//! Not part of `make test`: it needs 0.8 GB that nothing else needs. `make superset` puts it in place and runs this.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use chrono::TimeDelta;
use serde_json::{Value, json};
use tillsight_schemas::{Clock as _, SystemClock};
use tillsight_tests::Shop;
use tillsight_tests::day;
use tillsight_tests::outside::{becomes, cache, eventually, output, run};

/// A Superset that ends with the test.
struct Superset {
    folder: tempfile::TempDir,
    server: Option<Child>,
    port: u16,
}

impl Superset {
    /// Sets one up that knows a database, and starts it.
    fn open(uri: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "SECRET_KEY = 'of a test, and of no consequence elsewhere'\n\
             SQLALCHEMY_DATABASE_URI = 'sqlite:///{}/superset.db'\n\
             TALISMAN_ENABLED = False\n",
            folder.path().display()
        );
        std::fs::write(folder.path().join("superset_config.py"), config).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut superset = Self { folder, server: None, port };
        let admin = ["--username", "admin", "--firstname", "A", "--lastname", "B", "--email", "a@example.com"];
        run(&mut superset.command(&["db", "upgrade"]), b"");
        run(&mut superset.command(&[&["fab", "create-admin", "--password", "admin"], &admin[..]].concat()), b"");
        run(&mut superset.command(&["init"]), b"");
        run(&mut superset.command(&["set-database-uri", "--database_name", "Tillsight", "--uri", uri]), b"");
        let log = std::fs::File::create(superset.folder.path().join("log")).unwrap();
        let mut server = superset.command(&["run", "--with-threads", "--port", &port.to_string()]);
        server.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        superset.server = Some(server.spawn().unwrap());
        eventually("Superset answers", || {
            let answer = output(Command::new("curl").args(["-sf", &superset.address("/health")]), b"");
            if answer.status.success() { Ok(()) } else { Err(superset.log()) }
        });
        superset
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM"]).arg(cache().join("superset/bin/superset")).args(arguments);
        command.env("SUPERSET_CONFIG_PATH", self.folder.path().join("superset_config.py"));
        command.env("SUPERSET_HOME", self.folder.path()).env("FLASK_APP", "superset");
        command
    }

    fn address(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Superset {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            drop(server.kill());
            drop(server.wait());
        }
        if std::thread::panicking() {
            drop(writeln!(std::io::stderr(), "---- what Superset said\n{}", self.log()));
        }
    }
}

#[test]
#[ignore = "needs Apache Superset, 0.8 GB: `make superset`"]
fn superset_lists_asks_and_draws() {
    let shop = Shop::open();
    let (login, secret) = shop.head_office("anna", "");
    let day = day::day_of_cases(&(SystemClock.now() - TimeDelta::days(2)).date_naive().to_string());
    shop.kcat_produce("lp.pos.in.kiosk", &day::lines(&day));
    let all = (login.clone(), secret.clone());
    let count = || shop.query(&all, "select count(*) from pos.transactions");
    becomes("the day in SQL", &day.rung.len().to_string(), count);
    let refunds = "select count(*) from pos.transactions where kind = 'RETURN'";
    let refunds: i64 = shop.query(&all, refunds).parse().unwrap();
    assert!(refunds > 0);

    let superset = Superset::open(&format!("postgresql+psycopg2://{login}:{secret}@127.0.0.1:{}/tillsight", shop.sql));
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut browser = Command::new("node");
    browser.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/clients/superset.mjs"));
    browser.arg(superset.address("")).arg("1").arg(pictures).env("BROWSER_HOME", cache().join("browser"));
    let said = run(&mut browser, b"");
    println!("{said}pictures: {}/superset-*.png", pictures.display());
    let steps: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let step = |name: &str| steps.iter().find(|step| step["step"] == name).unwrap_or_else(|| panic!("no {name}"));
    // The tree has the schemas as well.
    let names = step("tables")["names"].as_array().unwrap();
    for table in ["lines", "tenders", "transaction_revisions", "transactions"] {
        assert!(names.contains(&json!(table)), "{table}: {names:?}");
    }
    let rows = &step("sql lab")["rows"];
    assert_eq!((&rows[0]["store_id"], &rows[0]["refunds"]), (&json!("17"), &json!(refunds)), "{rows}");
    let columns = step("dataset")["columns"].as_array().unwrap();
    for column in [json!(["event_time", "TIMESTAMP WITH TIME ZONE", true]), json!(["store_id", "TEXT", false])] {
        assert!(columns.contains(&column), "{columns:?}");
    }
    assert_eq!(step("chart")["rows"], json!([{ "store_id": "17", "refunds": refunds }]));
}
