//! What a session shows and what it does not.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arrow::util::pretty::pretty_format_batches;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use tillsight_schemas::ReplayClock;
use tillsight_schemas::pos::PostedTransaction;
use tillsight_schemas::topic::{
    ALERT, CAM_EVENT, CAM_PRESENCE, CLOCK, JUDGEMENT, POS_TRANSACTION, REC_SEGMENT, REVIEW,
};
use tillsight_schemas::wire::avro::Avro;

use super::*;
use crate::lake::sample::{alert, sale, tile, value};
use crate::lake::{ArchiveConfig, Archiver, MemoryLog, TailConfig};

struct Shop {
    root: tempfile::TempDir,
    log: MemoryLog,
    tail: HotTail,
    engine: Engine,
}

fn stores() -> Vec<Store> {
    let store = |id: &str, tz: &str, currency: &str| {
        serde_json::from_value(serde_json::json!({
            "tenant": "acme", "id": id, "name": format!("Store {id}"), "tz": tz, "currency": currency
        }))
        .unwrap()
    };
    vec![store("17", "America/Chicago", "USD"), store("18", "Asia/Tokyo", "JPY")]
}

impl Shop {
    async fn open(sales: &[PostedTransaction], archived: bool) -> Self {
        Self::with(MemoryLog::new(POS_TRANSACTION, 1), sales, archived).await
    }

    async fn with(log: MemoryLog, sales: &[PostedTransaction], archived: bool) -> Self {
        let root = tempfile::tempdir().unwrap();
        let clock = Arc::new(ReplayClock::at("2026-11-21T21:00:00Z".parse().unwrap()));
        for sale in sales {
            log.append(0, value(sale));
        }
        if archived {
            let mut archiver =
                Archiver::open(ArchiveConfig::new(root.path()), Box::new(log.reader()), clock.clone()).await.unwrap();
            while archiver.step(Duration::from_millis(1)).await.unwrap() > 0 {}
            archiver.commit().await.unwrap();
        }
        let mut tail = HotTail::open(TailConfig::new(root.path()), Box::new(log.reader()), clock).await.unwrap();
        while tail.step(Duration::from_millis(1)).await.unwrap() > 0 {}
        let engine = Engine::new(&tail, stores(), Limits::default()).unwrap();
        Self { root, log, tail, engine }
    }

    fn session(&self, stores: Stores) -> Session {
        self.engine.session(Scope { tenant: "acme".parse().unwrap(), stores }).unwrap()
    }

    async fn ask(&self, sql: &str) -> String {
        ask(&self.session(Stores::All), sql).await.unwrap()
    }
}

async fn ask(session: &Session, sql: &str) -> Result<String, String> {
    let statement = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap().remove(0);
    let plan = session.plan(&statement).await.map_err(|error| error.to_string())?;
    let frame = session.context().execute_logical_plan(plan).await.map_err(|error| error.to_string())?;
    let batches = frame.collect().await.map_err(|error| error.to_string())?;
    let table = pretty_format_batches(&batches).unwrap().to_string();
    let rows: Vec<String> = table
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(1)
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>().join(" "))
        .collect();
    Ok(rows.join("; "))
}

fn only(store: &str) -> Stores {
    Stores::Only([store.parse().unwrap()].into())
}

fn yen(n: i64) -> PostedTransaction {
    let mut posted = sale("18", n, "2026-11-21T20:03:22Z");
    posted.transaction.currency = Some("JPY".to_owned().try_into().unwrap());
    posted.header.tz = "Asia/Tokyo".into();
    posted
}

#[tokio::test]
async fn visits_are_numbered_by_the_pause_between_them() {
    let at = |n: i64, time: &str| sale("17", n, &format!("2026-11-21T{time}Z"));
    let shop = Shop::open(&[at(1, "20:10:00"), at(2, "20:00:00"), at(3, "20:04:00"), at(4, "20:15:00")], true).await;
    let sql = "SELECT session_id(event_time, INTERVAL '5 minutes') OVER (PARTITION BY store_id, register_id \
               ORDER BY event_time, event_id) FROM pos.transactions ORDER BY event_time";
    assert_eq!(shop.ask(sql).await, "1; 1; 2; 2");
}

