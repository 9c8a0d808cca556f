//! What stores say otherwise than the rules, as it is kept, and as the engine knows it.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tillsight_correlate::rule::{Adjustment, Says};
use tillsight_schemas::id::{OperatorId, RegisterId, RuleId};

use super::{Db, DbError, EVER, Version, What, failed, read};

/// An adjustment as it is kept; the store it is for stands in its key, empty for all of a retailer's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAdjustment {
    /// The rule; every rule when absent.
    #[serde(default)]
    pub rule_id: Option<RuleId>,
    /// Numbers of the rule.
    #[serde(default)]
    pub numbers: BTreeMap<String, i64>,
    /// Whether the rule judges nothing.
    #[serde(default)]
    pub off: bool,
    /// Whether the rule is on trial: it judges, and sends nothing.
    #[serde(default)]
    pub shadow: bool,
    /// The register that is left out.
    #[serde(default)]
    pub register_id: Option<RegisterId>,
    /// The operator who is left out.
    #[serde(default)]
    pub operator_id: Option<OperatorId>,
    /// Why.
    pub note: String,
    /// When it ends.
    pub until: DateTime<Utc>,
}

impl Version {
    /// The adjustment of a version.
    ///
    /// # Errors
    /// [`DbError::Damaged`].
    pub(crate) fn adjustment(&self) -> Result<KeptAdjustment, DbError> {
        self.parse()
    }
}

impl KeptAdjustment {
    fn says(&self) -> Says {
        if self.off {
            Says::Off
        } else if self.shadow {
            Says::Shadow
        } else if self.register_id.is_some() || self.operator_id.is_some() {
            Says::LeaveOut { register: self.register_id.clone(), operator: self.operator_id.clone() }
        } else {
            Says::Numbers(self.numbers.clone())
        }
    }
}

impl fmt::Display for KeptAdjustment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = self.numbers.iter().map(|(name, number)| format!("{name} {number}"));
        let who = [
            self.register_id.as_ref().map(|register| format!("register {register}")),
            self.operator_id.as_ref().map(|operator| format!("operator {operator}")),
        ];
        let rule = self.rule_id.as_ref().map_or("every rule", RuleId::as_str);
        match self.says() {
            Says::Off => write!(f, "{rule} switched off")?,
            Says::Shadow => write!(f, "{rule} on trial")?,
            Says::LeaveOut { .. } => {
                let who: Vec<String> = who.into_iter().flatten().collect();
                write!(f, "{} left out of {rule}", who.join(", "))?;
            }
            Says::Numbers(_) => write!(f, "{} in {rule}", numbers.collect::<Vec<_>>().join(", "))?,
        }
        write!(f, ": {}", self.note)
    }
}

impl Db {
    /// What stores say, and said, otherwise than the rules, each for its time.
    ///
    /// # Errors
    /// [`DbError::Statement`] or [`DbError::Damaged`].
    pub async fn adjusted(&self) -> Result<Vec<Adjustment>, DbError> {
        let rows = sqlx::query(EVER)
            .bind(What::Adjustment.as_str())
            .fetch_all(&self.pool)
            .await
            .map_err(failed("read what is said otherwise than the rules"))?;
        let versions: Vec<Version> = rows.iter().map(read).collect::<Result<_, _>>()?;
        let mut adjusted = Vec::new();
        for version in versions.iter().filter(|version| version.document.is_some()) {
            let kept = version.adjustment()?;
            let store = Some(&version.key.store).filter(|store| !store.is_empty());
            let to = version.ended_at.map_or(kept.until, |ended| ended.min(kept.until));
            adjusted.push(Adjustment {
                tenant: version.key.tenant.clone(),
                store: store.map(|store| store.parse()).transpose().map_err(|_| DbError::Damaged("set-up"))?,
                says: kept.says(),
                rule: kept.rule_id,
                from: version.valid_from,
                to: Some(to),
            });
        }
        Ok(adjusted)
    }
}
