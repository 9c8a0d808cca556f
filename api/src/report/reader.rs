//! [`Reader`]: who reads a report, as far as it changes what stands in it.
//!
//! Alerts that somebody does not see ([`Without`]) do not exist in their report: they are taken out before anything is
//! counted, so no sum, chart or sentence tells that there are any.

use tillsight_schemas::id::OperatorId;
use tillsight_schemas::pos::PostedTransaction;
use tillsight_schemas::store::Store;

use crate::db::{AlertRow, Without, people_of};

/// Who reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reader {
    /// Whose alerts and judgements are left out, in order.
    pub(crate) without: Vec<OperatorId>,
    /// Whether they see pictures.
    pub(crate) pictures: bool,
}

impl Reader {
    /// Somebody at the machine itself, who sees everything.
    pub(crate) fn everything(pictures: bool) -> Self {
        Self { without: Vec::new(), pictures }
    }

    /// Somebody who reads the report of a store.
    pub(crate) fn of(without: &Without, store: &Store, pictures: bool) -> Self {
        Self { without: without.at(&store.id), pictures }
    }

    /// Whether an alert, with its transactions, concerns somebody who is left out.
    pub(crate) fn misses(&self, row: &AlertRow, events: &[PostedTransaction]) -> bool {
        people_of(&row.alert, events).iter().chain(&row.people).any(|person| self.without.contains(person))
    }
}
