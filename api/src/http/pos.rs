//! `POST /api/v1/pos/transactions`: POS records over HTTP, into the same landing topic as over Kafka.
//!
//! The body is one record, an array of them, or one a line (`application/x-ndjson`). The answer has an entry for each:
//! accepted, a repetition of what is known (it changes nothing), or quarantined with code and JSON Pointer. Wrong records
//! land too, and go on to the dead letters as they came: nothing is lost whatever the caller does with the answer. With
//! `?dry_run=1` the answer is the same and nothing is written. A record for a store that the token is not for is
//! quarantined, here and behind the landing topic. An accepted record that lacks what a rule needs, or corrects what has
//! not come, says so. One that is too large for the landing topic is the only one that does not land.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use tillsight_ingest::bus::Outgoing;
use tillsight_ingest::pos::{Checker, Permits, collision, warning};
use tillsight_schemas::id::StoreId;
use tillsight_schemas::port::PosLedger as _;
use tillsight_schemas::pos::{PostedTransaction, Reject, RejectCode};
use tillsight_schemas::topic;
use uuid::Uuid;

use super::Shared;
use super::answer::answer;
use super::auth::Caller;
use super::extract::{DryRun, Query, Whole};
use super::pos_body::{Document, LARGEST, documents};
use super::pos_taken::{Identity, Recent};
use super::problem::Problem;
use crate::feed::{Blindness, blind_rules, blind_sentence};

/// How long records wait for those before them: when the broker does not answer, nobody waits for everybody.
const PATIENCE: Duration = Duration::from_secs(30);

/// How records are to be taken.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    dry_run: DryRun,
}

answer! {
    /// One thing that is wrong with a record.
    struct RecordProblem {
        /// Where: a JSON Pointer into the record, empty for all of it.
        pointer: String,
        /// What, and what would be right.
        detail: String,
    }

    /// A rule that cannot judge a record because it lacks a field.
    struct RecordBlind {
        /// The rule.
        rule_id: String,
        /// What people call it.
        name: String,
        /// The field.
        missing: String,
        /// The same in a sentence.
        words: String,
    }

    /// What became of one record.
    struct RecordAnswer {
        /// Its place in the request, from 0.
        index: i64,
        /// `accepted`, `duplicate` or `quarantined`.
        result: String,
        /// Its identity, once it has one.
        event_id: Option<Uuid>,
        /// Why it is quarantined: the code it has in the dead-letter topic.
        code: Option<String>,
        /// The same in a sentence; for an accepted record which rules are blind to it, if any are.
        detail: Option<String>,
        /// The rules that cannot judge an accepted record because it lacks a field.
        blind: Vec<RecordBlind>,
        /// What is odd about an accepted record, in a sentence: it corrects what has not come.
        warning: Option<String>,
        /// Where it is wrong, as far as that can be named.
        problems: Vec<RecordProblem>,
        /// Where it landed: with partition and offset the name under which it was received.
        topic: Option<String>,
        /// The partition.
        partition: Option<i32>,
        /// The offset.
        offset: Option<i64>,
    }

    /// What became of the records of a request.
    struct Intake {
        /// Whether nothing was written.
        dry_run: bool,
        /// How many are accepted.
        accepted: i64,
        /// How many were known.
        duplicates: i64,
        /// How many are quarantined.
        quarantined: i64,
        /// One entry a record, in the order of the request.
        records: Vec<RecordAnswer>,
    }
}

