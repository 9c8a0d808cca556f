//! `/api/v1/setup/operators`: who works the tills, what reports call them, and which login they are: what is about an
//! operator never reaches them.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tillsight_schemas::id::{OperatorId, StoreId};

use super::super::Shared;
use super::super::answer::answer;
use super::super::auth::Caller;
use super::super::extract::{Body, Path, Query, maybe_integer};
use super::super::live::Live;
use super::super::problem::Problem;
use super::registers::last;
use super::users::refused_account;
use super::{OfStore, commit, setter, take, text, unread, whole, wrong};
use crate::db::{Account, AccountChange, Change, Expected, Key, What};
use crate::search::Of;

answer! {
    /// An operator as it is set up or was heard of.
    struct SetOperator {
        /// The shop that was asked for, when the operator has records there.
        store_id: Option<StoreId>,
        /// Its id.
        operator_id: OperatorId,
        /// What reports show instead of the id.
        alias: Option<String>,
        /// The login that this operator is.
        user: Option<String>,
        /// Whether they still work here.
        active: bool,
        /// When their last record that was found happened.
        last_record_at: Option<DateTime<Utc>>,
        /// The version that holds; null when nobody named them.
        version: Option<i32>,
    }

    /// Operators.
    struct SetOperatorPage {
        /// The operators, by id.
        items: Vec<SetOperator>,
    }
}

/// An operator as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    #[serde(default)]
    alias: Option<String>,
    #[serde(default = "yes")]
    active: bool,
}

fn yes() -> bool {
    true
}

/// An operator as it is to be.
#[derive(Debug, Deserialize)]
pub(super) struct Draft {
    #[serde(default)]
    alias: Option<String>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default = "yes")]
    active: bool,
    #[serde(default, deserialize_with = "maybe_integer")]
    version: Option<i32>,
}

/// Lists the operators.
pub(super) async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    Query(asked): Query<OfStore>,
) -> Result<Json<SetOperatorPage>, Problem> {
    let person = setter(&caller)?;
    let scope = &person.scope;
    if asked.store.as_ref().is_some_and(|store| !scope.sees(&scope.tenant, store)) {
        return Ok(Json(SetOperatorPage { items: Vec::new() }));
    }
    let stores = asked.store.clone().map_or_else(|| scope.stores.clone(), |store| vec![store]);
    let heard = last(&shared, Of::Operator, &scope.tenant, stores).await?;
    let held = shared.db.held(What::Operator, &scope.tenant).await.map_err(|error| unread(&error))?;
    let mut kept = BTreeMap::new();
    for version in &held {
        let operator: Kept = version.parse().map_err(|error| unread(&error))?;
        kept.insert(version.key.id.clone(), (operator, version.version));
    }
    let logins = logins(&shared.db.accounts(&scope.tenant).await.map_err(|error| unread(&error))?);
    // Who asks for a store gets those who have records there; an administrator of some stores gets no others either.
    let everybody = asked.store.is_none() && scope.stores.is_empty();
    let named = kept.keys().chain(logins.keys()).filter(|_| everybody);
    let ids: BTreeSet<&String> = heard.keys().chain(named).collect();
    let mut items = Vec::new();
    for id in ids {
        let Ok(operator_id) = id.parse::<OperatorId>() else { continue };
        let operator = kept.get(id);
        items.push(SetOperator {
            store_id: asked.store.clone(),
            operator_id,
            alias: operator.and_then(|(operator, _)| operator.alias.clone()),
            user: logins.get(id).cloned(),
            active: operator.is_none_or(|(operator, _)| operator.active),
            last_record_at: heard.get(id).copied(),
            version: operator.map(|(_, version)| *version),
        });
    }
    Ok(Json(SetOperatorPage { items }))
}

/// The login of each operator.
fn logins(accounts: &[Account]) -> BTreeMap<String, String> {
    let of = |account: &Account| Some((account.operator.as_ref()?.to_string(), account.user.name.clone()));
    accounts.iter().filter_map(of).collect()
}

/// Names an operator, and says which login it is.
pub(super) async fn put(
    State(live): State<Live>,
    caller: Caller,
    Path(operator_id): Path<String>,
    Body(draft): Body<Draft>,
) -> Result<Json<SetOperator>, Problem> {
    let person = setter(&caller)?;
    whole(&person)?;
    let shared = live.now();
    let tenant = &person.scope.tenant;
    let mut problems = Vec::new();
    let id: Option<OperatorId> = take(&mut problems, "operator_id", operator_id.parse());
    let alias = text(draft.alias);
    if alias.as_ref().is_some_and(|alias| alias.len() > 200) {
        problems.push("alias: it has more than 200 bytes".to_owned());
    }
    let user = text(draft.user);
    let accounts = shared.db.accounts(tenant).await.map_err(|error| unread(&error))?;
    if let Some(user) = &user
        && !accounts.iter().any(|account| account.user.name == *user)
    {
        problems.push(format!("user: there is nobody called {user}"));
    }
    let (Some(id), true) = (id, problems.is_empty()) else { return Err(wrong(&problems)) };
    let key = Key::new(What::Operator, tenant, "", operator_id.as_str());
    let kept = Kept { alias, active: draft.active };
    let expected = draft.version.map_or(Expected::New, Expected::Version);
    let change = Change::new(key.clone(), expected, Some(json!(kept)));
    commit(&live, &person, format!("operator {tenant}/{id}: named"), &[change]).await?;
    set_login(&shared, &person.name, &accounts, &id, user.as_deref()).await?;
    let heard = last(&shared, Of::Operator, tenant, Vec::new()).await?;
    let held = shared.db.holds(&key).await.map_err(|error| unread(&error))?;
    Ok(Json(SetOperator {
        store_id: None,
        alias: kept.alias,
        user,
        active: kept.active,
        last_record_at: heard.get(id.as_str()).copied(),
        version: held.map(|version| version.version),
        operator_id: id,
    }))
}

/// Which login an operator is stands with the login: nobody else is this operator any more.
async fn set_login(
    shared: &Shared,
    by: &str,
    accounts: &[Account],
    operator: &OperatorId,
    user: Option<&str>,
) -> Result<(), Problem> {
    for account in accounts {
        let is = account.operator.as_ref() == Some(operator);
        let becomes = user == Some(account.user.name.as_str());
        if is == becomes {
            continue;
        }
        let change = AccountChange {
            user: account.user.clone(),
            email: account.email.clone(),
            operator: becomes.then(|| operator.clone()),
            disabled: account.disabled,
        };
        shared.db.set_account(by, &change).await.map_err(refused_account)?;
    }
    Ok(())
}
