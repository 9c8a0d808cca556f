//! What the engine remembers of a store: its transactions of the last two days and the states of its zones.
//!
//! Every source has a watermark: a zone's is the end of its last tile. Tiles of a zone follow each other; neighbours in
//! the same state are one span, so where tiles were cut never shows.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::id::{RegisterId, ZoneId};
use tillsight_schemas::pos::PostedTransaction;
use tillsight_schemas::presence::{Blind, PresenceSource, PresenceState, PresenceTile};
use tillsight_schemas::zone::ZoneKind;
use uuid::Uuid;

use super::segment::Segment;

/// How much of the past is remembered beyond the longest look-back, in microseconds: a record that comes as late brings back
/// every anchor that sees it.
const SLACK: i64 = 24 * 3_600_000_000;
/// How much of the past is remembered, in microseconds.
pub(crate) const RETENTION: i64 = crate::rule::LONGEST_LOOKBACK * 1_000_000 + SLACK;

/// How much is remembered at most when the tills are behind the cameras, in microseconds.
const LONGEST: i64 = 60 * 86_400 * 1_000_000;

/// A transaction in memory.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) posted: Arc<PostedTransaction>,
    /// When the broker logged it.
    pub(crate) logged_at: DateTime<Utc>,
}

/// A zone in one state for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) zone: ZoneId,
    pub(crate) kind: ZoneKind,
    pub(crate) register: Option<RegisterId>,
    pub(crate) start_us: i64,
    pub(crate) end_us: i64,
    pub(crate) state: PresenceState,
    pub(crate) blind: Option<Blind>,
    pub(crate) source: PresenceSource,
}

impl Span {
    /// Whether both say the same, of whatever time.
    fn says_as(&self, other: &Self) -> bool {
        (self.state, self.blind, self.source) == (other.state, other.blind, other.source)
    }
}

/// What is known about the zone of a tile.
#[derive(Debug, Default)]
struct Lane {
    /// By start; spans do not overlap.
    spans: BTreeMap<i64, Span>,
}

impl Lane {
    fn watermark(&self) -> Option<i64> {
        self.spans.values().next_back().map(|span| span.end_us)
    }

    /// Adds a tile; what is known already is not said again. Says whether it was new.
    fn add(&mut self, mut span: Span) -> bool {
        if let Some(known) = self.spans.range(..=span.start_us).next_back().map(|(_, known)| known) {
            span.start_us = span.start_us.max(known.end_us);
        }
        if let Some((next, _)) = self.spans.range(span.start_us..).next() {
            span.end_us = span.end_us.min(*next);
        }
        if span.start_us >= span.end_us {
            return false;
        }
        // What came late may lie between two of its kind.
        if let Some(after) = self.spans.get(&span.end_us).filter(|after| after.says_as(&span)).map(|after| after.end_us)
        {
            self.spans.remove(&span.end_us);
            span.end_us = after;
        }
        if let Some((_, before)) = self.spans.range_mut(..span.start_us).next_back()
            && before.end_us == span.start_us
            && before.says_as(&span)
        {
            before.end_us = span.end_us;
            return true;
        }
        self.spans.insert(span.start_us, span);
        true
    }
}

/// What is remembered of a store.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    events: BTreeMap<(i64, Uuid), Event>,
    by_id: HashMap<Uuid, i64>,
    /// Transactions that another one replaces, known or yet to come, and the event time of the latter.
    replaced: HashMap<Uuid, i64>,
    /// The same transactions as rows, by the number of the hour.
    segments: BTreeMap<i64, Segment>,
    lanes: BTreeMap<ZoneId, Lane>,
    /// The latest event time of each till.
    tills: BTreeMap<RegisterId, i64>,
    /// The latest event time of all.
    latest_us: i64,
    /// The end of the latest tile: cameras speak of now while tills may still deliver last month.
    latest_tile_us: i64,
    /// What lies before was forgotten.
    floor_us: Option<i64>,
}

