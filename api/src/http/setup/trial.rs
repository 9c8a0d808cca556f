//! [`try_camera`]: tries a camera step by step: its device service, its streams, a picture. It never fails, but says what
//! does, and what to do.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tillsight_analytics::still::jpeg;
use tillsight_ingest::onvif::{Credentials, DeviceError, Identity, describe};
use tillsight_ingest::rtsp::{ProbeError, Probed, StreamConfig, VideoCodec, probe};
use tillsight_schemas::error::chain;
use tillsight_schemas::id::{CameraId, StoreKey};
use tillsight_schemas::segment::{StreamKey, StreamKind};
use tokio::sync::Semaphore;
use url::Url;

use super::super::Shared;
use super::super::answer::answer;
use super::address::Place;

/// Cameras that are tried at once.
const AT_ONCE: usize = 8;
/// How long a stream is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(6);
/// The quality of the picture.
const QUALITY: u8 = 85;
/// Between key frames: beyond that a zone cannot be looked at by key frames, and clips begin late.
const LONG_GOP: f64 = 4.0;
/// A clock that is farther off is worth a word, in microseconds.
const FAR_OFF: i64 = 2_000_000;

answer! {
    /// A stream of a camera.
    struct StreamSeen {
        /// `main` or `sub`.
        which: String,
        /// What people call the codec.
        codec: Option<String>,
        /// Width in pixels.
        width: Option<i32>,
        /// Height in pixels.
        height: Option<i32>,
        /// Pictures a second.
        fps: Option<f64>,
        /// Seconds from key frame to key frame.
        gop_seconds: Option<f64>,
        /// Kilobits a second.
        kbit_s: Option<i64>,
    }

    /// A step of a test.
    struct TestStep {
        /// What was tried.
        what: String,
        /// Whether it worked.
        ok: bool,
        /// What came of it.
        detail: String,
        /// What to do.
        cure: Option<String>,
    }

    /// The streams' addresses.
    struct TestUrls {
        /// The one to be recorded.
        main: Option<String>,
        /// The one to be looked at.
        sub: Option<String>,
        /// The device service that named them; null where streams were asked directly.
        onvif: Option<String>,
    }

    /// What a device says it is.
    struct TestIdentity {
        /// Who made it.
        manufacturer: String,
        /// Which model.
        model: String,
        /// Which firmware.
        firmware: String,
    }

    /// What came of a test.
    struct CameraTest {
        /// Whether pictures came.
        reachable: bool,
        /// The steps, in order.
        steps: Vec<TestStep>,
        /// The streams' addresses.
        urls: TestUrls,
        /// The streams.
        streams: Vec<StreamSeen>,
        /// What the device says it is; null without ONVIF.
        onvif: Option<TestIdentity>,
        /// How far the camera's clock is ahead of ours, in microseconds; null without ONVIF.
        clock_difference_us: Option<i64>,
        /// A picture as a `data:` address; null when none could be decoded.
        snapshot: Option<String>,
    }
}

/// What came of trying a camera.
pub(super) struct Trial {
    /// What is told.
    pub(super) test: CameraTest,
    /// Whether the login was refused: it is not tried at this device again.
    pub(super) refused: bool,
}

/// Tries a camera that was checked before; never fails, but says what does.
pub(super) async fn try_camera(shared: &Shared, place: Place, login: Option<(String, String)>) -> Trial {
    static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);
    let _turn = TURNS.acquire().await;
    let mut refused = false;
    let mut test = CameraTest {
        reachable: false,
        steps: Vec::new(),
        urls: TestUrls { main: None, sub: None, onvif: None },
        streams: Vec::new(),
        onvif: None,
        clock_difference_us: None,
        snapshot: None,
    };
    let ((main, sub), device) = match place {
        Place::Streams { main, sub } => ((Some(main), sub), None),
        Place::Device(device) => match test.ask(shared, device.clone(), login.as_ref()).await {
            Ok(streams) => (streams, Some(device)),
            Err(error) => {
                refused = matches!(error, DeviceError::Login { .. });
                ((None, None), None)
            }
        },
    };
    let text = |url: &Option<Url>| url.as_ref().map(Url::to_string);
    let onvif = text(&device.filter(|_| test.onvif.is_some()));
    test.urls = TestUrls { main: text(&main), sub: text(&sub), onvif };
    let mut first = None;
    if let Some(main) = main {
        match look(shared, main, StreamKind::Main, login.clone()).await {
            Ok(probed) => {
                test.reachable = true;
                test.seen("main", &probed);
                first = Some(probed);
            }
            Err(error) => {
                // No second try with a login that is refused, nor at a host that does not answer.
                test.failed("main stream", &error);
                return Trial { test, refused: matches!(error, ProbeError::Login) };
            }
        }
    }
    if let Some(sub) = sub {
        match look(shared, sub, StreamKind::Sub, login).await {
            Ok(probed) => {
                test.seen("sub", &probed);
                if first.as_ref().is_none_or(|first| first.format.codec != VideoCodec::H264) {
                    first = Some(probed);
                }
            }
            Err(error) => {
                refused = matches!(error, ProbeError::Login);
                test.failed("sub stream", &error);
            }
        }
    }
    if let Some(probed) = first {
        test.picture(shared, probed).await;
    }
    Trial { test, refused }
}

async fn look(
    shared: &Shared,
    url: Url,
    kind: StreamKind,
    login: Option<(String, String)>,
) -> Result<Probed, ProbeError> {
    let unnamed = || ProbeError::NoVideo("a name that is none".to_owned());
    let store: StoreKey = "test/test".parse().map_err(|_| unnamed())?;
    let camera: CameraId = "test".parse().map_err(|_| unnamed())?;
    let mut config = StreamConfig::new(StreamKey::new(&store, camera, kind), url);
    config.credentials = login;
    config.audio = false;
    config.metadata = false;
    config.connect_timeout = CONNECT;
    config.frame_timeout = LOOK;
    probe(&config, shared.clock.clone(), LOOK).await
}

