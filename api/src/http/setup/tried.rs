//! `POST /api/v1/setup/cameras/test`: tries a camera ([`try_camera`]).
//!
//! A login is tried once: after the first refusal nothing else is asked. A stored password is used on the host that it
//! was stored for only. What a camera answers is never handed on: only what was understood of it, and a picture that was
//! decoded here.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use tillsight_schemas::id::{CameraId, StoreKey};
use url::Url;

use super::super::Shared;
use super::super::auth::{Caller, Person};
use super::super::extract::Body;
use super::super::problem::Problem;
use super::address::{Place, allowed, place};
use super::trial::{CameraTest, StreamSeen, Trial, try_camera};
use super::{note, setter, store_of, text, unread, wrong};
use crate::config::Camera;
use crate::db::{Key, What};

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
    let Trial { test, .. } = try_camera(&shared, place, login).await;
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
