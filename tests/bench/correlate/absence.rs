//! Row `b4_absence`: nobody there is said by cameras that miss people, invent some, freeze, go out and are late, and by tills that are
//! late. Our own presence ([`ZonePresence`], as the analysis runs it) makes tiles of the looks, the engine judges them.
//!
//! Self-test: the looks are simulated, each by itself; a detector's real mistakes come in rows, which makes them harder.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_analytics::look::{Found, Look};
use tillsight_analytics::presence::{PresenceConfig, Stretch, ZonePresence};
use tillsight_analytics::tiles::{TileHead, Tiler};
use tillsight_correlate::engine::Settings;
use tillsight_correlate::rule::Rule;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::judgement::Outcome;
use tillsight_schemas::pos::PostedTransaction;
use tillsight_schemas::presence::{Blind, PresenceSource, PresenceState, PresenceTile};
use tillsight_schemas::topic;
use tillsight_schemas::zone::ZoneKind;
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::feed::{Dice, Feed, REGISTERS, arriving, in_order, zone};
use super::{part, rules};
use crate::sheet::{Bar, Row, Sheet};

const FEED: Feed = Feed { stores: 4, minutes: 300, tile: 5 };
/// Of a thousand looks at somebody, and at nobody.
const MISSED: i64 = 300;
const INVENTED: i64 = 20;
/// How much later some of the tiles come, and how long the tills of a store are offline.
const LATE: TimeDelta = TimeDelta::seconds(60);
const OFFLINE: TimeDelta = TimeDelta::minutes(20);
/// What the rules look at around a transaction, before its clock's bound.
const MARGIN: TimeDelta = TimeDelta::seconds(2);

/// A camera over the day.
struct Camera {
    tiles: Vec<PresenceTile>,
    /// When it froze, or was out.
    blind: Vec<(DateTime<Utc>, DateTime<Utc>)>,
}

/// How the judgements compare with what was so.
#[derive(Debug, Default)]
struct Counts {
    occupied: u32,
    false_absences: u32,
    healthy: u32,
    indeterminate: u32,
    /// What a plain loop over all tiles makes of them, and what the engine says of those.
    wanted: u32,
    found: u32,
    extra: u32,
}

pub(crate) fn absence(sheet: &mut Sheet, runtime: &Runtime) {
    let rules = ["refund_no_customer", "no_sale_no_customer", "nobody_at_till"].map(rules::library);
    let counts = count(runtime, &rules);
    let Counts { occupied, false_absences, healthy, indeterminate, wanted, found, extra } = counts;
    let what = "looks that miss 0.3 and invent 0.02, frozen pictures, outages, tiles 60 s late, a store offline";
    let mut row = |name, what: String, of: (u32, u32), times: f64, unit, bar, note| {
        let value = f64::from(of.0) * times / f64::from(of.1);
        sheet.row(&Row { name, what, samples: vec![value], value, unit, bar: Some(bar), note });
    };
    row(
        "b4_absence",
        format!("absences that were none; {what}"),
        (false_absences, occupied),
        1_000.0,
        "in 1000",
        Bar::AtMost(1.0),
        format!("{false_absences} of {occupied} anchors with somebody there; self-test"),
    );
    row(
        "b4_indeterminate",
        "indeterminate on healthy cameras".to_owned(),
        (indeterminate, healthy),
        100.0,
        "percent",
        Bar::AtMost(5.0),
        format!("{indeterminate} of {healthy} anchors whose camera was neither out nor frozen"),
    );
    row(
        "b4_recall",
        "of what a plain loop over all tiles finds, what the engine found".to_owned(),
        (found, wanted + extra),
        1.0,
        "",
        Bar::AtLeast(1.0),
        format!("{found} of {wanted}; {extra} besides"),
    );
}

