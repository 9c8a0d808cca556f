//! [`Search::neighbours`]: what else happened at a register, and what else its operator did, around a transaction.

use std::collections::BTreeMap;

use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, Occur, Query};
use tillsight_schemas::TimeSpan;
use tillsight_schemas::pos::PostedTransaction;

use super::document::RECEIPT;
use super::index::stored;
use super::lookup::{in_scope, term_of, within};
use super::{Scope, Search, SearchError, failed};

/// The most transactions of an answer.
pub const MOST_NEIGHBOURS: usize = 400;

impl Search {
    /// The transactions of a span at the register of `about` or by its operator, in order of the tills' clocks, itself
    /// among them; at most [`MOST_NEIGHBOURS`], the earliest.
    ///
    /// # Errors
    /// [`SearchError`].
    pub fn neighbours(&self, about: &PostedTransaction, span: TimeSpan) -> Result<Vec<PostedTransaction>, SearchError> {
        let (header, transaction) = (&about.header, &about.transaction);
        let fields = &self.fields;
        let scope = Scope::whole(header.tenant_id.clone(), vec![transaction.store_id.clone()]);
        let mut whose: Vec<Box<dyn Query>> = vec![term_of(fields.register, transaction.register_id.as_str())];
        whose.extend(transaction.operator_id.as_ref().map(|operator| term_of(fields.operator, operator.as_str())));
        let (start, end) = (span.start().timestamp_micros(), span.end().timestamp_micros());
        let query = BooleanQuery::new(vec![
            (Occur::Must, in_scope(fields, &scope)),
            (Occur::Must, term_of(fields.kind, RECEIPT)),
            (Occur::Must, within(fields.at, start, end)),
            (Occur::Must, Box::new(BooleanQuery::union(whose))),
        ]);
        let searcher = self.reader.searcher();
        let earliest = TopDocs::with_limit(MOST_NEIGHBOURS).order_by_fast_field::<i64>("at", tantivy::Order::Asc);
        let found = searcher.search(&query, &earliest).map_err(failed("search"))?;
        let mut neighbours = BTreeMap::new();
        for (_, address) in found {
            let posted: PostedTransaction = stored(&searcher, fields, address)?;
            neighbours.insert((posted.header.event_time, posted.header.event_id), posted);
        }
        Ok(neighbours.into_values().collect())
    }
}
