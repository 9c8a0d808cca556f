//! `GET /api/v1/rules`: the rules that are installed.

use axum::Json;
use axum::extract::State;
use tillsight_correlate::rule::Header;

use super::Shared;
use super::answer::answer;
use super::auth::{Caller, Right};
use super::problem::Problem;
use super::views::{RuleParam, RuleShown};

answer! {
    /// All rules.
    struct RulePage {
        /// The rules, by id.
        items: Vec<RuleShown>,
    }
}

/// Lists the rules.
pub(super) async fn list(State(shared): State<Shared>, caller: Caller) -> Result<Json<RulePage>, Problem> {
    caller.person(Right::Look)?;
    Ok(Json(RulePage { items: shared.rules.to_vec() }))
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
