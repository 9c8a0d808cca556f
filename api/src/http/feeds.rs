//! `GET /api/v1/feeds`: what each integrator sent of late: registers with their last records, lag, rejections with code and
//! place, registers that have fallen silent, and the rules that are blind because a field is missing. An integrator sees
//! its own with its token. `GET /api/v1/feeds/rejects`: the dead letters one by one, newest first.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::str::FromStr as _;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use tillsight_ingest::pos::Permits;
use tillsight_schemas::id::{RegisterId, StoreId, TenantId};
use tillsight_schemas::pos::RejectCode;
use tillsight_schemas::topic;
use uuid::Uuid;

use super::Shared;
use super::answer::answer;
use super::auth::{Caller, Right};
use super::extract::Query;
use super::problem::Problem;
use crate::db::{TokenKind, TokenOwner};
use crate::feed::{FeedNow, Heard, Lane, Rejected, Tally, quantile};

/// Registers up to which each comes with its records, unless one store is asked for.
const REGISTERS: usize = 100;
/// What a lag or a blindness is made of at most.
const SAMPLES: usize = 500;
/// Places of a code that are shown.
const PLACES: usize = 10;
/// Rejected records of a page, unless the question says how many, and at most.
const PAGES: (usize, usize) = (20, 100);
/// Dead letters that are looked through for a page.
const LOOKED_THROUGH: i64 = 2_000;
/// How long the broker has.
const PATIENCE: Duration = Duration::from_secs(4);

