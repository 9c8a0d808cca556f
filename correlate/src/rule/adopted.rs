//! [`Adopted`]: a rule of the library that an installation takes in, with numbers of its own.
//!
//! ```toml
//! library = "refund_velocity"
//! severity = "low"
//!
//! [params]
//! more_than = 8
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;
use tillsight_schemas::alert::Severity;
use tillsight_schemas::id::RuleId;

use super::{Origin, Rule, RuleError};

/// What such a `rule.toml` says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Adopted {
    library: RuleId,
    #[serde(default)]
    severity: Option<Severity>,
    #[serde(default)]
    params: BTreeMap<String, i64>,
}

impl Adopted {
    /// Reads a header that names a rule of the library; `None` for the header of a rule of its own.
    pub(super) fn read(text: &str) -> Option<Result<Self, RuleError>> {
        let names_one = toml::from_str::<toml::Table>(text).is_ok_and(|table| table.contains_key("library"));
        names_one.then(|| toml::from_str(text).map_err(|error| RuleError::parse(text, &error)))
    }

    /// The rule. The library's tests are about the library's numbers: with others only the installation's hold.
    pub(super) fn rule(self, tests: Vec<(String, String)>) -> Result<Rule, RuleError> {
        let known = Rule::shelf()?.into_iter().find(|rule| rule.header.id == self.library);
        let mut rule = known.ok_or_else(|| RuleError::Wrong {
            rule: self.library.to_string(),
            problem: format!("the library has no rule {}; `tillsight rule list` names them", self.library),
        })?;
        for (name, value) in &self.params {
            let names: Vec<&str> = rule.header.params.keys().map(String::as_str).collect();
            let unknown = rule.header.wrong(format!("it has no parameter {name}, but {}", names.join(", ")));
            let param = rule.header.params.get_mut(name).ok_or(unknown)?;
            if !(param.min..=param.max).contains(value) {
                let (min, max, unit) = (param.min, param.max, param.unit.clone());
                return Err(rule.header.wrong(format!("{name} is {value}; it can be {min} to {max} {unit}")));
            }
            param.default = *value;
        }
        rule.header.severity = self.severity.unwrap_or(rule.header.severity);
        rule.header.by_default = true;
        rule.origin = Origin::Adopted;
        if !self.params.is_empty() || self.severity.is_some() || !tests.is_empty() {
            rule.tests = tests;
        }
        Ok(rule)
    }
}
