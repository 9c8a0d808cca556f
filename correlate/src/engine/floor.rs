//! The evaluation floor of a store: the oldest instant a rule may still ask about. The recorder keeps the video since then.
//!
//! It is where the oldest anchor that waits begins to look, or where the till stopped that is furthest behind: what it rang
//! since may still come. A till that was silent for [`LATE_ALLOWED`] has closed and holds nothing back. The floor is told
//! as a heartbeat of the source `rules`.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::heartbeat::{Heartbeat, SourceKind, SourceState};
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::port::Outgoing;
use tillsight_schemas::topic;

use super::judge::record;
use super::{Engine, EngineError, verdict};

/// How late a till may deliver and still find its video, whatever the policy of retention says.
pub const LATE_ALLOWED: TimeDelta = TimeDelta::days(1);
/// How often floors are told.
const EVERY: TimeDelta = TimeDelta::seconds(15);

/// What was told last.
#[derive(Debug, Default)]
pub(super) struct Floors {
    at: Option<DateTime<Utc>>,
    told: BTreeMap<StoreKey, i64>,
}

impl Engine {
    /// The floors that have moved since they were told, once in a while.
    pub(super) fn floors(&mut self, now: DateTime<Utc>) -> Result<Vec<Outgoing>, EngineError> {
        if self.floors.at.is_some_and(|at| now - at < EVERY) {
            return Ok(Vec::new());
        }
        self.floors.at = Some(now);
        let mut floors: BTreeMap<&StoreKey, i64> =
            self.memories.iter().map(|(store, memory)| (store, memory.spoken(now, LATE_ALLOWED))).collect();
        for ((number, event), store) in self.agenda.pending() {
            let (Some(rule), Some(memory)) = (self.rules.get(*number), self.memories.get(store)) else { continue };
            let Some(event) = memory.event(*event) else { continue };
            let header = &rule.rule.header;
            let looked = verdict::looked(header, &self.for_rule(header, self.anchor(&event.posted, store), store));
            let floor = floors.entry(store).or_insert(looked.start);
            *floor = (*floor).min(looked.start);
        }
        let mut outgoing = Vec::new();
        for (store, floor) in floors {
            if self.floors.told.insert(store.clone(), floor) == Some(floor) {
                continue;
            }
            let heartbeat = Heartbeat {
                tenant_id: store.tenant.clone(),
                store_id: store.store.clone(),
                source_kind: SourceKind::Rules,
                source_id: "rules".to_owned(),
                state: SourceState::Active,
                complete_to: DateTime::from_timestamp_micros(floor).unwrap_or_default(),
                sent_at: now,
            };
            outgoing.extend(record(topic::HEARTBEAT, store.to_string(), &heartbeat)?);
        }
        Ok(outgoing)
    }
}
