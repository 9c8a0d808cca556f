//! The table of routes: the router, the `OpenAPI` document and the test of who may ask are made of it, so none of them can
//! forget one.

use axum::routing::{delete, get, patch, post, put};
use serde_json::{Map, Value, json};

use super::answer::Shown;
use super::blind::BlindPage;
use super::case_views::{CaseDetail, CasePage};
use super::completeness::Completeness;
use super::coverage::CoverageShown;
use super::coverage_matrix::MatrixPage;
use super::feeds::{FeedPage, RejectPage};
use super::journal::Journal;
use super::people::PersonPage;
use super::places::{CameraPage, StorePage};
use super::pos::Intake;
use super::queries::{
    BLIND, CASES, COMPLETENESS, DAY, FEEDS, JOURNAL, LIST, MATRIX, POS, QUEUE, REJECTS, REPORT, REPORT_FILE, SCORES,
    SEARCH, SPAN, STILL,
};
use super::queue::{Alerts, DecisionOutcomes, QueuePage};
use super::reports::ReportMails;
use super::route::{Access, Answer, Route};
use super::rules::{RuleDetail, RulePage};
use super::searches::{SavedSearch, SearchPage};
use super::tokens::{TokenMade, TokenPage};
use super::views::{AlertDetail, AlertPage, AlertSummary, Me, TransactionPage};
use crate::report::Report;
use crate::scores::ScoresShown;

use super::{
    alerts, backtests, blind, bodies, case_contents, cases, clips, completeness, coverage, coverage_matrix, demo,
    events, evidence, feeds, health, journal, links, openapi, people, places, pos, queue, reports, rules, said, scores,
    search, searches, session, setup, stills, tokens, transactions,
};

fn free(_: &mut Map<String, Value>) -> Value {
    json!({ "type": "object" })
}

