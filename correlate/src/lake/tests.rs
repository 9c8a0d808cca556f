//! The seam: whatever the order of reading, committing, crashing and compacting, a view shows every row once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use datafusion::prelude::SessionContext;
use tillsight_schemas::ReplayClock;
use tillsight_schemas::TimeSpan;
use tillsight_schemas::clock::Clock;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::port::Partition;
use tillsight_schemas::topic::{ALERT, CAM_PRESENCE, POS_TRANSACTION};

use super::sample::{alert, sale, tile, value};
use super::*;
use crate::Error;

const NOW: Duration = Duration::from_millis(1);

fn clock() -> ReplayClock {
    ReplayClock::at("2026-11-21T12:00:00Z".parse().unwrap())
}

async fn archiver(root: &Path, log: &MemoryLog) -> Archiver {
    Archiver::open(ArchiveConfig::new(root), Box::new(log.reader()), Arc::new(clock())).await.unwrap()
}

async fn tail(root: &Path, log: &MemoryLog) -> (HotTail, ReplayClock) {
    let clock = clock();
    let tail = HotTail::open(TailConfig::new(root), Box::new(log.reader()), Arc::new(clock.clone())).await.unwrap();
    (tail, clock)
}

async fn drain(archiver: &mut Archiver) {
    while archiver.step(NOW).await.unwrap() > 0 {}
}

async fn follow(tail: &mut HotTail) {
    while tail.step(NOW).await.unwrap() > 0 {}
}

fn ring(log: &MemoryLog, numbers: std::ops::Range<i64>) {
    for n in numbers {
        log.append_to(POS_TRANSACTION, value(&sale("17", n, "2026-11-21T20:03:22Z")));
    }
}

/// The running numbers that a view shows, with how often it shows each; of the lines likewise.
async fn seen(tail: &HotTail) -> (BTreeMap<i64, usize>, usize) {
    let view = tail.views().newest().unwrap();
    let session = SessionContext::new();
    tail.register(&session.state()).unwrap();
    let mut rows = BTreeMap::new();
    for batch in rows_of(&session, &view, Table::Transactions).await {
        for n in batch.column_by_name("sequence_no").unwrap().as_primitive::<Int64Type>().iter().flatten() {
            *rows.entry(n).or_default() += 1;
        }
    }
    let lines = rows_of(&session, &view, Table::Lines).await.iter().map(RecordBatch::num_rows).sum();
    (rows, lines)
}

async fn rows_of(session: &SessionContext, view: &View, table: Table) -> Vec<RecordBatch> {
    let part = view.part(table).unwrap();
    let mut rows = session.read_table(Arc::clone(&part.kept)).unwrap().collect().await.unwrap();
    rows.extend(part.beyond.iter().cloned());
    rows
}

fn once(numbers: std::ops::Range<i64>) -> BTreeMap<i64, usize> {
    numbers.map(|n| (n, 1)).collect()
}

#[tokio::test]
async fn every_row_is_seen_once_before_between_and_after_commits() {
    let root = tempfile::tempdir().unwrap();
    let log = MemoryLog::new(POS_TRANSACTION, 2);
    let mut archiver = archiver(root.path(), &log).await;
    let (mut tail, clock) = tail(root.path(), &log).await;
    let mut rung = 0;
    for _ in 0..3 {
        let all = |rung: i64| (once(0..rung), usize::try_from(rung).unwrap());
        ring(&log, rung..rung + 5);
        rung += 5;
        follow(&mut tail).await;
        assert_eq!(seen(&tail).await, all(rung), "in the tail");
        drain(&mut archiver).await;
        archiver.commit().await.unwrap();
        assert_eq!(seen(&tail).await, all(rung), "committed, not yet noticed");
        ring(&log, rung..rung + 1);
        rung += 1;
        clock.advance(chrono::TimeDelta::seconds(2));
        follow(&mut tail).await;
        assert_eq!(seen(&tail).await, all(rung), "noticed, and one more in the tail");
    }
}

#[tokio::test]
async fn a_kill_between_the_commits_of_two_tables_loses_and_doubles_nothing() {
    let root = tempfile::tempdir().unwrap();
    let log = MemoryLog::new(POS_TRANSACTION, 1);
    ring(&log, 0..10);
    let mut first = archiver(root.path(), &log).await;
    drain(&mut first).await;
    // Killed after the first of three commits.
    first.commit_one().await.unwrap();
    drop(first);
    ring(&log, 10..12);
    let mut second = archiver(root.path(), &log).await;
    drain(&mut second).await;
    second.commit().await.unwrap();
    drop(second);
    let (mut tail, _) = tail(root.path(), &log).await;
    follow(&mut tail).await;
    assert_eq!(seen(&tail).await, (once(0..12), 12));
}

