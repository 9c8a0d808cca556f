//! Logs and metrics of one process.
//!
//! Logs go to standard error, one line each (`TILLSIGHT_LOG` sets the level, `TILLSIGHT_LOG_FORMAT=json` the form).
//! Every process writes its metrics into `run/<role>.prom` in the data directory; the HTTP server joins the files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tillsight_schemas::metric;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// How often a process writes its metrics.
const INTERVAL: Duration = Duration::from_secs(2);
/// A process that has written nothing for so long says nothing any more.
const SILENT: Duration = Duration::from_secs(10);

/// Wakes who writes the metrics of this process.
static CHANGED: Notify = Notify::const_new();

/// Our own lines; of the libraries only what goes wrong. The Kafka client reports every attempt to reconnect as an
/// error: what matters of that we say ourselves.
const DEFAULT_LOG: &str = "warn,tillsight=info,rdkafka=off,librdkafka=off";

/// Sends log lines to standard error.
pub(crate) fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("TILLSIGHT_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT_LOG));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let installed = if std::env::var("TILLSIGHT_LOG_FORMAT").is_ok_and(|form| form == "json") {
        builder.json().try_init()
    } else {
        builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init()
    };
    if let Err(error) = installed {
        tracing::debug!(%error, "logging was set up before");
    }
}

/// The metrics of this process.
#[derive(Clone)]
pub(crate) struct Metrics {
    handle: PrometheusHandle,
    path: PathBuf,
}

impl Metrics {
    /// Starts to record; `None` when a recorder is there already.
    pub(crate) fn install(data: &Path, role: &str) -> Option<Self> {
        let handle = PrometheusBuilder::new().add_global_label("process", role).install_recorder().ok()?;
        for (name, unit, meaning) in metric::ALL {
            let text = format!("{meaning} ({unit})");
            if name.ends_with("_total") {
                metrics::describe_counter!(*name, text);
            } else {
                metrics::describe_histogram!(*name, text);
            }
        }
        Some(Self { handle, path: folder(data).join(format!("{role}.prom")) })
    }

    /// Writes the metrics every two seconds, when something has [`changed`], and once more at the end.
    pub(crate) async fn write_until(self, stop: CancellationToken) {
        loop {
            self.handle.run_upkeep();
            if let Err(error) = self.write().await {
                tracing::warn!(path = %self.path.display(), %error, "cannot write metrics");
            }
            if stop.is_cancelled() {
                return;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = CHANGED.notified() => {}
                () = tokio::time::sleep(INTERVAL) => {}
            }
        }
    }

    async fn write(&self) -> std::io::Result<()> {
        if let Some(folder) = self.path.parent() {
            tokio::fs::create_dir_all(folder).await?;
        }
        let aside = self.path.with_extension("prom.new");
        tokio::fs::write(&aside, self.handle.render()).await?;
        tokio::fs::rename(&aside, &self.path).await
    }
}

/// Forgets what processes said that ran before.
pub(crate) fn forget(data: &Path) -> std::io::Result<()> {
    let entries = match std::fs::read_dir(folder(data)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "prom") {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Has the metrics of this process written at once: others wait for what they say.
pub(crate) fn changed() {
    CHANGED.notify_one();
}

/// What a process says of one of its metrics, by one of its labels; nothing when it has not written for a while.
pub(crate) async fn said(data: &Path, process: &str, metric: &str, label: &str) -> BTreeMap<String, f64> {
    let path = folder(data).join(format!("{process}.prom"));
    let written = tokio::fs::metadata(&path).await.and_then(|metadata| metadata.modified());
    // One that was written in the future is of a clock that was set back: it is as good as new.
    if !written.is_ok_and(|written| written.elapsed().unwrap_or_default() < SILENT) {
        return BTreeMap::new();
    }
    let text = tokio::fs::read_to_string(&path).await.unwrap_or_default();
    text.lines().filter_map(|line| sample(line, metric, label)).collect()
}

/// A label and the value of a line of a metric.
fn sample(line: &str, metric: &str, label: &str) -> Option<(String, f64)> {
    let (labels, value) = line.strip_prefix(metric)?.strip_prefix('{')?.rsplit_once("} ")?;
    let of = |pair: &str| Some(pair.strip_prefix(label)?.strip_prefix("=\"")?.strip_suffix('"')?.to_owned());
    Some((labels.split(',').find_map(of)?, value.parse().ok()?))
}

fn folder(data: &Path) -> PathBuf {
    data.join("run")
}

/// The metrics of all processes in one text (Prometheus exposition format 0.0.4): one family each, however many
/// processes have it.
pub(crate) async fn joined(data: &Path) -> std::io::Result<String> {
    let mut families: BTreeMap<String, (Vec<String>, Vec<String>)> = BTreeMap::new();
    let mut entries = tokio::fs::read_dir(folder(data)).await?;
    while let Some(entry) = entries.next_entry().await? {
        if entry.path().extension().is_some_and(|extension| extension == "prom") {
            let text = tokio::fs::read_to_string(entry.path()).await?;
            let mut family = String::new();
            for line in text.lines().filter(|line| !line.is_empty()) {
                if let Some(head) = line.strip_prefix("# ") {
                    family = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
                    let (heads, _) = families.entry(family.clone()).or_default();
                    if !heads.iter().any(|known| known == line) {
                        heads.push(line.to_owned());
                    }
                } else {
                    families.entry(family.clone()).or_default().1.push(line.to_owned());
                }
            }
        }
    }
    let mut joined = String::new();
    for (heads, samples) in families.values() {
        for line in heads.iter().chain(samples) {
            joined.push_str(line);
            joined.push('\n');
        }
    }
    Ok(joined)
}
