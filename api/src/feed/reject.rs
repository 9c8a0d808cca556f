//! [`Rejected`]: one dead letter, and [`Tally`]: those of one code together.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use tillsight_ingest::pos::glance;
use tillsight_schemas::id::{RegisterId, StoreId};
use tillsight_schemas::port::LogRecord;
use tillsight_schemas::topic;

/// Bytes of a record that are shown.
const SHOWN: usize = 4096;
/// Places of a code that are told apart.
const PLACES: usize = 50;
/// Days that are counted.
const DAYS: usize = 9;

/// Where a record is wrong.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub(crate) struct At {
    /// A JSON Pointer.
    pub(crate) at: String,
    /// What is wrong there.
    pub(crate) what: String,
}

/// A record that was not accepted, as it lies among the dead letters: card numbers are masked.
#[derive(Debug, Clone)]
pub(crate) struct Rejected {
    pub(crate) at: DateTime<Utc>,
    pub(crate) code: String,
    pub(crate) detail: String,
    pub(crate) problems: Vec<At>,
    /// The token by which it came over HTTP.
    pub(crate) sender: Option<String>,
    pub(crate) store: Option<StoreId>,
    pub(crate) register: Option<RegisterId>,
    pub(crate) kind: Option<String>,
    pub(crate) receipt_no: Option<String>,
    /// Where it landed.
    pub(crate) landed: (String, i32, i64),
    /// Where it lies among the dead letters.
    pub(crate) offset: i64,
    pub(crate) bytes: i64,
    pub(crate) text: String,
    pub(crate) truncated: bool,
}

impl Rejected {
    /// Reads a dead letter; those that an older version wrote do not say where they are wrong.
    pub(crate) fn read(record: &LogRecord) -> Self {
        let seen = glance(record);
        let text = |name: &str| record.header(name).unwrap_or_default().to_owned();
        let number = |name: &str| record.header(name).and_then(|text| text.parse().ok());
        let value = record.value.as_deref().unwrap_or_default();
        let whole = std::str::from_utf8(value).unwrap_or_default();
        let shown: String = whole
            .chars()
            .scan(0, |bytes, c| {
                *bytes += c.len_utf8();
                (*bytes <= SHOWN).then_some(c)
            })
            .collect();
        Self {
            at: record.logged_at,
            code: text(topic::HEADER_ERROR_CODE),
            detail: text(topic::HEADER_ERROR_DETAIL),
            problems: record
                .header(topic::HEADER_ERROR_PROBLEMS)
                .and_then(|text| serde_json::from_str(text).ok())
                .unwrap_or_default(),
            sender: record.header(topic::HEADER_SENDER).map(str::to_owned),
            store: seen.store_id,
            register: seen.register_id,
            kind: seen.kind,
            receipt_no: seen.receipt_no,
            landed: (
                text(topic::HEADER_ORIGIN_TOPIC),
                number(topic::HEADER_ORIGIN_PARTITION).and_then(|n| i32::try_from(n).ok()).unwrap_or_default(),
                number(topic::HEADER_ORIGIN_OFFSET).unwrap_or_default(),
            ),
            offset: record.offset,
            bytes: i64::try_from(value.len()).unwrap_or(i64::MAX),
            truncated: shown.len() < whole.len(),
            text: shown,
        }
    }
}

/// Rejections of one code.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    days: BTreeMap<NaiveDate, i64>,
    /// Pointers with `*` for numbers: how often, and what was said last.
    pub(crate) places: BTreeMap<String, (i64, String)>,
    /// The newest one.
    pub(crate) last: Option<Rejected>,
}

impl Tally {
    pub(super) fn note(&mut self, rejected: Rejected) {
        *self.days.entry(rejected.at.date_naive()).or_default() += 1;
        while self.days.len() > DAYS {
            self.days.pop_first();
        }
        for problem in &rejected.problems {
            self.place(&any_item(&problem.at), 1, &problem.what);
        }
        self.newest(rejected);
    }

    /// Adds another one, from a day on.
    pub(super) fn add(&mut self, other: &Self, from: NaiveDate) {
        for (day, count) in other.days.range(from..) {
            *self.days.entry(*day).or_default() += count;
        }
        for (place, (count, what)) in &other.places {
            self.place(place, *count, what);
        }
        self.last = match (self.last.take(), other.last.clone()) {
            (Some(one), Some(two)) => Some(if one.at >= two.at { one } else { two }),
            (one, two) => one.or(two),
        };
    }

    /// How many.
    pub(crate) fn count(&self) -> i64 {
        self.days.values().sum()
    }

    fn newest(&mut self, rejected: Rejected) {
        if self.last.as_ref().is_none_or(|last| last.at <= rejected.at) {
            self.last = Some(rejected);
        }
    }

    fn place(&mut self, place: &str, count: i64, what: &str) {
        if let Some((times, said)) = self.places.get_mut(place) {
            *times += count;
            what.clone_into(said);
        } else if self.places.len() < PLACES {
            self.places.insert(place.to_owned(), (count, what.to_owned()));
        }
    }
}

/// A pointer without the numbers of items: `/lines/3/qty_milli` is `/lines/*/qty_milli`.
fn any_item(pointer: &str) -> String {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    pointer.split('/').map(|part| if digits(part) { "*" } else { part }).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_place_in_other_lines_is_one_place() {
        assert_eq!(any_item("/lines/12/qty_milli"), "/lines/*/qty_milli");
        assert_eq!(any_item(""), "");
    }
}
