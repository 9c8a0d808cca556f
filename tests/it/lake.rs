//! The other streams in SQL: presence, alerts and reviews as their producers write them, and what the recorder says
//! about its work.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_ingest::bus::{Connection, Outgoing, Producer};
use tillsight_ingest::record::Reader;
use tillsight_schemas::alert::{Alert, AlertState};
use tillsight_schemas::presence::PresenceTile;
use tillsight_schemas::review::Review;
use tillsight_schemas::segment::StreamKey;
use tillsight_schemas::wire::avro::{self, Avro};
use tillsight_schemas::{Clock as _, SystemClock, TimeSpan, topic};
use tillsight_tests::Shop;
use tillsight_tests::camera::{Camera, PLAIN, source};
use tillsight_tests::outside::{becomes, eventually, python};

/// Writes records to Kafka as their producers do.
pub(crate) fn send<T: Avro>(shop: &Shop, topic: &str, keyed: &[(String, T)]) {
    let outgoing = keyed
        .iter()
        .map(|(key, record)| Outgoing {
            topic: topic.to_owned(),
            key: Some(key.clone().into()),
            value: Some(avro::encode(std::slice::from_ref(record)).unwrap().remove(0)),
            headers: Vec::new(),
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        Producer::new(&Connection::local(shop.kafka), "a-test").unwrap().send(outgoing).await.unwrap();
    });
}

pub(crate) fn tiles(store: &str, count: i32) -> Vec<(String, PresenceTile)> {
    let mut tile: PresenceTile =
        serde_json::from_str(include_str!("../../schemas/samples/v1/presence_tile.json")).unwrap();
    tile.tenant_id = "demo".parse().unwrap();
    tile.store_id = store.parse().unwrap();
    tile.camera_id = "lake".parse().unwrap();
    (0..count)
        .map(|n| {
            let mut tile = tile.clone();
            tile.start_at += TimeDelta::seconds(5 * i64::from(n));
            tile.end_at = tile.start_at + TimeDelta::seconds(5);
            (format!("demo/{store}"), tile)
        })
        .collect()
}

#[test]
fn presence_and_alerts_reach_every_tool_once_and_only_those_who_may_see_them() {
    let shop = Shop::shared();
    let all = shop.head_office("lake-all", "");
    let one = shop.head_office("lake-one", "17");
    let presence =
        "select store_id, count(*), sum(seconds) from cam.presence where camera_id = 'lake' group by 1 order by 1";
    // Twice, as a producer writes that was killed before it noted what it had sent.
    for _ in 0..2 {
        send(shop, topic::CAM_PRESENCE, &tiles("17", 20));
        send(shop, topic::CAM_PRESENCE, &tiles("42", 5));
    }
    becomes("the tiles", &"17|20|100.000000\n42|5|25.000000".to_owned(), || shop.query(&all, presence));
    becomes("the tiles of one store", &"17|20|100.000000".to_owned(), || shop.query(&one, presence));

    let mut alert: Alert = serde_json::from_str(include_str!("../../schemas/samples/v1/alert.json")).unwrap();
    alert.tenant_id = "demo".parse().unwrap();
    let key = |alert: &Alert| alert.alert_id.to_string();
    let mut amended = alert.clone();
    amended.revision = 1;
    amended.state = AlertState::Amended;
    let mut foreign = alert.clone();
    foreign.store_id = "42".parse().unwrap();
    foreign.alert_id = "00000000-0000-5000-8000-000000000009".parse().unwrap();
    foreign.title = "SECRET".to_owned();
    let sent = Instant::now();
    send(
        shop,
        topic::ALERT,
        &[
            (key(&alert), alert.clone()),
            (key(&foreign), foreign),
            (key(&alert), amended.clone()),
            (key(&alert), alert.clone()),
        ],
    );
    let alerts = "select store_id, revision, state, amount, disposition from lp.alerts order by store_id";
    becomes("the alert", &"17|1|amended|25.99|".to_owned(), || shop.query(&one, alerts));
    let took = sent.elapsed();
    println!("an alert was in psql {took:?} after it was sent");
    assert!(took < Duration::from_secs(30), "{took:?}");
    let mut review: Review = serde_json::from_str(include_str!("../../schemas/samples/v1/review.json")).unwrap();
    review.tenant_id = "demo".parse().unwrap();
    review.alert_id = alert.alert_id;
    send(shop, topic::REVIEW, &[("demo/17".to_owned(), review)]);
    becomes("the decision", &"17|1|amended|25.99|no_issue\n42|0|standing|25.99|".to_owned(), || {
        shop.query(&all, alerts)
    });
    let secret = "select count(*) from lp.alerts where title = 'SECRET' or reason like '%SECRET%'";
    assert_eq!(shop.query(&all, secret), "1");
    assert_eq!(shop.query(&one, secret), "0");

    every_tool_reads_the_tables(shop);
    psql_describes_what_there_is(shop, &all);
}

