//! What rules say of weeks: live, live by a log that begins with the last day, and over the lake.

use std::collections::BTreeMap;

use tillsight_schemas::pos::{Direction, Kind, PostedTransaction, TenderType};
use tillsight_schemas::{ReplayClock, topic};
use uuid::Uuid;

use super::*;
use crate::engine::{Engine, MemoryStore, ScriptedLog};
use crate::lake::sample::{sale, value};
use crate::lake::{ArchiveConfig, Archiver, MemoryLog};

/// Three weeks of refunds at one store, two a day, as they arrive. Operator 7 names no sale, five cards are credited in turn.
/// One comes hours late, one is revised (it went to no card), and another record stands in the place of one.
fn refunds() -> Vec<PostedTransaction> {
    let first: DateTime<Utc> = "2026-11-01T10:00:00Z".parse().unwrap();
    let mut sent = Vec::new();
    for n in 0..42 {
        let at = first + TimeDelta::hours(12 * n);
        let mut refund = sale("17", n, &at.to_rfc3339());
        refund.transaction.kind = Kind::Return;
        refund.transaction.business_day = Some(at.date_naive());
        refund.transaction.operator_id = Some(if n % 3 == 0 { "7" } else { "8" }.parse().unwrap());
        if n % 3 == 0 {
            refund.transaction.reference = None;
        }
        let tender = &mut refund.transaction.tenders[0];
        (tender.tender_type, tender.direction) = (TenderType::Credit, Direction::Out);
        tender.card_token = Some(format!("tok_{}", n % 5));
        match n {
            20 => refund.header.received_at += TimeDelta::hours(3),
            22 => {
                let mut revised = refund.clone();
                revised.transaction.revision = 1;
                revised.transaction.tenders[0].tender_type = TenderType::Cash;
                revised.transaction.tenders[0].card_token = None;
                revised.header.received_at += TimeDelta::minutes(40);
                sent.push(revised);
            }
            29 => {
                let mut other = refund.clone();
                other.header.event_id = Uuid::new_v5(&refund.header.event_id, b"corrected");
                other.transaction.replaces = Some(refund.header.event_id);
                other.transaction.tenders[0].card_token = Some("tok_9".to_owned());
                other.header.received_at += TimeDelta::minutes(5);
                sent.push(other);
            }
            _ => {}
        }
        sent.push(refund);
    }
    sent.sort_by_key(|posted| posted.header.received_at);
    for (offset, posted) in (0..).zip(&mut sent) {
        posted.header.landing_offset = offset;
    }
    sent
}

fn rules() -> Vec<Rule> {
    let wanted = ["refund_same_card", "refunds_without_receipt_of_month"];
    let mut rules = Rule::shelf().unwrap();
    rules.retain(|rule| wanted.contains(&rule.header.id.as_str()));
    rules
}

async fn archived(folder: &std::path::Path, sent: &[PostedTransaction]) -> History {
    let log = MemoryLog::default().and(topic::POS_TRANSACTION, 1);
    for posted in sent {
        log.append_to(topic::POS_TRANSACTION, value(posted));
    }
    let clock = Arc::new(ReplayClock::at(sent[0].header.received_at));
    let mut archiver = Archiver::open(ArchiveConfig::new(folder), Box::new(log.reader()), clock).await.unwrap();
    while archiver.step(Duration::from_millis(1)).await.unwrap() > 0 {}
    archiver.commit().await.unwrap();
    History::open(folder).await.unwrap()
}

/// The last word about each anchor, with the events and the content of what stands.
type Said = BTreeMap<(String, Uuid), (Outcome, String, Vec<Uuid>, Option<String>)>;

fn said<'a>(judged: impl IntoIterator<Item = &'a Judged>) -> Said {
    // Who said something once and has nothing to say any more, says the same as who never did.
    let nothing = |one: &Judgement| one.outcome == Outcome::Silent && one.why == crate::engine::NO_MATCH;
    let judged = judged.into_iter().filter(|one| !nothing(&one.judgement));
    let said = judged.map(|one| {
        let alert = one.alert.as_ref().filter(|_| one.judgement.outcome == Outcome::Fired);
        let events = alert.map(|alert| alert.event_ids.clone()).unwrap_or_default();
        let content = alert.map(|alert| alert.content_sha256.clone());
        let key = (one.judgement.rule_id.to_string(), one.judgement.anchor_event_id);
        (key, (one.judgement.outcome, one.judgement.why.clone(), events, content))
    });
    said.collect()
}

