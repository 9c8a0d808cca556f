//! [`Post`]: reports leave when they are due, once each, and once more when late data has changed them.
//!
//! The database says what is due and who sends it (`db::reports`), so two processes or a start after a crash do not send the
//! same mail. A mail counts as sent when the server has acknowledged it and that is written down; between these two lies a
//! moment in which a crash makes it leave again, under the same message id (at least once, not at most once). What the server
//! refuses for good is kept as refused; everything else is tried again with growing pauses for three days.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures::{StreamExt as _, TryStreamExt as _};
use tillsight_correlate::sql::Engine;
use tillsight_schemas::error::chain;
use tillsight_schemas::metric;
use tillsight_schemas::review::Disposition;
use tillsight_schemas::store::Store;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::changes::Content;
use super::mail::{Envelope, Made, address};
use super::mail_html::Buttons;
use super::schedule::{due, due_days, next_look};
use super::{Asked, MailError, Mailer, Reader, ReportError, Reporter};
use crate::config::{Config, Mail, Recipient, RecipientRole};
use crate::db::{Audit, Db, DbError, DirectAudit, Ended, LINK_HOLDS, MailKey, MailState, ReportMail};
use crate::run::clock;

/// How often it is looked whether something is due.
const EVERY: Duration = Duration::from_secs(20);
/// Attempts of one mail; with pauses of an hour at most they take three days.
const ATTEMPTS: i64 = 77;
/// Reports that are held against late data in one round.
const LOOKS: u32 = 100;

/// Why the post stands still.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PostError {
    /// The database does not work.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A report cannot be made.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A mail cannot be sent.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// Nobody gets the report.
    #[error("{0}")]
    Nobody(String),
    /// The work was broken off.
    #[error("the work was broken off")]
    Broken(#[from] tokio::task::JoinError),
}

/// Sends reports.
pub(crate) struct Post {
    reporter: Reporter,
    mailer: Mailer,
    audit: DirectAudit,
    /// A mail that has begun is finished, then nothing more is taken.
    stop: CancellationToken,
}

/// A report that was just made, with whom and what it is for: the next recipient mostly gets the same.
struct Last {
    key: (String, NaiveDate, Reader, String),
    made: Arc<Made>,
    content: Content,
}

impl Post {
    /// A post that sends what this reporter makes.
    pub(super) fn new(reporter: Reporter, mailer: Mailer, audit: DirectAudit, stop: CancellationToken) -> Self {
        Self { reporter, mailer, audit, stop }
    }

    /// Notes what is due and not known yet, oldest day first.
    pub(crate) async fn plan(&self, known: &mut Known) -> Result<(), PostError> {
        let now = self.reporter.clock.now();
        for store in self.reporter.shops.iter() {
            for recipient in self.reporter.recipients.iter().filter(|one| one.gets(store)) {
                let seen = known.0.entry((store.key().to_string(), recipient.email.clone())).or_default();
                let days: Vec<_> =
                    due_days(store, now).filter(|(day, _)| seen.is_none_or(|seen| *day > seen)).collect();
                let Some((newest, _)) = days.last().copied() else {
                    if seen.is_none() {
                        self.reporter.db.report_since(&store.tenant, &store.id, &recipient.email).await?;
                    }
                    continue;
                };
                let since = self.reporter.db.report_since(&store.tenant, &store.id, &recipient.email).await?;
                for (day, at) in days.into_iter().filter(|(_, at)| *at > since) {
                    self.reporter.db.plan_mail(&key(store, day, &recipient.email, 0), at, "[]").await?;
                }
                *seen = Some(newest);
            }
        }
        Ok(())
    }

    /// Holds sent reports against late data, and sends what is to be sent.
    pub(crate) async fn round(&self) -> Result<(), PostError> {
        let db = &self.reporter.db;
        let waiting = db.waiting_mails().await?;
        metrics::gauge!(metric::REPORTS_WAITING).set(f64::from(i32::try_from(waiting).unwrap_or(i32::MAX)));
        let looks = db.mails_to_look_at(LOOKS).await?;
        if waiting == 0 && looks.is_empty() {
            return Ok(());
        }
        db.forget_links(self.reporter.clock.now() - LINK_HOLDS).await?;
        let engine = self.reporter.engine().await?;
        for mail in &looks {
            self.look_again(&engine, mail).await?;
        }
        // One sets pages while the other asks for numbers.
        futures::future::try_join(self.send_all(&engine), self.send_all(&engine)).await?;
        let waiting = db.waiting_mails().await?;
        metrics::gauge!(metric::REPORTS_WAITING).set(f64::from(i32::try_from(waiting).unwrap_or(i32::MAX)));
        Ok(())
    }