#[tokio::test]
async fn what_the_producer_writes_twice_is_seen_once() {
    let root = tempfile::tempdir().unwrap();
    let log = MemoryLog::new(POS_TRANSACTION, 1);
    ring(&log, 0..5);
    let mut archiver_ = archiver(root.path(), &log).await;
    drain(&mut archiver_).await;
    archiver_.commit().await.unwrap();
    // The producer crashed after writing 3 and 4, and writes them again: before and after a restart of the readers.
    ring(&log, 3..6);
    let (mut early, _) = tail(root.path(), &log).await;
    follow(&mut early).await;
    assert_eq!(seen(&early).await, (once(0..6), 6));
    drop(archiver_);
    let mut archiver_ = archiver(root.path(), &log).await;
    drain(&mut archiver_).await;
    archiver_.commit().await.unwrap();
    ring(&log, 5..7);
    let (mut late, _) = tail(root.path(), &log).await;
    follow(&mut late).await;
    assert_eq!(seen(&late).await, (once(0..7), 7));
    follow(&mut early).await;
    early.refresh().await.unwrap();
    early.step(NOW).await.unwrap();
    assert_eq!(seen(&early).await, (once(0..7), 7));
}

#[tokio::test]
async fn compaction_changes_no_row_and_an_old_view_stays_readable() {
    let root = tempfile::tempdir().unwrap();
    let log = MemoryLog::new(POS_TRANSACTION, 1);
    let mut archiver = archiver(root.path(), &log).await;
    for n in 0..6 {
        ring(&log, n..n + 1);
        drain(&mut archiver).await;
        archiver.commit().await.unwrap();
    }
    let (mut old, _) = tail(root.path(), &log).await;
    follow(&mut old).await;
    archiver.tidy().await;
    assert_eq!(seen(&old).await, (once(0..6), 6), "before it noticed");
    old.refresh().await.unwrap();
    old.step(NOW).await.unwrap();
    assert_eq!(seen(&old).await, (once(0..6), 6), "after");
    ring(&log, 6..8);
    drain(&mut archiver).await;
    archiver.commit().await.unwrap();
    let (mut new, _) = tail(root.path(), &log).await;
    follow(&mut new).await;
    assert_eq!(seen(&new).await, (once(0..8), 8));
}

#[tokio::test]
async fn a_second_archiver_is_refused_by_the_table() {
    let root = tempfile::tempdir().unwrap();
    let log = MemoryLog::new(POS_TRANSACTION, 1);
    ring(&log, 0..3);
    let mut one = archiver(root.path(), &log).await;
    let mut two = archiver(root.path(), &log).await;
    drain(&mut one).await;
    drain(&mut two).await;
    one.commit().await.unwrap();
    assert!(matches!(two.commit().await, Err(Error::Delta { .. })));
    let (mut tail, _) = tail(root.path(), &log).await;
    follow(&mut tail).await;
    assert_eq!(seen(&tail).await, (once(0..3), 3));
}

#[tokio::test]
async fn commits_are_due_by_time_and_by_size() {
    let root = tempfile::tempdir().unwrap();
    let log = MemoryLog::new(POS_TRANSACTION, 1);
    let clock = clock();
    let config = ArchiveConfig { commit_bytes: 1 << 20, ..ArchiveConfig::new(root.path()) };
    let mut archiver = Archiver::open(config, Box::new(log.reader()), Arc::new(clock.clone())).await.unwrap();
    let version = || async { Store::open(root.path(), Table::Transactions).await.unwrap().version() };
    ring(&log, 0..1);
    archiver.step(NOW).await.unwrap();
    assert_eq!(version().await, 0);
    clock.advance(chrono::TimeDelta::seconds(61));
    archiver.step(NOW).await.unwrap();
    assert_eq!(version().await, 1);
    ring(&log, 1..2000);
    archiver.step(NOW).await.unwrap();
    assert_eq!(version().await, 2, "more than a mebibyte waits");
    assert!(clock.now() > chrono::DateTime::UNIX_EPOCH);
}

