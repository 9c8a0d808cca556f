//! `GET /api/v1/alerts/{id}/evidence`, `GET /api/v1/transactions/{event_id}/evidence` and
//! `GET /api/v1/cases/{case_id}/evidence`: everything about an event, or a case, as one ZIP file that a stranger can play
//! and check ([`crate::evidence`]).
//!
//! Before the first byte leaves, the audit file has the entry.

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono_tz::Tz;
use serde::Serialize;
use tillsight_schemas::TimeSpan;
use tillsight_schemas::alert::ClockStatement;
use tillsight_schemas::clock_offset::ClockMethod;
use tillsight_schemas::id::{StoreId, StoreKey};
use tillsight_schemas::segment::{StreamKey, StreamKind};
use uuid::Uuid;

use super::auth::{Caller, Person, Right};
use super::case_views::{clip_evidence, whole};
use super::extract::Path;
use super::problem::Problem;
use super::views::{AlertDetail, Sight, TransactionDetail, TransactionShown};
use super::{Shared, alerts, cases, clips, sight, stills, transactions};
use crate::db::{self, Content, DbError};
use crate::evidence::case::{in_words, readme};
use crate::evidence::{Folder, LARGEST, words};

/// In the folder of an item of a case.
const WHERE_TO_CHECK: &str = "The hashes of these files are in SHA256SUMS of the case's folder, above this one.\n";

/// What a folder is about.
struct Subject<'a> {
    /// In a sentence.
    title: String,
    /// What the README says of it, a line each.
    facts: Vec<String>,
    store: &'a StoreId,
    /// The receipt it is about.
    transaction: Option<&'a TransactionShown>,
    related: &'a [TransactionShown],
    sight: &'a Sight,
}

/// The evidence of an alert.
pub(super) async fn of_alert(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let person = caller.person(Right::Video)?;
    let detail = saved(&shared, &person, id).await?;
    let folder = alert_folder(&shared, &person, &detail, words::HOW_TO_CHECK).await?;
    let store = &detail.alert.store_id;
    send(&shared, &person, folder, format!("{store} {id}"), &file_name(store.as_str(), id)).await
}

/// The evidence of a transaction that need not have an alert.
pub(super) async fn of_transaction(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let person = caller.person(Right::Video)?;
    let detail = transactions::proof(&shared, &person, id).await?;
    let folder = receipt_folder(&shared, &person, &detail, words::HOW_TO_CHECK).await?;
    let store = &detail.transaction.store_id;
    send(&shared, &person, folder, format!("{store} {id}"), &file_name(store.as_str(), id)).await
}

/// The evidence of a case: a folder for each item, and the case to read. Its history says that it was saved.
pub(super) async fn of_case(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    caller.person(Right::Video)?;
    let person = caller.person(Right::Case)?;
    let case = cases::find(&shared, &person, id).await?;
    let unread = |error: DbError| Problem::unavailable("the case cannot be read", &error);
    let mut folder = Folder::default();
    let mut parts = Vec::new();
    for (held, n) in shared.db.case_items(id).await.map_err(unread)?.into_iter().zip(1..) {
        let part = format!("{n:02}-{}", held.content.kind());
        folder.absorb(&part, item_folder(&shared, &person, held).await?);
        fits(&folder)?;
        parts.push(part);
    }
    let detail = whole(&shared, &person, &case).await?;
    let tz = zone(&shared, &person, case.stores.first());
    folder.text("case.txt", in_words(&detail, &parts, tz));
    folder.text("case.json", json(&detail)?);
    folder.text("README.txt", readme(&detail, &parts, (&person.name, words::moment(shared.clock.now(), tz))));
    let saved = format!("{} files, {} bytes", folder.names().count(), folder.size());
    let name = format!("tillsight-case-{}.zip", case.number);
    let answer = send(&shared, &person, folder, format!("case {} {id}", case.number), &name).await?;
    shared.db.case_was_saved(id, &person.name, &saved).await.map_err(cases::refused)?;
    Ok(answer)
}

/// An alert as it leaves the house. Which cases name it is not proof of it, and nobody's business who reads the folder.
async fn saved(shared: &Shared, person: &Person, id: Uuid) -> Result<AlertDetail, Problem> {
    Ok(AlertDetail { cases: Vec::new(), ..alerts::proof(shared, person, id).await? })
}

