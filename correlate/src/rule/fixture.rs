//! Tests of rules: a few minutes of a shop in, judgements out (`tests/*.toml`).
//!
//! A case lists transactions and what a camera saw, each with when it arrives, and what must come out. It runs through
//! the real engine, several times with other ticks: one record at a time, and all at once. Times are those of one day;
//! the store's zone is UTC. Before a case each register rings three times, so that its clock is known (`warm`).
//!
//! What a rule says it needs is tested by its cases too: some record that fires must not fire without the field.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::Deserialize;
use tillsight_schemas::ReplayClock;
use tillsight_schemas::alert::AlertState;
use tillsight_schemas::id::{StoreKey, derive};
use tillsight_schemas::judgement::Outcome;
use tillsight_schemas::port::LogRecord;
use tillsight_schemas::pos::{
    Action, Direction, Header, Kind, Line, PostedTransaction, PriceOverride, Tender, TenderType,
};
use tillsight_schemas::pos::{Transaction, TransactionRef};
use tillsight_schemas::presence::{Blind, PresenceSource, PresenceState, PresenceTile, TILE_SECONDS};
use tillsight_schemas::topic;
use tillsight_schemas::wire::avro;
use tillsight_schemas::zone::Zone;
use uuid::Uuid;

use super::{Need, Rule, RuleError};
use crate::engine::{Engine, MemoryStore, ScriptedLog, Settings};

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

/// One case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default = "yes")]
    warm: bool,
    #[serde(default)]
    event: Vec<Rung>,
    #[serde(default)]
    presence: Vec<Seen>,
    #[serde(default)]
    expect: Vec<Expected>,
}

fn yes() -> bool {
    true
}

/// A transaction.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rung {
    id: String,
    /// When it completed.
    at: NaiveTime,
    /// How long it took, in seconds.
    #[serde(default)]
    lasts: i64,
    kind: Kind,
    #[serde(default = "one")]
    register: String,
    #[serde(default = "seven")]
    operator: String,
    #[serde(default)]
    total: Option<i64>,
    #[serde(default)]
    tender: Option<TenderType>,
    #[serde(default)]
    refers: Option<String>,
    #[serde(default)]
    training: bool,
    #[serde(default)]
    lines: Vec<Item>,
    /// When it arrived; a moment after it completed when absent.
    #[serde(default)]
    arrives: Option<NaiveTime>,
}

/// An item: sold, or voided.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    description: String,
    price: i64,
    #[serde(default)]
    regular: Option<i64>,
    #[serde(default)]
    by_hand: bool,
    #[serde(default)]
    voided: bool,
}

/// What was seen in the customer zone of register 1.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    from: NaiveTime,
    to: NaiveTime,
    state: PresenceState,
    #[serde(default)]
    blind: Option<Blind>,
    #[serde(default = "detector")]
    source: PresenceSource,
    /// When it arrived; as it happened when absent.
    #[serde(default)]
    arrives: Option<NaiveTime>,
}

/// What must come out. Everything that fires must be listed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    event: String,
    outcome: Outcome,
    #[serde(default)]
    why: Option<String>,
    #[serde(default)]
    severity: Option<tillsight_schemas::alert::Severity>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    provisional: bool,
    /// How often it was judged differently before.
    #[serde(default)]
    revision: Option<i32>,
}

fn one() -> String {
    "1".to_owned()
}

fn seven() -> String {
    "7".to_owned()
}

fn detector() -> PresenceSource {
    PresenceSource::Detector
}

/// How a case came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseResult {
    /// The file and the case.
    pub name: String,
    /// What differs from what was expected; empty when it passed.
    pub problems: Vec<String>,
}

fn instant(at: NaiveTime) -> DateTime<Utc> {
    NaiveDate::from_ymd_opt(2026, 11, 21).unwrap_or_default().and_time(at).and_utc()
}