#[tokio::test]
async fn a_full_tail_refuses_until_the_archiver_has_caught_up() {
    let root = tempfile::tempdir().unwrap();
    let log = MemoryLog::new(POS_TRANSACTION, 1);
    ring(&log, 0..50);
    let config = TailConfig { max_bytes: 10_000, ..TailConfig::new(root.path()) };
    let mut tail = HotTail::open(config, Box::new(log.reader()), Arc::new(clock())).await.unwrap();
    tail.step(NOW).await.unwrap();
    assert!(matches!(tail.views().newest(), Err(Error::TailFull { .. })));
    let mut archiver = archiver(root.path(), &log).await;
    drain(&mut archiver).await;
    archiver.commit().await.unwrap();
    tail.step(NOW).await.unwrap();
    assert_eq!(seen(&tail).await, (once(0..50), 50));
}

#[tokio::test]
async fn views_are_handed_out_only_after_the_tail_has_caught_up() {
    let root = tempfile::tempdir().unwrap();
    let log = MemoryLog::new(POS_TRANSACTION, 1);
    ring(&log, 0..3);
    let (mut tail, _) = tail(root.path(), &log).await;
    assert!(matches!(tail.views().newest(), Err(Error::TailStale { .. })));
    tail.step(NOW).await.unwrap();
    assert_eq!(seen(&tail).await.0, once(0..3));
}

#[tokio::test]
async fn records_that_expired_before_they_were_archived_are_an_error() {
    let root = tempfile::tempdir().unwrap();
    let log = MemoryLog::new(POS_TRANSACTION, 1);
    ring(&log, 0..3);
    let mut archiver_ = archiver(root.path(), &log).await;
    drain(&mut archiver_).await;
    archiver_.commit().await.unwrap();
    ring(&log, 3..9);
    log.expire(0, 6);
    let reopened = Archiver::open(ArchiveConfig::new(root.path()), Box::new(log.reader()), Arc::new(clock())).await;
    let partition = Partition::new(POS_TRANSACTION, 0);
    assert!(matches!(reopened, Err(Error::Gap { partition: p, needed: 3, first: 6 }) if p == partition));
}

#[tokio::test]
async fn a_record_that_cannot_be_read_does_not_stop_the_others() {
    let root = tempfile::tempdir().unwrap();
    let log = MemoryLog::new(POS_TRANSACTION, 1);
    ring(&log, 0..2);
    log.append(0, bytes::Bytes::from_static(b"not a transaction"));
    log.append(0, serde_json::to_vec(&sale("17", 2, "2026-11-21T20:03:22Z")).unwrap().into());
    let mut archiver = archiver(root.path(), &log).await;
    drain(&mut archiver).await;
    archiver.commit().await.unwrap();
    let (mut tail, _) = tail(root.path(), &log).await;
    follow(&mut tail).await;
    assert_eq!(seen(&tail).await, (once(0..3), 3));
}

/// How often a view shows each tile, by its number; as stored, and of those that hold only.
async fn tiles(tail: &HotTail) -> (BTreeMap<i64, usize>, BTreeMap<i64, usize>) {
    let view = tail.views().newest().unwrap();
    let session = SessionContext::new();
    tail.register(&session.state()).unwrap();
    let rows = rows_of(&session, &view, Table::Presence).await;
    let conform =
        |batch: &RecordBatch| RecordBatch::try_new(Table::Presence.schema(), batch.columns().to_vec()).unwrap();
    let rows: Vec<RecordBatch> = rows.iter().map(conform).collect();
    let all = datafusion::catalog::MemTable::try_new(Table::Presence.schema(), vec![rows.clone()]).unwrap();
    session.register_table("tiles", Arc::new(all)).unwrap();
    let held = session.sql(&Table::Presence.latest("tiles")).await.unwrap().collect().await.unwrap();
    let count = |batches: &[RecordBatch]| {
        let mut seen = BTreeMap::new();
        for batch in batches {
            let starts = batch.column_by_name("start_at").unwrap();
            for micros in starts.as_primitive::<arrow::datatypes::TimestampMicrosecondType>().iter().flatten() {
                let first = tile("17", 0).start_at.timestamp_micros();
                *seen.entry((micros - first) / 5_000_000).or_default() += 1;
            }
        }
        seen
    };
    (count(&rows), count(&held))
}

fn look(log: &MemoryLog, numbers: std::ops::Range<i64>) {
    for n in numbers {
        log.append_to(CAM_PRESENCE, value(&tile("17", n)));
    }
}

