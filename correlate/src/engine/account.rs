//! What became of every record that the engine has read: each has one fate, and together they are what was read.

use std::collections::BTreeMap;

use tillsight_schemas::metric;

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It is remembered, and judged where it is an anchor.
    Used,
    /// It said what was known; nothing has changed.
    Repeated,
    /// It took the place of an earlier revision or of another transaction, whose anchors are judged again.
    Corrected,
    /// It came later than what rules look back to is remembered: it is judged with what is left.
    Late,
    /// It was judged before the checkpoint, and is read again as the neighbourhood of others.
    Replayed,
    /// It could not be decoded: the lake and the raw topic have it.
    Unreadable,
    /// It has no value.
    Empty,
}

impl Fate {
    /// The fate as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Repeated => "repeated",
            Self::Corrected => "corrected",
            Self::Late => "late",
            Self::Replayed => "replayed",
            Self::Unreadable => "unreadable",
            Self::Empty => "empty",
        }
    }
}

/// How many records of each topic had each fate, since the engine was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account(BTreeMap<(&'static str, Fate), u64>);

impl Account {
    /// Counts records of a topic.
    pub(super) fn note(&mut self, topic: &'static str, fate: Fate, records: usize) {
        let records = u64::try_from(records).unwrap_or_default();
        if records > 0 {
            *self.0.entry((topic, fate)).or_default() += records;
            metrics::counter!(metric::ENGINE_RECORDS, "topic" => topic, "fate" => fate.as_str()).increment(records);
        }
    }

    /// How many records of all topics had a fate.
    pub fn of(&self, fate: Fate) -> u64 {
        self.0.iter().filter(|((_, other), _)| *other == fate).map(|(_, records)| records).sum()
    }

    /// How many records were read.
    pub fn read(&self) -> u64 {
        self.0.values().sum()
    }
}
