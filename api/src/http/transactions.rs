//! `GET /api/v1/transactions/{event_id}`: one receipt, what the rules made of it, and what can be seen of it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::TimeDelta;
use tillsight_schemas::alert::Evidence;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::pos::PostedTransaction;
use uuid::Uuid;

use super::Shared;
use super::alerts::{seen, shown, verdicts};
use super::auth::{Caller, Person, Right};
use super::case_views::CaseLink;
use super::extract::Path;
use super::problem::Problem;
use super::sight::sight;
use super::views::{TransactionDetail, TransactionPage, transaction};
use crate::db::{AlertRow, DbError, people_of_transaction};

/// Video before and after a transaction that has no alert.
const PADDING: TimeDelta = TimeDelta::seconds(20);
/// How far till and camera may be apart where that was not measured, as far as it is shown.
const UNMEASURED: TimeDelta = TimeDelta::seconds(60);

/// A transaction, with the alerts that it belongs to.
pub(super) struct Found {
    pub(super) posted: PostedTransaction,
    pub(super) rows: Vec<AlertRow>,
}

fn unread(error: &DbError) -> Problem {
    Problem::unavailable("the transaction cannot be read", error)
}

/// The transaction of that id, if the person sees its store: among alerts that they see, and indexed receipts.
pub(super) async fn find(shared: &Shared, person: &Person, id: Uuid) -> Result<Found, Problem> {
    let of_alerts = shared.db.alerts_of_event(id).await.map_err(|error| unread(&error))?;
    let mut rows = Vec::new();
    let mut found = None;
    for alert in of_alerts {
        let row = shared.db.alert(alert).await.map_err(|error| unread(&error))?;
        let Some(row) = seen(person, row.into_iter().collect()).pop() else { continue };
        if found.is_none() {
            let events = shared.db.alert_events(alert).await.map_err(|error| unread(&error))?;
            found = events.into_iter().find(|posted| posted.header.event_id == id);
        }
        rows.push(row);
    }
    if found.is_none() {
        found = shared
            .receipts
            .get(id)
            .await
            .map_err(|error| Problem::unavailable("the receipts cannot be searched", &*error))?;
    }
    let posted = found
        .filter(|posted| person.scope.sees(&posted.header.tenant_id, &posted.transaction.store_id))
        .ok_or_else(|| {
            let detail = format!("there is no transaction {id} for you among alerts and indexed receipts");
            Problem::new(StatusCode::NOT_FOUND, "not found", detail)
        })?;
    Ok(Found { posted, rows })
}

/// Where a transaction is in the video of the cameras that look at its register: with what was rung, some time around it,
/// and as far as the clocks may be apart.
pub(super) fn evidence(shared: &Shared, posted: &PostedTransaction) -> Vec<Evidence> {
    let store = StoreKey::new(posted.header.tenant_id.clone(), posted.transaction.store_id.clone());
    let register = &posted.transaction.register_id;
    let clock = shared.known.clock_at(&store, register, posted.header.event_time);
    let ahead = clock.as_ref().and_then(|clock| clock.offset_at(posted.header.event_time));
    let event_at = posted.header.event_time + ahead.unwrap_or_default();
    let measured = clock.filter(|_| ahead.is_some());
    let bound = measured.map_or(UNMEASURED, |clock| TimeDelta::microseconds(clock.uncertainty_us));
    let length = posted.header.begin_time.map_or(TimeDelta::zero(), |begin| posted.header.event_time - begin);
    let registers = shared.cameras.registers(&store);
    let cameras = registers.into_iter().find(|(id, _, _)| id == register).map(|(_, cameras, _)| cameras);
    let evidence = |camera_id| Evidence {
        camera_id,
        from_at: event_at - length.max(TimeDelta::zero()) - PADDING - bound,
        to_at: event_at + PADDING + bound,
        event_at,
        note: None,
    };
    match cameras {
        Some(cameras) => cameras.into_iter().map(|camera| evidence(Some(camera))).collect(),
        None => vec![evidence(None)],
    }
}

/// One receipt. The cases that hold it are for its page only: what is saved of it goes to strangers.
pub(super) async fn detail(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<TransactionPage>, Problem> {
    let person = caller.person(Right::Look)?;
    let detail = proof(&shared, &person, id).await?;
    let cases = shared.db.cases_of_receipt(id).await.map_err(|error| unread(&error))?;
    let cases = cases.iter().filter(|case| person.sees_case(case)).map(CaseLink::of).collect();
    Ok(Json(TransactionPage { detail, cases }))
}

/// Everything about the transaction of that id, if the person sees its store.
pub(super) async fn proof(shared: &Shared, person: &Person, id: Uuid) -> Result<TransactionDetail, Problem> {
    shown_with(shared, person, find(shared, person, id).await?).await
}

/// Everything about a transaction that was found.
pub(super) async fn shown_with(shared: &Shared, person: &Person, found: Found) -> Result<TransactionDetail, Problem> {
    let Found { posted, rows } = found;
    let id = posted.header.event_id;
    let store = StoreKey::new(posted.header.tenant_id.clone(), posted.transaction.store_id.clone());
    let register = &posted.transaction.register_id;
    let clock = shared.known.clock_at(&store, register, posted.header.event_time);
    let ahead = clock.as_ref().and_then(|clock| clock.offset_at(posted.header.event_time));
    let shown_transaction = transaction(&posted, shared.stores.get(&store.tenant, &store.store), ahead);
    let evidence = evidence(shared, &posted);
    let asked = (&posted.transaction.store_id, id, &people_of_transaction(&posted));
    let mut alerts = Vec::with_capacity(rows.len());
    for row in &rows {
        alerts.push(shown(shared, row).await);
    }
    let replaced_by = shared
        .receipts
        .replaced_by(id, person.scope.of_search())
        .await
        .map_err(|error| Problem::unavailable("the receipts cannot be searched", &*error))?;
    Ok(TransactionDetail {
        transaction: shown_transaction,
        replaced_by,
        alerts,
        verdicts: verdicts(shared, person, asked).await.map_err(|error| unread(&error))?,
        sight: sight(shared, person, &store, register, &evidence).await,
    })
}
