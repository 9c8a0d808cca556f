//! What cameras, rules and people say about a store's day: clock offsets, video and gaps, judgements, alerts and decisions,
//! as their producers write them, repetitions and later revisions included.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use tillsight_datasets::plan::StorePlan;
use tillsight_schemas::alert::{Alert, AlertState, Severity, alert_id};
use tillsight_schemas::clock_offset::{ClockMethod, ClockOffset};
use tillsight_schemas::id::{RuleId, derive};
use tillsight_schemas::judgement::{Judgement, Outcome};
use tillsight_schemas::pos::{Kind, PostedTransaction};
use tillsight_schemas::review::{Disposition, Review};
use tillsight_schemas::segment::{GapReason, Segment, SegmentState, SpanKind};

/// Days for which video is kept.
const KEPT: TimeDelta = TimeDelta::days(30);
const SEVERITIES: [Severity; 4] = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
const DISPOSITIONS: [Disposition; 8] = [
    Disposition::NoIssue,
    Disposition::Confirmed,
    Disposition::NoIssue,
    Disposition::Policy,
    Disposition::Operational,
    Disposition::FollowUp,
    Disposition::LookAtIt,
    Disposition::Explained,
];

/// A day's records, by stream.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    pub(crate) clocks: Vec<ClockOffset>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) judgements: Vec<Judgement>,
    pub(crate) alerts: Vec<Alert>,
    pub(crate) reviews: Vec<Review>,
}

/// The day of a store; video of its cameras as it stands at `now`, none without.
pub(crate) fn of_day(
    plan: &StorePlan,
    day: NaiveDate,
    posted: &[PostedTransaction],
    now: Option<DateTime<Utc>>,
) -> Evidence {
    let mut evidence = Evidence::default();
    if let Some(now) = now.filter(|_| plan.registers.iter().any(|register| register.watched)) {
        evidence.video(plan, day, now);
    }
    evidence.clocks(plan, day);
    for (number, anchor) in (0..).zip(posted.iter().filter(|posted| rule_of(posted).is_some())) {
        evidence.judge(anchor, number);
    }
    evidence
}

/// The rule whose anchor a transaction is.
fn rule_of(posted: &PostedTransaction) -> Option<RuleId> {
    let lowered = || posted.transaction.lines.iter().any(|line| line.price_override.is_some());
    let rule = match posted.transaction.kind {
        Kind::Return => "refund_no_customer",
        Kind::NoSale => "no_sale_no_customer",
        Kind::PostVoid => "post_void",
        Kind::Cancel => "cancel_burst",
        Kind::Sale if lowered() => "price_override_deep",
        _ => return None,
    };
    Some(rule.parse().unwrap())
}

impl Evidence {
    /// A minute a file while the store is open: each was open before it was closed, and the old ones were deleted. About
    /// one minute in a hundred is missing.
    fn video(&mut self, plan: &StorePlan, day: NaiveDate, now: DateTime<Utc>) {
        let mut segment: Segment = serde_json::from_str(include_str!("../../schemas/samples/v1/segment.json")).unwrap();
        segment.tenant = plan.store.tenant.clone();
        segment.store = plan.store.id.clone();
        let span = plan.hours.on(&plan.store, day).unwrap();
        segment.run = span.start().timestamp_micros();
        let mut start = span.start();
        for seq in 0.. {
            if start >= span.end() {
                break;
            }
            let mut file = segment.clone();
            (file.seq, file.start_at) = (seq, start);
            start += TimeDelta::minutes(1);
            if (seq + file.run / 60_000_000) % 97 == 0 {
                (file.kind, file.state) = (SpanKind::Gap, None);
                file.gap_reason = Some(if seq % 2 == 0 { GapReason::Unreachable } else { GapReason::Stopped });
                file.end_at = Some(start);
                self.segments.push(file);
                continue;
            }
            (file.end_at, file.state) = (None, Some(SegmentState::Open));
            self.segments.push(file.clone());
            (file.end_at, file.state) = (Some(start), Some(SegmentState::Closed));
            self.segments.push(file.clone());
            if now - start > KEPT {
                file.state = Some(SegmentState::Deleted);
                self.segments.push(file);
            }
        }
    }

    /// Each register is measured anew every day; each statement is repeated.
    fn clocks(&mut self, plan: &StorePlan, day: NaiveDate) {
        let days = i64::from(day.to_epoch_days());
        for register in &plan.registers {
            let clock = ClockOffset {
                tenant_id: plan.store.tenant.clone(),
                store_id: plan.store.id.clone(),
                register_id: register.id.clone(),
                version: days,
                valid_from: day.and_hms_opt(12, 0, 0).unwrap().and_utc(),
                offset_us: -1_000_000 * register.clock.ahead_seconds + 1_000 * (days % 7),
                uncertainty_us: 1_400_000,
                method: ClockMethod::Arrival,
                samples: 12,
                drift_ppb: None,
                measured_at: None,
                refusal: None,
            };
            self.clocks.extend([clock.clone(), clock]);
        }
    }

