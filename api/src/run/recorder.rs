//! The role `recorder`: every camera that is set up to one volume, retention on it, and what cameras say by themselves
//! (ONVIF) to Kafka.
//!
//! Whatever happens to Kafka, pictures go on to be written: what it is told of them waits in the index
//! ([`super::announce`]), and what cameras say goes through lossy, counted queues. A camera whose events cannot be set up
//! is recorded all the same. Cameras that are added, changed or removed on a page are followed ([`super::following`]):
//! only those are started and stopped, and nobody else loses a picture.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tillsight_ingest::bus::Producer;
use tillsight_ingest::onvif::{Credentials, MetadataTrack, Origin, Outbox, PullConfig, PullPoint, outbox};
use tillsight_ingest::record::{Recorder, RecorderConfig, RetentionPolicy, StreamSink};
use tillsight_ingest::rtsp::{Outlets, StreamConfig, StreamReader};
use tillsight_schemas::error::chain;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::segment::{StreamKey, StreamKind};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::announce::announce;
use super::floors::Floors;
use super::following::Following;
use super::last_known::LastKnown;
use super::parts::Working;
use super::roles::clock;
use super::{RunError, holds};
use crate::config::{Camera, Config, PresenceBy};
use crate::db::{CameraPassword, Db, DbError, SetUp};

/// How often retention looks.
const RETENTION: Duration = Duration::from_secs(60);
/// How long the database may take at the start, before what was set up last is recorded.
const PATIENCE: Duration = Duration::from_secs(15);
/// How soon it is tried again to take up a camera that could not be.
const AGAIN: Duration = Duration::from_secs(10);

/// Records until `stop`, then closes every segment.
pub(super) async fn record(config: &Config, stop: &CancellationToken) -> Result<(), RunError> {
    let recorder = Recorder::open(RecorderConfig::new(config.volume()), clock())
        .await
        .map_err(RunError::part("the recording volume"))?;
    let mut tasks = JoinSet::new();
    let outbox = camera_events(config, &mut tasks, stop);
    match Producer::new(&config.connection(), "tillsight-recorder") {
        Ok(producer) => {
            tasks.spawn(announce(recorder.index().clone(), producer, stop.clone()));
        }
        Err(error) => tracing::error!(error = %chain(&error), "segments and gaps are not told to Kafka"),
    }
    let quota = config.recording.alert_holds_gib << 30;
    tasks.spawn(holds::follow(config.connection(), recorder.holds(quota), stop.clone()));
    let floors = Floors::default();
    tasks.spawn(floors.clone().follow(config.connection(), stop.clone()));
    let working = Working::begin("recorder");
    let mut cameras = Cameras { recorder: &recorder, outbox, running: BTreeMap::new(), stop };
    tokio::join!(cameras.follow(config), retain(config, &recorder, &floors, stop));
    drop(working);
    cameras.end().await;
    tasks.join_all().await;
    recorder.close().await.map_err(RunError::part("the recorder"))
}

/// What of a camera its recording depends on: a new name or zone costs no picture.
#[derive(Debug, Clone, PartialEq)]
struct Recorded {
    camera: Camera,
    password: Option<CameraPassword>,
}

impl Recorded {
    fn new(camera: &Camera, password: Option<CameraPassword>) -> Self {
        let camera = Camera { name: String::new(), sub_url: None, presence: PresenceBy::default(), ..camera.clone() };
        Self { camera, password }
    }
}

/// A camera that is being recorded.
struct Running {
    what: Recorded,
    sink: StreamSink,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Running {
    async fn end(mut self) -> StreamSink {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        self.sink
    }
}

/// The cameras that are being recorded.
struct Cameras<'a> {
    recorder: &'a Recorder,
    outbox: Option<Outbox>,
    running: BTreeMap<StreamKey, Running>,
    stop: &'a CancellationToken,
}

