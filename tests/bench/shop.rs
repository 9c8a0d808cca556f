//! What there is to measure: days of the demo's stores, as the records that the intake accepts.

use chrono::{Days, NaiveDate};
use tillsight_datasets::journey::{self, Panel};
use tillsight_datasets::plan::StorePlan;
use tillsight_datasets::store_day::{Setup, simulate};
use tillsight_schemas::pos::PostedTransaction;
use tillsight_tests::outside::cache;

/// The day after the last that is simulated.
pub(crate) const TODAY: &str = "2026-11-22";

/// The real baskets.
pub(crate) fn panel() -> Panel {
    journey::load(&cache().join(journey::FOLDER)).expect("deploy/setup.sh bench fetches the panel")
}

/// The last days of a store, a list each, oldest first.
pub(crate) fn days(panel: &Panel, plan: &StorePlan, days: u64) -> Vec<Vec<PostedTransaction>> {
    let mut all: Vec<_> = (1..=days).rev().map(|ago| days_ago(panel, plan, ago)).collect();
    receive(all.iter_mut().flatten(), &mut 0);
    all
}

/// One of them.
pub(crate) fn days_ago(panel: &Panel, plan: &StorePlan, ago: u64) -> Vec<PostedTransaction> {
    let today: NaiveDate = TODAY.parse().unwrap();
    day(panel, plan, today - Days::new(ago), Setup::default())
}

/// Gives records the places, from `next` on, at which they were received: what is received at a place that was seen is a
/// repetition, and the lake leaves it out.
pub(crate) fn receive<'a>(posted: impl IntoIterator<Item = &'a mut PostedTransaction>, next: &mut i64) {
    for posted in posted {
        posted.header.landing_offset = *next;
        *next += 1;
    }
}

/// A day of a store; all its records say that they were received at the same place.
pub(crate) fn day(panel: &Panel, plan: &StorePlan, day: NaiveDate, setup: Setup) -> Vec<PostedTransaction> {
    let sample = include_str!("../../schemas/samples/v1/posted_transaction.json");
    let sample: PostedTransaction = serde_json::from_str(sample).unwrap();
    let rung = simulate(panel, plan, day, &setup).unwrap().rung;
    rung.into_iter()
        .map(|rung| {
            let mut posted = sample.clone();
            posted.header.event_id = rung.event_id;
            posted.header.tenant_id = plan.store.tenant.clone();
            posted.header.event_time = rung.true_time;
            posted.header.received_at = rung.true_time;
            posted.header.begin_time = rung.transaction.begin_time_raw.as_ref().map(|_| rung.true_begin);
            posted.header.tz = plan.store.tz.name().to_owned();
            posted.transaction = rung.transaction;
            posted.transaction.currency.get_or_insert(plan.store.currency);
            posted
        })
        .collect()
}