#[tokio::test]
async fn amounts_are_decimal_and_times_are_those_of_the_store() {
    for archived in [false, true] {
        let shop = Shop::open(&[sale("17", 1, "2026-11-21T20:03:22Z"), yen(2)], archived).await;
        let rows = shop
            .ask("SELECT store_id, total_minor, total, currency, event_time_local FROM pos.transactions ORDER BY 1")
            .await;
        assert_eq!(rows, "17 2051 20.51 USD 2026-11-21T14:03:22; 18 2051 2051.00 JPY 2026-11-22T05:03:22");
        let rows = shop
            .ask("SELECT l.description, l.qty, l.extended, t.amount FROM pos.lines l JOIN pos.tenders t USING (event_id) \
                  WHERE l.store_id = '17'")
            .await;
        assert_eq!(rows, "HEADPHONES 1.000 18.99 20.51");
        let rows = shop
            .ask("SELECT to_char(event_time, 'YYYY-MM-DD HH24:MI'), to_char(event_time_local, 'FMDD Mon'), \
                  at_time_zone(event_time, 'Asia/Tokyo'), at_time_zone(event_time_local, 'America/Chicago') = event_time \
                  FROM pos.transactions WHERE store_id = '17'")
            .await;
        assert_eq!(rows, "2026-11-21 20:03 21 Nov 2026-11-22T05:03:22 true");
        let rows = shop
            .ask("SELECT TIMESTAMP '2026-11-21 14:03' AS minute, '14:30'::time AS of_day, count(*) AS n FROM pos.transactions \
                  WHERE event_time >= '2026-11-21 20:03' AND event_time_local < '2026-11-21 14:04' AND store_id = '17' \
                  GROUP BY TIMESTAMP '2026-11-21 14:03'")
            .await;
        assert_eq!(rows, "2026-11-21T14:03:00 14:30:00 1");
        let session = shop.session(Stores::All);
        let refused = ask(&session, "SELECT to_char(total, '999.99') FROM pos.transactions").await.unwrap_err();
        assert!(refused.contains("to_char writes dates and times, no numbers"), "{refused}");
        assert_eq!(shop.ask("SELECT name, minor_digits FROM ref.stores ORDER BY 1").await, "Store 17 2; Store 18 0");
    }
}

#[tokio::test]
async fn only_the_latest_revision_is_shown_and_the_others_can_be_asked_for() {
    let first = sale("17", 1, "2026-11-21T20:03:22Z");
    let mut second = sale("17", 1, "2026-11-21T20:03:22Z");
    second.transaction.revision = 1;
    second.transaction.total_minor = Some(100);
    second.transaction.lines.clear();
    second.header.landing_offset = 2;
    let mut other = sale("17", 3, "2026-11-21T20:04:00Z");
    other.transaction.total_minor = Some(5);
    let mut replacing = sale("17", 4, "2026-11-21T20:04:00Z");
    replacing.transaction.replaces = Some(other.header.event_id);
    replacing.transaction.total_minor = Some(6);
    for archived in [false, true] {
        let shop = Shop::open(&[first.clone(), second.clone(), other.clone(), replacing.clone()], archived).await;
        assert_eq!(shop.ask("SELECT total FROM pos.transactions ORDER BY 1").await, "0.06; 1.00");
        assert_eq!(shop.ask("SELECT count(*) FROM pos.lines").await, "1", "the correction has no items");
        assert_eq!(
            shop.ask("SELECT total, superseded FROM pos.transaction_revisions ORDER BY 1").await,
            "0.05 true; 0.06 false; 1.00 false; 20.51 true"
        );
    }
}

