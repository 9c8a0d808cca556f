//! What can be seen of an event: its video, presence in the zones, the detector's boxes.
//!
//! Presence and boxes are read from the log for the span of the video. If the broker does not answer in time the rest is
//! answered all the same, and `problems` says what is missing.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use tillsight_ingest::bus::WindowQuery;
use tillsight_schemas::alert::{Evidence, SeenSpan};
use tillsight_schemas::detection::DetectionFrame;
use tillsight_schemas::id::{CameraId, RegisterId, StoreKey};
use tillsight_schemas::port::{LogRecord, PortError};
use tillsight_schemas::presence::PresenceTile;
use tillsight_schemas::segment::{StreamKey, StreamKind};
use tillsight_schemas::wire::{avro, columns};
use tillsight_schemas::{TimeSpan, topic};

use super::Shared;
use super::auth::{Person, Right};
use super::views::{LookShown, Sight, Video};

/// How long after their time tiles and boxes are logged at most: a zone that was behind.
const SLACK: TimeDelta = TimeDelta::seconds(30);
/// Records of one question at most.
const ROWS: usize = 20_000;
/// How long after its end a clip may still grow: pictures are on disk within two seconds, and found a moment later.
const GROWS: TimeDelta = TimeDelta::seconds(4);
/// How long the broker has.
const PATIENCE: Duration = Duration::from_secs(2);

/// The records that could be decoded; others are counted in the log.
pub(super) fn decoded<T: avro::Avro>(decoder: &avro::Decoder<T>, records: &[LogRecord]) -> Result<Vec<T>, PortError> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let values: Vec<&[u8]> = records.iter().filter_map(|record| record.value.as_deref()).collect();
    let decoded = decoder.decode(&values)?;
    if !decoded.failed.is_empty() {
        tracing::warn!(records = decoded.failed.len(), "records of the log cannot be read");
    }
    Ok(columns::from_batch(&decoded.batch)?)
}

/// What a topic says about a span of a store; notes a problem when that is not all.
pub(super) async fn said<T: avro::Avro + Send + 'static>(
    shared: &Shared,
    query: WindowQuery,
    what: &str,
    problems: &mut Vec<String>,
) -> Vec<T> {
    let read = async {
        let window = shared.windows.read(query).await?;
        let whole = window.whole;
        // A day of a shop takes a while to decode, and others wait for this thread.
        let work = tokio::task::spawn_blocking(move || decoded(&avro::Decoder::<T>::new(), &window.records));
        Ok::<_, PortError>((work.await??, whole))
    };
    match read.await {
        Ok((records, whole)) => {
            if !whole {
                problems.push(format!("{what} is not all there: it is more than is read at once"));
            }
            records
        }
        Err(error) => {
            tracing::warn!(%error, what, "the log cannot be read");
            problems.push(format!("{what} is missing: the log does not answer"));
            Vec::new()
        }
    }
}

/// The tiles of a store in a span.
pub(super) async fn tiles(
    shared: &Shared,
    store: &StoreKey,
    span: TimeSpan,
    (rows, patience): (usize, Duration),
    problems: &mut Vec<String>,
) -> Vec<PresenceTile> {
    let query = WindowQuery {
        topic: topic::CAM_PRESENCE.to_owned(),
        key: Some(store.to_string()),
        from: span.start(),
        to: Some(span.end() + SLACK),
        rows,
        patience,
    };
    let mut tiles: Vec<PresenceTile> = said(shared, query, "presence", problems).await;
    tiles.retain(|tile| tile.start_at < span.end() && tile.end_at > span.start());
    tiles
}

