//! `/api/v1/setup/stores`: stores, their time zone, currency and hours.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use serde::Deserialize;
use tillsight_schemas::id::StoreId;
use tillsight_schemas::money::Currency;
use tillsight_schemas::store::Store;

use super::super::Shared;
use super::super::answer::answer;
use super::super::auth::{Caller, Person};
use super::super::extract::{Body, Path, maybe_integer};
use super::super::live::Live;
use super::super::problem::Problem;
use super::{commit, refused, setter, store_of, take, text, unread, whole, within, wrong};
use crate::db::{Change, ChangeError, Expected, Key, Version, What, store_document};

answer! {
    /// A store as it is set up.
    struct SetStore {
        /// Its id.
        store_id: StoreId,
        /// What people call it.
        name: String,
        /// Its IANA time zone.
        tz: String,
        /// ISO 4217 code.
        currency: Currency,
        /// The local time at which its business day ends, `HH:MM`.
        day_ends: String,
        /// When it closes, `HH:MM`.
        closes: Option<String>,
        /// The version that holds.
        version: i32,
        /// Since when it holds.
        valid_from: DateTime<Utc>,
        /// Who said so.
        changed_by: String,
        /// How many cameras it has.
        cameras: i64,
        /// How many registers its zones belong to or have spoken.
        registers: i64,
    }

    /// Stores.
    struct SetStorePage {
        /// The stores, by id.
        items: Vec<SetStore>,
    }
}

/// A store as it is to be.
#[derive(Debug, Deserialize)]
pub(super) struct Draft {
    #[serde(default)]
    store_id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    tz: String,
    #[serde(default)]
    currency: String,
    #[serde(default)]
    day_ends: Option<String>,
    #[serde(default)]
    closes: Option<String>,
    #[serde(default, deserialize_with = "maybe_integer")]
    version: Option<i32>,
}

impl Draft {
    fn store(self, person: &Person) -> Result<Store, Vec<String>> {
        let mut problems = Vec::new();
        let id = take(&mut problems, "store_id", self.store_id.parse());
        let name = text(Some(self.name)).filter(|name| name.len() <= 200);
        if name.is_none() {
            problems.push("name: say what people call it, in 200 bytes at most".to_owned());
        }
        let tz = self.tz.trim().parse::<Tz>().ok();
        if tz.is_none() {
            problems.push(format!("tz: {:?} is no IANA time zone such as Europe/Berlin", self.tz));
        }
        let currency = take(&mut problems, "currency", Currency::new(self.currency.trim()));
        let mut time = |field: &str, value: Option<String>| {
            let value = text(value)?;
            let read = NaiveTime::parse_from_str(&value, "%H:%M").or_else(|_| value.parse());
            read.map_err(|_| problems.push(format!("{field}: {value:?} is no time such as 22:00"))).ok()
        };
        let day_ends = time("day_ends", self.day_ends).filter(|ends| *ends != NaiveTime::MIN);
        let closes = time("closes", self.closes);
        let (Some(id), Some(name), Some(tz), Some(currency), true) = (id, name, tz, currency, problems.is_empty())
        else {
            return Err(problems);
        };
        Ok(Store { tenant: person.scope.tenant.clone(), id, name, tz, currency, day_ends, closes })
    }
}

/// Lists the stores.
pub(super) async fn list(State(shared): State<Shared>, caller: Caller) -> Result<Json<SetStorePage>, Problem> {
    let person = setter(&caller)?;
    let held = shared.db.held(What::Store, &person.scope.tenant).await.map_err(|error| unread(&error))?;
    let seen = held.iter().filter(|version| within(&person, None, version));
    Ok(Json(SetStorePage { items: seen.map(|version| shown(&shared, version)).collect::<Result<_, _>>()? }))
}

/// Adds a store.
pub(super) async fn add(
    State(live): State<Live>,
    caller: Caller,
    Body(draft): Body<Draft>,
) -> Result<(StatusCode, Json<SetStore>), Problem> {
    let person = setter(&caller)?;
    whole(&person)?;
    let store = draft.store(&person).map_err(|problems| wrong(&problems))?;
    Ok((StatusCode::CREATED, Json(keep(&live, &person, &store, Expected::New, "added").await?)))
}

/// Changes a store.
pub(super) async fn change(
    State(live): State<Live>,
    caller: Caller,
    Path(store_id): Path<String>,
    Body(draft): Body<Draft>,
) -> Result<Json<SetStore>, Problem> {
    let person = setter(&caller)?;
    store_of(&live.now(), &person, &store_id)?;
    let version = draft.version;
    let store = Draft { store_id, ..draft }.store(&person);
    let (store, version) = match (store, version) {
        (Ok(store), Some(version)) => (store, version),
        (store, version) => {
            let mut problems = store.err().unwrap_or_default();
            if version.is_none() {
                problems.push("version: say which version you looked at".to_owned());
            }
            return Err(wrong(&problems));
        }
    };
    Ok(Json(keep(&live, &person, &store, Expected::Version(version), "changed").await?))
}

async fn keep(
    live: &Live,
    person: &Person,
    store: &Store,
    expected: Expected,
    what: &str,
) -> Result<SetStore, Problem> {
    let (key, document) = store_document(store);
    let words = format!("store {}: {what}", store.key());
    commit(live, person, words, &[Change::new(key.clone(), expected, Some(document))]).await?;
    one(&live.now(), &key).await
}

async fn one(shared: &Shared, key: &Key) -> Result<SetStore, Problem> {
    let held = shared.db.holds(key).await.map_err(|error| unread(&error))?;
    let held = held.ok_or_else(|| refused(ChangeError::Missing(key.what, key.id.clone())))?;
    shown(shared, &held)
}

fn shown(shared: &Shared, version: &Version) -> Result<SetStore, Problem> {
    let store: Store = version.parse().map_err(|error| unread(&error))?;
    let key = store.key();
    let time = |time: NaiveTime| time.format("%H:%M").to_string();
    let mut registers: Vec<_> = shared.cameras.registers(&key).into_iter().map(|(id, _, _)| id).collect();
    registers.extend(shared.known.registers(&key));
    registers.sort();
    registers.dedup();
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    Ok(SetStore {
        store_id: store.id,
        name: store.name,
        tz: store.tz.to_string(),
        currency: store.currency,
        day_ends: time(store.day_ends.unwrap_or(NaiveTime::MIN)),
        closes: store.closes.map(time),
        version: version.version,
        valid_from: version.valid_from,
        changed_by: version.by.clone(),
        cameras: count(shared.cameras.of_store(&key).count()),
        registers: count(registers.len()),
    })
}
