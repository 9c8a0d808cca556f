//! [`Outlook`]: what the film will show when, in wall time. It knows the labels and when the film began, and nothing of what
//! any camera reported.

use chrono::{DateTime, Utc};
use tillsight_schemas::TimeSpan;

use crate::film::{Labels, State};

/// A film in wall time.
#[derive(Debug, Clone, Copy)]
pub struct Outlook<'a> {
    /// What is to be seen in it.
    pub labels: &'a Labels,
    /// When its first picture is shown, in any turn of its loop ([`crate::cameras::FrameLog::began`]).
    pub began: DateTime<Utc>,
}

/// A stretch of one state, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// From when.
    pub from: i64,
    /// To when.
    pub to: i64,
    /// What is to be seen.
    pub state: State,
}

/// Feet that cross the border of the zone, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: i64,
    /// Whether they come in.
    pub enters: bool,
}

impl Outlook<'_> {
    /// The stretches that overlap a span, whole, in order.
    pub fn stretches(&self, span: TimeSpan) -> Vec<Stretch> {
        let mut found: Vec<Stretch> = Vec::new();
        for turn in self.turns(span) {
            for part in &self.labels.spans {
                let (from, to) = (turn + self.labels.at_us(part.from), turn + self.labels.at_us(part.to));
                match found.last_mut() {
                    // The plate goes on across the seam of the loop.
                    Some(last) if last.state == part.state && last.to == from => last.to = to,
                    _ => found.push(Stretch { from, to, state: part.state }),
                }
            }
        }
        let (start, end) = (span.start().timestamp_micros(), span.end().timestamp_micros());
        found.retain(|stretch| stretch.from < end && stretch.to > start);
        found
    }

    /// The changes within a span, in order.
    pub fn changes(&self, span: TimeSpan) -> Vec<Change> {
        let crossings = |turn: i64| {
            let at = move |picture: usize| turn + self.labels.at_us(picture);
            self.labels
                .crossings
                .iter()
                .map(move |crossing| Change { at: at(crossing.picture), enters: crossing.enters })
        };
        let (start, end) = (span.start().timestamp_micros(), span.end().timestamp_micros());
        self.turns(span).into_iter().flat_map(crossings).filter(|change| (start..end).contains(&change.at)).collect()
    }

    /// When the turns of the loop begin that are near a span: one more on either side, for what spans the seam.
    fn turns(&self, span: TimeSpan) -> Vec<i64> {
        let (began, length) = (self.began.timestamp_micros(), self.labels.length_us().max(1));
        let turn = |instant: DateTime<Utc>| (instant.timestamp_micros() - began).div_euclid(length);
        (turn(span.start()) - 1..=turn(span.end()) + 1).map(|turn| began + turn * length).collect()
    }
}
