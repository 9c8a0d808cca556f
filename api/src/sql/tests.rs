//! A small shop with two stores behind a real socket's handlers: what is refused, what is answered, what ends.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Buf;
use futures::StreamExt;
use pgwire::api::portal::Format;
use pgwire::error::PgWireError;
use pgwire::types::format::FormatOptions;
use tempfile::TempDir;
use tillsight_correlate::lake::{HotTail, MemoryLog, TailConfig};
use tillsight_correlate::sql::{Limits, Stores};
use tillsight_schemas::pos::PostedTransaction;
use tillsight_schemas::store::Store;
use tillsight_schemas::topic::POS_TRANSACTION;
use tillsight_schemas::{ReplayClock, wire::avro};

use super::failure::Failure;
use super::gate::Act;
use super::handlers::Handlers;
use super::run::{Cursor, Rows, Running};
use super::*;

mod catalogue;

const REFUSED: &str = include_str!("../../../tests/it/sql_refused.txt");

#[derive(Debug, Default)]
pub(super) struct Audit(pub(super) Mutex<Vec<StatementRecord>>);

impl StatementLog for Audit {
    fn statement(&self, record: StatementRecord) {
        self.0.lock().unwrap().push(record);
    }

    fn login(&self, _: &str, _: SocketAddr, _: bool) {}
}

struct Nobody;

#[async_trait]
impl LoginSource for Nobody {
    async fn login(&self, _: &str) -> Result<Option<Login>, PortError> {
        Ok(None)
    }

    async fn role_of(&self, _: &str) -> Result<Option<String>, PortError> {
        Ok(None)
    }
}

struct Desk {
    _root: TempDir,
    connection: Handlers,
    audit: Arc<Audit>,
}

fn posted(store: &str, n: i64) -> PostedTransaction {
    let mut posted: PostedTransaction =
        serde_json::from_str(include_str!("../../../schemas/samples/v1/posted_transaction.json")).unwrap();
    posted.header.tenant_id = "acme".parse().unwrap();
    posted.transaction.store_id = store.parse().unwrap();
    posted.header.event_id = uuid::Uuid::from_u128(u128::try_from(n).unwrap());
    posted.header.landing_offset = n;
    posted
}

/// Two stores of which each has five receipts.
pub(super) async fn shop(timeout: Duration, logins: Arc<dyn LoginSource>) -> (TempDir, Arc<Audit>, Arc<Shared>) {
    let root = tempfile::tempdir().unwrap();
    let log = MemoryLog::new(POS_TRANSACTION, 1);
    for n in 0..10 {
        let store = if n % 2 == 0 { "17" } else { "18" };
        log.append(0, avro::encode(&[posted(store, n)]).unwrap().remove(0));
    }
    let clock = Arc::new(ReplayClock::at("2026-11-21T21:00:00Z".parse().unwrap()));
    let mut tail = HotTail::open(TailConfig::new(root.path()), Box::new(log.reader()), clock).await.unwrap();
    tail.step(Duration::from_millis(1)).await.unwrap();
    let stores: Vec<Store> = ["17", "18"]
        .iter()
        .map(|id| {
            let json = serde_json::json!({
                "tenant": "acme", "id": id, "name": "Kiosk", "tz": "America/Chicago", "currency": "USD"
            });
            serde_json::from_value(json).unwrap()
        })
        .collect();
    let engine = Arc::new(Engine::new(&tail, stores, Limits::default()).unwrap());
    let audit = Arc::new(Audit::default());
    let shared = Arc::new(Shared {
        options: Options { statement_timeout: timeout, ..Options::new([1; 32]) },
        engine,
        logins,
        log: Arc::clone(&audit) as Arc<dyn StatementLog>,
        texts: Texts::new(),
        slots: Arc::new(Semaphore::new(2)),
        crew: Crew::new(2, 2).unwrap(),
        cancels: Cancels::default(),
    });
    (root, audit, shared)
}

