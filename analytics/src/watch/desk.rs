//! [`Desk`]: the task of one camera that keeps its zones: looks come in, tiles go out, also while the camera is dead.
//!
//! What no look has said a while after it should have is `unknown` by the clock, so a zone's watermark never stands still.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::clock::SharedClock;
use tillsight_schemas::detection::{DetectionBox, DetectionFrame};
use tillsight_schemas::metric;
use tillsight_schemas::presence::{Blind, PresenceSource, PresenceState};
use tillsight_schemas::zone::Zone;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{CameraPlan, Seen, Signs, Statement, WatchConfig, labels};
use crate::fuse::Fusion;
use crate::look::{Found, Look};
use crate::model::Model;
use crate::presence::{PresenceConfig, ZonePresence};
use crate::tiles::{TileHead, Tiler};
use crate::track::Tracker;

/// How often the clock is asked.
const TICK: Duration = Duration::from_millis(200);
/// The least time between two published sets of boxes.
const BOXES_EVERY: TimeDelta = TimeDelta::milliseconds(500);
/// A camera that has sent no frame for so long has no signal.
const SILENCE: TimeDelta = TimeDelta::milliseconds(1_500);
/// How long an analysis may be beginning.
const BEGINNING: TimeDelta = TimeDelta::seconds(5);

/// One zone with all that looks at it.
struct Watched {
    zone: Zone,
    sources: Vec<(PresenceSource, ZonePresence)>,
    fusion: Fusion,
    tiler: Tiler,
}

pub(super) struct Desk {
    plan: CameraPlan,
    zones: Vec<Watched>,
    tracker: Tracker,
    clock: SharedClock,
    signs: Arc<Signs>,
    model: String,
    begun: DateTime<Utc>,
    length: TimeDelta,
    grace: TimeDelta,
    run: i64,
    before: Vec<Found>,
    boxes_at: DateTime<Utc>,
}

impl Desk {
    pub(super) fn new(
        plan: &CameraPlan,
        config: &WatchConfig,
        model: Option<&Model>,
        clock: &SharedClock,
        signs: Arc<Signs>,
    ) -> Self {
        let begun = clock.now();
        let sure = model.map_or(config.presence.sure, |model| model.sure);
        let presence = PresenceConfig { sure, ..config.presence.clone() };
        let mut sources = Vec::new();
        if plan.detector {
            sources.push(PresenceSource::Detector);
        }
        if plan.own {
            sources.push(PresenceSource::Camera);
        }
        let watched = |zone: &Zone| Watched {
            zone: zone.clone(),
            sources: sources
                .iter()
                .map(|source| (*source, ZonePresence::new(zone.clone(), presence.clone(), begun)))
                .collect(),
            fusion: Fusion::new(&sources, begun),
            tiler: Tiler::new(
                TileHead {
                    store: plan.store.clone(),
                    camera: plan.camera.clone(),
                    zone: zone.clone(),
                    model: model.filter(|_| plan.detector).map(Model::name),
                    time_uncertainty_us: plan.time_uncertainty_us,
                },
                config.tile_seconds,
            ),
        };
        Self {
            zones: plan.zones.iter().map(watched).collect(),
            plan: plan.clone(),
            tracker: Tracker::new(sure, config.presence.memory),
            clock: Arc::clone(clock),
            signs,
            model: model.map(Model::name).unwrap_or_default(),
            begun,
            length: TimeDelta::seconds(config.tile_seconds.max(1)),
            // What a camera says by itself has gone through Kafka, and its next statement ends it.
            grace: if plan.own { config.presence.max_gap + TimeDelta::milliseconds(1_500) } else { config.grace() },
            run: 0,
            before: Vec::new(),
            boxes_at: DateTime::<Utc>::MIN_UTC,
        }
    }

