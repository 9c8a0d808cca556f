//! How a basket of the panel becomes lines of the POS model.
//!
//! One SALE line for each line of the basket, in its order; a maker's coupon follows its item as a COUPON line, because
//! the shop gets that money from somebody else: it is no reduction of the price. So `qty × unit price − discount =
//! extended` holds on every SALE line that has a unit price, and the customer pays Σ SALE − Σ COUPON.

use tillsight_schemas::pos::{Action, Line};

use super::{Basket, BasketLine, Panel};

impl Panel {
    /// The lines of a basket, untouched. How they were entered and when is not in the panel.
    pub fn lines(&self, basket: &Basket) -> Vec<Line> {
        let contents = self.contents(basket);
        let mut lines = Vec::with_capacity(contents.len() + 2);
        for bought in contents {
            lines.push(self.item(bought, number(&lines)));
            if bought.coupon_minor > 0 {
                let mut coupon = blank(Action::Coupon, number(&lines));
                coupon.description = Some("MANUFACTURER COUPON".to_owned());
                coupon.qty_milli = 1_000;
                coupon.extended_minor = i64::from(bought.coupon_minor);
                lines.push(coupon);
            }
        }
        lines
    }

    fn item(&self, bought: &BasketLine, line_no: i32) -> Line {
        let product = usize::try_from(bought.product).ok().and_then(|index| self.products.get(index));
        let extended = i64::from(bought.sales_minor);
        let discount = i64::from(bought.retail_discount_minor) + i64::from(bought.coupon_match_minor);
        let quantity = i64::from(bought.quantity);
        // Three for ten dollars has no price of one in cents, nor has a thousandth of a gallon.
        let each = (quantity > 0 && (extended + discount) % quantity == 0 && extended + discount >= quantity)
            .then(|| (extended + discount) / quantity);
        Line {
            plu: product.map(|product| product.id.to_string()),
            description: product.and_then(|product| product.description.clone()),
            department: product.and_then(|product| product.department.clone()),
            qty_milli: quantity * 1_000,
            unit_price_minor: each,
            regular_price_minor: each,
            extended_minor: extended,
            discount_minor: discount,
            ..blank(Action::Sale, line_no)
        }
    }
}

/// What the customer pays for lines: goods less coupons and voided lines, never below zero (a till pays no coupon out).
pub fn basket_total(lines: &[Line]) -> i64 {
    let sum: i64 = lines
        .iter()
        .map(|line| match line.action {
            Action::Sale | Action::Return | Action::Fee => line.extended_minor,
            Action::Void | Action::Discount | Action::Coupon => -line.extended_minor,
        })
        .sum();
    sum.max(0)
}

/// Where a basket stands in the panel: the `source.position` of the record that rings it.
pub fn basket_position(basket: i64) -> String {
    format!("completejourney:basket/{basket}")
}

/// A line with nothing on it.
fn blank(action: Action, line_no: i32) -> Line {
    Line {
        line_no,
        action,
        voids_line_no: None,
        line_time_raw: None,
        entry: None,
        gtin: None,
        plu: None,
        description: None,
        qty_milli: 0,
        uom: None,
        unit_price_minor: None,
        regular_price_minor: None,
        extended_minor: 0,
        discount_minor: 0,
        price_override: None,
        department: None,
    }
}

/// The number of the next line.
pub(crate) fn number(lines: &[Line]) -> i32 {
    i32::try_from(lines.len() + 1).unwrap_or(i32::MAX)
}
