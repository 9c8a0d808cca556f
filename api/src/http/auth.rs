//! Who is asking. Programs send `Authorization: Bearer <token>`; [`Caller`] is the extractor that every route which is
//! not health uses.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use tillsight_ingest::pos::Permits;

use super::Shared;
use super::problem::Problem;
use crate::db::{TokenKind, TokenOwner};

/// A program with a valid token.
#[derive(Debug, Clone)]
pub(super) struct Caller(TokenOwner);

impl Caller {
    /// What the caller may write, if it is an integrator.
    pub(super) fn permits<'a>(&self, shared: &'a Shared) -> Result<&'a Permits, Problem> {
        let permits = shared.permits.iter().find(|permits| permits.integrator.as_str() == self.0.owner);
        match (self.0.kind, permits) {
            (TokenKind::Integrator, Some(permits)) => Ok(permits),
            (TokenKind::Integrator, None) => {
                Err(forbidden(format!("integrator {} is not set up any more", self.0.owner)))
            }
            _ => Err(forbidden("this address takes the token of an integrator".to_owned())),
        }
    }

    /// Passes collectors of metrics.
    pub(super) fn may_read_metrics(&self) -> Result<(), Problem> {
        match self.0.kind {
            TokenKind::Metrics => Ok(()),
            _ => Err(forbidden("this address takes a token made with `tillsight token create --metrics`".to_owned())),
        }
    }
}

fn forbidden(detail: String) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        let unauthorised = |detail: &str| Problem::new(StatusCode::UNAUTHORIZED, "unauthorised", detail);
        let secret = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or_else(|| unauthorised("send `Authorization: Bearer <token>`; `tillsight token create` makes one"))?;
        match shared.db.token_owner(secret.trim()).await {
            Ok(Some(owner)) => Ok(Self(owner)),
            Ok(None) => Err(unauthorised("this token is not valid (any more)")),
            Err(error) => Err(Problem::unavailable("the token cannot be checked", &error)),
        }
    }
}
