//! [`Feeds`]: what integrators sent of late and what became of it, register by register, kept by following the log.
//!
//! Accepted records come from `lp.pos.transaction.v1`, rejected ones from the dead letters, repetitions from the raw
//! topic. It begins a week back (a million records at most) and is made again at each start: nothing depends on it. The
//! intake repeats its last records after a crash; of accepted ones repetitions are dropped by their landing coordinates,
//! of the others they are counted twice.

mod blind;
mod follow;
mod lacks;
mod lane;
mod reject;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use tillsight_correlate::rule::Header;
use tillsight_ingest::pos::Stores;
use tillsight_schemas::id::{IntegratorId, RegisterId, StoreId, TenantId};
use tillsight_schemas::pos::{PostedTransaction, Transaction};

pub(crate) use blind::{Blindness, blind_rules, blind_sentence};
pub(crate) use lacks::{Hearing, Lack};
use lane::{Counts, Outcome, Place};
pub(crate) use lane::{Entry, Heard, Lane, quantile};
pub(crate) use reject::{Rejected, Tally};

/// How far back the log is read at the start, and what is shown.
pub(crate) const BACK: TimeDelta = TimeDelta::days(7);
/// A register that is not heard for so long while another one of its store is, is silent.
const QUIET: TimeDelta = TimeDelta::hours(1);
/// A register that is not heard for so long is silent in any case.
const SILENT: TimeDelta = TimeDelta::days(1);

/// Senders of records set aside that are told apart.
const SENDERS: usize = 1_000;

/// Which register of whom.
type LaneKey = (IntegratorId, StoreId, RegisterId);
/// Whose records, the store that they name, and the token that sent them.
type AsideKey = (IntegratorId, Option<StoreId>, Option<String>);

/// What integrators sent of late.
#[derive(Debug)]
pub(crate) struct Feeds {
    state: RwLock<State>,
    rules: Arc<Vec<Header>>,
    stores: RwLock<Stores>,
    complete: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    since: Option<DateTime<Utc>>,
    lanes: BTreeMap<LaneKey, Lane>,
    aside: BTreeMap<AsideKey, Aside>,
}

/// What was heard beside the registers.
#[derive(Debug, Default)]
struct Aside {
    /// Records that belong to no register that is known.
    loose: Counts,
    /// Rejections by code.
    rejected: BTreeMap<String, Tally>,
}

impl State {
    /// The place of what was heard beside the registers; of more senders than are told apart nobody is named.
    fn aside(&mut self, (integrator, store, sender): AsideKey) -> &mut Aside {
        let full = self.aside.len() >= SENDERS;
        let key = (integrator, store, sender);
        let key = if full && !self.aside.contains_key(&key) { (key.0, key.1, None) } else { key };
        self.aside.entry(key).or_default()
    }
}

/// What is shown of one integrator, within somebody's stores.
#[derive(Debug, Default)]
pub(crate) struct FeedNow {
    /// The registers that were heard in the last week, each with whether it is silent now.
    pub(crate) lanes: Vec<(StoreId, RegisterId, Lane, bool)>,
    /// What was counted today, of registers and beside them.
    pub(crate) today: Heard,
    /// Rejections by code.
    pub(crate) rejected: BTreeMap<String, Tally>,
}

impl Feeds {
    /// Knows nothing yet.
    pub(crate) fn new(rules: Arc<Vec<Header>>, stores: Stores) -> Self {
        Self { state: RwLock::default(), rules, stores: RwLock::new(stores), complete: AtomicBool::new(false) }
    }

    /// From now on these stores are set up.
    pub(crate) fn set_stores(&self, stores: Stores) {
        *self.stores.write().unwrap_or_else(PoisonError::into_inner) = stores;
    }

    fn stores(&self) -> Stores {
        self.stores.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The rules that are installed.
    pub(crate) fn rules(&self) -> &[Header] {
        &self.rules
    }

    /// Whether the log of the last days was read to its end.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Relaxed)
    }