/// Tiles as spans of one state, clipped to a span; a tile that was published twice counts once.
pub(super) fn coalesce(tiles: &[PresenceTile], span: TimeSpan) -> Vec<SeenSpan> {
    let mut zones: BTreeMap<_, BTreeMap<DateTime<Utc>, &PresenceTile>> = BTreeMap::new();
    for tile in tiles {
        zones.entry(&tile.zone_id).or_default().insert(tile.start_at, tile);
    }
    let mut spans: Vec<SeenSpan> = Vec::new();
    for tiles in zones.values() {
        for tile in tiles.values() {
            let (start_at, end_at) = (tile.start_at.max(span.start()), tile.end_at.min(span.end()));
            match spans.last_mut() {
                Some(last)
                    if last.zone_id == tile.zone_id
                        && last.end_at >= start_at
                        && (last.state, last.blind, last.source) == (tile.state, tile.blind, tile.source) =>
                {
                    last.end_at = last.end_at.max(end_at);
                }
                _ if start_at < end_at => spans.push(SeenSpan {
                    zone_id: tile.zone_id.clone(),
                    zone_kind: tile.zone_kind,
                    start_at,
                    end_at,
                    state: tile.state,
                    blind: tile.blind,
                    source: tile.source,
                }),
                _ => {}
            }
        }
    }
    spans
}

async fn boxes(
    shared: &Shared,
    store: &StoreKey,
    cameras: &[CameraId],
    span: TimeSpan,
    problems: &mut Vec<String>,
) -> Vec<LookShown> {
    let query = WindowQuery {
        topic: topic::CAM_DETECTION.to_owned(),
        key: None,
        from: span.start(),
        to: Some(span.end() + SLACK),
        rows: ROWS,
        patience: PATIENCE,
    };
    let frames: Vec<DetectionFrame> = said(shared, query, "what the detector saw", problems).await;
    let mut looks: Vec<LookShown> = frames
        .into_iter()
        .filter(|frame| {
            (&frame.tenant_id, &frame.store_id) == (&store.tenant, &store.store)
                && cameras.contains(&frame.camera_id)
                && span.contains(frame.at)
        })
        .map(|frame| LookShown { at: frame.at, camera_id: frame.camera_id, boxes: frame.boxes })
        .collect();
    looks.sort_by(|a, b| (a.at, &a.camera_id).cmp(&(b.at, &b.camera_id)));
    looks
}

/// Whether any of the evidence is recorded at this moment.
pub(super) async fn has_video(shared: &Shared, store: &StoreKey, evidence: &[Evidence]) -> bool {
    for each in evidence {
        let Some(camera) = &each.camera_id else { continue };
        let Ok(span) = TimeSpan::new(each.from_at, each.to_at) else { continue };
        let key = StreamKey::new(store, camera.clone(), StreamKind::Main);
        let coverage = shared.cameras.coverage(&key, span, shared.clock.now()).await;
        if coverage.is_ok_and(|coverage| coverage.is_some_and(|coverage| !coverage.recorded.is_empty())) {
            return true;
        }
    }
    false
}