fn count(runtime: &Runtime, rules: &[Rule]) -> Counts {
    let mut settings = FEED.zones();
    settings.extend(
        FEED.keys()
            .into_iter()
            .flat_map(|key| (1..=REGISTERS).map(move |register| (key.clone(), zone(register, ZoneKind::Cashier)))),
    );
    let (mut arrivals, mut cameras, mut posted) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    for (store, key) in (0..).zip(FEED.keys()) {
        for register in 1..=REGISTERS {
            for kind in [ZoneKind::Customer, ZoneKind::Cashier] {
                let camera = Camera::over(store, &key, register, kind);
                let late = if register.is_multiple_of(3) { LATE } else { TimeDelta::zero() };
                arrivals.extend(arriving(topic::CAM_PRESENCE, &camera.tiles, |tile| tile.end_at + late));
                cameras.insert((store, register.to_string(), kind), camera);
            }
        }
        let rung = FEED.posted(store);
        let offline = Feed::opens() + TimeDelta::minutes(90)..Feed::opens() + TimeDelta::minutes(90) + OFFLINE;
        let at = |one: &PostedTransaction| match offline.contains(&one.header.received_at) && store == 0 {
            true => offline.end,
            false => one.header.received_at,
        };
        arrivals.extend(arriving(topic::POS_TRANSACTION, &rung, at));
        posted.extend(rung.into_iter().map(|one| (one.header.event_id, (store, one))));
    }
    let records = in_order(arrivals);
    let judged = runtime.block_on(part::through_all(rules.to_vec(), Settings::new(settings), records, 2_000));
    let bounds = bounds(posted.values().map(|(_, one)| one));
    let mut counts = Counts::default();
    for one in &judged {
        let judgement = &one.judgement;
        let (store, anchor) = &posted[&judgement.anchor_event_id];
        let kind = if judgement.rule_id.as_str() == "nobody_at_till" { ZoneKind::Cashier } else { ZoneKind::Customer };
        let register: u32 = anchor.transaction.register_id.as_str().parse().unwrap();
        let camera = &cameras[&(*store, register.to_string(), kind)];
        counts.add(
            judgement.outcome,
            &Case::of(anchor, bounds[&judgement.anchor_event_id], camera, kind, *store, register),
        );
    }
    counts
}

/// What was so at an anchor.
struct Case {
    occupied: bool,
    healthy: bool,
    clear: bool,
}

impl Case {
    fn of(
        anchor: &PostedTransaction,
        bound: TimeDelta,
        camera: &Camera,
        kind: ZoneKind,
        store: u32,
        register: u32,
    ) -> Self {
        let (begin, end) = (anchor.header.begin_time.unwrap(), anchor.header.event_time);
        let (from, to) = (begin - MARGIN - bound, end + MARGIN + bound);
        let second = |at: DateTime<Utc>| usize::try_from((at - Feed::opens()).num_seconds()).unwrap();
        let truth = &truth(store, register, kind)[second(begin - MARGIN)..=second(end + MARGIN)];
        let occupied = truth.contains(&PresenceState::Present);
        let around = TimeDelta::seconds(10);
        let healthy = !camera.blind.iter().any(|(since, until)| *since < to + around && *until > from - around);
        Self { occupied, healthy, clear: clear(&camera.tiles, from, to) }
    }
}

impl Counts {
    fn add(&mut self, outcome: Outcome, case: &Case) {
        let fired = outcome == Outcome::Fired;
        self.occupied += u32::from(case.occupied);
        self.false_absences += u32::from(case.occupied && fired);
        self.healthy += u32::from(case.healthy);
        self.indeterminate += u32::from(case.healthy && outcome == Outcome::Indeterminate);
        self.wanted += u32::from(case.clear);
        self.found += u32::from(case.clear && fired);
        self.extra += u32::from(!case.clear && fired);
    }
}

/// Whether tiles say of all of a span that nobody was there.
fn clear(tiles: &[PresenceTile], from: DateTime<Utc>, to: DateTime<Utc>) -> bool {
    let (mut at, mut tiles) = (from, tiles.iter().filter(|tile| tile.start_at < to && tile.end_at > from));
    let whole = tiles.all(|tile| {
        let follows = tile.start_at <= at && tile.state == PresenceState::Absent;
        at = tile.end_at;
        follows
    });
    whole && at >= to
}

