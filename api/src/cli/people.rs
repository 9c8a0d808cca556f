//! `tillsight user` and `tillsight token`.

use std::error::Error;
use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::sync::Arc;

use clap::{Args, Subcommand};
use tillsight_schemas::SystemClock;
use tillsight_schemas::id::{StoreId, TenantId};

use super::say;
use crate::config::Config;
use crate::db::{Audit, Db, DbError, Role, SetUp, TokenKind, TokenOrder, TokenRow, User, hash_password, random_secret};

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Add a person.
    Add {
        /// The log-in name.
        name: String,
        /// The retailer; the only one that is set up when left out.
        #[arg(long)]
        tenant: Option<TenantId>,
        /// `analyst`, `manager`, `head_office` or `admin`.
        #[arg(long)]
        role: Role,
        /// The stores they see, separated by commas; all when left out (a manager always has his own).
        #[arg(long, value_delimiter = ',')]
        stores: Vec<StoreId>,
        /// Read the password for the pages from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Set a person's password for the pages: the line on standard input, or a new one that is printed.
    Password {
        /// The log-in name.
        name: String,
    },
    /// List everybody who may log in, and after them those who were disabled.
    List,
    /// End a person's access.
    Disable {
        /// The log-in name.
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token; its secret is shown once.
    Create {
        #[command(flatten)]
        owner: Owner,
        /// What it is for, e.g. `powerbi`: part of the name under which it logs in.
        #[arg(long, default_value = "default")]
        name: String,
        /// The stores it is for, separated by commas; all that the integrator may write when left out.
        #[arg(long, value_delimiter = ',', requires = "integrator")]
        stores: Vec<StoreId>,
    },
    /// List the tokens that hold, and after them those that were revoked.
    List,
    /// End a token.
    Revoke {
        /// The name under which it logs in.
        login: String,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Owner {
    /// For the SQL tools of this person.
    #[arg(long)]
    user: Option<String>,
    /// For the HTTP requests of this person.
    #[arg(long, value_name = "USER")]
    http: Option<String>,
    /// For the HTTP requests of this integrator.
    #[arg(long)]
    integrator: Option<String>,
    /// For collectors of metrics.
    #[arg(long)]
    metrics: bool,
}

pub(super) fn user(config: &Config, command: UserCommand) -> Result<(), Box<dyn Error>> {
    with_database(config, async |db| {
        match command {
            UserCommand::Add { name, tenant, role, stores, password_stdin } => {
                let tenant = tenant.map_or_else(|| only_tenant(config), Ok)?;
                if role == Role::Manager && stores.is_empty() {
                    return Err("a manager sees his own stores only: say which with --stores".into());
                }
                if let Some(unknown) = unknown_store(&db.set_up_with(config).await?, &tenant, &stores) {
                    return Err(unknown.into());
                }
                let phc = if password_stdin { Some(hash_password(&typed_password()?)?) } else { None };
                db.add_user(&User { name: name.clone(), tenant, role, stores }).await?;
                match phc {
                    Some(phc) => db.set_password(&name, &phc).await?,
                    None => say(&format!("`tillsight user password {name}` lets them sign in to the pages")),
                }
                if role == Role::Manager {
                    say(&format!("added {name}"));
                } else {
                    say(&format!("added {name}; `tillsight token create --user {name}` gives them SQL"));
                }
            }
            UserCommand::Password { name } => {
                let typed = typed_password()?;
                let password = if typed.is_empty() { random_secret() } else { typed.clone() };
                db.set_password(&name, &hash_password(&password)?).await?;
                if typed.is_empty() {
                    say(&format!("password: {password}"));
                }
                say(&format!("{name} can sign in with it; sessions with the old one have ended"));
            }
            UserCommand::List => {
                let living = db.users().await?.into_iter().map(|user| (user, ""));
                let disabled = db.disabled_users().await?.into_iter().map(|user| (user, "\tdisabled"));
                for (user, end) in living.chain(disabled) {
                    say(&format!(
                        "{}\t{}\t{}\tstores {}{end}",
                        user.name,
                        user.tenant,
                        user.role,
                        listed(&user.stores)
                    ));
                }
            }
            UserCommand::Disable { name } => {
                db.disable_user(&name).await?;
                say(&format!("{name} has no access any more"));
            }
        }
        Ok(())
    })
}

pub(super) fn token(config: &Config, command: TokenCommand) -> Result<(), Box<dyn Error>> {
    with_database(config, async |db| {
        match command {
            TokenCommand::Create { owner, name, stores } => {
                let (kind, owner) = match owner {
                    Owner { user: Some(user), .. } => (TokenKind::Sql, may_ask(&db, user).await?),
                    Owner { http: Some(user), .. } => (TokenKind::Person, known(&db, user).await?),
                    Owner { integrator: Some(integrator), .. } => {
                        let set_up = db.set_up_with(config).await?;
                        (TokenKind::Integrator, may_write(config, &set_up, integrator, &stores)?)
                    }
                    _ => (TokenKind::Metrics, "metrics".to_owned()),
                };
                let login = kind.login(&owner, &name);
                let order = TokenOrder { kind, owner: &owner, login: &login, stores: &stores, by: None };
                let token = db.make_token(order).await?;
                audit(config, "token created", &login).await?;
                say(&format!("login:  {}", token.login));
                say(&format!("secret: {}", token.secret));
            }
            TokenCommand::List => {
                let mut tokens = db.all_tokens().await?;
                tokens.sort_by_key(|token| token.revoked_at);
                for TokenRow { owner, last_used_at, revoked_at, .. } in tokens {
                    let stores = listed(&owner.stores);
                    let used = last_used_at
                        .map_or_else(|| "never used".to_owned(), |at| at.format("used %F %R UTC").to_string());
                    let end = revoked_at.map(|at| at.format("\trevoked %F %R UTC").to_string()).unwrap_or_default();
                    say(&format!("{}\t{}\t{}\tstores {stores}\t{used}{end}", owner.login, owner.kind, owner.owner));
                }
            }
            TokenCommand::Revoke { login } => {
                db.revoke_token(&login).await?;
                audit(config, "token revoked", &login).await?;
                say(&format!("{login} does not hold any more"));
            }
        }
        Ok(())
    })
}

/// Stores, as a list shows them.
fn listed(stores: &[StoreId]) -> String {
    let stores: Vec<&str> = stores.iter().map(|store| store.as_str()).collect();
    if stores.is_empty() { "all".to_owned() } else { stores.join(",") }
}

/// Says which store there is not, and which there are.
fn unknown_store(set_up: &SetUp, tenant: &TenantId, stores: &[StoreId]) -> Option<String> {
    let ours: Vec<&StoreId> =
        set_up.stores.iter().filter(|store| store.tenant == *tenant).map(|store| &store.id).collect();
    let unknown = stores.iter().find(|store| !ours.contains(store))?;
    let there: Vec<&str> = ours.iter().map(|store| store.as_str()).collect();
    Some(format!("there is no store {unknown}; there are: {}", there.join(", ")))
}

/// The first line of standard input; empty when somebody sits at a terminal.
fn typed_password() -> Result<String, std::io::Error> {
    let input = std::io::stdin();
    let mut line = String::new();
    if !input.is_terminal() {
        input.lock().take(4096).read_line(&mut line)?;
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn known(db: &Db, user: String) -> Result<String, DbError> {
    match db.user(&user).await? {
        Some(_) => Ok(user),
        None => Err(DbError::Missing(format!("user {user}"))),
    }
}

/// Somebody who may have SQL.
async fn may_ask(db: &Db, name: String) -> Result<String, Box<dyn Error>> {
    let user = db.user(&name).await?.ok_or_else(|| DbError::Missing(format!("user {name}")))?;
    match db.keeps_from_sql(&user).await? {
        Some(why) => Err(why.into()),
        None => Ok(name),
    }
}

/// An integrator that the configuration names and that may write these stores.
fn may_write(
    config: &Config,
    set_up: &SetUp,
    integrator: String,
    stores: &[StoreId],
) -> Result<String, Box<dyn Error>> {
    let Some(known) = config.integrators.iter().find(|known| known.id.as_str() == integrator) else {
        let there: Vec<&str> = config.integrators.iter().map(|known| known.id.as_str()).collect();
        let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        return Err(format!(
            "the configuration names no integrator {integrator}, but {there}: add an [[integrator]] with its id and tenant"
        )
        .into());
    };
    if let Some(unknown) = unknown_store(set_up, &known.tenant, stores) {
        return Err(unknown.into());
    }
    match stores.iter().find(|store| !known.stores.is_empty() && !known.stores.contains(store)) {
        Some(store) => {
            Err(format!("integrator {integrator} may not write store {store}: its [[integrator]] does not name it")
                .into())
        }
        None => Ok(integrator),
    }
}

async fn audit(config: &Config, action: &'static str, login: &str) -> Result<(), DbError> {
    let audit = Audit::direct(&config.data.dir, Arc::new(SystemClock)).await?;
    audit.note("command line", action, login.to_owned()).await
}

fn with_database(
    config: &Config,
    work: impl AsyncFnOnce(Db) -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(&config.data.dir)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let db = Db::open(&config.database(), Arc::new(SystemClock)).await?;
        work(db).await
    })
}

/// The tenant of all stores, if they have one and the same.
fn only_tenant(config: &Config) -> Result<TenantId, Box<dyn Error>> {
    let mut tenants: Vec<&TenantId> = config.stores.iter().map(|store| &store.tenant).collect();
    tenants.dedup();
    match tenants.as_slice() {
        [tenant] => Ok((*tenant).clone()),
        _ => Err("say which retailer the person belongs to: --tenant".into()),
    }
}

#[cfg(test)]
mod tests {
    use tillsight_schemas::store::Store;

    use super::*;

    #[test]
    fn a_token_is_for_an_integrator_that_is_named_and_stores_that_there_are() {
        let text = "[[store]]\ntenant = \"acme\"\nid = \"17\"\nname = \"Main\"\ntz = \"UTC\"\ncurrency = \"USD\"\n\
                    [[integrator]]\nid = \"demo\"\ntenant = \"acme\"\nstores = [\"18\"]\n";
        let config: Config = toml::from_str(text).unwrap();
        // One that was added on a page is known, too.
        let added = config.stores.iter().cloned().map(|store| Store { id: "18".parse().unwrap(), ..store });
        let set_up = SetUp { stores: config.stores.iter().cloned().chain(added).collect(), ..SetUp::default() };
        let ask = |integrator: &str, store: &str| {
            let told = may_write(&config, &set_up, integrator.to_owned(), &[store.parse().unwrap()]);
            told.map_err(|error| error.to_string())
        };
        assert!(ask("acme", "17").unwrap_err().contains("names no integrator acme, but demo: add an [[integrator]]"));
        assert!(ask("demo", "99").unwrap_err().contains("there is no store 99"));
        assert!(ask("demo", "17").unwrap_err().contains("may not write store 17"));
        assert_eq!(ask("demo", "18"), Ok("demo".to_owned()));
    }
}
