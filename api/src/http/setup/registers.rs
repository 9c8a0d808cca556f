//! `/api/v1/setup/registers`: the registers that have sent records or that a zone belongs to, and what people call them.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tillsight_correlate::tally::Work;
use tillsight_schemas::id::{RegisterId, StoreId, StoreKey, TenantId};

use super::super::Shared;
use super::super::answer::answer;
use super::super::auth::Caller;
use super::super::extract::{Body, Path, Query, maybe_integer};
use super::super::live::Live;
use super::super::problem::Problem;
use super::{OfStore, commit, setter, store_of, take, text, unread, within, wrong};
use crate::db::{Change, Expected, Key, What};
use crate::search::{Of, Scope, SearchError};

/// How a register is worked: by a cashier, by customers, at a service desk.
pub(super) const KINDS: &[&str] = Work::CODES;

answer! {
    /// A register as it is set up or was heard of.
    struct SetRegister {
        /// The shop.
        store_id: StoreId,
        /// Its id.
        register_id: RegisterId,
        /// What people call it.
        name: Option<String>,
        /// `staffed`, `self_checkout` or `service`.
        kind: Option<String>,
        /// Since when its clock is spoken of: since its first records, as far as the log goes back.
        first_seen: Option<DateTime<Utc>>,
        /// When its last record that was found happened; null unless one store is asked for.
        last_record_at: Option<DateTime<Utc>>,
        /// The zones that belong to it.
        zones: Vec<String>,
        /// The version that holds; null when nobody named it.
        version: Option<i32>,
    }

    /// Registers.
    struct SetRegisterPage {
        /// The registers, by store and id.
        items: Vec<SetRegister>,
    }
}

/// A register as it is kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Kept {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    kind: Option<String>,
}

/// What people call the registers of a retailer, by store and id.
pub(in crate::http) async fn names(
    shared: &Shared,
    tenant: &TenantId,
) -> Result<BTreeMap<(String, String), String>, Problem> {
    let held = shared.db.held(What::Register, tenant).await.map_err(|error| unread(&error))?;
    let mut names = BTreeMap::new();
    for version in held {
        let register: Kept = version.parse().map_err(|error| unread(&error))?;
        names.extend(register.name.map(|name| ((version.key.store, version.key.id), name)));
    }
    Ok(names)
}

/// A register as it is to be.
#[derive(Debug, Deserialize)]
pub(super) struct Draft {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default, deserialize_with = "maybe_integer")]
    version: Option<i32>,
}

/// Lists the registers.
pub(super) async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    Query(asked): Query<OfStore>,
) -> Result<Json<SetRegisterPage>, Problem> {
    let person = setter(&caller)?;
    let seen = shared.shops.iter().filter(|store| person.scope.sees(&store.tenant, &store.id));
    let stores: Vec<StoreKey> =
        seen.filter(|store| asked.store.as_ref().is_none_or(|asked| *asked == store.id)).map(|s| s.key()).collect();
    let held = shared.db.held(What::Register, &person.scope.tenant).await.map_err(|error| unread(&error))?;
    let mut kept = BTreeMap::new();
    for version in held.iter().filter(|version| within(&person, asked.store.as_ref(), version)) {
        let register: Kept = version.parse().map_err(|error| unread(&error))?;
        kept.insert((version.key.store.clone(), version.key.id.clone()), (register, version.version));
    }
    let mut items = Vec::new();
    for store in &stores {
        let last = match stores.as_slice() {
            [_] => last(&shared, Of::Register, &store.tenant, vec![store.store.clone()]).await?,
            _ => BTreeMap::new(),
        };
        let drawn = shared.cameras.registers(store);
        let named = kept.keys().filter(|(of, _)| *of == store.store.as_str()).map(|(_, id)| id.as_str());
        let heard = named.chain(last.keys().map(String::as_str)).filter_map(|id| id.parse::<RegisterId>().ok());
        let ids: BTreeSet<RegisterId> =
            drawn.iter().map(|(id, _, _)| id.clone()).chain(shared.known.registers(store)).chain(heard).collect();
        for id in ids {
            let (register, version) = match kept.get(&(store.store.to_string(), id.to_string())) {
                Some((register, version)) => (register.clone(), Some(*version)),
                None => (Kept::default(), None),
            };
            let zones = drawn.iter().find(|(of, _, _)| *of == id).map(|(_, _, zones)| zones.as_slice());
            items.push(SetRegister {
                store_id: store.store.clone(),
                name: register.name,
                kind: register.kind,
                first_seen: shared.known.first_clock(store, &id),
                last_record_at: last.get(id.as_str()).copied(),
                zones: zones.unwrap_or_default().iter().map(ToString::to_string).collect(),
                version,
                register_id: id,
            });
        }
    }
    Ok(Json(SetRegisterPage { items }))
}

