//! Who is asking, and what they may. Programs send `Authorization: Bearer <token>`, people the cookie of their session;
//! [`Caller`] is the extractor that every route uses which is not open to all.
//!
//! Roles and stores are decided here and nowhere else: a handler asks [`Caller::person`] for a [`Right`] and gets the
//! person's [`Scope`], without which it cannot name a store. What a person took part in themselves is outside of it
//! ([`Without`]): such an alert is not found, not counted and not told of, as one of another store.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use cookie::Cookie;
use tillsight_ingest::pos::Permits;
use tillsight_schemas::id::{StoreId, TenantId};

use super::Shared;
use super::problem::Problem;
use crate::db::{AlertRow, Case, Role, TokenKind, TokenOwner, User, Without};
use crate::search;

/// The cookie of a session.
pub(super) const COOKIE: &str = "tillsight_session";
/// The header that a page of ours sends with requests that change something: no other site can.
pub(super) const CSRF_HEADER: &str = "x-tillsight";

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    /// See alerts, receipts, cameras and how well they cover.
    Look,
    /// See pictures.
    Video,
    /// Say for a store what an alert is about; it decides nothing.
    Say,
    /// Decide about alerts, and say who looks at them. Managers do not: their store is what is looked at.
    Review,
    /// Work on cases. Managers do not: a case may be about them.
    Case,
    /// See how people at the tills compare with others.
    Compare,
    /// Set up stores, cameras, zones and people.
    SetUp,
}

/// What a person sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    /// The retailer.
    pub(super) tenant: TenantId,
    /// The stores; all of the retailer when empty.
    pub(super) stores: Vec<StoreId>,
    /// Whose alerts are left out.
    pub(super) without: Without,
}

/// A person with what they may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    /// The log-in name.
    pub(super) name: String,
    /// What they do.
    pub(super) role: Role,
    /// The stores they see.
    pub(super) scope: Scope,
}

/// A program with a valid token, or a person with a valid session or token.
#[derive(Debug, Clone)]
pub(super) enum Caller {
    /// An integrator or a collector of metrics.
    Program(TokenOwner),
    /// A person, with those whose alerts they do not see.
    Person(User, Without),
}

impl Scope {
    /// Whether a store belongs to it.
    pub(super) fn sees(&self, tenant: &TenantId, store: &StoreId) -> bool {
        self.tenant == *tenant && (self.stores.is_empty() || self.stores.contains(store))
    }

    /// Whether an alert belongs to it.
    pub(super) fn sees_alert(&self, row: &AlertRow) -> bool {
        self.sees(&row.alert.tenant_id, &row.alert.store_id)
            && !self.without.leaves_out(&row.alert.store_id, &row.people)
    }

    /// The same for search.
    pub(super) fn of_search(&self) -> search::Scope {
        let Self { tenant, stores, without } = self.clone();
        search::Scope { tenant, stores, without }
    }
}

impl Person {
    /// What a user sees; `None` for a manager without a store.
    pub(super) fn of(user: &User, without: Without) -> Option<Self> {
        if user.role == Role::Manager && user.stores.is_empty() {
            return None;
        }
        let scope = Scope { tenant: user.tenant.clone(), stores: user.stores.clone(), without };
        Some(Self { name: user.name.clone(), role: user.role, scope })
    }

    /// Whether the person may do this.
    pub(super) fn may(&self, right: Right) -> bool {
        match right {
            Right::Look => true,
            Right::Video | Right::Say | Right::Compare => self.role != Role::HeadOffice,
            Right::Review | Right::Case => matches!(self.role, Role::Analyst | Role::Admin),
            Right::SetUp => self.role == Role::Admin,
        }
    }

    /// Whether a case is for this person: it sees every store of it, and nobody whose alerts it does not see is in it; a
    /// case about no store yet is for those who opened or own it, and for those who see all stores.
    pub(super) fn sees_case(&self, case: &Case) -> bool {
        let own = case.created_by == self.name || case.owner.as_ref() == Some(&self.name);
        self.may(Right::Case)
            && self.scope.tenant == case.tenant
            && case.stores.iter().all(|store| self.scope.sees(&case.tenant, store))
            && !self.scope.without.anywhere(&case.concerned)
            && (!case.stores.is_empty() || self.scope.stores.is_empty() || own)
    }
}

impl Caller {
    /// The login of the token that speaks, if it is a program's.
    pub(super) fn login(&self) -> Option<&str> {
        match self {
            Self::Program(owner) => Some(&owner.login),
            Self::Person(..) => None,
        }
    }

