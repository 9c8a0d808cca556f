//! What is tied to the hours of a register: money back just after opening, just before closing and when it is closed, and what
//! is left over at closing: parked sales, cash that did not reach the safe.
//!
//! The rules: `refund_after_opening` and `refund_before_closing` within 15 min, from 10.00 on, unapproved;
//! `refund_while_closed` more than 5 min after closing, from 10.00 on, approved or not; `suspend_never_resumed` from 10.00
//! on, parked at least 15 min before closing; `pickup_not_dropped` from 50.00 on, not in the safe within 15 min, in a store that
//! books its safe drops ([`crate::rates::Rates::safe_drop`]).

use tillsight_schemas::pos::{Kind, TenderType};

use super::{Case, Place, Staged, done_at, one_item, refund_of, two_supervisors};
use crate::Result;
use crate::plan::Role;
use crate::store_day::ring::Ringer;
use crate::store_day::till::Draft;

pub(super) const CASES: &[Case] = &[
    Case::fires(
        "refund_after_opening",
        "refund_5_minutes_after_opening",
        "Ten minutes at most after the register opened money is given back that nobody approved.",
        |ringer| {
            let after = ringer.dice.between(240, 600);
            Staged::ending(vec![unapproved(ringer, 1_000, after)?])
        },
    )
    .at(Place::Opening),
    Case::near(
        "refund_after_opening",
        "approved_refund_after_opening",
        "Money is given back just after opening, and a supervisor approves it.",
        |ringer| {
            let refund = refund_of(ringer, 2_500, TenderType::StoreCredit)?;
            Staged::ending(vec![done_at(refund, 400)])
        },
    )
    .at(Place::Opening),
    Case::near(
        "refund_after_opening",
        "refund_20_minutes_after_opening",
        "Money is given back that nobody approved, but 20 minutes after opening.",
        |ringer| Staged::ending(vec![unapproved(ringer, 2_500, 1_200)?]),
    )
    .at(Place::Opening),
    Case::near(
        "refund_after_opening",
        "small_refund_after_opening",
        "A cent less than 10.00 is given back just after opening.",
        |ringer| Staged::ending(vec![unapproved(ringer, 999, 400)?]),
    )
    .at(Place::Opening),
    Case::fires(
        "refund_before_closing",
        "refund_5_minutes_before_closing",
        "Ten minutes at most before the register closes money is given back that nobody approved.",
        |ringer| {
            let before = ringer.dice.between(200, 600);
            Staged::until(Kind::Close, vec![unapproved(ringer, 1_000, -before)?])
        },
    )
    .at(Place::Closing),
    Case::near(
        "refund_before_closing",
        "approved_refund_before_closing",
        "Money is given back just before closing, and a supervisor approves it.",
        |ringer| {
            let refund = refund_of(ringer, 2_500, TenderType::StoreCredit)?;
            Staged::until(Kind::Close, vec![done_at(refund, -400)])
        },
    )
    .at(Place::Closing),
    Case::near(
        "refund_before_closing",
        "refund_20_minutes_before_closing",
        "Money is given back that nobody approved, but 20 minutes before closing.",
        |ringer| Staged::until(Kind::Close, vec![unapproved(ringer, 2_500, -1_200)?]),
    )
    .at(Place::Closing),
    Case::fires(
        "refund_while_closed",
        "refund_10_minutes_after_closing",
        "A supervisor rings a refund at a register that closed about ten minutes before.",
        |ringer| closed(ringer, 1_000, 600),
    )
    .at(Place::Closing),
    Case::near(
        "refund_while_closed",
        "refund_3_minutes_after_closing",
        "A supervisor serves the last customer three minutes after the closing was printed.",
        |ringer| closed(ringer, 2_500, 180),
    )
    .at(Place::Closing),
    Case::near(
        "refund_while_closed",
        "small_refund_while_closed",
        "A cent less than 10.00 is given back at a closed register.",
        |ringer| closed(ringer, 999, 600),
    )
    .at(Place::Closing),
    Case::fires(
        "suspend_never_resumed",
        "parked_and_forgotten",
        "A sale of 10.00 to 60.00 is parked and never taken up again.",
        |ringer| {
            let minor = ringer.dice.between(1_000, 6_000);
            Staged::until(Kind::Close, vec![parked(ringer, minor)?])
        },
    )
    .at(Place::LastShift),
    Case::near(
        "suspend_never_resumed",
        "parked_and_taken_up_again",
        "A sale is parked and taken up again five minutes later.",
        |ringer| {
            let parked = parked(ringer, 3_000)?;
            let mut taken_up = ringer.control(Kind::Retrieve)?;
            taken_up.refers = Some(parked.key);
            let again = parked.end + 300;
            let (_, mut sale) = one_item(ringer, 3_000, TenderType::Debit)?;
            sale.refers = Some(parked.key);
            let length = sale.end + 16;
            Staged::until(Kind::Close, vec![parked, done_at(taken_up, again), done_at(sale, again + length)])
        },
    )
    .at(Place::LastShift),
    Case::near(
        "suspend_never_resumed",
        "small_sale_parked_and_forgotten",
        "A sale of a cent less than 10.00 is parked and never taken up again.",
        |ringer| Staged::until(Kind::Close, vec![parked(ringer, 999)?]),
    )
    .at(Place::LastShift),
    Case::fires(
        "pickup_not_dropped",
        "pickup_that_never_came",
        "More than 1,500.00 are taken from a till to the safe and are not booked there.",
        |ringer| Staged::until(Kind::Close, vec![pickup(ringer, 160_000)?]),
    )
    .at(Place::LastShift),
    Case::near(
        "pickup_not_dropped",
        "pickup_dropped_ten_minutes_later",
        "1,600.00 are taken from a till and booked into the safe ten minutes later.",
        |ringer| {
            let drop = ringer.cash(Kind::SafeDrop, 160_000, Role::Supervisor)?;
            Staged::until(Kind::Close, vec![pickup(ringer, 160_000)?, done_at(drop, 600)])
        },
    )
    .at(Place::LastShift),
    Case::near(
        "pickup_not_dropped",
        "small_pickup_that_never_came",
        "A cent less than 50.00 is taken from a till and not booked into the safe.",
        |ringer| Staged::until(Kind::Close, vec![pickup(ringer, 4_999)?]),
    )
    .at(Place::LastShift),
];

/// A refund that nobody approved, completed at a second.
fn unapproved(ringer: &mut Ringer<'_>, minor: i64, second: i64) -> Result<Draft> {
    let mut refund = refund_of(ringer, minor, TenderType::StoreCredit)?;
    refund.body.supervisor_id = None;
    Ok(done_at(refund, second))
}

/// A refund so many seconds after closing, rung by a supervisor and approved by another.
fn closed(ringer: &mut Ringer<'_>, minor: i64, later: i64) -> Result<Staged> {
    let [rings, approves] = two_supervisors(ringer)?;
    let mut refund = refund_of(ringer, minor, TenderType::StoreCredit)?;
    refund.body.operator_id = Some(rings);
    refund.body.supervisor_id = Some(approves);
    Staged::ending(vec![done_at(refund, later)])
}

fn parked(ringer: &mut Ringer<'_>, minor: i64) -> Result<Draft> {
    let (_, sale) = one_item(ringer, minor, TenderType::Debit)?;
    ringer.suspend(&sale)
}

fn pickup(ringer: &mut Ringer<'_>, minor: i64) -> Result<Draft> {
    let mut pickup = ringer.cash(Kind::Pickup, minor, Role::Supervisor)?;
    pickup.begin = -30;
    Ok(pickup)
}
