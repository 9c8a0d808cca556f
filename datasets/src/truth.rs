//! The ground truth: what was put into the data, what a rule should make of it, and why.
//!
//! `truth.json` is written by whoever makes the data and read by whoever judges alerts. An item with an expected rule
//! must raise exactly that alert; an item without one is a near miss and must raise none. What no item names is
//! background and must raise none either.

use std::path::Path;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use tillsight_schemas::TimeSpan;
use tillsight_schemas::id::{OperatorId, RegisterId, StoreId, TenantId};
use uuid::Uuid;

use crate::{Error, Result};

/// What is to be seen in the customer zone of a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zone {
    /// Somebody stands there.
    Occupied,
    /// Nobody stands there, and a camera that works would show it.
    Empty,
    /// The camera cannot tell: unplugged, frozen, covered.
    Blind,
}

/// What is to be seen, and when (true time).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// From when to when.
    pub span: TimeSpan,
    /// What.
    pub zone: Zone,
}

/// One staged fraud or near miss.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The family of cases, named after the rule that it is about.
    pub scenario: String,
    /// The case, unique among all.
    pub case: String,
    /// The rule that must fire on the anchor; null when none may.
    pub expected_rule: Option<String>,
    /// Why, in words.
    pub why: String,
    /// The event that the rule would fire on.
    pub anchor_event_id: Uuid,
    /// Every event that belongs to the case, in order, the anchor among them.
    pub event_ids: Vec<Uuid>,
    /// The retailer.
    pub tenant_id: TenantId,
    /// The store.
    pub store_id: StoreId,
    /// The register.
    pub register_id: RegisterId,
    /// Who worked it.
    pub operator_id: OperatorId,
    /// The business day.
    pub business_day: NaiveDate,
    /// When the anchor completed, by a clock that is right.
    pub true_time: DateTime<Utc>,
    /// What the till wrote for it.
    pub event_time_raw: String,
    /// What a camera must show around it; empty where presence decides nothing.
    pub presence: Vec<Seen>,
}

/// All items of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// The seed that makes the same data again.
    pub seed: u64,
    /// The items, in true time.
    pub items: Vec<Item>,
}

impl Truth {
    /// The items that must raise an alert.
    pub fn expected(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.expected_rule.is_some())
    }

    /// Writes `truth.json` aside and puts it in place when it is whole.
    ///
    /// # Errors
    /// [`Error::WriteTruth`].
    pub fn write(&self, path: &Path) -> Result<()> {
        let failed = |source| Error::WriteTruth { path: path.to_owned(), source };
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        text.push(b'\n');
        let aside = path.with_extension("json.part");
        std::fs::write(&aside, text).map_err(failed)?;
        std::fs::rename(&aside, path).map_err(failed)
    }

    /// Reads a truth file.
    ///
    /// # Errors
    /// [`Error::Open`] or [`Error::ReadTruth`].
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).map_err(|source| Error::Open { path: path.to_owned(), source })?;
        serde_json::from_slice(&text).map_err(|source| Error::ReadTruth { path: path.to_owned(), source })
    }
}
