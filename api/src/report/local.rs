//! [`Local`]: times, amounts and quantities as the store writes them.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use tillsight_schemas::money::Currency;

use super::model::ReportStore;

/// A store's zone and currency.
#[derive(Debug, Clone, Copy)]
pub(super) struct Local {
    pub(super) tz: Tz,
    currency: Currency,
}

impl Local {
    pub(super) fn of(store: &ReportStore) -> Self {
        Self { tz: store.tz.parse().unwrap_or(Tz::UTC), currency: store.currency }
    }

    pub(super) fn time(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.tz).format("%H:%M:%S %Z").to_string()
    }

    pub(super) fn minute(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.tz).format("%H:%M").to_string()
    }

    pub(super) fn full(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.tz).format("%-d %B %Y, %H:%M %Z").to_string()
    }

    pub(super) fn money(&self, minor: i64) -> String {
        grouped(&self.currency.format(minor))
    }
}

/// An amount with its thousands apart.
fn grouped(amount: &str) -> String {
    let first = amount.find(|letter: char| letter.is_ascii_digit()).unwrap_or(amount.len());
    let (sign, number) = amount.split_at(first);
    let (whole, part) = number.split_once('.').map_or((number, None), |(whole, part)| (whole, Some(part)));
    let mut text = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    part.map_or_else(|| text.clone(), |part| format!("{text}.{part}"))
}

/// A quantity in thousandths.
pub(super) fn quantity(milli: i64) -> String {
    let text = format!("{}.{:03}", milli / 1_000, (milli % 1_000).abs());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// How late tills' records came.
pub(super) fn lag(ms: i64) -> String {
    match ms {
        ms if ms < 120_000 => format!("{:.1} s", f64::from(i32::try_from(ms).unwrap_or(i32::MAX)) / 1_000.0),
        ms if ms < 7_200_000 => format!("{} min", (ms + 30_000) / 60_000),
        ms => format!("{} h", (ms + 1_800_000) / 3_600_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let written = ["$24457.15", "JPY 1234567", "-$999.00", "€1000.00"].map(grouped);
        assert_eq!(written, ["$24,457.15", "JPY 1,234,567", "-$999.00", "€1,000.00"]);
    }

    #[test]
    fn quantities_are_written_without_idle_zeros() {
        assert_eq!([1_500, 2_000, 455].map(quantity), ["1.5", "2", "0.455"]);
    }
}
