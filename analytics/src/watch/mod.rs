//! [`Analysis`]: coded pictures in, presence tiles and boxes out.
//!
//! Each camera has a thread that decodes ([`eye`]) and a task that keeps its zones ([`desk`]); the detectors are
//! shared. Queues: frames of a camera (depth 64; when it is full the frames up to the next key frame are left out and
//! counted as shed), one waiting picture a camera ([`Budget`]), what was seen (depth 64; more is counted as shed) and
//! statements (as deep as their receiver makes it; it is waited for, since a tile may not be lost).

mod desk;
mod eye;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::clock::SharedClock;
use tillsight_schemas::detection::DetectionFrame;
use tillsight_schemas::error::chain;
use tillsight_schemas::id::{CameraId, StoreKey};
use tillsight_schemas::metric;
use tillsight_schemas::presence::{Blind, PresenceTile, TILE_SECONDS};
use tillsight_schemas::zone::Zone;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::desk::Desk;
use self::eye::Eye;
use crate::budget::Budget;
use crate::detect::{Detector, surroundings};
use crate::look::{Found, Look};
use crate::motion::Moved;
use crate::picture::Picture;
use crate::presence::PresenceConfig;

/// Frames of a camera that may wait to be decoded.
const FRAMES: usize = 64;
/// What was seen and waits for its camera's task.
const SEEN: usize = 64;

/// A coded picture.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The run of the stream.
    pub run: i64,
    /// Media time in the run, in 1/90000 s.
    pub pts: i64,
    /// When it was taken, by the time map.
    pub at: DateTime<Utc>,
    /// Whether decoding can begin here.
    pub key: bool,
    /// H.264 with start codes, parameter sets before a key frame.
    pub data: Vec<u8>,
}

/// What is said.
#[derive(Debug, Clone)]
pub enum Statement {
    /// A zone over some seconds.
    Tile(PresenceTile),
    /// What was recognised in a picture.
    Detection(DetectionFrame),
}

/// A camera to be watched.
#[derive(Debug, Clone)]
pub struct CameraPlan {
    /// The shop.
    pub store: StoreKey,
    /// The camera.
    pub camera: CameraId,
    /// Its zones.
    pub zones: Vec<Zone>,
    /// Whether our detector looks.
    pub detector: bool,
    /// Whether the camera's own analytics look ([`Feed::look`]).
    pub own: bool,
    /// Bound of the error of the times, in microseconds.
    pub time_uncertainty_us: i64,
}

/// How to watch.
#[derive(Debug, Clone)]
pub struct WatchConfig {
    /// Looks a second at each camera.
    pub looks_per_second: f32,
    /// Whether only key frames are decoded; looks are as rare as those then.
    pub key_frames_only: bool,
    /// The longest tile, in seconds: 1 or 5.
    pub tile_seconds: i64,
    /// When presence is believed.
    pub presence: PresenceConfig,
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self {
            looks_per_second: 4.0,
            key_frames_only: false,
            tile_seconds: TILE_SECONDS,
            presence: PresenceConfig::default(),
        }
    }
}

impl WatchConfig {
    fn interval(&self) -> TimeDelta {
        let millis = (1_000.0 / f64::from(self.looks_per_second.clamp(0.5, 30.0))).round();
        #[expect(clippy::cast_possible_truncation, reason = "33 to 2000")]
        let millis = millis as i64;
        TimeDelta::milliseconds(millis)
    }

    /// How long a look may be on its way before what it would have said is given up.
    fn grace(&self) -> TimeDelta {
        let between = if self.key_frames_only { self.presence.max_gap } else { self.interval() };
        between + TimeDelta::milliseconds(800)
    }
}

/// A picture that waits for a detector.
struct Job {
    picture: Picture,
    at: DateTime<Utc>,
    run: i64,
    pts: i64,
    moved: Option<Moved>,
}

/// What was seen of a camera.
enum Seen {
    /// A detector looked.
    Looked { at: DateTime<Utc>, run: i64, pts: i64, found: Vec<Found>, moved: Option<Moved> },
    /// The picture cannot be believed.
    Blind { at: DateTime<Utc>, why: Blind },
    /// The camera's own analytics looked.
    Own(Look),
}

/// What the parts of one camera tell each other without a queue.
#[derive(Debug, Default)]
struct Signs {
    /// When the last frame came, by our clock, in microseconds since 1970.
    frame_us: AtomicI64,
    /// Whether the last frames could not be decoded.
    undecodable: AtomicBool,
}

