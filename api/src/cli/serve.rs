//! `tillsight run`.

use std::error::Error;
use std::path::Path;

use crate::config::Config;
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
