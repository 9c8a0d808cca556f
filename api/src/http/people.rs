//! `GET /api/v1/people`: who alerts and cases can be given to.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use tillsight_schemas::id::StoreId;

use super::Shared;
use super::answer::answer;
use super::auth::{Caller, Person, Right};
use super::problem::Problem;
use crate::db::{DbError, Without};

answer! {
    /// Somebody who decides about alerts.
    struct PersonShown {
        /// The log-in name.
        name: String,
        /// What they do: `analyst`, `manager`, `admin`. Cases are for analysts and admins.
        role: String,
    }

    /// Who alerts can be given to.
    struct PersonPage {
        /// By name.
        items: Vec<PersonShown>,
    }
}

fn unread(error: &DbError) -> Problem {
    Problem::unavailable("the people cannot be read", error)
}

/// Whether two people have a store in common.
fn meet(one: &Person, other: &Person) -> bool {
    let (a, b) = (&one.scope.stores, &other.scope.stores);
    one.scope.tenant == other.scope.tenant && (a.is_empty() || b.is_empty() || a.iter().any(|store| b.contains(store)))
}

/// Lists those who decide about alerts of stores that the person sees.
pub(super) async fn list(State(shared): State<Shared>, caller: Caller) -> Result<Json<PersonPage>, Problem> {
    let person = caller.person(Right::Review)?;
    let users = shared.db.users().await.map_err(|error| unread(&error))?;
    let others = users
        .iter()
        .filter_map(|user| Person::of(user, Without::default()))
        .filter(|other| other.may(Right::Review) && meet(&person, other));
    let items = others.map(|other| PersonShown { name: other.name, role: other.role.to_string() }).collect();
    Ok(Json(PersonPage { items }))
}

/// What is said when something would be given to somebody who does not see it.
pub(super) fn concerns_them(name: &str) -> Problem {
    let detail = format!("it is about {name}, or about another manager of the store: give it to somebody else");
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "cannot be given to", detail)
}

/// Somebody whom work on these stores can be given to; other names are refused.
pub(super) async fn assignable(
    shared: &Shared,
    person: &Person,
    name: &str,
    right: Right,
    stores: BTreeSet<&StoreId>,
) -> Result<Person, Problem> {
    let user = shared.db.user(name).await.map_err(|error| unread(&error))?;
    let without = match &user {
        Some(user) => shared.db.without(user).await.map_err(|error| unread(&error))?,
        None => Without::default(),
    };
    let other = user
        .as_ref()
        .and_then(|user| Person::of(user, without))
        .filter(|other| other.scope.tenant == person.scope.tenant);
    let refused = |detail: String| Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "cannot be given to", detail));
    let Some(other) = other else {
        return refused(format!("there is nobody called {name:?}; GET /api/v1/people lists who there is"));
    };
    if !other.may(right) {
        let what = if right == Right::Case { "work on cases" } else { "decide about alerts" };
        return refused(format!("{name} has the role {}, which does not {what}", other.role));
    }
    match stores.into_iter().find(|store| !other.scope.sees(&person.scope.tenant, store)) {
        Some(store) => refused(format!("{name} does not see store {store}")),
        None => Ok(other),
    }
}
