//! [`Coverage`]: which part of a scheduled time was recorded, and why the rest was not.
//!
//! `recorded + gaps + pending + unexplained = scheduled`, to the microsecond. *Pending* is the end of a stream that is
//! being written, which the index learns of with the next group commit; *unexplained* must be zero, and a test says so.

use tillsight_schemas::TimeSpan;
use tillsight_schemas::segment::{GapReason, SegmentState, StreamKey};

use super::error::Result;
use super::index::{Index, unknown};
use super::rows::{GapRow, SegmentRow, instant};

/// How a span of time was covered; lengths in microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The part of the span in which the stream was to be recorded.
    pub scheduled_us: i64,
    /// Recorded, and still there.
    pub recorded_us: i64,
    /// Recorded, and since deleted by retention.
    pub expired_us: i64,
    /// Not recorded, for declared reasons.
    pub gap_us: i64,
    /// Recorded just now, and not yet in the index.
    pub pending_us: i64,
    /// Neither recorded nor declared: a defect.
    pub unexplained_us: i64,
    /// What was recorded, as spans that do not touch.
    pub recorded: Vec<TimeSpan>,
    /// The gaps, with their reasons; expired video is a gap too.
    pub gaps: Vec<(TimeSpan, GapReason)>,
}

/// How a stream covers a span, which ends at `now` at the latest.
///
/// # Errors
/// [`super::Error::UnknownStream`], [`super::Error::Index`].
pub async fn coverage(
    index: &Index,
    key: &StreamKey,
    span: TimeSpan,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<Coverage> {
    let stream = index.stream_id(key, false).await?.ok_or_else(|| unknown(key))?;
    let schedules = index.schedules(stream).await?;
    let segments = index.recorded(stream, span).await?;
    let gaps = index.gaps(stream, span).await?;
    Ok(compute(span, now.timestamp_micros(), &schedules, &segments, &gaps))
}

type Range = (i64, i64);

fn compute(
    span: TimeSpan,
    now_us: i64,
    schedules: &[(i64, Option<i64>)],
    segments: &[SegmentRow],
    gaps: &[GapRow],
) -> Coverage {
    let asked = (span.start().timestamp_micros(), span.end().timestamp_micros().min(now_us));
    let scheduled =
        union(schedules.iter().map(|(from, to)| (*from, to.unwrap_or(now_us))).map(|range| clip(range, asked)));
    let of = |state: fn(SegmentState) -> bool| {
        union(segments.iter().filter(|row| state(row.state)).map(|row| (row.start_us, row.end_us)))
    };
    let recorded = intersect(&of(|state| state != SegmentState::Deleted), &scheduled);
    let expired = subtract(&intersect(&of(|state| state == SegmentState::Deleted), &scheduled), &recorded);
    let declared = union(gaps.iter().map(|gap| (gap.start_us, gap.end_us.unwrap_or(now_us))));
    let taken = union(recorded.iter().chain(&expired).copied());
    let gap = subtract(&intersect(&declared, &scheduled), &taken);
    let rest = subtract(&scheduled, &union(taken.iter().chain(&gap).copied()));
    // The end of an open segment runs ahead of its row.
    let written = segments.iter().filter(|row| row.state == SegmentState::Open).map(|row| row.end_us).max();
    let (pending, unexplained): (Vec<Range>, Vec<Range>) =
        rest.into_iter().partition(|(from, to)| written.is_some_and(|end| *from >= end) && *to == asked.1);
    let mut listed: Vec<(TimeSpan, GapReason)> = Vec::new();
    for row in gaps {
        let own = subtract(&intersect(&[(row.start_us, row.end_us.unwrap_or(now_us))], &scheduled), &taken);
        listed.extend(own.into_iter().filter_map(|range| Some((to_span(range)?, row.reason))));
    }
    listed.extend(expired.iter().filter_map(|range| Some((to_span(*range)?, GapReason::Expired))));
    listed.sort_by_key(|(span, _)| span.start());
    Coverage {
        scheduled_us: length(&scheduled),
        recorded_us: length(&recorded),
        expired_us: length(&expired),
        gap_us: length(&gap),
        pending_us: length(&pending),
        unexplained_us: length(&unexplained),
        recorded: recorded.into_iter().filter_map(to_span).collect(),
        gaps: listed,
    }
}

fn to_span((from, to): Range) -> Option<TimeSpan> {
    TimeSpan::new(instant(from), instant(to)).ok()
}

fn clip((from, to): Range, (start, end): Range) -> Range {
    (from.max(start), to.min(end))
}

fn length(ranges: &[Range]) -> i64 {
    ranges.iter().map(|(from, to)| to - from).sum()
}

/// The same instants as sorted ranges that do not touch.
fn union(ranges: impl Iterator<Item = Range>) -> Vec<Range> {
    let mut sorted: Vec<Range> = ranges.filter(|(from, to)| from < to).collect();
    sorted.sort_unstable();
    let mut merged: Vec<Range> = Vec::with_capacity(sorted.len());
    for (from, to) in sorted {
        match merged.last_mut() {
            Some((_, end)) if from <= *end => *end = (*end).max(to),
            _ => merged.push((from, to)),
        }
    }
    merged
}

fn intersect(left: &[Range], right: &[Range]) -> Vec<Range> {
    union(left.iter().flat_map(|a| right.iter().map(|b| clip(*a, *b))))
}

fn subtract(from: &[Range], what: &[Range]) -> Vec<Range> {
    let mut left = from.to_vec();
    for (start, end) in what {
        left = left
            .into_iter()
            .flat_map(|(from, to)| [(from, to.min(*start)), (from.max(*end), to)])
            .filter(|(from, to)| from < to)
            .collect();
    }
    union(left.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_and_joined() {
        let a = union([(0, 10), (5, 20), (30, 40), (20, 21), (7, 7)].into_iter());
        assert_eq!(a, [(0, 21), (30, 40)]);
        assert_eq!(intersect(&a, &[(15, 35)]), [(15, 21), (30, 35)]);
        assert_eq!(subtract(&a, &[(3, 4), (20, 31)]), [(0, 3), (4, 20), (31, 40)]);
    }
}
