//! `GET /api/v1/presence?store=`: what is seen in each zone at this moment.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::id::{CameraId, StoreId, StoreKey, ZoneId};
use tillsight_schemas::presence::PresenceState;

use super::super::Shared;
use super::super::answer::answer;
use super::super::auth::{Caller, Right};
use super::super::extract::Query;
use super::super::problem::Problem;
use super::OfStore;

/// A statement that is older says nothing of now: tiles come each second, or each five.
const FRESH: TimeDelta = TimeDelta::seconds(12);
/// Why nobody knows, when nobody says anything.
const SILENT: &str = "silent";

answer! {
    /// What is seen in a zone at this moment.
    struct ZonePresence {
        /// The shop.
        store_id: StoreId,
        /// The zone.
        zone_id: ZoneId,
        /// The camera that sees it.
        camera_id: CameraId,
        /// Whether somebody is there.
        state: PresenceState,
        /// Since when it is so; null when nothing was ever said.
        since: Option<DateTime<Utc>>,
        /// Why it cannot be told: a code of blindness, or `silent` when nothing was said for twelve seconds.
        why: Option<String>,
        /// The end of the last look; null when nothing was ever said.
        seen_at: Option<DateTime<Utc>>,
    }

    /// Zones at this moment.
    struct PresencePage {
        /// The zones.
        items: Vec<ZonePresence>,
    }
}

/// Says what is seen.
pub(super) async fn now(
    State(shared): State<Shared>,
    caller: Caller,
    Query(asked): Query<OfStore>,
) -> Result<Json<PresencePage>, Problem> {
    let person = caller.person(Right::Look)?;
    let now = shared.clock.now();
    let mut items = Vec::new();
    for store in shared.shops.iter().filter(|store| person.scope.sees(&store.tenant, &store.id)) {
        if asked.store.as_ref().is_some_and(|asked| *asked != store.id) {
            continue;
        }
        let key = StoreKey::new(store.tenant.clone(), store.id.clone());
        for zone in shared.cameras.zones(&key) {
            // What another camera said, before the zone was moved, says nothing.
            let said = shared.known.zone(&key, &zone.id).filter(|said| said.camera == zone.camera);
            let (since, seen_at) = (said.as_ref().map(|said| said.since), said.as_ref().map(|said| said.seen_at));
            let fresh = said.filter(|said| now - said.seen_at < FRESH);
            items.push(ZonePresence {
                store_id: store.id.clone(),
                zone_id: zone.id.clone(),
                camera_id: zone.camera.clone(),
                state: fresh.as_ref().map_or(PresenceState::Unknown, |said| said.state),
                since: if fresh.is_some() { since } else { seen_at },
                why: match fresh {
                    Some(said) => said.blind.map(|blind| blind.as_str().to_owned()),
                    None => Some(SILENT.to_owned()),
                },
                seen_at,
            });
        }
    }
    Ok(Json(PresencePage { items }))
}
