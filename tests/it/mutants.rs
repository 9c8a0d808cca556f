//! Mistakes that one could make in the engine, and the test that finds each: `make mutants` makes them one by one in a copy of
//! the tree and expects the test to fail. That they can still be made where they are said to be is looked at each time.

use std::path::{Path, PathBuf};
use std::process::Command;

use tillsight_tests::outside::{cache, run};

/// One mistake.
struct Mutant {
    name: &'static str,
    file: &'static str,
    /// What stands there once.
    right: &'static str,
    wrong: &'static str,
    /// The test of `correlate` that fails then.
    caught_by: &'static str,
}

const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "a watermark that is off by one",
        file: "correlate/src/engine/judge.rs",
        right: "memory.watermark(zone).is_none_or(|watermark| watermark < until)",
        wrong: "memory.watermark(zone).is_none_or(|watermark| watermark + 1 < until)",
        caught_by: "engine::pitfall_tests::pitfall_5_an_anchor_waits_for_the_last_microsecond",
    },
    Mutant {
        name: "`<=` for `<`: the first record after a checkpoint is taken for one that was judged",
        file: "correlate/src/engine/checkpoint.rs",
        right: "is_some_and(|judged| record.offset < *judged)",
        wrong: "is_some_and(|judged| record.offset <= *judged)",
        caught_by: "engine::pitfall_tests::pitfall_10_a_fall_on_either_side_of_any_commit_changes_nothing",
    },
    Mutant {
        name: "a late row that is dropped",
        file: "correlate/src/engine/mod.rs",
        right: "} else if !replayed && memory.remembers(anchor, header.lookback_seconds) {",
        wrong: "} else if !replayed && record.logged_at < anchor.header.event_time {",
        caught_by: "rule::fixture::tests::the_tests_of_every_rule_pass_in_any_ticks",
    },
    Mutant {
        name: "a tie that is not sorted",
        file: "correlate/src/engine/lint/plan.rs",
        right: "if ORDERED.contains(&name) && !order.iter()",
        wrong: "if ORDERED.contains(&name) && order.is_empty() && !order.iter()",
        caught_by: "engine::lint::tests::an_order_without_a_last_word_is_refused",
    },
    Mutant {
        name: "a plan that remembers the window before",
        file: "correlate/src/engine/plan.rs",
        right: "let plan = reset_plan_states(Arc::clone(&self.plan)).map_err(failed)?;",
        wrong: "let plan = if self.rule.sql.is_empty() { reset_plan_states(Arc::clone(&self.plan)).map_err(failed)? } else { Arc::clone(&self.plan) };",
        caught_by: "engine::pitfall_tests::pitfall_6_a_plan_knows_nothing_of_the_window_before",
    },
    Mutant {
        name: "a fence that is lost",
        file: "correlate/src/engine/judge.rs",
        right: "let epoch = Epoch { partition: self.partition.clone(), fence: self.fence, checkpoint, judged, outgoing };",
        wrong: "let fence = self.store.take(&self.partition).await.map_err(EngineError::Store)?.fence;\n        \
                let epoch = Epoch { partition: self.partition.clone(), fence, checkpoint, judged, outgoing };",
        caught_by: "engine::pitfall_tests::pitfall_10_a_worker_that_comes_back_from_the_dead_commits_nothing",
    },
    Mutant {
        name: "a word about a zone that reaches over a hole",
        file: "correlate/src/engine/memory.rs",
        right: "&& before.end_us == span.start_us",
        wrong: "&& before.end_us <= span.start_us",
        caught_by: "engine::pitfall_tests::pitfall_1_a_hole_between_two_looks_is_no_absence",
    },
    Mutant {
        name: "a `now()` that stands still in a plan",
        file: "correlate/src/engine/lint/mod.rs",
        right: "call.func.signature().volatility != Volatility::Immutable",
        wrong: "call.func.signature().volatility == Volatility::Volatile",
        caught_by: "engine::lint::tests::a_function_of_the_clock_on_the_wall_is_refused",
    },
    Mutant {
        name: "tiles that come late and bring nothing back",
        file: "correlate/src/engine/agenda.rs",
        right: ".filter(|(_, from)| **from < span.end)",
        wrong: ".filter(|(_, from)| **from < span.start)",
        caught_by: "engine::pitfall_tests::pitfall_1_a_source_that_falls_silent_is_no_absence",
    },
    Mutant {
        name: "a checkpoint that forgets what waits",
        file: "correlate/src/engine/checkpoint.rs",
        right: "pending: unfinished.filter_map(|(number, event)| Some((rule(*number)?, *event))).collect(),",
        wrong: "pending: unfinished.take(0).filter_map(|(number, event)| Some((rule(*number)?, *event))).collect(),",
        caught_by: "engine::pitfall_tests::pitfall_10_a_fall_on_either_side_of_any_commit_changes_nothing",
    },
    Mutant {
        name: "an alert that stands although its rule has nothing to say any more",
        file: "correlate/src/engine/judge.rs",
        right: "(None, Some(_)) => Row::silent(header, Outcome::Silent, NO_MATCH),",
        wrong: "(None, Some(_)) => continue,",
        caught_by: "rule::fixture::tests::the_tests_of_every_rule_pass_in_any_ticks",
    },
    Mutant {
        name: "a till whose clock runs ahead and that everybody is measured by",
        file: "correlate/src/engine/memory.rs",
        right: "self.latest_us = self.latest_us.max(at.min(known));",
        wrong: "self.latest_us = self.latest_us.max(at.max(known));",
        caught_by: "engine::pitfall_tests::a_till_whose_clock_runs_weeks_ahead_makes_nobody_else_late",
    },
    Mutant {
        name: "a statement about a clock that judges nothing again",
        file: "correlate/src/engine/restate.rs",
        right: "self.agenda.touched((number, posted.header.event_id), store);",
        wrong: "self.agenda.done(&(number, posted.header.event_id));",
        caught_by: "engine::restate::tests::what_customers_tell_of_a_clock_is_the_same_in_any_ticks_in_any_order_and_after_a_kill",
    },
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn source(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap()
}

