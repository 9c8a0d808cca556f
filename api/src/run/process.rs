//! [`Process`]: one supervised child. It dies with its parent (`PR_SET_PDEATHSIG`, set by the child itself), so a
//! killed supervisor leaves nobody behind.

use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tillsight_schemas::metric;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::{Role, RunError};
use crate::telemetry;

/// The shortest and longest pause before a role is started again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// A role that lived this long starts with the shortest pause again.
const HEALTHY: Duration = Duration::from_secs(60);
/// How long a role has to stop before it is killed.
const GRACE: Duration = Duration::from_secs(20);

/// A child process and its restarts.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) role: Role,
    child: Child,
    started: Instant,
    pause: Duration,
}

impl Process {
    /// Starts the process of a role.
    pub(super) fn start(role: Role, config: &Path) -> Result<Self, RunError> {
        let child = spawn(role, config)?;
        // From the beginning: an increase is seen only from a number that was there.
        metrics::counter!(metric::PROCESS_RESTARTS, "process" => role.as_str()).increment(0);
        // `/readyz` takes from it which processes there are.
        telemetry::changed();
        Ok(Self { role, child, started: Instant::now(), pause: PAUSES.0 })
    }

    /// Whether it has ended, and how.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Keeps it alive: whenever it ends it is started again after a pause that doubles with every early end.
    /// Cancel safe; returns only when it cannot be started any more.
    pub(super) async fn keep_alive(&mut self, config: &Path) -> RunError {
        loop {
            match self.child.wait().await {
                Ok(status) => tracing::error!(process = %self.role, %status, "ended unexpectedly; starting it again"),
                Err(error) => tracing::error!(process = %self.role, %error, "cannot be watched; starting it again"),
            }
            metrics::counter!(metric::PROCESS_RESTARTS, "process" => self.role.as_str()).increment(1);
            if self.started.elapsed() > HEALTHY {
                self.pause = PAUSES.0;
            }
            tokio::time::sleep(self.pause).await;
            self.pause = (self.pause * 2).min(PAUSES.1);
            match spawn(self.role, config) {
                Ok(child) => self.child = child,
                Err(error) => return error,
            }
            self.started = Instant::now();
        }
    }

    /// Asks it to stop, and kills it when it does not within 20 seconds.
    pub(super) async fn stop(&mut self) {
        self.signal(Signal::TERM);
        if tokio::time::timeout(GRACE, self.child.wait()).await.is_err() {
            tracing::warn!(process = %self.role, seconds = GRACE.as_secs(), "did not stop in time and is killed");
            if let Err(error) = self.child.kill().await {
                tracing::warn!(process = %self.role, %error, "cannot be killed");
            }
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid
            && let Err(error) = kill_process(pid, signal)
        {
            tracing::debug!(process = %self.role, %error, "cannot be signalled");
        }
    }
}

fn spawn(role: Role, config: &Path) -> Result<Child, RunError> {
    let failed = |source| RunError::Spawn { role, source };
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command.arg("role").arg(role.as_str()).arg("--config").arg(config).kill_on_drop(true);
    // Every thread that ever worked on something large would keep an arena of its own (mallopt(3)): the HTTP process grew
    // to 2 GiB within an hour of visitors.
    command.env("MALLOC_ARENA_MAX", "2");
    if role == Role::Sql {
        // What a large statement took is given back when it ends. Left to itself the allocator raises both limits with
        // the largest piece that it ever saw (mallopt(3)), and 500 MiB of a statement that is over stay.
        command.env("MALLOC_MMAP_THRESHOLD_", "262144").env("MALLOC_TRIM_THRESHOLD_", "1048576");
    }
    // Ctrl-C in a terminal goes to the whole group: the supervisor alone decides the order of stopping.
    command.process_group(0);
    command.spawn().map_err(failed)
}
