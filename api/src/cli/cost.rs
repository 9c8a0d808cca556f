//! `tillsight rule list --cost`: what each rule costs a store, measured when it is asked.
//!
//! Every rule that there is, those that are off included, judges the newest 24 hours of the lake as a back-test does. Live the
//! same records come in ticks, and each tick reads what lies around its anchors again: that costs more, in the same order.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::Duration;

use chrono::TimeDelta;
use tillsight_correlate::backtest::Backtest;
use tillsight_correlate::engine::Settings;
use tillsight_correlate::lake::History;
use tillsight_correlate::rule::Rule;
use tillsight_schemas::TimeSpan;
use tillsight_schemas::error::chain;
use tillsight_schemas::id::RuleId;

use super::say;
use crate::config::Config;
use crate::run::{adjusted, database, zones};

/// How much is measured.
const SPAN: TimeDelta = TimeDelta::hours(24);

/// What rules cost in all stores together.
#[derive(Debug, Default)]
struct Costs {
    /// By rule: how long it computed, and how many bytes it read.
    rules: BTreeMap<RuleId, (Duration, u64)>,
    stores: u64,
    transactions: usize,
}

/// Measures, and lists what came out.
pub(super) fn run(config: &Config, folder: Option<&Path>) -> Result<(), Box<dyn Error>> {
    let (rules, unreadable) = Rule::known(folder.or(config.rules.folder.as_deref()));
    for error in &unreadable {
        tracing::warn!(error = %chain(error), "a rule cannot be read and is left out");
    }
    if config.stores.is_empty() {
        return Err("there is no store yet whose records could be judged".into());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let lines = runtime.block_on(async {
        let db = database(config).await?;
        let settings = Settings { adjusted: adjusted(&db).await?, ..Settings::placed(zones(&db).await?) };
        let history = History::open(&config.data.dir.join("lake")).await?;
        let newest = history.newest().await?;
        let newest = newest.ok_or("the lake has no records yet: rules are measured over what was archived")?;
        let span = TimeSpan::new(newest - SPAN, newest + TimeDelta::microseconds(1))?;
        let stores: Vec<_> = config.stores.iter().map(|store| (store.key(), span)).collect();
        let mut costs = Costs { stores: u64::try_from(stores.len())?, ..Costs::default() };
        let mut backtest = Backtest::begin(&history, rules, settings, stores).await?;
        while let Some(piece) = backtest.next().await? {
            costs.transactions += piece.transactions;
            for (rule, took) in piece.cost {
                costs.rules.entry(rule).or_default().0 += took;
            }
            for (rule, bytes) in piece.bytes {
                costs.rules.entry(rule).or_default().1 += bytes;
            }
        }
        let mut lines = costs.table();
        lines.push(format!("until {}; live, the same records in ticks cost more", newest.format("%Y-%m-%d %H:%M UTC")));
        Ok::<_, Box<dyn Error>>(lines)
    })?;
    lines.iter().for_each(|line| say(line));
    Ok(())
}

impl Costs {
    /// The rules, the dearest first, and what was measured.
    fn table(&self) -> Vec<String> {
        let stores = self.stores.max(1);
        let mut dearest: Vec<_> = self.rules.iter().collect();
        dearest.sort_by_key(|(rule, (took, _))| (std::cmp::Reverse(*took), (*rule).clone()));
        let mut lines = vec![format!("{:28} {:>14} {:>14}", "rule", "µs a store", "bytes a store")];
        lines.extend(dearest.into_iter().map(|(rule, (took, bytes))| {
            let (took, bytes) = (took.as_micros() / u128::from(stores), bytes / stores);
            format!("{:28} {took:>14} {bytes:>14}", rule.as_str())
        }));
        let (count, records) = (self.stores, self.transactions);
        lines.push(format!(
            "measured now, as a back-test of 24 hours: {records} records of {count} {}; bytes are those of the columns that \
             a rule reads",
            if count == 1 { "store" } else { "stores" }
        ));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_listed_by_what_they_cost_a_store() {
        let cost = |micros, bytes| (Duration::from_micros(micros), bytes);
        let costs = Costs {
            rules: [
                ("cheap".parse().unwrap(), cost(200, 4_096)),
                ("dear".parse().unwrap(), cost(9_001, 2_000_000)),
                ("also_cheap".parse().unwrap(), cost(200, 10)),
            ]
            .into(),
            stores: 2,
            transactions: 6_000,
        };
        let lines = costs.table();
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&lines[1]), ["dear", "4500", "1000000"]);
        assert_eq!(words(&lines[2]), ["also_cheap", "100", "5"]);
        assert_eq!(words(&lines[3]), ["cheap", "100", "2048"]);
        assert!(lines[4].contains("6000 records of 2 stores"), "{lines:?}");
    }
}
