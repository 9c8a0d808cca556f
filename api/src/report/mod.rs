//! The daily exception report of a store: what to look at, what is unusual, and whether the system could see.
//!
//! Numbers come from the lake by the SQL that is printed with them, alerts from the database, pictures from the
//! recordings. The lake is read as it was archived, which is a minute behind at most: `as_of` says how far it goes.
//! Who reads it changes what stands in it ([`Reader`]). [`Letter`] is the same in words, of which mail and PDF are made;
//! [`post`] sends it.

mod changes;
mod chart;
mod csv;
mod exceptions;
mod held;
mod html;
mod letter;
mod local;
mod mail;
mod mail_html;
mod model;
mod pdf;
mod post;
mod reader;
mod schedule;
mod sight;
#[cfg(test)]
mod tests;
mod text;
mod verdict;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use tillsight_correlate::lake::History;
use tillsight_correlate::report::{Numbers, ReportDay, numbers};
use tillsight_correlate::rule::Rule;
use tillsight_correlate::sql::{Engine, Limits, Scope, Stores};
use tillsight_ingest::bus::WindowReader;
use tillsight_ingest::pos::Permits;
use tillsight_schemas::TimeSpan;
use tillsight_schemas::clock::SharedClock;
use tillsight_schemas::store::Store;

use crate::config::{Config, Recipient};
use crate::db::{Db, DbError};
use crate::http::Cameras;
use crate::run::clock;

pub(crate) use letter::Letter;
pub(crate) use mail::{MailError, Mailer};
pub(crate) use model::Report;
pub(crate) use post::run as send_reports;
pub use post::send_now;
pub(crate) use reader::Reader;

use exceptions::picture;
use model::{ReportHour, ReportQuestion, ReportRate, ReportStore, ReportTotals};
use schedule::due;
use verdict::{Facts, verdict};

/// Memory of its questions, in bytes.
const MEMORY: usize = 256 << 20;

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
    /// Who gets reports by mail.
    pub(crate) recipients: Arc<Vec<Recipient>>,
    /// What people call each rule.
    pub(crate) titles: Arc<BTreeMap<String, String>>,
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
    /// A chart cannot be drawn.
    #[error("cannot draw the chart {0}")]
    Chart(&'static str),
    /// The PDF cannot be set.
    #[error("cannot set the PDF: {0}")]
    Pdf(String),
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
    /// Pages to keep and print.
    Pdf,
}

impl Format {
    /// Its media type.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::Pdf => "application/pdf",
        }
    }

    /// How its files end.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Pdf => "pdf",
        }
    }
}

/// A report with the pictures of its exceptions, for files.
pub(crate) struct Illustrated {
    /// The report.
    pub(crate) report: Report,
    /// The picture of each exception, a JPEG.
    pub(crate) pictures: Vec<Option<Vec<u8>>>,
    /// Where its page is.
    pub(crate) link: String,
    /// Where all alerts of the store are.
    pub(crate) queue: String,
}

impl Illustrated {
    /// The file.
    ///
    /// # Errors
    /// [`ReportError`], which is a defect.
    pub(crate) fn file(&self, format: Format) -> Result<Vec<u8>, ReportError> {
        match format {
            Format::Html => Ok(html::page(self).into_bytes()),
            Format::Csv => csv::table(&self.report),
            Format::Json => Ok(serde_json::to_vec_pretty(&self.report)?),
            Format::Pdf => pdf::document(&Letter::of(self, &[]), &chart::charts(&self.report), &self.pictures),
        }
    }
}

/// Which report.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The store.
    pub(crate) store: &'a Store,
    /// The business day.
    pub(crate) day: NaiveDate,
    /// What cameras saw counts up to this instant; up to now when none is given.
    pub(crate) until: Option<DateTime<Utc>>,
    /// Who reads it.
    pub(crate) reader: &'a Reader,
}

impl Reporter {
    /// That of a configuration.
    pub(crate) fn of(config: &Config, db: Db) -> Self {
        Self {
            db,
            cameras: Arc::new(Cameras::new(config.volume(), &config.cameras, &config.zones)),
            shops: Arc::new(config.stores.clone()),
            permits: Arc::new(config.permits()),
            windows: WindowReader::new(&config.connection()),
            clock: clock(),
            lake: config.data.dir.join("lake"),
            address: config.http.address(),
            recipients: Arc::new(config.report.recipients.clone()),
            titles: Arc::new(titles(config)),
        }
    }

