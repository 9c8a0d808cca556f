//! [`Search::count`]: how many hits a query has, for searches that are kept; and what of a query is no query.

use chrono::{DateTime, Utc};
use tantivy::collector::Count;

use super::language::{Context, understand};
use super::lookup::lookup;
use super::{Scope, Search, SearchError, failed};

impl Search {
    /// How many hits a query has in a scope, of events after an instant where one is given. Reads the disk: call it where
    /// that is allowed.
    ///
    /// # Errors
    /// [`SearchError::Index`].
    pub fn count(&self, text: &str, after: Option<DateTime<Utc>>, scope: &Scope) -> Result<u64, SearchError> {
        let stores = self.stores_of(scope);
        let understood = understand(text, Context { now: self.clock.now(), stores: &stores });
        let searcher = self.reader.searcher();
        let from = after.map(|at| at.timestamp_micros().saturating_add(1));
        let asked = lookup(&self.fields, &searcher, &understood, (from, None), scope)?;
        let hits = searcher.search(&asked.query, &Count).map_err(failed("search"))?;
        Ok(u64::try_from(hits).unwrap_or(u64::MAX))
    }

    /// What of a query is not understood in a scope, in sentences.
    pub fn misunderstood(&self, text: &str, scope: &Scope) -> Vec<String> {
        let stores = self.stores_of(scope);
        understand(text, Context { now: self.clock.now(), stores: &stores }).problems
    }
}