    async fn send_all(&self, engine: &Engine) -> Result<(), PostError> {
        let (claim, mut last) = (Uuid::new_v4(), None);
        while !self.stop.is_cancelled() {
            let Some(mail) = self.reporter.db.claim_mail(claim).await? else { break };
            self.handle(engine, &mail, claim, &mut last).await?;
        }
        Ok(())
    }

    /// Store and recipient of a mail, if both are still set up.
    fn parties(&self, key: &MailKey) -> Option<(&Store, &Recipient)> {
        let store = self.reporter.shops.iter().find(|store| store.tenant == key.tenant && store.id == key.store)?;
        let recipient = self.reporter.recipients.iter().find(|one| one.email == key.recipient && one.gets(store))?;
        Some((store, recipient))
    }

    /// As whom a recipient reads the report of a store.
    async fn reader(&self, store: &Store, recipient: &Recipient) -> Result<Reader, PostError> {
        // Mail may leave before any process has started with this configuration.
        self.reporter.db.name_recipients(&self.reporter.recipients).await?;
        let insiders = self.reporter.db.insiders(&store.tenant).await?;
        Ok(Reader::of(&insiders.recipient(recipient), store, recipient.pictures))
    }

    /// Writes again about a report that late data has changed.
    async fn look_again(&self, engine: &Engine, mail: &ReportMail) -> Result<(), PostError> {
        let next = next_look(mail.due_at, self.reporter.clock.now());
        let before = mail.content.as_ref().and_then(|content| serde_json::from_str::<Content>(content).ok());
        let (Some((store, recipient)), Some(before)) = (self.parties(&mail.key), before) else {
            return Ok(self.reporter.db.looked_at_mail(&mail.key, None).await?);
        };
        let reader = Reader { pictures: false, ..self.reader(store, recipient).await? };
        let asked = Asked { store, day: mail.key.day, until: Some(mail.due_at), reader: &reader };
        let report = self.reporter.build(engine, asked, false).await?.report;
        let changes = Content::of(&report).since(&before, &report);
        if changes.is_empty() {
            return Ok(self.reporter.db.looked_at_mail(&mail.key, next).await?);
        }
        let revised = MailKey { revision: mail.key.revision + 1, ..mail.key.clone() };
        let changes = serde_json::to_string(&changes).map_err(ReportError::from)?;
        self.reporter.db.plan_mail(&revised, mail.due_at, &changes).await?;
        Ok(self.reporter.db.looked_at_mail(&mail.key, None).await?)
    }

    /// Sends a mail that is ours, and notes what became of it.
    async fn handle(
        &self,
        engine: &Engine,
        mail: &ReportMail,
        claim: Uuid,
        last: &mut Option<Last>,
    ) -> Result<(), PostError> {
        let (db, now) = (&self.reporter.db, self.reporter.clock.now());
        let ended = |state, content, look_at, said| Ended { state, content, look_at, said };
        let Some((store, recipient)) = self.parties(&mail.key) else {
            let said = "the recipient is not set up any more".to_owned();
            count("given_up");
            return Ok(db.end_mail(&mail.key, claim, &ended(MailState::GivenUp, None, None, said)).await?);
        };
        let id = mail.key.id();
        let sent = async {
            let (made, content) = self.made(engine, mail, store, recipient, last).await?;
            let message = self.message(&made, mail, recipient, &id).await?;
            if !db.hold_mail(&mail.key, claim).await? {
                return Ok(None);
            }
            Ok::<_, PostError>(Some((self.mailer.send(message).await?, content)))
        };
        match sent.await {
            Ok(None) => tracing::warn!(mail = %id, "another process sends this report"),
            Ok(Some((said, content))) => {
                tracing::info!(mail = %id, said, "a report was sent");
                count("sent");
                let content = serde_json::to_string(&content).map_err(ReportError::from)?;
                let look_at = next_look(mail.due_at, now);
                db.end_mail(&mail.key, claim, &ended(MailState::Sent, Some(content), look_at, said)).await?;
            }
            Err(PostError::Mail(error @ (MailError::Refused(_) | MailError::Address { .. }))) => {
                tracing::error!(mail = %id, error = %chain(&error), "a report was refused for good");
                count("refused");
                db.end_mail(&mail.key, claim, &ended(MailState::Refused, None, None, chain(&error))).await?;
            }
            Err(error) if mail.attempts + 1 >= ATTEMPTS => {
                tracing::error!(mail = %id, error = %chain(&error), "a report is given up");
                count("given_up");
                db.end_mail(&mail.key, claim, &ended(MailState::GivenUp, None, None, chain(&error))).await?;
            }
            Err(error) => {
                tracing::warn!(mail = %id, error = %chain(&error), "a report is tried again");
                count("again");
                let next = self.reporter.clock.now() + pause(mail.attempts);
                db.try_mail_again(&mail.key, claim, next, &chain(&error)).await?;
            }
        }
        Ok(())
    }

