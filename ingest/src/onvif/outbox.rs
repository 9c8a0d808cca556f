//! [`Outbox`]: events on their way to Kafka, in two bounded queues: frames, and everything else.
//!
//! Whoever reads a camera never waits here. While Kafka is away events wait; when a queue is full the newest are lost,
//! counted: a flood of frames cannot push out a tamper alarm.

use std::time::Duration;

use bytes::Bytes;
use tillsight_schemas::camera_event::{CameraEvent, CameraEventKind};
use tillsight_schemas::error::chain;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::wire::avro;
use tillsight_schemas::{metric, topic};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::bus::{Outgoing, Producer};
use crate::{Error, Result};

/// The depth of each queue: some minutes of one busy camera, or of ten calm ones.
pub const DEPTH: usize = 8192;
/// The most events that are sent together.
const BATCH: usize = 512;
/// The pause after Kafka did not take them.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the last ones may take when the process stops.
const FAREWELL: Duration = Duration::from_secs(5);

/// Where events are put.
#[derive(Debug, Clone)]
pub struct Outbox {
    frames: mpsc::Sender<CameraEvent>,
    events: mpsc::Sender<CameraEvent>,
}

/// Sends what is put into an [`Outbox`].
#[derive(Debug)]
pub struct Dispatcher {
    frames: mpsc::Receiver<CameraEvent>,
    events: mpsc::Receiver<CameraEvent>,
    producer: Producer,
}

/// Makes the two ends.
pub fn outbox(producer: Producer) -> (Outbox, Dispatcher) {
    let (outbox, frames, events) = queues(DEPTH);
    (outbox, Dispatcher { frames, events, producer })
}

pub(super) fn queues(depth: usize) -> (Outbox, mpsc::Receiver<CameraEvent>, mpsc::Receiver<CameraEvent>) {
    let ((frames, frames_out), (events, events_out)) = (mpsc::channel(depth), mpsc::channel(depth));
    (Outbox { frames, events }, frames_out, events_out)
}

impl Outbox {
    /// Puts in an event, or counts that it is lost.
    pub fn event(&self, event: CameraEvent) {
        let queue = match event.kind {
            CameraEventKind::Object | CameraEventKind::ObjectGone | CameraEventKind::Scene => &self.frames,
            _ => &self.events,
        };
        let (store, camera) = (event.store_id.as_str().to_owned(), event.camera_id.as_str().to_owned());
        let labels = [("store", store), ("camera", camera)];
        let (kind, via) = (event.kind.as_str(), event.via.as_str());
        match queue.try_send(event) {
            Ok(()) => {
                let mut labels = labels.to_vec();
                labels.extend([("kind", kind.to_owned()), ("via", via.to_owned())]);
                metrics::counter!(metric::CAMERA_EVENTS, &labels).increment(1);
            }
            Err(_) => dropped(&labels, "queue", 1),
        }
    }
}

/// Counts events that are not handed on.
pub(super) fn dropped(labels: &[(&'static str, String)], reason: &'static str, number: u64) {
    let mut labels = labels.to_vec();
    labels.push(("reason", reason.to_owned()));
    metrics::counter!(metric::CAMERA_EVENTS_DROPPED, &labels).increment(number);
}

impl Dispatcher {
    /// Sends until `stop` is cancelled or every outbox is gone, and what is left then.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let more = tokio::select! {
                () = stop.cancelled() => false,
                more = self.fill(&mut batch) => more,
            };
            if !more {
                break;
            }
            self.deliver(&mut batch, &stop).await;
            if stop.is_cancelled() {
                break;
            }
        }
        while let (true, Ok(event)) = (batch.len() < 2 * DEPTH, self.events.try_recv()) {
            batch.push(event);
        }
        while let (true, Ok(event)) = (batch.len() < 2 * DEPTH, self.frames.try_recv()) {
            batch.push(event);
        }
        if !batch.is_empty() && !matches!(tokio::time::timeout(FAREWELL, self.send(&batch)).await, Ok(Ok(()))) {
            tracing::warn!(events = batch.len(), "camera events were not delivered before the end");
        }
    }

    /// Waits for the first event and takes what else is there; false when nothing will come any more.
    async fn fill(&mut self, batch: &mut Vec<CameraEvent>) -> bool {
        let first = tokio::select! {
            biased;
            Some(event) = self.events.recv() => event,
            Some(event) = self.frames.recv() => event,
            else => return false,
        };
        batch.push(first);
        while batch.len() < BATCH
            && let Ok(event) = self.events.try_recv()
        {
            batch.push(event);
        }
        while batch.len() < BATCH
            && let Ok(event) = self.frames.try_recv()
        {
            batch.push(event);
        }
        true
    }

    /// Delivers a batch, however long Kafka is away; leaves it when the process stops.
    async fn deliver(&mut self, batch: &mut Vec<CameraEvent>, stop: &CancellationToken) {
        let mut waits = false;
        loop {
            #[expect(clippy::cast_precision_loss, reason = "a gauge")]
            let waiting = (batch.len() + self.events.len() + self.frames.len()) as f64;
            metrics::gauge!(metric::CAMERA_EVENT_QUEUE).set(waiting);
            let sent = tokio::select! {
                () = stop.cancelled() => return,
                sent = self.send(batch) => sent,
            };
            match sent {
                Ok(()) => {
                    if waits {
                        tracing::info!("camera events go out again");
                    }
                    batch.clear();
                    return;
                }
                Err(Error::Encode { record, source }) => {
                    // A defect of ours: it would fail for ever.
                    tracing::error!(record, error = %chain(&source), events = batch.len(), "cannot be encoded");
                    if let Some(first) = batch.first() {
                        let camera = ("camera", first.camera_id.as_str().to_owned());
                        dropped(&[("store", first.store_id.as_str().to_owned()), camera], "encode", batch.len() as u64);
                    }
                    batch.clear();
                    return;
                }
                Err(error) if !waits => {
                    waits = true;
                    tracing::warn!(error = %chain(&error), "camera events wait for Kafka");
                }
                Err(_) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    async fn send(&self, batch: &[CameraEvent]) -> Result<()> {
        let values = avro::encode(batch).map_err(|source| Error::Encode { record: "CameraEvent", source })?;
        let records = batch.iter().zip(values).map(|(event, value)| Outgoing {
            topic: topic::CAM_EVENT.to_owned(),
            key: Some(Bytes::from(StoreKey::new(event.tenant_id.clone(), event.store_id.clone()).to_string())),
            value: Some(value),
            headers: Vec::new(),
        });
        self.producer.send(records.collect()).await.map(|_| ())
    }
}
