//! [`Cameras`]: the cameras that are set up, their zones and their recordings, and in words why there is no video.

use std::path::PathBuf;
use std::sync::Arc;

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use tillsight_ingest::record::{Coverage, Error, Reader};
use tillsight_schemas::clip::ClipGap;
use tillsight_schemas::id::{CameraId, RegisterId, StoreId, StoreKey, ZoneId};
use tillsight_schemas::segment::{GapReason, StreamKey, StreamKind};
use tillsight_schemas::store::Store;
use tillsight_schemas::zone::Zone;
use tillsight_schemas::{ErrorKind, HasKind, TimeSpan};
use tokio::sync::OnceCell;

use super::answer::answer;
use super::auth::Scope;
use super::problem::Problem;
use super::setup::StreamSeen;
use crate::config::{Camera, PlacedZone};

/// A camera whose last picture is not older is live: the index hears of pictures every two seconds.
const LIVE: TimeDelta = TimeDelta::seconds(10);

answer! {
    /// A camera.
    struct CameraShown {
        /// The shop.
        store_id: StoreId,
        /// Its id.
        id: CameraId,
        /// What people call it.
        name: String,
        /// `live`: it is being recorded; `lost`: it is not; `unknown`: nothing was ever recorded.
        state: String,
        /// Since when it is lost.
        since: Option<DateTime<Utc>>,
        /// Why it is lost.
        reason: Option<GapReason>,
        /// Its zones.
        zones: Vec<Zone>,
        /// The end of its last picture.
        last_frame_at: Option<DateTime<Utc>>,
        /// Where its recordings begin.
        recorded_from: Option<DateTime<Utc>>,
        /// Where its recordings end.
        recorded_to: Option<DateTime<Utc>>,
        /// Whether its pictures are looked at: a zone of it had a statement within the last half minute.
        analysed: bool,
    }
}

/// A camera of a store.
#[derive(Debug, Clone)]
pub(crate) struct CameraOf {
    pub(crate) store: StoreKey,
    pub(crate) id: CameraId,
    pub(crate) name: String,
}

/// The cameras that are set up, and their recordings.
#[derive(Debug)]
pub(crate) struct Cameras {
    volume: PathBuf,
    cameras: Vec<CameraOf>,
    zones: Vec<(StoreKey, Zone)>,
    reader: Arc<OnceCell<Reader>>,
}

/// What is recorded of a span.
#[derive(Debug, Clone, Default)]
pub(super) struct Recorded {
    /// Whether there is any picture.
    pub(super) any: bool,
    /// When the first picture of the span is.
    pub(super) starts_at: Option<DateTime<Utc>>,
    /// Why there is none, or not all.
    pub(super) note: Option<String>,
    /// Spans without video.
    pub(super) gaps: Vec<ClipGap>,
}

impl Cameras {
    /// The cameras of a configuration, recorded in this folder, and what they look at.
    pub(crate) fn new(volume: PathBuf, cameras: &[Camera], zones: &[PlacedZone]) -> Self {
        let camera = |camera: &Camera| CameraOf {
            store: StoreKey::new(camera.tenant.clone(), camera.store.clone()),
            id: camera.id.clone(),
            name: if camera.name.is_empty() { camera.id.to_string() } else { camera.name.clone() },
        };
        let zone = |zone: &PlacedZone| (StoreKey::new(zone.tenant.clone(), zone.store.clone()), zone.zone());
        Self {
            volume,
            cameras: cameras.iter().map(camera).collect(),
            zones: zones.iter().map(zone).collect(),
            reader: Arc::default(),
        }
    }

    /// The same recordings with other cameras.
    pub(crate) fn with(&self, cameras: &[Camera], zones: &[PlacedZone]) -> Self {
        Self { reader: Arc::clone(&self.reader), ..Self::new(self.volume.clone(), cameras, zones) }
    }

    /// The cameras within a scope.
    pub(super) fn within<'a>(&'a self, scope: &'a Scope) -> impl Iterator<Item = &'a CameraOf> {
        self.cameras.iter().filter(|camera| scope.sees(&camera.store.tenant, &camera.store.store))
    }

    /// The cameras of a store.
    pub(crate) fn of_store<'a>(&'a self, store: &'a StoreKey) -> impl Iterator<Item = &'a CameraOf> {
        self.cameras.iter().filter(move |camera| camera.store == *store)
    }

    /// All cameras.
    pub(super) fn all(&self) -> &[CameraOf] {
        &self.cameras
    }

    /// The zones of a store.
    pub(crate) fn zones<'a>(&'a self, store: &'a StoreKey) -> impl Iterator<Item = &'a Zone> {
        self.zones.iter().filter(move |(of, _)| of == store).map(|(_, zone)| zone)
    }

