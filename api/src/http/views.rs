//! The answers about alerts and receipts: what a list shows, what one alert is, and how they are made of the records.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use tillsight_ingest::pos::read_time;
use tillsight_schemas::alert::{Alert, AlertState, SeenSpan, Severity};
use tillsight_schemas::clip::ClipGap;
use tillsight_schemas::clock_offset::ClockMethod;
use tillsight_schemas::detection::DetectionBox;
use tillsight_schemas::id::{CameraId, OperatorId, RegisterId, RuleId, StoreId, TenantId};
use tillsight_schemas::judgement::Judgement;
use tillsight_schemas::money::Currency;
use tillsight_schemas::pos::PostedTransaction;
use tillsight_schemas::review::{Disposition, Review};
use tillsight_schemas::store::Store;
use tillsight_schemas::zone::Zone;
use uuid::Uuid;

use super::answer::answer;
use super::case_views::CaseLink;
use super::queue::{AssignmentShown, Expected, QueueItem};
use crate::db::AlertRow;
use crate::sending::Sending;

answer! {
    /// The person who is signed in.
    struct Me {
        /// The log-in name.
        name: String,
        /// What they do: `analyst`, `manager`, `head_office`, `admin`.
        role: String,
        /// The retailer.
        tenant: TenantId,
        /// The stores they see; all of the retailer when empty.
        stores: Vec<StoreId>,
    }

    /// The store asked, from its report, to look at an alert.
    struct StoreAsks {
        /// When it asked last.
        at: DateTime<Utc>,
        /// Under which address.
        by: String,
        /// The business day of the report.
        report_day: Option<NaiveDate>,
    }

    /// An alert in a list.
    struct AlertSummary {
        /// Its id.
        alert_id: Uuid,
        /// 0, and one more for each amendment.
        revision: i32,
        /// Whether it stands.
        state: AlertState,
        /// The shop.
        store_id: StoreId,
        /// The register.
        register_id: RegisterId,
        /// Who worked it.
        operator_id: Option<OperatorId>,
        /// The rule.
        rule_id: RuleId,
        /// How much it matters.
        severity: Severity,
        /// In a few words.
        title: String,
        /// Why it fired.
        reason: String,
        /// The amount at stake, in minor units.
        amount_minor: Option<i64>,
        /// ISO 4217 code of the amount.
        currency: Option<String>,
        /// When it happened, by the till's clock.
        event_time: DateTime<Utc>,
        /// When it happened, by the camera's clock; null when till and camera could not be aligned.
        camera_time: Option<DateTime<Utc>>,
        /// When it was raised.
        raised_at: DateTime<Utc>,
        /// The day the store books it on.
        business_day: Option<NaiveDate>,
        /// Decided without a source that was behind.
        provisional: bool,
        /// Whether there is video of it at this moment.
        has_video: bool,
        /// What a person decided; null while it is open.
        disposition: Option<Disposition>,
        /// Who decided.
        reviewed_by: Option<String>,
        /// When.
        reviewed_at: Option<DateTime<Utc>>,
        /// The item of the queue that it belongs to: alerts that are worked together.
        item_id: Uuid,
        /// Who was given it.
        assignee: Option<String>,
        /// The amount at stake times the chance that it is confirmed, in minor units.
        expected_minor: Option<i64>,
        /// That the store asks to look at it; null when it does not.
        asked: Option<StoreAsks>,
        /// Whether people are told of it: it was sent, or picked at random. The others can be browsed.
        sent: bool,
        /// Why it was sent, or held back.
        sending: Sending,
        /// With which chance it was picked at random from what was held back, 0 to 1, to learn how good its rule is; null when
        /// it was not.
        picked: Option<f64>,
    }

    /// A page of alerts, newest first.
    struct AlertPage {
        /// The alerts.
        items: Vec<AlertSummary>,
        /// What to ask for the next page with; null on the last one.
        next_cursor: Option<String>,
    }

    /// A parameter of a rule.
    struct RuleParam {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
        /// The unit of the value.
        unit: Option<String>,
        /// What it does.
        description: String,
        /// The least that it may be.
        min: i64,
        /// The most.
        max: i64,
    }

    /// The rule behind an alert.
    struct RuleShown {
        /// Its id.
        id: RuleId,
        /// The version that fired.
        version: String,
        /// What people call it.
        name: String,
        /// What it looks for; empty for a rule that is not installed any more.
        description: String,
        /// How much it matters.
        severity: Severity,
        /// What else may be behind an alert: a sentence each.
        innocent: Vec<String>,
        /// Its parameters.
        params: Vec<RuleParam>,
    }

    /// A line of a receipt.
    struct LineShown {
        /// Its number.
        line_no: i32,
        /// What it does.
        action: String,
        /// What the receipt calls it.
        description: Option<String>,
        /// GTIN in 14 digits.
        gtin: Option<String>,
        /// Quantity in thousandths.
        qty_milli: i64,
        /// Unit of the quantity.
        uom: Option<String>,
        /// Price of one, in minor units.
        unit_price_minor: Option<i64>,
        /// Price of one on the shelf.
        regular_price_minor: Option<i64>,
        /// What the line adds up to.
        extended_minor: i64,
        /// The reductions in it.
        discount_minor: i64,
        /// Whether the price was set by hand.
        price_override: bool,
        /// The department.
        department: Option<String>,
        /// When it was rung, by the till's clock.
        at: Option<DateTime<Utc>>,
        /// The same by the camera's clock.
        camera_at: Option<DateTime<Utc>>,
    }

    /// A payment.
    struct TenderShown {
        /// Its number.
        tender_no: i32,
        /// With what.
        tender_type: String,
        /// How much, in minor units.
        amount_minor: i64,
        /// Which way: `IN`, `OUT`, `NONE`.
        direction: String,
        /// Change given back.
        change_minor: i64,
        /// The masked card number.
        pan_masked: Option<String>,
    }

    /// A transaction with its receipt.
    struct TransactionShown {
        /// Its id.
        event_id: Uuid,
        /// The shop.
        store_id: StoreId,
        /// The register.
        register_id: RegisterId,
        /// Who worked it.
        operator_id: Option<OperatorId>,
        /// Who approved.
        supervisor_id: Option<OperatorId>,
        /// What happened.
        kind: String,
        /// The till's own word for it.
        kind_raw: Option<String>,
        /// The number on the receipt.
        receipt_no: Option<String>,
        /// The till's running number.
        sequence_no: Option<i64>,
        /// 0, and higher for a correction of it.
        revision: i32,
        /// The transaction that it replaces, where it is a correction under another identity.
        replaces: Option<Uuid>,
        /// The day the store books it on.
        business_day: Option<NaiveDate>,
        /// When it completed, by the till's clock.
        event_time: DateTime<Utc>,
        /// When it began, by the till's clock.
        begin_time: Option<DateTime<Utc>>,
        /// The time as the till wrote it.
        event_time_raw: String,
        /// When it completed, by the camera's clock; null when the two could not be aligned.
        camera_time: Option<DateTime<Utc>>,
        /// ISO 4217 code of all amounts.
        currency: Option<Currency>,
        /// Before discounts and tax.
        gross_minor: Option<i64>,
        /// After discounts, before tax.
        net_minor: Option<i64>,
        /// Tax.
        tax_minor: Option<i64>,
        /// What the customer pays or gets back.
        total_minor: Option<i64>,
        /// Rung in training mode.
        training: bool,
        /// The items.
        lines: Vec<LineShown>,
        /// The payments.
        tenders: Vec<TenderShown>,
        /// The receipt as printed.
        receipt_text: Option<String>,
    }

    /// The video of an event by one camera.
    struct Video {
        /// The camera; null when none looks at the register.
        camera_id: Option<CameraId>,
        /// What people call it.
        camera_name: Option<String>,
        /// From when.
        from_at: DateTime<Utc>,
        /// Until when.
        to_at: DateTime<Utc>,
        /// Where in it the event is.
        event_at: DateTime<Utc>,
        /// When its first picture is: time 0 of the file. Later than `from_at` where the beginning was not recorded; null
        /// without video.
        starts_at: Option<DateTime<Utc>>,
        /// The MP4 file; null without video.
        clip_url: Option<String>,
        /// The same for a player.
        play_url: Option<String>,
        /// A still at the event.
        poster_url: Option<String>,
        /// Why there is no video, or not all of it.
        note: Option<String>,
        /// Spans without video.
        gaps: Vec<ClipGap>,
    }

    /// What was recognised in one picture.
    struct LookShown {
        /// When it was taken.
        at: DateTime<Utc>,
        /// The camera.
        camera_id: CameraId,
        /// The boxes; edges in ten-thousandths of width and height.
        boxes: Vec<DetectionBox>,
    }

    /// What can be seen of an event.
    struct Sight {
        /// Its video.
        video: Vec<Video>,
        /// Presence in the zones of the register.
        presence: Vec<SeenSpan>,
        /// The zones of the cameras.
        zones: Vec<Zone>,
        /// What the detector recognised.
        boxes: Vec<LookShown>,
        /// What of all this could not be found out.
        problems: Vec<String>,
    }

    /// One alert with its proof.
    struct AlertDetail {
        /// What a list shows.
        @flatten summary: AlertSummary,
        /// The whole record.
        alert: Alert,
        /// The rule that fired.
        rule: RuleShown,
        /// The transaction that it fired on.
        transaction: Option<TransactionShown>,
        /// The other transactions that belong to it.
        related: Vec<TransactionShown>,
        /// What can be seen of it.
        @flatten sight: Sight,
        /// The decisions, newest first.
        reviews: Vec<Review>,
        /// What the store said, from its reports, of the other alerts of its item.
        said: Vec<Review>,
        /// Who was given it, newest first.
        assignments: Vec<AssignmentShown>,
        /// The item of the queue that it belongs to, with all its alerts.
        item: QueueItem,
        /// How likely it is confirmed, and why that is expected.
        expected: Expected,
        /// The cases that hold it, of those that the person sees.
        cases: Vec<CaseLink>,
        /// What every rule made of the same event.
        verdicts: Vec<Judgement>,
    }

    /// One transaction with what the rules made of it.
    struct TransactionDetail {
        /// The transaction.
        transaction: TransactionShown,
        /// The transaction that replaces it: a correction, which holds instead.
        replaced_by: Option<Uuid>,
        /// The alerts about it.
        alerts: Vec<AlertSummary>,
        /// What every rule made of it.
        verdicts: Vec<Judgement>,
        /// What can be seen of it.
        @flatten sight: Sight,
    }

    /// One transaction as its page shows it.
    struct TransactionPage {
        /// The transaction.
        @flatten detail: TransactionDetail,
        /// The cases that hold its receipt, of those that the person sees.
        cases: Vec<CaseLink>,
    }
}

