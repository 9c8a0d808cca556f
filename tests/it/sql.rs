//! Head office: the rows of the tills in psql, a Python driver, DuckDB and deltalake; and what must be refused.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tillsight_datasets::store_day::StoreDay;
use tillsight_tests::Shop;
use tillsight_tests::day;
use tillsight_tests::outside::{becomes, python};
use tillsight_tests::shop::binary;

const COUNTS: &str = "select (select count(*) from pos.transactions where register_id <> 'extra') as transactions, \
                      (select count(*) from pos.lines where register_id <> 'extra') as lines, \
                      (select count(*) from pos.tenders where register_id <> 'extra') as tenders";

#[test]
fn the_same_day_three_times_changes_nothing_and_every_tool_counts_the_same() {
    let mut shop = Shop::open();
    let login = shop.head_office("anna", "");
    let day = day::store_day("2026-11-14");
    let lines = day::lines(&day);
    let lines_of_receipts: usize = day.rung.iter().map(|rung| rung.transaction.lines.len()).sum();
    let tenders: usize = day.rung.iter().map(|rung| rung.transaction.tenders.len()).sum();
    let expected = format!("{}|{lines_of_receipts}|{tenders}", day.rung.len());

    shop.kcat_produce("lp.pos.in.kiosk", &lines);
    becomes("the day in SQL", &expected, || shop.query(&login, COUNTS));

    // Again, twice, and a last record that tells when everything before it was read.
    shop.kcat_produce("lp.pos.in.kiosk", &lines);
    shop.kcat_produce("lp.pos.in.kiosk", &lines);
    let mut extra = day.rung[0].transaction.clone();
    extra.register_id = "extra".parse().unwrap();
    let sent = Instant::now();
    shop.kcat_produce("lp.pos.in.kiosk", &[format!("demo/17|{}", serde_json::to_string(&extra).unwrap())]);
    let last = "select count(*) from pos.transactions where register_id = 'extra'";
    becomes("the last record", &"1".to_owned(), || shop.query(&login, last));
    assert!(sent.elapsed() < Duration::from_secs(30), "{:?}", sent.elapsed());
    assert_eq!(shop.query(&login, COUNTS), expected);

    money_is_decimal_and_time_is_local(&shop, &login, &day);
    outside_engines_read_the_tables(&shop, &expected);
    assert_eq!(shop.stop(), Some(0));

    // The same data, a new start.
    shop.start();
    becomes("the day after a restart", &expected, || shop.query(&login, COUNTS));
}

fn money_is_decimal_and_time_is_local(shop: &Shop, login: &(String, String), day: &StoreDay) {
    let sale = day.rung.iter().find(|rung| rung.transaction.total_minor.is_some_and(|total| total > 0)).unwrap();
    let total = sale.transaction.total_minor.unwrap();
    let statement = format!("select total, tz from pos.transactions where event_id = '{}'", sale.event_id);
    assert_eq!(shop.query(login, &statement), format!("{}.{:02}|America/Chicago", total / 100, total % 100));
    const DRIVER: &str = r#"
import sys, psycopg, decimal, datetime
dsn, event_id = sys.argv[1:]
with psycopg.connect(dsn) as connection:
    row = connection.execute(
        "select total, event_time, event_time_local, business_day, sequence_no from pos.transactions where event_id = %s",
        [event_id]).fetchone()
    assert isinstance(row[0], decimal.Decimal), row
    assert isinstance(row[1], datetime.datetime) and row[1].utcoffset() == datetime.timedelta(0), row
    assert row[1].replace(tzinfo=None) - row[2] == datetime.timedelta(hours=6), row
    assert isinstance(row[3], datetime.date), row
    with connection.cursor(binary=True) as cursor:
        cursor.execute("select kind, count(*) from pos.transactions where store_id = %s group by kind order by 2 desc", ["17"])
        rows = cursor.fetchall()
        assert rows[0][0] == "SALE" and rows[0][1] > 100, rows
    print("ok")
"#;
    assert_eq!(python(DRIVER, &[&shop.dsn(login), &sale.event_id.to_string()]).trim(), "ok");
}

