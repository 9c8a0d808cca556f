//! Whether each camera lets us in, once, and what it sends.
//!
//! A login that is refused is not tried again: not by ONVIF after RTSP, not for the second stream, and not for another camera
//! of the same device, which may lock out who tries too often.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use tillsight_ingest::onvif::{Credentials, DeviceError, describe};
use tillsight_ingest::rtsp::{ProbeError, Probed, StreamConfig, probe};
use tillsight_schemas::SystemClock;
use tillsight_schemas::error::chain;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::segment::{StreamKey, StreamKind};
use url::Url;

use super::line::Line;
use crate::config::Camera;
use crate::db::CameraPassword;

/// Cameras that are tried at once.
const AT_ONCE: usize = 8;
/// How long a camera has to answer, and then for its pictures.
const CONNECT: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_secs(4);
/// How long it has for all that is asked by ONVIF.
const DESCRIBE: Duration = Duration::from_secs(10);

/// User name and password.
type Login = Option<(String, String)>;
/// A device and the login that is tried at it: behind one address there may be many cameras.
type Door = (String, Login);

/// A camera that is tried.
struct Attempt {
    number: usize,
    camera: Camera,
    door: Door,
}

/// Why a camera cannot be used.
struct Failed {
    why: String,
    cure: String,
    /// Whether the login was refused.
    refused: bool,
}

impl Failed {
    fn new(why: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { why: why.into(), cure: cure.into(), refused: false }
    }
}

/// What is found of each camera, in their order. One of each device goes first: where its login is refused, nobody else
/// tries it.
pub(super) async fn cameras(cameras: Vec<(Camera, Option<CameraPassword>)>) -> Vec<Line> {
    let mut lines = BTreeMap::new();
    let (mut first, mut others, mut doors) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (number, (camera, typed)) in cameras.into_iter().enumerate() {
        match camera.login(typed.as_ref()) {
            Ok(login) => {
                let door = (device(&camera), login);
                let whose = if doors.insert(door.clone()) { &mut first } else { &mut others };
                whose.push(Attempt { number, camera, door });
            }
            Err(error) => {
                let file = camera.password_file.clone().unwrap_or_default();
                let said = format!("its password cannot be read from {} ({error})", file.display());
                lines.insert(number, Line::bad(name(&camera), said, "put it there, one line"));
            }
        }
    }
    let mut closed: BTreeSet<Door> = BTreeSet::new();
    for attempts in [first, others] {
        let (shut, open): (Vec<Attempt>, Vec<Attempt>) =
            attempts.into_iter().partition(|attempt| closed.contains(&attempt.door));
        for Attempt { number, camera, door } in shut {
            let said = format!("not tried: {} has refused the same login for another camera", door.0);
            lines.insert(number, Line::bad(name(&camera), said, "put that one right first"));
        }
        let tried = open.into_iter().map(|attempt| async move {
            let said = try_one(&attempt.camera, attempt.door.1.clone()).await;
            (attempt, said)
        });
        let mut tried = futures::stream::iter(tried).buffer_unordered(AT_ONCE);
        while let Some((Attempt { number, camera, door }, said)) = tried.next().await {
            let line = match said {
                Ok(said) => Line::ok(name(&camera), said),
                Err(Failed { why, cure, refused }) => {
                    if refused {
                        closed.insert(door);
                    }
                    Line::bad(name(&camera), why, cure)
                }
            };
            lines.insert(number, line);
        }
    }
    lines.into_values().collect()
}

fn name(camera: &Camera) -> String {
    format!("camera {}", camera.id)
}

/// Where a camera is: host and port of its main stream.
fn device(camera: &Camera) -> String {
    match Url::parse(&camera.url) {
        Ok(url) => format!("{}:{}", url.host_str().unwrap_or_default(), url.port().unwrap_or(554)),
        Err(_) => camera.url.clone(),
    }
}

async fn try_one(camera: &Camera, login: Login) -> Result<String, Failed> {
    let main = stream(camera, &camera.url, StreamKind::Main, &login).await?;
    let mut said = words(&main);
    if let Some(address) = &camera.sub_url {
        let sub = stream(camera, address, StreamKind::Sub, &login).await?;
        said = format!("{said}; sub stream {}", words(&sub));
    }
    if let Some(address) = &camera.onvif {
        said = format!("{said}; ONVIF {}", onvif(address, login).await?);
    }
    Ok(said)
}

/// What the device says it is, and how far its clock is from ours.
async fn onvif(address: &str, login: Login) -> Result<String, Failed> {
    let url =
        Url::parse(address).map_err(|error| Failed::new(format!("{address}: {error}"), "type its ONVIF address"))?;
    let credentials = login.map(|(name, password)| Credentials::new(name, password));
    let Ok(described) = tokio::time::timeout(DESCRIBE, describe(url, credentials, Arc::new(SystemClock))).await else {
        let why = format!("pictures come, but {address} does not answer ONVIF within {} s", DESCRIBE.as_secs());
        return Err(Failed::new(why, "look at its ONVIF address, or take `onvif` out"));
    };
    let described = described.map_err(|error| Failed {
        refused: matches!(error, DeviceError::Login { .. }),
        ..Failed::new(
            format!("pictures come, but not by ONVIF: {}", chain(&error)),
            "look at its ONVIF address, and let the user use ONVIF in the camera, or take `onvif` out",
        )
    })?;
    let identity = described.identity;
    let off = described.clock.map(|clock| format!(", its clock {:+} s from ours", -clock.offset_us / 1_000_000));
    Ok(format!("{} {}{}", identity.manufacturer, identity.model, off.unwrap_or_default()))
}

