//! [`Db::take_over`]: what the configuration file says becomes data, once.
//!
//! Every process does it at its start. What the database does not know is taken over; what was said by the file before
//! and is said otherwise by now becomes a new version; what was changed or removed on a page stays as the page says.
//! Taking an entry out of the file removes nothing: other machines may have files of their own.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tillsight_schemas::store::Store;

use super::{BY_CONFIGURATION, COUNTER, Change, ChangeError, Db, DbError, Expected, HELD, Key, Version, What};
use super::{count, failed, put, read};
use crate::config::{Camera, Config, PlacedZone};

/// The version that a zone of the configuration says it is, at least.
const FILE_VERSION: &str = "file_version";

/// How often it is tried while other processes take over the same.
const TRIES: u32 = 10;

/// The lowest number that a new version may have.
pub(super) fn first_version(change: &Change) -> i32 {
    let of_file = change.document.as_ref().and_then(|document| document.get(FILE_VERSION)?.as_i64());
    of_file.and_then(|version| i32::try_from(version).ok()).unwrap_or(1).max(1)
}

/// A camera as a document.
pub(crate) fn camera(camera: &Camera) -> (Key, Value) {
    (Key::new(What::Camera, &camera.tenant, camera.store.as_str(), camera.id.as_str()), json!(camera))
}

/// A zone as a document; its version is that of the row.
pub(crate) fn zone(zone: &PlacedZone) -> (Key, Value) {
    let mut document = json!(zone);
    if let Value::Object(fields) = &mut document {
        fields.remove("version");
    }
    (Key::new(What::Zone, &zone.tenant, zone.store.as_str(), zone.id.as_str()), document)
}

/// A store as a document.
pub(crate) fn store(store: &Store) -> (Key, Value) {
    (Key::new(What::Store, &store.tenant, store.id.as_str(), store.id.as_str()), json!(store))
}

impl Db {
    /// Takes over what the configuration says and the database does not know; how much that was.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub async fn take_over(&self, config: &Config) -> Result<usize, DbError> {
        self.name_recipients(&config.report.recipients).await?;
        let said = said(config);
        for _ in 0..TRIES {
            if self.unknown(&said).await?.is_empty() {
                break;
            }
            if let Some(taken) = self.try_take_over(&said).await? {
                return Ok(taken);
            }
        }
        Ok(0)
    }

    /// Takes over what is not known; nothing when another process was at it just then, as may be on PostgreSQL.
    async fn try_take_over(&self, said: &BTreeMap<Key, Value>) -> Result<Option<usize>, DbError> {
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        count(&mut transaction, COUNTER).await?;
        // Another process may have done it while this one waited for its turn.
        let rows = sqlx::query(HELD).fetch_all(&mut *transaction).await.map_err(failed("read the set-up"))?;
        let held: Vec<Version> = rows.iter().map(read).collect::<Result<_, _>>()?;
        let changes = unknown(&held, said);
        let now = self.now_micros();
        for change in &changes {
            match put(&mut transaction, BY_CONFIGURATION, change, now).await {
                Ok(_) => {}
                Err(ChangeError::Db(error)) => return Err(error),
                Err(_) => return Ok(None),
            }
        }
        transaction.commit().await.map_err(failed("take over the configuration"))?;
        Ok(Some(changes.len()))
    }

    async fn unknown(&self, said: &BTreeMap<Key, Value>) -> Result<Vec<Change>, DbError> {
        let rows = sqlx::query(HELD).fetch_all(&self.pool).await.map_err(failed("read the set-up"))?;
        let held: Vec<Version> = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(unknown(&held, said))
    }
}

/// What a configuration says.
pub(super) fn said(config: &Config) -> BTreeMap<Key, Value> {
    let stores = config.stores.iter().map(store);
    let zones = config.zones.iter().map(|placed| {
        let (key, mut document) = zone(placed);
        if let (Value::Object(fields), 2..) = (&mut document, placed.version) {
            fields.insert(FILE_VERSION.to_owned(), json!(placed.version));
        }
        (key, document)
    });
    stores.chain(config.cameras.iter().map(camera)).chain(zones).collect()
}

/// What of it the database does not know.
pub(super) fn unknown(held: &[Version], said: &BTreeMap<Key, Value>) -> Vec<Change> {
    let known: BTreeMap<&Key, &Version> = held.iter().map(|version| (&version.key, version)).collect();
    let new = said.iter().filter(|(key, document)| match known.get(key) {
        None => true,
        Some(version) => version.by == BY_CONFIGURATION && version.document.as_ref() != Some(document),
    });
    new.map(|(key, document)| Change::new(key.clone(), Expected::Any, Some(document.clone()))).collect()
}
