//! `/api/v1/setup/…`: what is set up, as pages change it: stores, cameras, zones, registers, operators, people, and
//! adjustments of rules.
//!
//! Only administrators come here, limited to their retailer and stores. Every change is noted in the audit file first,
//! is a new version in the database, and takes effect in this process before the answer leaves; the other processes
//! follow within a second or two. All problems of a document are named at once.

mod address;
mod adjustments;
mod cameras;
mod discover;
mod doors;
mod history;
mod import;
mod operators;
mod polygon;
mod presence;
pub(super) mod registers;
mod routes;
mod stores;
#[cfg(test)]
mod tests;
mod trial;
mod tried;
mod users;
mod zones;

use axum::http::StatusCode;
use serde::{Deserialize, Deserializer};
use tillsight_schemas::id::{StoreId, StoreKey};

use super::Shared;
use super::auth::{Caller, Person, Right};
use super::live::Live;
use super::problem::Problem;
use crate::db::{Change, ChangeError, DbError, Version};

pub(super) use routes::table;
pub(super) use trial::StreamSeen;
pub(crate) use tried::Tried;

/// One store only.
#[derive(Debug, Deserialize)]
struct OfStore {
    store: Option<StoreId>,
}

/// The administrator who asks.
fn setter(caller: &Caller) -> Result<Person, Problem> {
    caller.person(Right::SetUp)
}

/// A store that is set up and that the person sees.
pub(super) fn store_of(shared: &Shared, person: &Person, id: &str) -> Result<StoreKey, Problem> {
    let tenant = &person.scope.tenant;
    let known = id.parse::<StoreId>().ok().filter(|id| person.scope.sees(tenant, id));
    let known = known.filter(|id| shared.stores.get(tenant, id).is_some());
    known
        .map(|id| StoreKey::new(tenant.clone(), id))
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "not found", format!("there is no store {id} for you")))
}

/// What belongs to the whole retailer is changed by those who may change all of it.
fn whole(person: &Person) -> Result<(), Problem> {
    if person.scope.stores.is_empty() {
        return Ok(());
    }
    let detail = "this belongs to the whole retailer: an administrator of all stores can change it";
    Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail))
}

/// Whether a version belongs to a store that the person sees and asked for; what has no store belongs to all.
fn within(person: &Person, store: Option<&StoreId>, version: &Version) -> bool {
    let of = &version.key.store;
    if of.is_empty() {
        return true;
    }
    let seen = of.parse().is_ok_and(|id| person.scope.sees(&version.key.tenant, &id));
    seen && store.is_none_or(|asked| asked.as_str() == of)
}

/// Notes a change, makes it, and lets the next request see it.
async fn commit(live: &Live, person: &Person, words: String, changes: &[Change]) -> Result<(), Problem> {
    let shared = live.now();
    note(&shared, person, words).await?;
    shared.db.change(&person.name, changes).await.map_err(refused)?;
    live.refresh().await;
    Ok(())
}

/// Writes into the audit file what somebody is about to change.
async fn note(shared: &Shared, person: &Person, words: String) -> Result<(), Problem> {
    let noted = shared.audit.note(&person.name, "set up", words).await;
    noted.map_err(|error| Problem::unavailable("the audit file cannot be written, so nothing is changed", &error))
}

/// A change that was not made.
fn refused(error: ChangeError) -> Problem {
    match error {
        ChangeError::Changed { .. } => Problem::new(StatusCode::CONFLICT, "changed meanwhile", error.to_string()),
        ChangeError::Exists(..) => Problem::new(StatusCode::CONFLICT, "exists already", error.to_string()),
        ChangeError::Missing(..) => Problem::new(StatusCode::NOT_FOUND, "not found", error.to_string()),
        ChangeError::Db(error) => unread(&error),
    }
}

fn unread(error: &DbError) -> Problem {
    Problem::unavailable("what is set up cannot be read or written", error)
}

/// A document with problems, all of them.
pub(super) fn wrong(problems: &[String]) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "cannot be set up so", problems.join("; "))
}

/// Takes a value, or notes what is wrong with it.
fn take<T, E: std::fmt::Display>(problems: &mut Vec<String>, field: &str, value: Result<T, E>) -> Option<T> {
    value.map_err(|error| problems.push(format!("{field}: {error}"))).ok()
}

/// A text without blanks around it; nothing when it is empty.
fn text(value: Option<String>) -> Option<String> {
    value.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A field that was left out (`None`), is null (`Some(None)`) or has a value.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}
