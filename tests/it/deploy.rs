//! What an installer takes from `deploy/`: the systemd unit, the containers, alert rules and dashboard. Each is read by the
//! program it is for, and what they say of metrics is held against the metrics that the sources record.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tillsight_tests::Shop;
use tillsight_tests::outside::{cache, eventually, output, run};
use tillsight_tests::shop::binary;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// `promtool` of the machine, or the one that the set-up script fetched.
fn promtool() -> Command {
    let fetched = cache().join("promtool/promtool");
    let mut command = if fetched.is_file() { Command::new(fetched) } else { Command::new("promtool") };
    command.current_dir(root().join("deploy/prometheus"));
    command
}

#[test]
fn systemd_understands_the_unit_and_it_is_hardened() {
    let unit = text("deploy/systemd/tillsight.service");
    for setting in ["KillMode=mixed", "ProtectSystem=strict", "NoNewPrivileges=yes", "StateDirectory=tillsight"] {
        assert!(unit.lines().any(|line| line == setting), "{setting} is missing");
    }
    // The supervisor gives each process 20 s.
    let patience = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")?.parse::<u64>().ok()).unwrap();
    let grace = text("api/src/run/process.rs");
    let grace =
        grace.split("const GRACE: Duration = Duration::from_secs(").nth(1).and_then(|rest| rest.split(')').next());
    assert!(patience > 6 * grace.unwrap().parse::<u64>().unwrap(), "six processes may take longer than {patience} s");

    // systemd looks for the binary.
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path().join("tillsight.service");
    std::fs::write(&here, unit.replace("/usr/local/bin/tillsight", &binary().display().to_string())).unwrap();
    let verify = output(Command::new("systemd-analyze").arg("verify").arg(&here), b"");
    let said = String::from_utf8_lossy(&verify.stderr).into_owned();
    assert!(verify.status.success() && !said.contains("tillsight.service"), "{said}");
    // Exposure of at most 2.0 out of 10, the threshold is in tenths.
    run(Command::new("systemd-analyze").args(["security", "--offline=true", "--threshold=20"]).arg(&here), b"");
}

#[test]
fn the_compose_file_is_whole_and_publishes_nothing_beyond_the_machine() {
    // Debian's own Python has its yaml.
    let script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    let path = root().join("deploy/container/compose.yaml");
    let read = run(Command::new("/usr/bin/python3").args(["-c", script]).arg(path), b"");
    let compose: Value = serde_json::from_str(&read).unwrap();
    let (services, volumes) = (compose["services"].as_object().unwrap(), compose["volumes"].as_object().unwrap());
    assert!(services["tillsight"].get("profiles").is_none(), "it starts without a profile");
    for (name, service) in services {
        let image = service["image"].as_str().unwrap();
        let version = image.rsplit_once(':').map(|(_, version)| version);
        assert!(version.is_some_and(|version| version != "latest"), "{name}: {image} is not pinned");
        for port in service["ports"].as_array().into_iter().flatten() {
            assert!(port.as_str().unwrap().starts_with("127.0.0.1:"), "{name} publishes {port}");
        }
        for mount in service["volumes"].as_array().into_iter().flatten() {
            let from = mount.as_str().unwrap().split(':').next().unwrap();
            assert!(from.starts_with('.') || volumes.contains_key(from), "{name}: there is no volume {from}");
        }
    }
    let kafka = text("deploy/kafka/pom.xml");
    let version = kafka.split("<kafka.version>").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
    assert_eq!(services["kafka"]["image"], format!("apache/kafka:{version}"));
    let file = text("deploy/container/Containerfile");
    assert!(file.contains("\nUSER 10001") && file.contains("/livez") && !file.contains(":latest"), "{file}");
}