    /// The report of a store's business day.
    ///
    /// # Errors
    /// [`ReportError`].
    pub(crate) async fn report(&self, asked: Asked<'_>) -> Result<Report, ReportError> {
        Ok(self.build(&self.engine().await?, asked, false).await?.report)
    }

    /// The same with the pictures inside.
    ///
    /// # Errors
    /// [`ReportError`].
    pub(crate) async fn illustrated(&self, asked: Asked<'_>) -> Result<Illustrated, ReportError> {
        self.build(&self.engine().await?, asked, asked.reader.pictures).await
    }

    /// What answers the questions of reports, over the lake as it is now.
    ///
    /// # Errors
    /// [`ReportError::Lake`].
    pub(crate) async fn engine(&self) -> Result<Engine, ReportError> {
        let history = History::open(&self.lake).await?;
        let limits = Limits { memory_bytes: MEMORY, ..Limits::default() };
        Ok(Engine::over(&history, self.shops.to_vec(), limits)?)
    }

    /// The report by an engine that is there already.
    ///
    /// # Errors
    /// [`ReportError`].
    pub(crate) async fn build(
        &self,
        engine: &Engine,
        asked: Asked<'_>,
        inside: bool,
    ) -> Result<Illustrated, ReportError> {
        let Asked { store, day, reader, .. } = asked;
        let now = self.clock.now();
        let today = store.business_day(now);
        let future = || ReportError::Future { day, store: store.name.clone(), today };
        let whole = store.day(day).filter(|span| span.start() < now).ok_or_else(future)?;
        let until = asked.until.unwrap_or(now).min(now);
        let span = TimeSpan::new(whole.start(), whole.end().min(until)).map_err(|_| future())?;
        let key = store.key();
        let of_day = ReportDay { store: key.clone(), day, span, without: reader.without.clone() };
        let numbers = Self::numbers(engine, &of_day).await?;

        let (all, held, listed) = self.listed(store, day, reader).await?;
        let due = due(store, day);
        let late = |at: DateTime<Utc>| due.is_some_and(|due| at > due);
        let restated = numbers.totals.newest.is_some_and(late) || all.iter().any(|each| late(each.raised_at()));
        let (mut exceptions, mut found) = (Vec::new(), Vec::new());
        for standing in &all {
            let pictures = reader.pictures && exceptions.len() < listed;
            let (exception, picture) = self.exception(store, standing, pictures).await;
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
        let sight = self.sight(&key, span, &numbers).await?;
        let verdict = verdict(&Facts {
            exceptions: &exceptions,
            totals: &totals,
            cameras: &sight.cameras,
            blind: &sight.indeterminate,
            currency: store.currency,
            tz: store.tz,
        });
        let more = i64::try_from(exceptions.len().saturating_sub(listed)).unwrap_or(i64::MAX);
        exceptions.truncate(listed);
        found.truncate(listed);
        let mut images = Vec::with_capacity(found.len());
        for still in found {
            images.push(match still {
                Some(still) if inside => picture(still).await,
                _ => None,
            });
        }
        let hour = |(hour, transactions): &(u8, i64)| ReportHour { hour: (*hour).into(), transactions: *transactions };
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
            held,
            rates: numbers.rates.iter().map(rate).collect(),
            hours: numbers.hours.iter().map(hour).collect(),
            sight,
            questions: numbers
                .questions
                .iter()
                .map(|(name, sql)| ReportQuestion { name: (*name).to_owned(), sql: sql.clone() })
                .collect(),
            restated,
            over: store.closing(day).is_none_or(|closes| closes <= span.end()),
            made_at: now,
            as_of: numbers.totals.newest,
        };
        let link = format!("{}/reports?store={}&day={day}", self.address, store.id);
        let queue = format!("{}/alerts?state=all&sent=all&store={}", self.address, store.id);
        Ok(Illustrated { report, pictures: images, link, queue })
    }

    async fn numbers(engine: &Engine, day: &ReportDay) -> Result<Numbers, ReportError> {
        let stores = Stores::Only([day.store.store.clone()].into());
        let session = engine.session(Scope { tenant: day.store.tenant.clone(), stores })?;
        Ok(numbers(&session, day).await?)
    }
}

/// What people call each rule that judges here, without those that cannot be read, which `tillsight check` says.
pub(crate) fn titles(config: &Config) -> BTreeMap<String, String> {
    let (rules, _) = Rule::readable(config.rules.folder.as_deref());
    rules.into_iter().map(|rule| (rule.header.id.to_string(), rule.header.name)).collect()
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
            |usual| format!("what 8 in 10 of the {} days before were", usual.days),
        ),
        sql: rate.sql.clone(),
    }
}
