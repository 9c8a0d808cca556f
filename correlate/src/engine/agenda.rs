//! What is to be judged: anchors that wait for their zones, and anchors that later data has touched.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use tillsight_schemas::id::StoreKey;
use uuid::Uuid;

/// An anchor of a rule: the number of the rule, and the event.
pub(crate) type Item = (usize, Uuid);

/// What is to be judged.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    pending: BTreeMap<Item, StoreKey>,
    /// What waited when the checkpoint was written.
    left: BTreeSet<Item>,
    /// What was judged by presence, per store: the end of what was looked at, the item, and the start.
    looked: BTreeMap<StoreKey, BTreeMap<(i64, Item), i64>>,
}

impl Agenda {
    /// Goes on with what waited at the checkpoint.
    pub(crate) fn resume(left: BTreeSet<Item>) -> Self {
        Self { left, ..Self::default() }
    }

    /// An anchor has arrived. One that was read before the checkpoint is judged already, unless it waited there.
    pub(crate) fn arrived(&mut self, item: Item, store: &StoreKey, replayed: bool) {
        if !replayed || self.left.remove(&item) {
            self.pending.insert(item, store.clone());
        }
    }

    /// Something in the neighbourhood of an anchor has arrived.
    pub(crate) fn touched(&mut self, item: Item, store: &StoreKey) {
        self.pending.insert(item, store.clone());
    }

    /// A tile says something new about a span: whatever was judged by looking at it is judged again.
    pub(crate) fn seen(&mut self, store: &StoreKey, span: Range<i64>) {
        let Some(looked) = self.looked.get(store) else { return };
        let again: Vec<Item> = looked
            .range((span.start + 1, (0, Uuid::nil()))..)
            .filter(|(_, from)| **from < span.end)
            .map(|((_, item), _)| *item)
            .collect();
        for item in again {
            self.pending.insert(item, store.clone());
        }
    }

    /// An anchor was judged by looking at a span of presence.
    pub(crate) fn looked(&mut self, item: Item, store: &StoreKey, span: Range<i64>) {
        self.looked.entry(store.clone()).or_default().insert((span.end, item), span.start);
    }

    /// An anchor needs no more judging for now.
    pub(crate) fn done(&mut self, item: &Item) {
        self.pending.remove(item);
    }

    /// What waits.
    pub(crate) fn pending(&self) -> impl Iterator<Item = (&Item, &StoreKey)> {
        self.pending.iter()
    }

    /// What waits of one rule.
    pub(crate) fn of(&self, rule: usize) -> impl Iterator<Item = (&Item, &StoreKey)> {
        self.pending.range((rule, Uuid::nil())..=(rule, Uuid::max()))
    }

    /// What waits, and what waited at the checkpoint and has not been read again yet.
    pub(crate) fn unfinished(&self) -> impl Iterator<Item = &Item> {
        self.pending.keys().chain(&self.left)
    }

    /// Forgets what lies before an instant.
    pub(crate) fn forget(&mut self, store: &StoreKey, before_us: i64) {
        if let Some(looked) = self.looked.get_mut(store) {
            *looked = looked.split_off(&(before_us, (0, Uuid::nil())));
        }
    }
}
