//! What somebody does more often on a day than others do: items taken off, prices set by hand, coupons taken as money, items
//! typed in, sales of next to nothing.
//!
//! The rules: `line_voids_of_shift` from nine sales on, `price_overrides_of_shift` from six and `coupons_of_shift` from eleven,
//! each more than three times as often as the others, judged at the sign-off; `keyed_sales` at the third sale of a day with an
//! item from 25.00 on that was typed in and not taken off; `low_sales` at the sixth cash sale of a day below 1.00.

use tillsight_schemas::pos::{Action, Entry, Kind, Line, PriceOverride, Tender, TenderType};

use super::{Case, Staged, done_at, one_item};
use crate::Result;
use crate::plan::Role;
use crate::store_day::ring::Ringer;
use crate::store_day::till::Draft;

/// Prices of items that no other rule looks at.
const USUAL: (i64, i64) = (300, 1_500);
/// Prices of items that are dear to type in.
const DEAR: (i64, i64) = (2_500, 6_000);

pub(super) const CASES: &[Case] = &[
    Case::fires(
        "line_voids_of_shift",
        "items_taken_off_in_ten_sales",
        "An operator takes an item off again in ten sales of a shift; the others do in 1.5 % of theirs.",
        |ringer| shift(ringer, 10, voided),
    ),
    Case::near(
        "line_voids_of_shift",
        "items_taken_off_in_eight_sales",
        "An operator takes an item off again in eight sales of a shift; it takes nine.",
        |ringer| shift(ringer, 8, voided),
    ),
    Case::fires(
        "price_overrides_of_shift",
        "prices_set_in_eight_sales",
        "An operator sets a price by hand in eight sales of a shift, a tenth below the shelf's; the others hardly do.",
        |ringer| shift(ringer, 8, reduced),
    ),
    Case::near(
        "price_overrides_of_shift",
        "prices_set_in_five_sales",
        "An operator sets a price by hand in five sales of a shift; it takes six.",
        |ringer| shift(ringer, 5, reduced),
    ),
    Case::fires(
        "coupons_of_shift",
        "coupons_in_twelve_sales",
        "An operator takes coupons as money in twelve sales of a shift; the others in none.",
        |ringer| shift(ringer, 12, |ringer| paid(ringer, USUAL, TenderType::Coupon)),
    ),
    Case::near(
        "coupons_of_shift",
        "coupons_in_ten_sales",
        "An operator takes coupons as money in ten sales of a shift; it takes eleven.",
        |ringer| shift(ringer, 10, |ringer| paid(ringer, USUAL, TenderType::Coupon)),
    ),
    Case::fires(
        "keyed_sales",
        "dear_items_typed_in_three_times",
        "An operator types an item from 25.00 on in three sales of a day; the third fires.",
        |ringer| {
            let typed = sales(ringer, 3, |ringer| typed(ringer, DEAR))?;
            Staged::counting(typed.events, |draft| {
                sold(draft) && draft.body.lines.iter().any(|line| keyed(line, draft))
            })
        },
    ),
    Case::near(
        "keyed_sales",
        "dear_items_typed_in_and_taken_off",
        "An operator types an item from 25.00 on in three sales, and takes it off again each time.",
        |ringer| {
            sales(ringer, 3, |ringer| {
                let mut sale = paid(ringer, DEAR, TenderType::Debit)?;
                ringer.void_a_line(&mut sale);
                // The one that stays was scanned, the one that is taken off was typed in.
                sale.body.lines.iter_mut().skip(1).for_each(|line| line.entry = Some(Entry::Keyed));
                Ok(sale)
            })
        },
    ),
    Case::near(
        "keyed_sales",
        "cheap_items_typed_in_three_times",
        "An operator types an item below 25.00 in three sales of a day.",
        |ringer| sales(ringer, 3, |ringer| typed(ringer, (1_500, 2_499))),
    ),
    Case::fires(
        "low_sales",
        "six_sales_of_next_to_nothing",
        "An operator rings six cash sales below 1.00 on a day; the sixth is one more than five.",
        |ringer| {
            let low = sales(ringer, 6, |ringer| paid(ringer, (1, 99), TenderType::Cash))?;
            Staged::counting(low.events, |draft| {
                let cash = |tender: &Tender| tender.tender_type == TenderType::Cash;
                sold(draft)
                    && (1..100).contains(&draft.body.total_minor.unwrap_or(0))
                    && draft.body.tenders.iter().any(cash)
            })
        },
    ),
    Case::near(
        "low_sales",
        "six_sales_of_1_00",
        "An operator rings six cash sales of exactly 1.00 on a day.",
        |ringer| sales(ringer, 6, |ringer| paid(ringer, (100, 100), TenderType::Cash)),
    ),
    Case::near(
        "low_sales",
        "six_sales_of_next_to_nothing_by_card",
        "An operator rings six sales below 1.00 on a day, paid by card.",
        |ringer| sales(ringer, 6, |ringer| paid(ringer, (1, 99), TenderType::Debit)),
    ),
];

/// Whether a sale counts.
fn sold(draft: &Draft) -> bool {
    draft.body.kind == Kind::Sale && !draft.body.training
}

/// Whether a line of a sale is a dear item that was typed in and not taken off again.
fn keyed(line: &Line, sale: &Draft) -> bool {
    let off = |other: &Line| other.action == Action::Void && other.voids_line_no == Some(line.line_no);
    let dear = line.action == Action::Sale && line.entry == Some(Entry::Keyed) && line.extended_minor >= DEAR.0;
    dear && !sale.body.lines.iter().any(off)
}

/// So many sales of a kind, five minutes apart.
fn sales(ringer: &mut Ringer<'_>, count: i64, sale: fn(&mut Ringer<'_>) -> Result<Draft>) -> Result<Staged> {
    let events = (0..count).map(|n| Ok(done_at(sale(ringer)?, n * 300)));
    Staged::ending(events.collect::<Result<_>>()?)
}

/// The same, judged when the operator signs off.
fn shift(ringer: &mut Ringer<'_>, count: i64, sale: fn(&mut Ringer<'_>) -> Result<Draft>) -> Result<Staged> {
    Staged::until(Kind::SignOff, sales(ringer, count, sale)?.events)
}

fn paid(ringer: &mut Ringer<'_>, (low, high): (i64, i64), how: TenderType) -> Result<Draft> {
    let minor = ringer.dice.between(low, high);
    Ok(one_item(ringer, minor, how)?.1)
}

fn voided(ringer: &mut Ringer<'_>) -> Result<Draft> {
    let mut sale = paid(ringer, USUAL, TenderType::Debit)?;
    ringer.void_a_line(&mut sale);
    Ok(sale)
}

/// A sale of an item whose price was set a tenth below the shelf's.
fn reduced(ringer: &mut Ringer<'_>) -> Result<Draft> {
    let approver = ringer.approver(Role::Supervisor);
    let mut sale = paid(ringer, USUAL, TenderType::Debit)?;
    for line in &mut sale.body.lines {
        line.regular_price_minor = Some(line.extended_minor * 10 / 9);
        line.price_override = Some(PriceOverride { reason: Some("MANUAL".to_owned()), approver_id: approver.clone() });
    }
    sale.body.supervisor_id = approver;
    Ok(sale)
}

fn typed(ringer: &mut Ringer<'_>, prices: (i64, i64)) -> Result<Draft> {
    let mut sale = paid(ringer, prices, TenderType::Debit)?;
    sale.body.lines.iter_mut().for_each(|line| line.entry = Some(Entry::Keyed));
    Ok(sale)
}
