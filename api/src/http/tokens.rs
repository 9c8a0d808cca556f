//! `/api/v1/setup/tokens`: what programs log in with. A secret is in the answer that made it and nowhere else; a token that
//! is revoked is refused from the next request on. Both are in the audit file.
//!
//! An administrator sees the tokens of their retailer, and with a limit to stores those only that reach no further.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use tillsight_ingest::pos::Permits;
use tillsight_schemas::id::{StoreId, TenantId};
use tillsight_schemas::topic;

use super::Shared;
use super::answer::answer;
use super::auth::{Caller, Person, Right};
use super::extract::{Body, Path};
use super::problem::Problem;
use crate::db::{DbError, TokenKind, TokenOrder, TokenRow};

/// Letters of a token's name at most.
const LONGEST_NAME: usize = 40;

answer! {
    /// A token that holds.
    struct TokenShown {
        /// The name under which it logs in.
        login: String,
        /// `integrator`, `sql`, `metrics` or `person`.
        kind: String,
        /// The integrator or person; `metrics` for a collector.
        owner: String,
        /// What it is for.
        name: String,
        /// The stores it is limited to; whatever its owner may when empty.
        stores: Vec<StoreId>,
        /// When it was made.
        created_at: DateTime<Utc>,
        /// Who made it; null on the command line.
        created_by: Option<String>,
        /// When it was last used, to the minute.
        last_used_at: Option<DateTime<Utc>>,
    }

    /// An integrator that a token can be made for.
    struct IntegratorShown {
        /// Its id.
        integrator_id: String,
        /// The stores it may write; all of the retailer when empty.
        stores: Vec<StoreId>,
        /// The topic it writes to over Kafka.
        topic: String,
    }

    /// The tokens that hold.
    struct TokenPage {
        /// By login.
        items: Vec<TokenShown>,
        /// Whom a token can be made for beside people.
        integrators: Vec<IntegratorShown>,
    }

    /// A token that was just made.
    struct TokenMade {
        /// The token.
        token: TokenShown,
        /// Its secret: it is not shown again.
        secret: String,
    }
}

/// The token that is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    kind: String,
    owner: Option<String>,
    name: String,
    #[serde(default)]
    stores: Vec<StoreId>,
}

fn unread(error: &DbError) -> Problem {
    Problem::unavailable("the tokens cannot be read", error)
}

fn missing(login: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not found", format!("there is no token {login}"))
}

/// Lists the tokens.
pub(super) async fn list(State(shared): State<Shared>, caller: Caller) -> Result<Json<TokenPage>, Problem> {
    let person = caller.person(Right::SetUp)?;
    let tokens = shared.db.tokens().await.map_err(|error| unread(&error))?;
    let items = tokens.iter().filter(|token| sees(&shared, &person, token)).map(shown).collect();
    let ours = shared.permits.iter().filter(|permits| reaches(&person, &permits.tenant, &permits.stores));
    let integrators = ours.map(|permits| IntegratorShown {
        integrator_id: permits.integrator.to_string(),
        stores: permits.stores.clone(),
        topic: topic::landing(&permits.integrator),
    });
    Ok(Json(TokenPage { items, integrators: integrators.collect() }))
}

/// Makes a token.
pub(super) async fn create(
    State(shared): State<Shared>,
    caller: Caller,
    Body(order): Body<Order>,
) -> Result<(StatusCode, Json<TokenMade>), Problem> {
    let person = caller.person(Right::SetUp)?;
    let (kind, owner) = checked(&shared, &person, &order).await?;
    let login = kind.login(&owner, &order.name);
    // First the note, then the token: a secret that nobody noted must not be about.
    let note = if order.stores.is_empty() {
        login.clone()
    } else {
        let stores: Vec<&str> = order.stores.iter().map(StoreId::as_str).collect();
        format!("{login} for the stores {}", stores.join(","))
    };
    noted(&shared, &person, "token created", note).await?;
    let made = shared
        .db
        .make_token(TokenOrder { kind, owner: &owner, login: &login, stores: &order.stores, by: Some(&person.name) })
        .await;
    let made = made.map_err(|error| match error {
        DbError::Exists(_) => {
            let detail = format!("there is a token {login}: take another name, or revoke it first");
            Problem::new(StatusCode::CONFLICT, "exists", detail)
        }
        error => Problem::unavailable("the token cannot be made", &error),
    })?;
    let tokens = shared.db.tokens().await.map_err(|error| unread(&error))?;
    let token = tokens.iter().find(|token| token.owner.login == login).map(shown).ok_or_else(|| missing(&login))?;
    Ok((StatusCode::CREATED, Json(TokenMade { token, secret: made.secret })))
}

/// Ends a token.
pub(super) async fn revoke(
    State(shared): State<Shared>,
    caller: Caller,
    Path(login): Path<String>,
) -> Result<StatusCode, Problem> {
    let person = caller.person(Right::SetUp)?;
    let tokens = shared.db.tokens().await.map_err(|error| unread(&error))?;
    let known = tokens.iter().find(|token| token.owner.login == login && sees(&shared, &person, token));
    known.ok_or_else(|| missing(&login))?;
    noted(&shared, &person, "token revoked", login.clone()).await?;
    match shared.db.revoke_token(&login).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(DbError::Missing(_)) => Err(missing(&login)),
        Err(error) => Err(Problem::unavailable("the token cannot be revoked", &error)),
    }
}

