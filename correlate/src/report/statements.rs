//! The text of every question that the daily report asks. It is printed beside its number, so it is written for people:
//! any tool that speaks to the SQL endpoint gets the same number from it.

use chrono::{DateTime, Days, NaiveDate, SecondsFormat, Utc};
use tillsight_schemas::TimeSpan;
use tillsight_schemas::id::{OperatorId, StoreKey};

/// How many days before the day its usual range is made of.
pub(super) const USUAL_DAYS: u64 = 28;

/// A store's business day.
#[derive(Debug, Clone)]
pub struct ReportDay {
    /// The store.
    pub store: StoreKey,
    /// The day, as tills and store book it.
    pub day: NaiveDate,
    /// Its instants, up to now where it is not over.
    pub span: TimeSpan,
    /// Whose alerts and judgements are left out: those in which they are operator or approver.
    pub without: Vec<OperatorId>,
}

/// How often something happens among how much.
pub(super) struct Ratio {
    /// What people call it.
    pub(super) name: &'static str,
    /// What the number says, after the number.
    pub(super) unit: &'static str,
    /// The view.
    from: &'static str,
    /// Counts what happened.
    events: &'static str,
    /// Counts what it is measured against.
    of: &'static str,
}

const SALES_AND_RETURNS: &str = "count(*) FILTER (WHERE kind IN ('SALE', 'RETURN', 'EXCHANGE'))";
const LINES: &str = "count(*)";

/// The rates of the report, in order; each is `100 * events / of`.
pub(super) const RATIOS: [Ratio; 6] = [
    Ratio {
        name: "Refunds",
        unit: "per 100 receipts",
        from: "pos.transactions",
        events: "count(*) FILTER (WHERE kind = 'RETURN')",
        of: SALES_AND_RETURNS,
    },
    Ratio {
        name: "Drawer opened without a sale",
        unit: "per 100 receipts",
        from: "pos.transactions",
        events: "count(*) FILTER (WHERE kind = 'NO_SALE')",
        of: SALES_AND_RETURNS,
    },
    Ratio {
        name: "Sales undone afterwards",
        unit: "per 100 receipts",
        from: "pos.transactions",
        events: "count(*) FILTER (WHERE kind = 'POST_VOID')",
        of: SALES_AND_RETURNS,
    },
    Ratio {
        name: "Sales given up",
        unit: "per 100 receipts",
        from: "pos.transactions",
        events: "count(*) FILTER (WHERE kind = 'CANCEL')",
        of: SALES_AND_RETURNS,
    },
    Ratio {
        name: "Items taken off again",
        unit: "per 100 lines",
        from: "pos.lines",
        events: "count(*) FILTER (WHERE action = 'VOID')",
        of: LINES,
    },
    Ratio {
        name: "Prices set by hand",
        unit: "per 100 lines",
        from: "pos.lines",
        events: "count(*) FILTER (WHERE has_price_override)",
        of: LINES,
    },
];

impl ReportDay {
    /// The rows of the store, as a condition.
    fn store(&self) -> String {
        format!("tenant_id = {} AND store_id = {}", text(self.store.tenant.as_str()), text(self.store.store.as_str()))
    }

    /// Its transactions, as a condition: training and tests are not business.
    fn business(&self) -> String {
        format!("{} AND business_day = DATE '{}' AND NOT training AND NOT test", self.store(), self.day)
    }

    /// Events and what they are measured against, for the day and each of those before it.
    pub(super) fn ratio(&self, ratio: &Ratio) -> String {
        let first = self.day.checked_sub_days(Days::new(USUAL_DAYS)).unwrap_or(self.day);
        format!(
            "SELECT business_day, {} AS events, {} AS \"of\"\nFROM {}\nWHERE {}\n  AND business_day BETWEEN DATE '{first}' \
             AND DATE '{}' AND NOT training AND NOT test\nGROUP BY business_day ORDER BY business_day",
            ratio.events,
            ratio.of,
            ratio.from,
            self.store(),
            self.day
        )
    }

    /// Transactions, sales and refunds with their amounts, the slowest 5 % of deliveries, the newest record.
    pub(super) fn totals(&self) -> String {
        format!(
            "SELECT count(*) AS transactions,\n  count(*) FILTER (WHERE kind = 'SALE') AS sales,\n  \
             sum(total_minor) FILTER (WHERE kind = 'SALE') AS sales_minor,\n  \
             count(*) FILTER (WHERE kind = 'RETURN') AS refunds,\n  \
             sum(total_minor) FILTER (WHERE kind = 'RETURN') AS refunds_minor,\n  \
             CAST(round(percentile_cont(0.95) WITHIN GROUP (ORDER BY CAST(CAST(received_at AS BIGINT) - CAST(event_time AS BIGINT) \
             AS DOUBLE))) AS BIGINT) AS behind_us,\n  \
             max(received_at) AS newest\nFROM pos.transactions\nWHERE {}",
            self.business()
        )
    }

