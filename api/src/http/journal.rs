//! `GET /api/v1/transactions/{event_id}/journal?minutes`: what else happened at that register, and what else that operator
//! did, shortly before and after, what each rule made of it, and which receipts a correction replaces.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use tillsight_schemas::TimeSpan;
use tillsight_schemas::id::{OperatorId, RegisterId, StoreId};
use tillsight_schemas::judgement::Judgement;
use uuid::Uuid;

use super::Shared;
use super::alerts::verdicts;
use super::answer::answer;
use super::auth::{Caller, Right};
use super::extract::{Path, Query};
use super::problem::Problem;
use super::transactions::find;
use crate::db::people_of_transaction;
use crate::search::{MOST_NEIGHBOURS, SearchError};

/// Minutes before and after, unless the question says how many.
const MINUTES: i64 = 15;
/// Minutes at most.
const MOST_MINUTES: i64 = 240;

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    minutes: Option<i64>,
}

answer! {
    /// A transaction in a journal.
    struct JournalEntry {
        /// The transaction.
        event_id: Uuid,
        /// What kind of transaction.
        kind: String,
        /// When it completed, by the till's own clock.
        event_time: DateTime<Utc>,
        /// The register.
        register_id: RegisterId,
        /// Who worked it.
        operator_id: Option<OperatorId>,
        /// The number on the receipt.
        receipt_no: Option<String>,
        /// Its total, in minor units.
        total_minor: Option<i64>,
        /// ISO 4217 code of the total.
        currency: Option<String>,
        /// How many lines it has.
        lines: i64,
        /// Whether it was rung in training mode.
        training: bool,
        /// Whether it is the one that was asked about.
        asked: bool,
        /// The transaction that it replaces.
        replaces: Option<Uuid>,
        /// The transaction that replaces it: it does not count any more.
        replaced_by: Option<Uuid>,
        /// What each rule made of it: fired, or which condition kept it silent.
        verdicts: Vec<Judgement>,
    }

    /// What happened around a transaction.
    struct Journal {
        /// The shop.
        store_id: StoreId,
        /// From when.
        from: DateTime<Utc>,
        /// Until when.
        to: DateTime<Utc>,
        /// In order of the tills' clocks.
        entries: Vec<JournalEntry>,
        /// What is missing, in sentences.
        problems: Vec<String>,
    }
}

/// What happened around a transaction.
pub(super) async fn journal(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(asked): Query<Asked>,
) -> Result<Json<Journal>, Problem> {
    let person = caller.person(Right::Look)?;
    let minutes = asked.minutes.unwrap_or(MINUTES);
    if !(1..=MOST_MINUTES).contains(&minutes) {
        let detail = format!("minutes is {minutes}; it can be 1 to {MOST_MINUTES}");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "bad span", detail));
    }
    let about = find(&shared, &person, id).await?.posted;
    let at = about.header.event_time;
    let around = TimeDelta::minutes(minutes);
    let span = TimeSpan::new(at - around, at + around)
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "bad span", error.to_string()))?;
    let store = about.transaction.store_id.clone();
    let (search, scope) = (shared.search.clone(), person.scope.of_search());
    let found = tokio::task::spawn_blocking(move || {
        let found = search.neighbours(&about, span)?;
        let events: Vec<Uuid> = found.iter().map(|posted| posted.header.event_id).collect();
        Ok::<_, SearchError>((search.replacing(&events, &scope)?, found))
    });
    let (replacing, found) = match found.await {
        Ok(found) => found.map_err(|error| Problem::unavailable("the receipts cannot be searched", &error))?,
        Err(error) => return Err(Problem::unavailable("the receipts cannot be searched", &error)),
    };
    let mut problems = Vec::new();
    if found.len() >= MOST_NEIGHBOURS {
        problems.push(format!("There is more than is shown here: the first {MOST_NEIGHBOURS} of the span."));
    }
    if !shared.search.is_complete() {
        problems.push("The search index is being built: some may be missing.".to_owned());
    }
    let mut entries = Vec::with_capacity(found.len());
    for posted in found {
        let people = people_of_transaction(&posted);
        let (header, transaction) = (posted.header, posted.transaction);
        let verdicts = verdicts(&shared, &person, (&store, header.event_id, &people)).await;
        entries.push(JournalEntry {
            event_id: header.event_id,
            kind: transaction.kind.as_str().to_owned(),
            event_time: header.event_time,
            register_id: transaction.register_id,
            operator_id: transaction.operator_id,
            receipt_no: transaction.receipt_no,
            total_minor: transaction.total_minor,
            currency: transaction.currency.map(|currency| currency.as_str().to_owned()),
            lines: i64::try_from(transaction.lines.len()).unwrap_or(i64::MAX),
            training: transaction.training,
            asked: header.event_id == id,
            replaces: transaction.replaces,
            replaced_by: replacing.get(&header.event_id).copied(),
            verdicts: verdicts.map_err(|error| Problem::unavailable("the judgements cannot be read", &error))?,
        });
    }
    Ok(Json(Journal { store_id: store, from: span.start(), to: span.end(), entries, problems }))
}
