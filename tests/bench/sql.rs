//! Area `sql`: head office asks about a year of a chain. The questions of the docs over the PostgreSQL protocol, against DuckDB
//! on the same Parquet files; and whole tables fetched by the Arrow project's own Flight SQL driver.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tillsight_api::db::{Audit, Db, NewToken, Role, TokenKind, User};
use tillsight_api::sql::{Endpoint, Options};
use tillsight_correlate::lake::{History, Table};
use tillsight_correlate::sql::{Engine, Limits};
use tillsight_datasets::demo;
use tillsight_schemas::SystemClock;
use tillsight_tests::outside::{cache, run};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::chain::Chain;
use crate::sheet::{Bar, Row, Sheet, median};
use crate::{machine, shop};

const YEAR: Chain = Chain { stores: 8, days: 365, video: true };
const RUNS: usize = 3;
/// What people take away: lines of receipts as they were logged, and the view of them, which drops what was corrected.
const FETCHED: [(&str, &str, Option<Bar>); 2] = [
    (
        "flight_rows",
        "select store_id, register_id, event_id, line_no, event_time, plu, description, qty_milli, extended_minor \
         from lake.pos_lines",
        Some(Bar::AtLeast(1_000_000.0)),
    ),
    ("flight_view_rows", "select * from pos.lines limit 1000000", None),
];

/// Fetches all rows of a statement, as pandas or polars would: record batches, not Python objects.
const FETCH: &str = r#"
import sys, time
from adbc_driver_flightsql import dbapi
port, login, secret, sql = sys.argv[1:]
with dbapi.connect(f"grpc://127.0.0.1:{port}", db_kwargs={"username": login, "password": secret}, autocommit=True) as connection:
    began, used = time.monotonic(), time.process_time()
    with connection.cursor() as cursor:
        cursor.execute(sql)
        rows = sum(batch.num_rows for batch in cursor.fetch_record_batch())
    print(rows, time.monotonic() - began, time.process_time() - used)
"#;

pub(crate) fn measure(sheet: &mut Sheet) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let lake = runtime.block_on(YEAR.lake());
    let office = runtime.block_on(Office::open(&lake));
    questions(sheet, &office, &lake);
    for (name, statement, bar) in FETCHED {
        fetch(sheet, &office, name, statement, bar);
    }
    runtime.block_on(office.close());
}

/// Both endpoints, and who asks them.
struct Office {
    postgres: u16,
    flight: u16,
    token: NewToken,
    receipts: usize,
    lines: usize,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    _dir: TempDir,
}

