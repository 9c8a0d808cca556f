//! The summary of a demo: what came in, and what it cost, as JSON.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::Result;
use super::readings::Readings;
use super::verdict::{Raised, Verdict};
use super::visitor::{Clips, Visitor};
use crate::config::Config;

/// Questions as people ask them, each a few times.
const QUERIES: [&str; 12] = [
    "",
    "milk",
    "type:refund",
    "type:refund amount:>5",
    "type:no_sale last:7d",
    "no:customer",
    "rule:cancel_burst",
    "store:17 type:sale amount:10..50",
    "chicken",
    "store:42 last:2d",
    "type:post_void",
    "store:17 bread",
];
/// How often each is asked.
const TIMES: usize = 5;

/// What a visitor of the running system measured.
pub(super) struct Visit<'a> {
    pub(super) visitor: &'a Visitor,
    pub(super) clips: Clips,
    /// Milliseconds of searches, sorted.
    pub(super) searches: Vec<i64>,
}

impl<'a> Visit<'a> {
    /// Fetches the clips of all alerts, and searches.
    pub(super) async fn pay(visitor: &'a Visitor, judged: &Verdict, folder: &Path) -> Result<Self> {
        let alerts: Vec<_> = judged.raised.iter().map(|raised| raised.alert).collect();
        let clips = visitor.clips(&alerts, folder).await?;
        let searches = visitor.search(&QUERIES.repeat(TIMES)).await?;
        Ok(Self { visitor, clips, searches })
    }

    /// What is wrong, in words.
    pub(super) fn problems(&self, judged: &Verdict) -> Vec<String> {
        let unheard = judged.raised.iter().filter(|raised| self.visitor.heard(raised.alert).is_none());
        let unheard = unheard.map(|raised| format!("alert {} was never among the live events", raised.alert));
        self.clips.problems.iter().cloned().chain(unheard).collect()
    }

    /// Milliseconds from the broker's time of the anchor to an event of each alert, sorted; `less` is taken off.
    fn latencies(&self, judged: &Verdict, less: impl Fn(&Raised) -> TimeDelta) -> Vec<i64> {
        let took = |raised: &Raised, at: DateTime<Utc>| (at - raised.logged_at - less(raised)).num_milliseconds();
        let heard = judged.raised.iter().filter_map(|raised| Some(took(raised, self.visitor.heard(raised.alert)?)));
        let mut latencies: Vec<i64> = heard.collect();
        latencies.sort_unstable();
        latencies
    }
}

/// A value that this part (of a thousand) of sorted values does not exceed.
fn quantile(sorted: &[i64], permille: usize) -> Option<i64> {
    let rank = (sorted.len() * permille).div_ceil(1_000).max(1);
    sorted.get(rank - 1).copied()
}

/// Writes the summary of a system whose supervisor has this process id; `draws` are the seeds with what came of each.
pub(super) async fn write(
    config: &Config,
    supervisor: Option<u32>,
    judged: &Verdict,
    draws: &[(u64, Verdict)],
    visit: &Visit<'_>,
    path: &Path,
) -> Result<()> {
    let readings = Readings::of(config).await?;
    let latencies = visit.latencies(judged, |_| TimeDelta::zero());
    let without_lookahead = visit.latencies(judged, |raised| raised.lookahead);
    let mut committed: Vec<i64> =
        judged.raised.iter().map(|raised| (raised.raised_at - raised.logged_at).num_milliseconds()).collect();
    committed.sort_unstable();
    let draws: Vec<_> = draws.iter().map(|(seed, judged)| draw(*seed, judged)).collect();
    let mut problems = judged.problems.clone();
    problems.extend(visit.problems(judged));
    let processes = supervisor.map(processes).transpose()?.unwrap_or_default();
    let cpu: f64 = processes.values().map(|process| process.cpu_seconds).sum();
    let rss: BTreeMap<&String, u64> = processes.iter().map(|(name, process)| (name, process.rss_mib_peak)).collect();
    let summary = json!({
        "pos_transactions": readings.accepted,
        "duplicates_ignored": readings.duplicates,
        "quarantined": readings.rejected,
        "pos_lines": readings.lines,
        "lake_rows": readings.rows,
        "cameras": config.cameras.len(),
        "recorded_seconds": readings.recorded_seconds,
        "gap_seconds": readings.gap_seconds,
        "frames_analysed": readings.looks,
        "frames_shed": readings.shed,
        "cases_staged": judged.cases,
        "anchors_judged": judged.judged(""),
        "anchors_occupied": judged.judged("live_occupied"),
        "anchors_empty": judged.judged("live_empty"),
        "anchors_blinded": blinded(judged),
        "anchors_near_a_change": judged.judged("live_changing"),
        "alerts_expected": judged.expected,
        "alerts_found": judged.found,
        "precision": judged.precision(),
        "recall": judged.recall(),
        "unknown_presence_blindspots": judged.blind,
        "draws": draws,
        "clips_checked": visit.clips.checked,
        "clips_exact": visit.clips.exact,
        "alert_latency_ms_p50": quantile(&latencies, 500),
        "alert_latency_ms_p95": quantile(&latencies, 950),
        "alert_latency_minus_lookahead_ms_p50": quantile(&without_lookahead, 500),
        "alert_latency_minus_lookahead_ms_p95": quantile(&without_lookahead, 950),
        "alert_committed_ms_p95": quantile(&committed, 950),
        "search_ms_p50": quantile(&visit.searches, 500),
        "search_ms_p95": quantile(&visit.searches, 950),
        "problems": problems,
        "rss_mib_peak": rss,
        "cpu_seconds": (cpu * 10.0).round() / 10.0,
    });
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, format!("{summary:#}\n"))?;
    Ok(())
}

fn blinded(judged: &Verdict) -> usize {
    judged.judged("live_unplugged") + judged.judged("live_frozen")
}

/// What came of one seed.
fn draw(seed: u64, judged: &Verdict) -> serde_json::Value {
    json!({
        "seed": seed,
        "anchors_judged": judged.judged(""),
        "anchors_occupied": judged.judged("live_occupied"),
        "anchors_empty": judged.judged("live_empty"),
        "anchors_blinded": blinded(judged),
        "anchors_near_a_change": judged.judged("live_changing"),
        "alerts_expected": judged.expected,
        "alerts_found": judged.found,
        "precision": judged.precision(),
        "recall": judged.recall(),
    })
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
