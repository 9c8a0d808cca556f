//! [`Chunk`]: what was archived of some stores in a span, as the rules of a [`super::Lane`] read it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::error::ArrowError;
use chrono::TimeDelta;
use tillsight_schemas::TimeSpan;
use tillsight_schemas::id::{StoreKey, ZoneId};
use tillsight_schemas::pos::{Kind, PostedTransaction};
use uuid::Uuid;

use super::super::events::{Event, Events};
use super::super::memory::Span;
use super::super::plan::Compiled;
use super::super::verdict::Near;
use super::super::{Settings, history, tables};
use super::anchors::Anchors;
use super::known::{AROUND, Known, column};
use super::needs::{self, Records};
use super::presence::{self, Spans};
use super::rows;
use crate::error::Error;
use crate::lake::{History, Picked, Table, transactions_of};

/// How far a register's clock may be off, and how long beyond an anchor a rule may look.
const SLACK: TimeDelta = TimeDelta::hours(1);

/// What some rules want of a chunk.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// The columns of the lake that are read of items.
    lines: Vec<String>,
    tenders: Vec<String>,
    /// The columns that rules read, by table.
    columns: BTreeMap<String, BTreeSet<String>>,
    /// The kinds of their anchors.
    kinds: Vec<Kind>,
    /// The tables that they read, or need items of, and how far back.
    tables: BTreeMap<&'static str, TimeDelta>,
    /// How far ahead.
    ahead: TimeDelta,
    /// How far back the history is read; zero when it is not.
    history: TimeDelta,
}

impl Wanted {
    /// What these rules want.
    pub(super) fn by<'a>(rules: impl Iterator<Item = &'a Compiled> + Clone) -> Self {
        let mut columns: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (table, read) in rules.clone().flat_map(|rule| &rule.columns) {
            columns.entry(table.clone()).or_default().extend(read.iter().cloned());
        }
        let headers = rules.map(|rule| &rule.rule.header);
        let items = |table: Table, name: &str| {
            let needs = headers.clone().flat_map(|header| &header.needed);
            let mut of = needs::columns(table, needs);
            of.extend(["event_id", "revision"].map(ToOwned::to_owned));
            let read = columns.get(name).into_iter().flatten().map(String::as_str);
            of.extend(rows::sources(read).map(ToOwned::to_owned));
            of.sort();
            of.dedup();
            of
        };
        let (lines, tenders) = (items(Table::Lines, "lines"), items(Table::Tenders, "tenders"));
        let mut wanted = Self { lines, tenders, columns, ..Self::default() };
        for header in headers {
            wanted.kinds.extend(header.anchor.iter().filter(|kind| !wanted.kinds.contains(kind)).collect::<Vec<_>>());
            wanted.ahead = wanted.ahead.max(TimeDelta::seconds(header.lookahead_seconds));
            wanted.history = wanted.history.max(header.history());
            for table in ["pos", "lines", "tenders", "presence"] {
                let reads = header.reads.iter().any(|read| read == table);
                if !reads && !header.needed.iter().any(|need| need.is_about(table)) {
                    continue;
                }
                let mut back = if reads { TimeDelta::seconds(header.lookback_seconds) } else { TimeDelta::zero() };
                if table == "presence" {
                    back += TimeDelta::seconds(header.longest_seconds) + SLACK;
                }
                let known = wanted.tables.entry(table).or_default();
                *known = (*known).max(back);
            }
        }
        wanted
    }

    /// The span in which a table is read for the anchors of another, and the kinds of transaction: none named are all.
    fn of(&self, table: &str, span: TimeSpan) -> Option<(TimeSpan, &[Kind])> {
        let back = *self.tables.get(table)?;
        let ahead = if table == "presence" { SLACK } else { self.ahead };
        // What lies around anchors is of any kind.
        let kinds = if back.is_zero() && ahead.is_zero() { &self.kinds[..] } else { &[] };
        Some((TimeSpan::new(span.start() - back, span.end() + ahead).unwrap_or(span), kinds))
    }
}

