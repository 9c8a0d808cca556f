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

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::super::tests::{Shop, sale};
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn neighbours_are_those_of_the_register_and_of_the_operator_wherever_they_went_within_the_span() {
        let shop = Shop::new().await;
        let rung = |tenant: &str, store: &str, number: i64, minutes: i64, register: &str, operator: Option<&str>| {
            let mut posted = sale(tenant, store, number, &["MILK"], 100, minutes);
            posted.transaction.register_id = register.parse().unwrap();
            posted.transaction.operator_id = operator.map(|id| id.parse().unwrap());
            posted
        };
        // An hour before noon is asked about.
        let about = rung("demo", "17", 1, 60, "1", Some("1042"));
        let unsigned = rung("demo", "17", 12, 60, "4", None);
        shop.ring(&[
            about.clone(),
            rung("demo", "17", 2, 65, "1", Some("7")),
            rung("demo", "17", 3, 46, "3", Some("1042")),
            // The first instant belongs to the span, the last does not.
            rung("demo", "17", 4, 75, "3", Some("1042")),
            rung("demo", "17", 5, 45, "3", Some("1042")),
            // Just outside on either side, of the register and of the operator.
            rung("demo", "17", 6, 76, "1", Some("7")),
            rung("demo", "17", 7, 44, "1", Some("7")),
            rung("demo", "17", 8, 76, "3", Some("1042")),
            // Somebody else at another register, and the same numbers in another shop and of another retailer.
            rung("demo", "17", 9, 60, "3", Some("7")),
            rung("demo", "42", 10, 60, "1", Some("1042")),
            rung("other", "17", 11, 60, "1", Some("1042")),
            unsigned.clone(),
        ]);
        let work = shop.work();
        work.becomes((12, 0)).await;
        let around = |posted: &PostedTransaction| {
            let (at, quarter) = (posted.header.event_time, TimeDelta::minutes(15));
            let found = work.search.neighbours(posted, TimeSpan::new(at - quarter, at + quarter).unwrap()).unwrap();
            found.iter().map(|posted| posted.header.event_id.as_u64_pair().0).collect::<Vec<_>>()
        };
        assert_eq!(around(&about), [4, 2, 1, 3], "by the tills' clocks");
        assert_eq!(around(&unsigned), [12], "without an operator there is the register alone");
        work.stop().await;
    }
}
