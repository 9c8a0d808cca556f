//! What the daily exception report says: one model, shown as JSON, page, mail, CSV and PDF.

use chrono::{DateTime, NaiveDate, Utc};
use tillsight_schemas::alert::Severity;
use tillsight_schemas::id::{CameraId, OperatorId, RegisterId, RuleId, StoreId, ZoneId};
use tillsight_schemas::money::Currency;
use tillsight_schemas::review::{Disposition, Review};
use uuid::Uuid;

use crate::http::answer::answer;

answer! {
    /// The store of a report.
    struct ReportStore {
        /// Its id.
        id: StoreId,
        /// What people call it.
        name: String,
        /// Its IANA time zone.
        tz: String,
        /// ISO 4217 code of its tills.
        currency: Currency,
    }

    /// An hour of the day by the store's clock.
    struct ReportHour {
        /// 0 to 23.
        hour: i64,
        /// How many transactions there were.
        transactions: i64,
    }

    /// What the day comes to.
    struct ReportVerdict {
        /// `quiet`: nothing fired and it could see; `look`: there are exceptions; `blind`: it could not see.
        level: String,
        /// The same in words.
        text: String,
    }

    /// The business of the day, without training and tests; amounts in minor units.
    struct ReportTotals {
        /// Everything that the tills sent.
        transactions: i64,
        /// Sales.
        sales: i64,
        /// What they came to.
        sales_minor: i64,
        /// Refunds.
        refunds: i64,
        /// What they came to.
        refunds_minor: i64,
    }

    /// A line of a receipt that matters.
    struct DecisiveLine {
        /// What the receipt calls it.
        description: Option<String>,
        /// Quantity in thousandths.
        qty_milli: Option<i64>,
        /// What it adds up to, in minor units.
        extended_minor: Option<i64>,
        /// What it does.
        action: String,
    }

    /// An exception: an alert that a person should look at.
    struct Exception {
        /// The alert.
        alert_id: Uuid,
        /// The rule that fired.
        rule_id: RuleId,
        /// In a few words.
        title: String,
        /// Why it fired.
        reason: String,
        /// How much it matters.
        severity: Severity,
        /// When, by the till's clock.
        event_time: DateTime<Utc>,
        /// The register.
        register_id: RegisterId,
        /// Who worked it.
        operator_id: Option<OperatorId>,
        /// The number on the receipt.
        receipt_no: Option<String>,
        /// The amount at stake, in minor units.
        amount_minor: Option<i64>,
        /// The lines that matter, three at most.
        lines: Vec<DecisiveLine>,
        /// How well till and camera agree, in words.
        clock: String,
        /// Why there is no picture; null when there is one.
        no_still: Option<String>,
        /// The picture; null without one.
        still_url: Option<String>,
        /// Where to look at it.
        link: String,
        /// What a person decided; null while it is open.
        disposition: Option<Disposition>,
        /// What the store said about it from its report, newest first.
        said: Vec<Review>,
    }

    /// Exceptions that are not listed.
    struct ReportHeld {
        /// Why: `budget` (others are worth more), `severity`, or `demoted` (their rules were wrong too often).
        why: String,
        /// How many.
        count: i64,
        /// The same in words.
        words: String,
    }

    /// How often something happened, beside what is usual for the store.
    struct ReportRate {
        /// What people call it.
        name: String,
        /// The number; null when there was nothing to measure against.
        value: Option<f64>,
        /// What the number is.
        unit: String,
        /// How often it happened.
        events: i64,
        /// Among how many.
        of: i64,
        /// The mean of the days before; null while they are too few.
        baseline_mean: Option<f64>,
        /// A tenth of the days before lie below.
        baseline_low: Option<f64>,
        /// A tenth of the days before lie above.
        baseline_high: Option<f64>,
        /// How many days that is, or why there is none.
        note: String,
        /// The question that gives the number.
        sql: String,
    }

    /// A span without video.
    struct ReportGap {
        /// From when.
        start_at: DateTime<Utc>,
        /// Until when.
        end_at: DateTime<Utc>,
        /// Why.
        reason: String,
    }

    /// A camera over the day.
    struct ReportCamera {
        /// The camera.
        camera_id: CameraId,
        /// What people call it.
        name: String,
        /// The registers that it looks at.
        registers: Vec<RegisterId>,
        /// How much of the time that it was to record it did, in thousandths; null when it was not to record.
        uptime_permille: Option<i64>,
        /// The rest.
        gaps: Vec<ReportGap>,
    }

    /// A zone over the day.
    struct ReportZone {
        /// The zone.
        zone_id: ZoneId,
        /// For how many seconds there are statements.
        seconds: i64,
        /// For how many of them nobody can tell whether somebody was there.
        unknown_seconds: i64,
    }

    /// What a rule could not judge.
    struct ReportBlind {
        /// The rule.
        rule_id: String,
        /// What people call it.
        name: String,
        /// How many events.
        count: i64,
        /// Of how many.
        of: i64,
        /// Why, most often.
        why: String,
    }

    /// A question behind a number.
    struct ReportQuestion {
        /// Of which number.
        name: String,
        /// The SQL.
        sql: String,
    }

    /// Whether the system could see.
    struct ReportSight {
        /// The cameras.
        cameras: Vec<ReportCamera>,
        /// The zones.
        zones: Vec<ReportZone>,
        /// How late the tills' records came, in milliseconds: 95 of 100 came sooner; null when there was none.
        pos_lag_ms_p95: Option<i64>,
        /// Records that were set aside because they are wrong; null when that cannot be told.
        quarantined: Option<i64>,
        /// Registers whose clock is not synchronised.
        unsynchronised_lanes: Vec<RegisterId>,
        /// Registers that sent records although no zone and no name knew them.
        unknown_registers: Vec<RegisterId>,
        /// What could not be judged.
        indeterminate: Vec<ReportBlind>,
    }

    /// The exception report of a store's business day.
    struct Report {
        /// The store.
        store: ReportStore,
        /// The day.
        business_day: NaiveDate,
        /// Its first instant.
        from: DateTime<Utc>,
        /// Its end, or now while it is not over.
        to: DateTime<Utc>,
        /// What it comes to.
        verdict: ReportVerdict,
        /// The business of the day.
        totals: ReportTotals,
        /// What to look at: the best of the day by what they are worth, as many as are sent of a day, and all that are
        /// critical.
        exceptions: Vec<Exception>,
        /// How many more can be browsed.
        more: i64,
        /// Why these are not listed.
        held: Vec<ReportHeld>,
        /// How often what is looked at happened.
        rates: Vec<ReportRate>,
        /// Transactions by the hour of the store's clock; hours without any are missing.
        hours: Vec<ReportHour>,
        /// Whether the system could see.
        sight: ReportSight,
        /// The questions behind the other numbers.
        questions: Vec<ReportQuestion>,
        /// Whether it counts what came after it was due, half an hour after closing: records of tills or alerts.
        restated: bool,
        /// Whether the store had closed when it was made.
        over: bool,
        /// When it was made.
        made_at: DateTime<Utc>,
        /// When the newest record that is counted was received; null without any.
        as_of: Option<DateTime<Utc>>,
    }
}
