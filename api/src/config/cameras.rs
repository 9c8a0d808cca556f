//! `[[camera]]` and `[[zone]]`: what hangs where, and what of its picture means what.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tillsight_ingest::rtsp::Transport;
use tillsight_schemas::id::{CameraId, RegisterId, StoreId, TenantId, ZoneId};
use tillsight_schemas::zone::{Zone, ZoneKind};
use url::Url;

use crate::db::CameraPassword;

/// `[[camera]]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Camera {
    /// Its id, unique within the store.
    pub id: CameraId,
    /// The retailer.
    pub tenant: TenantId,
    /// The store it hangs in.
    pub store: StoreId,
    /// What people call it.
    #[serde(default)]
    pub name: String,
    /// Its main stream: `rtsp://host[:port]/path`, without credentials.
    pub url: String,
    /// Its ONVIF device service, if its events are wanted: `http://host[:port]/onvif/device_service`.
    #[serde(default)]
    pub onvif: Option<String>,
    /// A smaller H.264 stream of it, which is looked at instead of the main one.
    #[serde(default)]
    pub sub_url: Option<String>,
    /// The user name to log in with.
    #[serde(default)]
    pub username: Option<String>,
    /// A file that holds the password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// `tcp` or `udp`.
    #[serde(default)]
    pub transport: Transport,
    /// Whether sound is recorded.
    #[serde(default)]
    pub audio: bool,
    /// Who says whether somebody is in its zones.
    #[serde(default)]
    pub presence: PresenceBy,
}

impl Camera {
    /// What is wrong with its addresses, in words.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (key, url) in [("url", Some(&self.url)), ("sub_url", self.sub_url.as_ref())] {
            match url.map(|url| Url::parse(url)) {
                Some(Ok(url)) if url.scheme() != "rtsp" || !url.has_host() => {
                    problems.push(format!("{key} must be rtsp://host[:port]/path"));
                }
                Some(Ok(url)) if !url.username().is_empty() || url.password().is_some() => {
                    problems.push(format!("put credentials into username and password_file, not into {key}"));
                }
                Some(Err(error)) => problems.push(format!("{key}: {error}")),
                Some(Ok(_)) | None => {}
            }
        }
        match self.onvif.as_deref().map(Url::parse) {
            Some(Ok(url)) if !matches!(url.scheme(), "http" | "https") || !url.has_host() => {
                problems.push("onvif must be http://host[:port]/onvif/device_service".to_owned());
            }
            Some(Ok(url)) if !url.username().is_empty() || url.password().is_some() => {
                problems.push("put credentials into username and password_file, not into onvif".to_owned());
            }
            Some(Err(error)) => problems.push(format!("onvif: {error}")),
            _ => {}
        }
        problems
    }

    /// User name and password: the one that was typed on a page, else that of the file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn login(&self, typed: Option<&CameraPassword>) -> std::io::Result<Option<(String, String)>> {
        let Some(username) = self.username.clone() else { return Ok(None) };
        let password = match (typed, &self.password_file) {
            (Some(typed), _) => typed.0.clone(),
            (None, Some(file)) => std::fs::read_to_string(file)?.trim_end().to_owned(),
            (None, None) => String::new(),
        };
        Ok(Some((username, password)))
    }
}

/// Who says whether somebody is in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PresenceBy {
    /// Our detector.
    #[default]
    #[serde(alias = "own")]
    Detector,
    /// The camera's own analytics (its ONVIF metadata).
    Camera,
    /// Both: nobody is there only if both say so.
    Both,
    /// Nobody: its zones are drawn, but not looked at.
    None,
}

/// `[[zone]]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlacedZone {
    /// The retailer.
    pub tenant: TenantId,
    /// The store.
    pub store: StoreId,
    /// Its id, unique within the store.
    pub id: ZoneId,
    /// The camera that sees it.
    pub camera: CameraId,
    /// What it is for.
    pub kind: ZoneKind,
    /// The register that it belongs to.
    #[serde(default)]
    pub register: Option<RegisterId>,
    /// Corners `[x, y]`, fractions of width and height from the upper left.
    pub polygon: Vec<[f64; 2]>,
    /// Which drawing of the zone this is.
    #[serde(default = "first_version")]
    pub version: i32,
}

fn first_version() -> i32 {
    1
}

impl PlacedZone {
    pub(crate) fn is_on(&self, camera: &Camera) -> bool {
        self.tenant == camera.tenant && self.store == camera.store && self.camera == camera.id
    }

    /// The zone by itself.
    pub fn zone(&self) -> Zone {
        Zone {
            id: self.id.clone(),
            camera: self.camera.clone(),
            kind: self.kind,
            register: self.register.clone(),
            polygon: self.polygon.clone(),
            version: self.version,
        }
    }
}
