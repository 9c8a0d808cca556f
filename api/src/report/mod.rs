//! The daily exception report of a store: what to look at, what is unusual, and whether the system could see.
//!
//! Numbers come from the lake by the SQL that is printed with them, alerts from the database, pictures from the
//! recordings. The lake is read as it was archived, which is a minute behind at most: `as_of` says how far it goes.

mod csv;
mod exceptions;
mod html;
mod model;
mod verdict;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use tillsight_correlate::lake::History;
use tillsight_correlate::report::{Numbers, ReportDay, numbers};
use tillsight_correlate::sql::{Engine, Limits, Scope, Stores};
use tillsight_ingest::bus::{WindowQuery, WindowReader};
use tillsight_ingest::pos::Permits;
use tillsight_schemas::clock::SharedClock;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::store::Store;
use tillsight_schemas::{TimeSpan, topic};

use crate::db::{Db, DbError};
use crate::http::Cameras;

pub(crate) use model::Report;

use exceptions::picture;
use model::{
    ReportBlind, ReportCamera, ReportGap, ReportQuestion, ReportRate, ReportSight, ReportStore, ReportTotals,
    ReportZone,
};
use verdict::{Facts, verdict};

/// Exceptions of a report.
const AT_MOST: usize = 10;
/// Memory of its questions, in bytes.
const MEMORY: usize = 256 << 20;
/// Rejected records that are read at most, and how long the broker has.
const REJECTED: (usize, Duration) = (400_000, Duration::from_secs(3));

/// Makes reports.
#[derive(Clone)]
pub(crate) struct Reporter {
    pub(crate) db: Db,
    pub(crate) cameras: Arc<Cameras>,
    pub(crate) shops: Arc<Vec<Store>>,
    pub(crate) permits: Arc<Vec<Permits>>,
    pub(crate) windows: WindowReader,
    pub(crate) clock: SharedClock,
    pub(crate) lake: PathBuf,
    /// Where people reach the system: links begin with it.
    pub(crate) address: String,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReportError {
    /// The day has not begun.
    #[error("{day} has not begun at {store}: today is {today} there")]
    Future {
        /// The day asked for.
        day: NaiveDate,
        /// The store.
        store: String,
        /// Its day.
        today: NaiveDate,
    },
    /// The database cannot be read.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The lake cannot be read.
    #[error(transparent)]
    Lake(#[from] tillsight_correlate::Error),
    /// The table cannot be made.
    #[error("cannot write the table")]
    Table(#[from] ::csv::Error),
    /// The document cannot be made.
    #[error("cannot write the document")]
    Document(#[from] serde_json::Error),
}

/// A file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// A page that needs nothing else: pictures are inside.
    Html,
    /// A table of everything, one fact a row.
    Csv,
    /// The report as over HTTP.
    Json,
}

impl Format {
    /// Its media type.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
        }
    }

    /// How its files end.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }
}

/// A report with the pictures of its exceptions, for files.
pub(crate) struct Illustrated {
    /// The report.
    pub(crate) report: Report,
    /// The picture of each exception as a `data:` address.
    pub(crate) pictures: Vec<Option<String>>,
}

impl Illustrated {
    /// The file.
    ///
    /// # Errors
    /// [`ReportError::Table`], [`ReportError::Document`], which are defects.
    pub(crate) fn file(&self, format: Format) -> Result<Vec<u8>, ReportError> {
        match format {
            Format::Html => Ok(html::page(self).into_bytes()),
            Format::Csv => csv::table(&self.report),
            Format::Json => Ok(serde_json::to_vec_pretty(&self.report)?),
        }
    }
}

impl Reporter {
    /// The report of a store's business day, without pictures unless the reader may see them.
    ///
    /// # Errors
    /// [`ReportError`].
    pub(crate) async fn report(&self, store: &Store, day: NaiveDate, pictures: bool) -> Result<Report, ReportError> {
        Ok(self.build(store, day, pictures, false).await?.report)
    }

    /// The same with the pictures inside.
    ///
    /// # Errors
    /// [`ReportError`].
    pub(crate) async fn illustrated(
        &self,
        store: &Store,
        day: NaiveDate,
        pictures: bool,
    ) -> Result<Illustrated, ReportError> {
        self.build(store, day, pictures, pictures).await
    }

    async fn build(
        &self,
        store: &Store,
        day: NaiveDate,
        pictures: bool,
        inside: bool,
    ) -> Result<Illustrated, ReportError> {
        let now = self.clock.now();
        let today = store.business_day(now);
        let future = || ReportError::Future { day, store: store.name.clone(), today };
        let whole = store.day(day).filter(|span| span.start() < now).ok_or_else(future)?;
        let span = TimeSpan::new(whole.start(), whole.end().min(now)).map_err(|_| future())?;
        let key = store.key();
        let numbers = self.numbers(&ReportDay { store: key.clone(), day, span }).await?;

        let rows = self.exceptions(store, day).await?;
        let (mut exceptions, mut found) = (Vec::new(), Vec::new());
        for row in &rows {
            let (exception, picture) = self.exception(store, row, pictures && exceptions.len() < AT_MOST).await?;
            exceptions.push(exception);
            found.push(picture);
        }
        let totals = ReportTotals {
            transactions: numbers.totals.transactions,
            sales: numbers.totals.sales,
            sales_minor: numbers.totals.sales_minor,
            refunds: numbers.totals.refunds,
            refunds_minor: numbers.totals.refunds_minor,
        };
        let sight = self.sight(&key, span, &numbers).await;
        let verdict = verdict(&Facts {
            exceptions: &exceptions,
            totals: &totals,
            cameras: &sight.cameras,
            blind: &sight.indeterminate,
            currency: store.currency,
        });
        let more = i64::try_from(exceptions.len().saturating_sub(AT_MOST)).unwrap_or(i64::MAX);
        exceptions.truncate(AT_MOST);
        found.truncate(AT_MOST);
        let mut images = Vec::with_capacity(found.len());
        for still in found {
            images.push(match still {
                Some(still) if inside => picture(still).await,
                _ => None,
            });
        }
        let report = Report {
            store: ReportStore {
                id: store.id.clone(),
                name: store.name.clone(),
                tz: store.tz.name().to_owned(),
                currency: store.currency,
            },
            business_day: day,
            from: span.start(),
            to: span.end(),
            verdict,
            totals,
            exceptions,
            more,
            rates: numbers.rates.iter().map(rate).collect(),
            sight,
            questions: numbers
                .questions
                .iter()
                .map(|(name, sql)| ReportQuestion { name: (*name).to_owned(), sql: sql.clone() })
                .collect(),
            made_at: now,
            as_of: numbers.totals.newest,
        };
        Ok(Illustrated { report, pictures: images })
    }