/// Without the content, in which there is how well the clock of the register is known.
fn in_words(said: Said) -> Said {
    said.into_iter().map(|(key, (outcome, why, events, _))| (key, (outcome, why, events, None))).collect()
}

/// What is said live of what arrives in ticks of so many; with a lake of a shop that has run for long.
async fn live(sent: &[PostedTransaction], at_once: usize, lake: Option<&History>) -> Vec<Judged> {
    let at = |posted: &PostedTransaction| posted.header.received_at;
    let record = |(offset, posted)| ScriptedLog::record(topic::POS_TRANSACTION, offset, at(posted), value(posted));
    let clock = ReplayClock::at(at(&sent[0]));
    let log = ScriptedLog::new((0..).zip(sent).map(record).collect(), at_once, clock.clone());
    let kept = MemoryStore::default();
    let (store, time) = (Arc::new(kept.clone()), Arc::new(clock.clone()));
    let settings = Settings::new(Vec::new());
    let mut engine = Engine::open(settings, rules(), Box::new(log.clone()), store, time).await.unwrap();
    if let Some(lake) = lake {
        engine.read_history(lake).await.unwrap();
    }
    while !log.is_finished() {
        engine.step(Duration::ZERO).await.unwrap();
    }
    clock.advance(TimeDelta::minutes(5));
    engine.step(Duration::ZERO).await.unwrap();
    kept.judged()
}

async fn tested(lake: &History, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<Judged> {
    let span = TimeSpan::new(from, to).unwrap();
    let stores = vec![("acme/17".parse().unwrap(), span)];
    let mut run = Backtest::begin(lake, rules(), Settings::new(Vec::new()), stores).await.unwrap();
    let mut judged = Vec::new();
    while let Some(piece) = run.next().await.unwrap() {
        judged.extend(piece.judged);
    }
    judged
}

#[tokio::test]
async fn what_rules_see_of_weeks_is_the_same_live_after_a_start_and_over_the_lake() {
    let sent = refunds();
    let whole = said(&live(&sent, 1, None).await);
    let fired = |rule: &str| {
        let mut times = 0;
        for ((id, _), (outcome, ..)) in &whole {
            times += usize::from(id == rule && *outcome == Outcome::Fired);
        }
        times
    };
    assert!(fired("refund_same_card") > 10, "{whole:#?}");
    assert_eq!(fired("refunds_without_receipt_of_month"), 2, "the fifth and the tenth: {whole:#?}");
    for at_once in [7, 1_000] {
        assert_eq!(said(&live(&sent, at_once, None).await), whole, "in ticks of {at_once}");
    }

    let folder = tempfile::tempdir().unwrap();
    let lake = archived(folder.path(), &sent).await;
    let (first, last) = (sent[0].header.event_time, sent[sent.len() - 1].header.event_time);
    let end = last + TimeDelta::microseconds(1);
    assert_eq!(said(&tested(&lake, first, end).await), whole, "over the lake");

    // The log of the last two days, of a shop whose lake has the weeks before, and a back-test of these days alone.
    let begin = last - TimeDelta::days(2);
    let late: Vec<PostedTransaction> = sent.iter().filter(|sent| sent.header.event_time >= begin).cloned().collect();
    let ids: Vec<Uuid> = late.iter().map(|posted| posted.header.event_id).collect();
    let recent = in_words(whole.into_iter().filter(|((_, anchor), _)| ids.contains(anchor)).collect());
    assert!(recent.values().any(|(outcome, ..)| *outcome == Outcome::Fired), "{recent:#?}");
    assert_eq!(in_words(said(&live(&late, 1, Some(&lake)).await)), recent, "with what the lake has");
    assert_eq!(in_words(said(&tested(&lake, begin, end).await)), recent, "over two days of the lake");
    assert_ne!(in_words(said(&live(&late, 1, None).await)), recent, "who does not look into the lake knows less");
}