/// How far the clock of each transaction's register may be off, as the engine finds it when every record arrives 250 ms after it
/// was made (`correlate/src/engine/clock.rs`).
fn bounds<'a>(posted: impl Iterator<Item = &'a PostedTransaction>) -> BTreeMap<Uuid, TimeDelta> {
    let mut bounds = BTreeMap::new();
    let mut all: Vec<_> = posted.collect();
    all.sort_by_key(|one| one.header.event_time);
    let mut heard: BTreeMap<(String, String), u32> = BTreeMap::new();
    for one in all {
        let till = (one.transaction.store_id.to_string(), one.transaction.register_id.to_string());
        let nth = heard.entry(till).and_modify(|nth| *nth += 1).or_insert(1);
        let us = match nth {
            ..3 => 30_250_000,
            3..5 => 2_250_000,
            5..11 => 1_850_000,
            _ => 1_522_727,
        };
        bounds.insert(one.header.event_id, TimeDelta::microseconds(us));
    }
    bounds
}

/// Who is in a zone in each second: the cashier always but for a minute in ten.
fn truth(store: u32, register: u32, kind: ZoneKind) -> Vec<PresenceState> {
    let customers = FEED.truth(store, register);
    match kind {
        ZoneKind::Customer => customers,
        _ => (0..customers.len())
            .map(|second| if second % 600 < 60 { PresenceState::Absent } else { PresenceState::Present })
            .collect(),
    }
}

impl Camera {
    /// What the looks at a zone say, two a second.
    fn over(store: u32, key: &StoreKey, register: u32, kind: ZoneKind) -> Self {
        let zone = zone(register, kind);
        let salt = if kind == ZoneKind::Customer { 0 } else { 500 };
        let mut dice = Dice::new(u64::from(store) * 1_000 + u64::from(register) + salt + 77_000);
        let start = Feed::opens();
        let head = TileHead {
            store: key.clone(),
            camera: zone.camera.clone(),
            zone: zone.clone(),
            model: None,
            time_uncertainty_us: 40_000,
        };
        let mut presence = ZonePresence::new(zone.clone(), PresenceConfig::default(), start);
        let mut tiler = Tiler::new(head, 5);
        let (mut tiles, mut blind) = (Vec::new(), Vec::new());
        let mut keep = |presence: &mut ZonePresence, at| {
            let push = |stretch: Stretch| tiler.push(stretch, PresenceSource::Detector, at);
            tiles.extend(presence.take().into_iter().flat_map(push));
        };
        // Once in about half an hour it freezes, is out, or is out without saying so.
        let (mut next, mut why, mut until) = (start + TimeDelta::seconds(dice.between(300, 2_700)), None, start);
        for (second, state) in (0..).zip(truth(store, register, kind)) {
            for half in [250, 750] {
                let at = start + TimeDelta::milliseconds(second * 1_000 + half + dice.between(-100, 100));
                if at >= next {
                    why = [Some(Blind::Frozen), Some(Blind::NoSignal), None]
                        [usize::try_from(dice.between(0, 2)).unwrap()];
                    until = at + TimeDelta::seconds(dice.between(20, 180));
                    next = until + TimeDelta::seconds(dice.between(900, 2_700));
                    blind.push((at, until));
                }
                // A picture that is known to be frozen, and the customer zone's own, say nothing.
                if state == PresenceState::Unknown || at < until {
                    let why = if state == PresenceState::Unknown { Some(Blind::Frozen) } else { why };
                    if let Some(why) = why {
                        presence.blind(at, why);
                    }
                    if state == PresenceState::Unknown {
                        blind.push((at, at));
                    }
                } else {
                    let there = state == PresenceState::Present;
                    let found = dice.chance(if there { 1_000 - MISSED } else { INVENTED });
                    presence.look(&Look {
                        at,
                        run: None,
                        pts: None,
                        found: if found { vec![somebody()] } else { Vec::new() },
                        moving: Some(Vec::new()),
                        source: PresenceSource::Detector,
                    });
                }
                keep(&mut presence, at);
            }
        }
        Self { tiles, blind }
    }
}

/// A box in the middle of the zone, of a person that nobody follows.
fn somebody() -> Found {
    Found { track: None, label: "person".to_owned(), score: 0.9, left: 0.45, top: 0.3, right: 0.55, bottom: 0.5 }
}
