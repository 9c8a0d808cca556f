//! [`Origin`]: makes [`CameraEvent`]s of what a camera said, with ids that are functions of the statement alone.
//!
//! The same statement through the metadata stream and through a `PullPoint`, or told again to a new subscription, has the
//! same id. Two opposite changes back within the resolution of the camera's `UtcTime` are one statement to it.

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::camera_event::{CameraEvent, CameraEventKind, CameraEventVia};
use tillsight_schemas::id::{CameraId, StoreId, TenantId, derive};

use super::metadata::{Edges, Frame, Object};
use super::notification::{Notification, Operation};
use super::time::{self, CameraClock};
use super::topic::Meaning;

/// Bound of the error of a time that a metadata track's RTP clock gives, beyond that of the time map: half the interval
/// of the slowest usual analytics.
const METADATA_UNCERTAINTY_US: i64 = 200_000;

/// Whose statements they are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The retailer.
    pub tenant: TenantId,
    /// The shop.
    pub store: StoreId,
    /// The camera.
    pub camera: CameraId,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.tenant, self.store, self.camera)
    }
}

/// When a statement was made and received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// When it was so.
    pub at: DateTime<Utc>,
    /// Bound of the error of that, in microseconds.
    pub uncertainty_us: i64,
    /// When it reached us.
    pub received: DateTime<Utc>,
}

impl Moment {
    /// Of something in a metadata stream: the time map says when.
    pub fn of_metadata(utc_us: i64, arrived_us: i64) -> Self {
        let instant = |us| DateTime::from_timestamp_micros(us).unwrap_or_default();
        Self { at: instant(utc_us), uncertainty_us: METADATA_UNCERTAINTY_US, received: instant(arrived_us) }
    }

    /// Of a notification that was pulled: the camera's clock says when, corrected by its offset where that is known.
    pub fn of_notification(notification: &Notification, clock: Option<CameraClock>, received: DateTime<Utc>) -> Self {
        let Some(camera) = notification.time else {
            // All that is known is that it was so before it came.
            return Self {
                at: received,
                uncertainty_us: TimeDelta::seconds(60).num_microseconds().unwrap_or(0),
                received,
            };
        };
        let rough = time::resolution_us(&notification.time_raw);
        match clock {
            Some(clock) => {
                Self { at: clock.ours(camera), uncertainty_us: clock.uncertainty_us.saturating_add(rough), received }
            }
            None => {
                let apart = (received - camera).num_microseconds().unwrap_or(i64::MAX / 4).abs();
                Self { at: camera, uncertainty_us: apart.max(rough), received }
            }
        }
    }

    /// The same, earlier by so much.
    pub fn earlier(self, by: TimeDelta) -> Self {
        Self { at: self.at.checked_sub_signed(by).unwrap_or(self.at), ..self }
    }
}

impl Origin {
    /// The labels of metrics.
    pub(super) fn labels(&self) -> [(&'static str, String); 2] {
        [("store", self.store.as_str().to_owned()), ("camera", self.camera.as_str().to_owned())]
    }

    /// A notification as an event.
    pub fn notified(&self, notification: &Notification, via: CameraEventVia, moment: Moment) -> CameraEvent {
        let meaning = Meaning::of(notification);
        let items = [&notification.source, &notification.key, &notification.data].map(|items| {
            items.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("\u{1d}")
        });
        let deleted = (notification.operation == Some(Operation::Deleted)).then_some("deleted");
        let mut parts = vec![Some(notification.topic.as_str()), Some(notification.time_raw.as_str()), deleted];
        parts.extend(items.iter().map(|text| Some(text.as_str())));
        if items.iter().all(String::is_empty) {
            // Nothing that is understood tells it from another one.
            parts.push(Some(notification.raw.as_str()));
        }
        CameraEvent {
            topic: (!notification.topic.is_empty()).then(|| notification.topic.clone()),
            subject: meaning.subject,
            state: meaning.state,
            count: meaning.count,
            object_id: meaning.object_id,
            raw: Some(notification.raw.clone()),
            ..self.event(meaning.kind, via, &notification.time_raw, moment, &parts)
        }
    }

    /// A frame as events: who has left, and then who is there, or that nobody is.
    pub fn seen(&self, frame: &Frame, moment: Moment) -> Vec<CameraEvent> {
        let via = CameraEventVia::Metadata;
        let source = frame.source.as_deref();
        let gone = frame.gone.iter().map(|id| {
            let text = id.to_string();
            let parts = [Some("gone"), source, Some(frame.time_raw.as_str()), Some(&text)];
            let event = self.event(CameraEventKind::ObjectGone, via, &frame.time_raw, moment, &parts);
            CameraEvent { object_id: Some(*id), subject: frame.source.clone(), ..event }
        });
        let mut events: Vec<_> = gone.collect();
        if frame.objects.is_empty() {
            let parts = [Some("scene"), source, Some(frame.time_raw.as_str())];
            let event = self.event(CameraEventKind::Scene, via, &frame.time_raw, moment, &parts);
            events.push(CameraEvent { subject: frame.source.clone(), ..event });
        }
        events.extend(frame.objects.iter().map(|object| self.object(frame, object, moment)));
        events
    }

    fn object(&self, frame: &Frame, object: &Object, moment: Moment) -> CameraEvent {
        let id = object.id.map(|id| id.to_string());
        let place = object.edges.map(|Edges { left, top, right, bottom }| format!("{left},{top},{right},{bottom}"));
        let parts = [
            Some("object"),
            frame.source.as_deref(),
            Some(frame.time_raw.as_str()),
            id.as_deref(),
            object.class.as_deref(),
            place.as_deref(),
        ];
        CameraEvent {
            subject: frame.source.clone(),
            object_id: object.id,
            object_class: object.class.clone(),
            likelihood_milli: object.likelihood_milli,
            left: object.edges.map(|edges| edges.left),
            top: object.edges.map(|edges| edges.top),
            right: object.edges.map(|edges| edges.right),
            bottom: object.edges.map(|edges| edges.bottom),
            ..self.event(CameraEventKind::Object, CameraEventVia::Metadata, &frame.time_raw, moment, &parts)
        }
    }

    fn event(
        &self,
        kind: CameraEventKind,
        via: CameraEventVia,
        raw: &str,
        moment: Moment,
        parts: &[Option<&str>],
    ) -> CameraEvent {
        // Without a time of the camera's, ours tells statements apart.
        let ours = raw.is_empty().then(|| moment.at.timestamp_micros().to_string());
        let camera =
            [Some(self.tenant.as_str()), Some(self.store.as_str()), Some(self.camera.as_str()), ours.as_deref()];
        CameraEvent {
            event_id: derive("camera_event", camera.into_iter().chain(parts.iter().copied())),
            tenant_id: self.tenant.clone(),
            store_id: self.store.clone(),
            camera_id: self.camera.clone(),
            event_time: moment.at,
            event_time_raw: raw.to_owned(),
            received_at: moment.received,
            time_uncertainty_us: moment.uncertainty_us,
            kind,
            via,
            topic: None,
            subject: None,
            state: None,
            count: None,
            object_id: None,
            object_class: None,
            likelihood_milli: None,
            left: None,
            top: None,
            right: None,
            bottom: None,
            raw: None,
        }
    }
}
