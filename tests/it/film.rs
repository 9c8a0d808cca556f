//! The demo's film and cameras: made from the real footage, served over RTSP, read back by outside programs and by
//! `ingest::rtsp`, and blinded in every way that the demo can.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use tillsight_datasets::cameras::{Cameras, Font, Frame, FrameLog, FrameState, Luma, Order, Setup};
use tillsight_datasets::film::{self, Films, KIOSK, State};
use tillsight_ingest::rtsp::{Outlets, StreamConfig, StreamReader};
use tillsight_schemas::SystemClock;
use tillsight_tests::outside::{cache, run};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) const SIZE: [usize; 2] = [960, 540];

/// The first stay of the kiosk's film with shorter stretches around it, which is made in seconds.
pub(crate) fn short(folder: &Path) -> Films {
    let footage = cache().join(film::FOLDER).join("vtest.avi");
    assert!(footage.try_exists().unwrap(), "deploy/setup.sh test fetches {}", footage.display());
    std::os::unix::fs::symlink(footage, folder.join("vtest.avi")).unwrap();
    let third = KIOSK.match_indices("[[scene]]").nth(3).unwrap().0;
    let list = KIOSK.get(..third).unwrap().replace("empty = 300", "empty = 30").replace("empty = 380", "empty = 100");
    film::make(&list.replace("seconds = 15", "seconds = 5"), folder).unwrap()
}

pub(crate) fn setup(name: &str, film: &Path, size: [usize; 2], folder: &Path) -> Setup {
    let counted = run(
        Command::new("ffprobe")
            .args(["-v", "error", "-count_packets", "-select_streams", "v"])
            .args(["-show_entries", "stream=nb_read_packets", "-of", "csv=p=0"])
            .arg(film),
        b"",
    );
    Setup {
        name: name.to_owned(),
        file: film.to_owned(),
        size: size.map(|side| u32::try_from(side).unwrap()),
        fps: 10,
        pictures: counted.trim().trim_end_matches(',').parse().unwrap(),
        port: 0,
        labels: None,
        frame_log: folder.join(format!("{name}.jsonl")),
        display: None,
    }
}

/// So many pictures of a camera, as anybody's player decodes them.
fn watch(url: &str, count: usize, [width, height]: [usize; 2]) -> Vec<Vec<u8>> {
    let out = Command::new("ffmpeg")
        .args(["-v", "error", "-rtsp_transport", "tcp", "-timeout", "10000000", "-i", url, "-an"])
        .args(["-frames:v", &count.to_string(), "-fps_mode", "passthrough"])
        .args(["-pix_fmt", "gray", "-f", "rawvideo", "pipe:1"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    out.stdout.chunks_exact(width * height).map(<[u8]>::to_vec).collect()
}

fn luma(bytes: &[u8]) -> Luma<'_> {
    let [width, height] = SIZE;
    Luma { width, height, bytes }
}

/// The clock and the picture's number, as an eye reads them.
fn read(font: &Font, bytes: &[u8]) -> (DateTime<Utc>, usize) {
    let text = font.clock(luma(bytes));
    let (clock, number) = text.split_once("Z #").unwrap_or_else(|| panic!("no clock: {text:?}"));
    let clock = NaiveDateTime::parse_from_str(clock, "%Y-%m-%d %H:%M:%S%.f").unwrap();
    (clock.and_utc(), number.parse().unwrap())
}

#[test]
fn the_film_has_every_picture_of_its_labels_and_a_key_frame_each_second() {
    let folder = tempfile::tempdir().unwrap();
    let films = short(folder.path());
    let packets = run(
        Command::new("ffprobe")
            .args(["-v", "error", "-select_streams", "v", "-show_entries", "packet=pts,dts,flags", "-of", "csv=p=0"])
            .arg(&films.kiosk),
        b"",
    );
    let packets: Vec<Vec<&str>> = packets.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(packets.len(), films.labels.pictures);
    for (n, packet) in packets.iter().enumerate() {
        assert_eq!(packet[0], packet[1], "nothing is reordered");
        assert_eq!(packet[2].starts_with('K'), n % 10 == 0, "picture {n}: {packet:?}");
    }
    assert_eq!(films.labels, film::Labels::read(&films.kiosk_labels).unwrap());
    // Made once: the second time it is found.
    let changed = |path: &Path| std::fs::metadata(path).unwrap().modified().unwrap();
    let before = (changed(&films.kiosk), changed(&films.path));
    std::fs::remove_file(folder.path().join("vtest.avi")).unwrap();
    let again = short(folder.path());
    assert_eq!(before, (changed(&again.kiosk), changed(&again.path)));

    // Where somebody stands the picture differs from the plate by more than grain; the plate never stands still.
    let pictures = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&films.kiosk)
        .args(["-pix_fmt", "gray", "-f", "rawvideo", "pipe:1"])
        .output()
        .unwrap()
        .stdout;
    let [width, height] = SIZE;
    let pictures: Vec<&[u8]> = pictures.chunks_exact(width * height).collect();
    let plate = pictures[1];
    let differ = |one: &[u8], other: &[u8]| {
        let pairs = one.iter().zip(other);
        pairs.map(|(one, other)| usize::from(one.abs_diff(*other))).filter(|off| *off > 40).count()
    };
    for (n, picture) in pictures.iter().enumerate() {
        match films.labels.state(n).unwrap() {
            State::Empty => assert!(differ(picture, plate) < 200, "{n}: {}", differ(picture, plate)),
            State::Occupied => assert!(differ(picture, plate) > 4_000, "{n}: {}", differ(picture, plate)),
            State::Changing => {}
        }
    }
    assert_ne!(pictures[5], pictures[6]);
}

