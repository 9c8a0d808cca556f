//! Area `scores`: what is sent of simulated fleets of cashiers and whom the ranking puts first, over seeds that nothing was
//! tuned on, beside the z-scores that are in use. What is found there was made by us: a self-test, not a measure of accuracy.

use std::time::Instant;

use tillsight_correlate::score::beta::Beta;
use tillsight_correlate::score::{Policy, score};
use tillsight_datasets::cashiers::{Assumptions, Exposures, Fleet, Honest, Theft};

use crate::sheet::{Bar, Peer, Row, Sheet, median};
use crate::trial::{Summary, WAYS, run, run_together, summary, together};

/// The first seed; those up to 200 were used for tuning.
const FIRST: u64 = 20_001;
const SEEDS: u64 = 250;
/// For fleets that no bar is about.
const FEWER: u64 = 50;

pub(crate) fn measure(sheet: &mut Sheet) {
    section_six(sheet);
    others(sheet);
    composite(sheet);
}

/// Each way over the seeds of a fleet.
fn fare(assumed: &Assumptions, seeds: u64) -> [Summary; 4] {
    let known = match assumed.honest {
        Honest::Beta(mean, precision) => Some(Beta::of_mean(mean, precision)),
        Honest::LogNormal(..) => None,
    };
    let policy = Policy::default();
    let runs: Vec<_> = (FIRST..FIRST + seeds).map(|seed| run(&Fleet::draw(seed, assumed), &policy, known)).collect();
    [0, 1, 2, 3].map(|way| summary(&runs.iter().map(|ways| ways[way]).collect::<Vec<_>>()))
}

/// The other ways beside ours.
fn peers(ways: &[Summary; 4], ours: f64, of: fn(&Summary) -> f64) -> Vec<Peer> {
    let peer = |way: usize| {
        let value = of(&ways[way]);
        Peer {
            name: WAYS[way].to_owned(),
            version: String::new(),
            value: Some(value),
            ratio: Some(ours / value),
            note: String::new(),
        }
    };
    [0, 1, 3].map(peer).into()
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// The fleet of `loss-prevention.md` §6, which the bars are about.
fn section_six(sheet: &mut Sheet) {
    let ways = fare(&Assumptions::default(), SEEDS);
    let [naive, binomial, ours, _] = &ways;
    let (precision, by_flags, by_seeds) = ours.precision;
    let low = by_flags.0.min(by_seeds.0);
    let seeds = format!("{SEEDS} seeds from {FIRST} on; 5,000 cashiers, 25 of them dishonest");
    sheet.row_beside(
        &Row {
            name: "sent_precision_low",
            what: format!("lower end (95 %) of the precision of what is sent at q = 0.1; it is {}", percent(precision)),
            samples: vec![precision, by_flags.0, by_seeds.0],
            value: low,
            unit: "share",
            bar: Some(Bar::AtLeast(0.87)),
            note: format!(
                "{seeds}; the lower of Wilson's interval and that over seeds; {:.1} are sent of a fleet, {:.1} and {:.1} by the \
                 z-scores",
                ours.flags, naive.flags, binomial.flags
            ),
        },
        &peers(&ways, low, |way| way.precision.1.0.min(way.precision.2.0)),
    );
    sheet.row_beside(
        &Row {
            name: "sent_recall",
            what: "share of the dishonest that are sent at q = 0.1".to_owned(),
            samples: vec![ours.recall.0, ours.recall.1.0, ours.recall.1.1],
            value: ours.recall.0,
            unit: "share",
            bar: Some(Bar::AtLeast(0.22)),
            note: format!("{seeds}; z-scores find more, and {} of what they flag is wrong", percent(naive.false_share)),
        },
        &peers(&ways, ours.recall.0, |way| way.recall.0),
    );
    sheet.row_beside(
        &Row {
            name: "precision_at_25",
            what: "share of the dishonest among the first 25 of the ranking".to_owned(),
            samples: vec![ours.precision_25.0, ours.precision_25.1.0, ours.precision_25.1.1],
            value: ours.precision_25.0,
            unit: "share",
            bar: Some(Bar::AtLeast(0.5)),
            note: format!("{seeds}; recall@100 {}", percent(ours.recall_100)),
        },
        &peers(&ways, ours.precision_25.0, |way| way.precision_25.0),
    );
}

/// Fleets of other kinds, of which the bars say nothing.
fn others(sheet: &mut Sheet) {
    let usual = Assumptions::default();
    let kinds = [
        ("skewed_exposures", Assumptions { exposures: Exposures::Skewed(240.0, 0.9, (20, 5_000)), ..usual }),
        ("even_theft", Assumptions { theft: Theft::Between(0.05, 0.17), ..usual }),
        ("nobody_dishonest", Assumptions { dishonest: 0, ..usual }),
        ("five_of_500", Assumptions { cashiers: 500, dishonest: 5, ..usual }),
        ("one_of_50", Assumptions { cashiers: 50, dishonest: 1, ..usual }),
        ("hundred_dishonest", Assumptions { dishonest: 100, ..usual }),
        ("log_normal", Assumptions { honest: Honest::LogNormal(0.02, 0.688), ..usual }),
    ];
    for (name, assumed) in kinds {
        let ways = fare(&assumed, FEWER);
        let ours = &ways[2];
        let wrong = ours.false_share;
        sheet.row_beside(
            &Row {
                name,
                what: "mean share of wrong ones in what is sent at q = 0.1".to_owned(),
                samples: vec![wrong],
                value: wrong,
                unit: "share",
                bar: None,
                note: format!(
                    "{FEWER} seeds: {:.1} sent of a fleet, any of them wrong in {} of the fleets, precision {}, recall {}, \
                     precision@25 {}; nothing could be sent of {} of the fleets",
                    ours.flags,
                    percent(ours.any_false),
                    percent(ours.precision.0),
                    percent(ours.recall.0),
                    percent(ours.precision_25.0),
                    percent(ours.withheld)
                ),
            },
            &peers(&ways, wrong, |way| way.false_share),
        );
    }
}

/// Ten measures at once, ranked by the composite risk; and how long that takes.
fn composite(sheet: &mut Sheet) {
    let policy = Policy::default();
    let many = |index: u64| -> Vec<Fleet> {
        (0..10).map(|part| Fleet::draw(FIRST + 10 * index + part, &Assumptions::default())).collect()
    };
    let outcomes: Vec<_> = (0..SEEDS / 10).map(|index| run_together(&many(index), &policy)).collect();
    let made = summary(&outcomes);
    sheet.row(&Row {
        name: "composite_at_25",
        what: "share of the dishonest among the first 25 by composite risk, ten measures".to_owned(),
        samples: vec![made.precision_25.0],
        value: made.precision_25.0,
        unit: "share",
        bar: None,
        note: format!(
            "each measure with 25 others of 5,000 dishonest; precision of what is sent {}",
            percent(made.precision.0)
        ),
    });
    let (period, _) = together(&many(0));
    let took: Vec<f64> = (0..5)
        .map(|_| {
            let start = Instant::now();
            score(&period, &policy).unwrap();
            start.elapsed().as_secs_f64()
        })
        .collect();
    sheet.row(&Row {
        name: "score_5000x10",
        what: "5,000 operators scored in ten measures".to_owned(),
        value: median(&took),
        samples: took,
        unit: "s",
        bar: None,
        note: "one thread".to_owned(),
    });
}
