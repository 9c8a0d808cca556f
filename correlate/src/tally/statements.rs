//! What is counted of people at tills ([`COUNTED`]), and the text of the questions that count it. They are shown beside the
//! numbers: any tool that speaks to the SQL endpoint gets the same numbers from them.
//!
//! Each number is events among exposures: how often something happened among how often it could have. Rates of the daily
//! report that are here, too, count the same.

use chrono::{Days, NaiveDate};
use tillsight_schemas::id::TenantId;

/// How many days before the period a sale may lie that is refunded in it.
const SOLD_BEFORE: u64 = 35;

/// Something that is counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counted {
    /// Its name for programs, and its column; the column of its exposures ends with `_of`.
    pub key: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// What it is counted among, after `per 100`.
    pub of: &'static str,
    /// Its share in the composite risk, beside those of the others.
    pub weight: f64,
    /// What finds its receipts in the search, where that can tell them from others.
    pub find: Option<&'static str>,
    /// Where it is counted.
    pub(super) source: Source,
    /// Which rows are events, as a condition; they are exposures, too.
    events: &'static str,
    /// Which rows are exposures, as a condition.
    exposures: &'static str,
}

/// What the rows of a question are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Transactions `t`; `n` are the stores of which some refund names its sale.
    Transactions,
    /// Lines `l` of transactions `t`.
    Lines,
    /// Refunds `t` whose sale `s` is known.
    Refunds,
}

const ALL: &str = "true";
/// A refund that does not name its sale counts where the tills can name one: where some refund of the period does.
const UNNAMED: &str = "n.store_id IS NOT NULL AND t.kind = 'RETURN' AND t.reference_event_id IS NULL AND \
                       t.reference_receipt_no IS NULL AND t.reference_sequence_no IS NULL";

/// What is counted, in the order in which it is shown. The weights of cancels, overrides, no-sales, line voids and voids are
/// those of the one formula that was found published (`StorePulse`); the others are our defaults.
pub const COUNTED: [Counted; 11] = [
    Counted {
        key: "refunds_without_receipt",
        name: "Refunds without a receipt",
        of: "receipts",
        weight: 30.0,
        find: Some("type:refund"),
        source: Source::Transactions,
        events: UNNAMED,
        exposures: "n.store_id IS NOT NULL AND t.kind IN ('SALE', 'RETURN', 'EXCHANGE')",
    },
    Counted {
        key: "own_refunds",
        name: "Refunds of own sales",
        of: "refunds of known sales",
        weight: 20.0,
        find: Some("type:refund"),
        source: Source::Refunds,
        events: "s.operator_id = t.operator_id",
        exposures: ALL,
    },
    Counted {
        key: "post_voids",
        name: "Sales undone afterwards",
        of: "receipts",
        weight: 30.0,
        find: Some("type:post_void"),
        source: Source::Transactions,
        events: "t.kind = 'POST_VOID'",
        exposures: "t.kind IN ('SALE', 'RETURN', 'EXCHANGE', 'POST_VOID')",
    },
    Counted {
        key: "cancels",
        name: "Sales given up",
        of: "receipts",
        weight: 25.0,
        find: Some("type:cancel"),
        source: Source::Transactions,
        events: "t.kind = 'CANCEL'",
        exposures: "t.kind IN ('SALE', 'RETURN', 'EXCHANGE', 'CANCEL')",
    },
    Counted {
        key: "no_sales",
        name: "Drawer opened without a sale",
        of: "receipts",
        weight: 15.0,
        find: Some("type:no_sale"),
        source: Source::Transactions,
        events: "t.kind = 'NO_SALE'",
        exposures: "t.kind IN ('SALE', 'RETURN', 'EXCHANGE', 'NO_SALE')",
    },
    Counted {
        key: "low_sales",
        name: "Sales of next to nothing",
        of: "sales",
        weight: 10.0,
        find: None,
        source: Source::Transactions,
        events: "t.kind = 'SALE' AND t.total_minor > 0 AND t.total_minor < 100",
        exposures: "t.kind = 'SALE' AND t.total_minor IS NOT NULL",
    },
    Counted {
        key: "self_approved",
        name: "Approved by oneself",
        of: "approvals",
        weight: 15.0,
        find: None,
        source: Source::Transactions,
        events: "t.supervisor_id = t.operator_id",
        exposures: "t.supervisor_id IS NOT NULL",
    },
    Counted {
        key: "line_voids",
        name: "Items taken off again",
        of: "lines",
        weight: 10.0,
        find: None,
        source: Source::Lines,
        events: "l.action = 'VOID'",
        exposures: ALL,
    },
    Counted {
        key: "overrides",
        name: "Prices set by hand",
        of: "lines",
        weight: 20.0,
        find: None,
        source: Source::Lines,
        events: "l.has_price_override",
        exposures: ALL,
    },
    Counted {
        key: "discounts",
        name: "Reductions given",
        of: "lines",
        weight: 10.0,
        find: None,
        source: Source::Lines,
        events: "l.action = 'DISCOUNT'",
        exposures: ALL,
    },
    Counted {
        key: "keyed_items",
        name: "Items typed in",
        of: "items sold",
        weight: 10.0,
        find: None,
        source: Source::Lines,
        events: "l.action = 'SALE' AND l.entry = 'KEYED'",
        exposures: "l.action = 'SALE' AND l.entry IS NOT NULL",
    },
];