#[test]
fn alert_rules_are_well_formed_and_fire_when_they_should() {
    run(promtool().args(["check", "rules", "--lint-fatal", "rules.yml"]), b"");
    run(promtool().args(["test", "rules", "rules_test.yml", "rules_week_test.yml"]), b"");
    // The token's file is not here.
    run(promtool().args(["check", "config", "--syntax-only", "prometheus.yml"]), b"");
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let rules = text("deploy/prometheus/rules.yml");
    let alerts: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let links: Vec<String> = rules
        .lines()
        .filter_map(|line| Some(line.trim().strip_prefix("runbook_url: \"")?.trim_end_matches('"').to_owned()))
        .collect();
    let expected: Vec<String> =
        alerts.iter().map(|alert| format!("docs/runbooks.md#{}", alert.to_lowercase())).collect();
    assert_eq!(links, expected);
    let book = text("docs/runbooks.md");
    let sections: Vec<&str> = book.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(sections, alerts, "in the same order");
    for section in book.split("\n## ").skip(1) {
        let name = section.lines().next().unwrap();
        for part in ["**Means**", "**Lost**", "**Look", "ure** "] {
            assert!(section.contains(part), "{name} has no {part}");
        }
    }
    let anchors: BTreeSet<String> = sections.iter().map(|name| format!("#{}", name.to_lowercase())).collect();
    for link in book.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|link| link.starts_with('#'))
    {
        assert!(anchors.contains(link), "{link} leads nowhere");
    }
}

/// How the sources record a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    /// Quantiles, `_sum` and `_count`.
    Summary,
}

/// A metric as `schemas/src/metric.rs` has it.
#[derive(Debug)]
struct Known {
    /// Its comment: it names the labels.
    comment: String,
    kind: Option<Kind>,
}

fn known() -> BTreeMap<String, Known> {
    let mut names = BTreeMap::new();
    let mut metrics = BTreeMap::new();
    let mut comment = String::new();
    for line in text("schemas/src/metric.rs").lines() {
        if let Some(more) = line.strip_prefix("/// ") {
            comment.push_str(more);
            comment.push(' ');
        } else if let Some((constant, name)) =
            line.strip_prefix("pub const ").and_then(|rest| rest.strip_suffix("\";")?.split_once(": &str = \""))
        {
            names.insert(constant.to_owned(), name.to_owned());
            metrics.insert(name.to_owned(), Known { comment: std::mem::take(&mut comment), kind: None });
        } else {
            comment.clear();
        }
    }
    for (name, _, _) in tillsight_schemas::metric::ALL {
        assert!(metrics.contains_key(*name), "{name} was not found in the source");
    }
    for path in super::architecture::sources() {
        let source = std::fs::read_to_string(path).unwrap();
        for (sort, kind) in [("counter", Kind::Counter), ("gauge", Kind::Gauge), ("histogram", Kind::Summary)] {
            for rest in source.split(&format!("metrics::{sort}!(")).skip(1) {
                let Some(rest) = rest.trim_start().strip_prefix("metric::") else { continue };
                let constant = rest.split(|c: char| !c.is_ascii_uppercase() && c != '_').next().unwrap();
                let name = names.get(constant).unwrap_or_else(|| panic!("metric::{constant}"));
                let metric = metrics.get_mut(name).unwrap();
                assert!(metric.kind.is_none_or(|known| known == kind), "{name} is of two kinds");
                metric.kind = Some(kind);
            }
        }
    }
    metrics
}

