//! `GET /api/v1/coverage?store&from&to`: could the system see? Recordings and gaps, presence and blind spots, the tills'
//! records, and how often each rule came to which outcome.
//!
//! It reads the log for the whole span, so a span is a day at most, and what was too much is said in `problems`.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use tillsight_ingest::bus::WindowQuery;
use tillsight_schemas::clock_offset::ClockOffset;
use tillsight_schemas::id::{CameraId, RegisterId, StoreId, StoreKey, ZoneId};
use tillsight_schemas::pos::PostedTransaction;
use tillsight_schemas::presence::{Blind, PresenceState};
use tillsight_schemas::segment::{GapReason, StreamKey, StreamKind};
use tillsight_schemas::{TimeSpan, topic};

use super::Shared;
use super::answer::answer;
use super::auth::{Caller, Right};
use super::cameras::CameraOf;
use super::extract::Query;
use super::problem::Problem;
use super::sight::{coalesce, said, tiles};

/// The longest span: a day, and the hour that it may have more.
const LONGEST: TimeDelta = TimeDelta::hours(26);
/// Records of the log that are read at most, and for how long.
const LIMITS: (usize, Duration) = (400_000, Duration::from_secs(10));

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    store: StoreId,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

answer! {
    /// A span of a camera's schedule.
    struct RecordedSpan {
        /// From when.
        start_at: DateTime<Utc>,
        /// Until when.
        end_at: DateTime<Utc>,
        /// `recorded` or `gap`.
        kind: String,
        /// Why there is no video.
        reason: Option<GapReason>,
    }

    /// A span of a zone.
    struct PresenceSpan {
        /// From when.
        start_at: DateTime<Utc>,
        /// Until when.
        end_at: DateTime<Utc>,
        /// Whether somebody was there.
        state: PresenceState,
        /// Why it cannot be told.
        blind: Option<Blind>,
    }

    /// A zone over the span.
    struct ZoneCoverage {
        /// The zone.
        zone_id: ZoneId,
        /// How long somebody was there.
        present_seconds: i64,
        /// How long nobody was there.
        absent_seconds: i64,
        /// How long it could not be told, the time without any statement included.
        unknown_seconds: i64,
        /// The statements.
        spans: Vec<PresenceSpan>,
    }

    /// A camera over the span.
    struct CameraCoverage {
        /// The camera.
        camera_id: CameraId,
        /// What people call it.
        name: String,
        /// How long it was to be recorded.
        scheduled_seconds: i64,
        /// How long it was recorded, the seconds that are being written included.
        recorded_seconds: i64,
        /// How long it was not, expired video included.
        gap_seconds: i64,
        /// The spans.
        spans: Vec<RecordedSpan>,
        /// Its zones.
        presence: Vec<ZoneCoverage>,
    }

    /// A register over the span.
    struct RegisterCoverage {
        /// The register.
        register_id: RegisterId,
        /// The last event, by the till's clock.
        last_event_at: Option<DateTime<Utc>>,
        /// How many transactions.
        transactions: i64,
        /// From the completion of a transaction to its acceptance, in milliseconds: 95 of 100 took no longer.
        lag_ms_p95: Option<i64>,
        /// How far its clock is from the recorder's.
        clock: Option<ClockOffset>,
    }

    /// A rule over the span.
    struct RuleCoverage {
        /// The rule.
        rule_id: String,
        /// How often it fired.
        fired: i64,
        /// How often a condition kept it silent.
        silent: i64,
        /// How often it could not see.
        indeterminate: i64,
        /// `live`: it could see each time; `degraded`: not each time; `blind`: never.
        state: String,
        /// Why it could not see, most often.
        why: Option<String>,
    }

    /// Whether the system could see.
    struct CoverageShown {
        /// The shop.
        store_id: StoreId,
        /// From when.
        from: DateTime<Utc>,
        /// Until when.
        to: DateTime<Utc>,
        /// The cameras.
        cameras: Vec<CameraCoverage>,
        /// The registers.
        registers: Vec<RegisterCoverage>,
        /// The rules that judged anything.
        rules: Vec<RuleCoverage>,
        /// POS records of the store that were rejected.
        quarantined: i64,
        /// What could not be found out.
        problems: Vec<String>,
    }
}

