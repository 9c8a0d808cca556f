//! A completed cash sale undone after the customer has left with the goods: the cashier pockets the money.

use tillsight_schemas::pos::TenderType;

use super::{Case, Place, Staged, cash_sale, sale_of};
use crate::Result;
use crate::store_day::ring::Ringer;
use crate::store_day::till::Draft;
use crate::truth::Zone;

const BASE: Case = Case {
    scenario: "post_void",
    name: "post_void",
    fires: true,
    why: "A cash sale of 15.00 to 80.00 is voided four minutes after it was paid.",
    about_presence: false,
    also: &[],
    place: Place::Anywhere,
    quiet_seconds: 700,
    stage: |ringer| {
        let sale = cash_sale(ringer, 1_500, 8_000)?;
        voided(ringer, sale, 240)
    },
};

pub(super) const CASES: &[Case] = &[
    BASE,
    Case {
        name: "post_void_hours_later",
        why: "A cash sale of 15.00 to 80.00 is voided an hour and a half after it was paid.",
        stage: |ringer| {
            let sale = cash_sale(ringer, 1_500, 8_000)?;
            voided(ringer, sale, 5_400)
        },
        ..BASE
    },
    Case {
        name: "post_void_of_card_sale",
        fires: false,
        why: "The voided sale was paid by card: the money goes back to the card, not into a pocket.",
        stage: |ringer| {
            let sale = sale_of(ringer, TenderType::Credit, 1_500, 8_000)?;
            voided(ringer, sale, 240)
        },
        ..BASE
    },
    Case {
        name: "post_void_of_small_sale",
        fires: false,
        why: "The voided cash sale is below 10.00.",
        stage: |ringer| {
            let sale = cash_sale(ringer, 300, 999)?;
            voided(ringer, sale, 240)
        },
        ..BASE
    },
    Case {
        name: "post_void_in_training",
        fires: false,
        why: "Sale and void are rung in training mode.",
        stage: |ringer| {
            let mut sale = cash_sale(ringer, 1_500, 8_000)?;
            sale.body.training = true;
            // Nobody is served meanwhile: that would be a case of another rule.
            sale.seen.iter_mut().for_each(|(.., zone)| *zone = Zone::Empty);
            let mut staged = voided(ringer, sale, 240)?;
            staged.events.iter_mut().for_each(|draft| draft.body.training = true);
            Ok(staged)
        },
        ..BASE
    },
    Case {
        name: "cancel_before_payment",
        fires: false,
        why: "The sale is given up before it is paid: a cancel, not a post-void.",
        stage: |ringer| {
            let basket = ringer.find("a small basket", |lines| (2..=12).contains(&lines.len()))?;
            Staged::ending(vec![ringer.cancel(&basket)?])
        },
        ..BASE
    },
];

/// Undoes a sale so many seconds after it was paid.
fn voided(ringer: &mut Ringer<'_>, sale: Draft, later: i64) -> Result<Staged> {
    let mut void = ringer.post_void(&sale)?;
    void.shift(sale.end + later);
    Staged::ending(vec![sale, void])
}