fn outside_engines_read_the_tables(shop: &Shop, expected: &str) {
    const ENGINES: &str = r#"
import sys, pathlib, importlib.resources, duckdb, deltalake
lake = pathlib.Path(sys.argv[1])
extension = importlib.resources.files("duckdb_extension_delta") / "extensions" / f"v{duckdb.__version__}" / "delta.duckdb_extension"
db = duckdb.connect()
db.execute(f"LOAD '{extension}'")
tables = ("pos_transactions", "pos_lines", "pos_tenders")
where = "register_id <> 'extra'"
by_duckdb = [db.execute(f"SELECT count(*) FROM delta_scan('{lake / table}') WHERE {where}").fetchone()[0] for table in tables]
def rows(table):
    query = deltalake.QueryBuilder().register("t", deltalake.DeltaTable(str(lake / table)))
    return query.execute(f"SELECT count(*) AS n FROM t WHERE {where}").read_all()["n"][0].as_py()
by_deltalake = [rows(table) for table in tables]
print("|".join(map(str, by_duckdb)), "|".join(map(str, by_deltalake)))
"#;
    let lake = shop.data().join("lake");
    let expected = format!("{expected} {expected}");
    becomes("DuckDB and deltalake on the tables", &expected, || {
        python(ENGINES, &[&lake.display().to_string()]).trim().to_owned()
    });
}

#[test]
fn what_must_be_refused_is_refused_in_both_protocols() {
    let shop = Shop::shared();
    let login = shop.head_office("refused", "17");
    let corpus: Vec<&str> =
        include_str!("sql_refused.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert!(corpus.len() >= 200, "{} statements", corpus.len());
    const BOTH: &str = r#"
import sys, psycopg
dsn, corpus = sys.argv[1:]
wrong = []
for statement in corpus.splitlines():
    for prepared in (False, True):
        with psycopg.connect(dsn, autocommit=True) as connection:
            try:
                connection.execute(statement, prepare=prepared)
                wrong.append(f"{'extended' if prepared else 'simple'}: {statement}: was answered")
            except psycopg.Error as error:
                if error.sqlstate not in ("42501", "0A000"):
                    wrong.append(f"{'extended' if prepared else 'simple'}: {statement}: {error.sqlstate} {error}")
            connection.execute("select 1")
print("\n".join(wrong))
"#;
    assert_eq!(python(BOTH, &[&shop.dsn(&login), &corpus.join("\n")]).trim(), "");
}

#[test]
fn a_login_sees_its_own_stores_and_nothing_of_others() {
    let shop = Shop::shared();
    let all = shop.head_office("everywhere", "");
    let one = shop.head_office("one-store", "17");
    let sample = include_str!("../../schemas/samples/v1/transaction.json").replace('\n', " ");
    let of = |store: &str| {
        let record = sample.replace("\"store_id\": \"17\"", &format!("\"store_id\": \"{store}\""));
        format!("demo/{store}|{}", record.replace("\"register_id\": \"1\"", "\"register_id\": \"scope\""))
    };
    shop.kcat_produce("lp.pos.in.kiosk", &[of("17"), of("42")]);
    let statement =
        "select string_agg(store_id, ',' order by store_id) from pos.transactions where register_id = 'scope'";
    becomes("both stores", &"17,42".to_owned(), || shop.query(&all, statement));
    becomes("one store", &"17".to_owned(), || shop.query(&one, statement));
    assert_eq!(
        shop.query(&one, "select count(*) from pos.lines where store_id = '42' or true and store_id = '42'"),
        "0"
    );
    assert_eq!(shop.query(&one, "select string_agg(store_id, ',') from ref.stores"), "17");
}

#[test]
fn a_statement_that_takes_too_long_is_stopped_and_others_go_on() {
    let shop = Shop::shared();
    let login = shop.head_office("endless", "");
    let began = Instant::now();
    // 10^12 pairs take minutes on any machine; the limit of the shop is ten seconds.
    let endless =
        "select count(*) from generate_series(1, 1000000) a, generate_series(1, 1000000) b where a.value <> b.value";
    let said = shop.query(&login, endless);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}: {said}", began.elapsed());
    assert!(said.contains("time"), "{said}");
    assert_eq!(shop.query(&login, "select 1"), "1");
}