/// What a list shows of an alert.
pub(super) fn summary(row: &AlertRow, has_video: bool) -> AlertSummary {
    let alert = &row.alert;
    AlertSummary {
        alert_id: alert.alert_id,
        revision: alert.revision,
        state: alert.state,
        store_id: alert.store_id.clone(),
        register_id: alert.register_id.clone(),
        operator_id: alert.operator_id.clone(),
        rule_id: alert.rule_id.clone(),
        severity: alert.severity,
        title: alert.title.clone(),
        reason: alert.reason.clone(),
        amount_minor: alert.amount_minor,
        currency: alert.currency.clone(),
        event_time: alert.event_time,
        camera_time: offset(alert.clock.method, alert.clock.offset_us).map(|offset| alert.event_time + offset),
        raised_at: alert.raised_at,
        business_day: alert.business_day,
        provisional: alert.provisional,
        has_video,
        disposition: row.disposition,
        reviewed_by: row.reviewed_by.clone(),
        reviewed_at: row.reviewed_at,
        item_id: row.item,
        assignee: row.assignee.clone(),
        expected_minor: row.expected(),
        asked: row.asked.clone().map(|(at, by)| StoreAsks { at, by, report_day: alert.business_day }),
        sent: row.told.is_shown(),
        sending: row.told.why,
        picked: picked(row.told.picked_permille),
    }
}

