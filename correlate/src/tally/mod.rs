//! How often people at tills did what is scored ([`COUNTED`]), over some business days, each number with the SQL that gives it;
//! and what [`crate::score`] makes peers of ([`gather`]).
//!
//! The numbers are asked through a [`Session`], as anybody would ask. They are counted by store, operator and register: what
//! work somebody did is said by the register (`staffed`, `self_checkout`, `service`), and who did two kinds of work is two
//! units with peers of their own.

mod people;
mod statements;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use tillsight_schemas::id::{OperatorId, RegisterId, StoreId, TenantId};

pub use people::{Gathered, LeftOut, Settings, Unit, Work, gather};
pub use statements::{COUNTED, Counted, Period};

use crate::error::Result;
use crate::lake::table::store_bucket;
use crate::report::{Row, rows};
use crate::score::Count;
use crate::sql::Session;
use statements::Source;

/// So many stores are counted together at most: their transactions are kept in memory while their lines are read.
const STORES: usize = 16;

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// One for each operator and register, by store.
    pub rows: Vec<Worked>,
    /// What was asked: a name for people, and the SQL.
    pub questions: Vec<(&'static str, String)>,
}

/// What one operator did at one register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worked {
    /// The store.
    pub store: StoreId,
    /// Who.
    pub operator: OperatorId,
    /// Where.
    pub register: RegisterId,
    /// One count for each of [`COUNTED`].
    pub counts: Vec<Count>,
}

impl Counted {
    /// The place of the question that counts it in [`Counts::questions`].
    pub fn question(&self) -> usize {
        Source::ALL.iter().position(|source| *source == self.source).unwrap_or_default()
    }
}

/// The stores of a retailer in the groups in which they are counted, each by a session of its own: few enough for memory, and those
/// whose rows lie in the same files.
pub fn groups(tenant: &TenantId, stores: impl IntoIterator<Item = StoreId>) -> Vec<BTreeSet<StoreId>> {
    let mut buckets: BTreeMap<i32, Vec<StoreId>> = BTreeMap::new();
    for store in stores {
        buckets.entry(store_bucket(tenant.as_str(), store.as_str())).or_default().push(store);
    }
    let groups = buckets.values().flat_map(|stores| stores.chunks(STORES));
    groups.map(|stores| stores.iter().cloned().collect()).collect()
}

/// Counts the days of those stores of a retailer that a session sees.
///
/// # Errors
/// [`crate::Error::Plan`] when the lake cannot be read.
pub async fn counts(session: &Session, period: &Period) -> Result<Counts> {
    let mut found: BTreeMap<(StoreId, OperatorId, RegisterId), Vec<Count>> = BTreeMap::new();
    let mut questions = Vec::new();
    for source in Source::ALL {
        let sql = period.question(source);
        for row in rows(session, &sql).await? {
            // Ids of accepted records are ids.
            let (Some(store), Some(operator), Some(register)) = (row.value(0), row.value(1), row.value(2)) else {
                continue;
            };
            let counts =
                found.entry((store, operator, register)).or_insert_with(|| vec![Count::default(); COUNTED.len()]);
            let of_source = counts.iter_mut().zip(&COUNTED).filter(|(_, counted)| counted.source == source);
            for ((count, _), column) in of_source.zip((3..).step_by(2)) {
                *count = read(&row, column);
            }
        }
        questions.push((source.name(), sql));
    }
    let rows =
        found.into_iter().map(|((store, operator, register), counts)| Worked { store, operator, register, counts });
    Ok(Counts { rows: rows.collect(), questions })
}

/// Events in a column, their exposures in the next.
fn read(row: &Row, column: usize) -> Count {
    let number = |column| u32::try_from(row.number(column)).unwrap_or(u32::MAX);
    Count { events: number(column), exposures: number(column + 1) }
}
