//! Conditions as Tantivy queries, with the scope around them.

use std::collections::BTreeMap;
use std::ops::Bound;

use tantivy::query::{
    BooleanQuery, ConstScoreQuery, EmptyQuery, InvertedIndexRangeQuery, Occur, PhraseQuery, Query, RangeQuery,
    TermQuery, TermSetQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, Term};

use super::document::{ALERT, receipt_key};
use super::fields::{Fields, code, words};
use super::language::{Condition, Name, Understood};
use super::replaced::replaced;
use super::{Scope, SearchError, failed, tally};

/// After every string that begins with another one.
const LAST: char = char::MAX;

/// A query and the words that a snippet marks.
pub(super) struct Lookup {
    pub(super) query: Box<dyn Query>,
    /// The same for receipts that are left out because others replace them; `None` when there are none in scope.
    pub(super) left_out: Option<Box<dyn Query>>,
    pub(super) marked: BTreeMap<String, f32>,
}

/// Makes the query: everything understood, within `span` (microseconds), in scope.
pub(super) fn lookup(
    fields: &Fields,
    searcher: &Searcher,
    understood: &Understood,
    span: (Option<i64>, Option<i64>),
    scope: &Scope,
) -> Result<Lookup, SearchError> {
    let mut marked = BTreeMap::new();
    let mut parts: Vec<(Occur, Box<dyn Query>)> = vec![(Occur::Must, silent(in_scope(fields, scope)))];
    if span != (None, None) {
        let range = within(fields.at, span.0.unwrap_or(i64::MIN), span.1.unwrap_or(i64::MAX));
        parts.push((Occur::Must, silent(range)));
    }
    for (negated, condition) in &understood.conditions {
        let query = match condition {
            Condition::Words(text) => {
                let tokens = tokens(text);
                if !negated {
                    marked.extend(tokens.iter().map(|token| (token.clone(), 1.0)));
                }
                free(fields, text, tokens)
            }
            Condition::Beginning(text) => beginning(fields, text),
            Condition::Is(name, values) => silent(any_of(fields, *name, values)),
            Condition::Amount(range) => {
                let term = |value| Bound::Included(Term::from_field_i64(fields.amount, value));
                silent(Box::new(RangeQuery::new(term(range.least), term(range.most))))
            }
            Condition::Within(start, end) => silent(within(fields.at, *start, *end)),
            Condition::HasAlert => silent(has_alert(fields, searcher, scope)?),
            Condition::Replaced => {
                let replaced: Box<dyn Query> = match replaced(fields, searcher, scope)? {
                    Some(replaced) => Box::new(replaced),
                    None => Box::new(EmptyQuery),
                };
                silent(replaced)
            }
        };
        parts.push((if *negated { Occur::MustNot } else { Occur::Must }, query));
    }
    let asked = understood.conditions.iter().any(|(_, condition)| *condition == Condition::Replaced);
    let replaced = if asked { None } else { replaced(fields, searcher, scope)? };
    let left_out = replaced.map(|replaced| -> Box<dyn Query> {
        let found = BooleanQuery::new(std::mem::take(&mut parts));
        parts.push((Occur::Must, Box::new(found.clone())));
        parts.push((Occur::MustNot, Box::new(replaced.clone())));
        Box::new(BooleanQuery::new(vec![(Occur::Must, Box::new(found)), (Occur::Must, Box::new(replaced))]))
    });
    Ok(Lookup { query: Box::new(BooleanQuery::new(parts)), left_out, marked })
}

/// The documents that a person may find.
pub(super) fn in_scope(fields: &Fields, scope: &Scope) -> Box<dyn Query> {
    let place: Box<dyn Query> = if scope.stores.is_empty() {
        term(fields.tenant, scope.tenant.as_str())
    } else {
        let name = |store| Term::from_field_text(fields.scope, &format!("{}/{store}", scope.tenant));
        Box::new(TermSetQuery::new(scope.stores.iter().map(name)))
    };
    if scope.without.is_empty() {
        return place;
    }
    let concerned = scope.without.names().map(|name| Term::from_field_text(fields.concerned, &name));
    let left_out: Box<dyn Query> = Box::new(TermSetQuery::new(concerned));
    Box::new(BooleanQuery::new(vec![(Occur::Must, place), (Occur::MustNot, left_out)]))
}

/// Documents with this value in a field of names.
pub(super) fn term_of(field: Field, value: &str) -> Box<dyn Query> {
    term(field, &value.to_lowercase())
}

/// A filter: it decides, but does not weigh.
fn silent(query: Box<dyn Query>) -> Box<dyn Query> {
    Box::new(ConstScoreQuery::new(query, 0.0))
}

