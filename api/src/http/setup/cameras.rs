//! `/api/v1/setup/cameras`: add, change and remove cameras. Passwords go in and never come out.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::segment::GapReason;

use super::super::Shared;
use super::super::answer::answer;
use super::super::auth::Caller;
use super::super::cameras::CameraOf;
use super::super::extract::{Body, Path, Query, maybe_integer};
use super::super::live::Live;
use super::super::problem::Problem;
use super::address::allowed;
use super::trial::StreamSeen;
use super::{OfStore, commit, given, refused, setter, store_of, take, text, unread, within, wrong};
use crate::config::{Camera, PresenceBy};
use crate::db::{Change, ChangeError, Expected, Key, Password, Version, What, camera_document};

answer! {
    /// How a camera is just now.
    struct CameraStatus {
        /// Whether it is being recorded; null when nothing was ever recorded.
        connected: Option<bool>,
        /// Since when it is not.
        since: Option<DateTime<Utc>>,
        /// Why it is not, in words.
        problem: Option<String>,
        /// The end of its last picture.
        last_frame_at: Option<DateTime<Utc>>,
    }

    /// A camera as it is set up.
    struct SetCamera {
        /// The shop.
        store_id: String,
        /// Its id.
        camera_id: String,
        /// What people call it.
        name: Option<String>,
        /// Its main stream, without credentials.
        url: String,
        /// A smaller H.264 stream that is looked at instead of the main one.
        sub_url: Option<String>,
        /// Its ONVIF device service, if its events are wanted.
        onvif: Option<String>,
        /// The user name to log in with.
        username: Option<String>,
        /// Whether there is a password.
        has_password: bool,
        /// Who says whether somebody is in its zones: `own` (our detector), `camera`, `both` or `none`.
        presence: String,
        /// The registers that its zones belong to.
        registers: Vec<String>,
        /// The version that holds.
        version: i32,
        /// Since when it holds.
        valid_from: DateTime<Utc>,
        /// Who said so.
        changed_by: String,
        /// How it is just now.
        status: CameraStatus,
        /// Its streams, as they were when it was last tested; the main one as it is recorded otherwise.
        streams: Vec<StreamSeen>,
        /// How far its clock was ahead of ours when it was last tested, in microseconds.
        clock_offset_us: Option<i64>,
    }

    /// Cameras.
    struct SetCameraPage {
        /// The cameras, by store and id.
        items: Vec<SetCamera>,
    }
}

/// A camera as it is to be.
#[derive(Deserialize)]
pub(super) struct Draft {
    #[serde(default)]
    pub(super) store_id: String,
    #[serde(default)]
    pub(super) camera_id: String,
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) url: String,
    #[serde(default)]
    pub(super) sub_url: Option<String>,
    #[serde(default, deserialize_with = "given")]
    pub(super) onvif: Option<Option<String>>,
    #[serde(default)]
    pub(super) username: Option<String>,
    #[serde(default, deserialize_with = "given")]
    pub(super) password: Option<Option<String>>,
    #[serde(default)]
    pub(super) presence: Option<String>,
    #[serde(default, deserialize_with = "maybe_integer")]
    pub(super) version: Option<i32>,
}

/// The longest name, address or password that is taken, in bytes.
const LONGEST: usize = 1_000;

impl Draft {
    /// The camera, with what only the configuration can say taken over from `known`; or everything that is wrong.
    pub(super) fn camera(&self, store: &StoreKey, known: Option<&Camera>) -> Result<(Camera, Password), Vec<String>> {
        let mut problems = Vec::new();
        let id = take(&mut problems, "camera_id", self.camera_id.parse());
        let presence = match self.presence.as_deref() {
            None | Some("own" | "detector") => Some(PresenceBy::Detector),
            Some("camera") => Some(PresenceBy::Camera),
            Some("both") => Some(PresenceBy::Both),
            Some("none") => Some(PresenceBy::None),
            Some(other) => {
                problems.push(format!("presence: {other:?} is none of own, camera, both, none"));
                None
            }
        };
        let typed = self.password.clone().flatten().filter(|password| !password.is_empty());
        let password = match (&self.password, &typed) {
            (None, _) => Password::Keep,
            (Some(_), Some(password)) => Password::Set(password.clone()),
            (Some(_), None) => Password::Forget,
        };
        let username = text(self.username.clone());
        if typed.is_some() && username.is_none() {
            problems.push("username: a password needs a user name".to_owned());
        }
        let long = |field: &Option<String>| field.as_ref().is_some_and(|text| text.len() > LONGEST);
        if [&self.name, &self.sub_url, &self.username, &typed, &Some(self.url.clone())].into_iter().any(long) {
            problems.push(format!("a text has more than {LONGEST} bytes"));
        }
        let (Some(id), Some(presence)) = (id, presence) else { return Err(problems) };
        let camera = Camera {
            id,
            tenant: store.tenant.clone(),
            store: store.store.clone(),
            name: text(self.name.clone()).unwrap_or_default(),
            url: self.url.trim().to_owned(),
            onvif: match &self.onvif {
                Some(onvif) => text(onvif.clone()),
                None => known.and_then(|known| known.onvif.clone()),
            },
            sub_url: text(self.sub_url.clone()),
            username,
            password_file: known.and_then(|known| known.password_file.clone()).filter(|_| password == Password::Keep),
            transport: known.map(|known| known.transport).unwrap_or_default(),
            audio: known.is_some_and(|known| known.audio),
            presence,
        };
        problems.extend(camera.problems().into_iter().map(|problem| problem.replace("password_file", "password")));
        if problems.is_empty() {
            let addresses = [Some(&camera.url), camera.sub_url.as_ref(), camera.onvif.as_ref()];
            problems.extend(addresses.into_iter().flatten().filter_map(|address| allowed(address).err()));
        }
        if problems.is_empty() { Ok((camera, password)) } else { Err(problems) }
    }
}