#[tokio::test]
async fn two_streams_are_joined_without_a_seam_each_at_its_own_pace() {
    let root = tempfile::tempdir().unwrap();
    let log = MemoryLog::new(POS_TRANSACTION, 1).and(CAM_PRESENCE, 1);
    let mut archiver_ = archiver(root.path(), &log).await;
    let (mut tail_, clock) = tail(root.path(), &log).await;
    for round in 0..3 {
        look(&log, 4 * round..4 * round + 4);
        ring(&log, round..round + 1);
        follow(&mut tail_).await;
        assert_eq!(tiles(&tail_).await.0, once(0..4 * round + 4), "in the tail");
        drain(&mut archiver_).await;
        archiver_.commit().await.unwrap();
        clock.advance(chrono::TimeDelta::seconds(2));
        follow(&mut tail_).await;
        assert_eq!(tiles(&tail_).await.0, once(0..4 * round + 4), "in the lake");
        assert_eq!(seen(&tail_).await.0, once(0..round + 1));
        // A restart of the archiver in between.
        drop(archiver_);
        archiver_ = archiver(root.path(), &log).await;
    }
    let (late, _) = tail(root.path(), &log).await;
    assert_eq!(tiles(&late).await.0, once(0..12), "everything was committed");
}

#[tokio::test]
async fn repetitions_are_stored_and_the_last_record_of_a_key_holds() {
    let root = tempfile::tempdir().unwrap();
    let log = MemoryLog::new(CAM_PRESENCE, 1).and(ALERT, 1);
    look(&log, 0..3);
    look(&log, 1..4);
    for (number, revision) in [(1, 0), (2, 0), (1, 1), (1, 0)] {
        log.append_to(ALERT, value(&alert("17", number, revision)));
    }
    log.append_to(ALERT, value(&alert("18", 3, 0)));
    let mut archiver = archiver(root.path(), &log).await;
    drain(&mut archiver).await;
    archiver.commit().await.unwrap();
    look(&log, 3..5);
    let (mut tail, _) = tail(root.path(), &log).await;
    follow(&mut tail).await;
    let (stored, held) = tiles(&tail).await;
    assert_eq!(stored, [(0, 1), (1, 2), (2, 2), (3, 2), (4, 1)].into());
    assert_eq!(held, once(0..5));

    let history = History::open(root.path()).await.unwrap();
    let day = TimeSpan::new("2026-11-22T00:00:00Z".parse().unwrap(), "2026-11-23T00:00:00Z".parse().unwrap()).unwrap();
    let stores = |ids: &[&str]| -> Vec<StoreKey> {
        ids.iter().map(|id| StoreKey::new("acme".parse().unwrap(), id.parse().unwrap())).collect()
    };
    let revisions = |rows: &[RecordBatch]| -> Vec<i32> {
        let column = |batch: &RecordBatch| batch.column_by_name("revision").unwrap().clone();
        rows.iter()
            .flat_map(|batch| column(batch).as_primitive::<arrow::datatypes::Int32Type>().values().to_vec())
            .collect()
    };
    let rows = history.scan(Table::Alerts, day, &stores(&["17"])).await.unwrap();
    let mut found = revisions(&rows);
    found.sort_unstable();
    assert_eq!(found, [0, 1], "each alert once, in its latest revision, of this store only");
    assert_eq!(revisions(&history.scan(Table::Alerts, day, &stores(&["17", "18"])).await.unwrap()).len(), 3);
    assert!(history.scan(Table::Alerts, day, &[]).await.unwrap().iter().all(|batch| batch.num_rows() == 0));
    let minute =
        TimeSpan::new("2026-11-21T20:00:05Z".parse().unwrap(), "2026-11-21T20:00:15Z".parse().unwrap()).unwrap();
    let rows = history.scan(Table::Presence, minute, &stores(&["17"])).await.unwrap();
    assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
    assert_eq!(rows[0].num_columns(), Table::Presence.schema().fields().len());
}

#[tokio::test]
async fn a_lake_from_before_a_stream_gets_its_table_and_its_records() {
    let root = tempfile::tempdir().unwrap();
    let old = MemoryLog::new(POS_TRANSACTION, 1);
    ring(&old, 0..2);
    let mut archiver_ = archiver(root.path(), &old).await;
    drain(&mut archiver_).await;
    archiver_.commit().await.unwrap();
    drop(archiver_);
    for table in Table::ALL.into_iter().filter(|table| table.stream() != Stream::Transactions) {
        std::fs::remove_dir_all(root.path().join(table.name())).unwrap();
    }
    let new = old.and(CAM_PRESENCE, 2);
    look(&new, 0..3);
    let mut archiver_ = archiver(root.path(), &new).await;
    drain(&mut archiver_).await;
    archiver_.commit().await.unwrap();
    let (mut tail, _) = tail(root.path(), &new).await;
    follow(&mut tail).await;
    assert_eq!(seen(&tail).await.0, once(0..2));
    assert_eq!(tiles(&tail).await.0, once(0..3));
}
