//! The tables that rules read, and their rows.
//!
//! Instants are microseconds since 1970 in UTC (`*_us`), so that rules need only arithmetic that every SQL engine has.
//! `anchor` and `pos` hold transactions, `lines` and `tenders` what belongs to them, `presence` the zones' states in
//! coalesced spans, `params` one row of the rule's numbers per store. `history` is [`history`].

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::pos::PostedTransaction;

use super::clock::Aligned;
use super::history;
use super::memory::Span;
use crate::rule::{Header, Params};

/// Views: rules join and group by texts, which are short but for ids, and move rows about.
pub(super) const TEXT: DataType = DataType::Utf8View;
pub(super) const LONG: DataType = DataType::Int64;
pub(super) const BOOL: DataType = DataType::Boolean;

const POS: &[(&str, DataType)] = &[
    ("event_id", TEXT),
    ("tenant_id", TEXT),
    ("store_id", TEXT),
    ("register_id", TEXT),
    ("operator_id", TEXT),
    ("supervisor_id", TEXT),
    ("kind", TEXT),
    ("business_day", TEXT),
    ("sequence_no", LONG),
    ("receipt_no", TEXT),
    ("begin_us", LONG),
    ("event_us", LONG),
    ("total_minor", LONG),
    ("currency", TEXT),
    ("training", BOOL),
    ("test", BOOL),
    ("reference_event_id", TEXT),
    ("reference_business_day", TEXT),
    ("reference_register_id", TEXT),
    ("reference_sequence_no", LONG),
    ("reference_receipt_no", TEXT),
];

const ANCHOR: &[(&str, DataType)] = &[
    ("camera_begin_us", LONG),
    ("camera_end_us", LONG),
    ("clock_bound_us", LONG),
    ("customer_zones", LONG),
    ("cashier_zones", LONG),
];

const LINES: &[(&str, DataType)] = &[
    ("event_id", TEXT),
    ("line_no", LONG),
    ("action", TEXT),
    ("description", TEXT),
    ("department", TEXT),
    ("entry", TEXT),
    ("qty_milli", LONG),
    ("unit_price_minor", LONG),
    ("regular_price_minor", LONG),
    ("extended_minor", LONG),
    ("discount_minor", LONG),
    ("price_override", BOOL),
    ("voids_line_no", LONG),
];

const TENDERS: &[(&str, DataType)] = &[
    ("event_id", TEXT),
    ("tender_no", LONG),
    ("tender_type", TEXT),
    ("amount_minor", LONG),
    ("direction", TEXT),
    ("change_minor", LONG),
    ("card_token", TEXT),
];

const PRESENCE: &[(&str, DataType)] = &[
    ("tenant_id", TEXT),
    ("store_id", TEXT),
    ("register_id", TEXT),
    ("zone_id", TEXT),
    ("zone_kind", TEXT),
    ("start_us", LONG),
    ("end_us", LONG),
    ("state", TEXT),
    ("blind", TEXT),
    ("source", TEXT),
];

pub(super) fn described(columns: &[&[(&str, DataType)]]) -> SchemaRef {
    let fields = columns.iter().flat_map(|columns| columns.iter());
    Arc::new(Schema::new(fields.map(|(name, kind)| Field::new(*name, kind.clone(), true)).collect::<Vec<_>>()))
}

/// Name and columns of a table as a rule sees it.
pub(crate) fn schema(table: &str, header: &Header) -> Option<(&'static str, SchemaRef)> {
    Some(match table {
        "anchor" => ("anchor", described(&[POS, ANCHOR])),
        "pos" => ("pos", described(&[POS])),
        "lines" => ("lines", described(&[LINES])),
        "tenders" => ("tenders", described(&[TENDERS])),
        "presence" => ("presence", described(&[PRESENCE])),
        "history" => ("history", described(&[history::COLUMNS])),
        "params" => {
            let mut fields = vec![Field::new("tenant_id", TEXT, true), Field::new("store_id", TEXT, true)];
            fields.extend(header.params.keys().map(|name| Field::new(name, LONG, true)));
            ("params", Arc::new(Schema::new(fields)))
        }
        _ => return None,
    })
}

/// The columns of a table that is made of archived transactions.
pub(crate) fn archived(table: &str) -> Option<SchemaRef> {
    Some(match table {
        "pos" => described(&[POS]),
        "lines" => described(&[LINES]),
        "tenders" => described(&[TENDERS]),
        "history" => described(&[history::COLUMNS]),
        _ => return None,
    })
}

