//! [`Pairs`]: tills and the cameras that look at their customers, for comparing their clocks ([`crate::align`]).
//!
//! A register is compared by the customers' zone of one camera that looks at it: that of the first camera in the order of
//! names, and its first zone ([`super::Settings::eye`]). A transaction of a customer says when it began and when it ended; the
//! zone says when somebody came into it and when it became empty ([`sight`]). Repetitions say nothing new; a till that is
//! trained or tested has no customers. Openings of the drawer are compared where a contact of it is known: the engine does
//! not read those. A till that falls silent completes nothing: its last minutes are compared with its next transaction.
//!
//! What pairs have stated is part of the checkpoint. What they have seen is not: it is read again from the log with the rest
//! of the memory, and forgotten with it.

mod sight;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use tillsight_schemas::id::{RegisterId, StoreKey};
use tillsight_schemas::pos::{Kind, PostedTransaction};
use tillsight_schemas::presence::PresenceTile;

use super::clock::named;
use super::tables::begin_us;
use crate::align::lane::Lane;
use crate::align::{Statement, TillEvent, TillKind};
use sight::Sight;

/// What happens at a till with a customer before it.
const WITH_CUSTOMERS: [Kind; 3] = [Kind::Sale, Kind::Return, Kind::Exchange];

/// All registers whose customers are seen.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "BTreeMap<String, Lane>")]
pub(crate) struct Pairs {
    stores: BTreeMap<StoreKey, BTreeMap<RegisterId, Pair>>,
}

/// One of them.
#[derive(Debug, Clone, Default)]
struct Pair {
    sight: Sight,
    lane: Lane,
}

/// What the customers of a register have stated.
#[derive(Debug)]
pub(crate) struct Stated {
    pub(crate) store: StoreKey,
    pub(crate) register: RegisterId,
    pub(crate) statements: Vec<Statement>,
}

impl Pairs {
    /// Takes in a tile of the zone by which a register is compared.
    pub(crate) fn see(&mut self, store: &StoreKey, register: &RegisterId, tile: &PresenceTile) {
        let Pair { sight, lane } = self.pair(store, register);
        sight.see(tile, lane);
    }

    /// Takes in a transaction of a register that is compared; `again` if it was taken in before the checkpoint.
    pub(crate) fn ring(&mut self, store: &StoreKey, posted: &PostedTransaction, again: bool) {
        let rung = &posted.transaction;
        if !WITH_CUSTOMERS.contains(&rung.kind) || rung.training || rung.test {
            return;
        }
        let (begin_us, end_us) = (begin_us(posted), posted.header.event_time.timestamp_micros());
        let lane = &mut self.pair(store, &rung.register_id).lane;
        let begin = (begin_us < end_us).then_some(TillEvent { at_us: begin_us, kind: TillKind::TransactionStart });
        for event in begin.into_iter().chain([TillEvent { at_us: end_us, kind: TillKind::TransactionEnd }]) {
            if again { lane.till_again(event) } else { lane.till(event) }
        }
    }

    /// Takes in that arrivals show that a register's clock was set.
    pub(crate) fn clock_set(&mut self, store: &StoreKey, posted: &PostedTransaction) {
        let pairs = self.stores.get_mut(store);
        if let Some(pair) = pairs.and_then(|pairs| pairs.get_mut(&posted.transaction.register_id)) {
            pair.lane.clock_set(posted.header.event_time.timestamp_micros());
        }
    }

    /// Judges at most so many registers of which something has become complete.
    pub(crate) fn judge(&mut self, most: usize) -> Vec<Stated> {
        let all = self.stores.iter_mut().flat_map(|(store, pairs)| pairs.iter_mut().map(move |pair| (store, pair)));
        let due = all.filter(|(_, (_, pair))| pair.lane.is_due()).take(most);
        let stated = due.map(|(store, (register, pair))| Stated {
            store: store.clone(),
            register: register.clone(),
            statements: pair.lane.judge(),
        });
        stated.filter(|stated| !stated.statements.is_empty()).collect()
    }

    /// Forgets what a store showed before an instant, in microseconds.
    pub(crate) fn forget(&mut self, store: &StoreKey, before_us: i64) {
        for pair in self.stores.get_mut(store).into_iter().flat_map(BTreeMap::values_mut) {
            pair.lane.forget(before_us);
        }
    }

    /// The registers that are compared.
    pub(crate) fn registers(&self) -> impl Iterator<Item = (&StoreKey, &RegisterId)> {
        self.stores.iter().flat_map(|(store, pairs)| pairs.keys().map(move |register| (store, register)))
    }

    fn pair(&mut self, store: &StoreKey, register: &RegisterId) -> &mut Pair {
        self.stores.entry(store.clone()).or_default().entry(register.clone()).or_default()
    }
}

impl Serialize for Pairs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let lanes = self
            .stores
            .iter()
            .flat_map(|(store, pairs)| pairs.iter().map(move |(register, pair)| (named(store, register), &pair.lane)));
        serializer.collect_map(lanes)
    }
}

impl From<BTreeMap<String, Lane>> for Pairs {
    fn from(lanes: BTreeMap<String, Lane>) -> Self {
        let mut pairs = Self::default();
        for (name, lane) in lanes {
            if let Some((store, register)) = name.rsplit_once('/')
                && let (Ok(store), Ok(register)) = (store.parse(), register.parse())
            {
                pairs.pair(&store, &register).lane = lane;
            }
        }
        pairs
    }
}