#[test]
fn a_login_that_is_revoked_ends_with_what_it_runs() {
    let shop = Shop::shared();
    let login = shop.head_office("gone", "");
    const SESSIONS: &str = r#"
import subprocess, sys, threading, time, psycopg
dsn, *revoke = sys.argv[1:]
busy, idle = psycopg.connect(dsn, autocommit=True), psycopg.connect(dsn, autocommit=True)
assert idle.execute("select 1").fetchone() == (1,)
said = []
def endless():
    try:
        busy.execute("select count(*) from generate_series(1, 1000000) a, generate_series(1, 1000000) b where a.value <> b.value")
    except psycopg.Error as error:
        said.append((error.sqlstate, time.monotonic()))
thread = threading.Thread(target=endless)
thread.start()
subprocess.run(revoke, check=True, stdout=subprocess.DEVNULL)
revoked = time.monotonic()
thread.join()
assert said[0][0] == "28000" and said[0][1] - revoked < 6, (said, revoked)
try:
    while time.monotonic() - revoked < 10:
        idle.execute("select 1")
    raise SystemExit("goes on")
except psycopg.Error as error:
    assert "revoked" in str(error) or "closed" in str(error), error
print("ok")
"#;
    let (program, config) = (binary().display().to_string(), shop.config().display().to_string());
    let revoke = [&shop.dsn(&login), &program, "--config", &config, "token", "revoke", &login.0];
    assert_eq!(python(SESSIONS, &revoke).trim(), "ok");
    assert!(shop.query(&login, "select 1").contains("password authentication failed"));
}

/// Statements that want more than there is; each is stopped, whatever it wants most.
fn greedy() -> Vec<String> {
    let deep = 10_000;
    let mut greedy: Vec<String> = [
        "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b",
        "SELECT count(*) FROM generate_series(1, 100000) a JOIN generate_series(1, 100000) b ON a.value <> b.value",
        "SELECT max(a.value) FROM generate_series(1, 1000000000000) a",
        "SELECT a.value FROM generate_series(1, 1000000000000) a ORDER BY a.value DESC LIMIT 1",
        "SELECT count(DISTINCT a.value) FROM generate_series(1, 100000000000) a",
        "SELECT a.value, count(*) FROM generate_series(1, 100000000000) a GROUP BY a.value ORDER BY 2 LIMIT 1",
        "SELECT length(string_agg(CAST(a.value AS text), ',')) FROM generate_series(1, 100000000000) a",
        "SELECT array_length(array_agg(a.value)) FROM generate_series(1, 100000000000) a",
        "SELECT array_length(generate_series(1, 100000000000))",
        "SELECT length(repeat('x', 2000000000))",
        "SELECT sum(length(repeat(CAST(value AS text), 1000000))) FROM generate_series(1, 100000000)",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT a.n FROM r a, r b) SELECT count(*) FROM r",
        "SELECT sum(x) FROM (SELECT row_number() OVER (ORDER BY a.value DESC) AS x FROM generate_series(1, 10000000000) a) t",
        "COPY (SELECT a.value FROM generate_series(1, 1000000000000) a WHERE a.value < 0) TO STDOUT (FORMAT binary)",
    ]
    .map(str::to_owned)
    .into();
    greedy.push(format!("SELECT {}1{}", "(".repeat(deep), ")".repeat(deep)));
    greedy.push(format!("SELECT {}1{}", "(SELECT ".repeat(deep), ")".repeat(deep)));
    greedy.push(format!("SELECT {}1", "NOT ".repeat(deep)));
    greedy.push(format!("SELECT 1{}", " + 1".repeat(100_000)));
    greedy.push(format!("SELECT 1 WHERE 1 IN ({})", vec!["1"; 200_000].join(",")));
    greedy.push(format!("SELECT {}", vec!["1"; 100_000].join(",")));
    greedy
}

