//! The table of routes: the router, the `OpenAPI` document and the test of who may ask are made of it, so none of them can
//! forget one.

use axum::routing::{MethodRouter, delete, get, post};
use serde_json::{Map, Value, json};

use super::answer::Shown;
use super::blind::BlindPage;
use super::coverage::CoverageShown;
use super::journal::Journal;
use super::places::{CameraPage, StorePage};
use super::pos::Intake;
use super::reports::ReportMails;
use super::rules::RulePage;
use super::views::{AlertDetail, AlertPage, AlertSummary, Me, TransactionDetail};
use crate::report::Report;

use super::{
    Shared, alerts, blind, clips, coverage, demo, events, evidence, health, journal, links, openapi, places, pos,
    reports, rules, search, session, stills, transactions,
};

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody: health, and signing in.
    Open,
    /// A person with a session or a token, limited to their stores.
    Person,
    /// An integrator with its token.
    Integrator,
    /// A collector of metrics with its token.
    Metrics,
}

/// What is answered.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    /// A JSON document.
    Json(fn(&mut Map<String, Value>) -> Value),
    /// Something else, of this media type.
    File(&'static str),
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
    pub(super) status: u16,
    pub(super) answer: Answer,
    pub(super) handler: MethodRouter<Shared>,
}

impl Route {
    fn get(
        path: &'static str,
        access: Access,
        about: &'static str,
        answer: Answer,
        handler: MethodRouter<Shared>,
    ) -> Self {
        Self { method: "get", path, access, about, query: &[], body: None, status: 200, answer, handler }
    }

    fn query(self, query: &'static [Parameter]) -> Self {
        Self { query, ..self }
    }

    fn post(self, body: fn() -> Value) -> Self {
        Self { method: "post", body: Some(body), ..self }
    }
}

fn free(_: &mut Map<String, Value>) -> Value {
    json!({ "type": "object" })
}

const SPAN: &[Parameter] = &[
    ("from", "The first instant, RFC 3339.", true),
    ("to", "The first instant after, RFC 3339.", true),
    ("store", "The store, if several have a camera of that name.", false),
];
const STILL: &[Parameter] =
    &[("at", "The instant, RFC 3339.", true), ("store", "The store, if several have a camera of that name.", false)];
const LIST: &[Parameter] = &[
    ("state", "open (default), closed or all.", false),
    ("store", "One store only.", false),
    ("rule", "One rule only.", false),
    ("cursor", "The next_cursor of the page before.", false),
    ("limit", "How many, 1 to 200; 50 when left out.", false),
];
const SEARCH: &[Parameter] = &[
    ("q", "The query: words and fields such as type:refund amount:>50 op:1042 last:7d.", false),
    ("from", "The first instant, RFC 3339.", false),
    ("to", "The first instant after, RFC 3339.", false),
    ("sort", "time (default) or score.", false),
    ("cursor", "The next_cursor of the page before.", false),
    ("limit", "How many; 50 when left out.", false),
];
const BLIND: &[Parameter] = &[
    ("store", "One store only.", false),
    ("rule", "One rule only.", false),
    ("from", "The first instant, RFC 3339; a week ago when left out.", false),
    ("cursor", "The next_cursor of the page before.", false),
    ("limit", "How many, 1 to 200; 50 when left out.", false),
];
const POS: &[Parameter] = &[("dry_run", "1: the same answer, and nothing is written.", false)];
const JOURNAL: &[Parameter] = &[("minutes", "Minutes before and after, 1 to 240; 15 when left out.", false)];
const REPORT: &[Parameter] =
    &[("store", "The store.", true), ("day", "The business day; the store's today when left out.", false)];
const REPORT_FILE: &[Parameter] = &[
    ("store", "The store.", true),
    ("day", "The business day; the store's today when left out.", false),
    ("format", "html (default), pdf, csv or json.", false),
];
const DAY: &[Parameter] = &[
    ("store", "The store.", true),
    ("from", "The first instant, RFC 3339.", true),
    ("to", "The first instant after, 26 hours later at most.", true),
];

fn sign_in() -> Value {
    let text = json!({ "type": "string" });
    json!({ "type": "object", "required": ["name", "password"], "properties": { "name": text, "password": text } })
}

fn decision() -> Value {
    use tillsight_schemas::review::Disposition;
    let decides = |code: &&&str| code.parse::<Disposition>().is_ok_and(Disposition::decides);
    let codes: Vec<&&str> = Disposition::CODES.iter().filter(decides).collect();
    json!({
        "type": "object",
        "required": ["disposition", "revision"],
        "properties": {
            "disposition": { "type": "string", "enum": codes },
            "note": { "type": ["string", "null"] },
            "revision": { "type": "integer", "description": "The revision that was looked at; 409 when it is not the current one." },
        },
    })
}

fn records() -> Value {
    json!({ "description": "A record as in schemas/json/transaction.schema.json, an array of them, or one a line." })
}