/// What was archived.
#[derive(Debug)]
pub(super) struct Chunk {
    /// The transactions of the span that may be anchors, in their highest revision.
    pub(super) anchors: Anchors,
    /// The rows of the tables that rules read, those around the span included.
    pub(super) tables: BTreeMap<&'static str, RecordBatch>,
    /// How many tiles.
    pub(super) tiles: usize,
    spans: Option<Spans>,
    /// The rare events of the span and of the time before it that rules look back at.
    past: Events,
    /// Transactions, lines and tenders as the lake has them.
    raw: [RecordBatch; 3],
}

impl Chunk {
    /// Reads it.
    ///
    /// # Errors
    /// As [`History::scan`].
    pub(super) async fn read(
        history: &History,
        known: &Known,
        stores: &[StoreKey],
        span: TimeSpan,
        (wanted, settings): (&Wanted, &Settings),
    ) -> Result<Self, Error> {
        let pick = async |table: Table, around: Option<(TimeSpan, &[Kind])>, columns: &[&str]| match around {
            Some((span, kinds)) => {
                let stores = Some(stores);
                history.pick(table, Picked { stores, span, columns, kinds, corrections: false }).await
            }
            None => Ok(RecordBatch::new_empty(table.schema())),
        };
        // Anchors are read whatever rules say.
        let around = wanted.of("pos", span).unwrap_or((span, &wanted.kinds[..]));
        let transactions = pick(Table::Transactions, Some(around), &[]).await?;
        fn names(columns: &[String]) -> Vec<&str> {
            columns.iter().map(String::as_str).collect()
        }
        let lines = pick(Table::Lines, wanted.of("lines", span), &names(&wanted.lines)).await?;
        let tenders = pick(Table::Tenders, wanted.of("tenders", span), &names(&wanted.tenders)).await?;
        let tiles = match wanted.of("presence", span) {
            Some(around) => Some(pick(Table::Presence, Some(around), presence::COLUMNS).await?),
            None => None,
        };
        let mut past = Events::new(history::WEEK);
        if !wanted.history.is_zero() {
            let around = TimeSpan::new(span.start() - wanted.history, span.end() + AROUND).unwrap_or(span);
            for posted in history.rare(history::RARE_KINDS, around, Some(stores)).await? {
                past.add(Event { logged_at: posted.header.received_at, posted: Arc::new(posted) });
            }
        }
        let raw = [transactions, lines, tenders];
        Self::of(known, span, (wanted, settings), raw, tiles.as_ref(), past).map_err(Error::columns)
    }

    fn of(
        known: &Known,
        span: TimeSpan,
        (wanted, settings): (&Wanted, &Settings),
        raw: [RecordBatch; 3],
        tiles: Option<&RecordBatch>,
        mut past: Events,
    ) -> Result<Self, ArrowError> {
        let [transactions, lines, tenders] = raw;
        let raw = [known.highest(transactions)?, known.highest(lines)?, known.highest(tenders)?];
        let mut tables = BTreeMap::new();
        let none = BTreeSet::new();
        for (table, rows) in ["pos", "lines", "tenders"].into_iter().zip(&raw) {
            if let Some(read) = wanted.columns.get(table)
                && let Some(schema) = tables::archived(table)
            {
                let mut sources: Vec<usize> = Vec::new();
                for name in rows::sources(read.iter().map(String::as_str)).chain(["event_id"]) {
                    sources.push(rows.schema().index_of(name)?);
                }
                sources.sort_unstable();
                sources.dedup();
                tables.insert(table, rows::of(&schema, read, &known.standing(&rows.project(&sources)?)?)?);
            }
        }
        let spans = tiles.map(Spans::of).transpose()?;
        if let Some(spans) = &spans {
            tables.insert("presence", spans.rows.clone());
        }
        if let Some(schema) = tables::archived("history").filter(|_| !wanted.history.is_zero()) {
            let rows = past.rows("history", i64::MIN, i64::MAX)?;
            tables.insert("history", concat_batches(&schema, &rows)?);
        }
        let [transactions, ..] = &raw;
        let anchors = filter_record_batch(transactions, &anchors(transactions, span, &wanted.kinds)?)?;
        let anchors = Anchors::of(anchors, wanted.columns.get("anchor").unwrap_or(&none), known, settings)?;
        Ok(Self { anchors, tables, tiles: tiles.map_or(0, RecordBatch::num_rows), spans, past, raw })
    }

