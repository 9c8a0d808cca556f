//! `GET /api/v1/rules`: the rules that are installed; `GET /api/v1/rules/{rule_id}`: one of them, whole: its text, what it cannot
//! see, what it came to in the last four weeks, and how it was decided about.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::TimeDelta;
use tillsight_correlate::rule::{Header, Rule};
use tillsight_schemas::id::StoreId;
use tillsight_schemas::zone::ZoneKind;

use super::Shared;
use super::alerts::{seen, shown};
use super::answer::answer;
use super::auth::{Caller, Person, Right};
use super::extract::Path;
use super::problem::Problem;
use super::views::{AlertSummary, RuleParam, RuleShown};
use crate::db::{AlertFilter, AlertState, DbError, Odds};

/// How far back outcomes are counted.
const SPAN: TimeDelta = TimeDelta::days(28);
/// Alerts that are shown.
const ALERTS: u32 = 10;

answer! {
    /// All rules.
    struct RulePage {
        /// The rules, by id.
        items: Vec<RuleShown>,
    }

    /// A field of a record that a rule needs.
    struct RuleNeed {
        /// The field.
        field: String,
        /// Of which kinds of record.
        kinds: Vec<String>,
    }

    /// How often a rule came to an outcome.
    struct RuleOutcome {
        /// `fired`, `silent` or `indeterminate`.
        outcome: String,
        /// Why.
        why: String,
        /// How often.
        times: i64,
    }

    /// How the alerts of a rule were decided.
    #[derive(serde::Deserialize, PartialEq)]
    struct RulePrecision {
        /// Those that were confirmed.
        confirmed: i64,
        /// Those about which somebody decided.
        decided: i64,
        /// The share of confirmed.
        share: f64,
        /// Where it lies at least, in 95 of 100 cases (Wilson, 1927).
        low: f64,
        /// Where it lies at most.
        high: f64,
    }

    /// A rule, whole.
    struct RuleDetail {
        /// What it looks for, and its numbers.
        rule: RuleShown,
        /// The title of its alerts.
        title: String,
        /// Why it fired, with the names of facts.
        explanation: String,
        /// The kinds of transaction that it judges.
        anchor: Vec<String>,
        /// How far before an event it looks, in seconds.
        lookback_seconds: i64,
        /// How far after it.
        lookahead_seconds: i64,
        /// The kinds of zone of the register in which presence must be known.
        zones: Vec<ZoneKind>,
        /// What a record must have.
        needs: Vec<RuleNeed>,
        /// Its text.
        sql: String,
        /// How its alerts were decided; null while nobody has, and for those who do not see all of them.
        precision: Option<RulePrecision>,
        /// What it came to in the last 28 days, in the stores that one sees.
        outcomes: Vec<RuleOutcome>,
        /// Its newest alerts.
        alerts: Vec<AlertSummary>,
    }
}

/// Lists the rules.
pub(super) async fn list(State(shared): State<Shared>, caller: Caller) -> Result<Json<RulePage>, Problem> {
    caller.person(Right::Look)?;
    Ok(Json(RulePage { items: shared.rules.iter().map(|rule| RuleShown::of(&rule.header)).collect() }))
}

/// Shows one rule.
pub(super) async fn one(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<RuleDetail>, Problem> {
    let person = caller.person(Right::Look)?;
    let rule = shared.rules.iter().find(|rule| rule.header.id.as_str() == id);
    let rule = rule.ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "not found", format!("the rule {id} does not judge here"))
    })?;
    Ok(Json(
        detail(&shared, &person, rule)
            .await
            .map_err(|error| Problem::unavailable("what the rule came to cannot be read", &error))?,
    ))
}

async fn detail(shared: &Shared, person: &Person, rule: &Rule) -> Result<RuleDetail, DbError> {
    let header = &rule.header;
    let filter = AlertFilter {
        tenant: person.scope.tenant.clone(),
        stores: person.scope.stores.clone(),
        without: person.scope.without.clone(),
        state: AlertState::All,
        rule: Some(header.id.to_string()),
        before: None,
        limit: ALERTS,
    };
    let rows = seen(person, shared.db.alerts(&filter).await?);
    let odds = rows.first().map(|row| row.odds).unwrap_or_default();
    let mut alerts = Vec::new();
    for row in &rows {
        alerts.push(shown(shared, row).await);
    }
    Ok(RuleDetail {
        rule: RuleShown::of(header),
        title: header.title.clone(),
        explanation: header.explanation.clone(),
        anchor: header.anchor.iter().map(|kind| kind.as_str().to_owned()).collect(),
        lookback_seconds: header.lookback_seconds,
        lookahead_seconds: header.lookahead_seconds,
        zones: header.watched.clone(),
        needs: header.needed.iter().map(RuleNeed::of).collect(),
        sql: rule.sql.clone(),
        precision: RulePrecision::of(odds),
        outcomes: outcomes(shared, person, header).await?,
        alerts,
    })
}

