//! The role `analytics`: the cameras that have zones are looked at, and what is seen goes to Kafka.
//!
//! It reads each camera through an RTSP session of its own (the sub-stream where there is one), so that nothing it does
//! can cost the recorder a picture. When Kafka is away, tiles wait in memory up to [`STATEMENTS`]; then the zones wait
//! too, and say afterwards that they could not tell.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use chrono::DateTime;
use tillsight_analytics::detect::{Detector, Runtime};
use tillsight_analytics::look::Look;
use tillsight_analytics::model::Model;
use tillsight_analytics::watch::{Analysis, CameraPlan, Feed, Frame, Statement, WatchConfig};
use tillsight_ingest::bus::{Outgoing, Producer};
use tillsight_ingest::rtsp::{AccessUnit, Outlets, StreamReader, Tap, VideoCodec};
use tillsight_schemas::detection::DetectionFrame;
use tillsight_schemas::error::chain;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::presence::PresenceTile;
use tillsight_schemas::topic;
use tillsight_schemas::wire::avro;
use tillsight_schemas::zone::Zone;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::following::Following;
use super::parts::Working;
use super::recorder::stream;
use super::roles::clock;
use super::{RunError, camera_looks};
use crate::config::{Camera, Config, PlacedZone, PresenceBy};
use crate::db::{CameraPassword, Db, SetUp};

/// Statements that may wait for Kafka: with ten zones and tiles of a second, a minute.
const STATEMENTS: usize = 1_024;
/// Statements in one request.
const BATCH: usize = 256;
/// The pause after Kafka did not take a batch.
const AGAIN: Duration = Duration::from_millis(500);
/// Bound of the error of a picture's time when arrival leads: what a network and a camera's encoder may delay it.
const TIME_UNCERTAINTY_US: i64 = 300_000;

/// A camera that is looked at, with its zones and how to log in.
#[derive(Debug, Clone, PartialEq)]
struct Watched {
    camera: Camera,
    password: Option<CameraPassword>,
    zones: Vec<Zone>,
}

/// Looks until `stop`. When zones or what they are seen by change, the looking begins anew with what holds then: for a
/// second or two all zones are unknown, and nothing else is interrupted.
pub(super) async fn analyse(config: &Config, stop: &CancellationToken) -> Result<(), RunError> {
    let (mut following, mut set_up) = Following::begin(config).await?;
    let producer =
        Producer::new(&config.connection(), "tillsight-analytics").map_err(RunError::part("the Kafka producer"))?;
    let (statements, said) = mpsc::channel(STATEMENTS);
    let mut tasks = JoinSet::new();
    tasks.spawn(publish(said, producer, stop.clone()));
    while !stop.is_cancelled() {
        let plan = watched(following.db(), &set_up).await?;
        let round = stop.child_token();
        let mut looking = std::pin::pin!(look(config, &plan, statements.clone(), &round));
        loop {
            tokio::select! {
                looked = &mut looking => {
                    looked?;
                    break;
                }
                changed = following.next() => {
                    set_up = changed;
                    match watched(following.db(), &set_up).await {
                        Ok(now) if now == plan => {}
                        Ok(_) => {
                            tracing::info!("zones or cameras have changed: the looking begins anew");
                            round.cancel();
                        }
                        Err(error) => {
                            tracing::warn!(error = %chain(&error), "a change of zones waits");
                            following.again();
                        }
                    }
                }
            }
        }
    }
    tasks.join_all().await;
    Ok(())
}

/// What is to be looked at.
async fn watched(db: &Db, set_up: &SetUp) -> Result<Vec<Watched>, RunError> {
    let mut watched = Vec::new();
    for camera in &set_up.cameras {
        let on = set_up.zones.iter().filter(|placed| placed.is_on(camera));
        let zones: Vec<Zone> = on.map(PlacedZone::zone).collect();
        if zones.is_empty() || camera.presence == PresenceBy::None {
            continue;
        }
        let password = db.camera_password(camera).await.map_err(RunError::part("the set-up"))?;
        watched.push(Watched { camera: Camera { name: String::new(), ..camera.clone() }, password, zones });
    }
    Ok(watched)
}

/// Looks at some cameras until `stop`; waits when there are none.
async fn look(
    config: &Config,
    plan: &[Watched],
    statements: mpsc::Sender<Statement>,
    stop: &CancellationToken,
) -> Result<(), RunError> {
    if plan.is_empty() {
        let _working = Working::begin("analytics");
        stop.cancelled().await;
        return Ok(());
    }
    let settings = &config.analytics;
    let runtime = Runtime::load(&settings.runtime.clone().unwrap_or_else(installed_runtime))
        .map_err(RunError::part("the analysis"))?;
    let model =
        Model::load(&settings.model.clone().unwrap_or_else(installed_model)).map_err(RunError::part("the analysis"))?;
    let mut detectors = Vec::new();
    for _ in 0..settings.threads {
        detectors.push(Detector::load(&runtime, model.clone(), 1).map_err(RunError::part("the analysis"))?);
    }
    let watch = WatchConfig {
        looks_per_second: settings.looks_per_second,
        key_frames_only: settings.key_frames_only,
        tile_seconds: settings.tile_seconds,
        ..WatchConfig::default()
    };
    let mut analysis = Analysis::new(watch, clock(), statements, stop.clone());
    let mut tasks = JoinSet::new();
    let mut believed = camera_looks::Believed::new();
    for Watched { camera, password, zones } in plan {
        let store = StoreKey::new(camera.tenant.clone(), camera.store.clone());
        let plan = CameraPlan {
            store: store.clone(),
            camera: camera.id.clone(),
            zones: zones.clone(),
            detector: camera.presence != PresenceBy::Camera,
            own: matches!(camera.presence, PresenceBy::Camera | PresenceBy::Both),
            time_uncertainty_us: TIME_UNCERTAINTY_US,
        };
        let feed = analysis.watch(plan);
        let outlets = Outlets::new(None);
        let (looks, own) = mpsc::channel(camera_looks::WAITING);
        if camera.presence != PresenceBy::Detector {
            believed.insert((store, camera.id.clone()), looks);
        }
        tasks.spawn(feed_camera(feed, outlets.live("analytics"), own, stop.clone()));
        match looked_at(camera, password.as_ref()) {
            Ok(stream) => {
                tasks.spawn(StreamReader::new(stream, outlets, clock()).run(stop.clone()));
            }
            // Its zones are unknown; the others are looked at.
            Err(error) => tracing::error!(camera = %camera.id, error = %chain(&error), "this camera is NOT looked at"),
        }
    }
    if !believed.is_empty() {
        tasks.spawn(camera_looks::follow(config.connection(), believed, stop.clone()));
    }
    tracing::info!(model = %model.name(), detectors = detectors.len(), cameras = plan.len(), "looking");
    let working = Working::begin("analytics");
    analysis.run(detectors).await;
    drop(working);
    tasks.join_all().await;
    Ok(())
}

