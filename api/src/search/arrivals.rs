//! [`Search::arrivals`]: what has come of a store's business day, number by number, for those who ask whether it is all.

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::{Column, StrColumn};
use tantivy::query::{BooleanQuery, Occur};
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader};

use super::document::RECEIPT;
use super::lookup::{in_scope, term_of, within};
use super::replaced::replaced;
use super::{Scope, Search, SearchError, failed};

/// A transaction that holds: its latest revision, and no other one replaces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// Who sent it.
    pub(crate) integrator: String,
    /// The register.
    pub(crate) register: String,
    /// The till's running number.
    pub(crate) number: Option<i64>,
    /// When it completed, by the till's own clock.
    pub(crate) at: DateTime<Utc>,
    /// Whether it corrects an earlier record.
    pub(crate) is_correction: bool,
}

impl Search {
    /// The transactions that hold of one business day within a scope. Reads the disk: call it where that is allowed.
    ///
    /// # Errors
    /// [`SearchError::Index`].
    pub(crate) fn arrivals(&self, day: NaiveDate, scope: &Scope) -> Result<Vec<Arrival>, SearchError> {
        let (fields, searcher) = (&self.fields, self.reader.searcher());
        let day = i64::from(day.num_days_from_ce());
        let mut parts = vec![
            (Occur::Must, in_scope(fields, scope)),
            (Occur::Must, term_of(fields.kind, RECEIPT)),
            (Occur::Must, within(fields.day, day, day + 1)),
        ];
        if let Some(replaced) = replaced(fields, &searcher, scope)? {
            parts.push((Occur::MustNot, Box::new(replaced)));
        }
        searcher.search(&BooleanQuery::new(parts), &Arrivals).map_err(failed("search"))
    }
}

/// Collects arrivals from the columns, without reading the records.
struct Arrivals;

/// The same for one segment. A column that no document of it has is not there.
struct Segment {
    integrator: Option<StrColumn>,
    register: Option<StrColumn>,
    number: Option<Column<i64>>,
    at: Column<i64>,
    revision: Column<i64>,
    replaces: Option<StrColumn>,
    found: Vec<DocId>,
}

impl Collector for Arrivals {
    type Fruit = Vec<Arrival>;
    type Child = Segment;

    fn for_segment(&self, _: SegmentOrdinal, reader: &SegmentReader) -> tantivy::Result<Segment> {
        let fast = reader.fast_fields();
        Ok(Segment {
            integrator: fast.str("integrator")?,
            register: fast.str("register")?,
            number: fast.column_opt::<i64>("sequence")?,
            at: fast.i64("at")?,
            revision: fast.i64("revision")?,
            replaces: fast.str("replaces")?,
            found: Vec::new(),
        })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, segments: Vec<tantivy::Result<Vec<Arrival>>>) -> tantivy::Result<Vec<Arrival>> {
        let segments = segments.into_iter().collect::<tantivy::Result<Vec<_>>>()?;
        Ok(segments.into_iter().flatten().collect())
    }
}

impl SegmentCollector for Segment {
    type Fruit = tantivy::Result<Vec<Arrival>>;

    fn collect(&mut self, document: DocId, _: Score) {
        self.found.push(document);
    }

    fn harvest(self) -> Self::Fruit {
        let arrival = |document: &DocId| -> tantivy::Result<Arrival> {
            let document = *document;
            let has_replaced = self.replaces.as_ref().is_some_and(|column| column.ords().first(document).is_some());
            Ok(Arrival {
                integrator: text(self.integrator.as_ref(), document)?,
                register: text(self.register.as_ref(), document)?,
                number: self.number.as_ref().and_then(|column| column.first(document)),
                at: DateTime::from_timestamp_micros(self.at.first(document).unwrap_or_default()).unwrap_or_default(),
                is_correction: has_replaced || self.revision.first(document).is_some_and(|revision| revision > 0),
            })
        };
        self.found.iter().map(arrival).collect()
    }
}

fn text(column: Option<&StrColumn>, document: DocId) -> tantivy::Result<String> {
    let mut text = String::new();
    if let Some(column) = column
        && let Some(ordinal) = column.ords().first(document)
    {
        column.ord_to_str(ordinal, &mut text)?;
    }
    Ok(text)
}