/// The business days of a retailer that are counted, both ends included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// The retailer.
    pub tenant: TenantId,
    /// The first day.
    pub first: NaiveDate,
    /// The last one.
    pub last: NaiveDate,
}

impl Source {
    /// Every source.
    pub(super) const ALL: [Self; 3] = [Self::Transactions, Self::Lines, Self::Refunds];

    /// What people call what it counts.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Transactions => "Transactions by operator",
            Self::Lines => "Lines by operator",
            Self::Refunds => "Refunds of known sales by operator",
        }
    }
}

impl Period {
    /// Events and exposures of each measure of a source, by store, operator and register.
    pub(super) fn question(&self, source: Source) -> String {
        let columns: Vec<String> = COUNTED.iter().filter(|counted| counted.source == source).map(columns).collect();
        format!(
            "SELECT t.store_id, t.operator_id, t.register_id,\n  {}\nFROM {}\nWHERE {} AND t.operator_id IS NOT NULL\n\
             GROUP BY t.store_id, t.operator_id, t.register_id\nORDER BY t.store_id, t.operator_id, t.register_id",
            columns.join(",\n  "),
            self.rows(source),
            self.business("t")
        )
    }

    /// The rows of a source.
    fn rows(&self, source: Source) -> String {
        match source {
            Source::Transactions => format!(
                "pos.transactions AS t\nLEFT JOIN (SELECT DISTINCT r.store_id FROM pos.transactions AS r WHERE {}\n    AND \
                 r.kind = 'RETURN' AND (r.reference_event_id IS NOT NULL OR r.reference_receipt_no IS NOT NULL\n      OR \
                 r.reference_sequence_no IS NOT NULL)) AS n ON n.store_id = t.store_id",
                self.business("r")
            ),
            Source::Lines => {
                format!("pos.transactions AS t\nJOIN pos.lines AS l ON l.event_id = t.event_id AND {}", self.days("l"))
            }
            Source::Refunds => {
                let before = self.first.checked_sub_days(Days::new(SOLD_BEFORE)).unwrap_or(self.first);
                format!(
                    "pos.transactions AS t\nJOIN (SELECT store_id, register_id, receipt_no, min(operator_id) AS operator_id \
                     FROM pos.transactions\n    WHERE tenant_id = '{}' AND business_day BETWEEN DATE '{before}' AND DATE '{}' \
                     AND kind = 'SALE'\n    GROUP BY store_id, register_id, receipt_no HAVING min(operator_id) = \
                     max(operator_id)) AS s\n  ON s.store_id = t.store_id AND s.receipt_no = t.reference_receipt_no\n  AND \
                     s.register_id = coalesce(t.reference_register_id, t.register_id) AND t.kind = 'RETURN'",
                    self.tenant, self.last
                )
            }
        }
    }

    /// The days, as a condition.
    fn days(&self, of: &str) -> String {
        format!("{of}.business_day BETWEEN DATE '{}' AND DATE '{}'", self.first, self.last)
    }

    /// The business of the days, as a condition: training and tests are none.
    fn business(&self, of: &str) -> String {
        format!("{of}.tenant_id = '{}' AND {} AND NOT {of}.training AND NOT {of}.test", self.tenant, self.days(of))
    }
}

fn columns(counted: &Counted) -> String {
    let Counted { key, events, exposures, .. } = counted;
    format!("count(*) FILTER (WHERE {events}) AS {key}, count(*) FILTER (WHERE {exposures}) AS {key}_of")
}
