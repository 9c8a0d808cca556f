//! Back-tests: what rules make of the days that were archived, and what of it is otherwise than it was said before.
//!
//! The text of a rule is the one that judges live; the columns of the lake go through it a piece at a time
//! ([`crate::engine::Lane`](crate::engine)), so that memory stays bounded whatever the span is. [`Piece::differs`] shows
//! what a changed rule would change.

mod difference;
mod past;

use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::TimeSpan;
use tillsight_schemas::id::{RuleId, StoreKey};
use tillsight_schemas::judgement::{Judgement, Outcome};
use tillsight_schemas::port::Judged;

pub use difference::Difference;
pub(crate) use past::Past;

use crate::engine::{EngineError, Known, Lane, Settings};
use crate::lake::History;
use crate::lake::table::store_bucket;
use crate::rule::Rule;

/// So many stores are read together at most.
const STORES: usize = 8;
/// A piece has about so many days of stores: a tenth of the whole, so that progress is seen, but no fewer than are worth the
/// opening of files, and no more than memory is for.
const STORE_DAYS: RangeInclusive<i64> = 64..=248;

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

/// A back-test that is under way.
#[derive(Debug)]
pub struct Backtest<'a> {
    history: &'a History,
    lane: Lane,
    rules: Vec<RuleId>,
    groups: VecDeque<Group>,
    known: Option<Arc<Known>>,
    /// How many days of stores a piece has.
    piece: i64,
    done: i64,
    all: i64,
}

/// Stores that are read together, and what of their span is still to be judged.
#[derive(Debug)]
struct Group {
    stores: Vec<(StoreKey, TimeSpan)>,
    whole: TimeSpan,
    next: DateTime<Utc>,
}

/// What rules came to in a part of a back-test.
#[derive(Debug, Clone, Default)]
pub struct Piece {
    /// The last word about every anchor, with its alert where one was raised, by time.
    pub judged: Vec<Judged>,
    /// What was said live about the same events, by the rules that were tested.
    pub live: Vec<Judgement>,
    /// How many transactions were read.
    pub transactions: usize,
    /// How many tiles of presence.
    pub tiles: usize,
    /// How long each rule computed.
    pub cost: BTreeMap<RuleId, Duration>,
    /// How many bytes each rule read: those of the columns that its SQL names.
    pub bytes: BTreeMap<RuleId, u64>,
    /// Which part of the back-test is done with it: 1 at its end.
    pub done: f64,
}

impl<'a> Backtest<'a> {
    /// Begins one over some stores, each with the span whose events are judged.
    ///
    /// # Errors
    /// [`BacktestError::Engine`] when a rule cannot be planned.
    pub async fn begin(
        history: &'a History,
        rules: Vec<Rule>,
        settings: Settings,
        mut stores: Vec<(StoreKey, TimeSpan)>,
    ) -> Result<Self, BacktestError> {
        let ids = rules.iter().map(|rule| rule.header.id.clone()).collect();
        let lane = Lane::new(rules, settings).await?;
        // Stores of a bucket lie in the same files.
        stores.sort_by_cached_key(|(store, _)| {
            (store_bucket(store.tenant.as_str(), store.store.as_str()), store.clone())
        });
        let groups: VecDeque<Group> = stores.chunks(STORES).filter_map(Group::of).collect();
        let all: i64 = groups.iter().map(|group| group.weight(group.whole)).sum();
        let tenth = all / TimeDelta::days(10).num_seconds();
        let piece = tenth.clamp(*STORE_DAYS.start(), *STORE_DAYS.end());
        Ok(Self { history, lane, rules: ids, groups, known: None, piece, done: 0, all })
    }

    /// Judges the next piece; `None` at the end.
    ///
    /// # Errors
    /// [`BacktestError`].
    pub async fn next(&mut self) -> Result<Option<Piece>, BacktestError> {
        let Some(group) = self.groups.front_mut() else { return Ok(None) };
        let stores: Vec<StoreKey> = group.stores.iter().map(|(store, _)| store.clone()).collect();
        let known = match self.known.take() {
            Some(known) => known,
            None => Arc::new(Known::read(self.history, &stores, group.whole).await?),
        };
        let span = group.cut(self.piece).ok_or(BacktestError::Span)?;
        let within = |judgement: &Judgement| {
            let of = |(store, span): &(StoreKey, TimeSpan)| {
                store.tenant == judgement.tenant_id
                    && store.store == judgement.store_id
                    && span.contains(judgement.event_time)
            };
            group.stores.iter().any(of)
        };
        let found = self.lane.judge(self.history, &known, &stores, span).await?;
        let mut live = self.history.judgements(span, &stores, &self.rules).await?;
        live.retain(within);
        let mut judged = found.judged;
        judged.retain(|one| within(&one.judgement));
        judged.sort_by_key(|one| (one.judgement.event_time, one.judgement.judgement_id));
        self.done += group.weight(span);
        let transactions = known.transactions_in(span);
        if group.next >= group.whole.end() {
            self.groups.pop_front();
        } else {
            self.known = Some(known);
        }
        Ok(Some(Piece {
            judged,
            live,
            transactions,
            tiles: found.tiles,
            cost: found.cost,
            bytes: found.bytes,
            done: share(self.done, self.all),
        }))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a part for people")]
fn share(done: i64, all: i64) -> f64 {
    if all == 0 { 1.0 } else { done as f64 / all as f64 }
}

impl Group {
    fn of(stores: &[(StoreKey, TimeSpan)]) -> Option<Self> {
        let start = stores.iter().map(|(_, span)| span.start()).min()?;
        let end = stores.iter().map(|(_, span)| span.end()).max()?;
        let whole = TimeSpan::new(start, end).ok()?;
        Some(Self { stores: stores.to_vec(), whole, next: start })
    }

    /// Takes the next piece off the rest, of so many days of stores.
    fn cut(&mut self, store_days: i64) -> Option<TimeSpan> {
        let stores = i64::try_from(self.stores.len()).ok()?.max(1);
        let until = self.next.checked_add_signed(TimeDelta::days((store_days / stores).max(1)))?;
        let piece = TimeSpan::new(self.next, until.min(self.whole.end())).ok()?;
        self.next = piece.end();
        Some(piece)
    }

    /// How much work a span of it is about, in seconds of a store.
    fn weight(&self, span: TimeSpan) -> i64 {
        (span.end() - span.start()).num_seconds() * i64::try_from(self.stores.len()).unwrap_or(1)
    }
}

impl Piece {
    /// How often each rule came to each outcome.
    pub fn counts(&self) -> BTreeMap<(RuleId, Outcome), usize> {
        let mut counts = BTreeMap::new();
        for one in &self.judged {
            *counts.entry((one.judgement.rule_id.clone(), one.judgement.outcome)).or_default() += 1;
        }
        counts
    }

    /// What came out otherwise than live.
    pub fn differs(&self) -> Vec<Difference> {
        let now = self.judged.iter().map(|one| &one.judgement);
        Difference::between(self.live.iter(), now)
    }
}
