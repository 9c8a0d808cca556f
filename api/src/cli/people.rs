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
    /// List everybody who may log in.
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
    /// List the tokens that hold.
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
                for user in db.users().await? {
                    let stores: Vec<&str> = user.stores.iter().map(|store| store.as_str()).collect();
                    let stores = if stores.is_empty() { "all".to_owned() } else { stores.join(",") };
                    say(&format!("{}\t{}\t{}\tstores {stores}", user.name, user.tenant, user.role));
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
                        (TokenKind::Integrator, may_write(config, integrator, &stores)?)
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
                for TokenRow { owner, last_used_at, .. } in db.tokens().await? {
                    let stores: Vec<&str> = owner.stores.iter().map(|store| store.as_str()).collect();
                    let stores = if stores.is_empty() { "all".to_owned() } else { stores.join(",") };
                    let used = last_used_at
                        .map_or_else(|| "never used".to_owned(), |at| at.format("used %F %R UTC").to_string());
                    say(&format!("{}\t{}\t{}\tstores {stores}\t{used}", owner.login, owner.kind, owner.owner));
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

/// An integrator that is set up and may write these stores.
fn may_write(config: &Config, integrator: String, stores: &[StoreId]) -> Result<String, Box<dyn Error>> {
    let Some(known) = config.integrators.iter().find(|known| known.id.as_str() == integrator) else {
        return Err(DbError::Missing(format!("integrator {integrator}")).into());
    };
    let may = |store: &StoreId| {
        config.stores.iter().any(|known_store| known_store.tenant == known.tenant && known_store.id == *store)
            && (known.stores.is_empty() || known.stores.contains(store))
    };
    match stores.iter().find(|store| !may(store)) {
        Some(store) => Err(format!("integrator {integrator} may not write store {store}").into()),
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
