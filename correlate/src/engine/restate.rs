//! What a new statement about a clock changes: anchors that it places otherwise are judged again. That is so for what customers
//! state, and for what a late record states about an earlier time.
//!
//! Customers' statements come a quarter of an hour after the time that they are about, and their first one is about hours
//! that are over. Judging again makes up for that, as for tiles that come late: see [`super::clock`].

use tillsight_schemas::clock_offset::ClockMethod;
use tillsight_schemas::id::{RegisterId, StoreKey};
use tillsight_schemas::metric;

use super::clock::RegisterClock;
use super::pairs::Stated;
use super::{Engine, clock};

/// So many registers are judged while records wait; the rest in the next step. One takes some milliseconds, and all of them
/// become complete in the same minute.
const AT_ONCE: usize = 4;

impl Engine {
    /// Compares the clocks of which enough was seen: of all registers when nothing else is to be done.
    pub(super) fn compare_clocks(&mut self, idle: bool) {
        // What is read again is not complete before all of it is.
        if self.bookmarks.is_behind() {
            return;
        }
        let stated = self.pairs.judge(if idle { usize::MAX } else { AT_ONCE });
        if stated.is_empty() {
            return;
        }
        for one in &stated {
            self.restated(one);
        }
        self.count_clocks();
    }

    /// Takes in what customers state of a register's clock.
    fn restated(&mut self, stated: &Stated) {
        let Stated { store, register, statements } = stated;
        let Some(from_us) = statements.iter().map(|statement| statement.valid_from_us).min() else { return };
        let clock = self.clocks.entry(clock::named(store, register)).or_default();
        let before = clock.clone();
        for statement in statements {
            let told = clock.state_seen(statement);
            self.stated.extend(told.iter().filter_map(|version| version.record(store, register)));
        }
        self.place_anew(store, register, from_us, &before);
    }

    /// Has the anchors of a register judged again, from an instant on, that its clock places otherwise than before.
    pub(super) fn place_anew(&mut self, store: &StoreKey, register: &RegisterId, from_us: i64, before: &RegisterClock) {
        let Some(memory) = self.memories.get(store) else { return };
        let Some(clock) = self.clocks.get(&clock::named(store, register)) else { return };
        for event in memory.events(from_us, i64::MAX) {
            let posted = &event.posted;
            if posted.transaction.register_id != *register || before.align(posted).same(&clock.align(posted)) {
                continue;
            }
            for (number, rule) in self.rules.iter().enumerate() {
                let header = &rule.rule.header;
                if header.anchor.contains(&posted.transaction.kind) && memory.remembers(posted, header.lookback_seconds)
                {
                    self.agenda.touched((number, posted.header.event_id), store);
                }
            }
        }
    }

    /// Says how the clocks of all registers are known whose customers are seen.
    fn count_clocks(&self) {
        let known = self.pairs.registers().map(|(store, register)| {
            let clock = self.clocks.get(&clock::named(store, register));
            clock.map_or(ClockMethod::Unsynchronised, |clock| clock.newest().method)
        });
        let known: Vec<ClockMethod> = known.collect();
        for method in ClockMethod::ALL {
            let count = known.iter().filter(|known| *known == method).count();
            let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
            metrics::gauge!(metric::REGISTER_CLOCKS, "method" => method.as_str()).set(count);
        }
    }
}

#[cfg(test)]
#[path = "restate_tests.rs"]
mod tests;
