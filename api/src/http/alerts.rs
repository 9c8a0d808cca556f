//! `GET /api/v1/alerts`, `GET /api/v1/alerts/{id}`, `POST /api/v1/alerts/{id}/review`.
//!
//! An alert of a store that the person does not see, or about themselves, is not found: its existence is no news for them.

use std::collections::BTreeSet;

use std::num::NonZeroU32;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use tillsight_correlate::rule::{Adjustments, Header};
use tillsight_schemas::id::{OperatorId, StoreId, StoreKey};
use tillsight_schemas::judgement::{Judgement, Outcome};
use tillsight_schemas::review::{Disposition, Review};
use uuid::Uuid;

use super::Shared;
use super::auth::{Caller, Person, Right};
use super::case_views::CaseLink;
use super::extract::{Body, Path, Query, integer};
use super::problem::Problem;
use super::queue::{AssignmentShown, Expected, item};
use super::sight::{has_video, sight};
use super::views::{AlertDetail, AlertPage, AlertSummary, RuleShown, TransactionShown, offset, summary, transaction};
use crate::db::{AlertFilter, AlertRow, AlertState, DbError, Decided, people_of_transaction};

/// Alerts of a page, unless the question says how many.
const PAGE: u32 = 50;
/// Alerts of a page at most.
const LARGEST_PAGE: u32 = 200;
/// Characters of a note at most.
const LONGEST_NOTE: usize = 4_000;

/// Which alerts are asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    state: Option<AlertState>,
    store: Option<StoreId>,
    rule: Option<String>,
    cursor: Option<String>,
    limit: Option<NonZeroU32>,
}

/// A decision as it is sent.
#[derive(Debug, Deserialize)]
pub(super) struct Decision {
    disposition: Disposition,
    #[serde(default)]
    note: Option<String>,
    #[serde(deserialize_with = "integer")]
    revision: i32,
}

pub(super) fn unread(error: &DbError) -> Problem {
    Problem::unavailable("the alerts cannot be read", error)
}

fn unknown(id: Uuid) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not found", format!("there is no alert {id} for you"))
}

/// The stores that a list is limited to; `None` when the person does not see the one that is asked for.
pub(super) fn limited(person: &Person, store: Option<StoreId>) -> Option<Vec<StoreId>> {
    match store {
        Some(store) => person.scope.sees(&person.scope.tenant, &store).then(|| vec![store]),
        None => Some(person.scope.stores.clone()),
    }
}

/// Refuses what is said by a store from its report and decides nothing.
pub(super) fn decides(disposition: Disposition) -> Result<(), Problem> {
    if disposition.decides() {
        return Ok(());
    }
    let detail = format!("{disposition} is said by a store, from its report; it is no decision");
    Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no decision", detail))
}

/// A note as it is kept.
pub(super) fn noted(note: Option<String>) -> Result<Option<String>, Problem> {
    let note = note.map(|note| note.trim().to_owned()).filter(|note| !note.is_empty());
    if note.as_ref().is_some_and(|note| note.chars().count() > LONGEST_NOTE) {
        let detail = format!("a note has {LONGEST_NOTE} characters at most");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "note too long", detail));
    }
    Ok(note)
}

/// A decision of a person about an alert, just now.
pub(super) fn reviewed(
    shared: &Shared,
    person: &Person,
    row: &AlertRow,
    (revision, disposition, note): (i32, Disposition, Option<String>),
) -> Review {
    Review {
        review_id: Uuid::new_v4(),
        alert_id: row.alert.alert_id,
        alert_revision: revision,
        tenant_id: row.alert.tenant_id.clone(),
        store_id: row.alert.store_id.clone(),
        disposition,
        note,
        reviewer: person.name.clone(),
        reviewed_at: shared.clock.now(),
    }
}

/// Why a decision was not taken about an alert that has changed.
pub(super) fn changed(current: i32) -> String {
    format!("the alert has changed since it was looked at; it is at revision {current} now")
}

/// Alerts as a person sees them: those outside their scope are not there, and who does not see all of a rule's alerts is not
/// told how they were decided, nor which were held back because of others.
pub(super) fn seen(person: &Person, mut rows: Vec<AlertRow>) -> Vec<AlertRow> {
    rows.retain(|row| person.scope.sees_alert(row));
    if person.scope.without.is_empty() {
        return rows;
    }
    rows.into_iter().map(AlertRow::alone).collect()
}

