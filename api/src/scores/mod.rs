//! Operators and stores beside their peers: counted in the lake, scored by [`tillsight_correlate::score`], shown as two
//! rankings. They never alert by themselves.
//!
//! What was counted of some days is kept while the lake does not change, so the second who looks does not wait. Whoever does
//! not see somebody ([`Without`]) has scores that were made without them: neither listed, nor peers, nor in the family of
//! comparisons. Peers are all operators of the retailer with the same work, also those of stores that the reader does not
//! see: of these nothing is told but how many they are and their rates together.

mod shown;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::Deserialize;
use tillsight_correlate::lake::{History, Table};
use tillsight_correlate::score::{Policy, ScoreError, score};
use tillsight_correlate::sql::{Engine, Limits, Scope, Stores};
use tillsight_correlate::tally::{Counts, LeftOut, Period, Settings, Work, counts, gather, groups};
use tillsight_schemas::clock::SharedClock;
use tillsight_schemas::id::{OperatorId, StoreId, TenantId};
use tillsight_schemas::store::Store;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::db::{Db, DbError, What, Without};
use shown::{Beside, shown};

pub(crate) use shown::{ScorePart, ScoredOperator, ScoredStore, ScoresShown};

/// How many days a period has unless somebody says otherwise.
pub(crate) const DAYS: u32 = 28;
/// The most days of a period.
pub(crate) const MOST_DAYS: u32 = 92;
/// Memory of its questions, in bytes.
const MEMORY: usize = 512 << 20;

/// Makes scores.
#[derive(Debug, Clone)]
pub(crate) struct Scorer {
    db: Db,
    clock: SharedClock,
    lake: PathBuf,
    /// What was counted last. Who holds it counts; the others wait.
    kept: Arc<Mutex<Option<Kept>>>,
}

/// What was counted, and of what.
#[derive(Debug)]
struct Kept {
    period: Period,
    /// The versions of the tables of transactions and lines.
    versions: [u64; 2],
    counts: Arc<Counts>,
}

/// Which scores.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The retailer.
    pub(crate) tenant: TenantId,
    /// All stores that there are.
    pub(crate) shops: Arc<Vec<Store>>,
    /// How many business days, 1 to [`MOST_DAYS`]; the last is the last that is over everywhere.
    pub(crate) days: u32,
    /// The stores that are shown; all of the retailer when empty.
    pub(crate) stores: Vec<StoreId>,
    /// Who is left out.
    pub(crate) without: Without,
}