/// Lists the cameras.
pub(super) async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    Query(asked): Query<OfStore>,
) -> Result<Json<SetCameraPage>, Problem> {
    let person = setter(&caller)?;
    let held = shared.db.held(What::Camera, &person.scope.tenant).await.map_err(|error| unread(&error))?;
    let mut items = Vec::new();
    for version in held.iter().filter(|version| within(&person, asked.store.as_ref(), version)) {
        items.push(shown(&shared, version).await?);
    }
    Ok(Json(SetCameraPage { items }))
}

/// Adds a camera.
pub(super) async fn add(
    State(live): State<Live>,
    caller: Caller,
    Body(draft): Body<Draft>,
) -> Result<(StatusCode, Json<SetCamera>), Problem> {
    let person = setter(&caller)?;
    let store = store_of(&live.now(), &person, &draft.store_id)?;
    let (camera, password) = draft.camera(&store, None).map_err(|problems| wrong(&problems))?;
    alone(&live.now(), &camera).await?;
    let (key, document) = camera_document(&camera);
    let change = Change { password, ..Change::new(key.clone(), Expected::New, Some(document)) };
    commit(&live, &person, format!("camera {store}/{}: added", camera.id), &[change]).await?;
    Ok((StatusCode::CREATED, Json(one(&live.now(), &key).await?)))
}

/// Changes a camera.
pub(super) async fn change(
    State(live): State<Live>,
    caller: Caller,
    Path((store_id, camera_id)): Path<(String, String)>,
    Body(draft): Body<Draft>,
) -> Result<Json<SetCamera>, Problem> {
    let person = setter(&caller)?;
    let shared = live.now();
    let store = store_of(&shared, &person, &store_id)?;
    let key = Key::new(What::Camera, &store.tenant, store_id, camera_id.clone());
    let known = shared.db.holds(&key).await.map_err(|error| unread(&error))?;
    let known = known.ok_or_else(|| refused(ChangeError::Missing(What::Camera, camera_id.clone())))?;
    let before: Camera = known.parse().map_err(|error| unread(&error))?;
    let draft = Draft { camera_id, ..draft };
    let mut problems = Vec::new();
    let made = draft.camera(&store, Some(&before)).map_err(|found| problems.extend(found)).ok();
    if draft.version.is_none() {
        problems.push("version: say which version you looked at".to_owned());
    }
    let (Some((camera, password)), Some(version), true) = (made, draft.version, problems.is_empty()) else {
        return Err(wrong(&problems));
    };
    alone(&shared, &camera).await?;
    let (key, document) = camera_document(&camera);
    let change = Change { password, ..Change::new(key.clone(), Expected::Version(version), Some(document)) };
    commit(&live, &person, format!("camera {store}/{}: changed", camera.id), &[change]).await?;
    Ok(Json(one(&live.now(), &key).await?))
}

