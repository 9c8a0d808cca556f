//! A report as a mail, and the mail server that takes it.
//!
//! The message has text and HTML beside each other, the HTML's pictures, the table and the PDF. Its id is a function of what
//! it is about: should it ever be sent twice (the acknowledgement of a server was lost), both have the same one.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use sha2::{Digest, Sha256};
use tillsight_schemas::error::chain;

use super::chart::{Chart, charts};
use super::letter::Letter;
use super::mail_html::{self, Buttons};
use super::{Illustrated, ReportError, csv, pdf, text};
use crate::config::{Mail, MailTls};

/// How long one answer of the server may take, and all of them together.
const PATIENCE: Duration = Duration::from_secs(60);
const ALL_PATIENCE: Duration = Duration::from_secs(150);
/// Answers about who signs in (RFC 4954): permanent by their number, but somebody will put the password right.
const SIGNING_IN: [&str; 4] = ["530", "534", "535", "538"];

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MailError {
    /// The password cannot be read.
    #[error("cannot read the password of the mail server from {}", file.display())]
    Password {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An address is none.
    #[error("{address:?} is no e-mail address")]
    Address {
        /// The address.
        address: String,
        /// Why.
        source: lettre::address::AddressError,
    },
    /// The connection cannot be protected.
    #[error("TLS to the mail server cannot be set up")]
    Tls(#[source] lettre::transport::smtp::Error),
    /// The message cannot be put together.
    #[error("the message cannot be put together")]
    Message(#[from] lettre::error::Error),
    /// The server does not take it, now or later.
    #[error("the mail server refuses it: {0}")]
    Refused(String),
    /// The server did not take it this time.
    #[error("the mail server did not take it: {0}")]
    Later(String),
}

/// The mail server.
#[derive(Debug, Clone)]
pub(crate) struct Mailer {
    server: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// Reads an address.
pub(super) fn address(text: &str) -> Result<Mailbox, MailError> {
    text.parse().map_err(|source| MailError::Address { address: text.to_owned(), source })
}

impl Mailer {
    /// The server of a configuration.
    ///
    /// # Errors
    /// [`MailError`] when its password or its TLS cannot be had.
    pub(crate) fn new(config: &Mail) -> Result<Self, MailError> {
        let tls = || TlsParameters::new(config.host.clone()).map_err(MailError::Tls);
        let tls = match config.tls {
            MailTls::StartTls => Tls::Required(tls()?),
            MailTls::Tls => Tls::Wrapper(tls()?),
            MailTls::None => Tls::None,
        };
        let mut server = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host)
            .port(config.port())
            .tls(tls)
            .timeout(Some(PATIENCE));
        if let (Some(name), Some(file)) = (&config.username, &config.password_file) {
            let password =
                std::fs::read_to_string(file).map_err(|source| MailError::Password { file: file.clone(), source })?;
            server = server.credentials(Credentials::new(name.clone(), password.trim_end().to_owned()));
        }
        Ok(Self { server: server.build(), from: address(&config.from)? })
    }

    /// Sends a message; what the server said.
    ///
    /// # Errors
    /// [`MailError::Refused`] or [`MailError::Later`].
    pub(crate) async fn send(&self, message: Message) -> Result<String, MailError> {
        let late = || MailError::Later(format!("no answer within {} s", ALL_PATIENCE.as_secs()));
        let said = tokio::time::timeout(ALL_PATIENCE, self.server.send(message)).await.map_err(|_| late())?;
        match said {
            Ok(said) => {
                let code = said.code();
                Ok(format!("{code} {}", said.message().collect::<Vec<_>>().join(" ")))
            }
            Err(error) => {
                let code = error.status().map(|code| code.to_string());
                let signing_in = code.is_some_and(|code| SIGNING_IN.contains(&code.as_str()));
                let words = chain(&error);
                Err(if error.is_permanent() && !signing_in {
                    MailError::Refused(words)
                } else {
                    MailError::Later(words)
                })
            }
        }
    }

    /// Whether the server answers and lets us in.
    ///
    /// # Errors
    /// Why not, in words.
    pub(crate) async fn answers(&self) -> Result<(), String> {
        match self.server.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err("it closes the connection".to_owned()),
            Err(error) => Err(chain(&error)),
        }
    }

    /// A message that says that mail works.
    ///
    /// # Errors
    /// [`MailError::Address`] or [`MailError::Message`].
    pub(crate) fn trial(&self, to: &str, at: DateTime<Utc>) -> Result<Message, MailError> {
        let text = "This is the trial of `tillsight report send --test`. Daily reports will come from this address.\n"
            .to_owned();
        self.plain(&[to.to_owned()], at, "Tillsight can send mail", text)
    }

    /// A message of nothing but text.
    ///
    /// # Errors
    /// [`MailError::Address`] or [`MailError::Message`].
    pub(crate) fn plain(
        &self,
        to: &[String],
        at: DateTime<Utc>,
        subject: &str,
        text: String,
    ) -> Result<Message, MailError> {
        let mut message = Message::builder().from(self.from.clone()).date(at.into()).message_id(None).subject(subject);
        for each in to {
            message = message.to(address(each)?);
        }
        Ok(message.singlepart(SinglePart::plain(text))?)
    }
}

/// A report with all that its mails carry.
pub(super) struct Made {
    letter: Letter,
    /// Charts as they are drawn and as PNG.
    charts: Vec<(Chart, Vec<u8>)>,
    pictures: Vec<Option<Vec<u8>>>,
    table: Vec<u8>,
    pdf: Vec<u8>,
    /// How its files are called, without their ending.
    file: String,
}

/// What makes a mail one of many of the same report.
pub(super) struct Envelope<'a> {
    pub(super) to: Mailbox,
    /// What it is about: the id of the message is made of it.
    pub(super) id: &'a str,
    /// The same of the report that it revises.
    pub(super) revises: Option<String>,
    pub(super) at: DateTime<Utc>,
    /// The one-time links of each exception.
    pub(super) buttons: Vec<Option<Buttons>>,
}

impl Made {
    /// Makes everything but the message; work for a processor.
    ///
    /// # Errors
    /// [`ReportError`], which is a defect.
    pub(super) fn of(mut of: Illustrated, changes: &[String]) -> Result<Self, ReportError> {
        of.report.restated |= !changes.is_empty();
        let letter = Letter::of(&of, changes);
        let drawn = charts(&of.report);
        let pdf = pdf::document(&letter, &drawn, &of.pictures)?;
        let table = csv::table(&of.report)?;
        let charts = drawn.into_iter().map(|chart| chart.png().map(|png| (chart, png))).collect::<Result<_, _>>()?;
        let file = format!("tillsight-{}-{}", of.report.store.id, of.report.business_day);
        Ok(Self { letter, charts, pictures: of.pictures, table, pdf, file })
    }

    /// The exceptions that may still be explained.
    pub(super) fn open(&self) -> impl Iterator<Item = Option<uuid::Uuid>> {
        self.letter.items.iter().map(|item| item.open.then_some(item.id))
    }

    /// Whether pictures of cameras are in it.
    pub(super) fn stills(&self) -> usize {
        self.pictures.iter().flatten().count()
    }

    /// The message.
    ///
    /// # Errors
    /// [`lettre::error::Error`].
    pub(super) fn message(&self, mailer: &Mailer, envelope: &Envelope<'_>) -> Result<Message, lettre::error::Error> {
        let name = short(envelope.id);
        let host = mailer.from.email.domain();
        let still = |n: usize| format!("still-{n}.{name}@{host}");
        let cids: Vec<Option<String>> =
            self.pictures.iter().enumerate().map(|(n, picture)| picture.as_ref().map(|_| still(n))).collect();
        let charts: Vec<(Chart, String)> =
            (self.charts.iter()).map(|(chart, _)| (chart.clone(), format!("{}.{name}@{host}", chart.name))).collect();
        let plain = text::text(&self.letter, &envelope.buttons);
        let html = mail_html::page(&self.letter, &cids, &charts, &envelope.buttons);

        let kind = |text: &str| ContentType::parse(text).unwrap_or(ContentType::TEXT_PLAIN);
        let mut related = MultiPart::related().boundary(format!("related-{name}")).singlepart(SinglePart::html(html));
        for (cid, picture) in cids.into_iter().zip(&self.pictures) {
            if let (Some(cid), Some(picture)) = (cid, picture) {
                related = related.singlepart(Attachment::new_inline(cid).body(picture.clone(), kind("image/jpeg")));
            }
        }
        for ((_, cid), (_, png)) in charts.into_iter().zip(&self.charts) {
            related = related.singlepart(Attachment::new_inline(cid).body(png.clone(), kind("image/png")));
        }
        let both = MultiPart::alternative()
            .boundary(format!("both-{name}"))
            .singlepart(SinglePart::plain(plain))
            .multipart(related);
        let file = |ending: &str| Attachment::new(format!("{}.{ending}", self.file));
        let whole = MultiPart::mixed()
            .boundary(format!("whole-{name}"))
            .multipart(both)
            .singlepart(file("pdf").body(self.pdf.clone(), kind("application/pdf")))
            .singlepart(file("csv").body(self.table.clone(), kind("text/csv; charset=utf-8")));

        let revised = if self.letter.changes.is_empty() { "" } else { "Revised: " };
        let mut message = Message::builder()
            .from(mailer.from.clone())
            .to(envelope.to.clone())
            .date(envelope.at.into())
            .subject(format!("{revised}{}: {}", self.letter.title(), self.letter.heading))
            .message_id(Some(message_id(envelope.id, host)))
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        if let Some(revises) = &envelope.revises {
            let first = message_id(revises, host);
            message = message.in_reply_to(first.clone()).references(first);
        }
        message.multipart(whole)
    }
}

/// The id of the message about this.
fn message_id(about: &str, host: &str) -> String {
    format!("<{}@{host}>", short(about))
}

fn short(about: &str) -> String {
    Sha256::digest(about.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::letter::sample;
    use super::*;

    fn mailer() -> Mailer {
        let config = "host = \"127.0.0.1\"\ntls = \"none\"\nfrom = \"Tillsight <reports@example.com>\"";
        Mailer::new(&toml::from_str(config).unwrap()).unwrap()
    }

    fn message(changes: &[String]) -> String {
        let made = Made::of(sample(), changes).unwrap();
        let buttons = Buttons { explained: "https://x/r/1".into(), look_at_it: "https://x/r/2".into() };
        let envelope = Envelope {
            to: address("Maria <maria@example.com>").unwrap(),
            id: "acme/17/2026-11-21/0/maria@example.com",
            revises: None,
            at: "2026-11-22T03:30:05Z".parse().unwrap(),
            buttons: made.open().map(|open| open.map(|_| buttons.clone())).collect(),
        };
        String::from_utf8_lossy(&made.message(&mailer(), &envelope).unwrap().formatted()).into_owned()
    }

    #[tokio::test]
    async fn a_mail_about_the_same_is_the_same_mail() {
        let first = message(&[]);
        assert_eq!(first, message(&[]));
        for wanted in
            ["multipart/alternative", "Content-ID: <still-0.", "application/pdf", "Auto-Submitted: auto-generated"]
        {
            assert!(first.contains(wanted), "{wanted}");
        }
        assert!(message(&["Refunds: 11, before 10".to_owned()]).contains("Subject: Revised: "));
    }

    #[tokio::test]
    async fn text_and_html_say_the_same_and_the_html_is_short_and_loads_nothing() {
        let made = Made::of(sample(), &[]).unwrap();
        let plain = text::text(&made.letter, &[None, None]);
        let html = mail_html::page(&made.letter, &[None, None], &[], &[None, None]);
        for wanted in ["2 exceptions, $91.00 at stake", "Refund with nobody", "99.2 %", "end of the PDF", "and 3 more"]
        {
            assert!(plain.contains(wanted) && html.contains(wanted), "{wanted}");
        }
        assert!(
            html.len() < 60_000 && !html.contains("<script") && !html.contains("<link") && !html.contains("SELECT")
        );
        assert!(html.contains("prefers-color-scheme: dark") && html.contains(r#"name="color-scheme""#));
        assert!(html.contains("&lt;script&gt;") && html.contains("max-width:600px"));
    }
}
