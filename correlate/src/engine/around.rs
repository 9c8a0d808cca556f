//! What a rule sees around its anchors of what is remembered, and what it says about them. [`super::lane`] does the same over
//! what was archived.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use tillsight_schemas::error::chain;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::judgement::Outcome;
use tillsight_schemas::pos::PostedTransaction;
use uuid::Uuid;

use super::EngineError;
use super::agenda::Item;
use super::failures::Failures;
use super::memory::Memory;
use super::plan::{Compiled, Window};
use super::tables::{self, Anchor};
use super::verdict::{self, Row};
use crate::rule::{Header, Params};

/// What is remembered, by store.
pub(super) type Memories = BTreeMap<StoreKey, Memory>;

/// An anchor that is to be judged now.
pub(super) struct Ready {
    pub(super) item: Item,
    pub(super) store: StoreKey,
    pub(super) anchor: Anchor,
    pub(super) provisional: bool,
    pub(super) logged_at: DateTime<Utc>,
    /// Why the rule does not judge it.
    pub(super) left_out: Option<&'static str>,
}

/// What a rule says about some anchors. Where it fails, they are judged one by one, and those on which it fails alone are
/// indeterminate: which they are does not depend on what they were judged with. Without `failures` the first one stops.
pub(super) async fn rows_or_why_not(
    memories: &mut Memories,
    rule: &Compiled,
    batch: &[Ready],
    failures: Option<&mut Failures>,
) -> Result<BTreeMap<Uuid, Row>, EngineError> {
    let together = rows(memories, rule, batch).await;
    let (Err(EngineError::Rule(_)), Some(failures)) = (&together, failures) else { return together };
    let mut said = BTreeMap::new();
    let (mut events, mut first) = (0_u64, None);
    for ready in batch {
        match rows(memories, rule, std::slice::from_ref(ready)).await {
            Err(EngineError::Rule(error)) => {
                events += 1;
                first.get_or_insert(error);
                let row = Row::silent(&rule.rule.header, Outcome::Indeterminate, "rule_failed");
                said.insert(ready.item.1, row);
            }
            other => said.extend(other?),
        }
    }
    if let Some(error) = first {
        failures.note(rule.rule.header.id.as_str(), events, chain(&error));
    }
    Ok(said)
}

/// What a rule says about some anchors.
pub(super) async fn rows(
    memories: &mut Memories,
    rule: &Compiled,
    batch: &[Ready],
) -> Result<BTreeMap<Uuid, Row>, EngineError> {
    let header = &rule.rule.header;
    let longest = header.longest_seconds * 1_000_000;
    let (replaced, standing): (Vec<&Ready>, Vec<&Ready>) = batch.iter().partition(|ready| is_replaced(memories, ready));
    let (left_out, standing): (Vec<&Ready>, Vec<&Ready>) =
        standing.into_iter().partition(|ready| ready.left_out.is_some());
    let (judged, long): (Vec<&Ready>, Vec<&Ready>) =
        standing.into_iter().partition(|ready| ready.anchor.aligned.end_us - ready.anchor.aligned.begin_us <= longest);
    let mut rows = BTreeMap::new();
    for alike in of_one_mind(judged) {
        let window = window(memories, header, &alike)?;
        rows.append(&mut verdict::rows(rule, &rule.run(window).await?)?);
    }
    for ready in left_out {
        let why = ready.left_out.unwrap_or_default();
        rows.insert(ready.item.1, Row::silent(header, Outcome::Silent, why));
    }
    for ready in long {
        rows.insert(ready.item.1, Row::silent(header, Outcome::Indeterminate, "too_long"));
    }
    // A correction under another number stands in its place.
    for ready in replaced {
        rows.insert(ready.item.1, Row::silent(header, Outcome::Silent, "replaced"));
    }
    Ok(rows)
}