#[test]
fn counters_are_called_total_and_nothing_else_is() {
    let wrong: Vec<String> = known()
        .into_iter()
        .filter(|(name, metric)| metric.kind.is_some_and(|kind| (kind == Kind::Counter) != name.ends_with("_total")))
        .map(|(name, _)| name)
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Labels that are not ours: the exporter's, Prometheus's, and that of quantiles.
const FOREIGN: &[&str] = &["process", "instance", "job", "quantile"];

/// What is wrong with how an expression speaks of our metrics.
fn problems_of(expression: &str, known: &BTreeMap<String, Known>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut labels_here = BTreeSet::new();
    let mut seen: Vec<&Known> = Vec::new();
    for (at, _) in expression.match_indices("lp_") {
        let (ahead, rest) = expression.split_at(at);
        if ahead.ends_with(is_word) {
            continue;
        }
        let full = rest.split(|c: char| !is_word(c)).next().unwrap();
        let part =
            ["_sum", "_count"].iter().find_map(|suffix| full.strip_suffix(suffix)).filter(|n| known.contains_key(*n));
        let name = part.unwrap_or(full);
        let Some(metric) = known.get(name) else {
            problems.push(format!("there is no metric {full}"));
            continue;
        };
        seen.push(metric);
        let Some(kind) = metric.kind else {
            problems.push(format!("nothing records {name}"));
            continue;
        };
        let after = rest.strip_prefix(full).unwrap();
        let selector = after.strip_prefix('{').and_then(|inner| inner.split('}').next()).unwrap_or_default();
        let counted = kind == Kind::Counter || part.is_some();
        if part.is_some() != (kind == Kind::Summary) && !selector.contains("quantile=") {
            problems.push(format!("{full}: a summary has _sum, _count and quantiles, and nothing else has"));
        }
        if selector.contains("quantile=") && kind != Kind::Summary {
            problems.push(format!("{full} has no quantiles"));
        }
        let function = ahead.trim_end_matches('(').rsplit(|c: char| !is_word(c)).next().unwrap_or_default();
        let for_counters = ["rate", "irate", "increase", "resets"].contains(&function);
        if for_counters && ahead.ends_with('(') && !counted {
            problems.push(format!("{function}({full}): it is no counter"));
        }
        if !for_counters && counted && ["max_over_time", "min_over_time", "avg_over_time"].contains(&function) {
            problems.push(format!("{function}({full}): it is a counter"));
        }
        for matcher in selector.split(',').filter(|matcher| matcher.contains('=')) {
            let label = matcher.split(|c: char| !is_word(c)).next().unwrap();
            if !FOREIGN.contains(&label) && !has_label(metric, label) {
                problems.push(format!("{full} has no label {label}"));
            }
        }
    }
    for grouping in ["by (", "on ("] {
        for group in expression.split(grouping).skip(1).filter_map(|rest| rest.split(')').next()) {
            labels_here.extend(group.split(',').map(str::trim));
        }
    }
    for label in labels_here {
        if !FOREIGN.contains(&label) && !seen.iter().any(|metric| has_label(metric, label)) {
            problems.push(format!("no metric of it has the label {label}"));
        }
    }
    problems
}

fn has_label(metric: &Known, label: &str) -> bool {
    metric.comment.split(|c: char| !is_word(c)).any(|word| word == label)
}

/// The expressions of the alert rules, each with its alert.
fn rule_expressions() -> Vec<(String, String)> {
    let rules = text("deploy/prometheus/rules.yml");
    rules
        .split("- alert: ")
        .skip(1)
        .map(|alert| {
            let name = alert.lines().next().unwrap().to_owned();
            let expression = alert.split("expr: ").nth(1).unwrap_or_else(|| panic!("{name} has no expression"));
            let expression = ["        for:", "        labels:"]
                .iter()
                .fold(expression, |rest, end| rest.split(end).next().unwrap_or_default());
            (name, expression.trim_start_matches('|').trim().to_owned())
        })
        .collect()
}

/// The expressions of the dashboard, each with its panel.
fn panel_expressions(dashboard: &Value) -> Vec<(String, String)> {
    let mut expressions = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        for target in panel["targets"].as_array().into_iter().flatten() {
            expressions.push((title.to_owned(), target["expr"].as_str().unwrap().to_owned()));
        }
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        if let Some(query) = variable["query"]["query"].as_str() {
            expressions.push((format!("variable {}", variable["name"]), query.to_owned()));
        }
    }
    expressions
}

