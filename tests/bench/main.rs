//! `make bench`: measurements that anybody can repeat, an area at a time, as a table and as `target/bench/<area>.json`.
//!
//! `bench [AREA ...]` measures (everything when none is named); `bench --check` reads what was written again. `bench --part`
//! is what it starts itself: our side of a comparison.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::exit,
    reason = "a measurement fails loudly and prints"
)]

mod align;
mod chain;
mod check;
mod correlate;
mod engine;
mod evidence;
mod history;
mod machine;
#[allow(dead_code, reason = "the tests want more of it")]
#[path = "../it/raise.rs"]
mod raise;
mod report;
mod scores;
mod search;
mod sheet;
mod shop;
mod sql;
mod trial;
mod truth;
mod ui;

use sheet::Sheet;

/// What measures an area.
type Measure = fn(&mut Sheet);

/// Every area: its name and what measures it.
const AREAS: [(&str, Measure); 10] = [
    ("align", align::measure),
    ("correlate", correlate::measure),
    ("engine", engine::measure),
    ("history", history::measure),
    ("report", report::measure),
    ("scores", scores::measure),
    ("search", search::measure),
    ("sql", sql::measure),
    ("truth", truth::measure),
    ("ui", ui::measure),
];

fn main() {
    // `cargo bench` hands its own flag on.
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let Some(("--part", part)) = asked.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return correlate::part(part);
    }
    if asked.iter().any(|word| word == "--check") {
        std::process::exit(check::check());
    }
    for area in &asked {
        if !AREAS.iter().any(|(name, _)| name == area) {
            let known: Vec<&str> = AREAS.iter().map(|(name, _)| *name).collect();
            println!("there is no area {area:?}; there are {}", known.join(", "));
            std::process::exit(2);
        }
    }
    for (name, measure) in AREAS {
        if asked.is_empty() || asked.iter().any(|area| area == name) {
            let mut sheet = Sheet::new(name);
            measure(&mut sheet);
            sheet.write();
        }
    }
}
