//! [`Header`]: what `rule.toml` says.

use std::collections::BTreeMap;

use serde::Deserialize;
use tillsight_schemas::alert::Severity;
use tillsight_schemas::codes;
use tillsight_schemas::id::RuleId;
use tillsight_schemas::pos::{Kind, Transaction};
use tillsight_schemas::zone::ZoneKind;

use super::RuleError;
use super::needs::{Need, Written};

/// The longest look-back of a rule that reads the stream itself, in seconds.
pub const LONGEST_LOOKBACK: i64 = 86_400;

codes! {
    /// Whose events a rule looks at beside the anchor.
    pub enum Scope {
        /// Those of the anchor's register.
        Register = "register",
        /// Those of the anchor's store.
        Store = "store",
    }
}

/// A number that a store may set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Param {
    /// What holds where nothing is set.
    pub default: i64,
    /// The smallest value that makes sense.
    pub min: i64,
    /// The largest.
    pub max: i64,
    /// Its unit.
    pub unit: String,
    /// What it does.
    pub description: String,
}

/// How much video an alert shows around its events.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clip {
    /// Before the first event, in seconds.
    pub before_seconds: i64,
    /// After the anchor, in seconds.
    pub after_seconds: i64,
}

/// What a rule says about itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Its id: the name of its folder.
    pub id: RuleId,
    /// `major.minor`: another major version judges anew under new alert ids.
    pub version: String,
    /// What people call it.
    pub name: String,
    /// What it looks for.
    pub description: String,
    /// Whether it judges unasked. The others want a number of the shop's own, or a field that few tills send: an
    /// installation takes them in by name.
    #[serde(default = "yes")]
    pub by_default: bool,
    /// How much an alert matters, where the SQL says nothing else.
    pub severity: Severity,
    /// Whose events it looks at.
    pub scope: Scope,
    /// The kinds of transaction that are its anchors.
    pub anchor: Vec<Kind>,
    /// How far before an anchor it looks, in seconds.
    pub lookback_seconds: i64,
    /// How far after an anchor it looks, in seconds.
    pub lookahead_seconds: i64,
    /// Anchors that took longer are not judged but reported, in seconds.
    pub longest_seconds: i64,
    /// The tables it reads beside `anchor` and `params`: `pos`, `lines`, `tenders`, `presence`.
    pub reads: Vec<String>,
    /// What must be known before it judges: `presence:customer` is the presence in the customer zones of the register.
    #[serde(default)]
    pub requires: Vec<String>,
    /// What a record must have for the rule to judge it, as it is written; read into [`Header::needed`].
    #[serde(default, rename = "needs")]
    written_needs: Vec<Written>,
    /// The title of an alert.
    pub title: String,
    /// Why it fired, with `{facts}` filled in.
    pub explanation: String,
    /// What else may be behind an alert, in plain sentences: an alert is a reason to look, never a verdict.
    #[serde(default)]
    pub innocent: Vec<String>,
    /// What it cannot see, in plain sentences, beside the records and zones that it wants.
    #[serde(default)]
    pub blind_to: Vec<String>,
    /// Whether an alert falls with each single one of its events, as that of a count which is just one too many. Those of
    /// other rules fall with all of them.
    #[serde(default)]
    pub every_event: bool,
    /// The video around it.
    pub clip: Clip,
    /// Its numbers.
    #[serde(default)]
    pub params: BTreeMap<String, Param>,
    /// The major version, from `version`.
    #[serde(skip)]
    pub major: u32,
    /// The zones whose presence must be known, from `requires`.
    #[serde(skip)]
    pub watched: Vec<ZoneKind>,
    /// The fields of a record without which the rule is blind to it, from `needs`.
    #[serde(skip)]
    pub needed: Vec<Need>,
}

fn yes() -> bool {
    true
}

