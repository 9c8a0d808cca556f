//! Reports as their readers get them: routed by subject, sent once, sent again when late data comes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use serde_json::json;
use tempfile::TempDir;
use tillsight_correlate::lake::{ArchiveConfig, Archiver, MemoryLog};
use tillsight_ingest::bus::{Connection, WindowReader};
use tillsight_schemas::alert::Alert;
use tillsight_schemas::judgement::{Judgement, Outcome};
use tillsight_schemas::port::{Epoch, EpochStore as _, Judged, Partition};
use tillsight_schemas::pos::{Kind, PostedTransaction};
use tillsight_schemas::wire::avro;
use tillsight_schemas::{Clock as _, ReplayClock, topic};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::post::{Known, Post};
use super::*;
use crate::config::Config;
use crate::db::{Audit, MailState};

const MARIA: &str = "maria@example.com";
const LENA: &str = "lena@example.com";
const DAY: &str = "2026-11-21";

/// A mail server that keeps what it gets. It refuses people whose address begins with `gone`, and is busy while told so.
struct MailServer {
    port: u16,
    mails: Arc<Mutex<Vec<(String, String)>>>,
    busy: Arc<Mutex<bool>>,
    _tasks: JoinSet<()>,
}

impl MailServer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (mails, busy) = (Arc::default(), Arc::default());
        let mut tasks = JoinSet::new();
        let (kept, is_busy) = (Arc::clone(&mails), Arc::clone(&busy));
        tasks.spawn(async move {
            let mut talks = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                talks.spawn(talk(stream, Arc::clone(&kept), Arc::clone(&is_busy)));
            }
        });
        Self { port, mails, busy, _tasks: tasks }
    }

    /// To whom mails came since the last question, in order, with their text.
    fn take(&self) -> Vec<(String, String)> {
        let mut mails = std::mem::take(&mut *self.mails.lock().unwrap());
        mails.sort();
        mails
    }
}

