//! [`TimeSpan`]: two instants that belong together, half-open.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The instants from `start` (included) to `end` (excluded); never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "(DateTime<Utc>, DateTime<Utc>)", into = "(DateTime<Utc>, DateTime<Utc>)")]
pub struct TimeSpan {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

/// A span whose end does not lie after its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time span must end after it starts ({start} .. {end})")]
pub struct EmptySpan {
    /// The start that was given.
    pub start: DateTime<Utc>,
    /// The end that was given.
    pub end: DateTime<Utc>,
}

impl TimeSpan {
    /// Makes the span `start .. end`.
    ///
    /// # Errors
    /// [`EmptySpan`] when `end <= start`.
    pub fn new(start: DateTime<Utc>, end: DateTime<Utc>) -> Result<Self, EmptySpan> {
        if start < end { Ok(Self { start, end }) } else { Err(EmptySpan { start, end }) }
    }

    /// The first instant inside.
    pub fn start(&self) -> DateTime<Utc> {
        self.start
    }

    /// The first instant after.
    pub fn end(&self) -> DateTime<Utc> {
        self.end
    }

    /// How long it lasts; always positive.
    pub fn duration(&self) -> TimeDelta {
        self.end - self.start
    }

    /// Whether `instant` lies inside.
    pub fn contains(&self, instant: DateTime<Utc>) -> bool {
        self.start <= instant && instant < self.end
    }

    /// The part that both spans share, if they share any; spans that only touch share none.
    pub fn overlap(&self, other: &Self) -> Option<Self> {
        Self::new(self.start.max(other.start), self.end.min(other.end)).ok()
    }

    /// The span that begins `before` earlier and ends `after` later (negative padding is taken as zero).
    #[must_use]
    pub fn padded(&self, before: TimeDelta, after: TimeDelta) -> Self {
        Self { start: self.start - before.max(TimeDelta::zero()), end: self.end + after.max(TimeDelta::zero()) }
    }
}

impl TryFrom<(DateTime<Utc>, DateTime<Utc>)> for TimeSpan {
    type Error = EmptySpan;

    fn try_from((start, end): (DateTime<Utc>, DateTime<Utc>)) -> Result<Self, EmptySpan> {
        Self::new(start, end)
    }
}

impl From<TimeSpan> for (DateTime<Utc>, DateTime<Utc>) {
    fn from(span: TimeSpan) -> Self {
        (span.start, span.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: i64, end: i64) -> TimeSpan {
        let at = |s| DateTime::from_timestamp(s, 0).unwrap();
        TimeSpan::new(at(start), at(end)).unwrap()
    }

    #[test]
    fn spans_that_only_touch_do_not_overlap() {
        assert_eq!(span(0, 10).overlap(&span(10, 20)), None);
        assert_eq!(span(0, 10).overlap(&span(9, 20)), Some(span(9, 10)));
    }

    #[test]
    fn an_empty_span_cannot_be_made() {
        let at = DateTime::UNIX_EPOCH;
        assert!(TimeSpan::new(at, at).is_err());
    }

    #[test]
    fn padding_widens_and_never_narrows() {
        assert_eq!(span(10, 20).padded(TimeDelta::seconds(5), TimeDelta::seconds(-3)), span(5, 20));
    }
}