/// Takes records: 202 when all of them are right (200 for a dry run), 422 when some are quarantined.
pub(super) async fn receive(
    State(shared): State<Shared>,
    caller: Caller,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    Whole(body): Whole<Bytes>,
) -> Result<(StatusCode, Json<Intake>), Problem> {
    let (permits, only) = caller.permits(&shared)?;
    let dry_run = asked.dry_run == DryRun::Yes;
    let documents = documents(&headers, &body)?;
    let taken = tokio::time::timeout(PATIENCE, shared.taken.hold()).await;
    let mut taken =
        taken.map_err(|error| Problem::unavailable("the broker has not taken earlier records yet", &error))?;
    let (mut records, new) = check(&shared, &permits, &documents, &taken).await?;
    if !dry_run {
        let fitting = || documents.iter().filter(|document| document.fits());
        let sender = caller.login();
        let landed: Vec<Outgoing> = fitting().map(|document| landing(&permits, only, sender, document)).collect();
        let places = shared.producer.send(landed).await;
        let places = places.map_err(|error| Problem::unavailable("the broker did not take the records", &error))?;
        new.into_iter().for_each(|(identity, hash)| taken.take(identity, hash));
        let records = records.iter_mut().zip(&documents).filter(|(_, document)| document.fits());
        for ((record, _), (partition, offset)) in records.zip(places) {
            record.topic = Some(partition.topic);
            record.partition = Some(partition.number);
            record.offset = Some(offset);
        }
    }
    drop(taken);
    let count = |result: &str| {
        i64::try_from(records.iter().filter(|record| record.result == result).count()).unwrap_or(i64::MAX)
    };
    let (accepted, duplicates, quarantined) = (count("accepted"), count("duplicate"), count("quarantined"));
    let status = match (quarantined, dry_run) {
        (0, false) => StatusCode::ACCEPTED,
        (0, true) => StatusCode::OK,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Ok((status, Json(Intake { dry_run, accepted, duplicates, quarantined, records })))
}

fn landing(permits: &Permits, only: &[StoreId], sender: Option<&str>, document: &Document) -> Outgoing {
    let mut headers = vec![("content-type", "application/json".to_owned())];
    headers.extend(sender.map(|sender| (topic::HEADER_SENDER, sender.to_owned())));
    if !only.is_empty() {
        let only: Vec<&str> = only.iter().map(StoreId::as_str).collect();
        headers.push((topic::HEADER_STORES, only.join(",")));
    }
    Outgoing {
        topic: topic::landing(&permits.integrator),
        key: document.store.as_ref().map(|store| Bytes::from(format!("{}/{store}", permits.tenant))),
        value: Some(document.text.clone()),
        headers,
    }
}

/// What the intake will make of each record, by what is known now and by the records before it in the request; with the
/// identities that are new.
async fn check(
    shared: &Shared,
    permits: &Permits,
    documents: &[Document],
    taken: &Recent,
) -> Result<(Vec<RecordAnswer>, Vec<(Identity, String)>), Problem> {
    let checker = Checker::new(permits.clone(), shared.stores.clone(), shared.clock.now());
    let checked: Vec<Result<PostedTransaction, Reject>> = documents.iter().map(|each| read(&checker, each)).collect();
    let ids = checked.iter().flatten();
    let ids: Vec<Uuid> =
        ids.flat_map(|posted| [posted.header.event_id].into_iter().chain(posted.transaction.replaces)).collect();
    let mut known =
        shared.db.known(&ids).await.map_err(|error| Problem::unavailable("the identities cannot be read", &*error))?;
    let (mut answers, mut new) = (Vec::with_capacity(checked.len()), Vec::new());
    for (index, checked) in (0..).zip(checked) {
        let judged = checked.and_then(|posted| {
            let identity = (posted.header.event_id, posted.transaction.revision);
            let warning = warning(&posted, |id, below| {
                known.range((id, i32::MIN)..(id, below)).next().is_some() || taken.has_below(id, below)
            });
            let hash = posted.header.payload_sha256;
            match known.get(&identity).or_else(|| taken.hash(&identity)) {
                None => {
                    known.insert(identity, hash.clone());
                    new.push((identity, hash));
                    Ok((identity.0, "accepted", blind_rules(shared.feeds.rules(), &posted.transaction), warning))
                }
                Some(before) if *before == hash => Ok((identity.0, "duplicate", Vec::new(), None)),
                Some(_) => Err(collision(identity.0, identity.1)),
            }
        });
        answers.push(match judged {
            Ok((id, result, blind, warning)) => RecordAnswer {
                event_id: Some(id),
                warning,
                detail: blind_sentence(&blind),
                blind: blind.into_iter().map(shown).collect(),
                ..answer(index, result, None)
            },
            Err(reject) => answer(index, "quarantined", Some(reject)),
        });
    }
    Ok((answers, new))
}

fn read(checker: &Checker, document: &Document) -> Result<PostedTransaction, Reject> {
    if document.fits() {
        return checker.check(&document.text);
    }
    let bytes = document.text.len();
    let detail =
        format!("{bytes} bytes; a record over HTTP may have {LARGEST}. It was not taken, and nothing of it is kept");
    Err(Reject::new(RejectCode::TooLarge, detail))
}

fn shown(blind: Blindness) -> RecordBlind {
    RecordBlind {
        words: format!("{} is blind because {}", blind.rule, blind.because),
        rule_id: blind.rule,
        name: blind.name,
        missing: blind.missing,
    }
}

fn answer(index: i64, result: &str, reject: Option<Reject>) -> RecordAnswer {
    let (code, detail, problems) = reject.map_or_else(Default::default, |reject| {
        let problems = reject.problems.into_iter();
        let problems = problems.map(|problem| RecordProblem { pointer: problem.at, detail: problem.what }).collect();
        (Some(reject.code.as_str().to_owned()), Some(reject.detail), problems)
    });
    RecordAnswer {
        index,
        result: result.to_owned(),
        event_id: None,
        code,
        detail,
        blind: Vec::new(),
        warning: None,
        problems,
        topic: None,
        partition: None,
        offset: None,
    }
}
