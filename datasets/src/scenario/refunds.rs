//! Money given back: in large cash, for a card sale, for one's own sale, for a receipt printed again, for items typed in.
//!
//! The rules: `cash_refund_high` from 100.00 in cash on, unless another operator sold it for cash; `keyed_refund` from 25.00
//! of typed-in items for cash on; `refund_of_own_sale` in full, in cash, from 10.00 on, within 30 min and unapproved;
//! `refund_tender_switch` at least 10.00 in cash or on a gift card for a card sale; `reprint_then_refund` at least 10.00 in
//! cash for a receipt that the same operator printed again at least 2 min after the sale. Items have the price that a case
//! needs, so no record names a basket.

use tillsight_schemas::pos::{Entry, Kind, TenderType};

use super::{Case, Staged, brought_back, done_at, one_item, refund_of, two_supervisors};
use crate::Result;
use crate::store_day::ring::Ringer;

pub(super) const CASES: &[Case] = &[
    Case::fires(
        "cash_refund_high",
        "cash_refund_of_100",
        "An item of exactly 100.00 is taken back for cash without a receipt: the limit itself fires.",
        |ringer| Staged::ending(vec![refund_of(ringer, 10_000, TenderType::Cash)?]),
    ),
    Case::fires(
        "cash_refund_high",
        "large_cash_refund_of_own_sale",
        "A cash sale of 120.00 to 300.00 is given back in cash an hour later by the operator who rang it; approved, so that it is no \
         case of its own.",
        |ringer| {
            let minor = ringer.dice.between(12_000, 30_000);
            sold_and_back(ringer, minor, (TenderType::Cash, TenderType::Cash), 3_600)
        },
    ),
    Case::near(
        "cash_refund_high",
        "cash_refund_of_99_99",
        "A cent less than 100.00 is given back in cash.",
        |ringer| Staged::ending(vec![refund_of(ringer, 9_999, TenderType::Cash)?]),
    ),
    Case::near(
        "cash_refund_high",
        "large_refund_as_store_credit",
        "More than 100.00 is given back, but as store credit.",
        |ringer| {
            let minor = ringer.dice.between(12_000, 30_000);
            Staged::ending(vec![refund_of(ringer, minor, TenderType::StoreCredit)?])
        },
    ),
    Case::near(
        "cash_refund_high",
        "large_cash_refund_sold_by_another",
        "More than 100.00 is given back in cash for a receipt of a cash sale that somebody else rang within the day.",
        |ringer| {
            let minor = ringer.dice.between(12_000, 30_000);
            let mut staged = sold_and_back(ringer, minor, (TenderType::Cash, TenderType::Cash), 3_600)?;
            let [other, _] = two_supervisors(ringer)?;
            if let Some(sale) = staged.events.first_mut() {
                sale.body.operator_id = Some(other);
            }
            Ok(staged)
        },
    ),
    Case::fires(
        "keyed_refund",
        "cash_for_a_typed_in_item",
        "An item of 25.00 to 60.00 is typed in instead of scanned and taken back for cash.",
        |ringer| keyed(ringer, (2_500, 6_000), TenderType::Cash, Entry::Keyed),
    ),
    Case::near(
        "keyed_refund",
        "cash_for_a_scanned_item",
        "An item of 25.00 to 60.00 is scanned and taken back for cash.",
        |ringer| keyed(ringer, (2_500, 6_000), TenderType::Cash, Entry::Scanned),
    ),
    Case::near(
        "keyed_refund",
        "cash_for_a_cheap_typed_in_item",
        "An item of less than 25.00 is typed in and taken back for cash.",
        |ringer| keyed(ringer, (1_200, 2_499), TenderType::Cash, Entry::Keyed),
    ),
    Case::near(
        "keyed_refund",
        "store_credit_for_a_typed_in_item",
        "An item of 25.00 to 60.00 is typed in and taken back, but for store credit.",
        |ringer| keyed(ringer, (2_500, 6_000), TenderType::StoreCredit, Entry::Keyed),
    ),
    Case::fires(
        "refund_of_own_sale",
        "own_sale_given_back",
        "A cash sale of 15.00 to 80.00 is given back in cash by the same operator ten minutes later; nobody approved it.",
        |ringer| {
            let minor = ringer.dice.between(1_500, 8_000);
            own_sale(ringer, minor, 600)
        },
    ),
    Case::fires(
        "refund_of_own_sale",
        "small_own_sale_given_back_late",
        "A cash sale of 10.03 is given back in cash by the same operator 29 minutes later; nobody approved it.",
        |ringer| own_sale(ringer, 1_003, 1_740),
    ),
    Case::near(
        "refund_of_own_sale",
        "own_sale_given_back_and_approved",
        "A cash sale is given back by the same operator ten minutes later, and a supervisor approves it.",
        |ringer| {
            let minor = ringer.dice.between(1_500, 8_000);
            sold_and_back(ringer, minor, (TenderType::Cash, TenderType::Cash), 600)
        },
    ),
    Case::near(
        "refund_of_own_sale",
        "own_sale_given_back_after_40_minutes",
        "A cash sale is given back by the same operator 40 minutes later, not within 30.",
        |ringer| {
            let minor = ringer.dice.between(1_500, 8_000);
            own_sale(ringer, minor, 2_400)
        },
    ),
    Case::near(
        "refund_of_own_sale",
        "own_sale_rung_again",
        "A cash sale was wrong: the same is rung again, then the first is given back in cash.",
        |ringer| {
            let minor = ringer.dice.between(1_500, 8_000);
            let mut staged = own_sale(ringer, minor, 900)?;
            let (_, again) = one_item(ringer, minor, TenderType::Credit)?;
            let sold = staged.events.first().map_or(0, |sale| sale.end);
            staged.events.insert(1, done_at(again, sold + 300));
            Ok(staged)
        },
    ),
    Case::fires(
        "refund_tender_switch",
        "card_sale_given_back_in_cash",
        "A sale of 20.00 to 80.00 on a credit card is given back in cash 40 minutes later.",
        |ringer| {
            let minor = ringer.dice.between(2_000, 8_000);
            sold_and_back(ringer, minor, (TenderType::Credit, TenderType::Cash), 2_400)
        },
    ),
    Case::fires(
        "refund_tender_switch",
        "card_sale_of_10_given_back_on_a_gift_card",
        "A sale of exactly 10.00 on a debit card is given back on a gift card.",
        |ringer| sold_and_back(ringer, 1_000, (TenderType::Debit, TenderType::Gift), 1_200),
    ),
    Case::near(
        "refund_tender_switch",
        "card_sale_given_back_to_the_card",
        "A sale on a credit card is given back to that card.",
        |ringer| {
            let minor = ringer.dice.between(2_000, 8_000);
            sold_and_back(ringer, minor, (TenderType::Credit, TenderType::Credit), 2_400)
        },
    ),
    Case::near(
        "refund_tender_switch",
        "small_card_sale_given_back_in_cash",
        "A sale of a cent less than 10.00 on a card is given back in cash.",
        |ringer| sold_and_back(ringer, 999, (TenderType::Credit, TenderType::Cash), 2_400),
    ),
    Case::fires(
        "reprint_then_refund",
        "receipt_printed_again_and_given_back",
        "Ten minutes after a cash sale its receipt is printed again, and three minutes later its money is given back in cash.",
        |ringer| reprinted(ringer, 600),
    ),
    Case::near(
        "reprint_then_refund",
        "receipt_copied_at_once",
        "The receipt is printed again a minute after the sale: the customer asked for a copy.",
        |ringer| reprinted(ringer, 60),
    ),
    Case::near(
        "reprint_then_refund",
        "receipt_printed_again_by_another",
        "The receipt is printed again by somebody else than who gives the money back.",
        |ringer| {
            let mut staged = reprinted(ringer, 600)?;
            let [other, _] = two_supervisors(ringer)?;
            for reprint in staged.events.iter_mut().filter(|draft| draft.body.kind == Kind::Reprint) {
                reprint.body.operator_id = Some(other.clone());
            }
            Ok(staged)
        },
    ),
];