/// Why there are no scores.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScoresError {
    /// The database cannot be read.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The lake cannot be read.
    #[error(transparent)]
    Lake(#[from] tillsight_correlate::Error),
    /// What was counted cannot be scored: a defect.
    #[error("what was counted cannot be scored")]
    Score(#[from] ScoreError),
    /// No thread can be had to count on.
    #[error("cannot begin to count")]
    Begin(#[from] std::io::Error),
    /// It was broken off.
    #[error("counting was broken off")]
    Broken(#[from] tokio::task::JoinError),
}

/// A register as it is set up.
#[derive(Deserialize)]
struct Register {
    #[serde(default)]
    kind: Option<String>,
}

/// An operator as they are set up.
#[derive(Deserialize)]
struct Operator {
    #[serde(default)]
    alias: Option<String>,
}

impl Scorer {
    /// Over the lake of a data directory.
    pub(crate) fn new(db: Db, clock: SharedClock, lake: PathBuf) -> Self {
        Self { db, clock, lake, kept: Arc::default() }
    }

    /// The scores. They are counted and made on a thread of their own; of several who ask at once one counts.
    ///
    /// # Errors
    /// [`ScoresError`].
    pub(crate) async fn scores(&self, asked: Asked) -> Result<ScoresShown, ScoresError> {
        let now = self.clock.now();
        let (period, ends) = days(&asked, now);
        let settings = self.settings(&asked.tenant, ends).await?;
        let aliases = self.aliases(&asked.tenant).await?;
        let (turn, lake) = (Arc::clone(&self.kept).lock_owned().await, self.lake.clone());
        let made = tokio::task::spawn_blocking(move || -> Result<ScoresShown, ScoresError> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let counts = runtime.block_on(counted(turn, lake, &asked.shops, &period))?;
            let sees = |store: &StoreId, operator: &OperatorId| !asked.without.leaves_out(store, [operator]);
            let gathered = gather(&counts, &settings, sees);
            let policy = Policy::default();
            let scores = score(&gathered.period, &policy)?;
            let beside = Beside { period: &period, counts: &counts, aliases: &aliases, now };
            let shows = |store: &StoreId| asked.stores.is_empty() || asked.stores.contains(store);
            Ok(shown(&gathered, &scores, &policy, &beside, shows))
        });
        made.await?
    }

    /// How registers are worked, and who is left out of every rule.
    async fn settings(&self, tenant: &TenantId, ends: DateTime<Utc>) -> Result<Settings, ScoresError> {
        let mut settings = Settings { ends, ..Settings::default() };
        for version in self.db.held(What::Register, tenant).await? {
            let register: Register = version.parse()?;
            let work = register.kind.and_then(|kind| kind.parse::<Work>().ok());
            if let (Some(work), Ok(store), Ok(id)) = (work, version.key.store.parse(), version.key.id.parse()) {
                settings.works.insert((store, id), work);
            }
        }
        for version in self.db.held(What::Adjustment, tenant).await? {
            let said = version.adjustment()?;
            if said.rule_id.is_none() {
                let (register, operator) = (said.register_id, said.operator_id);
                let store = Some(&version.key.store).filter(|store| !store.is_empty()).and_then(|id| id.parse().ok());
                settings.left_out.push(LeftOut { store, register, operator, note: said.note, until: said.until });
            }
        }
        Ok(settings)
    }

    /// What operators are called.
    async fn aliases(&self, tenant: &TenantId) -> Result<BTreeMap<OperatorId, String>, ScoresError> {
        let mut aliases = BTreeMap::new();
        for version in self.db.held(What::Operator, tenant).await? {
            let operator: Operator = version.parse()?;
            if let (Some(alias), Ok(id)) = (operator.alias, version.key.id.parse()) {
                aliases.insert(id, alias);
            }
        }
        Ok(aliases)
    }
}

/// The business days that are asked for, and when they ended: the last is the last one that is over in every store.
fn days(asked: &Asked, now: DateTime<Utc>) -> (Period, DateTime<Utc>) {
    let ours = || asked.shops.iter().filter(|shop| shop.tenant == asked.tenant);
    let today = ours().map(|shop| shop.business_day(now)).min().unwrap_or_else(|| now.date_naive());
    let last = today.pred_opt().unwrap_or(today);
    let first = last.checked_sub_days(Days::new(u64::from(asked.days.max(1)) - 1)).unwrap_or(NaiveDate::MIN);
    let ends = ours().filter_map(|shop| Some(shop.day(last)?.end())).max().unwrap_or(now);
    (Period { tenant: asked.tenant.clone(), first, last }, ends)
}

/// What was counted of a period: what is kept, if the lake is still the same.
async fn counted(
    mut turn: OwnedMutexGuard<Option<Kept>>,
    lake: PathBuf,
    shops: &[Store],
    period: &Period,
) -> Result<Arc<Counts>, ScoresError> {
    let history = History::open(&lake).await?;
    let versions = [history.version(Table::Transactions)?, history.version(Table::Lines)?];
    if let Some(kept) = turn.as_ref().filter(|kept| kept.period == *period && kept.versions == versions) {
        return Ok(Arc::clone(&kept.counts));
    }
    let limits = Limits { memory_bytes: MEMORY, threads: 1, ..Limits::default() };
    let engine = Engine::over(&history, shops.to_vec(), limits)?;
    let ours = shops.iter().filter(|shop| shop.tenant == period.tenant).map(|shop| shop.id.clone());
    let mut all = Counts::default();
    for stores in groups(&period.tenant, ours) {
        let session = engine.session(Scope { tenant: period.tenant.clone(), stores: Stores::Only(stores) })?;
        let part = counts(&session, period).await?;
        all.rows.extend(part.rows);
        all.questions = part.questions;
    }
    let counts = Arc::new(all);
    *turn = Some(Kept { period: period.clone(), versions, counts: Arc::clone(&counts) });
    Ok(counts)
}
