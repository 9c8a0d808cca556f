//! Area `sql`: 28 days of both demo stores in the lake, and whole tables fetched by the Arrow project's own driver.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use tillsight_api::db::{Audit, Db, Role, TokenKind, User};
use tillsight_api::sql::{Endpoint, Options};
use tillsight_correlate::lake::{ArchiveConfig, Archiver, HotTail, MemoryLog, TailConfig};
use tillsight_correlate::sql::{Engine, Limits};
use tillsight_datasets::demo;
use tillsight_schemas::clock::ReplayClock;
use tillsight_schemas::topic;
use tillsight_schemas::wire::avro;
use tillsight_tests::outside::{cache, run};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::sheet::{Bar, Row, Sheet, median};
use crate::{machine, shop};

const RUNS: usize = 5;
/// What people take away: lines of receipts as they were logged, and the view of them, which drops what was corrected.
const FETCHED: [(&str, &str, Option<Bar>); 2] = [
    (
        "flight_rows",
        "select store_id, register_id, event_id, line_no, event_time, plu, description, qty_milli, extended_minor \
         from lake.pos_lines",
        Some(Bar::AtLeast(1_000_000.0)),
    ),
    ("flight_view_rows", "select * from pos.lines", None),
];

/// Fetches all rows of a statement so many times, as pandas or polars would: record batches, not Python objects.
const CLIENT: &str = r#"
import resource, sys
from adbc_driver_flightsql import dbapi
port, login, secret, sql, times = sys.argv[1:]
with dbapi.connect(f"grpc://127.0.0.1:{port}", db_kwargs={"username": login, "password": secret}, autocommit=True) as connection:
    rows = 0
    for _ in range(int(times)):
        with connection.cursor() as cursor:
            cursor.execute(sql)
            rows += sum(batch.num_rows for batch in cursor.fetch_record_batch())
used = resource.getrusage(resource.RUSAGE_SELF)
print(rows, used.ru_utime + used.ru_stime)
"#;

pub(crate) fn measure(sheet: &mut Sheet) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(fetch(sheet));
}

async fn fetch(sheet: &mut Sheet) {
    let (panel, plans) = (shop::panel(), demo::stores().unwrap());
    let log = MemoryLog::new(topic::POS_TRANSACTION, 4);
    for (partition, plan) in (0..).zip(&plans) {
        for posted in shop::days(&panel, plan, 28) {
            for value in avro::encode(&posted).unwrap() {
                log.append(partition, value);
            }
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let (lake, moment) = (dir.path().join("lake"), Duration::from_millis(1));
    let today: NaiveDate = shop::TODAY.parse().unwrap();
    let clock = Arc::new(ReplayClock::at(today.and_hms_opt(12, 0, 0).unwrap().and_utc()));
    let source = Box::new(log.reader());
    let mut archiver = Archiver::open(ArchiveConfig::new(&lake), source, clock.clone()).await.unwrap();
    while archiver.step(moment).await.unwrap() > 0 {}
    archiver.commit().await.unwrap();
    let mut tail = HotTail::open(TailConfig::new(&lake), Box::new(log.reader()), clock.clone()).await.unwrap();
    while tail.step(moment).await.unwrap() > 0 {}
    let stores = plans.iter().map(|plan| plan.store.clone()).collect();
    let engine = Engine::new(&tail, stores, Limits::default()).unwrap();

    let db = Db::in_dir(dir.path(), clock.clone()).await.unwrap();
    let tenant = demo::TENANT.parse().unwrap();
    db.add_user(&User { name: "anna".into(), tenant, role: Role::HeadOffice, stores: Vec::new() }).await.unwrap();
    let token = db.add_token(TokenKind::Sql, "anna", "anna.bench").await.unwrap();
    let (audit, writer) = Audit::open(dir.path(), clock).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(writer.run());
    let endpoint = Endpoint::new(Options::new([7; 32]), Arc::new(engine), Arc::new(db), Arc::new(audit)).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = port.local_addr().unwrap();
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tasks.spawn(async move { endpoint.serve_flight(port, stopping).await.unwrap() });

    for (name, statement, bar) in FETCHED {
        let ask = |times: usize| {
            let port = address.port().to_string();
            let (login, secret, times) = (token.login.clone(), token.secret.clone(), times.to_string());
            tokio::task::spawn_blocking(move || {
                let mut client = Command::new(cache().join("clients/bin/python"));
                client.args(["-c", CLIENT, &port, &login, &secret, statement, &times]);
                let said = run(&mut client, b"");
                let mut numbers = said.split_whitespace().map(|number| number.parse::<f64>().unwrap());
                (numbers.next().unwrap(), numbers.next().unwrap())
            })
        };
        // Once to warm up; then as often as makes half a million rows.
        let (rows, _) = ask(1).await.unwrap();
        let mut times = 1;
        while rows * f64::from(u32::try_from(times).unwrap()) < 500_000.0 {
            times += 1;
        }
        let (mut rates, mut of_client) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let before = machine::processor_seconds();
            let (rows, client) = ask(times).await.unwrap();
            rates.push(rows / (machine::processor_seconds() - before));
            of_client.push(rows / client);
        }
        sheet.row(&Row {
            name,
            what: format!("{rows} rows {times} times by adbc-driver-flightsql: {statement}"),
            value: median(&rates),
            samples: rates,
            unit: "rows/s/core",
            bar,
            note: format!(
                "processor time of the server: reading Parquet, planning, encoding, sending; the driver in Python takes \
                 {:.0} rows/s/core, its start included",
                median(&of_client)
            ),
        });
    }
    stop.cancel();
    tasks.join_all().await;
}
