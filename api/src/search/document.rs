//! What a receipt and an alert are in the index: their fields, their text, and the record itself as JSON.

use chrono::{DateTime, Datelike as _, Utc};
use serde::{Deserialize, Serialize};
use tantivy::TantivyDocument;
use tantivy::schema::Field;
use tillsight_schemas::alert::{Alert, AlertState};
use tillsight_schemas::money::Currency;
use tillsight_schemas::pos::{Kind, PostedTransaction};
use tillsight_schemas::presence::PresenceState;
use tillsight_schemas::review::Disposition;
use tillsight_schemas::zone::ZoneKind;
use uuid::Uuid;

use super::fields::{Fields, code};
use crate::db::{AlertRow, people_of};

/// The code of receipts in the field `kind`.
pub(super) const RECEIPT: &str = "receipt";
/// The code of alerts.
pub(super) const ALERT: &str = "alert";
/// Alerts come before receipts of the same instant.
const ALERT_BIT: u64 = 1 << 63;

/// An alert as it lies in the index.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredAlert {
    /// The alert as it stands.
    pub(super) alert: Alert,
    /// The last decision.
    pub(super) disposition: Option<Disposition>,
    /// The kind of its anchor.
    pub(super) transaction: Option<Kind>,
    /// What its transactions say.
    pub(super) items: String,
    /// The receipt number of its anchor.
    pub(super) receipt_no: Option<String>,
    /// What reviewers noted.
    pub(super) notes: Vec<String>,
}

/// An alert with everything that its document is made of.
#[derive(Debug, Clone)]
pub(super) struct WholeAlert {
    /// The alert with its last decision.
    pub(super) row: AlertRow,
    /// The transactions it is about.
    pub(super) events: Vec<PostedTransaction>,
    /// What reviewers noted.
    pub(super) notes: Vec<String>,
}

/// The key of a receipt.
pub(super) fn receipt_key(event: Uuid) -> String {
    format!("{RECEIPT}/{event}")
}

/// The key of an alert.
pub(super) fn alert_key(alert: Uuid) -> String {
    format!("{ALERT}/{alert}")
}

struct Draft<'a> {
    fields: &'a Fields,
    document: TantivyDocument,
}

impl Draft<'_> {
    fn text(&mut self, field: impl FnOnce(&Fields) -> Field, text: &str) {
        self.document.add_text(field(self.fields), text);
    }

    fn maybe(&mut self, field: impl FnOnce(&Fields) -> Field, text: Option<&str>) {
        if let Some(text) = text {
            self.document.add_text(field(self.fields), text);
        }
    }

    fn place(&mut self, tenant: &str, store: &str, register: &str, operator: Option<&str>) {
        self.text(|f| f.tenant, tenant);
        self.text(|f| f.scope, &format!("{tenant}/{store}"));
        self.text(|f| f.store, store);
        self.text(|f| f.register, register);
        self.maybe(|f| f.operator, operator);
    }

    fn moment(&mut self, at: DateTime<Utc>, id: Uuid, alert: bool) {
        let tie = id.as_u64_pair().0 & !ALERT_BIT;
        self.document.add_i64(self.fields.at, at.timestamp_micros());
        self.document.add_u64(self.fields.tie, if alert { tie | ALERT_BIT } else { tie });
    }

    fn money(&mut self, minor: Option<i64>, currency: Option<Currency>) {
        if let Some(currency) = currency {
            self.text(|f| f.currency, currency.as_str());
        }
        if let Some(minor) = minor {
            let digits = currency.map_or(2, |currency| currency.exponent());
            let thousandths = minor.saturating_mul(10_i64.pow(3_u32.saturating_sub(digits)));
            self.document.add_i64(self.fields.amount, thousandths);
        }
    }

    fn codes(&mut self, transaction: &PostedTransaction) {
        for line in &transaction.transaction.lines {
            for text in [&line.gtin, &line.plu].into_iter().flatten() {
                self.text(|f| f.code, &code(text));
            }
        }
    }
}

/// The document of a receipt; `json` is the record.
pub(super) fn receipt(fields: &Fields, posted: &PostedTransaction, json: &str) -> TantivyDocument {
    let (header, transaction) = (&posted.header, &posted.transaction);
    let mut draft = Draft { fields, document: TantivyDocument::new() };
    draft.text(|f| f.key, &receipt_key(header.event_id));
    draft.text(|f| f.kind, RECEIPT);
    draft.place(
        header.tenant_id.as_str(),
        transaction.store_id.as_str(),
        transaction.register_id.as_str(),
        transaction.operator_id.as_ref().map(|id| id.as_str()),
    );
    draft.text(|f| f.transaction, transaction.kind.as_str());
    draft.maybe(|f| f.receipt, transaction.receipt_no.as_deref());
    draft.codes(posted);
    draft.moment(header.event_time, header.event_id, false);
    draft.money(transaction.total_minor, transaction.currency);
    draft.document.add_i64(fields.revision, i64::from(transaction.revision));
    // One that names itself replaces nothing.
    let replaces = transaction.replaces.filter(|replaced| *replaced != header.event_id);
    draft.maybe(|f| f.replaces, replaces.map(|replaced| replaced.to_string()).as_deref());
    draft.text(|f| f.integrator, header.integrator_id.as_str());
    if let Some(day) = transaction.business_day {
        draft.document.add_i64(fields.day, i64::from(day.num_days_from_ce()));
    }
    if let Some(number) = transaction.sequence_no {
        draft.document.add_i64(fields.sequence, number);
    }
    draft.text(|f| f.text, &receipt_words(posted));
    draft.text(|f| f.document, json);
    draft.document
}

