//! The analysis against a real RTSP server and real surveillance footage (`vtest.avi` of Debian's opencv-doc), as a role
//! of a running shop: what it says is read from Kafka.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_ingest::bus::{Connection, TopicReader};
use tillsight_schemas::detection::DetectionFrame;
use tillsight_schemas::port::EventSource as _;
use tillsight_schemas::presence::{Blind, PresenceState, PresenceTile};
use tillsight_schemas::wire::{avro, columns};
use tillsight_schemas::{Clock as _, SystemClock, topic};
use tillsight_tests::Shop;
use tillsight_tests::camera::Camera;
use tillsight_tests::outside::{cache, run};

/// Makes (once) a film of the footage, as a camera codes it.
fn film(name: &str, filter: &str) -> PathBuf {
    let footage = cache().join("film/vtest.avi");
    assert!(footage.is_file(), "{} is missing: run deploy/setup.sh test", footage.display());
    let path = std::env::temp_dir().join(format!("tillsight-{name}.mp4"));
    if !path.is_file() {
        let half = path.with_extension("half.mp4");
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-y", "-i"]).arg(&footage).args(["-vf", filter, "-an", "-c:v", "libx264"]);
        ffmpeg.args(["-preset", "ultrafast", "-crf", "23", "-bf", "0", "-g", "20", "-pix_fmt", "yuv420p"]);
        run(ffmpeg.arg(&half), b"");
        std::fs::rename(half, &path).unwrap();
    }
    path
}

/// Everything of a topic.
async fn read<T: avro::Avro>(shop: &Shop, topic: &str) -> Vec<T> {
    let mut reader = TopicReader::new(&Connection::local(shop.kafka), "presence-test", vec![topic.to_owned()]).unwrap();
    let bounds = reader.bounds().await.unwrap();
    reader.seek(&bounds.iter().map(|(partition, range)| (partition.clone(), range.start)).collect()).await.unwrap();
    let expected: i64 = bounds.values().map(|range| range.end - range.start).sum();
    let mut values = Vec::new();
    while i64::try_from(values.len()).unwrap() < expected {
        let records = reader.poll(10_000, Duration::from_millis(500)).await.unwrap();
        values.extend(records.into_iter().filter_map(|record| record.value));
    }
    let slices: Vec<&[u8]> = values.iter().map(AsRef::as_ref).collect();
    let decoded = avro::Decoder::<T>::new().decode(&slices).unwrap();
    assert!(decoded.failed.is_empty(), "{:?}", decoded.failed);
    columns::from_batch(&decoded.batch).unwrap()
}

/// The tiles of each zone; they must follow each other without holes, none longer than five seconds.
async fn tiles(shop: &Shop) -> BTreeMap<String, Vec<PresenceTile>> {
    let mut zones: BTreeMap<String, Vec<PresenceTile>> = BTreeMap::new();
    for tile in read::<PresenceTile>(shop, topic::CAM_PRESENCE).await {
        assert!(tile.start_at < tile.end_at && tile.end_at - tile.start_at <= TimeDelta::seconds(5), "{tile:?}");
        assert_eq!(tile.blind.is_some(), tile.state == PresenceState::Unknown, "{tile:?}");
        let zone = zones.entry(tile.zone_id.to_string()).or_default();
        if let Some(before) = zone.last() {
            assert_eq!(before.end_at, tile.start_at, "a hole in {}", tile.zone_id);
        }
        zone.push(tile);
    }
    zones
}

