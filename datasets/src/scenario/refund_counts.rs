//! Money given back again and again: by one operator within an hour, without a receipt, to one card.
//!
//! The rules: `refund_velocity` at the sixth refund within 60 min of an operator who sells at least as often; `refund_without_receipt`
//! at the third refund from 10.00 on that names no sale on a day, of an operator who has fewer that do;
//! `refund_same_card` at the third visit of a card within 24 h, visits being 30 min apart. What only one of them is about stays
//! below 10.00 or names its sale.

use tillsight_schemas::pos::TenderType;

use super::{Case, Staged, brought_back, done_at, one_item, refund_of};
use crate::Result;
use crate::store_day::ring::Ringer;
use crate::store_day::till::Draft;

/// Amounts that no other rule looks at.
const SMALL: (i64, i64) = (300, 900);
/// Amounts that count without a receipt.
const ENOUGH: (i64, i64) = (1_000, 4_000);

pub(super) const CASES: &[Case] = &[
    Case::fires(
        "refund_velocity",
        "six_refunds_in_40_minutes",
        "An operator who has just sold six times gives money back six times within 40 minutes; the sixth is one more than five.",
        |ringer| refunds(ringer, 6, 480),
    ),
    Case::near(
        "refund_velocity",
        "five_refunds_in_40_minutes",
        "An operator gives money back five times within 40 minutes; it takes six.",
        |ringer| refunds(ringer, 5, 600),
    ),
    Case::near(
        "refund_velocity",
        "six_refunds_in_75_minutes",
        "An operator gives money back six times, but over 75 minutes: never more than five within 60.",
        |ringer| refunds(ringer, 6, 900),
    ),
    Case::fires(
        "refund_without_receipt",
        "three_refunds_without_receipt",
        "An operator gives money back for a receipt once, then three times for none, from 10.00 on each; the third fires.",
        |ringer| without_receipt(ringer, 3, ENOUGH),
    ),
    Case::near(
        "refund_without_receipt",
        "two_refunds_without_receipt",
        "An operator gives money back twice without a receipt on that day; it takes three.",
        |ringer| without_receipt(ringer, 2, ENOUGH),
    ),
    Case::near(
        "refund_without_receipt",
        "three_small_refunds_without_receipt",
        "An operator gives money back three times without a receipt, but less than 10.00 each.",
        |ringer| without_receipt(ringer, 3, SMALL),
    ),
    Case::near(
        "refund_without_receipt",
        "three_refunds_with_receipt",
        "An operator gives money back three times for receipts.",
        |ringer| {
            let mut events = Vec::new();
            for n in 0..3 {
                events.extend(with_receipt(ringer, n * 1_200)?);
            }
            Staged::ending(events)
        },
    ),
    Case::fires(
        "refund_same_card",
        "third_visit_of_a_card",
        "One card is given money back three times, 35 minutes apart.",
        |ringer| card(ringer, 3, 2_100),
    ),
    Case::near(
        "refund_same_card",
        "two_visits_of_a_card",
        "One card is given money back twice, 35 minutes apart; it takes three visits.",
        |ringer| card(ringer, 2, 2_100),
    ),
    Case::near(
        "refund_same_card",
        "three_refunds_in_one_visit",
        "One card is given money back three times within 20 minutes: one visit.",
        |ringer| card(ringer, 3, 600),
    ),
];

/// Six small sales, then so many small refunds, each completed so many seconds after the one before.
fn refunds(ringer: &mut Ringer<'_>, count: i64, apart: i64) -> Result<Staged> {
    let mut events = Vec::new();
    for n in 0..6 {
        let (_, sale) = one_item(ringer, 500, TenderType::Debit)?;
        events.push(done_at(sale, n * 150));
    }
    for n in 0..count {
        let minor = ringer.dice.between(SMALL.0, SMALL.1);
        let refund = refund_of(ringer, minor, TenderType::StoreCredit)?;
        events.push(done_at(refund, 1_000 + n * apart));
    }
    Staged::ending(events)
}

/// A card sale, and its money back on the card for the receipt.
fn with_receipt(ringer: &mut Ringer<'_>, second: i64) -> Result<[Draft; 2]> {
    let minor = ringer.dice.between(ENOUGH.0, ENOUGH.1);
    let sold = one_item(ringer, minor, TenderType::Debit)?;
    let refund = brought_back(ringer, &sold, TenderType::Debit)?;
    Ok([done_at(sold.1, second), done_at(refund, second + 600)])
}

/// One refund for a receipt, then so many for none.
fn without_receipt(ringer: &mut Ringer<'_>, count: i64, (low, high): (i64, i64)) -> Result<Staged> {
    let mut events = with_receipt(ringer, 0)?.to_vec();
    for n in 0..count {
        let minor = ringer.dice.between(low, high);
        let refund = refund_of(ringer, minor, TenderType::StoreCredit)?;
        events.push(done_at(refund, 1_500 + n * 900));
    }
    Staged::ending(events)
}

/// Money back to one card, so many times and seconds apart.
fn card(ringer: &mut Ringer<'_>, times: i64, apart: i64) -> Result<Staged> {
    let minor = ringer.dice.between(SMALL.0, SMALL.1);
    let sold = one_item(ringer, minor, TenderType::Credit)?;
    let refunds = (0..times).map(|n| {
        let mut refund = brought_back(ringer, &sold, TenderType::Credit)?;
        refund.refers = None;
        Ok(done_at(refund, n * apart))
    });
    Staged::ending(refunds.collect::<Result<_>>()?)
}