fn every_tool_reads_the_tables(shop: &Shop) {
    const ENGINES: &str = r#"
import sys, pathlib, importlib.resources, duckdb, deltalake
lake = pathlib.Path(sys.argv[1])
extension = importlib.resources.files("duckdb_extension_delta") / "extensions" / f"v{duckdb.__version__}" / "delta.duckdb_extension"
db = duckdb.connect()
db.execute(f"LOAD '{extension}'")
tables = [("cam_presence", "start_at"), ("lp_alerts", "alert_id"), ("lp_reviews", "review_id")]
sql = "SELECT count(*) AS n, count(DISTINCT {key}) AS k FROM {table} WHERE tenant_id = 'demo'"
by_duckdb = [db.execute(sql.format(key=key, table=f"delta_scan('{lake / table}')")).fetchone() for table, key in tables]
def rows(table, key):
    query = deltalake.QueryBuilder().register("t", deltalake.DeltaTable(str(lake / table)))
    row = query.execute(sql.format(key=key, table="t")).read_all()
    return (row["n"][0].as_py(), row["k"][0].as_py())
by_deltalake = [rows(table, key) for table, key in tables]
print(by_duckdb, by_deltalake)
"#;
    let lake = shop.data().join("lake").display().to_string();
    // As stored: repetitions and revisions included.
    let expected = "[(50, 20), (4, 2), (1, 1)] [(50, 20), (4, 2), (1, 1)]".to_owned();
    becomes("DuckDB and deltalake on the tables", &expected, || python(ENGINES, &[&lake]).trim().to_owned());
}

