//! The numbers of the daily exception report, each with the SQL that gives it.
//!
//! They are asked through a [`Session`], as anybody would ask: the report can say nothing that head office cannot check.

mod statements;
#[cfg(test)]
pub(crate) mod tests;

use std::str::FromStr;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use chrono::{DateTime, NaiveDate, Utc};
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use tillsight_schemas::TimeSpan;
use tillsight_schemas::error::chain;
use tillsight_schemas::id::{CameraId, RegisterId, ZoneId};

pub use statements::ReportDay;

use crate::error::{Error, Result};
use crate::sql::Session;

/// A usual range is said from so many days on.
const DAYS_ENOUGH: usize = 7;

/// A number's question.
pub type Sql = String;

/// All numbers of a store's day.
#[derive(Debug, Clone)]
pub struct Numbers {
    /// The business of the day.
    pub totals: Totals,
    /// How often what is looked at happened.
    pub rates: Vec<Rate>,
    /// How much each camera recorded; cameras without any segment or gap that day are missing.
    pub cameras: Vec<CameraDay>,
    /// How long each zone could be told.
    pub zones: Vec<ZoneDay>,
    /// Registers without a synchronised clock, with the transactions that concerns.
    pub unsynchronised: Vec<(RegisterId, i64)>,
    /// How often each rule came to which outcome and why.
    pub outcomes: Vec<OutcomeCount>,
    /// Transactions by the hour of the store's clock; hours without any are missing.
    pub hours: Vec<(u8, i64)>,
    /// The questions behind all but the rates.
    pub questions: Vec<(&'static str, Sql)>,
}

/// The business of a day, without training and tests. Amounts are minor units.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Everything that the tills sent.
    pub transactions: i64,
    /// Sales.
    pub sales: i64,
    /// What they came to.
    pub sales_minor: i64,
    /// Refunds.
    pub refunds: i64,
    /// What they came to.
    pub refunds_minor: i64,
    /// From the completion of a transaction to its acceptance, in microseconds: 95 of 100 took no longer.
    pub behind_us: Option<i64>,
    /// When the newest record that is counted was received.
    pub newest: Option<DateTime<Utc>>,
}

/// A rate of the day beside the store's own usual range.
#[derive(Debug, Clone, PartialEq)]
pub struct Rate {
    /// What people call it.
    pub name: &'static str,
    /// What the number is, e.g. `per 100 receipts`.
    pub unit: &'static str,
    /// How often it happened.
    pub events: i64,
    /// Among how many.
    pub of: i64,
    /// `100 * events / of`; `None` when there was nothing to measure against.
    pub value: Option<f64>,
    /// The range of the days before; `None` while they are fewer than seven.
    pub usual: Option<Usual>,
    /// The question.
    pub sql: Sql,
}

/// The usual range of a rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    /// A tenth of the days lie below.
    pub low: f64,
    /// All events of all days against all that they are measured against.
    pub mean: f64,
    /// A tenth of the days lie above.
    pub high: f64,
    /// How many days.
    pub days: usize,
}

/// A camera over a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameraDay {
    /// The camera.
    pub camera: CameraId,
    /// How long it recorded, in microseconds.
    pub recorded_us: i64,
    /// When it did not although it should have, and why.
    pub gaps: Vec<(TimeSpan, String)>,
}

impl CameraDay {
    /// How much of the time that it was to record it did, in thousandths.
    pub fn uptime_permille(&self) -> i64 {
        let missed: i64 = self.gaps.iter().filter_map(|(span, _)| span.duration().num_microseconds()).sum();
        (self.recorded_us * 1_000).checked_div(self.recorded_us + missed).unwrap_or_default()
    }
}

/// A zone over a day, in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct ZoneDay {
    /// The zone.
    pub zone: ZoneId,
    /// For how long there are statements.
    pub seconds: f64,
    /// For how long of it nobody can tell whether somebody was there.
    pub unknown_seconds: f64,
}

/// How often a rule came to an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeCount {
    /// The rule.
    pub rule: String,
    /// `fired`, `silent` or `indeterminate`.
    pub outcome: String,
    /// Which condition decided.
    pub why: String,
    /// How often.
    pub times: i64,
}

/// Asks for all numbers of a day.
///
/// # Errors
/// [`Error::Plan`] when the lake cannot be read.
pub async fn numbers(session: &Session, day: &ReportDay) -> Result<Numbers> {
    let mut rates = Vec::new();
    for ratio in &statements::RATIOS {
        let sql = day.ratio(ratio);
        let days: Vec<(NaiveDate, i64, i64)> = rows(session, &sql)
            .await?
            .iter()
            .map(|row| (row.value(0).unwrap_or_default(), row.number(1), row.number(2)))
            .collect();
        rates.push(rate(ratio.name, ratio.unit, &days, day.day, sql));
    }
    let totals = day.totals();
    let recorded = day.recorded();
    let gaps = day.gaps();
    let zones = day.zones();
    let unsynchronised = day.unsynchronised();
    let outcomes = day.outcomes();
    let hours = day.hours();
    Ok(Numbers {
        totals: rows(session, &totals).await?.first().map(Totals::from).unwrap_or_default(),
        rates,
        cameras: cameras(&rows(session, &recorded).await?, &rows(session, &gaps).await?),
        zones: rows(session, &zones)
            .await?
            .iter()
            .filter_map(|row| {
                Some(ZoneDay { zone: row.value(0)?, seconds: row.value(1)?, unknown_seconds: row.value(2)? })
            })
            .collect(),
        unsynchronised: rows(session, &unsynchronised)
            .await?
            .iter()
            .filter_map(|row| Some((row.value(0)?, row.number(1))))
            .collect(),
        outcomes: rows(session, &outcomes)
            .await?
            .iter()
            .map(|row| OutcomeCount { rule: row.text(0), outcome: row.text(1), why: row.text(2), times: row.number(3) })
            .collect(),
        hours: rows(session, &hours).await?.iter().filter_map(|row| Some((row.value(0)?, row.number(1)))).collect(),
        questions: vec![
            ("Exceptions", day.alerts()),
            ("Business of the day", totals),
            ("Hours of the day", hours),
            ("Recorded", recorded),
            ("Gaps", gaps),
            ("Zones", zones),
            ("Clocks not synchronised", unsynchronised),
            ("What rules came to", outcomes),
        ],
    })
}