/// The end of a camera into which its frames go.
#[derive(Debug)]
pub struct Feed {
    frames: mpsc::Sender<Frame>,
    seen: mpsc::Sender<Seen>,
    signs: Arc<Signs>,
    clock: SharedClock,
    labels: [(&'static str, String); 2],
    skipping: bool,
}

impl Feed {
    /// Takes the next frame. When the camera's thread is behind, this and the following ones are left out up to a key
    /// frame, counted.
    pub fn frame(&mut self, frame: Frame) {
        self.signs.frame_us.store(self.clock.now().timestamp_micros(), Ordering::Relaxed);
        if self.skipping && !frame.key {
            return;
        }
        self.skipping = self.frames.try_send(frame).is_err();
        if self.skipping {
            metrics::counter!(metric::VISION_SHED, &self.labels).increment(1);
        }
    }

    /// Frames were lost before they came here.
    pub fn lost(&mut self) {
        self.skipping = true;
    }

    /// Frames come that are coded in a way that is not decoded.
    pub fn undecodable(&mut self) {
        self.signs.frame_us.store(self.clock.now().timestamp_micros(), Ordering::Relaxed);
        self.signs.undecodable.store(true, Ordering::Relaxed);
    }

    /// A look of the camera's own analytics.
    pub fn look(&mut self, look: Look) {
        if self.seen.try_send(Seen::Own(look)).is_err() {
            metrics::counter!(metric::VISION_SHED, &self.labels).increment(1);
        }
    }
}

/// A camera that will be watched, with both ends of its queues.
type Planned = (CameraPlan, mpsc::Receiver<Frame>, mpsc::Sender<Seen>, mpsc::Receiver<Seen>, Arc<Signs>);

/// Watches cameras.
#[derive(Debug)]
pub struct Analysis {
    config: WatchConfig,
    clock: SharedClock,
    statements: mpsc::Sender<Statement>,
    stop: CancellationToken,
    plans: Vec<Planned>,
}

impl Analysis {
    /// Prepares to watch; nothing happens before [`Self::run`].
    pub fn new(
        config: WatchConfig,
        clock: SharedClock,
        statements: mpsc::Sender<Statement>,
        stop: CancellationToken,
    ) -> Self {
        Self { config, clock, statements, stop, plans: Vec::new() }
    }

    /// Adds a camera; its frames go into the [`Feed`].
    pub fn watch(&mut self, plan: CameraPlan) -> Feed {
        let (frames, coded) = mpsc::channel(FRAMES);
        let (seen, noticed) = mpsc::channel(SEEN);
        let signs = Arc::new(Signs::default());
        let labels = labels(&plan);
        self.plans.push((plan, coded, seen.clone(), noticed, Arc::clone(&signs)));
        Feed { frames, seen, signs, clock: Arc::clone(&self.clock), labels, skipping: false }
    }

    /// Watches until it is stopped, with these detectors, each in a thread of its own.
    pub async fn run(self, detectors: Vec<Detector>) {
        let budget: Arc<Budget<Job>> = Arc::default();
        let mut tasks = JoinSet::new();
        let model = detectors.first().map(|detector| detector.model().clone());
        let mut cameras = Vec::new();
        for (camera, (plan, frames, seen, noticed, signs)) in self.plans.into_iter().enumerate() {
            let desk = Desk::new(&plan, &self.config, model.as_ref(), &self.clock, Arc::clone(&signs));
            tasks.spawn(desk.run(noticed, self.statements.clone(), self.stop.clone()));
            let eye = Eye::new(camera, &plan, &self.config, seen.clone(), Arc::clone(&budget), signs);
            if plan.detector {
                tasks.spawn_blocking(move || eye.run(frames));
            }
            cameras.push((plan, seen));
        }
        let cameras = Arc::new(cameras);
        for detector in detectors {
            let (budget, cameras) = (Arc::clone(&budget), Arc::clone(&cameras));
            tasks.spawn_blocking(move || detect(detector, &budget, &cameras));
        }
        self.stop.cancelled().await;
        budget.close();
        drop(cameras);
        // The threads of the cameras end when their feeds are dropped.
        while tasks.join_next().await.is_some() {}
    }
}

fn labels(plan: &CameraPlan) -> [(&'static str, String); 2] {
    [("store", plan.store.store.as_str().to_owned()), ("camera", plan.camera.as_str().to_owned())]
}

/// The work of one detector.
fn detect(mut detector: Detector, budget: &Budget<Job>, cameras: &[(CameraPlan, mpsc::Sender<Seen>)]) {
    let mut complained = None::<Instant>;
    while let Some((camera, job)) = budget.take() {
        let Some((plan, seen)) = cameras.get(camera) else { continue };
        let began = Instant::now();
        let region = surroundings(detector.model(), &plan.zones, &job.picture);
        let labels = labels(plan);
        let shed = || metrics::counter!(metric::VISION_SHED, &labels).increment(1);
        match detector.find(&job.picture, region) {
            Ok(found) => {
                metrics::counter!(metric::VISION_LOOKS, &labels).increment(1);
                metrics::histogram!(metric::VISION_DETECT_SECONDS).record(began.elapsed().as_secs_f64());
                let looked = Seen::Looked { at: job.at, run: job.run, pts: job.pts, found, moved: job.moved };
                if seen.try_send(looked).is_err() {
                    shed();
                }
            }
            Err(error) => {
                shed();
                if complained.is_none_or(|last| last.elapsed() > Duration::from_secs(60)) {
                    complained = Some(Instant::now());
                    tracing::error!(error = %chain(&error), camera = %plan.camera, "a picture could not be looked at");
                }
            }
        }
    }
}
