//! [`Parts`]: which parts of the processes do their work, for `/readyz`.
//!
//! A process says so of its parts by [`metric::PART_UP`] in the file of its metrics, at once when it changes
//! ([`Working`]); the supervisor's file names the processes that there are. What a process says that has written
//! nothing for a while counts no more.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tillsight_schemas::metric;
use tokio_util::sync::CancellationToken;

use super::Role;
use crate::telemetry;

/// How long a part may be away that is started again: the first pauses of the supervisor, and its start.
const GRACE: Duration = Duration::from_secs(10);
/// How often it is looked, whoever asks.
const LOOK: Duration = Duration::from_secs(2);

/// The parts of a process that can fail by themselves. The broker and HTTP are asked, not told of.
fn of(role: Role) -> &'static [&'static str] {
    match role {
        Role::Broker | Role::Api => &[],
        Role::Recorder => &["recorder"],
        Role::Analytics => &["analytics"],
        Role::Correlate => &["intake", "rules", "archive"],
        Role::Sql => &["sql", "flight"],
    }
}

/// A part of this process that does its work from now on until this goes.
#[derive(Debug)]
pub(super) struct Working(&'static str);

impl Working {
    pub(super) fn begin(part: &'static str) -> Self {
        let working = Self(part);
        working.say(1.0);
        working
    }

    fn say(&self, up: f64) {
        metrics::gauge!(metric::PART_UP, "part" => self.0).set(up);
        telemetry::changed();
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.say(0.0);
    }
}

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Condition {
    /// It does its work.
    Up,
    /// It has not begun yet.
    Starting,
    /// It did its work until a moment ago, and is started again.
    Restarting,
    /// It does not do its work.
    Down,
}

impl Condition {
    /// Whether who asks for it is served, now or in a moment.
    pub(crate) fn is_ready(self) -> bool {
        matches!(self, Self::Up | Self::Restarting)
    }
}

/// When each part was seen at its work last.
#[derive(Debug, Default)]
pub(crate) struct Parts(Mutex<BTreeMap<&'static str, Instant>>);

impl Parts {
    /// How each part of the processes is that `tillsight run` started on a data folder.
    pub(crate) async fn look(&self, data: &Path) -> BTreeMap<&'static str, Condition> {
        let started = telemetry::said(data, "supervisor", metric::PROCESS_RESTARTS, "process").await;
        let mut parts = BTreeMap::new();
        for role in Role::ALL.iter().copied().filter(|role| started.contains_key(role.as_str())) {
            let said = telemetry::said(data, role.as_str(), metric::PART_UP, "part").await;
            for part in of(role) {
                parts.insert(*part, said.get(*part).is_some_and(|up| *up > 0.5));
            }
        }
        self.judge(&parts, Instant::now())
    }

    /// Looks until `stop`: since when a part is away does not depend on how often somebody asks.
    pub(crate) async fn follow(&self, data: &Path, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            self.look(data).await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    fn judge(&self, parts: &BTreeMap<&'static str, bool>, now: Instant) -> BTreeMap<&'static str, Condition> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut judged = BTreeMap::new();
        for (part, up) in parts {
            if *up {
                seen.insert(*part, now);
            }
            let condition = match seen.get(part) {
                _ if *up => Condition::Up,
                None => Condition::Starting,
                Some(last) if now.saturating_duration_since(*last) <= GRACE => Condition::Restarting,
                Some(_) => Condition::Down,
            };
            judged.insert(*part, condition);
        }
        judged
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_part_may_be_away_for_a_moment_and_is_down_then() {
        let parts = Parts::default();
        let began = Instant::now();
        let at = |second: u64, up: bool| {
            let judged = parts.judge(&BTreeMap::from([("sql", up)]), began + Duration::from_secs(second));
            judged["sql"]
        };
        assert_eq!(at(0, false), Condition::Starting, "what never was there has no grace");
        assert_eq!(at(60, false), Condition::Starting);
        assert_eq!(at(61, true), Condition::Up);
        assert_eq!(at(70, false), Condition::Restarting);
        assert_eq!(at(72, false), Condition::Down);
        assert_eq!(at(73, true), Condition::Up);
        let ready =
            [Condition::Up, Condition::Starting, Condition::Restarting, Condition::Down].map(Condition::is_ready);
        assert_eq!(ready, [true, false, true, false]);
    }

    #[tokio::test]
    async fn every_process_that_was_started_must_say_that_its_parts_work() {
        let data = tempfile::tempdir().unwrap();
        let run = data.path().join("run");
        std::fs::create_dir(&run).unwrap();
        let parts = Parts::default();
        assert_eq!(parts.look(data.path()).await, BTreeMap::new(), "nobody supervises");
        let write = |process: &str, text: &str| std::fs::write(run.join(format!("{process}.prom")), text).unwrap();
        let started = "# TYPE lp_process_restarts_total counter\nlp_process_restarts_total{process=\"broker\"} 0\n\
                       lp_process_restarts_total{process=\"sql\"} 3\nlp_process_restarts_total{process=\"api\"} 0\n";
        write("supervisor", started);
        let (starting, up) = (Condition::Starting, Condition::Up);
        assert_eq!(parts.look(data.path()).await, BTreeMap::from([("flight", starting), ("sql", starting)]));
        write("sql", "lp_part_up{process=\"sql\",part=\"sql\"} 1\nlp_part_up{process=\"sql\",part=\"flight\"} 0\n");
        assert_eq!(parts.look(data.path()).await, BTreeMap::from([("flight", starting), ("sql", up)]));
        write("sql", "lp_part_up{process=\"sql\",part=\"sql\"} 1\nlp_part_up{process=\"sql\",part=\"flight\"} 1\n");
        assert_eq!(parts.look(data.path()).await, BTreeMap::from([("flight", up), ("sql", up)]));
        // It was killed: what it said last stands there still.
        let file = File::options().write(true).open(run.join("sql.prom")).unwrap();
        let written = file.metadata().unwrap().modified().unwrap();
        file.set_modified(written - Duration::from_secs(60)).unwrap();
        let away = parts.look(data.path()).await;
        assert_eq!(away, BTreeMap::from([("flight", Condition::Restarting), ("sql", Condition::Restarting)]));
    }
}
