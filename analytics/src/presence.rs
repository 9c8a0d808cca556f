//! [`ZonePresence`]: what the looks of one source say about one zone, as stretches of time with a state.
//!
//! Between two looks the zone was `present` if somebody was there in either; `absent` only if both were clear, and at
//! least so many clear ones had come in a row, none too far from the next; else `unknown`. So a stretch is never called
//! empty before somebody looked at both of its ends. Whoever was followed into the zone and is lost there, without having
//! crossed its border, leaves it `unknown` until somebody is seen again or nothing stirs for some seconds.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::presence::{Blind, PresenceState};
use tillsight_schemas::zone::Zone;

use crate::look::{Found, Look};

/// A box this near to the picture's edge is cut by it.
const AT_EDGE: f32 = 0.01;

/// When presence is believed.
#[derive(Debug, Clone)]
pub struct PresenceConfig {
    /// From this score on somebody is there.
    pub sure: f32,
    /// So many clear looks in a row say that nobody is there.
    pub looks: u32,
    /// Two looks farther apart say nothing about what lies between them.
    pub max_gap: TimeDelta,
    /// A person who is missed for less is taken to be there still.
    pub memory: TimeDelta,
    /// So long nothing must stir where somebody was lost.
    pub clean: TimeDelta,
}

impl Default for PresenceConfig {
    fn default() -> Self {
        Self {
            sure: 0.4,
            looks: 3,
            max_gap: TimeDelta::seconds(2),
            memory: TimeDelta::milliseconds(1_200),
            clean: TimeDelta::seconds(5),
        }
    }
}

/// A stretch of time in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Its begin: the end of the one before.
    pub from: DateTime<Utc>,
    /// Its end.
    pub to: DateTime<Utc>,
    /// The state.
    pub state: PresenceState,
    /// Why it cannot be told (`unknown` only).
    pub blind: Option<Blind>,
    /// The most people seen at once.
    pub people: i32,
    /// Looks that it rests on.
    pub looks: i32,
    /// The run that was looked at.
    pub run: Option<i64>,
    /// Media time of the look at its end.
    pub pts: Option<i64>,
}

/// What the last look said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Somebody,
    Nobody,
    Doubt(Blind),
    Blind(Blind),
}

/// Somebody who was followed into the zone.
#[derive(Debug, Clone, Copy)]
struct Inside {
    seen: DateTime<Utc>,
    at_edge: bool,
}

/// What one source says about one zone.
#[derive(Debug)]
pub struct ZonePresence {
    zone: Zone,
    config: PresenceConfig,
    known_to: DateTime<Utc>,
    last_look: Option<DateTime<Utc>>,
    verdict: Verdict,
    state: (PresenceState, Option<Blind>),
    /// Clear looks in a row, and the first of them.
    clear: (u32, Option<DateTime<Utc>>),
    inside: BTreeMap<i64, Inside>,
    lost: bool,
    stretches: Vec<Stretch>,
}

/// Whether somebody stands in a zone: the feet do, or the centre of a box that the picture's lower edge cuts.
pub fn stands_in(zone: &Zone, found: &Found) -> bool {
    let x = f64::from(f32::midpoint(found.left, found.right));
    let y = if found.bottom >= 1.0 - AT_EDGE { f32::midpoint(found.top, found.bottom) } else { found.bottom };
    zone.contains(x, f64::from(y))
}

/// Whether a label means a person, in our models or in a camera's words.
pub fn is_person(label: &str) -> bool {
    ["person", "human", "pedestrian", "face"].iter().any(|name| label.eq_ignore_ascii_case(name))
}

impl ZonePresence {
    /// Begins at an instant, knowing nothing.
    pub fn new(zone: Zone, config: PresenceConfig, start: DateTime<Utc>) -> Self {
        Self {
            zone,
            config,
            known_to: start,
            last_look: None,
            verdict: Verdict::Blind(Blind::Starting),
            state: (PresenceState::Unknown, Some(Blind::Starting)),
            clear: (0, None),
            inside: BTreeMap::new(),
            lost: false,
            stretches: Vec::new(),
        }
    }

    /// Up to when everything has been said.
    pub fn known_to(&self) -> DateTime<Utc> {
        self.known_to
    }

