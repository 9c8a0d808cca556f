//! Sale after sale given up: the cashier lets goods out and cancels what was rung.

use super::{Case, Place, Staged};
use crate::Result;
use crate::store_day::ring::Ringer;

const BASE: Case = Case {
    scenario: "cancel_burst",
    name: "cancel_burst",
    fires: true,
    why: "Six sales are cancelled by one operator within 25 minutes; the sixth is one more than five in 30 minutes.",
    about_presence: false,
    also: &[],
    place: Place::Anywhere,
    quiet_seconds: 2_000,
    stage: |ringer| cancels(ringer, 6, 280),
};

pub(super) const CASES: &[Case] = &[
    BASE,
    Case {
        name: "five_cancels",
        fires: false,
        why: "Five sales are cancelled by one operator within 25 minutes; it takes six.",
        stage: |ringer| cancels(ringer, 5, 320),
        ..BASE
    },
    Case {
        name: "six_cancels_in_40_minutes",
        fires: false,
        why: "Six sales are cancelled, but over 40 minutes: never more than five within 30.",
        stage: |ringer| cancels(ringer, 6, 480),
        ..BASE
    },
    Case {
        name: "six_cancels_in_training",
        fires: false,
        why: "Six sales are cancelled within 25 minutes in training mode.",
        stage: |ringer| {
            let mut staged = cancels(ringer, 6, 280)?;
            staged.events.iter_mut().for_each(|draft| draft.body.training = true);
            Ok(staged)
        },
        ..BASE
    },
];

/// So many cancels, each completed so many seconds after the one before.
fn cancels(ringer: &mut Ringer<'_>, count: i64, apart: i64) -> Result<Staged> {
    let events = (0..count).map(|n| {
        let basket = ringer.find("a small basket", |lines| (2..=12).contains(&lines.len()))?;
        let mut cancel = ringer.cancel(&basket)?;
        cancel.shift(n * apart - cancel.end);
        Ok(cancel)
    });
    Staged::ending(events.collect::<Result<_>>()?)
}
