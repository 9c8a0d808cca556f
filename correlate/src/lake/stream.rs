//! The streams that the lake keeps: one topic with one type of record each.
//!
//! Every producer is at-least-once. The records of `lp.pos.transaction.v1` say where they were received, which tells
//! repetitions before they are stored ([`super::progress`]). All others are stored as they come, with their place in
//! the log, and whoever reads them takes the latest record of each key ([`super::Table::key`]).

use arrow::error::ArrowError;
use tillsight_schemas::alert::Alert;
use tillsight_schemas::camera_event::CameraEvent;
use tillsight_schemas::clock_offset::ClockOffset;
use tillsight_schemas::judgement::Judgement;
use tillsight_schemas::pos::PostedTransaction;
use tillsight_schemas::presence::PresenceTile;
use tillsight_schemas::review::Review;
use tillsight_schemas::segment::Segment;
use tillsight_schemas::topic;
use tillsight_schemas::wire::avro::{Avro, Decoded, Decoder};
use tillsight_schemas::wire::{Record, RecordType};

/// A stream of the lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Accepted POS transactions.
    Transactions,
    /// Presence tiles of zones.
    Presence,
    /// What cameras say by themselves.
    CameraEvents,
    /// Alerts, in every revision.
    Alerts,
    /// What rules made of their anchors.
    Judgements,
    /// Decisions of people.
    Reviews,
    /// Recorded segments and gaps.
    Segments,
    /// Versions of the clock offsets of registers.
    Clocks,
}

/// What there is to know about a stream.
struct Form {
    topic: &'static str,
    record: fn() -> RecordType,
    decode: fn(&[&[u8]]) -> Result<Decoded, ArrowError>,
}

fn form<T: Avro>(topic: &'static str) -> Form {
    Form { topic, record: <T as Record>::record_type, decode: |values| Decoder::<T>::new().decode(values) }
}

impl Stream {
    /// Every stream.
    pub const ALL: [Self; 8] = [
        Self::Transactions,
        Self::Presence,
        Self::CameraEvents,
        Self::Alerts,
        Self::Judgements,
        Self::Reviews,
        Self::Segments,
        Self::Clocks,
    ];

    fn form(self) -> Form {
        match self {
            Self::Transactions => form::<PostedTransaction>(topic::POS_TRANSACTION),
            Self::Presence => form::<PresenceTile>(topic::CAM_PRESENCE),
            Self::CameraEvents => form::<CameraEvent>(topic::CAM_EVENT),
            Self::Alerts => form::<Alert>(topic::ALERT),
            Self::Judgements => form::<Judgement>(topic::JUDGEMENT),
            Self::Reviews => form::<Review>(topic::REVIEW),
            Self::Segments => form::<Segment>(topic::REC_SEGMENT),
            Self::Clocks => form::<ClockOffset>(topic::CLOCK),
        }
    }

    /// The topic it comes from.
    pub fn topic(self) -> &'static str {
        self.form().topic
    }

    /// The topics of all streams: what an archiver and a hot tail must be given to read.
    pub fn topics() -> Vec<String> {
        Self::ALL.iter().map(|stream| stream.topic().to_owned()).collect()
    }

    /// The stream of a topic.
    pub fn of(topic: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stream| stream.topic() == topic)
    }

    /// Its records.
    pub fn record(self) -> RecordType {
        (self.form().record)()
    }

    /// Decodes values; those that cannot be decoded are named.
    ///
    /// # Errors
    /// [`ArrowError`] when the decoder cannot be built, which is a defect.
    pub fn decode(self, values: &[&[u8]]) -> Result<Decoded, ArrowError> {
        (self.form().decode)(values)
    }

    /// Whether its records say where they were received. Those that do not are stored with their place in the log.
    pub fn has_landing(self) -> bool {
        self == Self::Transactions
    }
}