    /// What was said since the last call, without holes.
    pub fn take(&mut self) -> Vec<Stretch> {
        std::mem::take(&mut self.stretches)
    }

    /// Takes in a look; `false` when it comes too late to change anything.
    pub fn look(&mut self, look: &Look) -> bool {
        if look.at <= self.known_to {
            return false;
        }
        let moving = look.moving.as_ref().is_some_and(|zones| zones.contains(&self.zone.id));
        let (mut people, mut doubtful) = (0, false);
        for found in look.found.iter().filter(|found| is_person(&found.label)) {
            let inside = stands_in(&self.zone, found);
            match found.track {
                Some(track) if inside => {
                    let at_edge = found.left <= AT_EDGE || found.right >= 1.0 - AT_EDGE || found.top <= AT_EDGE;
                    let at_edge = at_edge || found.bottom >= 1.0 - AT_EDGE;
                    self.inside.insert(track, Inside { seen: look.at, at_edge });
                    people += 1;
                }
                // Seen outside: the border was crossed.
                Some(track) => drop(self.inside.remove(&track)),
                None if inside && found.score >= self.config.sure => people += 1,
                None => doubtful |= inside,
            }
        }
        let memory = self.config.memory;
        let lost = &mut self.lost;
        self.inside.retain(|_, inside| {
            let remembered = look.at - inside.seen <= memory;
            *lost |= !remembered && !inside.at_edge;
            remembered
        });
        if people > 0 {
            self.lost = false;
        }
        // Who is missed for a moment still counts.
        let people = people.max(i32::try_from(self.inside.len()).unwrap_or(i32::MAX));
        let verdict = if people > 0 {
            Verdict::Somebody
        } else if doubtful || moving {
            Verdict::Doubt(Blind::Motion)
        } else {
            Verdict::Nobody
        };
        self.conclude(look, verdict, people);
        true
    }

    fn conclude(&mut self, look: &Look, verdict: Verdict, people: i32) {
        let gap = self.last_look.is_none_or(|last| look.at - last > self.config.max_gap);
        let before = match self.verdict {
            Verdict::Blind(why) => Verdict::Blind(why),
            _ if gap => Verdict::Blind(Blind::Shed),
            other => other,
        };
        self.clear = match (verdict, before) {
            (Verdict::Nobody, Verdict::Blind(_)) => (1, Some(look.at)),
            (Verdict::Nobody, _) => (self.clear.0.saturating_add(1), self.clear.1.or(Some(look.at))),
            _ => (0, None),
        };
        if self.lost && self.clear.1.is_some_and(|since| look.at - since >= self.config.clean) {
            self.lost = false;
        }
        let unknown = |why| (PresenceState::Unknown, Some(why));
        self.state = match (before, verdict) {
            (Verdict::Blind(why), _) => unknown(why),
            (_, Verdict::Somebody) | (Verdict::Somebody, _) => (PresenceState::Present, None),
            (_, Verdict::Doubt(why)) => unknown(why),
            _ if self.lost => unknown(Blind::Lost),
            _ if self.clear.0 >= self.config.looks => (PresenceState::Absent, None),
            // Too few clear looks: as it was.
            _ => self.state,
        };
        self.push(look.at, people, 1, look.run, look.pts);
        self.verdict = verdict;
        self.last_look = Some(look.at);
    }

    /// Nothing can be said up to an instant, and from there on until the next look.
    pub fn blind(&mut self, to: DateTime<Utc>, why: Blind) {
        if to <= self.known_to {
            return;
        }
        // Whoever was inside may still be.
        self.lost |= !self.inside.is_empty();
        self.inside.clear();
        self.clear = (0, None);
        self.verdict = Verdict::Blind(why);
        self.state = (PresenceState::Unknown, Some(why));
        self.push(to, 0, 0, None, None);
    }

    fn push(&mut self, to: DateTime<Utc>, people: i32, looks: i32, run: Option<i64>, pts: Option<i64>) {
        let (state, blind) = self.state;
        let people = if state == PresenceState::Present { people.max(1) } else { 0 };
        self.stretches.push(Stretch { from: self.known_to, to, state, blind, people, looks, run, pts });
        self.known_to = to;
    }
}

#[cfg(test)]
mod tests;
