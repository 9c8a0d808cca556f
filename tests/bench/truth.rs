//! Area `truth`: what the rules of the library find of what was staged, and what they raise besides: two weeks of both demo stores
//! for each of several seeds that are used nowhere else, with cases of every family.
//!
//! It is a self-test: the same hands made the cases and the rules, so it says that rules do what they say, not how well they
//! do in a shop. What an honest trade fires counts as too many, and rules that have to be asked for are counted like the others.
//! A share stands with its 95 % interval by Wilson (*Probable inference, the law of succession, and statistical
//! inference*, 1927).

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use tillsight_correlate::rule::Rule;
use tillsight_datasets::store_day::Setup;
use tillsight_datasets::{demo, scenario};
use tillsight_tests::truth::{Tally, Weighed, weigh};

use crate::sheet::{Bar, Row, Sheet};

/// Seeds that nothing was tuned with: they stand here and nowhere else.
const SEEDS: [u64; 6] = [40_961, 52_711, 60_493, 71_993, 83_077, 94_687];
const DAYS: (&str, &str) = ("2026-09-07", "2026-09-20");
/// As many cases as there are shifts that can have one of their own, nearly.
const CASES: u32 = 5;
const RECALL: f64 = 0.98;
const PRECISION: f64 = 0.95;

pub(crate) fn measure(sheet: &mut Sheet) {
    let days: (NaiveDate, NaiveDate) = (DAYS.0.parse().unwrap(), DAYS.1.parse().unwrap());
    let runs: Vec<Weighed> = SEEDS
        .iter()
        .map(|seed| weigh(demo::stores().unwrap(), days, Setup { seed: *seed, cases_per_day: CASES, video: true }))
        .collect();
    for (seed, run) in SEEDS.iter().zip(&runs) {
        println!("  seed {seed}: {} near misses, {} cases without room", run.near_misses, run.unplaced);
        run.wrong.iter().for_each(|wrong| println!("    {wrong}"));
    }
    let unasked: BTreeSet<String> =
        Rule::library().unwrap().into_iter().map(|rule| rule.header.id.to_string()).collect();
    // A family has the name of its rule.
    let families: BTreeSet<&'static str> = scenario::library().map(|case| case.scenario).collect();
    let by_seed: Vec<&BTreeMap<String, Tally>> = runs.iter().map(|run| &run.rules).collect();
    for rule in by_seed[0].keys().filter(|rule| !families.contains(rule.as_str())) {
        println!("  nothing is staged for {rule}");
    }
    for family in &families {
        let tallies: Vec<Tally> = by_seed.iter().map(|rules| rules[*family]).collect();
        let asked = if unasked.contains(*family) { "" } else { "; has to be asked for" };
        rows(sheet, family, &tallies, asked);
    }
    let together = |name: &'static str, of: &dyn Fn(&str) -> bool, sheet: &mut Sheet| {
        let sum = |rules: &&BTreeMap<String, Tally>| {
            let counted = rules.iter().filter(|(rule, _)| of(rule.as_str())).map(|(_, tally)| *tally);
            counted.fold(Tally::default(), Tally::and)
        };
        rows(sheet, name, &by_seed.iter().map(sum).collect::<Vec<_>>(), "");
    };
    together("unasked_rules", &|rule| unasked.contains(rule), sheet);
    together("all_rules", &|_| true, sheet);
}

/// How many of how many.
type Counts = fn(&Tally) -> (u32, u32);

/// Recall and precision; a sample for each seed that has one.
fn rows(sheet: &mut Sheet, name: &'static str, tallies: &[Tally], note: &str) {
    let all = tallies.iter().copied().fold(Tally::default(), Tally::and);
    assert!(all.injected > 0, "nothing was staged for {name}");
    let what = format!(
        "{} staged, {} found, {} missed, {} too many",
        all.injected,
        all.found,
        all.injected - all.found,
        all.too_many
    );
    let recall: Counts = |tally| (tally.found, tally.injected);
    let precision: Counts = |tally| (tally.found, tally.found + tally.too_many);
    let shares = [("recall", RECALL, recall), ("precision", PRECISION, precision)];
    for (unit, bar, counts) in shares {
        let samples = tallies.iter().map(counts).filter(|(_, of)| *of > 0).map(|(hits, of)| share(hits, of)).collect();
        let (hits, of) = counts(&all);
        let (low, high) = wilson(hits, of);
        sheet.row(&Row {
            name,
            what: what.clone(),
            samples,
            value: share(hits, of),
            unit,
            bar: Some(Bar::AtLeast(bar)),
            note: format!("95 % interval {low:.3} to {high:.3}; {} seeds{note}", tallies.len()),
        });
    }
}

/// Of nothing, nothing is right.
fn share(hits: u32, of: u32) -> f64 {
    if of == 0 { 0.0 } else { f64::from(hits) / f64::from(of) }
}

/// Where the share lies of which so many hits were seen, with 95 % confidence.
fn wilson(hits: u32, of: u32) -> (f64, f64) {
    if of == 0 {
        return (0.0, 1.0);
    }
    let (n, p, z) = (f64::from(of), share(hits, of), 1.959_964_f64);
    let middle = p + z * z / (2.0 * n);
    let half = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let whole = 1.0 + z * z / n;
    (((middle - half) / whole).max(0.0), ((middle + half) / whole).min(1.0))
}
