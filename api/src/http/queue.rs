//! `GET /api/v1/queue`, `POST /api/v1/alerts/review`, `PUT /api/v1/alerts/assignee`: alerts that belong together as one
//! item, in the order in which they are worth looking at; decisions about many at once; who looks at them.
//!
//! What a person does not see is left out, or `unknown`. One decision of many that cannot be taken costs the others
//! nothing. Decisions and assignments are kept for ever; they are what is audited, and have no second entry elsewhere.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use tillsight_schemas::id::{OperatorId, StoreId};
use tillsight_schemas::review::Disposition;
use uuid::Uuid;

use super::Shared;
use super::alerts::{self, changed, decides, limited, noted, reviewed, shown, unread};
use super::answer::answer;
use super::auth::{Caller, Person, Right};
use super::extract::{Body, Query, integer};
use super::people::{assignable, concerns_them};
use super::problem::Problem;
use super::views::{AlertSummary, StoreAsks};
use crate::db::{AlertRow, AlertState, Assignment, Decided, QueueFilter, QueueOrder, QueuePlace, QueueView, Whose};

/// Items of a page, unless the question says how many.
const PAGE: u32 = 50;
/// Items of a page at most.
const LARGEST_PAGE: u32 = 200;
/// Alerts that are decided about, or given to somebody, at once.
const AT_ONCE: usize = 200;

/// Which items are asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    state: Option<AlertState>,
    store: Option<StoreId>,
    rule: Option<String>,
    operator: Option<OperatorId>,
    assignee: Option<String>,
    #[serde(default)]
    asked: bool,
    sent: Option<QueueView>,
    sort: Option<QueueOrder>,
    cursor: Option<String>,
    limit: Option<NonZeroU32>,
}

/// Decisions as they are sent.
#[derive(Debug, Deserialize)]
pub(super) struct Decisions {
    decisions: Vec<LookedAt>,
    disposition: Disposition,
    #[serde(default)]
    note: Option<String>,
}

/// An alert as it was looked at.
#[derive(Debug, Deserialize)]
struct LookedAt {
    alert_id: Uuid,
    #[serde(deserialize_with = "integer")]
    revision: i32,
}

/// Who is to look at alerts.
#[derive(Debug, Deserialize)]
pub(super) struct Giving {
    alert_ids: Vec<Uuid>,
    assignee: Option<String>,
}

answer! {
    /// Alerts that are worked together, because they share a transaction or one operator's seconds at a camera.
    struct QueueItem {
        /// Its id: the smallest id of its alerts.
        item_id: Uuid,
        /// The alert that stands for the others: that of the greatest expected value, then the newest.
        head: AlertSummary,
        /// Its alerts that fit the filter, newest first, the head among them.
        members: Vec<AlertSummary>,
        /// The head's amount at stake, in minor units.
        amount_minor: Option<i64>,
        /// ISO 4217 code of the amount.
        currency: Option<String>,
        /// The head's amount times the chance that it is confirmed.
        expected_minor: Option<i64>,
        /// Who was given the head.
        assignee: Option<String>,
        /// That the store asks to look at one of its alerts, the last time it did; null when it does not.
        asked: Option<StoreAsks>,
    }

    /// A page of the queue.
    struct QueuePage {
        /// The items.
        items: Vec<QueueItem>,
        /// What to ask for the next page with; null on the last one.
        next_cursor: Option<String>,
        /// How many items fit the filter, on all pages.
        total: i64,
    }

    /// How likely an alert is confirmed.
    struct Expected {
        /// The chance, 0 to 1.
        p: f64,
        /// How many alerts of the rule were confirmed; 0 for those who are not told.
        confirmed: i64,
        /// How many alerts of the rule were decided; those to be followed up are not. 0 for those who are not told.
        decided: i64,
        /// The same in words.
        words: String,
    }

    /// Who was given an alert.
    struct AssignmentShown {
        /// When.
        at: DateTime<Utc>,
        /// By whom.
        by: String,
        /// To whom; null: to nobody any more.
        assignee: Option<String>,
    }

    /// What became of one decision of many.
    struct DecisionOutcome {
        /// The alert.
        alert_id: Uuid,
        /// `decided`; `changed`: it has another revision now, look again; `unknown`: there is none for you.
        outcome: String,
        /// Why it was not decided.
        detail: Option<String>,
        /// The alert as it is now.
        alert: Option<AlertSummary>,
    }

    /// What became of many decisions.
    struct DecisionOutcomes {
        /// One for each, in the order in which they were sent.
        items: Vec<DecisionOutcome>,
    }

    /// Alerts.
    struct Alerts {
        /// The alerts.
        items: Vec<AlertSummary>,
    }
}

