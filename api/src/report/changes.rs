//! What of a report late data may change, kept to tell whether a sent one still holds, and in words what has changed.
//!
//! Exceptions, totals and rates count; a decision, a picture or how much a camera recorded is no reason to write again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::local::Local;
use super::model::Report;

/// The numbers and exceptions of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Content {
    transactions: i64,
    sales: (i64, i64),
    refunds: (i64, i64),
    /// Events and what they are measured against, by name.
    rates: BTreeMap<String, (i64, i64)>,
    /// Title and amount.
    exceptions: BTreeMap<Uuid, (String, Option<i64>)>,
    more: i64,
}

impl Content {
    /// That of a report.
    pub(super) fn of(report: &Report) -> Self {
        let totals = &report.totals;
        let exceptions = report.exceptions.iter();
        Self {
            transactions: totals.transactions,
            sales: (totals.sales, totals.sales_minor),
            refunds: (totals.refunds, totals.refunds_minor),
            rates: report.rates.iter().map(|rate| (rate.name.clone(), (rate.events, rate.of))).collect(),
            exceptions: exceptions.map(|each| (each.alert_id, (each.title.clone(), each.amount_minor))).collect(),
            more: report.more,
        }
    }

    /// What has changed since an earlier one, a sentence each.
    pub(super) fn since(&self, before: &Self, report: &Report) -> Vec<String> {
        let money = |minor: i64| Local::of(&report.store).money(minor);
        let mut said = Vec::new();
        let mut number = |what: &str, before: String, after: String| {
            if before != after {
                said.push(format!("{what}: {after}, before {before}"));
            }
        };
        let worth = |(count, minor): (i64, i64)| format!("{count}, {}", money(minor));
        number("Transactions", before.transactions.to_string(), self.transactions.to_string());
        number("Sales", worth(before.sales), worth(self.sales));
        number("Refunds", worth(before.refunds), worth(self.refunds));
        for (name, (events, of)) in &self.rates {
            let (was, was_of) = before.rates.get(name).copied().unwrap_or_default();
            if was != *events {
                number(name, format!("{was} of {was_of}"), format!("{events} of {of}"));
            }
        }
        let amount = |minor: &Option<i64>| minor.map(|minor| format!(", {}", money(minor))).unwrap_or_default();
        for (id, (title, minor)) in &self.exceptions {
            match before.exceptions.get(id) {
                None => said.push(format!("New exception: {title}{}", amount(minor))),
                Some((_, was)) if was != minor => {
                    said.push(format!("Exception amended: {title}{}", amount(minor)));
                }
                Some(_) => {}
            }
        }
        for (title, minor) in
            before.exceptions.iter().filter(|(id, _)| !self.exceptions.contains_key(id)).map(|(_, of)| of)
        {
            said.push(format!("No longer among the exceptions: {title}{}", amount(minor)));
        }
        if before.more != self.more {
            said.push(format!("Exceptions beyond those that are listed: {}, before {}", self.more, before.more));
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::super::letter::sample;
    use super::*;

    #[test]
    fn late_data_is_named_and_a_decision_is_none() {
        let mut report = sample().report;
        let before = Content::of(&report);
        report.exceptions[0].disposition = Some(tillsight_schemas::review::Disposition::NoIssue);
        report.sight.cameras[0].uptime_permille = Some(993);
        assert_eq!(Content::of(&report), before);
        report.totals.transactions += 3;
        report.totals.refunds += 1;
        report.totals.refunds_minor += 500;
        report.exceptions[1].amount_minor = Some(1);
        report.exceptions.remove(0);
        let after = Content::of(&report);
        assert_ne!(after, before);
        assert_eq!(
            after.since(&before, &report),
            [
                "Transactions: 121, before 118",
                "Refunds: 11, $50.50, before 10, $45.50",
                "Exception amended: Price set far down, $0.01",
                "No longer among the exceptions: Refund with nobody at the counter, $45.50",
            ]
        );
    }
}
