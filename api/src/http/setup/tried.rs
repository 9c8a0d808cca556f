//! `POST /api/v1/setup/cameras/test`: tries a camera, step by step, and says what to do where a step fails.
//!
//! A login is tried once: after the first refusal nothing else is asked. A stored password is used on the host that it
//! was stored for only. What a camera answers is never handed on: only what was understood of it, and a picture that was
//! decoded here.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use tillsight_analytics::still::jpeg;
use tillsight_ingest::onvif::{Credentials, DeviceError, Identity, describe, device_service};
use tillsight_ingest::rtsp::{ProbeError, Probed, StreamConfig, VideoCodec, probe};
use tillsight_schemas::error::chain;
use tillsight_schemas::id::{CameraId, StoreKey};
use tillsight_schemas::segment::{StreamKey, StreamKind};
use tokio::sync::Semaphore;
use url::{Host, Url};

use super::super::Shared;
use super::super::answer::answer;
use super::super::auth::{Caller, Person};
use super::super::extract::Body;
use super::super::problem::Problem;
use super::{note, setter, store_of, text, unread, wrong};
use crate::config::Camera;
use crate::db::{Key, What};

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

/// What is to be tried.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    address: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    store_id: Option<String>,
    #[serde(default)]
    camera_id: Option<String>,
}

/// The streams of a camera, and how far its clock is ahead.
type Seen = (Vec<StreamSeen>, Option<i64>);

/// What was found out about cameras when they were last tested; forgotten with the process.
#[derive(Debug, Default)]
pub(crate) struct Tried(Mutex<BTreeMap<(StoreKey, CameraId), Seen>>);

impl Tried {
    /// The streams and the clock of a camera.
    pub(super) fn of(&self, store: &StoreKey, camera: &CameraId) -> Option<Seen> {
        let tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tried.get(&(store.clone(), camera.clone())).cloned()
    }

    pub(super) fn note(&self, store: &StoreKey, camera: &CameraId, test: &CameraTest) {
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tried.insert((store.clone(), camera.clone()), (test.streams.clone(), test.clock_difference_us));
    }
}

/// Where a camera is thought to be.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// Its streams are known.
    Streams {
        /// The main one.
        main: Url,
        /// The small one.
        sub: Option<Url>,
    },
    /// Its device service tells.
    Device(Url),
}

/// Whether an address may be asked: a camera is an RTSP or HTTP server of a network of the shop, not the directory of a
/// cloud's machine, and not everybody.
pub(super) fn allowed(address: &str) -> Result<Url, String> {
    let url = Url::parse(address.trim()).map_err(|error| format!("{address:?} is no address: {error}"))?;
    if !matches!(url.scheme(), "rtsp" | "http" | "https") || !url.has_host() {
        return Err(format!("{address:?} is neither rtsp:// nor http://"));
    }
    let refused = match url.host() {
        Some(Host::Ipv4(ip)) => {
            ip.octets() == [169, 254, 169, 254] || ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast()
        }
        Some(Host::Ipv6(ip)) => {
            let mapped = ip.to_ipv4_mapped().is_some_and(|ip| ip.octets() == [169, 254, 169, 254]);
            mapped || ip.is_unspecified() || ip.is_multicast() || ip.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]
        }
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("metadata.google.internal"),
        None => true,
    };
    let host = url.host_str().unwrap_or_default();
    if refused { Err(format!("{host} is no address of a camera")) } else { Ok(url) }
}

/// Reads what was typed: the address of a stream, or of a device.
pub(super) fn place(typed: &str) -> Result<Place, String> {
    let typed = typed.trim();
    if typed.starts_with("rtsp:") {
        let main = allowed(typed)?;
        if !main.username().is_empty() || main.password().is_some() {
            return Err("put user name and password into their own fields, not into the address".to_owned());
        }
        return Ok(Place::Streams { main, sub: None });
    }
    let device = device_service(typed)?;
    allowed(device.as_str())?;
    Ok(Place::Device(device))
}

/// Tries a camera.
pub(super) async fn test(
    State(shared): State<Shared>,
    caller: Caller,
    Body(asked): Body<Asked>,
) -> Result<Json<CameraTest>, Problem> {
    let person = setter(&caller)?;
    let known = known(&shared, &person, &asked).await?;
    let typed = text(asked.url.clone()).or_else(|| text(asked.address.clone()));
    let place = match (&typed, &known) {
        (Some(typed), _) => place(typed),
        (None, Some((_, camera))) => stored(camera),
        (None, None) => {
            Err("say which camera: url, address, or store_id and camera_id of one that is set up".to_owned())
        }
    };
    let place = place.map_err(|problem| wrong(&[problem]))?;
    let login = login(&shared, &asked, known.as_ref().map(|(_, camera)| camera), &place).await?;
    note(&shared, &person, format!("camera test {}", place.shown())).await?;
    let test = try_camera(&shared, place, login).await;
    if let Some((store, camera)) = &known {
        shared.tried.note(store, &camera.id, &test);
    }
    Ok(Json(test))
}

/// The camera that is named, if it is set up.
async fn known(shared: &Shared, person: &Person, asked: &Asked) -> Result<Option<(StoreKey, Camera)>, Problem> {
    let (Some(store), Some(camera)) = (text(asked.store_id.clone()), text(asked.camera_id.clone())) else {
        return Ok(None);
    };
    let store = store_of(shared, person, &store)?;
    let key = Key::new(What::Camera, &store.tenant, store.store.as_str(), camera);
    let held = shared.db.holds(&key).await.map_err(|error| unread(&error))?;
    let camera = held.map(|version| version.parse::<Camera>()).transpose().map_err(|error| unread(&error))?;
    Ok(camera.map(|camera| (store, camera)))
}

