//! [`Asked`]: what somebody wants to know: which rules, over which days of which stores, with which numbers, beside what.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use tillsight_schemas::codes;
use tillsight_schemas::id::{RuleId, StoreId, TenantId};

codes! {
    /// What a back-test is compared with.
    pub enum Against {
        /// What was judged live; where numbers are tried, the rules as they stand.
        Live = "live",
        /// The rules as they come.
        Library = "library",
    }
}

/// What is asked of a back-test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// The retailer.
    pub(crate) tenant: TenantId,
    /// The stores; at least one.
    pub(crate) stores: Vec<StoreId>,
    /// The rules; at least one.
    pub(crate) rules: Vec<RuleId>,
    /// The first business day.
    pub(crate) from: NaiveDate,
    /// The last business day.
    pub(crate) to: NaiveDate,
    /// Numbers that are tried in the place of the rules' own.
    pub(crate) params: BTreeMap<String, i64>,
    /// What it is compared with.
    pub(crate) against: Against,
}

impl Asked {
    /// The same in words, for the audit file.
    pub(crate) fn words(&self) -> String {
        let list = |names: Vec<&str>| names.join(", ");
        let numbers: String = self.params.iter().map(|(name, value)| format!(", {name}={value}")).collect();
        format!(
            "{} in {}, {} to {}{numbers}, beside {}",
            list(self.rules.iter().map(RuleId::as_str).collect()),
            list(self.stores.iter().map(StoreId::as_str).collect()),
            self.from,
            self.to,
            self.against
        )
    }

    /// What `tillsight` is told. A name may begin with a dash: each stands in one word with its option.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> =
            ["rule", "backtest", "--json", "--background"].into_iter().map(str::to_owned).collect();
        arguments.push(format!("--tenant={}", self.tenant));
        arguments.extend(self.stores.iter().map(|store| format!("--store={store}")));
        arguments.push(format!("--from={}", self.from));
        arguments.push(format!("--to={}", self.to));
        arguments.extend(self.params.iter().map(|(name, value)| format!("--param={name}={value}")));
        if self.against == Against::Library {
            arguments.push("--against=library".to_owned());
        }
        arguments.push("--".to_owned());
        arguments.extend(self.rules.iter().map(RuleId::to_string));
        arguments
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Something to ask.
    pub(crate) fn asked() -> Asked {
        Asked {
            tenant: "acme".parse().unwrap(),
            stores: vec!["17".parse().unwrap(), "-x".parse().unwrap()],
            rules: vec!["refund_velocity".parse().unwrap()],
            from: "2026-11-01".parse().unwrap(),
            to: "2026-11-28".parse().unwrap(),
            params: [("more_than".to_owned(), -8)].into(),
            against: Against::Library,
        }
    }

    #[test]
    fn what_is_asked_is_told_to_the_command_and_to_people() {
        let asked = asked();
        assert_eq!(
            asked.arguments().join(" "),
            "rule backtest --json --background --tenant=acme --store=17 --store=-x --from=2026-11-01 --to=2026-11-28 \
             --param=more_than=-8 --against=library -- refund_velocity"
        );
        assert_eq!(asked.words(), "refund_velocity in 17, -x, 2026-11-01 to 2026-11-28, more_than=-8, beside library");
    }
}