/// An item sold one way and given back another, approved, so many seconds later.
fn sold_and_back(
    ringer: &mut Ringer<'_>,
    minor: i64,
    (paid, back): (TenderType, TenderType),
    later: i64,
) -> Result<Staged> {
    let sold = one_item(ringer, minor, paid)?;
    let refund = brought_back(ringer, &sold, back)?;
    let second = sold.1.end + later;
    Staged::ending(vec![sold.1, done_at(refund, second)])
}

/// A cash sale given back in cash with nobody's approval.
fn own_sale(ringer: &mut Ringer<'_>, minor: i64, later: i64) -> Result<Staged> {
    let mut staged = sold_and_back(ringer, minor, (TenderType::Cash, TenderType::Cash), later)?;
    staged.events.iter_mut().for_each(|draft| draft.body.supervisor_id = None);
    Ok(staged)
}

/// A refund of an item that was entered some way.
fn keyed(ringer: &mut Ringer<'_>, (low, high): (i64, i64), how: TenderType, entry: Entry) -> Result<Staged> {
    let minor = ringer.dice.between(low, high);
    let mut refund = refund_of(ringer, minor, how)?;
    refund.body.lines.iter_mut().for_each(|line| line.entry = Some(entry));
    Staged::ending(vec![refund])
}

/// A cash sale, its receipt printed again so many seconds later, and the money given back after that.
fn reprinted(ringer: &mut Ringer<'_>, later: i64) -> Result<Staged> {
    let minor = ringer.dice.between(1_500, 8_000);
    let mut staged = sold_and_back(ringer, minor, (TenderType::Cash, TenderType::Cash), later + 180)?;
    let mut reprint = ringer.control(Kind::Reprint)?;
    if let Some(sale) = staged.events.first() {
        reprint.refers = Some(sale.key);
        reprint.shift(sale.end + later);
    }
    staged.events.insert(1, reprint);
    Ok(staged)
}