/// Every route.
pub(super) fn table() -> Vec<Route> {
    use Access::{Integrator, Metrics, Open, Person};
    use Answer::{File, Json, Nothing};
    vec![
        Route::get("/livez", Open, "The process answers.", File("text/plain"), get(health::live)),
        Route::get(
            "/readyz",
            Open,
            "Database and broker answer; 503 says which does not.",
            Json(free),
            get(health::ready),
        ),
        Route::get("/metrics", Metrics, "The metrics of all processes.", File("text/plain"), get(health::metrics)),
        Route::get("/openapi.json", Person, "This document.", Json(free), get(openapi::document)),
        Route::get(
            "/api/v1/session",
            Open,
            "Signs in; sets the cookie of the session.",
            Json(Me::schema),
            post(session::sign_in),
        )
        .post(sign_in),
        Route::get("/api/v1/session", Person, "Who is signed in.", Json(Me::schema), get(session::who_am_i)),
        Route {
            method: "delete",
            status: 204,
            ..Route::get("/api/v1/session", Person, "Signs out.", Nothing, delete(session::sign_out))
        },
        Route::get("/api/v1/stores", Person, "The stores.", Json(StorePage::schema), get(places::stores)),
        Route::get("/api/v1/cameras", Person, "The cameras.", Json(CameraPage::schema), get(places::cameras)),
        Route::get("/api/v1/alerts", Person, "Alerts, newest first.", Json(AlertPage::schema), get(alerts::list))
            .query(LIST),
        Route::get(
            "/api/v1/alerts/{id}",
            Person,
            "One alert with its proof.",
            Json(AlertDetail::schema),
            get(alerts::detail),
        ),
        Route::get(
            "/api/v1/alerts/{id}/review",
            Person,
            "Takes a decision about an alert.",
            Json(AlertSummary::schema),
            post(alerts::review),
        )
        .post(decision),
        Route::get(
            "/api/v1/alerts/{id}/evidence",
            Person,
            "One alert as a folder that strangers can check: clips with the receipt as subtitles, stills, hashes.",
            File("application/zip"),
            get(evidence::of_alert),
        ),
        Route::get(
            "/api/v1/transactions/{event_id}/evidence",
            Person,
            "The same of one transaction.",
            File("application/zip"),
            get(evidence::of_transaction),
        ),
        Route::get(
            "/api/v1/blindspots",
            Person,
            "What the rules could not decide, newest first, and how often each reason.",
            Json(BlindPage::schema),
            get(blind::list),
        )
        .query(BLIND),
        Route::get(
            "/api/v1/transactions/{event_id}",
            Person,
            "One transaction with what the rules made of it.",
            Json(TransactionDetail::schema),
            get(transactions::detail),
        ),
        Route::get(
            "/api/v1/transactions/{event_id}/journal",
            Person,
            "What happened at that register and by that operator around a transaction, and what the rules made of it.",
            Json(Journal::schema),
            get(journal::journal),
        )
        .query(JOURNAL),
        Route::get(
            "/api/v1/search",
            Person,
            "Receipts and alerts by a query, with facets and a histogram over time.",
            Json(free),
            get(search::search),
        )
        .query(SEARCH),
        Route::get("/api/v1/rules", Person, "The rules that are installed.", Json(RulePage::schema), get(rules::list)),
        Route::get(
            "/api/v1/coverage",
            Person,
            "Whether the system could see.",
            Json(CoverageShown::schema),
            get(coverage::coverage),
        )
        .query(DAY),
        Route::get(
            "/api/v1/reports",
            Person,
            "The exception report of a store's business day.",
            Json(Report::schema),
            get(reports::report),
        )
        .query(REPORT),
        Route::get(
            "/api/v1/reports/file",
            Person,
            "The same as a file, with pictures inside.",
            File("text/html"),
            get(reports::file),
        )
        .query(REPORT_FILE),
        Route::get(
            "/api/v1/reports/mails",
            Person,
            "The mails that left with the report of a day, and what became of them; managers see those to themselves.",
            Json(ReportMails::schema),
            get(reports::mails),
        )
        .query(REPORT),
        Route::get(
            "/r/{token}",
            Open,
            "What a one-time link of a report's mail will do. It does nothing yet.",
            File("text/html"),
            get(links::ask),
        ),
        Route::get(
            "/r/{token}",
            Open,
            "Does what the link says, once: notes what the store says of an alert.",
            File("text/html"),
            post(links::act),
        )
        .post(links::form),
        Route::get(
            "/api/v1/events",
            Person,
            "What changes, as server-sent events: hello, alert, review, camera, reload.",
            File("text/event-stream"),
            get(events::listen),
        ),
        Route::get(
            "/api/v1/clips/{file}",
            Person,
            "The video of a span; {file} is camera.mp4.",
            File("video/mp4"),
            get(clips::clip),
        )
        .query(SPAN),
        Route::get(
            "/api/v1/stills/{file}",
            Person,
            "The picture at an instant; {file} is camera.jpg.",
            File("image/jpeg"),
            get(stills::still),
        )
        .query(STILL),
        Route::get("/api/v1/demo", Person, "The panel of a demo; 404 elsewhere.", Json(free), get(demo::state)),
        Route::get(
            "/api/v1/demo/{what}",
            Person,
            "Rings (ring), unplugs (camera) or sets the till's clock (clock) in a demo.",
            Json(free),
            post(demo::act),
        )
        .post(|| json!({ "type": "object" })),
        Route {
            status: 202,
            ..Route::get(
                "/api/v1/pos/transactions",
                Integrator,
                "Takes POS records: accepted, duplicate or quarantined, one by one; 422 when some are quarantined.",
                Json(Intake::schema),
                post(pos::receive),
            )
            .query(POS)
            .post(records)
        },
    ]
}
