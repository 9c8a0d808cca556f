//! [`Lane`]: the rules over archived rows, a [`Chunk`] at a time, for back-tests.
//!
//! Live, records pass one by one and anchors wait until they are complete. What was archived is complete: so the lane takes
//! the columns of the lake as they are, lets every rule judge all anchors of a chunk in one run of the same SQL, and makes
//! records of anchors only. What comes out is what the engine ends with when it is given the same records in the order of
//! their arrival (`tests/it/rules.rs` compares the two), but for events that came more than a day late: the engine has
//! forgotten what was around them, and the lake has not.
//!
//! Whatever a chunk is, the judgements are the same: clocks and corrections ([`Known`]) are read over the whole span before.

mod chunk;
mod known;
mod presence;
mod rows;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::TimeSpan;
use tillsight_schemas::id::{RuleId, StoreKey};
use tillsight_schemas::judgement::Outcome;
use tillsight_schemas::port::Judged;
use tillsight_schemas::pos::PostedTransaction;
use uuid::Uuid;

use super::around::{self, Ready};
use super::judge::{self, news, said};
use super::plan::Compiled;
use super::verdict::{self, Circumstances, Row};
use super::{EngineError, Settings};
use crate::backtest::BacktestError;
use crate::lake::History;
use crate::rule::{Header, Rule};
use chunk::{Chunk, Wanted};
pub(crate) use known::Known;

/// Anchors whose record arrived so much later than they happened wait for nothing more.
const HISTORY: TimeDelta = TimeDelta::hours(24);

/// Rules that judge chunks of history.
#[derive(Debug)]
pub(crate) struct Lane {
    settings: Settings,
    rules: Vec<Compiled>,
    wanted: Wanted,
}

/// What was judged in a chunk, and of how much.
#[derive(Debug, Default)]
pub(crate) struct Judgements {
    pub(crate) judged: Vec<Judged>,
    /// Tiles of presence that were read.
    pub(crate) tiles: usize,
    /// How long each rule computed.
    pub(crate) cost: BTreeMap<RuleId, Duration>,
}

impl Lane {
    /// Plans the rules.
    ///
    /// # Errors
    /// [`EngineError::Rule`].
    pub(crate) async fn new(rules: Vec<Rule>, settings: Settings) -> Result<Self, EngineError> {
        let mut compiled = Vec::with_capacity(rules.len());
        for rule in rules {
            compiled.push(Compiled::new(rule).await?);
        }
        let wanted = Wanted::by(compiled.iter().map(|rule| &rule.rule.header));
        Ok(Self { settings, rules: compiled, wanted })
    }

    /// Judges the anchors of some stores in a span.
    ///
    /// # Errors
    /// [`BacktestError`].
    pub(crate) async fn judge(
        &self,
        history: &History,
        known: &Known,
        stores: &[StoreKey],
        span: TimeSpan,
    ) -> Result<Judgements, BacktestError> {
        let chunk = Chunk::read(history, known, stores, span, &self.wanted).await?;
        let anchors = self.anchors(known, &chunk);
        let mut all = Judgements { tiles: chunk.tiles, ..Judgements::default() };
        for rule in &self.rules {
            let began = Instant::now();
            all.judged.extend(self.by(rule, known, &chunk, &anchors).await?);
            *all.cost.entry(rule.rule.header.id.clone()).or_default() += began.elapsed();
        }
        Ok(all)
    }

    /// The anchors of a chunk, each with its store.
    fn anchors(&self, known: &Known, chunk: &Chunk) -> Vec<Anchored> {
        let anchored = chunk.anchors.iter().map(|posted| {
            let store = StoreKey::new(posted.header.tenant_id.clone(), posted.transaction.store_id.clone());
            let anchor = judge::anchor(&self.settings, &known.clocks, posted, &store);
            Anchored { store, anchor }
        });
        anchored.collect()
    }

    async fn by(
        &self,
        rule: &Compiled,
        known: &Known,
        chunk: &Chunk,
        anchors: &[Anchored],
    ) -> Result<Vec<Judged>, EngineError> {
        let header = &rule.rule.header;
        let ready: Vec<Ready> = anchors
            .iter()
            .filter(|one| header.anchor.contains(&one.anchor.posted.transaction.kind))
            .map(|one| self.ready(header, chunk, one))
            .collect();
        if ready.is_empty() {
            return Ok(Vec::new());
        }
        let mut rows = around::rows(&mut Sight { known, chunk }, rule, &ready).await?;
        let said: Vec<(&Ready, Row)> =
            ready.iter().filter_map(|ready| Some((ready, said(header, ready, rows.remove(&ready.item.1))?))).collect();
        let fired = said.iter().filter(|(_, row)| row.outcome == Outcome::Fired);
        let members: HashSet<Uuid> = fired.flat_map(|(_, row)| row.members.iter().copied()).collect();
        let members: BTreeMap<Uuid, Arc<PostedTransaction>> = chunk.transactions_of(&members)?;
        let judged = said.iter().filter_map(|(ready, row)| {
            let near = chunk::Nearby { chunk, store: &ready.store, members: &members };
            let around = Circumstances {
                header,
                anchor: &ready.anchor,
                near: &near,
                cameras: self.settings.cameras_of(&ready.store, &ready.anchor.posted),
                provisional: ready.provisional,
                logged_at: ready.logged_at,
                now: ready.logged_at,
            };
            news(&around, row, None)
        });
        Ok(judged.collect())
    }

    fn ready(&self, header: &Header, chunk: &Chunk, one: &Anchored) -> Ready {
        let posted = &one.anchor.posted;
        let mut anchor = one.anchor.clone();
        anchor.numbers = self.settings.adjusted.numbers(header, &one.store, posted.header.event_time);
        let left_out = self.settings.adjusted.left_out(header, &one.store, posted);
        let logged_at = posted.header.received_at;
        let provisional = !header.watched.is_empty() && {
            let until = verdict::looked(header, &anchor).end;
            let zones = self.settings.zones_of(&one.store, posted, &header.watched);
            let behind = zones.iter().any(|zone| chunk.spoken(&one.store, zone).is_none_or(|end| end < until));
            behind && logged_at - instant(until) <= HISTORY
        };
        Ready { item: (0, posted.header.event_id), store: one.store.clone(), anchor, provisional, logged_at, left_out }
    }
}

/// An anchor and its store.
struct Anchored {
    store: StoreKey,
    anchor: super::tables::Anchor,
}

/// What a rule sees of a chunk.
struct Sight<'a> {
    known: &'a Known,
    chunk: &'a Chunk,
}

impl around::Around for Sight<'_> {
    fn is_replaced(&self, _: &StoreKey, id: Uuid) -> bool {
        self.known.is_replaced(id)
    }

    fn window(&mut self, header: &Header, judged: &[&Ready]) -> Result<super::plan::Window, EngineError> {
        let mut window = around::of_anchors(header, judged)?;
        for (table, rows) in &self.chunk.tables {
            if header.reads.iter().any(|read| read == table) {
                window.0.insert(table, vec![rows.clone()]);
            }
        }
        Ok(window)
    }
}

fn instant(us: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(us).unwrap_or_default()
}