answer! {
    /// How many records of the business day.
    struct FeedCount {
        /// New ones.
        accepted: i64,
        /// Repetitions.
        duplicates: i64,
        /// Those among the dead letters.
        rejected: i64,
        /// New ones that are odd: they correct what has not come.
        warned: i64,
    }

    /// How long records took from the completion at the till, by its clock, to the receipt here.
    struct FeedLag {
        /// Half of them took no longer.
        p50_ms: i64,
        /// 95 of 100 took no longer.
        p95_ms: i64,
        /// How many records it is made of.
        of: i64,
    }

    /// One record that was heard.
    struct FeedRecord {
        /// When it was received.
        received_at: DateTime<Utc>,
        /// When it completed, by the till's clock.
        event_time: Option<DateTime<Utc>>,
        /// `accepted`, `duplicate` or `rejected`.
        outcome: String,
        /// What kind of transaction.
        kind: Option<String>,
        /// The number on the receipt.
        receipt_no: Option<String>,
        /// Its identity, of an accepted one.
        event_id: Option<Uuid>,
        /// From the completion to the receipt.
        lag_ms: Option<i64>,
        /// Why it was rejected.
        code: Option<String>,
        /// The same in a sentence.
        detail: Option<String>,
        /// What is odd about an accepted one, in a sentence.
        warning: Option<String>,
    }

    /// A register that was heard in the last week.
    struct FeedRegister {
        /// The shop.
        store_id: StoreId,
        /// The register.
        register_id: RegisterId,
        /// `live` or `silent`.
        state: String,
        /// When it was last heard.
        last_received_at: DateTime<Utc>,
        /// The last of its own times.
        last_event_time: Option<DateTime<Utc>>,
        /// Its business day.
        today: FeedCount,
        /// How late its records are.
        lag: Option<FeedLag>,
        /// The last ones, newest first.
        records: Vec<FeedRecord>,
    }

    /// A register that was heard before and is not now.
    struct FeedSilent {
        /// The shop.
        store_id: StoreId,
        /// The register.
        register_id: RegisterId,
        /// When it was last heard.
        last_received_at: DateTime<Utc>,
    }

    /// Where records are wrong.
    struct RejectPlace {
        /// A JSON Pointer; `*` stands for any item of a list.
        pointer: String,
        /// What was said of it last.
        detail: String,
        /// How often.
        count: i64,
    }

    /// Where a record is wrong.
    struct RejectProblem {
        /// A JSON Pointer.
        pointer: String,
        /// What is wrong there.
        detail: String,
    }

    /// A record that was not accepted.
    struct RejectShown {
        /// When.
        at: DateTime<Utc>,
        /// Why.
        code: String,
        /// The same in a sentence.
        detail: String,
        /// Where it is wrong, as far as that can be named.
        problems: Vec<RejectProblem>,
        /// The shop it names.
        store_id: Option<StoreId>,
        /// The register it names.
        register_id: Option<RegisterId>,
        /// Where it landed.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset.
        offset: i64,
        /// How long it is.
        bytes: i64,
        /// The record as it came, card numbers masked; empty when it is no text.
        text: String,
        /// Whether `text` is not all of it.
        truncated: bool,
    }

    /// Rejected records of one code in the last week.
    struct RejectCount {
        /// The code.
        code: String,
        /// What it means.
        words: String,
        /// How many.
        count: i64,
        /// When the last one was.
        last_at: Option<DateTime<Utc>>,
        /// The most frequent places.
        problems: Vec<RejectPlace>,
        /// The last one.
        example: Option<RejectShown>,
    }

    /// A rule that cannot judge records of the feed because they lack a field.
    struct FeedBlind {
        /// The rule.
        rule_id: String,
        /// What people call it.
        name: String,
        /// The field.
        missing: String,
        /// The same in a sentence.
        words: String,
        /// How many records lacked it.
        without: i64,
        /// Of how many that the rule looks at.
        of: i64,
        /// The share, 0 to 1.
        share: f64,
    }

    /// What one integrator sent of late.
    struct Feed {
        /// The integrator.
        integrator_id: String,
        /// The topic it writes to over Kafka.
        topic: String,
        /// `live`, `silent` or `never`.
        state: String,
        /// When it was last heard.
        last_received_at: Option<DateTime<Utc>>,
        /// What was counted since each store's business day began.
        today: FeedCount,
        /// How late its records are.
        lag: Option<FeedLag>,
        /// What was rejected in the last week.
        rejects: Vec<RejectCount>,
        /// Its registers.
        registers: Vec<FeedRegister>,
        /// The rules that are blind to some of its records.
        blind: Vec<FeedBlind>,
        /// The registers that were heard before and are not now.
        silent: Vec<FeedSilent>,
    }

    /// The feeds that somebody sees.
    struct FeedPage {
        /// By integrator.
        items: Vec<Feed>,
        /// From when on the log was read.
        since: Option<DateTime<Utc>>,
        /// Whether it was read to its end.
        complete: bool,
        /// What is missing, in sentences.
        problems: Vec<String>,
    }

    /// A page of dead letters, newest first.
    struct RejectPage {
        /// The records.
        items: Vec<RejectShown>,
        /// What to ask for the next page with; null on the last one.
        next_cursor: Option<String>,
        /// What is missing, in sentences.
        problems: Vec<String>,
    }
}

/// Which feeds.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    store: Option<StoreId>,
    integrator: Option<String>,
}

/// Which dead letters.
#[derive(Debug, Deserialize)]
pub(super) struct AskedRejects {
    integrator: String,
    code: Option<String>,
    store: Option<StoreId>,
    cursor: Option<String>,
    limit: Option<NonZeroU32>,
}

/// Whose feeds somebody may see.
pub(super) struct Reader {
    tenant: Option<TenantId>,
    integrator: Option<String>,
    stores: Vec<StoreId>,
    /// The token that asks.
    login: Option<String>,
}

impl Reader {
    /// An administrator, or an integrator with its token.
    pub(super) fn of(shared: &Shared, caller: &Caller) -> Result<Self, Problem> {
        if let Caller::Program(TokenOwner { kind: TokenKind::Integrator, owner, .. }) = caller {
            let (_, stores) = caller.permits(shared)?;
            let login = caller.login().map(str::to_owned);
            return Ok(Self { tenant: None, integrator: Some(owner.clone()), stores: stores.to_vec(), login });
        }
        let scope = caller.person(Right::SetUp)?.scope;
        Ok(Self { tenant: Some(scope.tenant), integrator: None, stores: scope.stores, login: None })
    }

