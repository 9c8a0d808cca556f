//! `[alerts]`: which alerts people are told of, and when a rule is held back because it is wrong too often.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use tillsight_schemas::alert::Severity;
use tillsight_schemas::id::{StoreId, StoreKey, TenantId};

/// The most alerts of a store's day: a report lists as many.
const MOST: u32 = 100;

/// `[alerts]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Alerts {
    /// How many alerts of a store's business day are sent. Critical ones are sent beyond it.
    pub per_store_and_day: u32,
    /// The least severity that is sent.
    pub from_severity: Severity,
    /// The share of confirmed alerts below which a rule is held back, once that is sure; never when 0.
    pub precision_floor: f64,
    /// Stores with another number of alerts a day, each as `"tenant/store"`.
    pub stores: BTreeMap<String, u32>,
}

impl Default for Alerts {
    fn default() -> Self {
        Self { per_store_and_day: 10, from_severity: Severity::Medium, precision_floor: 0.1, stores: BTreeMap::new() }
    }
}

impl Alerts {
    /// How many alerts of a store's business day are sent.
    pub fn of_day(&self, tenant: &TenantId, store: &StoreId) -> u32 {
        self.stores.get(&format!("{tenant}/{store}")).copied().unwrap_or(self.per_store_and_day)
    }

    /// Everything that is wrong with it.
    pub(super) fn problems(&self, problems: &mut Vec<String>) {
        let numbers = [("per_store_and_day".to_owned(), self.per_store_and_day)].into_iter();
        let stores = self.stores.iter().map(|(store, number)| (format!("stores.{store:?}"), *number));
        for (name, number) in numbers.chain(stores) {
            if !(1..=MOST).contains(&number) {
                problems.push(format!("alerts.{name} is {number}; it must be 1 to {MOST}"));
            }
        }
        for store in self.stores.keys().filter(|store| store.parse::<StoreKey>().is_err()) {
            problems.push(format!("alerts.stores names {store:?}: write tenant and store as \"acme/17\""));
        }
        if !(0.0..1.0).contains(&self.precision_floor) {
            problems.push(format!(
                "alerts.precision_floor is {}; it must be 0 (no rule is held back) to less than 1",
                self.precision_floor
            ));
        }
    }
}

impl fmt::Display for Alerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} a store and day from {} on", self.per_store_and_day, self.from_severity)?;
        if !self.stores.is_empty() {
            write!(f, ", {} with a number of their own", self.stores.len())?;
        }
        if self.precision_floor > 0.0 {
            write!(f, "; rules below {:.0} % confirmed are held back", self.precision_floor * 100.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alerts(text: &str) -> (Alerts, Vec<String>) {
        let alerts: Alerts = toml::from_str(text).unwrap();
        let mut problems = Vec::new();
        alerts.problems(&mut problems);
        (alerts, problems)
    }

    #[test]
    fn a_store_may_have_a_number_of_its_own() {
        let (alerts, problems) = alerts("from_severity = \"high\"\nstores = { \"acme/17\" = 25 }");
        assert!(problems.is_empty(), "{problems:?}");
        let of = |store: &str| alerts.of_day(&"acme".parse().unwrap(), &store.parse().unwrap());
        assert_eq!((of("17"), of("42")), (25, 10));
        assert_eq!(
            alerts.to_string(),
            "10 a store and day from high on, 1 with a number of their own; rules below 10 % confirmed are held back"
        );
    }

    #[test]
    fn what_makes_no_sense_is_named_with_what_would() {
        let (_, problems) = alerts("per_store_and_day = 0\nprecision_floor = 1.0\nstores = { 17 = 500 }");
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(problems[0].contains("per_store_and_day is 0; it must be 1 to 100"), "{problems:?}");
        assert!(problems[2].contains("\"acme/17\""), "{problems:?}");
        assert!(toml::from_str::<Alerts>("from_severity = \"urgent\"").is_err());
    }
}