/// The document of an alert.
pub(super) fn alert(fields: &Fields, whole: &WholeAlert) -> Result<TantivyDocument, serde_json::Error> {
    let WholeAlert { row, events, notes } = whole;
    let alert = &row.alert;
    let anchor = events.iter().find(|event| event.header.event_id == alert.anchor_event_id);
    let stored = StoredAlert {
        alert: alert.clone(),
        disposition: row.disposition,
        transaction: anchor.map(|event| event.transaction.kind),
        items: events.iter().map(items).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" · "),
        receipt_no: anchor.and_then(|event| event.transaction.receipt_no.clone()),
        notes: notes.clone(),
    };
    let mut draft = Draft { fields, document: TantivyDocument::new() };
    draft.text(|f| f.key, &alert_key(alert.alert_id));
    draft.text(|f| f.kind, ALERT);
    draft.place(
        alert.tenant_id.as_str(),
        alert.store_id.as_str(),
        alert.register_id.as_str(),
        alert.operator_id.as_ref().map(|id| id.as_str()),
    );
    let mut people = people_of(alert, events);
    people.extend(row.people.iter().cloned());
    for operator in people {
        draft.text(|f| f.concerned, &format!("/{operator}"));
        draft.text(|f| f.concerned, &format!("{}/{operator}", alert.store_id));
    }
    draft.maybe(|f| f.transaction, stored.transaction.map(Kind::as_str));
    draft.text(|f| f.rule, alert.rule_id.as_str());
    draft.text(|f| f.severity, alert.severity.as_str());
    draft.maybe(|f| f.disposition, row.disposition.map(Disposition::as_str));
    draft.text(|f| f.state, alert.state.as_str());
    let open = row.disposition.is_none() && alert.state != AlertState::Retracted;
    draft.text(|f| f.status, if open { "open" } else { "closed" });
    draft.text(|f| f.customer, customer(alert));
    draft.maybe(|f| f.receipt, stored.receipt_no.as_deref());
    for event in &alert.event_ids {
        draft.text(|f| f.event, &event.to_string());
    }
    for event in events {
        draft.codes(event);
    }
    draft.moment(alert.event_time, alert.alert_id, true);
    let currency = alert.currency.as_deref().and_then(|code| Currency::new(code).ok());
    draft.money(alert.amount_minor, currency);
    draft.document.add_i64(fields.revision, i64::from(alert.revision));
    draft.text(|f| f.text, &alert_words(&stored));
    draft.text(|f| f.document, &serde_json::to_string(&stored)?);
    Ok(draft.document)
}

/// Whether a customer was seen where the rule looked.
fn customer(alert: &Alert) -> &'static str {
    let seen = |state| alert.seen.iter().any(|span| span.zone_kind == ZoneKind::Customer && span.state == state);
    if seen(PresenceState::Present) {
        "yes"
    } else if seen(PresenceState::Absent) && !seen(PresenceState::Unknown) {
        "no"
    } else {
        "unknown"
    }
}

/// What a receipt lists.
fn items(posted: &PostedTransaction) -> String {
    let lines = posted.transaction.lines.iter();
    lines.filter_map(|line| line.description.as_deref()).collect::<Vec<_>>().join(" · ")
}

/// Everything of a receipt that can be read.
pub(super) fn receipt_words(posted: &PostedTransaction) -> String {
    let transaction = &posted.transaction;
    let mut words = vec![items(posted)];
    words.retain(|text| !text.is_empty());
    words.extend(transaction.receipt_no.as_ref().map(|number| format!("receipt {number}")));
    words.extend(transaction.operator_id.as_ref().map(|operator| format!("operator {operator}")));
    words.push(format!("register {}", transaction.register_id));
    words.extend(transaction.kind_raw.clone());
    let notes = transaction.lines.iter().filter_map(|line| line.price_override.as_ref()?.reason.clone());
    words.extend(notes);
    words.join(" · ")
}

/// Everything of an alert that can be read.
pub(super) fn alert_words(stored: &StoredAlert) -> String {
    let alert = &stored.alert;
    let mut words = vec![alert.reason.clone(), alert.title.clone(), stored.items.clone()];
    words.retain(|text| !text.is_empty());
    words.extend(stored.receipt_no.as_ref().map(|number| format!("receipt {number}")));
    words.extend(alert.operator_id.as_ref().map(|operator| format!("operator {operator}")));
    words.push(format!("register {}", alert.register_id));
    words.extend(stored.notes.iter().cloned());
    words.extend(alert.evidence.iter().filter_map(|evidence| evidence.note.clone()));
    words.join(" · ")
}

/// What a receipt is called in a list.
pub(super) fn receipt_title(posted: &PostedTransaction) -> String {
    let transaction = &posted.transaction;
    let kind = match transaction.kind {
        Kind::Return => "Refund".to_owned(),
        Kind::PostVoid => "Void".to_owned(),
        kind => {
            let words = kind.as_str().to_lowercase().replace('_', " ");
            let mut letters = words.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        }
    };
    let training = if transaction.training { ", training" } else { "" };
    match &transaction.receipt_no {
        Some(number) => format!("{kind}{training}, receipt {number}"),
        None => format!("{kind}{training}"),
    }
}