impl Cameras<'_> {
    /// Records what is set up, and what it becomes, until the recorder is stopped. While the database does not answer at
    /// the start, what was set up last is recorded.
    async fn follow(&mut self, config: &Config) {
        let copy = LastKnown::in_dir(&config.data.dir);
        let (mut following, mut set_up) = loop {
            let begun = tokio::select! {
                () = self.stop.cancelled() => return,
                begun = tokio::time::timeout(PATIENCE, Following::begin(config)) => begun,
            };
            match begun {
                Ok(Ok(begun)) => break begun,
                Ok(Err(error)) => tracing::error!(error = %chain(&error), "what is set up is not known for now"),
                Err(_) => tracing::error!("what is set up is not known for now: the database does not answer"),
            }
            match copy.read() {
                Ok(known) => {
                    self.become_(known).await;
                }
                Err(error) => tracing::error!(%error, "the recorder's own copy of it cannot be read"),
            }
            if !self.pause(AGAIN).await {
                return;
            }
        };
        self.forget(&set_up).await;
        loop {
            let whole = match logins(following.db(), &set_up).await {
                Ok(wanted) => {
                    if let Err(error) = copy.write(&wanted) {
                        tracing::error!(%error, "the recorder's own copy of the set-up cannot be written");
                    }
                    self.become_(wanted).await
                }
                Err(error) => {
                    tracing::error!(error = %chain(&error), "a change of the cameras waits");
                    false
                }
            };
            tokio::select! {
                () = self.stop.cancelled() => return,
                changed = following.next() => set_up = changed,
                () = tokio::time::sleep(AGAIN), if !whole => {}
            }
        }
    }

    /// Waits; false when the recorder is stopped meanwhile.
    async fn pause(&self, how_long: Duration) -> bool {
        tokio::select! {
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep(how_long) => true,
        }
    }

    /// Ends the schedule of cameras that were removed while nobody recorded.
    async fn forget(&self, set_up: &SetUp) {
        let wanted: Vec<StreamKey> = set_up.cameras.iter().map(key).collect();
        let scheduled = match self.recorder.scheduled().await {
            Ok(scheduled) => scheduled,
            Err(error) => {
                tracing::error!(error = %chain(&error), "old schedules cannot be read");
                return;
            }
        };
        for gone in scheduled.iter().filter(|key| !wanted.contains(key) && !self.running.contains_key(*key)) {
            // Taking it up recovers what a crash may have left of it.
            let ended = match self.recorder.stream(gone.clone()).await {
                Ok(_) => self.recorder.remove(gone).await,
                Err(error) => Err(error),
            };
            match ended {
                Ok(()) => tracing::info!(camera = %gone, "not recorded any more"),
                Err(error) => {
                    tracing::error!(camera = %gone, error = %chain(&error), "its schedule could not be ended");
                }
            }
        }
    }

    /// Starts and stops what has changed; whether all of it worked.
    async fn become_(&mut self, cameras: Vec<(Camera, Option<CameraPassword>)>) -> bool {
        let wanted: BTreeMap<StreamKey, Recorded> =
            cameras.into_iter().map(|(camera, password)| (key(&camera), Recorded::new(&camera, password))).collect();
        let mut whole = true;
        let gone = |key: &&StreamKey| !wanted.contains_key(*key);
        for key in self.running.keys().filter(gone).cloned().collect::<Vec<_>>() {
            let Some(running) = self.running.remove(&key) else { continue };
            drop(running.end().await);
            tracing::info!(camera = %key, "not recorded any more");
            if let Err(error) = self.recorder.remove(&key).await {
                tracing::error!(camera = %key, error = %chain(&error), "its schedule could not be ended");
            }
        }
        for (key, what) in wanted {
            if self.running.get(&key).is_some_and(|running| running.what == what) {
                continue;
            }
            let sink = match self.running.remove(&key) {
                Some(running) => running.end().await,
                None => match self.recorder.stream(key.clone()).await {
                    Ok((sink, recovery)) => {
                        tracing::info!(camera = %key, ?recovery, "recording");
                        sink
                    }
                    Err(error) => {
                        // One camera that cannot be taken up costs the others nothing.
                        whole = false;
                        tracing::error!(camera = %key, error = %chain(&error), "NOT recorded; trying again");
                        continue;
                    }
                },
            };
            let running = self.start(what, sink);
            self.running.insert(key, running);
        }
        whole
    }

    fn start(&self, what: Recorded, sink: StreamSink) -> Running {
        let stop = self.stop.child_token();
        let mut tasks = JoinSet::new();
        let outlets = Outlets::new(Some(sink.clone()));
        match stream(&what.camera, what.password.as_ref()) {
            Ok(stream) => {
                if let Some(outbox) = &self.outbox {
                    listen(&what.camera, &stream, &outlets, outbox, &mut tasks, &stop);
                }
                tasks.spawn(StreamReader::new(stream, outlets, clock()).run(stop.clone()));
            }
            // What it lacks is a declared gap.
            Err(error) => {
                tracing::error!(camera = %key(&what.camera), error = %chain(&error), "NOT recorded; put it right");
            }
        }
        Running { what, sink, stop, tasks }
    }

    /// Stops all of them.
    async fn end(self) {
        for running in self.running.into_values() {
            drop(running.end().await);
        }
    }
}

