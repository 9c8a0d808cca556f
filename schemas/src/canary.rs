//! The canary: a synthetic transaction of each store and day that travels the whole path, so that silence tells what is broken.
//!
//! This is the one definition of what is a canary, and of how it stays out of every number that a person sees. It comes from
//! an integrator of our own; what the intake and the engine make of it carries [`crate::topic::HEADER_CANARY`]. Readers of
//! the log see an empty record in the place of one that does, unless they ask for canaries.

use crate::id::{BadName, IntegratorId, StoreKey, TenantId};

/// How the names of our own integrators begin: nobody else's may.
pub const SENDER: &str = "tillsight-canary.";
/// The register at which it is rung.
pub const REGISTER: &str = "tillsight-canary";
/// The rule that hears it.
pub const RULE: &str = "canary";
/// How the key of its alert begins; others have their id for a key.
const KEY: &str = "canary/";

/// The integrator that sends the canaries of a retailer.
///
/// # Errors
/// [`BadName`] when the retailer's name is too long for it.
pub fn sender(tenant: &TenantId) -> Result<IntegratorId, BadName> {
    IntegratorId::new(format!("{SENDER}{tenant}"))
}

/// Whether what an integrator sends are canaries.
pub fn is_sender(integrator: &IntegratorId) -> bool {
    integrator.as_str().starts_with(SENDER)
}

/// The key of the alert of a store's canary: the log keeps the last one.
pub fn key(store: &StoreKey) -> String {
    format!("{KEY}{store}")
}

/// Whose canary an alert of this key is; `None` for any other alert.
pub fn store_of(key: &str) -> Option<StoreKey> {
    key.strip_prefix(KEY)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canaries_are_told_by_their_sender_and_their_alert_by_its_key() {
        let acme: TenantId = "acme".parse().unwrap();
        assert!(is_sender(&sender(&acme).unwrap()));
        assert!(!is_sender(&"till".parse().unwrap()));
        assert!(sender(&"a".repeat(60).parse().unwrap()).is_err());
        let store: StoreKey = "acme/17".parse().unwrap();
        assert_eq!(store_of(&key(&store)), Some(store));
        assert_eq!(store_of("5d0c8b86-3b6c-5a39-9d0d-1c1f5a3f7f10"), None);
    }
}