/// The columns of `anchor`.
pub(crate) fn anchor_schema() -> SchemaRef {
    described(&[POS, ANCHOR])
}

/// The columns of `presence`.
pub(crate) fn presence_schema() -> SchemaRef {
    described(&[PRESENCE])
}

/// An anchor with what is known about its clock and its zones.
#[derive(Debug, Clone)]
pub(crate) struct Anchor {
    pub(crate) posted: Arc<PostedTransaction>,
    pub(crate) aligned: Aligned,
    /// The customer zones that look at its register.
    pub(crate) customer_zones: i64,
    /// The zones in which its cashier stands.
    pub(crate) cashier_zones: i64,
    /// The numbers of the rule that judges it; `None`: its defaults.
    pub(crate) numbers: Option<Params>,
}

impl Anchor {
    /// A number of the rule that judges it, where the rule has one of that name.
    pub(crate) fn number(&self, header: &Header, name: &str) -> Option<i64> {
        let (place, (_, param)) = header.params.iter().enumerate().find(|(_, (known, _))| *known == name)?;
        Some(self.numbers.as_ref().and_then(|numbers| numbers.get(place)).copied().unwrap_or(param.default))
    }
}

pub(super) fn text<T, S: AsRef<str>>(rows: &[T], value: impl Fn(&T) -> Option<S>) -> ArrayRef {
    Arc::new(rows.iter().map(value).collect::<StringViewArray>())
}

pub(super) fn long<T>(rows: &[T], value: impl Fn(&T) -> Option<i64>) -> ArrayRef {
    Arc::new(rows.iter().map(value).collect::<Int64Array>())
}

pub(super) fn yes<T>(rows: &[T], value: impl Fn(&T) -> bool) -> ArrayRef {
    Arc::new(rows.iter().map(|row| Some(value(row))).collect::<BooleanArray>())
}

fn pos_columns(rows: &[&PostedTransaction]) -> Vec<ArrayRef> {
    let refers = |row: &&PostedTransaction| row.transaction.reference.clone();
    vec![
        text(rows, |row| Some(row.header.event_id.to_string())),
        text(rows, |row| Some(row.header.tenant_id.as_str().to_owned())),
        text(rows, |row| Some(row.transaction.store_id.as_str().to_owned())),
        text(rows, |row| Some(row.transaction.register_id.as_str().to_owned())),
        text(rows, |row| row.transaction.operator_id.as_ref().map(ToString::to_string)),
        text(rows, |row| row.transaction.supervisor_id.as_ref().map(ToString::to_string)),
        text(rows, |row| Some(row.transaction.kind.as_str())),
        text(rows, |row| row.transaction.business_day.map(|day| day.to_string())),
        long(rows, |row| row.transaction.sequence_no),
        text(rows, |row| row.transaction.receipt_no.clone()),
        long(rows, |row| Some(begin_us(row))),
        long(rows, |row| Some(row.header.event_time.timestamp_micros())),
        long(rows, |row| row.transaction.total_minor),
        text(rows, |row| row.transaction.currency.as_ref().map(ToString::to_string)),
        yes(rows, |row| row.transaction.training),
        yes(rows, |row| row.transaction.test),
        text(rows, |row| refers(row)?.event_id.map(|id| id.to_string())),
        text(rows, |row| refers(row)?.business_day.map(|day| day.to_string())),
        text(rows, |row| refers(row)?.register_id.map(|id| id.to_string())),
        long(rows, |row| refers(row)?.sequence_no),
        text(rows, |row| refers(row)?.receipt_no),
    ]
}

/// When a transaction began, or when it completed where the till does not say.
pub(crate) fn begin_us(row: &PostedTransaction) -> i64 {
    row.header.begin_time.unwrap_or(row.header.event_time).min(row.header.event_time).timestamp_micros()
}

/// The rows of `anchor`.
pub(crate) fn anchors(rows: &[&Anchor]) -> Result<RecordBatch, ArrowError> {
    let posted: Vec<&PostedTransaction> = rows.iter().map(|row| &*row.posted).collect();
    let mut columns = pos_columns(&posted);
    columns.extend([
        long(rows, |row| Some(row.aligned.begin_us)),
        long(rows, |row| Some(row.aligned.end_us)),
        long(rows, |row| Some(row.aligned.bound_us)),
        long(rows, |row| Some(row.customer_zones)),
        long(rows, |row| Some(row.cashier_zones)),
    ]);
    RecordBatch::try_new(described(&[POS, ANCHOR]), columns)
}

