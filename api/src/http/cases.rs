//! `GET` and `POST /api/v1/cases`, `GET` and `PATCH /api/v1/cases/{case_id}`: cases are listed, opened, read and edited.
//!
//! A case that a person does not see is not found. What a case holds is changed in [`super::case_contents`].

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Deserializer};
use tillsight_schemas::money::Currency;
use uuid::Uuid;

use super::Shared;
use super::alerts::read_cursor;
use super::auth::{Caller, Person, Right};
use super::case_contents::{alert_item, note_item, receipt_item};
use super::case_views::{CaseDetail, CasePage, CaseSummary, unread, whole};
use super::extract::{Body, Path, Query, integer, said_integer};
use super::people::{assignable, concerns_them};
use super::problem::Problem;
use crate::db::{Case, CaseChange, CaseError, CaseFilter, CaseStatus};

/// Cases of a page, unless the question says how many.
const PAGE: u32 = 50;
/// Cases of a page at most.
const LARGEST_PAGE: u32 = 200;
/// Letters of a title at most.
const LONGEST_TITLE: usize = 200;
/// Letters of a summary at most.
const LONGEST_SUMMARY: usize = 20_000;

/// Which cases are asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    status: Option<CaseStatus>,
    owner: Option<String>,
    #[serde(default)]
    q: String,
    cursor: Option<String>,
    limit: Option<NonZeroU32>,
}

/// A case as it is opened.
#[derive(Debug, Deserialize)]
pub(super) struct Opening {
    title: String,
    #[serde(default)]
    alerts: Vec<Uuid>,
    #[serde(default)]
    receipts: Vec<Uuid>,
    note: Option<String>,
}

/// An edit as it is sent: what is left out stays, null clears.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    #[serde(deserialize_with = "integer")]
    revision: i64,
    title: Option<String>,
    status: Option<CaseStatus>,
    summary_text: Option<String>,
    #[serde(default, deserialize_with = "said")]
    owner: Option<Option<String>>,
    #[serde(default, deserialize_with = "said_integer")]
    loss_minor: Option<Option<i64>>,
    #[serde(default, deserialize_with = "said_integer")]
    recovered_minor: Option<Option<i64>>,
    #[serde(default, deserialize_with = "said")]
    currency: Option<Option<Currency>>,
}

/// Tells null from what was left out.
fn said<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(value).map(Some)
}

fn invalid(title: &'static str, detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, title, detail)
}

/// A text of one to so many letters, without space around it.
pub(super) fn text(what: &'static str, text: &str, longest: usize) -> Result<String, Problem> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(invalid("nothing said", format!("{what} is empty"))),
        letters if letters > longest => {
            Err(invalid("too long", format!("{what} has {letters} characters; it can have {longest}")))
        }
        _ => Ok(text.to_owned()),
    }
}

/// What the database says of a change, as a problem.
pub(super) fn refused(error: CaseError) -> Problem {
    match error {
        CaseError::Changed { .. } => Problem::new(StatusCode::CONFLICT, "changed meanwhile", error.to_string()),
        CaseError::Twice(_) => Problem::new(StatusCode::CONFLICT, "there already", error.to_string()),
        CaseError::Missing(_) => Problem::new(StatusCode::NOT_FOUND, "not found", error.to_string()),
        CaseError::Full => invalid("too much", error.to_string()),
        CaseError::NoLoss => invalid("loss unknown", error.to_string()),
        CaseError::NoCurrency => invalid("currency unknown", error.to_string()),
        CaseError::Db(error) => Problem::unavailable("the case cannot be changed", &error),
    }
}

/// The case of that id, if the person sees it.
pub(super) async fn find(shared: &Shared, person: &Person, id: Uuid) -> Result<Case, Problem> {
    let case = shared.db.case(id).await.map_err(|error| unread(&error))?;
    case.filter(|case| person.sees_case(case))
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "not found", format!("there is no case {id} for you")))
}

/// Everything about the case of that id, if the person sees it.
pub(super) async fn proof(shared: &Shared, person: &Person, id: Uuid) -> Result<CaseDetail, Problem> {
    whole(shared, person, &find(shared, person, id).await?).await
}