    /// From when on the log was read.
    pub(crate) fn since(&self) -> Option<DateTime<Utc>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).since
    }

    /// What is known of an integrator's records that `sees` lets through, by the store they name and the token that sent
    /// them, as far as those are known.
    pub(crate) fn now(
        &self,
        (tenant, integrator): (&TenantId, &IntegratorId),
        sees: impl Fn(Option<&StoreId>, Option<&str>) -> bool,
        now: DateTime<Utc>,
    ) -> FeedNow {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let mut feed = FeedNow::default();
        let mut last: BTreeMap<StoreId, DateTime<Utc>> = BTreeMap::new();
        for ((_, store, _), lane) in &state.lanes {
            let last = last.entry(store.clone()).or_insert(lane.last_received_at);
            *last = lane.last_received_at.max(*last);
        }
        for ((of, store, register), lane) in &state.lanes {
            if of == integrator && sees(Some(store), None) && lane.last_received_at > now - BACK {
                let store_last = last.get(store).copied().unwrap_or(lane.last_received_at);
                let silent = store_last - lane.last_received_at >= QUIET || now - lane.last_received_at >= SILENT;
                feed.today.add(lane.counts.on(self.day(tenant, Some(store), now)));
                feed.lanes.push((store.clone(), register.clone(), lane.clone(), silent));
            }
        }
        for ((of, store, sender), aside) in &state.aside {
            if of == integrator && sees(store.as_ref(), sender.as_deref()) {
                feed.today.add(aside.loose.on(self.day(tenant, store.as_ref(), now)));
                for (code, tally) in &aside.rejected {
                    feed.rejected.entry(code.clone()).or_default().add(tally, (now - BACK).date_naive());
                }
            }
        }
        feed
    }

    /// What was heard of the registers of a store on a business day, by time of receipt, and beside them; `None` when
    /// that day is not remembered.
    pub(crate) fn heard_on(
        &self,
        (tenant, integrator): (&TenantId, &IntegratorId),
        store: &StoreId,
        day: NaiveDate,
        now: DateTime<Utc>,
    ) -> Option<(BTreeMap<RegisterId, Heard>, Heard)> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let begins = self.day(tenant, Some(store), state.since?.max(now - BACK));
        if !self.is_complete() || day <= begins {
            return None;
        }
        let lanes = state.lanes.iter().filter(|((of, at, _), _)| of == integrator && at == store);
        let registers = lanes.map(|((_, _, register), lane)| (register.clone(), lane.counts.on(day))).collect();
        let mut beside = Heard::default();
        for ((of, at, _), aside) in &state.aside {
            if of == integrator && at.as_ref() == Some(store) {
                beside.add(aside.loose.on(day));
            }
        }
        Some((registers, beside))
    }

    /// The business day of an instant; UTC's where no store is known.
    pub(crate) fn day(&self, tenant: &TenantId, store: Option<&StoreId>, at: DateTime<Utc>) -> NaiveDate {
        let stores = self.stores();
        let store = store.and_then(|store| stores.get(tenant, store));
        store.map_or_else(|| at.date_naive(), |store| store.business_day(at))
    }

    /// As if the log had been read to its end with these records in it.
    #[cfg(test)]
    pub(crate) fn heard_all(&self, records: &[PostedTransaction]) {
        records.iter().for_each(|posted| self.note_accepted(posted, None));
        self.complete.store(true, Ordering::Relaxed);
    }

    fn note_accepted(&self, posted: &PostedTransaction, warning: Option<&str>) {
        let (header, till) = (&posted.header, &posted.transaction);
        let day = self.day(&header.tenant_id, Some(&till.store_id), header.received_at);
        let key = (header.integrator_id.clone(), till.store_id.clone(), till.register_id.clone());
        let blind = self.rules.iter().flat_map(|rule| {
            rule.needs_of(till).into_iter().map(|(need, missing)| (rule.id.clone(), need.field.clone(), missing))
        });
        let blind = (blind.collect(), self.carried(till));
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.lanes.entry(key).or_insert_with(|| Lane::new(header.received_at)).accepted(posted, warning, blind, day);
    }

    /// Which fields that rules need a record has, whether or not they look at it.
    fn carried(&self, till: &Transaction) -> Vec<(&str, bool)> {
        if till.training || till.test {
            return Vec::new();
        }
        let record = serde_json::to_value(till).unwrap_or_default();
        let mut carried: Vec<(&str, bool)> = Vec::new();
        for need in self.rules.iter().flat_map(|rule| &rule.needed) {
            if let Some(has) = need.is_carried(&record)
                && !carried.iter().any(|(field, _)| *field == need.field)
            {
                carried.push((&need.field, has));
            }
        }
        carried
    }

    fn note_duplicate(&self, (tenant, integrator): (&TenantId, &IntegratorId), heard: Entry, of: &Place) {
        let day = self.day(tenant, of.store.as_ref(), heard.received_at);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        match (&of.store, &of.register) {
            (Some(store), Some(register)) => {
                let key = (integrator.clone(), store.clone(), register.clone());
                state.lanes.entry(key).or_insert_with(|| Lane::new(heard.received_at)).heard(heard, day);
            }
            _ => {
                let aside = state.aside((integrator.clone(), of.store.clone(), None));
                aside.loose.count(Outcome::Duplicate, day);
            }
        }
    }

    fn note_rejected(&self, (tenant, integrator): (&TenantId, &IntegratorId), rejected: Rejected) {
        // What is wrong may name anything: stores that are not set up and registers that were never heard are not kept.
        let stores = self.stores();
        let store = rejected.store.clone().filter(|store| stores.get(tenant, store).is_some());
        let day = self.day(tenant, store.as_ref(), rejected.at);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let register = store.clone().zip(rejected.register.clone());
        let lane = register.and_then(|(store, register)| state.lanes.get_mut(&(integrator.clone(), store, register)));
        let is_of_lane = lane.is_some();
        if let Some(lane) = lane {
            lane.heard(Entry::rejected(&rejected), day);
        }
        let aside = state.aside((integrator.clone(), store, rejected.sender.clone()));
        if !is_of_lane {
            aside.loose.count(Outcome::Rejected, day);
        }
        aside.rejected.entry(rejected.code.clone()).or_default().note(rejected);
    }
}

#[cfg(test)]
mod tests;