    pub(super) fn may(&self, permits: &Permits) -> bool {
        self.tenant.as_ref().is_none_or(|tenant| *tenant == permits.tenant)
            && self.integrator.as_ref().is_none_or(|integrator| permits.integrator.as_str() == integrator)
    }

    pub(super) fn sees(&self, store: &StoreId) -> bool {
        self.stores.is_empty() || self.stores.contains(store)
    }

    /// Whether a record is shown that was set aside: by the store that it names, if it names one; to the token that sent
    /// it in any case.
    fn sees_aside(&self, store: Option<&StoreId>, sender: Option<&str>) -> bool {
        let own = sender.is_some() && sender == self.login.as_deref();
        own || store.map_or(self.stores.is_empty(), |store| self.sees(store))
    }
}

pub(super) fn unknown(what: &str, name: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not found", format!("there is no {what} {name} for you"))
}

/// The feeds.
pub(super) async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Json<FeedPage>, Problem> {
    let reader = Reader::of(&shared, &caller)?;
    if let Some(store) = asked.store.as_ref().filter(|store| !reader.sees(store)) {
        return Err(unknown("store", store.as_str()));
    }
    let chosen = |permits: &&Permits| {
        reader.may(permits) && asked.integrator.as_ref().is_none_or(|name| permits.integrator.as_str() == name)
    };
    let permits: Vec<&Permits> = shared.permits.iter().filter(chosen).collect();
    if let (true, Some(name)) = (permits.is_empty(), &asked.integrator) {
        return Err(unknown("integrator", name));
    }
    let now = shared.clock.now();
    let mut problems = Vec::new();
    if !shared.feeds.is_complete() {
        problems.push("The log of the last days is still being read: there may be more.".to_owned());
    }
    let mut items = Vec::new();
    for permits in permits {
        let sees = |store: Option<&StoreId>, sender: Option<&str>| match &asked.store {
            Some(asked) => store == Some(asked),
            None => reader.sees_aside(store, sender),
        };
        let feed = shared.feeds.now((&permits.tenant, &permits.integrator), sees, now);
        let records = asked.store.is_some() || feed.lanes.len() <= REGISTERS;
        if !records {
            problems
                .push(format!("{} has many registers: ask for one store to see their records.", permits.integrator));
        }
        items.push(shown(&shared, permits, &feed, records, now));
    }
    Ok(Json(FeedPage { items, since: shared.feeds.since(), complete: shared.feeds.is_complete(), problems }))
}

/// The dead letters of an integrator.
pub(super) async fn rejects(
    State(shared): State<Shared>,
    caller: Caller,
    Query(asked): Query<AskedRejects>,
) -> Result<Json<RejectPage>, Problem> {
    let reader = Reader::of(&shared, &caller)?;
    let of = |permits: &&Permits| permits.integrator.as_str() == asked.integrator && reader.may(permits);
    let permits = shared.permits.iter().find(of).ok_or_else(|| unknown("integrator", &asked.integrator))?;
    let bad = |detail: String| Problem::new(StatusCode::BAD_REQUEST, "bad query", detail);
    let cursor = asked.cursor.as_deref().map(|cursor| {
        cursor.parse::<i64>().map_err(|_| bad("cursor: send the next_cursor of the page before".to_owned()))
    });
    let cursor = cursor.transpose()?;
    if let Some(code) = asked.code.as_ref().filter(|code| RejectCode::from_str(code).is_err()) {
        return Err(bad(format!("code is {code:?}; it can be {}", RejectCode::CODES.join(", "))));
    }
    let limit = asked.limit.map_or(PAGES.0, |limit| usize::try_from(limit.get()).unwrap_or(PAGES.1)).min(PAGES.1);
    let dlq = topic::dlq(&topic::landing(&permits.integrator));
    let window = match shared.windows.before(dlq, cursor, LOOKED_THROUGH, PATIENCE).await {
        Ok(window) => window,
        Err(error) => return Err(Problem::unavailable("the dead letters cannot be read", &error)),
    };
    let wanted = |rejected: &Rejected| {
        reader.sees_aside(rejected.store.as_ref(), rejected.sender.as_deref())
            && asked.code.as_ref().is_none_or(|code| rejected.code == *code)
            && asked.store.as_ref().is_none_or(|store| rejected.store.as_ref() == Some(store))
    };
    let first = window.records.first().map(|record| record.offset);
    let mut found = window.records.iter().rev().map(Rejected::read).filter(wanted);
    let items: Vec<Rejected> = found.by_ref().take(limit).collect();
    let next = if items.len() == limit {
        items.last().map(|last| last.offset).filter(|_| found.next().is_some() || !window.whole)
    } else {
        first.filter(|_| !window.whole)
    };
    let items = items.iter().map(reject).collect();
    Ok(Json(RejectPage { items, next_cursor: next.map(|offset| offset.to_string()), problems: Vec::new() }))
}