    /// The report of a mail, made or the one that was just made.
    async fn made(
        &self,
        engine: &Engine,
        mail: &ReportMail,
        store: &Store,
        recipient: &Recipient,
        last: &mut Option<Last>,
    ) -> Result<(Arc<Made>, Content), PostError> {
        let reader = self.reader(store, recipient).await?;
        let key = (store.key().to_string(), mail.key.day, reader.clone(), mail.changes.clone());
        if let Some(last) = last.as_ref().filter(|last| last.key == key) {
            return Ok((Arc::clone(&last.made), last.content.clone()));
        }
        let asked = Asked { store, day: mail.key.day, until: Some(mail.due_at), reader: &reader };
        let illustrated = self.reporter.build(engine, asked, reader.pictures).await?;
        let content = Content::of(&illustrated.report);
        let changes: Vec<String> = serde_json::from_str(&mail.changes).map_err(ReportError::from)?;
        let made = Arc::new(tokio::task::spawn_blocking(move || Made::of(illustrated, &changes)).await??);
        *last = Some(Last { key, made: Arc::clone(&made), content: content.clone() });
        Ok((made, content))
    }

    /// What is known of a mail.
    async fn row(&self, key: &MailKey) -> Result<Option<ReportMail>, PostError> {
        let rows = self.reporter.db.mails_of_day(&key.tenant, &key.store, key.day).await?;
        Ok(rows.into_iter().find(|mail| mail.key == *key))
    }

    /// The message to a recipient, with links of their own; who gets pictures of cameras is noted first.
    async fn message(
        &self,
        made: &Made,
        mail: &ReportMail,
        recipient: &Recipient,
        id: &str,
    ) -> Result<lettre::Message, PostError> {
        let mut buttons = Vec::new();
        for open in made.open() {
            buttons.push(match open.filter(|_| recipient.role == RecipientRole::Manager) {
                Some(alert) => Some(Buttons {
                    explained: self.link(recipient, alert, Disposition::Explained).await?,
                    look_at_it: self.link(recipient, alert, Disposition::LookAtIt).await?,
                }),
                None => None,
            });
        }
        if made.stills() > 0 {
            let what =
                format!("{}/{} {}, {} stills by mail", mail.key.tenant, mail.key.store, mail.key.day, made.stills());
            self.audit.note(&recipient.email, "report", what).await?;
        }
        let first = (mail.key.revision > 0).then(|| MailKey { revision: 0, ..mail.key.clone() }.id());
        let envelope =
            Envelope { to: address(&recipient.email)?, id, revises: first, at: self.reporter.clock.now(), buttons };
        Ok(made.message(&self.mailer, &envelope).map_err(MailError::from)?)
    }

    async fn link(&self, recipient: &Recipient, alert: Uuid, action: Disposition) -> Result<String, PostError> {
        let token = self.reporter.db.make_link(&recipient.email, alert, action).await?;
        Ok(format!("{}/r/{token}", self.reporter.address))
    }

    /// Sends the report of a day now, to its recipients or one of them; to those who have it already once more. What
    /// became of each, by recipient.
    async fn send_now(
        &self,
        engine: &Engine,
        store: &Store,
        day: NaiveDate,
        to: Option<&str>,
    ) -> Result<Vec<(String, String)>, PostError> {
        let all: Vec<&Recipient> = self.reporter.recipients.iter().filter(|one| one.gets(store)).collect();
        let chosen: Vec<&Recipient> = all.iter().copied().filter(|one| to.is_none_or(|to| one.email == to)).collect();
        if chosen.is_empty() {
            let known: Vec<&str> = all.iter().map(|one| one.email.as_str()).collect();
            let known = if known.is_empty() { "nobody".to_owned() } else { known.join(", ") };
            return Err(PostError::Nobody(format!(
                "the report of store {} goes to {known}: name one of them, or add a [[report.recipient]]",
                store.id
            )));
        }
        let now = self.reporter.clock.now();
        let today = store.business_day(now);
        if day > today {
            return Err(ReportError::Future { day, store: store.name.clone(), today }.into());
        }
        let due_at = due(store, day).unwrap_or(now);
        let (db, claim, mut last, mut said) = (&self.reporter.db, Uuid::new_v4(), None, Vec::new());
        for recipient in chosen {
            let key = key(store, day, &recipient.email, 0);
            // Before it is due it leaves without a row: the report of the whole day is yet to come.
            let mut ours = false;
            if due_at <= now {
                db.plan_mail(&key, due_at, "[]").await?;
                ours = db.claim_this_mail(&key, claim).await?;
            }
            let row = self.row(&key).await?;
            let outcome = match &row {
                Some(mail) if ours => {
                    self.handle(engine, mail, claim, &mut last).await?;
                    self.row(&key).await?.as_ref().map(words).unwrap_or_default()
                }
                Some(mail) if mail.state == MailState::Waiting => "another process sends it at this moment".to_owned(),
                _ => {
                    let mail = row.unwrap_or_else(|| unrecorded(key.clone(), due_at));
                    let (made, _) = self.made(engine, &mail, store, recipient, &mut last).await?;
                    let message = self.message(&made, &mail, recipient, &format!("{}/{claim}", key.id())).await?;
                    let when = if due_at <= now { "once more" } else { "ahead of its time" };
                    format!("{when}: {}", self.mailer.send(message).await?)
                }
            };
            said.push((recipient.email.clone(), outcome));
        }
        Ok(said)
    }
}

