//! `/api/v1/setup/adjustments`: what a store says otherwise than the rules. Numbers of its own, a rule that is switched off or
//! on trial, a register or an operator that is left out: each with a reason and an end, and with its history. It holds for events
//! from then on; what was judged stays.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use tillsight_correlate::rule::{Param, Rule};
use tillsight_schemas::id::{OperatorId, RegisterId, RuleId, StoreId};
use uuid::Uuid;

use super::super::Shared;
use super::super::answer::answer;
use super::super::auth::{Caller, Person};
use super::super::extract::{Body, Path, Query};
use super::super::live::Live;
use super::super::problem::Problem;
use super::{OfStore, commit, refused, setter, store_of, take, text, unread, whole, within, wrong};
use crate::db::{Change, ChangeError, Expected, KeptAdjustment, Key, Version, What};

/// The longest time for which something may be said otherwise.
const LONGEST: TimeDelta = TimeDelta::days(366);
/// The longest note, in bytes.
const NOTE: usize = 500;

answer! {
    /// A number of a rule.
    struct AdjustedNumber {
        /// Its name.
        name: String,
        /// What holds in its place.
        value: i64,
    }

    /// Something that is said otherwise than in a rule.
    struct SetAdjustment {
        /// Its id.
        adjustment_id: String,
        /// The store; null: every store.
        store_id: Option<StoreId>,
        /// The rule; null: every rule.
        rule_id: Option<RuleId>,
        /// The numbers that hold.
        numbers: Vec<AdjustedNumber>,
        /// Whether the rule is switched off.
        off: bool,
        /// Whether the rule is on trial: it judges, and sends nothing.
        shadow: bool,
        /// The register that is left out.
        register_id: Option<RegisterId>,
        /// The operator who is left out.
        operator_id: Option<OperatorId>,
        /// Why.
        note: String,
        /// Since when it holds, in event time.
        valid_from: DateTime<Utc>,
        /// When it ends.
        until: DateTime<Utc>,
        /// Whether it has ended.
        over: bool,
        /// Who said it.
        changed_by: String,
        /// The version that holds.
        version: i32,
        /// Why it does not count, or not all of it: the rule is not installed, or has other limits by now.
        problem: Option<String>,
    }

    /// What is said otherwise.
    struct SetAdjustmentPage {
        /// The adjustments, by store and rule.
        items: Vec<SetAdjustment>,
    }
}

/// An adjustment as it is to be.
#[derive(Debug, Deserialize)]
pub(super) struct Draft {
    #[serde(default)]
    store_id: Option<String>,
    #[serde(default)]
    rule_id: Option<String>,
    #[serde(default)]
    numbers: Vec<DraftNumber>,
    #[serde(default)]
    off: bool,
    #[serde(default)]
    shadow: bool,
    #[serde(default)]
    register_id: Option<String>,
    #[serde(default)]
    operator_id: Option<String>,
    #[serde(default)]
    note: Option<String>,
    #[serde(default)]
    until: Option<String>,
}

#[derive(Debug, Deserialize)]
struct DraftNumber {
    name: String,
    #[serde(deserialize_with = "super::super::extract::integer")]
    value: i64,
}

/// Lists what is said otherwise.
pub(super) async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    Query(asked): Query<OfStore>,
) -> Result<Json<SetAdjustmentPage>, Problem> {
    let person = setter(&caller)?;
    let held = shared.db.held(What::Adjustment, &person.scope.tenant).await.map_err(|error| unread(&error))?;
    let ours = held.iter().filter(|version| within(&person, asked.store.as_ref(), version));
    let mut items = ours.map(|version| shown(&shared, version)).collect::<Result<Vec<_>, _>>()?;
    items.sort_by(|one, other| {
        (&one.store_id, &one.rule_id, one.valid_from).cmp(&(&other.store_id, &other.rule_id, other.valid_from))
    });
    Ok(Json(SetAdjustmentPage { items }))
}

