//! `GET /api/v1/reports?store&day`: the daily exception report; `GET /api/v1/reports/file?store&day&format`: the same as
//! a file. Pictures in a file are noted in the audit before it leaves.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use serde::Deserialize;
use tillsight_schemas::id::StoreId;
use tillsight_schemas::store::Store;

use super::Shared;
use super::auth::{Caller, Person, Right};
use super::extract::Query;
use super::problem::Problem;
use crate::report::{Format, Report, ReportError};

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
    Ok((store, asked.day.unwrap_or_else(|| store.business_day(shared.clock.now()))))
}

/// The report.
pub(super) async fn report(
    State(shared): State<Shared>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Json<Report>, Problem> {
    let person = caller.person(Right::Look)?;
    let (store, day) = place(&shared, &person, &asked)?;
    let report = shared.reporter.report(store, day, person.may(Right::Video)).await;
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
    let pictures = format == Format::Html && person.may(Right::Video);
    let made = shared.reporter.illustrated(store, day, pictures).await.map_err(|error| problem(&error))?;
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
    Ok((headers, made.file(format).map_err(|error| problem(&error))?).into_response())
}
