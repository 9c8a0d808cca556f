//! What cameras see by themselves, on its way from `lp.cam.event.v1` to the analysis.
//!
//! One reader follows the topic from its end for all cameras that are believed. A camera that says nothing is not an empty
//! shop: its zones become `unknown` by the clock of the analysis.

use std::collections::HashMap;
use std::time::Duration;

use tillsight_analytics::camera_looks::CameraLooks;
use tillsight_analytics::look::Look;
use tillsight_ingest::bus::{Connection, TopicReader};
use tillsight_schemas::camera_event::CameraEvent;
use tillsight_schemas::error::chain;
use tillsight_schemas::id::{CameraId, StoreKey};
use tillsight_schemas::port::{EventSource as _, PortError};
use tillsight_schemas::wire::avro::Decoder;
use tillsight_schemas::wire::columns;
use tillsight_schemas::{metric, topic};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Looks that may wait for a camera's analysis; more are left out.
pub(super) const WAITING: usize = 64;
/// Events that are read at once.
const BATCH: usize = 500;
/// A frame of a camera is over when it has said nothing more for so long.
const PAUSE: Duration = Duration::from_millis(500);
/// How long it rests after a failure.
const AGAIN: Duration = Duration::from_secs(2);

/// Where the looks of each camera go.
pub(super) type Believed = HashMap<(StoreKey, CameraId), mpsc::Sender<Look>>;

/// Follows the topic until `stop`.
pub(super) async fn follow(connection: Connection, believed: Believed, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = read(&connection, &believed, &stop).await {
            tracing::warn!(error = %chain(&*error), "what cameras see by themselves is not read for now");
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }
}

async fn read(connection: &Connection, believed: &Believed, stop: &CancellationToken) -> Result<(), PortError> {
    let mut source = TopicReader::new(connection, "tillsight-camera-looks", vec![topic::CAM_EVENT.to_owned()])?;
    let bounds = source.bounds().await?;
    if bounds.is_empty() {
        return Err("the topic is not there yet".into());
    }
    source.seek(&bounds.into_iter().map(|(partition, range)| (partition, range.end)).collect()).await?;
    let decoder = Decoder::<CameraEvent>::new();
    let mut looks: HashMap<(StoreKey, CameraId), CameraLooks> = HashMap::new();
    while !stop.is_cancelled() {
        let records = source.poll(BATCH, PAUSE).await?;
        let values: Vec<&[u8]> = records.iter().filter_map(|record| Some(&record.value.as_ref()?[..])).collect();
        let mut ended = Vec::new();
        if values.is_empty() {
            ended.extend(looks.iter_mut().filter_map(|(camera, looks)| Some((camera.clone(), looks.flush()?))));
        } else {
            let decoded = decoder.decode(&values)?;
            if !decoded.failed.is_empty() {
                tracing::warn!(records = decoded.failed.len(), "statements of cameras cannot be read");
            }
            for event in columns::from_batch::<CameraEvent>(&decoded.batch)? {
                let store = StoreKey::new(event.tenant_id.clone(), event.store_id.clone());
                let camera = (store, event.camera_id.clone());
                if believed.contains_key(&camera) {
                    let look = looks.entry(camera.clone()).or_default().push(&event);
                    ended.extend(look.map(|look| (camera, look)));
                }
            }
        }
        for (camera, look) in ended {
            // Without the look the zones become unknown by the clock; a queue that is full is no reason to wait.
            if let Some(sender) = believed.get(&camera)
                && sender.try_send(look).is_err()
            {
                let labels = [("store", camera.0.to_string()), ("camera", camera.1.to_string())];
                metrics::counter!(metric::VISION_SHED, &labels).increment(1);
            }
        }
    }
    Ok(())
}
