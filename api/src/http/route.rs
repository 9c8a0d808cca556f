//! What a route is: method, path, who may ask, what is sent and what is answered.

use axum::routing::MethodRouter;
use serde_json::{Map, Value};

use super::live::Live;

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody: health, and signing in.
    Open,
    /// A person with a session or a token, limited to their stores.
    Person,
    /// An integrator with its token.
    Integrator,
    /// A person who sets up, or an integrator with its token for what is its own.
    Feed,
    /// A collector of metrics with its token.
    Metrics,
}

/// What is answered.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    /// A JSON document.
    Json(fn(&mut Map<String, Value>) -> Value),
    /// Something else, of one of these media types.
    File(&'static [&'static str]),
    /// Nothing but the status.
    Nothing,
}

/// A parameter of a query string: name, meaning, whether it must be there.
pub(super) type Parameter = (&'static str, &'static str, bool);

/// A route.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) access: Access,
    pub(super) about: &'static str,
    pub(super) query: &'static [Parameter],
    pub(super) body: Option<fn() -> Value>,
    /// The media types of the body.
    pub(super) media: &'static [&'static str],
    pub(super) status: u16,
    pub(super) answer: Answer,
    /// Other statuses with the same answer.
    pub(super) same: &'static [u16],
    /// Statuses of problems, beside those that follow from who may ask and what is sent.
    pub(super) refuses: &'static [u16],
    pub(super) handler: MethodRouter<Live>,
}

impl Route {
    pub(super) fn get(
        path: &'static str,
        access: Access,
        about: &'static str,
        answer: Answer,
        handler: MethodRouter<Live>,
    ) -> Self {
        Self {
            method: "get",
            path,
            access,
            about,
            query: &[],
            body: None,
            media: &["application/json"],
            status: 200,
            answer,
            same: &[],
            refuses: &[],
            handler,
        }
    }

    pub(super) fn query(self, query: &'static [Parameter]) -> Self {
        Self { query, ..self }
    }

    pub(super) fn post(self, body: fn() -> Value) -> Self {
        Self { method: "post", body: Some(body), ..self }
    }

    pub(super) fn put(self, body: fn() -> Value) -> Self {
        Self { method: "put", body: Some(body), ..self }
    }

    pub(super) fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// Says the media types of the body, where it is not JSON alone.
    pub(super) fn media(self, media: &'static [&'static str]) -> Self {
        Self { media, ..self }
    }

    /// Says which other statuses have the same answer.
    pub(super) fn same(self, same: &'static [u16]) -> Self {
        Self { same, ..self }
    }

    /// Says which problems there are beside those of every route of its kind.
    pub(super) fn refuses(self, refuses: &'static [u16]) -> Self {
        Self { refuses, ..self }
    }

    pub(super) fn method(self, method: &'static str, status: u16, body: Option<fn() -> Value>) -> Self {
        Self { method, status, body, ..self }
    }
}