/// The rows of `pos`.
pub(crate) fn pos(rows: &[&PostedTransaction]) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_new(described(&[POS]), pos_columns(rows))
}

/// The rows of `lines`.
pub(crate) fn lines(of: &[&PostedTransaction]) -> Result<RecordBatch, ArrowError> {
    let rows: Vec<_> = of
        .iter()
        .flat_map(|posted| posted.transaction.lines.iter().map(|line| (posted.header.event_id, line)))
        .collect();
    let columns = vec![
        text(&rows, |(id, _)| Some(id.to_string())),
        long(&rows, |(_, line)| Some(line.line_no.into())),
        text(&rows, |(_, line)| Some(line.action.as_str())),
        text(&rows, |(_, line)| line.description.clone()),
        text(&rows, |(_, line)| line.department.clone()),
        text(&rows, |(_, line)| line.entry.map(|entry| entry.as_str())),
        long(&rows, |(_, line)| Some(line.qty_milli)),
        long(&rows, |(_, line)| line.unit_price_minor),
        long(&rows, |(_, line)| line.regular_price_minor),
        long(&rows, |(_, line)| Some(line.extended_minor)),
        long(&rows, |(_, line)| Some(line.discount_minor)),
        yes(&rows, |(_, line)| line.price_override.is_some()),
        long(&rows, |(_, line)| line.voids_line_no.map(i64::from)),
    ];
    RecordBatch::try_new(described(&[LINES]), columns)
}

/// The rows of `tenders`.
pub(crate) fn tenders(of: &[&PostedTransaction]) -> Result<RecordBatch, ArrowError> {
    let rows: Vec<_> = of
        .iter()
        .flat_map(|posted| posted.transaction.tenders.iter().map(|tender| (posted.header.event_id, tender)))
        .collect();
    let columns = vec![
        text(&rows, |(id, _)| Some(id.to_string())),
        long(&rows, |(_, tender)| Some(tender.tender_no.into())),
        text(&rows, |(_, tender)| Some(tender.tender_type.as_str())),
        long(&rows, |(_, tender)| Some(tender.amount_minor)),
        text(&rows, |(_, tender)| Some(tender.direction.as_str())),
        long(&rows, |(_, tender)| Some(tender.change_minor)),
        text(&rows, |(_, tender)| tender.card_token.clone()),
    ];
    RecordBatch::try_new(described(&[TENDERS]), columns)
}

/// The rows of `presence`.
pub(crate) fn presence(rows: &[(StoreKey, Span)]) -> Result<RecordBatch, ArrowError> {
    let columns = vec![
        text(rows, |(store, _)| Some(store.tenant.as_str().to_owned())),
        text(rows, |(store, _)| Some(store.store.as_str().to_owned())),
        text(rows, |(_, span)| span.register.as_ref().map(ToString::to_string)),
        text(rows, |(_, span)| Some(span.zone.to_string())),
        text(rows, |(_, span)| Some(span.kind.as_str())),
        long(rows, |(_, span)| Some(span.start_us)),
        long(rows, |(_, span)| Some(span.end_us)),
        text(rows, |(_, span)| Some(span.state.as_str())),
        text(rows, |(_, span)| span.blind.map(|blind| blind.as_str())),
        text(rows, |(_, span)| Some(span.source.as_str())),
    ];
    RecordBatch::try_new(described(&[PRESENCE]), columns)
}

/// The rows of `params`: what holds in each store, the defaults where nothing is said.
pub(crate) fn params(header: &Header, stores: &[(&StoreKey, Option<&Params>)]) -> Result<RecordBatch, ArrowError> {
    let mut columns = vec![
        text(stores, |(store, _)| Some(store.tenant.as_str().to_owned())),
        text(stores, |(store, _)| Some(store.store.as_str().to_owned())),
    ];
    columns.extend(header.params.values().enumerate().map(|(place, param)| {
        long(stores, |(_, said)| Some(said.and_then(|said| said.get(place)).copied().unwrap_or(param.default)))
    }));
    let (_, schema) = schema("params", header).unwrap_or(("params", described(&[])));
    RecordBatch::try_new(schema, columns)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::rule::recipe::listed;

    #[test]
    fn the_recipe_lists_every_column_that_a_rule_can_read() {
        for (table, columns) in [
            ("anchor", ANCHOR),
            ("pos", POS),
            ("lines", LINES),
            ("tenders", TENDERS),
            ("presence", PRESENCE),
            ("history", history::COLUMNS),
        ] {
            let names: BTreeSet<String> = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
            assert_eq!(listed("What the SQL can read", table), names, "{table}");
        }
    }
}
