//! The entity history: what each operator, card, customer and receipt of a store was about in rare events, for weeks.
//!
//! A rule that looks back for longer than a day reads the table `history`. Its rows are a function of one transaction each
//! ([`rows`]), in its highest revision, not replaced, neither training nor test; live they are made of the records as they
//! come (and, at the start, of the lake's: [`super::Engine::read_history`]), in a back-test of the lake's records. So there is
//! nothing to correct when a record is revised or comes late: it is the same record in both. A count that was written down
//! each day would have to be mended then, and could not name the events that it counts, which an alert must show.
//!
//! Rows are kept of the kinds in [`RARE_KINDS`] only, which are a hundredth of what tills send: so what a long look-back costs
//! depends on how often money goes back, and not on how much is sold. Each row is about one entity, because that is how
//! rules ask, and how a topic of all stores of a chain can be partitioned some day.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use tillsight_schemas::pos::{Direction, Kind, PostedTransaction, Transaction, TransactionRef};

use super::tables::{BOOL, LONG, TEXT, described, long, text, yes};

/// The rare kinds.
pub(crate) const RARE_KINDS: &[Kind] = &[Kind::Return, Kind::PaidOut, Kind::Reprint];
/// The rows of a week lie together, in microseconds of event time.
pub(crate) const WEEK: i64 = 7 * 86_400 * 1_000_000;

/// The columns of `history`.
pub(super) const COLUMNS: &[(&str, DataType)] = &[
    ("tenant_id", TEXT),
    ("store_id", TEXT),
    ("entity_kind", TEXT),
    ("entity", TEXT),
    ("event_id", TEXT),
    ("event_us", LONG),
    ("business_day", TEXT),
    ("kind", TEXT),
    ("register_id", TEXT),
    ("operator_id", TEXT),
    ("supervisor_id", TEXT),
    ("amount_minor", LONG),
    ("names_sale", BOOL),
    ("reference_business_day", TEXT),
];

/// Whether a transaction is taken in: it is rare, or it may correct one that is.
pub(super) fn is_kept(posted: &PostedTransaction) -> bool {
    let transaction = &posted.transaction;
    RARE_KINDS.contains(&transaction.kind) || transaction.revision > 0 || transaction.replaces.is_some()
}

/// A transaction without what the history says nothing of: its items and its text.
pub(super) fn thin(posted: &PostedTransaction) -> PostedTransaction {
    let mut thin = posted.clone();
    thin.transaction.lines = Vec::new();
    thin.transaction.receipt_text = None;
    thin.transaction.source = None;
    thin
}

/// A row: an event, and one that it is about.
struct Entry<'a> {
    kind: &'static str,
    entity: String,
    amount_minor: Option<i64>,
    posted: &'a PostedTransaction,
}

impl Entry<'_> {
    fn transaction(&self) -> &Transaction {
        &self.posted.transaction
    }
}

/// The rows of `history`: of each event of a rare kind one for its operator, its customer, each card that is given money
/// back (with how much), and each name that it has for the receipt that it refers to.
///
/// # Errors
/// Never, if the columns are what they are said to be.
pub(super) fn rows(of: &[&PostedTransaction]) -> Result<RecordBatch, ArrowError> {
    let rows: Vec<Entry<'_>> = of.iter().flat_map(|posted| entries(posted)).collect();
    let columns = vec![
        text(&rows, |row| Some(row.posted.header.tenant_id.as_str().to_owned())),
        text(&rows, |row| Some(row.transaction().store_id.as_str().to_owned())),
        text(&rows, |row| Some(row.kind)),
        text(&rows, |row| Some(row.entity.clone())),
        text(&rows, |row| Some(row.posted.header.event_id.to_string())),
        long(&rows, |row| Some(row.posted.header.event_time.timestamp_micros())),
        text(&rows, |row| row.transaction().business_day.map(|day| day.to_string())),
        text(&rows, |row| Some(row.transaction().kind.as_str())),
        text(&rows, |row| Some(row.transaction().register_id.to_string())),
        text(&rows, |row| row.transaction().operator_id.as_ref().map(ToString::to_string)),
        text(&rows, |row| row.transaction().supervisor_id.as_ref().map(ToString::to_string)),
        long(&rows, |row| row.amount_minor),
        yes(&rows, |row| row.transaction().reference.as_ref().is_some_and(names_sale)),
        text(&rows, |row| row.transaction().reference.as_ref()?.business_day.map(|day| day.to_string())),
    ];
    RecordBatch::try_new(described(&[COLUMNS]), columns)
}