/// Names a register.
pub(super) async fn put(
    State(live): State<Live>,
    caller: Caller,
    Path((store_id, register_id)): Path<(String, String)>,
    Body(draft): Body<Draft>,
) -> Result<Json<SetRegister>, Problem> {
    let person = setter(&caller)?;
    let shared = live.now();
    let store = store_of(&shared, &person, &store_id)?;
    let mut problems = Vec::new();
    let id: Option<RegisterId> = take(&mut problems, "register_id", register_id.parse());
    let name = text(draft.name);
    if name.as_ref().is_some_and(|name| name.len() > 200) {
        problems.push("name: it has more than 200 bytes".to_owned());
    }
    let kind = draft.kind.filter(|kind| !kind.is_empty());
    if kind.as_ref().is_some_and(|kind| !KINDS.contains(&kind.as_str())) {
        problems.push(format!("kind: it is one of {}, or nothing", KINDS.join(", ")));
    }
    let (Some(id), true) = (id, problems.is_empty()) else { return Err(wrong(&problems)) };
    let key = Key::new(What::Register, &store.tenant, store_id, register_id);
    let kept = Kept { name, kind };
    let expected = draft.version.map_or(Expected::New, Expected::Version);
    let change = Change::new(key.clone(), expected, Some(json!(kept)));
    commit(&live, &person, format!("register {store}/{id}: named"), &[change]).await?;
    let held = shared.db.holds(&key).await.map_err(|error| unread(&error))?;
    let drawn = shared.cameras.registers(&store);
    let zones = drawn.iter().find(|(of, _, _)| *of == id).map(|(_, _, zones)| zones.as_slice());
    let last = last(&shared, Of::Register, &store.tenant, vec![store.store.clone()]).await?;
    Ok(Json(SetRegister {
        store_id: store.store.clone(),
        name: kept.name,
        kind: kept.kind,
        first_seen: shared.known.first_clock(&store, &id),
        last_record_at: last.get(id.as_str()).copied(),
        zones: zones.unwrap_or_default().iter().map(ToString::to_string).collect(),
        version: held.map(|version| version.version),
        register_id: id,
    }))
}

/// When each register or operator was last heard of; nothing while there is no index.
pub(super) async fn last(
    shared: &Shared,
    of: Of,
    tenant: &TenantId,
    stores: Vec<StoreId>,
) -> Result<BTreeMap<String, DateTime<Utc>>, Problem> {
    let (search, scope) = (shared.search.clone(), Scope::whole(tenant.clone(), stores));
    let found = tokio::task::spawn_blocking(move || search.last_records(of, &scope)).await;
    match found.map_err(|error| Problem::unavailable("the search was broken off", &error))? {
        Ok(last) => Ok(last.into_iter().collect()),
        Err(SearchError::Missing(_)) => Ok(BTreeMap::new()),
        Err(error) => Err(Problem::unavailable("the search index cannot be read", &error)),
    }
}