async fn stream(camera: &Camera, address: &str, kind: StreamKind, login: &Login) -> Result<Probed, Failed> {
    let url = Url::parse(address)
        .map_err(|error| Failed::new(format!("{address}: {error}"), "type rtsp://host[:port]/path"))?;
    let store = StoreKey::new(camera.tenant.clone(), camera.store.clone());
    let mut config = StreamConfig::new(StreamKey::new(&store, camera.id.clone(), kind), url);
    config.credentials = login.clone();
    config.transport = camera.transport;
    config.audio = false;
    config.metadata = false;
    config.connect_timeout = CONNECT;
    config.frame_timeout = LOOK;
    probe(&config, Arc::new(SystemClock), LOOK).await.map_err(|error| {
        let why = if matches!(error, ProbeError::Unreachable(_)) { chain(&error) } else { error.to_string() };
        let refused = matches!(error, ProbeError::Login);
        Failed { refused, ..Failed::new(format!("{why} ({})", config.url), error.cure()) }
    })
}

fn words(probed: &Probed) -> String {
    let format = &probed.format;
    let size = format!("{} {}x{}", format.codec.name(), format.width, format.height);
    match (probed.fps, probed.gop_seconds) {
        (Some(fps), Some(gop)) => format!("{size}, {fps:.0} pictures a second, a key frame each {gop:.1} s"),
        (Some(fps), None) => format!("{size}, {fps:.0} pictures a second"),
        _ => size,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::JoinSet;

    use super::super::line::Mark;
    use super::*;

    /// Answers each request of a connection with a status.
    async fn answer(socket: TcpStream, status: &'static str) -> std::io::Result<()> {
        let mut socket = BufReader::new(socket);
        let mut number = String::new();
        loop {
            let mut line = String::new();
            if socket.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            if let Some(said) = line.strip_prefix("CSeq:") {
                said.trim().clone_into(&mut number);
            }
            if line.trim().is_empty() {
                let asks = "WWW-Authenticate: Digest realm=\"camera\", nonce=\"1\"";
                let said = format!("RTSP/1.0 {status}\r\nCSeq: {number}\r\n{asks}\r\nContent-Length: 0\r\n\r\n");
                socket.get_mut().write_all(said.as_bytes()).await?;
            }
        }
    }

    /// What is found of two cameras of a device that answers all with a status, and how often it was connected to.
    async fn two_cameras(status: &'static str) -> (Vec<Line>, usize) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (mut device, count) = (JoinSet::new(), Arc::clone(&connections));
        device.spawn(async move {
            let mut answering = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                answering.spawn(answer(socket, status));
            }
        });
        let camera = |id: &str| {
            let text = format!(
                "id = \"{id}\"\ntenant = \"acme\"\nstore = \"17\"\nurl = \"rtsp://{address}/{id}\"\nusername = \"viewer\"\n"
            );
            (toml::from_str::<Camera>(&text).unwrap(), Some(CameraPassword("secret".to_owned())))
        };
        let lines = cameras(vec![camera("till-1"), camera("till-2")]).await;
        (lines, connections.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn a_refused_login_is_tried_once_at_a_device() {
        let (lines, connections) = two_cameras("401 Unauthorized").await;
        assert_eq!(connections, 1, "{lines:?}");
        let [first, second] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!((first.what.as_str(), first.mark), ("camera till-1", Mark::Bad));
        assert!(first.said.contains("refuses the login"), "{first:?}");
        assert!(first.cure.as_ref().unwrap().contains("user name and password"), "{first:?}");
        assert_eq!((second.what.as_str(), second.mark), ("camera till-2", Mark::Bad));
        assert!(second.said.contains("not tried"), "{second:?}");
    }

    #[tokio::test]
    async fn a_wrong_path_is_said_of_each_camera() {
        let (lines, connections) = two_cameras("404 Not Found").await;
        assert_eq!((lines.len(), connections), (2, 2), "{lines:?}");
        for line in lines {
            assert!(line.mark == Mark::Bad && line.said.contains("no stream at this path"), "{line:?}");
            assert!(line.cure.as_ref().unwrap().contains("path"), "{line:?}");
        }
    }

    #[tokio::test]
    async fn who_does_not_answer_is_not_reached_and_a_password_that_is_not_there_is_not_asked_for() {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let text = format!("tenant = \"acme\"\nstore = \"17\"\nurl = \"rtsp://{free}/1\"\n");
        let gone: Camera = toml::from_str(&format!("id = \"gone\"\n{text}")).unwrap();
        let password = "username = \"viewer\"\npassword_file = \"/nowhere/password\"\n";
        let locked: Camera = toml::from_str(&format!("id = \"locked\"\n{text}{password}")).unwrap();
        let lines = cameras(vec![(locked, None), (gone, None)]).await;
        let [locked, gone] = lines.as_slice() else { panic!("{lines:?}") };
        assert!(locked.said.contains("cannot be read from /nowhere/password"), "{locked:?}");
        assert!(gone.said.contains("cannot be reached") && gone.cure.as_ref().unwrap().contains("cable"), "{gone:?}");
    }
}
