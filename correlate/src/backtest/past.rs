//! [`Past`]: archived records in the order of their arrival, as the log handed them out, for the engine that judges live.
//!
//! It is for whoever asks about one event among all that was around it ([`crate::why`]); what rules make of many days is
//! [`super::Backtest`].

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::port::LogRecord;
use tillsight_schemas::pos::PostedTransaction;
use tillsight_schemas::wire::avro;
use tillsight_schemas::{ReplayClock, TimeSpan, topic};

use super::BacktestError;
use crate::engine::{Engine, MemoryStore, RARE_KINDS, ScriptedLog, Settings};
use crate::lake::History;
use crate::rule::Rule;

/// How much before a span is read: what rules look back to, and what the estimate of a register's clock grew from.
const BEFORE: TimeDelta = TimeDelta::hours(25);
/// How much after it: what rules look ahead to, and what a register's clock may be off.
const AFTER: TimeDelta = TimeDelta::hours(1);
/// Records that the engine is given at once.
const AT_ONCE: usize = 2_000;

/// What was archived of a store in a span and around it, in the order of its arrival.
#[derive(Debug, Clone)]
pub(crate) struct Past {
    records: Vec<LogRecord>,
    /// What rules read in the history.
    rare: Vec<PostedTransaction>,
    began: DateTime<Utc>,
}

impl Past {
    /// Reads it, and of the history as much as rules look back at.
    ///
    /// # Errors
    /// [`BacktestError`].
    pub(crate) async fn read(
        history: &History,
        store: &StoreKey,
        span: TimeSpan,
        back: TimeDelta,
    ) -> Result<Self, BacktestError> {
        let stores = std::slice::from_ref(store);
        let begin = span.start().checked_sub_signed(BEFORE).ok_or(BacktestError::Span)?;
        let end = span.end().checked_add_signed(AFTER).ok_or(BacktestError::Span)?;
        let around = TimeSpan::new(begin, end).map_err(|_| BacktestError::Span)?;
        let mut rare = Vec::new();
        if !back.is_zero() {
            let long = TimeSpan::new(begin - back, end).map_err(|_| BacktestError::Span)?;
            rare = history.rare(RARE_KINDS, long, Some(stores)).await?;
        }
        let mut transactions = history.transactions(around, stores).await?;
        let mut tiles = history.tiles(around, stores).await?;
        let mut arrivals: Vec<(DateTime<Utc>, LogRecord)> = Vec::with_capacity(transactions.len() + tiles.len());
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
            began: arrivals.first().map_or(begin, |(at, _)| *at),
            records: arrivals.into_iter().map(|(_, record)| record).collect(),
            rare,
        })
    }

    /// An engine that has judged it, and remembers its end.
    ///
    /// # Errors
    /// [`BacktestError::Engine`].
    pub(crate) async fn remembered(&self, rules: Vec<Rule>, settings: Settings) -> Result<Engine, BacktestError> {
        let clock = ReplayClock::at(self.began);
        let max_wait = settings.max_wait;
        let log = ScriptedLog::new(self.records.clone(), AT_ONCE, clock.clone());
        let kept = MemoryStore::default();
        let source = Box::new(log.clone());
        let mut engine = Engine::open(settings, rules, source, Arc::new(kept), Arc::new(clock.clone())).await?;
        engine.remember(self.rare.clone());
        while !log.is_finished() {
            engine.step(Duration::ZERO).await?;
        }
        // What waits for a zone that never came is judged without it.
        clock.advance(max_wait + TimeDelta::seconds(1));
        engine.step(Duration::ZERO).await?;
        Ok(engine)
    }
}
