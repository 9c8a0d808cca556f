//! The recorder against a real RTSP server (`GStreamer`) and real readers (ffprobe, ffmpeg).
//!
//! The camera serves a file whose pictures all differ, without re-encoding, so a decoded picture of a clip can be found
//! in the source: a clip is exact when it shows the right pictures, all of them, and nothing else.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_ingest::record::{self, Clip, Reader, Recorder, RecorderConfig};
use tillsight_ingest::rtsp::{Outlets, Phase, StreamConfig, StreamReader, StreamState, Transport};
use tillsight_schemas::segment::{GapReason, StreamKey};
use tillsight_schemas::{Clock as _, SystemClock, TimeSpan};
use tillsight_tests::camera::{Camera, HEVC, PLAIN, REORDERED, source};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A recorder with one camera stream.
struct Shop {
    folder: tempfile::TempDir,
    key: StreamKey,
    began: DateTime<Utc>,
    recorder: Recorder,
    outlets: Outlets,
    state: watch::Receiver<StreamState>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Shop {
    async fn open(camera: &Camera, change: impl FnOnce(&mut StreamConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(SystemClock);
        let key: StreamKey = "acme/17/till-1/main".parse().unwrap();
        let config = RecorderConfig { segment: Duration::from_secs(6), ..RecorderConfig::new(folder.path()) };
        let recorder = Recorder::open(config, clock.clone()).await.unwrap();
        let began = clock.now();
        let (sink, _) = recorder.stream(key.clone()).await.unwrap();
        let outlets = Outlets::new(Some(sink));
        let mut config = StreamConfig::new(key.clone(), url::Url::parse(&camera.url).unwrap());
        config.frame_timeout = Duration::from_secs(3);
        config.connect_timeout = Duration::from_secs(5);
        config.max_backoff = Duration::from_secs(1);
        change(&mut config);
        let reader = StreamReader::new(config, outlets.clone(), clock);
        let state = reader.state();
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(reader.run(stop.clone()));
        Self { folder, key, began, recorder, outlets, state, stop, tasks }
    }

    async fn reaches(&mut self, what: &str, seconds: u64, is: impl Fn(&StreamState) -> bool) -> StreamState {
        let wait = tokio::time::timeout(Duration::from_secs(seconds), self.state.wait_for(|state| is(state))).await;
        wait.unwrap_or_else(|_| panic!("not {what} within {seconds} s")).unwrap().clone()
    }

    async fn connected(&mut self) {
        self.reaches("connected", 15, |state| matches!(state.phase, Phase::Connected { .. })).await;
    }

    /// Waits until so many seconds are in the index, and returns what is recorded.
    async fn recorded(&self, seconds: i64) -> TimeSpan {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let now = SystemClock.now();
            let span = TimeSpan::new(self.began, now).unwrap();
            let covered = self.recorder.reader().coverage(&self.key, span, now).await.unwrap();
            if covered.recorded_us >= seconds * 1_000_000 {
                return *covered.recorded.last().unwrap();
            }
            assert!(Instant::now() < deadline, "{seconds} s were not recorded: {covered:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Stops everything in order and checks that files, index and chain agree.
    async fn close(mut self) -> (tempfile::TempDir, Reader) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        drop(self.outlets);
        self.recorder.close().await.unwrap();
        let reader = Reader::open(self.folder.path()).await.unwrap();
        let now = SystemClock.now();
        let report = record::check(self.folder.path(), reader.index(), true, now).await.unwrap();
        assert_eq!(report.problems, [], "{report:?}");
        let covered = reader.coverage(&self.key, TimeSpan::new(self.began, now).unwrap(), now).await.unwrap();
        assert_eq!(covered.recorded_us + covered.gap_us, covered.scheduled_us, "{covered:?}");
        (self.folder, reader)
    }
}

async fn save(clip: &Clip, path: &Path) {
    std::fs::write(path, clip.bytes.read(0..clip.bytes.len()).await.unwrap()).unwrap();
}

/// Runs a program; it must say nothing on its standard error.
fn quietly(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{program} {arguments:?}");
    assert!(output.status.success(), "{program} {arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The MD5 sums of the decoded pictures of a file, in the order they are shown, with their times in seconds.
fn pictures(path: &Path) -> Vec<(f64, String)> {
    let text = quietly(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-i",
            path.to_str().unwrap(),
            "-map",
            "0:v",
            "-f",
            "framemd5",
            "-fps_mode",
            "passthrough",
            "-",
        ],
    );
    let base = text.lines().find_map(|line| line.strip_prefix("#tb 0: ")).unwrap().to_owned();
    let (num, den) = base.split_once('/').unwrap();
    let tick = num.parse::<f64>().unwrap() / den.parse::<f64>().unwrap();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let fields: Vec<&str> = line.split(',').map(str::trim).collect();
            (fields[2].parse::<f64>().unwrap() * tick, fields[5].to_owned())
        })
        .collect()
}

/// Where the pictures of a clip stand in the source (which is served in a loop), and that they follow each other.
fn position_in(source: &[(f64, String)], clip: &[(f64, String)]) -> usize {
    let first = source.iter().position(|(_, sum)| *sum == clip[0].1).expect("the first picture is one of the source");
    for (at, (_, sum)) in clip.iter().enumerate() {
        assert_eq!(*sum, source[(first + at) % source.len()].1, "picture {at} of the clip");
    }
    first
}

async fn is_exact(shop: &Shop, source: &[(f64, String)], from: DateTime<Utc>, millis: i64) {
    let asked = TimeSpan::new(from, from + TimeDelta::milliseconds(millis)).unwrap();
    let clip = shop.recorder.reader().clip(&shop.key, asked).await.unwrap();
    let path = shop.folder.path().join("clip.mp4");
    save(&clip, &path).await;
    let shown = pictures(&path);
    let said = &clip.statement;
    assert_eq!(i64::try_from(shown.len()).unwrap(), said.frames, "{said:?}");
    assert!(shown[0].0.abs() < 1e-6, "the clip begins at {}", shown[0].0);
    position_in(source, &shown);
    // All pictures of the span, and none else: 15 a second.
    assert!((said.frames - millis * 15 / 1_000).abs() <= 1, "{said:?}");
    assert!(said.first_frame_at >= asked.start() && said.last_frame_at < asked.end());
    assert!(said.first_frame_at - asked.start() < TimeDelta::milliseconds(90), "{said:?}");
    assert!(asked.end() - said.last_frame_at < TimeDelta::milliseconds(90), "{said:?}");
    let last = shown.last().unwrap().0;
    let length = (said.last_frame_at - said.first_frame_at).num_microseconds().unwrap();
    assert!((last * 1e6 - length as f64).abs() < 5_000.0, "{last} {said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clips_are_exact_to_the_picture_in_closed_and_open_segments() {
    let file = source("plain", PLAIN);
    let log = tempfile::NamedTempFile::new().unwrap();
    let path = log.path().to_str().unwrap().to_owned();
    let camera = Camera::start(&["--file", file.to_str().unwrap(), "--audio", "--frame-log", &path]);
    let mut shop = Shop::open(&camera, |_| {}).await;
    let mut tap = shop.outlets.live("test");
    shop.connected().await;
    let span = shop.recorded(18).await;
    let original = pictures(&file);
    for (offset, millis) in [(1_370, 5_000), (3_333, 2_000), (500, 16_000), (7_990, 70)] {
        is_exact(&shop, &original, span.start() + TimeDelta::milliseconds(offset), millis).await;
    }
    // The newest two seconds lie in the segment that is being written.
    let span = shop.recorded(20).await;
    is_exact(&shop, &original, span.end() - TimeDelta::milliseconds(2_100), 2_000).await;

    // The picture at an instant is the one that the camera sent then.
    let asked = TimeSpan::new(span.start() + TimeDelta::seconds(12), span.start() + TimeDelta::seconds(13)).unwrap();
    let clip = shop.recorder.reader().clip(&shop.key, asked).await.unwrap();
    let target = shop.folder.path().join("aligned.mp4");
    save(&clip, &target).await;
    let at = position_in(&original, &pictures(&target));
    let sent = std::fs::read_to_string(&path).unwrap();
    let sent: Vec<serde_json::Value> = sent.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let sent = sent.iter().find(|line| line["source"] == at).unwrap()["wall_us"].as_i64().unwrap();
    let off = (clip.statement.first_frame_at.timestamp_micros() - sent).abs();
    println!(
        "first picture: {off} µs from when it was sent, stated bound {} µs",
        clip.statement.clocks[0].uncertainty_us
    );
    assert!(off <= clip.statement.clocks[0].uncertainty_us, "{off} µs off: {:?}", clip.statement);

    // Sound is there, as long as the pictures.
    assert!(clip.statement.has_audio);
    let probe = quietly(
        "ffprobe",
        &["-v", "error", "-show_entries", "stream=codec_name,duration", "-of", "csv=p=0", target.to_str().unwrap()],
    );
    let lengths: Vec<f64> = probe.lines().map(|line| line.split(',').nth(1).unwrap().parse().unwrap()).collect();
    assert!(probe.contains("h264") && probe.contains("aac"), "{probe}");
    assert!((lengths[0] - lengths[1]).abs() < 0.1, "{probe}");
    // What a browser appends is a file that plays, from the key frame on.
    let playback = shop.recorder.reader().playback(&shop.key, asked).await.unwrap();
    assert_eq!(playback.parts.len(), 1);
    let part = &playback.parts[0];
    assert!(part.mime.contains("avc1.") && part.mime.contains("mp4a.40.2"), "{}", part.mime);
    let media = part.media.read(0..part.media.len()).await.unwrap();
    std::fs::write(&target, [&part.init[..], &media[..]].concat()).unwrap();
    let appended = pictures(&target);
    position_in(&original, &appended);
    assert!(appended.len() >= usize::try_from(clip.statement.frames + clip.statement.leading_frames).unwrap());

    // Those who look get the same pictures, ready for a decoder.
    let unit = tap.next().await.unwrap();
    assert!(unit.to_annex_b().starts_with(&[0, 0, 0, 1]));

    let (folder, reader) = shop.close().await;
    let stream = reader.index().streams().await.unwrap()[0].id;
    let mut total = 0;
    for row in reader.index().all_segments(stream).await.unwrap() {
        // Every segment plays by itself, and its bytes are those that the manifest names.
        let path = folder.path().join(&row.path);
        let shown = pictures(&path);
        assert_eq!(i64::try_from(shown.len()).unwrap(), row.frames);
        position_in(&original, &shown);
        total += row.frames;
        let sum = quietly("sha256sum", &[path.to_str().unwrap()]);
        let manifest: serde_json::Value =
            serde_json::from_slice(&std::fs::read(record::segment::manifest_path(&path)).unwrap()).unwrap();
        assert_eq!(sum.split(' ').next().unwrap(), manifest["file_sha256"].as_str().unwrap());
    }
    assert!(total >= 18 * 15, "{total}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reordered_pictures_and_h265_are_recorded_and_cut_exactly() {
    for (name, coding, codec) in [("reordered", REORDERED, "avc1"), ("hevc", HEVC, "hev1")] {
        let file = source(name, coding);
        let camera = Camera::start(&["--file", file.to_str().unwrap()]);
        let mut shop = Shop::open(&camera, |_| {}).await;
        shop.connected().await;
        let span = shop.recorded(9).await;
        let original = pictures(&file);
        is_exact(&shop, &original, span.start() + TimeDelta::milliseconds(3_130), 4_000).await;
        let asked = TimeSpan::new(span.start(), span.end()).unwrap();
        let clip = shop.recorder.reader().clip(&shop.key, asked).await.unwrap();
        assert!(clip.statement.codec.starts_with(codec), "{}", clip.statement.codec);
        shop.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_dies_and_comes_back_leaves_one_gap() {
    let file = source("plain", PLAIN);
    let camera = Camera::start(&["--file", file.to_str().unwrap()]);
    let (url, port) = (camera.url.clone(), camera.port());
    let mut shop = Shop::open(&camera, |_| {}).await;
    shop.connected().await;
    shop.recorded(4).await;
    camera.kill();
    let state = shop.reaches("waiting", 10, |state| matches!(state.phase, Phase::Waiting { .. })).await;
    println!("{state:?}");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let camera = Camera::start(&["--file", file.to_str().unwrap(), "--port", &port]);
    assert_eq!(camera.url, url);
    let back = Instant::now();
    shop.reaches("connected again", 10, |state| state.runs == 2 && matches!(state.phase, Phase::Connected { .. }))
        .await;
    println!("pictures {:?} after the camera was back", back.elapsed());
    assert!(back.elapsed() < Duration::from_secs(5));
    shop.recorded(8).await;
    let (began, key) = (shop.began, shop.key.clone());
    let (_folder, reader) = shop.close().await;
    let now = SystemClock.now();
    let covered = reader.coverage(&key, TimeSpan::new(began, now).unwrap(), now).await.unwrap();
    assert_eq!(covered.recorded.len(), 2, "{covered:?}");
    let between: Vec<_> = covered
        .gaps
        .iter()
        .filter(|(span, _)| span.start() > covered.recorded[0].start() && span.end() <= covered.recorded[1].start())
        .collect();
    // One hole, told in its reasons: first the connection broke, then there was nobody to connect to.
    assert_eq!(between[0].1, GapReason::Disconnected, "{covered:?}");
    assert!(between.iter().all(|(_, reason)| matches!(reason, GapReason::Disconnected | GapReason::Unreachable)));
    assert_eq!(between[0].0.start(), covered.recorded[0].end());
    assert_eq!(between.last().unwrap().0.end(), covered.recorded[1].start());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_pictures_is_given_up() {
    let camera = Camera::start(&["--fps", "15", "--gop", "15", "--user", "viewer", "--password", "s3cret"]);
    let mut shop = Shop::open(&camera, |config| {
        config.credentials = Some(("viewer".to_owned(), "s3cret".to_owned()));
    })
    .await;
    shop.connected().await;
    shop.recorded(3).await;
    camera.signal("-USR1");
    let state = shop
        .reaches("waiting", 10, |state| matches!(state.phase, Phase::Waiting { gap: GapReason::NoFrames, .. }))
        .await;
    println!("{state:?}");
    camera.signal("-USR2");
    shop.reaches("connected again", 30, |state| state.runs >= 2 && matches!(state.phase, Phase::Connected { .. }))
        .await;
    shop.recorded(6).await;
    let (began, key) = (shop.began, shop.key.clone());
    let (_folder, reader) = shop.close().await;
    let now = SystemClock.now();
    let covered = reader.coverage(&key, TimeSpan::new(began, now).unwrap(), now).await.unwrap();
    assert!(covered.gaps.iter().any(|(_, reason)| *reason == GapReason::NoFrames), "{covered:?}");

    // A wrong password is said in words, and is no reason to stop trying.
    let mut shop = Shop::open(&camera, |config| config.credentials = None).await;
    let state = shop.reaches("waiting", 10, |state| matches!(state.phase, Phase::Waiting { .. })).await;
    let Phase::Waiting { gap, reason } = state.phase else { panic!() };
    assert_eq!(gap, GapReason::Refused);
    assert!(reason.contains("401"), "{reason}");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn datagrams_sound_and_metadata_are_read() {
    let camera = Camera::start(&["--fps", "15", "--gop", "30", "--audio", "--metadata"]);
    let mut shop = Shop::open(&camera, |config| config.transport = Transport::Udp).await;
    let mut metadata = shop.outlets.metadata("test");
    shop.connected().await;
    let message = tokio::time::timeout(Duration::from_secs(10), metadata.next()).await.unwrap().unwrap();
    let text = String::from_utf8(message.xml.to_vec()).unwrap();
    assert!(text.contains("<tt:MetadataStream") && text.ends_with("</tt:MetadataStream>"), "{text}");
    assert!((message.utc_us - message.arrived_us).abs() < 3_000_000, "{message:?}");
    let span = shop.recorded(5).await;
    let clip = shop.recorder.reader().clip(&shop.key, span).await.unwrap();
    assert!(clip.statement.has_audio);
    let path = shop.folder.path().join("clip.mp4");
    save(&clip, &path).await;
    assert_eq!(i64::try_from(pictures(&path).len()).unwrap(), clip.statement.frames);
    shop.close().await;
}
