//! [`Engine::ask`]: what a rule says about one event that is remembered, with the numbers that held or with others.

use std::sync::Arc;

use tillsight_schemas::id::StoreKey;
use tillsight_schemas::judgement::Outcome;
use tillsight_schemas::pos::PostedTransaction;
use uuid::Uuid;

use super::around::{Ready, rows};
use super::judge::{NO_MATCH, said};
use super::verdict::Row;
use super::{Engine, EngineError};
use crate::rule::Params;

/// What the first rule says about an event.
pub(crate) struct Asked {
    /// The event.
    pub(crate) anchor: Arc<PostedTransaction>,
    /// The numbers with which it was judged, in the order of the rule's.
    pub(crate) numbers: Vec<i64>,
    pub(crate) row: Row,
}

impl Engine {
    /// Asks the first rule. `None` when the event is not remembered.
    pub(crate) async fn ask(
        &mut self,
        store: &StoreKey,
        event: Uuid,
        numbers: Option<Params>,
    ) -> Result<Option<Asked>, EngineError> {
        let Some(rule) = self.rules.first() else { return Ok(None) };
        let header = &rule.rule.header;
        let Some(remembered) = self.memories.get(store).and_then(|memory| memory.event(event)) else {
            return Ok(None);
        };
        let (posted, logged_at) = (Arc::clone(&remembered.posted), remembered.logged_at);
        let mut anchor = self.for_rule(header, self.anchor(&posted, store), store);
        anchor.numbers = numbers.or(anchor.numbers);
        let held = header.params.keys().map(|name| anchor.number(header, name).unwrap_or_default()).collect();
        let left_out = self.settings.adjusted.left_out(header, store, &posted);
        let row = if header.anchor.contains(&posted.transaction.kind) {
            let ready =
                Ready { item: (0, event), store: store.clone(), anchor, provisional: false, logged_at, left_out };
            let found = rows(&mut self.memories, rule, std::slice::from_ref(&ready)).await?.remove(&event);
            said(header, &ready, found).unwrap_or_else(|| Row::silent(header, Outcome::Silent, NO_MATCH))
        } else {
            Row::silent(header, Outcome::Silent, "not_an_anchor")
        };
        Ok(Some(Asked { anchor: posted, numbers: held, row }))
    }
}
