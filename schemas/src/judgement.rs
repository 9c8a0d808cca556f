//! [`Judgement`]: what a rule made of an anchor (topic `lp.judgement.v1`). Alerts are the ones that fired; the others
//! prove that the rule looked, and say where it could not see.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::id::{OperatorId, RegisterId, RuleId, StoreId, TenantId};
use crate::{codes, record};

codes! {
    /// What a rule made of an anchor.
    pub enum Outcome {
        /// It fired.
        Fired = "fired",
        /// A condition kept it silent.
        Silent = "silent",
        /// It could not see: a blind spot.
        Indeterminate = "indeterminate",
    }
}

record! {
    /// A rule has judged an anchor. A later record with the same judgement id replaces an earlier one.
    pub struct Judgement {
        /// UUIDv5 of rule, major version, store and anchor: the id that its alert has or would have.
        judgement_id: Uuid,
        /// 0, and one more for each time it came out differently.
        revision: i32,
        /// The retailer.
        tenant_id: TenantId,
        /// The shop.
        store_id: StoreId,
        /// The rule.
        rule_id: RuleId,
        /// Its version, `major.minor`.
        rule_version: String,
        /// The event that was judged.
        anchor_event_id: Uuid,
        /// The register.
        register_id: RegisterId,
        /// Who worked it.
        operator_id: Option<OperatorId>,
        /// When the anchor completed, by the till's own clock.
        event_time: DateTime<Utc>,
        /// What came out.
        outcome: Outcome,
        /// Which condition decided, e.g. `customer_present`, `camera_blind`.
        why: String,
        /// Decided without a source that was behind.
        provisional: bool,
        /// When it was judged, by our clock.
        judged_at: DateTime<Utc>,
    }
}
