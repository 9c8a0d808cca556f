//! The role `recorder`: every camera of the configuration to one volume, retention on it, and what cameras say by
//! themselves (ONVIF) to Kafka.
//!
//! Whatever happens to Kafka, pictures go on to be written: what it is told of them waits in the index
//! ([`super::announce`]), and what cameras say goes through lossy, counted queues. A camera whose events cannot be set up
//! is recorded all the same.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tillsight_ingest::bus::Producer;
use tillsight_ingest::onvif::{Credentials, MetadataTrack, Origin, Outbox, PullConfig, PullPoint, outbox};
use tillsight_ingest::record::{Recorder, RecorderConfig, RetentionPolicy};
use tillsight_ingest::rtsp::{Outlets, StreamConfig, StreamReader};
use tillsight_schemas::error::chain;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::segment::{StreamKey, StreamKind};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::announce::announce;
use super::floors::Floors;
use super::roles::clock;
use super::{RunError, holds};
use crate::config::{Camera, Config};

/// How often retention looks.
const RETENTION: Duration = Duration::from_secs(60);

/// Records until `stop`, then closes every segment.
pub(super) async fn record(config: &Config, stop: &CancellationToken) -> Result<(), RunError> {
    let recorder = Recorder::open(RecorderConfig::new(config.volume()), clock())
        .await
        .map_err(RunError::part("the recording volume"))?;
    let mut readers = JoinSet::new();
    let outbox = camera_events(config, &mut readers, stop);
    for camera in &config.cameras {
        let store = StoreKey::new(camera.tenant.clone(), camera.store.clone());
        let key = StreamKey::new(&store, camera.id.clone(), StreamKind::Main);
        let (sink, recovery) = recorder.stream(key.clone()).await.map_err(RunError::part("a camera's recording"))?;
        let outlets = Outlets::new(Some(sink));
        let stream = match stream(camera) {
            Ok(stream) => stream,
            Err(error) => {
                // One camera that is set up wrong costs the others nothing, and what it lacks is a declared gap.
                tracing::error!(camera = %key, error = %chain(&error), "NOT recorded; put it right and start again");
                let stop = stop.clone();
                readers.spawn(async move {
                    stop.cancelled().await;
                    drop(outlets);
                });
                continue;
            }
        };
        tracing::info!(camera = %key, ?recovery, "recording");
        if let Some(outbox) = &outbox {
            listen(camera, &stream, &outlets, outbox, &mut readers, stop);
        }
        readers.spawn(StreamReader::new(stream, outlets, clock()).run(stop.clone()));
    }
    match Producer::new(&config.connection(), "tillsight-recorder") {
        Ok(producer) => {
            readers.spawn(announce(recorder.index().clone(), producer, stop.clone()));
        }
        Err(error) => tracing::error!(error = %chain(&error), "segments and gaps are not told to Kafka"),
    }
    drop(outbox);
    let quota = config.recording.alert_holds_gib << 30;
    readers.spawn(holds::follow(config.connection(), recorder.holds(quota), stop.clone()));
    let floors = Floors::default();
    readers.spawn(floors.clone().follow(config.connection(), stop.clone()));
    retain(config, &recorder, &floors, stop).await;
    readers.join_all().await;
    recorder.close().await.map_err(RunError::part("the recorder"))
}

/// The way of camera events to Kafka; `None` (said in the log) when its settings are wrong.
fn camera_events(config: &Config, tasks: &mut JoinSet<()>, stop: &CancellationToken) -> Option<Outbox> {
    if config.cameras.is_empty() {
        return None;
    }
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
        // The configuration is checked before anything starts.
        Err(error) => tracing::error!(camera = %origin, %error, "its events are not read"),
    }
}

pub(super) fn stream(camera: &Camera) -> Result<StreamConfig, RunError> {
    let store = StoreKey::new(camera.tenant.clone(), camera.store.clone());
    let key = StreamKey::new(&store, camera.id.clone(), StreamKind::Main);
    let url = Url::parse(&camera.url).map_err(RunError::part("a camera's address"))?;
    let mut stream = StreamConfig::new(key, url);
    stream.transport = camera.transport;
    stream.audio = camera.audio;
    if let (Some(username), Some(file)) = (&camera.username, &camera.password_file) {
        let password = std::fs::read_to_string(file).map_err(|source| RunError::Password {
            camera: camera.id.to_string(),
            file: file.clone(),
            source,
        })?;
        stream.credentials = Some((username.clone(), password.trim_end().to_owned()));
    }
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