impl Expected {
    /// What is expected of an alert.
    pub(super) fn of(row: &AlertRow, person: &Person) -> Self {
        let (odds, severity) = (row.odds, row.alert.severity);
        let words = match odds.decided {
            0 if !person.scope.without.is_empty() => format!("The chance is that of severity {severity}."),
            0 => format!("No alert of this rule was decided yet; the chance is that of severity {severity}."),
            decided => format!(
                "{} of {decided} decided alerts of this rule were confirmed; ten more are assumed at severity {severity}.",
                odds.confirmed
            ),
        };
        Self { p: odds.chance(severity), confirmed: odds.confirmed, decided: odds.decided, words }
    }
}

impl AssignmentShown {
    /// An assignment as it is shown.
    pub(super) fn of(given: Assignment) -> Self {
        Self { at: given.at, by: given.by, assignee: given.assignee }
    }
}

/// An item as it is shown; `None` when it has no alert.
pub(super) async fn item(shared: &Shared, item_id: Uuid, rows: &[AlertRow]) -> Option<QueueItem> {
    let mut members = Vec::with_capacity(rows.len());
    for row in rows {
        members.push(shown(shared, row).await);
    }
    let head = members.iter().max_by_key(|member| (member.expected_minor, member.event_time, member.alert_id))?.clone();
    Some(QueueItem {
        item_id,
        amount_minor: head.amount_minor,
        currency: head.currency.clone(),
        expected_minor: head.expected_minor,
        assignee: head.assignee.clone(),
        asked: members.iter().filter_map(|member| member.asked.clone()).max_by_key(|asked| asked.at),
        head,
        members,
    })
}

/// Lists items.
pub(super) async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Json<QueuePage>, Problem> {
    let person = caller.person(Right::Look)?;
    let limit = asked.limit.map_or(PAGE, NonZeroU32::get).min(LARGEST_PAGE);
    let Some(stores) = limited(&person, asked.store) else {
        return Ok(Json(QueuePage { items: Vec::new(), next_cursor: None, total: 0 }));
    };
    let filter = QueueFilter {
        tenant: person.scope.tenant.clone(),
        stores,
        without: person.scope.without.clone(),
        view: asked.sent.unwrap_or(QueueView::Sent),
        asked: asked.asked,
        state: asked.state.unwrap_or(AlertState::Open),
        rule: asked.rule,
        operator: asked.operator,
        whose: match asked.assignee.as_deref() {
            None | Some("") => Whose::Any,
            Some("none") => Whose::Nobodys,
            Some("me") => Whose::Of(person.name.clone()),
            Some(name) => Whose::Of(name.to_owned()),
        },
        order: asked.sort.unwrap_or(QueueOrder::Time),
        after: asked.cursor.as_deref().map(read_cursor).transpose()?,
        limit: limit + 1,
    };
    let (mut rows, total) = shared.db.queue(&filter).await.map_err(|error| unread(&error))?;
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > page;
    rows.truncate(page);
    let next_cursor = rows.last().filter(|_| more).map(|last| write_cursor(&last.place));
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        let item_id = row.place.item;
        items.extend(item(&shared, item_id, &alerts::seen(&person, row.alerts)).await);
    }
    Ok(Json(QueuePage { items, next_cursor, total }))
}

fn write_cursor(place: &QueuePlace) -> String {
    format!("{}.{}.{}", place.worth, place.newest, place.item)
}

/// Where a page ended.
fn read_cursor(cursor: &str) -> Result<QueuePlace, Problem> {
    let read = || {
        let mut parts = cursor.splitn(3, '.');
        let mut next = || parts.next();
        Some(QueuePlace { worth: next()?.parse().ok()?, newest: next()?.parse().ok()?, item: next()?.parse().ok()? })
    };
    read().ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "bad cursor", "send the next_cursor of the page before"))
}