impl Memory {
    /// Takes in a transaction. Returns the event times that are touched: its own, and that of the revision or of the other
    /// transaction that it replaces; nothing for a repetition.
    pub(crate) fn add(&mut self, event: Event) -> Vec<i64> {
        let at = event.posted.header.event_time.timestamp_micros();
        let id = event.posted.header.event_id;
        let mut touched = vec![at];
        if let Some(before) = self.by_id.insert(id, at)
            && let Some(known) = self.events.get(&(before, id))
        {
            if known.posted.transaction.revision >= event.posted.transaction.revision {
                self.by_id.insert(id, before);
                return Vec::new();
            }
            self.events.remove(&(before, id));
            if let Some(segment) = self.segments.get_mut(&Segment::number(before)) {
                segment.remove(id);
            }
            touched.push(before);
        }
        if let Some(old) = event.posted.transaction.replaces.filter(|old| *old != id) {
            self.replaced.insert(old, at);
            if let Some(before) = self.by_id.get(&old).copied() {
                touched.push(before);
                if let Some(segment) = self.segments.get_mut(&Segment::number(before)) {
                    segment.remove(old);
                }
            }
        }
        // A till whose clock runs ahead must not make the memory let go of what the others ring.
        let known = event.posted.header.received_at.timestamp_micros();
        self.latest_us = self.latest_us.max(at.min(known));
        let till = self.tills.entry(event.posted.transaction.register_id.clone()).or_insert(at);
        *till = (*till).max(at);
        if !self.replaced.contains_key(&id) {
            self.segments.entry(Segment::number(at)).or_default().add(Arc::clone(&event.posted));
        }
        self.events.insert((at, id), event);
        touched
    }

    /// Takes in a tile; says whether it says something new.
    pub(crate) fn see(&mut self, tile: &PresenceTile) -> bool {
        let span = Span {
            zone: tile.zone_id.clone(),
            kind: tile.zone_kind,
            register: tile.register_id.clone(),
            start_us: tile.start_at.timestamp_micros(),
            end_us: tile.end_at.timestamp_micros(),
            state: tile.state,
            blind: tile.blind,
            source: tile.source,
        };
        self.latest_tile_us = self.latest_tile_us.max(span.end_us);
        self.lanes.entry(tile.zone_id.clone()).or_default().add(span)
    }

    /// The watermark of a zone.
    pub(crate) fn watermark(&self, zone: &ZoneId) -> Option<i64> {
        self.lanes.get(zone).and_then(Lane::watermark)
    }

    /// Whether another transaction replaces one: it is nobody's neighbour, and no anchor.
    pub(crate) fn is_replaced(&self, id: Uuid) -> bool {
        self.replaced.contains_key(&id)
    }

    /// One transaction.
    pub(crate) fn event(&self, id: Uuid) -> Option<&Event> {
        self.events.get(&(*self.by_id.get(&id)?, id))
    }

    /// The transactions of a span of event time, both ends included.
    pub(crate) fn events(&self, from_us: i64, to_us: i64) -> impl Iterator<Item = &Event> {
        self.events.range((from_us, Uuid::nil())..=(to_us, Uuid::max())).map(|(_, event)| event)
    }

    /// The rows of a table in a span of event time, and somewhat around it.
    ///
    /// # Errors
    /// Never, if the columns are what they are said to be.
    pub(crate) fn rows(&mut self, table: &str, from_us: i64, to_us: i64) -> Result<Vec<RecordBatch>, ArrowError> {
        let mut rows = Vec::new();
        for segment in self.segments.range_mut(Segment::number(from_us)..=Segment::number(to_us)).map(|(_, one)| one) {
            rows.extend_from_slice(segment.rows(table)?);
        }
        Ok(rows)
    }

    /// The states of all zones that overlap a span.
    pub(crate) fn spans(&self, span: &Range<i64>) -> impl Iterator<Item = &Span> {
        let (start, end) = (span.start, span.end);
        self.lanes.values().flat_map(move |lane| {
            let first = lane.spans.range(..=start).next_back().map_or(start, |(first, _)| *first);
            lane.spans.range(first..end).map(|(_, span)| span).filter(move |span| span.end_us > start)
        })
    }

    /// Up to where every till has spoken that was heard of within so long; the rest have closed.
    pub(crate) fn spoken(&self, now: DateTime<Utc>, within: TimeDelta) -> i64 {
        let closed = (now - within).timestamp_micros();
        let open = self.tills.values().copied().filter(|last| *last > closed);
        open.min().unwrap_or(i64::MAX).min(now.timestamp_micros())
    }

    /// Whether everything is remembered that a rule with this look-back sees from an anchor.
    pub(crate) fn remembers(&self, anchor: &PostedTransaction, lookback_seconds: i64) -> bool {
        anchor.header.event_time.timestamp_micros() - lookback_seconds * 1_000_000 >= self.floor()
    }

    /// What lies before this instant was forgotten.
    pub(crate) fn floor(&self) -> i64 {
        self.floor_us.unwrap_or(i64::MIN)
    }

