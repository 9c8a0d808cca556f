//! `GET /r/{token}`: what a one-time link of a report's mail will do; `POST /r/{token}`: does it.
//!
//! Scanners of mail follow every link, so asking changes nothing; only the button of the page does. The token is the right:
//! it was sent to one recipient, holds for a week, works once. Wrong tokens are counted, and from the sixth on their
//! answer is that the asker must wait; a right one always works.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};
use tillsight_schemas::review::{Disposition, Review};
use uuid::Uuid;

use super::Shared;
use super::extract::{Form, Path};
use super::problem::Problem;
use crate::db::{AlertRow, DbError, Link};

/// Under what wrong tokens are counted: it is no name that signs in.
const GUESSES: &str = "\u{0}links";
/// Characters of a note.
const NOTE: usize = 1_000;

/// What the page sends.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    #[serde(default)]
    note: String,
}

/// The body, for the document of the surface.
pub(super) fn form() -> Value {
    json!({ "type": "object", "properties": { "note": { "type": "string", "description": "What there is to say." } } })
}

fn unread(error: &DbError) -> Problem {
    Problem::unavailable("the link cannot be looked up", error)
}

/// A link that can be used with its alert, or the page that says why there is none.
async fn find(shared: &Shared, token: &str) -> Result<(Link, AlertRow), Response> {
    let link = shared.db.link(token).await.map_err(|error| unread(&error).into_response())?;
    let now = shared.clock.now();
    let Some(link) = link else {
        if let Some(wait) = shared.throttle.wait(GUESSES, now) {
            let page = page("Not now", &html! { p { "Too many wrong links were tried. Try again in a minute." } });
            let seconds = (wait.num_seconds() + 1).to_string();
            return Err((StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds)], page).into_response());
        }
        shared.throttle.failed(GUESSES, now);
        let page = page(
            "No such link",
            &html! { p { "Open it from the mail itself; it may be broken over two lines there." } },
        );
        return Err((StatusCode::NOT_FOUND, page).into_response());
    };
    if !link.holds {
        let why = match (link.used, link.action) {
            (true, Disposition::LookAtIt) => "It was used already: you asked loss prevention to look at it.",
            (true, _) => "It was used already: you said that it is explained.",
            (false, _) => "It holds for a week.",
        };
        let page = page("This link does nothing any more", &html! { p { (why) } });
        return Err((StatusCode::GONE, page).into_response());
    }
    let row = shared.db.alert(link.alert_id).await.map_err(|error| unread(&error).into_response())?;
    let gone = match (&row, shared.reporter.recipients.iter().find(|one| one.email == link.recipient)) {
        // Since the mail left it was found out that it is about its recipient.
        (Some(row), Some(recipient)) => {
            let insiders =
                shared.db.insiders(&recipient.tenant).await.map_err(|error| unread(&error).into_response())?;
            insiders.recipient(recipient).leaves_out(&row.alert.store_id, &row.people)
        }
        _ => false,
    };
    match row.filter(|_| !gone) {
        Some(row) => Ok((link, row)),
        None => Err((StatusCode::GONE, page("The alert is gone", &html! {})).into_response()),
    }
}

/// Says what the link will do.
pub(super) async fn ask(State(shared): State<Shared>, Path(token): Path<String>) -> Response {
    let (link, row) = match find(&shared, &token).await {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let (title, what, button) = match link.action {
        Disposition::LookAtIt => (
            "Ask loss prevention to look at it",
            "It is put first in their report and their queue, and stands in the alert's history, with your address.",
            "Ask them to look",
        ),
        _ => (
            "Say that it is explained",
            "What you write stands in the alert's history, with your address. The alert stays open: loss prevention decides.",
            "It is explained",
        ),
    };
    let body = html! {
        (about(&shared, &row))
        p { (what) }
        form method="post" {
            label for="note" { "What happened (may be left empty)" }
            textarea id="note" name="note" rows="4" maxlength=(NOTE) {}
            button type="submit" { (button) }
        }
    };
    page(title, &body).into_response()
}

/// Does what the link says.
pub(super) async fn act(State(shared): State<Shared>, Path(token): Path<String>, Form(said): Form<Said>) -> Response {
    let (link, row) = match find(&shared, &token).await {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let note: String = said.note.trim().chars().take(NOTE).collect();
    let review = Review {
        review_id: Uuid::new_v4(),
        alert_id: link.alert_id,
        alert_revision: row.alert.revision,
        tenant_id: row.alert.tenant_id.clone(),
        store_id: row.alert.store_id.clone(),
        disposition: link.action,
        note: Some(note).filter(|note| !note.is_empty()),
        reviewer: link.recipient.clone(),
        reviewed_at: shared.clock.now(),
    };
    match shared.db.use_link(&token, &review).await {
        Ok(true) => {
            tracing::info!(alert = %link.alert_id, by = link.recipient, action = %link.action, "a store said something");
            page("Noted", &html! { (about(&shared, &row)) p { "Thank you. You can close this page." } }).into_response()
        }
        Ok(false) => {
            let body = html! { p { "It was used already: what you said is noted." } };
            (StatusCode::GONE, page("This link does nothing any more", &body)).into_response()
        }
        Err(error) => Problem::unavailable("it cannot be noted", &error).into_response(),
    }
}

/// Which alert, in a sentence.
fn about(shared: &Shared, row: &AlertRow) -> Markup {
    let alert = &row.alert;
    let shop = shared.stores.get(&alert.tenant_id, &alert.store_id);
    let at = shop.map_or_else(
        || alert.event_time.format("%-d %B %Y, %H:%M UTC").to_string(),
        |shop| shop.local(alert.event_time).format("%-d %B %Y, %H:%M %Z").to_string(),
    );
    html! {
        p { b { (alert.title) } br; (shop.map_or("", |shop| shop.name.as_str())) ", register " (alert.register_id) ", " (at) }
    }
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:34rem;padding:1rem;color:#152026;\
    background:#fff}textarea{display:block;width:100%;box-sizing:border-box;font:inherit;margin:.25rem 0 1rem}\
    button{font:inherit;padding:.75rem 1.25rem;background:#0b6468;color:#fff;border:0;border-radius:6px}\
    @media(prefers-color-scheme:dark){body{color:#e8eef0;background:#0f1518}textarea{background:#171f23;color:inherit}}";

/// A small page that loads nothing and is kept nowhere.
fn page(title: &str, body: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (title) }
                style { (STYLE) }
            }
            body { main { h1 { (title) } (body) } }
        }
    };
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (headers, page.into_string()).into_response()
}
