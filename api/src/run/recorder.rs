//! The role `recorder`: every camera of the configuration to one volume, and retention on it.
//!
//! It knows neither Kafka nor SQL: whatever happens to those, pictures go on to be written.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_ingest::record::{Recorder, RecorderConfig, RetentionPolicy};
use tillsight_ingest::rtsp::{Outlets, StreamConfig, StreamReader};
use tillsight_schemas::error::chain;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::segment::{StreamKey, StreamKind};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::RunError;
use super::roles::clock;
use crate::config::{Camera, Config};

/// How often retention looks.
const RETENTION: Duration = Duration::from_secs(60);

/// Records until `stop`, then closes every segment.
pub(super) async fn record(config: &Config, stop: &CancellationToken) -> Result<(), RunError> {
    let recorder = Recorder::open(RecorderConfig::new(config.volume()), clock())
        .await
        .map_err(RunError::part("the recording volume"))?;
    let mut readers = JoinSet::new();
    for camera in &config.cameras {
        let stream = stream(camera)?;
        let (sink, recovery) =
            recorder.stream(stream.key.clone()).await.map_err(RunError::part("a camera's recording"))?;
        tracing::info!(camera = %stream.key, ?recovery, "recording");
        readers.spawn(StreamReader::new(stream, Outlets::new(Some(sink)), clock()).run(stop.clone()));
    }
    retain(config, &recorder, stop).await;
    readers.join_all().await;
    recorder.close().await.map_err(RunError::part("the recorder"))
}

fn stream(camera: &Camera) -> Result<StreamConfig, RunError> {
    let store = StoreKey::new(camera.tenant.clone(), camera.store.clone());
    let key = StreamKey::new(&store, camera.id.clone(), StreamKind::Main);
    let url = Url::parse(&camera.url).map_err(RunError::part("a camera's address"))?;
    let mut stream = StreamConfig::new(key, url);
    stream.transport = camera.transport;
    stream.audio = camera.audio;
    if let (Some(username), Some(file)) = (&camera.username, &camera.password_file) {
        let password = std::fs::read_to_string(file).map_err(RunError::part("a camera's password file"))?;
        stream.credentials = Some((username.clone(), password.trim_end().to_owned()));
    }
    Ok(stream)
}

/// Deletes what is too old or too much, each minute until `stop`.
async fn retain(config: &Config, recorder: &Recorder, stop: &CancellationToken) {
    let limit = |gib: u64| (gib > 0).then_some(gib << 30);
    let days = config.recording.retain_days;
    let retention = recorder.retention(RetentionPolicy {
        max_age: (days > 0).then(|| TimeDelta::days(days.into())),
        max_bytes: limit(config.recording.max_gib),
        min_free_bytes: limit(config.recording.min_free_gib),
        ..RetentionPolicy::default()
    });
    let clock = Arc::clone(&clock());
    // No rule asks about the past yet: nothing is kept beyond the policy.
    let floor = |_: &StoreKey| DateTime::<Utc>::MAX_UTC;
    while !stop.is_cancelled() {
        match retention.pass(clock.now(), floor).await {
            Ok(report) if report.freed > 0 => tracing::info!(?report, "retention"),
            Ok(_) => {}
            Err(error) => tracing::error!(error = %chain(&error), "retention failed"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(RETENTION) => {}
        }
    }
}
