//! The table of routes: the router, the `OpenAPI` document and the test of who may ask are made of it, so none of them can
//! forget one.

use axum::routing::{MethodRouter, delete, get, patch, post, put};
use serde_json::{Map, Value, json};

use super::answer::Shown;
use super::blind::BlindPage;
use super::case_views::{CaseDetail, CasePage};
use super::coverage::CoverageShown;
use super::feeds::{FeedPage, RejectPage};
use super::journal::Journal;
use super::live::Live;
use super::people::PersonPage;
use super::places::{CameraPage, StorePage};
use super::pos::Intake;
use super::queue::{Alerts, DecisionOutcomes, QueuePage};
use super::reports::ReportMails;
use super::rules::RulePage;
use super::searches::{SavedSearch, SearchPage};
use super::tokens::{TokenMade, TokenPage};
use super::views::{AlertDetail, AlertPage, AlertSummary, Me, TransactionPage};
use crate::report::Report;

use super::{
    alerts, blind, bodies, case_contents, cases, clips, coverage, demo, events, evidence, feeds, health, journal,
    links, openapi, people, places, pos, queue, reports, rules, search, searches, session, setup, stills, tokens,
    transactions,
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
        Self { method: "get", path, access, about, query: &[], body: None, status: 200, answer, handler }
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

    fn method(self, method: &'static str, status: u16, body: Option<fn() -> Value>) -> Self {
        Self { method, status, body, ..self }
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
const QUEUE: &[Parameter] = &[
    ("state", "open (default), closed or all.", false),
    ("store", "One store only.", false),
    ("rule", "One rule only.", false),
    ("operator", "One operator only.", false),
    ("assignee", "me, none, or a name.", false),
    ("asked", "true: only what the store asks, from its report, to look at.", false),
    (
        "sort",
        "time (default): what the store asks to look at, then newest first; value: by what they are expected to come to.",
        false,
    ),
    ("cursor", "The next_cursor of the page before.", false),
    ("limit", "How many items, 1 to 200; 50 when left out.", false),
];
const CASES: &[Parameter] = &[
    ("status", "One status only.", false),
    ("owner", "me, or a name.", false),
    ("q", "A part of title, summary, owner or a person's name or operator id; or the number.", false),
    ("cursor", "The next_cursor of the page before.", false),
    ("limit", "How many, 1 to 200; 50 when left out.", false),
];
const BLIND: &[Parameter] = &[
    ("store", "One store only.", false),
    ("rule", "One rule only.", false),
    ("from", "The first instant, RFC 3339; a week ago when left out.", false),
    ("cursor", "The next_cursor of the page before.", false),
    ("limit", "How many, 1 to 200; 50 when left out.", false),
];
const POS: &[Parameter] = &[("dry_run", "1: the same answer, and nothing is written.", false)];
const FEEDS: &[Parameter] = &[("store", "One store only.", false), ("integrator", "One integrator only.", false)];
const REJECTS: &[Parameter] = &[
    ("integrator", "The integrator.", true),
    ("code", "One code only.", false),
    ("store", "One store only.", false),
    ("cursor", "The next_cursor of the page before.", false),
    ("limit", "How many, 1 to 100; 20 when left out.", false),
];
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

fn token() -> Value {
    json!({
        "type": "object",
        "required": ["kind", "name"],
        "additionalProperties": false,
        "properties": {
            "kind": { "type": "string", "enum": crate::db::TokenKind::CODES },
            "owner": { "type": ["string", "null"], "description": "The integrator or person; none for metrics." },
            "name": { "type": "string", "description": "What it is for: 1 to 40 of a-z, 0-9, - and _." },
            "stores": {
                "type": "array",
                "items": { "type": "string" },
                "description": "The stores that an integrator's token is for; all that it may write when left out.",
            },
        },
    })
}

/// Every route.
pub(super) fn table() -> Vec<Route> {
    use Access::{Feed, Integrator, Metrics, Open, Person};
    use Answer::{File, Json, Nothing};
    let mut table = vec![
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
        .post(bodies::sign_in),
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
            "/api/v1/queue",
            Person,
            "Alerts that belong together as one item, in the order in which they are worth looking at.",
            Json(QueuePage::schema),
            get(queue::list),
        )
        .query(QUEUE),
        Route::get(
            "/api/v1/alerts/review",
            Person,
            "Takes the same decision about 1 to 200 alerts; those that have changed are left and named.",
            Json(DecisionOutcomes::schema),
            post(queue::review),
        )
        .post(bodies::decisions),
        Route::get(
            "/api/v1/alerts/assignee",
            Person,
            "Gives 1 to 200 alerts to somebody, or (null) to nobody.",
            Json(Alerts::schema),
            put(queue::assign),
        )
        .method("put", 200, Some(bodies::giving)),
        Route::get(
            "/api/v1/people",
            Person,
            "Who alerts and cases can be given to.",
            Json(PersonPage::schema),
            get(people::list),
        ),
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
        .post(bodies::decision),
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
            Json(TransactionPage::schema),
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
        Route::get(
            "/api/v1/searches",
            Person,
            "Searches that the person keeps or others share, with their hits and new hits.",
            Json(SearchPage::schema),
            get(searches::list),
        ),
        Route::get("/api/v1/searches", Person, "Keeps a search.", Json(SavedSearch::schema), post(searches::keep))
            .method("post", 201, Some(bodies::keeping)),
        Route::get(
            "/api/v1/searches/{search_id}",
            Person,
            "Edits a search of one's own.",
            Json(SavedSearch::schema),
            put(searches::edit),
        )
        .method("put", 200, Some(bodies::keeping)),
        Route::get("/api/v1/searches/{search_id}", Person, "Forgets a search.", Nothing, delete(searches::forget))
            .method("delete", 204, None),
        Route::get(
            "/api/v1/searches/{search_id}/seen",
            Person,
            "Notes that the person looks at the hits just now.",
            Nothing,
            post(searches::seen),
        )
        .method("post", 204, None),
        Route::get("/api/v1/cases", Person, "Cases, the last changed first.", Json(CasePage::schema), get(cases::list))
            .query(CASES),
        Route::get("/api/v1/cases", Person, "Opens a case.", Json(CaseDetail::schema), post(cases::open)).method(
            "post",
            201,
            Some(bodies::opening),
        ),
        Route::get(
            "/api/v1/cases/{case_id}",
            Person,
            "One case with everything in it.",
            Json(CaseDetail::schema),
            get(cases::detail),
        ),
        Route::get("/api/v1/cases/{case_id}", Person, "Edits a case.", Json(CaseDetail::schema), patch(cases::edit))
            .method("patch", 200, Some(bodies::edit)),
        Route::get(
            "/api/v1/cases/{case_id}/items",
            Person,
            "Adds an alert, a receipt, a span of video or a note; holds its video.",
            Json(CaseDetail::schema),
            post(case_contents::add),
        )
        .method("post", 201, Some(bodies::adding)),
        Route::get(
            "/api/v1/cases/{case_id}/items/{item_id}",
            Person,
            "Takes something out of a case; lets its video go.",
            Json(CaseDetail::schema),
            delete(case_contents::remove),
        )
        .method("delete", 200, None),
        Route::get(
            "/api/v1/cases/{case_id}/people",
            Person,
            "Adds a person to a case.",
            Json(CaseDetail::schema),
            post(case_contents::add_person),
        )
        .method("post", 201, Some(bodies::adding_person)),
        Route::get(
            "/api/v1/cases/{case_id}/people/{person_id}",
            Person,
            "Takes a person out of a case.",
            Json(CaseDetail::schema),
            delete(case_contents::remove_person),
        )
        .method("delete", 200, None),
        Route::get(
            "/api/v1/cases/{case_id}/evidence",
            Person,
            "A case as a folder that strangers can check: a folder for each item, the case to read, hashes.",
            File("application/zip"),
            get(evidence::of_case),
        ),
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
        Route::get("/api/v1/setup/tokens", Person, "The tokens that hold.", Json(TokenPage::schema), get(tokens::list)),
        Route {
            status: 201,
            ..Route::get(
                "/api/v1/setup/tokens",
                Person,
                "Makes a token; its secret is in this answer and nowhere else.",
                Json(TokenMade::schema),
                post(tokens::create),
            )
            .post(token)
        },
        Route {
            method: "delete",
            status: 204,
            ..Route::get("/api/v1/setup/tokens/{login}", Person, "Ends a token.", Nothing, delete(tokens::revoke))
        },
        Route::get(
            "/api/v1/feeds",
            Feed,
            "What integrators sent of late: registers, lag, rejections, and the rules that are blind.",
            Json(FeedPage::schema),
            get(feeds::list),
        )
        .query(FEEDS),
        Route::get(
            "/api/v1/feeds/rejects",
            Feed,
            "The records of an integrator that were not accepted, newest first, card numbers masked.",
            Json(RejectPage::schema),
            get(feeds::rejects),
        )
        .query(REJECTS),
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
            .post(bodies::records)
        },
    ];
    table.extend(setup::table());
    table
}
