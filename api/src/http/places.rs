//! `GET /api/v1/stores` and `GET /api/v1/cameras`: what there is, and how it is just now.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use tillsight_schemas::clock_offset::ClockOffset;
use tillsight_schemas::id::{CameraId, RegisterId, StoreId, TenantId, ZoneId};

use super::Shared;
use super::answer::answer;
use super::auth::{Caller, Right};
use super::cameras::CameraShown;
use super::problem::Problem;
use super::setup::registers::names;

answer! {
    /// A till or lane.
    struct RegisterShown {
        /// Its id.
        id: RegisterId,
        /// What people call it; null when nobody named it.
        name: Option<String>,
        /// The cameras that look at it.
        cameras: Vec<CameraId>,
        /// The zones that belong to it.
        zones: Vec<ZoneId>,
        /// How far its clock is from the recorder's; null when nothing was said yet.
        clock: Option<ClockOffset>,
    }

    /// A shop.
    struct StoreShown {
        /// The retailer.
        tenant: TenantId,
        /// Its id.
        id: StoreId,
        /// What people call it.
        name: String,
        /// Its IANA time zone.
        tz: String,
        /// ISO 4217 code.
        currency: String,
        /// The registers that a zone belongs to, whose clock is known, or that have a name.
        registers: Vec<RegisterShown>,
    }

    /// All stores of the person.
    struct StorePage {
        /// The stores.
        items: Vec<StoreShown>,
    }

    /// All cameras of the person.
    struct CameraPage {
        /// The cameras.
        items: Vec<CameraShown>,
    }
}

/// Lists the stores.
pub(super) async fn stores(State(shared): State<Shared>, caller: Caller) -> Result<Json<StorePage>, Problem> {
    let person = caller.person(Right::Look)?;
    let seen = shared.shops.iter().filter(|store| person.scope.sees(&store.tenant, &store.id));
    let names = names(&shared, &person.scope.tenant).await?;
    let items = seen.map(|store| {
        let key = store.key();
        let drawn = shared.cameras.registers(&key);
        let named = names.keys().filter(|(of, _)| of == store.id.as_str()).filter_map(|(_, id)| id.parse().ok());
        let ids: BTreeSet<RegisterId> =
            drawn.iter().map(|(id, _, _)| id.clone()).chain(shared.known.registers(&key)).chain(named).collect();
        let registers = ids.into_iter().map(|id| {
            let of = drawn.iter().find(|(register, _, _)| *register == id);
            RegisterShown {
                name: names.get(&(store.id.to_string(), id.to_string())).cloned(),
                cameras: of.map(|(_, cameras, _)| cameras.clone()).unwrap_or_default(),
                zones: of.map(|(_, _, zones)| zones.clone()).unwrap_or_default(),
                clock: shared.known.clock(&key, &id),
                id,
            }
        });
        StoreShown {
            tenant: store.tenant.clone(),
            id: store.id.clone(),
            name: store.name.clone(),
            tz: store.tz.to_string(),
            currency: store.currency.to_string(),
            registers: registers.collect(),
        }
    });
    Ok(Json(StorePage { items: items.collect() }))
}

/// Lists the cameras.
pub(super) async fn cameras(State(shared): State<Shared>, caller: Caller) -> Result<Json<CameraPage>, Problem> {
    let person = caller.person(Right::Look)?;
    let mut items = Vec::new();
    let now = shared.clock.now();
    for camera in shared.cameras.within(&person.scope) {
        let analysed = shared.known.analysed(&camera.store, &camera.id, now);
        items.push(shared.cameras.shown(camera, analysed, now).await);
    }
    Ok(Json(CameraPage { items }))
}
