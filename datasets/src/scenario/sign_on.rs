//! A sign-on in somebody else's hands: sales at two registers at once, and sales under one that is over.
//!
//! The rules: `operator_on_two_registers` where two sales overlap by more than 2 min; `rung_without_sign_on` from 60 s on
//! after the operator signed off at the register, or signed on at another one. What is rung at another register under the
//! number of a colleague is a case of the second, too.

use tillsight_schemas::pos::{Kind, TenderType};

use super::{Anchor, Case, Staged, done_at, lasting, one_item};
use crate::Result;
use crate::store_day::ring::Ringer;
use crate::store_day::till::{At, Draft};

const SIGNED_ON_ELSEWHERE: &[&str] = &["rung_without_sign_on"];

pub(super) const CASES: &[Case] = &[
    Case::fires(
        "operator_on_two_registers",
        "two_sales_at_once",
        "Somebody rings a sale at another register under the number of an operator whose own sale goes on: both for more than four minutes.",
        |ringer| at_once(ringer, 280),
    )
    .also(SIGNED_ON_ELSEWHERE),
    Case::near(
        "operator_on_two_registers",
        "two_sales_that_hardly_overlap",
        "The two sales overlap by 45 s only, which clocks can explain.",
        |ringer| at_once(ringer, 45),
    )
    .also(SIGNED_ON_ELSEWHERE),
    Case::fires(
        "rung_without_sign_on",
        "sale_after_sign_off",
        "An operator signs off, and a sale is completed under the number 90 s later.",
        |ringer| {
            let sign_off = ringer.control(Kind::SignOff)?;
            let sale = done_at(sale(ringer, 40)?, 90);
            let anchor = Anchor::Event(sale.key);
            let sign_on = done_at(ringer.control(Kind::SignOn)?, sale.end + 8);
            Ok(Staged { events: vec![sign_off, sale, sign_on], anchor })
        },
    ),
    Case::near(
        "rung_without_sign_on",
        "last_customer_after_sign_off",
        "The last customer of the line is served half a minute after the operator signed off.",
        |ringer| {
            let sign_off = ringer.control(Kind::SignOff)?;
            let mut sale = sale(ringer, 22)?;
            sale.seen.iter_mut().for_each(|(from, ..)| *from = 0);
            let sale = done_at(sale, 30);
            let anchor = Anchor::Event(sale.key);
            let sign_on = done_at(ringer.control(Kind::SignOn)?, sale.end + 8);
            Ok(Staged { events: vec![sign_off, sale, sign_on], anchor })
        },
    ),
    Case::near(
        "rung_without_sign_on",
        "sale_after_signing_on_again",
        "An operator signs off and on again, and then rings a sale.",
        |ringer| {
            let sign_off = ringer.control(Kind::SignOff)?;
            let sign_on = done_at(ringer.control(Kind::SignOn)?, 20);
            Staged::ending(vec![sign_off, sign_on, done_at(sale(ringer, 40)?, 120)])
        },
    ),
];

/// A sale that takes so many seconds.
fn sale(ringer: &mut Ringer<'_>, seconds: i64) -> Result<Draft> {
    let (_, sale) = one_item(ringer, 700, TenderType::Debit)?;
    Ok(lasting(sale, seconds))
}

/// A sale of five minutes, and one at another register that begins so many seconds before it ends and ends two minutes after it.
fn at_once(ringer: &mut Ringer<'_>, overlap: i64) -> Result<Staged> {
    let here = sale(ringer, 300)?;
    let mut there = sale(ringer, overlap + 120)?;
    there.at = At::OtherAsOwn;
    Staged::ending(vec![here, done_at(there, 420)])
}
