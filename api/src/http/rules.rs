//! `GET /api/v1/rules`: the rules that are installed; `GET /api/v1/rules/{rule_id}`: one of them, whole: its text, what it cannot
//! see, what else may be behind its alerts, what it came to in the last four weeks, how it was decided about, when it was held
//! back because of that, and how often it accuses somebody innocent.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use tillsight_correlate::rule::{Header, Rule};
use tillsight_schemas::id::StoreId;
use tillsight_schemas::judgement::Outcome;
use tillsight_schemas::zone::ZoneKind;

use super::Shared;
use super::accusations::FalseAccusations;
use super::alerts::{seen, shown};
use super::answer::answer;
use super::auth::{Caller, Person, Right};
use super::extract::Path;
use super::problem::Problem;
use super::views::{AlertSummary, RuleParam, RuleShown};
use crate::db::{AlertFilter, AlertState, DbError, RuleStanding};
use crate::sending::Precision;

/// How far back outcomes are counted.
const SPAN: TimeDelta = TimeDelta::days(28);
/// Alerts that are shown.
const ALERTS: u32 = 10;

answer! {
    /// A rule in the list.
    struct RuleListed {
        /// The rule.
        @flatten rule: RuleShown,
        /// Since when its alerts are held back because it was wrong too often; null when they are not, and for those who do
        /// not see all of them.
        held_back_since: Option<DateTime<Utc>>,
    }

    /// All rules.
    struct RulePage {
        /// The rules, by id.
        items: Vec<RuleListed>,
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

    /// How the alerts of a version of a rule were decided. Duplicates and what cannot be told do not count.
    struct RulePrecision {
        /// The version.
        version: String,
        /// Those that were confirmed.
        confirmed: i64,
        /// Those about which somebody decided, of what was sent or picked at random.
        decided: i64,
        /// How many of these were picked at random from what was held back.
        picked: i64,
        /// The share of confirmed among all alerts: each that was picked counts for as many as it stands for.
        share: f64,
        /// Where it lies at least, in 95 of 100 cases (Wilson, 1927).
        low: f64,
        /// Where it lies at most.
        high: f64,
    }

    /// That a version of a rule was held back because it was wrong too often, or sent again; shares in thousandths.
    struct RuleTurn {
        /// The version.
        version: String,
        /// When.
        at: DateTime<Utc>,
        /// Whether it is held back from then on.
        held_back: bool,
        /// Alerts that were decided, of what happened since the turn before.
        decided: i64,
        /// Those of them that were confirmed.
        confirmed: i64,
        /// The share of confirmed.
        share_permille: i64,
        /// Where it lies at least, in 95 of 100 cases.
        low_permille: i64,
        /// Where it lies at most.
        high_permille: i64,
        /// The floor that it was held against.
        floor_permille: i64,
    }

    /// How often a rule could not see in a store.
    struct RuleBlind {
        /// The store.
        store_id: StoreId,
        /// How often.
        times: i64,
        /// Of how many judgements.
        of: i64,
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
        /// What it cannot see beside that: a sentence each.
        blind_to: Vec<String>,
        /// Its text.
        sql: String,
        /// How the alerts of the version that judges were decided; null while nobody has, and for those who do not see all of
        /// them.
        precision: Option<RulePrecision>,
        /// The same of every version that was decided about.
        versions: Vec<RulePrecision>,
        /// How often it accuses somebody innocent; null while no back-test says so, and for those who do not see all of its
        /// alerts.
        false_accusations: Option<FalseAccusations>,
        /// When it was held back and sent again, newest first.
        turns: Vec<RuleTurn>,
        /// How often it could not see in the last 28 days, by store; those where it always could are missing.
        blind: Vec<RuleBlind>,
        /// What it came to in the last 28 days, in the stores that one sees.
        outcomes: Vec<RuleOutcome>,
        /// Its newest alerts.
        alerts: Vec<AlertSummary>,
    }
}

/// Lists the rules.
pub(super) async fn list(State(shared): State<Shared>, caller: Caller) -> Result<Json<RulePage>, Problem> {
    let person = caller.person(Right::Look)?;
    let mut standings = Vec::new();
    // Else decisions about alerts that they do not see would show.
    if person.scope.without.is_empty() {
        standings = shared
            .db
            .standings(Some(&person.scope.tenant))
            .await
            .map_err(|error| Problem::unavailable("how the rules stand cannot be read", &error))?;
    }
    let listed = |rule: &Rule| {
        let header = &rule.header;
        let of = |held: &&RuleStanding| held.rule == header.id.as_str() && held.version == header.version;
        let held = standings.iter().find(of).filter(|standing| standing.demoted);
        RuleListed { rule: RuleShown::of(header), held_back_since: held.map(|standing| standing.at) }
    };
    Ok(Json(RulePage { items: shared.rules.iter().map(listed).collect() }))
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
    let (tenant, id) = (&person.scope.tenant, header.id.as_str());
    let (mut versions, mut turns) = (Vec::new(), Vec::new());
    if person.scope.without.is_empty() {
        versions = shared.db.precisions(tenant, id).await?.into_iter().map(RulePrecision::of).collect();
        turns = shared.db.standing_history(tenant, id).await?.into_iter().map(RuleTurn::of).collect();
    }
    let (outcomes, blind) = outcomes(shared, person, header).await?;
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
        blind_to: header.blind_to.clone(),
        false_accusations: FalseAccusations::read(shared, person, header).await,
        sql: rule.sql.clone(),
        precision: versions.iter().find(|each| each.version == header.version).cloned(),
        versions,
        turns,
        blind,
        outcomes,
        alerts,
    })
}

