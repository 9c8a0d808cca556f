//! Back-tests: the rules over what was archived, by the engine that judges live.
//!
//! Archived records are handed to [`Engine`] in the order of their arrival, as the log handed them out. So the same text
//! of a rule comes to the same judgements, live and over history; [`Backtest::differs`] shows where it does not, which is
//! what a changed rule would change.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::judgement::{Judgement, Outcome};
use tillsight_schemas::port::{Judged, LogRecord};
use tillsight_schemas::wire::avro;
use tillsight_schemas::{ReplayClock, TimeSpan, topic};
use uuid::Uuid;

use crate::engine::{Engine, EngineError, MemoryStore, ScriptedLog, Settings};
use crate::lake::History;
use crate::rule::Rule;

/// How much before a span is read: what rules look back to, and what the estimate of a register's clock grew from.
const BEFORE: TimeDelta = TimeDelta::hours(25);
/// How much after it: what rules look ahead to, and what a register's clock may be off.
const AFTER: TimeDelta = TimeDelta::hours(1);
/// Records that the engine is given at once.
const AT_ONCE: usize = 2_000;

/// Why a back-test did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum BacktestError {
    /// The lake cannot be read.
    #[error(transparent)]
    Lake(#[from] crate::Error),
    /// The engine gave up.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Archived records cannot be written as the log has them, which is a defect.
    #[error("archived records do not become records of the log")]
    Records(#[from] arrow::error::ArrowError),
    /// The span lies beyond the calendar.
    #[error("the span lies beyond the calendar")]
    Span,
}

/// What a back-test of one store came to.
#[derive(Debug, Clone, Default)]
pub struct Backtest {
    /// The last word about every anchor of the span, with its alert where one was raised.
    pub judged: Vec<Judged>,
    /// What was said live about the same span, by the rules that were tested.
    pub live: Vec<Judgement>,
    /// How many transactions were read, those around the span included.
    pub transactions: usize,
    /// How many tiles of presence.
    pub tiles: usize,
}

/// A judgement that came out otherwise than live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What is judged now; `None`: live judged an anchor that the back-test does not.
    pub now: Option<Judgement>,
    /// What was judged live; `None`: live did not judge it.
    pub live: Option<Judgement>,
}

/// What was archived of a store in a span and around it, in the order of its arrival.
#[derive(Debug, Clone)]
pub struct Past {
    span: TimeSpan,
    records: Vec<LogRecord>,
    began: DateTime<Utc>,
    transactions: usize,
    tiles: usize,
}

impl Past {
    /// Reads it.
    ///
    /// # Errors
    /// [`BacktestError`].
    pub async fn read(history: &History, store: &StoreKey, span: TimeSpan) -> Result<Self, BacktestError> {
        let stores = std::slice::from_ref(store);
        let begin = span.start().checked_sub_signed(BEFORE).ok_or(BacktestError::Span)?;
        let end = span.end().checked_add_signed(AFTER).ok_or(BacktestError::Span)?;
        let around = TimeSpan::new(begin, end).map_err(|_| BacktestError::Span)?;
        let mut transactions = history.transactions(around, stores).await?;
        let mut tiles = history.tiles(around, stores).await?;
        let mut arrivals: Vec<(DateTime<Utc>, LogRecord)> = Vec::with_capacity(transactions.len() + tiles.len());
        let (number_of_transactions, number_of_tiles) = (transactions.len(), tiles.len());
        transactions.sort_by_key(|posted| (posted.header.received_at, posted.header.landing_offset));
        for ((posted, value), offset) in transactions.iter().zip(avro::encode(&transactions)?).zip(0..) {
            let at = posted.header.received_at;
            arrivals.push((at, ScriptedLog::record(topic::POS_TRANSACTION, offset, at, value)));
        }
        tiles.sort_by_key(|(logged, tile)| (*logged, tile.start_at));
        let (logged, tiles): (Vec<i64>, Vec<_>) = tiles.into_iter().unzip();
        for ((logged, value), offset) in logged.into_iter().zip(avro::encode(&tiles)?).zip(0..) {
            let at = DateTime::from_timestamp_micros(logged).ok_or(BacktestError::Span)?;
            arrivals.push((at, ScriptedLog::record(topic::CAM_PRESENCE, offset, at, value)));
        }
        arrivals.sort_by_key(|(at, record)| (*at, record.offset));
        Ok(Self {
            span,
            began: arrivals.first().map_or(begin, |(at, _)| *at),
            records: arrivals.into_iter().map(|(_, record)| record).collect(),
            transactions: number_of_transactions,
            tiles: number_of_tiles,
        })
    }

