//! [`Following`]: what is set up, now and whenever it changes.
//!
//! A process takes over what the configuration says when it starts, and asks the database each second whether its counter
//! has risen. While the database does not answer, what is known stays.

use std::time::Duration;

use tillsight_schemas::error::chain;

use super::RunError;
use super::roles::database;
use crate::config::Config;
use crate::db::{Db, SetUp};

/// How often the counter is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Follows the set-up.
#[derive(Debug)]
pub(crate) struct Following {
    db: Db,
    seen: i64,
}

impl Following {
    /// Takes over the configuration and says what holds.
    ///
    /// # Errors
    /// [`RunError`] when the database does not answer.
    pub(crate) async fn begin(config: &Config) -> Result<(Self, SetUp), RunError> {
        Self::with(database(config).await?, config).await
    }

    /// The same with a database that is open.
    pub(crate) async fn with(db: Db, config: &Config) -> Result<(Self, SetUp), RunError> {
        let taken = db.take_over(config).await.map_err(RunError::part("the set-up"))?;
        if taken > 0 {
            tracing::info!(entries = taken, "took over from the configuration");
        }
        let set_up = db.set_up().await.map_err(RunError::part("the set-up"))?;
        Ok((Self { db, seen: set_up.change }, set_up))
    }

    /// The database.
    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    /// What was seen last could not be used: [`Self::next`] says it again.
    pub(crate) fn again(&mut self) {
        self.seen = i64::MIN;
    }

    /// Waits until something has changed, and says what holds then. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> SetUp {
        loop {
            tokio::time::sleep(LOOK).await;
            match self.changed().await {
                Ok(Some(set_up)) => {
                    self.seen = set_up.change;
                    return set_up;
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(error = %chain(&error), "changes of the set-up are not known for now"),
            }
        }
    }

    async fn changed(&self) -> Result<Option<SetUp>, crate::db::DbError> {
        if self.db.set_up_change().await? == self.seen {
            return Ok(None);
        }
        self.db.set_up().await.map(Some)
    }
}