async fn talk(stream: TcpStream, mails: Arc<Mutex<Vec<(String, String)>>>, busy: Arc<Mutex<bool>>) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 here\r\n").await.unwrap();
    let mut to = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        let answer = match line.get(..4).unwrap_or_default() {
            "RCPT" if line.contains("<gone") => "550 5.1.1 no such person",
            "RCPT" if *busy.lock().unwrap() => "451 4.3.2 busy",
            "RCPT" => {
                to = line.trim_start_matches("RCPT TO:<").split('>').next().unwrap_or_default().to_owned();
                "250 ok"
            }
            "DATA" => {
                write.write_all(b"354 go on\r\n").await.unwrap();
                let mut text = String::new();
                while let Ok(Some(line)) = lines.next_line().await {
                    if line == "." {
                        break;
                    }
                    text.push_str(&line);
                    text.push('\n');
                }
                mails.lock().unwrap().push((to.clone(), text));
                "250 kept"
            }
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        if write.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

/// A shop whose manager Maria works at the till as 1042, with Lena for loss prevention.
struct Office {
    dir: TempDir,
    clock: ReplayClock,
    config: Config,
    server: MailServer,
    db: Db,
}

impl Office {
    async fn open(more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ReplayClock::at("2026-11-21T18:00:00Z".parse().unwrap());
        let server = MailServer::start().await;
        let config = format!(
            "[mail]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nfrom = \"reports@example.com\"\n\
             [[store]]\ntenant = \"acme\"\nid = \"17\"\nname = \"Kiosk\"\ntz = \"America/Chicago\"\ncurrency = \"USD\"\n\
             closes = \"21:00:00\"\n\
             [[report.recipient]]\nemail = \"{MARIA}\"\ntenant = \"acme\"\nstores = [\"17\"]\nrole = \"manager\"\n\
             operators = [\"1042\"]\n\
             [[report.recipient]]\nemail = \"{LENA}\"\ntenant = \"acme\"\nrole = \"loss_prevention\"\n{more}",
            server.port
        );
        let config: Config = toml::from_str(&config).unwrap();
        assert!(config.problems().is_empty(), "{:?}", config.problems());
        let db = Db::in_dir(dir.path(), Arc::new(clock.clone())).await.unwrap();
        db.name_recipients(&config.report.recipients).await.unwrap();
        Self { dir, clock, config, server, db }
    }

    fn reporter(&self) -> Reporter {
        Reporter {
            clock: Arc::new(self.clock.clone()),
            windows: WindowReader::new(&Connection::local(1)),
            lake: self.dir.path().join("lake"),
            address: "https://tillsight.example".to_owned(),
            ..Reporter::of(&self.config, self.db.clone())
        }
    }

    async fn post(&self) -> Post {
        let audit = Audit::direct(self.dir.path(), Arc::new(self.clock.clone())).await.unwrap();
        let mailer = Mailer::new(self.config.mail.as_ref().unwrap()).unwrap();
        Post::new(self.reporter(), mailer, audit, CancellationToken::new())
    }

    /// One look of a process that has just been started.
    async fn look(&self) -> Vec<String> {
        let post = self.post().await;
        post.plan(&mut Known::default()).await.unwrap();
        post.round().await.unwrap();
        self.server.take().into_iter().map(|(to, _)| to).collect()
    }

    fn at(&self, instant: &str) -> DateTime<Utc> {
        self.clock.set(instant.parse().unwrap());
        self.clock.now()
    }

    /// Archives the day's transactions, numbered from `first`, with what a rule made of each.
    async fn archive(&self, first: i64, operators: &[&str]) {
        let log = MemoryLog::new(topic::POS_TRANSACTION, 1).and(topic::JUDGEMENT, 1);
        for (number, operator) in (first..).zip(operators) {
            let posted = transaction(number, operator);
            let mut judgement: Judgement =
                serde_json::from_str(include_str!("../../../schemas/samples/v1/judgement.json")).unwrap();
            judgement.judgement_id = Uuid::from_u128(0x2_0000 + u128::try_from(number).unwrap());
            judgement.anchor_event_id = posted.header.event_id;
            judgement.operator_id = posted.transaction.operator_id.clone();
            judgement.event_time = posted.header.event_time;
            (judgement.outcome, judgement.why) = (Outcome::Indeterminate, "camera_blind".to_owned());
            log.append_to(topic::POS_TRANSACTION, avro::encode(&[posted]).unwrap().remove(0));
            log.append_to(topic::JUDGEMENT, avro::encode(&[judgement]).unwrap().remove(0));
        }
        let lake = tempfile::tempdir_in(self.dir.path()).unwrap().keep();
        let config = ArchiveConfig::new(&lake);
        let mut archiver = Archiver::open(config, Box::new(log.reader()), Arc::new(self.clock.clone())).await.unwrap();
        while archiver.step(Duration::from_millis(1)).await.unwrap() > 0 {}
        archiver.commit().await.unwrap();
        let here = self.dir.path().join("lake");
        std::fs::remove_dir_all(&here).ok();
        std::fs::rename(lake, here).unwrap();
    }

    /// Raises an alert about a transaction, as the engine would.
    async fn raise(&self, number: i64, operator: &str, supervisor: Option<&str>) -> Uuid {
        let mut posted = transaction(number, operator);
        posted.transaction.supervisor_id = supervisor.map(|id| id.parse().unwrap());
        let id = Uuid::from_u128(0x3_0000 + u128::try_from(number).unwrap());
        let mut alert: Alert = serde_json::from_str(include_str!("../../../schemas/samples/v1/alert.json")).unwrap();
        (alert.alert_id, alert.anchor_event_id) = (id, posted.header.event_id);
        alert.event_ids = vec![alert.anchor_event_id];
        alert.operator_id = posted.transaction.operator_id.clone();
        alert.business_day = Some(DAY.parse().unwrap());
        alert.evidence = Vec::new();
        let mut judgement: Judgement =
            serde_json::from_str(include_str!("../../../schemas/samples/v1/judgement.json")).unwrap();
        judgement.judgement_id = id;
        let partition = Partition::new("engine", 0);
        let fence = self.db.take(&partition).await.unwrap().fence;
        let events = vec![(alert.anchor_event_id, serde_json::to_string(&posted).unwrap())];
        let judged = vec![Judged { judgement, alert: Some(alert), events, shadow: false }];
        self.db
            .commit_epoch(&Epoch { partition, fence, checkpoint: String::new(), judged, outgoing: Vec::new() })
            .await
            .unwrap();
        id
    }

    /// All that a recipient gets of the day, in every form.
    async fn forms(&self, recipient: usize) -> Vec<Vec<u8>> {
        let store = &self.config.stores[0];
        let recipient = &self.config.report.recipients[recipient];
        let insiders = self.db.insiders(&store.tenant).await.unwrap();
        let reader = Reader::of(&insiders.recipient(recipient), store, recipient.pictures);
        let asked = Asked { store, day: DAY.parse().unwrap(), until: None, reader: &reader };
        let of = self.reporter().illustrated(asked).await.unwrap();
        let letter = Letter::of(&of, &[]);
        let buttons = vec![None; letter.items.len()];
        let mut forms: Vec<Vec<u8>> =
            [Format::Json, Format::Csv, Format::Html, Format::Pdf].map(|format| of.file(format).unwrap()).into();
        forms.push(text::text(&letter, &buttons).into_bytes());
        forms.push(mail_html::page(&letter, &[], &[], &buttons).into_bytes());
        forms.extend(chart::charts(&of.report).iter().map(|chart| chart.png().unwrap()));
        forms
    }
}

/// The `number`th transaction of the day: every third is a return. From the hundredth on they come a day late.
fn transaction(number: i64, operator: &str) -> PostedTransaction {
    let mut posted: PostedTransaction =
        serde_json::from_str(include_str!("../../../schemas/samples/v1/posted_transaction.json")).unwrap();
    posted.header.event_id = Uuid::from_u128(0x1_0000 + u128::try_from(number).unwrap());
    posted.header.tenant_id = "acme".parse().unwrap();
    posted.header.event_time = "2026-11-21T17:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(number);
    posted.header.received_at = posted.header.event_time + TimeDelta::days(number / 100);
    posted.header.landing_offset = number;
    let of = &mut posted.transaction;
    (of.store_id, of.sequence_no) = ("17".parse().unwrap(), Some(number));
    (of.kind, of.business_day) = (if number % 3 == 0 { Kind::Return } else { Kind::Sale }, Some(DAY.parse().unwrap()));
    (of.operator_id, of.supervisor_id) = (Some(operator.parse().unwrap()), None);
    of.lines.iter_mut().for_each(|line| line.price_override = None);
    posted
}

#[tokio::test]
async fn a_manager_s_report_is_the_same_to_the_byte_whether_there_is_an_alert_about_her_or_not() {
    let office = Office::open("").await;
    office.archive(1, &["1042", "7", "7", "1042", "8"]).await;
    office.at("2026-11-22T03:30:00Z");
    office.raise(2, "7", None).await;
    let (maria, lena) = (office.forms(0).await, office.forms(1).await);
    office.raise(1, "1042", None).await;
    office.raise(3, "7", Some("1042")).await;
    let without = office.forms(0).await;
    assert_eq!(maria.len(), without.len());
    for (form, (before, after)) in maria.iter().zip(&without).enumerate() {
        assert!(before == after, "form {form}: {}", String::from_utf8_lossy(after));
    }
    // She is no part of what could not be judged either, and its SQL says whom it leaves out, always.
    let of_maria: serde_json::Value = serde_json::from_slice(&without[0]).unwrap();
    assert_eq!(of_maria["sight"]["indeterminate"][0]["of"], 3, "{of_maria:#}");
    assert!(of_maria["verdict"]["text"].as_str().unwrap().starts_with("1 exception,"));
    // The totals are those of the till: they do not depend on alerts.
    assert_eq!(of_maria["totals"]["transactions"], 5);

    let of_lena: serde_json::Value = serde_json::from_slice(&office.forms(1).await[0]).unwrap();
    assert_ne!(lena, office.forms(1).await);
    assert_eq!(of_lena["exceptions"].as_array().unwrap().len(), 3);
    assert_eq!(of_lena["sight"]["indeterminate"][0]["of"], 5);
}

#[tokio::test]
async fn a_day_is_sent_once_to_each_at_closing_and_half_an_hour_whoever_looks_and_however_often() {
    let office = Office::open("").await;
    office.archive(1, &["7", "8"]).await;
    let alert = office.raise(2, "8", None).await;
    assert!(office.look().await.is_empty(), "people who are new get no old reports");
    office.at("2026-11-22T03:29:59Z");
    assert!(office.look().await.is_empty());
    office.at("2026-11-22T03:30:00Z");
    let post = [office.post().await, office.post().await];
    for one in &post {
        one.plan(&mut Known::default()).await.unwrap();
    }
    let [first, second] = [post[0].round(), post[1].round()];
    Box::pin(futures::future::try_join(first, second)).await.unwrap();
    let mails = office.server.take();
    assert_eq!(mails.iter().map(|(to, _)| to.as_str()).collect::<Vec<_>>(), [LENA, MARIA]);
    assert!(office.look().await.is_empty(), "a process that was started anew sends nothing");
    // The manager gets the links; what they do is in `http::tests`.
    let plain = |mail: &str| mail.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=");
    assert_eq!(plain(&mails[1].1).matches("https://tillsight.example/r/").count(), 4, "{}", mails[1].1);
    let of_lena = plain(&mails[0].1);
    assert!(!of_lena.contains("tillsight.example/r/") && of_lena.contains(&alert.to_string()), "{of_lena}");

    // A week without anybody running: the last seven days, the newest last.
    office.at("2026-12-03T12:00:00Z");
    assert_eq!(office.look().await.len(), 14);
    assert!(office.look().await.is_empty());
}

#[tokio::test]
async fn late_data_is_told_once_and_what_is_new_about_her_never() {
    let office = Office::open("").await;
    office.archive(1, &["7", "8"]).await;
    office.look().await;
    office.at("2026-11-22T03:30:00Z");
    assert_eq!(office.look().await, [LENA, MARIA]);
    office.raise(1, "1042", None).await;
    office.at("2026-11-23T03:30:00Z");
    let post = office.post().await;
    post.round().await.unwrap();
    let mails = office.server.take();
    assert_eq!(mails.iter().map(|(to, _)| to.as_str()).collect::<Vec<_>>(), [LENA]);
    assert!(mails[0].1.contains("Subject: Revised: Kiosk") && mails[0].1.contains("New exception"), "{}", mails[0].1);
    assert!(mails[0].1.contains("In-Reply-To:"));
    post.round().await.unwrap();
    assert!(office.server.take().is_empty());

    office.archive(1, &["7", "8", "8", "8"]).await;
    office.at("2026-11-24T03:30:00Z");
    office.post().await.round().await.unwrap();
    let mails = office.server.take();
    assert_eq!(mails.len(), 2);
    assert!(mails.iter().all(|(_, text)| text.contains("Transactions: 4, before 2")), "{}", mails[1].1);
    office.at("2026-11-30T03:30:00Z");
    office.post().await.round().await.unwrap();
    assert!(office.server.take().is_empty(), "after some days a report stands");
}

#[tokio::test]
async fn a_report_that_late_records_or_alerts_have_changed_says_so_in_every_form() {
    let office = Office::open("").await;
    // JSON, CSV, HTML, text and mail; the PDF is made of the same letter.
    let said = |forms: Vec<Vec<u8>>| -> Vec<bool> {
        let text = |form: usize| String::from_utf8_lossy(&forms[form]).into_owned();
        let json: serde_json::Value = serde_json::from_str(&text(0)).unwrap();
        let mut said = vec![json["restated"] == true, text(1).contains("\nrestated,")];
        said.extend([2, 4, 5].map(|form| text(form).contains("Restated: it counts what came after it was due")));
        said
    };
    office.archive(98, &["7", "8"]).await;
    office.at("2026-11-24T03:30:00Z");
    assert_eq!(said(office.forms(1).await), [false; 5]);
    office.archive(98, &["7", "8", "7"]).await;
    assert_eq!(said(office.forms(1).await), [true; 5], "number 100 came a day late");
    office.archive(98, &["7", "8"]).await;
    office.raise(98, "1042", None).await;
    assert_eq!(said(office.forms(1).await), [true; 5], "the alert was raised the day after");
    assert_eq!(said(office.forms(0).await), [false; 5], "of which its operator is not told");
}

#[tokio::test]
async fn a_busy_server_is_tried_again_and_a_refusal_is_kept() {
    let more = "[[report.recipient]]\nemail = \"gone@example.com\"\ntenant = \"acme\"\nrole = \"manager\"\n";
    let office = Office::open(more).await;
    office.archive(1, &["7"]).await;
    office.look().await;
    *office.server.busy.lock().unwrap() = true;
    office.at("2026-11-22T03:30:00Z");
    assert!(office.look().await.is_empty());
    *office.server.busy.lock().unwrap() = false;
    assert!(office.look().await.is_empty(), "not at once");
    office.clock.advance(TimeDelta::minutes(1));
    assert_eq!(office.look().await, [LENA, MARIA]);
    let day = DAY.parse().unwrap();
    let mails = office.db.mails_of_day(&"acme".parse().unwrap(), &"17".parse().unwrap(), day).await.unwrap();
    let said: Vec<_> = mails.iter().map(|mail| (mail.key.recipient.as_str(), mail.state, mail.attempts)).collect();
    assert_eq!(
        said,
        [("gone@example.com", MailState::Refused, 1), (LENA, MailState::Sent, 2), (MARIA, MailState::Sent, 2)]
    );
    assert!(mails[0].said.as_ref().unwrap().contains("no such person"), "{:?}", mails[0].said);
}

#[test]
fn closing_times_are_read() {
    let store: Store = serde_json::from_value(json!({
        "tenant": "acme", "id": "17", "name": "Kiosk", "tz": "UTC", "currency": "USD", "closes": "21:00:00"
    }))
    .unwrap();
    assert_eq!(store.closes, NaiveTime::from_hms_opt(21, 0, 0));
}