#[tokio::test]
async fn no_statement_reaches_the_rows_of_another_store() {
    let mut other = sale("18", 2, "2026-11-21T20:03:22Z");
    other.transaction.receipt_no = Some("SECRET".into());
    let mut foreign = sale("17", 3, "2026-11-21T20:03:22Z");
    foreign.header.tenant_id = "globex".parse().unwrap();
    foreign.transaction.receipt_no = Some("SECRET".into());
    for archived in [false, true] {
        let shop = Shop::open(&[sale("17", 1, "2026-11-21T20:03:22Z"), other.clone(), foreign.clone()], archived).await;
        let session = shop.session(only("17"));
        for sql in [
            "SELECT count(*) FROM pos.transactions",
            "SELECT count(*) FROM pos.transaction_revisions",
            "SELECT count(*) FROM pos.lines",
            "SELECT count(*) FROM pos.tenders",
            "SELECT count(*) FROM lake.pos_transactions",
            "SELECT count(*) FROM lake.pos_lines",
            "SELECT count(*) FROM lake.pos_tenders",
            "SELECT count(*) FROM ref.stores",
            "SELECT count(*) FROM lake.pos_transactions WHERE store_id = '18' OR true",
            "SELECT count(*) FROM lake.pos_transactions WHERE tenant_id = 'globex' OR store_id <> ''",
            "SELECT count(*) FROM (SELECT * FROM lake.pos_transactions UNION SELECT * FROM lake.pos_transactions) u",
            "SELECT count(*) FROM pos.transactions a FULL JOIN lake.pos_transactions b ON a.event_id = b.event_id",
            "WITH RECURSIVE r AS (SELECT store_id FROM lake.pos_transactions UNION SELECT store_id FROM r) SELECT count(*) FROM r",
        ] {
            assert_eq!(ask(&session, sql).await.unwrap(), "1", "{sql}");
        }
        for sql in [
            "SELECT cast(receipt_no AS int) FROM lake.pos_transactions WHERE cast(receipt_no AS int) = 1",
            "SELECT 1 FROM pos.transactions WHERE 1 / (CASE WHEN receipt_no = 'SECRET' THEN 0 ELSE 1 END) = 1",
            "EXPLAIN ANALYZE VERBOSE SELECT * FROM lake.pos_transactions",
            "EXPLAIN VERBOSE SELECT * FROM pos.transactions WHERE total > 1",
        ] {
            let said = match ask(&session, sql).await {
                Ok(said) | Err(said) => said,
            };
            assert!(!said.contains("SECRET") && !said.to_lowercase().contains("divide"), "{sql}: {said}");
            assert!(!said.contains(".parquet") && !said.contains("DataSource"), "{sql}: {said}");
        }
        let nobody = shop.session(Stores::Only([].into()));
        assert_eq!(ask(&nobody, "SELECT count(*) FROM lake.pos_transactions").await.unwrap(), "0");
        assert_eq!(shop.ask("SELECT count(*) FROM pos.transactions").await, "2", "all of one retailer, not of two");
    }
}

#[tokio::test]
async fn a_statement_stays_on_its_view_and_the_next_one_sees_what_is_new() {
    let mut shop = Shop::open(&[sale("17", 1, "2026-11-21T20:03:22Z")], true).await;
    let session = shop.session(Stores::All);
    let sql = "SELECT (SELECT count(*) FROM pos.transactions) AS a, (SELECT count(*) FROM lake.pos_lines) AS b";
    let statement = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap().remove(0);
    let old = session.plan(&statement).await.unwrap();
    shop.log.append(0, value(&sale("17", 2, "2026-11-21T20:05:00Z")));
    shop.tail.step(Duration::from_millis(1)).await.unwrap();
    let rows = session.context().execute_logical_plan(old).await.unwrap().collect().await.unwrap();
    assert!(pretty_format_batches(&rows).unwrap().to_string().contains("| 1 "));
    assert_eq!(ask(&session, sql).await.unwrap(), "2 2");
    assert!(shop.root.path().try_exists().unwrap());
}

#[tokio::test]
async fn what_does_not_only_read_is_refused() {
    let shop = Shop::open(&[sale("17", 1, "2026-11-21T20:03:22Z")], true).await;
    let session = shop.session(Stores::All);
    for sql in [
        "COPY (SELECT 1) TO '/tmp/evil.csv'",
        "CREATE TABLE t AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "DROP TABLE pos.transactions",
        "INSERT INTO lake.pos_lines SELECT * FROM lake.pos_lines",
        "DELETE FROM lake.pos_lines",
        "UPDATE lake.pos_lines SET line_no = 1",
        "EXPLAIN ANALYZE INSERT INTO lake.pos_lines SELECT * FROM lake.pos_lines",
        "SET datafusion.execution.batch_size = 1",
        "PREPARE p AS SELECT 1",
        "BEGIN",
        "SELECT * FROM '/etc/passwd.csv'",
        "SELECT * FROM read_parquet('/etc/passwd')",
    ] {
        assert!(ask(&session, sql).await.is_err(), "{sql}");
    }
    assert_eq!(ask(&session, "SELECT count(*) FROM pos.lines").await.unwrap(), "1");
}