impl Office {
    async fn open(lake: &Path) -> Self {
        let history = History::open(lake).await.unwrap();
        let receipts = history.count(Table::Transactions).await.unwrap();
        let lines = history.count(Table::Lines).await.unwrap();
        let stores = YEAR.plans().into_iter().map(|plan| plan.store).collect();
        let engine = Engine::over(&history, stores, Limits::default()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(SystemClock);
        let db = Db::in_dir(dir.path(), clock.clone()).await.unwrap();
        let tenant = demo::TENANT.parse().unwrap();
        db.add_user(&User { name: "anna".into(), tenant, role: Role::HeadOffice, stores: Vec::new() }).await.unwrap();
        let token = db.add_token(TokenKind::Sql, "anna", "anna.bench").await.unwrap();
        let (audit, writer) = Audit::open(dir.path(), clock).await.unwrap();
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        tasks.spawn(writer.run());
        // What is measured is processor time: a busy machine is no reason to break off.
        let options = Options { statement_timeout: Duration::from_secs(600), ..Options::new([7; 32]) };
        let endpoint = Arc::new(Endpoint::new(options, Arc::new(engine), Arc::new(db), Arc::new(audit)).unwrap());
        let listen = || async { TcpListener::bind("127.0.0.1:0").await.unwrap() };
        let (postgres, flight) = (listen().await, listen().await);
        let (ports, by_flight) = ((postgres.local_addr(), flight.local_addr()), Arc::clone(&endpoint));
        let (stopping, stopping_flight) = (stop.clone(), stop.clone());
        tasks.spawn(async move { endpoint.serve(postgres, stopping).await.unwrap() });
        tasks.spawn(async move { by_flight.serve_flight(flight, stopping_flight).await.unwrap() });
        let (postgres, flight) = (ports.0.unwrap().port(), ports.1.unwrap().port());
        Self { postgres, flight, token, receipts, lines, stop, tasks, _dir: dir }
    }

    async fn close(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

fn questions(sheet: &mut Sheet, office: &Office, lake: &Path) {
    let dsn = format!(
        "host=127.0.0.1 port={} user={} password={} dbname=tillsight",
        office.postgres, office.token.login, office.token.secret
    );
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/year.py");
    let threads = Limits::default().threads;
    let mut asked = Command::new(cache().join("python/bin/python"));
    asked.arg(script).arg(dsn).arg(lake).args([shop::TODAY, &YEAR.days.to_string(), &std::process::id().to_string()]);
    let said = asked.args([RUNS, threads].map(|n| n.to_string())).stderr(Stdio::inherit()).output().unwrap();
    let answers: Vec<Value> = serde_json::from_slice(&said.stdout).expect("year.py prints JSON");
    let seconds = |answer: &Value, who: &str| -> Vec<f64> {
        answer[who].as_array().unwrap().iter().map(|seconds| seconds.as_f64().unwrap()).collect()
    };
    let mut ratios = Vec::new();
    for (number, answer) in (1..).zip(&answers) {
        assert_eq!(answer["wrong"], "", "{}", answer["title"]);
        let (ours, theirs) = (seconds(answer, "tillsight"), seconds(answer, "duckdb"));
        let (wall, wall_theirs) = (seconds(answer, "tillsight_wall"), seconds(answer, "duckdb_wall"));
        let ratio = median(&ours) / median(&theirs);
        ratios.push(ratio);
        sheet.row(&Row {
            name: format!("question_{number:02}").leak(),
            what: format!("{} {} rows", answer["title"].as_str().unwrap(), answer["rows"]),
            value: ratio,
            samples: ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect(),
            unit: "of DuckDB's",
            bar: None,
            note: format!(
                "processor seconds {:.2} and DuckDB {:.2}; wall {:.2} and {:.2}",
                median(&ours),
                median(&theirs),
                median(&wall),
                median(&wall_theirs)
            ),
        });
    }
    assert_eq!(answers.len(), 20, "every question of the docs");
    sheet.row(&Row {
        name: "questions_median",
        what: format!("processor time of {} questions over {} transactions", answers.len(), office.receipts),
        value: median(&ratios),
        samples: ratios,
        unit: "of DuckDB's",
        bar: Some(Bar::AtMost(1.2)),
        note: format!(
            "psycopg over the PostgreSQL protocol, against DuckDB on the same Parquet files; {threads} threads each, warm, \
             same rows; {} lines",
            office.lines
        ),
    });
}

fn fetch(sheet: &mut Sheet, office: &Office, name: &'static str, statement: &str, bar: Option<Bar>) {
    let ask = || {
        let mut client = Command::new(cache().join("clients/bin/python"));
        client.args(["-c", FETCH, &office.flight.to_string(), &office.token.login, &office.token.secret, statement]);
        let before = machine::processor_seconds();
        let said = run(&mut client, b"");
        let used = machine::processor_seconds() - before;
        let said: Vec<f64> = said.split_whitespace().map(|number| number.parse().unwrap()).collect();
        assert!(said[0] > 0.0, "rows come");
        (said[0], used, said[1], said[2])
    };
    let (rows, ..) = ask();
    let runs: Vec<_> = (0..RUNS).map(|_| ask()).collect();
    let rates: Vec<f64> = runs.iter().map(|(rows, used, ..)| rows / used).collect();
    let of = |which: fn(&(f64, f64, f64, f64)) -> f64| median(&runs.iter().map(which).collect::<Vec<_>>());
    sheet.row(&Row {
        name,
        what: format!("{rows} rows by adbc-driver-flightsql: {statement}"),
        value: median(&rates),
        samples: rates,
        unit: "rows/s/core",
        bar,
        note: format!(
            "processor time of the server: reading Parquet, planning, encoding, sending; {:.0} rows/s by the wall, the \
             driver takes {:.0} rows/s/core",
            of(|run| run.0 / run.2),
            of(|run| run.0 / run.3)
        ),
    });
}
