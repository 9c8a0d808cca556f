//! `GET /api/v1/alerts/{id}/evidence` and `GET /api/v1/transactions/{event_id}/evidence`: everything about an event as one
//! ZIP file that a stranger can play and check ([`crate::evidence`]).
//!
//! Before the first byte leaves, the audit file has the entry.

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono_tz::Tz;
use serde::Serialize;
use tillsight_schemas::TimeSpan;
use tillsight_schemas::id::{StoreId, StoreKey};
use tillsight_schemas::segment::{StreamKey, StreamKind};
use uuid::Uuid;

use super::auth::{Caller, Person, Right};
use super::extract::Path;
use super::problem::Problem;
use super::views::{Sight, TransactionShown};
use super::{Shared, alerts, clips, stills, transactions};
use crate::evidence::{Folder, LARGEST, words};

/// What a folder is about.
struct Subject<'a> {
    /// In a sentence.
    title: String,
    /// What the README says of it, a line each.
    facts: Vec<String>,
    store: &'a StoreId,
    id: Uuid,
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
    let detail = alerts::proof(&shared, &person, id).await?;
    let alert = &detail.alert;
    let bound = alert.clock.uncertainty_us.unsigned_abs().div_ceil(1_000);
    let clock = match detail.summary.camera_time {
        Some(_) => format!(
            "till and camera agree within {bound} ms; {} ms are added to the till's time",
            alert.clock.offset_us / 1_000
        ),
        None => format!("till and camera could not be aligned: they may be {bound} ms apart"),
    };
    let mut facts = vec![
        format!("Why:      {}", alert.reason),
        format!("Rule:     {} {}", alert.rule_id, alert.rule_version),
        format!("Clocks:   {clock}"),
    ];
    if let Some(disposition) = detail.summary.disposition {
        facts.push(format!("Decision: {}", disposition.as_str().replace('_', " ")));
    }
    let subject = Subject {
        title: alert.title.clone(),
        facts,
        store: &alert.store_id,
        id,
        transaction: detail.transaction.as_ref(),
        related: &detail.related,
        sight: &detail.sight,
    };
    answer(&shared, &person, &subject, ("alert.json", &detail)).await
}

/// The evidence of a transaction that need not have an alert.
pub(super) async fn of_transaction(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let person = caller.person(Right::Video)?;
    let detail = transactions::proof(&shared, &person, id).await?;
    let clock = match detail.transaction.camera_time {
        Some(_) => "Clocks:   times are by the camera's clock, as far as it was aligned with the till's",
        None => "Clocks:   till and camera could not be aligned; times are the till's own",
    };
    let subject = Subject {
        title: format!("{} at register {}", detail.transaction.kind.replace('_', " "), detail.transaction.register_id),
        facts: vec![clock.to_owned()],
        store: &detail.transaction.store_id,
        id,
        transaction: Some(&detail.transaction),
        related: &[],
        sight: &detail.sight,
    };
    answer(&shared, &person, &subject, ("transaction.json", &detail)).await
}

async fn answer(
    shared: &Shared,
    person: &Person,
    subject: &Subject<'_>,
    (name, document): (&str, &impl Serialize),
) -> Result<Response, Problem> {
    let mut folder = Folder::default();
    let tz = shared.stores.get(&person.scope.tenant, subject.store).map_or(Tz::UTC, |store| store.tz);
    let mut about = video(shared, person, subject, tz, &mut folder).await?;
    let receipts = subject.transaction.into_iter().chain(subject.related);
    for (receipt, n) in receipts.zip(1..) {
        folder.text(format!("receipt-{n}.txt"), words::receipt(receipt, tz));
    }
    let text = serde_json::to_string_pretty(document);
    let text = text.map_err(|error| Problem::unavailable("the evidence cannot be written", &error))?;
    folder.text(name, text);
    if folder.size() > LARGEST {
        let detail = format!("the video is larger than {} MiB: fetch the clips one by one", LARGEST >> 20);
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too much", detail));
    }
    let now = shared.clock.now();
    let mut readme = format!(
        "{}\n\nStore {}, saved by {} at {}\n",
        subject.title,
        subject.store,
        person.name,
        words::moment(now, tz)
    );
    for fact in &subject.facts {
        readme.push_str(&format!("{fact}\n"));
    }
    if about.is_empty() {
        about.push_str("There is no video of it.\n");
    }
    let names: Vec<&str> = folder.names().collect();
    readme.push_str(&format!("\nVideo\n{about}\nFiles\n  {}\n\n{}", names.join("\n  "), words::HOW_TO_CHECK));
    folder.text("README.txt", readme);
    shared
        .audit
        .note(&person.name, "evidence", format!("{} {}", subject.store, subject.id))
        .await
        .map_err(|error| Problem::unavailable("the audit file cannot be written, so nothing is saved", &error))?;
    let packed = tokio::task::spawn_blocking(move || folder.pack()).await;
    let packed = packed.map_err(|error| Problem::unavailable("the evidence cannot be packed", &error))?;
    let packed = packed.map_err(|error| Problem::unavailable("the evidence cannot be packed", &error))?;
    let short = subject.id.simple().to_string();
    let file = format!("tillsight-{}-{}.zip", subject.store, short.get(..8).unwrap_or(&short));
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
