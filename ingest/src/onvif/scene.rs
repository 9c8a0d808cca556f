//! [`Scene`]: what a camera sees, from frame to frame: who has left, where somebody stands whose box was not repeated,
//! and at most five frames a second of each analytics module.
//!
//! A frame that comes too soon waits for the interval to pass and is replaced by a newer one; so the last frame is
//! never the one that is lost, and nobody leaves unnoticed. What is replaced is counted by the caller.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::event::Moment;
use super::metadata::{Frame, Object};

/// The least time between two frames of a module that are handed on.
pub const INTERVAL: TimeDelta = TimeDelta::milliseconds(200);
/// The most analytics modules of a camera that are followed.
const MAX_SOURCES: usize = 8;

/// What each analytics module of a camera sees.
#[derive(Debug, Default)]
pub struct Scene {
    modules: BTreeMap<Option<String>, Module>,
}

#[derive(Debug, Default)]
struct Module {
    /// Who is there, by number.
    there: BTreeMap<i64, Object>,
    last: Option<Moment>,
    waiting: Option<(Frame, Moment)>,
}

/// What became of a frame.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// The frame, when it may be handed on now.
    pub ready: Option<(Frame, Moment)>,
    /// How many frames were replaced by newer ones, or belong to more modules than are followed.
    pub passed_over: u64,
}

impl Scene {
    /// Takes a frame.
    pub fn take(&mut self, mut frame: Frame, moment: Moment) -> Taken {
        let mut taken = Taken::default();
        if !self.modules.contains_key(&frame.source) && self.modules.len() >= MAX_SOURCES {
            taken.passed_over = 1;
            return taken;
        }
        let module = self.modules.entry(frame.source.clone()).or_default();
        module.follow(&mut frame);
        if let Some((old, _)) = module.waiting.take() {
            taken.passed_over += 1;
            let back = |id: &i64| frame.objects.iter().any(|object| object.id == Some(*id)) || frame.gone.contains(id);
            let gone: Vec<_> = old.gone.into_iter().filter(|id| !back(id)).collect();
            frame.gone.extend(gone);
        }
        if module.is_due(moment) {
            module.last = Some(moment);
            taken.ready = Some((frame, moment));
        } else {
            module.waiting = Some((frame, moment));
        }
        taken
    }

    /// The frames that wait: to be called when nothing newer has come for an interval.
    pub fn rest(&mut self) -> Vec<(Frame, Moment)> {
        let waiting = self.modules.values_mut().filter_map(|module| {
            let (frame, moment) = module.waiting.take()?;
            module.last = Some(moment);
            Some((frame, moment))
        });
        waiting.collect()
    }

    /// Whether a frame waits.
    pub fn is_waiting(&self) -> bool {
        self.modules.values().any(|module| module.waiting.is_some())
    }
}

impl Module {
    /// Whether a frame of this moment may be handed on: an interval has passed, or time went backwards.
    fn is_due(&self, moment: Moment) -> bool {
        self.last.is_none_or(|last| moment.at < last.at || moment.at - last.at >= INTERVAL)
    }

    /// Adds who is there no more, and boxes and classes that were not repeated.
    fn follow(&mut self, frame: &mut Frame) {
        let mut now = BTreeMap::new();
        for object in &mut frame.objects {
            let Some(id) = object.id else { continue };
            if let Some(known) = self.there.get(&id) {
                object.edges = object.edges.or(known.edges);
                if object.class.is_none() {
                    object.class.clone_from(&known.class);
                    object.likelihood_milli = known.likelihood_milli;
                }
            }
            now.insert(id, object.clone());
        }
        frame.gone.retain(|id| !now.contains_key(id));
        for id in self.there.keys().filter(|id| !now.contains_key(id)) {
            if !frame.gone.contains(id) {
                frame.gone.push(*id);
            }
        }
        self.there = now;
    }
}