fn psql_describes_what_there_is(shop: &Shop, login: &(String, String)) {
    let said = |command: &str| {
        let output = shop.psql(login, &[command]);
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let views = [
        "cam.presence",
        "cam.events",
        "lp.alerts",
        "lp.reviews",
        "lp.judgements",
        "rec.segments",
        "rec.gaps",
        "ref.clock",
    ];
    for name in views {
        let (schema, table) = name.split_once('.').unwrap();
        assert!(said(&format!("\\dt {schema}.*")).contains(&format!("{schema}|{table}|")), "{name}");
        assert!(said(&format!("\\d {name}")).contains("store_id"), "{name}");
        assert!(said(&format!("\\d+ {name}")).contains("The shop."), "comments of {name}");
    }
}

#[test]
fn what_a_camera_recorded_and_what_is_missing_can_be_asked_and_add_up() {
    let film = source("lake", PLAIN);
    let file = film.to_str().unwrap();
    let camera = Camera::start(&["--file", file]);
    let port = camera.port();
    let mut shop = Shop::with(&format!(
        "[[camera]]\nid = \"till-1\"\ntenant = \"demo\"\nstore = \"17\"\nurl = \"{}\"\n",
        camera.url
    ));
    let login = shop.head_office("lake", "17");
    let foreign = shop.head_office("lake-foreign", "42");
    let open = "select count(*) from rec.segments where end_at is null";
    becomes("a segment that is being written", &"1".to_owned(), || shop.query(&login, open));

    // Its cable is pulled and put back.
    camera.kill();
    let broken = "select count(*) from rec.gaps where end_at is null";
    becomes("a gap that goes on", &"1".to_owned(), || shop.query(&login, broken));
    becomes("no segment is written any more", &"0".to_owned(), || shop.query(&login, open));
    let _camera = Camera::start(&["--file", file, "--port", &port]);
    becomes("recording goes on", &"1".to_owned(), || shop.query(&login, open));
    becomes("the gap has ended", &"0".to_owned(), || shop.query(&login, broken));

    // The whole shop is stopped and started; Kafka is killed while the camera is recorded.
    assert_eq!(shop.stop(), Some(0));
    shop.start();
    shop.kill_role("broker");
    let causes = "select string_agg(cause, ',' order by start_at) from rec.gaps where end_at is not null and cause <> 'not_started'";
    eventually("both gaps, and recording after them", || {
        let (causes, open) = (shop.query(&login, causes), shop.query(&login, open));
        // The lost camera is one gap or two (first disconnected, then unreachable); the stop is the last.
        let lost: Vec<&str> = causes.split(',').collect();
        let known = |cause: &&str| ["disconnected", "no_frames", "unreachable"].contains(cause);
        let as_told = matches!(&lost[..], [before @ .., "stopped"] if !before.is_empty() && before.iter().all(known));
        if as_told && open == "1" { Ok(()) } else { Err(format!("{causes}; {open} open")) }
    });

    let spans = "(select start_at, end_at, seconds, 'video' as what from rec.segments \
                 union all select start_at, end_at, seconds, 'gap' as what from rec.gaps)";
    let holes = format!(
        "select count(*) from (select end_at, lead(start_at) over (order by start_at, end_at) as next from {spans} as s) as t \
         where next is not null and (end_at is null or end_at <> next)"
    );
    eventually("every span begins where the one before it ends", || match shop.query(&login, &holes).as_str() {
        "0" => Ok(()),
        other => Err(format!("{other} holes in\n{}", shop.query(&login, &format!("{spans} order by start_at")))),
    });
    // The same from the recorder's own index, up to where the open segment begins.
    let until = "select start_at from rec.segments where end_at is null";
    let sums =
        format!("select what, sum(seconds) from {spans} as s where end_at is not null group by what order by what");
    let reader = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    eventually("SQL says what the recorder says", || {
        let until = DateTime::parse_from_str(&shop.query(&login, until), "%Y-%m-%d %H:%M:%S%.f%#z")
            .map_err(|error| error.to_string())?
            .with_timezone(&Utc);
        let told: BTreeMap<String, String> = shop
            .query(&login, &sums)
            .lines()
            .filter_map(|line| line.split_once('|'))
            .map(|(what, seconds)| (what.to_owned(), seconds.to_owned()))
            .collect();
        let covered = reader.block_on(async {
            let reader = Reader::open(&shop.data().join("recordings")).await.unwrap();
            let key: StreamKey = "demo/17/till-1/main".parse().unwrap();
            let span = TimeSpan::new(until - TimeDelta::hours(1), until).unwrap();
            reader.coverage(&key, span, SystemClock.now()).await.unwrap()
        });
        let seconds = |us: i64| format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
        let index: BTreeMap<String, String> =
            [("gap".to_owned(), seconds(covered.gap_us)), ("video".to_owned(), seconds(covered.recorded_us))].into();
        assert_eq!(covered.recorded_us + covered.gap_us, covered.scheduled_us);
        if told == index { Ok(()) } else { Err(format!("{told:?} instead of {index:?}")) }
    });
    assert_eq!(shop.query(&foreign, "select count(*) from rec.segments"), "0");
    assert_eq!(shop.query(&foreign, "select count(*) from rec.gaps"), "0");
}