/// Whether the system could see.
pub(super) async fn coverage(
    State(shared): State<Shared>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Json<CoverageShown>, Problem> {
    let person = caller.person(Right::Look)?;
    let bad = |detail: String| Problem::new(StatusCode::BAD_REQUEST, "bad span", detail);
    let span = TimeSpan::new(asked.from, asked.to).map_err(|error| bad(error.to_string()))?;
    if span.duration() > LONGEST {
        return Err(bad(format!("a span has {} hours at most", LONGEST.num_hours())));
    }
    let key = StoreKey::new(person.scope.tenant.clone(), asked.store.clone());
    let known = shared.shops.iter().any(|store| store.key() == key);
    if !known || !person.scope.sees(&key.tenant, &key.store) {
        let detail = format!("there is no store {} for you", asked.store);
        return Err(Problem::new(StatusCode::NOT_FOUND, "not found", detail));
    }
    let (mut problems, mut of_tills, mut of_records) = (Vec::new(), Vec::new(), Vec::new());
    let (cameras, registers, quarantined) = tokio::join!(
        cameras(&shared, &key, span, &mut problems),
        registers(&shared, &key, span, &mut of_tills),
        quarantined(&shared, &key, span, &mut of_records),
    );
    problems.extend(of_tills.into_iter().chain(of_records));
    problems.extend(shared.left_out.iter().map(|problem| format!("A rule does not judge: {problem}")));
    let micros = span.start().timestamp_micros()..span.end().timestamp_micros();
    let outcomes = shared
        .db
        .outcomes(&key.tenant, &key.store, micros, &person.scope.without)
        .await
        .map_err(|error| Problem::unavailable("the judgements cannot be read", &error))?;
    Ok(Json(CoverageShown {
        store_id: asked.store,
        from: span.start(),
        to: span.end(),
        cameras,
        registers,
        rules: rules(&outcomes),
        quarantined,
        problems,
    }))
}

async fn cameras(shared: &Shared, store: &StoreKey, span: TimeSpan, problems: &mut Vec<String>) -> Vec<CameraCoverage> {
    let of_store: Vec<&CameraOf> = shared.cameras.of_store(store).collect();
    let tiles = if of_store.is_empty() { Vec::new() } else { tiles(shared, store, span, LIMITS, problems).await };
    let seen = coalesce(&tiles, span);
    let now = shared.clock.now();
    let looked = (span.end().min(now) - span.start()).num_seconds().max(0);
    let mut shown = Vec::new();
    for camera in of_store {
        let key = StreamKey::new(store, camera.id.clone(), StreamKind::Main);
        let coverage = shared.cameras.coverage(&key, span, now).await;
        let coverage = coverage.unwrap_or_else(|error| {
            tracing::warn!(%error, camera = %key, "the recordings cannot be read");
            problems.push(format!("the recordings of camera {} cannot be read", camera.id));
            None
        });
        let zones = shared.cameras.zones(store).filter(|zone| zone.camera == camera.id).map(|zone| {
            let spans: Vec<PresenceSpan> = seen
                .iter()
                .filter(|seen| seen.zone_id == zone.id)
                .map(|seen| PresenceSpan {
                    start_at: seen.start_at,
                    end_at: seen.end_at,
                    state: seen.state,
                    blind: seen.blind,
                })
                .collect();
            let seconds = |state| {
                let of = spans.iter().filter(|span| span.state == state);
                of.map(|span| span.end_at - span.start_at).sum::<TimeDelta>().num_seconds()
            };
            let (present, absent) = (seconds(PresenceState::Present), seconds(PresenceState::Absent));
            ZoneCoverage {
                zone_id: zone.id.clone(),
                present_seconds: present,
                absent_seconds: absent,
                unknown_seconds: (looked - present - absent).max(0),
                spans,
            }
        });
        let mut covered = CameraCoverage {
            camera_id: camera.id.clone(),
            name: camera.name.clone(),
            scheduled_seconds: 0,
            recorded_seconds: 0,
            gap_seconds: 0,
            spans: Vec::new(),
            presence: zones.collect(),
        };
        if let Some(coverage) = coverage {
            covered.scheduled_seconds = coverage.scheduled_us / 1_000_000;
            covered.recorded_seconds = (coverage.recorded_us + coverage.pending_us) / 1_000_000;
            covered.gap_seconds = (coverage.gap_us + coverage.expired_us + coverage.unexplained_us) / 1_000_000;
            let recorded = coverage.recorded.iter().map(|span| (*span, "recorded", None));
            let gaps = coverage.gaps.iter().map(|(span, reason)| (*span, "gap", Some(*reason)));
            covered.spans = recorded
                .chain(gaps)
                .map(|(span, kind, reason)| RecordedSpan {
                    start_at: span.start(),
                    end_at: span.end(),
                    kind: kind.to_owned(),
                    reason,
                })
                .collect();
            covered.spans.sort_by_key(|span| span.start_at);
        }
        shown.push(covered);
    }
    shown
}

async fn registers(
    shared: &Shared,
    store: &StoreKey,
    span: TimeSpan,
    problems: &mut Vec<String>,
) -> Vec<RegisterCoverage> {
    // A till that was offline delivers late: to the end of the log.
    let query = WindowQuery {
        topic: topic::POS_TRANSACTION.to_owned(),
        key: Some(store.to_string()),
        from: span.start(),
        to: None,
        rows: LIMITS.0,
        patience: LIMITS.1,
    };
    let records: Vec<PostedTransaction> = said(shared, query, "what the tills sent", problems).await;
    let mut registers: BTreeMap<RegisterId, BTreeMap<_, (DateTime<Utc>, i64)>> = BTreeMap::new();
    let drawn = shared.cameras.registers(store).into_iter().map(|(id, _, _)| id);
    for id in drawn.chain(shared.known.registers(store)) {
        registers.entry(id).or_default();
    }
    for posted in &records {
        let header = &posted.header;
        if header.tenant_id == store.tenant && span.contains(header.event_time) {
            let lag = (header.received_at - header.event_time).num_milliseconds();
            let of = registers.entry(posted.transaction.register_id.clone()).or_default();
            of.insert(header.event_id, (header.event_time, lag));
        }
    }
    let shown = registers.into_iter().map(|(register_id, events)| {
        let mut lags: Vec<i64> = events.values().map(|(_, lag)| *lag).collect();
        lags.sort_unstable();
        RegisterCoverage {
            last_event_at: events.values().map(|(at, _)| *at).max(),
            transactions: i64::try_from(events.len()).unwrap_or(i64::MAX),
            lag_ms_p95: lags.get((lags.len() * 95).div_ceil(100).saturating_sub(1)).copied(),
            clock: shared.known.clock(store, &register_id),
            register_id,
        }
    });
    shown.collect()
}

/// Rejected records of a store: dead letters keep the key they came with.
async fn quarantined(shared: &Shared, store: &StoreKey, span: TimeSpan, problems: &mut Vec<String>) -> i64 {
    let mut count = 0;
    for permits in shared.permits.iter().filter(|permits| permits.tenant == store.tenant) {
        let query = WindowQuery {
            topic: topic::dlq(&topic::landing(&permits.integrator)),
            key: None,
            from: span.start(),
            to: Some(span.end()),
            rows: LIMITS.0,
            patience: Duration::from_secs(2),
        };
        match shared.windows.read(query).await {
            Ok(window) => {
                let key = store.to_string();
                count += window.records.iter().filter(|record| record.key.as_deref() == Some(key.as_bytes())).count();
            }
            Err(error) => {
                tracing::warn!(%error, "the dead letters cannot be read");
                problems.push(format!("the rejected records of {} are missing", permits.integrator));
            }
        }
    }
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn rules(outcomes: &[(String, String, String, i64)]) -> Vec<RuleCoverage> {
    let mut rules: BTreeMap<&str, RuleCoverage> = BTreeMap::new();
    let mut most: BTreeMap<&str, i64> = BTreeMap::new();
    for (rule, outcome, why, count) in outcomes {
        let shown = rules.entry(rule).or_insert_with(|| RuleCoverage {
            rule_id: rule.clone(),
            fired: 0,
            silent: 0,
            indeterminate: 0,
            state: "live".to_owned(),
            why: None,
        });
        match outcome.as_str() {
            "fired" => shown.fired += count,
            "silent" => shown.silent += count,
            _ => {
                shown.indeterminate += count;
                let most = most.entry(rule).or_default();
                if count > most {
                    *most = *count;
                    shown.why = Some(why.clone());
                }
            }
        }
        shown.state = match (shown.indeterminate, shown.fired + shown.silent) {
            (0, _) => "live",
            (_, 0) => "blind",
            _ => "degraded",
        }
        .to_owned();
    }
    rules.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_never_saw_is_blind_and_says_why() {
        let row = |rule: &str, outcome: &str, why: &str, count| (rule.into(), outcome.into(), why.into(), count);
        let shown = rules(&[
            row("a", "indeterminate", "camera_blind", 2),
            row("a", "indeterminate", "clock_unknown", 5),
            row("b", "fired", "no_customer", 1),
            row("b", "indeterminate", "camera_blind", 1),
            row("c", "silent", "customer_present", 9),
        ]);
        let states: Vec<_> = shown.iter().map(|rule| (rule.state.as_str(), rule.why.as_deref())).collect();
        assert_eq!(states, [("blind", Some("clock_unknown")), ("degraded", Some("camera_blind")), ("live", None)]);
    }
}
