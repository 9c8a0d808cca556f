//! `/api/v1/searches`: searches that a person keeps, or that others share, with how many hits they have now and how many of
//! them are of events since the person looked last.
//!
//! What is counted is what the asker may see, never what the owner may. A query of which something is not understood is
//! not kept: it would count what nobody asked for.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::Shared;
use super::answer::answer;
use super::auth::{Caller, Person, Right};
use super::cases::text;
use super::extract::{Body, Path};
use super::problem::Problem;
use crate::db::{self, DbError, Role};
use crate::search::SearchError;

/// Letters of a name at most.
const LONGEST_NAME: usize = 120;
/// Letters of a query at most.
const LONGEST_QUERY: usize = 1_000;
/// Searches of a person at most: each is counted whenever they are listed.
const MOST: usize = 100;

answer! {
    /// A search that somebody keeps.
    struct SavedSearch {
        /// Its id.
        search_id: Uuid,
        /// What it is called.
        name: String,
        /// The query.
        q: String,
        /// Whether everybody of the retailer has it.
        shared: bool,
        /// Whose it is.
        owner: String,
        /// Whether it is the asker's own.
        mine: bool,
        /// When it was made.
        created_at: DateTime<Utc>,
        /// When it was edited.
        updated_at: DateTime<Utc>,
        /// How many hits it has now.
        count: i64,
        /// How many of them are of events since the asker looked last; all when they never did.
        new_count: i64,
    }

    /// Searches that a person has.
    struct SearchPage {
        /// By name.
        items: Vec<SavedSearch>,
    }
}

/// A search as it is sent.
#[derive(Debug, Deserialize)]
pub(super) struct Keeping {
    name: String,
    q: String,
    #[serde(default)]
    shared: bool,
}

fn unread(error: &DbError) -> Problem {
    Problem::unavailable("the searches cannot be read", error)
}

fn unkept(error: DbError) -> Problem {
    match error {
        DbError::Exists(_) => {
            Problem::new(StatusCode::CONFLICT, "there already", format!("{error}: choose another name"))
        }
        error => Problem::unavailable("the search cannot be kept", &error),
    }
}

/// Searches with their hits.
async fn counted(shared: &Shared, person: &Person, kept: Vec<db::SavedSearch>) -> Result<Vec<SavedSearch>, Problem> {
    let (search, scope, me) = (shared.search.clone(), person.scope.of_search(), person.name.clone());
    let work = tokio::task::spawn_blocking(move || {
        let count = |q: &str, after| search.count(q, after, &scope).map(|hits| i64::try_from(hits).unwrap_or(i64::MAX));
        let one = |kept: db::SavedSearch| {
            let hits = count(&kept.q, None)?;
            let new = match kept.looked_at {
                Some(at) => count(&kept.q, Some(at))?,
                None => hits,
            };
            Ok::<_, SearchError>(SavedSearch {
                search_id: kept.id,
                mine: kept.owner == me,
                name: kept.name,
                q: kept.q,
                shared: kept.shared,
                owner: kept.owner,
                created_at: kept.created_at,
                updated_at: kept.updated_at,
                count: hits,
                new_count: new,
            })
        };
        kept.into_iter().map(one).collect::<Result<Vec<_>, _>>()
    });
    let counted = work.await.map_err(|error| Problem::unavailable("the counting was broken off", &error))?;
    counted.map_err(|error| Problem::unavailable("the hits cannot be counted", &error))
}

/// What is to be kept, if it is a query and has a name.
async fn checked(shared: &Shared, person: &Person, keeping: &Keeping) -> Result<(String, String), Problem> {
    let name = text("the name", &keeping.name, LONGEST_NAME)?;
    let q = text("the query", &keeping.q, LONGEST_QUERY)?;
    let (search, scope, asked) = (shared.search.clone(), person.scope.of_search(), q.clone());
    let problems = tokio::task::spawn_blocking(move || search.misunderstood(&asked, &scope)).await;
    let problems = problems.map_err(|error| Problem::unavailable("the query cannot be read", &error))?;
    if problems.is_empty() {
        return Ok((name, q));
    }
    Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "not understood", problems.join(" ")))
}

/// The search of that id, if the person has it.
async fn find(shared: &Shared, person: &Person, id: Uuid) -> Result<db::SavedSearch, Problem> {
    let kept = shared.db.searches(&person.scope.tenant, &person.name).await.map_err(|error| unread(&error))?;
    kept.into_iter()
        .find(|kept| kept.id == id)
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "not found", format!("there is no search {id} for you")))
}

/// The search of that id as it is shown.
async fn one(shared: &Shared, person: &Person, id: Uuid) -> Result<SavedSearch, Problem> {
    let kept = find(shared, person, id).await?;
    let gone = || Problem::new(StatusCode::NOT_FOUND, "not found", format!("there is no search {id} for you"));
    counted(shared, person, vec![kept]).await?.pop().ok_or_else(gone)
}

/// Lists searches.
pub(super) async fn list(State(shared): State<Shared>, caller: Caller) -> Result<Json<SearchPage>, Problem> {
    let person = caller.person(Right::Look)?;
    let kept = shared.db.searches(&person.scope.tenant, &person.name).await.map_err(|error| unread(&error))?;
    Ok(Json(SearchPage { items: counted(&shared, &person, kept).await? }))
}

/// Keeps a search.
pub(super) async fn keep(
    State(shared): State<Shared>,
    caller: Caller,
    Body(keeping): Body<Keeping>,
) -> Result<(StatusCode, Json<SavedSearch>), Problem> {
    let person = caller.person(Right::Look)?;
    let (name, q) = checked(&shared, &person, &keeping).await?;
    let kept = shared.db.searches(&person.scope.tenant, &person.name).await.map_err(|error| unread(&error))?;
    if kept.iter().filter(|kept| kept.owner == person.name).count() >= MOST {
        let detail = format!("a person keeps {MOST} searches at most: forget one first");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "too many", detail));
    }
    let id = shared.db.keep_search(&person.scope.tenant, &person.name, (&name, &q, keeping.shared)).await;
    let kept = one(&shared, &person, id.map_err(unkept)?).await?;
    Ok((StatusCode::CREATED, Json(kept)))
}

/// Edits a search.
pub(super) async fn edit(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(keeping): Body<Keeping>,
) -> Result<Json<SavedSearch>, Problem> {
    let person = caller.person(Right::Look)?;
    let kept = find(&shared, &person, id).await?;
    if kept.owner != person.name {
        let detail = format!("the search is {}'s: keep one of your own with the same query", kept.owner);
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
    }
    let (name, q) = checked(&shared, &person, &keeping).await?;
    shared.db.edit_search(id, (&name, &q, keeping.shared)).await.map_err(unkept)?;
    one(&shared, &person, id).await.map(Json)
}

/// Forgets a search.
pub(super) async fn forget(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let person = caller.person(Right::Look)?;
    let kept = find(&shared, &person, id).await?;
    if kept.owner != person.name && person.role != Role::Admin {
        let detail = format!("the search is {}'s: only they and admins can forget it", kept.owner);
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
    }
    shared.db.drop_search(id).await.map_err(|error| Problem::unavailable("the search cannot be forgotten", &error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Notes that the person looks at the hits just now.
pub(super) async fn seen(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let person = caller.person(Right::Look)?;
    find(&shared, &person, id).await?;
    let noted = shared.db.look_at_search(id, &person.name).await;
    noted.map_err(|error| Problem::unavailable("the look cannot be noted", &error))?;
    Ok(StatusCode::NO_CONTENT)
}
