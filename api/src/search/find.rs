//! [`Search::find`]: a question, and its answer as `GET /api/v1/search` gives it.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use tantivy::collector::{Count, TopDocs};
use tantivy::query::{Bm25StatisticsProvider, BooleanQuery, Occur, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::snippet::SnippetGenerator;
use tantivy::{DocAddress, Searcher, Term};
use tillsight_schemas::alert::{AlertState, Severity};
use tillsight_schemas::codes;
use tillsight_schemas::id::{OperatorId, RegisterId, RuleId, StoreId};
use tillsight_schemas::metric;
use tillsight_schemas::pos::{Kind, PostedTransaction};
use tillsight_schemas::review::Disposition;
use tillsight_schemas::store::Store;
use uuid::Uuid;

use super::document::{self, ALERT, StoredAlert};
use super::fields::words;
use super::histogram::buckets;
use super::index::stored;
use super::language::{Condition, Context, Name, understand};
use super::lookup::lookup;
use super::replaced::replacing;
use super::tally::{Rank, Tallied, Tally};
use super::{Scope, Search, SearchError, failed};

pub use super::histogram::Bucket;

/// The most hits of a page.
const LARGEST_PAGE: usize = 200;
/// The most values of a facet.
const LARGEST_FACET: usize = 50;
/// The longest snippet, in characters.
const SNIPPET: usize = 160;

codes! {
    /// What a hit is.
    pub enum HitKind {
        /// An alert.
        Alert = "alert",
        /// A receipt.
        Receipt = "receipt",
    }

    /// In which order hits come.
    pub enum Order {
        /// Newest first.
        Time = "time",
        /// Best first.
        Score = "score",
    }
}

/// A question.
#[derive(Debug, Clone)]
pub struct Request {
    /// The query; everything when empty.
    pub text: String,
    /// Only from this instant on.
    pub from: Option<DateTime<Utc>>,
    /// Only before this instant.
    pub to: Option<DateTime<Utc>>,
    /// What the asker may find.
    pub scope: Scope,
    /// In which order.
    pub order: Order,
    /// At most so many hits.
    pub limit: usize,
    /// The cursor of the page before.
    pub cursor: Option<String>,
}

/// An answer.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// This page.
    pub items: Vec<Hit>,
    /// How many there are on all pages.
    pub total: u64,
    /// How long it took.
    pub took_ms: u64,
    /// How often each value occurs.
    pub facets: Facets,
    /// When.
    pub histogram: Vec<Bucket>,
    /// The cursor of the next page.
    pub next_cursor: Option<String>,
    /// What was not understood, in sentences.
    pub problems: Vec<String>,
}

/// Counts per value, the most frequent first.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Facets {
    /// Per rule.
    pub rule: Vec<FacetValue>,
    /// Per kind of transaction.
    pub r#type: Vec<FacetValue>,
    /// Per store.
    pub store: Vec<FacetValue>,
    /// Per register.
    pub register: Vec<FacetValue>,
    /// Per operator.
    pub operator: Vec<FacetValue>,
    /// Per decision.
    pub disposition: Vec<FacetValue>,
}

/// A value and how often it occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FacetValue {
    /// The value.
    pub value: String,
    /// How often.
    pub count: u64,
}

/// An alert or receipt that was found.
#[derive(Debug, Clone, Serialize)]
pub struct Hit {
    /// Which of them.
    pub kind: HitKind,
    /// The alert's or the transaction's id.
    pub id: Uuid,
    /// The alert; for a receipt one that is about it.
    pub alert_id: Option<Uuid>,
    /// The transaction; for an alert its anchor.
    pub event_id: Uuid,
    /// The shop.
    pub store_id: StoreId,
    /// The register.
    pub register_id: RegisterId,
    /// Who worked it.
    pub operator_id: Option<OperatorId>,
    /// When it completed, by the till's own clock.
    #[serde(serialize_with = "instant")]
    pub event_time: DateTime<Utc>,
    /// The kind of transaction.
    pub r#type: Option<Kind>,
    /// The rule of an alert.
    pub rule_id: Option<RuleId>,
    /// How much an alert matters.
    pub severity: Option<Severity>,
    /// Whether an alert stands.
    pub state: Option<AlertState>,
    /// In a few words.
    pub title: String,
    /// The amount, in minor units.
    pub amount_minor: Option<i64>,
    /// ISO 4217 code of the amount.
    pub currency: Option<String>,
    /// What was found, as HTML with `<mark>`; everything else is escaped.
    pub snippet: String,
    /// What was decided.
    pub disposition: Option<Disposition>,
    /// The transaction that a receipt replaces.
    pub replaces: Option<Uuid>,
    /// The transaction that replaces a receipt: a correction of it.
    pub replaced_by: Option<Uuid>,
}

