//! `/api/v1/setup/users`: who logs in, as what, and for which stores. An administrator of some stores sets up people of
//! those stores only. A password goes in or is made here, and is shown once.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use tillsight_schemas::id::{OperatorId, StoreId};

use super::super::Shared;
use super::super::answer::answer;
use super::super::auth::{Caller, Person};
use super::super::extract::{Body, Path};
use super::super::problem::Problem;
use super::{note, refused, setter, take, text, unread, wrong};
use crate::db::{Account, AccountChange, AccountError, ChangeError, Role, User, What, hash_password, random_secret};

answer! {
    /// Somebody who logs in.
    struct SetUser {
        /// The log-in name.
        name: String,
        /// `analyst`, `manager`, `head_office` or `admin`.
        role: String,
        /// The stores they see; all of the retailer when empty.
        stores: Vec<StoreId>,
        /// Where their reports go.
        email: Option<String>,
        /// Which operator they are at the tills.
        operator_id: Option<OperatorId>,
        /// Whether they may not log in.
        disabled: bool,
        /// When they were last on a page.
        last_seen_at: Option<DateTime<Utc>>,
        /// Sessions that hold.
        sessions: i64,
    }

    /// People.
    struct SetUserPage {
        /// The people, by name.
        items: Vec<SetUser>,
    }

    /// A password that was set.
    struct NewPassword {
        /// The password, when it was made here: it is shown this once. Null when it was typed.
        password: Option<String>,
    }
}

/// A person as they are to be.
#[derive(Debug, Deserialize)]
pub(super) struct Draft {
    #[serde(default)]
    name: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    stores: Vec<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    operator_id: Option<String>,
    #[serde(default)]
    disabled: bool,
}

/// A password, or none to have one made.
#[derive(Deserialize)]
pub(super) struct Typed {
    #[serde(default)]
    password: Option<String>,
}

/// Whether an administrator may set up a person of these stores.
fn manages(person: &Person, stores: &[StoreId]) -> bool {
    let own = &person.scope.stores;
    own.is_empty() || (!stores.is_empty() && stores.iter().all(|store| own.contains(store)))
}

impl Draft {
    fn account(self, shared: &Shared, person: &Person) -> Result<AccountChange, Vec<String>> {
        let mut problems = Vec::new();
        let tenant = &person.scope.tenant;
        let fits = |name: &str| {
            let letters = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
            (1..=64).contains(&name.len()) && name.chars().all(letters)
        };
        if !fits(&self.name) {
            problems.push("name: 1 to 64 letters, digits, `.`, `_`, `-` or `@`".to_owned());
        }
        let role = self.role.parse::<Role>().ok();
        if role.is_none() {
            problems.push(format!("role: {:?} is none of {}", self.role, Role::CODES.join(", ")));
        }
        let mut stores = Vec::new();
        for id in &self.stores {
            match take(&mut problems, "stores", id.parse::<StoreId>()) {
                Some(store) if shared.stores.get(tenant, &store).is_none() => {
                    problems.push(format!("stores: there is no store {store}"));
                }
                Some(store) if !stores.contains(&store) => stores.push(store),
                _ => {}
            }
        }
        if role == Some(Role::Manager) && stores.is_empty() {
            problems.push("stores: a manager sees his own stores only: say which".to_owned());
        }
        if problems.is_empty() && !manages(person, &stores) {
            problems.push("stores: you can set up people of your own stores only: say which of them".to_owned());
        }
        let email = text(self.email);
        if email.as_ref().is_some_and(|email| email.parse::<lettre::Address>().is_err()) {
            problems.push("email: it is no e-mail address".to_owned());
        }
        let operator = text(self.operator_id).and_then(|id| take(&mut problems, "operator_id", id.parse()));
        let (Some(role), true) = (role, problems.is_empty()) else { return Err(problems) };
        let user = User { name: self.name, tenant: tenant.clone(), role, stores };
        Ok(AccountChange { user, email, operator, disabled: self.disabled })
    }
}