#[test]
fn rules_and_dashboard_speak_of_metrics_that_are_recorded_by_their_kind_and_labels() {
    let known = known();
    let dashboard: Value = serde_json::from_str(&text("deploy/grafana/tillsight.json")).unwrap();
    let (rules, panels) = (rule_expressions(), panel_expressions(&dashboard));
    assert!(rules.len() > 20 && panels.len() > 50, "{} and {}", rules.len(), panels.len());
    let problems: Vec<String> = rules
        .iter()
        .chain(&panels)
        .flat_map(|(place, expression)| {
            problems_of(expression, &known).into_iter().map(move |p| format!("{place}: {p}"))
        })
        .collect();
    assert!(problems.is_empty(), "{problems:#?}");
    // The check sees what is wrong.
    for wrong in [
        "rate(lp_outbox_records[5m])",
        "lp_no_such_metric",
        "lp_dlq_records_total{camera=\"till-1\"}",
        "lp_search_documents{quantile=\"0.5\"}",
        "sum by (zone) (lp_search_documents)",
        "min_over_time(lp_alerts_total[5m])",
        "lp_search_query_seconds > 1",
    ] {
        assert!(!problems_of(wrong, &known).is_empty(), "{wrong} passes");
    }
}

#[test]
fn the_dashboard_is_for_grafana_10_and_its_panels_do_not_overlap() {
    let dashboard: Value = serde_json::from_str(&text("deploy/grafana/tillsight.json")).unwrap();
    assert!(dashboard["schemaVersion"].as_i64() >= Some(37));
    let panels = dashboard["panels"].as_array().unwrap();
    let rows: Vec<&str> = panels.iter().filter(|p| p["type"] == "row").filter_map(|p| p["title"].as_str()).collect();
    let expected = ["Cameras and recording", "Vision", "POS intake", "Rules", "Search and SQL", "Processes"];
    assert_eq!(rows, expected);
    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_i64().unwrap()), "two panels are number {}", panel["id"]);
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_i64().unwrap());
        assert!(x + w <= 24, "{} is too wide", panel["title"]);
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "{} lies over another", panel["title"]);
        }
    }
}

#[test]
fn a_shop_is_ready_when_every_part_of_it_works() {
    let expected = ["analytics", "archive", "flight", "intake", "recorder", "rules", "sql"];
    eventually("every part works", || {
        let (status, body) = Shop::shared().get("/readyz", None);
        let said: Value = serde_json::from_str(&body).map_err(|error| format!("{error}: {body}"))?;
        let parts = said["parts"].as_object().ok_or_else(|| body.clone())?;
        let all = parts.keys().map(String::as_str).eq(expected) && parts.values().all(|condition| condition == "up");
        if status == 200 && all { Ok(()) } else { Err(body) }
    });
}

#[test]
fn promtool_finds_nothing_wrong_with_the_metrics_of_a_shop() {
    let shop = Shop::shared();
    let (_, secret) = shop.token(&["--metrics", "--name", "promtool"]);
    // Every process writes its numbers each two seconds.
    let metrics = eventually("the metrics of the shop", || {
        let (status, body) = shop.get("/metrics", Some(&secret));
        if status == 200 && body.contains("lp_outbox_records") { Ok(body) } else { Err(format!("{status} {body}")) }
    });
    let check = output(promtool().args(["check", "metrics"]), metrics.as_bytes());
    let said = String::from_utf8_lossy(&[check.stdout, check.stderr].concat()).into_owned();
    assert!(check.status.success() && said.trim().is_empty(), "{said}\n{metrics}");
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(|c: char| !is_word(c)).next().unwrap();
        let base = ["_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
        let all = tillsight_schemas::metric::ALL;
        assert!(
            all.iter().any(|(known, _, _)| *known == base || *known == name),
            "{name} is not in the list of metrics"
        );
    }
}