fn term(field: Field, text: &str) -> Box<dyn Query> {
    Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::Basic))
}

pub(super) fn prefix(field: Field, text: &str) -> Box<dyn Query> {
    Box::new(InvertedIndexRangeQuery::new(
        Bound::Included(Term::from_field_text(field, text)),
        Bound::Excluded(Term::from_field_text(field, &format!("{text}{LAST}"))),
    ))
}

/// Documents of a span, in microseconds; the end is not in it.
pub(super) fn within(field: Field, start: i64, end: i64) -> Box<dyn Query> {
    Box::new(RangeQuery::new(
        Bound::Included(Term::from_field_i64(field, start)),
        Bound::Excluded(Term::from_field_i64(field, end)),
    ))
}

fn either(queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    Box::new(BooleanQuery::union(queries))
}

/// A text as the index has its words.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let mut analyzer = words();
    let mut stream = analyzer.token_stream(text);
    let mut tokens = Vec::new();
    while let Some(token) = stream.next() {
        tokens.push(token.text.clone());
    }
    tokens
}

/// A word or phrase in the text, or a whole receipt number, or a whole item number.
fn free(fields: &Fields, text: &str, tokens: Vec<String>) -> Box<dyn Query> {
    let mut ways = vec![term(fields.receipt, &text.to_lowercase())];
    let terms: Vec<Term> = tokens.iter().map(|token| Term::from_field_text(fields.text, token)).collect();
    match &terms[..] {
        [] => {}
        [one] => ways.push(Box::new(TermQuery::new(one.clone(), IndexRecordOption::WithFreqs))),
        _ => ways.push(Box::new(PhraseQuery::new(terms))),
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        ways.push(silent(term(fields.code, &code(text))));
    }
    either(ways)
}

/// Words before, and the beginning of the last one.
fn beginning(fields: &Fields, text: &str) -> Box<dyn Query> {
    let tokens = tokens(text);
    let Some((last, before)) = tokens.split_last() else { return Box::new(EmptyQuery) };
    let mut all: Vec<(Occur, Box<dyn Query>)> =
        before.iter().map(|token| (Occur::Must, term(fields.text, token))).collect();
    all.push((Occur::Must, prefix(fields.text, last)));
    let mut ways: Vec<Box<dyn Query>> =
        vec![Box::new(BooleanQuery::new(all)), prefix(fields.receipt, &text.to_lowercase())];
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        ways.push(prefix(fields.code, &code(text)));
    }
    either(ways)
}

fn any_of(fields: &Fields, name: Name, values: &[String]) -> Box<dyn Query> {
    let field = match name {
        Name::Kind => fields.kind,
        Name::Transaction => fields.transaction,
        Name::Operator => fields.operator,
        Name::Store => fields.store,
        Name::Register => fields.register,
        Name::Rule => fields.rule,
        Name::Receipt => fields.receipt,
        Name::Code => fields.code,
        Name::Customer => fields.customer,
        Name::Status => fields.status,
        Name::State => fields.state,
        Name::Disposition => fields.disposition,
        Name::Severity => fields.severity,
    };
    let one = |value: &String| {
        let value = value.to_lowercase();
        match value.strip_suffix('*') {
            Some("") => prefix(field, ""),
            Some(start) if name == Name::Code => prefix(field, &code(start)),
            Some(start) => prefix(field, start),
            None if name == Name::Rule => prefix(field, &value),
            None if name == Name::Code => term(field, &code(&value)),
            None => term(field, &value),
        }
    };
    either(values.iter().map(one).collect())
}

/// Receipts that a standing alert is about, and those alerts.
fn has_alert(fields: &Fields, searcher: &Searcher, scope: &Scope) -> Result<Box<dyn Query>, SearchError> {
    let standing = BooleanQuery::new(vec![
        (Occur::Must, in_scope(fields, scope)),
        (Occur::Must, term(fields.kind, ALERT)),
        (Occur::MustNot, term(fields.state, "retracted")),
    ]);
    let (receipts, _) = receipts_of(fields, searcher, &standing, "event")?;
    Ok(either(vec![Box::new(receipts), Box::new(standing)]))
}

/// The receipts that a field of documents names, and how many are named.
pub(super) fn receipts_of(
    fields: &Fields,
    searcher: &Searcher,
    documents: &dyn Query,
    field: &'static str,
) -> Result<(TermSetQuery, usize), SearchError> {
    let events = searcher.search(documents, &tally::Events(field)).map_err(failed("search"))?;
    let receipts = events.iter().filter_map(|event| event.parse().ok()).map(receipt_key);
    let receipts = TermSetQuery::new(receipts.map(|key| Term::from_field_text(fields.key, &key)));
    Ok((receipts, events.len()))
}