/// A chance in thousandths, where there is one.
fn picked(permille: i64) -> Option<f64> {
    let permille = u32::try_from(permille).ok().filter(|permille| *permille > 0)?;
    Some(f64::from(permille) / 1_000.0)
}

/// What to add to the till's time, if that is known.
pub(super) fn offset(method: ClockMethod, offset_us: i64) -> Option<TimeDelta> {
    (method != ClockMethod::Unsynchronised).then(|| TimeDelta::microseconds(offset_us))
}

/// A transaction as it is shown; line times are read in the store's zone, and moved to the camera's clock where the
/// offset is known.
pub(super) fn transaction(
    posted: &PostedTransaction,
    store: Option<&Store>,
    offset: Option<TimeDelta>,
) -> TransactionShown {
    let (header, till) = (&posted.header, &posted.transaction);
    let lines = till.lines.iter().map(|line| {
        let read = line.line_time_raw.as_deref().zip(store).and_then(|(text, store)| read_time(text, store).ok());
        let at = read.map(|read| read.at);
        LineShown {
            line_no: line.line_no,
            action: line.action.as_str().to_owned(),
            description: line.description.clone(),
            gtin: line.gtin.clone(),
            qty_milli: line.qty_milli,
            uom: line.uom.clone(),
            unit_price_minor: line.unit_price_minor,
            regular_price_minor: line.regular_price_minor,
            extended_minor: line.extended_minor,
            discount_minor: line.discount_minor,
            price_override: line.price_override.is_some(),
            department: line.department.clone(),
            at,
            camera_at: at.zip(offset).map(|(at, offset)| at + offset),
        }
    });
    let tenders = till.tenders.iter().map(|tender| TenderShown {
        tender_no: tender.tender_no,
        tender_type: tender.tender_type.as_str().to_owned(),
        amount_minor: tender.amount_minor,
        direction: tender.direction.as_str().to_owned(),
        change_minor: tender.change_minor,
        pan_masked: tender.pan_masked.clone(),
    });
    TransactionShown {
        event_id: header.event_id,
        store_id: till.store_id.clone(),
        register_id: till.register_id.clone(),
        operator_id: till.operator_id.clone(),
        supervisor_id: till.supervisor_id.clone(),
        kind: till.kind.as_str().to_owned(),
        kind_raw: till.kind_raw.clone(),
        receipt_no: till.receipt_no.clone(),
        sequence_no: till.sequence_no,
        revision: till.revision,
        replaces: till.replaces,
        business_day: till.business_day,
        event_time: header.event_time,
        begin_time: header.begin_time,
        event_time_raw: till.event_time_raw.clone(),
        camera_time: offset.map(|offset| header.event_time + offset),
        currency: till.currency,
        gross_minor: till.gross_minor,
        net_minor: till.net_minor,
        tax_minor: till.tax_minor,
        total_minor: till.total_minor,
        training: till.training,
        lines: lines.collect(),
        tenders: tenders.collect(),
        receipt_text: till.receipt_text.clone(),
    }
}
