//! `GET /api/v1/reports?store&day`: the daily exception report; `GET /api/v1/reports/file?store&day&format`: the same as
//! a file; `GET /api/v1/reports/mails?store&day`: which mails left with it. Pictures in a file are noted in the audit before
//! it leaves. What concerns a manager is in none of the answers to managers (`report::Reader`).

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use tillsight_schemas::id::StoreId;
use tillsight_schemas::store::Store;

use super::Shared;
use super::answer::answer;
use super::auth::{Caller, Person, Right};
use super::extract::Query;
use super::problem::Problem;
use crate::db::{MailState, Role};
use crate::report::{Asked as Which, Format, Reader, Report, ReportError};

answer! {
    /// A mail with the report.
    struct ReportMailShown {
        /// To whom.
        recipient: String,
        /// 0, and one more for each time that late data changed the report.
        revision: i64,
        /// `waiting`, `sent`, `refused` (the mail server does not take it), `given_up`.
        state: String,
        /// How often it was tried.
        attempts: i64,
        /// When the report was due.
        due_at: DateTime<Utc>,
        /// When it was sent or given up; null while it waits.
        ended_at: Option<DateTime<Utc>>,
        /// The last words of the mail server; null before the first attempt.
        said: Option<String>,
        /// What a revision names.
        changes: Vec<String>,
    }

    /// The mails with the report of a day.
    struct ReportMails {
        /// The mails; for managers those to themselves.
        items: Vec<ReportMailShown>,
    }
}

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    store: StoreId,
    /// The business day; the store's today when left out.
    day: Option<NaiveDate>,
    /// Of the file; a page when left out.
    format: Option<Format>,
}

fn problem(error: &ReportError) -> Problem {
    match error {
        ReportError::Future { .. } => Problem::new(StatusCode::NOT_FOUND, "no such day", error.to_string()),
        error => Problem::unavailable("the report cannot be made", error),
    }
}

fn place<'a>(shared: &'a Shared, person: &Person, asked: &Asked) -> Result<(&'a Store, NaiveDate), Problem> {
    let tenant = &person.scope.tenant;
    let store = shared.stores.get(tenant, &asked.store).filter(|store| person.scope.sees(tenant, &store.id));
    let unknown =
        || Problem::new(StatusCode::NOT_FOUND, "not found", format!("there is no store {} for you", asked.store));
    let store = store.ok_or_else(unknown)?;
    let day = asked.day.unwrap_or_else(|| store.business_day(shared.clock.now()));
    // Nanoseconds, in which SQL compares instants, end in 1677.
    if day < NaiveDate::default() {
        return Err(Problem::new(StatusCode::NOT_FOUND, "no such day", format!("{day} lies before 1970")));
    }
    Ok((store, day))
}

/// As whom a person reads.
fn reader(person: &Person, store: &Store, pictures: bool) -> Reader {
    Reader::of(&person.scope.without, store, pictures)
}

/// The mails.
pub(super) async fn mails(
    State(shared): State<Shared>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Json<ReportMails>, Problem> {
    let person = caller.person(Right::Look)?;
    let (store, day) = place(&shared, &person, &asked)?;
    let rows = shared.db.mails_of_day(&store.tenant, &store.id, day).await;
    let rows = rows.map_err(|error| Problem::unavailable("the mails cannot be read", &error))?;
    let own = |email: &str| {
        let mut all = shared.reporter.recipients.iter();
        all.any(|one| one.email == email && one.gets(store) && one.user.as_deref() == Some(person.name.as_str()))
    };
    let items = rows.into_iter().filter(|mail| person.role != Role::Manager || own(&mail.key.recipient));
    let items = items.map(|mail| ReportMailShown {
        revision: mail.key.revision,
        recipient: mail.key.recipient,
        state: mail.state.as_str().to_owned(),
        attempts: mail.attempts,
        due_at: mail.due_at,
        ended_at: mail.ended_at.filter(|_| mail.state != MailState::Waiting),
        said: mail.said,
        changes: serde_json::from_str(&mail.changes).unwrap_or_default(),
    });
    Ok(Json(ReportMails { items: items.collect() }))
}

/// The report.
pub(super) async fn report(
    State(shared): State<Shared>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Json<Report>, Problem> {
    let person = caller.person(Right::Look)?;
    let (store, day) = place(&shared, &person, &asked)?;
    let reader = reader(&person, store, person.may(Right::Video));
    let report = shared.reporter.report(Which { store, day, until: None, reader: &reader }).await;
    Ok(Json(report.map_err(|error| problem(&error))?))
}

/// The report as a file.
pub(super) async fn file(
    State(shared): State<Shared>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let person = caller.person(Right::Look)?;
    let (store, day) = place(&shared, &person, &asked)?;
    let format = asked.format.unwrap_or(Format::Html);
    let pictures = matches!(format, Format::Html | Format::Pdf) && person.may(Right::Video);
    let reader = reader(&person, store, pictures);
    let made = shared.reporter.illustrated(Which { store, day, until: None, reader: &reader }).await;
    let made = made.map_err(|error| problem(&error))?;
    if made.pictures.iter().any(Option::is_some) {
        let stills = made.pictures.iter().flatten().count();
        shared.audit.note(&person.name, "report", format!("{} {day}, {stills} stills", store.key())).await.map_err(
            |error| Problem::unavailable("the audit file cannot be written, so no picture is shown", &error),
        )?;
    }
    let name = format!("tillsight-{}-{day}.{}", store.id, format.extension());
    let headers = [
        (header::CONTENT_TYPE, format.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
    ];
    let stopping = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the server is stopping");
    let bytes = tokio::task::spawn_blocking(move || made.file(format)).await.map_err(|_| stopping())?;
    Ok((headers, bytes.map_err(|error| problem(&error))?).into_response())
}
