//! [`Tracker`]: gives people numbers, so that one who is missed for a moment is not taken for gone.
//!
//! Boxes are joined to those before by overlap, or by nearness where people are small and looks are rare; each person is
//! expected to go on as they went. Sure boxes are joined first and begin a track by themselves; doubtful ones only go
//! on with one. A track that was not seen for the length of the memory is given up.

use chrono::{DateTime, TimeDelta, Utc};

use crate::detect::overlap;
use crate::look::Found;

/// How much farther than its own size somebody may have gone between two looks.
const REACH: f32 = 0.7;
/// How much of a new step goes into the expected one.
const AGILITY: f32 = 0.5;

/// Follows people through the looks at one camera.
#[derive(Debug)]
pub struct Tracker {
    /// From this score on a box begins a track.
    sure: f32,
    memory: TimeDelta,
    next: i64,
    tracks: Vec<Track>,
}

#[derive(Debug, Clone)]
struct Track {
    id: i64,
    seen: DateTime<Utc>,
    edges: [f32; 4],
    /// How far the centre goes in a second, in fractions of the picture.
    speed: [f32; 2],
}

impl Track {
    fn expected(&self, at: DateTime<Utc>) -> [f32; 4] {
        let seconds = seconds(at - self.seen).min(1.5);
        let (x, y) = (self.speed[0] * seconds, self.speed[1] * seconds);
        [self.edges[0] + x, self.edges[1] + y, self.edges[2] + x, self.edges[3] + y]
    }
}

impl Tracker {
    /// A tracker that bridges misses of this length.
    pub fn new(sure: f32, memory: TimeDelta) -> Self {
        Self { sure, memory, next: 1, tracks: Vec::new() }
    }

    /// Forgets everybody: another run begins. Numbers go on.
    pub fn reset(&mut self) {
        self.tracks.clear();
    }

    /// Gives the people of the next look their numbers. Who is doubtful and new gets none.
    pub fn follow(&mut self, at: DateTime<Utc>, found: &mut [Found]) {
        self.tracks.retain(|track| at - track.seen <= self.memory);
        let mut taken = vec![false; self.tracks.len()];
        for sure in [true, false] {
            let mut pairs = Vec::new();
            for (one, found) in found.iter().enumerate() {
                if (found.score >= self.sure) != sure || found.track.is_some() {
                    continue;
                }
                for (other, track) in self.tracks.iter().enumerate() {
                    if let Some(likeness) = likeness(&track.expected(at), &edges(found)) {
                        pairs.push((likeness, one, other));
                    }
                }
            }
            pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
            for (_, one, other) in pairs {
                let (Some(found), Some(taken), Some(track)) =
                    (found.get_mut(one), taken.get_mut(other), self.tracks.get_mut(other))
                else {
                    continue;
                };
                if found.track.is_none() && !*taken {
                    *taken = true;
                    found.track = Some(track.id);
                    step(track, at, edges(found));
                }
            }
        }
        for found in found.iter_mut().filter(|found| found.track.is_none() && found.score >= self.sure) {
            found.track = Some(self.next);
            self.tracks.push(Track { id: self.next, seen: at, edges: edges(found), speed: [0.0; 2] });
            self.next += 1;
        }
    }
}

fn step(track: &mut Track, at: DateTime<Utc>, edges: [f32; 4]) {
    let seconds = seconds(at - track.seen);
    if seconds > 0.0 {
        let (now, before) = (centre(&edges), centre(&track.edges));
        for (speed, (now, before)) in track.speed.iter_mut().zip(now.into_iter().zip(before)) {
            *speed += AGILITY * ((now - before) / seconds - *speed);
        }
    }
    track.seen = at;
    track.edges = edges;
}

/// How well a box goes on with a track; `None` when it cannot be the same person.
fn likeness(expected: &[f32; 4], found: &[f32; 4]) -> Option<f32> {
    let shared = overlap(expected, found);
    if shared > 0.1 {
        return Some(1.0 + shared);
    }
    let (a, b) = (centre(expected), centre(found));
    let height = (expected[3] - expected[1]).max(found[3] - found[1]);
    let distance = (a[0] - b[0]).hypot(a[1] - b[1]);
    let (small, large) = ((expected[3] - expected[1]).min(found[3] - found[1]), height);
    (distance < REACH * height && small > 0.5 * large).then(|| 1.0 - distance / (REACH * height))
}

fn edges(found: &Found) -> [f32; 4] {
    [found.left, found.top, found.right, found.bottom]
}

fn centre(edges: &[f32; 4]) -> [f32; 2] {
    [f32::midpoint(edges[0], edges[2]), f32::midpoint(edges[1], edges[3])]
}

fn seconds(span: TimeDelta) -> f32 {
    span.as_seconds_f32()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(x: f32, score: f32) -> Found {
        let label = "person".to_owned();
        Found { track: None, label, score, left: x - 0.02, top: 0.4, right: x + 0.02, bottom: 0.55 }
    }

    fn walk(looks: &[&[(f32, f32)]]) -> Vec<Vec<Option<i64>>> {
        let mut tracker = Tracker::new(0.4, TimeDelta::milliseconds(1_200));
        let mut tracks = Vec::new();
        for (turn, people) in looks.iter().enumerate() {
            let mut found: Vec<Found> = people.iter().map(|&(x, score)| person(x, score)).collect();
            let at = DateTime::UNIX_EPOCH + TimeDelta::milliseconds(250 * i64::try_from(turn).unwrap());
            tracker.follow(at, &mut found);
            tracks.push(found.into_iter().map(|found| found.track).collect());
        }
        tracks
    }

    #[test]
    fn a_person_who_walks_keeps_their_number_though_two_looks_miss_them() {
        let tracks = walk(&[&[(0.2, 0.9)], &[(0.22, 0.9)], &[], &[], &[(0.28, 0.9)]]);
        assert_eq!(tracks[4], [Some(1)]);
    }

    #[test]
    fn who_is_doubtful_goes_on_with_a_track_but_begins_none() {
        assert_eq!(walk(&[&[(0.2, 0.9)], &[(0.21, 0.25)]])[1], [Some(1)]);
        assert_eq!(walk(&[&[(0.2, 0.25)]])[0], [None]);
    }

    #[test]
    fn two_who_pass_each_other_stay_two() {
        let looks: Vec<[(f32, f32); 2]> = (0..8)
            .map(|turn| {
                let shift = 0.02 * f32::from(u8::try_from(turn).unwrap());
                [(0.2 + shift, 0.9), (0.5 - shift, 0.9)]
            })
            .collect();
        let slices: Vec<&[(f32, f32)]> = looks.iter().map(<[_; 2]>::as_slice).collect();
        for tracks in walk(&slices) {
            assert_eq!(tracks, [Some(1), Some(2)]);
        }
    }

    #[test]
    fn who_was_away_longer_than_the_memory_is_somebody_else() {
        assert_eq!(walk(&[&[(0.2, 0.9)], &[], &[], &[], &[], &[], &[(0.2, 0.9)]])[6], [Some(2)]);
    }
}