/// Waits for a tile of a zone that ends after an instant.
async fn says(
    shop: &Shop,
    zone: &str,
    after: DateTime<Utc>,
    seconds: u64,
    is: impl Fn(&PresenceTile) -> bool,
) -> PresenceTile {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        let zones = tiles(shop).await;
        let said = zones.get(zone).into_iter().flatten().filter(|tile| tile.end_at > after);
        if let Some(tile) = said.clone().find(|tile| is(tile)) {
            return tile.clone();
        }
        let last: Vec<_> = said.map(|tile| (tile.start_at.time(), tile.state, tile.blind)).collect();
        assert!(Instant::now() < deadline, "{zone} did not say so within {seconds} s: {last:?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

fn camera(id: &str, url: &str) -> String {
    format!("[[camera]]\nid = \"{id}\"\ntenant = \"demo\"\nstore = \"17\"\nurl = \"{url}\"\n")
}

fn zone(id: &str, camera: &str, polygon: &str) -> String {
    format!(
        "[[zone]]\nid = \"{id}\"\ntenant = \"demo\"\nstore = \"17\"\ncamera = \"{camera}\"\nkind = \"customer\"\n\
         polygon = {polygon}\n"
    )
}

/// Where people walk in the footage, and a corner of the lawn where nobody does.
const ROAD: &str = "[[0.3, 0.36], [0.98, 0.4], [0.98, 0.75], [0.5, 0.66], [0.3, 0.5]]";
const LAWN: &str = "[[0.01, 0.62], [0.15, 0.62], [0.15, 0.97], [0.01, 0.97]]";

fn serve(file: &Path, port: &str) -> Camera {
    Camera::start(&["--file", file.to_str().unwrap(), "--port", port])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_zone_is_present_an_empty_one_absent_and_an_unplugged_camera_unknown() {
    let footage = film("footage", "null");
    let path = serve(&footage, "0");
    let shop = Shop::with(&(camera("path", &path.url) + &zone("road", "path", ROAD) + &zone("lawn", "path", LAWN)));
    let begun = SystemClock.now() - TimeDelta::minutes(1);
    let somebody = says(&shop, "road", begun, 60, |tile| tile.state == PresenceState::Present && tile.looks > 0).await;
    assert!(somebody.people >= 1 && somebody.run.is_some() && somebody.model.is_some(), "{somebody:?}");
    says(&shop, "lawn", begun, 60, |tile| tile.state == PresenceState::Absent).await;
    let boxes = read::<DetectionFrame>(&shop, topic::CAM_DETECTION).await;
    assert!(boxes.iter().any(|frame| frame.boxes.iter().any(|found| found.track_id.is_some())));
    assert!(boxes.windows(2).all(|pair| pair[1].at - pair[0].at >= TimeDelta::milliseconds(500)));

    let port = path.port();
    path.kill();
    let killed = SystemClock.now();
    for zone in ["road", "lawn"] {
        let blind = says(&shop, zone, killed, 30, |tile| tile.blind == Some(Blind::NoSignal)).await;
        assert!(blind.start_at <= killed + TimeDelta::seconds(10), "{blind:?}");
    }

    let path = serve(&footage, &port);
    let back = SystemClock.now();
    says(&shop, "lawn", back, 60, |tile| tile.state == PresenceState::Absent).await;
    says(&shop, "road", back, 60, |tile| tile.state == PresenceState::Present).await;
    drop(path);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_and_a_black_picture_are_unknown_though_frames_come() {
    // 10 s of the footage, its last picture for 12 s, black for 12 s; then from the beginning.
    let trouble = film(
        "trouble",
        "trim=end_frame=100,tpad=stop_mode=clone:stop_duration=24,drawbox=t=fill:c=black:enable='gte(t,22)'",
    );
    let path = serve(&trouble, "0");
    let shop = Shop::with(&(camera("path", &path.url) + &zone("lawn", "path", LAWN)));
    let begun = SystemClock.now() - TimeDelta::minutes(1);
    says(&shop, "lawn", begun, 90, |tile| tile.state == PresenceState::Absent).await;
    let frozen = says(&shop, "lawn", begun, 90, |tile| tile.blind == Some(Blind::Frozen)).await;
    let black = says(&shop, "lawn", frozen.end_at, 90, |tile| tile.blind == Some(Blind::Covered)).await;
    // The picture stands still for 12 s before it goes black: it was noticed within ten.
    let unknown: TimeDelta = tiles(&shop).await["lawn"]
        .iter()
        .filter(|tile| tile.start_at >= frozen.start_at && tile.end_at <= black.start_at)
        .map(|tile| {
            assert_eq!(tile.state, PresenceState::Unknown, "{tile:?}");
            tile.end_at - tile.start_at
        })
        .sum();
    assert!(unknown >= TimeDelta::seconds(2), "{unknown}");
    says(&shop, "lawn", black.end_at, 90, |tile| tile.state == PresenceState::Absent).await;
}
