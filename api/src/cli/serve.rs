//! `tillsight run` and `tillsight check`.

use std::error::Error;
use std::path::Path;

use super::say;
use crate::config::{Config, KafkaMode};
use crate::run::{Role, supervise};

/// Starts everything and keeps it running until a signal.
pub(super) fn run(config: &Config, path: &Path, roles: Option<Vec<Role>>) -> Result<(), Box<dyn Error>> {
    let roles = roles.unwrap_or_else(|| Role::ALL.to_vec());
    // One thread: children die with the thread that started them, and this one lives as long as the process.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let path = std::path::absolute(path)?;
    runtime.block_on(supervise(config, &path, &roles))?;
    Ok(())
}

/// Says that the configuration is good, and what it means.
pub(super) fn check(config: &Config, path: &Path) -> Result<(), Box<dyn Error>> {
    let broker = match config.kafka.mode {
        KafkaMode::Managed => format!("managed, 127.0.0.1:{}", config.kafka.port),
        KafkaMode::External => format!("external, {}", config.connection().bootstrap),
    };
    say(&format!("{} is good.", path.display()));
    say(&format!("  data         {}", config.data.dir.display()));
    say(&format!("  kafka        {broker}"));
    say(&format!("  http         http://{}", config.http.listen));
    say(&format!("  sql          {}", config.sql.listen));
    for store in &config.stores {
        say(&format!("  store        {} {} ({}, {})", store.key(), store.name, store.tz, store.currency));
    }
    for integrator in &config.integrators {
        let stores: Vec<&str> = integrator.stores.iter().map(|store| store.as_str()).collect();
        let stores = if stores.is_empty() { "all stores".to_owned() } else { format!("stores {}", stores.join(", ")) };
        say(&format!("  integrator   {} of {}: {stores}", integrator.id, integrator.tenant));
    }
    Ok(())
}