/// Lists the people.
pub(super) async fn list(State(shared): State<Shared>, caller: Caller) -> Result<Json<SetUserPage>, Problem> {
    let person = setter(&caller)?;
    let accounts = shared.db.accounts(&person.scope.tenant).await.map_err(|error| unread(&error))?;
    let own = accounts.into_iter().filter(|account| manages(&person, &account.user.stores));
    Ok(Json(SetUserPage { items: own.map(shown).collect() }))
}

/// Adds a person; they can sign in once they have a password.
pub(super) async fn add(
    State(shared): State<Shared>,
    caller: Caller,
    Body(draft): Body<Draft>,
) -> Result<(StatusCode, Json<SetUser>), Problem> {
    let person = setter(&caller)?;
    let account = draft.account(&shared, &person).map_err(|problems| wrong(&problems))?;
    note(&shared, &person, format!("user {}: added as {}", account.user.name, account.user.role)).await?;
    shared.db.add_account(&person.name, &account).await.map_err(refused_account)?;
    Ok((StatusCode::CREATED, Json(shown(known(&shared, &person, &account.user.name).await?))))
}

/// Changes a person.
pub(super) async fn change(
    State(shared): State<Shared>,
    caller: Caller,
    Path(name): Path<String>,
    Body(draft): Body<Draft>,
) -> Result<Json<SetUser>, Problem> {
    let person = setter(&caller)?;
    known(&shared, &person, &name).await?;
    let account = Draft { name, ..draft }.account(&shared, &person).map_err(|problems| wrong(&problems))?;
    let disabled = if account.disabled { ", disabled" } else { "" };
    note(&shared, &person, format!("user {}: {}{disabled}", account.user.name, account.user.role)).await?;
    shared.db.set_account(&person.name, &account).await.map_err(refused_account)?;
    Ok(Json(shown(known(&shared, &person, &account.user.name).await?)))
}

/// Sets a password; sessions with the old one end.
pub(super) async fn password(
    State(shared): State<Shared>,
    caller: Caller,
    Path(name): Path<String>,
    Body(typed): Body<Typed>,
) -> Result<Json<NewPassword>, Problem> {
    let person = setter(&caller)?;
    let account = known(&shared, &person, &name).await?;
    if account.disabled {
        let detail = format!("{name} may not log in: let them in first");
        return Err(Problem::new(StatusCode::CONFLICT, "disabled", detail));
    }
    let made = typed.password.is_none().then(random_secret);
    let password = typed.password.or_else(|| made.clone()).unwrap_or_default();
    let closed = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the server is stopping");
    let turn = shared.hashing.acquire().await.map_err(|_| closed())?;
    let hashed = tokio::task::spawn_blocking(move || hash_password(&password)).await.map_err(|_| closed())?;
    drop(turn);
    let phc = hashed.map_err(|error| wrong(&[format!("password: {error}")]))?;
    note(&shared, &person, format!("user {name}: a new password")).await?;
    shared.db.set_password(&name, &phc).await.map_err(|error| unread(&error))?;
    Ok(Json(NewPassword { password: made }))
}

/// A person whom the administrator may set up.
async fn known(shared: &Shared, person: &Person, name: &str) -> Result<Account, Problem> {
    let accounts = shared.db.accounts(&person.scope.tenant).await.map_err(|error| unread(&error))?;
    let found = accounts.into_iter().find(|one| one.user.name == name && manages(person, &one.user.stores));
    found.ok_or_else(|| refused(ChangeError::Missing(What::User, name.to_owned())))
}

fn shown(account: Account) -> SetUser {
    SetUser {
        name: account.user.name,
        role: account.user.role.as_str().to_owned(),
        stores: account.user.stores,
        email: account.email,
        operator_id: account.operator,
        disabled: account.disabled,
        last_seen_at: account.last_seen_at,
        sessions: account.sessions,
    }
}

/// An account that was not changed.
pub(super) fn refused_account(error: AccountError) -> Problem {
    match error {
        AccountError::LastAdmin(_) => Problem::new(StatusCode::CONFLICT, "the last administrator", error.to_string()),
        AccountError::Change(error) => refused(error),
    }
}