async fn outcomes(shared: &Shared, person: &Person, header: &Header) -> Result<Vec<RuleOutcome>, DbError> {
    let scope = &person.scope;
    let now = shared.clock.now();
    let span = (now - SPAN).timestamp_micros()..now.timestamp_micros();
    let ours = shared.shops.iter().filter(|shop| shop.tenant == scope.tenant && scope.sees(&shop.tenant, &shop.id));
    let stores: Vec<StoreId> = ours.map(|shop| shop.id.clone()).collect();
    let mut counted: BTreeMap<(String, String), i64> = BTreeMap::new();
    for store in &stores {
        for (rule, outcome, why, times) in
            shared.db.outcomes(&scope.tenant, store, span.clone(), &scope.without).await?
        {
            if rule == header.id.as_str() {
                *counted.entry((outcome, why)).or_default() += times;
            }
        }
    }
    let mut all: Vec<RuleOutcome> =
        counted.into_iter().map(|((outcome, why), times)| RuleOutcome { outcome, why, times }).collect();
    all.sort_by_key(|each| std::cmp::Reverse(each.times));
    Ok(all)
}

impl RuleNeed {
    fn of(need: &tillsight_correlate::rule::Need) -> Self {
        let kinds = need.kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
        Self { field: need.field.to_string(), kinds }
    }
}

impl RulePrecision {
    /// What is shown of how alerts were decided; nothing while nobody has.
    pub(crate) fn of(odds: Odds) -> Option<Self> {
        let (share, low, high) = odds.precision()?;
        Some(Self { confirmed: odds.confirmed, decided: odds.decided, share, low, high })
    }
}

impl RuleShown {
    /// A rule as people see it.
    pub(crate) fn of(header: &Header) -> Self {
        let params = header.params.iter().map(|(name, param)| RuleParam {
            name: name.clone(),
            value: param.default.to_string(),
            unit: Some(param.unit.clone()),
            description: param.description.clone(),
            min: param.min,
            max: param.max,
        });
        Self {
            id: header.id.clone(),
            version: header.version.clone(),
            name: header.name.clone(),
            description: header.description.clone(),
            severity: header.severity,
            params: params.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::House;
    use super::*;

    #[tokio::test]
    async fn a_rule_is_shown_with_its_text_its_alerts_and_how_they_were_decided() {
        let house = House::open().await;
        let lena = house.sign_in("lena").await;
        house.raise("42", 2, 0).await;
        let id = house.raise("17", 1, 0).await;
        let (_, alert) = house.get(&format!("/api/v1/alerts/{id}"), &lena).await;
        let path = format!("/api/v1/rules/{}", alert["rule_id"].as_str().unwrap());
        let (status, rule) = house.get(&path, &lena).await;
        assert_eq!((status, &rule["precision"]), (StatusCode::OK, &json!(null)), "{rule}");
        assert!(rule["sql"].as_str().unwrap().contains("FROM anchor"), "{rule}");
        assert_eq!(rule["alerts"].as_array().unwrap().len(), 1, "not another store's: {rule}");
        let decision = json!({ "disposition": "confirmed", "revision": 0 });
        house.send("POST", &format!("/api/v1/alerts/{id}/review"), &lena, Some(decision)).await;
        let (_, rule) = house.get(&path, &lena).await;
        assert_eq!((&rule["precision"]["confirmed"], &rule["precision"]["decided"]), (&json!(1), &json!(1)), "{rule}");
        assert_eq!(house.get("/api/v1/rules/nobody", &lena).await.0, StatusCode::NOT_FOUND);
    }

    #[test]
    fn few_decisions_say_little() {
        let of = |confirmed, decided| {
            let RulePrecision { share, low, high, .. } = RulePrecision::of(Odds { confirmed, decided }).unwrap();
            format!("{share:.3}: {low:.3} to {high:.3}")
        };
        // By the formula as Brown, Cai and DasGupta (2001) give it in (4).
        assert_eq!(of(0, 10), "0.000: 0.000 to 0.278");
        assert_eq!(of(5, 10), "0.500: 0.237 to 0.763");
        assert_eq!(of(90, 100), "0.900: 0.826 to 0.945");
    }
}
