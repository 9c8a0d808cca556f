//! [`look`]: gathers what is known of each store, has each rule judged, and keeps what is otherwise than before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_correlate::rule::Adjustments;
use tillsight_schemas::id::{RegisterId, RuleId, StoreKey};
use tillsight_schemas::metric;
use tillsight_schemas::presence::Blind;
use tillsight_schemas::zone::Zone;

use super::cell::{Dark, Shop, Till, Watched, judge, said};
use super::unknown::{QUIET, changes};
use super::{Found, Kept, Lately, SightReason, SightState, Sights, Unknown};
use crate::db::{Db, DbError, What, Without};
use crate::feed::Hearing;
use crate::http::Shared;

/// A register without a record for so long does not count.
const HEARD: TimeDelta = TimeDelta::days(1);
/// How far back what rules said counts.
const LATELY: TimeDelta = TimeDelta::hours(1);
/// Nothing is said of a zone for so long: nobody looks.
const SILENT: TimeDelta = TimeDelta::seconds(20);
/// How long nothing may be said of a zone after the start of this process.
const STARTING: TimeDelta = TimeDelta::seconds(30);

/// Looks once. While what the tills sent of late is still being read, and until the zones have been spoken of, what was found
/// before this start stands.
///
/// # Errors
/// [`DbError`].
pub(crate) async fn look(shared: &Shared) -> Result<(), DbError> {
    let (board, now) = (&shared.matrix.0, shared.clock.now());
    let begun = board.read().unwrap_or_else(PoisonError::into_inner).began_at;
    if begun.is_none() {
        let sights = shared.db.sights().await?;
        let mut found = board.write().unwrap_or_else(PoisonError::into_inner);
        (found.began_at, found.sights) = (Some(now), sights);
    }
    if !shared.feeds.is_complete() {
        return Ok(());
    }
    let (began_at, before, first) = {
        let found = board.read().unwrap_or_else(PoisonError::into_inner);
        (found.began_at.unwrap_or(now), found.sights.clone(), found.looked_at.is_none())
    };
    if first && !before.is_empty() && now - began_at < STARTING {
        return Ok(());
    }
    let adjusted = Adjustments::new(shared.db.adjusted().await?);
    let mut heard = heard(shared, now);
    let (mut sights, mut unknown) = (Sights::new(), BTreeSet::new());
    let named = named(shared).await?;
    for store in shared.shops.iter() {
        let key = store.key();
        let shop = shop(shared, &key, heard.remove(&key).unwrap_or_default(), (began_at, now));
        unknown.extend(strangers(shared, &key, &shop, &named).into_iter().map(|register| (key.clone(), register)));
        for rule in shared.rules.iter() {
            let header = &rule.header;
            let cell = judge(header, &shop, adjusted.is_off(header, &key, now));
            let trial = adjusted.is_shadow(header, &key, now);
            let place = (key.clone(), header.id.clone());
            let since = before.get(&place).filter(|kept| kept.state == cell.state).map_or(now, |kept| kept.since);
            sights.insert(place, Kept { state: cell.state, since, trial, reasons: cell.reasons });
        }
    }
    keep(&shared.db, &before, &sights).await?;
    let lately = lately(&shared.db, now).await?;
    count(shared, &sights, &lately);
    let open = shared.db.unknown_registers().await?;
    let news = shared.db.note_unknown(&changes(&open, &unknown, now), now, QUIET).await?;
    tell_operators(&news);
    let unknown = shared.db.unknown_registers().await?;
    let mut found = board.write().unwrap_or_else(PoisonError::into_inner);
    *found = Found { began_at: Some(began_at), looked_at: Some(now), sights, lately, unknown };
    Ok(())
}

/// What was heard of each store's registers in the last week.
fn heard(shared: &Shared, now: DateTime<Utc>) -> BTreeMap<StoreKey, Vec<Hearing>> {
    let mut heard: BTreeMap<StoreKey, Vec<Hearing>> = BTreeMap::new();
    for permits in shared.permits.iter() {
        for hearing in shared.feeds.hearings(&permits.integrator, now) {
            heard.entry(StoreKey::new(permits.tenant.clone(), hearing.store.clone())).or_default().push(hearing);
        }
    }
    heard
}

/// What is known of a store.
fn shop(shared: &Shared, key: &StoreKey, heard: Vec<Hearing>, (began_at, now): (DateTime<Utc>, DateTime<Utc>)) -> Shop {
    let mut shop = Shop {
        cameras: shared.cameras.of_store(key).next().is_some(),
        heard_at: heard.iter().map(|hearing| hearing.heard_at).max(),
        tills: BTreeMap::new(),
    };
    for hearing in heard.into_iter().filter(|hearing| now - hearing.heard_at < HEARD) {
        let till: &mut Till = shop.tills.entry(hearing.register).or_default();
        till.lacks.extend(hearing.lacks);
    }
    for zone in shared.cameras.zones(key) {
        if let Some(till) = zone.register.as_ref().and_then(|register| shop.tills.get_mut(register)) {
            till.zones.push(Watched {
                kind: zone.kind,
                camera: shared.cameras.name(key, &zone.camera),
                dark: dark(shared, key, zone, (began_at, now)),
            });
        }
    }
    shop
}

/// Why nothing is seen in a zone. A moment in which it cannot be told is part of every day.
fn dark(shared: &Shared, key: &StoreKey, zone: &Zone, (began_at, now): (DateTime<Utc>, DateTime<Utc>)) -> Option<Dark> {
    // What another camera said, before the zone was moved, says nothing.
    let Some(now_said) = shared.known.zone(key, &zone.id).filter(|known| known.camera == zone.camera) else {
        return (now - began_at >= STARTING).then_some(Dark { why: None, since: None });
    };
    if now - now_said.seen_at >= SILENT {
        return Some(Dark { why: None, since: Some(now_said.seen_at) });
    }
    let since = now_said.unknown_since?;
    (now - since >= patience(now_said.blind)).then_some(Dark { why: now_said.blind, since: Some(since) })
}