#[test]
fn a_camera_burns_in_clock_number_and_till_and_can_be_frozen_blackened_and_unplugged() {
    let folder = tempfile::tempdir().unwrap();
    let films = short(folder.path());
    let kiosk = Setup { display: Some("WELCOME".to_owned()), ..setup("kiosk", &films.kiosk, SIZE, folder.path()) };
    let path = setup("path", &films.path, [768, 576], folder.path());
    let (pictures, log) = (kiosk.pictures, kiosk.frame_log.clone());
    let mut cameras = Cameras::start(&[kiosk, path], folder.path()).unwrap();
    let url = cameras.address("kiosk").unwrap().url.clone();
    let font = Font::default();

    assert_eq!(watch(&cameras.address("path").unwrap().url, 3, [768, 576]).len(), 3);
    let text = "REFUND 2% MILK 1 GAL -4.99 #000123";
    cameras.tell("kiosk", &Order::Show { text: text.to_owned() }).unwrap();
    // The decoder may have been given a picture that was painted just before.
    let shown = watch(&url, 12, SIZE).split_off(2);
    let began = FrameLog::read(&log).unwrap().began(10).unwrap();
    let length = i64::try_from(pictures).unwrap() * 100;
    let mut last = None;
    for picture in &shown {
        assert_eq!(font.display(luma(picture)), text);
        let (clock, number) = read(&font, picture);
        let into = (clock - began).num_milliseconds().rem_euclid(length);
        let off = (into - i64::try_from(number).unwrap() * 100).abs();
        assert!(off.min(length - off) <= 60, "{clock} is {into} ms into the film, and the picture says {number}");
        assert!(last.is_none_or(|last| clock - last == TimeDelta::milliseconds(100)), "{last:?} and then {clock}");
        last = Some(clock);
    }

    let frozen = cameras.tell("kiosk", &Order::Freeze).unwrap();
    let stands = watch(&url, 15, SIZE);
    let clocks: Vec<_> = stands.iter().map(|picture| read(&font, picture)).collect();
    assert!(clocks.len() == 15 && clocks.windows(2).all(|pair| pair[0] == pair[1]), "{clocks:?}");
    assert!((clocks[0].0 - frozen).num_milliseconds().abs() <= 250, "{} {frozen}", clocks[0].0);
    cameras.tell("kiosk", &Order::Thaw).unwrap();

    cameras.tell("kiosk", &Order::Black).unwrap();
    let black = watch(&url, 4, SIZE).pop().unwrap();
    let [width, height] = SIZE;
    let middle = &black[40 * width..(height - 60) * width];
    assert!(middle.iter().all(|level| *level < 8), "the lens is covered");
    read(&font, &black);
    cameras.tell("kiosk", &Order::Light).unwrap();

    cameras.tell("kiosk", &Order::Unplug).unwrap();
    assert!(watch(&url, 1, SIZE).is_empty(), "an unplugged camera answers nobody");
    cameras.tell("kiosk", &Order::Plug).unwrap();
    let (clock, number) = read(&font, watch(&url, 3, SIZE).last().unwrap());
    let log = FrameLog::read(&log).unwrap();
    // The clock is burnt in to the nearest tenth.
    let shown = |frame: &Frame| frame.state == FrameState::Shown && frame.source == number;
    let near = |frame: &Frame| (frame.wall_us - clock.timestamp_micros()).abs() <= 50_001;
    assert!(log.frames.iter().any(|frame| shown(frame) && near(frame)), "the film went on meanwhile: {clock} {number}");
    for state in [FrameState::Frozen, FrameState::Black, FrameState::Unplugged] {
        assert!(log.frames.iter().any(|frame| frame.state == state), "{state:?}");
    }
    assert!(cameras.tell("nobody", &Order::Plug).unwrap_err().to_string().contains("no camera"));
    cameras.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_labels_say_arrives_as_onvif_metadata_and_a_frozen_camera_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let films = short(folder.path());
    let labels = Some(films.kiosk_labels.clone());
    let kiosk = Setup { labels, ..setup("kiosk", &films.kiosk, SIZE, folder.path()) };
    let mut cameras = Cameras::start(&[kiosk], folder.path()).unwrap();
    let url = url::Url::parse(&cameras.address("kiosk").unwrap().url).unwrap();
    let outlets = Outlets::new(None);
    let mut metadata = outlets.metadata("test");
    let config = StreamConfig::new("demo/17/kiosk/main".parse().unwrap(), url);
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(StreamReader::new(config, outlets, Arc::new(SystemClock)).run(stop.clone()));

    let began = DateTime::from_timestamp_micros(cameras.address("kiosk").unwrap().begun_us).unwrap();
    let (mut with, mut without) = (0, 0);
    while with < 3 || without < 3 {
        let message = tokio::time::timeout(Duration::from_secs(40), metadata.next()).await.unwrap().unwrap();
        let text = String::from_utf8(message.xml.to_vec()).unwrap();
        assert!(text.contains("<tt:MetadataStream") && text.ends_with("</tt:MetadataStream>"), "{text}");
        let time = text.split_once("UtcTime=\"").unwrap().1.split_once('"').unwrap().0;
        let time: DateTime<Utc> = time.parse().unwrap();
        let picture = ((time - began).num_milliseconds() + 50) / 100;
        let picture = usize::try_from(picture).unwrap() % films.labels.pictures;
        match (films.labels.state(picture).unwrap(), text.contains(">Human</tt:Type>")) {
            (State::Occupied, true) => with += 1,
            (State::Empty, false) => without += 1,
            (State::Changing, _) => {}
            (state, human) => panic!("picture {picture} is {state:?}, and a person is there: {human}"),
        }
    }
    cameras.tell("kiosk", &Order::Freeze).unwrap();
    // What was under way arrives; then nothing does, although pictures do.
    let quiet = async { while tokio::time::timeout(Duration::from_secs(3), metadata.next()).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(30), quiet).await.expect("a frozen camera's analytics are silent");
    stop.cancel();
    while tasks.join_next().await.is_some() {}
    cameras.stop().unwrap();
}