fn shown(shared: &Shared, permits: &Permits, feed: &FeedNow, records: bool, now: DateTime<Utc>) -> Feed {
    let lanes = feed.lanes.iter();
    let registers = lanes.clone().map(|(store, register, lane, silent)| FeedRegister {
        store_id: store.clone(),
        register_id: register.clone(),
        state: if *silent { "silent" } else { "live" }.to_owned(),
        last_received_at: lane.last_received_at,
        last_event_time: lane.last_event_time,
        today: count(lane.counts.on(shared.feeds.day(&permits.tenant, Some(store), now))),
        lag: lag(&[lane]),
        records: if records { lane.records.iter().map(record).collect() } else { Vec::new() },
    });
    let silent = lanes.clone().filter(|(.., silent)| *silent).map(|(store, register, lane, _)| FeedSilent {
        store_id: store.clone(),
        register_id: register.clone(),
        last_received_at: lane.last_received_at,
    });
    let heard: Vec<&Lane> = lanes.clone().map(|(_, _, lane, _)| lane).collect();
    let state = match (heard.is_empty(), feed.lanes.iter().all(|(.., silent)| *silent)) {
        (true, _) => "never",
        (_, true) => "silent",
        _ => "live",
    };
    let mut rejects: Vec<RejectCount> =
        feed.rejected.iter().map(|(code, tally)| tallied(code, tally)).filter(|tally| tally.count > 0).collect();
    rejects.sort_by_key(|reject| std::cmp::Reverse(reject.count));
    Feed {
        integrator_id: permits.integrator.to_string(),
        topic: topic::landing(&permits.integrator),
        state: state.to_owned(),
        last_received_at: heard.iter().map(|lane| lane.last_received_at).max(),
        today: count(feed.today),
        lag: lag(&heard),
        rejects,
        registers: registers.collect(),
        blind: blind(shared, &heard),
        silent: silent.collect(),
    }
}

fn count(heard: Heard) -> FeedCount {
    let Heard { accepted, duplicates, rejected, warned } = heard;
    FeedCount { accepted, duplicates, rejected, warned }
}

fn record(entry: &crate::feed::Entry) -> FeedRecord {
    FeedRecord {
        received_at: entry.received_at,
        event_time: entry.event_time,
        outcome: entry.outcome.as_str().to_owned(),
        kind: entry.kind.clone(),
        receipt_no: entry.receipt_no.clone(),
        event_id: entry.event_id,
        lag_ms: entry.lag_ms(),
        code: entry.code.clone(),
        detail: entry.detail.clone(),
        warning: entry.warning.clone(),
    }
}

/// The newest samples of some registers together.
fn newest<T: Copy>(mut samples: Vec<(DateTime<Utc>, T)>) -> Vec<T> {
    samples.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    samples.truncate(SAMPLES);
    samples.into_iter().map(|(_, sample)| sample).collect()
}

fn length<T>(all: &[T]) -> i64 {
    i64::try_from(all.len()).unwrap_or(i64::MAX)
}

fn lag(lanes: &[&Lane]) -> Option<FeedLag> {
    let mut lags = newest(lanes.iter().flat_map(|lane| lane.lags.iter().copied()).collect());
    lags.sort_unstable();
    Some(FeedLag { p50_ms: quantile(&lags, 50)?, p95_ms: quantile(&lags, 95)?, of: length(&lags) })
}