/// Instants travel in UTC with microseconds.
pub(super) fn instant<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_rfc3339_opts(SecondsFormat::Micros, true))
}

impl Search {
    /// Answers a question. Reads the disk and counts: call it where that is allowed.
    ///
    /// # Errors
    /// [`SearchError::Cursor`] when the cursor is not ours, else [`SearchError::Index`] or [`SearchError::Damaged`].
    pub fn find(&self, request: &Request) -> Result<Answer, SearchError> {
        let began = Instant::now();
        let stores = self.stores_of(&request.scope);
        let mut understood = understand(&request.text, Context { now: self.clock.now(), stores: &stores });
        let notes = std::mem::take(&mut understood.notes);
        understood.problems.extend(notes);
        if !self.is_complete() {
            understood.problems.push("The index is being built: there may be more than is shown.".to_owned());
        }
        let searcher = self.reader.searcher();
        let micros = |at: DateTime<Utc>| at.timestamp_micros();
        let span = (request.from.map(micros), request.to.map(micros));
        let asked = lookup(&self.fields, &searcher, &understood, span, &request.scope)?;
        if let Some(left_out) = &asked.left_out {
            let count = searcher.search(left_out, &Count).map_err(failed("search"))?;
            understood.problems.extend(left_out_words(count));
        }
        let limit = request.limit.clamp(1, LARGEST_PAGE);
        let tally = Tally {
            // One more tells whether there is another page.
            limit: limit + 1,
            after: request.cursor.as_deref().map(read_cursor).transpose()?,
            weighed: request.order == Order::Score,
        };
        // What is common in the index tells of documents that are not found.
        let tallied = if request.scope.without.is_empty() {
            searcher.search(&asked.query, &tally)
        } else {
            searcher.search_with_statistics_provider(&asked.query, &tally, &Alike)
        };
        let mut tallied = tallied.map_err(failed("search"))?;
        let more = tallied.first.len() > limit;
        tallied.first.truncate(limit);
        let next_cursor = tallied.first.last().filter(|_| more).map(|(rank, _)| write_cursor(*rank));
        let page = Page { search: self, searcher: &searcher, scope: &request.scope, marked: asked.marked };
        let items = tallied.first.iter().map(|(rank, address)| page.hit(*rank, *address)).collect::<Result<_, _>>()?;
        let named = understood.conditions.iter().find_map(|(negated, condition)| match condition {
            Condition::Is(Name::Store, ids) if !negated => ids.first(),
            _ => None,
        });
        let calendar = stores.iter().find(|store| named.is_none_or(|id| store.id.as_str().eq_ignore_ascii_case(id)));
        let histogram = buckets(&tallied.times, calendar.map_or(chrono_tz::UTC, |store| store.tz));
        let took = began.elapsed();
        metrics::histogram!(metric::SEARCH_QUERY_SECONDS).record(took.as_secs_f64());
        Ok(Answer {
            items,
            total: tallied.total,
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            facets: facets(tallied),
            histogram,
            next_cursor,
            problems: understood.problems,
        })
    }

    pub(super) fn stores_of(&self, scope: &Scope) -> Vec<Store> {
        let visible = |store: &&Store| {
            store.tenant == scope.tenant && (scope.stores.is_empty() || scope.stores.contains(&store.id))
        };
        self.stores.iter().filter(visible).cloned().collect()
    }
}

/// Statistics of an index in which all words are equally rare: only the document itself weighs.
struct Alike;

impl Bm25StatisticsProvider for Alike {
    fn total_num_tokens(&self, _: Field) -> tantivy::Result<u64> {
        Ok(16)
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(1)
    }

    fn doc_freq(&self, _: &Term) -> tantivy::Result<u64> {
        Ok(1)
    }
}

fn left_out_words(receipts: usize) -> Option<String> {
    match receipts {
        0 => None,
        1 => Some("One receipt is left out because another one replaces it: `is:replaced` finds it.".to_owned()),
        many => Some(format!("{many} receipts are left out because others replace them: `is:replaced` finds them.")),
    }
}