#[test]
fn somebody_elses_video_becomes_a_film_with_its_zones_and_truth() {
    let folder = tempfile::tempdir().unwrap();
    let footage = cache().join(film::FOLDER).join("vtest.avi");
    std::os::unix::fs::symlink(&footage, folder.path().join("vtest.avi")).unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let own = film::Own {
        video: footage,
        zones: write(
            "zones.json",
            r#"{"customer": [[0.4, 0.4], [0.9, 0.4], [0.9, 0.9]], "exit": [[0, 0], [0.1, 0], [0.1, 1]]}"#,
        ),
        truth: Some(write(
            "truth.json",
            r#"{"spans": [{"from": 2, "to": 10, "state": "empty"}, {"from": 10, "to": 30, "state": "occupied"}]}"#,
        )),
    };
    let films = film::own(&own, folder.path()).unwrap();
    let labels = &films.labels;
    assert_eq!((labels.pictures, labels.fps, labels.size), (795, 10, [768, 576]));
    assert_eq!(
        [10, 50, 150, 400].map(|picture| labels.state(picture).unwrap()),
        [State::Changing, State::Empty, State::Occupied, State::Changing]
    );
    assert_eq!((labels.crossings.len(), films.zones.len()), (1, 2));
    // Nothing is made twice.
    let made = std::fs::metadata(&films.kiosk).unwrap().modified().unwrap();
    let again = film::own(&own, folder.path()).unwrap();
    assert_eq!(std::fs::metadata(again.kiosk).unwrap().modified().unwrap(), made);
    // What is wrong is said, with the file.
    let said = |own: film::Own| film::own(&own, folder.path()).unwrap_err().to_string();
    let text = said(film::Own { zones: write("bad.json", r#"{"exit": [[0, 0], [0.1, 0], [0.1, 1]]}"#), ..own.clone() });
    assert!(text.contains("bad.json") && text.contains("customer"), "{text}");
    let text = said(film::Own { video: folder.path().join("none.mp4"), ..own });
    assert!(text.contains("none.mp4"), "{text}");
}