impl From<&Row> for Totals {
    fn from(row: &Row) -> Self {
        Self {
            transactions: row.number(0),
            sales: row.number(1),
            sales_minor: row.number(2),
            refunds: row.number(3),
            refunds_minor: row.number(4),
            behind_us: row.value(5),
            newest: row.value(6),
        }
    }
}

fn rate(name: &'static str, unit: &'static str, days: &[(NaiveDate, i64, i64)], day: NaiveDate, sql: Sql) -> Rate {
    let (events, of) = days.iter().find(|(of, ..)| *of == day).map_or((0, 0), |(_, events, of)| (*events, *of));
    let before: Vec<(i64, i64)> =
        days.iter().filter(|(at, _, of)| *at < day && *of > 0).map(|(_, events, of)| (*events, *of)).collect();
    let mut values: Vec<f64> = before.iter().filter_map(|(events, of)| percent(*events, *of)).collect();
    values.sort_by(f64::total_cmp);
    let all = before.iter().fold((0, 0), |(events, of), day| (events + day.0, of + day.1));
    let enough = values.len() >= DAYS_ENOUGH;
    let usual = percent(all.0, all.1).filter(|_| enough).and_then(|mean| {
        // The nearest rank: a day that was.
        let tenth = values.len() / 10;
        Some(Usual { low: *values.get(tenth)?, mean, high: *values.get(values.len() - 1 - tenth)?, days: values.len() })
    });
    Rate { name, unit, events, of, value: percent(events, of), usual, sql }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a day are far below 2^52")]
fn percent(events: i64, of: i64) -> Option<f64> {
    (of > 0).then(|| 100.0 * events as f64 / of as f64)
}

fn cameras(recorded: &[Row], gaps: &[Row]) -> Vec<CameraDay> {
    let mut cameras: Vec<CameraDay> = Vec::new();
    let of = |cameras: &mut Vec<CameraDay>, camera: CameraId| {
        cameras.iter().position(|known| known.camera == camera).unwrap_or_else(|| {
            cameras.push(CameraDay { camera, recorded_us: 0, gaps: Vec::new() });
            cameras.len() - 1
        })
    };
    for row in recorded {
        let Some(camera) = row.value(0) else { continue };
        let at = of(&mut cameras, camera);
        if let Some(day) = cameras.get_mut(at) {
            day.recorded_us += row.number(1);
        }
    }
    for row in gaps {
        let (Some(camera), Some(start), Some(end)) = (row.value(0), row.value(1), row.value(2)) else { continue };
        let Ok(span) = TimeSpan::new(start, end) else { continue };
        let at = of(&mut cameras, camera);
        if let Some(day) = cameras.get_mut(at) {
            day.gaps.push((span, row.text(3)));
        }
    }
    cameras
}

/// A row of an answer, its values as text.
pub(crate) struct Row(Vec<Option<String>>);

impl Row {
    pub(crate) fn value<T: FromStr>(&self, column: usize) -> Option<T> {
        self.0.get(column)?.as_deref()?.parse().ok()
    }

    /// Sums over nothing are null, which is none.
    pub(crate) fn number(&self, column: usize) -> i64 {
        self.value(column).unwrap_or_default()
    }

    fn text(&self, column: usize) -> String {
        self.value(column).unwrap_or_default()
    }
}

/// Asks a question of ours, and takes the answer as text.
pub(crate) async fn rows(session: &Session, sql: &str) -> Result<Vec<Row>> {
    let failed = |error: DataFusionError| Error::plan(error.context(format!("asked by us: {sql}")));
    let parsed = Parser::parse_sql(&PostgreSqlDialect {}, sql).map_err(|error| failed(error.into()))?;
    let mut rows = Vec::new();
    for statement in &parsed {
        let plan = session.plan(statement).await;
        let plan = plan.map_err(|error| failed(DataFusionError::Plan(chain(&error))))?;
        let answer = async { session.context().execute_logical_plan(plan).await?.collect().await };
        for batch in answer.await.map_err(failed)? {
            let columns: Vec<_> = batch
                .columns()
                .iter()
                .map(|column| cast(column, &DataType::Utf8))
                .collect::<Result<_, _>>()
                .map_err(Error::columns)?;
            let texts: Vec<_> = columns.iter().map(|column| column.as_string::<i32>()).collect();
            rows.extend((0..batch.num_rows()).map(|row| {
                Row(texts.iter().map(|text| text.is_valid(row).then(|| text.value(row).to_owned())).collect())
            }));
        }
    }
    Ok(rows)
}
