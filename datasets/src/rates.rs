//! How often things happen in a store, in one place, each with where the number comes from.
//!
//! Shares are of 100 000 ([`WHOLE`](crate::dice::WHOLE)). "Our default" means that no published figure was found; it is
//! to be replaced by a store's own. Background rates stay below what the rules look for, so that whatever a rule finds
//! was put there by a [`scenario`](crate::scenario).

use serde::{Deserialize, Serialize};

/// One row of the table of rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The field of [`Rates`].
    pub name: &'static str,
    /// The default.
    pub value: u32,
    /// What it counts, of what.
    pub unit: &'static str,
    /// Where the default comes from.
    pub source: &'static str,
}

macro_rules! rates {
    ($($name:ident: $value:literal, $unit:literal, $source:literal;)*) => {
        /// The rates of a store.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Rates {
            $(#[doc = $unit] pub $name: u32,)*
        }

        impl Default for Rates {
            fn default() -> Self {
                Self { $($name: $value,)* }
            }
        }

        /// Every rate with its source; the table of `README.md`.
        pub const TABLE: &[Rate] = &[$(Rate { name: stringify!($name), value: $value, unit: $unit, source: $source },)*];
    };
}

rates! {
    arrivals_per_day: 900, "customers per store and day, mean over a week; their spread over weekdays and hours is the panel's", "our default (the panel itself has 0.9 a day and store)";
    greet_seconds_min: 5, "seconds from a customer's turn to the first item, shortest", "POS Solutions, `speed of cash registers`: 40 s a transaction plus 3 s an item (10 s of it here)";
    greet_seconds_max: 15, "the same, longest", "as above";
    scan_seconds_min: 1, "seconds for a line, shortest", "as above (mean 3 s)";
    scan_seconds_max: 5, "the same, longest", "as above";
    pay_seconds_min: 20, "seconds from the last line to the receipt, shortest", "as above (mean 30 s)";
    pay_seconds_max: 40, "the same, longest", "as above";
    cash_weight: 16, "paid in cash, of the four weights", "Federal Reserve, 2024 Diary of Consumer Payment Choice: 16 % of payments";
    credit_weight: 32, "by credit card, of the four weights", "as above: 32 %";
    debit_weight: 30, "by debit card, of the four weights", "as above: 30 %";
    gift_weight: 1, "by gift card, of the four weights", "our default";
    contactless: 60_000, "of card payments without contact, the rest by chip", "our default";
    keyed: 1_500, "of lines typed in", "our default";
    line_void: 1_500, "of sales with an item rung twice and voided", "our default; half of what makes a shift conspicuous (3 % of transactions)";
    price_override: 800, "of sales with the panel's own discount given by hand and approved; never 25 % or more", "our default";
    reprint: 300, "of sales with the receipt printed again", "our default";
    suspend: 300, "of sales parked and taken up again", "our default";
    cancel: 600, "of customers who give up; at most two an hour and operator", "our default; a burst is more than five in 30 minutes";
    refund: 1_500, "of sales; the customer stands there", "our default";
    refund_with_receipt: 70_000, "of refunds that name the sale", "our default";
    post_void: 150, "of sales undone afterwards; card payments only", "our default";
    no_sales_per_shift: 2, "drawer opened to change money, per shift; the customer stands there", "our default; more than 8 a shift is conspicuous";
    paid_out: 30_000, "of store days with petty cash taken out, approved", "our default";
    training: 20_000, "of store days with a training session of three sales", "our default";
    float_minor: 20_000, "cents of change brought to each register when it opens", "our default";
    pickup_minor: 40_000, "cents of cash above the float at which it is taken to the safe", "our default";
    safe_drop: 0, "of pickups booked into the safe a minute later", "our default: the demo's tills do not book them";
    break_minutes: 15, "minutes of break in a shift above 4 hours", "our default";
    meal_minutes: 30, "minutes of break in a shift above 6 hours", "our default";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_shows_the_table_as_it_is() {
        let readme = include_str!("../README.md");
        for Rate { name, value, unit, source } in TABLE {
            let row = format!("| `{name}` | {value} | {unit} | {source} |");
            assert!(readme.contains(&row), "README.md lacks the row\n{row}");
        }
    }

    #[test]
    fn a_rate_that_nobody_knows_is_refused() {
        assert!(serde_json::from_str::<Rates>(r#"{"arrivals_per_day": 100}"#).is_ok());
        assert!(serde_json::from_str::<Rates>(r#"{"arrivals": 100}"#).is_err());
    }
}