/// Lists cases.
pub(super) async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Json<CasePage>, Problem> {
    let person = caller.person(Right::Case)?;
    let limit = asked.limit.map_or(PAGE, NonZeroU32::get).min(LARGEST_PAGE);
    let filter = CaseFilter {
        tenant: person.scope.tenant.clone(),
        stores: person.scope.stores.clone(),
        without: person.scope.without.clone(),
        person: person.name.clone(),
        status: asked.status,
        owner: asked
            .owner
            .filter(|name| !name.is_empty())
            .map(|name| if name == "me" { person.name.clone() } else { name }),
        text: asked.q.trim().to_owned(),
        before: asked.cursor.as_deref().map(read_cursor).transpose()?,
        limit: limit + 1,
    };
    let (mut cases, total) = shared.db.cases(&filter).await.map_err(|error| unread(&error))?;
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = cases.len() > page;
    cases.truncate(page);
    let last = cases.last().filter(|_| more);
    let next_cursor = last.map(|case| format!("{}.{}", case.updated_at.timestamp_micros(), case.id));
    Ok(Json(CasePage { items: cases.iter().map(CaseSummary::of).collect(), next_cursor, total }))
}

/// Opens a case.
pub(super) async fn open(
    State(shared): State<Shared>,
    caller: Caller,
    Body(opening): Body<Opening>,
) -> Result<(StatusCode, Json<CaseDetail>), Problem> {
    let person = caller.person(Right::Case)?;
    let title = text("the title", &opening.title, LONGEST_TITLE)?;
    let mut items = Vec::new();
    for id in &opening.alerts {
        items.push(alert_item(&shared, &person, *id).await?);
    }
    for id in &opening.receipts {
        items.push(receipt_item(&shared, &person, *id).await?);
    }
    if let Some(note) = opening.note.filter(|note| !note.trim().is_empty()) {
        items.push(note_item(&note)?);
    }
    let id = shared.db.open_case(&person.scope.tenant, &title, &items, &person.name).await.map_err(refused)?;
    Ok((StatusCode::CREATED, Json(proof(&shared, &person, id).await?)))
}

/// One case.
pub(super) async fn detail(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<CaseDetail>, Problem> {
    proof(&shared, &caller.person(Right::Case)?, id).await.map(Json)
}

/// Edits a case.
pub(super) async fn edit(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(edit): Body<Edit>,
) -> Result<Json<CaseDetail>, Problem> {
    let person = caller.person(Right::Case)?;
    let case = find(&shared, &person, id).await?;
    if let Some(Some(owner)) = &edit.owner {
        let stores: BTreeSet<_> = case.stores.iter().collect();
        let other = assignable(&shared, &person, owner, Right::Case, stores).await?;
        if other.scope.without.anywhere(&case.concerned) {
            return Err(concerns_them(owner));
        }
    }
    for (what, minor) in [("loss_minor", edit.loss_minor), ("recovered_minor", edit.recovered_minor)] {
        if minor.flatten().is_some_and(|minor| minor < 0) {
            return Err(invalid("bad amount", format!("{what} is negative; amounts have no sign")));
        }
    }
    let summary = edit.summary_text.map(|text| text.trim().to_owned());
    if summary.as_ref().is_some_and(|text| text.chars().count() > LONGEST_SUMMARY) {
        return Err(invalid("too long", format!("a summary can have {LONGEST_SUMMARY} characters")));
    }
    let amounts = edit.loss_minor.flatten().is_some() || edit.recovered_minor.flatten().is_some();
    let currency = edit.currency.map(|currency| currency.map(|code| code.to_string()));
    let change = CaseChange {
        title: edit.title.map(|title| text("the title", &title, LONGEST_TITLE)).transpose()?,
        status: edit.status,
        owner: edit.owner,
        summary,
        loss_minor: edit.loss_minor,
        recovered_minor: edit.recovered_minor,
        currency: match currency {
            None if amounts && case.currency.is_none() => currency_of(&shared, &case).map(Some),
            said => said,
        },
    };
    shared.db.edit_case(id, edit.revision, &change, &person.name).await.map_err(refused)?;
    proof(&shared, &person, id).await.map(Json)
}

/// The currency of the stores of a case, if they have one and the same.
fn currency_of(shared: &Shared, case: &Case) -> Option<String> {
    let of = |store| Some(shared.stores.get(&case.tenant, store)?.currency.to_string());
    let currencies: BTreeSet<String> = case.stores.iter().filter_map(of).collect();
    currencies.first().filter(|_| currencies.len() == 1).cloned()
}
