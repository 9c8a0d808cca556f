//! [`SetUp`]: everything that holds at one moment, as the processes use it; and the zones as they were at any time.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::store::Store;
use tillsight_schemas::zone::Zone;

use super::{BY_CONFIGURATION, Db, DbError, EVER, HELD, Version, What, bootstrap, failed, read};
use crate::config::{Camera, Config, PlacedZone};

/// What holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SetUp {
    /// The number of the last change that is in it.
    pub change: i64,
    /// The stores.
    pub stores: Vec<Store>,
    /// The cameras.
    pub cameras: Vec<Camera>,
    /// The zones.
    pub zones: Vec<PlacedZone>,
}

/// A zone and when it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// The shop.
    pub store: StoreKey,
    /// The zone.
    pub zone: Zone,
    /// From when on; always when nobody knows since when.
    pub from: Option<DateTime<Utc>>,
    /// Until when.
    pub to: Option<DateTime<Utc>>,
}

impl Version {
    /// The document as what it is.
    ///
    /// # Errors
    /// [`DbError::Damaged`] when this version of the program does not understand it.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, DbError> {
        let document = self.document.clone().unwrap_or_default();
        serde_json::from_value(document).map_err(|error| {
            tracing::error!(what = %self.key.what, id = self.key.id, %error, "a version of the set-up cannot be read");
            DbError::Damaged("set-up")
        })
    }

    /// A zone with the number of its version.
    pub(crate) fn zone(&self) -> Result<PlacedZone, DbError> {
        let mut zone: KeptZone = self.parse()?;
        zone.placed.version = self.version;
        Ok(zone.placed)
    }
}

/// A zone as it is kept: what else a bootstrap noted is passed over.
#[derive(Deserialize)]
struct KeptZone {
    #[serde(flatten)]
    placed: PlacedZone,
}

impl SetUp {
    fn of(change: i64, held: &[Version]) -> Result<Self, DbError> {
        let mut set_up = Self { change, ..Self::default() };
        for version in held.iter().filter(|version| version.document.is_some()) {
            match version.key.what {
                What::Store => set_up.stores.push(version.parse()?),
                What::Camera => set_up.cameras.push(version.parse()?),
                What::Zone => set_up.zones.push(version.zone()?),
                What::Register | What::Operator | What::User | What::Adjustment => {}
            }
        }
        Ok(set_up)
    }

    /// A configuration with what holds in the place of what it bootstrapped.
    pub fn into_config(self, config: &Config) -> Config {
        Config { stores: self.stores, cameras: self.cameras, zones: self.zones, ..config.clone() }
    }
}

impl Db {
    /// Everything that holds.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub async fn set_up(&self) -> Result<SetUp, DbError> {
        // The number first: a change in between is seen again, not missed.
        let change = self.set_up_change().await?;
        SetUp::of(change, &self.all_held().await?)
    }

    /// What would hold once a configuration is taken over; nothing is written.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub async fn set_up_with(&self, config: &Config) -> Result<SetUp, DbError> {
        let mut held = self.all_held().await?;
        let now = self.clock.now();
        for change in bootstrap::unknown(&held, &bootstrap::said(config)) {
            let number = held.iter().find(|version| version.key == change.key).map_or(0, |version| version.version);
            held.retain(|version| version.key != change.key);
            held.push(Version {
                version: number.saturating_add(1).max(bootstrap::first_version(&change)),
                key: change.key,
                valid_from: now,
                ended_at: None,
                by: BY_CONFIGURATION.to_owned(),
                document: change.document,
            });
        }
        SetUp::of(0, &held)
    }

    async fn all_held(&self) -> Result<Vec<Version>, DbError> {
        let rows = sqlx::query(HELD).fetch_all(&self.pool).await.map_err(failed("read the set-up"))?;
        rows.iter().map(read).collect()
    }

    /// The zones of all times. The first drawing of a zone of the configuration holds since ever: the file does not say
    /// since when.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub async fn drawn(&self) -> Result<Vec<Drawn>, DbError> {
        let rows = sqlx::query(EVER)
            .bind(What::Zone.as_str())
            .fetch_all(&self.pool)
            .await
            .map_err(failed("read the zones of all times"))?;
        let mut drawn = Vec::new();
        let mut before = None;
        for row in &rows {
            let version = read(row)?;
            let first = before.as_ref() != Some(&version.key);
            before = Some(version.key.clone());
            if version.document.is_none() {
                continue;
            }
            let placed = version.zone()?;
            drawn.push(Drawn {
                store: StoreKey::new(placed.tenant.clone(), placed.store.clone()),
                zone: placed.zone(),
                from: (!first || version.by != BY_CONFIGURATION).then_some(version.valid_from),
                to: version.ended_at,
            });
        }
        Ok(drawn)
    }
}
