//! [`Fusion`]: what our detector and the camera's own analytics say about one zone, joined.
//!
//! Somebody is there if either says so; nobody is there if one says so and the other does not contradict; else it cannot
//! be told. The source is the one that decided, `fused` when both agree. A source that is silent holds the other up only
//! until its own clock says that it cannot tell.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use tillsight_schemas::presence::{PresenceSource, PresenceState};

use crate::presence::Stretch;

/// Joins the stretches of up to two sources. All of them begin at the same instant.
#[derive(Debug)]
pub struct Fusion {
    sources: Vec<(PresenceSource, VecDeque<Stretch>)>,
    known_to: DateTime<Utc>,
}

impl Fusion {
    /// Joins these sources from an instant on.
    pub fn new(sources: &[PresenceSource], start: DateTime<Utc>) -> Self {
        Self { sources: sources.iter().map(|source| (*source, VecDeque::new())).collect(), known_to: start }
    }

    /// Takes what a source said, in order.
    pub fn push(&mut self, source: PresenceSource, stretches: impl IntoIterator<Item = Stretch>) {
        if let Some((_, queue)) = self.sources.iter_mut().find(|(name, _)| *name == source) {
            queue.extend(stretches);
        }
    }

    /// What all sources have said together by now.
    pub fn take(&mut self) -> Vec<(Stretch, PresenceSource)> {
        let mut joined = Vec::new();
        loop {
            let heads: Option<Vec<(PresenceSource, Stretch)>> =
                self.sources.iter().map(|(source, queue)| Some((*source, queue.front()?.clone()))).collect();
            let Some(heads) = heads else { break };
            let Some(to) = heads.iter().map(|(_, head)| head.to).min() else { break };
            if let Some((mut stretch, source)) = decide(&heads) {
                (stretch.from, stretch.to) = (self.known_to, to);
                joined.push((stretch, source));
            }
            self.known_to = to;
            for (_, queue) in &mut self.sources {
                if queue.front().is_some_and(|head| head.to <= to) {
                    queue.pop_front();
                } else if let Some(head) = queue.front_mut() {
                    // Its looks are at its end.
                    head.from = to;
                }
            }
        }
        joined
    }
}

fn decide(heads: &[(PresenceSource, Stretch)]) -> Option<(Stretch, PresenceSource)> {
    let says = |state| heads.iter().filter(move |(_, head)| head.state == state);
    let chosen = [PresenceState::Present, PresenceState::Absent, PresenceState::Unknown]
        .into_iter()
        .find(|state| says(*state).next().is_some())?;
    let (source, first) = says(chosen).next()?;
    let all = says(chosen).count();
    let mut stretch = first.clone();
    stretch.people = says(chosen).map(|(_, head)| head.people).max().unwrap_or_default();
    stretch.looks = says(chosen).map(|(_, head)| head.looks).sum();
    let agree = all > 1 && all == heads.len();
    Some((stretch, if agree { PresenceSource::Fused } else { *source }))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use tillsight_schemas::presence::Blind;

    use super::*;

    const A: PresenceSource = PresenceSource::Detector;
    const B: PresenceSource = PresenceSource::Camera;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn stretch(from: i64, to: i64, state: PresenceState) -> Stretch {
        let blind = (state == PresenceState::Unknown).then_some(Blind::NoSignal);
        Stretch { from: at(from), to: at(to), state, blind, people: 0, looks: 1, run: None, pts: None }
    }

    #[test]
    fn either_is_believed_when_somebody_is_there_and_neither_is_contradicted_when_nobody_is() {
        use PresenceState::{Absent, Present, Unknown};
        for (a, b, state, source) in [
            (Present, Present, Present, PresenceSource::Fused),
            (Present, Absent, Present, A),
            (Unknown, Present, Present, B),
            (Absent, Absent, Absent, PresenceSource::Fused),
            (Absent, Unknown, Absent, A),
            (Unknown, Absent, Absent, B),
            (Unknown, Unknown, Unknown, PresenceSource::Fused),
        ] {
            let mut fusion = Fusion::new(&[A, B], at(0));
            fusion.push(A, [stretch(0, 2, a)]);
            fusion.push(B, [stretch(0, 2, b)]);
            let said = fusion.take();
            assert_eq!(said.len(), 1);
            assert_eq!((said[0].0.state, said[0].1), (state, source), "{a} and {b}");
        }
    }

    #[test]
    fn nothing_is_said_before_both_have_spoken_and_nothing_is_left_out() {
        let mut fusion = Fusion::new(&[A, B], at(0));
        fusion.push(A, [stretch(0, 3, PresenceState::Absent), stretch(3, 6, PresenceState::Present)]);
        assert!(fusion.take().is_empty());
        fusion.push(B, [stretch(0, 1, PresenceState::Unknown), stretch(1, 5, PresenceState::Absent)]);
        let said: Vec<_> = fusion.take().into_iter().map(|(s, _)| (s.from, s.to, s.state)).collect();
        assert_eq!(
            said,
            [
                (at(0), at(1), PresenceState::Absent),
                (at(1), at(3), PresenceState::Absent),
                (at(3), at(5), PresenceState::Present),
            ]
        );
    }

    #[test]
    fn one_source_alone_is_passed_through() {
        let mut fusion = Fusion::new(&[B], at(0));
        fusion.push(B, [stretch(0, 3, PresenceState::Absent)]);
        assert_eq!(fusion.take(), [(stretch(0, 3, PresenceState::Absent), B)]);
    }
}