    /// What the caller may write, if it is an integrator: no more than its token is for.
    pub(super) fn permits(&self, shared: &Shared) -> Result<(Permits, &[StoreId]), Problem> {
        let Self::Program(TokenOwner { kind: TokenKind::Integrator, owner, stores, login }) = self else {
            return Err(forbidden("this address takes the token of an integrator".to_owned()));
        };
        let permits = shared.permits.iter().find(|permits| permits.integrator.as_str() == owner);
        let permits = permits.ok_or_else(|| forbidden(format!("integrator {owner} is not set up any more")))?;
        if stores.is_empty() {
            return Ok((permits.clone(), stores));
        }
        let limited = permits.only(stores);
        let none =
            || forbidden(format!("token {login} is for stores that integrator {owner} may not write (any more)"));
        Ok((limited.ok_or_else(none)?, stores))
    }

    /// The person who asks, if it is one who may do this.
    pub(super) fn person(&self, right: Right) -> Result<Person, Problem> {
        let Self::Person(user, without) = self else {
            return Err(forbidden(
                "this address is for people: sign in, or send a token of `tillsight token create --http USER`"
                    .to_owned(),
            ));
        };
        let Some(person) = Person::of(user, without.clone()) else {
            return Err(forbidden(format!("{} manages no store; an administrator can name them", user.name)));
        };
        if person.may(right) {
            return Ok(person);
        }
        let what = match right {
            Right::Look => "look at alerts",
            Right::Video => "see video",
            Right::Say => "speak for a store",
            Right::Review => "decide about alerts",
            Right::Case => "work on cases",
            Right::Compare => "see how people at the tills compare",
            Right::SetUp => "set anything up",
        };
        Err(forbidden(format!("the role {} does not {what}", person.role)))
    }

    /// Passes collectors of metrics.
    pub(super) fn may_read_metrics(&self) -> Result<(), Problem> {
        match self {
            Self::Program(TokenOwner { kind: TokenKind::Metrics, .. }) => Ok(()),
            _ => Err(forbidden("this address takes a token made with `tillsight token create --metrics`".to_owned())),
        }
    }
}

/// The secret of the session that a request carries.
pub(super) fn session_secret(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(Cookie::split_parse)
        .filter_map(Result::ok)
        .find(|cookie| cookie.name() == COOKIE)
        .map(|cookie| cookie.value().to_owned())
}

/// Refuses a request that another site may have made a browser send.
pub(super) fn from_our_page(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get(CSRF_HEADER).map(|value| value.as_bytes()) {
        Some(b"1") => Ok(()),
        _ => Err(forbidden("send the header `X-Tillsight: 1` with requests that change something".to_owned())),
    }
}

fn forbidden(detail: String) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
}

pub(super) fn unauthorised(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorised", detail)
}

/// A person with those whose alerts they do not see.
async fn known(shared: &Shared, user: User) -> Result<Caller, Problem> {
    let without = shared.db.without(&user).await;
    let without = without.map_err(|error| Problem::unavailable("what you may see cannot be looked up", &error))?;
    Ok(Caller::Person(user, without))
}

async fn bearer(shared: &Shared, secret: &str) -> Result<Caller, Problem> {
    let unchecked = |error: &crate::db::DbError| Problem::unavailable("the token cannot be checked", error);
    let owner = shared.db.token_owner(secret).await.map_err(|error| unchecked(&error))?;
    let owner = owner.ok_or_else(|| unauthorised("this token is not valid (any more)"))?;
    match owner.kind {
        TokenKind::Integrator | TokenKind::Metrics => Ok(Caller::Program(owner)),
        TokenKind::Sql => Err(forbidden("a token for SQL does not open HTTP".to_owned())),
        TokenKind::Person => match shared.db.user(&owner.owner).await.map_err(|error| unchecked(&error))? {
            Some(user) => known(shared, user).await,
            None => Err(forbidden(format!("{} has no access any more", owner.owner))),
        },
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller
where
    Shared: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let shared = &Shared::from_ref(state);
        if let Some(authorization) = parts.headers.get(header::AUTHORIZATION) {
            let said = authorization.to_str().ok().and_then(|value| value.split_once(' '));
            let secret = said.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, secret)| secret);
            let secret = secret.ok_or_else(|| unauthorised("the form is `Authorization: Bearer <token>`"))?;
            return bearer(shared, secret.trim()).await;
        }
        let secret = session_secret(&parts.headers).ok_or_else(|| {
            unauthorised("sign in, or send `Authorization: Bearer <token>`; `tillsight token create` makes one")
        })?;
        let user = shared
            .db
            .session(&secret)
            .await
            .map_err(|error| Problem::unavailable("the session cannot be checked", &error))?
            .ok_or_else(|| unauthorised("the session has ended: sign in again"))?;
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            from_our_page(&parts.headers)?;
        }
        known(shared, user).await
    }
}
