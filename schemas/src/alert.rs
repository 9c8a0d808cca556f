//! [`Alert`]: a rule has fired, with its proof (topic `lp.alert.v1`, compacted, key = the alert's id).
//!
//! The id is a function of rule, major version, store and anchor: the same event raises the same alert however often it
//! is judged. A re-judgement that comes to another content is a new revision; one that does not fire any more retracts.

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use crate::clock_offset::ClockMethod;
use crate::id::{CameraId, OperatorId, RegisterId, RuleId, StoreId, TenantId, ZoneId, derive};
use crate::presence::{Blind, PresenceSource, PresenceState};
use crate::zone::ZoneKind;
use crate::{codes, record};

codes! {
    /// How much it matters.
    pub enum Severity {
        /// To know.
        Info = "info",
        /// Little.
        Low = "low",
        /// Some.
        Medium = "medium",
        /// Much.
        High = "high",
        /// Most.
        Critical = "critical",
    }

    /// What became of an alert.
    pub enum AlertState {
        /// It stands.
        Standing = "standing",
        /// It was amended by later data; it stands.
        Amended = "amended",
        /// Later data took it back.
        Retracted = "retracted",
    }
}

record! {
    /// The video that belongs to an alert: a camera and a span, padded and widened by the clock bound.
    pub struct Evidence {
        /// The camera; absent when no camera looks at the register, which `note` says.
        camera_id: Option<CameraId>,
        /// From when, by the camera's time map.
        from_at: DateTime<Utc>,
        /// Until when.
        to_at: DateTime<Utc>,
        /// Where in it the event is, by the camera's time map.
        event_at: DateTime<Utc>,
        /// Why there is no video, in words.
        note: Option<String>,
    }

    /// How well the clocks of till and camera agree.
    pub struct ClockStatement {
        /// What was added to the till's time to get the camera's, in microseconds.
        offset_us: i64,
        /// Bound of the error, in microseconds; the text of the till's time and the camera's own bound included.
        uncertainty_us: i64,
        /// How the offset was found.
        method: ClockMethod,
        /// From how many events.
        samples: i32,
        /// Version of the offset; 0 when there was none.
        version: i64,
        /// The same in words.
        words: String,
    }

    /// What was seen in a zone around the event, clipped to the time the rule looked at.
    pub struct SeenSpan {
        /// The zone.
        zone_id: ZoneId,
        /// What the zone is for.
        zone_kind: ZoneKind,
        /// From when.
        start_at: DateTime<Utc>,
        /// Until when.
        end_at: DateTime<Utc>,
        /// Whether somebody was there.
        state: PresenceState,
        /// Why it cannot be told.
        blind: Option<Blind>,
        /// Who says so.
        source: PresenceSource,
    }

    /// A rule has fired.
    pub struct Alert {
        /// UUIDv5 of rule, major version, store and anchor.
        alert_id: Uuid,
        /// 0, and one more for each amendment.
        revision: i32,
        /// Whether it stands.
        state: AlertState,
        /// SHA-256 (hex) of what was judged: tells a repetition from an amendment.
        content_sha256: String,
        /// The retailer.
        tenant_id: TenantId,
        /// The shop.
        store_id: StoreId,
        /// The rule.
        rule_id: RuleId,
        /// Its version, `major.minor`.
        rule_version: String,
        /// How much it matters.
        severity: Severity,
        /// The event it fired on.
        anchor_event_id: Uuid,
        /// Every event that belongs to it, the anchor among them.
        event_ids: Vec<Uuid>,
        /// The register.
        register_id: RegisterId,
        /// Who worked it.
        operator_id: Option<OperatorId>,
        /// The day the store books it on.
        business_day: Option<NaiveDate>,
        /// When the anchor completed, by the till's own clock.
        event_time: DateTime<Utc>,
        /// The amount at stake, in minor units.
        amount_minor: Option<i64>,
        /// ISO 4217 code of the amount.
        currency: Option<String>,
        /// In a few words.
        title: String,
        /// Why it fired, in words.
        reason: String,
        /// What the rule found, name = value, for those who want to check.
        facts: Vec<Fact>,
        /// Its video.
        evidence: Vec<Evidence>,
        /// How well the clocks agree.
        clock: ClockStatement,
        /// What was seen in the zones that the rule looked at.
        seen: Vec<SeenSpan>,
        /// Decided without a source that was behind; it will be decided again.
        provisional: bool,
        /// When its anchor was logged by the broker.
        anchor_logged_at: DateTime<Utc>,
        /// When it was raised, by our clock.
        raised_at: DateTime<Utc>,
        /// The numbers of the rule as they held for it, each with what of it would have kept the alert away.
        @default numbers: Vec<AlertNumber>,
        /// Where each of its events came in.
        @default records: Vec<AlertRecord>,
        /// What would have kept it away, in words: a sentence each.
        @default counterfactual: Vec<String>,
    }

    /// A value that a rule found.
    pub struct Fact {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    }

    /// A number of a rule as it held for an alert.
    pub struct AlertNumber {
        /// Its name.
        name: String,
        /// Its unit.
        unit: String,
        /// What held.
        value: i64,
        /// With so much or less the rule would not have fired on any of the alert's events; absent where no number below does that.
        at_most: Option<i64>,
        /// With so much or more it would not have; absent where no number above does that.
        at_least: Option<i64>,
    }

    /// Where an event of an alert came in: the coordinates under which its record was received.
    pub struct AlertRecord {
        /// The event.
        event_id: Uuid,
        /// The landing topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset.
        offset: i64,
    }
}

/// The id of an alert.
pub fn alert_id(rule: &RuleId, major: u32, tenant: &TenantId, store: &StoreId, anchor: Uuid) -> Uuid {
    let major = major.to_string();
    let anchor = anchor.to_string();
    derive("alert", [rule.as_str(), &major, tenant.as_str(), store.as_str(), &anchor].map(Some))
}
