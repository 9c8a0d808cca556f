//! A store day of real baskets, as the lines that kcat sends.

use std::sync::OnceLock;

use tillsight_datasets::journey::{self, Panel};
use tillsight_datasets::scenario;
use tillsight_datasets::store_day::{Setup, simulate, simulate_cases};
use tillsight_datasets::{demo, store_day::StoreDay};

use crate::outside::cache;

/// The panel, loaded once.
pub fn panel() -> &'static Panel {
    static PANEL: OnceLock<Panel> = OnceLock::new();
    PANEL.get_or_init(|| journey::load(&cache().join(journey::FOLDER)).expect("run deploy/setup.sh test"))
}

/// The same day of store 17 at every call.
pub fn store_day(date: &str) -> StoreDay {
    let plan = demo::kiosk().unwrap();
    simulate(panel(), &plan, date.parse().unwrap(), &Setup::default()).unwrap()
}

/// A day of store 17 with every staged case that needs no camera.
pub fn day_of_cases(date: &str) -> StoreDay {
    let plan = demo::kiosk().unwrap();
    let cases: Vec<_> = scenario::cases().filter(|case| !case.about_presence).collect();
    simulate_cases(panel(), &plan, date.parse().unwrap(), &Setup::default(), &cases).unwrap()
}

/// `key|record` lines.
pub fn lines(day: &StoreDay) -> Vec<String> {
    day.rung
        .iter()
        .map(|rung| {
            let record = serde_json::to_string(&rung.transaction).unwrap();
            assert!(!record.contains('\n'), "kcat reads lines");
            format!("demo/{}|{record}", rung.transaction.store_id)
        })
        .collect()
}