impl CameraTest {
    fn step(&mut self, what: &str, ok: bool, detail: String, cure: Option<&str>) {
        self.steps.push(TestStep { what: what.to_owned(), ok, detail, cure: cure.map(str::to_owned) });
    }

    /// Asks a device for its streams.
    async fn ask(
        &mut self,
        shared: &Shared,
        device: Url,
        login: Option<&(String, String)>,
    ) -> Result<(Option<Url>, Option<Url>), DeviceError> {
        let credentials = login.map(|(name, password)| Credentials::new(name, password));
        let host = device.host_str().unwrap_or_default().to_owned();
        let described = match describe(device, credentials, shared.clock.clone()).await {
            Ok(described) => described,
            Err(error) => {
                tracing::info!(error = %chain(&error), "a camera was tried by ONVIF");
                let (detail, cure) = device_words(&error, &host);
                self.step("ONVIF", false, detail, Some(cure));
                return Err(error);
            }
        };
        let Identity { manufacturer, model, firmware } = described.identity.clone();
        self.step("ONVIF", true, format!("{manufacturer} {model}, firmware {firmware}"), None);
        self.onvif = Some(TestIdentity { manufacturer, model, firmware });
        if let Some(clock) = described.clock {
            let ahead = -clock.offset_us;
            self.clock_difference_us = Some(ahead);
            let tenths = ahead / 100_000;
            let far = ahead.abs() > FAR_OFF;
            let detail = format!(
                "its clock is {}{}.{} s off",
                if tenths < 0 { "-" } else { "" },
                tenths.abs() / 10,
                tenths.abs() % 10
            );
            self.step("clock", !far, detail, far.then_some("set NTP in the camera"));
        }
        let main = described.main().map(|profile| profile.url.clone());
        let sub = described.sub().map(|profile| profile.url.clone());
        match &main {
            Some(_) => {
                let found = format!(
                    "{} profile(s); {} small H.264 stream",
                    described.profiles.len(),
                    if sub.is_some() { "a" } else { "no" }
                );
                self.step("profiles", true, found, None);
            }
            None => self.step(
                "profiles",
                false,
                "it names no stream of video over RTSP".to_owned(),
                Some("type the rtsp:// address from the camera's manual"),
            ),
        }
        Ok((main, sub))
    }

    fn seen(&mut self, which: &str, probed: &Probed) {
        let format = &probed.format;
        let size = format!("{} {}x{}", format.codec.name(), format.width, format.height);
        let rate = probed.fps.map(|fps| format!(", {fps:.1} pictures a second")).unwrap_or_default();
        let (detail, mut cure) = match probed.gop_seconds {
            Some(gop) => {
                let long = gop > LONG_GOP;
                (
                    format!("{size}{rate}, a key frame each {gop:.1} s"),
                    long.then_some("set a key frame each 1 to 2 s in the camera"),
                )
            }
            None => (
                format!("{size}{rate}, one key frame in {} s", LOOK.as_secs()),
                Some("set a key frame each 1 to 2 s in the camera"),
            ),
        };
        if which == "sub" && format.codec != VideoCodec::H264 {
            cure = Some("H.265 is recorded, but not looked at: set the small stream to H.264 in the camera");
        }
        self.step(&format!("{which} stream"), true, detail, cure);
        let number = |value: u32| i32::try_from(value).ok();
        self.streams.push(StreamSeen {
            which: which.to_owned(),
            codec: Some(format.codec.name().to_owned()),
            width: number(format.width),
            height: number(format.height),
            fps: probed.fps.map(tenths),
            gop_seconds: probed.gop_seconds.map(tenths),
            kbit_s: probed.kbit_s,
        });
    }

    fn failed(&mut self, what: &str, error: &ProbeError) {
        tracing::info!(error = %chain(error), "a camera was tried by RTSP");
        self.step(what, false, error.to_string(), Some(error.cure()));
    }

    async fn picture(&mut self, shared: &Shared, probed: Probed) {
        let Ok(_turn) = shared.decoding.acquire().await else { return };
        let decoding = tokio::task::spawn_blocking(move || jpeg(&probed.format.rfc6381, &[probed.first], QUALITY));
        match decoding.await {
            Ok(Ok(file)) => self.snapshot = Some(format!("data:image/jpeg;base64,{}", STANDARD.encode(file))),
            Ok(Err(error)) => self.step(
                "picture",
                false,
                error.to_string(),
                Some("give it a small H.264 stream: zones need one to be looked at"),
            ),
            Err(error) => tracing::warn!(%error, "a picture was not decoded"),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "pictures a second and seconds")]
fn tenths(value: f64) -> f64 {
    f64::from((value * 10.0).round() as i32) / 10.0
}

fn device_words(error: &DeviceError, host: &str) -> (String, &'static str) {
    match error {
        DeviceError::Login { .. } => (
            format!("{host} refuses the login"),
            "check user name and password, and that the user may use ONVIF; it was tried once, since cameras lock users out",
        ),
        DeviceError::Unreachable { .. } => (
            format!("{host} does not answer ONVIF"),
            "check address and port, or type the rtsp:// address of its stream",
        ),
        DeviceError::Fault { .. } | DeviceError::Status { .. } | DeviceError::Answer { .. } => {
            (format!("{host} answers, but not as an ONVIF device"), "type the rtsp:// address of its stream")
        }
    }
}