    /// How many transactions there were in each hour of the store's clock.
    pub(super) fn hours(&self) -> String {
        format!(
            "SELECT CAST(date_part('hour', event_time_local) AS BIGINT) AS hour, count(*) AS transactions\nFROM \
             pos.transactions\nWHERE {}\nGROUP BY 1 ORDER BY 1",
            self.business()
        )
    }

    /// The alerts of the day that stand.
    pub(super) fn alerts(&self) -> String {
        format!(
            "SELECT alert_id, rule_id, amount_minor\nFROM lp.alerts AS a\nWHERE {}\n  AND business_day = DATE '{}' AND \
             state <> 'retracted'{}\nORDER BY event_time, alert_id",
            self.store(),
            self.day,
            self.others("strpos(a.event_ids, t.event_id) > 0")
        )
    }

    /// Those `a` in whose transactions `t` nobody who is left out took part, as a condition; nothing when nobody is.
    fn others(&self, same: &str) -> String {
        if self.without.is_empty() {
            return String::new();
        }
        let ids: Vec<String> = self.without.iter().map(|id| text(id.as_str())).collect();
        let ids = ids.join(", ");
        let of = |view: &str, who: &str| {
            format!(
                "\n  AND NOT EXISTS (SELECT 1 FROM pos.{view} AS t WHERE t.tenant_id = a.tenant_id AND t.store_id = \
                 a.store_id AND {same}\n    AND ({who}))"
            )
        };
        let worked = format!("t.operator_id IN ({ids}) OR t.supervisor_id IN ({ids})");
        let approved = format!("t.price_override_approver_id IN ({ids})");
        format!(
            "\n  AND coalesce(a.operator_id, '') NOT IN ({ids}){}{}",
            of("transactions", &worked),
            of("lines", &approved)
        )
    }

    /// How many microseconds each camera recorded of the day. Its bounds are microseconds, as the columns have them: an
    /// instant that is written out has nanoseconds, and what is compared with it has them, too.
    pub(super) fn recorded(&self) -> String {
        let (start, end) = self.bounds();
        let [first, last] = [self.span.start(), self.span.end()].map(|at| at.timestamp() * 1_000_000);
        format!(
            "SELECT camera_id, sum(least(coalesce(CAST(end_at AS BIGINT), {last}), {last})\n  \
             - greatest(CAST(start_at AS BIGINT), {first})) AS recorded_us\nFROM rec.segments\nWHERE {}\n  AND stream = 'main' \
             AND start_at < {end} AND coalesce(end_at, {end}) > {start}\nGROUP BY camera_id ORDER BY camera_id",
            self.store()
        )
    }

    /// The gaps of each camera within the day.
    pub(super) fn gaps(&self) -> String {
        let (start, end) = self.bounds();
        format!(
            "SELECT camera_id, greatest(start_at, {start}) AS start_at,\n  least(coalesce(end_at, {end}), {end}) AS end_at, \
             cause\nFROM rec.gaps\nWHERE {}\n  AND stream = 'main' AND start_at < {end} AND coalesce(end_at, {end}) > {start}\n\
             ORDER BY camera_id, start_at",
            self.store()
        )
    }

    /// How long each zone could be told, and how long not.
    pub(super) fn zones(&self) -> String {
        let (start, end) = self.bounds();
        format!(
            "SELECT zone_id, sum(seconds) AS seconds,\n  coalesce(sum(seconds) FILTER (WHERE state = 'unknown'), 0) AS \
             unknown_seconds\nFROM cam.presence\nWHERE {}\n  AND start_at >= {start} AND start_at < {end}\nGROUP BY zone_id \
             ORDER BY zone_id",
            self.store()
        )
    }

    /// The registers with transactions for which no clock offset held.
    pub(super) fn unsynchronised(&self) -> String {
        format!(
            "SELECT register_id, count(*) AS transactions\nFROM pos.transactions AS t\nWHERE {}\n  AND NOT EXISTS (SELECT 1 \
             FROM ref.clock AS c WHERE c.tenant_id = t.tenant_id AND c.store_id = t.store_id\n    AND c.register_id = \
             t.register_id AND c.valid_from <= t.event_time AND c.method <> 'unsynchronised')\nGROUP BY register_id ORDER BY \
             register_id",
            self.business()
        )
    }

    /// How often each rule came to which outcome, and why.
    pub(super) fn outcomes(&self) -> String {
        let (start, end) = self.bounds();
        format!(
            "SELECT rule_id, outcome, why, count(*) AS times\nFROM lp.judgements AS a\nWHERE {}\n  AND event_time >= {start} \
             AND event_time < {end}{}\nGROUP BY rule_id, outcome, why ORDER BY rule_id, outcome, why",
            self.store(),
            self.others("t.event_id = a.anchor_event_id")
        )
    }

    fn bounds(&self) -> (String, String) {
        let literal = |at: DateTime<Utc>| format!("TIMESTAMPTZ '{}'", at.to_rfc3339_opts(SecondsFormat::Secs, true));
        (literal(self.span.start()), literal(self.span.end()))
    }
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}