/// The zone of a store; UTC where there is none.
fn zone(shared: &Shared, person: &Person, store: Option<&StoreId>) -> Tz {
    store.and_then(|store| shared.stores.get(&person.scope.tenant, store)).map_or(Tz::UTC, |store| store.tz)
}

fn json(document: &impl Serialize) -> Result<String, Problem> {
    serde_json::to_string_pretty(document)
        .map_err(|error| Problem::unavailable("the evidence cannot be written", &error))
}

fn file_name(store: &str, id: Uuid) -> String {
    let short = id.simple().to_string();
    format!("tillsight-{store}-{}.zip", short.get(..8).unwrap_or(&short))
}

async fn item_folder(shared: &Shared, person: &Person, held: db::CaseItem) -> Result<Folder, Problem> {
    match (held.content, held.store) {
        (Content::Alert(id), _) => {
            alert_folder(shared, person, &saved(shared, person, id).await?, WHERE_TO_CHECK).await
        }
        (Content::Receipt(posted), _) => {
            let known = transactions::find(shared, person, posted.header.event_id).await;
            // What has left the index is in the case.
            let found = known.unwrap_or_else(|_| transactions::Found { posted: *posted, rows: Vec::new() });
            receipt_folder(shared, person, &transactions::shown_with(shared, person, found).await?, WHERE_TO_CHECK)
                .await
        }
        (Content::Clip { camera, from, to }, Some(store)) => {
            let key = StoreKey::new(person.scope.tenant.clone(), store.clone());
            let video = sight::video(shared, person, &key, None, &clip_evidence(&camera, from, to)).await;
            let sight = Sight {
                video: vec![video],
                presence: Vec::new(),
                zones: Vec::new(),
                boxes: Vec::new(),
                problems: Vec::new(),
            };
            let subject = Subject {
                title: format!("Video of camera {}", shared.cameras.name(&key, &camera)),
                facts: vec![format!("Added:    {} by {}", held.label, held.added_by)],
                store: &store,
                transaction: None,
                related: &[],
                sight: &sight,
            };
            folder(shared, person, &subject, ("clip.json", &sight.video), WHERE_TO_CHECK).await
        }
        (Content::Clip { .. }, None) => Ok(Folder::default()),
        (Content::Note(text), _) => {
            let mut folder = Folder::default();
            let at = words::moment(held.added_at, Tz::UTC);
            folder.text("note.txt", format!("{} wrote at {at}:\n\n{text}\n", held.added_by));
            Ok(folder)
        }
    }
}

async fn alert_folder(shared: &Shared, person: &Person, detail: &AlertDetail, how: &str) -> Result<Folder, Problem> {
    let alert = &detail.alert;
    let bound = alert.clock.uncertainty_us.unsigned_abs().div_ceil(1_000);
    let clock = match detail.summary.camera_time {
        _ if alert.evidence.iter().all(|evidence| evidence.camera_id.is_none()) => match detail.summary.camera_time {
            Some(_) => format!("no camera to compare the till with; its own clock is right within {bound} ms"),
            None => "no camera to compare the till with; its clock was not measured".to_owned(),
        },
        Some(_) => format!(
            "till and camera agree within {bound} ms, by {}; {} ms are added to the till's time",
            by(&alert.clock),
            alert.clock.offset_us / 1_000
        ),
        None => format!("till and camera could not be aligned: they may be {bound} ms apart. {}", alert.clock.words),
    };
    let mut facts = vec![
        format!("Why:      {}", alert.reason),
        format!("Rule:     {} {}", alert.rule_id, alert.rule_version),
        format!("Clocks:   {clock}"),
    ];
    facts.extend(alert.counterfactual.iter().map(|sentence| format!("Unless:   {sentence}")));
    facts.extend(detail.rule.innocent.iter().map(|sentence| format!("May be:   {sentence}")));
    if let Some(disposition) = detail.summary.disposition {
        facts.push(format!("Decision: {}", disposition.as_str().replace('_', " ")));
    }
    for review in detail.reviews.iter().rev().filter(|review| review.note.is_some()) {
        let note = review.note.as_deref().unwrap_or_default();
        facts.push(format!(
            "Note:     {} ({}): {note}",
            review.reviewer,
            review.disposition.as_str().replace('_', " ")
        ));
    }
    let subject = Subject {
        title: alert.title.clone(),
        facts,
        store: &alert.store_id,
        transaction: detail.transaction.as_ref(),
        related: &detail.related,
        sight: &detail.sight,
    };
    folder(shared, person, &subject, ("alert.json", detail), how).await
}

