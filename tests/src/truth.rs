//! What the engine makes of staged cases, held against their truth: rule by rule, what was injected, found and too many.
//!
//! Every rule of the library judges days of simulated stores with every family of cases. An alert is right where the truth names
//! its rule and its anchor; any other is too many, also one that an honest trade gave. The cameras of the watched registers see
//! both sides of the counter: customers as in [`week`](crate::week), and cashiers who stand at their till unless a case
//! says otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{NaiveDate, TimeDelta};
use serde_json::json;
use tillsight_correlate::engine::{Engine, MemoryStore, ScriptedLog, Settings};
use tillsight_correlate::rule::Rule;
use tillsight_datasets::history::History;
use tillsight_datasets::plan::StorePlan;
use tillsight_datasets::scenario;
use tillsight_datasets::store_day::{Rung, Setup};
use tillsight_datasets::truth::Zone as Seen;
use tillsight_schemas::clock::ReplayClock;
use tillsight_schemas::judgement::Outcome;
use tillsight_schemas::presence::{PresenceState, PresenceTile};
use tillsight_schemas::zone::{Zone, ZoneKind};

use crate::day::panel;
use crate::week::{arrivals, key, posted, tiles, watched};

/// What became of a rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Alerts that the truth wants.
    pub injected: u32,
    /// Those of them that were raised.
    pub found: u32,
    /// Alerts that the truth does not want.
    pub too_many: u32,
}

impl Tally {
    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            injected: self.injected + other.injected,
            found: self.found + other.found,
            too_many: self.too_many + other.too_many,
        }
    }
}

/// What became of all rules.
#[derive(Debug, Default)]
pub struct Weighed {
    /// By rule; rules that nothing was staged for and that raised nothing are there, too.
    pub rules: BTreeMap<String, Tally>,
    /// The near misses that were staged.
    pub near_misses: u32,
    /// Cases for which a day had no room.
    pub unplaced: usize,
    /// What was missed and what is too many, a line each.
    pub wrong: Vec<String>,
}

/// Every rule of the library over days of stores with every family of cases.
pub fn weigh(mut plans: Vec<StorePlan>, days: (NaiveDate, NaiveDate), setup: Setup) -> Weighed {
    // What did not reach the safe can be told only where the rest is booked there.
    plans.iter_mut().for_each(|plan| plan.rates.safe_drop = tillsight_datasets::dice::WHOLE);
    let mut history = History::new(panel(), &plans, days, setup).unwrap().staging(scenario::library());
    let rung: Vec<Rung> = history.by_ref().map(Result::unwrap).collect();
    let truth = history.truth();
    let fired = fired(&plans, &rung);
    let wanted: BTreeMap<_, _> = truth
        .expected()
        .map(|item| ((item.expected_rule.clone().unwrap(), item.anchor_event_id.to_string()), item))
        .collect();

    let shelf = Rule::shelf().unwrap();
    let rules = shelf.iter().map(|rule| (rule.header.id.to_string(), Tally::default())).collect();
    let near_misses = truth.items.iter().filter(|item| item.expected_rule.is_none()).count();
    let mut weighed = Weighed {
        rules,
        near_misses: u32::try_from(near_misses).unwrap(),
        unplaced: history.unplaced(),
        wrong: Vec::new(),
    };
    for (alert, item) in &wanted {
        let tally = weighed.rules.entry(alert.0.clone()).or_default();
        tally.injected += 1;
        if fired.contains(alert) {
            tally.found += 1;
        } else {
            let (case, at) = (&item.case, item.true_time);
            weighed.wrong.push(format!("missed {} of {case}, store {} at {at}", alert.0, item.store_id));
        }
    }
    for alert in fired.iter().filter(|alert| !wanted.contains_key(*alert)) {
        weighed.rules.entry(alert.0.clone()).or_default().too_many += 1;
        let about = rung.iter().find(|rung| rung.event_id.to_string() == alert.1).unwrap();
        let staged = truth.items.iter().find(|item| item.event_ids.contains(&about.event_id));
        let staged = staged.map_or("honest trade", |item| item.case.as_str());
        let record = serde_json::to_string(&about.transaction).unwrap();
        weighed.wrong.push(format!("too many: {} of {staged} at {}: {record}", alert.0, about.true_time));
    }
    weighed
}

/// What the engine fires on: rule and anchor.
fn fired(plans: &[StorePlan], rung: &[Rung]) -> BTreeSet<(String, String)> {
    let posted: Vec<_> = rung.iter().map(|rung| posted(plans, rung)).collect();
    let mut seen = tiles(plans, rung);
    seen.extend(cashiers(plans, rung));
    seen.sort_by_key(|tile| tile.end_at);
    let records = arrivals(&posted, &seen);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let judged = runtime.block_on(async {
        let clock = ReplayClock::at(records[0].logged_at);
        let log = ScriptedLog::new(records, 2_000, clock.clone());
        let store = MemoryStore::default();
        let (kept, time) = (Arc::new(store.clone()), Arc::new(clock.clone()));
        let rules = Rule::shelf().unwrap();
        let mut engine = Engine::open(both_sides(plans), rules, Box::new(log.clone()), kept, time).await.unwrap();
        while !log.is_finished() {
            engine.step(Duration::ZERO).await.unwrap();
        }
        clock.advance(TimeDelta::minutes(5));
        engine.step(Duration::ZERO).await.unwrap();
        store.judged()
    });
    let fired = judged.iter().map(|one| &one.judgement).filter(|one| one.outcome == Outcome::Fired);
    fired.map(|one| (one.rule_id.to_string(), one.anchor_event_id.to_string())).collect()
}

/// A zone on either side of the counter of every register that a camera watches.
fn both_sides(plans: &[StorePlan]) -> Settings {
    let zones = watched(plans).flat_map(|(plan, register)| {
        [("zone", "customer"), ("cashier", "cashier")].map(|(name, kind)| {
            let zone = json!({
                "id": format!("{name}-{register}"), "camera": format!("camera-{register}"), "kind": kind,
                "register": register, "polygon": [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8]],
            });
            (key(plan), serde_json::from_value::<Zone>(zone).unwrap())
        })
    });
    Settings::new(zones.collect())
}

/// What the cameras see of cashiers: [`tiles`] of the other way round, because a till is empty only where a case says so.
fn cashiers(plans: &[StorePlan], rung: &[Rung]) -> Vec<PresenceTile> {
    let turned: Vec<Rung> = rung
        .iter()
        .map(|rung| {
            let mut turned = rung.clone();
            turned.presence.clone_from(&rung.cashier);
            turned.presence.retain(|seen| seen.zone != Seen::Occupied);
            for seen in turned.presence.iter_mut().filter(|seen| seen.zone == Seen::Empty) {
                seen.zone = Seen::Occupied;
            }
            turned
        })
        .collect();
    let mut tiles = tiles(plans, &turned);
    for tile in &mut tiles {
        tile.state = match tile.state {
            PresenceState::Present => PresenceState::Absent,
            PresenceState::Absent => PresenceState::Present,
            PresenceState::Unknown => PresenceState::Unknown,
        };
        tile.zone_kind = ZoneKind::Cashier;
        tile.zone_id = tile.zone_id.as_str().replace("zone", "cashier").parse().unwrap();
    }
    tiles
}