/// The stream of a camera that is looked at.
fn looked_at(
    camera: &Camera,
    password: Option<&CameraPassword>,
) -> Result<tillsight_ingest::rtsp::StreamConfig, RunError> {
    let mut config = stream(camera, password)?;
    if let Some(sub) = &camera.sub_url {
        config.url = url::Url::parse(sub).map_err(RunError::part("a camera's address"))?;
        config.key.kind = tillsight_schemas::segment::StreamKind::Sub;
    }
    config.audio = false;
    Ok(config)
}

/// Pictures from the camera's session to its analysis, and what the camera sees by itself.
async fn feed_camera(
    mut feed: Feed,
    mut pictures: Tap<AccessUnit>,
    mut own: mpsc::Receiver<Look>,
    stop: CancellationToken,
) {
    let mut lost = 0;
    loop {
        let unit = tokio::select! {
            () = stop.cancelled() => return,
            Some(look) = own.recv() => {
                feed.look(look);
                continue;
            }
            unit = pictures.next() => match unit {
                Some(unit) => unit,
                None => return,
            },
        };
        if pictures.dropped() > lost || unit.lost > 0 {
            lost = pictures.dropped();
            feed.lost();
        }
        if unit.format.codec != VideoCodec::H264 {
            feed.undecodable();
            continue;
        }
        let Some(at) = DateTime::from_timestamp_micros(unit.utc_us) else { continue };
        feed.frame(Frame { run: unit.run, pts: unit.pts, at, key: unit.key, data: unit.to_annex_b() });
    }
}

/// What was said, to Kafka, in order. A batch that was not taken is sent again: readers drop tiles that they have.
async fn publish(mut said: mpsc::Receiver<Statement>, producer: Producer, stop: CancellationToken) {
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            count = said.recv_many(&mut batch, BATCH) => if count == 0 { return },
        }
        let records = records(&batch);
        batch.clear();
        while let Err(error) = producer.send(records.clone()).await {
            tracing::warn!(error = %chain(&error), tiles = records.len(), "presence waits for Kafka");
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }
}

/// Statements as records, each kind in its order.
fn records(batch: &[Statement]) -> Vec<Outgoing> {
    let mut tiles: Vec<PresenceTile> = Vec::new();
    let mut frames: Vec<DetectionFrame> = Vec::new();
    for statement in batch {
        match statement {
            Statement::Tile(tile) => tiles.push(tile.clone()),
            Statement::Detection(frame) => frames.push(frame.clone()),
        }
    }
    let tile_keys = tiles.iter().map(|tile| format!("{}/{}", tile.tenant_id, tile.store_id));
    let frame_keys = frames.iter().map(|frame| format!("{}/{}", frame.tenant_id, frame.store_id));
    let mut records = Vec::new();
    if !tiles.is_empty() {
        records.extend(outgoing(topic::CAM_PRESENCE, tile_keys, avro::encode(&tiles)));
    }
    if !frames.is_empty() {
        records.extend(outgoing(topic::CAM_DETECTION, frame_keys, avro::encode(&frames)));
    }
    records
}

fn outgoing<E: std::error::Error>(
    topic: &str,
    keys: impl Iterator<Item = String>,
    values: Result<Vec<Bytes>, E>,
) -> Vec<Outgoing> {
    match values {
        Ok(values) => keys
            .zip(values)
            .map(|(key, value)| Outgoing {
                topic: topic.to_owned(),
                key: Some(Bytes::from(key)),
                value: Some(value),
                headers: Vec::new(),
            })
            .collect(),
        Err(error) => {
            tracing::error!(%error, topic, "records cannot be encoded");
            Vec::new()
        }
    }
}

/// Where `deploy/setup.sh` puts ONNX Runtime.
pub(crate) fn installed_runtime() -> PathBuf {
    const PINS: &str = include_str!("../../../deploy/onnxruntime/requirements.txt");
    let version = PINS.lines().find_map(|line| line.strip_prefix("onnxruntime==")?.split_whitespace().next());
    crate::cache_dir().join("onnxruntime").join(version.unwrap_or("unknown")).join("libonnxruntime.so")
}

/// Where `deploy/setup.sh` puts the detector.
pub(crate) fn installed_model() -> PathBuf {
    crate::cache_dir().join("models").join("detector.toml")
}