/// By what the clocks of a till and a camera were compared.
fn by(clock: &ClockStatement) -> String {
    match clock.method {
        ClockMethod::Unsynchronised => "nothing".to_owned(),
        ClockMethod::Arrival => format!("when {} records arrived", clock.samples),
        ClockMethod::Presence => format!("{} arrivals and departures of customers", clock.samples),
        ClockMethod::Drawer => format!("{} openings of the drawer and customers", clock.samples),
    }
}

async fn receipt_folder(
    shared: &Shared,
    person: &Person,
    detail: &TransactionDetail,
    how: &str,
) -> Result<Folder, Problem> {
    let clock = match detail.transaction.camera_time {
        Some(_) => "Clocks:   times are by the camera's clock, as far as it was aligned with the till's",
        None => "Clocks:   till and camera could not be aligned; times are the till's own",
    };
    let subject = Subject {
        title: format!("{} at register {}", detail.transaction.kind.replace('_', " "), detail.transaction.register_id),
        facts: vec![clock.to_owned()],
        store: &detail.transaction.store_id,
        transaction: Some(&detail.transaction),
        related: &[],
        sight: &detail.sight,
    };
    folder(shared, person, &subject, ("transaction.json", detail), how).await
}

/// Everything about a subject, with a README.
async fn folder(
    shared: &Shared,
    person: &Person,
    subject: &Subject<'_>,
    (name, document): (&str, &impl Serialize),
    how: &str,
) -> Result<Folder, Problem> {
    let mut folder = Folder::default();
    let tz = zone(shared, person, Some(subject.store));
    let mut about = video(shared, person, subject, tz, &mut folder).await?;
    let receipts = subject.transaction.into_iter().chain(subject.related);
    for (receipt, n) in receipts.zip(1..) {
        folder.text(format!("receipt-{n}.txt"), words::receipt(receipt, tz));
    }
    folder.text(name, json(document)?);
    fits(&folder)?;
    let now = words::moment(shared.clock.now(), tz);
    let mut readme = format!("{}\n\nStore {}, saved by {} at {now}\n", subject.title, subject.store, person.name);
    for fact in &subject.facts {
        readme.push_str(&format!("{fact}\n"));
    }
    if about.is_empty() {
        about.push_str("There is no video of it.\n");
    }
    let names: Vec<&str> = folder.names().collect();
    readme.push_str(&format!("\nVideo\n{about}\nFiles\n  {}\n\n{}", names.join("\n  "), how));
    folder.text("README.txt", readme);
    Ok(folder)
}

/// Refuses what is too large to be packed in memory.
fn fits(folder: &Folder) -> Result<(), Problem> {
    if folder.size() <= LARGEST {
        return Ok(());
    }
    let detail = format!("it is larger than {} MiB: save the items, or fetch the clips, one by one", LARGEST >> 20);
    Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too much", detail))
}

/// Notes it in the audit file, packs it and sends it.
async fn send(
    shared: &Shared,
    person: &Person,
    folder: Folder,
    noted: String,
    file: &str,
) -> Result<Response, Problem> {
    let packed = tokio::task::spawn_blocking(move || folder.pack()).await;
    let packed = packed.map_err(|error| Problem::unavailable("the evidence cannot be packed", &error))?;
    let (packed, list) = packed.map_err(|error| Problem::unavailable("the evidence cannot be packed", &error))?;
    shared
        .audit
        .note(&person.name, "evidence", format!("{noted} SHA256SUMS {list}"))
        .await
        .map_err(|error| Problem::unavailable("the audit file cannot be written, so nothing is saved", &error))?;
    let headers = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{file}\"")),
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
    ];
    Ok((headers, Body::from(packed)).into_response())
}

