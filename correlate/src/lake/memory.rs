//! A log in memory: the same contract as Kafka's, for tests and for a shop that fits in one process.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use tillsight_schemas::port::{EventSource, LogRecord, Partition, PortError, Positions};
use tokio::sync::Notify;

/// A log of one or more topics; clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryLog {
    partitions: Arc<Mutex<BTreeMap<Partition, Kept>>>,
    grown: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Kept {
    /// The offset of the first record that is kept.
    first: i64,
    values: Vec<Bytes>,
}

impl Kept {
    fn bounds(&self) -> Range<i64> {
        self.first..self.first + i64::try_from(self.values.len()).unwrap_or(i64::MAX)
    }
}

impl MemoryLog {
    /// Makes a log with so many empty partitions.
    pub fn new(topic: &str, partitions: i32) -> Self {
        let log = Self::default();
        log.with(|kept| kept.extend((0..partitions).map(|n| (Partition::new(topic, n), Kept::default()))));
        log
    }

    /// Adds a topic.
    #[must_use]
    pub fn and(self, topic: &str, partitions: i32) -> Self {
        self.with(|kept| kept.extend((0..partitions).map(|n| (Partition::new(topic, n), Kept::default()))));
        self
    }

    fn with<R>(&self, work: impl FnOnce(&mut BTreeMap<Partition, Kept>) -> R) -> R {
        work(&mut self.partitions.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Appends a value to the topic whose name sorts first and returns its offset; -1 when there is no such partition.
    pub fn append(&self, number: i32, value: Bytes) -> i64 {
        self.append_where(|partition| partition.number == number, value)
    }

    /// Appends a value to partition 0 of a topic and returns its offset; -1 when there is no such topic.
    pub fn append_to(&self, topic: &str, value: Bytes) -> i64 {
        self.append_where(|partition| partition.topic == topic && partition.number == 0, value)
    }

    fn append_where(&self, is: impl Fn(&Partition) -> bool, value: Bytes) -> i64 {
        let offset = self.with(|kept| {
            kept.iter_mut().find(|(partition, _)| is(partition)).map_or(-1, |(_, kept)| {
                kept.values.push(value);
                kept.bounds().end - 1
            })
        });
        self.grown.notify_waiters();
        offset
    }

    /// Drops all records before `offset` of the partitions with this number, as retention does.
    pub fn expire(&self, number: i32, offset: i64) {
        self.with(|kept| {
            for kept in kept.iter_mut().filter(|(p, _)| p.number == number).map(|(_, kept)| kept) {
                let gone = usize::try_from(offset - kept.first).unwrap_or(0).min(kept.values.len());
                kept.values.drain(..gone);
                kept.first += i64::try_from(gone).unwrap_or(0);
            }
        });
    }

    /// Opens a reader.
    pub fn reader(&self) -> MemoryReader {
        MemoryReader { log: self.clone(), next: Positions::new() }
    }
}

/// Reads a [`MemoryLog`].
#[derive(Debug)]
pub struct MemoryReader {
    log: MemoryLog,
    next: Positions,
}

impl MemoryReader {
    fn take(&mut self, limit: usize) -> Vec<LogRecord> {
        let next = &mut self.next;
        self.log.with(|kept| {
            let mut taken = Vec::new();
            for (partition, next) in next.iter_mut() {
                let Some(kept) = kept.get(partition) else { continue };
                let skip = usize::try_from(*next - kept.first).unwrap_or(0);
                for value in kept.values.iter().skip(skip).take(limit.saturating_sub(taken.len())) {
                    taken.push(LogRecord {
                        partition: partition.clone(),
                        offset: *next,
                        logged_at: DateTime::<Utc>::UNIX_EPOCH,
                        key: None,
                        value: Some(value.clone()),
                        headers: Vec::new(),
                    });
                    *next += 1;
                }
            }
            taken
        })
    }
}

#[async_trait]
impl EventSource for MemoryReader {
    async fn bounds(&mut self) -> Result<BTreeMap<Partition, Range<i64>>, PortError> {
        Ok(self.log.with(|kept| kept.iter().map(|(partition, kept)| (partition.clone(), kept.bounds())).collect()))
    }

    async fn seek(&mut self, positions: &Positions) -> Result<(), PortError> {
        self.next = positions.clone();
        Ok(())
    }

    async fn poll(&mut self, limit: usize, wait: Duration) -> Result<Vec<LogRecord>, PortError> {
        let log = self.log.clone();
        let grown = log.grown.notified();
        tokio::pin!(grown);
        grown.as_mut().enable();
        let taken = self.take(limit);
        if !taken.is_empty() {
            return Ok(taken);
        }
        match tokio::time::timeout(wait, grown).await {
            Ok(()) => Ok(self.take(limit)),
            Err(_) => Ok(taken),
        }
    }
}