/// Sends what is due until `stop`, by the reporter of the moment: stores may be set up meanwhile. A password or certificate
/// that cannot be had is tried again: it stops nothing else.
pub(crate) async fn run(
    reporter: impl Fn() -> Reporter + Send + Sync + 'static,
    mail: Mail,
    audit: DirectAudit,
    stop: CancellationToken,
) {
    let (mut known, mut mailer) = (Known::default(), None);
    while !stop.is_cancelled() {
        let round = async {
            let server = match mailer.take() {
                Some(server) => server,
                None => Mailer::new(&mail)?,
            };
            let server: Mailer = mailer.insert(server).clone();
            let post = Post::new(reporter(), server, audit.clone(), stop.clone());
            post.plan(&mut known).await?;
            post.round().await
        };
        if let Err(error) = round.await {
            tracing::error!(error = %chain(&error), "reports wait");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Sends the reports of a day now, by the configuration: of these stores, to all of their recipients or to one. What became
/// of each, by store and recipient; yesterday's by the store's clock when no day is given.
///
/// # Errors
/// When there is no mail server, nobody gets the report, or the lake cannot be read.
pub async fn send_now(
    config: &Config,
    stores: &[&Store],
    day: Option<NaiveDate>,
    to: Option<&str>,
) -> Result<Vec<(String, String, String)>, Box<dyn std::error::Error + Send + Sync>> {
    let mail =
        config.mail.as_ref().ok_or("the configuration has no [mail]: docs/reports.md says what belongs there")?;
    let db = Db::open(&config.database(), clock()).await?.sending(config.alerts.clone());
    let audit = Audit::direct(&config.data.dir, clock()).await?;
    let post = Post::new(Reporter::of(config, db), Mailer::new(mail)?, audit, CancellationToken::new());
    let engine = post.reporter.engine().await?;
    let sent = stores.iter().map(|store| {
        let (post, engine) = (&post, &engine);
        async move {
            let today = store.business_day(post.reporter.clock.now());
            let day = day.or_else(|| today.pred_opt()).unwrap_or(today);
            let said = post.send_now(engine, store, day, to).await?;
            Ok::<_, PostError>(
                said.into_iter().map(move |(to, outcome)| (format!("{} {day}", store.name), to, outcome)),
            )
        }
    });
    let said: Vec<_> = futures::stream::iter(sent).buffered(2).try_collect().await?;
    Ok(said.into_iter().flatten().collect())
}

/// A mail that has no row.
fn unrecorded(key: MailKey, due_at: DateTime<Utc>) -> ReportMail {
    let (state, changes) = (MailState::Waiting, "[]".to_owned());
    ReportMail { key, due_at, state, attempts: 0, changes, content: None, ended_at: None, said: None }
}

/// Up to which day each recipient of each store is planned.
#[derive(Debug, Default)]
pub(crate) struct Known(std::collections::BTreeMap<(String, String), Option<NaiveDate>>);

fn key(store: &Store, day: NaiveDate, recipient: &str, revision: i64) -> MailKey {
    MailKey { tenant: store.tenant.clone(), store: store.id.clone(), day, recipient: recipient.to_owned(), revision }
}

/// A minute after the first failure, then twice as long each time, an hour at most.
fn pause(attempts: i64) -> TimeDelta {
    TimeDelta::minutes(1 << attempts.clamp(0, 6)).min(TimeDelta::hours(1))
}

fn words(mail: &ReportMail) -> String {
    let said = mail.said.as_deref().unwrap_or_default();
    match mail.state {
        MailState::Waiting => format!("to be tried again: {said}"),
        state => format!("{}: {said}", state.as_str().replace('_', " ")),
    }
}

fn count(outcome: &'static str) {
    metrics::counter!(metric::REPORTS_SENT, "outcome" => outcome).increment(1);
}
