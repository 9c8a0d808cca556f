//! Receipts that others replace: corrections under another identity, because a part of the natural key was wrong. Both stay
//! in the index, in whatever order they came; a question leaves out the replaced ones unless it asks for them
//! (`is:replaced`). Whether one is replaced is asked of the receipts in scope, so nobody learns of a correction elsewhere.

use std::collections::BTreeMap;

use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, Occur, TermSetQuery};
use tantivy::{Searcher, Term};
use tillsight_schemas::pos::PostedTransaction;
use uuid::Uuid;

use super::fields::Fields;
use super::index::stored;
use super::lookup::{in_scope, prefix, receipts_of};
use super::{Scope, Search, SearchError, failed};

/// Corrections that are looked at for one answer.
const MOST: usize = 1_000;

/// The receipts in a scope that others in it replace; `None` when there are none.
pub(super) fn replaced(
    fields: &Fields,
    searcher: &Searcher,
    scope: &Scope,
) -> Result<Option<TermSetQuery>, SearchError> {
    let corrections =
        BooleanQuery::new(vec![(Occur::Must, in_scope(fields, scope)), (Occur::Must, prefix(fields.replaces, ""))]);
    let (receipts, count) = receipts_of(fields, searcher, &corrections, "replaces")?;
    Ok((count > 0).then_some(receipts))
}

/// What replaces these transactions, of those in a scope; the latest where several say so.
pub(super) fn replacing(
    fields: &Fields,
    searcher: &Searcher,
    events: &[Uuid],
    scope: &Scope,
) -> Result<BTreeMap<Uuid, Uuid>, SearchError> {
    let named = events.iter().map(|event| Term::from_field_text(fields.replaces, &event.to_string()));
    let query = BooleanQuery::new(vec![
        (Occur::Must, in_scope(fields, scope)),
        (Occur::Must, Box::new(TermSetQuery::new(named))),
    ]);
    let earliest = TopDocs::with_limit(MOST).order_by_fast_field::<i64>("at", tantivy::Order::Asc);
    let found = searcher.search(&query, &earliest).map_err(failed("search"))?;
    let mut replacing = BTreeMap::new();
    for (_, address) in found {
        let posted: PostedTransaction = stored(searcher, fields, address)?;
        replacing.extend(posted.transaction.replaces.map(|replaced| (replaced, posted.header.event_id)));
    }
    Ok(replacing)
}

impl Search {
    /// What replaces these transactions, of those in a scope. Reads the disk: call it where that is allowed.
    ///
    /// # Errors
    /// [`SearchError`].
    pub(crate) fn replacing(&self, events: &[Uuid], scope: &Scope) -> Result<BTreeMap<Uuid, Uuid>, SearchError> {
        replacing(&self.fields, &self.reader.searcher(), events, scope)
    }
}
