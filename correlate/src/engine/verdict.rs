//! From what a rule's SQL returned to judgements and alerts.
//!
//! The content hash covers what was judged and nothing of when or in which order: a repetition has the same hash. What only
//! explains it (the numbers that held, where records came in, what would have kept the alert away) is no part of it: it
//! follows from what is hashed, back-tests do not work it out, and an alert of before has the hash of then.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use tillsight_schemas::alert::{
    Alert, AlertNumber, AlertRecord, AlertState, ClockStatement, Evidence, Fact, SeenSpan, Severity, alert_id,
};
use tillsight_schemas::clock_offset::ClockMethod;
use tillsight_schemas::id::{CameraId, RuleId, StoreKey};
use tillsight_schemas::judgement::{Judgement, Outcome};
use tillsight_schemas::pos::PostedTransaction;
use uuid::Uuid;

use super::memory::{Memory, Span};
use super::plan::Compiled;
use super::tables::{Anchor, begin_us};
use crate::rule::{Header, RuleError, explain};

/// The number of a rule that says how far around an anchor it looks at presence, in milliseconds.
pub(super) const MARGIN: &str = "margin_ms";
/// The fields that only explain, as they are written when they are empty.
const EXPLAINING: &str = r#","numbers":[],"records":[],"counterfactual":[]"#;

/// One row of a rule's result.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) outcome: Outcome,
    pub(crate) why: String,
    pub(crate) severity: Severity,
    pub(crate) amount_minor: Option<i64>,
    pub(crate) members: Vec<Uuid>,
    pub(crate) facts: BTreeMap<String, String>,
}

impl Row {
    /// Says nothing about the anchor.
    pub(crate) fn silent(header: &Header, outcome: Outcome, why: &str) -> Self {
        Self {
            outcome,
            why: why.to_owned(),
            severity: header.severity,
            amount_minor: None,
            members: Vec::new(),
            facts: BTreeMap::new(),
        }
    }

    /// The whole numbers that were found.
    pub(crate) fn numbers(&self) -> Vec<i64> {
        self.facts.values().filter_map(|value| value.parse().ok()).chain(self.amount_minor).collect()
    }
}

/// Reads a rule's result: anchor by anchor.
pub(crate) fn rows(rule: &Compiled, batches: &[RecordBatch]) -> Result<BTreeMap<Uuid, Row>, RuleError> {
    let header = &rule.rule.header;
    let wrong = |problem: String| header.wrong(problem);
    let columns_failed = |error: ArrowError| header.wrong(format!("its result cannot be read: {error}"));
    let mut rows = BTreeMap::new();
    for batch in batches {
        let columns = batch.columns().iter().map(|column| cast(column, &DataType::Utf8));
        let columns: Vec<_> = columns.collect::<Result<_, _>>().map_err(columns_failed)?;
        let names: Vec<String> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        for row in 0..batch.num_rows() {
            let mut values: BTreeMap<String, String> = names
                .iter()
                .zip(&columns)
                .filter_map(|(name, column)| {
                    let texts = column.as_string_opt::<i32>()?;
                    texts.is_valid(row).then(|| (name.clone(), texts.value(row).to_owned()))
                })
                .collect();
            let mut take = |name: &str| values.remove(name);
            let anchor = take("anchor_id").and_then(|id| id.parse().ok());
            let anchor: Uuid = anchor.ok_or_else(|| wrong("anchor_id is not the id of an anchor".to_owned()))?;
            let outcome = take("outcome").unwrap_or_default();
            let outcome = outcome.parse().map_err(|problem| wrong(format!("its outcome {problem}")))?;
            let why = take("why").unwrap_or_default();
            let severity = take("severity").map(|code| code.parse()).transpose();
            let severity = severity.map_err(|problem| wrong(format!("its severity {problem}")))?;
            let amount_minor = take("amount_minor").and_then(|amount| amount.parse().ok());
            let members = take("members").unwrap_or_default();
            let members = members.split(',').filter_map(|id| id.trim().parse().ok()).collect();
            let severity = severity.unwrap_or(header.severity);
            let found = Row { outcome, why, severity, amount_minor, members, facts: values };
            if rows.insert(anchor, found).is_some() {
                return Err(wrong(format!("it returned two rows for the anchor {anchor}")));
            }
        }
    }
    Ok(rows)
}

/// The span of the recorder's clock that a rule looks at: from, to. A rule that looks back at transactions sees who was
/// there then, too.
pub(crate) fn looked(header: &Header, anchor: &Anchor) -> Range<i64> {
    let around = around(header, anchor);
    around.start - header.lookback_seconds * 1_000_000..around.end
}

/// The part of it that is about the anchor itself.
fn around(header: &Header, anchor: &Anchor) -> Range<i64> {
    let margin = anchor.number(header, MARGIN).map_or(0, |margin| margin * 1_000);
    let margin = margin.max(header.lookahead_seconds * 1_000_000) + anchor.aligned.bound_us;
    anchor.aligned.begin_us - margin..anchor.aligned.end_us + margin
}