    async fn numbers(&self, day: &ReportDay) -> Result<Numbers, ReportError> {
        let history = History::open(&self.lake).await?;
        let limits = Limits { memory_bytes: MEMORY, ..Limits::default() };
        let engine = Engine::over(&history, self.shops.to_vec(), limits)?;
        let stores = Stores::Only([day.store.store.clone()].into());
        let session = engine.session(Scope { tenant: day.store.tenant.clone(), stores })?;
        Ok(numbers(&session, day).await?)
    }

    async fn sight(&self, store: &StoreKey, span: TimeSpan, numbers: &Numbers) -> ReportSight {
        let cameras = self.cameras.of_store(store).map(|camera| {
            let day = numbers.cameras.iter().find(|day| day.camera == camera.id);
            ReportCamera {
                camera_id: camera.id.clone(),
                name: camera.name.clone(),
                uptime_permille: day.map(tillsight_correlate::report::CameraDay::uptime_permille),
                gaps: day
                    .into_iter()
                    .flat_map(|day| &day.gaps)
                    .map(|(span, reason)| ReportGap {
                        start_at: span.start(),
                        end_at: span.end(),
                        reason: reason.clone(),
                    })
                    .collect(),
            }
        });
        ReportSight {
            cameras: cameras.collect(),
            zones: numbers.zones.iter().map(zone).collect(),
            pos_lag_ms_p95: numbers.totals.behind_us.map(|behind| behind / 1_000),
            quarantined: self.quarantined(store, span).await,
            unsynchronised_lanes: numbers.unsynchronised.iter().map(|(register, _)| register.clone()).collect(),
            indeterminate: blind(numbers),
        }
    }

    /// Rejected records of a store: dead letters keep the key they came with. `None` when the broker does not answer.
    async fn quarantined(&self, store: &StoreKey, span: TimeSpan) -> Option<i64> {
        let key = store.to_string();
        let mut count = 0;
        for permits in self.permits.iter().filter(|permits| permits.tenant == store.tenant) {
            let query = WindowQuery {
                topic: topic::dlq(&topic::landing(&permits.integrator)),
                key: None,
                from: span.start(),
                to: Some(span.end()),
                rows: REJECTED.0,
                patience: REJECTED.1,
            };
            match self.windows.read(query).await {
                Ok(window) => {
                    let of_store = |key: &str, of: &Option<bytes::Bytes>| of.as_deref() == Some(key.as_bytes());
                    count += window.records.iter().filter(|record| of_store(&key, &record.key)).count();
                }
                Err(error) => {
                    tracing::warn!(%error, "the dead letters cannot be read");
                    return None;
                }
            }
        }
        i64::try_from(count).ok()
    }
}

fn rate(rate: &tillsight_correlate::report::Rate) -> ReportRate {
    ReportRate {
        name: rate.name.to_owned(),
        value: rate.value,
        unit: rate.unit.to_owned(),
        events: rate.events,
        of: rate.of,
        baseline_mean: rate.usual.map(|usual| usual.mean),
        baseline_low: rate.usual.map(|usual| usual.low),
        baseline_high: rate.usual.map(|usual| usual.high),
        note: rate.usual.map_or_else(
            || "fewer than 7 days before this one are known".to_owned(),
            |usual| format!("8 in 10 of the {} days before lie in the band", usual.days),
        ),
        sql: rate.sql.clone(),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "seconds of a day")]
fn zone(day: &tillsight_correlate::report::ZoneDay) -> ReportZone {
    ReportZone {
        zone_id: day.zone.clone(),
        seconds: day.seconds.round() as i64,
        unknown_seconds: day.unknown_seconds.round() as i64,
    }
}

/// What could not be judged, by rule.
fn blind(numbers: &Numbers) -> Vec<ReportBlind> {
    let mut rules: Vec<ReportBlind> = Vec::new();
    for each in numbers.outcomes.iter().filter(|each| each.outcome == "indeterminate") {
        match rules.iter_mut().find(|rule| rule.rule_id == each.rule) {
            Some(rule) => rule.count += each.times,
            None => {
                let of_rule = numbers.outcomes.iter().filter(|other| other.rule == each.rule);
                let most =
                    of_rule.clone().filter(|other| other.outcome == each.outcome).max_by_key(|other| other.times);
                rules.push(ReportBlind {
                    rule_id: each.rule.clone(),
                    count: each.times,
                    of: of_rule.map(|other| other.times).sum(),
                    why: most.map(|most| most.why.replace('_', " ")).unwrap_or_default(),
                });
            }
        }
    }
    rules
}