/// Says something otherwise.
pub(super) async fn add(
    State(live): State<Live>,
    caller: Caller,
    Body(draft): Body<Draft>,
) -> Result<(StatusCode, Json<SetAdjustment>), Problem> {
    let person = setter(&caller)?;
    let shared = live.now();
    let store = of_store(&shared, &person, text(draft.store_id.clone()).as_deref())?;
    let kept = draft.kept(&shared.rules, shared.clock.now()).map_err(|problems| wrong(&problems))?;
    let id = Uuid::new_v4().to_string();
    let key = Key::new(What::Adjustment, &person.scope.tenant, store.as_str(), &*id);
    let place = if store.is_empty() { "all stores" } else { store.as_str() };
    let words = format!("adjustment {id} in {place}: {kept}");
    commit(&live, &person, words, &[Change::new(key.clone(), Expected::New, Some(json!(kept)))]).await?;
    let held = live.now().db.holds(&key).await.map_err(|error| unread(&error))?;
    let held = held.ok_or_else(|| refused(ChangeError::Missing(What::Adjustment, id)))?;
    Ok((StatusCode::CREATED, Json(shown(&shared, &held)?)))
}

/// Ends an adjustment at once.
pub(super) async fn remove(
    State(live): State<Live>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let person = setter(&caller)?;
    let held = live.now().db.held(What::Adjustment, &person.scope.tenant).await.map_err(|error| unread(&error))?;
    let ours = held.into_iter().find(|version| version.key.id == id && within(&person, None, version));
    let version = ours.ok_or_else(|| refused(ChangeError::Missing(What::Adjustment, id.clone())))?;
    if version.key.store.is_empty() {
        whole(&person)?;
    }
    let change = Change::new(version.key, Expected::Version(version.version), None);
    commit(&live, &person, format!("adjustment {id}: ended"), &[change]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The store that is meant, empty for all.
fn of_store(shared: &Shared, person: &Person, asked: Option<&str>) -> Result<String, Problem> {
    match asked {
        Some(id) => Ok(store_of(shared, person, id)?.store.to_string()),
        None => whole(person).map(|()| String::new()),
    }
}

impl Draft {
    /// What is kept of it, or everything that is wrong with it.
    fn kept(self, rules: &[Rule], now: DateTime<Utc>) -> Result<KeptAdjustment, Vec<String>> {
        let mut problems = Vec::new();
        let rule_id = text(self.rule_id).and_then(|id| take::<RuleId, _>(&mut problems, "rule_id", id.parse()));
        let rule = rule_id.as_ref().and_then(|id| rules.iter().find(|rule| rule.header.id == *id));
        if let (Some(id), None) = (&rule_id, rule) {
            problems.push(format!("rule_id: there is no rule {id}"));
        }
        let register_id = text(self.register_id).and_then(|id| take(&mut problems, "register_id", id.parse()));
        let operator_id = text(self.operator_id).and_then(|id| take(&mut problems, "operator_id", id.parse()));
        let mut numbers = BTreeMap::new();
        for DraftNumber { name, value } in self.numbers {
            match rule.and_then(|rule| rule.header.params.get(&name)) {
                Some(param) if (param.min..=param.max).contains(&value) => {
                    numbers.insert(name, value);
                }
                Some(param) => problems.push(format!("numbers: {name} may be {} to {}", param.min, param.max)),
                None if rule.is_some() => problems.push(format!("numbers: the rule has no number {name}")),
                None => {}
            }
        }
        let leaves_out = register_id.is_some() || operator_id.is_some();
        let says = [!numbers.is_empty(), self.off, self.shadow, leaves_out].into_iter().filter(|says| *says).count();
        if says != 1 && problems.is_empty() {
            let what = "say one thing: `numbers` of a rule, a rule that is `off` or on trial (`shadow`), or a `register_id` or \
                        `operator_id` that is left out";
            problems.push(what.to_owned());
        }
        if rule_id.is_none() && !leaves_out && problems.is_empty() {
            problems.push("rule_id: only registers and operators are left out of every rule".to_owned());
        }
        let note = text(self.note).unwrap_or_default();
        if note.is_empty() {
            problems.push("note: say why; who looks at it in a year wants to know".to_owned());
        } else if note.len() > NOTE {
            problems.push(format!("note: it has more than {NOTE} bytes"));
        }
        let until: Option<DateTime<Utc>> = match text(self.until) {
            Some(until) => take(&mut problems, "until", until.parse()),
            None => {
                problems.push("until: say when it ends, a year ahead at most; it can be said again then".to_owned());
                None
            }
        };
        if until.is_some_and(|until| until <= now || until > now + LONGEST) {
            problems.push("until: it must end within a year from now".to_owned());
        }
        match until {
            Some(until) if problems.is_empty() => {
                let (off, shadow) = (self.off, self.shadow);
                Ok(KeptAdjustment { rule_id, numbers, off, shadow, register_id, operator_id, note, until })
            }
            _ => Err(problems),
        }
    }
}

fn shown(shared: &Shared, version: &Version) -> Result<SetAdjustment, Problem> {
    let kept = version.adjustment().map_err(|error| unread(&error))?;
    Ok(SetAdjustment {
        adjustment_id: version.key.id.clone(),
        store_id: version.key.store.parse().ok(),
        problem: problem(&shared.rules, &kept),
        numbers: kept.numbers.into_iter().map(|(name, value)| AdjustedNumber { name, value }).collect(),
        rule_id: kept.rule_id,
        off: kept.off,
        shadow: kept.shadow,
        register_id: kept.register_id,
        operator_id: kept.operator_id,
        note: kept.note,
        valid_from: version.valid_from,
        until: kept.until,
        over: kept.until <= shared.clock.now(),
        changed_by: version.by.clone(),
        version: version.version,
    })
}

/// Why an adjustment does not count.
fn problem(rules: &[Rule], kept: &KeptAdjustment) -> Option<String> {
    let id = kept.rule_id.as_ref()?;
    let Some(rule) = rules.iter().find(|rule| rule.header.id == *id) else {
        return Some(format!("the rule {id} does not judge here"));
    };
    kept.numbers.iter().find_map(|(name, value)| match rule.header.params.get(name) {
        Some(Param { min, max, .. }) if (*min..=*max).contains(value) => None,
        Some(Param { min, max, .. }) => Some(format!("{name} may be {min} to {max} by now: the default holds")),
        None => Some(format!("the rule has no number {name} any more")),
    })
}

/// What is sent, for the description of the interface.
pub(super) fn body() -> Value {
    let maybe = |about: &str| json!({ "type": ["string", "null"], "description": about });
    json!({
        "type": "object", "required": ["note", "until"],
        "properties": {
            "store_id": maybe("The store; null: every store."),
            "rule_id": maybe("The rule; null: every rule, where somebody is left out."),
            "numbers": {
                "type": "array", "description": "Numbers of the rule.",
                "items": {
                    "type": "object", "required": ["name", "value"],
                    "properties": { "name": { "type": "string" }, "value": { "type": "integer" } },
                },
            },
            "off": { "type": "boolean", "description": "The rule judges nothing." },
            "shadow": { "type": "boolean", "description": "The rule is on trial: it judges, and sends nothing." },
            "register_id": maybe("The register that is left out."),
            "operator_id": maybe("The operator who is left out."),
            "note": { "type": "string", "description": "Why." },
            "until": { "type": "string", "format": "date-time", "description": "When it ends, a year ahead at most." },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_one_of_the_rule_and_within_its_limits() {
        let rules = Rule::library().unwrap();
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let kept = |name: &str, value: i64| {
            let draft = json!({
                "rule_id": "cash_refund_high", "numbers": [{ "name": name, "value": value }], "note": "dear goods",
                "until": "2027-06-01T00:00:00Z",
            });
            serde_json::from_value::<Draft>(draft).unwrap().kept(&rules, now).map(|kept| kept.numbers)
        };
        assert_eq!(kept("smallest_minor", 50_000).unwrap(), [("smallest_minor".to_owned(), 50_000)].into());
        assert!(kept("smallest_minor", -1).unwrap_err()[0].contains("may be 0 to 100000000"));
        assert!(kept("largest", 1).unwrap_err()[0].contains("no number largest"));
        let old = KeptAdjustment {
            rule_id: Some("cash_refund_high".parse().unwrap()),
            numbers: [("smallest_minor".to_owned(), -5)].into(),
            off: false,
            shadow: false,
            register_id: None,
            operator_id: None,
            note: "x".into(),
            until: now,
        };
        assert!(problem(&rules, &old).unwrap().contains("the default holds"));
        let gone = KeptAdjustment { rule_id: Some("gone".parse().unwrap()), ..old };
        assert_eq!(problem(&rules, &gone).unwrap(), "the rule gone does not judge here");
    }
}
