//! The Kafka topics: names, clean-up, retention, and which of them must be on disk before a producer is answered.
//!
//! Everything that is correlated has the key `tenant/store` and the same number of partitions, and producers use the
//! partitioner `murmur2_random`, so that Java, Go, Python and Rust producers put a store on the same partition.

use crate::id::IntegratorId;

/// Accepted POS transactions: `PostedTransaction`, Avro.
pub const POS_TRANSACTION: &str = "lp.pos.transaction.v1";
/// What arrived, scrubbed of card numbers, with the landing coordinates in its headers.
pub const POS_RAW: &str = "lp.pos.raw.v1";
/// Presence of zones: `presence::PresenceTile`, Avro.
pub const CAM_PRESENCE: &str = "lp.cam.presence.v1";
/// What cameras say by themselves: `camera_event::CameraEvent`, Avro.
pub const CAM_EVENT: &str = "lp.cam.event.v1";
/// Boxes for the player's overlay: `detection::DetectionFrame`, Avro.
pub const CAM_DETECTION: &str = "lp.cam.detection.v1";
/// Signs of life: `heartbeat::Heartbeat`, Avro.
pub const HEARTBEAT: &str = "lp.heartbeat.v1";
/// Versions of the clock offsets of registers: `clock_offset::ClockOffset`, Avro.
pub const CLOCK: &str = "lp.ref.clock.v1";
/// Alerts: `alert::Alert`, Avro, key = alert id.
pub const ALERT: &str = "lp.alert.v1";
/// What rules made of their anchors: `judgement::Judgement`, Avro.
pub const JUDGEMENT: &str = "lp.judgement.v1";
/// What people decided: `review::Review`, Avro.
pub const REVIEW: &str = "lp.review.v1";
/// Recorded segments and gaps: `segment::Segment`, Avro.
pub const REC_SEGMENT: &str = "lp.rec.segment.v1";
/// Holds on video: `hold::Hold`, Avro, key = hold id.
pub const HOLD: &str = "lp.hold.v1";
/// The prefix of landing topics.
pub const LANDING_PREFIX: &str = "lp.pos.in.";
/// The suffix of dead-letter topics.
pub const DLQ_SUFFIX: &str = ".dlq";

/// Kafka header: the code of a rejection.
pub const HEADER_ERROR_CODE: &str = "lp.error.code";
/// Kafka header: the sentence of a rejection.
pub const HEADER_ERROR_DETAIL: &str = "lp.error.detail";
/// Kafka header: where a rejected record is wrong, a JSON array of `{"at": <JSON Pointer>, "what": <sentence>}`.
pub const HEADER_ERROR_PROBLEMS: &str = "lp.error.problems";
/// Kafka header: `true` on the scrubbed bytes of a repetition.
pub const HEADER_DUPLICATE: &str = "lp.duplicate";
/// Kafka header: the stores that a landing record may be for, separated by commas, where its sender's token is limited to
/// some. It can only take away from what the integrator may write.
pub const HEADER_STORES: &str = "lp.stores";
/// Kafka header: the login of the token by which a record came over HTTP, so that whoever sent it sees what became of it.
pub const HEADER_SENDER: &str = "lp.sender";
/// Kafka header: what is odd about an accepted record, in a sentence.
pub const HEADER_WARNING: &str = "lp.warning";
/// Kafka header: `true` on everything that is made of a canary ([`crate::canary`]); readers see an empty record.
pub const HEADER_CANARY: &str = "lp.canary";
/// Kafka header: the topic a record was received on, under the name that Kafka Connect uses.
pub const HEADER_ORIGIN_TOPIC: &str = "__connect.errors.topic";
/// Kafka header: the partition a record was received on.
pub const HEADER_ORIGIN_PARTITION: &str = "__connect.errors.partition";
/// Kafka header: the offset a record was received at.
pub const HEADER_ORIGIN_OFFSET: &str = "__connect.errors.offset";

/// The headers that readers of ours act on.
pub const READ_HEADERS: &[&str] = &[
    HEADER_ERROR_CODE,
    HEADER_ERROR_DETAIL,
    HEADER_ERROR_PROBLEMS,
    HEADER_DUPLICATE,
    HEADER_STORES,
    HEADER_SENDER,
    HEADER_WARNING,
    HEADER_CANARY,
    HEADER_ORIGIN_TOPIC,
    HEADER_ORIGIN_PARTITION,
    HEADER_ORIGIN_OFFSET,
];

/// The topic on which one integrator delivers.
pub fn landing(integrator: &IntegratorId) -> String {
    format!("{LANDING_PREFIX}{integrator}")
}

/// The dead-letter topic of a topic.
pub fn dlq(topic: &str) -> String {
    format!("{topic}{DLQ_SUFFIX}")
}

/// How old records leave a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleanup {
    /// After so many hours.
    After {
        /// The hours.
        hours: u32,
    },
    /// Never; the last record of a key stays.
    Compact,
}

/// A topic as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// How old records leave it.
    pub cleanup: Cleanup,
    /// Whether it is correlated, and so has the common number of partitions (others have one).
    pub correlated: bool,
    /// Whether a record is flushed to disk before the producer is answered.
    pub durable: bool,
}

const DAY: u32 = 24;

fn topic(name: impl Into<String>, hours: u32, correlated: bool) -> Topic {
    let name = name.into();
    let durable = name.starts_with("lp.pos.");
    Topic { name, cleanup: Cleanup::After { hours }, correlated, durable }
}

fn compacted(name: &str) -> Topic {
    Topic { name: name.to_owned(), cleanup: Cleanup::Compact, correlated: false, durable: false }
}

/// The topics of an installation with these integrators.
pub fn all<'a>(integrators: impl IntoIterator<Item = &'a IntegratorId>) -> Vec<Topic> {
    let mut topics = vec![
        topic(POS_RAW, 400 * DAY, true),
        topic(POS_TRANSACTION, 400 * DAY, true),
        topic(CAM_PRESENCE, 30 * DAY, true),
        topic(CAM_EVENT, 30 * DAY, true),
        topic(CAM_DETECTION, 3 * DAY, false),
        topic(HEARTBEAT, 3 * DAY, true),
        topic(CLOCK, 400 * DAY, true),
        topic(JUDGEMENT, 400 * DAY, true),
        topic(REVIEW, 400 * DAY, true),
        topic(REC_SEGMENT, 30 * DAY, true),
        compacted(ALERT),
        compacted(HOLD),
    ];
    for integrator in integrators {
        let name = landing(integrator);
        topics.push(topic(dlq(&name), 30 * DAY, false));
        topics.push(topic(name, 1, true));
    }
    topics
}