async fn desk(timeout: Duration) -> Desk {
    let (root, audit, shared) = shop(timeout, Arc::new(Nobody)).await;
    let connection = Connection::accept(shared, true);
    let scope = Scope { tenant: "acme".parse().unwrap(), stores: Stores::Only(["17".parse().unwrap()].into()) };
    let login = Login { user: "ann".into(), scope, verifier: Verifier::decoy("ann", &[0; 32]) };
    connection.0.open("ann.default", login, 7, SecretKey::I32(42)).await.unwrap();
    Desk { _root: root, connection, audit }
}

impl Desk {
    async fn start(&self, sql: &str) -> Result<(Running, Rows), Failure> {
        let text: Arc<str> = sql.into();
        for act in self.connection.0.acts(&text, &[])? {
            if let Act::Query(statement) = act {
                let mut running = self.connection.0.begin(&text)?;
                let rows = running.query(&self.connection.0.bound()?.session, &statement, None, false).await?;
                return Ok((running, rows));
            }
        }
        Err(Failure::new("02000", "no rows"))
    }

    /// The rows in text, one a line, values separated by blanks.
    async fn ask(&self, sql: &str) -> Result<String, Failure> {
        let (running, rows) = self.start(sql).await?;
        let mut answer = run::answer(running, rows, &Format::UnifiedText, FormatOptions::default()).unwrap();
        let mut lines = Vec::new();
        while let Some(row) = answer.data_rows().next().await {
            let mut row = row.map_err(|error| match error {
                PgWireError::UserError(info) => Failure::new(leak(info.code), info.message),
                other => panic!("{other:?}"),
            })?;
            let mut values = Vec::new();
            for _ in 0..row.field_count {
                let length = row.data.get_i32();
                let value = row.data.split_to(usize::try_from(length).unwrap_or(0));
                values.push(String::from_utf8(value.to_vec()).unwrap());
            }
            lines.push(values.join(" "));
        }
        Ok(lines.join("\n"))
    }
}

fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

fn refused() -> impl Iterator<Item = &'static str> {
    REFUSED.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[tokio::test]