    /// Forgets what lies before an instant.
    pub(crate) fn forget(&mut self, before_us: i64) {
        self.floor_us = Some(before_us.max(self.floor()));
        let keep = self.events.split_off(&(before_us, Uuid::nil()));
        for ((_, id), _) in std::mem::replace(&mut self.events, keep) {
            self.by_id.remove(&id);
        }
        self.replaced.retain(|_, at| *at >= before_us);
        self.segments = self.segments.split_off(&Segment::number(before_us));
        for lane in self.lanes.values_mut() {
            // The span that reaches across stays.
            while let Some((start, span)) = lane.spans.first_key_value() {
                if span.end_us > before_us || lane.spans.len() == 1 {
                    break;
                }
                let start = *start;
                lane.spans.remove(&start);
            }
        }
    }

    /// The instant before which nothing is needed any more.
    pub(crate) fn horizon(&self) -> i64 {
        (self.latest_us - RETENTION).max(self.latest_tile_us - LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start_us: i64, end_us: i64, state: PresenceState) -> Span {
        Span {
            zone: "z".parse().unwrap(),
            kind: ZoneKind::Customer,
            register: None,
            start_us,
            end_us,
            state,
            blind: None,
            source: PresenceSource::Detector,
        }
    }

    #[test]
    fn where_tiles_are_cut_does_not_show() {
        let (mut fine, mut coarse) = (Lane::default(), Lane::default());
        for cut in 0..10 {
            fine.add(span(cut * 10, cut * 10 + 10, PresenceState::Absent));
        }
        coarse.add(span(0, 100, PresenceState::Absent));
        assert_eq!(fine.spans, coarse.spans);
    }

    #[test]
    fn a_tile_that_comes_late_leaves_no_cut() {
        let (mut late, mut in_order) = (Lane::default(), Lane::default());
        for cut in [0, 2, 1, 4, 5, 3] {
            assert!(late.add(span(cut * 10, cut * 10 + 10, PresenceState::Absent)));
        }
        in_order.add(span(0, 60, PresenceState::Absent));
        assert_eq!(late.spans, in_order.spans);
        let mut torn = Lane::default();
        torn.add(span(20, 30, PresenceState::Absent));
        torn.add(span(10, 20, PresenceState::Present));
        assert_eq!(torn.spans.len(), 2, "another state is another span");
    }

    #[test]
    fn a_repeated_tile_changes_nothing() {
        let mut lane = Lane::default();
        assert!(lane.add(span(0, 10, PresenceState::Absent)));
        assert!(lane.add(span(10, 20, PresenceState::Present)));
        assert!(!lane.add(span(0, 10, PresenceState::Absent)) && !lane.add(span(10, 20, PresenceState::Present)));
        assert_eq!(lane.watermark(), Some(20));
    }

    #[test]
    fn the_spans_of_a_time_include_the_one_that_reaches_into_it() {
        let mut memory = Memory::default();
        let mut lane = Lane::default();
        lane.add(span(0, 50, PresenceState::Absent));
        lane.add(span(50, 60, PresenceState::Present));
        lane.add(span(60, 90, PresenceState::Absent));
        memory.lanes.insert("z".parse().unwrap(), lane);
        assert_eq!(memory.spans(&(40..60)).map(|span| span.start_us).collect::<Vec<_>>(), [0, 50]);
        memory.forget(55);
        assert_eq!(memory.spans(&(0..99)).map(|span| span.start_us).collect::<Vec<_>>(), [50, 60]);
    }

    #[test]
    fn the_till_that_is_furthest_behind_holds_the_video_until_it_has_closed() {
        let now: DateTime<Utc> = "2026-11-22T12:00:00Z".parse().unwrap();
        let hours_ago = |hours| (now - TimeDelta::hours(hours)).timestamp_micros();
        let mut memory = Memory::default();
        let spoken = |memory: &Memory| memory.spoken(now, TimeDelta::days(1));
        assert_eq!(spoken(&memory), now.timestamp_micros(), "nobody is behind");
        for (till, hours) in [("1", 0), ("2", 5), ("3", 40)] {
            memory.tills.insert(till.parse().unwrap(), hours_ago(hours));
        }
        assert_eq!(spoken(&memory), hours_ago(5));
        // A till whose clock runs ahead does not let go of what is to come.
        memory.tills.insert("2".parse().unwrap(), hours_ago(-1));
        memory.tills.remove(&"1".parse().unwrap());
        assert_eq!(spoken(&memory), now.timestamp_micros());
    }
}