/// Runs all tests of a rule.
///
/// # Errors
/// [`RuleError`] when a test file cannot be read or the rule cannot run.
pub async fn run(rule: &Rule) -> Result<Vec<CaseResult>, RuleError> {
    let mut results = Vec::new();
    let mut unproven: Vec<&Need> = rule.header.needed.iter().collect();
    for (file, text) in &rule.tests {
        let cases: File = toml::from_str(text)
            .map_err(|error| rule.header.wrong(format!("its test {file} cannot be read: {error}")))?;
        for case in cases.case {
            let mut problems = Vec::new();
            let whole = records(&case, None).map_err(|error| rule.header.wrong(error))?;
            let count = whole.len();
            let run = async |at_once, restart| judged(rule, &case, whole.clone(), at_once, restart).await;
            let live = run(1, None).await.map_err(|error| rule.header.wrong(error))?;
            problems.extend(differences(&case, &live.0, &live.1));
            for (at_once, restart) in [(3, None), (usize::MAX, None), (1, Some(count / 2)), (1, Some(count - 1))] {
                let other = run(at_once, restart).await.map_err(|error| rule.header.wrong(error))?;
                if other.0 != live.0 {
                    problems.push(format!(
                        "in ticks of {at_once} records, restarted after {restart:?}: {:?} instead of {:?}",
                        other.0, live.0
                    ));
                }
            }
            results.push(CaseResult { name: format!("{file}: {}", case.name), problems });
            let mut open = Vec::new();
            for need in unproven {
                if !proves(rule, &case, need, &live.0).await.map_err(|error| rule.header.wrong(error))? {
                    open.push(need);
                }
            }
            unproven = open;
        }
    }
    for need in &rule.header.needed {
        let lacking = unproven.contains(&need);
        let problem = || format!("no case fires with {} and does not without it", need.field);
        results.push(CaseResult {
            name: format!("needs {}", need.field),
            problems: lacking.then(problem).into_iter().collect(),
        });
    }
    Ok(results)
}

/// Whether something that fires in a case does not when the field of a need is taken out of its records.
async fn proves(rule: &Rule, case: &Case, need: &Need, whole: &Final) -> Result<bool, String> {
    let fired = |all: &Final| -> Vec<String> {
        all.iter().filter(|(_, (outcome, ..))| *outcome == Outcome::Fired).map(|(event, _)| event.clone()).collect()
    };
    let before = fired(whole);
    if before.is_empty() {
        return Ok(false);
    }
    let after = fired(&judged(rule, case, records(case, Some(need))?, 1, None).await?.0);
    Ok(before.iter().any(|event| !after.contains(event)))
}

/// What stands at the end, by event: outcome, reason, whether provisional, content of the alert.
type Final = BTreeMap<String, (Outcome, String, bool, Option<String>)>;

/// Judges the records of a case in ticks of so many, with a kill after so many ticks. Returns what stands at the end, and
/// the store.
async fn judged(
    rule: &Rule,
    case: &Case,
    records: Vec<LogRecord>,
    at_once: usize,
    restart: Option<usize>,
) -> Result<(Final, MemoryStore), String> {
    let zone: Zone = serde_json::from_value(serde_json::json!({
        "id": "window", "camera": "kiosk", "kind": "customer", "register": "1",
        "polygon": [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]],
    }))
    .map_err(|error| error.to_string())?;
    let store: StoreKey = "acme/17".parse().map_err(|error| format!("{error}"))?;
    let settings = Settings::new(vec![(store, zone)]);
    let clock = ReplayClock::at(instant(NaiveTime::MIN));
    let log = ScriptedLog::new(records, at_once, clock.clone());
    let memory = MemoryStore::default();
    let said = |error: crate::engine::EngineError| tillsight_schemas::error::chain(&error);
    let open = async || {
        let (store, clock) = (Arc::new(memory.clone()), Arc::new(clock.clone()));
        Engine::open(settings.clone(), vec![rule.clone()], Box::new(log.clone()), store, clock).await.map_err(said)
    };
    let mut engine = open().await?;
    let mut ticks = 0;
    while !log.is_finished() {
        engine.step(Duration::ZERO).await.map_err(said)?;
        ticks += 1;
        if restart == Some(ticks) {
            engine = open().await?;
        }
    }
    clock.advance(TimeDelta::minutes(10));
    engine.step(Duration::ZERO).await.map_err(said)?;
    let name = |id: Uuid| case.event.iter().find(|event| event_id(&event.id) == id).map(|event| event.id.clone());
    let judged = memory.judged();
    let last = judged
        .iter()
        .filter_map(|one| {
            // An alert that was taken back and one that never was raised are the same at the end.
            let standing = one.alert.as_ref().filter(|alert| alert.state != AlertState::Retracted);
            let content = standing.map(|alert| alert.content_sha256.clone());
            let judgement = &one.judgement;
            let said = (judgement.outcome, judgement.why.clone(), judgement.provisional, content);
            Some((name(judgement.anchor_event_id)?, said))
        })
        .collect();
    Ok((last, memory))
}

