//! A dear item for a few dollars: the cashier sets the price by hand for a friend (sweethearting).
//!
//! These cases change the price of one line of a real basket, so their records name no basket.

use tillsight_schemas::pos::{Line, PriceOverride};

use super::{Case, Place, Staged};
use crate::Result;
use crate::plan::Role;
use crate::store_day::ring::Ringer;

const BASE: Case = Case {
    scenario: "price_override_deep",
    name: "price_override_deep",
    fires: true,
    why: "An item of at least 34.00 is sold 45 % below its shelf price by a price set by hand.",
    about_presence: false,
    also: &[],
    place: Place::Anywhere,
    quiet_seconds: 700,
    stage: |ringer| reduced(ringer, DEAR, 45),
};

/// Shelf prices at which a third is more than 10.00.
const DEAR: (i64, i64) = (3_400, 20_000);

pub(super) const CASES: &[Case] = &[
    BASE,
    Case {
        name: "price_override_30_percent",
        why: "An item of at least 34.00 is sold 30 % below its shelf price (rounded down to the cent, so never less than 30 %): the limit itself fires.",
        stage: |ringer| reduced(ringer, DEAR, 30),
        ..BASE
    },
    Case {
        name: "price_override_29_percent",
        fires: false,
        why: "An item of at least 36.00 is sold 29 % below its shelf price: more than 10.00, but less than 30 %.",
        stage: |ringer| reduced(ringer, (3_600, 20_000), 29),
        ..BASE
    },
    Case {
        name: "price_override_of_cheap_item",
        fires: false,
        why: "An item of 4.00 to 12.00 is sold 60 % below its shelf price: deep, but less than 10.00.",
        stage: |ringer| reduced(ringer, (400, 1_200), 60),
        ..BASE
    },
    Case {
        name: "promotion_of_half_the_price",
        fires: false,
        why: "A dear item is sold 50 % below its shelf price by a promotion of the till: nobody set a price by hand.",
        stage: |ringer| {
            let mut staged = reduced(ringer, DEAR, 50)?;
            for line in staged.events.iter_mut().flat_map(|draft| &mut draft.body.lines) {
                if line.price_override.take().is_some() {
                    line.discount_minor = line.regular_price_minor.unwrap_or(0) - line.extended_minor;
                    line.unit_price_minor = line.regular_price_minor;
                }
            }
            staged.events.iter_mut().for_each(|draft| draft.body.supervisor_id = None);
            Ok(staged)
        },
        ..BASE
    },
];

/// A sale in which one item costs so many per cent less than on the shelf.
fn reduced(ringer: &mut Ringer<'_>, (low, high): (i64, i64), percent: i64) -> Result<Staged> {
    let dear = |line: &Line| {
        line.qty_milli == 1_000
            && line.discount_minor == 0
            && line.regular_price_minor.is_some_and(|price| (low..=high).contains(&price))
    };
    let basket = ringer.find("one item of a certain price", |lines| lines.len() <= 20 && lines.iter().any(dear))?;
    let approver = ringer.approver(Role::Supervisor);
    let mut sale = ringer.sale(&basket, None)?;
    if let Some(line) = sale.body.lines.iter_mut().find(|line| dear(line)) {
        let shelf = line.regular_price_minor.unwrap_or(line.extended_minor);
        // The new price is rounded so that the reduction stays on its side of the limit.
        let price = if percent < 30 { (shelf * (100 - percent) + 99) / 100 } else { shelf * (100 - percent) / 100 };
        line.unit_price_minor = Some(price);
        line.extended_minor = price;
        line.price_override = Some(PriceOverride { reason: Some("MANUAL".to_owned()), approver_id: approver.clone() });
    }
    sale.body.supervisor_id = approver;
    sale.basket = None;
    ringer.settle(&mut sale, &basket, None);
    Staged::ending(vec![sale])
}
