//! The answers about cases, and how they are made of the records.

use chrono::{DateTime, Utc};
use tillsight_schemas::alert::Evidence;
use tillsight_schemas::id::{CameraId, OperatorId, RegisterId, StoreId, StoreKey};
use tillsight_schemas::money::Currency;
use tillsight_schemas::pos::PostedTransaction;
use uuid::Uuid;

use super::Shared;
use super::alerts::{seen, shown};
use super::answer::answer;
use super::auth::{Person, Right};
use super::problem::Problem;
use super::sight::video;
use super::views::AlertSummary;
use crate::db::{self, Case, CaseAct, CaseItemKind, CasePersonKind, CaseRole, CaseStatus, Content, DbError};

answer! {
    /// A case that holds an alert.
    struct CaseLink {
        /// Its id.
        case_id: Uuid,
        /// Its number.
        number: i64,
        /// What people call it.
        title: String,
        /// How far it is.
        status: CaseStatus,
    }

    /// A case in a list.
    struct CaseSummary {
        /// Its id.
        case_id: Uuid,
        /// Its number, counted per retailer.
        number: i64,
        /// What people call it.
        title: String,
        /// How far it is.
        status: CaseStatus,
        /// Who works on it.
        owner: Option<String>,
        /// The stores that it is or was about: who does not see all of them does not see the case.
        stores: Vec<StoreId>,
        /// What was lost, in minor units; null while nobody knows.
        loss_minor: Option<i64>,
        /// What was got back.
        recovered_minor: Option<i64>,
        /// ISO 4217 code of both.
        currency: Option<String>,
        /// How many alerts it holds.
        alerts: i64,
        /// How many receipts.
        receipts: i64,
        /// How many spans of video.
        clips: i64,
        /// How many notes.
        notes: i64,
        /// Who opened it.
        created_by: String,
        /// When.
        created_at: DateTime<Utc>,
        /// When anything of it changed last.
        updated_at: DateTime<Utc>,
        /// Rises with each edit by PATCH.
        revision: i64,
    }

    /// A page of cases, the last changed first.
    struct CasePage {
        /// The cases.
        items: Vec<CaseSummary>,
        /// What to ask for the next page with; null on the last one.
        next_cursor: Option<String>,
        /// How many fit, on all pages.
        total: i64,
    }

    /// A receipt that a case holds.
    struct CaseReceipt {
        /// The transaction.
        event_id: Uuid,
        /// The shop.
        store_id: StoreId,
        /// The register.
        register_id: RegisterId,
        /// Who worked it.
        operator_id: Option<OperatorId>,
        /// The number on the receipt.
        receipt_no: Option<String>,
        /// When it completed, by the till's own clock.
        event_time: DateTime<Utc>,
        /// What kind of transaction.
        kind: String,
        /// Its total, in minor units.
        total_minor: Option<i64>,
        /// ISO 4217 code of the total.
        currency: Option<Currency>,
    }

    /// A span of video that a case holds.
    struct CaseClip {
        /// The shop.
        store_id: StoreId,
        /// The camera.
        camera_id: CameraId,
        /// From when.
        from_at: DateTime<Utc>,
        /// Until when.
        to_at: DateTime<Utc>,
        /// The MP4 file for a player; null without video.
        play_url: Option<String>,
        /// Why there is no video, or not all of it.
        note: Option<String>,
    }

    /// Something that a case holds.
    struct CaseItem {
        /// Its id within the case.
        item_id: Uuid,
        /// What it is: the field of that name has it.
        kind: CaseItemKind,
        /// The shop; null for notes.
        store_id: Option<StoreId>,
        /// The alert as it is now.
        alert: Option<AlertSummary>,
        /// The receipt as it was when it was added.
        receipt: Option<CaseReceipt>,
        /// The span of video.
        clip: Option<CaseClip>,
        /// The words of a note.
        text: Option<String>,
        /// Who added it.
        added_by: String,
        /// When.
        added_at: DateTime<Utc>,
    }

    /// Somebody who has to do with a case.
    struct CasePerson {
        /// The id of the entry.
        person_id: Uuid,
        /// What they have to do with it.
        role: CaseRole,
        /// Who they are.
        kind: CasePersonKind,
        /// Under which id they work a till.
        operator_id: Option<OperatorId>,
        /// What they are called.
        name: Option<String>,
        /// What is to be said about them.
        note: Option<String>,
    }

    /// Something that was done to a case.
    struct CaseEntry {
        /// When.
        at: DateTime<Utc>,
        /// By whom.
        by: String,
        /// What.
        what: CaseAct,
        /// In words.
        detail: String,
    }

    /// A case with everything in it.
    struct CaseDetail {
        /// What a list shows.
        @flatten summary: CaseSummary,
        /// What is to be said about it.
        summary_text: String,
        /// What it holds, in the order in which it was added.
        items: Vec<CaseItem>,
        /// Who has to do with it.
        people: Vec<CasePerson>,
        /// What was done to it, newest first.
        history: Vec<CaseEntry>,
        /// Whether the person may save its evidence.
        saves: bool,
    }
}

