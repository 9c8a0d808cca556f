//! [`Difference`]: a judgement that came out otherwise than before.

use std::collections::BTreeMap;

use tillsight_schemas::judgement::{Judgement, Outcome};
use uuid::Uuid;

use crate::engine::NO_MATCH;

/// A judgement that came out otherwise: live and now, or by one rule and by another version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What is judged now; `None`: it was judged before only.
    pub now: Option<Judgement>,
    /// What was judged before; `None`: it was not judged.
    pub before: Option<Judgement>,
}

impl Difference {
    /// What differs between two lists of last words. Where a rule has another major version, its judgements have other ids:
    /// all of them differ.
    pub fn between<'a>(
        before: impl Iterator<Item = &'a Judgement>,
        now: impl Iterator<Item = &'a Judgement>,
    ) -> Vec<Self> {
        let by_id = |judgement: &'a Judgement| (judgement.judgement_id, judgement);
        let before: BTreeMap<Uuid, &Judgement> = before.map(by_id).collect();
        let now: BTreeMap<Uuid, &Judgement> = now.map(by_id).collect();
        let changed = now.iter().filter_map(|(id, now)| {
            let known = before.get(id);
            let same = known.is_some_and(|known| (known.outcome, &known.why) == (now.outcome, &now.why));
            (!same).then(|| Self { now: Some((*now).clone()), before: known.map(|known| (*known).clone()) })
        });
        // Who said something once and has nothing to say any more, says the same as who never did.
        let nothing = |one: &Judgement| one.outcome == Outcome::Silent && one.why == NO_MATCH;
        let gone = before.iter().filter(|(id, one)| !now.contains_key(id) && !nothing(one));
        changed.chain(gone.map(|(_, before)| Self { now: None, before: Some((*before).clone()) })).collect()
    }

    /// What is judged now, or was before.
    pub fn judgement(&self) -> Option<&Judgement> {
        self.now.as_ref().or(self.before.as_ref())
    }

    /// Whether it fires now and did not before.
    pub fn is_gained(&self) -> bool {
        fires(self.now.as_ref()) && !fires(self.before.as_ref())
    }

    /// Whether it fired before and does not now.
    pub fn is_lost(&self) -> bool {
        fires(self.before.as_ref()) && !fires(self.now.as_ref())
    }
}

fn fires(judgement: Option<&Judgement>) -> bool {
    judgement.is_some_and(|judgement| judgement.outcome == Outcome::Fired)
}