/// What lies near an anchor.
pub(crate) trait Near {
    /// A transaction of the anchor's store.
    fn transaction(&self, id: Uuid) -> Option<Arc<PostedTransaction>>;

    /// The states of the store's zones that overlap a span.
    fn spans(&self, of: &Range<i64>) -> Vec<Span>;
}

impl Near for Memory {
    fn transaction(&self, id: Uuid) -> Option<Arc<PostedTransaction>> {
        self.event(id).map(|event| Arc::clone(&event.posted))
    }

    fn spans(&self, of: &Range<i64>) -> Vec<Span> {
        Self::spans(self, of).cloned().collect()
    }
}

/// What a judgement is made of beside the row.
pub(crate) struct Circumstances<'a> {
    pub(crate) header: &'a Header,
    pub(crate) anchor: &'a Anchor,
    pub(crate) near: &'a dyn Near,
    /// The cameras that look at the register.
    pub(crate) cameras: Vec<CameraId>,
    pub(crate) provisional: bool,
    pub(crate) logged_at: DateTime<Utc>,
    pub(crate) now: DateTime<Utc>,
}

fn instant(us: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(us).unwrap_or_default()
}

impl Circumstances<'_> {
    fn posted(&self) -> &PostedTransaction {
        &self.anchor.posted
    }

    fn store(&self) -> StoreKey {
        let posted = self.posted();
        StoreKey::new(posted.header.tenant_id.clone(), posted.transaction.store_id.clone())
    }

    /// The id of the judgement, and of its alert.
    pub(crate) fn id(&self) -> Uuid {
        let store = self.store();
        let rule: &RuleId = &self.header.id;
        alert_id(rule, self.header.major, &store.tenant, &store.store, self.posted().header.event_id)
    }

    pub(crate) fn judgement(&self, row: &Row, revision: i32) -> Judgement {
        let posted = self.posted();
        Judgement {
            judgement_id: self.id(),
            revision,
            tenant_id: posted.header.tenant_id.clone(),
            store_id: posted.transaction.store_id.clone(),
            rule_id: self.header.id.clone(),
            rule_version: self.header.version.clone(),
            anchor_event_id: posted.header.event_id,
            register_id: posted.transaction.register_id.clone(),
            operator_id: posted.transaction.operator_id.clone(),
            event_time: posted.header.event_time,
            outcome: row.outcome,
            why: row.why.clone(),
            provisional: self.provisional,
            judged_at: self.now,
        }
    }

    /// The transactions of an alert, in order.
    pub(crate) fn members(&self, row: &Row) -> Vec<Arc<PostedTransaction>> {
        let others = row.members.iter().filter_map(|id| self.near.transaction(*id));
        let mut all: Vec<_> = others.chain([Arc::clone(&self.anchor.posted)]).collect();
        all.sort_by_key(|posted| (posted.header.event_time, posted.header.event_id));
        all.dedup_by_key(|posted| posted.header.event_id);
        all
    }

    pub(crate) fn alert(&self, row: &Row, revision: i32) -> Alert {
        let posted = self.posted();
        let currency = posted.transaction.currency;
        let members = self.members(row);
        let evidence = self.evidence(&members);
        let seen = if self.header.watched.is_empty() { Vec::new() } else { self.seen() };
        let mut words = row.facts.clone();
        let operator = posted.transaction.operator_id.as_ref().map_or("unknown", |id| id.as_str());
        words.insert("operator".to_owned(), operator.to_owned());
        words.insert("register".to_owned(), posted.transaction.register_id.to_string());
        words.insert("kind".to_owned(), explain::kind(posted.transaction.kind).to_owned());
        if let Some(minor) = row.amount_minor {
            words.insert("amount".to_owned(), explain::amount(minor, currency.as_ref()));
        }
        let facts = row.facts.iter().map(|(name, value)| Fact { name: name.clone(), value: value.clone() }).collect();
        let mut alert = Alert {
            alert_id: self.id(),
            revision,
            state: if revision == 0 { AlertState::Standing } else { AlertState::Amended },
            content_sha256: String::new(),
            tenant_id: posted.header.tenant_id.clone(),
            store_id: posted.transaction.store_id.clone(),
            rule_id: self.header.id.clone(),
            rule_version: self.header.version.clone(),
            severity: row.severity,
            anchor_event_id: posted.header.event_id,
            event_ids: members.iter().map(|member| member.header.event_id).collect(),
            register_id: posted.transaction.register_id.clone(),
            operator_id: posted.transaction.operator_id.clone(),
            business_day: posted.transaction.business_day,
            event_time: posted.header.event_time,
            amount_minor: row.amount_minor,
            currency: currency.map(|currency| currency.to_string()),
            title: self.header.title.clone(),
            reason: explain::fill(&self.header.explanation, &words),
            facts,
            evidence,
            clock: self.clock(),
            seen,
            provisional: self.provisional,
            anchor_logged_at: self.logged_at,
            raised_at: self.now,
            numbers: self.numbers(),
            records: members.iter().map(|member| record(member)).collect(),
            counterfactual: Vec::new(),
        };
        alert.content_sha256 = content(&alert);
        alert
    }

    /// The numbers of the rule that held.
    fn numbers(&self) -> Vec<AlertNumber> {
        let params = self.header.params.iter();
        params
            .map(|(name, param)| AlertNumber {
                name: name.clone(),
                unit: param.unit.clone(),
                value: self.anchor.number(self.header, name).unwrap_or(param.default),
                at_most: None,
                at_least: None,
            })
            .collect()
    }

    /// What is said of the clocks: without a camera there is none to agree with.
    fn clock(&self) -> ClockStatement {
        let mut statement = self.anchor.aligned.statement.clone();
        if self.cameras.is_empty() {
            statement.words = match statement.method {
                ClockMethod::Unsynchronised => {
                    "No camera to compare the till with; its clock is not measured yet.".to_owned()
                }
                _ => {
                    let tenths = (statement.uncertainty_us + 99_999) / 100_000;
                    let (whole, part) = (tenths / 10, tenths % 10);
                    format!("No camera to compare the till with; its own clock is right within {whole}.{part} s.")
                }
            };
        }
        statement
    }

    fn evidence(&self, members: &[Arc<PostedTransaction>]) -> Vec<Evidence> {
        let aligned = &self.anchor.aligned;
        // Video of the last minutes: an event of hours ago (a voided sale) is a receipt, not a part of this clip.
        let shift = aligned.statement.offset_us;
        let recent = aligned.begin_us - 600_000_000;
        let first = members.iter().map(|member| begin_us(member) + shift).filter(|begin| *begin >= recent).min();
        let begin = first.unwrap_or(aligned.begin_us).min(aligned.begin_us);
        let before = TimeDelta::seconds(self.header.clip.before_seconds);
        let after = TimeDelta::seconds(self.header.clip.after_seconds);
        let evidence = |camera_id: Option<CameraId>, note: Option<String>| Evidence {
            camera_id,
            from_at: instant(begin - aligned.bound_us) - before,
            to_at: instant(aligned.end_us + aligned.bound_us) + after,
            event_at: instant(aligned.end_us),
            note,
        };
        if self.cameras.is_empty() {
            let note = format!("No camera looks at register {}.", self.posted().transaction.register_id);
            return vec![evidence(None, Some(note))];
        }
        self.cameras.iter().map(|camera| evidence(Some(camera.clone()), None)).collect()
    }

    /// The states of the register's zones around the anchor.
    fn seen(&self) -> Vec<SeenSpan> {
        let looked = around(self.header, self.anchor);
        let register = &self.posted().transaction.register_id;
        let ours = |span: &&Span| span.register.as_ref() == Some(register) && self.header.watched.contains(&span.kind);
        let mut spans = self.near.spans(&looked);
        spans.retain(|span| ours(&span));
        spans
            .into_iter()
            .map(|span| SeenSpan {
                zone_id: span.zone,
                zone_kind: span.kind,
                start_at: instant(span.start_us.max(looked.start)),
                end_at: instant(span.end_us.min(looked.end)),
                state: span.state,
                blind: span.blind,
                source: span.source,
            })
            .collect()
    }
}

