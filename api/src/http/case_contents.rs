//! `POST /api/v1/cases/{case_id}/items`, `…/people` and their `DELETE`s: what a case holds and who it is about.
//!
//! What is added must be something that the person sees; its video is held until it is taken out again.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use tillsight_schemas::TimeSpan;
use tillsight_schemas::alert::Evidence;
use tillsight_schemas::id::{CameraId, OperatorId, StoreId};
use uuid::Uuid;

use super::Shared;
use super::auth::{Caller, Person, Right};
use super::case_views::CaseDetail;
use super::cases::{find, proof, refused, text};
use super::extract::{Body, Path};
use super::problem::Problem;
use super::{alerts, transactions};
use crate::db::{CaseItemKind, CasePerson, CasePersonKind, CaseRole, Content, NewItem, people_of_transaction};

/// Letters of a note at most.
const LONGEST_NOTE: usize = 20_000;
/// Letters of a person's name, and of what is said about them, at most.
const LONGEST_NAME: usize = 200;
const LONGEST_WORDS: usize = 4_000;
/// The longest span of video of one item: it is kept without a limit in time.
const LONGEST_CLIP: TimeDelta = TimeDelta::hours(4);

/// Something to add, as it is sent.
#[derive(Debug, Deserialize)]
pub(super) struct Adding {
    kind: CaseItemKind,
    alert_id: Option<Uuid>,
    event_id: Option<Uuid>,
    store_id: Option<StoreId>,
    camera_id: Option<CameraId>,
    from_at: Option<DateTime<Utc>>,
    to_at: Option<DateTime<Utc>>,
    text: Option<String>,
}

/// A person to add, as it is sent.
#[derive(Debug, Deserialize)]
pub(super) struct AddingPerson {
    role: CaseRole,
    kind: CasePersonKind,
    operator_id: Option<OperatorId>,
    name: Option<String>,
    note: Option<String>,
}

fn invalid(title: &'static str, detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, title, detail)
}

fn spans(evidence: &[Evidence]) -> Vec<(CameraId, TimeSpan)> {
    let span = |each: &Evidence| Some((each.camera_id.clone()?, TimeSpan::new(each.from_at, each.to_at).ok()?));
    evidence.iter().filter_map(span).collect()
}

/// An alert that a person sees, for a case.
pub(super) async fn alert_item(shared: &Shared, person: &Person, id: Uuid) -> Result<NewItem, Problem> {
    let alert = alerts::find(shared, person, id).await?.alert;
    Ok(NewItem {
        label: format!("alert {:?} in store {} ({id})", alert.title, alert.store_id),
        spans: spans(&alert.evidence),
        content: Content::Alert(id),
        store: Some(alert.store_id),
    })
}

/// A receipt that a person sees, for a case.
pub(super) async fn receipt_item(shared: &Shared, person: &Person, id: Uuid) -> Result<NewItem, Problem> {
    let posted = transactions::find(shared, person, id).await?.posted;
    own_work(person, &people_of_transaction(&posted))?;
    let till = &posted.transaction;
    let kind = till.kind.as_str().to_lowercase().replace('_', " ");
    let number = till.receipt_no.as_deref().map(|number| format!(" {number}")).unwrap_or_default();
    Ok(NewItem {
        label: format!("receipt{number} ({kind}) at register {} of store {} ({id})", till.register_id, till.store_id),
        spans: spans(&transactions::evidence(shared, &posted)),
        store: Some(till.store_id.clone()),
        content: Content::Receipt(Box::new(posted)),
    })
}

/// Refuses what would be a case about the person who works on it.
fn own_work(person: &Person, people: &BTreeSet<OperatorId>) -> Result<(), Problem> {
    if person.scope.without.anywhere(people) {
        let detail = "you work at tills as one of these people: a case about it is somebody else's";
        return Err(invalid("about yourself", detail));
    }
    Ok(())
}

/// A note for a case.
pub(super) fn note_item(words: &str) -> Result<NewItem, Problem> {
    let content = Content::Note(text("the note", words, LONGEST_NOTE)?);
    Ok(NewItem { store: None, content, label: "a note".to_owned(), spans: Vec::new() })
}