/// The cameras with the passwords that were typed for them.
async fn logins(db: &Db, set_up: &SetUp) -> Result<Vec<(Camera, Option<CameraPassword>)>, DbError> {
    let mut cameras = Vec::new();
    for camera in &set_up.cameras {
        cameras.push((camera.clone(), db.camera_password(camera).await?));
    }
    Ok(cameras)
}

fn key(camera: &Camera) -> StreamKey {
    let store = StoreKey::new(camera.tenant.clone(), camera.store.clone());
    StreamKey::new(&store, camera.id.clone(), StreamKind::Main)
}

/// The way of camera events to Kafka; `None` (said in the log) when its settings are wrong.
fn camera_events(config: &Config, tasks: &mut JoinSet<()>, stop: &CancellationToken) -> Option<Outbox> {
    match Producer::new(&config.connection(), "tillsight-cameras") {
        Ok(producer) => {
            let (outbox, dispatcher) = outbox(producer);
            tasks.spawn(dispatcher.run(stop.clone()));
            Some(outbox)
        }
        Err(error) => {
            tracing::error!(error = %chain(&error), "cameras are recorded, but what they say is not kept");
            None
        }
    }
}

/// Listens to what a camera says: in its stream, and through a subscription where one is configured.
fn listen(
    camera: &Camera,
    stream: &StreamConfig,
    outlets: &Outlets,
    outbox: &Outbox,
    tasks: &mut JoinSet<()>,
    stop: &CancellationToken,
) {
    let origin = Origin { tenant: camera.tenant.clone(), store: camera.store.clone(), camera: camera.id.clone() };
    let track = MetadataTrack::new(origin.clone(), outbox.clone());
    tasks.spawn(track.run(outlets.metadata("onvif"), stop.clone()));
    let Some(address) = &camera.onvif else { return };
    match Url::parse(address) {
        Ok(device) => {
            let login = stream.credentials.as_ref().map(|(user, password)| Credentials::new(user, password));
            let pull = PullPoint::new(PullConfig::new(origin, device, login), outbox.clone(), clock());
            tasks.spawn(pull.run(stop.clone()));
        }
        // It is checked before it is written down.
        Err(error) => tracing::error!(camera = %origin, %error, "its events are not read"),
    }
}

/// The main stream of a camera and how to log in: with the password that was typed on the page, else with the one of the
/// file that the configuration names.
pub(super) fn stream(camera: &Camera, typed: Option<&CameraPassword>) -> Result<StreamConfig, RunError> {
    let url = Url::parse(&camera.url).map_err(RunError::part("a camera's address"))?;
    let mut stream = StreamConfig::new(key(camera), url);
    stream.transport = camera.transport;
    stream.audio = camera.audio;
    stream.credentials = camera.login(typed).map_err(|source| RunError::Password {
        camera: camera.id.to_string(),
        file: camera.password_file.clone().unwrap_or_default(),
        source,
    })?;
    Ok(stream)
}

/// Deletes what is too old or too much, each minute until `stop`.
async fn retain(config: &Config, recorder: &Recorder, floors: &Floors, stop: &CancellationToken) {
    let limit = |gib: u64| (gib > 0).then_some(gib << 30);
    let days = config.recording.retain_days;
    let retention = recorder.retention(RetentionPolicy {
        max_age: (days > 0).then(|| TimeDelta::days(days.into())),
        max_bytes: limit(config.recording.max_gib),
        min_free_bytes: limit(config.recording.min_free_gib),
        ..RetentionPolicy::default()
    });
    let holds = recorder.holds(config.recording.alert_holds_gib << 30);
    let clock = Arc::clone(&clock());
    while !stop.is_cancelled() {
        let now = clock.now();
        match retention.pass(now, |store: &StoreKey| floors.of(store, now)).await {
            Ok(report) if report.freed > 0 => tracing::info!(?report, "retention"),
            Ok(_) => {}
            Err(error) => tracing::error!(error = %chain(&error), "retention failed"),
        }
        if let Err(error) = holds.measure(now).await {
            tracing::error!(error = %chain(&error), "what is held cannot be summed");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(RETENTION) => {}
        }
    }
}
