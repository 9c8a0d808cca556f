//! What a case is: what people say of it, what it holds, who it is about and what was done to it.
//!
//! The stores of a case are those of everything that it holds or ever held: who does not see all of them does not see the
//! case. A receipt is kept with the case as it was when it was added.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tillsight_schemas::codes;
use tillsight_schemas::hold::Hold;
use tillsight_schemas::id::{CameraId, OperatorId, StoreId, TenantId};
use tillsight_schemas::pos::PostedTransaction;
use uuid::Uuid;

codes! {
    /// How far a case is.
    pub enum CaseStatus {
        /// Nobody works on it yet.
        New = "new",
        /// Somebody does.
        InProgress = "in_progress",
        /// The loss was prevented.
        Prevented = "prevented",
        /// The loss is certain.
        Confirmed = "confirmed",
        /// It is over.
        Resolved = "resolved",
    }

    /// What a case holds.
    pub enum CaseItemKind {
        /// An alert.
        Alert = "alert",
        /// A receipt.
        Receipt = "receipt",
        /// A span of video.
        Clip = "clip",
        /// Words.
        Note = "note",
    }

    /// What a person has to do with a case.
    pub enum CaseRole {
        /// It is about them.
        Subject = "subject",
        /// They saw it.
        Witness = "witness",
        /// They told of it.
        Reporter = "reporter",
        /// They were in charge.
        Manager = "manager",
        /// Something else.
        Other = "other",
    }

    /// Who a person of a case is.
    pub enum CasePersonKind {
        /// Somebody who works a till.
        Operator = "operator",
        /// A customer.
        Customer = "customer",
        /// Somebody else who works there.
        Employee = "employee",
        /// Somebody else.
        Other = "other",
    }

    /// What was done to a case.
    pub enum CaseAct {
        /// It was opened.
        Opened = "opened",
        /// It got another title.
        Renamed = "renamed",
        /// It got another status.
        Status = "status",
        /// Somebody else has it.
        Owner = "owner",
        /// Loss or what was recovered was set.
        Loss = "loss",
        /// Its summary was written.
        Text = "text",
        /// Something was added.
        Added = "added",
        /// Something was taken out.
        Removed = "removed",
        /// A person was added.
        PersonAdded = "person_added",
        /// A person was taken out.
        PersonRemoved = "person_removed",
        /// Its evidence was saved.
        Saved = "saved",
    }
}

/// A case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its id.
    pub id: Uuid,
    /// The retailer.
    pub tenant: TenantId,
    /// Its number, counted per retailer.
    pub number: i64,
    /// What people call it.
    pub title: String,
    /// How far it is.
    pub status: CaseStatus,
    /// Who works on it.
    pub owner: Option<String>,
    /// What is to be said about it.
    pub summary: String,
    /// What was lost, in minor units; none while nobody knows.
    pub loss_minor: Option<i64>,
    /// What was got back.
    pub recovered_minor: Option<i64>,
    /// ISO 4217 code of both.
    pub currency: Option<String>,
    /// Who opened it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When anything of it changed last.
    pub updated_at: DateTime<Utc>,
    /// Rises with each edit of title, status, owner, summary and amounts.
    pub revision: i64,
    /// Rises with each change of any case.
    pub change: i64,
    /// How many alerts it holds.
    pub alerts: i64,
    /// How many receipts.
    pub receipts: i64,
    /// How many spans of video.
    pub clips: i64,
    /// How many notes.
    pub notes: i64,
    /// The stores that it is or was about.
    pub stores: Vec<StoreId>,
    /// The operators that it is or was about.
    pub concerned: Vec<OperatorId>,
}

/// Something that a case holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CaseItem {
    /// Its id.
    pub id: Uuid,
    /// The shop; none for notes.
    pub store: Option<StoreId>,
    /// What it is.
    pub content: Content,
    /// The holds on its video.
    pub holds: Vec<Hold>,
    /// In a few words, for the history.
    pub label: String,
    /// Who added it.
    pub added_by: String,
    /// When.
    pub added_at: DateTime<Utc>,
}

/// What an item is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// An alert.
    Alert(Uuid),
    /// A receipt, as it was when it was added.
    Receipt(Box<PostedTransaction>),
    /// A span of video.
    Clip {
        /// The camera.
        camera: CameraId,
        /// From when.
        from: DateTime<Utc>,
        /// Until when.
        to: DateTime<Utc>,
    },
    /// Words.
    Note(String),
}

impl Content {
    /// What kind of item it is.
    pub fn kind(&self) -> CaseItemKind {
        match self {
            Self::Alert(_) => CaseItemKind::Alert,
            Self::Receipt(_) => CaseItemKind::Receipt,
            Self::Clip { .. } => CaseItemKind::Clip,
            Self::Note(_) => CaseItemKind::Note,
        }
    }

    /// What a case holds only once.
    pub(super) fn subject(&self) -> Option<Uuid> {
        match self {
            Self::Alert(id) => Some(*id),
            Self::Receipt(posted) => Some(posted.header.event_id),
            Self::Clip { .. } | Self::Note(_) => None,
        }
    }
}

/// Somebody who has to do with a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CasePerson {
    /// The id of the entry.
    pub id: Uuid,
    /// What they have to do with it.
    pub role: CaseRole,
    /// Who they are.
    pub kind: CasePersonKind,
    /// Under which id they work a till.
    pub operator: Option<OperatorId>,
    /// What they are called.
    pub name: Option<String>,
    /// What is to be said about them.
    pub note: Option<String>,
}

/// Something that was done to a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: String,
    /// What.
    pub what: CaseAct,
    /// In words.
    pub detail: String,
}