impl Header {
    /// Reads `rule.toml`.
    ///
    /// # Errors
    /// [`RuleError`] that says what to change.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let mut header: Self = toml::from_str(text).map_err(|error| RuleError::parse(text, &error))?;
        let major = header.version.split_once('.').and_then(|(major, minor)| {
            let minor: Result<u32, _> = minor.parse();
            minor.is_ok().then(|| major.parse().ok()).flatten()
        });
        header.major = major.ok_or_else(|| header.wrong("version must be `major.minor`, two numbers".to_owned()))?;
        for required in &header.requires {
            let zone = required.strip_prefix("presence:").and_then(|kind| kind.parse().ok());
            let zone = zone.ok_or_else(|| {
                header.wrong(format!(
                    "requires {required:?}; it can be `presence:` and one of {}",
                    ZoneKind::CODES.join(", ")
                ))
            })?;
            header.watched.push(zone);
        }
        let needed: Result<Vec<Need>, String> =
            header.written_needs.iter().map(|written| Need::read(written, &header.anchor)).collect();
        header.needed = needed.map_err(|problem| header.wrong(problem))?;
        if let Some(problem) = header.problem() {
            return Err(header.wrong(problem));
        }
        Ok(header)
    }

    /// What the rule needs of a record of this kind, each with whether it is missing; nothing where the rule does not
    /// look at the record.
    pub fn needs_of(&self, transaction: &Transaction) -> Vec<(&Need, bool)> {
        if transaction.training
            || transaction.test
            || !self.needed.iter().any(|need| need.kinds.contains(&transaction.kind))
        {
            return Vec::new();
        }
        let record = serde_json::to_value(transaction).unwrap_or_default();
        self.needed.iter().filter_map(|need| Some((need, need.is_missing(transaction.kind, &record)?))).collect()
    }

    /// Gives a number another default; says whether the rule has one of this name.
    ///
    /// # Errors
    /// [`RuleError`] when the value lies outside the number's limits.
    pub fn set(&mut self, name: &str, value: i64) -> Result<bool, RuleError> {
        let Some(param) = self.params.get_mut(name) else { return Ok(false) };
        param.default = value;
        match self.problem() {
            Some(problem) => Err(self.wrong(problem)),
            None => Ok(true),
        }
    }

    fn problem(&self) -> Option<String> {
        if self.anchor.is_empty() {
            return Some("anchor names no kind of transaction".to_owned());
        }
        if !(0..=LONGEST_LOOKBACK).contains(&self.lookback_seconds) || !(0..=3600).contains(&self.lookahead_seconds) {
            return Some(format!("lookback_seconds must be 0 to {LONGEST_LOOKBACK}, lookahead_seconds 0 to 3600"));
        }
        if let Some(unknown) =
            self.reads.iter().find(|table| !["pos", "lines", "tenders", "presence"].contains(&table.as_str()))
        {
            return Some(format!("reads {unknown:?}; there are pos, lines, tenders and presence"));
        }
        if !self.watched.is_empty() && !self.reads.iter().any(|table| table == "presence") {
            return Some("requires presence, but does not read the table presence".to_owned());
        }
        self.params.iter().find(|(_, param)| !(param.min..=param.max).contains(&param.default)).map(|(name, param)| {
            format!("the default of {name} is {}, outside {} to {}", param.default, param.min, param.max)
        })
    }

    pub(crate) fn wrong(&self, problem: String) -> RuleError {
        RuleError::Wrong { rule: self.id.to_string(), problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(from: &str, to: &str) -> String {
        let text = include_str!("../../rules/refund_no_customer/rule.toml").replace(from, to);
        Header::parse(&text).unwrap_err().to_string()
    }

    #[test]
    fn a_wrong_header_says_what_to_change() {
        assert!(with("version = \"1.0\"", "version = \"one\"").contains("two numbers"));
        assert!(with("presence:customer", "presence:roof").contains("one of customer"));
        assert!(with("default = 2000", "default = 99000").contains("margin_ms is 99000"));
        assert!(with("[\"RETURN\"]", "[]").contains("anchor"));
        assert!(with("lookahead_seconds = 2", "lookahed = 2").contains("lookahed"));
        assert!(with("scope = ", "needs = [\"oprator_id\"]\nscope = ").contains("operator_id"));
    }
}