#[test]
fn each_mistake_can_be_made_where_it_is_said_and_its_test_is_there() {
    for mutant in MUTANTS {
        assert_eq!(source(mutant.file).matches(mutant.right).count(), 1, "{}: {}", mutant.file, mutant.right);
        let test = mutant.caught_by.rsplit("::").next().unwrap();
        let module = mutant.caught_by.split("::").collect::<Vec<_>>();
        let folder = format!("correlate/src/{}", module[..module.len().min(2)].join("/"));
        let files = run(Command::new("git").args(["ls-files", "correlate/src"]).current_dir(root()), b"");
        let defined = |file: &str| source(file).contains(&format!("fn {test}()"));
        let near =
            |file: &&str| file.starts_with(&folder) || file.starts_with(&format!("correlate/src/{}/", module[0]));
        assert!(files.lines().filter(near).any(defined), "{} is not there", mutant.caught_by);
    }
}

#[test]
#[ignore = "builds the engine once for each mistake: make mutants"]
fn every_mistake_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let listed = run(Command::new("git").args(["ls-files"]).current_dir(root()), b"");
    for file in listed.lines().filter(|file| root().join(file).is_file()) {
        std::fs::create_dir_all(dir.path().join(file).parent().unwrap()).unwrap();
        std::fs::copy(root().join(file), dir.path().join(file)).unwrap();
    }
    let passes = |test: &str| {
        let tested = Command::new("cargo")
            .args(["test", "-p", "tillsight-correlate", "--lib", "--locked", "--", "--exact", test])
            .env("CARGO_TARGET_DIR", cache().join("mutants"))
            .env_remove("RUSTC_WORKSPACE_WRAPPER")
            .current_dir(dir.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&tested.stdout);
        // Whether the mistake could be compiled at all.
        assert!(said.contains("running 1 test"), "{test}: {said}{}", String::from_utf8_lossy(&tested.stderr));
        tested.status.success()
    };
    let mut lives = Vec::new();
    for mutant in MUTANTS {
        assert!(passes(mutant.caught_by), "{} fails as it is", mutant.caught_by);
        let path = dir.path().join(mutant.file);
        let right = source(mutant.file);
        std::fs::write(&path, right.replace(mutant.right, mutant.wrong)).unwrap();
        let caught = !passes(mutant.caught_by);
        eprintln!("{} {}", if caught { "found " } else { "LIVES " }, mutant.name);
        if !caught {
            lives.push(mutant.name);
        }
        std::fs::write(&path, right).unwrap();
    }
    assert!(lives.is_empty(), "{lives:?}");
}
