//! [`Review`]: what a person decided about an alert (topic `lp.review.v1`). Reviews are appended; the last one of an
//! alert holds.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::id::{StoreId, TenantId};
use crate::{codes, record};

codes! {
    /// What a person decided.
    pub enum Disposition {
        /// A loss by intent.
        Confirmed = "confirmed",
        /// Against the rules of the house, without intent to be seen.
        Policy = "policy",
        /// Something that works badly: equipment, training, process.
        Operational = "operational",
        /// Nothing wrong: the alert was false.
        NoIssue = "no_issue",
        /// The same as another alert that somebody has decided about; it says nothing of how good the rule is.
        Duplicate = "duplicate",
        /// It cannot be told, not even from the video; it says nothing of how good the rule is.
        CannotTell = "cannot_tell",
        /// To be followed up.
        FollowUp = "follow_up",
        /// Open again: an earlier decision was taken back.
        Reopened = "reopened",
        /// The store explained it from its report. It decides nothing: the alert stays as it is for loss prevention.
        Explained = "explained",
        /// The store asked, from its report, to look at it. It decides nothing.
        LookAtIt = "look_at_it",
    }
}

impl Disposition {
    /// Whether it is a decision. The others are what a store said about an alert; they stand in its history only.
    pub fn decides(self) -> bool {
        !matches!(self, Self::Explained | Self::LookAtIt)
    }

    /// Whether it says that a rule was right or wrong. What is followed up is not decided yet.
    pub fn weighs(self) -> bool {
        matches!(self, Self::Confirmed | Self::Policy | Self::Operational | Self::NoIssue)
    }
}

record! {
    /// A decision about an alert.
    pub struct Review {
        /// Its identity.
        review_id: Uuid,
        /// The alert.
        alert_id: Uuid,
        /// The revision of the alert that was looked at.
        alert_revision: i32,
        /// The retailer.
        tenant_id: TenantId,
        /// The shop.
        store_id: StoreId,
        /// What was decided.
        disposition: Disposition,
        /// In the reviewer's words.
        note: Option<String>,
        /// Who decided.
        reviewer: String,
        /// When.
        reviewed_at: DateTime<Utc>,
    }
}