fn differences(case: &Case, last: &Final, memory: &MemoryStore) -> Vec<String> {
    let mut problems = Vec::new();
    for (event, (outcome, why, ..)) in last {
        if *outcome == Outcome::Fired && !case.expect.iter().any(|expected| expected.event == *event) {
            problems.push(format!("{event} fired ({why}), which nobody expected"));
        }
    }
    for expected in &case.expect {
        let Some((outcome, why, provisional, _)) = last.get(&expected.event) else {
            if expected.outcome != Outcome::Silent {
                problems.push(format!("{} was not judged", expected.event));
            }
            continue;
        };
        if *outcome != expected.outcome || expected.why.as_ref().is_some_and(|expected| expected != why) {
            problems.push(format!(
                "{}: {outcome} ({why}) instead of {} {:?}",
                expected.event, expected.outcome, expected.why
            ));
        }
        if *provisional != expected.provisional {
            problems.push(format!("{}: provisional is {provisional}", expected.event));
        }
        let id = event_id(&expected.event);
        let judged = memory.judged();
        let Some(found) = judged.iter().find(|one| one.judgement.anchor_event_id == id) else { continue };
        if expected.revision.is_some_and(|revision| revision != found.judgement.revision) {
            problems.push(format!("{}: revision {}", expected.event, found.judgement.revision));
        }
        let alert = found.alert.as_ref();
        if expected.severity.is_some() && expected.severity != alert.map(|alert| alert.severity) {
            problems.push(format!("{}: severity {:?}", expected.event, alert.map(|alert| alert.severity)));
        }
        if let Some(reason) = &expected.reason
            && alert.is_none_or(|alert| alert.reason != *reason)
        {
            problems.push(format!("{}: its reason is {:?}", expected.event, alert.map(|alert| &alert.reason)));
        }
    }
    problems
}

fn event_id(name: &str) -> Uuid {
    derive("fixture", [Some(name)])
}

/// Everything that arrives, in order of arrival, on request without the field of a need.
fn records(case: &Case, without: Option<&Need>) -> Result<Vec<LogRecord>, String> {
    let mut arriving = Vec::new();
    let mut registers: Vec<&str> = case.event.iter().map(|event| event.register.as_str()).collect();
    registers.sort_unstable();
    registers.dedup();
    let first = case.event.iter().map(|event| instant(event.at)).min().unwrap_or_default();
    for register in registers.into_iter().filter(|_| case.warm) {
        for n in 1..=3 {
            let at = first - TimeDelta::minutes(20 + n);
            let rung = Rung {
                id: format!("warm {register} {n}"),
                at: at.time(),
                lasts: 0,
                kind: Kind::PriceCheck,
                register: register.to_owned(),
                operator: seven(),
                total: None,
                tender: None,
                refers: None,
                training: false,
                lines: Vec::new(),
                arrives: None,
            };
            arriving.push(transaction(case, &rung, 0, None)?);
        }
    }
    for (n, rung) in (1..).zip(&case.event) {
        arriving.push(transaction(case, rung, n, without)?);
    }
    for seen in &case.presence {
        arriving.extend(tiles(seen)?);
    }
    // Stable: what arrives together keeps its order.
    arriving.sort_by_key(|(at, ..)| *at);
    let mut offsets: BTreeMap<&'static str, i64> = BTreeMap::new();
    Ok(arriving
        .into_iter()
        .map(|(logged_at, topic, value)| {
            let offset = offsets.entry(topic).or_insert(-1);
            *offset += 1;
            ScriptedLog::record(topic, *offset, logged_at, value)
        })
        .collect())
}

