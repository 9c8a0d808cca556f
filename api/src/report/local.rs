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
        self.currency.format(minor)
    }
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
        ms if ms < 7_200_000 => format!("{} min", ms / 60_000),
        ms => format!("{} h", ms / 3_600_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_written_without_idle_zeros() {
        assert_eq!([1_500, 2_000, 455].map(quantity), ["1.5", "2", "0.455"]);
    }
}