/// The rules that lack something, those that lack it most often first.
fn blind(shared: &Shared, lanes: &[&Lane]) -> Vec<FeedBlind> {
    let mut answers: BTreeMap<_, Vec<(DateTime<Utc>, bool)>> = BTreeMap::new();
    for lane in lanes {
        for (need, samples) in &lane.blind {
            answers.entry(need).or_default().extend(samples.iter().copied());
        }
    }
    let mut found: Vec<FeedBlind> = Vec::new();
    for ((rule, missing), samples) in answers {
        let samples = newest(samples);
        let of = length(&samples);
        let without = length(&samples.into_iter().filter(|missing| *missing).collect::<Vec<_>>());
        if without == 0 {
            continue;
        }
        let header = shared.feeds.rules().iter().find(|header| header.id == *rule);
        let need = header.and_then(|header| header.needed.iter().find(|need| need.field == *missing));
        let because = need.map_or_else(|| format!("`{missing}` is missing"), tillsight_correlate::rule::Need::words);
        #[expect(clippy::cast_precision_loss, reason = "a share of 500 at most")]
        let share = without as f64 / of as f64;
        found.push(FeedBlind {
            rule_id: rule.to_string(),
            name: header.map(|header| header.name.clone()).unwrap_or_default(),
            missing: missing.clone(),
            words: format!("{rule} is blind: {because} in {without} of the last {of} records it looks at"),
            without,
            of,
            share,
        });
    }
    found.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| a.rule_id.cmp(&b.rule_id)));
    found
}

fn tallied(code: &str, tally: &Tally) -> RejectCount {
    let mut places: Vec<RejectPlace> = tally
        .places
        .iter()
        .map(|(pointer, (count, detail))| RejectPlace {
            pointer: pointer.clone(),
            detail: detail.clone(),
            count: *count,
        })
        .collect();
    places.sort_by_key(|place| std::cmp::Reverse(place.count));
    places.truncate(PLACES);
    RejectCount {
        code: code.to_owned(),
        words: words(code).to_owned(),
        count: tally.count(),
        last_at: tally.last.as_ref().map(|last| last.at),
        problems: places,
        example: tally.last.as_ref().map(reject),
    }
}

fn reject(rejected: &Rejected) -> RejectShown {
    let problems = rejected.problems.iter();
    let problems = problems.map(|problem| RejectProblem { pointer: problem.at.clone(), detail: problem.what.clone() });
    RejectShown {
        at: rejected.at,
        code: rejected.code.clone(),
        detail: rejected.detail.clone(),
        problems: problems.collect(),
        store_id: rejected.store.clone(),
        register_id: rejected.register.clone(),
        topic: rejected.landed.0.clone(),
        partition: rejected.landed.1,
        offset: rejected.landed.2,
        bytes: rejected.bytes,
        text: rejected.text.clone(),
        truncated: rejected.truncated,
    }
}

/// What a code means, for the person who repairs it.
fn words(code: &str) -> &'static str {
    match RejectCode::from_str(code) {
        Ok(RejectCode::Framing) => "Neither JSON nor Avro with a known schema id",
        Ok(RejectCode::Charset) => "Not UTF-8",
        Ok(RejectCode::Schema) => "Not the record that the schema describes",
        Ok(RejectCode::Time) => "A time that cannot be read, or does not exist in the store's zone",
        Ok(RejectCode::Money) => "A negative amount, or a currency that is not the store's",
        Ok(RejectCode::Identity) => "Nothing tells the record from another one like it",
        Ok(RejectCode::IdentityCollision) => "Known with another content: a correction needs a higher revision",
        Ok(RejectCode::UnknownStore) => "A store that is not set up",
        Ok(RejectCode::ForbiddenStore) => "A store that this integrator or token may not write",
        Ok(RejectCode::TooLarge) => "Larger than a record may be",
        Err(_) => "A code that this version does not know",
    }
}