type Arriving = (DateTime<Utc>, &'static str, bytes::Bytes);

fn encoded<T: avro::Avro>(value: &T) -> Result<bytes::Bytes, String> {
    let values = avro::encode(std::slice::from_ref(value)).map_err(|error| error.to_string())?;
    values.into_iter().next().ok_or_else(|| "nothing was encoded".to_owned())
}

fn transaction(case: &Case, rung: &Rung, n: i64, without: Option<&Need>) -> Result<Arriving, String> {
    let event_time = instant(rung.at);
    let received_at = rung.arrives.map_or(event_time + TimeDelta::milliseconds(250), instant);
    let name = |error: tillsight_schemas::id::BadName| error.to_string();
    let refers = match &rung.refers {
        Some(other) if !case.event.iter().any(|event| event.id == *other) => {
            return Err(format!("{} refers to {other}, which is not there", rung.id));
        }
        Some(other) => Some(TransactionRef {
            event_id: Some(event_id(other)),
            business_day: None,
            register_id: None,
            sequence_no: None,
            receipt_no: None,
        }),
        None => None,
    };
    let lines = (1..).zip(&rung.lines).map(|(line_no, item)| Line {
        line_no,
        action: if item.voided { Action::Void } else { Action::Sale },
        voids_line_no: item.voided.then_some(line_no - 1),
        line_time_raw: None,
        entry: None,
        gtin: None,
        plu: None,
        description: Some(item.description.clone()),
        qty_milli: 1_000,
        uom: None,
        unit_price_minor: Some(item.price),
        regular_price_minor: item.regular,
        extended_minor: item.price,
        discount_minor: 0,
        price_override: item.by_hand.then_some(PriceOverride { reason: None, approver_id: None }),
        department: None,
    });
    let direction = if matches!(rung.kind, Kind::Return) { Direction::Out } else { Direction::In };
    let tender = |tender_type| Tender {
        tender_no: 1,
        tender_type,
        amount_minor: rung.total.unwrap_or_default(),
        direction,
        change_minor: 0,
        pan_masked: None,
        card_token: None,
        entry_mode: None,
        stan: None,
        rrn: None,
        auth_code: None,
        response: None,
        terminal_id: None,
        offline: false,
    };
    let whole = Transaction {
        store_id: "17".parse().map_err(name)?,
        register_id: rung.register.parse().map_err(name)?,
        business_day: Some(event_time.date_naive()),
        kind: rung.kind,
        kind_raw: None,
        sequence_no: Some(n),
        operator_id: Some(rung.operator.parse().map_err(name)?),
        supervisor_id: None,
        event_time_raw: event_time.to_rfc3339(),
        begin_time_raw: None,
        revision: 0,
        replaces: None,
        currency: Some(tillsight_schemas::money::Currency::new("USD").map_err(|error| error.to_string())?),
        gross_minor: None,
        net_minor: None,
        tax_minor: None,
        total_minor: rung.total,
        item_count: None,
        reference: refers,
        receipt_no: Some(format!("R-{}", rung.id)),
        customer_token: None,
        training: rung.training,
        test: false,
        lines: lines.collect(),
        tenders: rung.tender.map(tender).into_iter().collect(),
        receipt_text: None,
        source: None,
    };
    let transaction = match without {
        None => whole,
        Some(need) => {
            let mut record = serde_json::to_value(&whole).map_err(|error| error.to_string())?;
            need.take_out(rung.kind, &mut record);
            serde_json::from_value(record).map_err(|error| error.to_string())?
        }
    };
    let header = Header {
        event_id: event_id(&rung.id),
        tenant_id: "acme".parse().map_err(name)?,
        event_time,
        event_time_uncertainty_ms: 0,
        begin_time: Some(event_time - TimeDelta::seconds(rung.lasts)),
        tz: "UTC".to_owned(),
        dst_fold: None,
        received_at,
        payload_sha256: rung.id.clone(),
        integrator_id: "fixture".parse().map_err(name)?,
        landing_topic: "lp.pos.in.fixture".to_owned(),
        landing_partition: 0,
        landing_offset: n,
    };
    Ok((received_at, topic::POS_TRANSACTION, encoded(&PostedTransaction { header, transaction })?))
}

/// The tiles of a span, cut at whole five seconds.
fn tiles(seen: &Seen) -> Result<Vec<Arriving>, String> {
    let name = |error: tillsight_schemas::id::BadName| error.to_string();
    let mut tiles = Vec::new();
    let (mut from, to) = (instant(seen.from), instant(seen.to));
    while from < to {
        let next = (from.timestamp().div_euclid(TILE_SECONDS) + 1) * TILE_SECONDS;
        let end = DateTime::from_timestamp(next, 0).unwrap_or(to).min(to);
        let published_at = seen.arrives.map_or(end, instant);
        let tile = PresenceTile {
            tenant_id: "acme".parse().map_err(name)?,
            store_id: "17".parse().map_err(name)?,
            camera_id: "kiosk".parse().map_err(name)?,
            zone_id: "window".parse().map_err(name)?,
            zone_version: 1,
            zone_kind: tillsight_schemas::zone::ZoneKind::Customer,
            register_id: Some("1".parse().map_err(name)?),
            start_at: from,
            end_at: end,
            state: seen.state,
            blind: seen.blind,
            source: seen.source,
            people: i32::from(seen.state == PresenceState::Present),
            looks: 10,
            run: None,
            first_pts: None,
            time_uncertainty_us: 0,
            model: None,
            published_at,
        };
        tiles.push((published_at, topic::CAM_PRESENCE, encoded(&tile)?));
        from = end;
    }
    Ok(tiles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_tests_of_every_rule_pass_in_any_ticks() {
        let mut cases = 0;
        for rule in Rule::library().unwrap() {
            for result in run(&rule).await.unwrap() {
                assert!(result.problems.is_empty(), "{} / {}: {:#?}", rule.header.id, result.name, result.problems);
                cases += 1;
            }
        }
        assert!(cases >= 30, "{cases}");
    }
}
