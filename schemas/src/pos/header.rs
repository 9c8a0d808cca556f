//! What ingest adds to every POS record: identity, time, origin.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::id::{IntegratorId, TenantId};
use crate::record;

record! {
    /// What ingest found out about a POS record.
    pub struct Header {
        /// UUIDv5 of the natural key: the same event has the same id however often it is sent.
        event_id: Uuid,
        /// The retailer.
        tenant_id: TenantId,
        /// When the event completed, in UTC, by the till's own clock and the store's zone. Never changed afterwards: the offset between till and camera is a stream of its own.
        event_time: DateTime<Utc>,
        /// How far `event_time` may be off because of the text it was read from, in milliseconds: 60000 for whole minutes, 3600000 for an hour that occurs twice.
        event_time_uncertainty_ms: i64,
        /// When the event began, in UTC, if the till says so.
        begin_time: Option<DateTime<Utc>>,
        /// The IANA zone by which local times were read.
        tz: String,
        /// 0 or 1 when the local time occurs twice (end of summer time): the first or the second; null when it occurs once or the till does not say which.
        dst_fold: Option<i32>,
        /// When ingest received the record, by our clock.
        received_at: DateTime<Utc>,
        /// SHA-256 (hex) of the record as sent, in canonical JSON: tells a repetition from a collision.
        payload_sha256: String,
        /// Who sent it.
        integrator_id: IntegratorId,
        /// The landing topic it came through.
        landing_topic: String,
        /// The partition of the landing topic.
        landing_partition: i32,
        /// The offset in that partition; with topic and partition it names the received record and shows repetitions to consumers.
        landing_offset: i64,
    }
}