    /// Up to when a zone has spoken.
    pub(super) fn spoken(&self, store: &StoreKey, zone: &ZoneId) -> Option<i64> {
        self.spans.as_ref()?.ends.get(&(store.clone(), zone.as_str().to_owned())).copied()
    }

    /// Anchors, and what is known of their items, for what rules need.
    pub(super) fn records(&self) -> Records<'_> {
        let [_, lines, tenders] = &self.raw;
        Records { transactions: &self.anchors.raw, lines, tenders }
    }

    /// Some transactions as records, without their items.
    ///
    /// # Errors
    /// [`ArrowError`] when the lake lacks a column.
    pub(super) fn transactions_of(
        &self,
        ids: &HashSet<Uuid>,
    ) -> Result<BTreeMap<Uuid, Arc<PostedTransaction>>, ArrowError> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let texts: HashSet<String> = ids.iter().map(Uuid::to_string).collect();
        let [transactions, ..] = &self.raw;
        let ours = column(transactions, "event_id")?.as_string::<i32>().iter();
        let ours: BooleanArray = ours.map(|id| Some(id.is_some_and(|id| texts.contains(id)))).collect();
        let found = posted(&filter_record_batch(transactions, &ours)?)?;
        let past = ids.iter().filter_map(|id| Some((*id, Arc::clone(&self.past.get(*id)?.posted))));
        let found = found.into_iter().map(|posted| (posted.header.event_id, Arc::new(posted)));
        Ok(past.chain(found).collect())
    }
}

/// Transactions as records, without their items: neither judgements nor alerts say anything about those.
pub(super) fn posted(rows: &RecordBatch) -> Result<Vec<PostedTransaction>, ArrowError> {
    let none = |table: Table| RecordBatch::new_empty(table.schema());
    transactions_of(rows, &none(Table::Lines), &none(Table::Tenders))
}

/// Which transactions lie in a span and are of these kinds.
fn anchors(rows: &RecordBatch, span: TimeSpan, kinds: &[Kind]) -> Result<BooleanArray, ArrowError> {
    let times = column(rows, "event_time")?.as_primitive::<TimestampMicrosecondType>().values();
    let within = span.start().timestamp_micros()..span.end().timestamp_micros();
    let of = column(rows, "kind")?.as_string::<i32>();
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    Ok(of.iter().zip(times).map(|(kind, at)| Some(within.contains(at) && kinds.contains(&kind?))).collect())
}

/// What lies near an anchor of a store.
pub(super) struct Nearby<'a> {
    pub(super) chunk: &'a Chunk,
    pub(super) store: &'a StoreKey,
    pub(super) members: &'a BTreeMap<Uuid, Arc<PostedTransaction>>,
}

impl Near for Nearby<'_> {
    fn transaction(&self, id: Uuid) -> Option<Arc<PostedTransaction>> {
        self.members.get(&id).cloned()
    }

    fn spans(&self, of: &Range<i64>) -> Vec<Span> {
        let Some(spans) = &self.chunk.spans else { return Vec::new() };
        let span = |place: usize| {
            let text = |name| spans.text(name, place);
            Some(Span {
                zone: text("zone_id")?.parse().ok()?,
                kind: text("zone_kind")?.parse().ok()?,
                register: text("register_id").and_then(|id| id.parse().ok()),
                start_us: spans.long("start_us", place),
                end_us: spans.long("end_us", place),
                state: text("state")?.parse().ok()?,
                blind: text("blind").and_then(|code| code.parse().ok()),
                source: text("source")?.parse().ok()?,
            })
        };
        spans.overlapping(self.store, of).into_iter().filter_map(span).collect()
    }
}
