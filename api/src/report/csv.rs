//! The report as a table: one fact a row, the same columns for all, so that any spreadsheet sorts and filters it.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::ReportError;
use super::letter::RESTATED;
use super::model::Report;

const COLUMNS: [&str; 12] = [
    "kind",
    "at_local",
    "until_local",
    "register",
    "operator",
    "receipt",
    "what",
    "value",
    "unit",
    "usual_low",
    "usual_high",
    "note",
];

/// The table, with a header.
///
/// # Errors
/// [`ReportError::Table`] when memory cannot be written, which is a defect.
pub(super) fn table(report: &Report) -> Result<Vec<u8>, ReportError> {
    let mut table =
        Table { writer: csv::Writer::from_writer(Vec::new()), tz: report.store.tz.parse().unwrap_or(Tz::UTC) };
    table.writer.write_record(COLUMNS)?;
    let currency = report.store.currency;
    let unit = currency.as_str();
    let money = |minor: i64| {
        let digits = usize::try_from(currency.exponent()).unwrap_or(2);
        let part = 10_u64.pow(currency.exponent());
        let (whole, rest) = (minor.unsigned_abs() / part, minor.unsigned_abs() % part);
        if digits == 0 { whole.to_string() } else { format!("{whole}.{rest:0digits$}") }
    };
    let verdict = format!("{}: {}", report.verdict.level, report.verdict.text);
    table.row(&Fact {
        kind: "verdict",
        at: Some(report.from),
        until: Some(report.to),
        what: verdict,
        note: format!("store {}, business day {}", report.store.name, report.business_day),
        ..Fact::default()
    })?;
    if report.restated {
        table.row(&Fact { kind: "restated", what: RESTATED.to_owned(), ..Fact::default() })?;
    }
    for each in &report.exceptions {
        table.row(&Fact {
            kind: "exception",
            at: Some(each.event_time),
            register: each.register_id.to_string(),
            operator: each.operator_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            receipt: each.receipt_no.clone().unwrap_or_default(),
            what: format!("{}: {}", each.title, each.reason),
            value: each.amount_minor.map(money).unwrap_or_default(),
            unit: each.amount_minor.map(|_| unit.to_owned()).unwrap_or_default(),
            note: each.link.clone(),
            ..Fact::default()
        })?;
    }
    if report.more > 0 {
        let what = "exceptions more, in the review queue".to_owned();
        table.row(&Fact { kind: "more", what, value: report.more.to_string(), ..Fact::default() })?;
    }
    for each in &report.held {
        let (what, value) = (each.words.clone(), each.count.to_string());
        table.row(&Fact { kind: "not_listed", what, value, note: each.why.clone(), ..Fact::default() })?;
    }
    let totals = &report.totals;
    for (what, value, unit) in [
        ("Transactions", totals.transactions.to_string(), ""),
        ("Sales", totals.sales.to_string(), ""),
        ("Sales", money(totals.sales_minor), unit),
        ("Refunds", totals.refunds.to_string(), ""),
        ("Refunds", money(totals.refunds_minor), unit),
    ] {
        let (what, unit) = (what.to_owned(), unit.to_owned());
        table.row(&Fact { kind: "total", what, value, unit, ..Fact::default() })?;
    }
    for rate in &report.rates {
        let number = |value: Option<f64>| value.map(|value| format!("{value:.3}")).unwrap_or_default();
        table.row(&Fact {
            kind: "rate",
            what: rate.name.clone(),
            value: number(rate.value),
            unit: rate.unit.clone(),
            usual: [number(rate.baseline_low), number(rate.baseline_high)],
            note: rate.note.clone(),
            ..Fact::default()
        })?;
    }
    for hour in &report.hours {
        table.row(&Fact {
            kind: "hour",
            what: format!("{:02}:00", hour.hour),
            value: hour.transactions.to_string(),
            unit: "transactions".to_owned(),
            ..Fact::default()
        })?;
    }
    let sight = &report.sight;
    for camera in &sight.cameras {
        let uptime = camera.uptime_permille.map(|uptime| format!("{}.{}", uptime / 10, uptime % 10));
        table.row(&Fact {
            kind: "camera",
            what: camera.name.clone(),
            value: uptime.unwrap_or_default(),
            unit: "% recorded".to_owned(),
            ..Fact::default()
        })?;
        for gap in &camera.gaps {
            table.row(&Fact {
                kind: "gap",
                at: Some(gap.start_at),
                until: Some(gap.end_at),
                what: camera.name.clone(),
                note: gap.reason.clone(),
                ..Fact::default()
            })?;
        }
    }
    for zone in &sight.zones {
        table.row(&Fact {
            kind: "zone",
            what: zone.zone_id.to_string(),
            value: zone.unknown_seconds.to_string(),
            unit: format!("s of {} cannot be told", zone.seconds),
            ..Fact::default()
        })?;
    }
    for (what, value, unit) in [
        ("Till records behind (95 of 100 are faster)", sight.pos_lag_ms_p95, "ms"),
        ("Records set aside", sight.quarantined, ""),
    ] {
        let value = value.map_or_else(|| "not known".to_owned(), |value| value.to_string());
        table.row(&Fact { kind: "sight", what: what.to_owned(), value, unit: unit.to_owned(), ..Fact::default() })?;
    }
    for register in &sight.unsynchronised_lanes {
        let what = "Clock not synchronised".to_owned();
        table.row(&Fact { kind: "sight", register: register.to_string(), what, ..Fact::default() })?;
    }
    for register in &sight.unknown_registers {
        let what = "Register that nobody knows".to_owned();
        table.row(&Fact { kind: "sight", register: register.to_string(), what, ..Fact::default() })?;
    }
    for blind in &sight.indeterminate {
        table.row(&Fact {
            kind: "not judged",
            what: blind.rule_id.clone(),
            value: blind.count.to_string(),
            unit: format!("of {}", blind.of),
            note: blind.why.clone(),
            ..Fact::default()
        })?;
    }
    table.writer.into_inner().map_err(|error| ReportError::Table(error.into_error().into()))
}

/// A row.
#[derive(Default)]
struct Fact {
    kind: &'static str,
    at: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    register: String,
    operator: String,
    receipt: String,
    what: String,
    value: String,
    unit: String,
    usual: [String; 2],
    note: String,
}

struct Table {
    writer: csv::Writer<Vec<u8>>,
    tz: Tz,
}

impl Table {
    fn row(&mut self, fact: &Fact) -> Result<(), csv::Error> {
        let local = |at: Option<DateTime<Utc>>| {
            at.map(|at| at.with_timezone(&self.tz).format("%Y-%m-%d %H:%M:%S %Z").to_string()).unwrap_or_default()
        };
        let [low, high] = &fact.usual;
        let row = [
            fact.kind.to_owned(),
            local(fact.at),
            local(fact.until),
            fact.register.clone(),
            fact.operator.clone(),
            fact.receipt.clone(),
            fact.what.clone(),
            fact.value.clone(),
            fact.unit.clone(),
            low.clone(),
            high.clone(),
            fact.note.clone(),
        ];
        self.writer.write_record(row.map(harmless))
    }
}

/// Text from tills that a spreadsheet would take for a formula gets an apostrophe in front.
fn harmless(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_a_till_becomes_a_formula() {
        assert_eq!(harmless("=HYPERLINK(\"x\")".to_owned()), "'=HYPERLINK(\"x\")");
        assert_eq!(harmless("Refund at register 1".to_owned()), "Refund at register 1");
    }
}