    /// The registers of a store that a zone belongs to, each with its cameras and zones.
    pub(super) fn registers(&self, store: &StoreKey) -> Vec<(RegisterId, Vec<CameraId>, Vec<ZoneId>)> {
        let mut registers: Vec<(RegisterId, Vec<CameraId>, Vec<ZoneId>)> = Vec::new();
        for zone in self.zones(store) {
            let Some(register) = &zone.register else { continue };
            let at = registers.iter().position(|(id, _, _)| id == register).unwrap_or_else(|| {
                registers.push((register.clone(), Vec::new(), Vec::new()));
                registers.len() - 1
            });
            if let Some((_, cameras, zones)) = registers.get_mut(at) {
                if !cameras.contains(&zone.camera) {
                    cameras.push(zone.camera.clone());
                }
                zones.push(zone.id.clone());
            }
        }
        registers
    }

    /// What people call a camera.
    pub(crate) fn name(&self, store: &StoreKey, id: &CameraId) -> String {
        let found = self.cameras.iter().find(|camera| camera.store == *store && camera.id == *id);
        found.map_or_else(|| id.to_string(), |camera| camera.name.clone())
    }

    /// The camera of that name within a scope.
    pub(super) fn find(&self, name: &str, store: Option<&StoreId>, scope: &Scope) -> Result<StreamKey, Problem> {
        let asked =
            |camera: &&CameraOf| camera.id.as_str() == name && store.is_none_or(|store| *store == camera.store.store);
        let mut found = self.within(scope).filter(asked);
        match (found.next(), found.next()) {
            (Some(camera), None) => Ok(StreamKey::new(&camera.store, camera.id.clone(), StreamKind::Main)),
            (Some(_), Some(_)) => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "which camera",
                format!("several stores have a camera {name}: say which with ?store="),
            )),
            (None, _) => {
                Err(Problem::new(StatusCode::NOT_FOUND, "not found", format!("there is no camera {name} for you")))
            }
        }
    }

    /// The recordings.
    pub(crate) async fn reader(&self) -> Result<&Reader, Error> {
        self.reader.get_or_try_init(|| Reader::open(&self.volume)).await
    }

    /// How a camera covers a span; `None` when it was never to be recorded.
    pub(super) async fn coverage(
        &self,
        key: &StreamKey,
        span: TimeSpan,
        now: DateTime<Utc>,
    ) -> Result<Option<Coverage>, Error> {
        match self.reader().await?.coverage(key, span, now).await {
            Ok(coverage) => Ok(Some(coverage)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is recorded of a span, in words of the store.
    pub(super) async fn recorded(
        &self,
        key: &StreamKey,
        span: TimeSpan,
        store: Option<&Store>,
        now: DateTime<Utc>,
    ) -> Recorded {
        let nothing = |note: String| Recorded { note: Some(note), ..Recorded::default() };
        let camera = &key.camera;
        let coverage = match self.coverage(key, span, now).await {
            Ok(Some(coverage)) => coverage,
            Ok(None) => return nothing(format!("camera {camera} was never recorded")),
            Err(error) => {
                tracing::warn!(%error, camera = %key, "the recordings cannot be read");
                return nothing(format!("the recordings of camera {camera} cannot be read"));
            }
        };
        let any = !coverage.recorded.is_empty();
        if any || !coverage.gaps.is_empty() {
            let words: Vec<String> = coverage.gaps.iter().map(|gap| self::gap(camera, gap, store)).collect();
            let gaps = coverage.gaps.iter().map(|(span, reason)| ClipGap {
                start_at: span.start(),
                end_at: span.end(),
                reason: *reason,
            });
            let note = (!words.is_empty()).then(|| words.join("; "));
            let starts_at = coverage.recorded.iter().map(TimeSpan::start).min().map(|at| at.max(span.start()));
            return Recorded { any, starts_at, note, gaps: gaps.collect() };
        }
        if span.start() >= now || coverage.pending_us > 0 {
            return nothing("it is being recorded just now; look again in a few seconds".to_owned());
        }
        match self.first_scheduled(key).await {
            Some(first) if span.end() <= first => {
                nothing(format!("before camera {camera} was set up ({})", local(store, first, "%Y-%m-%d %H:%M")))
            }
            _ => nothing(format!("camera {camera} was not to be recorded then")),
        }
    }

    async fn first_scheduled(&self, key: &StreamKey) -> Option<DateTime<Utc>> {
        let index = self.reader().await.ok()?.index();
        let stream = index.stream_id(key, false).await.ok()??;
        let schedules = index.schedules(stream).await.ok()?;
        schedules.first().and_then(|(from, _)| DateTime::from_timestamp_micros(*from))
    }

    /// How a camera is.
    pub(super) async fn shown(&self, camera: &CameraOf, analysed: bool, now: DateTime<Utc>) -> CameraShown {
        let key = StreamKey::new(&camera.store, camera.id.clone(), StreamKind::Main);
        let zones = self.zones(&camera.store).filter(|zone| zone.camera == camera.id).cloned().collect();
        let mut shown = CameraShown {
            store_id: camera.store.store.clone(),
            id: camera.id.clone(),
            name: camera.name.clone(),
            state: "unknown".to_owned(),
            since: None,
            reason: None,
            zones,
            last_frame_at: None,
            recorded_from: None,
            recorded_to: None,
            analysed,
        };
        let Ok(reader) = self.reader().await else { return shown };
        let Ok(Some(stream)) = reader.index().stream_id(&key, false).await else { return shown };
        let last = TimeSpan::new(now - LIVE, now).ok();
        let gaps = match last {
            Some(last) => reader.index().gaps(stream, last).await.unwrap_or_default(),
            None => Vec::new(),
        };
        if let Ok(Some((from, to, open))) = reader.index().extent(stream).await {
            shown.recorded_from = DateTime::from_timestamp_micros(from);
            shown.recorded_to = DateTime::from_timestamp_micros(to);
            shown.last_frame_at = shown.recorded_to;
            let fresh = shown.recorded_to.is_some_and(|to| now - to < LIVE);
            (shown.state, shown.since) =
                if open && fresh { ("live".to_owned(), None) } else { ("lost".to_owned(), shown.recorded_to) };
        }
        if let Some(gap) = gaps.iter().rfind(|gap| gap.end_us.is_none()) {
            shown.state = "lost".to_owned();
            shown.since = DateTime::from_timestamp_micros(gap.start_us);
            shown.reason = Some(gap.reason);
        }
        shown
    }
}

impl Cameras {
    /// The main stream of a camera as it is recorded just now, if it is.
    pub(super) async fn recorded_stream(&self, camera: &CameraOf, now: DateTime<Utc>) -> Option<StreamSeen> {
        let index = self.reader().await.ok()?.index();
        let key = StreamKey::new(&camera.store, camera.id.clone(), StreamKind::Main);
        let stream = index.stream_id(&key, false).await.ok()??;
        let last = TimeSpan::new(now - TimeDelta::minutes(3), now).ok()?;
        let segments = index.segments(stream, last).await.ok()?;
        let segment = segments.iter().rfind(|segment| segment.frames > 1 && segment.end_us > segment.start_us)?;
        let seconds = f64::from(u32::try_from((segment.end_us - segment.start_us) / 1_000).ok()?) / 1_000.0;
        let per_second = |count: i64| u32::try_from(count).ok().map(|count| f64::from(count) / seconds);
        let codec = if segment.codec.starts_with("avc") { "H.264" } else { "H.265" };
        Some(StreamSeen {
            which: "main".to_owned(),
            codec: Some(codec.to_owned()),
            width: Some(segment.width),
            height: Some(segment.height),
            fps: per_second(segment.frames).map(|fps| (fps * 10.0).round() / 10.0),
            gop_seconds: None,
            kbit_s: segment.bytes.saturating_mul(8).checked_div((segment.end_us - segment.start_us) / 1_000),
        })
    }
}

/// An instant on the store's wall clock.
fn local(store: Option<&Store>, at: DateTime<Utc>, form: &str) -> String {
    match store {
        Some(store) => store.local(at).format(form).to_string(),
        None => format!("{} UTC", at.format(form)),
    }
}

/// A gap in words.
fn gap(camera: &CameraId, (span, reason): &(TimeSpan, GapReason), store: Option<&Store>) -> String {
    let why = match reason {
        GapReason::NotStarted | GapReason::Unreachable => "was unreachable",
        GapReason::Refused => "refused the login",
        GapReason::Disconnected => "was disconnected",
        GapReason::NoFrames => "sent no pictures",
        GapReason::ClockStep => "was not recorded because the clock was set",
        GapReason::Crash => "was not recorded because the recorder ended unexpectedly",
        GapReason::Stopped => "was not recorded because Tillsight was stopped",
        GapReason::Disk => "was not recorded because the disk refused",
        GapReason::Unscheduled => "was not to be recorded",
        GapReason::Unknown => "was not recorded",
        GapReason::Expired => "was deleted by retention",
    };
    let time = |at| local(store, at, "%H:%M:%S");
    format!("camera {camera} {why} {}-{}", time(span.start()), time(span.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_told_on_the_stores_clock() {
        let store = Store {
            tenant: "demo".parse().unwrap(),
            id: "17".parse().unwrap(),
            name: "Kiosk".into(),
            tz: "America/Chicago".parse().unwrap(),
            currency: tillsight_schemas::money::Currency::new("USD").unwrap(),
            day_ends: None,
            closes: None,
        };
        let at = |text: &str| text.parse().unwrap();
        let span = TimeSpan::new(at("2026-11-22T17:02:00Z"), at("2026-11-22T17:40:00Z")).unwrap();
        let words = gap(&"kiosk".parse().unwrap(), &(span, GapReason::Unreachable), Some(&store));
        assert_eq!(words, "camera kiosk was unreachable 11:02:00-11:40:00");
    }
}