/// The video of one camera; of an event at a register, where it is of one.
pub(super) async fn video(
    shared: &Shared,
    person: &Person,
    store: &StoreKey,
    register: Option<&RegisterId>,
    each: &Evidence,
) -> Video {
    let mut video = Video {
        camera_id: each.camera_id.clone(),
        camera_name: each.camera_id.as_ref().map(|camera| shared.cameras.name(store, camera)),
        from_at: each.from_at,
        to_at: each.to_at,
        event_at: each.event_at,
        starts_at: None,
        clip_url: None,
        play_url: None,
        poster_url: None,
        note: each.note.clone(),
        gaps: Vec::new(),
    };
    let Some(camera) = &each.camera_id else {
        video.note.get_or_insert_with(|| match register {
            Some(register) => format!("no camera looks at register {register}"),
            None => "no camera".to_owned(),
        });
        return video;
    };
    let Ok(span) = TimeSpan::new(each.from_at, each.to_at) else {
        video.note.get_or_insert_with(|| "the span of the video is empty".to_owned());
        return video;
    };
    let key = StreamKey::new(store, camera.clone(), StreamKind::Main);
    let shop = shared.stores.get(&store.tenant, &store.store);
    let recorded = shared.cameras.recorded(&key, span, shop, shared.clock.now()).await;
    video.gaps = recorded.gaps;
    video.starts_at = recorded.starts_at;
    // What holds now counts, not what held when the alert was raised.
    video.note = recorded.note;
    if recorded.any && !person.may(Right::Video) {
        video.note = Some(format!("the role {} does not see video", person.role));
    } else if recorded.any {
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
        let clip = format!(
            "/api/v1/clips/{camera}.mp4?store={}&from={}&to={}",
            store.store,
            time(each.from_at),
            time(each.to_at)
        );
        // A clip that is still growing has another address each time: no player takes the old one for the new.
        let now = shared.clock.now();
        let growing = (each.to_at + GROWS > now).then(|| format!("{clip}&seen={}", now.timestamp_millis()));
        video.play_url = Some(growing.unwrap_or_else(|| clip.clone()));
        video.clip_url = Some(clip);
        video.poster_url =
            Some(format!("/api/v1/stills/{camera}.jpg?store={}&at={}", store.store, time(each.event_at)));
    }
    video
}

/// What can be seen of an event at a register.
pub(super) async fn sight(
    shared: &Shared,
    person: &Person,
    store: &StoreKey,
    register: &RegisterId,
    evidence: &[Evidence],
) -> Sight {
    let mut sight =
        Sight { video: Vec::new(), presence: Vec::new(), zones: Vec::new(), boxes: Vec::new(), problems: Vec::new() };
    for each in evidence {
        sight.video.push(video(shared, person, store, Some(register), each).await);
    }
    let cameras: Vec<CameraId> = evidence.iter().filter_map(|each| each.camera_id.clone()).collect();
    let zones: Vec<_> = shared.cameras.zones(store).collect();
    sight.zones = zones.iter().filter(|zone| cameras.contains(&zone.camera)).map(|zone| (*zone).clone()).collect();
    let from = evidence.iter().map(|each| each.from_at).min();
    let to = evidence.iter().map(|each| each.to_at).max();
    let Some(span) = from.zip(to).and_then(|(from, to)| TimeSpan::new(from, to).ok()) else { return sight };
    let (mut of_presence, mut of_boxes) = (Vec::new(), Vec::new());
    let (mut tiles, boxes) = tokio::join!(
        tiles(shared, store, span, (ROWS, PATIENCE), &mut of_presence),
        boxes(shared, store, &cameras, span, &mut of_boxes),
    );
    tiles.retain(|tile| tile.register_id.as_ref() == Some(register));
    sight.presence = coalesce(&tiles, span);
    sight.boxes = boxes;
    sight.problems = of_presence.into_iter().chain(of_boxes).collect();
    sight
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile(start: i64, end: i64, state: &str) -> PresenceTile {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let mut tile: PresenceTile =
            serde_json::from_str(include_str!("../../../schemas/samples/v1/presence_tile.json")).unwrap();
        (tile.start_at, tile.end_at, tile.state, tile.blind) = (at(start), at(end), state.parse().unwrap(), None);
        tile
    }

    #[test]
    fn tiles_of_one_state_become_one_span_and_cut_points_vanish() {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let span = TimeSpan::new(at(2), at(18)).unwrap();
        let tiles = [
            tile(5, 10, "absent"),
            tile(0, 5, "absent"),
            tile(5, 10, "absent"),
            tile(10, 13, "present"),
            tile(13, 20, "absent"),
        ];
        let seen = coalesce(&tiles, span);
        let spans: Vec<_> =
            seen.iter().map(|seen| (seen.start_at.timestamp(), seen.end_at.timestamp(), seen.state.as_str())).collect();
        assert_eq!(spans, [(2, 10, "absent"), (10, 13, "present"), (13, 18, "absent")]);
    }
}
