//! [`Line`]: one item of a transaction.

use crate::id::OperatorId;
use crate::{codes, record};

codes! {
    /// What a line does.
    pub enum Action {
        /// An item sold.
        Sale = "SALE",
        /// An item taken back.
        Return = "RETURN",
        /// An earlier line taken off (`voids_line_no` names it).
        Void = "VOID",
        /// A reduction.
        Discount = "DISCOUNT",
        /// A coupon.
        Coupon = "COUPON",
        /// A fee or deposit.
        Fee = "FEE",
    }

    /// How an item was entered.
    pub enum Entry {
        /// By its bar code.
        Scanned = "SCANNED",
        /// Typed in.
        Keyed = "KEYED",
        /// Picked from a list.
        Lookup = "LOOKUP",
        /// Put on the scale.
        Weighed = "WEIGHED",
        /// By radio tag.
        Rfid = "RFID",
        /// By the till itself.
        Auto = "AUTO",
        /// Another way.
        Other = "OTHER",
    }
}

record! {
    /// A price set by hand.
    pub struct PriceOverride {
        /// The till's reason code.
        reason: Option<String>,
        /// Who approved it.
        approver_id: Option<OperatorId>,
    }

    /// One line of a transaction.
    pub struct Line {
        /// Its number within the transaction, from 1.
        line_no: i32,
        /// What it does.
        action: Action,
        /// The line that this one takes off.
        voids_line_no: Option<i32>,
        /// When it was rung, exactly as the till writes it.
        line_time_raw: Option<String>,
        /// How it was entered.
        entry: Option<Entry>,
        /// GTIN in 14 digits, padded with zeros.
        gtin: Option<String>,
        /// The shop's own item number.
        plu: Option<String>,
        /// What the receipt calls it.
        description: Option<String>,
        /// Quantity in thousandths of `uom`; 0 is kept as sent.
        qty_milli: i64,
        /// Unit of the quantity (UN/ECE Recommendation 20), `EA` for pieces.
        uom: Option<String>,
        /// Price of one, in minor units.
        unit_price_minor: Option<i64>,
        /// Price of one on the shelf, in minor units.
        regular_price_minor: Option<i64>,
        /// What the line adds up to after its reductions, in minor units.
        extended_minor: i64,
        /// The reductions in it, in minor units.
        @default discount_minor: i64,
        /// Set when the price was changed by hand.
        price_override: Option<PriceOverride>,
        /// The department.
        department: Option<String>,
    }
}
