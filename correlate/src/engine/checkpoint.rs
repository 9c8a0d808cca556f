//! How far the engine is, and from where it must read again to remember what it knew.
//!
//! A checkpoint holds no state of rules, because there is none: it names the next record of every partition, an earlier
//! one from which the memory can be filled again, the anchors that wait, the clocks, and what was stated of them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;

use serde::{Deserialize, Serialize};
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::port::{LogRecord, Partition, Positions};
use uuid::Uuid;

use super::agenda::Item;
use super::clock::{Clocks, RegisterClock};
use super::error::EngineError;
use super::pairs::Pairs;
use super::plan::Compiled;

/// How many records share a bookmark.
const PAGE: i64 = 500;

/// What is written down.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Checkpoint<'a> {
    next: BTreeMap<String, i64>,
    rewind: BTreeMap<String, i64>,
    pending: Vec<(String, Uuid)>,
    pub(crate) clocks: Cow<'a, Clocks>,
    #[serde(default)]
    pub(crate) pairs: Cow<'a, Pairs>,
}

impl Checkpoint<'_> {
    /// Reads one back; one that cannot be read is as good as none: everything is read and judged again, to the same end.
    pub(crate) fn read(text: Option<&str>) -> Self {
        let Some(text) = text else { return Self::default() };
        let mut read: Self = serde_json::from_str(text).unwrap_or_else(|error| {
            tracing::warn!(%error, "the engine's checkpoint cannot be read; everything is judged anew");
            Self::default()
        });
        read.clocks.to_mut().values_mut().for_each(RegisterClock::order);
        read
    }

    /// What waited, by the rules that exist now.
    pub(crate) fn pending(&self, rules: &[Compiled]) -> BTreeSet<Item> {
        let number = |id: &str| rules.iter().position(|rule| rule.rule.header.id.as_str() == id);
        self.pending.iter().filter_map(|(rule, event)| Some((number(rule)?, *event))).collect()
    }
}

/// A stretch of a partition and the latest event of each store in it.
#[derive(Debug)]
struct Page {
    first: i64,
    latest: BTreeMap<StoreKey, i64>,
}

/// Positions in the log.
#[derive(Debug, Default)]
pub(crate) struct Bookmarks {
    /// Below these, records were judged before.
    judged: Positions,
    next: Positions,
    pages: BTreeMap<Partition, VecDeque<Page>>,
}

fn named(partitions: &BTreeMap<String, i64>, partition: &Partition) -> Option<i64> {
    partitions.get(&partition.to_string()).copied()
}

impl Bookmarks {
    /// Goes on from a checkpoint: the bookmarks, and where to read from.
    ///
    /// # Errors
    /// [`EngineError::Shorter`] when the log ends before the checkpoint.
    pub(crate) fn resume(
        left: &Checkpoint<'_>,
        bounds: &BTreeMap<Partition, Range<i64>>,
    ) -> Result<(Self, Positions), EngineError> {
        let mut bookmarks = Self::default();
        let mut start = Positions::new();
        for (partition, bounds) in bounds {
            let next = named(&left.next, partition).unwrap_or(bounds.start).max(bounds.start);
            if next > bounds.end {
                return Err(EngineError::Shorter { partition: partition.to_string(), end: bounds.end, next });
            }
            let from = named(&left.rewind, partition).unwrap_or(next).clamp(bounds.start, next);
            bookmarks.judged.insert(partition.clone(), next);
            bookmarks.next.insert(partition.clone(), from);
            start.insert(partition.clone(), from);
        }
        Ok((bookmarks, start))
    }

    /// Whether a record was judged before the checkpoint.
    pub(crate) fn is_replay(&self, record: &LogRecord) -> bool {
        self.judged.get(&record.partition).is_some_and(|judged| record.offset < *judged)
    }

    /// Whether records are still to be read again that were read before the checkpoint.
    pub(crate) fn is_behind(&self) -> bool {
        self.judged.iter().any(|(partition, judged)| self.next.get(partition).is_none_or(|next| next < judged))
    }

    /// A record was read that speaks about a store at an event time.
    pub(crate) fn read(&mut self, record: &LogRecord, store: &StoreKey, at_us: i64) {
        let pages = self.pages.entry(record.partition.clone()).or_default();
        if pages.back().is_none_or(|page| record.offset - page.first >= PAGE) {
            pages.push_back(Page { first: record.offset, latest: BTreeMap::new() });
        }
        if let Some(page) = pages.back_mut() {
            let latest = page.latest.entry(store.clone()).or_insert(at_us);
            *latest = (*latest).max(at_us);
        }
    }

    /// A record was read.
    pub(crate) fn passed(&mut self, record: &LogRecord) {
        let next = self.next.entry(record.partition.clone()).or_default();
        *next = (*next).max(record.offset + 1);
    }

    /// What a store said before an instant is not needed any more.
    pub(crate) fn forget(&mut self, store: &StoreKey, before_us: i64) {
        for pages in self.pages.values_mut() {
            while let Some(page) = pages.front_mut() {
                if page.latest.get(store).is_some_and(|latest| *latest < before_us) {
                    page.latest.remove(store);
                }
                if !page.latest.is_empty() || pages.len() == 1 {
                    break;
                }
                pages.pop_front();
            }
        }
    }

    /// The checkpoint as it is now, as text.
    pub(crate) fn checkpoint<'a>(
        &self,
        unfinished: impl Iterator<Item = &'a Item>,
        rules: &[Compiled],
        (clocks, pairs): (&Clocks, &Pairs),
    ) -> String {
        let rule = |number: usize| rules.get(number).map(|rule| rule.rule.header.id.to_string());
        let next: BTreeMap<String, i64> = self
            .next
            .iter()
            .map(|(partition, next)| {
                let judged = self.judged.get(partition).copied().unwrap_or_default();
                (partition.to_string(), (*next).max(judged))
            })
            .collect();
        let rewind = self
            .pages
            .iter()
            .filter_map(|(partition, pages)| Some((partition.to_string(), pages.front()?.first)))
            .collect();
        let checkpoint = Checkpoint {
            next,
            rewind,
            pending: unfinished.filter_map(|(number, event)| Some((rule(*number)?, *event))).collect(),
            clocks: Cow::Borrowed(clocks),
            pairs: Cow::Borrowed(pairs),
        };
        serde_json::to_string(&checkpoint).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_of_before_customers_were_asked_is_read() {
        let before = r#"{"next":{"lp.pos.transaction.v1/0":7},"rewind":{},"pending":[],"clocks":{"acme/17/1":{"lags":[],
            "late":[],"versions":[],"last":4}}}"#;
        let read = Checkpoint::read(Some(before));
        assert_eq!(read.next.values().collect::<Vec<_>>(), [&7]);
        assert_eq!(read.clocks.len(), 1);
        assert_eq!(read.pairs.registers().count(), 0);
    }
}
