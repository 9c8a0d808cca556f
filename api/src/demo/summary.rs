//! The summary of a demo: what came in, and what it cost, as JSON.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::Result;
use super::readings::Readings;
use crate::config::Config;

/// Writes the summary of a system whose supervisor has this process id.
pub(super) async fn write(config: &Config, supervisor: Option<u32>, path: &Path) -> Result<()> {
    let readings = Readings::of(config).await?;
    let processes = supervisor.map(processes).transpose()?.unwrap_or_default();
    let cpu: f64 = processes.values().map(|process| process.cpu_seconds).sum();
    let rss: BTreeMap<&String, u64> = processes.iter().map(|(name, process)| (name, process.rss_mib_peak)).collect();
    let summary = json!({
        "pos_transactions": readings.accepted,
        "duplicates_ignored": readings.duplicates,
        "quarantined": readings.rejected,
        "lake_rows": readings.rows,
        "rss_mib_peak": rss,
        "cpu_seconds": (cpu * 10.0).round() / 10.0,
    });
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, format!("{summary:#}\n"))?;
    Ok(())
}

/// What a process took so far.
struct Process {
    rss_mib_peak: u64,
    cpu_seconds: f64,
}

/// The supervisor and its children, by role, from `/proc`.
fn processes(supervisor: u32) -> Result<BTreeMap<String, Process>> {
    let mut found = BTreeMap::from([("supervisor".to_owned(), process(supervisor)?)]);
    let children = std::fs::read_to_string(format!("/proc/{supervisor}/task/{supervisor}/children"))?;
    for pid in children.split_whitespace().filter_map(|pid| pid.parse().ok()) {
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline"))?;
        let role = line.split('\0').skip_while(|word| *word != "role").nth(1).unwrap_or("broker").to_owned();
        found.insert(role, process(pid)?);
    }
    Ok(found)
}

fn process(pid: u32) -> Result<Process> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let kib: u64 = peak.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or_default();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // After the name in parentheses: fields 3 and on; utime and stime are 14 and 15 (proc_pid_stat(5)).
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or_default();
    let per_second = f64::from(u32::try_from(rustix::param::clock_ticks_per_second())?);
    Ok(Process { rss_mib_peak: kib / 1024, cpu_seconds: (ticks(11) + ticks(12)) / per_second })
}