async fn noted(shared: &Shared, person: &Person, action: &'static str, detail: String) -> Result<(), Problem> {
    let noted = shared.audit.note(&person.name, action, detail).await;
    noted.map_err(|error| Problem::unavailable("the audit cannot be written", &error))
}

/// Kind and owner of an order that can be filled; otherwise everything that is wrong with it.
async fn checked(shared: &Shared, person: &Person, order: &Order) -> Result<(TokenKind, String), Problem> {
    let mut problems = Vec::new();
    let well_formed = |name: &str| {
        (1..=LONGEST_NAME).contains(&name.len())
            && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
    };
    if !well_formed(&order.name) {
        problems.push(format!("name must have 1 to {LONGEST_NAME} of a-z, 0-9, - and _"));
    }
    let kind: Option<TokenKind> = order.kind.parse().ok();
    if kind.is_none() {
        problems.push(format!("kind is {:?}; it can be {}", order.kind, TokenKind::CODES.join(", ")));
    }
    if !order.stores.is_empty() && kind != Some(TokenKind::Integrator) {
        problems.push("stores can be given for an integrator; a person's token sees what the person sees".to_owned());
    }
    let owner = order.owner.clone().unwrap_or_default();
    match kind {
        Some(TokenKind::Integrator) => problems.extend(of_integrator(shared, person, &owner, &order.stores)),
        Some(TokenKind::Sql | TokenKind::Person) => {
            let user = shared.db.user(&owner).await.map_err(|error| unread(&error))?;
            match user.filter(|user| reaches(person, &user.tenant, &user.stores)) {
                None => problems.push(format!("owner: there is no person {owner:?} for you")),
                Some(user) if kind == Some(TokenKind::Sql) => {
                    let why = shared.db.keeps_from_sql(&user).await.map_err(|error| unread(&error))?;
                    problems.extend(why.map(|why| format!("owner: {why}")));
                }
                Some(_) => {}
            }
        }
        Some(TokenKind::Metrics) if !alone(shared, person) => {
            let detail = "metrics show every retailer and store of the installation: make that token with \
                          `tillsight token create --metrics`";
            return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
        }
        Some(TokenKind::Metrics) if order.owner.as_deref().is_some_and(|owner| owner != "metrics") => {
            problems.push("owner is left out for a collector of metrics".to_owned());
        }
        Some(TokenKind::Metrics) | None => {}
    }
    match kind {
        Some(TokenKind::Metrics) if problems.is_empty() => Ok((TokenKind::Metrics, "metrics".to_owned())),
        Some(kind) if problems.is_empty() => Ok((kind, owner)),
        _ => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad token", problems.join("; "))),
    }
}

fn of_integrator(shared: &Shared, person: &Person, owner: &str, stores: &[StoreId]) -> Vec<String> {
    let known = shared
        .permits
        .iter()
        .find(|permits| permits.integrator.as_str() == owner && permits.tenant == person.scope.tenant);
    let Some(permits) = known else { return vec![format!("owner: there is no integrator {owner:?} for you")] };
    let may = |store: &&StoreId| {
        shared.stores.get(&permits.tenant, store).is_some()
            && person.scope.sees(&permits.tenant, store)
            && (permits.stores.is_empty() || permits.stores.contains(store))
    };
    let mut problems: Vec<String> = stores
        .iter()
        .filter(|store| !may(store))
        .map(|store| format!("stores: integrator {owner} may not write store {store}"))
        .collect();
    if stores.is_empty() && !reaches(person, &permits.tenant, &permits.stores) {
        problems.push(format!("stores: integrator {owner} may write stores that you do not see: name those of yours"));
    }
    problems
}

/// Whether a person sees all of these stores (all of the retailer when empty).
fn reaches(person: &Person, tenant: &TenantId, stores: &[StoreId]) -> bool {
    person.scope.tenant == *tenant
        && (person.scope.stores.is_empty()
            || (!stores.is_empty() && stores.iter().all(|store| person.scope.stores.contains(store))))
}

/// Whether a person sees everything of the installation.
fn alone(shared: &Shared, person: &Person) -> bool {
    person.scope.stores.is_empty() && shared.shops.iter().all(|shop| shop.tenant == person.scope.tenant)
}

fn sees(shared: &Shared, person: &Person, token: &TokenRow) -> bool {
    match token.owner.kind {
        TokenKind::Metrics => alone(shared, person),
        TokenKind::Sql | TokenKind::Person => {
            token.person.as_ref().is_some_and(|(tenant, stores)| reaches(person, tenant, stores))
        }
        TokenKind::Integrator => {
            let of = |permits: &&Permits| permits.integrator.as_str() == token.owner.owner;
            shared.permits.iter().find(of).is_some_and(|permits| {
                let stores = if token.owner.stores.is_empty() { &permits.stores } else { &token.owner.stores };
                reaches(person, &permits.tenant, stores)
            })
        }
    }
}

fn shown(row: &TokenRow) -> TokenShown {
    let owner = &row.owner;
    TokenShown {
        login: owner.login.clone(),
        kind: owner.kind.as_str().to_owned(),
        owner: owner.owner.clone(),
        name: owner.kind.name(&owner.owner, &owner.login),
        stores: owner.stores.clone(),
        created_at: row.created_at,
        created_by: row.created_by.clone(),
        last_used_at: row.last_used_at,
    }
}