/// The alerts of a request, each once, as far as the person sees them.
async fn seen(shared: &Shared, person: &Person, ids: &[Uuid]) -> Result<Vec<AlertRow>, Problem> {
    let distinct: BTreeSet<&Uuid> = ids.iter().collect();
    if ids.is_empty() || ids.len() > AT_ONCE || distinct.len() != ids.len() {
        let detail = format!("name 1 to {AT_ONCE} alerts, each once; these are {}", ids.len());
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad list of alerts", detail));
    }
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        let row = shared.db.alert(*id).await.map_err(|error| unread(&error))?;
        rows.extend(row);
    }
    Ok(alerts::seen(person, rows))
}

/// Takes the same decision about many alerts.
pub(super) async fn review(
    State(shared): State<Shared>,
    caller: Caller,
    Body(asked): Body<Decisions>,
) -> Result<Json<DecisionOutcomes>, Problem> {
    let person = caller.person(Right::Review)?;
    decides(asked.disposition)?;
    let note = noted(asked.note)?;
    let ids: Vec<Uuid> = asked.decisions.iter().map(|decision| decision.alert_id).collect();
    let rows = seen(&shared, &person, &ids).await?;
    let mut reviews = Vec::with_capacity(rows.len());
    for decision in &asked.decisions {
        let row = rows.iter().find(|row| row.alert.alert_id == decision.alert_id);
        let what = (decision.revision, asked.disposition, note.clone());
        reviews.extend(row.map(|row| reviewed(&shared, &person, row, what)));
    }
    let decided = shared.db.decide(&reviews).await;
    let decided = decided.map_err(|error| Problem::unavailable("the decisions cannot be kept", &error))?;
    let mut items = Vec::with_capacity(ids.len());
    for alert_id in ids {
        let outcome = reviews.iter().zip(&decided).find(|(review, _)| review.alert_id == alert_id);
        let (outcome, detail) = match outcome.map(|(_, outcome)| outcome) {
            Some(Decided::Taken) => ("decided", None),
            Some(Decided::Changed { current }) => ("changed", Some(changed(*current))),
            Some(Decided::Unknown) | None => ("unknown", Some(format!("there is no alert {alert_id} for you"))),
        };
        let alert = match outcome {
            "unknown" => None,
            _ => Some(shown(&shared, &alerts::find(&shared, &person, alert_id).await?).await),
        };
        items.push(DecisionOutcome { alert_id, outcome: outcome.to_owned(), detail, alert });
    }
    Ok(Json(DecisionOutcomes { items }))
}

/// Gives alerts to somebody, or to nobody.
pub(super) async fn assign(
    State(shared): State<Shared>,
    caller: Caller,
    Body(asked): Body<Giving>,
) -> Result<Json<Alerts>, Problem> {
    let person = caller.person(Right::Review)?;
    let rows = seen(&shared, &person, &asked.alert_ids).await?;
    if let Some(name) = &asked.assignee {
        let stores: BTreeSet<&StoreId> = rows.iter().map(|row| &row.alert.store_id).collect();
        let other = assignable(&shared, &person, name, Right::Review, stores).await?;
        if !rows.iter().all(|row| other.scope.sees_alert(row)) {
            return Err(concerns_them(name));
        }
    }
    let ids: Vec<Uuid> = rows.iter().map(|row| row.alert.alert_id).collect();
    shared
        .db
        .assign(&ids, asked.assignee.as_ref(), &person.name)
        .await
        .map_err(|error| Problem::unavailable("the alerts cannot be given to anybody", &error))?;
    let mut items = Vec::with_capacity(ids.len());
    for id in ids {
        items.push(shown(&shared, &alerts::find(&shared, &person, id).await?).await);
    }
    Ok(Json(Alerts { items }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_others_are_refused() {
        let place = QueuePlace { worth: -1, newest: 12, item: Uuid::from_u128(7) };
        assert_eq!(read_cursor(&write_cursor(&place)).unwrap(), place);
        for bad in ["1", "1.2", "1.2.x", "x.2.00000000-0000-0000-0000-000000000007", "1.2.7' OR 1=1"] {
            assert!(read_cursor(bad).is_err(), "{bad}");
        }
    }
}