/// The anchors in as few groups as may be judged at once: within a group the rule has the same numbers for all of a store.
/// There is one, but in the hours in which somebody has changed a number.
fn of_one_mind(judged: Vec<&Ready>) -> Vec<Vec<&Ready>> {
    let mut said: BTreeMap<&StoreKey, Vec<Option<&Params>>> = BTreeMap::new();
    let mut groups: Vec<Vec<&Ready>> = Vec::new();
    for ready in judged {
        let of_store = said.entry(&ready.store).or_default();
        let numbers = ready.anchor.numbers.as_ref();
        let group = of_store.iter().position(|known| *known == numbers).unwrap_or(of_store.len());
        if group == of_store.len() {
            of_store.push(numbers);
        }
        if group == groups.len() {
            groups.push(Vec::new());
        }
        if let Some(group) = groups.get_mut(group) {
            group.push(ready);
        }
    }
    groups
}

fn is_replaced(memories: &Memories, ready: &Ready) -> bool {
    memories.get(&ready.store).is_some_and(|memory| memory.is_replaced(ready.item.1))
}

/// The rows that a rule sees: its anchors, and the neighbourhood of each. All anchors of a store have the same numbers.
pub(super) fn window(memories: &mut Memories, header: &Header, judged: &[&Ready]) -> Result<Window, EngineError> {
    let anchors: Vec<&Anchor> = judged.iter().map(|ready| &ready.anchor).collect();
    let numbers: BTreeMap<&StoreKey, Option<&Params>> =
        judged.iter().map(|ready| (&ready.store, ready.anchor.numbers.as_ref())).collect();
    let numbers: Vec<_> = numbers.into_iter().collect();
    let mut window = Window::default();
    window.0.insert("anchor", vec![tables::anchors(&anchors)?]);
    window.0.insert("params", vec![tables::params(header, &numbers)?]);
    let stores: BTreeSet<&StoreKey> = judged.iter().map(|ready| &ready.store).collect();
    let reads = |table: &str| header.reads.iter().any(|read| read == table);
    let mut near: BTreeMap<&'static str, Vec<RecordBatch>> = BTreeMap::new();
    for table in ["pos", "lines", "tenders", "history"].into_iter().filter(|table| reads(table)) {
        near.insert(table, Vec::new());
    }
    let history_us = header.history().num_microseconds().unwrap_or(i64::MAX);
    let mut spans = Vec::new();
    for store in stores {
        let Some(memory) = memories.get_mut(store) else { continue };
        let ours = || judged.iter().filter(|ready| ready.store == *store).map(|ready| &ready.anchor);
        let at = || ours().map(|anchor| anchor.posted.header.event_time.timestamp_micros());
        let (Some(first), Some(last)) = (at().min(), at().max()) else { continue };
        let from = first - header.lookback_seconds * 1_000_000;
        let to = last + header.lookahead_seconds * 1_000_000;
        let alone: Vec<&PostedTransaction> = ours().map(|anchor| &*anchor.posted).collect();
        for (table, rows) in &mut near {
            rows.extend(match *table {
                "history" => memory.rows(table, first - history_us, to)?,
                _ if header.lookback_seconds > 0 => memory.rows(table, from, to)?,
                // Of a rule that looks at nothing but its anchors, nothing else need be laid out.
                "pos" => vec![tables::pos(&alone)?],
                "lines" => vec![tables::lines(&alone)?],
                _ => vec![tables::tenders(&alone)?],
            });
        }
        if reads("presence") {
            let looked = ours().map(|anchor| verdict::looked(header, anchor));
            let (from, to) =
                looked.fold((i64::MAX, i64::MIN), |(from, to), looked| (from.min(looked.start), to.max(looked.end)));
            spans.extend(memory.spans(&(from..to)).map(|span| (store.clone(), span.clone())));
        }
    }
    window.0.extend(near);
    if reads("presence") {
        window.0.insert("presence", vec![tables::presence(&spans)?]);
    }
    Ok(window)
}