/// What rules made of a transaction, as far as a person may know it. Who does not see every alert is not told of rules that
/// were silent: the one that is missing would be the one that fired. Of their own transactions they are told nothing.
pub(super) async fn verdicts(
    shared: &Shared,
    person: &Person,
    posted: (&StoreId, Uuid, &BTreeSet<OperatorId>),
) -> Result<Vec<Judgement>, DbError> {
    let (store, event, people) = posted;
    let without = &person.scope.without;
    let verdicts = shared.db.judgements_of(event).await?;
    if without.is_empty() {
        return Ok(verdicts);
    }
    if without.leaves_out(store, people) {
        return Ok(Vec::new());
    }
    let mut seen = Vec::with_capacity(verdicts.len());
    for verdict in verdicts {
        let shown = match verdict.outcome {
            Outcome::Silent => false,
            Outcome::Indeterminate => true,
            Outcome::Fired => {
                shared.db.alert(verdict.judgement_id).await?.is_some_and(|row| person.scope.sees_alert(&row))
            }
        };
        if shown {
            seen.push(verdict);
        }
    }
    Ok(seen)
}

/// What a list shows of an alert, with what is recorded at this moment.
pub(super) async fn shown(shared: &Shared, row: &AlertRow) -> AlertSummary {
    let store = StoreKey::new(row.alert.tenant_id.clone(), row.alert.store_id.clone());
    summary(row, has_video(shared, &store, &row.alert.evidence).await)
}

/// Lists alerts, newest first.
pub(super) async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Json<AlertPage>, Problem> {
    let person = caller.person(Right::Look)?;
    let limit = asked.limit.map_or(PAGE, NonZeroU32::get).min(LARGEST_PAGE);
    let Some(stores) = limited(&person, asked.store) else {
        return Ok(Json(AlertPage { items: Vec::new(), next_cursor: None }));
    };
    let before = asked.cursor.as_deref().map(read_cursor).transpose()?;
    let filter = AlertFilter {
        tenant: person.scope.tenant.clone(),
        stores,
        without: person.scope.without.clone(),
        state: asked.state.unwrap_or(AlertState::Open),
        rule: asked.rule,
        before,
        limit: limit + 1,
    };
    let mut rows = seen(&person, shared.db.alerts(&filter).await.map_err(|error| unread(&error))?);
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > page;
    rows.truncate(page);
    let last = rows.last().filter(|_| more);
    let next_cursor = last.map(|row| format!("{}.{}", row.alert.event_time.timestamp_micros(), row.alert.alert_id));
    let mut items = Vec::with_capacity(rows.len());
    for row in &rows {
        items.push(shown(&shared, row).await);
    }
    Ok(Json(AlertPage { items, next_cursor }))
}

/// The event and id that a page ended with.
pub(super) fn read_cursor(cursor: &str) -> Result<(i64, String), Problem> {
    let bad = || Problem::new(StatusCode::BAD_REQUEST, "bad cursor", "send the next_cursor of the page before");
    let (micros, id) = cursor.split_once('.').ok_or_else(bad)?;
    let id: Uuid = id.parse().map_err(|_| bad())?;
    Ok((micros.parse().map_err(|_| bad())?, id.to_string()))
}

/// The alert of that id, if the person sees it.
pub(super) async fn find(shared: &Shared, person: &Person, id: Uuid) -> Result<AlertRow, Problem> {
    let row = shared.db.alert(id).await.map_err(|error| unread(&error))?;
    seen(person, row.into_iter().collect()).pop().ok_or_else(|| unknown(id))
}