fn facets(tallied: Tallied) -> Facets {
    let [rule, kind, store, register, operator, disposition] = tallied.facets.map(ranked);
    Facets { rule, r#type: kind, store, register, operator, disposition }
}

fn ranked(counts: HashMap<String, u64>) -> Vec<FacetValue> {
    let mut values: Vec<FacetValue> = counts.into_iter().map(|(value, count)| FacetValue { value, count }).collect();
    values.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
    values.truncate(LARGEST_FACET);
    values
}

fn write_cursor(rank: Rank) -> String {
    format!("{:x}.{}.{:x}", rank.weight, rank.at, rank.tie)
}

fn read_cursor(text: &str) -> Result<Rank, SearchError> {
    let read = || {
        let mut parts = text.split('.');
        let rank = Rank {
            weight: u32::from_str_radix(parts.next()?, 16).ok()?,
            at: parts.next()?.parse().ok()?,
            tie: u64::from_str_radix(parts.next()?, 16).ok()?,
        };
        parts.next().is_none().then_some(rank)
    };
    read().ok_or(SearchError::Cursor)
}

/// What the hits of a page are made with.
struct Page<'a> {
    search: &'a Search,
    searcher: &'a Searcher,
    scope: &'a Scope,
    marked: BTreeMap<String, f32>,
}

impl Page<'_> {
    fn hit(&self, rank: Rank, address: DocAddress) -> Result<Hit, SearchError> {
        let (searcher, fields) = (self.searcher, &self.search.fields);
        if rank.is_alert() {
            return Ok(self.alert(&stored(searcher, fields, address)?));
        }
        self.receipt(&stored(searcher, fields, address)?)
    }

    fn receipt(&self, posted: &PostedTransaction) -> Result<Hit, SearchError> {
        let (header, transaction) = (&posted.header, &posted.transaction);
        let alert = self.alert_about(header.event_id)?;
        Ok(Hit {
            kind: HitKind::Receipt,
            id: header.event_id,
            alert_id: alert.map(|stored| stored.alert.alert_id),
            event_id: header.event_id,
            store_id: transaction.store_id.clone(),
            register_id: transaction.register_id.clone(),
            operator_id: transaction.operator_id.clone(),
            event_time: header.event_time,
            r#type: Some(transaction.kind),
            rule_id: None,
            severity: None,
            state: None,
            title: document::receipt_title(posted),
            amount_minor: transaction.total_minor,
            currency: transaction.currency.map(|currency| currency.as_str().to_owned()),
            snippet: self.snippet(&document::receipt_words(posted)),
            disposition: None,
            replaces: transaction.replaces,
            replaced_by: replacing(&self.search.fields, self.searcher, &[header.event_id], self.scope)?
                .remove(&header.event_id),
        })
    }

    fn alert(&self, stored: &StoredAlert) -> Hit {
        let alert = &stored.alert;
        Hit {
            kind: HitKind::Alert,
            id: alert.alert_id,
            alert_id: Some(alert.alert_id),
            event_id: alert.anchor_event_id,
            store_id: alert.store_id.clone(),
            register_id: alert.register_id.clone(),
            operator_id: alert.operator_id.clone(),
            event_time: alert.event_time,
            r#type: stored.transaction,
            rule_id: Some(alert.rule_id.clone()),
            severity: Some(alert.severity),
            state: Some(alert.state),
            title: alert.title.clone(),
            amount_minor: alert.amount_minor,
            currency: alert.currency.clone(),
            snippet: self.snippet(&document::alert_words(stored)),
            disposition: stored.disposition,
            replaces: None,
            replaced_by: None,
        }
    }

    /// An alert about a transaction that was not taken back, within the scope.
    fn alert_about(&self, event: Uuid) -> Result<Option<StoredAlert>, SearchError> {
        let fields = &self.search.fields;
        let term = |field, text: &str| -> Box<dyn Query> {
            Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::Basic))
        };
        let query = BooleanQuery::new(vec![
            (Occur::Must, term(fields.event, &event.to_string())),
            (Occur::Must, super::lookup::in_scope(fields, self.scope)),
            (Occur::Must, term(fields.kind, ALERT)),
            (Occur::MustNot, term(fields.state, AlertState::Retracted.as_str())),
        ]);
        let found = self.searcher.search(&query, &TopDocs::with_limit(1).order_by_score()).map_err(failed("search"))?;
        found.first().map(|(_, address)| stored(self.searcher, fields, *address)).transpose()
    }

    /// The part of a text that has most of the words, marked; its beginning when it has none.
    fn snippet(&self, text: &str) -> String {
        let generator = SnippetGenerator::new(self.marked.clone(), words(), self.search.fields.text, SNIPPET);
        let mut snippet = generator.snippet(text);
        if !snippet.is_empty() {
            snippet.set_snippet_prefix_postfix("<mark>", "</mark>");
            return snippet.to_html();
        }
        let mut beginning: String = text.chars().take(SNIPPET).collect();
        if beginning.len() < text.len() {
            beginning.push('…');
        }
        escaped(&beginning)
    }
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut html, letter| {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#x27;"),
            letter => html.push(letter),
        }
        html
    })
}