async fn everything_that_must_be_refused_is_refused() {
    let desk = desk(Duration::from_secs(60)).await;
    assert!(refused().count() >= 200);
    let mut wrong = Vec::new();
    for sql in refused() {
        for (protocol, outcome) in [
            ("simple", desk.start(sql).await.map(|_| ())),
            ("after another", desk.start(&format!("SELECT 1; {sql}")).await.map(|_| ())),
            ("before another", desk.start(&format!("{sql}; SELECT 1")).await.map(|_| ())),
            ("extended", desk.connection.0.prepare(sql, &[]).await.map(|_| ())),
        ] {
            match outcome {
                Err(failure) if failure.is_refusal() => {}
                other => wrong.push(format!("{protocol}: {sql}: {other:?}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn what_clients_send_is_answered() {
    let desk = desk(Duration::from_secs(60)).await;
    for sql in [
        "SELECT version()",
        "SELECT current_user, current_database(), current_schema()",
        "SELECT session_user",
        "SELECT 1",
        "SHOW TABLES",
        "SELECT * FROM information_schema.tables",
        "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'pos'",
        "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace",
        "SELECT relname, obj_description(oid, 'pg_class') FROM pg_class WHERE relname = 'transactions'",
        "SELECT description FROM pg_description",
        "SELECT value FROM generate_series(1, 10)",
        "EXPLAIN SELECT * FROM pos.transactions",
        "EXPLAIN ANALYZE SELECT count(*) FROM pos.transactions",
        "SELECT count(*) FROM transactions WHERE store_id = ANY(ARRAY['17', '18'])",
        "WITH t AS (SELECT * FROM pos.transactions) SELECT count(*) FROM t",
        "SELECT store_id, sum(total) OVER (PARTITION BY store_id) FROM pos.transactions",
        "SELECT s.name, (SELECT count(*) FROM pos.transactions t WHERE t.store_id = s.store_id) AS n FROM ref.stores s",
    ] {
        if let Err(failure) = desk.ask(sql).await {
            panic!("{sql}: {failure:?}");
        }
    }
    let version = desk.ask("SELECT version()").await.unwrap();
    assert!(version.contains("PostgreSQL 16.") && version.contains("Tillsight"), "{version}");
}

#[tokio::test]
async fn a_subquery_of_the_data_is_answered_and_not_made_null() {
    let desk = desk(Duration::from_secs(60)).await;
    let said = desk
        .ask("SELECT s.store_id, (SELECT count(*) FROM pos.transactions t WHERE t.store_id = s.store_id) AS n FROM ref.stores s")
        .await
        .unwrap();
    assert!(said == "17 5", "{said}");
}

#[tokio::test]
async fn rows_of_other_stores_do_not_exist() {
    let desk = desk(Duration::from_secs(60)).await;
    for table in ["pos.transactions", "pos.lines", "lake.pos_tenders", "pos.transaction_revisions"] {
        let said = desk.ask(&format!("SELECT count(*) AS n FROM {table}")).await.unwrap();
        assert!(said == "5", "{table}: {said}");
    }
    assert!(!desk.ask("SELECT * FROM ref.stores").await.unwrap().contains("18"));
}

#[tokio::test(flavor = "multi_thread")]
async fn time_ends_statements_that_only_compute() {
    let desk = desk(Duration::from_millis(500)).await;
    for sql in [
        "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b",
        "SELECT sum(a.value * b.value) FROM generate_series(1, 100000) a JOIN generate_series(1, 100000) b ON a.value <> b.value",
        "SELECT count(*) FROM generate_series(1, 100000000000)",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r",
        "SELECT count(*) FROM generate_series(1, 300000) a JOIN generate_series(1, 300000) b ON a.value + b.value < 0",
        "SELECT count(DISTINCT a.value + b.value) FROM generate_series(1, 100000) a, generate_series(1, 100000) b",
    ] {
        let started = std::time::Instant::now();
        let outcome = match desk.start(sql).await {
            Ok((running, rows)) => {
                let mut answer = run::answer(running, rows, &Format::UnifiedText, FormatOptions::default()).unwrap();
                answer.data_rows().next().await.unwrap().map(|_| ()).map_err(|error| error.to_string())
            }
            Err(failure) => Err(failure.message),
        };
        assert!(outcome.as_ref().is_err_and(|text| text.contains("statement timeout")), "{sql}: {outcome:?}");
        assert!(started.elapsed() < Duration::from_secs(5), "{sql} took {:?}", started.elapsed());
    }
    let outcomes: Vec<_> = desk.audit.0.lock().unwrap().iter().map(|record| record.outcome).collect();
    assert_eq!(outcomes, [Outcome::Timeout; 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_can_cancel_what_it_started_and_nobody_else_can() {
    let desk = desk(Duration::from_secs(60)).await;
    let (running, rows) =
        desk.start("SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b").await.unwrap();
    let mut answer = run::answer(running, rows, &Format::UnifiedText, FormatOptions::default()).unwrap();
    let cancels = &desk.connection.0.shared.cancels;
    let mut row = answer.data_rows().next();
    cancels.cancel(7, &SecretKey::I32(41));
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut row).await.is_err(), "a wrong key cancels nothing");
    cancels.cancel(7, &SecretKey::I32(42));
    let failure = row.await.unwrap().unwrap_err();
    assert!(failure.to_string().contains("user request"), "{failure}");
    drop(answer);
    assert_eq!(desk.audit.0.lock().unwrap().last().unwrap().outcome, Outcome::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_revoked_login_runs_ends_and_says_so() {
    let desk = desk(Duration::from_secs(60)).await;
    let endless = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b";
    let (running, rows) = desk.start(endless).await.unwrap();
    let mut answer = run::answer(running, rows, &Format::UnifiedText, FormatOptions::default()).unwrap();
    desk.connection.0.revoked.cancel();
    let failure = answer.data_rows().next().await.unwrap().unwrap_err();
    assert!(failure.to_string().contains(REVOKED), "{failure}");
    drop(answer);
    assert_eq!(desk.audit.0.lock().unwrap().last().unwrap().outcome, Outcome::Cancelled);
    assert_eq!(desk.start("SELECT 1").await.unwrap_err().sqlstate, "28000");
}

#[tokio::test]
async fn every_statement_is_written_down_once_with_its_outcome() {
    let desk = desk(Duration::from_secs(60)).await;
    let (running, rows) = desk.start("SELECT store_id FROM pos.transactions").await.unwrap();
    let answer = run::answer(running, rows, &Format::UnifiedText, FormatOptions::default()).unwrap();
    assert_eq!(answer.data_rows.count().await, 5);
    assert!(desk.start("DROP TABLE pos.transactions").await.is_err());
    assert!(desk.start("SELECT nothing FROM pos.transactions").await.is_err());
    assert!(desk.start("SELEKT").await.is_err());
    drop(desk.start("SELECT 1").await.unwrap());
    let audit = desk.audit.0.lock().unwrap();
    let lines: Vec<_> = audit.iter().map(|record| (record.outcome, record.rows)).collect();
    assert_eq!(
        lines,
        [(Outcome::Ok, 5), (Outcome::Refused, 0), (Outcome::Failed, 0), (Outcome::Failed, 0), (Outcome::Aborted, 0)]
    );
    assert!(audit.iter().all(|record| record.user == "ann"));
}

#[tokio::test]
async fn a_cursor_gives_its_rows_bit_by_bit() {
    let desk = desk(Duration::from_secs(60)).await;
    let (running, rows) = desk.start("SELECT store_id FROM pos.transactions").await.unwrap();
    let mut cursor = Cursor::open(running, rows, &Format::UnifiedText, FormatOptions::default()).unwrap();
    let mut counts = Vec::new();
    for count in [Some(2), Some(2), None, Some(1)] {
        counts.push(cursor.fetch(count).await.unwrap().data_rows.count().await);
    }
    assert_eq!(counts, [2, 2, 1, 0]);
}

#[tokio::test]
async fn failures_say_what_is_wrong_and_nothing_about_files() {
    let desk = desk(Duration::from_secs(60)).await;
    for (sql, sqlstate) in [
        ("SELECT * FROM nothing", "42P01"),
        ("SELECT nothing FROM pos.transactions", "42703"),
        ("SELECT 1 FROM (", "42601"),
        ("SELECT nothing(1)", "42883"),
        ("SELECT cast(receipt_no AS int) FROM pos.transactions", "22P02"),
        ("SELECT date '2026-02-30'", "22008"),
        ("SELECT 1 / 0", "22012"),
        ("SELECT 100000::smallint", "22003"),
    ] {
        let failure = desk.ask(sql).await.unwrap_err();
        assert_eq!(failure.sqlstate, sqlstate, "{sql}: {failure:?}");
        assert!(!failure.message.contains("/tmp"), "{failure:?}");
    }
}

#[tokio::test]
async fn what_is_nested_too_deep_or_too_long_is_refused_before_it_is_walked() {
    let desk = desk(Duration::from_secs(60)).await;
    for (sql, sqlstate) in [
        (format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000)), "42601"),
        (format!("SELECT {}1", "NOT ".repeat(10_000)), "54001"),
        (format!("SELECT 1{}", " + 1".repeat(100_000)), "54001"),
        (format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(10_000)), "54001"),
        (format!("SELECT {}", vec!["1"; 10_000].join(",")), "54011"),
        (format!("SELECT 1 WHERE 1 IN ({})", vec!["1"; 100_000].join(",")), "54001"),
    ] {
        let failure = desk.ask(&sql).await.unwrap_err();
        let short: String = sql.chars().take(40).collect();
        assert_eq!(failure.sqlstate, sqlstate, "{short}: {}", failure.message);
    }
    let many = format!("SELECT count(*) FROM pos.transactions WHERE store_id IN ('17'{})", ", '18'".repeat(10_000));
    assert_eq!(desk.ask(&many).await.unwrap(), "5");
    let all = vec!["store_id = '17'"; 140].join(" AND ");
    assert_eq!(desk.ask(&format!("SELECT count(*) FROM pos.transactions WHERE {all}")).await.unwrap(), "5");
}

#[tokio::test]
async fn a_connection_that_did_not_log_in_is_told_nothing() {
    let desk = desk(Duration::from_secs(60)).await;
    let stranger = Connection::accept(Arc::clone(&desk.connection.0.shared), true);
    assert_eq!(stranger.0.prepare("SELECT 1", &[]).await.unwrap_err().sqlstate, "28000");
    assert_eq!(stranger.0.begin(&"SELECT 1".into()).unwrap_err().sqlstate, "28000");
}
