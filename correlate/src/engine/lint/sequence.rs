//! When a sequence of rows (`MATCH_RECOGNIZE`) is the same in every tick.
//!
//! Among the rows of one anchor it always is: they are bounded before it looks. Among the rows of a store it begins
//! somewhere by chance, and where one match ends the next begins; so matches must not depend on each other
//! (`AFTER MATCH SKIP TO NEXT ROW`), nor on rows before them (`PREV`). Then what begins at a row is found by the rows up to
//! `within` later, and all of these must be within the rule's reach of the anchor to which any row of the match is tied.

use std::collections::BTreeSet;

use super::fact::{Context, Fact, Scan};
use super::plan::{Node, Reader};
use crate::ops::SequenceMatch;

impl Reader<'_> {
    /// What is known about the columns of a sequence.
    ///
    /// # Errors
    /// In words, what is chance about it and what to write instead.
    pub(super) fn sequence(&mut self, sequence: &SequenceMatch) -> Result<Node, String> {
        let node = self.read(sequence.input())?;
        let schema = sequence.input().schema();
        let known = self.known();
        let context = Context { schema, facts: &node.facts, known: &known };
        if !sequence.order().any(|expr| self.is_last_word(context.of(expr))) {
            return Err(
                "MATCH_RECOGNIZE without a last word: two rows of the same time may come in any order, so let ORDER BY end \
                 in an event_id"
                    .to_owned(),
            );
        }
        let within = match context.of(sequence.within()) {
            Fact::Number((_, most)) if most != i64::MAX => most.max(0),
            _ => {
                return Err(
                    "`within` of MATCH_RECOGNIZE has no limit that is known: write an INTERVAL, a number, or a parameter \
                     of the rule times 1000000"
                        .to_owned(),
                );
            }
        };
        let by: Vec<Fact> = sequence.partition().iter().map(|expr| context.of(expr)).collect();
        let told: Vec<Fact> = sequence.measures().map(|expr| context.of(expr)).collect();
        let whole_anchors = self.together(&node.scans, &by, "matches").is_ok();
        if !whole_anchors {
            self.of_a_store(sequence, &node.scans, &by)?;
            for scan in &node.scans {
                if let Some(read) = self.reads.get_mut(*scan) {
                    read.spread = read.spread.saturating_add(within);
                }
            }
        }
        Ok(Node { facts: [by, told].concat(), scans: node.scans })
    }

    /// Whether what is found among the rows of a store does not depend on where they begin.
    fn of_a_store(&self, sequence: &SequenceMatch, scans: &BTreeSet<Scan>, by: &[Fact]) -> Result<(), String> {
        if scans.iter().any(|scan| self.is_anchor(*scan)) {
            return Err(
                "MATCH_RECOGNIZE looks at rows of several anchors together: PARTITION BY the event_id of the anchor"
                    .to_owned(),
            );
        }
        for scan in scans {
            let table = self.reads.get(*scan).map_or("", |read| read.table.as_str());
            let apart = by.contains(&Fact::Tenant(*scan)) && by.contains(&Fact::Store(*scan));
            match table {
                "pos" if !apart => {
                    return Err(
                        "MATCH_RECOGNIZE looks across stores: PARTITION BY tenant_id, store_id of `pos`, and what \
                                else tells its rows apart"
                            .to_owned(),
                    );
                }
                "presence" => {
                    return Err(
                        "MATCH_RECOGNIZE over `presence` must be about one anchor: PARTITION BY the event_id of the anchor"
                            .to_owned(),
                    );
                }
                _ => {}
            }
        }
        if !sequence.looks_ahead_only() {
            return Err(
                "which match comes first, and what stands before it, depends on where the rows of a tick begin: PARTITION BY \
                 the event_id of the anchor, or AFTER MATCH SKIP TO NEXT ROW without PREV and MATCH_NUMBER"
                    .to_owned(),
            );
        }
        Ok(())
    }
}