/// How long it may not be told what is in a zone.
fn patience(why: Option<Blind>) -> TimeDelta {
    match why {
        Some(Blind::Lost | Blind::Motion) => TimeDelta::minutes(5),
        Some(Blind::Starting) => STARTING,
        _ => TimeDelta::seconds(10),
    }
}

/// The registers that somebody named, by store.
async fn named(shared: &Shared) -> Result<BTreeSet<(String, String, String)>, DbError> {
    let tenants: BTreeSet<_> = shared.shops.iter().map(|store| &store.tenant).collect();
    let mut named = BTreeSet::new();
    for tenant in tenants {
        let held = shared.db.held(What::Register, tenant).await?;
        named.extend(held.into_iter().map(|version| (tenant.to_string(), version.key.store, version.key.id)));
    }
    Ok(named)
}

/// The registers of a store that no zone and no name knows. Where no zone belongs to any register, nobody maps them.
fn strangers(
    shared: &Shared,
    key: &StoreKey,
    shop: &Shop,
    named: &BTreeSet<(String, String, String)>,
) -> Vec<RegisterId> {
    let drawn: BTreeSet<&RegisterId> = shared.cameras.zones(key).filter_map(|zone| zone.register.as_ref()).collect();
    if drawn.is_empty() {
        return Vec::new();
    }
    let name = |register: &RegisterId| (key.tenant.to_string(), key.store.to_string(), register.to_string());
    let strangers = shop.tills.keys().filter(|register| !drawn.contains(register) && !named.contains(&name(register)));
    strangers.cloned().collect()
}

/// Keeps what is otherwise than before.
async fn keep(db: &Db, before: &Sights, sights: &Sights) -> Result<(), DbError> {
    let is_new = |(place, kept): &(&(StoreKey, RuleId), &Kept)| before.get(*place) != Some(*kept);
    let changed: Sights = sights.iter().filter(is_new).map(|(place, kept)| (place.clone(), kept.clone())).collect();
    let gone: Vec<(StoreKey, RuleId)> = before.keys().filter(|place| !sights.contains_key(*place)).cloned().collect();
    for ((store, rule), kept) in &changed {
        let was = before.get(&(store.clone(), rule.clone())).map(|kept| kept.state);
        if was != Some(kept.state) && (was.is_some() || kept.state != SightState::Live) {
            let why = kept.reasons.first().map_or("", |reason| reason.words.as_str());
            tracing::info!(%store, %rule, state = %kept.state, why, "a rule sees otherwise than before");
        }
    }
    if changed.is_empty() && gone.is_empty() { Ok(()) } else { db.keep_sights(&changed, &gone).await }
}

/// What rules said in the last hour that is seen nowhere else: that they fail, or a reason of a shop's own rule.
///
/// # Errors
/// [`DbError`].
pub(crate) async fn lately(db: &Db, now: DateTime<Utc>) -> Result<Lately, DbError> {
    let from = now - LATELY;
    let mut lately = Lately::new();
    for (store, rule, why, since) in db.blind_lately(from).await? {
        let is_seen = ["no_camera", "no_presence", "too_long"].contains(&why.as_str())
            || why.starts_with("camera_")
            || why.starts_with("missing_");
        if is_seen {
            continue;
        }
        let span = from.timestamp_micros()..i64::MAX;
        let outcomes = db.outcomes(&store.tenant, &store.store, span, &Without::default()).await?;
        let decided = outcomes.iter().any(|(of, outcome, _, _)| of == rule.as_str() && outcome != "indeterminate");
        lately.entry((store, rule)).or_default().push((said(&why, since), !decided));
    }
    Ok(lately)
}

/// How a rule sees with what it said of late.
pub(crate) fn laid_over(kept: &Kept, said: &[(SightReason, bool)]) -> Kept {
    let mut all = kept.clone();
    if kept.state == SightState::Off {
        return all;
    }
    let worst = if said.iter().any(|(_, blind)| *blind) { SightState::Blind } else { SightState::Degraded };
    if worst > kept.state {
        all.state = worst;
        all.since = said.iter().filter_map(|(reason, _)| reason.since).min().unwrap_or(kept.since);
    }
    all.reasons.splice(0..0, said.iter().map(|(reason, _)| reason.clone()));
    all
}

/// Tells the metrics in how many stores each rule sees how.
fn count(shared: &Shared, sights: &Sights, lately: &Lately) {
    let mut counts: BTreeMap<(&RuleId, SightState), u32> = BTreeMap::new();
    for rule in shared.rules.iter() {
        counts.extend(SightState::ALL.iter().map(|state| ((&rule.header.id, *state), 0)));
    }
    for (place, kept) in sights {
        let state = lately.get(place).map_or(kept.state, |said| laid_over(kept, said).state);
        *counts.entry((&place.1, state)).or_default() += 1;
    }
    for ((rule, state), stores) in counts {
        let (rule, state) = (rule.to_string(), state.as_str());
        metrics::gauge!(metric::RULE_COVERAGE, "rule" => rule, "state" => state).set(stores);
    }
}

/// Tells the log and the metrics of registers that nobody knows.
fn tell_operators(news: &[Unknown]) {
    for Unknown { store, register, .. } in news {
        metrics::counter!(metric::UNKNOWN_REGISTERS, "store" => store.to_string()).increment(1);
        tracing::warn!(
            %store,
            %register,
            "a register sends records, and no zone and no name knows it: set it up, or spell the zone's register as the till does"
        );
    }
}