fn stored(camera: &Camera) -> Result<Place, String> {
    let sub = camera.sub_url.as_deref().map(allowed).transpose()?;
    Ok(Place::Streams { main: allowed(&camera.url)?, sub })
}

impl Place {
    fn host(&self) -> Option<&str> {
        match self {
            Self::Streams { main, .. } => main.host_str(),
            Self::Device(url) => url.host_str(),
        }
    }

    fn shown(&self) -> &str {
        match self {
            Self::Streams { main, .. } => main.as_str(),
            Self::Device(url) => url.as_str(),
        }
    }
}

/// The login that was typed, or the stored one on its own host.
async fn login(
    shared: &Shared,
    asked: &Asked,
    known: Option<&Camera>,
    place: &Place,
) -> Result<Option<(String, String)>, Problem> {
    let username = text(asked.username.clone());
    if let Some(password) = asked.password.clone().filter(|password| !password.is_empty()) {
        let name = username.or_else(|| known.and_then(|camera| camera.username.clone()));
        return match name {
            Some(name) => Ok(Some((name, password))),
            None => Err(wrong(&["username: a password needs a user name".to_owned()])),
        };
    }
    let Some(camera) = known else { return Ok(username.map(|name| (name, String::new()))) };
    let own = Url::parse(&camera.url).ok().and_then(|url| url.host_str().map(str::to_owned));
    if own.as_deref() != place.host() {
        let problem = "password: the stored one is for another host: type it again".to_owned();
        return if camera.username.is_some() { Err(wrong(&[problem])) } else { Ok(None) };
    }
    let typed = shared.db.camera_password(camera).await.map_err(|error| unread(&error))?;
    let login = camera.login(typed.as_ref()).map_err(|error| {
        tracing::warn!(camera = %camera.id, %error, "the password file of a camera cannot be read");
        Problem::new(
            StatusCode::CONFLICT,
            "no password",
            "the file with its password cannot be read by this process: type the password here",
        )
    })?;
    Ok(login.map(|(stored, password)| (username.unwrap_or(stored), password)))
}

/// Tries a camera that was checked before; never fails, but says what does.
pub(super) async fn try_camera(shared: &Shared, place: Place, login: Option<(String, String)>) -> CameraTest {
    static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);
    let _turn = TURNS.acquire().await;
    let mut test = CameraTest {
        reachable: false,
        steps: Vec::new(),
        urls: TestUrls { main: None, sub: None },
        streams: Vec::new(),
        onvif: None,
        clock_difference_us: None,
        snapshot: None,
    };
    let (main, sub) = match place {
        Place::Streams { main, sub } => (Some(main), sub),
        Place::Device(device) => test.ask(shared, device, login.as_ref()).await,
    };
    test.urls = TestUrls { main: main.as_ref().map(Url::to_string), sub: sub.as_ref().map(Url::to_string) };
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
                return test;
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
            Err(error) => test.failed("sub stream", &error),
        }
    }
    if let Some(probed) = first {
        test.picture(shared, probed).await;
    }
    test
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
    ) -> (Option<Url>, Option<Url>) {
        let credentials = login.map(|(name, password)| Credentials::new(name, password));
        let host = device.host_str().unwrap_or_default().to_owned();
        let described = match describe(device, credentials, shared.clock.clone()).await {
            Ok(described) => described,
            Err(error) => {
                tracing::info!(error = %chain(&error), "a camera was tried by ONVIF");
                let (detail, cure) = device_words(&error, &host);
                self.step("ONVIF", false, detail, Some(cure));
                return (None, None);
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
        (main, sub)
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
        let cure = match error {
            ProbeError::Login => "check user name and password; it was tried once, since cameras lock users out",
            ProbeError::NoStream(_) => "check the path of the address in the camera's manual",
            ProbeError::Unreachable(_) => "check address, port, cable and firewall, and that the camera has power",
            ProbeError::NoVideo(_) => "set the stream to H.264 in the camera",
            ProbeError::NoPictures(_) => {
                "the camera may serve as many viewers as it can; set a key frame each 1 to 2 s"
            }
        };
        self.step(what, false, error.to_string(), Some(cure));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_a_camera_is_asked() {
        for good in ["rtsp://192.0.2.1/x", "http://10.0.0.1:8000/", "rtsp://[fd00::1]/x", "rtsp://127.0.0.1:8554/film"]
        {
            assert!(allowed(good).is_ok(), "{good}");
        }
        for bad in [
            "rtsp://169.254.169.254/x",
            "http://[::ffff:169.254.169.254]/",
            "http://[fd00:ec2::254]/",
            "http://metadata.google.internal/",
            "rtsp://0.0.0.0/x",
            "rtsp://239.1.1.1/x",
            "file:///etc/passwd",
            "gopher://192.0.2.1/",
            "",
        ] {
            assert!(allowed(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_was_typed_is_a_stream_or_a_device() {
        assert!(matches!(place("rtsp://192.0.2.1/x"), Ok(Place::Streams { sub: None, .. })));
        assert!(matches!(place("192.0.2.1"), Ok(Place::Device(_))));
        assert!(place("rtsp://u:p@192.0.2.1/x").unwrap_err().contains("own fields"));
        assert!(place("169.254.169.254").is_err());
    }
}