/// Whether a reference names one sale.
fn names_sale(named: &TransactionRef) -> bool {
    named.event_id.is_some() || named.receipt_no.is_some() || named.sequence_no.is_some()
}

/// Whom an event is about.
fn entries(posted: &PostedTransaction) -> Vec<Entry<'_>> {
    let transaction = &posted.transaction;
    if !RARE_KINDS.contains(&transaction.kind) || transaction.training || transaction.test {
        return Vec::new();
    }
    let mut cards: BTreeMap<&str, i64> = BTreeMap::new();
    for tender in transaction.tenders.iter().filter(|tender| tender.direction != Direction::In) {
        if let Some(card) = &tender.card_token {
            let back = cards.entry(card).or_default();
            *back = back.saturating_add(tender.amount_minor);
        }
    }
    let whole = |kind, entity| Entry { kind, entity, amount_minor: transaction.total_minor, posted };
    let operator = transaction.operator_id.iter().map(|id| whole("operator", id.to_string()));
    let customer = transaction.customer_token.iter().map(|token| whole("customer", token.clone()));
    let receipts = transaction.reference.iter().flat_map(receipts).map(|name| whole("receipt", name));
    let cards = cards.into_iter().map(|(card, back)| Entry {
        kind: "card",
        entity: card.to_owned(),
        amount_minor: Some(back),
        posted,
    });
    operator.chain(customer).chain(receipts).chain(cards).collect()
}

