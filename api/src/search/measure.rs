//! How fast the index is, on 28 simulated days of both demo stores. Not part of the test run: simulating takes longer
//! than indexing. `cargo test --workspace --lib -- --ignored --nocapture search::measure`

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement, run by hand"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Days, NaiveDate, Utc};
use tillsight_correlate::lake::MemoryLog;
use tillsight_datasets::journey::{self, Panel};
use tillsight_datasets::store_day::{Setup, simulate};
use tillsight_datasets::{demo, plan::StorePlan};
use tillsight_schemas::clock::ReplayClock;
use tillsight_schemas::pos::PostedTransaction;
use tillsight_schemas::topic;
use tillsight_schemas::wire::avro;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::db::Db;

/// Processor seconds of this process so far (`/proc/self/stat`, 100 ticks a second).
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u32 = fields[11..13].iter().map(|ticks| ticks.parse::<u32>().unwrap()).sum();
    f64::from(ticks) / 100.0
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

fn of_day(panel: &Panel, plan: &StorePlan, day: NaiveDate, sample: &PostedTransaction) -> Vec<PostedTransaction> {
    let rung = simulate(panel, plan, day, &Setup::default()).unwrap().rung.into_iter();
    let posted = rung.enumerate().map(|(index, rung)| {
        let mut posted = sample.clone();
        posted.header.event_id = rung.event_id;
        let noon = day.and_hms_opt(6, 0, 0).unwrap().and_utc();
        posted.header.event_time = noon + chrono::TimeDelta::seconds(i64::try_from(index).unwrap() * 40);
        posted.transaction = rung.transaction;
        posted
    });
    posted.collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: run it by name"]
async fn a_month_of_two_stores() {
    let sample = include_str!("../../../schemas/samples/v1/posted_transaction.json");
    let sample: PostedTransaction = serde_json::from_str(sample).unwrap();
    let panel = journey::load(&crate::cache_dir().join(journey::FOLDER)).unwrap();
    let log = MemoryLog::new(topic::POS_TRANSACTION, 4);
    let (mut transactions, mut lines) = (0, 0);
    let plans = demo::stores().unwrap();
    for (partition, plan) in (0..).zip(&plans) {
        for ago in 1..=28 {
            let day: NaiveDate = "2026-11-22".parse::<NaiveDate>().unwrap() - Days::new(ago);
            let posted = of_day(&panel, plan, day, &sample);
            transactions += posted.len();
            lines += posted.iter().map(|posted| posted.transaction.lines.len()).sum::<usize>();
            for value in avro::encode(&posted).unwrap() {
                log.append(partition, value);
            }
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let now: DateTime<Utc> = "2026-11-22T12:00:00Z".parse().unwrap();
    let clock = Arc::new(ReplayClock::at(now));
    let db = Db::in_dir(dir.path(), clock.clone()).await.unwrap();
    let before = resident_mib();
    let stores = plans.iter().map(|plan| plan.store.clone()).collect();
    let owner = Owner::open(dir.path(), stores, clock).unwrap();
    let search = owner.search.clone();
    let open: OpenLog = Arc::new(move || Ok(Box::new(log.reader())));
    let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
    let (began, processor) = (Instant::now(), processor_seconds());
    tasks.spawn(Follower::new(owner, db, open).run(stop.clone()));
    let mut peak = before;
    while !search.is_complete() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        peak = peak.max(resident_mib());
    }
    let (wall, processor) = (began.elapsed().as_secs_f64(), processor_seconds() - processor);
    let bytes: u64 = std::fs::read_dir(dir.path().join("search"))
        .unwrap()
        .filter_map(|entry| entry.unwrap().metadata().ok())
        .map(|file| file.len())
        .sum();
    println!(
        "{transactions} transactions, {lines} lines: {wall:.1} s, {processor:.1} s of processor, {} MiB on disk, {} MiB more memory at most",
        bytes >> 20,
        peak - before
    );
    for text in ["", "milk", "amount:>50", "type:refund last:7d", "\"whole milk\" -type:sale", "b*"] {
        let mut took: Vec<f64> = (0..50)
            .map(|_| {
                let began = Instant::now();
                search.find(&request(text)).unwrap();
                began.elapsed().as_secs_f64() * 1000.0
            })
            .collect();
        took.sort_by(f64::total_cmp);
        let total = search.find(&request(text)).unwrap().total;
        println!("{text:?}: {total} hits, p50 {:.1} ms, p95 {:.1} ms", took[25], took[47]);
    }
    stop.cancel();
    tasks.join_all().await;
    assert!(processor < 60.0, "{processor} s");
    assert_eq!(usize::try_from(search.documents()).unwrap(), transactions);
}

fn request(text: &str) -> Request {
    let scope = Scope { tenant: demo::TENANT.parse().unwrap(), stores: Vec::new() };
    Request { text: text.into(), from: None, to: None, scope, order: Order::Time, limit: 50, cursor: None }
}
