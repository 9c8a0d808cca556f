//! `tillsight user` and `tillsight token`.

use std::error::Error;
use std::sync::Arc;

use clap::{Args, Subcommand};
use tillsight_schemas::SystemClock;
use tillsight_schemas::id::{StoreId, TenantId};

use super::say;
use crate::config::Config;
use crate::db::{Db, DbError, Role, TokenKind, User};

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
        /// The stores they see, separated by commas; all when left out.
        #[arg(long, value_delimiter = ',')]
        stores: Vec<StoreId>,
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
            UserCommand::Add { name, tenant, role, stores } => {
                let tenant = tenant.map_or_else(|| only_tenant(config), Ok)?;
                db.add_user(&User { name: name.clone(), tenant, role, stores }).await?;
                say(&format!("added {name}; `tillsight token create --user {name}` gives them SQL"));
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
            TokenCommand::Create { owner, name } => {
                let token = match owner {
                    Owner { user: Some(user), .. } => {
                        known(&db, &user).await?;
                        db.add_token(TokenKind::Sql, &user, &format!("{user}.{name}")).await?
                    }
                    Owner { http: Some(user), .. } => {
                        known(&db, &user).await?;
                        db.add_token(TokenKind::Person, &user, &format!("{user}.http.{name}")).await?
                    }
                    Owner { integrator: Some(integrator), .. } => {
                        if !config.integrators.iter().any(|known| known.id.as_str() == integrator) {
                            return Err(DbError::Missing(format!("integrator {integrator}")).into());
                        }
                        db.add_token(TokenKind::Integrator, &integrator, &format!("{integrator}.{name}")).await?
                    }
                    _ => db.add_token(TokenKind::Metrics, "metrics", &format!("metrics.{name}")).await?,
                };
                say(&format!("login:  {}", token.login));
                say(&format!("secret: {}", token.secret));
            }
            TokenCommand::List => {
                for (login, kind, owner) in db.tokens().await? {
                    say(&format!("{login}\t{kind}\t{owner}"));
                }
            }
            TokenCommand::Revoke { login } => {
                db.revoke_token(&login).await?;
                say(&format!("{login} does not hold any more"));
            }
        }
        Ok(())
    })
}

async fn known(db: &Db, user: &str) -> Result<(), DbError> {
    match db.user(user).await? {
        Some(_) => Ok(()),
        None => Err(DbError::Missing(format!("user {user}"))),
    }
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
