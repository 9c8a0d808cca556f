//! An item or sale taken off, then the drawer opened at once: the cash of the voided item leaves the till.

use tillsight_schemas::pos::TenderType;

use super::{Anchor, Case, Place, Staged, cash_sale, sale_of};
use crate::Result;
use crate::store_day::ring::Ringer;
use crate::store_day::till::Draft;

const BASE: Case = Case {
    scenario: "void_followed_by_no_sale",
    name: "line_void_then_no_sale",
    fires: true,
    why: "A line is voided in a cash sale and the same operator opens the drawer by a no-sale 45 s after it.",
    about_presence: false,
    also: &[],
    place: Place::Anywhere,
    quiet_seconds: 700,
    stage: |ringer| {
        let sale = sale_with_void(ringer)?;
        then_no_sale(ringer, sale, 45)
    },
};

pub(super) const CASES: &[Case] = &[
    BASE,
    Case {
        name: "cancel_then_no_sale",
        why: "A sale is cancelled and the same operator opens the drawer by a no-sale 60 s after it.",
        stage: |ringer| {
            let basket = ringer.find("a small basket", |lines| (2..=12).contains(&lines.len()))?;
            let cancel = ringer.cancel(&basket)?;
            then_no_sale(ringer, cancel, 60)
        },
        ..BASE
    },
    Case {
        name: "post_void_then_no_sale",
        why: "A card sale is voided (no case of its own) and the same operator opens the drawer by a no-sale 30 s after it.",
        stage: |ringer| {
            let sale = sale_of(ringer, TenderType::Debit, 500, 8_000)?;
            let mut void = ringer.post_void(&sale)?;
            void.shift(sale.end + 300);
            let mut staged = then_no_sale(ringer, void, 30)?;
            staged.events.insert(0, sale);
            Ok(staged)
        },
        ..BASE
    },
    Case {
        name: "void_then_no_sale_10_minutes_later",
        fires: false,
        why: "The drawer opens 10 minutes after the void, not within 120 s.",
        stage: |ringer| {
            let sale = sale_with_void(ringer)?;
            then_no_sale(ringer, sale, 600)
        },
        ..BASE
    },
    Case {
        name: "void_then_no_sale_after_150_s",
        fires: false,
        why: "The drawer opens 150 s after the void, not within 120 s.",
        stage: |ringer| {
            let sale = sale_with_void(ringer)?;
            then_no_sale(ringer, sale, 150)
        },
        ..BASE
    },
    Case {
        name: "no_sale_then_void",
        fires: false,
        why: "The drawer opens before the void, not after it.",
        stage: |ringer| {
            let no_sale = ringer.no_sale()?;
            let mut sale = sale_with_void(ringer)?;
            sale.shift(30);
            let anchor = no_sale.key;
            Ok(Staged { events: vec![no_sale, sale], anchor: Anchor::Event(anchor) })
        },
        ..BASE
    },
];

fn sale_with_void(ringer: &mut Ringer<'_>) -> Result<Draft> {
    let mut sale = cash_sale(ringer, 500, 8_000)?;
    ringer.void_a_line(&mut sale);
    Ok(sale)
}

fn then_no_sale(ringer: &mut Ringer<'_>, first: Draft, later: i64) -> Result<Staged> {
    let mut no_sale = ringer.no_sale()?;
    // Whoever wanted change stands there only as long as there is room for it.
    no_sale.seen.iter_mut().for_each(|(from, _, _)| *from = (*from).max(-5_000));
    no_sale.shift(first.end + later);
    Staged::ending(vec![first, no_sale])
}
