//! Tells those who set up of registers that nobody knows, by mail: one for each store, to its administrators who have an
//! address. What the mail server does not take is tried again, what it refuses for good is not.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tillsight_schemas::error::chain;
use tillsight_schemas::id::{RegisterId, StoreKey};
use tokio_util::sync::CancellationToken;

use super::cell::named;
use super::{Unknown, pause};
use crate::config::Mail;
use crate::db::{Db, DbError, Role};
use crate::http::Shared;
use crate::report::{MailError, Mailer};

/// How often it is looked whether there is something to tell.
const EVERY: Duration = Duration::from_secs(60);

/// Why nobody is told for now.
#[derive(Debug, thiserror::Error)]
enum Untold {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Mail(#[from] MailError),
}

/// Tells until `stop`, where there is a mail server.
pub(super) async fn tell(now: &(impl Fn() -> Shared + Sync), mail: Option<&Mail>, stop: &CancellationToken) {
    let Some(mail) = mail else { return };
    while !stop.is_cancelled() {
        if let Err(error) = round(&now(), mail).await {
            tracing::error!(error = %chain(&error), "administrators are not told of unknown registers for now");
        }
        pause(EVERY, stop).await;
    }
}

async fn round(shared: &Shared, mail: &Mail) -> Result<(), Untold> {
    let all = shared.db.unknown_registers().await?;
    let mut stores: BTreeMap<&StoreKey, Vec<&Unknown>> = BTreeMap::new();
    for unknown in all.iter().filter(|unknown| !unknown.told) {
        stores.entry(&unknown.store).or_default().push(unknown);
    }
    for (store, unknown) in stores {
        let to = addresses(&shared.db, store).await?;
        if to.is_empty() {
            continue;
        }
        let name =
            shared.stores.get(&store.tenant, &store.store).map_or(store.store.as_str(), |store| store.name.as_str());
        let registers: Vec<RegisterId> = unknown.iter().map(|unknown| unknown.register.clone()).collect();
        let (subject, text) = letter(name, &registers, &shared.reporter.address);
        let mailer = Mailer::new(mail)?;
        match mailer.send(mailer.plain(&to, shared.clock.now(), &subject, text)?).await {
            Ok(_) => {}
            Err(MailError::Refused(why)) => {
                tracing::error!(%store, why, "the mail server refuses to tell of unknown registers");
            }
            Err(error) => return Err(error.into()),
        }
        shared.db.told_of_unknown(&unknown).await?;
    }
    Ok(())
}

/// The addresses of those who set up a store.
async fn addresses(db: &Db, store: &StoreKey) -> Result<Vec<String>, DbError> {
    let accounts = db.accounts(&store.tenant).await?.into_iter().filter(|account| {
        let stores = &account.user.stores;
        account.user.role == Role::Admin && !account.disabled && (stores.is_empty() || stores.contains(&store.store))
    });
    let addresses: BTreeSet<String> = accounts.filter_map(|account| account.email).collect();
    Ok(addresses.into_iter().collect())
}

/// Subject and text.
fn letter(store: &str, registers: &[RegisterId], address: &str) -> (String, String) {
    let registers = named(registers);
    // A name is on one line of the head.
    let store: String = store.chars().filter(|letter| !letter.is_control()).collect();
    let text = format!(
        "{registers} of {store}: records come, and no zone and no name knows of it.\n\n\
         Rules that ask who was there cannot judge what is rung there. If it is a new lane, draw its zones\n\
         ({address}/setup/cameras) or name it ({address}/setup/registers); if the till calls a lane otherwise than\n\
         the zones do, spell the zone's register as the till does.\n\n\
         How each rule sees: {address}/coverage\n\
         You are told again in twelve hours, while it is so.\n"
    );
    (format!("Tillsight: {store}: {} not set up", registers.to_lowercase()), text)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tillsight_schemas::SystemClock;

    use super::*;
    use crate::db::{AccountChange, User};

    #[test]
    fn the_mail_names_store_and_registers_and_what_to_do() {
        let (subject, text) = letter("Kiosk\n17", &["9".parse().unwrap()], "https://lp.example");
        assert_eq!(subject, "Tillsight: Kiosk17: register 9 not set up");
        assert!(text.contains("https://lp.example/setup/cameras") && text.contains("Register 9 of Kiosk17"), "{text}");
    }

    #[tokio::test]
    async fn those_who_set_up_the_store_are_told_and_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::in_dir(dir.path(), Arc::new(SystemClock)).await.unwrap();
        for (name, role, stores, disabled) in [
            ("chief", Role::Admin, "", false),
            ("installer", Role::Admin, "17", false),
            ("elsewhere", Role::Admin, "42", false),
            ("gone", Role::Admin, "17", true),
            ("maria", Role::Manager, "17", false),
        ] {
            let stores = stores.split(',').filter(|id| !id.is_empty()).map(|id| id.parse().unwrap()).collect();
            let user = User { name: name.into(), tenant: "acme".parse().unwrap(), role, stores };
            let email = Some(format!("{name}@example.com"));
            db.add_account("test", &AccountChange { user, email, operator: None, disabled }).await.unwrap();
        }
        let told = addresses(&db, &"acme/17".parse().unwrap()).await.unwrap();
        assert_eq!(told, ["chief@example.com", "installer@example.com"]);
    }
}