/// One alert with its proof.
pub(super) async fn detail(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<AlertDetail>, Problem> {
    proof(&shared, &caller.person(Right::Look)?, id).await.map(Json)
}

/// Everything about the alert of that id, if the person sees its store.
pub(super) async fn proof(shared: &Shared, person: &Person, id: Uuid) -> Result<AlertDetail, Problem> {
    let row = find(shared, person, id).await?;
    let alert = &row.alert;
    let store = StoreKey::new(alert.tenant_id.clone(), alert.store_id.clone());
    let events = shared.db.alert_events(id).await.map_err(|error| unread(&error))?;
    let reviews = shared.db.reviews(id).await.map_err(|error| unread(&error))?;
    let found = events.iter().find(|posted| posted.header.event_id == alert.anchor_event_id);
    let people = found.map(people_of_transaction).unwrap_or_default();
    let verdicts = verdicts(shared, person, (&alert.store_id, alert.anchor_event_id, &people)).await;
    let verdicts = verdicts.map_err(|error| unread(&error))?;
    let shop = shared.stores.get(&store.tenant, &store.store);
    let ahead = offset(alert.clock.method, alert.clock.offset_us);
    let (anchor, mut related): (Vec<TransactionShown>, Vec<TransactionShown>) = events
        .iter()
        .map(|posted| transaction(posted, shop, ahead))
        .partition(|transaction| transaction.event_id == alert.anchor_event_id);
    related.sort_by_key(|transaction| transaction.event_time);
    let same = |header: &&Header| header.id == alert.rule_id && header.version == alert.rule_version;
    let known = shared.rules.iter().map(|rule| &rule.header).find(same);
    let mut rule = known.map(RuleShown::of).unwrap_or_else(|| RuleShown {
        id: alert.rule_id.clone(),
        version: alert.rule_version.clone(),
        name: alert.rule_id.as_str().replace('_', " "),
        description: String::new(),
        severity: alert.severity,
        innocent: Vec::new(),
        params: Vec::new(),
    });
    // The numbers that held for it; an alert of before does not carry them.
    let adjusted = Adjustments::new(shared.db.adjusted().await.map_err(|error| unread(&error))?);
    for param in &mut rule.params {
        let limits = param.min..=param.max;
        let carried = alert.numbers.iter().find(|number| number.name == param.name).map(|number| number.value);
        let said = || adjusted.number(&rule.id, &store, alert.event_time, &param.name, limits);
        if let Some(number) = carried.or_else(said) {
            param.value = number.to_string();
        }
    }
    let members = seen(person, shared.db.item(row.item).await.map_err(|error| unread(&error))?);
    let mut said = Vec::new();
    for other in members.iter().map(|member| member.alert.alert_id).filter(|other| *other != id) {
        let of_other = shared.db.reviews(other).await.map_err(|error| unread(&error))?;
        said.extend(of_other.into_iter().filter(|review| !review.disposition.decides()));
    }
    let item = item(shared, row.item, &members).await.ok_or_else(|| unknown(id))?;
    let given = shared.db.assignments(id).await.map_err(|error| unread(&error))?;
    let cases = shared.db.cases_of_alert(id).await.map_err(|error| unread(&error))?;
    let sight = sight(shared, person, &store, &alert.register_id, &alert.evidence).await;
    Ok(AlertDetail {
        summary: shown(shared, &row).await,
        alert: alert.clone(),
        rule,
        transaction: anchor.into_iter().next(),
        related,
        sight,
        reviews,
        said,
        assignments: given.into_iter().map(AssignmentShown::of).collect(),
        item,
        expected: Expected::of(&row, person),
        cases: cases.iter().filter(|case| person.sees_case(case)).map(CaseLink::of).collect(),
        verdicts,
    })
}

/// Takes a decision about an alert.
pub(super) async fn review(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(decision): Body<Decision>,
) -> Result<Json<AlertSummary>, Problem> {
    let person = caller.person(Right::Review)?;
    let row = find(&shared, &person, id).await?;
    decides(decision.disposition)?;
    let note = noted(decision.note)?;
    let review = reviewed(&shared, &person, &row, (decision.revision, decision.disposition, note));
    let decided = shared.db.decide(&[review]).await;
    match decided.map_err(|error| Problem::unavailable("the decision cannot be kept", &error))?.first() {
        Some(Decided::Taken) => {}
        Some(Decided::Changed { current }) => {
            return Err(Problem::new(StatusCode::CONFLICT, "changed meanwhile", changed(*current)));
        }
        Some(Decided::Unknown) | None => return Err(unknown(id)),
    }
    let row = find(&shared, &person, id).await?;
    Ok(Json(shown(&shared, &row).await))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_that_was_not_ours_is_refused() {
        let id = Uuid::nil();
        assert_eq!(read_cursor(&format!("12.{id}")).unwrap(), (12, id.to_string()));
        for bad in ["", "12", "x.y", "12.' OR 1=1"] {
            assert!(read_cursor(bad).is_err(), "{bad}");
        }
    }
}
