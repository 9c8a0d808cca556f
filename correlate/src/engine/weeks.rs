//! How the engine comes to know the history of its stores, and how it keeps it small: it is taken from the lake at the start, grows
//! with what the log says, and loses its oldest days where there is no room for more.
//!
//! Records that the lake has already and the engine has not read yet do no harm: what a rule sees ends with its anchor, and the
//! record brings back the anchors that it touches when it is read.

use chrono::TimeDelta;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::pos::PostedTransaction;
use tillsight_schemas::{TimeSpan, metric};

use super::around::Memories;
use super::history::RARE_KINDS;
use super::memory::Memory;
use super::{Engine, LATE_ALLOWED};
use crate::error::Error;
use crate::lake::History;

/// How much more of the history is taken from the lake than rules look back: what is remembered of everything, and a week
/// for tills that are behind.
const RECALLED: TimeDelta = TimeDelta::days(9);

impl Engine {
    /// Takes in what the lake has of what rules read in the history: the log is read again from two days back only. It comes
    /// before the first step, and judges nothing.
    ///
    /// # Errors
    /// [`Error`] when the lake cannot be read: then the history is what the log says from now on.
    pub async fn read_history(&mut self, lake: &History) -> Result<(), Error> {
        let until = self.clock.now() + LATE_ALLOWED;
        let Ok(span) = TimeSpan::new(until - self.reads_back - RECALLED, until) else { return Ok(()) };
        if !self.reads_back.is_zero() {
            self.remember(lake.rare(RARE_KINDS, span, None).await?);
        }
        Ok(())
    }

    /// Takes transactions into the history.
    pub(crate) fn remember(&mut self, past: Vec<PostedTransaction>) {
        for posted in past {
            let store = StoreKey::new(posted.header.tenant_id.clone(), posted.transaction.store_id.clone());
            let logged_at = posted.header.received_at;
            memory(&mut self.memories, self.reads_back, &store).recall(&posted, logged_at);
        }
    }

    /// Forgets the oldest day of the history where it has grown beyond its bound.
    pub(super) fn make_room(&mut self) {
        let of_all = |memories: &Memories| memories.values().map(|memory| memory.past().0).sum::<usize>();
        let before = of_all(&self.memories);
        let Some(first) = self.memories.values().filter_map(|memory| memory.past().1).min() else { return };
        if before <= self.settings.history_events {
            return;
        }
        for memory in self.memories.values_mut() {
            memory.shorten(first + 86_400_000_000);
        }
        let forgotten = before - of_all(&self.memories);
        metrics::counter!(metric::ENGINE_HISTORY_FORGOTTEN).increment(u64::try_from(forgotten).unwrap_or_default());
        tracing::warn!(
            forgotten,
            "a day of the history is forgotten for want of room: rules that look back for long see less"
        );
    }
}

/// What is remembered of a store.
pub(super) fn memory<'a>(memories: &'a mut Memories, reads_back: TimeDelta, store: &StoreKey) -> &'a mut Memory {
    let past_us = reads_back.num_microseconds().unwrap_or(i64::MAX);
    memories.entry(store.clone()).or_insert_with(|| Memory::new(past_us))
}