/// The names that a reference has for a receipt: its event, its number at the register, its running number on the day.
fn receipts(named: &TransactionRef) -> Vec<String> {
    let event = named.event_id.map(|id| format!("event:{id}"));
    let at = named.register_id.as_ref();
    let number = at.zip(named.receipt_no.as_ref()).map(|(at, number)| format!("receipt:{at}/{number}"));
    let running = at.zip(named.business_day).zip(named.sequence_no);
    let running = running.map(|((at, day), number)| format!("sequence:{at}/{day}/{number}"));
    event.into_iter().chain(number).chain(running).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;
    use chrono::{DateTime, TimeDelta, Utc};
    use uuid::Uuid;

    use super::super::events::{Event, Events};
    use super::super::memory::Memory;
    use super::*;

    fn refund(number: u128, day: i64) -> PostedTransaction {
        let sample = include_str!("../../../schemas/samples/v1/posted_transaction.json");
        let mut posted: PostedTransaction = serde_json::from_str(sample).unwrap();
        posted.header.event_id = Uuid::from_u128(number);
        posted.header.event_time += TimeDelta::days(day);
        posted.header.received_at = posted.header.event_time;
        posted.transaction.kind = Kind::Return;
        posted.transaction.revision = 0;
        posted.transaction.replaces = None;
        posted.transaction.training = false;
        posted.transaction.test = false;
        posted
    }

    /// What a column of texts says, row by row.
    fn column(rows: &RecordBatch, name: &str) -> Vec<String> {
        let column = rows.column_by_name(name).unwrap().as_string_view();
        column.iter().map(|text| text.unwrap_or("-").to_owned()).collect()
    }

    fn event(posted: &PostedTransaction) -> Event {
        Event { posted: Arc::new(thin(posted)), logged_at: DateTime::UNIX_EPOCH }
    }

    /// The ids of the events that the history has rows of, by their last digit.
    fn known(events: &mut Events) -> Vec<String> {
        let rows = events.rows("history", i64::MIN, i64::MAX).unwrap();
        let mut ids: Vec<String> = rows.iter().flat_map(|rows| column(rows, "event_id")).collect();
        ids.sort();
        ids.dedup();
        ids.iter().map(|id| id.trim_start_matches(['0', '-']).to_owned()).collect()
    }

    #[test]
    fn a_refund_is_about_its_operator_its_customer_its_cards_and_its_receipt() {
        let mut posted = refund(1, 0);
        posted.transaction.operator_id = Some("7".parse().unwrap());
        posted.transaction.customer_token = Some("cus_a".to_owned());
        posted.transaction.total_minor = Some(3_000);
        posted.transaction.reference = Some(TransactionRef {
            event_id: None,
            business_day: Some("2026-11-20".parse().unwrap()),
            register_id: Some("1".parse().unwrap()),
            sequence_no: Some(5),
            receipt_no: Some("R-5".to_owned()),
        });
        let mut tender = posted.transaction.tenders[0].clone();
        tender.card_token = Some("tok_a".to_owned());
        tender.direction = Direction::Out;
        tender.amount_minor = 1_000;
        let mut paid = tender.clone();
        paid.direction = Direction::In;
        paid.card_token = Some("tok_b".to_owned());
        posted.transaction.tenders = vec![tender.clone(), tender, paid];
        let rows = rows(&[&posted]).unwrap();
        let kinds = column(&rows, "entity_kind");
        let about: Vec<String> =
            kinds.iter().zip(column(&rows, "entity")).map(|(kind, entity)| format!("{kind} {entity}")).collect();
        assert_eq!(
            about,
            ["operator 7", "customer cus_a", "receipt receipt:1/R-5", "receipt sequence:1/2026-11-20/5", "card tok_a"]
        );
        let amounts = rows.column_by_name("amount_minor").unwrap().as_primitive::<Int64Type>();
        assert_eq!(amounts.values(), &[3_000, 3_000, 3_000, 3_000, 2_000]);
        assert_eq!(column(&rows, "reference_business_day")[0], "2026-11-20");
    }

    #[test]
    fn training_tests_and_sales_are_not_in_it() {
        let (mut training, mut test, mut sale) = (refund(1, 0), refund(2, 0), refund(3, 0));
        training.transaction.training = true;
        test.transaction.test = true;
        sale.transaction.kind = Kind::Sale;
        assert_eq!(rows(&[&training, &test, &sale]).unwrap().num_rows(), 0);
        assert!(!is_kept(&sale));
    }

    #[test]
    fn a_correction_counts_instead_of_what_it_corrects_whichever_comes_first() {
        let (first, third) = (refund(1, 0), refund(3, 0));
        // It was a sale after all; and another record stands in the place of the third.
        let mut revised = refund(1, 0);
        revised.transaction.revision = 1;
        revised.transaction.kind = Kind::Sale;
        let mut other = refund(4, 1);
        other.transaction.replaces = Some(Uuid::from_u128(3));
        let records = [&first, &refund(2, 8), &third, &revised, &other].map(event);
        for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [3, 4, 0, 2, 1]] {
            let mut events = Events::new(WEEK);
            for place in order {
                events.add(records[place].clone());
            }
            assert_eq!(known(&mut events), ["2", "4"], "{order:?}");
        }
    }

    #[test]
    fn rare_events_are_remembered_for_longer_than_the_rest_and_no_longer_than_rules_look_back() {
        let at: DateTime<Utc> = refund(0, 0).header.event_time;
        let mut memory = Memory::new(30 * 86_400 * 1_000_000);
        for day in 0..40 {
            let mut posted = refund(u128::try_from(day).unwrap() + 1, day);
            memory.add(event(&posted));
            posted.header.event_id = Uuid::from_u128(1_000 + u128::try_from(day).unwrap());
            posted.transaction.kind = Kind::Sale;
            assert!(!memory.add(event(&posted)).rare);
            memory.forget(memory.horizon());
        }
        // Thirty days before the two that everything is remembered for.
        assert_eq!(memory.past(), (33, Some((at + TimeDelta::days(7)).timestamp_micros())));
        assert!(memory.transaction(Uuid::from_u128(8)).is_some() && memory.event(Uuid::from_u128(8)).is_none());
        assert!(memory.transaction(Uuid::from_u128(1_007)).is_none() && memory.event(Uuid::from_u128(1_039)).is_some());
        assert!(!Memory::new(0).add(event(&refund(1, 0))).rare, "no rule reads it");
    }
}