/// Removes a camera and the zones of its picture. What is recorded stays.
pub(super) async fn remove(
    State(live): State<Live>,
    caller: Caller,
    Path((store_id, camera_id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let person = setter(&caller)?;
    let shared = live.now();
    let store = store_of(&shared, &person, &store_id)?;
    let mut changes =
        vec![Change::new(Key::new(What::Camera, &store.tenant, &*store_id, &*camera_id), Expected::Any, None)];
    for version in shared.db.held(What::Zone, &store.tenant).await.map_err(|error| unread(&error))? {
        let zone = version.zone().map_err(|error| unread(&error))?;
        if zone.store == store.store && zone.camera.as_str() == camera_id {
            changes.push(Change::new(version.key, Expected::Any, None));
        }
    }
    let words = format!("camera {store}/{camera_id}: removed with {} zone(s)", changes.len() - 1);
    commit(&live, &person, words, &changes).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses a camera whose main stream is another camera's: its pictures would be evidence twice, under two names.
pub(super) async fn alone(shared: &Shared, camera: &Camera) -> Result<(), Problem> {
    for version in shared.db.held(What::Camera, &camera.tenant).await.map_err(|error| unread(&error))? {
        let other: Camera = version.parse().map_err(|error| unread(&error))?;
        if other.store == camera.store && other.id != camera.id && other.url == camera.url {
            return Err(wrong(&[format!("url: camera {} records this stream already", other.id)]));
        }
    }
    Ok(())
}

async fn one(shared: &Shared, key: &Key) -> Result<SetCamera, Problem> {
    let held = shared.db.holds(key).await.map_err(|error| unread(&error))?;
    match held {
        Some(version) => shown(shared, &version).await,
        None => Err(refused(ChangeError::Missing(key.what, key.id.clone()))),
    }
}

async fn shown(shared: &Shared, version: &Version) -> Result<SetCamera, Problem> {
    let camera: Camera = version.parse().map_err(|error| unread(&error))?;
    let typed = shared.db.camera_password(&camera).await.map_err(|error| unread(&error))?;
    let store = StoreKey::new(camera.tenant.clone(), camera.store.clone());
    let now = shared.clock.now();
    let of = CameraOf { store: store.clone(), id: camera.id.clone(), name: camera.name.clone() };
    let state = shared.cameras.shown(&of, false, now).await;
    let mut registers: Vec<String> = shared
        .cameras
        .zones(&store)
        .filter(|zone| zone.camera == camera.id)
        .filter_map(|zone| Some(zone.register.as_ref()?.to_string()))
        .collect();
    registers.sort();
    registers.dedup();
    let tried = shared.tried.of(&store, &camera.id);
    let (streams, clock_offset_us) = match tried {
        Some((streams, clock)) => (streams, clock),
        None => (shared.cameras.recorded_stream(&of, now).await.into_iter().collect(), None),
    };
    Ok(SetCamera {
        store_id: camera.store.to_string(),
        camera_id: camera.id.to_string(),
        name: Some(camera.name).filter(|name| !name.is_empty()),
        url: camera.url,
        sub_url: camera.sub_url,
        onvif: camera.onvif,
        username: camera.username,
        has_password: typed.is_some() || camera.password_file.is_some(),
        presence: match camera.presence {
            PresenceBy::Detector => "own",
            PresenceBy::Camera => "camera",
            PresenceBy::Both => "both",
            PresenceBy::None => "none",
        }
        .to_owned(),
        registers,
        version: version.version,
        valid_from: version.valid_from,
        changed_by: version.by.clone(),
        status: CameraStatus {
            connected: match state.state.as_str() {
                "live" => Some(true),
                "lost" => Some(false),
                _ => None,
            },
            since: state.since,
            problem: state.reason.map(problem),
            last_frame_at: state.last_frame_at,
        },
        streams,
        clock_offset_us,
    })
}

/// Why there are no pictures, in words.
fn problem(reason: GapReason) -> String {
    match reason {
        GapReason::NotStarted | GapReason::Unreachable => "it cannot be reached: test it",
        GapReason::Refused => "it refuses the user or the password: type them again",
        GapReason::Disconnected => "the connection broke",
        GapReason::NoFrames => "it is connected, but sends no pictures",
        GapReason::ClockStep => "a clock was set",
        GapReason::Disk => "the disk refuses",
        GapReason::Crash | GapReason::Stopped => "the recorder does not run",
        GapReason::Unscheduled => "it is not to be recorded",
        GapReason::Unknown | GapReason::Expired => "nobody knows",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(document: serde_json::Value) -> Draft {
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn all_problems_of_a_camera_are_named_at_once() {
        let store: StoreKey = "acme/17".parse().unwrap();
        let bad = draft(serde_json::json!({
            "camera_id": "a b", "url": "http://192.0.2.1/", "presence": "magic", "password": "x"
        }));
        assert_eq!(bad.camera(&store, None).unwrap_err().len(), 3, "id, presence, user name");
        let addresses = draft(serde_json::json!({
            "camera_id": "till", "url": "http://192.0.2.1/", "sub_url": "rtsp://u:p@192.0.2.1/x", "onvif": "ftp://x"
        }));
        let problems = addresses.camera(&store, None).unwrap_err();
        assert_eq!(problems.len(), 3, "{problems:?}");
        let inside = draft(serde_json::json!({ "camera_id": "till", "url": "rtsp://169.254.169.254/latest" }));
        assert!(inside.camera(&store, None).unwrap_err()[0].contains("169.254.169.254"));
    }

    #[test]
    fn a_password_that_is_left_out_stays_and_null_removes_it() {
        let store: StoreKey = "acme/17".parse().unwrap();
        let with = |password: serde_json::Value| {
            let mut document = serde_json::json!({ "camera_id": "till", "url": "rtsp://192.0.2.1/x", "username": "u" });
            if password != "left out" {
                document["password"] = password;
            }
            let known = Camera { password_file: Some("/etc/secret".into()), ..known() };
            let (camera, password) = draft(document).camera(&store, Some(&known)).unwrap();
            (password, camera.password_file.is_some())
        };
        assert_eq!(with(serde_json::json!("left out")), (Password::Keep, true));
        assert_eq!(with(serde_json::Value::Null), (Password::Forget, false));
        assert_eq!(with(serde_json::json!("new")), (Password::Set("new".into()), false));
    }

    fn known() -> Camera {
        serde_json::from_value(serde_json::json!({
            "id": "till", "tenant": "acme", "store": "17", "url": "rtsp://192.0.2.1/x"
        }))
        .unwrap()
    }
}
