//! What people read of a case: the case itself with its people, items and history, and the README of its folder.

use chrono_tz::Tz;
use tillsight_schemas::money::Currency;

use super::words::{HOW_TO_CHECK, moment};
use crate::http::CaseDetail;

/// A code as words: `in_progress` becomes `in progress`.
fn spelt(code: &str) -> String {
    code.replace('_', " ")
}

fn amount(minor: Option<i64>, currency: Option<&str>) -> String {
    match (minor, currency.and_then(|code| Currency::new(code).ok())) {
        (Some(minor), Some(currency)) => currency.format(minor),
        (Some(minor), None) => minor.to_string(),
        (None, _) => "not known".to_owned(),
    }
}

/// A text under its first line, moved in.
fn within(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

/// A case to read; `parts` are the folders of its items.
pub(crate) fn in_words(case: &CaseDetail, parts: &[String], tz: Tz) -> String {
    let summary = &case.summary;
    let stores: Vec<&str> = summary.stores.iter().map(|store| store.as_str()).collect();
    let mut text = format!(
        "Case {}: {}\n\nStatus:     {}\nOwner:      {}\nStores:     {}\nLost:       {}\nRecovered:  {}\nOpened:     {} by {}\n\
         Changed:    {}\n",
        summary.number,
        summary.title,
        spelt(summary.status.as_str()),
        summary.owner.as_deref().unwrap_or("nobody"),
        if stores.is_empty() { "none".to_owned() } else { stores.join(", ") },
        amount(summary.loss_minor, summary.currency.as_deref()),
        amount(summary.recovered_minor, summary.currency.as_deref()),
        moment(summary.created_at, tz),
        summary.created_by,
        moment(summary.updated_at, tz),
    );
    if !case.summary_text.is_empty() {
        text.push_str(&format!("\nSummary\n{}", within(&case.summary_text)));
    }
    text.push_str("\nPeople\n");
    for person in &case.people {
        let id = person.operator_id.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
        let name = person.name.as_deref().map(|name| format!(", {name}")).unwrap_or_default();
        text.push_str(&format!("  {}: {}{id}{name}\n", person.role, person.kind));
        text.push_str(&person.note.as_deref().map(within).unwrap_or_default());
    }
    if case.people.is_empty() {
        text.push_str("  none named\n");
    }
    text.push_str("\nItems\n");
    for (item, part) in case.items.iter().zip(parts) {
        text.push_str(&format!("  {part}, added by {} at {}\n", item.added_by, moment(item.added_at, tz)));
        if let Some(alert) = &item.alert {
            let currency = alert.currency.as_deref();
            let decided = alert.disposition.map_or("open".to_owned(), |decided| spelt(decided.as_str()));
            text.push_str(&within(&format!(
                "{}: {}\nregister {} of store {}, {}, {decided}\n{}",
                alert.title,
                amount(alert.amount_minor, currency),
                alert.register_id,
                alert.store_id,
                moment(alert.event_time, tz),
                alert.reason
            )));
        }
        if let Some(receipt) = &item.receipt {
            let currency = receipt.currency.map(|currency| currency.to_string());
            text.push_str(&within(&format!(
                "{} no. {}: {}\nregister {} of store {}, {}",
                spelt(&receipt.kind),
                receipt.receipt_no.as_deref().unwrap_or("unknown"),
                amount(receipt.total_minor, currency.as_deref()),
                receipt.register_id,
                receipt.store_id,
                moment(receipt.event_time, tz)
            )));
        }
        if let Some(clip) = &item.clip {
            text.push_str(&within(&format!(
                "camera {} of store {}\nfrom {}\nto   {}",
                clip.camera_id,
                clip.store_id,
                moment(clip.from_at, tz),
                moment(clip.to_at, tz)
            )));
        }
        text.push_str(&item.text.as_deref().map(within).unwrap_or_default());
    }
    if case.items.is_empty() {
        text.push_str("  none\n");
    }
    text.push_str("\nHistory, oldest first\n");
    for entry in case.history.iter().rev() {
        text.push_str(&format!("  {}  {}  {}\n", moment(entry.at, tz), entry.by, spelt(entry.what.as_str())));
        text.push_str(&within(&entry.detail));
    }
    text
}

/// What stands at the top of a case's folder.
pub(crate) fn readme(case: &CaseDetail, parts: &[String], (by, at): (&str, String)) -> String {
    let mut text = format!(
        "Case {}: {}\n\nSaved by {by} at {at}\n\ncase.txt is the case to read, case.json the same for programs. Each item \
         has a folder\nwith a README of its own; the hashes of all files are in SHA256SUMS here.\n\n",
        case.summary.number, case.summary.title
    );
    for part in parts {
        text.push_str(&format!("  {part}\n"));
    }
    text.push_str(&format!("\n{HOW_TO_CHECK}"));
    text
}
