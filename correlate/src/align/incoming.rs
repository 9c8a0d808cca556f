//! The order in which the events of a simulated lane come in: as they happened, or late and mixed.

use super::number::micros;
use super::simulate::{Dice, Recording};
use super::{Cue, TillEvent};

/// Both streams in the order in which they happened.
#[must_use]
pub fn order(recording: &Recording) -> Vec<Incoming> {
    mixed(recording, || 0)
}

/// The lane's events as they come in: both streams by the camera's clock, each up to four minutes late.
#[must_use]
pub fn arrival(recording: &Recording, seed: u64) -> Vec<Incoming> {
    let mut dice = Dice::new(seed ^ 0x5EED);
    mixed(recording, || micros(dice.between(0.0, 240.0)))
}

/// Both streams by the camera's clock and some delay of each event, in microseconds.
fn mixed(recording: &Recording, mut late_us: impl FnMut() -> i64) -> Vec<Incoming> {
    let mut all: Vec<(i64, Incoming)> = Vec::with_capacity(recording.till.len() + recording.cues.len());
    for event in &recording.till {
        all.push((event.at_us + recording.truth.offset_us(event.at_us) + late_us(), Incoming::Till(*event)));
    }
    for cue in &recording.cues {
        all.push((cue.at_us + late_us(), Incoming::Cue(*cue)));
    }
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, incoming)| incoming).collect()
}

/// Something that comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming {
    /// From the till.
    Till(TillEvent),
    /// From the camera.
    Cue(Cue),
}