#[tokio::test]
async fn comments_name_columns_that_exist_in_their_order() {
    let shop = Shop::open(&[], false).await;
    let session = shop.session(Stores::All);
    for comment in Engine::comments().iter().filter(|comment| comment.column > 0) {
        let provider = session.context().table_provider(format!("{}.{}", comment.schema, comment.table)).await.unwrap();
        let schema = provider.schema();
        let field = schema.field(usize::try_from(comment.column).unwrap() - 1);
        assert_eq!(field.metadata().get(COMMENT), Some(&comment.text), "{comment:?}");
    }
}

#[tokio::test]
async fn every_table_and_every_column_has_a_comment() {
    let shop = Shop::open(&[], false).await;
    let session = shop.session(Stores::All);
    let comments = Engine::comments();
    let tables: BTreeSet<(&str, &str)> =
        comments.iter().map(|comment| (comment.schema, comment.table.as_str())).collect();
    let catalog = session.context().catalog(CATALOG).unwrap();
    let mut known = 0;
    for schema in catalog.schema_names().iter().filter(|name| *name != "information_schema") {
        for table in catalog.schema(schema).unwrap().table_names() {
            known += 1;
            assert!(tables.contains(&(schema.as_str(), table.as_str())), "{schema}.{table} has no comment");
            let provider = session.context().table_provider(format!("{schema}.{table}")).await.unwrap();
            let said = comments.iter().filter(|comment| comment.schema == schema && comment.table == table);
            // One is of the table itself.
            assert_eq!(said.count(), provider.schema().fields().len() + 1, "{schema}.{table}");
        }
    }
    assert!(known >= 20, "{known}");
}

#[test]
fn comments_of_codes_list_them() {
    let comments = Engine::comments();
    for (table, words) in [
        ("transactions", "SALE, RETURN"),
        ("judgements", "One of fired"),
        ("alerts", "One of confirmed, policy"),
        ("gaps", "no_frames"),
    ] {
        let said = comments.iter().any(|comment| comment.table == table && comment.text.contains(words));
        assert!(said, "{table}: {words}");
    }
}

#[tokio::test]
async fn a_condition_on_time_opens_only_the_files_of_that_time() {
    let days: Vec<_> = (1..=9).map(|day| sale("17", day, &format!("2026-11-0{day}T12:00:00Z"))).collect();
    let shop = Shop::open(&days, true).await;
    let rows = shop
        .ask("SELECT count(*), min(sequence_no) FROM pos.transactions WHERE event_time >= '2026-11-08T00:00:00Z'")
        .await;
    assert_eq!(rows, "2 8");
}