/// What a rule came to of late, and how often it could not see in each store.
async fn outcomes(
    shared: &Shared,
    person: &Person,
    header: &Header,
) -> Result<(Vec<RuleOutcome>, Vec<RuleBlind>), DbError> {
    let scope = &person.scope;
    let now = shared.clock.now();
    let span = (now - SPAN).timestamp_micros()..now.timestamp_micros();
    let ours = shared.shops.iter().filter(|shop| shop.tenant == scope.tenant && scope.sees(&shop.tenant, &shop.id));
    let stores: Vec<StoreId> = ours.map(|shop| shop.id.clone()).collect();
    let mut counted: BTreeMap<(String, String), i64> = BTreeMap::new();
    let mut blind = Vec::new();
    for store in stores {
        let (mut unseen, mut all) = (0, 0);
        for (rule, outcome, why, times) in
            shared.db.outcomes(&scope.tenant, &store, span.clone(), &scope.without).await?
        {
            if rule == header.id.as_str() {
                all += times;
                unseen += if outcome == Outcome::Indeterminate.as_str() { times } else { 0 };
                *counted.entry((outcome, why)).or_default() += times;
            }
        }
        if unseen > 0 {
            blind.push(RuleBlind { store_id: store, times: unseen, of: all });
        }
    }
    blind.sort_by_key(|each| std::cmp::Reverse(each.times));
    let mut all: Vec<RuleOutcome> =
        counted.into_iter().map(|((outcome, why), times)| RuleOutcome { outcome, why, times }).collect();
    all.sort_by_key(|each| std::cmp::Reverse(each.times));
    Ok((all, blind))
}

impl RuleNeed {
    fn of(need: &tillsight_correlate::rule::Need) -> Self {
        let kinds = need.kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
        Self { field: need.field.to_string(), kinds }
    }
}

impl RulePrecision {
    fn of((version, precision): (String, Precision)) -> Self {
        let Precision { decided, confirmed, picked, share, low, high } = precision;
        Self { version, confirmed, decided, picked, share, low, high }
    }
}

impl RuleTurn {
    fn of(standing: RuleStanding) -> Self {
        Self {
            version: standing.version,
            at: standing.at,
            held_back: standing.demoted,
            decided: standing.decided,
            confirmed: standing.confirmed,
            share_permille: standing.share,
            low_permille: standing.low,
            high_permille: standing.high,
            floor_permille: standing.floor,
        }
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
            innocent: header.innocent.clone(),
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
        assert!(rule["rule"]["innocent"][0].is_string() && rule["blind_to"][0].is_string(), "{rule}");
        assert_eq!((&rule["false_accusations"], &alert["rule"]["innocent"]), (&json!(null), &rule["rule"]["innocent"]));
        assert_eq!(rule["alerts"].as_array().unwrap().len(), 1, "not another store's: {rule}");
        let decision = json!({ "disposition": "confirmed", "revision": 0 });
        house.send("POST", &format!("/api/v1/alerts/{id}/review"), &lena, Some(decision)).await;
        let (_, rule) = house.get(&path, &lena).await;
        assert_eq!((&rule["precision"]["confirmed"], &rule["precision"]["decided"]), (&json!(1), &json!(1)), "{rule}");
        assert_eq!(house.get("/api/v1/rules/nobody", &lena).await.0, StatusCode::NOT_FOUND);
    }
}
