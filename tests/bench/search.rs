//! Area `search`: 28 days of both demo stores are indexed, and asked for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use tillsight_api::db::Db;
use tillsight_api::search::{Follower, OpenLog, Order, Owner, Request, Scope, Search};
use tillsight_correlate::lake::MemoryLog;
use tillsight_datasets::demo;
use tillsight_schemas::clock::ReplayClock;
use tillsight_schemas::topic;
use tillsight_schemas::wire::avro;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::sheet::{Bar, Row, Sheet, quantile};
use crate::{machine, shop};

const QUERIES: [&str; 6] = ["", "milk", "amount:>50", "type:refund last:7d", "\"whole milk\" -type:sale", "b*"];
const TIMES: usize = 50;

pub(crate) fn measure(sheet: &mut Sheet) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(index_and_ask(sheet));
}

async fn index_and_ask(sheet: &mut Sheet) {
    let (panel, plans) = (shop::panel(), demo::stores().unwrap());
    let log = MemoryLog::new(topic::POS_TRANSACTION, 4);
    let mut transactions = 0;
    for (partition, plan) in (0..).zip(&plans) {
        for posted in shop::days(&panel, plan, 28) {
            transactions += posted.len();
            for value in avro::encode(&posted).unwrap() {
                log.append(partition, value);
            }
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let today: NaiveDate = shop::TODAY.parse().unwrap();
    let clock = Arc::new(ReplayClock::at(today.and_hms_opt(12, 0, 0).unwrap().and_utc()));
    let db = Db::in_dir(dir.path(), clock.clone()).await.unwrap();
    let owner = Owner::open(dir.path(), plans.iter().map(|plan| plan.store.clone()).collect(), clock).unwrap();
    let search = owner.search.clone();
    let open: OpenLog = Arc::new(move || Ok(Box::new(log.reader())));
    let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
    let processor = machine::processor_seconds();
    tasks.spawn(Follower::new(owner, db, open).run(stop.clone()));
    while !search.is_complete() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let processor = machine::processor_seconds() - processor;
    assert_eq!(usize::try_from(search.documents()).unwrap(), transactions, "every receipt is found");
    let count = f64::from(u32::try_from(transactions).unwrap());
    sheet.row(&Row {
        name: "index",
        what: format!("receipts indexed per second of processor ({transactions} of them)"),
        samples: vec![count / processor],
        value: count / processor,
        unit: "receipts/s/core",
        bar: None,
        note: format!("{processor:.1} processor seconds, {} KiB on disk", kib(dir.path())),
    });
    let took: Vec<f64> = QUERIES.iter().flat_map(|text| ask(&search, text)).collect();
    sheet.row(&Row {
        name: "query_p95",
        what: format!("a page of hits with facets and histogram, {} kinds of question, 95 of 100", QUERIES.len()),
        value: quantile(&took, 950),
        samples: took,
        unit: "ms",
        bar: Some(Bar::AtMost(50.0)),
        note: "wall time in the process, warm, one at a time".to_owned(),
    });
    stop.cancel();
    tasks.join_all().await;
}

fn ask(search: &Search, text: &str) -> Vec<f64> {
    let scope = Scope::whole(demo::TENANT.parse().unwrap(), Vec::new());
    let request =
        Request { text: text.into(), from: None, to: None, scope, order: Order::Time, limit: 50, cursor: None };
    (0..TIMES)
        .map(|_| {
            let began = Instant::now();
            search.find(&request).unwrap();
            began.elapsed().as_secs_f64() * 1_000.0
        })
        .collect()
}

fn kib(dir: &std::path::Path) -> u64 {
    let files = std::fs::read_dir(dir.join("search")).unwrap();
    files.filter_map(|file| file.unwrap().metadata().ok()).map(|file| file.len()).sum::<u64>() / 1024
}