    /// Keeps the zones until it is stopped.
    pub(super) async fn run(
        mut self,
        mut seen: mpsc::Receiver<Seen>,
        statements: mpsc::Sender<Statement>,
        stop: CancellationToken,
    ) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let mut said = Vec::new();
            tokio::select! {
                () = stop.cancelled() => return,
                Some(seen) = seen.recv() => said.extend(self.see(seen)),
                _ = ticks.tick() => self.tick(),
            }
            said.extend(self.tiles());
            for statement in said {
                // A tile may not be lost: whoever publishes is waited for.
                tokio::select! {
                    () = stop.cancelled() => return,
                    sent = statements.send(statement) => if sent.is_err() { return },
                }
            }
        }
    }

    fn see(&mut self, seen: Seen) -> Option<Statement> {
        match seen {
            Seen::Blind { at, why } => {
                self.each(PresenceSource::Detector, |_, presence| presence.blind(at, why));
                None
            }
            Seen::Own(look) => {
                let mut late = false;
                self.each(look.source, |_, presence| late |= !presence.look(&look));
                self.count_late(late);
                None
            }
            Seen::Looked { at, run, pts, mut found, moved } => {
                if run != self.run {
                    self.run = run;
                    self.tracker.reset();
                    self.before.clear();
                }
                self.tracker.follow(at, &mut found);
                // Motion is explained by who is there now and who was there at the last look.
                let people: Vec<Found> = found.iter().chain(&self.before).cloned().collect();
                let moving = moved.map(|moved| {
                    let zones = self.zones.iter().map(|watched| &watched.zone);
                    zones.filter(|zone| moved.unexplained_in(zone, &people)).map(|zone| zone.id.clone()).collect()
                });
                self.before.clone_from(&found);
                let look = Look { at, run: Some(run), pts: Some(pts), found, moving, source: PresenceSource::Detector };
                let mut late = false;
                self.each(PresenceSource::Detector, |_, presence| late |= !presence.look(&look));
                self.count_late(late);
                let due = at - self.boxes_at >= BOXES_EVERY || self.boxes_at > at;
                due.then(|| {
                    self.boxes_at = at;
                    Statement::Detection(self.boxes(&look, run, pts))
                })
            }
        }
    }

    fn count_late(&self, late: bool) {
        if late {
            metrics::counter!(metric::VISION_SHED, &labels(&self.plan)).increment(1);
        }
    }

    fn each(&mut self, source: PresenceSource, mut each: impl FnMut(&Zone, &mut ZonePresence)) {
        for watched in &mut self.zones {
            for (name, presence) in &mut watched.sources {
                if *name == source {
                    each(&watched.zone, presence);
                }
            }
        }
    }

    fn boxes(&self, look: &Look, run: i64, pts: i64) -> DetectionFrame {
        #[expect(clippy::cast_possible_truncation, reason = "fractions and scores are 0 to 1")]
        let parts = |fraction: f32, whole: f32| (fraction.clamp(0.0, 1.0) * whole).round() as i32;
        let boxes = look.found.iter().map(|found| DetectionBox {
            track_id: found.track,
            label: found.label.clone(),
            score_milli: parts(found.score, 1_000.0),
            left: parts(found.left, 10_000.0),
            top: parts(found.top, 10_000.0),
            right: parts(found.right, 10_000.0),
            bottom: parts(found.bottom, 10_000.0),
        });
        DetectionFrame {
            tenant_id: self.plan.store.tenant.clone(),
            store_id: self.plan.store.store.clone(),
            camera_id: self.plan.camera.clone(),
            at: look.at,
            run,
            pts,
            model: self.model.clone(),
            boxes: boxes.collect(),
        }
    }

    /// What should have been said by now and was not, cannot be told.
    fn tick(&mut self) {
        let now = self.clock.now();
        let why = self.trouble(now);
        let length_us = self.length.num_microseconds().unwrap_or(1_000_000);
        let late = (now - self.grace).timestamp_micros();
        let Some(boundary) = DateTime::from_timestamp_micros(late - late.rem_euclid(length_us)) else { return };
        for watched in &mut self.zones {
            for (_, presence) in &mut watched.sources {
                presence.blind(boundary, why);
            }
        }
    }

    fn trouble(&self, now: DateTime<Utc>) -> Blind {
        let frame_us = self.signs.frame_us.load(Ordering::Relaxed);
        let silent = now.timestamp_micros() - frame_us > SILENCE.num_microseconds().unwrap_or(i64::MAX);
        if now - self.begun < BEGINNING {
            Blind::Starting
        } else if silent {
            Blind::NoSignal
        } else if self.signs.undecodable.load(Ordering::Relaxed) {
            Blind::Undecodable
        } else {
            Blind::Shed
        }
    }

    fn tiles(&mut self) -> Vec<Statement> {
        let now = self.clock.now();
        let mut statements = Vec::new();
        for watched in &mut self.zones {
            for (source, presence) in &mut watched.sources {
                watched.fusion.push(*source, presence.take());
            }
            for (stretch, source) in watched.fusion.take() {
                let tiles = watched.tiler.push(stretch, source, now);
                if let Some(tile) = tiles.last() {
                    let value = match tile.state {
                        PresenceState::Present => 1.0,
                        PresenceState::Absent => 0.0,
                        PresenceState::Unknown => -1.0,
                    };
                    let labels =
                        [("store", tile.store_id.as_str().to_owned()), ("zone", tile.zone_id.as_str().to_owned())];
                    metrics::gauge!(metric::PRESENCE_STATE, &labels).set(value);
                }
                statements.extend(tiles.into_iter().map(Statement::Tile));
            }
        }
        statements
    }
}