    /// The last word of some rules about every anchor of the span, by time.
    ///
    /// # Errors
    /// [`BacktestError::Engine`].
    pub async fn judge(&self, rules: Vec<Rule>, settings: Settings) -> Result<Vec<Judged>, BacktestError> {
        let (_, kept) = self.judged(rules, settings).await?;
        let mut judged = kept.judged();
        judged.retain(|one| self.span.contains(one.judgement.event_time));
        judged.sort_by_key(|one| (one.judgement.event_time, one.judgement.judgement_id));
        Ok(judged)
    }

    /// An engine that has judged it, and remembers its end.
    ///
    /// # Errors
    /// [`BacktestError::Engine`].
    pub(crate) async fn remembered(&self, rules: Vec<Rule>, settings: Settings) -> Result<Engine, BacktestError> {
        Ok(self.judged(rules, settings).await?.0)
    }

    async fn judged(&self, rules: Vec<Rule>, settings: Settings) -> Result<(Engine, MemoryStore), BacktestError> {
        let clock = ReplayClock::at(self.began);
        let max_wait = settings.max_wait;
        let log = ScriptedLog::new(self.records.clone(), AT_ONCE, clock.clone());
        let kept = MemoryStore::default();
        let source = Box::new(log.clone());
        let mut engine = Engine::open(settings, rules, source, Arc::new(kept.clone()), Arc::new(clock.clone())).await?;
        while !log.is_finished() {
            engine.step(Duration::ZERO).await?;
        }
        // What waits for a zone that never came is judged without it.
        clock.advance(max_wait + TimeDelta::seconds(1));
        engine.step(Duration::ZERO).await?;
        Ok((engine, kept))
    }
}

impl Backtest {
    /// Judges the anchors of a store in a span.
    ///
    /// # Errors
    /// [`BacktestError`].
    pub async fn run(
        history: &History,
        rules: Vec<Rule>,
        settings: Settings,
        store: &StoreKey,
        span: TimeSpan,
    ) -> Result<Self, BacktestError> {
        let ids: Vec<_> = rules.iter().map(|rule| rule.header.id.clone()).collect();
        let mut live = history.judgements(span, std::slice::from_ref(store)).await?;
        live.retain(|judgement| ids.contains(&judgement.rule_id));
        let past = Past::read(history, store, span).await?;
        let judged = past.judge(rules, settings).await?;
        Ok(Self { judged, live, transactions: past.transactions, tiles: past.tiles })
    }

    /// How often each rule came to each outcome.
    pub fn counts(&self) -> BTreeMap<(String, Outcome), usize> {
        let mut counts = BTreeMap::new();
        for one in &self.judged {
            *counts.entry((one.judgement.rule_id.to_string(), one.judgement.outcome)).or_default() += 1;
        }
        counts
    }

    /// What came out otherwise than live. Where a rule has another major version, its judgements have other ids: all of
    /// them differ.
    pub fn differs(&self) -> Vec<Difference> {
        let live: BTreeMap<Uuid, &Judgement> = self.live.iter().map(|one| (one.judgement_id, one)).collect();
        let now: BTreeMap<Uuid, &Judgement> =
            self.judged.iter().map(|one| (one.judgement.judgement_id, &one.judgement)).collect();
        let changed = now.iter().filter_map(|(id, now)| {
            let before = live.get(id);
            let same = before.is_some_and(|before| (before.outcome, &before.why) == (now.outcome, &now.why));
            (!same).then(|| Difference { now: Some((*now).clone()), live: before.map(|before| (*before).clone()) })
        });
        let gone = live.iter().filter(|(id, _)| !now.contains_key(id));
        changed.chain(gone.map(|(_, live)| Difference { now: None, live: Some((*live).clone()) })).collect()
    }
}