/// Every route.
pub(super) fn table() -> Vec<Route> {
    use Access::{Feed, Integrator, Metrics, Open, Person};
    use Answer::{File, Json, Nothing};
    let mut table = vec![
        Route::get("/livez", Open, "The process answers.", File(&["text/plain"]), get(health::live)),
        Route::get(
            "/readyz",
            Open,
            "Database and broker answer, and every process does its work; 503 says which does not.",
            Json(free),
            get(health::ready),
        )
        .same(&[503]),
        Route::get("/metrics", Metrics, "The metrics of all processes.", File(&["text/plain"]), get(health::metrics)),
        Route::get("/openapi.json", Person, "This document.", Json(free), get(openapi::document)),
        Route::get(
            "/api/v1/session",
            Open,
            "Signs in; sets the cookie of the session.",
            Json(Me::schema),
            post(session::sign_in),
        )
        .refuses(&[401, 403, 429])
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
        .refuses(&[409])
        .post(bodies::decision),
        Route::get(
            "/api/v1/alerts/{id}/said",
            Person,
            "Says for a store that an alert is explained, or asks loss prevention to look at it; decides nothing.",
            Json(AlertSummary::schema),
            post(said::say),
        )
        .post(bodies::said),
        Route::get(
            "/api/v1/alerts/{id}/evidence",
            Person,
            "One alert as a folder that strangers can check: clips with the receipt as subtitles, stills, hashes.",
            File(&["application/zip"]),
            get(evidence::of_alert),
        )
        .refuses(&[413]),
        Route::get(
            "/api/v1/transactions/{event_id}/evidence",
            Person,
            "The same of one transaction.",
            File(&["application/zip"]),
            get(evidence::of_transaction),
        )
        .refuses(&[413]),
        Route::get(
            "/api/v1/blindspots",
            Person,
            "What the rules could not decide, newest first, and how often each reason.",
            Json(BlindPage::schema),
            get(blind::list),
        )
        .refuses(&[404])
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
            .refuses(&[409])
            .method("post", 201, Some(bodies::keeping)),
        Route::get(
            "/api/v1/searches/{search_id}",
            Person,
            "Edits a search of one's own.",
            Json(SavedSearch::schema),
            put(searches::edit),
        )
        .refuses(&[409])
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
        Route::get("/api/v1/cases", Person, "Opens a case.", Json(CaseDetail::schema), post(cases::open))
            .refuses(&[404])
            .method("post", 201, Some(bodies::opening)),
        Route::get(
            "/api/v1/cases/{case_id}",
            Person,
            "One case with everything in it.",
            Json(CaseDetail::schema),
            get(cases::detail),
        ),
        Route::get("/api/v1/cases/{case_id}", Person, "Edits a case.", Json(CaseDetail::schema), patch(cases::edit))
            .refuses(&[409])
            .method("patch", 200, Some(bodies::edit)),
        Route::get(
            "/api/v1/cases/{case_id}/items",
            Person,
            "Adds an alert, a receipt, a span of video or a note; holds its video.",
            Json(CaseDetail::schema),
            post(case_contents::add),
        )
        .refuses(&[409])
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
        .refuses(&[409])
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
            File(&["application/zip"]),
            get(evidence::of_case),
        )
        .refuses(&[413]),
        Route::get("/api/v1/rules", Person, "The rules that are installed.", Json(RulePage::schema), get(rules::list)),
        Route::get(
            "/api/v1/rules/{rule_id}",
            Person,
            "One rule, whole: its text, what it came to, and how it was decided about.",
            Json(RuleDetail::schema),
            get(rules::one),
        )
        .refuses(&[404]),
        Route::get(
            "/api/v1/scores",
            Person,
            "Operators and stores beside their peers, over some business days: who stands out, and why.",
            Json(ScoresShown::schema),
            get(scores::scores),
        )
        .refuses(&[404])
        .query(SCORES),
        Route::get(
            "/api/v1/coverage",
            Person,
            "Whether the system could see.",
            Json(CoverageShown::schema),
            get(coverage::coverage),
        )
        .refuses(&[404])
        .query(DAY),
        Route::get(
            "/api/v1/matrix",
            Person,
            "How each rule sees in each store at this moment, since when and why not; registers that nobody knows.",
            Json(MatrixPage::schema),
            get(coverage_matrix::matrix),
        )
        .refuses(&[404])
        .query(MATRIX),
        Route::get(
            "/api/v1/reports",
            Person,
            "The exception report of a store's business day.",
            Json(Report::schema),
            get(reports::report),
        )
        .refuses(&[404])
        .query(REPORT),
        Route::get(
            "/api/v1/reports/file",
            Person,
            "The same as a file, with pictures inside.",
            File(&["text/html", "application/pdf", "text/csv", "application/json"]),
            get(reports::file),
        )
        .refuses(&[404])
        .query(REPORT_FILE),
        Route::get(
            "/api/v1/reports/mails",
            Person,
            "The mails that left with the report of a day, and what became of them; managers see those to themselves.",
            Json(ReportMails::schema),
            get(reports::mails),
        )
        .refuses(&[404])
        .query(REPORT),
        Route::get(
            "/r/{token}",
            Open,
            "What a one-time link of a report's mail will do. It does nothing yet.",
            File(&["text/html"]),
            get(links::ask),
        )
        .same(&[404, 410, 429]),
        Route::get(
            "/r/{token}",
            Open,
            "Does what the link says, once: notes what the store says of an alert.",
            File(&["text/html"]),
            post(links::act),
        )
        .same(&[404, 410, 429])
        .post(links::form)
        .media(&["application/x-www-form-urlencoded"]),
        Route::get(
            "/api/v1/events",
            Person,
            "What changes, as server-sent events: hello, alert, review, camera, reload.",
            File(&["text/event-stream"]),
            get(events::listen),
        ),
        Route::get(
            "/api/v1/clips/{file}",
            Person,
            "The video of a span; {file} is camera.mp4.",
            File(&["video/mp4"]),
            get(clips::clip),
        )
        .same(&[206])
        .refuses(&[416])
        .query(SPAN),
        Route::get(
            "/api/v1/stills/{file}",
            Person,
            "The picture at an instant; {file} is camera.jpg.",
            File(&["image/jpeg"]),
            get(stills::still),
        )
        .refuses(&[422])
        .query(STILL),
        Route::get("/api/v1/demo", Person, "The panel of a demo; 404 elsewhere.", Json(free), get(demo::state))
            .refuses(&[404, 409]),
        Route::get(
            "/api/v1/demo/{what}",
            Person,
            "Rings (ring), unplugs (camera) or sets the till's clock (clock) in a demo.",
            Json(free),
            post(demo::act),
        )
        .refuses(&[409])
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
            .refuses(&[409])
            .post(bodies::token)
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
        .refuses(&[404])
        .query(FEEDS),
        Route::get(
            "/api/v1/feeds/rejects",
            Feed,
            "The records of an integrator that were not accepted, newest first, card numbers masked.",
            Json(RejectPage::schema),
            get(feeds::rejects),
        )
        .refuses(&[404])
        .query(REJECTS),
        Route::get(
            "/api/v1/feeds/{store_id}/completeness",
            Feed,
            "Whether everything of a store's business day arrived: numbers that are missing, shared or repeated, by register.",
            Json(Completeness::schema),
            get(completeness::completeness),
        )
        .refuses(&[404])
        .query(COMPLETENESS),
        Route {
            status: 202,
            ..Route::get(
                "/api/v1/pos/transactions",
                Integrator,
                "Takes POS records: accepted, duplicate or quarantined, one by one; 422 when some are quarantined.",
                Json(Intake::schema),
                post(pos::receive),
            )
            .same(&[200, 422])
            .query(POS)
            .post(bodies::records)
            .media(&["application/json", "application/x-ndjson"])
        },
    ];
    table.extend(backtests::table());
    table.extend(setup::table());
    table
}
