//! A [`Feed`] as a lake that the archiver wrote: our back-test reads it, and the others the same Parquet files. Kept in the
//! cache: the second time it is there.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tillsight_correlate::lake::{ArchiveConfig, Archiver, MemoryLog, Stream};
use tillsight_schemas::clock::ReplayClock;
use tillsight_schemas::topic;
use tillsight_schemas::wire::avro::{self, Avro};
use tillsight_tests::outside::cache;
use tokio::runtime::Runtime;

use super::feed::{Feed, REGISTERS};

/// The folder of the lake, which is made when it is not there.
pub(crate) fn lake(runtime: &Runtime, feed: Feed) -> PathBuf {
    let folder = cache().join("bench").join(feed.name());
    if !folder.try_exists().unwrap() {
        let unfinished = folder.with_extension("unfinished");
        if unfinished.try_exists().unwrap() {
            std::fs::remove_dir_all(&unfinished).unwrap();
        }
        let began = Instant::now();
        runtime.block_on(fill(feed, unfinished.clone()));
        std::fs::rename(&unfinished, &folder).unwrap();
        println!("  {} written in {} s", folder.display(), began.elapsed().as_secs());
    }
    folder
}

async fn fill(feed: Feed, folder: PathBuf) {
    let log = Stream::topics().iter().fold(MemoryLog::default(), |log, topic| log.and(topic, 1));
    let mut config = ArchiveConfig::new(folder);
    config.commit_bytes = usize::MAX;
    config.keep_merged = Duration::ZERO;
    let clock = Arc::new(ReplayClock::at(feed.closes()));
    let mut archiver = Archiver::open(config, Box::new(log.reader()), clock).await.unwrap();
    for store in 0..feed.stores {
        append(&log, topic::POS_TRANSACTION, &feed.posted(store));
        for register in 1..=REGISTERS {
            append(&log, topic::CAM_PRESENCE, &feed.tiles(store, register));
        }
        while archiver.step(Duration::from_millis(1)).await.unwrap() > 0 {}
        // Everything was read.
        log.expire(0, i64::MAX);
    }
    archiver.commit().await.unwrap();
    archiver.tidy().await;
}

fn append<T: Avro>(log: &MemoryLog, topic: &str, records: &[T]) {
    for value in avro::encode(records).unwrap() {
        log.append_to(topic, value);
    }
}