fn clip_item(shared: &Shared, person: &Person, adding: Adding) -> Result<NewItem, Problem> {
    let (Some(camera), Some(from), Some(to)) = (adding.camera_id, adding.from_at, adding.to_at) else {
        return Err(invalid(
            "which clip",
            "a clip needs camera_id, from_at and to_at; store_id where several have one",
        ));
    };
    let key = shared.cameras.find(camera.as_str(), adding.store_id.as_ref(), &person.scope)?;
    let span = TimeSpan::new(from, to).map_err(|error| invalid("bad span", error.to_string()))?;
    if span.duration() > LONGEST_CLIP {
        let detail = format!("a clip of a case lasts {} hours at most: add several", LONGEST_CLIP.num_hours());
        return Err(invalid("bad span", detail));
    }
    if span.end() > shared.clock.now() {
        return Err(invalid("bad span", "the clip ends in the future: add it when it has been recorded"));
    }
    let at = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%M:%S");
    Ok(NewItem {
        label: format!("clip of camera {camera} in store {}, {} to {} UTC", key.store, at(from), at(to)),
        store: Some(key.store),
        spans: vec![(camera.clone(), span)],
        content: Content::Clip { camera, from, to },
    })
}

/// Adds an item.
pub(super) async fn add(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(adding): Body<Adding>,
) -> Result<(StatusCode, Json<CaseDetail>), Problem> {
    let person = caller.person(Right::Case)?;
    find(&shared, &person, id).await?;
    let item = match (adding.kind, adding.alert_id, adding.event_id, &adding.text) {
        (CaseItemKind::Alert, Some(alert), ..) => alert_item(&shared, &person, alert).await?,
        (CaseItemKind::Alert, None, ..) => return Err(invalid("which alert", "an alert needs alert_id")),
        (CaseItemKind::Receipt, _, Some(event), _) => receipt_item(&shared, &person, event).await?,
        (CaseItemKind::Receipt, _, None, _) => return Err(invalid("which receipt", "a receipt needs event_id")),
        (CaseItemKind::Clip, ..) => clip_item(&shared, &person, adding)?,
        (CaseItemKind::Note, .., words) => note_item(words.as_deref().unwrap_or_default())?,
    };
    shared.db.add_to_case(id, &item, &person.name).await.map_err(refused)?;
    Ok((StatusCode::CREATED, Json(proof(&shared, &person, id).await?)))
}

/// Takes an item out.
pub(super) async fn remove(
    State(shared): State<Shared>,
    caller: Caller,
    Path((id, item)): Path<(Uuid, Uuid)>,
) -> Result<Json<CaseDetail>, Problem> {
    let person = caller.person(Right::Case)?;
    find(&shared, &person, id).await?;
    shared.db.remove_from_case(id, item, &person.name).await.map_err(refused)?;
    proof(&shared, &person, id).await.map(Json)
}

/// Adds a person.
pub(super) async fn add_person(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(adding): Body<AddingPerson>,
) -> Result<(StatusCode, Json<CaseDetail>), Problem> {
    let person = caller.person(Right::Case)?;
    find(&shared, &person, id).await?;
    let given = |what, words: Option<String>, longest| {
        words.filter(|words| !words.trim().is_empty()).map(|words| text(what, &words, longest)).transpose()
    };
    if adding.role == CaseRole::Subject {
        own_work(&person, &adding.operator_id.iter().cloned().collect())?;
    }
    let added = CasePerson {
        id: Uuid::new_v4(),
        role: adding.role,
        kind: adding.kind,
        operator: adding.operator_id,
        name: given("the name", adding.name, LONGEST_NAME)?,
        note: given("the note", adding.note, LONGEST_WORDS)?,
    };
    if added.operator.is_none() && added.name.is_none() && added.note.is_none() {
        return Err(invalid("who", "say who it is: operator_id, name or note"));
    }
    shared.db.add_case_person(id, &added, &person.name).await.map_err(refused)?;
    Ok((StatusCode::CREATED, Json(proof(&shared, &person, id).await?)))
}

/// Takes a person out.
pub(super) async fn remove_person(
    State(shared): State<Shared>,
    caller: Caller,
    Path((id, other)): Path<(Uuid, Uuid)>,
) -> Result<Json<CaseDetail>, Problem> {
    let person = caller.person(Right::Case)?;
    find(&shared, &person, id).await?;
    shared.db.remove_case_person(id, other, &person.name).await.map_err(refused)?;
    proof(&shared, &person, id).await.map(Json)
}
