//! The machine that a measurement ran on, and what this process took of it (from `/proc`).

use std::process::Command;
use std::time::Duration;

use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};

/// The present, as text.
#[allow(clippy::disallowed_methods, reason = "when a measurement began")]
pub(crate) fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Cores, model, memory and load.
pub(crate) fn describe() -> Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let kib: f64 = field(&read("/proc/meminfo"), "MemTotal").split(' ').next().unwrap().parse().unwrap_or_default();
    let load: f64 = read("/proc/loadavg").split(' ').next().unwrap().parse().unwrap_or_default();
    json!({
        "cores": std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        "model": field(&read("/proc/cpuinfo"), "model name"),
        "mem_gib": (kib / 1_048_576.0 * 10.0).round() / 10.0,
        "load_at_start": load,
    })
}

/// The commit that is checked out.
pub(crate) fn commit() -> String {
    git(&["rev-parse", "HEAD"])
}

/// When that commit was made, in seconds since 1970.
pub(crate) fn committed_at() -> i64 {
    git(&["show", "-s", "--format=%ct", "HEAD"]).parse().unwrap_or(0)
}

fn git(arguments: &[&str]) -> String {
    let said = Command::new("git").current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output();
    said.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned()).unwrap_or_default()
}

/// Processor seconds of this process so far, all threads.
pub(crate) fn processor_seconds() -> f64 {
    processor_seconds_of(std::process::id())
}

/// Processor seconds of a process so far, all threads (100 ticks a second).
pub(crate) fn processor_seconds_of(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // After the name in parentheses: fields 3 and on; utime and stime are 14 and 15 (proc_pid_stat(5)).
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u32 = fields[11..13].iter().map(|ticks| ticks.parse::<u32>().unwrap()).sum();
    f64::from(ticks) / 100.0
}

/// The same to the nanosecond, of the threads that live (`/proc/[pid]/task/[tid]/schedstat`, its first field).
pub(crate) fn processor_seconds_exactly() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let of_task = |task: std::fs::DirEntry| -> Option<u64> {
        std::fs::read_to_string(task.path().join("schedstat")).ok()?.split(' ').next()?.parse().ok()
    };
    Duration::from_nanos(tasks.filter_map(of_task).sum()).as_secs_f64()
}

/// The most memory that this process had resident so far, in MiB.
pub(crate) fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}
