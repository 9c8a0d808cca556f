//! [`Tally`]: one pass over the documents that a query matches: how many, when, with which values, and the first page.

use std::collections::{BTreeSet, HashMap};

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::{Column, StrColumn};
use tantivy::{DocAddress, DocId, Score, SegmentOrdinal, SegmentReader};

/// What facets count, as the fields are called in the index.
pub(super) const FACETS: [&str; 6] = ["rule", "transaction", "store", "register", "operator", "disposition"];
/// The width of the finest histogram, in microseconds.
pub(super) const FINEST: i64 = 300 * 1_000_000;

/// Where a document stands in the order of a result: weight (0 when time orders), instant, tie-break. Greater is first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    pub(super) weight: u32,
    pub(super) at: i64,
    pub(super) tie: u64,
}

impl Rank {
    /// Whether the document is an alert: those have the highest bit of the tie-break set (`document::ALERT_BIT`).
    pub(super) fn is_alert(self) -> bool {
        self.tie >> 63 == 1
    }
}

/// Counts and collects.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tally {
    /// How many documents to keep.
    pub(super) limit: usize,
    /// Only documents after this one (the last of the page before).
    pub(super) after: Option<Rank>,
    /// Whether weight orders before time.
    pub(super) weighed: bool,
}

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Tallied {
    /// All documents.
    pub(super) total: u64,
    /// The first of them, in order.
    pub(super) first: Vec<(Rank, DocAddress)>,
    /// Per facet how often each value occurs.
    pub(super) facets: [HashMap<String, u64>; 6],
    /// Per stretch of [`FINEST`] microseconds since 1970, alerts and receipts.
    pub(super) times: HashMap<i64, (u64, u64)>,
}

/// The same for one segment.
pub(super) struct Segment {
    tally: Tally,
    ordinal: SegmentOrdinal,
    at: Column<i64>,
    tie: Column<u64>,
    columns: [Option<(StrColumn, Vec<u64>)>; 6],
    result: Tallied,
}

impl Collector for Tally {
    type Fruit = Tallied;
    type Child = Segment;

    fn for_segment(&self, ordinal: SegmentOrdinal, reader: &SegmentReader) -> tantivy::Result<Segment> {
        let fast = reader.fast_fields();
        let mut columns = [const { None }; 6];
        for (column, name) in columns.iter_mut().zip(FACETS) {
            *column = fast.str(name)?.map(|values| {
                let counts = vec![0; values.num_terms()];
                (values, counts)
            });
        }
        Ok(Segment {
            tally: *self,
            ordinal,
            at: fast.i64("at")?,
            tie: fast.u64("tie")?,
            columns,
            result: Tallied::default(),
        })
    }

    fn requires_scoring(&self) -> bool {
        self.weighed
    }

    fn merge_fruits(&self, segments: Vec<tantivy::Result<Tallied>>) -> tantivy::Result<Tallied> {
        let mut all = Tallied::default();
        for segment in segments {
            let segment = segment?;
            all.total += segment.total;
            all.first.extend(segment.first);
            for (sum, counts) in all.facets.iter_mut().zip(segment.facets) {
                for (value, count) in counts {
                    *sum.entry(value).or_default() += count;
                }
            }
            for (stretch, (alerts, receipts)) in segment.times {
                let sum = all.times.entry(stretch).or_default();
                *sum = (sum.0 + alerts, sum.1 + receipts);
            }
        }
        cut(&mut all.first, self.limit);
        Ok(all)
    }
}

/// Puts the greatest ranks first and forgets those beyond the limit.
fn cut(ranked: &mut Vec<(Rank, DocAddress)>, limit: usize) {
    ranked.sort_unstable_by_key(|ranked| std::cmp::Reverse(ranked.0));
    ranked.truncate(limit);
}

impl SegmentCollector for Segment {
    type Fruit = tantivy::Result<Tallied>;

    fn collect(&mut self, document: DocId, score: Score) {
        // The bits of non-negative floats are in the order of the floats.
        let weight = if self.tally.weighed { score.max(0.0).to_bits() } else { 0 };
        let at = self.at.first(document).unwrap_or_default();
        let rank = Rank { weight, at, tie: self.tie.first(document).unwrap_or_default() };
        self.result.total += 1;
        let stretch = self.result.times.entry(at.div_euclid(FINEST)).or_default();
        if rank.is_alert() {
            stretch.0 += 1;
        } else {
            stretch.1 += 1;
        }
        for (values, counts) in self.columns.iter_mut().flatten() {
            if let Some(ordinal) = values.ords().first(document)
                && let Some(count) = usize::try_from(ordinal).ok().and_then(|ordinal| counts.get_mut(ordinal))
            {
                *count += 1;
            }
        }
        if self.tally.after.is_none_or(|after| rank < after) {
            self.result.first.push((rank, DocAddress::new(self.ordinal, document)));
            if self.result.first.len() > self.tally.limit.saturating_mul(2).max(1024) {
                cut(&mut self.result.first, self.tally.limit);
            }
        }
    }

    fn harvest(mut self) -> Self::Fruit {
        cut(&mut self.result.first, self.tally.limit);
        for (facet, column) in self.result.facets.iter_mut().zip(self.columns) {
            let Some((values, counts)) = column else { continue };
            for (ordinal, count) in (0_u64..).zip(counts).filter(|(_, count)| *count > 0) {
                let mut value = String::new();
                values.ord_to_str(ordinal, &mut value)?;
                facet.insert(value, count);
            }
        }
        Ok(self.result)
    }
}

/// Collects the events that a field of documents names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Events(pub(super) &'static str);

/// The same for one segment.
pub(super) struct EventsOfSegment {
    values: Option<StrColumn>,
    ordinals: BTreeSet<u64>,
}

impl Collector for Events {
    type Fruit = BTreeSet<String>;
    type Child = EventsOfSegment;

    fn for_segment(&self, _: SegmentOrdinal, reader: &SegmentReader) -> tantivy::Result<EventsOfSegment> {
        Ok(EventsOfSegment { values: reader.fast_fields().str(self.0)?, ordinals: BTreeSet::new() })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, segments: Vec<tantivy::Result<BTreeSet<String>>>) -> tantivy::Result<BTreeSet<String>> {
        segments.into_iter().try_fold(BTreeSet::new(), |mut all, segment| {
            all.extend(segment?);
            Ok(all)
        })
    }
}

impl SegmentCollector for EventsOfSegment {
    type Fruit = tantivy::Result<BTreeSet<String>>;

    fn collect(&mut self, document: DocId, _: Score) {
        if let Some(values) = &self.values {
            self.ordinals.extend(values.ords().values_for_doc(document));
        }
    }

    fn harvest(self) -> Self::Fruit {
        let mut events = BTreeSet::new();
        if let Some(values) = &self.values {
            for ordinal in self.ordinals {
                let mut event = String::new();
                values.ord_to_str(ordinal, &mut event)?;
                events.insert(event);
            }
        }
        Ok(events)
    }
}
