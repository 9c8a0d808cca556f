//! A small panel of invented goods, for tests that must run where the real data set is not installed.

use chrono::{DateTime, TimeDelta};

use super::{BasketLine, Gathering, Panel, Product, Row};
use crate::dice::Dice;

const GOODS: &[(&str, &str)] = &[
    ("WHITE BREAD 20 OZ", "GROCERY"),
    ("WHOLE MILK 1 GA", "GROCERY"),
    ("BANANAS", "PRODUCE"),
    ("GROUND COFFEE", "GROCERY"),
    ("LARGE EGGS 12 CT", "GROCERY"),
    ("BABY FORMULA", "DRUG GM"),
    ("RAZOR BLADES", "DRUG GM"),
    ("SALAD", "SALAD BAR"),
    ("SIRLOIN STEAK", "MEAT"),
    ("CHEDDAR 8 OZ", "DELI"),
    ("BATTERIES AA", "DRUG GM"),
    ("SPIRITS", "SPIRITS"),
];

impl Panel {
    /// Makes a panel of invented baskets, eight for each hour of the week. Nothing in it is real; it is the same
    /// every time.
    ///
    /// # Errors
    /// None in practice: the panel is never empty.
    pub fn made_up() -> crate::Result<Self> {
        let mut dice = Dice::new(0, "made-up panel", &[]);
        let product = |(id, (name, department)): (i64, &(&str, &str))| Product {
            id,
            description: Some((*name).to_owned()),
            department: Some((*department).to_owned()),
        };
        let products = (1_000..).zip(GOODS).map(product).collect();
        // 2 January 2017 was a Monday; midnight there was 5 in the morning in UTC.
        let monday = DateTime::from_timestamp(1_483_333_200, 0).unwrap_or_default();
        let mut gathering = Gathering::default();
        for basket in 0..8 * 7 * 24_i64 {
            let at = monday + TimeDelta::hours(basket / 8) + TimeDelta::seconds(dice.between(0, 3_599));
            for _ in 0..dice.between(1, 12) {
                let quantity = if dice.chance(1_000) { 0 } else { 1 };
                // The dearest good makes room for a deep price override.
                let price = if dice.chance(20_000) { dice.between(3_400, 6_000) } else { dice.between(49, 1_500) };
                let price = i32::try_from(price * quantity).unwrap_or(0);
                let discount = if dice.chance(40_000) { price / 5 } else { 0 };
                gathering.add(&Row {
                    basket,
                    household: basket % 97,
                    store: 330,
                    at,
                    line: BasketLine {
                        product: dice.below(12),
                        quantity: i32::try_from(quantity).unwrap_or(1),
                        sales_minor: price - discount,
                        retail_discount_minor: discount,
                        coupon_minor: if dice.chance(2_000) { 100 } else { 0 },
                        coupon_match_minor: 0,
                    },
                });
            }
        }
        gathering.finish(products)
    }
}
