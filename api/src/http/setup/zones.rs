//! `/api/v1/setup/zones`: draw, redraw and remove zones. A zone that is redrawn keeps its id and gets the next version, so
//! what was judged by the old drawing stays as it is.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use tillsight_schemas::id::{CameraId, RegisterId, StoreId, ZoneId};
use tillsight_schemas::zone::ZoneKind;

use super::super::Shared;
use super::super::answer::answer;
use super::super::auth::Caller;
use super::super::extract::{Body, Path, Query, maybe_integer};
use super::super::live::Live;
use super::super::problem::Problem;
use super::{commit, polygon, refused, setter, store_of, take, text, unread, within, wrong};
use crate::config::PlacedZone;
use crate::db::{Change, ChangeError, Expected, Key, Version, What, zone_document};

answer! {
    /// A zone as it is set up.
    struct SetZone {
        /// The shop.
        store_id: StoreId,
        /// Its id.
        zone_id: ZoneId,
        /// The camera that sees it.
        camera_id: CameraId,
        /// What it is for.
        kind: ZoneKind,
        /// The register that it belongs to.
        register_id: Option<RegisterId>,
        /// Corners, fractions of the picture from the upper left.
        polygon: Vec<[f64; 2]>,
        /// The version that holds.
        version: i32,
        /// Since when it holds.
        valid_from: DateTime<Utc>,
        /// Who drew it.
        changed_by: String,
    }

    /// Zones.
    struct SetZonePage {
        /// The zones, by store and id.
        items: Vec<SetZone>,
    }
}

/// Which zones are asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    store: Option<StoreId>,
    camera: Option<CameraId>,
}

/// A zone as it is to be.
#[derive(Debug, Deserialize)]
pub(super) struct Draft {
    #[serde(default)]
    camera_id: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    register_id: Option<String>,
    #[serde(default)]
    polygon: Vec<[f64; 2]>,
    #[serde(default, deserialize_with = "maybe_integer")]
    version: Option<i32>,
}

/// Lists the zones.
pub(super) async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Json<SetZonePage>, Problem> {
    let person = setter(&caller)?;
    let held = shared.db.held(What::Zone, &person.scope.tenant).await.map_err(|error| unread(&error))?;
    let mut items = Vec::new();
    for version in held.iter().filter(|version| within(&person, asked.store.as_ref(), version)) {
        let zone = shown(version)?;
        if asked.camera.as_ref().is_none_or(|camera| *camera == zone.camera_id) {
            items.push(zone);
        }
    }
    Ok(Json(SetZonePage { items }))
}

/// Draws a zone: a new one without a version, else the next version of it.
pub(super) async fn put(
    State(live): State<Live>,
    caller: Caller,
    Path((store_id, zone_id)): Path<(String, String)>,
    Body(draft): Body<Draft>,
) -> Result<Json<SetZone>, Problem> {
    let person = setter(&caller)?;
    let shared = live.now();
    let store = store_of(&shared, &person, &store_id)?;
    let mut problems = Vec::new();
    let id = take(&mut problems, "zone_id", zone_id.parse());
    let camera: Option<CameraId> = take(&mut problems, "camera_id", draft.camera_id.parse());
    let kind = draft.kind.parse::<ZoneKind>().ok();
    if kind.is_none() {
        problems.push(format!("kind: {:?} is none of {}", draft.kind, ZoneKind::CODES.join(", ")));
    }
    let register = text(draft.register_id.clone()).and_then(|id| take(&mut problems, "register_id", id.parse()));
    if let Some(camera) = &camera
        && !shared.cameras.of_store(&store).any(|known| known.id == *camera)
    {
        problems.push(format!("camera_id: there is no camera {camera} in store {}", store.store));
    }
    problems.extend(polygon::problems(&draft.polygon));
    let (Some(id), Some(camera), Some(kind), true) = (id, camera, kind, problems.is_empty()) else {
        return Err(wrong(&problems));
    };
    let placed = PlacedZone {
        tenant: store.tenant.clone(),
        store: store.store.clone(),
        id,
        camera,
        kind,
        register,
        polygon: draft.polygon,
        version: 1,
    };
    let (key, document) = zone_document(&placed);
    let expected = draft.version.map_or(Expected::New, Expected::Version);
    let words = format!("zone {store}/{}: drawn before camera {}", placed.id, placed.camera);
    commit(&live, &person, words, &[Change::new(key.clone(), expected, Some(document))]).await?;
    let held = live.now().db.holds(&key).await.map_err(|error| unread(&error))?;
    let held = held.ok_or_else(|| refused(ChangeError::Missing(What::Zone, key.id)))?;
    Ok(Json(shown(&held)?))
}

/// Removes a zone.
pub(super) async fn remove(
    State(live): State<Live>,
    caller: Caller,
    Path((store_id, zone_id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let person = setter(&caller)?;
    let store = store_of(&live.now(), &person, &store_id)?;
    let key = Key::new(What::Zone, &store.tenant, store_id, &*zone_id);
    let change = Change::new(key, Expected::Any, None);
    commit(&live, &person, format!("zone {store}/{zone_id}: removed"), &[change]).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(version: &Version) -> Result<SetZone, Problem> {
    let zone = version.zone().map_err(|error| unread(&error))?;
    Ok(SetZone {
        store_id: zone.store,
        zone_id: zone.id,
        camera_id: zone.camera,
        kind: zone.kind,
        register_id: zone.register,
        polygon: zone.polygon,
        version: version.version,
        valid_from: version.valid_from,
        changed_by: version.by.clone(),
    })
}