/// A record of the samples, changed a little.
fn sample<T: Avro>(file: &str, change: impl FnOnce(&mut T)) -> bytes::Bytes {
    let path = format!("{}/../schemas/samples/v1/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let mut record: T = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut record);
    value(&record)
}

/// A shop with something in every stream: of store 17, of store 18, and of another retailer's store 17.
async fn everything(archived: bool) -> Shop {
    use tillsight_schemas::camera_event::CameraEvent;
    use tillsight_schemas::clock_offset::ClockOffset;
    use tillsight_schemas::judgement::Judgement;
    use tillsight_schemas::review::{Disposition, Review};
    use tillsight_schemas::segment::{GapReason, Segment, SegmentState, SpanKind};
    let topics = [CAM_PRESENCE, CAM_EVENT, ALERT, JUDGEMENT, REVIEW, REC_SEGMENT, CLOCK];
    let log = topics.iter().fold(MemoryLog::new(POS_TRANSACTION, 1), |log, topic| log.and(topic, 1));
    for (tenant, store) in [("acme", "17"), ("acme", "18"), ("globex", "17")] {
        let mut first = tile(store, 0);
        let mut first_alert = alert(store, 1, 0);
        (first.tenant_id, first_alert.tenant_id) = (tenant.parse().unwrap(), tenant.parse().unwrap());
        let amended = {
            let mut alert = first_alert.clone();
            alert.revision = 1;
            alert
        };
        // Everything twice, as a producer that was killed writes it.
        for _ in 0..2 {
            log.append_to(CAM_PRESENCE, value(&first));
            for alert in [&first_alert, &amended] {
                log.append_to(ALERT, value(alert));
            }
            log.append_to(
                CAM_EVENT,
                sample::<CameraEvent>("camera_event", |event| {
                    (event.tenant_id, event.store_id) = (tenant.parse().unwrap(), store.parse().unwrap());
                }),
            );
            log.append_to(
                JUDGEMENT,
                sample::<Judgement>("judgement", |judgement| {
                    (judgement.tenant_id, judgement.store_id) = (tenant.parse().unwrap(), store.parse().unwrap());
                }),
            );
            for (id, disposition, at) in [(1, Disposition::NoIssue, 11), (2, Disposition::Confirmed, 12)] {
                log.append_to(
                    REVIEW,
                    sample::<Review>("review", |review| {
                        (review.tenant_id, review.store_id) = (tenant.parse().unwrap(), store.parse().unwrap());
                        review.review_id = uuid::Uuid::from_u128(id);
                        review.alert_id = first_alert.alert_id;
                        review.disposition = disposition;
                        review.reviewed_at = format!("2026-11-22T{at}:00:00Z").parse().unwrap();
                    }),
                );
            }
            log.append_to(
                CLOCK,
                sample::<ClockOffset>("clock_offset", |clock| {
                    (clock.tenant_id, clock.store_id) = (tenant.parse().unwrap(), store.parse().unwrap());
                }),
            );
            let span = |seq: i64, from: &str, to: Option<&str>, change: &dyn Fn(&mut Segment)| {
                log.append_to(
                    REC_SEGMENT,
                    sample::<Segment>("segment", |segment| {
                        (segment.tenant, segment.store) = (tenant.parse().unwrap(), store.parse().unwrap());
                        segment.seq = seq;
                        segment.start_at = format!("2026-11-22T15:{from}Z").parse().unwrap();
                        segment.end_at = to.map(|to| format!("2026-11-22T15:{to}Z").parse().unwrap());
                        change(segment);
                    }),
                );
            };
            let gap = |segment: &mut Segment| {
                (segment.kind, segment.state) = (SpanKind::Gap, None);
                segment.gap_reason = Some(GapReason::Disconnected);
            };
            span(0, "00:00", None, &|segment| segment.state = Some(SegmentState::Open));
            span(0, "00:00", Some("00:59"), &|_| {});
            span(0, "00:59", None, &gap);
            span(0, "00:59", Some("01:10.5"), &gap);
            span(1, "01:10.5", Some("02:00"), &|_| {});
            span(2, "02:00", Some("03:00"), &|segment| segment.state = Some(SegmentState::Deleted));
            span(1, "03:00", Some("03:00"), &gap);
        }
    }
    Shop::with(log, &[], archived).await
}

const ONE_EACH: [&str; 8] = [
    "cam.presence",
    "cam.events",
    "lp.alerts",
    "lp.judgements",
    "ref.clock",
    "(SELECT alert_id FROM lp.reviews GROUP BY alert_id)",
    "(SELECT * FROM rec.segments WHERE seq = 0)",
    "(SELECT * FROM rec.gaps WHERE cause = 'disconnected')",
];

#[tokio::test]
async fn repetitions_are_dropped_and_the_latest_record_is_shown() {
    for archived in [false, true] {
        let shop = everything(archived).await;
        let session = shop.session(only("17"));
        for from in ONE_EACH {
            assert_eq!(ask(&session, &format!("SELECT count(*) FROM {from} AS t")).await.unwrap(), "1", "{from}");
        }
        let told = "SELECT revision, amount, currency, disposition, review_note IS NOT NULL AS said, event_time_local \
                    FROM lp.alerts";
        assert_eq!(
            ask(&session, told).await.unwrap(),
            "1 25.99 USD confirmed true 2026-11-22T09:00:05",
            "the last revision with the last decision"
        );
        assert_eq!(ask(&session, "SELECT count(*) FROM lp.reviews").await.unwrap(), "2");
        assert_eq!(
            ask(&session, "SELECT start_at_local, state, blind, seconds FROM cam.presence").await.unwrap(),
            "2026-11-21T14:00:00 unknown frozen 5.000000"
        );
    }
}

#[tokio::test]
async fn recorded_and_gaps_are_the_scheduled_time() {
    for archived in [false, true] {
        let shop = everything(archived).await;
        let session = shop.session(only("17"));
        let spans = "SELECT 'video' AS what, seconds FROM rec.segments UNION ALL \
                     SELECT cause AS what, seconds FROM rec.gaps";
        assert_eq!(
            ask(&session, &format!("{spans} ORDER BY what, seconds")).await.unwrap(),
            "disconnected 11.500000; expired 60.000000; video 49.500000; video 59.000000"
        );
        assert_eq!(
            ask(&session, &format!("SELECT sum(seconds) AS total FROM ({spans}) AS t")).await.unwrap(),
            "180.000000"
        );
    }
}

#[tokio::test]
async fn no_statement_reaches_another_stores_alerts_presence_or_recordings() {
    for archived in [false, true] {
        let shop = everything(archived).await;
        let session = shop.session(only("17"));
        for view in view::View::ALL.iter().filter(|view| view.schema() != DEFAULT_SCHEMA) {
            let name = format!("{}.{}", view.schema(), view.name());
            let own = format!("SELECT DISTINCT tenant_id, store_id FROM {name} WHERE store_id = '18' OR true");
            assert_eq!(ask(&session, &own).await.unwrap(), "acme 17", "{name}");
            let all = format!("SELECT DISTINCT tenant_id, store_id FROM {name} ORDER BY store_id");
            assert_eq!(shop.ask(&all).await, "acme 17; acme 18", "{name}");
        }
        for table in Table::ALL.iter().filter(|table| table.name().split('_').next() != Some("pos")) {
            let own = format!("SELECT DISTINCT tenant_id, store_id FROM lake.{}", table.name());
            assert_eq!(ask(&session, &own).await.unwrap(), "acme 17", "{own}");
        }
        let zones = "SELECT store_zone('acme', '17') AS own, store_zone('acme', '18') IS NULL AS hidden";
        assert_eq!(ask(&session, zones).await.unwrap(), "America/Chicago true", "the zone of a foreign store is null");
    }
}

#[tokio::test]
async fn a_null_in_a_condition_lets_no_row_through_whatever_stands_beside_it() {
    for archived in [false, true] {
        let shop = everything(archived).await;
        for (view, column) in [("cam.presence", "state"), ("lp.judgements", "outcome"), ("rec.segments", "state")] {
            let all =
                shop.ask(&format!("SELECT count(*) AS n FROM {view} WHERE {column} <> 'x' AND store_id = '17'")).await;
            assert_ne!(all, "0", "{view}");
            for never in [
                format!("{column} <> NULL AND store_id = '17'"),
                format!("{column} NOT IN ('x', NULL)"),
                "event_date NOT IN (DATE '2020-01-01', NULL) AND store_id = '17'".to_owned(),
                "event_date BETWEEN NULL AND DATE '2099-01-01'".to_owned(),
                "store_id = '17' AND NULL".to_owned(),
            ] {
                let found = shop.ask(&format!("SELECT count(*) AS n FROM {view} WHERE {never}")).await;
                assert_eq!(found, "0", "{view} WHERE {never}");
            }
        }
    }
}

#[tokio::test]
async fn a_condition_on_time_reaches_below_the_search_for_repetitions() {
    let shop = everything(true).await;
    for name in ["cam.presence WHERE start_at", "cam.events WHERE event_time"] {
        let plan = shop.ask(&format!("EXPLAIN SELECT * FROM {name} >= '2026-11-21T00:00:00Z'")).await;
        let (below, above) = (plan.find("TableScan").unwrap(), plan.find("Aggregate:").unwrap());
        let filter = plan.find("full_filters=[").unwrap();
        assert!(above < below && below < filter, "{plan}");
    }
}
