//! The coverage matrix: how each rule sees in each store at this moment, since when, and why not; and registers that send
//! records although no zone and no name knows them.
//!
//! The process that answers HTTP looks every five seconds ([`run`]): at what it knows of the tills' records and of the zones,
//! and at the set-up. [`cell`] judges, without a clock or a database. What changes is kept in the database, so *since when*
//! outlives a restart and `tillsight rule coverage` can tell it. What rules said of late for reasons that are seen nowhere
//! else (a rule that fails) is laid over it, but not for somebody who does not see every alert.

mod cell;
mod look;
mod tell;
mod unknown;

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tillsight_schemas::error::chain;
use tillsight_schemas::id::{RegisterId, RuleId, StoreKey};
use tokio_util::sync::CancellationToken;

use crate::config::Mail;
use crate::http::Shared;

pub(crate) use cell::{SightCell, SightReason, SightState};
pub(crate) use look::{laid_over, lately, look};
pub(crate) use unknown::{Unknown, UnknownChange};

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(5);

/// How a rule sees in a store, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    /// How it sees.
    pub(crate) state: SightState,
    /// Since when it is so.
    pub(crate) since: DateTime<Utc>,
    /// Whether it is on trial.
    pub(crate) trial: bool,
    /// Why it is not live.
    pub(crate) reasons: Vec<SightReason>,
}

/// How each rule sees in each store.
pub(crate) type Sights = BTreeMap<(StoreKey, RuleId), Kept>;

/// What rules said of late that is seen nowhere else, each with whether they decided nothing besides.
pub(crate) type Lately = BTreeMap<(StoreKey, RuleId), Vec<(SightReason, bool)>>;

/// What was found when it was last looked.
#[derive(Debug, Default)]
pub(crate) struct Board(RwLock<Found>);

#[derive(Debug, Default)]
struct Found {
    /// When it was looked for the first time.
    began_at: Option<DateTime<Utc>>,
    /// When it was looked last.
    looked_at: Option<DateTime<Utc>>,
    sights: Sights,
    lately: Lately,
    unknown: Vec<Unknown>,
}

impl Board {
    /// When it was looked last; never, where what the tills sent of late is still being read.
    pub(crate) fn looked_at(&self) -> Option<DateTime<Utc>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).looked_at
    }

    /// What is not plainly live in the stores that `sees` lets through; `all`: with what rules said of late.
    pub(crate) fn cells(&self, sees: impl Fn(&StoreKey) -> bool, all: bool) -> Vec<SightCell> {
        let found = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let of = found.sights.iter().filter(|((store, _), _)| sees(store));
        let cells = of.map(|(key, kept)| {
            let said = found.lately.get(key).filter(|_| all);
            let Kept { state, since, trial, reasons } = said.map_or_else(|| kept.clone(), |said| laid_over(kept, said));
            SightCell { store_id: key.0.store.clone(), rule_id: key.1.clone(), state, since, trial, reasons }
        });
        cells.filter(|cell| cell.state != SightState::Live || cell.trial).collect()
    }

    /// The registers that nobody knows, in the stores that `sees` lets through, each with since when.
    pub(crate) fn unknown(&self, sees: impl Fn(&StoreKey) -> bool) -> Vec<(StoreKey, RegisterId, DateTime<Utc>)> {
        let found = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let of = found.unknown.iter().filter(|unknown| sees(&unknown.store));
        of.map(|unknown| (unknown.store.clone(), unknown.register.clone(), unknown.raised_at)).collect()
    }
}

/// Looks and tells until `stop`; `now` is what the handlers share at the moment. What fails is tried again.
pub(crate) async fn run(now: impl Fn() -> Shared + Send + Sync, mail: Option<Mail>, stop: CancellationToken) {
    let looking = async {
        while !stop.is_cancelled() {
            if let Err(error) = look(&now()).await {
                tracing::warn!(error = %chain(&error), "how the rules see is not known for now");
            }
            pause(EVERY, &stop).await;
        }
    };
    tokio::join!(looking, tell::tell(&now, mail.as_ref(), &stop));
}

async fn pause(how_long: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(how_long) => {}
    }
}
