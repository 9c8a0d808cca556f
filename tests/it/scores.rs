//! What is sent of a fleet of cashiers is mostly right, and a z-score's flags are mostly wrong: the short form of
//! `make bench AREA=scores`.

use tillsight_correlate::score::Policy;
use tillsight_datasets::cashiers::{Assumptions, Fleet};

use crate::trial::{run, summary};

#[test]
fn of_a_fleet_with_a_few_dishonest_cashiers_few_are_sent_and_most_of_them_rightly() {
    let runs: Vec<_> = (30_001..30_013)
        .map(|seed| run(&Fleet::draw(seed, &Assumptions::default()), &Policy::default(), None))
        .collect();
    let [naive, binomial, ours] = [0, 1, 2].map(|way| summary(&runs.iter().map(|ways| ways[way]).collect::<Vec<_>>()));
    assert!(ours.precision.0 >= 0.85 && ours.recall.0 >= 0.18 && ours.withheld < 0.01, "{ours:?}");
    assert!(ours.precision_25.0 >= 0.45 && ours.precision_25.0 > naive.precision_25.0, "{ours:?}");
    assert!(naive.precision.0 < 0.2 && binomial.precision.0 < 0.06, "{naive:?} {binomial:?}");
    // They find more, at a price: of a hundred people whom they name, more than eighty did nothing.
    assert!(naive.recall.0 > ours.recall.0 && naive.false_share > 0.8, "{naive:?}");
}