#[test]
fn statements_that_want_more_than_there_is_harm_nobody_else() {
    // A shop of its own: what the SQL process took at most is asked of it.
    let shop = Shop::open();
    let login = shop.head_office("greedy", "");
    let (_, token) = shop.token(&["--http", "greedy", "--name", "page"]);
    assert_eq!(shop.query(&login, "select 1"), "1");
    let pid = shop.pid_of("sql").unwrap();
    let memory = |key: &str| -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let before = memory("VmRSS:");
    for statement in greedy() {
        let short = statement.chars().take(120).collect::<String>();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("SET statement_timeout = '3s';\n{statement};\n")).unwrap();
        let began = Instant::now();
        let over = AtomicBool::new(false);
        let (took, waited) = std::thread::scope(|scope| {
            let others = scope.spawn(|| {
                let mut slowest = Duration::ZERO;
                loop {
                    let asked = Instant::now();
                    assert_eq!(shop.query(&login, "select count(*) from ref.stores"), "2");
                    slowest = slowest.max(asked.elapsed());
                    let asked = Instant::now();
                    for page in ["/readyz", "/", "/api/v1/queue", "/api/v1/stores"] {
                        assert_eq!(shop.get(page, Some(&token)).0, 200, "{page}");
                    }
                    slowest = slowest.max(asked.elapsed());
                    if over.load(Ordering::Relaxed) {
                        return slowest;
                    }
                }
            });
            let output = shop.psql_file(&login, file.path());
            let took = began.elapsed();
            let peak = memory("VmHWM:").saturating_sub(before) / 1024;
            println!("{took:?} {peak} MiB {short}: {}", String::from_utf8_lossy(&output.stderr).trim());
            over.store(true, Ordering::Relaxed);
            (took, others.join().unwrap())
        });
        assert!(took <= Duration::from_secs(5), "{short}: {took:?}");
        assert!(waited < Duration::from_secs(5), "{short}: others waited {waited:?}");
        assert_eq!(shop.pid_of("sql"), Some(pid), "{short} ended the process");
    }
    let taken = memory("VmHWM:").saturating_sub(before) / 1024;
    assert!(taken <= 512 * 11 / 10, "the statements took {taken} MiB of 512");
}

#[test]
fn rows_are_copied_to_the_client_and_nowhere_else() {
    let shop = Shop::shared();
    let login = shop.head_office("copy", "");
    const COPIES: &str = r#"
import sys, psycopg
dsn, = sys.argv[1:]
with psycopg.connect(dsn, autocommit=True) as connection:
    def copied(sql):
        with connection.cursor().copy(sql) as copy:
            return b"".join(bytes(piece) for piece in copy)
    assert copied("COPY ref.stores (store_id, currency) TO STDOUT") == b"17\tUSD\n42\tUSD\n", copied("COPY ref.stores (store_id, currency) TO STDOUT")
    assert copied("COPY (SELECT 'a,b' AS x, NULL AS y, '' AS z) TO STDOUT (FORMAT csv, HEADER)") == b'x,y,z\n"a,b",,""\n'
    with connection.cursor().copy("COPY (SELECT store_id, minor_digits FROM ref.stores ORDER BY 1) TO STDOUT (FORMAT binary)") as copy:
        copy.set_types(["text", "int4"])
        assert list(copy.rows()) == [("17", 2), ("42", 2)]
    with connection.cursor().copy("COPY (SELECT 1 WHERE false) TO STDOUT (FORMAT binary)") as copy:
        copy.set_types(["int8"])
        assert list(copy.rows()) == []
    connection.execute("SET statement_timeout = '1s'")
    try:
        copied("COPY (SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b) TO STDOUT")
        raise SystemExit("was answered")
    except psycopg.errors.QueryCanceled:
        pass
    assert connection.execute("select 1").fetchone() == (1,)
print("ok")
"#;
    assert_eq!(python(COPIES, &[&shop.dsn(&login)]).trim(), "ok");
}

#[test]
fn psql_finds_its_way_around() {
    let shop = Shop::shared();
    let login = shop.head_office("psql", "");
    let said = |command: &str| {
        let output = shop.psql(&login, &[command]);
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(said("select version()").starts_with("PostgreSQL 16"));
    assert!(said("\\dn").contains("pos"));
    assert!(said("\\d pos.transactions").contains("event_time"));
    let wrong = ("psql.default".to_owned(), "not the secret".to_owned());
    assert!(shop.query(&wrong, "select 1").contains("password authentication failed"));
    let nobody = ("nobody.default".to_owned(), "x".to_owned());
    assert!(shop.query(&nobody, "select 1").contains("password authentication failed"));
}