/// Puts clips, what they state and stills into the folder; returns what the README says of them.
async fn video(
    shared: &Shared,
    person: &Person,
    subject: &Subject<'_>,
    tz: Tz,
    folder: &mut Folder,
) -> Result<String, Problem> {
    let cues = subject.transaction.map(words::cues).unwrap_or_default();
    let store = StoreKey::new(person.scope.tenant.clone(), subject.store.clone());
    let mut about = String::new();
    for video in &subject.sight.video {
        let (Some(camera), Some(_)) = (&video.camera_id, &video.clip_url) else {
            about.push_str(&format!("  {}\n", video.note.as_deref().unwrap_or("no video")));
            continue;
        };
        let key = StreamKey::new(&store, camera.clone(), StreamKind::Main);
        let Ok(span) = TimeSpan::new(video.from_at, video.to_at) else {
            about.push_str("  the span of the video is empty\n");
            continue;
        };
        let reader = shared.cameras.reader().await.map_err(|error| clips::problem(&error))?;
        let clip = reader.clip_with(&key, span, &cues).await.map_err(|error| clips::problem(&error))?;
        let name = format!("camera-{camera}.mp4");
        about.push_str(&words::clip(&name, &clip.statement, tz));
        if let Some(note) = &video.note {
            about.push_str(&format!("  {note}\n"));
        }
        let stated = serde_json::to_string_pretty(&clip.statement).unwrap_or_default();
        folder.clip(name, clip.bytes);
        folder.text(format!("camera-{camera}.clip.json"), stated);
        match stills::picture(shared, &key, video.event_at).await {
            Ok((taken_at, picture)) => {
                let name = format!("camera-{camera}.jpg");
                about.push_str(&format!("{name}\n  taken at       {}\n", words::moment(taken_at, tz)));
                folder.bytes(name, picture);
            }
            // A codec that is not decoded here still has its clip.
            Err(_) => about.push_str("  no still could be made of it\n"),
        }
    }
    Ok(about)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tillsight_schemas::money::Currency;
    use tillsight_schemas::pos::PostedTransaction;

    use super::super::tests::{House, read};
    use super::super::views;
    use super::*;

    #[test]
    fn amounts_of_a_folder_have_as_many_places_as_their_currency() {
        for (code, item, total) in
            [("USD", "$18.99", "$20.51"), ("JPY", "JPY 1899", "JPY 2051"), ("KWD", "KWD 1.899", "KWD 2.051")]
        {
            let sample = include_str!("../../../schemas/samples/v1/posted_transaction.json");
            let mut posted: PostedTransaction = serde_json::from_str(sample).unwrap();
            posted.transaction.currency = Some(Currency::new(code).unwrap());
            let mut shown = views::transaction(&posted, None, None);
            shown.lines[0].at = Some(shown.event_time);
            let receipt = words::receipt(&shown, Tz::UTC);
            assert!(receipt.contains(&format!("RETURN HEADPHONES  {item}\n")), "{receipt}");
            assert!(receipt.contains(&format!("{:<12}{total}\n", "Total")), "{receipt}");
            assert!(receipt.contains(&format!("{:<12}{total} OUT\n", "CASH")), "{receipt}");
            let cues: Vec<String> = words::cues(&shown).into_iter().map(|cue| cue.text).collect();
            assert_eq!(cues[0], format!("RETURN: RETURN HEADPHONES  {item}"));
            assert_eq!(cues[1], format!("RETURN {total}  no. 17-1-0412"));
            shown.currency = None;
            assert!(words::receipt(&shown, Tz::UTC).contains("2051 (minor units)"), "nobody said in which");
        }
    }

    #[tokio::test]
    async fn nothing_is_saved_while_the_audit_file_cannot_be_written() {
        let house = House::open().await;
        let alert = house.raise("17", 1, 0).await;
        let lena = house.sign_in("lena").await;
        let opening = json!({ "title": "Refunds", "alerts": [alert] });
        let (status, case) = house.send("POST", "/api/v1/cases", &lena, Some(opening)).await;
        assert_eq!(status, StatusCode::CREATED, "{case}");
        let case = format!("/api/v1/cases/{}", case["case_id"].as_str().unwrap());
        let transaction = format!("/api/v1/transactions/{}", Uuid::from_u128(1_000_001));
        let folders = [format!("/api/v1/alerts/{alert}"), transaction, case.clone()].map(|of| of + "/evidence");
        house.shared.audit.close().await;
        for path in &folders {
            let answer = house.ask("GET", path, &[("cookie", &lena)], None).await;
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
            assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/problem+json", "{path}");
            assert!(!answer.headers().contains_key(header::CONTENT_DISPOSITION), "{path}");
            let (_, problem) = read(answer).await;
            assert!(problem["detail"].as_str().unwrap().contains("the audit file cannot be written"), "{problem}");
        }
        let (_, detail) = house.get(&case, &lena).await;
        let history = detail["history"].as_array().unwrap();
        assert!(history.iter().all(|entry| entry["what"] != "saved"), "{history:?}");
    }
}
