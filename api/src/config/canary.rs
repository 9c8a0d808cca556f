//! `[canary]`: a synthetic transaction of each store and day that travels the whole path.

use std::collections::BTreeSet;

use serde::Deserialize;
use tillsight_ingest::pos::Permits;
use tillsight_schemas::canary::{SENDER, is_sender, sender};
use tillsight_schemas::id::{IntegratorId, TenantId};

use super::Config;

/// `[canary]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Canary {
    /// Whether canaries are sent.
    pub enabled: bool,
    /// From which hour on, by each store's clock.
    pub hour: u32,
    /// After how many seconds one that has not come out is missed.
    pub within_seconds: u32,
}

impl Default for Canary {
    fn default() -> Self {
        Self { enabled: false, hour: 4, within_seconds: 120 }
    }
}

impl Canary {
    /// Everything that is wrong with it.
    pub(super) fn problems(config: &Config, problems: &mut Vec<String>) {
        let Self { enabled, hour, within_seconds } = config.canary;
        if hour > 23 {
            problems.push(format!("canary.hour is {hour}; it must be 0 to 23"));
        }
        if !(10..=3600).contains(&within_seconds) {
            problems.push(format!("canary.within_seconds is {within_seconds}; it must be 10 to 3600"));
        }
        for integrator in config.integrators.iter().filter(|integrator| is_sender(&integrator.id)) {
            problems.push(format!("integrator {}: names that begin with {SENDER} are our own", integrator.id));
        }
        let long = config.tenants().into_iter().filter(|tenant| enabled && sender(tenant).is_err());
        problems.extend(long.map(|tenant| format!("canary: the tenant {tenant} has too long a name for one")));
    }
}

impl Config {
    /// The retailers that the file names.
    fn tenants(&self) -> BTreeSet<&TenantId> {
        let of_integrators = self.integrators.iter().map(|integrator| &integrator.tenant);
        self.stores.iter().map(|store| &store.tenant).chain(of_integrators).collect()
    }

    /// What the intake lets our own integrators write: one of each retailer that the file names, for all of its stores.
    pub(crate) fn canary_permits(&self) -> Vec<Permits> {
        let tenants = self.tenants().into_iter().filter(|_| self.canary.enabled);
        let permits = tenants.filter_map(|tenant| {
            let integrator = sender(tenant).ok()?;
            Some(Permits { integrator, tenant: tenant.clone(), stores: Vec::new() })
        });
        permits.collect()
    }

    /// Everybody who has a landing topic: the integrators, and where there are canaries those that send them.
    pub(crate) fn senders(&self) -> Vec<IntegratorId> {
        let named = self.integrators.iter().map(|integrator| integrator.id.clone());
        named.chain(self.canary_permits().into_iter().map(|permits| permits.integrator)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORES: &str = "[[store]]\ntenant = \"acme\"\nid = \"17\"\nname = \"Kiosk\"\ntz = \"Europe/Riga\"\n\
                          currency = \"EUR\"\n";

    #[test]
    fn canaries_have_a_sender_of_each_retailer_once_somebody_wants_them() {
        let config: Config = toml::from_str(STORES).unwrap();
        assert!(config.senders().is_empty(), "nobody asked for them");
        let config: Config = toml::from_str(&format!("[canary]\nenabled = true\n{STORES}")).unwrap();
        assert_eq!(config.senders(), ["tillsight-canary.acme".parse::<IntegratorId>().unwrap()]);
        assert!(config.problems().is_empty(), "{:?}", config.problems());
    }

    #[test]
    fn nobody_else_sends_canaries() {
        let text = format!(
            "[canary]\nhour = 24\nwithin_seconds = 1\n{STORES}[[integrator]]\nid = \"tillsight-canary.acme\"\n\
             tenant = \"acme\"\n"
        );
        let problems = toml::from_str::<Config>(&text).unwrap().problems();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems.iter().any(|problem| problem.contains("are our own")), "{problems:?}");
    }
}
