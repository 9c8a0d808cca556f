//! The demo's cameras: the film of the service window and the footage that it was made of, served by an RTSP server of
//! its own process, which the demo's till may have unplugged or frozen.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tillsight_datasets::cameras::{Cameras, FrameLog, Order, Setup};
use tillsight_datasets::demo;
use tillsight_datasets::film::{self, Films, Own};

use super::Result;
use crate::config::Config;

/// The camera that watches register 1.
pub(super) const KIOSK: &str = "kiosk";
/// The unedited footage.
pub(super) const PATH: &str = "path";
/// The register that the camera watches.
pub(super) const WATCHED: &str = "1";
/// The store it stands in; further draws have twins of it.
pub(super) const STORE: &str = "17";

/// The camera before the window of a store.
fn kiosk_of(store: &str) -> String {
    if store == STORE { KIOSK.to_owned() } else { format!("{KIOSK}-{store}") }
}

/// Cameras at work; clones share them.
#[derive(Debug, Clone)]
pub(super) struct Filmed {
    cameras: Arc<Mutex<Cameras>>,
    films: Films,
    frame_log: PathBuf,
}

/// What the till must know of the film: where its labels are, and when its first picture is shown.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Showing {
    /// The label file.
    pub(super) labels: PathBuf,
    /// When the first picture is shown, in microseconds since 1970, in any turn of the loop.
    pub(super) began_us: i64,
}

impl Filmed {
    /// Makes the films (once) and serves them, on the ports of the configuration where there is one.
    pub(super) fn start(dir: &Path, config: Option<&Config>, own: Option<&Own>) -> Result<Self> {
        let folder = crate::cache_dir().join(film::FOLDER);
        let films = match own {
            Some(own) => film::own(own, &folder)?,
            None => film::make(film::KIOSK, &folder)?,
        };
        let port = |camera: &str| {
            let known = config.and_then(|config| config.cameras.iter().find(|known| known.id.as_str() == camera));
            known.and_then(|known| url::Url::parse(&known.url).ok()?.port()).unwrap_or(0)
        };
        let frame_log = dir.join("kiosk.frames.jsonl");
        let labels = &films.labels;
        let setups = |port: &dyn Fn(&str) -> u16| {
            [
                Setup {
                    name: KIOSK.to_owned(),
                    file: films.kiosk.clone(),
                    size: labels.size,
                    fps: labels.fps,
                    pictures: labels.pictures,
                    port: port(KIOSK),
                    // What a camera says of itself is made from the boxes of the labels, where there are any.
                    labels: (!labels.sights.is_empty()).then(|| films.kiosk_labels.clone()),
                    frame_log: frame_log.clone(),
                    display: Some("KIOSK 1 OPEN".to_owned()),
                },
                Setup {
                    name: PATH.to_owned(),
                    file: films.path.clone(),
                    size: [768, 576],
                    fps: 10,
                    pictures: 795,
                    port: port(PATH),
                    labels: None,
                    frame_log: dir.join("path.frames.jsonl"),
                    display: None,
                },
            ]
        };
        // Somebody else may have taken the ports since the last run.
        let folder = dir.join("cameras");
        let cameras = Cameras::start(&setups(&port), &folder).or_else(|_| Cameras::start(&setups(&|_| 0), &folder))?;
        Ok(Self { cameras: Arc::new(Mutex::new(cameras)), films, frame_log })
    }

    /// The cameras and zones as the configuration has them: a window for each draw, all before the same film.
    pub(super) fn configuration(&self, draws: u32) -> Result<String> {
        let cameras = self.cameras.lock().unwrap_or_else(PoisonError::into_inner);
        let url = |name: &str| cameras.address(name).map(|address| address.url.clone()).ok_or("a camera is missing");
        let tenant = demo::TENANT;
        let camera = |store: &str, id: &str, name: &str, url: &str| {
            format!(
                "\n[[camera]]\nid = \"{id}\"\ntenant = \"{tenant}\"\nstore = \"{store}\"\nname = \"{name}\"\nurl = \"{url}\"\n"
            )
        };
        let mut text = String::new();
        for plan in demo::stores_of(draws)?.iter().take(usize::try_from(draws)?) {
            let store = plan.store.id.as_str();
            let id = kiosk_of(store);
            text += &camera(store, &id, "Kiosk 1 (service window)", &url(KIOSK)?);
            for zone in &self.films.zones {
                text += &format!(
                    "\n[[zone]]\nid = \"{id}-{kind}\"\ntenant = \"{tenant}\"\nstore = \"{store}\"\ncamera = \"{id}\"\n\
                     kind = \"{kind}\"\nregister = \"{WATCHED}\"\npolygon = {}\n",
                    serde_json::to_string(&zone.polygon)?,
                    kind = zone.kind.as_str()
                );
            }
        }
        Ok(text + &camera(STORE, PATH, "Path before the shop", &url(PATH)?))
    }

    /// What the till must know.
    pub(super) fn showing(&self) -> Result<Showing> {
        let began = FrameLog::read(&self.frame_log)?.began(self.films.labels.fps).ok_or("no picture was shown yet")?;
        Ok(Showing { labels: self.films.kiosk_labels.clone(), began_us: began.timestamp_micros() })
    }

    /// Tells a camera something.
    pub(super) async fn tell(&self, camera: &str, order: Order) -> Result<()> {
        let (cameras, camera) = (Arc::clone(&self.cameras), camera.to_owned());
        let told = tokio::task::spawn_blocking(move || {
            cameras.lock().unwrap_or_else(PoisonError::into_inner).tell(&camera, &order)
        });
        told.await??;
        Ok(())
    }
}
