//! How far a table was filled: which records of the log are in it, and which are repetitions.
//!
//! The producer of `lp.pos.transaction.v1` is at-least-once: after a crash it may write records again. Each record
//! carries where it was received (landing topic, partition, offset), and within one partition of the log the records of
//! one landing partition arrive in rising order. So the highest landing offset seen tells new records from repetitions.
//! Other topics say nothing of the kind: there the next offset is the only mark, and whoever reads the table takes the
//! latest record of each key. [`Progress`] is used by the archiver, which stores it with every commit, and by the hot tail, which starts from what
//! the archiver stored: both take the same decisions about the same records.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use tillsight_schemas::port::{Partition, Positions};

use crate::error::{Error, Result};

/// A landing partition, as seen in one partition of the log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Landing {
    /// The partition of the log. Part of the key, because order holds only within it.
    pub at: i32,
    /// The landing topic.
    pub topic: String,
    /// The landing partition.
    pub number: i32,
}

impl Landing {
    /// The name under which the lake stores its mark.
    pub fn mark(&self) -> String {
        format!("tillsight.landed/{}/{}/{}", self.at, self.topic, self.number)
    }
}

/// The name under which the lake stores the next offset of a partition.
pub fn next_mark(partition: &Partition) -> String {
    format!("tillsight.next/{partition}")
}

/// How far one table was filled.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    next: Positions,
    landed: BTreeMap<Landing, i64>,
    /// What changed since the last commit.
    moved: BTreeSet<Partition>,
    landed_since: BTreeSet<Landing>,
}

impl Progress {
    /// Begins at these positions.
    pub fn from(next: Positions) -> Self {
        Self { next, ..Self::default() }
    }

    /// The next offset of every partition.
    pub fn next(&self) -> &Positions {
        &self.next
    }

    /// Whether the mark of a landing partition is known.
    pub fn knows(&self, landing: &Landing) -> bool {
        self.landed.contains_key(landing)
    }

    /// Sets the mark of a landing partition to what the lake stores; -1 when it stores none.
    pub fn learn(&mut self, landing: Landing, mark: i64) {
        self.landed.insert(landing, mark);
    }

    /// Whether the record at `offset` is new to the table; if so it counts as seen from now on. A record that does not
    /// say where it was received is new wherever the table does not hold its offset.
    pub fn admit(&mut self, partition: &Partition, offset: i64, landed: Option<(&Landing, i64)>) -> bool {
        if self.next.get(partition).is_some_and(|next| offset < *next) {
            return false;
        }
        let Some((landing, landed_at)) = landed else { return true };
        match self.landed.get_mut(landing) {
            Some(mark) if landed_at <= *mark => return false,
            Some(mark) => *mark = landed_at,
            None => {
                self.landed.insert(landing.clone(), landed_at);
            }
        }
        self.landed_since.insert(landing.clone());
        true
    }

    /// Moves on to `ends`, the offsets after everything that was read.
    pub fn advance(&mut self, ends: &Positions) {
        for (partition, end) in ends {
            let next = self.next.entry(partition.clone()).or_default();
            if *end > *next {
                *next = *end;
                self.moved.insert(partition.clone());
            }
        }
    }

    /// What the next commit must store: names and numbers.
    pub fn marks(&self) -> Vec<(String, i64)> {
        let next = self.moved.iter().filter_map(|p| Some((next_mark(p), *self.next.get(p)?)));
        let landed = self.landed_since.iter().filter_map(|l| Some((l.mark(), *self.landed.get(l)?)));
        next.chain(landed).collect()
    }

    /// Notes that the marks were stored.
    pub fn stored(&mut self) {
        self.moved.clear();
        self.landed_since.clear();
    }
}

/// Where to go on in a partition whose table stores `stored`, when the log holds `bounds`.
///
/// A log that ends before the stored position was cut short (power cut, restored broker): new records will get offsets
/// that were used before, so reading goes on at its end, and the landing marks keep repetitions out.
///
/// # Errors
/// [`Error::Gap`] when the log no longer holds records that the table lacks.
pub fn resume(partition: &Partition, bounds: &Range<i64>, stored: Option<i64>) -> Result<i64> {
    match stored {
        None => Ok(bounds.start),
        Some(stored) if stored > bounds.end => {
            tracing::error!(%partition, stored, end = bounds.end, "the log is shorter than the lake: it was cut");
            Ok(bounds.end)
        }
        Some(stored) if stored < bounds.start => {
            Err(Error::Gap { partition: partition.clone(), needed: stored, first: bounds.start })
        }
        Some(stored) => Ok(stored),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn landing(number: i32) -> Landing {
        Landing { at: 0, topic: "lp.pos.in.acme".into(), number }
    }

    fn log() -> Partition {
        Partition::new("lp.pos.transaction.v1", 0)
    }

    #[test]
    fn what_the_producer_repeats_is_dropped() {
        let mut progress = Progress::from([(log(), 0)].into());
        let taken: Vec<bool> = [(0, 10), (1, 11), (2, 10), (3, 11), (4, 12)]
            .into_iter()
            .map(|(offset, landed)| progress.admit(&log(), offset, Some((&landing(0), landed))))
            .collect();
        assert_eq!(taken, [true, true, false, false, true]);
        assert!(progress.admit(&log(), 5, Some((&landing(1), 3))), "another landing partition counts for itself");
    }

    #[test]
    fn what_the_table_holds_is_not_read_again() {
        let mut progress = Progress::from([(log(), 7)].into());
        assert!(!progress.admit(&log(), 6, Some((&landing(0), 1))));
        assert!(progress.admit(&log(), 7, Some((&landing(0), 2))));
    }

    #[test]
    fn a_commit_stores_only_what_moved() {
        let other = Partition::new("lp.pos.transaction.v1", 1);
        let mut progress = Progress::from([(log(), 0), (other, 4)].into());
        progress.learn(landing(1), 5);
        progress.admit(&log(), 0, Some((&landing(0), 8)));
        progress.advance(&[(log(), 1)].into());
        let expected = [
            ("tillsight.next/lp.pos.transaction.v1/0".to_owned(), 1),
            ("tillsight.landed/0/lp.pos.in.acme/0".to_owned(), 8),
        ];
        assert_eq!(progress.marks(), expected);
        progress.stored();
        assert!(progress.marks().is_empty());
    }

    #[test]
    fn a_log_that_was_cut_is_read_from_its_end_and_one_that_lost_records_is_an_error() {
        assert_eq!(resume(&log(), &(0..5), None).unwrap(), 0);
        assert_eq!(resume(&log(), &(2..5), Some(4)).unwrap(), 4);
        assert_eq!(resume(&log(), &(2..5), Some(9)).unwrap(), 5);
        assert!(matches!(resume(&log(), &(2..5), Some(1)), Err(Error::Gap { needed: 1, first: 2, .. })));
    }
}