    /// Most anchors leave their rule silent, some it cannot see; one in 25 is an alert.
    fn judge(&mut self, anchor: &PostedTransaction, number: usize) {
        let (header, transaction) = (&anchor.header, &anchor.transaction);
        let Some(rule) = rule_of(anchor) else { return };
        let chance = header.event_id.as_u128();
        let (outcome, why) = match chance % 25 {
            0 => (Outcome::Fired, "fired"),
            1 => (Outcome::Indeterminate, "camera_frozen"),
            2 | 3 => (Outcome::Indeterminate, "no_presence"),
            4 => (Outcome::Indeterminate, "no_camera"),
            _ => (Outcome::Silent, "customer_present"),
        };
        let judgement = Judgement {
            judgement_id: alert_id(&rule, 1, &header.tenant_id, &transaction.store_id, header.event_id),
            revision: 0,
            tenant_id: header.tenant_id.clone(),
            store_id: transaction.store_id.clone(),
            rule_id: rule,
            rule_version: "1.0".to_owned(),
            anchor_event_id: header.event_id,
            register_id: transaction.register_id.clone(),
            operator_id: transaction.operator_id.clone(),
            event_time: header.event_time,
            outcome,
            why: why.to_owned(),
            provisional: number.is_multiple_of(9),
            judged_at: header.event_time + TimeDelta::seconds(3),
        };
        if outcome == Outcome::Fired {
            self.raise(anchor, &judgement, number);
        }
        if judgement.provisional {
            let again = judgement.judged_at + TimeDelta::minutes(1);
            self.judgements.push(judgement.clone());
            self.judgements.push(Judgement { revision: 1, provisional: false, judged_at: again, ..judgement });
        } else {
            self.judgements.push(judgement);
        }
    }

    fn raise(&mut self, anchor: &PostedTransaction, judgement: &Judgement, number: usize) {
        let mut alert: Alert = serde_json::from_str(include_str!("../../schemas/samples/v1/alert.json")).unwrap();
        alert.alert_id = judgement.judgement_id;
        alert.tenant_id = judgement.tenant_id.clone();
        alert.store_id = judgement.store_id.clone();
        alert.rule_id = judgement.rule_id.clone();
        alert.severity = SEVERITIES[number % SEVERITIES.len()];
        alert.anchor_event_id = judgement.anchor_event_id;
        alert.event_ids = vec![judgement.anchor_event_id];
        alert.register_id = judgement.register_id.clone();
        alert.operator_id = judgement.operator_id.clone();
        alert.business_day = anchor.transaction.business_day;
        alert.event_time = judgement.event_time;
        alert.amount_minor = anchor.transaction.total_minor;
        alert.raised_at = judgement.judged_at;
        for evidence in &mut alert.evidence {
            evidence.from_at = alert.event_time - TimeDelta::seconds(10);
            evidence.event_at = alert.event_time;
            evidence.to_at = alert.event_time + TimeDelta::seconds(10);
            if number % 10 == 3 {
                (evidence.camera_id, evidence.note) = (None, Some("no camera looks at this register".to_owned()));
            }
        }
        self.alerts.push(alert.clone());
        let (amended, retracted) = (number % 7 == 1, number % 31 == 2);
        if amended || retracted {
            alert.revision = 1;
            alert.state = if retracted { AlertState::Retracted } else { AlertState::Amended };
            self.alerts.push(alert.clone());
        }
        self.decide(&alert, number);
    }

    /// Nine of ten alerts are looked at, some twice; each statement is sent twice.
    fn decide(&mut self, alert: &Alert, number: usize) {
        for time in 0..[1, 2, 1, 1, 2, 1, 1, 0, 1, 1][number % 10] {
            let (id, times) = (alert.alert_id.to_string(), time.to_string());
            let review = Review {
                review_id: derive("review", [id.as_str(), &times].map(Some)),
                alert_id: alert.alert_id,
                alert_revision: alert.revision,
                tenant_id: alert.tenant_id.clone(),
                store_id: alert.store_id.clone(),
                disposition: DISPOSITIONS[(number + 3 * time) % DISPOSITIONS.len()],
                note: Some("Looked at the clip.".to_owned()),
                reviewer: "ana".to_owned(),
                reviewed_at: alert.raised_at + TimeDelta::hours(1 + i64::try_from(time).unwrap()),
            };
            self.reviews.extend([review.clone(), review]);
        }
    }
}