impl CaseLink {
    /// A case as an alert names it.
    pub(super) fn of(case: &Case) -> Self {
        Self { case_id: case.id, number: case.number, title: case.title.clone(), status: case.status }
    }
}

impl CaseSummary {
    /// A case as a list shows it.
    pub(super) fn of(case: &Case) -> Self {
        Self {
            case_id: case.id,
            number: case.number,
            title: case.title.clone(),
            status: case.status,
            owner: case.owner.clone(),
            stores: case.stores.clone(),
            loss_minor: case.loss_minor,
            recovered_minor: case.recovered_minor,
            currency: case.currency.clone(),
            alerts: case.alerts,
            receipts: case.receipts,
            clips: case.clips,
            notes: case.notes,
            created_by: case.created_by.clone(),
            created_at: case.created_at,
            updated_at: case.updated_at,
            revision: case.revision,
        }
    }
}

impl CaseReceipt {
    fn of(posted: &PostedTransaction) -> Self {
        let (header, till) = (&posted.header, &posted.transaction);
        Self {
            event_id: header.event_id,
            store_id: till.store_id.clone(),
            register_id: till.register_id.clone(),
            operator_id: till.operator_id.clone(),
            receipt_no: till.receipt_no.clone(),
            event_time: header.event_time,
            kind: till.kind.as_str().to_owned(),
            total_minor: till.total_minor,
            currency: till.currency,
        }
    }
}

pub(super) fn unread(error: &DbError) -> Problem {
    Problem::unavailable("the cases cannot be read", error)
}

/// The video of a span of a camera, as evidence of itself.
pub(super) fn clip_evidence(camera: &CameraId, from: DateTime<Utc>, to: DateTime<Utc>) -> Evidence {
    Evidence { camera_id: Some(camera.clone()), from_at: from, to_at: to, event_at: from, note: None }
}

async fn item(shared: &Shared, person: &Person, held: db::CaseItem) -> Result<CaseItem, Problem> {
    let mut item = CaseItem {
        item_id: held.id,
        kind: held.content.kind(),
        store_id: held.store.clone(),
        alert: None,
        receipt: None,
        clip: None,
        text: None,
        added_by: held.added_by,
        added_at: held.added_at,
    };
    match (held.content, held.store) {
        (Content::Alert(id), _) => {
            let row = shared.db.alert(id).await.map_err(|error| unread(&error))?;
            for row in seen(person, row.into_iter().collect()) {
                item.alert = Some(shown(shared, &row).await);
            }
        }
        (Content::Receipt(posted), _) => item.receipt = Some(CaseReceipt::of(&posted)),
        (Content::Clip { camera, from, to }, Some(store_id)) => {
            let store = StoreKey::new(person.scope.tenant.clone(), store_id.clone());
            let seen = video(shared, person, &store, None, &clip_evidence(&camera, from, to)).await;
            item.clip = Some(CaseClip {
                store_id,
                camera_id: camera,
                from_at: from,
                to_at: to,
                play_url: seen.play_url,
                note: seen.note,
            });
        }
        (Content::Clip { .. }, None) => {}
        (Content::Note(text), _) => item.text = Some(text),
    }
    Ok(item)
}

/// Everything about a case.
pub(super) async fn whole(shared: &Shared, person: &Person, case: &Case) -> Result<CaseDetail, Problem> {
    let held = shared.db.case_items(case.id).await.map_err(|error| unread(&error))?;
    let people = shared.db.case_people(case.id).await.map_err(|error| unread(&error))?;
    let history = shared.db.case_history(case.id).await.map_err(|error| unread(&error))?;
    let mut items = Vec::with_capacity(held.len());
    for held in held {
        items.push(item(shared, person, held).await?);
    }
    let people = people.into_iter().map(|known| CasePerson {
        person_id: known.id,
        role: known.role,
        kind: known.kind,
        operator_id: known.operator,
        name: known.name,
        note: known.note,
    });
    let history = history.into_iter().map(|entry| CaseEntry {
        at: entry.at,
        by: entry.by,
        what: entry.what,
        detail: entry.detail,
    });
    Ok(CaseDetail {
        summary: CaseSummary::of(case),
        summary_text: case.summary.clone(),
        items,
        people: people.collect(),
        history: history.collect(),
        saves: person.may(Right::Video),
    })
}