/// Where a transaction came in.
fn record(posted: &PostedTransaction) -> AlertRecord {
    let header = &posted.header;
    AlertRecord {
        event_id: header.event_id,
        topic: header.landing_topic.clone(),
        partition: header.landing_partition,
        offset: header.landing_offset,
    }
}

/// The hash of what was judged. When it was judged, in which revision, what number the statement about
/// the clock had, and what only explains it, does not belong to it.
fn content(alert: &Alert) -> String {
    let hashed = Alert {
        clock: ClockStatement { version: 0, ..alert.clock.clone() },
        revision: 0,
        state: AlertState::Standing,
        content_sha256: String::new(),
        anchor_logged_at: DateTime::UNIX_EPOCH,
        raised_at: DateTime::UNIX_EPOCH,
        numbers: Vec::new(),
        records: Vec::new(),
        counterfactual: Vec::new(),
        ..alert.clone()
    };
    let text = serde_json::to_string(&hashed).unwrap_or_default().replace(EXPLAINING, "");
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_explains_an_alert_changes_no_hash_and_one_of_before_has_the_hash_of_then() {
        let mut alert: Alert = serde_json::from_str(include_str!("../../../schemas/samples/v1/alert.json")).unwrap();
        let before = content(&alert);
        alert.counterfactual = vec!["Would not fire if voids ≤ 4.".to_owned()];
        alert.numbers = vec![AlertNumber {
            name: "more_than".to_owned(),
            unit: "voids".to_owned(),
            value: 4,
            at_most: None,
            at_least: Some(5),
        }];
        assert_eq!(content(&alert), before);
        alert.reason.push('!');
        assert_ne!(content(&alert), before);
        // What was hashed before there were such fields: the text without them.
        (alert.numbers, alert.counterfactual) = (Vec::new(), Vec::new());
        let text = serde_json::to_string(&alert).unwrap();
        assert!(text.ends_with(&format!("{EXPLAINING}}}")), "{text}");
    }
}
